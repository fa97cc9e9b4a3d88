//! Control instructions: the control, status and tag words, the environment, the whole state.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step, Word};
use crate::model::{Feature, Vendor};
use crate::state::{F80, Pointers, X87, cr0, efer, gpr};

use super::arith::tag;
use super::soft::status::*;
use super::stack::{enter, enter_no_wait, error_line, pending, record};

/// The bits of the control word that can be written; bit 6 reads as one.
const CONTROL_WRITABLE: u16 = 0x1f3f;
const CONTROL_ONES: u16 = 0x40;

impl X87 {
    /// Loads the control word; ES and B follow.
    pub fn load_control(&mut self, value: u16) {
        self.fcw = value & CONTROL_WRITABLE | CONTROL_ONES;
        self.refresh_summary();
    }

    /// The tag word with two bits a register, as FSTENV stores it (SDM volume 1, figure 8-7).
    pub fn tag_word(&self) -> u16 {
        (0..8).fold(0, |word, i| {
            let empty = self.empty >> i & 1 != 0;
            word | if empty { 3 } else { tag(self.r[i]) } << (2 * i)
        })
    }

    /// Loads a tag word: only whether a register is empty is kept.
    pub fn set_tag_word(&mut self, word: u16) {
        self.empty = (0..8).fold(0, |empty, i| empty | u8::from(word >> (2 * i) & 3 == 3) << i);
    }
}

/// An instruction that may end a pending exception runs alone where FERR# is wired, or is asserted
/// from when it was.
pub fn before_release(cpu: &Cpu, board: &Board) -> Result<bool, Leave> {
    let wired = cpu.x87.fsw & ES != 0 && (cpu.control.cr0 & cr0::NE == 0 || board.ferr(cpu.id));
    if wired && !cpu.alone { Err(Leave::Alone) } else { Ok(wired) }
}

/// The other end of [`before_release`]: FERR# goes with the pending exception.
pub fn after_release(cpu: &Cpu, board: &mut Board, wired: bool) {
    if wired && cpu.x87.fsw & ES == 0 {
        error_line(cpu, board, false);
    }
}

/// FNINIT
pub fn init(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    enter_no_wait(cpu)?;
    let wired = before_release(cpu, board)?;
    cpu.x87.init();
    after_release(cpu, board, wired);
    Ok(())
}

/// FNCLEX
pub fn clear_exceptions(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    enter_no_wait(cpu)?;
    let wired = before_release(cpu, board)?;
    cpu.x87.fsw &= !(EXCEPTIONS | SF | ES | B);
    after_release(cpu, board, wired);
    Ok(())
}

/// FLDCW
pub fn load_control(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let wired = before_release(cpu, board)?;
    let value = cpu.read::<u16>(board, op)?;
    cpu.x87.load_control(value);
    after_release(cpu, board, wired);
    Ok(())
}

/// FNSTCW
pub fn store_control(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter_no_wait(cpu)?;
    cpu.write(board, op, cpu.x87.fcw)
}

/// FNSTSW m2byte
pub fn store_status(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter_no_wait(cpu)?;
    cpu.write(board, op, cpu.x87.status())
}

/// FNSTSW AX
pub fn store_status_ax(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    enter_no_wait(cpu)?;
    let status = cpu.x87.status();
    u16::set(cpu, gpr::RAX, status);
    Ok(())
}

/// FINCSTP (`BY` 1) and FDECSTP (`BY` 7)
pub fn rotate<const BY: u8>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    x.top = (x.top + BY) & 7;
    x.fsw &= !C1;
    Ok(())
}

/// FFREE; with `POP` the undocumented FFREEP.
pub fn free<const POP: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    x.empty |= 1 << x.physical(op.dst);
    x.fsw &= !C1;
    if POP {
        x.pop();
    }
    Ok(())
}

/// FNOP
pub fn nop(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    Ok(())
}

/// FNENI, FNDISI, FNSETPM: nothing since the 80387.
pub fn nothing(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    enter_no_wait(cpu)
}

