//! `dbgeng.dll` in the hands of Windows programs: a C++ client, a debugger with an extension.
//!
//! They are compiled by mingw-w64 against its own `dbgeng.h` and import library, and run under
//! Wine against a machine behind `ringhold serve`. Wine's own dbgeng.dll is kept out.

use std::path::Path;

#[path = "dbgeng/relay.rs"]
mod relay;
#[path = "support/served.rs"]
mod served;
#[path = "support/windows.rs"]
mod windows;

use served::{Served, directory, output};
use windows::{options, programs, under_wine};

/// The machine, and what is changed: its device is 00:02.1.
const MACHINE: &str = "configs/teaching.ron";
const CHANGES: [&str; 2] = ["devices.edu.slot=(2, 1)", "outputs.debugcon=null"];

/// The machine behind a server, with its serial line in a file.
fn serve(serial: &Path) -> Served {
    let to = format!("file:{}", serial.display());
    let arguments = ["--set", CHANGES[0], "--set", CHANGES[1], "--serial", &to];
    Served::start(MACHINE, "127.0.0.1:0", &arguments)
}

/// Runs a program under Wine; gives what it said, which must end in success.
fn wine(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let said = programs().join(format!("{name}.txt"));
    let mut wine = under_wine(name);
    // Wine's own servers keep their output open beyond the program's end, so it is a file.
    wine.args(arguments).envs(variables.iter().copied()).stdout(output(&said));
    let status = wine.status().unwrap_or_else(|error| panic!("{wine:?}: {error}"));
    let said = std::fs::read_to_string(said).unwrap().replace('\r', "");
    assert!(status.success(), "{status}\n{said}");
    said
}

/// All of the contract's acceptance list, by a client that calls every method of the data spaces.
#[test]
#[ignore = "apt-get install g++-mingw-w64-x86-64 make wine wine64; cargo test --test dbgeng -- --ignored"]
fn a_windows_client_writes_into_every_space() {
    let serial = directory("dbgeng").join("client.serial");
    let served = serve(&serial);
    let said = wine("client", &[], &[("RINGHOLD_DBGENG", &served.address)]);
    assert!(said.contains(" checks, 0 failed"), "{said}");
    let checks: u32 = said.trim().split(' ').nth(1).and_then(|count| count.parse().ok()).unwrap();
    assert!(checks > 650, "{said}");
    // What it wrote to the serial port came out at the line's other end.
    let sent = std::fs::read_to_string(serial).unwrap();
    assert!(sent.contains("from Wine"), "{sent}");
    assert_eq!(served.end().0, Some(130));
}

#[test]
#[ignore = "apt-get install g++-mingw-w64-x86-64 make wine wine64; cargo test --test dbgeng -- --ignored"]
fn a_windows_debugger_loads_an_extension_and_runs_its_command() {
    let served = serve(&directory("dbgeng").join("host.serial"));
    let said = wine("host", &[&options(&served), "extension.dll"], &[]);
    assert!(said.starts_with("3000000 held 1111\n") && said.contains(" 0 failed"), "{said}");
    assert_eq!(served.end().0, Some(130));
}
