//! x87 instructions to their handlers.

use iced_x86::{Code, Instruction, Register};

use crate::decode::{Handler, Op};
use crate::exec::x87::arith::{self, Add, Div, DivReverse, Mul, Sub, SubReverse};
use crate::exec::x87::load_store::{self, Double, Int16, Int32, Int64, Single};
use crate::exec::x87::{compare, control, transcend};

/// The handler of an x87 instruction; `None` for others. `op.imm` becomes the eleven bits of its
/// opcode, which the FPU keeps (SDM volume 1, 8.1.9).
pub fn lower(instruction: &Instruction, op: &mut Op) -> Option<Handler> {
    let (opcode, run) = memory(instruction.code()).or_else(|| registers(instruction.code()))?;
    op.imm = u64::from(opcode);
    op.imm |= if opcode & 0xc0 == 0xc0 {
        // At most one of the operands is not ST(0).
        u64::from(if instruction.op_count() == 0 { 0 } else { (op.dst | op.src) & 7 })
    } else {
        u64::from(mod_rm(instruction))
    };
    Some(run)
}

/// The mod and r/m fields of a memory operand, as the shortest form of it has them.
fn mod_rm(instruction: &Instruction) -> u8 {
    use Register::*;
    let base = instruction.memory_base();
    let index = instruction.memory_index();
    let (mut mode, rm) = match (base, index) {
        (BX, SI) => (0, 0),
        (BX, DI) => (0, 1),
        (BP, SI) => (0, 2),
        (BP, DI) => (0, 3),
        (SI, None) => (0, 4),
        (DI, None) => (0, 5),
        (BP, None) => (0, 6),
        (BX, None) => (0, 7),
        (RIP | EIP, _) => return 5,
        // 64-bit code reaches an absolute address by a SIB byte only.
        (None, None) => return [0, 0, 6, 0, 5, 0, 0, 0, 4][instruction.memory_displ_size().min(8) as usize],
        (None, _) => return 4,
        (_, None) => (0, base.number() as u8 & 7),
        _ => (0, 4),
    };
    if instruction.memory_displ_size() != 0 {
        mode = if instruction.memory_displ_size() == 1 { 1 } else { 2 };
    }
    mode << 6 | rm
}

