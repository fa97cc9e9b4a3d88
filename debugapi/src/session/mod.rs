//! A debugging session: what lies between a client's commands and the machine.
//!
//! [`Session::execute`] takes every [`Command`]. The machine is lent for each call, so whoever
//! owns it (a test, a thread, a COM object) can use it between calls.
//!
//! A session is in one of these states, as DbgEng's are:
//!
//! | state | execution status | data spaces, registers |
//! |---|---|---|
//! | no target | NO_DEBUGGEE | E_UNEXPECTED |
//! | stopped | BREAK, or what SetExecutionStatus asked for | work |
//! | running | GO, STEP_INTO, STEP_OVER | E_UNEXPECTED, and nothing changes |
//!
//! SetExecutionStatus takes effect at the next WaitForEvent. The target runs while WaitForEvent
//! waits; one that timed out leaves it running. [`breakpoints`] can be changed in both states.

mod breakpoint_methods;
pub mod breakpoints;
mod console;
mod control;
mod data_spaces;
mod host_memory;
mod registers;
mod run;
pub mod stack;
mod stepping;
mod symbols;
mod system_objects;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ringhold_emulator::Machine;
use ringhold_emulator::points::Over;

use crate::command::{Command, Event, Interface, Method, Output, Reply, Room};
use crate::console::Console;
use crate::spaces::TagLists;
use crate::wire::MAX_TRANSFER;
use crate::{Context, DataSpaces, HResult, Modules};

pub use run::{Progress, SLICE, Wait};
pub(crate) use stepping::Goal;

/// `DEBUG_ANY_ID`
const ANY_ID: u32 = u32::MAX;

/// What a handler gives: a result that delivers outputs, or one that delivers none.
pub(crate) type Answer = Result<(HResult, Vec<Output>), HResult>;

/// What the session is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    None,
    /// AttachKernel was called; the next WaitForEvent completes it.
    Attaching,
    Stopped,
    /// Running, until this many instructions have retired.
    Running {
        until: u64,
        how: Pace,
    },
}

/// How far a running target means to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Until something happens, or the count is reached.
    Go,
    /// The count is that of one instruction more.
    StepInto,
    /// Until an instruction that leads elsewhere is done.
    StepOver(Over),
}

/// How the target is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resume {
    /// GO, GO_HANDLED or GO_NOT_HANDLED, which mean the same for a kernel.
    Go(u32),
    StepInto,
    StepOver,
    /// Until the innermost function has returned.
    Out(Over),
}

/// Asks a session to interrupt its target; SetInterrupt from any thread.
#[derive(Clone, Debug, Default)]
pub struct Interrupter(Arc<AtomicU32>);

/// The bits of [`Interrupter`].
mod interrupt {
    /// Stop the target.
    pub const BREAK: u32 = 1;
    /// The user asked to interrupt what is being done.
    pub const USER: u32 = 2;
    /// End the waiting for an event.
    pub const EXIT: u32 = 4;
}

impl Interrupter {
    /// Stops the target at the next moment between two slices.
    pub fn break_in(&self) {
        self.raise(interrupt::BREAK);
    }

    fn raise(&self, bit: u32) {
        self.0.fetch_or(bit, Ordering::SeqCst);
    }

    fn is_raised(&self, bit: u32) -> bool {
        self.0.load(Ordering::SeqCst) & bit != 0
    }

    /// Whether a bit was set; it is not afterwards.
    fn take(&self, bit: u32) -> bool {
        self.0.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }
}

/// What the last event was.
#[derive(Clone, Debug, Default)]
struct LastEvent {
    /// `DEBUG_EVENT_*`
    kind: u32,
    thread: u32,
    extra: Vec<u8>,
    description: String,
}

