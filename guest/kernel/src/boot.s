# From the PVH entry point to long mode in the higher half.
#
# The PVH boot protocol (Xen, docs/misc/pvh.pandoc) hands over in 32-bit protected
# mode: paging off, flat segments, interrupts off, ebx = physical address of
# hvm_start_info. Here: build the smallest page tables that map the first GiB three
# times, switch to long mode (Intel SDM Vol. 3A, 11.8.5) and call kernel_main.

# The ELF note by which a loader finds the entry point.
.section .note.pvh, "a", @note
    .p2align 2
    .long 4                         # name size
    .long 4                         # descriptor size
    .long 18                        # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

.section .boot.text, "ax", @progbits
.code32
.global pvh_entry
pvh_entry:
    cld
    mov esp, offset boot_low_stack_top

    # PML4: slot 0 identity (until we jump up), 256 the direct map, 511 the kernel.
    mov eax, offset boot_pdpt_low
    or eax, 3                       # present, writable
    mov dword ptr [boot_pml4], eax
    mov dword ptr [boot_pml4 + 256*8], eax
    mov eax, offset boot_pdpt_high
    or eax, 3
    mov dword ptr [boot_pml4 + 511*8], eax

    # Both PDPTs lead to one page directory.
    mov eax, offset boot_pd
    or eax, 3
    mov dword ptr [boot_pdpt_low], eax
    mov dword ptr [boot_pdpt_high + 510*8], eax

    # The directory maps physical 0..1 GiB by 2 MiB pages.
    mov edi, offset boot_pd
    mov eax, 0x83                   # present, writable, page size
    mov ecx, 512
1:  mov dword ptr [edi], eax
    add eax, 0x200000
    add edi, 8
    dec ecx
    jnz 1b

    # CR4: PAE for long mode, PGE for global kernel pages, and OSFXSR with
    # OSXMMEXCPT because compiled Rust uses SSE2 from its first function on.
    mov eax, cr4
    or eax, 0x6a0
    mov cr4, eax

    mov eax, offset boot_pml4
    mov cr3, eax

    # EFER: LME, NXE, SCE.
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x901
    wrmsr

    # CR0: PG and WP (ring 0 obeys read-only pages) on, NE and MP on, EM and TS off,
    # CD and NW off.
    mov eax, cr0
    and eax, 0x9ffffff3
    or eax, 0x80010022
    mov cr0, eax

    # Long mode is active, still in a 32-bit code segment: load one with L set.
    lgdt [boot_gdtr]
    mov eax, 0x08
    push eax
    mov eax, offset boot_long_mode
    push eax
    retf

.code64
boot_long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    movabs rax, offset boot_high
    jmp rax

    .p2align 3
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        # 64-bit code
    .quad 0x00cf93000000ffff        # data
boot_gdtr:
    .word 3 * 8 - 1
    .long boot_gdt
    .long 0

.section .boot.bss, "aw", @nobits
    .p2align 12
boot_pml4:      .skip 4096
boot_pdpt_low:  .skip 4096
boot_pdpt_high: .skip 4096
boot_pd:        .skip 4096
                .skip 64
boot_low_stack_top:

.section .text
.code64
boot_high:
    mov rsp, offset __fixed_stacks + 5*4096  # the first: guard page, 16 KiB
    xor ebp, ebp                    # the end of every frame-pointer chain
    mov edi, ebx                    # hvm_start_info, zero-extended
    call kernel_main
    ud2
