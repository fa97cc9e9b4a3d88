//! Guest-physical memory: RAM, ROM, device windows, and the bitmaps that every store keeps true.

mod map;
mod monitor;
pub(crate) mod ram;

pub use map::{MapConflict, PhysicalMap, Range, Target};
pub use monitor::Monitor;
pub use ram::Ram;

use serde::{Deserialize, Serialize};

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// Bytes of a line of the code bitmap.
pub const CODE_LINE: u64 = 128;

/// A span of backing store that held decoded code and was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleCode {
    /// Page number in the backing store.
    pub page: u32,
    /// The lines that were written, one bit each.
    pub lines: u32,
}

/// What the chipset lets the processor see of memory now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Address bit 20 is let through.
    pub a20: bool,
    /// SMRAM answers where it lies: to data accesses.
    pub smram_data: bool,
    /// The same for instruction fetches.
    pub smram_code: bool,
}

impl View {
    /// What bus masters see: the A20 gate sits at the processor, and SMRAM is not for them.
    pub const BUS: Self = Self { a20: true, smram_data: false, smram_code: false };

    fn mask(self) -> u64 {
        if self.a20 { u64::MAX } else { !(1 << 20) }
    }
}

/// All that answers at physical addresses.
///
/// Every write to RAM, whoever makes it, passes through here (or through a TLB entry that was
/// filled from here), so dirty pages and stale code are known in one place.
pub struct Memory {
    ram: Ram,
    map: PhysicalMap,
    /// One bit a line of 128 bytes, a word a page: blocks were decoded from there.
    code: Vec<u32>,
    /// One bit a page: written since power-on.
    dirty: Vec<u64>,
    stale: Vec<StaleCode>,
    /// RAM behind what the map has there: first address, bytes, backing offset.
    smram: (u64, u64, u64),
    view: View,
    /// The line that the processor monitors.
    pub monitor: Monitor,
    /// All ones, or all but bit 20. Hot twin of `view`.
    a20_mask: u64,
}

/// The machine's memory cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The host gave no address space.
    #[error("the host cannot reserve {bytes} bytes for guest memory: {source}")]
    Reserve {
        /// How much was asked for.
        bytes: u64,
        /// What the host said.
        source: std::io::Error,
    },
    /// Two ranges overlap.
    #[error(transparent)]
    Conflict(#[from] MapConflict),
}

impl Memory {
    /// Memory with `backing` bytes (a multiple of 4 KiB) of zeroed backing store and nothing mapped.
    ///
    /// # Errors
    /// When the host cannot reserve the address space.
    pub fn new(backing: u64) -> Result<Self, MemoryError> {
        let ram = Ram::new(backing).map_err(|source| MemoryError::Reserve { bytes: backing, source })?;
        let pages = (backing / PAGE) as usize;
        Ok(Self {
            ram,
            map: PhysicalMap::default(),
            code: vec![0; pages],
            dirty: vec![0; pages.div_ceil(64)],
            stale: Vec::new(),
            smram: (0, 0, 0),
            view: View::BUS,
            monitor: Monitor::default(),
            a20_mask: View::BUS.mask(),
        })
    }

    /// The physical map.
    pub fn map(&self) -> &PhysicalMap {
        &self.map
    }

    /// The physical map, to change. Whoever does so must have the TLBs flushed.
    pub fn map_mut(&mut self) -> &mut PhysicalMap {
        &mut self.map
    }

    /// The backing store.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// Puts RAM of `size` bytes, backed from `offset` on, behind what the map has at `start` (no
    /// RAM): it answers where the view shows SMRAM.
    pub fn put_smram(&mut self, start: u64, size: u64, offset: u64) {
        self.smram = (start, size, offset);
    }

    /// Sets what the processor sees; tells whether that changed anything. Whoever changes it must
    /// have the TLBs flushed.
    pub fn set_view(&mut self, view: View) -> bool {
        self.a20_mask = view.mask();
        std::mem::replace(&mut self.view, view) != view
    }

    /// What the processor sees.
    pub fn view(&self) -> View {
        self.view
    }

    /// Makes an access as another bus master than the processor makes it.
    pub fn as_bus_master<R>(&mut self, access: impl FnOnce(&mut Self) -> R) -> R {
        let processors = self.view;
        self.set_view(View::BUS);
        let result = access(self);
        self.set_view(processors);
        result
    }

    /// Whether address bit 20 is let through.
    pub fn a20(&self) -> bool {
        self.view.a20
    }

    /// What answers data accesses at `address`, after the A20 gate.
    #[inline]
    pub fn target(&self, address: u64) -> Target {
        self.find(address, self.view.smram_data)
    }

    /// What answers instruction fetches at `address`, after the A20 gate.
    pub fn code_target(&self, address: u64) -> Target {
        self.find(address, self.view.smram_code)
    }

    #[inline]
    fn find(&self, address: u64, smram: bool) -> Target {
        let address = address & self.a20_mask;
        match self.map.main_ram(address) {
            Some(offset) => Target::Ram { offset },
            None => self.beside_main_ram(address, smram),
        }
    }

