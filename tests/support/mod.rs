//! What the whole-machine tests share: sessions with the teaching kernel, and its symbols.
#![allow(dead_code, reason = "not every test needs everything")]

use std::ops::Range;
use std::path::Path;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSection, ObjectSymbol};
use ringhold::emulator::bus::DeviceId;
use ringhold::{Config, Machine, Stop};

/// What the shell says when it waits for a line.
pub const PROMPT: &str = "ringhold> ";
/// No command takes longer than this, in virtual nanoseconds.
const PATIENCE: u64 = 30_000_000_000;
/// Instructions, and nanoseconds of a halted guest, between two looks at the console.
const SLICE: u64 = 20_000;
const SLICE_NS: u64 = 200_000;

/// A machine of `configs/` with changes.
pub fn machine(name: &str, changes: &[&str]) -> Machine {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name);
    let mut config = Config::from_file(&path).unwrap();
    for change in changes {
        config.set(change).unwrap();
    }
    Machine::from_config(config).unwrap()
}

/// A machine with a user at its serial line.
pub struct Session {
    pub machine: Machine,
    com1: DeviceId,
    console: String,
    /// How much of the console has been read.
    read: usize,
}

impl Session {
    /// A machine before its first instruction.
    pub fn new(changes: &[&str]) -> Self {
        Self::with(machine("teaching.ron", changes))
    }

    /// Any machine with a line named `com1`.
    pub fn with(machine: Machine) -> Self {
        let com1 = machine.board.find("com1").unwrap();
        Self { machine, com1, console: String::new(), read: 0 }
    }

    /// A machine at its first prompt.
    pub fn at_prompt() -> Self {
        let mut session = Self::new(&[]);
        session.until(PROMPT);
        session
    }

    /// All that was said, with plain line ends.
    pub fn console(&mut self) -> &str {
        let said = self.machine.output_of("com1");
        self.console.extend(said.into_iter().filter(|byte| *byte != b'\r').map(char::from));
        &self.console
    }

    /// Sends keys.
    pub fn type_keys(&mut self, keys: &str) {
        self.machine.input(self.com1, keys.as_bytes());
    }

    /// Runs until `text` is said; gives what was said since the last time, without `text`.
    pub fn until(&mut self, text: &str) -> String {
        let limit = self.machine.virtual_ns() + PATIENCE;
        loop {
            let read = self.read;
            if let Some(at) = self.console()[read..].find(text) {
                self.read = read + at + text.len();
                return self.console[read..read + at].into();
            }
            let (until, until_ns) =
                (self.machine.instructions() + SLICE, self.machine.virtual_ns() + SLICE_NS);
            let stop = self.machine.run_until(until, until_ns);
            assert_eq!(stop, Stop::Budget, "before `{text}` was said: {}", self.console());
            assert!(self.machine.virtual_ns() < limit, "`{text}` was never said: {}", self.console());
        }
    }

    /// Types a line at the prompt and runs to the next one; gives what was said in between.
    pub fn command(&mut self, line: &str) -> String {
        self.type_keys(&format!("{line}\r"));
        let said = self.until(&format!("\n{PROMPT}")) + "\n";
        // The echo is the user's own. Other tasks may have spoken before it.
        let echo = format!("{line}\n");
        assert!(said.contains(&echo), "`{line}` was not echoed: {said}");
        said.replacen(&echo, "", 1).trim().into()
    }

    /// Types a line and runs to the end of the run; gives what was said from then on.
    pub fn last_command(&mut self, line: &str) -> (Stop, String) {
        self.type_keys(&format!("{line}\r"));
        let until_ns = self.machine.virtual_ns() + PATIENCE;
        let stop = self.machine.run_until(u64::MAX, until_ns);
        let read = self.read;
        (stop, self.console()[read..].into())
    }

    /// Runs until a ring-3 program executes at an address in `range`; gives the address.
    pub fn in_user_code(&mut self, range: Range<u64>) -> u64 {
        for _ in 0..10_000_000 {
            let cpu = self.machine.cpu(0);
            if cpu.cpl == 3 && range.contains(&cpu.rip) {
                return cpu.rip;
            }
            assert_eq!(self.machine.run_for(7), Stop::Budget);
        }
        panic!("no program ran in {range:x?}");
    }
}

/// A symbol of an ELF image.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    pub address: u64,
    pub size: u64,
}

impl Symbol {
    /// All its addresses.
    pub fn range(self) -> Range<u64> {
        self.address..self.address + self.size
    }
}

/// A symbol by its plain name.
pub fn symbol_of(image: &[u8], name: &str) -> Symbol {
    let file: ElfFile<'_, FileHeader64<Endianness>> = ElfFile::parse(image).unwrap();
    let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name));
    let symbol = symbol.unwrap_or_else(|| panic!("there is no symbol `{name}`"));
    Symbol { address: symbol.address(), size: symbol.size() }
}

/// Where the code of the teaching kernel lies.
pub fn kernel_code() -> Range<u64> {
    let file: ElfFile<'_, FileHeader64<Endianness>> = ElfFile::parse(ringhold_guest::KERNEL).unwrap();
    let text = file.section_by_name(".text").unwrap();
    text.address()..text.address() + text.size()
}

/// A symbol of the teaching kernel.
pub fn symbol(name: &str) -> Symbol {
    symbol_of(ringhold_guest::KERNEL, name)
}

/// A ring-3 program of the teaching kernel.
pub fn program(name: &str) -> &'static [u8] {
    ringhold_guest::PROGRAMS.iter().find(|program| program.0 == name).unwrap().1
}
