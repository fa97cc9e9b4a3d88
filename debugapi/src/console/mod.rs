//! Commands in WinDbg's syntax: what stands behind `IDebugControl::Execute`.
//!
//! A line is taken apart by `cursor.rs`; each command has its place in the file of its family.
//! They reach the machine by the session's own [`Command`]s, as every client does: a write is an
//! injection and stands in the journal, a read of memory leaves no trace, and callbacks hear of
//! what has changed. What is said becomes [`Event::Output`]. The formats and the syntax are those
//! that WinDbg's documentation shows; where it is silent, they are ours (the book's chapter on the
//! console says where).
//!
//! A command that fails says what is wrong and where, and ends its line.

mod breakpoints;
mod change;
mod code;
mod complaint;
mod cursor;
mod display;
mod expression;
mod files;
mod functions;
mod layout;
mod msr;
mod number;
mod other;
mod pci;
mod physical;
mod ports;
mod print;
mod range;
mod registers;
mod run;
mod script;
mod search;
mod stack;
mod symbols;
#[cfg(test)]
mod tests;
mod translate;
mod world;

use iced_x86::FlowControl;
use ringhold_emulator::Machine;
use ringhold_emulator::inject::{Semantics, Space};

use crate::HResult;
use crate::command::{Command, Event, Output};
use crate::session::Session;

use complaint::{Complaint, Outcome};
use cursor::Cursor;
use layout::Format;
pub(crate) use number::general;

/// `DEBUG_OUTPUT_*`: what kind of text it is.
mod mask {
    pub const NORMAL: u32 = 1;
    pub const ERROR: u32 = 2;
    pub const PROMPT: u32 = 0x10;
}

/// The most bytes that the commands of one line say.
const MOST_OUTPUT: usize = 16 << 20;

/// What a session keeps from one command to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Console {
    /// `$t0` to `$t19`
    variables: [u64; 20],
    /// The value of the last expression.
    last_value: u64,
    /// Where a d-command without an address goes on.
    next: u64,
    /// Where one of physical memory does.
    next_physical: u64,
    /// Where `u` does; nowhere since the target has moved.
    next_code: Option<u64>,
    /// What `r` shows, if `rm` has said so.
    register_mask: Option<u64>,
    /// The kind that `d` repeats.
    format: Option<Format>,
    /// What `s -[s]` saved.
    hits: Vec<u64>,
    /// What an empty line repeats.
    repeat: String,
}

impl Console {
    /// The target has moved: what was shown of its code is of no interest any more.
    pub fn moved(&mut self) {
        self.next_code = None;
    }
}

/// A line of commands being carried out.
pub(crate) struct Execution<'a> {
    session: &'a mut Session,
    machine: &'a mut Machine,
    said: usize,
    /// What an empty line is to repeat, if it is not the line.
    repeat: Option<String>,
    /// How many loops are around the command, and the rounds that were made.
    loops: usize,
    rounds: u64,
    /// How many blocks and files are.
    depth: usize,
    /// What leaves the block, if a command did.
    leave: Option<script::Leave>,
}

impl<'a> Execution<'a> {
    fn new(session: &'a mut Session, machine: &'a mut Machine) -> Self {
        Self { session, machine, said: 0, repeat: None, loops: 0, rounds: 0, depth: 0, leave: None }
    }
}

/// Which memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Virtual,
    /// With the `DEBUG_PHYSICAL_*` flags.
    Physical(u32),
}

/// Where a line came from and what becomes of it: `DEBUG_EXECUTE_*`.
mod flag {
    pub const ECHO: u32 = 1;
    pub const NO_REPEAT: u32 = 4;
}

/// What stands before a command: the number of the current processor if there are several.
pub(crate) fn prompt(session: &Session, machine: &Machine) -> String {
    match machine.cpus.len() {
        0 | 1 => "kd> ".into(),
        _ => format!("{}: kd> ", session.context.cpu),
    }
}

/// Carries out the commands of a text, line by line. The result is that of the first one that
/// failed; the rest is not carried out then.
pub(crate) fn execute(session: &mut Session, machine: &mut Machine, text: &str, flags: u32) -> HResult {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.iter().all(|line| line.trim().is_empty()) {
        let repeats = flags & flag::NO_REPEAT == 0;
        lines = if repeats { vec![session.console.repeat.clone()] } else { vec![] };
    }
    let mut execution = Execution::new(session, machine);
    for line in lines {
        if let Err(hresult) = execution.line(&line, flags) {
            return hresult;
        }
    }
    HResult::OK
}

