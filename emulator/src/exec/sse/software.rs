//! SSE arithmetic without the host's instructions: what [`super::host`] does on x86-64 hosts, under
//! the same names, for all others.
//!
//! Every result is the exact one, rounded once by [`soft`](super::soft). Sums, differences and
//! products are fused ones with a factor of one or a term of zero. On x86-64 hosts the tests
//! compare each function with the host's instruction.

use super::exceptions::bit::{DAZ, IE, OM, PE, RC, UM, ZE};
use super::float::{Float, Format, Pd, Ps, Sd, Ss, number, with_bits};
use super::soft::{Kind, Layout, Magnitude, fused};

/// Round toward zero, in MXCSR.
const TRUNCATE: u32 = RC;

/// The register `onto` with `count` results of `f` from number 0 up, and all exceptions.
fn collect<F: Float>(count: u32, onto: u128, mut f: impl FnMut(u32) -> (u64, u32)) -> (u128, u32) {
    (0..count).fold((onto, 0), |(register, flags), nth| {
        let (value, found) = f(nth);
        (with_bits::<F>(register, nth, value), flags | found)
    })
}

/// The bits of number `nth` of a register.
fn bits<F: Float>(register: u128, nth: u32) -> u64 {
    number::<F>(register, nth).bits()
}

/// Everything masked: the caller finds what unmasked exceptions change.
fn masked(control: u32) -> u32 {
    control | OM | UM
}

// --- arithmetic --------------------------------------------------------------------------------

type Two = fn(Layout, u32, u64, u64) -> (u64, u32);

fn add(layout: Layout, mxcsr: u32, a: u64, b: u64) -> (u64, u32) {
    fused(layout, mxcsr, [a, layout.one(), b], false, false)
}

fn sub(layout: Layout, mxcsr: u32, a: u64, b: u64) -> (u64, u32) {
    fused(layout, mxcsr, [a, layout.one(), b], false, true)
}

fn mul(layout: Layout, mxcsr: u32, a: u64, b: u64) -> (u64, u32) {
    let zero = layout.sign(layout.negative(a) != layout.negative(b));
    fused(layout, mxcsr, [a, b, zero], false, false)
}

fn div(layout: Layout, mxcsr: u32, a: u64, b: u64) -> (u64, u32) {
    let ([a, b], flags) = match layout.operands(mxcsr, [a, b]) {
        Ok(operands) => operands,
        Err(nan) => return nan,
    };
    let sign = layout.sign(layout.negative(a) != layout.negative(b));
    match (layout.kind(a), layout.kind(b)) {
        (Kind::Finite(a), Kind::Finite(b)) => {
            let (quotient, sticky) = a.over(b);
            let (bits, found) = layout.round(sign != 0, quotient, sticky, mxcsr);
            (bits, flags | found)
        }
        (Kind::Infinity, Kind::Infinity) | (Kind::Zero, Kind::Zero) => (layout.indefinite(), IE),
        (Kind::Infinity, _) => (sign | layout.infinity(), flags),
        (_, Kind::Zero) => (sign | layout.infinity(), ZE),
        _ => (sign, flags),
    }
}

fn sqrt(layout: Layout, mxcsr: u32, _: u64, b: u64) -> (u64, u32) {
    let ([b], flags) = match layout.operands(mxcsr, [b]) {
        Ok(operands) => operands,
        Err(nan) => return nan,
    };
    match layout.kind(b) {
        Kind::Zero => (b, 0),
        _ if layout.negative(b) => (layout.indefinite(), IE),
        Kind::Finite(b) => {
            let (root, sticky) = b.root();
            let (bits, found) = layout.round(false, root, sticky, mxcsr);
            (bits, flags | found)
        }
        _ => (b, flags),
    }
}

/// An operation on the numbers of a format.
fn each<S: Format>(operation: Two, control: u32, a: u128, b: u128) -> (u128, u32) {
    collect::<S::Number>(S::COUNT, a, |nth| {
        let (a, b) = (bits::<S::Number>(a, nth), bits::<S::Number>(b, nth));
        operation(S::Number::LAYOUT, masked(control), a, b)
    })
}

/// `name = operation, format;`
macro_rules! arithmetic {
    ($($name:ident = $operation:ident, $format:ident;)*) => {$(
        pub fn $name(control: u32, a: u128, b: u128) -> (u128, u32) {
            each::<$format>($operation, control, a, b)
        }
    )*};
}

arithmetic! {
    addps = add, Ps;
    addpd = add, Pd;
    addss = add, Ss;
    addsd = add, Sd;
    subps = sub, Ps;
    subpd = sub, Pd;
    subss = sub, Ss;
    subsd = sub, Sd;
    mulps = mul, Ps;
    mulpd = mul, Pd;
    mulss = mul, Ss;
    mulsd = mul, Sd;
    divps = div, Ps;
    divpd = div, Pd;
    divss = div, Ss;
    divsd = div, Sd;
    sqrtps = sqrt, Ps;
    sqrtpd = sqrt, Pd;
    sqrtss = sqrt, Ss;
    sqrtsd = sqrt, Sd;
}

