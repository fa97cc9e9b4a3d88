//! Shifts and rotates (SDM volume 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD).
//!
//! A count of zero changes no flag. Flags that the manual leaves undefined: AF is cleared by
//! shifts; OF after a count other than 1 is what the last single-bit step would give.

use super::{Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::state::{Flags, gpr};

/// A shift or rotate by a count that is already masked to 5 or 6 bits.
pub trait Shift {
    /// Computes and sets the flags.
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W;
}

/// SHL
pub struct Shl;
/// SHR
pub struct Shr;
/// SAR
pub struct Sar;
/// ROL
pub struct Rol;
/// ROR
pub struct Ror;
/// RCL
pub struct Rcl;
/// RCR
pub struct Rcr;

#[inline(always)]
fn top<W: Word>(value: W) -> bool {
    value.zext() >> (W::BITS - 1) & 1 != 0
}

#[inline(always)]
fn bit<W: Word>(value: W, at: u32) -> bool {
    value.zext() >> at & 1 != 0
}

impl Shift for Shl {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        // All but the last step: bytes and words can be shifted by more than their width.
        let before = value.zext() << (count - 1);
        let r = W::cut(before << 1);
        let cf = before >> (W::BITS - 1) & 1 != 0;
        flags.set_result(r.sext(), cf, cf != top(r));
        r
    }
}

impl Shift for Shr {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        let before = value.zext() >> (count - 1);
        let r = W::cut(before >> 1);
        // The top bit before the last step: set only if count is 1.
        let of = before >> (W::BITS - 1) & 1 != 0;
        flags.set_result(r.sext(), before & 1 != 0, of);
        r
    }
}

impl Shift for Sar {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        let before = value.sext() as i64 >> (count - 1);
        let r = W::cut((before >> 1) as u64);
        flags.set_result(r.sext(), before & 1 != 0, false);
        r
    }
}

impl Shift for Rol {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        let r = value.rotl(count);
        flags.set_cf_of(bit(r, 0), bit(r, 0) != top(r));
        r
    }
}

impl Shift for Ror {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        let r = value.rotr(count);
        flags.set_cf_of(top(r), top(r) != bit(r, W::BITS - 2));
        r
    }
}

impl Shift for Rcl {
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        let n = count % (W::BITS + 1);
        if count == 0 {
            return value;
        }
        // The operand with CF above it, rotated as one value of BITS + 1 bits.
        let wide = value.zext() as u128 | u128::from(flags.cf()) << W::BITS;
        let mask = (1u128 << (W::BITS + 1)) - 1;
        let rotated = if n == 0 { wide } else { (wide << n | wide >> (W::BITS + 1 - n)) & mask };
        let r = W::cut(rotated as u64);
        let cf = rotated >> W::BITS & 1 != 0;
        flags.set_cf_of(cf, cf != top(r));
        r
    }
}

impl Shift for Rcr {
    fn apply<W: Word>(flags: &mut Flags, value: W, count: u32) -> W {
        let n = count % (W::BITS + 1);
        if count == 0 {
            return value;
        }
        let wide = value.zext() as u128 | u128::from(flags.cf()) << W::BITS;
        let mask = (1u128 << (W::BITS + 1)) - 1;
        let rotated = if n == 0 { wide } else { (wide >> n | wide << (W::BITS + 1 - n)) & mask };
        let r = W::cut(rotated as u64);
        let cf = rotated >> W::BITS & 1 != 0;
        flags.set_cf_of(cf, top(r) != bit(r, W::BITS - 2));
        r
    }
}

#[inline(always)]
fn mask<W: Word>(count: u64) -> u32 {
    count as u32 & if W::BITS == 64 { 63 } else { 31 }
}

/// register, immediate
pub fn ri<O: Shift, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let value = W::get(cpu, op.dst);
    let r = O::apply(&mut cpu.flags, value, mask::<W>(op.imm));
    W::set(cpu, op.dst, r);
    Ok(())
}

