//! `ringhold config check` and `ringhold config show`.

use std::path::PathBuf;

use clap::Subcommand;
use ringhold::boot::Images;
use ringhold::build;
use ringhold::config::{Config, DeviceConfig, ModelFile};
use ringhold_emulator::model::{Feature, Features};

use super::{MachineArguments, WRONG};

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Check configs and say what machines they make
    Check {
        /// The config files
        #[arg(required = true)]
        configs: Vec<PathBuf>,
    },
    /// Print a config with every field filled in
    Show(MachineArguments),
}

pub fn run(command: &ConfigCommand) -> anyhow::Result<u8> {
    match command {
        ConfigCommand::Check { configs } => Ok(check(configs)),
        ConfigCommand::Show(arguments) => {
            let config = arguments.load()?.0;
            print!("{}{}", processor(&config)?, config.to_ron());
            Ok(0)
        }
    }
}

/// Checks every file, whatever the others are like.
fn check(configs: &[PathBuf]) -> u8 {
    let mut status = 0;
    for path in configs {
        let name = path.display();
        let config = Config::from_file(path).map_err(anyhow::Error::from);
        // Devices must fit together; images are no part of a check.
        let checked = config.and_then(|config| {
            build::board(&config, &Images::default()).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
            Ok(config)
        });
        match checked {
            Ok(config) => println!("{name}: {}", describe(&config)),
            Err(error) => {
                eprintln!("ringhold: {error:#}");
                status = WRONG;
            }
        }
    }
    status
}

/// The processor in comments: what CPUID tells of it, and what the real one has beyond that.
fn processor(config: &Config) -> anyhow::Result<String> {
    let names = |features: &Features| {
        let names: Vec<_> = features.iter().map(Feature::name).collect();
        if names.is_empty() { "nothing".into() } else { names.join(" ") }
    };
    let model = config.cpu_model(&config.name)?;
    let file = ModelFile::named(config.cpu.model.as_str()).map_err(anyhow::Error::msg)?;
    Ok(format!(
        "// Processor: {} ({})\n// It has: {}\n// The real one has also: {}\n",
        config.cpu.model.as_str(),
        file.about,
        names(&model.features),
        names(&file.left_out()),
    ))
}

/// One line about a machine.
fn describe(config: &Config) -> String {
    let kinds: Vec<_> = config.devices.iter().map(DeviceConfig::kind).collect();
    let devices = if kinds.is_empty() { "no devices".into() } else { kinds.join(" ") };
    let boot = &config.boot;
    let starts = match (&boot.kernel, &boot.firmware) {
        (Some(kernel), _) => format!("starts {}", kernel.display()),
        (None, Some(firmware)) => format!("starts firmware {}", firmware.display()),
        (None, None) => "starts what --kernel or --firmware names".into(),
    };
    format!(
        "machine `{}`: 1 processor ({}), {} RAM, {} ps per instruction, {}; {starts}; {devices}",
        config.name,
        config
            .cpu_model(&config.name)
            .map_or_else(|error| error.to_string(), |model| config.cpu.describe(&model)),
        config.memory,
        config.clock.ps_per_instruction,
        if config.acpi { "ACPI" } else { "no ACPI" },
    )
}
