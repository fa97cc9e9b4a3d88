//! IDebugSystemObjects: in a kernel session the threads are the processors, by their numbers, and
//! there is one process, number 0.

use ringhold_emulator::Machine;

use super::{Answer, Session, Target, count, done};
use crate::command::{Command, Output};
use crate::{Context, HResult};

/// `DEBUG_CES_CURRENT_THREAD`
const CURRENT_THREAD: u32 = 1;

impl Session {
    pub(super) fn system_objects(&mut self, machine: &Machine, command: &Command) -> Answer {
        if matches!(self.target, Target::None | Target::Attaching) {
            return Err(HResult::UNEXPECTED);
        }
        let processors = machine.cpus.len();
        let number = |value: u32| done([Output::U32(value)]);
        match command {
            Command::GetEventThread {} => number(self.last_event.thread),
            Command::GetEventProcess {} | Command::GetCurrentProcessId {} => number(0),
            Command::GetCurrentThreadId {} => done([count(self.context.cpu)]),
            Command::SetCurrentThreadId { id } => {
                if self.running() {
                    return Err(HResult::UNEXPECTED);
                }
                let cpu = *id as usize;
                if cpu >= processors {
                    return Err(HResult::NOINTERFACE);
                }
                self.context.cpu = cpu;
                self.say(CURRENT_THREAD, (*id).into());
                done([])
            }
            Command::SetCurrentProcessId { id: 0 } => done([]),
            Command::SetCurrentProcessId { .. } => Err(HResult::NOINTERFACE),
            Command::GetNumberThreads {} => done([count(processors)]),
            Command::GetTotalNumberThreads {} => done([count(processors), count(processors)]),
            Command::GetThreadIdsByIndex { start, count } => ids(*start, *count, processors),
            Command::GetThreadIdByProcessor { processor } => match (*processor as usize) < processors {
                true => number(*processor),
                false => Err(HResult::NOINTERFACE),
            },
            Command::GetNumberProcesses {} => number(1),
            Command::GetProcessIdsByIndex { start, count } => ids(*start, *count, 1),
            Command::GetImplicitProcessDataOffset {} if !self.running() => {
                let cr3 = machine.cpus.get(self.context.cpu).map_or(0, |cpu| cpu.control.cr3);
                done([Output::U64(self.context.root.unwrap_or(cr3))])
            }
            Command::SetImplicitProcessDataOffset { offset } if !self.running() => {
                let root = (*offset != 0).then_some(*offset);
                self.context = Context { root, ..self.context };
                done([])
            }
            _ => Err(HResult::UNEXPECTED),
        }
    }
}

/// Engine ids and system ids, both the numbers from `start` on.
fn ids(start: u32, count: u32, all: usize) -> Answer {
    let end = start.checked_add(count).filter(|end| *end as usize <= all).ok_or(HResult::INVALIDARG)?;
    let ids: Vec<u8> = (start..end).flat_map(u32::to_le_bytes).collect();
    done([Output::Bytes(ids.clone()), Output::Bytes(ids)])
}
