//! A processor: its state, and the hot twin of it that can be rebuilt.

use crate::mmu::tlb::Tlb;
use crate::mmu::walk;
use crate::model::{CpuModel, Feature};
use crate::state::{
    Activity, Control, CpuState, Flags, Msrs, Segment, Smm, Table, Vector, X87, cr0, cr4, efer, flag, gpr,
    sreg,
};

/// An exception on its way to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// 0 to 31.
    pub vector: u8,
    /// The error code, for the vectors that have one.
    pub error: Option<u32>,
}

/// How wide code is by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeSize {
    /// Real mode, virtual-8086 mode, 16-bit segments.
    Bits16,
    /// 32-bit segments.
    Bits32,
    /// 64-bit mode.
    Bits64,
}

/// One processor.
pub struct Cpu {
    /// General registers, then the two pseudo-registers of [`gpr`]. 32 places, so that a masked
    /// index is always within.
    pub gpr: [u64; 32],
    /// RFLAGS
    pub flags: Flags,
    /// Bases that memory operands add, by segment number; zero for flat ones. Hot twin of `seg`.
    pub seg_base: [u64; 8],
    /// Instructions retired when the current block began.
    pub retired: u64,
    /// Which TLB view data accesses use. Hot twin of CPL, CR0.AM, CR4.SMAP and AC.
    pub view: usize,
    /// What the last load off the fast path read.
    pub(crate) loaded: [u8; 32],
    /// Which instruction of the block left it, when one did.
    pub left_at: u8,
    /// The current slice of a block has one instruction: device accesses may happen.
    pub alone: bool,
    /// SSE instructions may run. Hot twin of CR0.EM, CR0.TS, CR4.OSFXSR.
    pub sse_ready: bool,
    /// Instructions with VEX may run. Hot twin of what [`Self::avx_enabled`] looks at and CR0.TS.
    pub avx_ready: bool,
    /// MMX instructions may run. Hot twin of CR0.EM, CR0.TS.
    pub mmx_ready: bool,
    /// Each block must be checked against the limit of CS and the instruction breakpoints. Hot
    /// twin of CS, DR7.
    pub careful: bool,
    /// Accesses may have to be told: a data or I/O breakpoint is enabled, or memory is watched
    /// from outside. Hot twin of DR7 and of what follows.
    pub watching: bool,
    /// Memory is watched from outside. Hot twin of [`crate::points::Watches`].
    pub(crate) watched: bool,
    /// Current privilege level.
    pub cpl: u8,
    /// How wide code is. Hot twin of CS, CR0 and EFER.
    size: CodeSize,
    /// What tells code of one size and privilege from that of another at the same RIP: bits that
    /// no canonical address has alone.
    pub mode_tag: u64,
    /// Processors of a machine with one value decode alike: they have one vendor and the same
    /// features.
    pub(crate) reading: u8,
    /// 64 less the width of a canonical address. Hot twin of CR4.LA57.
    canonical_shift: u32,
    /// Translations. The boxed arrays are reached by pointer.
    pub tlb: Tlb,
    /// RIP; exact between blocks.
    pub rip: u64,
    /// The exception that the last [`crate::exec::Leave::Fault`] reported. Set too by instructions
    /// after which no single-step trap is taken.
    pub exception: Option<Exception>,
    /// ES, CS, SS, DS, FS, GS
    pub seg: [Segment; 6],
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
    /// Interrupts are held off at this instruction count.
    pub shadow_at: Option<u64>,
    /// NMIs are held off until IRET.
    pub nmi_blocked: bool,
    /// System management mode.
    pub smm: Smm,
    /// Where the sequence of RDRAND and RDSEED stands.
    pub random: u64,
    /// Counted from zero.
    pub id: usize,
    /// What CPUID says and which features exist.
    pub model: CpuModel,
    /// The instruction count at which the current slice must end.
    pub deadline: u64,
    /// The instruction count at which an interrupt or exception was delivered last, and how many
    /// were delivered there.
    delivered: (u64, u64),
}

impl Cpu {
    /// A processor after reset.
    pub fn new(id: usize, model: CpuModel) -> Self {
        let mut cpu = Self {
            gpr: [0; 32],
            flags: Flags::default(),
            seg_base: [0; 8],
            retired: 0,
            view: 0,
            loaded: [0; 32],
            left_at: 0,
            alone: false,
            sse_ready: false,
            avx_ready: false,
            mmx_ready: false,
            careful: true,
            watching: false,
            watched: false,
            cpl: 0,
            size: CodeSize::Bits16,
            mode_tag: 0,
            reading: 0,
            canonical_shift: 16,
            tlb: Tlb::new(id),
            rip: 0,
            exception: None,
            seg: [Segment::default(); 6],
            ldtr: Segment::default(),
            tr: Segment::default(),
            gdtr: Table::default(),
            idtr: Table::default(),
            control: Control::default(),
            msr: Msrs::default(),
            x87: X87::default(),
            vector: Vector::default(),
            activity: Activity::Running,
            shadow_at: None,
            nmi_blocked: false,
            smm: Smm::default(),
            random: 0,
            id,
            model,
            deadline: 0,
            delivered: (0, 0),
        };
        cpu.reset();
        cpu
    }

