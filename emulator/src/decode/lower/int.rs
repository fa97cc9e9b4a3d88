//! Integer instructions to their handlers.

use iced_x86::{Code, ConditionCode, Instruction, Mnemonic, OpKind};

use crate::decode::chain::chain;
use crate::decode::{Handler, Op, address};
use crate::exec::{alu, bits, cond, data, flow, muldiv, shift, stack, string};
use crate::model::{Feature, Features};

/// An expression for each operand size in bytes, with `$w` the type.
macro_rules! sized {
    ($bytes:expr, $w:ident => $handler:expr) => {
        match $bytes {
            1 => {
                type $w = u8;
                Some(chain($handler))
            }
            2 => {
                type $w = u16;
                Some(chain($handler))
            }
            4 => {
                type $w = u32;
                Some(chain($handler))
            }
            8 => {
                type $w = u64;
                Some(chain($handler))
            }
            _ => None,
        }
    };
}
pub(super) use sized;

/// An expression for each condition, with `$c` the type.
macro_rules! conditional {
    ($code:expr, $c:ident => $handler:expr) => {
        match $code {
            ConditionCode::o => {
                type $c = cond::O;
                $handler
            }
            ConditionCode::no => {
                type $c = cond::No;
                $handler
            }
            ConditionCode::b => {
                type $c = cond::B;
                $handler
            }
            ConditionCode::ae => {
                type $c = cond::Ae;
                $handler
            }
            ConditionCode::e => {
                type $c = cond::E;
                $handler
            }
            ConditionCode::ne => {
                type $c = cond::Ne;
                $handler
            }
            ConditionCode::be => {
                type $c = cond::Be;
                $handler
            }
            ConditionCode::a => {
                type $c = cond::A;
                $handler
            }
            ConditionCode::s => {
                type $c = cond::S;
                $handler
            }
            ConditionCode::ns => {
                type $c = cond::Ns;
                $handler
            }
            ConditionCode::p => {
                type $c = cond::P;
                $handler
            }
            ConditionCode::np => {
                type $c = cond::Np;
                $handler
            }
            ConditionCode::l => {
                type $c = cond::L;
                $handler
            }
            ConditionCode::ge => {
                type $c = cond::Ge;
                $handler
            }
            ConditionCode::le => {
                type $c = cond::Le;
                $handler
            }
            ConditionCode::g => {
                type $c = cond::G;
                $handler
            }
            ConditionCode::None => None,
        }
    };
}

/// What an operand is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Reg,
    Mem,
    Imm,
}

pub(super) fn form(i: &Instruction, operand: u32) -> Form {
    match i.op_kind(operand) {
        OpKind::Register => Form::Reg,
        OpKind::Memory => Form::Mem,
        _ => Form::Imm,
    }
}

/// Size in bytes of an operand that is a register or memory.
pub(super) fn size_of(i: &Instruction, operand: u32) -> usize {
    match form(i, operand) {
        Form::Reg => i.op_register(operand).size(),
        _ => i.memory_size().size(),
    }
}

fn binary<O: alu::Binary>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match (form(i, 0), form(i, 1)) {
        (Form::Reg, Form::Reg) => sized!(bytes, W => alu::rr::<O, W>),
        (Form::Reg, Form::Imm) => sized!(bytes, W => alu::ri::<O, W>),
        (Form::Reg, Form::Mem) => sized!(bytes, W => alu::rm::<O, W>),
        (Form::Mem, Form::Reg) => sized!(bytes, W => alu::mr::<O, W>),
        (Form::Mem, Form::Imm) => sized!(bytes, W => alu::mi::<O, W>),
        _ => None,
    }
}

fn unary<O: alu::Unary>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match form(i, 0) {
        Form::Reg => sized!(bytes, W => alu::r::<O, W>),
        _ => sized!(bytes, W => alu::m::<O, W>),
    }
}

fn shifted<O: shift::Shift>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match (form(i, 0), form(i, 1)) {
        (Form::Reg, Form::Reg) => sized!(bytes, W => shift::rc::<O, W>),
        (Form::Reg, _) => sized!(bytes, W => shift::ri::<O, W>),
        (_, Form::Reg) => sized!(bytes, W => shift::mc::<O, W>),
        _ => sized!(bytes, W => shift::mi::<O, W>),
    }
}

