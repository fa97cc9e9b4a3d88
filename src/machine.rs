//! A machine with its config: what embedding programs and tests use.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use ringhold_debugapi::DataSpaces;
use ringhold_emulator::{Cpu, Machine as Engine, Stop};

use crate::boot::{ImageError, Images};
use crate::build::{self, BuildError};
use crate::config::{Config, ConfigError};

/// A machine cannot be made from a config.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The machine cannot be built or its guest cannot be started.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A machine with its config. It is the emulator's machine in all but its making.
pub struct Machine {
    engine: Engine,
    config: Config,
}

impl Machine {
    /// The machine that a config text describes; paths of images start at the working directory.
    ///
    /// # Errors
    /// When the config is not right, an image cannot be read, or the guest cannot be started.
    pub fn from_ron(text: &str) -> Result<Self, Error> {
        Self::from_config(Config::from_ron(text, "config")?)
    }

    /// The machine that a config file describes; paths of images start at its directory.
    ///
    /// # Errors
    /// As for [`Self::from_ron`].
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let mut config = Config::from_file(path)?;
        if let Some(directory) = path.parent() {
            config.resolve(directory);
        }
        Self::from_config(config)
    }

    /// The machine of a config.
    ///
    /// # Errors
    /// When an image cannot be read, or the guest cannot be started.
    pub fn from_config(config: Config) -> Result<Self, Error> {
        let images = Images::read(&config)?;
        Self::with_images(config, &images)
    }

    /// The machine of a config with images from memory instead of files.
    ///
    /// # Errors
    /// When the guest cannot be started.
    pub fn with_images(config: Config, images: &Images) -> Result<Self, Error> {
        let engine = build::machine(&config, images)?;
        Ok(Self { engine, config })
    }

    /// The config it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Runs until `count` more instructions have retired, or something ends the run before.
    pub fn run_for(&mut self, count: u64) -> Stop {
        let until = self.engine.instructions().saturating_add(count);
        self.engine.run(until)
    }

    /// A processor, counted from zero.
    ///
    /// # Panics
    /// If there is no such processor.
    pub fn cpu(&self, number: usize) -> &Cpu {
        &self.engine.cpus[number]
    }

    /// The debugger's spaces as processor 0 sees them: virtual and physical memory, ports, bus
    /// data, MSRs.
    pub fn data_spaces(&mut self) -> DataSpaces<'_> {
        DataSpaces::new(&mut self.engine)
    }

    /// What a device has sent since this was last asked; what others have sent stays out.
    pub fn output_of(&mut self, device: &str) -> Vec<u8> {
        let id = self.engine.board.find(device);
        let output = self.engine.take_output();
        output.into_iter().filter(|(from, _)| Some(*from) == id).map(|(_, byte)| byte).collect()
    }
}

impl Deref for Machine {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }
}
