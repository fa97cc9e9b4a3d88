//! Every instruction form that the interpreter offers, against the host.

use std::collections::BTreeMap;

use iced_x86::{Code, Mnemonic};
use ringhold_oracle::case::{Case, Mode, Outcome};
use ringhold_oracle::compare::{Difference, Rules, differences, line};
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::forms::{Family, Fate, Form, all, compared, family, fate, modes, no_instruction};
use ringhold_oracle::generate::{self, Generated};
use ringhold_oracle::knob;
use ringhold_oracle::layout::CODE_BYTES;
use ringhold_oracle::native::{Native, host_has};
use ringhold_oracle::values::Random;

/// Cases a form, unless `ORACLE_CASES` says otherwise.
const CASES: u64 = 1000;

/// A way to make a case simpler.
type Simplification = Box<dyn Fn(&mut Case)>;

/// A knob's text. The environment reaches the tests only, not the machine.
#[allow(clippy::disallowed_methods)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn runner() -> Native {
    Native::new(env!("CARGO_BIN_EXE_native-runner")).expect("the native runner starts")
}

fn both(native: &mut Native, emulated: &mut Emulated, case: &Case) -> (Outcome, Outcome) {
    let mut outcomes = native.run(std::slice::from_ref(case)).expect("the case runs on the host");
    (outcomes.remove(0), emulated.run(case))
}

/// Clears what does not matter for a difference.
fn shrink(native: &mut Native, emulated: &mut Emulated, generated: &Generated) -> String {
    let rules = Rules::new(generated);
    let mut best = generated.case.clone();
    let mut check = |case: &Case| -> Vec<Difference> {
        let (a, b) = both(native, emulated, case);
        differences(case, &a, &b, &rules)
    };
    let names = |found: &[Difference]| found.iter().map(|d| d.what.clone()).collect::<Vec<_>>();
    let mut found = check(&best);
    let wanted = names(&found);
    let mut simpler: Vec<Simplification> = Vec::new();
    for i in (0..16).filter(|i| !generated.pinned[*i]) {
        simpler.push(Box::new(move |case| case.state.gpr[i] = 0));
        simpler.push(Box::new(move |case| case.state.gpr[i] &= 0xff));
    }
    for i in 0..8 {
        simpler.push(Box::new(move |case| case.state.fx[32 + 16 * i..42 + 16 * i].fill(0)));
    }
    for i in 0..16 {
        simpler.push(Box::new(move |case| case.state.fx[160 + 16 * i..176 + 16 * i].fill(0)));
        simpler.push(Box::new(move |case| case.state.high[16 * i..16 * i + 16].fill(0)));
    }
    let default = ringhold_oracle::case::State::default();
    simpler.push(Box::new(|case| case.state.rflags = 0));
    let fx = default.fx;
    simpler.push(Box::new(move |case| case.state.fx[..5].copy_from_slice(&fx[..5])));
    simpler.push(Box::new(move |case| case.state.fx[24..28].copy_from_slice(&fx[24..28])));
    simpler.push(Box::new(|case| {
        // TOP alone stays.
        case.state.fx[2] = 0;
        case.state.fx[3] &= 0x38;
    }));
    for change in simpler {
        let mut case = best.clone();
        change(&mut case);
        let now = check(&case);
        if names(&now) == wanted {
            (best, found) = (case, now);
        }
    }
    line(&best, &found)
}

/// How often the host is asked again if it differs. An interrupt lets its kernel save and load the state, and
/// then components in their initial state count as in use (SDM volume 1, 13.6).
fn attempts(code: Code) -> u32 {
    if generate::saves_extended(code) { 3 } else { 0 }
}

