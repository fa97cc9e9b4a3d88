//! Debian's programs compute in the machine what they compute on the host, byte for byte: digests and
//! ciphers, packers, a database, an interpreter, a compiler, an assembler, the C library's mathematics.
//!
//! `tests/programs/make-programs-guest` makes the guest out of the programs that the host has
//! installed; `tests/programs/checks.sh` is what runs on both sides.

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

fn on_the_host() -> Vec<String> {
    let files = guest("programs/files");
    let output = Command::new("dash").arg(files.join("checks.sh")).arg(&files).output().expect("dash starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    checks(&output.stdout)
}

fn in_the_machine() -> Vec<String> {
    let cmdline =
        "console=ttyS0 reboot=t panic=-1 run=programs cryptomgr.notests tsc=reliable no_timer_check";
    let output = Command::new(env!("CARGO_BIN_EXE_ringhold"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "configs/linux.ron", "--cmdline", cmdline, "--kernel"])
        .arg(guest("linux/vmlinuz-cloud"))
        .arg("--initrd")
        .arg(guest("programs/initramfs.cpio"))
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
    let host = on_the_host();
    let machine = in_the_machine();
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
