//! MMX, SSE to SSE4.2, and what of AVX and AVX2 does the same in each lane of 128 bits.
//!
//! An operation is a type that implements [`Packed`] (a pure function of two registers) or
//! [`Numeric`] (one under the rule of MXCSR). The functions in [`shape`] are the forms in which
//! instructions name their operands, over an [`Encoding`]; each exists once for every operation
//! it is used with.

mod approximate;
pub mod blend;
pub mod cache;
pub mod compare;
pub mod convert;
pub mod encoding;
pub mod exceptions;
pub mod float;
pub mod horizontal;
#[cfg(target_arch = "x86_64")]
mod host;
pub mod insert;
pub mod integer;
pub mod lanes;
pub mod mmx;
pub mod moves;
pub mod round;
pub mod shape;
pub mod shuffle;
pub mod soft;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod software;
pub mod sse4;
pub mod ssse3;
pub mod state;
#[cfg(test)]
pub(super) mod tests;
pub mod text;

pub use approximate::{Rcp, Rsqrt};
pub use encoding::{Encoding, Legacy, Vex128, Vex256, Wide};
#[cfg(not(target_arch = "x86_64"))]
use software as host;

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::{Op, address};
use crate::exec::{Leave, Step};
use crate::mmu::access::Plain;

/// An operation on whole registers that cannot fail: `u64` for MMX, `u128` for XMM.
pub trait Packed<V> {
    /// How many bits of the immediate belong to the lower half of a YMM register; those above
    /// them belong to the upper half. With 0, each half gets all.
    const LANE_IMMEDIATE: usize = 0;

    /// The new first operand.
    fn compute(dst: V, src: V, imm: u8) -> V;
}

/// An operation on XMM registers under the rule of MXCSR.
pub trait Numeric {
    /// The new first operand, where it is easily found and MXCSR does not change.
    #[inline(always)]
    fn quick(_mxcsr: u32, _dst: u128, _src: u128, _imm: u8) -> Option<u128> {
        None
    }

    /// The new first operand where [`Self::quick`] has none, and the exceptions that were found, for [`Cpu::simd_flags`]; where
    /// several lanes are computed, all of theirs together. General
    /// and MMX registers are passed in the low bits.
    fn compute(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32);

    /// The one or the other.
    #[inline(always)]
    fn found(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32) {
        match Self::quick(mxcsr, dst, src, imm) {
            Some(value) => (value, 0),
            None => Self::compute(mxcsr, dst, src, imm),
        }
    }

    /// The new first operand, with the exceptions in MXCSR.
    ///
    /// # Errors
    /// #XM or #UD, raised.
    #[inline(always)]
    fn apply(cpu: &mut Cpu, dst: u128, src: u128, imm: u8) -> Result<u128, Leave> {
        let mxcsr = cpu.vector.mxcsr;
        if let Some(value) = Self::quick(mxcsr, dst, src, imm) {
            return Ok(value);
        }
        let (value, flags) = Self::compute(mxcsr, dst, src, imm);
        cpu.simd_flags(flags)?;
        Ok(value)
    }
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
        let linear = cpu.aligned(op, 16, false)?;
        cpu.load(board, linear, op.seg)
    }
}

/// A memory operand of 1 byte.
pub type M8 = Unaligned<u8>;
/// A memory operand of 2 bytes.
pub type M16 = Unaligned<u16>;
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

    /// The linear address of an operand that must be aligned to its size, a power of two.
    ///
    /// # Errors
    /// #GP(0) if it is not, or a segment fault.
    #[inline(always)]
    pub fn aligned(&mut self, op: &Op, size: u64, write: bool) -> Result<u64, Leave> {
        if op.address != address::FLAT {
            return self.aligned_in_segment(op, size, write);
        }
        let linear = self.linear(op, size, write)?;
        if linear & (size - 1) == 0 { Ok(linear) } else { Err(self.gp(0)) }
    }

    /// The same where segments are checked: alignment comes before limits, as on AMD processors.
    #[cold]
    fn aligned_in_segment(&mut self, op: &Op, size: u64, write: bool) -> Result<u64, Leave> {
        let base = self.seg_base[usize::from(op.seg & 7)];
        if self.offset(op).wrapping_add(base) & (size - 1) != 0 {
            return Err(self.gp(0));
        }
        self.linear(op, size, write)
    }
}