/// Compares every offered form of a family.
fn compare(which: Family) {
    let seed = knob("ORACLE_SEED", 1);
    let cases = knob("ORACLE_CASES", CASES);
    let (mut native, mut emulated) = (runner(), Emulated::new());
    let only = environment("ORACLE_FORM");
    let mut failures = BTreeMap::new();
    let (mut forms, mut lacking) = (0, 0);
    for form in all().filter(|form| family(*form) == which && fate(*form) == Fate::Compared) {
        let code = form.code;
        if only.as_ref().is_some_and(|only| !format!("{code:?}").starts_with(only)) {
            continue;
        }
        if !host_has(code) {
            lacking += 1;
            continue;
        }
        forms += 1;
        let mut random = Random::new(seed << 16 ^ code as u64 ^ u64::from(form.mode.bits()) << 48);
        let generated: Vec<Generated> = (0..cases)
            .map(|_| generate::case(form, &mut random).unwrap_or_else(|| panic!("no case for {form:?}")))
            .collect();
        let batch: Vec<Case> = generated.iter().map(|g| g.case.clone()).collect();
        let outcomes = native.run(&batch).unwrap_or_else(|error| panic!("{code:?}: {error}"));
        let mut wrong = Vec::new();
        for (g, outcome) in generated.iter().zip(&outcomes) {
            let ours = emulated.run(&g.case);
            let mut found = differences(&g.case, outcome, &ours, &Rules::new(g));
            for _ in 0..attempts(code) {
                if !found.is_empty() {
                    let again = native.run(std::slice::from_ref(&g.case)).expect("the case runs on the host");
                    found = differences(&g.case, &again[0], &ours, &Rules::new(g));
                }
            }
            if !found.is_empty() {
                wrong.push((found.len(), g));
            }
        }
        if let Some((_, simplest)) = wrong.iter().min_by_key(|(count, _)| *count) {
            let text = shrink(&mut native, &mut emulated, simplest);
            failures.insert(format!("{code:?}"), (wrong.len(), text));
        }
    }
    println!("{which:?}: {forms} forms, {cases} cases each, {} differ", failures.len());
    if lacking > 0 {
        println!("{which:?}: {lacking} forms not compared: the host lacks them");
    }
    let report: String = failures
        .iter()
        .map(|(code, (count, text))| format!("{code} ({count} of {cases}): {text}\n"))
        .collect();
    assert!(failures.is_empty(), "{} forms differ from the host:\n{report}", failures.len());
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn integer_instructions_do_what_the_host_does() {
    compare(Family::Integer);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn x87_instructions_do_what_the_host_does() {
    compare(Family::X87);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn mmx_and_sse_instructions_do_what_the_host_does() {
    compare(Family::Vector);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn avx_instructions_do_what_the_host_does() {
    compare(Family::Avx);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn instructions_in_compatibility_mode_do_what_the_host_does() {
    compare(Family::Compatibility);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
#[cfg_attr(no_16_bit_segments, ignore = "this host's kernel gives programs no 16-bit segments (modify_ldt)")]
fn instructions_in_16_bit_segments_do_what_the_host_does() {
    compare(Family::Sixteen);
}

/// The tests above leave out forms that the host lacks: this one is ignored then, and says so.
#[test]
#[cfg_attr(
    host_lacks,
    ignore = "this host lacks some of AVX2, FMA, BMI, ADX, VAES, SHA, XSAVEC: their forms are not compared"
)]
fn the_host_has_every_form_that_is_compared() {
    let lacking: Vec<Form> = compared().into_iter().filter(|form| !host_has(form.code)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

#[test]
fn every_form_is_compared_or_raises_ud_or_has_a_reason_not_to() {
    let mut emulated = Emulated::new();
    let mut wrong = Vec::new();
    for code in Code::values() {
        for form in modes(code).map(|mode| Form { code, mode }) {
            if fate(form) == Fate::NotOffered {
                for seed in 0..4 {
                    let generated = generate::case(form, &mut Random::new(seed << 32 | code as u64));
                    let Some(generated) = generated else { panic!("no case for {form:?}") };
                    let outcome = emulated.run(&generated.case);
                    if outcome.fault != Some((6, 0)) {
                        wrong.push(line(&generated.case, &[]));
                    }
                }
            }
        }
        assert!(no_instruction(code).is_some() || modes(code).next().is_some(), "{code:?} has no fate");
    }
    assert!(wrong.is_empty(), "no #UD: {}", wrong.join("\n"));
}

/// Instructions whose last bytes lie in a page that is not there.
#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn instructions_that_are_cut_off_fault_where_the_host_does() {
    let (mut native, mut emulated) = (runner(), Emulated::new());
    let mut random = Random::new(knob("ORACLE_SEED", 1));
    let mut cases = Vec::new();
    let possible =
        |form: &Form| host_has(form.code) && !(cfg!(no_16_bit_segments) && form.mode == Mode::Bits16);
    for form in compared().into_iter().filter(possible) {
        let code = form.code;
        let generated = generate::case(form, &mut random).unwrap_or_else(|| panic!("no case for {form:?}"));
        let mut case = generated.case;
        // Whether UD0 and UD1 have operands is the processor's choice; #UD comes first without.
        let undefined = matches!(code.mnemonic(), Mnemonic::Ud0 | Mnemonic::Ud1);
        if case.code.len() > 1 && !undefined {
            case.code.truncate(1 + random.below(case.code.len() as u64 - 1) as usize);
            case.state.rip = case.mode.first_rip() + CODE_BYTES as u64 - case.code.len() as u64;
            cases.push(case);
        }
    }
    let outcomes = native.run(&cases).unwrap_or_else(|error| panic!("{error}"));
    let wrong: Vec<String> = cases
        .iter()
        .zip(&outcomes)
        .map(|(case, outcome)| (case, differences(case, outcome, &emulated.run(case), &Rules::exact(0, 0))))
        .filter(|(_, found)| !found.is_empty())
        .map(|(case, found)| line(case, &found))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
