//! What surrounds a run does not reach it: where the console goes, traces, the host's load.

#[path = "support/program.rs"]
mod program;

use std::fs::{self, File};
use std::io::Read;
use std::process::{Child, Command, Stdio};

use program::{directory, ringhold};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

const SCRIPT: &str =
    "boot.cmdline=script=\"ps;edu;spawn hello;wait 5;fault user;spawn spin;wait 3;edu;log;exit 6\"";

/// What must be the same.
#[derive(Debug, PartialEq)]
struct Outcome {
    stop: Value,
    exit_value: Value,
    instructions: Value,
    virtual_ns: Value,
    state_hash: Value,
}

fn outcome(report: &str) -> Outcome {
    let text = fs::read(directory("determinism").join(report)).unwrap();
    let mut report: Value = serde_json::from_slice(&text).unwrap();
    let mut take = |name: &str| report.get_mut(name).unwrap().take();
    Outcome {
        stop: take("stop"),
        exit_value: take("exit_value"),
        instructions: take("instructions"),
        virtual_ns: take("virtual_ns"),
        state_hash: take("state_hash"),
    }
}

/// The program about to run the script, with a report of this name.
fn command(report: &str, more: &[&str]) -> Command {
    let path = directory("determinism").join(report).display().to_string();
    let fixed = ["run", "configs/teaching.ron", "--set", SCRIPT, "--set", "serial.end_of_input=None"];
    let mut command = ringhold(&[&fixed, &["--report", &path][..], more].concat());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it; gives standard output.
fn run(report: &str, more: &[&str]) -> Vec<u8> {
    let output = command(report, more).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn plain() -> (Outcome, Vec<u8>) {
    let console = run("plain.json", &[]);
    let outcome = outcome("plain.json");
    assert_eq!((outcome.stop.as_str(), outcome.exit_value.as_u64()), (Some("exit"), Some(6)));
    (outcome, console)
}

#[test]
fn where_the_console_goes_changes_nothing() {
    let (plain, console) = plain();
    assert!(run("null.json", &["--serial", "null"]).is_empty());
    assert_eq!(outcome("null.json"), plain);
    let file = directory("determinism").join("console.txt");
    run("file.json", &["--serial", &format!("file:{}", file.display())]);
    assert_eq!(outcome("file.json"), plain);
    assert_eq!(fs::read(file).unwrap(), console);
    run("stderr.json", &["--set", "serial.to=stderr", "--set", "outputs.debugcon=null"]);
    assert_eq!(outcome("stderr.json"), plain);
}

/// At a terminal a halted guest waits for the user; the guest cannot tell.
#[test]
fn a_terminal_changes_nothing() {
    let (plain, console) = plain();
    let host = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&host).unwrap();
    unlockpt(&host).unwrap();
    let name = ptsname(&host, Vec::new()).unwrap();
    let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut command = command("terminal.json", &[]);
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal);
    let mut child: Child = command.spawn().unwrap();
    drop(command);
    // The terminal ends with its last user; Linux calls that an error.
    let mut shown = Vec::new();
    let _ = File::from(host).read_to_end(&mut shown);
    assert_eq!(child.wait().unwrap().code(), Some(6));
    assert_eq!(outcome("terminal.json"), plain);
    // The host's line discipline puts a carriage return before each line feed.
    let plain_lines = |bytes: Vec<u8>| bytes.into_iter().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
    assert_eq!(plain_lines(shown), plain_lines(console));
}

#[test]
fn a_trace_changes_nothing() {
    let (plain, console) = plain();
    let file = directory("determinism").join("trace.txt").display().to_string();
    for (report, more) in [
        ("trace_all.json", &["--trace-count", "3_000_000"][..]),
        ("trace_part.json", &["--trace-from", "100_000", "--trace-count", "1234"]),
        ("trace_range.json", &["--trace-range", "0x400000-0x4fffff"]),
    ] {
        assert_eq!(run(report, &[&["--trace", &file], more].concat()), console);
        assert_eq!(outcome(report), plain, "{more:?}");
    }
}

#[test]
fn the_host_s_load_changes_nothing() {
    let (plain, _) = plain();
    let reports: Vec<String> = (0..12).map(|n| format!("load_{n}.json")).collect();
    let children: Vec<Child> =
        reports.iter().map(|report| command(report, &["--serial", "null"]).spawn().unwrap()).collect();
    for (mut child, report) in children.into_iter().zip(&reports) {
        assert_eq!(child.wait().unwrap().code(), Some(6));
        assert_eq!(outcome(report), plain);
    }
}
