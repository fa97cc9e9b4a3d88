; Privileged state in long mode. One line a case:
;
;   NAME v=VECTOR e=CODE ip=FROM-THE-CASE'S-START cs=CS fl=FLAGS ss=SS sp=RSP h=THE-HANDLER'S-RSP
;   hs=ITS-SS a=RAX [cr2=] [dr6=]
;
; A case that comes to its end reports vector 40; where a processor lacks what a case is about,
; the line says `v=-- not offered`. Each begins in 64-bit mode with the same tables and registers:
; after each the machine is back in 32-bit protected mode without paging, where the report is
; written and everything is made anew.

%include "boot.inc"

CODE32  equ 0x08        ; compatibility mode
DATA    equ 0x10
CODE64  equ 0x18
DATAX   equ 0x20        ; behind CODE64, as SYSCALL has it
UCODE32 equ 0x2b        ; three in SYSRET's order
UDATA   equ 0x33
UCODE64 equ 0x3b
TASK    equ 0x40
LOCAL   equ 0x50        ; an LDT
CGATE   equ 0x60        ; call gate for ring 3 to `gated`
CONF    equ 0x70        ; conforming 64-bit code of ring 0
ABSENT  equ 0x78        ; data, not present
XCODE   equ 0x80        ; compatibility-mode code that cannot be read
CODE16  equ 0x88
BOTH    equ 0x90        ; code with L and D
NOCODE  equ 0x98        ; 64-bit code, not present
SMALL   equ 0xa0        ; data, base 0x1000, limit 0xff
CODE1   equ 0xa9        ; ring 1
DATA1   equ 0xb1
BASED   equ 0xb8        ; data, base 0x12345678
TIGHT   equ 0xc0        ; compatibility-mode code, limit 3, base `tight`
CODE3   equ 0xcb        ; ring 3's 64-bit code again, to be played with
TASK2   equ 0xd0        ; another TSS
HALF    equ 0xe0        ; half a call gate at the table's end

STACK   equ 0x70000
RSP0    equ 0x6f000
USTACK  equ 0x6e000
IST1    equ 0x6d009
GDT     equ 0x60000
IDT     equ 0x61000
TSS     equ 0x62000
PML4    equ 0x63000
PDPT    equ 0x64000
PD      equ 0x65000
PT      equ 0x66000
PML5    equ 0x67000
PAGE    equ 0x68000     ; a page for cases to play with
PAGE2   equ 0x69000     ; another
LDT     equ 0x6a000
AREA    equ 0x6b000
PTE     equ PT + 8 * (PAGE >> 12)
NOWHERE equ 0x1f0000    ; a page that is not mapped
LARGE   equ 0x200000    ; a 2 MiB page
BEYOND  equ 0x1000000000000000  ; no canonical address, with 57 bits either

EFER    equ 0xc0000080
STAR    equ 0xc0000081
LSTAR   equ 0xc0000082
CSTAR   equ 0xc0000083
FMASK   equ 0xc0000084
FSBASE  equ 0xc0000100
GSBASE  equ 0xc0000101
KGSBASE equ 0xc0000102

%assign case_number 0
; The next case; %2: bits of CR4 that are set before paging is.
%macro CASE 1-2 0
        int 0x40
        bits 64
[section .names]
%%name: db %1, 0
[section .table]
        dd %%name, %%code, %2
        [section .text]
        align 16
%assign case_number case_number + 1
case_ %+ case_number:                   ; local labels belong to it
%%code:
%endmacro

; Ends the case unless CPUID leaf %1 has bit %3 in register %2.
%macro NEED 3
        mov eax, %1
        xor ecx, ecx
        cpuid
        bt %2, %3
        jc %%offered
        int 0x3f
%%offered:
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
%endmacro

%define NEED_SMEP NEED 7, ebx, 7
%define NEED_INVPCID NEED 7, ebx, 10
%define NEED_SMAP NEED 7, ebx, 20
%define NEED_UMIP NEED 7, ecx, 2
%define NEED_PKU NEED 7, ecx, 3
%define NEED_FSGSBASE NEED 7, ebx, 0
%define NEED_PCID NEED 1, ecx, 17
%define NEED_XSAVE NEED 1, ecx, 26
%define NEED_AVX NEED 1, ecx, 28
%define NEED_1G NEED 0x80000001, edx, 26
%define NEED_RDTSCP NEED 0x80000001, edx, 27

%macro NEED_XSAVES 0
        mov eax, 13
        mov ecx, 1
        cpuid
        bt eax, 3
        jc %%offered
        int 0x3f