// --- between formats ---------------------------------------------------------------------------

/// Number `nth` of `source` in the other format.
fn converted<F: Float, T: Float>(control: u32, source: u128, nth: u32) -> (u64, u32) {
    F::LAYOUT.convert_operand(T::LAYOUT, bits::<F>(source, nth), masked(control))
}

pub fn cvtps2pd(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect::<f64>(2, 0, |nth| converted::<f32, f64>(control, b, nth))
}

pub fn cvtpd2ps(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect::<f32>(2, 0, |nth| converted::<f64, f32>(control, b, nth))
}

pub fn cvtss2sd(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect::<f64>(1, a, |nth| converted::<f32, f64>(control, b, nth))
}

pub fn cvtsd2ss(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect::<f32>(1, a, |nth| converted::<f64, f32>(control, b, nth))
}

// --- from integers -----------------------------------------------------------------------------

fn from_integer<F: Float>(control: u32, value: i64) -> (u64, u32) {
    let significand = u128::from(value.unsigned_abs());
    if significand == 0 {
        return (0, 0);
    }
    F::LAYOUT.round(value < 0, Magnitude { exponent: 0, significand }, false, masked(control))
}

pub fn cvtdq2ps(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect::<f32>(4, 0, |nth| from_integer::<f32>(control, i64::from((b >> (32 * nth)) as i32)))
}

pub fn cvtsi2ss_32(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect::<f32>(1, a, |_| from_integer::<f32>(control, i64::from(b as i32)))
}

pub fn cvtsi2ss_64(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect::<f32>(1, a, |_| from_integer::<f32>(control, b as i64))
}

pub fn cvtsi2sd_64(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect::<f64>(1, a, |_| from_integer::<f64>(control, b as i64))
}

// --- to integers -------------------------------------------------------------------------------

/// Number `nth` of `source` as a signed integer of `width` bits; the integer indefinite where it
/// does not fit (SDM volume 1, 4.8.3.7 and table 4-8). Denormals are no exceptions here.
fn to_integer<F: Float>(width: u32, mxcsr: u32, source: u128, nth: u32) -> (u64, u32) {
    let (layout, bits) = (F::LAYOUT, bits::<F>(source, nth));
    let negative = layout.negative(bits);
    let low = u64::MAX >> (64 - width);
    let indefinite = (1 << (width - 1), IE);
    match layout.kind(bits) {
        Kind::Zero => (0, 0),
        Kind::Finite(_) if mxcsr & DAZ != 0 && layout.denormal(bits) => (0, 0),
        Kind::Finite(value) => {
            let Some((whole, inexact)) = value.whole(negative, mxcsr) else { return indefinite };
            let most = (1 << (width - 1)) - u64::from(!negative);
            if whole > most {
                return indefinite;
            }
            let value = if negative { whole.wrapping_neg() } else { whole };
            (value & low, if inexact { PE } else { 0 })
        }
        Kind::Nan | Kind::Infinity => indefinite,
    }
}

pub fn cvtps2dq(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect::<f32>(4, 0, |nth| to_integer::<f32>(32, control, b, nth))
}

pub fn cvttps2dq(control: u32, a: u128, b: u128) -> (u128, u32) {
    cvtps2dq(control | TRUNCATE, a, b)
}

pub fn cvtpd2dq(control: u32, _: u128, b: u128) -> (u128, u32) {
    // Doublewords lie as singles do.
    collect::<f32>(2, 0, |nth| to_integer::<f64>(32, control, b, nth))
}

pub fn cvttpd2dq(control: u32, a: u128, b: u128) -> (u128, u32) {
    cvtpd2dq(control | TRUNCATE, a, b)
}

/// `name = from a format to so many bits, with these bits of MXCSR set;`
macro_rules! to_general {
    ($($name:ident = $number:ty, $width:literal, $set:expr;)*) => {$(
        pub fn $name(control: u32, _: u128, b: u128) -> (u128, u32) {
            let (value, flags) = to_integer::<$number>($width, control | $set, b, 0);
            (value.into(), flags)
        }
    )*};
}

to_general! {
    cvtss2si_32 = f32, 32, 0;
    cvtss2si_64 = f32, 64, 0;
    cvttss2si_32 = f32, 32, TRUNCATE;
    cvttss2si_64 = f32, 64, TRUNCATE;
    cvtsd2si_32 = f64, 32, 0;
    cvtsd2si_64 = f64, 64, 0;
    cvttsd2si_32 = f64, 32, TRUNCATE;
    cvttsd2si_64 = f64, 64, TRUNCATE;
}
