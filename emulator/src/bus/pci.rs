//! PCI configuration space: the fields with their rules, and mechanism #1 (ports 0xCF8/0xCFC).
//!
//! PCI Local Bus Specification 3.0, chapters 3.2.2.3 (mechanism #1) and 6 (configuration space).

use serde::{Deserialize, Serialize};

/// Bytes of a conventional configuration space.
pub const CONFIG_BYTES: usize = 256;

/// Command register bits (offset 4).
pub mod command {
    /// Respond to I/O space accesses.
    pub const IO: u16 = 1 << 0;
    /// Respond to memory space accesses.
    pub const MEMORY: u16 = 1 << 1;
    /// Act as bus master.
    pub const BUS_MASTER: u16 = 1 << 2;
    /// INTx is disabled.
    pub const INTX_DISABLE: u16 = 1 << 10;
}

/// Where a function sits: bus, device, function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PciAddress {
    /// 0-255
    pub bus: u8,
    /// 0-31
    pub device: u8,
    /// 0-7
    pub function: u8,
}

impl PciAddress {
    /// An address on bus 0.
    pub const fn new(device: u8, function: u8) -> Self {
        Self { bus: 0, device, function }
    }
}

impl std::fmt::Display for PciAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

/// What a base address register maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BarKind {
    /// I/O ports.
    Io,
    /// 32-bit memory.
    Memory32,
    /// 64-bit memory; it takes this BAR and the next.
    Memory64,
}

/// A base address register: its number, kind and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// 0-5
    pub number: u8,
    /// What it maps.
    pub kind: BarKind,
    /// Bytes or ports; a power of two (memory: at least 4096, io: at least 4).
    pub size: u64,
}

/// A BAR that is decoded now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The BAR.
    pub bar: Bar,
    /// Physical address or port of its first byte.
    pub base: u64,
}

/// The 256 bytes of one function, each bit with its rule.
///
/// A written bit is stored where `writable` has a one, clears the stored bit where
/// `write_one_clears` has a one and the written bit is one, and is ignored elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigSpace {
    /// Where the function sits; fixed by the board's configuration.
    pub address: PciAddress,
    bytes: Vec<u8>,
    writable: Vec<u8>,
    write_one_clears: Vec<u8>,
    bars: Vec<Bar>,
}

/// The identifying part of a type 0 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Offset 0
    pub vendor: u16,
    /// Offset 2
    pub device: u16,
    /// Offset 8
    pub revision: u8,
    /// Offsets 9-11: programming interface in the low byte, then subclass, then class.
    pub class: u32,
    /// Offset 0x2c
    pub subsystem_vendor: u16,
    /// Offset 0x2e
    pub subsystem: u16,
    /// Offset 0x3d: 0 none, 1 INTA# to 4 INTD#
    pub interrupt_pin: u8,
    /// Bit 7 of offset 0x0e
    pub multifunction: bool,
}

impl ConfigSpace {
    /// A type 0 header with the usual field rules: command bits I/O, memory, bus master, parity,
    /// SERR# and INTx disable writable, status error bits write-1-to-clear, interrupt line,
    /// cache line and latency plain.
    pub fn new(address: PciAddress, header: Header) -> Self {
        let mut space = Self {
            address,
            bytes: vec![0; CONFIG_BYTES],
            writable: vec![0; CONFIG_BYTES],
            write_one_clears: vec![0; CONFIG_BYTES],
            bars: Vec::new(),
        };
        space.set(0x00, &header.vendor.to_le_bytes());
        space.set(0x02, &header.device.to_le_bytes());
        space.set(0x08, &[header.revision]);
        space.set(0x09, &header.class.to_le_bytes()[..3]);
        space.set(0x0e, &[if header.multifunction { 0x80 } else { 0 }]);
        space.set(0x2c, &header.subsystem_vendor.to_le_bytes());
        space.set(0x2e, &header.subsystem.to_le_bytes());
        space.set(0x3d, &[header.interrupt_pin]);
        space.allow(0x04, &0x0547u16.to_le_bytes());
        space.clears(0x06, &0xf900u16.to_le_bytes());
        space.allow(0x0c, &[0xff, 0xf8]);
        space.allow(0x3c, &[0xff]);
        space
    }

    /// Adds a base address register, unassigned.
    ///
    /// # Panics
    /// If the device's author gave a size that is no power of two, or too many BARs: that is a
    /// mistake in the model, never in what a guest or a file says.
    pub fn add_bar(&mut self, bar: Bar) {
        let least = if bar.kind == BarKind::Io { 4 } else { 4096 };
        assert!(bar.size.is_power_of_two() && bar.size >= least && bar.number < 6, "bad BAR {bar:?}");
        let offset = 0x10 + 4 * usize::from(bar.number);
        let mask = !(bar.size - 1);
        match bar.kind {
            BarKind::Io => {
                self.set(offset, &[1]);
                self.allow(offset, &((mask as u32) & 0xfffc).to_le_bytes());
            }
            BarKind::Memory32 => self.allow(offset, &((mask as u32) & !0xf).to_le_bytes()),
            BarKind::Memory64 => {
                assert!(bar.number < 5, "a 64-bit BAR takes two");
                self.set(offset, &[4]);
                self.allow(offset, &(mask & !0xf).to_le_bytes());
            }
        }
        self.bars.push(bar);
    }

