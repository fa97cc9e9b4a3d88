//! The 8042 keyboard controller with a PS/2 keyboard and a PS/2 mouse.
//!
//! Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
//! Controller".
//!
//! A byte from keyboard or mouse is on its wire for eleven bits of a 12.5 kHz clock; answers of
//! the controller itself are there at once. The controller takes the next byte from a device
//! when its output buffer has been read.

mod keyboard;
mod mouse;

use std::collections::VecDeque;

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Signal, Width,
};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};
use keyboard::Keyboard;
use mouse::Mouse;

/// What can be chosen about the keyboard controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct I8042Config {
    /// The device's name.
    pub name: String,
    /// The command byte after reset. The default is what firmware leaves: keyboard interrupt
    /// and translation on, mouse interface off.
    pub command_byte: u8,
    /// Whether a mouse is plugged in.
    pub mouse: bool,
}

impl Default for I8042Config {
    fn default() -> Self {
        Self { name: "i8042".into(), command_byte: 0x65, mouse: true }
    }
}

// --- model -------------------------------------------------------------------------------

/// Eleven bits of 80 us.
const BYTE_NS: u64 = 880_000;

const STATUS_OBF: u8 = 0x01;
const STATUS_SYS: u8 = 0x04;
const STATUS_COMMAND: u8 = 0x08;
const STATUS_UNLOCKED: u8 = 0x10;
const STATUS_AUX: u8 = 0x20;
const STATUS_TIMEOUT: u8 = 0x40;

const CCB_KEYBOARD_INT: u8 = 0x01;
const CCB_AUX_INT: u8 = 0x02;
const CCB_SYS: u8 = 0x04;
const CCB_KEYBOARD_OFF: u8 = 0x10;
const CCB_AUX_OFF: u8 = 0x20;
const CCB_TRANSLATE: u8 = 0x40;

const OUT_NO_RESET: u8 = 0x01;
const OUT_A20: u8 = 0x02;
/// After reset all pins of the output port are high but those that request interrupts.
const OUT_RESET: u8 = 0xcf;

/// Set 2 to set 1, as the controller's firmware translates: codes 0x00 to 0x7f.
const TRANSLATION: [u8; 128] = [
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, //
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, //
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, //
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, //
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, //
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, //
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, //
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, //
];

fn translate(code: u8) -> u8 {
    match code {
        0x83 => 0x41,
        0x84 => 0x54,
        _ => TRANSLATION.get(usize::from(code)).copied().unwrap_or(code),
    }
}

/// Where a byte in the output buffer came from, as far as the status register tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Port {
    Keyboard,
    Aux,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    port: Port,
    byte: u8,
    timeout: bool,
}

// --- saved state -------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The controller's 32 bytes of RAM; the first is the command byte.
    ram: [u8; 32],
    output_port: u8,
    /// Whether the last write went to port 0x64.
    wrote_command: bool,
    /// The command whose data byte comes next at port 0x60.
    command: Option<u8>,
    /// The output buffer.
    full: Option<Output>,
    /// What port 0x60 gave last.
    last: u8,
    /// Bytes of the controller itself that wait for the output buffer.
    answers: VecDeque<Output>,
    /// A byte of a device that is on its wire, and when it will have come.
    wire: Option<(Port, u64)>,
    /// The keyboard's break prefix was swallowed by the translation.
    breaking: bool,
    keyboard: Keyboard,
    mouse: Mouse,
    keyboard_line: bool,
    aux_line: bool,
}

