//! A small board: RAM, ROM, a hole, and one device with ports, a window and a PCI function.

use std::sync::{Arc, Mutex};

use ringhold_debugapi::DataSpaces;
use ringhold_emulator::bus::pci::{Bar, BarKind, ConfigSpace, Header, PciAddress};
use ringhold_emulator::bus::{
    AccessError, Cx, Device, Identity, MmioDevice, MmioRange, PciFunction, PortDevice, PortRange,
    RestoreError, Width,
};
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::state::{cr0, cr4, efer, sreg};
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Machine};

pub const RAM_BYTES: u64 = 0x10_0000;
pub const ROM: u64 = 0xfffe_0000;
pub const WINDOW: u64 = 0xd000_0000;
pub const HOLE: u64 = 0x8000_0000;
/// The ports of the device, taken in any width.
pub const PORTS: u64 = 0x500;
/// The ports it takes byte by byte.
pub const NARROW_PORTS: u64 = 0x600;
/// The slot number of its function, 00:02.1.
pub const SLOT: u32 = 0x22;

/// The first physical page that tests map; page tables lie below it.
pub const DATA: u64 = 0x4_0000;
const ROOT: u64 = 0x1_0000;

/// One access as the device saw it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    PortRead(u16, usize),
    PortWrite(u16, usize, u32),
    Read(u64, usize),
    Write(u64, usize, u64),
    Config(u16, u16),
}

pub type Log = Arc<Mutex<Vec<Seen>>>;

/// Answers every read with the access's own size in each byte, and writes down what it sees.
struct Toy {
    config: ConfigSpace,
    log: Log,
}

impl Toy {
    fn note(&self, seen: Seen) {
        self.log.lock().unwrap().push(seen);
    }
}

impl Device for Toy {
    fn identity(&self) -> Identity {
        let range = |first: u64, widest| PortRange { first: first as u16, count: 8, widest };
        Identity {
            name: "toy".into(),
            model: "test device",
            ports: vec![range(PORTS, Width::Dword), range(NARROW_PORTS, Width::Byte)],
            mmio: vec![MmioRange { base: WINDOW, size: 0x1000, window: 9 }],
            irqs: vec![],
        }
    }

    fn reset(&mut self, _cx: &mut Cx<'_>) {}

    fn save(&self) -> Vec<u8> {
        self.config.bytes().to_vec()
    }

    fn restore(&mut self, _state: &[u8]) -> Result<(), RestoreError> {
        Ok(())
    }

    fn ports(&mut self) -> Option<&mut dyn PortDevice> {
        Some(self)
    }

    fn mmio(&mut self) -> Option<&mut dyn MmioDevice> {
        Some(self)
    }

    fn pci(&mut self) -> Option<&mut dyn PciFunction> {
        Some(self)
    }
}

impl PortDevice for Toy {
    fn read(&mut self, port: u16, width: Width, _cx: &mut Cx<'_>) -> Result<u32, AccessError> {
        self.note(Seen::PortRead(port, width.bytes()));
        Ok(0x0101_0101 * width.bytes() as u32)
    }

    fn write(&mut self, port: u16, width: Width, value: u32, _cx: &mut Cx<'_>) -> Result<(), AccessError> {
        self.note(Seen::PortWrite(port, width.bytes(), value));
        Ok(())
    }

    fn register(&self, port: u16, _write: bool) -> Option<&'static str> {
        (u64::from(port) == PORTS).then_some("DATA")
    }
}

impl MmioDevice for Toy {
    fn read(&mut self, _window: u8, offset: u64, width: Width, _cx: &mut Cx<'_>) -> Result<u64, AccessError> {
        self.note(Seen::Read(offset, width.bytes()));
        Ok(0x0101_0101_0101_0101 * width.bytes() as u64)
    }

    fn write(
        &mut self,
        _window: u8,
        offset: u64,
        width: Width,
        value: u64,
        _cx: &mut Cx<'_>,
    ) -> Result<(), AccessError> {
        self.note(Seen::Write(offset, width.bytes(), value));
        Ok(())
    }

    fn register(&self, _window: u8, offset: u64) -> Option<&'static str> {
        (offset == 0).then_some("DOORBELL")
    }
}

impl PciFunction for Toy {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn config_written(&mut self, offset: u16, len: u16, _cx: &mut Cx<'_>) {
        self.note(Seen::Config(offset, len));
    }
}

pub struct Bench {
    pub machine: Machine,
    pub log: Log,
    next_table: u64,
}

