//! Privileged state, on Ringhold and by second opinions: bare programs of `tests/privileged` print
//! one line a case. What Ringhold prints stands in a file beside each program; where QEMU or Bochs
//! print something else, `docs/src/second-opinions.md` has the case with the manual's verdict. A KVM is
//! asked too, if `probe` proves it to be hardware.
//!
//! `RINGHOLD_WRITE=1` writes the files anew.

#![allow(clippy::disallowed_methods, reason = "programs of the host are asked")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ringhold::emulator::bus::DeviceId;
use ringhold::emulator::memory::{Memory, Range};
use ringhold::emulator::model::CpuModel;
use ringhold::emulator::state::{Segment, sreg};
use ringhold::emulator::time::Clock;
use ringhold::emulator::{Board, Machine, Stop};
use ringhold_devices::acpi_pm::{AcpiPm, AcpiPmConfig};
use ringhold_devices::debug_exit::{DebugExit, DebugExitConfig};
use ringhold_devices::debugcon::{Debugcon, DebugconConfig};
use ringhold_devices::ioapic::{Ioapic, IoapicConfig};
use ringhold_devices::isa_bridge::{IsaBridge, IsaBridgeConfig};
use ringhold_devices::lapic::{Lapic, LapicConfig};
use ringhold_devices::pci_host::{PciHost, PciHostConfig};
use ringhold_devices::pic::{Pic, PicConfig};
use ringhold_devices::pit::{Pit, PitConfig};
use ringhold_devices::port92::{Port92, Port92Config};

#[path = "support/peer.rs"]
mod peer;

use peer::until_end;

/// The programs of `tests/privileged`.
const PROGRAMS: [&str; 6] = [PROBE, "real", "legacy", "numeric", "smm", "long"];
/// What a KVM must get right to be asked.
const PROBE: &str = "probe";
/// Programs that a peer cannot run; the book says why.
const LEFT_OUT: [(&str, &str); 1] = [("QEMU", "numeric")];
/// The program whose rules of SYSCALL, SYSENTER and their returns are Intel's; the others run on a
/// processor of AMD's.
const INTEL: &str = "long";
/// With the value `judge`, a difference from a KVM is a failure.
const KVM: &str = "RINGHOLD_KVM";
/// Where boot sectors lie.
const BOOT: u64 = 0x7c00;
const RAM: u64 = 16 << 20;
/// The video window, behind which SMRAM lies.
const WINDOW: (u64, u64) = (0xa_0000, 0xc_0000);
/// Instructions that all cases of a program are done in.
const BUDGET: u64 = 50_000_000;
/// How often a peer is looked at without a new word, each time after 50 milliseconds.
const PATIENCE: u32 = 400;
/// The same for a KVM, which is fast or none.
const KVM_PATIENCE: u32 = 40;
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

