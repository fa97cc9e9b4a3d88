//! The MC146818 real-time clock with 128 bytes of CMOS memory.
//!
//! Sources: Motorola MC146818 data sheet; Dallas DS12887 for the 500 ms after a divider reset,
//! DS12C887 for the century; Intel 82371AB (PIIX4) for ports 0x70 and 0x71.
//!
//! The date comes from the configuration and moves with virtual time; no host clock is read.

use std::collections::BTreeMap;

use ringhold_emulator::bus::{AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Width};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// The date at power-on and the contents of the CMOS memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RtcConfig {
    /// The device's name.
    pub name: String,
    /// The date at power-on in seconds since 1970-01-01 00:00 UTC.
    pub epoch: u64,
    /// Bytes of RAM below 640 KiB, told in 0x15-0x16.
    pub base_memory: u64,
    /// Bytes of RAM below 4 GiB including the first MiB, told in 0x17-0x18, 0x30-0x31 and 0x34-0x35.
    pub low_memory: u64,
    /// Bytes of RAM above 4 GiB, told in 0x5b-0x5d.
    pub high_memory: u64,
    /// Further contents: index (0x0e to 0x7f) and value. Others are ignored.
    pub cmos: BTreeMap<u8, u8>,
}

impl Default for RtcConfig {
    fn default() -> Self {
        Self {
            name: "rtc".into(),
            // 2025-01-01 00:00:00, a Wednesday
            epoch: 1_735_689_600,
            base_memory: 640 << 10,
            low_memory: 0,
            high_memory: 0,
            cmos: BTreeMap::new(),
        }
    }
}

// --- model -------------------------------------------------------------------------------

const SECOND: u64 = 1_000_000_000;
/// From UIP going high to the end of the update cycle at a 32.768 kHz time base: 244 us
/// before it and the 1984 us that it takes (table 6, "Update Cycle Times").
const UPDATE_NS: u64 = 2_228_000;
const DIVIDER_RESET_NS: u64 = 500_000_000;

const SECONDS: usize = 0x00;
const MINUTES: usize = 0x02;
const HOURS: usize = 0x04;
const DAY: usize = 0x06;
const DATE: usize = 0x07;
const MONTH: usize = 0x08;
const YEAR: usize = 0x09;
const REG_A: usize = 0x0a;
const REG_B: usize = 0x0b;
const REG_C: usize = 0x0c;
const REG_D: usize = 0x0d;
const CENTURY: usize = 0x32;

const A_UIP: u8 = 0x80;
const B_SET: u8 = 0x80;
const B_PIE: u8 = 0x40;
const B_AIE: u8 = 0x20;
const B_UIE: u8 = 0x10;
const B_SQWE: u8 = 0x08;
const B_BINARY: u8 = 0x04;
const B_24H: u8 = 0x02;
const C_IRQF: u8 = 0x80;
const C_PF: u8 = 0x40;
const C_AF: u8 = 0x20;
const C_UF: u8 = 0x10;
const D_VRT: u8 = 0x80;

fn to_bcd(n: u8) -> u8 {
    ((n / 10 % 10) << 4) | (n % 10)
}

/// Year, month and day of the month, `days` after 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u8, u8) {
    // Years that begin in March make the leap day the last of a year; 0000-03-01 was 719468 days
    // before 1970, and 146097 days are 400 years.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
    let month = (if mp < 10 { mp + 3 } else { mp - 9 }) as u8;
    (yoe + era * 400 + u64::from(month <= 2), month, day)
}

// --- saved state -------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// 128 bytes: time, alarms, registers A to D, and memory.
    ram: Vec<u8>,
    /// What was written to port 0x70: index, and the NMI mask in bit 7, which masks nothing.
    index: u8,
    /// The moment of a second's beginning from which the divider chain counts; may be before 0.
    origin: i64,
    /// The moment up to which everything was carried.
    synced: u64,
    line: bool,
}

