//! Numbers with 128-bit significands: what the transcendental functions compute with.
//!
//! Results are cut off, not rounded: each operation errs by less than 2^-126 of its result.

use crate::state::F80;

use super::soft::{BIAS, Env, Number, pack_full, shift_right_sticky};

/// A number that is not zero: significand × 2^(exponent - 127), the top bit set.
#[derive(Clone, Copy, Debug)]
pub struct Wide {
    /// Negative.
    pub sign: bool,
    /// The power of two of the top bit.
    pub exponent: i32,
    /// Normalised.
    pub significand: u128,
}

impl From<Number> for Wide {
    fn from(n: Number) -> Self {
        Self { sign: n.sign, exponent: n.exponent - BIAS, significand: u128::from(n.significand) << 64 }
    }
}

impl Wide {
    /// One.
    pub const ONE: Self = Self { sign: false, exponent: 0, significand: 1 << 127 };

    /// `significand` × 2^(exponent - 127); not zero.
    pub fn new(sign: bool, exponent: i32, significand: u128) -> Self {
        debug_assert!(significand != 0);
        let shift = significand.leading_zeros();
        Self { sign, exponent: exponent - shift as i32, significand: significand << shift }
    }

    /// An integer that is not zero.
    pub fn integer(value: i32) -> Self {
        Self::new(value < 0, 127, u128::from(value.unsigned_abs()))
    }

    /// With the other sign.
    pub fn negated(self) -> Self {
        Self { sign: !self.sign, ..self }
    }

    /// Without its sign.
    pub fn magnitude(self) -> Self {
        Self { sign: false, ..self }
    }

    /// Times 2^`power`.
    pub fn scaled(self, power: i32) -> Self {
        Self { exponent: self.exponent + power, ..self }
    }

    /// Product.
    pub fn times(self, other: Self) -> Self {
        let high = mul_high(self.significand, other.significand);
        // The product lies in [2^126, 2^128); a bit may be lost, which the callers' bounds allow for.
        Self::new(self.sign != other.sign, self.exponent + other.exponent + 1, high)
    }

    /// The product of two numbers with at most 64 significant bits each, exactly.
    pub fn times_exactly(self, other: Self) -> Self {
        let product = (self.significand >> 64) * (other.significand >> 64);
        Self::new(self.sign != other.sign, self.exponent + other.exponent + 1, product)
    }

    /// Quotient.
    pub fn over(self, other: Self) -> Self {
        let (a, b) = (self.significand, other.significand);
        let whole = a >= b;
        let mut rest = if whole { a - b } else { a };
        let high = quotient_digit(&mut rest, b);
        let low = quotient_digit(&mut rest, b);
        let fraction = u128::from(high) << 64 | u128::from(low);
        let sign = self.sign != other.sign;
        let exponent = self.exponent - other.exponent;
        if whole {
            Self { sign, exponent, significand: 1 << 127 | fraction >> 1 }
        } else {
            Self::new(sign, exponent - 1, fraction)
        }
    }

    /// Sum; `None` if it is zero.
    pub fn plus(self, other: Self) -> Option<Self> {
        let larger = (self.exponent, self.significand) >= (other.exponent, other.significand);
        let (a, b) = if larger { (self, other) } else { (other, self) };
        let small = shift_right_sticky(b.significand, (a.exponent - b.exponent) as u32);
        if a.sign == b.sign {
            let (sum, carry) = a.significand.overflowing_add(small);
            return Some(if carry {
                Self { significand: 1 << 127 | sum >> 1, exponent: a.exponent + 1, ..a }
            } else {
                Self { significand: sum, ..a }
            });
        }
        match a.significand - small {
            0 => None,
            difference => Some(Self::new(a.sign, a.exponent, difference)),
        }
    }

    /// The magnitude of a number below one, in units of 2^-128.
    pub fn fraction(self) -> u128 {
        debug_assert!(self.exponent < 0);
        let shift = (-1 - self.exponent) as u32;
        if shift < 128 { self.significand >> shift } else { 0 }
    }

    /// Rounds an exact number to the extended format.
    pub fn round_exact(self, env: &mut Env) -> F80 {
        pack_full(env, self.sign, self.exponent + BIAS, self.significand)
    }

    /// Rounds a number that stands for an irrational one near it.
    pub fn round(self, env: &mut Env) -> F80 {
        pack_full(env, self.sign, self.exponent + BIAS, self.significand | 1)
    }
}

/// The upper half of the product.
#[inline]
pub fn mul_high(a: u128, b: u128) -> u128 {
    let low = |v: u128| v & u128::from(u64::MAX);
    let (a1, a0, b1, b0) = (a >> 64, low(a), b >> 64, low(b));
    let middle = ((a0 * b0) >> 64) + low(a1 * b0) + low(a0 * b1);
    a1 * b1 + ((a1 * b0) >> 64) + ((a0 * b1) >> 64) + (middle >> 64)
}

/// The next 64 bits of `rest` ÷ `divisor`, which has its top bit set and is greater.
fn quotient_digit(rest: &mut u128, divisor: u128) -> u64 {
    let (high, low) = (divisor >> 64, divisor & u128::from(u64::MAX));
    let mut digit = (*rest / high).min(u128::from(u64::MAX));
    let mut left = *rest - digit * high;
    while left >> 64 == 0 && left << 64 < digit * low {
        digit -= 1;
        left += high;
    }
    *rest = (left << 64).wrapping_sub(digit * low);
    digit as u64
}
