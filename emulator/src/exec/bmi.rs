//! BMI1, BMI2, ADX, MOVBE and CRC32 (SDM volume 2).
//!
//! Flags that the manual leaves undefined: ANDN, BEXTR, BLSI, BLSMSK, BLSR and BZHI set PF (and
//! BEXTR SF) from the result and clear AF.

use super::{Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::state::{Flags, gpr};

impl Cpu {
    /// Raises #UD for VEX-encoded instructions in real and virtual-8086 mode (SDM volume 2, 2.3).
    #[inline(always)]
    pub fn vex_general(&mut self) -> Step {
        if self.code_size() == CodeSize::Bits64 || self.protected() && !self.v86() {
            Ok(())
        } else {
            Err(self.ud())
        }
    }
}

/// An operation on one or two sources that leaves them alone.
pub trait ThreeOperand {
    /// The result; sets the flags that the instruction changes.
    fn apply<W: Word>(flags: &mut Flags, first: W, second: W) -> W;
}

/// ANDN
pub struct Andn;
/// BEXTR: the second operand has the start in its low byte and the length in the next.
pub struct Bextr;
/// BLSI
pub struct Blsi;
/// BLSMSK
pub struct Blsmsk;
/// BLSR
pub struct Blsr;
/// BZHI
pub struct Bzhi;
/// PDEP
pub struct Pdep;
/// PEXT
pub struct Pext;
/// RORX
pub struct Rorx;
/// SARX
pub struct Sarx;
/// SHLX
pub struct Shlx;
/// SHRX
pub struct Shrx;

/// The low `count` bits of a value; all of it from the width on.
fn low_bits<W: Word>(value: W, count: u32) -> W {
    if count >= W::BITS { value } else { value & !(!W::ZERO << count) }
}

impl ThreeOperand for Andn {
    fn apply<W: Word>(flags: &mut Flags, first: W, second: W) -> W {
        let result = !first & second;
        flags.set_logic(result.sext());
        result
    }
}

impl ThreeOperand for Bextr {
    fn apply<W: Word>(flags: &mut Flags, first: W, second: W) -> W {
        let (start, length) = (second.zext() as u32 & 0xff, second.zext() as u32 >> 8 & 0xff);
        let shifted = if start >= W::BITS { W::ZERO } else { first >> start };
        let result = low_bits(shifted, length);
        flags.set_logic(result.sext());
        result
    }
}

impl ThreeOperand for Blsi {
    fn apply<W: Word>(flags: &mut Flags, first: W, _: W) -> W {
        let result = first & W::ZERO.sub(first);
        flags.set_result(result.sext(), first != W::ZERO, false);
        result
    }
}

impl ThreeOperand for Blsmsk {
    fn apply<W: Word>(flags: &mut Flags, first: W, _: W) -> W {
        let result = first ^ first.sub(W::cut(1));
        flags.set_result(result.sext(), first == W::ZERO, false);
        result
    }
}

impl ThreeOperand for Blsr {
    fn apply<W: Word>(flags: &mut Flags, first: W, _: W) -> W {
        let result = first & first.sub(W::cut(1));
        flags.set_result(result.sext(), first == W::ZERO, false);
        result
    }
}

impl ThreeOperand for Bzhi {
    fn apply<W: Word>(flags: &mut Flags, first: W, second: W) -> W {
        let count = second.zext() as u32 & 0xff;
        let result = low_bits(first, count);
        flags.set_result(result.sext(), count >= W::BITS, false);
        result
    }
}

impl ThreeOperand for Pdep {
    fn apply<W: Word>(_: &mut Flags, first: W, second: W) -> W {
        let (mut source, mut mask, mut result) = (first.zext(), second.zext(), 0);
        while mask != 0 {
            let lowest = mask & mask.wrapping_neg();
            if source & 1 != 0 {
                result |= lowest;
            }
            source >>= 1;
            mask ^= lowest;
        }
        W::cut(result)
    }
}

impl ThreeOperand for Pext {
    fn apply<W: Word>(_: &mut Flags, first: W, second: W) -> W {
        let (source, mut mask, mut result) = (first.zext(), second.zext(), 0);
        let mut place = 1;
        while mask != 0 {
            let lowest = mask & mask.wrapping_neg();
            if source & lowest != 0 {
                result |= place;
            }
            place <<= 1;
            mask ^= lowest;
        }
        W::cut(result)
    }
}

/// The count of a shift: modulo the width.
fn count<W: Word>(value: W) -> u32 {
    value.zext() as u32 & (W::BITS - 1)
}

impl ThreeOperand for Rorx {
    fn apply<W: Word>(_: &mut Flags, first: W, second: W) -> W {
        first.rotr(count(second))
    }
}

impl ThreeOperand for Sarx {
    fn apply<W: Word>(_: &mut Flags, first: W, second: W) -> W {
        W::cut((first.sext() as i64 >> count(second)) as u64)
    }
}

impl ThreeOperand for Shlx {
    fn apply<W: Word>(_: &mut Flags, first: W, second: W) -> W {
        first << count(second)
    }
}

impl ThreeOperand for Shrx {
    fn apply<W: Word>(_: &mut Flags, first: W, second: W) -> W {
        first >> count(second)
    }
}

fn three<O: ThreeOperand, W: Word>(cpu: &mut Cpu, op: &Op, first: W, second: W) -> Step {
    let result = O::apply(&mut cpu.flags, first, second);
    W::set(cpu, op.dst, result);
    Ok(())
}

/// `op reg, reg, reg`
pub fn rrr<O: ThreeOperand, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let (first, second) = (W::get(cpu, op.src), W::get(cpu, op.aux));
    three::<O, W>(cpu, op, first, second)
}

