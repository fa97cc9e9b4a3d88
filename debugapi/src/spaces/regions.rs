//! GetOffsetInformation, GetNextDifferentlyValidOffsetVirtual, GetValidRegionVirtual and
//! QueryVirtual (slots 34, 35, 36, 28): what lies where in virtual memory.
//!
//! An address is valid if a read of its byte by the debugger is answered: a page is present
//! there, by the page tables in memory, and leads to RAM, ROM or a device window. Nothing is
//! read but page tables, so no device notices.
//!
//! The page tables are stepped through by the largest span that one entry decides about, and a
//! table that is found again below equal rights is not looked into again. An empty half of the
//! address space costs one step for each entry of the root, and a table that the guest uses in
//! many places costs no more than one.

use std::collections::BTreeSet;

use ringhold_emulator::memory::Target;
use ringhold_emulator::mmu::walk::{Miss, Mode, Walk, entry};

use super::{DataSpace, DataSpaces};
use crate::Error;

const PAGE: u64 = 4096;
/// One past the last address.
const TOP: u128 = 1 << 64;
/// `DEBUG_OFFSINFO_VIRTUAL_SOURCE`
const VIRTUAL_SOURCE: u32 = 1;

/// The values of State, Protect and Type in [`MemoryBasicInformation`].
pub mod region {
    /// State: mapped.
    pub const COMMIT: u32 = 0x1000;
    /// State: not mapped.
    pub const FREE: u32 = 0x1_0000;
    /// Protect: not mapped.
    pub const NOACCESS: u32 = 1;
    /// Protect: neither written nor executed.
    pub const READONLY: u32 = 2;
    /// Protect: written, not executed.
    pub const READWRITE: u32 = 4;
    /// Protect: executed, not written.
    pub const EXECUTE_READ: u32 = 0x20;
    /// Protect: written and executed.
    pub const EXECUTE_READWRITE: u32 = 0x40;
    /// Added to Protect: the page is uncached (PAT types UC and UC-).
    pub const NOCACHE: u32 = 0x200;
    /// Added to Protect: the page is write-combining (PAT type WC).
    pub const WRITECOMBINE: u32 = 0x400;
    /// Type: RAM.
    pub const PRIVATE: u32 = 0x2_0000;
    /// Type: a device window or ROM.
    pub const MAPPED: u32 = 0x4_0000;
}

/// `MEMORY_BASIC_INFORMATION64`: pages that share their attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBasicInformation {
    /// The page of the address asked for; AllocationBase is the same.
    pub base_address: u64,
    /// Bytes from there to the next difference.
    pub region_size: u64,
    /// [`region::COMMIT`] or [`region::FREE`].
    pub state: u32,
    /// What software at privilege level 0 may do; AllocationProtect is the same.
    pub protect: u32,
    /// [`region::PRIVATE`], [`region::MAPPED`], or 0 where nothing is mapped.
    pub kind: u32,
}

impl MemoryBasicInformation {
    /// The structure as clients of the C kind see it.
    pub fn bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[0..8].copy_from_slice(&self.base_address.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.base_address.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.protect.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.region_size.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.state.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.protect.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.kind.to_le_bytes());
        bytes
    }
}

/// Where the bytes at a virtual address come from (`DEBUG_VSOURCE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum VirtualSource {
    /// Nothing answers there.
    Invalid = 0,
    /// The target.
    Debuggee = 1,
}

/// What the pages of a run share. Invalid ones have nothing to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attributes {
    Free,
    Mapped { protect: u32, kind: u32 },
}

impl Attributes {
    fn valid(self) -> bool {
        self != Self::Free
    }
}

/// A table met on the way: its level, its address, and the rights that the entries above it
/// leave. What is below depends on nothing else.
type Table = (u8, u64, u64);

/// The tables that the run found alike from their first entry to their last.
#[derive(Default)]
struct Alike {
    tables: BTreeSet<Table>,
    /// Those being stepped through, each from its first entry on.
    open: Vec<(Table, u128)>,
}

