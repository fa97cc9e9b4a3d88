//! The schedules of `configs/inject/`, as a user runs them.

#[path = "support/program.rs"]
mod program;

use program::run;

/// Runs the teaching machine along a schedule; gives exit status and console. The messages must
/// say each of `receipts`.
fn with(schedule: &str, keys: &str, receipts: &[&str]) -> (i32, String) {
    let path = format!("configs/inject/{schedule}.ron");
    let ended = run(&["run", "configs/teaching.ron", "--inject", &path], keys);
    for part in receipts {
        let said =
            ended.error.lines().any(|line| line.starts_with("ringhold: injected: ") && line.contains(part));
        assert!(said, "`{part}` is missing in: {}", ended.error);
    }
    assert!(!ended.error.contains("the run ended before"), "{}", ended.error);
    (ended.status, ended.output)
}

fn without(keys: &str) -> (i32, String) {
    let ended = run(&["run", "configs/teaching.ron"], keys);
    (ended.status, ended.output)
}

#[test]
fn virtual_memory() {
    let keys = "wait 20\rpeek 0xffff800000900000 32\r";
    let (status, said) =
        with("virtual", keys, &["at virtual address 0xffff800000900000", "RAM took 26 bytes"]);
    assert_eq!(status, 0);
    assert!(said.contains("  written by virtu\n") && said.contains("  al address......\n"), "{said}");
    assert!(!without(keys).1.contains("written"));
}

#[test]
fn physical_memory() {
    let keys = "wait 20\rpeek 0xffff800000900000 32\r";
    let receipts = ["at physical address 0x900004", "nothing answers at 0xd0000000"];
    let (status, said) = with("physical", keys, &receipts);
    assert_eq!(status, 0);
    assert!(said.contains("  0123!!6789 by ph\n") && said.contains("  ysical address..\n"), "{said}");
}

#[test]
fn ports() {
    let (status, said) = with("io", "wait 20\recho on\r", &["Register THR of device com1 took 0x62"]);
    assert_eq!(status, 0);
    assert!(said.contains("wait 20\nby portringhold> echo on\non\n"), "{said}");
}

#[test]
fn bus_data() {
    let receipts = ["it held 0xfdf00000", "it holds 0xe0000000 now"];
    let (status, said) = with("bus_data", "pci\redu\r", &receipts);
    assert_eq!(status, 0);
    assert!(said.contains("bar 0: 0xe0000000 size 0x100000"), "{said}");
    assert!(said.contains("registers at 0xe0000000") && said.contains("edu: passed"), "{said}");
    assert!(without("pci\r").1.contains("bar 0: 0xfdf00000"));
}

#[test]
fn registers() {
    let (status, said) = with("register", "wait 20\rcrash\r", &["in register cr2 of processor 0"]);
    assert_eq!(status, 3);
    assert!(said.contains("#UD invalid opcode") && said.contains("cr2 1122334455667788"), "{said}");
    assert!(without("wait 20\rcrash\r").1.contains("cr2 0000000000000000"));
}

#[test]
fn model_specific_registers() {
    let (status, said) = with("msr", "wait 20\r", &["It held 0xd01 and holds 0xd00 now"]);
    assert_eq!(status, 3);
    assert!(said.contains("KERNEL PANIC") && said.contains("#UD invalid opcode"), "{said}");
}

#[test]
fn a_broken_device_is_noticed() {
    let receipts = ["Register FAULT_AFTER of device edu took a 64-bit access"];
    let (status, said) = with("break_edu", "wait 20\redu\redu\r", &receipts);
    assert_eq!(status, 0);
    let (broken, after) =
        said.split_once("edu: the data that came back is wrong").unwrap_or_else(|| panic!("{said}"));
    assert!(broken.contains("factorial      10! = 3628800") && !broken.contains("edu: passed"), "{said}");
    assert!(after.contains("edu: passed"), "{said}");
}

#[test]
fn a_repaired_device_works() {
    let keys = "outl 0xcf8 0x80002004\routw 0xcfc 0\redu\rwait 150\redu\r";
    let (status, said) = with("repair_edu", keys, &["it held 0x0", "it holds 0x6 now"]);
    assert_eq!(status, 0);
    let (broken, after) = said.split_once("edu: liveness is wrong").unwrap_or_else(|| panic!("{said}"));
    assert!(broken.contains("identification 0xffffffff") && after.contains("edu: passed"), "{said}");
    let said = without(keys).1;
    assert!(said.matches("liveness is wrong").count() == 2 && !said.contains("passed"), "{said}");
}

#[test]
fn accesses_and_symbols_trigger() {
    let receipts = ["RAM took 17 bytes", "it holds 0x0 now", "it holds 0x6 now"];
    let (status, said) = with("triggers", "edu\redu\r", &receipts);
    assert_eq!(status, 0);
    let (broken, after) = said.split_once("edu: liveness is wrong").unwrap_or_else(|| panic!("{said}"));
    assert!(broken.contains("identification 0xffffffff") && !broken.contains("passed"), "{said}");
    assert!(after.contains("edu: passed"), "{said}");
}
