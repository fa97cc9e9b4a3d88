//! The machine: processors and a board, run by one loop.

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use crate::Board;
use crate::board::Ending;
use crate::bus::DeviceId;
use crate::cpu::{CodeSize, Cpu, Exception};
use crate::decode::block::BlockCache;
use crate::exec::Leave;
use crate::exec::interrupt::Source;
use crate::inject::Outside;
use crate::journal::Event;
use crate::model::CpuModel;
use crate::points::{Breakpoints, Position};
use crate::state::{Activity, Wait, flag, gpr};

const BLOCK_IP: usize = gpr::BLOCK_IP as usize;

/// Why [`Machine::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The instruction count or the moment asked for was reached.
    Budget,
    /// The guest wrote this value to the debug-exit device.
    Exit(u32),
    /// The guest turned the power off.
    PowerOff,
    /// A device asked for a reset.
    Reset,
    /// The processor shut down: a fault while it delivered a double fault.
    TripleFault,
    /// The processor halted and nothing can wake it: interrupts are off and no device is programmed
    /// to send SMIs, NMIs or INIT, or no event is pending, or none woke it for a virtual day
    /// ([`Machine::run`]).
    Halted,
    /// Exceptions are delivered one after another and no instruction retires: the processor is
    /// alive, but will never do anything else.
    Livelock,
    /// The instruction at RIP has a breakpoint ([`Machine::breakpoints`]).
    Breakpoint,
    /// An access was made, or is about to be made, that is watched
    /// ([`crate::points::Watches::take_hits`] tells which).
    Watch,
}

/// Deliveries of exceptions in a row, without an instruction retired, that count as a livelock.
const BARREN: u32 = 100_000;
/// A virtual day: who sleeps that long will not wake any more.
const DAY_NS: u64 = 86_400_000_000_000;

/// A whole machine.
pub struct Machine {
    /// The processors. One runs now.
    pub cpus: Vec<Cpu>,
    /// Everything else.
    pub board: Board,
    /// Where the machine stops before an instruction.
    pub breakpoints: Breakpoints,
    code: BlockCache,
    /// The record of outside inputs, if one is kept.
    pub(crate) events: Option<Vec<Event>>,
    /// What the doors for accesses from outside keep.
    pub(crate) outside: Outside,
    /// Where a breakpoint stopped the machine, or an instruction is in the midst of its
    /// iterations (instruction count, deliveries, linear address): no breakpoint stops it there.
    passed: Option<(u64, u64, u64)>,
}

/// How a slice of a block ended.
enum Outcome {
    /// Straight on to the next block; whether a branch led there.
    Onward { taken: bool },
    /// The run loop must look at everything.
    Look,
    /// The instruction at RIP must run alone.
    Alone,
    /// The instruction at RIP raised an exception.
    Fault,
    /// The instruction at RIP is to go on with its iterations; the run loop must look.
    Repeat,
}

impl Machine {
    /// A machine with a processor of each model, after reset.
    pub fn new(board: Board, models: Vec<CpuModel>) -> Self {
        let mut cpus: Vec<Cpu> =
            models.into_iter().enumerate().map(|(id, model)| Cpu::new(id, model)).collect();
        for nth in 1..cpus.len() {
            let alike = cpus[..nth].iter().position(|other| other.model.reads_as(&cpus[nth].model));
            // APIC IDs have eight bits: there are no more processors.
            cpus[nth].reading = alike.unwrap_or(nth) as u8;
        }
        Self {
            cpus,
            board,
            breakpoints: Breakpoints::default(),
            code: BlockCache::default(),
            events: None,
            outside: Outside::default(),
            passed: None,
        }
    }

    /// Hardware reset: processors and devices; memory and time stay.
    pub fn reset(&mut self) {
        self.board.reset();
        for cpu in &mut self.cpus {
            cpu.reset();
        }
    }

    /// Instructions retired since power-on.
    #[inline]
    pub fn instructions(&self) -> u64 {
        self.cpus.first().map_or(0, |cpu| cpu.retired)
    }

    /// Virtual nanoseconds since power-on.
    pub fn virtual_ns(&self) -> u64 {
        self.board.fabric.clock.ns_at(self.instructions())
    }

    /// Where the run stands.
    pub fn position(&self) -> Position {
        let instructions = self.instructions();
        Position {
            instructions,
            deliveries: self.deliveries(),
            ns: self.virtual_ns(),
            reading: self.board.watches.held_at(instructions),
        }
    }

    /// Goes past the breakpoint at which the processor stands, if there is one: whoever resumes the
    /// run has seen where it stands. A breakpoint that has stopped the machine is passed anyway.
    pub fn pass_breakpoint(&mut self) {
        self.passed = self.cpus.first().map(Cpu::point);
    }

