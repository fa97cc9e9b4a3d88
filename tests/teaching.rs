//! Scripted sessions with the teaching kernel, and that a run is the same however it is cut.

mod support;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use ringhold::Stop;
use support::Session;

/// What a run has come to.
#[derive(Clone, Debug, PartialEq)]
struct Moment {
    stop: Stop,
    instructions: u64,
    virtual_ns: u64,
    state_hash: u128,
    console: String,
}

impl Moment {
    fn of(session: &mut Session, stop: Stop) -> Self {
        let console = session.console().into();
        let machine = &session.machine;
        Self {
            stop,
            instructions: machine.instructions(),
            virtual_ns: machine.virtual_ns(),
            state_hash: machine.state_hash(),
            console,
        }
    }
}

/// Keys that make tasks, faults, DMA and interrupts of several devices.
const BUSY: &str = "ps\rspawn hello\redu\rfault caught\rspawn spin\rfault user\rcrash int3\rwait 3\rkill 6\r\
    log 5\rspawn primes\rwait 7\redu\rexit 9\r";

fn busy() -> Session {
    let mut session = Session::new(&[]);
    session.type_keys(BUSY);
    session
}

#[test]
fn a_session_shows_every_command() {
    let mut session = Session::new(&[]);
    let boot = session.until("RINGHOLD-READY\nringhold> ");
    for part in [
        "Ringhold teaching kernel ",
        "boot: PVH, 4 memory regions",
        "pci: 3 functions",
        "edu: 00:04.0 version 1.0, registers at 0xfdf00000, irq 11",
        "task: 3 counter, ring 3, cr3 0x",
        "boot: complete, ",
    ] {
        assert!(boot.contains(part), "`{part}` is missing in: {boot}");
    }
    let hello = "hello from task 5 in ring 3, at tick ";
    for (command, parts) in [
        ("help", &["spawn PROGRAM", "the last N lines of the kernel log"][..]),
        ("ps", &["0 idle            0 ready", "counter         3 ", "4 shell           0 running"]),
        ("modules", &["kernel       kernel  ffffffff80", "hello        program"]),
        ("echo never odd or even", &["never odd or even"]),
        ("log 3", &["task: 4 shell, ring 0"]),
        ("mem", &["000000100000..000004000000     64512 KiB RAM", " used, "]),
        ("maps", &["ffff800000000000..ffff800004000000 -> 000000000000 rw--g-    65536 KiB", " r-x-g- "]),
        ("maps 3", &["0000000000400000..", "u-"]),
        ("walk 0xffff800000300000", &["ffff800000300000 -> 000000300000 rw--g- page of 2048 KiB"]),
        ("walk 0x1000", &["0000000000001000 is not mapped"]),
        ("poke 0xffff800000900001 0x48", &[]),
        ("poke 0xffff800000900002 0x69 1", &[]),
        ("peek 0xffff800000900000 4", &["ffff800000900000  00 48 69 00", ".Hi."]),
        ("peek 0x10 4", &["0000000000000010  cannot be read"]),
        ("pci", &["00:04.0 1234:11e8", "bar 0: 0xfdf00000 size 0x100000", "INTA# on irq 11"]),
        ("edu", &["answered with 0xedcba987", "10! = 3628800, by interrupt", "2048 bytes", "edu: passed"]),
        ("inb 0x21", &["0xea"]),
        ("outl 0xcf8 0x80002000", &[]),
        ("inl 0xcfc", &["0x11e81234"]),
        ("spawn hello", &["task 5"]),
        ("wait 3", &[hello]),
        ("spawn nobody", &["spawn: "]),
        ("spawn spin", &["task 6"]),
        ("wait 2", &[]),
        ("ps", &["6 spin            3 ready"]),
        ("kill 6", &[]),
        ("kill 66", &["kill: no such task"]),
        ("fault caught", &["a guard page: faulted, and recovered"]),
        (
            "fault user",
            &["(wild) killed: #PF page fault", "at cr2 0xffff800000100000: user read, rights violated"],
        ),
        ("crash int3", &["and on"]),
        ("log 1", &["trap: #BP breakpoint at 0xffffffff801"]),
        ("dance", &["dance: no such command; try help"]),
        ("peek", &["usage: peek ADDR [N]"]),
    ] {
        let said = session.command(command);
        for part in parts {
            assert!(said.contains(part), "{command}: `{part}` is missing in: {said}");
        }
        if parts.is_empty() {
            assert_eq!(said, "", "{command}");
        }
    }
    // Ticks are hundredths of a virtual second.
    let before: u64 = session.command("ticks").parse().unwrap();
    let ns = session.machine.virtual_ns();
    session.command("wait 30");
    let passed = session.command("ticks").parse::<u64>().unwrap() - before;
    let virtually = (session.machine.virtual_ns() - ns) / 10_000_000;
    assert!((30..35).contains(&passed) && passed.abs_diff(virtually) <= 1, "{passed} {virtually}");
    let (stop, said) = session.last_command("exit 7");
    assert_eq!((stop, said.as_str()), (Stop::Exit(7), "exit 7\nexit 7\n"));
}

