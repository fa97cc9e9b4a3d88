//! From a decoded instruction of iced-x86 to an [`Op`]: the operands in a common form, then the
//! handler, family by family.

mod int;
mod scalar;
mod system;
mod vector;
mod x87;

use iced_x86::{FlowControl, Instruction, OpKind, Register};

use super::chain::chain;
use super::op::{Handler, Op, address, prefix};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::exec::{Step, word};
use crate::model::{Features, gate};
use crate::state::{gpr, sreg};

/// Raises #UD: the handler of whatever this processor does not offer.
pub fn undefined(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    Err(cpu.ud())
}

/// Raises #GP(0): the handler of more than fifteen bytes (SDM volume 2, 2.3.11).
pub fn too_long(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    Err(cpu.gp(0))
}

/// Whether the processor offers what `op` was decoded from; what it does not raises #UD.
pub fn is_offered(op: &Op) -> bool {
    !std::ptr::fn_addr_eq(op.run, chain(undefined))
}

/// The number by which handlers know a register: its number within its class; for the high byte
/// registers 16 + 0 to 3; for segment registers [`sreg`].
pub fn register_number(register: Register) -> u8 {
    match register {
        Register::AH | Register::CH | Register::DH | Register::BH => {
            word::HIGH_BYTE + (register as u8 - Register::AH as u8)
        }
        Register::RIP | Register::EIP => gpr::BLOCK_IP,
        Register::None => gpr::ZERO,
        // Of the byte registers, iced counts AH to BH among the others.
        _ if register.is_gpr() => register.full_register().number() as u8,
        _ => register.number() as u8,
    }
}

/// The operands of `instruction` in the common form. `offset` is where it begins in its block,
/// which is also the IP that iced was given.
///
/// * Registers: operand 0 to `dst`, operand 1 to `src`, operand 2 to `aux`.
/// * Memory: `base`, `index`, `scale`, `seg`, `address`, `disp`.
/// * Immediates (sign-extended as the instruction has it) and near branch targets (relative to
///   the block's start): `imm`.
pub fn operands(instruction: &Instruction, offset: u16, nth: u8, size: CodeSize) -> Op {
    let mut op = Op {
        run: chain(undefined),
        imm: 0,
        disp: 0,
        base: gpr::ZERO,
        index: gpr::ZERO,
        scale: 0,
        seg: sreg::NONE,
        address: address::FLAT,
        dst: 0,
        src: 0,
        aux: 0,
        offset,
        len: instruction.len() as u8,
        nth,
        prefix: 0,
    };
    for (has, bit) in [
        (instruction.has_rep_prefix(), prefix::REP),
        (instruction.has_repne_prefix(), prefix::REPNE),
        (instruction.has_lock_prefix(), prefix::LOCK),
    ] {
        if has {
            op.prefix |= bit;
        }
    }
    for n in 0..instruction.op_count() {
        match instruction.op_kind(n) {
            OpKind::Register => {
                let number = register_number(instruction.op_register(n));
                match n {
                    0 => op.dst = number,
                    1 => op.src = number,
                    2 => op.aux = number,
                    _ => {}
                }
            }
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
                op.imm = instruction.near_branch_target();
            }
            OpKind::FarBranch16 => {
                op.imm = u64::from(instruction.far_branch16());
                op.aux = 2;
            }
            OpKind::FarBranch32 => {
                op.imm = u64::from(instruction.far_branch32());
                op.aux = 4;
            }
            OpKind::Memory => memory(instruction, size, &mut op),
            OpKind::MemorySegSI | OpKind::MemorySegDI | OpKind::MemoryESDI => {
                string(instruction, size, 2, &mut op)
            }
            OpKind::MemorySegESI | OpKind::MemorySegEDI | OpKind::MemoryESEDI => {
                string(instruction, size, 4, &mut op);
            }
            OpKind::MemorySegRSI | OpKind::MemorySegRDI | OpKind::MemoryESRDI => {
                string(instruction, size, 8, &mut op);
            }
            // ENTER and EXTRQ have a second immediate: their handlers' lowering reads it.
            OpKind::Immediate8_2nd => {}
            _ => op.imm = instruction.immediate(n),
        }
    }
    op
}

fn memory(instruction: &Instruction, size: CodeSize, op: &mut Op) {
    let base = instruction.memory_base();
    let index = instruction.memory_index();
    op.base = register_number(base);
    op.index = register_number(index);
    op.scale = instruction.memory_index_scale().trailing_zeros() as u8;
    op.disp = instruction.memory_displacement64();
    let register_bytes = if base != Register::None { base.size() } else { index.size() };
    let bytes = if register_bytes == 0 { instruction.memory_displ_size() as usize } else { register_bytes };
    segment_and_size(instruction, size, bytes, op);
}

/// String instructions: the source's segment; the address size tells SI, ESI or RSI.
fn string(instruction: &Instruction, size: CodeSize, bytes: usize, op: &mut Op) {
    segment_and_size(instruction, size, bytes, op);
}

fn segment_and_size(instruction: &Instruction, size: CodeSize, bytes: usize, op: &mut Op) {
    let segment = match instruction.memory_segment() {
        Register::ES => sreg::ES,
        Register::CS => sreg::CS,
        Register::SS => sreg::SS,
        Register::FS => sreg::FS,
        Register::GS => sreg::GS,
        _ => sreg::DS,
    };
    if size == CodeSize::Bits64 {
        // Prefixes for ES, CS, SS and DS are ignored: the base alone tells #SS from #GP.
        let stack = matches!(
            instruction.memory_base(),
            Register::RSP | Register::ESP | Register::RBP | Register::EBP
        );
        op.seg = match segment {
            sreg::FS | sreg::GS => segment,
            _ if stack => sreg::NONE_SS,
            _ => sreg::NONE,
        };
        op.address = if bytes == 4 { address::FLAT32 } else { address::FLAT };
    } else {
        op.seg = segment;
        op.address = if bytes == 2 { address::SEG16 } else { address::SEG32 };
    }
}

/// The internal form of `instruction`, ready to run on a processor with these features.
pub fn lower(instruction: &Instruction, offset: u16, nth: u8, size: CodeSize, features: &Features) -> Op {
    let mut op = operands(instruction, offset, nth, size);
    let handler = match gate::offers(features, instruction) {
        true => handler(instruction, size, features, &mut op),
        false => None,
    };
    op.run = handler.unwrap_or(chain(undefined));
    op
}

fn handler(instruction: &Instruction, size: CodeSize, features: &Features, op: &mut Op) -> Option<Handler> {
    int::lower(instruction, features, op)
        .or_else(|| system::lower(instruction, size, op))
        .or_else(|| vector::lower(instruction, op))
        .or_else(|| x87::lower(instruction, op))
        .or_else(|| scalar::lower(instruction, size, features, op))
}

/// Whether a block ends with this instruction: it branches, or changes what later instructions
/// would be decoded or timed by.
pub fn ends_block(instruction: &Instruction, op: &Op) -> bool {
    let repeated = op.prefix & (prefix::REP | prefix::REPNE) != 0 && instruction.is_string_instruction();
    repeated || instruction.flow_control() != FlowControl::Next || system::synchronises(instruction)
}
