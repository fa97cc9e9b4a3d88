; Runs cases of the oracle bare, in 64-bit mode at CPL 3, and prints a hash of each outcome on the first
; serial line. tests/bochs.rs makes the disk image: this program, what the data pages hold (from sector
; BACKGROUND on), and the cases, each in a record of four sectors from sector CASES on:
;
;   0 general registers   128 RIP   136 RFLAGS   160 length of the code   168 the code
;   200 how many patches  202 the patches: offset, length (two bytes each), bytes
;   1024 an XSAVE area

BACKGROUND equ 32
CASES   equ 64
SECTORS equ 8                           ; of this program, behind the boot sector

DATA_AT equ 0x400000                    ; where the layout's pages lie
CODE_AT equ 0x500000
KEPT    equ 0x410000                    ; what the data pages hold
RECORD  equ 0x300000
RESULT     equ 0x301000                    ; the outcome: registers as in a record
LINEAR  equ 0x20c00000                  ; the code's linear address
PML4    equ 0x10000
PDPT    equ 0x11000
PD      equ 0x12000
PT_DATA equ 0x13000
PT_CODE equ 0x14000
IDT     equ 0x15000
TSS     equ 0x16000
STACK   equ 0x90000
COM1    equ 0x3f8

        org 0x7c00
        bits 16
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        mov ax, 0x0200 | SECTORS
        mov bx, 0x7e00
        mov cx, 2
        xor dh, dh
        int 0x13
        cli
        in al, 0x92
        or al, 2
        and al, 0xfe
        out 0x92, al
        mov al, 0xff
        out 0x21, al
        out 0xa1, al
        lgdt [gdtr]
        mov eax, 1
        mov cr0, eax
        jmp 0x08:flat
        times 510 - ($ - $$) db 0
        dw 0xaa55
count:  dd 0                            ; how many cases: written into the image
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
        dq 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0
        dq 0x0000890160000067, 0
gdtr:   dw $ - gdt - 1
        dq gdt
idtr:   dw 32 * 16 - 1
        dq IDT

        bits 32
flat:   mov ax, 0x18
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACK
        mov edi, PML4
        mov ecx, 0x7000 / 4
        xor eax, eax
        rep stosd
        mov dword [PML4], PDPT | 7
        mov dword [PDPT], PD | 7
        mov eax, 0x83                   ; 16 MiB as they are, for ring 0
        mov edi, PD
.large: mov [edi], eax
        add edi, 8
        add eax, 0x200000
        cmp edi, PD + 8 * 8
        jb .large
        mov dword [PD + 8 * 0x104], PT_DATA | 7
        mov dword [PD + 8 * 0x106], PT_CODE | 7
        mov dword [PT_DATA], DATA_AT | 7
        mov dword [PT_DATA + 4], 0x80000000
        mov dword [PT_DATA + 8], DATA_AT + 0x1000 | 7
        mov dword [PT_DATA + 12], 0x80000000
        mov dword [PT_DATA + 16], DATA_AT + 0x2000 | 5
        mov dword [PT_DATA + 20], 0x80000000
        mov dword [PT_CODE], CODE_AT | 7
        mov dword [PT_CODE + 8], CODE_AT + 0x1000 | 7
        mov dword [TSS + 4], STACK
        mov edi, IDT
        mov ebx, stubs
        mov ecx, 32
.gate:  mov eax, ebx
        and eax, 0xffff
        or eax, 0x10 << 16
        stosd
        mov dword [edi], 0xee00
        add edi, 12
        add ebx, 16
        loop .gate
        mov eax, PML4
        mov cr3, eax
        mov eax, 0x40620                ; OSXSAVE, OSXMMEXCPT, OSFXSR, PAE
        mov cr4, eax
        xor ecx, ecx
        xor edx, edx
        mov eax, 7
        xsetbv
        mov ecx, 0xc0000080
        mov eax, 0x900
        wrmsr
        mov eax, 0x80010033
        mov cr0, eax
        jmp 0x10:main

; The general registers as they are numbered.
%define r0 rax
%define r1 rcx
%define r2 rdx
%define r3 rbx
%define r5 rbp
%define r6 rsi
%define r7 rdi

        bits 64
main:   mov ax, 0x40
        ltr ax
        lidt [idtr]
        mov ecx, 0xc0000100
        xor edx, edx
        mov eax, 0x24680
        wrmsr
        inc ecx
        mov eax, 0x12340
        wrmsr
        mov dx, COM1 + 3                ; 115200 baud, eight bits
        mov al, 0x83
        out dx, al
        mov dx, COM1
        mov al, 1
        out dx, al
        inc dx
        mov al, 0
        out dx, al
        mov dx, COM1 + 3
        mov al, 3
        out dx, al
        mov edi, KEPT
        mov ebx, BACKGROUND
        mov ecx, 24
        call read
        mov esi, KEPT + 0x2000          ; the page that can only be read
        mov edi, DATA_AT + 0x2000
        mov ecx, 512
        rep movsq
        xor r15d, r15d

next:   cmp r15d, [count]
        jae finish
        mov edi, RECORD
        lea ebx, [r15 * 4 + CASES]
        mov ecx, 4
        call read
        mov [number], r15d
        mov esi, KEPT
        mov edi, DATA_AT
        mov ecx, 0x2000 / 8
        rep movsq
        mov edi, CODE_AT
        mov ecx, 0x2000
        mov al, 0xcc
        rep stosb
        movzx edx, word [RECORD + 200]
        mov esi, RECORD + 202
