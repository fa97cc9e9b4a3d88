//! What the native runner carries into a case and out of it, by instructions whose result is known.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use ringhold_oracle::case::{Case, State};
use ringhold_oracle::native::Native;

fn run(code: &[u8], state: State) -> State {
    let mut native = Native::new(env!("CARGO_BIN_EXE_native-runner")).expect("the native runner starts");
    let case = Case { code: code.to_vec(), state, ..Case::default() };
    let outcome = native.run(&[case.clone(), case]).expect("the case runs").remove(1);
    assert_eq!(outcome.fault, None);
    outcome.state
}

#[test]
fn general_registers_and_flags_are_carried() {
    let mut state = State::default();
    state.gpr[0] = u64::MAX;
    state.gpr[15] = 1;
    // add rax, r15
    let after = run(&[0x4c, 0x01, 0xf8], state);
    assert_eq!(after.gpr[0], 0);
    assert_eq!(after.rflags & 0x8d5, 0x55, "CF, PF, AF, ZF");
}

#[test]
#[cfg_attr(host_lacks, ignore = "this host may have no AVX: nothing to carry")]
fn both_halves_of_ymm_registers_are_carried() {
    let pair = |low: f64, high: f64| [low.to_le_bytes(), high.to_le_bytes()].concat();
    let mut state = State::default();
    for (number, scale) in [(9, 1.0), (14, 10.0)] {
        let at = 16 * number;
        state.fx[160 + at..176 + at].copy_from_slice(&pair(scale, 2.0 * scale));
        state.high[at..at + 16].copy_from_slice(&pair(3.0 * scale, 4.0 * scale));
    }
    // vaddpd ymm3, ymm9, ymm14
    let after = run(&[0xc4, 0xc1, 0x35, 0x58, 0xde], state.clone());
    assert_eq!(after.fx[160 + 48..176 + 48], pair(11.0, 22.0));
    assert_eq!(after.high[48..64], pair(33.0, 44.0));
    // vzeroupper
    let after = run(&[0xc5, 0xf8, 0x77], state);
    assert_eq!(after.high, [0; 256]);
    assert_eq!(after.fx[160 + 144..176 + 144], pair(1.0, 2.0));
}