    /// Links a capability of `body` (what follows the ID and next-pointer bytes) at `offset`
    /// into the list; the writable bits are given by `writable`, as long as `body`.
    pub fn add_capability(&mut self, id: u8, offset: u8, body: &[u8], writable: &[u8]) {
        let head = self.bytes[0x34];
        let at = usize::from(offset);
        self.set(0x34, &[offset]);
        self.set(at, &[id, head]);
        self.set(at + 2, body);
        self.allow(at + 2, writable);
        self.bytes[0x06] |= 0x10;
    }

    /// Stores bytes as the device itself does, past every rule (the `Backdoor` semantics).
    /// What lies beyond the space is dropped.
    pub fn set(&mut self, offset: usize, bytes: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().skip(offset).zip(bytes) {
            *slot = *byte;
        }
    }

    /// Sets which bits software may change at `offset`.
    pub fn allow(&mut self, offset: usize, mask: &[u8]) {
        for (slot, byte) in self.writable.iter_mut().skip(offset).zip(mask) {
            *slot = *byte;
        }
    }

    /// Sets which bits are cleared by writing a one at `offset`.
    pub fn clears(&mut self, offset: usize, mask: &[u8]) {
        for (slot, byte) in self.write_one_clears.iter_mut().skip(offset).zip(mask) {
            *slot = *byte;
        }
    }

    /// The stored bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One stored byte; all ones beyond the space.
    pub fn byte(&self, offset: usize) -> u8 {
        self.bytes.get(offset).copied().unwrap_or(0xff)
    }

    /// Two stored bytes.
    pub fn word(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.byte(offset), self.byte(offset + 1)])
    }

    /// Four stored bytes.
    pub fn dword(&self, offset: usize) -> u32 {
        u32::from(self.word(offset)) | u32::from(self.word(offset + 2)) << 16
    }

    /// The command register.
    pub fn command(&self) -> u16 {
        self.word(4)
    }

    /// Which bits of the byte at `offset` software can change: stored ones and write-1-to-clear ones.
    pub fn masks(&self, offset: usize) -> (u8, u8) {
        (
            self.writable.get(offset).copied().unwrap_or(0),
            self.write_one_clears.get(offset).copied().unwrap_or(0),
        )
    }

    /// Writes one byte by the field rules, as a configuration cycle does.
    pub fn write(&mut self, offset: usize, value: u8) {
        let (writable, clears) = self.masks(offset);
        if let Some(byte) = self.bytes.get_mut(offset) {
            *byte = (*byte & !writable | value & writable) & !(value & clears);
        }
    }

    /// The BARs that exist.
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// The base that a BAR holds now, decoded or not.
    pub fn bar_base(&self, bar: Bar) -> u64 {
        let offset = 0x10 + 4 * usize::from(bar.number);
        let low = u64::from(self.dword(offset));
        match bar.kind {
            BarKind::Io => low & 0xfffc,
            BarKind::Memory32 => low & 0xffff_fff0,
            BarKind::Memory64 => low & 0xffff_fff0 | u64::from(self.dword(offset + 4)) << 32,
        }
    }

    /// Assigns a BAR, as firmware does.
    pub fn assign_bar(&mut self, number: u8, base: u64) {
        let Some(bar) = self.bars.iter().copied().find(|bar| bar.number == number) else { return };
        let length = if bar.kind == BarKind::Memory64 { 8 } else { 4 };
        for (i, byte) in base.to_le_bytes().into_iter().take(length).enumerate() {
            self.write(0x10 + 4 * usize::from(number) + i, byte);
        }
    }

    /// The BARs that the command register enables and that hold a usable base: not zero, not
    /// the all-ones of a size probe.
    pub fn mappings(&self) -> Vec<Mapping> {
        let enabled = |bar: &Bar| {
            let bit = if bar.kind == BarKind::Io { command::IO } else { command::MEMORY };
            self.command() & bit != 0
        };
        self.bars
            .iter()
            .filter(|bar| enabled(bar))
            .map(|&bar| Mapping { bar, base: self.bar_base(bar) })
            .filter(|m| {
                let limit = match m.bar.kind {
                    BarKind::Io => 0x1_0000,
                    BarKind::Memory32 => 0x1_0000_0000,
                    BarKind::Memory64 => 1 << 52,
                };
                m.base != 0
                    && m.base.checked_add(m.bar.size).is_some_and(|end| {
                        end < limit
                            || m.bar.kind != BarKind::Memory64 && end == limit && m.base != limit - m.bar.size
                    })
            })
            .collect()
    }
}

/// Configuration mechanism #1: the address latch at port 0xCF8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism1 {
    /// CONFIG_ADDRESS as last written by a 32-bit access.
    pub address: u32,
}

impl Mechanism1 {
    /// The function and register that an access to port `0xcfc + lane` means, if bit 31 enables it.
    pub fn target(&self, lane: u16) -> Option<(PciAddress, u16)> {
        let a = self.address;
        (a >> 31 == 1).then(|| {
            let address = PciAddress {
                bus: (a >> 16) as u8,
                device: (a >> 11 & 0x1f) as u8,
                function: (a >> 8 & 7) as u8,
            };
            (address, (a & 0xfc) as u16 + lane)
        })
    }
}
