//! Debug registers: breakpoints at instructions, data and ports, and the exceptions they and
//! TF lead to (SDM volume 3, 18.2 and 18.3).
//!
//! Instruction breakpoints end blocks (`Machine::execute_carefully`). Pages with data breakpoints
//! have no fast path, and their slow path comes here; so it does for the watches of memory from
//! outside ([`Watches`]). With DR7 clear and no such watch, nothing looks.

use super::interrupt::Source;
use super::{Leave, Step, Word};
use crate::Board;
use crate::bus::Width;
use crate::cpu::{CodeSize, Cpu, Exception};
use crate::decode::Op;
use crate::points::{Direction, Place, Watches};
use crate::state::{Activity, cr4, dr6, pending_debug, sreg};

/// DR7.GD: MOV to and from debug registers is a debug exception.
pub const GENERAL_DETECT: u64 = 1 << 13;

/// What a breakpoint waits for: DR7.R/Wn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Execution,
    Write,
    Port,
    ReadOrWrite,
}

/// An enabled breakpoint.
struct Breakpoint {
    condition: Condition,
    first: u64,
    last: u64,
}

impl Breakpoint {
    fn overlaps(&self, at: u64, size: u64) -> bool {
        at <= self.last && at.wrapping_add(size - 1) >= self.first
    }
}

impl Cpu {
    /// The `n`th breakpoint, if DR7 enables it. A length aligns its address: the low bits of the
    /// address do not count (SDM volume 3, 18.2.5).
    fn breakpoint(&self, n: usize) -> Option<Breakpoint> {
        let dr7 = self.control.dr7;
        if dr7 >> (2 * n) & 3 == 0 {
            return None;
        }
        let condition = match dr7 >> (16 + 4 * n) & 3 {
            0 => Condition::Execution,
            1 => Condition::Write,
            // Undefined without CR4.DE; here nothing matches then.
            2 if self.control.cr4 & cr4::DE == 0 => return None,
            2 => Condition::Port,
            _ => Condition::ReadOrWrite,
        };
        // The length of an instruction breakpoint is to be zero and is not looked at.
        let length = match dr7 >> (18 + 4 * n) & 3 {
            _ if condition == Condition::Execution => 1,
            0 => 1,
            1 => 2,
            2 => 8,
            _ => 4,
        };
        let first = self.control.dr[n] & !(length - 1);
        Some(Breakpoint { condition, first, last: first + (length - 1) })
    }

    /// The bits of DR6 of those breakpoints for which `hit` holds.
    fn breakpoints_where(&self, hit: impl Fn(&Breakpoint) -> bool) -> u64 {
        (0..4).filter(|&n| self.breakpoint(n).is_some_and(|b| hit(&b))).fold(0, |bits, n| bits | 1 << n)
    }

    /// Rebuilds [`Cpu::watching`].
    pub fn refresh_debug(&mut self) {
        self.watching = self.watched
            || self.control.dr7 & 0xff != 0
                && self.breakpoints_where(|b| b.condition != Condition::Execution) != 0;
    }

    /// Whether an instruction breakpoint is enabled.
    pub fn has_instruction_breakpoint(&self) -> bool {
        self.control.dr7 & 0xff != 0 && self.breakpoints_where(|b| b.condition == Condition::Execution) != 0
    }

    /// The bits of DR6 of the instruction breakpoints `ahead` bytes after RIP.
    pub fn instruction_breakpoints(&self, ahead: u64) -> u64 {
        if self.control.dr7 & 0xff == 0 {
            return 0;
        }
        let base = self.seg_base[usize::from(sreg::CS)];
        let linear = self.wrap(self.rip.wrapping_add(ahead).wrapping_add(base));
        self.breakpoints_where(|b| b.condition == Condition::Execution && b.first == linear)
    }

    /// Delivers the fault of an instruction breakpoint. RF is pushed as it is, so that the handler
    /// must set it to come past the instruction (SDM volume 3, 18.3.1.1).
    pub fn instruction_breakpoint(&mut self, board: &mut Board, hit: u64) {
        board.fabric.clock.set_retired(self.retired);
        self.deliver_debug(board, hit);
        self.exception = Some(Exception { vector: 1, error: None });
    }

    /// How many bytes of code there are from RIP to the limit of CS.
    ///
    /// # Errors
    /// #GP(0), raised, if RIP is beyond it.
    pub fn code_room(&mut self) -> Result<u64, Leave> {
        if self.code_size() == CodeSize::Bits64 {
            return Ok(u64::MAX);
        }
        let limit = u64::from(self.seg[usize::from(sreg::CS)].limit);
        if self.rip > limit { Err(self.gp(0)) } else { Ok(limit - self.rip + 1) }
    }

    /// Whether a data breakpoint, or a watch from outside, lies in the page of `linear`.
    #[cold]
    pub fn is_watched_page(&self, watches: &Watches, linear: u64) -> bool {
        let page = |address: u64| address >> 12;
        let data = |b: &Breakpoint| matches!(b.condition, Condition::Write | Condition::ReadOrWrite);
        self.breakpoints_where(|b| data(b) && page(b.first) == page(linear)) != 0 || watches.in_page(linear)
    }

    /// Notes the data breakpoints that an access of `size` bytes hits, for [`Self::debug_trap`],
    /// and the watches from outside that it meets. Nothing may have been changed yet: such an
    /// access happens in a slice of one instruction.
    #[inline]
    pub fn watch(&mut self, board: &mut Board, linear: u64, size: u64, access: Direction) -> Step {
        if self.watching { self.watch_closely(board, linear, size, access) } else { Ok(()) }
    }

