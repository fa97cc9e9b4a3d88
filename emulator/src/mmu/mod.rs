//! The memory management unit: from linear to physical addresses.

pub mod walk;
