//! Debian's programs compute in the machine what they compute on the host, byte for byte: digests and
//! ciphers, packers, a database, an interpreter, a compiler, an assembler, the C library's mathematics.
//!
//! `tests/programs/make-programs-guest` makes the guest out of the programs that the host has
//! installed; `tests/programs/checks.sh` is what runs on both sides. `make-static-guest` makes another
//! one, of statically linked programs, `tests/programs/static/checks.sh` is what it runs.

#![allow(clippy::disallowed_methods, reason = "the environment may say where the guests are")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RECIPE: &str = "tests/programs/make-programs-guest guests/linux guests/programs";

fn guests() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("RINGHOLD_GUESTS").map_or_else(|| root.join("guests"), PathBuf::from)
}

fn guest(name: &str) -> PathBuf {
    let path = guests().join(name);
    assert!(path.exists(), "{} is missing: {RECIPE}", path.display());
    path
}

/// The lines that begin with CHECK.
fn checks(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output).replace('\r', "");
    text.lines().filter(|line| line.starts_with("CHECK ")).map(String::from).collect()
}

/// What a command of the host prints.
fn on_the_host(command: &mut Command) -> Vec<String> {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    checks(&output.stdout)
}

/// What a machine with this processor prints that runs the programs of the guest in `directory`.
fn in_the_machine(directory: &str, model: &str) -> Vec<String> {
    let cmdline =
        "console=ttyS0 reboot=t panic=-1 run=programs cryptomgr.notests tsc=reliable no_timer_check";
    let output = Command::new(env!("CARGO_BIN_EXE_ringhold"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "configs/linux.ron", "--cmdline", cmdline])
        .args(["--set", &format!("cpu.model={model}"), "--kernel"])
        .arg(guest("linux/vmlinuz-cloud"))
        .arg("--initrd")
        .arg(guest(directory).join("initramfs.cpio"))
        .stdin(Stdio::null())
        .output()
        .expect("ringhold starts");
    let console = String::from_utf8_lossy(&output.stdout);
    assert!(console.contains("CHECKS-DONE"), "{console}");
    assert_eq!(output.status.code(), Some(0), "{console}");
    checks(&output.stdout)
}

#[test]
#[ignore = "needs a Linux guest with programs: tests/programs/make-programs-guest guests/linux guests/programs"]
fn programs_compute_what_they_compute_on_the_host() {
    let files = guest("programs/files");
    let host = on_the_host(Command::new("dash").arg(files.join("checks.sh")).arg(&files));
    let machine = in_the_machine("programs", "x86-64-v1");
    // What needs FMA runs where the processor has it.
    let wanted =
        |line: &&String| !line.ends_with("with fma") || machine.iter().any(|l| l.ends_with("with fma"));
    let differing: Vec<_> = host.iter().filter(wanted).filter(|line| !machine.contains(line)).collect();
    assert!(differing.is_empty(), "{} of {} lines differ: {differing:#?}", differing.len(), host.len());
    assert!(machine.len() > 80, "{} lines", machine.len());
    for line in &machine {
        assert!(host.contains(line), "only in the machine: {line}");
    }
}

/// Static programs on a processor, and on the host with `hidden` features out of glibc's sight: its
/// functions have variants for FMA, whose last bits differ.
fn static_programs_agree(model: &str, hidden: &str) {
    let files = guest("static/files");
    let host = on_the_host(
        Command::new(files.join("busybox"))
            .arg("sh")
            .arg(files.join("checks.sh"))
            .arg(&files)
            .env("GLIBC_TUNABLES", format!("glibc.cpu.hwcaps={hidden}")),
    );
    let machine = in_the_machine("static", model);
    let differing: Vec<_> = host.iter().filter(|line| !machine.contains(line)).collect();
    assert!(differing.is_empty(), "{} of {} lines differ: {differing:#?}", differing.len(), host.len());
    assert_eq!(machine.len(), host.len());
    assert!(machine.len() > STATIC_CHECKS, "{} lines", machine.len());
}

/// Fewer lines than the static programs print.
const STATIC_CHECKS: usize = 120;

#[test]
#[ignore = "needs a Linux guest: tests/programs/make-static-guest guests/linux guests/static"]
fn static_programs_compute_the_same_on_x86_64_v1() {
    static_programs_agree("x86-64-v1", "-AVX2,-AVX,-FMA,-FMA4");
}

#[test]
#[ignore = "needs a host with FMA and a Linux guest: tests/programs/make-static-guest guests/linux guests/static"]
fn static_programs_compute_the_same_on_x86_64_v3() {
    static_programs_agree("x86-64-v3", "");
}
