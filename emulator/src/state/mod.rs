//! The state of a processor: plain data, hashable and savable.

mod flags;
mod segment;
mod smm;
mod vector;
mod x87;

pub use flags::{Flags, bit as flag};
pub use segment::{Kind, Segment, Table, reg as sreg};
pub use smm::{IoAccess, Smm};
pub use vector::{MXCSR_MASK, Vector};
pub use x87::{F80, Pointers, X87};

use serde::{Deserialize, Serialize};

/// Numbers of the general registers, as instructions encode them, and the two pseudo-registers
/// that make every effective address the same sum.
pub mod gpr {
    /// RAX
    pub const RAX: u8 = 0;
    /// RCX
    pub const RCX: u8 = 1;
    /// RDX
    pub const RDX: u8 = 2;
    /// RBX
    pub const RBX: u8 = 3;
    /// RSP
    pub const RSP: u8 = 4;
    /// RBP
    pub const RBP: u8 = 5;
    /// RSI
    pub const RSI: u8 = 6;
    /// RDI
    pub const RDI: u8 = 7;
    /// R8; R9 to R15 follow.
    pub const R8: u8 = 8;
    /// Always zero: the base or index that an operand does not have.
    pub const ZERO: u8 = 16;
    /// The linear address (offset in CS) at which the current block began: the base of
    /// RIP-relative operands.
    pub const BLOCK_IP: u8 = 17;
}

/// CR0 bits.
pub mod cr0 {
    /// Protection enable.
    pub const PE: u64 = 1 << 0;
    /// Monitor coprocessor.
    pub const MP: u64 = 1 << 1;
    /// Emulation.
    pub const EM: u64 = 1 << 2;
    /// Task switched.
    pub const TS: u64 = 1 << 3;
    /// Extension type; always one.
    pub const ET: u64 = 1 << 4;
    /// Numeric error.
    pub const NE: u64 = 1 << 5;
    /// Write protect.
    pub const WP: u64 = 1 << 16;
    /// Alignment mask.
    pub const AM: u64 = 1 << 18;
    /// Not write-through.
    pub const NW: u64 = 1 << 29;
    /// Cache disable.
    pub const CD: u64 = 1 << 30;
    /// Paging.
    pub const PG: u64 = 1 << 31;
}

/// CR4 bits.
pub mod cr4 {
    /// Virtual-8086 mode extensions.
    pub const VME: u64 = 1 << 0;
    /// Protected-mode virtual interrupts.
    pub const PVI: u64 = 1 << 1;
    /// Time stamp disable.
    pub const TSD: u64 = 1 << 2;
    /// Debugging extensions.
    pub const DE: u64 = 1 << 3;
    /// Page size extensions.
    pub const PSE: u64 = 1 << 4;
    /// Physical address extension.
    pub const PAE: u64 = 1 << 5;
    /// Machine-check enable.
    pub const MCE: u64 = 1 << 6;
    /// Page global enable.
    pub const PGE: u64 = 1 << 7;
    /// Performance counters in ring 3.
    pub const PCE: u64 = 1 << 8;
    /// FXSAVE and SSE.
    pub const OSFXSR: u64 = 1 << 9;
    /// Unmasked SIMD exceptions raise #XM.
    pub const OSXMMEXCPT: u64 = 1 << 10;
    /// User-mode instruction prevention.
    pub const UMIP: u64 = 1 << 11;
    /// 57-bit linear addresses.
    pub const LA57: u64 = 1 << 12;
    /// RDFSBASE and its kin.
    pub const FSGSBASE: u64 = 1 << 16;
    /// Process-context identifiers.
    pub const PCIDE: u64 = 1 << 17;
    /// XSAVE.
    pub const OSXSAVE: u64 = 1 << 18;
    /// Supervisor-mode execution prevention.
    pub const SMEP: u64 = 1 << 20;
    /// Supervisor-mode access prevention.
    pub const SMAP: u64 = 1 << 21;
    /// Protection keys of user pages.
    pub const PKE: u64 = 1 << 22;
}

/// IA32_EFER bits.
pub mod efer {
    /// SYSCALL enable.
    pub const SCE: u64 = 1 << 0;
    /// Long mode enable.
    pub const LME: u64 = 1 << 8;
    /// Long mode active.
    pub const LMA: u64 = 1 << 10;
    /// Execute-disable enable.
    pub const NXE: u64 = 1 << 11;
}

/// Control and debug registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// CR0
    pub cr0: u64,
    /// CR2
    pub cr2: u64,
    /// CR3
    pub cr3: u64,
    /// CR4
    pub cr4: u64,
    /// CR8, where no local APIC keeps it.
    pub cr8: u8,
    /// IA32_EFER
    pub efer: u64,
    /// XCR0
    pub xcr0: u64,
    /// PKRU: two bits for each protection key, access and write disabled.
    pub pkru: u32,
    /// The PDPTEs that PAE paging loaded with CR3 (SDM volume 3, 5.4.1).
    pub pdptes: [u64; 4],
    /// DR0 to DR3
    pub dr: [u64; 4],
    /// DR6
    pub dr6: u64,
    /// DR7
    pub dr7: u64,
    /// Bits of DR6 that the next debug trap will set, and [`pending_debug::HELD`].
    pub pending_debug: u64,
}

/// Bits of [`Control::pending_debug`] beside those of DR6.
pub mod pending_debug {
    /// It was a load of SS that set [`super::CpuState::shadow_at`]: debug exceptions are held off too.
    pub const HELD: u64 = 1 << 32;
}

/// DR6 bits.
pub mod dr6 {
    /// Access to a debug register detected.
    pub const BD: u64 = 1 << 13;
    /// Single step.
    pub const BS: u64 = 1 << 14;
    /// Task switch.
    pub const BT: u64 = 1 << 15;
}

impl Default for Control {
    /// The values after reset (SDM volume 3, table 11-1).
    fn default() -> Self {
        Self {
            cr0: cr0::CD | cr0::NW | cr0::ET,
            cr2: 0,
            cr3: 0,
            cr4: 0,
            cr8: 0,
            efer: 0,
            xcr0: 1,
            pkru: 0,
            pdptes: [0; 4],
            dr: [0; 4],
            dr6: 0xffff_0ff0,
            dr7: 0x400,
            pending_debug: 0,
        }
    }
}

/// Model-specific registers that are plain storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Msrs {
    /// IA32_STAR
    pub star: u64,
    /// IA32_LSTAR
    pub lstar: u64,
    /// IA32_CSTAR
    pub cstar: u64,
    /// IA32_FMASK
    pub fmask: u64,
    /// IA32_KERNEL_GS_BASE
    pub kernel_gs_base: u64,
    /// IA32_SYSENTER_CS
    pub sysenter_cs: u64,
    /// IA32_SYSENTER_ESP
    pub sysenter_esp: u64,
    /// IA32_SYSENTER_EIP
    pub sysenter_eip: u64,
    /// IA32_PAT
    pub pat: u64,
    /// What is added to the clock's ticks to give the TSC.
    pub tsc_offset: u64,
    /// IA32_TSC_ADJUST
    pub tsc_adjust: u64,
    /// IA32_TSC_AUX
    pub tsc_aux: u64,
    /// IA32_MISC_ENABLE
    pub misc_enable: u64,
    /// IA32_MTRR_DEF_TYPE
    pub mtrr_def_type: u64,
    /// IA32_MTRR_PHYSBASEn and PHYSMASKn, in turn
    pub mtrr_variable: [u64; 16],
    /// The eleven fixed-range MTRRs
    pub mtrr_fixed: [u64; 11],
    /// IA32_APIC_BASE, where no local APIC keeps it.
    pub apic_base: u64,
    /// IA32_SPEC_CTRL
    pub spec_ctrl: u64,
    /// IA32_MCG_STATUS
    pub mcg_status: u64,
    /// IA32_MCi_CTL, STATUS, ADDR, MISC of each bank
    pub mc_banks: [[u64; 4]; 10],
    /// IA32_DEBUGCTL
    pub debugctl: u64,
    /// IA32_UMWAIT_CONTROL
    pub umwait_control: u64,
    /// IA32_XSS
    pub xss: u64,
}

impl Default for Msrs {
    fn default() -> Self {
        Self {
            star: 0,
            lstar: 0,
            cstar: 0,
            fmask: 0,
            kernel_gs_base: 0,
            sysenter_cs: 0,
            sysenter_esp: 0,
            sysenter_eip: 0,
            pat: 0x0007_0406_0007_0406,
            tsc_offset: 0,
            tsc_adjust: 0,
            tsc_aux: 0,
            misc_enable: 1,
            mtrr_def_type: 0,
            mtrr_variable: [0; 16],
            mtrr_fixed: [0; 11],
            apic_base: 0xfee0_0900,
            spec_ctrl: 0,
            mcg_status: 0,
            mc_banks: [[0; 4]; 10],
            debugctl: 0,
            umwait_control: 0,
            xss: 0,
        }
    }
}

/// What ends a wait, beside interrupts that are not masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The moment in virtual nanoseconds; the greatest number if there is none.
    pub until_ns: u64,
    /// That moment is the limit of IA32_UMWAIT_CONTROL, which CF tells.
    pub limited: bool,
    /// Masked interrupts end it.
    pub masked: bool,
    /// A write to the monitored line ends it.
    pub monitoring: bool,
}

/// Whether the processor executes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// It executes instructions.
    #[default]
    Running,
    /// HLT: it waits for an interrupt.
    Halted,
    /// MWAIT, UMWAIT, TPAUSE: it waits.
    Waiting(Wait),
    /// Triple fault: it waits for a reset.
    Shutdown,
    /// An application processor waits for STARTUP.
    WaitForStartup,
}

/// Everything that the future of a processor depends on, beside its TLB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuState {
    /// The sixteen general registers.
    pub gpr: [u64; 16],
    /// RIP
    pub rip: u64,
    /// RFLAGS
    pub rflags: u64,
    /// ES, CS, SS, DS, FS, GS
    pub segments: [Segment; 6],
    /// LDTR
    pub ldtr: Segment,
    /// TR
    pub tr: Segment,
    /// GDTR
    pub gdtr: Table,
    /// IDTR
    pub idtr: Table,
    /// Control and debug registers
    pub control: Control,
    /// Model-specific registers
    pub msr: Msrs,
    /// x87 state
    pub x87: X87,
    /// SSE state
    pub vector: Vector,
    /// Whether it executes
    pub activity: Activity,
    /// Interrupts are held off at this instruction count (after STI, MOV SS).
    pub shadow_at: Option<u64>,
    /// NMIs are held off until IRET.
    pub nmi_blocked: bool,
    /// System management mode.
    pub smm: Smm,
    /// Where the sequence of RDRAND and RDSEED stands.
    pub random: u64,
}
