//! `ringhold run`: a machine, its console, and how the run ended.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use ringhold::boot::Images;
use ringhold::config::{Config, Sink};
use ringhold::emulator::bus::DeviceId;
use ringhold::emulator::state::sreg;
use ringhold::{Machine, Stop};

use super::console::{self, Terminal};
use super::guest::GuestArguments;
use super::inject::{self, Drive, Recorder};
use super::report::{Digest, Report};
use super::sinks::Sinks;
use super::symbols::{self, SymbolFile};
use super::trace::{TraceArguments, Tracer};

/// Instructions between two looks at the outside: what a guest prints is seen within milliseconds.
const SLICE: u64 = 100_000;
/// How far a halted guest's time may run ahead of the user's at a terminal.
const AHEAD: Duration = Duration::from_millis(10);
/// The longest wait for the user in one go; signals are heard in between.
const PATIENCE: Duration = Duration::from_millis(100);
/// A guest that stays halted for a virtual day, without a terminal, will not wake any more.
const DAY_NS: u64 = 86_400_000_000_000;

#[derive(Args, Default)]
pub struct RunArguments {
    #[command(flatten)]
    guest: GuestArguments,
    /// End the run after so many instructions
    #[arg(long, value_name = "N", value_parser = parse_number)]
    max_instructions: Option<u64>,
    /// Apply the writes of a schedule (RON) at their moments
    #[arg(long, value_name = "FILE")]
    inject: Option<PathBuf>,
    /// Symbols for --inject, beside those of an ELF kernel: an ELF file, or a list as nm and
    /// System.map have it; may be given again
    #[arg(long, value_name = "[NAME=]FILE[@SLIDE]", value_parser = SymbolFile::parse, requires = "inject")]
    symbols: Vec<SymbolFile>,
    /// Write a journal of all that comes from outside, for `ringhold replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Write a report (JSON) at the end
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    trace: TraceArguments,
}

/// A number, decimal or after 0x in hexadecimal, with `_` where one likes.
pub fn parse_number(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    number.map_err(|error| error.to_string())
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The machine stopped by itself, or its budget is used up.
    Machine(Stop),
    /// The user or a signal.
    Interrupt,
}

impl End {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Machine(Stop::Exit(_)) => "exit",
            Self::Machine(Stop::PowerOff) => "power-off",
            Self::Machine(Stop::Reset) => "reset",
            Self::Machine(Stop::TripleFault) => "triple-fault",
            Self::Machine(Stop::Halted) => "halted",
            Self::Machine(Stop::Livelock) => "livelock",
            Self::Machine(Stop::Budget) => "budget",
            Self::Machine(Stop::Breakpoint) => "breakpoint",
            Self::Machine(Stop::Watch) => "watch",
            Self::Interrupt => "interrupt",
        }
    }

    /// What the guest wrote to the exit port.
    pub fn value(self) -> Option<u32> {
        match self {
            Self::Machine(Stop::Exit(value)) => Some(value),
            _ => None,
        }
    }

    /// As a machine says it.
    pub fn stop(self) -> Stop {
        match self {
            Self::Machine(stop) => stop,
            Self::Interrupt => Stop::Budget,
        }
    }

    /// The program's exit status.
    pub fn status(self) -> u8 {
        match self {
            Self::Machine(Stop::Exit(value)) => value as u8,
            Self::Machine(Stop::PowerOff) => 0,
            Self::Machine(Stop::Reset | Stop::TripleFault) => 101,
            Self::Machine(Stop::Budget | Stop::Breakpoint | Stop::Watch) => 102,
            Self::Machine(Stop::Halted | Stop::Livelock) => 103,
            Self::Interrupt => 130,
        }
    }

    /// Where the processor stands, if that may help to find out why.
    fn place(self, machine: &Machine) -> String {
        match self {
            Self::Machine(Stop::Exit(_) | Stop::PowerOff | Stop::Reset) => String::new(),
            _ => {
                let cpu = machine.cpu(0);
                format!(" at {:04x}:{:x}", cpu.seg[usize::from(sreg::CS)].selector, cpu.rip)
            }
        }
    }

    /// The sentence for the user.
    pub fn sentence(self) -> String {
        match self {
            Self::Machine(Stop::Exit(value)) => format!("the guest ended the run with value {value}"),
            Self::Machine(Stop::PowerOff) => "the guest turned the power off".into(),
            Self::Machine(Stop::Reset) => "the guest reset the machine".into(),
            Self::Machine(Stop::TripleFault) => "triple fault".into(),
            Self::Machine(Stop::Livelock) => {
                "the guest only raises exceptions, and no instruction of it retires any more".into()
            }
            Self::Machine(Stop::Halted) => "the guest is halted, and nothing can wake it".into(),
            Self::Machine(Stop::Budget) => "the instruction budget is used up".into(),
            Self::Machine(Stop::Breakpoint) => "a breakpoint is reached".into(),
            Self::Machine(Stop::Watch) => "a watched access is made".into(),
            Self::Interrupt => "interrupted by the user".into(),
        }
    }
}

