//! Moving lanes about.

use super::Packed;

/// Declares shuffles of a `u64` or `u128`: `Name: type, (first, second, immediate) = result;`
macro_rules! shuffle {
    ($($(#[$doc:meta])* $name:ident: $v:ident, ($a:pat, $b:ident, $imm:pat) = $result:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Packed<$v> for $name {
            #[inline(always)]
            fn compute($a: $v, $b: $v, $imm: u8) -> $v {
                $result
            }
        }
    )*};
}

shuffle! {
    /// PSHUFD
    Pshufd: u128, (_, b, imm) = {
        let pick = |n| u128::from(dword(b, imm >> (2 * n)));
        pick(0) | pick(1) << 32 | pick(2) << 64 | pick(3) << 96
    };
    /// PSHUFW
    Pshufw: u64, (_, b, imm) = words(b, imm);
    /// PSHUFLW
    Pshuflw: u128, (_, b, imm) = b >> 64 << 64 | u128::from(words(b as u64, imm));
    /// PSHUFHW
    Pshufhw: u128, (_, b, imm) = u128::from(b as u64) | u128::from(words((b >> 64) as u64, imm)) << 64;
    /// SHUFPS
    Shufps: u128, (a, b, imm) = {
        let pick = |from, n| u128::from(dword(from, imm >> (2 * n)));
        pick(a, 0) | pick(a, 1) << 32 | pick(b, 2) << 64 | pick(b, 3) << 96
    };
    /// PUNPCKLQDQ, UNPCKLPD, MOVLHPS
    Punpcklqdq: u128, (a, b, _) = u128::from(a as u64) | b << 64;
    /// PUNPCKHQDQ, UNPCKHPD
    Punpckhqdq: u128, (a, b, _) = a >> 64 | b >> 64 << 64;
    /// MOVHLPS
    Movhlps: u128, (a, b, _) = a >> 64 << 64 | b >> 64;
    /// MOVSS of registers
    Movss: u128, (a, b, _) = a >> 32 << 32 | u128::from(b as u32);
    /// MOVSD of registers, MOVLPS, MOVLPD
    Movsd: u128, (a, b, _) = a >> 64 << 64 | u128::from(b as u64);
    /// MOVQ of registers
    Movq: u128, (_, b, _) = u128::from(b as u64);
    /// MOVDDUP
    Movddup: u128, (_, b, _) = b << 64 | u128::from(b as u64);
    /// MOVSLDUP
    Movsldup: u128, (_, b, _) = { let even = b & EVEN; even | even << 32 };
    /// MOVSHDUP
    Movshdup: u128, (_, b, _) = { let odd = b & !EVEN; odd | odd >> 32 };
    /// PSLLDQ
    Pslldq: u128, (a, b, _) = if b > 15 { 0 } else { a << (8 * b) };
    /// PSRLDQ
    Psrldq: u128, (a, b, _) = if b > 15 { 0 } else { a >> (8 * b) };
}

/// SHUFPD, and VPERMILPD with an immediate
pub struct Shufpd;

impl Packed<u128> for Shufpd {
    const LANE_IMMEDIATE: usize = 2;

    #[inline(always)]
    fn compute(a: u128, b: u128, imm: u8) -> u128 {
        let pick = |from: u128, n: u8| u128::from((from >> (64 * (imm >> n & 1))) as u64);
        pick(a, 0) | pick(b, 1) << 64
    }
}

/// Doublewords 0 and 2.
const EVEN: u128 = 0x0000_0000_ffff_ffff_0000_0000_ffff_ffff;

/// Doubleword `n mod 4`.
#[inline(always)]
fn dword(from: u128, n: u8) -> u32 {
    (from >> (32 * (n & 3))) as u32
}

/// Four words of `from`, picked by two bits each.
#[inline(always)]
fn words(from: u64, imm: u8) -> u64 {
    let pick = |n: u8| from >> (16 * (imm >> (2 * n) & 3)) & 0xffff;
    pick(0) | pick(1) << 16 | pick(2) << 32 | pick(3) << 48
}

/// The top bits of all bytes (PMOVMSKB); of an MMX register if zero-extended.
#[inline(always)]
pub fn byte_signs(value: u128) -> u64 {
    #[cfg(target_arch = "x86_64")]
    return super::host::byte_signs(value);
    #[cfg(not(target_arch = "x86_64"))]
    value.to_le_bytes().iter().rev().fold(0, |signs, byte| signs << 1 | u64::from(byte >> 7))
}

/// The signs of the four single-precision lanes (MOVMSKPS).
#[inline(always)]
pub fn single_signs(value: u128) -> u64 {
    (0..4).map(|n| ((value >> (32 * n + 31)) as u64 & 1) << n).sum()
}

/// The signs of the two double-precision lanes (MOVMSKPD).
#[inline(always)]
pub fn double_signs(value: u128) -> u64 {
    (value >> 63) as u64 & 1 | (value >> 127 << 1) as u64
}
