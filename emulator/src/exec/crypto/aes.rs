//! AES-NI (FIPS 197; SDM volume 2, AESENC). The state's byte n is row n mod 4, column n / 4.

use super::gf::{INVERSE, multiply};
use crate::exec::sse::Packed;

/// SubBytes of one byte: the inverse, then an affine map.
pub const SUBSTITUTE: [u8; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let b = INVERSE[n];
        table[n] = b ^ b.rotate_left(1) ^ b.rotate_left(2) ^ b.rotate_left(3) ^ b.rotate_left(4) ^ 0x63;
        n += 1;
    }
    table
};

const SUBSTITUTE_BACK: [u8; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[SUBSTITUTE[n] as usize] = n as u8;
        n += 1;
    }
    table
};

/// The products of every byte with a constant.
const fn products(constant: u8) -> [u8; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = multiply(n as u8, constant);
        n += 1;
    }
    table
}

const BY_2: [u8; 256] = products(2);
const BY_3: [u8; 256] = products(3);
const BY_9: [u8; 256] = products(9);
const BY_11: [u8; 256] = products(11);
const BY_13: [u8; 256] = products(13);
const BY_14: [u8; 256] = products(14);

type State = [u8; 16];

/// ShiftRows and SubBytes: row r comes from r columns further on.
fn shift_and_substitute(state: State) -> State {
    std::array::from_fn(|n| SUBSTITUTE[usize::from(state[(n + 4 * (n % 4)) % 16])])
}

/// InvShiftRows and InvSubBytes.
fn shift_and_substitute_back(state: State) -> State {
    std::array::from_fn(|n| SUBSTITUTE_BACK[usize::from(state[(n + 16 - 4 * (n % 4)) % 16])])
}

/// MixColumns
fn mix(state: State) -> State {
    std::array::from_fn(|n| {
        let row = |away: usize| usize::from(state[n / 4 * 4 + (n + away) % 4]);
        BY_2[row(0)] ^ BY_3[row(1)] ^ row(2) as u8 ^ row(3) as u8
    })
}

/// InvMixColumns
fn mix_back(state: State) -> State {
    std::array::from_fn(|n| {
        let row = |away: usize| usize::from(state[n / 4 * 4 + (n + away) % 4]);
        BY_14[row(0)] ^ BY_11[row(1)] ^ BY_13[row(2)] ^ BY_9[row(3)]
    })
}

/// AESENC
pub struct Encrypt;
/// AESENCLAST
pub struct EncryptLast;
/// AESDEC
pub struct Decrypt;
/// AESDECLAST
pub struct DecryptLast;
/// AESIMC
pub struct MixBack;
/// AESKEYGENASSIST
pub struct KeyAssist;

impl Packed<u128> for Encrypt {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        u128::from_le_bytes(mix(shift_and_substitute(dst.to_le_bytes()))) ^ src
    }
}

impl Packed<u128> for EncryptLast {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        u128::from_le_bytes(shift_and_substitute(dst.to_le_bytes())) ^ src
    }
}

impl Packed<u128> for Decrypt {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        u128::from_le_bytes(mix_back(shift_and_substitute_back(dst.to_le_bytes()))) ^ src
    }
}

impl Packed<u128> for DecryptLast {
    fn compute(dst: u128, src: u128, _: u8) -> u128 {
        u128::from_le_bytes(shift_and_substitute_back(dst.to_le_bytes())) ^ src
    }
}

impl Packed<u128> for MixBack {
    fn compute(_: u128, src: u128, _: u8) -> u128 {
        u128::from_le_bytes(mix_back(src.to_le_bytes()))
    }
}

impl Packed<u128> for KeyAssist {
    fn compute(_: u128, src: u128, imm: u8) -> u128 {
        let substituted =
            |word: u32| u32::from_le_bytes(word.to_le_bytes().map(|byte| SUBSTITUTE[usize::from(byte)]));
        let rotated = |word: u32| word.rotate_right(8) ^ u32::from(imm);
        let (x1, x3) = (substituted((src >> 32) as u32), substituted((src >> 96) as u32));
        u128::from(x1) | u128::from(rotated(x1)) << 32 | u128::from(x3) << 64 | u128::from(rotated(x3)) << 96
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> u128 {
        u128::from_str_radix(text, 16).unwrap().swap_bytes()
    }

    /// FIPS 197, appendix B: the first round of the example.
    #[test]
    fn a_round_is_that_of_the_standard() {
        let start = hex("193de3bea0f4e22b9ac68d2ae9f84808");
        let key = hex("a0fafe1788542cb123a339392a6c7605");
        assert_eq!(Encrypt::compute(start, key, 0), hex("a49c7ff2689f352b6b5bea43026a5049"));
    }

    /// FIPS 197, appendix A.1: the first words of the key schedule.
    #[test]
    fn key_assist_gives_the_key_schedule() {
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        // The last word, rotated and substituted, with the round constant.
        let word = (KeyAssist::compute(0, key, 1) >> 96) as u32;
        assert_eq!(word.swap_bytes(), 0x8b84_eb01);
    }

    #[test]
    fn decryption_undoes_encryption() {
        for n in 0..64u128 {
            let state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            assert_eq!(mix_back(mix(state.to_le_bytes())), state.to_le_bytes());
            let last = EncryptLast::compute(state, 0, 0);
            assert_eq!(DecryptLast::compute(last, 0, 0), state);
        }
    }
}
