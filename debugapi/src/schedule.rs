//! Injection schedules: writes that happen by themselves at given points of a run.
//!
//! A schedule is a list in RON. One format serves a lesson, a regression test and a fuzz input:
//!
//! ```
//! # use ringhold_debugapi::Schedule;
//! let schedule = Schedule::from_ron(r#"[
//!     (at: Instruction(1000), write: Physical(address: 0x8000, data: text("hello"))),
//!     (at: Instruction(1000), write: Virtual(address: 0xffff800000001000, data: u32(7)), expect: Ok),
//!     (at: Time(5000000), write: Io(port: 0x3f8, data: u8(0x41))),
//!     (at: Time(5000000), write: BusData(device: 2, function: 1, offset: 4, data: u16(7))),
//!     (at: Instruction(2000), write: Msr(msr: 0xc0000082, value: 0), expect: Ok),
//!     (at: Instruction(2000), write: Register(register: "rax", value: 1)),
//!     (at: Instruction(2000), write: Physical(address: 0xffff0, data: bytes([0x90])),
//!      semantics: Backdoor),
//! ]"#)?;
//! assert_eq!(schedule.entries.len(), 7);
//! # Ok::<(), ringhold_debugapi::ScheduleError>(())
//! ```

mod runner;

pub use runner::Runner;

use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::inject::{Injection, Receipt, Register, Semantics, Space};
use ringhold_emulator::{Machine, Stop};
use serde::{Deserialize, Serialize};

/// A list of writes with their moments. Entries that fall due at the same point between two
/// instructions happen in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule {
    /// The entries, as written.
    pub entries: Vec<Entry>,
}

/// One write and its moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When.
    pub at: At,
    /// What.
    pub write: Write,
    /// What kind of access. By default `Bus` for `Io` and `BusData`, `Debugger` for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semantics: Option<Semantics>,
    /// What must come of it; by default anything may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// A moment of a run. One that has passed when the run begins is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// When that many instructions have retired.
    Instruction(u64),
    /// At the first point between two instructions at which that many virtual nanoseconds have
    /// passed. A halted processor sleeps exactly until then.
    Time(u64),
}

/// A write, space by space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Write {
    /// Virtual memory.
    Virtual {
        /// The processor whose page tables are used.
        #[serde(default)]
        cpu: usize,
        /// A paging root in place of the processor's own.
        #[serde(default)]
        root: Option<u64>,
        /// The address.
        address: u64,
        /// What to write.
        data: Data,
    },
    /// Physical memory.
    Physical {
        /// The address.
        address: u64,
        /// What to write.
        data: Data,
    },
    /// I/O ports. Numbers make one access of their size; bytes and text go to ascending ports,
    /// one by one.
    Io {
        /// The first port.
        port: u16,
        /// What to write; no `u64`.
        data: Data,
    },
    /// PCI configuration space.
    BusData {
        /// The bus.
        #[serde(default)]
        bus: u8,
        /// The device, 0 to 31.
        device: u8,
        /// The function, 0 to 7.
        #[serde(default)]
        function: u8,
        /// The offset, 0 to 255.
        offset: u8,
        /// What to write.
        data: Data,
    },
    /// A model-specific register.
    Msr {
        /// The processor.
        #[serde(default)]
        cpu: usize,
        /// The register's number.
        msr: u32,
        /// Its new value.
        value: u64,
    },
    /// A register.
    Register {
        /// The processor.
        #[serde(default)]
        cpu: usize,
        /// The register's name.
        register: Register,
        /// Its new value, zero-extended to the size of the register.
        value: u64,
    },
}

/// What is written; numbers are little-endian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// One byte.
    U8(u8),
    /// Two bytes.
    U16(u16),
    /// Four bytes.
    U32(u32),
    /// Eight bytes.
    U64(u64),
    /// UTF-8, without a terminator.
    Text(String),
}

/// What must come of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Every byte lands.
    Ok,
    /// Exactly that many bytes land, and not all.
    Partial(usize),
    /// No byte lands.
    Fails,
}

