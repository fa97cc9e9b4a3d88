//! Integer and system instructions that came after x86-64-v1 to their handlers.

use iced_x86::{Code, Instruction, Mnemonic, Register};

use super::int::{Form, form, size_of, sized};
use crate::cpu::CodeSize;
use crate::decode::chain::chain;
use crate::decode::{Handler, Op, address};
use crate::exec::sse::cache;
use crate::exec::xsave::{self, area};
use crate::exec::{bases, bmi, data, direct, random, stamps, wait};
use crate::model::{Feature, Features};
use crate::state::{gpr, sreg};

/// The handler of such an instruction; `None` for others.
pub fn lower(i: &Instruction, size: CodeSize, features: &Features, op: &mut Op) -> Option<Handler> {
    bit_manipulation(i).or_else(|| processor(i, size, op)).or_else(|| extended_state(i, features))
}

/// `op reg, reg, reg/mem`
fn last_in_memory<O: bmi::ThreeOperand>(i: &Instruction) -> Option<Handler> {
    match form(i, 2) {
        Form::Mem => sized!(size_of(i, 0), W => bmi::rrm::<O, W>),
        _ => sized!(size_of(i, 0), W => bmi::rrr::<O, W>),
    }
}

/// `op reg, reg/mem, reg`
fn middle_in_memory<O: bmi::ThreeOperand>(i: &Instruction) -> Option<Handler> {
    match form(i, 1) {
        Form::Mem => sized!(size_of(i, 0), W => bmi::rmr::<O, W>),
        _ => sized!(size_of(i, 0), W => bmi::rrr::<O, W>),
    }
}

/// `op reg, reg/mem` and `op reg, reg/mem, imm8`
fn two<O: bmi::ThreeOperand>(i: &Instruction) -> Option<Handler> {
    match form(i, 1) {
        Form::Mem => sized!(size_of(i, 0), W => bmi::rmi::<O, W>),
        _ => sized!(size_of(i, 0), W => bmi::rri::<O, W>),
    }
}

fn add_with<const OVERFLOW: bool>(i: &Instruction) -> Option<Handler> {
    match form(i, 1) {
        Form::Mem => sized!(size_of(i, 0), W => bmi::add_with_rm::<W, OVERFLOW>),
        _ => sized!(size_of(i, 0), W => bmi::add_with_rr::<W, OVERFLOW>),
    }
}

fn bit_manipulation(i: &Instruction) -> Option<Handler> {
    match i.mnemonic() {
        Mnemonic::Andn => last_in_memory::<bmi::Andn>(i),
        Mnemonic::Pdep => last_in_memory::<bmi::Pdep>(i),
        Mnemonic::Pext => last_in_memory::<bmi::Pext>(i),
        Mnemonic::Bextr => middle_in_memory::<bmi::Bextr>(i),
        Mnemonic::Bzhi => middle_in_memory::<bmi::Bzhi>(i),
        Mnemonic::Sarx => middle_in_memory::<bmi::Sarx>(i),
        Mnemonic::Shlx => middle_in_memory::<bmi::Shlx>(i),
        Mnemonic::Shrx => middle_in_memory::<bmi::Shrx>(i),
        Mnemonic::Blsi => two::<bmi::Blsi>(i),
        Mnemonic::Blsmsk => two::<bmi::Blsmsk>(i),
        Mnemonic::Blsr => two::<bmi::Blsr>(i),
        Mnemonic::Rorx => two::<bmi::Rorx>(i),
        Mnemonic::Mulx => match form(i, 2) {
            Form::Mem => sized!(size_of(i, 0), W => bmi::mulx_rrm::<W>),
            _ => sized!(size_of(i, 0), W => bmi::mulx_rrr::<W>),
        },
        Mnemonic::Adcx => add_with::<false>(i),
        Mnemonic::Adox => add_with::<true>(i),
        Mnemonic::Movbe => match form(i, 0) {
            Form::Mem => sized!(size_of(i, 1), W => bmi::movbe_mr::<W>),
            _ => sized!(size_of(i, 0), W => bmi::movbe_rm::<W>),
        },
        Mnemonic::Crc32 => match form(i, 1) {
            Form::Mem => sized!(size_of(i, 1), W => bmi::crc32_rm::<W>),
            _ => sized!(size_of(i, 1), W => bmi::crc32_rr::<W>),
        },
        _ => None,
    }
}

