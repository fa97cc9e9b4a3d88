//! RCPPS, RCPSS, RSQRTPS, RSQRTSS.
//!
//! The manual bounds their relative error by 1.5 × 2^-12 and leaves the rest to the processor.
//! Here they are the exact quotient or root rounded to nearest even at 12 bits of fraction, an
//! error of at most 2^-13, on every host. Denormal operands count as zeros and tiny results
//! become zeros; no flag of MXCSR is read or changed (SDM volume 2, RCPPS and RSQRTPS).

use std::marker::PhantomData;

use super::Packed;
use super::float::{Float, Format, Ps, Ss, number, with_bits};

/// RCPPS, RCPSS
pub struct Rcp<S>(PhantomData<S>);
/// RSQRTPS, RSQRTSS
pub struct Rsqrt<S>(PhantomData<S>);

/// The formats that have these instructions.
pub trait Single: Format<Number = f32> {}
impl Single for Ps {}
impl Single for Ss {}

impl<S: Single> Packed<u128> for Rcp<S> {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        each::<S>(dst, src, |x| 1.0 / x)
    }
}

impl<S: Single> Packed<u128> for Rsqrt<S> {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        each::<S>(dst, src, |x| 1.0 / x.sqrt())
    }
}

fn each<S: Single>(dst: u128, src: u128, f: impl Fn(f64) -> f64) -> u128 {
    (0..S::COUNT).fold(dst, |out, nth| {
        let result = approximate(number::<f32>(src, nth), &f);
        with_bits::<f32>(out, nth, u64::from(result))
    })
}

/// The bits of the result for `x`.
fn approximate(x: f32, f: impl Fn(f64) -> f64) -> u32 {
    const QUIET: u32 = 1 << 22;
    const INDEFINITE: u32 = 0xffc0_0000;
    if x.is_nan() {
        return x.to_bits() | QUIET;
    }
    let x = if x.denormal() { x.signed_zero() } else { x };
    let exact = f(f64::from(x));
    if exact.is_nan() {
        return INDEFINITE;
    }
    let rounded = round_fraction(exact) as f32;
    if rounded.denormal() { rounded.signed_zero().to_bits() } else { rounded.to_bits() }
}

/// `x` rounded to nearest even at 12 bits of fraction; infinities stay.
fn round_fraction(x: f64) -> f64 {
    const DROPPED: u32 = 52 - 12;
    let bits = x.to_bits();
    let half = (1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
    f64::from_bits((bits + half) >> DROPPED << DROPPED)
}
