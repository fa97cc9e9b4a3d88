//! ReadVirtual, WriteVirtual and their uncached forms (slots 3, 4, 6, 7).
//!
//! Translation is by the page tables in memory, not by the guest's TLB: a guest that has not
//! invalidated a stale entry may see another page than the debugger does. Protection is ignored,
//! presence is what counts; no accessed or dirty bit is set. Where a page maps a device window
//! the access is a device access; where it maps ROM a write is refused.

use ringhold_emulator::inject::{Reading, Semantics};

use super::{Change, DataSpace, DataSpaces, Transfer};
use crate::Error;

impl DataSpaces<'_> {
    /// ReadVirtual.
    ///
    /// # Errors
    /// [`Error::NothingRead`] if the first byte is inaccessible.
    pub fn read_virtual(&mut self, address: u64, buffer: &mut [u8]) -> Result<Transfer<'_, Reading>, Error> {
        self.read(self.virtual_space(), address, buffer, Semantics::Debugger)
    }

    /// WriteVirtual.
    ///
    /// # Errors
    /// [`Error::NothingWritten`] if the first byte is inaccessible.
    pub fn write_virtual(&mut self, address: u64, bytes: &[u8]) -> Result<Transfer<'_>, Error> {
        self.write(self.virtual_space(), address, bytes, Change::Data(DataSpace::Virtual))
    }

    /// ReadVirtualUncached: the same as [`Self::read_virtual`], which has no cache either.
    ///
    /// # Errors
    /// As [`Self::read_virtual`].
    pub fn read_virtual_uncached(
        &mut self,
        address: u64,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        self.read_virtual(address, buffer)
    }

    /// WriteVirtualUncached: the same as [`Self::write_virtual`], which has no cache either.
    ///
    /// # Errors
    /// As [`Self::write_virtual`].
    pub fn write_virtual_uncached(&mut self, address: u64, bytes: &[u8]) -> Result<Transfer<'_>, Error> {
        self.write_virtual(address, bytes)
    }

    /// Reads virtual memory without any side effect: device windows count as inaccessible.
    ///
    /// # Errors
    /// [`Error::NothingRead`] if the first byte is inaccessible or a device's.
    pub fn inspect_virtual(
        &mut self,
        address: u64,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        self.read(self.virtual_space(), address, buffer, Semantics::Backdoor)
    }
}
