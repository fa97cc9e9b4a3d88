//! Injection schedules: what they say, and when their writes happen.

use ringhold_debugapi::schedule::{Action, At, Entry, Expect, Runner};
use ringhold_debugapi::{Schedule, ScheduleError};
use ringhold_emulator::Stop;
use ringhold_emulator::inject::{Semantics, Space};
use ringhold_emulator::state::{Segment, flag, sreg};

use crate::bench::{Bench, DATA, Seen};

/// A processor in real mode at 0:0x7c00 with this program there.
fn running(program: &[u8]) -> Bench {
    let mut bench = Bench::new();
    bench.poke(0x7c00, program);
    let cpu = &mut bench.machine.cpus[0];
    cpu.seg[usize::from(sreg::CS)] = Segment::real(0, true);
    cpu.rip = 0x7c00;
    cpu.refresh();
    bench
}

/// `inc byte [0x7e00]` for ever.
const COUNT: [u8; 6] = [0xfe, 0x06, 0x00, 0x7e, 0xeb, 0xfa];
/// `hlt` for ever.
const SLEEP: [u8; 3] = [0xf4, 0xeb, 0xfd];

#[test]
fn writes_happen_exactly_at_their_instruction_in_order() {
    let mut bench = running(&COUNT);
    let schedule = Schedule::from_ron(
        r#"[
            (at: Instruction(40), write: Physical(address: 0x7e00, data: u8(0)), expect: Ok),
            (at: Instruction(20), write: Physical(address: 0x40000, data: text("first"))),
            (at: Instruction(20), write: Physical(address: 0x40000, data: text("se"))),
            (at: Instruction(1000), write: Physical(address: 0x7e00, data: u8(0))),
        ]"#,
    )
    .unwrap();
    let (stop, receipts) = schedule.run(&mut bench.machine, 60).unwrap();
    assert_eq!((stop, bench.machine.instructions()), (Stop::Budget, 60));
    assert_eq!(receipts.iter().map(|r| r.instructions()).collect::<Vec<_>>(), [20, 20, 40]);
    assert_eq!(bench.bytes(DATA, 5), b"serst", "equal points in the order of the list");
    assert_eq!(bench.bytes(0x7e00, 1), [10], "counted anew since instruction 40");
}

#[test]
fn a_runner_goes_on_after_a_stop() {
    let mut bench = running(&COUNT);
    let schedule = Schedule::from_ron(
        "[(at: Instruction(30), write: Physical(address: 0x7e00, data: u8(100))),
          (at: Time(50), write: Physical(address: 0x7e00, data: u8(200)))]",
    )
    .unwrap();
    let mut runner = Runner::new(&schedule);
    assert_eq!(runner.run(&mut bench.machine, 29).unwrap().1.len(), 0);
    assert_eq!(runner.run(&mut bench.machine, 30).unwrap().1.len(), 1, "due at the end itself");
    assert_eq!(runner.pending(), 1);
    let (_, receipts) = runner.run(&mut bench.machine, 80).unwrap();
    assert_eq!((receipts[0].instructions(), runner.pending()), (50, 0));
    assert_eq!(bench.bytes(0x7e00, 1), [215]);
}

#[test]
fn a_halted_processor_sleeps_until_the_write() {
    for interrupts in [false, true] {
        let mut bench = running(&SLEEP);
        if interrupts {
            bench.machine.cpus[0].flags.system |= flag::IF;
        }
        let schedule = Schedule::from_ron(
            "[(at: Time(9000), write: Io(port: 0x500, data: u16(7))),
              (at: Time(5000), write: Io(port: 0x500, data: u8(5)))]",
        )
        .unwrap();
        let (stop, receipts) = schedule.run(&mut bench.machine, 1_000_000).unwrap();
        assert_eq!((stop, receipts.len()), (Stop::Halted, 2));
        assert_eq!(bench.machine.virtual_ns(), 9000);
        assert_eq!(bench.seen(), [Seen::PortWrite(0x500, 1, 5), Seen::PortWrite(0x500, 2, 7)]);
    }
}

#[test]
fn code_written_under_the_processor_runs() {
    let mut bench = running(&COUNT);
    let schedule = Schedule::from_ron(
        "[(at: Instruction(100), write: Virtual(address: 0x7c00, data: bytes([0xfe, 0x0e])), expect: Ok)]",
    )
    .unwrap();
    schedule.run(&mut bench.machine, 140).unwrap();
    assert_eq!(bench.bytes(0x7e00, 1), [50 - 20], "inc became dec");
}

