//! Segment registers with their hidden part, and descriptor-table registers.

use serde::{Deserialize, Serialize};

/// Numbers of the segment registers, as instructions encode them.
pub mod reg {
    /// ES
    pub const ES: u8 = 0;
    /// CS
    pub const CS: u8 = 1;
    /// SS
    pub const SS: u8 = 2;
    /// DS
    pub const DS: u8 = 3;
    /// FS
    pub const FS: u8 = 4;
    /// GS
    pub const GS: u8 = 5;
    /// No segment: base zero, no check (64-bit mode).
    pub const NONE: u8 = 6;
    /// The same for operands that would use SS: faults are #SS.
    pub const NONE_SS: u8 = 7;
}

/// GDTR or IDTR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Linear address of its first byte.
    pub base: u64,
    /// Offset of its last byte.
    pub limit: u16,
}

impl Default for Table {
    fn default() -> Self {
        Self { base: 0, limit: 0xffff }
    }
}

/// Descriptor types with S = 0 (SDM volume 3, table 3-2).
pub struct Kind;

impl Kind {
    /// 16-bit TSS, available
    pub const TSS16: u8 = 1;
    /// LDT
    pub const LDT: u8 = 2;
    /// 16-bit TSS, busy
    pub const TSS16_BUSY: u8 = 3;
    /// 16-bit call gate
    pub const CALL_GATE16: u8 = 4;
    /// Task gate
    pub const TASK_GATE: u8 = 5;
    /// 16-bit interrupt gate
    pub const INTERRUPT_GATE16: u8 = 6;
    /// 16-bit trap gate
    pub const TRAP_GATE16: u8 = 7;
    /// 32-bit (or 64-bit) TSS, available
    pub const TSS: u8 = 9;
    /// 32-bit (or 64-bit) TSS, busy
    pub const TSS_BUSY: u8 = 11;
    /// 32-bit (or 64-bit) call gate
    pub const CALL_GATE: u8 = 12;
    /// 32-bit (or 64-bit) interrupt gate
    pub const INTERRUPT_GATE: u8 = 14;
    /// 32-bit (or 64-bit) trap gate
    pub const TRAP_GATE: u8 = 15;
}

/// A segment register: the selector and the descriptor that was loaded with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The visible part.
    pub selector: u16,
    /// Base, all 64 bits.
    pub base: u64,
    /// Offset of the last byte (granularity applied).
    pub limit: u32,
    /// Bits 55:40 of the descriptor: type, S, DPL, P, (limit), AVL, L, D/B, G.
    /// Zero for a null selector: not usable.
    pub access: u16,
}

impl Segment {
    /// What a real-mode load of `selector` leaves: base = selector × 16, the rest kept.
    pub fn real(selector: u16, code: bool) -> Self {
        let access = if code { 0x9b } else { 0x93 };
        Self { selector, base: u64::from(selector) << 4, limit: 0xffff, access }
    }

    /// A descriptor's two words, unpacked.
    pub fn from_descriptor(selector: u16, descriptor: u64) -> Self {
        let raw_limit = (descriptor & 0xffff | descriptor >> 32 & 0xf_0000) as u32;
        let limit = if descriptor >> 55 & 1 != 0 { raw_limit << 12 | 0xfff } else { raw_limit };
        let base = descriptor >> 16 & 0xff_ffff | descriptor >> 32 & 0xff00_0000;
        Self { selector, base, limit, access: (descriptor >> 40) as u16 & 0xf0ff }
    }

    /// The four type bits.
    pub fn kind(&self) -> u8 {
        self.access as u8 & 15
    }

    /// S: code or data, not a system segment.
    pub fn is_code_or_data(&self) -> bool {
        self.access & 0x10 != 0
    }

    /// Descriptor privilege level.
    pub fn dpl(&self) -> u8 {
        (self.access >> 5) as u8 & 3
    }

    /// P
    pub fn present(&self) -> bool {
        self.access & 0x80 != 0
    }

    /// Whether it is a code segment.
    pub fn is_code(&self) -> bool {
        self.access & 0x18 == 0x18
    }

    /// Whether it is a data segment.
    pub fn is_data(&self) -> bool {
        self.access & 0x18 == 0x10
    }

    /// A code segment that is conforming.
    pub fn conforming(&self) -> bool {
        self.is_code() && self.access & 4 != 0
    }

    /// Data that may be written.
    pub fn writable(&self) -> bool {
        self.is_data() && self.access & 2 != 0
    }

    /// Data, or code that may be read.
    pub fn readable(&self) -> bool {
        self.is_data() || self.is_code() && self.access & 2 != 0
    }

    /// Data that grows down.
    pub fn expand_down(&self) -> bool {
        self.is_data() && self.access & 4 != 0
    }

    /// L: 64-bit code.
    pub fn long(&self) -> bool {
        self.access & 0x2000 != 0
    }

    /// D or B: 32-bit code, 32-bit stack, 4 GiB expand-down data.
    pub fn big(&self) -> bool {
        self.access & 0x4000 != 0
    }

    /// Whether the bytes at `[offset, offset + len)` lie within the limit.
    pub fn contains(&self, offset: u64, len: u64) -> bool {
        let last = offset + (len - 1);
        if self.expand_down() {
            let top = if self.big() { 0xffff_ffff } else { 0xffff };
            offset > u64::from(self.limit) && last <= top
        } else {
            last <= u64::from(self.limit)
        }
    }
}
