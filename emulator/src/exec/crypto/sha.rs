//! The SHA extensions (FIPS 180-4; SDM volume 2, SHA1RNDS4). Word 0 is in the lowest bits.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::exec::sse::Packed;

fn words(value: u128) -> [u32; 4] {
    std::array::from_fn(|n| (value >> (32 * n)) as u32)
}

fn packed(words: [u32; 4]) -> u128 {
    words.iter().rev().fold(0, |value, word| value << 32 | u128::from(*word))
}

/// One of the three functions of three words.
type Function = fn(u32, u32, u32) -> u32;

fn choose(x: u32, y: u32, z: u32) -> u32 {
    x & y ^ !x & z
}

fn parity(x: u32, y: u32, z: u32) -> u32 {
    x ^ y ^ z
}

fn majority(x: u32, y: u32, z: u32) -> u32 {
    x & y ^ x & z ^ y & z
}

/// SHA1NEXTE
pub struct Sha1NextE;
/// SHA1MSG1
pub struct Sha1Message1;
/// SHA1MSG2
pub struct Sha1Message2;
/// SHA1RNDS4
pub struct Sha1Rounds4;
/// SHA256MSG1
pub struct Sha256Message1;
/// SHA256MSG2
pub struct Sha256Message2;

impl Packed<u128> for Sha1NextE {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        let (e, mut next) = (words(dst)[3].rotate_left(30), words(src));
        next[3] = next[3].wrapping_add(e);
        packed(next)
    }
}

impl Packed<u128> for Sha1Message1 {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        let [_, _, w2, w3] = words(src);
        let [x0, x1, x2, x3] = words(dst);
        packed([x0 ^ w2, x1 ^ w3, x2 ^ x0, x3 ^ x1])
    }
}

impl Packed<u128> for Sha1Message2 {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        let [s0, s1, s2, _] = words(src);
        let [x0, x1, x2, x3] = words(dst);
        // The words of the message run from the highest to the lowest.
        let w16 = (x3 ^ s2).rotate_left(1);
        let w17 = (x2 ^ s1).rotate_left(1);
        let w18 = (x1 ^ s0).rotate_left(1);
        let w19 = (x0 ^ w16).rotate_left(1);
        packed([w19, w18, w17, w16])
    }
}

impl Packed<u128> for Sha1Rounds4 {
    fn compute(dst: u128, src: u128, imm: u8) -> u128 {
        let (function, constant): (Function, u32) = match imm & 3 {
            0 => (choose, 0x5a82_7999),
            1 => (parity, 0x6ed9_eba1),
            2 => (majority, 0x8f1b_bcdc),
            _ => (parity, 0xca62_c1d6),
        };
        let [mut d, mut c, mut b, mut a] = words(dst);
        // E of the first round is already in the highest word of the message.
        let mut e = 0u32;
        for word in words(src).into_iter().rev() {
            let next = function(b, c, d)
                .wrapping_add(a.rotate_left(5))
                .wrapping_add(word)
                .wrapping_add(e)
                .wrapping_add(constant);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        packed([d, c, b, a])
    }
}

impl Packed<u128> for Sha256Message1 {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        let sigma = |w: u32| w.rotate_right(7) ^ w.rotate_right(18) ^ w >> 3;
        let [w0, w1, w2, w3] = words(dst);
        let w4 = words(src)[0];
        packed([
            w0.wrapping_add(sigma(w1)),
            w1.wrapping_add(sigma(w2)),
            w2.wrapping_add(sigma(w3)),
            w3.wrapping_add(sigma(w4)),
        ])
    }
}

impl Packed<u128> for Sha256Message2 {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        let sigma = |w: u32| w.rotate_right(17) ^ w.rotate_right(19) ^ w >> 10;
        let [_, _, w14, w15] = words(src);
        let [x0, x1, x2, x3] = words(dst);
        let w16 = x0.wrapping_add(sigma(w14));
        let w17 = x1.wrapping_add(sigma(w15));
        let w18 = x2.wrapping_add(sigma(w16));
        let w19 = x3.wrapping_add(sigma(w17));
        packed([w16, w17, w18, w19])
    }
}

/// Two rounds of SHA-256: `first` has C, D, G and H, `second` A, B, E and F, from the highest word
/// down; `message` two words with their constants.
fn sha256_rounds2(first: u128, second: u128, message: u128) -> u128 {
    let [mut h, mut g, mut d, mut c] = words(first);
    let [mut f, mut e, mut b, mut a] = words(second);
    for word in &words(message)[..2] {
        let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t1 = h.wrapping_add(sum1).wrapping_add(choose(e, f, g)).wrapping_add(*word);
        let t2 = sum0.wrapping_add(majority(a, b, c));
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
    }
    packed([f, e, b, a])
}

/// SHA256RNDS2 xmm, xmm, with XMM0 for the message
pub fn sha256_rounds2_reg(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = sha256_rounds2(cpu.xmm(op.dst), cpu.xmm(op.src), cpu.xmm(0));
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// SHA256RNDS2 xmm, m128, with XMM0 for the message
pub fn sha256_rounds2_mem(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let source = cpu.read::<u128>(board, op)?;
    let value = sha256_rounds2(cpu.xmm(op.dst), source, cpu.xmm(0));
    cpu.set_xmm(op.dst, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, 5.3.1 and 6.1.2: SHA-1 of "abc", whose digest the standard's examples give.
    #[test]
    fn sha_1_of_abc_is_the_standards() {
        let mut w = [0u32; 80];
        (w[0], w[15]) = (0x6162_6380, 24);
        let quad = |w: &[u32], n: usize| packed([w[n + 3], w[n + 2], w[n + 1], w[n]]);
        for n in (16..80).step_by(4) {
            let first = Sha1Message1::compute(quad(&w, n - 16), quad(&w, n - 12), 0) ^ quad(&w, n - 8);
            let made = words(Sha1Message2::compute(first, quad(&w, n - 4), 0));
            for (i, word) in made.into_iter().rev().enumerate() {
                w[n + i] = word;
            }
        }
        let start = [0x1032_5476, 0x98ba_dcfe, 0xefcd_ab89, 0x6745_2301];
        let (mut abcd, e0) = (packed(start), 0xc3d2_e1f0u32);
        let mut e = packed({
            let mut first = words(quad(&w, 0));
            first[3] = first[3].wrapping_add(e0);
            first
        });
        for n in 0..20u8 {
            let before = abcd;
            abcd = Sha1Rounds4::compute(abcd, e, n / 5);
            let next = usize::from(n) * 4 + 4;
            e = Sha1NextE::compute(before, if next < 80 { quad(&w, next) } else { 0 }, 0);
        }
        let digest = words(abcd).iter().zip(start).map(|(a, b)| a.wrapping_add(b)).rev().collect::<Vec<_>>();
        assert_eq!(digest, [0xa999_3e36, 0x4706_816a, 0xba3e_2571, 0x7850_c26c]);
        assert_eq!(words(e)[3].wrapping_add(e0), 0x9cd0_d89d);
    }
}
