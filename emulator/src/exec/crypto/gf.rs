//! Arithmetic of GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, and GFNI (SDM volume 2, GF2P8AFFINEQB).

use crate::exec::sse::Packed;

/// The product of two elements.
pub const fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// The inverse of each element; that of zero is zero.
pub const INVERSE: [u8; 256] = {
    let mut inverse = [0; 256];
    let mut a = 1;
    while a < 256 {
        // a^254 = a^-1: the product of a^2, a^4, ... a^128.
        let (mut power, mut product, mut n) = (a as u8, 1, 1);
        while n < 8 {
            power = multiply(power, power);
            product = multiply(product, power);
            n += 1;
        }
        inverse[a] = product;
        a += 1;
    }
    inverse
};

/// `matrix` times `x`, plus `constant`: row 0, which gives bit 0, is the matrix's highest byte.
fn affine(x: u8, matrix: u64, constant: u8) -> u8 {
    let rows = matrix.to_be_bytes();
    let bit = |n: usize| ((rows[n] & x).count_ones() as u8 & 1) << n;
    (0..8).fold(constant, |result, n| result ^ bit(n))
}

/// Each byte of `values` through the matrix in its half of `matrices`.
fn each(values: u128, matrices: u128, of: impl Fn(u8, u64) -> u8) -> u128 {
    let mut bytes = values.to_le_bytes();
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = of(*byte, (matrices >> (n / 8 * 64)) as u64);
    }
    u128::from_le_bytes(bytes)
}

/// GF2P8AFFINEQB
pub struct Affine;
/// GF2P8AFFINEINVQB
pub struct AffineInverse;
/// GF2P8MULB
pub struct Multiply;

impl Packed<u128> for Affine {
    fn compute(dst: u128, src: u128, imm: u8) -> u128 {
        each(dst, src, |byte, matrix| affine(byte, matrix, imm))
    }
}

impl Packed<u128> for AffineInverse {
    fn compute(dst: u128, src: u128, imm: u8) -> u128 {
        each(dst, src, |byte, matrix| affine(INVERSE[usize::from(byte)], matrix, imm))
    }
}

impl Packed<u128> for Multiply {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        let (a, b) = (dst.to_le_bytes(), src.to_le_bytes());
        u128::from_le_bytes(std::array::from_fn(|n| multiply(a[n], b[n])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_are_inverse() {
        assert_eq!(INVERSE[0], 0);
        for a in 1..=255u8 {
            assert_eq!(multiply(a, INVERSE[usize::from(a)]), 1, "{a}");
        }
        // FIPS 197, 4.2: {57} times {83} is {c1}.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
    }

    #[test]
    fn affine_maps_are_the_manuals() {
        // The identity: bit n comes of row n, byte 7 - n of the matrix.
        let identity = 0x0102_0408_1020_4080;
        // FIPS 197, 5.1.1: the map of AES's S-box, bit i of which is b_i + b_(i+4) + b_(i+5) +
        // b_(i+6) + b_(i+7) + c_i, indices modulo 8.
        let matrix: u64 = (0..8u32)
            .map(|row| {
                let byte = [0, 4, 5, 6, 7].iter().fold(0u8, |byte, away| byte | 1 << ((row + away) % 8));
                u64::from(byte) << (8 * (7 - row))
            })
            .sum();
        for a in 0..=255u8 {
            assert_eq!(affine(a, identity, 0), a);
            let wide = u128::from_le_bytes([a; 16]);
            let matrices = u128::from(matrix) << 64 | u128::from(matrix);
            let substituted = AffineInverse::compute(wide, matrices, 0x63);
            assert_eq!(substituted, u128::from_le_bytes([super::super::aes::SUBSTITUTE[usize::from(a)]; 16]));
        }
    }
}