/// WAIT: #NM by CR0.TS and CR0.MP together.
pub fn wait(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let both = cr0::TS | cr0::MP;
    if cpu.control.cr0 & both == both {
        return Err(cpu.nm());
    }
    if cpu.x87.fsw & ES != 0 { pending(cpu, board, op) } else { Ok(()) }
}

// --- the environment --------------------------------------------------------------------------

/// Bit 2 of IA32_MISC_ENABLE: FOP is that of the last instruction, whether it raised anything or not.
const FOPCODE_COMPATIBILITY: u64 = 1 << 2;

impl Cpu {
    /// FCS, and FOP, FDP and FDS, as they are saved (SDM volume 1, 8.1.8 and 8.1.9). The selectors are
    /// zero on processors that have them no more. With `fdp_excptn_only` the operand is that of the last
    /// unmasked exception; so is the opcode on Intel's processors out of fopcode compatibility mode.
    pub fn x87_pointers(&self) -> (u16, Pointers) {
        let x = &self.x87;
        let (mut fcs, mut saved) = (x.fcs, Pointers { fop: x.fop & 0x7ff, fdp: x.fdp, fds: x.fds });
        if self.model.has(Feature::FdpExcptnOnly) {
            (saved.fdp, saved.fds) = (x.at_exception.fdp, x.at_exception.fds);
        }
        if self.model.vendor() == Vendor::Intel && self.msr.misc_enable & FOPCODE_COMPATIBILITY == 0 {
            saved.fop = x.at_exception.fop & 0x7ff;
        }
        if self.model.has(Feature::FpcsDeprecated) && self.protected() && !self.v86() {
            (fcs, saved.fds) = (0, 0);
        }
        (fcs, saved)
    }
}

/// Whether the environment has the real-mode layout, with linear addresses.
fn real_layout(cpu: &Cpu) -> bool {
    !cpu.protected() || cpu.v86()
}

/// The environment (SDM volume 1, figures 8-9 to 8-12) in `WORD`-byte places.
fn environment<const WORD: usize>(cpu: &Cpu) -> [u8; 28] {
    let x = &cpu.x87;
    let mut image = [0; 28];
    let mut put = |at: usize, value: u32| {
        image[WORD * at..WORD * (at + 1)].copy_from_slice(&value.to_le_bytes()[..WORD]);
    };
    // The reserved halves of the 32-bit layout are written as ones.
    let ones = 0xffff_0000;
    put(0, ones | u32::from(x.fcw));
    put(1, ones | u32::from(x.status()));
    put(2, ones | u32::from(x.tag_word()));
    let (fcs, Pointers { fop, fdp, fds }) = cpu.x87_pointers();
    let fop = u32::from(fop);
    if real_layout(cpu) {
        let code = (u32::from(fcs) << 4).wrapping_add(x.fip as u32);
        let data = (u32::from(fds) << 4).wrapping_add(fdp as u32);
        put(3, ones | code & 0xffff);
        put(4, code >> 16 << 12 & 0x0fff_f000 | fop);
        put(5, ones | data & 0xffff);
        put(6, data >> 16 << 12 & 0x0fff_f000);
    } else {
        put(3, x.fip as u32);
        put(4, u32::from(fcs) | fop << 16);
        put(5, fdp as u32);
        put(6, ones | u32::from(fds));
    }
    image
}

fn set_environment<const WORD: usize>(cpu: &mut Cpu, image: &[u8]) {
    let real = real_layout(cpu);
    let x = &mut cpu.x87;
    let get = |at: usize| {
        let mut bytes = [0; 4];
        bytes[..WORD].copy_from_slice(&image[WORD * at..WORD * (at + 1)]);
        u32::from_le_bytes(bytes)
    };
    x.set_status(get(1) as u16);
    x.set_tag_word(get(2) as u16);
    x.load_control(get(0) as u16);
    if real {
        x.fcs = 0;
        x.fds = 0;
        x.fip = u64::from(get(3) & 0xffff | get(4) >> 12 << 16);
        x.fdp = u64::from(get(5) & 0xffff | get(6) >> 12 << 16);
        x.fop = get(4) as u16 & 0x7ff;
    } else {
        x.fip = u64::from(get(3));
        x.fcs = get(4) as u16;
        x.fdp = u64::from(get(5));
        x.fds = get(6) as u16;
        if WORD == 4 {
            x.fop = (get(4) >> 16) as u16 & 0x7ff;
        }
    }
    x.note_pointers();
}

