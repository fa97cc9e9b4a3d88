//! Linux kernels as bzImage, by the 32-bit boot protocol (Linux, Documentation/arch/x86/boot.rst).
//!
//! The kernel unpacks itself, as it does on hardware. It is entered at `code32_start`, the entry
//! that every boot loader without EFI has used since version 2.00 of the protocol.

use ringhold_emulator::state::gpr;

use super::{BootError, Entry, Handover, Image, Loader, bad, e820, u16_at, u32_at, u64_at};

/// Offsets in the setup header and in the zero page.
mod at {
    pub const E820_ENTRIES: usize = 0x1e8;
    pub const SETUP_SECTS: usize = 0x1f1;
    pub const SYSSIZE: usize = 0x1f4;
    pub const BOOT_FLAG: usize = 0x1fe;
    pub const JUMP: usize = 0x201;
    pub const HEADER: usize = 0x202;
    pub const VERSION: usize = 0x206;
    pub const TYPE_OF_LOADER: usize = 0x210;
    pub const LOADFLAGS: usize = 0x211;
    pub const CODE32_START: usize = 0x214;
    pub const RAMDISK_IMAGE: usize = 0x218;
    pub const RAMDISK_SIZE: usize = 0x21c;
    pub const HEAP_END_PTR: usize = 0x224;
    pub const CMD_LINE_PTR: usize = 0x228;
    pub const INITRD_ADDR_MAX: usize = 0x22c;
    pub const RELOCATABLE: usize = 0x234;
    pub const CMDLINE_SIZE: usize = 0x238;
    pub const PREF_ADDRESS: usize = 0x258;
    pub const INIT_SIZE: usize = 0x260;
    pub const E820_TABLE: usize = 0x2d0;
    /// Beyond the last byte that a setup header may have in the zero page.
    pub const HEADER_LIMIT: usize = 0x290;
    pub const EXT_MEM_K: usize = 0x002;
    pub const ACPI_RSDP: usize = 0x070;
    pub const ALT_MEM_K: usize = 0x1e0;
}

const SECTOR: usize = 512;
const LOADED_HIGH: u8 = 1;
const CAN_USE_HEAP: u8 = 0x80;
const UNKNOWN_LOADER: u8 = 0xff;
/// Where the protected-mode part of a bzImage goes.
const LOAD_ADDRESS: u64 = 0x10_0000;
/// Below 2 GiB, whatever the kernel says.
const INITRD_LIMIT: u64 = 0x8000_0000;

/// Whether the bytes have a Linux setup header.
pub fn is(bytes: &[u8]) -> bool {
    u16_at(bytes, at::BOOT_FLAG) == Some(0xaa55) && bytes.get(at::HEADER..at::HEADER + 4) == Some(b"HdrS")
}

/// What the setup header says.
struct Setup<'a> {
    version: u16,
    protected: &'a [u8],
    load: u64,
    /// Where the unpacked kernel works, and how many bytes it needs there.
    work: Option<(u64, u64)>,
    initrd_limit: u64,
    cmdline_limit: usize,
}

impl<'a> Setup<'a> {
    fn parse(image: &'a Image) -> Result<Self, BootError> {
        let bytes = &image.bytes[..];
        if !is(bytes) {
            return Err(bad(
                image,
                "it is no Linux kernel: the setup header with its HdrS signature is missing",
            ));
        }
        let cut = || bad(image, "the file is truncated within the setup header");
        let version = u16_at(bytes, at::VERSION).ok_or_else(cut)?;
        if version < 0x204 {
            let (major, minor) = (version >> 8, version & 0xff);
            return Err(bad(image, format!("boot protocol {major}.{minor:02} is older than 2.04")));
        }
        let flags = *bytes.get(at::LOADFLAGS).ok_or_else(cut)?;
        if flags & LOADED_HIGH == 0 {
            return Err(bad(image, "it is a zImage, which loads low; a bzImage is needed"));
        }
        let sectors = match bytes[at::SETUP_SECTS] {
            0 => 4,
            sectors => usize::from(sectors),
        };
        let start = (sectors + 1) * SECTOR;
        let length = u64::from(u32_at(bytes, at::SYSSIZE).ok_or_else(cut)?) * 16;
        let has = bytes.len().saturating_sub(start) as u64;
        if length == 0 {
            return Err(bad(image, "its protected-mode part is empty"));
        }
        if has < length {
            let text =
                format!("the file is truncated: of {length} bytes of the protected-mode part it has {has}");
            return Err(bad(image, text));
        }
        // The length is at most that of the file here.
        let protected = &bytes[start..start + length as usize];
        let field = |from: u16, value: Option<u64>| value.filter(|_| version >= from);
        let long = |offset| u32_at(bytes, offset).map(u64::from);
        let relocatable = version >= 0x205 && bytes.get(at::RELOCATABLE).is_some_and(|byte| *byte != 0);
        let preferred = field(0x20a, u64_at(bytes, at::PREF_ADDRESS));
        let init_size = field(0x20a, long(at::INIT_SIZE));
        let load = preferred.filter(|_| !relocatable).unwrap_or(LOAD_ADDRESS);
        let limit = field(0x203, long(at::INITRD_ADDR_MAX)).unwrap_or(0x37ff_ffff);
        Ok(Self {
            version,
            protected,
            load,
            work: preferred.zip(init_size).map(|(start, size)| (start.max(load), size)),
            initrd_limit: (limit + 1).min(INITRD_LIMIT),
            cmdline_limit: field(0x206, long(at::CMDLINE_SIZE)).unwrap_or(255) as usize,
        })
    }

