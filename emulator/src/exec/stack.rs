//! Pushes and pops.

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::state::{flag, gpr, sreg};

const RSP: usize = gpr::RSP as usize;
const RBP: usize = gpr::RBP as usize;

impl Cpu {
    /// The bits of RSP that the stack uses.
    pub fn stack_mask(&self) -> u64 {
        match self.stack_bytes() {
            8 => u64::MAX,
            4 => 0xffff_ffff,
            _ => 0xffff,
        }
    }

    /// Sets the bits of RSP that the stack uses.
    pub fn set_stack_pointer(&mut self, value: u64) {
        match self.stack_bytes() {
            8 => self.gpr[RSP] = value,
            4 => u32::set(self, gpr::RSP, value as u32),
            _ => u16::set(self, gpr::RSP, value as u16),
        }
    }

    /// Linear address of `size` bytes at `pointer` of the stack.
    pub fn stack_linear(&mut self, pointer: u64, size: u64, write: bool) -> Result<u64, Leave> {
        if self.code_size() == CodeSize::Bits64 {
            Ok(pointer)
        } else {
            self.segmented(sreg::SS, pointer & self.stack_mask(), size, write)
        }
    }

    /// Reads from the stack at `pointer`, which is cut to the stack's size.
    pub fn stack_load<W: Word>(&mut self, board: &mut Board, pointer: u64) -> Result<W, Leave> {
        let linear = self.stack_linear(pointer, W::BYTES, false)?;
        self.load(board, linear, sreg::NONE_SS)
    }

    /// Writes to the stack at `pointer`, which is cut to the stack's size.
    pub fn stack_store<W: Word>(&mut self, board: &mut Board, pointer: u64, value: W) -> Step {
        let linear = self.stack_linear(pointer, W::BYTES, true)?;
        self.store(board, linear, sreg::NONE_SS, value)
    }

    /// Pushes a value of any stack and operand size.
    pub fn push<W: Word>(&mut self, board: &mut Board, value: W) -> Step {
        let pointer = self.gpr[RSP].wrapping_sub(W::BYTES);
        self.stack_store(board, pointer, value)?;
        self.set_stack_pointer(pointer);
        Ok(())
    }

    /// Pops a value of any stack and operand size.
    pub fn pop<W: Word>(&mut self, board: &mut Board) -> Result<W, Leave> {
        let pointer = self.gpr[RSP];
        let value = self.stack_load::<W>(board, pointer)?;
        self.set_stack_pointer(pointer.wrapping_add(W::BYTES));
        Ok(value)
    }

    /// Pushes 64 bits in 64-bit mode.
    #[inline(always)]
    pub fn push64(&mut self, board: &mut Board, value: u64) -> Step {
        let pointer = self.gpr[RSP].wrapping_sub(8);
        self.store(board, pointer, sreg::NONE_SS, value)?;
        self.gpr[RSP] = pointer;
        Ok(())
    }

    /// Pops 64 bits in 64-bit mode.
    #[inline(always)]
    pub fn pop64(&mut self, board: &mut Board) -> Result<u64, Leave> {
        let pointer = self.gpr[RSP];
        let value = self.load(board, pointer, sreg::NONE_SS)?;
        self.gpr[RSP] = pointer.wrapping_add(8);
        Ok(value)
    }
}

/// PUSH register, 64-bit mode
pub fn push64_r(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.push64(board, cpu.gpr[usize::from(op.dst & 15)])
}

/// PUSH immediate, 64-bit mode
pub fn push64_i(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.push64(board, op.imm)
}

/// PUSH memory, 64-bit mode
pub fn push64_m(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<u64>(board, op)?;
    cpu.push64(board, value)
}

/// POP register, 64-bit mode
pub fn pop64_r(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.pop64(board)?;
    cpu.gpr[usize::from(op.dst & 15)] = value;
    Ok(())
}

/// PUSH register
pub fn push_r<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = W::get(cpu, op.dst);
    cpu.push(board, value)
}

/// PUSH immediate
pub fn push_i<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.push(board, W::cut(op.imm))
}

/// PUSH memory
pub fn push_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.read::<W>(board, op)?;
    cpu.push(board, value)
}

/// POP register
pub fn pop_r<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let value = cpu.pop::<W>(board)?;
    W::set(cpu, op.dst, value);
    Ok(())
}

/// POP memory: the address is computed after RSP has moved.
pub fn pop_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let before = cpu.gpr[RSP];
    let value = cpu.pop::<W>(board)?;
    let stored = cpu.write(board, op, value);
    if stored.is_err() {
        cpu.gpr[RSP] = before;
    }
    stored
}

