//! Time: retired instructions become virtual nanoseconds, and events wait for them.

use serde::{Deserialize, Serialize};

use crate::bus::DeviceId;

/// The one clock of the machine.
///
/// Virtual time is the count of retired instructions scaled by a configured ratio, plus
/// the nanoseconds that a halted processor skipped on its way to the next event. No host
/// clock is consulted anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Instructions retired since power-on. Each iteration of a REP string instruction counts.
    retired: u64,
    /// Nanoseconds skipped while every processor was halted.
    idle_ns: u64,
    /// Picoseconds of virtual time one instruction takes.
    ps_per_instruction: u64,
}

impl Clock {
    /// A clock at zero; `ps_per_instruction` is clamped to at least 1.
    pub fn new(ps_per_instruction: u64) -> Self {
        Self { retired: 0, idle_ns: 0, ps_per_instruction: ps_per_instruction.max(1) }
    }

    /// Instructions retired since power-on.
    pub fn retired(&self) -> u64 {
        self.retired
    }

    /// Virtual nanoseconds since power-on.
    pub fn now_ns(&self) -> u64 {
        self.ns_at(self.retired)
    }

    /// Virtual nanoseconds that will have passed when `retired` instructions have retired
    /// and no further idle time was skipped.
    pub fn ns_at(&self, retired: u64) -> u64 {
        let ns = match retired.checked_mul(self.ps_per_instruction) {
            Some(ps) => ps / 1000,
            // Months of virtual time: 64 bits of picoseconds are not enough.
            None => (u128::from(retired) * u128::from(self.ps_per_instruction) / 1000) as u64,
        };
        self.idle_ns + ns
    }

    /// The smallest instruction count at which [`Self::now_ns`] reaches `ns`.
    pub fn retired_at(&self, ns: u64) -> u64 {
        let busy = ns.saturating_sub(self.idle_ns);
        if let Some(ps) = busy.checked_mul(1000) {
            return ps.div_ceil(self.ps_per_instruction);
        }
        let ps = u128::from(busy) * 1000;
        u64::try_from(ps.div_ceil(u128::from(self.ps_per_instruction))).unwrap_or(u64::MAX)
    }

    /// Sets the exact instruction count; the processor does so before each outside access.
    pub fn set_retired(&mut self, retired: u64) {
        debug_assert!(retired >= self.retired, "time runs forward");
        self.retired = retired;
    }

    /// Lets time pass to `ns` without an instruction, as a halted processor does.
    pub fn skip_to(&mut self, ns: u64) {
        self.idle_ns += ns.saturating_sub(self.now_ns());
    }
}

/// A moment at which a device wants to be called, and the token it will be called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Event {
    /// Virtual nanoseconds.
    pub at: u64,
    /// Whose event it is. Events of one moment run in the order of device and token.
    pub device: DeviceId,
    /// The device's own name for the event; one pending event per token.
    pub token: u32,
}

/// The pending events, totally ordered by moment, device and token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventQueue {
    events: Vec<Event>,
    /// An event was scheduled since the run loop looked last.
    #[serde(skip)]
    changed: bool,
}

impl EventQueue {
    /// Schedules `event`, in place of an earlier one of the same device and token.
    pub fn schedule(&mut self, event: Event) {
        self.cancel(event.device, event.token);
        let at = self.events.partition_point(|other| *other < event);
        self.events.insert(at, event);
        self.changed = true;
    }

    /// Whether an event was scheduled since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Forgets the event of this device and token, if there is one.
    pub fn cancel(&mut self, device: DeviceId, token: u32) {
        self.events.retain(|event| (event.device, event.token) != (device, token));
    }

    /// The moment of the earliest event.
    pub fn next_at(&self) -> Option<u64> {
        self.events.first().map(|event| event.at)
    }

    /// Takes the earliest event that is due at `now`.
    pub fn pop_due(&mut self, now: u64) -> Option<Event> {
        (self.next_at()? <= now).then(|| self.events.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_count_and_nanoseconds_agree() {
        let mut clock = Clock::new(333);
        for ns in [0, 1, 2, 999, 1_000_000_007] {
            let retired = clock.retired_at(ns);
            assert!(clock.ns_at(retired) >= ns);
            assert!(retired == 0 || clock.ns_at(retired - 1) < ns);
        }
        clock.set_retired(10);
        clock.skip_to(5_000);
        assert_eq!(clock.now_ns(), 5_000);
        clock.skip_to(4_000);
        assert_eq!(clock.now_ns(), 5_000);
    }

    #[test]
    fn events_of_one_moment_have_a_fixed_order() {
        let mut queue = EventQueue::default();
        let event = |at, device, token| Event { at, device: DeviceId(device), token };
        for e in [event(5, 1, 0), event(5, 0, 1), event(5, 0, 0), event(3, 9, 9), event(8, 0, 1)] {
            queue.schedule(e);
        }
        let order: Vec<_> =
            std::iter::from_fn(|| queue.pop_due(9)).map(|e| (e.at, e.device.0, e.token)).collect();
        assert_eq!(order, [(3, 9, 9), (5, 0, 0), (5, 1, 0), (8, 0, 1)]);
        assert_eq!(queue.pop_due(100), None);
    }
}
