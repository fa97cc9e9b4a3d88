//! `dbgeng.dll` in the hands of Windows programs: a C++ client, a debugger with an extension.
//!
//! They are compiled by mingw-w64 against its own `dbgeng.h` and import library, and run under
//! Wine against a machine behind `ringhold serve`. Wine's own dbgeng.dll is kept out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

#[path = "support/served.rs"]
mod served;

use served::{Served, directory, output};

/// A machine whose device is 00:02.1, with its serial line in a file.
fn serve(serial: &Path) -> Served {
    let to = format!("file:{}", serial.display());
    let machine = ["--set", "devices.edu.slot=(2, 1)", "--set", "outputs.debugcon=null", "--serial", &to];
    Served::start("configs/teaching.ron", "127.0.0.1:0", &machine)
}

/// The directory with `dbgeng.dll` and the programs, made once.
fn programs() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let out = directory("dbgeng");
        for place in ["dbgeng", "tests/dbgeng"] {
            let mut make = Command::new("make");
            make.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-s", "-j2", "-C", place]);
            make.arg(format!("OUT={}", out.display()));
            let status = make.status().unwrap_or_else(|error| panic!("{make:?}: {error}"));
            assert!(status.success(), "{make:?}: {status}");
        }
        out
    })
}

/// Runs a program under Wine; gives what it said, which must end in success.
fn wine(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let programs = programs();
    let said = programs.join(format!("{name}.txt"));
    let mut wine = Command::new("wine");
    wine.current_dir(programs)
        .arg(format!("{name}.exe"))
        .args(arguments)
        .env("WINEPREFIX", directory("wine"))
        .env("WINEDEBUG", "-all")
        // No questions about .NET and browsers, and no dbgeng but ours.
        .env("WINEDLLOVERRIDES", "mscoree,mshtml=;dbgeng=n")
        .env_remove("DISPLAY")
        .envs(variables.iter().copied())
        // Wine's own servers keep their output open beyond the program's end.
        .stdout(output(&said))
        .stderr(output(&programs.join(format!("{name}.err"))));
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
    let (host, port) = served.address.rsplit_once(':').unwrap();
    let options = format!("tcp:server={host},port={port}");
    let said = wine("host", &[&options, "extension.dll"], &[]);
    assert!(said.starts_with("3000000 held 1111\n") && said.contains(" 0 failed"), "{said}");
    assert_eq!(served.end().0, Some(130));
}
