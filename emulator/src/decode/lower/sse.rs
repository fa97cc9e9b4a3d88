//! MMX, SSE and SSE2 instructions to their handlers.

use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};

use crate::decode::chain::chain;
use crate::decode::{Handler, Op};
use crate::exec::sse::compare::{Cmp, Max, Min, comis_mem, comis_reg};
use crate::exec::sse::float::{Add, Arithmetic, Div, Format, Mul, Pd, Ps, Sd, Sqrt, Ss, Sub};
use crate::exec::sse::{
    M32, M64, M128, Numeric, Packed, Rcp, Rsqrt, Source, Unaligned, cache, convert as c, float, integer as i,
    mmx, moves, numeric_mem, numeric_reg, packed_imm, packed_mem, packed_reg, shuffle as s, state,
};
use crate::exec::{Word, sse};
use crate::state::gpr;

/// The handler of an MMX, SSE or SSE2 instruction; `None` for others.
pub fn lower(instruction: &Instruction, op: &mut Op) -> Option<Handler> {
    let form = Form::of(instruction);
    integers(instruction, form)
        .or_else(|| numbers(instruction, form))
        .or_else(|| conversions(instruction, form))
        .or_else(|| moves(instruction, form))
        .or_else(|| others(instruction, op))
}

/// The kinds of the first two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    first: Kind,
    second: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Xmm,
    Mmx,
    General32,
    General64,
    Memory,
    Immediate,
    Other,
}

use Kind::{General32, General64, Immediate, Memory, Mmx, Xmm};

impl Form {
    fn of(instruction: &Instruction) -> Self {
        let kind = |n| {
            if n >= instruction.op_count() {
                return Kind::Other;
            }
            match instruction.op_kind(n) {
                OpKind::Register => register_kind(instruction.op_register(n)),
                OpKind::Memory => Memory,
                OpKind::Immediate8 => Immediate,
                _ => Kind::Other,
            }
        };
        Self { first: kind(0), second: kind(1) }
    }
}

fn register_kind(register: Register) -> Kind {
    if register.is_xmm() {
        Xmm
    } else if register.is_mm() {
        Mmx
    } else if register.is_gpr32() {
        General32
    } else if register.is_gpr64() {
        General64
    } else {
        Kind::Other
    }
}

// --- integers and shuffles -------------------------------------------------------------------

/// An operation on MMX and XMM registers, in the form that the operands have.
fn both<O: Packed<u64> + Packed<u128>>(form: Form) -> Option<Handler> {
    match form.first {
        Mmx => mm::<O, M64>(form),
        _ => xmm::<O>(form),
    }
}

/// As [`both`], but the MMX form reads 4 bytes of memory.
fn unpack_low<O: Packed<u64> + Packed<u128>>(form: Form) -> Option<Handler> {
    match form.first {
        Mmx => mm::<O, M32>(form),
        _ => xmm::<O>(form),
    }
}

/// A shift by a register, memory or immediate.
fn shift<O: Packed<u64> + Packed<u128>>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Mmx, Immediate) => Some(chain(mmx::packed_imm::<O>)),
        (Xmm, Immediate) => Some(chain(packed_imm::<O>)),
        _ => both::<O>(form),
    }
}

fn xmm<O: Packed<u128>>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Xmm, Xmm) => Some(chain(packed_reg::<O>)),
        (Xmm, Memory) => Some(chain(packed_mem::<O>)),
        _ => None,
    }
}

fn mm<O: Packed<u64>, M: Source>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Mmx, Mmx) => Some(chain(mmx::packed_reg::<O>)),
        (Mmx, Memory) => Some(chain(mmx::packed_mem::<O, M>)),
        _ => None,
    }
}

