//! Packed integers, shuffles, blends and tests.

use iced_x86::Mnemonic;

use super::*;
use crate::exec::sse::shape::{packed_imm, shift_mem, shift_reg};
use crate::exec::sse::{
    M16, M32, blend as b, insert, integer as i, shuffle as s, sse4 as s4, ssse3 as s3, text,
};

/// The handler of an instruction of this kind; `None` for others.
pub fn lower(mnemonic: Mnemonic, form: Form, op: &mut Op) -> Option<Handler> {
    integers(mnemonic, form)
        .or_else(|| shifts(mnemonic, form))
        .or_else(|| shuffles(mnemonic, form))
        .or_else(|| extensions(mnemonic, form))
        .or_else(|| blends(mnemonic, form, op))
        .or_else(|| tests(mnemonic, form))
        .or_else(|| texts(mnemonic, form, op))
}

fn integers(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Pand | Vpand => packed_or_mmx::<i::Pand>(form),
        Pandn | Vpandn => packed_or_mmx::<i::Pandn>(form),
        Por | Vpor => packed_or_mmx::<i::Por>(form),
        Pxor | Vpxor => packed_or_mmx::<i::Pxor>(form),
        Andps | Andpd | Vandps | Vandpd => packed::<i::Pand>(form),
        Andnps | Andnpd | Vandnps | Vandnpd => packed::<i::Pandn>(form),
        Orps | Orpd | Vorps | Vorpd => packed::<i::Por>(form),
        Xorps | Xorpd | Vxorps | Vxorpd => packed::<i::Pxor>(form),

        Paddb | Vpaddb => packed_or_mmx::<i::Paddb>(form),
        Paddw | Vpaddw => packed_or_mmx::<i::Paddw>(form),
        Paddd | Vpaddd => packed_or_mmx::<i::Paddd>(form),
        Paddq | Vpaddq => packed_or_mmx::<i::Paddq>(form),
        Paddsb | Vpaddsb => packed_or_mmx::<i::Paddsb>(form),
        Paddsw | Vpaddsw => packed_or_mmx::<i::Paddsw>(form),
        Paddusb | Vpaddusb => packed_or_mmx::<i::Paddusb>(form),
        Paddusw | Vpaddusw => packed_or_mmx::<i::Paddusw>(form),
        Psubb | Vpsubb => packed_or_mmx::<i::Psubb>(form),
        Psubw | Vpsubw => packed_or_mmx::<i::Psubw>(form),
        Psubd | Vpsubd => packed_or_mmx::<i::Psubd>(form),
        Psubq | Vpsubq => packed_or_mmx::<i::Psubq>(form),
        Psubsb | Vpsubsb => packed_or_mmx::<i::Psubsb>(form),
        Psubsw | Vpsubsw => packed_or_mmx::<i::Psubsw>(form),
        Psubusb | Vpsubusb => packed_or_mmx::<i::Psubusb>(form),
        Psubusw | Vpsubusw => packed_or_mmx::<i::Psubusw>(form),
        Phaddw | Vphaddw => packed_or_mmx::<s3::Phaddw>(form),
        Phaddd | Vphaddd => packed_or_mmx::<s3::Phaddd>(form),
        Phaddsw | Vphaddsw => packed_or_mmx::<s3::Phaddsw>(form),
        Phsubw | Vphsubw => packed_or_mmx::<s3::Phsubw>(form),
        Phsubd | Vphsubd => packed_or_mmx::<s3::Phsubd>(form),
        Phsubsw | Vphsubsw => packed_or_mmx::<s3::Phsubsw>(form),

        Pmullw | Vpmullw => packed_or_mmx::<i::Pmullw>(form),
        Pmulhw | Vpmulhw => packed_or_mmx::<i::Pmulhw>(form),
        Pmulhuw | Vpmulhuw => packed_or_mmx::<i::Pmulhuw>(form),
        Pmulhrsw | Vpmulhrsw => packed_or_mmx::<s3::Pmulhrsw>(form),
        Pmuludq | Vpmuludq => packed_or_mmx::<i::Pmuludq>(form),
        Pmuldq | Vpmuldq => packed::<s4::Pmuldq>(form),
        Pmulld | Vpmulld => packed::<s4::Pmulld>(form),
        Pmaddwd | Vpmaddwd => packed_or_mmx::<i::Pmaddwd>(form),
        Pmaddubsw | Vpmaddubsw => packed_or_mmx::<s3::Pmaddubsw>(form),
        Psadbw | Vpsadbw => packed_or_mmx::<i::Psadbw>(form),
        Mpsadbw | Vmpsadbw => packed::<s4::Mpsadbw>(form),
        Phminposuw | Vphminposuw => packed_128::<s4::Phminposuw>(form),

        Pavgb | Vpavgb => packed_or_mmx::<i::Pavgb>(form),
        Pavgw | Vpavgw => packed_or_mmx::<i::Pavgw>(form),
        Pmaxsb | Vpmaxsb => packed::<s4::Pmaxsb>(form),
        Pmaxsw | Vpmaxsw => packed_or_mmx::<i::Pmaxsw>(form),
        Pmaxsd | Vpmaxsd => packed::<s4::Pmaxsd>(form),
        Pmaxub | Vpmaxub => packed_or_mmx::<i::Pmaxub>(form),
        Pmaxuw | Vpmaxuw => packed::<s4::Pmaxuw>(form),
        Pmaxud | Vpmaxud => packed::<s4::Pmaxud>(form),
        Pminsb | Vpminsb => packed::<s4::Pminsb>(form),
        Pminsw | Vpminsw => packed_or_mmx::<i::Pminsw>(form),
        Pminsd | Vpminsd => packed::<s4::Pminsd>(form),
        Pminub | Vpminub => packed_or_mmx::<i::Pminub>(form),
        Pminuw | Vpminuw => packed::<s4::Pminuw>(form),
        Pminud | Vpminud => packed::<s4::Pminud>(form),
        Psignb | Vpsignb => packed_or_mmx::<s3::Psignb>(form),
        Psignw | Vpsignw => packed_or_mmx::<s3::Psignw>(form),
        Psignd | Vpsignd => packed_or_mmx::<s3::Psignd>(form),
        Pabsb | Vpabsb => packed_or_mmx::<s3::Pabsb>(form),
        Pabsw | Vpabsw => packed_or_mmx::<s3::Pabsw>(form),
        Pabsd | Vpabsd => packed_or_mmx::<s3::Pabsd>(form),

        Pcmpeqb | Vpcmpeqb => packed_or_mmx::<i::Pcmpeqb>(form),
        Pcmpeqw | Vpcmpeqw => packed_or_mmx::<i::Pcmpeqw>(form),
        Pcmpeqd | Vpcmpeqd => packed_or_mmx::<i::Pcmpeqd>(form),
        Pcmpeqq | Vpcmpeqq => packed::<s4::Pcmpeqq>(form),
        Pcmpgtb | Vpcmpgtb => packed_or_mmx::<i::Pcmpgtb>(form),
        Pcmpgtw | Vpcmpgtw => packed_or_mmx::<i::Pcmpgtw>(form),
        Pcmpgtd | Vpcmpgtd => packed_or_mmx::<i::Pcmpgtd>(form),
        Pcmpgtq | Vpcmpgtq => packed::<s4::Pcmpgtq>(form),
        _ => None,
    }
}

