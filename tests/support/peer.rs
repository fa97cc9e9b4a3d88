//! Another emulator that runs a bare program and writes what the program says to a file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long one look takes.
const LOOK: Duration = Duration::from_millis(50);
/// A BIOS takes its time: so many times more looks are granted until the first word.
const BOOTING: u32 = 5;

/// Runs a peer until it has written a last line, `END`, to `output`, ends, panics as its `log` tells, or
/// writes nothing more for so many looks. What it wrote.
pub fn until_end(mut command: Command, output: &Path, log: &Path, looks: u32) -> String {
    for old in [output, log] {
        if old.exists() {
            fs::remove_file(old).expect("an old file can be removed");
        }
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().expect("the program is to be installed");
    let read =
        |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let mut patience = BOOTING * looks;
    let mut said = String::new();
    loop {
        let ended = child.try_wait().expect("it was started").is_some() || read(log).contains("PANIC");
        let now = read(output);
        patience = if now.len() == said.len() { patience - 1 } else { looks };
        said = now;
        if ended || said.ends_with("END\n") || patience == 0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return said;
        }
        std::thread::sleep(LOOK);
    }
}
