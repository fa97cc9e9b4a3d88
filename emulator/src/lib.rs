//! The machine of Ringhold: an x86-64 processor, its MMU, memory, buses and time.
//!
//! This crate knows no device by name. Devices implement the traits of [`bus`] and are
//! handed to the [`Board`]; debuggers see the machine through [`Machine`].
//!
//! Everything here is deterministic: the same configuration, images and outside inputs
//! give the same state after the same number of instructions, on every host.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod board;
pub mod bus;
pub mod cpu;
pub mod decode;
pub mod exec;
pub mod inject;
pub mod journal;
pub mod machine;
pub mod memory;
pub mod mmu;
pub mod model;
pub mod points;
pub mod state;
pub mod time;

pub use board::Board;
pub use cpu::Cpu;
pub use machine::{Machine, Stop};