#[test]
fn the_end_of_input_ends_the_run() {
    let mut session = Session::at_prompt();
    session.command("echo first");
    session.type_keys("\x04");
    assert_eq!(session.machine.run_for(100_000_000), Stop::Exit(0));
    assert!(session.console().ends_with("\nend of input\n"));
    // Only at the start of a line.
    let mut session = Session::at_prompt();
    session.type_keys("ech\x04o on\x7f\x7f yes\r");
    assert_eq!(session.until("\nringhold> ").lines().last(), Some("yes"));
}

#[test]
fn a_script_ends_the_run() {
    let mut session = Session::new(&["boot.cmdline=script=\"echo one;exit 300;exit 31\""]);
    let (stop, said) = session.last_command("");
    assert_eq!(stop, Stop::Exit(31), "{said}");
    assert!(said.contains("ringhold> echo one\none\nringhold> exit 300\nusage: exit [N]\n"), "{said}");
    let mut session = Session::new(&["boot.cmdline=script=ticks"]);
    assert_eq!(session.last_command("").0, Stop::Exit(0));
    assert!(session.console().ends_with("end of script\n"));
}

#[test]
fn crashes_end_with_a_report() {
    let text = support::symbol("trap_dispatch").address >> 20;
    for (command, parts) in [
        ("crash", &["#UD invalid opcode", "error  00000000"][..]),
        ("crash null", &["#PF page fault at cr2 0x0000000000000000: supervisor read, page not present"]),
        ("crash divide", &["#DE divide error", "rax 0000000000000001"]),
        ("crash panic", &["panicked at ", "as you wish"]),
        ("fault write", &["supervisor write, rights violated", "error  00000003", "cr0 0000000080010033"]),
        (
            "fault exec",
            &[
                "cr2 0xffff800000100000: supervisor instruction fetch, rights violated",
                "rip ffff800000100000",
                "error  00000011",
            ],
        ),
        ("fault stack", &["#PF page fault: the task stack overflowed, cr2 0xffffc0", "error  00000002"]),
    ] {
        let mut session = Session::at_prompt();
        let (stop, said) = session.last_command(command);
        assert_eq!(stop, Stop::Exit(3), "{command}: {said}");
        assert!(said.contains("\nKERNEL PANIC in task 4 (shell): "), "{command}: {said}");
        for part in parts {
            assert!(said.contains(part), "{command}: `{part}` is missing in: {said}");
        }
        // The way to the fault, to the last digit.
        let calls = said.split("  called from:\n").nth(1).unwrap_or_else(|| panic!("{command}: {said}"));
        assert!(calls.ends_with('\n') && calls.lines().count() >= 2, "{command}: {said}");
        for call in calls.lines() {
            let call = u64::from_str_radix(call.trim(), 16).unwrap();
            assert_eq!(call >> 20, text, "{command}: {said}");
        }
    }
}

#[test]
fn two_runs_are_equal() {
    let run = || {
        let mut session = busy();
        let stop = session.machine.run_for(1_000_000_000);
        Moment::of(&mut session, stop)
    };
    let first = run();
    assert_eq!(first.stop, Stop::Exit(9), "{}", first.console);
    assert!(first.console.matches("edu: passed").count() == 2, "{}", first.console);
    assert_eq!(first, run());
}

