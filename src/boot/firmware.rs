//! A ROM image, started from the reset vector.
//!
//! The image is mapped to end at 4 GiB. Its last 128 KiB are copied to 0xe0000-0xfffff, which is
//! RAM then, as is 0xc0000-0xdffff: chipsets let firmware shadow itself, and this board does so
//! without being asked.

use super::{BootError, Image, bad};

/// What a ROM window below the chipset's registers can hold.
const LARGEST: u64 = 16 << 20;
const PAGE: u64 = 4096;

/// Checks that an image can be a ROM; gives its size.
///
/// # Errors
/// When its size is wrong.
pub fn size(image: &Image) -> Result<u64, BootError> {
    let size = image.bytes.len() as u64;
    if size == 0 || size > LARGEST || !size.is_multiple_of(PAGE) {
        let text =
            format!("a ROM has between 4 KiB and 16 MiB in steps of 4 KiB; this file has {size} bytes");
        return Err(bad(image, text));
    }
    Ok(size)
}

/// The part that also appears below 1 MiB, and where.
pub fn shadow(image: &Image) -> (u64, &[u8]) {
    let from = image.bytes.len().saturating_sub(128 << 10);
    let tail = &image.bytes[from..];
    ((1 << 20) - tail.len() as u64, tail)
}
