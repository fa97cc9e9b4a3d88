//! Where RAM lies in the physical address space.

/// The end of RAM below 4 GiB, where the window of PCI and the chipset begins.
const LOW_LIMIT: u64 = 0xc000_0000;
/// Where RAM goes on.
const HIGH_START: u64 = 1 << 32;
/// Conventional memory ends here; the last KiB is the extended BIOS data area.
const VGA_HOLE: u64 = 0xa_0000;
const MEGABYTE: u64 = 1 << 20;

/// Where RAM lies in the physical address space.
///
/// Low RAM goes from 0 to at most 3 GiB, without 0xa0000-0xfffff; the rest begins at 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of RAM, as configured. The 384 KiB of the hole count as RAM that is not seen.
    pub memory: u64,
}

impl Layout {
    /// Where the extended BIOS data area begins.
    pub const EBDA: u64 = 0x9_fc00;
    /// Where the window of adapters and ROMs begins.
    pub const HOLE: u64 = VGA_HOLE;
    /// Where the window of the system ROM begins; it ends at 1 MiB.
    pub const ROM: u64 = 0xe_0000;

    /// The layout of `memory` bytes.
    pub fn new(memory: u64) -> Self {
        Self { memory }
    }

    /// The end of low RAM.
    pub fn low_end(&self) -> u64 {
        self.memory.min(LOW_LIMIT)
    }

    /// Bytes of RAM above 4 GiB.
    pub fn high(&self) -> u64 {
        self.memory - self.low_end()
    }

    /// The end of all RAM.
    pub fn top(&self) -> u64 {
        if self.high() == 0 { self.low_end() } else { HIGH_START.saturating_add(self.high()) }
    }

    /// Spans of RAM as `(start, end)`, ascending.
    pub fn ram(&self) -> Vec<(u64, u64)> {
        let mut spans = vec![(0, VGA_HOLE), (MEGABYTE, self.low_end())];
        if self.high() != 0 {
            spans.push((HIGH_START, self.top()));
        }
        spans
    }

    /// Spans of RAM that guests may take for free.
    pub fn usable(&self) -> Vec<(u64, u64)> {
        let mut spans = self.ram();
        spans[0].1 = Self::EBDA;
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_over_three_gigabytes_goes_on_above_four() {
        let small = Layout::new(512 << 20);
        assert_eq!(small.ram(), [(0, 0xa0000), (0x10_0000, 0x2000_0000)]);
        assert_eq!(small.top(), 0x2000_0000);
        let large = Layout::new(4 << 30);
        assert_eq!(large.ram()[2], (1 << 32, 0x1_4000_0000));
        assert_eq!(large.usable()[0], (0, 0x9fc00));
    }
}