/// Into a file of its own: nasm removes what it was to write when a program does not assemble, and that
/// must not be a file of the system's.
fn assemble(program: &str) -> Vec<u8> {
    static NTH: AtomicU32 = AtomicU32::new(0);
    let output = scratch(&format!("{program}.{}.bin", NTH.fetch_add(1, Ordering::Relaxed)));
    let mut nasm = Command::new("nasm");
    nasm.current_dir(source("")).args(["-f", "bin", "-o"]).arg(&output).arg(format!("{program}.asm"));
    let done = nasm.stderr(Stdio::inherit()).status().expect("nasm is to be installed");
    assert!(done.success(), "{program} does not assemble");
    let image = fs::read(&output).unwrap();
    fs::remove_file(&output).unwrap();
    image
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
    board.attach(Box::new(Ioapic::new(IoapicConfig::default()))).unwrap();
    board.attach(Box::new(Pit::new(PitConfig::default()))).unwrap();
    board.attach(Box::new(Port92::new(Port92Config::default()))).unwrap();
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

fn on_qemu(program: &str, image: &[u8]) -> String {
    // Without it SMIs and interrupts come some instructions after the write that raised them.
    let counted = matches!(program, "smm" | "legacy");
    let icount: &[&str] = if counted { &["-icount", "shift=0"] } else { &[] };
    qemu("qemu", &[&["-cpu", "max"], icount].concat(), (program, image), PATIENCE)
}

fn on_kvm(program: &str, image: &[u8]) -> String {
    // Some hosts refuse a value that QEMU gives the capabilities.
    let options = ["-accel", "kvm", "-cpu", "host,-arch-capabilities"];
    qemu("kvm", &options, (program, image), KVM_PATIENCE)
}

/// What a program says in a PC of QEMU's.
fn qemu(peer: &str, options: &[&str], (program, image): (&str, &[u8]), looks: u32) -> String {
    let (image, output) = (floppy(program, peer, image), scratch(&format!("{program}.{peer}.txt")));
    let log = scratch(&format!("{program}.{peer}.log"));
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(["-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot", "-m", "64"])
        .args(["-boot", "a", "-device", "isa-debug-exit,iobase=0xf4"])
        .args(options)
        .arg("-drive")
        .arg(format!("file={},format=raw,if=floppy", image.display()))
        .arg("-D")
        .arg(&log)
        .arg("-debugcon")
        .arg(format!("file:{}", output.display()));
    until_end(command, &output, &log, looks)
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
    until_end(command, &output, &log, PATIENCE)
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
fn listed(peer: &str) -> Differences {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/second-opinions.md");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (program, case, who, said) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        (who == peer).then(|| ((program.to_string(), case.to_string()), said.trim_matches('`').to_string()))
    };
    fs::read_to_string(book).unwrap().lines().filter_map(row).collect()
}

/// Where a peer says something else than Ringhold: program and case, and what the peer says.
type Differences = BTreeMap<(String, String), String>;

/// What a peer says otherwise than Ringhold.
fn differences(
    peer: &str,
    run: impl Fn(&str, &[u8]) -> String,
    normal: impl Fn(&str) -> String,
) -> Differences {
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
    found
}

/// Rows of the book's table that `other` lacks.
fn rows(peer: &str, rows: &Differences, other: &Differences) -> String {
    let new = rows.iter().filter(|(key, said)| other.get(*key) != Some(*said));
    new.map(|((program, case), said)| format!("| {program} | {case} | {peer} | `{said}` |\n")).collect()
}

/// Every difference is in the book, and the book has no other. Of a peer that is not of the `judged`
/// version, differences may have become fewer, but not more.
fn compare(peer: &str, found: &Differences, judged: bool) -> Result<(), Failed> {
    let listed = listed(peer);
    let new_cases = found.keys().any(|case| !listed.contains_key(case));
    if if judged { *found != listed } else { new_cases } {
        let (new, gone) = (rows(peer, found, &listed), rows(peer, &listed, found));
        return Err(format!("not in the book:\n{new}\nno longer so:\n{gone}").into());
    }
    Ok(())
}

fn ringhold_says_what_was_judged() -> Result<(), Failed> {
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
    Ok(())
}

fn qemu_differs_where_the_book_says() -> Result<(), Failed> {
    // QEMU never pushes RF set: one row of the book for all cases.
    let found = differences("QEMU", on_qemu, without_rf);
    let output = Command::new("qemu-system-x86_64").arg("--version").output().unwrap();
    compare("QEMU", &found, String::from_utf8_lossy(&output.stdout).contains("version 7.2"))
}

fn bochs_differs_where_the_book_says() -> Result<(), Failed> {
    let found = differences("Bochs", on_bochs, str::to_string);
    let screen = fs::read(scratch(SCREEN)).unwrap();
    compare("Bochs", &found, String::from_utf8_lossy(&screen).contains("Emulator 2.7"))
}

/// Why the host has no KVM to ask.
fn no_hardware() -> Option<String> {
    if let Err(error) = fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Some(format!("/dev/kvm: {error}"));
    }
    let expected = fs::read_to_string(source(&format!("{PROBE}.expected"))).unwrap();
    let said = on_kvm(PROBE, &assemble(PROBE));
    let (said, expected) = (cases(said.lines()), cases(expected.lines()));
    let wrong = expected.iter().find(|(case, line)| said.get(*case) != Some(*line));
    wrong.map(|(case, line)| {
        let said = said.get(case).map_or("nothing", String::as_str);
        format!("/dev/kvm is no hardware: of \"{case}\" it says {said} and not {line}")
    })
}

/// A processor that nobody has settled the differences of does not fail everybody's run; it is
/// told of, and `RINGHOLD_KVM=judge` makes it a failure.
fn hardware_agrees() -> Result<Completion, Failed> {
    if let Some(reason) = no_hardware() {
        return Ok(Completion::ignored_with(reason));
    }
    let found = differences("KVM", on_kvm, str::to_string);
    match compare("KVM", &found, false) {
        Ok(()) => Ok(Completion::Completed),
        Err(failed) if std::env::var_os(KVM).is_some_and(|value| value == "judge") => Err(failed),
        Err(failed) => {
            let message = failed.message().unwrap_or_default();
            Ok(Completion::ignored_with(format!("this processor differs, not settled yet; {message}")))
        }
    }
}

fn main() -> ExitCode {
    let needs = |trial: Trial, what: &str| trial.with_kind(format!("needs {what}")).with_ignored_flag(true);
    let trials = vec![
        needs(Trial::test("ringhold_says_what_was_judged", ringhold_says_what_was_judged), "nasm"),
        needs(
            Trial::test("qemu_differs_where_the_book_says", qemu_differs_where_the_book_says),
            "nasm, qemu",
        ),
        needs(
            Trial::test("bochs_differs_where_the_book_says", bochs_differs_where_the_book_says),
            "nasm, bochs",
        ),
        needs(Trial::ignorable_test("hardware_agrees", hardware_agrees), "nasm, qemu, a KVM"),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
