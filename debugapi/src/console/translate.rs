//! Page tables: `!pte`, `!vtop`, `!ptov`, `.context`.
//!
//! All addresses of entries are physical ones; Windows' own map of its tables is not needed.

use ringhold_emulator::mmu::walk::{Miss, Visited, Walk, entry};

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::halves_of;
use super::{Execution, Known, Memory};
use crate::HResult;
use crate::command::{Command, Output};

/// Tables that `!ptov` looks into at most.
const MOST_TABLES: usize = 1 << 18;
/// The bits of an entry that are a physical address.
const FRAME: u64 = 0x000f_ffff_ffff_f000;

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn translate(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        match name {
            "!pte" => self.pte(from, at),
            "!vtop" => self.vtop(from, at),
            "!ptov" => self.ptov(from, at),
            ".context" => self.select_root(from, at),
            _ => return Ok(Known::No),
        }
        .map(|()| Known::Yes)
    }

    /// The walk for an address from a root, or from the current one.
    fn walk(&mut self, root: Option<u64>, address: u64, at: usize) -> Outcome<Walk> {
        let context = self.session.context;
        // What makes the session unable to read memory is said in the same way.
        self.register_value("cr3", at)?;
        let walk = self.machine.translate(context.cpu, root.or(context.root), address);
        walk.ok_or(Complaint::of(HResult::INVALIDARG, at))
    }

    /// `!pte VA`
    fn pte(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let address = self.address(from)?;
        from.end()?;
        let walk = self.walk(None, address, at)?;
        let entries: Vec<Visited> = walk.trail.iter().collect();
        let mut lines = [String::new(), String::new(), String::new()];
        for visited in &entries {
            let last = entries.last().is_some_and(|last| last.level == visited.level);
            let columns = [
                format!("{} at {:016X}", short(visited.level), visited.address),
                format!("contains {:016X}", visited.value),
                content(visited, last && walk.outcome.is_ok()),
            ];
            for (line, column) in lines.iter_mut().zip(columns) {
                line.push_str(&format!("{column:27}"));
            }
        }
        self.say(&format!("{:>42} {address:016x}\n", "VA"))?;
        for line in lines.iter().filter(|line| !line.is_empty()) {
            self.say(&format!("{}\n", line.trim_end()))?;
        }
        match walk.outcome {
            Ok(_) if entries.is_empty() => self.say("paging is off\n"),
            Ok(_) | Err(Miss::NotPresent) => Ok(()),
            Err(miss) => self.say(&format!("{miss}\n")),
        }
    }

    /// `!vtop PFN VA`
    fn vtop(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let directory = self.expression(from)?;
        from.skip_space();
        let address = match from.at_end() {
            // With one argument it is the address.
            true => None,
            false => Some(self.address(from)?),
        };
        from.end()?;
        let (directory, address) = address.map_or((0, directory), |address| (directory, address));
        // A number that is too large for a page frame is the address of the directory.
        let frame = if directory >> 40 != 0 || directory & 0xfff == 0 { directory >> 12 } else { directory };
        let walk = self.walk((frame != 0).then_some(frame << 12), address, at)?;
        let root = if frame != 0 { frame << 12 } else { self.root(at)? };
        self.say(&format!("Amd64VtoP: Virt {}, pagedir {root:x}\n", halves_of(address)))?;
        for visited in walk.trail.iter() {
            let name = if visited.level == 3 { "PDPE" } else { visited.name() };
            self.say(&format!("Amd64VtoP: {name} {}\n", halves_of(visited.address)))?;
        }
        match walk.outcome {
            Ok(page) => self.say(&format!(
                "Amd64VtoP: Mapped phys {}\nVirtual address {address:x} translates to physical address {:x}.\n",
                halves_of(page.physical),
                page.physical
            )),
            Err(miss) => {
                self.say(&format!("Amd64VtoP: {miss}\n"))?;
                Err(Complaint::of(HResult::NO_PAGEFILE, at))
            }
        }
    }

    /// The paging root of virtual accesses.
    fn root(&mut self, at: usize) -> Outcome<u64> {
        let outputs = self.call(&Command::GetImplicitProcessDataOffset {});
        match outputs.map_err(|hresult| Complaint::of(hresult, at))?.first() {
            Some(Output::U64(root)) => Ok(*root),
            _ => Err(Complaint::operand(at)),
        }
    }

    /// `.context [DirBase]`
    fn select_root(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        if from.at_end() {
            let root = self.root(at)?;
            return self.say(&format!("The page directory base is {root:x}\n"));
        }
        let offset = self.expression(from)?;
        from.end()?;
        let select = Command::SetImplicitProcessDataOffset { offset };
        self.call(&select).map(drop).map_err(|hresult| Complaint::of(hresult, at))
    }

    /// `!ptov DirBase`: every page of an address space.
    fn ptov(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let root = if from.at_end() { self.root(at)? } else { self.expression(from)? };
        from.end()?;
        let walk = self.walk(Some(root), 0, at)?;
        let Some(top) = walk.trail.iter().next() else {
            return Err(Complaint::of(HResult::NO_PAGEFILE, at));
        };
        if self.register_value("cr4", at)? & 1 << 5 == 0 {
            return Err(Complaint::missing("tables of 32-bit entries are", at));
        }
        self.say(&format!("Amd64PtoV: pagedir {root:x}\n"))?;
        let mut tables = 0;
        self.table(top.address & !0xfff, top.level, 0, &mut tables, at)
    }

    /// The pages of a table whose first entry stands for an address.
    fn table(&mut self, table: u64, level: u8, start: u64, tables: &mut usize, at: usize) -> Outcome {
        *tables += 1;
        if *tables > MOST_TABLES {
            return Err(Complaint::new("Output limit error", at));
        }
        let mut bytes = [0; 4096];
        let read = self.read_memory(Memory::Physical(0), table, &mut bytes);
        let read = read.map_err(|hresult| Complaint::of(hresult, at))?;
        let shift = 12 + 9 * u32::from(level - 1);
        for (number, value) in (0..).zip(bytes[..read].chunks_exact(8)) {
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
            if value & entry::P == 0 {
                continue;
            }
            let address = start | number << shift;
            if level > 1 && !(level <= 3 && value & entry::PS != 0) {
                self.table(value & FRAME, level - 1, address, tables, at)?;
                continue;
            }
            // The upper half of the address space repeats its highest bit.
            let signed = if address >> 47 & 1 != 0 { address | 0xffff << 48 } else { address };
            let frame = value & FRAME & !((1 << shift) - 1);
            self.say(&format!("{frame:16x} {signed:x}\n"))?;
        }
        Ok(())
    }
}

