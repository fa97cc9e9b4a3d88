//! The PVH entry (Xen, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h): 32-bit
//! protected mode, paging off, EBX = physical address of `hvm_start_info`.

use ringhold_emulator::state::gpr;

use super::elf::Elf;
use super::{BootError, Entry, Handover, Image, Loader, bad, e820};

/// XEN_ELFNOTE_PHYS32_ENTRY
pub const NOTE: u32 = 18;
/// What `hvm_start_info` begins with.
pub const MAGIC: u32 = 0x336e_c578;
/// Since version 1 there is a memory map.
const VERSION: u32 = 1;

/// The entry that an image's PVH note names, if it has one.
///
/// # Errors
/// When the ELF file is damaged or made for another machine.
pub fn entry_note(image: &Image) -> Result<Option<u32>, BootError> {
    Ok(Elf::parse(image)?.pvh)
}

/// Places a PVH image.
///
/// # Errors
/// When the image is damaged or something does not fit.
pub fn load(loader: &mut Loader<'_>, image: &Image, handover: &Handover<'_>) -> Result<Entry, BootError> {
    let elf = Elf::parse(image)?;
    let entry = elf.pvh.ok_or_else(|| bad(image, "it has no PVH entry note (Xen, type 18)"))?;
    elf.place(loader, image)?;
    let info = start_info(loader, handover)?;
    Entry::protected32(loader, entry.into(), vec![(gpr::RBX, info)])
}

/// Places `hvm_start_info` and all it points to; gives its address.
///
/// # Errors
/// When something does not fit.
pub fn start_info(loader: &mut Loader<'_>, handover: &Handover<'_>) -> Result<u64, BootError> {
    let mut modules = Vec::new();
    let initrd = handover.initrd.map(|image| (image, String::new()));
    for (image, text) in initrd.iter().chain(&handover.modules) {
        let address = loader.place_module(&format!("module {}", image.name), &image.bytes)?;
        modules.push((address, image.bytes.len() as u64, text.as_str()));
    }
    let map = e820::map(loader.layout());

    // One block: the structure, the memory map, the module list, then the texts.
    let memory_map = 56;
    let module_list = memory_map + 24 * map.len();
    let texts = module_list + 32 * modules.len();
    let mut strings = text_bytes(handover.cmdline);
    let module_texts: Vec<usize> = modules
        .iter()
        .map(|module| {
            let at = texts + strings.len();
            strings.extend(text_bytes(module.2));
            at
        })
        .collect();
    let base = loader.place_low("the PVH start information", &vec![0; texts + strings.len()])?;
    let pointer = |at: usize| base + at as u64;

    let mut block = Vec::new();
    let module_pointer = if modules.is_empty() { 0 } else { pointer(module_list) };
    block.extend([MAGIC, VERSION, 0, modules.len() as u32].iter().flat_map(|word| word.to_le_bytes()));
    let pointers = [module_pointer, pointer(texts), handover.rsdp, pointer(memory_map)];
    block.extend(pointers.iter().flat_map(|word| word.to_le_bytes()));
    block.extend([map.len() as u32, 0].iter().flat_map(|word| word.to_le_bytes()));
    for span in &map {
        block.extend(span.start.to_le_bytes());
        block.extend(span.size.to_le_bytes());
        block.extend(u64::from(span.kind).to_le_bytes());
    }
    for ((address, size, _), text) in modules.iter().zip(module_texts) {
        block.extend([*address, *size, pointer(text), 0].iter().flat_map(|word| word.to_le_bytes()));
    }
    block.extend(strings);
    loader.write(base, &block);
    Ok(base)
}

fn text_bytes(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}
