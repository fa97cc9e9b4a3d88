//! The 8254 programmable interval timer, with the gate and speaker port of the PC.
//!
//! Sources: Intel 8254 data sheet (231164-005); for port 0x61, Intel 82371AB (PIIX4) data
//! sheet, "NMI Status and Control Register".
//!
//! Time is counted in pulses of the 1193182 Hz clock since power-on. A counter is not stepped
//! pulse by pulse: it is carried from one change of its OUT pin to the next.

use ringhold_emulator::bus::{AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Width};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// Clock pulses in a second.
pub const HZ: u64 = 1_193_182;

/// Half a period of the refresh toggle at port 0x61 bit 4: 18 pulses are 15.085 us.
const REFRESH_PULSES: u64 = 18;

/// What can be chosen about the timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PitConfig {
    /// The device's name.
    pub name: String,
}

impl Default for PitConfig {
    fn default() -> Self {
        Self { name: "pit".into() }
    }
}

/// Pulses that have come by `ns`.
fn pulses_at(ns: u64) -> u64 {
    (u128::from(ns) * u128::from(HZ) / 1_000_000_000) as u64
}

/// The first nanosecond at which pulse number `pulse` has come.
fn moment_of(pulse: u64) -> u64 {
    let ns = (u128::from(pulse) * 1_000_000_000).div_ceil(u128::from(HZ));
    u64::try_from(ns).unwrap_or(u64::MAX)
}

// --- model -------------------------------------------------------------------------------

/// Which byte of a two-byte count comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Half {
    Low,
    High,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    /// The low six bits of the control word: RW, mode, BCD.
    control: u8,
    /// Count register, as written.
    cr: u16,
    write_half: Half,
    read_half: Half,
    /// Output latch, if a latch command froze it.
    latch: Option<u16>,
    status: Option<u8>,
    null_count: bool,
    gate: bool,
    out: bool,
    /// The counting element in units of one, 0 to 65536. In mode 3: pulses left in this half period.
    ce: u32,
    /// In mode 3: this half period is the longer one of an odd count.
    odd_half: bool,
    /// A count came since the control word.
    written: bool,
    /// The next pulse loads the count.
    load: bool,
    /// CE holds a count that was loaded since the control word.
    loaded: bool,
    /// Modes 0, 1, 4, 5: the end of this count will change OUT.
    armed: bool,
    /// Mode 0: the first byte of a new count stopped the counting.
    held: bool,
}

impl Counter {
    /// The data sheet leaves the power-on state undefined; this one is quiet.
    fn new(gate: bool) -> Self {
        Self {
            control: 0x30,
            cr: 0,
            write_half: Half::Low,
            read_half: Half::Low,
            latch: None,
            status: None,
            null_count: true,
            gate,
            out: false,
            ce: 0,
            odd_half: false,
            written: false,
            load: false,
            loaded: false,
            armed: false,
            held: false,
        }
    }

    /// Modes 6 and 7 are 2 and 3 ("X10", "X11").
    fn mode(&self) -> u8 {
        match self.control >> 1 & 7 {
            6 => 2,
            7 => 3,
            mode => mode,
        }
    }

    fn rw(&self) -> u8 {
        self.control >> 4 & 3
    }

    fn modulus(&self) -> u32 {
        if self.control & 1 != 0 { 10_000 } else { 0x1_0000 }
    }

    /// CR as a number of pulses; zero is the largest count. A count of one is illegal in modes
    /// 2 and 3 and works as two here.
    fn count(&self) -> u32 {
        let cr = u32::from(self.cr);
        let value = if self.control & 1 == 0 {
            cr
        } else {
            (cr >> 12) * 1000 + (cr >> 8 & 15) * 100 + (cr >> 4 & 15) * 10 + (cr & 15)
        };
        match value % self.modulus() {
            0 => self.modulus(),
            1 if matches!(self.mode(), 2 | 3) => 2,
            n => n,
        }
    }

    /// CE as the guest reads it.
    fn element(&self) -> u16 {
        let units = match self.mode() {
            3 => 2 * self.ce.saturating_sub(self.odd_half.into()),
            _ => self.ce,
        };
        let n = units % self.modulus();
        if self.control & 1 == 0 {
            return n as u16;
        }
        (((n / 1000) << 12) | ((n / 100 % 10) << 8) | ((n / 10 % 10) << 4) | (n % 10)) as u16
    }

