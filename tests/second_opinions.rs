//! Privileged state, on Ringhold and by second opinions: bare programs of `tests/privileged` print
//! one line a case. What Ringhold prints stands in a file beside each program; where QEMU or Bochs
//! print something else, `docs/src/second-opinions.md` has the case with the manual's verdict.
//!
//! `RINGHOLD_WRITE=1` writes the files anew.

#![allow(clippy::disallowed_methods, reason = "programs of the host are asked")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ringhold::emulator::bus::DeviceId;
use ringhold::emulator::memory::{Memory, Range};
use ringhold::emulator::model::CpuModel;
use ringhold::emulator::state::{Segment, sreg};
use ringhold::emulator::time::Clock;
use ringhold::emulator::{Board, Machine, Stop};
use ringhold_devices::acpi_pm::{AcpiPm, AcpiPmConfig};
use ringhold_devices::debug_exit::{DebugExit, DebugExitConfig};
use ringhold_devices::debugcon::{Debugcon, DebugconConfig};
use ringhold_devices::isa_bridge::{IsaBridge, IsaBridgeConfig};
use ringhold_devices::lapic::{Lapic, LapicConfig};
use ringhold_devices::pci_host::{PciHost, PciHostConfig};
use ringhold_devices::pic::{Pic, PicConfig};

/// The programs of `tests/privileged`.
const PROGRAMS: [&str; 4] = ["legacy", "numeric", "smm", "long"];
/// Programs that a peer cannot run; the book says why.
const LEFT_OUT: [(&str, &str); 1] = [("QEMU", "numeric")];
/// The program whose rules of SYSCALL, SYSENTER and their returns are Intel's; the others run on a
/// processor of AMD's.
const INTEL: &str = "long";
/// Where boot sectors lie.
const BOOT: u64 = 0x7c00;
const RAM: u64 = 16 << 20;
/// The video window, behind which SMRAM lies.
const WINDOW: (u64, u64) = (0xa_0000, 0xc_0000);
/// Instructions that all cases of a program are done in.
const BUDGET: u64 = 50_000_000;
/// How often a peer is looked at without a new word, each time after 50 milliseconds.
const PATIENCE: u32 = 400;
/// Bytes of a floppy disk.
const FLOPPY: u64 = 1_474_560;
/// What Bochs shows on its terminal.
const SCREEN: &str = "bochs.screen";
/// Where an image has the number of the case to begin with.
const FIRST: usize = 512 + 4;
/// What is told of a case that ends the machine.
const ENDED: &str = " v=ended";
/// What is told of a case on a processor that lacks what it is about.
const NOT_OFFERED: &str = "v=-- not offered";
/// RF as the lines tell it, in the field of flags.
const RF: u32 = 1 << 16;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/privileged").join(name)
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn assemble(program: &str) -> Vec<u8> {
    let image = scratch(&format!("{program}.bin"));
    let status = Command::new("nasm")
        .current_dir(source(""))
        .args(["-f", "bin", "-o"])
        .arg(&image)
        .arg(format!("{program}.asm"))
        .status()
        .expect("nasm is to be installed");
    assert!(status.success(), "{program} does not assemble");
    fs::read(image).unwrap()
}

/// Lines by case; the name is what comes before the vector.
fn cases<'a>(lines: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    let split = |line: &str| {
        let (name, said) = line.split_once(" v=")?;
        Some((name.to_string(), format!("v={}", said.trim_end())))
    };
    lines.into_iter().filter_map(split).collect()
}

/// The lines of all cases. Behind a case that ends the machine, a machine begins with the next one.
fn every_case(program: &str, run: impl Fn(&str, &[u8]) -> String) -> Vec<String> {
    let mut image = assemble(program);
    let mut all: Vec<String> = Vec::new();
    loop {
        image[FIRST..FIRST + 4].copy_from_slice(&(all.len() as u32).to_le_bytes());
        let said = run(program, &image);
        // What a machine says that has lost its way does not count.
        let sane = |line: &str| match line.find(|c: char| c != ' ' && !c.is_ascii_graphic()) {
            Some(at) => line[..at].split(" v=").next().unwrap_or(line).trim_end().to_string(),
            None => line.to_string(),
        };
        let mut lines: Vec<String> = said.lines().map(sane).collect();
        assert!(!lines.is_empty(), "{program} says nothing from case {} on", all.len());
        let lost = lines.iter().position(|line| !line.contains(" v=")).unwrap_or(lines.len() - 1);
        let ends = lines[lost] == "END";
        lines.truncate(lost + 1);
        if ends {
            lines.pop();
        } else if !lines[lost].contains(" v=") {
            lines[lost].push_str(ENDED);
        }
        all.extend(lines);
        if ends {
            return all;
        }
    }
}

