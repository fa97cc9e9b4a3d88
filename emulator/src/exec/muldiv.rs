//! Multiplication, division, and decimal adjustment.
//!
//! Undefined flags: MUL and IMUL set SF, ZF and PF from the low half and clear AF; DIV and IDIV
//! leave all flags.

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::state::{flag, gpr};

/// Writes the accumulator pair: AH and AL, or D and A.
fn put_pair<W: Word>(cpu: &mut Cpu, low: W, high: W) {
    if W::BITS == 8 {
        u16::set(cpu, gpr::RAX, (high.zext() << 8 | low.zext()) as u16);
    } else {
        W::set(cpu, gpr::RAX, low);
        W::set(cpu, gpr::RDX, high);
    }
}

fn mul<W: Word>(cpu: &mut Cpu, b: W) {
    let product = u128::from(W::get(cpu, gpr::RAX).zext()) * u128::from(b.zext());
    let (low, high) = (W::cut(product as u64), W::cut((product >> W::BITS) as u64));
    put_pair(cpu, low, high);
    let carry = high != W::ZERO;
    cpu.flags.set_result(low.sext(), carry, carry);
}

fn imul_wide<W: Word>(cpu: &mut Cpu, b: W) {
    let product = i128::from(W::get(cpu, gpr::RAX).sext() as i64) * i128::from(b.sext() as i64);
    let (low, high) = (W::cut(product as u64), W::cut((product >> W::BITS) as u64));
    put_pair(cpu, low, high);
    let carry = i128::from(low.sext() as i64) != product;
    cpu.flags.set_result(low.sext(), carry, carry);
}

#[inline(always)]
fn imul<W: Word>(cpu: &mut Cpu, a: W, b: W) -> W {
    let (product, overflow) = (a.sext() as i64).overflowing_mul(b.sext() as i64);
    let r = W::cut(product as u64);
    let carry = overflow || r.sext() != product as u64;
    cpu.flags.set_result(r.sext(), carry, carry);
    r
}

fn div<W: Word>(cpu: &mut Cpu, divisor: W) -> Step {
    if divisor == W::ZERO {
        return Err(cpu.de());
    }
    if W::BITS <= 32 {
        let dividend = if W::BITS == 8 {
            u16::get(cpu, gpr::RAX).zext()
        } else {
            W::get(cpu, gpr::RDX).zext() << W::BITS | W::get(cpu, gpr::RAX).zext()
        };
        let (q, r) = (dividend / divisor.zext(), dividend % divisor.zext());
        if q >> W::BITS != 0 {
            return Err(cpu.de());
        }
        put_pair(cpu, W::cut(q), W::cut(r));
        return Ok(());
    }
    let (low, high, divisor) = (W::get(cpu, gpr::RAX).zext(), W::get(cpu, gpr::RDX).zext(), divisor.zext());
    if high >= divisor {
        return Err(cpu.de());
    }
    let (q, r) = if high == 0 {
        (low / divisor, low % divisor)
    } else {
        let dividend = u128::from(high) << 64 | u128::from(low);
        ((dividend / u128::from(divisor)) as u64, (dividend % u128::from(divisor)) as u64)
    };
    put_pair(cpu, W::cut(q), W::cut(r));
    Ok(())
}

fn idiv<W: Word>(cpu: &mut Cpu, divisor: W) -> Step {
    if divisor == W::ZERO {
        return Err(cpu.de());
    }
    let dividend = if W::BITS == 8 {
        i128::from(u16::get(cpu, gpr::RAX) as i16)
    } else {
        i128::from(W::get(cpu, gpr::RDX).sext() as i64) << W::BITS | i128::from(W::get(cpu, gpr::RAX).zext())
    };
    let divisor = i128::from(divisor.sext() as i64);
    // The most negative dividend over -1 does not fit 128 bits only for a 128-bit operand pair.
    let Some(q) = dividend.checked_div(divisor) else { return Err(cpu.de()) };
    let r = dividend.wrapping_rem(divisor);
    let quotient = W::cut(q as u64);
    if i128::from(quotient.sext() as i64) != q {
        return Err(cpu.de());
    }
    put_pair(cpu, quotient, W::cut(r as u64));
    Ok(())
}

/// MUL register
pub fn mul_r<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    mul(cpu, W::get(cpu, op.dst));
    Ok(())
}

/// MUL memory
pub fn mul_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    mul(cpu, b);
    Ok(())
}

/// IMUL register (one operand)
pub fn imul_r<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    imul_wide(cpu, W::get(cpu, op.dst));
    Ok(())
}

/// IMUL memory (one operand)
pub fn imul_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    imul_wide(cpu, b);
    Ok(())
}

