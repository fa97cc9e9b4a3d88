//! How memory is laid out on lines: the width of objects, how many there are on a line, and how
//! each is written.

use super::number::{general, halves_of};

/// The kinds of the d-commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `db`, with characters.
    Bytes,
    /// `dw`
    Words,
    /// `dW`, with characters.
    WordsAndText,
    /// `dd`
    Dwords,
    /// `dc`, with characters.
    DwordsAndText,
    /// `dq`
    Qwords,
    /// `dp`
    Pointers,
    /// `da`
    Ascii,
    /// `du`
    Unicode,
    /// `df`
    Floats,
    /// `dD`
    Doubles,
    /// `dyb`
    Bits,
    /// `dyd`
    DwordBits,
    /// `dds`, `dps`, `dqs`: one on a line, so many bytes each; `None` for a pointer's.
    Symbols(Option<usize>),
}

impl Format {
    /// The kind of a command without its `d`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "b" => Self::Bytes,
            "w" => Self::Words,
            "W" => Self::WordsAndText,
            "d" => Self::Dwords,
            "c" => Self::DwordsAndText,
            "q" => Self::Qwords,
            "p" => Self::Pointers,
            "a" => Self::Ascii,
            "u" => Self::Unicode,
            "f" => Self::Floats,
            "D" => Self::Doubles,
            "yb" => Self::Bits,
            "yd" => Self::DwordBits,
            "ds" => Self::Symbols(Some(4)),
            "qs" => Self::Symbols(Some(8)),
            "ps" => Self::Symbols(None),
            _ => return None,
        })
    }

    /// The layout where a pointer has so many bytes.
    pub fn layout(self, pointer: usize) -> Layout {
        let plain = |size, columns, count| Layout { format: self, size, columns, count, text: false };
        match self {
            Self::Bytes => Layout { text: true, ..plain(1, 16, 128) },
            Self::Words => plain(2, 8, 64),
            Self::WordsAndText => Layout { text: true, ..plain(2, 8, 64) },
            Self::Dwords => plain(4, 4, 32),
            Self::DwordsAndText => Layout { text: true, ..plain(4, 4, 32) },
            Self::Qwords => plain(8, 2, 16),
            Self::Pointers if pointer == 8 => plain(8, 2, 16),
            Self::Pointers => plain(4, 4, 32),
            Self::Ascii => plain(1, 48, 0),
            Self::Unicode => plain(2, 48, 0),
            Self::Floats => plain(4, 4, 16),
            Self::Doubles => plain(8, 3, 15),
            Self::Bits => plain(1, 4, 32),
            Self::DwordBits => plain(4, 1, 8),
            Self::Symbols(size) => plain(size.unwrap_or(pointer), 1, 16),
        }
    }
}

/// A layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub format: Format,
    /// Bytes of an object.
    pub size: usize,
    /// Objects on a line.
    pub columns: usize,
    /// Objects if nothing else is said.
    pub count: u64,
    /// Whether the characters stand beside them.
    pub text: bool,
}

/// An object as it was read; `None` if it cannot be read as a whole.
pub(super) type Cell = Option<u64>;

impl Layout {
    /// What stands above the first line.
    pub fn ruler(&self) -> String {
        let indent = " ".repeat(ADDRESS + 2);
        match self.format {
            Format::Bits => {
                let [bits, line] = ["76543210", "--------"].map(|piece| vec![piece; self.columns].join(" "));
                format!("{indent}{bits}\n{indent}{line}\n")
            }
            Format::DwordBits => format!(
                "{indent} 3          2          1          0\n\
                 {indent}10987654 32109876 54321098 76543210\n\
                 {indent}-------- -------- -------- --------\n"
            ),
            _ => String::new(),
        }
    }

    /// The objects of a line, as many as there are.
    pub fn line(&self, cells: &[Cell]) -> String {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                line.push(if self.size == 1 && at == 8 && self.format == Format::Bytes { '-' } else { ' ' });
            }
            line.push_str(&self.cell(*cell));
        }
        let width = self.columns * (self.width() + 1) - 1;
        match self.format {
            Format::Bits => {
                let bytes: Vec<String> = cells.iter().map(|cell| hexadecimal(*cell, 1)).collect();
                format!("{line:width$}  {}", bytes.join(" "))
            }
            Format::DwordBits => {
                let value: Vec<String> = cells.iter().map(|cell| hexadecimal(*cell, 4)).collect();
                format!("{line:width$}  {}", value.join(" "))
            }
            _ if self.text => format!("{line:width$}  {}", self.characters(cells)),
            _ => line,
        }
    }

    /// How wide an object is.
    fn width(&self) -> usize {
        match self.format {
            Format::Floats => 16,
            Format::Doubles => 22,
            Format::Bits => 8,
            Format::DwordBits => 35,
            _ if self.size == 8 => 17,
            _ => self.size * 2,
        }
    }

    fn cell(&self, cell: Cell) -> String {
        let width = self.width();
        let Some(value) = cell else {
            return match self.format {
                Format::Floats | Format::Doubles => format!("{:>width$}", "?".repeat(self.size * 2)),
                Format::Bits => "?".repeat(8),
                Format::DwordBits => ["????????"; 4].join(" "),
                _ => hexadecimal(None, self.size),
            };
        };
        match self.format {
            Format::Floats => format!("{:>width$}", general(f32::from_bits(value as u32).into(), 8)),
            Format::Doubles => format!("{:>width$}", general(f64::from_bits(value), 12)),
            Format::Bits => format!("{value:08b}"),
            Format::DwordBits => {
                let bytes = (value as u32).to_be_bytes().map(|byte| format!("{byte:08b}"));
                bytes.join(" ")
            }
            _ => hexadecimal(cell, self.size),
        }
    }

    fn characters(&self, cells: &[Cell]) -> String {
        let of = |cell: &Cell| match cell {
            Some(value) => value.to_le_bytes()[..self.size].iter().map(|byte| printable(*byte)).collect(),
            None => "?".repeat(self.size),
        };
        cells.iter().map(of).collect()
    }
}

/// How wide an address is.
const ADDRESS: usize = 17;

/// A number of so many bytes, or question marks in its place.
pub(super) fn hexadecimal(cell: Cell, size: usize) -> String {
    match (cell, size) {
        (Some(value), 8) => halves_of(value),
        (Some(value), _) => format!("{value:0width$x}", width = size * 2),
        (None, 8) => format!("{0}`{0}", "?".repeat(8)),
        (None, _) => "?".repeat(size * 2),
    }
}

/// The character of a byte, or a dot.
pub(super) fn printable(byte: u8) -> char {
    if (0x20..0x7f).contains(&byte) { byte.into() } else { '.' }
}
