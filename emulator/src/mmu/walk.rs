//! The page walk as a pure function: page tables in, outcome and trail out.
//!
//! SDM volume 3, chapter 5. Nothing is changed: accessed and dirty bits are set by the caller
//! from the trail, when the access that walks is one that sets them.

use serde::{Deserialize, Serialize};

/// Page-table entry bits.
pub mod entry {
    /// Present.
    pub const P: u64 = 1 << 0;
    /// Writable.
    pub const RW: u64 = 1 << 1;
    /// User-accessible.
    pub const US: u64 = 1 << 2;
    /// Page-level write-through.
    pub const PWT: u64 = 1 << 3;
    /// Page-level cache disable.
    pub const PCD: u64 = 1 << 4;
    /// Accessed.
    pub const A: u64 = 1 << 5;
    /// Dirty.
    pub const D: u64 = 1 << 6;
    /// Page size: this entry maps a page, not a table.
    pub const PS: u64 = 1 << 7;
    /// Global.
    pub const G: u64 = 1 << 8;
    /// The lowest of four bits of protection key (4- and 5-level paging).
    pub const KEY_SHIFT: u32 = 59;
    /// Execute-disable.
    pub const XD: u64 = 1 << 63;
}

use entry::{PS, RW, US, XD};

/// The paging mode in force (SDM 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// CR0.PG = 0: linear addresses are physical ones.
    Off,
    /// 32-bit paging: two levels of 4-byte entries.
    Legacy,
    /// PAE paging: a table of four pointers, then two levels of 8-byte entries.
    Pae,
    /// 4-level paging.
    Level4,
    /// 5-level paging.
    Level5,
}

impl Mode {
    /// How many paging structures a 4 KiB translation visits.
    pub fn levels(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Legacy => 2,
            Self::Pae => 3,
            Self::Level4 => 4,
            Self::Level5 => 5,
        }
    }
}

/// All that a walk depends on beside memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The paging mode.
    pub mode: Mode,
    /// CR3, or another root of the same form.
    pub cr3: u64,
    /// CR4.PSE: 4 MiB pages in 32-bit paging.
    pub pse: bool,
    /// EFER.NXE: bit 63 is execute-disable, not reserved.
    pub nxe: bool,
    /// Whether 1 GiB pages exist (CPUID); without them PS in a PDPTE is reserved.
    pub gigabyte_pages: bool,
    /// MAXPHYADDR: address bits at and above it are reserved.
    pub physical_bits: u8,
    /// The four PDPTEs that PAE paging loaded with CR3; `None` reads them from memory.
    pub pdptes: Option<[u64; 4]>,
}

/// One paging-structure entry that a walk visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visited {
    /// 5 = PML5E, 4 = PML4E, 3 = PDPTE, 2 = PDE, 1 = PTE.
    pub level: u8,
    /// Physical address of the entry.
    pub address: u64,
    /// What it holds.
    pub value: u64,
}

impl Visited {
    /// The manual's name of an entry of this level.
    pub fn name(&self) -> &'static str {
        match self.level {
            5 => "PML5E",
            4 => "PML4E",
            3 => "PDPTE",
            2 => "PDE",
            _ => "PTE",
        }
    }
}

/// The entries visited, root first; at most five. Written as a list of [`Visited`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Visited>", into = "Vec<Visited>")]
pub struct Trail {
    addresses: [u64; 5],
    values: [u64; 5],
    root_level: u8,
    len: u8,
}

impl From<Vec<Visited>> for Trail {
    fn from(entries: Vec<Visited>) -> Self {
        let mut trail = Self::default();
        entries.iter().for_each(|entry| trail.push(entry.level, entry.address, entry.value));
        trail
    }
}

impl From<Trail> for Vec<Visited> {
    fn from(trail: Trail) -> Self {
        trail.iter().collect()
    }
}

impl Trail {
    #[inline(always)]
    fn push(&mut self, level: u8, address: u64, value: u64) {
        let at = usize::from(self.len);
        if at == 0 {
            self.root_level = level;
        }
        if at < 5 {
            self.addresses[at] = address;
            self.values[at] = value;
            self.len += 1;
        }
    }

