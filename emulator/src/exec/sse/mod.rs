//! MMX, SSE and SSE2.
//!
//! An operation is a type that implements [`Packed`] (a pure function of two registers) or
//! [`Numeric`] (one under the rule of MXCSR). The functions below are the forms in which
//! instructions name their operands; each exists once for every operation it is used with.

mod approximate;
pub mod cache;
pub mod compare;
pub mod convert;
pub mod exceptions;
pub mod float;
mod host;
pub mod integer;
mod lanes;
pub mod mmx;
pub mod moves;
pub mod shuffle;
pub mod state;
#[cfg(test)]
mod tests;

pub use approximate::{Rcp, Rsqrt};

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step, Word};
use crate::mmu::access::Plain;

/// An operation on whole registers that cannot fail: `u64` for MMX, `u128` for XMM.
pub trait Packed<V> {
    /// The new first operand.
    fn compute(dst: V, src: V, imm: u8) -> V;
}

/// An operation on XMM registers that reads and changes MXCSR.
pub trait Numeric {
    /// The new first operand. General and MMX registers are passed in the low bits.
    ///
    /// # Errors
    /// #XM or #UD, raised, with MXCSR's flags already set.
    fn compute(cpu: &mut Cpu, dst: u128, src: u128, imm: u8) -> Result<u128, Leave>;
}

/// A memory operand read into the low bits of a register.
pub trait Source {
    /// Reads the memory operand.
    ///
    /// # Errors
    /// A fault, raised.
    fn load(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<u128, Leave>;
}

/// A memory operand of the type's size without alignment.
pub struct Unaligned<T>(T);

impl<T: Plain + Into<u128>> Source for Unaligned<T> {
    #[inline(always)]
    fn load(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<u128, Leave> {
        Ok(cpu.read::<T>(board, op)?.into())
    }
}

/// A memory operand of 16 bytes that must be aligned.
pub struct Aligned;

impl Source for Aligned {
    #[inline(always)]
    fn load(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<u128, Leave> {
        let linear = cpu.aligned(op, false)?;
        cpu.load(board, linear, op.seg)
    }
}

/// A memory operand of 4 bytes.
pub type M32 = Unaligned<u32>;
/// A memory operand of 8 bytes.
pub type M64 = Unaligned<u64>;
/// An aligned memory operand of 16 bytes.
pub type M128 = Aligned;

impl Cpu {
    /// Raises what an SSE instruction raises when it may not run (SDM volume 3, table 15-1).
    ///
    /// # Errors
    /// #UD for CR0.EM or without CR4.OSFXSR, #NM for CR0.TS.
    #[inline(always)]
    pub fn sse(&mut self) -> Step {
        if self.sse_ready { Ok(()) } else { Err(self.sse_unavailable()) }
    }

    /// XMM register `number`.
    #[inline(always)]
    pub fn xmm(&self, number: u8) -> u128 {
        self.vector.xmm[usize::from(number & 15)]
    }

    /// Writes XMM register `number`; the upper half of the YMM register stays.
    #[inline(always)]
    pub fn set_xmm(&mut self, number: u8, value: u128) {
        self.vector.xmm[usize::from(number & 15)] = value;
    }

    /// The linear address of a 16-byte operand that must be aligned.
    ///
    /// # Errors
    /// #GP(0) if it is not, or a segment fault.
    #[inline(always)]
    pub fn aligned(&mut self, op: &Op, write: bool) -> Result<u64, Leave> {
        let linear = self.linear(op, 16, write)?;
        if linear & 15 == 0 { Ok(linear) } else { Err(self.gp(0)) }
    }
}

// --- packed operations on XMM registers ------------------------------------------------------

/// `op xmm, xmm, [imm8]`
pub fn packed_reg<O: Packed<u128>>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = O::compute(cpu.xmm(op.dst), cpu.xmm(op.src), op.imm as u8);
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op xmm, m128, [imm8]`
pub fn packed_mem<O: Packed<u128>>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let source = M128::load(cpu, board, op)?;
    let value = O::compute(cpu.xmm(op.dst), source, op.imm as u8);
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op xmm, mem` of a kind other than [`M128`]
pub fn packed_scalar_mem<O: Packed<u128>, S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let source = S::load(cpu, board, op)?;
    let value = O::compute(cpu.xmm(op.dst), source, op.imm as u8);
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op xmm, imm8`: shifts, which take the immediate for their second operand.
pub fn packed_imm<O: Packed<u128>>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = O::compute(cpu.xmm(op.dst), u128::from(op.imm as u8), 0);
    cpu.set_xmm(op.dst, value);
    Ok(())
}

// --- numeric operations ----------------------------------------------------------------------

/// `op xmm, xmm, [imm8]`
pub fn numeric_reg<O: Numeric>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = O::compute(cpu, cpu.xmm(op.dst), cpu.xmm(op.src), op.imm as u8)?;
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op xmm, mem, [imm8]`
pub fn numeric_mem<O: Numeric, S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let source = S::load(cpu, board, op)?;
    let value = O::compute(cpu, cpu.xmm(op.dst), source, op.imm as u8)?;
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op xmm, reg`
pub fn from_general_reg<O: Numeric, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let source = u128::from(W::get(cpu, op.src).zext());
    let value = O::compute(cpu, cpu.xmm(op.dst), source, 0)?;
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// `op reg, xmm`
pub fn to_general_reg<O: Numeric, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = O::compute(cpu, 0, cpu.xmm(op.src), 0)?;
    W::set(cpu, op.dst, W::cut(value as u64));
    Ok(())
}

/// `op reg, mem`
pub fn to_general_mem<O: Numeric, W: Word, S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let source = S::load(cpu, board, op)?;
    let value = O::compute(cpu, 0, source, 0)?;
    W::set(cpu, op.dst, W::cut(value as u64));
    Ok(())
}
