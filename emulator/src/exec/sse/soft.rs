//! Floating-point numbers taken apart and put together: exact values rounded under MXCSR.
//!
//! For what SSE2 of the host cannot do, fused products and half precision; and for all arithmetic
//! where the host has no SSE2. Results do not depend on the host.

use super::exceptions::bit::{DAZ, DE, FTZ, IE, OE, OM, PE, RC, UE, UM};

/// A format of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Width in bits.
    bits: u32,
    /// Bits of the fraction.
    fraction: u32,
}

/// binary16
pub const HALF: Layout = Layout { bits: 16, fraction: 10 };
/// binary32
pub const SINGLE: Layout = Layout { bits: 32, fraction: 23 };
/// binary64
pub const DOUBLE: Layout = Layout { bits: 64, fraction: 52 };

/// What a number is; the sign is apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not a number.
    Nan,
    /// ±∞
    Infinity,
    /// ±0
    Zero,
    /// Finite.
    Finite(Magnitude),
}

/// `significand` × 2^`exponent`; the significand is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Magnitude {
    /// Of the significand's lowest bit.
    pub exponent: i32,
    /// An integer.
    pub significand: u128,
}

impl Magnitude {
    /// The same value with the highest bit at place `top`, which must not lose any.
    fn with_top_at(self, top: u32) -> Self {
        let shift = top - (127 - self.significand.leading_zeros());
        Self { exponent: self.exponent - shift as i32, significand: self.significand << shift }
    }

    /// This divided by `divisor`, which has at most 53 bits: more bits than any format has, and
    /// whether less than one unit of them has to be added.
    pub fn over(self, divisor: Self) -> (Self, bool) {
        let dividend = self.with_top_at(127);
        let significand = dividend.significand / divisor.significand;
        let sticky = !dividend.significand.is_multiple_of(divisor.significand);
        (Self { exponent: dividend.exponent - divisor.exponent, significand }, sticky)
    }

    /// The square root: more bits than any format has, and whether less than one unit of them has
    /// to be added.
    pub fn root(self) -> (Self, bool) {
        let high = self.with_top_at(126);
        // Half of the exponent is to be an integer.
        let square = if high.exponent & 1 == 0 { high } else { self.with_top_at(127) };
        let significand = square.significand.isqrt();
        let sticky = significand * significand != square.significand;
        (Self { exponent: square.exponent / 2, significand }, sticky)
    }

    /// As an integer below 2^64 by MXCSR's rounding, and whether that is inexact.
    pub fn whole(self, negative: bool, mxcsr: u32) -> Option<(u64, bool)> {
        let highest_bit = self.exponent + 127 - self.significand.leading_zeros() as i32;
        if highest_bit > 63 {
            return None;
        }
        let cut = cut(negative, self, false, 0, mxcsr);
        Some((cut.value, cut.inexact))
    }
}

/// The sum or difference of two magnitudes.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    /// Whether the second was larger in a difference.
    pub negative: bool,
    /// The result; the significand is zero if it is.
    pub magnitude: Magnitude,
    /// Whether less than one unit of the significand has to be added.
    pub sticky: bool,
}

/// `a` + `b`, or `a` - `b`. Neither has more than 106 bits.
pub fn sum(a: Magnitude, b: Magnitude, subtract: bool) -> Sum {
    const TOP: u32 = 125;
    let (a, b) = (a.with_top_at(TOP), b.with_top_at(TOP));
    let negative = (a.exponent, a.significand) < (b.exponent, b.significand);
    let (large, small) = if negative { (b, a) } else { (a, b) };
    // Nineteen bits and more are zeros: what falls off was far apart, and cancels one bit at most.
    let apart = (large.exponent - small.exponent) as u32;
    let shifted = small.significand.checked_shr(apart).unwrap_or(0);
    let sticky = apart >= 128 || shifted << apart != small.significand;
    let significand =
        if subtract { large.significand - shifted - u128::from(sticky) } else { large.significand + shifted };
    let magnitude = Magnitude { exponent: large.exponent, significand };
    Sum { negative: negative && subtract, magnitude, sticky }
}

/// A significand cut to an integer of fewer bits.
struct Cut {
    value: u64,
    inexact: bool,
}

impl Layout {
    /// The number 1.
    pub fn one(self) -> u64 {
        (self.bias() as u64) << self.fraction
    }

    fn bias(self) -> i32 {
        (1 << (self.bits - self.fraction - 2)) - 1
    }

    /// The exponent field of infinities and NaNs.
    fn top(self) -> u64 {
        (1 << (self.bits - self.fraction - 1)) - 1
    }

    /// The quiet bit of a NaN.
    pub fn quiet(self) -> u64 {
        1 << (self.fraction - 1)
    }

    /// The sign bit if `negative`.
    pub fn sign(self, negative: bool) -> u64 {
        u64::from(negative) << (self.bits - 1)
    }

    /// Infinity without a sign.
    pub fn infinity(self) -> u64 {
        self.top() << self.fraction
    }

