//! System instructions, far transfers and port I/O to their handlers.

use iced_x86::{Code, Instruction, Mnemonic, Register};

use super::int::{Form, form, size_of, sized};
use crate::cpu::CodeSize;
use crate::decode::{Handler, Op};
use crate::exec::{far, interrupt, port, segment, system};
use crate::state::sreg;

/// Whether what follows this instruction must be looked at afresh: it changes segments, modes or
/// interrupts, or touches a device.
pub fn synchronises(i: &Instruction) -> bool {
    use Mnemonic::*;
    let special = |n: u32| {
        n < i.op_count() && form(i, n) == Form::Reg && {
            let r = i.op_register(n);
            r.is_segment_register() || r.is_cr() || r.is_dr()
        }
    };
    match i.mnemonic() {
        Mov => special(0),
        Pop => special(0),
        In | Out | Insb | Insw | Insd | Outsb | Outsw | Outsd | Sti | Popf | Popfd | Popfq | Lds | Les
        | Lfs | Lgs | Lss | Hlt | Wrmsr | Invlpg | Lmsw => true,
        _ => false,
    }
}

/// `MEMORY` variants of a handler.
macro_rules! by_form {
    ($i:expr, $n:expr, $reg:expr, $mem:expr) => {
        if form($i, $n) == Form::Mem { Some($mem as Handler) } else { Some($reg as Handler) }
    };
}

/// The handler of a system instruction; `None` for others.
pub fn lower(i: &Instruction, size: CodeSize, op: &mut Op) -> Option<Handler> {
    match i.mnemonic() {
        Mnemonic::Mov => mov(i, size),
        Mnemonic::Pop if i.op0_register().is_segment_register() => {
            sized!(i.stack_pointer_increment().unsigned_abs() as usize, W => segment::pop_seg::<W>)
        }
        Mnemonic::Lds => load_far(i, op, sreg::DS),
        Mnemonic::Les => load_far(i, op, sreg::ES),
        Mnemonic::Lfs => load_far(i, op, sreg::FS),
        Mnemonic::Lgs => load_far(i, op, sreg::GS),
        Mnemonic::Lss => load_far(i, op, sreg::SS),
        Mnemonic::Lar => match form(i, 1) {
            Form::Mem => sized!(size_of(i, 0), W => segment::lar::<W, true>),
            _ => sized!(size_of(i, 0), W => segment::lar::<W, false>),
        },
        Mnemonic::Lsl => match form(i, 1) {
            Form::Mem => sized!(size_of(i, 0), W => segment::lsl::<W, true>),
            _ => sized!(size_of(i, 0), W => segment::lsl::<W, false>),
        },
        Mnemonic::Verr => by_form!(i, 0, segment::verify::<false, false>, segment::verify::<false, true>),
        Mnemonic::Verw => by_form!(i, 0, segment::verify::<true, false>, segment::verify::<true, true>),
        Mnemonic::Arpl => by_form!(i, 0, segment::arpl::<false>, segment::arpl::<true>),
        Mnemonic::Jmp => far_transfer(i, op, false),
        Mnemonic::Call => far_transfer(i, op, true),
        Mnemonic::Retf => match i.code() {
            Code::Retfw | Code::Retfw_imm16 => Some(far::retf::<u16>),
            Code::Retfd | Code::Retfd_imm16 => Some(far::retf::<u32>),
            _ => Some(far::retf::<u64>),
        },
        Mnemonic::In => input(i),
        Mnemonic::Out => output(i),
        Mnemonic::Smsw => by_form!(i, 0, smsw(i)?, system::smsw_m),
        Mnemonic::Lmsw => by_form!(i, 0, system::lmsw::<false>, system::lmsw::<true>),
        Mnemonic::Sldt => match form(i, 0) {
            Form::Mem => Some(system::store_selector_m::<false>),
            _ => sized!(size_of(i, 0), W => system::store_selector_r::<W, false>),
        },
        Mnemonic::Str => match form(i, 0) {
            Form::Mem => Some(system::store_selector_m::<true>),
            _ => sized!(size_of(i, 0), W => system::store_selector_r::<W, true>),
        },
        Mnemonic::Lldt => by_form!(i, 0, system::lldt::<false>, system::lldt::<true>),
        Mnemonic::Ltr => by_form!(i, 0, system::ltr::<false>, system::ltr::<true>),
        Mnemonic::Lgdt | Mnemonic::Lidt => {
            op.aux = if matches!(i.code(), Code::Lgdt_m1632_16 | Code::Lidt_m1632_16) { 2 } else { 4 };
            Some(if i.mnemonic() == Mnemonic::Lgdt { system::lgdt } else { system::lidt })
        }
        _ => plain(i),
    }
}

