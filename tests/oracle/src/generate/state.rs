//! Random states.

use crate::case::{FX_BYTES, HIGH_BYTES, Mode, State};
use crate::values::Random;

pub(super) fn extended(random: &mut Random) -> [u8; 10] {
    let (significand, sign_exponent) = random.extended();
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&significand.to_le_bytes());
    bytes[8..].copy_from_slice(&sign_exponent.to_le_bytes());
    bytes
}

pub(super) fn control_word(random: &mut Random) -> u16 {
    let masks = if random.one_in(3) { random.below(64) as u16 } else { 0x3f };
    let precision = random.pick(&[0, 2, 3, 3, 3]);
    0x40 | masks | precision << 8 | (random.below(4) as u16) << 10 | (random.below(2) as u16) << 12
}

pub(super) fn mxcsr(random: &mut Random) -> u32 {
    // What most programs run under, where the interpreter has its shortest ways.
    match random.below(8) {
        0 | 1 => return 0x1fa0,
        2 => return 0x1f80,
        _ => {}
    }
    let flags = if random.one_in(2) { 0 } else { random.below(64) as u32 };
    let masks = if random.one_in(4) { random.below(64) as u32 } else { 0x3f };
    let daz = u32::from(random.one_in(4));
    let ftz = u32::from(random.one_in(4));
    flags | daz << 6 | masks << 7 | (random.below(4) as u32) << 13 | ftz << 15
}

/// Makes of an extended number half of its last place, for one of the precisions; or the least normal number
/// of its significand, or the pseudo-denormal one that equals that.
fn near_relation(number: &mut [u8], random: &mut Random) {
    let exponent = u16::from_le_bytes([number[8], number[9]]) & 0x7fff;
    let exponent = if random.one_in(2) {
        number[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
        exponent.saturating_sub(random.pick(&[24, 53, 64])).max(1)
    } else {
        number[7] |= 0x80;
        random.below(2) as u16
    };
    number[8..].copy_from_slice(&(exponent | random.bits() as u16 & 0x8000).to_le_bytes());
}

/// A random x87 and SSE state.
pub(super) fn fx(random: &mut Random) -> [u8; FX_BYTES] {
    let mut fx = [0; FX_BYTES];
    let fcw = control_word(random);
    let mut fsw = (random.bits() as u16) & 0x7f00;
    if random.one_in(2) {
        fsw |= random.below(128) as u16;
    }
    if !random.one_in(4) {
        // No exception is pending.
        fsw &= !0x3f | fcw;
    }
    if fsw & !fcw & 0x3f != 0 {
        fsw |= 0x8080;
    }
    let tags = match random.below(4) {
        0 => random.bits() as u8,
        1 => random.pick(&[0, 0xff, 1, 0x80]),
        _ => 0xff,
    };
    fx[..2].copy_from_slice(&fcw.to_le_bytes());
    fx[2..4].copy_from_slice(&fsw.to_le_bytes());
    fx[4] = tags;
    fx[24..28].copy_from_slice(&mxcsr(random).to_le_bytes());
    let (related, pool) = (random.one_in(4), [extended(random), extended(random)]);
    for i in 0..8 {
        let at = 32 + 16 * i;
        if related && random.one_in(2) {
            fx[at..at + 10].copy_from_slice(&random.pick(&pool));
            if random.one_in(3) {
                near_relation(&mut fx[at..at + 10], random);
                continue;
            }
            let (byte, bits) = random.pick(&[(0, 0), (9, 0x80), (0, 1), (8, 1), (7, 0x80), (7, 0x40)]);
            fx[at + byte] ^= bits;
        } else if random.one_in(3) {
            fx[at..at + 8].copy_from_slice(&random.vector().to_le_bytes()[..8]);
            fx[at + 8..at + 10].fill(0xff);
        } else {
            fx[at..at + 10].copy_from_slice(&extended(random));
        }
    }
    fx
}

/// Fills vector registers. Half of them, in some cases, come from a small pool, changed in a few
/// bits: equal and nearly equal operands are where comparisons and differences break.
fn vectors(registers: &mut [u8], pool: &[u128; 3], random: &mut Random) {
    let related = random.one_in(3);
    for register in registers.chunks_exact_mut(16) {
        let value = match related && random.one_in(2) {
            false => random.vector(),
            true => {
                let signs = random.pick(&[0, 1 << 31, 1 << 63, 0x8000_0000 << 64 | 0x8000_0000, 1 << 127]);
                let low = random.pick(&[0u128, 0, 1, 1 << 64, 3 << 32]);
                random.pick(pool) ^ signs ^ low
            }
        };
        register.copy_from_slice(&value.to_le_bytes());
    }
}

/// A random state.
pub fn state(mode: Mode, random: &mut Random) -> State {
    let mut state = State { fx: fx(random), ..State::default() };
    let pool = [random.vector(), random.vector(), random.vector()];
    vectors(&mut state.fx[160..], &pool, random);
    if random.one_in(4) {
        // What code without AVX sees.
        state.high = [0; HIGH_BYTES];
    } else {
        vectors(&mut state.high, &pool, random);
    }
    state.selectors = mode.selectors();
    state.bases = mode.bases();
    let (related, pool) = (random.one_in(4), [random.integer(), random.integer()]);
    for value in &mut state.gpr {
        *value = match related && random.one_in(2) {
            true => random.pick(&pool).wrapping_add(random.pick(&[0, 0, 1, u64::MAX])),
            false => random.integer(),
        };
    }
    if mode != Mode::Bits64 {
        for value in &mut state.gpr[..8] {
            *value &= 0xffff_ffff;
        }
        state.gpr[8..].fill(0);
    }
    state.rflags = random.bits() & crate::case::FLAGS;
    state
}
