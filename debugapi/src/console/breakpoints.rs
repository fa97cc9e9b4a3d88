//! Breakpoints: `bp bu ba`, `bl`, `bc bd be`; and those that `g`, `pa` and `ta` set for one run.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::halves_of;
use super::{Execution, Known};
use crate::HResult;
use crate::session::breakpoints::{Breakpoint, Kind, access, flag};

/// The ids that a command means.
enum Ids {
    All,
    Some(Vec<u32>),
}

/// Where a breakpoint is to be.
enum Place {
    Offset(u64),
    /// An expression and the value that it has now.
    Expression(String, Option<u64>),
}

/// What a data breakpoint waits for: the letter, and the bits of [`access`].
const ACCESSES: [(&str, u32); 4] = [
    ("e", access::EXECUTE),
    // A breakpoint for reads is one for writes, too.
    ("r", access::READ | access::WRITE),
    ("w", access::WRITE),
    ("i", access::IO),
];

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn breakpoints(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let digits = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let kind = &name[..name.len() - digits.len()];
        if !matches!(kind, "bp" | "bu" | "ba") {
            return self.listed(name, from, at);
        }
        let id = match digits {
            "" => None,
            digits => Some(digits.parse().map_err(|_| Complaint::syntax(at))?),
        };
        // All of the line is looked at before there is a breakpoint.
        let data = if kind == "ba" { Some(self.access(from)?) } else { None };
        let once = self.once(from)?;
        from.skip_space();
        let offset_at = from.at();
        let place = self.breakpoint_place(from, kind)?;
        let passes = match from.at_end() || from.peek() == Some('"') {
            true => 1,
            false => {
                let passes_at = from.at();
                let passes = self.expression(from)?;
                let passes = u32::try_from(passes).ok().filter(|passes| *passes > 0);
                passes.ok_or(Complaint::operand(passes_at))?
            }
        };
        let command = if from.at_end() { String::new() } else { from.quoted()? };
        from.end()?;
        let kind = if data.is_some() { Kind::Data } else { Kind::Code };
        let handle = self.session.add_breakpoint(kind, id).map_err(|hresult| Complaint::of(hresult, at))?;
        let (session, machine) = (&mut *self.session, &mut *self.machine);
        let mut set = || {
            if let Some((access, size)) = data {
                session.set_breakpoint_data(machine, handle, size, access)?;
            }
            match &place {
                Place::Offset(offset) => session.set_breakpoint_offset(machine, handle, *offset)?,
                Place::Expression(text, value) => {
                    session.set_breakpoint_expression(machine, handle, text, *value)?;
                }
            }
            session.set_breakpoint_passes(machine, handle, passes)?;
            session.set_breakpoint_command(machine, handle, &command)?;
            let once = if once { flag::ONE_SHOT } else { 0 };
            session.set_breakpoint_flags(machine, handle, flag::ENABLED | once)
        };
        if let Err(hresult) = set() {
            // It was just added, so it can be taken away.
            let _ = self.session.remove_breakpoint(self.machine, handle);
            return Err(Complaint::of(hresult, offset_at));
        }
        Ok(Known::Yes)
    }

    /// Where a breakpoint is to be. One of `bu` keeps the expression; one of `bp` whose symbol is
    /// not known waits for it, too.
    fn breakpoint_place(&mut self, from: &mut Cursor<'_>, kind: &str) -> Outcome<Place> {
        let before = *from;
        let value = self.address(from);
        let text = before.since(before.at(), from.at()).trim_end();
        match value {
            Ok(value) if kind == "bu" => Ok(Place::Expression(text.into(), Some(value))),
            Ok(value) => Ok(Place::Offset(value)),
            Err(complaint) if kind == "ba" || !complaint.is_unresolved() => Err(complaint),
            Err(_) => {
                *from = before;
                let text = from.take_while(|letter| !letter.is_whitespace() && letter != '"');
                if kind == "bp" {
                    self.say(&format!("Bp expression '{text}' could not be resolved, adding deferred bp\n"))?;
                }
                Ok(Place::Expression(text.into(), None))
            }
        }
    }

    /// `bl`, `bc`, `bd`, `be`
    fn listed(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        if name == "bl" {
            from.end()?;
            let name = |offset| self.name_behind(offset);
            let lines: String = self.session.breakpoints().map(|breakpoint| line(breakpoint, name)).collect();
            return self.say(&lines).map(|()| Known::Yes);
        }
        if !matches!(name, "bc" | "bd" | "be") {
            return Ok(Known::No);
        }
        let ids = ids(from)?;
        let (session, machine) = (&mut *self.session, &mut *self.machine);
        let wanted = |breakpoint: &&Breakpoint| match &ids {
            Ids::All => true,
            Ids::Some(ids) => ids.contains(&breakpoint.id()),
        };
        let found: Vec<(u64, u32)> =
            session.breakpoints().filter(wanted).map(|one| (one.handle(), one.flags())).collect();
        if let Ids::Some(ids) = &ids
            && ids.iter().any(|id| session.breakpoint(*id).is_none())
        {
            let hresult = HResult::NOINTERFACE;
            return Err(Complaint { hresult, ..Complaint::new("No such breakpoint error", at) });
        }
        for (handle, flags) in found {
            let flags = flags & !flag::DEFERRED;
            let done = match name {
                "bc" => session.remove_breakpoint(machine, handle),
                "bd" => session.set_breakpoint_flags(machine, handle, flags & !flag::ENABLED),
                _ => session.set_breakpoint_flags(machine, handle, flags | flag::ENABLED),
            };
            done.map_err(|hresult| Complaint::of(hresult, at))?;
        }
        Ok(Known::Yes)
    }

    /// The letter and the size of `ba`.
    fn access(&mut self, from: &mut Cursor<'_>) -> Outcome<(u32, u32)> {
        from.skip_space();
        let at = from.at();
        let found = ACCESSES.iter().find(|(letter, _)| from.take(letter));
        let (_, access) = found.ok_or(Complaint::syntax(at))?;
        from.skip_space();
        let size_at = from.at();
        let size = from.take_while(|letter| letter.is_ascii_digit());
        let size = size.parse().ok().filter(|size| [1, 2, 4, 8].contains(size));
        Ok((*access, size.ok_or(Complaint::operand(size_at))?))
    }

    /// `/1`; WinDbg's other options are for processes, threads and conditions.
    fn once(&mut self, from: &mut Cursor<'_>) -> Outcome<bool> {
        let mut once = false;
        loop {
            from.skip_space();
            let at = from.at();
            if !from.take("/") {
                return Ok(once);
            }
            if !from.take("1") {
                return Err(Complaint::missing("options but /1 are", at));
            }
            once = true;
        }
    }

    /// The breakpoints that stand for one run, at the addresses that follow.
    pub(super) fn temporary(&mut self, from: &mut Cursor<'_>) -> Outcome<Vec<u64>> {
        let mut addresses = Vec::new();
        while !from.at_end() {
            addresses.push(self.address(from)?);
        }
        Ok(addresses)
    }

    /// Adds breakpoints that go when the target stands still again, whatever stops it.
    pub(super) fn add_temporary(&mut self, addresses: &[u64], at: usize) -> Outcome {
        for address in addresses {
            let add = |run: &mut Self| {
                let handle = run.session.add_breakpoint(Kind::Code, None)?;
                run.session.temporary.push(handle);
                run.session.set_breakpoint_offset(run.machine, handle, *address)?;
                run.session.set_breakpoint_flags(run.machine, handle, flag::ENABLED | flag::ONE_SHOT)
            };
            add(self).map_err(|hresult| Complaint::of(hresult, at))?;
        }
        Ok(())
    }
}

