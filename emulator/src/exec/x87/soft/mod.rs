//! The arithmetic of the extended format: what each operation gives, bit by bit, and which
//! exceptions it signals (SDM volume 1, chapters 4 and 8).
//!
//! Nothing here knows of registers or memory. An operation takes [`F80`]s and an [`Env`], gives
//! the value for the masked or the biased unmasked response, and leaves flags in the [`Env`].
//! Significands are widened to 128 bits with a sticky low bit, so one rounding routine serves all.

mod arithmetic;
mod formats;
mod order;
mod whole;

use crate::state::F80;

pub use arithmetic::{add, div, mul, sqrt, sub};
pub use formats::{from_bcd, from_binary32, from_binary64, to_bcd, to_binary32, to_binary64, to_signed};
pub use order::{compare, examine};
pub use whole::{extract, remainder, round_to_integer, scale};

/// Status word bits (SDM volume 1, figure 8-4).
pub mod status {
    /// Invalid operation.
    pub const IE: u16 = 1 << 0;
    /// Denormal operand.
    pub const DE: u16 = 1 << 1;
    /// Division of a finite number by zero.
    pub const ZE: u16 = 1 << 2;
    /// Overflow.
    pub const OE: u16 = 1 << 3;
    /// Underflow.
    pub const UE: u16 = 1 << 4;
    /// Inexact result.
    pub const PE: u16 = 1 << 5;
    /// Stack fault; C1 says which.
    pub const SF: u16 = 1 << 6;
    /// Exception summary.
    pub const ES: u16 = 1 << 7;
    /// Condition code 0.
    pub const C0: u16 = 1 << 8;
    /// Condition code 1: rounded up, or stack overflow.
    pub const C1: u16 = 1 << 9;
    /// Condition code 2.
    pub const C2: u16 = 1 << 10;
    /// Condition code 3.
    pub const C3: u16 = 1 << 14;
    /// Busy: a copy of ES.
    pub const B: u16 = 1 << 15;
    /// The six exceptions.
    pub const EXCEPTIONS: u16 = 0x3f;
}

use status::*;

/// Rounding modes, as bits 10 and 11 of the control word have them.
pub mod rounding {
    /// To nearest, ties to even.
    pub const NEAREST: u16 = 0;
    /// Towards minus infinity.
    pub const DOWN: u16 = 1;
    /// Towards plus infinity.
    pub const UP: u16 = 2;
    /// Towards zero.
    pub const CHOP: u16 = 3;
}

/// The exponent bias of the extended format.
pub const BIAS: i32 = 16383;
/// The exponent field of infinities and NaNs.
pub const SPECIAL: i32 = 0x7fff;
/// What an unmasked overflow or underflow adds to or takes from the exponent (SDM volume 1, 8.5.4).
const WRAP: i32 = 3 << 13;
const INTEGER_BIT: u64 = 1 << 63;
const QUIET_BIT: u64 = 1 << 62;

/// The QNaN "real indefinite".
pub const INDEFINITE: F80 = F80 { significand: 0xc000_0000_0000_0000, sign_exponent: 0xffff };

/// The control word an operation runs under, and the flags it raises.
#[derive(Clone, Copy, Debug)]
pub struct Env {
    /// The control word.
    pub control: u16,
    /// Exceptions and condition codes, in the places of the status word.
    pub flags: u16,
}

impl Env {
    /// No flags yet.
    #[inline(always)]
    pub fn new(control: u16) -> Self {
        Self { control, flags: 0 }
    }

    /// One of [`rounding`].
    #[inline(always)]
    pub fn rounding(&self) -> u16 {
        self.control >> 10 & 3
    }

    /// Significand bits that precision control asks for (SDM volume 1, table 8-2).
    #[inline(always)]
    fn precision(&self) -> u32 {
        match self.control >> 8 & 3 {
            0 => 24,
            2 => 53,
            _ => 64,
        }
    }

    #[inline(always)]
    pub(super) fn masked(&self, exception: u16) -> bool {
        self.control & exception != 0
    }

    /// Raises #IA and gives the masked response.
    #[cold]
    pub(super) fn invalid(&mut self) -> F80 {
        self.flags |= IE;
        INDEFINITE
    }

    #[inline(always)]
    fn note_denormal(&mut self, a: F80) {
        if a.denormal() {
            self.flags |= DE;
        }
    }
}

/// What a register holds (SDM volume 1, tables 4-3 and 8-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plus or minus zero.
    Zero,
    /// A finite number, denormals and pseudo-denormals too.
    Finite,
    /// Plus or minus infinity.
    Infinity,
    /// A quiet NaN.
    Quiet,
    /// A signalling NaN.
    Signalling,
    /// Unnormal, pseudo-NaN, pseudo-infinity: the 80287 knew them, no later processor does.
    Unsupported,
}

/// A non-zero finite number: significand × 2^(exponent - [`BIAS`] - 63), its top bit set.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Negative.
    pub sign: bool,
    /// Biased; denormals reach below 1.
    pub exponent: i32,
    /// Normalised.
    pub significand: u64,
}