/// A debugging session.
#[derive(Debug)]
pub struct Session {
    pub(crate) context: Context,
    tags: TagLists,
    target: Target,
    resume: Option<Resume>,
    interrupter: Interrupter,
    pub(crate) events: Vec<Event>,
    last_event: LastEvent,
    /// The effective processor type, if one was set.
    processor_type: Option<u32>,
    engine_options: u32,
    symbol_options: u32,
    pub(crate) modules: Modules,
    matches: symbols::Matches,
    pub(crate) radix: u32,
    pub(crate) console: Console,
    /// How the target was told to go on when it last was.
    stepping: Resume,
    /// How far the next steps go.
    pub(crate) goal: Goal,
    /// Breakpoints that go when the target stands still again, by handle.
    pub(crate) temporary: Vec<u64>,
    /// The directory whose files commands may name.
    pub(crate) files: Option<PathBuf>,
    /// Why the machine stands still already, though no one has waited for it.
    unseen: Option<run::Halt>,
    /// Whether the run has come to its end: the machine cannot go on.
    ended: bool,
    breakpoints: breakpoints::Breakpoints,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A session with a stopped target.
    pub fn new() -> Self {
        Self {
            context: Context::default(),
            tags: TagLists::default(),
            target: Target::Stopped,
            resume: None,
            interrupter: Interrupter::default(),
            events: Vec::new(),
            last_event: LastEvent::default(),
            processor_type: None,
            engine_options: 0,
            symbol_options: 0,
            modules: Modules::default(),
            matches: symbols::Matches::default(),
            radix: 16,
            console: Console::default(),
            stepping: Resume::Go(1),
            goal: Goal::Count(1),
            temporary: Vec::new(),
            files: None,
            unseen: None,
            ended: false,
            breakpoints: breakpoints::Breakpoints::default(),
        }
    }

    /// A session without a target: it wants AttachKernel and WaitForEvent, as after DebugCreate.
    pub fn unattached() -> Self {
        Self { target: Target::None, ..Self::new() }
    }

    /// Lets `.readmem` and `.writemem` reach the files of a directory. Without one they reach none.
    pub fn share_files(&mut self, directory: PathBuf) {
        self.files = Some(directory);
    }

    /// Gives it the modules of its target. Breakpoints that wait for a symbol are not looked at.
    pub fn set_modules(&mut self, modules: Modules) {
        self.modules = modules;
    }

    /// The modules of its target.
    pub fn modules(&self) -> &Modules {
        &self.modules
    }

    /// Lets the target go on until the innermost function has returned, at the next WaitForEvent.
    pub(crate) fn step_out(&mut self, over: Over) {
        self.resume = Some(Resume::Out(over));
    }

    /// What can interrupt it from another thread.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Whether the target runs: it may be driven on by [`Self::advance`].
    pub fn running(&self) -> bool {
        matches!(self.target, Target::Running { .. })
    }

    /// Carries out a command. WaitForEvent runs the machine here, until there is an event.
    pub fn execute(&mut self, machine: &mut Machine, command: &Command) -> Reply {
        match self.begin(machine, command) {
            Progress::Done(reply) => reply,
            Progress::Waiting(mut wait) => loop {
                if let Some(reply) = self.advance(machine, &mut wait) {
                    return reply;
                }
            },
        }
    }

    /// Carries out a command, but for the waiting of WaitForEvent: that goes on by
    /// [`Self::advance`], between whose calls other commands can be carried out.
    pub fn begin(&mut self, machine: &mut Machine, command: &Command) -> Progress {
        if let Command::WaitForEvent { flags, timeout } = command {
            return match self.wait(machine, *flags, *timeout) {
                Ok(wait) => Progress::Waiting(wait),
                Err(hresult) => Progress::Done(self.reply(command, Err(hresult))),
            };
        }
        let answer = self.carry_out(machine, command);
        Progress::Done(self.reply(command, answer))
    }

    /// Carries out any command but WaitForEvent.
    pub(crate) fn carry_out(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        match command.number().0 {
            Interface::Session => self.session(machine, command),
            Interface::DataSpaces => self.with_spaces(machine, |spaces| data_spaces::call(spaces, command)),
            Interface::HostMemory => self.with_spaces(machine, |spaces| host_memory::call(spaces, command)),
            Interface::Client | Interface::Control => self.control(machine, command),
            Interface::Symbols => self.symbols(machine, command),
            Interface::Registers => self.registers(machine, command),
            Interface::Breakpoint => self.breakpoint_method(machine, command),
            Interface::SystemObjects => self.system_objects(machine, command),
        }
    }

