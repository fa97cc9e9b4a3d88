//! Loads, stores, exchanges, constants and conditional moves.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step};
use crate::mmu::access::Plain;
use crate::state::F80;

use super::soft::status::*;
use super::soft::{self, Env, INDEFINITE, rounding};
use super::stack::{enter, record, record_memory};

/// A memory format that operations read.
pub trait Source {
    /// As it lies in memory.
    type Raw: Plain;
    /// In extended form, exactly; and whether it was a denormal.
    fn widen(raw: Self::Raw) -> (F80, bool);
}

/// A memory format that instructions write.
pub trait Target {
    /// As it lies in memory.
    type Raw: Plain;
    /// What an empty register gives.
    const INDEFINITE: Self::Raw;
    /// Rounded as the control word says.
    fn narrow(env: &mut Env, value: F80) -> Self::Raw;
}

/// binary32
pub struct Single;
/// binary64
pub struct Double;
/// 16-bit integer
pub struct Int16;
/// 32-bit integer
pub struct Int32;
/// 64-bit integer
pub struct Int64;
/// An integer format whose stores chop (FISTTP).
pub struct Chopped<T>(T);

impl Source for Single {
    type Raw = u32;
    #[inline(always)]
    fn widen(raw: u32) -> (F80, bool) {
        soft::from_binary32(raw)
    }
}

impl Target for Single {
    type Raw = u32;
    const INDEFINITE: u32 = 0xffc0_0000;
    #[inline(always)]
    fn narrow(env: &mut Env, value: F80) -> u32 {
        soft::to_binary32(env, value)
    }
}

impl Source for Double {
    type Raw = u64;
    #[inline(always)]
    fn widen(raw: u64) -> (F80, bool) {
        soft::from_binary64(raw)
    }
}

impl Target for Double {
    type Raw = u64;
    const INDEFINITE: u64 = 0xfff8_0000_0000_0000;
    #[inline(always)]
    fn narrow(env: &mut Env, value: F80) -> u64 {
        soft::to_binary64(env, value)
    }
}

macro_rules! integer {
    ($name:ident, $raw:ty, $signed:ty) => {
        impl Source for $name {
            type Raw = $raw;
            #[inline(always)]
            fn widen(raw: $raw) -> (F80, bool) {
                (F80::from_integer(i64::from(raw as $signed)), false)
            }
        }
        impl Target for $name {
            type Raw = $raw;
            const INDEFINITE: $raw = <$signed>::MIN as $raw;
            #[inline(always)]
            fn narrow(env: &mut Env, value: F80) -> $raw {
                let mode = env.rounding();
                soft::to_signed(env, value, <$raw>::BITS, mode) as $raw
            }
        }
        impl Target for Chopped<$name> {
            type Raw = $raw;
            const INDEFINITE: $raw = <$signed>::MIN as $raw;
            #[inline(always)]
            fn narrow(env: &mut Env, value: F80) -> $raw {
                soft::to_signed(env, value, <$raw>::BITS, rounding::CHOP) as $raw
            }
        }
    };
}

integer!(Int16, u16, i16);
integer!(Int32, u32, i32);
integer!(Int64, u64, i64);

// --- ten bytes -----------------------------------------------------------------------------

