//! Code: `u`, `ub`, `uf`, and what stands behind `IDebugControl::Disassemble`.

use std::collections::BTreeMap;

use iced_x86::{
    Decoder, FlowControl, Formatter, Instruction, MasmFormatter, MemorySizeOptions, OpKind, SymbolResolver,
    SymbolResult,
};
use ringhold_emulator::Cpu;
use ringhold_emulator::cpu::CodeSize;

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::halves_of;
use super::{Execution, Known, Memory};
use crate::Modules;

/// The longest instruction.
pub(super) const LONGEST: usize = 15;
/// Instructions that `u` and `ub` show if nothing else is said.
const USUAL: u64 = 8;
/// Instructions of a function at most.
const LARGEST_FUNCTION: usize = 4096;

/// Addresses of code and of data are written with their names, or with a backtick and without a
/// suffix.
struct Addresses {
    /// The name of the one address that an instruction has.
    name: Option<String>,
}

impl Addresses {
    fn of(instruction: &Instruction, modules: &Modules) -> Self {
        let branch = instruction.op0_kind() != OpKind::Memory && instruction.near_branch_target() != 0;
        let address =
            if branch { instruction.near_branch_target() } else { instruction.memory_displacement64() };
        Self { name: modules.describe(address) }
    }
}

impl SymbolResolver for Addresses {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        let kind = instruction.op_kind(operand);
        let beside = kind == OpKind::Memory && instruction.is_ip_rel_memory_operand();
        let alone = kind == OpKind::Memory
            && instruction.memory_base() == iced_x86::Register::None
            && instruction.memory_index() == iced_x86::Register::None
            && instruction.segment_prefix() == iced_x86::Register::None;
        let branch = matches!(kind, OpKind::NearBranch32 | OpKind::NearBranch64);
        if let Some(name) = self.name.as_ref().filter(|_| beside || alone || branch) {
            return Some(SymbolResult::with_string(address, format!("{name} ({})", halves_of(address))));
        }
        let wide = beside || kind == OpKind::NearBranch64;
        wide.then(|| SymbolResult::with_string(address, halves_of(address)))
    }
}

/// An instruction in memory.
pub(super) struct Line {
    address: u64,
    bytes: Vec<u8>,
    instruction: Instruction,
}

impl Line {
    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Decodes bytes at an address, in code of a size, as a processor does.
    pub fn decode(cpu: Option<&Cpu>, size: CodeSize, address: u64, bytes: &[u8]) -> Self {
        let (bits, ip) = match (size, cpu) {
            // Within 16-bit segments addresses are offsets.
            (CodeSize::Bits16, Some(cpu)) => (16, address.wrapping_sub(cpu.seg[1].base) & 0xffff),
            (CodeSize::Bits16, None) => (16, address & 0xffff),
            (CodeSize::Bits32, _) => (32, address & 0xffff_ffff),
            (CodeSize::Bits64, _) => (64, address),
        };
        let options = cpu.map_or(0, |cpu| cpu.model.vendor().decoder_options());
        let instruction = Decoder::with_ip(bits, bytes, ip, options).decode();
        let length = if instruction.is_invalid() { 1 } else { instruction.len() };
        Self { address, bytes: bytes[..length.min(bytes.len())].to_vec(), instruction }
    }

    /// What it does to the flow of control.
    pub fn flow(&self) -> FlowControl {
        self.instruction.flow_control()
    }

    /// What follows it in memory.
    pub fn next(&self) -> u64 {
        self.address.wrapping_add(self.length())
    }

