//! What `Cpu`, `Bus` and `Backdoor` do where `Debugger` does something else.

use ringhold_emulator::inject::{Answer, Detail, Injection, Refusal, Register, Semantics, Space};
use ringhold_emulator::mmu::tlb::{Access, Tlb};
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::{A, D, RW, US};
use ringhold_emulator::state::{cr0, cr4, flag, sreg};

use crate::bench::{Bench, DATA, HOLE, PORTS, ROM, Seen, WINDOW};

const PAGE: u64 = 0x40_0000;
const VIRTUAL: Space = Space::Virtual { cpu: 0, root: None };

fn inject(bench: &mut Bench, space: Space, address: u64, semantics: Semantics) -> (usize, Option<Refusal>) {
    let receipt = bench.machine.inject(&Injection::new(space, address, [7; 4]).with(semantics));
    (receipt.written, receipt.stopped)
}

#[test]
fn cpu_writes_set_accessed_and_dirty_bits_and_fill_the_tlb() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    assert_eq!(inject(&mut bench, VIRTUAL, PAGE, Semantics::Cpu), (4, None));
    assert_eq!(bench.leaf(PAGE).1 & (A | D), A | D);
    assert_eq!(bench.machine.cpus[0].tlb.translations().count(), 1);
    let mut buffer = [0; 4];
    bench.map(PAGE + 0x1000, DATA + 0x1000, RW);
    bench.machine.peek(VIRTUAL, PAGE + 0x1000, Semantics::Cpu, &mut buffer);
    assert_eq!(bench.leaf(PAGE + 0x1000).1 & (A | D), A);
}

#[test]
fn cpu_accesses_obey_rights_and_report_the_fault_without_taking_it() {
    // CPL, CR0.WP, CR4.SMAP, EFLAGS.AC, page flags; the error code of a write and of a read.
    let cases = [
        (0, true, false, false, RW, None, None),
        (0, true, false, false, 0, Some(3), None),
        (0, false, false, false, 0, None, None),
        (0, true, true, false, RW | US, Some(3), Some(1)),
        (0, true, true, true, RW | US, None, None),
        (3, true, false, false, RW, Some(7), Some(5)),
        (3, true, false, false, US, Some(7), None),
        (3, false, false, false, US, Some(7), None),
        (3, true, true, false, RW | US, None, None),
    ];
    for case in cases {
        let (cpl, wp, smap, ac, flags, write, read) = case;
        let mut bench = Bench::paged(Mode::Level4);
        let cpu = &mut bench.machine.cpus[0];
        cpu.seg[usize::from(sreg::SS)].access = 0xc093 | cpl << 5;
        cpu.control.cr0 &= !if wp { 0 } else { cr0::WP };
        cpu.control.cr4 |= if smap { cr4::SMAP } else { 0 };
        cpu.flags.system |= if ac { flag::AC } else { 0 };
        cpu.refresh();
        bench.map(PAGE, DATA, flags);
        let before = bench.state();
        let (_, stopped) = inject(&mut bench, VIRTUAL, PAGE, Semantics::Cpu);
        let fault =
            |error: Option<u32>| error.map(|error| Refusal::Fault { vector: 14, error, address: PAGE });
        assert_eq!(stopped, fault(write), "{case:?}");
        assert!(write.is_none() || bench.state() == before, "{case:?}: a fault leaves no trace");
        let stopped = bench.machine.peek(VIRTUAL, PAGE, Semantics::Cpu, &mut [0; 4]).stopped;
        assert_eq!(stopped, fault(read), "{case:?}");
    }
}

#[test]
fn cpu_accesses_report_missing_pages_and_bad_addresses() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.map(PAGE + 0x1000, DATA | 1 << 51, RW);
    bench.map(PAGE + 0x3000, DATA, RW);
    let before = bench.state();
    for (address, vector, error) in [(PAGE + 0x2000, 14, 2), (PAGE + 0x1000, 14, 11), (1 << 63, 13, 0)] {
        let (written, stopped) = inject(&mut bench, VIRTUAL, address, Semantics::Cpu);
        assert_eq!((written, stopped), (0, Some(Refusal::Fault { vector, error, address })));
    }
    assert!(bench.state() == before);
    let (written, _) = inject(&mut bench, VIRTUAL, PAGE + 0x3ffe, Semantics::Cpu);
    assert_eq!(written, 2, "what landed before the fault stays");
    let root = Space::Virtual { cpu: 0, root: Some(0x9000) };
    assert_eq!(inject(&mut bench, root, PAGE, Semantics::Cpu), (0, Some(Refusal::Meaningless)));
}

#[test]
fn cpu_accesses_go_through_a_stale_tlb() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let machine = &mut bench.machine;
    machine.cpus[0].translate(&mut machine.board, PAGE, Access::Write, Tlb::SUPERVISOR).unwrap();
    bench.map(PAGE, DATA + 0x1000, RW);
    inject(&mut bench, VIRTUAL, PAGE, Semantics::Cpu);
    assert_eq!((bench.bytes(DATA, 1), bench.bytes(DATA + 0x1000, 1)), (vec![7], vec![0]));
}