    fn is_counting(&self) -> bool {
        self.loaded && !self.held && (self.gate || matches!(self.mode(), 1 | 5))
    }

    fn is_strobing(&self) -> bool {
        matches!(self.mode(), 4 | 5) && !self.out
    }

    /// Pulses until the counter does something other than counting down, if it ever will.
    fn next(&self) -> Option<u64> {
        if self.load || self.is_strobing() {
            return Some(1);
        }
        if !self.is_counting() {
            return None;
        }
        let left = match self.mode() {
            2 if self.ce > 1 => self.ce - 1,
            2 => 1,
            3 => self.ce.max(1),
            _ if !self.armed => return None,
            _ => self.left(),
        };
        Some(left.into())
    }

    /// Pulses until CE is zero next.
    fn left(&self) -> u32 {
        if self.ce == 0 { self.modulus() } else { self.ce }
    }

    /// Lets at most [`Self::next`] pulses pass.
    fn step(&mut self, pulses: u64) {
        if pulses == 0 {
            return;
        }
        if self.is_strobing() {
            self.out = true;
        }
        if self.load {
            self.load_now();
            return;
        }
        if !self.is_counting() {
            return;
        }
        match self.mode() {
            2 if self.ce <= 1 => self.load_now(),
            2 => {
                self.ce = self.ce.saturating_sub(pulses as u32).max(1);
                self.out = self.ce != 1;
            }
            3 => {
                self.ce = self.ce.saturating_sub(pulses as u32);
                if self.ce == 0 {
                    self.half_period(!self.out);
                }
            }
            mode => {
                let ends = self.armed && pulses >= u64::from(self.left());
                let modulus = self.modulus();
                self.ce = (self.ce % modulus + modulus - (pulses % u64::from(modulus)) as u32) % modulus;
                if ends {
                    self.armed = false;
                    self.out = mode < 4;
                }
            }
        }
    }

    /// The pulse that moves CR to CE.
    fn load_now(&mut self) {
        self.load = false;
        self.loaded = true;
        self.armed = true;
        match self.mode() {
            3 => return self.half_period(true),
            1 => self.out = false,
            2 => self.out = true,
            _ => {}
        }
        self.ce = self.count();
        self.null_count = false;
    }

    /// Mode 3: a half period begins. Odd counts are high for one pulse more than low.
    fn half_period(&mut self, out: bool) {
        let n = self.count();
        self.out = out;
        self.odd_half = out && n % 2 == 1;
        self.ce = n / 2 + u32::from(self.odd_half);
        self.null_count = false;
    }

    /// Lets pulses pass, however many.
    fn run(&mut self, mut pulses: u64) {
        while pulses > 0 {
            let Some(next) = self.next() else { return self.step(pulses) };
            let step = next.min(pulses);
            let was = self.out;
            self.step(step);
            pulses -= step;
            // At the start of a whole period of modes 2 and 3 whole periods can be left out.
            if self.out && !was && matches!(self.mode(), 2 | 3) && !self.load {
                pulses %= u64::from(self.count());
            }
        }
    }

    fn set_control(&mut self, control: u8) {
        let gate = self.gate;
        *self = Self { control: control & 0x3f, ce: self.ce, cr: self.cr, ..Self::new(gate) };
        self.out = self.mode() != 0;
    }

    fn write(&mut self, value: u8) {
        let byte = u16::from(value);
        match (self.rw(), self.write_half) {
            (1, _) => self.cr = byte,
            (2, _) => self.cr = byte << 8,
            (_, Half::Low) => {
                self.cr = self.cr & 0xff00 | byte;
                self.write_half = Half::High;
                if self.mode() == 0 {
                    self.out = false;
                    self.held = true;
                    self.load = false;
                }
                return;
            }
            (_, Half::High) => {
                self.cr = self.cr & 0x00ff | byte << 8;
                self.write_half = Half::Low;
            }
        }
        self.null_count = true;
        self.held = false;
        match self.mode() {
            0 => {
                self.out = false;
                self.load = true;
            }
            4 => self.load = true,
            // A running cycle is finished first.
            2 | 3 => self.load |= !self.loaded,
            _ => {}
        }
        self.written = true;
    }

