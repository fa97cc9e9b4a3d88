//! MXCSR and the exceptions that it rules (SDM volume 1, 10.2.3 and 11.5).

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

/// Runs one instruction with all exceptions masked: the host's, or the same in software.
///
/// Takes the bits of MXCSR that rule the result (rounding, DAZ, FTZ), the destination and the
/// source; general registers are passed in the low bits. Returns the new destination and the
/// exception flags of this instruction alone.
pub type Run = fn(u32, u128, u128) -> (u128, u32);

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
    fn quick(mxcsr: u32, dst: u128, src: u128, _: u8) -> Option<u128> {
        O::fast(mxcsr, dst, src)
    }

    #[inline(always)]
    fn compute(mxcsr: u32, dst: u128, src: u128, _: u8) -> (u128, u32) {
        on_host(mxcsr, O::RUN, O::unmasked, dst, src)
    }
}

#[inline(never)]
fn on_host(
    mxcsr: u32,
    run: Run,
    unmasked: fn(u32, u32, u128, u128) -> u32,
    dst: u128,
    src: u128,
) -> (u128, u32) {
    let (result, mut flags) = run(control(mxcsr), dst, src);
    if mxcsr & (OM | UM) != OM | UM {
        flags = unmasked(mxcsr, flags, dst, src);
    }
    (result, flags)
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

/// Where the flags lie of an instruction's first step, and of later ones, in what
/// [`super::Numeric::compute`] returns. A step with an unmasked exception is the last.
pub const STEPS: [u32; 3] = [0, 16, 24];

impl Cpu {
    /// An instruction found the exceptions `flags`: sets MXCSR, raises the unmasked ones. Those of
    /// an instruction's later steps lie higher up: see [`STEPS`].
    ///
    /// # Errors
    /// #XM, or #UD without CR4.OSXMMEXCPT.
    #[inline(always)]
    pub fn simd_flags(&mut self, flags: u32) -> Step {
        // Nothing found is the common case, and known to the compiler where Rust's arithmetic did.
        if flags == 0 {
            return Ok(());
        }
        if flags & !(self.vector.mxcsr >> MASK_SHIFT) != 0 {
            return self.simd_steps(flags);
        }
        self.vector.mxcsr |= flags;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn simd_steps(&mut self, flags: u32) -> Step {
        for shift in STEPS {
            let found = flags >> shift & FLAGS;
            let unmasked = found & !(self.vector.mxcsr >> MASK_SHIFT);
            // Where nothing was computed, what computing finds is not reported.
            self.vector.mxcsr |= if unmasked & PRE != 0 { found & PRE } else { found };
            if unmasked != 0 {
                let reported = self.control.cr4 & cr4::OSXMMEXCPT != 0;
                return Err(if reported { self.xm() } else { self.ud() });
            }
        }
        Ok(())
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