impl State {
    fn new(config: &I8042Config) -> Self {
        let mut ram = [0; 32];
        ram[0] = config.command_byte;
        Self {
            ram,
            output_port: OUT_RESET,
            wrote_command: false,
            command: None,
            full: None,
            last: 0,
            answers: VecDeque::new(),
            wire: None,
            breaking: false,
            keyboard: Keyboard::default(),
            mouse: Mouse::default(),
            keyboard_line: false,
            aux_line: false,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.keyboard.check() { Ok(()) } else { Err("the keyboard has no such scan code set") }
    }

    fn ccb(&self) -> u8 {
        self.ram[0]
    }

    fn status(&self) -> u8 {
        let mut status = STATUS_UNLOCKED;
        if self.ccb() & CCB_SYS != 0 {
            status |= STATUS_SYS;
        }
        if self.wrote_command {
            status |= STATUS_COMMAND;
        }
        if let Some(output) = &self.full {
            status |= STATUS_OBF;
            if output.port == Port::Aux {
                status |= STATUS_AUX;
            }
            if output.timeout {
                status |= STATUS_TIMEOUT;
            }
        }
        status
    }

    /// P24 and P25 show which interrupt is requested.
    fn output_pins(&self) -> u8 {
        let requests = match &self.full {
            Some(Output { port: Port::Keyboard, .. }) => 0x10,
            Some(Output { port: Port::Aux, .. }) => 0x20,
            None => 0,
        };
        self.output_port & 0xcf | requests
    }

    fn answer(&mut self, byte: u8) {
        self.answers.push_back(Output { port: Port::Keyboard, byte, timeout: false });
    }

    /// The output buffer takes what comes next; answers of the controller go first.
    fn fill(&mut self, now: u64) {
        if self.full.is_some() {
            return;
        }
        self.full = self.answers.pop_front();
        if self.full.is_some() || self.wire.is_some() {
            return;
        }
        let wants = if self.ccb() & CCB_KEYBOARD_OFF == 0 && self.keyboard.has_output() {
            Port::Keyboard
        } else if self.ccb() & CCB_AUX_OFF == 0 && self.mouse.has_output() {
            Port::Aux
        } else {
            return;
        };
        self.wire = Some((wants, now.saturating_add(BYTE_NS)));
    }

    /// The byte on the wire has come. If the buffer was filled or the interface switched off
    /// meanwhile, the device sends it again later.
    fn arrive(&mut self, now: u64) {
        let Some((port, at)) = self.wire.filter(|wire| wire.1 <= now) else { return };
        self.wire = None;
        let off = if port == Port::Aux { CCB_AUX_OFF } else { CCB_KEYBOARD_OFF };
        if self.full.is_none() && self.ccb() & off == 0 {
            let byte = match port {
                Port::Keyboard => self.keyboard.send().and_then(|byte| self.translated(byte)),
                Port::Aux => self.mouse.send(),
            };
            self.full = byte.map(|byte| Output { port, byte, timeout: false });
        }
        self.fill(at);
    }

    fn translated(&mut self, byte: u8) -> Option<u8> {
        if self.ccb() & CCB_TRANSLATE == 0 {
            self.breaking = false;
            return Some(byte);
        }
        if byte == 0xf0 {
            self.breaking = true;
            return None;
        }
        let prefix = if std::mem::take(&mut self.breaking) { 0x80 } else { 0 };
        Some(translate(byte) | prefix)
    }

    fn sync(&mut self, now: u64) {
        while self.wire.is_some_and(|wire| wire.1 <= now) {
            self.arrive(now);
        }
    }

    fn read_data(&mut self, now: u64) -> u8 {
        if let Some(output) = self.full.take() {
            self.last = output.byte;
        }
        self.fill(now);
        self.last
    }

    /// A byte for a device that is not there times out.
    fn send_aux(&mut self, byte: u8, present: bool) {
        if present {
            self.mouse.receive(byte);
        } else {
            self.answers.push_back(Output { port: Port::Aux, byte: 0xfe, timeout: true });
        }
    }
}

// --- on the bus --------------------------------------------------------------------------

/// The keyboard controller at ports 0x60 and 0x64, on interrupt lines 1 and 12.
///
/// A20 is also gated by port 0x92: either lets it through.
pub struct I8042 {
    config: I8042Config,
    state: State,
}

const EVENT: u32 = 0;
const KEYBOARD_GSI: u8 = 1;
const AUX_GSI: u8 = 12;

impl I8042 {
    /// A controller after reset.
    pub fn new(config: I8042Config) -> Self {
        let state = State::new(&config);
        Self { config, state }
    }

    fn settle(&mut self, cx: &mut Cx<'_>) {
        let state = &mut self.state;
        state.fill(cx.now());
        let port = state.full.as_ref().map(|output| output.port);
        let keyboard = port == Some(Port::Keyboard) && state.ccb() & CCB_KEYBOARD_INT != 0;
        let aux = port == Some(Port::Aux) && state.ccb() & CCB_AUX_INT != 0;
        if keyboard != state.keyboard_line {
            state.keyboard_line = keyboard;
            cx.set_line(KEYBOARD_GSI, keyboard);
        }
        if aux != state.aux_line {
            state.aux_line = aux;
            cx.set_line(AUX_GSI, aux);
        }
        match state.wire {
            Some((_, at)) => cx.schedule(EVENT, at),
            None => cx.cancel(EVENT),
        }
    }

