//! What an entry of a schedule does: a write into one of the spaces, or another outside input.

use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::inject::{Injection, Register, Semantics, Space};
use serde::{Deserialize, Serialize};

/// A write, space by space, or another input from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Write {
    /// Virtual memory.
    Virtual {
        /// The processor whose page tables are used.
        #[serde(default, skip_serializing_if = "is_zero")]
        cpu: usize,
        /// A paging root in place of the processor's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "is_zero")]
        cpu: usize,
        /// The register's number.
        msr: u32,
        /// Its new value.
        value: u64,
    },
    /// A register.
    Register {
        /// The processor.
        #[serde(default, skip_serializing_if = "is_zero")]
        cpu: usize,
        /// The register's name.
        register: Register,
        /// Its new value, zero-extended to the size of the register.
        value: u64,
    },
    /// Bytes for a device, as from its other end: keys, a serial line.
    Input {
        /// The device's name.
        device: String,
        /// What it gets.
        data: Data,
    },
    /// A reading, for the sake of what it does to the device that answers.
    Read {
        /// Where.
        space: Space,
        /// At which address of the space.
        address: u64,
        /// How many bytes.
        length: usize,
    },
    /// A write in the terms of [`Injection`], for what the others cannot say.
    Raw {
        /// Where.
        space: Space,
        /// At which address of the space.
        address: u64,
        /// What to write.
        data: Data,
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

/// What an entry asks of the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A write.
    Write(Injection),
    /// A reading.
    Read {
        /// Where.
        space: Space,
        /// At which address of the space.
        address: u64,
        /// How many bytes.
        length: usize,
        /// What kind of access.
        semantics: Semantics,
    },
    /// Bytes for a device.
    Input {
        /// The device's name.
        device: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

fn is_zero(value: &usize) -> bool {
    *value == 0
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

    /// Bytes in their most readable form.
    pub(crate) fn plain(bytes: &[u8]) -> Self {
        let odd = bytes.iter().filter(|byte| !matches!(byte, 0x20..=0x7e)).count();
        match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() > 1 && odd <= bytes.len() / 2 => Self::Text(text.into()),
            _ => Self::Bytes(bytes.into()),
        }
    }

    /// Bytes as a number of their size, if there is one.
    fn number(bytes: &[u8]) -> Option<Self> {
        let data = match *bytes {
            [a] => Self::U8(a),
            [a, b] => Self::U16(u16::from_le_bytes([a, b])),
            [a, b, c, d] => Self::U32(u32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => Self::U64(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
            _ => return None,
        };
        Some(data)
    }
}

/// A little-endian number of at most eight bytes.
fn value(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

impl Write {
    /// What it asks for; without `semantics`, what is usual for it.
    pub fn action(&self, semantics: Option<Semantics>) -> Action {
        let injection = |space, address, bytes, usual| {
            Action::Write(Injection { space, address, bytes, semantics: semantics.unwrap_or(usual) })
        };
        let debugger = Semantics::Debugger;
        match self {
            Self::Virtual { cpu, root, address, data } => {
                injection(Space::Virtual { cpu: *cpu, root: *root }, *address, data.bytes(), debugger)
            }
            Self::Physical { address, data } => injection(Space::Physical, *address, data.bytes(), debugger),
            Self::Io { port, data } => {
                let space = Space::Io { width: data.width() };
                injection(space, u64::from(*port), data.bytes(), Semantics::Bus)
            }
            Self::BusData { bus, device, function, offset, data } => {
                let at = PciAddress { bus: *bus, device: *device, function: *function };
                injection(Space::Config(at), u64::from(*offset), data.bytes(), Semantics::Bus)
            }
            Self::Msr { cpu, msr, value } => {
                let bytes = value.to_le_bytes().into();
                injection(Space::Msr { cpu: *cpu }, u64::from(*msr), bytes, debugger)
            }
            Self::Register { cpu, register, value } => {
                let mut bytes = value.to_le_bytes().to_vec();
                bytes.resize(register.bytes(), 0);
                injection(Space::Register { cpu: *cpu, register: *register }, 0, bytes, debugger)
            }
            Self::Raw { space, address, data } => injection(*space, *address, data.bytes(), debugger),
            Self::Read { space, address, length } => Action::Read {
                space: *space,
                address: *address,
                length: *length,
                semantics: semantics.unwrap_or(debugger),
            },
            Self::Input { device, data } => Action::Input { device: device.clone(), bytes: data.bytes() },
        }
    }

    /// The most readable form of an injection, and the semantics where it is not the usual one.
    pub fn of(injection: &Injection) -> (Self, Option<Semantics>) {
        let Injection { space, address, bytes, semantics } = injection;
        let said = Self::plain(injection);
        for semantics in [None, Some(*semantics)] {
            if let Some(write) = &said
                && write.check().is_ok()
                && write.action(semantics) == Action::Write(injection.clone())
            {
                return (write.clone(), semantics);
            }
        }
        let data = Data::Bytes(bytes.clone());
        (Self::Raw { space: *space, address: *address, data }, Some(*semantics))
    }

    /// What may be the same as an injection, in the words of its space.
    fn plain(injection: &Injection) -> Option<Self> {
        let Injection { space, address, bytes, .. } = injection;
        let address = *address;
        Some(match *space {
            Space::Virtual { cpu, root } => Self::Virtual { cpu, root, address, data: Data::plain(bytes) },
            Space::Physical => Self::Physical { address, data: Data::plain(bytes) },
            Space::Io { width } => {
                let number = Data::number(bytes).filter(|_| bytes.len() == width.bytes());
                Self::Io {
                    port: address.try_into().ok()?,
                    data: number.unwrap_or_else(|| Data::plain(bytes)),
                }
            }
            Space::Config(PciAddress { bus, device, function }) => {
                let data = Data::number(bytes).unwrap_or_else(|| Data::plain(bytes));
                Self::BusData { bus, device, function, offset: address.try_into().ok()?, data }
            }
            Space::Msr { cpu } => Self::Msr { cpu, msr: address.try_into().ok()?, value: value(bytes)? },
            Space::Register { cpu, register } => Self::Register { cpu, register, value: value(bytes)? },
        })
    }

    /// What can be judged without a machine.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Io { data: Data::U64(_), .. } => Err("a port access has at most four bytes"),
            Self::BusData { device, function, .. } if *device > 31 || *function > 7 => {
                Err("devices are 0 to 31, functions 0 to 7")
            }
            Self::Register { register, value, .. }
                if register.bytes() < 8 && value >> (8 * register.bytes()) != 0 =>
            {
                Err("the value is too large for the register")
            }
            Self::Read { length, .. } if *length > 1 << 20 => Err("a reading has at most a MiB"),
            _ => Ok(()),
        }
    }
}
