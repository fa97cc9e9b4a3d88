//! MONITOR, MWAIT and WAITPKG: waiting for a store or an event (SDM volume 2).
//!
//! A waiting processor lets virtual time pass to the machine's next event, as a halted one does,
//! until something ends its wait: a write to the monitored line by a device or a debugger, an
//! interrupt, or the time limit of UMWAIT and TPAUSE.

use super::{Leave, Step, Word};
use crate::Board;
use crate::board::Wires;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::memory::Target;
use crate::mmu::tlb::Access;
use crate::state::{Activity, Wait, cr4, flag, gpr};

/// IA32_UMWAIT_CONTROL bits that exist: C0.2 off, and the longest time.
pub const UMWAIT_CONTROL: u64 = 0xffff_fffd;
/// The longest time, in ticks of the TSC; zero for none.
const LONGEST: u64 = 0xffff_fffc;

impl Cpu {
    /// Whether what has come ends a wait.
    pub fn wait_is_over(&self, wait: &Wait, wires: &Wires, board: &Board) -> bool {
        let enabled = wait.masked || self.flags.system & flag::IF != 0;
        wait.monitoring && !board.fabric.memory.monitor.waits()
            || wires.nmi && !self.nmi_blocked
            || (wires.smi || wires.init) && !self.smm.active
            || wires.interrupt() && enabled
    }

    /// Ends a wait; `expired`: because its time is over.
    pub fn end_wait(&mut self, wait: &Wait, board: &mut Board, expired: bool) {
        self.activity = Activity::Running;
        if wait.monitoring {
            board.fabric.memory.monitor.disarm();
        }
        if expired && wait.limited {
            self.flags.set_status(flag::CF);
        }
    }

    /// Wakes the processor from HLT or a wait.
    pub fn wake(&mut self, board: &mut Board) {
        match self.activity {
            Activity::Halted => self.activity = Activity::Running,
            Activity::Waiting(wait) => self.end_wait(&wait, board, false),
            Activity::Running | Activity::Shutdown | Activity::WaitForStartup => {}
        }
    }

    /// The first moment at which the time-stamp counter has reached `ticks`.
    fn ns_of_tsc(&self, ticks: u64) -> u64 {
        let ticks = u128::from(ticks.wrapping_sub(self.msr.tsc_offset));
        let ns = (ticks * 1_000_000_000).div_ceil(u128::from(self.model.tsc_hz.max(1)));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

/// Raises what a load of the byte at the operand would raise; then its line is monitored, if it is RAM.
fn arm(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = cpu.linear(op, 1, false)?;
    cpu.check_read(board, linear, op.seg, 1)?;
    let page = cpu.translate(board, linear, Access::Read, cpu.view)?;
    let monitor = &mut board.fabric.memory.monitor;
    monitor.disarm();
    if matches!(page.target, Target::Ram { .. }) {
        monitor.arm(page.physical + (linear & 0xfff));
    }
    Ok(())
}

/// MONITOR: the operand is at RAX in DS; ECX has no extensions.
pub fn monitor(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.cpl != 0 {
        return Err(cpu.ud());
    }
    if u32::get(cpu, gpr::RCX) != 0 {
        return Err(cpu.gp(0));
    }
    arm(cpu, board, op)
}

/// MWAIT: bit 0 of ECX makes masked interrupts end the wait. Without a monitored line it does nothing.
pub fn mwait(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    if cpu.cpl != 0 {
        return Err(cpu.ud());
    }
    let extensions = u32::get(cpu, gpr::RCX);
    if extensions & !1 != 0 {
        return Err(cpu.gp(0));
    }
    if board.fabric.memory.monitor.waits() {
        let masked = extensions & 1 != 0;
        cpu.activity =
            Activity::Waiting(Wait { until_ns: u64::MAX, limited: false, masked, monitoring: true });
    } else {
        board.fabric.memory.monitor.disarm();
    }
    Err(Leave::Sync)
}

/// UMONITOR: as MONITOR at any privilege; the operand's register is named.
pub fn umonitor(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    arm(cpu, board, op)
}

/// UMWAIT (`MONITORING`) and TPAUSE: until the TSC has reached EDX:EAX, or for as long as
/// IA32_UMWAIT_CONTROL allows, which CF tells then. Masked interrupts end the wait too.
pub fn bounded_wait<const MONITORING: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let timed = cpu.control.cr4 & cr4::TSD != 0 && cpu.cpl != 0;
    if u32::get(cpu, op.dst) & !1 != 0 || timed {
        return Err(cpu.gp(0));
    }
    cpu.flags.set_status(0);
    if MONITORING && !board.fabric.memory.monitor.waits() {
        board.fabric.memory.monitor.disarm();
        return Ok(());
    }
    let deadline = u32::get(cpu, gpr::RDX).zext() << 32 | u32::get(cpu, gpr::RAX).zext();
    let now = cpu.tsc(board, op.nth);
    let allowed = cpu.msr.umwait_control & LONGEST;
    let limited = allowed != 0 && now.saturating_add(allowed) < deadline;
    let until = if limited { now + allowed } else { deadline };
    if until > now {
        let until_ns = cpu.ns_of_tsc(until);
        cpu.activity = Activity::Waiting(Wait { until_ns, limited, masked: true, monitoring: MONITORING });
    }
    Err(Leave::Sync)
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
