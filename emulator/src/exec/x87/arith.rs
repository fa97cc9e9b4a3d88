//! Arithmetic on the stack and with memory.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::state::{F80, X87};

use super::load_store::Source;
use super::soft::status::*;
use super::soft::{self, Env, INDEFINITE, Kind};
use super::stack::{enter, record, record_memory};

/// An operation of two operands, destination first.
pub trait Binary {
    /// The result for the destination.
    fn compute(env: &mut Env, destination: F80, source: F80) -> F80;
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = |$env:ident, $d:ident, $s:ident| $result:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Binary for $name {
            #[inline(always)]
            fn compute($env: &mut Env, $d: F80, $s: F80) -> F80 {
                $result
            }
        }
    )*};
}

binary! {
    /// FADD
    Add = |env, d, s| soft::add(env, d, s);
    /// FSUB
    Sub = |env, d, s| soft::sub(env, d, s);
    /// FSUBR
    SubReverse = |env, d, s| soft::sub(env, s, d);
    /// FMUL
    Mul = |env, d, s| soft::mul(env, d, s);
    /// FDIV
    Div = |env, d, s| soft::div(env, d, s);
    /// FDIVR
    DivReverse = |env, d, s| soft::div(env, s, d);
    /// FSCALE
    Scale = |env, d, s| soft::scale(env, d, s);
}

/// Destination and source on the stack. `POP` pops ST(0) afterwards.
#[inline(always)]
fn on_stack<B: Binary, const POP: bool>(x: &mut X87, destination: u8, source: u8) {
    if x.is_empty(destination) || x.is_empty(source) {
        if x.stack_fault(false) {
            x.set_st(destination, INDEFINITE);
            if POP {
                x.pop();
            }
        }
        return;
    }
    let mut env = Env::new(x.fcw);
    let value = B::compute(&mut env, x.st(destination), x.st(source));
    if x.accept(&env) {
        x.set_st(destination, value);
        if POP {
            x.pop();
        }
    }
}

/// FADD ST(i), ST(j) and its like; `POP` for FADDP.
pub fn registers<B: Binary, const POP: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    on_stack::<B, POP>(&mut cpu.x87, op.dst, op.src);
    Ok(())
}

/// FSCALE: ST(0) by ST(1).
pub fn scale(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    on_stack::<Scale, false>(&mut cpu.x87, 0, 1);
    Ok(())
}

/// FPREM and, with `NEAREST`, FPREM1: ST(0) by ST(1). C0 and C3 are written only where a quotient
/// is known.
pub fn remainder<const NEAREST: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    x.fsw &= !C2;
    if x.is_empty(0) || x.is_empty(1) {
        if x.stack_fault(false) {
            x.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let (value, codes) = soft::remainder(&mut env, x.st(0), x.st(1), NEAREST);
    if x.accept(&env) {
        x.set_st(0, value);
        if let Some(codes) = codes {
            x.fsw = x.fsw & !(C0 | C1 | C2 | C3) | codes;
        }
    }
    Ok(())
}

/// FADD m32fp, FIADD m16int and their like.
pub fn memory<B: Binary, S: Source>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let raw = cpu.read::<S::Raw>(board, op)?;
    record_memory(cpu, op);
    let x = &mut cpu.x87;
    if x.is_empty(0) {
        if x.stack_fault(false) {
            x.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let (source, denormal) = S::widen(raw);
    let value = B::compute(&mut env, x.st(0), source);
    if denormal && env.flags & (IE | ZE) == 0 && !x.st(0).unordered() {
        env.flags |= DE;
    }
    if x.accept(&env) {
        x.set_st(0, value);
    }
    Ok(())
}

/// An operation on ST(0) alone.
#[inline(always)]
fn on_top(cpu: &mut Cpu, board: &mut Board, op: &Op, compute: impl FnOnce(&mut Env, F80) -> F80) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if x.is_empty(0) {
        if x.stack_fault(false) {
            x.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let value = compute(&mut env, x.st(0));
    if x.accept(&env) {
        x.set_st(0, value);
    }
    Ok(())
}

/// FSQRT
pub fn sqrt(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    on_top(cpu, board, op, soft::sqrt)
}

/// FRNDINT
pub fn round_to_integer(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    on_top(cpu, board, op, soft::round_to_integer)
}

/// FABS
pub fn abs(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    on_top(cpu, board, op, |_, a| F80 { sign_exponent: a.sign_exponent & 0x7fff, ..a })
}

/// FCHS
pub fn chs(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    on_top(cpu, board, op, |_, a| a.negated())
}

/// FXTRACT
pub fn extract(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if x.is_empty(0) || !x.is_empty(7) {
        let overflow = !x.is_empty(0);
        if x.stack_fault(overflow) {
            x.set_st(0, INDEFINITE);
            x.push(INDEFINITE);
        }
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let (exponent, significand) = soft::extract(&mut env, x.st(0));
    if x.accept(&env) {
        x.set_st(0, exponent);
        x.push(significand);
    }
    Ok(())
}

/// The class of a tag (SDM volume 1, figure 8-7): 0 valid, 1 zero, 2 special.
pub fn tag(value: F80) -> u16 {
    match value.kind() {
        Kind::Zero => 1,
        _ if value.normal() => 0,
        _ => 2,
    }
}
