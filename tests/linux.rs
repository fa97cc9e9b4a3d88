//! Debian's kernels boot to their userspace and compute what the host computes.
//!
//! The guests are made by `make-linux-guest` and `make-bare-guest`; `RINGHOLD_GUESTS` says where
//! they are, if not in `guests/` of the workspace.

#![allow(clippy::disallowed_methods, reason = "the environment may say where the guests are")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::Session;

/// Words that spare a boot its self-tests and calibrations.
const QUICK: &str = "cryptomgr.notests tsc=reliable no_timer_check random.trust_cpu=on";

fn guests() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("RINGHOLD_GUESTS").map_or_else(|| root.join("guests"), PathBuf::from)
}

fn guest(name: &str) -> String {
    let path = guests().join(name);
    assert!(path.exists(), "{} is missing: ../shared/guests/make-linux-guest guests/linux", path.display());
    path.display().to_string()
}

struct Ended {
    status: Option<i32>,
    console: String,
    report: Value,
}

fn run(name: &str, config: &str, arguments: &[&str]) -> Ended {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_ringhold"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", config, "--report"])
        .arg(&report)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        status: output.status.code(),
        console: String::from_utf8_lossy(&output.stdout).replace('\r', ""),
        report: serde_json::from_slice(&fs::read(&report).unwrap()).unwrap(),
    }
}

fn linux(name: &str, kernel: &str, words: &str) -> Ended {
    let cmdline = format!("console=ttyS0 reboot=t panic=-1 {words}");
    let (kernel, initrd) = (guest(&format!("linux/{kernel}")), guest("linux/initramfs.cpio"));
    run(name, "configs/linux.ron", &["--kernel", &kernel, "--initrd", &initrd, "--cmdline", &cmdline])
}

fn boots(name: &str, kernel: &str, words: &str) -> Ended {
    let ended = linux(name, kernel, words);
    for line in ["GUEST-READY", "GUEST-DONE"] {
        assert!(ended.console.lines().any(|l| l == line), "no {line}:\n{}", ended.console);
    }
    assert_eq!(ended.status, Some(0));
    ended
}

/// Debian's kernel finds what each model's CPUID promises, and reaches its userspace.
#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn the_cloud_kernel_boots_on_every_processor_model() {
    for (model, line) in [
        ("x86-64-v2", "AMD Ringhold x86-64-v2 (family: 0xf, model: 0x6b, stepping: 0x1)"),
        ("x86-64-v3", "Enabled xstate features 0x7, context size is 832 bytes, using 'standard' format."),
        ("nehalem", "(family: 0x6, model: 0x1a, stepping: 0x5)"),
        ("haswell", "Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz (family: 0x6, model: 0x3c, stepping: 0x3)"),
        (
            "skylake-server",
            "Enabled xstate features 0x207, context size is 840 bytes, using 'compacted' format.",
        ),
        ("zen2", "AMD Ryzen 7 3700X 8-Core Processor (family: 0x17, model: 0x71, stepping: 0x0)"),
    ] {
        let cmdline = format!("console=ttyS0 reboot=t panic=-1 {QUICK}");
        let (kernel, initrd) = (guest("linux/vmlinuz-cloud"), guest("linux/initramfs.cpio"));
        let choice = format!("cpu.model={model}");
        let arguments = ["--kernel", &kernel, "--initrd", &initrd, "--cmdline", &cmdline, "--set", &choice];
        let ended = run(model, "configs/linux.ron", &arguments);
        for wanted in [line, "GUEST-READY", "GUEST-DONE"] {
            assert!(ended.console.contains(wanted), "{model}: no {wanted}:\n{}", ended.console);
        }
        assert_eq!(ended.status, Some(0), "{model}");
    }
}

