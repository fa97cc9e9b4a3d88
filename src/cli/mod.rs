//! The command line: one file per subcommand.

mod config;
mod console;
mod debug;
mod devices;
mod guest;
mod inject;
mod listen;
mod replay;
mod report;
mod run;
mod serve;
mod sinks;
mod symbols;
mod trace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use ringhold::config::{Config, TEACHING};

/// The exit status of a wrong command line, config or image.
const WRONG: u8 = 2;

const HELP: &str = "\
Exit status of a run:
  0-255  the value that the guest wrote to the debug-exit port, modulo 256; 0 for power-off
  2      a wrong command line, config, image or schedule, or an unmet expectation of a schedule
  101    triple fault or reset
  102    the instruction budget is used up
  103    the guest is halted and nothing can wake it
  104    a replay went another way than the recorded run
  130    interrupted by the user
The last line on standard error and the report's `stop` tell these from equal guest values.

On a terminal, Ctrl-C and Ctrl-A x end the run; Ctrl-A c sends Ctrl-C to the guest, Ctrl-A a
sends Ctrl-A. If standard input is no terminal, all of it is read before the run and is there
for the guest from the first instruction on, so that equal input gives equal runs.";

/// What the built-in config is called where a file's name would stand.
const BUILTIN: &str = "teaching (built in)";

#[derive(Parser)]
#[command(
    name = "ringhold",
    version,
    about = "A deterministic x86-64 full-system emulator made as a backend for debuggers",
    long_about = "A deterministic x86-64 full-system emulator made as a backend for debuggers.\n\n\
        Without arguments it boots the built-in teaching kernel.",
    after_help = HELP
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a machine
    #[command(after_help = HELP)]
    Run(Box<run::RunArguments>),
    /// Run a recorded run again, and compare its state at every event
    Replay(replay::ReplayArguments),
    /// Hold a machine for a debugger's clients
    Serve(Box<serve::ServeArguments>),
    /// Hold a machine at a debugger's prompt
    Debug(Box<debug::DebugArguments>),
    /// Check or show configs
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// List the devices of a machine: ports, memory windows, interrupts, PCI slots
    Devices(MachineArguments),
}

/// Which machine, and what is changed about it.
#[derive(Args, Default)]
struct MachineArguments {
    /// The config file; without it, the built-in teaching machine
    config: Option<PathBuf>,
    /// Change a field of the config, such as cpu.tsc_hz=2000000000 or devices.com1.gsi=3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl MachineArguments {
    /// The config with its overrides, its image paths resolved, and its own text.
    fn load(&self) -> anyhow::Result<(Config, String)> {
        let (mut config, text, name) = match &self.config {
            None => (Config::from_ron(TEACHING, BUILTIN)?, TEACHING.into(), BUILTIN.into()),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
                let mut config = Config::from_ron(&text, &name)?;
                config.resolve(path.parent().unwrap_or(Path::new("")));
                (config, text, name)
            }
        };
        for assignment in &self.set {
            config.set(assignment)?;
        }
        config.check(&name)?;
        Ok((config, text))
    }
}

/// Runs the program; gives its exit status.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        None => run::run(&run::RunArguments::default()),
        Some(Command::Run(arguments)) => run::run(arguments),
        Some(Command::Replay(arguments)) => replay::run(arguments),
        Some(Command::Serve(arguments)) => serve::serve(arguments),
        Some(Command::Debug(arguments)) => debug::debug(arguments),
        Some(Command::Config(command)) => config::run(command),
        Some(Command::Devices(arguments)) => devices::run(arguments),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("ringhold: {error:#}");
            ExitCode::from(WRONG)
        }
    }
}