/// Runs a machine; gives the exit status.
pub fn run(arguments: &RunArguments) -> anyhow::Result<u8> {
    let config = arguments.guest.config()?;
    let images = Images::read(&config)?;
    let mut machine = Machine::with_images(config.clone(), &images)?;
    // The guest has its copies; the files' contents need not stay in memory.
    let digests = Digest::all(&images);
    let modules = symbols::modules(&images, &arguments.symbols)?;
    let schedule = arguments.inject.as_deref().map(|path| inject::read(path, &modules)).transpose()?;
    let recorder = Recorder::open(arguments.record.as_deref(), &config, &images, &mut machine)?;
    drop((images, modules));
    let mut outside = Outside::open(&config, &mut machine, arguments.max_instructions, recorder)?;
    let mut tracer = Tracer::open(&arguments.trace)?;
    let mut drive = Drive::new(schedule.as_ref());
    let begun = Instant::now();
    let end = outside.run(&mut drive, &mut machine, &mut tracer);
    let took = begun.elapsed();
    // The terminal comes back before anything is said.
    let recorder = outside.close();
    let end = end?;
    if let Some(recorder) = recorder {
        recorder.finish(&mut machine, end.stop())?;
    }
    tracer.finish()?;
    let receipts = drive.finish();
    eprintln!(
        "ringhold: {}{} after {} instructions, {:.3} virtual seconds",
        end.sentence(),
        end.place(&machine),
        machine.instructions(),
        machine.virtual_ns() as f64 / 1e9,
    );
    if let Some(path) = &arguments.report {
        write_report(path, &Report::new(&machine, digests, receipts, end, took))?;
    }
    Ok(end.status())
}

fn write_report(path: &Path, report: &Report) -> anyhow::Result<()> {
    let context = || format!("{}: the report cannot be written", path.display());
    let mut text = serde_json::to_vec_pretty(report).with_context(context)?;
    text.push(b'\n');
    let mut file = std::fs::File::create(path).with_context(context)?;
    file.write_all(&text).with_context(context)
}

/// Everything a running machine is connected to.
pub struct Outside {
    sinks: Sinks,
    terminal: Option<Terminal>,
    serial: Option<DeviceId>,
    signalled: Arc<AtomicBool>,
    budget: u64,
    recorder: Option<Recorder>,
}

impl Outside {
    /// Opens what the config names, and hands the machine what is typed already.
    pub fn open(
        config: &Config,
        machine: &mut Machine,
        budget: Option<u64>,
        recorder: Option<Recorder>,
    ) -> anyhow::Result<Self> {
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            // A second signal ends the process at once, wherever it hangs.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&signalled))?;
            signal_hook::flag::register(signal, Arc::clone(&signalled))?;
        }
        let sinks = Sinks::open(config, machine)?;
        let serial = machine.board.find(&config.serial.device).filter(|_| config.serial.to == Sink::Stdio);
        let terminal = if serial.is_some() { Terminal::open()? } else { None };
        if let Some(serial) = serial.filter(|_| terminal.is_none()) {
            let mut input = console::read_all()?;
            input.extend(config.serial.end_of_input);
            if !input.is_empty() {
                machine.input(serial, &input);
            }
        }
        Ok(Self { sinks, terminal, serial, signalled, budget: budget.unwrap_or(u64::MAX), recorder })
    }

    /// Gives the terminal back; what is left is the journal.
    pub fn close(self) -> Option<Recorder> {
        self.recorder
    }

    /// Runs the machine to its end.
    fn run(
        &mut self,
        drive: &mut Drive<'_>,
        machine: &mut Machine,
        tracer: &mut Tracer,
    ) -> anyhow::Result<End> {
        let begun = Instant::now();
        loop {
            let (instructions, ns) = (machine.instructions(), machine.virtual_ns());
            let until = instructions.saturating_add(SLICE).min(self.budget);
            let until_ns = match self.terminal {
                Some(_) => nanoseconds(begun.elapsed() + AHEAD).max(ns),
                None => ns.saturating_add(DAY_NS),
            };
            let stop = tracer.run(drive, machine, until, until_ns)?;
            self.drain(machine)?;
            let asleep = machine.instructions() == instructions;
            let stop = match stop {
                Stop::Budget if machine.instructions() >= self.budget => return Ok(End::Machine(stop)),
                Stop::Budget if asleep && self.terminal.is_none() => Stop::Halted,
                stop => stop,
            };
            // Whoever sits at the terminal can still wake a halted guest.
            if stop != Stop::Budget && !(stop == Stop::Halted && self.terminal.is_some()) {
                return Ok(End::Machine(stop));
            }
            let patience = if stop == Stop::Halted {
                PATIENCE
            } else if machine.instructions() < until {
                let ahead = Duration::from_nanos(machine.virtual_ns()).saturating_sub(begun.elapsed());
                ahead.min(PATIENCE)
            } else {
                Duration::ZERO
            };
            if self.signalled.load(Ordering::Relaxed) || self.listen(machine, patience) {
                return Ok(End::Interrupt);
            }
        }
    }

    /// Passes on what the machine has sent, and what it has noted.
    pub fn drain(&mut self, machine: &mut Machine) -> anyhow::Result<()> {
        self.sinks.drain(machine)?;
        match &mut self.recorder {
            Some(recorder) => recorder.drain(machine),
            None => Ok(()),
        }
    }

    /// Hands what was typed to the guest; tells whether the user or a signal ends the run.
    pub fn leaves(&mut self, machine: &mut Machine) -> bool {
        self.signalled.load(Ordering::Relaxed) || self.listen(machine, Duration::ZERO)
    }

    /// Hands what was typed to the guest; tells whether the user wants to leave.
    fn listen(&mut self, machine: &mut Machine, patience: Duration) -> bool {
        let (Some(terminal), Some(serial)) = (&mut self.terminal, self.serial) else { return false };
        let look = terminal.look(patience);
        if !look.bytes.is_empty() {
            machine.input(serial, &look.bytes);
        }
        look.leave
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
