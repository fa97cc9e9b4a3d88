//! MMX, SSE and AVX instructions to their handlers.
//!
//! An instruction with VEX shares its line with the one without, where there is one: the functions
//! here choose the handler by the encoding and the kinds of the operands.

mod crypto;
mod integers;
mod moves;
mod numbers;
mod wide;

use iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind, Register};

use crate::decode::chain::chain;
use crate::decode::lower::register_number;
use crate::decode::{Handler, Op};
use crate::exec::sse::shape::{numeric_mem, numeric_reg, numeric_scalar_mem, packed_mem, packed_reg};
use crate::exec::sse::{
    Legacy, M64, Numeric, Packed, Source, Unaligned, Vex128, Vex256, cache, mmx, moves as exec, shape, state,
};
use crate::state::gpr;

/// The handler of an MMX, SSE or AVX instruction; `None` for others.
pub fn lower(instruction: &Instruction, op: &mut Op) -> Option<Handler> {
    let form = Form::of(instruction)?;
    if form.encoding != Legacy128 && form.third == Other {
        // With two operands, the second is the last source: see `exec::sse::encoding`.
        op.aux = op.src;
    }
    if instruction.op_count() == 4 && instruction.op_kind(3) == OpKind::Register {
        op.imm = register_number(instruction.op_register(3)).into();
    }
    let mnemonic = instruction.mnemonic();
    integers::lower(mnemonic, form, op)
        .or_else(|| numbers::lower(instruction, form))
        .or_else(|| moves::lower(instruction, form))
        .or_else(|| wide::lower(instruction, form, op))
        .or_else(|| crypto::lower(mnemonic, form))
        .or_else(|| others(mnemonic, form, op))
}

/// The encoding, and the kinds of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    encoding: Encoded,
    first: Kind,
    second: Kind,
    /// Where it is no immediate; [`Other`] then.
    third: Kind,
    /// Whether an immediate follows the second operand or is it.
    immediate: bool,
}

/// An encoding with its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoded {
    Legacy128,
    Vex128Bit,
    Vex256Bit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Xmm,
    Ymm,
    Mmx,
    General32,
    General64,
    Memory,
    Other,
}

use Encoded::{Legacy128, Vex128Bit, Vex256Bit};
use Kind::{General32, General64, Memory, Mmx, Other, Xmm, Ymm};

impl Form {
    fn of(instruction: &Instruction) -> Option<Self> {
        let kind = |n| {
            if n >= instruction.op_count() {
                return Other;
            }
            match instruction.op_kind(n) {
                OpKind::Register => register_kind(instruction.op_register(n)),
                OpKind::Memory => Memory,
                _ => Other,
            }
        };
        let (first, second, third) = (kind(0), kind(1), kind(2));
        let wide = [first, second, third].contains(&Ymm) || instruction.memory_size().size() == 32;
        let encoding = match instruction.code().encoding() {
            EncodingKind::Legacy => Legacy128,
            EncodingKind::VEX if wide => Vex256Bit,
            EncodingKind::VEX => Vex128Bit,
            _ => return None,
        };
        let last = instruction.op_count().checked_sub(1);
        let immediate = last.is_some_and(|last| instruction.op_kind(last) == OpKind::Immediate8);
        Some(Self { encoding, first, second, third, immediate })
    }

    /// The last operand that is a register or memory.
    fn last(self) -> Kind {
        if self.third == Other { self.second } else { self.third }
    }

    /// Whether the last source is a register; `None` if it is something else than a vector.
    fn last_is_register(self) -> Option<bool> {
        match self.last() {
            Xmm | Ymm => Some(true),
            Memory => Some(false),
            _ => None,
        }
    }
}

fn register_kind(register: Register) -> Kind {
    if register.is_xmm() {
        Xmm
    } else if register.is_ymm() {
        Ymm
    } else if register.is_mm() {
        Mmx
    } else if register.is_gpr32() {
        General32
    } else if register.is_gpr64() {
        General64
    } else {
        Other
    }
}

// --- operand forms ---------------------------------------------------------------------------

/// A packed operation on whole registers.
fn packed<O: Packed<u128>>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(packed_reg::<O, Legacy>),
        (Legacy128, false) => chain(packed_mem::<O, Legacy>),
        (Vex128Bit, true) => chain(packed_reg::<O, Vex128>),
        (Vex128Bit, false) => chain(packed_mem::<O, Vex128>),
        (Vex256Bit, true) => chain(packed_reg::<O, Vex256>),
        (Vex256Bit, false) => chain(packed_mem::<O, Vex256>),
    })
}

