//! System instructions, far transfers and port I/O to their handlers.

use iced_x86::{Code, Instruction, Mnemonic, Register};

use super::int::{Form, form, size_of, sized};
use crate::cpu::CodeSize;
use crate::decode::chain::chain;
use crate::decode::{Handler, Op};
use crate::exec::{debug, far, interrupt, paging, port, segment, smm, system};
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
        | Lfs | Lgs | Lss | Hlt | Mwait | Umwait | Tpause | Xsetbv | Wrmsr | Invlpg | Invpcid | Lmsw => true,
        _ => false,
    }
}

/// `MEMORY` variants of a handler.
macro_rules! by_form {
    ($i:expr, $n:expr, $reg:expr, $mem:expr) => {
        if form($i, $n) == Form::Mem { Some(chain($mem)) } else { Some(chain($reg)) }
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
            Code::Retfw | Code::Retfw_imm16 => Some(chain(far::retf::<u16>)),
            Code::Retfd | Code::Retfd_imm16 => Some(chain(far::retf::<u32>)),
            _ => Some(chain(far::retf::<u64>)),
        },
        Mnemonic::In => input(i),
        Mnemonic::Out => output(i),
        Mnemonic::Smsw => match form(i, 0) {
            Form::Mem => Some(chain(system::smsw_m)),
            _ => sized!(size_of(i, 0), W => system::smsw_r::<W>),
        },
        Mnemonic::Lmsw => by_form!(i, 0, system::lmsw::<false>, system::lmsw::<true>),
        Mnemonic::Sldt => match form(i, 0) {
            Form::Mem => Some(chain(system::store_selector_m::<false>)),
            _ => sized!(size_of(i, 0), W => system::store_selector_r::<W, false>),
        },
        Mnemonic::Str => match form(i, 0) {
            Form::Mem => Some(chain(system::store_selector_m::<true>)),
            _ => sized!(size_of(i, 0), W => system::store_selector_r::<W, true>),
        },
        Mnemonic::Invpcid => match size {
            CodeSize::Bits64 => Some(chain(paging::invpcid::<u64>)),
            _ => Some(chain(paging::invpcid::<u32>)),
        },
        Mnemonic::Lldt => by_form!(i, 0, system::lldt::<false>, system::lldt::<true>),
        Mnemonic::Ltr => by_form!(i, 0, system::ltr::<false>, system::ltr::<true>),
        Mnemonic::Lgdt | Mnemonic::Lidt => {
            op.aux = if matches!(i.code(), Code::Lgdt_m1632_16 | Code::Lidt_m1632_16) { 2 } else { 4 };
            Some(if i.mnemonic() == Mnemonic::Lgdt { chain(system::lgdt) } else { chain(system::lidt) })
        }
        _ => plain(i),
    }
}

fn plain(i: &Instruction) -> Option<Handler> {
    Some(match i.mnemonic() {
        Mnemonic::Hlt => chain(system::hlt),
        Mnemonic::Rsm => chain(smm::rsm),
        Mnemonic::Cli => chain(system::cli),
        Mnemonic::Sti => chain(system::sti),
        Mnemonic::Clts => chain(system::clts),
        Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2 => chain(system::ud),
        Mnemonic::Invd | Mnemonic::Wbinvd | Mnemonic::Wbnoinvd => chain(system::invalidate_cache),
        Mnemonic::Invlpg => chain(paging::invlpg),
        Mnemonic::Clac => chain(paging::set_ac::<false>),
        Mnemonic::Stac => chain(paging::set_ac::<true>),
        Mnemonic::Rdpkru => chain(paging::rdpkru),
        Mnemonic::Wrpkru => chain(paging::wrpkru),
        Mnemonic::Sgdt => chain(system::sgdt),
        Mnemonic::Sidt => chain(system::sidt),
        Mnemonic::Cpuid => chain(system::cpuid),
        Mnemonic::Rdtsc => chain(system::rdtsc),
        Mnemonic::Rdpmc => chain(system::rdpmc),
        Mnemonic::Rdmsr => chain(system::rdmsr),
        Mnemonic::Wrmsr => chain(system::wrmsr),
        Mnemonic::Swapgs => chain(system::swapgs),
        Mnemonic::Syscall => chain(far::syscall),
        Mnemonic::Sysret => chain(far::sysret::<false>),
        Mnemonic::Sysretq => chain(far::sysret::<true>),
        Mnemonic::Sysenter => chain(far::sysenter),
        Mnemonic::Sysexit => chain(far::sysexit::<false>),
        Mnemonic::Sysexitq => chain(far::sysexit::<true>),
        Mnemonic::Int => chain(interrupt::int_n),
        Mnemonic::Int3 => chain(interrupt::int3),
        Mnemonic::Int1 => chain(interrupt::int1),
        Mnemonic::Into => chain(interrupt::into),
        Mnemonic::Iret => chain(interrupt::iret::<u16>),
        Mnemonic::Iretd => chain(interrupt::iret::<u32>),
        Mnemonic::Iretq => chain(interrupt::iret::<u64>),
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
            Form::Mem => Some(chain(segment::mov_ms)),
            _ => sized!(size_of(i, 0), W => segment::mov_rs::<W>),
        };
    }
    if to.is_cr() {
        return Some(if long { chain(system::mov_to_cr::<u64>) } else { chain(system::mov_to_cr::<u32>) });
    }
    if from.is_cr() {
        return Some(if long {
            chain(system::mov_from_cr::<u64>)
        } else {
            chain(system::mov_from_cr::<u32>)
        });
    }
    if to.is_dr() {
        return Some(if long { chain(debug::mov_to_dr::<u64>) } else { chain(debug::mov_to_dr::<u32>) });
    }
    if from.is_dr() {
        return Some(if long { chain(debug::mov_from_dr::<u64>) } else { chain(debug::mov_from_dr::<u32>) });
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
            (false, _) => chain(far::jmp_ptr),
            (true, 2) => chain(far::call_ptr::<u16>),
            (true, _) => chain(far::call_ptr::<u32>),
        });
    }
    match (i.code(), call) {
        (Code::Jmp_m1616, _) => Some(chain(far::jmp_far_m::<u16>)),
        (Code::Jmp_m1632, _) => Some(chain(far::jmp_far_m::<u32>)),
        (Code::Jmp_m1664, _) => Some(chain(far::jmp_far_m::<u64>)),
        (Code::Call_m1616, _) => Some(chain(far::call_far_m::<u16>)),
        (Code::Call_m1632, _) => Some(chain(far::call_far_m::<u32>)),
        (Code::Call_m1664, _) => Some(chain(far::call_far_m::<u64>)),
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
