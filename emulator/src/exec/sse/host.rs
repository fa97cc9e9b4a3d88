//! The host's own instruction, run under the guest's MXCSR.
//!
//! This is the one place that depends on the host. Where it is not x86-64,
//! `software.rs` offers the same names.

use core::arch::asm;
use core::arch::x86_64::*;

/// All exceptions masked, round to nearest, no flags: what Rust code on the host runs under.
const DEFAULT: u32 = 0x1f80;
/// The exception flags of MXCSR.
const FLAGS: u32 = 0x3f;

/// Two words in memory for the block: the guest's control and afterwards its flags; the default.
fn controls(control: u32) -> [u32; 2] {
    [control | DEFAULT, DEFAULT]
}

#[inline(always)]
fn vector(value: u128) -> __m128i {
    // SAFETY: both are 16 bytes in which every bit pattern is valid.
    unsafe { core::mem::transmute(value) }
}

#[inline(always)]
fn number(value: __m128i) -> u128 {
    // SAFETY: as in `vector`.
    unsafe { core::mem::transmute(value) }
}

/// `name = intrinsic`: packed integers, where MXCSR plays no part.
macro_rules! integers {
    ($($name:ident = $intrinsic:ident;)*) => {$(
        #[doc = stringify!($intrinsic)]
        #[inline(always)]
        pub fn $name(a: u128, b: u128) -> u128 {
            // SAFETY: SSE2 is part of x86-64.
            number(unsafe { $intrinsic(vector(a), vector(b)) })
        }
    )*};
}

/// The top bits of the sixteen bytes.
#[inline(always)]
pub fn byte_signs(value: u128) -> u64 {
    // SAFETY: SSE2 is part of x86-64.
    let signs = unsafe { _mm_movemask_epi8(vector(value)) };
    signs as u64
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

integers! {
    pand = _mm_and_si128;
    pandn = _mm_andnot_si128;
    por = _mm_or_si128;
    pxor = _mm_xor_si128;
    paddb = _mm_add_epi8;
    paddw = _mm_add_epi16;
    paddd = _mm_add_epi32;
    paddq = _mm_add_epi64;
    paddsb = _mm_adds_epi8;
    paddsw = _mm_adds_epi16;
    paddusb = _mm_adds_epu8;
    paddusw = _mm_adds_epu16;
    psubb = _mm_sub_epi8;
    psubw = _mm_sub_epi16;
    psubd = _mm_sub_epi32;
    psubq = _mm_sub_epi64;
    psubsb = _mm_subs_epi8;
    psubsw = _mm_subs_epi16;
    psubusb = _mm_subs_epu8;
    psubusw = _mm_subs_epu16;
    pmullw = _mm_mullo_epi16;
    pmulhw = _mm_mulhi_epi16;
    pmulhuw = _mm_mulhi_epu16;
    pmuludq = _mm_mul_epu32;
    pmaddwd = _mm_madd_epi16;
    psadbw = _mm_sad_epu8;
    pavgb = _mm_avg_epu8;
    pavgw = _mm_avg_epu16;
    pmaxsw = _mm_max_epi16;
    pmaxub = _mm_max_epu8;
    pminsw = _mm_min_epi16;
    pminub = _mm_min_epu8;
    pcmpeqb = _mm_cmpeq_epi8;
    pcmpeqw = _mm_cmpeq_epi16;
    pcmpeqd = _mm_cmpeq_epi32;
    pcmpgtb = _mm_cmpgt_epi8;
    pcmpgtw = _mm_cmpgt_epi16;
    pcmpgtd = _mm_cmpgt_epi32;
    packsswb = _mm_packs_epi16;
    packssdw = _mm_packs_epi32;
    packuswb = _mm_packus_epi16;
    punpcklbw = _mm_unpacklo_epi8;
    punpcklwd = _mm_unpacklo_epi16;
    punpckldq = _mm_unpacklo_epi32;
    punpckhbw = _mm_unpackhi_epi8;
    punpckhwd = _mm_unpackhi_epi16;
    punpckhdq = _mm_unpackhi_epi32;
    psllw = _mm_sll_epi16;
    pslld = _mm_sll_epi32;
    psllq = _mm_sll_epi64;
    psrlw = _mm_srl_epi16;
    psrld = _mm_srl_epi32;
    psrlq = _mm_srl_epi64;
    psraw = _mm_sra_epi16;
    psrad = _mm_sra_epi32;
}