fn double_shifted<O: shift::DoubleShift>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match (form(i, 0), form(i, 2)) {
        (Form::Reg, Form::Reg) => sized!(bytes, W => shift::double_r::<O, W, true>),
        (Form::Reg, _) => sized!(bytes, W => shift::double_r::<O, W, false>),
        (_, Form::Reg) => sized!(bytes, W => shift::double_m::<O, W, true>),
        _ => sized!(bytes, W => shift::double_m::<O, W, false>),
    }
}

fn bit<O: bits::BitOp>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match (form(i, 0), form(i, 1)) {
        (Form::Reg, Form::Reg) => sized!(bytes, W => bits::rr::<O, W>),
        (Form::Reg, _) => sized!(bytes, W => bits::ri::<O, W>),
        (_, Form::Reg) => sized!(bytes, W => bits::mr::<O, W>),
        _ => sized!(bytes, W => bits::mi::<O, W>),
    }
}

fn scan<const REVERSE: bool>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match form(i, 1) {
        Form::Reg => sized!(bytes, W => bits::scan_rr::<W, REVERSE>),
        _ => sized!(bytes, W => bits::scan_rm::<W, REVERSE>),
    }
}

fn count<C: bits::Count>(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match form(i, 1) {
        Form::Reg => sized!(bytes, W => bits::count_rr::<C, W>),
        _ => sized!(bytes, W => bits::count_rm::<C, W>),
    }
}

/// Register or memory handler of a one-operand instruction.
macro_rules! rm {
    ($i:expr, $w:ident => $r:expr, $m:expr) => {
        match form($i, 0) {
            Form::Reg => sized!(size_of($i, 0), $w => $r),
            _ => sized!(size_of($i, 0), $w => $m),
        }
    };
}

fn extended(i: &Instruction, signed: bool) -> Option<Handler> {
    macro_rules! from {
        ($s:ty) => {
            match (form(i, 1), signed) {
                (Form::Reg, false) => sized!(size_of(i, 0), D => data::movzx_rr::<D, $s>),
                (_, false) => sized!(size_of(i, 0), D => data::movzx_rm::<D, $s>),
                (Form::Reg, true) => sized!(size_of(i, 0), D => data::movsx_rr::<D, $s>),
                (_, true) => sized!(size_of(i, 0), D => data::movsx_rm::<D, $s>),
            }
        };
    }
    match size_of(i, 1) {
        1 => from!(u8),
        2 => from!(u16),
        4 => from!(u32),
        _ => None,
    }
}

fn mov(i: &Instruction) -> Option<Handler> {
    let special = |n| {
        let r = i.op_register(n);
        form(i, n) == Form::Reg && (r.is_segment_register() || r.is_cr() || r.is_dr() || r.is_tr())
    };
    if special(0) || special(1) {
        return None;
    }
    // The accumulator forms with an absolute address are plain memory operands in iced.
    let bytes = size_of(i, 0);
    match (form(i, 0), form(i, 1)) {
        (Form::Reg, Form::Reg) => sized!(bytes, W => data::mov_rr::<W>),
        (Form::Reg, Form::Imm) => sized!(bytes, W => data::mov_ri::<W>),
        (Form::Reg, Form::Mem) => sized!(bytes, W => data::mov_rm::<W>),
        (Form::Mem, Form::Reg) => sized!(bytes, W => data::mov_mr::<W>),
        (Form::Mem, Form::Imm) => sized!(bytes, W => data::mov_mi::<W>),
        _ => None,
    }
}

/// Bytes that a push or pop moves RSP by.
fn slot(i: &Instruction) -> usize {
    i.stack_pointer_increment().unsigned_abs() as usize
}

fn push(i: &Instruction) -> Option<Handler> {
    let long = i.code_size() == iced_x86::CodeSize::Code64;
    if form(i, 0) == Form::Reg && i.op0_register().is_segment_register() {
        return sized!(slot(i), W => stack::push_seg::<W>);
    }
    match (form(i, 0), slot(i)) {
        (Form::Reg, 8) if long => Some(chain(stack::push64_r)),
        (Form::Imm, 8) if long => Some(chain(stack::push64_i)),
        (Form::Mem, 8) if long => Some(chain(stack::push64_m)),
        (Form::Reg, bytes) => sized!(bytes, W => stack::push_r::<W>),
        (Form::Imm, bytes) => sized!(bytes, W => stack::push_i::<W>),
        (Form::Mem, bytes) => sized!(bytes, W => stack::push_m::<W>),
    }
}

