//! VMASKMOVPS, VMASKMOVPD, VPMASKMOVD, VPMASKMOVQ: elements whose masks are negative.
//!
//! `BITS` is the width of an element. What the mask leaves out is not accessed and raises nothing.

use super::{element, read_element, with_element};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::{Op, address};
use crate::exec::sse::moves::store_bytes;
use crate::exec::sse::{Encoding, Wide};
use crate::exec::{Step, Word};

/// Whether element `nth` of a mask is set.
#[inline(always)]
pub(super) fn chosen<const BITS: usize>(mask: [u128; 2], nth: usize) -> bool {
    element::<BITS>(mask, nth) >> (BITS - 1) != 0
}

/// The vector as two lanes, the upper one zero where there is none.
fn pair<V: Wide>(value: V) -> [u128; 2] {
    [value.lane(0), if V::LANES == 2 { value.lane(1) } else { 0 }]
}

/// `op xmm, <mask>, mem`
pub fn load<W: Word, E: Encoding, const BITS: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let mask = pair(E::Value::get(cpu, op.src));
    let mut value = [0; 2];
    for nth in (0..128 * E::Value::LANES / BITS).filter(|nth| chosen::<BITS>(mask, *nth)) {
        let mut part = *op;
        part.disp = op.disp.wrapping_add(nth as u64 * W::BYTES);
        value = with_element::<BITS>(value, nth, read_element::<W>(cpu, board, &part)?.zext());
    }
    E::put(cpu, op.dst, E::Value::of(|nth| value[nth]));
    Ok(())
}

/// `op mem, <mask>, xmm`
pub fn store<E: Encoding, const BITS: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let mask = pair(E::Value::get(cpu, op.src));
    let value = pair(E::Value::get(cpu, op.aux));
    if op.address > address::FLAT32 {
        return store_in_segment::<BITS>(cpu, board, op, (mask, value), 128 * E::Value::LANES / BITS);
    }
    let ones = (1 << (BITS / 8)) - 1;
    let bytes = (0..128 * E::Value::LANES / BITS)
        .filter(|nth| chosen::<BITS>(mask, *nth))
        .fold(0, |bytes, nth| bytes | ones << (BITS / 8 * nth));
    store_bytes(cpu, board, op, value, bytes)
}

/// The same where segments are checked, one element after the other, before any is written.
#[cold]
fn store_in_segment<const BITS: usize>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    (mask, value): ([u128; 2], [u128; 2]),
    elements: usize,
) -> Step {
    let bytes = BITS as u64 / 8;
    let mut places = [0; 8];
    for nth in (0..elements).filter(|nth| chosen::<BITS>(mask, *nth)) {
        let linear = cpu.linear(&op.behind(nth as u64 * bytes), bytes, true)?;
        cpu.check_write(board, linear, op.seg, bytes)?;
        places[nth] = linear;
    }
    for nth in (0..elements).filter(|nth| chosen::<BITS>(mask, *nth)) {
        let element = element::<BITS>(value, nth);
        match BITS {
            32 => cpu.store(board, places[nth], op.seg, element as u32)?,
            _ => cpu.store(board, places[nth], op.seg, element)?,
        }
    }
    Ok(())
}
