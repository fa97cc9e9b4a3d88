//! VZEROUPPER and VZEROALL.

use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::exec::Step;

/// How many vector registers the mode has; the others stay.
fn registers(cpu: &Cpu) -> usize {
    if cpu.code_size() == CodeSize::Bits64 { 16 } else { 8 }
}

/// VZEROUPPER
pub fn vzeroupper(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.avx()?;
    let count = registers(cpu);
    cpu.vector.ymm_high[..count].fill(0);
    Ok(())
}

/// VZEROALL
pub fn vzeroall(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.avx()?;
    let count = registers(cpu);
    cpu.vector.ymm_high[..count].fill(0);
    cpu.vector.xmm[..count].fill(0);
    Ok(())
}
