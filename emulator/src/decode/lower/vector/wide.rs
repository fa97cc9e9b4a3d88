//! What exists with VEX alone.

use iced_x86::Mnemonic::*;
use iced_x86::{CpuidFeature, Instruction, Mnemonic};

use super::*;
use crate::exec::Word;
use crate::exec::avx::fma::control::*;
use crate::exec::avx::fma::{fma_mem, fma_reg, fma_scalar_mem};
use crate::exec::avx::permute as p;
use crate::exec::avx::{Across, across_mem, across_mem_128, across_reg, gather, half, masked, state as avx};
use crate::exec::sse::float::{Format, Pd, Ps, Sd, Ss};
use crate::exec::sse::{M8, M16, M32, shuffle};

/// The handler of an instruction of this kind; `None` for others.
pub fn lower(instruction: &Instruction, form: Form, op: &mut Op) -> Option<Handler> {
    let mnemonic = instruction.mnemonic();
    within_lanes(mnemonic, form)
        .or_else(|| across_lanes(mnemonic, form))
        .or_else(|| masks(mnemonic, form))
        .or_else(|| gathers(instruction, form, op))
        .or_else(|| fused(instruction, form, op))
        .or_else(|| halves_and_state(mnemonic, form))
}

fn within_lanes(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    match mnemonic {
        Vpermilps if form.immediate => packed::<shuffle::Pshufd>(form),
        Vpermilps => packed::<p::Vpermilps>(form),
        Vpermilpd if form.immediate => packed::<p::VpermilpdImmediate>(form),
        Vpermilpd => packed::<p::Vpermilpd>(form),
        Vpsllvd => packed::<p::Vpsllvd>(form),
        Vpsllvq => packed::<p::Vpsllvq>(form),
        Vpsrlvd => packed::<p::Vpsrlvd>(form),
        Vpsrlvq => packed::<p::Vpsrlvq>(form),
        Vpsravd => packed::<p::Vpsravd>(form),
        Vpbroadcastb => widening::<p::Broadcast<u8>, M8, M8, 0>(form),
        Vpbroadcastw => widening::<p::Broadcast<u16>, M16, M16, 0>(form),
        Vpbroadcastd | Vbroadcastss => widening::<p::Broadcast<u32>, M32, M32, 0>(form),
        Vpbroadcastq | Vbroadcastsd => widening::<p::Broadcast<u64>, M64, M64, 0>(form),
        Vbroadcastf128 | Vbroadcasti128 => widening::<p::Broadcast128, U128, U128, 0>(form),
        _ => None,
    }
}

/// An operation across lanes, which only YMM registers have.
fn across<O: Across>(form: Form) -> Option<Handler> {
    match form.last_is_register()? {
        true => Some(chain(across_reg::<O>)),
        false => Some(chain(across_mem::<O>)),
    }
}

fn across_lanes(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    match mnemonic {
        Vpermd | Vpermps => across::<p::Vpermd>(form),
        Vpermq | Vpermpd => across::<p::Vpermq>(form),
        Vperm2f128 | Vperm2i128 => across::<p::Vperm2f128>(form),
        Vinsertf128 | Vinserti128 if form.last() == Memory => Some(chain(across_mem_128::<p::Vinsertf128>)),
        Vinsertf128 | Vinserti128 => Some(chain(across_reg::<p::Vinsertf128>)),
        Vextractf128 | Vextracti128 if form.first == Memory => Some(chain(p::extract_mem)),
        Vextractf128 | Vextracti128 => Some(chain(p::extract_reg)),
        _ => None,
    }
}

// --- masks and gathers -----------------------------------------------------------------------

fn mask<W: Word, const BITS: usize>(form: Form) -> Option<Handler> {
    Some(match (form.first == Memory, form.encoding) {
        (true, Vex256Bit) => chain(masked::store::<Vex256, BITS>),
        (true, _) => chain(masked::store::<Vex128, BITS>),
        (false, Vex256Bit) => chain(masked::load::<W, Vex256, BITS>),
        (false, _) => chain(masked::load::<W, Vex128, BITS>),
    })
}

fn masks(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    match mnemonic {
        Vmaskmovps | Vpmaskmovd => mask::<u32, 32>(form),
        Vmaskmovpd | Vpmaskmovq => mask::<u64, 64>(form),
        _ => None,
    }
}

fn gathers(instruction: &Instruction, form: Form, op: &mut Op) -> Option<Handler> {
    use gather::gather;
    let index = instruction.memory_index();
    let wide = form.encoding == Vex256Bit;
    // As many elements as the wider of index and element leaves room for.
    let handler = match instruction.mnemonic() {
        Vpgatherdd | Vgatherdps if wide => chain(gather::<u32, 32, 32, 8>),
        Vpgatherdd | Vgatherdps => chain(gather::<u32, 32, 32, 4>),
        Vpgatherdq | Vgatherdpd if wide => chain(gather::<u64, 64, 32, 4>),
        Vpgatherdq | Vgatherdpd => chain(gather::<u64, 64, 32, 2>),
        Vpgatherqd | Vgatherqps if index.is_ymm() => chain(gather::<u32, 32, 64, 4>),
        Vpgatherqd | Vgatherqps => chain(gather::<u32, 32, 64, 2>),
        Vpgatherqq | Vgatherqpd if wide => chain(gather::<u64, 64, 64, 4>),
        Vpgatherqq | Vgatherqpd => chain(gather::<u64, 64, 64, 2>),
        _ => return None,
    };
    op.src = register_number(index);
    op.index = gpr::ZERO;
    Some(handler)
}

