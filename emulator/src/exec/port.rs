//! Port I/O: permission, and the access itself at its exact time.

use super::{Leave, Step, Word};
use crate::Board;
use crate::bus::Width;
use crate::cpu::Cpu;
use crate::decode::{Op, prefix};
use crate::points::Direction;
use crate::state::{IoAccess, Kind, gpr};

/// Raises #GP unless the current task may access the port (SDM volume 1, 19.5).
pub fn check(cpu: &mut Cpu, board: &mut Board, number: u16, width: Width) -> Step {
    if !cpu.protected() || (cpu.cpl <= cpu.flags.iopl() && !cpu.v86()) {
        return Ok(());
    }
    let limit = u64::from(cpu.tr.limit);
    if !matches!(cpu.tr.kind(), Kind::TSS | Kind::TSS_BUSY) || limit < 0x67 {
        return Err(cpu.gp(0));
    }
    let map = u64::from(cpu.load_system::<u16>(board, cpu.tr.base.wrapping_add(0x66))?);
    let at = map + u64::from(number >> 3);
    // The processor reads two bytes, so that an access across a byte is covered.
    if at + 1 > limit {
        return Err(cpu.gp(0));
    }
    let bits = cpu.load_system::<u16>(board, cpu.tr.base.wrapping_add(at))?;
    let mask = ((1u16 << width.bytes()) - 1) << (number & 7);
    if bits & mask == 0 { Ok(()) } else { Err(cpu.gp(0)) }
}

/// Reads a port; the clock is exact for the device.
///
/// # Errors
/// The read is watched, and must wait.
pub fn read(cpu: &mut Cpu, board: &mut Board, op: &Op, number: u16, width: Width) -> Result<u32, Leave> {
    let now = cpu.retired + u64::from(op.nth);
    if board.watches.armed() && board.watch_port(now, number, width, Direction::Read) {
        return Err(Leave::Hold);
    }
    cpu.watch_port(board, number, width);
    board.fabric.clock.set_retired(now);
    Ok(board.port_read(number, width))
}

/// Writes a port; the clock is exact for the device.
pub fn write(cpu: &mut Cpu, board: &mut Board, op: &Op, number: u16, width: Width, value: u32) {
    let now = cpu.retired + u64::from(op.nth);
    if board.watches.armed() {
        board.watch_port(now, number, width, Direction::Write);
    }
    cpu.watch_port(board, number, width);
    board.fabric.clock.set_retired(now);
    board.port_write(number, width, value);
}

/// Remembers the I/O instruction during which an SMI came: system management mode is told of it.
#[inline]
pub fn note(cpu: &mut Cpu, board: &Board, op: &Op, what: impl FnOnce(IoAccess) -> IoAccess) {
    if board.wires[cpu.id].smi {
        note_cold(cpu, op, what);
    }
}

#[cold]
fn note_cold(cpu: &mut Cpu, op: &Op, what: impl FnOnce(IoAccess) -> IoAccess) {
    let register = |number: u8| cpu.gpr[usize::from(number)];
    cpu.smm.io = Some(what(IoAccess {
        done_at: cpu.retired + u64::from(op.nth) + 1,
        port: 0,
        bytes: 1,
        input: false,
        immediate: false,
        string: None,
        repeated: op.prefix & (prefix::REP | prefix::REPNE) != 0,
        rip: cpu.this_ip(op),
        rcx: register(gpr::RCX),
        rsi: register(gpr::RSI),
        rdi: register(gpr::RDI),
    }));
}

fn number<const DX: bool>(cpu: &Cpu, op: &Op) -> u16 {
    if DX { cpu.gpr[usize::from(gpr::RDX)] as u16 } else { u16::from(op.imm as u8) }
}

/// IN
pub fn input<W: Word, const DX: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let number = number::<DX>(cpu, op);
    let width = Width::from_bytes(W::BYTES as usize).unwrap_or(Width::Byte);
    check(cpu, board, number, width)?;
    let value = read(cpu, board, op, number, width)?;
    let bytes = W::BYTES as u8;
    note(cpu, board, op, |io| IoAccess { port: number, bytes, input: true, immediate: !DX, ..io });
    W::set(cpu, gpr::RAX, W::cut(u64::from(value)));
    Ok(())
}

/// OUT
pub fn output<W: Word, const DX: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let number = number::<DX>(cpu, op);
    let width = Width::from_bytes(W::BYTES as usize).unwrap_or(Width::Byte);
    check(cpu, board, number, width)?;
    let value = W::get(cpu, gpr::RAX).zext() as u32;
    write(cpu, board, op, number, width, value);
    let bytes = W::BYTES as u8;
    note(cpu, board, op, |io| IoAccess { port: number, bytes, immediate: !DX, ..io });
    Ok(())
}
