//! Running the program.
#![allow(dead_code, reason = "not every test needs everything")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory of its own for a test.
pub fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The program, with its working directory in the workspace.
pub fn ringhold(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringhold"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// How a run of the program ended.
pub struct Ended {
    pub status: i32,
    /// Standard output, with plain line ends.
    pub output: String,
    pub error: String,
}

/// Runs the program with standard input from `input`.
pub fn run(arguments: &[&str], input: &str) -> Ended {
    let mut child = ringhold(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        output: String::from_utf8_lossy(&output.stdout).replace('\r', ""),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
