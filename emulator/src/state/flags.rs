//! RFLAGS in its lazy form: the last result and the carries of the operation that made it.
//!
//! Every arithmetic flag is a shift or an exclusive-or away:
//!
//! * ZF: the result is zero. The result is kept sign-extended to 64 bits, so SF is its top bit.
//! * CF: the carry out of the top bit; OF: that and the carry into the top bit differ; AF: the
//!   carry out of bit 3. All three are bits of one vector of carries.
//! * PF: the parity of the result's low byte.
//!
//! A third word says how wide the operation was, and how SF and PF deviate from the result when
//! they were loaded from elsewhere (POPF, SAHF).

/// Flag bits (SDM volume 1, 3.4.3).
pub mod bit {
    /// Carry.
    pub const CF: u64 = 1 << 0;
    /// Always one.
    pub const ONE: u64 = 1 << 1;
    /// Parity.
    pub const PF: u64 = 1 << 2;
    /// Auxiliary carry.
    pub const AF: u64 = 1 << 4;
    /// Zero.
    pub const ZF: u64 = 1 << 6;
    /// Sign.
    pub const SF: u64 = 1 << 7;
    /// Trap.
    pub const TF: u64 = 1 << 8;
    /// Interrupt enable.
    pub const IF: u64 = 1 << 9;
    /// Direction.
    pub const DF: u64 = 1 << 10;
    /// Overflow.
    pub const OF: u64 = 1 << 11;
    /// I/O privilege level.
    pub const IOPL: u64 = 3 << 12;
    /// Nested task.
    pub const NT: u64 = 1 << 14;
    /// Resume.
    pub const RF: u64 = 1 << 16;
    /// Virtual-8086 mode.
    pub const VM: u64 = 1 << 17;
    /// Alignment check, or SMAP override.
    pub const AC: u64 = 1 << 18;
    /// Virtual interrupt.
    pub const VIF: u64 = 1 << 19;
    /// Virtual interrupt pending.
    pub const VIP: u64 = 1 << 20;
    /// CPUID can be used.
    pub const ID: u64 = 1 << 21;
    /// The six arithmetic flags.
    pub const STATUS: u64 = CF | PF | AF | ZF | SF | OF;
    /// What lives outside the lazy form.
    pub const SYSTEM: u64 = TF | IF | DF | IOPL | NT | RF | VM | AC | VIF | VIP | ID;
}

use bit::*;

const PARITY_SHIFT: u32 = 8;
const SIGN_SHIFT: u32 = 16;

/// RFLAGS.
#[derive(Clone, Copy, Debug)]
pub struct Flags {
    result: u64,
    carries: u64,
    /// Bits 0-7: the number of the operation's top bit. Bits 8-15: exclusive-ored to the low
    /// byte before taking parity. Bit 16: inverts SF.
    form: u32,
    /// TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID, in place.
    pub system: u64,
}

impl Default for Flags {
    fn default() -> Self {
        let mut flags = Self { result: 0, carries: 0, form: 63, system: 0 };
        flags.set_status(0);
        flags
    }
}

impl Flags {
    /// An operation `bits` wide gave `result` (sign-extended to 64 bits) with these carries:
    /// bit n of `carries` is the carry (or borrow) out of bit n.
    #[inline(always)]
    pub fn set_arithmetic(&mut self, result: u64, carries: u64, bits: u32) {
        self.result = result;
        self.carries = carries;
        self.form = bits - 1;
    }

    /// A logical operation gave `result` (sign-extended to 64 bits): CF = OF = AF = 0.
    #[inline(always)]
    pub fn set_logic(&mut self, result: u64) {
        self.result = result;
        self.carries = 0;
        self.form = 63;
    }

    /// SF, ZF, PF from `result` (sign-extended), CF and OF as given, AF clear.
    #[inline(always)]
    pub fn set_result(&mut self, result: u64, cf: bool, of: bool) {
        self.result = result;
        self.carries = (cf as u64) << 63 | ((cf ^ of) as u64) << 62;
        self.form = 63;
    }

    /// CF
    #[inline(always)]
    pub fn cf(&self) -> bool {
        self.carries >> (self.form & 63) & 1 != 0
    }

