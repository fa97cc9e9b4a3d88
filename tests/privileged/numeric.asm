; x87 errors, with CR0.NE and as a PC/AT has them: FERR#, IRQ 13, port 0xf0 (SDM volume 1, 8.7).

%include "boot.inc"
%include "frame.inc"

IRQ13   equ 0x2d

; Only IRQ 13 comes, as vector 0x2d; x87 with #Z unmasked and CR0.NE clear.
%macro NUMERIC 0
        fninit
        xor eax, eax
        out 0xf0, al
        call pics
        mov eax, cr0
        and eax, ~0x20
        mov cr0, eax
        fldcw [control]
%endmacro

; 1 / 0
%macro DIVIDE 0
        fld1
        fldz
        fdivp
%endmacro

; Both 8259s anew.
pics:   mov al, 0x11
        out 0x20, al
        out 0xa0, al
        mov al, 0x20
        out 0x21, al
        mov al, 0x28
        out 0xa1, al
        mov al, 4
        out 0x21, al
        mov al, 2
        out 0xa1, al
        mov al, 1
        out 0x21, al
        out 0xa1, al
        mov al, 0xfb
        out 0x21, al
        mov al, 0xdf
        out 0xa1, al
        ret

; Makes `handler` that of IRQ 13.
%macro HANDLED 0
        mov dword [count], 0
        mov eax, handler
        mov [IDT + 8 * IRQ13], ax
        shr eax, 16
        mov [IDT + 8 * IRQ13 + 6], ax
%endmacro

; What the handler of IRQ 13 in a PC does, but for the numeric part.
handler:
        push eax
        inc dword [count]
        xor eax, eax
        out 0xf0, al
        mov al, 0x20
        out 0xa0, al
        out 0x20, al
        pop eax
        iretd

        align 4
count:  dd 0
control: dw 0x37b

CASE "with NE"
        fninit
        fldcw [control]
        DIVIDE
        fwait
        fninit
CASE "with NE at an instruction that does not wait"
        fninit
        fldcw [control]
        DIVIDE
        fnstsw ax
        fninit
CASE "without NE"
        NUMERIC
        DIVIDE
        sti
        fwait
        nop
CASE "port 0xf0 takes IRQ 13 away"
        NUMERIC
        HANDLED
        DIVIDE
        sti
        fwait
        nop
        cli
        fnclex
        mov eax, [count]
CASE "IGNNE lets instructions through"
        NUMERIC
        HANDLED
        DIVIDE
        sti
        fwait
        fld1
        fld1
        cli
        fnstsw ax
        fnclex
        shl eax, 16
        mov ax, [count]
CASE "FNCLEX ends IGNNE"
        NUMERIC
        HANDLED
        DIVIDE
        sti
        fwait
        nop
        fnclex
        DIVIDE
        fwait
        nop
        cli
        fnclex
        mov eax, [count]
CASE "FNINIT ends an error"
        NUMERIC
        HANDLED
        DIVIDE
        fninit
        sti
        fwait
        nop
        cli
        mov eax, [count]
CASE "a masked error is none"
        NUMERIC
        HANDLED
        fninit
        sti
        DIVIDE
        fwait
        nop
        cli
        mov eax, [count]
ENDCASES