    /// Keeps the place of the image and the place where it unpacks itself, which may touch.
    fn reserve(&self, loader: &mut Loader<'_>) -> Result<(), BootError> {
        let end = self.load.saturating_add(self.protected.len() as u64);
        let Some((start, size)) = self.work else {
            return loader.reserve("the kernel", self.load, end - self.load);
        };
        let work_end = start.saturating_add(size);
        if start <= end {
            let whole = work_end.max(end) - self.load;
            return loader.reserve("the kernel and the room in which it unpacks itself", self.load, whole);
        }
        loader.reserve("the kernel", self.load, end - self.load)?;
        loader.reserve("the room in which the kernel unpacks itself", start, work_end - start)
    }
}

/// Places a bzImage, its RAM disk and command line and the zero page.
///
/// # Errors
/// When the image is damaged or something does not fit.
pub fn load(loader: &mut Loader<'_>, image: &Image, handover: &Handover<'_>) -> Result<Entry, BootError> {
    let setup = Setup::parse(image)?;
    if let Some((module, _)) = handover.modules.first() {
        return Err(bad(module, "the Linux boot protocol has no modules besides the initial RAM disk"));
    }
    if handover.cmdline.len() > setup.cmdline_limit {
        return Err(BootError::CommandLine {
            image: image.name.clone(),
            found: handover.cmdline.len(),
            allowed: setup.cmdline_limit,
        });
    }
    setup.reserve(loader)?;
    loader.write(setup.load, setup.protected);
    let mut page = zero_page(loader, image, &setup, handover);
    if let Some(initrd) = handover.initrd {
        let limit = setup.initrd_limit.min(loader.layout().low_end());
        let address = loader.place_high("the initial RAM disk", &initrd.bytes, 4096, 1 << 20, limit)?;
        put(&mut page, at::RAMDISK_IMAGE, &(address as u32).to_le_bytes());
        put(&mut page, at::RAMDISK_SIZE, &(initrd.bytes.len() as u32).to_le_bytes());
    }
    let mut text = handover.cmdline.as_bytes().to_vec();
    text.push(0);
    let cmdline = loader.place_low("the command line", &text)?;
    put(&mut page, at::CMD_LINE_PTR, &(cmdline as u32).to_le_bytes());
    let zero_page = loader.place_low("the zero page", &page)?;
    Entry::protected32(loader, setup.load, vec![(gpr::RSI, zero_page)])
}

/// The zero page: the setup header as the file has it, and what the loader answers.
fn zero_page(loader: &Loader<'_>, image: &Image, setup: &Setup<'_>, handover: &Handover<'_>) -> Vec<u8> {
    let mut page = vec![0; 4096];
    let jump = usize::from(image.bytes[at::JUMP]);
    let end = (at::HEADER + jump).min(at::HEADER_LIMIT).min(image.bytes.len());
    put(&mut page, at::SETUP_SECTS, &image.bytes[at::SETUP_SECTS..end.max(at::SETUP_SECTS)]);
    put(&mut page, at::TYPE_OF_LOADER, &[UNKNOWN_LOADER]);
    page[at::LOADFLAGS] |= CAN_USE_HEAP;
    put(&mut page, at::HEAP_END_PTR, &0xfe00u16.to_le_bytes());
    put(&mut page, at::CODE32_START, &(setup.load as u32).to_le_bytes());
    let above = (loader.layout().low_end() - (1 << 20)) / 1024;
    put(&mut page, at::EXT_MEM_K, &(above.min(0xfc00) as u16).to_le_bytes());
    put(&mut page, at::ALT_MEM_K, &(above as u32).to_le_bytes());
    if setup.version >= 0x20e {
        put(&mut page, at::ACPI_RSDP, &handover.rsdp.to_le_bytes());
    }
    let spans = e820::map(loader.layout());
    page[at::E820_ENTRIES] = spans.len() as u8;
    for (i, span) in spans.iter().enumerate() {
        let entry = at::E820_TABLE + 20 * i;
        put(&mut page, entry, &span.start.to_le_bytes());
        put(&mut page, entry + 8, &span.size.to_le_bytes());
        put(&mut page, entry + 16, &span.kind.to_le_bytes());
    }
    page
}

fn put(page: &mut [u8], offset: usize, bytes: &[u8]) {
    page[offset..offset + bytes.len()].copy_from_slice(bytes);
}
