//! CMPccPS and its kin, MIN, MAX, COMIS and UCOMIS: no rounding, so all of it is plain.

use std::cmp::Ordering;
use std::marker::PhantomData;

use super::exceptions::bit::{DAZ, DE, IE};
use super::float::{Float, Format, number, with_bits};
use super::{Encoding, Numeric, Source};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
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

/// CMPccPS, CMPccPD, CMPccSS, CMPccSD. There are `PREDICATES` of them: 8 without VEX, 32 with it.
pub struct Cmp<S, const PREDICATES: u8>(PhantomData<S>);

impl<S: Format, const PREDICATES: u8> Numeric for Cmp<S, PREDICATES> {
    #[inline(always)]
    fn compute(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32) {
        let predicate = Predicate::of(imm & (PREDICATES - 1));
        let (mut out, mut flags) = (dst, 0);
        for nth in 0..S::COUNT {
            let a = number::<S::Number>(dst, nth);
            let (order, found) = relate(a, number(src, nth), mxcsr, predicate.signalling);
            let all_ones = u64::MAX >> (64 - S::Number::BITS);
            out = with_bits::<S::Number>(out, nth, if predicate.holds(order) { all_ones } else { 0 });
            flags |= found;
        }
        (out, flags)
    }
}

/// What CMP asks of two numbers (SDM volume 2, table 3-1).
struct Predicate {
    /// A bit for each relation that fulfils it: less, equal, greater, unordered.
    relations: u8,
    /// Quiet NaNs are invalid.
    signalling: bool,
}

impl Predicate {
    #[inline(always)]
    fn of(imm: u8) -> Self {
        const LT: u8 = 1;
        const EQ: u8 = 2;
        const GT: u8 = 4;
        const UN: u8 = 8;
        /// EQ, LT, LE, UNORD; the same with NEQ, NLT, NLE, ORD; and what VEX adds.
        const RELATIONS: [u8; 16] = [
            EQ,
            LT,
            LT | EQ,
            UN,
            LT | GT | UN,
            EQ | GT | UN,
            GT | UN,
            LT | EQ | GT,
            EQ | UN,
            LT | UN,
            LT | EQ | UN,
            0,
            LT | GT,
            EQ | GT,
            GT,
            LT | EQ | GT | UN,
        ];
        // The less-thans and their negations signal, and from 16 on the others do.
        let signalling = matches!(imm & 3, 1 | 2) != (imm & 16 != 0);
        Self { relations: RELATIONS[usize::from(imm & 15)], signalling }
    }

    #[inline(always)]
    fn holds(&self, order: Option<Ordering>) -> bool {
        let relation = order.map_or(3, |order| order as i8 + 1);
        self.relations >> relation & 1 != 0
    }
}

/// MINPS, MINPD, MINSS, MINSD
pub struct Min<S>(PhantomData<S>);
/// MAXPS, MAXPD, MAXSS, MAXSD
pub struct Max<S>(PhantomData<S>);

impl<S: Format> Numeric for Min<S> {
    #[inline(always)]
    fn compute(mxcsr: u32, dst: u128, src: u128, _: u8) -> (u128, u32) {
        extreme::<S>(mxcsr, dst, src, Ordering::Less)
    }
}

impl<S: Format> Numeric for Max<S> {
    #[inline(always)]
    fn compute(mxcsr: u32, dst: u128, src: u128, _: u8) -> (u128, u32) {
        extreme::<S>(mxcsr, dst, src, Ordering::Greater)
    }
}

/// The first operand where it relates as `wanted` to the second; else, and so for NaNs and for
/// two zeros, the second.
#[inline(always)]
fn extreme<S: Format>(mxcsr: u32, dst: u128, src: u128, wanted: Ordering) -> (u128, u32) {
    let (mut out, mut flags) = (dst, 0);
    for nth in 0..S::COUNT {
        let a = number::<S::Number>(dst, nth);
        let b = number::<S::Number>(src, nth);
        let (order, found) = relate(a, b, mxcsr, true);
        let chosen = if order == Some(wanted) { a } else { b };
        out = with_bits::<S::Number>(out, nth, flush(chosen, mxcsr).bits());
        flags |= found;
    }
    (out, flags)
}

/// COMIS (`QUIET_IS_INVALID`) and UCOMIS: `op xmm, xmm`
pub fn comis_reg<S: Format, E: Encoding, const QUIET_IS_INVALID: bool>(
    cpu: &mut Cpu,
    _: &mut Board,
    op: &Op,
) -> Step {
    E::ready(cpu)?;
    comis::<S>(cpu, cpu.xmm(op.dst), cpu.xmm(op.src), QUIET_IS_INVALID)
}

/// COMIS (`QUIET_IS_INVALID`) and UCOMIS: `op xmm, mem`
pub fn comis_mem<S: Format, M: Source, E: Encoding, const QUIET_IS_INVALID: bool>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    E::ready(cpu)?;
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
