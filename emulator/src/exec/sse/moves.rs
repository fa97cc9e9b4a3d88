//! Moves between XMM registers, general registers and memory.

use super::{Encoding, Source, Wide};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Step, Word};

/// MOVAPS, MOVUPS, MOVAPD, MOVUPD, MOVDQA, MOVDQU: `xmm, xmm`
pub fn whole<E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = E::Value::get(cpu, op.src);
    E::put(cpu, op.dst, value);
    Ok(())
}

/// MOVUPS, MOVUPD, MOVDQU, LDDQU: `xmm, mem`
pub fn load<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = cpu.read::<E::Value>(board, op)?;
    E::put(cpu, op.dst, value);
    Ok(())
}

/// MOVAPS, MOVAPD, MOVDQA, MOVNTDQA: `xmm, mem`
pub fn load_aligned<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let linear = cpu.aligned(op, size_of::<E::Value>() as u64, false)?;
    let value = cpu.load::<E::Value>(board, linear, op.seg)?;
    E::put(cpu, op.dst, value);
    Ok(())
}

/// MOVUPS, MOVUPD, MOVDQU: `mem, xmm`
pub fn store<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    cpu.write(board, op, E::Value::get(cpu, op.src))
}

/// MOVAPS, MOVAPD, MOVDQA, MOVNTPS, MOVNTPD, MOVNTDQ: `mem, xmm`
pub fn store_aligned<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let linear = cpu.aligned(op, size_of::<E::Value>() as u64, true)?;
    cpu.store(board, linear, op.seg, E::Value::get(cpu, op.src))
}

/// A load that clears the bits above the operand: MOVSS, MOVSD, MOVD, MOVQ
pub fn load_low<S: Source, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = S::load(cpu, board, op)?;
    E::put_xmm(cpu, op.dst, value);
    Ok(())
}

/// MOVSS, MOVSD, MOVD, MOVQ, MOVLPS, MOVLPD: `mem, xmm`
pub fn store_low<W: Word, E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    cpu.write(board, op, W::cut(cpu.xmm(op.src) as u64))
}

/// MOVHPS, MOVHPD: `m64, xmm`
pub fn store_high<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    cpu.write(board, op, (cpu.xmm(op.src) >> 64) as u64)
}

/// MOVD, MOVQ: `xmm, reg`
pub fn from_general<W: Word, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = W::get(cpu, op.src).zext();
    E::put_xmm(cpu, op.dst, value.into());
    Ok(())
}

/// MOVD, MOVQ: `reg, xmm`
pub fn to_general<W: Word, E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    W::set(cpu, op.dst, W::cut(cpu.xmm(op.src) as u64));
    Ok(())
}

/// The signs of all lanes, `COUNT` in each 128 bits, to a general register.
#[inline(always)]
fn signs<E: Encoding, const COUNT: usize>(cpu: &mut Cpu, op: &Op, of: impl Fn(u128) -> u64) -> Step {
    E::ready(cpu)?;
    let value = E::Value::get(cpu, op.src);
    let signs = (0..E::Value::LANES).map(|nth| of(value.lane(nth)) << (COUNT * nth)).sum();
    u64::set(cpu, op.dst, signs);
    Ok(())
}

/// PMOVMSKB: `reg, xmm`
pub fn pmovmskb<E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    signs::<E, 16>(cpu, op, super::shuffle::byte_signs)
}

/// MOVMSKPS: `reg, xmm`
pub fn movmskps<E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    signs::<E, 4>(cpu, op, super::shuffle::single_signs)
}

/// MOVMSKPD: `reg, xmm`
pub fn movmskpd<E: Encoding>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    signs::<E, 2>(cpu, op, super::shuffle::double_signs)
}

/// MOVNTI: `mem, reg`. It needs neither CR4.OSFXSR nor a clear CR0.TS.
pub fn movnti<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = W::get(cpu, op.src);
    cpu.write(board, op, value)
}

/// MASKMOVDQU: bytes of `dst` to DS:rDI where `src` has its top bits set.
pub fn maskmovdqu<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    store_masked(cpu, board, op, cpu.xmm(op.src), cpu.xmm(op.aux), 16)
}

/// Stores the bytes of `value` whose bytes in `mask` have their top bits set. The segment's limit
/// is checked for all `size` bytes.
pub fn store_masked(cpu: &mut Cpu, board: &mut Board, op: &Op, value: u128, mask: u128, size: u64) -> Step {
    let linear = cpu.linear(op, size, true)?;
    // As on AMD processors, both forms are aligned as eight bytes are.
    cpu.check_alignment(linear, 8, cpu.view)?;
    store_bytes(cpu, board, op, [value, 0], super::shuffle::byte_signs(mask))
}

/// Stores the bytes of `value` that `chosen` has ones for. If it has none, no memory is accessed;
/// else pages of unwritten bytes are not touched.
pub fn store_bytes(cpu: &mut Cpu, board: &mut Board, op: &Op, value: [u128; 2], chosen: u64) -> Step {
    if chosen == 0 {
        return Ok(());
    }
    let first = chosen.trailing_zeros();
    let size = 64 - chosen.leading_zeros() - first;
    let mut part = *op;
    part.disp = op.disp.wrapping_add(first.into());
    let linear = cpu.linear(&part, size.into(), true)?;
    // All of it first: a fault leaves nothing half done. It is at the first byte that is chosen.
    cpu.check_write(board, linear, op.seg, 1)?;
    let in_page = 4096 - (linear & 0xfff);
    if in_page < size.into() {
        let beyond = in_page + u64::from((chosen >> first >> in_page).trailing_zeros());
        let at = cpu.wrap(linear.wrapping_add(beyond));
        cpu.check_write(board, at, op.seg, 1)?;
    }
    for nth in (first..first + size).filter(|nth| chosen >> nth & 1 != 0) {
        let at = cpu.wrap(linear.wrapping_add((nth - first).into()));
        cpu.store(board, at, op.seg, (value[(nth as usize / 16) & 1] >> (8 * (nth % 16))) as u8)?;
    }
    Ok(())
}

/// LDMXCSR
pub fn ldmxcsr<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    let value = cpu.read::<u32>(board, op)?;
    if value & !crate::state::MXCSR_MASK != 0 {
        return Err(cpu.gp(0));
    }
    cpu.vector.mxcsr = value;
    Ok(())
}

/// STMXCSR
pub fn stmxcsr<E: Encoding>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    E::ready(cpu)?;
    cpu.write(board, op, cpu.vector.mxcsr)
}
