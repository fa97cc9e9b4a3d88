//! The register stack: ST(i), tags, stack faults, and what an instruction does before and after
//! its operation (SDM volume 1, 8.1 and 8.5 to 8.7).

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step};
use crate::state::{F80, X87, cr0, gpr, sreg};

use super::soft::status::*;
use super::soft::{Env, INDEFINITE};

impl X87 {
    /// The physical register that ST(i) is now.
    #[inline(always)]
    pub fn physical(&self, i: u8) -> usize {
        usize::from(self.top.wrapping_add(i) & 7)
    }

    /// ST(i), whatever its tag says.
    #[inline(always)]
    pub fn st(&self, i: u8) -> F80 {
        self.r[self.physical(i)]
    }

    /// Whether ST(i) is tagged empty.
    #[inline(always)]
    pub fn is_empty(&self, i: u8) -> bool {
        self.empty >> self.physical(i) & 1 != 0
    }

    /// Writes ST(i) and tags it valid.
    #[inline(always)]
    pub fn set_st(&mut self, i: u8, value: F80) {
        let at = self.physical(i);
        self.r[at] = value;
        self.empty &= !(1 << at);
    }

    /// Makes room and writes ST(0).
    #[inline(always)]
    pub fn push(&mut self, value: F80) {
        self.top = self.top.wrapping_sub(1) & 7;
        self.set_st(0, value);
    }

    /// Tags ST(0) empty and raises TOP.
    #[inline(always)]
    pub fn pop(&mut self) {
        self.empty |= 1 << self.physical(0);
        self.top = self.top.wrapping_add(1) & 7;
    }

    /// Adds the flags of an operation to the status word, clears or sets C1, and says whether
    /// its result is to be stored: not so if an exception of `holding` is unmasked.
    ///
    /// The exceptions that are found before the operation hide those found after it.
    #[inline(always)]
    fn accept_unless(&mut self, env: &Env, holding: u16) -> bool {
        let unmasked = env.flags & !self.fcw & EXCEPTIONS;
        if unmasked == 0 {
            self.fsw = self.fsw & !C1 | env.flags;
            return true;
        }
        self.accept_unmasked(env, unmasked, holding)
    }

    #[cold]
    fn accept_unmasked(&mut self, env: &Env, unmasked: u16, holding: u16) -> bool {
        let before = IE | DE | ZE;
        let mut flags = env.flags;
        if unmasked & before != 0 {
            flags &= before | SF | if flags & SF != 0 { C1 } else { 0 };
        } else if unmasked & holding != 0 {
            // Nothing was stored, so nothing was rounded.
            flags &= !(PE | C1);
        }
        self.fsw = self.fsw & !C1 | flags | ES | B;
        self.note_pointers();
        unmasked & holding == 0
    }

    /// Takes the flags of an operation whose result goes to a register.
    #[inline(always)]
    pub fn accept(&mut self, env: &Env) -> bool {
        self.accept_unless(env, IE | DE | ZE)
    }

    /// Takes the flags of an operation whose result goes to memory; see [`Self::stores`].
    #[inline(always)]
    pub fn accept_store(&mut self, env: &Env) -> bool {
        self.accept_unless(env, IE | DE | ZE | OE | UE)
    }

    /// Whether an operation with these flags stores its result to memory.
    #[inline(always)]
    pub fn stores(&self, env: &Env) -> bool {
        env.flags & !self.fcw & (IE | DE | ZE | OE | UE) == 0
    }

    /// A stack fault: #IS. Says whether the masked response is to be given.
    #[cold]
    pub fn stack_fault(&mut self, overflow: bool) -> bool {
        let flags = IE | SF | if overflow { C1 } else { 0 };
        self.accept(&Env { control: self.fcw, flags })
    }

    /// Pushes a loaded value, or meets the overflow of the stack. An unmasked #D does not keep
    /// the value from being loaded.
    #[inline(always)]
    pub fn push_result(&mut self, env: &Env, value: F80) {
        if !self.is_empty(7) {
            if self.stack_fault(true) {
                self.push(INDEFINITE);
            }
        } else if self.accept_unless(env, IE) {
            self.push(value);
        }
    }

    /// Recomputes ES and B after the control or status word was loaded.
    pub fn refresh_summary(&mut self) {
        let pending = self.fsw & !self.fcw & EXCEPTIONS != 0;
        self.fsw = self.fsw & !(ES | B) | if pending { ES | B } else { 0 };
    }
}

/// What an x87 instruction checks first: #NM, then a pending exception unless it is one of the
/// instructions that do not wait.
#[inline(always)]
pub fn enter(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter_no_wait(cpu)?;
    if cpu.x87.fsw & ES != 0 { pending(cpu, board, op) } else { Ok(()) }
}

/// [`enter`] for the instructions that do not wait.
#[inline(always)]
pub fn enter_no_wait(cpu: &mut Cpu) -> Step {
    if cpu.control.cr0 & (cr0::EM | cr0::TS) != 0 { Err(cpu.nm()) } else { Ok(()) }
}

/// A pending exception meets a waiting instruction (SDM volume 1, 8.7): #MF; or, with CR0.NE
/// clear, the error line, and the instruction is tried again until an interrupt came or IGNNE# lets
/// it through.
#[cold]
pub fn pending(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.control.cr0 & cr0::NE != 0 {
        return Err(cpu.mf());
    }
    if board.wires[cpu.id].ignne {
        return Ok(());
    }
    if !cpu.alone {
        return Err(Leave::Alone);
    }
    error_line(cpu, board, true);
    cpu.rip = cpu.gpr[usize::from(gpr::BLOCK_IP)].wrapping_add(u64::from(op.offset));
    Err(Leave::BranchSync)
}

/// Drives FERR#. The slice has one instruction, so the clock is exact.
pub fn error_line(cpu: &Cpu, board: &mut Board, level: bool) {
    board.fabric.clock.set_retired(cpu.retired);
    board.set_ferr(cpu.id, level);
}

/// Remembers the instruction for FSTENV and its like (SDM volume 1, 8.1.8). Its lowering put the
/// opcode into `imm`.
#[inline(always)]
pub fn record(cpu: &mut Cpu, op: &Op) {
    cpu.x87.fip = cpu.gpr[usize::from(gpr::BLOCK_IP)].wrapping_add(u64::from(op.offset));
    cpu.x87.fcs = cpu.seg[usize::from(sreg::CS)].selector;
    cpu.x87.fop = op.imm as u16;
}

/// [`record`] for an instruction with a memory operand.
#[inline(always)]
pub fn record_memory(cpu: &mut Cpu, op: &Op) {
    record(cpu, op);
    let segment = match op.seg {
        sreg::NONE => sreg::DS,
        sreg::NONE_SS => sreg::SS,
        segment => segment,
    };
    cpu.x87.fdp = cpu.offset(op);
    cpu.x87.fds = cpu.seg[usize::from(segment % 6)].selector;
}