    fn set_output_port(&mut self, value: u8, cx: &mut Cx<'_>) {
        let changed = self.state.output_port ^ value;
        self.state.output_port = value;
        if changed & OUT_A20 != 0 {
            cx.signal(Signal::A20);
        }
        if changed & !value & OUT_NO_RESET != 0 {
            cx.signal(Signal::Reset);
        }
    }

    fn write_command(&mut self, value: u8, cx: &mut Cx<'_>) {
        let state = &mut self.state;
        state.wrote_command = true;
        state.command = None;
        let index = usize::from(value & 0x1f);
        match value {
            0x20..=0x3f => state.answer(state.ram[index]),
            0x60..=0x7f | 0xd1..=0xd4 => state.command = Some(value),
            // No password is installed.
            0xa4 => state.answer(0xf1),
            0xa7 => state.ram[0] |= CCB_AUX_OFF,
            0xa8 => state.ram[0] &= !CCB_AUX_OFF,
            0xa9 | 0xab => state.answer(0x00),
            0xaa => {
                state.ram[0] |= CCB_SYS;
                state.answer(0x55);
            }
            0xad => state.ram[0] |= CCB_KEYBOARD_OFF,
            0xae => state.ram[0] &= !CCB_KEYBOARD_OFF,
            // Input port: keyboard not locked, no manufacturing jumper.
            0xc0 => state.answer(0xb0),
            0xd0 => state.answer(state.output_pins()),
            0xdd => self.set_output_port(self.state.output_port & !OUT_A20, cx),
            0xdf => self.set_output_port(self.state.output_port | OUT_A20, cx),
            // Test inputs: keyboard clock and mouse clock high unless held low.
            0xe0 => {
                let clock = |off, pin| if state.ccb() & off == 0 { pin } else { 0 };
                state.answer(clock(CCB_KEYBOARD_OFF, 1) | clock(CCB_AUX_OFF, 2));
            }
            // Pulses the low pins of the output port whose bits are 0; only the reset is felt.
            0xf0..=0xff if value & OUT_NO_RESET == 0 => cx.signal(Signal::Reset),
            _ => {}
        }
    }

    fn write_data(&mut self, value: u8, cx: &mut Cx<'_>) {
        let state = &mut self.state;
        state.wrote_command = false;
        match state.command.take() {
            None => state.keyboard.receive(value),
            Some(0xd1) => self.set_output_port(value, cx),
            Some(0xd2) => state.answer(value),
            Some(0xd3) => {
                state.answers.push_back(Output { port: Port::Aux, byte: value, timeout: false });
            }
            Some(0xd4) => state.send_aux(value, self.config.mouse),
            Some(command) => state.ram[usize::from(command & 0x1f)] = value,
        }
    }
}

impl Device for I8042 {
    fn identity(&self) -> Identity {
        let one = |first| PortRange { first, count: 1, widest: Width::Byte };
        Identity {
            name: self.config.name.clone(),
            model: "8042 keyboard controller, PS/2 keyboard and mouse",
            ports: vec![one(0x60), one(0x64)],
            irqs: vec![KEYBOARD_GSI, AUX_GSI],
            ..Identity::default()
        }
    }

    /// What the host typed is not lost; the keyboard sends it after the reset.
    fn reset(&mut self, cx: &mut Cx<'_>) {
        for (gsi, level) in [(KEYBOARD_GSI, self.state.keyboard_line), (AUX_GSI, self.state.aux_line)] {
            if level {
                cx.set_line(gsi, false);
            }
        }
        let mut keyboard = std::mem::take(&mut self.state.keyboard);
        keyboard.power_on();
        self.state = State { keyboard, ..State::new(&self.config) };
        cx.signal(Signal::A20);
        self.settle(cx);
    }

    fn a20(&self) -> Option<bool> {
        Some(self.state.output_port & OUT_A20 != 0)
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

    /// ASCII text, typed on a US keyboard.
    fn input(&mut self, bytes: &[u8], cx: &mut Cx<'_>) {
        self.state.sync(cx.now());
        self.state.keyboard.type_text(bytes);
        self.settle(cx);
    }
}

impl PortDevice for I8042 {
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        self.state.sync(cx.now());
        match port {
            0x60 => {
                let full = self.state.full.as_ref().map(|output| output.port);
                let value = self.state.read_data(cx.now());
                // The interrupt request falls with the read, even if a byte waits behind.
                match full {
                    Some(Port::Keyboard) if self.state.keyboard_line => {
                        self.state.keyboard_line = false;
                        cx.set_line(KEYBOARD_GSI, false);
                    }
                    Some(Port::Aux) if self.state.aux_line => {
                        self.state.aux_line = false;
                        cx.set_line(AUX_GSI, false);
                    }
                    _ => {}
                }
                self.settle(cx);
                Ok(value.into())
            }
            0x64 => {
                self.settle(cx);
                Ok(self.state.status().into())
            }
            _ => Err(AccessError::NoRegister),
        }
    }

    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        self.state.sync(cx.now());
        match port {
            0x60 => self.write_data(value as u8, cx),
            0x64 => self.write_command(value as u8, cx),
            _ => return Err(AccessError::NoRegister),
        }
        self.settle(cx);
        Ok(())
    }

