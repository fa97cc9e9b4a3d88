//! String instructions. Each iteration of a REP form counts as one instruction and can be the
//! last before an interrupt; whole runs within a page are copied or filled at once.

use super::alu::{Binary, Cmp};
use super::{Leave, Step, Word, port};
use crate::Board;
use crate::bus::Width;
use crate::cpu::Cpu;
use crate::decode::{Op, address, prefix};
use crate::memory::ram;
use crate::state::{IoAccess, flag, gpr, sreg};

const RCX: usize = gpr::RCX as usize;
const RSI: u8 = gpr::RSI;
const RDI: u8 = gpr::RDI;

/// The bits of an index or count register that the address size uses.
fn mask(op: &Op) -> u64 {
    match op.address {
        address::FLAT => u64::MAX,
        address::SEG16 => 0xffff,
        _ => 0xffff_ffff,
    }
}

/// Writes an index or count register in the address size.
fn put(cpu: &mut Cpu, op: &Op, register: u8, value: u64) {
    match op.address {
        address::FLAT => cpu.gpr[usize::from(register)] = value,
        address::SEG16 => u16::set(cpu, register, value as u16),
        _ => u32::set(cpu, register, value as u32),
    }
}

/// How far the index registers move in one iteration.
fn stride(cpu: &Cpu, size: u64) -> u64 {
    if cpu.flags.system & flag::DF != 0 { size.wrapping_neg() } else { size }
}

fn advance(cpu: &mut Cpu, op: &Op, register: u8, by: u64) {
    let value = cpu.gpr[usize::from(register)].wrapping_add(by);
    put(cpu, op, register, value);
}

/// Linear address of the source: DS:RSI, or another segment by prefix.
fn source(cpu: &mut Cpu, op: &Op, size: u64) -> Result<u64, Leave> {
    let offset = cpu.gpr[usize::from(RSI)] & mask(op);
    if op.address <= address::FLAT32 {
        Ok(offset.wrapping_add(cpu.seg_base[usize::from(op.seg & 7)]))
    } else {
        cpu.segmented(op.seg, offset, size, false)
    }
}

/// Linear address of the destination: ES:RDI, always.
fn destination(cpu: &mut Cpu, op: &Op, size: u64, write: bool) -> Result<u64, Leave> {
    let offset = cpu.gpr[usize::from(RDI)] & mask(op);
    if op.address <= address::FLAT32 { Ok(offset) } else { cpu.segmented(sreg::ES, offset, size, write) }
}

/// What an iteration says of the loop.
struct Iterations {
    /// How many iterations were done.
    done: u64,
    /// Whether REPE or REPNE ends here.
    last: bool,
}

impl Iterations {
    const ONE: Self = Self { done: 1, last: false };
}

/// Runs the iterations of a REP form, up to the deadline. `step` gets how many it may do.
fn repeat(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    mut step: impl FnMut(&mut Cpu, &mut Board, u64) -> Result<Iterations, Leave>,
) -> Step {
    if op.prefix & (prefix::REP | prefix::REPNE) == 0 {
        return step(cpu, board, 1).map(drop);
    }
    let room = cpu.deadline.saturating_sub(cpu.retired + u64::from(op.nth)).max(1);
    // One instruction may be many iterations: devices and code are touched in slices of one.
    cpu.alone &= room == 1;
    let mut done = 0;
    loop {
        let count = cpu.gpr[RCX] & mask(op);
        if count == 0 {
            break;
        }
        if done == room {
            cpu.retired += done;
            return Err(Leave::Repeat);
        }
        match step(cpu, board, count.min(room - done)) {
            Ok(iterations) => {
                put(cpu, op, gpr::RCX, count - iterations.done);
                done += iterations.done;
                if iterations.last {
                    break;
                }
            }
            Err(leave) => {
                cpu.retired += done;
                return Err(leave);
            }
        }
    }
    // The run loop counts the instruction itself once.
    cpu.retired += done.saturating_sub(1);
    Ok(())
}

/// How many elements of `size` bytes from `linear` on lie within its page.
fn in_page(linear: u64, size: u64) -> u64 {
    (4096 - (linear & 0xfff)) / size
}

/// Whether `count` elements can be treated as one run from the register's offset on, going up.
fn runs(cpu: &Cpu, op: &Op, register: u8, bytes: u64) -> bool {
    cpu.flags.system & flag::DF == 0
        && (op.address == address::FLAT || (cpu.gpr[usize::from(register)] & mask(op)) + bytes <= mask(op))
}

/// MOVS
pub fn movs<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    repeat(cpu, board, op, |cpu, board, most| {
        if op.address > address::FLAT32 {
            return move_one::<W>(cpu, board, op);
        }
        let (from, to) = (source(cpu, op, W::BYTES)?, destination(cpu, op, W::BYTES, true)?);
        let count = most.min(in_page(from, W::BYTES)).min(in_page(to, W::BYTES));
        let bytes = count * W::BYTES;
        if count > 1 && runs(cpu, op, RSI, bytes) && runs(cpu, op, RDI, bytes) {
            let hosts = (cpu.tlb.read_host(from, bytes, cpu.view), cpu.tlb.write_host(to, bytes, cpu.view));
            if let (Some(from), Some(to)) = hosts {
                // SAFETY: both TLB entries cover all `bytes` bytes (the tag compare takes the last).
                unsafe { ram::copy_ascending(from, to, bytes as usize, W::BYTES as usize) };
                advance(cpu, op, RSI, bytes);
                advance(cpu, op, RDI, bytes);
                return Ok(Iterations { done: count, last: false });
            }
        }
        move_one::<W>(cpu, board, op)
    })
}

