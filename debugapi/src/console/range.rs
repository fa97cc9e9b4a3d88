//! Addresses and ranges.

use super::Execution;
use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::expression::evaluate;

/// The most bytes of a range, unless `L?` says that they are meant.
const MOST: u64 = 256 << 20;

/// What a command was told to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The address of the first byte.
    pub start: u64,
    /// How many objects.
    pub count: u64,
    /// The bytes of an object.
    pub size: u64,
    /// Whether it was given as a count, and not by its last address.
    pub counted: bool,
}

impl Range {
    /// How many bytes; those that would lie behind the last address are left out.
    pub fn bytes(&self) -> u64 {
        let most = u64::MAX - self.start;
        self.count.saturating_mul(self.size).min(most.saturating_add(1))
    }
}

impl Execution<'_> {
    /// The value of the expression that comes next.
    pub(super) fn expression(&mut self, from: &mut Cursor<'_>) -> Outcome<u64> {
        let value = evaluate(from, self)?;
        self.session.console.last_value = value;
        Ok(value)
    }

    /// A virtual address: an expression, or `segment:offset`. The segment is a register, or in
    /// real mode a number.
    pub(super) fn address(&mut self, from: &mut Cursor<'_>) -> Outcome<u64> {
        from.skip_space();
        let (at, word) = (from.at(), from.word());
        let name = word.strip_prefix('@').unwrap_or(word);
        let segment = ["es", "cs", "ss", "ds", "fs", "gs"].iter().find(|s| name.eq_ignore_ascii_case(s));
        let mut behind = *from;
        behind.take(word);
        if let Some(segment) = segment.filter(|_| behind.take(":")) {
            *from = behind;
            let base = self.register_value(&format!("{segment}_base"), at)?;
            return Ok(base.wrapping_add(self.expression(from)?));
        }
        let value = self.expression(from)?;
        if !from.take(":") {
            return Ok(value);
        }
        if self.register_value("cr0", at)? & 1 != 0 && self.register_value("eflags", at)? >> 17 & 1 == 0 {
            return Err(Complaint::missing("selectors of protected mode are", at));
        }
        Ok((value & 0xffff) << 4).and_then(|base: u64| Ok(base.wrapping_add(self.expression(from)?)))
    }

    /// The address that comes next and what of the range stands behind it: the count is `None` for
    /// an address alone. `None` if nothing comes.
    pub(super) fn start(
        &mut self,
        from: &mut Cursor<'_>,
        size: u64,
    ) -> Outcome<Option<(u64, Option<Range>)>> {
        if from.at_end() {
            return Ok(None);
        }
        let start = self.address(from)?;
        Ok(Some((start, self.extent(from, start, size)?)))
    }

    /// A range that must be there.
    pub(super) fn range(&mut self, from: &mut Cursor<'_>, size: u64) -> Outcome<Range> {
        let missing = |from: &Cursor<'_>| Complaint::new("Range error", from.at());
        match self.start(from, size)? {
            Some((_, Some(range))) => Ok(range),
            _ => Err(missing(from)),
        }
    }

    /// What follows the first address: `L n`, `L-n`, `L?n` or the last address.
    fn extent(&mut self, from: &mut Cursor<'_>, start: u64, size: u64) -> Outcome<Option<Range>> {
        if from.at_end() || from.peek() == Some(',') {
            return Ok(None);
        }
        let at = from.at();
        let range = Range { start, count: 0, size, counted: true };
        let range = match from.take("l") {
            true => {
                from.skip_space();
                let (unlimited, before) = (from.take("?"), from.take("-"));
                let range = self.counted(from, range, before)?;
                if unlimited {
                    return Ok(Some(range));
                }
                range
            }
            false => {
                let last = self.address(from)?;
                let bytes = last.checked_sub(start).ok_or(Complaint::new("Range error", at))?;
                Range { count: (bytes / size).saturating_add(1), counted: false, ..range }
            }
        };
        match range.bytes() > MOST {
            true => Err(Complaint::new("Range error", at)),
            false => Ok(Some(range)),
        }
    }

    /// A count of objects, from the address on or before it.
    fn counted(&mut self, from: &mut Cursor<'_>, range: Range, before: bool) -> Outcome<Range> {
        from.skip_space();
        let at = from.at();
        let count = self.expression(from)?;
        if !before {
            return Ok(Range { count, ..range });
        }
        let start = count.checked_mul(range.size).and_then(|bytes| range.start.checked_sub(bytes));
        Ok(Range { start: start.ok_or(Complaint::new("Range error", at))?, count, ..range })
    }
}
