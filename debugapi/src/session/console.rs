//! Commands, expressions and code in words: the part of IDebugControl that is in text.

use ringhold_emulator::Machine;
use ringhold_emulator::cpu::CodeSize;

use super::control::AMD64;
use super::{Answer, Session, count, done};
use crate::command::{Command, Event, Output, Room};
use crate::{HResult, console};

/// `DEBUG_OUTPUT_PROMPT`
const PROMPT: u32 = 0x10;
/// `DEBUG_OUTCTL_IGNORE`, and the bits that say who hears of output.
const IGNORE: u32 = 3;
const LOG_ONLY: u32 = 4;
const WHO: u32 = 7;
/// `DEBUG_OUTCTL_AMBIENT`: as the command around it; here, all clients.
const AMBIENT: u32 = u32::MAX;

/// `DEBUG_VALUE_*`
mod kind {
    pub const INVALID: u32 = 0;
    pub const INT64: u32 = 4;
    pub const FLOAT32: u32 = 5;
    pub const FLOAT64: u32 = 6;
    pub const LAST: u32 = 11;
}

/// Whether anyone hears of output.
pub(super) fn heard(output_control: u32) -> Result<bool, HResult> {
    match output_control & WHO {
        _ if output_control == AMBIENT => Ok(true),
        0 | 1 => Ok(true),
        IGNORE | LOG_ONLY => Ok(false),
        _ => Err(HResult::NOTIMPL),
    }
}

impl Session {
    /// What is in text. `None` for a command that is not.
    pub(super) fn text(&mut self, machine: &mut Machine, command: &Command) -> Option<Answer> {
        Some(match command {
            Command::GetPromptText { buffer } => deliver(*buffer, &console::prompt(self, machine), []),
            Command::GetPromptTextWide { buffer } => {
                deliver_as(Characters::Wide, *buffer, &console::prompt(self, machine), [])
            }
            Command::OutputPrompt { output_control, text } => {
                self.output_prompt(machine, *output_control, &text.0)
            }
            Command::Evaluate { .. }
            | Command::Execute { .. }
            | Command::Disassemble { .. }
            | Command::DisassembleWide { .. }
                if self.running() =>
            {
                Err(HResult::UNEXPECTED)
            }
            Command::Evaluate { expression, desired_type, remainder } => {
                self.evaluate(machine, &expression.0, *desired_type, *remainder)
            }
            Command::Execute { output_control, command, flags } => {
                self.execute_text(machine, *output_control, &command.0, *flags)
            }
            Command::Disassemble { offset, flags, buffer } => {
                self.disassemble(machine, (*offset, *flags), Characters::Narrow, *buffer)
            }
            Command::DisassembleWide { offset, flags, buffer } => {
                self.disassemble(machine, (*offset, *flags), Characters::Wide, *buffer)
            }
            _ => return None,
        })
    }

    fn disassemble(
        &mut self,
        machine: &mut Machine,
        (offset, flags): (u64, u32),
        characters: Characters,
        room: Room,
    ) -> Answer {
        match flags {
            // DEBUG_DISASM_EFFECTIVE_ADDRESS and MATCHING_SYMBOLS have nothing to add.
            0..=3 => {
                let (text, next) = console::disassemble(self, machine, offset)?;
                deliver_as(characters, room, &text, [Output::U64(next)])
            }
            _ => Err(HResult::INVALIDARG),
        }
    }

    fn output_prompt(&mut self, machine: &Machine, output_control: u32, text: &str) -> Answer {
        if heard(output_control)? {
            let text = console::prompt(self, machine) + text;
            self.events.push(Event::Output { mask: PROMPT, text });
        }
        done([])
    }

    fn execute_text(&mut self, machine: &mut Machine, output_control: u32, text: &str, flags: u32) -> Answer {
        let heard = heard(output_control)?;
        if flags >> 3 != 0 {
            return Err(HResult::INVALIDARG);
        }
        let before = self.events.len();
        let hresult = console::execute(self, machine, text, flags);
        if !heard {
            let after = self.events.split_off(before.min(self.events.len()));
            self.events.extend(after.into_iter().filter(|event| !matches!(event, Event::Output { .. })));
        }
        if hresult.is_success() { done([]) } else { Err(hresult) }
    }

    /// Without a place for the remainder, there must be none.
    fn evaluate(&mut self, machine: &mut Machine, text: &str, desired: u32, remainder: bool) -> Answer {
        let (value, end) = console::evaluate(self, machine, text)?;
        if !remainder && end < text.len() {
            return Err(HResult::FAIL);
        }
        let kind = if desired == kind::INVALID { kind::INT64 } else { desired };
        let bytes = match kind {
            1..=kind::INT64 => value.to_le_bytes()[..1 << (kind - 1)].to_vec(),
            kind::FLOAT32 => (value as i64 as f32).to_le_bytes().to_vec(),
            kind::FLOAT64 => (value as i64 as f64).to_le_bytes().to_vec(),
            ..=kind::LAST => return Err(HResult::NOTIMPL),
            _ => return Err(HResult::INVALIDARG),
        };
        let mut object = vec![0; 32];
        object[..bytes.len()].copy_from_slice(&bytes);
        object[28..].copy_from_slice(&kind.to_le_bytes());
        done([Output::Bytes(object), count(end)])
    }

    /// Whether the target has been told to go on.
    pub(crate) fn goes_on(&self) -> bool {
        self.resume.is_some()
    }

    /// Takes that back.
    pub(crate) fn stay(&mut self) {
        self.resume = None;
    }

    /// How code is read: as the processor does, unless an effective processor type was set.
    pub(crate) fn code_bits(&self, machine: &Machine) -> CodeSize {
        let now = machine.cpus.get(self.context.cpu).map_or(CodeSize::Bits64, |cpu| cpu.code_size());
        match (self.processor_type, now) {
            (None, now) => now,
            (Some(AMD64), _) => CodeSize::Bits64,
            (Some(_), CodeSize::Bits64) => CodeSize::Bits32,
            (Some(_), now) => now,
        }
    }
}

/// Text with its zero byte, as far as there is room, and its size; then more outputs.
pub(super) fn deliver<const N: usize>(room: Room, text: &str, more: [Output; N]) -> Answer {
    deliver_as(Characters::Narrow, room, text, more)
}

/// Of what a text is made for a client, and what a room is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Characters {
    /// UTF-8
    Narrow,
    /// UTF-16
    Wide,
}

/// The same in either kind of characters.
pub(super) fn deliver_as<const N: usize>(
    characters: Characters,
    room: Room,
    text: &str,
    more: [Output; N],
) -> Answer {
    let (whole, unit) = match characters {
        Characters::Narrow => ([text.as_bytes(), &[0]].concat(), 1),
        Characters::Wide => (text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect(), 2),
    };
    let bytes = Room { count: room.count.saturating_mul(unit as u64), ..room };
    let (hresult, mut delivered) = bytes.deliver(&whole);
    delivered.iter_mut().rev().take(unit).for_each(|byte| *byte = 0);
    let mut outputs = vec![Output::Bytes(delivered), count(whole.len() / unit)];
    outputs.extend(more);
    Ok((hresult, outputs))
}
