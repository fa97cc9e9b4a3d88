//! Virtual hardware for Ringhold: deterministic models of the devices of a PC.
//!
//! One file or folder per chip, each in four parts: the model, its registers on the bus, its
//! saved state, its tests. A device knows the traits of [`ringhold_emulator::bus`] and nothing
//! else of the machine. [`catalogue`] lists them all.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod acpi_pm;
pub mod acpi_tables;
pub mod catalogue;
pub mod debug_exit;
pub mod debugcon;
pub mod edu;
pub mod hpet;
pub mod i8042;
pub mod ioapic;
pub mod isa_bridge;
pub mod lapic;
pub mod pci_host;
pub mod pic;
pub mod pit;
pub mod port92;
pub mod post;
pub mod rtc;
mod saved;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_memory;
mod ticks;
pub mod uart;
