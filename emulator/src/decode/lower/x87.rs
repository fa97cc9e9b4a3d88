//! x87 instructions to their handlers.

use iced_x86::{Code, CodeSize, Instruction, Register};

use crate::decode::chain::chain;
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
        // 64-bit code reaches an absolute address by a SIB byte only, with 32-bit addressing too.
        (None, None) if instruction.code_size() == CodeSize::Code64 => return 4,
        (None, None) => return if instruction.memory_displ_size() == 2 { 6 } else { 5 },
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
        Fadd_m32fp => (0x000, chain(arith::memory::<Add, Single>)),
        Fmul_m32fp => (0x008, chain(arith::memory::<Mul, Single>)),
        Fcom_m32fp => (0x010, chain(compare::memory::<Single, false>)),
        Fcomp_m32fp => (0x018, chain(compare::memory::<Single, true>)),
        Fsub_m32fp => (0x020, chain(arith::memory::<Sub, Single>)),
        Fsubr_m32fp => (0x028, chain(arith::memory::<SubReverse, Single>)),
        Fdiv_m32fp => (0x030, chain(arith::memory::<Div, Single>)),
        Fdivr_m32fp => (0x038, chain(arith::memory::<DivReverse, Single>)),
        Fld_m32fp => (0x100, chain(load_store::load::<Single>)),
        Fst_m32fp => (0x110, chain(load_store::store::<Single, false>)),
        Fstp_m32fp => (0x118, chain(load_store::store::<Single, true>)),
        Fldenv_m14byte => (0x120, chain(control::load_environment::<2>)),
        Fldenv_m28byte => (0x120, chain(control::load_environment::<4>)),
        Fldcw_m2byte => (0x128, chain(control::load_control)),
        Fnstenv_m14byte => (0x130, chain(control::store_environment::<2>)),
        Fnstenv_m28byte => (0x130, chain(control::store_environment::<4>)),
        Fnstcw_m2byte => (0x138, chain(control::store_control)),
        Fiadd_m32int => (0x200, chain(arith::memory::<Add, Int32>)),
        Fimul_m32int => (0x208, chain(arith::memory::<Mul, Int32>)),
        Ficom_m32int => (0x210, chain(compare::memory::<Int32, false>)),
        Ficomp_m32int => (0x218, chain(compare::memory::<Int32, true>)),
        Fisub_m32int => (0x220, chain(arith::memory::<Sub, Int32>)),
        Fisubr_m32int => (0x228, chain(arith::memory::<SubReverse, Int32>)),
        Fidiv_m32int => (0x230, chain(arith::memory::<Div, Int32>)),
        Fidivr_m32int => (0x238, chain(arith::memory::<DivReverse, Int32>)),
        Fild_m32int => (0x300, chain(load_store::load::<Int32>)),
        Fisttp_m32int => (0x308, chain(load_store::store_chopped::<Int32>)),
        Fist_m32int => (0x310, chain(load_store::store::<Int32, false>)),
        Fistp_m32int => (0x318, chain(load_store::store::<Int32, true>)),
        Fld_m80fp => (0x328, chain(load_store::load_extended)),
        Fstp_m80fp => (0x338, chain(load_store::store_extended)),
        Fadd_m64fp => (0x400, chain(arith::memory::<Add, Double>)),
        Fmul_m64fp => (0x408, chain(arith::memory::<Mul, Double>)),
        Fcom_m64fp => (0x410, chain(compare::memory::<Double, false>)),
        Fcomp_m64fp => (0x418, chain(compare::memory::<Double, true>)),
        Fsub_m64fp => (0x420, chain(arith::memory::<Sub, Double>)),
        Fsubr_m64fp => (0x428, chain(arith::memory::<SubReverse, Double>)),
        Fdiv_m64fp => (0x430, chain(arith::memory::<Div, Double>)),
        Fdivr_m64fp => (0x438, chain(arith::memory::<DivReverse, Double>)),
        Fld_m64fp => (0x500, chain(load_store::load::<Double>)),
        Fisttp_m64int => (0x508, chain(load_store::store_chopped::<Int64>)),
        Fst_m64fp => (0x510, chain(load_store::store::<Double, false>)),
        Fstp_m64fp => (0x518, chain(load_store::store::<Double, true>)),
        Frstor_m94byte => (0x520, chain(control::restore::<2>)),
        Frstor_m108byte => (0x520, chain(control::restore::<4>)),
        Fnsave_m94byte => (0x530, chain(control::save::<2>)),
        Fnsave_m108byte => (0x530, chain(control::save::<4>)),
        Fnstsw_m2byte => (0x538, chain(control::store_status)),
        Fiadd_m16int => (0x600, chain(arith::memory::<Add, Int16>)),
        Fimul_m16int => (0x608, chain(arith::memory::<Mul, Int16>)),
        Ficom_m16int => (0x610, chain(compare::memory::<Int16, false>)),
        Ficomp_m16int => (0x618, chain(compare::memory::<Int16, true>)),
        Fisub_m16int => (0x620, chain(arith::memory::<Sub, Int16>)),
        Fisubr_m16int => (0x628, chain(arith::memory::<SubReverse, Int16>)),
        Fidiv_m16int => (0x630, chain(arith::memory::<Div, Int16>)),
        Fidivr_m16int => (0x638, chain(arith::memory::<DivReverse, Int16>)),
        Fild_m16int => (0x700, chain(load_store::load::<Int16>)),
        Fisttp_m16int => (0x708, chain(load_store::store_chopped::<Int16>)),
        Fist_m16int => (0x710, chain(load_store::store::<Int16, false>)),
        Fistp_m16int => (0x718, chain(load_store::store::<Int16, true>)),
        Fbld_m80bcd => (0x720, chain(load_store::load_bcd)),
        Fild_m64int => (0x728, chain(load_store::load::<Int64>)),
        Fbstp_m80bcd => (0x730, chain(load_store::store_bcd)),
        Fistp_m64int => (0x738, chain(load_store::store::<Int64, true>)),
        _ => return None,
    })
}

