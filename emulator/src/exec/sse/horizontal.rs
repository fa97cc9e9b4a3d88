//! Sums of neighbours: HADD, HSUB, ADDSUB, and the dot products.
//!
//! Each is made of ADDPS, SUBPS, MULPS and their kin on rearranged operands, and finds the
//! exceptions that those find.

use std::marker::PhantomData;

use super::Numeric;
use super::exceptions::STEPS;
use super::float::{Add, Arithmetic, Format, Instruction, Mul, Pd, Ps, Sub};

/// The numbers of even places in `a` and `b`, and those of odd places.
fn neighbours<S: Pack>(a: u128, b: u128) -> (u128, u128) {
    (S::even(a) | S::even(b) << 64, S::even(a >> S::WIDTH) | S::even(b >> S::WIDTH) << 64)
}

/// The packed formats.
pub trait Pack: Format {
    /// Bits of a number.
    const WIDTH: u32;
    /// The numbers at even places.
    const EVEN: u128;
    /// The numbers at even places, moved together.
    fn even(register: u128) -> u128;
}

impl Pack for Ps {
    const WIDTH: u32 = 32;
    const EVEN: u128 = 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;
    fn even(register: u128) -> u128 {
        u128::from(register as u32) | u128::from((register >> 64) as u32) << 32
    }
}

impl Pack for Pd {
    const WIDTH: u32 = 64;
    const EVEN: u128 = 0xffff_ffff_ffff_ffff;
    fn even(register: u128) -> u128 {
        u128::from(register as u64)
    }
}

/// HADDPS, HADDPD, HSUBPS, HSUBPD: a number and its neighbour, of the first operand, then of the
/// second.
pub struct Horizontal<A, S>(PhantomData<(A, S)>);

impl<A: Arithmetic, S: Pack> Numeric for Horizontal<A, S> {
    fn compute(mxcsr: u32, dst: u128, src: u128, _: u8) -> (u128, u32) {
        let (even, odd) = neighbours::<S>(dst, src);
        Instruction::<A, S>::found(mxcsr, even, odd, 0)
    }
}

/// ADDSUBPS, ADDSUBPD: differences at even places, sums at odd ones.
pub struct Addsub<S>(PhantomData<S>);

impl<S: Pack> Numeric for Addsub<S> {
    fn compute(mxcsr: u32, dst: u128, src: u128, _: u8) -> (u128, u32) {
        // Zeros elsewhere raise nothing.
        let (odd, added) = Instruction::<Add, S>::found(mxcsr, dst & !S::EVEN, src & !S::EVEN, 0);
        let (even, subtracted) = Instruction::<Sub, S>::found(mxcsr, dst & S::EVEN, src & S::EVEN, 0);
        (odd & !S::EVEN | even & S::EVEN, added | subtracted)
    }
}

/// DPPS, DPPD: the products that imm\[7:4\] picks, summed in pairs, to the places that imm\[3:0\]
/// picks.
pub struct Dot<S>(PhantomData<S>);

impl Numeric for Dot<Ps> {
    fn compute(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32) {
        let chosen = places::<Ps>(imm >> 4);
        let mut steps = Steps::new(mxcsr);
        let products = steps.step::<Mul, Ps>(dst & chosen, src & chosen);
        let sums = steps.step::<Add, Ps>(Ps::even(products), Ps::even(products >> 32));
        let sum = steps.step::<Add, Ps>(u128::from(sums as u32), u128::from((sums >> 32) as u32));
        (u128::from(sum as u32) * (places::<Ps>(imm) & LOW_BITS), steps.flags)
    }
}

impl Numeric for Dot<Pd> {
    fn compute(mxcsr: u32, dst: u128, src: u128, imm: u8) -> (u128, u32) {
        let chosen = places::<Pd>(imm >> 4);
        let mut steps = Steps::new(mxcsr);
        let products = steps.step::<Mul, Pd>(dst & chosen, src & chosen);
        let sum = steps.step::<Add, Pd>(Pd::even(products), Pd::even(products >> 64));
        let sum = sum & Pd::EVEN;
        ((sum | sum << 64) & places::<Pd>(imm), steps.flags)
    }
}

/// The lowest bit of each doubleword: a product with it copies a doubleword to several places.
const LOW_BITS: u128 = 0x0000_0001_0000_0001_0000_0001_0000_0001;

/// All ones at the places whose bits are set.
fn places<S: Pack>(bits: u8) -> u128 {
    let ones = u128::MAX >> (128 - S::WIDTH);
    (0..S::COUNT).filter(|nth| bits >> nth & 1 != 0).fold(0, |out, nth| out | ones << (S::WIDTH * nth))
}

/// Arithmetic in several steps, each with its exceptions.
struct Steps {
    mxcsr: u32,
    done: usize,
    flags: u32,
}

impl Steps {
    fn new(mxcsr: u32) -> Self {
        Self { mxcsr, done: 0, flags: 0 }
    }

    fn step<A: Arithmetic, S: Format>(&mut self, a: u128, b: u128) -> u128 {
        let (value, flags) = Instruction::<A, S>::found(self.mxcsr, a, b, 0);
        self.flags |= flags << STEPS[self.done];
        self.done += 1;
        value
    }
}
