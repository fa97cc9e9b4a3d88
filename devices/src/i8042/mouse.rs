//! The PS/2 mouse. Nothing moves it; it answers as a standard two-button mouse does.
//!
//! Source: IBM PS/2 Hardware Interface Technical Reference, "Mouse".

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

const ACK: u8 = 0xfa;
const RESEND: u8 = 0xfe;

/// What the mouse does with motion and with bytes it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Mode {
    Stream,
    Remote,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mouse {
    mode: Mode,
    wrap: bool,
    enabled: bool,
    scaling_2_to_1: bool,
    resolution: u8,
    sample_rate: u8,
    command: Option<u8>,
    last: u8,
    output: VecDeque<u8>,
}

impl Default for Mouse {
    /// "Reset": stream mode, disabled, 100 reports a second, 4 counts a millimetre, 1:1.
    fn default() -> Self {
        Self {
            mode: Mode::Stream,
            wrap: false,
            enabled: false,
            scaling_2_to_1: false,
            resolution: 2,
            sample_rate: 100,
            command: None,
            last: 0,
            output: VecDeque::new(),
        }
    }
}

impl Mouse {
    fn answer(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
    }

    pub(super) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// The next byte for the controller.
    pub(super) fn send(&mut self) -> Option<u8> {
        self.last = self.output.pop_front()?;
        Some(self.last)
    }

    /// A byte from the controller.
    pub(super) fn receive(&mut self, byte: u8) {
        self.output.clear();
        if self.wrap && !matches!(byte, 0xec | 0xff) {
            return self.answer(&[byte]);
        }
        if let Some(command) = self.command.take() {
            return self.parameter(command, byte);
        }
        match byte {
            0xe6 => self.scaling_2_to_1 = false,
            0xe7 => self.scaling_2_to_1 = true,
            0xe8 | 0xf3 => self.command = Some(byte),
            0xe9 => {
                let remote = u8::from(self.mode == Mode::Remote) << 6;
                let flags = remote | u8::from(self.enabled) << 5 | u8::from(self.scaling_2_to_1) << 4;
                return self.answer(&[ACK, flags, self.resolution, self.sample_rate]);
            }
            0xea => self.mode = Mode::Stream,
            0xeb => return self.answer(&[ACK, 0x08, 0, 0]),
            0xec => self.wrap = false,
            0xee => self.wrap = true,
            0xf0 => self.mode = Mode::Remote,
            0xf2 => return self.answer(&[ACK, 0x00]),
            0xf4 => self.enabled = true,
            0xf5 => self.enabled = false,
            0xf6 => *self = Self { last: self.last, ..Self::default() },
            0xfe => return self.answer(&[self.last]),
            0xff => {
                *self = Self::default();
                return self.answer(&[ACK, 0xaa, 0x00]);
            }
            _ => return self.answer(&[RESEND]),
        }
        self.answer(&[ACK]);
    }

    fn parameter(&mut self, command: u8, byte: u8) {
        match (command, byte) {
            (0xe8, 0..=3) => self.resolution = byte,
            (0xf3, 10 | 20 | 40 | 60 | 80 | 100 | 200) => self.sample_rate = byte,
            _ => return self.answer(&[RESEND]),
        }
        self.answer(&[ACK]);
    }
}
