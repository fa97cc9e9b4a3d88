//! The educational PCI device: a factorial unit, a DMA engine and an interrupt, to learn
//! driver writing on.
//!
//! Register-compatible with QEMU's public specification of `edu` (docs/specs/edu). What is
//! different or more is in `docs/src/devices/edu.md`, which has the whole register map: work
//! takes a fixed virtual time, MSI has a mask bit, a transfer that cannot be done is reported in
//! registers from 0xa0 on, and a fault can be ordered there.

use ringhold_emulator::bus::pci::{Bar, BarKind, ConfigSpace, Header, PciAddress, command};
use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, MmioDevice, PciFunction, RestoreError, Width, is_unmaskable,
};
use serde::{Deserialize, Serialize};

use crate::saved;

/// Nanoseconds per factor of a factorial.
pub const FACTOR_NS: u64 = 1_000;
/// Nanoseconds that a transfer takes beside one per byte.
pub const DMA_SETUP_NS: u64 = 1_000;

const IDENTIFICATION: u64 = 0x0100_00ed;
/// Device address of the buffer.
const BUFFER: u64 = 0x4_0000;
const BUFFER_BYTES: usize = 4096;

const STATUS_COMPUTING: u32 = 0x01;
const STATUS_IRQ_WHEN_DONE: u32 = 0x80;
const IRQ_FACTORIAL: u32 = 0x001;
const IRQ_DMA: u32 = 0x100;

const DMA_START: u64 = 1;
const DMA_TO_RAM: u64 = 2;
const DMA_IRQ: u64 = 4;

const FACTORIAL_TOKEN: u32 = 0;
const DMA_TOKEN: u32 = 1;

/// PCI offset of the MSI capability: 64-bit address, one vector, maskable.
const MSI: usize = 0x40;
const INTERRUPT_STATUS: u8 = 1 << 3;

/// Why a transfer ended early; the value of register 0xa0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum DmaError {
    /// The last transfer was complete, or there was none.
    #[default]
    None = 0,
    /// The device's side was not inside the buffer; nothing was moved.
    Buffer = 1,
    /// The bus side ran into something that is not RAM; the bytes before it were moved.
    NotRam = 2,
    /// The bus side does not fit the DMA mask; nothing was moved.
    Mask = 3,
    /// Bus mastering is off in the command register; nothing was moved.
    NotMaster = 4,
    /// The fault ordered in register 0xb0 struck.
    Injected = 5,
}

/// How an educational device is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EduConfig {
    /// Unique on the board.
    pub name: String,
    /// Device and function on bus 0.
    pub slot: (u8, u8),
    /// The global system interrupt that INTA# is wired to.
    pub gsi: u8,
    /// The highest bus address that DMA reaches; QEMU's default is 28 bits.
    pub dma_mask: u64,
}

impl Default for EduConfig {
    fn default() -> Self {
        Self { name: "edu".into(), slot: (4, 0), gsi: 16, dma_mask: (1 << 28) - 1 }
    }
}

// --- saved state ---------------------------------------------------------------------------

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The 256 bytes of configuration space.
    config: Vec<u8>,
    liveness: u32,
    factorial: u32,
    /// Bits 0 (computing) and 7 (interrupt when done).
    status: u32,
    interrupts: u32,
    dma_source: u64,
    dma_destination: u64,
    dma_count: u64,
    dma_command: u64,
    dma_error: DmaError,
    dma_done: u64,
    /// 0, or one more than the bytes after which the next transfer fails.
    fault: u64,
    /// INTx as last driven.
    line: bool,
    buffer: Vec<u8>,
}

// --- pure model ----------------------------------------------------------------------------

/// `n!` modulo 2^32; it is 0 from 34 on.
fn factorial(n: u32) -> u32 {
    if n >= 34 { 0 } else { (1..=n).fold(1, u32::wrapping_mul) }
}

/// The educational device.
pub struct Edu {
    build: EduConfig,
    config: ConfigSpace,
    state: State,
}