fn pop(i: &Instruction) -> Option<Handler> {
    let long = i.code_size() == iced_x86::CodeSize::Code64;
    if form(i, 0) == Form::Reg && i.op0_register().is_segment_register() {
        return None;
    }
    match (form(i, 0), slot(i)) {
        (Form::Reg, 8) if long => Some(chain(stack::pop64_r)),
        (Form::Reg, bytes) => sized!(bytes, W => stack::pop_r::<W>),
        (_, bytes) => sized!(bytes, W => stack::pop_m::<W>),
    }
}

/// Operand size of a near branch in bytes.
fn branch_bytes(i: &Instruction) -> usize {
    match i.op0_kind() {
        OpKind::NearBranch16 => 2,
        OpKind::NearBranch32 => 4,
        _ => 8,
    }
}

fn jump_or_call(i: &Instruction, call: bool) -> Option<Handler> {
    let near = matches!(i.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64);
    if near {
        let bytes = branch_bytes(i);
        return if call { sized!(bytes, W => flow::call::<W>) } else { sized!(bytes, W => flow::jmp::<W>) };
    }
    if i.is_jmp_far_indirect() || i.is_call_far_indirect() || i.is_jmp_far() || i.is_call_far() {
        return None;
    }
    let bytes = size_of(i, 0);
    match (form(i, 0), call) {
        (Form::Reg, false) => sized!(bytes, W => flow::jmp_r::<W>),
        (_, false) => sized!(bytes, W => flow::jmp_m::<W>),
        (Form::Reg, true) => sized!(bytes, W => flow::call_r::<W>),
        (_, true) => sized!(bytes, W => flow::call_m::<W>),
    }
}

/// The size in bytes of the count register of LOOP and JCXZ.
fn count_bytes(i: &Instruction) -> u8 {
    use Code::*;
    match i.code() {
        Loopne_rel8_16_CX | Loopne_rel8_32_CX | Loope_rel8_16_CX | Loope_rel8_32_CX | Loop_rel8_16_CX
        | Loop_rel8_32_CX | Jcxz_rel8_16 | Jcxz_rel8_32 => 2,
        Loopne_rel8_16_ECX | Loopne_rel8_32_ECX | Loopne_rel8_64_ECX | Loope_rel8_16_ECX
        | Loope_rel8_32_ECX | Loope_rel8_64_ECX | Loop_rel8_16_ECX | Loop_rel8_32_ECX | Loop_rel8_64_ECX
        | Jecxz_rel8_16 | Jecxz_rel8_32 | Jecxz_rel8_64 => 4,
        _ => 8,
    }
}

fn strings(i: &Instruction) -> Option<Handler> {
    Some(match i.code() {
        Code::Movsb_m8_m8 => chain(string::movs::<u8>),
        Code::Movsw_m16_m16 => chain(string::movs::<u16>),
        Code::Movsd_m32_m32 => chain(string::movs::<u32>),
        Code::Movsq_m64_m64 => chain(string::movs::<u64>),
        Code::Cmpsb_m8_m8 => chain(string::cmps::<u8>),
        Code::Cmpsw_m16_m16 => chain(string::cmps::<u16>),
        Code::Cmpsd_m32_m32 => chain(string::cmps::<u32>),
        Code::Cmpsq_m64_m64 => chain(string::cmps::<u64>),
        Code::Stosb_m8_AL => chain(string::stos::<u8>),
        Code::Stosw_m16_AX => chain(string::stos::<u16>),
        Code::Stosd_m32_EAX => chain(string::stos::<u32>),
        Code::Stosq_m64_RAX => chain(string::stos::<u64>),
        Code::Lodsb_AL_m8 => chain(string::lods::<u8>),
        Code::Lodsw_AX_m16 => chain(string::lods::<u16>),
        Code::Lodsd_EAX_m32 => chain(string::lods::<u32>),
        Code::Lodsq_RAX_m64 => chain(string::lods::<u64>),
        Code::Scasb_AL_m8 => chain(string::scas::<u8>),
        Code::Scasw_AX_m16 => chain(string::scas::<u16>),
        Code::Scasd_EAX_m32 => chain(string::scas::<u32>),
        Code::Scasq_RAX_m64 => chain(string::scas::<u64>),
        Code::Insb_m8_DX => chain(string::ins::<u8>),
        Code::Insw_m16_DX => chain(string::ins::<u16>),
        Code::Insd_m32_DX => chain(string::ins::<u32>),
        Code::Outsb_DX_m8 => chain(string::outs::<u8>),
        Code::Outsw_DX_m16 => chain(string::outs::<u16>),
        Code::Outsd_DX_m32 => chain(string::outs::<u32>),
        _ => return None,
    })
}

