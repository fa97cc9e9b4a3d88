//! What a processor is: what it says of itself by CPUID, and which features it has.
//!
//! An instruction of a feature that it has not raises #UD ([`gate`], asked when code is decoded);
//! registers and bits of one are as reserved.

mod feature;
mod features;
pub mod gate;

use serde::{Deserialize, Serialize};

use crate::state::{cr4, efer};
pub use feature::{Feature, Place, Register, Row, TABLE};
pub use features::Features;

/// The four registers that CPUID fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// EAX
    pub eax: u32,
    /// EBX
    pub ebx: u32,
    /// ECX
    pub ecx: u32,
    /// EDX
    pub edx: u32,
}

/// A processor model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuModel {
    /// The twelve bytes of leaf 0.
    pub vendor: String,
    /// At most 48 bytes, leaves 0x80000002-4.
    pub brand: String,
    /// Display family.
    pub family: u8,
    /// Display model.
    pub model: u8,
    /// Stepping.
    pub stepping: u8,
    /// Physical address width, 36 to 52.
    pub physical_bits: u8,
    /// TSC ticks a virtual second.
    pub tsc_hz: u64,
    /// What it has. `apic` is that of the board: whether there is a local APIC.
    pub features: Features,
}

/// What every 64-bit kernel runs on: the AMD64 architecture as it began.
fn x86_64_v1() -> Features {
    use Feature::*;
    [
        Fpu,
        De,
        Pse,
        Tsc,
        Msr,
        Pae,
        Mce,
        Cx8,
        Apic,
        Sep,
        Mtrr,
        Pge,
        Mca,
        Cmov,
        Pat,
        Pse36,
        Clfsh,
        Mmx,
        Fxsr,
        Sse,
        Sse2,
        LahfLm,
        Syscall,
        Nx,
        Lm,
        InvariantTsc,
    ]
    .into_iter()
    .collect()
}

impl Default for CpuModel {
    /// x86-64-v1, as the AMD64 architecture began: what every 64-bit kernel runs on.
    fn default() -> Self {
        Self {
            vendor: "AuthenticAMD".into(),
            brand: "Ringhold x86-64-v1".into(),
            family: 15,
            model: 107,
            stepping: 1,
            physical_bits: 40,
            tsc_hz: 1_000_000_000,
            features: x86_64_v1(),
        }
    }
}

impl CpuModel {
    /// A processor with all that Ringhold has: what tests of instructions run on.
    pub fn everything() -> Self {
        Self { brand: "Ringhold, everything".into(), features: Features::built(), ..Self::default() }
    }

    /// Whether it has a feature.
    #[inline(always)]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// The CR4 bits that are not reserved (SDM volume 3, 2.5).
    pub fn cr4_bits(&self) -> u64 {
        const BITS: [(Feature, u64); 18] = [
            (Feature::Vme, cr4::VME | cr4::PVI),
            (Feature::Tsc, cr4::TSD),
            (Feature::De, cr4::DE),
            (Feature::Pse, cr4::PSE),
            (Feature::Pae, cr4::PAE),
            (Feature::Mce, cr4::MCE),
            (Feature::Pge, cr4::PGE),
            (Feature::Msr, cr4::PCE),
            (Feature::Fxsr, cr4::OSFXSR),
            (Feature::Sse, cr4::OSXMMEXCPT),
            (Feature::Umip, cr4::UMIP),
            (Feature::La57, cr4::LA57),
            (Feature::Fsgsbase, cr4::FSGSBASE),
            (Feature::Pcid, cr4::PCIDE),
            (Feature::Xsave, cr4::OSXSAVE),
            (Feature::Smep, cr4::SMEP),
            (Feature::Smap, cr4::SMAP),
            (Feature::Pku, cr4::PKE),
        ];
        BITS.iter().filter(|(feature, _)| self.has(*feature)).fold(0, |bits, (_, bit)| bits | bit)
    }

    /// The bits of IA32_EFER that are not reserved (SDM volume 3, 2.2.1).
    pub fn efer_bits(&self) -> u64 {
        const BITS: [(Feature, u64); 3] =
            [(Feature::Syscall, efer::SCE), (Feature::Lm, efer::LME | efer::LMA), (Feature::Nx, efer::NXE)];
        BITS.iter().filter(|(feature, _)| self.has(*feature)).fold(0, |bits, (_, bit)| bits | bit)
    }

    /// MAXPHYADDR
    pub fn physical_bits(&self) -> u8 {
        self.physical_bits
    }

    /// 1 GiB pages.
    pub fn gigabyte_pages(&self) -> bool {
        self.has(Feature::Pdpe1gb)
    }

    /// Leaf 1 EAX: type, family, model, stepping.
    pub fn signature(&self) -> u32 {
        let family = u32::from(self.family);
        let (base, extended) = if family >= 15 { (15, family - 15) } else { (family, 0) };
        let model = u32::from(self.model);
        extended << 20 | (model >> 4) << 16 | base << 8 | (model & 15) << 4 | u32::from(self.stepping & 15)
    }

    /// The leaf that CPUID returns for EAX = `leaf` (and ECX = subleaf) on processor `cpu`.
    pub fn cpuid(&self, leaf: u32, subleaf: u32, cpu: usize) -> Leaf {
        let text = |bytes: &[u8], at: usize| {
            let mut word = [0; 4];
            for (i, byte) in word.iter_mut().enumerate() {
                *byte = bytes.get(at + i).copied().unwrap_or(0);
            }
            u32::from_le_bytes(word)
        };
        let vendor = self.vendor.as_bytes();
        let bits = |register| self.features.bits(leaf, subleaf, register);
        let has = Leaf {
            eax: bits(Register::Eax),
            ebx: bits(Register::Ebx),
            ecx: bits(Register::Ecx),
            edx: bits(Register::Edx),
        };
        match leaf {
            0 => Leaf { eax: 1, ebx: text(vendor, 0), edx: text(vendor, 4), ecx: text(vendor, 8) },
            // EBX: initial APIC id, one logical processor, CLFLUSH of 8 quadwords.
            1 => Leaf { eax: self.signature(), ebx: (cpu as u32) << 24 | 1 << 16 | 8 << 8, ..has },
            0x8000_0000 => {
                Leaf { eax: 0x8000_0008, ebx: text(vendor, 0), edx: text(vendor, 4), ecx: text(vendor, 8) }
            }
            // AMD has a copy of leaf 1's common bits here.
            0x8000_0001 => {
                let copy = self.features.bits(1, 0, Register::Edx) & 0x0183_f3ff;
                Leaf { eax: self.signature(), edx: has.edx | copy, ..has }
            }
            0x8000_0002..=0x8000_0004 => {
                let at = (leaf - 0x8000_0002) as usize * 16;
                let brand = self.brand.as_bytes();
                Leaf {
                    eax: text(brand, at),
                    ebx: text(brand, at + 4),
                    ecx: text(brand, at + 8),
                    edx: text(brand, at + 12),
                }
            }
            0x8000_0008 => {
                let linear = if self.has(Feature::La57) { 57 } else { 48 };
                Leaf { eax: linear << 8 | u32::from(self.physical_bits), ..has }
            }
            _ => has,
        }
    }
}