/// The linear address of `at` bytes behind `linear`.
fn behind(cpu: &Cpu, linear: u64, at: usize) -> u64 {
    let address = linear.wrapping_add(at as u64);
    if cpu.control.efer & efer::LMA != 0 { address } else { address & 0xffff_ffff }
}

/// Writes an even number of bytes to the memory operand, all or nothing.
fn write_image(cpu: &mut Cpu, board: &mut Board, op: &Op, image: &[u8]) -> Step {
    let linear = cpu.linear(op, image.len() as u64, true)?;
    cpu.check_write(board, linear, op.seg, image.len() as u64)?;
    for (nth, pair) in image.chunks_exact(2).enumerate() {
        let at = behind(cpu, linear, 2 * nth);
        cpu.store(board, at, op.seg, u16::from_le_bytes([pair[0], pair[1]]))?;
    }
    Ok(())
}

/// Reads an even number of bytes from the memory operand.
fn read_image(cpu: &mut Cpu, board: &mut Board, op: &Op, image: &mut [u8]) -> Step {
    let linear = cpu.linear(op, image.len() as u64, false)?;
    for (nth, pair) in image.chunks_exact_mut(2).enumerate() {
        let at = behind(cpu, linear, 2 * nth);
        pair.copy_from_slice(&cpu.load::<u16>(board, at, op.seg)?.to_le_bytes());
    }
    Ok(())
}

/// FNSTENV in places of `WORD` bytes: stores the environment, then masks all exceptions.
pub fn store_environment<const WORD: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter_no_wait(cpu)?;
    let wired = before_release(cpu, board)?;
    let image = environment::<WORD>(cpu);
    write_image(cpu, board, op, &image[..7 * WORD])?;
    cpu.x87.load_control(cpu.x87.fcw | EXCEPTIONS);
    after_release(cpu, board, wired);
    Ok(())
}

/// FLDENV in places of `WORD` bytes.
pub fn load_environment<const WORD: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let wired = before_release(cpu, board)?;
    let mut image = [0; 28];
    read_image(cpu, board, op, &mut image[..7 * WORD])?;
    set_environment::<WORD>(cpu, &image);
    after_release(cpu, board, wired);
    Ok(())
}

/// FNSAVE in places of `WORD` bytes: the environment, the registers from ST(0) on, then FNINIT.
pub fn save<const WORD: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter_no_wait(cpu)?;
    let wired = before_release(cpu, board)?;
    let mut image = [0; 108];
    image[..28].copy_from_slice(&environment::<WORD>(cpu));
    for i in 0..8 {
        let value = cpu.x87.st(i);
        let at = 7 * WORD + 10 * usize::from(i);
        image[at..at + 8].copy_from_slice(&value.significand.to_le_bytes());
        image[at + 8..at + 10].copy_from_slice(&value.sign_exponent.to_le_bytes());
    }
    write_image(cpu, board, op, &image[..7 * WORD + 80])?;
    cpu.x87.init();
    after_release(cpu, board, wired);
    Ok(())
}

/// FRSTOR in places of `WORD` bytes.
pub fn restore<const WORD: usize>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    let wired = before_release(cpu, board)?;
    let mut image = [0; 108];
    read_image(cpu, board, op, &mut image[..7 * WORD + 80])?;
    set_environment::<WORD>(cpu, &image);
    for (i, bytes) in image[7 * WORD..].chunks_exact(10).take(8).enumerate() {
        let mut significand = [0; 8];
        significand.copy_from_slice(&bytes[..8]);
        let at = cpu.x87.physical(i as u8);
        cpu.x87.r[at] = F80 {
            significand: u64::from_le_bytes(significand),
            sign_exponent: u16::from_le_bytes([bytes[8], bytes[9]]),
        };
    }
    after_release(cpu, board, wired);
    Ok(())
}
