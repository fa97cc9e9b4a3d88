//! IDebugClient and IDebugControl.

use ringhold_emulator::Machine;
use ringhold_emulator::cpu::CodeSize;

use super::console::heard;
use super::{Answer, Resume, Session, Target, count, done, interrupt};
use crate::HResult;
use crate::command::{Command, Event, Output, Room};

/// IMAGE_FILE_MACHINE_AMD64
pub(super) const AMD64: u32 = 0x8664;
/// IMAGE_FILE_MACHINE_I386
const I386: u32 = 0x14c;
const PAGE_SIZE: u32 = 4096;

/// `DEBUG_STATUS_*`
mod status {
    pub const GO: u32 = 1;
    pub const GO_NOT_HANDLED: u32 = 3;
    pub const STEP_OVER: u32 = 4;
    pub const STEP_INTO: u32 = 5;
    pub const BREAK: u32 = 6;
    pub const NO_DEBUGGEE: u32 = 7;
    pub const STEP_BRANCH: u32 = 8;
    pub const REVERSE_GO: u32 = 11;
    pub const REVERSE_STEP_INTO: u32 = 14;
}

/// `DEBUG_CES_*`: what of the engine's state changed.
mod engine {
    pub const EFFECTIVE_PROCESSOR: u32 = 2;
    pub const ENGINE_OPTIONS: u32 = 0x20;
    pub const RADIX: u32 = 0x80;
}

pub(super) fn number(value: u32) -> Answer {
    done([Output::U32(value)])
}

/// S_OK for yes, S_FALSE for no.
fn yes(answer: bool) -> Answer {
    Ok((if answer { HResult::OK } else { HResult::FALSE }, vec![]))
}

impl Session {
    pub(super) fn control(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        if let Some(answer) = self.text(machine, command) {
            return answer;
        }
        match command {
            Command::AttachKernel { flags, .. } => self.attach(*flags),
            Command::EndSession { flags } => self.end_session(machine, *flags),
            Command::GetInterrupt {} => yes(self.interrupter.take(interrupt::USER)),
            Command::SetInterrupt { flags } => self.set_interrupt(*flags),
            Command::Output { mask, text } => self.output(*mask, &text.0),
            Command::ControlledOutput { output_control, mask, text } => {
                if heard(*output_control)? {
                    self.output(*mask, &text.0)
                } else {
                    done([])
                }
            }
            Command::GetExecutionStatus {} => number(self.status()),
            Command::SetExecutionStatus { status } => self.set_status(*status),
            Command::GetDebuggeeType {} => match self.target {
                Target::None | Target::Attaching => done([Output::U32(0), Output::U32(0)]),
                Target::Stopped | Target::Running { .. } => done([Output::U32(1), Output::U32(0)]),
            },
            Command::GetEngineOptions {} => number(self.engine_options),
            Command::AddEngineOptions { options } => self.set_options(self.engine_options | options),
            Command::RemoveEngineOptions { options } => self.set_options(self.engine_options & !options),
            Command::SetEngineOptions { options } => self.set_options(*options),
            Command::GetRadix {} => number(self.radix),
            Command::SetRadix { radix: radix @ (8 | 10 | 16) } => {
                self.radix = *radix;
                self.say(engine::RADIX, (*radix).into());
                done([])
            }
            Command::SetRadix { .. } => Err(HResult::INVALIDARG),
            _ if matches!(self.target, Target::None | Target::Attaching) => Err(HResult::UNEXPECTED),
            _ => self.target_property(machine, command),
        }
    }

    /// What can be asked of a target, stopped or running.
    fn target_property(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        let cpu = machine.cpus.get(self.context.cpu);
        let wide = cpu.is_none_or(ringhold_emulator::Cpu::long_mode);
        let executing = match cpu.map(ringhold_emulator::Cpu::code_size) {
            Some(CodeSize::Bits16 | CodeSize::Bits32) => I386,
            _ => AMD64,
        };
        match command {
            Command::GetActualProcessorType {} => number(AMD64),
            Command::GetNumberProcessors {} => done([count(machine.cpus.len())]),
            Command::GetPageSize {} => number(PAGE_SIZE),
            Command::GetNumberBreakpoints {}
            | Command::GetBreakpointByIndex { .. }
            | Command::GetBreakpointById { .. }
            | Command::GetBreakpointParameters { .. }
            | Command::AddBreakpoint { .. }
            | Command::RemoveBreakpoint { .. } => self.breakpoint_list(machine, command),
            Command::GetLastEventInformation { extra, description } => {
                self.last_event_information(*extra, *description)
            }
            _ if self.running() => Err(HResult::UNEXPECTED),
            Command::GetStackTrace { frame_offset, stack_offset, instruction_offset, frames } => {
                self.stack_trace(machine, [*frame_offset, *stack_offset, *instruction_offset], *frames)
            }
            Command::GetReturnOffset {} => {
                let offset = self.frames(machine, 1).first().map(|frame| frame.return_offset);
                done([Output::U64(offset.filter(|offset| *offset != 0).ok_or(HResult::FAIL)?)])
            }
            Command::GetExecutingProcessorType {} => number(executing),
            Command::GetEffectiveProcessorType {} => number(self.processor_type.unwrap_or(executing)),
            Command::SetEffectiveProcessorType { processor_type: kind @ (AMD64 | I386) } => {
                self.processor_type = Some(*kind);
                self.say(engine::EFFECTIVE_PROCESSOR, (*kind).into());
                done([])
            }
            Command::SetEffectiveProcessorType { .. } => Err(HResult::INVALIDARG),
            Command::IsPointer64Bit {} => yes(match self.processor_type {
                Some(kind) => kind == AMD64,
                None => wide,
            }),
            _ => Err(HResult::NOTIMPL),
        }
    }

