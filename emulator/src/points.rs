//! Points of a run: where a debugger or a schedule wants the machine to stand still.
//!
//! Code breakpoints stop before an instruction, watches stop at an access to memory or a device.
//! Neither is part of the guest's state, and neither costs anything while there is none: a machine
//! with breakpoints runs another copy of the block loop, watches of devices are asked where an
//! access goes to a device anyway, and pages with watches of memory have no fast path in the TLB.

mod breakpoints;
mod over;
mod position;
mod watch;

pub use breakpoints::Breakpoints;
pub use over::Over;
pub use position::Position;
pub use watch::{Direction, Met, Place, Watch, WatchId, Watches};