/// A schedule cannot be read, or did not go as it says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// The text is no schedule.
    #[error("the schedule cannot be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// An entry asks for something that does not exist.
    #[error("entry {number} of the schedule: {reason}")]
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A write had another outcome than the entry says.
    #[error("entry {number} of the schedule expected {expected}, but: {receipt}")]
    Unmet {
        /// Counted from 1.
        number: usize,
        /// What should have come of it.
        expected: Expect,
        /// What came of it.
        receipt: Box<Receipt>,
    },
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => write!(f, "every byte to land"),
            Self::Partial(count) => write!(f, "exactly {count} bytes to land"),
            Self::Fails => write!(f, "no byte to land"),
        }
    }
}

impl Expect {
    /// Whether the outcome is the expected one.
    pub fn met(self, receipt: &Receipt) -> bool {
        match self {
            Self::Ok => receipt.complete(),
            Self::Partial(count) => receipt.written == count && !receipt.complete(),
            Self::Fails => receipt.written == 0 && !receipt.complete(),
        }
    }
}

impl Data {
    /// The bytes to write.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::U8(value) => vec![*value],
            Self::U16(value) => value.to_le_bytes().into(),
            Self::U32(value) => value.to_le_bytes().into(),
            Self::U64(value) => value.to_le_bytes().into(),
            Self::Text(text) => text.clone().into_bytes(),
        }
    }

    fn width(&self) -> Width {
        match self {
            Self::Bytes(_) | Self::Text(_) | Self::U8(_) => Width::Byte,
            Self::U16(_) => Width::Word,
            Self::U32(_) => Width::Dword,
            Self::U64(_) => Width::Qword,
        }
    }
}

impl Entry {
    /// The injection that it means.
    pub fn injection(&self) -> Injection {
        let (space, address, bytes) = match &self.write {
            Write::Virtual { cpu, root, address, data } => {
                (Space::Virtual { cpu: *cpu, root: *root }, *address, data.bytes())
            }
            Write::Physical { address, data } => (Space::Physical, *address, data.bytes()),
            Write::Io { port, data } => (Space::Io { width: data.width() }, u64::from(*port), data.bytes()),
            Write::BusData { bus, device, function, offset, data } => {
                let at = PciAddress { bus: *bus, device: *device, function: *function };
                (Space::Config(at), u64::from(*offset), data.bytes())
            }
            Write::Msr { cpu, msr, value } => {
                (Space::Msr { cpu: *cpu }, u64::from(*msr), value.to_le_bytes().into())
            }
            Write::Register { cpu, register, value } => {
                let mut bytes = value.to_le_bytes().to_vec();
                bytes.resize(register.bytes(), 0);
                (Space::Register { cpu: *cpu, register: *register }, 0, bytes)
            }
        };
        let usual = match self.write {
            Write::Io { .. } | Write::BusData { .. } => Semantics::Bus,
            _ => Semantics::Debugger,
        };
        Injection { space, address, bytes, semantics: self.semantics.unwrap_or(usual) }
    }

    /// What can be judged without a machine.
    fn check(&self) -> Result<(), &'static str> {
        match &self.write {
            Write::Io { data: Data::U64(_), .. } => Err("a port access has at most four bytes"),
            Write::BusData { device, function, .. } if *device > 31 || *function > 7 => {
                Err("devices are 0 to 31, functions 0 to 7")
            }
            Write::Register { register, value, .. }
                if register.bytes() < 8 && value >> (8 * register.bytes()) != 0 =>
            {
                Err("the value is too large for the register")
            }
            _ => Ok(()),
        }
    }
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// [`ScheduleError::Syntax`] with line and column, [`ScheduleError::Entry`].
    pub fn from_ron(text: &str) -> Result<Self, ScheduleError> {
        let options =
            ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let schedule: Self = options.from_str(text)?;
        for (i, entry) in schedule.entries.iter().enumerate() {
            entry.check().map_err(|reason| ScheduleError::Entry { number: i + 1, reason })?;
        }
        Ok(schedule)
    }

    /// Runs a machine until that many instructions have retired and makes the writes that fall
    /// due, each before the instruction at its moment. Gives the reason of the stop and the
    /// receipts in the order of the writes. A run that stops earlier leaves later writes undone;
    /// to go on after a stop, keep a [`Runner`].
    ///
    /// # Errors
    /// [`ScheduleError::Unmet`]; the machine stands where that write was made.
    pub fn run(&self, machine: &mut Machine, until: u64) -> Result<(Stop, Vec<Receipt>), ScheduleError> {
        Runner::new(self).run(machine, until)
    }
}
