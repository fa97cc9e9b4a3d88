//! The buses: what a device is to the machine, and how accesses find it.
//!
//! A device is reached through small capability traits, each behind an
//! `Option`-returning method of [`Device`]. A wrong access is a value
//! ([`AccessError`]); the bus decides what the guest reads then (all ones).

mod context;
mod lines;
pub mod mmio;
pub mod pci;
pub mod ports;

pub use context::{Cx, Fabric, Signal, is_unmaskable};
pub use lines::{Driver, Lines};

use serde::{Deserialize, Serialize};

/// Names a device on a board; boards number their devices from zero in the order of attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId(pub u16);

/// The size of one bus access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Width {
    /// 1 byte
    Byte,
    /// 2 bytes
    Word,
    /// 4 bytes
    Dword,
    /// 8 bytes (memory only)
    Qword,
}

impl Width {
    /// The size in bytes: 1, 2, 4 or 8.
    pub const fn bytes(self) -> usize {
        1 << self as usize
    }

    /// The width of `bytes` bytes, if there is one.
    pub const fn from_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            1 => Some(Self::Byte),
            2 => Some(Self::Word),
            4 => Some(Self::Dword),
            8 => Some(Self::Qword),
            _ => None,
        }
    }

    /// All ones in this width: what a bus reads where nothing answers.
    pub const fn ones(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

/// Why a device did not perform an access. The bus turns a failed read into all ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum AccessError {
    /// Nothing is decoded at this address.
    #[error("no device answers at this address")]
    NoResponse,
    /// The device has no register there.
    #[error("the device has no register there")]
    NoRegister,
    /// The register exists but not in this width.
    #[error("the register cannot be accessed in this width")]
    Width,
    /// The register cannot be read or cannot be written.
    #[error("the register does not allow this direction")]
    Direction,
}

/// A span of I/O ports that a device decodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// How many ports; at least 1.
    pub count: u16,
    /// The widest access the device takes whole. The bus splits wider ones, lowest port first.
    pub widest: Width,
}

/// A span of physical addresses that a device decodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MmioRange {
    /// Physical address of the first byte, 4 KiB aligned.
    pub base: u64,
    /// Bytes; a multiple of 4 KiB.
    pub size: u64,
    /// The device's own number for this window, handed back with each access.
    pub window: u8,
}

/// What a device is and what it occupies; the source of `ringhold devices` and of decoding.
/// BARs of PCI functions are not listed here: the config space moves them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Unique on the board: `com1`, `pic`, `edu0`.
    pub name: String,
    /// The chip that is modelled: `16550A UART`.
    pub model: &'static str,
    /// Fixed ports.
    pub ports: Vec<PortRange>,
    /// Fixed physical windows.
    pub mmio: Vec<MmioRange>,
    /// Global system interrupts (0-23) that the device may drive.
    pub irqs: Vec<u8>,
}

/// Why a saved state was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the saved state of {device} does not fit: {reason}")]
pub struct RestoreError {
    /// The device's name.
    pub device: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What a host bridge says of the SMRAM behind the video window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Smram {
    /// It answers in system management mode.
    pub enabled: bool,
    /// It answers in every mode.
    pub open: bool,
    /// It does not answer data accesses in system management mode, instruction fetches alone.
    pub closed: bool,
}

/// A piece of virtual hardware.
///
/// Its state is plain data: [`Device::save`] gives all that the future depends on, and a
/// device restored from it behaves the same. Saved bytes enter the state hash.
pub trait Device: Send {
    /// What it is and what it occupies; constant over its life.
    fn identity(&self) -> Identity;

    /// Power-on or hardware reset: every register to its documented reset value.
    fn reset(&mut self, cx: &mut Cx<'_>);

    /// The complete state, in a stable encoding (postcard of one state struct).
    fn save(&self) -> Vec<u8>;

    /// Replaces the state by one that [`Device::save`] gave.
    ///
    /// # Errors
    /// When the bytes are not a state of this device; the old state is kept then.
    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError>;

    /// The device's ports, if it decodes any.
    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        None
    }

    /// The device's memory windows, if it decodes any (fixed ones or BARs).
    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        None
    }