/// One iteration of MOVS: all that the source may raise comes before the destination is looked at.
fn move_one<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<Iterations, Leave> {
    let from = source(cpu, op, W::BYTES)?;
    let value = cpu.load::<W>(board, from, op.seg)?;
    let to = destination(cpu, op, W::BYTES, true)?;
    cpu.store(board, to, sreg::ES, value)?;
    let by = stride(cpu, W::BYTES);
    advance(cpu, op, RSI, by);
    advance(cpu, op, RDI, by);
    Ok(Iterations::ONE)
}

/// STOS
pub fn stos<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    repeat(cpu, board, op, |cpu, board, most| {
        let to = destination(cpu, op, W::BYTES, true)?;
        let value = W::get(cpu, gpr::RAX);
        let count = most.min(in_page(to, W::BYTES));
        let bytes = count * W::BYTES;
        if count > 1
            && op.address <= address::FLAT32
            && runs(cpu, op, RDI, bytes)
            && let Some(to) = cpu.tlb.write_host(to, bytes, cpu.view)
        {
            // SAFETY: the TLB entry covers all `bytes` bytes.
            unsafe { ram::fill(to, value, count as usize) };
            advance(cpu, op, RDI, bytes);
            return Ok(Iterations { done: count, last: false });
        }
        cpu.store(board, to, sreg::ES, value)?;
        let by = stride(cpu, W::BYTES);
        advance(cpu, op, RDI, by);
        Ok(Iterations::ONE)
    })
}

/// LODS
pub fn lods<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    repeat(cpu, board, op, |cpu, board, _| {
        let from = source(cpu, op, W::BYTES)?;
        let value = cpu.load::<W>(board, from, op.seg)?;
        W::set(cpu, gpr::RAX, value);
        let by = stride(cpu, W::BYTES);
        advance(cpu, op, RSI, by);
        Ok(Iterations::ONE)
    })
}

/// Whether REPE or REPNE ends after a comparison.
fn ends(cpu: &Cpu, op: &Op) -> bool {
    if op.prefix & prefix::REPNE != 0 { cpu.flags.zf() } else { !cpu.flags.zf() }
}

/// SCAS
pub fn scas<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    repeat(cpu, board, op, |cpu, board, _| {
        let at = destination(cpu, op, W::BYTES, false)?;
        let value = cpu.load::<W>(board, at, sreg::ES)?;
        let accumulator = W::get(cpu, gpr::RAX);
        Cmp::apply(&mut cpu.flags, accumulator, value);
        let by = stride(cpu, W::BYTES);
        advance(cpu, op, RDI, by);
        Ok(Iterations { done: 1, last: ends(cpu, op) })
    })
}

/// CMPS
pub fn cmps<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    repeat(cpu, board, op, |cpu, board, _| {
        // If both fault, the one at RDI does, as on AMD's processors.
        let to = destination(cpu, op, W::BYTES, false)?;
        let b = cpu.load::<W>(board, to, sreg::ES)?;
        let from = source(cpu, op, W::BYTES)?;
        let a = cpu.load::<W>(board, from, op.seg)?;
        Cmp::apply(&mut cpu.flags, a, b);
        let by = stride(cpu, W::BYTES);
        advance(cpu, op, RSI, by);
        advance(cpu, op, RDI, by);
        Ok(Iterations { done: 1, last: ends(cpu, op) })
    })
}

/// A port-string iteration always ends the slice, so that each access has its exact time.
fn one_at_a_time(cpu: &mut Cpu, op: &Op) -> Step {
    if op.prefix & (prefix::REP | prefix::REPNE) == 0 {
        return Err(Leave::Sync);
    }
    let count = cpu.gpr[RCX] & mask(op);
    put(cpu, op, gpr::RCX, count.wrapping_sub(1));
    if count == 1 {
        return Err(Leave::Sync);
    }
    cpu.retired += 1;
    Err(Leave::Repeat)
}

fn none_left(cpu: &Cpu, op: &Op) -> bool {
    op.prefix & (prefix::REP | prefix::REPNE) != 0 && cpu.gpr[RCX] & mask(op) == 0
}

/// INS
pub fn ins<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let number = cpu.gpr[usize::from(gpr::RDX)] as u16;
    let width = Width::from_bytes(W::BYTES as usize).unwrap_or(Width::Byte);
    port::check(cpu, board, number, width)?;
    if none_left(cpu, op) {
        return Ok(());
    }
    let to = destination(cpu, op, W::BYTES, true)?;
    cpu.check_write(board, to, sreg::ES, W::BYTES)?;
    if !cpu.alone {
        return Err(Leave::Alone);
    }
    let value = port::read(cpu, board, op, number, width)?;
    let bytes = W::BYTES as u8;
    port::note(cpu, board, op, |io| IoAccess { port: number, bytes, input: true, string: Some(to), ..io });
    cpu.store(board, to, sreg::ES, W::cut(u64::from(value)))?;
    let by = stride(cpu, W::BYTES);
    advance(cpu, op, RDI, by);
    one_at_a_time(cpu, op)
}

/// OUTS
pub fn outs<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let number = cpu.gpr[usize::from(gpr::RDX)] as u16;
    let width = Width::from_bytes(W::BYTES as usize).unwrap_or(Width::Byte);
    port::check(cpu, board, number, width)?;
    if none_left(cpu, op) {
        return Ok(());
    }
    let from = source(cpu, op, W::BYTES)?;
    let value = cpu.load::<W>(board, from, op.seg)?;
    port::write(cpu, board, op, number, width, value.zext() as u32);
    let bytes = W::BYTES as u8;
    port::note(cpu, board, op, |io| IoAccess { port: number, bytes, string: Some(from), ..io });
    let by = stride(cpu, W::BYTES);
    advance(cpu, op, RSI, by);
    one_at_a_time(cpu, op)
}
