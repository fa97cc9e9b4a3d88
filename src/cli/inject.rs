//! `--inject` and `--record`: the writes of a schedule, made while the machine runs, and the
//! journal of all that came from outside.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context;
use ringhold::boot::{Image, Images};
use ringhold::debugapi::Modules;
use ringhold::debugapi::journal::{Header, ImageDigest, Writer};
use ringhold::debugapi::schedule::{Done, Runner, Schedule};
use ringhold::{Config, Machine, Stop};

/// Reads a schedule or the entries of a journal, and resolves its symbols.
pub fn read(path: &Path, modules: &Modules) -> anyhow::Result<Schedule> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("{name}: the schedule cannot be read"))?;
    let mut schedule = Schedule::from_ron(&text).with_context(|| name.to_string())?;
    schedule.resolve(|symbol| modules.address(symbol)).with_context(|| name.to_string())?;
    Ok(schedule)
}

/// What a journal says of a machine.
pub fn header(config: &Config, images: &Images) -> Header {
    let config = config.to_ron();
    let image = |(role, image): (&str, &Image)| ImageDigest {
        role: role.into(),
        file: image.name.clone(),
        bytes: image.bytes.len() as u64,
        digest: image.digest(),
    };
    Header {
        program: concat!("ringhold ", env!("CARGO_PKG_VERSION")).into(),
        config_digest: Image::new("config", config.clone().into_bytes()).digest(),
        config,
        images: images.all().map(image).collect(),
    }
}

/// A journal that is being written.
pub struct Recorder {
    writer: Writer<BufWriter<File>>,
    name: String,
}

impl Recorder {
    /// Begins a journal, if a path for one is given; the machine keeps a record from now on.
    pub fn open(
        path: Option<&Path>,
        config: &Config,
        images: &Images,
        machine: &mut Machine,
    ) -> anyhow::Result<Option<Self>> {
        path.map(|path| Self::begin(path, &header(config, images), machine)).transpose()
    }

    fn begin(path: &Path, header: &Header, machine: &mut Machine) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::create(path).with_context(|| failure(&name))?;
        let writer = Writer::new(BufWriter::new(file), header).with_context(|| failure(&name))?;
        machine.record(true);
        Ok(Self { writer, name })
    }

    /// Writes what has come since the last call.
    pub fn drain(&mut self, machine: &mut Machine) -> anyhow::Result<()> {
        self.writer.drain(machine).with_context(|| failure(&self.name))
    }

    /// Writes the end.
    pub fn finish(self, machine: &mut Machine, stop: Stop) -> anyhow::Result<()> {
        self.writer.finish(machine, stop).with_context(|| failure(&self.name))
    }
}

fn failure(name: &str) -> String {
    format!("{name}: the journal cannot be written")
}

/// Runs a machine, along a schedule if there is one.
pub struct Drive<'a> {
    runner: Option<Runner<'a>>,
    done: Vec<Done>,
}

impl<'a> Drive<'a> {
    /// At the beginning of a schedule.
    pub fn new(schedule: Option<&'a Schedule>) -> Self {
        Self { runner: schedule.map(Runner::new), done: Vec::new() }
    }

    /// As [`ringhold::emulator::Machine::run_until`]; says each write that was made.
    pub fn run(&mut self, machine: &mut Machine, until: u64, until_ns: u64) -> anyhow::Result<Stop> {
        let Some(runner) = &mut self.runner else { return Ok(machine.run_until(until, until_ns)) };
        let (stop, done) = runner.run_until(machine, until, until_ns)?;
        for done in done {
            eprintln!("ringhold: injected: {done}");
            self.done.push(done);
        }
        Ok(stop)
    }

    /// What came of all writes made.
    pub fn finish(self) -> Vec<Done> {
        let pending = self.runner.map_or(0, |runner| runner.pending());
        if pending > 0 {
            eprintln!("ringhold: the run ended before {pending} writes of the schedule");
        }
        self.done
    }
}
