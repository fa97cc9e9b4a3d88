//! The high precision event timer: three comparators, legacy replacement, edge and level
//! interrupts.
//!
//! IA-PC HPET Specification 1.0a, chapter 2.3. The main counter follows from virtual time; a
//! comparator is an event, never a step.
//!
//! Documented differences:
//! - A comparator that is set to exactly the counter's present value matches one wrap later.
//! - An edge-triggered output stays asserted until its next interrupt, when it falls and rises.
//! - Under legacy replacement, timers 0 and 1 drive global system interrupts 0 and 8, and the
//!   PIT and RTC are expected to be silent: nothing disconnects their outputs.
//! - No FSB (message) delivery.

use ringhold_emulator::bus::{AccessError, Cx, Device, Identity, MmioDevice, MmioRange, RestoreError, Width};
use serde::{Deserialize, Serialize};

use crate::saved;

/// Where the registers lie.
pub const HPET_BASE: u64 = 0xfed0_0000;

/// Comparators.
pub const TIMERS: usize = 3;

const ENABLE: u64 = 1 << 0;
const LEGACY: u64 = 1 << 1;

// Timer configuration (2.3.8).
const LEVEL: u64 = 1 << 1;
const INTERRUPT: u64 = 1 << 2;
const PERIODIC: u64 = 1 << 3;
const PERIODIC_CAP: u64 = 1 << 4;
const SIZE_CAP: u64 = 1 << 5;
const VALUE_SET: u64 = 1 << 6;
const MODE_32: u64 = 1 << 8;
const ROUTE: u64 = 0x1f << 9;
const WRITABLE: u64 = LEVEL | INTERRUPT | PERIODIC | VALUE_SET | MODE_32 | ROUTE;

/// How an HPET is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HpetConfig {
    /// Nanoseconds per tick of the main counter, 1-100; 10 is 100 MHz.
    pub period_ns: u8,
    /// Global system interrupts that comparators may be routed to, one bit each.
    pub routes: u32,
}

impl Default for HpetConfig {
    fn default() -> Self {
        Self { period_ns: 10, routes: 0x00f0_0000 }
    }
}

// --- saved state ---------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Timer {
    /// The writable bits of the configuration register.
    config: u64,
    comparator: u64,
    /// What a periodic comparator advances by.
    period: u64,
    /// The line that is asserted now.
    line: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    config: u64,
    /// Level interrupts that were not acknowledged.
    status: u64,
    /// The counter at `since`, or at rest.
    counter: u64,
    since: u64,
    timers: [Timer; TIMERS],
}

impl State {
    fn new() -> Self {
        let timer = Timer { comparator: u64::MAX, ..Timer::default() };
        Self { config: 0, status: 0, counter: 0, since: 0, timers: [timer; TIMERS] }
    }
}

// --- pure model ----------------------------------------------------------------------------

impl Timer {
    fn mask(&self) -> u64 {
        if self.config & MODE_32 != 0 { 0xffff_ffff } else { u64::MAX }
    }

    fn periodic(&self) -> bool {
        self.config & PERIODIC != 0
    }

    /// Ticks from `counter` to the next match, at least 1.
    fn distance(&self, counter: u64) -> u128 {
        match self.comparator.wrapping_sub(counter) & self.mask() {
            0 => u128::from(self.mask()) + 1,
            ticks => ticks.into(),
        }
    }

    /// Moves a periodic comparator past `counter`, which has reached it.
    fn advance(&mut self, counter: u64) {
        let mask = self.mask();
        if self.periodic() && self.period & mask != 0 {
            let period = self.period & mask;
            let late = counter.wrapping_sub(self.comparator) & mask;
            let steps = (late / period).wrapping_add(1);
            self.comparator = self.comparator.wrapping_add(steps.wrapping_mul(period)) & mask;
        }
    }
}

/// The HPET.
pub struct Hpet {
    config: HpetConfig,
    state: State,
}

impl Hpet {
    /// An HPET in its reset state: halted.
    pub fn new(config: HpetConfig) -> Self {
        let period_ns = config.period_ns.clamp(1, 100);
        Self { config: HpetConfig { period_ns, ..config }, state: State::new() }
    }

    fn enabled(&self) -> bool {
        self.state.config & ENABLE != 0
    }

    fn counter(&self, now: u64) -> u64 {
        if !self.enabled() {
            return self.state.counter;
        }
        let ticks = now.saturating_sub(self.state.since) / u64::from(self.config.period_ns);
        self.state.counter.wrapping_add(ticks)
    }

