//! What a device may do while it handles an access or an event.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{DeviceId, Driver, Lines};
use crate::memory::Memory;
use crate::time::{Clock, Event, EventQueue};

/// Whether an interrupt message, or an entry that makes one, has the delivery mode of an SMI, an NMI
/// or INIT in bits 10:8 (SDM volume 3, 12.11.2).
pub fn is_unmaskable(data: u32) -> bool {
    const SMI: u32 = 2;
    const NMI: u32 = 4;
    const INIT: u32 = 5;
    matches!(data >> 8 & 7, SMI | NMI | INIT)
}

/// A change on the wires between devices, or a wish that reaches the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// A global system interrupt line changed. Lines 0-15 also reach the 8259 pair.
    Line {
        /// 0-23
        gsi: u8,
        /// Whether the line is asserted (whatever its polarity).
        level: bool,
    },
    /// The 8259 pair's INTR output changed (it reaches LINT0, or the processor if no local APIC is enabled).
    Intr {
        /// Whether INTR is asserted.
        level: bool,
    },
    /// A local APIC has, or no longer has, an interrupt above its processor's priority.
    Deliverable {
        /// The processor, counted from zero.
        cpu: usize,
        /// Whether there is one.
        level: bool,
    },
    /// LINT0 in ExtINT mode: the local APIC lets the 8259's INTR through to its processor.
    ExtInt {
        /// The processor, counted from zero.
        cpu: usize,
        /// Whether INTR passes and is asserted.
        level: bool,
    },
    /// An interrupt message on the system bus (MSI, I/O APIC, IPI): address and data as the
    /// SDM's chapter 12.11 has them.
    Message {
        /// 0xfeexxxxx
        address: u32,
        /// Vector, delivery mode, level, trigger mode.
        data: u32,
    },
    /// A local APIC broadcasts the end of a level-triggered interrupt to the I/O APICs.
    Eoi {
        /// The vector that ended.
        vector: u8,
    },
    /// A non-maskable interrupt for one processor.
    Nmi {
        /// The processor, counted from zero.
        cpu: usize,
    },
    /// A system management interrupt: for one processor, or by the SMI# pin for all.
    Smi {
        /// The processor, counted from zero; `None` for all.
        cpu: Option<usize>,
    },
    /// INIT for one processor.
    Init {
        /// The processor, counted from zero.
        cpu: usize,
    },
    /// STARTUP for one processor: it begins at `vector << 12`.
    Startup {
        /// The processor, counted from zero.
        cpu: usize,
        /// Page number of the entry.
        vector: u8,
    },
    /// The sender's [`super::Device::a20`] changed.
    A20,
    /// The sender's [`super::Device::smram`] changed.
    Smram,
    /// The coprocessor error register (port 0xf0) was written.
    CoprocessorError,
    /// A device asks for a reset of the whole machine.
    Reset,
    /// A device turned the power off.
    PowerOff,
    /// The debug-exit device ended the run with this value.
    Exit {
        /// What the guest wrote.
        value: u32,
    },
}

/// The parts of the board that every device shares.
pub struct Fabric {
    /// Guest-physical memory.
    pub memory: Memory,
    /// Virtual time.
    pub clock: Clock,
    /// Pending events.
    pub events: EventQueue,
    /// Signals that have not been delivered yet; empty between instructions.
    pub signals: VecDeque<Signal>,
    /// Who holds which interrupt line.
    pub lines: Lines,
    /// Bytes that devices sent to the outside, in order; drained by the host, no part of the state.
    pub output: Vec<(DeviceId, u8)>,
}

impl Fabric {
    /// Drives a global system interrupt line; the interrupt controllers hear of it when the level
    /// changes, which is when nobody else holds it.
    pub fn set_line(&mut self, gsi: u8, driver: Driver, level: bool) {
        if let Some(level) = self.lines.drive(gsi, driver, level) {
            self.signals.push_back(Signal::Line { gsi, level });
        }
    }

    /// A context for `device`.
    pub fn cx(&mut self, device: DeviceId) -> Cx<'_> {
        Cx { device, fabric: self }
    }
}

/// A device's view of the machine during one call.
pub struct Cx<'a> {
    device: DeviceId,
    fabric: &'a mut Fabric,
}

impl Cx<'_> {
    /// Virtual nanoseconds since power-on, exact at this instruction.
    pub fn now(&self) -> u64 {
        self.fabric.clock.now_ns()
    }

    /// Asks for [`super::Device::event`] with `token` at `at` nanoseconds, in place of an
    /// earlier request for the same token. A moment in the past is due at once.
    pub fn schedule(&mut self, token: u32, at: u64) {
        self.fabric.events.schedule(Event { at, device: self.device, token });
    }

    /// Forgets a request.
    pub fn cancel(&mut self, token: u32) {
        self.fabric.events.cancel(self.device, token);
    }

    /// Sends a signal; it is delivered before the next instruction.
    pub fn signal(&mut self, signal: Signal) {
        self.fabric.signals.push_back(signal);
    }

    /// Drives a global system interrupt line, which other devices may share.
    pub fn set_line(&mut self, gsi: u8, level: bool) {
        self.fabric.set_line(gsi, Driver::Device(self.device), level);
    }

    /// Sends a message-signalled interrupt.
    pub fn message(&mut self, address: u64, data: u32) {
        if address >> 20 == 0xfee {
            self.signal(Signal::Message { address: address as u32, data });
        }
    }

    /// Sends one byte to the outside (a serial line, the debug console).
    pub fn emit(&mut self, byte: u8) {
        self.fabric.output.push((self.device, byte));
    }

    /// Reads guest-physical RAM or ROM as a bus master. Returns how many bytes were read before
    /// the first address that is neither.
    pub fn dma_read(&mut self, address: u64, buffer: &mut [u8]) -> usize {
        self.fabric.memory.as_bus_master(|memory| memory.read(address, buffer))
    }

    /// Writes guest-physical RAM as a bus master. Returns how many bytes were written before the
    /// first address that is not RAM.
    pub fn dma_write(&mut self, address: u64, bytes: &[u8]) -> usize {
        let done = self.fabric.memory.as_bus_master(|memory| memory.write(address, bytes));
        self.fabric.memory.monitor.note(address, done);
        done
    }
}
