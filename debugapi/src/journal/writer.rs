//! Writes a journal while the run goes on: one line for each input.

use std::io::{self, Write};

use ringhold_emulator::journal::{Event, Input};
use ringhold_emulator::{Machine, Stop};
use serde::Serialize;

use super::{End, Ended, FORMAT, Header, hash_text};
use crate::schedule::{self, At, Data, Entry, Expect, options};

/// How the line of an entry begins.
pub(super) const ENTRY: &str = "        (at: ";

/// Writes a journal. The machine must keep its record ([`Machine::record`]) from before the first
/// input on.
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Writes what stands before the entries.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut to: W, header: &Header) -> io::Result<Self> {
        writeln!(to, "// A run of Ringhold. To run it again: ringhold replay THIS-FILE")?;
        writeln!(to, "// To run an edited one: ringhold run --inject THIS-FILE, with the same machine")?;
        writeln!(to, "(")?;
        writeln!(to, "    format: {FORMAT},")?;
        writeln!(to, "    program: {},", ron(&header.program)?)?;
        writeln!(to, "    config: {},", raw(&header.config))?;
        writeln!(to, "    config_digest: {},", ron(&header.config_digest)?)?;
        writeln!(to, "    images: [")?;
        for image in &header.images {
            writeln!(to, "        {},", ron(image)?)?;
        }
        writeln!(to, "    ],")?;
        writeln!(to, "    entries: [")?;
        Ok(Self { to })
    }

    /// Writes what has come from outside since the last call.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn drain(&mut self, machine: &mut Machine) -> io::Result<()> {
        for event in machine.take_events() {
            let entry = entry(machine, event);
            writeln!(self.to, "        {},", ron(&entry)?)?;
        }
        self.to.flush()
    }

    /// Writes the last entries and the end of the run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, machine: &mut Machine, stop: Stop) -> io::Result<()> {
        self.drain(machine)?;
        let end = End {
            at: machine.position().into(),
            stop: Ended::from(stop),
            hash: hash_text(machine.state_hash()),
        };
        writeln!(self.to, "    ],")?;
        writeln!(self.to, "    end: {},", ron(&end)?)?;
        writeln!(self.to, ")")?;
        self.to.flush()
    }
}

fn ron(value: &impl Serialize) -> io::Result<String> {
    let pretty = ron::ser::PrettyConfig::new()
        .new_line(" ")
        .indentor("")
        .separate_tuple_members(false)
        .extensions(ron::extensions::Extensions::IMPLICIT_SOME)
        .number_suffixes(false)
        .compact_arrays(true)
        .compact_structs(true);
    options().to_string_pretty(value, pretty).map_err(io::Error::other)
}

/// A raw string, in which a text of several lines stays readable.
fn raw(text: &str) -> String {
    let mut fence = String::from("#");
    while text.contains(&format!("\"{fence}")) {
        fence.push('#');
    }
    format!("r{fence}\"{text}\"{fence}")
}

/// An event as an entry.
fn entry(machine: &Machine, event: Event) -> Entry {
    let Event { at, input, hash } = event;
    let (write, semantics, expect) = match input {
        Input::Write { injection, written } => {
            let (write, semantics) = schedule::Write::of(&injection);
            (write, semantics, Expect::of(written, injection.bytes.len()))
        }
        Input::Read { space, address, semantics, length, read } => {
            (schedule::Write::Read { space, address, length }, Some(semantics), Expect::of(read, length))
        }
        Input::Bytes { device, bytes } => {
            let device = machine.board.name(device).into();
            (schedule::Write::Input { device, data: Data::plain(&bytes) }, None, Expect::Ok)
        }
    };
    Entry { semantics, expect: Some(expect), hash: Some(hash_text(hash)), ..Entry::new(At::from(at), write) }
}