    fn set_gate(&mut self, gate: bool) {
        let rises = gate && !self.gate;
        self.gate = gate;
        match self.mode() {
            1 | 2 | 3 | 5 if rises && self.written => self.load = true,
            2 | 3 if !gate => self.out = true,
            _ => {}
        }
    }

    /// The next byte that a read of the counter gives.
    fn read(&mut self) -> u8 {
        if let Some(status) = self.status.take() {
            return status;
        }
        let value = self.latch.unwrap_or_else(|| self.element());
        let half = match self.rw() {
            1 => Half::Low,
            2 => Half::High,
            _ => self.read_half,
        };
        let last = self.rw() != 3 || half == Half::High;
        if last {
            self.latch = None;
        }
        self.read_half = if last { Half::Low } else { Half::High };
        value.to_le_bytes()[usize::from(half == Half::High)]
    }

    fn latch_count(&mut self) {
        if self.latch.is_none() {
            self.latch = Some(self.element());
        }
    }

    fn latch_status(&mut self) {
        let flags = u8::from(self.out) << 7 | u8::from(self.null_count) << 6;
        self.status.get_or_insert(flags | self.control);
    }

    fn check(&self) -> bool {
        self.control < 0x40 && self.ce <= 0x1_0000
    }
}

// --- saved state -------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    counters: [Counter; 3],
    /// The pulse up to which each counter was carried.
    pulses: [u64; 3],
    /// Port 0x61 bits 0 to 3: gate 2, speaker data, and two enables without effect.
    port61: u8,
    /// The level last given to the interrupt line.
    line: bool,
}

impl State {
    fn new(now: u64) -> Self {
        Self {
            counters: [Counter::new(true), Counter::new(true), Counter::new(false)],
            pulses: [pulses_at(now); 3],
            port61: 0,
            line: false,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.counters.iter().all(Counter::check) { Ok(()) } else { Err("a counter is out of range") }
    }
}

/// Three counters at ports 0x40 to 0x43 and port 0x61. OUT of counter 0 drives line 0.
pub struct Pit {
    config: PitConfig,
    state: State,
}

/// The one event: something happens in counter 0.
const COUNTER0: u32 = 0;

impl Pit {
    /// A timer whose counters were never programmed.
    pub fn new(config: PitConfig) -> Self {
        Self { config, state: State::new(0) }
    }

    /// Carries a counter to the present. Counter 0 shows each change of OUT on the way.
    fn sync(&mut self, n: usize, cx: &mut Cx<'_>) {
        let target = pulses_at(cx.now());
        let pulses = target.saturating_sub(self.state.pulses[n]);
        self.state.pulses[n] = target.max(self.state.pulses[n]);
        if n != 0 {
            return self.state.counters[n].run(pulses);
        }
        let mut left = pulses;
        while left > 0 {
            let step = self.state.counters[0].next().map_or(left, |next| next.min(left));
            self.state.counters[0].step(step);
            left -= step;
            self.show(cx);
        }
    }

    fn show(&mut self, cx: &mut Cx<'_>) {
        let out = self.state.counters[0].out;
        if out != self.state.line {
            self.state.line = out;
            cx.set_line(0, out);
        }
    }

    fn arm(&self, cx: &mut Cx<'_>) {
        match self.state.counters[0].next() {
            Some(next) => cx.schedule(COUNTER0, moment_of(self.state.pulses[0].saturating_add(next))),
            None => cx.cancel(COUNTER0),
        }
    }

    /// After counter 0 was touched.
    fn touched(&mut self, n: usize, cx: &mut Cx<'_>) {
        if n == 0 {
            self.show(cx);
            self.arm(cx);
        }
    }

