//! Puts bytes into guest memory, and knows what lies where.

use ringhold_emulator::memory::Memory;

use super::{BootError, Layout};

struct Placed {
    start: u64,
    end: u64,
    what: String,
}

/// Puts bytes into guest memory, and knows what lies where.
pub struct Loader<'a> {
    memory: &'a mut Memory,
    layout: Layout,
    placed: Vec<Placed>,
}

impl<'a> Loader<'a> {
    /// A loader for memory in which nothing was placed yet.
    pub fn new(memory: &'a mut Memory, layout: Layout) -> Self {
        Self { memory, layout, placed: Vec::new() }
    }

    /// Where RAM lies.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Keeps `[start, start + len)` for `what`. RAM is zero at power-on.
    ///
    /// # Errors
    /// When it is not all RAM, or overlaps what was placed before.
    pub fn reserve(&mut self, what: &str, start: u64, len: u64) -> Result<(), BootError> {
        if len == 0 {
            return Ok(());
        }
        let last = start.saturating_add(len - 1);
        let usable = self.layout.usable();
        let inside = start.checked_add(len).filter(|end| usable.iter().any(|(s, e)| *s <= start && end <= e));
        let Some(end) = inside else {
            let ram: Vec<_> = usable.iter().map(|(s, e)| format!("{s:#x}-{:#x}", e - 1)).collect();
            return Err(BootError::OutsideRam { what: what.into(), start, last, ram: ram.join(", ") });
        };
        if let Some(other) = self.placed.iter().find(|other| start < other.end && other.start < end) {
            let other = format!("{} at {:#x}-{:#x}", other.what, other.start, other.end - 1);
            return Err(BootError::Overlap { what: what.into(), start, last, other });
        }
        self.placed.push(Placed { start, end, what: what.into() });
        Ok(())
    }

    /// Puts `bytes` at `start`.
    ///
    /// # Errors
    /// As for [`Self::reserve`].
    pub fn place(&mut self, what: &str, start: u64, bytes: &[u8]) -> Result<(), BootError> {
        self.reserve(what, start, bytes.len() as u64)?;
        self.write(start, bytes);
        Ok(())
    }

    /// Writes into what was reserved.
    pub fn write(&mut self, start: u64, bytes: &[u8]) {
        let written = self.memory.write_backdoor(start, bytes);
        debug_assert_eq!(written, bytes.len(), "only reserved RAM is written");
    }

    /// The highest free place for `len` bytes at or above `floor` and below `limit`.
    pub fn find(&self, len: u64, align: u64, floor: u64, limit: u64) -> Option<u64> {
        let mut spans = self.layout.usable();
        spans.reverse();
        spans.into_iter().find_map(|(start, end)| {
            let (start, mut end) = (start.max(floor), end.min(limit));
            loop {
                let at = end.checked_sub(len)? / align * align;
                if at < start {
                    return None;
                }
                let hit = self.placed.iter().find(|other| at < other.end && other.start < at + len.max(1));
                match hit {
                    None => return Some(at),
                    Some(other) => end = other.start,
                }
            }
        })
    }

    /// Puts `bytes` at the highest free place at or above `floor` and below `limit`, and says where.
    ///
    /// # Errors
    /// When there is no such place.
    pub fn place_high(
        &mut self,
        what: &str,
        bytes: &[u8],
        align: u64,
        floor: u64,
        limit: u64,
    ) -> Result<u64, BootError> {
        let len = bytes.len() as u64;
        let room = || BootError::NoRoom { what: what.into(), bytes: len, limit };
        let at = self.find(len, align, floor, limit).ok_or_else(room)?;
        self.place(what, at, bytes)?;
        Ok(at)
    }

    /// Puts a boot structure into conventional memory, and says where.
    ///
    /// # Errors
    /// When there is no place.
    pub fn place_low(&mut self, what: &str, bytes: &[u8]) -> Result<u64, BootError> {
        self.place_high(what, bytes, 4096, 0x1000, Layout::EBDA)
    }

    /// Puts a module where large things go: at the top of low RAM.
    ///
    /// # Errors
    /// When there is no place.
    pub fn place_module(&mut self, what: &str, bytes: &[u8]) -> Result<u64, BootError> {
        self.place_high(what, bytes, 4096, 1 << 20, self.layout.low_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::tests::memory;

    #[test]
    fn things_neither_overlap_nor_leave_ram() {
        let mut memory = memory(4 << 20);
        let mut loader = Loader::new(&mut memory, Layout::new(4 << 20));
        loader.place("the kernel", 0x10_0000, &[1; 0x2001]).unwrap();
        let error = loader.place("a module", 0x10_2000, &[2]).unwrap_err().to_string();
        assert_eq!(error, "a module at 0x102000-0x102000 would overlap the kernel at 0x100000-0x102000");
        for (start, len) in
            [(0x9fbff, 2), (0xf0000, 1), (0x3f_ffff, 2), (u64::MAX, 1), (u64::MAX, 2), (5, u64::MAX)]
        {
            let error = loader.reserve("it", start, len).unwrap_err().to_string();
            assert!(error.contains("no RAM") && error.contains("0x100000-0x3fffff"), "{error}");
        }
        assert_eq!(loader.place_module("a", &[0; 5000]).unwrap(), 0x3f_e000);
        assert_eq!(loader.place_module("b", &[0; 5000]).unwrap(), 0x3f_c000);
        assert_eq!(loader.place_low("c", &[0; 5000]).unwrap(), 0x9e000);
        assert!(matches!(loader.place_module("d", &[0; 3 << 20]), Err(BootError::NoRoom { .. })));
        assert_eq!(loader.find(0x10, 16, 0x10_0000, 0x10_3000), Some(0x10_2ff0));
        assert_eq!(loader.find(0x10, 0x1000, 0x10_0000, 0x10_3000), None);
    }
}
