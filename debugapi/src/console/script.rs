//! Scripts: `.if .elsif .else .while .for .break .continue`, and `$<` for the commands of a file.
//!
//! A condition stands in parentheses, what depends on it in braces, which hold commands with `;`
//! between them. All of it is one command of its line.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::{Execution, Known};

/// The most rounds of loops, and lines of files, for one line, so that what does not end does not hold
/// the session.
const MOST_ROUNDS: u64 = 100_000;
/// How deep blocks and files may be nested.
const DEEPEST: usize = 32;

/// How a block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    Break,
    Continue,
}

/// What a loop repeats.
struct Loop<'a> {
    condition: Cursor<'a>,
    body: Cursor<'a>,
    /// What follows each round, if anything.
    step: Option<Cursor<'a>>,
}

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn script(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        match name {
            ".if" => self.branch(from, at)?,
            ".while" => self.repeat_while(from, at)?,
            ".for" => self.repeat_for(from, at)?,
            ".break" | ".continue" => {
                from.end()?;
                if self.loops == 0 {
                    return Err(Complaint::syntax(at));
                }
                self.leave = Some(if name == ".break" { Leave::Break } else { Leave::Continue });
            }
            ".else" | ".elsif" => return Err(Complaint::syntax(at)),
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    }

    /// `.if (condition) { … } .elsif (condition) { … } .else { … }`
    fn branch(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let mut chosen = None;
        let mut holds = self.condition(from)?;
        loop {
            let block = from.braces()?;
            if holds && chosen.is_none() {
                chosen = Some(block);
            }
            from.skip_space();
            if from.take(".elsif") {
                holds = self.condition(from)?;
            } else if from.take(".else") {
                let block = from.braces()?;
                from.end()?;
                chosen = chosen.or(Some(block));
                break;
            } else {
                from.end()?;
                break;
            }
        }
        chosen.map_or(Ok(()), |block| self.block(block, at))
    }

    /// `.while (condition) { … }`
    fn repeat_while(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let condition = from.parentheses()?;
        let body = from.braces()?;
        from.end()?;
        self.repeat(&Loop { condition, body, step: None }, at)
    }

    /// `.for (command; condition; command) { … }`
    fn repeat_for(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let head = from.parentheses()?;
        let body = from.braces()?;
        from.end()?;
        let [first, condition, step] = head.parts().ok_or(Complaint::syntax(head.at()))?;
        self.block(first, at)?;
        self.repeat(&Loop { condition, body, step: Some(step) }, at)
    }

    fn repeat(&mut self, what: &Loop<'_>, at: usize) -> Outcome {
        self.loops += 1;
        let outcome = self.rounds(what, at);
        self.loops -= 1;
        outcome
    }

    fn rounds(&mut self, what: &Loop<'_>, at: usize) -> Outcome {
        loop {
            let mut asked = what.condition;
            if self.expression(&mut asked)? == 0 {
                return asked.end();
            }
            asked.end()?;
            self.count_round(at)?;
            self.block(what.body, at)?;
            if self.leave.take() == Some(Leave::Break) {
                return Ok(());
            }
            if let Some(step) = what.step {
                self.block(step, at)?;
            }
        }
    }

    /// One more round of a loop, or line of a file.
    pub(super) fn count_round(&mut self, at: usize) -> Outcome {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS { Err(Complaint::new("Loop limit error", at)) } else { Ok(()) }
    }

    /// A condition in parentheses: whether it is not zero.
    fn condition(&mut self, from: &mut Cursor<'_>) -> Outcome<bool> {
        let mut inside = from.parentheses()?;
        let value = self.expression(&mut inside)?;
        inside.end()?;
        Ok(value != 0)
    }

    /// The commands of a block.
    pub(super) fn block(&mut self, mut commands: Cursor<'_>, at: usize) -> Outcome {
        if self.depth == DEEPEST {
            return Err(Complaint::new("Nesting error", at));
        }
        self.depth += 1;
        let outcome = self.commands(&mut commands);
        self.depth -= 1;
        outcome
    }
}
