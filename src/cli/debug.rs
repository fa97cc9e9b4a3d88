//! `ringhold debug`: a machine and its debugger's prompt.
//!
//! Commands go to the session as those of any client do. The guest moves after a command that lets
//! it, and what it sends stands in the transcript where it was sent; so equal commands give equal
//! transcripts.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::Args;
use ringhold::debugapi::command::{Command, Event, Output, Reply, Room};
use ringhold::debugapi::session::{Progress, Session};
use ringhold::{Machine, Stop};

use super::guest::{GuestArguments, Opened};
use super::run::parse_number;
use super::sinks::Sinks;
use super::symbols::SymbolFile;

/// `DEBUG_STATUS_BREAK`
const BREAK: u32 = 6;
/// `DEBUG_EVENT_BREAKPOINT`
const BREAKPOINT_EVENT: u32 = 1;
/// What says that a step is done, and needs no words.
const STEPPED: &str = "Single step exception";

#[derive(Args)]
pub struct DebugArguments {
    #[command(flatten)]
    guest: GuestArguments,
    /// Carry out this command instead of those from standard input; may be given again
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    command: Vec<String>,
    /// Let the guest run so many instructions first
    #[arg(long, value_name = "N", value_parser = parse_number, default_value = "0")]
    start: u64,
    /// Break in when the guest has run for so many milliseconds of its own time
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..), default_value = "60000")]
    timeout: u32,
    /// Symbols beside those of an ELF kernel: an ELF file, or a list as nm and System.map have it;
    /// SLIDE is added to its addresses; may be given again
    #[arg(long, value_name = "[NAME=]FILE[@SLIDE]", value_parser = SymbolFile::parse)]
    symbols: Vec<SymbolFile>,
    /// Let .readmem and .writemem reach the files of this directory
    #[arg(long, value_name = "DIRECTORY")]
    files: Option<PathBuf>,
    /// Write a journal of all that comes from outside, for `ringhold replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Holds a machine at a prompt until the commands end; gives the exit status.
pub fn debug(arguments: &DebugArguments) -> anyhow::Result<u8> {
    let opened = arguments.guest.open(arguments.record.as_deref(), &arguments.symbols)?;
    let Opened { config, machine, modules, recorder } = opened;
    let signalled = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&signalled))?;
    let sinks = Sinks::open(&config, &machine)?;
    let timeout = arguments.timeout;
    let mut session = Session::new();
    session.set_modules(modules);
    if let Some(directory) = &arguments.files {
        session.share_files(directory.clone());
    }
    let mut desk = Desk { machine, session, sinks, signalled, timeout, status: 0 };
    desk.call(Command::Run { instructions: arguments.start })?;
    if arguments.command.is_empty() {
        let input = std::io::stdin().lock();
        let echo = !std::io::stdin().is_terminal();
        let mut lines = input.lines();
        loop {
            desk.prompt()?;
            let Some(line) = lines.next() else {
                println!();
                break;
            };
            if !desk.line(&line.context("standard input")?, echo)? {
                break;
            }
        }
    } else {
        for line in &arguments.command {
            desk.prompt()?;
            if !desk.line(line, true)? {
                break;
            }
        }
    }
    if let Some(recorder) = recorder {
        recorder.finish(&mut desk.machine, Stop::Budget)?;
    }
    Ok(desk.status)
}

/// A machine and its session.
struct Desk {
    machine: Machine,
    session: Session,
    sinks: Sinks,
    signalled: Arc<AtomicBool>,
    timeout: u32,
    /// 1 once a command has failed.
    status: u8,
}

impl Desk {
    fn prompt(&mut self) -> anyhow::Result<()> {
        let reply = self.call(Command::GetPromptText { buffer: Room::of(64) })?;
        let text = String::from_utf8_lossy(reply.bytes()).replace('\0', "");
        print!("{text}");
        std::io::stdout().flush().context("the transcript cannot be written")
    }

    /// Carries out a line; whether there may be another.
    fn line(&mut self, line: &str, echo: bool) -> anyhow::Result<bool> {
        if echo {
            println!("{line}");
        }
        if matches!(line.trim(), "q" | "qq" | "qd") {
            return Ok(false);
        }
        let reply = self.call(execute(line))?;
        if !reply.hresult.is_success() {
            self.status = 1;
        }
        while self.call(Command::GetExecutionStatus {})?.count() != Some(BREAK) {
            self.go()?;
        }
        Ok(true)
    }

    /// Lets the guest run until something happens, and says what.
    fn go(&mut self) -> anyhow::Result<()> {
        let mut reply = self.call(Command::WaitForEvent { flags: 0, timeout: self.timeout })?;
        if self.session.running() {
            self.session.interrupter().break_in();
            reply = self.call(Command::WaitForEvent { flags: 0, timeout: u32::MAX })?;
        }
        anyhow::ensure!(reply.hresult.is_success(), "the guest does not go on: {}", reply.hresult);
        let event = Command::GetLastEventInformation { extra: Room::of(0), description: Room::of(256) };
        let outputs = self.call(event)?.outputs;
        let description = outputs.iter().rev().find_map(|output| match output {
            Output::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        });
        let description = description.unwrap_or_default().replace('\0', "");
        if !description.starts_with(STEPPED) {
            println!("{description}");
        }
        self.call(execute("r"))?;
        // The command of the breakpoint that was hit; what it lets go on goes on.
        let hit = outputs.iter().find_map(|output| match output {
            Output::U32(kind) => Some(*kind == BREAKPOINT_EVENT),
            _ => None,
        });
        let id =
            description.strip_prefix("Breakpoint ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        let breakpoint = id.filter(|_| hit == Some(true)).and_then(|id| self.session.breakpoint(id));
        if let Some(command) = breakpoint.map(|breakpoint| breakpoint.command().to_owned())
            && !command.is_empty()
        {
            self.call(execute(&command))?;
        }
        Ok(())
    }

    /// Carries out a command of the session, and says what it says.
    fn call(&mut self, command: Command) -> anyhow::Result<Reply> {
        let reply = match self.session.begin(&mut self.machine, &command) {
            Progress::Done(reply) => reply,
            Progress::Waiting(mut wait) => loop {
                if self.signalled.swap(false, Ordering::Relaxed) {
                    self.session.interrupter().break_in();
                }
                let reply = self.session.advance(&mut self.machine, &mut wait);
                self.sinks.drain(&mut self.machine)?;
                if let Some(reply) = reply {
                    break reply;
                }
            },
        };
        self.sinks.drain(&mut self.machine)?;
        for event in &reply.events {
            if let Event::Output { text, .. } = event {
                print!("{text}");
            }
        }
        std::io::stdout().flush().context("the transcript cannot be written")?;
        Ok(reply)
    }
}

/// A line as a command. The prompt has echoed it, and an empty one repeats.
fn execute(line: &str) -> Command {
    Command::Execute { output_control: 1, command: line.into(), flags: 0 }
}
