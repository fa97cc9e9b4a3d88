//! MXCSR and the exceptions that it rules (SDM volume 1, 10.2.3 and 11.5).

use super::host::Run;
use crate::cpu::Cpu;
use crate::exec::{Leave, Step};
use crate::state::{cr0, cr4};

/// Bits of MXCSR.
pub mod bit {
    /// Invalid operation.
    pub const IE: u32 = 1 << 0;
    /// Denormal operand.
    pub const DE: u32 = 1 << 1;
    /// Division by zero.
    pub const ZE: u32 = 1 << 2;
    /// Overflow.
    pub const OE: u32 = 1 << 3;
    /// Underflow.
    pub const UE: u32 = 1 << 4;
    /// Precision.
    pub const PE: u32 = 1 << 5;
    /// Denormals are zeros.
    pub const DAZ: u32 = 1 << 6;
    /// Overflow mask.
    pub const OM: u32 = 1 << 10;
    /// Underflow mask.
    pub const UM: u32 = 1 << 11;
    /// Rounding control.
    pub const RC: u32 = 3 << 13;
    /// Flush to zero.
    pub const FTZ: u32 = 1 << 15;
    /// The six flags.
    pub const FLAGS: u32 = IE | DE | ZE | OE | UE | PE;
    /// The flags that are found before anything is computed.
    pub const PRE: u32 = IE | DE | ZE;
    /// From a flag to its mask.
    pub const MASK_SHIFT: u32 = 7;
}

use bit::*;

/// Whether plain arithmetic of Rust gives what this MXCSR asks for, as long as operands and
/// result are such that only the precision exception can occur: round to nearest, no DAZ, no FTZ,
/// all masked, and the precision flag is set already.
#[inline(always)]
pub fn quiet(mxcsr: u32) -> bool {
    mxcsr & !(FLAGS & !PE) == 0x1f80 | PE
}

/// An operation that the host can do, and some of its cases without.
pub trait Hosted {
    /// The host's instruction.
    const RUN: Run;

    /// The result, where no flag of MXCSR changes and plain Rust knows it.
    #[inline(always)]
    fn fast(_mxcsr: u32, _dst: u128, _src: u128) -> Option<u128> {
        None
    }

    /// The flags where overflow or underflow may be unmasked, if they differ from `flags` (those
    /// with everything masked); see [`trapped`].
    fn unmasked(_mxcsr: u32, flags: u32, _dst: u128, _src: u128) -> u32 {
        flags
    }
}

impl<O: Hosted> super::Numeric for O {
    #[inline(always)]
    fn compute(cpu: &mut Cpu, dst: u128, src: u128, _: u8) -> Result<u128, Leave> {
        match O::fast(cpu.vector.mxcsr, dst, src) {
            Some(result) => Ok(result),
            None => on_host(cpu, O::RUN, O::unmasked, dst, src),
        }
    }
}

#[inline(never)]
fn on_host(
    cpu: &mut Cpu,
    run: Run,
    unmasked: fn(u32, u32, u128, u128) -> u32,
    dst: u128,
    src: u128,
) -> Result<u128, Leave> {
    let mxcsr = cpu.vector.mxcsr;
    let (result, mut flags) = run(control(mxcsr), dst, src);
    if mxcsr & (OM | UM) != OM | UM {
        flags = unmasked(mxcsr, flags, dst, src);
    }
    cpu.simd_flags(flags)?;
    Ok(result)
}

/// The bits of MXCSR that rule results. FTZ has no effect while underflow is unmasked (SDM
/// volume 1, 10.2.3.3).
pub fn control(mxcsr: u32) -> u32 {
    mxcsr & if mxcsr & UM != 0 { RC | DAZ | FTZ } else { RC | DAZ }
}

/// The flags of one result where overflow or underflow is unmasked, from those with everything
/// masked. An unmasked underflow is raised for tiny results even if they are exact, and the
/// precision flag beside an unmasked overflow or underflow tells whether the result would be
/// `inexact` without limits to its exponent (SDM volume 1, 4.9.1.4, 4.9.1.5, 11.5.2).
pub fn trapped(mxcsr: u32, mut flags: u32, denormal: bool, inexact: impl Fn() -> bool) -> u32 {
    if mxcsr & UM == 0 && denormal {
        flags |= UE;
    }
    if flags & (OE | UE) & !(mxcsr >> MASK_SHIFT) != 0 {
        flags = flags & !PE | if inexact() { PE } else { 0 };
    }
    flags
}

impl Cpu {
    /// An instruction found the exceptions `flags`: sets MXCSR, raises the unmasked ones.
    ///
    /// # Errors
    /// #XM, or #UD without CR4.OSXMMEXCPT.
    #[inline(always)]
    pub fn simd_flags(&mut self, flags: u32) -> Step {
        let unmasked = flags & !(self.vector.mxcsr >> MASK_SHIFT);
        if unmasked != 0 {
            return Err(self.simd_fault(flags, unmasked));
        }
        self.vector.mxcsr |= flags;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn simd_fault(&mut self, flags: u32, unmasked: u32) -> Leave {
        // Nothing was computed, so what computing finds is not reported.
        let found = if unmasked & PRE != 0 { flags & PRE } else { flags };
        self.vector.mxcsr |= found;
        if self.control.cr4 & cr4::OSXMMEXCPT != 0 { self.xm() } else { self.ud() }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn sse_unavailable(&mut self) -> Leave {
        if self.control.cr0 & cr0::EM != 0 || self.control.cr4 & cr4::OSFXSR == 0 {
            self.ud()
        } else {
            self.nm()
        }
    }
}
