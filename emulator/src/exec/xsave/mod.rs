//! The XSAVE feature set (SDM volume 1, chapter 13): extended control registers here, the areas in
//! memory in [`area`].
//!
//! What the manual leaves to the processor: XINUSE tells at the moment of the instruction whether a
//! component differs from its initial state; XSAVEOPT and XSAVES leave out components in their
//! initial state and never apply the modified optimization.

pub mod area;

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::model::components::{self, AVX, PKRU, SSE, X87};
use crate::state::{X87 as X87State, cr4, gpr};

impl Cpu {
    /// Raises #UD without CR4.OSXSAVE.
    fn xsave_enabled(&mut self) -> Step {
        if self.control.cr4 & cr4::OSXSAVE != 0 { Ok(()) } else { Err(self.ud()) }
    }

    /// XINUSE: the components that are not in their initial state (SDM volume 1, 13.6).
    pub fn components_in_use(&self) -> u64 {
        let x87 = self.x87 != initial_x87();
        let sse = self.vector.xmm.iter().any(|register| *register != 0);
        let avx = self.vector.ymm_high.iter().any(|register| *register != 0);
        let pkru = self.control.pkru != 0;
        [(x87, X87), (sse, SSE), (avx, AVX), (pkru, PKRU)]
            .iter()
            .filter(|(used, _)| *used)
            .map(|(_, bit)| bit)
            .sum()
    }
}

/// The x87 state that XRSTOR initializes to.
fn initial_x87() -> X87State {
    let mut state = X87State::default();
    state.init();
    state
}

/// The mask in EDX:EAX.
fn requested(cpu: &Cpu) -> u64 {
    u32::get(cpu, gpr::RDX).zext() << 32 | u32::get(cpu, gpr::RAX).zext()
}

/// XGETBV: XCR0, or what of it is in use.
pub fn xgetbv<const IN_USE: bool>(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.xsave_enabled()?;
    let value = match u32::get(cpu, gpr::RCX) {
        0 => cpu.control.xcr0,
        1 if IN_USE => cpu.control.xcr0 & cpu.components_in_use(),
        _ => return Err(cpu.gp(0)),
    };
    u32::set(cpu, gpr::RAX, value as u32);
    u32::set(cpu, gpr::RDX, (value >> 32) as u32);
    Ok(())
}

/// XSETBV: XCR0 alone; its x87 bit is always one, and AVX needs SSE.
pub fn xsetbv(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.xsave_enabled()?;
    cpu.privileged()?;
    let value = requested(cpu);
    let reserved = value & !components::supported(&cpu.model.features) != 0;
    let consistent = value & X87 != 0 && (value & AVX == 0 || value & SSE != 0);
    if u32::get(cpu, gpr::RCX) != 0 || reserved || !consistent {
        return Err(cpu.gp(0));
    }
    cpu.control.xcr0 = value;
    cpu.refresh();
    Err(Leave::Sync)
}
