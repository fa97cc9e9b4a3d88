//! Prefetches, fences and CLFLUSH: what they order and cache does not exist here.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;

/// PREFETCHh, SFENCE, LFENCE, MFENCE. Prefetches never fault.
pub fn nothing(_: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    Ok(())
}

/// CLFLUSH: faults as a load of the byte would, and reads no device.
pub fn clflush(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = cpu.linear(op, 1, false)?;
    cpu.check_read(board, linear, op.seg, 1)
}
