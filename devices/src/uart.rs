//! The 16550A UART of a serial port.
//!
//! Source: National Semiconductor PC16550D data sheet (RRD-B30M75), section 8 "Registers" and
//! "FIFO Interrupt Mode Operation".
//!
//! Characters take the time that divisor and word length say. The other end of the line is the
//! host: what the guest sends is emitted when it has left the shift register; what the host
//! sends waits outside until there is room, so the host never causes an overrun.

use std::collections::VecDeque;

use ringhold_emulator::bus::{AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Width};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// Which serial port it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UartConfig {
    /// The device's name.
    pub name: String,
    /// The first of its eight ports.
    pub base: u16,
    /// Its interrupt line.
    pub gsi: u8,
    /// Hz of its crystal. PCs have 1843200, which makes divisor 1 mean 115200 baud. A faster one
    /// makes a faster line at the same divisor: guests that poll it waste fewer instructions.
    pub clock_hz: u64,
}

/// The crystal of a PC's serial ports.
const PC_CLOCK_HZ: u64 = 1_843_200;

impl Default for UartConfig {
    fn default() -> Self {
        Self::com(1)
    }
}

impl UartConfig {
    /// `com1` to `com4` where PCs have them; other numbers count as 1.
    pub fn com(number: u8) -> Self {
        let (base, gsi) = match number {
            2 => (0x2f8, 3),
            3 => (0x3e8, 4),
            4 => (0x2e8, 3),
            _ => (0x3f8, 4),
        };
        let number = if (1..=4).contains(&number) { number } else { 1 };
        Self { name: format!("com{number}"), base, gsi, clock_hz: PC_CLOCK_HZ }
    }
}

// --- model -------------------------------------------------------------------------------

const FIFO: usize = 16;
/// Half a bit at divisor 1 is 8 cycles of the crystal: this over its Hz, in nanoseconds.
const HALF_BIT: u64 = 8_000_000_000;

const IER_RDA: u8 = 0x01;
const IER_THRE: u8 = 0x02;
const IER_LINE: u8 = 0x04;
const IER_MODEM: u8 = 0x08;
const LCR_BREAK: u8 = 0x40;
const LCR_DLAB: u8 = 0x80;
const MCR_OUT2: u8 = 0x08;
const MCR_LOOP: u8 = 0x10;
const LSR_DR: u8 = 0x01;
const LSR_OE: u8 = 0x02;
const LSR_FE: u8 = 0x08;
const LSR_BI: u8 = 0x10;
const LSR_ERRORS: u8 = 0x1e;
const LSR_THRE: u8 = 0x20;
const LSR_TEMT: u8 = 0x40;
const LSR_FIFO_ERROR: u8 = 0x80;
/// CTS, DSR and DCD: the host is there and ready.
const HOST_MODEM: u8 = 0xb0;

/// A received character and the LSR bits that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Received {
    byte: u8,
    errors: u8,
}

/// What waits for its moment; of equal moments the first variant comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Transmitted,
    Arrived,
    Timeout,
    Empty,
    Break,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    ier: u8,
    /// FCR bits 0, 3, 6 and 7.
    fcr: u8,
    lcr: u8,
    mcr: u8,
    /// LSR bits 1 to 4; the others are computed.
    line_errors: u8,
    /// MSR bits 0 to 3.
    modem_deltas: u8,
    /// MSR bits 4 to 7.
    modem: u8,
    scr: u8,
    divisor: u16,
    /// The last byte read from RBR.
    rbr: u8,
    receive: VecDeque<Received>,
    transmit: VecDeque<u8>,
    clock_hz: u64,
    /// The byte in the transmitter's shift register.
    shift: Option<u8>,
    /// A THRE interrupt is pending (if enabled).
    thre: bool,
    /// Two bytes were in the transmit FIFO at once since THRE was set last.
    had_two: bool,
    /// The first empty indication after FIFOs were switched on comes at once.
    at_once: bool,
    /// The receive FIFO was left alone for four characters.
    timeout: bool,
    /// From outside, not on the line yet.
    backlog: VecDeque<u8>,
    transmitted_at: Option<u64>,
    arrived_at: Option<u64>,
    timeout_at: Option<u64>,
    empty_at: Option<u64>,
    break_at: Option<u64>,
    line: bool,
}