/// The moments of a busy session at each multiple of `mark`, cut by `next` in between.
fn moments(mark: u64, mut next: impl FnMut(u64) -> u64) -> Vec<Moment> {
    let mut session = busy();
    let mut moments = Vec::new();
    loop {
        let now = session.machine.instructions();
        let until = (now / mark + 1) * mark;
        let stop = session.machine.run(until.min(now + next(now)));
        if stop != Stop::Budget || session.machine.instructions() == until {
            moments.push(Moment::of(&mut session, stop));
        }
        if stop != Stop::Budget {
            return moments;
        }
    }
}

fn compare(cut: &[Moment], whole: &[Moment]) {
    for (cut, whole) in cut.iter().zip(whole) {
        assert_eq!(cut, whole);
    }
    assert_eq!(cut.len(), whole.len());
}

/// How often the host looks in changes nothing.
#[test]
fn slices_of_every_size_are_equal() {
    const MARK: u64 = 3_000_000;
    let whole = moments(MARK, |_| u64::MAX / 2);
    let end = whole.last().unwrap();
    assert_eq!(end.stop, Stop::Exit(9), "{}", end.console);
    // Marks are slices, too: the same without any.
    let mut session = busy();
    let stop = session.machine.run(u64::MAX);
    assert_eq!(Moment::of(&mut session, stop), *end);
    for slice in [1000, 61] {
        compare(&moments(MARK, |_| slice), &whole);
    }
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for limit in [100, 10_000, 3_000_000] {
        compare(&moments(MARK, |_| 1 + random.next_u64() % limit), &whole);
    }
}

/// Nor does it change anything how a halted guest's sleep is cut.
#[test]
fn naps_of_every_length_are_equal() {
    let run = |mut nap: Box<dyn FnMut() -> u64>| {
        let mut session = busy();
        loop {
            let until_ns = session.machine.virtual_ns() + nap();
            let stop = session.machine.run_until(u64::MAX, until_ns);
            if stop != Stop::Budget {
                return Moment::of(&mut session, stop);
            }
        }
    };
    let whole = run(Box::new(|| u64::MAX / 2));
    assert_eq!(whole.stop, Stop::Exit(9));
    assert_eq!(run(Box::new(|| 777)), whole);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    assert_eq!(run(Box::new(move || random.next_u64() % 3_000_000)), whole);
}

/// Single steps through all kinds of interrupts, task switches and faults: of each 20 million
/// instructions 1.2 million, which is more than a timer tick.
#[test]
fn single_steps_are_equal() {
    const WINDOW: u64 = 1_200_000;
    const EVERY: u64 = 20_000_000;
    let mut whole = busy();
    let mut stepped = busy();
    let mut interrupts = 0;
    loop {
        let begin = whole.machine.instructions();
        let stop = whole.machine.run(begin + WINDOW);
        for now in begin..whole.machine.instructions() {
            assert_eq!(stepped.machine.instructions(), now);
            let level = stepped.machine.cpu(0).cpl;
            let step = stepped.machine.run(now + 1);
            assert!(step == Stop::Budget || step == stop && now + 1 == whole.machine.instructions());
            interrupts += u32::from(level == 3 && stepped.machine.cpu(0).cpl == 0);
        }
        assert_eq!(Moment::of(&mut stepped, stop), Moment::of(&mut whole, stop));
        if stop != Stop::Budget {
            break;
        }
        let stop = whole.machine.run(begin + EVERY);
        assert_eq!(stepped.machine.run(begin + EVERY), stop);
        if stop != Stop::Budget {
            break;
        }
    }
    assert!(interrupts > 10, "{interrupts}");
    assert!(whole.console().contains("edu: passed"), "{}", whole.console());
}

/// Any point of a run is the same, whether it is the only stop or one of many.
#[test]
fn any_point_is_equal() {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut points: Vec<u64> = (0..24).map(|_| random.next_u64() % 3_000_000).collect();
    points.sort_unstable();
    let mut many = busy();
    for point in points {
        let stop = many.machine.run(point);
        let mut one = busy();
        assert_eq!(one.machine.run(point), stop);
        assert_eq!(Moment::of(&mut many, stop), Moment::of(&mut one, stop), "at {point}");
    }
}
