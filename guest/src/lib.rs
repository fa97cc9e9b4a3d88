//! Part of Ringhold.
