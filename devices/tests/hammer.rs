//! Every device under random accesses, input and time: nothing panics, and a device restored
//! from its saved state goes on exactly as the one that was saved.

use proptest::prelude::*;
use ringhold_devices::catalogue::{self, Maker};
use ringhold_emulator::Board;
use ringhold_emulator::bus::{Device, DeviceId, Identity, Signal, Width};
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::time::Clock;

/// One thing that happens to a device. Numbers are reduced to what the device offers.
#[derive(Clone, Debug)]
enum Action {
    PortRead { port: u16, width: Width },
    PortWrite { port: u16, width: Width, value: u32 },
    MmioRead { window: usize, offset: u64, len: usize },
    MmioWrite { window: usize, offset: u64, len: usize, value: u64 },
    ConfigRead { offset: u16 },
    ConfigWrite { offset: u16, value: u8 },
    Line { gsi: u8, level: bool },
    Message { address: u32, data: u32 },
    Eoi { vector: u8 },
    Acknowledge,
    ApicMsr { msr: u32, value: Option<u64> },
    Cr8 { value: u8 },
    Input { bytes: Vec<u8> },
    Time { ns: u64 },
    Reset,
}

fn width() -> impl Strategy<Value = Width> {
    prop_oneof![4 => Just(Width::Byte), 1 => Just(Width::Word), 1 => Just(Width::Dword)]
}

/// Values with few bits and values with all bits are more telling than even ones.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0u64..256, Just(0), Just(u64::MAX), (0u32..64).prop_map(|bit| 1 << bit),]
}

/// Small register offsets and BAR-sized ones.
fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![(0u64..0x400), (0u64..0x100).prop_map(|n| n * 16), any::<u64>()]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => 0u64..1000,
        8 => 0u64..200_000,
        4 => 0u64..10_000_000,
        1 => 0u64..2_000_000_000,
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        10 => (any::<u16>(), width()).prop_map(|(port, width)| Action::PortRead { port, width }),
        20 => (any::<u16>(), width(), value())
            .prop_map(|(port, width, v)| Action::PortWrite { port, width, value: v as u32 }),
        5 => (any::<usize>(), offset(), 1usize..=8)
            .prop_map(|(window, offset, len)| Action::MmioRead { window, offset, len }),
        10 => (any::<usize>(), offset(), 1usize..=8, value())
            .prop_map(|(window, offset, len, value)| Action::MmioWrite { window, offset, len, value }),
        1 => (0u16..256).prop_map(|offset| Action::ConfigRead { offset }),
        2 => (0u16..256, any::<u8>()).prop_map(|(offset, value)| Action::ConfigWrite { offset, value }),
        3 => (0u8..32, any::<bool>()).prop_map(|(gsi, level)| Action::Line { gsi, level }),
        1 => (0u32..0x10_0000, any::<u32>())
            .prop_map(|(low, data)| Action::Message { address: 0xfee0_0000 | low, data }),
        1 => any::<u8>().prop_map(|vector| Action::Eoi { vector }),
        3 => Just(Action::Acknowledge),
        2 => (prop_oneof![Just(0x1bu32), Just(0x6e0), 0x800u32..0x900], prop::option::of(value()))
            .prop_map(|(msr, value)| Action::ApicMsr { msr, value }),
        1 => (0u8..16).prop_map(|value| Action::Cr8 { value }),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Action::Input { bytes }),
        10 => time().prop_map(|ns| Action::Time { ns }),
        1 => Just(Action::Reset),
    ]
}

/// A board with one device, and what was seen of it.
struct Subject {
    board: Board,
    id: DeviceId,
    identity: Identity,
    seen: Vec<u64>,
}

/// The run ends early rather than following millions of events, as of a timer with count 2.
const EVENTS_PER_STEP: usize = 2000;

impl Subject {
    fn new(device: Box<dyn Device>) -> Self {
        let mut memory = Memory::new(0x1_0000).unwrap();
        memory.map_mut().add(Range::ram(0, 0x1_0000, 0)).unwrap();
        let mut board = Board::new(memory, Clock::new(1000), 1);
        let identity = device.identity();
        let id = board.attach(device).unwrap();
        board.reset();
        Self { board, id, identity, seen: Vec::new() }
    }