    /// The default NaN.
    pub fn indefinite(self) -> u64 {
        self.sign(true) | self.infinity() | self.quiet()
    }

    /// Whether the sign bit is set.
    pub fn negative(self, bits: u64) -> bool {
        bits >> (self.bits - 1) & 1 != 0
    }

    fn fields(self, bits: u64) -> (u64, u64) {
        (bits >> self.fraction & self.top(), bits & ((1 << self.fraction) - 1))
    }

    /// Whether this is a NaN that is not quiet.
    pub fn signalling(self, bits: u64) -> bool {
        self.kind(bits) == Kind::Nan && bits & self.quiet() == 0
    }

    /// The payload of a NaN as another format has it: the highest bits of the fraction.
    fn payload_for(self, bits: u64, to: Self) -> u64 {
        let (_, fraction) = self.fields(bits);
        if self.fraction > to.fraction {
            fraction >> (self.fraction - to.fraction)
        } else {
            fraction << (to.fraction - self.fraction)
        }
    }

    /// Whether this is neither normal, ±0, infinite nor a NaN.
    pub fn denormal(self, bits: u64) -> bool {
        let (exponent, fraction) = self.fields(bits);
        exponent == 0 && fraction != 0
    }

    /// Takes a number apart.
    pub fn kind(self, bits: u64) -> Kind {
        let (exponent, fraction) = self.fields(bits);
        let lowest = 1 - self.bias() - self.fraction as i32;
        if exponent == self.top() {
            if fraction == 0 { Kind::Infinity } else { Kind::Nan }
        } else if exponent != 0 {
            let significand = u128::from(fraction | 1 << self.fraction);
            Kind::Finite(Magnitude { exponent: lowest + exponent as i32 - 1, significand })
        } else if fraction != 0 {
            Kind::Finite(Magnitude { exponent: lowest, significand: fraction.into() })
        } else {
            Kind::Zero
        }
    }

    /// What an operation takes its operands for: denormals are zeros with DAZ, and an exception
    /// without.
    ///
    /// # Errors
    /// The result if an operand is a NaN: the first one, quiet, and the exception of a signalling
    /// one, which hides that of denormals (SDM volume 1, 4.8.3.5 and 4.9.2).
    pub fn operands<const N: usize>(
        self,
        mxcsr: u32,
        operands: [u64; N],
    ) -> Result<([u64; N], u32), (u64, u32)> {
        if let Some(nan) = operands.into_iter().find(|x| self.kind(*x) == Kind::Nan) {
            let invalid = operands.into_iter().any(|x| self.signalling(x));
            return Err((nan | self.quiet(), if invalid { IE } else { 0 }));
        }
        let mut flags = 0;
        let operands = operands.map(|x| {
            if !self.denormal(x) {
                return x;
            }
            if mxcsr & DAZ != 0 {
                return self.sign(self.negative(x));
            }
            flags |= DE;
            x
        });
        Ok((operands, flags))
    }

    /// A number in another format, with the exceptions of that but for denormal operands.
    pub fn convert(self, to: Self, bits: u64, mxcsr: u32) -> (u64, u32) {
        let negative = self.negative(bits);
        match self.kind(bits) {
            Kind::Zero => (to.sign(negative), 0),
            Kind::Infinity => (to.sign(negative) | to.infinity(), 0),
            Kind::Nan => {
                let payload = self.payload_for(bits, to);
                let invalid = if self.signalling(bits) { IE } else { 0 };
                (to.sign(negative) | to.infinity() | to.quiet() | payload, invalid)
            }
            Kind::Finite(value) => to.round(negative, value, false, mxcsr),
        }
    }

    /// [`Self::convert`] of an operand whose denormals are zeros with DAZ, and an exception without.
    pub fn convert_operand(self, to: Self, bits: u64, mxcsr: u32) -> (u64, u32) {
        let (bits, flags) = match self.operands(mxcsr, [bits]) {
            Ok(([bits], flags)) => (bits, flags),
            // A NaN is converted as it is.
            Err(_) => (bits, 0),
        };
        let (bits, found) = self.convert(to, bits, mxcsr);
        (bits, flags | found)
    }

    /// Rounds an exact value that is not zero. Returns its bits and the exceptions, by MXCSR's
    /// rounding, FTZ and masks (SDM volume 1, 4.9.1.4, 4.9.1.5, 11.5.2).
    pub fn round(self, negative: bool, value: Magnitude, sticky: bool, mxcsr: u32) -> (u64, u32) {
        let lowest = 1 - self.bias() - self.fraction as i32;
        let highest_bit = value.exponent + 127 - value.significand.leading_zeros() as i32;
        // As if the exponent had no limits.
        let mut unit = highest_bit - self.fraction as i32;
        let mut cut = cut(negative, value, sticky, unit, mxcsr);
        if cut.value >> (self.fraction + 1) != 0 {
            cut.value >>= 1;
            unit += 1;
        }
        let inexact = if cut.inexact { PE } else { 0 };
        if unit < lowest {
            return self.tiny(negative, value, sticky, inexact, mxcsr);
        }
        let field = (unit - lowest + 1) as u64;
        if field >= self.top() {
            return self.overflow(negative, inexact, mxcsr);
        }
        // The significand's highest bit adds the last one to the exponent.
        let bits = ((field - 1) << self.fraction) + cut.value;
        (self.sign(negative) | bits, inexact)
    }