    /// "Counter Latch Command", "Read-Back Command", or a new mode.
    fn control_word(&mut self, value: u8, cx: &mut Cx<'_>) {
        if value >> 6 == 3 {
            for n in (0..3).filter(|n| value & 2 << n != 0) {
                self.sync(n, cx);
                if value & 0x20 == 0 {
                    self.state.counters[n].latch_count();
                }
                if value & 0x10 == 0 {
                    self.state.counters[n].latch_status();
                }
                self.touched(n, cx);
            }
            return;
        }
        let n = usize::from(value >> 6);
        self.sync(n, cx);
        match value & 0x30 {
            0 => self.state.counters[n].latch_count(),
            _ => self.state.counters[n].set_control(value),
        }
        self.touched(n, cx);
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for Pit {
    fn identity(&self) -> Identity {
        let span = |first, count| PortRange { first, count, widest: Width::Byte };
        Identity {
            name: self.config.name.clone(),
            model: "8254 interval timer",
            ports: vec![span(0x40, 4), span(0x61, 1)],
            irqs: vec![0],
            ..Identity::default()
        }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        if self.state.line {
            cx.set_line(0, false);
        }
        cx.cancel(COUNTER0);
        self.state = State::new(cx.now());
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.state = saved::unpack(&self.config.name, state, State::check)?;
        Ok(())
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }

    fn event(&mut self, _token: u32, cx: &mut Cx<'_>) {
        self.sync(0, cx);
        self.arm(cx);
    }
}

impl PortDevice for Pit {
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        match port {
            0x40..=0x42 => {
                let n = usize::from(port - 0x40);
                self.sync(n, cx);
                let value = self.state.counters[n].read();
                self.touched(n, cx);
                Ok(value.into())
            }
            0x43 => Err(AccessError::Direction),
            0x61 => {
                self.sync(2, cx);
                let refresh = pulses_at(cx.now()) / REFRESH_PULSES % 2;
                let out2 = u32::from(self.state.counters[2].out);
                Ok(u32::from(self.state.port61) | (refresh as u32) << 4 | out2 << 5)
            }
            _ => Err(AccessError::NoRegister),
        }
    }

    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        let value = value as u8;
        match port {
            0x40..=0x42 => {
                let n = usize::from(port - 0x40);
                self.sync(n, cx);
                self.state.counters[n].write(value);
                self.touched(n, cx);
            }
            0x43 => self.control_word(value, cx),
            0x61 => {
                self.sync(2, cx);
                self.state.port61 = value & 0x0f;
                self.state.counters[2].set_gate(value & 1 != 0);
            }
            _ => return Err(AccessError::NoRegister),
        }
        Ok(())
    }

    fn register(&self, port: u16, write: bool) -> Option<&'static str> {
        Some(match port {
            0x40 => "COUNTER0",
            0x41 => "COUNTER1",
            0x42 => "COUNTER2",
            0x43 if write => "CONTROL",
            0x61 => "NMISC",
            _ => return None,
        })
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn bench() -> Bench {
        Bench::new(Pit::new(PitConfig::default()))
    }

    /// Lets `n` pulses pass.
    fn pulses(b: &mut Bench, n: u64) {
        let target = moment_of(pulses_at(b.now()) + n);
        b.advance_to(target);
    }

    fn program(b: &mut Bench, n: u8, mode: u8, count: u16) {
        b.out8(0x43, n << 6 | 0x30 | mode << 1);
        b.out8(0x40 + u16::from(n), count as u8);
        b.out8(0x40 + u16::from(n), (count >> 8) as u8);
    }

    fn count(b: &mut Bench, n: u8) -> u16 {
        b.out8(0x43, n << 6);
        let low = b.in8(0x40 + u16::from(n));
        u16::from_le_bytes([low, b.in8(0x40 + u16::from(n))])
    }

    /// OUT of a counter, by the read-back command.
    fn out(b: &mut Bench, n: u8) -> bool {
        b.out8(0x43, 0xe0 | 2 << n);
        b.in8(0x40 + u16::from(n)) & 0x80 != 0
    }

    /// The edges of line 0 in pulses since `from`.
    fn edges(b: &mut Bench, from: u64) -> Vec<(u64, bool)> {
        b.edges(0).into_iter().map(|(ns, level)| (pulses_at(ns) - from, level)).collect()
    }

    /// OUT of counter 2 over the next pulses, one character each.
    fn wave(b: &mut Bench, n: usize) -> String {
        let mut wave = String::new();
        for _ in 0..n {
            pulses(b, 1);
            wave.push(if b.in8(0x61) & 0x20 != 0 { '1' } else { '0' });
        }
        wave
    }

