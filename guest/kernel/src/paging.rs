//! 4-level paging (SDM Vol. 3A, 5.5). The upper half of every address space is the same:
//! its PML4 entries are made once, here, and copied into each new root, so a later
//! change below them shows everywhere.

use crate::address::{
    self, DIRECT_MAP, DIRECT_MAP_SIZE, KERNEL_BASE, LARGE_PAGE, PAGE, STACKS, USER_END, direct,
};
use crate::boot_info::{self, RAM};
use crate::cpu;
use crate::frames::{self, OutOfMemory};
use crate::log;
use crate::stacks;
use core::sync::atomic::{AtomicU64, Ordering};

pub const PRESENT: u64 = 1 << 0;
pub const WRITABLE: u64 = 1 << 1;
pub const USER: u64 = 1 << 2;
pub const WRITE_THROUGH: u64 = 1 << 3;
pub const CACHE_DISABLE: u64 = 1 << 4;
pub const LARGE: u64 = 1 << 7;
pub const GLOBAL: u64 = 1 << 8;
pub const NO_EXECUTE: u64 = 1 << 63;
/// Bits 12 to 51: the next table, or the page.
pub const FRAME: u64 = 0x000f_ffff_ffff_f000;

const ENTRIES: usize = 512;
type Table = [u64; ENTRIES];

/// The address space of the kernel's own tasks. A debugger may read it as `KERNEL_CR3`.
#[unsafe(no_mangle)]
static KERNEL_CR3: AtomicU64 = AtomicU64::new(0);

/// Physical address of the kernel's PML4.
pub fn kernel_root() -> u64 {
    KERNEL_CR3.load(Ordering::Relaxed)
}

fn table(physical: u64) -> &'static mut Table {
    // SAFETY: page tables are frames that only this module writes, with interrupts off or
    // for a space that is not in use yet.
    unsafe { &mut *direct(physical) }
}

fn index(level: u32, address: u64) -> usize {
    (address >> (12 + 9 * level)) as usize % ENTRIES
}

/// Builds the final tables and leaves the boot tables, with their identity map, behind.
pub fn init() {
    let root = build().expect("RAM for the kernel's page tables");
    KERNEL_CR3.store(root, Ordering::Relaxed);
    // SAFETY: the new tables map text, data and every fixed stack where they are now.
    unsafe { cpu::set_cr3(root) };
    log!("paging: kernel root at {root:#x}, text read-only, data not executable");
}

fn build() -> Result<u64, OutOfMemory> {
    let root = frames::allocate_zeroed()?;
    for region in [DIRECT_MAP, STACKS, KERNEL_BASE] {
        table(root)[index(3, region)] = frames::allocate_zeroed()? | PRESENT | WRITABLE;
    }

    // The direct map: RAM, by large pages. Holes stay holes, for map_device to fill; what
    // shares a large page with RAM, as firmware's tables at the end of it do, is there too.
    for region in boot_info::get().regions().iter().filter(|region| region.kind == RAM) {
        let start = region.base / LARGE_PAGE * LARGE_PAGE;
        let end = (region.base + region.size).min(DIRECT_MAP_SIZE);
        for physical in (start..end).step_by(LARGE_PAGE as usize) {
            let flags = PRESENT | WRITABLE | LARGE | GLOBAL | NO_EXECUTE;
            *entry_for(root, DIRECT_MAP + physical, 1)? = physical | flags;
        }
    }

    // The image, group by group, each page with the least rights that do.
    let groups = [
        (address::text_start(), address::text_end(), 0),
        (address::rodata_start(), address::rodata_end(), NO_EXECUTE),
        (address::data_start(), address::kernel_end(), WRITABLE | NO_EXECUTE),
    ];
    for (start, end, flags) in groups {
        for page in (start..end).step_by(PAGE as usize) {
            if (0..stacks::FIXED).all(|stack| stacks::fixed_guard(stack) != page) {
                map(root, page, page - KERNEL_BASE, flags | GLOBAL)?;
            }
        }
    }
    Ok(root)
}

/// The entry that maps `address` at `level` (0 PTE, 1 PDE, 2 PDPTE, 3 PML4E); tables on
/// the way are made when missing.
fn entry_for(root: u64, address: u64, level: u32) -> Result<&'static mut u64, OutOfMemory> {
    // Rights are decided at the last level; the ones above allow what the half may have.
    let user = if address < USER_END { USER } else { 0 };
    let mut physical = root;
    for at in (level + 1..4).rev() {
        let entry = &mut table(physical)[index(at, address)];
        if *entry & PRESENT == 0 {
            *entry = frames::allocate_zeroed()? | PRESENT | WRITABLE | user;
        }
        physical = *entry & FRAME;
    }
    Ok(&mut table(physical)[index(level, address)])
}

