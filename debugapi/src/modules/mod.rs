//! The modules of the target and their symbols: names for addresses, and addresses for names.
//!
//! A session has one table of [`Modules`]; expressions, the console and `IDebugSymbols` ask it.
//! Whoever starts the guest fills it (the program from the kernel's ELF file and from lists such as
//! `System.map`), and a client can add modules and symbols of its own. Nothing here is read from
//! the machine, and nothing of it reaches the machine.

mod pattern;

use std::ops::Range;

pub use pattern::Pattern;

/// A name for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Where it is: a linear address.
    pub address: u64,
    /// Its bytes; 0 if that is not known.
    pub size: u64,
    /// As people write it, without its module.
    pub name: String,
    /// As the linker has it, if that differs. It can be looked up, and is not shown.
    pub linkage: Option<String>,
    /// Which of several at one address is shown: the lowest, of equal ones the first.
    pub rank: u8,
}

impl Symbol {
    /// A symbol of unknown size.
    pub fn new(address: u64, name: &str) -> Self {
        Self { address, size: 0, name: name.into(), linkage: None, rank: 0 }
    }
}

/// What was loaded from one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    name: String,
    image: String,
    symbol_file: String,
    main: Range<u64>,
    /// Where its code and data lie, the main part among them. The end is not part of a range.
    parts: Vec<Range<u64>>,
    /// By address, then by rank.
    symbols: Vec<Symbol>,
    /// All names with their addresses, by name.
    names: Vec<(String, u64)>,
    synthetic: bool,
}

impl Module {
    /// A module without symbols. The largest of its parts is the one that its base and size tell
    /// of; without any it has no size.
    pub fn new(name: &str, image: &str, parts: impl IntoIterator<Item = Range<u64>>) -> Self {
        let parts: Vec<Range<u64>> = parts.into_iter().collect();
        let size = |part: &Range<u64>| part.end.saturating_sub(part.start);
        let main = parts.iter().max_by_key(|part| size(part)).cloned().unwrap_or(0..0);
        Self {
            name: module_name(name),
            image: image.into(),
            symbol_file: String::new(),
            main,
            parts,
            symbols: Vec::new(),
            names: Vec::new(),
            synthetic: false,
        }
    }

    /// One that a client made up.
    pub(crate) fn synthetic(name: &str, image: &str, part: Range<u64>) -> Self {
        Self { synthetic: true, ..Self::new(name, image, [part]) }
    }

    /// Adds symbols that come from a file.
    pub fn add_symbols(&mut self, file: &str, symbols: impl IntoIterator<Item = Symbol>) {
        self.symbol_file = file.into();
        for symbol in symbols {
            self.names.extend(symbol.linkage.clone().map(|name| (name, symbol.address)));
            self.names.push((symbol.name.clone(), symbol.address));
            self.symbols.push(symbol);
        }
        self.names.sort();
        self.names.dedup();
        self.symbols.sort_by_key(|symbol| (symbol.address, symbol.rank));
    }

    /// Moves all of it, as a loader does that does not take the addresses of the file.
    pub fn slide(&mut self, by: u64) {
        for part in self.parts.iter_mut().chain([&mut self.main]) {
            *part = part.start.wrapping_add(by)..part.end.wrapping_add(by);
        }
        for (_, address) in &mut self.names {
            *address = address.wrapping_add(by);
        }
        for symbol in &mut self.symbols {
            symbol.address = symbol.address.wrapping_add(by);
        }
        self.symbols.sort_by_key(|symbol| (symbol.address, symbol.rank));
    }

    /// Its name: a word of an expression.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that it was loaded from, or what stands for one.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The file that its symbols are from; empty if there are none.
    pub fn symbol_file(&self) -> &str {
        &self.symbol_file
    }

    /// The first address of its main part.
    pub fn base(&self) -> u64 {
        self.main.start
    }

    /// The bytes of its main part.
    pub fn size(&self) -> u64 {
        self.main.end.saturating_sub(self.main.start)
    }

    /// Whether a client made it up.
    pub fn is_synthetic(&self) -> bool {
        self.synthetic
    }

    /// Its symbols, by address; of those at one address the one that is shown stands first.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Whether an address lies in one of its parts.
    pub fn holds(&self, address: u64) -> bool {
        self.part(address).is_some()
    }

    fn part(&self, address: u64) -> Option<&Range<u64>> {
        self.parts.iter().find(|part| part.contains(&address))
    }