impl Bench {
    /// The board with one processor, paging off.
    pub fn new() -> Self {
        let mut memory = Memory::new(RAM_BYTES + 0x1000).unwrap();
        memory.map_mut().add(Range::ram(0, RAM_BYTES, 0)).unwrap();
        memory.map_mut().add(Range::rom(ROM, 0x1000, RAM_BYTES)).unwrap();
        let mut board = Board::new(memory, Clock::new(1000), 1);
        let header = Header {
            vendor: 0x1234,
            device: 0x5678,
            revision: 1,
            class: 0xff_0000,
            subsystem_vendor: 0,
            subsystem: 0,
            interrupt_pin: 1,
            multifunction: true,
        };
        let mut config = ConfigSpace::new(PciAddress::new(2, 1), header);
        config.add_bar(Bar { number: 0, kind: BarKind::Io, size: 16 });
        config.add_bar(Bar { number: 1, kind: BarKind::Memory32, size: 0x1000 });
        config.set(6, &[0, 0xf9]);
        let log = Log::default();
        board.attach(Box::new(Toy { config, log: log.clone() })).unwrap();
        Self { machine: Machine::new(board, vec![CpuModel::default()]), log, next_table: ROOT + 0x1000 }
    }

    /// The same with empty page tables in a mode.
    pub fn paged(mode: Mode) -> Self {
        let mut bench = Self::new();
        let cpu = &mut bench.machine.cpus[0];
        let control = &mut cpu.control;
        control.cr0 = cr0::PE | cr0::PG | cr0::WP | cr0::ET;
        control.cr3 = ROOT;
        control.cr4 = match mode {
            Mode::Legacy => cr4::PSE,
            Mode::Level5 => cr4::PAE | cr4::LA57,
            _ => cr4::PAE,
        };
        if matches!(mode, Mode::Level4 | Mode::Level5) {
            control.efer = efer::LME | efer::LMA | efer::NXE;
            cpu.seg[usize::from(sreg::CS)].access = 0xa09b;
        } else {
            cpu.seg[usize::from(sreg::CS)].access = 0xc09b;
        }
        cpu.refresh();
        assert_eq!(cpu.paging().mode, mode);
        bench
    }

    /// Maps a 4 KiB page with these low and high flags beside the present bit.
    pub fn map(&mut self, linear: u64, physical: u64, flags: u64) {
        self.map_large(linear, physical, flags, 1);
    }

    /// Maps a page at a level: 1 = 4 KiB, 2 = 2 MiB or 4 MiB.
    pub fn map_large(&mut self, linear: u64, physical: u64, flags: u64, leaf: u8) {
        let mode = self.machine.cpus[0].paging().mode;
        let (bytes, bits) = if mode == Mode::Legacy { (4, 10) } else { (8, 9) };
        let mut table = ROOT;
        for level in (leaf..=mode.levels()).rev() {
            let index = linear >> (12 + bits * u32::from(level - 1)) & ((1 << bits) - 1);
            let index = if mode == Mode::Pae && level == 3 { index & 3 } else { index };
            let at = table + index * bytes;
            if level == leaf {
                let large = u64::from(leaf > 1) << 7;
                self.poke(at, &(physical | flags | large | 1).to_le_bytes()[..bytes as usize]);
                continue;
            }
            let mut entry = self.entry(at, bytes);
            if entry & 1 == 0 {
                let permissive = if mode == Mode::Pae && level == 3 { 1 } else { 7 };
                entry = self.next_table | permissive;
                self.next_table += 0x1000;
                assert!(self.next_table <= DATA);
                self.poke(at, &entry.to_le_bytes()[..bytes as usize]);
            }
            table = entry & 0x000f_ffff_ffff_f000;
        }
        if mode == Mode::Pae {
            for i in 0..4 {
                self.machine.cpus[0].control.pdptes[i] = self.entry(ROOT + 8 * i as u64, 8);
            }
        }
    }

    fn entry(&self, at: u64, bytes: u64) -> u64 {
        let memory = &self.machine.board.fabric.memory;
        if bytes == 4 { memory.read_u32(at).unwrap().into() } else { memory.read_u64(at).unwrap() }
    }

    /// The entry that maps a page, where it is and what it holds.
    pub fn leaf(&self, linear: u64) -> (u64, u64) {
        let walked = self.machine.translate(0, None, linear).unwrap();
        let visited = walked.trail.iter().next_back().unwrap();
        (visited.address, visited.value)
    }

    pub fn poke(&mut self, address: u64, bytes: &[u8]) {
        assert_eq!(self.machine.board.fabric.memory.write_backdoor(address, bytes), bytes.len());
    }

    pub fn bytes(&self, address: u64, len: usize) -> Vec<u8> {
        let mut buffer = vec![0; len];
        assert_eq!(self.machine.board.fabric.memory.read(address, &mut buffer), len);
        buffer
    }

    /// All RAM and ROM.
    pub fn image(&self) -> Vec<u8> {
        let mut image = self.bytes(0, RAM_BYTES as usize);
        image.extend(self.bytes(ROM, 0x1000));
        image
    }

    pub fn spaces(&mut self) -> DataSpaces<'_> {
        DataSpaces::new(&mut self.machine)
    }

    /// What the device saw since the last call.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// All that a refused call must leave alone.
    pub fn state(&mut self) -> (Vec<u8>, ringhold_emulator::state::CpuState, usize, u64, Vec<u8>) {
        let config = self.machine.board.device_states().remove(0).1;
        let cpu = &self.machine.cpus[0];
        let held = cpu.tlb.translations().count();
        (self.image(), cpu.state(), held, self.machine.instructions(), config)
    }
}
