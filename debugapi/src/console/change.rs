//! Changing, filling, moving and comparing memory: `eb ew ed eq ep`, `ea eza eu ezu`, `f fp`, `m`,
//! `c`.
//!
//! Each value is a write of its own, so that in the window of a device `ed` writes double words.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::expression::World;
use super::number::halves_of;
use super::range::Range;
use super::{Execution, Known, Memory};
use crate::HResult;
use crate::command::{Command, Output};

/// Bytes that are compared at a time.
const CHUNK: u64 = 4096;

/// The low bytes of a value; `None` if it has more, as a number without or with a sign.
pub(super) fn narrowed(value: u64, size: usize) -> Option<Vec<u8>> {
    let bits = 64 - size as u32 * 8;
    let fits = value << bits >> bits == value || ((value as i64) << bits >> bits) as u64 == value;
    fits.then(|| value.to_le_bytes()[..size].to_vec())
}

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn change(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        match name {
            "eb" => self.enter(from, 1),
            "ew" => self.enter(from, 2),
            "ed" => self.enter(from, 4),
            "eq" => self.enter(from, 8),
            "ep" => {
                let pointer = self.pointer_bytes().map_err(|hresult| Complaint::of(hresult, at))?;
                self.enter(from, pointer)
            }
            "ea" => self.enter_text(from, false, false),
            "eza" => self.enter_text(from, false, true),
            "eu" => self.enter_text(from, true, false),
            "ezu" => self.enter_text(from, true, true),
            "f" => self.fill(from, Memory::Virtual),
            "fp" => {
                let flags = cache_word(from);
                self.fill(from, Memory::Physical(flags))
            }
            "m" => self.move_memory(from, at),
            "c" => self.compare(from, at),
            _ => return Ok(Known::No),
        }
        .map(|()| Known::Yes)
    }

    /// `eb Addr v v …` and its kin.
    fn enter(&mut self, from: &mut Cursor<'_>, size: usize) -> Outcome {
        let address = self.address(from)?;
        self.enter_values(from, Memory::Virtual, address, size)
    }

    /// Writes the values that come next, one after another. All of them are looked at first.
    pub(super) fn enter_values(
        &mut self,
        from: &mut Cursor<'_>,
        memory: Memory,
        mut address: u64,
        size: usize,
    ) -> Outcome {
        for (value, at) in self.values(from, size)? {
            self.write_memory(memory, address, &value, at)?;
            address = address.wrapping_add(size as u64);
        }
        Ok(())
    }

    /// The values up to the command's end, and where each stands.
    pub(super) fn values(&mut self, from: &mut Cursor<'_>, size: usize) -> Outcome<Vec<(Vec<u8>, usize)>> {
        let mut values = Vec::new();
        while !from.at_end() {
            let at = from.at();
            let value = match character(from) {
                Some(value) => value,
                None => self.expression(from)?,
            };
            values.push((narrowed(value, size).ok_or(Complaint::new("Overflow error", at))?, at));
        }
        match values.is_empty() {
            // WinDbg asks for them one by one then.
            true => Err(Complaint::missing("entering values one by one is", from.at())),
            false => Ok(values),
        }
    }

    /// `ea Addr "text"`
    fn enter_text(&mut self, from: &mut Cursor<'_>, wide: bool, terminated: bool) -> Outcome {
        let address = self.address(from)?;
        from.skip_space();
        let at = from.at();
        let mut text = from.quoted()?;
        from.end()?;
        if terminated {
            text.push('\0');
        }
        let bytes = match wide {
            true => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            false => text.into_bytes(),
        };
        self.write_memory(Memory::Virtual, address, &bytes, at)
    }

    /// `f Range v v …`
    fn fill(&mut self, from: &mut Cursor<'_>, memory: Memory) -> Outcome {
        from.skip_space();
        let at = from.at();
        let range = self.range(from, 1)?;
        let pattern: Vec<u8> = self.values(from, 1)?.into_iter().flat_map(|(value, _)| value).collect();
        let size = u32::try_from(range.bytes()).map_err(|_| Complaint::new("Range error", at))?;
        let (start, pattern) = (range.start, pattern.as_slice().into());
        let command = match memory {
            Memory::Virtual => Command::FillVirtual { start, size, pattern },
            Memory::Physical(_) => Command::FillPhysical { start, size, pattern },
        };
        let outputs = self.call(&command).map_err(|hresult| Complaint::of(hresult, at))?;
        let filled = match outputs.first() {
            Some(Output::U32(filled)) => *filled,
            _ => 0,
        };
        self.say(&format!("Filled 0x{filled:x} bytes\n"))?;
        if filled == size { Ok(()) } else { Err(Complaint::of(HResult::WRITE_FAULT, at)) }
    }

    /// `m Range Addr`. All of the range is read before anything is written, so that ranges may
    /// overlap, and one that cannot be read as a whole moves nothing.
    fn move_memory(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let range = self.range(from, 1)?;
        let to = self.address(from)?;
        from.end()?;
        let bytes = self.whole(range, at)?;
        self.write_memory(Memory::Virtual, to, &bytes, at)
    }

    /// All bytes of a range.
    pub(super) fn whole(&mut self, range: Range, at: usize) -> Outcome<Vec<u8>> {
        let most = crate::wire::MAX_TRANSFER;
        let length = usize::try_from(range.bytes().min(most + 1)).unwrap_or(usize::MAX);
        if length as u64 > most {
            return Err(Complaint::new("Range error", at));
        }
        let mut bytes = vec![0; length];
        let read = self.read_memory(Memory::Virtual, range.start, &mut bytes);
        match read.map_err(|hresult| Complaint::of(hresult, at))? {
            read if read == length => Ok(bytes),
            _ => Err(Complaint::memory(at)),
        }
    }

    /// `c Range Addr`: a line for each pair of bytes that differ.
    fn compare(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let range = self.range(from, 1)?;
        let second = self.address(from)?;
        from.end()?;
        let (mut done, all) = (0, range.bytes());
        while done < all {
            let (first_at, second_at) = (range.start.wrapping_add(done), second.wrapping_add(done));
            let length = (all - done).min(CHUNK) as usize;
            let (mut first, mut other) = (vec![0; length], vec![0; length]);
            let read = self.read_memory(Memory::Virtual, first_at, &mut first);
            let count = read.map_err(|hresult| Complaint::of(hresult, at))?;
            let read = self.read_memory(Memory::Virtual, second_at, &mut other[..count]);
            let count = read.map_err(|hresult| Complaint::of(hresult, at))?;
            for (offset, (a, b)) in (0..).zip(first[..count].iter().zip(&other[..count])) {
                if a != b {
                    let [a_at, b_at] = [first_at, second_at].map(|at| halves_of(at.wrapping_add(offset)));
                    self.say(&format!("{a_at}  {a:02x} - {b_at}  {b:02x}\n"))?;
                }
            }
            if count < length {
                return Err(Complaint::memory(at));
            }
            done += length as u64;
        }
        Ok(())
    }
}

/// A letter in single quotes.
fn character(from: &mut Cursor<'_>) -> Option<u64> {
    let mut letters = from.rest().chars();
    let (open, letter, close) = (letters.next()?, letters.next()?, letters.next()?);
    if (open, close) != ('\'', '\'') {
        return None;
    }
    let text: String = [open, letter, close].iter().collect();
    from.take(&text);
    Some(u32::from(letter).into())
}

/// The kind of cache, with or without brackets: `c` 1, `uc` 2, `wc` 3; 0 for none. A `c` alone is the
/// kind, not the number 12.
pub(super) fn cache_word(from: &mut Cursor<'_>) -> u32 {
    from.skip_space();
    let kinds = [("c", "[c]", 1), ("uc", "[uc]", 2), ("wc", "[wc]", 3)];
    let found = kinds.iter().find(|(word, bracketed, _)| from.take_word(word) || from.take(bracketed));
    found.map_or(0, |(_, _, flags)| *flags)
}