%%offered:
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
%endmacro

; Goes to ring 3, in 64-bit mode.
%macro RING3 0-1 0x2
        push UDATA
        push USTACK
        push %1
        push UCODE64
        push %%user
        iretq
%%user: xor eax, eax
%endmacro

; Goes to ring 1, in 64-bit mode.
%macro RING1 0
        push DATA1
        push USTACK
        push 2
        push CODE1
        push %%there
        iretq
%%there:
%endmacro

; Goes to compatibility mode of ring 0.
%macro COMPAT 0-1 CODE32
        push %1
        push %%there
        retfq
        bits 32
%%there:
%endmacro

; Goes to compatibility mode of ring 3.
%macro COMPAT3 0
        push UDATA
        push USTACK
        push 2
        push UCODE32
        push %%there
        iretq
        bits 32
%%there:
%endmacro

; Executes %1 and appends the vector that comes of it, or ff, to RAX.
%macro PROBE 1+
        mov qword [resume_sp], rsp
        mov qword [resume], %%on
        %1
        mov byte [probed], 0xff
%%on:   mov qword [resume], 0
        shl rax, 8
        mov al, [probed]
%endmacro

%macro CR4 1
        mov rax, cr4
        or rax, %1
        mov cr4, rax
%endmacro

%macro WRMSR 3          ; number, high, low
        mov ecx, %1
        mov edx, %2
        mov eax, %3
        wrmsr
        xor eax, eax
%endmacro

%macro READMSR 1        ; to RAX
        mov ecx, %1
        rdmsr
        shl rdx, 32
        or rax, rdx
%endmacro

; A gate's selector, kind or IST: vector and value.
%macro GATE_SELECTOR 2
        mov word [IDT + 16 * %1 + 2], %2
%endmacro
%macro GATE_IST 2
        mov byte [IDT + 16 * %1 + 4], %2
%endmacro
%macro GATE_KIND 2
        mov byte [IDT + 16 * %1 + 5], %2
%endmacro
%macro HANDLER 2
        mov word [IDT + 16 * %1], %2
%endmacro

; All pages but PAGE are the supervisor's.
%macro SUPERVISED 0
        mov ebx, PT
        mov ecx, 512
%%next: and byte [rbx], ~4
        add ebx, 8
        loop %%next
        or byte [PTE], 4
        FLUSH
%endmacro

%macro FLUSH 0
        mov rax, cr3
        mov cr3, rax
        xor eax, eax
%endmacro

section .table follows=.text align=4
table:
section .names follows=.table
names:
section .text

main:   imul eax, [first], 12
        add eax, table
        mov [current], eax
next:   mov eax, [current]
        cmp eax, table_end
        jae finish
        mov esi, [eax]
        call puts
        call environment
        jnc not_offered
        mov eax, [current]
        mov edx, [eax + 8]
        mov eax, [eax + 4]
        mov [start], eax
        ; On to long mode.
        mov eax, PML4
        test edx, 0x1000
        jz .levels4
        mov eax, PML5
.levels4:
        mov cr3, eax
        or edx, 0x20
        mov cr4, edx
        mov ecx, EFER
        xor edx, edx
        mov eax, 0x901          ; NXE, LME, SCE
        wrmsr
        mov eax, 0x80010031     ; PG, WP, NE, ET, PE
        mov cr0, eax
        jmp CODE64:begin
        bits 64
begin:  mov ax, TASK
        ltr ax
        lidt [idtr]
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        xor edi, edi
        xor ebp, ebp
        xor r8d, r8d
        xor r9d, r9d
        xor r10d, r10d
        xor r11d, r11d
        xor r12d, r12d
        xor r13d, r13d
        xor r14d, r14d
        xor r15d, r15d
        mov esp, STACK
        push 2
        popfq
        jmp [start]

        bits 32
; Everything as each case finds it. CF clear: the processor lacks what the case needs in CR4.
environment:
        cld
        xor eax, eax
        mov dr6, eax
        mov dr7, eax
        mov dr0, eax
        mov dr1, eax
        mov dr2, eax
        mov dr3, eax
        mov cr2, eax
        mov [resume], eax
        mov [resume + 4], eax
        mov edi, GDT            ; up to the IDT
        mov ecx, 0x1000 / 4
        rep stosd
        mov edi, GDT
        mov esi, gdt
        mov ecx, gdt_size
        rep movsb
        mov edi, TSS            ; and all paging structures, and pages to play with
        mov ecx, (AREA + 0x1000 - TSS) / 4
        rep stosd
        mov dword [TSS + 4], RSP0
        mov dword [TSS + 0x24], IST1
        mov word [TSS + 0x66], 0xfff ; no permission for ports
        mov dword [LDT], 0x1234ffff
        mov dword [LDT + 4], 0x00409300
        mov edi, IDT            ; interrupt gates to stubs of eight bytes
        mov ebx, stubs
        mov ecx, 0x41
