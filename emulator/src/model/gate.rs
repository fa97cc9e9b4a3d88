//! Which features an instruction needs, by what iced-x86 says of its encoding.
//!
//! Encodings that meant something before a feature came are not gated here: where LZCNT, TZCNT,
//! hints and WBNOINVD are not offered, their prefix or opcode means what it always meant, and
//! lowering sees to that.

use iced_x86::{CodeSize, CpuidFeature, Instruction, Mnemonic};

use super::feature::Feature;
use super::features::Features;

/// What an instruction with a feature of iced-x86 needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing that a processor could be without.
    Nothing,
    /// This feature.
    Feature(Feature),
    /// What no model offers.
    Never,
}

/// Whether a processor with these features executes `instruction`; otherwise it raises #UD.
pub fn offers(features: &Features, instruction: &Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Lahf | Mnemonic::Sahf if instruction.code_size() == CodeSize::Code64 => {
            return features.has(Feature::LahfLm);
        }
        Mnemonic::Tzcnt => return true,
        _ => {}
    }
    instruction.cpuid_features().iter().all(|needed| match need(*needed) {
        Need::Nothing => true,
        Need::Feature(feature) => features.has(feature),
        Need::Never => false,
    })
}

/// What iced-x86 means by `feature`.
pub fn need(feature: CpuidFeature) -> Need {
    use CpuidFeature as Iced;
    Need::Feature(match feature {
        // Every 64-bit processor has these, whatever CPUID says.
        Iced::INTEL8086
        | Iced::INTEL8086_ONLY
        | Iced::INTEL186
        | Iced::INTEL286
        | Iced::INTEL286_ONLY
        | Iced::INTEL386
        | Iced::INTEL386_ONLY
        | Iced::INTEL486
        | Iced::CPUID
        | Iced::PAUSE
        | Iced::RDPMC
        | Iced::MULTIBYTENOP
        | Iced::SMM => return Need::Nothing,
        // Without these the bytes are hints that do nothing, or an older instruction.
        Iced::CET_IBT
        | Iced::CET_SS
        | Iced::PREFETCHITI
        | Iced::PREFETCHW
        | Iced::PREFETCHWT1
        | Iced::LZCNT
        | Iced::WBNOINVD => return Need::Nothing,
        Iced::X64 => Feature::Lm,
        Iced::FPU | Iced::FPU287 | Iced::FPU387 => Feature::Fpu,
        Iced::TSC => Feature::Tsc,
        Iced::MSR => Feature::Msr,
        Iced::CX8 => Feature::Cx8,
        Iced::SEP => Feature::Sep,
        Iced::CMOV => Feature::Cmov,
        Iced::CLFSH => Feature::Clfsh,
        Iced::MMX => Feature::Mmx,
        Iced::FXSR => Feature::Fxsr,
        Iced::SSE => Feature::Sse,
        Iced::SSE2 => Feature::Sse2,
        Iced::SSE3 => Feature::Sse3,
        Iced::PCLMULQDQ => Feature::Pclmulqdq,
        Iced::MONITOR => Feature::Monitor,
        Iced::SSSE3 => Feature::Ssse3,
        Iced::FMA => Feature::Fma,
        Iced::CMPXCHG16B => Feature::Cx16,
        Iced::SSE4_1 => Feature::Sse4_1,
        Iced::SSE4_2 => Feature::Sse4_2,
        Iced::MOVBE => Feature::Movbe,
        Iced::POPCNT => Feature::Popcnt,
        Iced::AES => Feature::Aes,
        Iced::XSAVE => Feature::Xsave,
        Iced::AVX => Feature::Avx,
        Iced::F16C => Feature::F16c,
        Iced::RDRAND => Feature::Rdrand,
        Iced::FSGSBASE => Feature::Fsgsbase,
        Iced::BMI1 => Feature::Bmi1,
        Iced::AVX2 => Feature::Avx2,
        Iced::BMI2 => Feature::Bmi2,
        Iced::INVPCID => Feature::Invpcid,
        Iced::RDSEED => Feature::Rdseed,
        Iced::ADX => Feature::Adx,
        Iced::SMAP => Feature::Smap,
        Iced::CLFLUSHOPT => Feature::Clflushopt,
        Iced::CLWB => Feature::Clwb,
        Iced::SHA => Feature::Sha,
        Iced::PKU => Feature::Pku,
        Iced::WAITPKG => Feature::Waitpkg,
        Iced::GFNI => Feature::Gfni,
        Iced::VAES => Feature::Vaes,
        Iced::VPCLMULQDQ => Feature::Vpclmulqdq,
        Iced::RDPID => Feature::Rdpid,
        Iced::MOVDIRI => Feature::Movdiri,
        Iced::MOVDIR64B => Feature::Movdir64b,
        Iced::SERIALIZE => Feature::Serialize,
        Iced::XSAVEOPT => Feature::Xsaveopt,
        Iced::XSAVEC => Feature::Xsavec,
        Iced::XSAVES => Feature::Xsaves,
        Iced::SSE4A => Feature::Sse4a,
        Iced::MONITORX => Feature::Monitorx,
        Iced::SYSCALL => Feature::Syscall,
        Iced::RDTSCP => Feature::Rdtscp,
        Iced::CLZERO => Feature::Clzero,
        Iced::RDPRU => Feature::Rdpru,
        _ => return Need::Never,
    })
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn decoded(bytes: &[u8]) -> Instruction {
        Decoder::new(64, bytes, DecoderOptions::NONE).decode()
    }

    #[test]
    fn an_instruction_needs_its_feature() {
        let cases: [(&[u8], Feature); 10] = [
            (&[0xf3, 0x0f, 0xb8, 0xc1], Feature::Popcnt),
            (&[0x0f, 0x38, 0xf0, 0x00], Feature::Movbe),
            (&[0x0f, 0x01, 0xf9], Feature::Rdtscp),
            (&[0x48, 0x0f, 0xc7, 0x08], Feature::Cx16),
            (&[0x9f], Feature::LahfLm),
            (&[0x0f, 0x01, 0xcb], Feature::Smap),
            (&[0x0f, 0x01, 0xd0], Feature::Xsave),
            (&[0xf3, 0x0f, 0xc7, 0xf8], Feature::Rdpid),
            (&[0x66, 0x0f, 0xae, 0x38], Feature::Clflushopt),
            (&[0xdb, 0x08], Feature::Sse3),
        ];
        for (bytes, feature) in cases {
            let mut all: Features = Feature::all().collect();
            assert!(offers(&all, &decoded(bytes)), "{bytes:02x?}");
            all.set(feature, false);
            assert!(!offers(&all, &decoded(bytes)), "{bytes:02x?} without {}", feature.name());
        }
    }

    #[test]
    fn what_was_a_hint_or_another_instruction_stays_one() {
        // TZCNT, LZCNT, PREFETCHW, ENDBR64, RDSSPQ, WBNOINVD, PAUSE
        let cases: [&[u8]; 7] = [
            &[0xf3, 0x0f, 0xbc, 0xc1],
            &[0xf3, 0x0f, 0xbd, 0xc1],
            &[0x0f, 0x0d, 0x08],
            &[0xf3, 0x0f, 0x1e, 0xfa],
            &[0xf3, 0x48, 0x0f, 0x1e, 0xc8],
            &[0xf3, 0x0f, 0x09],
            &[0xf3, 0x90],
        ];
        for bytes in cases {
            assert!(offers(&Features::NONE, &decoded(bytes)), "{bytes:02x?}");
        }
    }
}
