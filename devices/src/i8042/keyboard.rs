//! The PS/2 keyboard: commands, and ASCII text as the keys that type it on a US layout.
//!
//! Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101-/102-key)".

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

const ACK: u8 = 0xfa;
const RESEND: u8 = 0xfe;
const BAT_PASSED: u8 = 0xaa;

const SHIFT: u8 = 0x12;
const CONTROL: u8 = 0x14;

/// A key goes down or up; the code is that of scan code set 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    code: u8,
    down: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keyboard {
    /// Scan code set: 1, 2 or 3.
    set: u8,
    leds: u8,
    typematic: u8,
    scanning: bool,
    /// The command whose parameter comes next.
    command: Option<u8>,
    last: u8,
    /// The rest of a key that is being sent; answers do not cut it in two.
    codes: VecDeque<u8>,
    /// Answers to commands.
    output: VecDeque<u8>,
    /// What the host typed and the guest has not seen; unbounded.
    typed: VecDeque<Key>,
}

impl Default for Keyboard {
    fn default() -> Self {
        Self {
            set: 2,
            leds: 0,
            typematic: 0x2b,
            scanning: true,
            command: None,
            last: 0,
            codes: VecDeque::new(),
            output: VecDeque::new(),
            typed: VecDeque::new(),
        }
    }
}

impl Keyboard {
    /// Power-on: the self-test passes. Keys that the host typed are kept.
    pub(super) fn power_on(&mut self) {
        let typed = std::mem::take(&mut self.typed);
        *self = Self { typed, ..Self::default() };
    }

    pub(super) fn check(&self) -> bool {
        (1..=3).contains(&self.set)
    }

    /// "Default condition": set 2, typematic 500 ms and 10.9 characters a second.
    fn defaults(&mut self) {
        self.codes.clear();
        self.set = 2;
        self.typematic = 0x2b;
    }

    fn answer(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
    }

    /// A byte from the controller.
    pub(super) fn receive(&mut self, byte: u8) {
        self.output.clear();
        // Parameters are below 0x80 except a new command, which ends the wait for one.
        if let Some(command) = self.command.take().filter(|_| byte < 0x80) {
            return self.parameter(command, byte);
        }
        match byte {
            0xed | 0xf0 | 0xf3 | 0xfb..=0xfd => {
                self.command = Some(byte);
                self.answer(&[ACK]);
            }
            0xee => self.answer(&[0xee]),
            0xf2 => self.answer(&[ACK, 0xab, 0x83]),
            0xf4 => {
                self.codes.clear();
                self.scanning = true;
                self.answer(&[ACK]);
            }
            0xf5 => {
                self.defaults();
                self.scanning = false;
                self.answer(&[ACK]);
            }
            0xf6 => {
                self.defaults();
                self.scanning = true;
                self.answer(&[ACK]);
            }
            // Make/break behaviour of set 3's keys: accepted.
            0xf7..=0xfa => self.answer(&[ACK]),
            0xfe => self.answer(&[self.last]),
            0xff => {
                self.power_on();
                self.answer(&[ACK, BAT_PASSED]);
            }
            _ => self.answer(&[RESEND]),
        }
    }

    fn parameter(&mut self, command: u8, byte: u8) {
        match command {
            0xed => self.leds = byte & 7,
            0xf3 => self.typematic = byte,
            0xf0 if byte == 0 => return self.answer(&[ACK, self.set]),
            0xf0 if byte <= 3 => self.set = byte,
            0xf0 => return self.answer(&[RESEND]),
            _ => {}
        }
        self.answer(&[ACK]);
    }

    /// Whether [`Self::send`] has a byte.
    pub(super) fn has_output(&self) -> bool {
        !self.codes.is_empty() || !self.output.is_empty() || (self.can_type() && !self.typed.is_empty())
    }

    fn can_type(&self) -> bool {
        self.scanning && self.command.is_none()
    }

    /// The next byte for the controller.
    pub(super) fn send(&mut self) -> Option<u8> {
        if self.codes.is_empty() && self.output.is_empty() && self.can_type() {
            let key = self.typed.pop_front()?;
            self.press(key);
        }
        let next = self.codes.pop_front().or_else(|| self.output.pop_front());
        self.last = next?;
        next
    }

