//! Physical memory: `!db !dc !dd !dp !dq !du !dw`, and `!eb !ed !eq`.
//!
//! Each object is an access of its own. A `!eq` is ours; WinDbg has none.

use super::change::cache_word;
use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::expression::World;
use super::layout::{Cell, Format, Layout, hexadecimal, printable};
use super::range::Range;
use super::{Execution, Known, Memory};

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn physical(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let format = match name {
            "!eb" => return self.enter_physical(from, 1),
            "!ed" => return self.enter_physical(from, 4),
            "!eq" => return self.enter_physical(from, 8),
            "!db" => Format::Bytes,
            "!dc" => Format::DwordsAndText,
            "!dd" => Format::Dwords,
            "!dp" => Format::Pointers,
            "!dq" => Format::Qwords,
            "!du" => Format::Unicode,
            "!dw" => Format::Words,
            _ => return Ok(Known::No),
        };
        let memory = Memory::Physical(cache_word(from));
        from.skip_space();
        if from.take("-m") {
            return Err(Complaint::missing("the menu of -m is", at));
        }
        let pointer = self.pointer_bytes().map_err(|hresult| Complaint::of(hresult, at))?;
        let layout = format.layout(pointer);
        let options = from.at();
        let given = self.start(from, layout.size as u64)?;
        from.end()?;
        self.repeat = Some(from.since(at, options).trim_end().into());
        let (start, range) = given.unwrap_or((self.session.console.next_physical, None));
        let count = if format == Format::Unicode { 64 } else { layout.count };
        let range = range.unwrap_or(Range { start, count, size: layout.size as u64, counted: true });
        self.physical_lines(memory, &layout, range, at)?;
        Ok(Known::Yes)
    }

    fn physical_lines(&mut self, memory: Memory, layout: &Layout, range: Range, at: usize) -> Outcome {
        let (mut address, mut left) = (range.start, range.bytes() / range.size);
        let columns = if layout.format == Format::Unicode { 8 } else { layout.columns };
        while left > 0 {
            let on_line = left.min(columns as u64);
            let cells = self.cells(memory, address, layout.size, on_line, at)?;
            let line = match layout.format {
                Format::Unicode => wide(&cells),
                _ => layout.line(&cells),
            };
            self.say(&format!("#{address:>9x} {line}\n"))?;
            address = address.wrapping_add(on_line * range.size);
            left -= on_line;
        }
        self.session.console.next_physical = address;
        Ok(())
    }

    fn enter_physical(&mut self, from: &mut Cursor<'_>, size: usize) -> Outcome<Known> {
        let memory = Memory::Physical(cache_word(from));
        let address = self.expression(from)?;
        self.enter_values(from, memory, address, size).map(|()| Known::Yes)
    }
}

/// Words with the characters that they are.
fn wide(cells: &[Cell]) -> String {
    let words: Vec<String> = cells.iter().map(|cell| hexadecimal(*cell, 2)).collect();
    let letter = |cell: &Cell| match cell {
        Some(unit) => u8::try_from(*unit).map_or('.', printable),
        None => '?',
    };
    format!("{:39}  {}", words.join(" "), cells.iter().map(letter).collect::<String>())
}