/// What reads and steers the processor, and stores that caches would notice.
fn processor(i: &Instruction, size: CodeSize, op: &mut Op) -> Option<Handler> {
    match i.mnemonic() {
        Mnemonic::Cmpxchg16b => Some(chain(data::cmpxchg16b)),
        Mnemonic::Rdtscp => Some(chain(stamps::rdtscp)),
        Mnemonic::Rdpid => Some(chain(stamps::rdpid)),
        Mnemonic::Rdrand | Mnemonic::Rdseed => sized!(size_of(i, 0), W => random::random::<W>),
        Mnemonic::Rdfsbase => read_base(i, op, sreg::FS),
        Mnemonic::Rdgsbase => read_base(i, op, sreg::GS),
        Mnemonic::Wrfsbase => write_base(i, op, sreg::FS),
        Mnemonic::Wrgsbase => write_base(i, op, sreg::GS),
        Mnemonic::Clflushopt | Mnemonic::Clwb => Some(chain(cache::clflush)),
        Mnemonic::Serialize => Some(chain(cache::nothing)),
        Mnemonic::Movdiri => sized!(size_of(i, 1), W => direct::movdiri::<W>),
        Mnemonic::Movdir64b => Some(chain(direct::movdir64b)),
        Mnemonic::Monitor => {
            let bytes = match i.code() {
                Code::Monitorw => 2,
                Code::Monitord => 4,
                _ => 8,
            };
            monitored(i, size, bytes, gpr::RAX, op);
            Some(chain(wait::monitor))
        }
        Mnemonic::Mwait => Some(chain(wait::mwait)),
        Mnemonic::Umonitor => {
            monitored(i, size, size_of(i, 0), op.dst, op);
            Some(chain(wait::umonitor))
        }
        Mnemonic::Umwait => Some(chain(wait::bounded_wait::<true>)),
        Mnemonic::Tpause => Some(chain(wait::bounded_wait::<false>)),
        _ => None,
    }
}

/// The XSAVE feature set.
fn extended_state(i: &Instruction, features: &Features) -> Option<Handler> {
    Some(match i.mnemonic() {
        Mnemonic::Xgetbv if features.has(Feature::Xgetbv1) => chain(xsave::xgetbv::<true>),
        Mnemonic::Xgetbv => chain(xsave::xgetbv::<false>),
        Mnemonic::Xsetbv => chain(xsave::xsetbv),
        Mnemonic::Xsave => chain(area::save::<area::Xsave, false>),
        Mnemonic::Xsave64 => chain(area::save::<area::Xsave, true>),
        Mnemonic::Xsaveopt => chain(area::save::<area::Xsaveopt, false>),
        Mnemonic::Xsaveopt64 => chain(area::save::<area::Xsaveopt, true>),
        Mnemonic::Xsavec => chain(area::save::<area::Xsavec, false>),
        Mnemonic::Xsavec64 => chain(area::save::<area::Xsavec, true>),
        Mnemonic::Xsaves => chain(area::save::<area::Xsaves, false>),
        Mnemonic::Xsaves64 => chain(area::save::<area::Xsaves, true>),
        Mnemonic::Xrstor => chain(area::restore::<false, false>),
        Mnemonic::Xrstor64 => chain(area::restore::<false, true>),
        Mnemonic::Xrstors => chain(area::restore::<true, false>),
        Mnemonic::Xrstors64 => chain(area::restore::<true, true>),
        _ => return None,
    })
}

fn read_base(i: &Instruction, op: &mut Op, segment: u8) -> Option<Handler> {
    op.aux = segment;
    sized!(size_of(i, 0), W => bases::read_base::<W>)
}

fn write_base(i: &Instruction, op: &mut Op, segment: u8) -> Option<Handler> {
    op.aux = segment;
    sized!(size_of(i, 0), W => bases::write_base::<W>)
}

/// Makes the register the memory operand, in DS or the segment of the prefix.
fn monitored(i: &Instruction, size: CodeSize, bytes: usize, register: u8, op: &mut Op) {
    op.base = register;
    op.address = wait::monitored_address(size, bytes);
    let segment = match i.segment_prefix() {
        Register::ES => sreg::ES,
        Register::CS => sreg::CS,
        Register::SS => sreg::SS,
        Register::FS => sreg::FS,
        Register::GS => sreg::GS,
        _ => sreg::DS,
    };
    let based = op.address >= address::SEG32 || matches!(segment, sreg::FS | sreg::GS);
    op.seg = if based { segment } else { sreg::NONE };
}
