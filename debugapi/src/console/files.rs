//! `.readmem` and `.writemem`: bytes between memory and a file of the host; `$<`: commands from one.
//!
//! A client may be far away, so files are closed unless the session was given a directory; then
//! the files in it can be named, and no other.

use std::path::PathBuf;

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::{Execution, Known, Memory};
use crate::HResult;

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn files(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        if !matches!(name, ".readmem" | ".writemem") {
            return Ok(Known::No);
        }
        let path = self.file(from, at)?;
        let range = self.range(from, 1)?;
        from.end()?;
        let failed = |what: &str| Complaint::new(what, at);
        if name == ".writemem" {
            let bytes = self.whole(range, at)?;
            std::fs::write(path, &bytes).map_err(|_| failed("File write error"))?;
            self.say(&format!("Wrote 0x{:x} bytes\n", bytes.len()))?;
            return Ok(Known::Yes);
        }
        let mut bytes = std::fs::read(path).map_err(|_| failed("File read error"))?;
        // A file that is shorter than the range leaves the rest alone.
        bytes.truncate(usize::try_from(range.bytes()).unwrap_or(usize::MAX));
        if bytes.len() as u64 > crate::wire::MAX_TRANSFER {
            return Err(failed("Range error"));
        }
        self.write_memory(Memory::Virtual, range.start, &bytes, at)?;
        self.say(&format!("Read 0x{:x} bytes\n", bytes.len()))?;
        Ok(Known::Yes)
    }

    /// `$<file`: its lines, up to the first that fails.
    pub(super) fn commands_of_file(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let path = self.file(from, at)?;
        from.end()?;
        let bytes = std::fs::read(path).map_err(|_| Complaint::new("File read error", at))?;
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            self.count_round(at)?;
            let outcome = self.block(Cursor::new(line), at);
            outcome.map_err(|complaint| Complaint {
                what: format!("line {}: {}", number + 1, complaint.what),
                at,
                ..complaint
            })?;
            if self.leave.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The file that a word or a quoted text names: its name alone, in the session's directory.
    fn file(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome<PathBuf> {
        let Some(directory) = &self.session.files else {
            let hresult = HResult::ACCESSDENIED;
            return Err(Complaint {
                hresult,
                ..Complaint::new("Files of the host are closed: access error", at)
            });
        };
        from.skip_space();
        let name_at = from.at();
        let name = match from.peek() {
            Some('"') => from.quoted()?,
            _ => from.take_while(|letter| !letter.is_whitespace()).into(),
        };
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if plain { Ok(directory.join(name)) } else { Err(Complaint::new("File name error", name_at)) }
    }
}