    /// A fresh device of the same kind in the same surroundings, with the saved state.
    fn restored(&mut self, make: Maker) -> Self {
        let mut other = Self::new(make());
        other.board.fabric.clock = self.board.fabric.clock.clone();
        other.board.fabric.events = self.board.fabric.events.clone();
        other.board.wires = self.board.wires.clone();
        other.board.fabric.memory.set_view(self.board.fabric.memory.view());
        let mut ram = vec![0; 0x1_0000];
        self.board.fabric.memory.read(0, &mut ram);
        other.board.fabric.memory.write(0, &ram);
        let state = self.state();
        other.device().restore(&state).expect("its own state");
        other.board.remap(other.id);
        assert_eq!(other.state(), state, "a restored device saves what it was restored from");
        // What differs only because the first board has a past.
        self.board.take_ending();
        other.board.take_ending();
        self.board.fabric.output.clear();
        other.board.fabric.output.clear();
        self.seen.clear();
        other
    }

    fn device(&mut self) -> &mut dyn Device {
        self.board.device(self.id).unwrap().0
    }

    fn state(&mut self) -> Vec<u8> {
        self.device().save()
    }

    /// A port of the device, or one just beside.
    fn port(&self, n: u16) -> Option<u16> {
        let ports: Vec<u16> =
            self.identity.ports.iter().flat_map(|r| (0..r.count).map(|i| r.first.wrapping_add(i))).collect();
        let mapped = self.board.mappings().iter().map(|m| m.1.base as u16);
        let all: Vec<u16> = ports.into_iter().chain(mapped).collect();
        all.get(usize::from(n) % all.len().max(1)).copied()
    }

    /// A window of the device and its size.
    fn window(&self, n: usize) -> Option<(u8, u64)> {
        let fixed = self.identity.mmio.iter().map(|r| (r.window, r.size));
        let mapped = self.board.mappings().iter().map(|m| (m.1.bar.number, m.1.bar.size));
        let all: Vec<(u8, u64)> = fixed.chain(mapped).collect();
        all.get(n % all.len().max(1)).copied()
    }

    fn run(&mut self, action: &Action) {
        let id = self.id;
        match *action {
            Action::PortRead { port, width } => {
                let Some(port) = self.port(port) else { return };
                self.seen.push(self.board.port_read(port, width).into());
                let (device, fabric) = self.board.device(id).unwrap();
                let Some(ports) = device.ports() else { return };
                let direct = ports.read(port, width, &mut fabric.cx(id));
                self.seen.push(direct.map_or_else(|e| e as u64 | 1 << 40, u64::from));
                let names = [true, false].map(|write| ports.register(port, write));
                self.seen.extend(names.map(|name| name.map_or(0, str::len) as u64));
                self.board.settle();
            }
            Action::PortWrite { port, width, value } => {
                if let Some(port) = self.port(port) {
                    self.board.port_write(port, width, value);
                }
            }
            Action::MmioRead { window, offset, len } => {
                let Some((window, size)) = self.window(window) else { return };
                let mut bytes = [0; 8];
                self.board.mmio_read(id, window, offset % size, &mut bytes[..len]);
                self.seen.push(u64::from_le_bytes(bytes));
            }
            Action::MmioWrite { window, offset, len, value } => {
                let Some((window, size)) = self.window(window) else { return };
                self.board.mmio_write(id, window, offset % size, &value.to_le_bytes()[..len]);
            }
            Action::ConfigRead { offset } => {
                let Some(address) = self.address() else { return };
                let mut byte = [0];
                self.board.config_read(address, offset, &mut byte);
                self.seen.push(byte[0].into());
            }
            Action::ConfigWrite { offset, value } => {
                if let Some(address) = self.address() {
                    self.board.config_write(address, offset, &[value]);
                }
            }
            Action::Line { gsi, level } => self.signal(Signal::Line { gsi, level }),
            Action::Message { address, data } => self.signal(Signal::Message { address, data }),
            Action::Eoi { vector } => self.signal(Signal::Eoi { vector }),
            Action::Acknowledge => {
                let vector = self.board.acknowledge(0);
                self.seen.push(vector.map_or(1 << 32, u64::from));
                let (device, fabric) = self.board.device(id).unwrap();
                if let Some(controller) = device.interrupts() {
                    let vector = controller.acknowledge(&mut fabric.cx(id));
                    self.seen.push(vector.map_or(1 << 32, u64::from));
                }
                self.board.settle();
            }
            Action::ApicMsr { msr, value } => {
                let answer = self.board.with_local_apic(0, |apic, cx| match value {
                    Some(value) => apic.write_msr(msr, value, cx).map(|()| 0),
                    None => apic.read_msr(msr, cx),
                });
                self.seen.push(answer.flatten().unwrap_or(u64::MAX));
            }
            Action::Cr8 { value } => {
                self.board.with_local_apic(0, |apic, cx| apic.set_cr8(value, cx));
                let now = self.board.with_local_apic(0, |apic, _| apic.cr8());
                self.seen.push(now.map_or(u64::MAX, u64::from));
            }
            Action::Input { ref bytes } => self.board.input(id, bytes),
            Action::Time { ns } => self.wait(ns),
            Action::Reset => self.board.reset(),
        }
    }

