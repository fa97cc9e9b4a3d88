//! The I/O APIC: Intel 82093AA with 24 pins, and the EOI register of version 0x20.
//!
//! Intel 82093AA data sheet (290566), chapter 3. Pins are wired as on a PC: pin 0 takes the
//! 8259 pair's INTR, pin 2 takes ISA interrupt 0 (the PIT), every other pin takes the global
//! system interrupt of its own number. The interrupt source override in the MADT and the
//! entries of the MP table say the same.
//!
//! Documented differences: lines carry "asserted", so the polarity bit is stored and has no
//! effect; remote IRR is set when the message is sent, not when a local APIC accepts it; writing
//! an entry as edge-triggered clears its remote IRR.

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, InterruptController, MmioDevice, MmioRange, RestoreError, Signal,
    Width, is_unmaskable,
};
use serde::{Deserialize, Serialize};

use crate::saved;

/// Where the registers lie.
pub const IOAPIC_BASE: u64 = 0xfec0_0000;

/// Redirection entries.
pub const PINS: usize = 24;

const VERSION: u32 = 0x20 | (PINS as u32 - 1) << 16;

const REMOTE_IRR: u64 = 1 << 14;
const LEVEL: u64 = 1 << 15;
const MASKED: u64 = 1 << 16;
/// Everything but delivery status, remote IRR and the reserved bits.
const WRITABLE: u64 = 0xff00_0000_0001_afff;

/// How an I/O APIC is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IoapicConfig {
    /// The ID after reset, 0-15; software may change it.
    pub id: u8,
}

// --- saved state ---------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    select: u8,
    id: u8,
    entries: [u64; PINS],
    /// The pins that are asserted.
    pins: u32,
}

impl State {
    fn new(config: &IoapicConfig) -> Self {
        Self { select: 0, id: config.id & 0xf, entries: [MASKED; PINS], pins: 0 }
    }
}

// --- pure model ----------------------------------------------------------------------------

/// The I/O APIC.
pub struct Ioapic {
    config: IoapicConfig,
    state: State,
}

impl Ioapic {
    /// An I/O APIC in its reset state: every entry masked.
    pub fn new(config: IoapicConfig) -> Self {
        Self { state: State::new(&config), config }
    }

    /// The pin that a global system interrupt of the board reaches.
    fn pin(gsi: u8) -> Option<usize> {
        match gsi {
            0 => Some(2),
            // ISA interrupt 2 is the cascade of the 8259 pair; nothing drives it.
            2 => None,
            _ => Some(usize::from(gsi)).filter(|pin| *pin < PINS),
        }
    }

    fn set_pin(&mut self, pin: usize, level: bool, cx: &mut Cx<'_>) {
        let was = self.state.pins >> pin & 1 == 1;
        self.state.pins = self.state.pins & !(1 << pin) | u32::from(level) << pin;
        let edge = self.state.entries[pin] & LEVEL == 0;
        if edge && level && !was {
            self.send(pin, cx);
        } else if !edge {
            self.send_level(pin, cx);
        }
    }

    /// Sends a level-triggered interrupt if its pin is up and none is on its way.
    fn send_level(&mut self, pin: usize, cx: &mut Cx<'_>) {
        let entry = self.state.entries[pin];
        if entry & LEVEL != 0 && entry & REMOTE_IRR == 0 && self.state.pins >> pin & 1 == 1 {
            self.send(pin, cx);
        }
    }

    /// Sends what an entry says; an edge at a masked pin is lost (data sheet, 3.2.4).
    fn send(&mut self, pin: usize, cx: &mut Cx<'_>) {
        let entry = self.state.entries[pin];
        if entry & MASKED != 0 {
            return;
        }
        let delivery = entry >> 8 & 7;
        // SMI, NMI, INIT and ExtINT are edges whatever bit 15 says.
        let level = entry & LEVEL != 0 && delivery <= 1;
        if level {
            self.state.entries[pin] |= REMOTE_IRR;
        }
        let (destination, logical) = ((entry >> 56) as u32, (entry >> 11 & 1) as u32);
        let address = 0xfee0_0000 | destination << 12 | logical << 2;
        let data = (entry & 0x7ff) as u32 | 1 << 14 | u32::from(level) << 15;
        cx.signal(Signal::Message { address, data });
    }

    fn eoi(&mut self, vector: u8, cx: &mut Cx<'_>) {
        for pin in 0..PINS {
            let entry = &mut self.state.entries[pin];
            if *entry as u8 == vector && *entry & REMOTE_IRR != 0 {
                *entry &= !REMOTE_IRR;
                self.send_level(pin, cx);
            }
        }
    }

    fn write_entry(&mut self, pin: usize, high: bool, value: u32, cx: &mut Cx<'_>) {
        let entry = &mut self.state.entries[pin];
        let shift = if high { 32 } else { 0 };
        let mask = WRITABLE & 0xffff_ffff << shift;
        *entry = *entry & !mask | u64::from(value) << shift & mask;
        if *entry & LEVEL == 0 {
            *entry &= !REMOTE_IRR;
        }
        self.send_level(pin, cx);
    }