/// What Ringhold prints, on a processor with all features that it has.
fn on_ringhold(program: &str, image: &[u8]) -> String {
    let mut memory = Memory::new(RAM).unwrap();
    memory.map_mut().add(Range::ram(0, WINDOW.0, 0)).unwrap();
    memory.map_mut().add(Range::ram(WINDOW.1, RAM - WINDOW.1, WINDOW.1)).unwrap();
    memory.put_smram(WINDOW.0, WINDOW.1 - WINDOW.0, WINDOW.0);
    memory.write(BOOT, image);
    let mut board = Board::new(memory, Clock::new(1000), 1);
    let console: DeviceId = board.attach(Box::new(Debugcon::new(DebugconConfig::default()))).unwrap();
    board.attach(Box::new(DebugExit::new(DebugExitConfig::default()))).unwrap();
    board.attach(Box::new(Lapic::new(LapicConfig::default()))).unwrap();
    board.attach(Box::new(PciHost::new(PciHostConfig::default()))).unwrap();
    board.attach(Box::new(AcpiPm::new(AcpiPmConfig::default()))).unwrap();
    board.attach(Box::new(IsaBridge::new(IsaBridgeConfig::default()))).unwrap();
    board.attach(Box::new(Pic::new(PicConfig::default()))).unwrap();
    let mut model = CpuModel::everything();
    if program == INTEL {
        model.vendor = "GenuineIntel".into();
    }
    let mut machine = Machine::new(board, vec![model]);
    let cpu = &mut machine.cpus[0];
    cpu.seg = [Segment::real(0, false); 6];
    cpu.seg[usize::from(sreg::CS)] = Segment::real(0, true);
    cpu.rip = BOOT;
    cpu.refresh();
    let stop = machine.run(BUDGET);
    let output = machine.take_output();
    let bytes: Vec<u8> =
        output.into_iter().filter(|(from, _)| *from == console).map(|(_, byte)| byte).collect();
    let text = String::from_utf8(bytes).unwrap();
    assert!(matches!(stop, Stop::Exit(_) | Stop::TripleFault), "{stop:?} after\n{text}");
    text
}

fn floppy(program: &str, peer: &str, image: &[u8]) -> PathBuf {
    let path = scratch(&format!("{program}.{peer}.img"));
    fs::write(&path, image).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(FLOPPY).unwrap();
    path
}

