//! Near jumps, calls, returns and loops.

use super::cond::Condition;
use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::mmu::walk::canonical;
use crate::state::{gpr, sreg};

const BLOCK_IP: usize = gpr::BLOCK_IP as usize;

impl Cpu {
    /// RIP of the instruction after `op`.
    #[inline(always)]
    pub fn next_ip(&self, op: &Op) -> u64 {
        self.gpr[BLOCK_IP].wrapping_add(op.next_offset())
    }

    /// RIP of `op` itself.
    #[inline(always)]
    pub fn this_ip(&self, op: &Op) -> u64 {
        self.gpr[BLOCK_IP].wrapping_add(u64::from(op.offset))
    }

    /// Where a relative branch leads: `imm` is relative to the block's start.
    #[inline(always)]
    fn relative<W: Word>(&self, op: &Op) -> W {
        W::cut(self.gpr[BLOCK_IP].wrapping_add(op.imm))
    }

    /// Goes to `target` of the operand's size; #GP if it lies outside the code segment.
    #[inline(always)]
    pub fn jump<W: Word>(&mut self, target: W) -> Step {
        self.check_target(target)?;
        self.rip = target.zext();
        Err(Leave::Branch)
    }

    /// Raises #GP(0) if code cannot be at `target`.
    #[inline(always)]
    pub fn check_target<W: Word>(&mut self, target: W) -> Step {
        let fits = if W::BITS == 64 {
            canonical(target.zext(), self.linear_bits())
        } else {
            self.long_code() || target.zext() <= u64::from(self.seg[usize::from(sreg::CS)].limit)
        };
        if fits { Ok(()) } else { Err(self.gp(0)) }
    }

    fn long_code(&self) -> bool {
        self.code_size() == CodeSize::Bits64
    }
}

/// JMP relative
pub fn jmp<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.jump(cpu.relative::<W>(op))
}

/// JMP register
pub fn jmp_r<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.jump(W::get(cpu, op.dst))
}

/// JMP memory
pub fn jmp_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let target = cpu.read::<W>(board, op)?;
    cpu.jump(target)
}

/// Jcc
pub fn jcc<C: Condition, W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    if C::holds(&cpu.flags) { cpu.jump(cpu.relative::<W>(op)) } else { Ok(()) }
}

fn call_to<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op, target: W) -> Step {
    cpu.check_target(target)?;
    let back = W::cut(cpu.next_ip(op));
    if W::BITS == 64 {
        cpu.push64(board, back.zext())?
    } else {
        cpu.push(board, back)?
    }
    cpu.rip = target.zext();
    Err(Leave::Branch)
}

/// CALL relative
pub fn call<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    call_to(cpu, board, op, cpu.relative::<W>(op))
}

/// CALL register
pub fn call_r<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    call_to(cpu, board, op, W::get(cpu, op.dst))
}

/// CALL memory
pub fn call_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let target = cpu.read::<W>(board, op)?;
    call_to(cpu, board, op, target)
}

/// RET; `imm` bytes are dropped from the stack.
pub fn ret<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let pointer = cpu.gpr[usize::from(gpr::RSP)];
    if W::BITS == 64 {
        let target = cpu.load::<u64>(board, pointer, sreg::NONE_SS)?;
        cpu.check_target(target)?;
        cpu.gpr[usize::from(gpr::RSP)] = pointer.wrapping_add(8 + op.imm);
        cpu.rip = target;
    } else {
        let target = cpu.stack_load::<W>(board, pointer)?;
        cpu.check_target(target)?;
        cpu.set_stack_pointer(pointer.wrapping_add(W::BYTES + op.imm));
        cpu.rip = target.zext();
    }
    Err(Leave::Branch)
}

/// The count register of LOOP and JCXZ by address size, less `by`; stored.
fn count_down(cpu: &mut Cpu, op: &Op, by: u64) -> u64 {
    let value = cpu.gpr[usize::from(gpr::RCX)].wrapping_sub(by);
    match op.aux {
        2 => {
            u16::set(cpu, gpr::RCX, value as u16);
            value & 0xffff
        }
        4 => {
            u32::set(cpu, gpr::RCX, value as u32);
            value & 0xffff_ffff
        }
        _ => {
            cpu.gpr[usize::from(gpr::RCX)] = value;
            value
        }
    }
}

/// LOOP (`KIND` 2), LOOPE (1), LOOPNE (0); `aux` is the count's size in bytes.
pub fn loop_<W: Word, const KIND: u8>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let target = cpu.relative::<W>(op);
    let before = cpu.gpr[usize::from(gpr::RCX)];
    let left = count_down(cpu, op, 1);
    let goes = left != 0
        && match KIND {
            0 => !cpu.flags.zf(),
            1 => cpu.flags.zf(),
            _ => true,
        };
    if !goes {
        return Ok(());
    }
    let jumped = cpu.jump(target);
    if jumped == Err(Leave::Fault) {
        cpu.gpr[usize::from(gpr::RCX)] = before;
    }
    jumped
}

/// JCXZ, JECXZ, JRCXZ; `aux` is the count's size in bytes.
pub fn jcxz<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let count = cpu.gpr[usize::from(gpr::RCX)];
    let zero = match op.aux {
        2 => count as u16 == 0,
        4 => count as u32 == 0,
        _ => count == 0,
    };
    if zero { cpu.jump(cpu.relative::<W>(op)) } else { Ok(()) }
}