impl F80 {
    /// A value from its parts.
    #[inline(always)]
    pub fn from_parts(sign: bool, exponent: i32, significand: u64) -> Self {
        Self { significand, sign_exponent: u16::from(sign) << 15 | exponent as u16 }
    }

    /// A zero.
    #[inline]
    pub fn zero(sign: bool) -> Self {
        Self::from_parts(sign, 0, 0)
    }

    /// An infinity.
    #[inline]
    pub fn infinity(sign: bool) -> Self {
        Self::from_parts(sign, SPECIAL, INTEGER_BIT)
    }

    /// One.
    pub const ONE: Self = Self { significand: INTEGER_BIT, sign_exponent: BIAS as u16 };

    /// The sign bit.
    #[inline(always)]
    pub fn sign(self) -> bool {
        self.sign_exponent >> 15 != 0
    }

    /// The exponent field.
    #[inline(always)]
    pub fn exponent(self) -> i32 {
        i32::from(self.sign_exponent & 0x7fff)
    }

    /// With the sign changed.
    #[inline(always)]
    pub fn negated(self) -> Self {
        Self { sign_exponent: self.sign_exponent ^ 0x8000, ..self }
    }

    /// Neither zero nor denormal nor special nor unsupported.
    #[inline(always)]
    pub fn normal(self) -> bool {
        (self.exponent() as u32).wrapping_sub(1) < 0x7ffe && self.significand >> 63 != 0
    }

    /// A denormal or pseudo-denormal.
    #[inline(always)]
    pub fn denormal(self) -> bool {
        self.exponent() == 0 && self.significand != 0
    }

    /// Its class.
    #[inline]
    pub fn kind(self) -> Kind {
        let integer = self.significand >> 63 != 0;
        match self.exponent() {
            0 if self.significand == 0 => Kind::Zero,
            0 => Kind::Finite,
            _ if !integer => Kind::Unsupported,
            SPECIAL if self.significand == INTEGER_BIT => Kind::Infinity,
            SPECIAL if self.significand & QUIET_BIT != 0 => Kind::Quiet,
            SPECIAL => Kind::Signalling,
            _ => Kind::Finite,
        }
    }

    /// Whether it is a NaN or unsupported.
    #[inline]
    pub fn unordered(self) -> bool {
        matches!(self.kind(), Kind::Quiet | Kind::Signalling | Kind::Unsupported)
    }

    /// The parts of a finite number that is not zero.
    #[inline(always)]
    pub fn number(self) -> Number {
        let shift = self.significand.leading_zeros();
        let exponent = self.exponent();
        Number {
            sign: self.sign(),
            exponent: if exponent == 0 { 1 - shift as i32 } else { exponent },
            significand: self.significand << (shift & 63),
        }
    }

    fn quieted(self) -> Self {
        Self { significand: self.significand | QUIET_BIT, ..self }
    }

    /// An integer, exactly.
    pub fn from_integer(value: i64) -> Self {
        if value == 0 {
            return Self::zero(false);
        }
        let magnitude = value.unsigned_abs();
        let shift = magnitude.leading_zeros();
        Self::from_parts(value < 0, BIAS + 63 - shift as i32, magnitude << shift)
    }
}

// --- rounding ------------------------------------------------------------------------------

/// `value` shifted right; bits that fall off stick to the lowest one.
#[inline(always)]
pub(super) fn shift_right_sticky(value: u128, count: u32) -> u128 {
    match count {
        0 => value,
        1..=127 => value >> count | u128::from(value << (128 - count) != 0),
        _ => u128::from(value != 0),
    }
}

/// Rounds away the `low` lowest bits: what is kept (those bits clear), whether a carry left at
/// the top, whether bits were lost, whether the magnitude grew.
#[inline(always)]
pub(super) fn round_bits(value: u128, low: u32, sign: bool, mode: u16) -> (u128, bool, bool, bool) {
    let unit = 1u128 << low;
    let rest = value & (unit - 1);
    let kept = value & !(unit - 1);
    if rest == 0 {
        return (kept, false, false, false);
    }
    let half = unit >> 1;
    let up = match mode {
        rounding::NEAREST => rest > half || rest == half && kept & unit != 0,
        rounding::DOWN => sign,
        rounding::UP => !sign,
        _ => false,
    };
    if up {
        let (sum, carry) = kept.overflowing_add(unit);
        (sum, carry, true, true)
    } else {
        (kept, false, true, false)
    }
}

/// A destination format of [`round`].
#[derive(Clone, Copy)]
struct Format {
    /// Significand bits, with the integer bit.
    precision: u32,
    /// The exponent field of infinities.
    special: i32,
}

