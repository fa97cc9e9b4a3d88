//! Conversions between numbers and integers, and between formats.

use super::Numeric;
use super::exceptions::bit::{MASK_SHIFT, PE};
use super::exceptions::{Hosted, Run, control, quiet, trapped};
use super::float::{Float, number};
use super::host;

/// The upper half of `dst` over `low`.
#[inline(always)]
fn merge(dst: u128, low: u64) -> u128 {
    dst >> 64 << 64 | u128::from(low)
}

/// A single over the other bits of `dst`.
#[inline(always)]
fn merge_single(dst: u128, value: f32) -> u128 {
    dst >> 32 << 32 | u128::from(value.to_bits())
}

/// The low signed doubleword `nth`.
#[inline(always)]
fn integer(from: u128, nth: u32) -> i32 {
    (from >> (32 * nth)) as i32
}

// --- between formats -------------------------------------------------------------------------

/// CVTSS2SD
pub struct Cvtss2sd;

impl Hosted for Cvtss2sd {
    const RUN: Run = host::cvtss2sd;

    #[inline(always)]
    fn fast(_: u32, dst: u128, src: u128) -> Option<u128> {
        let x = number::<f32>(src, 0);
        x.tame().then(|| merge(dst, f64::from(x).to_bits()))
    }
}

/// CVTSD2SS
pub struct Cvtsd2ss;

impl Hosted for Cvtsd2ss {
    const RUN: Run = host::cvtsd2ss;

    #[inline(always)]
    fn fast(mxcsr: u32, dst: u128, src: u128) -> Option<u128> {
        let x = number::<f64>(src, 0);
        let result = x as f32;
        let exact = quiet(mxcsr) && x.tame() && (result.large() || x == 0.0);
        exact.then(|| merge_single(dst, result))
    }

    fn unmasked(mxcsr: u32, _: u32, _: u128, src: u128) -> u32 {
        narrowed(mxcsr, src as u64)
    }
}

/// CVTPS2PD
pub struct Cvtps2pd;

impl Hosted for Cvtps2pd {
    const RUN: Run = host::cvtps2pd;

    #[inline(always)]
    fn fast(_: u32, _: u128, src: u128) -> Option<u128> {
        let (low, high) = (number::<f32>(src, 0), number::<f32>(src, 1));
        let wide = |x| u128::from(f64::from(x).to_bits());
        (low.tame() && high.tame()).then(|| wide(low) | wide(high) << 64)
    }
}

/// CVTPD2PS
pub struct Cvtpd2ps;

impl Hosted for Cvtpd2ps {
    const RUN: Run = host::cvtpd2ps;

    fn unmasked(mxcsr: u32, _: u32, _: u128, src: u128) -> u32 {
        narrowed(mxcsr, src as u64) | narrowed(mxcsr, (src >> 64) as u64)
    }
}

/// The flags of a double made single where overflow or underflow may be unmasked.
fn narrowed(mxcsr: u32, double: u64) -> u32 {
    let (result, flags) = host::cvtsd2ss(control(mxcsr), 0, double.into());
    let dropped = || f64::from_bits(double).near_one().to_bits() << (64 - 52 + 23) != 0;
    trapped(mxcsr, flags, number::<f32>(result, 0).denormal(), dropped)
}

// --- from integers ---------------------------------------------------------------------------

/// CVTDQ2PD, and CVTPI2PD: always exact.
pub struct Cvtdq2pd;

impl Numeric for Cvtdq2pd {
    #[inline(always)]
    fn compute(_: u32, _: u128, src: u128, _: u8) -> (u128, u32) {
        let wide = |nth| u128::from(f64::from(integer(src, nth)).to_bits());
        (wide(0) | wide(1) << 64, 0)
    }
}

/// CVTDQ2PS
pub struct Cvtdq2ps;

impl Hosted for Cvtdq2ps {
    const RUN: Run = host::cvtdq2ps;

    #[inline(always)]
    fn fast(mxcsr: u32, _: u128, src: u128) -> Option<u128> {
        let single = |nth| u128::from((integer(src, nth) as f32).to_bits()) << (32 * nth);
        quiet(mxcsr).then(|| single(0) | single(1) | single(2) | single(3))
    }
}

/// CVTPI2PS
pub struct Cvtpi2ps;

impl Numeric for Cvtpi2ps {
    fn compute(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32) {
        let (value, flags) = Cvtdq2ps::found(mxcsr, dst, u128::from(src as u64), imm);
        (merge(dst, value as u64), flags)
    }
}

/// CVTSI2SD from 32 bits: always exact.
pub struct Cvtsi2sd32;

impl Numeric for Cvtsi2sd32 {
    #[inline(always)]
    fn compute(_: u32, dst: u128, src: u128, _: u8) -> (u128, u32) {
        (merge(dst, f64::from(integer(src, 0)).to_bits()), 0)
    }
}

/// CVTSI2SD from 64 bits
pub struct Cvtsi2sd64;

impl Hosted for Cvtsi2sd64 {
    const RUN: Run = host::cvtsi2sd_64;

    #[inline(always)]
    fn fast(mxcsr: u32, dst: u128, src: u128) -> Option<u128> {
        let x = src as i64;
        let exact = x.unsigned_abs() <= 1 << 53;
        (exact || quiet(mxcsr)).then(|| merge(dst, (x as f64).to_bits()))
    }
}

/// CVTSI2SS from 32 bits
pub struct Cvtsi2ss32;

impl Hosted for Cvtsi2ss32 {
    const RUN: Run = host::cvtsi2ss_32;

