//! The kernel's memory map, and the symbols of `kernel.ld`.

/// A page, and a page table: 4 KiB.
pub const PAGE: u64 = 4096;
/// A page mapped by a page-directory entry.
pub const LARGE_PAGE: u64 = 2 << 20;

/// Physical address `p` of the kernel image is linked at `KERNEL_BASE + p`.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// Physical address `p` is readable and writable at `DIRECT_MAP + p`.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// What one PML4 entry reaches, and the kernel gives the direct map.
pub const DIRECT_MAP_SIZE: u64 = 512 << 30;
/// Kernel stacks, each below an unmapped guard page (`stacks.rs`).
pub const STACKS: u64 = 0xffff_c000_0000_0000;

/// Programs are linked here.
pub const USER_BASE: u64 = 0x40_0000;
/// A program's stack ends here; its image must stay below the stack.
pub const USER_STACK_TOP: u64 = 0x80_0000;
/// First address that no program owns.
pub const USER_END: u64 = USER_STACK_TOP;

/// Where the direct map shows a physical address.
pub fn direct<T>(physical: u64) -> *mut T {
    (DIRECT_MAP + physical) as *mut T
}

macro_rules! linker_symbols {
    ($($name:ident = $symbol:ident;)*) => {$(
        #[doc = concat!("Address of `", stringify!($symbol), "`.")]
        pub fn $name() -> u64 {
            unsafe extern "C" { static $symbol: u8; }
            (&raw const $symbol) as u64
        }
    )*};
}

linker_symbols! {
    boot_start = __boot_start;
    text_start = __text_start;
    text_end = __text_end;
    rodata_start = __rodata_start;
    rodata_end = __rodata_end;
    data_start = __data_start;
    fixups_start = __fixups_start;
    fixups_end = __fixups_end;
    fixed_stacks = __fixed_stacks;
    kernel_end = __kernel_end;
}
