//! MOVDIRI and MOVDIR64B: direct stores. There are no caches to pass by, so they are stores.

use super::{Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::{Op, address};
use crate::state::sreg;

/// Bytes that MOVDIR64B moves.
const LINE: u64 = 64;

/// MOVDIRI memory, register
pub fn movdiri<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = W::get(cpu, op.src);
    cpu.write(board, op, value)
}

/// MOVDIR64B register, memory: the register is an offset in ES, of the address size, and must be
/// a multiple of 64.
pub fn movdir64b(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let from = cpu.linear(op, LINE, false)?;
    let offset = match op.address {
        address::FLAT => u64::get(cpu, op.dst),
        address::SEG16 => u16::get(cpu, op.dst).zext(),
        _ => u32::get(cpu, op.dst).zext(),
    };
    let to = match cpu.code_size() {
        CodeSize::Bits64 => offset,
        _ => cpu.segmented(sreg::ES, offset, LINE, true)?,
    };
    if to % LINE != 0 {
        return Err(cpu.gp(0));
    }
    cpu.check_read(board, from, op.seg, LINE)?;
    cpu.check_write(board, to, sreg::ES, LINE)?;
    let mut line = [0u64; 8];
    for (n, word) in line.iter_mut().enumerate() {
        let at = cpu.wrap(from.wrapping_add(8 * n as u64));
        *word = cpu.load(board, at, op.seg)?;
    }
    for (n, word) in line.into_iter().enumerate() {
        cpu.store(board, to + 8 * n as u64, sreg::ES, word)?;
    }
    Ok(())
}
