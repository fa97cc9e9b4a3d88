//! MMX, SSE and SSE2 instructions to their handlers.

use iced_x86::Instruction;

use crate::decode::{Handler, Op};

/// The handler of an MMX, SSE or SSE2 instruction; `None` for others.
pub fn lower(_instruction: &Instruction, _op: &mut Op) -> Option<Handler> {
    None
}
