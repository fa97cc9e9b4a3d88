//! The ISA bridge, 00:01.0: function 0 of a PIIX3 (82371SB data sheet, 290550), its reset
//! control register at port 0xCF9, and its coprocessor error register at port 0xF0: a write takes
//! IRQ 13 away and asserts IGNNE#, until the processor takes FERR# back.
//!
//! The PIRQ routing registers (0x60-0x63) are stored and have no effect: every PCI function of
//! a machine has a global system interrupt of its own, fixed by configuration.

use ringhold_emulator::bus::pci::{ConfigSpace, Header, PciAddress};
use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, PciFunction, PortDevice, PortRange, RestoreError, Signal, Width,
};
use serde::{Deserialize, Serialize};

use crate::saved;

/// The reset control register's port.
pub const RESET_CONTROL: u16 = 0xcf9;
/// The coprocessor error register's port.
pub const COPROCESSOR_ERROR: u16 = 0xf0;

const SYSTEM_RESET: u8 = 1 << 1;
const RESET_CPU: u8 = 1 << 2;

/// How an ISA bridge is built; nothing to choose yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsaBridgeConfig {}

// --- saved state ---------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    config: Vec<u8>,
    reset_control: u8,
}

// --- pure model ----------------------------------------------------------------------------

/// The ISA bridge.
pub struct IsaBridge {
    config: ConfigSpace,
    reset_control: u8,
}

impl IsaBridge {
    /// The bridge in its reset state.
    pub fn new(_config: IsaBridgeConfig) -> Self {
        Self { config: config_space(), reset_control: 0 }
    }
}

/// 82371SB data sheet, chapter 3.2 (function 0).
fn config_space() -> ConfigSpace {
    let header = Header {
        vendor: 0x8086,
        device: 0x7000,
        revision: 0,
        class: 0x06_01_00,
        subsystem_vendor: 0,
        subsystem: 0,
        interrupt_pin: 0,
        multifunction: true,
    };
    let mut config = ConfigSpace::new(PciAddress::new(1, 0), header);
    // PCICMD: I/O, memory and bus master hard-wired on. PCISTS: medium DEVSEL timing.
    config.set(0x04, &[0x07, 0x00, 0x00, 0x02]);
    config.allow(0x04, &[0x08, 0x01]);
    config.allow(0x3c, &[0]);
    // ISA recovery timer, X-bus chip select, PIRQRC[A:D], top of memory.
    config.set(0x4c, &[0x4d, 0x00, 0x03, 0x00]);
    config.allow(0x4c, &[0x7f, 0x00, 0xff, 0x01]);
    config.set(0x60, &[0x80; 4]);
    config.allow(0x60, &[0x8f; 4]);
    config.set(0x69, &[0x02]);
    config.allow(0x69, &[0xfe]);
    config
}

// --- register map --------------------------------------------------------------------------

impl PortDevice for IsaBridge {
    fn read(&mut self, port: u16, width: Width, _cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        saved::byte_wide(width)?;
        if port == COPROCESSOR_ERROR {
            return Err(AccessError::Direction);
        }
        Ok(self.reset_control.into())
    }

    /// 82371SB 2.5.5.2: any value will do. 3.4.4.1: the reset begins when bit 2 goes from 0 to 1. Hard and soft reset are
    /// the same here: both reset the whole machine.
    fn write(&mut self, port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        saved::byte_wide(width)?;
        if port == COPROCESSOR_ERROR {
            cx.signal(Signal::CoprocessorError);
            return Ok(());
        }
        let value = value as u8 & (SYSTEM_RESET | RESET_CPU);
        if value & !self.reset_control & RESET_CPU != 0 {
            cx.signal(Signal::Reset);
        }
        self.reset_control = value;
        Ok(())
    }

    fn register(&self, port: u16, _write: bool) -> Option<&'static str> {
        Some(if port == COPROCESSOR_ERROR { "CPE" } else { "RC" })
    }
}

impl PciFunction for IsaBridge {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }
}

impl Device for IsaBridge {
    fn identity(&self) -> Identity {
        Identity {
            name: "isa_bridge".into(),
            model: "82371SB (PIIX3) ISA bridge",
            ports: vec![
                PortRange { first: COPROCESSOR_ERROR, count: 1, widest: Width::Byte },
                PortRange { first: RESET_CONTROL, count: 1, widest: Width::Byte },
            ],
            ..Identity::default()
        }
    }

    fn reset(&mut self, _cx: &mut Cx<'_>) {
        self.config = config_space();
        self.reset_control = 0;
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&State { config: self.config.bytes().to_vec(), reset_control: self.reset_control })
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let state = saved::unpack("isa_bridge", state, |s: &State| {
            let whole = s.config.len() == self.config.bytes().len();
            if whole { Ok(()) } else { Err("configuration space of a wrong size") }
        })?;
        self.config.set(0, &state.config);
        self.reset_control = state.reset_control;
        Ok(())
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }

    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        Some(self)
    }
}

// --- tests ---------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use ringhold_emulator::board::Ending;

    fn bench() -> Bench {
        Bench::new(IsaBridge::new(IsaBridgeConfig::default()))
    }

    /// 82371SB 3.2: identity, multifunction bit, PIRQ routing stored.
    #[test]
    fn configuration() {
        let mut b = bench();
        let at = PciAddress::new(1, 0);
        let mut bytes = [0; 16];
        assert!(b.board.config_read(at, 0, &mut bytes));
        assert_eq!(bytes[..4], [0x86, 0x80, 0x00, 0x70]);
        assert_eq!((bytes[9..12].to_vec(), bytes[14]), (vec![0x00, 0x01, 0x06], 0x80));
        b.board.config_write(at, 0x60, &[0xff, 0x0b]);
        let mut pirq = [0; 4];
        b.board.config_read(at, 0x60, &mut pirq);
        assert_eq!(pirq, [0x8f, 0x0b, 0x80, 0x80]);
        b.save_and_restore();
    }

    /// 82371SB 3.4.4.1; mechanism #1 around it keeps working.
    #[test]
    fn reset_control() {
        let mut b = bench();
        b.out8(0xcf9, 2);
        assert_eq!(b.board.take_ending(), None);
        b.out8(0xcf9, 6);
        assert_eq!(b.board.take_ending(), Some(Ending::Reset));
        b.out8(0xcf9, 6);
        assert_eq!(b.board.take_ending(), None, "an edge is needed");
        b.board.port_write(0xcf8, Width::Dword, 0x8000_0800);
        assert_eq!(b.board.port_read(0xcfc, Width::Dword), 0x7000_8086);
    }
}
