//! Points of a run: where a debugger or a schedule wants the machine to stand still.
//!
//! Code breakpoints stop before an instruction, watches stop at an access to a device. Neither is
//! part of the guest's state, and neither costs anything while there is none: a machine with
//! breakpoints runs another copy of the block loop, and watches are asked where an access goes to
//! a device anyway.

mod breakpoints;
mod position;
mod watch;

pub use breakpoints::Breakpoints;
pub use position::Position;
pub use watch::{Direction, Place, Watch, WatchId, Watches};
