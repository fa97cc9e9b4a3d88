//! The same cases in a machine.

use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::model::{CpuModel, Feature};
use ringhold_emulator::state::{Activity, F80, Segment, Table, X87, cr0, cr4, efer, flag, sreg};
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Cpu, Machine, Stop};

use crate::case::{Case, FLAGS, FX_BYTES, Mode, Outcome, Patch, State, apply, changes};
use crate::layout::{
    CODE, CODE_BYTES, DATA, DATA_BYTES, FS_BASE, GS_BASE, LDT, OwnSegment, PAGE, READ_ONLY, background,
    own_segment,
};

/// Bytes of RAM.
const RAM: u64 = 1 << 20;
/// Where the page tables lie, one page each: PML4, PDPT, PD, and the PTs of data and code.
const TABLES: u64 = 0x1000;
/// Where [`DATA`] lies.
const DATA_AT: u64 = 0x1_0000;
/// Where [`CODE`] lies.
const CODE_AT: u64 = 0x2_0000;
/// Where the descriptor tables lie.
const DESCRIPTORS_AT: u64 = 0x3_0000;
/// The linear address of the GDT, on a page of the kernel's.
const GDT: u64 = 0xffff_fe00_0000_1000;
/// The linear address of the LDT, on the same page.
const LDT_BASE: u64 = GDT + 0x800;
/// INT3
const INT3: u8 = 0xcc;
/// More steps than any case takes: a REP instruction steps once a byte at most.
const PATIENCE: u32 = 1 << 16;

/// Page-table entry bits.
mod pte {
    pub const PRESENT: u64 = 1;
    pub const WRITABLE: u64 = 2;
    pub const USER: u64 = 4;
    pub const ACCESSED: u64 = 1 << 5;
    pub const DIRTY: u64 = 1 << 6;
    pub const NO_EXECUTE: u64 = 1 << 63;
}

/// A machine in 64-bit user mode, as Linux has it, with the pages of [`crate::layout`].
pub struct Emulated {
    machine: Machine,
    background: Vec<u8>,
    /// Scratch space for the writable pages.
    before: Vec<u8>,
    after: Vec<u8>,
    /// Where the last case's code lies and what restores it.
    last_code: Patch,
    /// The writable pages differ from the background here.
    touched: Vec<(usize, usize)>,
}

impl Default for Emulated {
    fn default() -> Self {
        Self::new()
    }
}

impl Emulated {
    /// A fresh machine.
    ///
    /// # Panics
    /// When the host has no memory for it.
    pub fn new() -> Self {
        let mut memory = Memory::new(RAM).expect("a megabyte of address space");
        memory.map_mut().add(Range::ram(0, RAM, 0)).expect("an empty map");
        let background = background();
        page_tables(&mut memory);
        descriptor_tables(&mut memory);
        memory.write(DATA_AT, &background);
        memory.write(CODE_AT, &[INT3; CODE_BYTES]);
        let board = Board::new(memory, Clock::new(1000), 1);
        let mut model = CpuModel::everything();
        // The hosts that judge lack it, and with it WRFSBASE takes bases of 57 bits.
        model.features.set(Feature::La57, false);
        let mut machine = Machine::new(board, vec![model]);
        user_mode(&mut machine.cpus[0]);
        let before = background[..DATA_BYTES].to_vec();
        let after = before.clone();
        let last_code = Patch { at: 0, bytes: Vec::new() };
        Self { machine, background, before, after, last_code, touched: Vec::new() }
    }

    /// Runs a case of one instruction, which may be a REP instruction.
    pub fn run(&mut self, case: &Case) -> Outcome {
        self.prepare(case);
        for _ in 0..PATIENCE {
            let next = self.machine.instructions() + 1;
            let stop = self.machine.run(next);
            if stop == Stop::TripleFault || self.machine.cpus[0].rip != case.state.rip {
                return self.outcome(stop);
            }
        }
        self.outcome(Stop::Budget)
    }

    /// Runs a case of so many instructions, none of them a REP instruction, in one go.
    pub fn run_straight(&mut self, case: &Case, instructions: u64) -> Outcome {
        self.run_counted(case, instructions).0
    }

    /// The same, and how many instructions were executed.
    pub fn run_counted(&mut self, case: &Case, instructions: u64) -> (Outcome, u64) {
        self.prepare(case);
        let before = self.machine.instructions();
        let stop = self.machine.run(before + instructions);
        let executed = self.machine.instructions() - before;
        (self.outcome(stop), executed)
    }

    fn outcome(&mut self, stop: Stop) -> Outcome {
        // There is no IDT: of the exceptions that end in shutdown the first is what counts.
        let exception = self.machine.cpus[0].exception.filter(|_| stop == Stop::TripleFault);
        let fault = exception.map(|e| (e.vector, e.error.unwrap_or(0)));
        let memory = &self.machine.board.fabric.memory;
        memory.read(DATA_AT, &mut self.after);
        let changes = changes(&self.before, &self.after);
        self.touched.extend(changes.iter().map(|c| (usize::from(c.at), c.bytes.len())));
        let cpu = &self.machine.cpus[0];
        let cr2 = if matches!(fault, Some((14, _))) { cpu.control.cr2 } else { 0 };
        Outcome { fault, cr2, state: state(cpu), changes }
    }