    #[cold]
    fn watch_closely(&mut self, board: &mut Board, linear: u64, size: u64, access: Direction) -> Step {
        let hit = self.breakpoints_where(|b| {
            let wanted = match b.condition {
                Condition::Write => access != Direction::Read,
                Condition::ReadOrWrite => true,
                Condition::Execution | Condition::Port => false,
            };
            wanted && b.overlaps(linear, size)
        });
        let last = self.wrap(linear.wrapping_add(size - 1));
        let wrapped = [Place::Linear(linear, self.wrap(u64::MAX)), Place::Linear(0, last)];
        let places = if last < linear { &wrapped[..] } else { &[Place::Linear(linear, last)] };
        let watched = self.watched && board.watches.meets(places, access);
        if hit == 0 && !watched {
            return Ok(());
        }
        if !self.alone {
            return Err(Leave::Alone);
        }
        self.control.pending_debug |= hit;
        if watched {
            board.watches.access_memory(self.retired, places, access);
        }
        board.attention = true;
        Ok(())
    }

    /// Notes the I/O breakpoints that an access hits, for [`Self::debug_trap`].
    pub fn watch_port(&mut self, board: &mut Board, port: u16, width: Width) {
        if !self.watching {
            return;
        }
        let (port, size) = (u64::from(port), width.bytes() as u64);
        let hit = self.breakpoints_where(|b| b.condition == Condition::Port && b.overlaps(port, size));
        self.control.pending_debug |= hit;
        board.attention |= hit != 0;
    }

    /// Whether a load of SS holds debug exceptions off now.
    pub fn debug_held(&self) -> bool {
        self.control.pending_debug & pending_debug::HELD != 0 && self.shadow_at == Some(self.retired)
    }

    /// The debug trap after an instruction or a delivery, if one is due: breakpoints that were hit,
    /// and single step if the instruction began with TF set (`stepped`) and was completed. It wakes
    /// a processor that HLT or MWAIT has just stopped (SDM volume 2, HLT, MWAIT).
    pub fn debug_trap(&mut self, board: &mut Board, stepped: bool) {
        let held = self.debug_held();
        if stepped && self.exception.is_none() && !held {
            self.control.pending_debug |= dr6::BS;
        }
        let due = self.control.pending_debug & !pending_debug::HELD;
        // An SMI comes first (SDM volume 3, table 7-2); what is pending waits for RSM.
        if due == 0 || held || self.activity == Activity::Shutdown || self.takes_smi(board) {
            return;
        }
        self.control.pending_debug = 0;
        if let Activity::Waiting(wait) = self.activity {
            self.end_wait(&wait, board, false);
        }
        self.activity = Activity::Running;
        self.deliver_debug(board, due);
    }

    /// Delivers #DB: `hit` goes into DR6. B0 to B3 tell of this exception alone, BD, BS and BT are
    /// left for software to clear (SDM volume 3, 18.2.3).
    fn deliver_debug(&mut self, board: &mut Board, hit: u64) {
        self.control.dr6 = self.control.dr6 & !0xf | hit;
        self.control.dr7 &= !GENERAL_DETECT;
        self.deliver(board, Exception { vector: 1, error: None }, Source::Exception);
    }

    /// Sets DR0 to DR3, DR6 or DR7, with the bits that are fixed.
    pub fn set_debug_register(&mut self, number: u8, value: u64) {
        self.drop_watched_pages();
        match number {
            0..=3 => self.control.dr[usize::from(number)] = value,
            // Bits 11:4 and 31:16 are ones, bit 12 is zero.
            6 => self.control.dr6 = value & 0xe00f | 0xffff_0ff0,
            // Bit 10 is one; 11, 12, 14 and 15 are zeros.
            _ => self.control.dr7 = value & 0xffff_23ff | 0x400,
        }
        self.drop_watched_pages();
        self.refresh();
    }

    /// The pages whose accesses must be looked at; each is dropped from the TLB when debug
    /// registers change, so that it is filled anew, with the fast path or without.
    fn drop_watched_pages(&mut self) {
        for n in 0..4 {
            let data = |b: &Breakpoint| b.condition != Condition::Execution && b.condition != Condition::Port;
            if let Some(breakpoint) = self.breakpoint(n).filter(data) {
                self.tlb.flush_page(breakpoint.first);
            }
        }
    }
}

/// MOV register, DRn: `src` is the debug register.
pub fn mov_from_dr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let number = debug_register(cpu, op.src)?;
    let value = match number {
        0..=3 => cpu.control.dr[usize::from(number)],
        6 => cpu.control.dr6,
        _ => cpu.control.dr7,
    };
    W::set(cpu, op.dst, W::cut(value));
    Ok(())
}

/// MOV DRn, register: `dst` is the debug register.
pub fn mov_to_dr<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let number = debug_register(cpu, op.dst)?;
    let value = W::get(cpu, op.src).zext();
    if number >= 6 && value >> 32 != 0 {
        return Err(cpu.gp(0));
    }
    cpu.set_debug_register(number, value);
    Err(Leave::Sync)
}

/// DR4 and DR5 are names of DR6 and DR7 unless CR4.DE is set.
fn debug_register(cpu: &mut Cpu, number: u8) -> Result<u8, Leave> {
    if cpu.control.cr4 & cr4::DE != 0 && matches!(number, 4 | 5) || number > 7 {
        return Err(cpu.ud());
    }
    cpu.privileged()?;
    if cpu.control.dr7 & GENERAL_DETECT != 0 {
        // General detect: the access is reported before it happens.
        cpu.control.dr6 = cpu.control.dr6 & !0xf | dr6::BD;
        cpu.control.dr7 &= !GENERAL_DETECT;
        return Err(cpu.raise(1, None));
    }
    Ok(if matches!(number, 4 | 5) { number + 2 } else { number })
}
