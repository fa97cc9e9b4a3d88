//! Other encodings: an instruction's bytes with prefixes in any number and order, REX where it does not
//! count, fields of VEX that must not be what they are, or a bit of the opcode changed.

use std::collections::BTreeSet;

use iced_x86::{Code, Mnemonic};

use super::Generated;
use crate::case::Mode;
use crate::compare::documented;
use crate::forms::decode;
use crate::layout::{CODE, CODE_BYTES};
use crate::values::Random;

/// Every legacy prefix.
const PREFIXES: [u8; 11] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
/// The longest instruction (SDM volume 2, 2.3.11). The tests make longer ones too.
const LONGEST: u64 = 15;
/// What lies behind the code.
const INT3: u8 = 0xcc;

/// Changes the encoding of a case's one instruction, whatever becomes of it. The code then ends
/// where the instruction ends.
pub fn reencode(generated: &mut Generated, random: &mut Random) {
    let case = &mut generated.case;
    let long = case.mode == Mode::Bits64;
    let code = &mut case.code;
    let opcode = code.iter().position(|byte| !is_prefix(*byte, long)).unwrap_or(0);
    match random.below(8) {
        0..=2 => {
            for _ in 0..1 + random.below(3) {
                code.insert(random.below(opcode as u64 + 1) as usize, random.pick(&PREFIXES));
            }
        }
        // A REX prefix that others follow, or two of them.
        3 if long => code.insert(random.below(opcode as u64 + 1) as usize, 0x40 | random.below(16) as u8),
        3 | 4 => {
            let prefix = random.pick(&PREFIXES);
            let length = (LONGEST - 1 + random.below(4)) as usize;
            let missing = length.saturating_sub(code.len());
            code.splice(0..0, std::iter::repeat_n(prefix, missing));
        }
        // A bit of the opcode, of ModRM, or of what VEX has in its bytes.
        5 | 6 => flip(code, opcode, random),
        _ => {
            flip(code, opcode, random);
            code.insert(0, random.pick(&PREFIXES));
        }
    }
    let mut bytes = case.code.clone();
    bytes.resize(case.code.len() + LONGEST as usize, INT3);
    let instruction = decode(case.mode, &bytes, case.state.rip);
    if instruction.code() != Code::INVALID {
        bytes.truncate(instruction.len());
        case.code = bytes;
    }
    generated.instruction = instruction;
}

fn is_prefix(byte: u8, long: bool) -> bool {
    PREFIXES.contains(&byte) || long && byte & 0xf0 == 0x40
}

/// Changes a bit of the opcode, of ModRM, or of what VEX has in its bytes; not one of an address, which
/// could lead into the code.
fn flip(code: &mut [u8], opcode: usize, random: &mut Random) {
    const LONGER: [u8; 4] = [0x0f, 0x62, 0xc4, 0xc5];
    let most = if LONGER.contains(&code[opcode]) { 3 } else { 2 };
    let count = (code.len() - opcode).min(most) as u64;
    if count > 0 {
        code[opcode + random.below(count) as usize] ^= 1 << random.below(8);
    }
}

/// Whether what the bytes are now can be judged: an instruction of a form that is compared, or none.
pub fn is_judged(generated: &Generated, forms: &BTreeSet<Code>) -> bool {
    use Mnemonic::{Fldenv, Frstor, Maskmovdqu, Maskmovq, Shld, Shrd, Vmaskmovdqu};
    let instruction = &generated.instruction;
    if instruction.code() == Code::INVALID {
        // A hypervisor may emulate VMCALL.
        return !generated.case.code.windows(3).any(|bytes| bytes == [0x0f, 0x01, 0xc1]);
    }
    // A changed bit may make an address relative to RIP, and lead to the code.
    let address = instruction.memory_displacement64();
    let near = instruction.is_ip_rel_memory_operand() && (CODE..CODE + CODE_BYTES as u64).contains(&address);
    let open = match instruction.mnemonic() {
        // By more than its width, the result is undefined.
        Shld | Shrd if instruction.op1_register().is_gpr16() => instruction.immediate8() & 31 > 16,
        // Which bytes are accessed first is the processor's choice.
        Maskmovq | Maskmovdqu | Vmaskmovdqu | Fldenv | Frstor => true,
        mnemonic => documented(mnemonic).is_some(),
    };
    forms.contains(&instruction.code()) && !near && !open
}