/// Maps one page of 4 KiB.
pub fn map(root: u64, address: u64, frame: u64, flags: u64) -> Result<(), OutOfMemory> {
    let entry = entry_for(root, address, 0)?;
    debug_assert!(*entry & PRESENT == 0, "{address:#x} is mapped already");
    *entry = frame | flags | PRESENT;
    Ok(())
}

/// Unmaps one page of 4 KiB and returns its frame.
pub fn unmap(root: u64, address: u64) -> Option<u64> {
    let translation = walk(root, address)?;
    let entry = entry_for(root, address, 0).ok()?;
    *entry = 0;
    cpu::invlpg(address);
    Some(translation.physical & FRAME)
}

/// Makes the registers of a device reachable, uncached, where the direct map has their
/// physical address.
pub fn map_device(physical: u64, size: u64) -> Result<*mut u8, OutOfMemory> {
    for page in (physical / PAGE * PAGE..physical + size).step_by(PAGE as usize) {
        let address = DIRECT_MAP + page;
        if walk(kernel_root(), address).is_none() {
            map(
                kernel_root(),
                address,
                page,
                WRITABLE | NO_EXECUTE | CACHE_DISABLE | WRITE_THROUGH | GLOBAL,
            )?;
        }
    }
    Ok(direct(physical))
}

/// Where an address leads.
#[derive(Clone, Copy, PartialEq)]
pub struct Translation {
    pub physical: u64,
    /// The rights of all levels taken together, with the attributes of the last entry.
    pub flags: u64,
    /// Size of the page.
    pub size: u64,
}

/// Walks the tables as the processor does (SDM Vol. 3A, 5.5.4).
pub fn walk(root: u64, address: u64) -> Option<Translation> {
    let mut physical = root;
    let mut rights = WRITABLE | USER;
    let mut no_execute = 0;
    for level in (0..4).rev() {
        let entry = table(physical & FRAME)[index(level, address)];
        if entry & PRESENT == 0 {
            return None;
        }
        rights &= entry;
        no_execute |= entry & NO_EXECUTE;
        if level == 0 || entry & LARGE != 0 {
            let size = PAGE << (9 * level);
            let kept = entry & (PRESENT | WRITE_THROUGH | CACHE_DISABLE | GLOBAL);
            return Some(Translation {
                physical: (entry & FRAME & !(size - 1)) | address & (size - 1),
                flags: rights | no_execute | kept,
                size,
            });
        }
        physical = entry;
    }
    None
}

/// Calls `visit(address, translation)` for every page of an address space, ascending.
/// Halves without a page in them are skipped table by table.
pub fn for_each_page(root: u64, visit: &mut dyn FnMut(u64, Translation)) {
    fn descend(root: u64, physical: u64, level: u32, base: u64, visit: &mut dyn FnMut(u64, Translation)) {
        for slot in 0..ENTRIES {
            let entry = table(physical)[slot];
            if entry & PRESENT == 0 {
                continue;
            }
            let span = PAGE << (9 * level);
            let mut address = base + slot as u64 * span;
            // Bit 47 extends upwards: addresses are canonical.
            if level == 3 && slot >= ENTRIES / 2 {
                address |= 0xffff << 48;
            }
            if level == 0 || entry & LARGE != 0 {
                if let Some(translation) = walk(root, address) {
                    visit(address, translation);
                }
            } else {
                descend(root, entry & FRAME, level - 1, address, visit);
            }
        }
    }
    descend(root, root, 3, 0, visit);
}

/// A new address space: the kernel's half, and nothing below.
pub fn new_space() -> Result<u64, OutOfMemory> {
    let root = frames::allocate_zeroed()?;
    table(root)[ENTRIES / 2..].copy_from_slice(&table(kernel_root())[ENTRIES / 2..]);
    Ok(root)
}

/// Gives back the lower half of an address space, pages and tables, and its root.
pub fn free_space(root: u64) {
    fn free_below(physical: u64, level: u32, slots: usize) {
        for entry in &table(physical)[..slots] {
            if entry & PRESENT != 0 {
                if level > 0 {
                    free_below(entry & FRAME, level - 1, ENTRIES);
                }
                frames::free(entry & FRAME);
            }
        }
    }
    free_below(root, 3, ENTRIES / 2);
    frames::free(root);
}
