//! The local APIC timer (SDM volume 3, 12.5.4): a count derived from virtual time, never stepped.

use serde::{Deserialize, Serialize};

use crate::ticks::{ns_at, ticks_at};

/// What LVT Timer bits 18:17 select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    OneShot,
    Periodic,
    TscDeadline,
}

impl Mode {
    /// The mode in an LVT Timer value; the reserved encoding 3 counts as one-shot.
    pub(super) fn of(lvt: u32) -> Self {
        match lvt >> 17 & 3 {
            1 => Self::Periodic,
            2 => Self::TscDeadline,
            _ => Self::OneShot,
        }
    }
}

/// The counting part; the LVT entry stays with the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timer {
    /// Initial Count register: also the reload value of periodic mode.
    pub(super) initial: u32,
    /// What the counter held at `start_ns`; differs from `initial` after a change of divisor.
    first: u32,
    /// When the counter held `first`.
    start_ns: u64,
    /// Divide Configuration register, bits 3, 1 and 0.
    pub(super) divide: u32,
    /// IA32_TSC_DEADLINE; 0 is disarmed.
    pub(super) tsc_deadline: u64,
}

impl Timer {
    /// Figure 12-10: bits 3, 1, 0 give 2, 4, 8, …, 128, then 1.
    fn divisor(&self) -> u64 {
        let code = self.divide & 3 | self.divide >> 1 & 4;
        1 << ((code + 1) & 7)
    }

    fn elapsed(&self, now: u64, hz: u64) -> u64 {
        ticks_at(now.saturating_sub(self.start_ns), hz) / self.divisor()
    }

    /// The Current Count register.
    pub(super) fn current(&self, mode: Mode, now: u64, hz: u64) -> u32 {
        let elapsed = self.elapsed(now, hz);
        let first = u64::from(self.first);
        match mode {
            Mode::TscDeadline => 0,
            _ if elapsed < first => (first - elapsed) as u32,
            Mode::Periodic if self.initial != 0 => {
                let initial = u64::from(self.initial);
                (initial - (elapsed - first) % initial) as u32
            }
            _ => 0,
        }
    }

    /// A write to the Initial Count register: counting starts, or stops for 0.
    pub(super) fn start(&mut self, count: u32, now: u64) {
        self.initial = count;
        self.first = count;
        self.start_ns = now;
    }

    /// Changes the divisor; the count goes on from where it is.
    pub(super) fn set_divide(&mut self, divide: u32, mode: Mode, now: u64, hz: u64) {
        self.hold(mode, now, hz);
        self.divide = divide & 0b1011;
    }

    /// Makes the present count the new starting point, as before a change of mode or divisor.
    pub(super) fn hold(&mut self, mode: Mode, now: u64, hz: u64) {
        self.first = self.current(mode, now, hz);
        self.start_ns = now;
    }

    /// The next moment after `now` at which the count reaches zero, or at which the TSC reaches
    /// the deadline (which may be past).
    pub(super) fn next_expiry(&self, mode: Mode, now: u64, hz: u64, tsc_hz: u64) -> Option<u64> {
        let (elapsed, first, initial) =
            (u128::from(self.elapsed(now, hz)), u128::from(self.first), u128::from(self.initial));
        let at_tick = match mode {
            Mode::TscDeadline => {
                let armed = self.tsc_deadline != 0;
                return armed.then(|| ns_at(u128::from(self.tsc_deadline), tsc_hz));
            }
            _ if elapsed < first => first,
            Mode::Periodic if initial != 0 => first + ((elapsed - first) / initial + 1) * initial,
            _ => return None,
        };
        let delay = ns_at(at_tick * u128::from(self.divisor()), hz);
        Some(self.start_ns.saturating_add(delay))
    }
}