#[test]
fn bus_writes_to_rom_and_nobody_complete_without_effect() {
    let mut bench = Bench::new();
    let before = bench.image();
    for semantics in [Semantics::Bus, Semantics::Cpu] {
        assert_eq!(inject(&mut bench, Space::Physical, ROM, semantics), (4, None));
        assert_eq!(inject(&mut bench, Space::Physical, HOLE, semantics), (4, None));
        let mut buffer = [0; 4];
        assert_eq!(bench.machine.peek(Space::Physical, HOLE, semantics, &mut buffer).read, 4);
        assert_eq!(buffer, [0xff; 4]);
    }
    assert_eq!(bench.image(), before);
    assert_eq!(inject(&mut bench, Space::Physical, WINDOW, Semantics::Bus), (4, None));
    assert_eq!(bench.seen(), [Seen::Write(0, 4, 0x0707_0707)]);
}

#[test]
fn the_back_door_writes_rom_and_touches_no_device() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, ROM, 0);
    assert_eq!(inject(&mut bench, VIRTUAL, PAGE, Semantics::Backdoor), (4, None));
    assert_eq!(bench.bytes(ROM, 4), [7; 4]);
    let refused = [
        (Space::Physical, WINDOW, Refusal::Device { address: WINDOW }),
        (Space::Physical, HOLE, Refusal::Hole { address: HOLE }),
        (Space::Io { width: ringhold_emulator::bus::Width::Dword }, PORTS, Refusal::Meaningless),
        (Space::Msr { cpu: 0 }, 0xc000_0082, Refusal::Meaningless),
        (Space::Register { cpu: 0, register: Register::named("eax").unwrap() }, 0, Refusal::Meaningless),
    ];
    for (space, address, refusal) in refused {
        assert_eq!(inject(&mut bench, space, address, Semantics::Backdoor), (0, Some(refusal)));
    }
    assert_eq!(bench.seen(), []);
}

#[test]
fn the_back_door_stores_raw_config_bytes_and_moves_bars() {
    use ringhold_emulator::bus::pci::PciAddress;
    let mut bench = Bench::new();
    let space = Space::Config(PciAddress::new(2, 1));
    assert_eq!(inject(&mut bench, space, 0, Semantics::Backdoor), (4, None));
    assert_eq!(bench.seen(), [], "the device's hook does not run");
    let mut buffer = [0; 4];
    bench.machine.peek(space, 0, Semantics::Backdoor, &mut buffer);
    assert_eq!(buffer, [7; 4], "the read-only identity is another one now");
    assert_eq!(inject(&mut bench, space, 4, Semantics::Backdoor), (4, None));
    let bar = Injection::new(space, 0x14, 0x0707_0000u32.to_le_bytes()).with(Semantics::Backdoor);
    assert!(bench.machine.inject(&bar).complete());
    let mapped = bench.machine.peek(Space::Physical, 0x0707_0000, Semantics::Debugger, &mut buffer);
    assert!(matches!(
        &mapped.detail,
        Detail::Physical { spans } if matches!(spans.iter().next().unwrap().answer, Answer::Device { .. })
    ));
}

#[test]
fn a_user_may_not_write_an_msr_as_the_cpu() {
    let mut bench = Bench::paged(Mode::Level4);
    let cpu = &mut bench.machine.cpus[0];
    cpu.seg[usize::from(sreg::SS)].access = 0xc0f3;
    cpu.refresh();
    let injection = Injection::new(Space::Msr { cpu: 0 }, 0xc000_0082, [0; 8]);
    assert_eq!(bench.machine.inject(&injection).written, 8);
    let receipt = bench.machine.inject(&injection.with(Semantics::Cpu));
    assert_eq!(receipt.stopped, Some(Refusal::Msr { msr: 0xc000_0082 }));
}

#[test]
fn registers_refuse_what_the_architecture_refuses() {
    let mut bench = Bench::paged(Mode::Level4);
    let cases: [(&str, u64); 10] = [
        ("cr0", 0),
        ("cr0", 1 << 40),
        ("cr4", 0),
        ("cr4", 1 << 63),
        ("cr3", 1 << 60),
        ("cr8", 16),
        ("rflags", 1 << 17),
        ("dr7", 1 << 32),
        ("mxcsr", 1 << 20),
        ("xcr0", 7),
    ];
    let before = bench.state();
    for (name, value) in cases {
        let register = Register::named(name).unwrap();
        let bytes = &value.to_le_bytes()[..register.bytes()];
        let receipt = bench.machine.inject(&Injection::new(Space::Register { cpu: 0, register }, 0, bytes));
        assert_eq!(receipt.stopped, Some(Refusal::Value { register }), "{name} = {value:#x}");
        assert_eq!(bench.machine.cpus[0].exception, None);
    }
    assert!(bench.state() == before);
}

#[test]
fn every_register_can_be_read_and_written_back() {
    let mut bench = Bench::paged(Mode::Level4);
    let before = bench.state();
    for register in Register::all() {
        let space = Space::Register { cpu: 0, register };
        let mut bytes = vec![0; register.bytes()];
        let reading = bench.machine.peek(space, 0, Semantics::Debugger, &mut bytes);
        assert_eq!(reading.read, bytes.len(), "{register}");
        if register.name() != "xcr0" {
            let receipt = bench.machine.inject(&Injection::new(space, 0, bytes.clone()));
            assert!(receipt.complete(), "{register}: {receipt}");
        }
        let beyond = bench.machine.peek(space, bytes.len() as u64, Semantics::Debugger, &mut [0]);
        assert_eq!(beyond.stopped, Some(Refusal::End));
    }
    assert!(bench.state() == before);
}
