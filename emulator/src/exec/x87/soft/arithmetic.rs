//! The four operations and the square root.

use super::status::*;
use super::{BIAS, Env, Kind, Number, nan_pair, nan_single, pack, rounding, shift_right_sticky};
use crate::state::F80;

/// a + b
#[inline]
pub fn add(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.normal() && b.normal() {
        add_numbers(env, a.number(), b.number())
    } else {
        add_special(env, a, b, false)
    }
}

/// a - b
#[inline]
pub fn sub(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.normal() && b.normal() {
        add_numbers(env, a.number(), b.negated().number())
    } else {
        add_special(env, a, b, true)
    }
}

#[cold]
fn add_special(env: &mut Env, a: F80, b: F80, negate: bool) -> F80 {
    if a.unordered() || b.unordered() {
        return nan_pair(env, a, b);
    }
    let b = if negate { b.negated() } else { b };
    match (a.kind(), b.kind()) {
        (Kind::Infinity, Kind::Infinity) if a.sign() != b.sign() => return env.invalid(),
        (Kind::Infinity, _) => {
            env.note_denormal(b);
            return a;
        }
        (_, Kind::Infinity) => {
            env.note_denormal(a);
            return b;
        }
        (Kind::Zero, Kind::Zero) => {
            let sign = if a.sign() == b.sign() { a.sign() } else { env.rounding() == rounding::DOWN };
            return F80::zero(sign);
        }
        _ => {}
    }
    env.note_denormal(a);
    env.note_denormal(b);
    let wide = |n: Number| (n.sign, n.exponent, u128::from(n.significand) << 64);
    if a.kind() == Kind::Zero || b.kind() == Kind::Zero {
        let (sign, exponent, significand) =
            wide(if a.kind() == Kind::Zero { b.number() } else { a.number() });
        return pack(env, sign, exponent, significand);
    }
    add_numbers(env, a.number(), b.number())
}

#[inline(always)]
fn add_numbers(env: &mut Env, a: Number, b: Number) -> F80 {
    let (big, small) = if a.exponent >= b.exponent { (a, b) } else { (b, a) };
    let far = (big.exponent - small.exponent) as u32;
    let x = u128::from(big.significand) << 63;
    let y = shift_right_sticky(u128::from(small.significand) << 63, far);
    if big.sign == small.sign {
        let sum = x + y;
        let carry = (sum >> 127) as u32;
        return pack(env, big.sign, big.exponent + carry as i32, sum << (1 - carry));
    }
    let (sign, difference) = if x >= y { (big.sign, x - y) } else { (small.sign, y - x) };
    if difference == 0 {
        return F80::zero(env.rounding() == rounding::DOWN);
    }
    let shift = difference.leading_zeros();
    pack(env, sign, big.exponent + 1 - shift as i32, difference << shift)
}

/// a × b
#[inline]
pub fn mul(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.normal() && b.normal() { mul_numbers(env, a.number(), b.number()) } else { mul_special(env, a, b) }
}

#[inline(always)]
fn mul_numbers(env: &mut Env, a: Number, b: Number) -> F80 {
    let product = u128::from(a.significand) * u128::from(b.significand);
    let top = (product >> 127) as u32;
    let exponent = a.exponent + b.exponent - BIAS + top as i32;
    pack(env, a.sign != b.sign, exponent, product << (1 - top))
}

#[cold]
fn mul_special(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.unordered() || b.unordered() {
        return nan_pair(env, a, b);
    }
    let sign = a.sign() != b.sign();
    match (a.kind(), b.kind()) {
        (Kind::Infinity, Kind::Zero) | (Kind::Zero, Kind::Infinity) => return env.invalid(),
        _ => {}
    }
    env.note_denormal(a);
    env.note_denormal(b);
    match (a.kind(), b.kind()) {
        (Kind::Infinity, _) | (_, Kind::Infinity) => F80::infinity(sign),
        (Kind::Zero, _) | (_, Kind::Zero) => F80::zero(sign),
        _ => mul_numbers(env, a.number(), b.number()),
    }
}

