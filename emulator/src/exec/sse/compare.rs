//! CMPccPS and its kin, MIN, MAX, COMIS and UCOMIS: no rounding, so all of it is plain.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::exceptions::bit::{DAZ, DE, IE};
use super::float::{Float, Format, number, with_bits};
use super::{Numeric, Source};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step};
use crate::state::flag;

/// How `a` relates to `b` under `mxcsr` (`None`: unordered), and the exceptions. Quiet NaNs are
/// invalid if `signalling`, signalling ones always.
#[inline(always)]
fn relate<F: Float>(a: F, b: F, mxcsr: u32, signalling: bool) -> (Option<Ordering>, u32) {
    if a.tame() && b.tame() {
        return (a.partial_cmp(&b), 0);
    }
    relate_odd(a, b, mxcsr, signalling)
}

#[cold]
fn relate_odd<F: Float>(a: F, b: F, mxcsr: u32, signalling: bool) -> (Option<Ordering>, u32) {
    if a.nan() || b.nan() {
        let invalid = |x: F| x.nan() && (signalling || x.bits() & F::QUIET == 0);
        return (None, if invalid(a) || invalid(b) { IE } else { 0 });
    }
    let flags = if mxcsr & DAZ == 0 && (a.denormal() || b.denormal()) { DE } else { 0 };
    (flush(a, mxcsr).partial_cmp(&flush(b, mxcsr)), flags)
}

/// The operand as DAZ has it.
#[inline(always)]
fn flush<F: Float>(x: F, mxcsr: u32) -> F {
    if mxcsr & DAZ != 0 && x.denormal() { x.signed_zero() } else { x }
}

/// CMPccPS, CMPccPD, CMPccSS, CMPccSD
pub struct Cmp<S>(PhantomData<S>);

impl<S: Format> Numeric for Cmp<S> {
    #[inline(always)]
    fn compute(cpu: &mut Cpu, dst: u128, src: u128, imm: u8) -> Result<u128, Leave> {
        let mxcsr = cpu.vector.mxcsr;
        // Less and less-or-equal, and their negations.
        let signalling = matches!(imm & 3, 1 | 2);
        let (mut out, mut flags) = (dst, 0);
        for nth in 0..S::COUNT {
            let a = number::<S::Number>(dst, nth);
            let (order, found) = relate(a, number(src, nth), mxcsr, signalling);
            let holds = match imm & 3 {
                0 => order == Some(Ordering::Equal),
                1 => order == Some(Ordering::Less),
                2 => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                _ => order.is_none(),
            };
            let all_ones = u64::MAX >> (64 - S::Number::BITS);
            out = with_bits::<S::Number>(out, nth, if holds != (imm & 4 != 0) { all_ones } else { 0 });
            flags |= found;
        }
        cpu.simd_flags(flags)?;
        Ok(out)
    }
}

/// MINPS, MINPD, MINSS, MINSD
pub struct Min<S>(PhantomData<S>);
/// MAXPS, MAXPD, MAXSS, MAXSD
pub struct Max<S>(PhantomData<S>);

impl<S: Format> Numeric for Min<S> {
    #[inline(always)]
    fn compute(cpu: &mut Cpu, dst: u128, src: u128, _: u8) -> Result<u128, Leave> {
        extreme::<S>(cpu, dst, src, Ordering::Less)
    }
}

impl<S: Format> Numeric for Max<S> {
    #[inline(always)]
    fn compute(cpu: &mut Cpu, dst: u128, src: u128, _: u8) -> Result<u128, Leave> {
        extreme::<S>(cpu, dst, src, Ordering::Greater)
    }
}

/// The first operand where it relates as `wanted` to the second; else, and so for NaNs and for
/// two zeros, the second.
#[inline(always)]
fn extreme<S: Format>(cpu: &mut Cpu, dst: u128, src: u128, wanted: Ordering) -> Result<u128, Leave> {
    let mxcsr = cpu.vector.mxcsr;
    let (mut out, mut flags) = (dst, 0);
    for nth in 0..S::COUNT {
        let a = number::<S::Number>(dst, nth);
        let b = number::<S::Number>(src, nth);
        let (order, found) = relate(a, b, mxcsr, true);
        let chosen = if order == Some(wanted) { a } else { b };
        out = with_bits::<S::Number>(out, nth, flush(chosen, mxcsr).bits());
        flags |= found;
    }
    cpu.simd_flags(flags)?;
    Ok(out)
}

/// COMIS (`QUIET_IS_INVALID`) and UCOMIS: `op xmm, xmm`
pub fn comis_reg<S: Format, const QUIET_IS_INVALID: bool>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    comis::<S>(cpu, cpu.xmm(op.dst), cpu.xmm(op.src), QUIET_IS_INVALID)
}

/// COMIS (`QUIET_IS_INVALID`) and UCOMIS: `op xmm, mem`
pub fn comis_mem<S: Format, M: Source, const QUIET_IS_INVALID: bool>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    cpu.sse()?;
    let source = M::load(cpu, board, op)?;
    comis::<S>(cpu, cpu.xmm(op.dst), source, QUIET_IS_INVALID)
}

#[inline(always)]
fn comis<S: Format>(cpu: &mut Cpu, a: u128, b: u128, signalling: bool) -> Step {
    let a = number::<S::Number>(a, 0);
    let (order, flags) = relate(a, number(b, 0), cpu.vector.mxcsr, signalling);
    cpu.simd_flags(flags)?;
    cpu.flags.set_status(match order {
        None => flag::ZF | flag::PF | flag::CF,
        Some(Ordering::Greater) => 0,
        Some(Ordering::Less) => flag::CF,
        Some(Ordering::Equal) => flag::ZF,
    });
    Ok(())
}
