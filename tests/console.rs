//! Every command of the console over the teaching machine's devices, and what it says.
//!
//! The machine has a fixed program and fixed page tables in place of a kernel, so that the
//! transcript is the same whatever compiles this. It holds the commands as well as what they say:
//!
//!     RINGHOLD_WRITE=1 cargo test --test console
#![allow(clippy::disallowed_methods, reason = "no machine hears of it; the environment asks for the file")]

#[path = "support/transcript.rs"]
mod transcript;

use std::fs;
use std::path::Path;

use ringhold::boot::{Image, Images};
use ringhold::debugapi::command::{Command, Event};
use ringhold::debugapi::{HResult, Session};
use ringhold::{Config, Machine, config::TEACHING};

/// The teaching machine with a program of a few instructions in 64-bit mode, and data at 0x20000.
fn machine() -> Machine {
    let boot = "boot: (kind: flat, kernel: \"code\", flat: (load: 0x10000, entry: 0x10000, mode: long64))";
    let text = TEACHING.replace("boot: (kernel: \"builtin:teaching\")", boot);
    let config = Config::from_ron(&text, "teaching.ron").unwrap();
    let code = [
        &[0xb8, 0x05, 0, 0, 0][..],            // mov eax, 5
        &[0xe8, 0x08, 0, 0, 0],                // call f
        &[0x48, 0x89, 0x05, 0xef, 0xff, 0, 0], // mov [0x20000], rax, by RIP
        &[0xf4],                               // hlt
        &[0x48, 0xff, 0xc0, 0xc3],             // f: inc rax; ret
    ]
    .concat();
    let images = Images { kernel: Some(Image::new("code", code)), ..Images::default() };
    let mut machine = Machine::with_images(config, &images).unwrap();
    machine.run_for(1);
    machine
}

/// A session with names for the program.
fn session() -> Session {
    transcript::session("program", "10000 T main\n10012 T f\n20000 D data\n20008 B _end\n")
}

/// Carries out a line; gives the result and what was said.
fn execute(machine: &mut Machine, session: &mut Session, line: &str) -> (HResult, String) {
    let command = Command::Execute { output_control: 1, command: line.into(), flags: 0 };
    let reply = session.execute(machine, &command);
    let said = reply.events.iter().filter_map(|event| match event {
        Event::Output { text, .. } => Some(text.as_str()),
        _ => None,
    });
    (reply.hresult, said.collect())
}

#[test]
fn commands_say_what_the_transcript_has() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console/transcript.txt");
    let old = fs::read_to_string(&path).unwrap();
    let commands: Vec<&str> = old.lines().filter_map(|line| line.strip_prefix("kd> ")).collect();
    let made = transcript::transcript(&mut machine(), session(), &commands);
    assert_eq!(made, transcript::transcript(&mut machine(), session(), &commands), "a second time");
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        fs::write(&path, &made).unwrap();
        return;
    }
    for (number, (old, made)) in old.lines().zip(made.lines()).enumerate() {
        assert_eq!(old, made, "line {}", number + 1);
    }
    assert_eq!(old, made);
}

/// Every command that the book lists is in the transcript.
#[test]
fn the_transcript_has_every_command_of_the_book() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let book = fs::read_to_string(here.join("docs/src/console.md")).unwrap();
    let transcript = fs::read_to_string(here.join("tests/console/transcript.txt")).unwrap();
    let commands: Vec<&str> = transcript
        .lines()
        .filter_map(|line| line.strip_prefix("kd> "))
        .flat_map(|line| line.split(';'))
        .filter_map(|command| command.split_whitespace().next())
        .collect();
    let (_, table) = book.split_once("| family | commands |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut listed = 0;
    for line in table.lines() {
        let Some(cell) = line.split('|').nth(2) else { continue };
        // What stands in backticks, up to the first comma: behind it are options.
        let Some(names) = cell.split('`').nth(1) else { continue };
        for name in names.split_whitespace().filter(|name| !["Nr", "~Ns"].contains(name)) {
            assert!(commands.contains(&name), "{name} is not in the transcript");
            listed += 1;
        }
    }
    assert!(listed > 60, "{listed}");
}

