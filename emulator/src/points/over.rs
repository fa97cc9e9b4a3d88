//! What a step over an instruction waits for.

use iced_x86::{Decoder, FlowControl};

use crate::Machine;
use crate::cpu::CodeSize;
use crate::inject::{Semantics, Space};
use crate::state::gpr;

/// The longest instruction.
const LONGEST: usize = 15;

/// The end of a step over an instruction that leads elsewhere first: the instruction behind it is
/// reached, and the stack is no deeper than at the beginning. In a call of itself that a function
/// makes it is deeper, so the step does not end there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// The linear address of the instruction behind it.
    pub next: u64,
    /// The stack pointer at the beginning.
    pub stack: u64,
}

impl Machine {
    /// What to wait for to step over the next instruction, if it is a call, an interrupt, a system
    /// call, or a string instruction with a repeat prefix. `None` for all others, and for what
    /// cannot be read.
    pub fn over(&mut self) -> Option<Over> {
        let cpu = self.cpus.first()?;
        let (linear, size) = (cpu.linear_ip(), cpu.code_size());
        let options = cpu.model.vendor().decoder_options();
        let mut bytes = [0; LONGEST];
        let reading =
            self.peek(Space::Virtual { cpu: 0, root: None }, linear, Semantics::Debugger, &mut bytes);
        let bits = match size {
            CodeSize::Bits16 => 16,
            CodeSize::Bits32 => 32,
            CodeSize::Bits64 => 64,
        };
        let code = bytes.get(..reading.read)?;
        let instruction = Decoder::with_ip(bits, code, linear, options).decode();
        let leads_elsewhere = matches!(
            instruction.flow_control(),
            FlowControl::Call | FlowControl::IndirectCall | FlowControl::Interrupt
        );
        let repeats = instruction.is_string_instruction()
            && (instruction.has_rep_prefix() || instruction.has_repne_prefix());
        if instruction.is_invalid() || !(leads_elsewhere || repeats) {
            return None;
        }
        let next = linear.wrapping_add(instruction.len() as u64);
        let next = if size == CodeSize::Bits64 { next } else { next & 0xffff_ffff };
        Some(Over { next, stack: self.stack_pointer() })
    }

    /// Whether a step over an instruction has come to its end.
    pub fn is_over(&self, over: Over) -> bool {
        self.cpus.first().is_some_and(|cpu| cpu.linear_ip() == over.next)
            && self.stack_pointer() >= over.stack
    }

    /// RSP, ESP or SP of the first processor.
    fn stack_pointer(&self) -> u64 {
        self.cpus.first().map_or(0, |cpu| {
            let ones = u64::MAX >> (64 - 8 * cpu.stack_bytes());
            cpu.gpr[usize::from(gpr::RSP)] & ones
        })
    }
}
