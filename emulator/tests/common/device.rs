//! A device that records every access with its moment, and can do all that disturbs a processor.

use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, InterruptController, MmioDevice, MmioRange, PortDevice, PortRange,
    RestoreError, Signal, Smram, Width,
};
use serde::{Deserialize, Serialize};

use super::WINDOW;

/// Plain ports: reads count up, writes are recorded.
pub const PORT: u16 = 0xe0;
/// Writes set the period of the timer in nanoseconds; zero stops it.
pub const TIMER: u16 = 0xe4;
/// A write is a non-maskable interrupt.
pub const NMI: u16 = 0xe8;
/// A write raises an SMI.
pub const SMI: u16 = 0xe9;
/// A write is one to the coprocessor error register.
pub const COPROCESSOR_ERROR: u16 = 0xea;
/// The vector of the timer.
pub const VECTOR: u8 = 0x40;
/// In the window: a write of an address here…
pub const DMA_ADDRESS: u64 = 0x100;
/// …and of four bytes here writes these to memory.
pub const DMA_DATA: u64 = 0x108;

/// One access, or one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Nanoseconds.
    pub at: u64,
    /// Port, or offset in the window plus 0x10000; `u64::MAX` for the timer.
    pub place: u64,
    /// What was written, or given for a read.
    pub value: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct State {
    log: Vec<Access>,
    reads: u64,
    period: u64,
    dma: u64,
}

/// The device.
#[derive(Default)]
pub struct Toy(State);

impl Toy {
    /// The record in a saved state.
    pub fn log_of(state: &[u8]) -> Vec<Access> {
        postcard::from_bytes::<State>(state).unwrap().log
    }

    fn record(&mut self, cx: &Cx<'_>, place: u64, value: u64) {
        self.0.log.push(Access { at: cx.now(), place, value });
    }

    fn count(&mut self, cx: &Cx<'_>, place: u64) -> u64 {
        self.0.reads = self.0.reads.wrapping_mul(0x5851_f42d).wrapping_add(0x1405_7b7e);
        self.record(cx, place, self.0.reads);
        self.0.reads
    }
}

impl Device for Toy {
    fn identity(&self) -> Identity {
        Identity {
            name: "toy".into(),
            model: "toy",
            ports: vec![PortRange { first: PORT, count: 12, widest: Width::Dword }],
            mmio: vec![MmioRange { base: WINDOW, size: 0x1000, window: 0 }],
            irqs: vec![],
        }
    }

    fn reset(&mut self, _: &mut Cx<'_>) {
        self.0 = State::default();
    }

    fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.0).unwrap()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let refused =
            |error: postcard::Error| RestoreError { device: "toy".into(), reason: error.to_string() };
        self.0 = postcard::from_bytes(state).map_err(refused)?;
        Ok(())
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }

    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        Some(self)
    }

    fn event(&mut self, _: u32, cx: &mut Cx<'_>) {
        self.record(cx, u64::MAX, 0);
        cx.signal(Signal::ExtInt { cpu: 0, level: true });
        if self.0.period != 0 {
            cx.schedule(0, cx.now() + self.0.period);
        }
    }

    fn interrupts(&mut self) -> Option<&mut dyn InterruptController> {
        Some(self)
    }
}

impl InterruptController for Toy {
    fn signal(&mut self, _: Signal, _: &mut Cx<'_>) {}

    fn acknowledge(&mut self, cx: &mut Cx<'_>) -> Option<u8> {
        cx.signal(Signal::ExtInt { cpu: 0, level: false });
        Some(VECTOR)
    }
}

impl PortDevice for Toy {
    fn read(&mut self, port: u16, _: Width, cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        Ok(self.count(cx, u64::from(port)) as u32)
    }

    fn write(&mut self, port: u16, _: Width, value: u32, cx: &mut Cx<'_>) -> Result<(), AccessError> {
        self.record(cx, u64::from(port), u64::from(value));
        match port {
            TIMER => {
                self.0.period = u64::from(value);
                if value == 0 { cx.cancel(0) } else { cx.schedule(0, cx.now() + u64::from(value)) }
            }
            NMI => cx.signal(Signal::Nmi { cpu: 0 }),
            SMI => cx.signal(Signal::Smi { cpu: None }),
            COPROCESSOR_ERROR => cx.signal(Signal::CoprocessorError),
            _ => {}
        }
        Ok(())
    }

    fn register(&self, _: u16, _: bool) -> Option<&'static str> {
        None
    }
}

impl MmioDevice for Toy {
    fn read(&mut self, _: u8, offset: u64, _: Width, cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        Ok(self.count(cx, offset + 0x1_0000))
    }

    fn write(
        &mut self,
        _: u8,
        offset: u64,
        _: Width,
        value: u64,
        cx: &mut Cx<'_>,
    ) -> Result<(), AccessError> {
        self.record(cx, offset + 0x1_0000, value);
        match offset {
            DMA_ADDRESS => self.0.dma = value,
            DMA_DATA => drop(cx.dma_write(self.0.dma, &(value as u32).to_le_bytes())),
            _ => {}
        }
        Ok(())
    }

    fn register(&self, _: u8, _: u64) -> Option<&'static str> {
        None
    }
}

/// A host bridge that shows SMRAM in system management mode.
pub struct Bridge;

impl Device for Bridge {
    fn identity(&self) -> Identity {
        Identity { name: "bridge".into(), ..Identity::default() }
    }

    fn reset(&mut self, _: &mut Cx<'_>) {}

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), RestoreError> {
        Ok(())
    }

    fn smram(&self) -> Option<Smram> {
        Some(Smram { enabled: true, ..Smram::default() })
    }
}
