//! Receipts in words.

use std::fmt::{Display, Formatter, Result};

use super::{
    Answer, ConfigCycle, Detail, FirstBytes, PageStep, PortAccess, Reading, Receipt, Semantics, Space, Span,
    Trace,
};
use crate::board::Hit;
use crate::bus::Width;
use crate::mmu::walk::{Mode, Visited, entry};

impl Display for Receipt {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let who = actor(self.semantics);
        write!(f, "After {} {who} wrote ", Count(self.instructions, "instruction"))?;
        match (self.written, self.asked) {
            (moved, asked) if moved == asked => write!(f, "{}", Bytes(asked))?,
            (0, asked) => write!(f, "none of {}", Bytes(asked))?,
            (moved, asked) => write!(f, "the first {moved} of {}", Bytes(asked))?,
        }
        if self.asked > 0 {
            let more = if self.asked > FirstBytes::MOST { " …" } else { "" };
            write!(f, " ({}{more})", Dump(self.data.as_slice()))?;
        }
        write!(f, " {}. ", Place(self.space, self.address))?;
        finish(f, &self.detail, true, self.stopped)
    }
}

impl Display for Reading {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { instructions, space, address, semantics, read, stopped, detail } = self;
        let who = actor(*semantics);
        write!(f, "After {} {who} read {}", Count(*instructions, "instruction"), Bytes(*read))?;
        write!(f, " {}. ", Place(*space, *address))?;
        finish(f, detail, false, *stopped)
    }
}

fn finish(f: &mut Formatter<'_>, detail: &Detail, write: bool, stopped: Option<super::Refusal>) -> Result {
    details(f, detail, write)?;
    match stopped {
        Some(reason) => write!(f, "It stopped because {reason}."),
        None => write!(f, "That is all."),
    }
}

fn actor(semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::Debugger => "the debugger",
        Semantics::Cpu => "an access made as the processor would",
        Semantics::Bus => "a bus transaction",
        Semantics::Backdoor => "the back door",
    }
}

/// A number of things, in the singular for one.
struct Count(u64, &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

struct Bytes(usize);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        Count(self.0 as u64, "byte").fmt(f)
    }
}

/// Bytes in hexadecimal.
struct Dump<'a>(&'a [u8]);

impl Display for Dump<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

struct Place(Space, u64);

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let address = self.1;
        match self.0 {
            Space::Virtual { cpu, .. } => write!(f, "at virtual address {address:#x} of processor {cpu}"),
            Space::Physical => write!(f, "at physical address {address:#x}"),
            Space::Io { .. } => write!(f, "at port {address:#x}"),
            Space::Config(function) => {
                write!(f, "at offset {address:#x} of the configuration space of {function}")
            }
            Space::Msr { cpu } => write!(f, "at MSR {address:#x} of processor {cpu}"),
            Space::Register { cpu, register } if address == 0 => {
                write!(f, "in register {register} of processor {cpu}")
            }
            Space::Register { cpu, register } => {
                write!(f, "at byte {address} of register {register} of processor {cpu}")
            }
        }
    }
}

fn details(f: &mut Formatter<'_>, detail: &Detail, write: bool) -> Result {
    match detail {
        Detail::Nothing => Ok(()),
        Detail::Virtual { mode, root, pages } => {
            match mode {
                Mode::Off => write!(f, "Paging is off, so the address is a physical one. ")?,
                mode => write!(f, "{}, tables at {root:#x}. ", mode_name(*mode))?,
            }
            list(f, pages, "page", |f, page| step(f, page, write))
        }
        Detail::Physical { spans } => list(f, spans, "span", |f, it| span(f, it, write)),
        Detail::Ports { accesses } => list(f, accesses, "access", |f, it| port(f, it, write)),
        Detail::Config { cycles } => list(f, cycles, "cycle", |f, it| cycle(f, it, write)),
        Detail::Msr { old: Some(old), new: Some(new) } if write => {
            write!(f, "It held {old:#x} and holds {new:#x} now. ")
        }
        Detail::Msr { old: Some(old), .. } => write!(f, "It holds {old:#x}. "),
        Detail::Msr { .. } => Ok(()),
        Detail::Register { old, new } if write => {
            write!(f, "It held {} and holds {} now. ", Value(old), Value(new))
        }
        Detail::Register { old, .. } => write!(f, "It holds {}. ", Value(old)),
    }
}

