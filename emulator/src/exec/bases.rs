//! FSGSBASE: the bases of FS and GS at any privilege (SDM volume 2, RDFSBASE). 64-bit mode alone
//! has these encodings.

use super::{Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::mmu::walk::canonical;
use crate::state::cr4;

impl Cpu {
    /// Raises #UD without CR4.FSGSBASE.
    fn base_instructions(&mut self) -> Step {
        if self.control.cr4 & cr4::FSGSBASE != 0 { Ok(()) } else { Err(self.ud()) }
    }
}

/// RDFSBASE, RDGSBASE: `aux` is the segment register.
pub fn read_base<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.base_instructions()?;
    let base = cpu.seg[usize::from(op.aux % 6)].base;
    W::set(cpu, op.dst, W::cut(base));
    Ok(())
}

/// WRFSBASE, WRGSBASE: `aux` is the segment register.
pub fn write_base<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.base_instructions()?;
    let base = W::get(cpu, op.dst).zext();
    if !canonical(base, cpu.system_linear_bits()) {
        return Err(cpu.gp(0));
    }
    let segment = usize::from(op.aux % 6);
    cpu.seg[segment].base = base;
    cpu.seg_base[segment] = base;
    Ok(())
}
