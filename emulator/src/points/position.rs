//! Where a run stands.

use serde::{Deserialize, Serialize};

/// A point of a run between two instructions, exact: two runs of the same machine with the same
/// inputs that stand at the same position are in the same state.
///
/// The instruction count alone would not do. Before the next instruction retires, interrupts and
/// faults may be delivered, a halted processor may sleep, and the first try of an instruction
/// that touches a device may have filled the TLB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Instructions retired since power-on.
    pub instructions: u64,
    /// Interrupts and exceptions delivered since that count was reached.
    #[serde(default)]
    pub deliveries: u64,
    /// Virtual nanoseconds since power-on; a halted processor gets no further but here.
    #[serde(default)]
    pub ns: u64,
    /// The next instruction is about to read from a device: its operands were translated.
    #[serde(default)]
    pub reading: bool,
}

impl Position {
    /// The first point at which that many instructions have retired.
    pub fn instruction(instructions: u64) -> Self {
        Self { instructions, ..Self::default() }
    }
}
