//! Injections: the only door for writes from outside, and the readings that are their twins.
//!
//! An injection names a [`Space`], an address in it, bytes, and the [`Semantics`] that say what
//! kind of access is meant. It answers with a [`Receipt`]: how many bytes landed, where, and why
//! it stopped. Transfers run upwards, never wrap, never skip a hole, and keep what landed before
//! the first inaccessible byte.
//!
//! What each semantics does in each space:
//!
//! | space | `Debugger` | `Cpu` | `Bus` | `Backdoor` |
//! |---|---|---|---|---|
//! | virtual | page tables in memory, no rights, no traces; then as physical `Debugger` | through the TLB with the processor's rights, sets accessed and dirty bits; a fault is reported, not taken; then as physical `Bus` | page tables as `Debugger`; then as physical `Bus` | page tables as `Debugger`; then as physical `Backdoor` |
//! | physical | RAM; device registers; ROM and holes refused | as `Bus` | RAM; device registers; ROM and holes take a write without effect and read as stored and as ones | RAM and ROM; devices and holes refused |
//! | port | the device access | as `Bus` (at privilege level 0) | the device access | refused |
//! | config | a configuration cycle by the field rules | as `Bus` | as `Debugger` | the stored bytes |
//! | MSR | as RDMSR and WRMSR at privilege level 0 | as those at the current level | refused | refused |
//! | register | checked as the architecture checks it | as `Debugger` | refused | refused |
//!
//! Reads of RAM and ROM with `Debugger` or `Backdoor` leave no trace at all. A read that reaches
//! a device register or a port is a device access and may have side effects; `Backdoor` never
//! reaches one.

mod config;
mod msr;
mod physical;
mod ports;
mod receipt;
mod register;
mod text;
mod virtual_memory;
mod walked;

use serde::{Deserialize, Serialize};

use crate::bus::Width;
use crate::bus::pci::PciAddress;
use crate::cpu::Cpu;
use crate::journal::Input;
use crate::mmu::walk;
use crate::{Board, Machine};

use walked::Walked;

pub use receipt::{
    Answer, ConfigCycle, DETAIL_LIMIT, Detail, FirstBytes, PageStep, PortAccess, Reading, Receipt, Refusal,
    Span, Trace,
};
pub use register::{Register, UnknownRegister};

/// What kind of access an injection means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Semantics {
    /// DbgEng's: the page tables in memory, no protection, no accessed or dirty bit, no TLB.
    #[default]
    Debugger,
    /// As the processor would; a fault is reported, not taken.
    Cpu,
    /// A bus transaction.
    Bus,
    /// Straight to the stored bytes, without side effects.
    Backdoor,
}

/// Where an injection goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Space {
    /// Virtual memory as this processor sees it. Outside long mode addresses are 32 bits wide,
    /// zero- or sign-extended.
    Virtual {
        /// The processor, counted from zero.
        cpu: usize,
        /// A paging root (CR3's form) in place of the processor's own.
        root: Option<u64>,
    },
    /// Physical memory, behind the A20 gate.
    #[default]
    Physical,
    /// I/O ports. The data is a whole number of accesses, at ascending ports.
    Io {
        /// The size of each access; 8 bytes are refused.
        width: Width,
    },
    /// The configuration space of a PCI function.
    Config(PciAddress),
    /// A model-specific register: the address is its number, the data 8 bytes, little-endian.
    Msr {
        /// The processor, counted from zero.
        cpu: usize,
    },
    /// A register: the address is a byte offset in it.
    Register {
        /// The processor, counted from zero.
        cpu: usize,
        /// Which one.
        register: Register,
    },
}

/// A write from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Where.
    pub space: Space,
    /// At which address of the space.
    pub address: u64,
    /// What.
    pub bytes: Vec<u8>,
    /// What kind of access.
    pub semantics: Semantics,
}

impl Injection {
    /// An injection with [`Semantics::Debugger`].
    pub fn new(space: Space, address: u64, bytes: impl Into<Vec<u8>>) -> Self {
        Self { space, address, bytes: bytes.into(), semantics: Semantics::Debugger }
    }

    /// The same with other semantics.
    pub fn with(self, semantics: Semantics) -> Self {
        Self { semantics, ..self }
    }
}

/// Bytes on their way in or out.
enum Data<'a> {
    Write(&'a [u8]),
    Read(&'a mut [u8]),
}

impl Data<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Write(bytes) => bytes.len(),
            Self::Read(buffer) => buffer.len(),
        }
    }

    /// The bytes `[at, at + len)` of it.
    fn part(&mut self, at: usize, len: usize) -> Data<'_> {
        match self {
            Self::Write(bytes) => Data::Write(&bytes[at..at + len]),
            Self::Read(buffer) => Data::Read(&mut buffer[at..at + len]),
        }
    }
}

/// How far a transfer came, and why not further.
struct Outcome {
    moved: usize,
    refusal: Option<Refusal>,
}

impl Outcome {
    fn all(moved: usize) -> Self {
        Self { moved, refusal: None }
    }

    fn stopped(moved: usize, refusal: Refusal) -> Self {
        Self { moved, refusal: Some(refusal) }
    }
}

/// The parts of a machine that an access may reach.
type Parts<'a> = (&'a mut [Cpu], &'a mut Board, &'a mut Walked);