// --- shifts ----------------------------------------------------------------------------------

/// A shift by a register, memory or immediate.
fn shift<O: Packed<u64> + Packed<u128>>(form: Form) -> Option<Handler> {
    if form.immediate {
        return match form.first {
            Mmx => Some(chain(mmx::packed_imm::<O>)),
            _ => shift_bytes::<O>(form),
        };
    }
    match (form.encoding, form.last_is_register()) {
        (Vex256Bit, Some(true)) => Some(chain(shift_reg::<O, Vex256>)),
        (Vex256Bit, Some(false)) => Some(chain(shift_mem::<O, U128, Vex256>)),
        _ => packed_or_mmx::<O>(form),
    }
}

/// A shift by an immediate.
fn shift_bytes<O: Packed<u128>>(form: Form) -> Option<Handler> {
    Some(match form.encoding {
        Legacy128 => chain(packed_imm::<O, Legacy>),
        Vex128Bit => chain(packed_imm::<O, Vex128>),
        Vex256Bit => chain(packed_imm::<O, Vex256>),
    })
}

fn shifts(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Psllw | Vpsllw => shift::<i::Psllw>(form),
        Pslld | Vpslld => shift::<i::Pslld>(form),
        Psllq | Vpsllq => shift::<i::Psllq>(form),
        Psrlw | Vpsrlw => shift::<i::Psrlw>(form),
        Psrld | Vpsrld => shift::<i::Psrld>(form),
        Psrlq | Vpsrlq => shift::<i::Psrlq>(form),
        Psraw | Vpsraw => shift::<i::Psraw>(form),
        Psrad | Vpsrad => shift::<i::Psrad>(form),
        Pslldq | Vpslldq => shift_bytes::<s::Pslldq>(form),
        Psrldq | Vpsrldq => shift_bytes::<s::Psrldq>(form),
        _ => None,
    }
}