/// PUSH segment register: 16 bits of the operand are the selector, the rest zero.
pub fn push_seg<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let selector = u64::from(cpu.seg[usize::from(op.dst % 6)].selector);
    cpu.push(board, W::cut(selector))
}

/// PUSHF
pub fn pushf<W: Word>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    let whole = if cpu.flags_are_virtual::<W>()? { cpu.virtual_image() } else { cpu.flags.rflags() };
    let image = whole & !(flag::VM | flag::RF);
    cpu.push(board, W::cut(image))
}

/// POPF: what may change depends on CPL and IOPL (SDM volume 2, POPF).
pub fn popf<W: Word>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    let virtual_flag = cpu.flags_are_virtual::<W>()?;
    let before = cpu.gpr[RSP];
    let value = cpu.pop::<W>(board)?.zext();
    if virtual_flag {
        if let Err(leave) = cpu.check_virtual_image(value) {
            cpu.gpr[RSP] = before;
            return Err(leave);
        }
        cpu.load_virtual_image(value);
        cpu.refresh_view();
        return cpu.look_if_needed(board);
    }
    let mut writable = flag::STATUS | flag::TF | flag::DF | flag::NT | flag::AC | flag::ID;
    if W::BITS == 16 {
        writable &= 0xffff;
    }
    if cpu.cpl <= cpu.flags.iopl() || !cpu.protected() {
        writable |= flag::IF;
    }
    if cpu.cpl == 0 && !cpu.v86() {
        writable |= flag::IOPL;
    }
    let old = cpu.flags.rflags();
    let mut new = old & !writable | value & writable;
    if W::BITS > 16 {
        new &= !flag::RF;
    }
    cpu.flags.set_rflags(new);
    cpu.refresh_view();
    cpu.look_if_needed(board)
}

/// PUSHA
pub fn pusha<W: Word>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    let top = cpu.gpr[RSP];
    // All eight must fit before any is written.
    let bottom = top.wrapping_sub(8 * W::BYTES);
    let linear = cpu.stack_linear(bottom, 8 * W::BYTES, true)?;
    cpu.check_write(board, linear, sreg::SS, 8 * W::BYTES)?;
    for register in 0..8u8 {
        let value = W::get(cpu, register);
        cpu.stack_store(board, top.wrapping_sub(W::BYTES * (u64::from(register) + 1)), value)?;
    }
    cpu.set_stack_pointer(bottom);
    Ok(())
}

/// POPA
pub fn popa<W: Word>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    let top = cpu.gpr[RSP];
    let mut values = [W::ZERO; 8];
    for (nth, value) in values.iter_mut().enumerate() {
        *value = cpu.stack_load(board, top.wrapping_add(W::BYTES * nth as u64))?;
    }
    for (nth, value) in values.into_iter().enumerate() {
        let register = 7 - nth as u8;
        if register != gpr::RSP {
            W::set(cpu, register, value);
        }
    }
    cpu.set_stack_pointer(top.wrapping_add(8 * W::BYTES));
    Ok(())
}

/// LEAVE
pub fn leave<W: Word>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    let frame = cpu.gpr[RBP] & cpu.stack_mask();
    let value = cpu.stack_load::<W>(board, frame)?;
    cpu.set_stack_pointer(frame.wrapping_add(W::BYTES));
    W::set(cpu, gpr::RBP, value);
    Ok(())
}

/// ENTER: `imm` is the frame's size, `aux` the nesting level.
pub fn enter<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let level = u64::from(op.aux & 31);
    let top = cpu.gpr[RSP];
    let mut pointer = top.wrapping_sub(W::BYTES);
    // With a 16-bit stack what lies above SP belongs to the frame pointer as it is.
    let frame = if cpu.stack_bytes() == 2 { top & !0xffff | pointer & 0xffff } else { pointer };
    let mut display = cpu.gpr[RBP];
    let old = W::get(cpu, gpr::RBP);
    cpu.stack_store(board, pointer, old)?;
    for _ in 1..level {
        display = display.wrapping_sub(W::BYTES);
        let value = cpu.stack_load::<W>(board, display)?;
        pointer = pointer.wrapping_sub(W::BYTES);
        cpu.stack_store(board, pointer, value)?;
    }
    if level > 0 {
        pointer = pointer.wrapping_sub(W::BYTES);
        cpu.stack_store(board, pointer, W::cut(frame))?;
    }
    pointer = pointer.wrapping_sub(op.imm);
    // The new top of the stack must be writable.
    let linear = cpu.stack_linear(pointer, W::BYTES, true)?;
    cpu.check_write(board, linear, sreg::SS, 1)?;
    cpu.set_stack_pointer(pointer);
    W::set(cpu, gpr::RBP, W::cut(frame));
    Ok(())
}