    /// The place in [`Self::symbols`] of the one that an address belongs to: the last that does not
    /// lie behind it, in the same part.
    pub fn nearest(&self, address: u64) -> Option<usize> {
        let part = self.part(address)?;
        let behind = self.symbols.partition_point(|symbol| symbol.address <= address);
        let found = self.symbols[..behind].last().filter(|symbol| part.contains(&symbol.address))?;
        Some(self.symbols.partition_point(|symbol| symbol.address < found.address))
    }

    /// The addresses that a name has.
    fn addresses(&self, name: &str, any_case: bool) -> Vec<u64> {
        if any_case {
            let same = |(own, _): &&(String, u64)| own.eq_ignore_ascii_case(name);
            let mut all: Vec<u64> = self.names.iter().filter(same).map(|(_, address)| *address).collect();
            all.sort_unstable();
            all.dedup();
            return all;
        }
        let first = self.names.partition_point(|(own, _)| own.as_str() < name);
        let same = self.names[first..].iter().take_while(|(own, _)| own == name);
        same.map(|(_, address)| *address).collect()
    }
}

/// What is left of a file's name when it must be a word of an expression: without its directory,
/// up to the first full stop, other characters as `_`.
fn module_name(name: &str) -> String {
    let file = name.rsplit(['/', '\\', ':']).next().unwrap_or_default();
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("image");
    stem.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

/// A symbol that was found, and how far behind it the address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Near<'a> {
    /// Its module.
    pub module: &'a Module,
    /// The symbol.
    pub symbol: &'a Symbol,
    /// Bytes from the symbol to the address.
    pub displacement: u64,
}

impl Near<'_> {
    /// `module!name`
    pub fn name(&self) -> String {
        format!("{}!{}", self.module.name, self.symbol.name)
    }
}

/// The modules of a target, by base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    list: Vec<Module>,
}

