//! Multiboot 1 (Multiboot Specification version 0.6.96): 32-bit protected mode, paging off,
//! EAX = magic, EBX = physical address of the information structure.

use ringhold_emulator::state::gpr;

use super::elf::Elf;
use super::{BootError, Entry, Handover, Image, Layout, Loader, bad, e820, elf, u32_at};

const HEADER_MAGIC: u32 = 0x1bad_b002;
const LOADER_MAGIC: u64 = 0x2bad_b002;
/// The header lies within the first 8 KiB, aligned to 4 bytes.
const SEARCH: usize = 8192;

/// Header flags.
mod flag {
    /// Modules on page boundaries: done always.
    pub const ALIGN: u32 = 1 << 0;
    /// Memory information: given always.
    pub const MEMORY: u32 = 1 << 1;
    /// A video mode is wished: there is none, and the information says so.
    pub const VIDEO: u32 = 1 << 2;
    /// Bits that a loader must understand.
    pub const MUST: u32 = 0xffff;
    /// The address fields are valid.
    pub const ADDRESSES: u32 = 1 << 16;
}

/// What the information structure holds: memory, command line, modules, memory map, loader name.
const INFO_FLAGS: u32 = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9;
const INFO_BYTES: usize = 116;

/// A header: where it is in the file, and its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Offset in the file.
    pub offset: usize,
    /// Its flags.
    pub flags: u32,
}

/// The first valid header of a file.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let end = bytes.len().min(SEARCH);
    (0..end.saturating_sub(11)).step_by(4).find_map(|offset| {
        let word = |i: usize| u32_at(bytes, offset + 4 * i);
        let (magic, flags, sum) = (word(0)?, word(1)?, word(2)?);
        let valid = magic == HEADER_MAGIC && magic.wrapping_add(flags).wrapping_add(sum) == 0;
        valid.then_some(Header { offset, flags })
    })
}

/// Places a Multiboot image, its modules and the information structure.
///
/// # Errors
/// When the image is damaged or something does not fit.
pub fn load(loader: &mut Loader<'_>, image: &Image, handover: &Handover<'_>) -> Result<Entry, BootError> {
    let header = header(&image.bytes)
        .ok_or_else(|| bad(image, "it has no valid Multiboot header in its first 8 KiB"))?;
    let unknown = header.flags & flag::MUST & !(flag::ALIGN | flag::MEMORY | flag::VIDEO);
    if unknown != 0 {
        return Err(bad(image, format!("its Multiboot header asks for unknown features ({unknown:#x})")));
    }
    let entry = if header.flags & flag::ADDRESSES != 0 {
        place_by_addresses(loader, image, header)?
    } else if elf::is(&image.bytes) {
        let elf = Elf::parse(image)?;
        elf.place(loader, image)?;
        elf.physical_entry()
    } else {
        return Err(bad(image, "its Multiboot header has no addresses and it is no ELF file"));
    };
    let info = place_info(loader, handover)?;
    Entry::protected32(loader, entry, vec![(gpr::RAX, LOADER_MAGIC), (gpr::RBX, info)])
}

/// The "a.out kludge": the header itself says what goes where.
fn place_by_addresses(loader: &mut Loader<'_>, image: &Image, header: Header) -> Result<u64, BootError> {
    let field = |i: usize| {
        let cut = || bad(image, "the file is truncated within the Multiboot header");
        u32_at(&image.bytes, header.offset + 4 * i).map(u64::from).ok_or_else(cut)
    };
    let (header_at, load, load_end) = (field(3)?, field(4)?, field(5)?);
    let (bss_end, entry) = (field(6)?, field(7)?);
    let before = header_at.checked_sub(load).and_then(|before| (header.offset as u64).checked_sub(before));
    let Some(start) = before else {
        let text =
            format!("its Multiboot addresses are impossible: header at {header_at:#x}, load at {load:#x}");
        return Err(bad(image, text));
    };
    // The start lies before the header, hence within the file.
    let available = &image.bytes[start as usize..];
    let length = if load_end == 0 { Some(available.len() as u64) } else { load_end.checked_sub(load) };
    let Some(length) = length else {
        return Err(bad(
            image,
            format!("its Multiboot addresses end ({load_end:#x}) before they begin ({load:#x})"),
        ));
    };
    let Some(content) = usize::try_from(length).ok().and_then(|length| available.get(..length)) else {
        let has = available.len();
        let text =
            format!("the file is truncated: its Multiboot header announces {length} bytes, it has {has}");
        return Err(bad(image, text));
    };
    let whole = if bss_end == 0 { length } else { bss_end.saturating_sub(load).max(length) };
    if entry < load || entry >= load + whole {
        return Err(bad(image, format!("its Multiboot entry {entry:#x} lies outside the image")));
    }
    loader.reserve("the kernel", load, whole)?;
    loader.write(load, content);
    Ok(entry)
}

fn place_info(loader: &mut Loader<'_>, handover: &Handover<'_>) -> Result<u64, BootError> {
    let mut modules = Vec::new();
    let initrd = handover.initrd.map(|image| (image, image.name.clone()));
    for (image, text) in initrd.iter().chain(&handover.modules) {
        let start = loader.place_module(&format!("module {}", image.name), &image.bytes)?;
        modules.push((start, start + image.bytes.len() as u64, text.as_str()));
    }
    let map = e820::map(loader.layout());
    let low_end = loader.layout().low_end();

    // One block: the structure, the memory map, the module list, then the texts.
    let map_at = INFO_BYTES + 4;
    let modules_at = map_at + 24 * map.len();
    let texts_at = modules_at + 16 * modules.len();
    let mut texts = Vec::new();
    let mut text = |value: &str| {
        let at = texts_at + texts.len();
        texts.extend(value.bytes().chain([0]));
        at
    };
    let cmdline = text(handover.cmdline);
    let name = text("Ringhold");
    let module_texts: Vec<usize> = modules.iter().map(|module| text(module.2)).collect();
    let base = loader.place_low("the Multiboot information", &vec![0; texts_at + texts.len()])?;
    // Conventional memory: every address fits in 32 bits.
    let pointer = |at: usize| (base + at as u64) as u32;

    let mut block = vec![0; texts_at];
    let mut put = |at: usize, words: &[u32]| {
        for (i, word) in words.iter().enumerate() {
            block[at + 4 * i..at + 4 * i + 4].copy_from_slice(&word.to_le_bytes());
        }
    };
    put(0, &[INFO_FLAGS, (Layout::EBDA / 1024) as u32, ((low_end - (1 << 20)) / 1024) as u32]);
    put(16, &[pointer(cmdline), modules.len() as u32, pointer(modules_at)]);
    put(44, &[24 * map.len() as u32, pointer(map_at)]);
    put(64, &[pointer(name)]);
    for (i, span) in map.iter().enumerate() {
        let (start, size) = (span.start, span.size);
        let words = [20, start as u32, (start >> 32) as u32, size as u32, (size >> 32) as u32, span.kind];
        put(map_at + 24 * i, &words);
    }
    for (i, ((start, end, _), text)) in modules.iter().zip(module_texts).enumerate() {
        put(modules_at + 16 * i, &[*start as u32, *end as u32, pointer(text), 0]);
    }
    block.extend(texts);
    loader.write(base, &block);
    Ok(base)
}