/// The names of the columns of `!pte`.
fn short(level: u8) -> &'static str {
    match level {
        5 => "P5E",
        4 => "PXE",
        3 => "PPE",
        2 => "PDE",
        _ => "PTE",
    }
}

/// The page frame and the letters of an entry; `leaf` if it maps a page.
fn content(visited: &Visited, leaf: bool) -> String {
    let value = visited.value;
    if value & entry::P == 0 {
        return "not valid".into();
    }
    let letter = |bit: u64, set: char, clear: char| if value & bit != 0 { set } else { clear };
    let letters: String = [
        // Windows marks copy-on-write by a bit that the processor leaves to software.
        letter(1 << 9, 'C', '-'),
        if leaf { letter(entry::G, 'G', '-') } else { '-' },
        if leaf && visited.level > 1 { letter(entry::PS, 'L', '-') } else { '-' },
        if leaf { letter(entry::D, 'D', '-') } else { '-' },
        letter(entry::A, 'A', '-'),
        letter(entry::PCD, 'N', '-'),
        letter(entry::PWT, 'T', '-'),
        letter(entry::US, 'U', 'K'),
        letter(entry::RW, 'W', 'R'),
        letter(entry::XD, '-', 'E'),
        'V',
    ]
    .iter()
    .collect();
    format!("pfn {:<7x} {letters}", (value & FRAME) >> 12)
}