/// Runs a peer until it has written a last line to `output`, ends, panics as its `log` tells, or
/// writes nothing more.
fn until_end(mut command: Command, output: &Path, log: &Path) -> String {
    let _ = fs::remove_file(output);
    let _ = fs::remove_file(log);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let read =
        |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    // A BIOS takes its time.
    let mut patience = 5 * PATIENCE;
    let mut said = String::new();
    loop {
        let ended = child.try_wait().unwrap().is_some() || read(log).contains("PANIC");
        let now = read(output);
        patience = if now.len() == said.len() { patience - 1 } else { PATIENCE };
        said = now;
        if ended || said.ends_with("END\n") || patience == 0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return said;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn on_qemu(program: &str, image: &[u8]) -> String {
    let (image, output) = (floppy(program, "qemu", image), scratch(&format!("{program}.qemu.txt")));
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(["-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot", "-m", "64"])
        .args(["-cpu", "max", "-boot", "a", "-device", "isa-debug-exit,iobase=0xf4"])
        // Without it an SMI comes some instructions after the OUT that raised it.
        .args(if program == "smm" { ["-icount", "shift=0"].as_slice() } else { &[] })
        .arg("-drive")
        .arg(format!("file={},format=raw,if=floppy", image.display()))
        .arg("-D")
        .arg(scratch(&format!("{program}.qemu.log")))
        .arg("-debugcon")
        .arg(format!("file:{}", output.display()));
    until_end(command, &output, &scratch(&format!("{program}.qemu.log")))
}

fn on_bochs(program: &str, image: &[u8]) -> String {
    let (image, output) = (floppy(program, "bochs", image), scratch(&format!("{program}.bochs.txt")));
    let log = scratch(&format!("{program}.bochs.log"));
    let (config, go) = (scratch(&format!("{program}.bochsrc")), scratch("bochs.go"));
    let share = "/usr/share/bochs";
    let text = format!(
        "config_interface: textconfig\ndisplay_library: term\nmegs: 64\n\
         romimage: file={share}/BIOS-bochs-latest\nvgaromimage: file={share}/VGABIOS-lgpl-latest\n\
         cpu: model={}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0\nclock: sync=none\n\
         floppya: 1_44={}, status=inserted\nboot: floppy\n\
         com1: enabled=1, mode=file, dev={}\nlog: {}\npanic: action=fatal\nerror: action=ignore\n\
         info: action=ignore\ndebug: action=ignore\n",
        if program == "long" { "tigerlake" } else { "corei7_skylake_x" },
        image.display(),
        output.display(),
        log.display(),
    );
    fs::write(&config, text).unwrap();
    // A Bochs with its debugger built in waits for a command.
    fs::write(&go, "continue\n").unwrap();
    // Its display wants a terminal.
    let line = format!("bochs-bin -q -f {} -rc {}", config.display(), go.display());
    let mut command = Command::new("script");
    command.args(["-q", "-f", "-c", &line]).arg(scratch(SCREEN)).env("TERM", "xterm");
    until_end(command, &output, &log)
}

/// A line without RF in its flags.
fn without_rf(line: &str) -> String {
    let field = |word: &str| match word.strip_prefix("fl=").map(|digits| u32::from_str_radix(digits, 16)) {
        Some(Ok(flags)) => format!("fl={:06x}", flags & !RF),
        _ => word.to_string(),
    };
    line.split(' ').map(field).collect::<Vec<_>>().join(" ")
}

/// The rows of the book's table for one peer: program and case, and what the peer says.
fn listed(peer: &str) -> BTreeMap<(String, String), String> {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/second-opinions.md");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (program, case, who, said) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        (who == peer).then(|| ((program.to_string(), case.to_string()), said.trim_matches('`').to_string()))
    };
    fs::read_to_string(book).unwrap().lines().filter_map(row).collect()
}

/// Compares what a peer says with what Ringhold says: every difference is in the book, and the
/// book has no other. Of a peer that is not of the `judged` version, differences may have become
/// fewer, but not more.
fn compare(
    peer: &str,
    judged: impl Fn() -> bool,
    run: impl Fn(&str, &[u8]) -> String,
    normal: impl Fn(&str) -> String,
) {
    let mut found = BTreeMap::new();
    for program in PROGRAMS.into_iter().filter(|program| !LEFT_OUT.contains(&(peer, program))) {
        let [ours, theirs] = [every_case(program, on_ringhold), every_case(program, &run)]
            .map(|lines| cases(lines.iter().map(String::as_str)));
        let names = |cases: &BTreeMap<String, String>| cases.keys().cloned().collect::<BTreeSet<_>>();
        let others: Vec<_> = names(&ours).symmetric_difference(&names(&theirs)).cloned().collect();
        assert!(others.is_empty(), "{peer} has other cases of {program}: {others:?}");
        for ((case, line), said) in ours.into_iter().zip(theirs.into_values()) {
            if said != NOT_OFFERED && normal(&said) != normal(&line) {
                found.insert((program.to_string(), case), said);
            }
        }
    }
    let listed = listed(peer);
    let new_cases = found.keys().any(|case| !listed.contains_key(case));
    if if judged() { found != listed } else { new_cases } {
        let rows = |rows: &BTreeMap<(String, String), String>, other: &BTreeMap<_, _>| {
            let new = rows.iter().filter(|(key, said)| other.get(*key) != Some(*said));
            new.map(|((program, case), said)| format!("| {program} | {case} | {peer} | `{said}` |\n"))
                .collect::<String>()
        };
        panic!("not in the book:\n{}\nno longer so:\n{}", rows(&found, &listed), rows(&listed, &found));
    }
}

#[test]
#[ignore = "needs nasm; .ci/run installs it"]
fn ringhold_says_what_was_judged() {
    for program in PROGRAMS {
        let said = every_case(program, on_ringhold).join("\n") + "\n";
        let expected = source(&format!("{program}.expected"));
        if std::env::var_os("RINGHOLD_WRITE").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        let expected = fs::read_to_string(expected).unwrap();
        let (said, expected) = (cases(said.lines()), cases(expected.lines()));
        for (case, line) in &expected {
            assert_eq!(said.get(case), Some(line), "{program}: {case}");
        }
        assert_eq!(said.len(), expected.len());
    }
}

#[test]
#[ignore = "needs nasm and qemu-system-x86; .ci/run installs them"]
fn qemu_differs_where_the_book_says() {
    // QEMU never pushes RF set: one row of the book for all cases.
    let judged = || {
        let output = Command::new("qemu-system-x86_64").arg("--version").output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("version 7.2")
    };
    compare("QEMU", judged, on_qemu, without_rf);
}

#[test]
#[ignore = "needs nasm, bochs and bochs-term; .ci/run installs them"]
fn bochs_differs_where_the_book_says() {
    let judged = || String::from_utf8_lossy(&fs::read(scratch(SCREEN)).unwrap()).contains("Emulator 2.7");
    compare("Bochs", judged, on_bochs, str::to_string);
}
