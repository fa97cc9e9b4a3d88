//! Moves: MOV, MOVZX, MOVSX, LEA, XCHG, CMOVcc, SETcc, BSWAP, CMPXCHG, XADD, sign extensions.

use super::alu::{Add, Binary, Cmp};
use super::cond::Condition;
use super::{Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::state::{flag, gpr};

/// MOV register, register
pub fn mov_rr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    W::set(cpu, op.dst, W::get(cpu, op.src));
    Ok(())
}

/// MOV register, immediate
pub fn mov_ri<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    W::set(cpu, op.dst, W::cut(op.imm));
    Ok(())
}

/// MOV register, memory
pub fn mov_rm<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<W>(board, op)?;
    W::set(cpu, op.dst, value);
    Ok(())
}

/// MOV memory, register
pub fn mov_mr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.write(board, op, W::get(cpu, op.src))
}

/// MOV memory, immediate
pub fn mov_mi<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.write(board, op, W::cut(op.imm))
}

/// MOVZX register, register
pub fn movzx_rr<D: Word, S: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    D::set(cpu, op.dst, D::cut(S::get(cpu, op.src).zext()));
    Ok(())
}

/// MOVZX register, memory
pub fn movzx_rm<D: Word, S: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<S>(board, op)?;
    D::set(cpu, op.dst, D::cut(value.zext()));
    Ok(())
}

/// MOVSX or MOVSXD register, register
pub fn movsx_rr<D: Word, S: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    D::set(cpu, op.dst, D::cut(S::get(cpu, op.src).sext()));
    Ok(())
}

/// MOVSX or MOVSXD register, memory
pub fn movsx_rm<D: Word, S: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<S>(board, op)?;
    D::set(cpu, op.dst, D::cut(value.sext()));
    Ok(())
}

/// LEA
pub fn lea<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    W::set(cpu, op.dst, W::cut(cpu.offset(op)));
    Ok(())
}

/// LEA with 64-bit addressing and operand: the address sum itself.
pub fn lea64(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.gpr[usize::from(op.dst & 15)] = cpu.effective(op);
    Ok(())
}

/// XCHG register, register
pub fn xchg_rr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let (a, b) = (W::get(cpu, op.dst), W::get(cpu, op.src));
    W::set(cpu, op.dst, b);
    W::set(cpu, op.src, a);
    Ok(())
}

/// XCHG memory, register
pub fn xchg_mr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let new = W::get(cpu, op.src);
    let mut old = W::ZERO;
    cpu.modify::<W>(board, op, |_, value| {
        old = value;
        new
    })?;
    W::set(cpu, op.src, old);
    Ok(())
}

/// CMOVcc register, register: a 32-bit destination is cleared above even if nothing moves.
pub fn cmov_rr<C: Condition, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let from = if C::holds(&cpu.flags) { op.src } else { op.dst };
    W::set(cpu, op.dst, W::get(cpu, from));
    Ok(())
}

/// CMOVcc register, memory: the memory is read in any case.
pub fn cmov_rm<C: Condition, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<W>(board, op)?;
    let value = if C::holds(&cpu.flags) { value } else { W::get(cpu, op.dst) };
    W::set(cpu, op.dst, value);
    Ok(())
}

/// SETcc register
pub fn set_r<C: Condition>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let value = C::holds(&cpu.flags) as u8;
    u8::set(cpu, op.dst, value);
    Ok(())
}

/// SETcc memory
pub fn set_m<C: Condition>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = C::holds(&cpu.flags) as u8;
    cpu.write(board, op, value)
}

/// BSWAP of 64 bits
pub fn bswap64(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    u64::set(cpu, op.dst, u64::get(cpu, op.dst).swap_bytes());
    Ok(())
}

/// BSWAP of 32 bits
pub fn bswap32(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    u32::set(cpu, op.dst, u32::get(cpu, op.dst).swap_bytes());
    Ok(())
}

/// BSWAP of 16 bits: undefined by the manual; here, as on the processors that can be had, zero.
pub fn bswap16(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    u16::set(cpu, op.dst, 0);
    Ok(())
}

/// CBW, CWDE, CDQE: the lower half of the accumulator sign-extended into all of it.
pub fn extend_a<S: Word, D: Word>(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    D::set(cpu, gpr::RAX, D::cut(S::get(cpu, gpr::RAX).sext()));
    Ok(())
}

/// CWD, CDQ, CQO: the accumulator's sign into D.
pub fn extend_d<W: Word>(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let sign = (W::get(cpu, gpr::RAX).sext() as i64 >> 63) as u64;
    W::set(cpu, gpr::RDX, W::cut(sign));
    Ok(())
}

/// CMPXCHG register, register
pub fn cmpxchg_rr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let old = W::get(cpu, op.dst);
    let accumulator = W::get(cpu, gpr::RAX);
    Cmp::apply(&mut cpu.flags, accumulator, old);
    if accumulator == old {
        W::set(cpu, op.dst, W::get(cpu, op.src));
    } else {
        W::set(cpu, gpr::RAX, old);
    }
    Ok(())
}

