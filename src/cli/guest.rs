//! What a subcommand starts: a machine and the images of its guest.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use ringhold::Machine;
use ringhold::boot::Images;
use ringhold::config::{Config, ModuleConfig, Sink};
use ringhold::debugapi::Modules;

use super::MachineArguments;
use super::inject::Recorder;
use super::symbols::{self, SymbolFile};

/// Which machine, which guest, and where its serial line goes. By default the built-in teaching
/// machine on the terminal.
#[derive(Args, Default)]
pub struct GuestArguments {
    #[command(flatten)]
    machine: MachineArguments,
    /// The kernel: bzImage, ELF (PVH, Multiboot or plain), or flat
    #[arg(long, value_name = "FILE", conflicts_with = "firmware")]
    kernel: Option<PathBuf>,
    /// The initial RAM disk
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,
    /// A module for PVH and Multiboot kernels; may be given again
    #[arg(long, value_name = "FILE")]
    module: Vec<PathBuf>,
    /// The kernel's command line
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    cmdline: Option<String>,
    /// A ROM image, started from the reset vector
    #[arg(long, value_name = "FILE")]
    firmware: Option<PathBuf>,
    /// RAM, such as 512MiB
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Where the serial line goes: stdio, file:PATH or null
    #[arg(long, value_name = "WHERE", value_parser = parse_sink)]
    serial: Option<Sink>,
}

fn parse_sink(text: &str) -> Result<Sink, String> {
    match (text, text.strip_prefix("file:")) {
        ("stdio", _) => Ok(Sink::Stdio),
        ("stderr", _) => Ok(Sink::Stderr),
        ("null", _) => Ok(Sink::Null),
        (_, Some(path)) if !path.is_empty() => Ok(Sink::File(path.into())),
        _ => Err("allowed are stdio, stderr, null and file:PATH".into()),
    }
}

/// What a subcommand holds for a debugger.
pub struct Opened {
    pub config: Config,
    pub machine: Machine,
    pub modules: Modules,
    pub recorder: Option<Recorder>,
}

impl GuestArguments {
    /// The machine with its config and modules, and the journal if a path for one is given.
    pub fn open(&self, record: Option<&Path>, symbols: &[SymbolFile]) -> anyhow::Result<Opened> {
        let config = self.config()?;
        let images = Images::read(&config)?;
        let modules = symbols::modules(&images, symbols)?;
        let mut machine = Machine::with_images(config.clone(), &images)?;
        let recorder = Recorder::open(record, &config, &images, &mut machine)?;
        Ok(Opened { config, machine, modules, recorder })
    }

    /// The config with everything that the command line changes.
    pub fn config(&self) -> anyhow::Result<Config> {
        let (mut config, _) = self.machine.load()?;
        let boot = &mut config.boot;
        if self.kernel.is_some() {
            (boot.kernel, boot.firmware) = (self.kernel.clone(), None);
        }
        if self.firmware.is_some() {
            (boot.kernel, boot.firmware) = (None, self.firmware.clone());
        }
        if self.initrd.is_some() {
            boot.initrd.clone_from(&self.initrd);
        }
        if !self.module.is_empty() {
            let module = |file: &PathBuf| ModuleConfig { file: file.clone(), cmdline: String::new() };
            boot.modules = self.module.iter().map(module).collect();
        }
        if let Some(cmdline) = &self.cmdline {
            boot.cmdline.clone_from(cmdline);
        }
        if let Some(sink) = &self.serial {
            config.serial.to = sink.clone();
        }
        if let Some(memory) = &self.memory {
            config.memory = memory.parse().context("--memory")?;
        }
        config.check("the machine")?;
        Ok(config)
    }
}
