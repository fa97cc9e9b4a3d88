//! Stacks: `k kb kv kn`.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::halves_of;
use super::{Execution, Known};
use crate::session::stack::Frame;

/// Frames if nothing else is said, and the most that can be.
const USUAL: u64 = 20;
const MOST: u64 = 0xffff;

impl Execution<'_> {
    /// `k`, `kb` with the first parameters, `kv` with both, `kn` with numbers; then how many frames.
    pub(super) fn stack(&mut self, name: &str, from: &mut Cursor<'_>, _at: usize) -> Outcome<Known> {
        let (numbers, stack, parameters) = match name {
            "k" => (false, true, false),
            "kb" => (false, false, true),
            "kv" => (false, true, true),
            "kn" => (true, true, false),
            _ => return Ok(Known::No),
        };
        from.skip_space();
        let count_at = from.at();
        let most = if from.at_end() { USUAL } else { self.expression(from)? };
        from.end()?;
        if most == 0 || most > MOST {
            return Err(Complaint::operand(count_at));
        }
        let frames = self.session.frames(self.machine, most as usize);
        let head = |wanted: bool, text: &str, width: usize| match wanted {
            true => format!("{text:width$} "),
            false => String::new(),
        };
        self.say(&format!(
            "{}{}{:17} {}{}Call Site\n",
            head(numbers, " #", 2),
            head(stack, "Child-SP", 17),
            "RetAddr",
            head(parameters, ": Args to Child", 73),
            if parameters { ": " } else { "" },
        ))?;
        for (number, frame) in frames.iter().enumerate() {
            let line = format!(
                "{}{}{} {}{}\n",
                head(numbers, &format!("{number:02x}"), 2),
                head(stack, &halves_of(frame.stack), 17),
                halves_of(frame.return_offset),
                if parameters { arguments(frame) } else { String::new() },
                self.place_of_code(frame.instruction),
            );
            self.say(&line)?;
        }
        Ok(Known::Yes)
    }

    /// The name of an address, or the address itself.
    fn place_of_code(&self, address: u64) -> String {
        self.session.modules.describe(address).unwrap_or_else(|| format!("0x{}", halves_of(address)))
    }
}

fn arguments(frame: &Frame) -> String {
    let words = frame.parameters.map(halves_of).join(" ");
    format!(": {words} : ")
}