/// IMUL register, register
pub fn imul_rr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let r = imul(cpu, W::get(cpu, op.dst), W::get(cpu, op.src));
    W::set(cpu, op.dst, r);
    Ok(())
}

/// IMUL register, memory
pub fn imul_rm<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    let r = imul(cpu, W::get(cpu, op.dst), b);
    W::set(cpu, op.dst, r);
    Ok(())
}

/// IMUL register, register, immediate
pub fn imul_rri<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let r = imul(cpu, W::get(cpu, op.src), W::cut(op.imm));
    W::set(cpu, op.dst, r);
    Ok(())
}

/// IMUL register, memory, immediate
pub fn imul_rmi<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    let r = imul(cpu, b, W::cut(op.imm));
    W::set(cpu, op.dst, r);
    Ok(())
}

/// DIV register
pub fn div_r<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    div(cpu, W::get(cpu, op.dst))
}

/// DIV memory
pub fn div_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    div(cpu, b)
}

/// IDIV register
pub fn idiv_r<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    idiv(cpu, W::get(cpu, op.dst))
}

/// IDIV memory
pub fn idiv_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    idiv(cpu, b)
}

// --- decimal adjustment (SDM volume 2; invalid in 64-bit mode) ------------------------------

fn adjust_flags(cpu: &mut Cpu, al: u8, af: bool, cf: bool) {
    cpu.flags.set_result(al as i8 as u64, cf, false);
    if af {
        let status = cpu.flags.status();
        cpu.flags.set_status(status | flag::AF);
    }
}

/// DAA
pub fn daa(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let old = u8::get(cpu, gpr::RAX);
    let (old_cf, mut al) = (cpu.flags.cf(), old);
    let af = old & 15 > 9 || cpu.flags.af();
    if af {
        al = al.wrapping_add(6);
    }
    let cf = old > 0x99 || old_cf;
    if cf {
        al = al.wrapping_add(0x60);
    }
    u8::set(cpu, gpr::RAX, al);
    adjust_flags(cpu, al, af, cf);
    Ok(())
}

/// DAS
pub fn das(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let old = u8::get(cpu, gpr::RAX);
    let (old_cf, mut al) = (cpu.flags.cf(), old);
    let af = old & 15 > 9 || cpu.flags.af();
    let mut cf = old_cf;
    if af {
        cf |= old < 6;
        al = al.wrapping_sub(6);
    }
    if old > 0x99 || old_cf {
        al = al.wrapping_sub(0x60);
        cf = true;
    }
    u8::set(cpu, gpr::RAX, al);
    adjust_flags(cpu, al, af, cf);
    Ok(())
}

/// AAA: AH gains one where AL is adjusted, and what carries out of AL.
pub fn aaa(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let adjust = u8::get(cpu, gpr::RAX) & 15 > 9 || cpu.flags.af();
    let ax = u16::get(cpu, gpr::RAX).wrapping_add(if adjust { 0x106 } else { 0 }) & 0xff0f;
    u16::set(cpu, gpr::RAX, ax);
    adjust_flags(cpu, ax as u8, adjust, adjust);
    Ok(())
}

/// AAS
pub fn aas(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let adjust = u8::get(cpu, gpr::RAX) & 15 > 9 || cpu.flags.af();
    let ax = u16::get(cpu, gpr::RAX).wrapping_sub(if adjust { 0x106 } else { 0 }) & 0xff0f;
    u16::set(cpu, gpr::RAX, ax);
    adjust_flags(cpu, ax as u8, adjust, adjust);
    Ok(())
}

/// AAM
pub fn aam(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let base = op.imm as u8;
    if base == 0 {
        return Err(cpu.de());
    }
    let al = u8::get(cpu, gpr::RAX);
    u16::set(cpu, gpr::RAX, u16::from(al / base) << 8 | u16::from(al % base));
    cpu.flags.set_logic((al % base) as i8 as u64);
    Ok(())
}

/// AAD
pub fn aad(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let [al, ah] = u16::get(cpu, gpr::RAX).to_le_bytes();
    let r = al.wrapping_add(ah.wrapping_mul(op.imm as u8));
    u16::set(cpu, gpr::RAX, u16::from(r));
    cpu.flags.set_logic(r as i8 as u64);
    Ok(())
}

/// BOUND: #BR if the index is outside.
pub fn bound<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let low = cpu.read::<W>(board, op)?.sext() as i64;
    let high = cpu.read::<W>(board, &op.behind(W::BYTES))?.sext() as i64;
    let index = W::get(cpu, op.dst).sext() as i64;
    if (low..=high).contains(&index) { Ok(()) } else { Err::<(), Leave>(cpu.raise(5, None)) }
}
