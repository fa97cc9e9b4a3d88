//! The x87 FPU (SDM volume 1, chapter 8).
//!
//! `soft` is the arithmetic, `wide` and `transcend` the transcendental functions; `stack` is the
//! register file with its exceptions; the other files are the instructions by kind.

pub mod arith;
pub mod compare;
pub mod control;
pub mod load_store;
pub mod soft;
pub mod stack;
pub mod transcend;
pub mod wide;

#[cfg(test)]
mod tests;