    /// Asks for the next match of `timer`.
    fn arm(&self, timer: usize, cx: &mut Cx<'_>) {
        let distance = self.state.timers[timer].distance(self.counter(cx.now()));
        let period = u128::from(self.config.period_ns);
        let started = u128::from(cx.now().saturating_sub(self.state.since)) / period;
        let at = u128::from(self.state.since) + (started + distance) * period;
        match u64::try_from(at).ok().filter(|_| self.enabled()) {
            Some(at) => cx.schedule(timer as u32, at),
            None => cx.cancel(timer as u32),
        }
    }

    /// The global system interrupt of a timer.
    fn route(&self, timer: usize) -> u8 {
        match timer {
            0 if self.state.config & LEGACY != 0 => 0,
            1 if self.state.config & LEGACY != 0 => 8,
            _ => (self.state.timers[timer].config >> 9 & 0x1f) as u8,
        }
    }

    /// Whether the timer's output may go anywhere; route 0 means "none chosen" unless in legacy mode.
    fn routed(&self, timer: usize) -> bool {
        let legacy = self.state.config & LEGACY != 0 && timer < 2;
        legacy || self.config.routes >> (self.route(timer) & 31) & 1 == 1
    }

    fn drop_line(&mut self, timer: usize, cx: &mut Cx<'_>) {
        if let Some(gsi) = self.state.timers[timer].line.take() {
            cx.set_line(gsi, false);
        }
    }

    /// Brings the output in line with enable, status and route; `pulse` is a new edge.
    fn update(&mut self, timer: usize, pulse: bool, cx: &mut Cx<'_>) {
        let t = self.state.timers[timer];
        let on = self.enabled() && t.config & INTERRUPT != 0 && self.routed(timer);
        let wanted = match t.config & LEVEL != 0 {
            true => on && self.state.status >> timer & 1 == 1,
            false => on && (pulse || t.line == Some(self.route(timer))),
        };
        if !wanted || pulse && t.config & LEVEL == 0 || t.line != Some(self.route(timer)) {
            self.drop_line(timer, cx);
        }
        if wanted && self.state.timers[timer].line.is_none() {
            let gsi = self.route(timer);
            self.state.timers[timer].line = Some(gsi);
            cx.set_line(gsi, true);
        }
    }

    fn write_config(&mut self, value: u64, cx: &mut Cx<'_>) {
        let counter = self.counter(cx.now());
        self.state.counter = counter;
        self.state.since = cx.now();
        self.state.config = value & (ENABLE | LEGACY);
        for timer in 0..TIMERS {
            self.arm(timer, cx);
            self.update(timer, false, cx);
        }
    }

    fn write_timer_config(&mut self, timer: usize, value: u64, cx: &mut Cx<'_>) {
        let routes = self.config.routes;
        let t = &mut self.state.timers[timer];
        let mut value = value & WRITABLE;
        // 2.3.8: a route that the timer does not have reads back as another value.
        if routes >> (value >> 9 & 0x1f) & 1 == 0 {
            value = value & !ROUTE | t.config & ROUTE;
        }
        t.config = value;
        t.comparator &= t.mask();
        if value & LEVEL == 0 {
            self.state.status &= !(1 << timer);
        }
        self.arm(timer, cx);
        self.update(timer, false, cx);
    }

    fn write_comparator(&mut self, timer: usize, value: u64, cx: &mut Cx<'_>) {
        let t = &mut self.state.timers[timer];
        let value = value & t.mask();
        if t.periodic() {
            t.period = value;
        }
        if !t.periodic() || t.config & VALUE_SET != 0 {
            t.comparator = value;
            t.config &= !VALUE_SET;
        }
        self.arm(timer, cx);
    }

    fn capabilities(&self) -> u64 {
        let femtoseconds = u64::from(self.config.period_ns) * 1_000_000;
        // Intel, legacy replacement, 64 bits, three timers, revision 1.
        femtoseconds << 32 | 0x8086_0000 | 1 << 15 | 1 << 13 | (TIMERS as u64 - 1) << 8 | 1
    }

    fn get(&self, register: Register, now: u64) -> u64 {
        match register {
            Register::Capabilities => self.capabilities(),
            Register::Configuration => self.state.config,
            Register::Status => self.state.status,
            Register::Counter => self.counter(now),
            Register::TimerConfig(t) => {
                u64::from(self.config.routes) << 32 | PERIODIC_CAP | SIZE_CAP | self.state.timers[t].config
            }
            Register::Comparator(t) => self.state.timers[t].comparator,
        }
    }
}

// --- register map --------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    Capabilities,
    Configuration,
    Status,
    Counter,
    TimerConfig(usize),
    Comparator(usize),
}

