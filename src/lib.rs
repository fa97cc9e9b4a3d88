//! Ringhold: a deterministic x86-64 full-system emulator made as a backend for debuggers.
//!
//! This crate is the facade: machines are described in RON ([`config`]), built ([`build`]) and
//! started ([`boot`]) here; the machine itself is [`ringhold_emulator`].
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod boot;
pub mod build;
pub mod config;
mod machine;
mod tables;

pub use config::Config;
pub use machine::{Error, Machine};
pub use ringhold_debugapi as debugapi;
pub use ringhold_emulator::{self as emulator, Stop};

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Those of the chapter on porting.
#[cfg(doctest)]
#[doc = include_str!("../docs/src/porting.md")]
struct Porting;
