; Privileged state in real mode, with larger segments, with A20 closed, and the ways between the modes.
;
; What a handler of real mode finds is told in the same form as that of protected mode.

%define SETUP call real_setup
%include "boot.inc"
%include "frame.inc"

IVT     equ 0x4000
RSTACK  equ 0x7000
LOW     equ 0x600       ; a doubleword, and the one that is it too while A20 is closed
HIGH    equ 0x100600

; Real mode; %1: what the data segments were loaded with, and so keep the limit and size of.
%macro REALMODE 0-1 DATA16
        lidt [ivtr]
        mov ax, %1
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ax, DATA16
        mov ss, ax
        mov esp, RSTACK
        jmp CODE16:%%sixteen
        bits 16
%%sixteen:
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0:%%real
%%real: xor eax, eax
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
%endmacro

%macro ENDREAL 0
        int 0x40
        bits 32
%endmacro

; The segments of protected mode, with CR0.PE set.
%macro FLAT 0
        jmp dword CODE:%%flat
        bits 32
%%flat: mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
%endmacro

; Back to protected mode.
%macro PROTECTED 0
        mov eax, cr0
        or al, 1
        mov cr0, eax
        FLAT
        lidt [idtr]
%endmacro

; A handler in real mode: vector and code.
%macro VECTOR 2
        mov word [IVT + 4 * %1], %2
%endmacro

; Opens (2) or closes (0) A20.
%macro A20 1
        in al, 0x92
        and al, 0xfc
        or al, %1
        out 0x92, al
%endmacro

real_setup:
        mov edi, IVT
        mov eax, real_stubs
        mov ecx, 0x41
.next:  mov [edi], eax          ; segment zero
        add edi, 4
        add eax, 16
        loop .next
        mov dword [LOW], 0x22
        mov dword [HIGH], 0x11
        mov byte [0x10000], 0xcc        ; where processors go that do not look at the limit
        ret

        bits 16
        align 16
real_stubs:
%assign n 0
%rep 0x41
        align 16
        mov byte [cs:vector], n
        jmp real_caught
%assign n n + 1
%endrep

real_caught:
        mov [cs:seen_eax], eax
        xor eax, eax
        pop ax
        mov [cs:seen_eip], eax
        pop ax
        mov [cs:seen_cs], eax
        pop ax
        mov [cs:seen_flags], eax
        mov dword [cs:code], 0
        o32 lgdt [cs:gdtr]
        PROTECTED
        mov esp, STACK
        cld
        call real_setup
        jmp told

ivtr:   dw 4 * 0x41 - 1
        dd IVT

; --- exceptions and interrupts (SDM volume 3, 21.1.4; volume 2, INT n) ---

CASE "divide by zero in real mode"
        REALMODE
        div al
        ENDREAL
CASE "UD2 in real mode"
        REALMODE
        ud2
        ENDREAL
CASE "INT3 in real mode"
        REALMODE
        int3
        ENDREAL
CASE "INTO in real mode"
        REALMODE
        mov al, 0x7f
        add al, 1
        into
        ENDREAL
CASE "BOUND in real mode"
        REALMODE
        mov dword [LOW], 0x90005
        mov ax, 4
        bound ax, [LOW]
        ENDREAL
CASE "sixteen bytes of prefixes in real mode"
        REALMODE
        times 15 db 0x66
        nop
        ENDREAL
CASE "instructions of protected mode in real mode"
        REALMODE
        VECTOR 6, .skip
        xor cx, cx
        lldt ax
        ltr ax
        sldt ax
        str ax
        verr ax
        verw ax
        lar ax, ax
        lsl ax, ax
        arpl ax, ax
        nop
        mov ax, cx
        jmp .end
.skip:  inc cx                          ; three bytes each
        mov bp, sp
        add word [bp], 3
        iret
.end:
        ENDREAL
CASE "INT n in real mode clears TF, IF and AC"
        REALMODE
        VECTOR 0x20, .handler
        push dword 0x44ad7              ; AC, NT, OF, IF
        popfd
        int 0x20
.handler:
        pushfd
        pop eax
        VECTOR 0x20, real_stubs + 16 * 0x20
        ENDREAL
CASE "INT n beyond the limit of the table in real mode"
        REALMODE
        o32 lidt [.short]
        int 0x20
.short: dw 0x3f
        dd IVT
        ENDREAL
CASE "a fault beyond the limit of the table in real mode"
        REALMODE
        o32 lidt [.none]
        ud2
.none:  dw 0
        dd IVT
        ENDREAL
