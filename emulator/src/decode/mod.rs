//! From guest bytes to internal instructions.

pub mod block;
pub mod chain;
pub mod lower;
pub mod op;

pub use op::{Handler, Op, address, prefix};
