//! `g gh gn gu t p`, `pa` and `ta`, `pc pt ph` and `tc tt th`, and the reverse forms. They say how the target is
//! to go on; it moves when the client waits for an event.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::{Execution, Known};
use crate::command::Command;
use crate::session::Goal;

/// `DEBUG_STATUS_*`
mod status {
    pub const GO: u32 = 1;
    pub const GO_HANDLED: u32 = 2;
    pub const GO_NOT_HANDLED: u32 = 3;
    pub const STEP_OVER: u32 = 4;
    pub const STEP_INTO: u32 = 5;
    pub const REVERSE_GO: u32 = 11;
    pub const REVERSE_STEP_OVER: u32 = 13;
    pub const REVERSE_STEP_INTO: u32 = 14;
}

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn run(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let back = matches!(name, "g" | "t" | "p") && from.take("-");
        let status = match (name, back) {
            ("g", false) => status::GO,
            ("g", true) => status::REVERSE_GO,
            ("gh", _) => status::GO_HANDLED,
            ("gn", _) => status::GO_NOT_HANDLED,
            ("t", false) => status::STEP_INTO,
            ("t", true) => status::REVERSE_STEP_INTO,
            ("p", false) => status::STEP_OVER,
            ("p", true) => status::REVERSE_STEP_OVER,
            ("pa" | "ta", _) => status::GO,
            ("pc" | "pt" | "ph", _) => status::STEP_OVER,
            ("tc" | "tt" | "th", _) => status::STEP_INTO,
            ("gu", _) => return self.out(from, at).map(|()| Known::Yes),
            _ => return Ok(Known::No),
        };
        let goal = match name {
            "pc" | "tc" => Some(Goal::Call),
            "pt" | "tt" => Some(Goal::Return),
            "ph" | "th" => Some(Goal::Branch),
            _ => None,
        };
        from.skip_space();
        let start_at = from.at();
        let start = if from.take("=") { Some(self.address(from)?) } else { None };
        let mut goal = goal.unwrap_or(Goal::Count(1));
        let mut stops = Vec::new();
        if status == status::GO {
            stops = self.temporary(from)?;
            if name != "g" && stops.len() != 1 {
                return Err(Complaint::new("Numeric expression missing", from.at()));
            }
        } else if !from.at_end() {
            if from.peek() == Some('"') {
                return Err(Complaint::missing("commands after a step are", from.at()));
            }
            let count_at = from.at();
            let count = self.expression(from)?;
            match goal {
                _ if count == 0 => return Err(Complaint::operand(count_at)),
                Goal::Count(_) => goal = Goal::Count(count),
                _ if count > 1 => {
                    return Err(Complaint::missing("counts of calls, returns and branches are", count_at));
                }
                _ => {}
            }
        }
        from.end()?;
        self.call(&Command::SetExecutionStatus { status }).map_err(|hr| Complaint::of(hr, at))?;
        self.session.goal = goal;
        if let Some(start) = start {
            self.set_instruction(start, start_at)?;
        }
        self.add_temporary(&stops, at)?;
        Ok(Known::Yes)
    }

    /// `gu`: until the innermost function has returned, as far as frame pointers tell.
    fn out(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        from.end()?;
        let over = self.session.way_out(self.machine);
        let over = over.ok_or(Complaint::new("No caller error", at))?;
        self.call(&Command::SetExecutionStatus { status: status::GO }).map_err(|hr| Complaint::of(hr, at))?;
        self.session.step_out(over);
        Ok(())
    }
}