/// A little-endian number of any size.
struct Value<'a>(&'a [u8]);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "0x")?;
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn list<T>(
    f: &mut Formatter<'_>,
    trace: &Trace<T>,
    what: &str,
    one: impl Fn(&mut Formatter<'_>, &T) -> Result,
) -> Result {
    for item in trace.iter() {
        one(f, item)?;
    }
    match trace.omitted() {
        0 => Ok(()),
        1 => write!(f, "One more {what} is left out here. "),
        more => write!(
            f,
            "{more} more {what}{} are left out here. ",
            if what.ends_with('s') { "es" } else { "s" }
        ),
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "No paging",
        Mode::Legacy => "32-bit paging",
        Mode::Pae => "PAE paging",
        Mode::Level4 => "4-level paging",
        Mode::Level5 => "5-level paging",
    }
}

fn step(f: &mut Formatter<'_>, page: &PageStep, write: bool) -> Result {
    if !page.entries.is_empty() {
        write!(f, "For {:#x} the walk goes through ", page.linear)?;
        for (i, visited) in page.entries.iter().enumerate() {
            let Visited { address, value, .. } = visited;
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}the {} at {address:#x} = {value:#x} ({})", visited.name(), Flags(visited))?;
        }
        match page.physical {
            Some(physical) => {
                let size = match page.size_bits {
                    21 => "2 MiB",
                    22 => "4 MiB",
                    30 => "1 GiB",
                    _ => "4 KiB",
                };
                write!(f, " to physical {physical:#x} in a page of {size}. ")?;
            }
            None => write!(f, " and finds no page. ")?,
        }
    }
    if page.from_tlb {
        write!(f, "The TLB held a translation, which was used. ")?;
    }
    list(f, &page.spans, "span", |f, it| span(f, it, write))
}

/// The flags of a page-table entry, by name.
struct Flags(Visited);

impl Display for Flags {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        // In a PTE the bit of PS chooses a memory type.
        let large = if self.0.level > 1 { entry::PS } else { 0 };
        let names = [
            (entry::P, "present"),
            (entry::RW, "writable"),
            (entry::US, "user"),
            (entry::PWT, "write-through"),
            (entry::PCD, "uncached"),
            (entry::A, "accessed"),
            (entry::D, "dirty"),
            (large, "large"),
            (entry::G, "global"),
            (entry::XD, "no-execute"),
        ];
        let mut any = false;
        for (_, name) in names.iter().filter(|(bit, _)| self.0.value & bit != 0) {
            write!(f, "{}{name}", if any { " " } else { "" })?;
            any = true;
        }
        if any { Ok(()) } else { write!(f, "no flags") }
    }
}

fn span(f: &mut Formatter<'_>, span: &Span, write: bool) -> Result {
    let Span { physical, bytes, answer } = span;
    let bytes = Bytes(*bytes);
    match (answer, write) {
        (Answer::Ram, true) => write!(f, "RAM took {bytes} at {physical:#x}. "),
        (Answer::Ram, false) => write!(f, "RAM gave {bytes} at {physical:#x}. "),
        (Answer::Rom, true) => write!(f, "ROM was changed in {bytes} at {physical:#x}. "),
        (Answer::Rom, false) => write!(f, "ROM gave {bytes} at {physical:#x}. "),
        (Answer::RomIgnored, _) => write!(f, "ROM at {physical:#x} ignored {bytes}. "),
        (Answer::Nobody, true) => write!(f, "Nobody answers at {physical:#x}: {bytes} were lost. "),
        (Answer::Nobody, false) => write!(f, "Nobody answers at {physical:#x}: {bytes} read as ones. "),
        (Answer::Device { hit, width }, _) => {
            let verb = if write { "took" } else { "gave" };
            write!(f, "{} {verb} {} at {physical:#x}. ", Who(hit), access(*width))
        }
    }
}

fn access(width: Width) -> &'static str {
    match width {
        Width::Byte => "an 8-bit access",
        Width::Word => "a 16-bit access",
        Width::Dword => "a 32-bit access",
        Width::Qword => "a 64-bit access",
    }
}

struct Who<'a>(&'a Hit);

impl Display for Who<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.0.register {
            Some(register) => write!(f, "Register {register} of device {}", self.0.device),
            None => write!(f, "Device {}", self.0.device),
        }
    }
}

fn port(f: &mut Formatter<'_>, one: &PortAccess, write: bool) -> Result {
    let PortAccess { port, width, value, hit } = one;
    match (hit, write) {
        (Some(hit), true) => write!(f, "{} took {value:#x} at port {port:#x}", Who(hit))?,
        (Some(hit), false) => write!(f, "{} gave {value:#x} at port {port:#x}", Who(hit))?,
        (None, true) => write!(f, "Nobody decodes port {port:#x}: {value:#x} was lost")?,
        (None, false) => write!(f, "Nobody decodes port {port:#x}: it reads as ones")?,
    }
    write!(f, " ({}). ", access(*width))
}

fn cycle(f: &mut Formatter<'_>, one: &ConfigCycle, write: bool) -> Result {
    let ConfigCycle { function, offset, bytes, old, value, writable, write_one_clears, new } = one;
    let bytes = Bytes(usize::from(*bytes));
    if !write {
        return write!(f, "{function} gave {bytes} at offset {offset:#x}: {old:#x}. ");
    }
    write!(f, "{function} took {value:#x} as {bytes} at offset {offset:#x}: ")?;
    write!(f, "it held {old:#x}, software can change {writable:#x}")?;
    if *write_one_clears != 0 {
        write!(f, ", ones clear {write_one_clears:#x}")?;
    }
    write!(f, ", and it holds {new:#x} now. ")
}
