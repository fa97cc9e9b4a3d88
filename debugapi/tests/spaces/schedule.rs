//! Injection schedules: what they say, and when their writes happen.

use ringhold_debugapi::schedule::{At, Expect, Runner};
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
    assert_eq!(receipts.iter().map(|r| r.instructions).collect::<Vec<_>>(), [20, 20, 40]);
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
    assert_eq!((receipts[0].instructions, runner.pending()), (50, 0));
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
    let injections: Vec<_> = schedule.entries.iter().map(|entry| entry.injection()).collect();
    let semantics: Vec<_> = injections.iter().map(|injection| injection.semantics).collect();
    assert_eq!(semantics, [Semantics::Bus, Semantics::Bus, Semantics::Debugger, Semantics::Cpu]);
    assert_eq!(injections[2].space, Space::Virtual { cpu: 0, root: Some(0x1000) });
    assert_eq!((schedule.entries[0].at, schedule.entries[3].expect), (At::Time(1), Some(Expect::Fails)));
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, told) in [
        ("[(at: Instruction(1), write: Physical(address: 1, data: u8(300)))]", "1:60"),
        ("[(at: Breakpoint(1), write: Physical(address: 1, data: u8(3)))]", "Breakpoint"),
        ("[(at: Instruction(1), write: Physical(adress: 1, data: u8(3)))]", "adress"),
        ("[(at: Instruction(1), when: 3, write: Physical(address: 1, data: u8(3)))]", "when"),
        ("[(write: Physical(address: 1, data: u8(3)))]", "at"),
        (r#"[(at: Instruction(1), write: Register(register: "eaxx", value: 1))]"#, "eaxx"),
        (r#"[(at: Instruction(1), write: Register(register: "al", value: 256))]"#, "entry 1"),
        ("[(at: Instruction(1), write: Io(port: 1, data: u64(1)))]", "entry 1"),
        ("[(at: Instruction(1), write: BusData(device: 32, offset: 1, data: u8(1)))]", "entry 1"),
        ("[(at: Instruction(1), write: Io(port: 65536, data: u8(1)))]", "1:"),
        ("nonsense", "1:1"),
    ] {
        let error = Schedule::from_ron(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}\n{error}");
    }
}
