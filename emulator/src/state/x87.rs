//! x87 and MMX state.

use serde::{Deserialize, Serialize};

/// An 80-bit extended value as it lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct F80 {
    /// Integer bit and fraction.
    pub significand: u64,
    /// Sign (bit 15) and biased exponent.
    pub sign_exponent: u16,
}

/// The x87 registers. MMX registers are the significands of the physical registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X87 {
    /// R0 to R7, the physical registers: ST(i) is R((top + i) mod 8).
    pub r: [F80; 8],
    /// Control word.
    pub fcw: u16,
    /// Status word without TOP.
    pub fsw: u16,
    /// TOP of stack, 0 to 7.
    pub top: u8,
    /// One bit a physical register: set if it is empty.
    pub empty: u8,
    /// Last instruction's opcode, 11 bits.
    pub fop: u16,
    /// Last instruction's address.
    pub fip: u64,
    /// Last instruction's CS.
    pub fcs: u16,
    /// Last memory operand's address.
    pub fdp: u64,
    /// Last memory operand's segment.
    pub fds: u16,
    /// FOP, FDP and FDS as the last unmasked exception found them, or as they were loaded: what is
    /// saved where only exceptions update them.
    pub at_exception: Pointers,
}

/// What x87 instructions leave beside FIP and FCS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointers {
    /// Opcode, 11 bits.
    pub fop: u16,
    /// Address of the memory operand.
    pub fdp: u64,
    /// Its segment.
    pub fds: u16,
}

impl Default for X87 {
    /// After reset (SDM volume 3, table 11-1): as after FNINIT but for FCW = 0040h and the tags.
    fn default() -> Self {
        Self {
            r: [F80::default(); 8],
            fcw: 0x40,
            fsw: 0,
            top: 0,
            empty: 0,
            fop: 0,
            fip: 0,
            fcs: 0,
            fdp: 0,
            fds: 0,
            at_exception: Pointers::default(),
        }
    }
}

impl X87 {
    /// Notes FOP, FDP and FDS as those of an unmasked exception, or as loaded.
    pub fn note_pointers(&mut self) {
        self.at_exception = Pointers { fop: self.fop, fdp: self.fdp, fds: self.fds };
    }

    /// What FNINIT leaves in the control, status and tag words; the registers keep their contents.
    pub fn init(&mut self) {
        *self = Self { r: self.r, fcw: 0x37f, empty: 0xff, ..Self::default() };
    }

    /// The status word with TOP in place.
    pub fn status(&self) -> u16 {
        self.fsw | u16::from(self.top) << 11
    }

    /// Loads the status word.
    pub fn set_status(&mut self, value: u16) {
        self.fsw = value & !(7 << 11);
        self.top = (value >> 11) as u8 & 7;
    }
}
