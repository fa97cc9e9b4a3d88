//! Comparisons and classification.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::state::{F80, X87, flag};

use super::load_store::Source;
use super::soft::status::*;
use super::soft::{self, Env};
use super::stack::{enter, record, record_memory};

const CODES: u16 = C0 | C2 | C3;

/// Compares and sets the condition codes; says whether the stack is to be popped.
#[inline(always)]
fn condition(x: &mut X87, a: F80, b: F80, denormal: bool, quiet: bool) -> bool {
    let mut env = Env::new(x.fcw);
    let codes = soft::compare(&mut env, a, b, quiet);
    if denormal && codes != CODES {
        env.flags |= DE;
    }
    let go = x.accept(&env);
    x.fsw = x.fsw & !CODES | codes;
    go
}

/// A comparison with an empty register: unordered, and #IS. Says whether to pop.
#[cold]
fn empty(x: &mut X87) -> bool {
    let go = x.stack_fault(false);
    x.fsw |= CODES;
    go
}

/// FCOM, FUCOM (`QUIET`) and, with `POPS` 1 or 2, FCOMP, FUCOMP, FCOMPP, FUCOMPP.
pub fn registers<const QUIET: bool, const POPS: u8>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    // Every form has its register number in the opcode; FCOMPP is DE D9.
    let other = op.imm as u8 & 7;
    let x = &mut cpu.x87;
    let go = if x.is_empty(0) || x.is_empty(other) {
        empty(x)
    } else {
        condition(x, x.st(0), x.st(other), false, QUIET)
    };
    if go {
        for _ in 0..POPS {
            x.pop();
        }
    }
    Ok(())
}

/// FCOM m32fp, FICOM and, with `POP`, FCOMP, FICOMP.
pub fn memory<S: Source, const POP: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let raw = cpu.read::<S::Raw>(board, op)?;
    record_memory(cpu, op);
    let x = &mut cpu.x87;
    let go = if x.is_empty(0) {
        empty(x)
    } else {
        let (source, denormal) = S::widen(raw);
        condition(x, x.st(0), source, denormal, false)
    };
    if go && POP {
        x.pop();
    }
    Ok(())
}

/// FTST
pub fn test(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if x.is_empty(0) {
        empty(x);
    } else {
        condition(x, x.st(0), F80::zero(false), false, false);
    }
    Ok(())
}

/// FCOMI, FUCOMI (`QUIET`); `POP` for FCOMIP, FUCOMIP.
pub fn to_eflags<const QUIET: bool, const POP: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    let mut codes = CODES;
    let go = if x.is_empty(0) || x.is_empty(op.src) {
        x.stack_fault(false)
    } else {
        let mut env = Env::new(x.fcw);
        codes = soft::compare(&mut env, x.st(0), x.st(op.src), QUIET);
        let kept = x.fsw & C1;
        let go = x.accept(&env);
        x.fsw |= kept;
        go
    };
    if go && POP {
        x.pop();
    }
    // As AMD's processors do, also for an unmasked exception, and C1 stays.
    let mut status = 0;
    for (code, bit) in [(C0, flag::CF), (C2, flag::PF), (C3, flag::ZF)] {
        if codes & code != 0 {
            status |= bit;
        }
    }
    cpu.flags.set_status(status);
    Ok(())
}

/// FXAM
pub fn examine(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    let mut codes = soft::examine(x.st(0));
    if x.is_empty(0) {
        codes = codes & C1 | C3 | C0;
    }
    x.fsw = x.fsw & !(CODES | C1) | codes;
    Ok(())
}
