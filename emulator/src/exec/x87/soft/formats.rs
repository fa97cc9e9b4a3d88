//! From other formats and to them.

use super::status::*;
use super::whole::to_integer;
use super::{BIAS, Env, Format, INTEGER_BIT, Kind, SPECIAL, nan_single, round};
use crate::state::F80;

/// A binary32 or binary64 pattern in extended form, exactly, NaNs as they are; and whether it was
/// denormal. `fraction` is the number of fraction bits, `bits` the width.
#[inline(always)]
fn widen(pattern: u64, bits: u32, fraction: u32) -> (F80, bool) {
    let sign = pattern >> (bits - 1) & 1 != 0;
    let special = (1 << (bits - 1 - fraction)) - 1;
    let exponent = (pattern >> fraction) as i32 & special;
    let field = pattern << (64 - fraction) >> 1;
    let bias = special >> 1;
    if exponent == special {
        return (F80::from_parts(sign, SPECIAL, INTEGER_BIT | field), false);
    }
    if exponent != 0 {
        return (F80::from_parts(sign, exponent - bias + BIAS, INTEGER_BIT | field), false);
    }
    if field == 0 {
        return (F80::zero(sign), false);
    }
    let shift = field.leading_zeros();
    (F80::from_parts(sign, 1 - bias + BIAS - shift as i32, field << shift), true)
}

/// A binary32 in extended form, and whether it was denormal.
#[inline]
pub fn from_binary32(pattern: u32) -> (F80, bool) {
    widen(u64::from(pattern), 32, 23)
}

/// A binary64 in extended form, and whether it was denormal.
#[inline]
pub fn from_binary64(pattern: u64) -> (F80, bool) {
    widen(pattern, 64, 52)
}

/// Rounds to binary32 or binary64.
#[inline(always)]
fn narrow(env: &mut Env, a: F80, bits: u32, fraction: u32) -> u64 {
    let special = (1 << (bits - 1 - fraction)) - 1;
    let bias = special >> 1;
    let parts = |sign: bool, exponent: i32, significand: u64| {
        u64::from(sign) << (bits - 1) | (exponent as u64) << fraction | significand << 1 >> (64 - fraction)
    };
    match a.kind() {
        Kind::Finite => {
            let n = a.number();
            let format = Format { precision: fraction + 1, special };
            let wide = u128::from(n.significand) << 64;
            let (exponent, significand) = round(env, n.sign, n.exponent - BIAS + bias, wide, format);
            parts(n.sign, exponent, significand)
        }
        Kind::Zero => parts(a.sign(), 0, 0),
        Kind::Infinity => parts(a.sign(), special, INTEGER_BIT),
        _ => {
            let nan = nan_single(env, a);
            parts(nan.sign(), special, nan.significand)
        }
    }
}

/// Rounds to binary32. What it gives for unmasked overflow or underflow is not to be stored.
#[inline]
pub fn to_binary32(env: &mut Env, a: F80) -> u32 {
    narrow(env, a, 32, 23) as u32
}

/// Rounds to binary64. What it gives for unmasked overflow or underflow is not to be stored.
#[inline]
pub fn to_binary64(env: &mut Env, a: F80) -> u64 {
    narrow(env, a, 64, 52)
}

/// Rounds to a signed integer of `bits` bits by `mode`; the integer indefinite with #IA if it
/// does not fit.
#[inline]
pub fn to_signed(env: &mut Env, a: F80, bits: u32, mode: u16) -> i64 {
    let indefinite = i64::MIN >> (64 - bits);
    let limit = indefinite.unsigned_abs();
    let fits = match a.kind() {
        Kind::Zero => return 0,
        Kind::Finite => to_integer(a.number(), mode),
        _ => None,
    };
    match fits {
        Some((magnitude, inexact, up)) if magnitude < limit + u64::from(a.sign()) => {
            if inexact {
                env.flags |= if up { PE | C1 } else { PE };
            }
            if a.sign() { (magnitude as i64).wrapping_neg() } else { magnitude as i64 }
        }
        _ => {
            env.flags |= IE;
            indefinite
        }
    }
}

/// FBLD: eighteen decimal digits and a sign. Digits above nine, which the manual leaves
/// undefined, count as what they say.
pub fn from_bcd(low: u64, high: u16) -> F80 {
    let mut value = 0u64;
    for shift in [4, 0] {
        value = value * 10 + u64::from(high >> shift & 15);
    }
    for shift in (0..64).step_by(4).rev() {
        value = value.wrapping_mul(10).wrapping_add(low >> shift & 15);
    }
    let magnitude = F80::from_integer(value as i64);
    F80 { sign_exponent: magnitude.sign_exponent & 0x7fff | high & 0x8000, ..magnitude }
}

/// FBSTP: rounds to eighteen decimal digits; the packed indefinite with #IA if they do not do.
pub fn to_bcd(env: &mut Env, a: F80) -> (u64, u16) {
    let fits = match a.kind() {
        Kind::Zero => Some((0, false, false)),
        Kind::Finite => to_integer(a.number(), env.rounding()),
        _ => None,
    };
    let Some((mut value, inexact, up)) = fits.filter(|f| f.0 < 10u64.pow(18)) else {
        env.flags |= IE;
        return (0xc000_0000_0000_0000, 0xffff);
    };
    if inexact {
        env.flags |= if up { PE | C1 } else { PE };
    }
    let mut digits = 0u128;
    for place in 0..18 {
        digits |= u128::from(value % 10) << (4 * place);
        value /= 10;
    }
    (digits as u64, (digits >> 64) as u16 | u16::from(a.sign()) << 15)
}
