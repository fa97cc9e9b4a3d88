//! The state in which the processor enters a guest.

use ringhold_emulator::Cpu;
use ringhold_emulator::state::{Segment, Table, cr0, cr4, efer, sreg};

use super::{BootError, Loader};

/// Descriptors that every direct boot finds in its GDT: selector 0x08 is 64-bit code, 0x10
/// 32-bit code, 0x18 data; the Linux boot protocol asks for the last two.
const GDT: [u64; 4] = [0, 0x00af_9b00_0000_ffff, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff];
const CODE64: u16 = 0x08;
const CODE32: u16 = 0x10;
const DATA: u16 = 0x18;

/// A page table entry: present, writable; and that it maps a large page.
const PRESENT_WRITABLE: u64 = 3;
const LARGE: u64 = 1 << 7;

/// In which mode a guest is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the reset left it.
    Reset,
    /// Real mode.
    Real16,
    /// Protected mode with flat 32-bit segments, paging off.
    Protected32 {
        /// Physical address of the GDT.
        gdt: u64,
    },
    /// Long mode with the first 4 GiB mapped to themselves in 2 MiB pages.
    Long64 {
        /// Physical address of the GDT.
        gdt: u64,
        /// Physical address of the PML4 table.
        pml4: u64,
    },
}

/// The state in which the processor enters a guest: interrupts off, other registers zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In which mode.
    pub mode: Mode,
    /// Physical address of the first instruction.
    pub address: u64,
    /// General registers by number, and what they hold.
    pub registers: Vec<(u8, u64)>,
}

impl Entry {
    /// An entry in 32-bit protected mode, with its GDT.
    ///
    /// # Errors
    /// When there is no place for the GDT.
    pub fn protected32(
        loader: &mut Loader<'_>,
        address: u64,
        registers: Vec<(u8, u64)>,
    ) -> Result<Self, BootError> {
        let gdt = place_gdt(loader)?;
        Ok(Self { mode: Mode::Protected32 { gdt }, address, registers })
    }

    /// An entry in long mode, with its GDT and page tables.
    ///
    /// # Errors
    /// When there is no place for them.
    pub fn long64(
        loader: &mut Loader<'_>,
        address: u64,
        registers: Vec<(u8, u64)>,
    ) -> Result<Self, BootError> {
        let gdt = place_gdt(loader)?;
        let pml4 = place_identity_map(loader)?;
        Ok(Self { mode: Mode::Long64 { gdt, pml4 }, address, registers })
    }

    /// Brings a processor that was reset into this state.
    pub fn apply(&self, cpu: &mut Cpu) {
        let code = match self.mode {
            Mode::Reset => return,
            Mode::Real16 => return self.apply_real(cpu),
            Mode::Protected32 { gdt } => {
                cpu.gdtr = Table { base: gdt, limit: GDT.len() as u16 * 8 - 1 };
                CODE32
            }
            Mode::Long64 { gdt, pml4 } => {
                cpu.gdtr = Table { base: gdt, limit: GDT.len() as u16 * 8 - 1 };
                cpu.control.cr3 = pml4;
                cpu.control.cr4 = cr4::PAE;
                cpu.control.efer = efer::LME | efer::LMA;
                CODE64
            }
        };
        let paging = if code == CODE64 { cr0::PG } else { 0 };
        cpu.control.cr0 = cr0::PE | cr0::ET | paging;
        cpu.seg = [Segment::from_descriptor(DATA, GDT[usize::from(DATA / 8)]); 6];
        cpu.seg[usize::from(sreg::CS)] = Segment::from_descriptor(code, GDT[usize::from(code / 8)]);
        // PVH asks for a 32-bit TSS with base 0 and limit 0x67.
        cpu.tr = Segment { selector: 0, base: 0, limit: 0x67, access: 0x8b };
        cpu.idtr = Table { base: 0, limit: 0 };
        self.enter(cpu, self.address);
    }

    fn apply_real(&self, cpu: &mut Cpu) {
        let segment = (self.address >> 4 & 0xf000) as u16;
        cpu.seg = [Segment::real(0, false); 6];
        cpu.seg[usize::from(sreg::CS)] = Segment::real(segment, true);
        cpu.idtr = Table { base: 0, limit: 0x3ff };
        self.enter(cpu, self.address & 0xffff);
    }

    fn enter(&self, cpu: &mut Cpu, rip: u64) {
        cpu.gpr = [0; 32];
        for &(register, value) in &self.registers {
            cpu.gpr[usize::from(register & 15)] = value;
        }
        cpu.rip = rip;
        cpu.refresh();
        cpu.tlb.flush_all();
    }
}

fn place_gdt(loader: &mut Loader<'_>) -> Result<u64, BootError> {
    let bytes: Vec<u8> = GDT.iter().flat_map(|descriptor| descriptor.to_le_bytes()).collect();
    loader.place_low("the descriptor table", &bytes)
}

/// PML4, PDPT and four page directories.
fn place_identity_map(loader: &mut Loader<'_>) -> Result<u64, BootError> {
    let base = loader.place_low("the page tables", &[0; 6 * 4096])?;
    let mut words = vec![0u64; 6 * 512];
    words[0] = (base + 0x1000) | PRESENT_WRITABLE;
    for directory in 0..4 {
        words[512 + directory] = (base + 0x2000 + 0x1000 * directory as u64) | PRESENT_WRITABLE;
    }
    for page in 0..4 * 512 {
        words[1024 + page] = (page as u64) << 21 | PRESENT_WRITABLE | LARGE;
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    loader.write(base, &bytes);
    Ok(base)
}
