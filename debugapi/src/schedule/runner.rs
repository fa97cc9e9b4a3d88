//! Runs a machine along a schedule.

use std::fmt::{self, Display, Formatter};

use ringhold_emulator::inject::{Reading, Receipt};
use ringhold_emulator::points::{Position, WatchId};
use ringhold_emulator::state::Activity;
use ringhold_emulator::{Machine, Stop};
use serde::{Deserialize, Serialize};

use super::{Action, At, CodePlace, Expect, Schedule, ScheduleError};

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Done {
    /// A write was tried.
    Write(Box<Receipt>),
    /// A reading was tried.
    Read {
        /// What it met.
        reading: Box<Reading>,
        /// What it gave, zeros where nothing came.
        bytes: Vec<u8>,
    },
    /// A device got bytes.
    Input {
        /// Instructions retired when it happened.
        instructions: u64,
        /// The device's name.
        device: String,
        /// How many bytes.
        bytes: usize,
    },
}

impl Display for Done {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(receipt) => receipt.fmt(f),
            Self::Read { reading, .. } => reading.fmt(f),
            Self::Input { instructions, device, bytes } => {
                let s = if *bytes == 1 { "" } else { "s" };
                write!(
                    f,
                    "After {instructions} instructions device {device} got {bytes} byte{s} from outside."
                )
            }
        }
    }
}

impl Done {
    /// Instructions retired when it happened.
    pub fn instructions(&self) -> u64 {
        match self {
            Self::Write(receipt) => receipt.instructions,
            Self::Read { reading, .. } => reading.instructions,
            Self::Input { instructions, .. } => *instructions,
        }
    }

    /// In the words of an expectation.
    pub fn outcome(&self) -> Expect {
        match self {
            Self::Write(receipt) => Expect::of(receipt.written, receipt.asked),
            Self::Read { reading, bytes } => Expect::of(reading.read, bytes.len()),
            Self::Input { .. } => Expect::Ok,
        }
    }
}

/// An entry that has not happened yet.
struct Pending {
    /// Its place in the schedule.
    place: usize,
    /// How often its moment must still come.
    left: u64,
    watch: Option<WatchId>,
    breakpoint: Option<u64>,
}

/// A schedule and how far it has come. It may be run in several stretches, of one machine.
pub struct Runner<'a> {
    schedule: &'a Schedule,
    /// The entries that have not happened yet, in the order of the list.
    pending: Vec<Pending>,
    armed: bool,
}

impl<'a> Runner<'a> {
    /// A runner at the beginning.
    pub fn new(schedule: &'a Schedule) -> Self {
        let pending = |(place, entry): (usize, &super::Entry)| Pending {
            place,
            left: entry.hits,
            watch: None,
            breakpoint: None,
        };
        Self { schedule, pending: schedule.entries.iter().enumerate().map(pending).collect(), armed: false }
    }

    /// How many entries have not happened yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Takes away the breakpoints and watches of the entries that have not happened.
    pub fn finish(self, machine: &mut Machine) {
        self.pending.iter().for_each(|pending| pending.disarm(machine));
    }

    /// Runs until that many instructions have retired, or the machine stops by itself. Writes due
    /// at `until` itself happen.
    ///
    /// # Errors
    /// As [`Self::run_until`].
    pub fn run(&mut self, machine: &mut Machine, until: u64) -> Result<(Stop, Vec<Done>), ScheduleError> {
        self.run_until(machine, until, u64::MAX)
    }

    /// As [`Self::run`], and at the latest until virtual time has reached `until_ns` while the
    /// processor is halted.
    ///
    /// # Errors
    /// [`ScheduleError::Unmet`] and [`ScheduleError::Device`]: the machine stands where that entry
    /// was tried. [`ScheduleError::Symbol`] for a symbol that was not resolved.
    pub fn run_until(
        &mut self,
        machine: &mut Machine,
        until: u64,
        until_ns: u64,
    ) -> Result<(Stop, Vec<Done>), ScheduleError> {
        self.arm(machine)?;
        let mut all = Vec::new();
        loop {
            self.apply_due(machine, &mut all)?;
            let target = self.moments().filter_map(|at| position(machine, at)).min();
            let target = target.unwrap_or(Position::instruction(u64::MAX)).min(Position::instruction(until));
            let next = self.moments().filter_map(|at| nanoseconds(machine, at)).min();
            let sleep = next.unwrap_or(u64::MAX).min(until_ns);
            let mut stop = machine.run_to(target, sleep);
            if stop == Stop::Halted && next.is_some() {
                // Nothing inside the machine can wake it: time passes until the next write.
                machine.board.fabric.clock.skip_to(sleep);
                stop = Stop::Budget;
            }
            // An access may be met by what it causes, such as the end of the run.
            let mine = stop == Stop::Breakpoint && self.at_breakpoint(machine, &mut all)?
                || machine.board.watches.has_hits() && self.at_access(machine, &mut all)?;
            if mine && matches!(stop, Stop::Breakpoint | Stop::Watch) {
                continue;
            }
            let halted = machine.cpus[0].activity == Activity::Halted;
            let asleep = halted && machine.virtual_ns() >= until_ns;
            if stop != Stop::Budget || asleep || machine.instructions() >= until {
                self.apply_due(machine, &mut all)?;
                return Ok((stop, all));
            }
        }
    }

    fn moments(&self) -> impl Iterator<Item = &At> {
        self.pending.iter().map(|pending| &self.schedule.entries[pending.place].at)
    }