    /// Address, bytes, and the instruction in words.
    pub fn text(&self, modules: &Modules) -> String {
        let mut formatter =
            MasmFormatter::with_options(Some(Box::new(Addresses::of(&self.instruction, modules))), None);
        let options = formatter.options_mut();
        options.set_first_operand_char_index(8);
        options.set_show_branch_size(false);
        options.set_memory_size_options(MemorySizeOptions::Always);
        let mut words = String::new();
        match self.instruction.is_invalid() {
            true => words.push_str("???"),
            false => formatter.format(&self.instruction, &mut words),
        }
        let bytes: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {bytes:15} {words}\n", halves_of(self.address))
    }
}

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn code(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        if !matches!(name, "u" | "ub" | "uf") {
            return Ok(Known::No);
        }
        let given = self.start(from, 1)?;
        from.end()?;
        let current = match self.session.console.next_code {
            Some(next) => next,
            None => self.register_value("$ip", at)?,
        };
        let (start, range) = given.unwrap_or((current, None));
        match name {
            "u" => {
                self.repeat = Some("u".into());
                // `L n` counts instructions, a second address ends by bytes.
                let (count, end) = match range {
                    Some(range) if range.counted => (range.count, u64::MAX),
                    Some(range) => (u64::MAX, range.start.saturating_add(range.bytes())),
                    None => (USUAL, u64::MAX),
                };
                let mut address = range.map_or(start, |range| range.start);
                let mut first = true;
                for _ in 0..count {
                    if address >= end {
                        break;
                    }
                    let line = self.instruction(address, at)?;
                    let label = if first { self.label(address) } else { self.label_of_symbol(address) };
                    first = false;
                    self.show(&line, &label)?;
                    address = line.next();
                    self.session.console.next_code = Some(address);
                }
            }
            "ub" => {
                let count = range.map_or(USUAL, |range| range.count);
                self.repeat = Some("ub".into());
                self.backwards(start, count.min(256) as usize, at)?;
            }
            _ => self.function(start, at)?,
        }
        Ok(Known::Yes)
    }

    /// The instruction at the current address.
    pub(super) fn current_instruction(&mut self, at: usize) -> Outcome {
        let address = self.register_value("$ip", at)?;
        self.session.console.next_code = Some(address);
        match self.instruction(address, at) {
            Ok(line) => {
                let label = self.label(address);
                self.show(&line, &label)
            }
            Err(_) => self.say(&format!("{} {:15} ???\n", halves_of(address), "??")),
        }
    }

    /// The instruction at an address.
    pub(super) fn instruction(&mut self, address: u64, at: usize) -> Outcome<Line> {
        let mut bytes = [0; LONGEST];
        let read = self.read_memory(Memory::Virtual, address, &mut bytes);
        let read = read.map_err(|hresult| Complaint::of(hresult, at))?;
        if read == 0 {
            return Err(Complaint::memory(at));
        }
        Ok(self.decode(address, &bytes[..read]))
    }

    fn decode(&self, address: u64, bytes: &[u8]) -> Line {
        let cpu = self.machine.cpus.get(self.session.context.cpu);
        Line::decode(cpu, self.session.code_bits(self.machine), address, bytes)
    }

    /// The instructions before an address: those that a decoding from the furthest place leads to,
    /// which ends just there.
    fn backwards(&mut self, end: u64, count: usize, at: usize) -> Outcome {
        let furthest = end.saturating_sub((count * LONGEST) as u64);
        let mut bytes = vec![0; (end - furthest) as usize];
        // What lies before a hole is of no use.
        let mut start = furthest;
        while start < end {
            let read = self.read_memory(Memory::Virtual, start, &mut bytes[(start - furthest) as usize..]);
            let read = read.map_err(|hresult| Complaint::of(hresult, at))? as u64;
            if start + read >= end {
                break;
            }
            start = ((start + read) | 0xfff).saturating_add(1);
        }
        for first in start..end {
            let mut lines = Vec::new();
            let mut address = first;
            while address < end {
                let line = self.decode(address, &bytes[(address - furthest) as usize..]);
                address = line.next();
                lines.push(line);
            }
            if address == end && lines.iter().all(|line| !line.instruction.is_invalid()) {
                let shown = &lines[lines.len().saturating_sub(count)..];
                self.session.console.next_code = shown.first().map(|line| line.address);
                return shown.iter().enumerate().try_for_each(|(number, line)| {
                    let label = match number {
                        0 => self.label(line.address),
                        _ => self.label_of_symbol(line.address),
                    };
                    self.show(line, &label)
                });
            }
        }
        Err(Complaint::memory(at))
    }

    /// The instructions that can be reached from an address without a call, by address.
    fn function(&mut self, start: u64, at: usize) -> Outcome {
        let mut lines = BTreeMap::new();
        let mut left = vec![start];
        while let Some(address) = left.pop() {
            if lines.contains_key(&address) || lines.len() == LARGEST_FUNCTION {
                continue;
            }
            let line = match self.instruction(address, at) {
                Ok(line) => line,
                Err(complaint) if address == start => return Err(complaint),
                Err(_) => continue,
            };
            let branch = line.instruction.near_branch_target();
            match line.instruction.flow_control() {
                FlowControl::UnconditionalBranch => left.push(branch),
                FlowControl::ConditionalBranch => left.extend([line.next(), branch]),
                FlowControl::Next
                | FlowControl::Call
                | FlowControl::IndirectCall
                | FlowControl::XbeginXabortXend => left.push(line.next()),
                FlowControl::Return | FlowControl::IndirectBranch | FlowControl::Exception => {}
                FlowControl::Interrupt => left.push(line.next()),
            }
            lines.insert(address, line);
        }
        let mut expected = start;
        for line in lines.values() {
            if line.address != expected && line.address != start {
                self.say("\n")?;
            }
            expected = line.next();
            let label = if line.address == start { self.label(start) } else { String::new() };
            self.show(line, &label)?;
        }
        Ok(())
    }

    /// Shows an instruction below its label.
    fn show(&mut self, line: &Line, label: &str) -> Outcome {
        let text = line.text(&self.session.modules);
        self.say(&format!("{label}{text}"))
    }
}
