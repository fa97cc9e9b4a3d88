//! Single lanes, to and from general registers and memory.

use std::marker::PhantomData;

use super::{Encoding, Packed};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Step, Word};

/// INSERTPS: doubleword imm\[7:6\] of the second operand to place imm\[5:4\], zeros where
/// imm\[3:0\] has ones.
pub struct Insertps;

impl Packed<u128> for Insertps {
    #[inline(always)]
    fn compute(a: u128, b: u128, imm: u8) -> u128 {
        let value = (b >> (32 * (imm >> 6))) as u32;
        let place = 32 * (imm >> 4 & 3);
        let out = a & !(0xffff_ffff << place) | u128::from(value) << place;
        (0..4).filter(|nth| imm >> nth & 1 != 0).fold(out, |out, nth| out & !(0xffff_ffff << (32 * nth)))
    }
}

/// PINSRB, PINSRW, PINSRD, PINSRQ, by the lane's type: the low bits of the second operand to the
/// place that the immediate tells.
pub struct Insert<W>(PhantomData<W>);

impl<W: Word> Packed<u128> for Insert<W> {
    #[inline(always)]
    fn compute(a: u128, b: u128, imm: u8) -> u128 {
        let place = place::<W>(imm);
        let mask = u128::from(u64::MAX >> (64 - W::BITS));
        a & !(mask << place) | (b & mask) << place
    }
}

/// The first bit of the lane that an immediate tells.
#[inline(always)]
fn place<W: Word>(imm: u8) -> u32 {
    W::BITS * u32::from(imm) % 128
}

/// PINSRB, PINSRW, PINSRD, PINSRQ: `op xmm, xmm, reg, imm8`
pub fn insert_reg<W: Word, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = u64::get(cpu, E::second(op));
    let value = Insert::<W>::compute(cpu.xmm(E::first(op)), value.into(), op.imm as u8);
    E::put_xmm(cpu, op.dst, value);
    Ok(())
}

/// PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS: `op reg, xmm, imm8`, zero-extended
pub fn extract_reg<W: Word, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = W::cut((cpu.xmm(op.src) >> place::<W>(op.imm as u8)) as u64);
    u64::set(cpu, op.dst, value.zext());
    Ok(())
}

/// As [`extract_reg`], to memory.
pub fn extract_mem<W: Word, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = W::cut((cpu.xmm(op.src) >> place::<W>(op.imm as u8)) as u64);
    cpu.write(board, op, value)
}
