//! What SSE instructions do, by the host and by the manual.

#[cfg(target_arch = "x86_64")]
mod catalogue;
#[cfg(target_arch = "x86_64")]
mod host;
#[cfg(target_arch = "x86_64")]
mod native;
#[cfg(target_arch = "x86_64")]
mod software;
mod system;

use iced_x86::{Decoder, DecoderOptions};

use crate::board::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::decode::lower::lower;
use crate::exec::Step;
use crate::memory::{Memory, Range};
use crate::model::{CpuModel, Features};
use crate::state::{cr0, cr4, efer, sreg};
use crate::time::Clock;

/// Where the guest's memory operand lies.
const DATA: u64 = 0x2000;
/// A processor in 64-bit mode without paging, for which linear addresses are physical ones.
pub(in crate::exec) fn machine() -> (Cpu, Board) {
    let mut memory = Memory::new(1 << 20).unwrap();
    memory.map_mut().add(Range::ram(0, 1 << 20, 0)).unwrap();
    let mut cpu = Cpu::new(0, CpuModel::everything());
    cpu.control.cr0 = cr0::PE | cr0::NE;
    cpu.control.cr4 = cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::PAE;
    cpu.control.efer = efer::LME | efer::LMA;
    cpu.seg[usize::from(sreg::CS)].access = 0x209b;
    cpu.refresh();
    (cpu, Board::new(memory, Clock::new(1000), 1))
}

/// The internal form of 64-bit code.
pub(super) fn decode(bytes: &[u8]) -> Op {
    decode_for(bytes, &Features::built())
}

/// The internal form of 64-bit code for a processor with these features.
fn decode_for(bytes: &[u8], features: &Features) -> Op {
    let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    assert!(!instruction.is_invalid(), "{bytes:02x?}");
    assert_eq!(instruction.len(), bytes.len(), "{bytes:02x?}");
    lower(&instruction, 0, 0, CodeSize::Bits64, features)
}

/// Decodes and runs one instruction.
pub(super) fn execute(cpu: &mut Cpu, board: &mut Board, bytes: &[u8]) -> Step {
    let op = decode(bytes);
    (op.run)(cpu, board, std::slice::from_ref(&op))
}