/// The handler of an integer instruction; `None` for others.
pub fn lower(i: &Instruction, features: &Features, op: &mut Op) -> Option<Handler> {
    if i.is_string_instruction() {
        return strings(i);
    }
    if i.condition_code() != ConditionCode::None {
        return conditioned(i, op);
    }
    match i.mnemonic() {
        Mnemonic::Add => binary::<alu::Add>(i),
        Mnemonic::Adc => binary::<alu::Adc>(i),
        Mnemonic::Sub => binary::<alu::Sub>(i),
        Mnemonic::Sbb => binary::<alu::Sbb>(i),
        Mnemonic::Cmp => binary::<alu::Cmp>(i),
        Mnemonic::And => binary::<alu::And>(i),
        Mnemonic::Or => binary::<alu::Or>(i),
        Mnemonic::Xor => binary::<alu::Xor>(i),
        Mnemonic::Test => binary::<alu::Test>(i),
        Mnemonic::Inc => unary::<alu::Inc>(i),
        Mnemonic::Dec => unary::<alu::Dec>(i),
        Mnemonic::Neg => unary::<alu::Neg>(i),
        Mnemonic::Not => unary::<alu::Not>(i),
        Mnemonic::Shl | Mnemonic::Sal => shifted::<shift::Shl>(i),
        Mnemonic::Shr => shifted::<shift::Shr>(i),
        Mnemonic::Sar => shifted::<shift::Sar>(i),
        Mnemonic::Rol => shifted::<shift::Rol>(i),
        Mnemonic::Ror => shifted::<shift::Ror>(i),
        Mnemonic::Rcl => shifted::<shift::Rcl>(i),
        Mnemonic::Rcr => shifted::<shift::Rcr>(i),
        Mnemonic::Shld => double_shifted::<shift::Shld>(i),
        Mnemonic::Shrd => double_shifted::<shift::Shrd>(i),
        Mnemonic::Bt => bit::<bits::Bt>(i),
        Mnemonic::Bts => bit::<bits::Bts>(i),
        Mnemonic::Btr => bit::<bits::Btr>(i),
        Mnemonic::Btc => bit::<bits::Btc>(i),
        // Without BMI1 and LZCNT, TZCNT and LZCNT are BSF and BSR with a prefix that is ignored.
        Mnemonic::Tzcnt if features.has(Feature::Bmi1) => count::<bits::TrailingZeros>(i),
        Mnemonic::Lzcnt if features.has(Feature::Lzcnt) => count::<bits::LeadingZeros>(i),
        Mnemonic::Bsf | Mnemonic::Tzcnt => scan::<false>(i),
        Mnemonic::Bsr | Mnemonic::Lzcnt => scan::<true>(i),
        Mnemonic::Popcnt => count::<bits::Ones>(i),
        Mnemonic::Mul => rm!(i, W => muldiv::mul_r::<W>, muldiv::mul_m::<W>),
        Mnemonic::Imul => imul(i),
        Mnemonic::Div => rm!(i, W => muldiv::div_r::<W>, muldiv::div_m::<W>),
        Mnemonic::Idiv => rm!(i, W => muldiv::idiv_r::<W>, muldiv::idiv_m::<W>),
        Mnemonic::Mov => mov(i),
        Mnemonic::Movzx => extended(i, false),
        Mnemonic::Movsx | Mnemonic::Movsxd => extended(i, true),
        Mnemonic::Lea if op.address == address::FLAT && size_of(i, 0) == 8 => Some(chain(data::lea64)),
        Mnemonic::Lea => sized!(size_of(i, 0), W => data::lea::<W>),
        Mnemonic::Xchg => exchange(i, op),
        Mnemonic::Xadd => rm!(i, W => data::xadd_rr::<W>, data::xadd_mr::<W>),
        Mnemonic::Cmpxchg => rm!(i, W => data::cmpxchg_rr::<W>, data::cmpxchg_mr::<W>),
        Mnemonic::Cmpxchg8b => Some(chain(data::cmpxchg8b)),
        Mnemonic::Bswap => Some(match size_of(i, 0) {
            8 => chain(data::bswap64),
            4 => chain(data::bswap32),
            _ => chain(data::bswap16),
        }),
        Mnemonic::Push => push(i),
        Mnemonic::Pop => pop(i),
        Mnemonic::Jmp => jump_or_call(i, false),
        Mnemonic::Call => jump_or_call(i, true),
        Mnemonic::Ret => sized!(slot_of_ret(i), W => flow::ret::<W>),
        Mnemonic::Jcxz | Mnemonic::Jecxz | Mnemonic::Jrcxz => {
            op.aux = count_bytes(i);
            sized!(branch_bytes(i), W => flow::jcxz::<W>)
        }
        Mnemonic::Loop => {
            op.aux = count_bytes(i);
            sized!(branch_bytes(i), W => flow::loop_::<W, 2>)
        }
        _ => plain(i, op),
    }
}