/// A line of `bl`: id, enabled or not, where, what for, the passes left and asked for, and the name
/// of the place or what it waits for.
fn line(breakpoint: &Breakpoint, name: impl Fn(u64) -> String) -> String {
    let enabled = if breakpoint.flags() & flag::ENABLED != 0 { 'e' } else { 'd' };
    let place = breakpoint.offset().map_or_else(|| format!("{:17}", "unresolved"), halves_of);
    let data = breakpoint.data_parameters().map(|(size, access)| {
        let letter = match access {
            access::EXECUTE => 'e',
            access::WRITE => 'w',
            access::IO => 'i',
            0 => '-',
            _ => 'r',
        };
        format!("{letter} {size}")
    });
    let (left, passes) = (breakpoint.current_pass_count(), breakpoint.pass_count());
    let command = match breakpoint.command() {
        "" => String::new(),
        command => format!(" \"{command}\""),
    };
    let data = data.unwrap_or_default();
    let port = breakpoint.data_parameters().is_some_and(|(_, access)| access == access::IO);
    let name = match breakpoint.offset() {
        Some(offset) if !port => name(offset),
        Some(_) => String::new(),
        None => format!(" ({})", breakpoint.offset_expression()),
    };
    format!("{:2} {enabled} {place} {data:3} {left:04x} ({passes:04x}){name}{command}\n", breakpoint.id())
}

/// `*`, or decimal numbers and ranges of them.
fn ids(from: &mut Cursor<'_>) -> Outcome<Ids> {
    from.skip_space();
    if from.take("*") {
        return from.end().map(|()| Ids::All);
    }
    let number = |from: &mut Cursor<'_>| {
        let at = from.at();
        let digits = from.take_while(|letter| letter.is_ascii_digit());
        digits.parse::<u32>().map_err(|_| Complaint::syntax(at))
    };
    let mut ids = Vec::new();
    loop {
        from.skip_space();
        let at = from.at();
        let first = number(from)?;
        let last = if from.take("-") { number(from)? } else { first };
        if last < first || last - first > 0xffff {
            return Err(Complaint::new("Range error", at));
        }
        ids.extend(first..=last);
        if from.at_end() {
            return Ok(Ids::Some(ids));
        }
        // Between two there may be a comma.
        from.take(",");
    }
}
