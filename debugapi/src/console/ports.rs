//! Ports: `ib iw id`, `ob ow od`. A read is a device access, too.

use super::change::narrowed;
use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::layout::hexadecimal;
use super::{Execution, Known};
use crate::command::{Command, Output, Room};

/// `INTERFACE_TYPE` Isa, bus 0, and the one address space that there is.
const ISA: (u32, u32, u32) = (1, 0, 1);

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn ports(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let (interface_type, bus_number, address_space) = ISA;
        let size = match name {
            "ib" | "ob" => 1,
            "iw" | "ow" => 2,
            "id" | "od" => 4,
            _ => return Ok(Known::No),
        };
        from.skip_space();
        let port_at = from.at();
        let offset = self.expression(from)?;
        if offset > 0xffff {
            return Err(Complaint::operand(port_at));
        }
        let fault = |hresult| Complaint::of(hresult, at);
        if name.starts_with('i') {
            from.end()?;
            let buffer = Room::of(size as u64);
            let read = Command::ReadIo { interface_type, bus_number, address_space, offset, buffer };
            let outputs = self.call(&read).map_err(fault)?;
            let Some(Output::Bytes(bytes)) = outputs.first() else { return Err(Complaint::memory(at)) };
            let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
            self.say(&format!("{offset:04x}: {}\n", hexadecimal(Some(value), size)))?;
            return Ok(Known::Yes);
        }
        from.skip_space();
        let value_at = from.at();
        let value = self.expression(from)?;
        from.end()?;
        let value = narrowed(value, size).ok_or(Complaint::new("Overflow error", value_at))?;
        let buffer = value.as_slice().into();
        let write = Command::WriteIo { interface_type, bus_number, address_space, offset, buffer };
        self.call(&write).map_err(fault)?;
        Ok(Known::Yes)
    }
}
