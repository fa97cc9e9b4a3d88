//! FXSAVE and FXRSTOR (SDM volume 1, 10.5).

use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::exec::x87::control::{after_release, before_release};
use crate::exec::{Leave, Step};
use crate::model::Vendor;
use crate::state::{F80, MXCSR_MASK, Pointers, X87, cr0, cr4};

/// Bytes of the area.
const SIZE: u64 = 512;
/// Rows of 16 bytes: the control words, ST0 to ST7, XMM0 to XMM15.
const ROWS: usize = 2 + 8 + 16;
/// The first row of x87 registers.
const ST: usize = 2;
/// The first row of XMM registers.
const XMM: usize = 10;

/// FSW.ES
const ERROR_SUMMARY: u16 = 1 << 7;

/// Where XMM0 lies in the area.
pub const XMM_OFFSET: u64 = 16 * XMM as u64;

/// The x87 rows of the area, as FXSAVE and XSAVE have them.
pub struct LegacyRegion([u128; XMM]);

impl LegacyRegion {
    /// What is saved now; `WIDE`: with pointers of 64 bits.
    pub fn of<const WIDE: bool>(cpu: &Cpu) -> Self {
        let x87 = &cpu.x87;
        let mut rows = [0u128; XMM];
        rows[0] = u128::from(x87.fcw) | u128::from(x87.status()) << 16 | u128::from(!x87.empty) << 32;
        // AMD's processors save the pointers of pending exceptions alone (AMD64 volume 5, FXSAVE).
        if x87.fsw & ERROR_SUMMARY != 0 || cpu.model.vendor() == Vendor::Intel {
            let (fcs, Pointers { fop, fdp, fds }) = cpu.x87_pointers();
            rows[0] |= u128::from(fop) << 48 | u128::from(pointer::<WIDE>(x87.fip, fcs)) << 64;
            rows[1] = u128::from(pointer::<WIDE>(fdp, fds));
        }
        for (nth, row) in rows[ST..].iter_mut().enumerate() {
            let register = x87.r[(usize::from(x87.top) + nth) % 8];
            *row = u128::from(register.significand) | u128::from(register.sign_exponent) << 64;
        }
        Self(rows)
    }

    /// Writes the rows, but MXCSR and its mask.
    ///
    /// # Errors
    /// A fault, raised.
    pub fn store_x87(&self, cpu: &mut Cpu, board: &mut Board, op: &Op, linear: u64) -> Step {
        for (nth, row) in self.0.into_iter().enumerate() {
            let at = cpu.wrap(linear.wrapping_add(16 * nth as u64));
            if nth == 1 {
                cpu.store(board, at, op.seg, row as u64)?;
            } else {
                cpu.store(board, at, op.seg, row)?;
            }
        }
        Ok(())
    }

    /// The x87 state that the rows in memory make.
    ///
    /// # Errors
    /// A fault, raised.
    pub fn load_x87<const WIDE: bool>(
        cpu: &mut Cpu,
        board: &mut Board,
        op: &Op,
        linear: u64,
    ) -> Result<X87, Leave> {
        let mut rows = [0u128; XMM];
        for (nth, row) in rows.iter_mut().enumerate() {
            let at = cpu.wrap(linear.wrapping_add(16 * nth as u64));
            *row = cpu.load(board, at, op.seg)?;
        }
        Ok(x87::<WIDE>(&rows, &cpu.x87))
    }
}

/// FXSAVE (`WIDE`: FXSAVE64)
pub fn fxsave<const WIDE: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = area(cpu, op, true)?;
    cpu.check_write(board, linear, op.seg, SIZE)?;
    LegacyRegion::of::<WIDE>(cpu).store_x87(cpu, board, op, linear)?;
    // Without CR4.OSFXSR, MXCSR and its mask stay as they are in memory.
    if let Some(count) = saved_vectors(cpu) {
        let mxcsr = u64::from(cpu.vector.mxcsr) | u64::from(MXCSR_MASK) << 32;
        let at = cpu.wrap(linear.wrapping_add(24));
        cpu.store(board, at, op.seg, mxcsr)?;
        for (nth, value) in cpu.vector.xmm.into_iter().enumerate().take(count) {
            let at = cpu.wrap(linear.wrapping_add(XMM_OFFSET + 16 * nth as u64));
            cpu.store(board, at, op.seg, value)?;
        }
    }
    Ok(())
}

