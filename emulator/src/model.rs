//! What a processor says of itself by CPUID, and which features it therefore has.
//!
//! A feature that is not offered here raises #UD when it is used.

use serde::{Deserialize, Serialize};

/// CPUID leaf 1, EDX (SDM volume 2, CPUID).
pub mod leaf1_edx {
    /// FPU, VME off, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
    /// PSE-36, CLFSH, MMX, FXSR, SSE, SSE2.
    pub const OFFERED: u32 = 1 << 0
        | 1 << 2
        | 1 << 3
        | 1 << 4
        | 1 << 5
        | 1 << 6
        | 1 << 7
        | 1 << 8
        | 1 << 9
        | 1 << 11
        | 1 << 12
        | 1 << 13
        | 1 << 14
        | 1 << 15
        | 1 << 16
        | 1 << 17
        | 1 << 19
        | 1 << 23
        | 1 << 24
        | 1 << 25
        | 1 << 26;
    /// A local APIC.
    pub const APIC: u32 = 1 << 9;
}

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
    /// Whether a local APIC is there.
    pub apic: bool,
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
            apic: true,
        }
    }
}

impl CpuModel {
    /// MAXPHYADDR
    pub fn physical_bits(&self) -> u8 {
        self.physical_bits
    }

    /// 1 GiB pages.
    pub fn gigabyte_pages(&self) -> bool {
        false
    }

    /// Leaf 1 EAX: type, family, model, stepping.
    pub fn signature(&self) -> u32 {
        let family = u32::from(self.family);
        let (base, extended) = if family >= 15 { (15, family - 15) } else { (family, 0) };
        let model = u32::from(self.model);
        extended << 20 | (model >> 4) << 16 | base << 8 | (model & 15) << 4 | u32::from(self.stepping & 15)
    }

    /// The leaf that CPUID returns for EAX = `leaf` (and ECX = subleaf) on processor `cpu`.
    pub fn cpuid(&self, leaf: u32, _subleaf: u32, cpu: usize) -> Leaf {
        let text = |bytes: &[u8], at: usize| {
            let mut word = [0; 4];
            for (i, byte) in word.iter_mut().enumerate() {
                *byte = bytes.get(at + i).copied().unwrap_or(0);
            }
            u32::from_le_bytes(word)
        };
        let vendor = self.vendor.as_bytes();
        let apic = if self.apic { leaf1_edx::APIC } else { 0 };
        let edx = leaf1_edx::OFFERED & !leaf1_edx::APIC | apic;
        match leaf {
            0 => Leaf { eax: 1, ebx: text(vendor, 0), edx: text(vendor, 4), ecx: text(vendor, 8) },
            // EBX: initial APIC id, one logical processor, CLFLUSH of 8 quadwords.
            1 => Leaf { eax: self.signature(), ebx: (cpu as u32) << 24 | 1 << 16 | 8 << 8, ecx: 0, edx },
            0x8000_0000 => {
                Leaf { eax: 0x8000_0008, ebx: text(vendor, 0), edx: text(vendor, 4), ecx: text(vendor, 8) }
            }
            // The AMD copy of leaf 1's common bits, then SYSCALL, NX, LM; LAHF in long mode.
            0x8000_0001 => Leaf {
                eax: self.signature(),
                ebx: 0,
                ecx: 1,
                edx: edx & 0x0183_f3ff & !(1 << 11) | 1 << 11 | 1 << 20 | 1 << 29,
            },
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
            // Invariant TSC.
            0x8000_0007 => Leaf { edx: 1 << 8, ..Leaf::default() },
            0x8000_0008 => Leaf { eax: 48 << 8 | u32::from(self.physical_bits), ..Leaf::default() },
            _ => Leaf::default(),
        }
    }
}
