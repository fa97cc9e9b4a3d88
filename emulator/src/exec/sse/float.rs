//! ADD, SUB, MUL, DIV and SQRT, packed and scalar, single and double.

use std::marker::PhantomData;
use std::ops::{Add as Plus, Div as Over, Mul as Times, Sub as Minus};

use super::exceptions::bit::PE;
use super::exceptions::{Hosted, Run, control, quiet, trapped};
use super::host;
use super::soft::{DOUBLE, Layout, SINGLE};

/// A format of numbers.
pub trait Float:
    Copy + PartialOrd + Plus<Output = Self> + Minus<Output = Self> + Times<Output = Self> + Over<Output = Self>
{
    /// Width in bits.
    const BITS: u32;
    /// How it is laid out.
    const LAYOUT: Layout;
    /// Positive zero.
    const ZERO: Self;
    /// The quiet bit of a NaN.
    const QUIET: u64;
    /// The number whose bits are the low ones of `bits`.
    fn from_low(bits: u64) -> Self;
    /// Its bits, zero-extended.
    fn bits(self) -> u64;
    /// Square root.
    fn root(self) -> Self;
    /// ±0, or normal: an operand that raises neither the invalid nor the denormal exception by
    /// itself, whatever is done to it.
    fn tame(self) -> bool;
    /// Neither zero, denormal, infinite nor a NaN.
    fn normal(self) -> bool;
    /// Finite, and so large that nothing underflowed when it was computed. The smallest normal
    /// exponent does not count, because a smaller number may have been rounded up to it.
    fn large(self) -> bool;
    /// Neither normal, ±0, infinite nor a NaN.
    fn denormal(self) -> bool;
    /// A NaN.
    fn nan(self) -> bool;
    /// A zero of the same sign.
    fn signed_zero(self) -> Self;
    /// A finite number other than zero with its exponent replaced, so that it lies in 1 to 2.
    fn near_one(self) -> Self;
    /// A quarter of a number above 1; others as they are.
    fn quarter(self) -> Self;
    /// With the other sign.
    fn negated(self) -> Self;
    /// This × `factor` + `term`, rounded once, to nearest.
    fn times_plus(self, factor: Self, term: Self) -> Self;
    /// As a double, which holds it exactly unless it is a signalling NaN.
    fn wide(self) -> f64;
    /// A double that this format holds exactly.
    fn from_wide(value: f64) -> Self;
}

