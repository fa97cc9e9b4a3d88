//! XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR and XRSTORS (SDM volume 1, 13.7 to 13.12).

use super::{initial_x87, requested};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::exec::sse::state::{LegacyRegion, XMM_OFFSET};
use crate::exec::x87::control::{after_release, before_release};
use crate::exec::{Leave, Step};
use crate::model::Feature;
use crate::model::components::{
    AVX, Component, EXTENDED_REGION, PKRU, SSE, X87, compacted_offset, compacted_size, extended,
    standard_size,
};
use crate::state::{MXCSR_MASK, cr0};

/// What an area must be aligned to.
const ALIGNMENT: u64 = 64;
/// Offset of the header: XSTATE_BV, XCOMP_BV, 48 reserved bytes.
const HEADER: u64 = 512;
/// XCOMP_BV bit of the compacted format.
const COMPACTED: u64 = 1 << 63;
/// MXCSR's initial value.
const MXCSR: u32 = 0x1f80;

/// A way to save.
pub trait Save {
    /// The compacted format, which keeps nothing of what is in memory.
    const COMPACTED: bool;
    /// Components in their initial state are not written.
    const INIT: bool;
    /// For ring 0, with the components of IA32_XSS.
    const SUPERVISOR: bool = false;
}

/// XSAVE
pub struct Xsave;
/// XSAVEOPT
pub struct Xsaveopt;
/// XSAVEC
pub struct Xsavec;
/// XSAVES
pub struct Xsaves;

impl Save for Xsave {
    const COMPACTED: bool = false;
    const INIT: bool = false;
}

impl Save for Xsaveopt {
    const COMPACTED: bool = false;
    const INIT: bool = true;
}

impl Save for Xsavec {
    const COMPACTED: bool = true;
    const INIT: bool = true;
}

impl Save for Xsaves {
    const COMPACTED: bool = true;
    const INIT: bool = true;
    const SUPERVISOR: bool = true;
}

/// The address of the area, after what is checked first.
fn area(cpu: &mut Cpu, op: &Op, supervisor: bool, write: bool) -> Result<u64, Leave> {
    cpu.xsave_enabled()?;
    if supervisor {
        cpu.privileged()?;
    }
    if cpu.control.cr0 & cr0::TS != 0 {
        return Err(cpu.nm());
    }
    let linear = cpu.linear(op, u64::from(EXTENDED_REGION), write)?;
    // The alignment comes before anything else about the address, as on AMD processors.
    if linear % ALIGNMENT == 0 { Ok(linear) } else { Err(cpu.gp(0)) }
}

/// The components that an instruction is about (RFBM).
fn components(cpu: &Cpu, supervisor: bool) -> u64 {
    let enabled = cpu.control.xcr0 | if supervisor { cpu.msr.xss } else { 0 };
    requested(cpu) & enabled
}

/// How many vector registers the mode has.
fn registers(cpu: &Cpu) -> usize {
    if cpu.code_size() == CodeSize::Bits64 { 16 } else { 8 }
}

/// XSAVE and its kin; `WIDE` with REX.W.
pub fn save<S: Save, const WIDE: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = area(cpu, op, S::SUPERVISOR, true)?;
    let wanted = components(cpu, S::SUPERVISOR);
    let size = if S::COMPACTED { compacted_size(wanted) } else { standard_size(wanted) };
    cpu.check_write(board, linear, op.seg, u64::from(size))?;
    let mut used = cpu.components_in_use();
    if S::COMPACTED && cpu.vector.mxcsr != MXCSR {
        // MXCSR is part of the SSE state in the compacted format.
        used |= SSE;
    }
    let written = if S::INIT { wanted & used } else { wanted };
    let region = LegacyRegion::of::<WIDE>(cpu);
    if written & X87 != 0 {
        region.store_x87(cpu, board, op, linear)?;
    }
    let with_mxcsr = if S::COMPACTED { written & SSE } else { wanted & (SSE | AVX) };
    if with_mxcsr != 0 {
        let word = u64::from(cpu.vector.mxcsr) | u64::from(MXCSR_MASK) << 32;
        store(cpu, board, op, linear, 24, word)?;
    }
    let count = registers(cpu);
    if written & SSE != 0 {
        for (n, value) in cpu.vector.xmm.into_iter().enumerate().take(count) {
            store(cpu, board, op, linear, XMM_OFFSET + 16 * n as u64, value)?;
        }
    }
    for component in extended(written) {
        let at = if S::COMPACTED { compacted_offset(wanted, component.index) } else { component.offset };
        if 1 << component.index == PKRU {
            store(cpu, board, op, linear, at.into(), u64::from(cpu.control.pkru))?;
            continue;
        }
        for (n, value) in cpu.vector.ymm_high.into_iter().enumerate().take(count) {
            store(cpu, board, op, linear, u64::from(at) + 16 * n as u64, value)?;
        }
    }
    if S::COMPACTED {
        store(cpu, board, op, linear, HEADER, wanted & used)?;
        store(cpu, board, op, linear, HEADER + 8, wanted | COMPACTED)
    } else {
        let old: u64 = load(cpu, board, op, linear, HEADER)?;
        store(cpu, board, op, linear, HEADER, old & !wanted | wanted & used)
    }
}

