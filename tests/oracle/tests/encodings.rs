//! Encodings that no assembler makes: redundant prefixes in any order, LOCK where it is wrong, REX that
//! does not count, VEX behind prefixes or with fields that raise #UD, more than fifteen bytes, bytes that
//! are no instruction.
//!
//! `ORACLE_SEED` is the seed, `ORACLE_ENCODINGS` how many are made of each form.

use std::collections::BTreeSet;

use iced_x86::Code;
use ringhold_oracle::case::{Case, Mode};
use ringhold_oracle::compare::{Rules, differences, line};
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::forms::Form;
use ringhold_oracle::generate;
use ringhold_oracle::knob;
use ringhold_oracle::native::Native;
use ringhold_oracle::sequence::pool;
use ringhold_oracle::values::Random;

/// Encodings made of a form.
const ENCODINGS: u64 = 40;
/// Differences that are reported.
const REPORTED: usize = 20;

fn compare(mode: Mode) {
    let forms = pool(mode);
    let known: BTreeSet<Code> = forms.iter().map(|form| form.code).collect();
    let mut native = Native::new(env!("CARGO_BIN_EXE_native-runner")).expect("the native runner starts");
    let mut emulated = Emulated::new();
    let (seed, encodings) = (knob("ORACLE_SEED", 1), knob("ORACLE_ENCODINGS", ENCODINGS));
    let (mut wrong, mut differ, mut cases, mut invalid) = (Vec::new(), BTreeSet::new(), 0, 0);
    for Form { code, .. } in &forms {
        let mut random = Random::new(seed << 32 ^ *code as u64 ^ u64::from(mode.bits()) << 16);
        let mut batch = Vec::new();
        for _ in 0..encodings {
            let form = Form { code: *code, mode };
            let mut generated =
                generate::case(form, &mut random).unwrap_or_else(|| panic!("no case for {form:?}"));
            generate::reencode(&mut generated, &mut random);
            if generate::is_judged(&generated, &known) {
                batch.push(generated);
            }
        }
        let bare: Vec<Case> = batch.iter().map(|generated| generated.case.clone()).collect();
        let outcomes = native.run(&bare).unwrap_or_else(|error| panic!("{code:?}: {error}"));
        for (generated, outcome) in batch.iter().zip(&outcomes) {
            cases += 1;
            invalid += usize::from(generated.instruction.code() == Code::INVALID);
            // FOP has the bits of the shortest form: that is a gap which docs/src/x87.md tells of.
            let rules = Rules { pointers: false, ..Rules::new(generated) };
            let found = differences(&generated.case, outcome, &emulated.run(&generated.case), &rules);
            if !found.is_empty() && differ.insert(generated.instruction.code()) {
                wrong.push(line(&generated.case, &found));
            }
        }
    }
    println!("{mode:?}: {cases} encodings of {} forms, {invalid} of them no instructions", forms.len());
    let count = wrong.len();
    wrong.truncate(REPORTED);
    assert!(wrong.is_empty(), "{count} forms differ from the host:\n{}", wrong.join("\n"));
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn odd_encodings_do_what_they_do_on_the_host() {
    compare(Mode::Bits64);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn odd_encodings_in_compatibility_mode_do_what_they_do_on_the_host() {
    compare(Mode::Bits32);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
#[cfg_attr(no_16_bit_segments, ignore = "this host's kernel gives programs no 16-bit segments (modify_ldt)")]
fn odd_encodings_in_16_bit_segments_do_what_they_do_on_the_host() {
    compare(Mode::Bits16);
}
