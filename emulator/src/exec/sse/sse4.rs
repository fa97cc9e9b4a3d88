//! The packed integers and extensions of SSE4.1 and SSE4.2, lane by lane.

use std::marker::PhantomData;

use super::lanes::{Lane, Lanes};
use super::{Numeric, Packed};

/// Declares operations on two XMM registers: `Name(first, second) = result;`
macro_rules! packed {
    ($($(#[$doc:meta])* $name:ident($a:pat, $b:ident) = $result:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Packed<u128> for $name {
            #[inline(always)]
            fn compute($a: u128, $b: u128, _: u8) -> u128 {
                $result
            }
        }
    )*};
}

packed! {
    /// PMINSB
    Pminsb(a, b) = u128::map(a, b, |x: i8, y| x.min(y));
    /// PMINSD
    Pminsd(a, b) = u128::map(a, b, |x: i32, y| x.min(y));
    /// PMINUW
    Pminuw(a, b) = u128::map(a, b, |x: u16, y| x.min(y));
    /// PMINUD
    Pminud(a, b) = u128::map(a, b, |x: u32, y| x.min(y));
    /// PMAXSB
    Pmaxsb(a, b) = u128::map(a, b, |x: i8, y| x.max(y));
    /// PMAXSD
    Pmaxsd(a, b) = u128::map(a, b, |x: i32, y| x.max(y));
    /// PMAXUW
    Pmaxuw(a, b) = u128::map(a, b, |x: u16, y| x.max(y));
    /// PMAXUD
    Pmaxud(a, b) = u128::map(a, b, |x: u32, y| x.max(y));
    /// PMULLD
    Pmulld(a, b) = u128::map(a, b, u32::wrapping_mul);
    /// PMULDQ
    Pmuldq(a, b) = u128::map(a, b, |x: i64, y| i64::from(x as i32) * i64::from(y as i32));
    /// PCMPEQQ
    Pcmpeqq(a, b) = u128::map(a, b, |x: u64, y| if x == y { !0 } else { 0 });
    /// PCMPGTQ
    Pcmpgtq(a, b) = u128::map(a, b, |x: i64, y| if x > y { !0 } else { 0 });
    /// PACKUSDW
    Packusdw(a, b) = u128::pack(a, b, |x: i32| x.clamp(0, 0xffff) as u16);
    /// PHMINPOSUW
    Phminposuw(_, b) = {
        let bytes = b.to_le_bytes();
        // Of equal ones the first.
        let (place, least) = (0..8).map(|nth| (nth, <u16 as Lane>::get(&bytes, nth))).min_by_key(|(_, word)| *word)
            .unwrap_or_default();
        u128::from(least) | (place as u128) << 16
    };
}

/// MPSADBW
pub struct Mpsadbw;

impl Packed<u128> for Mpsadbw {
    const LANE_IMMEDIATE: usize = 3;

    #[inline(always)]
    fn compute(a: u128, b: u128, imm: u8) -> u128 {
        let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
        let (from, block) = (usize::from(imm >> 2 & 1) * 4, usize::from(imm & 3) * 4);
        (0..8usize).fold(0, |out, nth| {
            let distance = |k: usize| u16::from(a[from + nth + k].abs_diff(b[block + k]));
            let sum: u16 = (0..4).map(distance).sum();
            out | u128::from(sum) << (16 * nth)
        })
    }
}

// --- extensions ------------------------------------------------------------------------------

/// PMOVSX and PMOVZX: the low lanes of type `F` in the second operand as lanes of type `T`.
pub struct Extend<F, T>(PhantomData<(F, T)>);

impl<F: Lane, T: Lane + From<F>> Numeric for Extend<F, T> {
    #[inline(always)]
    fn compute(_: u32, _: u128, src: u128, _: u8) -> (u128, u32) {
        let (from, mut out) = (src.to_le_bytes(), [0; 16]);
        for nth in 0..16 / size_of::<T>() {
            T::from(F::get(&from, nth)).put(&mut out, nth);
        }
        (u128::from_le_bytes(out), 0)
    }
}
