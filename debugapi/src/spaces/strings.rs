//! The string readers (slots 38 to 41): ReadMultiByteStringVirtual and ReadUnicodeStringVirtual,
//! each as it is and converted.
//!
//! The terminator must lie within the first `max_bytes` bytes, and before the first inaccessible
//! one. A reading has no side effect: device windows count as inaccessible.

use ringhold_emulator::inject::Semantics;

use super::DataSpaces;
use crate::{Error, HResult};

const PAGE: u64 = 4096;

/// A string that was found in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringRead {
    /// Bytes of the string in the target, with its terminator (`StringBytes`).
    pub string_bytes: usize,
    /// Bytes, or wide characters, that were put into the buffer, with the terminator.
    pub copied: usize,
    /// Whether the buffer was too small.
    pub truncated: bool,
}

impl StringRead {
    /// The code that a DbgEng client sees: S_FALSE for a truncated string.
    pub fn hresult(&self) -> HResult {
        if self.truncated { HResult::FALSE } else { HResult::OK }
    }
}

/// An 8-bit encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePage {
    /// 0, the ANSI default, and 1252: Western European.
    Windows1252,
    /// 437: that of the IBM PC.
    Ibm437,
    /// 20127: ASCII.
    Ascii,
    /// 65001: UTF-8.
    Utf8,
}

/// The characters 0x80 to 0x9f of code page 1252; those that it leaves open stand for themselves.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
/// The characters 0x80 to 0xff of code page 437.
const IBM_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
                       └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

impl CodePage {
    /// The encoding of this number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for others than 0, 437, 1252, 20127 and 65001.
    pub fn numbered(number: u32) -> Result<Self, Error> {
        match number {
            0 | 1252 => Ok(Self::Windows1252),
            437 => Ok(Self::Ibm437),
            20127 => Ok(Self::Ascii),
            65001 => Ok(Self::Utf8),
            _ => Err(Error::InvalidArgument("the code page is none of 0, 437, 1252, 20127 and 65001")),
        }
    }

    /// The text of some bytes; what is none becomes U+FFFD.
    pub fn decode(self, bytes: &[u8]) -> String {
        let byte = |byte: u8| match (self, byte) {
            (_, 0..0x80) => char::from(byte),
            (Self::Windows1252, 0x80..0xa0) => {
                WINDOWS_1252.chars().nth(usize::from(byte) - 0x80).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            (Self::Windows1252, _) => char::from(byte),
            (Self::Ibm437, _) => {
                IBM_437.chars().nth(usize::from(byte) - 0x80).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            (Self::Ascii | Self::Utf8, _) => char::REPLACEMENT_CHARACTER,
        };
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            _ => bytes.iter().map(|value| byte(*value)).collect(),
        }
    }

    /// The bytes of a character; one that the encoding lacks becomes a question mark.
    fn encode(self, character: char, bytes: &mut Vec<u8>) {
        let high = |table: &str| table.chars().position(|other| other == character);
        let code = u32::from(character);
        let byte = match self {
            _ if code < 0x80 => code as u8,
            Self::Utf8 => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return;
            }
            Self::Windows1252 if (0xa0..0x100).contains(&code) => code as u8,
            Self::Windows1252 => high(WINDOWS_1252).map_or(b'?', |at| 0x80 + at as u8),
            Self::Ibm437 => high(IBM_437).map_or(b'?', |at| 0x80 + at as u8),
            Self::Ascii => b'?',
        };
        bytes.push(byte);
    }
}

