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

impl Context {
    /// No paging.
    pub const OFF: Self = Self {
        mode: Mode::Off,
        cr3: 0,
        pse: false,
        nxe: false,
        gigabyte_pages: false,
        physical_bits: 32,
        pdptes: None,
    };
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
    /// By level, 5 first.
    addresses: [u64; 5],
    values: [u64; 5],
    /// Zero if none was visited.
    root_level: u8,
    last_level: u8,
}

impl From<Vec<Visited>> for Trail {
    fn from(entries: Vec<Visited>) -> Self {
        let mut trail = Self::default();
        entries.iter().for_each(|entry| trail.visit(entry.level, entry.address, entry.value));
        trail
    }
}

impl From<Trail> for Vec<Visited> {
    fn from(trail: Trail) -> Self {
        trail.iter().collect()
    }
}

impl Trail {
    /// The entries, root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Visited> + ExactSizeIterator + '_ {
        (0..self.len()).map(|nth| {
            let level = self.root_level - nth as u8;
            let at = usize::from(5 - level);
            Visited { level, address: self.addresses[at], value: self.values[at] }
        })
    }

    /// How many entries were visited.
    pub fn len(&self) -> usize {
        match self.root_level {
            0 => 0,
            root => usize::from(root.saturating_sub(self.last_level)) + 1,
        }
    }

    /// Whether none was visited (paging is off, or the root is outside memory).
    pub fn is_empty(&self) -> bool {
        self.root_level == 0
    }
}

/// Who is told of the entries that a walk visits, root first.
pub trait Visit {
    /// An entry of this level was read at `address`.
    fn visit(&mut self, level: u8, address: u64, value: u64);

    /// A PDPTE of PAE paging, which has no accessed bit.
    #[inline(always)]
    fn visit_pae_pdpte(&mut self, address: u64, value: u64) {
        self.visit(3, address, value);
    }
}

impl Visit for Trail {
    #[inline(always)]
    fn visit(&mut self, level: u8, address: u64, value: u64) {
        let at = 5 - usize::from(level.clamp(1, 5));
        self.addresses[at] = address;
        self.values[at] = value;
        if self.root_level == 0 {
            self.root_level = level.clamp(1, 5);
        }
        self.last_level = level.clamp(1, 5);
    }
}

/// Whether all entries that have an accessed bit have it set: what most walks need to know.
pub struct Accessed(pub bool);

impl Visit for Accessed {
    #[inline(always)]
    fn visit(&mut self, _level: u8, _address: u64, value: u64) {
        self.0 &= value & entry::A != 0;
    }

    #[inline(always)]
    fn visit_pae_pdpte(&mut self, _address: u64, _value: u64) {}
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
        self.aligned_u64(address)
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
    let mut trail = Trail::default();
    let outcome = find(tables, context, linear, &mut trail);
    Walk { outcome, trail }
}

/// The page of `linear`, or why there is none; `along` is told of the entries on the way.
///
/// # Errors
/// Why there is none.
#[inline(always)]
pub fn find(
    tables: &impl Tables,
    context: &Context,
    linear: u64,
    along: &mut impl Visit,
) -> Result<Page, Miss> {
    match context.mode {
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
        Mode::Legacy => legacy(tables, context, linear, along),
        Mode::Pae => pae(tables, context, linear, along),
        Mode::Level4 => long(tables, context, linear, 4, along),
        Mode::Level5 => long(tables, context, linear, 5, along),
    }
}

/// Rights that every level must grant: the bits that all its entries have, XD inverted.
#[derive(Clone, Copy)]
struct Rights(u64);

impl Rights {
    const ALL: Self = Self(u64::MAX);

    #[inline]
    fn and(self, value: u64) -> Self {
        Self(self.0 & (value ^ XD))
    }

    #[inline]
    fn page(self, physical: u64, size_bits: u8, leaf: u64) -> Page {
        Page {
            physical,
            size_bits,
            writable: self.0 & RW != 0,
            user: self.0 & US != 0,
            executable: self.0 & XD != 0,
            global: leaf & entry::G != 0,
            dirty: leaf & entry::D != 0,
            // Zero in entries of four bytes, and in those of PAE paging, where it is reserved.
            key: (leaf >> entry::KEY_SHIFT) as u8 & 15,
        }
    }
}

