//! Moves between XMM registers, general registers and memory.

use super::Source;
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Step, Word};

/// MOVAPS, MOVUPS, MOVAPD, MOVUPD, MOVDQA, MOVDQU: `xmm, xmm`
pub fn whole(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.set_xmm(op.dst, cpu.xmm(op.src));
    Ok(())
}

/// A load that clears the bits above the operand: MOVAPS, MOVUPS, MOVSS, MOVSD, MOVD, MOVQ …
pub fn load<S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = S::load(cpu, board, op)?;
    cpu.set_xmm(op.dst, value);
    Ok(())
}

/// MOVAPS, MOVAPD, MOVDQA, MOVNTPS, MOVNTPD, MOVNTDQ: `m128, xmm`
pub fn store_aligned(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let linear = cpu.aligned(op, true)?;
    cpu.store(board, linear, op.seg, cpu.xmm(op.src))
}

/// MOVUPS, MOVUPD, MOVDQU: `m128, xmm`
pub fn store_128(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.write(board, op, cpu.xmm(op.src))
}

/// MOVSD, MOVQ, MOVLPS, MOVLPD: `m64, xmm`
pub fn store_64(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.write(board, op, cpu.xmm(op.src) as u64)
}

/// MOVSS, MOVD: `m32, xmm`
pub fn store_32(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.write(board, op, cpu.xmm(op.src) as u32)
}

/// MOVHPS, MOVHPD: `m64, xmm`
pub fn store_high(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.write(board, op, (cpu.xmm(op.src) >> 64) as u64)
}

/// MOVLPS, MOVLPD: `xmm, m64`
pub fn load_low(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = cpu.read::<u64>(board, op)?;
    cpu.set_xmm(op.dst, cpu.xmm(op.dst) >> 64 << 64 | u128::from(value));
    Ok(())
}

/// MOVHPS, MOVHPD: `xmm, m64`
pub fn load_high(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = cpu.read::<u64>(board, op)?;
    cpu.set_xmm(op.dst, u128::from(cpu.xmm(op.dst) as u64) | u128::from(value) << 64);
    Ok(())
}

/// MOVSS: `xmm, xmm`
pub fn low_32(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.set_xmm(op.dst, cpu.xmm(op.dst) >> 32 << 32 | u128::from(cpu.xmm(op.src) as u32));
    Ok(())
}

/// MOVSD: `xmm, xmm`
pub fn low_64(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.set_xmm(op.dst, cpu.xmm(op.dst) >> 64 << 64 | u128::from(cpu.xmm(op.src) as u64));
    Ok(())
}

/// MOVQ: `xmm, xmm`
pub fn low_64_zero(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.set_xmm(op.dst, u128::from(cpu.xmm(op.src) as u64));
    Ok(())
}

/// MOVD, MOVQ: `xmm, reg`
pub fn from_general<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = W::get(cpu, op.src).zext();
    cpu.set_xmm(op.dst, u128::from(value));
    Ok(())
}

/// MOVD, MOVQ: `reg, xmm`
pub fn to_general<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    W::set(cpu, op.dst, W::cut(cpu.xmm(op.src) as u64));
    Ok(())
}

/// PMOVMSKB, MOVMSKPS, MOVMSKPD: `reg, xmm`
pub fn signs(cpu: &mut Cpu, op: &Op, of: impl Fn(u128) -> u64) -> Step {
    cpu.sse()?;
    u64::set(cpu, op.dst, of(cpu.xmm(op.src)));
    Ok(())
}

/// PMOVMSKB: `reg, xmm`
pub fn pmovmskb(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    signs(cpu, op, super::shuffle::byte_signs)
}

/// MOVMSKPS: `reg, xmm`
pub fn movmskps(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    signs(cpu, op, super::shuffle::single_signs)
}

/// MOVMSKPD: `reg, xmm`
pub fn movmskpd(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    signs(cpu, op, super::shuffle::double_signs)
}

/// PEXTRW: `reg, xmm, imm8`
pub fn pextrw(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = (cpu.xmm(op.src) >> (16 * (op.imm & 7))) as u16;
    u64::set(cpu, op.dst, u64::from(value));
    Ok(())
}

/// PINSRW: `xmm, reg, imm8`
pub fn pinsrw_reg(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = u16::get(cpu, op.src);
    insert(cpu, op, value);
    Ok(())
}

/// PINSRW: `xmm, m16, imm8`
pub fn pinsrw_mem(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = cpu.read::<u16>(board, op)?;
    insert(cpu, op, value);
    Ok(())
}

fn insert(cpu: &mut Cpu, op: &Op, value: u16) {
    let shift = 16 * (op.imm & 7);
    let kept = cpu.xmm(op.dst) & !(0xffff << shift);
    cpu.set_xmm(op.dst, kept | u128::from(value) << shift);
}

/// MOVNTI: `mem, reg`. It needs neither CR4.OSFXSR nor a clear CR0.TS.
pub fn movnti<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = W::get(cpu, op.src);
    cpu.write(board, op, value)
}

/// MASKMOVDQU: bytes of `dst` to DS:rDI where `src` has its top bits set.
pub fn maskmovdqu(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    store_masked(cpu, board, op, cpu.xmm(op.src), cpu.xmm(op.aux), 16)
}

/// Stores the bytes of `value` whose bytes in `mask` have their top bits set. A mask of zero
/// accesses no memory, and raises no page fault; else pages of unwritten bytes are not touched.
pub fn store_masked(cpu: &mut Cpu, board: &mut Board, op: &Op, value: u128, mask: u128, size: u64) -> Step {
    let linear = cpu.linear(op, size, true)?;
    // As on AMD processors, both forms are aligned as eight bytes are.
    cpu.check_alignment(linear, 8, cpu.view)?;
    let chosen = super::shuffle::byte_signs(mask);
    let at = |cpu: &Cpu, nth: u32| cpu.wrap(linear.wrapping_add(u64::from(nth)));
    if chosen == 0 {
        return Ok(());
    }
    // Both ends first: a fault leaves nothing half done.
    for end in [chosen.trailing_zeros(), 63 - chosen.leading_zeros()] {
        cpu.check_write(board, at(cpu, end), op.seg, 1)?;
    }
    for nth in (0..16).filter(|nth| chosen >> nth & 1 != 0) {
        cpu.store(board, at(cpu, nth), op.seg, (value >> (8 * nth)) as u8)?;
    }
    Ok(())
}

/// LDMXCSR
pub fn ldmxcsr(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    let value = cpu.read::<u32>(board, op)?;
    if value & !crate::state::MXCSR_MASK != 0 {
        return Err(cpu.gp(0));
    }
    cpu.vector.mxcsr = value;
    Ok(())
}

/// STMXCSR
pub fn stmxcsr(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.sse()?;
    cpu.write(board, op, cpu.vector.mxcsr)
}