/// Reads the ten-byte memory operand: eight bytes, then two.
fn read_ten(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<(u64, u16), Leave> {
    let together = cpu.flat_linear(op).and_then(|linear| cpu.load_together::<[u16; 5]>(linear));
    if let Some([a, b, c, d, high]) = together {
        let low = [a, b, c, d].into_iter().rev().fold(0, |low, word| low << 16 | u64::from(word));
        return Ok((low, high));
    }
    Ok((cpu.read(board, op)?, cpu.read(board, &op.behind(8))?))
}

/// The linear addresses of both parts of a ten-byte operand that can be written.
fn writable_ten(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<(u64, u64), Leave> {
    let low = cpu.linear(op, 8, true)?;
    cpu.check_write(board, low, op.seg, 8)?;
    let high = cpu.linear(&op.behind(8), 2, true)?;
    cpu.check_write(board, high, op.seg, 2)?;
    Ok((low, high))
}

/// Writes the ten-byte memory operand, all or nothing.
fn write_ten(cpu: &mut Cpu, board: &mut Board, op: &Op, low: u64, high: u16) -> Step {
    let words = [low as u16, (low >> 16) as u16, (low >> 32) as u16, (low >> 48) as u16, high];
    let flat = cpu.flat_linear(op);
    if flat.is_some_and(|linear| cpu.store_together(linear, words, cpu.view)) {
        return Ok(());
    }
    let at = writable_ten(cpu, board, op)?;
    cpu.store(board, at.0, op.seg, low)?;
    cpu.store(board, at.1, op.seg, high)
}

// --- loads -----------------------------------------------------------------------------------

/// FLD m32fp, FLD m64fp, FILD
pub fn load<S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let raw = cpu.read::<S::Raw>(board, op)?;
    record_memory(cpu, op);
    let (mut value, denormal) = S::widen(raw);
    let mut env = Env::new(cpu.x87.fcw);
    if denormal {
        env.flags |= DE;
    }
    if value.unordered() {
        value = soft::nan_single(&mut env, value);
    }
    cpu.x87.push_result(&env, value);
    Ok(())
}

/// FLD m80fp
pub fn load_extended(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let (significand, sign_exponent) = read_ten(cpu, board, op)?;
    record_memory(cpu, op);
    let env = Env::new(cpu.x87.fcw);
    cpu.x87.push_result(&env, F80 { significand, sign_exponent });
    Ok(())
}

/// FBLD
pub fn load_bcd(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let (low, high) = read_ten(cpu, board, op)?;
    record_memory(cpu, op);
    let env = Env::new(cpu.x87.fcw);
    cpu.x87.push_result(&env, soft::from_bcd(low, high));
    Ok(())
}

/// FLD ST(i)
pub fn load_register(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if x.is_empty(op.dst) {
        if x.stack_fault(false) {
            x.push(INDEFINITE);
        }
        return Ok(());
    }
    let env = Env::new(x.fcw);
    x.push_result(&env, x.st(op.dst));
    Ok(())
}

/// A constant of the FPU's own (SDM volume 1, 8.3.4): 64 bits chopped, and where nearest rounding
/// goes up.
struct Constant {
    exponent: u16,
    chopped: u64,
    nearest_is_up: bool,
}

/// log2(10), log2(e), π, log10(2), ln(2)
const CONSTANTS: [Constant; 5] = [
    Constant { exponent: 0x4000, chopped: 0xd49a_784b_cd1b_8afe, nearest_is_up: false },
    Constant { exponent: 0x3fff, chopped: 0xb8aa_3b29_5c17_f0bb, nearest_is_up: true },
    Constant { exponent: 0x4000, chopped: 0xc90f_daa2_2168_c234, nearest_is_up: true },
    Constant { exponent: 0x3ffd, chopped: 0x9a20_9a84_fbcf_f798, nearest_is_up: true },
    Constant { exponent: 0x3ffe, chopped: 0xb172_17f7_d1cf_79ab, nearest_is_up: true },
];

/// FLD1 (`WHICH` 0), FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ (6): by the low bits of the opcode.
pub fn load_constant<const WHICH: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let env = Env::new(cpu.x87.fcw);
    let value = match WHICH {
        0 => F80::ONE,
        1..=5 => {
            let constant = &CONSTANTS[WHICH - 1];
            let up = match env.rounding() {
                rounding::NEAREST => constant.nearest_is_up,
                rounding::UP => true,
                _ => false,
            };
            F80 { significand: constant.chopped + u64::from(up), sign_exponent: constant.exponent }
        }
        _ => F80::zero(false),
    };
    cpu.x87.push_result(&env, value);
    Ok(())
}

// --- stores ------------------------------------------------------------------------------------

