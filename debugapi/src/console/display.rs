//! Memory on the screen: `db dw dW dd dc dq dp da du df dD dyb dyd dds dps dqs`, and `d`.
//!
//! Each object is an access of its own, so that in the window of a device `dd` reads double words.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::expression::World;
use super::layout::{Cell, Format, Layout, printable};
use super::number::halves_of;
use super::range::Range;
use super::{Execution, Known, Memory};

/// The most objects of a line.
const MOST_COLUMNS: u64 = 128;
/// The characters of a text that has no end and for which no range was given.
const LONGEST_TEXT: u64 = 4096;

impl Execution<'_> {
    /// The d-commands.
    pub(super) fn display(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let Some(kind) = name.strip_prefix('d') else { return Ok(Known::No) };
        let format = match kind {
            "" => Some(self.session.console.format.unwrap_or(Format::Bytes)),
            kind => Format::named(kind),
        };
        let Some(format) = format else { return Ok(Known::No) };
        let pointer = self.pointer_bytes().map_err(|hresult| Complaint::of(hresult, at))?;
        let mut layout = format.layout(pointer);
        let memory = self.options(from, &mut layout)?;
        // An empty line goes on with the same kind and options.
        let options = from.at();
        let given = self.start(from, layout.size as u64)?;
        from.end()?;
        self.session.console.format = Some(format);
        self.repeat = Some(from.since(at, options).trim_end().into());
        let (start, range) = given.unwrap_or((self.session.console.next, None));
        if matches!(format, Format::Ascii | Format::Unicode) {
            return self.text(memory, start, range, layout.size, at).map(|()| Known::Yes);
        }
        let range =
            range.unwrap_or(Range { start, count: layout.count, size: layout.size as u64, counted: true });
        self.say(&layout.ruler())?;
        self.lines(memory, &layout, range, at)?;
        Ok(Known::Yes)
    }

    /// `/c n`, and `/p` with a kind of cache.
    fn options(&mut self, from: &mut Cursor<'_>, layout: &mut Layout) -> Outcome<Memory> {
        let mut memory = Memory::Virtual;
        loop {
            from.skip_space();
            let at = from.at();
            if !from.take("/") {
                return Ok(memory);
            }
            if from.take("p") {
                memory = Memory::Physical(cache(from)?);
            } else if from.take("c") {
                let columns = self.expression(from)?;
                if columns == 0 || columns > MOST_COLUMNS {
                    return Err(Complaint::operand(at));
                }
                layout.columns = columns as usize;
            } else {
                return Err(Complaint::syntax(at));
            }
        }
    }

    /// Lines of objects.
    fn lines(&mut self, memory: Memory, layout: &Layout, range: Range, at: usize) -> Outcome {
        let (mut address, mut left) = (range.start, range.bytes() / range.size);
        while left > 0 {
            let on_line = left.min(layout.columns as u64);
            let cells = self.cells(memory, address, layout.size, on_line, at)?;
            let name = match (layout.format, cells.first()) {
                (Format::Symbols(_), Some(Some(value))) => self.name_behind(*value),
                _ => String::new(),
            };
            self.say(&format!("{}  {}{name}\n", halves_of(address), layout.line(&cells)))?;
            address = address.wrapping_add(on_line * range.size);
            left -= on_line;
        }
        self.session.console.next = address;
        Ok(())
    }

    /// Some objects.
    pub(super) fn cells(
        &mut self,
        memory: Memory,
        start: u64,
        size: usize,
        count: u64,
        at: usize,
    ) -> Outcome<Vec<Cell>> {
        let mut cells = Vec::new();
        for number in 0..count {
            let address = start.wrapping_add(number * size as u64);
            let mut bytes = [0; 8];
            let read = self.read_memory(memory, address, &mut bytes[..size]);
            let read = read.map_err(|hresult| Complaint::of(hresult, at))?;
            cells.push((read == size).then_some(u64::from_le_bytes(bytes)));
        }
        Ok(cells)
    }

    /// Lines of text, up to a zero or to the end of the range.
    fn text(&mut self, memory: Memory, start: u64, range: Option<Range>, size: usize, at: usize) -> Outcome {
        let mut left = range.map_or(LONGEST_TEXT, |range| range.bytes() / range.size);
        let mut address = start;
        while left > 0 {
            let cells = self.cells(memory, address, size, left.min(48), at)?;
            let end = cells.iter().position(|cell| matches!(cell, None | Some(0))).unwrap_or(cells.len());
            let mut line: String = cells[..end].iter().flatten().map(|unit| letter(*unit, size)).collect();
            if matches!(cells.get(end), Some(None)) {
                line.push_str("??");
            }
            let first = address == start;
            if end > 0 || first || line == "??" {
                self.say(&format!("{}  \"{line}\"\n", halves_of(address)))?;
            }
            address = address.wrapping_add((end * size) as u64);
            left -= end as u64;
            if end < cells.len() {
                break;
            }
        }
        self.session.console.next = address;
        Ok(())
    }
}

/// The character of a unit of a text.
fn letter(unit: u64, size: usize) -> char {
    let wide = char::from_u32(unit as u32).filter(|letter| size == 2 && !letter.is_control());
    match u8::try_from(unit) {
        Ok(byte) if byte < 0x80 => printable(byte),
        _ => wide.unwrap_or('.'),
    }
}

/// The kind of cache in brackets: `[c]` 1, `[uc]` 2, `[wc]` 3; 0 for none.
fn cache(from: &mut Cursor<'_>) -> Outcome<u32> {
    let kinds = [("[c]", 1), ("[uc]", 2), ("[wc]", 3)];
    if let Some((_, flags)) = kinds.iter().find(|(kind, _)| from.take(kind)) {
        return Ok(*flags);
    }
    if from.peek() == Some('[') { Err(Complaint::syntax(from.at())) } else { Ok(0) }
}