/// Instructions on registers: the opcode with ST(0) for ST(i), and the handler.
#[rustfmt::skip]
fn registers(code: Code) -> Option<(u16, Handler)> {
    use Code::*;
    Some(match code {
        Fadd_st0_sti => (0x0c0, chain(arith::registers::<Add, false>)),
        Fmul_st0_sti => (0x0c8, chain(arith::registers::<Mul, false>)),
        Fcom_st0_sti => (0x0d0, chain(compare::registers::<false, 0>)),
        Fcomp_st0_sti => (0x0d8, chain(compare::registers::<false, 1>)),
        Fsub_st0_sti => (0x0e0, chain(arith::registers::<Sub, false>)),
        Fsubr_st0_sti => (0x0e8, chain(arith::registers::<SubReverse, false>)),
        Fdiv_st0_sti => (0x0f0, chain(arith::registers::<Div, false>)),
        Fdivr_st0_sti => (0x0f8, chain(arith::registers::<DivReverse, false>)),
        Fld_sti => (0x1c0, chain(load_store::load_register)),
        Fxch_st0_sti => (0x1c8, chain(load_store::exchange)),
        Fnop => (0x1d0, chain(control::nop)),
        Fstpnce_sti => (0x1d8, chain(load_store::store_register_quietly)),
        Fchs => (0x1e0, chain(arith::chs)),
        Fabs => (0x1e1, chain(arith::abs)),
        Ftst => (0x1e4, chain(compare::test)),
        Fxam => (0x1e5, chain(compare::examine)),
        Fld1 => (0x1e8, chain(load_store::load_constant::<0>)),
        Fldl2t => (0x1e9, chain(load_store::load_constant::<1>)),
        Fldl2e => (0x1ea, chain(load_store::load_constant::<2>)),
        Fldpi => (0x1eb, chain(load_store::load_constant::<3>)),
        Fldlg2 => (0x1ec, chain(load_store::load_constant::<4>)),
        Fldln2 => (0x1ed, chain(load_store::load_constant::<5>)),
        Fldz => (0x1ee, chain(load_store::load_constant::<6>)),
        F2xm1 => (0x1f0, chain(transcend::f2xm1)),
        Fyl2x => (0x1f1, chain(transcend::fyl2x)),
        Fptan => (0x1f2, chain(transcend::pair::<true>)),
        Fpatan => (0x1f3, chain(transcend::fpatan)),
        Fxtract => (0x1f4, chain(arith::extract)),
        Fprem1 => (0x1f5, chain(arith::remainder::<true>)),
        Fdecstp => (0x1f6, chain(control::rotate::<7>)),
        Fincstp => (0x1f7, chain(control::rotate::<1>)),
        Fprem => (0x1f8, chain(arith::remainder::<false>)),
        Fyl2xp1 => (0x1f9, chain(transcend::fyl2xp1)),
        Fsqrt => (0x1fa, chain(arith::sqrt)),
        Fsincos => (0x1fb, chain(transcend::pair::<false>)),
        Frndint => (0x1fc, chain(arith::round_to_integer)),
        Fscale => (0x1fd, chain(arith::scale)),
        Fsin => (0x1fe, chain(transcend::sine::<false>)),
        Fcos => (0x1ff, chain(transcend::sine::<true>)),
        Fcmovb_st0_sti => (0x2c0, chain(load_store::conditional::<0>)),
        Fcmove_st0_sti => (0x2c8, chain(load_store::conditional::<1>)),
        Fcmovbe_st0_sti => (0x2d0, chain(load_store::conditional::<2>)),
        Fcmovu_st0_sti => (0x2d8, chain(load_store::conditional::<3>)),
        Fucompp => (0x2e9, chain(compare::registers::<true, 2>)),
        Fcmovnb_st0_sti => (0x3c0, chain(load_store::conditional::<4>)),
        Fcmovne_st0_sti => (0x3c8, chain(load_store::conditional::<5>)),
        Fcmovnbe_st0_sti => (0x3d0, chain(load_store::conditional::<6>)),
        Fcmovnu_st0_sti => (0x3d8, chain(load_store::conditional::<7>)),
        Fneni | Fndisi | Fnsetpm => (0x3e0, chain(control::nothing)),
        Fnclex => (0x3e2, chain(control::clear_exceptions)),
        Fninit => (0x3e3, chain(control::init)),
        Fucomi_st0_sti => (0x3e8, chain(compare::to_eflags::<true, false>)),
        Fcomi_st0_sti => (0x3f0, chain(compare::to_eflags::<false, false>)),
        Fadd_sti_st0 => (0x4c0, chain(arith::registers::<Add, false>)),
        Fmul_sti_st0 => (0x4c8, chain(arith::registers::<Mul, false>)),
        Fcom_st0_sti_DCD0 => (0x4d0, chain(compare::registers::<false, 0>)),
        Fcomp_st0_sti_DCD8 => (0x4d8, chain(compare::registers::<false, 1>)),
        Fsubr_sti_st0 => (0x4e0, chain(arith::registers::<SubReverse, false>)),
        Fsub_sti_st0 => (0x4e8, chain(arith::registers::<Sub, false>)),
        Fdivr_sti_st0 => (0x4f0, chain(arith::registers::<DivReverse, false>)),
        Fdiv_sti_st0 => (0x4f8, chain(arith::registers::<Div, false>)),
        Ffree_sti => (0x5c0, chain(control::free::<false>)),
        Fxch_st0_sti_DDC8 => (0x5c8, chain(load_store::exchange)),
        Fst_sti => (0x5d0, chain(load_store::store_register::<false>)),
        Fstp_sti => (0x5d8, chain(load_store::store_register::<true>)),
        Fucom_st0_sti => (0x5e0, chain(compare::registers::<true, 0>)),
        Fucomp_st0_sti => (0x5e8, chain(compare::registers::<true, 1>)),
        Faddp_sti_st0 => (0x6c0, chain(arith::registers::<Add, true>)),
        Fmulp_sti_st0 => (0x6c8, chain(arith::registers::<Mul, true>)),
        Fcomp_st0_sti_DED0 => (0x6d0, chain(compare::registers::<false, 1>)),
        Fcompp => (0x6d9, chain(compare::registers::<false, 2>)),
        Fsubrp_sti_st0 => (0x6e0, chain(arith::registers::<SubReverse, true>)),
        Fsubp_sti_st0 => (0x6e8, chain(arith::registers::<Sub, true>)),
        Fdivrp_sti_st0 => (0x6f0, chain(arith::registers::<DivReverse, true>)),
        Fdivp_sti_st0 => (0x6f8, chain(arith::registers::<Div, true>)),
        Ffreep_sti => (0x7c0, chain(control::free::<true>)),
        Fxch_st0_sti_DFC8 => (0x7c8, chain(load_store::exchange)),
        Fstp_sti_DFD0 => (0x7d0, chain(load_store::store_register::<true>)),
        Fstp_sti_DFD8 => (0x7d8, chain(load_store::store_register::<true>)),
        Fnstsw_AX => (0x7e0, chain(control::store_status_ax)),
        Fucomip_st0_sti => (0x7e8, chain(compare::to_eflags::<true, true>)),
        Fcomip_st0_sti => (0x7f0, chain(compare::to_eflags::<false, true>)),
        Wait => (0x3d0, chain(control::wait)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use crate::cpu::CodeSize;
    use crate::decode::lower::lower;
    use crate::model::Features;

    fn fop(bits: u32, size: CodeSize, bytes: &[u8]) -> u64 {
        let instruction = Decoder::new(bits, bytes, DecoderOptions::NONE).decode();
        lower(&instruction, 0, 0, size, &Features::built()).imm
    }

    /// FADD qword ptr of an absolute address: as a Zen 3 saves FOP.
    #[test]
    fn absolute_addresses_have_the_r_m_field_of_their_mode() {
        assert_eq!(fop(64, CodeSize::Bits64, &[0xdc, 0x04, 0x25, 0xd0, 0x1f, 0x80, 0x20]), 0x404);
        assert_eq!(fop(64, CodeSize::Bits64, &[0x67, 0xdc, 0x04, 0x25, 0xd0, 0x1f, 0x80, 0x20]), 0x404);
        assert_eq!(fop(32, CodeSize::Bits32, &[0xdc, 0x05, 0xd0, 0x1f, 0x80, 0x20]), 0x405);
        assert_eq!(fop(32, CodeSize::Bits32, &[0x67, 0xdc, 0x06, 0xd0, 0x1f]), 0x406);
        assert_eq!(fop(16, CodeSize::Bits16, &[0xdc, 0x06, 0xd0, 0x1f]), 0x406);
    }
}
