//! VCVTPH2PS and VCVTPS2PH.

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::exec::sse::exceptions::bit::{FTZ, RC};
use crate::exec::sse::shape::narrowed;
use crate::exec::sse::soft::{HALF, SINGLE};
use crate::exec::sse::{Numeric, Wide};

/// VCVTPH2PS: the four halves in the low 64 bits. Denormals are no exceptions, and no zeros
/// either.
pub struct Vcvtph2ps;

impl Numeric for Vcvtph2ps {
    fn compute(mxcsr: u32, _: u128, src: u128, _: u8) -> (u128, u32) {
        let (mut out, mut flags) = (0, 0);
        for nth in 0..4 {
            let half = u64::from((src >> (16 * nth)) as u16);
            let (bits, found) = HALF.convert(SINGLE, half, mxcsr);
            out |= u128::from(bits) << (32 * nth);
            flags |= found;
        }
        (out, flags)
    }
}

/// VCVTPS2PH: to the low 64 bits, rounded as the immediate says. FTZ plays no part.
pub struct Vcvtps2ph;

impl Numeric for Vcvtps2ph {
    fn compute(mxcsr: u32, _: u128, src: u128, imm: u8) -> (u128, u32) {
        const FROM_MXCSR: u8 = 1 << 2;
        let chosen = u32::from(imm & 3) << RC.trailing_zeros();
        let rounding = if imm & FROM_MXCSR != 0 { mxcsr & RC } else { chosen };
        let control = mxcsr & !(RC | FTZ) | rounding;
        let (mut out, mut flags) = (0, 0);
        for nth in 0..4 {
            let single = u64::from((src >> (32 * nth)) as u32);
            let (bits, found) = SINGLE.convert_operand(HALF, single, control);
            out |= u128::from(bits) << (16 * nth);
            flags |= found;
        }
        (out, flags)
    }
}

/// VCVTPS2PH: `m64, xmm, imm8`
pub fn store_64(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let (value, flags) = Vcvtps2ph::compute(cpu.vector.mxcsr, 0, cpu.xmm(op.src), op.imm as u8);
    // The store's faults come first.
    let linear = cpu.linear(op, 8, true)?;
    cpu.check_alignment(linear, 8, cpu.view)?;
    cpu.check_write(board, linear, op.seg, 8)?;
    cpu.simd_flags(flags)?;
    cpu.store(board, linear, op.seg, value as u64)
}

/// VCVTPS2PH: `m128, ymm, imm8`
pub fn store_128(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    let linear = cpu.linear(op, 16, true)?;
    cpu.check_alignment(linear, 16, cpu.view)?;
    cpu.check_write(board, linear, op.seg, 16)?;
    let value = narrowed::<Vcvtps2ph>(cpu, op, Wide::get(cpu, op.src))?;
    cpu.store(board, linear, op.seg, value)
}