CASE "POPFD in real mode"
        REALMODE
        push dword 0x3f7cd7
        popfd
        pushfd
        pop eax
        push word 2
        popf
        ENDREAL
CASE "IRETD in real mode"
        REALMODE
        push dword 0x3e7cd7
        push dword 0
        push dword .on
        iretd
.on:    pushfd
        pop eax
        push word 2
        popf
        ENDREAL
CASE "IRET in real mode keeps the upper flags"
        REALMODE
        push dword 0x240002
        popfd
        push word 0x7002
        push word 0
        push word .on
        iret
.on:    pushfd
        pop eax
        push word 2
        popf
        ENDREAL
CASE "single step in real mode"
        REALMODE
        push word 0x102
        popf
        nop
        nop
        ENDREAL
CASE "instruction breakpoint in real mode"
        REALMODE
        mov eax, .here
        mov dr0, eax
        mov eax, 0x402
        mov dr7, eax
        nop
.here:  nop
        ENDREAL
CASE "data breakpoint in real mode"
        REALMODE
        mov eax, LOW
        mov dr0, eax
        mov eax, 0xd0402
        mov dr7, eax
        mov ax, LOW >> 4
        mov ds, ax
        mov byte [3], 1
        nop
        nop
        ENDREAL

; --- segments (21.1.1) ---

CASE "a word at offset 0xffff in real mode"
        REALMODE
        mov bx, 0xffff
        mov ax, [bx]
        ENDREAL
CASE "a doubleword at offset 0xfffd in real mode"
        REALMODE
        mov bx, 0xfffd
        mov eax, [bx]
        ENDREAL
CASE "an offset above 64 KiB in real mode"
        REALMODE
        mov ebx, 0x10000
        mov al, [ebx]
        ENDREAL
CASE "POP at offset 0xffff in real mode"
        REALMODE
        mov sp, 0xffff
        pop ax
        ENDREAL
CASE "PUSH wraps in real mode"
        REALMODE
        mov sp, 0
        push ax
        mov ax, sp
        ENDREAL
CASE "a fault without a stack in real mode"
        REALMODE
        mov sp, 1
        push ax
        ENDREAL
CASE "near jump beyond 64 KiB in real mode"
        REALMODE
        mov eax, 0x10000
        jmp eax
        ENDREAL
CASE "far jump beyond 64 KiB in real mode"
        REALMODE
        jmp dword 0:0x10000
        ENDREAL
CASE "code that runs beyond 64 KiB in real mode"
        REALMODE
        mov byte [0xffff], 0x90
        mov bx, 0xffff
        jmp bx
        ENDREAL
CASE "far call and return in real mode"
        REALMODE
        call 0x100:.far - 0x1000
        mov bx, cs
        shl ebx, 16
        mov bx, sp
        xor eax, ebx
        jmp .end
.far:   mov bp, sp
        mov ax, cs
        shl eax, 16
        mov ax, [bp + 2]
        retf
.end:
        ENDREAL
CASE "segments of 4 GiB in real mode"
        REALMODE DATA
        mov eax, [dword GDT + 8]
        ENDREAL
CASE "segments of 4 GiB in real mode, in code of 16 bits"
        REALMODE DATA
        mov ebx, GDT
        mov si, 0x700
        mov word [si], 0x1234
        mov ax, [si]
        shl eax, 16
        mov ax, [ebx + 8 + 4]
        ENDREAL
CASE "a small limit stays in real mode"
        REALMODE SMALL
        mov bl, [0xff]
        mov bl, [0x100]
        ENDREAL
CASE "a stack of 32 bits in real mode"
        lidt [ivtr]
        jmp CODE16:.sixteen             ; SS stays that of protected mode
        bits 16
.sixteen:
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0:.real
.real:  mov ax, 0x1000
        mov ss, ax
        mov esp, 0x60000
        push word 0x5678
        xor eax, eax
        mov ss, ax
        mov ax, [dword 0x6fffe]
        shl eax, 16
        mov bx, sp
        mov ax, bx
        mov esp, RSTACK
        ENDREAL

; --- control registers and tables (2.5; volume 2, LGDT) ---

CASE "LMSW enters protected mode"
        REALMODE
        smsw ax
        or al, 1
        lmsw ax
        FLAT
        mov esp, STACK
        lidt [idtr]
        mov eax, cr0
CASE "LGDT of 16 bits loads 24 bits of the base"
        REALMODE
        lgdt [.table]
        o32 sgdt [LOW]
        mov eax, [LOW + 2]
        jmp .end
.table: dw 0xff
        dd 0xab123456
.end:
        ENDREAL