impl Edu {
    /// The device in its reset state, BAR unassigned.
    pub fn new(build: EduConfig) -> Self {
        Self { config: config_space(&build), state: Self::fresh(), build }
    }

    fn fresh() -> State {
        State { buffer: vec![0; BUFFER_BYTES], ..State::default() }
    }

    fn raise(&mut self, value: u32, cx: &mut Cx<'_>) {
        self.state.interrupts |= value;
        if self.msi_enabled() && self.state.interrupts != 0 {
            if self.config.byte(MSI + 0x10) & 1 == 1 {
                self.config.set(MSI + 0x14, &[1]);
            } else {
                self.send_message(cx);
            }
        }
        self.update(cx);
    }

    fn msi_enabled(&self) -> bool {
        self.config.byte(MSI + 2) & 1 == 1
    }

    fn send_message(&self, cx: &mut Cx<'_>) {
        let address = u64::from(self.config.dword(MSI + 4)) | u64::from(self.config.dword(MSI + 8)) << 32;
        if self.config.command() & command::BUS_MASTER != 0 {
            cx.message(address, self.config.word(MSI + 0xc).into());
        }
    }

    /// Drives INTx from the interrupt status and config space.
    fn update(&mut self, cx: &mut Cx<'_>) {
        let pending = self.state.interrupts != 0 && !self.msi_enabled();
        let status = self.config.byte(6);
        let bit = if pending { INTERRUPT_STATUS } else { 0 };
        self.config.set(6, &[status & !INTERRUPT_STATUS | bit]);
        let line = pending && self.config.command() & command::INTX_DISABLE == 0;
        if line != self.state.line {
            self.state.line = line;
            cx.set_line(self.build.gsi, line);
        }
    }

    fn busy(&self) -> bool {
        self.state.dma_command & DMA_START != 0
    }

    fn start_dma(&mut self, value: u64, cx: &mut Cx<'_>) {
        self.state.dma_command = value & (DMA_START | DMA_TO_RAM | DMA_IRQ);
        if self.busy() {
            let moved = self.state.dma_count.min(BUFFER_BYTES as u64);
            cx.schedule(DMA_TOKEN, cx.now().saturating_add(DMA_SETUP_NS + moved));
        }
    }

    fn finish_dma(&mut self, cx: &mut Cx<'_>) {
        let (error, done) = self.transfer(cx);
        self.state.dma_error = error;
        self.state.dma_done = done;
        self.state.dma_command &= !DMA_START;
        if self.state.dma_command & DMA_IRQ != 0 {
            self.raise(IRQ_DMA, cx);
        }
    }

    fn transfer(&mut self, cx: &mut Cx<'_>) -> (DmaError, u64) {
        let to_ram = self.state.dma_command & DMA_TO_RAM != 0;
        let (source, destination) = (self.state.dma_source, self.state.dma_destination);
        let (bus, device) = if to_ram { (destination, source) } else { (source, destination) };
        let asked = self.state.dma_count;
        let fits = |first: u64, last: u64, at: u64| {
            at >= first && at.checked_add(asked.saturating_sub(1)).is_some_and(|end| end <= last)
        };
        if self.config.command() & command::BUS_MASTER == 0 {
            return (DmaError::NotMaster, 0);
        }
        if !fits(BUFFER, BUFFER + BUFFER_BYTES as u64 - 1, device) {
            return (DmaError::Buffer, 0);
        }
        if !fits(0, self.build.dma_mask, bus) {
            return (DmaError::Mask, 0);
        }
        let fault = std::mem::take(&mut self.state.fault).checked_sub(1).filter(|after| *after < asked);
        let count = fault.unwrap_or(asked) as usize;
        let at = (device - BUFFER) as usize;
        let bytes = &mut self.state.buffer[at..at + count];
        let done = if to_ram { cx.dma_write(bus, bytes) } else { cx.dma_read(bus, bytes) };
        let error = match fault {
            _ if done < count => DmaError::NotRam,
            Some(_) => DmaError::Injected,
            None => DmaError::None,
        };
        (error, done as u64)
    }
}