    /// Interrupts and exceptions delivered since the instruction count is what it is.
    pub fn deliveries(&self) -> u64 {
        if self.delivered.0 == self.retired { self.delivered.1 } else { 0 }
    }

    /// Counts a delivery.
    pub(crate) fn count_delivery(&mut self) {
        self.delivered = (self.retired, self.deliveries() + 1);
    }

    /// What tells a point between two instructions from others: instruction count, deliveries,
    /// linear address.
    pub(crate) fn point(&self) -> (u64, u64, u64) {
        (self.retired, self.deliveries(), self.linear_ip())
    }

    /// The linear address of the next instruction, unchecked.
    pub fn linear_ip(&self) -> u64 {
        let linear = self.rip.wrapping_add(self.seg_base[usize::from(sreg::CS)]);
        if self.size == CodeSize::Bits64 { linear } else { linear & 0xffff_ffff }
    }

    /// Hardware reset (SDM volume 3, 11.1.1): 16-byte real-mode entry at 0xffff_fff0.
    pub fn reset(&mut self) {
        self.msr = Msrs::default();
        self.x87 = X87::default();
        self.vector = Vector::default();
        self.smm = Smm::default();
        self.random = self.model.seed.wrapping_add(self.id as u64);
        self.begin(Control::default());
    }

    /// INIT (SDM volume 3, table 11-1): as a reset, but model-specific registers, x87 and SSE
    /// state, SMBASE, and the bits of CR0 that tell about caches stay.
    pub fn init(&mut self) {
        const CACHES: u64 = cr0::CD | cr0::NW;
        let Control { cr0, xcr0, pkru, .. } = self.control;
        let reset = Control::default();
        self.begin(Control { cr0: cr0 & CACHES | cr0::ET, xcr0, pkru, ..reset });
    }

    /// What reset and INIT do alike.
    fn begin(&mut self, control: Control) {
        self.gpr = [0; 32];
        self.gpr[usize::from(gpr::RDX)] = u64::from(self.model.signature());
        self.flags = Flags::default();
        self.rip = 0xfff0;
        self.exception = None;
        self.seg = [Segment::real(0, false); 6];
        self.seg[usize::from(sreg::CS)] =
            Segment { selector: 0xf000, base: 0xffff_0000, limit: 0xffff, access: 0x9b };
        self.ldtr = Segment { selector: 0, base: 0, limit: 0xffff, access: 0x82 };
        self.tr = Segment { selector: 0, base: 0, limit: 0xffff, access: 0x8b };
        self.gdtr = Table::default();
        self.idtr = Table::default();
        self.control = control;
        self.activity = Activity::Running;
        self.shadow_at = None;
        self.nmi_blocked = false;
        self.refresh();
        self.tlb.flush_all();
    }

    /// Rebuilds what follows from the state: CPL, segment bases, whether SSE may run, the TLB
    /// view. To be called after any change of segments, control registers, XCR0 or EFER (CLTS too); it
    /// flushes nothing.
    pub fn refresh(&mut self) {
        self.canonical_shift = if self.control.cr4 & cr4::LA57 != 0 { 7 } else { 16 };
        self.mmx_ready = self.control.cr0 & (cr0::EM | cr0::TS) == 0;
        self.sse_ready = self.mmx_ready && self.control.cr4 & cr4::OSFXSR != 0;
        self.refresh_debug();
        self.refresh_segments();
    }

    /// The part of [`Self::refresh`] that segment registers and flags decide.
    pub fn refresh_segments(&mut self) {
        self.size = self.find_code_size();
        let protected = self.protected();
        self.cpl = match (protected, self.v86()) {
            (false, _) => 0,
            (true, true) => 3,
            (true, false) => self.seg[usize::from(sreg::SS)].dpl(),
        };
        self.mode_tag = (self.size as u64) << 60 | u64::from(self.cpl == 3) << 62;
        let flat = self.code_size() == CodeSize::Bits64;
        for (base, segment) in self.seg_base.iter_mut().zip(&self.seg) {
            *base = segment.base;
        }
        if flat {
            for index in [sreg::ES, sreg::CS, sreg::SS, sreg::DS] {
                self.seg_base[usize::from(index)] = 0;
            }
        }
        let limited = !flat && self.seg[usize::from(sreg::CS)].limit != u32::MAX;
        self.careful = limited || self.has_instruction_breakpoint();
        self.avx_ready = self.avx_enabled() && self.control.cr0 & cr0::TS == 0;
        self.refresh_view();
    }

    /// Whether the operating system has enabled AVX: CR4.OSXSAVE, SSE and AVX state in XCR0,
    /// protected mode.
    pub fn avx_enabled(&self) -> bool {
        const SSE_AND_AVX: u64 = 1 << 1 | 1 << 2;
        self.control.cr4 & cr4::OSXSAVE != 0
            && self.control.xcr0 & SSE_AND_AVX == SSE_AND_AVX
            && self.protected()
            && !self.v86()
    }

