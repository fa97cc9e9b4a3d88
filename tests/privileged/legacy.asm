; Privileged state in 32-bit protected mode and virtual-8086 mode. One line a case:
;
;   NAME v=VECTOR e=CODE ip=FROM-THE-CASE'S-START fl=FLAGS a=EAX [cr2=] [dr6=]
;
; A case that comes to its end reports vector 40. Each begins with the same tables and registers.

%include "boot.inc"

CODE    equ 0x08
DATA    equ 0x10
UCODE   equ 0x1b
UDATA   equ 0x23
TASK    equ 0x28        ; the task that runs
OTHER   equ 0x30        ; another one
TGATE   equ 0x38        ; a task gate to it
SMALL   equ 0x40        ; data, limit 0xff
DOWN    equ 0x48        ; expand-down data, limit 0xffff, 32 bits
XCODE   equ 0x50        ; code that cannot be read
ABSENT  equ 0x58        ; data, not present
CONF    equ 0x60        ; conforming code of ring 0
CGATE   equ 0x68        ; call gate for ring 3 to `gated`, two parameters
LOCAL   equ 0x70        ; an LDT with one descriptor
TIGHT   equ 0x78        ; code, base `tight`, limit 3
CODE16  equ 0x80        ; code of 16 bits
STSS   equ 0x88        ; a TSS that is too short
CGATE16 equ 0x90        ; a 16-bit call gate to `gated16`

STACK   equ 0x70000
ESP0    equ 0x6f000
USTACK  equ 0x6e000
OSTACK  equ 0x6d000
GDT     equ 0x60000
IDT     equ 0x61000
TSS     equ 0x62000
OTSS    equ 0x64000
LDT     equ 0x65000
DIR     equ 0x66000
TABLE   equ 0x67000
PAGE    equ 0x68000     ; a page for cases to play with
V86     equ 0x5000      ; code of virtual-8086 mode
VSTACK  equ 0x6ff0

%assign case_number 0
%macro CASE 1
        int 0x40
[section .names]
%%name: db %1, 0
[section .table]
        dd %%name, %%code
        [section .text]
        align 16
%assign case_number case_number + 1
case_ %+ case_number:
%%code:
%endmacro

; Goes to ring 3, with IOPL 3 unless other flags are given.
%macro RING3 0-1 0x3002
        push UDATA
        push USTACK
        push dword %1
        push UCODE
        push %%user
        iretd
%%user: mov ax, UDATA
        mov ds, ax
        mov es, ax
        xor eax, eax
%endmacro

; Goes to V86:0 with these flags; what follows up to ENDV86 is copied there.
%macro V86MODE 1
        mov esi, %%code
        mov edi, V86
        mov ecx, 64
        rep movsb
        xor eax, eax
        push eax
        push eax
        push eax
        push eax
        push eax
        push VSTACK
        push dword 0x20002 | %1
        push V86 >> 4
        push eax
        iretd
        bits 16
%%code:
%endmacro

%macro ENDV86 0
        int3
        bits 32
%endmacro

%macro CR4 1
        mov eax, cr4
        or eax, %1
        mov cr4, eax
%endmacro

; All pages but PAGE are the supervisor's.
%macro SUPERVISED 0
        mov ebx, TABLE
        mov ecx, 1024
%%next: and byte [ebx], ~4
        add ebx, 4
        loop %%next
        or byte [TABLE + 4 * (PAGE >> 12)], 4
%endmacro

%macro PAGING 0
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
%endmacro

section .table follows=.text align=4
table:
section .names follows=.table
names:
section .text

main:   mov dword [current], table
.next:  mov eax, [current]
        cmp eax, table_end
        jae finish
        call environment
        mov eax, [current]
        mov eax, [eax + 4]
        mov [start], eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
        mov esp, STACK
        push 2
        popfd
        push dword [start]
        xor eax, eax
        ret

; Everything as each case finds it.
environment:
        cld
        mov eax, 0x31
        mov cr0, eax
        xor eax, eax
        mov cr3, eax
        mov cr4, eax
        mov dr6, eax
        mov dr7, eax
        mov cr2, eax
        mov edi, GDT
        mov esi, gdt
        mov ecx, gdt_size / 4
        rep movsd
        mov edi, TSS            ; both TSSs
        mov ecx, 0x3000 / 4
        xor eax, eax
        rep stosd
        mov dword [TSS + 4], ESP0
        mov word [TSS + 8], DATA
        mov word [TSS + 0x66], 0x88
        mov dword [OTSS + 0x20], other
        mov dword [OTSS + 0x24], 2
        mov dword [OTSS + 0x28], 0x1111
        mov dword [OTSS + 0x2c], 0x2222
        mov dword [OTSS + 0x38], OSTACK
        mov dword [OTSS + 0x1c], DIR
        mov eax, DATA
        mov [OTSS + 0x48], ax
        mov [OTSS + 0x50], ax
        mov [OTSS + 0x54], ax
        mov [OTSS + 0x58], ax
        mov [OTSS + 0x5c], ax
        mov word [OTSS + 0x4c], CODE
        mov dword [LDT], 0x1234ffff
        mov dword [LDT + 4], 0x00409300
        mov edi, IDT            ; interrupt gates to stubs of eight bytes
        mov ebx, stubs
        mov ecx, 0x41