.patch: test edx, edx
        jz .code
        xor eax, eax
        lodsw
        lea edi, [rax + DATA_AT]
        lodsw
        mov ecx, eax
        rep movsb
        dec edx
        jmp .patch
.code:  mov rdi, [RECORD + 128]
        add rdi, CODE_AT - LINEAR
        mov esi, RECORD + 168
        mov ecx, [RECORD + 160]
        rep movsb
        mov eax, 7
        xor edx, edx
        xrstor64 [RECORD + 1024]
        xor eax, eax
        mov cr2, rax
        push 0x2b
        push qword [RECORD + 8 * 4]
        push qword [RECORD + 136]
        push 0x33
        push qword [RECORD + 128]
%assign n 0
%rep 16
%if n != 4
        mov r%[n], [RECORD + 8 * n]
%endif
%assign n n + 1
%endrep
        iretq

; What ended a case: an exception, of which INT3 is the end of the code.
stubs:
%assign n 0
%rep 32
        align 16
%if !(n == 8 || (n >= 10 && n <= 14) || n == 17)
        push 0
%endif
        push n
        jmp near ended
%assign n n + 1
%endrep

ended:  cld                             ; DF is the case's
%assign n 0
%rep 16
%if n != 4
        mov [RESULT + 8 * n], r%[n]
%endif
%assign n n + 1
%endrep
        mov eax, 7
        xor edx, edx
        xsave64 [RESULT + 1024]
        mov rax, [rsp + 40]
        mov [RESULT + 8 * 4], rax
        mov rdx, 0xcbf29ce484222325     ; the hash
        mov r8, 0x100000001b3
        mov ecx, [rsp]
        mov ebx, [rsp + 8]
        mov r9, [rsp + 16]              ; RIP
        cmp ecx, 3
        jne .fault
        mov ecx, 0xffff
        dec r9
.fault: mov eax, ecx
        call mix
        mov eax, ebx
        call mix
        xor eax, eax
        cmp ecx, 14
        jne .no_page
        mov rax, cr2
.no_page:
        call mix
        mov esi, RESULT
        mov ecx, 16
        call mixes
        mov rax, r9
        call mix
        mov rax, [rsp + 32]             ; RFLAGS
        and eax, 0xcd5
        call mix
        mov rax, [RESULT + 1024]
        shl rax, 24                     ; FCW, FSW, the tags
        shr rax, 24
        call mix
        mov eax, [RESULT + 1024 + 24]      ; MXCSR
        call mix
        mov esi, RESULT + 1024 + 32
        mov ebx, 8
.st:    lodsq
        call mix
        lodsq
        movzx eax, ax
        call mix
        dec ebx
        jnz .st
        mov ecx, 32                     ; XMM registers
        call mixes
        mov esi, RESULT + 1024 + 576       ; upper halves
        mov ecx, 32
        call mixes
        mov esi, DATA_AT
        mov ecx, 0x2000 / 8
        call mixes
        mov rsi, rdx
        mov ecx, 16
.digit: rol rsi, 4
        mov eax, esi
        and al, 15
        cmp al, 10
        jb .decimal
        add al, 'a' - '0' - 10
.decimal:
        add al, '0'
        call putc
        dec ecx
        jnz .digit
        mov al, 10
        call putc
        mov esp, STACK
        mov r15d, [number]
        inc r15d
        jmp next

; ECX words at RSI into the hash in RDX.
mixes:  lodsq
        call mix
        dec ecx
        jnz mixes
        ret
; RAX into the hash.
mix:    xor rdx, rax
        imul rdx, r8
        mov rax, rdx
        shr rax, 29
        xor rdx, rax
        ret

putc:   push rdx
        mov ah, al
        mov dx, COM1 + 5
.wait:  in al, dx
        test al, 0x20
        jz .wait
        mov dx, COM1
        mov al, ah
        out dx, al
        pop rdx
        ret

; ECX sectors from EBX on, to RDI, by the first ATA channel.
read:   mov dx, 0x1f7
.busy:  in al, dx
        test al, 0x80
        jnz .busy
        mov dx, 0x1f2
        mov al, cl
        out dx, al
        inc dx
        mov al, bl
        out dx, al
        inc dx
        mov al, bh
        out dx, al
        inc dx
        mov eax, ebx
        shr eax, 16
        out dx, al
        inc dx
        mov al, 0xe0
        out dx, al
        inc dx
        mov al, 0x20
        out dx, al
        mov r8d, ecx
.sector:
        mov dx, 0x1f7
.wait:  in al, dx
        and al, 0x88
        cmp al, 8
        jne .wait
        mov dx, 0x1f0
        mov ecx, 256
        rep insw
        dec r8d
        jnz .sector
        ret

finish: mov esi, .end
        mov ecx, 4
.next:  lodsb
        call putc
        dec ecx
        jnz .next
.empty: mov dx, COM1 + 5                ; the line is to be empty
        in al, dx
        test al, 0x40
        jz .empty
        mov esi, .shutdown
        mov dx, 0x8900
.word:  lodsb
        out dx, al
        test al, al
        jnz .word
.halt:  hlt
        jmp .halt
.end:   db "END", 10
.shutdown: db "Shutdown", 0
        align 8
number: dd 0
        times (SECTORS + 1) * 512 - ($ - $$) db 0