impl Register {
    fn at(offset: u64) -> Option<Self> {
        Some(match offset & !7 {
            0x000 => Self::Capabilities,
            0x010 => Self::Configuration,
            0x020 => Self::Status,
            0x0f0 => Self::Counter,
            timer @ 0x100..0x160 => {
                let index = ((timer - 0x100) / 0x20) as usize;
                match timer & 0x1f {
                    0x00 => Self::TimerConfig(index),
                    0x08 => Self::Comparator(index),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// 2.3.2: aligned accesses of 32 or 64 bits.
    fn decode(offset: u64, width: Width) -> Result<(Self, u32), AccessError> {
        let register = Self::at(offset).ok_or(AccessError::NoRegister)?;
        match (width, offset & 7) {
            (Width::Dword, 0 | 4) => Ok((register, 8 * (offset & 7) as u32)),
            (Width::Qword, 0) => Ok((register, 0)),
            _ => Err(AccessError::Width),
        }
    }
}

impl MmioDevice for Hpet {
    fn read(&mut self, _window: u8, offset: u64, width: Width, cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        let (register, shift) = Register::decode(offset, width)?;
        Ok(self.get(register, cx.now()) >> shift & width.ones())
    }

    fn write(
        &mut self,
        _window: u8,
        offset: u64,
        width: Width,
        value: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), AccessError> {
        let (register, shift) = Register::decode(offset, width)?;
        let mask = width.ones() << shift;
        let written = (value & width.ones()) << shift;
        let value = self.get(register, cx.now()) & !mask | written;
        match register {
            Register::Capabilities => return Err(AccessError::Direction),
            Register::Configuration => self.write_config(value, cx),
            Register::Status => {
                self.state.status &= !written;
                for timer in 0..TIMERS {
                    self.update(timer, false, cx);
                }
            }
            // 2.3.7: written while halted only.
            Register::Counter if self.enabled() => return Err(AccessError::Direction),
            Register::Counter => self.state.counter = value,
            Register::TimerConfig(timer) => self.write_timer_config(timer, value, cx),
            Register::Comparator(timer) => {
                // What a half-width write does not touch is what was written before.
                let t = self.state.timers[timer];
                let old = if t.periodic() && t.config & VALUE_SET == 0 { t.period } else { t.comparator };
                self.write_comparator(timer, old & !mask | written, cx);
            }
        }
        Ok(())
    }

    fn register(&self, _window: u8, offset: u64) -> Option<&'static str> {
        const CONFIGS: [&str; TIMERS] = ["TIM0_CONF", "TIM1_CONF", "TIM2_CONF"];
        const COMPARATORS: [&str; TIMERS] = ["TIM0_COMP", "TIM1_COMP", "TIM2_COMP"];
        Some(match Register::at(offset)? {
            Register::Capabilities => "GCAP_ID",
            Register::Configuration => "GEN_CONF",
            Register::Status => "GINTR_STA",
            Register::Counter => "MAIN_CNT",
            Register::TimerConfig(t) => CONFIGS[t],
            Register::Comparator(t) => COMPARATORS[t],
        })
    }
}

impl Device for Hpet {
    fn identity(&self) -> Identity {
        let mut irqs = vec![0, 8];
        irqs.extend((0..24).filter(|gsi| ![0, 8].contains(gsi) && self.config.routes >> gsi & 1 == 1));
        irqs.sort_unstable();
        Identity {
            name: "hpet".into(),
            model: "IA-PC HPET",
            mmio: vec![MmioRange { base: HPET_BASE, size: 0x1000, window: 0 }],
            irqs,
            ..Identity::default()
        }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        for timer in 0..TIMERS {
            self.drop_line(timer, cx);
            cx.cancel(timer as u32);
        }
        self.state = State::new();
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.state = saved::unpack("hpet", state, |s: &State| {
            let fits =
                s.timers.iter().all(|t| t.config & !WRITABLE == 0) && s.config & !(ENABLE | LEGACY) == 0;
            if fits { Ok(()) } else { Err("a reserved bit is set") }
        })?;
        Ok(())
    }

    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        Some(self)
    }

    fn event(&mut self, token: u32, cx: &mut Cx<'_>) {
        let timer = token as usize;
        if timer >= TIMERS || !self.enabled() {
            return;
        }
        let counter = self.counter(cx.now());
        self.state.timers[timer].advance(counter);
        if self.state.timers[timer].config & LEVEL != 0 {
            self.state.status |= 1 << timer;
        }
        self.update(timer, true, cx);
        self.arm(timer, cx);
    }
}

// --- tests ---------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    const TIMER0: u64 = HPET_BASE + 0x100;
    const TIMER1: u64 = HPET_BASE + 0x120;

    fn bench() -> Bench {
        Bench::new(Hpet::new(HpetConfig::default()))
    }

    fn rises(b: &mut Bench, gsi: u8) -> Vec<u64> {
        b.edges(gsi).into_iter().filter(|edge| edge.1).map(|edge| edge.0).collect()
    }

    /// 2.3.4-2.3.7: capabilities, the counter and its halting.
    #[test]
    fn counter() {
        let mut b = bench();
        assert_eq!(b.read64(HPET_BASE), 10_000_000 << 32 | 0x8086_a201);
        b.advance(1000);
        assert_eq!(b.read64(HPET_BASE + 0xf0), 0);
        b.write64(HPET_BASE + 0xf0, 0xffff_fff0);
        b.write32(HPET_BASE + 0x10, 1);
        b.advance(1000);
        assert_eq!(b.read64(HPET_BASE + 0xf0), 0x1_0000_0054);
        assert_eq!(b.read32(HPET_BASE + 0xf4), 1);
        b.write64(HPET_BASE + 0xf0, 0);
        assert_eq!(b.read64(HPET_BASE + 0xf0), 0x1_0000_0054, "running");
        b.write32(HPET_BASE + 0x10, 0);
        b.advance(1000);
        assert_eq!(b.read64(HPET_BASE + 0xf0), 0x1_0000_0054);
    }

    /// 2.3.9.2.1: one-shot, edge, routed.
    #[test]
    fn one_shot() {
        let mut b = bench();
        b.write32(TIMER0, 20 << 9 | 4);
        b.write64(TIMER0 + 8, 100);
        b.write32(HPET_BASE + 0x10, 1);
        b.advance(5000);
        assert_eq!(rises(&mut b, 20), [1000]);
        b.write64(TIMER0 + 8, 700);
        b.advance(5000);
        assert_eq!(rises(&mut b, 20), [1000, 7000], "an edge again");
    }

    /// 2.3.9.2.2: periodic with the value-set bit, and legacy replacement (2.3.9.1).
    #[test]
    fn periodic_legacy() {
        let mut b = bench();
        b.write32(HPET_BASE + 0x10, 3);
        b.advance(500);
        b.write32(TIMER0, 0x14c);
        b.write32(TIMER0 + 8, 150);
        b.write32(TIMER0 + 8, 100);
        assert_eq!(b.read32(TIMER0) & 0x40, 0, "value-set clears itself");
        b.advance_to(4000);
        assert_eq!(rises(&mut b, 0), [1500, 2500, 3500]);
        b.write32(TIMER1, 4);
        b.write64(TIMER1 + 8, 450);
        b.advance_to(5000);
        assert_eq!(rises(&mut b, 8), [4500]);
        b.write32(HPET_BASE + 0x10, 0);
        assert!(!b.level(0));
        assert_eq!(b.board.fabric.events.next_at(), None);
    }

    /// 2.3.6: level interrupts stay until acknowledged.
    #[test]
    fn level() {
        let mut b = bench();
        b.write32(TIMER0, 21 << 9 | 6);
        b.write64(TIMER0 + 8, 10);
        b.write32(HPET_BASE + 0x10, 1);
        b.advance(200);
        assert_eq!((b.read32(HPET_BASE + 0x20), b.level(21)), (1, true));
        b.write32(HPET_BASE + 0x20, 1);
        assert_eq!((b.read32(HPET_BASE + 0x20), b.level(21)), (0, false));
    }

    /// 2.3.8: routes that do not exist are refused; capability bits are constant.
    #[test]
    fn routes() {
        let mut b = bench();
        b.write64(TIMER0, 22 << 9);
        b.write64(TIMER0, 5 << 9 | 4);
        assert_eq!(b.read64(TIMER0), 0x00f0_0000 << 32 | 22 << 9 | 0x34);
        assert_eq!(b.read32(HPET_BASE + 0x110), u32::MAX, "no FSB route");
        assert_eq!(b.read::<2>(HPET_BASE), [0xff; 2], "no 16-bit access");
    }

    /// 2.3.9.2.1: a 32-bit comparator matches again after the low half wraps.
    #[test]
    fn wraps_in_32_bit_mode() {
        let mut b = bench();
        b.write32(TIMER0, 20 << 9 | 0x104);
        b.write32(TIMER0 + 8, 5);
        b.write32(HPET_BASE + 0x10, 1);
        b.advance(100_000_000_000);
        assert_eq!(rises(&mut b, 20), [50, 50 + 10 * (1u64 << 32), 50 + 20 * (1u64 << 32)]);
    }

    #[test]
    fn a_restored_timer_goes_on() {
        let mut b = bench();
        b.write32(TIMER0, 20 << 9 | 4);
        b.write64(TIMER0 + 8, 100);
        b.write32(HPET_BASE + 0x10, 1);
        b.advance(500);
        b.save_and_restore();
        b.advance(500);
        assert_eq!(rises(&mut b, 20), [1000]);
    }
}
