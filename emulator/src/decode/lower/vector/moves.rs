//! Moves between vector registers, general registers and memory.

use iced_x86::{Instruction, Mnemonic};

use super::*;
use crate::exec::Word;
use crate::exec::sse::insert::{self as lane, Insert};
use crate::exec::sse::{M8, M16, M32, moves, shuffle as s};

/// Chooses by the encoding: `encoded!(form, path::<…>)` is that handler for it.
macro_rules! encoded {
    ($form:expr, $($handler:ident)::+ $(::<$type:ty>)?) => {
        match $form.encoding {
            Legacy128 => chain($($handler)::+::<$($type,)? Legacy>),
            Vex128Bit => chain($($handler)::+::<$($type,)? Vex128>),
            Vex256Bit => chain($($handler)::+::<$($type,)? Vex256>),
        }
    };
}

/// The handler of a move; `None` for others.
pub fn lower(instruction: &Instruction, form: Form) -> Option<Handler> {
    let mnemonic = instruction.mnemonic();
    whole(mnemonic, form)
        .or_else(|| parts(mnemonic, form))
        .or_else(|| general(mnemonic, form))
        .or_else(|| lanes(instruction, form))
        .or_else(|| mmx_moves(mnemonic))
}

fn whole(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    let registers = form.first != Memory && form.second != Memory;
    let load = form.second == Memory;
    Some(match mnemonic {
        Movaps | Movapd | Movdqa | Vmovaps | Vmovapd | Vmovdqa | Movups | Movupd | Movdqu | Vmovups
        | Vmovupd | Vmovdqu
            if registers =>
        {
            encoded!(form, moves::whole)
        }
        Movaps | Movapd | Movdqa | Vmovaps | Vmovapd | Vmovdqa if load => {
            encoded!(form, moves::load_aligned)
        }
        Movntdqa | Vmovntdqa => encoded!(form, moves::load_aligned),
        Movups | Movupd | Movdqu | Vmovups | Vmovupd | Vmovdqu if load => encoded!(form, moves::load),
        Lddqu | Vlddqu => encoded!(form, moves::load),
        Movaps | Movapd | Movdqa | Vmovaps | Vmovapd | Vmovdqa => encoded!(form, moves::store_aligned),
        Movntps | Movntpd | Movntdq | Vmovntps | Vmovntpd | Vmovntdq => {
            encoded!(form, moves::store_aligned)
        }
        Movups | Movupd | Movdqu | Vmovups | Vmovupd | Vmovdqu => encoded!(form, moves::store),
        _ => return None,
    })
}

/// A load that clears the rest of the register.
fn load_low<M: Source>(form: Form) -> Option<Handler> {
    Some(match form.encoding {
        Legacy128 => chain(moves::load_low::<M, Legacy>),
        _ => chain(moves::load_low::<M, Vex128>),
    })
}

fn store_low<W: Word>(form: Form) -> Option<Handler> {
    Some(match form.encoding {
        Legacy128 => chain(moves::store_low::<W, Legacy>),
        _ => chain(moves::store_low::<W, Vex128>),
    })
}

/// Parts of registers.
fn parts(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match (mnemonic, form.first, form.last()) {
        (Movss | Vmovss, Xmm, Memory) => load_low::<M32>(form),
        (Movss | Vmovss, Xmm, _) => packed_128::<s::Movss>(form),
        (Movss | Vmovss, Memory, _) => store_low::<u32>(form),
        // The string instruction of this name has other operands.
        (Movsd | Vmovsd, Xmm, Memory) => load_low::<M64>(form),
        (Movsd | Vmovsd, Xmm, _) => packed_128::<s::Movsd>(form),
        (Movsd | Vmovsd, Memory, Xmm) => store_low::<u64>(form),
        (Movlps | Movlpd | Vmovlps | Vmovlpd, Xmm, _) => packed_low::<s::Movsd, M64>(form),
        (Movlps | Movlpd | Vmovlps | Vmovlpd, ..) => store_low::<u64>(form),
        (Movhps | Movhpd | Vmovhps | Vmovhpd, Xmm, _) => packed_low::<s::Punpcklqdq, M64>(form),
        (Movhps | Movhpd | Vmovhps | Vmovhpd, ..) => Some(match form.encoding {
            Legacy128 => chain(moves::store_high::<Legacy>),
            _ => chain(moves::store_high::<Vex128>),
        }),
        _ => None,
    }
}

