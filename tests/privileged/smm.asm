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
APIC    equ 0xfee00000
IOAPIC  equ 0xfec00000

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
