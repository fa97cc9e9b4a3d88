//! Journals: what is recorded is replayed to the same states, and nothing else passes for it.

use ringhold_debugapi::journal::{Header, ImageDigest, JournalError, Writer};
use ringhold_debugapi::schedule::{Expect, Runner};
use ringhold_debugapi::{Journal, Schedule};
use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::inject::{Injection, Register, Semantics, Space};
use ringhold_emulator::state::{Segment, sreg};
use ringhold_emulator::{Machine, Stop};

use crate::bench::{Bench, PORTS, ROM, WINDOW};

/// `l: inc byte [0x7e00]; in al, dx; jmp l`, from 0:0x7c00, with DX = 0x500.
const PROGRAM: [u8; 7] = [0xfe, 0x06, 0x00, 0x7e, 0xec, 0xeb, 0xf9];

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.poke(0x7c00, &PROGRAM);
    let cpu = &mut bench.machine.cpus[0];
    cpu.seg[usize::from(sreg::CS)] = Segment::real(0, true);
    cpu.rip = 0x7c00;
    cpu.gpr[2] = 0x500;
    cpu.refresh();
    bench
}

fn header() -> Header {
    Header {
        program: "test 1".into(),
        config: "( name: \"a \\\"#quoted\\\" name\",\n  memory: 1 )".into(),
        config_digest: "00".into(),
        images: vec![ImageDigest { role: "kernel".into(), file: "k".into(), bytes: 1, digest: "11".into() }],
    }
}

