; System management mode: SMIs by port 0xb2 of a PIIX4, SMRAM of a 440FX.
;
; SMBASE is 0x50000, in RAM that everybody sees. Each case has a handler of its own; what it leaves in `result` and `count`
; becomes EAX.

%define SETUP call smm_setup
%include "boot.inc"
%include "frame.inc"

SMRAM   equ 0xa0000
SMBASE  equ 0x50000
SMM_AT  equ SMBASE + 0x8000
CODE64  equ STSS        ; this selector becomes 64-bit code
PML4    equ 0x69000
APIC    equ 0xfee00000

; Writes %2 to the SMRAM register of the host bridge (%1: 0) or to DEVACTB's highest byte (1).
%macro CHIPSET 2
%if %1 == 0
        mov eax, 0x80000070
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcfe
%else
        mov eax, 0x80000b58
        mov dx, 0xcf8
        out dx, eax
        mov dx, 0xcff
%endif
        mov al, %2
        out dx, al
%endmacro

OPENED  equ 0x4a
CLOSED  equ 0x0a

; The handler from here to ENDSMM, 16-bit code; it is placed and what it counts is cleared.
%macro SMM 0
        mov esi, %%code
        mov edi, SMM_AT
        mov ecx, 128
        rep movsb
        xor eax, eax
        mov [result], eax
        mov [count], eax
        jmp %%over
        bits 16
%%code:
%push smm
%define %$over %%over
%endmacro

%macro ENDSMM 0
        rsm
        bits 32
%$over:
%pop
%endmacro

; Keeps EAX for the case. In the handler, DS begins at zero and has 4 GiB.
%macro KEEP 0
        mov [dword result], eax
%endmacro

%macro SMI 0
        out 0xb2, al
        nop
%endmacro

; Waits until the serial line has sent the case's name: Bochs ends itself with the machine. Where there is
; no serial line its status reads all ones.
%macro SAID 0
        mov dx, 0x3fd
%%wait: in al, dx
        test al, 0x40
        jz %%wait
%endmacro

; To 64-bit code at %1, with the first 4 MiB as they are.
%macro TO64 1
        mov edi, PML4
        mov ecx, 0x3000 / 4
        xor eax, eax
        rep stosd
        mov dword [PML4], PML4 + 0x1003
        mov dword [PML4 + 0x1000], PML4 + 0x2003
        mov dword [PML4 + 0x2000], 0x83
        mov dword [PML4 + 0x2008], 0x200083
        mov dword [GDT + CODE64], 0xffff
        mov dword [GDT + CODE64 + 4], 0x00af9b00
        CR4 0x20
        mov eax, PML4
        mov cr3, eax
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x100
        wrmsr
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        jmp CODE64:%1
%endmacro

; Back to 32-bit code without paging.
%macro TO32 0
        push CODE
        push %%back
        o64 retf
        bits 32
%%back: mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov ecx, 0xc0000080
        rdmsr
        and eax, ~0x100
        wrmsr
%endmacro

smm_setup:
        CHIPSET 1, 2
        CHIPSET 0, OPENED
        mov esi, relocate
        mov edi, 0x38000
        mov ecx, 32
        rep movsb
        mov esi, relocate_again
        mov edi, SMRAM + 0x8000
        mov ecx, 32
        rep movsb
        out 0xb2, al
        times 16 nop
        CHIPSET 0, CLOSED
        ret

        bits 16
relocate:                       ; from where it is after reset
        mov dword [dword 0x3ff00], SMBASE
        rsm
relocate_again:                 ; from where BIOSes move it
        mov dword [dword SMRAM + 0xff00], SMBASE
        rsm
        bits 32

        align 4
result: dd 0
count:  dd 0

%include "smm-cases.inc"
ENDCASES
