//! The record of what came from outside: injections, readings that may have changed something,
//! and bytes to devices, each with its position and the state that it left.
//!
//! A machine with the same beginning that gets the same inputs at the same positions goes the
//! same way; the hashes prove it. The machine only collects; what is written where is decided by
//! whoever takes the events ([`Machine::take_events`]).

use crate::Machine;
use crate::bus::DeviceId;
use crate::inject::{Injection, Semantics, Space};
use crate::points::Position;

/// Something that came from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where the run stood.
    pub at: Position,
    /// What came.
    pub input: Input,
    /// [`Machine::state_hash`] right after it.
    pub hash: u128,
}

/// What came from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A write, refused ones as well.
    Write {
        /// What was asked for.
        injection: Injection,
        /// How many bytes landed.
        written: usize,
    },
    /// A reading that a device answered, or that was made as the processor would: it may have
    /// changed the machine as a write does.
    Read {
        /// Where.
        space: Space,
        /// At which address of the space.
        address: u64,
        /// What kind of access.
        semantics: Semantics,
        /// How many bytes were asked for.
        length: usize,
        /// How many came.
        read: usize,
    },
    /// Bytes for a device, as from its other end: keys, a serial line.
    Bytes {
        /// The device.
        device: DeviceId,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

impl Machine {
    /// Begins or ends the record. While it is kept, each event costs a hash of the whole state.
    pub fn record(&mut self, on: bool) {
        self.events = on.then(Vec::new);
    }

    /// Whether a record is kept.
    pub fn records(&self) -> bool {
        self.events.is_some()
    }

    /// Takes the events since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Hands bytes to a device, as from its other end: keys, a serial line.
    pub fn input(&mut self, device: DeviceId, bytes: &[u8]) {
        self.exact();
        self.board.input(device, bytes);
        self.note(|| Input::Bytes { device, bytes: bytes.to_vec() });
    }

    /// Adds what has just come to the record, if one is kept.
    #[inline]
    pub(crate) fn note(&mut self, input: impl FnOnce() -> Input) {
        if self.events.is_some() {
            self.keep(input);
        }
    }

    #[cold]
    fn keep(&mut self, input: impl FnOnce() -> Input) {
        let event = Event { at: self.position(), input: input(), hash: self.state_hash() };
        if let Some(events) = &mut self.events {
            events.push(event);
        }
    }
}