/// FST m32fp, FIST and their like; `POP` for those that pop.
pub fn store<T: Target, const POP: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let mut env = Env::new(cpu.x87.fcw);
    let raw = if cpu.x87.is_empty(0) {
        env.flags = IE | SF;
        T::INDEFINITE
    } else {
        T::narrow(&mut env, cpu.x87.st(0))
    };
    if cpu.x87.stores(&env) {
        cpu.write(board, op, raw)?;
    } else {
        // A fault of the operand comes before an unmasked exception, although nothing is stored.
        let bytes = size_of_val(&raw) as u64;
        let linear = cpu.linear(op, bytes, true)?;
        cpu.check_write(board, linear, op.seg, bytes)?;
    }
    record_memory(cpu, op);
    if cpu.x87.accept_store(&env) && POP {
        cpu.x87.pop();
    }
    Ok(())
}

/// FISTTP
pub fn store_chopped<T>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step
where
    Chopped<T>: Target,
{
    store::<Chopped<T>, true>(cpu, board, op)
}

/// FSTP m80fp: as it is, no exception but an empty register.
pub fn store_extended(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    store_ten(cpu, board, op, |_, value| (value.significand, value.sign_exponent))
}

/// FBSTP
pub fn store_bcd(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    store_ten(cpu, board, op, soft::to_bcd)
}

#[inline(always)]
fn store_ten(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    narrow: impl FnOnce(&mut Env, F80) -> (u64, u16),
) -> Step {
    enter(cpu, board, op)?;
    let mut env = Env::new(cpu.x87.fcw);
    // The real and the packed indefinite have the same bits.
    let (low, high) = if cpu.x87.is_empty(0) {
        env.flags = IE | SF;
        (INDEFINITE.significand, INDEFINITE.sign_exponent)
    } else {
        narrow(&mut env, cpu.x87.st(0))
    };
    if cpu.x87.stores(&env) {
        write_ten(cpu, board, op, low, high)?;
    } else {
        writable_ten(cpu, board, op)?;
    }
    record_memory(cpu, op);
    if cpu.x87.accept_store(&env) {
        cpu.x87.pop();
    }
    Ok(())
}

/// FST ST(i), FSTP ST(i)
pub fn store_register<const POP: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    let value = if x.is_empty(0) {
        if !x.stack_fault(false) {
            return Ok(());
        }
        INDEFINITE
    } else {
        x.fsw &= !C1;
        x.st(0)
    };
    x.set_st(op.dst, value);
    if POP {
        x.pop();
    }
    Ok(())
}

/// FSTPNCE (undocumented, D9 D8+i): on AMD's processors FSTP ST(i) that raises nothing; an
/// empty register is popped and not stored.
pub fn store_register_quietly(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if !x.is_empty(0) {
        x.set_st(op.dst, x.st(0));
    }
    x.fsw &= !C1;
    x.pop();
    Ok(())
}

/// FXCH
pub fn exchange(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    // DD C8+i and DF C8+i have one operand; all forms have their register number in the opcode.
    let other = op.imm as u8 & 7;
    let (mut a, mut b) = (x.st(0), x.st(other));
    if x.is_empty(0) || x.is_empty(other) {
        let (empty_a, empty_b) = (x.is_empty(0), x.is_empty(other));
        if !x.stack_fault(false) {
            return Ok(());
        }
        if empty_a {
            a = INDEFINITE;
        }
        if empty_b {
            b = INDEFINITE;
        }
    } else {
        x.fsw &= !C1;
    }
    x.set_st(0, b);
    x.set_st(other, a);
    Ok(())
}

/// FCMOVcc. `CONDITION` is the opcode's: 0 B, 1 E, 2 BE, 3 U, and 4 to 7 their opposites.
pub fn conditional<const CONDITION: u8>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let flags = &cpu.flags;
    let holds = match CONDITION & 3 {
        0 => flags.cf(),
        1 => flags.zf(),
        2 => flags.cf() || flags.zf(),
        _ => flags.pf(),
    } != (CONDITION & 4 != 0);
    let x = &mut cpu.x87;
    if x.is_empty(0) || x.is_empty(op.src) {
        if x.stack_fault(false) {
            x.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    if holds {
        x.set_st(0, x.st(op.src));
    }
    Ok(())
}
