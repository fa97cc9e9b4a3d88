//! What CPUID answers (SDM volume 2A, CPUID; AMD64 volume 3, appendix E).

use serde::{Deserialize, Serialize};

use super::components;
use super::feature::Feature;
use super::{CpuModel, Vendor};
use crate::state::cr4;

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

/// What CPUID answers by beside the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The processor's number.
    pub cpu: usize,
    /// CR4
    pub cr4: u64,
    /// XCR0
    pub xcr0: u64,
    /// IA32_XSS
    pub xss: u64,
    /// Whether it is asked in 64-bit mode.
    pub long: bool,
}

/// A leaf whose contents a model gives as they are: descriptors of caches and TLBs, C-states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedLeaf {
    /// EAX on entry.
    pub leaf: u32,
    /// EAX
    #[serde(default)]
    pub eax: u32,
    /// EBX
    #[serde(default)]
    pub ebx: u32,
    /// ECX
    #[serde(default)]
    pub ecx: u32,
    /// EDX
    #[serde(default)]
    pub edx: u32,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheKind {
    /// Data.
    Data,
    /// Instructions.
    Instruction,
    /// Both.
    Unified,
}

/// A cache, for the leaves that tell about it (4, and 0x8000001D with `topoext`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// 1 is nearest to the processor.
    pub level: u8,
    /// What it holds.
    pub kind: CacheKind,
    /// Ways of associativity.
    pub ways: u16,
    /// Sets.
    pub sets: u32,
    /// Whether the lower levels' lines are in it too.
    #[serde(default)]
    pub inclusive: bool,
    /// Whether its index is more than some bits of the address.
    #[serde(default)]
    pub hashed: bool,
}

/// Bytes of a line of every cache.
const LINE: u32 = 64;

impl Cache {
    /// Bytes.
    pub fn size(&self) -> u64 {
        u64::from(self.ways) * u64::from(self.sets) * u64::from(LINE)
    }

    /// Leaf 4 and 0x8000001D: one processor uses it.
    fn leaf(&self) -> Leaf {
        let kind = match self.kind {
            CacheKind::Data => 1,
            CacheKind::Instruction => 2,
            CacheKind::Unified => 3,
        };
        const SELF_INITIALIZING: u32 = 1 << 8;
        Leaf {
            eax: kind | u32::from(self.level) << 5 | SELF_INITIALIZING,
            ebx: (LINE - 1) | (u32::from(self.ways).wrapping_sub(1) & 0x3ff) << 22,
            ecx: self.sets.wrapping_sub(1),
            edx: u32::from(self.inclusive) << 1 | u32::from(self.hashed) << 2,
        }
    }
}

/// Four letters of a text.
fn text(bytes: &[u8], at: usize) -> u32 {
    let rest = bytes.get(at..).unwrap_or_default();
    let letter = |n: usize| rest.get(n).copied().unwrap_or(0);
    u32::from_le_bytes(rest.first_chunk().copied().unwrap_or_else(|| std::array::from_fn(letter)))
}

impl CpuModel {
    /// The leaf that CPUID returns for EAX = `leaf` (and ECX = subleaf).
    pub fn cpuid(&self, leaf: u32, subleaf: u32, now: Now) -> Leaf {
        match leaf {
            0..=0x3fff_ffff if leaf <= self.highest_leaf => self.basic(leaf, subleaf, now),
            0x8000_0000.. if leaf <= self.highest_extended => self.extended(leaf, subleaf, now),
            // Beyond the highest leaf Intel's processors answer with the highest basic one.
            _ if self.vendor() == Vendor::Intel => self.basic(self.highest_leaf, subleaf, now),
            _ => Leaf::default(),
        }
    }

    fn feature_bits(&self, leaf: u32, subleaf: u32) -> Leaf {
        // The other leaves do not look at ECX.
        let subleaf = if matches!(leaf, 7 | 0xd) { subleaf } else { 0 };
        let [eax, ebx, ecx, edx] = self.features.bits(leaf, subleaf);
        Leaf { eax, ebx, ecx, edx }
    }

    fn fixed(&self, leaf: u32) -> Leaf {
        let found = self.leaves.iter().find(|fixed| fixed.leaf == leaf);
        found.map_or(Leaf::default(), |f| Leaf { eax: f.eax, ebx: f.ebx, ecx: f.ecx, edx: f.edx })
    }

    fn vendor_leaf(&self, highest: u32) -> Leaf {
        let vendor = self.vendor.as_bytes();
        Leaf { eax: highest, ebx: text(vendor, 0), edx: text(vendor, 4), ecx: text(vendor, 8) }
    }

