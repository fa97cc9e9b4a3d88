//! `.printf`: formatted text.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::{Execution, Known, Memory};
use crate::printf::{self, Arguments};

/// The longest text of the target.
const LONGEST: usize = 4096;

/// The values of expressions; all texts lie in the target.
struct Values<'e, 'a> {
    values: std::vec::IntoIter<u64>,
    /// Whether there were too few.
    missing: bool,
    execution: &'e mut Execution<'a>,
}

impl Arguments for Values<'_, '_> {
    fn integer(&mut self) -> u64 {
        let value = self.values.next();
        self.missing |= value.is_none();
        value.unwrap_or(0)
    }

    fn double(&mut self) -> f64 {
        f64::from_bits(self.integer())
    }

    fn text(&mut self, address: u64, wide: bool, _most: Option<usize>) -> String {
        self.target_text(address, wide).unwrap_or_else(|| "???".into())
    }

    fn target_text(&mut self, address: u64, wide: bool) -> Option<String> {
        let mut bytes = vec![0; LONGEST];
        let read = self.execution.read_memory(Memory::Virtual, address, &mut bytes).ok()?;
        if read == 0 {
            return None;
        }
        let bytes = &bytes[..read];
        if wide {
            let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
            return Some(String::from_utf16_lossy(&units));
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(read);
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}

impl Execution<'_> {
    /// `.printf "format" [, expression]…`
    pub(super) fn print(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        if name != ".printf" {
            return Ok(Known::No);
        }
        let format = from.quoted()?;
        let mut values = Vec::new();
        while !from.at_end() {
            // Between two there may be a comma.
            from.take(",");
            values.push(self.expression(from)?);
        }
        let mut values = Values { values: values.into_iter(), missing: false, execution: self };
        let printed = printf::print(&format, &mut values);
        let missing = values.missing;
        match printed {
            Ok(_) if missing => Err(Complaint::new("Numeric expression missing", from.at())),
            Ok(text) => self.say(&text).map(|()| Known::Yes),
            Err(printf::Unknown) => Err(Complaint::new("Format error", at)),
        }
    }
}
