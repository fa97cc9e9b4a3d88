//! Model-specific registers: `rdmsr`, `wrmsr`.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::halves_of;
use super::{Execution, Known};
use crate::command::{Command, Output};

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn msr(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        if !matches!(name, "rdmsr" | "wrmsr") {
            return Ok(Known::No);
        }
        from.skip_space();
        let msr_at = from.at();
        let msr = u32::try_from(self.expression(from)?).map_err(|_| Complaint::operand(msr_at))?;
        if name == "rdmsr" {
            from.end()?;
            let outputs = self.call(&Command::ReadMsr { msr }).map_err(|hr| Complaint::of(hr, at))?;
            let Some(Output::U64(value)) = outputs.first() else { return Err(Complaint::operand(at)) };
            self.say(&format!("msr[{msr:x}] = {}\n", halves_of(*value)))?;
        } else {
            let value = self.expression(from)?;
            from.end()?;
            self.call(&Command::WriteMsr { msr, value }).map_err(|hr| Complaint::of(hr, at))?;
        }
        Ok(Known::Yes)
    }
}