    fn tiny(self, negative: bool, value: Magnitude, sticky: bool, inexact: u32, mxcsr: u32) -> (u64, u32) {
        if mxcsr & UM == 0 {
            return (self.sign(negative), UE | inexact);
        }
        if mxcsr & FTZ != 0 {
            return (self.sign(negative), UE | PE);
        }
        let lowest = 1 - self.bias() - self.fraction as i32;
        let cut = cut(negative, value, sticky, lowest, mxcsr);
        (self.sign(negative) | cut.value, if cut.inexact { UE | PE } else { 0 })
    }

    fn overflow(self, negative: bool, inexact: u32, mxcsr: u32) -> (u64, u32) {
        let infinite = match (mxcsr & RC) >> RC.trailing_zeros() {
            0 => true,
            1 => negative,
            2 => !negative,
            _ => false,
        };
        let bits = self.sign(negative) | (self.infinity() - u64::from(!infinite));
        (bits, OE | if mxcsr & OM == 0 { inexact } else { PE })
    }
}

/// `value` as an integer number of 2^`unit`, which is to have at most 64 bits.
fn cut(negative: bool, value: Magnitude, sticky: bool, unit: i32, mxcsr: u32) -> Cut {
    let shift = unit - value.exponent;
    if shift <= 0 {
        // A sticky bit comes with a significand of more bits than any format has.
        return Cut { value: (value.significand << -shift) as u64, inexact: false };
    }
    let shift = shift as u32;
    let whole = value.significand.checked_shr(shift).unwrap_or(0);
    let half = 1u128.checked_shl(shift - 1).unwrap_or(0);
    let rest = if shift < 128 { value.significand & ((1 << shift) - 1) } else { value.significand };
    let inexact = rest != 0 || sticky;
    // Beyond 128 bits, a half is more than any rest.
    let above = half != 0 && (rest > half || rest == half && sticky);
    let tie = half != 0 && rest == half && !sticky;
    let up = match (mxcsr & RC) >> RC.trailing_zeros() {
        0 => above || tie && whole & 1 != 0,
        1 => inexact && negative,
        2 => inexact && !negative,
        _ => false,
    };
    Cut { value: whole as u64 + u64::from(up), inexact }
}

/// `a` × `b` + `c`, with either part negated.
#[inline(never)]
pub fn fused(
    layout: Layout,
    mxcsr: u32,
    operands: [u64; 3],
    negate_product: bool,
    negate_sum: bool,
) -> (u64, u32) {
    let ([a, b, c], flags) = match layout.operands(mxcsr, operands) {
        Ok(operands) => operands,
        Err(nan) => return nan,
    };
    let product_negative = layout.negative(a) ^ layout.negative(b) ^ negate_product;
    let sum_negative = layout.negative(c) != negate_sum;
    let opposite = product_negative != sum_negative;
    let product = match (layout.kind(a), layout.kind(b)) {
        (Kind::Infinity, Kind::Zero) | (Kind::Zero, Kind::Infinity) => {
            return (layout.indefinite(), IE);
        }
        (Kind::Infinity, _) | (_, Kind::Infinity) => Kind::Infinity,
        (Kind::Finite(a), Kind::Finite(b)) => Kind::Finite(Magnitude {
            exponent: a.exponent + b.exponent,
            significand: a.significand * b.significand,
        }),
        _ => Kind::Zero,
    };
    let zero_negative = if opposite { mxcsr & RC == 1 << RC.trailing_zeros() } else { product_negative };
    let (bits, found) = match (product, layout.kind(c)) {
        (Kind::Infinity, Kind::Infinity) if opposite => return (layout.indefinite(), IE),
        (Kind::Infinity, _) => (layout.sign(product_negative) | layout.infinity(), 0),
        (_, Kind::Infinity) => (layout.sign(sum_negative) | layout.infinity(), 0),
        (Kind::Finite(a), Kind::Finite(c)) => {
            let sum = sum(a, c, opposite);
            if sum.magnitude.significand == 0 {
                (layout.sign(zero_negative), 0)
            } else {
                layout.round(product_negative != sum.negative, sum.magnitude, sum.sticky, mxcsr)
            }
        }
        (Kind::Finite(a), _) => layout.round(product_negative, a, false, mxcsr),
        (_, Kind::Finite(c)) => layout.round(sum_negative, c, false, mxcsr),
        _ => (layout.sign(zero_negative), 0),
    };
    (bits, flags | found)
}
