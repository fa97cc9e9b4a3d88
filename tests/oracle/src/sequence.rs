//! Straight runs of random instructions: what single ones cannot show (lazy flags that a later
//! instruction reads, blocks, stores that later loads see).

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};

use crate::case::{Case, Mode};
use crate::compare::{Rules, status_bits};
use crate::forms::{Fate, Form, all, fate};
use crate::generate;
use crate::layout::CODE;
use crate::values::Random;

/// The forms that sequences are made of.
pub fn pool(mode: Mode) -> Vec<Form> {
    all().filter(|form| form.mode == mode && suitable(form.code) && fate(*form) == Fate::Compared).collect()
}

fn suitable(code: Code) -> bool {
    use Mnemonic::*;
    let mut instruction = Instruction::default();
    instruction.set_code(code);
    instruction.flow_control() == FlowControl::Next
        && !instruction.is_privileged()
        // A count above 16 leaves everything undefined.
        && !matches!(code, Code::Shld_rm16_r16_CL | Code::Shrd_rm16_r16_CL)
        && instruction.stack_pointer_increment() == 0
        && !matches!(
            code.mnemonic(),
            // What they give is not exact, or not the same on all processors.
            Rcpps | Rcpss | Rsqrtps | Rsqrtss | F2xm1 | Fcos | Fpatan | Fptan | Fsin | Fsincos | Fyl2x
                | Fyl2xp1 | Fxsave | Fxsave64 | Fxrstor | Fxrstor64 | Fnsave | Fnstenv
            // Which bits of MXCSR may be set differs.
                | Ldmxcsr
            // They raise #UD always.
                | Ud0 | Ud1 | Ud2
        )
}

/// A case of up to `length` instructions.
pub fn sequence(pool: &[Form], length: usize, random: &mut Random) -> Case {
    let mode = pool[0].mode;
    let state = generate::state(mode, random);
    let mut case = Case { mode, state, ..Case::default() };
    case.state.rip = CODE + 0x100 + random.below(0x1d00);
    // One family at a time now and then: otherwise x87 and MMX rarely meet their own kind.
    let start = random.below(pool.len() as u64) as usize;
    let near = random.one_in(2);
    for _ in 0..length {
        let form = match near {
            true => pool[(start + random.below(60) as usize) % pool.len()],
            false => random.pick(pool),
        };
        let before = (case.code.len(), case.patches.len());
        if let Some(bytes) = generate::independent(form, &mut case, random) {
            case.code.extend(bytes);
        }
        if rules(&case).is_none() {
            case.code.truncate(before.0);
            case.patches.truncate(before.1);
        }
    }
    case
}

/// The instructions of a case.
pub fn instructions(case: &Case) -> Vec<Instruction> {
    Decoder::with_ip(case.mode.bits(), &case.code, case.state.rip, DecoderOptions::NONE).iter().collect()
}

/// How the outcomes have to agree; `None` if an instruction reads a flag that an earlier one left
/// undefined.
pub fn rules(case: &Case) -> Option<Rules> {
    let mut undefined = 0;
    let mut ever = 0;
    for instruction in instructions(case) {
        if status_bits(instruction.rflags_read()) & undefined != 0 {
            return None;
        }
        let now = status_bits(instruction.rflags_undefined());
        let defined = status_bits(
            instruction.rflags_written() | instruction.rflags_cleared() | instruction.rflags_set(),
        );
        // A shift may leave all flags as they are: what was undefined may stay so.
        let conditional = matches!(
            instruction.mnemonic(),
            Mnemonic::Shl
                | Mnemonic::Sal
                | Mnemonic::Shr
                | Mnemonic::Sar
                | Mnemonic::Rol
                | Mnemonic::Ror
                | Mnemonic::Rcl
                | Mnemonic::Rcr
                | Mnemonic::Shld
                | Mnemonic::Shrd
        );
        undefined = if conditional { undefined | now } else { undefined & !defined | now };
        ever |= now;
    }
    Some(Rules::exact(undefined, ever))
}

/// The case without its `nth` instruction.
pub fn without(case: &Case, nth: usize) -> Case {
    let mut shorter = case.clone();
    let lengths: Vec<usize> = instructions(case).iter().map(Instruction::len).collect();
    let start: usize = lengths[..nth].iter().sum();
    shorter.code.drain(start..start + lengths[nth]);
    shorter
}