    fn basic(&self, leaf: u32, subleaf: u32, now: Now) -> Leaf {
        if leaf == 0 {
            return self.vendor_leaf(self.highest_leaf);
        }
        let has = self.feature_bits(leaf, subleaf);
        let on = |bit: u64| u32::from(now.cr4 & bit != 0);
        match leaf {
            // EBX: initial APIC id, one logical processor, CLFLUSH of 8 quadwords. ECX: OSXSAVE.
            1 => Leaf {
                eax: self.signature(),
                ebx: (now.cpu as u32) << 24 | 1 << 16 | 8 << 8,
                ecx: has.ecx | on(cr4::OSXSAVE) << 27,
                ..has
            },
            4 => self.cache_leaf(subleaf),
            5 if !self.has(Feature::Monitor) => Leaf::default(),
            // ECX: OSPKE.
            7 if subleaf == 0 => Leaf { ecx: has.ecx | on(cr4::PKE) << 4, ..has },
            7 => has,
            0xb => topology(subleaf, now.cpu),
            0xd if self.has(Feature::Xsave) => self.extended_state(subleaf, now),
            0x15 if self.apic_hz != 0 => clock_ratio(self.tsc_hz, self.apic_hz),
            0x16 => Leaf { eax: self.megahertz(), ebx: self.megahertz(), ecx: 100, edx: 0 },
            _ => {
                let fixed = self.fixed(leaf);
                Leaf {
                    eax: fixed.eax | has.eax,
                    ebx: fixed.ebx | has.ebx,
                    ecx: fixed.ecx | has.ecx,
                    edx: fixed.edx | has.edx,
                }
            }
        }
    }

    fn megahertz(&self) -> u32 {
        u32::try_from(self.tsc_hz / 1_000_000).unwrap_or(u32::MAX) & 0xffff
    }

    fn cache_leaf(&self, subleaf: u32) -> Leaf {
        self.caches.get(subleaf as usize).map_or(Leaf::default(), Cache::leaf)
    }

    /// Leaf 0xD (SDM volume 1, 13.2).
    fn extended_state(&self, subleaf: u32, now: Now) -> Leaf {
        let supported = components::supported(&self.features);
        match subleaf {
            0 => Leaf {
                eax: supported as u32,
                ebx: components::standard_size(now.xcr0),
                ecx: components::standard_size(supported),
                edx: (supported >> 32) as u32,
            },
            1 => {
                let compacts = self.has(Feature::Xsavec) || self.has(Feature::Xsaves);
                let size = if compacts { components::compacted_size(now.xcr0 | now.xss) } else { 0 };
                Leaf { ebx: size, ..self.feature_bits(0xd, 1) }
            }
            _ => {
                let mut components = components::extended(supported);
                let found = components.find(|one| one.index == subleaf);
                found.map_or(Leaf::default(), |one| Leaf { eax: one.size, ebx: one.offset, ecx: 0, edx: 0 })
            }
        }
    }

    fn extended(&self, leaf: u32, subleaf: u32, now: Now) -> Leaf {
        let has = self.feature_bits(leaf, 0);
        let intel = self.vendor() == Vendor::Intel;
        match leaf {
            0x8000_0000 if intel => Leaf { eax: self.highest_extended, ..Leaf::default() },
            0x8000_0000 => self.vendor_leaf(self.highest_extended),
            // Intel's processors tell of SYSCALL where it can be used.
            0x8000_0001 if intel => Leaf { edx: has.edx & !(u32::from(!now.long) << 11), ..has },
            // AMD has a copy of leaf 1's common bits here.
            0x8000_0001 => {
                let copy = self.feature_bits(1, 0).edx & 0x0183_f3ff;
                Leaf { eax: self.signature(), edx: has.edx | copy, ..has }
            }
            0x8000_0002..=0x8000_0004 => {
                let (at, brand) = ((leaf - 0x8000_0002) as usize * 16, self.brand.as_bytes());
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
            0x8000_001d if self.has(Feature::Topoext) => self.cache_leaf(subleaf),
            // APIC id, core, node: each processor is a core of its own.
            0x8000_001e if self.has(Feature::Topoext) => {
                Leaf { eax: now.cpu as u32, ebx: now.cpu as u32 & 0xff, ..Leaf::default() }
            }
            _ => {
                let fixed = self.fixed(leaf);
                Leaf { ebx: fixed.ebx | has.ebx, edx: fixed.edx | has.edx, ..fixed }
            }
        }
    }
}

/// Leaf 0xB: one thread in the core, one core in the package.
fn topology(subleaf: u32, cpu: usize) -> Leaf {
    let (count, kind) = match subleaf {
        0 => (1, 1),
        1 => (1, 2),
        _ => (0, 0),
    };
    Leaf { eax: 0, ebx: count, ecx: subleaf & 0xff | kind << 8, edx: cpu as u32 }
}

/// Leaf 0x15: the TSC runs EBX / EAX times as fast as the clock of ECX hertz, the APIC's.
fn clock_ratio(tsc_hz: u64, apic_hz: u64) -> Leaf {
    let (mut a, mut b) = (tsc_hz, apic_hz);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let small = |value: u64| u32::try_from(value).unwrap_or(0);
    Leaf { eax: small(apic_hz / a), ebx: small(tsc_hz / a), ecx: small(apic_hz), edx: 0 }
}