    fn wait(&mut self, ns: u64) {
        let end = self.board.fabric.clock.now_ns() + ns;
        for _ in 0..EVENTS_PER_STEP {
            let Some(at) = self.board.fabric.events.next_at().filter(|at| *at <= end) else {
                self.board.fabric.clock.skip_to(end);
                return;
            };
            // Some events are run late, as a long instruction would make them.
            self.board.fabric.clock.skip_to(at + at % 7);
            self.board.run_events();
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.board.fabric.signals.push_back(signal);
        self.board.settle();
    }

    fn address(&mut self) -> Option<ringhold_emulator::bus::pci::PciAddress> {
        self.device().pci().map(|function| function.config().address)
    }
}

/// Runs `before`, and then `after` on the device and on one that was restored; the latter gives
/// way to a newly restored one after each `often` actions.
fn hammer(
    name: &str,
    make: Maker,
    before: &[Action],
    after: &[Action],
    often: usize,
) -> Result<(), TestCaseError> {
    let mut one = Subject::new(make());
    for action in before {
        one.run(action);
    }
    let mut two = one.restored(make);
    for (n, action) in after.iter().enumerate() {
        one.run(action);
        two.run(action);
        prop_assert_eq!(&one.seen, &two.seen, "{}: reads differ after {:?}", name, action);
        prop_assert_eq!(one.state(), two.state(), "{}: states differ after {:?}", name, action);
        prop_assert_eq!(&one.board.fabric.output, &two.board.fabric.output, "{}: output", name);
        prop_assert_eq!(&one.board.fabric.events, &two.board.fabric.events, "{}: events", name);
        prop_assert_eq!(&one.board.wires, &two.board.wires, "{}: wires", name);
        prop_assert_eq!(one.board.take_ending(), two.board.take_ending(), "{}: ending", name);
        if n % often == often - 1 {
            two = one.restored(make);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_device_survives_and_restores(
        before in prop::collection::vec(action(), 0..60),
        after in prop::collection::vec(action(), 0..120),
        often in 1usize..10,
    ) {
        for (name, make) in catalogue::all() {
            hammer(name, make, &before, &after, often)?;
        }
    }

    /// Bytes that are no state are refused and change nothing; bytes that happen to be one
    /// must be survived.
    #[test]
    fn no_bytes_make_a_device_panic(
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        actions in prop::collection::vec(action(), 0..40),
    ) {
        for (name, make) in catalogue::all() {
            let mut subject = Subject::new(make());
            let old = subject.state();
            let mut bytes = old.clone();
            for (at, value) in &noise {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = *value;
                }
            }
            if let Some(cut) = cut.filter(|_| !bytes.is_empty()) {
                bytes.truncate(cut.index(bytes.len()));
            }
            match subject.device().restore(&bytes) {
                Ok(()) => actions.iter().for_each(|action| subject.run(action)),
                Err(_) => prop_assert_eq!(subject.state(), old, "{}", name),
            }
        }
    }
}

/// Names are unique and every device says which chip it models.
#[test]
fn the_catalogue_is_sound() {
    let mut names: Vec<String> = Vec::new();
    for (kind, make) in catalogue::all() {
        let identity = make().identity();
        assert!(!identity.model.is_empty(), "{kind} has no model");
        assert!(!names.contains(&identity.name), "{} twice", identity.name);
        names.push(identity.name);
    }
}
