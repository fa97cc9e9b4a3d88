//! `s`: searching virtual memory for bytes, words, and texts.

use super::change::narrowed;
use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::layout::{Format, hexadecimal, printable};
use super::number::halves_of;
use super::range::Range;
use super::{Execution, Known, Memory};
use crate::HResult;
use crate::command::{Command, Output};

/// Hits that are saved if nothing else is said.
const SAVED: u64 = 1024;
/// The shortest text that `-sa` and `-su` find if nothing else is said.
const SHORTEST: u64 = 3;
/// The longest range for texts, whose holes are passed page by page.
const LONGEST: u64 = 256 << 20;
/// The hits of one search.
const MOST_HITS: usize = 1 << 20;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Numbers of so many bytes, at addresses that are so many apart.
    Numbers(usize),
    /// A text of units of so many bytes.
    Text(usize),
    /// Any printable text of units of so many bytes.
    Printable(usize),
}

/// The options of `s`.
#[derive(Clone, Copy, Debug)]
struct Options {
    kind: Kind,
    save: bool,
    saved_only: bool,
    most_saved: u64,
    shortest: u64,
    writable: bool,
    addresses: bool,
}

impl Execution<'_> {
    /// `s [-[flags]type] Range pattern`
    pub(super) fn search(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        if name != "s" {
            return Ok(Known::No);
        }
        let options = self.search_options(from)?;
        let size = match options.kind {
            Kind::Numbers(size) | Kind::Text(size) | Kind::Printable(size) => size,
        };
        let range = self.range(from, size as u64)?;
        let hits = match options.kind {
            Kind::Printable(size) => self.printable_texts(from, range, size, options, at)?,
            kind => {
                let pattern = self.pattern(from, kind)?;
                self.occurrences(range, &pattern, size, options, at)?
            }
        };
        for hit in &hits {
            self.tell_hit(*hit, options, at)?;
        }
        if options.save {
            let most = usize::try_from(options.most_saved).unwrap_or(usize::MAX);
            self.session.console.hits = hits.into_iter().take(most).collect();
        }
        Ok(Known::Yes)
    }

    fn search_options(&mut self, from: &mut Cursor<'_>) -> Outcome<Options> {
        let mut options = Options {
            kind: Kind::Numbers(1),
            save: false,
            saved_only: false,
            most_saved: SAVED,
            shortest: SHORTEST,
            writable: false,
            addresses: false,
        };
        from.skip_space();
        if !from.take("-") {
            return Ok(options);
        }
        if from.take("[") {
            loop {
                from.skip_space();
                let at = from.at();
                match from.peek() {
                    Some('s') => options.save = from.take("s"),
                    Some('r') => options.saved_only = from.take("r"),
                    Some('w') => options.writable = from.take("w"),
                    Some('1') => options.addresses = from.take("1"),
                    Some('n') if from.take("n") => options.most_saved = self.expression(from)?,
                    Some('l') if from.take("l") => options.shortest = self.expression(from)?.max(1),
                    Some(']') if from.take("]") => break,
                    _ => return Err(Complaint::syntax(at)),
                }
            }
        }
        let (at, kind) = (from.at(), from.take_while(|letter| letter.is_ascii_alphanumeric()));
        options.kind = match kind {
            "b" => Kind::Numbers(1),
            "w" => Kind::Numbers(2),
            "d" => Kind::Numbers(4),
            "q" => Kind::Numbers(8),
            "a" => Kind::Text(1),
            "u" => Kind::Text(2),
            "sa" => Kind::Printable(1),
            "su" => Kind::Printable(2),
            "v" => return Err(Complaint::missing("s -v is", at)),
            _ => return Err(Complaint::syntax(at)),
        };
        Ok(options)
    }

    fn pattern(&mut self, from: &mut Cursor<'_>, kind: Kind) -> Outcome<Vec<u8>> {
        match kind {
            Kind::Numbers(size) => {
                let mut pattern = Vec::new();
                while !from.at_end() {
                    let at = from.at();
                    if from.peek() == Some('"') && size == 1 {
                        pattern.extend(from.quoted()?.into_bytes());
                        continue;
                    }
                    let value = self.expression(from)?;
                    pattern.extend(narrowed(value, size).ok_or(Complaint::new("Overflow error", at))?);
                }
                if pattern.is_empty() { Err(Complaint::syntax(from.at())) } else { Ok(pattern) }
            }
            Kind::Text(size) | Kind::Printable(size) => {
                from.skip_space();
                let at = from.at();
                let text = from.quoted()?;
                from.end()?;
                let pattern: Vec<u8> = match size {
                    2 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                    _ => text.into_bytes(),
                };
                if pattern.is_empty() { Err(Complaint::syntax(at)) } else { Ok(pattern) }
            }
        }
    }

    /// Where a pattern stands, by SearchVirtual2; or at which of the saved hits.
    fn occurrences(
        &mut self,
        range: Range,
        pattern: &[u8],
        size: usize,
        options: Options,
        at: usize,
    ) -> Outcome<Vec<u64>> {
        // Texts may stand anywhere, numbers at addresses that fit the first.
        let granularity = if matches!(options.kind, Kind::Text(_)) { 1 } else { size as u32 };
        let end = range.start.saturating_add(range.bytes());
        let mut hits = Vec::new();
        if options.saved_only {
            for hit in self.session.console.hits.clone() {
                let mut found = vec![0; pattern.len()];
                let read = self.read_memory(Memory::Virtual, hit, &mut found);
                let read = read.map_err(|hresult| Complaint::of(hresult, at))?;
                if (range.start..end).contains(&hit) && read == pattern.len() && found == pattern {
                    hits.push(hit);
                }
            }
            return Ok(hits);
        }
        let mut offset = range.start;
        while offset < end && hits.len() < MOST_HITS {
            let command = Command::SearchVirtual2 {
                offset,
                length: end - offset,
                flags: options.writable.into(),
                pattern: pattern.into(),
                granularity,
            };
            let found = match self.call(&command) {
                Ok(outputs) => outputs,
                Err(HResult::NO_MORE_ENTRIES) => break,
                Err(hresult) => return Err(Complaint::of(hresult, at)),
            };
            let Some(Output::U64(hit)) = found.first() else { break };
            hits.push(*hit);
            match hit.checked_add(granularity.into()) {
                Some(next) => offset = next,
                None => break,
            }
        }
        Ok(hits)
    }

    /// Where printable texts begin.
    fn printable_texts(
        &mut self,
        from: &mut Cursor<'_>,
        range: Range,
        size: usize,
        options: Options,
        at: usize,
    ) -> Outcome<Vec<u64>> {
        from.end()?;
        if range.bytes() > LONGEST {
            return Err(Complaint::new("Range error", at));
        }
        let mut hits = Vec::new();
        let mut length = 0;
        let mut address = range.start;
        let end = range.start.saturating_add(range.bytes());
        let ends = |address: u64, length: u64, hits: &mut Vec<u64>| {
            if length >= options.shortest {
                hits.push(address - length * size as u64);
            }
        };
        while end - address >= size as u64 && hits.len() < MOST_HITS {
            // Up to the end of the page; a unit that lies across it goes with the next.
            let page = (address | 0xfff).saturating_add(1).max(address.saturating_add(size as u64));
            let room = (page.min(end) - address) as usize / size * size;
            let mut bytes = vec![0; room];
            let read = self.read_memory(Memory::Virtual, address, &mut bytes);
            let read = read.map_err(|hresult| Complaint::of(hresult, at))?;
            for unit in bytes[..read].chunks_exact(size) {
                let is_text = (0x20..0x7f).contains(&unit[0]) && unit[1..].iter().all(|byte| *byte == 0);
                if is_text {
                    length += 1;
                } else {
                    ends(address, length, &mut hits);
                    length = 0;
                }
                address += size as u64;
            }
            if read < room {
                ends(address, length, &mut hits);
                length = 0;
                address = page.min(end);
            }
        }
        ends(address, length, &mut hits);
        Ok(hits)
    }

    /// A line for a hit.
    fn tell_hit(&mut self, hit: u64, options: Options, at: usize) -> Outcome {
        if options.addresses {
            return self.say(&format!("0x{hit:016x}\n"));
        }
        let (size, columns, text) = match options.kind {
            Kind::Numbers(1) | Kind::Text(1) => return self.tell_bytes(hit, at),
            Kind::Printable(size) => return self.tell_text(hit, size, at),
            Kind::Numbers(8) => (8, 2, false),
            Kind::Numbers(4) => (4, 4, true),
            Kind::Numbers(size) | Kind::Text(size) => (size, 8, true),
        };
        let cells = self.cells(Memory::Virtual, hit, size, columns, at)?;
        let mut line: Vec<String> = cells.iter().map(|cell| hexadecimal(*cell, size)).collect();
        if text {
            let bytes =
                cells.iter().flat_map(|cell| cell.map_or([b'?'; 8], u64::to_le_bytes).into_iter().take(size));
            line.push(format!(" {}", bytes.map(printable).collect::<String>()));
        }
        self.say(&format!("{}  {}\n", halves_of(hit), line.join(" ")))
    }

    /// The line that `db` shows.
    fn tell_bytes(&mut self, hit: u64, at: usize) -> Outcome {
        let layout = Format::Bytes.layout(8);
        let cells = self.cells(Memory::Virtual, hit, layout.size, layout.columns as u64, at)?;
        self.say(&format!("{}  {}\n", halves_of(hit), layout.line(&cells)))
    }

    /// A printable text, to its end but no further than 256 letters.
    fn tell_text(&mut self, hit: u64, size: usize, at: usize) -> Outcome {
        let cells = self.cells(Memory::Virtual, hit, size, 256, at)?;
        let is_text = |unit: &u64| (0x20..0x7f).contains(unit);
        let units = cells.iter().map_while(|cell| cell.filter(is_text));
        let text: String = units.map(|unit| printable(unit as u8)).collect();
        self.say(&format!("{}  \"{text}\"\n", halves_of(hit)))
    }
}