/// MOVD and MOVQ with the operand size `W`, read from memory by `M`.
fn move_general<W: Word, M: Source>(form: Form) -> Option<Handler> {
    let legacy = form.encoding == Legacy128;
    match (form.first, form.second) {
        (Xmm, General32 | General64) if legacy => Some(chain(moves::from_general::<W, Legacy>)),
        (Xmm, General32 | General64) => Some(chain(moves::from_general::<W, Vex128>)),
        (General32 | General64, Xmm) if legacy => Some(chain(moves::to_general::<W, Legacy>)),
        (General32 | General64, Xmm) => Some(chain(moves::to_general::<W, Vex128>)),
        (Xmm, Xmm) => packed_128::<s::Movq>(form),
        (Xmm, Memory) => load_low::<M>(form),
        (Memory, Xmm) => store_low::<W>(form),
        (Mmx, General32 | General64) => Some(chain(mmx::from_general::<W>)),
        (General32 | General64, Mmx) => Some(chain(mmx::to_general::<W>)),
        (Mmx, Mmx) => Some(chain(mmx::whole)),
        (Mmx, Memory) => Some(chain(mmx::load::<M>)),
        (Memory, Mmx) => Some(chain(mmx::store::<W>)),
        _ => None,
    }
}

/// To and from general registers.
fn general(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Movd | Vmovd => move_general::<u32, M32>(form),
        Movq | Vmovq => move_general::<u64, M64>(form),
        Movmskps | Vmovmskps => Some(encoded!(form, moves::movmskps)),
        Movmskpd | Vmovmskpd => Some(encoded!(form, moves::movmskpd)),
        Pmovmskb if form.second == Mmx => Some(chain(mmx::pmovmskb)),
        Pmovmskb | Vpmovmskb => Some(encoded!(form, moves::pmovmskb)),
        Movnti if form.second == General64 => Some(chain(moves::movnti::<u64>)),
        Movnti => Some(chain(moves::movnti::<u32>)),
        _ => None,
    }
}

/// One lane from a general register or from memory.
fn insert<W: Word, M: Source>(form: Form) -> Option<Handler> {
    match (form.last(), form.encoding) {
        (Memory, _) => packed_low::<Insert<W>, M>(form),
        (_, Legacy128) => Some(chain(lane::insert_reg::<W, Legacy>)),
        _ => Some(chain(lane::insert_reg::<W, Vex128>)),
    }
}

/// One lane to a general register or to memory.
fn extract<W: Word>(form: Form) -> Option<Handler> {
    Some(match (form.first, form.encoding) {
        (Memory, Legacy128) => chain(lane::extract_mem::<W, Legacy>),
        (Memory, _) => chain(lane::extract_mem::<W, Vex128>),
        (_, Legacy128) => chain(lane::extract_reg::<W, Legacy>),
        _ => chain(lane::extract_reg::<W, Vex128>),
    })
}

fn lanes(instruction: &Instruction, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Pinsrw if form.first == Mmx => Some(match form.second {
            Memory => chain(mmx::pinsrw_mem),
            _ => chain(mmx::pinsrw_reg),
        }),
        Pinsrb | Vpinsrb => insert::<u8, M8>(form),
        Pinsrw | Vpinsrw => insert::<u16, M16>(form),
        Pinsrd | Vpinsrd => insert::<u32, M32>(form),
        Pinsrq | Vpinsrq => insert::<u64, M64>(form),
        Pextrw if form.second == Mmx => Some(chain(mmx::pextrw)),
        Pextrb | Vpextrb => extract::<u8>(form),
        Pextrw | Vpextrw => extract::<u16>(form),
        Pextrd | Vpextrd | Extractps | Vextractps => extract::<u32>(form),
        Pextrq | Vpextrq => extract::<u64>(form),
        _ => None,
    }
}

fn mmx_moves(mnemonic: Mnemonic) -> Option<Handler> {
    match mnemonic {
        Mnemonic::Movntq => Some(chain(mmx::store::<u64>)),
        Mnemonic::Movdq2q => Some(chain(mmx::movdq2q)),
        Mnemonic::Movq2dq => Some(chain(mmx::movq2dq)),
        _ => None,
    }
}