fn config_space(build: &EduConfig) -> ConfigSpace {
    let header = Header {
        vendor: 0x1234,
        device: 0x11e8,
        revision: 0x10,
        class: 0x00ff00,
        subsystem_vendor: 0x1af4,
        subsystem: 0x1100,
        interrupt_pin: 1,
        multifunction: false,
    };
    let mut config = ConfigSpace::new(PciAddress::new(build.slot.0, build.slot.1), header);
    config.add_bar(Bar { number: 0, kind: BarKind::Memory32, size: 1 << 20 });
    // Message control: 64-bit address, per-vector masking, one vector.
    let mut body = [0; 22];
    body[0] = 1 << 7;
    body[1] = 1;
    let mut writable = [0; 22];
    writable[0] = 1;
    writable[2..10].copy_from_slice(&[0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    writable[10..12].copy_from_slice(&[0xff, 0xff]);
    writable[14] = 1;
    config.add_capability(0x05, MSI as u8, &body, &writable);
    config.set(0x3c, &[build.gsi]);
    config
}

// --- register map --------------------------------------------------------------------------

/// The registers, by BAR offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    Identification,
    Liveness,
    Factorial,
    Status,
    InterruptStatus,
    InterruptRaise,
    InterruptAck,
    DmaSource,
    DmaDestination,
    DmaCount,
    DmaCommand,
    DmaError,
    DmaDone,
    FaultAfter,
}

impl Register {
    const MAP: [(u64, Self, &'static str); 14] = [
        (0x00, Self::Identification, "IDENTIFICATION"),
        (0x04, Self::Liveness, "LIVENESS"),
        (0x08, Self::Factorial, "FACTORIAL"),
        (0x20, Self::Status, "STATUS"),
        (0x24, Self::InterruptStatus, "INTERRUPT_STATUS"),
        (0x60, Self::InterruptRaise, "INTERRUPT_RAISE"),
        (0x64, Self::InterruptAck, "INTERRUPT_ACK"),
        (0x80, Self::DmaSource, "DMA_SOURCE"),
        (0x88, Self::DmaDestination, "DMA_DESTINATION"),
        (0x90, Self::DmaCount, "DMA_COUNT"),
        (0x98, Self::DmaCommand, "DMA_COMMAND"),
        (0xa0, Self::DmaError, "DMA_ERROR"),
        (0xa8, Self::DmaDone, "DMA_DONE"),
        (0xb0, Self::FaultAfter, "FAULT_AFTER"),
    ];

    /// The register at `offset`, and whether its upper half is meant.
    fn at(offset: u64) -> Option<(Self, bool, &'static str)> {
        Self::MAP.into_iter().find_map(|(at, register, name)| {
            let high = at >= 0x80 && at + 4 == offset;
            (at == offset || high).then_some((register, high, name))
        })
    }

    /// Four bytes below 0x80, four or eight from there on.
    fn decode(offset: u64, width: Width) -> Result<(Self, bool), AccessError> {
        let (register, high, _) = Self::at(offset).ok_or(AccessError::NoRegister)?;
        match width {
            Width::Dword => Ok((register, high)),
            Width::Qword if offset >= 0x80 && !high => Ok((register, false)),
            _ => Err(AccessError::Width),
        }
    }
}

impl MmioDevice for Edu {
    fn read(&mut self, _window: u8, offset: u64, width: Width, _cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        let (register, high) = Register::decode(offset, width)?;
        let state = &self.state;
        let value = match register {
            Register::Identification => IDENTIFICATION,
            Register::Liveness => state.liveness.into(),
            Register::Factorial => state.factorial.into(),
            Register::Status => state.status.into(),
            Register::InterruptStatus => state.interrupts.into(),
            Register::InterruptRaise | Register::InterruptAck => return Err(AccessError::Direction),
            Register::DmaSource => state.dma_source,
            Register::DmaDestination => state.dma_destination,
            Register::DmaCount => state.dma_count,
            Register::DmaCommand => state.dma_command,
            Register::DmaError => state.dma_error as u64,
            Register::DmaDone => state.dma_done,
            Register::FaultAfter => state.fault,
        };
        Ok((if high { value >> 32 } else { value }) & width.ones())
    }

    fn write(
        &mut self,
        _window: u8,
        offset: u64,
        width: Width,
        value: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), AccessError> {
        let (register, high) = Register::decode(offset, width)?;
        // A 4-byte write clears the upper half; one to the upper half then adds it.
        let merge = |old: u64| if high { old & 0xffff_ffff | value << 32 } else { value & width.ones() };
        let busy = self.busy();
        let state = &mut self.state;
        match register {
            Register::Liveness => state.liveness = !(value as u32),
            Register::Factorial if state.status & STATUS_COMPUTING == 0 => {
                state.factorial = value as u32;
                state.status |= STATUS_COMPUTING;
                let factors = u64::from(value as u32).max(1);
                cx.schedule(FACTORIAL_TOKEN, cx.now().saturating_add(factors * FACTOR_NS));
            }
            Register::Status => {
                let bit = value as u32 & STATUS_IRQ_WHEN_DONE;
                state.status = state.status & STATUS_COMPUTING | bit;
            }
            Register::InterruptRaise => self.raise(value as u32, cx),
            Register::InterruptAck => {
                state.interrupts &= !(value as u32);
                self.update(cx);
            }
            Register::DmaSource if !busy => state.dma_source = merge(state.dma_source),
            Register::DmaDestination if !busy => state.dma_destination = merge(state.dma_destination),
            Register::DmaCount if !busy => state.dma_count = merge(state.dma_count),
            Register::DmaCommand if !busy && !high => self.start_dma(value, cx),
            Register::FaultAfter => state.fault = merge(state.fault),
            Register::Identification | Register::InterruptStatus | Register::DmaError | Register::DmaDone => {
                return Err(AccessError::Direction);
            }
            // A unit at work ignores writes to its registers.
            _ => {}
        }
        Ok(())
    }

    fn register(&self, _window: u8, offset: u64) -> Option<&'static str> {
        Register::at(offset).map(|found| found.2)
    }
}

impl PciFunction for Edu {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn config_written(&mut self, _offset: u16, _len: u16, cx: &mut Cx<'_>) {
        let unmasked = self.config.byte(MSI + 0x10) & 1 == 0;
        if self.msi_enabled() && unmasked && self.config.byte(MSI + 0x14) & 1 == 1 {
            self.config.set(MSI + 0x14, &[0]);
            self.send_message(cx);
        }
        self.update(cx);
    }
}

impl Device for Edu {
    fn identity(&self) -> Identity {
        Identity {
            name: self.build.name.clone(),
            model: "educational PCI device",
            irqs: vec![self.build.gsi],
            ..Identity::default()
        }
    }

    fn may_interrupt_unmaskably(&self) -> bool {
        self.msi_enabled() && is_unmaskable(self.config.word(MSI + 0xc).into())
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        if self.state.line {
            cx.set_line(self.build.gsi, false);
        }
        self.config = config_space(&self.build);
        self.state = Self::fresh();
        cx.cancel(FACTORIAL_TOKEN);
        cx.cancel(DMA_TOKEN);
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&State { config: self.config.bytes().to_vec(), ..self.state.clone() })
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let state = saved::unpack(&self.build.name, state, |s: &State| {
            if s.config.len() != self.config.bytes().len() {
                return Err("configuration space of a wrong size");
            }
            if s.buffer.len() == BUFFER_BYTES { Ok(()) } else { Err("buffer of a wrong size") }
        })?;
        self.config.set(0, &state.config);
        self.state = State { config: Vec::new(), ..state };
        Ok(())
    }

    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        Some(self)
    }

    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        Some(self)
    }

    fn event(&mut self, token: u32, cx: &mut Cx<'_>) {
        match token {
            FACTORIAL_TOKEN if self.state.status & STATUS_COMPUTING != 0 => {
                self.state.factorial = factorial(self.state.factorial);
                self.state.status &= !STATUS_COMPUTING;
                if self.state.status & STATUS_IRQ_WHEN_DONE != 0 {
                    self.raise(IRQ_FACTORIAL, cx);
                }
            }
            DMA_TOKEN if self.busy() => self.finish_dma(cx),
            _ => {}
        }
    }
}

