//! A tiny board for the unit tests of devices.

use ringhold_emulator::Board;
use ringhold_emulator::bus::{
    Cx, Device, DeviceId, Identity, InterruptController, RestoreError, Signal, Width,
};
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::time::Clock;

use crate::saved;

/// Writes down every signal that reaches interrupt controllers, with its moment.
#[derive(Default)]
struct Probe {
    seen: Vec<(u64, Signal)>,
}

impl Device for Probe {
    fn identity(&self) -> Identity {
        Identity { name: "probe".into(), model: "signal recorder", ..Identity::default() }
    }

    fn reset(&mut self, _cx: &mut Cx<'_>) {}

    fn save(&self) -> Vec<u8> {
        saved::pack(&self.seen)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        self.seen = saved::unpack("probe", state, |_| Ok(()))?;
        Ok(())
    }

    fn interrupts(&mut self) -> Option<&mut dyn InterruptController> {
        Some(self)
    }
}

impl InterruptController for Probe {
    fn signal(&mut self, signal: Signal, cx: &mut Cx<'_>) {
        self.seen.push((cx.now(), signal));
    }
}

/// A board with 64 KiB of RAM, one processor's wires, a signal recorder and the device under test.
pub(crate) struct Bench {
    pub board: Board,
    pub id: DeviceId,
    probe: DeviceId,
}

impl Bench {
    pub fn new(device: impl Device + 'static) -> Self {
        let mut memory = Memory::new(0x1_0000).expect("backing");
        memory.map_mut().add(Range::ram(0, 0x1_0000, 0)).expect("an empty map");
        let mut board = Board::new(memory, Clock::new(1000), 1);
        let probe = board.attach(Box::new(Probe::default())).expect("an empty board");
        let id = board.attach(Box::new(device)).expect("an empty board");
        board.reset();
        Self { board, id, probe }
    }

    pub fn out8(&mut self, port: u16, value: u8) {
        self.board.port_write(port, Width::Byte, value.into());
    }

    pub fn in8(&mut self, port: u16) -> u8 {
        self.board.port_read(port, Width::Byte) as u8
    }

    pub fn now(&self) -> u64 {
        self.board.fabric.clock.now_ns()
    }

    /// Lets `ns` nanoseconds pass and runs each event at its moment.
    pub fn advance(&mut self, ns: u64) {
        self.advance_to(self.now() + ns);
    }

    pub fn advance_to(&mut self, end: u64) {
        while let Some(at) = self.board.fabric.events.next_at().filter(|at| *at <= end) {
            self.board.fabric.clock.skip_to(at);
            self.board.run_events();
        }
        self.board.fabric.clock.skip_to(end);
    }

    /// Sends a signal as if another device had.
    pub fn signal(&mut self, signal: Signal) {
        self.board.fabric.signals.push_back(signal);
        self.board.settle();
    }

    pub fn line(&mut self, gsi: u8, level: bool) {
        self.signal(Signal::Line { gsi, level });
    }

    /// Everything signalled so far, with its moment.
    pub fn signals(&mut self) -> Vec<(u64, Signal)> {
        let (probe, _) = self.board.device(self.probe).expect("the probe");
        saved::unpack("probe", &probe.save(), |_| Ok(())).expect("its own state")
    }

    /// The changes of one interrupt line so far, with their moments.
    pub fn edges(&mut self, line: u8) -> Vec<(u64, bool)> {
        let of_line = |(at, signal)| match signal {
            Signal::Line { gsi, level } if gsi == line => Some((at, level)),
            _ => None,
        };
        self.signals().into_iter().filter_map(of_line).collect()
    }

    /// The level of one interrupt line.
    pub fn level(&mut self, line: u8) -> bool {
        self.edges(line).last().is_some_and(|edge| edge.1)
    }

    /// What the device sent out since the last call.
    pub fn output(&mut self) -> Vec<u8> {
        self.board.fabric.output.drain(..).map(|(_, byte)| byte).collect()
    }

    pub fn input(&mut self, bytes: &[u8]) {
        self.board.input(self.id, bytes);
    }

    /// The manual's name of the register at `port`.
    pub fn register(&mut self, port: u16, write: bool) -> Option<String> {
        self.board.port_hit(port, write).and_then(|hit| hit.register)
    }
}