    fn beside_main_ram(&self, address: u64, smram: bool) -> Target {
        let found = self.map.find(address);
        let (start, size, offset) = self.smram;
        let within = address.wrapping_sub(start);
        match found {
            Target::Hole | Target::Mmio { .. } if smram && within < size => {
                Target::Ram { offset: offset + within }
            }
            found => found,
        }
    }

    /// What answers data accesses at `address`, after the A20 gate, and for how many bytes from
    /// there on the same thing does.
    pub fn span(&self, address: u64) -> (Target, u64) {
        let address = address & self.a20_mask;
        let (found, room) = self.map.span(address);
        let (start, size, _) = self.smram;
        match self.target(address) {
            _ if !self.view.smram_data => (found, room),
            target if target != found => (target, room.min(size - (address - start))),
            target if address < start => (target, room.min(start - address)),
            target => (target, room),
        }
    }

    /// The place in the backing store of `len` bytes at `address`, if they lie within one page of the
    /// largest range of RAM.
    #[inline]
    pub(crate) fn ram_in_page(&self, address: u64, len: usize) -> Option<u64> {
        let offset = self.map.main_ram(address & self.a20_mask)?;
        (address % PAGE + len as u64 <= PAGE).then_some(offset)
    }

    /// Reads RAM and ROM. Returns how many bytes were read before the first address that is
    /// neither; no device is touched.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.spans(address, buffer.len(), |target, at, len| match target {
            Target::Ram { offset } | Target::Rom { offset } => {
                self.ram.read(offset, &mut buffer[at..at + len]);
                true
            }
            Target::Mmio { .. } | Target::Hole => false,
        })
    }

    /// Writes RAM. Returns how many bytes were written before the first address that is not RAM.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> usize {
        self.store(address, bytes, false)
    }

    /// Writes RAM and ROM, as a loader or a `Backdoor` access does.
    pub fn write_backdoor(&mut self, address: u64, bytes: &[u8]) -> usize {
        self.store(address, bytes, true)
    }

    fn store(&mut self, address: u64, bytes: &[u8], rom: bool) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let len = (bytes.len() - done).min((PAGE - at % PAGE) as usize);
            match self.target(at) {
                Target::Ram { offset } => self.store_backing(offset, &bytes[done..done + len]),
                Target::Rom { offset } if rom => self.store_backing(offset, &bytes[done..done + len]),
                _ => break,
            }
            done += len;
        }
        done
    }

    /// Writes backing store within one page.
    #[inline(always)]
    pub(crate) fn store_backing(&mut self, offset: u64, bytes: &[u8]) {
        self.ram.write(offset, bytes);
        self.written(offset, bytes.len() as u64);
    }

    /// Reads a little-endian 64-bit word of RAM or ROM; `None` where there is neither.
    #[inline]
    pub fn read_u64(&self, address: u64) -> Option<u64> {
        if let Some(offset) = self.ram_in_page(address, 8) {
            return Some(self.ram.read_u64(offset));
        }
        let mut bytes = [0; 8];
        (self.read(address, &mut bytes) == 8).then(|| u64::from_le_bytes(bytes))
    }

    /// [`Self::read_u64`] of an address that is a multiple of eight, as those of table entries are.
    #[inline(always)]
    pub fn aligned_u64(&self, address: u64) -> Option<u64> {
        match self.map.main_ram(address & self.a20_mask) {
            Some(offset) => Some(self.ram.read_u64(offset)),
            None => self.read_u64(address),
        }
    }

    /// Reads a little-endian 32-bit word of RAM or ROM; `None` where there is neither.
    pub fn read_u32(&self, address: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        (self.read(address, &mut bytes) == 4).then(|| u32::from_le_bytes(bytes))
    }

    fn spans(&self, address: u64, len: usize, mut visit: impl FnMut(Target, usize, usize) -> bool) -> usize {
        let mut done = 0;
        while done < len {
            let at = address.wrapping_add(done as u64);
            let span = (len - done).min((PAGE - at % PAGE) as usize);
            if !visit(self.target(at), done, span) {
                break;
            }
            done += span;
        }
        done
    }

    /// Records that backing bytes `[offset, offset + len)`, within one page, were written:
    /// the page is dirty, and code decoded from the touched lines is stale.
    #[inline]
    pub fn written(&mut self, offset: u64, len: u64) {
        let page = (offset / PAGE) as usize;
        self.dirty[page / 64] |= 1 << (page % 64);
        if self.code[page] != 0 {
            self.code_written(page, lines(offset % PAGE, len));
        }
    }

    fn code_written(&mut self, page: usize, lines: u32) {
        let lines = lines & self.code[page];
        if lines != 0 {
            self.code[page] &= !lines;
            self.stale.push(StaleCode { page: page as u32, lines });
        }
    }

    /// Marks the page of backing `offset` as written, without touching it.
    #[inline]
    pub fn mark_dirty(&mut self, offset: u64) {
        let page = (offset / PAGE) as usize;
        self.dirty[page / 64] |= 1 << (page % 64);
    }

    /// Whether blocks were decoded from the page of backing `offset`.
    #[inline]
    pub fn holds_code(&self, offset: u64) -> bool {
        self.code[(offset / PAGE) as usize] != 0
    }

    /// Whether a block was decoded from the lines of backing bytes `[offset, offset + len)` of one page.
    pub fn covers_code(&self, offset: u64, len: u64) -> bool {
        self.code[(offset / PAGE) as usize] & lines(offset % PAGE, len) != 0
    }

    /// Records that a block was decoded from backing bytes `[offset, offset + len)` of one page.
    pub fn mark_code(&mut self, offset: u64, len: u64) {
        self.code[(offset / PAGE) as usize] |= lines(offset % PAGE, len);
    }

    /// Whether a write has hit decoded code that has not been dropped yet.
    #[inline]
    pub fn has_stale_code(&self) -> bool {
        !self.stale.is_empty()
    }

    /// Takes the spans of code that became stale.
    pub fn take_stale_code(&mut self) -> Vec<StaleCode> {
        std::mem::take(&mut self.stale)
    }

    /// Bytes of RAM and ROM in pages written since power-on.
    pub fn touched_bytes(&self) -> u64 {
        self.dirty.iter().map(|word| u64::from(word.count_ones())).sum::<u64>() * PAGE
    }

    /// The numbers of the backing pages written since power-on, ascending.
    pub fn dirty_pages(&self) -> impl Iterator<Item = u64> {
        self.dirty.iter().enumerate().flat_map(|(i, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| i as u64 * 64 + bit)
        })
    }
}