    fn attach(&mut self, flags: u32) -> Answer {
        match (flags, self.target) {
            // 0 is a connection, 2 an EXDI driver: both lead to the one machine.
            (0 | 2, Target::None) => {
                self.target = Target::Attaching;
                done([])
            }
            (0 | 2, _) => Err(HResult::UNEXPECTED),
            (1, _) => Err(HResult::NOTIMPL),
            _ => Err(HResult::INVALIDARG),
        }
    }

    fn end_session(&mut self, machine: &mut Machine, flags: u32) -> Answer {
        match (flags, self.target) {
            (5.., _) => Err(HResult::INVALIDARG),
            (_, Target::None) => Err(HResult::UNEXPECTED),
            (0..=4, _) => {
                self.leave_step(machine);
                self.breakpoints.clear(machine);
                self.target = Target::None;
                self.resume = None;
                self.events.push(Event::SessionStatus { status: 4 });
                done([])
            }
        }
    }

    fn set_interrupt(&mut self, flags: u32) -> Answer {
        match flags {
            0 if self.running() => self.interrupter.raise(interrupt::BREAK),
            0 | 1 => self.interrupter.raise(interrupt::USER),
            2 => self.interrupter.raise(interrupt::EXIT),
            _ => return Err(HResult::INVALIDARG),
        }
        done([])
    }

    fn output(&mut self, mask: u32, text: &str) -> Answer {
        self.events.push(Event::Output { mask, text: text.into() });
        done([])
    }

    fn status(&self) -> u32 {
        match (self.target, self.resume) {
            (Target::None | Target::Attaching, _) => status::NO_DEBUGGEE,
            (Target::Stopped, None) => status::BREAK,
            (Target::Stopped, Some(Resume::Go(status))) => status,
            (Target::Stopped, Some(Resume::StepInto)) => status::STEP_INTO,
            (Target::Stopped, Some(Resume::StepOver)) => status::STEP_OVER,
            (Target::Stopped, Some(Resume::Out(_))) => status::GO,
            (Target::Running { .. }, _) => match self.stepping {
                Resume::Go(_) | Resume::Out(_) => status::GO,
                Resume::StepInto => status::STEP_INTO,
                Resume::StepOver => status::STEP_OVER,
            },
        }
    }

    fn set_status(&mut self, status: u32) -> Answer {
        let resume = match status {
            status::GO..=status::GO_NOT_HANDLED => Resume::Go(status),
            status::STEP_INTO => Resume::StepInto,
            status::STEP_OVER => Resume::StepOver,
            status::STEP_BRANCH => return Err(HResult::NOTIMPL),
            status::REVERSE_GO..=status::REVERSE_STEP_INTO => return Err(HResult::NOTIMPL),
            _ => return Err(HResult::INVALIDARG),
        };
        match self.target {
            Target::None | Target::Attaching => Err(HResult::UNEXPECTED),
            Target::Running { .. } => Err(HResult::ACCESSDENIED),
            Target::Stopped if self.ended => Err(HResult::UNEXPECTED),
            Target::Stopped => {
                self.resume = Some(resume);
                done([])
            }
        }
    }

    fn set_options(&mut self, options: u32) -> Answer {
        self.engine_options = options;
        self.say(engine::ENGINE_OPTIONS, options.into());
        done([])
    }

    pub(super) fn say(&mut self, flags: u32, argument: u64) {
        self.events.push(Event::ChangeEngineState { flags, argument });
    }

    fn last_event_information(&self, extra: Room, description: Room) -> Answer {
        let last = &self.last_event;
        let text = [last.description.as_bytes(), &[0]].concat();
        let (first, extra) = extra.deliver(&last.extra);
        let (second, mut description) = description.deliver(&text);
        if let Some(end) = description.last_mut() {
            *end = 0;
        }
        let hresult = if first == HResult::OK { second } else { first };
        Ok((
            hresult,
            vec![
                Output::U32(last.kind),
                Output::U32(0),
                Output::U32(last.thread),
                Output::Bytes(extra),
                count(last.extra.len()),
                Output::Bytes(description),
                count(text.len()),
            ],
        ))
    }
}
