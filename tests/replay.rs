//! Recorded runs, as a user records and replays them.

#[path = "support/program.rs"]
mod program;

use std::fs;

use program::{directory, ringhold, run};

/// A path of this test's own.
fn path(name: &str) -> String {
    directory("replay").join(name).display().to_string()
}

#[test]
fn a_session_with_keys_and_injections_is_replayed() {
    let journal = path("session.ron");
    let arguments =
        ["run", "configs/teaching.ron", "--inject", "configs/inject/break_edu.ron", "--record", &journal];
    let ended = run(&arguments, "wait 20\redu\redu\rexit 5\r");
    assert_eq!(ended.status, 5, "{}", ended.error);
    let replayed = run(&["replay", &journal, "--show"], "");
    assert_eq!(replayed.status, 0, "{}", replayed.error);
    assert_eq!(replayed.output, ended.output, "the guest says the same");
    assert!(
        replayed.error.contains("the same run: 2 events and the end (exit with 5)"),
        "{}",
        replayed.error
    );
    // As a schedule it does the same to the same machine, with nothing typed.
    let again =
        run(&["run", "configs/teaching.ron", "--set", "serial.end_of_input=None", "--inject", &journal], "");
    assert_eq!((again.status, again.output), (5, ended.output));
}

#[test]
fn what_differs_is_named() {
    let journal = path("differs.ron");
    let ended = run(&["run", "--record", &journal], "ps\rexit 3\r");
    assert_eq!(ended.status, 3, "{}", ended.error);
    let text = fs::read_to_string(&journal).unwrap();
    let edited = |name: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        fs::write(path(name), text.replacen(from, to, 1)).unwrap();
        run(&["replay", &path(name)], "")
    };
    let keys = edited("keys.ron", r#"text("ps\r"#, r#"text("pq\r"#);
    assert_eq!(keys.status, 104);
    assert!(keys.error.contains("another run: entry 1 differs: the state: recorded"), "{}", keys.error);
    let end = edited("end.ron", "Exit(3)", "Exit(4)");
    assert_eq!(end.status, 104);
    assert!(
        end.error.contains("the end differs: the reason: recorded Exit(4), now Exit(3)"),
        "{}",
        end.error
    );
    let config = edited("config.ron", "name: \"teaching\"", "name: \"teachinG\"");
    assert_eq!(config.status, 2);
    assert!(config.error.contains("the config in the journal is not the one"), "{}", config.error);
    let digest = text.find("digest: \"").map(|_| ()).and(text.rfind("role: \"kernel\"")).unwrap();
    let at = digest + text[digest..].find("digest: \"").unwrap() + 9;
    let mut other = text.clone();
    other.replace_range(at..at + 8, "00000000");
    fs::write(path("kernel.ron"), other).unwrap();
    let kernel = run(&["replay", &path("kernel.ron")], "");
    assert_eq!(kernel.status, 2);
    assert!(kernel.error.contains("the kernel is not the one that was recorded"), "{}", kernel.error);
}

#[test]
fn a_cut_journal_is_refused_with_its_place() {
    let journal = path("cut.ron");
    run(&["run", "--record", &journal], "ps\rexit 3\r");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(path("half.ron"), &text[..text.find("    end: ").unwrap()]).unwrap();
    let half = run(&["replay", &path("half.ron")], "");
    assert_eq!(half.status, 2);
    assert!(
        half.error.contains("cut off in line ") && half.error.contains(": 1 whole entries"),
        "{}",
        half.error
    );
    let none = run(&["replay", &path("none.ron")], "");
    assert!(
        none.status == 2 && none.error.contains("none.ron: the journal cannot be read"),
        "{}",
        none.error
    );
    fs::write(path("letter.ron"), "Dear Sir").unwrap();
    let letter = run(&["replay", &path("letter.ron")], "");
    assert!(letter.status == 2 && letter.error.contains("1:1"), "{}", letter.error);
}

/// The guest is ended in the midst of its work, and sleeping.
#[test]
fn a_run_that_was_ended_from_outside_is_replayed_to_that_point() {
    for (name, more) in [
        ("budget.ron", ["--max-instructions", "400000"]),
        ("sleep.ron", ["--max-instructions", "0x10000000"]),
    ] {
        let journal = path(name);
        let arguments =
            ["run", "configs/teaching.ron", "--set", "serial.end_of_input=None", "--record", &journal];
        let ended = run(&[&arguments[..], &more].concat(), "wait 3\r");
        assert!([102, 103].contains(&ended.status), "{}", ended.error);
        let replayed = run(&["replay", &journal], "");
        assert_eq!(replayed.status, 0, "{}", replayed.error);
    }
}

#[test]
fn a_breakpoint_by_symbol_and_a_port_trigger_work_on_the_teaching_kernel() {
    let schedule = path("triggers.ron");
    fs::write(
        &schedule,
        r#"[
            (at: Breakpoint("kernel::edu::interrupt"), write: Physical(address: 0x900000, data: text("first interrupt")), expect: Ok),
            (at: PortWrite(0xf4), write: Physical(address: 0x900000, data: text("x")), expect: Ok),
            (at: BusData(device: 4, offset: 0, length: 2, access: Read), write: Physical(address: 0x910000, data: text("found"))),
            (at: Mmio(address: 0xfdf00000, length: 0x100, access: Write), hits: 2, write: Physical(address: 0x920000, data: text("driven"))),
        ]"#,
    )
    .unwrap();
    let keys =
        "edu\rpeek 0xffff800000900000 16\rpeek 0xffff800000910000 16\rpeek 0xffff800000920000 16\rexit 1\r";
    let ended = run(&["run", "--inject", &schedule, "--record", &path("triggers-journal.ron")], keys);
    assert_eq!(ended.status, 1, "{}", ended.error);
    for text in ["  first interrupt.\n", "  found...........\n", "  driven..........\n"] {
        assert!(ended.output.contains(text), "{}\n{}", ended.output, ended.error);
    }
    assert_eq!(ended.error.matches("ringhold: injected: ").count(), 4, "{}", ended.error);
    let replayed = run(&["replay", &path("triggers-journal.ron")], "");
    assert_eq!(replayed.status, 0, "{}", replayed.error);
    let unknown = path("unknown.ron");
    fs::write(&unknown, "[(at: Breakpoint(\"nobody\"), write: Physical(address: 0, data: u8(0)))]").unwrap();
    let ended = run(&["run", "--inject", &unknown], "");
    assert!(ended.status == 2 && ended.error.contains("no symbol `nobody`"), "{}", ended.error);
    let list = path("symbols.txt");
    fs::write(&list, "ffffffff80100000 t nobody\n").unwrap();
    let ended = run(&["run", "--inject", &unknown, "--symbols", &list], "exit 4\r");
    assert_eq!(ended.status, 4, "{}", ended.error);
    assert!(ended.error.contains("ended before 1 writes"), "{}", ended.error);
}

#[test]
fn the_journal_cannot_be_written() {
    let output = ringhold(&["run", "--record", "/nowhere/at/all.ron"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("the journal cannot be written"), "{said}");
}
