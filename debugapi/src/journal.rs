//! Journals: runs written down so that they can be run again.
//!
//! A journal holds the machine's config, digests of its images, every outside input with its
//! exact position and the hash of the state that it left, and how the run ended. The inputs are
//! entries of a [`Schedule`](crate::Schedule): a journal may be edited and given to a runner of
//! schedules in place of one. [`Journal::replay`] takes it as it is, and compares every hash.

mod replay;
mod writer;

pub use replay::{Difference, Replayed};
pub use writer::Writer;

use ringhold_emulator::Stop;
use serde::{Deserialize, Serialize};

use crate::schedule::{At, Entry, ScheduleError, options};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// A run that can be run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The version of the format.
    pub format: u32,
    /// The program and its version that wrote it.
    pub program: String,
    /// The machine's config, in its own format.
    pub config: String,
    /// XXH3-128 of `config`, in hexadecimal.
    pub config_digest: String,
    /// What the machine started from.
    pub images: Vec<ImageDigest>,
    /// What came from outside, in its order.
    pub entries: Vec<Entry>,
    /// How it ended.
    pub end: End,
}

/// What an image was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageDigest {
    /// What it is for.
    pub role: String,
    /// Where it was.
    pub file: String,
    /// How long it is.
    pub bytes: u64,
    /// XXH3-128 of its content, in hexadecimal.
    pub digest: String,
}

/// What stands before the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The program and its version.
    pub program: String,
    /// The machine's config, in its own format.
    pub config: String,
    /// XXH3-128 of `config`, in hexadecimal.
    pub config_digest: String,
    /// What the machine started from.
    pub images: Vec<ImageDigest>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Where.
    pub at: At,
    /// Why.
    pub stop: Ended,
    /// The state then.
    pub hash: String,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// The guest wrote this value to the debug-exit device.
    Exit(u32),
    /// The guest turned the power off.
    PowerOff,
    /// The guest reset the machine.
    Reset,
    /// The processor shut down.
    TripleFault,
    /// Whoever ran it ended it there; a replay stops there as well.
    Left,
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Exit(value) => Self::Exit(value),
            Stop::PowerOff => Self::PowerOff,
            Stop::Reset => Self::Reset,
            Stop::TripleFault => Self::TripleFault,
            // Left to itself the machine would stay there, or go on.
            Stop::Budget | Stop::Halted | Stop::Livelock | Stop::Breakpoint | Stop::Watch => Self::Left,
        }
    }
}

/// A journal cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JournalError {
    /// The text is no journal, or not all of one.
    #[error("the journal cannot be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// The text ends before the journal does.
    #[error(
        "the journal is cut off in line {line}: {entries} whole entries and no end; what recorded it was stopped, \
         or the file is truncated"
    )]
    Truncated {
        /// The last line, counted from 1.
        line: usize,
        /// How many entries are whole.
        entries: usize,
    },
    /// It is of another version.
    #[error("the journal has format {0}, and this program reads {FORMAT}")]
    Format(u32),
    /// An entry is not what a journal has.
    #[error("entry {number} of the journal: {reason}")]
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// The config is not the one that was digested.
    #[error(
        "the config in the journal is not the one that was recorded: its digest is {found}, not {recorded}"
    )]
    Config {
        /// What the journal says.
        recorded: String,
        /// What the text has.
        found: String,
    },
}

/// A state hash as it is written.
pub fn hash_text(hash: u128) -> String {
    format!("{hash:032x}")
}

impl Journal {
    /// Reads a journal.
    ///
    /// # Errors
    /// Everything that keeps it from being replayed, with its place.
    pub fn from_ron(text: &str) -> Result<Self, JournalError> {
        let journal: Self = match options().from_str(text) {
            Ok(journal) => journal,
            Err(error) => return Err(truncated(text, &error).unwrap_or(JournalError::Syntax(error))),
        };
        if journal.format != FORMAT {
            return Err(JournalError::Format(journal.format));
        }
        let schedule = crate::Schedule { entries: journal.entries };
        schedule.check().map_err(|error| match error {
            ScheduleError::Entry { number, reason } => JournalError::Entry { number, reason: reason.into() },
            error => JournalError::Entry { number: 0, reason: error.to_string() },
        })?;
        let mut last = None;
        for (i, entry) in schedule.entries.iter().enumerate() {
            let wrong = |reason: &str| Err(JournalError::Entry { number: i + 1, reason: reason.into() });
            let Some(at) = replay::exact(&entry.at) else {
                return wrong("only exact positions can be replayed; run an edited journal by --inject");
            };
            if last.is_some_and(|last| at < last) {
                return wrong("it lies before the one above it");
            }
            if entry.hash.is_none() || entry.expect.is_none() {
                return wrong("it has no hash or no outcome");
            }
            last = Some(at);
        }
        Ok(Self { entries: schedule.entries, ..journal })
    }
}

/// The error of a text that just ends; entries have a line each.
fn truncated(text: &str, error: &ron::error::SpannedError) -> Option<JournalError> {
    let at_end = error.span.end.line >= text.lines().count() && !text.trim_end().ends_with(')');
    let cut = at_end || matches!(error.code, ron::error::Error::Eof);
    let entries = text.lines().filter(|line| line.starts_with(writer::ENTRY) && line.ends_with("),")).count();
    (cut && text.contains("format:")).then(|| JournalError::Truncated { line: text.lines().count(), entries })
}
