//! The debug console known from Bochs: one port that prints what is written to it.

use ringhold_emulator::bus::{AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Width};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// Where the debug console sits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebugconConfig {
    /// The device's name.
    pub name: String,
    /// Its port.
    pub port: u16,
}

impl Default for DebugconConfig {
    fn default() -> Self {
        Self { name: "debugcon".into(), port: 0xe9 }
    }
}

// --- model: nothing is remembered --------------------------------------------------------

/// The value that tells a guest that the console is there.
const PRESENT: u32 = 0xe9;

// --- saved state -------------------------------------------------------------------------

#[derive(Serialize, Deserialize)]
struct State {}

/// A port whose written bytes leave the machine at once.
pub struct Debugcon {
    config: DebugconConfig,
}

impl Debugcon {
    /// A console at the configured port.
    pub fn new(config: DebugconConfig) -> Self {
        Self { config }
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for Debugcon {
    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            model: "debug console port",
            ports: vec![PortRange { first: self.config.port, count: 1, widest: Width::Byte }],
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

impl PortDevice for Debugcon {
    fn read(&mut self, _port: u16, width: Width, _cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        Ok(PRESENT)
    }

    fn write(&mut self, _port: u16, width: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        cx.emit(value as u8);
        Ok(())
    }

    fn register(&self, _port: u16, _write: bool) -> Option<&'static str> {
        Some("DEBUGCON")
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn prints_and_is_found() {
        let mut b = Bench::new(Debugcon::new(DebugconConfig::default()));
        assert_eq!(b.in8(0xe9), 0xe9);
        for byte in *b"ok" {
            b.out8(0xe9, byte);
        }
        assert_eq!(b.output(), b"ok");
        let (device, _) = b.board.device(b.id).unwrap();
        assert!(device.restore(&[1]).is_err());
    }
}
