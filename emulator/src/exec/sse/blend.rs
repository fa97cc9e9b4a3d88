//! Blends, and tests of whole registers.

use super::lanes::{Lane, Lanes};
use super::{Encoding, Packed, Wide};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::state::flag;

// --- blends ----------------------------------------------------------------------------------

/// PBLENDW, BLENDPS, VPBLENDD and BLENDPD, by the width of a lane in bytes: the second operand's
/// lanes where the immediate has ones.
pub struct Blend<const BYTES: usize>;

impl<const BYTES: usize> Packed<u128> for Blend<BYTES> {
    // The eight words of a lane take the whole immediate, and so in both lanes.
    const LANE_IMMEDIATE: usize = if BYTES == 2 { 0 } else { 16 / BYTES };

    #[inline(always)]
    fn compute(a: u128, b: u128, imm: u8) -> u128 {
        let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
        u128::from_le_bytes(std::array::from_fn(
            |nth| {
                if imm >> (nth / BYTES) & 1 != 0 { b[nth] } else { a[nth] }
            },
        ))
    }
}

/// A lane that chooses by its sign.
pub trait Sign: Lane {
    /// All ones if negative.
    fn spread(self) -> Self;
}

impl Sign for i8 {
    #[inline(always)]
    fn spread(self) -> Self {
        self >> 7
    }
}

impl Sign for i32 {
    #[inline(always)]
    fn spread(self) -> Self {
        self >> 31
    }
}

impl Sign for i64 {
    #[inline(always)]
    fn spread(self) -> Self {
        self >> 63
    }
}

/// PBLENDVB, BLENDVPS, BLENDVPD by the type of a lane: those of `b` where `mask` is negative.
#[inline(always)]
fn choose<L: Sign, V: Wide>(a: V, b: V, mask: V) -> V {
    let mask = V::each(mask, mask, |_, mask, _| u128::map(mask, mask, |x: L, _| x.spread()));
    V::each(a, V::each(b, mask, |_, b, mask| b & mask), |nth, a, b| a & !mask.lane(nth) | b)
}

/// `op xmm, xmm, xmm, <mask>`: the number of the mask register lies in the immediate.
pub fn blend_by_register<L: Sign, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let (a, b) = (E::Value::get(cpu, E::first(op)), E::Value::get(cpu, E::second(op)));
    let mask = E::Value::get(cpu, op.imm as u8);
    E::put(cpu, op.dst, choose::<L, _>(a, b, mask));
    Ok(())
}

/// `op xmm, xmm, mem, <mask>`
pub fn blend_by_register_mem<L: Sign, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let b = E::load(cpu, board, op)?;
    let (a, mask) = (E::Value::get(cpu, E::first(op)), E::Value::get(cpu, op.imm as u8));
    E::put(cpu, op.dst, choose::<L, _>(a, b, mask));
    Ok(())
}

// --- tests -----------------------------------------------------------------------------------

/// PTEST
pub const ALL_BITS: u128 = !0;
/// VTESTPS
pub const SINGLE_SIGNS: u128 = 0x8000_0000_8000_0000_8000_0000_8000_0000;
/// VTESTPD
pub const DOUBLE_SIGNS: u128 = 0x8000_0000_0000_0000_8000_0000_0000_0000;

/// PTEST, VTESTPS, VTESTPD, by the bits that they look at: `op xmm, xmm`
pub fn test_reg<E: Encoding, const BITS: u128>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = E::Value::get(cpu, op.src);
    test::<E, BITS>(cpu, op, second)
}

/// As [`test_reg`], with a memory operand.
pub fn test_mem<E: Encoding, const BITS: u128>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = E::load(cpu, board, op)?;
    test::<E, BITS>(cpu, op, second)
}

#[inline(always)]
fn test<E: Encoding, const BITS: u128>(cpu: &mut Cpu, op: &Op, second: E::Value) -> Step {
    let first = E::Value::get(cpu, op.dst);
    let (mut common, mut missing) = (0, 0);
    for nth in 0..E::Value::LANES {
        common |= second.lane(nth) & first.lane(nth) & BITS;
        missing |= second.lane(nth) & !first.lane(nth) & BITS;
    }
    let zero = if common == 0 { flag::ZF } else { 0 };
    let carry = if missing == 0 { flag::CF } else { 0 };
    cpu.flags.set_status(zero | carry);
    Ok(())
}
