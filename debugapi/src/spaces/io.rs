//! ReadIo and WriteIo (slots 14, 15): the port space.
//!
//! There is one port space, on bus 0; the interface types that reach it on a PC are aliases. The
//! address space is 1, the size 1, 2 or 4, the port aligned to it. A port that nobody decodes
//! reads as ones and swallows writes, with success: that is what the hardware does.

use ringhold_emulator::bus::Width;
use ringhold_emulator::inject::{Reading, Semantics, Space};

use super::{Change, DataSpace, DataSpaces, Transfer};
use crate::Error;

/// The `INTERFACE_TYPE` values that reach the port space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum InterfaceType {
    /// Internal
    Internal = 0,
    /// Isa: what tools pass.
    Isa = 1,
    /// Eisa
    Eisa = 2,
    /// PCIBus
    Pci = 5,
}

impl TryFrom<u32> for InterfaceType {
    type Error = Error;

    fn try_from(value: u32) -> Result<Self, Error> {
        Ok(match value {
            0 => Self::Internal,
            1 => Self::Isa,
            2 => Self::Eisa,
            5 => Self::Pci,
            _ => return Err(Error::InvalidArgument("no ports on an interface of this type")),
        })
    }
}

/// The checks of ReadIo and WriteIo, in the order of their parameters.
fn check(
    interface_type: u32,
    bus: u32,
    address_space: u32,
    offset: u64,
    size: usize,
) -> Result<Width, Error> {
    InterfaceType::try_from(interface_type)?;
    if bus != 0 {
        return Err(Error::InvalidArgument("the only I/O bus is 0"));
    }
    if address_space != 1 {
        return Err(Error::InvalidArgument("the address space of ports is 1"));
    }
    let width = width(offset, size)?;
    if !offset.is_multiple_of(size as u64) {
        return Err(Error::Misaligned { port: offset, size });
    }
    Ok(width)
}

fn width(port: u64, size: usize) -> Result<Width, Error> {
    let width = Width::from_bytes(size).filter(|width| *width <= Width::Dword);
    let width = width.ok_or(Error::InvalidArgument("a port access has 1, 2 or 4 bytes"))?;
    if port > 0x1_0000 - size as u64 {
        return Err(Error::InvalidArgument("ports end at 0xffff"));
    }
    Ok(width)
}

impl DataSpaces<'_> {
    /// ReadIo. A device access with its side effects.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] and [`Error::Misaligned`] as the module says.
    pub fn read_io(
        &mut self,
        interface_type: u32,
        bus: u32,
        address_space: u32,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        let width = match buffer.len() {
            0 => Width::Byte,
            size => check(interface_type, bus, address_space, offset, size)?,
        };
        self.read(Space::Io { width }, offset, buffer, Semantics::Debugger)
    }

    /// WriteIo. A device access with its side effects.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] and [`Error::Misaligned`] as the module says.
    pub fn write_io(
        &mut self,
        interface_type: u32,
        bus: u32,
        address_space: u32,
        offset: u64,
        bytes: &[u8],
    ) -> Result<Transfer<'_>, Error> {
        let width = match bytes.len() {
            0 => Width::Byte,
            size => check(interface_type, bus, address_space, offset, size)?,
        };
        self.write(Space::Io { width }, offset, bytes, Change::Data(DataSpace::Io))
    }

    /// Reads 1, 2 or 4 bytes at any port, as the IN instruction can.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another size, or beyond port 0xffff.
    pub fn read_io_unaligned(
        &mut self,
        port: u16,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        let width = match buffer.len() {
            0 => Width::Byte,
            size => width(port.into(), size)?,
        };
        self.read(Space::Io { width }, port.into(), buffer, Semantics::Debugger)
    }

    /// Writes 1, 2 or 4 bytes at any port, as the OUT instruction can.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another size, or beyond port 0xffff.
    pub fn write_io_unaligned(&mut self, port: u16, bytes: &[u8]) -> Result<Transfer<'_>, Error> {
        let width = match bytes.len() {
            0 => Width::Byte,
            size => width(port.into(), size)?,
        };
        self.write(Space::Io { width }, port.into(), bytes, Change::Data(DataSpace::Io))
    }
}
