//! PCLMULQDQ: multiplication of polynomials over GF(2).

use crate::exec::sse::Packed;

/// PCLMULQDQ: bits 0 and 4 of the immediate choose the halves.
pub struct Clmul;

impl Packed<u128> for Clmul {
    fn compute(dst: u128, src: u128, imm: u8) -> u128 {
        let half = |value: u128, high: bool| if high { (value >> 64) as u64 } else { value as u64 };
        let (a, mut b) = (u128::from(half(dst, imm & 1 != 0)), half(src, imm & 16 != 0));
        let mut product = 0;
        while b != 0 {
            product ^= a << b.trailing_zeros();
            b &= b - 1;
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_no_carries() {
        // (x + 1)^2 = x^2 + 1
        assert_eq!(Clmul::compute(3, 3, 0), 5);
        assert_eq!(Clmul::compute(u128::from(u64::MAX) << 64 | 2, 1 << 64, 0x11), u128::from(u64::MAX));
        assert_eq!(Clmul::compute(1 << 63, 1 << 63, 0), 1 << 126);
    }
}