fn integers(instruction: &Instruction, form: Form) -> Option<Handler> {
    match instruction.mnemonic() {
        Mnemonic::Pand => both::<i::Pand>(form),
        Mnemonic::Pandn => both::<i::Pandn>(form),
        Mnemonic::Por => both::<i::Por>(form),
        Mnemonic::Pxor => both::<i::Pxor>(form),
        Mnemonic::Andps | Mnemonic::Andpd => xmm::<i::Pand>(form),
        Mnemonic::Andnps | Mnemonic::Andnpd => xmm::<i::Pandn>(form),
        Mnemonic::Orps | Mnemonic::Orpd => xmm::<i::Por>(form),
        Mnemonic::Xorps | Mnemonic::Xorpd => xmm::<i::Pxor>(form),

        Mnemonic::Paddb => both::<i::Paddb>(form),
        Mnemonic::Paddw => both::<i::Paddw>(form),
        Mnemonic::Paddd => both::<i::Paddd>(form),
        Mnemonic::Paddq => both::<i::Paddq>(form),
        Mnemonic::Paddsb => both::<i::Paddsb>(form),
        Mnemonic::Paddsw => both::<i::Paddsw>(form),
        Mnemonic::Paddusb => both::<i::Paddusb>(form),
        Mnemonic::Paddusw => both::<i::Paddusw>(form),
        Mnemonic::Psubb => both::<i::Psubb>(form),
        Mnemonic::Psubw => both::<i::Psubw>(form),
        Mnemonic::Psubd => both::<i::Psubd>(form),
        Mnemonic::Psubq => both::<i::Psubq>(form),
        Mnemonic::Psubsb => both::<i::Psubsb>(form),
        Mnemonic::Psubsw => both::<i::Psubsw>(form),
        Mnemonic::Psubusb => both::<i::Psubusb>(form),
        Mnemonic::Psubusw => both::<i::Psubusw>(form),

        Mnemonic::Pmullw => both::<i::Pmullw>(form),
        Mnemonic::Pmulhw => both::<i::Pmulhw>(form),
        Mnemonic::Pmulhuw => both::<i::Pmulhuw>(form),
        Mnemonic::Pmuludq => both::<i::Pmuludq>(form),
        Mnemonic::Pmaddwd => both::<i::Pmaddwd>(form),
        Mnemonic::Psadbw => both::<i::Psadbw>(form),
        Mnemonic::Pavgb => both::<i::Pavgb>(form),
        Mnemonic::Pavgw => both::<i::Pavgw>(form),
        Mnemonic::Pmaxsw => both::<i::Pmaxsw>(form),
        Mnemonic::Pmaxub => both::<i::Pmaxub>(form),
        Mnemonic::Pminsw => both::<i::Pminsw>(form),
        Mnemonic::Pminub => both::<i::Pminub>(form),

        Mnemonic::Pcmpeqb => both::<i::Pcmpeqb>(form),
        Mnemonic::Pcmpeqw => both::<i::Pcmpeqw>(form),
        Mnemonic::Pcmpeqd => both::<i::Pcmpeqd>(form),
        Mnemonic::Pcmpgtb => both::<i::Pcmpgtb>(form),
        Mnemonic::Pcmpgtw => both::<i::Pcmpgtw>(form),
        Mnemonic::Pcmpgtd => both::<i::Pcmpgtd>(form),

        Mnemonic::Psllw => shift::<i::Psllw>(form),
        Mnemonic::Pslld => shift::<i::Pslld>(form),
        Mnemonic::Psllq => shift::<i::Psllq>(form),
        Mnemonic::Psrlw => shift::<i::Psrlw>(form),
        Mnemonic::Psrld => shift::<i::Psrld>(form),
        Mnemonic::Psrlq => shift::<i::Psrlq>(form),
        Mnemonic::Psraw => shift::<i::Psraw>(form),
        Mnemonic::Psrad => shift::<i::Psrad>(form),
        Mnemonic::Pslldq => Some(chain(packed_imm::<s::Pslldq>)),
        Mnemonic::Psrldq => Some(chain(packed_imm::<s::Psrldq>)),

        Mnemonic::Packsswb => both::<i::Packsswb>(form),
        Mnemonic::Packssdw => both::<i::Packssdw>(form),
        Mnemonic::Packuswb => both::<i::Packuswb>(form),
        Mnemonic::Punpcklbw => unpack_low::<i::Punpcklbw>(form),
        Mnemonic::Punpcklwd => unpack_low::<i::Punpcklwd>(form),
        Mnemonic::Punpckldq => unpack_low::<i::Punpckldq>(form),
        Mnemonic::Punpckhbw => both::<i::Punpckhbw>(form),
        Mnemonic::Punpckhwd => both::<i::Punpckhwd>(form),
        Mnemonic::Punpckhdq => both::<i::Punpckhdq>(form),
        Mnemonic::Unpcklps => xmm::<i::Punpckldq>(form),
        Mnemonic::Unpckhps => xmm::<i::Punpckhdq>(form),
        Mnemonic::Punpcklqdq | Mnemonic::Unpcklpd | Mnemonic::Movlhps => xmm::<s::Punpcklqdq>(form),
        Mnemonic::Punpckhqdq | Mnemonic::Unpckhpd => xmm::<s::Punpckhqdq>(form),
        Mnemonic::Movhlps => xmm::<s::Movhlps>(form),
        Mnemonic::Pshufd => xmm::<s::Pshufd>(form),
        Mnemonic::Pshuflw => xmm::<s::Pshuflw>(form),
        Mnemonic::Pshufhw => xmm::<s::Pshufhw>(form),
        Mnemonic::Pshufw => mm::<s::Pshufw, M64>(form),
        Mnemonic::Shufps => xmm::<s::Shufps>(form),
        Mnemonic::Shufpd => xmm::<s::Shufpd>(form),
        _ => None,
    }
}