.gate:  mov eax, ebx
        and eax, 0xffff
        or eax, CODE64 << 16
        stosd
        mov eax, ebx
        mov ax, 0x8e00
        stosd
        xor eax, eax
        stosd
        stosd
        add ebx, 8
        loop .gate
        mov byte [IDT + 16 * 3 + 5], 0xee
        mov byte [IDT + 16 * 0x40 + 5], 0xee
        mov byte [IDT + 16 * 0x3f + 5], 0xee
        mov dword [PML5], PML4 | 7
        mov dword [PML5 + 8], PML4 | 7
        mov dword [PML4], PDPT | 7
        mov dword [PML4 + 8 * 255], PDPT | 7    ; below the hole
        mov dword [PML4 + 8 * 256], PDPT | 7    ; above it
        mov dword [PDPT], PD | 7
        mov dword [PDPT + 8 * 511], PD | 7
        mov dword [PD], PT | 7
        mov dword [PD + 8], LARGE | 0x87
        mov dword [PD + 8 * 511], LARGE | 0x87
        mov edi, PT             ; the first 2 MiB as they are, for all rings
        mov ecx, 512
        mov eax, 7
.page:  mov [edi], eax
        add edi, 8
        add eax, 0x1000
        loop .page
        mov dword [PT + 8 * (NOWHERE >> 12)], 0
        lgdt [gdtr]
        mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        xor eax, eax
        lldt ax
        mov ecx, STAR
        mov edx, UCODE32 << 16 | CODE64
        wrmsr
        xor edx, edx
        mov ecx, LSTAR
        wrmsr
        mov ecx, CSTAR
        wrmsr
        mov ecx, FMASK
        wrmsr
        mov ecx, KGSBASE
        wrmsr
        mov ecx, 0x277          ; PAT as reset leaves it
        mov eax, 0x00070406
        mov edx, eax
        wrmsr
        mov eax, [current]
        test dword [eax + 8], 0x1000
        stc
        jz .offered
        mov eax, 7
        xor ecx, ecx
        cpuid
        bt ecx, 16              ; LA57
.offered:
        ret

; One stub a vector: pushes its number.
        bits 64
        align 8
stubs:
%assign n 0
%rep 0x41
        align 8
        push n
        jmp near caught
%assign n n + 1
%endrep

caught: mov [seen_rax], rax
        pop rax
        mov [vector], rax
        cmp qword [resume], 0
        jne resumed
        mov [seen_handler], rsp
        mov qword [code], 0
        cmp eax, 32
        jae .plain
        bt dword [coded], eax
        jnc .plain
        pop qword [code]
.plain: pop qword [seen_rip]
        pop qword [seen_cs]
        pop qword [seen_flags]
        pop qword [seen_rsp]
        pop qword [seen_ss]
        xor eax, eax
        mov ax, ss
        mov [seen_handler_ss], eax
        cld
        mov rax, cr2
        mov [seen_cr2], rax
        mov esp, STACK
        mov rax, cr4            ; PCIDE, before paging goes off
        and eax, ~0x20000
        mov cr4, rax
        push CODE32
        push .off
        retfq
        bits 32
.off:   mov ax, DATA
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov eax, 0x31
        mov cr0, eax
        xor eax, eax
        xor edx, edx
        mov ecx, EFER
        wrmsr
        mov cr4, eax
        lgdt [gdtr]
        cmp dword [vector], 0x3f
        je not_offered
        mov eax, [vector]
        FIELD "v", 2
        mov eax, [code]
        FIELD "e", 8
        mov eax, [seen_rip]
        sub eax, [start]
        cmp dword [seen_rip + 4], 0
        jne .far
        cmp eax, 0x1000
        jae .far
        FIELD "ip", 4
        jmp .near
.far:   mov esi, .elsewhere
        mov eax, [seen_rip]
        sub eax, boot
        cmp eax, program_end - boot
        jae .outside
        cmp dword [seen_rip + 4], 0
        jne .outside
        call puts
        jmp .near
.elsewhere: db " ip=elsewhere", 0       ; in this program, not in the case
.outside:
        mov eax, [seen_rip + 4]
        FIELD "ip", 8
        mov eax, [seen_rip]
        mov cl, 8
        call puthex