impl State {
    /// "Table I. UART Reset Configuration". The divisor is not reset there; 1 is 115200 baud.
    fn new(clock_hz: u64) -> Self {
        Self {
            clock_hz,
            ier: 0,
            fcr: 0,
            lcr: 0,
            mcr: 0,
            line_errors: 0,
            modem_deltas: 0,
            modem: HOST_MODEM,
            scr: 0,
            divisor: 1,
            rbr: 0,
            receive: VecDeque::new(),
            transmit: VecDeque::new(),
            shift: None,
            thre: false,
            had_two: false,
            at_once: false,
            timeout: false,
            backlog: VecDeque::new(),
            transmitted_at: None,
            arrived_at: None,
            timeout_at: None,
            empty_at: None,
            break_at: None,
            line: false,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.receive.len() > FIFO || self.transmit.len() > FIFO {
            return Err("a FIFO is too long");
        }
        if self.shift.is_some() != self.transmitted_at.is_some() {
            return Err("the shift register and its deadline do not agree");
        }
        Ok(())
    }

    fn has_fifos(&self) -> bool {
        self.fcr & 1 != 0
    }

    fn is_looped(&self) -> bool {
        self.mcr & MCR_LOOP != 0
    }

    fn trigger(&self) -> usize {
        [1, 4, 8, 14][usize::from(self.fcr >> 6)]
    }

    fn half_bits(&self, n: u64) -> u64 {
        // A divisor of zero is not allowed; it works as one here.
        n * u64::from(self.divisor.max(1)) * HALF_BIT / self.clock_hz.max(1)
    }

    /// Stop bits in half bits: 1, or 1.5 with five data bits and 2 with more (LCR bit 2).
    fn stop_half_bits(&self) -> u64 {
        match (self.lcr & 4 != 0, self.lcr & 3) {
            (false, _) => 2,
            (true, 0) => 3,
            (true, _) => 4,
        }
    }

    /// Nanoseconds from start bit to the end of the stop bits.
    fn character(&self) -> u64 {
        let data = u64::from(self.lcr & 3) + 5;
        let parity = u64::from(self.lcr >> 3 & 1);
        self.half_bits(2 * (1 + data + parity) + self.stop_half_bits())
    }

    fn word_mask(&self) -> u8 {
        0xff >> (3 - (self.lcr & 3))
    }

    // --- transmitter ---

    fn write_thr(&mut self, byte: u8, now: u64) {
        let room = if self.has_fifos() { FIFO } else { 1 };
        match self.transmit.len() {
            n if n < room => self.transmit.push_back(byte),
            // A full FIFO ignores the byte; a single THR is overwritten.
            _ if room == 1 => self.transmit = VecDeque::from([byte]),
            _ => {}
        }
        self.thre = false;
        self.empty_at = None;
        self.had_two |= self.transmit.len() >= 2;
        if self.shift.is_none() {
            self.start_character(now);
        }
    }

    /// THR or FIFO to shift register, if there is something.
    fn start_character(&mut self, now: u64) {
        self.shift = self.transmit.pop_front();
        self.transmitted_at = self.shift.map(|_| now.saturating_add(self.character()));
        if self.shift.is_some() && self.transmit.is_empty() {
            self.transmitter_empty(now);
        }
    }

    /// THRE rises. The indication waits for one character less its last stop bit when the FIFO
    /// never held two bytes ("FIFO Interrupt Mode Operation", transmitter, B).
    fn transmitter_empty(&mut self, now: u64) {
        let waits = self.has_fifos() && !self.had_two && !self.at_once;
        self.had_two = false;
        self.at_once = false;
        if waits {
            self.empty_at = Some(now.saturating_add(self.character() - self.half_bits(2)));
        } else {
            self.thre = true;
        }
    }

    /// A character left the shift register. Gives the byte that the outside sees.
    fn transmitted(&mut self, at: u64) -> Option<u8> {
        let byte = self.shift.take().map(|byte| byte & self.word_mask());
        // A break holds the line low, whatever the register shifts out.
        let byte = byte.filter(|_| self.lcr & LCR_BREAK == 0);
        self.start_character(at);
        if !self.is_looped() {
            return byte;
        }
        if let Some(byte) = byte {
            self.received(Received { byte, errors: 0 }, at);
        }
        None
    }

    // --- receiver ---

    fn has_room(&self) -> bool {
        self.receive.len() < if self.has_fifos() { FIFO } else { 1 }
    }

    fn received(&mut self, character: Received, at: u64) {
        if !self.has_room() {
            self.line_errors |= LSR_OE;
            if self.has_fifos() {
                // The FIFO stays; the character is lost.
                return;
            }
            self.receive.clear();
        }
        self.receive.push_back(character);
        if self.receive.len() == 1 {
            self.line_errors |= character.errors;
        }
        self.timeout = false;
        self.restart_timeout(at);
    }

    /// Four character times since the last character came or was read.
    fn restart_timeout(&mut self, now: u64) {
        let runs = self.has_fifos() && !self.receive.is_empty();
        self.timeout_at = runs.then(|| now.saturating_add(4 * self.character()));
    }

    /// The host begins a character if it has one and there is room.
    fn start_arrival(&mut self, now: u64) {
        let starts = !self.backlog.is_empty() && self.has_room() && !self.is_looped();
        if starts && self.arrived_at.is_none() {
            self.arrived_at = Some(now.saturating_add(self.character()));
        }
    }

    fn arrived(&mut self, at: u64) {
        self.arrived_at = None;
        let takes = self.has_room() && !self.is_looped();
        if takes && let Some(byte) = self.backlog.pop_front() {
            self.received(Received { byte: byte & self.word_mask(), errors: 0 }, at);
        }
        self.start_arrival(at);
    }

    fn read_rbr(&mut self, now: u64) -> u8 {
        if let Some(character) = self.receive.pop_front() {
            self.rbr = character.byte;
            self.line_errors |= self.receive.front().map_or(0, |top| top.errors);
        }
        self.timeout = false;
        self.restart_timeout(now);
        self.start_arrival(now);
        self.rbr
    }

    fn clear_receiver(&mut self) {
        self.receive.clear();
        self.timeout = false;
        self.timeout_at = None;
    }

    fn clear_transmitter(&mut self) {
        self.thre |= !self.transmit.is_empty();
        self.transmit.clear();
        self.had_two = false;
    }

    // --- registers ---

    fn lsr(&self) -> u8 {
        let mut lsr = self.line_errors;
        let mut flag = |bit, is| lsr |= if is { bit } else { 0 };
        flag(LSR_DR, !self.receive.is_empty());
        flag(LSR_THRE, self.transmit.is_empty());
        flag(LSR_TEMT, self.transmit.is_empty() && self.shift.is_none());
        flag(LSR_FIFO_ERROR, self.has_fifos() && self.receive.iter().any(|c| c.errors != 0));
        lsr
    }

    fn read_lsr(&mut self) -> u8 {
        let lsr = self.lsr();
        self.line_errors = 0;
        if let Some(top) = self.receive.front_mut() {
            top.errors = 0;
        }
        lsr
    }

    /// The interrupt identification, highest priority first (table IV); 1 for none.
    fn identification(&self) -> u8 {
        let on = |enable, is| self.ier & enable != 0 && is;
        let level = if self.has_fifos() { self.trigger() } else { 1 };
        if on(IER_LINE, self.line_errors & LSR_ERRORS != 0) {
            0x06
        } else if on(IER_RDA, self.receive.len() >= level) {
            0x04
        } else if on(IER_RDA, self.timeout) {
            0x0c
        } else if on(IER_THRE, self.thre) {
            0x02
        } else if on(IER_MODEM, self.modem_deltas != 0) {
            0x00
        } else {
            0x01
        }
    }

    fn read_iir(&mut self) -> u8 {
        let id = self.identification();
        if id == 0x02 {
            self.thre = false;
        }
        id | if self.has_fifos() { 0xc0 } else { 0 }
    }

    fn write_ier(&mut self, value: u8) {
        let rises = value & !self.ier & IER_THRE != 0;
        self.ier = value & 0x0f;
        // Enabling the interrupt with THRE set brings it at once.
        self.thre |= rises && self.transmit.is_empty();
    }

    /// "FIFO Control Register": bits 1 and 2 clear themselves; nothing counts without bit 0.
    fn write_fcr(&mut self, value: u8, now: u64) {
        if (value ^ self.fcr) & 1 != 0 {
            self.clear_receiver();
            self.clear_transmitter();
            self.at_once = value & 1 != 0;
        }
        if value & 1 == 0 {
            self.fcr = 0;
        } else {
            if value & 2 != 0 {
                self.clear_receiver();
            }
            if value & 4 != 0 {
                self.clear_transmitter();
            }
            self.fcr = value & 0xc9;
        }
        self.start_arrival(now);
    }

    fn write_lcr(&mut self, value: u8, now: u64) {
        self.lcr = value;
        self.start_break(now);
    }

    /// In loopback the receiver sees a break that lasts longer than a character.
    fn start_break(&mut self, now: u64) {
        if self.lcr & LCR_BREAK == 0 || !self.is_looped() {
            self.break_at = None;
        } else if self.break_at.is_none() {
            self.break_at = Some(now.saturating_add(self.character()));
        }
    }

    fn write_mcr(&mut self, value: u8, now: u64) {
        self.mcr = value & 0x1f;
        self.update_modem();
        self.start_break(now);
        self.start_arrival(now);
    }

    /// The modem inputs are the host's, or in loopback RTS, DTR, OUT1 and OUT2. Changes show in
    /// the delta bits; of RI only the trailing edge does.
    fn update_modem(&mut self) {
        let m = self.mcr;
        let looped = (m >> 1 & 1) << 4 | (m & 1) << 5 | (m >> 2 & 1) << 6 | (m >> 3 & 1) << 7;
        let inputs = if self.is_looped() { looped } else { HOST_MODEM };
        let changed = self.modem ^ inputs;
        let ring_ended = changed & self.modem & 0x40;
        self.modem_deltas |= (changed & 0xb0 | ring_ended) >> 4;
        self.modem = inputs;
    }

    fn deadline(&self) -> Option<(u64, Due)> {
        [
            (self.transmitted_at, Due::Transmitted),
            (self.arrived_at, Due::Arrived),
            (self.timeout_at, Due::Timeout),
            (self.empty_at, Due::Empty),
            (self.break_at, Due::Break),
        ]
        .into_iter()
        .filter_map(|(at, due)| Some((at?, due)))
        .min()
    }
}

// --- on the bus --------------------------------------------------------------------------

/// A serial port.
///
/// OUT2 (the MCR bit, in loopback too) lets the interrupt through, as the PC's wiring does.
pub struct Uart {
    config: UartConfig,
    state: State,
}

const EVENT: u32 = 0;

impl Uart {
    /// A port after reset.
    pub fn new(config: UartConfig) -> Self {
        let state = State::new(config.clock_hz);
        Self { config, state }
    }

