# Every way into the kernel after boot: exceptions, interrupts, system calls. All of
# them build the same TrapFrame (trap.rs), so one structure describes any stopped
# context and a task switch is a copy of it.

# Exceptions for which the processor pushes an error code (SDM Vol. 3A, table 7-1):
# 8, 10-14, 17, 21, 29, 30.
.set ERROR_CODES, 0x60227d00

.section .text
.macro save_registers
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    sub rsp, 512
    fxsave64 [rsp]                  # compiled code uses xmm registers freely
.endm

.macro restore_registers
    add rsp, 512
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
.endm

# For debuggers: from here on the stack pointer is at a TrapFrame, 688 bytes. The CFA is its
# end; the interrupted registers are below it. As a signal frame it may lead to any stack.
.macro frame_is_saved
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 688
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    .cfi_offset rax, -64
    .cfi_offset rcx, -72
    .cfi_offset rdx, -80
    .cfi_offset rbx, -88
    .cfi_offset rbp, -96
    .cfi_offset rsi, -104
    .cfi_offset rdi, -112
    .cfi_offset r8, -120
    .cfi_offset r9, -128
    .cfi_offset r10, -136
    .cfi_offset r11, -144
    .cfi_offset r12, -152
    .cfi_offset r13, -160
    .cfi_offset r14, -168
    .cfi_offset r15, -176
.endm

# One stub of 16 bytes per vector 0..48; idt.rs computes their addresses.
    .p2align 4
.global trap_stubs
trap_stubs:
.set vector, 0
.rept 49
    .p2align 4
    .if ((ERROR_CODES >> vector) & 1) == 0
    push 0                          # keep the frame's shape
    .endif
    .byte 0x6a, vector              # push imm8
    jmp trap_entry
    .set vector, vector + 1
.endr

# In 64-bit mode the processor aligns the stack to 16 before it pushes (SDM Vol. 3A,
# 7.14.2); with 22 quadwords on it, it is aligned again, for fxsave and the call.
    .p2align 4
trap_entry:
    save_registers
    frame_is_saved
    mov rdi, rsp
    call trap_dispatch              # may replace the frame by another task's
    fxrstor64 [rsp]
    .cfi_endproc
    restore_registers
    add rsp, 16                     # vector, error code
    iretq

# SYSCALL leaves the return address in rcx, the flags in r11 and the stack alone
# (SDM Vol. 2B, SYSCALL). GS is the kernel's only for the three instructions that find
# the task's kernel stack: interrupts are off (IA32_FMASK), so no switch can come between.
    .p2align 4
.global syscall_entry
syscall_entry:
    swapgs
    mov gs:[8], rsp                 # PerCpu.user_rsp
    mov rsp, gs:[0]                 # PerCpu.kernel_rsp
    push 0x23                       # ss: USER_DATA
    push gs:[8]                     # rsp
    swapgs
    push r11                        # rflags
    push 0x2b                       # cs: USER_CODE
    push rcx                        # rip
    push 0                          # error code
    push 0x100                      # vector: none, a system call
    save_registers
    frame_is_saved
    mov rdi, rsp
    sti
    call syscall_dispatch
    cli
    fxrstor64 [rsp]
    .cfi_endproc
    restore_registers
    add rsp, 16
    mov rcx, [rsp]
    mov r11, [rsp + 16]
    mov rsp, [rsp + 24]
    # rcx is canonical: no program is mapped at the end of the lower half, so the
    # ring-0 #GP that SYSRET can raise after the stack switch cannot happen.
    sysretq

# Accesses that may fault. Each instruction is listed in .fixups with the address to go
# on at; the page-fault handler looks there before it calls a kernel fault a bug.
.macro fixup from, to
    .pushsection .fixups, "a", @progbits
    .quad \from, \to
    .popsection
.endm

# fn probe_copy(destination, source, length) -> bytes not copied
# Lengths 1, 2, 4 and 8 are one access of that width, as device registers need.
    .p2align 4
.global probe_copy
probe_copy:
    mov rcx, rdx
    cmp rdx, 8
    je probe_quad
    cmp rdx, 4
    je probe_long
    cmp rdx, 2
    je probe_word
probe_bytes:
    rep movsb
probe_fault:
    mov rax, rcx
    ret
probe_quad:
    movsq
    xor eax, eax
    ret
probe_long:
    movsd
    xor eax, eax
    ret
probe_word:
    movsw
    xor eax, eax
    ret
    fixup probe_bytes, probe_fault
    fixup probe_quad, probe_fault
    fixup probe_long, probe_fault
    fixup probe_word, probe_fault
