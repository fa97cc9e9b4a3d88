//! The memory management unit: from linear to physical addresses.

pub mod access;
pub mod rights;
pub mod tlb;
pub mod walk;
