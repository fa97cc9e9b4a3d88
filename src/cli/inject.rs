//! `--inject`: the writes of a schedule, made while the machine runs.

use std::path::Path;

use anyhow::Context;
use ringhold::debugapi::schedule::{Runner, Schedule};
use ringhold::emulator::inject::Receipt;
use ringhold::{Machine, Stop};

/// Reads a schedule.
pub fn read(path: &Path) -> anyhow::Result<Schedule> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{name}: the schedule cannot be read"))?;
    Schedule::from_ron(&text).with_context(|| name.to_string())
}

/// Runs a machine, along a schedule if there is one.
pub struct Drive<'a> {
    runner: Option<Runner<'a>>,
    receipts: Vec<Receipt>,
}

impl<'a> Drive<'a> {
    /// At the beginning of a schedule.
    pub fn new(schedule: Option<&'a Schedule>) -> Self {
        Self { runner: schedule.map(Runner::new), receipts: Vec::new() }
    }

    /// As [`ringhold::emulator::Machine::run_until`]; says each write that was made.
    pub fn run(&mut self, machine: &mut Machine, until: u64, until_ns: u64) -> anyhow::Result<Stop> {
        let Some(runner) = &mut self.runner else { return Ok(machine.run_until(until, until_ns)) };
        let (stop, receipts) = runner.run_until(machine, until, until_ns)?;
        for receipt in receipts {
            eprintln!("ringhold: injected: {receipt}");
            self.receipts.push(receipt);
        }
        Ok(stop)
    }

    /// The receipts of all writes made.
    pub fn finish(self) -> Vec<Receipt> {
        let pending = self.runner.map_or(0, |runner| runner.pending());
        if pending > 0 {
            eprintln!("ringhold: the run ended before {pending} writes of the schedule");
        }
        self.receipts
    }
}