    fn deliveries(&self) -> u64 {
        self.cpus.first().map_or(0, Cpu::deliveries)
    }

    /// Takes the bytes that devices sent to the outside.
    pub fn take_output(&mut self) -> Vec<(DeviceId, u8)> {
        std::mem::take(&mut self.board.fabric.output)
    }

    /// Runs until `until` instructions have retired since power-on, or something stops it. A
    /// guest that sleeps for a virtual day, whatever timers run, counts as [`Stop::Halted`].
    pub fn run(&mut self, until: u64) -> Stop {
        loop {
            let before = self.instructions();
            let stop = self.run_until(until, self.virtual_ns().saturating_add(DAY_NS));
            match stop {
                Stop::Budget if self.instructions() >= until => return stop,
                Stop::Budget if self.instructions() == before => return Stop::Halted,
                Stop::Budget => {}
                stop => return stop,
            }
        }
    }

    /// As [`Self::run`], and at the latest until virtual time has reached `until_ns` while the
    /// processor is halted.
    pub fn run_until(&mut self, until: u64, until_ns: u64) -> Stop {
        self.run_toward(Position::instruction(until), until_ns)
    }

    /// Runs until the position is reached, or has been passed, or something stops the machine.
    /// Virtual time passes at most to `until_ns` while the processor is halted.
    pub fn run_to(&mut self, position: Position, until_ns: u64) -> Stop {
        let before = Position { reading: false, ..position };
        let stop = self.run_toward(before, until_ns);
        let here = self.position();
        if stop != Stop::Budget || !position.reading || here >= position || here < before {
            return stop;
        }
        self.board.watches.every_read = true;
        let stop = self.run_toward(Position::instruction(position.instructions + 1), until_ns);
        self.board.watches.every_read = false;
        // What the user watches is told by its hits.
        if stop == Stop::Watch && !self.board.watches.has_hits() { Stop::Budget } else { stop }
    }

    fn run_toward(&mut self, target: Position, until_ns: u64) -> Stop {
        let until = target.instructions;
        if let Some(cuts) = self.breakpoints.take_cuts() {
            self.code.cut_at(cuts);
        }
        if self.board.watches.take_memory_changed() {
            self.cpus.iter_mut().for_each(|cpu| cpu.fit_to_watches(&self.board));
        }
        let mut barren = 0;
        loop {
            if let Some(stop) = self.look() {
                return stop;
            }
            let mut until_ns = until_ns;
            if self.cpus[0].retired >= until {
                let there = self.cpus[0].retired == until && self.deliveries() >= target.deliveries;
                if self.cpus[0].retired > until || there && self.virtual_ns() >= target.ns {
                    return Stop::Budget;
                }
                if there {
                    until_ns = until_ns.min(target.ns);
                }
            }
            let cpu = &mut self.cpus[0];
            if cpu.activity != Activity::Running {
                match self.idle(until_ns) {
                    Some(stop) => return stop,
                    None => continue,
                }
            }
            if self.interrupt() {
                barren += 1;
                if barren >= BARREN {
                    return Stop::Livelock;
                }
                continue;
            }
            let cpu = &mut self.cpus[0];
            let fabric = &self.board.fabric;
            let event = fabric.events.next_at().map_or(u64::MAX, |at| fabric.clock.retired_at(at));
            let mut deadline = until.min(event).max(cpu.retired + 1);
            let trap = cpu.flags.system & flag::TF != 0;
            if trap || cpu.shadow_at == Some(cpu.retired) {
                deadline = cpu.retired + 1;
            }
            // RF is clear from the start of an instruction on (SDM volume 3, 18.3.1.1).
            let resumed = cpu.flags.system & flag::RF != 0;
            let held = cpu.debug_held();
            cpu.flags.system &= !flag::RF;
            let before = cpu.retired;
            let stopped = match (cpu.careful, self.breakpoints.is_empty()) {
                (true, _) => self.execute_carefully(deadline, resumed || held),
                (false, true) => self.execute::<false>(deadline),
                (false, false) => self.execute::<true>(deadline),
            };
            let cpu = &mut self.cpus[0];
            if resumed && cpu.retired == before && cpu.exception.is_none() {
                // A stop before the instruction: it is still to come.
                cpu.flags.system |= flag::RF;
            }
            if stopped {
                return Stop::Breakpoint;
            }
            barren = if self.cpus[0].retired == before { barren + 1 } else { 0 };
            if barren >= BARREN {
                return Stop::Livelock;
            }
            if !self.board.watches.held_at(self.cpus[0].retired) {
                self.cpus[0].debug_trap(&mut self.board, trap);
            }
        }
    }