    fn register(&self, port: u16, write: bool) -> Option<&'static str> {
        Some(match (port, write) {
            (0x60, false) => "OUTPUT BUFFER",
            (0x60, true) => "INPUT BUFFER",
            (0x64, false) => "STATUS",
            (0x64, true) => "COMMAND",
            _ => return None,
        })
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use ringhold_emulator::board::Ending;

    fn bench() -> Bench {
        Bench::new(I8042::new(I8042Config::default()))
    }

    /// All bytes that come until nothing moves any more.
    fn drain(b: &mut Bench) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            b.advance(2 * BYTE_NS + 1);
            if b.in8(0x64) & STATUS_OBF == 0 {
                return bytes;
            }
            bytes.push(b.in8(0x60));
        }
    }

    fn keyboard(b: &mut Bench, bytes: &[u8]) -> Vec<u8> {
        let send = |byte: &u8| {
            b.out8(0x60, *byte);
            drain(b)
        };
        bytes.iter().flat_map(send).collect()
    }

    fn mouse(b: &mut Bench, bytes: &[u8]) -> Vec<u8> {
        let send = |byte: &u8| {
            b.out8(0x64, 0xd4);
            b.out8(0x60, *byte);
            drain(b)
        };
        bytes.iter().flat_map(send).collect()
    }

    fn command(b: &mut Bench, command: u8) -> u8 {
        b.out8(0x64, command);
        assert_eq!(b.in8(0x64) & STATUS_OBF, STATUS_OBF);
        b.in8(0x60)
    }

    /// "Controller Commands".
    #[test]
    fn controller_commands() {
        let mut b = bench();
        assert_eq!(b.in8(0x64), 0x14);
        for (value, answer) in [(0xaa, 0x55), (0xab, 0), (0xa9, 0), (0x20, 0x65), (0xa4, 0xf1), (0xd0, 0xcf)]
        {
            assert_eq!(command(&mut b, value), answer, "{value:#x}");
        }
        assert_eq!(b.in8(0x64) & STATUS_COMMAND, STATUS_COMMAND);
        b.out8(0x64, 0x60);
        b.out8(0x60, 0x47);
        assert_eq!(b.in8(0x64) & STATUS_COMMAND, 0);
        assert_eq!(command(&mut b, 0x20), 0x47);
        b.out8(0x64, 0xa7);
        b.out8(0x64, 0xad);
        assert_eq!(command(&mut b, 0x20), 0x77);
        assert_eq!(command(&mut b, 0xe0), 0);
        b.out8(0x64, 0x65);
        b.out8(0x60, 0x99);
        assert_eq!(command(&mut b, 0x25), 0x99);
        b.out8(0x64, 0xd3);
        b.out8(0x60, 0x12);
        assert_eq!(b.in8(0x64) & 0x21, 0x21);
        assert!(b.level(12));
        assert_eq!(b.in8(0x60), 0x12);
        assert!(!b.level(12));
    }

    /// "Output Port": A20 by D1, DD and DF, reset by D1 and by a pulse.
    #[test]
    fn output_port() {
        let mut b = bench();
        b.out8(0x64, 0xdd);
        assert!(!b.board.fabric.memory.a20());
        b.out8(0x64, 0xd1);
        b.out8(0x60, 0xdf);
        assert!(b.board.fabric.memory.a20());
        assert_eq!(b.board.take_ending(), None);
        b.out8(0x64, 0xfe);
        assert_eq!(b.board.take_ending(), Some(Ending::Reset));
        b.out8(0x64, 0xd1);
        b.out8(0x60, 0xde);
        assert_eq!(b.board.take_ending(), Some(Ending::Reset));
        b.out8(0x64, 0xdd);
        b.board.reset();
        assert!(b.board.fabric.memory.a20());
    }

    /// "Keyboard Commands".
    #[test]
    fn keyboard_commands() {
        let mut b = bench();
        b.out8(0x64, 0x60);
        b.out8(0x60, 0x25);
        assert_eq!(keyboard(&mut b, &[0xff]), [0xfa, 0xaa]);
        assert_eq!(keyboard(&mut b, &[0xf2]), [0xfa, 0xab, 0x83]);
        assert_eq!(keyboard(&mut b, &[0xed, 7, 0xf3, 0x20]), [0xfa; 4]);
        assert_eq!(keyboard(&mut b, &[0xee, 0xfe, 0x13]), [0xee, 0xee, 0xfe]);
        assert_eq!(keyboard(&mut b, &[0xf0, 0]), [0xfa, 0xfa, 2]);
        assert_eq!(keyboard(&mut b, &[0xf0, 9]), [0xfa, 0xfe]);
        b.input(b"a\x03");
        assert_eq!(drain(&mut b), [0x1c, 0xf0, 0x1c, 0x14, 0x21, 0xf0, 0x21, 0xf0, 0x14]);
        assert_eq!(keyboard(&mut b, &[0xf0, 1]), [0xfa, 0xfa]);
        b.input(b"\n");
        assert_eq!(drain(&mut b), [0x1c, 0x9c]);
    }

    /// Set 2 through the translation is set 1; keys wait while scanning or interface are off.
    #[test]
    fn typing_is_translated() {
        let mut b = bench();
        b.out8(0x64, 0xad);
        b.input(b"A1\xff");
        assert_eq!(drain(&mut b), []);
        b.out8(0x64, 0xae);
        assert_eq!(drain(&mut b), [0x2a, 0x1e, 0x9e, 0xaa, 0x02, 0x82]);
        assert_eq!(keyboard(&mut b, &[0xf5]), [0xfa]);
        b.input(b"~");
        assert_eq!(drain(&mut b), []);
        assert_eq!(keyboard(&mut b, &[0xf4]), [0xfa, 0x2a, 0x29, 0xa9, 0xaa]);
    }

    /// A command between the two bytes of a break code neither loses nor splits it.
    #[test]
    fn commands_do_not_cut_codes() {
        let mut b = bench();
        b.out8(0x64, 0x60);
        b.out8(0x60, 0x25);
        b.input(b"a");
        for byte in [0x1c, 0xf0] {
            b.advance(2 * BYTE_NS);
            assert_eq!(b.in8(0x60), byte);
        }
        assert_eq!(keyboard(&mut b, &[0xed]), [0x1c, 0xfa]);
    }

    /// Each byte is an edge of line 1, 880 us after the one before was read.
    #[test]
    fn interrupts() {
        let mut b = bench();
        b.input(b"q");
        b.advance(10 * BYTE_NS);
        assert_eq!(b.edges(1), [(BYTE_NS, true)]);
        assert_eq!(b.in8(0x60), 0x10);
        b.advance(3 * BYTE_NS);
        assert_eq!(b.in8(0x60), 0x90);
        let expected = [(1, true), (10, false), (12, true), (13, false)];
        assert_eq!(b.edges(1), expected.map(|(n, level)| (n * BYTE_NS, level)));
        b.out8(0x64, 0xaa);
        b.out8(0x64, 0xab);
        assert_eq!((b.in8(0x60), b.level(1), b.in8(0x60), b.level(1)), (0x55, true, 0, false));
    }

    /// "Mouse Commands".
    #[test]
    fn mouse_commands() {
        let mut b = bench();
        b.out8(0x64, 0xa8);
        assert_eq!(mouse(&mut b, &[0xff]), [0xfa, 0xaa, 0x00]);
        assert_eq!(mouse(&mut b, &[0xf2]), [0xfa, 0x00]);
        assert_eq!(mouse(&mut b, &[0xf3, 200, 0xe8, 3, 0xf4, 0xe7]), [0xfa; 6]);
        assert_eq!(mouse(&mut b, &[0xe9]), [0xfa, 0x30, 3, 200]);
        assert_eq!(mouse(&mut b, &[0xee, 0x42, 0xec]), [0xfa, 0x42, 0xfa]);
        assert_eq!(mouse(&mut b, &[0xf3, 1, 0xeb]), [0xfa, 0xfe, 0xfa, 8, 0, 0]);
        let mut b = Bench::new(I8042::new(I8042Config { mouse: false, ..I8042Config::default() }));
        b.out8(0x64, 0xd4);
        b.out8(0x60, 0xff);
        assert_eq!(b.in8(0x64) & 0x61, 0x61);
        assert_eq!(b.in8(0x60), 0xfe);
    }
}