/// Instructions with a memory operand: the opcode with mod and r/m clear, and the handler.
#[rustfmt::skip]
fn memory(code: Code) -> Option<(u16, Handler)> {
    use Code::*;
    Some(match code {
        Fadd_m32fp => (0x000, arith::memory::<Add, Single>),
        Fmul_m32fp => (0x008, arith::memory::<Mul, Single>),
        Fcom_m32fp => (0x010, compare::memory::<Single, false>),
        Fcomp_m32fp => (0x018, compare::memory::<Single, true>),
        Fsub_m32fp => (0x020, arith::memory::<Sub, Single>),
        Fsubr_m32fp => (0x028, arith::memory::<SubReverse, Single>),
        Fdiv_m32fp => (0x030, arith::memory::<Div, Single>),
        Fdivr_m32fp => (0x038, arith::memory::<DivReverse, Single>),
        Fld_m32fp => (0x100, load_store::load::<Single>),
        Fst_m32fp => (0x110, load_store::store::<Single, false>),
        Fstp_m32fp => (0x118, load_store::store::<Single, true>),
        Fldenv_m14byte => (0x120, control::load_environment::<2>),
        Fldenv_m28byte => (0x120, control::load_environment::<4>),
        Fldcw_m2byte => (0x128, control::load_control),
        Fnstenv_m14byte => (0x130, control::store_environment::<2>),
        Fnstenv_m28byte => (0x130, control::store_environment::<4>),
        Fnstcw_m2byte => (0x138, control::store_control),
        Fiadd_m32int => (0x200, arith::memory::<Add, Int32>),
        Fimul_m32int => (0x208, arith::memory::<Mul, Int32>),
        Ficom_m32int => (0x210, compare::memory::<Int32, false>),
        Ficomp_m32int => (0x218, compare::memory::<Int32, true>),
        Fisub_m32int => (0x220, arith::memory::<Sub, Int32>),
        Fisubr_m32int => (0x228, arith::memory::<SubReverse, Int32>),
        Fidiv_m32int => (0x230, arith::memory::<Div, Int32>),
        Fidivr_m32int => (0x238, arith::memory::<DivReverse, Int32>),
        Fild_m32int => (0x300, load_store::load::<Int32>),
        Fisttp_m32int => (0x308, load_store::store_chopped::<Int32>),
        Fist_m32int => (0x310, load_store::store::<Int32, false>),
        Fistp_m32int => (0x318, load_store::store::<Int32, true>),
        Fld_m80fp => (0x328, load_store::load_extended),
        Fstp_m80fp => (0x338, load_store::store_extended),
        Fadd_m64fp => (0x400, arith::memory::<Add, Double>),
        Fmul_m64fp => (0x408, arith::memory::<Mul, Double>),
        Fcom_m64fp => (0x410, compare::memory::<Double, false>),
        Fcomp_m64fp => (0x418, compare::memory::<Double, true>),
        Fsub_m64fp => (0x420, arith::memory::<Sub, Double>),
        Fsubr_m64fp => (0x428, arith::memory::<SubReverse, Double>),
        Fdiv_m64fp => (0x430, arith::memory::<Div, Double>),
        Fdivr_m64fp => (0x438, arith::memory::<DivReverse, Double>),
        Fld_m64fp => (0x500, load_store::load::<Double>),
        Fisttp_m64int => (0x508, load_store::store_chopped::<Int64>),
        Fst_m64fp => (0x510, load_store::store::<Double, false>),
        Fstp_m64fp => (0x518, load_store::store::<Double, true>),
        Frstor_m94byte => (0x520, control::restore::<2>),
        Frstor_m108byte => (0x520, control::restore::<4>),
        Fnsave_m94byte => (0x530, control::save::<2>),
        Fnsave_m108byte => (0x530, control::save::<4>),
        Fnstsw_m2byte => (0x538, control::store_status),
        Fiadd_m16int => (0x600, arith::memory::<Add, Int16>),
        Fimul_m16int => (0x608, arith::memory::<Mul, Int16>),
        Ficom_m16int => (0x610, compare::memory::<Int16, false>),
        Ficomp_m16int => (0x618, compare::memory::<Int16, true>),
        Fisub_m16int => (0x620, arith::memory::<Sub, Int16>),
        Fisubr_m16int => (0x628, arith::memory::<SubReverse, Int16>),
        Fidiv_m16int => (0x630, arith::memory::<Div, Int16>),
        Fidivr_m16int => (0x638, arith::memory::<DivReverse, Int16>),
        Fild_m16int => (0x700, load_store::load::<Int16>),
        Fisttp_m16int => (0x708, load_store::store_chopped::<Int16>),
        Fist_m16int => (0x710, load_store::store::<Int16, false>),
        Fistp_m16int => (0x718, load_store::store::<Int16, true>),
        Fbld_m80bcd => (0x720, load_store::load_bcd),
        Fild_m64int => (0x728, load_store::load::<Int64>),
        Fbstp_m80bcd => (0x730, load_store::store_bcd),
        Fistp_m64int => (0x738, load_store::store::<Int64, true>),
        _ => return None,
    })
}

