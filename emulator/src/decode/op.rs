//! The internal instruction: what the interpreter executes, decoded once.

pub use super::chain::Chained as Handler;

/// How an operand's effective address becomes a linear one.
pub mod address {
    /// 64-bit addressing without limit: linear = base + index × scale + disp + segment base.
    pub const FLAT: u8 = 0;
    /// The sum is cut to 32 bits, then flat (64-bit mode with an address-size prefix).
    pub const FLAT32: u8 = 1;
    /// The sum is cut to 32 bits, then checked against the segment.
    pub const SEG32: u8 = 2;
    /// The sum is cut to 16 bits, then checked against the segment.
    pub const SEG16: u8 = 3;
}

/// One decoded instruction.
///
/// The meaning of `dst`, `src`, `aux` and `imm` is the handler's: register numbers, an
/// immediate, a branch displacement, a condition.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Op {
    /// What executes it, and then the instructions after it.
    pub run: Handler,
    /// Immediate, branch target or far pointer.
    pub imm: u64,
    /// Displacement of the memory operand (relative to the block's start if RIP-relative).
    pub disp: u64,
    /// Base register of the memory operand; [`crate::state::gpr::ZERO`] if none.
    pub base: u8,
    /// Index register of the memory operand; [`crate::state::gpr::ZERO`] if none.
    pub index: u8,
    /// log2 of the scale.
    pub scale: u8,
    /// Segment register of the memory operand; [`crate::state::sreg::NONE`] if flat.
    pub seg: u8,
    /// One of [`address`].
    pub address: u8,
    /// First register operand.
    pub dst: u8,
    /// Second register operand.
    pub src: u8,
    /// Whatever else the handler needs.
    pub aux: u8,
    /// Bytes from the block's start to this instruction.
    pub offset: u16,
    /// Its length in bytes.
    pub len: u8,
    /// Its place in the block, counted from zero.
    pub nth: u8,
    /// Operand size in bytes and prefixes, for handlers that look: see [`prefix`].
    pub prefix: u8,
}

/// Bits of [`Op::prefix`].
pub mod prefix {
    /// REP or REPE.
    pub const REP: u8 = 1;
    /// REPNE.
    pub const REPNE: u8 = 2;
    /// LOCK.
    pub const LOCK: u8 = 4;
}

impl Op {
    /// Bytes from the block's start to the next instruction.
    #[inline(always)]
    pub fn next_offset(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.len)
    }

    /// The same with a memory operand so many bytes behind: the next part of one that is accessed in
    /// parts, the effective address of each being cut to the address size.
    pub fn behind(&self, bytes: u64) -> Self {
        Self { disp: self.disp.wrapping_add(bytes), ..*self }
    }
}