/// Rounds significand × 2^(exponent - bias - 127) to a format whose bias the exponent has already:
/// the exponent field, and the significand with its integer bit in bit 63.
///
/// `significand` has its top bit set. Tininess is detected after rounding (SDM volume 1, 4.9.1.5).
/// With overflow or underflow unmasked the exponent is wrapped (8.5.4, 8.5.5).
#[inline(always)]
fn round(env: &mut Env, sign: bool, exponent: i32, significand: u128, format: Format) -> (i32, u64) {
    debug_assert!(significand >> 127 != 0);
    let low = 128 - format.precision;
    let mode = env.rounding();
    let (kept, carry, inexact, up) = round_bits(significand, low, sign, mode);
    let top = if carry { INTEGER_BIT } else { (kept >> 64) as u64 };
    let rounded = exponent + i32::from(carry);
    if rounded >= 1 && rounded < format.special {
        if inexact {
            env.flags |= if up { PE | C1 } else { PE };
        }
        return (rounded, top);
    }
    round_extreme(env, sign, exponent, significand, format)
}

#[cold]
#[inline(never)]
fn round_extreme(env: &mut Env, sign: bool, exponent: i32, significand: u128, format: Format) -> (i32, u64) {
    let low = 128 - format.precision;
    let mode = env.rounding();
    let (kept, carry, inexact, up) = round_bits(significand, low, sign, mode);
    let top = if carry { INTEGER_BIT } else { (kept >> 64) as u64 };
    let rounded = exponent + i32::from(carry);
    let precision_flags = match (inexact, up) {
        (false, _) => 0,
        (true, false) => PE,
        (true, true) => PE | C1,
    };
    if rounded >= format.special {
        env.flags |= OE;
        if !env.masked(OE) {
            env.flags |= precision_flags;
            return (rounded - WRAP, top);
        }
        let to_infinity = match mode {
            rounding::NEAREST => true,
            rounding::DOWN => sign,
            rounding::UP => !sign,
            _ => false,
        };
        env.flags |= PE;
        return if to_infinity {
            env.flags |= C1;
            (format.special, INTEGER_BIT)
        } else {
            (format.special - 1, u64::MAX << (64 - format.precision))
        };
    }
    // Tiny.
    if !env.masked(UE) {
        env.flags |= UE | precision_flags;
        return (rounded + WRAP, top);
    }
    let shifted = shift_right_sticky(significand, (1 - exponent) as u32);
    let (kept, _, inexact, up) = round_bits(shifted, low, sign, mode);
    if inexact {
        env.flags |= if up { UE | PE | C1 } else { UE | PE };
    }
    let top = (kept >> 64) as u64;
    ((top >> 63) as i32, top)
}

/// Rounds to the extended format, to the precision that the control word asks for.
#[inline(always)]
fn pack(env: &mut Env, sign: bool, exponent: i32, significand: u128) -> F80 {
    if env.precision() != 64 {
        return pack_short(env, sign, exponent, significand);
    }
    let format = Format { precision: 64, special: SPECIAL };
    let (exponent, top) = round(env, sign, exponent, significand, format);
    F80::from_parts(sign, exponent, top)
}

#[inline(never)]
fn pack_short(env: &mut Env, sign: bool, exponent: i32, significand: u128) -> F80 {
    let format = Format { precision: env.precision(), special: SPECIAL };
    let (exponent, top) = round(env, sign, exponent, significand, format);
    F80::from_parts(sign, exponent, top)
}

/// Rounds to the extended format and 64 bits, whatever precision control says.
pub(super) fn pack_full(env: &mut Env, sign: bool, exponent: i32, significand: u128) -> F80 {
    let format = Format { precision: 64, special: SPECIAL };
    let (exponent, top) = round(env, sign, exponent, significand, format);
    if exponent <= 0 && !env.masked(UE) && env.flags & UE != 0 {
        // Only FSCALE goes so far: even the wrapped exponent is out of range.
        env.flags |= PE;
        return F80::zero(sign);
    }
    if exponent >= SPECIAL {
        if !env.masked(OE) && env.flags & OE != 0 {
            env.flags |= PE | C1;
        }
        return F80::infinity(sign);
    }
    F80::from_parts(sign, exponent, top)
}

// --- NaNs ----------------------------------------------------------------------------------

/// The response to an operand pair of which one is a NaN or unsupported (SDM volume 1, table 4-7).
#[cold]
pub(super) fn nan_pair(env: &mut Env, a: F80, b: F80) -> F80 {
    let (ka, kb) = (a.kind(), b.kind());
    if ka == Kind::Unsupported || kb == Kind::Unsupported {
        return env.invalid();
    }
    if ka == Kind::Signalling || kb == Kind::Signalling {
        env.flags |= IE;
    }
    let nan = |k| matches!(k, Kind::Quiet | Kind::Signalling);
    let chosen = match (nan(ka), nan(kb)) {
        (true, false) => a,
        (false, true) => b,
        _ if ka != kb => {
            if ka == Kind::Quiet {
                a
            } else {
                b
            }
        }
        _ if a.significand != b.significand => {
            if a.significand > b.significand {
                a
            } else {
                b
            }
        }
        _ => F80 { sign_exponent: a.sign_exponent & b.sign_exponent, ..a },
    };
    chosen.quieted()
}

/// The response to a single NaN or unsupported operand.
#[cold]
pub(super) fn nan_single(env: &mut Env, a: F80) -> F80 {
    match a.kind() {
        Kind::Signalling => env.flags |= IE,
        Kind::Unsupported => return env.invalid(),
        _ => {}
    }
    a.quieted()
}