.near:  mov eax, [seen_cs]
        FIELD "cs", 4
        mov eax, [seen_flags]
        and eax, 0x1f4101       ; VIP, VIF, AC, VM, RF, NT, TF, CF
        FIELD "fl", 6
        mov eax, [seen_ss]
        FIELD "ss", 4
        mov eax, [seen_rsp + 4]
        FIELD "sp", 8
        mov eax, [seen_rsp]
        mov cl, 8
        call puthex
        mov eax, [seen_handler]
        FIELD "h", 6
        mov eax, [seen_handler_ss]
        FIELD "hs", 4
        mov eax, [seen_rax + 4]
        FIELD "a", 8
        mov eax, [seen_rax]
        mov cl, 8
        call puthex
        cmp dword [vector], 14
        jne .no_cr2
        mov eax, [seen_cr2 + 4]
        FIELD "cr2", 8
        mov eax, [seen_cr2]
        mov cl, 8
        call puthex
.no_cr2:
        cmp dword [vector], 1
        jne .no_dr6
        mov eax, dr6
        and eax, 0xe00f
        FIELD "dr6", 4
.no_dr6:
line:   mov al, 10
        call putc
        add dword [current], 12
        jmp next
not_offered:
        mov esi, .text
        call puts
        jmp line
.text:  db " v=-- not offered", 0

        bits 64
; A fault that a PROBE expects: on behind it.
resumed:
        mov [probed], al
        mov rsp, [resume_sp]
        mov rax, [resume]
        mov qword [resume], 0
        mov [resume_at], rax
        mov rax, [seen_rax]
        jmp [resume_at]

; Behind the call gate, to see what was pushed: RIP's distance, CS, RSP, SS.
gated:  mov rax, [rsp]
        sub eax, [start]
        shl rax, 16
        or rax, [rsp + 8]
        shl rax, 16
        mov ax, [rsp + 16]
        shl rax, 8
        mov al, [rsp + 24]
        int 0x40

; Behind SYSCALL: RCX's distance, R11.
called: mov rax, rcx
        sub eax, [start]
        shl rax, 32
        or rax, r11
        int 0x40

coded:  dd 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17

gdtr:   dw gdt_size - 1
        dd GDT, 0
idtr:   dw 0x41 * 16 - 1
        dq IDT

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff, 0x00cf93000000ffff       ; CODE32, DATA
        dq 0x00af9b000000ffff, 0x00cf93000000ffff       ; CODE64, DATAX
        dq 0x00cffb000000ffff, 0x00cff3000000ffff       ; UCODE32, UDATA
        dq 0x00affb000000ffff                           ; UCODE64
        dq 0x0000890620000fff, 0                        ; TASK
        dq 0x00008206a00000ff, 0xffff8000               ; LOCAL
        dw gated, CODE64, 0xec00, 0, 0, 0, 0, 0         ; CGATE
        dq 0x00af9f000000ffff                           ; CONF
        dq 0x00cf13000000ffff                           ; ABSENT
        dq 0x00cf99000000ffff                           ; XCODE
        dq 0x00009b000000ffff                           ; CODE16
        dq 0x00ef9b000000ffff                           ; BOTH
        dq 0x00af1b000000ffff                           ; NOCODE
        dq 0x00409300100000ff                           ; SMALL
        dq 0x00afbb000000ffff, 0x00cfb3000000ffff       ; CODE1, DATA1
        dq 0x12cf93345678ffff                           ; BASED
        dw 3, tight, 0x9b00, 0x0040                     ; TIGHT
        dq 0x00affb000000ffff                           ; CODE3
        dq 0x0000890620000067, 0                        ; TASK2
        dw gated, CODE64, 0xec00, 0                     ; HALF
gdt_size equ $ - gdt

        align 8
current: dd 0
start:  dq 0
vector: dq 0
code:   dq 0
seen_rip: dq 0
seen_cs: dq 0
seen_flags: dq 0
seen_rsp: dq 0
seen_ss: dq 0
seen_rax: dq 0
seen_cr2: dq 0
seen_handler: dq 0
seen_handler_ss: dq 0
resume: dq 0
resume_sp: dq 0
resume_at: dq 0
probed: db 0

tight:  inc eax
        nop
        mov ebx, 5              ; ends beyond the limit

%include "long-delivery.inc"
%include "long-transfers.inc"
%include "long-segments.inc"
%include "long-paging.inc"
%include "long-control.inc"
        int 0x40
program_end:

section .table
table_end:
