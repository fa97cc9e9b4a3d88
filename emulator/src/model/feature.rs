//! The features that processors have, by name: where CPUID tells them, what they rest on, and
//! whether Ringhold has them.
//!
//! Names are those of the manuals' CPUID tables in small letters (SDM volume 2A, CPUID; AMD64
//! volume 3, appendix E). A feature that is not `built` is here because a real processor has it:
//! no model offers it, and the page on models says what is missing.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A register that CPUID fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// EAX
    Eax,
    /// EBX
    Ebx,
    /// ECX
    Ecx,
    /// EDX
    Edx,
}

/// Where CPUID tells of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// EAX on entry.
    pub leaf: u32,
    /// ECX on entry.
    pub subleaf: u32,
    /// Which register of the answer.
    pub register: Register,
    /// Which bit of it.
    pub bit: u8,
}

/// What is known of a feature.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The feature.
    pub feature: Feature,
    /// Its name.
    pub name: &'static str,
    /// Where CPUID tells of it.
    pub place: Place,
    /// Whether Ringhold has it.
    pub built: bool,
    /// What it cannot be without.
    pub needs: &'static [Feature],
}

/// Whether Ringhold has a feature: the two words of the table's fourth column.
mod state {
    pub const BUILT: bool = true;
    pub const MISSING: bool = false;
}

/// One section of rows for each register: leaf, subleaf, register; then bit, name, whether it is
/// built, and what it needs.
macro_rules! features {
    ($(
        ($leaf:literal, $subleaf:literal, $register:ident):
        $($bit:literal $feature:ident $name:literal $state:ident [$($needs:ident)*],)*
    )*) => {
        /// A feature of a processor. [`TABLE`] tells about each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Feature {
            $($(
                #[doc = $name]
                $feature,
            )*)*
        }

        /// Every feature, in the order of [`Feature`].
        pub const TABLE: &[Row] = &[
            $($(Row {
                feature: Feature::$feature,
                name: $name,
                place: Place { leaf: $leaf, subleaf: $subleaf, register: Register::$register, bit: $bit },
                built: state::$state,
                needs: &[$(Feature::$needs),*],
            },)*)*
        ];
    };
}

features! {
    (1, 0, Edx):
        0  Fpu              "fpu"              BUILT   [],
        1  Vme              "vme"              BUILT   [],
        2  De               "de"               BUILT   [],
        3  Pse              "pse"              BUILT   [],
        4  Tsc              "tsc"              BUILT   [],
        5  Msr              "msr"              BUILT   [],
        6  Pae              "pae"              BUILT   [],
        7  Mce              "mce"              BUILT   [],
        8  Cx8              "cx8"              BUILT   [],
        9  Apic             "apic"             BUILT   [Msr],
        11 Sep              "sep"              BUILT   [Msr],
        12 Mtrr             "mtrr"             BUILT   [Msr],
        13 Pge              "pge"              BUILT   [],
        14 Mca              "mca"              BUILT   [Mce Msr],
        15 Cmov             "cmov"             BUILT   [],
        16 Pat              "pat"              BUILT   [Msr],
        17 Pse36            "pse36"            BUILT   [Pse],
        19 Clfsh            "clfsh"            BUILT   [],
        21 Ds               "ds"               MISSING [],
        22 Acpi             "acpi"             MISSING [],
        23 Mmx              "mmx"              BUILT   [Fpu],
        24 Fxsr             "fxsr"             BUILT   [Fpu],
        25 Sse              "sse"              BUILT   [Fxsr Mmx],
        26 Sse2             "sse2"             BUILT   [Sse],
        27 Ss               "ss"               MISSING [],
        28 Htt              "htt"              MISSING [],
        29 Tm               "tm"               MISSING [],
        31 Pbe              "pbe"              MISSING [],

    (1, 0, Ecx):
        0  Sse3             "sse3"             BUILT   [Sse2],
        1  Pclmulqdq        "pclmulqdq"        BUILT   [Sse2],
        2  Dtes64           "dtes64"           MISSING [Ds],
        3  Monitor          "monitor"          BUILT   [],
        4  DsCpl            "ds_cpl"           MISSING [Ds],
        5  Vmx              "vmx"              MISSING [],
        6  Smx              "smx"              MISSING [],
        7  Est              "est"              MISSING [],
        8  Tm2              "tm2"              MISSING [],
        9  Ssse3            "ssse3"            BUILT   [Sse3],
        11 Sdbg             "sdbg"             MISSING [],
        12 Fma              "fma"              BUILT   [Avx],
        13 Cx16             "cx16"             BUILT   [Cx8],
        14 Xtpr             "xtpr"             MISSING [],
        15 Pdcm             "pdcm"             MISSING [],
        17 Pcid             "pcid"             BUILT   [Lm],
        18 Dca              "dca"              MISSING [],
        19 Sse4_1           "sse4_1"           BUILT   [Ssse3],
        20 Sse4_2           "sse4_2"           BUILT   [Sse4_1],
        21 X2apic           "x2apic"           BUILT   [Apic],
        22 Movbe            "movbe"            BUILT   [],
        23 Popcnt           "popcnt"           BUILT   [],
        24 TscDeadline      "tsc_deadline"     BUILT   [Apic Tsc],
        25 Aes              "aes"              BUILT   [Sse2],
        26 Xsave            "xsave"            BUILT   [Fxsr],
        28 Avx              "avx"              BUILT   [Xsave Sse4_2],
        29 F16c             "f16c"             BUILT   [Avx],
        30 Rdrand           "rdrand"           BUILT   [],
        31 Hypervisor       "hypervisor"       MISSING [],

    (6, 0, Eax):
        0  Dtherm           "dtherm"           MISSING [],
        1  Ida              "ida"              MISSING [],
        2  Arat             "arat"             BUILT   [Apic],
        4  Pln              "pln"              MISSING [],
        6  Pts              "pts"              MISSING [],
        7  Hwp              "hwp"              MISSING [],

    (7, 0, Ebx):
        0  Fsgsbase         "fsgsbase"         BUILT   [Lm],
        1  TscAdjust        "tsc_adjust"       BUILT   [Tsc Msr],
        2  Sgx              "sgx"              MISSING [],
        3  Bmi1             "bmi1"             BUILT   [],
        4  Hle              "hle"              MISSING [],
        5  Avx2             "avx2"             BUILT   [Avx],
        6  FdpExcptnOnly    "fdp_excptn_only"  BUILT   [Fpu],
        7  Smep             "smep"             BUILT   [],
        8  Bmi2             "bmi2"             BUILT   [],
        9  Erms             "erms"             BUILT   [],
        10 Invpcid          "invpcid"          BUILT   [Pcid],
        11 Rtm              "rtm"              MISSING [],
        12 RdtM             "rdt_m"            MISSING [],
        13 FpcsDeprecated   "fpcs_deprecated"  BUILT   [Fpu],
        14 Mpx              "mpx"              MISSING [Xsave],
        15 RdtA             "rdt_a"            MISSING [],
        16 Avx512f          "avx512f"          MISSING [Avx2 Fma F16c],
        17 Avx512dq         "avx512dq"         MISSING [Avx512f],
        18 Rdseed           "rdseed"           BUILT   [],
        19 Adx              "adx"              BUILT   [],
        20 Smap             "smap"             BUILT   [],
        21 Avx512ifma       "avx512_ifma"      MISSING [Avx512f],
        23 Clflushopt       "clflushopt"       BUILT   [Clfsh],
        24 Clwb             "clwb"             BUILT   [Clfsh],
        25 IntelPt          "intel_pt"         MISSING [],
        28 Avx512cd         "avx512cd"         MISSING [Avx512f],
        29 Sha              "sha"              BUILT   [Sse2],
        30 Avx512bw         "avx512bw"         MISSING [Avx512f],
        31 Avx512vl         "avx512vl"         MISSING [Avx512f],

    (7, 0, Ecx):
        2  Umip             "umip"             BUILT   [],
        3  Pku              "pku"              BUILT   [Lm],
        5  Waitpkg          "waitpkg"          BUILT   [Tsc Msr],
        8  Gfni             "gfni"             BUILT   [Sse2],
        9  Vaes             "vaes"             BUILT   [Avx Aes],
        10 Vpclmulqdq       "vpclmulqdq"       BUILT   [Avx Pclmulqdq],
        16 La57             "la57"             BUILT   [Lm],
        22 Rdpid            "rdpid"            BUILT   [Msr],
        27 Movdiri          "movdiri"          BUILT   [],
        28 Movdir64b        "movdir64b"        BUILT   [],
        29 Enqcmd           "enqcmd"           MISSING [],

    (7, 0, Edx):
        4  Fsrm             "fsrm"             BUILT   [],
        10 MdClear          "md_clear"         MISSING [],
        14 Serialize        "serialize"        BUILT   [],
        26 SpecCtrl         "spec_ctrl"        MISSING [Msr],
        27 Stibp            "stibp"            MISSING [SpecCtrl],
        28 L1dFlush         "l1d_flush"        MISSING [Msr],
        29 ArchCapabilities "arch_capabilities" MISSING [Msr],
        31 Ssbd             "ssbd"             MISSING [SpecCtrl],

    (0xd, 1, Eax):
        0  Xsaveopt         "xsaveopt"         BUILT   [Xsave],
        1  Xsavec           "xsavec"           BUILT   [Xsave],
        2  Xgetbv1          "xgetbv1"          BUILT   [Xsave],
        3  Xsaves           "xsaves"           BUILT   [Xsavec Msr],

    (0x8000_0001, 0, Ecx):
        0  LahfLm           "lahf_lm"          BUILT   [Lm],
        1  CmpLegacy        "cmp_legacy"       MISSING [],
        2  Svm              "svm"              MISSING [],
        3  Extapic          "extapic"          MISSING [Apic],
        4  Cr8Legacy        "cr8_legacy"       BUILT   [],
        5  Lzcnt            "lzcnt"            BUILT   [],
        6  Sse4a            "sse4a"            MISSING [Sse3],
        7  Misalignsse      "misalignsse"      MISSING [Sse],
        8  Prefetchw        "3dnowprefetch"    BUILT   [],
        9  Osvw             "osvw"             MISSING [Msr],
        10 Ibs              "ibs"              MISSING [Msr],
        12 Skinit           "skinit"           MISSING [],
        13 Wdt              "wdt"              MISSING [],
        17 Tce              "tce"              MISSING [],
        22 Topoext          "topoext"          MISSING [],
        23 PerfctrCore      "perfctr_core"     MISSING [Msr],
        24 PerfctrNb        "perfctr_nb"       MISSING [Msr],
        26 Bpext            "bpext"            MISSING [Msr],
        28 PerfctrLlc       "perfctr_llc"      MISSING [Msr],
        29 Monitorx         "monitorx"         MISSING [],

    (0x8000_0001, 0, Edx):
        11 Syscall          "syscall"          BUILT   [Msr],
        20 Nx               "nx"               BUILT   [Pae Msr],
        22 Mmxext           "mmxext"           MISSING [Mmx],
        25 FxsrOpt          "fxsr_opt"         MISSING [Fxsr],
        26 Pdpe1gb          "pdpe1gb"          BUILT   [Lm],
        27 Rdtscp           "rdtscp"           BUILT   [Tsc Msr],
        29 Lm               "lm"               BUILT   [Fpu Tsc Msr Pae Cx8 Cmov Sse2 Syscall],

    (0x8000_0007, 0, Edx):
        0  Ts               "ts"               MISSING [],
        4  Htc              "htc"              MISSING [],
        7  HwPstate         "hw_pstate"        MISSING [Msr],
        8  InvariantTsc     "invariant_tsc"    BUILT   [Tsc],
        9  Cpb              "cpb"              MISSING [Msr],

    (0x8000_0008, 0, Ebx):
        0  Clzero           "clzero"           MISSING [],
        1  Irperf           "irperf"           MISSING [Msr],
        2  Xsaveerptr       "xsaveerptr"       BUILT   [Fxsr],
        4  Rdpru            "rdpru"            MISSING [],
        9  Wbnoinvd         "wbnoinvd"         BUILT   [],
        12 AmdIbpb          "ibpb"             MISSING [Msr],
        14 AmdIbrs          "ibrs"             MISSING [Msr],
        15 AmdStibp         "amd_stibp"        MISSING [Msr],
        24 AmdSsbd          "amd_ssbd"         MISSING [Msr],
}

impl Feature {
    /// Every feature.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.feature)
    }

    /// The feature of this name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.feature)
    }

    /// What is known of it.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether Ringhold has it: a model may offer it.
    pub fn built(self) -> bool {
        self.row().built
    }

    /// What it cannot be without, directly.
    pub fn needs(self) -> &'static [Self] {
        self.row().needs
    }
}

impl Serialize for Feature {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::named(&name).ok_or_else(|| {
            let known: Vec<_> = TABLE.iter().filter(|row| row.built).map(|row| row.name).collect();
            D::Error::custom(format!("no feature is called {name:?}; there are {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_and_each_place_is_there_once() {
        for (n, row) in TABLE.iter().enumerate() {
            assert_eq!(row.feature as usize, n);
            for other in &TABLE[n + 1..] {
                assert_ne!(row.name, other.name);
                assert_ne!(row.place, other.place, "{} and {}", row.name, other.name);
            }
        }
    }

    #[test]
    fn what_is_built_rests_on_what_is_built() {
        for row in TABLE.iter().filter(|row| row.built) {
            for needed in row.needs {
                assert!(needed.built(), "{} needs {}", row.name, needed.name());
            }
        }
    }
}
