//! The physical map: what answers at which physical address.

use super::PAGE;
use crate::bus::DeviceId;

/// What answers at an address, and at which place of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// RAM, at this offset of the backing store.
    Ram {
        /// Bytes from the start of the backing store.
        offset: u64,
    },
    /// ROM, at this offset of the backing store: guest writes have no effect.
    Rom {
        /// Bytes from the start of the backing store.
        offset: u64,
    },
    /// A device window.
    Mmio {
        /// Whose it is.
        device: DeviceId,
        /// The device's number for it.
        window: u8,
        /// Bytes from its start.
        offset: u64,
    },
    /// Nothing: reads give all ones.
    Hole,
}

/// One mapped span of physical addresses, 4 KiB aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// What its first byte is.
    pub first: Target,
}

impl Range {
    /// RAM backed from `offset` on.
    pub fn ram(start: u64, size: u64, offset: u64) -> Self {
        Self { start, size, first: Target::Ram { offset } }
    }

    /// ROM backed from `offset` on.
    pub fn rom(start: u64, size: u64, offset: u64) -> Self {
        Self { start, size, first: Target::Rom { offset } }
    }

    /// A device window.
    pub fn mmio(start: u64, size: u64, device: DeviceId, window: u8) -> Self {
        Self { start, size, first: Target::Mmio { device, window, offset: 0 } }
    }

    fn last(&self) -> u64 {
        self.start + (self.size - 1)
    }
}

/// Two things would answer at one address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("physical range {start:#x}+{size:#x} is empty, unaligned or overlaps another")]
pub struct MapConflict {
    /// First address of the refused range.
    pub start: u64,
    /// Its bytes.
    pub size: u64,
}

/// All mapped ranges, sorted, without overlap.
#[derive(Clone, Debug, Default)]
pub struct PhysicalMap {
    ranges: Vec<Range>,
    /// First address, size and backing offset of the largest range of RAM: most accesses.
    main: (u64, u64, u64),
}

impl PhysicalMap {
    /// Maps a range.
    ///
    /// # Errors
    /// If it is empty, not page aligned, runs over the top, or overlaps another.
    pub fn add(&mut self, range: Range) -> Result<(), MapConflict> {
        let conflict = MapConflict { start: range.start, size: range.size };
        let aligned = range.start.is_multiple_of(PAGE) && range.size.is_multiple_of(PAGE);
        if !aligned || range.size == 0 || range.start.checked_add(range.size).is_none() {
            return Err(conflict);
        }
        let at = self.ranges.partition_point(|other| other.last() < range.start);
        if self.ranges.get(at).is_some_and(|other| other.start <= range.last()) {
            return Err(conflict);
        }
        self.ranges.insert(at, range);
        self.find_main();
        Ok(())
    }

    /// Unmaps the range that begins at `start`, if there is one.
    pub fn remove(&mut self, start: u64) -> Option<Range> {
        let at = self.ranges.iter().position(|range| range.start == start)?;
        let removed = self.ranges.remove(at);
        self.find_main();
        Some(removed)
    }

    fn find_main(&mut self) {
        let ram = self.ranges.iter().filter_map(|range| match range.first {
            Target::Ram { offset } => Some((range.start, range.size, offset)),
            _ => None,
        });
        self.main = ram.max_by_key(|ram| ram.1).unwrap_or_default();
    }

    /// The backing offset of `address` if it lies in the largest range of RAM.
    #[inline(always)]
    pub fn main_ram(&self, address: u64) -> Option<u64> {
        let (start, size, offset) = self.main;
        let delta = address.wrapping_sub(start);
        (delta < size).then(|| offset + delta)
    }

    /// What answers at `address`.
    #[inline]
    pub fn find(&self, address: u64) -> Target {
        match self.main_ram(address) {
            Some(offset) => Target::Ram { offset },
            None => self.search(address),
        }
    }

    fn search(&self, address: u64) -> Target {
        let at = self.ranges.partition_point(|range| range.last() < address);
        let Some(range) = self.ranges.get(at).filter(|range| range.start <= address) else {
            return Target::Hole;
        };
        let delta = address - range.start;
        match range.first {
            Target::Ram { offset } => Target::Ram { offset: offset + delta },
            Target::Rom { offset } => Target::Rom { offset: offset + delta },
            Target::Mmio { device, window, .. } => Target::Mmio { device, window, offset: delta },
            Target::Hole => Target::Hole,
        }
    }

    /// What answers at `address`, and for how many bytes from there on the same thing does.
    pub fn span(&self, address: u64) -> (Target, u64) {
        let at = self.ranges.partition_point(|range| range.last() < address);
        match self.ranges.get(at) {
            Some(range) if range.start <= address => {
                (self.find(address), range.size - (address - range.start))
            }
            Some(range) => (Target::Hole, range.start - address),
            None => (Target::Hole, u64::MAX),
        }
    }

    /// The mapped ranges, ascending.
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_overlap() {
        let mut map = PhysicalMap::default();
        map.add(Range::ram(0, 0xa0000, 0)).unwrap();
        map.add(Range::mmio(0xa0000, 0x20000, DeviceId(3), 1)).unwrap();
        assert!(map.add(Range::ram(0x9f000, 0x2000, 0)).is_err());
        assert!(map.add(Range::ram(0x100001, 0x1000, 0)).is_err());
        assert!(map.add(Range::ram(u64::MAX - 0xfff, 0x1000, 0)).is_err());
        assert_eq!(map.find(0x9ffff), Target::Ram { offset: 0x9ffff });
        assert_eq!(map.find(0xa0010), Target::Mmio { device: DeviceId(3), window: 1, offset: 0x10 });
        assert_eq!(map.find(0xc0000), Target::Hole);
        assert!(map.remove(0xa0000).is_some());
        assert_eq!(map.find(0xa0010), Target::Hole);
    }
}