    /// The same with the count behind each pulse.
    fn values(b: &mut Bench, n: usize) -> Vec<u16> {
        (0..n)
            .map(|_| {
                pulses(b, 1);
                count(b, 2)
            })
            .collect()
    }

    /// Figure 15 of the data sheet: OUT rises N+1 pulses after the count is written, and the
    /// count goes on from FFFF.
    #[test]
    fn mode_0() {
        let mut b = bench();
        pulses(&mut b, 100);
        program(&mut b, 0, 0, 4);
        pulses(&mut b, 70_000);
        assert_eq!(edges(&mut b, 100), [(5, true)]);
        b.out8(0x61, 1);
        program(&mut b, 2, 0, 4);
        assert_eq!(values(&mut b, 7), [4, 3, 2, 1, 0, 0xffff, 0xfffe]);
        program(&mut b, 2, 0, 3);
        assert_eq!(wave(&mut b, 3), "000");
        b.out8(0x61, 0);
        assert_eq!(wave(&mut b, 3), "000");
        b.out8(0x61, 1);
        assert_eq!(wave(&mut b, 3), "111");
    }

    /// "Mode 0": the first byte of a new count stops counting and lowers OUT.
    #[test]
    fn mode_0_first_byte() {
        let mut b = bench();
        program(&mut b, 0, 0, 2);
        pulses(&mut b, 10);
        assert!(b.level(0));
        b.out8(0x40, 5);
        assert!(!b.level(0));
        pulses(&mut b, 10);
        let held = count(&mut b, 0);
        pulses(&mut b, 10);
        assert_eq!(count(&mut b, 0), held);
        b.out8(0x40, 0);
        pulses(&mut b, 5);
        assert!(!b.level(0));
        pulses(&mut b, 1);
        assert!(b.level(0));
    }

    /// Figure 16: a one-shot of N pulses that begins one pulse after the trigger; retriggerable.
    #[test]
    fn mode_1() {
        let mut b = bench();
        program(&mut b, 2, 1, 3);
        assert_eq!(wave(&mut b, 4), "1111");
        b.out8(0x61, 1);
        assert_eq!(wave(&mut b, 5), "00011");
        b.out8(0x61, 0);
        b.out8(0x61, 1);
        assert_eq!(wave(&mut b, 2), "00");
        b.out8(0x61, 0);
        b.out8(0x61, 1);
        assert_eq!(wave(&mut b, 5), "00011");
    }

    /// Figure 17: OUT is low for the pulse in which the count is one, and falls N pulses after
    /// the count is written.
    #[test]
    fn mode_2() {
        let mut b = bench();
        b.out8(0x61, 1);
        program(&mut b, 2, 2, 3);
        assert_eq!(wave(&mut b, 8), "11011011");
        program(&mut b, 2, 2, 3);
        assert_eq!(values(&mut b, 7), [3, 2, 1, 3, 2, 1, 3]);
        // A new count waits for the end of the cycle.
        b.out8(0x42, 5);
        b.out8(0x42, 0);
        assert_eq!(values(&mut b, 7), [2, 1, 5, 4, 3, 2, 1]);
        // The gate raises OUT at once, and a trigger starts over.
        assert!(!out(&mut b, 2));
        b.out8(0x61, 0);
        assert!(out(&mut b, 2));
        assert_eq!(wave(&mut b, 3), "111");
        b.out8(0x61, 1);
        assert_eq!(values(&mut b, 3), [5, 4, 3]);
    }

    /// Figure 18, even and odd counts, and the values in between.
    #[test]
    fn mode_3() {
        let mut b = bench();
        b.out8(0x61, 1);
        program(&mut b, 2, 3, 4);
        assert_eq!(wave(&mut b, 9), "110011001");
        program(&mut b, 2, 3, 5);
        assert_eq!(wave(&mut b, 11), "11100111001");
        program(&mut b, 2, 3, 4);
        assert_eq!(values(&mut b, 5), [4, 2, 4, 2, 4]);
        program(&mut b, 2, 3, 5);
        assert_eq!(values(&mut b, 7), [4, 2, 0, 4, 2, 4, 2]);
    }

