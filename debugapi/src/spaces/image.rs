//! ReadImageNtHeaders (slot 29): the headers of a PE image in the target's memory.

use ringhold_emulator::inject::Semantics;

use super::DataSpaces;
use crate::Error;

/// Bytes of `IMAGE_NT_HEADERS64`.
pub const NT_HEADERS_BYTES: usize = 264;

/// The signature and the file header.
const FILE_HEADER: usize = 24;

/// `IMAGE_NT_HEADERS64`; that of a 32-bit image is widened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NtHeaders {
    /// The structure, as clients of the C kind see it.
    pub bytes: [u8; NT_HEADERS_BYTES],
}

impl NtHeaders {
    /// 0x10b for a 32-bit image, 0x20b for a 64-bit one; widening does not change it.
    pub fn magic(&self) -> u16 {
        u16::from_le_bytes([self.bytes[FILE_HEADER], self.bytes[FILE_HEADER + 1]])
    }
}

impl DataSpaces<'_> {
    /// ReadImageNtHeaders. The fields of a 32-bit image are widened, BaseOfData is left out.
    /// Device windows count as inaccessible. Data directories that the optional header has no
    /// room for are zero.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if no image lies there, or one of another kind (ROM images).
    pub fn read_image_nt_headers(&mut self, image_base: u64) -> Result<NtHeaders, Error> {
        self.headers(image_base).ok_or(Error::InvalidArgument("there is no image"))
    }

    fn headers(&mut self, base: u64) -> Option<NtHeaders> {
        let dos: [u8; 64] = self.all(base, 64)?.try_into().ok()?;
        if !dos.starts_with(b"MZ") {
            return None;
        }
        let at = base.checked_add(u32::from_le_bytes([dos[60], dos[61], dos[62], dos[63]]).into())?;
        let file = self.all(at, FILE_HEADER)?;
        if !file.starts_with(b"PE\0\0") {
            return None;
        }
        let len = usize::from(u16::from_le_bytes([file[20], file[21]]));
        let mut bytes = [0; NT_HEADERS_BYTES];
        bytes[..FILE_HEADER].copy_from_slice(&file);
        let optional = self.all(at.checked_add(FILE_HEADER as u64)?, len.min(240))?;
        let out = &mut bytes[FILE_HEADER..];
        match (optional.get(..2)?, optional.len()) {
            ([0x0b, 0x02], 112..) => out[..optional.len()].copy_from_slice(&optional),
            ([0x0b, 0x01], 96..) => {
                let optional = &optional[..optional.len().min(224)];
                out[..24].copy_from_slice(&optional[..24]);
                out[24..28].copy_from_slice(&optional[28..32]);
                out[32..72].copy_from_slice(&optional[32..72]);
                for field in 0..4 {
                    out[72 + 8 * field..][..4].copy_from_slice(&optional[72 + 4 * field..][..4]);
                }
                // LoaderFlags, NumberOfRvaAndSizes and the data directories.
                out[104..optional.len() + 16].copy_from_slice(&optional[88..]);
            }
            _ => return None,
        }
        Some(NtHeaders { bytes })
    }

    /// All of some bytes, without a side effect.
    fn all(&mut self, address: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        let done = self.read(self.virtual_space(), address, &mut bytes, Semantics::Backdoor).ok()?;
        (done.count == len).then_some(bytes)
    }
}