    /// Everything that may have to happen between two instructions, but interrupts.
    fn look(&mut self) -> Option<Stop> {
        let board = &mut self.board;
        let cpu = &mut self.cpus[0];
        board.fabric.clock.set_retired(cpu.retired);
        board.run_events();
        board.set_smm(cpu.smm.active);
        board.attention = false;
        if board.map_changed {
            board.map_changed = false;
            cpu.tlb.flush_all();
            // Blocks are known by physical address, and another place may answer there now.
            self.code.clear();
        }
        if board.fabric.memory.has_stale_code() {
            let stale = board.fabric.memory.take_stale_code();
            self.code.invalidate(&stale);
        }
        let watched = board.watches.take_stop(cpu.retired).then_some(Stop::Watch);
        let ending = board.take_ending().map(|ending| match ending {
            Ending::Exit(value) => Stop::Exit(value),
            Ending::PowerOff => Stop::PowerOff,
            Ending::Reset => Stop::Reset,
        });
        // The access may be what ends the run.
        ending.or((cpu.activity == Activity::Shutdown).then_some(Stop::TripleFault)).or(watched)
    }

    /// A halted processor: wake it, or let time pass to the next event.
    fn idle(&mut self, until_ns: u64) -> Option<Stop> {
        let cpu = &mut self.cpus[0];
        let wires = self.board.wires[0];
        let enabled = cpu.flags.system & flag::IF != 0;
        if let Activity::Waiting(wait) = cpu.activity {
            return self.wait(wait, until_ns);
        }
        if cpu.takes_smi(&self.board) {
            // System management mode is told of the halt.
            cpu.enter_smm(&mut self.board);
            return None;
        }
        let init = wires.init && !cpu.smm.active;
        if init || wires.nmi && !cpu.nmi_blocked || wires.interrupt() && enabled {
            cpu.activity = Activity::Running;
            return None;
        }
        if !enabled && !self.board.may_interrupt_unmaskably() {
            return Some(Stop::Halted);
        }
        let fabric = &mut self.board.fabric;
        match fabric.events.next_at() {
            None => Some(Stop::Halted),
            Some(at) if at > until_ns => {
                fabric.clock.skip_to(until_ns);
                Some(Stop::Budget)
            }
            Some(at) => {
                fabric.clock.skip_to(at);
                None
            }
        }
    }

    /// A processor in MWAIT, UMWAIT or TPAUSE: end the wait, or let time pass to the next event.
    fn wait(&mut self, wait: Wait, until_ns: u64) -> Option<Stop> {
        let cpu = &mut self.cpus[0];
        let board = &mut self.board;
        let expired = board.fabric.clock.now_ns() >= wait.until_ns;
        if expired || cpu.wait_is_over(&wait, &board.wires[0], board) {
            cpu.end_wait(&wait, board, expired);
            return None;
        }
        let next = board.fabric.events.next_at().unwrap_or(u64::MAX).min(wait.until_ns);
        if next == u64::MAX {
            return Some(Stop::Halted);
        }
        board.fabric.clock.skip_to(next.min(until_ns));
        (next > until_ns).then_some(Stop::Budget)
    }

    /// Takes an SMI, INIT, an NMI or a maskable interrupt if one can be taken now (SDM volume 3,
    /// table 7-2).
    fn interrupt(&mut self) -> bool {
        let cpu = &mut self.cpus[0];
        let board = &mut self.board;
        if cpu.shadow_at == Some(cpu.retired) {
            return false;
        }
        let wires = board.wires[0];
        if cpu.takes_smi(board) {
            cpu.enter_smm(board);
            return true;
        }
        if wires.init && !cpu.smm.active {
            board.wires[0].init = false;
            cpu.count_delivery();
            cpu.init();
            return true;
        }
        let vector = if wires.nmi && !cpu.nmi_blocked {
            board.wires[0].nmi = false;
            cpu.nmi_blocked = true;
            Some(2)
        } else if wires.interrupt() && cpu.flags.system & flag::IF != 0 {
            board.acknowledge(0)
        } else {
            None
        };
        let Some(vector) = vector else { return false };
        cpu.deliver(board, Exception { vector, error: None }, Source::Interrupt);
        cpu.debug_trap(board, false);
        true
    }

