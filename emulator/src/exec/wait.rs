//! MONITOR, MWAIT and WAITPKG: waiting for a store or an event (SDM volume 2).
//!
//! The manuals let a wait end for any reason, and software asks again in a loop. Here MWAIT ends
//! with the next event of the machine (so that idle time is passed over, and a store by a device
//! is seen), or at once if an interrupt is pending or no event is to come. UMWAIT and TPAUSE, whose
//! time is bounded, end at once.

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::state::{Activity, cr4, gpr};

/// IA32_UMWAIT_CONTROL bits that exist: C0.2 off, and the longest time.
pub const UMWAIT_CONTROL: u64 = 0xffff_fffd;

/// Raises what a load of the byte at the operand would raise.
fn armed(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = cpu.linear(op, 1, false)?;
    cpu.check_read(board, linear, op.seg, 1)
}

/// MONITOR: the operand is at RAX in DS; ECX has no extensions.
pub fn monitor(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.cpl != 0 {
        return Err(cpu.ud());
    }
    if u32::get(cpu, gpr::RCX) != 0 {
        return Err(cpu.gp(0));
    }
    armed(cpu, board, op)
}

/// MWAIT: bit 0 of ECX makes masked interrupts end the wait, which they do in any case.
pub fn mwait(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    if cpu.cpl != 0 {
        return Err(cpu.ud());
    }
    if u32::get(cpu, gpr::RCX) & !1 != 0 {
        return Err(cpu.gp(0));
    }
    cpu.activity = Activity::Waiting;
    Err(Leave::Sync)
}

/// UMONITOR: as MONITOR at any privilege; the operand's register is named.
pub fn umonitor(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    armed(cpu, board, op)
}

/// UMWAIT, TPAUSE: all flags become clear, CF because no time limit ended the wait.
pub fn bounded_wait(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let timed = cpu.control.cr4 & cr4::TSD != 0 && cpu.cpl != 0;
    if u32::get(cpu, op.dst) & !1 != 0 || timed {
        return Err(cpu.gp(0));
    }
    cpu.flags.set_status(0);
    Ok(())
}

/// The address size of MONITOR and UMONITOR decides how the register is cut.
pub fn monitored_address(size: CodeSize, bytes: usize) -> u8 {
    use crate::decode::address::{FLAT, FLAT32, SEG16, SEG32};
    match (size, bytes) {
        (CodeSize::Bits64, 4) => FLAT32,
        (CodeSize::Bits64, _) => FLAT,
        (_, 2) => SEG16,
        _ => SEG32,
    }
}