fn slot_of_ret(i: &Instruction) -> usize {
    match i.code() {
        Code::Retnw | Code::Retnw_imm16 => 2,
        Code::Retnd | Code::Retnd_imm16 => 4,
        _ => 8,
    }
}

fn imul(i: &Instruction) -> Option<Handler> {
    let bytes = size_of(i, 0);
    match (i.op_count(), form(i, i.op_count().saturating_sub(1).min(1))) {
        (1, Form::Reg) => sized!(bytes, W => muldiv::imul_r::<W>),
        (1, _) => sized!(bytes, W => muldiv::imul_m::<W>),
        (2, Form::Reg) => sized!(bytes, W => muldiv::imul_rr::<W>),
        (2, _) => sized!(bytes, W => muldiv::imul_rm::<W>),
        (_, Form::Reg) => sized!(bytes, W => muldiv::imul_rri::<W>),
        _ => sized!(bytes, W => muldiv::imul_rmi::<W>),
    }
}

/// XCHG in either operand order.
fn exchange(i: &Instruction, op: &mut Op) -> Option<Handler> {
    match (form(i, 0), form(i, 1)) {
        (Form::Reg, Form::Mem) => {
            op.src = op.dst;
            sized!(size_of(i, 0), W => data::xchg_mr::<W>)
        }
        (Form::Mem, _) => sized!(size_of(i, 1), W => data::xchg_mr::<W>),
        _ => sized!(size_of(i, 0), W => data::xchg_rr::<W>),
    }
}

/// Jcc, SETcc, CMOVcc, and the LOOPs that iced gives a condition.
fn conditioned(i: &Instruction, op: &mut Op) -> Option<Handler> {
    let code = i.condition_code();
    match i.mnemonic() {
        Mnemonic::Loope => {
            op.aux = count_bytes(i);
            return sized!(branch_bytes(i), W => flow::loop_::<W, 1>);
        }
        Mnemonic::Loopne => {
            op.aux = count_bytes(i);
            return sized!(branch_bytes(i), W => flow::loop_::<W, 0>);
        }
        _ => {}
    }
    if i.is_jcc_short_or_near() {
        return conditional!(code, C => sized!(branch_bytes(i), W => flow::jcc::<C, W>));
    }
    if i.op_count() == 1 {
        return match form(i, 0) {
            Form::Reg => conditional!(code, C => Some(chain(data::set_r::<C>))),
            _ => conditional!(code, C => Some(chain(data::set_m::<C>))),
        };
    }
    // FCMOVcc has conditions too, on x87 registers.
    if !i.op0_register().is_gpr() || i.op_count() != 2 {
        return None;
    }
    match form(i, 1) {
        Form::Reg => conditional!(code, C => sized!(size_of(i, 0), W => data::cmov_rr::<C, W>)),
        _ => conditional!(code, C => sized!(size_of(i, 0), W => data::cmov_rm::<C, W>)),
    }
}