    fn prepare(&mut self, case: &Case) {
        let memory = &mut self.machine.board.fabric.memory;
        for (at, length) in self.touched.drain(..) {
            memory.write(DATA_AT + at as u64, &self.background[at..at + length]);
            self.before[at..at + length].copy_from_slice(&self.background[at..at + length]);
        }
        for patch in &case.patches {
            memory.write(DATA_AT + u64::from(patch.at), &patch.bytes);
            self.touched.push((usize::from(patch.at), patch.bytes.len()));
        }
        apply(&case.patches, &mut self.before);
        let at = case.place().start;
        if !self.last_code.bytes.is_empty() {
            memory.write(CODE_AT + u64::from(self.last_code.at), &self.last_code.bytes);
        }
        memory.write(CODE_AT + at as u64, &case.code);
        self.last_code = Patch { at: at as u16, bytes: vec![INT3; case.code.len()] };
        let cpu = &mut self.machine.cpus[0];
        cpu.gpr[..16].copy_from_slice(&case.state.gpr);
        cpu.rip = case.state.rip;
        cpu.flags.set_rflags(case.state.rflags & FLAGS | flag::IF);
        // Behind the flags: what it rebuilds depends on AC.
        enter(cpu, case.mode);
        cpu.exception = None;
        cpu.activity = Activity::Running;
        cpu.shadow_at = None;
        cpu.control.cr2 = 0;
        load_fx(cpu, &case.state.fx);
        for (i, half) in cpu.vector.ymm_high.iter_mut().enumerate() {
            *half = case.state.ymm_high(i);
        }
    }
}

fn page_tables(memory: &mut Memory) {
    use pte::*;
    let table = |n: u64| TABLES + n * PAGE;
    let link = PRESENT | WRITABLE | USER | ACCESSED;
    let mut put = |table: u64, index: u64, entry: u64| {
        memory.write(table + 8 * (index & 511), &entry.to_le_bytes());
    };
    put(table(0), DATA >> 39, table(1) | link);
    put(table(1), DATA >> 30, table(2) | link);
    put(table(2), DATA >> 21, table(3) | link);
    put(table(2), CODE >> 21, table(4) | link);
    let data = DATA_BYTES as u64 / PAGE;
    for page in 0..data {
        let entry = (DATA_AT + page * PAGE) | link | DIRTY | NO_EXECUTE;
        put(table(3), (DATA >> 12) + page, entry);
    }
    let read_only = (DATA_AT + (READ_ONLY - DATA)) | PRESENT | USER | ACCESSED | NO_EXECUTE;
    put(table(3), READ_ONLY >> 12, read_only);
    for page in 0..CODE_BYTES as u64 / PAGE {
        put(table(4), (CODE >> 12) + page, (CODE_AT + page * PAGE) | link | DIRTY);
    }
}

/// The descriptor tables as Linux makes them, on a page that is the kernel's.
fn descriptor_tables(memory: &mut Memory) {
    let table = |n: u64| TABLES + n * PAGE;
    let link = pte::PRESENT | pte::WRITABLE | pte::ACCESSED;
    let mut put = |at: u64, value: u64| memory.write(at, &value.to_le_bytes());
    put(table(0) + 8 * (GDT >> 39 & 511), table(5) | link);
    put(table(5) + 8 * (GDT >> 30 & 511), table(6) | link);
    put(table(6) + 8 * (GDT >> 21 & 511), table(7) | link);
    put(table(7) + 8 * (GDT >> 12 & 511), DESCRIPTORS_AT | link | pte::DIRTY);
    let gdt: [u64; 16] = [
        0,
        0x00cf_9b00_0000_ffff,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        0x00cf_fb00_0000_ffff,
        0x00cf_f300_0000_ffff,
        0x00af_fb00_0000_ffff,
        0,
        // TSS and LDT, for the kernel alone.
        0x0000_8b00_0000_4087,
        0,
        0x0000_8200_0000_0037,
        0,
        // Segments of threads: none.
        0,
        0,
        0,
        // The processor's number.
        0x0040_f500_0000_0000,
    ];
    for (n, descriptor) in gdt.into_iter().enumerate() {
        put(DESCRIPTORS_AT + 8 * n as u64, descriptor);
    }
    for (n, segment) in LDT.iter().enumerate().filter_map(|(n, segment)| Some((n, segment.as_ref()?))) {
        put(DESCRIPTORS_AT + (LDT_BASE - GDT) + 8 * n as u64, descriptor(segment));
    }
}

/// The descriptor that modify_ldt makes.
fn descriptor(segment: &OwnSegment) -> u64 {
    let (base, limit) = (u64::from(segment.base), u64::from(segment.limit));
    let kind = 1 | u64::from(!segment.read_exec_only) << 1 | u64::from(segment.contents) << 2;
    // S, DPL 3; available
    let access = kind | 7 << 4 | u64::from(segment.present) << 7 | 1 << 12;
    let access = access | u64::from(segment.wide) << 14 | u64::from(segment.pages) << 15;
    limit & 0xffff | (base & 0xff_ffff) << 16 | access << 40 | (limit >> 16) << 48 | (base >> 24) << 56
}