// --- fused multiply and add ------------------------------------------------------------------

fn fma<S: Format>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Vex256Bit, true) => chain(fma_reg::<S, Vex256>),
        (Vex256Bit, false) => chain(fma_mem::<S, Vex256>),
        (_, true) => chain(fma_reg::<S, Vex128>),
        (_, false) => chain(fma_mem::<S, Vex128>),
    })
}

fn fma_scalar<S: Format, M: Source>(form: Form) -> Option<Handler> {
    match form.last_is_register()? {
        true => Some(chain(fma_reg::<S, Vex128>)),
        false => Some(chain(fma_scalar_mem::<S, M, Vex128>)),
    }
}

/// Parts and signs of the operands, and the names: PS, PD, SS, SD.
#[rustfmt::skip]
const FUSED: [(u64, [Mnemonic; 4]); 12] = [
    (ORDER_132, [Vfmadd132ps, Vfmadd132pd, Vfmadd132ss, Vfmadd132sd]),
    (ORDER_213, [Vfmadd213ps, Vfmadd213pd, Vfmadd213ss, Vfmadd213sd]),
    (ORDER_231, [Vfmadd231ps, Vfmadd231pd, Vfmadd231ss, Vfmadd231sd]),
    (ORDER_132 | SUBTRACT, [Vfmsub132ps, Vfmsub132pd, Vfmsub132ss, Vfmsub132sd]),
    (ORDER_213 | SUBTRACT, [Vfmsub213ps, Vfmsub213pd, Vfmsub213ss, Vfmsub213sd]),
    (ORDER_231 | SUBTRACT, [Vfmsub231ps, Vfmsub231pd, Vfmsub231ss, Vfmsub231sd]),
    (ORDER_132 | NEGATE, [Vfnmadd132ps, Vfnmadd132pd, Vfnmadd132ss, Vfnmadd132sd]),
    (ORDER_213 | NEGATE, [Vfnmadd213ps, Vfnmadd213pd, Vfnmadd213ss, Vfnmadd213sd]),
    (ORDER_231 | NEGATE, [Vfnmadd231ps, Vfnmadd231pd, Vfnmadd231ss, Vfnmadd231sd]),
    (ORDER_132 | NEGATE | SUBTRACT, [Vfnmsub132ps, Vfnmsub132pd, Vfnmsub132ss, Vfnmsub132sd]),
    (ORDER_213 | NEGATE | SUBTRACT, [Vfnmsub213ps, Vfnmsub213pd, Vfnmsub213ss, Vfnmsub213sd]),
    (ORDER_231 | NEGATE | SUBTRACT, [Vfnmsub231ps, Vfnmsub231pd, Vfnmsub231ss, Vfnmsub231sd]),
];

/// As [`FUSED`], where sums and differences alternate: PS, PD.
#[rustfmt::skip]
const ALTERNATING: [(u64, [Mnemonic; 2]); 6] = [
    (ORDER_132 | SUBTRACT_EVEN, [Vfmaddsub132ps, Vfmaddsub132pd]),
    (ORDER_213 | SUBTRACT_EVEN, [Vfmaddsub213ps, Vfmaddsub213pd]),
    (ORDER_231 | SUBTRACT_EVEN, [Vfmaddsub231ps, Vfmaddsub231pd]),
    (ORDER_132 | SUBTRACT_ODD, [Vfmsubadd132ps, Vfmsubadd132pd]),
    (ORDER_213 | SUBTRACT_ODD, [Vfmsubadd213ps, Vfmsubadd213pd]),
    (ORDER_231 | SUBTRACT_ODD, [Vfmsubadd231ps, Vfmsubadd231pd]),
];

fn fused(instruction: &Instruction, form: Form, op: &mut Op) -> Option<Handler> {
    if instruction.cpuid_features() != [CpuidFeature::FMA] {
        return None;
    }
    let names = FUSED.iter().map(|(control, names)| (control, &names[..]));
    let all = names.chain(ALTERNATING.iter().map(|(control, names)| (control, &names[..])));
    for (control, names) in all {
        let Some(format) = names.iter().position(|name| *name == instruction.mnemonic()) else { continue };
        op.imm = *control;
        return match format {
            0 => fma::<Ps>(form),
            1 => fma::<Pd>(form),
            2 => fma_scalar::<Ss, M32>(form),
            _ => fma_scalar::<Sd, M64>(form),
        };
    }
    None
}

fn halves_and_state(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    match mnemonic {
        Vcvtph2ps => widening::<half::Vcvtph2ps, M64, U128, 64>(form),
        Vcvtps2ph => Some(match (form.first, form.encoding) {
            (Memory, Vex256Bit) => chain(half::store_128),
            (Memory, _) => chain(half::store_64),
            (_, Vex256Bit) => chain(shape::narrow_reg::<half::Vcvtps2ph>),
            _ => chain(numeric_reg::<half::Vcvtps2ph, Vex128>),
        }),
        Vzeroupper => Some(chain(avx::vzeroupper)),
        Vzeroall => Some(chain(avx::vzeroall)),
        _ => None,
    }
}
