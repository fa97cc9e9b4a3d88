//! The user's side of the serial line: the terminal in raw mode, or a file read beforehand.
//!
//! On a terminal, Ctrl-C ends the run. Ctrl-A is the prefix: `x` ends the run, `c` sends Ctrl-C
//! to the guest, `a` sends Ctrl-A, `h` lists these.

use std::io::{self, IsTerminal, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use rustix::termios::{OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr};

const CTRL_A: u8 = 0x01;
const CTRL_C: u8 = 0x03;

const HELP: &str = "\nCtrl-C or Ctrl-A x: end the run; Ctrl-A c: send Ctrl-C; Ctrl-A a: send Ctrl-A\n";

/// What the keys mean.
#[derive(Default)]
struct Keys {
    prefixed: bool,
}

/// What came from the terminal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Typed {
    /// Bytes for the guest.
    bytes: Vec<u8>,
    /// The user wants to leave.
    leave: bool,
    /// The user wants to see the keys.
    help: bool,
}

impl Keys {
    fn read(&mut self, bytes: &[u8]) -> Typed {
        let mut typed = Typed::default();
        for &byte in bytes {
            match (std::mem::take(&mut self.prefixed), byte) {
                (false, CTRL_A) => self.prefixed = true,
                (false, CTRL_C) | (true, b'x' | b'X' | CTRL_C) => typed.leave = true,
                (false, byte) => typed.bytes.push(byte),
                (true, b'c') => typed.bytes.push(CTRL_C),
                (true, b'a' | CTRL_A) => typed.bytes.push(CTRL_A),
                (true, _) => typed.help = true,
            }
        }
        typed
    }
}

/// The terminal in raw mode; put back when this is dropped, in a panic as well.
struct RawMode {
    before: Termios,
}

impl RawMode {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        // A guest's line feed still begins a new line.
        raw.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that has gone away.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// A terminal that a guest is used through.
pub struct Terminal {
    _raw: RawMode,
    keys: Keys,
    input: Receiver<Vec<u8>>,
    closed: bool,
}

/// What a look at the terminal gave.
pub struct Look {
    /// Bytes for the guest.
    pub bytes: Vec<u8>,
    /// The user wants to leave.
    pub leave: bool,
}

impl Terminal {
    /// Takes the terminal, if standard input is one.
    pub fn open() -> anyhow::Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let raw = RawMode::enter().context("the terminal cannot be put into raw mode")?;
        Ok(Some(Self { _raw: raw, keys: Keys::default(), input: read_in_thread(), closed: false }))
    }

    /// What was typed since the last look; waits for the first byte up to `patience`.
    pub fn look(&mut self, patience: Duration) -> Look {
        let mut look = Look { bytes: Vec::new(), leave: false };
        let mut patience = patience;
        loop {
            match self.input.recv_timeout(patience) {
                Ok(bytes) => {
                    let typed = self.keys.read(&bytes);
                    look.bytes.extend(typed.bytes);
                    look.leave |= typed.leave;
                    if typed.help {
                        eprint!("{HELP}");
                    }
                }
                Err(RecvTimeoutError::Timeout) => return look,
                Err(RecvTimeoutError::Disconnected) => {
                    // The terminal hung up.
                    look.leave |= !self.closed;
                    self.closed = true;
                    return look;
                }
            }
            patience = Duration::ZERO;
        }
    }
}

/// Reads standard input to its end, as the guest's whole input.
///
/// A pipe that stays open keeps the run from starting; after a second a line says so.
pub fn read_all() -> anyhow::Result<Vec<u8>> {
    let input = read_in_thread();
    let mut all = Vec::new();
    let mut patience = Duration::from_secs(1);
    loop {
        match input.recv_timeout(patience) {
            Ok(bytes) => all.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => return Ok(all),
            Err(RecvTimeoutError::Timeout) => {
                eprintln!(
                    "ringhold: waiting for standard input to end: it is no terminal, so all of it is read before \
                     the run (to run without, add </dev/null)"
                );
                patience = Duration::MAX;
            }
        }
    }
}

fn read_in_thread() -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            match io::stdin().read(&mut buffer) {
                Ok(0) => break,
                Ok(count) if sender.send(buffer[..count].to_vec()).is_ok() => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_to_the_guest_except_those_that_leave() {
        let mut keys = Keys::default();
        assert_eq!(keys.read(b"ls\r\x04").bytes, b"ls\r\x04");
        assert!(keys.read(b"\x03").leave);
        assert_eq!(keys.read(b"\x01"), Typed::default());
        assert!(keys.read(b"x").leave);
        assert_eq!(keys.read(b"\x01c\x01a\x01\x01x").bytes, b"\x03\x01\x01x");
        assert!(keys.read(b"\x01?").help);
    }
}