impl DataSpaces<'_> {
    /// ReadMultiByteStringVirtual: a string of bytes up to its zero byte. Without a buffer, only
    /// its size is found. A buffer that is too small gets what fits, and a terminator if there is
    /// room for anything.
    ///
    /// # Errors
    /// [`Error::NothingRead`] if the first byte is inaccessible, [`Error::InvalidArgument`] if
    /// there is no terminator where it must be.
    pub fn read_multi_byte_string_virtual(
        &mut self,
        offset: u64,
        max_bytes: u32,
        buffer: Option<&mut [u8]>,
    ) -> Result<StringRead, Error> {
        let found = self.terminated(offset, max_bytes, 1)?;
        let pieces = found[..found.len() - 1].chunks(1);
        Ok(deliver(found.len(), pieces.map(<[u8]>::to_vec), buffer))
    }

    /// ReadMultiByteStringVirtualWide: the same, converted from a code page to UTF-16. A pair of
    /// surrogates is not torn apart.
    ///
    /// # Errors
    /// As [`Self::read_multi_byte_string_virtual`]; [`Error::InvalidArgument`] for an unknown
    /// code page.
    pub fn read_multi_byte_string_virtual_wide(
        &mut self,
        offset: u64,
        max_bytes: u32,
        code_page: u32,
        buffer: Option<&mut [u16]>,
    ) -> Result<StringRead, Error> {
        let code_page = CodePage::numbered(code_page)?;
        let found = self.terminated(offset, max_bytes, 1)?;
        let text = code_page.decode(&found[..found.len() - 1]);
        let pieces = text.chars().map(|character| character.encode_utf16(&mut [0; 2]).to_vec());
        Ok(deliver(found.len(), pieces, buffer))
    }

    /// ReadUnicodeStringVirtual: a string of UTF-16 up to its zero unit, converted to a code page.
    /// No character is torn apart.
    ///
    /// # Errors
    /// As [`Self::read_multi_byte_string_virtual_wide`].
    pub fn read_unicode_string_virtual(
        &mut self,
        offset: u64,
        max_bytes: u32,
        code_page: u32,
        buffer: Option<&mut [u8]>,
    ) -> Result<StringRead, Error> {
        let code_page = CodePage::numbered(code_page)?;
        let found = self.terminated(offset, max_bytes, 2)?;
        let units = units(&found);
        let pieces = char::decode_utf16(units[..units.len() - 1].iter().copied()).map(|character| {
            let mut bytes = Vec::new();
            code_page.encode(character.unwrap_or(char::REPLACEMENT_CHARACTER), &mut bytes);
            bytes
        });
        Ok(deliver(found.len(), pieces, buffer))
    }

    /// ReadUnicodeStringVirtualWide: a string of UTF-16 as it is, well-formed or not. It may
    /// begin at an odd address.
    ///
    /// # Errors
    /// As [`Self::read_multi_byte_string_virtual`].
    pub fn read_unicode_string_virtual_wide(
        &mut self,
        offset: u64,
        max_bytes: u32,
        buffer: Option<&mut [u16]>,
    ) -> Result<StringRead, Error> {
        let found = self.terminated(offset, max_bytes, 2)?;
        let units = units(&found);
        let pieces = units[..units.len() - 1].chunks(1);
        Ok(deliver(found.len(), pieces.map(<[u16]>::to_vec), buffer))
    }

    /// The bytes of a string with its terminator of `unit` zero bytes.
    fn terminated(&mut self, offset: u64, max_bytes: u32, unit: usize) -> Result<Vec<u8>, Error> {
        let none = Error::InvalidArgument("the string has no terminator");
        let most = max_bytes as usize;
        let mut found = Vec::new();
        let mut looked = 0;
        while found.len() < most {
            let Some(at) = offset.checked_add(found.len() as u64) else { return Err(none) };
            let room = (PAGE - at % PAGE).min((most - found.len()) as u64) as usize;
            let had = found.len();
            found.resize(had + room, 0);
            match self.read(self.virtual_space(), at, &mut found[had..], Semantics::Backdoor) {
                Ok(done) => found.truncate(had + done.count),
                Err(error @ Error::NothingRead(_)) if had == 0 => return Err(error),
                Err(Error::NothingRead(_)) => return Err(none),
                Err(error) => return Err(error),
            }
            while looked + unit <= found.len() {
                looked += unit;
                if found[looked - unit..looked].iter().all(|byte| *byte == 0) {
                    found.truncate(looked);
                    return Ok(found);
                }
            }
        }
        Err(none)
    }
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect()
}

/// Puts whole characters into the buffer, and a terminator behind them.
fn deliver<T: Copy + Default>(
    string_bytes: usize,
    mut characters: impl Iterator<Item = Vec<T>>,
    buffer: Option<&mut [T]>,
) -> StringRead {
    let Some(buffer) = buffer else { return StringRead { string_bytes, copied: 0, truncated: false } };
    let Some(room) = buffer.len().checked_sub(1) else {
        return StringRead { string_bytes, copied: 0, truncated: true };
    };
    let mut copied = 0;
    let truncated = characters.any(|character| {
        let end = copied + character.len();
        if end > room {
            return true;
        }
        buffer[copied..end].copy_from_slice(&character);
        copied = end;
        false
    });
    buffer[copied] = T::default();
    StringRead { string_bytes, copied: copied + 1, truncated }
}