/// register, CL
pub fn rc<O: Shift, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let count = mask::<W>(cpu.gpr[usize::from(gpr::RCX)]);
    let value = W::get(cpu, op.dst);
    let r = O::apply(&mut cpu.flags, value, count);
    W::set(cpu, op.dst, r);
    Ok(())
}

/// memory, immediate
pub fn mi<O: Shift, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let count = mask::<W>(op.imm);
    cpu.modify::<W>(board, op, |cpu, value| O::apply(&mut cpu.flags, value, count))
}

/// memory, CL
pub fn mc<O: Shift, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let count = mask::<W>(cpu.gpr[usize::from(gpr::RCX)]);
    cpu.modify::<W>(board, op, |cpu, value| O::apply(&mut cpu.flags, value, count))
}

/// SHLD or SHRD: the destination, shifted, filled from a second value.
pub trait DoubleShift {
    /// Computes and sets the flags.
    fn apply<W: Word>(flags: &mut Flags, value: W, fill: W, count: u32) -> W;
}

/// SHLD
pub struct Shld;
/// SHRD
pub struct Shrd;

impl DoubleShift for Shld {
    fn apply<W: Word>(flags: &mut Flags, value: W, fill: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        // A word can be shifted by more than its width: then the value follows the fill again.
        let (r, out) = if W::BITS == 64 {
            let pair = u128::from(value.zext()) << 64 | u128::from(fill.zext());
            ((pair << count >> 64) as u64, value.zext() >> (64 - count) & 1)
        } else {
            let wide = u128::from(value.zext()) << (2 * W::BITS)
                | u128::from(fill.zext()) << W::BITS
                | u128::from(value.zext());
            let low = 2 * W::BITS - count;
            ((wide >> low) as u64, (wide >> (low + W::BITS)) as u64 & 1)
        };
        let r = W::cut(r);
        flags.set_result(r.sext(), out != 0, top(r) != top(value));
        r
    }
}

impl DoubleShift for Shrd {
    fn apply<W: Word>(flags: &mut Flags, value: W, fill: W, count: u32) -> W {
        if count == 0 {
            return value;
        }
        let (r, out) = if W::BITS == 64 {
            let pair = u128::from(fill.zext()) << 64 | u128::from(value.zext());
            ((pair >> count) as u64, value.zext() >> (count - 1) & 1)
        } else {
            let wide = u128::from(value.zext()) << (2 * W::BITS)
                | u128::from(fill.zext()) << W::BITS
                | u128::from(value.zext());
            ((wide >> count) as u64, (wide >> (count - 1)) as u64 & 1)
        };
        let r = W::cut(r);
        flags.set_result(r.sext(), out != 0, top(r) != top(value));
        r
    }
}

/// SHLD, SHRD register, register, count in the immediate or CL
pub fn double_r<O: DoubleShift, W: Word, const CL: bool>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let count = mask::<W>(if CL { cpu.gpr[usize::from(gpr::RCX)] } else { op.imm });
    let (value, fill) = (W::get(cpu, op.dst), W::get(cpu, op.src));
    let r = O::apply(&mut cpu.flags, value, fill, count);
    W::set(cpu, op.dst, r);
    Ok(())
}

/// SHLD, SHRD memory, register, count
pub fn double_m<O: DoubleShift, W: Word, const CL: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let count = mask::<W>(if CL { cpu.gpr[usize::from(gpr::RCX)] } else { op.imm });
    let fill = W::get(cpu, op.src);
    cpu.modify::<W>(board, op, |cpu, value| O::apply(&mut cpu.flags, value, fill, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manual leaves this open; `docs/src/undefined.md` says what it is.
    #[test]
    fn words_shifted_by_more_than_their_width_follow_the_fill_again() {
        let mut flags = Flags::default();
        assert_eq!(Shld::apply(&mut flags, 0x1234u16, 0xabcd, 20), 0xbcd1);
        assert!(!flags.cf() && flags.of());
        assert_eq!(Shrd::apply(&mut flags, 0x1234u16, 0xabcd, 20), 0x4abc);
        assert!(flags.cf() && !flags.of());
    }
}