impl State {
    fn new(config: &RtcConfig) -> Self {
        let mut ram = vec![0; 128];
        let days = config.epoch / 86_400;
        let (year, month, date) = civil(days);
        let second = config.epoch % 86_400;
        let fields = [
            (SECONDS, second % 60),
            (MINUTES, second / 60 % 60),
            (HOURS, second / 3600),
            (DAY, (days + 4) % 7 + 1),
            (DATE, date.into()),
            (MONTH, month.into()),
            (YEAR, year % 100),
            (CENTURY, year / 100 % 100),
        ];
        for (register, value) in fields {
            ram[register] = to_bcd(value as u8);
        }
        ram[REG_A] = 0x26;
        ram[REG_B] = B_24H;

        let kib = |bytes: u64| (bytes >> 10).min(0xffff).to_le_bytes();
        let above = |start: u64, unit: u32| (config.low_memory.saturating_sub(start) >> unit).min(0xffff);
        let extended = above(1 << 20, 10).to_le_bytes();
        let chunks = above(16 << 20, 16).to_le_bytes();
        let high = (config.high_memory >> 16).min(0xff_ffff).to_le_bytes();
        // Equipment: an FPU and a PS/2 mouse.
        ram[0x14] = 0x06;
        ram[0x15..0x17].copy_from_slice(&kib(config.base_memory)[..2]);
        ram[0x17..0x19].copy_from_slice(&extended[..2]);
        ram[0x30..0x32].copy_from_slice(&extended[..2]);
        ram[0x34..0x36].copy_from_slice(&chunks[..2]);
        ram[0x5b..0x5e].copy_from_slice(&high[..3]);
        // The IBM AT's checksum over 0x10 to 0x2d, high byte first.
        let configured = config.cmos.range(0x0e..0x80);
        configured.clone().for_each(|(index, value)| ram[usize::from(*index)] = *value);
        let sum: u16 = ram[0x10..0x2e].iter().map(|byte| u16::from(*byte)).sum();
        ram[0x2e..0x30].copy_from_slice(&sum.to_be_bytes());
        configured.for_each(|(index, value)| ram[usize::from(*index)] = *value);
        Self { ram, index: 0, origin: 0, synced: 0, line: false }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.ram.len() == 128 { Ok(()) } else { Err("the memory does not have 128 bytes") }
    }

    fn get(&self, register: usize) -> u8 {
        let raw = self.ram[register];
        if self.ram[REG_B] & B_BINARY != 0 { raw } else { (raw >> 4).wrapping_mul(10).wrapping_add(raw & 15) }
    }

    fn set(&mut self, register: usize, value: u8) {
        self.ram[register] = if self.ram[REG_B] & B_BINARY != 0 { value } else { to_bcd(value) };
    }

    /// The divider chain runs at 32.768 kHz with DV = 010 only ("Register A").
    fn is_running(&self) -> bool {
        self.ram[REG_A] & 0x70 == 0x20
    }

    /// The periodic rate in Hz (table 5, "Periodic Interrupt Rate"); 0 for none.
    fn rate(&self) -> u64 {
        match self.ram[REG_A] & 0x0f {
            0 => 0,
            1 => 256,
            2 => 128,
            rs => 32_768 >> (rs - 1),
        }
    }

    /// Nanoseconds on the divider chain.
    fn elapsed(&self, now: u64) -> u64 {
        u64::try_from(i128::from(now) - i128::from(self.origin)).unwrap_or(0)
    }

    /// How often something of `hz` has happened on the chain by `now`.
    fn times(&self, hz: u64, now: u64) -> u64 {
        (u128::from(self.elapsed(now)) * u128::from(hz) / u128::from(SECOND)) as u64
    }

    /// When something of `hz` happens next after `now`.
    fn next(&self, hz: u64, now: u64) -> u64 {
        let at = (u128::from(self.times(hz, now)) + 1) * u128::from(SECOND);
        u64::try_from(at.div_ceil(u128::from(hz)) as i128 + i128::from(self.origin)).unwrap_or(u64::MAX)
    }

    fn sync(&mut self, now: u64) {
        if now <= self.synced {
            return;
        }
        if self.is_running() {
            if self.times(self.rate(), now) != self.times(self.rate(), self.synced) {
                self.ram[REG_C] |= C_PF;
            }
            if self.ram[REG_B] & B_SET == 0 {
                for _ in self.times(1, self.synced)..self.times(1, now) {
                    self.update();
                }
            }
        }
        self.synced = now;
    }

    /// The update cycle ("Update Cycle").
    fn update(&mut self) {
        self.advance_second();
        self.ram[REG_C] |= C_UF;
        // An alarm byte from 0xc0 on matches always ("Time, Calendar and Alarm Locations").
        let matches = |register: usize| {
            let alarm = self.ram[register + 1];
            alarm >= 0xc0 || alarm == self.ram[register]
        };
        if [SECONDS, MINUTES, HOURS].into_iter().all(matches) {
            self.ram[REG_C] |= C_AF;
        }
    }