/// The code-bitmap lines that bytes `[at, at + len)` of a page touch.
#[inline]
fn lines(at: u64, len: u64) -> u32 {
    let first = at / CODE_LINE;
    let last = (at + len.max(1) - 1) / CODE_LINE;
    (u32::MAX << first) & (u32::MAX >> (31 - last.min(31)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let mut memory = Memory::new(16 * PAGE).unwrap();
        memory.map_mut().add(Range::ram(0, 8 * PAGE, 0)).unwrap();
        memory.map_mut().add(Range::rom(0x10_0000, PAGE, 8 * PAGE)).unwrap();
        memory
    }

    #[test]
    fn writes_stop_at_rom_and_holes() {
        let mut memory = memory();
        assert_eq!(memory.write(8 * PAGE - 3, &[1; 8]), 3);
        assert_eq!(memory.write(0x10_0000, &[1]), 0);
        assert_eq!(memory.write_backdoor(0x10_0000, &[7; 8]), 8);
        assert_eq!(memory.read_u64(0x10_0000), Some(0x0707_0707_0707_0707));
        assert_eq!(memory.read_u64(0x20_0000), None);
    }

    #[test]
    fn a_write_into_code_is_noticed_exactly() {
        let mut memory = memory();
        memory.mark_code(2 * PAGE + 120, 16);
        memory.write(2 * PAGE + 256, &[1]);
        assert!(!memory.has_stale_code());
        memory.write(2 * PAGE + 100, &[1; 30]);
        assert_eq!(memory.take_stale_code(), [StaleCode { page: 2, lines: 0b11 }]);
        assert!(!memory.holds_code(2 * PAGE));
        assert_eq!(memory.dirty_pages().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_a20_gate_folds_the_second_megabyte() {
        let mut memory = memory();
        memory.write(5, &[42]);
        memory.set_view(View { a20: false, ..View::BUS });
        let mut byte = [0];
        assert_eq!(memory.read((1 << 20) + 5, &mut byte), 1);
        assert_eq!(byte, [42]);
        // The gate is not on the way of bus masters.
        assert_eq!(memory.as_bus_master(|m| m.read((1 << 20) + 5, &mut byte)), 1);
        assert_eq!(byte, [0]);
        assert!(!memory.a20());
    }

    #[test]
    fn smram_answers_where_it_is_shown() {
        let mut memory = memory();
        memory.put_smram(0xa_0000, PAGE, 4 * PAGE);
        assert_eq!(memory.write(0xa_0010, &[1]), 0);
        memory.set_view(View { smram_code: true, ..View::BUS });
        assert_eq!(memory.target(0xa_0010), Target::Hole);
        assert_eq!(memory.code_target(0xa_0010), Target::Ram { offset: 4 * PAGE + 16 });
        memory.set_view(View { smram_data: true, ..View::BUS });
        assert_eq!(memory.write(0xa_0010, &[1]), 1);
        assert_eq!(memory.as_bus_master(|m| m.write(0xa_0010, &[1])), 0);
        assert_eq!(memory.target(0xa_1000), Target::Hole);
        assert_eq!(memory.span(0x9_f000), (Target::Hole, PAGE));
        assert_eq!(memory.span(0xa_0010), (Target::Ram { offset: 4 * PAGE + 16 }, PAGE - 16));
        assert_eq!(memory.span(0xa_1000), (Target::Hole, 0x10_0000 - 0xa_1000));
        memory.set_view(View::BUS);
        assert_eq!(memory.span(0xa_0010), (Target::Hole, 0x10_0000 - 0xa_0010));
    }
}