/// Address bits of an 8-byte entry: 51 down to 12.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What 8-byte entries may not have.
#[derive(Clone, Copy)]
struct Reserved {
    /// Bits of an entry of any level.
    bits: u64,
    /// The lowest level whose entries cannot map a page.
    tables: u8,
}

impl Reserved {
    #[inline]
    fn of(context: &Context) -> Self {
        let mut bits = ADDRESS & !((1u64 << context.physical_bits.min(52)) - 1);
        if !context.nxe {
            bits |= XD;
        }
        if context.mode == Mode::Pae {
            // What 4-level paging leaves to software is reserved here (SDM volume 3, 5.4.2).
            bits |= 0x7ff0_0000_0000_0000;
        }
        Self { bits, tables: if context.gigabyte_pages { 4 } else { 3 } }
    }
}

#[inline]
fn long(
    tables: &impl Tables,
    cx: &Context,
    linear: u64,
    levels: u8,
    along: &mut impl Visit,
) -> Result<Page, Miss> {
    if !canonical(linear, 12 + 9 * u32::from(levels)) {
        return Err(Miss::NonCanonical);
    }
    descend(tables, Reserved::of(cx), linear, (cx.cr3 & ADDRESS, levels), along)
}

fn pae(tables: &impl Tables, cx: &Context, linear: u64, along: &mut impl Visit) -> Result<Page, Miss> {
    let linear = linear & 0xffff_ffff;
    let index = linear >> 30;
    let address = (cx.cr3 & 0xffff_ffe0) + index * 8;
    let value = match cx.pdptes {
        Some(loaded) => loaded[index as usize],
        None => tables.entry64(address).ok_or(Miss::OutsideMemory)?,
    };
    along.visit_pae_pdpte(address, value);
    if value & entry::P == 0 {
        return Err(Miss::NotPresent);
    }
    descend(tables, Reserved::of(cx), linear, (value & ADDRESS, 2), along)
}

/// The common descent through 8-byte entries, from a table of this level down.
fn descend(
    tables: &impl Tables,
    reserved: Reserved,
    linear: u64,
    (mut table, mut level): (u64, u8),
    along: &mut impl Visit,
) -> Result<Page, Miss> {
    let mut rights = Rights::ALL;
    loop {
        let shift = 12 + 9 * u32::from(level - 1);
        let address = table + (linear >> shift & 0x1ff) * 8;
        let value = tables.entry64(address).ok_or(Miss::OutsideMemory)?;
        along.visit(level, address, value);
        if value & (entry::P | reserved.bits) != entry::P {
            return Err(if value & entry::P == 0 { Miss::NotPresent } else { Miss::Reserved });
        }
        rights = rights.and(value);
        if level == 1 || value & PS != 0 {
            let offset_mask = (1u64 << shift) - 1;
            // Bit 12 of a large page's entry is PAT; the bits between it and the page's size
            // are reserved. For a page of 4 KiB there are none.
            if level >= reserved.tables || value & offset_mask & ADDRESS & !0x1000 != 0 {
                return Err(Miss::Reserved);
            }
            let physical = value & ADDRESS & !offset_mask | linear & offset_mask;
            return Ok(rights.page(physical, shift as u8, value));
        }
        table = value & ADDRESS;
        level -= 1;
    }
}

fn legacy(tables: &impl Tables, cx: &Context, linear: u64, along: &mut impl Visit) -> Result<Page, Miss> {
    let linear = linear & 0xffff_ffff;
    let mut rights = Rights::ALL;
    let mut table = cx.cr3 & 0xffff_f000;
    for level in [2u8, 1] {
        let shift = if level == 2 { 22 } else { 12 };
        let address = table + (linear >> shift & 0x3ff) * 4;
        let value = u64::from(tables.entry32(address).ok_or(Miss::OutsideMemory)?);
        along.visit(level, address, value);
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
