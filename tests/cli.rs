//! The program as its users see it: exit statuses, messages, reports.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Prints `ok` on COM1, reads a byte from it once one has come, and writes that to the exit port
/// when all is sent.
const ECHO: &[u8] = &[
    0xba, 0xf8, 0x03, // mov dx, 3f8
    0xb0, b'o', 0xee, // mov al, 'o'; out dx, al
    0xb0, b'k', 0xee, // mov al, 'k'; out dx, al
    0xb0, b'!', 0xe6, 0xe9, // mov al, '!'; out e9, al
    0xba, 0xfd, 0x03, // mov dx, 3fd
    0xec, 0xa8, 0x40, 0x74, 0xfb, // in al, dx; test al, 40; jz
    0xec, 0xa8, 0x01, 0x74, 0xfb, // in al, dx; test al, 1; jz
    0xba, 0xf8, 0x03, 0xec, // mov dx, 3f8; in al, dx
    0xe6, 0xf4, // out f4, al
];

const MACHINE: &str = "(
    devices: [pic(), uart(name: \"com1\"), debugcon(), isa_bridge(), debug_exit()],
    boot: (kind: flat),
)";

/// A directory of its own for a test.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

fn ringhold(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringhold"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has refused its arguments does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Runs a flat image; gives status, standard output and standard error.
fn run(name: &str, code: &[u8], more: &[&str], input: &[u8]) -> (i32, String, String) {
    let directory = directory(name);
    fs::write(directory.join("machine.ron"), MACHINE).unwrap();
    fs::write(directory.join("image.bin"), code).unwrap();
    let arguments = [&["run", "machine.ron", "--kernel", "image.bin"], more].concat();
    spread(ringhold(&directory, &arguments, input))
}

fn spread(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn refused(arguments: &[&str], parts: &[&str]) {
    let (status, _, error) = spread(ringhold(Path::new(env!("CARGO_MANIFEST_DIR")), arguments, b""));
    assert_eq!(status, 2, "{arguments:?}: {error}");
    for part in parts {
        assert!(error.contains(part), "{arguments:?}: `{part}` is missing in: {error}");
    }
}

#[test]
fn the_guest_talks_and_ends_the_run_with_its_value() {
    let (status, output, error) = run("echo", ECHO, &[], b"\x07");
    assert_eq!((status, output.as_str()), (7, "ok"), "{error}");
    assert!(error.starts_with('!'), "{error}");
    assert!(error.contains("ended the run with value 7 after"), "{error}");
    let (status, output, _) =
        run("echo_file", ECHO, &["--serial", "file:out", "--max-instructions", "1_000_000"], b"");
    assert_eq!((status, output.as_str()), (102, ""));
    assert_eq!(fs::read(directory("echo_file").join("out")).unwrap(), b"ok");
    let set = ["--set", "serial.end_of_input=5"];
    assert_eq!(run("echo_end", ECHO, &set, b"").0, 5);
}

#[test]
fn every_end_has_its_status() {
    // lidt of an empty table; ud2
    let triple = [0x0f, 0x01, 0x1e, 0x08, 0x7c, 0x0f, 0x0b, 0x90, 0, 0, 0, 0, 0, 0];
    let (status, _, error) = run("triple", &triple, &[], b"");
    assert_eq!(status, 101, "{error}");
    assert!(error.contains("triple fault"), "{error}");
    // mov dx, cf9; mov al, 6; out dx, al
    let (status, _, error) = run("reset", &[0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xeb, 0xfe], &[], b"");
    assert_eq!(status, 101, "{error}");
    assert!(error.contains("reset the machine"), "{error}");
    let (status, _, error) = run("halted", &[0xfa, 0xf4], &[], b"");
    assert_eq!(status, 103, "{error}");
    assert!(error.contains("nothing can wake it at 0000:7c02 after 2 instructions"), "{error}");
    let (status, _, error) = run("budget", &[0xeb, 0xfe], &["--max-instructions", "12345"], b"");
    assert_eq!(status, 102, "{error}");
    assert!(error.contains("budget is used up at 0000:7c00 after 12345 instructions"), "{error}");
}

#[test]
fn two_runs_report_the_same() {
    let report = |name: &str, more: &[&str]| {
        let (_, output, error) = run(name, ECHO, &[&["--report", "report.json"], more].concat(), b"\x03");
        let text = fs::read(directory(name).join("report.json")).unwrap_or_else(|_| panic!("{error}"));
        let mut report: Value = serde_json::from_slice(&text).unwrap();
        for host in ["host_seconds", "mips", "peak_rss_bytes"] {
            assert!(report.as_object_mut().unwrap().remove(host).unwrap().as_f64().unwrap() > 0.0);
        }
        (report, output)
    };
    let (first, output) = report("report_1", &[]);
    assert_eq!(first["stop"], "exit");
    assert_eq!(first["exit_value"], 3);
    assert_eq!(first["state_hash"].as_str().unwrap().len(), 32);
    assert_eq!(first["images"][0]["role"], "kernel");
    assert_eq!((first.clone(), output), report("report_2", &[]));
    // A trace executes step by step and changes nothing.
    assert_eq!(first, report("report_3", &["--trace", "trace.txt"]).0);
    let trace = fs::read_to_string(directory("report_3").join("trace.txt")).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    assert!(lines[0].contains("0000:0000000000007c00 baf803"), "{}", lines[0]);
    assert!(lines[0].contains("mov dx, 0x3F8") && lines[0].ends_with("rdx=3f8"), "{}", lines[0]);
    assert_eq!(lines.len() as u64, first["instructions"].as_u64().unwrap());
    report("report_4", &["--trace", "trace.txt", "--trace-count", "2", "--trace-range", "0x7c06-0x7c08"]);
    let trace = fs::read_to_string(directory("report_4").join("trace.txt")).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("b06b") && lines[1].contains("out dx, al"), "{trace}");
}

#[test]
fn a_schedule_writes_into_the_running_machine() {
    // cmp byte [9000], 0; je; mov al, [9000]; out f4, al
    let code = [0x80, 0x3e, 0x00, 0x90, 0x00, 0x74, 0xf9, 0xa0, 0x00, 0x90, 0xe6, 0xf4];
    let schedule = "[(at: Instruction(1001), write: Physical(address: 0x9000, data: u8(9)), expect: Ok)]";
    fs::write(directory("inject").join("writes.ron"), schedule).unwrap();
    let more = ["--inject", "writes.ron", "--report", "report.json"];
    let (status, _, error) = run("inject", &code, &more, b"");
    assert_eq!(status, 9, "{error}");
    assert!(error.contains("injected: "), "{error}");
    let report: Value =
        serde_json::from_slice(&fs::read(directory("inject").join("report.json")).unwrap()).unwrap();
    assert_eq!(report["injections"][0]["instructions"], 1001);
    assert_eq!(report["instructions"], 1006);

    fs::write(directory("inject").join("writes.ron"), "[(at: Never)]").unwrap();
    let (status, _, error) = run("inject", &code, &more, b"");
    assert!(status == 2 && error.contains("writes.ron") && error.contains("Never"), "{status}: {error}");
}

#[test]
fn what_is_wrong_is_named() {
    refused(&["fly"], &["fly"]);
    refused(&["run", "nowhere.ron"], &["nowhere.ron", "No such file"]);
    refused(&["run", "configs/linux.ron"], &["nothing to start", "--kernel"]);
    refused(&["run", "configs/linux.ron", "--kernel", "nowhere"], &["nowhere", "kernel", "No such file"]);
    refused(&["run", "configs/linux.ron", "--kernel", "Cargo.toml"], &["Cargo.toml", "no Linux boot header"]);
    refused(&["run", "configs/bare.ron", "--firmware", "Cargo.toml"], &["Cargo.toml", "ROM", "4 KiB"]);
    refused(&["run", "configs/linux.ron", "--memory", "5MB"], &["--memory", "5MB", "MiB"]);
    refused(&["run", "configs/linux.ron", "--memory", "1MiB"], &["memory", "1MiB", "2MiB"]);
    refused(&["run", "configs/linux.ron", "--serial", "tcp"], &["tcp", "stdio", "file:PATH"]);
    refused(&["run", "--set", "cpu.speed=3"], &["speed", "tsc_hz"]);
    refused(&["run", "--set", "devices.edu.slot=(0, 0)"], &["edu", "00:00.0"]);
    refused(&["run", "--set", "devices.com1.base=0xf1"], &["debug_exit", "overlap"]);
    refused(&["run", "--set", "outputs.com7=null"], &["outputs.com7", "com1"]);
    refused(&["run", "--trace-count", "5"], &["--trace"]);
    refused(&["run", "configs/linux.ron", "--kernel", env!("CARGO_BIN_EXE_ringhold")], &["operating system"]);
    let directory = directory("wrong");
    fs::write(directory.join("m.ron"), "(\n  memory: \"64MiB\",\n  cpu: (tsc_hertz: 5),\n)").unwrap();
    let path = directory.join("m.ron").display().to_string();
    refused(&["config", "check", &path], &[&format!("{path}:3:"), "cpu", "tsc_hertz", "tsc_hz"]);
}

#[test]
fn configs_are_checked_shown_and_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = directory("show");
    for entry in fs::read_dir(root.join("configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let path = path.display().to_string();
        let (status, check, error) = spread(ringhold(root, &["config", "check", &path], b""));
        assert_eq!(status, 0, "{error}");
        assert!(check.contains("RAM"), "{check}");
        let (status, shown, error) = spread(ringhold(root, &["config", "show", &path], b""));
        assert_eq!(status, 0, "{error}");
        fs::write(directory.join("shown.ron"), &shown).unwrap();
        let again = spread(ringhold(&directory, &["config", "show", "shown.ron"], b""));
        assert_eq!(again.1, shown);
        let (status, listed, error) = spread(ringhold(root, &["devices", &path], b""));
        assert_eq!(status, 0, "{error}");
        assert!(
            listed.contains("com1         16550A") && listed.contains("ports    0x3f8-0x3ff"),
            "{listed}"
        );
    }
    let (_, listed, _) = spread(ringhold(root, &["devices", "--set", "devices.edu.slot=(9, 0)"], b""));
    assert!(listed.contains("00:09.0 [1234:11e8]"), "{listed}");
}

#[test]
fn equal_commands_give_equal_transcripts() {
    let commands = b"r rip\n!pci\nr rsp\nt 3\n!ed fdf00004 1; !dd fdf00004 L1\n? 1 / 0\ng\nr\nq\nr rip\n";
    let arguments = ["debug", "configs/teaching.ron", "--start", "250000", "--timeout", "300"];
    let session = |record: &str| {
        let journal = directory("debug").join(record);
        let all = [&arguments[..], &["--record", journal.to_str().unwrap()]].concat();
        let spoken = spread(ringhold(Path::new(env!("CARGO_MANIFEST_DIR")), &all, commands));
        (spoken, fs::read(journal).unwrap())
    };
    let ((status, said, error), journal) = session("first");
    assert_eq!(((status, said.clone(), error.clone()), journal), session("second"));
    // One of the commands fails.
    assert_eq!(status, 1, "{error}");
    for part in [
        "kd> !pci\nPCI Segment 0 Bus",
        "# fdf00004 fffffffe\n",
        "Operand error in '? 1 / 0'",
        "RINGHOLD-READY",
    ] {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
    assert!(said.contains("Break instruction exception"), "{said}");
    assert!(said.ends_with("kd> q\n"), "nothing comes behind the end: {said}");
    // Commands as arguments, from a machine that has not begun.
    let more = ["debug", "--serial", "null", "--command", "? 2+3", "--command", "t"];
    let (status, said, error) = spread(ringhold(Path::new(env!("CARGO_MANIFEST_DIR")), &more, b"r\n"));
    assert_eq!(status, 0, "{error}");
    assert!(said.starts_with("kd> ? 2+3\nEvaluate expression: 5 = 00000000`00000005\nkd> t\nrax="), "{said}");
}

#[test]
fn commands_reach_the_files_of_one_directory() {
    let files = directory("debug_files");
    fs::write(files.join("in.bin"), b"from a file").unwrap();
    let run = |commands: &[&str], more: &[&str]| {
        let commands = commands.iter().flat_map(|command| ["--command", *command]);
        let start = ["debug", "--serial", "null", "--start", "250000"];
        let all: Vec<&str> = start.into_iter().chain(more.iter().copied()).chain(commands).collect();
        spread(ringhold(Path::new(env!("CARGO_MANIFEST_DIR")), &all, b""))
    };
    let more = ["--files", files.to_str().unwrap()];
    let (status, said, error) =
        run(&[".readmem in.bin @rsp L100", "da @rsp L b", ".writemem \"out.bin\" @rsp L4"], &more);
    assert_eq!(status, 0, "{said}{error}");
    assert!(said.contains("Read 0xb bytes") && said.contains("\"from a file\""), "{said}");
    assert_eq!(fs::read(files.join("out.bin")).unwrap(), b"from");
    for name in ["../in.bin", "/etc/passwd", ".", "..", "missing"] {
        let (status, said, _) = run(&[&format!(".readmem {name} @rsp L4")], &more);
        assert!(status == 1 && said.contains("File"), "{name}: {said}");
    }
    let (status, said, _) = run(&[".readmem in.bin @rsp L4"], &[]);
    assert!(status == 1 && said.contains("Files of the host are closed"), "{said}");
}

#[test]
fn a_breakpoint_brings_its_command() {
    let directory = directory("debug_breakpoint");
    fs::write(directory.join("machine.ron"), MACHINE).unwrap();
    // inc ax; jmp to it
    fs::write(directory.join("image.bin"), [0x40, 0xeb, 0xfd]).unwrap();
    let arguments = ["debug", "machine.ron", "--kernel", "image.bin", "--serial", "null"];
    let commands = b"bp 7c00 3 \".echo hit; r ax\"\ng\nbc *\ng 7c01\nq\n";
    let (status, said, error) = spread(ringhold(&directory, &arguments, commands));
    assert_eq!(status, 0, "{said}{error}");
    // The first of the three is where it stands at first, which it leaves.
    assert_eq!(said.matches("Breakpoint 0 hit").count(), 2, "{said}");
    assert_eq!(said.matches("\nhit\nax=0003\n").count(), 1, "{said}");
    assert!(said.contains("rip=0000000000007c01"), "{said}");
}
