//! What the loader tells: Xen's `hvm_start_info` (Xen, public/arch-x86/hvm/start_info.h),
//! copied to a place of our own before its memory is used for anything else.

use crate::address::{self, KERNEL_BASE, direct};
use crate::irq_cell::IrqCell;
use crate::log;

const START_INFO_MAGIC: u32 = 0x336e_c578;
const MAX_REGIONS: usize = 32;
const MAX_MODULES: usize = 4;
const MAX_COMMAND_LINE: usize = 512;
/// Type of a memory-map entry that is RAM, as in ACPI's address range types.
pub const RAM: u32 = 1;

#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    /// From version 1 on.
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// A range of physical memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Region {
    pub base: u64,
    pub size: u64,
    /// `RAM`, or why not.
    pub kind: u32,
    pub reserved: u32,
}

/// A file that the loader put in memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BootModule {
    pub base: u64,
    pub size: u64,
    pub command_line: u64,
    pub reserved: u64,
}

/// The boot record. A debugger finds it at the symbol `BOOT_INFO`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BootInfo {
    /// "RHBOOT01"
    pub magic: [u8; 8],
    pub start_info: u64,
    pub rsdp: u64,
    pub kernel_start: u64,
    pub kernel_end: u64,
    pub region_count: u32,
    pub module_count: u32,
    pub regions: [Region; MAX_REGIONS],
    pub modules: [BootModule; MAX_MODULES],
    pub command_line_length: u64,
    pub command_line: [u8; MAX_COMMAND_LINE],
}

#[unsafe(no_mangle)]
static BOOT_INFO: IrqCell<BootInfo> = IrqCell::new(BootInfo {
    magic: *b"RHBOOT01",
    start_info: 0,
    rsdp: 0,
    kernel_start: 0,
    kernel_end: 0,
    region_count: 0,
    module_count: 0,
    regions: [Region { base: 0, size: 0, kind: 0, reserved: 0 }; MAX_REGIONS],
    modules: [BootModule { base: 0, size: 0, command_line: 0, reserved: 0 }; MAX_MODULES],
    command_line_length: 0,
    command_line: [0; MAX_COMMAND_LINE],
});

/// Copies everything out of the loader's structures.
pub fn init(start_info: u64) {
    // SAFETY: the protocol says that ebx held the address of this structure; boot.s maps
    // the first GiB of physical memory at DIRECT_MAP.
    let start = unsafe { &*direct::<StartInfo>(start_info) };
    assert!(start.magic == START_INFO_MAGIC, "not booted by PVH: no hvm_start_info");
    assert!(start.version >= 1, "hvm_start_info without a memory map");

    BOOT_INFO.with(|info| {
        info.start_info = start_info;
        info.rsdp = start.rsdp;
        info.kernel_start = address::boot_start();
        info.kernel_end = address::kernel_end() - KERNEL_BASE;

        info.region_count = start.memory_map_entries.min(MAX_REGIONS as u32);
        for (index, region) in info.regions.iter_mut().take(info.region_count as usize).enumerate() {
            // SAFETY: the loader promises that many entries.
            *region = unsafe { *direct::<Region>(start.memory_map).add(index) };
        }
        info.module_count = start.module_count.min(MAX_MODULES as u32);
        for (index, module) in info.modules.iter_mut().take(info.module_count as usize).enumerate() {
            // SAFETY: as above.
            *module = unsafe { *direct::<BootModule>(start.modules).add(index) };
        }
        if start.command_line != 0 {
            for (index, byte) in info.command_line.iter_mut().enumerate() {
                // SAFETY: a string that ends with a zero byte, which stops the loop.
                let source = unsafe { *direct::<u8>(start.command_line).add(index) };
                if source == 0 {
                    break;
                }
                *byte = source;
                info.command_line_length = index as u64 + 1;
            }
        }
    });
    let info = get();
    log!(
        "boot: PVH, {} memory regions, kernel at {:#x}..{:#x}",
        info.region_count,
        info.kernel_start,
        info.kernel_end
    );
}

/// The boot record. It never changes after `init`.
pub fn get() -> &'static BootInfo {
    // SAFETY: written once, before anyone asks.
    unsafe { &*BOOT_INFO.as_ptr() }
}

impl BootInfo {
    pub fn regions(&self) -> &[Region] {
        &self.regions[..self.region_count as usize]
    }

    pub fn modules(&self) -> &[BootModule] {
        &self.modules[..self.module_count as usize]
    }

    /// The command line, as far as it is text.
    pub fn command_line(&self) -> &str {
        let bytes = &self.command_line[..self.command_line_length as usize];
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// The value of `name=value` or `name="a value"` on the command line.
    pub fn option(&self, name: &str) -> Option<&str> {
        let mut rest = self.command_line();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let key_end = rest.find([' ', '=']).unwrap_or(rest.len());
            let (key, tail) = rest.split_at(key_end);
            let Some(tail) = tail.strip_prefix('=') else {
                rest = tail;
                continue;
            };
            let (value, tail) = match tail.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => tail.split_once(' ').unwrap_or((tail, "")),
            };
            if key == name {
                return Some(value);
            }
            rest = tail;
        }
    }
}
