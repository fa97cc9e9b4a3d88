//! System management mode: what a processor remembers of it.

use serde::{Deserialize, Serialize};

/// Where the code and the state-save area of system management mode lie after reset.
const SMBASE: u32 = 0x3_0000;

/// System management mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smm {
    /// The processor is in it.
    pub active: bool,
    /// SMBASE, physical.
    pub base: u32,
    /// NMIs were held off when it was entered.
    pub nmi_blocked: bool,
    /// [`super::Control::pending_debug`] when it was entered: debug traps come after RSM.
    pub pending_debug: u64,
    /// The I/O instruction at whose end an SMI was waiting, the last one.
    pub io: Option<IoAccess>,
}

impl Default for Smm {
    fn default() -> Self {
        Self { active: false, base: SMBASE, nmi_blocked: false, pending_debug: 0, io: None }
    }
}

/// What system management mode is told of an I/O instruction, or of one of its iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoAccess {
    /// The instruction count after it.
    pub done_at: u64,
    /// The port.
    pub port: u16,
    /// Bytes transferred: 1, 2 or 4.
    pub bytes: u8,
    /// IN or INS.
    pub input: bool,
    /// The port is an immediate operand.
    pub immediate: bool,
    /// INS or OUTS, with the linear address of its memory operand.
    pub string: Option<u64>,
    /// With a REP prefix.
    pub repeated: bool,
    /// RIP of the instruction.
    pub rip: u64,
    /// RCX before it.
    pub rcx: u64,
    /// RSI before it.
    pub rsi: u64,
    /// RDI before it.
    pub rdi: u64,
}
