//! Arithmetic, comparisons and conversions under MXCSR.

use iced_x86::{Instruction, Mnemonic};

use super::*;
use crate::exec::Word;
use crate::exec::sse::compare::{self as m, Max, Min, comis_mem, comis_reg};
use crate::exec::sse::float::{self as f, Arithmetic, Format, Pd, Ps, Sd, Ss};
use crate::exec::sse::horizontal::{Addsub, Dot, Horizontal};
use crate::exec::sse::round::Round;
use crate::exec::sse::{M32, Rcp, Rsqrt, convert as c};

/// The handler of an instruction of this kind; `None` for others.
pub fn lower(instruction: &Instruction, form: Form) -> Option<Handler> {
    let mnemonic = instruction.mnemonic();
    arithmetic(mnemonic, form)
        .or_else(|| comparisons(mnemonic, form))
        .or_else(|| between_formats(mnemonic, form))
        .or_else(|| integers(instruction, form))
        .or_else(|| mmx_conversions(mnemonic, form))
}

// --- arithmetic ------------------------------------------------------------------------------

fn whole<A: Arithmetic, S: Format>(form: Form) -> Option<Handler> {
    numeric::<f::Instruction<A, S>>(form)
}

fn low<A: Arithmetic, S: Format, M: Source>(form: Form) -> Option<Handler> {
    numeric_low::<f::Instruction<A, S>, M>(form)
}

fn arithmetic(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Addps | Vaddps => whole::<f::Add, Ps>(form),
        Addpd | Vaddpd => whole::<f::Add, Pd>(form),
        Addss | Vaddss => low::<f::Add, Ss, M32>(form),
        Addsd | Vaddsd => low::<f::Add, Sd, M64>(form),
        Subps | Vsubps => whole::<f::Sub, Ps>(form),
        Subpd | Vsubpd => whole::<f::Sub, Pd>(form),
        Subss | Vsubss => low::<f::Sub, Ss, M32>(form),
        Subsd | Vsubsd => low::<f::Sub, Sd, M64>(form),
        Mulps | Vmulps => whole::<f::Mul, Ps>(form),
        Mulpd | Vmulpd => whole::<f::Mul, Pd>(form),
        Mulss | Vmulss => low::<f::Mul, Ss, M32>(form),
        Mulsd | Vmulsd => low::<f::Mul, Sd, M64>(form),
        Divps | Vdivps => whole::<f::Div, Ps>(form),
        Divpd | Vdivpd => whole::<f::Div, Pd>(form),
        Divss | Vdivss => low::<f::Div, Ss, M32>(form),
        Divsd | Vdivsd => low::<f::Div, Sd, M64>(form),
        Sqrtps | Vsqrtps => whole::<f::Sqrt, Ps>(form),
        Sqrtpd | Vsqrtpd => whole::<f::Sqrt, Pd>(form),
        Sqrtss | Vsqrtss => low::<f::Sqrt, Ss, M32>(form),
        Sqrtsd | Vsqrtsd => low::<f::Sqrt, Sd, M64>(form),
        Rcpps | Vrcpps => packed::<Rcp<Ps>>(form),
        Rcpss | Vrcpss => packed_low::<Rcp<Ss>, M32>(form),
        Rsqrtps | Vrsqrtps => packed::<Rsqrt<Ps>>(form),
        Rsqrtss | Vrsqrtss => packed_low::<Rsqrt<Ss>, M32>(form),

        Haddps | Vhaddps => numeric::<Horizontal<f::Add, Ps>>(form),
        Haddpd | Vhaddpd => numeric::<Horizontal<f::Add, Pd>>(form),
        Hsubps | Vhsubps => numeric::<Horizontal<f::Sub, Ps>>(form),
        Hsubpd | Vhsubpd => numeric::<Horizontal<f::Sub, Pd>>(form),
        Addsubps | Vaddsubps => numeric::<Addsub<Ps>>(form),
        Addsubpd | Vaddsubpd => numeric::<Addsub<Pd>>(form),
        Dpps | Vdpps => numeric::<Dot<Ps>>(form),
        Dppd | Vdppd => numeric::<Dot<Pd>>(form),
        Roundps | Vroundps => numeric::<Round<Ps>>(form),
        Roundpd | Vroundpd => numeric::<Round<Pd>>(form),
        Roundss | Vroundss => numeric_low::<Round<Ss>, M32>(form),
        Roundsd | Vroundsd => numeric_low::<Round<Sd>, M64>(form),
        _ => None,
    }
}

