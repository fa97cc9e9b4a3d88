//! ELF images: placing their segments, and the entry of those that follow no boot protocol.
//!
//! A plain ELF64 image is entered in long mode with the first 4 GiB mapped to themselves in
//! 2 MiB pages, a plain ELF32 image in flat 32-bit protected mode. In both, interrupts are
//! off, RSP is the top of a 4 KiB stack, and RDI and RBX hold the physical address of the same
//! `hvm_start_info` that PVH kernels get. Segments go to their physical addresses.

use object::Endianness;
use object::elf::{EM_386, EM_X86_64, ET_DYN, ET_EXEC, FileHeader32, FileHeader64, PT_INTERP, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use ringhold_emulator::state::gpr;

use super::{BootError, Entry, Handover, Image, Loader, bad, pvh};

/// One segment to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Physical address.
    pub physical: u64,
    /// Address that its code believes in.
    pub linear: u64,
    /// Bytes in the file: where.
    pub offset: usize,
    /// Bytes in the file: how many.
    pub file_size: usize,
    /// Bytes in memory.
    pub memory_size: u64,
}

/// What an ELF file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Whether it is of class 64.
    pub wide: bool,
    /// The entry, as the header has it.
    pub entry: u64,
    /// What is to be placed.
    pub segments: Vec<Segment>,
    /// The physical entry of its PVH note, if it has one.
    pub pvh: Option<u32>,
}

/// Whether the bytes begin as an ELF file.
pub fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

impl Elf {
    /// Reads the headers of an image.
    ///
    /// # Errors
    /// When it is damaged or made for another machine.
    pub fn parse(image: &Image) -> Result<Self, BootError> {
        let bytes = &image.bytes[..];
        if !is(bytes) {
            return Err(bad(image, "it is no ELF file"));
        }
        if bytes.get(5) == Some(&2) {
            return Err(bad(image, "it is a big-endian ELF file; x86 is little-endian"));
        }
        match bytes.get(4) {
            Some(1) => parse::<FileHeader32<Endianness>>(image, false),
            Some(2) => parse::<FileHeader64<Endianness>>(image, true),
            Some(class) => Err(bad(image, format!("its ELF class {class} is neither 32 nor 64 bits"))),
            None => Err(bad(image, "the file is truncated within the ELF header")),
        }
    }

    /// The physical address of the entry: kernels linked high have a linear one in the header.
    pub fn physical_entry(&self) -> u64 {
        let inside = |base: u64, size: u64| self.entry.checked_sub(base).is_some_and(|at| at < size);
        if self.segments.iter().any(|s| inside(s.physical, s.memory_size)) {
            return self.entry;
        }
        let home = self.segments.iter().find(|s| inside(s.linear, s.memory_size));
        home.map_or(self.entry, |s| s.physical.wrapping_add(self.entry - s.linear))
    }

    /// Places every segment.
    ///
    /// # Errors
    /// When one does not fit.
    pub fn place(&self, loader: &mut Loader<'_>, image: &Image) -> Result<(), BootError> {
        for (i, segment) in self.segments.iter().enumerate() {
            let what = format!("segment {i} of {}", image.name);
            loader.reserve(&what, segment.physical, segment.memory_size)?;
            // The header was checked against the file when it was read.
            loader.write(segment.physical, &image.bytes[segment.offset..segment.offset + segment.file_size]);
        }
        Ok(())
    }
}

fn parse<H: FileHeader<Endian = Endianness>>(image: &Image, wide: bool) -> Result<Elf, BootError> {
    let bytes = &image.bytes[..];
    let damaged = |error: object::Error| bad(image, format!("the ELF file is damaged: {error}"));
    let header = H::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let machine = header.e_machine(endian);
    if machine != EM_X86_64 && machine != EM_386 {
        return Err(bad(image, format!("it is an ELF file for {}, not for x86", machine_name(machine))));
    }
    let kind = header.e_type(endian);
    if kind != ET_EXEC && kind != ET_DYN {
        return Err(bad(image, "it is no executable ELF file (an object or core file)"));
    }
    let mut elf = Elf { wide, entry: header.e_entry(endian).into(), segments: Vec::new(), pvh: None };
    for (i, program) in header.program_headers(endian, bytes).map_err(damaged)?.iter().enumerate() {
        if program.p_type(endian) == PT_INTERP {
            return Err(bad(image, "it is a program for an operating system: it asks for an interpreter"));
        }
        if program.p_type(endian) == PT_LOAD {
            elf.segments.extend(segment(image, i, program, endian)?);
        }
        if let Some(mut notes) = program.notes(endian, bytes).map_err(damaged)? {
            while let Some(note) = notes.next().map_err(damaged)? {
                if note.name() == b"Xen" && note.n_type(endian).0 == pvh::NOTE {
                    elf.pvh = super::u32_at(note.desc(), 0).or(elf.pvh);
                }
            }
        }
    }
    if elf.segments.is_empty() {
        return Err(bad(image, "the ELF file has nothing to load"));
    }
    Ok(elf)
}

fn segment<P: ProgramHeader<Endian = Endianness>>(
    image: &Image,
    number: usize,
    program: &P,
    endian: Endianness,
) -> Result<Option<Segment>, BootError> {
    let (offset, file_size): (u64, u64) = (program.p_offset(endian).into(), program.p_filesz(endian).into());
    let memory_size: u64 = program.p_memsz(endian).into();
    let has = image.bytes.len() as u64;
    if memory_size == 0 {
        return Ok(None);
    }
    if file_size > memory_size {
        let text = format!("segment {number} has {file_size} bytes in the file but {memory_size} in memory");
        return Err(bad(image, text));
    }
    if offset.checked_add(file_size).is_none_or(|end| end > has) {
        let text = format!(
            "the file is truncated: segment {number} takes {file_size} bytes from {offset:#x} on, the file has {has}"
        );
        return Err(bad(image, text));
    }
    Ok(Some(Segment {
        physical: program.p_paddr(endian).into(),
        linear: program.p_vaddr(endian).into(),
        // Both lie within the file here.
        offset: offset as usize,
        file_size: file_size as usize,
        memory_size,
    }))
}

fn machine_name(machine: object::elf::Machine) -> String {
    match machine {
        object::elf::EM_AARCH64 => "arm64".into(),
        object::elf::EM_ARM => "arm".into(),
        object::elf::EM_RISCV => "riscv".into(),
        object::elf::EM_PPC64 => "ppc64".into(),
        object::elf::EM_S390 => "s390".into(),
        object::elf::EM_MIPS => "mips".into(),
        other => format!("machine {}", other.0),
    }
}

/// Places a plain ELF image.
///
/// # Errors
/// When the image is damaged or something does not fit.
pub fn load(loader: &mut Loader<'_>, image: &Image, handover: &Handover<'_>) -> Result<Entry, BootError> {
    let elf = Elf::parse(image)?;
    elf.place(loader, image)?;
    let info = pvh::start_info(loader, handover)?;
    let stack = loader.place_low("the stack", &[0; 4096])? + 4096;
    let registers = vec![(gpr::RSP, stack), (gpr::RDI, info), (gpr::RBX, info)];
    if elf.wide {
        Entry::long64(loader, elf.physical_entry(), registers)
    } else {
        Entry::protected32(loader, elf.physical_entry(), registers)
    }
}