/// A packed operation on MMX registers too.
fn packed_or_mmx<O: Packed<u64> + Packed<u128>>(form: Form) -> Option<Handler> {
    match form.first {
        Mmx => mm::<O, M64>(form),
        _ => packed::<O>(form),
    }
}

/// A packed operation on MMX registers, with a memory operand of kind `M`.
fn mm<O: Packed<u64>, M: Source>(form: Form) -> Option<Handler> {
    match (form.first, form.second) {
        (Mmx, Mmx) => Some(chain(mmx::packed_reg::<O>)),
        (Mmx, Memory) => Some(chain(mmx::packed_mem::<O, M>)),
        _ => None,
    }
}

/// A packed operation of 128 bits that exists in registers or with a memory operand of kind `M`.
fn packed_low<O: Packed<u128>, M: Source>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(packed_reg::<O, Legacy>),
        (Legacy128, false) => chain(shape::packed_scalar_mem::<O, M, Legacy>),
        (_, true) => chain(packed_reg::<O, Vex128>),
        (_, false) => chain(shape::packed_scalar_mem::<O, M, Vex128>),
    })
}

/// A whole-register operation without a form of 256 bits.
fn packed_128<O: Packed<u128>>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(packed_reg::<O, Legacy>),
        (Legacy128, false) => chain(packed_mem::<O, Legacy>),
        (_, true) => chain(packed_reg::<O, Vex128>),
        (_, false) => chain(packed_mem::<O, Vex128>),
    })
}

/// An operation under MXCSR on whole registers.
fn numeric<O: Numeric>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(numeric_reg::<O, Legacy>),
        (Legacy128, false) => chain(numeric_mem::<O, Legacy>),
        (Vex128Bit, true) => chain(numeric_reg::<O, Vex128>),
        (Vex128Bit, false) => chain(numeric_mem::<O, Vex128>),
        (Vex256Bit, true) => chain(numeric_reg::<O, Vex256>),
        (Vex256Bit, false) => chain(numeric_mem::<O, Vex256>),
    })
}

/// An operation under MXCSR on 128 bits, with a memory operand of kind `M`.
fn numeric_low<O: Numeric, M: Source>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(numeric_reg::<O, Legacy>),
        (Legacy128, false) => chain(numeric_scalar_mem::<O, M, Legacy>),
        (_, true) => chain(numeric_reg::<O, Vex128>),
        (_, false) => chain(numeric_scalar_mem::<O, M, Vex128>),
    })
}

/// An operation that makes 128 bits of the `BITS` low bits of a source, which memory has alone
/// (`M`); YMM registers are made of twice as many (`W`).
fn widening<O: Numeric, M: Source, W: Source, const BITS: usize>(form: Form) -> Option<Handler> {
    match (form.encoding, form.last_is_register()?) {
        (Vex256Bit, true) => Some(chain(shape::widen_reg::<O, BITS>)),
        (Vex256Bit, false) => Some(chain(shape::widen_mem::<O, W, BITS>)),
        _ => numeric_low::<O, M>(form),
    }
}

/// An operation that makes 64 bits of each 128.
fn narrowing<O: Numeric>(form: Form) -> Option<Handler> {
    match (form.encoding, form.last_is_register()?) {
        (Vex256Bit, true) => Some(chain(shape::narrow_reg::<O>)),
        (Vex256Bit, false) => Some(chain(shape::narrow_mem::<O>)),
        _ => numeric::<O>(form),
    }
}

/// 16 bytes without alignment.
type U128 = Unaligned<u128>;

// --- state and caches ------------------------------------------------------------------------

fn others(mnemonic: Mnemonic, form: Form, op: &mut Op) -> Option<Handler> {
    if form.encoding != Legacy128 {
        return match mnemonic {
            Mnemonic::Vmaskmovdqu => {
                op.base = gpr::RDI;
                Some(chain(exec::maskmovdqu::<Vex128>))
            }
            Mnemonic::Vldmxcsr => Some(chain(exec::ldmxcsr::<Vex128>)),
            Mnemonic::Vstmxcsr => Some(chain(exec::stmxcsr::<Vex128>)),
            _ => None,
        };
    }
    match mnemonic {
        Mnemonic::Maskmovdqu => {
            op.base = gpr::RDI;
            Some(chain(exec::maskmovdqu::<Legacy>))
        }
        Mnemonic::Maskmovq => {
            op.base = gpr::RDI;
            Some(chain(mmx::maskmovq))
        }
        Mnemonic::Emms => Some(chain(mmx::emms)),
        Mnemonic::Ldmxcsr => Some(chain(exec::ldmxcsr::<Legacy>)),
        Mnemonic::Stmxcsr => Some(chain(exec::stmxcsr::<Legacy>)),
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
