//! ReadBusData and WriteBusData (slots 18, 19): PCI configuration space.
//!
//! Only the bytes asked for are touched, as configuration cycles of naturally aligned pieces.
//! Fields keep their rules: read-only bits stay, write-1-to-clear bits clear, BARs obey their size
//! and move their window at once. Bridge headers are written as everything else is; on Windows
//! the HAL refuses those.

use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::inject::{Reading, Semantics, Space};

use super::{Change, DataSpace, DataSpaces, Transfer};
use crate::Error;

/// The `BUS_DATA_TYPE` values that this target knows something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum BusDataType {
    /// The bytes of the CMOS clock.
    Cmos = 0,
    /// PCI configuration space.
    PciConfiguration = 4,
}

/// The slot number of a device and function: `device | function << 5`.
pub fn slot_number(device: u8, function: u8) -> u32 {
    u32::from(device & 0x1f) | u32::from(function & 7) << 5
}

fn check_type(bus_data_type: u32) -> Result<(), Error> {
    match bus_data_type {
        4 => Ok(()),
        0..=11 => Err(Error::NotImplemented("this type of bus data")),
        _ => Err(Error::InvalidArgument("no such type of bus data")),
    }
}

/// Segment 0's function of this slot; `None` if the segment is another.
fn function(bus: u32, slot: u32) -> Result<Option<PciAddress>, Error> {
    if slot >> 8 != 0 {
        return Err(Error::InvalidArgument("the upper 24 bits of a slot number are reserved"));
    }
    let (device, function) = (slot as u8 & 0x1f, (slot >> 5) as u8 & 7);
    Ok(u8::try_from(bus).ok().map(|bus| PciAddress { bus, device, function }))
}

impl DataSpaces<'_> {
    /// ReadBusData. `bus` is `segment << 8 | bus`, `slot` is `device | function << 5`.
    ///
    /// An absent function on a bus that exists gives the two bytes 0xffff of a vendor number
    /// that no one has, with success; bus 0 and each bus with a function on it exist.
    ///
    /// # Errors
    /// [`Error::NotImplemented`] for another type, [`Error::InvalidArgument`] for no type, a
    /// reserved slot bit or an offset beyond the space, [`Error::NoFunction`] for an absent bus.
    pub fn read_bus_data(
        &mut self,
        bus_data_type: u32,
        bus: u32,
        slot: u32,
        offset: u32,
        buffer: &mut [u8],
    ) -> Result<Transfer<'_, Reading>, Error> {
        let at = self.config_space(bus_data_type, bus, slot, offset, buffer.len())?;
        let (address, space) = (u64::from(offset), Space::Config(at));
        if !buffer.is_empty() && self.machine.board.function(at).is_none() {
            let exists = at.bus == 0 || self.machine.board.functions().iter().any(|f| f.0.bus == at.bus);
            if !exists {
                return Err(Error::NoFunction { bus, slot });
            }
            let read = buffer.len().min(2);
            buffer[..read].fill(0xff);
            self.absent = Reading {
                instructions: self.machine.instructions(),
                space,
                address,
                read,
                ..Reading::default()
            };
            return Ok(Transfer { count: read, receipt: &self.absent });
        }
        self.read(space, address, buffer, Semantics::Debugger)
    }

    /// WriteBusData. `bus` is `segment << 8 | bus`, `slot` is `device | function << 5`.
    ///
    /// # Errors
    /// As [`Self::read_bus_data`]; [`Error::NoFunction`] for an absent function as well.
    pub fn write_bus_data(
        &mut self,
        bus_data_type: u32,
        bus: u32,
        slot: u32,
        offset: u32,
        bytes: &[u8],
    ) -> Result<Transfer<'_>, Error> {
        let at = self.config_space(bus_data_type, bus, slot, offset, bytes.len())?;
        if !bytes.is_empty() && self.machine.board.function(at).is_none() {
            return Err(Error::NoFunction { bus, slot });
        }
        let change = Change::Data(DataSpace::BusData);
        self.write(Space::Config(at), offset.into(), bytes, change)
    }

    fn config_space(
        &self,
        bus_data_type: u32,
        bus: u32,
        slot: u32,
        offset: u32,
        size: usize,
    ) -> Result<PciAddress, Error> {
        if size == 0 {
            return Ok(PciAddress::new(0, 0));
        }
        check_type(bus_data_type)?;
        let at = function(bus, slot)?;
        if offset >= 256 {
            return Err(Error::InvalidArgument("configuration space ends at 256 bytes"));
        }
        at.ok_or(Error::NoFunction { bus, slot })
    }
}