    /// The entries, root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Visited> + ExactSizeIterator + '_ {
        (0..self.len()).map(|at| Visited {
            level: self.root_level.saturating_sub(at as u8),
            address: self.addresses[at],
            value: self.values[at],
        })
    }

    /// Whether every entry visited has all of `bits` set.
    #[inline(always)]
    pub fn all_have(&self, bits: u64) -> bool {
        self.values.iter().take(self.len()).all(|value| value & bits == bits)
    }

    /// How many entries were visited.
    pub fn len(&self) -> usize {
        usize::from(self.len.min(5))
    }

    /// Whether none was visited (paging is off, or the root is outside memory).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Where a linear address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Physical address of the byte asked for.
    pub physical: u64,
    /// log2 of the page's size: 12, 21, 22 or 30. 12 with paging off.
    pub size_bits: u8,
    /// Every level allows writes.
    pub writable: bool,
    /// Every level allows user accesses.
    pub user: bool,
    /// No level disables execution.
    pub executable: bool,
    /// The leaf is global.
    pub global: bool,
    /// The leaf's dirty bit.
    pub dirty: bool,
    /// The leaf's protection key; zero but in 4- and 5-level paging.
    pub key: u8,
}

/// Why a walk found no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Miss {
    /// The last entry of the trail is not present.
    #[error("an entry is not present")]
    NotPresent,
    /// The last entry of the trail has a reserved bit set.
    #[error("an entry has a reserved bit set")]
    Reserved,
    /// The address is not canonical in this mode.
    #[error("the address is not canonical")]
    NonCanonical,
    /// A paging structure lies outside RAM and ROM.
    #[error("a paging structure lies outside memory")]
    OutsideMemory,
}

/// The outcome of a walk and the entries it visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The page, or why there is none.
    pub outcome: Result<Page, Miss>,
    /// The entries visited.
    pub trail: Trail,
}

/// Physical memory as a walk sees it.
pub trait Tables {
    /// The aligned 8 bytes at a physical address; `None` outside memory.
    fn entry64(&self, address: u64) -> Option<u64>;
    /// The aligned 4 bytes at a physical address; `None` outside memory.
    fn entry32(&self, address: u64) -> Option<u32>;
}

impl Tables for crate::memory::Memory {
    #[inline]
    fn entry64(&self, address: u64) -> Option<u64> {
        self.read_u64(address)
    }

    #[inline]
    fn entry32(&self, address: u64) -> Option<u32> {
        self.read_u32(address)
    }
}

/// Whether bits 63 down to `bits - 1` of `address` are equal.
#[inline]
pub fn canonical(address: u64, bits: u32) -> bool {
    let shift = 64 - bits;
    ((address << shift) as i64 >> shift) as u64 == address
}

/// Walks the paging structures for `linear`.
pub fn walk(tables: &impl Tables, context: &Context, linear: u64) -> Walk {
    // The trail is written where it stays: it is too long to be moved for each walk.
    let mut walk = Walk { outcome: Err(Miss::NotPresent), trail: Trail::default() };
    let trail = &mut walk.trail;
    walk.outcome = match context.mode {
        Mode::Off => Ok(Page {
            physical: linear & 0xffff_ffff,
            size_bits: 12,
            writable: true,
            user: true,
            executable: true,
            global: false,
            dirty: true,
            key: 0,
        }),
        Mode::Legacy => legacy(tables, context, linear, trail),
        Mode::Pae => pae(tables, context, linear, trail),
        Mode::Level4 => long(tables, context, linear, 4, trail),
        Mode::Level5 => long(tables, context, linear, 5, trail),
    };
    walk
}

/// Rights that every level must grant.
#[derive(Clone, Copy)]
struct Rights {
    writable: bool,
    user: bool,
    executable: bool,
}

impl Rights {
    const ALL: Self = Self { writable: true, user: true, executable: true };

    #[inline]
    fn and(self, value: u64) -> Self {
        Self {
            writable: self.writable && value & RW != 0,
            user: self.user && value & US != 0,
            executable: self.executable && value & XD == 0,
        }
    }

    #[inline]
    fn page(self, physical: u64, size_bits: u8, leaf: u64) -> Page {
        Page {
            physical,
            size_bits,
            writable: self.writable,
            user: self.user,
            executable: self.executable,
            global: leaf & entry::G != 0,
            dirty: leaf & entry::D != 0,
            // Zero in entries of four bytes, and in those of PAE paging, where it is reserved.
            key: (leaf >> entry::KEY_SHIFT) as u8 & 15,
        }
    }
}

/// Address bits of an 8-byte entry: 51 down to 12.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

