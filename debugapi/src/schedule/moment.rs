//! When an entry of a schedule happens.

use ringhold_emulator::bus::pci::{CONFIG_BYTES, PciAddress};
use ringhold_emulator::points::{Direction, Place, Position, Watch};
use serde::{Deserialize, Serialize};

/// A moment of a run, always between two instructions. One that has passed when the run begins is
/// now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum At {
    /// When that many instructions have retired, before an interrupt is taken there.
    Instruction(u64),
    /// At the first point between two instructions at which that many virtual nanoseconds have
    /// passed. A halted processor sleeps exactly until then.
    Time(u64),
    /// Before the instruction at an address, once everything that comes before it is done:
    /// interrupts have been taken, and what is written is what the instruction meets. Iterations
    /// of a REP string instruction count once.
    Breakpoint(CodePlace),
    /// After an instruction that has accessed linear addresses, or after such an iteration of a
    /// REP string instruction. What the processor accesses by itself counts as well: stacks,
    /// descriptor tables, the frame of an interrupt.
    Access {
        /// The first linear address.
        address: CodePlace,
        /// How many bytes.
        #[serde(default = "one")]
        length: u64,
        /// Which accesses; by default both.
        #[serde(default)]
        access: AccessKind,
    },
    /// Before an instruction that reads from a port.
    PortRead(u16),
    /// After an instruction that has written to a port.
    PortWrite(u16),
    /// At an access to a device's registers in memory: before an instruction that reads, after
    /// one that has written.
    Mmio {
        /// The first physical address.
        address: u64,
        /// How many bytes.
        #[serde(default = "one")]
        length: u64,
        /// Which accesses; by default both.
        #[serde(default)]
        access: AccessKind,
    },
    /// At an access to configuration space through the ports 0xcfc to 0xcff: before an instruction
    /// that reads, after one that has written.
    BusData {
        /// The bus.
        #[serde(default)]
        bus: u8,
        /// The device, 0 to 31.
        device: u8,
        /// The function, 0 to 7.
        #[serde(default)]
        function: u8,
        /// The first byte.
        #[serde(default)]
        offset: u8,
        /// How many bytes; by default all up to the end.
        #[serde(default = "all")]
        length: u16,
        /// Which accesses; by default both.
        #[serde(default)]
        access: AccessKind,
    },
    /// At a point of a recorded run (see [`Position`]), or as soon as it is passed.
    Exact {
        /// Instructions retired since power-on.
        instructions: u64,
        /// Interrupts and exceptions delivered since that count was reached.
        #[serde(default, skip_serializing_if = "zero")]
        deliveries: u64,
        /// Virtual nanoseconds since power-on; a halted processor sleeps until then.
        #[serde(default, skip_serializing_if = "zero")]
        ns: u64,
        /// The next instruction is about to read from a device.
        #[serde(default, skip_serializing_if = "no")]
        reading: bool,
    },
}

/// A place in the guest's code or data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CodePlace {
    /// A linear address.
    Address(u64),
    /// A symbol of the kernel, to be resolved before the run.
    Symbol(String),
}

/// Which accesses of the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKind {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Both.
    #[default]
    Any,
}

fn one() -> u64 {
    1
}

fn all() -> u16 {
    CONFIG_BYTES as u16
}

fn zero(value: &u64) -> bool {
    *value == 0
}

fn no(value: &bool) -> bool {
    !value
}

impl From<AccessKind> for Direction {
    fn from(kind: AccessKind) -> Self {
        match kind {
            AccessKind::Read => Self::Read,
            AccessKind::Write => Self::Write,
            AccessKind::Any => Self::Any,
        }
    }
}

impl From<Position> for At {
    fn from(at: Position) -> Self {
        Self::Exact {
            instructions: at.instructions,
            deliveries: at.deliveries,
            ns: at.ns,
            reading: at.reading,
        }
    }
}

impl At {
    /// Whether it is one of the triggers, which can be met several times.
    pub fn recurs(&self) -> bool {
        !matches!(self, Self::Instruction(_) | Self::Time(_) | Self::Exact { .. })
    }

    /// The symbol in place of its address, if there is one.
    pub(super) fn symbol(&mut self) -> Option<&mut CodePlace> {
        match self {
            Self::Breakpoint(place) | Self::Access { address: place, .. } => {
                matches!(place, CodePlace::Symbol(_)).then_some(place)
            }
            _ => None,
        }
    }

    /// The watch that finds it, for the triggers that are accesses.
    pub fn watch(&self) -> Option<Watch> {
        let last = |first: u64, length: u64| first.saturating_add(length.saturating_sub(1));
        let (place, direction) = match *self {
            Self::Access { address: CodePlace::Address(address), length, access } => {
                (Place::Linear(address, last(address, length)), access.into())
            }
            Self::PortRead(port) => (Place::Ports(port, port), Direction::Read),
            Self::PortWrite(port) => (Place::Ports(port, port), Direction::Write),
            Self::Mmio { address, length, access } => {
                (Place::Physical(address, last(address, length)), access.into())
            }
            Self::BusData { bus, device, function, offset, length, access } => {
                let first = u16::from(offset);
                let last = first.saturating_add(length.saturating_sub(1)).min(all() - 1);
                (Place::Config(PciAddress { bus, device, function }, first, last), access.into())
            }
            _ => return None,
        };
        Some(Watch::holding(place, direction))
    }

    /// What can be judged without a machine.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Access { length: 0, .. }
            | Self::Mmio { length: 0, .. }
            | Self::BusData { length: 0, .. } => Err("the range is empty"),
            Self::BusData { device, function, .. } if *device > 31 || *function > 7 => {
                Err("devices are 0 to 31, functions 0 to 7")
            }
            _ => Ok(()),
        }
    }
}