/// Instructions without operands that matter here.
fn plain(i: &Instruction, op: &mut Op) -> Option<Handler> {
    Some(match i.mnemonic() {
        // PREFETCH and its kin have no register form on AMD's processors; Intel's do nothing.
        Mnemonic::Reservednop
            if matches!(
                i.code(),
                Code::Reservednop_rm16_r16_0F0D
                    | Code::Reservednop_rm32_r32_0F0D
                    | Code::Reservednop_rm64_r64_0F0D
            ) =>
        {
            return None;
        }
        Mnemonic::Nop
        | Mnemonic::Pause
        | Mnemonic::Reservednop
        | Mnemonic::Endbr64
        | Mnemonic::Endbr32
        | Mnemonic::Rdsspd
        | Mnemonic::Rdsspq => chain(data::nop),
        Mnemonic::Cbw => chain(data::extend_a::<u8, u16>),
        Mnemonic::Cwde => chain(data::extend_a::<u16, u32>),
        Mnemonic::Cdqe => chain(data::extend_a::<u32, u64>),
        Mnemonic::Cwd => chain(data::extend_d::<u16>),
        Mnemonic::Cdq => chain(data::extend_d::<u32>),
        Mnemonic::Cqo => chain(data::extend_d::<u64>),
        Mnemonic::Clc => chain(data::clc),
        Mnemonic::Stc => chain(data::stc),
        Mnemonic::Cmc => chain(data::cmc),
        Mnemonic::Cld => chain(data::cld),
        Mnemonic::Std => chain(data::std),
        Mnemonic::Lahf => chain(data::lahf),
        Mnemonic::Sahf => chain(data::sahf),
        Mnemonic::Xlatb => {
            op.base = crate::state::gpr::RBX;
            op.index = crate::state::gpr::ZERO;
            op.disp = 0;
            chain(data::xlat)
        }
        Mnemonic::Salc => chain(data::salc),
        Mnemonic::Daa => chain(muldiv::daa),
        Mnemonic::Das => chain(muldiv::das),
        Mnemonic::Aaa => chain(muldiv::aaa),
        Mnemonic::Aas => chain(muldiv::aas),
        Mnemonic::Aam => chain(muldiv::aam),
        Mnemonic::Aad => chain(muldiv::aad),
        Mnemonic::Bound => {
            return if size_of(i, 0) == 2 {
                Some(chain(muldiv::bound::<u16>))
            } else {
                Some(chain(muldiv::bound::<u32>))
            };
        }
        Mnemonic::Pusha => chain(stack::pusha::<u16>),
        Mnemonic::Pushad => chain(stack::pusha::<u32>),
        Mnemonic::Popa => chain(stack::popa::<u16>),
        Mnemonic::Popad => chain(stack::popa::<u32>),
        Mnemonic::Pushf => chain(stack::pushf::<u16>),
        Mnemonic::Pushfd => chain(stack::pushf::<u32>),
        Mnemonic::Pushfq => chain(stack::pushf::<u64>),
        Mnemonic::Popf => chain(stack::popf::<u16>),
        Mnemonic::Popfd => chain(stack::popf::<u32>),
        Mnemonic::Popfq => chain(stack::popf::<u64>),
        Mnemonic::Leave => match i.code() {
            Code::Leavew => chain(stack::leave::<u16>),
            Code::Leaved => chain(stack::leave::<u32>),
            _ => chain(stack::leave::<u64>),
        },
        Mnemonic::Enter => {
            op.imm = u64::from(i.immediate16());
            op.aux = i.immediate8_2nd();
            match i.code() {
                Code::Enterw_imm16_imm8 => chain(stack::enter::<u16>),
                Code::Enterd_imm16_imm8 => chain(stack::enter::<u32>),
                _ => chain(stack::enter::<u64>),
            }
        }
        _ => return None,
    })
}
