//! Letting the target run: WaitForEvent, and what ends it.

use ringhold_emulator::points::{Direction, Place};
use ringhold_emulator::{Machine, Stop};

use super::breakpoints::Hit;
use super::{ANY_ID, Answer, Goal, LastEvent, Pace, Resume, Session, Target, interrupt};
use crate::command::{Command, Event, Reply};
use crate::{Context, HResult};

/// Instructions between two looks for an interrupt. It cannot be told from a run how it was cut.
pub const SLICE: u64 = 100_000;

/// Virtual nanoseconds that a slice lets pass at most while the processor is halted.
const SLICE_NS: u64 = 10_000_000;

/// How many steps are made before one looks for an interrupt.
const STEPS_OF_A_SLICE: u64 = 1000;

/// The timeout that is none.
const INFINITE: u32 = u32::MAX;

const CES_EXECUTION_STATUS: u32 = 0x10;
const CDS_ALL: u32 = 0xffff_ffff;
const STATUS_GO: u64 = 1;
const STATUS_STEP_OVER: u64 = 4;
const STATUS_STEP_INTO: u64 = 5;
const STATUS_BREAK: u64 = 6;

const EVENT_BREAKPOINT: u32 = 1;
const EVENT_EXCEPTION: u32 = 2;
const EVENT_EXIT_PROCESS: u32 = 0x20;
const EVENT_SYSTEM_ERROR: u32 = 0x100;

/// STATUS_BREAKPOINT, which a break-in looks like.
const BREAKPOINT: u32 = 0x8000_0003;
/// STATUS_SINGLE_STEP
const SINGLE_STEP: u32 = 0x8000_0004;

/// The processor that has the event: the one that runs.
const EVENT_THREAD: u32 = 0;

/// How far a command has come.
#[derive(Debug)]
pub enum Progress {
    /// Done.
    Done(Reply),
    /// It is WaitForEvent and waits.
    Waiting(Wait),
}

/// A waiting for an event.
#[derive(Debug)]
pub struct Wait {
    /// The virtual time at which it gives up.
    until_ns: Option<u64>,
    /// Whether the event is there already: the target was just attached.
    attached: bool,
}

/// Why the target stands still.
#[derive(Clone, Debug)]
pub(super) enum Halt {
    BreakIn,
    Step,
    /// Breakpoints of the session, by id.
    Breakpoint(Vec<Hit>),
    End(Stop),
}

impl Session {
    /// Begins WaitForEvent. The timeout is in milliseconds of the machine's own time, so that the
    /// run is the same on each host.
    pub(super) fn wait(&mut self, machine: &mut Machine, flags: u32, timeout: u32) -> Result<Wait, HResult> {
        if flags != 0 {
            return Err(HResult::INVALIDARG);
        }
        let attached = self.target == Target::Attaching;
        match (self.target, self.resume.take()) {
            (Target::None, _) | (Target::Stopped, None) => return Err(HResult::UNEXPECTED),
            (Target::Stopped, Some(resume)) => {
                self.resume(machine, resume);
            }
            (Target::Attaching | Target::Running { .. }, _) => {}
        }
        let ns = u64::from(timeout) * 1_000_000;
        let until_ns = (timeout != INFINITE).then(|| machine.virtual_ns().saturating_add(ns));
        Ok(Wait { until_ns, attached })
    }

    /// The target begins to run. A breakpoint where it stands was seen, so it does not stop there.
    fn resume(&mut self, machine: &mut Machine, resume: Resume) {
        self.breakpoints.drop_spent();
        self.stepping = resume;
        let status = match resume {
            Resume::Go(_) | Resume::Out(_) => STATUS_GO,
            Resume::StepInto => STATUS_STEP_INTO,
            Resume::StepOver => STATUS_STEP_OVER,
        };
        match resume {
            Resume::StepInto | Resume::StepOver => self.begin_step(machine),
            Resume::Go(_) => {
                machine.pass_breakpoint();
                self.target = Target::Running { until: u64::MAX, how: Pace::Go };
            }
            Resume::Out(over) => {
                machine.pass_breakpoint();
                machine.breakpoints.add(over.next);
                self.target = Target::Running { until: u64::MAX, how: Pace::StepOver(over) };
            }
        }
        self.say_status(status);
    }