// --- arithmetic and comparisons --------------------------------------------------------------

/// An operation under MXCSR with a memory operand of kind `M`.
fn numeric<O: Numeric, M: Source>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Xmm, Xmm) => Some(chain(numeric_reg::<O>)),
        (Xmm, Memory) => Some(chain(numeric_mem::<O, M>)),
        _ => None,
    }
}

fn arithmetic<A: Arithmetic, S: Format, M: Source>(form: Form) -> Option<Handler> {
    numeric::<float::Instruction<A, S>, M>(form)
}

/// An operation that does not look at MXCSR, on the low single.
fn scalar_single<O: Packed<u128>>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Xmm, Xmm) => Some(chain(packed_reg::<O>)),
        (Xmm, Memory) => Some(chain(sse::packed_scalar_mem::<O, M32>)),
        _ => None,
    }
}

fn comis<S: Format, M: Source, const QUIET_IS_INVALID: bool>(form: Form) -> Option<Handler> {
    match form.second {
        Xmm => Some(chain(comis_reg::<S, QUIET_IS_INVALID>)),
        Memory => Some(chain(comis_mem::<S, M, QUIET_IS_INVALID>)),
        _ => None,
    }
}

fn numbers(instruction: &Instruction, form: Form) -> Option<Handler> {
    match instruction.mnemonic() {
        Mnemonic::Addps => arithmetic::<Add, Ps, M128>(form),
        Mnemonic::Addpd => arithmetic::<Add, Pd, M128>(form),
        Mnemonic::Addss => arithmetic::<Add, Ss, M32>(form),
        Mnemonic::Addsd => arithmetic::<Add, Sd, M64>(form),
        Mnemonic::Subps => arithmetic::<Sub, Ps, M128>(form),
        Mnemonic::Subpd => arithmetic::<Sub, Pd, M128>(form),
        Mnemonic::Subss => arithmetic::<Sub, Ss, M32>(form),
        Mnemonic::Subsd => arithmetic::<Sub, Sd, M64>(form),
        Mnemonic::Mulps => arithmetic::<Mul, Ps, M128>(form),
        Mnemonic::Mulpd => arithmetic::<Mul, Pd, M128>(form),
        Mnemonic::Mulss => arithmetic::<Mul, Ss, M32>(form),
        Mnemonic::Mulsd => arithmetic::<Mul, Sd, M64>(form),
        Mnemonic::Divps => arithmetic::<Div, Ps, M128>(form),
        Mnemonic::Divpd => arithmetic::<Div, Pd, M128>(form),
        Mnemonic::Divss => arithmetic::<Div, Ss, M32>(form),
        Mnemonic::Divsd => arithmetic::<Div, Sd, M64>(form),
        Mnemonic::Sqrtps => arithmetic::<Sqrt, Ps, M128>(form),
        Mnemonic::Sqrtpd => arithmetic::<Sqrt, Pd, M128>(form),
        Mnemonic::Sqrtss => arithmetic::<Sqrt, Ss, M32>(form),
        Mnemonic::Sqrtsd => arithmetic::<Sqrt, Sd, M64>(form),
        Mnemonic::Rcpps => xmm::<Rcp<Ps>>(form),
        Mnemonic::Rcpss => scalar_single::<Rcp<Ss>>(form),
        Mnemonic::Rsqrtps => xmm::<Rsqrt<Ps>>(form),
        Mnemonic::Rsqrtss => scalar_single::<Rsqrt<Ss>>(form),

        Mnemonic::Minps => numeric::<Min<Ps>, M128>(form),
        Mnemonic::Minpd => numeric::<Min<Pd>, M128>(form),
        Mnemonic::Minss => numeric::<Min<Ss>, M32>(form),
        Mnemonic::Minsd => numeric::<Min<Sd>, M64>(form),
        Mnemonic::Maxps => numeric::<Max<Ps>, M128>(form),
        Mnemonic::Maxpd => numeric::<Max<Pd>, M128>(form),
        Mnemonic::Maxss => numeric::<Max<Ss>, M32>(form),
        Mnemonic::Maxsd => numeric::<Max<Sd>, M64>(form),
        Mnemonic::Cmpps => numeric::<Cmp<Ps>, M128>(form),
        Mnemonic::Cmppd => numeric::<Cmp<Pd>, M128>(form),
        Mnemonic::Cmpss => numeric::<Cmp<Ss>, M32>(form),
        // The string instruction of this name has other operands.
        Mnemonic::Cmpsd if form.first == Xmm => numeric::<Cmp<Sd>, M64>(form),
        Mnemonic::Comiss => comis::<Ss, M32, true>(form),
        Mnemonic::Comisd => comis::<Sd, M64, true>(form),
        Mnemonic::Ucomiss => comis::<Ss, M32, false>(form),
        Mnemonic::Ucomisd => comis::<Sd, M64, false>(form),
        _ => None,
    }
}

