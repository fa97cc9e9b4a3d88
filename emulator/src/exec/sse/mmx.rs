//! The forms of instructions with MMX registers, and EMMS.
//!
//! MMX registers are the significands of the x87 registers. Every MMX instruction but EMMS makes
//! all of those valid with TOP = 0, and a write sets sign and exponent to all ones (SDM volume 3,
//! 14.2).

use super::{Numeric, Packed, Source, shuffle};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step, Word};
use crate::state::cr0;

/// Exception summary in the x87 status word.
const ES: u16 = 1 << 7;

impl Cpu {
    /// Raises what an MMX instruction raises when it may not run (SDM volume 3, 14.1, 14.5).
    ///
    /// # Errors
    /// #UD for CR0.EM, #NM for CR0.TS, #MF for a pending x87 exception.
    #[inline(always)]
    pub fn mmx(&mut self) -> Step {
        if self.mmx_ready && self.x87.fsw & ES == 0 { Ok(()) } else { Err(self.mmx_unavailable()) }
    }

    #[cold]
    #[inline(never)]
    fn mmx_unavailable(&mut self) -> Leave {
        if self.control.cr0 & cr0::EM != 0 {
            self.ud()
        } else if self.control.cr0 & cr0::TS != 0 {
            self.nm()
        } else {
            self.mf()
        }
    }

    /// What every MMX instruction does to the x87 state.
    #[inline(always)]
    fn enter_mmx(&mut self) {
        self.x87.top = 0;
        self.x87.empty = 0;
    }

    /// MMX register `number`.
    #[inline(always)]
    pub fn mm(&self, number: u8) -> u64 {
        self.x87.r[usize::from(number & 7)].significand
    }

    /// Writes MMX register `number`.
    #[inline(always)]
    pub fn set_mm(&mut self, number: u8, value: u64) {
        let register = &mut self.x87.r[usize::from(number & 7)];
        register.significand = value;
        register.sign_exponent = 0xffff;
    }

    /// Writes MMX register `number` and enters the MMX state.
    #[inline(always)]
    fn finish_mm(&mut self, number: u8, value: u64) {
        self.enter_mmx();
        self.set_mm(number, value);
    }
}

// --- packed operations -----------------------------------------------------------------------

/// `op mm, mm, [imm8]`
pub fn packed_reg<O: Packed<u64>>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let value = O::compute(cpu.mm(op.dst), cpu.mm(op.src), op.imm as u8);
    cpu.finish_mm(op.dst, value);
    Ok(())
}

/// `op mm, mem, [imm8]`: 8 bytes, or 4 for PUNPCKLBW and its kin.
pub fn packed_mem<O: Packed<u64>, S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let source = S::load(cpu, board, op)? as u64;
    let value = O::compute(cpu.mm(op.dst), source, op.imm as u8);
    cpu.finish_mm(op.dst, value);
    Ok(())
}

/// `op mm, imm8`
pub fn packed_imm<O: Packed<u64>>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let value = O::compute(cpu.mm(op.dst), u64::from(op.imm as u8), 0);
    cpu.finish_mm(op.dst, value);
    Ok(())
}

// --- conversions -----------------------------------------------------------------------------
//
// The x87 state changes even if the conversion then raises #XM. CVTPI2PS and CVTPI2PD from memory
// are no MMX instructions.

/// `op xmm, mm`
pub fn to_xmm<O: Numeric>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.mmx()?;
    cpu.enter_mmx();
    let value = O::apply(cpu, cpu.xmm(op.dst), cpu.mm(op.src).into(), 0)?;
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op mm, xmm`
pub fn from_xmm<O: Numeric>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.mmx()?;
    cpu.enter_mmx();
    let value = O::apply(cpu, 0, cpu.xmm(op.src), 0)?;
    cpu.set_mm(op.dst, value as u64);
    Ok(())
}

/// `op mm, mem`: a conversion from numbers in memory.
pub fn from_numbers<O: Numeric, S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.mmx()?;
    let source = S::load(cpu, board, op)?;
    cpu.enter_mmx();
    let value = O::apply(cpu, 0, source, 0)?;
    cpu.set_mm(op.dst, value as u64);
    Ok(())
}

// --- moves -----------------------------------------------------------------------------------

/// MOVQ: `mm, mm`
pub fn whole(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    cpu.finish_mm(op.dst, cpu.mm(op.src));
    Ok(())
}

/// MOVD, MOVQ: `mm, mem`
pub fn load<S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let value = S::load(cpu, board, op)? as u64;
    cpu.finish_mm(op.dst, value);
    Ok(())
}

/// MOVD, MOVQ, MOVNTQ: `mem, mm`
pub fn store<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    cpu.write(board, op, W::cut(cpu.mm(op.src)))?;
    cpu.enter_mmx();
    Ok(())
}

/// MOVD, MOVQ: `mm, reg`
pub fn from_general<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let value = W::get(cpu, op.src).zext();
    cpu.finish_mm(op.dst, value);
    Ok(())
}

/// MOVD, MOVQ: `reg, mm`
pub fn to_general<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    W::set(cpu, op.dst, W::cut(cpu.mm(op.src)));
    cpu.enter_mmx();
    Ok(())
}

/// MOVDQ2Q
pub fn movdq2q(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.mmx()?;
    cpu.finish_mm(op.dst, cpu.xmm(op.src) as u64);
    Ok(())
}

/// MOVQ2DQ
pub fn movq2dq(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.mmx()?;
    cpu.set_xmm(op.dst, u128::from(cpu.mm(op.src)));
    cpu.enter_mmx();
    Ok(())
}

/// PMOVMSKB: `reg, mm`
pub fn pmovmskb(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    u64::set(cpu, op.dst, shuffle::byte_signs(u128::from(cpu.mm(op.src))));
    cpu.enter_mmx();
    Ok(())
}

/// PEXTRW: `reg, mm, imm8`
pub fn pextrw(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    u64::set(cpu, op.dst, cpu.mm(op.src) >> (16 * (op.imm & 3)) & 0xffff);
    cpu.enter_mmx();
    Ok(())
}

/// PINSRW: `mm, reg, imm8`
pub fn pinsrw_reg(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let value = u16::get(cpu, op.src);
    insert(cpu, op, value);
    Ok(())
}

/// PINSRW: `mm, m16, imm8`
pub fn pinsrw_mem(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let value = cpu.read::<u16>(board, op)?;
    insert(cpu, op, value);
    Ok(())
}

fn insert(cpu: &mut Cpu, op: &Op, value: u16) {
    let shift = 16 * (op.imm & 3);
    let kept = cpu.mm(op.dst) & !(0xffff << shift);
    cpu.finish_mm(op.dst, kept | u64::from(value) << shift);
}

/// MASKMOVQ: bytes of `dst` to DS:rDI where `src` has its top bits set.
pub fn maskmovq(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.mmx()?;
    let (value, mask) = (cpu.mm(op.src), cpu.mm(op.aux));
    super::moves::store_masked(cpu, board, op, value.into(), mask.into(), 8)?;
    cpu.enter_mmx();
    Ok(())
}

/// EMMS
pub fn emms(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.mmx()?;
    cpu.x87.top = 0;
    cpu.x87.empty = 0xff;
    Ok(())
}