    /// Runs a slice of a wait; gives the reply of WaitForEvent if it is over.
    pub fn advance(&mut self, machine: &mut Machine, wait: &mut Wait) -> Option<Reply> {
        let answer = self.slice(machine, wait)?;
        let command = Command::WaitForEvent { flags: 0, timeout: 0 };
        Some(self.reply(&command, answer))
    }

    fn slice(&mut self, machine: &mut Machine, wait: &mut Wait) -> Option<Answer> {
        if wait.attached {
            self.target = Target::Stopped;
            self.events.push(Event::SessionStatus { status: 0 });
            self.stopped(machine, Halt::BreakIn);
            return Some(Ok((HResult::OK, vec![])));
        }
        if self.interrupter.take(interrupt::EXIT) {
            return Some(Err(HResult::PENDING));
        }
        if !self.running() {
            return Some(Err(HResult::UNEXPECTED));
        }
        let halt = match self.unseen.take() {
            Some(halt) => halt,
            None if self.interrupter.take(interrupt::BREAK) => Halt::BreakIn,
            None if wait.until_ns.is_some_and(|until| until <= machine.virtual_ns()) => {
                return Some(Ok((HResult::FALSE, vec![])));
            }
            None => self.go(machine, wait.until_ns.unwrap_or(u64::MAX))?,
        };
        self.stopped(machine, halt);
        Some(Ok((HResult::OK, vec![])))
    }

    /// Lets a target that runs, but for which no one waits, go on for a slice. What stops it is
    /// told to the next WaitForEvent. Whether it can go on at all.
    pub fn run_slice(&mut self, machine: &mut Machine) -> bool {
        if self.unseen.is_some() || self.interrupter.is_raised(interrupt::BREAK) {
            return false;
        }
        self.unseen = self.go(machine, u64::MAX);
        self.running() && self.unseen.is_none()
    }

    /// Runs a slice, at most up to a moment of virtual time. Of steps that go on, a slice has many.
    fn go(&mut self, machine: &mut Machine, until_ns: u64) -> Option<Halt> {
        let began = machine.instructions();
        loop {
            let before = machine.instructions();
            let halt = self.piece(machine, until_ns);
            let steps = matches!(self.target, Target::Running { how: Pace::StepInto, .. });
            let now = machine.instructions();
            if halt.is_some() || !steps || now == before || now - began >= STEPS_OF_A_SLICE {
                return halt;
            }
        }
    }

    /// Runs up to the end of a slice, or of a step.
    fn piece(&mut self, machine: &mut Machine, until_ns: u64) -> Option<Halt> {
        let Target::Running { until, how } = self.target else { return None };
        let asleep_until = machine.virtual_ns().saturating_add(SLICE_NS).min(until_ns);
        let at_time = machine.board.fabric.clock.retired_at(until_ns);
        let most = machine.instructions().saturating_add(SLICE).min(until).min(at_time);
        match machine.run_until(most, asleep_until) {
            Stop::Budget if machine.instructions() >= until => {
                let hits = if how == Pace::StepInto { self.reach(machine, true) } else { vec![] };
                match hits.is_empty() {
                    true => self.next_step(machine),
                    false => Some(Halt::Breakpoint(hits)),
                }
            }
            Stop::Budget => None,
            Stop::Breakpoint => self.at_breakpoint(machine, how),
            Stop::Watch => self.at_access(machine, how),
            stop => Some(Halt::End(stop)),
        }
    }

    /// Which breakpoints are hit by the instruction that is next.
    fn reach(&mut self, machine: &Machine, stepping: bool) -> Vec<Hit> {
        let address = machine.cpus.first().map_or(0, ringhold_emulator::Cpu::linear_ip);
        self.breakpoints.reach(address, EVENT_THREAD, stepping)
    }

    /// The machine stands at a breakpoint, the session's or another's.
    fn at_breakpoint(&mut self, machine: &mut Machine, how: Pace) -> Option<Halt> {
        let hits = self.reach(machine, how != Pace::Go);
        if !hits.is_empty() {
            return Some(Halt::Breakpoint(hits));
        }
        let address = machine.cpus.first().map_or(0, ringhold_emulator::Cpu::linear_ip);
        let mut mine = self.breakpoints.count_at(address);
        if let Pace::StepOver(over) = how {
            mine += usize::from(over.next == address);
            if machine.is_over(over) {
                return self.next_step(machine);
            }
        }
        (machine.breakpoints.users(address) > mine).then_some(Halt::End(Stop::Breakpoint))
    }