CASE "LGDT of 32 bits in real mode"
        REALMODE
        o32 lgdt [.table]
        sgdt [LOW]
        mov eax, [LOW + 2]
        jmp .end
.table: dw 0xff
        dd 0xab123456
.end:
        ENDREAL
CASE "privileged instructions in real mode"
        REALMODE
        clts
        mov ecx, 0xc0000080
        rdmsr
        mov eax, cr4
        mov cr4, eax
        invlpg [0]
        wbinvd
        ENDREAL
CASE "paging without protection"
        REALMODE
        mov eax, 0x80000010
        mov cr0, eax
        ENDREAL
CASE "RSM in real mode"
        REALMODE
        rsm
        ENDREAL

; --- A20 (9.7, 21.1.1) ---

CASE "A20 open"
        mov ebx, [HIGH]
        mov eax, ebx
CASE "A20 closed"
        A20 0
        mov ebx, [HIGH]
        A20 2
        mov eax, ebx
        shl eax, 8
        or eax, [HIGH]
CASE "a write with A20 closed"
        A20 0
        mov dword [HIGH], 0x33
        A20 2
        mov eax, [HIGH]
        shl eax, 8
        or eax, [LOW]
        call real_setup_again
CASE "A20 closed behind paging"
        mov dword [TABLE + 4 * (PAGE >> 12)], 0x100007
        PAGING
        A20 0
        mov ebx, [PAGE + (HIGH & 0xfff)]
        A20 2
        mov ecx, cr3
        mov cr3, ecx
        mov eax, ebx
        shl eax, 8
        or eax, [PAGE + (HIGH & 0xfff)]
CASE "A20 closed and the odd megabytes"
        mov dword [HIGH + 0x100000], 0x44
        mov dword [HIGH + 0x200000], 0x55
        A20 0
        mov ebx, [HIGH + 0x100000]
        mov ecx, [HIGH + 0x200000]
        A20 2
        mov eax, ebx
        shl eax, 8
        or eax, ecx
CASE "code with A20 closed"
        mov dword [LOW], 0x9090c340     ; inc eax, ret
        mov dword [HIGH], 0x9090c348    ; dec eax, ret
        mov ecx, HIGH
        xor eax, eax
        call ecx
        mov ebx, eax
        A20 0
        xor eax, eax
        call ecx
        mov edx, eax
        A20 2
        mov eax, edx
        shl eax, 16
        mov ax, bx
        call real_setup_again
CASE "the high memory area of real mode"
        REALMODE
        mov ax, 0xffff
        mov ds, ax
        mov ebx, [HIGH - 0xffff0]
        A20 0
        mov ecx, [HIGH - 0xffff0]
        A20 2
        mov eax, ebx
        shl eax, 8
        or eax, ecx
        ENDREAL

; --- between modes (10.9, 10.8.5) ---

CASE "from real mode to protected mode and on without a jump"
        REALMODE
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov ax, DATA                    ; CS is still that of real mode
        mov ds, ax
        mov eax, [dword GDT + 8]
        mov ebx, eax
        FLAT
        mov esp, STACK
        lidt [idtr]
        mov eax, ebx
CASE "CPL behind an entry to protected mode"
        REALMODE
        mov ax, 0x1003                  ; its low bits are no RPL
        mov ss, ax
        PROTECTED
        mov esp, STACK
        mov ax, cs
CASE "from real mode to 64-bit mode at once"
        LONG_TABLES
        REALMODE
        mov eax, cr4
        or al, 0x20
        mov cr4, eax
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or ax, 0x100
        wrmsr
        mov eax, cr0
        or eax, 0x80000001
        mov cr0, eax
        jmp dword CODE64:.long
        bits 64
.long:  mov rbx, 0x1234567800000000
        mov ecx, 0xc0000080
        rdmsr
        shr rbx, 32
        or ebx, eax
        mov esp, STACK
        TO32
        mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        lidt [idtr]
        mov eax, ebx
CASE "from 64-bit mode to real mode"
        TO64 .long
        bits 64
.long:  mov ebx, 0x77
        TO32
        xor eax, eax
        mov cr4, eax
        REALMODE
        mov ax, bx
        ENDREAL
CASE "from virtual-8086 mode to real mode"
        HANDLER 0x20, .handler
        GATE_KIND 0x20, 0xee
        V86MODE 0x3000
        mov bx, 0x4321
        int 0x20
        ENDV86
.handler:
        mov ax, DATA
        mov ds, ax
        REALMODE
        mov ax, bx
        ENDREAL

real_setup_again:
        push eax
        call real_setup
        pop eax
        ret
ENDCASES
