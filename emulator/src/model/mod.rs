//! What a processor is: what it says of itself by CPUID, and which features it has.
//!
//! An instruction of a feature that it has not raises #UD ([`gate`], asked when code is decoded);
//! registers and bits of one are as reserved.

pub mod components;
mod cpuid;
mod feature;
mod features;
pub mod gate;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::state::{cr4, efer};
pub use cpuid::{Cache, CacheKind, FixedLeaf, Leaf, Now};
pub use feature::{Feature, Place, Register, Row, TABLE};
pub use features::Features;

/// Who made a processor, as far as guests see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Intel.
    Intel,
    /// AMD, and all others.
    Amd,
}

impl Vendor {
    /// How iced-x86 is to read code: AMD's processors cut near branches with a 66 prefix to 16 bits
    /// in 64-bit mode, ignore REX.W of far pointers, and have no operands of UD0.
    pub fn decoder_options(self) -> u32 {
        match self {
            Self::Intel => iced_x86::DecoderOptions::NONE,
            Self::Amd => iced_x86::DecoderOptions::AMD,
        }
    }
}

/// An MSR that reads as something fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedMsr {
    /// Its number.
    pub number: u32,
    /// What it reads as.
    pub value: u64,
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
    /// The highest basic leaf of CPUID.
    pub highest_leaf: u32,
    /// The highest extended leaf of CPUID.
    pub highest_extended: u32,
    /// The caches that CPUID tells of, in its order.
    pub caches: Vec<Cache>,
    /// Leaves with fixed contents.
    pub leaves: Vec<FixedLeaf>,
    /// MSRs that others do not have: what RDMSR reads; WRMSR changes nothing.
    pub msrs: Vec<FixedMsr>,
    /// TSC ticks a virtual second.
    pub tsc_hz: u64,
    /// Ticks a virtual second of the APIC timer's clock, which leaf 0x15 tells of; zero if it does
    /// not.
    pub apic_hz: u64,
    /// Where the numbers of RDRAND and RDSEED start.
    pub seed: u64,
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
            highest_leaf: 1,
            highest_extended: 0x8000_0008,
            caches: Vec::new(),
            leaves: Vec::new(),
            msrs: Vec::new(),
            tsc_hz: 1_000_000_000,
            apic_hz: 0,
            seed: 0,
            features: x86_64_v1(),
        }
    }
}

impl CpuModel {
    /// A processor with all that Ringhold has: what tests of instructions run on.
    pub fn everything() -> Self {
        Self {
            brand: "Ringhold, everything".into(),
            highest_leaf: 0xd,
            features: Features::built(),
            ..Self::default()
        }
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

    /// Whose processor it is.
    pub fn vendor(&self) -> Vendor {
        if self.vendor == "GenuineIntel" { Vendor::Intel } else { Vendor::Amd }
    }

    /// Whether both decode the same bytes to the same instructions.
    pub fn reads_as(&self, other: &Self) -> bool {
        self.features == other.features && self.vendor() == other.vendor()
    }

    /// What a fixed MSR reads as, if the model has it.
    pub fn msr(&self, number: u32) -> Option<u64> {
        self.msrs.iter().find(|fixed| fixed.number == number).map(|fixed| fixed.value)
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
}
