//! Random straight-line sequences against the host.

use ringhold_oracle::case::{Case, Mode};
use ringhold_oracle::compare::{Difference, differences, line};
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::native::Native;
use ringhold_oracle::sequence::{instructions, pool, rules, sequence, without};
use ringhold_oracle::values::Random;

/// Instructions of a sequence.
const LENGTH: usize = 20;
/// Sequences for each case that `ORACLE_CASES` asks for.
const FACTOR: u64 = 50;
/// Sequences of one message to the runner.
const BATCH: u64 = 250;

/// A knob's value. The environment reaches the tests only, not the machine.
#[allow(clippy::disallowed_methods)]
fn knob(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")),
        Err(_) => default,
    }
}

fn compare(native: &mut Native, emulated: &mut Emulated, case: &Case) -> Vec<Difference> {
    let Some(rules) = rules(case) else { return Vec::new() };
    let outcome = native.run(std::slice::from_ref(case)).expect("the case runs on the host").remove(0);
    let ours = emulated.run_straight(case, instructions(case).len() as u64);
    differences(case, &outcome, &ours, &rules)
}

/// Drops every instruction that a difference does not need, and clears what it does not read.
fn shrink(native: &mut Native, emulated: &mut Emulated, mut case: Case) -> String {
    let mut nth = instructions(&case).len();
    while nth > 0 {
        nth -= 1;
        let shorter = without(&case, nth);
        if !shorter.code.is_empty() && !compare(native, emulated, &shorter).is_empty() {
            case = shorter;
        }
    }
    for i in 0..16 {
        for change in [
            (|case: &mut Case, i| case.state.gpr[i] = 0) as fn(&mut Case, usize),
            |case, i| case.state.fx[160 + 16 * i..176 + 16 * i].fill(0),
            |case, i| case.state.high[16 * i..16 * i + 16].fill(0),
            |case, i| case.state.fx[32 + 16 * (i & 7)..42 + 16 * (i & 7)].fill(0),
        ] {
            let mut simpler = case.clone();
            change(&mut simpler, i);
            if !compare(native, emulated, &simpler).is_empty() {
                case = simpler;
            }
        }
    }
    let found = compare(native, emulated, &case);
    line(&case, &found)
}

#[test]
#[cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    ignore = "the native runner needs an x86-64 Linux host"
)]
fn sequences_do_what_they_do_on_the_host() {
    let mut native = Native::new(env!("CARGO_BIN_EXE_native-runner")).expect("the native runner starts");
    let mut emulated = Emulated::new();
    let pool = pool(Mode::Bits64);
    let seed = knob("ORACLE_SEED", 1);
    let count = knob("ORACLE_CASES", 200) * FACTOR;
    let (mut failures, mut finished, mut executed) = (Vec::new(), 0, 0);
    for batch in 0..count.div_ceil(BATCH) {
        let cases: Vec<Case> = (batch * BATCH..((batch + 1) * BATCH).min(count))
            .map(|nth| sequence(&pool, LENGTH, &mut Random::new(seed << 32 ^ nth)))
            .collect();
        let outcomes = native.run(&cases).unwrap_or_else(|error| panic!("{error}"));
        for (case, outcome) in cases.iter().zip(&outcomes) {
            let instructions = instructions(case).len() as u64;
            executed += instructions;
            finished += u64::from(outcome.fault.is_none());
            let rules = rules(case).expect("sequences read no undefined flags");
            let ours = emulated.run_straight(case, instructions);
            if !differences(case, outcome, &ours, &rules).is_empty() {
                failures.push(case.clone());
            }
        }
    }
    println!("{count} sequences of {executed} instructions, {finished} without a fault");
    let total = failures.len();
    let report: Vec<String> =
        failures.into_iter().take(8).map(|case| shrink(&mut native, &mut emulated, case)).collect();
    assert!(report.is_empty(), "{total} of {count} sequences differ:\n{}", report.join("\n"));
}
