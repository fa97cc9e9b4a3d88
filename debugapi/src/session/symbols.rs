//! IDebugSymbols: modules, names for addresses and addresses for names.
//!
//! Nothing of it touches the machine, so it works while the target runs.

use std::collections::BTreeMap;

use ringhold_emulator::Machine;

use super::console::{Characters, deliver, deliver_as};
use super::control::number;
use super::{ANY_ID, Answer, Session, Target, count, done, given};
use crate::HResult;
use crate::command::{Command, Input, Output, Room};
use crate::modules::{Module, Near, Pattern, Symbol};

/// `SYMOPT_CASE_INSENSITIVE`
const CASE_INSENSITIVE: u32 = 1;
/// `DEBUG_INVALID_OFFSET`
const INVALID_OFFSET: u64 = u64::MAX;
/// `DEBUG_GETMOD_NO_LOADED_MODULES`
const NO_LOADED: u32 = 1;
/// `DEBUG_GETMOD_*`, all of them.
const GETMOD: u32 = 3;

/// `DEBUG_MODULE_*`
const SYNTHETIC: u32 = 0x20;
/// `DEBUG_SYMTYPE_SYM`: there are symbols, of a file that is no part of the image. 0 is none.
const SYM: u32 = 6;

/// `DEBUG_MODNAME_*`: which of a module's names.
mod name {
    pub const IMAGE: u32 = 0;
    pub const MODULE: u32 = 1;
    pub const LOADED_IMAGE: u32 = 2;
    pub const SYMBOL_FILE: u32 = 3;
    pub const MAPPED_IMAGE: u32 = 4;
}

/// The searches of StartSymbolMatch that were not ended, by handle.
#[derive(Debug, Default)]
pub(super) struct Matches {
    open: BTreeMap<u64, Match>,
    last: u64,
}

/// What a search has found, and how far it was asked for.
#[derive(Debug)]
struct Match {
    found: Vec<(String, u64)>,
    next: usize,
}

impl Session {
    pub(super) fn symbols(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        match command {
            Command::GetSymbolOptions {} => return number(self.symbol_options),
            Command::AddSymbolOptions { options } => self.symbol_options |= options,
            Command::RemoveSymbolOptions { options } => self.symbol_options &= !options,
            Command::SetSymbolOptions { options } => self.symbol_options = *options,
            _ if matches!(self.target, Target::None | Target::Attaching) => return Err(HResult::UNEXPECTED),
            _ => return self.names(command).unwrap_or_else(|| self.synthetic(machine, command)),
        }
        done([])
    }

    /// What only asks. `None` for what changes something.
    fn names(&mut self, command: &Command) -> Option<Answer> {
        use Characters::{Narrow, Wide};
        Some(match command {
            Command::GetNameByOffset { offset, buffer } => self.name_by_offset(Narrow, *offset, *buffer),
            Command::GetNameByOffsetWide { offset, buffer } => self.name_by_offset(Wide, *offset, *buffer),
            Command::GetNearNameByOffset { offset, delta, buffer } => {
                self.near_name(Narrow, *offset, *delta as i32, *buffer)
            }
            Command::GetNearNameByOffsetWide { offset, delta, buffer } => {
                self.near_name(Wide, *offset, *delta as i32, *buffer)
            }
            Command::GetOffsetByName { symbol } => match self.symbol_address(&symbol.0) {
                Some((address, true)) => done([Output::U64(address)]),
                Some((address, false)) => Ok((HResult::FALSE, vec![Output::U64(address)])),
                None => Err(HResult::FAIL),
            },
            Command::GetNumberModules {} => done([count(self.modules.all().len()), Output::U32(0)]),
            Command::GetModuleByIndex { index } => {
                self.module(*index, 0).and_then(|module| done([Output::U64(module.base())]))
            }
            Command::GetModuleByModuleName { name, start_index } => {
                self.find_module(*start_index, 0, |module| module.name().eq_ignore_ascii_case(&name.0))
            }
            Command::GetModuleByModuleName2 { name, start_index, flags } => {
                self.find_module(*start_index, *flags, |module| module.name().eq_ignore_ascii_case(&name.0))
            }
            Command::GetModuleByOffset { offset, start_index } => {
                self.find_module(*start_index, 0, |module| module.holds(*offset))
            }
            Command::GetModuleByOffset2 { offset, start_index, flags } => {
                self.find_module(*start_index, *flags, |module| module.holds(*offset))
            }
            Command::GetModuleNames { index, base, image, module, loaded_image } => {
                self.module_names(*index, *base, [*image, *module, *loaded_image])
            }
            Command::GetModuleParameters { count, bases, start } => {
                self.module_parameters(*count, bases, *start)
            }
            Command::GetModuleNameString { which, index, base, buffer } => {
                self.module_name(Narrow, *which, (*index, *base), *buffer)
            }
            Command::GetModuleNameStringWide { which, index, base, buffer } => {
                self.module_name(Wide, *which, (*index, *base), *buffer)
            }
            Command::StartSymbolMatch { pattern } => self.start_match(&pattern.0),
            Command::GetNextSymbolMatch { handle, buffer } => self.next_match(Narrow, *handle, *buffer),
            Command::GetNextSymbolMatchWide { handle, buffer } => self.next_match(Wide, *handle, *buffer),
            Command::EndSymbolMatch { handle } => match self.matches.open.remove(handle) {
                Some(_) => done([]),
                None => Err(HResult::INVALIDARG),
            },
            _ => return None,
        })
    }