    /// Executes blocks until `deadline` instructions have retired or something needs a look. With
    /// `POINTS`, ends before the first instruction that has a breakpoint and tells so.
    fn execute<const POINTS: bool>(&mut self, deadline: u64) -> bool {
        let Self { cpus, board, code, breakpoints, passed, .. } = self;
        let cpu = &mut cpus[0];
        cpu.exception = None;
        cpu.deadline = deadline;
        if POINTS && stands_at(cpu, breakpoints, passed) {
            return true;
        }
        let Ok(mut index) = code.known_or_found(cpu, board) else {
            raise(cpu, board);
            return false;
        };
        loop {
            match slice(cpu, board, code, index, deadline) {
                Outcome::Onward { taken } => {
                    if cpu.retired >= deadline || board.attention {
                        return false;
                    }
                    if POINTS && stands_at(cpu, breakpoints, passed) {
                        return true;
                    }
                    index = match code.follow(cpu, index, taken) {
                        Some(next) => next,
                        None => match code.find(cpu, board) {
                            Ok(next) => {
                                code.link(cpu, Some((index, taken)), next);
                                next
                            }
                            Err(_) => {
                                raise(cpu, board);
                                return false;
                            }
                        },
                    };
                }
                outcome => {
                    conclude(cpu, board, code, passed, outcome);
                    return false;
                }
            }
        }
    }

    /// As [`Self::execute`], looking at each block before it is entered: code ends at the limit
    /// of CS, and the guest's instruction breakpoints are taken, but for one at the first
    /// instruction if it is `resumed`.
    fn execute_carefully(&mut self, deadline: u64, mut resumed: bool) -> bool {
        let Self { cpus, board, code, breakpoints, passed, .. } = self;
        let cpu = &mut cpus[0];
        cpu.exception = None;
        loop {
            if !breakpoints.is_empty() && stands_at(cpu, breakpoints, passed) {
                return true;
            }
            let hit = if resumed { 0 } else { cpu.instruction_breakpoints(0) };
            if hit != 0 {
                cpu.instruction_breakpoint(board, hit);
                return false;
            }
            let found = cpu.code_room().and_then(|room| Ok((room, code.known_or_found(cpu, board)?)));
            let Ok((room, index)) = found else {
                raise(cpu, board);
                return false;
            };
            let ops = &code.block(index).ops;
            // Up to an instruction that ends beyond the limit, or that has a breakpoint.
            let most = (deadline - cpu.retired).min(ops.len() as u64) as usize;
            let stops = |op: &crate::decode::Op| {
                op.next_offset() > room || op.nth > 0 && cpu.instruction_breakpoints(op.offset.into()) != 0
            };
            let count = ops[..most].iter().position(stops).unwrap_or(most);
            if count == 0 {
                cpu.gp(0);
                raise(cpu, board);
                return false;
            }
            resumed = false;
            // A REP instruction is the last of its block, and may go on to the deadline.
            cpu.deadline = if count == most { deadline } else { cpu.retired + count as u64 };
            match slice(cpu, board, code, index, cpu.deadline) {
                Outcome::Onward { .. } if cpu.retired < deadline && !board.attention => {}
                outcome => {
                    conclude(cpu, board, code, passed, outcome);
                    return false;
                }
            }
        }
    }

    /// A digest of everything that the machine's future depends on: processors with their TLBs,
    /// devices, time, and the contents of memory (a page that was never written counts as zero).
    pub fn state_hash(&self) -> u128 {
        let mut hash = Xxh3::new();
        for cpu in &self.cpus {
            absorb(&mut hash, &cpu.state());
            for (kind, place, t) in cpu.tlb.translations() {
                let flags = u64::from(kind) | u64::from(t.size_bits) << 8 | u64::from(t.global) << 16;
                for word in [place as u64, t.page, t.physical, flags] {
                    hash.update(&word.to_le_bytes());
                }
            }
        }
        let fabric = &self.board.fabric;
        absorb(
            &mut hash,
            &(self.instructions(), self.virtual_ns(), &fabric.events, &fabric.signals, &fabric.lines),
        );
        absorb(&mut hash, &self.board.own_state());
        for (name, state) in self.board.device_states() {
            hash.update(name.as_bytes());
            hash.update(&(state.len() as u64).to_le_bytes());
            hash.update(&state);
        }
        let ram = fabric.memory.ram();
        for page in fabric.memory.dirty_pages() {
            let bytes = ram.page(page);
            if bytes.iter().any(|byte| *byte != 0) {
                hash.update(&page.to_le_bytes());
                hash.update(bytes);
            }
        }
        hash.digest128()
    }
}

/// Feeds the stable encoding of a value to a hash.
fn absorb(hash: &mut Xxh3, value: &impl Serialize) {
    // The types hashed here are plain data: encoding them to a vector cannot fail.
    let bytes = postcard::to_stdvec(value).unwrap_or_default();
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(&bytes);
}