    /// The reply of a handler's answer, with the events so far.
    fn reply(&mut self, command: &Command, answer: Answer) -> Reply {
        let events = std::mem::take(&mut self.events);
        let (hresult, outputs) = match answer {
            Ok(delivered) => delivered,
            Err(hresult) => {
                let (interface, slot) = command.number();
                let method = Method::at(interface as u16, slot);
                (hresult, method.map_or_else(Vec::new, |method| method.failed(hresult).outputs))
            }
        };
        Reply { hresult, outputs, events }
    }

    /// What no vtable has.
    fn session(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        match command {
            Command::Hello { version } => {
                let known = *version == crate::wire::VERSION;
                let hresult = if known { HResult::OK } else { HResult::NOTIMPL };
                Ok((hresult, vec![Output::U32(crate::wire::VERSION)]))
            }
            Command::TakeEvents {} => done([]),
            Command::GetClock {} => {
                done([Output::U64(machine.instructions()), Output::U64(machine.virtual_ns())])
            }
            Command::TakeOutput { device, buffer } => take_output(machine, &device.0, *buffer),
            Command::Input { device, bytes } => {
                let id = machine.board.find(&device.0).ok_or(HResult::NOINTERFACE)?;
                machine.board.input(id, given(bytes)?);
                done([])
            }
            _ if self.target != Target::Stopped => Err(HResult::UNEXPECTED),
            Command::Run { instructions } => self.run_for(machine, *instructions),
            Command::GetStateHash {} => done([Output::Bytes(machine.state_hash().to_le_bytes().to_vec())]),
            _ => Err(HResult::NOTIMPL),
        }
    }

    /// The data spaces, if the target stands still.
    fn with_spaces(
        &mut self,
        machine: &mut Machine,
        call: impl FnOnce(&mut DataSpaces<'_>) -> Answer,
    ) -> Answer {
        if self.target != Target::Stopped {
            return Err(HResult::UNEXPECTED);
        }
        let mut spaces = DataSpaces::reopened(machine, self.context, std::mem::take(&mut self.tags));
        spaces.set_pointer_bytes(self.processor_type.map(|kind| if kind == control::AMD64 { 8 } else { 4 }));
        let answer = call(&mut spaces);
        self.events.extend(spaces.take_changes().into_iter().map(Event::from));
        self.tags = spaces.close();
        answer
    }
}

/// What a device has sent, as far as there is room. What others have sent stays.
fn take_output(machine: &mut Machine, device: &str, room: Room) -> Answer {
    let id = machine.board.find(device).ok_or(HResult::NOINTERFACE)?;
    if room.null && room.count > 0 {
        return Err(HResult::INVALIDARG);
    }
    let mut taken = Vec::new();
    machine.board.fabric.output.retain(|(from, byte)| {
        let wanted = *from == id && (taken.len() as u64) < room.count.min(MAX_TRANSFER);
        if wanted {
            taken.push(*byte);
        }
        !wanted
    });
    let moved = count(taken.len());
    done([Output::Bytes(taken), moved])
}

/// Success with these outputs.
fn done(outputs: impl Into<Vec<Output>>) -> Answer {
    Ok((HResult::OK, outputs.into()))
}

impl Room {
    /// A buffer for that many units, as far as one transfer goes.
    fn units<T: Clone + Default>(self) -> Result<Vec<T>, HResult> {
        if self.null && self.count > 0 {
            return Err(HResult::INVALIDARG);
        }
        let most = MAX_TRANSFER / size_of::<T>().max(1) as u64;
        Ok(vec![T::default(); self.count.min(most) as usize])
    }

    /// Puts an object of a fixed size into the buffer, or asks for its size alone.
    fn deliver(self, object: &[u8]) -> (HResult, Vec<u8>) {
        let room = usize::try_from(self.count).unwrap_or(usize::MAX);
        match self.null {
            true => (HResult::OK, Vec::new()),
            false if room < object.len() => (HResult::FALSE, object[..room].to_vec()),
            false => (HResult::OK, object.to_vec()),
        }
    }
}

/// A count for a client.
fn count(count: usize) -> Output {
    Output::U32(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The elements behind an in-pointer, or E_INVALIDARG.
fn given<T>(input: &crate::command::Input<T>) -> Result<&[T], HResult> {
    input.get().ok_or(HResult::INVALIDARG)
}
