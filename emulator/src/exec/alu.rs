//! Addition, subtraction, logic, comparison; and their one-operand kin.

use super::{Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::state::Flags;

/// A two-operand operation that sets all status flags.
pub trait Binary {
    /// Whether the result is stored (CMP and TEST only set flags).
    const STORES: bool = true;
    /// Computes and sets the flags.
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W;
}

/// ADD
pub struct Add;
/// ADC
pub struct Adc;
/// SUB
pub struct Sub;
/// SBB
pub struct Sbb;
/// CMP
pub struct Cmp;
/// AND
pub struct And;
/// OR
pub struct Or;
/// XOR
pub struct Xor;
/// TEST
pub struct Test;

/// The carry out of every bit of a sum.
#[inline(always)]
fn carries<W: Word>(a: W, b: W, sum: W) -> u64 {
    (a & b | (a | b) & !sum).zext()
}

/// The borrow out of every bit of a difference.
#[inline(always)]
fn borrows<W: Word>(a: W, b: W, difference: W) -> u64 {
    (!a & b | (!a | b) & difference).zext()
}

impl Binary for Add {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a.add(b);
        flags.set_arithmetic(r.sext(), carries(a, b, r), W::BITS);
        r
    }
}

impl Binary for Adc {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a.add(b).add(W::cut(flags.cf() as u64));
        flags.set_arithmetic(r.sext(), carries(a, b, r), W::BITS);
        r
    }
}

impl Binary for Sub {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a.sub(b);
        flags.set_arithmetic(r.sext(), borrows(a, b, r), W::BITS);
        r
    }
}

impl Binary for Sbb {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a.sub(b).sub(W::cut(flags.cf() as u64));
        flags.set_arithmetic(r.sext(), borrows(a, b, r), W::BITS);
        r
    }
}

impl Binary for Cmp {
    const STORES: bool = false;
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        Sub::apply(flags, a, b)
    }
}

impl Binary for And {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a & b;
        flags.set_logic(r.sext());
        r
    }
}

impl Binary for Or {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a | b;
        flags.set_logic(r.sext());
        r
    }
}

impl Binary for Xor {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        let r = a ^ b;
        flags.set_logic(r.sext());
        r
    }
}

impl Binary for Test {
    const STORES: bool = false;
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W, b: W) -> W {
        And::apply(flags, a, b)
    }
}

/// register, register
pub fn rr<O: Binary, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let (a, b) = (W::get(cpu, op.dst), W::get(cpu, op.src));
    let r = O::apply(&mut cpu.flags, a, b);
    if O::STORES {
        W::set(cpu, op.dst, r);
    }
    Ok(())
}

/// register, immediate
pub fn ri<O: Binary, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let a = W::get(cpu, op.dst);
    let r = O::apply(&mut cpu.flags, a, W::cut(op.imm));
    if O::STORES {
        W::set(cpu, op.dst, r);
    }
    Ok(())
}

/// register, memory
pub fn rm<O: Binary, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let b = cpu.read::<W>(board, op)?;
    let a = W::get(cpu, op.dst);
    let r = O::apply(&mut cpu.flags, a, b);
    if O::STORES {
        W::set(cpu, op.dst, r);
    }
    Ok(())
}

/// memory, register
pub fn mr<O: Binary, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    memory::<O, W>(cpu, board, op, |cpu| W::get(cpu, op.src))
}

/// memory, immediate
pub fn mi<O: Binary, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    memory::<O, W>(cpu, board, op, |_| W::cut(op.imm))
}

#[inline(always)]
fn memory<O: Binary, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op, b: impl Fn(&Cpu) -> W) -> Step {
    if O::STORES {
        cpu.modify::<W>(board, op, |cpu, a| {
            let b = b(cpu);
            O::apply(&mut cpu.flags, a, b)
        })
    } else {
        let a = cpu.read::<W>(board, op)?;
        let b = b(cpu);
        O::apply(&mut cpu.flags, a, b);
        Ok(())
    }
}

/// A one-operand operation.
pub trait Unary {
    /// Computes and sets the flags that it sets.
    fn apply<W: Word>(flags: &mut Flags, a: W) -> W;
}

/// INC
pub struct Inc;
/// DEC
pub struct Dec;
/// NEG
pub struct Neg;
/// NOT
pub struct Not;

impl Unary for Inc {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W) -> W {
        let cf = flags.cf();
        let r = Add::apply(flags, a, W::cut(1));
        flags.set_cf(cf);
        r
    }
}

impl Unary for Dec {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W) -> W {
        let cf = flags.cf();
        let r = Sub::apply(flags, a, W::cut(1));
        flags.set_cf(cf);
        r
    }
}

impl Unary for Neg {
    #[inline(always)]
    fn apply<W: Word>(flags: &mut Flags, a: W) -> W {
        Sub::apply(flags, W::ZERO, a)
    }
}

impl Unary for Not {
    #[inline(always)]
    fn apply<W: Word>(_: &mut Flags, a: W) -> W {
        !a
    }
}

/// one register
pub fn r<O: Unary, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let a = W::get(cpu, op.dst);
    let r = O::apply(&mut cpu.flags, a);
    W::set(cpu, op.dst, r);
    Ok(())
}

/// one memory operand
pub fn m<O: Unary, W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.modify::<W>(board, op, |cpu, a| O::apply(&mut cpu.flags, a))
}