// --- conversions -----------------------------------------------------------------------------

/// From an integer of 32 (`N`) or 64 (`W`) bits; memory operands have the size that iced tells.
fn from_integer<N: Numeric, W: Numeric>(instruction: &Instruction, form: Form) -> Option<Handler> {
    match form.second {
        General32 => Some(chain(sse::from_general_reg::<N, u32>)),
        General64 => Some(chain(sse::from_general_reg::<W, u64>)),
        Memory if instruction.memory_size().size() == 8 => Some(chain(numeric_mem::<W, M64>)),
        Memory => Some(chain(numeric_mem::<N, M32>)),
        _ => None,
    }
}

/// To an integer of 32 (`N`) or 64 (`W`) bits.
fn to_integer<N: Numeric, W: Numeric, M: Source>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (General32, Xmm) => Some(chain(sse::to_general_reg::<N, u32>)),
        (General64, Xmm) => Some(chain(sse::to_general_reg::<W, u64>)),
        (General32, Memory) => Some(chain(sse::to_general_mem::<N, u32, M>)),
        (General64, Memory) => Some(chain(sse::to_general_mem::<W, u64, M>)),
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

fn conversions(instruction: &Instruction, form: Form) -> Option<Handler> {
    match instruction.mnemonic() {
        Mnemonic::Cvtss2sd => numeric::<c::Cvtss2sd, M32>(form),
        Mnemonic::Cvtsd2ss => numeric::<c::Cvtsd2ss, M64>(form),
        Mnemonic::Cvtps2pd => numeric::<c::Cvtps2pd, M64>(form),
        Mnemonic::Cvtpd2ps => numeric::<c::Cvtpd2ps, M128>(form),
        Mnemonic::Cvtdq2pd => numeric::<c::Cvtdq2pd, M64>(form),
        Mnemonic::Cvtdq2ps => numeric::<c::Cvtdq2ps, M128>(form),
        Mnemonic::Cvtps2dq => numeric::<c::Cvtps2dq, M128>(form),
        Mnemonic::Cvttps2dq => numeric::<c::Cvttps2dq, M128>(form),
        Mnemonic::Cvtpd2dq => numeric::<c::Cvtpd2dq, M128>(form),
        Mnemonic::Cvttpd2dq => numeric::<c::Cvttpd2dq, M128>(form),

        Mnemonic::Cvtsi2sd => from_integer::<c::Cvtsi2sd32, c::Cvtsi2sd64>(instruction, form),
        Mnemonic::Cvtsi2ss => from_integer::<c::Cvtsi2ss32, c::Cvtsi2ss64>(instruction, form),
        Mnemonic::Cvtsd2si => to_integer::<c::Cvtsd2si32, c::Cvtsd2si64, M64>(form),
        Mnemonic::Cvttsd2si => to_integer::<c::Cvttsd2si32, c::Cvttsd2si64, M64>(form),
        Mnemonic::Cvtss2si => to_integer::<c::Cvtss2si32, c::Cvtss2si64, M32>(form),
        Mnemonic::Cvttss2si => to_integer::<c::Cvttss2si32, c::Cvttss2si64, M32>(form),

        Mnemonic::Cvtpi2ps if form.second == Mmx => Some(chain(mmx::to_xmm::<c::Cvtpi2ps>)),
        Mnemonic::Cvtpi2ps => Some(chain(numeric_mem::<c::Cvtpi2ps, M64>)),
        Mnemonic::Cvtpi2pd if form.second == Mmx => Some(chain(mmx::to_xmm::<c::Cvtdq2pd>)),
        Mnemonic::Cvtpi2pd => Some(chain(numeric_mem::<c::Cvtdq2pd, M64>)),
        Mnemonic::Cvtps2pi => to_mm::<c::Cvtps2pi, M64>(form),
        Mnemonic::Cvttps2pi => to_mm::<c::Cvttps2pi, M64>(form),
        Mnemonic::Cvtpd2pi => to_mm::<c::Cvtpd2dq, M128>(form),
        Mnemonic::Cvttpd2pi => to_mm::<c::Cvttpd2dq, M128>(form),
        _ => None,
    }
}