#[test]
fn the_same_schedule_gives_the_same_state() {
    let hash = |until: &[u64]| {
        let mut bench = running(&COUNT);
        let schedule = Schedule::from_ron(
            r#"[(at: Instruction(33), write: Register(register: "rax", value: 7)),
                (at: Time(44), write: BusData(device: 2, function: 1, offset: 0x3c, data: u8(9))),
                (at: Instruction(55), write: Physical(address: 0x7e01, data: u64(1)))]"#,
        )
        .unwrap();
        let mut runner = Runner::new(&schedule);
        until.iter().for_each(|&until| drop(runner.run(&mut bench.machine, until).unwrap()));
        bench.machine.state_hash()
    };
    assert_eq!(hash(&[100]), hash(&[100]));
    assert_eq!(hash(&[100]), hash(&[1, 33, 40, 44, 54, 55, 100]));
}

#[test]
fn an_unmet_expectation_names_the_entry() {
    let mut bench = running(&COUNT);
    for (write, expect, met) in [
        ("Physical(address: 0xfffff, data: u16(1))", "Partial(1)", true),
        ("Physical(address: 0xfffff, data: u16(1))", "Ok", false),
        ("Physical(address: 0xfffff, data: u16(1))", "Fails", false),
        ("Physical(address: 0xfffe0000, data: u8(1))", "Fails", true),
        ("Physical(address: 0xfffe0000, data: u8(1)), semantics: Backdoor", "Ok", true),
        ("Msr(msr: 0xdeadbeef, value: 1)", "Fails", true),
        ("Virtual(cpu: 4, address: 0, data: u8(0))", "Ok", false),
    ] {
        let text = format!(
            "[(at: Instruction(0), write: Physical(address: 0, data: u8(0))),
              (at: Instruction(0), write: {write}, expect: {expect})]"
        );
        let now = bench.machine.instructions();
        let done = Schedule::from_ron(&text).unwrap().run(&mut bench.machine, now + 1);
        match done {
            Ok(_) => assert!(met, "{write} {expect}"),
            Err(ScheduleError::Unmet { number: 2, .. }) => assert!(!met, "{write} {expect}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn semantics_default_to_bus_for_ports_and_bus_data() {
    let schedule = Schedule::from_ron(
        "[(at: Time(1), write: Io(port: 1, data: u32(1))),
          (at: Time(1), write: BusData(device: 1, offset: 4, data: u16(1))),
          (at: Time(1), write: Virtual(address: 1, root: 0x1000, data: u16(1))),
          (at: Time(1), write: Virtual(address: 1, data: u16(1)), semantics: Cpu, expect: Fails)]",
    )
    .unwrap();
    let injection = |entry: &Entry| match entry.action() {
        Action::Write(injection) => injection,
        other => panic!("{other:?}"),
    };
    let injections: Vec<_> = schedule.entries.iter().map(injection).collect();
    let semantics: Vec<_> = injections.iter().map(|injection| injection.semantics).collect();
    assert_eq!(semantics, [Semantics::Bus, Semantics::Bus, Semantics::Debugger, Semantics::Cpu]);
    assert_eq!(injections[2].space, Space::Virtual { cpu: 0, root: Some(0x1000) });
    assert_eq!(schedule.entries[0].at, At::Time(1));
    assert_eq!(schedule.entries[3].expect, Some(Expect::Fails));
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, told) in [
        ("[(at: Instruction(1), write: Physical(address: 1, data: u8(300)))]", "1:60"),
        ("[(at: Whenever(1), write: Physical(address: 1, data: u8(3)))]", "Breakpoint"),
        ("[(at: Instruction(1), write: Physical(adress: 1, data: u8(3)))]", "adress"),
        ("[(at: Instruction(1), when: 3, write: Physical(address: 1, data: u8(3)))]", "when"),
        ("[(write: Physical(address: 1, data: u8(3)))]", "at"),
        (r#"[(at: Instruction(1), write: Register(register: "eaxx", value: 1))]"#, "eaxx"),
        (r#"[(at: Instruction(1), write: Register(register: "al", value: 256))]"#, "entry 1"),
        ("[(at: Instruction(1), write: Io(port: 1, data: u64(1)))]", "entry 1"),
        ("[(at: Instruction(1), write: BusData(device: 32, offset: 1, data: u8(1)))]", "entry 1"),
        ("[(at: Instruction(1), write: Io(port: 65536, data: u8(1)))]", "1:"),
        ("[(at: Instruction(1), hits: 2, write: Io(port: 1, data: u8(1)))]", "comes only once"),
        ("[(at: PortRead(1), hits: 0, write: Io(port: 1, data: u8(1)))]", "from 1"),
        ("[(at: Access(address: 1, length: 0), write: Io(port: 1, data: u8(1)))]", "empty"),
        ("[(at: Mmio(address: 1, length: 0), write: Io(port: 1, data: u8(1)))]", "empty"),
        ("nonsense", "1:1"),
    ] {
        let error = Schedule::from_ron(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}\n{error}");
    }
}

/// Counts in AL and puts it out: `l: inc al; out 0xe9, al; jmp l`, with a jump over two bytes
/// before, so that the three are at 0x7c04.
const PRINT: [u8; 9] = [0xeb, 0x02, 0x90, 0x90, 0xfe, 0xc0, 0xe6, 0xe9, 0xeb];

/// What a schedule did to a running program: the instruction count of each write.
fn counts(program: &[u8], schedule: &str, until: u64) -> Vec<u64> {
    let mut bench = running(program);
    let schedule = Schedule::from_ron(schedule).unwrap();
    let (stop, done) = schedule.run(&mut bench.machine, until).unwrap();
    assert_eq!((stop, bench.machine.instructions()), (Stop::Budget, until));
    assert!(bench.machine.breakpoints.is_empty(), "nothing is left behind");
    done.iter().map(|done| done.instructions()).collect()
}

#[test]
fn a_breakpoint_entry_happens_before_the_instruction_at_its_hit() {
    let mut program = PRINT.to_vec();
    program.push(0xfa);
    let write = "write: Physical(address: 0x7e00, data: u8(1))";
    let at = |at: &str| counts(&program, &format!("[(at: {at}, {write})]"), 40);
    assert_eq!(at("Breakpoint(0x7c04)"), [1]);
    assert_eq!(at("Breakpoint(0x7c06), hits: 3"), [2 + 2 * 3]);
    assert_eq!(at("Breakpoint(0x7c05)"), [0; 0], "within an instruction");
}

/// One point of the run, several kinds of moments: by count, after a write, before an instruction.
#[test]
fn several_moments_at_one_point_have_an_order() {
    let mut bench = running(&[0x89, 0xc3, 0xef, 0xed, 0xeb, 0xfa]);
    bench.machine.cpus[0].gpr[2] = 0x500;
    let schedule = Schedule::from_ron(
        r#"[(at: PortRead(0x500), write: Physical(address: 0x40000, data: text("4"))),
            (at: Breakpoint(0x7c03), write: Physical(address: 0x40000, data: text("3"))),
            (at: PortWrite(0x500), write: Physical(address: 0x40000, data: text("2"))),
            (at: Instruction(2), write: Physical(address: 0x40001, data: text("x"))),
            (at: PortWrite(0x501), write: Physical(address: 0x40002, data: text("y")), expect: Ok),
            (at: Time(2), write: Physical(address: 0x40001, data: text("z")))]"#,
    )
    .unwrap();
    let (_, done) = schedule.run(&mut bench.machine, 10).unwrap();
    let order: Vec<_> = done.iter().map(|done| done.to_string()).collect();
    let written: Vec<_> = ["(32)", "(79)", "(78)", "(7a)", "(33)", "(34)"].into_iter().zip(order).collect();
    for (byte, told) in written {
        assert!(told.starts_with("After 2 instructions") && told.contains(byte), "{byte}: {told}");
    }
}

#[test]
fn windows_and_configuration_space_trigger() {
    // mov eax, 0x80001104; mov dx, 0xcf8; out dx, eax; mov dl, 0xfc; in eax, dx; out dx, eax
    let config = [
        0x66, 0xb8, 0x04, 0x11, 0x00, 0x80, 0xba, 0xf8, 0x0c, 0x66, 0xef, 0xb2, 0xfc, 0x66, 0xed, 0x66, 0xef,
        0xeb, 0xf4,
    ];
    let write = "write: BusData(device: 2, function: 1, offset: 0x3c, data: u8(9)), expect: Ok";
    let at = |at: &str| counts(&config, &format!("[(at: {at}, {write})]"), 30);
    assert_eq!(at("BusData(device: 2, function: 1, offset: 6, length: 1, access: Read)"), [4]);
    assert_eq!(at("BusData(device: 2, function: 1, access: Write)"), [6]);
    assert_eq!(at("BusData(device: 2, function: 1), hits: 2"), [6]);
    assert_eq!(at("BusData(device: 2)"), [0; 0]);
    let mut bench = Bench::paged(ringhold_emulator::mmu::walk::Mode::Level4);
    bench.map(0x40_0000, crate::bench::WINDOW, 2);
    bench.map(0x40_1000, DATA, 2);
    // add [0x400010], ecx; jmp to it
    bench.poke(DATA, &[0x01, 0x0c, 0x25, 0x10, 0x00, 0x40, 0x00, 0xeb, 0xf7]);
    bench.machine.cpus[0].rip = 0x40_1000;
    let schedule = Schedule::from_ron(
        "[(at: Mmio(address: 0xd0000013, access: Write), write: Physical(address: 0, data: u8(1))),
          (at: Mmio(address: 0xd0000013, access: Read), write: Physical(address: 0, data: u8(2))),
          (at: Mmio(address: 0xd0000014, length: 0x100), write: Physical(address: 0, data: u8(3)))]",
    )
    .unwrap();
    let (stop, done) = schedule.run(&mut bench.machine, 5).unwrap();
    assert_eq!(stop, Stop::Budget, "{:?}", bench.machine.cpus[0].rip);
    assert_eq!(done.iter().map(|done| done.instructions()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(bench.seen()[..2], [Seen::Read(0x10, 4), Seen::Write(0x10, 4, 0x0404_0404)]);
}

#[test]
fn accesses_to_memory_trigger() {
    // inc byte [0x7e00]; mov al, [0x7e01]; push ax; jmp back
    let program = [0xfe, 0x06, 0x00, 0x7e, 0xa0, 0x01, 0x7e, 0x50, 0xeb, 0xf6];
    let write = "write: Physical(address: 0x40000, data: u8(1))";
    let at = |at: &str| counts(&program, &format!("[(at: {at}, {write})]"), 30);
    assert_eq!(at("Access(address: 0x7e00)"), [1]);
    assert_eq!(at("Access(address: 0x7e00, access: Read), hits: 3"), [9], "INC reads and writes");
    assert_eq!(at("Access(address: 0x7e01)"), [2]);
    assert_eq!(at("Access(address: 0x7e01, access: Write)"), []);
    assert_eq!(at("Access(address: 0x7e01, length: 0x8000, access: Write), hits: 2"), []);
    assert_eq!(at("Access(address: 0xfff0, length: 16, access: Write), hits: 2"), [7], "pushes below SP");
}

#[test]
fn symbols_are_resolved_before_the_run() {
    let text = r#"[(at: Breakpoint("start"), write: Input(device: "toy", data: text("x")))]"#;
    let mut schedule = Schedule::from_ron(text).unwrap();
    let mut bench = running(&COUNT);
    let unresolved = schedule.run(&mut bench.machine, 5);
    assert!(matches!(unresolved, Err(ScheduleError::Symbol { number: 1, .. })), "{unresolved:?}");
    assert!(schedule.resolve(|_| None).unwrap_err().to_string().contains("no symbol `start`"));
    schedule.resolve(|name| (name == "start").then_some(0x7c00)).unwrap();
    let (_, done) = schedule.run(&mut bench.machine, 5).unwrap();
    assert_eq!(done[0].to_string(), "After 0 instructions device toy got 1 byte from outside.");
    let mut nobody = Schedule::from_ron(&text.replace("toy", "boy")).unwrap();
    nobody.resolve(|_| Some(0x7c00)).unwrap();
    let error = nobody.run(&mut bench.machine, 50).unwrap_err();
    assert_eq!(error.to_string(), "entry 1 of the schedule: there is no device `boy`");
}

/// A breakpoint and a watch of somebody else's stop the runner, and stay.
#[test]
fn a_runner_leaves_the_stops_of_others_alone() {
    let mut bench = running(&COUNT);
    bench.machine.breakpoints.add(0x7c04);
    let schedule = Schedule::from_ron(
        "[(at: Breakpoint(0x7c04), write: Physical(address: 0x7e00, data: u8(0))),
          (at: Breakpoint(0x7c00), hits: 4, write: Physical(address: 0x7e00, data: u8(0)))]",
    )
    .unwrap();
    let mut runner = Runner::new(&schedule);
    let mut stops = Vec::new();
    loop {
        let (stop, done) = runner.run(&mut bench.machine, 10).unwrap();
        stops.push((stop, bench.machine.instructions(), done.len()));
        if stop == Stop::Budget {
            break;
        }
    }
    let breakpoint = Stop::Breakpoint;
    assert_eq!(
        stops,
        [
            (breakpoint, 1, 1),
            (breakpoint, 3, 0),
            (breakpoint, 5, 0),
            (breakpoint, 7, 1),
            (breakpoint, 9, 0),
            (Stop::Budget, 10, 0)
        ]
    );
    runner.finish(&mut bench.machine);
    assert_eq!(bench.machine.breakpoints.iter().collect::<Vec<_>>(), [0x7c04]);
}
