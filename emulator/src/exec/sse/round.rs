//! ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD.

use std::marker::PhantomData;

use super::Numeric;
use super::exceptions::bit::{DAZ, IE, PE, RC};
use super::float::{Float, Format, number, with_bits};

/// Rounds to an integer as the immediate says (SDM volume 2, ROUNDPD, figure 4-24). Denormals
/// raise no exception of their own.
pub struct Round<S>(PhantomData<S>);

/// The immediate: take MXCSR's rounding.
const FROM_MXCSR: u8 = 1 << 2;
/// The immediate: raise no precision exception.
const QUIET: u8 = 1 << 3;

impl<S: Format> Numeric for Round<S> {
    fn compute(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32) {
        let mode = if imm & FROM_MXCSR != 0 { (mxcsr & RC) >> RC.trailing_zeros() } else { imm.into() };
        let (mut out, mut flags) = (dst, 0);
        for nth in 0..S::COUNT {
            let x = number::<S::Number>(src, nth);
            let (bits, found) = round(x, mxcsr, mode);
            out = with_bits::<S::Number>(out, nth, bits);
            flags |= found;
        }
        (out, if imm & QUIET != 0 { flags & !PE } else { flags })
    }
}

fn round<F: Float>(x: F, mxcsr: u32, mode: u32) -> (u64, u32) {
    if x.nan() {
        return (x.bits() | F::QUIET, if x.bits() & F::QUIET == 0 { IE } else { 0 });
    }
    if mxcsr & DAZ != 0 && x.denormal() {
        return (x.signed_zero().bits(), 0);
    }
    let x = x.wide();
    let rounded = match mode & 3 {
        0 => x.round_ties_even(),
        1 => x.floor(),
        2 => x.ceil(),
        _ => x.trunc(),
    };
    (F::from_wide(rounded).bits(), if rounded == x { 0 } else { PE })
}
