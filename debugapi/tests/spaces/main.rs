//! The data spaces, rule by rule. Each test has the name of the rule it holds.
//!
//! The rules and their marks are those of the public documentation and of `docs/src/spaces.md`.

mod bench;
mod breakpoints;
mod bus_data;
mod control;
mod fill_search;
mod host;
mod host_memory;
mod image;
mod inert;
mod io;
mod journal;
mod memory;
mod msr;
mod physical;
mod properties;
mod receipts;
mod regions;
mod schedule;
mod semantics;
mod session;
mod strings;
mod system_data;
mod tagged;
mod translation;