/// `op reg, reg, mem`
pub fn rrm<O: ThreeOperand, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let second = cpu.read::<W>(board, op)?;
    let first = W::get(cpu, op.src);
    three::<O, W>(cpu, op, first, second)
}

/// `op reg, mem, reg`
pub fn rmr<O: ThreeOperand, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let first = cpu.read::<W>(board, op)?;
    let second = W::get(cpu, op.aux);
    three::<O, W>(cpu, op, first, second)
}

/// `op reg, reg, [imm8]`
pub fn rri<O: ThreeOperand, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let first = W::get(cpu, op.src);
    three::<O, W>(cpu, op, first, W::cut(op.imm))
}

/// `op reg, mem, [imm8]`
pub fn rmi<O: ThreeOperand, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let first = cpu.read::<W>(board, op)?;
    three::<O, W>(cpu, op, first, W::cut(op.imm))
}

/// MULX high, low, source: if both destinations are one register, it gets the high half.
fn multiply<W: Word>(cpu: &mut Cpu, op: &Op, source: W) -> Step {
    let product = u128::from(W::get(cpu, gpr::RDX).zext()) * u128::from(source.zext());
    W::set(cpu, op.src, W::cut(product as u64));
    W::set(cpu, op.dst, W::cut((product >> W::BITS) as u64));
    Ok(())
}

/// MULX reg, reg, reg
pub fn mulx_rrr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let source = W::get(cpu, op.aux);
    multiply(cpu, op, source)
}

/// MULX reg, reg, mem
pub fn mulx_rrm<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.vex_general()?;
    let source = cpu.read::<W>(board, op)?;
    multiply(cpu, op, source)
}

/// Adds with a carry in one flag, which is the only one that changes: CF for ADCX, OF for ADOX.
fn add_with<W: Word, const OVERFLOW: bool>(cpu: &mut Cpu, op: &Op, source: W) -> Step {
    let (cf, of) = (cpu.flags.cf(), cpu.flags.of());
    let carry = if OVERFLOW { of } else { cf };
    let sum = u128::from(W::get(cpu, op.dst).zext()) + u128::from(source.zext()) + u128::from(carry);
    let out = sum >> W::BITS != 0;
    if OVERFLOW {
        cpu.flags.set_cf_of(cf, out);
    } else {
        cpu.flags.set_cf(out);
    }
    W::set(cpu, op.dst, W::cut(sum as u64));
    Ok(())
}

/// ADCX (`OVERFLOW`: ADOX) register, register
pub fn add_with_rr<W: Word, const OVERFLOW: bool>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let source = W::get(cpu, op.src);
    add_with::<W, OVERFLOW>(cpu, op, source)
}

/// ADCX (`OVERFLOW`: ADOX) register, memory
pub fn add_with_rm<W: Word, const OVERFLOW: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let source = cpu.read::<W>(board, op)?;
    add_with::<W, OVERFLOW>(cpu, op, source)
}

fn reversed<W: Word>(value: W) -> W {
    W::cut(value.zext().swap_bytes() >> (64 - W::BITS))
}

/// MOVBE register, memory
pub fn movbe_rm<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<W>(board, op)?;
    W::set(cpu, op.dst, reversed(value));
    Ok(())
}

/// MOVBE memory, register
pub fn movbe_mr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = reversed(W::get(cpu, op.src));
    cpu.write(board, op, value)
}

/// The CRC-32C of each byte: the polynomial 11edc6f41h, bits reflected.
const CRC32C: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 != 0 { 0x82f6_3b78 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc32<W: Word>(cpu: &mut Cpu, op: &Op, source: W) -> Step {
    let bytes = source.zext().to_le_bytes();
    let mut crc = u32::get(cpu, op.dst);
    for byte in &bytes[..W::BYTES as usize] {
        crc = crc >> 8 ^ CRC32C[usize::from(crc as u8 ^ byte)];
    }
    u32::set(cpu, op.dst, crc);
    Ok(())
}

/// CRC32 register, register: `W` is the source's size.
pub fn crc32_rr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let source = W::get(cpu, op.src);
    crc32(cpu, op, source)
}

/// CRC32 register, memory
pub fn crc32_rm<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let source = cpu.read::<W>(board, op)?;
    crc32(cpu, op, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deposits_and_extracts_are_inverse() {
        let mut flags = Flags::default();
        for mask in [0, 1, 0x8000_0000_0000_0000, u64::MAX, 0x00ff_0f0f_3355_aaaa] {
            for value in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
                let deposited = Pdep::apply(&mut flags, value, mask);
                assert_eq!(deposited & !mask, 0);
                let expected = low_bits(value, mask.count_ones());
                assert_eq!(Pext::apply(&mut flags, deposited, mask), expected);
            }
        }
    }

    #[test]
    fn the_check_value_of_crc_32c_comes_out() {
        // The catalogue's check value: the CRC of "123456789", initial value and result inverted.
        let crc =
            b"123456789".iter().fold(!0u32, |crc, byte| crc >> 8 ^ CRC32C[usize::from(crc as u8 ^ byte)]);
        assert_eq!(!crc, 0xe306_9283);
    }
}
