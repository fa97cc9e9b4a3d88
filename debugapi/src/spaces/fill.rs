//! FillVirtual and FillPhysical (slots 26, 27).

use ringhold_emulator::inject::{Receipt, Semantics, Space};

use super::{Change, DataSpace, DataSpaces};
use crate::Error;

/// What a call did that makes several writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writes {
    /// How many bytes.
    pub count: usize,
    /// One receipt for each: of a fill, for each chunk of up to a mebibyte.
    pub receipts: Vec<Receipt>,
}

const CHUNK: usize = 1 << 20;

impl DataSpaces<'_> {
    /// FillVirtual: the pattern again and again over `size` bytes, the last copy cut off.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an empty pattern, [`Error::NothingWritten`] if the first
    /// byte is inaccessible.
    pub fn fill_virtual(&mut self, address: u64, size: u32, pattern: &[u8]) -> Result<Writes, Error> {
        self.fill(self.virtual_space(), address, size, pattern, DataSpace::Virtual)
    }

    /// FillPhysical: the same in physical memory.
    ///
    /// # Errors
    /// As [`Self::fill_virtual`].
    pub fn fill_physical(&mut self, address: u64, size: u32, pattern: &[u8]) -> Result<Writes, Error> {
        self.fill(Space::Physical, address, size, pattern, DataSpace::Physical)
    }

    fn fill(
        &mut self,
        space: Space,
        address: u64,
        size: u32,
        pattern: &[u8],
        kind: DataSpace,
    ) -> Result<Writes, Error> {
        if pattern.is_empty() {
            return Err(Error::InvalidArgument("a fill needs a pattern"));
        }
        let size = size as usize;
        let mut filled = Writes::default();
        while filled.count < size {
            let Some(at) = address.checked_add(filled.count as u64) else { break };
            let len = (size - filled.count).min(CHUNK);
            let copies = pattern.iter().cycle().skip(filled.count % pattern.len());
            let bytes: Vec<u8> = copies.take(len).copied().collect();
            let receipt = self.machine.write(space, at, Semantics::Debugger, &bytes).clone();
            if receipt.written == 0 {
                if filled.count == 0 {
                    return Err(Error::NothingWritten(Box::new(receipt)));
                }
                break;
            }
            filled.count += receipt.written;
            let complete = receipt.complete();
            filled.receipts.push(receipt);
            if !complete {
                break;
            }
        }
        if filled.count > 0 {
            self.changed(Change::Data(kind));
        }
        Ok(filled)
    }
}
