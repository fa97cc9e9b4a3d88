//! What AVX and AVX2 have beyond SSE in wider registers, FMA and F16C.
//!
//! Instructions that do the same in each 128 bits are in [`crate::exec::sse`].

pub mod fma;
pub mod gather;
pub mod half;
pub mod masked;
pub mod permute;
pub mod state;
#[cfg(test)]
mod tests;

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::sse::{Encoding, Vex256, Wide};
use crate::exec::{Leave, Step};
use crate::mmu::access::Plain;
use crate::mmu::tlb::Tlb;

/// An operation across the lanes of YMM registers.
pub trait Across {
    /// The result of the first and the last source operand.
    fn compute(a: [u128; 2], b: [u128; 2], imm: u8) -> [u128; 2];
}

/// `op ymm, ymm, ymm, [imm8]`
pub fn across_reg<O: Across>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let second = Wide::get(cpu, Vex256::second(op));
    across::<O>(cpu, op, second)
}

/// `op ymm, ymm, m256, [imm8]`
pub fn across_mem<O: Across>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let second = cpu.read(board, op)?;
    across::<O>(cpu, op, second)
}

/// `op ymm, ymm, m128, [imm8]`
pub fn across_mem_128<O: Across>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let second = cpu.read(board, op)?;
    across::<O>(cpu, op, [second, 0])
}

fn across<O: Across>(cpu: &mut Cpu, op: &Op, second: [u128; 2]) -> Step {
    let first = Wide::get(cpu, Vex256::first(op));
    O::compute(first, second, op.imm as u8).put(cpu, op.dst);
    Ok(())
}

/// Reads an element of what a mask chooses: its alignment is never checked (SDM volume 2, VPGATHERDD).
#[inline(always)]
fn read_element<T: Plain>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<T, Leave> {
    let view = cpu.view;
    if view == Tlb::USER_ALIGNED {
        cpu.view = Tlb::USER;
    }
    let value = cpu.read(board, op);
    cpu.view = view;
    value
}

/// Number `nth` of `BITS` bits, across both lanes.
#[inline(always)]
fn element<const BITS: usize>(register: [u128; 2], nth: usize) -> u64 {
    let bit = BITS * nth;
    (register[(bit / 128) & 1] >> (bit % 128)) as u64 & u64::MAX >> (64 - BITS)
}

/// `register` with `value`, which has `BITS` bits, as number `nth`.
#[inline(always)]
fn with_element<const BITS: usize>(mut register: [u128; 2], nth: usize, value: u64) -> [u128; 2] {
    let bit = BITS * nth;
    let lane = &mut register[(bit / 128) & 1];
    let ones = u128::from(u64::MAX >> (64 - BITS)) << (bit % 128);
    *lane = *lane & !ones | u128::from(value) << (bit % 128);
    register
}
