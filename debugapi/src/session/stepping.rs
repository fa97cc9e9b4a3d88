//! Steps: one instruction or one call at a time, until a goal is reached.

use iced_x86::FlowControl;
use ringhold_emulator::Machine;

use super::run::Halt;
use super::{Pace, Resume, Session, Target};

/// When steps have come far enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// After so many.
    Count(u64),
    /// The next instruction is a call.
    Call,
    /// The next instruction returns.
    Return,
    /// The next instruction leads elsewhere, or may.
    Branch,
}

impl Goal {
    /// Whether an instruction is what is looked for.
    fn is(self, flow: FlowControl) -> bool {
        match self {
            Self::Count(_) => false,
            Self::Call => matches!(flow, FlowControl::Call | FlowControl::IndirectCall),
            Self::Return => flow == FlowControl::Return,
            Self::Branch => flow != FlowControl::Next,
        }
    }
}

impl Session {
    /// Begins a step. A breakpoint where the target stands was seen, so it does not stop there.
    pub(super) fn begin_step(&mut self, machine: &mut Machine) {
        machine.pass_breakpoint();
        let over = if self.stepping == Resume::StepOver { machine.over() } else { None };
        let (until, how) = match (over, self.goal) {
            (Some(over), _) => {
                machine.breakpoints.add(over.next);
                (u64::MAX, Pace::StepOver(over))
            }
            // Nothing need be looked at between these.
            (None, Goal::Count(count)) if self.stepping == Resume::StepInto => {
                self.goal = Goal::Count(1);
                (machine.instructions().saturating_add(count), Pace::StepInto)
            }
            (None, _) => (machine.instructions().saturating_add(1), Pace::StepInto),
        };
        self.target = Target::Running { until, how };
    }

    /// A step is done, or the count of [`Session::run_for`] is reached: either that was the last, or the next one begins.
    pub(super) fn next_step(&mut self, machine: &mut Machine) -> Option<Halt> {
        let enough = match &mut self.goal {
            Goal::Count(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            // What cannot be read is told as soon as it is executed.
            goal => crate::console::flow_of_next(self.context.cpu, machine).is_some_and(|flow| goal.is(flow)),
        };
        if enough || matches!(self.stepping, Resume::Go(_) | Resume::Out(_)) {
            return Some(Halt::Step);
        }
        self.leave_over(machine);
        self.begin_step(machine);
        None
    }
}