// --- shuffles --------------------------------------------------------------------------------

/// As [`packed_or_mmx`], but the MMX form reads 4 bytes of memory.
fn unpack_low<O: Packed<u64> + Packed<u128>>(form: Form) -> Option<Handler> {
    match form.first {
        Mmx => mm::<O, M32>(form),
        _ => packed::<O>(form),
    }
}

fn shuffles(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Packsswb | Vpacksswb => packed_or_mmx::<i::Packsswb>(form),
        Packssdw | Vpackssdw => packed_or_mmx::<i::Packssdw>(form),
        Packuswb | Vpackuswb => packed_or_mmx::<i::Packuswb>(form),
        Packusdw | Vpackusdw => packed::<s4::Packusdw>(form),
        Punpcklbw | Vpunpcklbw => unpack_low::<i::Punpcklbw>(form),
        Punpcklwd | Vpunpcklwd => unpack_low::<i::Punpcklwd>(form),
        Punpckldq | Vpunpckldq => unpack_low::<i::Punpckldq>(form),
        Punpckhbw | Vpunpckhbw => packed_or_mmx::<i::Punpckhbw>(form),
        Punpckhwd | Vpunpckhwd => packed_or_mmx::<i::Punpckhwd>(form),
        Punpckhdq | Vpunpckhdq => packed_or_mmx::<i::Punpckhdq>(form),
        Unpcklps | Vunpcklps => packed::<i::Punpckldq>(form),
        Unpckhps | Vunpckhps => packed::<i::Punpckhdq>(form),
        Punpcklqdq | Unpcklpd | Movlhps | Vpunpcklqdq | Vunpcklpd | Vmovlhps => packed::<s::Punpcklqdq>(form),
        Punpckhqdq | Unpckhpd | Vpunpckhqdq | Vunpckhpd => packed::<s::Punpckhqdq>(form),
        Movhlps | Vmovhlps => packed_128::<s::Movhlps>(form),
        Pshufb | Vpshufb => packed_or_mmx::<s3::Pshufb>(form),
        Palignr | Vpalignr => packed_or_mmx::<s3::Palignr>(form),
        Pshufd | Vpshufd => packed::<s::Pshufd>(form),
        Pshuflw | Vpshuflw => packed::<s::Pshuflw>(form),
        Pshufhw | Vpshufhw => packed::<s::Pshufhw>(form),
        Pshufw => mm::<s::Pshufw, M64>(form),
        Shufps | Vshufps => packed::<s::Shufps>(form),
        Shufpd | Vshufpd => packed::<s::Shufpd>(form),
        Movddup | Vmovddup if form.encoding == Vex256Bit => packed::<s::Movddup>(form),
        Movddup | Vmovddup => packed_low::<s::Movddup, M64>(form),
        Movsldup | Vmovsldup => packed::<s::Movsldup>(form),
        Movshdup | Vmovshdup => packed::<s::Movshdup>(form),
        _ => None,
    }
}

fn extensions(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    use s4::Extend;
    match mnemonic {
        Pmovsxbw | Vpmovsxbw => widening::<Extend<i8, i16>, M64, U128, 64>(form),
        Pmovsxbd | Vpmovsxbd => widening::<Extend<i8, i32>, M32, M64, 32>(form),
        Pmovsxbq | Vpmovsxbq => widening::<Extend<i8, i64>, M16, M32, 16>(form),
        Pmovsxwd | Vpmovsxwd => widening::<Extend<i16, i32>, M64, U128, 64>(form),
        Pmovsxwq | Vpmovsxwq => widening::<Extend<i16, i64>, M32, M64, 32>(form),
        Pmovsxdq | Vpmovsxdq => widening::<Extend<i32, i64>, M64, U128, 64>(form),
        Pmovzxbw | Vpmovzxbw => widening::<Extend<u8, u16>, M64, U128, 64>(form),
        Pmovzxbd | Vpmovzxbd => widening::<Extend<u8, u32>, M32, M64, 32>(form),
        Pmovzxbq | Vpmovzxbq => widening::<Extend<u8, u64>, M16, M32, 16>(form),
        Pmovzxwd | Vpmovzxwd => widening::<Extend<u16, u32>, M64, U128, 64>(form),
        Pmovzxwq | Vpmovzxwq => widening::<Extend<u16, u64>, M32, M64, 32>(form),
        Pmovzxdq | Vpmovzxdq => widening::<Extend<u32, u64>, M64, U128, 64>(form),
        _ => None,
    }
}

