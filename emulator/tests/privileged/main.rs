//! What the processor checks and delivers, by the sections of the manual (SDM volume 3): one file
//! a family.

#[path = "../common/mod.rs"]
mod common;

mod control;
mod debug;
mod delivery;
mod extensions;
mod legacy;
mod paging;
mod prelude;
mod rights;
mod segments;
mod smm;
mod system_calls;
mod tasks;
mod unjudged;
mod v86;
mod vendors;
mod waits;