impl Execution<'_> {
    fn line(&mut self, line: &str, flags: u32) -> Result<(), HResult> {
        let prompt = prompt(self.session, self.machine);
        if flags & flag::ECHO != 0 {
            self.tell(mask::PROMPT, &format!("{prompt}{line}\n"));
        }
        self.repeat = None;
        let outcome = self.commands(&mut Cursor::new(line));
        if flags & flag::NO_REPEAT == 0 {
            self.session.console.repeat = self.repeat.take().unwrap_or(line.into());
        }
        outcome.map_err(|complaint| {
            self.tell(mask::ERROR, &complaint.words(line, prompt.len()));
            complaint.hresult
        })
    }

    /// The commands that follow, up to the first that fails or leaves its block.
    fn commands(&mut self, from: &mut Cursor<'_>) -> Outcome {
        while let Some(mut command) = from.next_command() {
            if self.session.goes_on() {
                self.session.stay();
                return Err(Complaint::missing("commands after the target has moved are", command.at()));
            }
            self.command(&mut command)?;
            if self.leave.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// One command.
    fn command(&mut self, from: &mut Cursor<'_>) -> Outcome {
        let at = from.at();
        if from.take("$<") {
            return self.commands_of_file(from, at);
        }
        if from.take("?") {
            return self.evaluate(from);
        }
        let name = name(from);
        match self.family(&name, from, at)? {
            Known::Yes => Ok(()),
            Known::No => Err(Complaint::syntax(at)),
        }
    }

    /// Finds the file that knows a command.
    fn family(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let families = [
            Self::display,
            Self::change,
            Self::search,
            Self::physical,
            Self::ports,
            Self::msr,
            Self::pci,
            Self::translate,
            Self::registers,
            Self::code,
            Self::run,
            Self::breakpoints,
            Self::symbols,
            Self::stack,
            Self::files,
            Self::script,
            Self::print,
            Self::other,
        ];
        for family in families {
            if family(self, name, from, at)? == Known::Yes {
                return Ok(Known::Yes);
            }
        }
        Ok(Known::No)
    }

    /// Carries out a command of the session.
    fn call(&mut self, command: &Command) -> Result<Vec<Output>, HResult> {
        self.session.carry_out(self.machine, command).map(|(_, outputs)| outputs)
    }

    /// Says something.
    fn say(&mut self, text: &str) -> Outcome {
        self.said += text.len();
        if self.said > MOST_OUTPUT {
            return Err(Complaint::new("Output limit error", 0));
        }
        self.tell(mask::NORMAL, text);
        Ok(())
    }

    /// Puts text among the events; what follows text of the same kind joins it.
    fn tell(&mut self, kind: u32, more: &str) {
        match self.session.events.last_mut() {
            Some(Event::Output { mask, text }) if *mask == kind => text.push_str(more),
            _ => self.session.events.push(Event::Output { mask: kind, text: more.into() }),
        }
    }
}

/// The value of an expression, and how many bytes of the text are behind it.
pub(crate) fn evaluate(
    session: &mut Session,
    machine: &mut Machine,
    text: &str,
) -> Result<(u64, usize), HResult> {
    let mut from = Cursor::new(text);
    let mut execution = Execution::new(session, machine);
    let value = execution.expression(&mut from).map_err(|complaint| complaint.hresult)?;
    Ok((value, if from.at_end() { text.len() } else { from.at() }))
}

/// The instruction at an address in words, and where the next one begins.
pub(crate) fn disassemble(
    session: &mut Session,
    machine: &mut Machine,
    address: u64,
) -> Result<(String, u64), HResult> {
    let mut execution = Execution::new(session, machine);
    let line = execution.instruction(address, 0).map_err(|complaint| complaint.hresult)?;
    Ok((line.text(&session.modules), line.next()))
}

/// What the next instruction of a processor does to the flow of control; `None` if it cannot be
/// read. The target may run.
pub(crate) fn flow_of_next(cpu: usize, machine: &mut Machine) -> Option<FlowControl> {
    let address = machine.cpus.get(cpu)?.linear_ip();
    let mut bytes = [0; code::LONGEST];
    let space = Space::Virtual { cpu, root: None };
    let read = machine.peek(space, address, Semantics::Backdoor, &mut bytes).read;
    let cpu = machine.cpus.get(cpu)?;
    let line = code::Line::decode(Some(cpu), cpu.code_size(), address, bytes.get(..read)?);
    (read > 0).then(|| line.flow())
}

/// Whether a family has a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Yes,
    No,
}

/// Passes the name of a command. Names are in small letters, but for those that differ by that
/// alone: `dD`, `dW`, `rM`.
fn name(from: &mut Cursor<'_>) -> String {
    let mut name = String::new();
    if let Some(first) = from.peek().filter(|first| matches!(first, '!' | '.' | '~' | '|')) {
        name.extend(from.take_while(|letter| letter == first).chars().next());
    }
    name.push_str(from.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_'));
    match name.as_str() {
        "dD" | "dW" | "rM" => name,
        _ => name.to_ascii_lowercase(),
    }
}
