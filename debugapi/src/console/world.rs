//! What expressions ask for, from the session; and how memory is read for all commands.

use ringhold_emulator::inject::Register;

use super::complaint::{Complaint, Outcome};
use super::expression::World;
use super::{Execution, Memory};
use crate::HResult;
use crate::command::{Command, Output, Room};

/// The flags that have names of their own: the bit and how many.
const FLAGS: [(&str, u32, u32); 10] = [
    ("cf", 0, 1),
    ("pf", 2, 1),
    ("af", 4, 1),
    ("zf", 6, 1),
    ("sf", 7, 1),
    ("tf", 8, 1),
    ("if", 9, 1),
    ("df", 10, 1),
    ("of", 11, 1),
    ("iopl", 12, 2),
];

/// The place of a flag among RFLAGS: the lowest bit, and how many.
pub(super) fn flag(name: &str) -> Option<(u32, u32)> {
    let (_, bit, bits) = FLAGS.iter().find(|(own, _, _)| name.eq_ignore_ascii_case(own))?;
    Some((*bit, *bits))
}

/// The number of `$t0` to `$t19`.
pub(super) fn variable(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("$t").or(name.strip_prefix("$T"))?;
    digits.parse::<usize>().ok().filter(|number| *number < 20 && digits.len() == number.to_string().len())
}

fn number(outputs: &[Output]) -> u64 {
    match outputs.first() {
        Some(Output::U64(value)) => *value,
        _ => 0,
    }
}

impl World for Execution<'_> {
    fn radix(&self) -> u32 {
        self.session.radix
    }

    fn symbol(&mut self, name: &str) -> Option<u64> {
        self.session.symbol_address(name).map(|(address, _)| address)
    }

    fn register(&mut self, name: &str) -> Result<Option<u64>, HResult> {
        if let Some(variable) = variable(name) {
            return Ok(Some(self.session.console.variables[variable]));
        }
        match name.to_ascii_lowercase().as_str() {
            "$ip" => return self.call(&Command::GetInstructionOffset {}).map(|out| Some(number(&out))),
            "$csp" => return self.call(&Command::GetStackOffset {}).map(|out| Some(number(&out))),
            "$ra" => return self.call(&Command::GetReturnOffset {}).map(|out| Some(number(&out))),
            "$exp" => return Ok(Some(self.session.console.last_value)),
            "$pagesize" => return Ok(Some(4096)),
            "$ptrsize" => return self.pointer_bytes().map(|bytes| Some(bytes as u64)),
            _ => {}
        }
        let name = if name.eq_ignore_ascii_case("$retreg") { "rax" } else { name };
        if let Some((bit, bits)) = flag(name) {
            let flags = self.register("rflags")?;
            return Ok(flags.map(|flags| flags >> bit & ((1 << bits) - 1)));
        }
        let Some(register) = Register::named(name) else { return Ok(None) };
        let bytes = self.register_bytes(register)?;
        Ok(Some(bytes.iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte))))
    }

    fn read(&mut self, physical: bool, address: u64, buffer: &mut [u8]) -> Result<bool, HResult> {
        let memory = if physical { Memory::Physical(0) } else { Memory::Virtual };
        let length = buffer.len();
        self.read_memory(memory, address, buffer).map(|count| count == length)
    }

    fn pointer_bytes(&mut self) -> Result<usize, HResult> {
        let (is_wide, _) = self.session.carry_out(self.machine, &Command::IsPointer64Bit {})?;
        Ok(if is_wide == HResult::OK { 8 } else { 4 })
    }

    fn entry_point(&mut self, image_base: u64) -> Result<u64, HResult> {
        let outputs = self.call(&Command::ReadImageNtHeaders { image_base })?;
        let Some(Output::Bytes(headers)) = outputs.first() else { return Err(HResult::FAIL) };
        // AddressOfEntryPoint: 16 bytes into the optional header, which follows 24 others.
        let field = headers.get(40..44).and_then(|field| field.try_into().ok()).ok_or(HResult::FAIL)?;
        Ok(image_base.wrapping_add(u32::from_le_bytes(field).into()))
    }
}

impl Execution<'_> {
    /// Reads memory up to the first byte that cannot be read; how many bytes there are.
    pub(super) fn read_memory(
        &mut self,
        memory: Memory,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, HResult> {
        let room = Room::of(buffer.len() as u64);
        let command = match memory {
            Memory::Virtual => Command::ReadVirtual { offset, buffer: room },
            Memory::Physical(flags) => Command::ReadPhysical2 { offset, flags, buffer: room },
        };
        match self.call(&command) {
            Ok(outputs) => {
                let Some(Output::Bytes(bytes)) = outputs.first() else { return Ok(0) };
                buffer[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
            Err(HResult::READ_FAULT) => Ok(0),
            Err(hresult) => Err(hresult),
        }
    }

    /// Writes memory; anything but all of it is a complaint.
    pub(super) fn write_memory(&mut self, memory: Memory, offset: u64, bytes: &[u8], at: usize) -> Outcome {
        let buffer = bytes.into();
        let command = match memory {
            Memory::Virtual => Command::WriteVirtual { offset, buffer },
            Memory::Physical(flags) => Command::WritePhysical2 { offset, flags, buffer },
        };
        match self.call(&command) {
            Ok(outputs) if outputs == [Output::U32(bytes.len() as u32)] => Ok(()),
            Ok(_) => Err(Complaint::of(HResult::WRITE_FAULT, at)),
            Err(hresult) => Err(Complaint::of(hresult, at)),
        }
    }

    /// The bytes of a register's value.
    pub(super) fn register_bytes(&mut self, register: Register) -> Result<Vec<u8>, HResult> {
        let outputs = self.call(&Command::GetValue { register: register.number().into() })?;
        match outputs.first() {
            Some(Output::Bytes(value)) => Ok(value.get(..register.bytes()).unwrap_or_default().to_vec()),
            _ => Err(HResult::FAIL),
        }
    }

    /// The value of a register that there is.
    pub(super) fn register_value(&mut self, name: &str, at: usize) -> Outcome<u64> {
        let value = self.register(name).map_err(|hresult| Complaint::of(hresult, at))?;
        value.ok_or(Complaint::new("Bad register error", at))
    }
}
