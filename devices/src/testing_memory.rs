//! The tiny board of the unit tests: memory windows, PCI functions, local APIC.

use ringhold_emulator::bus::{Device, DeviceId};
use ringhold_emulator::memory::Target;

use crate::testing::Bench;

impl Bench {
    /// Adds a device and resets the board.
    pub fn attach(&mut self, device: impl Device + 'static) -> DeviceId {
        let id = self.board.attach(Box::new(device)).expect("room on the board");
        self.board.reset();
        id
    }

    fn mmio(&self, address: u64) -> (DeviceId, u8, u64) {
        match self.board.fabric.memory.target(address) {
            Target::Mmio { device, window, offset } => (device, window, offset),
            other => panic!("no device at {address:#x} but {other:?}"),
        }
    }

    pub fn read<const N: usize>(&mut self, address: u64) -> [u8; N] {
        let (device, window, offset) = self.mmio(address);
        let mut bytes = [0; N];
        self.board.mmio_read(device, window, offset, &mut bytes);
        bytes
    }

    pub fn write(&mut self, address: u64, bytes: &[u8]) {
        let (device, window, offset) = self.mmio(address);
        self.board.mmio_write(device, window, offset, bytes);
    }

    pub fn read32(&mut self, address: u64) -> u32 {
        u32::from_le_bytes(self.read(address))
    }

    pub fn write32(&mut self, address: u64, value: u32) {
        self.write(address, &value.to_le_bytes());
    }

    pub fn read64(&mut self, address: u64) -> u64 {
        u64::from_le_bytes(self.read(address))
    }

    pub fn write64(&mut self, address: u64, value: u64) {
        self.write(address, &value.to_le_bytes());
    }

    /// Takes the fixed interrupt of processor 0, if one is deliverable.
    pub fn accept(&mut self) -> Option<u8> {
        self.board.wires[0].fixed.then(|| self.board.acknowledge(0)).flatten()
    }

    /// Saves every device, resets it, restores it and compares.
    pub fn save_and_restore(&mut self) {
        let states: Vec<Vec<u8>> = self.board.device_states().into_iter().map(|s| s.1).collect();
        for (index, state) in states.iter().enumerate() {
            let id = DeviceId(index as u16);
            let (device, fabric) = self.board.device(id).unwrap();
            let events = fabric.events.clone();
            device.reset(&mut fabric.cx(id));
            fabric.events = events;
            fabric.signals.clear();
            device.restore(state).unwrap();
            assert_eq!(&device.save(), state);
            assert!(device.restore(&[0xff; 3]).is_err(), "nonsense is refused");
            assert_eq!(&device.save(), state, "and changes nothing");
            self.board.remap(id);
        }
    }
}