impl Modules {
    /// Adds a module. If there is one of its name, that one gets its parts and symbols.
    pub fn add(&mut self, module: Module) {
        if let Some(known) = self.list.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&module.name))
        {
            for part in module.parts {
                let inside = |own: &Range<u64>| own.start <= part.start && part.end <= own.end;
                if !known.parts.iter().any(inside) {
                    known.parts.push(part);
                }
            }
            known.add_symbols(&module.symbol_file, module.symbols);
            return;
        }
        self.list.push(module);
        self.list.sort_by_key(Module::base);
    }

    /// Takes away the module with a base; whether there was one that `wanted` agrees to.
    pub(crate) fn remove(&mut self, base: u64, wanted: impl Fn(&Module) -> bool) -> bool {
        let before = self.list.len();
        self.list.retain(|module| module.base() != base || !wanted(module));
        self.list.len() < before
    }

    /// Whether any address of a range belongs to a module.
    pub(crate) fn overlaps(&self, range: &Range<u64>) -> bool {
        let parts = self.list.iter().flat_map(|module| &module.parts);
        parts.into_iter().any(|part| part.start < range.end && range.start < part.end)
    }

    /// All, by base.
    pub fn all(&self) -> &[Module] {
        &self.list
    }

    /// The place of the module with a name, in small or capital letters.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|module| module.name.eq_ignore_ascii_case(name))
    }

    /// The place of the module that an address belongs to: of several the one with the highest base.
    pub fn holding(&self, address: u64) -> Option<usize> {
        self.list.iter().rposition(|module| module.holds(address))
    }

    /// The module with a base, to change it.
    pub(crate) fn holding_mut(&mut self, address: u64) -> Option<&mut Module> {
        let at = self.holding(address)?;
        self.list.get_mut(at)
    }

    /// The address of `module!name` or `name`, and whether that is the only one. A module's name is
    /// its base.
    pub fn resolve(&self, text: &str, any_case: bool) -> Option<(u64, bool)> {
        let (module, name) = match text.split_once('!') {
            Some((module, name)) => (Some(self.named(module)?), name),
            None => (None, text),
        };
        let searched = match module {
            Some(at) => &self.list[at..=at],
            None => &self.list[..],
        };
        let found: Vec<u64> = searched.iter().flat_map(|module| module.addresses(name, any_case)).collect();
        match (found.first(), module) {
            (Some(first), _) => Some((*first, found.iter().all(|other| other == first))),
            (None, None) => self.named(name).map(|at| (self.list[at].base(), true)),
            (None, Some(_)) => None,
        }
    }

    /// The address of `module!name` or `name`, as it is written.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.resolve(name, false).map(|(address, _)| address)
    }

    /// The symbol that an address belongs to.
    pub fn nearest(&self, address: u64) -> Option<Near<'_>> {
        let module = &self.list[self.holding(address)?];
        let symbol = &module.symbols[module.nearest(address)?];
        Some(Near { module, symbol, displacement: address - symbol.address })
    }

    /// What an address is called: `module!name+0x1f`, or `module+0x1000` where no symbol is near.
    /// `None` outside of modules.
    pub fn describe(&self, address: u64) -> Option<String> {
        let module = &self.list[self.holding(address)?];
        let (name, displacement) = match self.nearest(address) {
            Some(near) => (near.name(), near.displacement),
            None => (module.name.clone(), address.checked_sub(module.base())?),
        };
        Some(if displacement == 0 { name } else { format!("{name}+0x{displacement:x}") })
    }

    /// The symbols that a pattern `module!name` or `name` fits, by module and address.
    pub fn matching<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = Near<'a>> {
        let modules = self.list.iter().filter(|module| pattern.fits_module(&module.name));
        modules.flat_map(|module| {
            let symbols = module.symbols.iter().filter(|symbol| pattern.fits_name(&symbol.name));
            symbols.map(move |symbol| Near { module, symbol, displacement: 0 })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules() -> Modules {
        let mut kernel =
            Module::new("/boot/my-kernel.elf", "/boot/my-kernel.elf", [0x1000..0x2000, 0x8000..0xa000]);
        let mut first = Symbol::new(0x8000, "start::main");
        first.linkage = Some("_ZN5start4main17h0E".into());
        let low = Symbol { rank: 1, ..Symbol::new(0x8000, "text") };
        let rest =
            [low, Symbol::new(0x8100, "twice"), Symbol::new(0x8200, "twice"), Symbol::new(0x10, "early")];
        kernel.add_symbols("my-kernel.elf", std::iter::once(first).chain(rest));
        let mut modules = Modules::default();
        modules.add(kernel);
        modules.add(Module::new("data", "data.bin", Some(0x100..0x200)));
        modules
    }

    #[test]
    fn a_module_is_named_after_its_file_and_its_largest_part() {
        let modules = modules();
        let names: Vec<_> = modules.all().iter().map(|m| (m.name(), m.base(), m.size())).collect();
        assert_eq!(names, [("data", 0x100, 0x100), ("my_kernel", 0x8000, 0x2000)]);
        assert_eq!(module_name("builtin:teaching"), "teaching");
        assert_eq!(module_name("System.map-6.1"), "System");
        assert_eq!(module_name(""), "image");
    }

    #[test]
    fn names_have_addresses() {
        let modules = modules();
        for (name, found) in [
            ("start::main", Some((0x8000, true))),
            ("_ZN5start4main17h0E", Some((0x8000, true))),
            ("MY_KERNEL!text", Some((0x8000, true))),
            ("my_kernel!twice", Some((0x8100, false))),
            ("early", Some((0x10, true))),
            ("my_kernel", Some((0x8000, true))),
            ("TEXT", None),
            ("other!text", None),
            ("my_kernel!nobody", None),
        ] {
            assert_eq!(modules.resolve(name, false), found, "{name}");
        }
        assert_eq!(modules.resolve("TEXT", true), Some((0x8000, true)));
    }

    #[test]
    fn addresses_have_names_within_their_part() {
        let modules = modules();
        for (address, text) in [
            (0x8000, Some("my_kernel!start::main")),
            (0x80ff, Some("my_kernel!start::main+0xff")),
            (0x9fff, Some("my_kernel!twice+0x1dff")),
            (0xa000, None),
            (0x123, Some("data+0x23")),
            // No symbol in this part, which lies before the base.
            (0x1800, None),
            (0x10, None),
        ] {
            assert_eq!(modules.describe(address).as_deref(), text, "{address:#x}");
        }
    }

    #[test]
    fn a_second_file_for_a_module_adds_to_it() {
        let mut modules = modules();
        let mut list = Module::new("my-kernel", "", [0x8000..0x9000, 0x2_0000..0x2_1000]);
        list.add_symbols("list", [Symbol::new(0x2_0000, "late")]);
        modules.add(list);
        assert_eq!(modules.all().len(), 2);
        assert_eq!(modules.describe(0x2_0001).as_deref(), Some("my_kernel!late+0x1"));
        assert_eq!(modules.address("text"), Some(0x8000));
    }
}