    /// Lets everything happen that is due.
    fn sync(&mut self, cx: &mut Cx<'_>) {
        let state = &mut self.state;
        while let Some((at, due)) = state.deadline().filter(|next| next.0 <= cx.now()) {
            match due {
                Due::Transmitted => {
                    if let Some(byte) = state.transmitted(at) {
                        cx.emit(byte);
                    }
                }
                Due::Arrived => state.arrived(at),
                Due::Timeout => {
                    state.timeout_at = None;
                    state.timeout = true;
                }
                Due::Empty => {
                    state.empty_at = None;
                    state.thre = true;
                }
                Due::Break => {
                    // One zero character for the whole break; none again until it ends.
                    state.break_at = Some(u64::MAX);
                    state.received(Received { byte: 0, errors: LSR_BI | LSR_FE }, at);
                }
            }
            if at == u64::MAX {
                break;
            }
        }
    }

    /// Interrupt line and next event as the state wants them.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        let state = &mut self.state;
        let level = state.identification() != 1 && state.mcr & MCR_OUT2 != 0;
        if level != state.line {
            state.line = level;
            cx.set_line(self.config.gsi, level);
        }
        match state.deadline().filter(|next| next.0 != u64::MAX) {
            Some((at, _)) => cx.schedule(EVENT, at),
            None => cx.cancel(EVENT),
        }
    }

