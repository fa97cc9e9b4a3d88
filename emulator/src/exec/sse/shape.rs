//! The forms in which instructions name their operands.
//!
//! `xmm` stands for a register as wide as the encoding has it, `mem` for as many bytes of memory.

use super::encoding::{Encoding, Wide};
use super::{Numeric, Packed, Source};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step, Word};

// --- packed operations -----------------------------------------------------------------------

#[inline(always)]
fn packed<O: Packed<u128>, E: Encoding>(cpu: &mut Cpu, op: &Op, second: E::Value) -> Step {
    let value = E::Value::each(E::Value::get(cpu, E::first(op)), second, |nth, a, b| {
        O::compute(a, b, (op.imm as u8) >> (O::LANE_IMMEDIATE * nth))
    });
    E::put(cpu, op.dst, value);
    Ok(())
}

/// `op xmm, xmm, xmm, [imm8]`
pub fn packed_reg<O: Packed<u128>, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = E::Value::get(cpu, E::second(op));
    packed::<O, E>(cpu, op, second)
}

/// `op xmm, xmm, mem, [imm8]`
pub fn packed_mem<O: Packed<u128>, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = E::load(cpu, board, op)?;
    packed::<O, E>(cpu, op, second)
}

/// `op xmm, xmm, mem, [imm8]` of 128 bits, with a memory operand of its own kind
pub fn packed_scalar_mem<O: Packed<u128>, S: Source, E: Encoding>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    E::ready(cpu)?;
    let source = S::load(cpu, board, op)?;
    let value = O::compute(cpu.xmm(E::first(op)), source, op.imm as u8);
    E::put_xmm(cpu, op.dst, value);
    Ok(())
}

/// `op xmm, xmm, imm8`: shifts, which take the immediate for their second operand.
pub fn packed_imm<O: Packed<u128>, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    shifted::<O, E>(cpu, op, u128::from(op.imm as u8))
}

/// `op xmm, xmm, xmm/m128`: shifts, whose count is the same for all lanes.
pub fn shift_reg<O: Packed<u128>, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let count = cpu.xmm(E::second(op));
    shifted::<O, E>(cpu, op, count)
}

/// As [`shift_reg`], with a memory operand.
pub fn shift_mem<O: Packed<u128>, S: Source, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let count = S::load(cpu, board, op)?;
    shifted::<O, E>(cpu, op, count)
}

#[inline(always)]
fn shifted<O: Packed<u128>, E: Encoding>(cpu: &mut Cpu, op: &Op, count: u128) -> Step {
    let first = E::Value::get(cpu, E::first(op));
    let value = E::Value::each(first, first, |_, a, _| O::compute(a, count, 0));
    E::put(cpu, op.dst, value);
    Ok(())
}

// --- numeric operations ----------------------------------------------------------------------
//
// The exceptions of all lanes are collected before any of them is raised.

#[inline(always)]
fn numeric<O: Numeric, E: Encoding>(cpu: &mut Cpu, op: &Op, second: E::Value) -> Step {
    if E::Value::LANES == 1 {
        return numeric_low::<O, E>(cpu, op, second.lane(0));
    }
    let mxcsr = cpu.vector.mxcsr;
    let mut flags = 0;
    let value = E::Value::each(E::Value::get(cpu, E::first(op)), second, |_, a, b| {
        let (value, found) = O::found(mxcsr, a, b, op.imm as u8);
        flags |= found;
        value
    });
    cpu.simd_flags(flags)?;
    E::put(cpu, op.dst, value);
    Ok(())
}

/// `op xmm, xmm, xmm, [imm8]`
pub fn numeric_reg<O: Numeric, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = E::Value::get(cpu, E::second(op));
    numeric::<O, E>(cpu, op, second)
}

/// `op xmm, xmm, mem, [imm8]`
pub fn numeric_mem<O: Numeric, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = E::load(cpu, board, op)?;
    numeric::<O, E>(cpu, op, second)
}

/// `op xmm, xmm, mem, [imm8]` of 128 bits, with a memory operand of its own kind
pub fn numeric_scalar_mem<O: Numeric, S: Source, E: Encoding>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    E::ready(cpu)?;
    let source = S::load(cpu, board, op)?;
    numeric_low::<O, E>(cpu, op, source)
}

/// `op xmm, xmm, reg`
pub fn from_general_reg<O: Numeric, W: Word, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let source = u128::from(W::get(cpu, E::second(op)).zext());
    numeric_low::<O, E>(cpu, op, source)
}

#[inline(always)]
fn numeric_low<O: Numeric, E: Encoding>(cpu: &mut Cpu, op: &Op, source: u128) -> Step {
    let value = O::apply(cpu, cpu.xmm(E::first(op)), source, op.imm as u8)?;
    E::put_xmm(cpu, op.dst, value);
    Ok(())
}

/// `op reg, xmm`
pub fn to_general_reg<O: Numeric, W: Word, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let source = cpu.xmm(op.src);
    to_general::<O, W>(cpu, op, source)
}

/// `op reg, mem`
pub fn to_general_mem<O: Numeric, W: Word, S: Source, E: Encoding>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    E::ready(cpu)?;
    let source = S::load(cpu, board, op)?;
    to_general::<O, W>(cpu, op, source)
}

#[inline(always)]
fn to_general<O: Numeric, W: Word>(cpu: &mut Cpu, op: &Op, source: u128) -> Step {
    let value = O::apply(cpu, 0, source, 0)?;
    W::set(cpu, op.dst, W::cut(value as u64));
    Ok(())
}

// --- VEX.256 forms whose operands differ in width --------------------------------------------

#[inline(always)]
fn widen<O: Numeric, const BITS: usize>(cpu: &mut Cpu, op: &Op, source: u128) -> Step {
    let mxcsr = cpu.vector.mxcsr;
    let mut flags = 0;
    let value = <[u128; 2]>::of(|nth| {
        let (value, found) = O::found(mxcsr, 0, source >> (BITS * nth), 0);
        flags |= found;
        value
    });
    cpu.simd_flags(flags)?;
    value.put(cpu, op.dst);
    Ok(())
}

/// `op ymm, xmm`: each lane is made of `BITS` bits of the source.
pub fn widen_reg<O: Numeric, const BITS: usize>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    widen::<O, BITS>(cpu, op, cpu.xmm(op.src))
}

/// As [`widen_reg`], with a memory operand of twice `BITS`.
pub fn widen_mem<O: Numeric, S: Source, const BITS: usize>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    cpu.avx()?;
    let source = S::load(cpu, board, op)?;
    widen::<O, BITS>(cpu, op, source)
}

/// The 64 bits that each lane of `source` gives.
#[inline(always)]
pub fn narrowed<O: Numeric>(cpu: &mut Cpu, op: &Op, source: [u128; 2]) -> Result<u128, Leave> {
    let (low, low_flags) = O::found(cpu.vector.mxcsr, 0, source[0], op.imm as u8);
    let (high, high_flags) = O::found(cpu.vector.mxcsr, 0, source[1], op.imm as u8);
    cpu.simd_flags(low_flags | high_flags)?;
    Ok(u128::from(low as u64) | high << 64)
}

/// `op xmm, ymm`
pub fn narrow_reg<O: Numeric>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let value = narrowed::<O>(cpu, op, Wide::get(cpu, op.src))?;
    value.put(cpu, op.dst);
    Ok(())
}

/// `op xmm, m256`
pub fn narrow_mem<O: Numeric>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let source = cpu.read(board, op)?;
    let value = narrowed::<O>(cpu, op, source)?;
    value.put(cpu, op.dst);
    Ok(())
}
