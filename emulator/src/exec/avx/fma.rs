//! Fused multiply and add: one rounding.
//!
//! All 96 forms are these few handlers: the immediate, which the instructions have not, tells
//! which operand plays which part and what is negated.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::exec::sse::exceptions::quiet;
use crate::exec::sse::float::{Float, Format, number, with_bits};
use crate::exec::sse::soft::fused;
use crate::exec::sse::{Encoding, Source, Wide};

/// What lowering puts into the immediate.
pub mod control {
    /// Operands 1 and 3 are the factors, 2 is added.
    pub const ORDER_132: u64 = 0;
    /// Operands 2 and 1 are the factors, 3 is added.
    pub const ORDER_213: u64 = 1;
    /// Operands 2 and 3 are the factors, 1 is added.
    pub const ORDER_231: u64 = 2;
    /// The bits of the order.
    pub const ORDER: u64 = 3;
    /// The product is negated.
    pub const NEGATE: u64 = 4;
    /// What is added is negated, at even places.
    pub const SUBTRACT_EVEN: u64 = 8;
    /// What is added is negated, at odd places.
    pub const SUBTRACT_ODD: u64 = 16;
    /// What is added is negated.
    pub const SUBTRACT: u64 = SUBTRACT_EVEN | SUBTRACT_ODD;
}

/// `op xmm, xmm, xmm`
pub fn fma_reg<S: Format, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let third = E::Value::get(cpu, op.aux);
    fma::<S, E>(cpu, op, third)
}

/// `op xmm, xmm, mem`
pub fn fma_mem<S: Format, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let third = E::load(cpu, board, op)?;
    fma::<S, E>(cpu, op, third)
}

/// `op xmm, xmm, m32` or `m64`
pub fn fma_scalar_mem<S: Format, M: Source, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let third = M::load(cpu, board, op)?;
    fma::<S, E>(cpu, op, E::Value::of(|_| third))
}

#[inline(always)]
fn fma<S: Format, E: Encoding>(cpu: &mut Cpu, op: &Op, third: E::Value) -> Step {
    let mxcsr = cpu.vector.mxcsr;
    let first = E::Value::get(cpu, op.dst);
    let second = E::Value::get(cpu, op.src);
    let mut flags = 0;
    let value = E::Value::of(|lane| {
        let (first, second, third) = (first.lane(lane), second.lane(lane), third.lane(lane));
        let mut out = first;
        for nth in 0..S::COUNT {
            let operand = |register| number::<S::Number>(register, nth);
            let operands = [operand(first), operand(second), operand(third)];
            let (bits, found) = one(mxcsr, op.imm, nth, operands);
            out = with_bits::<S::Number>(out, nth, bits);
            flags |= found;
        }
        out
    });
    cpu.simd_flags(flags)?;
    E::put(cpu, op.dst, value);
    Ok(())
}

/// One number of the result, and the exceptions.
#[inline(always)]
fn one<F: Float>(mxcsr: u32, control: u64, nth: u32, [x, y, z]: [F; 3]) -> (u64, u32) {
    let (a, b, c) = match control & control::ORDER {
        control::ORDER_132 => (x, z, y),
        control::ORDER_213 => (y, x, z),
        _ => (y, z, x),
    };
    let negate_product = control & control::NEGATE != 0;
    let negate_sum = control & [control::SUBTRACT_EVEN, control::SUBTRACT_ODD][nth as usize & 1] != 0;
    if quiet(mxcsr) && a.normal() && b.normal() && c.normal() {
        let factor = if negate_product { a.negated() } else { a };
        let result = factor.times_plus(b, if negate_sum { c.negated() } else { c });
        if result.large() {
            return (result.bits(), 0);
        }
    }
    fused(F::LAYOUT, mxcsr, [a.bits(), b.bits(), c.bits()], negate_product, negate_sum)
}
