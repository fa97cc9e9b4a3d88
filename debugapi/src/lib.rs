//! Data spaces with DbgEng's rules over a [`ringhold_emulator::Machine`].
//!
//! [`DataSpaces`] is the idiomatic form of `IDebugDataSpaces4`, [`HostMemory`] that of
//! `IDebugHostMemory`. Every call gives a [`Transfer`] or an [`Error`], and each of them has the
//! [`HResult`] that a DbgEng client sees. [`Schedule`] is a list of writes that happen by
//! themselves at given points of a run.
//!
//! A [`Session`] carries out any [`command::Command`] of a DbgEng client; [`wire`] turns commands
//! and replies into bytes. A [`Host`] has a machine on a thread and serves it while it runs.
#![deny(unsafe_code)]

pub mod bstr;
mod error;
mod hresult;

#[cfg(feature = "com")]
pub mod com;
pub mod command;
mod console;
pub mod edge;
pub mod host;
pub mod host_memory;
pub mod journal;
pub mod modules;
mod printf;
pub mod schedule;
pub mod server;
pub mod session;
pub mod spaces;
pub mod wire;

pub use error::Error;
pub use host::{Execute, Handle, Host};
pub use host_memory::{Completion, Context, HostMemory, Location};
pub use hresult::HResult;
pub use journal::Journal;
pub use modules::Modules;
pub use schedule::{Schedule, ScheduleError};
pub use session::Session;
pub use spaces::{Change, DataSpace, DataSpaces, Transfer};