    /// The device's PCI function, if it is one.
    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        None
    }

    /// Called when an event that the device scheduled is due.
    fn event(&mut self, _token: u32, _cx: &mut Cx<'_>) {}

    /// Interrupt wires and messages, for interrupt controllers.
    fn interrupts(&mut self) -> Option<&mut dyn InterruptController> {
        None
    }

    /// The device's gate of address bit 20, if it has one: whether it lets the bit through. The bit
    /// is masked while all gates mask it.
    fn a20(&self) -> Option<bool> {
        None
    }

    /// What it says of SMRAM, if it is the host bridge.
    fn smram(&self) -> Option<Smram> {
        None
    }

    /// Whether an SMI, NMI or INIT may come of it in time, as it is programmed: a processor that
    /// halts with interrupts off waits for that.
    fn may_interrupt_unmaskably(&self) -> bool {
        false
    }

    /// The local APIC of a processor, if it is one.
    fn local_apic(&mut self) -> Option<&mut dyn LocalApic> {
        None
    }

    /// Bytes that arrive from outside (a serial line, a keyboard); the device takes all of
    /// them and lets the guest see them at its own pace.
    fn input(&mut self, _bytes: &[u8], _cx: &mut Cx<'_>) {}
}

/// Access to a device's ports.
pub trait PortDevice {
    /// Reads `width` at `port`. The upper bits of the result are ignored.
    fn read(&mut self, port: u16, width: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError>;

    /// Writes the low `width` bits of `value` to `port`.
    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError>;

    /// The manual's name of the register at `port` now (`THR`, `OCW1`), for receipts and traces.
    fn register(&self, port: u16, write: bool) -> Option<&'static str>;
}

/// Access to a device's memory windows.
pub trait MmioDevice {
    /// Reads `width` at `offset` of `window`.
    fn read(&mut self, window: u8, offset: u64, width: Width, cx: &mut Cx<'_>) -> Result<u64, AccessError>;

    /// Writes the low `width` bits of `value` at `offset` of `window`.
    fn write(
        &mut self,
        window: u8,
        offset: u64,
        width: Width,
        value: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), AccessError>;

    /// The manual's name of the register at `offset`, for receipts and traces.
    fn register(&self, window: u8, offset: u64) -> Option<&'static str>;
}

/// A PCI function: its configuration space, and what happens beside the plain field rules.
pub trait PciFunction {
    /// Where it sits and what its header says.
    fn config(&self) -> &pci::ConfigSpace;

    /// The same, to change.
    fn config_mut(&mut self) -> &mut pci::ConfigSpace;

    /// Called after a write to config space has passed the field masks, with the bytes touched.
    /// The bus re-maps BARs by itself.
    fn config_written(&mut self, _offset: u16, _len: u16, _cx: &mut Cx<'_>) {}
}

/// A device that receives interrupt wires or messages: 8259 pair, I/O APIC, local APIC.
pub trait InterruptController {
    /// Something changed on the interrupt fabric. Controllers ignore what is not for them.
    fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>);

    /// INTA cycle to an 8259 pair: acknowledges and returns the vector. Others return `None`.
    fn acknowledge(&mut self, _cx: &mut Cx<'_>) -> Option<u8> {
        None
    }
}

/// What the processor core asks of its local APIC (SDM volume 3, chapter 12).
pub trait LocalApic {
    /// The processor it belongs to, counted from zero.
    fn cpu(&self) -> usize;

    /// The highest-priority deliverable fixed interrupt is accepted: moved from IRR to ISR.
    /// `None` if none is above the processor priority.
    fn accept(&mut self, cx: &mut Cx<'_>) -> Option<u8>;

    /// CR8: bits 7:4 of the task priority.
    fn cr8(&self) -> u8;

    /// A write to CR8; `value` is 0 to 15.
    fn set_cr8(&mut self, value: u8, cx: &mut Cx<'_>);

    /// RDMSR of IA32_APIC_BASE (0x1b), IA32_TSC_DEADLINE (0x6e0), x2APIC registers (0x800-0x8ff).
    /// `None` stands for #GP(0).
    fn read_msr(&mut self, msr: u32, cx: &mut Cx<'_>) -> Option<u64>;

    /// WRMSR of the same. `None` stands for #GP(0).
    fn write_msr(&mut self, msr: u32, value: u64, cx: &mut Cx<'_>) -> Option<()>;
}
