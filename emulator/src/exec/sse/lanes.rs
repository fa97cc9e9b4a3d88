//! Registers as lanes: MMX registers are `u64`, XMM registers `u128`, lane 0 in the low bits.

use std::ops::{BitAnd, BitOr, BitXor, Not};

use crate::mmu::access::Plain;

/// A register of lanes.
pub trait Lanes:
    Plain
    + PartialEq
    + Not<Output = Self>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + 'static
{
    /// All lanes zero.
    const ZERO: Self;
    /// The low 64 bits.
    fn low(self) -> u64;
    /// `value` in the low 64 bits, zero above.
    fn from_low(value: u64) -> Self;
    /// Applies `f` to each pair of lanes of type `L`.
    fn map<L: Lane>(a: Self, b: Self, f: impl Fn(L, L) -> L) -> Self;
    /// Lanes of `width` bytes of `a` and `b` in turn, from their low or high halves.
    fn interleave(a: Self, b: Self, width: usize, high: bool) -> Self;
    /// Lanes of `a`, then those of `b`, each narrowed to half its width by `f`.
    fn pack<L: Lane, H: Lane>(a: Self, b: Self, f: impl Fn(L) -> H) -> Self;
    /// Applies `f` to the pairs of neighbours in `a`, then to those in `b`.
    fn pairs<L: Lane>(a: Self, b: Self, f: impl Fn(L, L) -> L) -> Self;
    /// Picks bytes of `a` by number, modulo the register's width; `None` gives zero.
    fn pick(a: Self, f: impl Fn(usize) -> Option<usize>) -> Self;
    /// Byte `nth`, modulo the register's width.
    fn byte(self, nth: usize) -> u8;
    /// `a` over `b`, shifted right by this many bytes.
    fn align(a: Self, b: Self, bytes: u32) -> Self;
}

/// The type of one lane.
pub trait Lane: Copy {
    /// Applies `f` to each pair of lanes in `a` and `b`.
    fn zip<const N: usize>(a: [u8; N], b: [u8; N], f: impl Fn(Self, Self) -> Self) -> [u8; N];
    /// Lane number `nth` of `bytes`.
    fn get<const N: usize>(bytes: &[u8; N], nth: usize) -> Self;
    /// Writes lane number `nth` of `bytes`.
    fn put<const N: usize>(self, bytes: &mut [u8; N], nth: usize);
}

macro_rules! lane {
    ($($type:ident)*) => {$(
        impl Lane for $type {
            #[inline(always)]
            fn zip<const N: usize>(a: [u8; N], b: [u8; N], f: impl Fn(Self, Self) -> Self) -> [u8; N] {
                const BYTES: usize = size_of::<$type>();
                let mut out = [0; N];
                let (a, b) = (a.as_chunks::<BYTES>().0, b.as_chunks::<BYTES>().0);
                for ((out, a), b) in out.as_chunks_mut::<BYTES>().0.iter_mut().zip(a).zip(b) {
                    *out = f(Self::from_le_bytes(*a), Self::from_le_bytes(*b)).to_le_bytes();
                }
                out
            }

            #[inline(always)]
            fn get<const N: usize>(bytes: &[u8; N], nth: usize) -> Self {
                Self::from_le_bytes(bytes.as_chunks().0[nth])
            }

            #[inline(always)]
            fn put<const N: usize>(self, bytes: &mut [u8; N], nth: usize) {
                bytes.as_chunks_mut().0[nth] = self.to_le_bytes();
            }
        }
    )*};
}

lane!(u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! lanes {
    ($type:ident, $bytes:literal) => {
        impl Lanes for $type {
            const ZERO: Self = 0;

            #[inline(always)]
            fn low(self) -> u64 {
                self as u64
            }

            #[inline(always)]
            fn from_low(value: u64) -> Self {
                Self::from(value)
            }

            #[inline(always)]
            fn map<L: Lane>(a: Self, b: Self, f: impl Fn(L, L) -> L) -> Self {
                Self::from_le_bytes(L::zip(a.to_le_bytes(), b.to_le_bytes(), f))
            }

            #[inline(always)]
            fn interleave(a: Self, b: Self, width: usize, high: bool) -> Self {
                let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
                let start = if high { $bytes / 2 } else { 0 };
                Self::from_le_bytes(std::array::from_fn(|nth| {
                    let lane = nth / width;
                    let from = start + lane / 2 * width + nth % width;
                    if lane % 2 == 0 { a[from] } else { b[from] }
                }))
            }

            #[inline(always)]
            fn pack<L: Lane, H: Lane>(a: Self, b: Self, f: impl Fn(L) -> H) -> Self {
                let mut out = [0; $bytes];
                let count = $bytes / size_of::<L>();
                for nth in 0..count {
                    f(L::get(&a.to_le_bytes(), nth)).put(&mut out, nth);
                    f(L::get(&b.to_le_bytes(), nth)).put(&mut out, count + nth);
                }
                Self::from_le_bytes(out)
            }

            #[inline(always)]
            fn pairs<L: Lane>(a: Self, b: Self, f: impl Fn(L, L) -> L) -> Self {
                let mut out = [0; $bytes];
                let count = $bytes / size_of::<L>() / 2;
                for (from, first) in [(a.to_le_bytes(), 0), (b.to_le_bytes(), count)] {
                    for nth in 0..count {
                        let (low, high) = (L::get(&from, 2 * nth), L::get(&from, 2 * nth + 1));
                        f(low, high).put(&mut out, first + nth);
                    }
                }
                Self::from_le_bytes(out)
            }

            #[inline(always)]
            fn pick(a: Self, f: impl Fn(usize) -> Option<usize>) -> Self {
                let a = a.to_le_bytes();
                Self::from_le_bytes(std::array::from_fn(|nth| f(nth).map_or(0, |from| a[from % $bytes])))
            }

            #[inline(always)]
            fn byte(self, nth: usize) -> u8 {
                self.to_le_bytes()[nth % $bytes]
            }

            #[inline(always)]
            fn align(a: Self, b: Self, bytes: u32) -> Self {
                match (8 * bytes).checked_sub(Self::BITS) {
                    None => b >> (8 * bytes) | a.checked_shl(Self::BITS - 8 * bytes).unwrap_or(0),
                    Some(beyond) => a.checked_shr(beyond).unwrap_or(0),
                }
            }
        }
    };
}

lanes!(u64, 8);
lanes!(u128, 16);
