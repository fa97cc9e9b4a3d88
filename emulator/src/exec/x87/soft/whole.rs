//! Whole numbers, scaling, and remainders.

use super::status::*;
use super::{
    BIAS, Env, Kind, Number, nan_pair, nan_single, pack_full, round_bits, rounding, shift_right_sticky,
};
use crate::state::F80;

/// The integer part of a finite number by `mode`, as a magnitude if it has at most 64 bits:
/// integer, inexact, magnitude grew.
pub(super) fn to_integer(n: Number, mode: u16) -> Option<(u64, bool, bool)> {
    let power = n.exponent - BIAS;
    if power > 63 {
        return None;
    }
    // The binary point in the middle of 128 bits.
    let fixed = if power < 0 {
        shift_right_sticky(u128::from(n.significand) << 1, power.unsigned_abs())
    } else {
        u128::from(n.significand) << (power + 1)
    };
    let (kept, carry, inexact, up) = round_bits(fixed, 64, n.sign, mode);
    if carry { None } else { Some(((kept >> 64) as u64, inexact, up)) }
}

/// FRNDINT
pub fn round_to_integer(env: &mut Env, a: F80) -> F80 {
    match a.kind() {
        Kind::Zero | Kind::Infinity => return a,
        Kind::Finite => env.note_denormal(a),
        _ => return nan_single(env, a),
    }
    let n = a.number();
    if n.exponent >= BIAS + 63 {
        return a;
    }
    let Some((integer, inexact, up)) = to_integer(n, env.rounding()) else { return a };
    if inexact {
        env.flags |= if up { PE | C1 } else { PE };
    }
    if integer == 0 {
        return F80::zero(a.sign());
    }
    let shift = integer.leading_zeros();
    F80::from_parts(a.sign(), BIAS + 63 - shift as i32, integer << shift)
}

/// FSCALE: a × 2^(b chopped)
pub fn scale(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.unordered() || b.unordered() {
        return nan_pair(env, a, b);
    }
    match (a.kind(), b.kind()) {
        (Kind::Zero, Kind::Infinity) if !b.sign() => return env.invalid(),
        (Kind::Infinity, Kind::Infinity) if b.sign() => return env.invalid(),
        _ => {}
    }
    env.note_denormal(a);
    env.note_denormal(b);
    match (a.kind(), b.kind()) {
        (Kind::Zero | Kind::Infinity, _) => return a,
        (_, Kind::Infinity) if b.sign() => return F80::zero(a.sign()),
        (_, Kind::Infinity) => return F80::infinity(a.sign()),
        _ => {}
    }
    let n = a.number();
    let by = match b.kind() {
        Kind::Zero => 0,
        _ => match to_integer(b.number(), rounding::CHOP) {
            Some((integer, ..)) if integer < 1 << 17 => integer as i32,
            _ => 1 << 17,
        },
    };
    let by = if b.sign() { -by } else { by };
    pack_full(env, n.sign, n.exponent + by, u128::from(n.significand) << 64)
}

/// FXTRACT: the exponent as a number, and the significand.
pub fn extract(env: &mut Env, a: F80) -> (F80, F80) {
    match a.kind() {
        Kind::Zero => {
            env.flags |= ZE;
            (F80::infinity(true), a)
        }
        Kind::Infinity => (F80::infinity(false), a),
        Kind::Finite => {
            env.note_denormal(a);
            let n = a.number();
            let power = i64::from(n.exponent - BIAS);
            (F80::from_integer(power), F80::from_parts(n.sign, BIAS, n.significand))
        }
        _ => {
            let nan = nan_single(env, a);
            (nan, nan)
        }
    }
}

/// FPREM (`nearest` false) and FPREM1: one step of the reduction of `a` by `b`, and the four
/// condition codes where the operands have a quotient: C2 says that more steps are needed;
/// otherwise C0, C3, C1 are the low bits of the quotient.
pub fn remainder(env: &mut Env, a: F80, b: F80, nearest: bool) -> (F80, Option<u16>) {
    if a.unordered() || b.unordered() {
        return (nan_pair(env, a, b), None);
    }
    match (a.kind(), b.kind()) {
        (Kind::Infinity, _) | (_, Kind::Zero) => return (env.invalid(), None),
        _ => {}
    }
    env.note_denormal(a);
    env.note_denormal(b);
    if a.kind() == Kind::Zero {
        return (a, Some(0));
    }
    if b.kind() == Kind::Infinity {
        let n = a.number();
        return (pack_full(env, n.sign, n.exponent, u128::from(n.significand) << 64), Some(0));
    }
    let (x, y) = (a.number(), b.number());
    let distance = x.exponent - y.exponent;
    if distance < -1 || distance < 0 && !nearest {
        return (pack_full(env, x.sign, x.exponent, u128::from(x.significand) << 64), Some(0));
    }
    if distance >= 64 {
        // A partial step takes 32 to 63 bits off the distance, so that a multiple of 32 is left.
        let bits = distance & 31 | 32;
        let rest = (u128::from(x.significand) << bits) % u128::from(y.significand);
        return (exact(env, x.sign, y.exponent + distance - bits, rest), Some(C2));
    }
    // Both in units of the lower exponent.
    let (dividend, divisor, exponent) = if distance < 0 {
        (u128::from(x.significand), u128::from(y.significand) << 1, x.exponent)
    } else {
        (u128::from(x.significand) << distance, u128::from(y.significand), y.exponent)
    };
    let mut quotient = dividend / divisor;
    let mut rest = dividend % divisor;
    let mut sign = x.sign;
    if nearest && (rest << 1 > divisor || rest << 1 == divisor && quotient & 1 != 0) {
        rest = divisor - rest;
        quotient += 1;
        sign = !sign;
    }
    let mut codes = 0;
    for (bit, code) in [(4, C0), (2, C3), (1, C1)] {
        if quotient & bit != 0 {
            codes |= code;
        }
    }
    let value = if rest == 0 { F80::zero(x.sign) } else { exact(env, sign, exponent, rest) };
    (value, Some(codes))
}

/// `rest` × 2^(exponent - bias - 63), which is representable.
fn exact(env: &mut Env, sign: bool, exponent: i32, rest: u128) -> F80 {
    if rest == 0 {
        return F80::zero(sign);
    }
    let shift = rest.leading_zeros();
    pack_full(env, sign, exponent + 64 - shift as i32, rest << shift)
}
