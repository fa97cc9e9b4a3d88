//! Ringhold: a deterministic x86-64 machine made as a backend for debuggers.