    /// The bytes of a key in the chosen scan code set.
    fn press(&mut self, key: Key) {
        let code = match (self.set, key.code) {
            (1, code) => super::translate(code),
            (3, CONTROL) => 0x11,
            (3, 0x5d) => 0x5c,
            (3, 0x76) => 0x08,
            (_, code) => code,
        };
        match (self.set, key.down) {
            (_, true) => self.codes.push_back(code),
            (1, false) => self.codes.push_back(code | 0x80),
            // Of set 3's keys only some send a break code by default; all do here.
            (_, false) => self.codes.extend([0xf0, code]),
        }
    }

    /// Text that the host types. Bytes that no US key gives are left out.
    pub(super) fn type_text(&mut self, bytes: &[u8]) {
        for (code, modifier) in bytes.iter().filter_map(|byte| key_of(*byte)) {
            let key = |code, down| Key { code, down };
            self.typed.extend(modifier.map(|m| key(m, true)));
            self.typed.extend([key(code, true), key(code, false)]);
            self.typed.extend(modifier.map(|m| key(m, false)));
        }
    }
}

/// The keys of a US keyboard: set 2 code, what it types, and with shift.
const KEYS: [(u8, u8, u8); 48] = [
    (0x0e, b'`', b'~'),
    (0x16, b'1', b'!'),
    (0x1e, b'2', b'@'),
    (0x26, b'3', b'#'),
    (0x25, b'4', b'$'),
    (0x2e, b'5', b'%'),
    (0x36, b'6', b'^'),
    (0x3d, b'7', b'&'),
    (0x3e, b'8', b'*'),
    (0x46, b'9', b'('),
    (0x45, b'0', b')'),
    (0x4e, b'-', b'_'),
    (0x55, b'=', b'+'),
    (0x15, b'q', b'Q'),
    (0x1d, b'w', b'W'),
    (0x24, b'e', b'E'),
    (0x2d, b'r', b'R'),
    (0x2c, b't', b'T'),
    (0x35, b'y', b'Y'),
    (0x3c, b'u', b'U'),
    (0x43, b'i', b'I'),
    (0x44, b'o', b'O'),
    (0x4d, b'p', b'P'),
    (0x54, b'[', b'{'),
    (0x5b, b']', b'}'),
    (0x5d, b'\\', b'|'),
    (0x1c, b'a', b'A'),
    (0x1b, b's', b'S'),
    (0x23, b'd', b'D'),
    (0x2b, b'f', b'F'),
    (0x34, b'g', b'G'),
    (0x33, b'h', b'H'),
    (0x3b, b'j', b'J'),
    (0x42, b'k', b'K'),
    (0x4b, b'l', b'L'),
    (0x4c, b';', b':'),
    (0x52, b'\'', b'"'),
    (0x1a, b'z', b'Z'),
    (0x22, b'x', b'X'),
    (0x21, b'c', b'C'),
    (0x2a, b'v', b'V'),
    (0x32, b'b', b'B'),
    (0x31, b'n', b'N'),
    (0x3a, b'm', b'M'),
    (0x41, b',', b'<'),
    (0x49, b'.', b'>'),
    (0x4a, b'/', b'?'),
    (0x29, b' ', b' '),
];

/// The key that types `byte`, and the key to hold meanwhile.
fn key_of(byte: u8) -> Option<(u8, Option<u8>)> {
    match byte {
        b'\r' | b'\n' => return Some((0x5a, None)),
        b'\t' => return Some((0x0d, None)),
        0x08 | 0x7f => return Some((0x66, None)),
        0x1b => return Some((0x76, None)),
        _ => {}
    }
    let control = byte < 0x20;
    let byte = if control { (byte | 0x40).to_ascii_lowercase() } else { byte };
    let held = |shifted: bool| match (control, shifted) {
        (true, _) => Some(CONTROL),
        (false, true) => Some(SHIFT),
        (false, false) => None,
    };
    KEYS.iter().find_map(|&(code, plain, shifted)| match byte {
        b if b == plain => Some((code, held(false))),
        b if b == shifted => Some((code, held(true))),
        _ => None,
    })
}
