//! The instruction trace: one line per instruction, with the registers it changed.
//!
//! The machine takes interrupts and exceptions on its way to the next instruction, so the line
//! of an instruction that did not run as expected says so; what changed then includes what
//! delivery and the handler's first instruction did.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use iced_x86::{Decoder, FlowControl, Formatter, Instruction, IntelFormatter};
use ringhold::emulator::cpu::CodeSize;
use ringhold::emulator::mmu::walk;
use ringhold::emulator::state::{CpuState, sreg};
use ringhold::{Machine, Stop};

use super::inject::Drive;
use super::run::parse_number;

/// The longest instruction.
const LONGEST: usize = 15;

#[derive(Args, Default)]
pub struct TraceArguments {
    /// Write a readable trace of the executed instructions
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Trace at most so many instructions [default: 1000000]
    #[arg(long, value_name = "N", value_parser = parse_number, requires = "trace")]
    trace_count: Option<u64>,
    /// Trace only from this instruction count on
    #[arg(long, value_name = "N", value_parser = parse_number, requires = "trace")]
    trace_from: Option<u64>,
    /// Trace only instructions at these linear addresses (both inclusive), such as 0x100000-0x1fffff
    #[arg(long, value_name = "LOW-HIGH", value_parser = parse_range, requires = "trace")]
    trace_range: Option<(u64, u64)>,
}

fn parse_range(text: &str) -> Result<(u64, u64), String> {
    let (low, high) = text.split_once('-').ok_or("write LOW-HIGH, such as 0x100000-0x1fffff")?;
    let range = (parse_number(low)?, parse_number(high)?);
    if range.0 > range.1 { Err("the range is empty: LOW is above HIGH".into()) } else { Ok(range) }
}

/// Writes the trace, if one is wanted, while it runs the machine.
pub struct Tracer {
    file: Option<BufWriter<File>>,
    from: u64,
    left: u64,
    range: (u64, u64),
    formatter: IntelFormatter,
}

impl Tracer {
    /// Opens the trace file.
    pub fn open(arguments: &TraceArguments) -> anyhow::Result<Self> {
        let create = |path: &PathBuf| {
            File::create(path).with_context(|| format!("{}: the trace cannot be written", path.display()))
        };
        let file = arguments.trace.as_ref().map(create).transpose()?;
        let mut formatter = IntelFormatter::new();
        formatter.options_mut().set_hex_prefix("0x");
        formatter.options_mut().set_hex_suffix("");
        formatter.options_mut().set_space_after_operand_separator(true);
        Ok(Self {
            file: file.map(BufWriter::new),
            from: arguments.trace_from.unwrap_or(0),
            left: arguments.trace_count.unwrap_or(1_000_000),
            range: arguments.trace_range.unwrap_or((0, u64::MAX)),
            formatter,
        })
    }

    /// Runs the machine, by single steps as long as there is something to trace.
    pub fn run(
        &mut self,
        drive: &mut Drive<'_>,
        machine: &mut Machine,
        until: u64,
        until_ns: u64,
    ) -> anyhow::Result<Stop> {
        if self.file.is_some() && machine.instructions() < self.from {
            return drive.run(machine, until.min(self.from), until_ns);
        }
        while self.file.is_some() && self.left > 0 && machine.instructions() < until {
            let count = machine.instructions();
            let stop = self.step(drive, machine, until_ns)?;
            if stop != Stop::Budget || machine.instructions() == count {
                return Ok(stop);
            }
        }
        drive.run(machine, until, until_ns)
    }