    /// Counts a register up to `limit`; true when it begins anew at `first`.
    fn count(&mut self, register: usize, first: u8, limit: u8) -> bool {
        let next = self.get(register).saturating_add(1);
        let wraps = next > limit;
        self.set(register, if wraps { first } else { next });
        wraps
    }

    fn advance_second(&mut self) {
        if !self.count(SECONDS, 0, 59) || !self.count(MINUTES, 0, 59) || !self.advance_hour() {
            return;
        }
        self.count(DAY, 1, 7);
        let days = match self.get(MONTH) {
            2 if self.get(YEAR).is_multiple_of(4) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if self.count(DATE, 1, days) && self.count(MONTH, 1, 12) && self.count(YEAR, 0, 99) {
            let binary = self.ram[REG_B] & B_BINARY != 0;
            let old = self.ram[CENTURY];
            self.ram[CENTURY] = match () {
                () if binary => old.wrapping_add(1),
                () if old == 0x99 => 0,
                () if old & 15 == 9 => (old & 0xf0).wrapping_add(0x10),
                () => old.wrapping_add(1),
            };
        }
    }

    /// True at midnight. In 12-hour form bit 7 is PM, and 12 stands for 0.
    fn advance_hour(&mut self) -> bool {
        if self.ram[REG_B] & B_24H != 0 {
            return self.count(HOURS, 0, 23);
        }
        let pm = self.ram[HOURS] & 0x80;
        self.ram[HOURS] &= 0x7f;
        self.count(HOURS, 1, 12);
        let flips = self.get(HOURS) == 12;
        self.ram[HOURS] |= if flips { pm ^ 0x80 } else { pm };
        flips && pm != 0
    }

    fn irqf(&self) -> bool {
        self.ram[REG_B] & self.ram[REG_C] & (C_PF | C_AF | C_UF) != 0
    }

    fn read(&mut self, now: u64) -> u8 {
        let index = usize::from(self.index & 0x7f);
        match index {
            REG_A => {
                let last = self.elapsed(now) % SECOND >= SECOND - UPDATE_NS;
                let updates = last && self.is_running() && self.ram[REG_B] & B_SET == 0;
                self.ram[REG_A] | if updates { A_UIP } else { 0 }
            }
            REG_C => {
                let irqf = if self.irqf() { C_IRQF } else { 0 };
                std::mem::take(&mut self.ram[REG_C]) | irqf
            }
            REG_D => D_VRT,
            _ => self.ram[index],
        }
    }

    fn write(&mut self, value: u8, now: u64) {
        let index = usize::from(self.index & 0x7f);
        match index {
            REG_A => {
                let ran = self.is_running();
                self.ram[REG_A] = value & !A_UIP;
                if !ran && self.is_running() {
                    self.origin = i64::try_from(i128::from(now) - i128::from(SECOND - DIVIDER_RESET_NS))
                        .unwrap_or(i64::MAX);
                }
            }
            // "SET": the update-ended interrupt enable is cleared with it.
            REG_B => self.ram[REG_B] = if value & B_SET != 0 { value & !B_UIE } else { value },
            REG_C | REG_D => {}
            _ => self.ram[index] = value,
        }
    }

    /// When an enabled interrupt may come next.
    fn deadline(&self) -> Option<u64> {
        if !self.is_running() {
            return None;
        }
        let wanted = self.ram[REG_B] & !self.ram[REG_C];
        let periodic = wanted & B_PIE != 0 && self.rate() != 0;
        let updates = wanted & (B_AIE | B_UIE) != 0 && self.ram[REG_B] & B_SET == 0;
        let periodic = periodic.then(|| self.next(self.rate(), self.synced));
        let update = updates.then(|| self.next(1, self.synced));
        periodic.into_iter().chain(update).min()
    }
}

/// The clock at ports 0x70 and 0x71, on interrupt line 8.
///
/// Daylight saving (DSE) and the square wave are stored and have no effect.
pub struct Rtc {
    config: RtcConfig,
    state: State,
}

const EVENT: u32 = 0;
const GSI: u8 = 8;

impl Rtc {
    /// A clock that shows the configured date at virtual time zero.
    pub fn new(config: RtcConfig) -> Self {
        let state = State::new(&config);
        Self { config, state }
    }

    fn settle(&mut self, cx: &mut Cx<'_>) {
        let irqf = self.state.irqf();
        if irqf != self.state.line {
            self.state.line = irqf;
            cx.set_line(GSI, irqf);
        }
        match self.state.deadline() {
            Some(at) => cx.schedule(EVENT, at),
            None => cx.cancel(EVENT),
        }
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for Rtc {
    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            model: "MC146818 real-time clock",
            ports: vec![PortRange { first: 0x70, count: 2, widest: Width::Byte }],
            irqs: vec![GSI],
            ..Identity::default()
        }
    }

