//! Bytes without a format: placed and entered as the config says.

use ringhold_emulator::state::gpr;

use super::{BootError, Entry, Image, Loader, Mode, bad};
use crate::config::{FlatConfig, FlatMode};

/// Where a boot sector's stack begins, by custom.
const STACK: u64 = 0x7c00;
/// The first hard disk, for boot sectors that ask.
const FIRST_DISK: u64 = 0x80;
const MEGABYTE: u64 = 1 << 20;

/// Places a flat image.
///
/// # Errors
/// When it does not fit, or its entry lies outside it.
pub fn load(loader: &mut Loader<'_>, image: &Image, config: &FlatConfig) -> Result<Entry, BootError> {
    if image.bytes.is_empty() {
        return Err(bad(image, "the file is empty"));
    }
    let &FlatConfig { load, entry, mode } = config;
    loader.place(&format!("the flat image {}", image.name), load, &image.bytes)?;
    if entry.checked_sub(load).is_none_or(|at| at >= image.bytes.len() as u64) {
        let last = load + (image.bytes.len() as u64 - 1);
        return Err(bad(image, format!("the entry {entry:#x} lies outside the image ({load:#x}-{last:#x})")));
    }
    match mode {
        FlatMode::Real16 if entry >= MEGABYTE => {
            Err(bad(image, format!("real mode does not reach the entry {entry:#x}; it ends at 1 MiB")))
        }
        FlatMode::Real16 => {
            let registers = vec![(gpr::RSP, STACK), (gpr::RDX, FIRST_DISK)];
            Ok(Entry { mode: Mode::Real16, address: entry, registers })
        }
        FlatMode::Protected32 => {
            let stack = loader.place_low("the stack", &[0; 4096])? + 4096;
            Entry::protected32(loader, entry, vec![(gpr::RSP, stack)])
        }
        FlatMode::Long64 => {
            let stack = loader.place_low("the stack", &[0; 4096])? + 4096;
            Entry::long64(loader, entry, vec![(gpr::RSP, stack)])
        }
    }
}
