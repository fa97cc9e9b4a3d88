# What the compiler expects of every environment, hosted or not. Quadword string
# instructions: an emulator that counts each iteration as an instruction then counts
# an eighth.

.section .text
.global memcpy
memcpy:
    mov rax, rdi
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    ret

.global memmove
memmove:
    mov rax, rdi
    sub rax, rsi
    cmp rax, rdx                    # destination not inside the source: copy upwards
    jae memcpy
    mov rax, rdi
    lea rdi, [rdi + rdx - 1]
    lea rsi, [rsi + rdx - 1]
    mov rcx, rdx
    std
    rep movsb
    cld
    ret

.global memset
memset:
    mov r8, rdi
    movzx eax, sil
    movabs rcx, 0x0101010101010101
    imul rax, rcx
    mov rcx, rdx
    shr rcx, 3
    rep stosq
    mov ecx, edx
    and ecx, 7
    rep stosb
    mov rax, r8
    ret

.global memcmp
.global bcmp
memcmp:
bcmp:
    xor eax, eax
    mov rcx, rdx
    cmp rax, rax                    # ZF set, for a length of zero
    repe cmpsb
    je 1f
    movzx eax, byte ptr [rdi - 1]
    movzx ecx, byte ptr [rsi - 1]
    sub ecx, eax
    mov eax, ecx
1:  ret