/// a ÷ b
#[inline]
pub fn div(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.normal() && b.normal() { div_numbers(env, a.number(), b.number()) } else { div_special(env, a, b) }
}

#[inline(always)]
fn div_numbers(env: &mut Env, a: Number, b: Number) -> F80 {
    let less = a.significand < b.significand;
    let dividend = u128::from(a.significand) << (63 + u32::from(less));
    let divisor = u128::from(b.significand);
    let quotient = dividend / divisor;
    let rest = dividend - quotient * divisor;
    // The quotient has 64 bits: what follows is told by the remainder.
    let below = match (rest << 1).cmp(&divisor) {
        _ if rest == 0 => 0,
        std::cmp::Ordering::Less => 1,
        std::cmp::Ordering::Equal => 1 << 63,
        std::cmp::Ordering::Greater => 1 << 63 | 1,
    };
    let exponent = a.exponent - b.exponent + BIAS - i32::from(less);
    pack(env, a.sign != b.sign, exponent, quotient << 64 | below)
}

#[cold]
fn div_special(env: &mut Env, a: F80, b: F80) -> F80 {
    if a.unordered() || b.unordered() {
        return nan_pair(env, a, b);
    }
    let sign = a.sign() != b.sign();
    match (a.kind(), b.kind()) {
        (Kind::Infinity, Kind::Infinity) | (Kind::Zero, Kind::Zero) => return env.invalid(),
        (Kind::Finite, Kind::Zero) => {
            env.flags |= ZE;
            return F80::infinity(sign);
        }
        _ => {}
    }
    env.note_denormal(a);
    env.note_denormal(b);
    match (a.kind(), b.kind()) {
        (Kind::Infinity, _) => F80::infinity(sign),
        (_, Kind::Infinity) | (Kind::Zero, _) => F80::zero(sign),
        _ => div_numbers(env, a.number(), b.number()),
    }
}

/// The square root.
#[inline]
pub fn sqrt(env: &mut Env, a: F80) -> F80 {
    if !a.normal() || a.sign() {
        return match a.kind() {
            Kind::Zero => a,
            Kind::Infinity if !a.sign() => a,
            Kind::Finite if !a.sign() => {
                env.flags |= DE;
                sqrt_number(env, a.number())
            }
            Kind::Finite | Kind::Infinity => env.invalid(),
            _ => nan_single(env, a),
        };
    }
    sqrt_number(env, a.number())
}

#[inline(always)]
fn sqrt_number(env: &mut Env, a: Number) -> F80 {
    let power = a.exponent - BIAS;
    let odd = power & 1;
    let square = u128::from(a.significand) << (63 + odd);
    let root = root(square);
    let rest = square - u128::from(root) * u128::from(root);
    // sqrt = root + f; f > 1/2 exactly if rest > root, and never f = 1/2.
    let below = match rest {
        0 => 0,
        r if r > u128::from(root) => 1 << 63 | 1,
        _ => 1,
    };
    pack(env, false, (power >> 1) + BIAS, u128::from(root) << 64 | below)
}

/// The integer square root of a number in [2^126, 2^128).
#[inline(always)]
fn root(square: u128) -> u64 {
    // 53 bits from the binary64 root, the rest from one Newton step, then exactly.
    let guess = (((square >> 64) as u64) as f64).sqrt() * 4294967296.0;
    let guess = guess as u64;
    // Below 2^78 in magnitude, so that it fits 64 bits without its low half.
    let error = (square.wrapping_sub(u128::from(guess) * u128::from(guess)) as i128 >> 32) as i64;
    let step = (error as f64 * 4294967296.0 / (2.0 * guess as f64)) as i64;
    let mut root = guess.checked_add_signed(step).unwrap_or(u64::MAX);
    while u128::from(root) * u128::from(root) > square {
        root -= 1;
    }
    while root != u64::MAX && (u128::from(root) + 1) * (u128::from(root) + 1) <= square {
        root += 1;
    }
    root
}