// --- blends ----------------------------------------------------------------------------------

/// A blend by the signs in a register, whose number goes to the immediate.
fn blend_by_register<L: b::Sign>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(b::blend_by_register::<L, Legacy>),
        (Legacy128, false) => chain(b::blend_by_register_mem::<L, Legacy>),
        (Vex128Bit, true) => chain(b::blend_by_register::<L, Vex128>),
        (Vex128Bit, false) => chain(b::blend_by_register_mem::<L, Vex128>),
        (Vex256Bit, true) => chain(b::blend_by_register::<L, Vex256>),
        (Vex256Bit, false) => chain(b::blend_by_register_mem::<L, Vex256>),
    })
}

fn blends(mnemonic: Mnemonic, form: Form, op: &mut Op) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Blendps | Vblendps | Vpblendd => packed::<b::Blend<4>>(form),
        Blendpd | Vblendpd => packed::<b::Blend<8>>(form),
        Pblendw | Vpblendw => packed::<b::Blend<2>>(form),
        // `operands` leaves the fourth register of VEX to us; without VEX it is XMM0.
        Pblendvb | Vpblendvb => blend_by_register::<i8>(form),
        Blendvps | Vblendvps => blend_by_register::<i32>(form),
        Blendvpd | Vblendvpd => blend_by_register::<i64>(form),
        Insertps | Vinsertps => {
            if form.last() == Memory {
                // There is one doubleword to choose from.
                op.imm &= 0x3f;
            }
            packed_low::<insert::Insertps, M32>(form)
        }
        _ => None,
    }
}

fn test<const BITS: u128>(form: Form) -> Option<Handler> {
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(b::test_reg::<Legacy, BITS>),
        (Legacy128, false) => chain(b::test_mem::<Legacy, BITS>),
        (Vex128Bit, true) => chain(b::test_reg::<Vex128, BITS>),
        (Vex128Bit, false) => chain(b::test_mem::<Vex128, BITS>),
        (Vex256Bit, true) => chain(b::test_reg::<Vex256, BITS>),
        (Vex256Bit, false) => chain(b::test_mem::<Vex256, BITS>),
    })
}

fn tests(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    match mnemonic {
        Mnemonic::Ptest | Mnemonic::Vptest => test::<{ b::ALL_BITS }>(form),
        Mnemonic::Vtestps => test::<{ b::SINGLE_SIGNS }>(form),
        Mnemonic::Vtestpd => test::<{ b::DOUBLE_SIGNS }>(form),
        _ => None,
    }
}

// --- strings ---------------------------------------------------------------------------------

fn texts(mnemonic: Mnemonic, form: Form, op: &mut Op) -> Option<Handler> {
    use Mnemonic::*;
    op.imm |= match mnemonic {
        Pcmpestri | Vpcmpestri => text::EXPLICIT,
        Pcmpestri64 | Vpcmpestri64 => text::EXPLICIT | text::LONG,
        Pcmpestrm | Vpcmpestrm => text::EXPLICIT | text::MASK,
        Pcmpestrm64 | Vpcmpestrm64 => text::EXPLICIT | text::LONG | text::MASK,
        Pcmpistri | Vpcmpistri => 0,
        Pcmpistrm | Vpcmpistrm => text::MASK,
        _ => return None,
    };
    Some(match (form.encoding, form.last_is_register()?) {
        (Legacy128, true) => chain(text::compare_reg::<Legacy>),
        (Legacy128, false) => chain(text::compare_mem::<Legacy>),
        (_, true) => chain(text::compare_reg::<Vex128>),
        (_, false) => chain(text::compare_mem::<Vex128>),
    })
}