#[inline]
fn reserved_bits(context: &Context) -> u64 {
    let mut reserved = ADDRESS & !((1u64 << context.physical_bits.min(52)) - 1);
    if !context.nxe {
        reserved |= XD;
    }
    if context.mode == Mode::Pae {
        // What 4-level paging leaves to software is reserved here (SDM volume 3, 5.4.2).
        reserved |= 0x7ff0_0000_0000_0000;
    }
    reserved
}

fn long(
    tables: &impl Tables,
    cx: &Context,
    linear: u64,
    levels: u8,
    trail: &mut Trail,
) -> Result<Page, Miss> {
    if !canonical(linear, 12 + 9 * u32::from(levels)) {
        return Err(Miss::NonCanonical);
    }
    descend(tables, cx, linear, cx.cr3 & ADDRESS, levels, Rights::ALL, trail)
}

fn pae(tables: &impl Tables, cx: &Context, linear: u64, trail: &mut Trail) -> Result<Page, Miss> {
    let linear = linear & 0xffff_ffff;
    let index = linear >> 30;
    let address = (cx.cr3 & 0xffff_ffe0) + index * 8;
    let value = match cx.pdptes {
        Some(loaded) => loaded[index as usize],
        None => tables.entry64(address).ok_or(Miss::OutsideMemory)?,
    };
    trail.push(3, address, value);
    if value & entry::P == 0 {
        return Err(Miss::NotPresent);
    }
    descend(tables, cx, linear, value & ADDRESS, 2, Rights::ALL, trail)
}

/// The common descent through 8-byte entries from `level` down.
#[inline]
fn descend(
    tables: &impl Tables,
    cx: &Context,
    linear: u64,
    mut table: u64,
    mut level: u8,
    mut rights: Rights,
    trail: &mut Trail,
) -> Result<Page, Miss> {
    let reserved = reserved_bits(cx);
    loop {
        let shift = 12 + 9 * u32::from(level - 1);
        let address = table + (linear >> shift & 0x1ff) * 8;
        let value = tables.entry64(address).ok_or(Miss::OutsideMemory)?;
        trail.push(level, address, value);
        if value & entry::P == 0 {
            return Err(Miss::NotPresent);
        }
        let large = value & PS != 0 && level > 1;
        let misplaced = match level {
            4 | 5 => large,
            3 => large && !cx.gigabyte_pages,
            _ => false,
        };
        if value & reserved != 0 || misplaced {
            return Err(Miss::Reserved);
        }
        rights = rights.and(value);
        if level == 1 || large {
            let offset_mask = (1u64 << shift) - 1;
            // Bit 12 of a large page's entry is PAT; the bits between it and the page's size
            // are reserved.
            if large && value & offset_mask & ADDRESS & !0x1000 != 0 {
                return Err(Miss::Reserved);
            }
            let physical = value & ADDRESS & !offset_mask | linear & offset_mask;
            return Ok(rights.page(physical, shift as u8, value));
        }
        table = value & ADDRESS;
        level -= 1;
    }
}

fn legacy(tables: &impl Tables, cx: &Context, linear: u64, trail: &mut Trail) -> Result<Page, Miss> {
    let linear = linear & 0xffff_ffff;
    let mut rights = Rights::ALL;
    let mut table = cx.cr3 & 0xffff_f000;
    for level in [2u8, 1] {
        let shift = if level == 2 { 22 } else { 12 };
        let address = table + (linear >> shift & 0x3ff) * 4;
        let value = u64::from(tables.entry32(address).ok_or(Miss::OutsideMemory)?);
        trail.push(level, address, value);
        if value & entry::P == 0 {
            return Err(Miss::NotPresent);
        }
        rights = rights.and(value);
        if level == 2 && value & PS != 0 && cx.pse {
            // PSE-36: bits 20:13 hold address bits 39:32; bit 21 is reserved, as are the
            // address bits that the processor does not have.
            let high = value >> 13 & 0xff;
            let width = u32::from(cx.physical_bits.clamp(32, 40)) - 32;
            if value & 1 << 21 != 0 || high >> width != 0 {
                return Err(Miss::Reserved);
            }
            let physical = value & 0xffc0_0000 | high << 32 | linear & 0x3f_ffff;
            return Ok(rights.page(physical, 22, value));
        }
        if level == 1 {
            return Ok(rights.page(value & 0xffff_f000 | linear & 0xfff, 12, value));
        }
        table = value & 0xffff_f000;
    }
    Err(Miss::NotPresent)
}
