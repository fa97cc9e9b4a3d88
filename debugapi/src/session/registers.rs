//! IDebugRegisters: the registers of the current processor, as DEBUG_VALUEs.
//!
//! A DEBUG_VALUE has 32 bytes: 24 of the value, 4 that belong to its end, and its type.

use ringhold_emulator::Machine;
use ringhold_emulator::cpu::CodeSize;
use ringhold_emulator::inject::{Register, Semantics, Space};
use ringhold_emulator::state::{gpr, sreg};

use super::{Answer, Session, Target, count, done, given};
use crate::command::{Command, Event, Input, Output, Room};
use crate::{Change, DataSpaces, HResult};

/// The types of a DEBUG_VALUE.
mod kind {
    pub const INT8: u32 = 1;
    pub const INT64: u32 = 4;
    pub const FLOAT80: u32 = 7;
    pub const VECTOR64: u32 = 10;
    pub const VECTOR128: u32 = 11;
}

/// `DEBUG_REGISTER_SUB_REGISTER`
const SUB_REGISTER: u32 = 1;

/// The type of a register's value, by its size.
fn kind_of(register: Register) -> u32 {
    match register.bytes() {
        1 => kind::INT8,
        2 => kind::INT8 + 1,
        3..=4 => kind::INT8 + 2,
        5..=8 => kind::INT64,
        9..=10 => kind::FLOAT80,
        _ => kind::VECTOR128,
    }
}

/// The bytes for a register from a value of some type; whole numbers are zero-extended or cut.
fn coerced(register: Register, value: &[u8; 32]) -> Result<Vec<u8>, HResult> {
    let given = u32::from_le_bytes([value[28], value[29], value[30], value[31]]);
    let is_integer = |kind| (kind::INT8..=kind::INT64).contains(&kind);
    let (wanted, size) = (kind_of(register), register.bytes());
    let taken = match given {
        kind if is_integer(kind) && wanted != kind::FLOAT80 => 1 << (kind - kind::INT8),
        kind if kind == wanted => size,
        kind::VECTOR64 if wanted != kind::FLOAT80 => 8,
        kind::VECTOR128 if is_integer(wanted) => 16,
        // Conversions to and from floating point.
        1..=11 => return Err(HResult::NOTIMPL),
        _ => return Err(HResult::INVALIDARG),
    };
    let mut bytes = vec![0; 16];
    bytes[..taken].copy_from_slice(&value[..taken]);
    bytes.truncate(size);
    Ok(bytes)
}

fn numbered(number: u32) -> Result<Register, HResult> {
    u16::try_from(number).ok().and_then(Register::numbered).ok_or(HResult::INVALIDARG)
}

/// The registers that GetValues and SetValues mean: those listed, or `count` from `start` on.
fn selected(count: u64, indices: &Input<u32>, start: u32) -> Result<Vec<Register>, HResult> {
    match indices {
        Input::Given(indices) => indices.iter().map(|index| numbered(*index)).collect(),
        Input::Null(_) => {
            let all = Register::all().count() as u64;
            let end = u64::from(start).checked_add(count).filter(|end| *end <= all);
            (u64::from(start)..end.ok_or(HResult::INVALIDARG)?).map(|index| numbered(index as u32)).collect()
        }
    }
}