// --- moves -----------------------------------------------------------------------------------

/// MOVD and MOVQ with the operand size `W`, read from memory by `M`.
fn move_general<W: Word, M: Source>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Xmm, General32 | General64) => Some(chain(moves::from_general::<W>)),
        (General32 | General64, Xmm) => Some(chain(moves::to_general::<W>)),
        (Xmm, Xmm) => Some(chain(moves::low_64_zero)),
        (Xmm, Memory) => Some(chain(moves::load::<M>)),
        (Memory, Xmm) if W::BITS == 64 => Some(chain(moves::store_64)),
        (Memory, Xmm) => Some(chain(moves::store_32)),
        (Mmx, General32 | General64) => Some(chain(mmx::from_general::<W>)),
        (General32 | General64, Mmx) => Some(chain(mmx::to_general::<W>)),
        (Mmx, Mmx) => Some(chain(mmx::whole)),
        (Mmx, Memory) => Some(chain(mmx::load::<M>)),
        (Memory, Mmx) => Some(chain(mmx::store::<W>)),
        _ => None,
    }
}

/// A move whose forms are register to register, memory to register, register to memory.
fn three(form: Form, register: Handler, load: Handler, store: Handler) -> Option<Handler> {
    match (form.first, form.second) {
        (Xmm, Xmm) => Some(register),
        (Xmm, Memory) => Some(load),
        (Memory, Xmm) => Some(store),
        _ => None,
    }
}