fn plain(i: &Instruction) -> Option<Handler> {
    Some(match i.mnemonic() {
        Mnemonic::Hlt => system::hlt,
        Mnemonic::Cli => system::cli,
        Mnemonic::Sti => system::sti,
        Mnemonic::Clts => system::clts,
        Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2 => system::ud,
        Mnemonic::Invd | Mnemonic::Wbinvd | Mnemonic::Wbnoinvd => system::invalidate_cache,
        Mnemonic::Invlpg => system::invlpg,
        Mnemonic::Sgdt => system::sgdt,
        Mnemonic::Sidt => system::sidt,
        Mnemonic::Cpuid => system::cpuid,
        Mnemonic::Rdtsc => system::rdtsc,
        Mnemonic::Rdpmc => system::rdpmc,
        Mnemonic::Rdmsr => system::rdmsr,
        Mnemonic::Wrmsr => system::wrmsr,
        Mnemonic::Swapgs => system::swapgs,
        Mnemonic::Syscall => far::syscall,
        Mnemonic::Sysret => far::sysret::<false>,
        Mnemonic::Sysretq => far::sysret::<true>,
        Mnemonic::Sysenter => far::sysenter,
        Mnemonic::Sysexit => far::sysexit::<false>,
        Mnemonic::Sysexitq => far::sysexit::<true>,
        Mnemonic::Int => interrupt::int_n,
        Mnemonic::Int3 => interrupt::int3,
        Mnemonic::Int1 => interrupt::int1,
        Mnemonic::Into => interrupt::into,
        Mnemonic::Iret => interrupt::iret::<u16>,
        Mnemonic::Iretd => interrupt::iret::<u32>,
        Mnemonic::Iretq => interrupt::iret::<u64>,
        _ => return None,
    })
}

fn mov(i: &Instruction, size: CodeSize) -> Option<Handler> {
    let long = size == CodeSize::Bits64;
    let (to, from) = (i.op_register(0), i.op_register(1));
    if form(i, 0) == Form::Reg && to.is_segment_register() {
        return by_form!(i, 1, segment::mov_sr::<false>, segment::mov_sr::<true>);
    }
    if form(i, 1) == Form::Reg && from.is_segment_register() {
        return match form(i, 0) {
            Form::Mem => Some(segment::mov_ms),
            _ => sized!(size_of(i, 0), W => segment::mov_rs::<W>),
        };
    }
    if to.is_cr() {
        return Some(if long { system::mov_to_cr::<u64> } else { system::mov_to_cr::<u32> });
    }
    if from.is_cr() {
        return Some(if long { system::mov_from_cr::<u64> } else { system::mov_from_cr::<u32> });
    }
    if to.is_dr() {
        return Some(if long { system::mov_to_dr::<u64> } else { system::mov_to_dr::<u32> });
    }
    if from.is_dr() {
        return Some(if long { system::mov_from_dr::<u64> } else { system::mov_from_dr::<u32> });
    }
    None
}

fn load_far(i: &Instruction, op: &mut Op, register: u8) -> Option<Handler> {
    op.aux = register;
    sized!(size_of(i, 0), W => segment::load_far::<W>)
}

fn far_transfer(i: &Instruction, op: &mut Op, call: bool) -> Option<Handler> {
    if i.is_jmp_far() || i.is_call_far() {
        op.disp = u64::from(i.far_branch_selector());
        return Some(match (call, op.aux) {
            (false, _) => far::jmp_ptr,
            (true, 2) => far::call_ptr::<u16>,
            (true, _) => far::call_ptr::<u32>,
        });
    }
    match (i.code(), call) {
        (Code::Jmp_m1616, _) => Some(far::jmp_far_m::<u16>),
        (Code::Jmp_m1632, _) => Some(far::jmp_far_m::<u32>),
        (Code::Jmp_m1664, _) => Some(far::jmp_far_m::<u64>),
        (Code::Call_m1616, _) => Some(far::call_far_m::<u16>),
        (Code::Call_m1632, _) => Some(far::call_far_m::<u32>),
        (Code::Call_m1664, _) => Some(far::call_far_m::<u64>),
        _ => None,
    }
}

fn input(i: &Instruction) -> Option<Handler> {
    let dx = i.op1_register() == Register::DX;
    if dx {
        sized!(size_of(i, 0), W => port::input::<W, true>)
    } else {
        sized!(size_of(i, 0), W => port::input::<W, false>)
    }
}

fn output(i: &Instruction) -> Option<Handler> {
    let dx = i.op0_register() == Register::DX;
    if dx {
        sized!(size_of(i, 1), W => port::output::<W, true>)
    } else {
        sized!(size_of(i, 1), W => port::output::<W, false>)
    }
}

fn smsw(i: &Instruction) -> Option<Handler> {
    sized!(size_of(i, 0), W => system::smsw_r::<W>)
}
