//! System control port A: the fast A20 gate and the fast reset of the PS/2.
//!
//! Source: IBM PS/2 Hardware Interface Technical Reference, "System Control Port A (Hex 0092)";
//! Intel 82371AB (PIIX4) has the same bits.

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Signal, Width,
};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// What can be chosen about port 0x92.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Port92Config {
    /// The device's name.
    pub name: String,
}

impl Default for Port92Config {
    fn default() -> Self {
        Self { name: "port92".into() }
    }
}

// --- saved state -------------------------------------------------------------------------

const FAST_INIT: u8 = 0x01;
const ALT_A20: u8 = 0x02;

#[derive(Default, Serialize, Deserialize)]
struct State {
    latch: u8,
}

/// One latch. Both this port and the keyboard controller gate A20: either lets it through.
pub struct Port92 {
    config: Port92Config,
    state: State,
}

impl Port92 {
    /// The port after power-on.
    pub fn new(config: Port92Config) -> Self {
        Self { config, state: State::default() }
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for Port92 {
    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            model: "system control port A",
            ports: vec![PortRange { first: 0x92, count: 1, widest: Width::Byte }],
            ..Identity::default()
        }
    }

    fn reset(&mut self, cx: &mut Cx<'_>) {
        self.state = State::default();
        cx.signal(Signal::A20);
    }

    fn a20(&self) -> Option<bool> {
        Some(self.state.latch & ALT_A20 != 0)
    }

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.state = saved::unpack(&self.config.name, state, |_| Ok(()))?;
        Ok(())
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }
}

impl PortDevice for Port92 {
    fn read(&mut self, _port: u16, width: Width, _cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        Ok(self.state.latch.into())
    }

    fn write(&mut self, _port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        let value = value as u8;
        let changed = self.state.latch ^ value;
        self.state.latch = value;
        if changed & ALT_A20 != 0 {
            cx.signal(Signal::A20);
        }
        if changed & value & FAST_INIT != 0 {
            cx.signal(Signal::Reset);
        }
        Ok(())
    }

    fn register(&self, _port: u16, _write: bool) -> Option<&'static str> {
        Some("SCPA")
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use ringhold_emulator::board::Ending;

    /// "System Control Port A", bits 1 and 0.
    #[test]
    fn gates_a20_and_resets_on_a_rising_bit() {
        let mut b = Bench::new(Port92::new(Port92Config::default()));
        b.out8(0x92, 0x02);
        assert!(b.board.fabric.memory.a20());
        b.out8(0x92, 0x00);
        assert!(!b.board.fabric.memory.a20());
        assert_eq!(b.board.take_ending(), None);
        b.out8(0x92, 0x03);
        assert!(b.board.fabric.memory.a20());
        assert_eq!(b.board.take_ending(), Some(Ending::Reset));
        b.out8(0x92, 0x03);
        assert_eq!(b.board.take_ending(), None);
        assert_eq!(b.in8(0x92), 0x03);
    }

    #[test]
    fn either_gate_lets_a20_through() {
        let mut b = Bench::new(Port92::new(Port92Config::default()));
        b.board.attach(Box::new(crate::i8042::I8042::new(Default::default()))).unwrap();
        let mut after = |port: u16, value: u8| {
            b.out8(port, value);
            b.board.fabric.memory.a20()
        };
        assert!(after(0x92, 0x02));
        assert!(after(0x64, 0xdd));
        assert!(!after(0x92, 0x00));
        assert!(after(0x64, 0xdf));
        assert!(after(0x92, 0x02));
        assert!(after(0x92, 0x00));
        b.out8(0x64, 0xdd);
        b.board.reset();
        assert!(b.board.fabric.memory.a20());
    }
}
