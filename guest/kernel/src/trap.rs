//! Exceptions and interrupts, after `entry.s` has saved the interrupted context.

use crate::idt::{IRQ_BASE, YIELD};
use crate::{address, cpu, gdt, log, panic, pic, println, stacks, task};
use core::fmt;

/// A stopped context: the FXSAVE area and registers that `entry.s` saves, over what the
/// processor pushes itself (SDM Vol. 3A, 7.14.2).
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct TrapFrame {
    /// FXSAVE, 64-bit form (SDM Vol. 1, 10.5.1).
    pub fx: [u8; 512],
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rax: u64,
    /// The vector, or 0x100 for a system call.
    pub vector: u64,
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

const _: () = assert!(size_of::<TrapFrame>() == 688);

impl TrapFrame {
    pub const ZERO: Self = Self {
        fx: [0; 512],
        r15: 0,
        r14: 0,
        r13: 0,
        r12: 0,
        r11: 0,
        r10: 0,
        r9: 0,
        r8: 0,
        rdi: 0,
        rsi: 0,
        rbp: 0,
        rbx: 0,
        rdx: 0,
        rcx: 0,
        rax: 0,
        vector: 0,
        error_code: 0,
        rip: 0,
        cs: 0,
        rflags: 0,
        rsp: 0,
        ss: 0,
    };

    /// The context in which a task starts.
    pub fn start(&mut self, rip: u64, rsp: u64, cs: u16, ss: u16) {
        *self = Self { rip, rsp, cs: cs.into(), ss: ss.into(), ..Self::ZERO };
        self.rflags = cpu::RFLAGS_IF | cpu::RFLAGS_FIXED;
        // FCW and MXCSR as FNINIT and reset leave them: every exception masked.
        self.fx[0..2].copy_from_slice(&0x037f_u16.to_le_bytes());
        self.fx[24..28].copy_from_slice(&0x1f80_u32.to_le_bytes());
    }

    fn from_user(&self) -> bool {
        self.cs & 3 == 3
    }
}

impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "  rip {:016x}  cs  {:04x}  rflags {:08x}", self.rip, self.cs, self.rflags)?;
        writeln!(f, "  rsp {:016x}  ss  {:04x}  error  {:08x}", self.rsp, self.ss, self.error_code)?;
        let registers = [
            [("rax", self.rax), ("rbx", self.rbx), ("rcx", self.rcx)],
            [("rdx", self.rdx), ("rsi", self.rsi), ("rdi", self.rdi)],
            [("rbp", self.rbp), ("r8 ", self.r8), ("r9 ", self.r9)],
            [("r10", self.r10), ("r11", self.r11), ("r12", self.r12)],
            [("r13", self.r13), ("r14", self.r14), ("r15", self.r15)],
        ];
        for row in registers {
            for (name, value) in row {
                write!(f, "  {name} {value:016x}")?;
            }
            writeln!(f)?;
        }
        write!(f, "  cr0 {:016x}  cr2 {:016x}", cpu::cr0(), cpu::cr2())?;
        writeln!(f, "  cr3 {:016x}\n  cr4 {:016x}", cpu::cr3(), cpu::cr4())
    }
}

/// Called by `entry.s` with interrupts off, on an IST stack. The context it returns to is
/// what `frame` holds then.
#[unsafe(no_mangle)]
extern "C" fn trap_dispatch(frame: &mut TrapFrame) {
    const FIRST_IRQ: u64 = IRQ_BASE as u64;
    const LAST_IRQ: u64 = FIRST_IRQ + pic::LINES as u64 - 1;
    const YIELD_VECTOR: u64 = YIELD as u64;
    match frame.vector {
        FIRST_IRQ..=LAST_IRQ => {
            pic::dispatch((frame.vector - FIRST_IRQ) as u8);
            task::schedule_if_wanted(frame);
        }
        YIELD_VECTOR => task::schedule(frame),
        _ => exception(frame),
    }
}

