//! Random programs against the host: straight ones of 20 instructions, and loops.
//!
//! `ORACLE_SEED` is the seed, `ORACLE_INSTRUCTIONS` how many instructions are to be executed (in
//! CI ten million). A difference is made as simple as it goes and printed on one line.

use ringhold_oracle::case::{Case, Mode};
use ringhold_oracle::compare::{Difference, differences, line};
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::knob;
use ringhold_oracle::native::Native;
use ringhold_oracle::sequence::{Program, pool};
use ringhold_oracle::values::Random;

/// Instructions of a program.
const LENGTH: usize = 20;
/// Instructions that all programs execute together, unless `ORACLE_INSTRUCTIONS` says otherwise.
const INSTRUCTIONS: u64 = 10_000_000;
/// Programs of one message to the runner.
const BATCH: usize = 250;
/// Differences that are reported.
const REPORTED: usize = 8;

fn compare(native: &mut Native, emulated: &mut Emulated, program: &Program) -> Option<Vec<Difference>> {
    let rules = program.rules()?;
    let case = program.case();
    let outcome = native.run(std::slice::from_ref(&case)).expect("the case runs on the host").remove(0);
    let ours = emulated.run_straight(&case, program.length());
    let found = differences(&case, &outcome, &ours, &rules);
    (!found.is_empty()).then_some(found)
}

/// Makes a program simpler as long as it still differs.
fn shrink(native: &mut Native, emulated: &mut Emulated, mut program: Program) -> String {
    while let Some(simpler) =
        program.simpler().into_iter().find(|simpler| compare(native, emulated, simpler).is_some())
    {
        program = simpler;
    }
    let found = compare(native, emulated, &program).unwrap_or_default();
    line(&program.case(), &found)
}

/// Compares programs until so many instructions were executed.
fn campaign(mode: Mode, share: u64, make: impl Fn(&mut Random) -> Option<Program>) {
    let mut native = Native::new(env!("CARGO_BIN_EXE_native-runner")).expect("the native runner starts");
    let mut emulated = Emulated::new();
    let seed = knob("ORACLE_SEED", 1);
    let wanted = knob("ORACLE_INSTRUCTIONS", INSTRUCTIONS) * share / 100;
    let (mut failures, mut programs, mut finished, mut executed) = (Vec::new(), 0, 0, 0);
    let mut nth = u64::from(mode.bits()) << 24;
    while executed < wanted && failures.len() < REPORTED {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            nth += 1;
            batch.extend(make(&mut Random::new(seed << 32 ^ nth)));
        }
        let cases: Vec<Case> = batch.iter().map(Program::case).collect();
        let outcomes = native.run(&cases).unwrap_or_else(|error| panic!("{error}"));
        for ((program, case), outcome) in batch.into_iter().zip(&cases).zip(&outcomes) {
            let rules = program.rules().expect("programs read no undefined flags");
            let (ours, count) = emulated.run_counted(case, program.length());
            programs += 1;
            executed += count;
            finished += u64::from(outcome.fault.is_none());
            if !differences(case, outcome, &ours, &rules).is_empty() {
                failures.push(program);
            }
        }
    }
    println!("{mode:?}: {programs} programs, {finished} without a fault, {executed} instructions");
    let total = failures.len();
    let report: Vec<String> =
        failures.into_iter().map(|program| shrink(&mut native, &mut emulated, program)).collect();
    assert!(report.is_empty(), "{total} of {programs} programs differ:\n{}", report.join("\n"));
}

fn straight(mode: Mode, share: u64) {
    let pool = pool(mode);
    campaign(mode, share, |random| Some(Program::straight(&pool, LENGTH, random)));
}

fn loops(mode: Mode, share: u64) {
    let pool = pool(mode);
    campaign(mode, share, |random| {
        let length = 1 + random.below(LENGTH as u64) as usize;
        let rounds = 1 + random.below(100);
        Program::straight(&pool, length, random).repeated(rounds)
    });
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn straight_programs_do_what_they_do_on_the_host() {
    straight(Mode::Bits64, 5);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn straight_programs_in_compatibility_mode_do_what_they_do_on_the_host() {
    straight(Mode::Bits32, 3);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn loops_do_what_they_do_on_the_host() {
    loops(Mode::Bits64, 55);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn loops_in_compatibility_mode_do_what_they_do_on_the_host() {
    loops(Mode::Bits32, 25);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
#[cfg_attr(no_16_bit_segments, ignore = "this host's kernel gives programs no 16-bit segments (modify_ldt)")]
fn straight_programs_in_16_bit_segments_do_what_they_do_on_the_host() {
    straight(Mode::Bits16, 2);
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
#[cfg_attr(no_16_bit_segments, ignore = "this host's kernel gives programs no 16-bit segments (modify_ldt)")]
fn loops_in_16_bit_segments_do_what_they_do_on_the_host() {
    loops(Mode::Bits16, 10);
}