// --- tests ---------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use ringhold_emulator::bus::Signal;

    const BAR: u64 = 0xe000_0000;
    const AT: PciAddress = PciAddress::new(4, 0);

    fn bench() -> Bench {
        let mut b = Bench::new(Edu::new(EduConfig::default()));
        b.board.config_write(AT, 0x10, &(BAR as u32).to_le_bytes());
        b.board.config_write(AT, 4, &[6, 0]);
        b
    }

    #[test]
    fn identification_and_liveness() {
        let mut b = bench();
        assert_eq!(b.read32(BAR), 0x0100_00ed);
        b.write32(BAR + 4, 0x1234_5678);
        assert_eq!(b.read32(BAR + 4), !0x1234_5678);
        assert_eq!(b.read32(BAR + 0xc), u32::MAX, "no register");
        assert_eq!(b.read64(BAR), u64::MAX, "no 8-byte access below 0x80");
        assert_eq!(b.board.mmio_hit(BAR + 0x9c).unwrap().register.unwrap(), "DMA_COMMAND");
    }

    #[test]
    fn factorials_take_time() {
        for (n, result) in [(0u32, 1u32), (1, 1), (5, 120), (12, 479_001_600), (13, 1_932_053_504), (40, 0)] {
            let mut b = bench();
            b.write32(BAR + 0x20, 0x80);
            b.write32(BAR + 8, n);
            assert_eq!(b.read32(BAR + 0x20), 0x81);
            b.write32(BAR + 8, 3);
            b.advance(u64::from(n.max(1)) * FACTOR_NS - 1);
            assert_eq!(b.read32(BAR + 0x20), 0x81);
            b.advance(1);
            assert_eq!((b.read32(BAR + 0x20), b.read32(BAR + 8)), (0x80, result));
            assert_eq!(b.read32(BAR + 0x24), 1);
            assert!(b.level(16));
            b.write32(BAR + 0x64, 1);
            assert!(!b.level(16));
        }
    }

    #[test]
    fn intx_follows_the_status_and_its_disable_bit() {
        let mut b = bench();
        b.write32(BAR + 0x60, 0xf0);
        assert!(b.level(16));
        let mut status = [0; 2];
        b.board.config_read(AT, 6, &mut status);
        assert_eq!(status[0] & 8, 8);
        b.board.config_write(AT, 5, &[4]);
        assert!(!b.level(16));
        b.board.config_write(AT, 5, &[0]);
        assert!(b.level(16));
        b.write32(BAR + 0x64, 0x70);
        assert!(b.level(16));
        assert_eq!(b.read32(BAR + 0x24), 0x80);
        b.write32(BAR + 0x64, 0x80);
        assert!(!b.level(16));
    }

    /// PCI Local Bus Specification 3.0, 6.8.1: MSI with mask and pending bits.
    #[test]
    fn msi() {
        let mut b = bench();
        b.board.config_write(AT, 0x44, &0xfee0_0003u32.to_le_bytes());
        b.board.config_write(AT, 0x4c, &[0x41, 0]);
        b.board.config_write(AT, 0x42, &[0xff]);
        let mut control = [0; 2];
        b.board.config_read(AT, 0x42, &mut control);
        assert_eq!(u16::from_le_bytes(control), 0x0181);
        let sent = |b: &mut Bench| {
            let count = |s: &&(u64, Signal)| s.1 == Signal::Message { address: 0xfee0_0000, data: 0x41 };
            b.signals().iter().filter(count).count()
        };
        b.write32(BAR + 0x60, 1);
        assert_eq!(sent(&mut b), 1);
        assert!(!b.level(16));
        b.board.config_write(AT, 0x50, &[1]);
        b.write32(BAR + 0x60, 2);
        assert_eq!(sent(&mut b), 1);
        b.board.config_write(AT, 0x50, &[0]);
        assert_eq!(sent(&mut b), 2, "the pending one is sent when the mask goes");
    }

    fn dma(b: &mut Bench, source: u64, destination: u64, count: u64, command: u64) -> (u64, u64) {
        b.write64(BAR + 0x80, source);
        b.write64(BAR + 0x88, destination);
        b.write64(BAR + 0x90, count);
        b.write64(BAR + 0x98, command);
        b.advance(DMA_SETUP_NS + 5000);
        assert_eq!(b.read64(BAR + 0x98) & 1, 0);
        (b.read64(BAR + 0xa0), b.read64(BAR + 0xa8))
    }

    #[test]
    fn dma_both_ways() {
        let mut b = bench();
        b.board.fabric.memory.write(0x2000, b"ringhold");
        assert_eq!(dma(&mut b, 0x2000, 0x4_0ff8, 8, 1), (0, 8));
        assert_eq!(b.read32(BAR + 0x24), 0);
        assert_eq!(dma(&mut b, 0x4_0ff8, 0x3000, 8, 7), (0, 8));
        assert_eq!(b.read32(BAR + 0x24), 0x100);
        let mut bytes = [0; 8];
        b.board.fabric.memory.read(0x3000, &mut bytes);
        assert_eq!(&bytes, b"ringhold");
    }

    #[test]
    fn dma_registers_by_halves() {
        let mut b = bench();
        b.write64(BAR + 0x80, u64::MAX);
        b.write32(BAR + 0x80, 0x1111_1111);
        assert_eq!(b.read64(BAR + 0x80), 0x1111_1111);
        b.write32(BAR + 0x84, 0x22);
        assert_eq!(b.read64(BAR + 0x80), 0x22_1111_1111);
        b.write64(BAR + 0x98, 1);
        b.write32(BAR + 0x80, 5);
        assert_eq!(b.read32(BAR + 0x80), 0x1111_1111, "busy");
    }

    #[test]
    fn dma_errors_are_reported() {
        let mut b = bench();
        assert_eq!(dma(&mut b, 0, 0x4_0001, 4096, 1), (1, 0));
        assert_eq!(dma(&mut b, 0, 0x3_ffff, 1, 1), (1, 0));
        assert_eq!(dma(&mut b, 0, u64::MAX, u64::MAX, 1), (1, 0));
        assert_eq!(dma(&mut b, 0xfffc, 0x4_0000, 8, 1), (2, 4), "RAM ends at 0x10000");
        assert_eq!(dma(&mut b, 0x4_0000, 0x1000_0000, 1, 3), (3, 0));
        assert_eq!(dma(&mut b, 0x4_0000, 0x0fff_ffff, 2, 3), (3, 0));
        b.write64(BAR + 0xb0, 4);
        assert_eq!(dma(&mut b, 0, 0x4_0000, 8, 1), (5, 3));
        assert_eq!(dma(&mut b, 0, 0x4_0000, 8, 1), (0, 8), "a fault strikes once");
        b.board.config_write(AT, 4, &[2]);
        assert_eq!(dma(&mut b, 0, 0x4_0000, 8, 1), (4, 0));
    }

    #[test]
    fn a_restored_device_goes_on() {
        let mut b = bench();
        b.write32(BAR + 8, 5);
        b.write32(BAR + 0x60, 4);
        b.save_and_restore();
        assert_eq!(b.read32(BAR + 0x24), 4);
        b.advance(5 * FACTOR_NS);
        assert_eq!(b.read32(BAR + 8), 120);
    }
}