const NMI: u64 = 2;
const BREAKPOINT: u64 = 3;
const DOUBLE_FAULT: u64 = 8;
const MACHINE_CHECK: u64 = 18;
const PAGE_FAULT: u64 = 14;

/// Mnemonic and name of an exception (SDM Vol. 3A, table 7-1).
pub fn exception_name(vector: u64) -> &'static str {
    match vector {
        0 => "#DE divide error",
        1 => "#DB debug",
        2 => "NMI",
        3 => "#BP breakpoint",
        4 => "#OF overflow",
        5 => "#BR bound range exceeded",
        6 => "#UD invalid opcode",
        7 => "#NM device not available",
        8 => "#DF double fault",
        10 => "#TS invalid TSS",
        11 => "#NP segment not present",
        12 => "#SS stack fault",
        13 => "#GP general protection",
        14 => "#PF page fault",
        16 => "#MF x87 floating-point error",
        17 => "#AC alignment check",
        18 => "#MC machine check",
        19 => "#XM SIMD floating-point",
        21 => "#CP control protection",
        _ => "exception",
    }
}

/// The error code of a page fault in words (SDM Vol. 3A, figure 5-12).
pub struct PageFault(pub u64);

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let bit = |n: u32| self.0 >> n & 1 == 1;
        let access = match (bit(4), bit(1)) {
            (true, _) => "instruction fetch",
            (false, true) => "write",
            (false, false) => "read",
        };
        let mode = if bit(2) { "user" } else { "supervisor" };
        let cause = match (bit(3), bit(0)) {
            (true, _) => "reserved bit set in a paging entry",
            (false, true) => "rights violated",
            (false, false) => "page not present",
        };
        write!(f, "{mode} {access}, {cause}")
    }
}

/// One row of `.fixups` (`entry.s`).
#[repr(C)]
struct Fixup {
    from: u64,
    to: u64,
}

fn fixup_for(rip: u64) -> Option<u64> {
    let start = address::fixups_start();
    let count = (address::fixups_end() - start) as usize / size_of::<Fixup>();
    // SAFETY: the linker script delimits the table, and rodata is always mapped.
    let fixups = unsafe { core::slice::from_raw_parts(start as *const Fixup, count) };
    fixups.iter().find(|fixup| fixup.from == rip).map(|fixup| fixup.to)
}

fn exception(frame: &mut TrapFrame) {
    let cr2 = cpu::cr2();
    let name = exception_name(frame.vector);
    if frame.vector == BREAKPOINT {
        log!("trap: {name} at {:#x} in task {}", frame.rip, task::current_pid());
        return;
    }
    // Not the doing of whoever happened to run.
    let is_systemwide = matches!(frame.vector, NMI | DOUBLE_FAULT | MACHINE_CHECK);
    if frame.from_user() && !is_systemwide {
        println!("\ntask {} ({}) killed: {name}", task::current_pid(), task::current_name());
        if frame.vector == PAGE_FAULT {
            println!("  at cr2 {cr2:#018x}: {}", PageFault(frame.error_code));
        }
        println!("{frame}");
        log!("trap: {name} at {:#x}, cr2 {cr2:#x}: task killed", frame.rip);
        task::end_current(-1);
        task::schedule(frame);
        return;
    }
    if frame.vector == PAGE_FAULT {
        if let Some(to) = fixup_for(frame.rip) {
            frame.rip = to;
            return;
        }
        if let Some(stack) = stacks::guard_hit(cr2) {
            panic::kernel_exception(
                frame,
                format_args!("{name}: the {stack} stack overflowed, cr2 {cr2:#018x}"),
            );
        }
        let fault = PageFault(frame.error_code);
        panic::kernel_exception(frame, format_args!("{name} at cr2 {cr2:#018x}: {fault}"));
    }
    panic::kernel_exception(frame, format_args!("{name}"));
}

const _: () = assert!(gdt::USER_CODE == 0x2b && gdt::USER_DATA == 0x23, "entry.s pushes these");
