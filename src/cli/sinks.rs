//! Where the bytes that devices send go.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use anyhow::Context;
use ringhold::config::{Config, Sink};
use ringhold::emulator::Machine;
use ringhold::emulator::bus::DeviceId;

/// The debug console is heard unless the config says otherwise.
const DEBUG_CONSOLE: &str = "debugcon";

/// Where the bytes that devices send go.
pub struct Sinks {
    open: BTreeMap<DeviceId, Box<dyn Write>>,
}

impl Sinks {
    /// Opens everything that the config names.
    pub fn open(config: &Config, machine: &Machine) -> anyhow::Result<Self> {
        let mut routes = BTreeMap::from([(DEBUG_CONSOLE, &Sink::Stderr)]);
        routes.extend(config.outputs.iter().map(|(name, sink)| (name.as_str(), sink)));
        routes.insert(config.serial.device.as_str(), &config.serial.to);
        let mut open: BTreeMap<_, Box<dyn Write>> = BTreeMap::new();
        for (name, sink) in routes {
            let Some(id) = machine.board.find(name) else { continue };
            match sink {
                Sink::Null => {}
                Sink::Stdio => drop(open.insert(id, Box::new(BufWriter::new(io::stdout())))),
                Sink::Stderr => drop(open.insert(id, Box::new(io::stderr()))),
                Sink::File(path) => {
                    let file =
                        File::create(path).with_context(|| format!("{}: cannot be made", path.display()))?;
                    open.insert(id, Box::new(BufWriter::new(file)));
                }
            }
        }
        Ok(Self { open })
    }

    /// Takes what the machine has sent and passes it on.
    pub fn drain(&mut self, machine: &mut Machine) -> anyhow::Result<()> {
        let output = machine.take_output();
        for same in output.chunk_by(|a, b| a.0 == b.0) {
            let Some(sink) = self.open.get_mut(&same[0].0) else { continue };
            let bytes: Vec<u8> = same.iter().map(|(_, byte)| *byte).collect();
            sink.write_all(&bytes)
                .and_then(|()| sink.flush())
                .context("the guest's output cannot be written")?;
        }
        Ok(())
    }
}
