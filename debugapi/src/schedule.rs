//! Injection schedules: writes that happen by themselves at given points of a run.
//!
//! A schedule is a list in RON. One format serves a lesson, a regression test and a fuzz input;
//! the entries of a [`crate::Journal`] have it, too.
//!
//! ```
//! # use ringhold_debugapi::Schedule;
//! let schedule = Schedule::from_ron(r#"[
//!     (at: Instruction(1000), write: Physical(address: 0x8000, data: text("hello"))),
//!     (at: Instruction(1000), write: Virtual(address: 0xffff800000001000, data: u32(7)), expect: Ok),
//!     (at: Time(5000000), write: Io(port: 0x3f8, data: u8(0x41))),
//!     (at: Time(5000000), write: BusData(device: 2, function: 1, offset: 4, data: u16(7))),
//!     (at: Breakpoint(0x7c00), hits: 3, write: Msr(msr: 0xc0000082, value: 0), expect: Ok),
//!     (at: Breakpoint("main"), write: Register(register: "rax", value: 1)),
//!     (at: Access(address: 0xffff800000002000, length: 8, access: Write), write: Msr(msr: 0x1b, value: 0)),
//!     (at: PortRead(0x60), write: Physical(address: 0xffff0, data: bytes([0x90])), semantics: Backdoor),
//!     (at: Mmio(address: 0xfee00300, access: Write), write: Input(device: "com1", data: text("ls\r"))),
//! ]"#)?;
//! assert_eq!(schedule.entries.len(), 9);
//! # Ok::<(), ringhold_debugapi::ScheduleError>(())
//! ```

mod moment;
mod runner;
mod write;

pub use moment::{AccessKind, At, CodePlace};
pub(crate) use runner::act;
pub use runner::{Done, Runner};
pub use write::{Action, Data, Write};

use ringhold_emulator::inject::Semantics;
use ringhold_emulator::{Machine, Stop};
use serde::{Deserialize, Serialize};

/// A list of writes with their moments. Entries that fall due at the same point between two
/// instructions happen in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule {
    /// The entries, as written.
    pub entries: Vec<Entry>,
}

/// One write and its moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When.
    pub at: At,
    /// Which time, where the moment can come several times; counted from 1.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub hits: u64,
    /// What.
    pub write: Write,
    /// What kind of access. By default `Bus` for `Io` and `BusData`, `Debugger` for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semantics: Option<Semantics>,
    /// What must come of it; by default anything may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// The state right after it, in a journal. Runs of a schedule do not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

fn first() -> u64 {
    1
}

fn is_first(hits: &u64) -> bool {
    *hits == 1
}

/// What must come of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Every byte lands.
    Ok,
    /// Exactly that many bytes land, and not all.
    Partial(usize),
    /// No byte lands.
    Fails,
}

/// A schedule cannot be read, or did not go as it says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// The text is no schedule.
    #[error("the schedule cannot be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// An entry asks for something that does not exist.
    #[error("entry {number} of the schedule: {reason}")]
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry names a symbol that nobody knows.
    #[error("entry {number} of the schedule: there is no symbol `{name}`")]
    Symbol {
        /// Counted from 1.
        number: usize,
        /// The name.
        name: String,
    },
    /// An entry names a device that is not there.
    #[error("entry {number} of the schedule: there is no device `{name}`")]
    Device {
        /// Counted from 1.
        number: usize,
        /// The name.
        name: String,
    },
    /// A write had another outcome than the entry says.
    #[error("entry {number} of the schedule expected {expected}, but: {done}")]
    Unmet {
        /// Counted from 1.
        number: usize,
        /// What should have come of it.
        expected: Expect,
        /// What came of it.
        done: Box<Done>,
    },
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => write!(f, "every byte to land"),
            Self::Partial(count) => write!(f, "exactly {count} bytes to land"),
            Self::Fails => write!(f, "no byte to land"),
        }
    }
}

impl Expect {
    /// What came of `asked` bytes of which `moved` got there.
    pub fn of(moved: usize, asked: usize) -> Self {
        match moved {
            moved if moved == asked => Self::Ok,
            0 => Self::Fails,
            moved => Self::Partial(moved),
        }
    }
}

impl Entry {
    /// An entry without conditions.
    pub fn new(at: At, write: Write) -> Self {
        Self { at, hits: 1, write, semantics: None, expect: None, hash: None }
    }

    /// What it asks of the machine.
    pub fn action(&self) -> Action {
        self.write.action(self.semantics)
    }

    /// What can be judged without a machine.
    fn check(&self) -> Result<(), &'static str> {
        match self.hits {
            0 => return Err("hits are counted from 1"),
            2.. if !self.at.recurs() => return Err("this moment comes only once"),
            _ => {}
        }
        self.at.check()?;
        self.write.check()
    }
}

/// Where the text of a journal begins with its `(`, that of a schedule has its `[`.
fn is_journal(text: &str) -> bool {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix("//") {
        rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    rest.starts_with('(')
}

pub(crate) fn options() -> ron::Options {
    ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
}

impl Schedule {
    /// Reads a schedule; of a journal, its entries.
    ///
    /// # Errors
    /// [`ScheduleError::Syntax`] with line and column, [`ScheduleError::Entry`].
    pub fn from_ron(text: &str) -> Result<Self, ScheduleError> {
        let schedule: Self = if is_journal(text) {
            Self { entries: options().from_str::<crate::Journal>(text)?.entries }
        } else {
            options().from_str(text)?
        };
        schedule.check()?;
        Ok(schedule)
    }

    pub(crate) fn check(&self) -> Result<(), ScheduleError> {
        for (i, entry) in self.entries.iter().enumerate() {
            entry.check().map_err(|reason| ScheduleError::Entry { number: i + 1, reason })?;
        }
        Ok(())
    }

    /// Puts addresses in place of symbols.
    ///
    /// # Errors
    /// [`ScheduleError::Symbol`] for the first that `find` does not know.
    pub fn resolve(&mut self, mut find: impl FnMut(&str) -> Option<u64>) -> Result<(), ScheduleError> {
        for (i, entry) in self.entries.iter_mut().enumerate() {
            if let Some(place) = entry.at.symbol()
                && let CodePlace::Symbol(name) = &*place
            {
                let Some(address) = find(name) else {
                    return Err(ScheduleError::Symbol { number: i + 1, name: name.clone() });
                };
                *place = CodePlace::Address(address);
            }
        }
        Ok(())
    }

    /// Runs a machine until that many instructions have retired and makes the writes that fall
    /// due, each at its moment. Gives the reason of the stop and what came of the writes, in their
    /// order. A run that stops earlier leaves later writes undone; to go on after a stop, keep a
    /// [`Runner`].
    ///
    /// # Errors
    /// As [`Runner::run_until`].
    pub fn run(&self, machine: &mut Machine, until: u64) -> Result<(Stop, Vec<Done>), ScheduleError> {
        let mut runner = Runner::new(self);
        let done = runner.run(machine, until);
        runner.finish(machine);
        done
    }
}
