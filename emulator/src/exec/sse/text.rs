//! PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM volume 2, 4.1).

use super::Encoding;
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Step, Word};
use crate::state::{flag, gpr};

/// What lowering adds to the immediate: lengths in EAX and EDX, not up to a zero.
pub const EXPLICIT: u64 = 1 << 8;
/// What lowering adds to the immediate: those lengths in RAX and RDX.
pub const LONG: u64 = 1 << 9;
/// What lowering adds to the immediate: a mask in XMM0, not an index in ECX.
pub const MASK: u64 = 1 << 10;

/// `op xmm, xmm, imm8`
pub fn compare_reg<E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    compare::<E>(cpu, op, cpu.xmm(op.src))
}

/// `op xmm, m128, imm8`: the operand needs no alignment.
pub fn compare_mem<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let second = cpu.read::<u128>(board, op)?;
    compare::<E>(cpu, op, second)
}

fn compare<E: Encoding>(cpu: &mut Cpu, op: &Op, second: u128) -> Step {
    let imm = op.imm as u8;
    let (mut a, mut b) = (Text::new(cpu.xmm(op.dst), imm), Text::new(second, imm));
    if op.imm & EXPLICIT != 0 {
        a.valid = a.length(cpu, gpr::RAX, op.imm & LONG != 0);
        b.valid = b.length(cpu, gpr::RDX, op.imm & LONG != 0);
    }
    let count = a.count;
    let found = polarity(imm, aggregate(imm, &a, &b), &b);
    if op.imm & MASK != 0 {
        E::put_xmm(cpu, 0, if imm & 0x40 != 0 { expand(found, 128 / count) } else { found.into() });
    } else {
        let index = match (found, imm & 0x40) {
            (0, _) => count,
            (_, 0) => found.trailing_zeros(),
            _ => 31 - found.leading_zeros(),
        };
        u32::set(cpu, gpr::RCX, index);
    }
    let mut status = 0;
    for (holds, bit) in [
        (found != 0, flag::CF),
        (b.valid < count, flag::ZF),
        (a.valid < count, flag::SF),
        (found & 1 != 0, flag::OF),
    ] {
        if holds {
            status |= bit;
        }
    }
    cpu.flags.set_status(status);
    Ok(())
}

/// An operand as characters.
struct Text {
    /// Sign-extended or zero-extended.
    characters: [i32; 16],
    /// How many there are: 8 or 16.
    count: u32,
    /// How many of them belong to the string.
    valid: u32,
}

impl Text {
    fn new(register: u128, imm: u8) -> Self {
        let (words, signed) = (imm & 1 != 0, imm & 2 != 0);
        let count = if words { 8 } else { 16 };
        let mut characters = [0; 16];
        for (nth, character) in characters.iter_mut().enumerate().take(count as usize) {
            let bits = register >> (128 / count as usize * nth);
            *character = match (words, signed) {
                (false, false) => i32::from(bits as u8),
                (false, true) => i32::from(bits as i8),
                (true, false) => i32::from(bits as u16),
                (true, true) => i32::from(bits as i16),
            };
        }
        let valid = (0..count).find(|nth| characters[*nth as usize] == 0).unwrap_or(count);
        Self { characters, count, valid }
    }

    /// The length that a general register tells: its absolute value, at most all characters.
    fn length(&self, cpu: &Cpu, register: u8, long: bool) -> u32 {
        let value = u64::get(cpu, register);
        let value = if long { value as i64 } else { i64::from(value as i32) };
        value.unsigned_abs().min(self.count.into()) as u32
    }

    fn holds(&self, nth: u32) -> bool {
        nth < self.valid
    }

    fn at(&self, nth: u32) -> i32 {
        self.characters[nth as usize & 15]
    }
}

/// IntRes1: a bit for each character of `b`. Characters behind the end compare as table 4-3 has it.
fn aggregate(imm: u8, a: &Text, b: &Text) -> u32 {
    let mut out = 0;
    for i in 0..b.count {
        let holds = match imm >> 2 & 3 {
            // Equal any
            0 => b.holds(i) && (0..a.valid).any(|j| a.at(j) == b.at(i)),
            // Ranges
            1 => {
                let within = |j| b.at(i) >= a.at(j) && b.at(i) <= a.at(j + 1);
                b.holds(i) && (0..a.valid / 2).any(|pair| within(2 * pair))
            }
            // Equal each
            2 if a.holds(i) && b.holds(i) => a.at(i) == b.at(i),
            2 => !a.holds(i) && !b.holds(i),
            // Equal ordered
            _ => {
                let equal = |j| !a.holds(j) || b.holds(i + j) && a.at(j) == b.at(i + j);
                (0..b.count - i).all(equal)
            }
        };
        out |= u32::from(holds) << i;
    }
    out
}

/// IntRes2.
fn polarity(imm: u8, found: u32, b: &Text) -> u32 {
    let all = (1 << b.count) - 1;
    match imm >> 4 & 3 {
        1 => !found & all,
        3 => found ^ ((1 << b.valid) - 1),
        _ => found,
    }
}

/// Each bit as a character of all ones or zeros.
fn expand(found: u32, bits: u32) -> u128 {
    let ones = u128::MAX >> (128 - bits);
    (0..128 / bits).filter(|nth| found >> nth & 1 != 0).fold(0, |out, nth| out | ones << (bits * nth))
}