    fn indexed(&self) -> Result<u32, AccessError> {
        match self.state.select {
            0 | 2 => Ok(u32::from(self.state.id) << 24),
            1 => Ok(VERSION),
            select => {
                let (pin, high) = Self::entry(select).ok_or(AccessError::NoRegister)?;
                Ok((self.state.entries[pin] >> if high { 32 } else { 0 }) as u32)
            }
        }
    }

    fn entry(select: u8) -> Option<(usize, bool)> {
        let at = usize::from(select.checked_sub(0x10)?);
        (at < 2 * PINS).then_some((at / 2, at % 2 == 1))
    }
}

// --- register map --------------------------------------------------------------------------

const IOREGSEL: u64 = 0x00;
const IOWIN: u64 = 0x10;
const EOIR: u64 = 0x40;

impl MmioDevice for Ioapic {
    fn read(&mut self, _window: u8, offset: u64, width: Width, _cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        match (offset, width) {
            (IOREGSEL, Width::Byte | Width::Dword) => Ok(u64::from(self.state.select)),
            (IOWIN, Width::Dword) => self.indexed().map(u64::from),
            (EOIR, Width::Dword) => Err(AccessError::Direction),
            (IOREGSEL | IOWIN | EOIR, _) => Err(AccessError::Width),
            _ => Err(AccessError::NoRegister),
        }
    }

    fn write(
        &mut self,
        _window: u8,
        offset: u64,
        width: Width,
        value: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), AccessError> {
        match (offset, width) {
            (IOREGSEL, Width::Byte | Width::Dword) => self.state.select = value as u8,
            (IOWIN, Width::Dword) => match self.state.select {
                0 => self.state.id = (value >> 24) as u8 & 0xf,
                1 | 2 => return Err(AccessError::Direction),
                select => {
                    let (pin, high) = Self::entry(select).ok_or(AccessError::NoRegister)?;
                    self.write_entry(pin, high, value as u32, cx);
                }
            },
            (EOIR, Width::Dword) => self.eoi(value as u8, cx),
            (IOREGSEL | IOWIN | EOIR, _) => return Err(AccessError::Width),
            _ => return Err(AccessError::NoRegister),
        }
        Ok(())
    }

    fn register(&self, _window: u8, offset: u64) -> Option<&'static str> {
        match offset {
            IOREGSEL => Some("IOREGSEL"),
            EOIR => Some("EOIR"),
            IOWIN => match self.state.select {
                0 => Some("IOAPICID"),
                1 => Some("IOAPICVER"),
                2 => Some("IOAPICARB"),
                select => Self::entry(select).map(|_| "IOREDTBL"),
            },
            _ => None,
        }
    }
}

impl InterruptController for Ioapic {
    fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        match signal {
            Signal::Line { gsi, level } => {
                if let Some(pin) = Self::pin(gsi) {
                    self.set_pin(pin, level, cx);
                }
            }
            Signal::Intr { level } => self.set_pin(0, level, cx),
            Signal::Eoi { vector } => self.eoi(vector, cx),
            _ => {}
        }
    }
}

impl Device for Ioapic {
    fn identity(&self) -> Identity {
        Identity {
            name: "ioapic".into(),
            model: "82093AA I/O APIC",
            mmio: vec![MmioRange { base: IOAPIC_BASE, size: 0x1000, window: 0 }],
            ..Identity::default()
        }
    }

    fn reset(&mut self, _cx: &mut Cx<'_>) {
        self.state = State::new(&self.config);
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.state = saved::unpack("ioapic", state, |s: &State| {
            if s.id < 16 && s.pins >> PINS == 0 { Ok(()) } else { Err("an ID or a pin out of range") }
        })?;
        Ok(())
    }

    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        Some(self)
    }

    fn interrupts(&mut self) -> Option<&mut dyn InterruptController> {
        Some(self)
    }

    fn may_interrupt_unmaskably(&self) -> bool {
        self.state.entries.iter().any(|entry| entry & MASKED == 0 && is_unmaskable(*entry as u32))
    }
}