/// Default amounts and lines of the displays (the contract's 6.4): command, lines, objects on a line.
#[test]
fn displays_have_the_documented_amounts() {
    let (mut machine, mut session) = (machine(), Session::new());
    for (command, lines, on_line) in [
        ("db", 8, 16),
        ("dw", 8, 8),
        ("dW", 8, 8),
        ("dd", 8, 4),
        ("dc", 8, 4),
        ("dq", 8, 2),
        ("dp", 8, 2),
        ("df", 4, 4),
        ("dD", 5, 3),
        ("dyb", 10, 4),
        ("dyd", 11, 4),
        ("dds", 16, 1),
        ("dps", 16, 1),
        ("dqs", 16, 1),
    ] {
        let (hresult, said) = execute(&mut machine, &mut session, &format!("{command} 20000"));
        assert_eq!((hresult, said.lines().count()), (HResult::OK, lines), "{command}: {said}");
        let last = said.lines().last().unwrap();
        // Behind the address, up to the characters.
        let cells = last[19..].split("  ").find(|part| !part.trim().is_empty()).unwrap_or_default();
        let floating = matches!(command, "df" | "dD");
        let found = match floating {
            true => last[19..].split_whitespace().count(),
            false => cells.replace('-', " ").split_whitespace().count(),
        };
        assert_eq!(found, on_line, "{command}: {said}");
        let address = &last[..17];
        assert!(address.as_bytes()[8] == b'`' && &last[17..19] == "  ", "{command}: {address}");
    }
}

/// Objects that cannot be read are question marks of the same width.
#[test]
fn what_cannot_be_read_keeps_its_width() {
    let (mut machine, mut session) = (machine(), Session::new());
    // The last page of RAM is followed by a hole; the tables map 4 GiB to themselves.
    let ram = 64 << 20;
    for command in ["db", "dw", "dW", "dd", "dc", "dq", "dp", "df", "dD", "dyb", "dyd", "dds", "dps"] {
        let lines = [ram - 0x100, ram + 0x100].map(|address: u64| {
            let (_, said) = execute(&mut machine, &mut session, &format!("{command} {address:x}"));
            said.lines().last().unwrap().to_owned()
        });
        assert_eq!(lines[0].len(), lines[1].len(), "{command}: {lines:?}");
        assert!(!lines[0].contains('?') && lines[1].contains("??"), "{command}: {lines:?}");
    }
}

/// A write of the console is an injection: it tells the callbacks of its space, once.
#[test]
fn writes_are_told_and_reads_are_not() {
    let (mut machine, mut session) = (machine(), Session::new());
    for (line, spaces) in [
        ("eb 20000 1 2", vec![0, 0]),
        ("f 20000 L10 1 2", vec![0]),
        ("m 20000 L10 20100", vec![0]),
        ("!ed 20000 1", vec![1]),
        ("fp 20000 L10 1", vec![1]),
        ("ob 80 1", vec![3]),
        ("wrmsr c0000082 1", vec![4]),
        ("!ecb 0.4.0 3c 5", vec![5]),
        ("db 20000; !dd 20000; ib 21; rdmsr c0000082; !pci; r; u; !pte 20000; s 20000 L10 1", vec![]),
    ] {
        let command = Command::Execute { output_control: 1, command: line.into(), flags: 0 };
        let reply = session.execute(&mut machine, &command);
        assert_eq!(reply.hresult, HResult::OK, "{line}");
        let told: Vec<u64> = reply
            .events
            .iter()
            .filter_map(|event| match event {
                Event::ChangeDebuggeeState { flags: 2, argument } => Some(*argument),
                _ => None,
            })
            .collect();
        assert_eq!(told, spaces, "{line}");
    }
}

/// The width of an object is the width of its access.
#[test]
fn an_object_is_an_access() {
    let (mut machine, mut session) = (machine(), Session::new());
    // The liveness register of the educational device answers with the inverse; it takes double
    // words alone.
    let mut run = |line: &str| execute(&mut machine, &mut session, line).1;
    run("!ed fdf00004 12345678");
    assert_eq!(run("!dd fdf00004 L1"), "# fdf00004 edcba987\n");
    run("ed fdf00004 1");
    assert_eq!(run("dd fdf00004 L1"), "00000000`fdf00004  fffffffe\n");
    run("!eb fdf00004 7");
    assert_eq!(run("!dd fdf00004 L1"), "# fdf00004 fffffffe\n", "a byte is no double word");
}

/// The commands of a file in the session's directory, up to the first that fails.
#[test]
fn a_file_holds_commands() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("script.txt"), "r $t0 = 2\n.if (@$t0) { .echo yes }\n? zz\n.echo never\n")
        .unwrap();
    fs::write(directory.join("again.txt"), ".echo again; $<again.txt\n").unwrap();
    let (mut machine, mut session) = (machine(), Session::new());
    let (hresult, _) = execute(&mut machine, &mut session, "$<script.txt");
    assert_eq!(hresult, HResult::ACCESSDENIED, "files are closed");
    session.share_files(directory);
    let (hresult, said) = execute(&mut machine, &mut session, "$<script.txt");
    assert_eq!(hresult, HResult::FAIL);
    let complaint = "    ^ line 3: Couldn't resolve error at 'zz' in '$<script.txt'\n";
    assert_eq!(said, format!("yes\n{complaint}"));
    let (_, said) = execute(&mut machine, &mut session, "$<again.txt");
    assert_eq!(said.matches("again\n").count(), 32, "{said}");
    assert!(said.contains("Nesting error"), "{said}");
}