/// Delivers the exception that an instruction raised; RIP is at that instruction.
#[cold]
fn raise(cpu: &mut Cpu, board: &mut Board) {
    if let Some(exception) = cpu.exception {
        board.fabric.clock.set_retired(cpu.retired);
        // What the instruction hit before it faulted is no trap.
        cpu.control.pending_debug = 0;
        board.watches.fault(cpu.retired);
        cpu.flags.system |= flag::RF;
        cpu.deliver(board, exception, Source::Exception);
        // Marks for `debug_trap` that no instruction completed.
        cpu.exception = Some(exception);
    }
}

/// Whether the processor stands at a breakpoint that is not the one it stopped at last.
fn stands_at(cpu: &Cpu, breakpoints: &Breakpoints, passed: &mut Option<(u64, u64, u64)>) -> bool {
    let here = cpu.point();
    if !breakpoints.at(here.2) || *passed == Some(here) {
        return false;
    }
    *passed = Some(here);
    true
}

/// What is left to do when a block was not left straight on.
fn conclude(
    cpu: &mut Cpu,
    board: &mut Board,
    code: &mut BlockCache,
    passed: &mut Option<(u64, u64, u64)>,
    mut outcome: Outcome,
) {
    if let Outcome::Alone = outcome {
        cpu.deadline = cpu.retired + 1;
        outcome = match code.known_or_found(cpu, board) {
            Ok(single) => slice(cpu, board, code, single, cpu.retired + 1),
            Err(_) => Outcome::Fault,
        };
    }
    match outcome {
        Outcome::Fault => raise(cpu, board),
        Outcome::Repeat => *passed = Some(cpu.point()),
        _ => {}
    }
}

/// Runs a block from its start, as far as the deadline lets it.
#[inline(always)]
fn slice(cpu: &mut Cpu, board: &mut Board, code: &BlockCache, index: u32, deadline: u64) -> Outcome {
    let block = code.block(index);
    let room = deadline - cpu.retired;
    let count = if block.ops.len() as u64 <= room { block.ops.len() } else { room as usize };
    let start = cpu.rip;
    cpu.gpr[BLOCK_IP] = start;
    cpu.alone = count == 1;
    let ops = &block.ops[..count];
    let ([first, ..], [.., last]) = (ops, ops) else { return Outcome::Look };
    match (first.run)(cpu, board, ops) {
        Ok(()) => {
            cpu.retired += count as u64;
            cpu.rip = advance(cpu, start, last.next_offset());
            Outcome::Onward { taken: false }
        }
        // The most common way out by far.
        Err(Leave::Branch) => {
            cpu.retired += u64::from(cpu.left_at) + 1;
            Outcome::Onward { taken: true }
        }
        Err(leave) => left(cpu, &block.ops[usize::from(cpu.left_at)], leave, start),
    }
}

/// RIP `by` bytes after `start`.
#[inline(always)]
fn advance(cpu: &Cpu, start: u64, by: u64) -> u64 {
    let rip = start.wrapping_add(by);
    if cpu.code_size() == CodeSize::Bits64 { rip } else { rip & 0xffff_ffff }
}

/// Books an early end of a block.
#[inline(never)]
fn left(cpu: &mut Cpu, op: &crate::decode::Op, leave: Leave, start: u64) -> Outcome {
    let before = u64::from(op.nth);
    match leave {
        // `slice` has dealt with a plain branch; to look would do it no harm.
        Leave::Branch | Leave::BranchSync => {
            cpu.retired += before + 1;
            Outcome::Look
        }
        Leave::BranchFault => {
            cpu.retired += before + 1;
            Outcome::Fault
        }
        Leave::Sync => {
            cpu.retired += before + 1;
            cpu.rip = advance(cpu, start, op.next_offset());
            Outcome::Look
        }
        Leave::Repeat => {
            // What comes between two iterations finds RF set (SDM volume 3, 18.3.1.1).
            cpu.flags.system |= flag::RF;
            cpu.retired += before;
            cpu.rip = advance(cpu, start, u64::from(op.offset));
            Outcome::Repeat
        }
        Leave::Hold => {
            cpu.retired += before;
            cpu.rip = advance(cpu, start, u64::from(op.offset));
            Outcome::Look
        }
        Leave::Alone => {
            cpu.retired += before;
            cpu.rip = advance(cpu, start, u64::from(op.offset));
            Outcome::Alone
        }
        Leave::Fault => {
            cpu.retired += before;
            cpu.rip = advance(cpu, start, u64::from(op.offset));
            Outcome::Fault
        }
    }
}