    #[inline(always)]
    fn fast(mxcsr: u32, dst: u128, src: u128) -> Option<u128> {
        let x = src as i32;
        let exact = x.unsigned_abs() <= 1 << 24;
        (exact || quiet(mxcsr)).then(|| merge_single(dst, x as f32))
    }
}

/// CVTSI2SS from 64 bits
pub struct Cvtsi2ss64;

impl Hosted for Cvtsi2ss64 {
    const RUN: Run = host::cvtsi2ss_64;

    #[inline(always)]
    fn fast(mxcsr: u32, dst: u128, src: u128) -> Option<u128> {
        let x = src as i64;
        let exact = x.unsigned_abs() <= 1 << 24;
        (exact || quiet(mxcsr)).then(|| merge_single(dst, x as f32))
    }
}

// --- to integers -----------------------------------------------------------------------------

/// `x` cut to an integer, where it fits 64 bits and no flag of MXCSR changes.
#[inline(always)]
fn truncated(mxcsr: u32, x: f64) -> Option<i64> {
    // 2^63; NaNs compare false.
    if x.abs() < 9_223_372_036_854_775_808.0 {
        let result = x as i64;
        let inexact_known = mxcsr & PE != 0 && mxcsr & PE << MASK_SHIFT != 0;
        if inexact_known || result as f64 == x {
            return Some(result);
        }
    }
    None
}

/// `x` rounded to an integer, where no flag of MXCSR changes.
#[inline(always)]
fn rounded(mxcsr: u32, x: f64) -> Option<i64> {
    // Between 2^52 and 2^53 the doubles are the integers: a sum there is rounded to one.
    const INTEGERS: f64 = (3u64 << 51) as f64;
    let small = x.abs() < (1u64 << 51) as f64;
    (quiet(mxcsr) && small).then_some(((x + INTEGERS) - INTEGERS) as i64)
}

/// An integer in the form of a 32-bit general register, if it fits.
#[inline(always)]
fn in_32(value: Option<i64>) -> Option<u128> {
    i32::try_from(value?).ok().map(|value| u128::from(value as u32))
}

/// An integer in the form of a 64-bit general register.
#[inline(always)]
fn in_64(value: Option<i64>) -> Option<u128> {
    value.map(|value| u128::from(value as u64))
}

/// Declares conversions to integers: `Name = host function, (MXCSR, source) fast path;`
macro_rules! to_integer {
    ($($(#[$doc:meta])* $name:ident = $run:path, ($mxcsr:ident, $src:ident) $fast:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Hosted for $name {
            const RUN: Run = $run;

            #[inline(always)]
            fn fast($mxcsr: u32, _: u128, $src: u128) -> Option<u128> {
                $fast
            }
        }
    )*};
}

to_integer! {
    /// CVTTSD2SI to 32 bits
    Cvttsd2si32 = host::cvttsd2si_32, (mxcsr, src) in_32(truncated(mxcsr, number::<f64>(src, 0)));
    /// CVTTSD2SI to 64 bits
    Cvttsd2si64 = host::cvttsd2si_64, (mxcsr, src) in_64(truncated(mxcsr, number::<f64>(src, 0)));
    /// CVTTSS2SI to 32 bits
    Cvttss2si32 = host::cvttss2si_32, (mxcsr, src) in_32(truncated(mxcsr, number::<f32>(src, 0).into()));
    /// CVTSD2SI to 32 bits
    Cvtsd2si32 = host::cvtsd2si_32, (mxcsr, src) in_32(rounded(mxcsr, number::<f64>(src, 0)));
    /// CVTSD2SI to 64 bits
    Cvtsd2si64 = host::cvtsd2si_64, (mxcsr, src) in_64(rounded(mxcsr, number::<f64>(src, 0)));
    /// CVTSS2SI to 32 bits
    Cvtss2si32 = host::cvtss2si_32, (mxcsr, src) in_32(rounded(mxcsr, number::<f32>(src, 0).into()));
    /// CVTSS2SI to 64 bits
    Cvtss2si64 = host::cvtss2si_64, (mxcsr, src) in_64(rounded(mxcsr, number::<f32>(src, 0).into()));
    /// CVTTSS2SI to 64 bits
    Cvttss2si64 = host::cvttss2si_64, (mxcsr, src) in_64(truncated(mxcsr, number::<f32>(src, 0).into()));
}

/// Declares conversions that the host always does: `Name = host function;`
macro_rules! hosted {
    ($($(#[$doc:meta])* $name:ident = $run:path;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Hosted for $name {
            const RUN: Run = $run;
        }
    )*};
}

hosted! {
    /// CVTPS2DQ
    Cvtps2dq = host::cvtps2dq;
    /// CVTTPS2DQ
    Cvttps2dq = host::cvttps2dq;
    /// CVTPD2DQ, and CVTPD2PI
    Cvtpd2dq = host::cvtpd2dq;
    /// CVTTPD2DQ, and CVTTPD2PI
    Cvttpd2dq = host::cvttpd2dq;
}

/// CVTPS2PI
pub struct Cvtps2pi;
/// CVTTPS2PI
pub struct Cvttps2pi;

impl Numeric for Cvtps2pi {
    fn compute(mxcsr: u32, _: u128, src: u128, imm: u8) -> (u128, u32) {
        Cvtps2dq::found(mxcsr, 0, u128::from(src as u64), imm)
    }
}

impl Numeric for Cvttps2pi {
    fn compute(mxcsr: u32, _: u128, src: u128, imm: u8) -> (u128, u32) {
        Cvttps2dq::found(mxcsr, 0, u128::from(src as u64), imm)
    }
}
