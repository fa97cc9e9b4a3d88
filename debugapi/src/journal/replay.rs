//! Runs a journal again and compares.

use ringhold_emulator::points::Position;
use ringhold_emulator::{Machine, Stop};

use super::{Ended, Journal, hash_text};
use crate::schedule::{At, Done, act};

/// What a replay did.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What came of each entry.
    pub done: Vec<Done>,
    /// Why the run ended.
    pub stop: Ended,
}

/// The run went another way than the recorded one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{} differs: {what}: recorded {recorded}, now {now}", event(.number))]
pub struct Difference {
    /// The first entry that differs, counted from 1; none for the end of the run.
    pub number: Option<usize>,
    /// In what.
    pub what: &'static str,
    /// What the journal says.
    pub recorded: String,
    /// What is.
    pub now: String,
}

fn event(number: &Option<usize>) -> String {
    number.map_or_else(|| "the end".into(), |number| format!("entry {number}"))
}

/// The position of a recorded moment.
pub(super) fn exact(at: &At) -> Option<Position> {
    match *at {
        At::Exact { instructions, deliveries, ns, reading } => {
            Some(Position { instructions, deliveries, ns, reading })
        }
        _ => None,
    }
}

impl Journal {
    /// Runs a machine that stands where the recorded one began, feeds it the recorded inputs, and
    /// compares position, outcome and state at each, and at the end. `drain` is called after each
    /// stretch, for what devices have sent.
    ///
    /// # Errors
    /// The first difference; the machine stands there.
    pub fn replay(
        &self,
        machine: &mut Machine,
        mut drain: impl FnMut(&mut Machine),
    ) -> Result<Replayed, Difference> {
        let mut done = Vec::new();
        // What ended the run; entries at that very point may follow.
        let mut ended = None;
        for (i, entry) in self.entries.iter().enumerate() {
            let number = Some(i + 1);
            reach(machine, number, &entry.at, &mut ended)?;
            drain(machine);
            let outcome = act(machine, entry.action()).map_err(|device| Difference {
                number,
                what: "the machine",
                recorded: format!("has a device `{device}`"),
                now: "has none".into(),
            })?;
            let told = entry.expect.unwrap_or(outcome.outcome());
            if told != outcome.outcome() {
                let now = format!("{} ({outcome})", outcome.outcome());
                return Err(Difference { number, what: "the outcome", recorded: told.to_string(), now });
            }
            same_state(machine, number, entry.hash.as_deref())?;
            done.push(outcome);
        }
        reach(machine, None, &self.end.at, &mut ended)?;
        drain(machine);
        let stop = ended.map_or(Ended::Left, Ended::from);
        if stop != self.end.stop {
            let (recorded, now) = (format!("{:?}", self.end.stop), format!("{stop:?}"));
            return Err(Difference { number: None, what: "the reason", recorded, now });
        }
        same_state(machine, None, Some(&self.end.hash))?;
        Ok(Replayed { done, stop })
    }
}

/// Runs to a recorded position, unless the run has ended.
fn reach(
    machine: &mut Machine,
    number: Option<usize>,
    at: &At,
    ended: &mut Option<Stop>,
) -> Result<(), Difference> {
    let wanted = exact(at).unwrap_or_default();
    while ended.is_none() && machine.position() < wanted {
        match machine.run_to(wanted, u64::MAX) {
            Stop::Budget => break,
            Stop::Halted
                if machine.instructions() == wanted.instructions && machine.virtual_ns() < wanted.ns =>
            {
                // Nothing inside the machine could wake it: whoever recorded let time pass.
                machine.board.fabric.clock.skip_to(wanted.ns);
            }
            stop => *ended = Some(stop),
        }
    }
    let here = machine.position();
    if here == wanted {
        return Ok(());
    }
    let now = match ended {
        Some(stop) => format!("{here:?}, where the run ended ({:?})", Ended::from(*stop)),
        None => format!("{here:?}"),
    };
    Err(Difference { number, what: "the position", recorded: format!("{wanted:?}"), now })
}

fn same_state(machine: &Machine, number: Option<usize>, recorded: Option<&str>) -> Result<(), Difference> {
    let now = hash_text(machine.state_hash());
    match recorded {
        Some(recorded) if recorded != now => {
            Err(Difference { number, what: "the state", recorded: recorded.into(), now })
        }
        _ => Ok(()),
    }
}