// --- comparisons -----------------------------------------------------------------------------

fn comis<S: Format, M: Source, const QUIET_IS_INVALID: bool>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(comis_reg::<S, Legacy, QUIET_IS_INVALID>),
        (Legacy128, false) => chain(comis_mem::<S, M, Legacy, QUIET_IS_INVALID>),
        (_, true) => chain(comis_reg::<S, Vex128, QUIET_IS_INVALID>),
        (_, false) => chain(comis_mem::<S, M, Vex128, QUIET_IS_INVALID>),
    })
}

fn comparisons(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Minps | Vminps => numeric::<Min<Ps>>(form),
        Minpd | Vminpd => numeric::<Min<Pd>>(form),
        Minss | Vminss => numeric_low::<Min<Ss>, M32>(form),
        Minsd | Vminsd => numeric_low::<Min<Sd>, M64>(form),
        Maxps | Vmaxps => numeric::<Max<Ps>>(form),
        Maxpd | Vmaxpd => numeric::<Max<Pd>>(form),
        Maxss | Vmaxss => numeric_low::<Max<Ss>, M32>(form),
        Maxsd | Vmaxsd => numeric_low::<Max<Sd>, M64>(form),
        Cmpps => numeric::<m::Cmp<Ps, 8>>(form),
        Cmppd => numeric::<m::Cmp<Pd, 8>>(form),
        Cmpss => numeric_low::<m::Cmp<Ss, 8>, M32>(form),
        // The string instruction of this name has other operands.
        Cmpsd if form.first == Xmm => numeric_low::<m::Cmp<Sd, 8>, M64>(form),
        Vcmpps => numeric::<m::Cmp<Ps, 32>>(form),
        Vcmppd => numeric::<m::Cmp<Pd, 32>>(form),
        Vcmpss => numeric_low::<m::Cmp<Ss, 32>, M32>(form),
        Vcmpsd => numeric_low::<m::Cmp<Sd, 32>, M64>(form),
        Comiss | Vcomiss => comis::<Ss, M32, true>(form),
        Comisd | Vcomisd => comis::<Sd, M64, true>(form),
        Ucomiss | Vucomiss => comis::<Ss, M32, false>(form),
        Ucomisd | Vucomisd => comis::<Sd, M64, false>(form),
        _ => None,
    }
}

// --- conversions -----------------------------------------------------------------------------

fn between_formats(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Cvtss2sd | Vcvtss2sd => numeric_low::<c::Cvtss2sd, M32>(form),
        Cvtsd2ss | Vcvtsd2ss => numeric_low::<c::Cvtsd2ss, M64>(form),
        Cvtps2pd | Vcvtps2pd => widening::<c::Cvtps2pd, M64, U128, 64>(form),
        Cvtpd2ps | Vcvtpd2ps => narrowing::<c::Cvtpd2ps>(form),
        Cvtdq2pd | Vcvtdq2pd => widening::<c::Cvtdq2pd, M64, U128, 64>(form),
        Cvtdq2ps | Vcvtdq2ps => numeric::<c::Cvtdq2ps>(form),
        Cvtps2dq | Vcvtps2dq => numeric::<c::Cvtps2dq>(form),
        Cvttps2dq | Vcvttps2dq => numeric::<c::Cvttps2dq>(form),
        Cvtpd2dq | Vcvtpd2dq => narrowing::<c::Cvtpd2dq>(form),
        Cvttpd2dq | Vcvttpd2dq => narrowing::<c::Cvttpd2dq>(form),
        _ => None,
    }
}

