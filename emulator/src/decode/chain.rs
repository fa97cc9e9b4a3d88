//! How one instruction leads to the next within a block.
//!
//! Each handler is wrapped, once for its type, in a function that executes the first
//! instruction of a run and then calls the wrapped handler of the next as its last act. The
//! compiler makes a jump of that call, so that a block runs from handler to handler without
//! coming back to a loop. Nothing depends on it: a run has at most a block's instructions, so the
//! stack stays shallow where the compiler leaves the call a call.

use std::ptr::NonNull;

use super::Op;
use crate::Board;
use crate::cpu::Cpu;
use crate::exec::Step;

/// Executes the instructions of a run, from the first on. On `Err`, [`Cpu::left_at`] is the place
/// in its block of the instruction that left.
pub type Chained = fn(&mut Cpu, &mut Board, &[Op]) -> Step;

/// The wrapped form of a handler.
pub fn chain<F>(_handler: F) -> Chained
where
    F: Fn(&mut Cpu, &mut Board, &Op) -> Step + Copy,
{
    // A function item has no size; a function pointer or a closure with captures would.
    const { assert!(size_of::<F>() == 0) }
    run::<F>
}

fn run<F>(cpu: &mut Cpu, board: &mut Board, ops: &[Op]) -> Step
where
    F: Fn(&mut Cpu, &mut Board, &Op) -> Step + Copy,
{
    let [op, rest @ ..] = ops else { return Ok(()) };
    // SAFETY: `F` is a type without size of which a value existed (the one given to `chain`), and
    // it is `Copy`: reading another from a dangling, aligned pointer reads no memory.
    let handler = unsafe { NonNull::<F>::dangling().read() };
    if let Err(leave) = handler(cpu, board, op) {
        cpu.left_at = op.nth;
        return Err(leave);
    }
    match rest {
        [next, ..] => (next.run)(cpu, board, rest),
        [] => Ok(()),
    }
}
