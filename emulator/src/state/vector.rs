//! SSE state.

use serde::{Deserialize, Serialize};

/// The bits of MXCSR that exist; writing others raises #GP.
pub const MXCSR_MASK: u32 = 0xffff;

/// The vector registers and their control word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vector {
    /// XMM0 to XMM15, byte 0 in the low bits.
    pub xmm: [u128; 16],
    /// The upper halves of YMM0 to YMM15.
    pub ymm_high: [u128; 16],
    /// MXCSR
    pub mxcsr: u32,
}

impl Default for Vector {
    fn default() -> Self {
        Self { xmm: [0; 16], ymm_high: [0; 16], mxcsr: 0x1f80 }
    }
}
