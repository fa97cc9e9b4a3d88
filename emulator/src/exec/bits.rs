//! Bit tests, scans and counts.
//!
//! BT and its kin change CF alone. BSF and BSR of zero set ZF and leave the destination as it
//! was; the other flags are those of a logical operation on the source.

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::{Op, address};
use crate::state::flag;

/// What happens to the tested bit.
pub trait BitOp {
    /// Whether the operand is written.
    const STORES: bool = true;
    /// The operand with the bit of `mask` treated.
    fn apply<W: Word>(value: W, mask: W) -> W;
}

/// BT
pub struct Bt;
/// BTS
pub struct Bts;
/// BTR
pub struct Btr;
/// BTC
pub struct Btc;

impl BitOp for Bt {
    const STORES: bool = false;
    #[inline(always)]
    fn apply<W: Word>(value: W, _: W) -> W {
        value
    }
}

impl BitOp for Bts {
    #[inline(always)]
    fn apply<W: Word>(value: W, mask: W) -> W {
        value | mask
    }
}

impl BitOp for Btr {
    #[inline(always)]
    fn apply<W: Word>(value: W, mask: W) -> W {
        value & !mask
    }
}

impl BitOp for Btc {
    #[inline(always)]
    fn apply<W: Word>(value: W, mask: W) -> W {
        value ^ mask
    }
}

#[inline(always)]
fn register<O: BitOp, W: Word>(cpu: &mut Cpu, op: &Op, index: u64) {
    let mask = W::cut(1) << (index as u32 & (W::BITS - 1));
    let value = W::get(cpu, op.dst);
    cpu.flags.set_cf(value & mask != W::ZERO);
    if O::STORES {
        W::set(cpu, op.dst, O::apply(value, mask));
    }
}

/// register, register
pub fn rr<O: BitOp, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let index = W::get(cpu, op.src).zext();
    register::<O, W>(cpu, op, index);
    Ok(())
}

/// register, immediate
pub fn ri<O: BitOp, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    register::<O, W>(cpu, op, op.imm);
    Ok(())
}

fn memory<O: BitOp, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op, linear: u64, index: u64) -> Step {
    let mask = W::cut(1) << (index as u32 & (W::BITS - 1));
    if O::STORES {
        cpu.modify_linear::<W>(board, linear, op.seg, |cpu, value| {
            cpu.flags.set_cf(value & mask != W::ZERO);
            O::apply(value, mask)
        })
    } else {
        let value = cpu.load::<W>(board, linear, op.seg)?;
        cpu.flags.set_cf(value & mask != W::ZERO);
        Ok(())
    }
}

/// memory, immediate: the index stays within the operand
pub fn mi<O: BitOp, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = cpu.linear(op, W::BYTES, O::STORES)?;
    memory::<O, W>(cpu, board, op, linear, op.imm)
}

/// memory, register: the signed index selects the word
pub fn mr<O: BitOp, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let index = W::get(cpu, op.src).sext() as i64;
    let away = (index >> W::BITS.trailing_zeros()) * W::BYTES as i64;
    let linear = bit_address::<W>(cpu, op, away, O::STORES)?;
    memory::<O, W>(cpu, board, op, linear, index as u64)
}

fn bit_address<W: Word>(cpu: &mut Cpu, op: &Op, away: i64, write: bool) -> Result<u64, Leave> {
    let offset = cpu.effective(op).wrapping_add(away as u64);
    match op.address {
        address::FLAT => Ok(offset.wrapping_add(cpu.seg_base[usize::from(op.seg & 7)])),
        address::SEG16 => cpu.linear_checked(op, offset & 0xffff, W::BYTES, write),
        _ => cpu.linear_checked(op, offset & 0xffff_ffff, W::BYTES, write),
    }
}

fn scan<W: Word, const REVERSE: bool>(cpu: &mut Cpu, op: &Op, value: W) {
    cpu.flags.set_logic(value.sext());
    if value != W::ZERO {
        let bits = value.zext();
        let at = if REVERSE { 63 - bits.leading_zeros() } else { bits.trailing_zeros() };
        W::set(cpu, op.dst, W::cut(u64::from(at)));
    }
}

/// BSF or BSR register, register
pub fn scan_rr<W: Word, const REVERSE: bool>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    scan::<W, REVERSE>(cpu, op, W::get(cpu, op.src));
    Ok(())
}

/// BSF or BSR register, memory
pub fn scan_rm<W: Word, const REVERSE: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<W>(board, op)?;
    scan::<W, REVERSE>(cpu, op, value);
    Ok(())
}

/// A count of bits.
pub trait Count {
    /// The count, of an operand of `width` bits.
    fn count(value: u64, width: u32) -> u32;
    /// The flags that are set; the others become clear.
    fn flags(value: u64, count: u32) -> u64;
}

/// TZCNT
pub struct TrailingZeros;
/// LZCNT
pub struct LeadingZeros;
/// POPCNT
pub struct Ones;

/// CF tells of a source of zero, ZF of a count of zero; the other flags are undefined.
fn zero_count_flags(value: u64, count: u32) -> u64 {
    let bit = |set: bool, flag: u64| if set { flag } else { 0 };
    bit(value == 0, flag::CF) | bit(count == 0, flag::ZF)
}

impl Count for TrailingZeros {
    fn count(value: u64, width: u32) -> u32 {
        value.trailing_zeros().min(width)
    }

    fn flags(value: u64, count: u32) -> u64 {
        zero_count_flags(value, count)
    }
}

impl Count for LeadingZeros {
    fn count(value: u64, width: u32) -> u32 {
        value.leading_zeros() - (64 - width)
    }

    fn flags(value: u64, count: u32) -> u64 {
        zero_count_flags(value, count)
    }
}

impl Count for Ones {
    fn count(value: u64, _: u32) -> u32 {
        value.count_ones()
    }

    fn flags(value: u64, _: u32) -> u64 {
        u64::from(value == 0) * flag::ZF
    }
}

fn count<C: Count, W: Word>(cpu: &mut Cpu, op: &Op, value: W) {
    let value = value.zext();
    let count = C::count(value, W::BITS);
    cpu.flags.set_status(C::flags(value, count));
    W::set(cpu, op.dst, W::cut(u64::from(count)));
}

/// A count register, register
pub fn count_rr<C: Count, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    count::<C, W>(cpu, op, W::get(cpu, op.src));
    Ok(())
}

/// A count register, memory
pub fn count_rm<C: Count, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<W>(board, op)?;
    count::<C, W>(cpu, op, value);
    Ok(())
}