macro_rules! float {
    ($type:ty, $bits:ty, $layout:expr, $fraction:literal, $top_exponent:literal) => {
        impl Float for $type {
            const BITS: u32 = <$bits>::BITS;
            const LAYOUT: Layout = $layout;
            const ZERO: Self = 0.0;
            const QUIET: u64 = 1 << ($fraction - 1);

            #[inline(always)]
            fn from_low(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            #[inline(always)]
            fn bits(self) -> u64 {
                self.to_bits() as u64
            }

            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }

            #[inline(always)]
            fn tame(self) -> bool {
                self.normal() || self == 0.0
            }

            #[inline(always)]
            fn normal(self) -> bool {
                // Without the sign, the exponent in the top bits.
                let one: $bits = 1 << ($fraction + 1);
                (self.to_bits() << 1).wrapping_sub(one) < one * ($top_exponent - 1)
            }

            #[inline(always)]
            fn large(self) -> bool {
                let one: $bits = 1 << ($fraction + 1);
                (self.to_bits() << 1).wrapping_sub(2 * one) < one * ($top_exponent - 2)
            }

            #[inline(always)]
            fn denormal(self) -> bool {
                self.is_subnormal()
            }

            #[inline(always)]
            fn nan(self) -> bool {
                self.is_nan()
            }

            #[inline(always)]
            fn signed_zero(self) -> Self {
                Self::from_bits(self.to_bits() & !(<$bits>::MAX >> 1))
            }

            fn near_one(self) -> Self {
                const TWO_TO_64: $type = 18_446_744_073_709_551_616.0;
                let normal = if self.is_subnormal() { self * TWO_TO_64 } else { self };
                let exponent: $bits = $top_exponent << $fraction;
                let one: $type = 1.0;
                Self::from_bits(normal.to_bits() & !exponent | one.to_bits())
            }

            fn quarter(self) -> Self {
                if self.abs() > 1.0 { self * 0.25 } else { self }
            }

            #[inline(always)]
            fn negated(self) -> Self {
                -self
            }

            #[inline(always)]
            fn times_plus(self, factor: Self, term: Self) -> Self {
                self.mul_add(factor, term)
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn from_wide(value: f64) -> Self {
                value as $type
            }
        }
    };
}

float!(f32, u32, SINGLE, 23, 0xff);
float!(f64, u64, DOUBLE, 52, 0x7ff);

/// Which numbers of a register an instruction works on.
pub trait Format {
    /// Their format.
    type Number: Float;
    /// How many, from the low end; the others stay.
    const COUNT: u32;
    /// Place in [`Arithmetic::HOST`].
    const INDEX: usize;
}

/// Four singles.
pub struct Ps;
/// Two doubles.
pub struct Pd;
/// One single.
pub struct Ss;
/// One double.
pub struct Sd;

impl Format for Ps {
    type Number = f32;
    const COUNT: u32 = 4;
    const INDEX: usize = 0;
}

impl Format for Pd {
    type Number = f64;
    const COUNT: u32 = 2;
    const INDEX: usize = 1;
}

impl Format for Ss {
    type Number = f32;
    const COUNT: u32 = 1;
    const INDEX: usize = 2;
}

impl Format for Sd {
    type Number = f64;
    const COUNT: u32 = 1;
    const INDEX: usize = 3;
}

/// Number `nth` in `register`.
#[inline(always)]
pub fn number<F: Float>(register: u128, nth: u32) -> F {
    F::from_low((register >> (F::BITS * nth)) as u64)
}

/// `register` with `value` as number `nth`.
#[inline(always)]
pub fn with_bits<F: Float>(register: u128, nth: u32, value: u64) -> u128 {
    let mask = u128::from(u64::MAX >> (64 - F::BITS));
    let shift = F::BITS * nth;
    register & !(mask << shift) | u128::from(value) << shift
}

/// An arithmetic operation on numbers of any format.
pub trait Arithmetic {
    /// The host's instructions for PS, PD, SS, SD.
    const HOST: [Run; 4];
    /// The first operand is not one.
    const UNARY: bool = false;
    /// A result of zero is always exact.
    const EXACT_ZERO: bool = false;
    /// The result, rounded to nearest.
    fn of<F: Float>(a: F, b: F) -> F;
    /// Operands whose result is inexact just if that of `a` and `b` were without limits to its
    /// exponent. Both are finite, and `a` and `b` overflow or underflow.
    fn far_from_limits<F: Float>(a: F, b: F) -> (F, F) {
        (a.near_one(), b.near_one())
    }
}

/// For sums: tiny ones are exact; operands of large ones move down together, but for those so
/// small that the sum is inexact anyway.
fn far_from_overflow<F: Float>(a: F, b: F) -> (F, F) {
    (a.quarter(), b.quarter())
}

/// ADDPS, ADDPD, ADDSS, ADDSD
pub struct Add;
/// SUBPS, SUBPD, SUBSS, SUBSD
pub struct Sub;
/// MULPS, MULPD, MULSS, MULSD
pub struct Mul;
/// DIVPS, DIVPD, DIVSS, DIVSD
pub struct Div;
/// SQRTPS, SQRTPD, SQRTSS, SQRTSD
pub struct Sqrt;

impl Arithmetic for Add {
    const HOST: [Run; 4] = [host::addps, host::addpd, host::addss, host::addsd];
    const EXACT_ZERO: bool = true;
    #[inline(always)]
    fn of<F: Float>(a: F, b: F) -> F {
        a + b
    }
    fn far_from_limits<F: Float>(a: F, b: F) -> (F, F) {
        far_from_overflow(a, b)
    }
}

impl Arithmetic for Sub {
    const HOST: [Run; 4] = [host::subps, host::subpd, host::subss, host::subsd];
    const EXACT_ZERO: bool = true;
    #[inline(always)]
    fn of<F: Float>(a: F, b: F) -> F {
        a - b
    }
    fn far_from_limits<F: Float>(a: F, b: F) -> (F, F) {
        far_from_overflow(a, b)
    }
}

impl Arithmetic for Mul {
    const HOST: [Run; 4] = [host::mulps, host::mulpd, host::mulss, host::mulsd];
    #[inline(always)]
    fn of<F: Float>(a: F, b: F) -> F {
        a * b
    }
}

impl Arithmetic for Div {
    const HOST: [Run; 4] = [host::divps, host::divpd, host::divss, host::divsd];
    #[inline(always)]
    fn of<F: Float>(a: F, b: F) -> F {
        a / b
    }
}

impl Arithmetic for Sqrt {
    const HOST: [Run; 4] = [host::sqrtps, host::sqrtpd, host::sqrtss, host::sqrtsd];
    const UNARY: bool = true;
    #[inline(always)]
    fn of<F: Float>(_: F, b: F) -> F {
        b.root()
    }
}

/// An arithmetic operation on the numbers of a format: one instruction.
pub struct Instruction<A, S>(PhantomData<(A, S)>);

impl<A: Arithmetic, S: Format> Hosted for Instruction<A, S> {
    const RUN: Run = A::HOST[S::INDEX];

    #[inline(always)]
    fn fast(mxcsr: u32, dst: u128, src: u128) -> Option<u128> {
        if !quiet(mxcsr) {
            return None;
        }
        let mut out = dst;
        for nth in 0..S::COUNT {
            let a = number::<S::Number>(dst, nth);
            let b = number::<S::Number>(src, nth);
            let result = A::of(a, b);
            let ordinary = (A::UNARY || a.normal()) && b.normal() && result.large();
            if !ordinary && !exact_with_zeros::<A, _>(a, b, result) {
                return None;
            }
            out = with_bits::<S::Number>(out, nth, result.bits());
        }
        Some(out)
    }

    fn unmasked(mxcsr: u32, _: u32, dst: u128, src: u128) -> u32 {
        let control = control(mxcsr);
        // Each number for itself, by the scalar instruction.
        let scalar = A::HOST[S::INDEX | Ss::INDEX];
        (0..S::COUNT).fold(0, |all, nth| {
            let a = number::<S::Number>(dst, nth);
            let b = number::<S::Number>(src, nth);
            let run = |a: S::Number, b: S::Number| scalar(control, a.bits().into(), b.bits().into());
            let (result, flags) = run(a, b);
            let inexact = || {
                let (a, b) = A::far_from_limits(a, b);
                run(a, b).1 & PE != 0
            };
            all | trapped(mxcsr, flags, number::<S::Number>(result, 0).denormal(), inexact)
        })
    }
}

/// Whether the precision exception is all that `result` can have raised, zeros considered.
#[inline(never)]
fn exact_with_zeros<A: Arithmetic, F: Float>(a: F, b: F, result: F) -> bool {
    let zero_is_exact = A::EXACT_ZERO || a == F::ZERO || b == F::ZERO;
    (A::UNARY || a.tame()) && b.tame() && (result.large() || result == F::ZERO && zero_is_exact)
}