/// Instructions on registers: the opcode with ST(0) for ST(i), and the handler.
#[rustfmt::skip]
fn registers(code: Code) -> Option<(u16, Handler)> {
    use Code::*;
    Some(match code {
        Fadd_st0_sti => (0x0c0, arith::registers::<Add, false>),
        Fmul_st0_sti => (0x0c8, arith::registers::<Mul, false>),
        Fcom_st0_sti => (0x0d0, compare::registers::<false, 0>),
        Fcomp_st0_sti => (0x0d8, compare::registers::<false, 1>),
        Fsub_st0_sti => (0x0e0, arith::registers::<Sub, false>),
        Fsubr_st0_sti => (0x0e8, arith::registers::<SubReverse, false>),
        Fdiv_st0_sti => (0x0f0, arith::registers::<Div, false>),
        Fdivr_st0_sti => (0x0f8, arith::registers::<DivReverse, false>),
        Fld_sti => (0x1c0, load_store::load_register),
        Fxch_st0_sti => (0x1c8, load_store::exchange),
        Fnop => (0x1d0, control::nop),
        Fstpnce_sti => (0x1d8, load_store::store_register_quietly),
        Fchs => (0x1e0, arith::chs),
        Fabs => (0x1e1, arith::abs),
        Ftst => (0x1e4, compare::test),
        Fxam => (0x1e5, compare::examine),
        Fld1 => (0x1e8, load_store::load_constant::<0>),
        Fldl2t => (0x1e9, load_store::load_constant::<1>),
        Fldl2e => (0x1ea, load_store::load_constant::<2>),
        Fldpi => (0x1eb, load_store::load_constant::<3>),
        Fldlg2 => (0x1ec, load_store::load_constant::<4>),
        Fldln2 => (0x1ed, load_store::load_constant::<5>),
        Fldz => (0x1ee, load_store::load_constant::<6>),
        F2xm1 => (0x1f0, transcend::f2xm1),
        Fyl2x => (0x1f1, transcend::fyl2x),
        Fptan => (0x1f2, transcend::pair::<true>),
        Fpatan => (0x1f3, transcend::fpatan),
        Fxtract => (0x1f4, arith::extract),
        Fprem1 => (0x1f5, arith::remainder::<true>),
        Fdecstp => (0x1f6, control::rotate::<7>),
        Fincstp => (0x1f7, control::rotate::<1>),
        Fprem => (0x1f8, arith::remainder::<false>),
        Fyl2xp1 => (0x1f9, transcend::fyl2xp1),
        Fsqrt => (0x1fa, arith::sqrt),
        Fsincos => (0x1fb, transcend::pair::<false>),
        Frndint => (0x1fc, arith::round_to_integer),
        Fscale => (0x1fd, arith::scale),
        Fsin => (0x1fe, transcend::sine::<false>),
        Fcos => (0x1ff, transcend::sine::<true>),
        Fcmovb_st0_sti => (0x2c0, load_store::conditional::<0>),
        Fcmove_st0_sti => (0x2c8, load_store::conditional::<1>),
        Fcmovbe_st0_sti => (0x2d0, load_store::conditional::<2>),
        Fcmovu_st0_sti => (0x2d8, load_store::conditional::<3>),
        Fucompp => (0x2e9, compare::registers::<true, 2>),
        Fcmovnb_st0_sti => (0x3c0, load_store::conditional::<4>),
        Fcmovne_st0_sti => (0x3c8, load_store::conditional::<5>),
        Fcmovnbe_st0_sti => (0x3d0, load_store::conditional::<6>),
        Fcmovnu_st0_sti => (0x3d8, load_store::conditional::<7>),
        Fneni | Fndisi | Fnsetpm => (0x3e0, control::nothing),
        Fnclex => (0x3e2, control::clear_exceptions),
        Fninit => (0x3e3, control::init),
        Fucomi_st0_sti => (0x3e8, compare::to_eflags::<true, false>),
        Fcomi_st0_sti => (0x3f0, compare::to_eflags::<false, false>),
        Fadd_sti_st0 => (0x4c0, arith::registers::<Add, false>),
        Fmul_sti_st0 => (0x4c8, arith::registers::<Mul, false>),
        Fcom_st0_sti_DCD0 => (0x4d0, compare::registers::<false, 0>),
        Fcomp_st0_sti_DCD8 => (0x4d8, compare::registers::<false, 1>),
        Fsubr_sti_st0 => (0x4e0, arith::registers::<SubReverse, false>),
        Fsub_sti_st0 => (0x4e8, arith::registers::<Sub, false>),
        Fdivr_sti_st0 => (0x4f0, arith::registers::<DivReverse, false>),
        Fdiv_sti_st0 => (0x4f8, arith::registers::<Div, false>),
        Ffree_sti => (0x5c0, control::free::<false>),
        Fxch_st0_sti_DDC8 => (0x5c8, load_store::exchange),
        Fst_sti => (0x5d0, load_store::store_register::<false>),
        Fstp_sti => (0x5d8, load_store::store_register::<true>),
        Fucom_st0_sti => (0x5e0, compare::registers::<true, 0>),
        Fucomp_st0_sti => (0x5e8, compare::registers::<true, 1>),
        Faddp_sti_st0 => (0x6c0, arith::registers::<Add, true>),
        Fmulp_sti_st0 => (0x6c8, arith::registers::<Mul, true>),
        Fcomp_st0_sti_DED0 => (0x6d0, compare::registers::<false, 1>),
        Fcompp => (0x6d9, compare::registers::<false, 2>),
        Fsubrp_sti_st0 => (0x6e0, arith::registers::<SubReverse, true>),
        Fsubp_sti_st0 => (0x6e8, arith::registers::<Sub, true>),
        Fdivrp_sti_st0 => (0x6f0, arith::registers::<DivReverse, true>),
        Fdivp_sti_st0 => (0x6f8, arith::registers::<Div, true>),
        Ffreep_sti => (0x7c0, control::free::<true>),
        Fxch_st0_sti_DFC8 => (0x7c8, load_store::exchange),
        Fstp_sti_DFD0 => (0x7d0, load_store::store_register::<true>),
        Fstp_sti_DFD8 => (0x7d8, load_store::store_register::<true>),
        Fnstsw_AX => (0x7e0, control::store_status_ax),
        Fucomip_st0_sti => (0x7e8, compare::to_eflags::<true, true>),
        Fcomip_st0_sti => (0x7f0, compare::to_eflags::<false, true>),
        Wait => (0x3d0, control::wait),
        _ => return None,
    })
}