    /// Sets the breakpoints and watches of all entries that have one.
    fn arm(&mut self, machine: &mut Machine) -> Result<(), ScheduleError> {
        if std::mem::replace(&mut self.armed, true) {
            return Ok(());
        }
        for pending in &mut self.pending {
            match &self.schedule.entries[pending.place].at {
                At::Breakpoint(CodePlace::Address(address)) => {
                    machine.breakpoints.add(*address);
                    pending.breakpoint = Some(*address);
                }
                At::Breakpoint(CodePlace::Symbol(name))
                | At::Access { address: CodePlace::Symbol(name), .. } => {
                    return Err(ScheduleError::Symbol { number: pending.place + 1, name: name.clone() });
                }
                at => pending.watch = at.watch().map(|watch| machine.board.watches.add(watch)),
            }
        }
        Ok(())
    }

    /// Makes the writes that are due now by count or time, in the order of the list.
    fn apply_due(&mut self, machine: &mut Machine, all: &mut Vec<Done>) -> Result<(), ScheduleError> {
        let here = machine.position();
        let due = |pending: &Pending| {
            position(machine, &self.schedule.entries[pending.place].at).is_some_and(|at| at <= here)
        };
        let (due, later) = self.pending.drain(..).partition(due);
        self.pending = later;
        self.apply(due, machine, all)
    }

    /// A breakpoint is reached: makes the writes whose moment this is. Gives whether nobody else
    /// has a breakpoint there.
    fn at_breakpoint(&mut self, machine: &mut Machine, all: &mut Vec<Done>) -> Result<bool, ScheduleError> {
        let here = machine.cpus[0].linear_ip();
        let users = machine.breakpoints.users(here);
        let mine = self.pending.iter().filter(|pending| pending.breakpoint == Some(here)).count();
        self.met(machine, all, |pending| u64::from(pending.breakpoint == Some(here)))?;
        Ok(users == mine)
    }

    /// Watched accesses were made, or one waits: makes the writes whose moment this is. Gives
    /// whether nobody else watches.
    fn at_access(&mut self, machine: &mut Machine, all: &mut Vec<Done>) -> Result<bool, ScheduleError> {
        let mine: Vec<WatchId> = self.pending.iter().filter_map(|pending| pending.watch).collect();
        let hits = machine.board.watches.take_hits_of(&mine);
        self.met(machine, all, |pending| {
            hits.iter().filter(|met| Some(met.watch) == pending.watch).count() as u64
        })?;
        Ok(!machine.board.watches.has_hits())
    }

    /// Counts how often each moment has come, and makes the writes for which that suffices.
    fn met(
        &mut self,
        machine: &mut Machine,
        all: &mut Vec<Done>,
        times: impl Fn(&Pending) -> u64,
    ) -> Result<(), ScheduleError> {
        let (mut due, mut later) = (Vec::new(), Vec::new());
        for mut pending in self.pending.drain(..) {
            let times = times(&pending);
            if times > 0 && times >= pending.left {
                due.push(pending);
            } else {
                pending.left -= times;
                later.push(pending);
            }
        }
        self.pending = later;
        self.apply(due, machine, all)
    }

    /// Makes writes, in this order.
    fn apply(
        &self,
        due: Vec<Pending>,
        machine: &mut Machine,
        all: &mut Vec<Done>,
    ) -> Result<(), ScheduleError> {
        due.iter().for_each(|pending| pending.disarm(machine));
        for Pending { place, .. } in due {
            let entry = &self.schedule.entries[place];
            let done = act(machine, entry.action())
                .map_err(|name| ScheduleError::Device { number: place + 1, name })?;
            if let Some(expected) = entry.expect.filter(|expected| *expected != done.outcome()) {
                let done = Box::new(done);
                return Err(ScheduleError::Unmet { number: place + 1, expected, done });
            }
            all.push(done);
        }
        Ok(())
    }
}

impl Pending {
    fn disarm(&self, machine: &mut Machine) {
        if let Some(address) = self.breakpoint {
            machine.breakpoints.remove(address);
        }
        if let Some(watch) = self.watch {
            machine.board.watches.remove(watch);
        }
    }
}

/// Does what an entry asks for.
///
/// # Errors
/// The name of a device that is not there.
pub(crate) fn act(machine: &mut Machine, action: Action) -> Result<Done, String> {
    Ok(match action {
        Action::Write(injection) => Done::Write(Box::new(machine.inject(&injection))),
        Action::Read { space, address, length, semantics } => {
            let mut bytes = vec![0; length];
            let reading = machine.peek(space, address, semantics, &mut bytes).clone();
            Done::Read { reading: Box::new(reading), bytes }
        }
        Action::Input { device, bytes } => {
            let Some(id) = machine.board.find(&device) else { return Err(device) };
            machine.input(id, &bytes);
            Done::Input { instructions: machine.instructions(), device, bytes: bytes.len() }
        }
    })
}

/// The position at which a moment comes if the processor does not sleep; that of power-on if it
/// has come. None for what only the run can tell.
fn position(machine: &Machine, at: &At) -> Option<Position> {
    Some(match *at {
        At::Instruction(count) => Position::instruction(count),
        At::Time(ns) if ns <= machine.virtual_ns() => Position::default(),
        At::Time(ns) => Position::instruction(machine.board.fabric.clock.retired_at(ns)),
        At::Exact { instructions, deliveries, ns, reading } => {
            Position { instructions, deliveries, ns, reading }
        }
        _ => return None,
    })
}

/// How far a halted processor may sleep before a moment comes.
fn nanoseconds(machine: &Machine, at: &At) -> Option<u64> {
    match *at {
        At::Time(ns) => Some(ns),
        At::Exact { instructions, ns, .. }
            if instructions <= machine.instructions() && ns > machine.virtual_ns() =>
        {
            Some(ns)
        }
        _ => None,
    }
}
