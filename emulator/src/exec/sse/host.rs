//! The host's own instruction, run under the guest's MXCSR.
//!
//! This is the one place that depends on the host. A software path for other hosts has to
//! offer the same names, each with the signature [`Run`].

#[cfg(not(target_arch = "x86_64"))]
compile_error!("SSE arithmetic needs an x86-64 host: a software path would go beside exec/sse/host.rs");

use core::arch::asm;
use core::arch::x86_64::__m128i;

/// Runs one instruction with all exceptions masked.
///
/// Takes the bits of MXCSR that rule the result (rounding, DAZ, FTZ), the destination and the
/// source; general registers are passed in the low bits. Returns the new destination and the
/// exception flags of this instruction alone.
pub type Run = fn(u32, u128, u128) -> (u128, u32);

/// All exceptions masked, round to nearest, no flags: what Rust code on the host runs under.
const DEFAULT: u32 = 0x1f80;
/// The exception flags of MXCSR.
const FLAGS: u32 = 0x3f;

/// Two words in memory for the block: the guest's control and afterwards its flags; the default.
fn controls(control: u32) -> [u32; 2] {
    [control | DEFAULT, DEFAULT]
}

fn vector(value: u128) -> __m128i {
    // SAFETY: both are 16 bytes in which every bit pattern is valid.
    unsafe { core::mem::transmute(value) }
}

fn number(value: __m128i) -> u128 {
    // SAFETY: as in `vector`.
    unsafe { core::mem::transmute(value) }
}

/// `name = "instruction {a}, {b}"`: from an XMM register to an XMM register.
macro_rules! vectors {
    ($($name:ident = $instruction:literal;)*) => {$(
        #[doc = $instruction]
        pub fn $name(control: u32, a: u128, b: u128) -> (u128, u32) {
            let mut mxcsr = controls(control);
            let mut out = vector(a);
            // SAFETY: SSE2 is part of x86-64. MXCSR is loaded from our array with reserved bits
            // clear and everything masked, so nothing can trap, and ends as the Rust ABI has it.
            unsafe {
                asm!("ldmxcsr [{m}]", $instruction, "stmxcsr [{m}]", "ldmxcsr [{m} + 4]",
                    m = in(reg) mxcsr.as_mut_ptr(), a = inout(xmm_reg) out, b = in(xmm_reg) vector(b),
                    options(nostack));
            }
            (number(out), mxcsr[0] & FLAGS)
        }
    )*};
}

/// `name = "instruction {a}, {b}"`: from an XMM register to a general register.
macro_rules! to_general {
    ($($name:ident = $instruction:literal;)*) => {$(
        #[doc = $instruction]
        pub fn $name(control: u32, _: u128, b: u128) -> (u128, u32) {
            let mut mxcsr = controls(control);
            let out: u64;
            // SAFETY: as in `vectors`.
            unsafe {
                asm!("ldmxcsr [{m}]", $instruction, "stmxcsr [{m}]", "ldmxcsr [{m} + 4]",
                    m = in(reg) mxcsr.as_mut_ptr(), a = out(reg) out, b = in(xmm_reg) vector(b),
                    options(nostack));
            }
            (u128::from(out), mxcsr[0] & FLAGS)
        }
    )*};
}

/// `name = "instruction {a}, {b}"`: from a general register to an XMM register.
macro_rules! from_general {
    ($($name:ident = $instruction:literal;)*) => {$(
        #[doc = $instruction]
        pub fn $name(control: u32, a: u128, b: u128) -> (u128, u32) {
            let mut mxcsr = controls(control);
            let mut out = vector(a);
            // SAFETY: as in `vectors`.
            unsafe {
                asm!("ldmxcsr [{m}]", $instruction, "stmxcsr [{m}]", "ldmxcsr [{m} + 4]",
                    m = in(reg) mxcsr.as_mut_ptr(), a = inout(xmm_reg) out, b = in(reg) b as u64,
                    options(nostack));
            }
            (number(out), mxcsr[0] & FLAGS)
        }
    )*};
}

vectors! {
    addps = "addps {a}, {b}";
    addpd = "addpd {a}, {b}";
    addss = "addss {a}, {b}";
    addsd = "addsd {a}, {b}";
    subps = "subps {a}, {b}";
    subpd = "subpd {a}, {b}";
    subss = "subss {a}, {b}";
    subsd = "subsd {a}, {b}";
    mulps = "mulps {a}, {b}";
    mulpd = "mulpd {a}, {b}";
    mulss = "mulss {a}, {b}";
    mulsd = "mulsd {a}, {b}";
    divps = "divps {a}, {b}";
    divpd = "divpd {a}, {b}";
    divss = "divss {a}, {b}";
    divsd = "divsd {a}, {b}";
    sqrtps = "sqrtps {a}, {b}";
    sqrtpd = "sqrtpd {a}, {b}";
    sqrtss = "sqrtss {a}, {b}";
    sqrtsd = "sqrtsd {a}, {b}";
    cvtps2pd = "cvtps2pd {a}, {b}";
    cvtpd2ps = "cvtpd2ps {a}, {b}";
    cvtss2sd = "cvtss2sd {a}, {b}";
    cvtsd2ss = "cvtsd2ss {a}, {b}";
    cvtdq2ps = "cvtdq2ps {a}, {b}";
    cvtps2dq = "cvtps2dq {a}, {b}";
    cvttps2dq = "cvttps2dq {a}, {b}";
    cvtpd2dq = "cvtpd2dq {a}, {b}";
    cvttpd2dq = "cvttpd2dq {a}, {b}";
}

to_general! {
    cvtss2si_32 = "cvtss2si {a:e}, {b}";
    cvtss2si_64 = "cvtss2si {a:r}, {b}";
    cvttss2si_32 = "cvttss2si {a:e}, {b}";
    cvttss2si_64 = "cvttss2si {a:r}, {b}";
    cvtsd2si_32 = "cvtsd2si {a:e}, {b}";
    cvtsd2si_64 = "cvtsd2si {a:r}, {b}";
    cvttsd2si_32 = "cvttsd2si {a:e}, {b}";
    cvttsd2si_64 = "cvttsd2si {a:r}, {b}";
}

from_general! {
    cvtsi2ss_32 = "cvtsi2ss {a}, {b:e}";
    cvtsi2ss_64 = "cvtsi2ss {a}, {b:r}";
    cvtsi2sd_64 = "cvtsi2sd {a}, {b:r}";
}