    /// "RESET": time, calendar and memory live on the battery.
    fn reset(&mut self, cx: &mut Cx<'_>) {
        self.state.sync(cx.now());
        self.state.ram[REG_B] &= !(B_PIE | B_AIE | B_UIE | B_SQWE);
        self.state.ram[REG_C] = 0;
        self.state.index = 0;
        self.settle(cx);
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
        self.state.sync(cx.now());
        self.settle(cx);
    }
}

impl PortDevice for Rtc {
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        match port {
            0x70 => Err(AccessError::Direction),
            0x71 => {
                self.state.sync(cx.now());
                let value = self.state.read(cx.now());
                self.settle(cx);
                Ok(value.into())
            }
            _ => Err(AccessError::NoRegister),
        }
    }

    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        match port {
            0x70 => self.state.index = value as u8,
            0x71 => {
                self.state.sync(cx.now());
                self.state.write(value as u8, cx.now());
                self.settle(cx);
            }
            _ => return Err(AccessError::NoRegister),
        }
        Ok(())
    }

    fn register(&self, port: u16, write: bool) -> Option<&'static str> {
        const NAMES: [&str; 14] = [
            "SECONDS",
            "SECONDS ALARM",
            "MINUTES",
            "MINUTES ALARM",
            "HOURS",
            "HOURS ALARM",
            "DAY OF WEEK",
            "DATE OF MONTH",
            "MONTH",
            "YEAR",
            "REGISTER A",
            "REGISTER B",
            "REGISTER C",
            "REGISTER D",
        ];
        match port {
            0x70 if write => Some("INDEX"),
            0x71 => match usize::from(self.state.index & 0x7f) {
                CENTURY => Some("CENTURY"),
                index => Some(NAMES.get(index).copied().unwrap_or("CMOS")),
            },
            _ => None,
        }
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn at(epoch: u64) -> Bench {
        Bench::new(Rtc::new(RtcConfig { epoch, ..RtcConfig::default() }))
    }

    fn get(b: &mut Bench, index: usize) -> u8 {
        b.out8(0x70, index as u8);
        b.in8(0x71)
    }

    fn set(b: &mut Bench, index: usize, value: u8) {
        b.out8(0x70, index as u8 | 0x80);
        b.out8(0x71, value);
    }

    fn date(b: &mut Bench) -> String {
        let mut hex = |index| format!("{:02x}", get(b, index));
        let (c, y, m, d) = (hex(CENTURY), hex(YEAR), hex(MONTH), hex(DATE));
        format!("{c}{y}-{m}-{d} {}:{}:{} day {}", hex(HOURS), hex(MINUTES), hex(SECONDS), hex(DAY))
    }

    /// "Time, Calendar and Alarm Locations"; dates known from `date -u -d @...`.
    #[test]
    fn the_calendar_turns() {
        for (epoch, before, after) in [
            (1_735_689_599, "2024-12-31 23:59:59 day 03", "2025-01-01 00:00:00 day 04"),
            (1_709_164_799, "2024-02-28 23:59:59 day 04", "2024-02-29 00:00:00 day 05"),
            (946_684_799, "1999-12-31 23:59:59 day 06", "2000-01-01 00:00:00 day 07"),
            (1_682_899_199, "2023-04-30 23:59:59 day 01", "2023-05-01 00:00:00 day 02"),
        ] {
            let mut b = at(epoch);
            b.advance(999_999_999);
            assert_eq!(date(&mut b), before);
            b.advance(1);
            assert_eq!(date(&mut b), after);
        }
    }

    /// "Register B", DM and 24/12.
    #[test]
    fn twelve_hours_and_binary() {
        let mut b = at(0);
        for (mode, hours, next) in [
            (0x00, 0x12, 0x01),
            (0x00, 0x11, 0x92),
            (0x00, 0x92, 0x81),
            (0x00, 0x91, 0x12),
            (0x04, 11, 0x8c),
            (0x04, 0x8b, 12),
            (0x06, 23, 0),
            (0x02, 0x19, 0x20),
        ] {
            set(&mut b, REG_B, mode);
            set(&mut b, SECONDS, if mode & 4 != 0 { 59 } else { 0x59 });
            set(&mut b, MINUTES, if mode & 4 != 0 { 59 } else { 0x59 });
            set(&mut b, HOURS, hours);
            b.advance(SECOND);
            assert_eq!(get(&mut b, HOURS), next, "{mode:#x} {hours:#x}");
        }
    }

    /// "Update Cycle": UIP is high for 2228 us up to the update; SET stops it all.
    #[test]
    fn update_in_progress() {
        let mut b = at(0);
        b.advance_to(SECOND - UPDATE_NS - 1);
        assert_eq!(get(&mut b, REG_A), 0x26);
        b.advance(1);
        assert_eq!(get(&mut b, REG_A), 0xa6);
        b.advance_to(SECOND);
        assert_eq!(get(&mut b, REG_A), 0x26);
        assert_eq!(get(&mut b, REG_C), C_PF | C_UF);
        set(&mut b, REG_B, B_SET | B_UIE | B_24H);
        assert_eq!(get(&mut b, REG_B), B_SET | B_24H);
        b.advance(5 * SECOND);
        assert_eq!(get(&mut b, SECONDS), 1);
    }

    /// "Interrupts": flags rise whether enabled or not, reading C clears, line 8 follows IRQF.
    #[test]
    fn interrupts() {
        let mut b = at(0);
        set(&mut b, 1, 0x02);
        set(&mut b, 3, 0xff);
        set(&mut b, 5, 0xc0);
        get(&mut b, REG_C);
        set(&mut b, REG_B, B_AIE | B_24H);
        b.advance_to(10 * SECOND);
        assert_eq!(b.edges(8), [(2 * SECOND, true)]);
        assert_eq!(get(&mut b, REG_C), C_IRQF | C_PF | C_AF | C_UF);
        assert_eq!(get(&mut b, REG_C), 0);
        assert!(!b.level(8));
        set(&mut b, REG_B, B_UIE | B_24H);
        b.advance(SECOND);
        assert_eq!(b.edges(8).last(), Some(&(11 * SECOND, true)));
        b.board.reset();
        assert!(!b.level(8));
        assert_eq!(get(&mut b, REG_B), B_24H);
    }

    /// Table 5: 1024 Hz, without drift.
    #[test]
    fn periodic_interrupt() {
        let mut b = at(0);
        set(&mut b, REG_B, B_PIE | B_24H);
        let mut ticks = 0;
        while b.now() < SECOND {
            let next = b.board.fabric.events.next_at().unwrap();
            b.advance_to(next);
            ticks += 1;
            assert_eq!(b.now(), (ticks * SECOND).div_ceil(1024));
            assert_eq!(get(&mut b, REG_C) & C_IRQF, C_IRQF);
        }
        assert_eq!(ticks, 1024);
    }

    /// DS12887, "Oscillator Control Bits": the first update comes 500 ms after the reset ends.
    #[test]
    fn divider_reset() {
        let mut b = at(0);
        set(&mut b, REG_A, 0x76);
        b.advance(10 * SECOND);
        assert_eq!(get(&mut b, SECONDS), 0);
        set(&mut b, REG_A, 0x26);
        b.advance(SECOND / 2 - 1);
        assert_eq!(get(&mut b, SECONDS), 0);
        b.advance(1);
        assert_eq!(get(&mut b, SECONDS), 1);
    }

    /// The sizes that firmware looks for, and the checksum of the IBM AT.
    #[test]
    fn memory_sizes() {
        let cmos = BTreeMap::from([(0x38, 0x20), (0x05, 0x99)]);
        let config = RtcConfig { low_memory: 3 << 30, high_memory: 5 << 30, cmos, ..RtcConfig::default() };
        let mut b = Bench::new(Rtc::new(config));
        let mut word = |low| u16::from_le_bytes([get(&mut b, low), get(&mut b, low + 1)]);
        assert_eq!((word(0x15), word(0x17), word(0x30)), (640, 0xffff, 0xffff));
        assert_eq!(word(0x34), (((3 << 30) - (16 << 20)) >> 16) as u16);
        assert_eq!((word(0x5b), get(&mut b, 0x5d)), (0x4000, 1));
        assert_eq!((get(&mut b, 0x38), get(&mut b, 0x05)), (0x20, 0));
        let sum: u16 = (0x10..0x2e).map(|i| u16::from(get(&mut b, i))).sum();
        assert_eq!(sum, u16::from_be_bytes([get(&mut b, 0x2e), get(&mut b, 0x2f)]));
        assert_eq!(get(&mut b, REG_D), D_VRT);
        assert_eq!(b.in8(0x70), 0xff);
    }
}