.gate:  mov eax, ebx
        and eax, 0xffff
        or eax, CODE << 16
        stosd
        mov eax, ebx
        mov ax, 0x8e00
        stosd
        add ebx, 8
        loop .gate
        mov byte [IDT + 8 * 3 + 5], 0xee
        mov byte [IDT + 8 * 0x40 + 5], 0xee
        mov edi, DIR            ; the first 4 MiB as they are, for all rings
        mov ecx, 1024
        xor eax, eax
        rep stosd
        mov dword [DIR], TABLE | 7
        mov edi, TABLE
        mov ecx, 1024
        mov eax, 7
.page:  stosd
        add eax, 0x1000
        loop .page
        mov eax, DIR
        mov cr3, eax
        lgdt [gdtr]
        lidt [idtr]
        mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        xor eax, eax
        lldt ax
        mov ax, TASK
        ltr ax
        ret

; One stub a vector: pushes its number.
        align 8
stubs:
%assign n 0
%rep 0x41
        align 8
        push dword n
        jmp near caught
%assign n n + 1
%endrep

caught: push eax
        push ds
        mov ax, DATA
        mov ds, ax
        mov es, ax
        pop dword [seen_ds]
        pop dword [seen_eax]
        mov ax, ss
        mov [seen_ss], eax
        pop dword [vector]
        mov eax, [vector]
        mov dword [code], 0
        cmp eax, 32
        jae .plain
        bt dword [coded], eax
        jnc .plain
        pop dword [code]
.plain: pop dword [seen_eip]
        pop dword [seen_cs]
        pop dword [seen_flags]
        cld
        mov ax, DATA
        mov ss, ax
        mov esp, STACK
        mov esi, [current]
        mov esi, [esi]
        call puts
        mov eax, [vector]
        FIELD "v", 2
        mov eax, [code]
        FIELD "e", 8
        mov eax, [seen_eip]
        test dword [seen_flags], 0x20000
        jnz .raw
        cmp eax, V86 + 0x1000
        jb .raw
        sub eax, [start]
.raw:   FIELD "ip", 4
        mov eax, [seen_flags]
        and eax, 0x1f4101       ; VIP, VIF, AC, VM, RF, NT, TF, CF
        FIELD "fl", 6
        mov eax, [seen_eax]
        FIELD "a", 8
        cmp dword [vector], 14
        jne .no_cr2
        mov eax, cr2
        FIELD "cr2", 8
.no_cr2:
        cmp dword [vector], 1
        jne .no_dr6
        mov eax, dr6
        and eax, 0xe00f
        FIELD "dr6", 4
.no_dr6:
        mov al, 10
        call putc
        mov eax, cr0            ; paging off
        and eax, 0x7fffffff
        mov cr0, eax
        add dword [current], 8
        jmp main.next

coded:  dd 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17

; The other task.
other:  mov [other_ran], eax
        int 0x40

; Behind the call gates: the parameters and what lies above them.
gated:  mov eax, [esp + 8]
        shl eax, 8
        or eax, [esp + 12]
        shl eax, 16
        mov ax, [esp + 20]      ; the old SS
        int 0x40
gated16:
        mov ax, [esp + 4]
        int 0x40

gdtr:   dw gdt_size - 1
        dd GDT
idtr:   dw 0x41 * 8 - 1
        dd IDT

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff, 0x00cf93000000ffff       ; CODE, DATA
        dq 0x00cffb000000ffff, 0x00cff3000000ffff       ; UCODE, UDATA
        dq 0x0000890620000fff, 0x0000890640000067       ; TASK, OTHER
        dq 0x0000850000300000                           ; TGATE
        dq 0x00409300000000ff                           ; SMALL
        dq 0x004097000000ffff                           ; DOWN
        dq 0x00cf99000000ffff                           ; XCODE
        dq 0x00cf13000000ffff                           ; ABSENT
        dq 0x00cf9f000000ffff                           ; CONF
        dw gated, CODE, 0xec02, 0                       ; CGATE
        dq 0x00008206500000ff                           ; LOCAL
        dw 3, tight, 0x9b00, 0x0040                     ; TIGHT
        dq 0x00009b000000ffff                           ; CODE16
        dq 0x0000890640000066                           ; STSS
        dw gated16, CODE, 0xe400, 0                     ; CGATE16
gdt_size equ $ - gdt

        align 4
current: dd 0
start:  dd 0
vector: dd 0
code:   dd 0
seen_eip: dd 0
seen_cs: dd 0
seen_flags: dd 0
seen_eax: dd 0
seen_ds: dd 0
seen_ss: dd 0
other_ran: dd 0
bounds: dd 5, 9

tight:  inc eax
        inc eax
        mov ebx, 5              ; ends beyond the limit

%include "legacy-cases.inc"
        int 0x40

section .table
table_end:
section .names
        align 4
loaded: dd MAGIC
