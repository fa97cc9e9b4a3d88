//! Starting a guest: where images go, and in which state the processor enters them.
//!
//! A *direct* boot does what firmware and boot loader would have done: it places the image,
//! its modules and the structures that its protocol asks for, and enters it. A firmware boot
//! maps a ROM and lets the processor begin at the reset vector.
//!
//! Everything that comes from a file is checked: what is truncated, made for another machine,
//! overlaps or does not fit is refused with a message that names it.

pub mod bzimage;
pub mod e820;
pub mod elf;
mod entry;
pub mod firmware;
pub mod flat;
mod images;
mod layout;
mod loader;
pub mod multiboot;
pub mod pvh;
mod symbols;

pub use entry::{Entry, Mode};
pub use images::{Image, ImageError, Images};
pub use layout::Layout;
pub use loader::Loader;
pub use symbols::{SymbolError, module, modules};

use crate::config::{BootConfig, BootKind};

/// A guest cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootError {
    /// An image is not what it should be.
    #[error("{image}: {reason}")]
    Image {
        /// Its file.
        image: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something would not lie in RAM.
    #[error("{what} would lie at {start:#x}-{last:#x}, where there is no RAM (RAM is {ram})")]
    OutsideRam {
        /// What it is.
        what: String,
        /// Its first address.
        start: u64,
        /// Its last address.
        last: u64,
        /// Where RAM is.
        ram: String,
    },
    /// Two things would lie at one place.
    #[error("{what} at {start:#x}-{last:#x} would overlap {other}")]
    Overlap {
        /// What it is.
        what: String,
        /// Its first address.
        start: u64,
        /// Its last address.
        last: u64,
        /// What lies there already, and where.
        other: String,
    },
    /// There is no free place.
    #[error("there is no room for {what}: {bytes} bytes of free RAM below {limit:#x} are needed")]
    NoRoom {
        /// What it is.
        what: String,
        /// Its bytes.
        bytes: u64,
        /// Below which address it must lie.
        limit: u64,
    },
    /// Nothing was given.
    #[error(
        "there is nothing to start: give a kernel (--kernel, boot.kernel) or a firmware (--firmware, boot.firmware)"
    )]
    Nothing,
    /// The command line does not fit the image.
    #[error("{image}: the command line has {found} bytes; this image takes {allowed}")]
    CommandLine {
        /// The image's file.
        image: String,
        /// Bytes of the command line.
        found: usize,
        /// How many it takes.
        allowed: usize,
    },
}

/// What every protocol hands to a kernel.
pub struct Handover<'a> {
    /// The command line, without the terminating zero.
    pub cmdline: &'a str,
    /// The initial RAM disk.
    pub initrd: Option<&'a Image>,
    /// Modules with their command lines.
    pub modules: Vec<(&'a Image, String)>,
    /// Physical address of the ACPI RSDP, or 0.
    pub rsdp: u64,
}

/// Places the kernel of `images` and everything it asks for, and says how to enter it.
///
/// # Errors
/// When an image is not right or does not fit.
pub fn direct(
    loader: &mut Loader<'_>,
    config: &BootConfig,
    images: &Images,
    rsdp: u64,
) -> Result<Entry, BootError> {
    let kernel = images.kernel.as_ref().ok_or(BootError::Nothing)?;
    let names = config.modules.iter().map(|module| module.cmdline.as_str());
    let modules = images.modules.iter().zip(names.chain(std::iter::repeat(""))).map(|(image, cmdline)| {
        let cmdline = if cmdline.is_empty() { image.name.clone() } else { cmdline.into() };
        (image, cmdline)
    });
    let handover = Handover {
        cmdline: &config.cmdline,
        initrd: images.initrd.as_ref(),
        modules: modules.collect(),
        rsdp,
    };
    match detect(kernel, config.kind)? {
        BootKind::Linux => bzimage::load(loader, kernel, &handover),
        BootKind::Pvh => pvh::load(loader, kernel, &handover),
        BootKind::Multiboot => multiboot::load(loader, kernel, &handover),
        BootKind::Elf => elf::load(loader, kernel, &handover),
        BootKind::Flat | BootKind::Auto => flat::load(loader, kernel, &config.flat),
    }
}

/// What a kernel image is: what the config says, or what its content shows.
///
/// # Errors
/// When the content shows nothing that can be started.
pub fn detect(kernel: &Image, kind: BootKind) -> Result<BootKind, BootError> {
    if kind != BootKind::Auto {
        return Ok(kind);
    }
    if bzimage::is(&kernel.bytes) {
        return Ok(BootKind::Linux);
    }
    if elf::is(&kernel.bytes) {
        if pvh::entry_note(kernel)?.is_some() {
            return Ok(BootKind::Pvh);
        }
        let multiboot = multiboot::header(&kernel.bytes).is_some();
        return Ok(if multiboot { BootKind::Multiboot } else { BootKind::Elf });
    }
    if multiboot::header(&kernel.bytes).is_some() {
        return Ok(BootKind::Multiboot);
    }
    let guess = match kernel.bytes.get(..) {
        None | Some([]) => "the file is empty".into(),
        Some([0x1f, 0x8b, ..]) => "it is compressed with gzip; unpack it first".into(),
        Some([0xfd, b'7', b'z', b'X', ..]) => "it is compressed with xz; unpack it first".into(),
        Some([0x28, 0xb5, 0x2f, 0xfd, ..]) => "it is compressed with zstd; unpack it first".into(),
        Some(bytes) if bytes.get(0x38..0x3c) == Some(b"ARM\x64") => "it is a Linux image for arm64".into(),
        Some(bytes) if bytes.starts_with(b"MZ") => "it is a PE program, and no Linux bzImage".into(),
        Some(_) => String::from(
            "it has no Linux boot header, ELF header or Multiboot header; to start bytes without a format, \
             set boot.kind to flat",
        ),
    };
    Err(BootError::Image { image: kernel.name.clone(), reason: guess })
}

/// An error about one image.
pub(crate) fn bad(image: &Image, reason: impl Into<String>) -> BootError {
    BootError::Image { image: image.name.clone(), reason: reason.into() }
}

/// The little-endian word of two bytes at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let end = at.checked_add(2)?;
    Some(u16::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// The little-endian word of four bytes at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    Some(u32::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// The little-endian word of eight bytes at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    Some(u64::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