impl Session {
    pub(super) fn registers(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        match command {
            Command::GetNumberRegisters {} => return done([count(Register::all().count())]),
            Command::GetDescription { register, name } => return description(*register, *name),
            Command::GetIndexByName { name } => {
                let register = Register::named(&name.0).ok_or(HResult::NOINTERFACE)?;
                return done([Output::U32(register.number().into())]);
            }
            _ if self.target != Target::Stopped => return Err(HResult::UNEXPECTED),
            _ => {}
        }
        match command {
            Command::GetValue { register } => {
                let value = self.value(machine, numbered(*register)?)?;
                done([Output::Bytes(value.to_vec())])
            }
            Command::SetValue { register, value } => {
                self.set_value(machine, numbered(*register)?, value)?;
                done([])
            }
            Command::GetValues { count, indices, start } => {
                let mut values = Vec::new();
                for register in selected((*count).into(), indices, *start)? {
                    values.extend(self.value(machine, register)?);
                }
                done([Output::Bytes(values)])
            }
            Command::SetValues { indices, start, values } => {
                let values = given(values)?;
                let registers = selected(values.len() as u64, indices, *start)?;
                if registers.len() != values.len() {
                    return Err(HResult::INVALIDARG);
                }
                for (register, value) in registers.into_iter().zip(values) {
                    self.set_value(machine, register, value)?;
                }
                done([])
            }
            Command::GetInstructionOffset {} => self.offset(machine, sreg::CS, |cpu| cpu.rip),
            Command::GetStackOffset {} => {
                self.offset(machine, sreg::SS, |cpu| cpu.gpr[usize::from(gpr::RSP)])
            }
            Command::GetFrameOffset {} => {
                self.offset(machine, sreg::SS, |cpu| cpu.gpr[usize::from(gpr::RBP)])
            }
            _ => Err(HResult::NOTIMPL),
        }
    }

    fn value(&self, machine: &mut Machine, register: Register) -> Result<[u8; 32], HResult> {
        let mut value = [0; 32];
        let mut spaces = DataSpaces::with_context(machine, self.context);
        let space = Space::Register { cpu: self.context.cpu, register };
        spaces.read(space, 0, &mut value[..register.bytes()], Semantics::Debugger)?;
        value[28..].copy_from_slice(&kind_of(register).to_le_bytes());
        Ok(value)
    }

    fn set_value(
        &mut self,
        machine: &mut Machine,
        register: Register,
        value: &[u8; 32],
    ) -> Result<(), HResult> {
        let bytes = coerced(register, value)?;
        let mut spaces = DataSpaces::with_context(machine, self.context);
        let space = Space::Register { cpu: self.context.cpu, register };
        spaces.write(space, 0, &bytes, Change::Registers)?;
        self.events.extend(spaces.take_changes().into_iter().map(Event::from));
        Ok(())
    }

    /// A linear address made of a register and, outside 64-bit mode, the base of its segment.
    fn offset(
        &self,
        machine: &Machine,
        segment: u8,
        register: impl FnOnce(&ringhold_emulator::Cpu) -> u64,
    ) -> Answer {
        let cpu = machine.cpus.get(self.context.cpu).ok_or(HResult::UNEXPECTED)?;
        let base = match cpu.code_size() {
            CodeSize::Bits64 => 0,
            _ => cpu.seg[usize::from(segment)].base,
        };
        done([Output::U64(base.wrapping_add(register(cpu)))])
    }
}

/// GetDescription: the name with its zero byte, its length, and the DEBUG_REGISTER_DESCRIPTION.
fn description(register: u32, room: Room) -> Answer {
    let register = numbered(register)?;
    let name = [register.name().as_bytes(), &[0]].concat();
    let (hresult, mut delivered) = room.deliver(&name);
    if let Some(end) = delivered.last_mut() {
        *end = 0;
    }
    let (whole, first) = register.whole();
    let mut object = Vec::new();
    object.extend(kind_of(register).to_le_bytes());
    if whole == register {
        object.resize(32, 0);
    } else {
        let bits = register.bytes() as u32 * 8;
        object.extend(SUB_REGISTER.to_le_bytes());
        object.extend(u32::from(whole.number()).to_le_bytes());
        object.extend(bits.to_le_bytes());
        object.extend((u64::MAX >> 64u32.saturating_sub(bits).min(63)).to_le_bytes());
        object.extend((u32::from(first) * 8).to_le_bytes());
        object.extend([0; 4]);
    }
    Ok((hresult, vec![Output::Bytes(delivered), count(name.len()), Output::Bytes(object)]))
}