    /// Writes out what is buffered.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        match &mut self.file {
            Some(file) => file.flush().context("the trace cannot be written"),
            None => Ok(()),
        }
    }

    fn step(&mut self, drive: &mut Drive<'_>, machine: &mut Machine, until_ns: u64) -> anyhow::Result<Stop> {
        let linear = machine.cpu(0).rip.wrapping_add(machine.cpu(0).seg_base[usize::from(sreg::CS)]);
        let count = machine.instructions();
        if !(self.range.0..=self.range.1).contains(&linear) {
            return drive.run(machine, count + 1, until_ns);
        }
        let before = machine.cpu(0).state();
        let (instruction, text) = self.instruction(machine, linear);
        let stop = drive.run(machine, count + 1, until_ns)?;
        if machine.instructions() == count {
            return Ok(stop);
        }
        let after = machine.cpu(0).state();
        let diverted = if follows(&instruction, after.rip) { "" } else { " -> interrupt or exception" };
        let changes = changes(&before, &after);
        let cs = before.segments[usize::from(sreg::CS)].selector;
        if let Some(file) = &mut self.file {
            writeln!(file, "{count:>10} {cs:04x}:{:016x} {text:<70}{diverted}{changes}", before.rip)
                .context("the trace cannot be written")?;
        }
        self.left -= 1;
        Ok(stop)
    }

    /// The bytes and the disassembly of the instruction at `linear`.
    fn instruction(&mut self, machine: &Machine, linear: u64) -> (Instruction, String) {
        let cpu = machine.cpu(0);
        let mut bytes = [0; LONGEST];
        let mut length = 0;
        while length < LONGEST {
            let at = linear.wrapping_add(length as u64);
            let Some(physical) = translate(machine, at) else { break };
            if machine.board.fabric.memory.read(physical, &mut bytes[length..=length]) == 0 {
                break;
            }
            length += 1;
        }
        let bits = match cpu.code_size() {
            CodeSize::Bits16 => 16,
            CodeSize::Bits32 => 32,
            CodeSize::Bits64 => 64,
        };
        let mut decoder =
            Decoder::with_ip(bits, &bytes[..length], cpu.rip, cpu.model.vendor().decoder_options());
        let instruction = decoder.decode();
        let mut text = String::new();
        let used = if instruction.is_invalid() { length } else { instruction.len() };
        for byte in &bytes[..used] {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        let mut line = format!("{text:<24} ");
        self.formatter.format(&instruction, &mut line);
        (instruction, line)
    }
}

/// Whether `rip` can be where `instruction` led. If not, something else ran in its place: the
/// first instruction of an interrupt's or exception's handler.
fn follows(instruction: &Instruction, rip: u64) -> bool {
    let next = instruction.next_ip();
    match instruction.flow_control() {
        FlowControl::Next => rip == next || rip == instruction.ip(),
        FlowControl::ConditionalBranch => rip == next || rip == instruction.near_branch_target(),
        FlowControl::UnconditionalBranch | FlowControl::Call if instruction.is_jmp_short_or_near() => {
            rip == instruction.near_branch_target()
        }
        _ => true,
    }
}

/// The registers that differ, with their new values.
fn changes(before: &CpuState, after: &CpuState) -> String {
    const NAMES: [&str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
        "r14", "r15",
    ];
    let mut text = String::new();
    let mut note = |name: &str, old: u64, new: u64| {
        if old != new {
            let _ = write!(text, " {name}={new:x}");
        }
    };
    for (i, name) in NAMES.iter().enumerate() {
        note(name, before.gpr[i], after.gpr[i]);
    }
    note("rflags", before.rflags, after.rflags);
    for (i, name) in ["es", "cs", "ss", "ds", "fs", "gs"].iter().enumerate() {
        note(name, before.segments[i].selector.into(), after.segments[i].selector.into());
    }
    let (old, new) = (&before.control, &after.control);
    for (name, old, new) in [
        ("cr0", old.cr0, new.cr0),
        ("cr2", old.cr2, new.cr2),
        ("cr3", old.cr3, new.cr3),
        ("cr4", old.cr4, new.cr4),
        ("efer", old.efer, new.efer),
    ] {
        note(name, old, new);
    }
    for (i, (old, new)) in before.vector.xmm.iter().zip(&after.vector.xmm).enumerate() {
        if old != new {
            let _ = write!(text, " xmm{i}={new:x}");
        }
    }
    for (i, (old, new)) in before.vector.ymm_high.iter().zip(&after.vector.ymm_high).enumerate() {
        if old != new {
            let _ = write!(text, " ymm{i}h={new:x}");
        }
    }
    text
}

fn translate(machine: &Machine, linear: u64) -> Option<u64> {
    let walk = walk::walk(&machine.board.fabric.memory, &machine.cpu(0).paging(), linear);
    walk.outcome.ok().map(|page| page.physical)
}
