//! The arithmetic of the extended format: what each operation gives, bit by bit, and which
//! exceptions it signals (SDM volume 1, chapters 4 and 8).
//!
//! Nothing here knows of registers or memory. An operation takes [`F80`]s and an [`Env`], gives
//! the value for the masked or the biased unmasked response, and leaves flags in the [`Env`].
//! Significands are widened to 128 bits with a sticky low bit, so one rounding routine serves all.

use crate::state::F80;

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

// --- the four operations and the square root -----------------------------------------------

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

// --- scaling, remainders, integers ----------------------------------------------------------

/// The integer part of a finite number by `mode`, as a magnitude if it has at most 64 bits:
/// integer, inexact, magnitude grew.
fn to_integer(n: Number, mode: u16) -> Option<(u64, bool, bool)> {
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

// --- other formats ---------------------------------------------------------------------------

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

// --- comparison -------------------------------------------------------------------------------

/// The condition codes of a comparison: C3 equal, C0 less, all three unordered. `quiet` keeps
/// quiet NaNs from raising #IA.
#[inline]
pub fn compare(env: &mut Env, a: F80, b: F80, quiet: bool) -> u16 {
    if !(a.normal() && b.normal()) {
        if a.unordered() || b.unordered() {
            let tolerated = |v: F80| matches!(v.kind(), Kind::Signalling | Kind::Unsupported);
            if !quiet || tolerated(a) || tolerated(b) {
                env.flags |= IE;
            }
            return C0 | C2 | C3;
        }
        env.note_denormal(a);
        env.note_denormal(b);
    }
    let key = |v: F80| {
        // Pseudo-denormals count as the normal numbers that they equal.
        let exponent = if v.exponent() == 0 { (v.significand >> 63) as i32 } else { v.exponent() };
        let magnitude = (u128::from(exponent as u32) << 64 | u128::from(v.significand)) as i128;
        if v.sign() { -magnitude } else { magnitude }
    };
    match key(a).cmp(&key(b)) {
        std::cmp::Ordering::Less => C0,
        std::cmp::Ordering::Equal => C3,
        std::cmp::Ordering::Greater => 0,
    }
}

/// FXAM: the class of a register that is not empty, and its sign in C1.
pub fn examine(a: F80) -> u16 {
    let class = match a.kind() {
        Kind::Unsupported => 0,
        Kind::Quiet | Kind::Signalling => C0,
        Kind::Finite if a.exponent() == 0 => C2 | C3,
        Kind::Finite => C2,
        Kind::Infinity => C2 | C0,
        Kind::Zero => C3,
    };
    if a.sign() { class | C1 } else { class }
}
