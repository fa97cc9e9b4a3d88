//! Names for addresses: the kernel's own symbol table, or a list in a file.

use std::collections::BTreeMap;

use object::{Object, ObjectSymbol, SymbolKind};

use super::{Images, elf};

/// Symbols by name. Names of Rust and C++ kind are there as the linker has them, and for Rust as
/// people write them (`kernel::edu::init`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    addresses: BTreeMap<String, u64>,
}

/// A line of a symbol list cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: write ADDRESS TYPE NAME, as nm and System.map do, or ADDRESS NAME")]
pub struct SymbolError {
    /// Counted from 1.
    pub line: usize,
}

impl Symbols {
    /// Those of an ELF kernel; none of another image, or of one that was stripped. Damaged tables
    /// have none, too: whether the image can be started is judged elsewhere.
    pub fn of(images: &Images) -> Self {
        let mut symbols = Self::default();
        let Some(kernel) = images.kernel.as_ref().filter(|kernel| elf::is(&kernel.bytes)) else {
            return symbols;
        };
        let Ok(file) = object::File::parse(&kernel.bytes[..]) else { return symbols };
        for symbol in file.symbols() {
            let named = !matches!(symbol.kind(), SymbolKind::File | SymbolKind::Section);
            if let (true, Ok(name)) = (named && symbol.is_definition(), symbol.name()) {
                symbols.add(name, symbol.address());
            }
        }
        symbols
    }

    /// Adds those of a list: lines of an address in hexadecimal, perhaps a type, and a name.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn read(&mut self, text: &str) -> Result<(), SymbolError> {
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = SymbolError { line: i + 1 };
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, name) = match fields[..] {
                [address, name] => (address, name),
                [address, _, name, ..] => (address, name),
                _ => return Err(wrong),
            };
            let address = address.strip_prefix("0x").unwrap_or(address);
            let Ok(address) = u64::from_str_radix(address, 16) else {
                // Undefined symbols have no address.
                if matches!(fields[0], "U" | "w" | "v") {
                    continue;
                }
                return Err(wrong);
            };
            self.add(name, address);
        }
        Ok(())
    }

    /// The address of a symbol.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied()
    }

    fn add(&mut self, name: &str, address: u64) {
        let plain = rustc_demangle::demangle(name);
        self.addresses.insert(name.into(), address);
        // The first of several that differ by their hash alone.
        self.addresses.entry(format!("{plain:#}")).or_insert(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::config::TEACHING;

    #[test]
    fn the_teaching_kernel_has_names() {
        let config = Config::from_ron(TEACHING, "teaching").unwrap();
        let symbols = Symbols::of(&Images::read(&config).unwrap());
        let main = symbols.address("kernel_main").unwrap();
        assert!(main > 0xffff_ffff_8000_0000);
        assert!(symbols.address("kernel::shell::execute").is_some());
        assert_eq!(symbols.address("nobody"), None);
        assert_eq!(Symbols::of(&Images::default()), Symbols::default());
    }

    #[test]
    fn lists_are_read() {
        let mut symbols = Symbols::default();
        symbols.read("ffffffff81000000 T _text\n\n0x1000 start\n  U missing\n").unwrap();
        assert_eq!(
            (symbols.address("_text"), symbols.address("start")),
            (Some(0xffff_ffff_8100_0000), Some(0x1000))
        );
        assert_eq!(symbols.read("1000 T a\nzz T b\n"), Err(SymbolError { line: 2 }));
        assert_eq!(symbols.read("lonely"), Err(SymbolError { line: 1 }));
    }
}
