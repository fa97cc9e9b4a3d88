//! From guest bytes to internal instructions.

pub mod block;
pub mod chain;
pub mod lower;
mod odd;
pub mod op;
#[cfg(test)]
mod tests;

pub use op::{Handler, Op, address, prefix};