/// From an integer of 32 (`N`) or 64 (`W`) bits; memory operands have the size that iced tells.
fn from_integer<N: Numeric, W: Numeric>(instruction: &Instruction, form: Form) -> Option<Handler> {
    let quad = form.last() == General64 || instruction.memory_size().size() == 8;
    Some(match (form.encoding, form.last() == Memory, quad) {
        (Legacy128, false, false) => chain(shape::from_general_reg::<N, u32, Legacy>),
        (Legacy128, false, true) => chain(shape::from_general_reg::<W, u64, Legacy>),
        (Legacy128, true, false) => chain(numeric_scalar_mem::<N, M32, Legacy>),
        (Legacy128, true, true) => chain(numeric_scalar_mem::<W, M64, Legacy>),
        (_, false, false) => chain(shape::from_general_reg::<N, u32, Vex128>),
        (_, false, true) => chain(shape::from_general_reg::<W, u64, Vex128>),
        (_, true, false) => chain(numeric_scalar_mem::<N, M32, Vex128>),
        (_, true, true) => chain(numeric_scalar_mem::<W, M64, Vex128>),
    })
}

/// To an integer of 32 (`N`) or 64 (`W`) bits.
fn to_integer<N: Numeric, W: Numeric, M: Source>(form: Form) -> Option<Handler> {
    match form.first {
        General32 => to_general::<N, u32, M>(form),
        General64 => to_general::<W, u64, M>(form),
        _ => None,
    }
}

fn to_general<O: Numeric, W: Word, M: Source>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(shape::to_general_reg::<O, W, Legacy>),
        (Legacy128, false) => chain(shape::to_general_mem::<O, W, M, Legacy>),
        (_, true) => chain(shape::to_general_reg::<O, W, Vex128>),
        (_, false) => chain(shape::to_general_mem::<O, W, M, Vex128>),
    })
}

fn integers(instruction: &Instruction, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Cvtsi2sd | Vcvtsi2sd => from_integer::<c::Cvtsi2sd32, c::Cvtsi2sd64>(instruction, form),
        Cvtsi2ss | Vcvtsi2ss => from_integer::<c::Cvtsi2ss32, c::Cvtsi2ss64>(instruction, form),
        Cvtsd2si | Vcvtsd2si => to_integer::<c::Cvtsd2si32, c::Cvtsd2si64, M64>(form),
        Cvttsd2si | Vcvttsd2si => to_integer::<c::Cvttsd2si32, c::Cvttsd2si64, M64>(form),
        Cvtss2si | Vcvtss2si => to_integer::<c::Cvtss2si32, c::Cvtss2si64, M32>(form),
        Cvttss2si | Vcvttss2si => to_integer::<c::Cvttss2si32, c::Cvttss2si64, M32>(form),
        _ => None,
    }
}

/// To an MMX register.
fn to_mm<O: Numeric, M: Source>(form: Form) -> Option<Handler> {
    match form.second {
        Xmm => Some(chain(mmx::from_xmm::<O>)),
        Memory => Some(chain(mmx::from_numbers::<O, M>)),
        _ => None,
    }
}

fn mmx_conversions(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use crate::exec::sse::M128;
    match mnemonic {
        Mnemonic::Cvtpi2ps if form.second == Mmx => Some(chain(mmx::to_xmm::<c::Cvtpi2ps>)),
        Mnemonic::Cvtpi2ps => Some(chain(numeric_scalar_mem::<c::Cvtpi2ps, M64, Legacy>)),
        Mnemonic::Cvtpi2pd if form.second == Mmx => Some(chain(mmx::to_xmm::<c::Cvtdq2pd>)),
        Mnemonic::Cvtpi2pd => Some(chain(numeric_scalar_mem::<c::Cvtdq2pd, M64, Legacy>)),
        Mnemonic::Cvtps2pi => to_mm::<c::Cvtps2pi, M64>(form),
        Mnemonic::Cvttps2pi => to_mm::<c::Cvttps2pi, M64>(form),
        Mnemonic::Cvtpd2pi => to_mm::<c::Cvtpd2dq, M128>(form),
        Mnemonic::Cvttpd2pi => to_mm::<c::Cvttpd2dq, M128>(form),
        _ => None,
    }
}