/// Runs a session with every kind of input, and writes it down.
fn session(machine: &mut Machine) -> String {
    machine.record(true);
    let mut text = Vec::new();
    let mut writer = Writer::new(&mut text, &header()).unwrap();
    let inject = |machine: &mut Machine, space, address, bytes: &[u8], semantics| {
        machine.inject(&Injection::new(space, address, bytes).with(semantics));
    };
    use Semantics::{Backdoor, Bus, Cpu, Debugger};
    inject(machine, Space::Physical, 0x40000, b"before the first instruction", Debugger);
    assert_eq!(machine.run(10), Stop::Budget);
    inject(machine, Space::Io { width: Width::Word }, PORTS, &[1, 2, 3, 4], Bus);
    inject(machine, Space::Io { width: Width::Dword }, PORTS, &[1, 2, 3, 4], Bus);
    inject(machine, Space::Io { width: Width::Byte }, 0xffff, &[1, 2], Bus);
    inject(machine, Space::Config(PciAddress::new(2, 1)), 0x3c, &[9], Bus);
    inject(machine, Space::Msr { cpu: 0 }, 0xc000_0082, &[1, 2, 3, 4, 5, 6, 7, 8], Debugger);
    inject(machine, Space::Msr { cpu: 7 }, 1, &[0; 8], Debugger);
    let xmm = Register::named("xmm3").unwrap();
    inject(machine, Space::Register { cpu: 0, register: xmm }, 0, &[7; 16], Debugger);
    inject(machine, Space::Register { cpu: 0, register: xmm }, 3, &[8; 5], Debugger);
    writer.drain(machine).unwrap();
    assert_eq!(machine.run(100), Stop::Budget);
    inject(machine, Space::Physical, ROM, &[0x90, 0x0a], Backdoor);
    inject(machine, Space::Physical, 0xf_fffe, b"too long", Debugger);
    inject(machine, Space::Virtual { cpu: 0, root: None }, 0x7e01, &[0xff; 3], Cpu);
    let mut buffer = [0; 4];
    machine.peek(Space::Physical, WINDOW, Debugger, &mut buffer);
    machine.peek(Space::Physical, 0, Debugger, &mut buffer);
    let toy = machine.board.find("toy").unwrap();
    machine.input(toy, b"keys\r");
    machine.input(toy, &[0, 255]);
    let schedule = Schedule::from_ron(
        "[(at: PortRead(0x500), hits: 3, write: Register(register: \"rbx\", value: 5)),
          (at: Breakpoint(0x7c05), hits: 9, write: Physical(address: 0x7e00, data: u8(0)))]",
    )
    .unwrap();
    assert_eq!(Runner::new(&schedule).run(machine, 150).unwrap().1.len(), 2);
    writer.finish(machine, Stop::Budget).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_session_is_replayed_to_the_same_states() {
    let mut recorded = bench();
    let text = session(&mut recorded.machine);
    let journal = Journal::from_ron(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!((journal.entries.len(), &journal.config), (17, &header().config), "{text}");
    assert_eq!(journal.images, header().images);
    let expected = |number: usize| journal.entries[number - 1].expect.unwrap();
    assert_eq!(
        (expected(4), expected(7), expected(11)),
        (Expect::Partial(1), Expect::Fails, Expect::Partial(2))
    );
    let mut again = bench();
    let replayed = journal.replay(&mut again.machine, |_| {}).unwrap();
    assert_eq!(replayed.done.len(), 17);
    assert_eq!(again.machine.state_hash(), recorded.machine.state_hash());
    assert_eq!(again.seen(), recorded.seen(), "the device saw the same");
    assert!(text.contains(r#"write: Input(device: "toy", data: text("keys\r"))"#), "{text}");
    // As a schedule, it does the same.
    let mut third = bench();
    let schedule = Schedule::from_ron(&text).unwrap();
    schedule.run(&mut third.machine, 150).unwrap();
    assert_eq!(third.machine.state_hash(), recorded.machine.state_hash());
}

#[test]
fn recording_and_reading_leave_no_trace() {
    let mut plain = bench();
    plain.machine.run(100);
    let mut recorded = bench();
    recorded.machine.record(true);
    recorded.machine.run(50);
    recorded.machine.peek(Space::Physical, 0x7c00, Semantics::Debugger, &mut [0; 64]);
    recorded.machine.run(100);
    assert!(recorded.machine.take_events().is_empty());
    assert_eq!(recorded.machine.state_hash(), plain.machine.state_hash());
}

#[test]
fn a_difference_names_the_first_entry_that_differs() {
    let text = session(&mut bench().machine);
    let replay = |text: &str, prepare: &dyn Fn(&mut Machine)| {
        let mut bench = bench();
        prepare(&mut bench.machine);
        Journal::from_ron(text).unwrap().replay(&mut bench.machine, |_| {}).unwrap_err()
    };
    let other_start = replay(&text, &|machine| machine.cpus[0].gpr[6] = 1);
    assert_eq!((other_start.number, other_start.what), (Some(1), "the state"));
    // What was written first, another second byte, is seen at once.
    let edited = text.replacen("before the", "beforX the", 1);
    assert_eq!(replay(&edited, &|_| {}).number, Some(1));
    let edited = text.replacen("expect: Partial(1)", "expect: Ok", 1);
    let difference = replay(&edited, &|_| {});
    assert_eq!((difference.number, difference.what), (Some(4), "the outcome"));
    let moved = text.replacen("instructions: 100, ns: 100", "instructions: 99, ns: 99", 1);
    assert_eq!(replay(&moved, &|_| {}).number, Some(10));
    let end = text.rfind("hash: \"").unwrap() + 7;
    let mut edited = text.clone();
    edited.replace_range(end..end + 4, "0000");
    assert!(replay(&edited, &|_| {}).to_string().starts_with("the end differs: the state"));
    let exit = text.replacen("stop: Left", "stop: Exit(3)", 1);
    assert_eq!(replay(&exit, &|_| {}).what, "the reason");
}

#[test]
fn damage_is_named_with_its_place() {
    let text = session(&mut bench().machine);
    let lines = text.lines().count();
    let whole = text.lines().filter(|line| line.starts_with("        (at: ")).count();
    assert_eq!(whole, 17);
    for cut in (1..text.trim_end().len()).step_by(37) {
        let told = Journal::from_ron(&text[..cut]).unwrap_err().to_string();
        let line = text[..cut].lines().count();
        let named = told.contains(&format!("line {line}")) || told.contains(&format!("{line}:"));
        assert!(named, "cut in line {line} of {lines}: {told}");
    }
    let last = text[..text.rfind("    end: ").unwrap()].to_string();
    assert_eq!(
        Journal::from_ron(&last).unwrap_err(),
        JournalError::Truncated { line: last.lines().count(), entries: 17 }
    );
    let damaged = text.replacen("write: BusData", "write: BuzData", 1);
    let line = 1 + text.lines().position(|line| line.contains("BusData")).unwrap();
    let told = Journal::from_ron(&damaged).unwrap_err().to_string();
    assert!(told.contains(&format!("{line}:")) && told.contains("BuzData"), "{told}");
    let other = text.replacen("format: 1", "format: 2", 1);
    assert_eq!(Journal::from_ron(&other).unwrap_err(), JournalError::Format(2));
    let vague = text.replacen("Exact(instructions: 0)", "Instruction(0)", 1);
    let told = Journal::from_ron(&vague).unwrap_err().to_string();
    assert!(told.contains("entry 1") && told.contains("--inject"), "{told}");
    let unordered = text.replacen("instructions: 100,", "instructions: 5,", 1);
    assert!(Journal::from_ron(&unordered).unwrap_err().to_string().starts_with("entry 10 "));
}