fn moves(instruction: &Instruction, form: Form) -> Option<Handler> {
    match instruction.mnemonic() {
        Mnemonic::Movaps | Mnemonic::Movapd | Mnemonic::Movdqa => {
            three(form, chain(moves::whole), chain(moves::load::<M128>), chain(moves::store_aligned))
        }
        Mnemonic::Movups | Mnemonic::Movupd | Mnemonic::Movdqu => {
            three(form, chain(moves::whole), chain(moves::load::<Unaligned<u128>>), chain(moves::store_128))
        }
        Mnemonic::Movss => {
            three(form, chain(moves::low_32), chain(moves::load::<M32>), chain(moves::store_32))
        }
        // The string instruction of this name has other operands.
        Mnemonic::Movsd => {
            three(form, chain(moves::low_64), chain(moves::load::<M64>), chain(moves::store_64))
        }
        Mnemonic::Movd => move_general::<u32, M32>(form),
        Mnemonic::Movq => move_general::<u64, M64>(form),
        Mnemonic::Movlps | Mnemonic::Movlpd => match form.first {
            Xmm => Some(chain(moves::load_low)),
            _ => Some(chain(moves::store_64)),
        },
        Mnemonic::Movhps | Mnemonic::Movhpd => match form.first {
            Xmm => Some(chain(moves::load_high)),
            _ => Some(chain(moves::store_high)),
        },
        Mnemonic::Movntps | Mnemonic::Movntpd | Mnemonic::Movntdq => Some(chain(moves::store_aligned)),
        Mnemonic::Movntq => Some(chain(mmx::store::<u64>)),
        Mnemonic::Movnti if form.second == General64 => Some(chain(moves::movnti::<u64>)),
        Mnemonic::Movnti => Some(chain(moves::movnti::<u32>)),
        Mnemonic::Movdq2q => Some(chain(mmx::movdq2q)),
        Mnemonic::Movq2dq => Some(chain(mmx::movq2dq)),
        Mnemonic::Movmskps => Some(chain(moves::movmskps)),
        Mnemonic::Movmskpd => Some(chain(moves::movmskpd)),
        Mnemonic::Pmovmskb if form.second == Mmx => Some(chain(mmx::pmovmskb)),
        Mnemonic::Pmovmskb => Some(chain(moves::pmovmskb)),
        Mnemonic::Pinsrw => match (form.first, form.second) {
            (Mmx, Memory) => Some(chain(mmx::pinsrw_mem)),
            (Mmx, _) => Some(chain(mmx::pinsrw_reg)),
            (_, Memory) => Some(chain(moves::pinsrw_mem)),
            _ => Some(chain(moves::pinsrw_reg)),
        },
        // The form to memory is of SSE4.1, and so is its encoding with a register there.
        Mnemonic::Pextrw => match instruction.code() {
            Code::Pextrw_r32_mm_imm8 | Code::Pextrw_r64_mm_imm8 => Some(chain(mmx::pextrw)),
            Code::Pextrw_r32_xmm_imm8 | Code::Pextrw_r64_xmm_imm8 => Some(chain(moves::pextrw)),
            _ => None,
        },
        _ => None,
    }
}

// --- state and caches ------------------------------------------------------------------------

fn others(instruction: &Instruction, op: &mut Op) -> Option<Handler> {
    match instruction.mnemonic() {
        Mnemonic::Maskmovdqu => {
            op.base = gpr::RDI;
            Some(chain(moves::maskmovdqu))
        }
        Mnemonic::Maskmovq => {
            op.base = gpr::RDI;
            Some(chain(mmx::maskmovq))
        }
        Mnemonic::Emms => Some(chain(mmx::emms)),
        Mnemonic::Ldmxcsr => Some(chain(moves::ldmxcsr)),
        Mnemonic::Stmxcsr => Some(chain(moves::stmxcsr)),
        Mnemonic::Fxsave => Some(chain(state::fxsave::<false>)),
        Mnemonic::Fxsave64 => Some(chain(state::fxsave::<true>)),
        Mnemonic::Fxrstor => Some(chain(state::fxrstor::<false>)),
        Mnemonic::Fxrstor64 => Some(chain(state::fxrstor::<true>)),
        Mnemonic::Clflush => Some(chain(cache::clflush)),
        Mnemonic::Sfence
        | Mnemonic::Lfence
        | Mnemonic::Mfence
        | Mnemonic::Prefetchnta
        | Mnemonic::Prefetcht0
        | Mnemonic::Prefetcht1
        | Mnemonic::Prefetcht2
        | Mnemonic::Prefetch
        | Mnemonic::Prefetchw
        | Mnemonic::Prefetchwt1
        | Mnemonic::Prefetchit0
        | Mnemonic::Prefetchit1 => Some(chain(cache::nothing)),
        _ => None,
    }
}
