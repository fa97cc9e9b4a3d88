//! Flags that the manual leaves undefined have the values that `docs/src/undefined.md` gives, whatever the
//! operands are, and every instruction that leaves flags undefined is in that table.

use std::collections::BTreeSet;

use iced_x86::{Instruction, Mnemonic, OpKind, Register};
use ringhold_oracle::case::State;
use ringhold_oracle::compare::undefined_flags;
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::forms::{Form, compared};
use ringhold_oracle::generate;
use ringhold_oracle::values::Random;

const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
const OF: u64 = 1 << 11;
/// Cases a form.
const CASES: u64 = 60;

/// What a general register holds.
fn value(state: &State, register: Register) -> u64 {
    let whole = state.gpr[register.full_register().number()];
    match register {
        Register::AH | Register::CH | Register::DH | Register::BH => whole >> 8 & 0xff,
        _ => whole & u64::MAX >> (64 - 8 * register.size()),
    }
}

fn flag(holds: bool, flag: u64) -> u64 {
    if holds { flag } else { 0 }
}

/// SF, ZF and PF of a result.
fn of_result(result: u64, bits: usize) -> u64 {
    let sign = result >> (bits - 1) & 1 != 0;
    let even = (result as u8).count_ones().is_multiple_of(2);
    flag(sign, SF) | flag(result == 0, ZF) | flag(even, PF)
}

/// The flags that the page gives a value to, and that value; `None` if it needs a register where there is
/// memory.
fn documented(instruction: &Instruction, before: &State, after: &State) -> Option<(u64, u64)> {
    use Mnemonic::*;
    let register = instruction.op0_register();
    let (known, bits) = (instruction.op0_kind() == OpKind::Register, 8 * register.size());
    let result = || known.then(|| value(after, register));
    let top = |value: u64| value >> (bits - 1) & 1 != 0;
    let second = || value(after, register) >> (bits - 2) & 1 != 0;
    let carry = after.rflags & CF != 0;
    let al = after.gpr[0] & 0xff;
    Some(match instruction.mnemonic() {
        And | Or | Xor | Test => (AF, 0),
        Shl | Sal | Rol | Rcl => {
            let shifts = matches!(instruction.mnemonic(), Shl | Sal);
            (OF | flag(shifts, AF), flag(top(result()?) != carry, OF))
        }
        Shr | Sar => (OF | AF, 0),
        Ror | Rcr => (OF, flag(top(result()?) != second(), OF)),
        Shld | Shrd => (OF | AF, flag(top(result()?) != top(value(before, register)), OF)),
        Mul | Imul if instruction.op_count() == 1 => {
            let bits = if known { bits } else { 8 * instruction.memory_size().size() };
            let low = after.gpr[0] & u64::MAX >> (64 - bits);
            (SF | ZF | PF | AF, of_result(low, bits))
        }
        Imul => (SF | ZF | PF | AF, of_result(result()?, bits)),
        Div | Idiv => (CF | PF | AF | ZF | SF | OF, before.rflags),
        Bt | Bts | Btr | Btc => (OF | SF | AF | PF, before.rflags),
        Bsf | Bsr if instruction.op1_kind() == OpKind::Register && instruction.op1_register() != register => {
            (CF | OF | AF | SF | PF, of_result(value(before, instruction.op1_register()), bits))
        }
        Bsf | Bsr => return None,
        Lzcnt | Tzcnt => (OF | SF | PF | AF, 0),
        Andn | Blsi | Blsmsk | Blsr | Bzhi => (AF | PF, of_result(result()?, bits)),
        Bextr => (AF | PF | SF, of_result(result()?, bits)),
        Daa | Das => (OF, 0),
        Aaa | Aas => (OF | SF | ZF | PF, of_result(al, 8)),
        Aam | Aad => (OF | AF | CF, 0),
        _ => return Some((0, 0)),
    })
}

#[test]
fn undefined_flags_have_the_documented_values() {
    let mut emulated = Emulated::new();
    let (mut wrong, mut missing, mut checked) = (BTreeSet::new(), BTreeSet::new(), 0);
    for form in compared() {
        let mut random = Random::new(form.code as u64 ^ u64::from(form.mode.bits()) << 32);
        for generated in (0..CASES).filter_map(|_| generate::case(form, &mut random)) {
            let (instruction, before) = (&generated.instruction, &generated.case.state);
            let undefined = undefined_flags(instruction, before);
            if undefined == 0 {
                continue;
            }
            let outcome = emulated.run(&generated.case);
            let (None, Some((flags, values))) =
                (outcome.fault, documented(instruction, before, &outcome.state))
            else {
                continue;
            };
            checked += 1;
            let Form { code, mode } = form;
            if undefined & !flags != 0 {
                missing.insert(instruction.mnemonic());
            }
            if (outcome.state.rflags ^ values) & undefined & flags != 0 {
                wrong.insert(format!("{code:?} in {mode:?}: {:x}, not {values:x}", outcome.state.rflags));
            }
        }
    }
    assert!(missing.is_empty(), "not all of what these leave undefined is known: {missing:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 10_000, "{checked}");
}
