//! What changes translations: CR3, INVLPG, INVPCID, and the rights beside page tables: AC under
//! SMAP, PKRU (SDM volume 3, 5.6 and 5.10).
//!
//! Process-context identifiers: the TLB holds translations of the current one alone. Another one's
//! are dropped when CR3 is written, whatever bit 63 asks for, as the manual allows (5.10.4.1).

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::mmu::walk::canonical;
use crate::state::{cr0, cr4, flag, gpr};

/// Bit 63 of a value for CR3: translations of its PCID may stay.
const NO_FLUSH: u64 = 1 << 63;
/// The PCID in CR3.
const PCID: u64 = 0xfff;

impl Cpu {
    /// Writes CR3: the TLB keeps global pages.
    pub fn write_cr3(&mut self, board: &mut Board, value: u64) -> Step {
        let pcids = self.control.cr4 & cr4::PCIDE != 0;
        let keep = pcids && value & NO_FLUSH != 0 && (self.control.cr3 ^ value) & PCID == 0;
        let value = if pcids { value & !NO_FLUSH } else { value };
        if self.long_mode() && value >> self.model.physical_bits() != 0 {
            return Err(self.gp(0));
        }
        let paging = self.control.cr0 & cr0::PG != 0;
        if paging && !self.long_mode() && self.control.cr4 & cr4::PAE != 0 {
            self.load_pdptes(board, value)?;
        }
        self.control.cr3 = value;
        if !keep {
            self.tlb.flush_non_global();
        }
        Ok(())
    }

    /// Loads the four PDPTEs of PAE paging; #GP if a present one has reserved bits (SDM 5.4.1).
    pub fn load_pdptes(&mut self, board: &mut Board, cr3: u64) -> Step {
        let mut loaded = [0; 4];
        let reserved = !0xfff & !((1u64 << self.model.physical_bits()) - 1) | 0x1e6;
        for (nth, entry) in loaded.iter_mut().enumerate() {
            let address = (cr3 & 0xffff_ffe0) + 8 * nth as u64;
            *entry = board.fabric.memory.read_u64(address).unwrap_or(u64::MAX);
            if *entry & 1 != 0 && *entry & reserved != 0 {
                return Err(self.gp(0));
            }
        }
        self.control.pdptes = loaded;
        Ok(())
    }

    /// The linear address of an operand that is not accessed: no limit is checked.
    fn unchecked_linear(&self, op: &Op) -> u64 {
        let offset = self.offset(op);
        if self.code_size() == CodeSize::Bits64 {
            offset.wrapping_add(self.seg_base[usize::from(op.seg & 7)])
        } else {
            offset.wrapping_add(self.seg[usize::from(op.seg % 6)].base) & 0xffff_ffff
        }
    }
}

/// INVLPG
pub fn invlpg(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.privileged()?;
    let linear = cpu.unchecked_linear(op);
    cpu.tlb.flush_page(linear);
    Ok(())
}

/// INVPCID: `dst` is the type's register, the operand the descriptor: PCID and linear address.
pub fn invpcid<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.v86() {
        return Err(cpu.gp(0));
    }
    cpu.privileged()?;
    let kind = W::get(cpu, op.dst).zext();
    if kind > 3 {
        return Err(cpu.gp(0));
    }
    let descriptor = cpu.read::<u128>(board, op)?;
    let (pcid, linear) = (descriptor as u64, (descriptor >> 64) as u64);
    let names_one = kind < 2;
    let disabled = cpu.control.cr4 & cr4::PCIDE == 0;
    if pcid & !PCID != 0
        || names_one && disabled && pcid != 0
        || kind == 0 && !canonical(linear, cpu.system_linear_bits())
    {
        return Err(cpu.gp(0));
    }
    let current = if disabled { 0 } else { cpu.control.cr3 & PCID };
    match kind {
        0 if pcid == current => cpu.tlb.flush_page(linear),
        1 if pcid == current => cpu.tlb.flush_non_global(),
        2 => cpu.tlb.flush_all(),
        3 => cpu.tlb.flush_non_global(),
        // Nothing of another PCID is held.
        _ => {}
    }
    Err(Leave::Sync)
}

/// STAC (`SET`) and CLAC
pub fn set_ac<const SET: bool>(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    if cpu.cpl != 0 || cpu.v86() {
        return Err(cpu.ud());
    }
    cpu.flags.system = cpu.flags.system & !flag::AC | if SET { flag::AC } else { 0 };
    cpu.refresh_view();
    Ok(())
}

/// Raises what RDPKRU and WRPKRU raise in common.
fn pkru(cpu: &mut Cpu) -> Step {
    if cpu.control.cr4 & cr4::PKE == 0 {
        return Err(cpu.ud());
    }
    if u32::get(cpu, gpr::RCX) != 0 { Err(cpu.gp(0)) } else { Ok(()) }
}

/// RDPKRU
pub fn rdpkru(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    pkru(cpu)?;
    let value = cpu.control.pkru;
    u32::set(cpu, gpr::RAX, value);
    u32::set(cpu, gpr::RDX, 0);
    Ok(())
}

/// WRPKRU
pub fn wrpkru(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    pkru(cpu)?;
    if u32::get(cpu, gpr::RDX) != 0 {
        return Err(cpu.gp(0));
    }
    let value = u32::get(cpu, gpr::RAX);
    cpu.set_pkru(value);
    Ok(())
}