/// CPL 3 with the descriptor tables of Linux, and no IDT.
fn user_mode(cpu: &mut Cpu) {
    cpu.control.cr0 = cr0::PE | cr0::MP | cr0::ET | cr0::NE | cr0::WP | cr0::AM | cr0::PG;
    cpu.control.cr4 =
        cr4::PAE | cr4::PGE | cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::OSXSAVE | cr4::FSGSBASE | cr4::UMIP;
    // x87, SSE, AVX
    cpu.control.xcr0 = 7;
    cpu.control.efer = efer::SCE | efer::LME | efer::LMA | efer::NXE;
    cpu.control.cr3 = TABLES;
    cpu.gdtr = Table { base: GDT, limit: 0x7f };
    cpu.ldtr = Segment { selector: 0x50, base: LDT_BASE, limit: 8 * LDT.len() as u32 - 1, access: 0x82 };
    cpu.idtr.limit = 0;
    cpu.tr.limit = 0;
    enter(cpu, Mode::Bits64);
    cpu.tlb.flush_all();
}

/// The segment registers that a case of this mode begins with.
fn enter(cpu: &mut Cpu, mode: Mode) {
    for (index, selector) in mode.selectors().into_iter().enumerate() {
        cpu.seg[index] = loaded(selector);
    }
    cpu.seg[usize::from(sreg::FS)] = Segment { base: FS_BASE, ..Segment::default() };
    if mode == Mode::Bits64 {
        cpu.seg[usize::from(sreg::GS)] = Segment { base: GS_BASE, ..Segment::default() };
    }
    cpu.refresh();
}

/// What a segment register holds once one of the selectors of [`Mode::selectors`] was loaded.
fn loaded(selector: u16) -> Segment {
    if let Some(segment) = own_segment(selector) {
        let access = (descriptor(&segment) >> 40) as u16 & 0xf0ff;
        return Segment { selector, base: segment.base.into(), limit: segment.limit, access };
    }
    let access = match selector {
        0 => return Segment::default(),
        0x33 => 0xa0fb,
        0x23 => 0xc0fb,
        _ => 0xc0f3,
    };
    Segment { selector, base: 0, limit: u32::MAX, access }
}

fn load_fx(cpu: &mut Cpu, fx: &[u8; FX_BYTES]) {
    let word = |at: usize| u16::from_le_bytes([fx[at], fx[at + 1]]);
    let long = |at: usize| (0..4).map(|i| u64::from(word(at + 2 * i)) << (16 * i)).sum::<u64>();
    let (fop, fip, fdp) = (word(6), long(8), long(16));
    let mut x87 = X87 { fcw: word(0), empty: !fx[4], fop, fip, fdp, ..X87::default() };
    x87.set_status(word(2));
    for i in 0..8 {
        let at = 32 + 16 * i;
        x87.r[(usize::from(x87.top) + i) % 8] = F80 { significand: long(at), sign_exponent: word(at + 8) };
    }
    cpu.x87 = x87;
    cpu.vector.mxcsr = long(24) as u32;
    for (i, register) in cpu.vector.xmm.iter_mut().enumerate() {
        let at = 160 + 16 * i;
        *register = u128::from(long(at)) | u128::from(long(at + 8)) << 64;
    }
}

fn state(cpu: &Cpu) -> State {
    let mut state = State { rip: cpu.rip, rflags: cpu.flags.rflags(), ..State::default() };
    state.gpr.copy_from_slice(&cpu.gpr[..16]);
    for (selector, segment) in state.selectors.iter_mut().zip(&cpu.seg) {
        *selector = segment.selector;
    }
    state.bases = [sreg::FS, sreg::GS].map(|index| cpu.seg[usize::from(index)].base);
    let mut put = |at: usize, bytes: &[u8]| state.fx[at..at + bytes.len()].copy_from_slice(bytes);
    let x87 = &cpu.x87;
    put(0, &x87.fcw.to_le_bytes());
    put(2, &x87.status().to_le_bytes());
    put(4, &[!x87.empty]);
    put(6, &x87.fop.to_le_bytes());
    put(8, &x87.fip.to_le_bytes());
    put(16, &x87.fdp.to_le_bytes());
    put(24, &cpu.vector.mxcsr.to_le_bytes());
    for i in 0..8 {
        let register = x87.r[(usize::from(x87.top) + i) % 8];
        put(32 + 16 * i, &register.significand.to_le_bytes());
        put(40 + 16 * i, &register.sign_exponent.to_le_bytes());
    }
    for (i, register) in cpu.vector.xmm.iter().enumerate() {
        put(160 + 16 * i, &register.to_le_bytes());
    }
    for (half, register) in state.high.chunks_exact_mut(16).zip(&cpu.vector.ymm_high) {
        half.copy_from_slice(&register.to_le_bytes());
    }
    state
}
