//! Runs a machine along a schedule.

use ringhold_emulator::inject::Receipt;
use ringhold_emulator::state::Activity;
use ringhold_emulator::{Machine, Stop};

use super::{At, Schedule, ScheduleError};

/// A schedule and how far it has come. It may be run in several stretches.
pub struct Runner<'a> {
    schedule: &'a Schedule,
    /// The places of the entries that have not happened yet, in the order of the list.
    pending: Vec<usize>,
}

impl<'a> Runner<'a> {
    /// A runner at the beginning.
    pub fn new(schedule: &'a Schedule) -> Self {
        Self { schedule, pending: (0..schedule.entries.len()).collect() }
    }

    /// How many entries have not happened yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Runs until that many instructions have retired, or the machine stops by itself. Writes due
    /// at `until` itself happen.
    ///
    /// # Errors
    /// [`ScheduleError::Unmet`]; the machine stands where that write was made.
    pub fn run(&mut self, machine: &mut Machine, until: u64) -> Result<(Stop, Vec<Receipt>), ScheduleError> {
        self.run_until(machine, until, u64::MAX)
    }

    /// As [`Self::run`], and at the latest until virtual time has reached `until_ns` while the
    /// processor is halted.
    ///
    /// # Errors
    /// [`ScheduleError::Unmet`]; the machine stands where that write was made.
    pub fn run_until(
        &mut self,
        machine: &mut Machine,
        until: u64,
        until_ns: u64,
    ) -> Result<(Stop, Vec<Receipt>), ScheduleError> {
        let mut receipts = Vec::new();
        loop {
            self.apply_due(machine, &mut receipts)?;
            let count = self.moments().map(|at| count_at(machine, at)).min().unwrap_or(until);
            let next = self.moments().filter_map(nanoseconds).min();
            let sleep = next.unwrap_or(u64::MAX).min(until_ns);
            let mut stop = machine.run_until(count.min(until), sleep);
            if stop == Stop::Halted && next.is_some() {
                // Nothing inside the machine can wake it: time passes until the next write.
                machine.board.fabric.clock.skip_to(sleep);
                stop = Stop::Budget;
            }
            let halted = machine.cpus[0].activity == Activity::Halted;
            let asleep = halted && machine.virtual_ns() >= until_ns;
            if stop != Stop::Budget {
                return Ok((stop, receipts));
            }
            if asleep || machine.instructions() >= until {
                self.apply_due(machine, &mut receipts)?;
                return Ok((stop, receipts));
            }
        }
    }

    fn moments(&self) -> impl Iterator<Item = At> {
        self.pending.iter().map(|&place| self.schedule.entries[place].at)
    }

    /// Makes the writes that are due now, in the order of the list.
    fn apply_due(&mut self, machine: &mut Machine, receipts: &mut Vec<Receipt>) -> Result<(), ScheduleError> {
        let now = machine.instructions();
        let due = |place: usize| count_at(machine, self.schedule.entries[place].at) <= now;
        let (due, later): (Vec<_>, Vec<_>) = self.pending.iter().partition(|&&place| due(place));
        self.pending = later;
        for place in due {
            let entry = &self.schedule.entries[place];
            let receipt = machine.inject(&entry.injection());
            if let Some(expected) = entry.expect.filter(|expected| !expected.met(&receipt)) {
                let receipt = Box::new(receipt);
                return Err(ScheduleError::Unmet { number: place + 1, expected, receipt });
            }
            receipts.push(receipt);
        }
        Ok(())
    }
}

/// The instruction count at which a moment comes if the processor does not sleep; zero if it has
/// come.
fn count_at(machine: &Machine, at: At) -> u64 {
    match at {
        At::Instruction(count) => count,
        At::Time(ns) if ns <= machine.virtual_ns() => 0,
        At::Time(ns) => machine.board.fabric.clock.retired_at(ns),
    }
}

fn nanoseconds(at: At) -> Option<u64> {
    match at {
        At::Instruction(_) => None,
        At::Time(ns) => Some(ns),
    }
}