    /// A watched access was made, or another's waits. A breakpoint at the instruction behind an
    /// access that is a hit is hit with it.
    fn at_access(&mut self, machine: &mut Machine, how: Pace) -> Option<Halt> {
        let met = machine.board.watches.take_hits_of(&self.breakpoints.watches());
        let stepping = how != Pace::Go;
        let mut hits = self.breakpoints.accessed(&met, EVENT_THREAD, stepping);
        if !hits.is_empty() {
            hits.extend(self.reach(machine, stepping));
            return Some(Halt::Breakpoint(hits));
        }
        machine.board.watches.has_hits().then_some(Halt::End(Stop::Watch))
    }

    /// Run: that many instructions, unless something stops the machine before. Answers
    /// [`ended_by`], and what the guest wrote to the exit device.
    pub(super) fn run_for(&mut self, machine: &mut Machine, instructions: u64) -> Answer {
        if self.ended {
            return Err(HResult::UNEXPECTED);
        }
        let until = machine.instructions().saturating_add(instructions);
        self.breakpoints.drop_spent();
        self.stepping = Resume::Go(1);
        self.target = Target::Running { until, how: Pace::Go };
        let halt = loop {
            if self.interrupter.take(interrupt::BREAK) {
                break Halt::BreakIn;
            }
            if let Some(halt) = self.go(machine, u64::MAX) {
                break halt;
            }
        };
        let (why, value) = ended_by(&halt);
        self.stopped(machine, halt);
        Ok((HResult::OK, vec![crate::command::Output::U32(why), crate::command::Output::U32(value)]))
    }

    /// The target stands still, and everything may have changed.
    fn stopped(&mut self, machine: &mut Machine, halt: Halt) {
        self.leave_step(machine);
        self.target = Target::Stopped;
        self.goal = Goal::Count(1);
        self.console.moved();
        self.context = Context::default();
        self.last_event = match halt {
            Halt::Breakpoint(hits) => {
                self.breakpoints.spend(machine, &hits);
                self.tell_hits(&hits);
                hit(&hits)
            }
            Halt::BreakIn => {
                self.exception(machine, BREAKPOINT, "Break instruction exception - code 80000003")
            }
            Halt::Step => self.exception(machine, SINGLE_STEP, "Single step exception - code 80000004"),
            Halt::End(stop) => {
                self.ended = matches!(stop, Stop::Exit(_) | Stop::PowerOff | Stop::Reset | Stop::TripleFault);
                end(stop)
            }
        };
        // One that was hit is in no list any more, and can be asked until the target goes on.
        for handle in std::mem::take(&mut self.temporary) {
            if self.breakpoints().any(|breakpoint| breakpoint.handle() == handle) {
                // It was just found.
                let _ = self.remove_breakpoint(machine, handle);
            }
        }
        self.say_status(STATUS_BREAK);
        self.events.push(Event::ChangeDebuggeeState { flags: CDS_ALL, argument: 0 });
    }

    /// An exception event with its DEBUG_LAST_EVENT_INFO_EXCEPTION: the EXCEPTION_RECORD64 of 152
    /// bytes, and whether it is the first chance.
    fn exception(&mut self, machine: &Machine, code: u32, description: &str) -> LastEvent {
        let address = machine.cpus.first().map_or(0, |cpu| cpu.rip);
        self.events.push(Event::Exception { code, address, first_chance: 1 });
        let mut extra = Event::exception_record(code, address).to_vec();
        extra.extend(1u64.to_le_bytes());
        LastEvent { kind: EVENT_EXCEPTION, thread: EVENT_THREAD, extra, description: description.into() }
    }

    /// Takes away what a step over an instruction waits for, and what no one will ask for any more.
    pub(super) fn leave_step(&mut self, machine: &mut Machine) {
        self.leave_over(machine);
        machine.board.watches.take_hits_of(&self.breakpoints.watches());
    }