/// One access in any space; what it met takes the place of what `detail` held.
#[inline(always)]
fn transfer(
    (cpus, board, walked): Parts<'_>,
    (space, address): (Space, u64),
    semantics: Semantics,
    data: Data<'_>,
    detail: &mut Detail,
) -> Outcome {
    let outcome = match space {
        _ if data.len() == 0 => {
            *detail = Detail::Nothing;
            return Outcome::all(0);
        }
        Space::Virtual { cpu, root } => {
            let parts = (cpus, &mut *board, walked);
            virtual_memory::transfer(parts, (cpu, root), address, semantics, data, detail)
        }
        Space::Physical => match detail.spans() {
            Some(spans) => physical::transfer(board, semantics, address, data, spans),
            None => Outcome::all(0),
        },
        _ => {
            let (outcome, met) = elsewhere(cpus, board, (space, address), semantics, data);
            *detail = met;
            outcome
        }
    };
    // The run loop looks at wires, deadlines and stale code again.
    board.attention |= board.fabric.memory.has_stale_code();
    outcome
}

/// One access in a space that is not memory.
fn elsewhere(
    cpus: &mut [Cpu],
    board: &mut Board,
    (space, address): (Space, u64),
    semantics: Semantics,
    data: Data<'_>,
) -> (Outcome, Detail) {
    match space {
        Space::Io { width } => ports::transfer(board, semantics, address, width, data),
        Space::Config(at) => config::transfer(board, semantics, at, address, data),
        Space::Msr { cpu } => msr::transfer(cpus, board, cpu, address, semantics, data),
        Space::Register { cpu, register } => {
            register::transfer(cpus, board, cpu, register, address, semantics, data)
        }
        Space::Virtual { .. } | Space::Physical => {
            (Outcome::stopped(0, Refusal::Meaningless), Detail::Nothing)
        }
    }
}

/// Most transfers have no refusal, and then none of its bytes is to be copied.
#[inline(always)]
fn keep(stopped: &mut Option<Refusal>, refusal: &Option<Refusal>) {
    match refusal {
        None => *stopped = None,
        Some(reason) => *stopped = Some(*reason),
    }
}

/// What stays between two calls: the latest answers, which are lent, and the latest walk. Nothing of
/// it is the machine's state.
#[derive(Default)]
pub(crate) struct Outside {
    receipt: Receipt,
    reading: Reading,
    walked: Walked,
}

impl Machine {
    /// Writes from outside; with [`Self::write`], the only way to do so. The machine stands
    /// between two instructions.
    pub fn inject(&mut self, injection: &Injection) -> Receipt {
        let Injection { space, address, bytes, semantics } = injection;
        self.write(*space, *address, *semantics, bytes).clone()
    }

    /// [`Self::inject`] without copies: the receipt is the machine's, filled where it stays, and lent
    /// until the next call.
    ///
    /// Inlined, because a caller knows its space: a call would hand it over through memory.
    #[inline(always)]
    pub fn write(&mut self, space: Space, address: u64, semantics: Semantics, bytes: &[u8]) -> &Receipt {
        let instructions = self.exact();
        let Outside { receipt, walked, .. } = &mut self.outside;
        receipt.instructions = instructions;
        receipt.space = space;
        receipt.address = address;
        receipt.semantics = semantics;
        receipt.asked = bytes.len();
        receipt.data = FirstBytes::of(bytes);
        let parts = (&mut *self.cpus, &mut self.board, walked);
        let outcome = transfer(parts, (space, address), semantics, Data::Write(bytes), &mut receipt.detail);
        receipt.written = outcome.moved;
        keep(&mut receipt.stopped, &outcome.refusal);
        self.note(move || {
            let injection = Injection { space, address, bytes: bytes.to_vec(), semantics };
            Input::Write { injection, written: outcome.moved }
        });
        &self.outside.receipt
    }

    /// Reads from outside into `buffer`. Bytes beyond [`Reading::read`] are left alone. What it answers is
    /// lent until the next call.
    ///
    /// Where the answer comes from a device ([`Reading::touched_device`]) or the semantics is
    /// `Cpu`, the reading may have changed the machine, as an injection does.
    pub fn peek(&mut self, space: Space, address: u64, semantics: Semantics, buffer: &mut [u8]) -> &Reading {
        let instructions = self.exact();
        let Outside { reading, walked, .. } = &mut self.outside;
        reading.instructions = instructions;
        reading.space = space;
        reading.address = address;
        reading.semantics = semantics;
        let length = buffer.len();
        let parts = (&mut *self.cpus, &mut self.board, walked);
        let outcome = transfer(parts, (space, address), semantics, Data::Read(buffer), &mut reading.detail);
        reading.read = outcome.moved;
        keep(&mut reading.stopped, &outcome.refusal);
        if semantics == Semantics::Cpu || reading.touched_device() {
            self.note(move || Input::Read { space, address, semantics, length, read: outcome.moved });
        }
        &self.outside.reading
    }

    /// Sets the clock to the instructions retired, for devices that look at it.
    #[inline]
    pub(crate) fn exact(&mut self) -> u64 {
        let now = self.instructions().max(self.board.fabric.clock.retired());
        self.board.fabric.clock.set_retired(now);
        now
    }

    /// Walks the page tables in memory for one address, as [`Semantics::Debugger`] does, without
    /// a trace. `None` if there is no such processor.
    pub fn translate(&self, cpu: usize, root: Option<u64>, linear: u64) -> Option<walk::Walk> {
        let cpu = self.cpus.get(cpu)?;
        Some(virtual_memory::walk(cpu, &self.board.fabric.memory, root, linear))
    }
}
