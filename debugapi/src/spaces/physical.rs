//! ReadPhysical, WritePhysical and their forms with flags (slots 10, 11, 42, 43).
//!
//! RAM is read and written in place, ROM is read only, a hole is inaccessible. An access that
//! hits a device window is a device access with its side effects, as naturally aligned pieces of
//! the largest size up to 8 bytes, ascending.

use ringhold_emulator::inject::{Reading, Semantics, Space};

use super::{Change, DataSpace, DataSpaces, Transfer};
use crate::Error;

/// `DEBUG_PHYSICAL_*`: how the access should be cached. All four mean the same here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFlags {
    /// 0
    Default,
    /// 1
    Cached,
    /// 2
    Uncached,
    /// 3
    WriteCombined,
}

impl TryFrom<u32> for CacheFlags {
    type Error = Error;

    fn try_from(flags: u32) -> Result<Self, Error> {
        Ok(match flags {
            0 => Self::Default,
            1 => Self::Cached,
            2 => Self::Uncached,
            3 => Self::WriteCombined,
            _ => return Err(Error::InvalidArgument("the cache flags are 0 to 3")),
        })
    }
}

impl DataSpaces<'_> {
    /// ReadPhysical.
    ///
    /// # Errors
    /// [`Error::NothingRead`] if the first byte is a hole's.
    pub fn read_physical(&mut self, address: u64, buffer: &mut [u8]) -> Result<Transfer<'_, Reading>, Error> {
        self.read(Space::Physical, address, buffer, Semantics::Debugger)
    }

    /// WritePhysical.
    ///
    /// # Errors
    /// [`Error::NothingWritten`] if the first byte is ROM's or a hole's.
    pub fn write_physical(&mut self, address: u64, bytes: &[u8]) -> Result<Transfer<'_>, Error> {
        self.write(Space::Physical, address, bytes, Change::Data(DataSpace::Physical))
    }

    /// ReadPhysical2.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for flags above 3; else as [`Self::read_physical`].
    pub fn read_physical2(
        &mut self,
        address: u64,
        flags: u32,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        CacheFlags::try_from(flags)?;
        self.read_physical(address, buffer)
    }

    /// WritePhysical2.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for flags above 3; else as [`Self::write_physical`].
    pub fn write_physical2(&mut self, address: u64, flags: u32, bytes: &[u8]) -> Result<Transfer<'_>, Error> {
        CacheFlags::try_from(flags)?;
        self.write_physical(address, bytes)
    }

    /// Reads physical memory without any side effect: device windows count as inaccessible.
    ///
    /// # Errors
    /// [`Error::NothingRead`] if the first byte is a hole's or a device's.
    pub fn inspect_physical(
        &mut self,
        address: u64,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        self.read(Space::Physical, address, buffer, Semantics::Backdoor)
    }
}