    /// OF
    #[inline(always)]
    pub fn of(&self) -> bool {
        let top = self.carries >> ((self.form & 63) - 1);
        (top ^ top >> 1) & 1 != 0
    }

    /// ZF
    #[inline(always)]
    pub fn zf(&self) -> bool {
        self.result == 0
    }

    /// SF
    #[inline(always)]
    pub fn sf(&self) -> bool {
        (self.result >> 63) as u32 ^ self.form >> SIGN_SHIFT != 0
    }

    /// PF
    #[inline(always)]
    pub fn pf(&self) -> bool {
        (self.result as u8 ^ (self.form >> PARITY_SHIFT) as u8).count_ones() & 1 == 0
    }

    /// AF
    #[inline(always)]
    pub fn af(&self) -> bool {
        self.carries >> 3 & 1 != 0
    }

    /// Changes CF alone.
    #[inline(always)]
    pub fn set_cf(&mut self, cf: bool) {
        let top = self.form & 63;
        let flip = (self.carries >> top & 1) ^ cf as u64;
        // OF is the difference of the two top carries: flip both to keep it.
        self.carries ^= flip << top | flip << (top - 1);
    }

    /// Changes CF and OF, keeps the other four.
    #[inline(always)]
    pub fn set_cf_of(&mut self, cf: bool, of: bool) {
        let af = self.carries & 8;
        self.carries = (cf as u64) << 63 | ((cf ^ of) as u64) << 62 | af;
        self.form |= 63;
    }

    /// The six arithmetic flags, in place.
    pub fn status(&self) -> u64 {
        let mut value = 0;
        for (set, bit) in [
            (self.cf(), CF),
            (self.pf(), PF),
            (self.af(), AF),
            (self.zf(), ZF),
            (self.sf(), SF),
            (self.of(), OF),
        ] {
            if set {
                value |= bit;
            }
        }
        value
    }

    /// Loads the six arithmetic flags from their places in `value`.
    pub fn set_status(&mut self, value: u64) {
        let set = |bit| value & bit != 0;
        self.result = u64::from(!set(ZF));
        self.carries =
            u64::from(set(AF)) << 3 | u64::from(set(CF)) << 63 | u64::from(set(CF) != set(OF)) << 62;
        // A result of 0 has even parity, a result of 1 odd.
        let parity = u32::from(set(PF) != set(ZF));
        self.form = 63 | parity << PARITY_SHIFT | u32::from(set(SF)) << SIGN_SHIFT;
    }

    /// RFLAGS as software sees it.
    pub fn rflags(&self) -> u64 {
        self.system | self.status() | ONE
    }

    /// Loads all of RFLAGS; bits that do not exist are dropped.
    pub fn set_rflags(&mut self, value: u64) {
        self.set_status(value);
        self.system = value & SYSTEM;
    }

    /// IOPL, 0 to 3.
    pub fn iopl(&self) -> u8 {
        (self.system >> 12 & 3) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_status_flags_can_be_loaded() {
        for value in (0..1u64 << 12).filter(|v| v & !STATUS == 0) {
            let mut flags = Flags::default();
            flags.set_status(value);
            assert_eq!(flags.status(), value);
            for cf in [false, true] {
                flags.set_cf(cf);
                assert_eq!(flags.status(), value & !CF | u64::from(cf));
            }
        }
    }

    #[test]
    fn additions_give_the_flags_of_the_manual() {
        for a in 0..=255u8 {
            for b in (0..=255u8).step_by(7) {
                let r = a.wrapping_add(b);
                let carries = (a & b | (a | b) & !r) as u64;
                let mut flags = Flags::default();
                flags.set_arithmetic(r as i8 as u64, carries, 8);
                assert_eq!(flags.cf(), a.checked_add(b).is_none());
                assert_eq!(flags.of(), (a as i8).checked_add(b as i8).is_none());
                assert_eq!(flags.af(), (a & 15) + (b & 15) > 15);
                assert_eq!(flags.zf(), r == 0);
                assert_eq!(flags.sf(), r > 127);
                assert_eq!(flags.pf(), r.count_ones() % 2 == 0);
            }
        }
    }
}
