//! VGATHERDPS and its kin.
//!
//! Lowering puts the index register's number into `src`, the mask's into `aux`, and leaves `index`
//! without a register.

use super::masked::chosen;
use super::{element, read_element, with_element};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::sse::Wide;
use crate::exec::{Leave, Step, Word};

/// Loads `COUNT` elements of type `W`, `BITS` wide, by indices of `INDEX` bits. Elements are
/// loaded from the lowest on, and each clears its mask; so after a fault the instruction can go
/// on where it was. The masks behind it stay, all their bits, as on AMD processors.
pub fn gather<W: Word, const BITS: usize, const INDEX: usize, const COUNT: usize>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
) -> Step {
    cpu.avx()?;
    let indices = <[u128; 2]>::get(cpu, op.src);
    let mut value = <[u128; 2]>::get(cpu, op.dst);
    let mut left = <[u128; 2]>::get(cpu, op.aux);
    for nth in 0..COUNT {
        if !chosen::<BITS>(left, nth) {
            left = with_element::<BITS>(left, nth, 0);
            continue;
        }
        let index = element::<INDEX>(indices, nth);
        let index = if INDEX == 32 { index as i32 as u64 } else { index };
        let mut part = *op;
        part.disp = op.disp.wrapping_add(index << (op.scale & 3));
        match read_element::<W>(cpu, board, &part) {
            Ok(loaded) => value = with_element::<BITS>(value, nth, loaded.zext()),
            Err(leave) => {
                if leave == Leave::Fault {
                    value.put(cpu, op.dst);
                    left.put(cpu, op.aux);
                }
                return Err(leave);
            }
        }
        left = with_element::<BITS>(left, nth, 0);
    }
    let used = BITS * COUNT;
    let kept = |lane: usize| match used.saturating_sub(128 * lane) {
        0 => 0,
        bits @ 1..128 => value[lane] & u128::MAX >> (128 - bits),
        _ => value[lane],
    };
    [kept(0), kept(1)].put(cpu, op.dst);
    [0; 2].put(cpu, op.aux);
    Ok(())
}