    /// Rebuilds the TLB view alone (after CPL, AC, CR0.AM or CR4.SMAP changed).
    pub fn refresh_view(&mut self) {
        let smap = self.control.cr4 & cr4::SMAP != 0;
        let overridden = self.flags.system & flag::AC != 0;
        let aligned = overridden && self.control.cr0 & cr0::AM != 0;
        self.view = match (self.cpl, smap && overridden) {
            (3, _) if aligned => Tlb::USER_ALIGNED,
            (3, _) => Tlb::USER,
            (_, true) => Tlb::SUPERVISOR_AC,
            _ => Tlb::SUPERVISOR,
        };
    }

    /// CR0.PE
    pub fn protected(&self) -> bool {
        self.control.cr0 & cr0::PE != 0
    }

    /// Virtual-8086 mode.
    pub fn v86(&self) -> bool {
        self.flags.system & flag::VM != 0
    }

    /// EFER.LMA
    pub fn long_mode(&self) -> bool {
        self.control.efer & efer::LMA != 0
    }

    /// How wide code is now.
    #[inline(always)]
    pub fn code_size(&self) -> CodeSize {
        self.size
    }

    fn find_code_size(&self) -> CodeSize {
        let cs = &self.seg[usize::from(sreg::CS)];
        if self.long_mode() && cs.long() {
            CodeSize::Bits64
        } else if self.protected() && !self.v86() && cs.big() || !self.protected() && cs.big() {
            CodeSize::Bits32
        } else {
            CodeSize::Bits16
        }
    }

    /// Whether the stack pointer is RSP (8 bytes), ESP (4) or SP (2).
    pub fn stack_bytes(&self) -> u32 {
        if self.code_size() == CodeSize::Bits64 {
            8
        } else if self.seg[usize::from(sreg::SS)].big() {
            4
        } else {
            2
        }
    }

    /// What a page walk depends on now.
    #[inline]
    pub fn paging(&self) -> walk::Context {
        let c = &self.control;
        let mode = if c.cr0 & cr0::PG == 0 {
            walk::Mode::Off
        } else if c.efer & efer::LMA != 0 {
            if c.cr4 & cr4::LA57 != 0 { walk::Mode::Level5 } else { walk::Mode::Level4 }
        } else if c.cr4 & cr4::PAE != 0 {
            walk::Mode::Pae
        } else {
            walk::Mode::Legacy
        };
        walk::Context {
            mode,
            cr3: c.cr3,
            pse: c.cr4 & cr4::PSE != 0,
            nxe: c.efer & efer::NXE != 0,
            gigabyte_pages: self.model.gigabyte_pages(),
            // Without PSE-36 the entries of 4 MiB pages have 32 address bits.
            physical_bits: match mode {
                walk::Mode::Legacy if !self.model.has(Feature::Pse36) => 32,
                _ => self.model.physical_bits(),
            },
            pdptes: (mode == walk::Mode::Pae).then_some(c.pdptes),
        }
    }

    /// Width of a canonical address.
    pub fn linear_bits(&self) -> u32 {
        64 - self.canonical_shift
    }

    /// Width of the canonical addresses that system registers take: the widest that the processor
    /// has, whatever CR4.LA57 is (5-Level Paging white paper, 2.4).
    pub fn system_linear_bits(&self) -> u32 {
        if self.model.has(Feature::La57) { 57 } else { 48 }
    }

    /// Everything the future depends on, beside the TLB.
    pub fn state(&self) -> CpuState {
        let mut registers = [0; 16];
        registers.copy_from_slice(&self.gpr[..16]);
        CpuState {
            gpr: registers,
            rip: self.rip,
            rflags: self.flags.rflags(),
            segments: self.seg,
            ldtr: self.ldtr,
            tr: self.tr,
            gdtr: self.gdtr,
            idtr: self.idtr,
            control: self.control.clone(),
            msr: self.msr.clone(),
            x87: self.x87.clone(),
            vector: self.vector.clone(),
            activity: self.activity,
            shadow_at: self.shadow_at,
            nmi_blocked: self.nmi_blocked,
            smm: self.smm.clone(),
            random: self.random,
        }
    }

    /// Replaces the state; the TLB is flushed.
    pub fn set_state(&mut self, state: &CpuState) {
        self.gpr[..16].copy_from_slice(&state.gpr);
        self.rip = state.rip;
        self.flags.set_rflags(state.rflags);
        self.seg = state.segments;
        self.ldtr = state.ldtr;
        self.tr = state.tr;
        self.gdtr = state.gdtr;
        self.idtr = state.idtr;
        self.control = state.control.clone();
        self.msr = state.msr.clone();
        self.x87 = state.x87.clone();
        self.vector = state.vector.clone();
        self.activity = state.activity;
        self.shadow_at = state.shadow_at;
        self.nmi_blocked = state.nmi_blocked;
        self.smm = state.smm.clone();
        self.random = state.random;
        self.refresh();
        self.tlb.flush_all();
    }
}