    /// Figures 19 and 20: a strobe of one pulse, N+1 pulses after the write or the trigger, once.
    #[test]
    fn modes_4_and_5() {
        let mut b = bench();
        b.out8(0x61, 1);
        program(&mut b, 2, 4, 3);
        assert_eq!(wave(&mut b, 6), "111011");
        pulses(&mut b, 65_530);
        assert_eq!(wave(&mut b, 8), "11111111");
        b.out8(0x61, 0);
        program(&mut b, 2, 5, 3);
        assert_eq!(wave(&mut b, 6), "111111");
        b.out8(0x61, 1);
        assert_eq!(wave(&mut b, 6), "111011");
    }

    /// Periodic interrupts neither drift nor lose edges: 1193182 pulses are a second exactly.
    #[test]
    fn line_0_keeps_time() {
        let mut b = bench();
        program(&mut b, 0, 2, 0x7a5e);
        b.advance(10_000_000_000);
        let edges = edges(&mut b, 0);
        let rises: Vec<u64> = edges.iter().filter(|e| e.1).map(|e| e.0).skip(1).collect();
        assert_eq!(rises.len() as u64, (10 * HZ - 1) / 0x7a5e);
        assert!(rises.iter().zip(1..).all(|(at, n)| *at == 1 + n * 0x7a5e));
        let falls: Vec<u64> = edges.iter().filter(|e| !e.1).map(|e| e.0).collect();
        assert!(falls.iter().zip(&rises).all(|(fall, rise)| fall + 1 == *rise));
    }

    /// "Read-Back Command": status before count, both latched at one moment; null count.
    #[test]
    fn read_back_and_latches() {
        let mut b = bench();
        program(&mut b, 0, 2, 1000);
        b.out8(0x43, 0xe2);
        assert_eq!(b.in8(0x40), 0xf4, "OUT high, not loaded yet");
        pulses(&mut b, 1);
        b.out8(0x43, 0xc2);
        pulses(&mut b, 500);
        b.out8(0x43, 0x00);
        assert_eq!(b.in8(0x40), 0xb4);
        assert_eq!(u16::from_le_bytes([b.in8(0x40), b.in8(0x40)]), 1000, "a second latch is ignored");
        assert_eq!(count(&mut b, 0), 500);
        assert_eq!(b.in8(0x43), 0xff);
    }

    /// "Write Operations": one-byte counts, BCD, and zero as the largest count.
    #[test]
    fn formats() {
        let mut b = bench();
        b.out8(0x43, 0x14);
        b.out8(0x40, 0x80);
        pulses(&mut b, 2);
        assert_eq!(b.in8(0x40), 0x7f);
        b.out8(0x43, 0x24);
        b.out8(0x40, 0x12);
        pulses(&mut b, 1);
        assert_eq!(b.in8(0x40), 0x12);
        b.out8(0x43, 0x35);
        b.out8(0x40, 0);
        b.out8(0x40, 0);
        pulses(&mut b, 2);
        assert_eq!(count(&mut b, 0), 0x9999);
        b.out8(0x43, 0x31);
        b.out8(0x40, 0x00);
        b.out8(0x40, 0x10);
        pulses(&mut b, 2);
        assert_eq!(count(&mut b, 0), 0x0999);
        pulses(&mut b, 1000);
        assert_eq!(count(&mut b, 0), 0x9999);
    }

    /// Counters without events may be left alone for long.
    #[test]
    fn whole_periods_are_left_out_exactly() {
        for (mode, n) in [(2, 2), (2, 7), (3, 2), (3, 7), (3, 10), (2, 1), (3, 1)] {
            let mut b = bench();
            b.out8(0x61, 1);
            program(&mut b, 2, mode, n);
            let mut counter = Counter { control: 0x30 | (mode << 1), cr: n, out: true, ..Counter::new(true) };
            counter.load = true;
            for _ in 0..1000 {
                counter.step(1);
            }
            pulses(&mut b, 1000);
            assert_eq!((count(&mut b, 2), out(&mut b, 2)), (counter.element(), counter.out), "{mode} {n}");
        }
    }

    /// PIIX4, port 0x61 bit 4.
    #[test]
    fn refresh_toggles() {
        let mut b = bench();
        let bits: Vec<u8> = (0..4)
            .map(|i| {
                b.advance_to(15_086 * i);
                b.in8(0x61) >> 4 & 1
            })
            .collect();
        assert_eq!(bits, [0, 1, 0, 1]);
    }
}