/// CMPXCHG memory, register: the destination is written in any case.
pub fn cmpxchg_mr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let accumulator = W::get(cpu, gpr::RAX);
    let new = W::get(cpu, op.src);
    let mut old = W::ZERO;
    cpu.modify::<W>(board, op, |cpu, value| {
        old = value;
        Cmp::apply(&mut cpu.flags, accumulator, old);
        if accumulator == old { new } else { old }
    })?;
    if accumulator != old {
        W::set(cpu, gpr::RAX, old);
    }
    Ok(())
}

/// XADD register, register
pub fn xadd_rr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let (a, b) = (W::get(cpu, op.dst), W::get(cpu, op.src));
    let sum = Add::apply(&mut cpu.flags, a, b);
    W::set(cpu, op.src, a);
    W::set(cpu, op.dst, sum);
    Ok(())
}

/// XADD memory, register
pub fn xadd_mr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = W::get(cpu, op.src);
    let mut old = W::ZERO;
    cpu.modify::<W>(board, op, |cpu, a| {
        old = a;
        Add::apply(&mut cpu.flags, a, b)
    })?;
    W::set(cpu, op.src, old);
    Ok(())
}

/// CMPXCHG8B: only ZF changes.
pub fn cmpxchg8b(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let pair = |cpu: &Cpu, high: u8, low: u8| u32::get(cpu, high).zext() << 32 | u32::get(cpu, low).zext();
    let expected = pair(cpu, gpr::RDX, gpr::RAX);
    let new = pair(cpu, gpr::RCX, gpr::RBX);
    let mut old = 0;
    cpu.modify::<u64>(board, op, |_, value| {
        old = value;
        if value == expected { new } else { value }
    })?;
    let equal = old == expected;
    if !equal {
        u32::set(cpu, gpr::RAX, old as u32);
        u32::set(cpu, gpr::RDX, (old >> 32) as u32);
    }
    let status = cpu.flags.status() & !flag::ZF;
    cpu.flags.set_status(status | if equal { flag::ZF } else { 0 });
    Ok(())
}

/// CMPXCHG16B: only ZF changes; the operand must be aligned.
pub fn cmpxchg16b(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let pair =
        |cpu: &Cpu, high: u8, low: u8| u128::from(u64::get(cpu, high)) << 64 | u128::from(u64::get(cpu, low));
    let expected = pair(cpu, gpr::RDX, gpr::RAX);
    let new = pair(cpu, gpr::RCX, gpr::RBX);
    let linear = cpu.aligned(op, 16, true)?;
    let mut old = 0;
    cpu.modify_linear::<u128>(board, linear, op.seg, |_, value| {
        old = value;
        if value == expected { new } else { value }
    })?;
    let equal = old == expected;
    if !equal {
        u64::set(cpu, gpr::RAX, old as u64);
        u64::set(cpu, gpr::RDX, (old >> 64) as u64);
    }
    let status = cpu.flags.status() & !flag::ZF;
    cpu.flags.set_status(status | if equal { flag::ZF } else { 0 });
    Ok(())
}

/// LAHF
pub fn lahf(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let value = cpu.flags.rflags() as u8;
    u8::set(cpu, super::word::HIGH_BYTE, value);
    Ok(())
}

/// SAHF
pub fn sahf(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let value = u64::from(u8::get(cpu, super::word::HIGH_BYTE));
    let of = cpu.flags.status() & flag::OF;
    cpu.flags.set_status(value & flag::STATUS & !flag::OF | of);
    Ok(())
}

/// CLC
pub fn clc(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.flags.set_cf(false);
    Ok(())
}

/// STC
pub fn stc(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.flags.set_cf(true);
    Ok(())
}

/// CMC
pub fn cmc(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.flags.set_cf(!cpu.flags.cf());
    Ok(())
}

/// CLD
pub fn cld(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.flags.system &= !flag::DF;
    Ok(())
}

/// STD
pub fn std(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.flags.system |= flag::DF;
    Ok(())
}

/// NOP, PAUSE and hints
pub fn nop(_: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    Ok(())
}

/// XLAT
pub fn xlat(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    // The operand's base is BX, its index AL zero-extended, which no register holds: add it here.
    let al = u64::from(u8::get(cpu, gpr::RAX));
    let with_al = Op { disp: op.disp.wrapping_add(al), index: gpr::ZERO, ..*op };
    let value = cpu.read::<u8>(board, &with_al)?;
    u8::set(cpu, gpr::RAX, value);
    Ok(())
}

/// SALC: AL = CF ? FFh : 0
pub fn salc(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let value = if cpu.flags.cf() { 0xff } else { 0 };
    u8::set(cpu, gpr::RAX, value);
    Ok(())
}