    fn offset(&self, port: u16) -> u16 {
        port.wrapping_sub(self.config.base)
    }

    fn has_dlab(&self) -> bool {
        self.state.lcr & LCR_DLAB != 0
    }
}

impl Device for Uart {
    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            model: "16550A UART",
            ports: vec![PortRange { first: self.config.base, count: 8, widest: Width::Byte }],
            irqs: vec![self.config.gsi],
            ..Identity::default()
        }
    }

    /// Bytes that wait outside are the host's and stay.
    fn reset(&mut self, cx: &mut Cx<'_>) {
        if self.state.line {
            cx.set_line(self.config.gsi, false);
        }
        let backlog = std::mem::take(&mut self.state.backlog);
        self.state = State { backlog, ..State::new(self.config.clock_hz) };
        self.state.start_arrival(cx.now());
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
        self.sync(cx);
        self.settle(cx);
    }

    fn input(&mut self, bytes: &[u8], cx: &mut Cx<'_>) {
        self.sync(cx);
        self.state.backlog.extend(bytes);
        self.state.start_arrival(cx.now());
        self.settle(cx);
    }
}

impl PortDevice for Uart {
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        self.sync(cx);
        let dlab = self.has_dlab();
        let state = &mut self.state;
        let value = match port.wrapping_sub(self.config.base) {
            0 if dlab => state.divisor as u8,
            1 if dlab => (state.divisor >> 8) as u8,
            0 => state.read_rbr(cx.now()),
            1 => state.ier,
            2 => state.read_iir(),
            3 => state.lcr,
            4 => state.mcr,
            5 => state.read_lsr(),
            6 => state.modem | std::mem::take(&mut state.modem_deltas),
            7 => state.scr,
            _ => return Err(AccessError::NoRegister),
        };
        self.settle(cx);
        Ok(value.into())
    }

    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        self.sync(cx);
        let (value, now, dlab) = (value as u8, cx.now(), self.has_dlab());
        let state = &mut self.state;
        match port.wrapping_sub(self.config.base) {
            0 if dlab => state.divisor = state.divisor & 0xff00 | u16::from(value),
            1 if dlab => state.divisor = state.divisor & 0x00ff | u16::from(value) << 8,
            0 => state.write_thr(value, now),
            1 => state.write_ier(value),
            2 => state.write_fcr(value, now),
            3 => state.write_lcr(value, now),
            4 => state.write_mcr(value, now),
            // "Line Status Register ... for read operations only"; so is MSR for most purposes.
            5 | 6 => return Err(AccessError::Direction),
            7 => state.scr = value,
            _ => return Err(AccessError::NoRegister),
        }
        self.settle(cx);
        Ok(())
    }

    fn register(&self, port: u16, write: bool) -> Option<&'static str> {
        Some(match (self.offset(port), write) {
            (0, _) if self.has_dlab() => "DLL",
            (1, _) if self.has_dlab() => "DLM",
            (0, false) => "RBR",
            (0, true) => "THR",
            (1, _) => "IER",
            (2, false) => "IIR",
            (2, true) => "FCR",
            (3, _) => "LCR",
            (4, _) => "MCR",
            (5, _) => "LSR",
            (6, _) => "MSR",
            (7, _) => "SCR",
            _ => return None,
        })
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    const BASE: u16 = 0x3f8;
    /// Ten bits at 115200 baud.
    const CHAR: u64 = 86_805;

    /// 115200 baud, 8n1, DTR, RTS and OUT2 on.
    fn bench(fcr: u8) -> Bench {
        let mut b = Bench::new(Uart::new(UartConfig::default()));
        for (register, value) in [(3, 0x83), (0, 1), (1, 0), (3, 0x03), (2, fcr), (4, 0x0b)] {
            b.out8(BASE + register, value);
        }
        b
    }

    fn iir(b: &mut Bench) -> u8 {
        b.in8(BASE + 2) & 0x0f
    }

    /// Section 8.2, baud generator, and 8.1, word length.
    #[test]
    fn a_character_takes_its_time() {
        for (lcr, divisor, bits_times_2) in [(0x03, 1, 20), (0x03, 12, 20), (0x0f, 1, 24), (0x04, 1, 15)] {
            let mut b = bench(0);
            for (register, value) in [(3, lcr | 0x80), (0, divisor), (3, lcr), (0, 0x55)] {
                b.out8(BASE + register, value);
            }
            let time = bits_times_2 * u64::from(divisor) * 8_000_000_000 / 1_843_200;
            b.advance(time - 1);
            assert_eq!(b.output(), b"");
            assert_eq!(b.in8(BASE + 5), LSR_THRE);
            b.advance(1);
            assert_eq!(b.output().len(), 1);
            assert_eq!(b.in8(BASE + 5), LSR_THRE | LSR_TEMT);
        }
    }

    /// Characters follow each other without a gap, and THR holds one beside the shift register.
    #[test]
    fn without_fifos_one_byte_waits() {
        let mut b = bench(0);
        b.out8(BASE, b'a');
        b.out8(BASE, b'b');
        assert_eq!(b.in8(BASE + 5), 0);
        b.out8(BASE, b'c');
        b.advance(CHAR);
        assert_eq!(b.in8(BASE + 5), LSR_THRE);
        b.advance(CHAR);
        assert_eq!(b.output(), b"ac");
    }

    /// Section 8.6: THRE comes when the THR empties or is enabled empty; IIR read and THR write end it.
    #[test]
    fn thre_interrupt() {
        let mut b = bench(0);
        b.out8(BASE + 1, IER_THRE);
        assert!(b.level(4));
        assert_eq!((iir(&mut b), iir(&mut b)), (0x02, 0x01));
        assert!(!b.level(4));
        b.out8(BASE, 1);
        assert!(b.level(4), "the THR emptied into the shift register");
        b.out8(BASE, 2);
        assert!(!b.level(4));
        b.advance(CHAR);
        assert!(b.level(4));
        b.out8(BASE + 4, 0x03);
        assert!(!b.level(4), "OUT2 gates the line");
        assert_eq!(iir(&mut b), 0x02);
    }

    /// "FIFO Interrupt Mode Operation", transmitter: a lone byte's indication is late, the
    /// first after FCR bit 0 changed is not, nor is one after two bytes.
    #[test]
    fn thre_with_fifos() {
        let mut b = bench(0x01);
        b.out8(BASE + 1, IER_THRE);
        assert_eq!(iir(&mut b), 0x02);
        b.out8(BASE, 1);
        assert_eq!(iir(&mut b), 0x02, "the first one is immediate");
        b.advance(2 * CHAR);
        b.out8(BASE, 2);
        let stop_bit = 8680;
        b.advance(CHAR - stop_bit - 1);
        assert_eq!(iir(&mut b), 0x01);
        b.advance(2);
        assert_eq!(iir(&mut b), 0x02);
        b.advance(2 * CHAR);
        for byte in 0..20 {
            b.out8(BASE, byte);
        }
        b.output();
        b.advance(16 * CHAR);
        assert_eq!(iir(&mut b), 0x02);
        b.advance(CHAR + 20);
        assert_eq!(b.output(), (0..17).collect::<Vec<u8>>(), "17 fit, 3 were lost");
    }

    /// The host's bytes come at line speed and never overrun.
    #[test]
    fn input_waits_for_room() {
        let mut b = bench(0xc1);
        let text: Vec<u8> = (0..100).collect();
        b.input(&text);
        b.advance(CHAR - 1);
        assert_eq!(b.in8(BASE + 5) & LSR_DR, 0);
        b.advance(1_000_000_000);
        let mut seen = Vec::new();
        while b.in8(BASE + 5) & LSR_DR != 0 {
            seen.push(b.in8(BASE));
        }
        assert_eq!(seen, (0..16).collect::<Vec<u8>>());
        while seen.len() < 100 {
            b.advance(CHAR);
            let lsr = b.in8(BASE + 5);
            assert_eq!(lsr & LSR_OE, 0);
            if lsr & LSR_DR != 0 {
                seen.push(b.in8(BASE));
            }
        }
        assert_eq!(seen, text);
    }

    /// "FIFO Interrupt Mode Operation", receiver: trigger level, then the timeout.
    #[test]
    fn trigger_and_timeout() {
        let mut b = bench(0x41);
        b.out8(BASE + 1, IER_RDA);
        b.input(b"abcde");
        b.advance(3 * CHAR);
        assert!(!b.level(4));
        b.advance(CHAR);
        assert_eq!(iir(&mut b), 0x04);
        b.advance(CHAR);
        for _ in 0..2 {
            b.in8(BASE);
        }
        assert!(!b.level(4));
        b.advance(4 * CHAR - 1);
        assert!(!b.level(4));
        b.advance(10);
        assert_eq!(b.in8(BASE + 2), 0xcc);
        assert_eq!(b.in8(BASE), b'c');
        assert_eq!(iir(&mut b), 0x01);
        b.advance(5 * CHAR);
        assert_eq!(iir(&mut b), 0x0c);
    }

    /// Section 8.7, loopback: data returns, the modem outputs are the modem inputs with deltas.
    #[test]
    fn loopback() {
        let mut b = bench(0);
        b.out8(BASE + 4, MCR_LOOP);
        assert_eq!(b.in8(BASE + 6), 0x0b, "CTS, DSR and DCD fell");
        for (mcr, msr) in [(0x02, 0x11), (0x03, 0x32), (0x07, 0x70), (0x03, 0x34), (0x0b, 0xb8), (0, 0x0b)] {
            b.out8(BASE + 4, MCR_LOOP | mcr);
            assert_eq!(b.in8(BASE + 6), msr, "{mcr:#x}");
            assert_eq!(b.in8(BASE + 6), msr & 0xf0);
        }
        b.input(b"x");
        b.out8(BASE, 0xa5);
        b.advance(CHAR);
        assert_eq!(b.output(), b"");
        assert_eq!((b.in8(BASE + 5) & LSR_DR, b.in8(BASE)), (LSR_DR, 0xa5));
        b.out8(BASE + 4, 0);
        b.advance(CHAR);
        assert_eq!(b.in8(BASE), b'x');
    }

    /// Section 8.3: overrun replaces the RBR but leaves a FIFO alone; LSR read clears.
    #[test]
    fn overrun() {
        for (fcr, n, first) in [(0, 2, 1), (1, 17, 0)] {
            let mut b = bench(fcr);
            b.out8(BASE + 4, MCR_LOOP | MCR_OUT2);
            b.out8(BASE + 1, IER_LINE);
            for byte in 0..n {
                b.out8(BASE, byte);
                b.advance(CHAR + 1);
            }
            assert!(b.level(4));
            assert_eq!(iir(&mut b), 0x06);
            assert_eq!(b.in8(BASE + 5) & LSR_OE, LSR_OE);
            assert_eq!(b.in8(BASE + 5) & LSR_OE, 0);
            assert!(!b.level(4));
            assert_eq!(b.in8(BASE), first);
        }
    }

    /// Section 8.3, BI: one zero character, its errors shown at the top of the FIFO.
    #[test]
    fn a_break_in_loopback() {
        let mut b = bench(1);
        b.out8(BASE + 4, MCR_LOOP);
        b.out8(BASE, 7);
        b.advance(CHAR);
        b.out8(BASE + 3, 0x43);
        b.advance(10 * CHAR);
        b.out8(BASE + 3, 0x03);
        assert_eq!(b.in8(BASE + 5), 0x80 | LSR_THRE | LSR_TEMT | LSR_DR);
        assert_eq!(b.in8(BASE), 7);
        assert_eq!(b.in8(BASE + 5), 0x80 | LSR_THRE | LSR_TEMT | LSR_DR | LSR_BI | LSR_FE);
        assert_eq!(b.in8(BASE + 5), LSR_THRE | LSR_TEMT | LSR_DR);
        assert_eq!((b.in8(BASE), b.in8(BASE + 5) & LSR_DR), (0, 0));
    }

    /// Table IV: priorities, and what ends each interrupt.
    #[test]
    fn priorities() {
        let mut b = bench(0);
        b.out8(BASE + 4, MCR_LOOP);
        b.out8(BASE + 1, 0x0f);
        for byte in [1, 2] {
            b.out8(BASE, byte);
            b.advance(CHAR);
        }
        assert_eq!(iir(&mut b), 0x06);
        b.in8(BASE + 5);
        assert_eq!(iir(&mut b), 0x04);
        b.in8(BASE);
        assert_eq!(iir(&mut b), 0x02);
        assert_eq!(iir(&mut b), 0x00);
        b.in8(BASE + 6);
        assert_eq!(iir(&mut b), 0x01);
        assert_eq!(b.register(BASE + 2, true).as_deref(), Some("FCR"));
    }
}
