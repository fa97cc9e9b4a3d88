//! Names for addresses: a kernel's own symbol table, or a list in a file.

use std::ops::Range;

use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};
use ringhold_debugapi::modules::{Module, Modules, Symbol};

use super::{Images, elf};

/// Segments with more than this between them are different parts of a module: a kernel is often
/// linked for its virtual addresses, and what starts it for physical ones.
const FAR: u64 = 1 << 30;
const PAGE: u64 = 0x1000;

/// A file of symbols cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// A line of a list is none.
    #[error("line {line}: write ADDRESS TYPE NAME, as nm and System.map do, or ADDRESS NAME")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// It begins as an ELF file does, and goes on otherwise.
    #[error("it is an ELF file, and damaged: {reason}")]
    Elf {
        /// What is wrong.
        reason: String,
    },
    /// There is no name in it.
    #[error("it has no symbols")]
    None,
}

/// The modules that a guest begins with: an ELF kernel with its symbols, unless it was stripped.
/// Damaged tables have none, too: whether the image can be started is judged elsewhere.
pub fn modules(images: &Images) -> Modules {
    let mut modules = Modules::default();
    let kernel = images.kernel.as_ref().filter(|kernel| elf::is(&kernel.bytes));
    if let Some(module) = kernel.and_then(|kernel| of_elf(&kernel.name, &kernel.name, &kernel.bytes).ok()) {
        modules.add(module);
    }
    modules
}

/// The module that a file describes: an ELF file, or lines of an address in hexadecimal, perhaps a
/// type, and a name, as nm and System.map have them. `slide` is added to all addresses.
///
/// # Errors
/// What is wrong with the file.
pub fn module(name: &str, file: &str, bytes: &[u8], slide: u64) -> Result<Module, SymbolError> {
    let mut module = match elf::is(bytes) {
        true => of_elf(name, file, bytes)?,
        false => of_list(name, file, &String::from_utf8_lossy(bytes))?,
    };
    if module.symbols().is_empty() {
        return Err(SymbolError::None);
    }
    module.slide(slide);
    Ok(module)
}

fn of_elf(name: &str, file: &str, bytes: &[u8]) -> Result<Module, SymbolError> {
    let elf = object::File::parse(bytes).map_err(|error| SymbolError::Elf { reason: error.to_string() })?;
    let segments = elf.segments().map(|s| s.address()..s.address().saturating_add(s.size()));
    let mut module = Module::new(name, file, parts(segments.filter(|part| !part.is_empty()).collect()));
    let symbols = elf.symbols().filter_map(|symbol| {
        let named = !matches!(symbol.kind(), SymbolKind::File | SymbolKind::Section);
        let name = symbol.name().ok().filter(|name| named && symbol.is_definition() && !name.is_empty())?;
        // What is called from elsewhere has the better name; labels have none of their own.
        let kind = match symbol.kind() {
            SymbolKind::Text => 0,
            SymbolKind::Data | SymbolKind::Tls => 2,
            _ => 4,
        };
        let rank = kind + u8::from(symbol.is_local());
        Some(Symbol { size: symbol.size(), rank, ..plain(symbol.address(), name) })
    });
    module.add_symbols(file, symbols.collect::<Vec<_>>());
    Ok(module)
}

/// Runs of segments that lie near each other.
fn parts(mut segments: Vec<Range<u64>>) -> Vec<Range<u64>> {
    segments.sort_by_key(|segment| segment.start);
    let mut parts: Vec<Range<u64>> = Vec::new();
    for segment in segments {
        match parts.last_mut() {
            Some(last) if segment.start.saturating_sub(last.end) < FAR => {
                last.end = last.end.max(segment.end);
            }
            _ => parts.push(segment),
        }
    }
    parts
}

fn of_list(name: &str, file: &str, text: &str) -> Result<Module, SymbolError> {
    let mut symbols = Vec::new();
    let mut code: Option<Range<u64>> = None;
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = SymbolError::Line { line: i + 1 };
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, kind, name) = match fields[..] {
            [address, name] => (address, "T", name),
            [address, kind, name, ..] => (address, kind, name),
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
        let is_code = matches!(kind, "T" | "t" | "W");
        let local = kind.starts_with(|letter: char| letter.is_ascii_lowercase());
        symbols.push(Symbol { rank: u8::from(!is_code) * 2 + u8::from(local), ..plain(address, name) });
        if is_code {
            let known = code.get_or_insert(address..address);
            *known = known.start.min(address)..known.end.max(address);
        }
    }
    // A kernel says itself where it begins and ends; else it is a page more than its code.
    let at = |wanted: &str| symbols.iter().find(|symbol| symbol.name == wanted).map(|symbol| symbol.address);
    let code = code.unwrap_or(0..0);
    let start = at("_text").unwrap_or(code.start);
    let end = at("_end").filter(|end| *end > start).unwrap_or(code.end.saturating_add(PAGE));
    let mut module = Module::new(name, file, Some(start..end));
    module.add_symbols(file, symbols);
    Ok(module)
}

/// A symbol by its linker's name: Rust's as people write them (`kernel::edu::init`).
fn plain(address: u64, linkage: &str) -> Symbol {
    let name = format!("{:#}", rustc_demangle::demangle(linkage));
    let linkage = (name != linkage).then(|| linkage.into());
    Symbol { linkage, ..Symbol::new(address, &name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::config::TEACHING;

    #[test]
    fn the_teaching_kernel_has_names() {
        let config = Config::from_ron(TEACHING, "teaching").unwrap();
        let modules = modules(&Images::read(&config).unwrap());
        let main = modules.address("kernel_main").unwrap();
        assert!(main > 0xffff_ffff_8000_0000);
        assert_eq!(modules.describe(main).as_deref(), Some("teaching!kernel_main"));
        let execute = modules.address("teaching!kernel::shell::execute").unwrap();
        assert_eq!(modules.describe(execute + 1).as_deref(), Some("teaching!kernel::shell::execute+0x1"));
        assert_eq!(modules.address("nobody"), None);
        // One module, at its virtual addresses.
        let [kernel] = modules.all() else { panic!("{modules:?}") };
        assert!(
            kernel.base() >= 0xffff_ffff_8000_0000 && kernel.size() < 0x1000_0000,
            "{:#x}",
            kernel.base()
        );
        assert!(super::modules(&Images::default()).all().is_empty());
    }

    #[test]
    fn lists_are_read() {
        let text = "ffffffff81000000 T _text\n\n0000000000000010 A fixed\nffffffff81000100 t start\n\
                    ffffffff81000100 T alias\nffffffff81002000 B _end\n  U missing\n";
        let module = module("vmlinux", "System.map", text.as_bytes(), 0x1000).unwrap();
        assert_eq!((module.base(), module.size()), (0xffff_ffff_8100_1000, 0x2000));
        let mut modules = Modules::default();
        modules.add(module);
        assert_eq!(modules.address("vmlinux!fixed"), Some(0x1010));
        assert_eq!(modules.describe(0xffff_ffff_8100_1105).as_deref(), Some("vmlinux!alias+0x5"));
        assert_eq!(modules.describe(0xffff_ffff_8100_0fff), None);
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let read = |text: &[u8]| module("m", "m", text, 0).map(|_| ());
        assert_eq!(read(b"1000 T a\nzz T b\n"), Err(SymbolError::Line { line: 2 }));
        assert_eq!(read(b"lonely"), Err(SymbolError::Line { line: 1 }));
        assert_eq!(read(b"\n"), Err(SymbolError::None));
        assert!(matches!(read(b"\x7fELF\x02\x01\x01"), Err(SymbolError::Elf { .. })));
    }
}
