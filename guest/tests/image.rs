//! What loaders and debuggers rely on in the embedded images.

use ringhold_guest::{KERNEL, PROGRAMS};

fn number<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value[..N].copy_from_slice(&bytes[at..at + N]);
    u64::from_le_bytes(value)
}

/// A program header: type, flags, offset, virtual and physical address, sizes in file and memory.
struct Segment {
    kind: u64,
    flags: u64,
    offset: u64,
    virtual_address: u64,
    physical_address: u64,
    file_size: u64,
    memory_size: u64,
}

fn segments(elf: &[u8]) -> Vec<Segment> {
    let (table, size, count) = (number::<8>(elf, 32), number::<2>(elf, 54), number::<2>(elf, 56));
    (0..count)
        .map(|index| {
            let at = (table + index * size) as usize;
            Segment {
                kind: number::<4>(elf, at),
                flags: number::<4>(elf, at + 4),
                offset: number::<8>(elf, at + 8),
                virtual_address: number::<8>(elf, at + 16),
                physical_address: number::<8>(elf, at + 24),
                file_size: number::<8>(elf, at + 32),
                memory_size: number::<8>(elf, at + 40),
            }
        })
        .collect()
}

const PT_LOAD: u64 = 1;
const PT_NOTE: u64 = 4;
const WRITE_AND_EXECUTE: u64 = 3;

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn images_are_static_elf_executables_for_x86_64() {
    for elf in PROGRAMS.iter().map(|(_, elf)| *elf).chain([KERNEL]) {
        assert!(elf.starts_with(b"\x7fELF\x02\x01\x01"));
        assert_eq!(number::<2>(elf, 16), 2, "ET_EXEC");
        assert_eq!(number::<2>(elf, 18), 62, "EM_X86_64");
        assert!(segments(elf).iter().all(|segment| segment.file_size <= segment.memory_size));
    }
}

#[test]
fn the_kernel_says_where_pvh_enters_it() {
    let notes: Vec<_> = segments(KERNEL).into_iter().filter(|segment| segment.kind == PT_NOTE).collect();
    let [note] = &notes[..] else { panic!("{} note segments", notes.len()) };
    let at = note.offset as usize;
    assert_eq!(number::<4>(KERNEL, at), 4, "length of the owner's name");
    assert_eq!(number::<4>(KERNEL, at + 8), 18, "XEN_ELFNOTE_PHYS32_ENTRY");
    assert_eq!(&KERNEL[at + 12..at + 16], b"Xen\0");
    let entry = number::<4>(KERNEL, at + 16);
    assert_eq!(entry, number::<8>(KERNEL, 24), "the ELF header's entry is the same");
    let first = &segments(KERNEL)[1];
    assert!((first.physical_address..first.physical_address + first.file_size).contains(&entry));
}

#[test]
fn the_kernel_is_loaded_from_one_mebibyte_up() {
    let mut end = 1 << 20;
    for segment in segments(KERNEL).iter().filter(|segment| segment.kind == PT_LOAD) {
        assert!(segment.physical_address >= end, "segments ascend without overlap");
        end = segment.physical_address + segment.memory_size;
        let base = segment.virtual_address - segment.physical_address;
        assert!(base == 0 || base == 0xffff_ffff_8000_0000);
        // Only the boot code, which is left behind, is writable and executable.
        assert!(base == 0 || segment.flags & WRITE_AND_EXECUTE != WRITE_AND_EXECUTE);
    }
    assert!(end < 2 << 20, "a kernel that needs little memory");
}

#[test]
fn documented_symbols_are_there() {
    let readme = include_str!("../README.md");
    for symbol in [
        "TASK_LIST",
        "MODULE_LIST",
        "KERNEL_LOG",
        "BOOT_INFO",
        "PER_CPU",
        "TICKS",
        "KERNEL_CR3",
        "FRAMES",
        "PCI_FUNCTIONS",
        "trap_dispatch",
        "syscall_dispatch",
        "kernel_panicked",
        "kernel_main",
        "pvh_entry",
    ] {
        assert!(contains(KERNEL, &format!("\0{symbol}\0")), "{symbol} has no symbol");
        assert!(readme.contains(&format!("`{symbol}`")), "{symbol} is not documented");
    }
}

#[test]
fn programs_are_linked_where_the_kernel_puts_them() {
    for (name, elf) in PROGRAMS {
        for segment in segments(elf).iter().filter(|segment| segment.kind == PT_LOAD) {
            let end = segment.virtual_address + segment.memory_size;
            assert!(segment.virtual_address >= 0x40_0000 && end <= 0x7f_b000, "{name}");
            assert_ne!(segment.flags & WRITE_AND_EXECUTE, WRITE_AND_EXECUTE, "{name}");
        }
        assert!(contains(elf, "\0_start\0"), "{name} has symbols");
    }
}

#[test]
fn images_do_not_tell_where_they_were_built() {
    for elf in PROGRAMS.iter().map(|(_, elf)| *elf).chain([KERNEL]) {
        assert!(!contains(elf, env!("CARGO_MANIFEST_DIR")));
    }
}