/// XRSTOR (`SUPERVISOR`: XRSTORS); `WIDE` with REX.W. All is read and checked before anything changes.
pub fn restore<const SUPERVISOR: bool, const WIDE: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let (image, wired) = Image::checked::<SUPERVISOR>(cpu, board, op)?;
    let mxcsr = image.mxcsr(cpu, board, op)?;
    let x87 = match (image.wanted & X87 != 0, image.loaded & X87 != 0) {
        (false, _) => None,
        (true, false) => Some(initial_x87()),
        (true, true) => Some(LegacyRegion::load_x87::<WIDE>(cpu, board, op, image.linear)?),
    };
    let mut vector = cpu.vector.clone();
    let mut pkru = cpu.control.pkru;
    if image.wanted & SSE != 0 {
        image.registers(cpu, board, op, image.loaded & SSE != 0, XMM_OFFSET, &mut vector.xmm)?;
    }
    for component in extended(image.wanted) {
        let (at, present) = (image.offset(&component), image.loaded >> component.index & 1 != 0);
        if 1 << component.index == PKRU {
            pkru = if present { load(cpu, board, op, image.linear, at)? } else { 0 };
        } else {
            image.registers(cpu, board, op, present, at, &mut vector.ymm_high)?;
        }
    }
    vector.mxcsr = mxcsr.unwrap_or(vector.mxcsr);
    cpu.vector = vector;
    if let Some(x87) = x87 {
        cpu.x87 = x87;
        after_release(cpu, board, wired);
    }
    cpu.set_pkru(pkru);
    Ok(())
}

/// An area that is restored from.
struct Image {
    /// Its address.
    linear: u64,
    /// The components that the instruction is about.
    wanted: u64,
    /// Those of them that the area has; the others get their initial state.
    loaded: u64,
    /// The components that the compacted format has room for; `None` in the standard format.
    compacted: Option<u64>,
}

impl Image {
    /// Reads the header and checks all that can be without the components, and what
    /// [`before_release`] says.
    fn checked<const SUPERVISOR: bool>(
        cpu: &mut Cpu,
        board: &mut Board,
        op: &Op,
    ) -> Result<(Self, bool), Leave> {
        let linear = area(cpu, op, SUPERVISOR, false)?;
        cpu.check_read(board, linear, op.seg, u64::from(EXTENDED_REGION))?;
        let mut header = [0u64; 8];
        for (n, word) in header.iter_mut().enumerate() {
            *word = load(cpu, board, op, linear, HEADER + 8 * n as u64)?;
        }
        let [present, layout, reserved @ ..] = header;
        let enabled = cpu.control.xcr0 | if SUPERVISOR { cpu.msr.xss } else { 0 };
        if !header_is_valid::<SUPERVISOR>(cpu, present, layout, &reserved, enabled) {
            return Err(cpu.gp(0));
        }
        let wired = before_release(cpu, board)?;
        let wanted = components(cpu, SUPERVISOR);
        let compacted = (layout & COMPACTED != 0).then_some(layout & !COMPACTED);
        let image = Self { linear, wanted, loaded: wanted & present, compacted };
        let size = compacted.map_or_else(|| standard_size(image.loaded), compacted_size);
        cpu.check_read(board, linear, op.seg, u64::from(size))?;
        Ok((image, wired))
    }

    /// Where a component lies in it.
    fn offset(&self, component: &Component) -> u64 {
        self.compacted.map_or(component.offset, |layout| compacted_offset(layout, component.index)).into()
    }

    /// As many vector registers as the mode has: those at `at` if they are `present`, else zeros.
    fn registers(
        &self,
        cpu: &mut Cpu,
        board: &mut Board,
        op: &Op,
        present: bool,
        at: u64,
        into: &mut [u128; 16],
    ) -> Step {
        let count = registers(cpu);
        for (n, register) in into.iter_mut().enumerate().take(count) {
            *register = if present { load(cpu, board, op, self.linear, at + 16 * n as u64)? } else { 0 };
        }
        Ok(())
    }

    /// The new MXCSR, if it changes: in the standard format it is loaded with SSE or AVX whatever
    /// XSTATE_BV says, in the compacted one it goes with the SSE state.
    fn mxcsr(&self, cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<Option<u32>, Leave> {
        let compacted = self.compacted.is_some();
        let from_memory = if compacted { self.loaded & SSE != 0 } else { self.wanted & (SSE | AVX) != 0 };
        if !from_memory {
            return Ok((compacted && self.wanted & SSE != 0).then_some(MXCSR));
        }
        let value: u32 = load(cpu, board, op, self.linear, 24)?;
        if value & !MXCSR_MASK != 0 {
            return Err(cpu.gp(0));
        }
        Ok(Some(value))
    }
}

/// Whether the header can be restored from (SDM volume 1, 13.8 and 13.12).
fn header_is_valid<const SUPERVISOR: bool>(
    cpu: &Cpu,
    present: u64,
    layout: u64,
    reserved: &[u64],
    enabled: u64,
) -> bool {
    if layout & COMPACTED == 0 {
        // The standard format: only the first word after XCOMP_BV must be zero beside it.
        return !SUPERVISOR && present & !enabled == 0 && layout == 0 && reserved[0] == 0;
    }
    let known = SUPERVISOR || cpu.model.has(Feature::Xsavec);
    let laid_out = layout & !COMPACTED;
    known && laid_out & !enabled == 0 && present & !laid_out == 0 && reserved.iter().all(|word| *word == 0)
}

fn store<T: crate::mmu::access::Plain>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    area: u64,
    offset: u64,
    value: T,
) -> Step {
    let at = cpu.wrap(area.wrapping_add(offset));
    cpu.store(board, at, op.seg, value)
}

fn load<T: crate::mmu::access::Plain>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    area: u64,
    offset: u64,
) -> Result<T, Leave> {
    let at = cpu.wrap(area.wrapping_add(offset));
    cpu.load(board, at, op.seg)
}
