//! The built-in teaching kernel of Ringhold, built from source and embedded.
//!
//! `kernel/` holds a small 64-bit kernel in Rust and assembly; `README.md` describes its
//! memory map, the structures that a debugger can walk, and the commands of its shell.

/// The kernel: an ELF64 executable for x86-64 with symbols and DWARF.
///
/// It boots by PVH: note type 18 of owner `Xen` holds the 32-bit physical entry point,
/// which expects `ebx` to hold the physical address of an `hvm_start_info` of version 1 or
/// later with a memory map. The segments' `p_paddr` are physical, from 1 MiB up.
///
/// On COM1 it prints `RINGHOLD-READY`, then prompts. It ends by writing its exit status to
/// port 0xf4: when told `exit N`, when a line begins with the byte 4 (end of input), after
/// the last command of `script="…"` on its command line, or with status 3 on a panic.
pub static KERNEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernel.elf"));

/// Programs that the kernel runs in ring 3, by name: ELF64 executables linked at
/// 0x400000, with symbols and DWARF. The kernel has its own copies; these are for
/// debuggers.
pub static PROGRAMS: &[(&str, &[u8])] = &[
    ("primes", include_bytes!(concat!(env!("OUT_DIR"), "/primes.elf"))),
    ("counter", include_bytes!(concat!(env!("OUT_DIR"), "/counter.elf"))),
    ("hello", include_bytes!(concat!(env!("OUT_DIR"), "/hello.elf"))),
    ("spin", include_bytes!(concat!(env!("OUT_DIR"), "/spin.elf"))),
    ("wild", include_bytes!(concat!(env!("OUT_DIR"), "/wild.elf"))),
];
