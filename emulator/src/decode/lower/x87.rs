//! x87 instructions to their handlers.

use iced_x86::Instruction;

use crate::decode::{Handler, Op};

/// The handler of an x87 instruction; `None` for others.
pub fn lower(_instruction: &Instruction, _op: &mut Op) -> Option<Handler> {
    None
}