    /// The address of `module!name` or `name`, and whether it is the only one.
    pub(crate) fn symbol_address(&self, name: &str) -> Option<(u64, bool)> {
        self.modules.resolve(name, self.symbol_options & CASE_INSENSITIVE != 0)
    }

    fn name_by_offset(&self, characters: Characters, offset: u64, room: Room) -> Answer {
        let near = self.modules.nearest(offset).ok_or(HResult::FAIL)?;
        deliver_as(characters, room, &near.name(), [Output::U64(near.displacement)])
    }

    /// The symbol so many addresses with symbols before or behind the nearest one.
    fn near_name(&self, characters: Characters, offset: u64, delta: i32, room: Room) -> Answer {
        let near = self.modules.nearest(offset).ok_or(HResult::NOINTERFACE)?;
        let module = near.module;
        let shown = module.symbols().chunk_by(|a, b| a.address == b.address).map(|same| &same[0]);
        let shown: Vec<&Symbol> = shown.collect();
        let at = shown.partition_point(|symbol| symbol.address < near.symbol.address);
        let wanted = at.checked_add_signed(delta as isize).and_then(|at| shown.get(at).copied());
        let symbol = wanted.ok_or(HResult::NOINTERFACE)?;
        let displacement = offset.wrapping_sub(symbol.address);
        let found = Near { module, symbol, displacement };
        deliver_as(characters, room, &found.name(), [Output::U64(displacement)])
    }

    /// The module at an index, or with DEBUG_ANY_ID the one with a base.
    fn module(&self, index: u32, base: u64) -> Result<&Module, HResult> {
        let modules = self.modules.all();
        let found = match index {
            ANY_ID => modules.iter().find(|module| module.base() == base),
            index => modules.get(index as usize),
        };
        found.ok_or(HResult::INVALIDARG)
    }

    /// The first module that is wanted, from an index on.
    fn find_module(&self, start: u32, flags: u32, wanted: impl Fn(&Module) -> bool) -> Answer {
        if flags & !GETMOD != 0 {
            return Err(HResult::INVALIDARG);
        }
        let loaded = if flags & NO_LOADED == 0 { self.modules.all() } else { &[] };
        let mut numbered = loaded.iter().enumerate().skip(start as usize);
        let (index, module) = numbered.find(|(_, module)| wanted(module)).ok_or(HResult::NOINTERFACE)?;
        done([count(index), Output::U64(module.base())])
    }

    /// The names of the image, of the module, and of the loaded image, which has none of its own.
    fn module_names(&self, index: u32, base: u64, rooms: [Room; 3]) -> Answer {
        let module = self.module(index, base)?;
        let mut result = HResult::OK;
        let mut outputs = Vec::new();
        for (room, text) in rooms.into_iter().zip([module.image(), module.name(), ""]) {
            let (hresult, delivered) = deliver(room, text, [])?;
            if hresult != HResult::OK {
                result = hresult;
            }
            outputs.extend(delivered);
        }
        Ok((result, outputs))
    }

    fn module_name(
        &self,
        characters: Characters,
        which: u32,
        (index, base): (u32, u64),
        room: Room,
    ) -> Answer {
        let module = self.module(index, base)?;
        let text = match which {
            name::IMAGE => module.image(),
            name::MODULE => module.name(),
            name::SYMBOL_FILE => module.symbol_file(),
            name::LOADED_IMAGE | name::MAPPED_IMAGE => "",
            _ => return Err(HResult::INVALIDARG),
        };
        deliver_as(characters, room, text, [])
    }

