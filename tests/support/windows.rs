//! Windows programs with `dbgeng.dll`, compiled by mingw-w64 and run under Wine.
#![allow(dead_code, reason = "not every test needs everything")]

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use crate::served::{Client, Served, directory, output};

/// The directory with `dbgeng.dll` and the programs, made once.
pub fn programs() -> &'static Path {
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

/// A command for Wine; complaints go to a file.
fn wine(prefix: &Path, program: &str) -> Command {
    let mut wine = Command::new("wine");
    wine.arg(program)
        .env("WINEPREFIX", prefix)
        .env("WINEDEBUG", "-all")
        // No questions about .NET and browsers, and no dbgeng but ours.
        .env("WINEDLLOVERRIDES", "mscoree,mshtml=;dbgeng=n")
        .env_remove("DISPLAY")
        .stderr(output(&programs().join(format!("{program}.err"))));
    wine
}

/// Wine's own directory, made once: programs that start side by side would each begin to make it.
fn prefix() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let prefix = directory("wine");
        let mut boot = wine(&prefix, "wineboot");
        // Wine's servers keep the output open beyond the program's end.
        boot.arg("--init").stdout(output(&programs().join("wineboot.txt")));
        let status = boot.status().unwrap_or_else(|error| panic!("{boot:?}: {error}"));
        assert!(status.success(), "{boot:?}: {status}");
        prefix
    })
}

/// A program under Wine, not yet started.
pub fn under_wine(name: &str) -> Command {
    let mut wine = wine(prefix(), &format!("{name}.exe"));
    wine.current_dir(programs());
    wine
}

/// The options that lead DebugConnect to a server.
pub fn options(served: &Served) -> String {
    let (host, port) = served.address.rsplit_once(':').unwrap();
    format!("tcp:server={host},port={port}")
}

/// A program that is talked to by its standard streams.
pub struct Pipes(ChildStdin, ChildStdout);

impl Read for Pipes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.read(buffer)
    }
}

impl Write for Pipes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The relay under Wine, connected to a server by `dbgeng.dll`.
pub fn relay(served: &Served) -> (Client<Pipes>, Child) {
    let mut child = under_wine("relay")
        .arg(options(served))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pipes = Pipes(child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (Client::new(pipes), child)
}
