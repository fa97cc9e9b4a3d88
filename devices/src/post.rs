//! Ports 0x80 to 0x8f: the latches of the DMA page registers, the first of which firmware
//! uses for power-on self-test codes.
//!
//! Source: Intel 82371AB (PIIX4) data sheet, "DMA Memory Low Page Registers". There is no DMA
//! controller behind them; the latches hold what was written.

use ringhold_emulator::bus::{AccessError, Cx, Device, Identity, PortDevice, PortRange, RestoreError, Width};
use serde::{Deserialize, Serialize};

use crate::saved::{self, byte_wide};

/// What can be chosen about the latches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostConfig {
    /// The device's name.
    pub name: String,
}

impl Default for PostConfig {
    fn default() -> Self {
        Self { name: "post".into() }
    }
}

// --- saved state -------------------------------------------------------------------------

const FIRST: u16 = 0x80;

#[derive(Default, Serialize, Deserialize)]
struct State {
    latches: [u8; 16],
}

/// Sixteen byte latches.
pub struct Post {
    config: PostConfig,
    state: State,
}

impl Post {
    /// The latches, all zero.
    pub fn new(config: PostConfig) -> Self {
        Self { config, state: State::default() }
    }

    fn latch(&mut self, port: u16) -> Result<&mut u8, AccessError> {
        self.state.latches.get_mut(usize::from(port.wrapping_sub(FIRST))).ok_or(AccessError::NoRegister)
    }
}

// --- on the bus --------------------------------------------------------------------------

impl Device for Post {
    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            model: "POST code and DMA page latches",
            ports: vec![PortRange { first: FIRST, count: 16, widest: Width::Byte }],
            ..Identity::default()
        }
    }

    fn reset(&mut self, _cx: &mut Cx<'_>) {
        self.state = State::default();
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

impl PortDevice for Post {
    fn read(&mut self, port: u16, width: Width, _cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        byte_wide(width)?;
        Ok((*self.latch(port)?).into())
    }

    fn write(&mut self, port: u16, width: Width, value: u32, _cx: &mut Cx<'_>) -> Result<(), AccessError> {
        byte_wide(width)?;
        *self.latch(port)? = value as u8;
        Ok(())
    }

    fn register(&self, port: u16, _write: bool) -> Option<&'static str> {
        Some(match port {
            0x80 => "POST",
            0x81 => "PAGE2",
            0x82 => "PAGE3",
            0x83 => "PAGE1",
            0x87 => "PAGE0",
            0x89 => "PAGE6",
            0x8a => "PAGE7",
            0x8b => "PAGE5",
            0x8f => "PAGE4",
            0x84..=0x8e => "PAGE RESERVED",
            _ => return None,
        })
    }
}

// --- tests -------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn the_last_post_code_is_state() {
        let mut b = Bench::new(Post::new(PostConfig::default()));
        b.board.port_write(0x80, Width::Word, 0x55aa);
        assert_eq!((b.in8(0x80), b.in8(0x81)), (0xaa, 0x55));
        let (device, _) = b.board.device(b.id).unwrap();
        assert_eq!(device.save()[..2], [0xaa, 0x55]);
    }
}
