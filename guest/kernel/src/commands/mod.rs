//! The shell's commands.

mod device;
mod memory;
mod system;
mod trouble;

use crate::edu;
use crate::println;

/// Why a command did nothing.
pub enum Failure {
    Unknown,
    Usage(&'static str),
    Message(&'static str),
    Edu(edu::Error),
}

type Outcome = Result<(), Failure>;

struct Command {
    usage: &'static str,
    help: &'static str,
    run: fn(&[&str]) -> Outcome,
}

impl Command {
    fn name(&self) -> &'static str {
        self.usage.split(' ').next().unwrap_or_default()
    }
}

const fn command(usage: &'static str, help: &'static str, run: fn(&[&str]) -> Outcome) -> Command {
    Command { usage, help, run }
}

static COMMANDS: &[Command] = &[
    command("help", "this list", help),
    command("ps", "tasks", system::ps),
    command("spawn PROGRAM", "run a program in ring 3", system::spawn),
    command("kill PID", "end a task", system::kill),
    command("modules", "images in memory", system::modules),
    command("log [N]", "the last N lines of the kernel log (20)", system::log),
    command("ticks", "timer interrupts since boot", system::ticks),
    command("wait N", "sleep for N ticks", system::wait),
    command("echo WORD...", "say it", system::echo),
    command("mem", "regions of physical memory, frames in use", memory::mem),
    command("maps [PID]", "what a task's page tables map", memory::maps),
    command("walk ADDR [PID]", "where an address leads", memory::walk),
    command("peek ADDR [N]", "show N bytes (64)", memory::peek),
    command("poke ADDR VALUE [SIZE]", "write 1, 2, 4 or 8 bytes (1)", memory::poke),
    command("pci", "PCI functions and their BARs", device::pci),
    command("edu", "test the educational device", device::edu),
    command("inb PORT", "read a port; also inw, inl", device::inb),
    command("outb PORT VALUE", "write a port; also outw, outl", device::outb),
    command("inw PORT", "", device::inw),
    command("outw PORT VALUE", "", device::outw),
    command("inl PORT", "", device::inl),
    command("outl PORT VALUE", "", device::outl),
    command("fault [caught|user|write|exec|stack]", "a page fault (caught)", trouble::fault),
    command("crash [ud2|null|divide|int3|panic]", "bring the kernel down (ud2)", trouble::crash),
    command("exit [N]", "end the run with status N (0)", trouble::exit),
];

/// Runs the command of that name.
pub fn run(name: &str, arguments: &[&str]) -> Outcome {
    let command = COMMANDS.iter().find(|command| command.name() == name).ok_or(Failure::Unknown)?;
    match (command.run)(arguments) {
        // Commands leave it to this table to know how they are used.
        Err(Failure::Usage(_)) => Err(Failure::Usage(command.usage)),
        outcome => outcome,
    }
}

/// The arguments are not what the command takes.
const USAGE: Failure = Failure::Usage("");

fn help(_: &[&str]) -> Outcome {
    for command in COMMANDS.iter().filter(|command| !command.help.is_empty()) {
        println!("  {:38} {}", command.usage, command.help);
    }
    Ok(())
}

/// A number: decimal, or hexadecimal after `0x`. Underscores may group digits.
fn number(word: &str) -> Result<u64, Failure> {
    let (digits, radix) = match word.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (word, 10),
    };
    let mut value: u64 = 0;
    let mut any = false;
    for character in digits.chars().filter(|&character| character != '_') {
        let digit = character.to_digit(radix).ok_or(USAGE)?;
        value =
            value.checked_mul(radix.into()).and_then(|value| value.checked_add(digit.into())).ok_or(USAGE)?;
        any = true;
    }
    if any { Ok(value) } else { Err(USAGE) }
}

/// A number that must fit a smaller type.
fn small<T: TryFrom<u64>>(word: &str) -> Result<T, Failure> {
    T::try_from(number(word)?).map_err(|_| USAGE)
}
