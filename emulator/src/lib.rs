//! The machine of Ringhold.
