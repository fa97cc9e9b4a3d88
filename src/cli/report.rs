//! The JSON report of a run.

use std::time::Duration;

use ringhold::Machine;
use ringhold::boot::{Image, Images};
use ringhold::debugapi::schedule::Done;
use serde::Serialize;

use super::run::End;

/// What `--report` writes.
#[derive(Serialize)]
pub struct Report {
    /// Why the run ended: `exit`, `power-off`, `reset`, `triple-fault`, `halted`, `budget`, `interrupt`.
    stop: &'static str,
    /// What the guest wrote to the exit port.
    exit_value: Option<u32>,
    /// Instructions retired.
    instructions: u64,
    /// Virtual nanoseconds passed.
    virtual_ns: u64,
    /// Hash of the whole state, 128 bits in hexadecimal.
    state_hash: String,
    /// Real seconds that the run took.
    host_seconds: f64,
    /// Million instructions a real second.
    mips: f64,
    /// The most memory that this process ever held.
    peak_rss_bytes: u64,
    /// Guest memory in pages that were ever written.
    touched_ram_bytes: u64,
    /// What became of the writes of `--inject`.
    injections: Vec<Done>,
    /// Digest of the config with all its overrides, as `ringhold config show` prints it.
    config: Digest,
    /// Digests of the images.
    images: Vec<Digest>,
}

/// What an input was.
#[derive(Serialize)]
pub struct Digest {
    role: &'static str,
    file: String,
    bytes: usize,
    /// XXH3-128 in hexadecimal.
    xxh3_128: String,
}

impl Digest {
    /// The digests of all images.
    pub fn all(images: &Images) -> Vec<Self> {
        images.all().map(|(role, image)| Self::of(role, image)).collect()
    }

    fn of(role: &'static str, image: &Image) -> Self {
        Self { role, file: image.name.clone(), bytes: image.bytes.len(), xxh3_128: image.digest() }
    }
}

impl Report {
    /// The report of a run that has ended.
    pub fn new(
        machine: &Machine,
        images: Vec<Digest>,
        injections: Vec<Done>,
        end: End,
        took: Duration,
    ) -> Self {
        let shown = Image::new(&machine.config().name, machine.config().to_ron().into_bytes());
        let seconds = took.as_secs_f64();
        let instructions = machine.instructions();
        Self {
            stop: end.word(),
            exit_value: end.value(),
            instructions,
            virtual_ns: machine.virtual_ns(),
            state_hash: format!("{:032x}", machine.state_hash()),
            host_seconds: seconds,
            mips: if seconds > 0.0 { instructions as f64 / seconds / 1e6 } else { 0.0 },
            peak_rss_bytes: peak_rss().unwrap_or(0),
            touched_ram_bytes: machine.board.fabric.memory.touched_bytes(),
            injections,
            config: Digest::of("config", &shown),
            images,
        }
    }
}

/// VmHWM of this process.
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
