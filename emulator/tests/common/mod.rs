//! A bare machine for tests: memory, identity page tables, a GDT, an IDT, a TSS, and one device
//! that records when it was touched.
#![allow(dead_code)]

pub mod device;

use iced_x86::code_asm::CodeAssembler;
use ringhold_emulator::bus::DeviceId;
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::mmu::walk::entry;
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::state::{Segment, Table, cr0, cr4, efer, sreg};
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Cpu, Machine};

use device::Toy;

/// Bytes of RAM, from address zero.
pub const RAM: u64 = 4 << 20;
/// The device's window begins where RAM ends.
pub const WINDOW: u64 = RAM;
/// Where programs lie.
pub const CODE: u64 = 0x1_0000;
/// Where handlers lie.
pub const HANDLERS: u64 = 0x8000;
/// Top of the first stack.
pub const STACK: u64 = 0x2_8000;
/// RSP0 of the TSS.
pub const RSP0: u64 = 0x2_c000;
/// IST1 of the TSS.
pub const IST1: u64 = 0x2_e008;
/// Plain data.
pub const DATA: u64 = 0x3_0000;
/// The global descriptor table.
pub const GDT: u64 = 0x6_0000;
/// The interrupt descriptor table.
pub const IDT: u64 = 0x6_1000;
/// The task-state segment.
pub const TSS: u64 = 0x6_2000;
/// PML4, PDPT, PD, and the page table of the first 2 MiB.
pub const PML4: u64 = 0x7_0000;
/// The page table of the first 2 MiB.
pub const TABLE: u64 = 0x7_3000;

/// Ring 0 code of 64 bits.
pub const CODE64: u16 = 0x08;
/// Ring 0 data.
pub const DATA0: u16 = 0x10;
/// Ring 3 code of 32 bits; SYSRET's base.
pub const USER32: u16 = 0x1b;
/// Ring 3 data.
pub const USER_DATA: u16 = 0x23;
/// Ring 3 code of 64 bits.
pub const USER64: u16 = 0x2b;
/// The TSS.
pub const TASK: u16 = 0x30;

/// Page-table bits of an ordinary page that ring 3 may use.
pub const OPEN: u64 = entry::P | entry::RW | entry::US;

/// Memory, clock and device; nothing in memory, the processor just reset.
pub fn blank() -> Machine {
    let mut memory = Memory::new(RAM).unwrap();
    memory.map_mut().add(Range::ram(0, RAM, 0)).unwrap();
    let mut board = Board::new(memory, Clock::new(700), 1);
    board.attach(Box::new(Toy::default())).unwrap();
    Machine::new(board, vec![CpuModel::default()])
}

/// A machine in long mode with everything in place, about to execute at [`CODE`].
pub fn long() -> Machine {
    let mut machine = blank();
    let tables = [(PML4, PML4 + 0x1000), (PML4 + 0x1000, PML4 + 0x2000), (PML4 + 0x2000, TABLE)];
    for (table, next) in tables {
        put(&mut machine, table, next | OPEN);
    }
    for large in 1..4 {
        put(&mut machine, PML4 + 0x2000 + 8 * large, large << 21 | OPEN | entry::PS);
    }
    for page in 0..512 {
        put(&mut machine, TABLE + 8 * page, page << 12 | OPEN);
    }
    let descriptors = [
        0,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        0x00cf_fb00_0000_ffff,
        0x00cf_f300_0000_ffff,
        0x00af_fb00_0000_ffff,
        0x0000_8900_0000_0067 | (TSS & 0xff_ffff) << 16,
        0,
    ];
    for (nth, descriptor) in descriptors.into_iter().enumerate() {
        put(&mut machine, GDT + 8 * nth as u64, descriptor);
    }
    put(&mut machine, TSS + 4, RSP0);
    put(&mut machine, TSS + 0x24, IST1);
    put(&mut machine, TSS + 0x60, 0x68 << 48);
    let cpu = &mut machine.cpus[0];
    cpu.control.cr0 = cr0::PE | cr0::PG | cr0::NE | cr0::ET | cr0::WP;
    cpu.control.cr3 = PML4;
    cpu.control.cr4 = cr4::PAE | cr4::PGE;
    cpu.control.efer = efer::LME | efer::LMA | efer::NXE | efer::SCE;
    let segment = |selector, access| Segment { selector, base: 0, limit: u32::MAX, access };
    cpu.seg = [segment(DATA0, 0xc093); 6];
    cpu.seg[usize::from(sreg::CS)] = segment(CODE64, 0xa09b);
    cpu.tr = Segment { selector: TASK, base: TSS, limit: 0x67, access: 0x8b };
    cpu.gdtr = Table { base: GDT, limit: 0x3f };
    cpu.idtr = Table { base: IDT, limit: 0xfff };
    cpu.gpr[4] = STACK;
    cpu.rip = CODE;
    cpu.refresh();
    machine
}

/// Puts the processor into ring 3.
pub fn ring3(cpu: &mut Cpu) {
    let segment = |selector, access| Segment { selector, base: 0, limit: u32::MAX, access };
    cpu.seg = [segment(USER_DATA, 0xc0f3); 6];
    cpu.seg[usize::from(sreg::CS)] = segment(USER64, 0xa0fb);
    cpu.refresh();
}

/// Writes physical memory from outside.
pub fn write(machine: &mut Machine, address: u64, bytes: &[u8]) {
    assert_eq!(machine.board.fabric.memory.write(address, bytes), bytes.len());
}

/// Writes eight bytes of physical memory.
pub fn put(machine: &mut Machine, address: u64, value: u64) {
    write(machine, address, &value.to_le_bytes());
}

/// Reads eight bytes of physical memory.
pub fn get(machine: &Machine, address: u64) -> u64 {
    machine.board.fabric.memory.read_u64(address).unwrap()
}

/// An interrupt gate of 64 bits.
pub fn gate(machine: &mut Machine, vector: u8, handler: u64, ist: u64, dpl: u64) {
    let low = handler & 0xffff | u64::from(CODE64) << 16 | ist << 32 | (0x8e | dpl << 5) << 40;
    put(machine, IDT + 16 * u64::from(vector), low | (handler & 0xffff_0000) << 32);
    put(machine, IDT + 16 * u64::from(vector) + 8, handler >> 32);
}

/// Assembles 64-bit code at `at`.
pub fn assemble(at: u64, write: impl FnOnce(&mut CodeAssembler)) -> Vec<u8> {
    let mut assembler = CodeAssembler::new(64).unwrap();
    write(&mut assembler);
    assembler.assemble(at).unwrap()
}

/// Assembles 64-bit code into memory; tells how many bytes it took.
pub fn place(machine: &mut Machine, at: u64, code: impl FnOnce(&mut CodeAssembler)) -> u64 {
    let bytes = assemble(at, code);
    write(machine, at, &bytes);
    bytes.len() as u64
}

/// What the device recorded.
pub fn log(machine: &mut Machine) -> Vec<device::Access> {
    let id = machine.board.find("toy").unwrap_or(DeviceId(0));
    let (device, _) = machine.board.device(id).unwrap();
    Toy::log_of(&device.save())
}