/// FXRSTOR (`WIDE`: FXRSTOR64)
pub fn fxrstor<const WIDE: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let linear = area(cpu, op, false)?;
    let wired = before_release(cpu, board)?;
    cpu.check_read(board, linear, op.seg, SIZE)?;
    let mut rows = [0u128; ROWS];
    let vectors = saved_vectors(cpu);
    for (nth, row) in rows.iter_mut().enumerate().take(XMM + vectors.unwrap_or(0)) {
        let at = cpu.wrap(linear.wrapping_add(16 * nth as u64));
        *row = cpu.load(board, at, op.seg)?;
    }
    let mxcsr = (rows[1] >> 64) as u32;
    if vectors.is_some() && mxcsr & !MXCSR_MASK != 0 {
        return Err(cpu.gp(0));
    }
    cpu.x87 = x87::<WIDE>(&rows, &cpu.x87);
    if let Some(count) = vectors {
        cpu.vector.mxcsr = mxcsr;
        cpu.vector.xmm[..count].copy_from_slice(&rows[XMM..XMM + count]);
    }
    after_release(cpu, board, wired);
    Ok(())
}

/// The checked address of the area.
fn area(cpu: &mut Cpu, op: &Op, write: bool) -> Result<u64, Leave> {
    if cpu.control.cr0 & (cr0::EM | cr0::TS) != 0 {
        return Err(cpu.nm());
    }
    let linear = cpu.linear(op, SIZE, write)?;
    if linear & 15 == 0 {
        return Ok(linear);
    }
    // #SS for stack segments comes before the alignment; #AC where it could be #GP too, as on AMD
    // processors.
    cpu.check_canonical(linear, op.seg, 1)?;
    cpu.check_alignment(linear, 4, cpu.view)?;
    Err(cpu.gp(0))
}

/// How many XMM registers are saved beside MXCSR; `None` without CR4.OSFXSR.
fn saved_vectors(cpu: &Cpu) -> Option<usize> {
    let count = if cpu.code_size() == CodeSize::Bits64 { 16 } else { 8 };
    (cpu.control.cr4 & cr4::OSFXSR != 0).then_some(count)
}

/// A last-instruction or last-operand pointer: 64 bits, or 32 and the selector.
fn pointer<const WIDE: bool>(offset: u64, selector: u16) -> u64 {
    if WIDE { offset } else { offset & 0xffff_ffff | u64::from(selector) << 32 }
}

/// The x87 state in `rows`; the 64-bit form leaves the selectors of `old`.
fn x87<const WIDE: bool>(rows: &[u128], old: &X87) -> X87 {
    let mut new = X87 {
        // Bit 6 is always one, bits 7, 13, 14, 15 do not exist.
        fcw: rows[0] as u16 & 0x1f3f | 0x40,
        empty: !((rows[0] >> 32) as u8),
        fop: (rows[0] >> 48) as u16 & 0x7ff,
        ..old.clone()
    };
    new.set_status((rows[0] >> 16) as u16);
    let (instruction, operand) = ((rows[0] >> 64) as u64, rows[1] as u64);
    if WIDE {
        (new.fip, new.fdp) = (instruction, operand);
    } else {
        (new.fip, new.fcs) = (instruction & 0xffff_ffff, (instruction >> 32) as u16);
        (new.fdp, new.fds) = (operand & 0xffff_ffff, (operand >> 32) as u16);
    }
    new.note_pointers();
    for nth in 0..8 {
        let row = rows[ST + nth];
        new.r[(usize::from(new.top) + nth) % 8] =
            F80 { significand: row as u64, sign_exponent: (row >> 64) as u16 };
    }
    // The summary and busy bits follow from the flags and their masks.
    const SUMMARY: u16 = 1 << 15 | 1 << 7;
    let pending = new.fsw & !new.fcw & 0x3f != 0;
    new.fsw = if pending { new.fsw | SUMMARY } else { new.fsw & !SUMMARY };
    new
}