    /// Takes away the breakpoint behind an instruction that is stepped over.
    pub(super) fn leave_over(&mut self, machine: &mut Machine) {
        if let Target::Running { how: Pace::StepOver(over), .. } = self.target {
            machine.breakpoints.remove(over.next);
        }
    }

    fn say_status(&mut self, status: u64) {
        self.events.push(Event::ChangeEngineState { flags: CES_EXECUTION_STATUS, argument: status });
    }
}

/// Why Run came back: 0 the count was reached, 1 the guest wrote the second number to its exit
/// device, 2 power off, 3 reset, 4 triple fault, 5 halted for good, 6 livelock, 7 breakpoint (the
/// second number is the id of the session's, and all ones if it is another's), 8 an access that
/// another watches, 9 interrupted.
fn ended_by(halt: &Halt) -> (u32, u32) {
    match *halt {
        Halt::Breakpoint(ref hits) => (7, hits.first().map_or(ANY_ID, |hit| hit.id)),
        Halt::Step | Halt::End(Stop::Budget) => (0, 0),
        Halt::End(Stop::Exit(value)) => (1, value),
        Halt::End(Stop::PowerOff) => (2, 0),
        Halt::End(Stop::Reset) => (3, 0),
        Halt::End(Stop::TripleFault) => (4, 0),
        Halt::End(Stop::Halted) => (5, 0),
        Halt::End(Stop::Livelock) => (6, 0),
        Halt::End(Stop::Breakpoint) => (7, ANY_ID),
        Halt::End(Stop::Watch) => (8, 0),
        Halt::BreakIn => (9, 0),
    }
}

/// A breakpoint event with its DEBUG_LAST_EVENT_INFO_BREAKPOINT, the id. Of several hits at one
/// point it is the first; the callbacks are told all.
fn hit(hits: &[Hit]) -> LastEvent {
    let id = hits.first().map_or(ANY_ID, |hit| hit.id);
    let access = hits.first().and_then(|hit| hit.access).map(|(place, direction)| {
        let (first, last, what) = match place {
            Place::Ports(first, last) => (first.into(), last.into(), "port"),
            Place::Linear(first, last) | Place::Physical(first, last) => (first, last, "address"),
            Place::Config(_, first, last) => (first.into(), last.into(), "byte"),
        };
        let done = match direction {
            Direction::Read => "read",
            Direction::Write => "written",
            Direction::Any => "modified",
        };
        format!(": {} bytes at {what} {first:#x} were {done}", last - first + 1)
    });
    let description = format!("Breakpoint {id} hit{}", access.unwrap_or_default());
    LastEvent { kind: EVENT_BREAKPOINT, thread: EVENT_THREAD, extra: id.to_le_bytes().into(), description }
}

/// The end of a run. Its extra data is the exit value, or the kind of error and three zeros.
fn end(stop: Stop) -> LastEvent {
    let (kind, number, description) = match stop {
        Stop::Exit(value) => (EVENT_EXIT_PROCESS, value, format!("The guest ended the run with {value}")),
        Stop::PowerOff => (EVENT_EXIT_PROCESS, 0, "The guest turned the power off".into()),
        Stop::Reset => (EVENT_SYSTEM_ERROR, 1, "The guest reset the machine".into()),
        Stop::TripleFault => (EVENT_SYSTEM_ERROR, 2, "Triple fault".into()),
        Stop::Livelock => (EVENT_SYSTEM_ERROR, 3, "No instruction retires any more".into()),
        Stop::Halted => (EVENT_SYSTEM_ERROR, 4, "The guest is halted, and nothing can wake it".into()),
        Stop::Breakpoint => (EVENT_SYSTEM_ERROR, 6, "A breakpoint that is not the session's".into()),
        Stop::Watch => (EVENT_SYSTEM_ERROR, 7, "A watched access that is not the session's".into()),
        Stop::Budget => (EVENT_SYSTEM_ERROR, 5, "The budget is used up".into()),
    };
    let mut extra = number.to_le_bytes().to_vec();
    if kind == EVENT_SYSTEM_ERROR {
        extra.resize(16, 0);
    }
    LastEvent { kind, thread: 0, extra, description }
}
