//! SSE arithmetic without the host's instructions: what [`super::host`] does on x86-64 hosts, under
//! the same names, for all others.
//!
//! Every result is the exact one, rounded once by [`soft`](super::soft). Sums, differences and
//! products are fused ones with a factor of one or a term of zero. On x86-64 hosts the tests
//! compare each function with the host's instruction.

use super::exceptions::bit::{DAZ, IE, OM, PE, RC, UM, ZE};
use super::soft::{DOUBLE, Kind, Layout, Magnitude, SINGLE, fused};

/// Round toward zero, in MXCSR.
const TRUNCATE: u32 = RC;

/// The number `nth` of a register.
fn number(layout: Layout, register: u128, nth: u32) -> u64 {
    (register >> (layout.bits() * nth)) as u64 & u64::MAX >> (64 - layout.bits())
}

/// `register` with another number `nth`.
fn with_number(layout: Layout, register: u128, nth: u32, value: u64) -> u128 {
    let shift = layout.bits() * nth;
    let mask = u128::from(u64::MAX >> (64 - layout.bits()));
    register & !(mask << shift) | u128::from(value) << shift
}

/// The register `onto` with `COUNT` results of `f` from number 0 up, and all exceptions.
fn collect(layout: Layout, count: u32, onto: u128, mut f: impl FnMut(u32) -> (u64, u32)) -> (u128, u32) {
    (0..count).fold((onto, 0), |(register, flags), nth| {
        let (value, found) = f(nth);
        (with_number(layout, register, nth, value), flags | found)
    })
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

/// `name = operation on so many numbers of a layout;`
macro_rules! arithmetic {
    ($($name:ident = $operation:ident, $count:literal, $layout:ident;)*) => {$(
        pub fn $name(control: u32, a: u128, b: u128) -> (u128, u32) {
            let operation: Two = $operation;
            collect($layout, $count, a, |nth| {
                operation($layout, masked(control), number($layout, a, nth), number($layout, b, nth))
            })
        }
    )*};
}

arithmetic! {
    addps = add, 4, SINGLE;
    addpd = add, 2, DOUBLE;
    addss = add, 1, SINGLE;
    addsd = add, 1, DOUBLE;
    subps = sub, 4, SINGLE;
    subpd = sub, 2, DOUBLE;
    subss = sub, 1, SINGLE;
    subsd = sub, 1, DOUBLE;
    mulps = mul, 4, SINGLE;
    mulpd = mul, 2, DOUBLE;
    mulss = mul, 1, SINGLE;
    mulsd = mul, 1, DOUBLE;
    divps = div, 4, SINGLE;
    divpd = div, 2, DOUBLE;
    divss = div, 1, SINGLE;
    divsd = div, 1, DOUBLE;
    sqrtps = sqrt, 4, SINGLE;
    sqrtpd = sqrt, 2, DOUBLE;
    sqrtss = sqrt, 1, SINGLE;
    sqrtsd = sqrt, 1, DOUBLE;
}

// --- between formats ---------------------------------------------------------------------------

/// Number `nth` of `source` in the other format.
fn converted(from: Layout, to: Layout, control: u32, source: u128, nth: u32) -> (u64, u32) {
    let mxcsr = masked(control);
    let bits = number(from, source, nth);
    match from.operands(mxcsr, [bits]) {
        Ok(([bits], flags)) => {
            let (bits, found) = from.convert(to, bits, mxcsr);
            (bits, flags | found)
        }
        Err(_) => from.convert(to, bits, mxcsr),
    }
}

pub fn cvtps2pd(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect(DOUBLE, 2, 0, |nth| converted(SINGLE, DOUBLE, control, b, nth))
}

pub fn cvtpd2ps(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect(SINGLE, 2, 0, |nth| converted(DOUBLE, SINGLE, control, b, nth))
}

pub fn cvtss2sd(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect(DOUBLE, 1, a, |nth| converted(SINGLE, DOUBLE, control, b, nth))
}

pub fn cvtsd2ss(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect(SINGLE, 1, a, |nth| converted(DOUBLE, SINGLE, control, b, nth))
}

// --- from integers -----------------------------------------------------------------------------

fn from_integer(layout: Layout, control: u32, value: i64) -> (u64, u32) {
    let significand = u128::from(value.unsigned_abs());
    if significand == 0 {
        return (0, 0);
    }
    layout.round(value < 0, Magnitude { exponent: 0, significand }, false, masked(control))
}

pub fn cvtdq2ps(control: u32, _: u128, b: u128) -> (u128, u32) {
    collect(SINGLE, 4, 0, |nth| from_integer(SINGLE, control, i64::from((b >> (32 * nth)) as i32)))
}

pub fn cvtsi2ss_32(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect(SINGLE, 1, a, |_| from_integer(SINGLE, control, i64::from(b as i32)))
}

pub fn cvtsi2ss_64(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect(SINGLE, 1, a, |_| from_integer(SINGLE, control, b as i64))
}

pub fn cvtsi2sd_64(control: u32, a: u128, b: u128) -> (u128, u32) {
    collect(DOUBLE, 1, a, |_| from_integer(DOUBLE, control, b as i64))
}

// --- to integers -------------------------------------------------------------------------------

/// Number `nth` of `source` as a signed integer of `width` bits; the integer indefinite where it
/// does not fit (SDM volume 1, 4.8.3.7 and table 4-8). Denormals are no exceptions here.
fn to_integer(layout: Layout, width: u32, mxcsr: u32, source: u128, nth: u32) -> (u64, u32) {
    let bits = number(layout, source, nth);
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
    collect(SINGLE, 4, 0, |nth| to_integer(SINGLE, 32, control, b, nth))
}

pub fn cvttps2dq(control: u32, a: u128, b: u128) -> (u128, u32) {
    cvtps2dq(control | TRUNCATE, a, b)
}

pub fn cvtpd2dq(control: u32, _: u128, b: u128) -> (u128, u32) {
    // Doublewords lie as singles do.
    collect(SINGLE, 2, 0, |nth| to_integer(DOUBLE, 32, control, b, nth))
}

pub fn cvttpd2dq(control: u32, a: u128, b: u128) -> (u128, u32) {
    cvtpd2dq(control | TRUNCATE, a, b)
}

/// `name = from a layout to so many bits, with these bits of MXCSR set;`
macro_rules! to_general {
    ($($name:ident = $layout:ident, $width:literal, $set:expr;)*) => {$(
        pub fn $name(control: u32, _: u128, b: u128) -> (u128, u32) {
            let (value, flags) = to_integer($layout, $width, control | $set, b, 0);
            (value.into(), flags)
        }
    )*};
}

to_general! {
    cvtss2si_32 = SINGLE, 32, 0;
    cvtss2si_64 = SINGLE, 64, 0;
    cvttss2si_32 = SINGLE, 32, TRUNCATE;
    cvttss2si_64 = SINGLE, 64, TRUNCATE;
    cvtsd2si_32 = DOUBLE, 32, 0;
    cvtsd2si_64 = DOUBLE, 64, 0;
    cvttsd2si_32 = DOUBLE, 32, TRUNCATE;
    cvttsd2si_64 = DOUBLE, 64, TRUNCATE;
}
