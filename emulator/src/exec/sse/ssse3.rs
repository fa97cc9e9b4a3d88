//! The packed integers of SSSE3, for MMX and XMM registers alike, lane by lane.

use super::Packed;
use super::lanes::Lanes;

/// Declares operations on two registers of lanes: `Name(first, second, immediate) = result;`
macro_rules! lanes {
    ($($(#[$doc:meta])* $name:ident($a:pat, $b:ident, $imm:pat) = $result:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl<V: Lanes> Packed<V> for $name {
            #[inline(always)]
            fn compute($a: V, $b: V, $imm: u8) -> V {
                $result
            }
        }
    )*};
}

lanes! {
    /// PSHUFB
    Pshufb(a, b, _) = V::pick(a, |nth| {
        let from = b.byte(nth);
        (from & 0x80 == 0).then_some(from.into())
    });
    /// PALIGNR
    Palignr(a, b, imm) = V::align(a, b, imm.into());

    /// PHADDW
    Phaddw(a, b, _) = V::pairs(a, b, u16::wrapping_add);
    /// PHADDD
    Phaddd(a, b, _) = V::pairs(a, b, u32::wrapping_add);
    /// PHADDSW
    Phaddsw(a, b, _) = V::pairs(a, b, i16::saturating_add);
    /// PHSUBW
    Phsubw(a, b, _) = V::pairs(a, b, u16::wrapping_sub);
    /// PHSUBD
    Phsubd(a, b, _) = V::pairs(a, b, u32::wrapping_sub);
    /// PHSUBSW
    Phsubsw(a, b, _) = V::pairs(a, b, i16::saturating_sub);

    /// PMADDUBSW
    Pmaddubsw(a, b, _) = V::map(a, b, multiply_add);
    /// PMULHRSW
    Pmulhrsw(a, b, _) = V::map(a, b, |x: i16, y| ((((i32::from(x) * i32::from(y)) >> 14) + 1) >> 1) as i16);

    /// PSIGNB
    Psignb(a, b, _) = V::map(a, b, |x: i8, y| x.wrapping_mul(y.signum()));
    /// PSIGNW
    Psignw(a, b, _) = V::map(a, b, |x: i16, y| x.wrapping_mul(y.signum()));
    /// PSIGND
    Psignd(a, b, _) = V::map(a, b, |x: i32, y| x.wrapping_mul(y.signum()));
    /// PABSB
    Pabsb(_, b, _) = V::map(b, b, |x: i8, _| x.wrapping_abs());
    /// PABSW
    Pabsw(_, b, _) = V::map(b, b, |x: i16, _| x.wrapping_abs());
    /// PABSD
    Pabsd(_, b, _) = V::map(b, b, |x: i32, _| x.wrapping_abs());
}

/// The saturated sum of the products of two unsigned bytes in `x` with two signed ones in `y`.
#[inline(always)]
fn multiply_add(x: u16, y: u16) -> u16 {
    let product = |x: u8, y: u8| i32::from(x) * i32::from(y as i8);
    let [x0, x1] = x.to_le_bytes();
    let [y0, y1] = y.to_le_bytes();
    (product(x0, y0) + product(x1, y1)).clamp(-0x8000, 0x7fff) as i16 as u16
}
