//! The PCI host bridge, 00:00.0: the identity of an Intel 440FX (82441FX data sheet, 290549).
//!
//! The SMRAM register (0x72) decides when the RAM behind 0xA0000-0xBFFFF answers. The others are
//! stored and have no effect. In particular the programmable attribute map (PAM, 0x59-0x5f) does
//! not switch 0xC0000-0xFFFFF between ROM and RAM: what lies there is fixed by the machine's
//! memory description. Configuration mechanism #1 belongs to the board.

use ringhold_emulator::bus::pci::{ConfigSpace, Header, PciAddress};
use ringhold_emulator::bus::{Cx, Device, Identity, PciFunction, RestoreError, Signal, Smram};
use serde::{Deserialize, Serialize};

use crate::saved;

/// Where the SMRAM register lies (82441FX data sheet, 3.2.20).
const SMRAM: usize = 0x72;
// Its bits.
const D_OPEN: u8 = 1 << 6;
const D_CLS: u8 = 1 << 5;
const D_LCK: u8 = 1 << 4;
const G_SMRAME: u8 = 1 << 3;

/// How a host bridge is built; nothing to choose yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PciHostConfig {}

// --- saved state ---------------------------------------------------------------------------

#[derive(Serialize, Deserialize)]
struct State {
    config: Vec<u8>,
}

// --- pure model ----------------------------------------------------------------------------

/// The host bridge.
pub struct PciHost {
    config: ConfigSpace,
}

impl PciHost {
    /// The bridge in its reset state.
    pub fn new(_config: PciHostConfig) -> Self {
        Self { config: config_space() }
    }

    /// Once D_LCK is set, D_OPEN is clear and neither can be changed.
    fn lock(&mut self) {
        let value = self.config.byte(SMRAM);
        if value & D_LCK != 0 {
            self.config.set(SMRAM, &[value & !D_OPEN]);
            self.config.allow(SMRAM, &[D_CLS | G_SMRAME]);
        }
    }
}

/// 82441FX data sheet, chapter 3.2.
fn config_space() -> ConfigSpace {
    let header = Header {
        vendor: 0x8086,
        device: 0x1237,
        revision: 2,
        class: 0x06_00_00,
        subsystem_vendor: 0,
        subsystem: 0,
        interrupt_pin: 0,
        multifunction: false,
    };
    let mut config = ConfigSpace::new(PciAddress::new(0, 0), header);
    // PCICMD: memory access and bus master hard-wired on. PCISTS: medium DEVSEL timing.
    config.set(0x04, &[0x06, 0x00, 0x80, 0x02]);
    config.allow(0x04, &[0x40, 0x01]);
    config.allow(0x3c, &[0]);
    // DRAM control, PAM0-PAM6, DRAM row boundaries, SMRAM.
    config.set(0x57, &[0x01]);
    config.set(0x60, &[0x01; 8]);
    config.set(SMRAM, &[0x02]);
    config.allow(0x50, &[0xff; 9]);
    config.allow(0x59, &[0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33]);
    config.allow(0x60, &[0xff; 8]);
    config.allow(SMRAM, &[D_OPEN | D_CLS | D_LCK | G_SMRAME]);
    config
}

// --- register map --------------------------------------------------------------------------

impl PciFunction for PciHost {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn config_written(&mut self, offset: u16, len: u16, cx: &mut Cx<'_>) {
        let register = SMRAM as u16;
        if (offset..offset + len).contains(&register) {
            self.lock();
            cx.signal(Signal::Smram);
        }
    }
}

impl Device for PciHost {
    fn identity(&self) -> Identity {
        Identity { name: "pci_host".into(), model: "82441FX host bridge", ..Identity::default() }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        self.config = config_space();
        cx.signal(Signal::Smram);
    }

    fn smram(&self) -> Option<Smram> {
        let value = self.config.byte(SMRAM);
        let has = |bit: u8| value & bit != 0;
        Some(Smram { enabled: has(G_SMRAME), open: has(D_OPEN), closed: has(D_CLS) })
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&State { config: self.config.bytes().to_vec() })
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let state = saved::unpack("pci_host", state, |s: &State| {
            let whole = s.config.len() == self.config.bytes().len();
            if whole { Ok(()) } else { Err("configuration space of a wrong size") }
        })?;
        self.config = config_space();
        self.config.set(0, &state.config);
        self.lock();
        Ok(())
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
    use ringhold_emulator::bus::Width;
    use ringhold_emulator::memory::Target;

    fn select(b: &mut Bench, register: u32) {
        b.board.port_write(0xcf8, Width::Dword, 0x8000_0000 | register);
    }

    /// 82441FX 3.2.1, 3.2.2: found by mechanism #1.
    #[test]
    fn identity() {
        let mut b = Bench::new(PciHost::new(PciHostConfig::default()));
        select(&mut b, 0);
        assert_eq!(b.board.port_read(0xcfc, Width::Dword), 0x1237_8086);
        select(&mut b, 8);
        assert_eq!(b.board.port_read(0xcfc, Width::Dword), 0x0600_0002);
        select(&mut b, 4);
        b.board.port_write(0xcfc, Width::Word, 0);
        assert_eq!(b.board.port_read(0xcfc, Width::Word), 6, "hard-wired");
    }

    /// 82441FX 3.2.18: PAM is stored, its reserved bits are not.
    #[test]
    fn pam() {
        let mut b = Bench::new(PciHost::new(PciHostConfig::default()));
        select(&mut b, 0x58);
        b.board.port_write(0xcfc, Width::Dword, u32::MAX);
        assert_eq!(b.board.port_read(0xcfc, Width::Dword), 0x3333_30ff);
        b.save_and_restore();
        assert_eq!(b.board.port_read(0xcfc, Width::Dword), 0x3333_30ff);
    }

    /// 82441FX 3.2.20: what answers, by D_OPEN, D_CLS and SMIACT#; and the lock.
    #[test]
    fn smram() {
        let mut b = Bench::new(PciHost::new(PciHostConfig::default()));
        b.board.fabric.memory.put_smram(0xa_0000, 0x8000, 0x8000);
        let at = PciAddress::new(0, 0);
        let data_and_code = |b: &Bench| {
            let memory = &b.board.fabric.memory;
            (memory.target(0xa_0000) != Target::Hole, memory.code_target(0xa_0000) != Target::Hole)
        };
        for (value, outside, inside) in [
            (0x02, (false, false), (false, false)),
            (0x0a, (false, false), (true, true)),
            (0x4a, (true, true), (true, true)),
            (0x2a, (false, false), (false, true)),
            (0x42, (false, false), (false, false)),
            (0x5a, (false, false), (true, true)),
        ] {
            b.board.config_write(at, 0x72, &[value]);
            assert_eq!(data_and_code(&b), outside, "{value:#x}");
            b.board.set_smm(true);
            assert_eq!(data_and_code(&b), inside, "{value:#x}");
            b.board.set_smm(false);
        }
        b.save_and_restore();
        b.board.config_write(at, 0x72, &[0x6a]);
        let mut byte = [0];
        b.board.config_read(at, 0x72, &mut byte);
        assert_eq!(byte, [0x3a], "locked");
        b.board.reset();
        b.board.config_read(at, 0x72, &mut byte);
        assert_eq!(byte, [0x02]);
    }
}