    /// Those with the bases listed, or `count` from the index `start` on. One that is not there has
    /// DEBUG_INVALID_OFFSET for its base; an index that is none is E_INVALIDARG.
    fn module_parameters(&self, count: u32, bases: &Input<u64>, start: u32) -> Answer {
        let all = self.modules.all();
        let found: Vec<Option<&Module>> = match bases {
            Input::Given(_) => {
                let with = |base: &u64| all.iter().find(|module| module.base() == *base);
                given(bases)?.iter().map(with).collect()
            }
            Input::Null(_) => {
                let end = start.checked_add(count).ok_or(HResult::INVALIDARG)?;
                all.get(start as usize..end as usize).ok_or(HResult::INVALIDARG)?.iter().map(Some).collect()
            }
        };
        done([Output::Bytes(found.into_iter().flat_map(parameters).collect())])
    }

    fn start_match(&mut self, pattern: &str) -> Answer {
        let pattern = Pattern::new(pattern).ok_or(HResult::INVALIDARG)?;
        let found = self.modules.matching(&pattern).map(|near| (near.name(), near.symbol.address)).collect();
        self.matches.last += 1;
        self.matches.open.insert(self.matches.last, Match { found, next: 0 });
        done([Output::U64(self.matches.last)])
    }

    /// Without a buffer the same name comes again, so that its size can be asked for.
    fn next_match(&mut self, characters: Characters, handle: u64, room: Room) -> Answer {
        let search = self.matches.open.get_mut(&handle).ok_or(HResult::INVALIDARG)?;
        let (name, address) = search.found.get(search.next).ok_or(HResult::NOINTERFACE)?;
        search.next += usize::from(!room.null);
        deliver_as(characters, room, name, [Output::U64(*address)])
    }

    /// Modules and symbols that a client makes up. Breakpoints that wait for a name are looked at.
    fn synthetic(&mut self, machine: &mut Machine, command: &Command) -> Answer {
        let outputs = match command {
            Command::AddSyntheticModule { base, size, image_path, module_name, flags: 0 } => {
                let end = base.checked_add(u64::from(*size)).filter(|_| *size > 0);
                let range = *base..end.ok_or(HResult::INVALIDARG)?;
                let module = Module::synthetic(&module_name.0, &image_path.0, range.clone());
                if self.modules.overlaps(&range) || self.modules.named(module.name()).is_some() {
                    return Err(HResult::INVALIDARG);
                }
                self.modules.add(module);
                vec![]
            }
            Command::RemoveSyntheticModule { base } => {
                if !self.modules.remove(*base, Module::is_synthetic) {
                    return Err(HResult::INVALIDARG);
                }
                vec![]
            }
            Command::AddSyntheticSymbol { offset, size, name, flags: 0 } => {
                let module = self.modules.holding_mut(*offset).ok_or(HResult::INVALIDARG)?;
                if name.0.is_empty() || name.0.contains('!') {
                    return Err(HResult::INVALIDARG);
                }
                let symbol = Symbol { size: u64::from(*size), ..Symbol::new(*offset, &name.0) };
                let file = module.symbol_file().to_owned();
                module.add_symbols(&file, [symbol]);
                // DEBUG_MODULE_AND_ID; ids of symbols are their addresses.
                let words = [module.base(), *offset];
                vec![Output::Bytes(words.into_iter().flat_map(u64::to_le_bytes).collect())]
            }
            _ => return Err(HResult::INVALIDARG),
        };
        self.evaluate_deferred(machine);
        done(outputs)
    }
}

/// DEBUG_MODULE_PARAMETERS, 64 bytes.
fn parameters(module: Option<&Module>) -> Vec<u8> {
    let Some(module) = module else {
        let mut absent = INVALID_OFFSET.to_le_bytes().to_vec();
        absent.resize(64, 0);
        return absent;
    };
    let room_for = |text: &str| text.len() as u32 + 1;
    let words = [
        u32::try_from(module.size()).unwrap_or(u32::MAX),
        // TimeDateStamp and Checksum of a PE image.
        0,
        0,
        if module.is_synthetic() { SYNTHETIC } else { 0 },
        if module.symbols().is_empty() { 0 } else { SYM },
        room_for(module.image()),
        room_for(module.name()),
        room_for(""),
        room_for(module.symbol_file()),
        room_for(""),
    ];
    let mut bytes = module.base().to_le_bytes().to_vec();
    words.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    bytes.resize(64, 0);
    bytes
}
