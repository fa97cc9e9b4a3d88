; What every processor does in ring 0 and out of it, and software in its place likes to get wrong:
; a KVM is asked for opinions only if it gets all of this right.

%include "boot.inc"
%include "frame.inc"

CASE "the end of a case"

CASE "a scalar SSE load"
        CR4 0x200
        mov dword [PAGE], 0x600df00d
        movsd xmm0, [PAGE]
        movd eax, xmm0

CASE "GDTR read back"
        sgdt [PAGE]
        mov eax, [PAGE + 2]

CASE "IDTR read back"
        sidt [PAGE]
        mov eax, [PAGE + 2]

CASE "GDTR read in ring 3"
        RING3
        sgdt [PAGE]
        mov eax, [PAGE + 2]

CASE "TR read in ring 3"
        RING3
        str ax

CASE "the task is busy"
        mov cx, TASK
        lar eax, cx

CASE "IOPL by POPF"
        push 0x3002
        popfd
        pushfd
        pop eax

CASE "IOPL by POPF in ring 3"
        RING3 0x0002
        push 0x3002
        popfd
        pushfd
        pop eax

CASE "CR0 with paging"
        PAGING
        mov eax, cr0

CASE "CR0 in ring 3"
        RING3
        mov eax, cr0

CASE "a single step"
        push 0x102
        popfd
        nop
        nop

CASE "an absent page"
        and dword [TABLE + 4 * (PAGE >> 12)], ~1
        PAGING
        mov eax, [PAGE]

CASE "a page that is read only, in ring 0"
        and dword [TABLE + 4 * (PAGE >> 12)], ~2
        PAGING
        mov [PAGE], eax

CASE "the accessed bit"
        PAGING
        mov eax, [PAGE]
        mov eax, [TABLE + 4 * (PAGE >> 12)]

CASE "the accessed and the dirty bit"
        PAGING
        mov [PAGE], eax
        mov eax, [TABLE + 4 * (PAGE >> 12)]

CASE "a task switch"
        jmp TGATE:0

ENDCASES