// --- tests ---------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lapic::{Lapic, LapicConfig};
    use crate::testing::Bench;

    fn bench() -> Bench {
        let mut bench = Bench::new(Lapic::new(LapicConfig::default()));
        bench.attach(Ioapic::new(IoapicConfig::default()));
        bench
    }

    fn write(bench: &mut Bench, index: u32, value: u32) {
        bench.write32(IOAPIC_BASE, index);
        bench.write32(IOAPIC_BASE + 0x10, value);
    }

    fn read(bench: &mut Bench, index: u32) -> u32 {
        bench.write32(IOAPIC_BASE, index);
        bench.read32(IOAPIC_BASE + 0x10)
    }

    /// 82093AA 3.2.1-3.2.3 and the reset state of 3.2.4.
    #[test]
    fn identification_and_reset() {
        let mut b = bench();
        assert_eq!(read(&mut b, 1), 0x0017_0020);
        for pin in 0..PINS as u32 {
            assert_eq!(read(&mut b, 0x10 + 2 * pin), 0x1_0000);
        }
        write(&mut b, 0, 0xffff_ffff);
        assert_eq!(read(&mut b, 0), 0x0f00_0000);
        assert_eq!(read(&mut b, 2), 0x0f00_0000);
        assert_eq!(read(&mut b, 0x40), u32::MAX, "no such register");
    }

    /// 3.2.4: an edge delivers once, one at a masked pin is lost, the PIT arrives at pin 2.
    #[test]
    fn edges() {
        let mut b = bench();
        b.line(0, true);
        write(&mut b, 0x14, 0x30);
        assert_eq!(b.accept(), None);
        b.line(0, false);
        b.line(0, true);
        assert_eq!(b.accept(), Some(0x30));
        assert_eq!(b.accept(), None);
    }

    /// 3.2.4 bits 14 and 15: level interrupts come again until the line falls.
    #[test]
    fn levels_and_remote_irr() {
        let mut b = bench();
        write(&mut b, 0x10 + 2 * 18, 0x8051);
        b.line(18, true);
        assert_eq!(read(&mut b, 0x10 + 2 * 18), 0xc051);
        assert_eq!(b.accept(), Some(0x51));
        b.write32(0xfee0_00b0, 0);
        assert_eq!(b.accept(), Some(0x51), "still asserted at EOI");
        b.line(18, false);
        b.write32(0xfee0_00b0, 0);
        assert_eq!(b.accept(), None);
        assert_eq!(read(&mut b, 0x10 + 2 * 18), 0x8051);
    }

    /// 3.2.4: unmasking an asserted level pin delivers; the EOI register ends one directly.
    #[test]
    fn unmasking_and_eoi_register() {
        let mut b = bench();
        write(&mut b, 0x10 + 2 * 9, 0x1_8061);
        b.line(9, true);
        assert!(!b.board.wires[0].fixed);
        write(&mut b, 0x10 + 2 * 9, 0x8061);
        assert_eq!(b.accept(), Some(0x61));
        b.line(9, false);
        b.write32(IOAPIC_BASE + 0x40, 0x61);
        assert_eq!(read(&mut b, 0x10 + 2 * 9), 0x8061);
    }

    /// 3.2.4 bits 10:8: NMI and ExtINT delivery.
    #[test]
    fn special_delivery_modes() {
        let mut b = bench();
        write(&mut b, 0x10 + 2 * 5, 0x0400);
        b.line(5, true);
        assert!(b.board.wires[0].nmi);
        b.write32(0xfee0_0350, 0x1_0000);
        write(&mut b, 0x10, 0x0700);
        b.signal(Signal::Intr { level: true });
        assert!(b.board.wires[0].ext_int);
        b.signal(Signal::Intr { level: false });
        assert!(!b.board.wires[0].ext_int);
    }

    #[test]
    fn a_logical_destination_selects_by_ldr() {
        let mut b = bench();
        b.write32(0xfee0_00d0, 0x0200_0000);
        write(&mut b, 0x10 + 2 * 4 + 1, 0x0100_0000);
        write(&mut b, 0x10 + 2 * 4, 0x0870);
        b.line(4, true);
        assert_eq!(b.accept(), None);
        b.line(4, false);
        write(&mut b, 0x10 + 2 * 4 + 1, 0x0300_0000);
        b.line(4, true);
        assert_eq!(b.accept(), Some(0x70));
    }

    /// The whole chain: a PCI function by INTx through a level entry, then by MSI around it.
    #[test]
    fn a_pci_function_interrupts() {
        let mut b = bench();
        b.attach(crate::edu::Edu::new(Default::default()));
        let at = ringhold_emulator::bus::pci::PciAddress::new(4, 0);
        b.board.config_write(at, 0x10, &0xe000_0000u32.to_le_bytes());
        b.board.config_write(at, 4, &[6, 0]);
        write(&mut b, 0x10 + 2 * 16, 0x8071);
        b.write32(0xe000_0060, 1);
        assert_eq!(b.accept(), Some(0x71));
        b.write32(0xe000_0064, 1);
        b.write32(0xfee0_00b0, 0);
        assert_eq!(b.accept(), None);
        b.board.config_write(at, 0x44, &0xfee0_0000u32.to_le_bytes());
        b.board.config_write(at, 0x4c, &[0x81, 0]);
        b.board.config_write(at, 0x42, &[1]);
        b.write32(0xe000_0060, 1);
        assert_eq!(b.accept(), Some(0x81));
    }

    #[test]
    fn a_restored_chip_goes_on() {
        let mut b = bench();
        write(&mut b, 0x10 + 2 * 18, 0x8051);
        b.line(18, true);
        b.save_and_restore();
        assert_eq!(read(&mut b, 0x10 + 2 * 18), 0xc051);
    }
}