impl DataSpaces<'_> {
    /// GetOffsetInformation: where the bytes at an address come from.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless the space is virtual memory (0) and the question is
    /// `DEBUG_OFFSINFO_VIRTUAL_SOURCE` (1), or if the current processor does not exist.
    pub fn offset_information(&self, space: u32, which: u32, offset: u64) -> Result<VirtualSource, Error> {
        if space != DataSpace::Virtual as u32 || which != VIRTUAL_SOURCE {
            return Err(Error::InvalidArgument("only the source of virtual memory can be asked for"));
        }
        let valid = self.span(&self.walk(offset)?, offset.into()).0.valid();
        Ok(if valid { VirtualSource::Debuggee } else { VirtualSource::Invalid })
    }

    /// GetNextDifferentlyValidOffsetVirtual: the first address above this one that is valid if
    /// this one is not, or the reverse. Addresses that are not canonical are invalid ones.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the validity is the same up to the top;
    /// [`Error::InvalidArgument`] if the current processor does not exist.
    pub fn next_differently_valid_offset_virtual(&self, offset: u64) -> Result<u64, Error> {
        let (first, end) = self.run(offset.into(), TOP, |one, other| one.valid() == other.valid())?;
        debug_assert!(end > offset.into(), "{first:?}");
        u64::try_from(end).map_err(|_| Error::NotFound)
    }

    /// GetValidRegionVirtual: base and size of the first valid run inside `[base, base + size)`.
    ///
    /// # Errors
    /// [`Error::Failed`] if no byte there is valid (the size to deliver is zero then);
    /// [`Error::InvalidArgument`] if the current processor does not exist.
    pub fn valid_region_virtual(&self, base: u64, size: u32) -> Result<(u64, u32), Error> {
        let end = (u128::from(base) + u128::from(size)).min(TOP);
        let mut at = u128::from(base);
        while at < end {
            let (first, next) = self.run(at, end, |one, other| one.valid() == other.valid())?;
            if first.valid() {
                return Ok((at as u64, (next.min(end) - at) as u32));
            }
            at = next;
        }
        Err(Error::Failed("no address of the range is valid"))
    }

    /// QueryVirtual: the pages from that of `offset` on that share its attributes. Where nothing
    /// is mapped they are free ones; a run ends where canonical addresses do.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for what is no address in the processor's mode, or if the
    /// current processor does not exist.
    pub fn query_virtual(&self, offset: u64) -> Result<MemoryBasicInformation, Error> {
        let walked = self.walk(offset)?;
        if walked.outcome == Err(Miss::NonCanonical) {
            return Err(Error::InvalidArgument("the address is not canonical"));
        }
        let base_address = offset & !(PAGE - 1);
        let limit = match self.mode() {
            Mode::Level4 => 1u128 << 47,
            Mode::Level5 => 1u128 << 56,
            _ => 1u128 << 32,
        };
        let limit = if u128::from(offset) < limit { limit } else { TOP };
        let (attributes, end) = self.run(base_address.into(), limit, |one, other| one == other)?;
        let region_size = (end.min(limit) - u128::from(base_address)) as u64;
        Ok(match attributes {
            Attributes::Free => MemoryBasicInformation {
                base_address,
                region_size,
                state: region::FREE,
                protect: region::NOACCESS,
                kind: 0,
            },
            Attributes::Mapped { protect, kind } => {
                MemoryBasicInformation { base_address, region_size, state: region::COMMIT, protect, kind }
            }
        })
    }

    fn mode(&self) -> Mode {
        self.machine.cpus.get(self.context.cpu).map_or(Mode::Level4, |cpu| cpu.paging().mode)
    }

    /// The attributes at `start`, and the first address that differs; it may lie above `limit`,
    /// where the search ends.
    fn run(
        &self,
        start: u128,
        limit: u128,
        same: impl Fn(Attributes, Attributes) -> bool,
    ) -> Result<(Attributes, u128), Error> {
        let mut walked = self.walk(start as u64)?;
        let (first, mut at) = self.span(&walked, start);
        let mut alike = Alike::default();
        let wide = !matches!(self.mode(), Mode::Off | Mode::Legacy);
        if wide {
            alike.enter(&walked, start);
        }
        while at < limit {
            walked = self.walk(at as u64)?;
            if wide {
                alike.close(at);
                if let Some(end) = alike.enter(&walked, at) {
                    at = end;
                    continue;
                }
            }
            let (attributes, end) = self.span(&walked, at);
            if !same(first, attributes) {
                break;
            }
            at = end;
        }
        Ok((first, at))
    }

    /// What one walk says of its address, and the first address that it does not speak of.
    fn span(&self, walked: &Walk, at: u128) -> (Attributes, u128) {
        let Ok(page) = walked.outcome else { return (Attributes::Free, self.behind(walked, at)) };
        let memory = &self.machine.board.fabric.memory;
        let paging = self.mode() != Mode::Off;
        let shift = if paging { u32::from(page.size_bits) } else { 32 };
        let rest = (1u64 << shift) - (at as u64 & ((1 << shift) - 1));
        // With A20 masked, physical memory repeats itself above each odd megabyte.
        let masked = if memory.a20() { page.physical } else { page.physical & !(1 << 20) };
        let rest = if memory.a20() { rest } else { rest.min((1 << 20) - masked % (1 << 20)) };
        let (target, room) = memory.span(masked);
        let rom = matches!(target, Target::Rom { .. });
        let kind = match target {
            Target::Ram { .. } => region::PRIVATE,
            Target::Rom { .. } | Target::Mmio { .. } => region::MAPPED,
            Target::Hole => return (Attributes::Free, at + u128::from(rest.min(room))),
        };
        let mut protect = match (page.writable && !rom, page.executable) {
            (false, false) => region::READONLY,
            (true, false) => region::READWRITE,
            (false, true) => region::EXECUTE_READ,
            (true, true) => region::EXECUTE_READWRITE,
        };
        protect |= self.cache_flags(walked, page.size_bits);
        (Attributes::Mapped { protect, kind }, at + u128::from(rest.min(room)))
    }

    /// The flag of the page's memory type, which its entry chooses from the processor's PAT.
    fn cache_flags(&self, walked: &Walk, size_bits: u8) -> u32 {
        let leaf = walked.trail.iter().next_back();
        let (Some(leaf), Some(cpu)) = (leaf, self.machine.cpus.get(self.context.cpu)) else { return 0 };
        let pat = if size_bits == 12 { 1 << 7 } else { 1 << 12 };
        let bit = |mask: u64| usize::from(leaf.value & mask != 0);
        let index = bit(pat) << 2 | bit(entry::PCD) << 1 | bit(entry::PWT);
        match cpu.msr.pat.to_le_bytes()[index] {
            0 | 7 => region::NOCACHE,
            1 => region::WRITECOMBINE,
            _ => 0,
        }
    }
}

impl Alike {
    /// Looks at the tables that a walk passes. If one of them begins at `at` and is known to be
    /// alike, gives the address behind it.
    fn enter(&mut self, walked: &Walk, at: u128) -> Option<u128> {
        let mut rights = entry::RW | entry::US;
        let mut above = None;
        for visited in walked.trail.iter() {
            if let Some(value) = above {
                // A table of this level decides about the span of one entry above it.
                let end = (at | ((1 << (12 + 9 * u32::from(visited.level))) - 1)) + 1;
                rights = (rights & value & (entry::RW | entry::US)) | (rights | value) & entry::XD;
                let table = (visited.level, visited.address & !(PAGE - 1), rights);
                if at.is_multiple_of(1 << (12 + 9 * u32::from(visited.level))) {
                    if self.tables.contains(&table) {
                        return Some(end);
                    }
                    self.open.push((table, end));
                }
            }
            above = Some(visited.value);
        }
        None
    }

    /// The run has come to `at`: tables that end there are alike.
    fn close(&mut self, at: u128) {
        while let Some((table, end)) = self.open.last().copied() {
            if end > at {
                break;
            }
            self.open.pop();
            self.tables.insert(table);
        }
    }
}
