//! The files that a machine starts from.

use std::borrow::Cow;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::config::{BUILTIN_KERNEL, Config};

/// The content of a file, and what it is called.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Its file, for messages.
    pub name: String,
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
}

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file} ({what}): {source}")]
pub struct ImageError {
    /// The file.
    pub file: String,
    /// Which image it is.
    pub what: &'static str,
    /// What the host said.
    pub source: std::io::Error,
}

/// The files that a machine starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Images {
    /// The kernel.
    pub kernel: Option<Image>,
    /// The initial RAM disk.
    pub initrd: Option<Image>,
    /// Modules, in order.
    pub modules: Vec<Image>,
    /// The ROM.
    pub firmware: Option<Image>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

impl Image {
    /// An image from memory.
    pub fn new(name: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    /// XXH3-128 of the content, in hexadecimal.
    pub fn digest(&self) -> String {
        format!("{:032x}", xxh3_128(&self.bytes))
    }

    fn read(path: &Path, what: &'static str) -> Result<Self, ImageError> {
        let name = path.display().to_string();
        if path == Path::new(BUILTIN_KERNEL) {
            return Ok(Self { name, bytes: Cow::Borrowed(ringhold_guest::KERNEL) });
        }
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self { name, bytes: Cow::Owned(bytes) }),
            Err(source) => Err(ImageError { file: name, what, source }),
        }
    }
}

impl Images {
    /// Reads all files that a config names.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn read(config: &Config) -> Result<Self, ImageError> {
        let boot = &config.boot;
        let one = |path: &Option<_>, what| -> Result<Option<Image>, ImageError> {
            path.as_ref().map(|path: &std::path::PathBuf| Image::read(path, what)).transpose()
        };
        Ok(Self {
            kernel: one(&boot.kernel, "the kernel")?,
            initrd: one(&boot.initrd, "the initial RAM disk")?,
            modules: boot
                .modules
                .iter()
                .map(|module| Image::read(&module.file, "a module"))
                .collect::<Result<_, _>>()?,
            firmware: one(&boot.firmware, "the firmware")?,
        })
    }

    /// All images with the role of each.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Image)> {
        let kernel = self.kernel.iter().map(|image| ("kernel", image));
        let initrd = self.initrd.iter().map(|image| ("initrd", image));
        let modules = self.modules.iter().map(|image| ("module", image));
        let firmware = self.firmware.iter().map(|image| ("firmware", image));
        kernel.chain(initrd).chain(modules).chain(firmware)
    }
}
