//! RDTSCP and RDPID: the time stamp and IA32_TSC_AUX.

use super::{Step, Word, system};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::state::gpr;

/// RDTSCP: as RDTSC, and IA32_TSC_AUX in ECX.
pub fn rdtscp(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    system::rdtsc(cpu, board, op)?;
    let aux = cpu.msr.tsc_aux as u32;
    u32::set(cpu, gpr::RCX, aux);
    Ok(())
}

/// RDPID
pub fn rdpid(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let aux = cpu.msr.tsc_aux;
    u64::set(cpu, op.dst, aux);
    Ok(())
}
