//! A port that ends the run with the value written to it.

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Signal, Width,
};
use serde::{Deserialize, Serialize};

use crate::saved;

/// Where the exit port sits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebugExitConfig {
    /// The device's name.
    pub name: String,
    /// The first of its four ports.
    pub port: u16,
}

impl Default for DebugExitConfig {
    fn default() -> Self {
        Self { name: "debug_exit".into(), port: 0xf4 }
    }
}

// --- saved state -------------------------------------------------------------------------

#[derive(Serialize, Deserialize)]
struct State {}

/// Four ports; a write of 1, 2 or 4 bytes to any of them ends the run with that value.
pub struct DebugExit {
    config: DebugExitConfig,
}

impl DebugExit {
    /// An exit port.
    pub fn new(config: DebugExitConfig) -> Self {
        Self { config }
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for DebugExit {
    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            model: "debug exit port",
            ports: vec![PortRange { first: self.config.port, count: 4, widest: Width::Dword }],
            ..Identity::default()
        }
    }

    fn reset(&mut self, _cx: &mut Cx<'_>) {}

    fn save(&self) -> Vec<u8> {
        saved::pack(&State {})
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        saved::unpack(&self.config.name, state, |_: &State| Ok(())).map(drop)
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }
}

impl PortDevice for DebugExit {
    fn read(&mut self, _port: u16, _width: Width, _cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        Err(AccessError::Direction)
    }

    fn write(&mut self, _port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        if width > Width::Dword {
            return Err(AccessError::Width);
        }
        cx.signal(Signal::Exit { value: value & width.ones() as u32 });
        Ok(())
    }

    fn register(&self, _port: u16, write: bool) -> Option<&'static str> {
        write.then_some("EXIT")
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use ringhold_emulator::board::Ending;

    #[test]
    fn the_width_of_the_write_is_the_width_of_the_value() {
        let cases = [(Width::Byte, 0xef), (Width::Word, 0xbeef), (Width::Dword, 0xdead_beef)];
        for (width, value) in cases {
            let mut b = Bench::new(DebugExit::new(DebugExitConfig::default()));
            b.board.port_write(0xf4, width, 0xdead_beef);
            assert_eq!(b.board.take_ending(), Some(Ending::Exit(value)));
            assert_eq!(b.in8(0xf4), 0xff);
        }
    }
}