/// The CHECK lines, sorted.
fn checks(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().filter(|l| l.starts_with("CHECK ")).map(String::from).collect();
    lines.sort();
    lines
}

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn the_cloud_kernel_boots_by_itself_and_twice_the_same() {
    let first = boots("cloud-1", "vmlinuz-cloud", "");
    let second = boots("cloud-2", "vmlinuz-cloud", "");
    assert_eq!(first.console, second.console);
    for field in ["stop", "exit_value", "instructions", "virtual_ns", "state_hash"] {
        assert_eq!(first.report[field], second.report[field], "{field}");
    }
}

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn the_cloud_kernel_boots_without_acpi() {
    boots("cloud-noacpi", "vmlinuz-cloud", &format!("acpi=off {QUICK}"));
}

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn the_unpacked_cloud_kernel_boots_by_pvh() {
    boots("pvh", "vmlinux-cloud", QUICK);
    boots("pvh-noacpi", "vmlinux-cloud", &format!("acpi=off {QUICK}"));
}

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn the_generic_kernel_unpacks_itself_and_boots() {
    boots("generic", "vmlinuz-generic", QUICK);
}

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn the_generic_kernel_boots_without_acpi() {
    boots("generic-noacpi", "vmlinuz-generic", &format!("acpi=off {QUICK}"));
}

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn every_benchmark_gives_what_it_gives_on_the_host() {
    let ended = boots("bench", "vmlinux-cloud", &format!("run=bench {QUICK}"));
    let mut native = String::new();
    for program in ["sieve", "sha256", "bytecode", "memory", "float", "kernel"] {
        // `kernel` starts a program again and again: any that succeeds will do.
        let output = Command::new(guest(&format!("linux/bench/{program}"))).args(["1", "/bin/true"]).output();
        native += &String::from_utf8_lossy(&output.unwrap().stdout);
    }
    assert_eq!(checks(&ended.console).len(), 15, "{}", ended.console);
    assert_eq!(checks(&ended.console), checks(&native));
}

#[test]
#[ignore = "needs the bare guest: ../shared/guests/make-bare-guest guests/bare"]
fn the_bare_workload_computes_what_the_host_computes() {
    let native = Command::new(guest("bare/bare-linux")).output().unwrap();
    let mut expected = checks(&String::from_utf8_lossy(&native.stdout));
    // These need ring 0; each counts its iterations in RAX.
    for (name, iterations) in [("int80", 1_000_000), ("cr3", 500_000), ("pio", 500_000)] {
        expected.push(format!("CHECK {name} {iterations:016x}"));
    }
    expected.sort();
    let kernel = guest("bare/bare.elf");
    for kind in ["pvh", "multiboot"] {
        let kind_word = format!("boot.kind={kind}");
        let ended = run(kind, "configs/bare.ron", &["--kernel", &kernel, "--set", &kind_word]);
        assert_eq!((ended.status, checks(&ended.console)), (Some(0), expected.clone()), "{kind}");
    }
}

/// Where the kernel's image lies without address randomisation.
const KERNEL_IMAGE: (u64, u64) = (0xffff_ffff_8000_0000, 0xffff_ffff_c000_0000);
/// Bytes of each name in `struct new_utsname`.
const NAME_BYTES: usize = 65;

#[test]
#[ignore = "needs Linux guests: ../shared/guests/make-linux-guest guests/linux"]
fn a_write_into_the_running_kernel_changes_what_a_program_prints() {
    let machine = support::machine(
        "linux.ron",
        &[
            &format!("boot.kernel={}", guest("linux/vmlinux-cloud")),
            &format!("boot.initrd={}", guest("linux/initramfs.cpio")),
            &format!("boot.cmdline=console=ttyS0 reboot=t panic=-1 run=shell nokaslr {QUICK}"),
        ],
    );
    let mut session = Session::with(machine);
    session.until("/ # ");
    session.type_keys("uname -r\n");
    let before = session.until("/ # ");
    let release = before.lines().nth(1).expect("a line behind the echo").to_owned();

    // The kernel keeps its names in several places; the release follows sysname and nodename.
    let mut pattern = release.clone().into_bytes();
    pattern.resize(NAME_BYTES, 0);
    let (mut from, end) = KERNEL_IMAGE;
    let mut spaces = session.machine.data_spaces();
    let mut names = Vec::new();
    while let Ok(at) = spaces.search_virtual(from, end - from, &pattern, 1, true) {
        let mut sysname = [0; 6];
        spaces.read_virtual(at - 2 * NAME_BYTES as u64, &mut sysname).unwrap();
        if &sysname == b"Linux\0" {
            assert_eq!(spaces.write_virtual(at, b"written-by-a-debugger\0").unwrap().count, 22);
            names.push(at);
        }
        from = at + 1;
    }

    session.type_keys("uname -r; cat /proc/sys/kernel/osrelease\n");
    let after = session.until("/ # ");
    let printed: Vec<_> = after.lines().skip(1).collect();
    assert_eq!(printed, ["written-by-a-debugger"; 2], "{release}");

    // Through physical memory just the same.
    let mut spaces = session.machine.data_spaces();
    for at in names {
        let physical = spaces.virtual_to_physical(at).unwrap();
        assert_eq!(spaces.write_physical(physical, b"by-another-way\0").unwrap().count, 15);
    }
    session.type_keys("uname -r\n");
    assert_eq!(session.until("/ # ").lines().nth(1), Some("by-another-way"));
}
