//! Packed integers, for MMX and XMM registers alike.
//!
//! Each operation is written down lane by lane, which is its meaning, and for MMX registers its
//! code; for XMM registers the instruction of an x86-64 host stands beside. A test compares the two.

use super::Packed;
use super::lanes::{Lane, Lanes};

/// Declares operations on two registers of lanes: `Name(first, second) = host function, result;`
macro_rules! packed {
    ($($(#[$doc:meta])* $name:ident($a:ident, $b:ident) = $host:ident, $result:expr;)*) => {
        $(
            $(#[$doc])*
            pub struct $name;
            impl $name {
                /// The operation lane by lane.
                #[inline(always)]
                pub fn by_lanes<V: Lanes>($a: V, $b: V) -> V {
                    $result
                }
            }
            impl Packed<u64> for $name {
                #[inline(always)]
                fn compute(dst: u64, src: u64, _: u8) -> u64 {
                    Self::by_lanes(dst, src)
                }
            }
            impl Packed<u128> for $name {
                #[inline(always)]
                fn compute(dst: u128, src: u128, _: u8) -> u128 {
                    #[cfg(target_arch = "x86_64")]
                    return super::host::$host(dst, src);
                    #[cfg(not(target_arch = "x86_64"))]
                    Self::by_lanes(dst, src)
                }
            }
        )*

        /// An operation in both its forms, for the test.
        #[cfg(test)]
        pub type Both = (&'static str, fn(u128, u128, u8) -> u128, fn(u128, u128) -> u128);

        /// All operations.
        #[cfg(test)]
        pub const ALL: &[Both] = &[$((
            stringify!($name),
            <$name as Packed<u128>>::compute,
            $name::by_lanes::<u128>,
        )),*];
    };
}

packed! {
    /// PAND, ANDPS, ANDPD
    Pand(a, b) = pand, a & b;
    /// PANDN, ANDNPS, ANDNPD
    Pandn(a, b) = pandn, !a & b;
    /// POR, ORPS, ORPD
    Por(a, b) = por, a | b;
    /// PXOR, XORPS, XORPD
    Pxor(a, b) = pxor, a ^ b;

    /// PADDB
    Paddb(a, b) = paddb, V::map(a, b, u8::wrapping_add);
    /// PADDW
    Paddw(a, b) = paddw, V::map(a, b, u16::wrapping_add);
    /// PADDD
    Paddd(a, b) = paddd, V::map(a, b, u32::wrapping_add);
    /// PADDQ
    Paddq(a, b) = paddq, V::map(a, b, u64::wrapping_add);
    /// PADDSB
    Paddsb(a, b) = paddsb, V::map(a, b, i8::saturating_add);
    /// PADDSW
    Paddsw(a, b) = paddsw, V::map(a, b, i16::saturating_add);
    /// PADDUSB
    Paddusb(a, b) = paddusb, V::map(a, b, u8::saturating_add);
    /// PADDUSW
    Paddusw(a, b) = paddusw, V::map(a, b, u16::saturating_add);
    /// PSUBB
    Psubb(a, b) = psubb, V::map(a, b, u8::wrapping_sub);
    /// PSUBW
    Psubw(a, b) = psubw, V::map(a, b, u16::wrapping_sub);
    /// PSUBD
    Psubd(a, b) = psubd, V::map(a, b, u32::wrapping_sub);
    /// PSUBQ
    Psubq(a, b) = psubq, V::map(a, b, u64::wrapping_sub);
    /// PSUBSB
    Psubsb(a, b) = psubsb, V::map(a, b, i8::saturating_sub);
    /// PSUBSW
    Psubsw(a, b) = psubsw, V::map(a, b, i16::saturating_sub);
    /// PSUBUSB
    Psubusb(a, b) = psubusb, V::map(a, b, u8::saturating_sub);
    /// PSUBUSW
    Psubusw(a, b) = psubusw, V::map(a, b, u16::saturating_sub);

    /// PMULLW
    Pmullw(a, b) = pmullw, V::map(a, b, u16::wrapping_mul);
    /// PMULHW
    Pmulhw(a, b) = pmulhw, V::map(a, b, |x: i16, y| ((i32::from(x) * i32::from(y)) >> 16) as i16);
    /// PMULHUW
    Pmulhuw(a, b) = pmulhuw, V::map(a, b, |x: u16, y| ((u32::from(x) * u32::from(y)) >> 16) as u16);
    /// PMULUDQ
    Pmuludq(a, b) = pmuludq, V::map(a, b, |x: u64, y| (x & 0xffff_ffff) * (y & 0xffff_ffff));
    /// PMADDWD
    Pmaddwd(a, b) = pmaddwd, V::map(a, b, multiply_add);
    /// PSADBW
    Psadbw(a, b) = psadbw, V::map(a, b, sum_of_differences);

    /// PAVGB
    Pavgb(a, b) = pavgb, V::map(a, b, |x: u8, y| ((u16::from(x) + u16::from(y) + 1) >> 1) as u8);
    /// PAVGW
    Pavgw(a, b) = pavgw, V::map(a, b, |x: u16, y| ((u32::from(x) + u32::from(y) + 1) >> 1) as u16);
    /// PMAXSW
    Pmaxsw(a, b) = pmaxsw, V::map(a, b, |x: i16, y| x.max(y));
    /// PMAXUB
    Pmaxub(a, b) = pmaxub, V::map(a, b, |x: u8, y| x.max(y));
    /// PMINSW
    Pminsw(a, b) = pminsw, V::map(a, b, |x: i16, y| x.min(y));
    /// PMINUB
    Pminub(a, b) = pminub, V::map(a, b, |x: u8, y| x.min(y));

    /// PCMPEQB
    Pcmpeqb(a, b) = pcmpeqb, V::map(a, b, |x: u8, y| if x == y { !0 } else { 0 });
    /// PCMPEQW
    Pcmpeqw(a, b) = pcmpeqw, V::map(a, b, |x: u16, y| if x == y { !0 } else { 0 });
    /// PCMPEQD
    Pcmpeqd(a, b) = pcmpeqd, V::map(a, b, |x: u32, y| if x == y { !0 } else { 0 });
    /// PCMPGTB
    Pcmpgtb(a, b) = pcmpgtb, V::map(a, b, |x: i8, y| if x > y { !0 } else { 0 });
    /// PCMPGTW
    Pcmpgtw(a, b) = pcmpgtw, V::map(a, b, |x: i16, y| if x > y { !0 } else { 0 });
    /// PCMPGTD
    Pcmpgtd(a, b) = pcmpgtd, V::map(a, b, |x: i32, y| if x > y { !0 } else { 0 });

    /// PACKSSWB
    Packsswb(a, b) = packsswb, V::pack(a, b, |x: i16| x.clamp(-0x80, 0x7f) as i8);
    /// PACKSSDW
    Packssdw(a, b) = packssdw, V::pack(a, b, |x: i32| x.clamp(-0x8000, 0x7fff) as i16);
    /// PACKUSWB
    Packuswb(a, b) = packuswb, V::pack(a, b, |x: i16| x.clamp(0, 0xff) as u8);
    /// PUNPCKLBW
    Punpcklbw(a, b) = punpcklbw, V::interleave(a, b, 1, false);
    /// PUNPCKLWD
    Punpcklwd(a, b) = punpcklwd, V::interleave(a, b, 2, false);
    /// PUNPCKLDQ, UNPCKLPS
    Punpckldq(a, b) = punpckldq, V::interleave(a, b, 4, false);
    /// PUNPCKHBW
    Punpckhbw(a, b) = punpckhbw, V::interleave(a, b, 1, true);
    /// PUNPCKHWD
    Punpckhwd(a, b) = punpckhwd, V::interleave(a, b, 2, true);
    /// PUNPCKHDQ, UNPCKHPS
    Punpckhdq(a, b) = punpckhdq, V::interleave(a, b, 4, true);

    // Shifts: the second operand's low 64 bits are the count for every lane. Counts beyond the
    // lane's width give zeros, or copies of the sign.

    /// PSLLW
    Psllw(a, b) = psllw, shift(a, b, 15, |x: u16, count| x << count);
    /// PSLLD
    Pslld(a, b) = pslld, shift(a, b, 31, |x: u32, count| x << count);
    /// PSLLQ
    Psllq(a, b) = psllq, shift(a, b, 63, |x: u64, count| x << count);
    /// PSRLW
    Psrlw(a, b) = psrlw, shift(a, b, 15, |x: u16, count| x >> count);
    /// PSRLD
    Psrld(a, b) = psrld, shift(a, b, 31, |x: u32, count| x >> count);
    /// PSRLQ
    Psrlq(a, b) = psrlq, shift(a, b, 63, |x: u64, count| x >> count);
    /// PSRAW
    Psraw(a, b) = psraw, { let count = b.low().min(15); V::map(a, a, |x: i16, _| x >> count) };
    /// PSRAD
    Psrad(a, b) = psrad, { let count = b.low().min(31); V::map(a, a, |x: i32, _| x >> count) };
}

#[inline(always)]
fn shift<V: Lanes, L: Lane>(a: V, b: V, most: u64, f: impl Fn(L, u32) -> L) -> V {
    let count = b.low();
    if count > most { V::ZERO } else { V::map(a, a, |x, _| f(x, count as u32)) }
}

/// The sum of the products of the two signed words in `x` and `y`; wraps for four -0x8000.
#[inline(always)]
fn multiply_add(x: u32, y: u32) -> u32 {
    let low = i32::from(x as i16) * i32::from(y as i16);
    let high = i32::from((x >> 16) as i16) * i32::from((y >> 16) as i16);
    low.wrapping_add(high) as u32
}

/// The sum of the absolute differences of eight bytes.
#[inline(always)]
fn sum_of_differences(x: u64, y: u64) -> u64 {
    x.to_le_bytes().into_iter().zip(y.to_le_bytes()).map(|(x, y)| u64::from(x.abs_diff(y))).sum()
}
