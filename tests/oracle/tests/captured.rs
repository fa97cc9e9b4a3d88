//! Captured cases: what a host made of them, as text, and what the machine makes of them.
//!
//! On an x86-64 Linux host with an AMD processor, `RINGHOLD_WRITE=1 cargo test -p ringhold-oracle --test captured`
//! captures them anew. They come from the host alone, never from the machine.

#![allow(
    clippy::disallowed_methods,
    reason = "no machine's result depends on it; the environment asks for the files"
)]

use std::fs;
use std::path::{Path, PathBuf};

use ringhold_oracle::captured::Captured;
use ringhold_oracle::compare::{Rules, differences, line};
use ringhold_oracle::emulated::Emulated;

/// The file of each family, and that of odd encodings.
const FILES: [&str; 7] = ["integer", "x87", "sse", "avx", "compatibility", "sixteen", ENCODINGS];
/// The file of odd encodings of all families.
const ENCODINGS: &str = "encodings";
/// Cases that there have to be in all.
const ENOUGH: usize = 10_000;
/// Bytes that they may take in all.
const MOST: usize = 4_000_000;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captured").join(format!("{name}.txt"))
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

fn cases(text: &str) -> impl Iterator<Item = Captured> + '_ {
    text.lines().map(|line| {
        let captured = Captured::parse(line).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(captured.line(), line, "read and written again");
        captured
    })
}

#[test]
fn captured_cases_come_out_as_they_did_on_the_host() {
    let mut emulated = Emulated::new();
    let (mut count, mut bytes, mut wrong) = (0, 0, Vec::new());
    for name in FILES {
        let text = read(name);
        bytes += text.len();
        for Captured { case, outcome, open } in cases(&text) {
            count += 1;
            let found = differences(&case, &outcome, &emulated.run(&case), &Rules::exact(open, 0));
            if !found.is_empty() {
                wrong.push(line(&case, &found));
            }
        }
    }
    println!("{count} captured cases, {bytes} bytes");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= ENOUGH && bytes <= MOST, "{count} cases, {bytes} bytes");
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod host {
    use std::collections::{BTreeMap, BTreeSet};

    use iced_x86::Code;
    use ringhold_oracle::captured::reduced;
    use ringhold_oracle::case::{Case, Mode};
    use ringhold_oracle::compare::documented;
    use ringhold_oracle::forms::{Family, compared, decode, family};
    use ringhold_oracle::generate::{self, Generated};
    use ringhold_oracle::native::Native;
    use ringhold_oracle::sequence::pool;
    use ringhold_oracle::values::Random;

    use super::*;

    fn file(family: Family) -> &'static str {
        FILES[match family {
            Family::Integer => 0,
            Family::X87 => 1,
            Family::Vector => 2,
            Family::Avx => 3,
            Family::Compatibility => 4,
            Family::Sixteen => 5,
        }]
    }

    fn native() -> Native {
        Native::new(env!("CARGO_BIN_EXE_native-runner")).expect("the native runner starts")
    }

    /// Encodings that were read wrongly once.
    const FOUND: [(Mode, &[u8]); 14] = [
        (Mode::Bits64, &[0xf3, 0x41, 0x90]),
        (Mode::Bits64, &[0xf3, 0x4f, 0x90]),
        (Mode::Bits64, &[0xc4, 0xe3, 0x7d, 0, 0xc8, 1]),
        (Mode::Bits32, &[0xc4, 0xe3, 0x7d, 1, 0xc8, 0x1b]),
        (Mode::Bits32, &[0xc4, 0xe3, 0xf9, 0x16, 0xf5, 1]),
        (Mode::Bits16, &[0xc4, 0xe3, 0xf9, 0x16, 0xf5, 1]),
        (Mode::Bits32, &[0xc4, 0xe3, 0xc1, 0x22, 0xc8, 0xfe]),
        (Mode::Bits16, &[0x66, 0xf2, 0x67, 0x36, 0xf2, 0x81, 0x3c, 0xc5, 0xf0, 0x75, 0, 0, 0x29, 0, 0, 0]),
        (Mode::Bits64, &[0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0x44, 0x0f, 0x14, 0xb2, 0, 0, 0, 0]),
        (Mode::Bits64, &[0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x41, 0x0f, 0xc3, 0xb2, 0, 0, 0, 0]),
        (
            Mode::Bits64,
            &[0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0x66, 0x0f, 0x73, 0xdb, 1],
        ),
        (
            Mode::Bits64,
            &[0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 6],
        ),
        (
            Mode::Bits64,
            &[0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 6],
        ),
        (
            Mode::Bits64,
            &[0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0x82, 0xc0, 1],
        ),
    ];

    /// Odd encodings: those of [`FOUND`], and one of every third form.
    fn odd_encodings() -> Vec<Generated> {
        let mut random = Random::new(1);
        let mut out = Vec::new();
        for (mode, code) in FOUND {
            let mut state = generate::state(mode, &mut random);
            state.rip = mode.first_rip() + 0x200;
            let instruction = decode(mode, code, state.rip);
            let case = Case { mode, code: code.to_vec(), state, patches: Vec::new() };
            out.push(Generated { case, instruction, pinned: [false; 16], operand: None });
        }
        for mode in [Mode::Bits64, Mode::Bits32, Mode::Bits16] {
            let forms = pool(mode);
            let known: BTreeSet<Code> = forms.iter().map(|form| form.code).collect();
            for form in forms.iter().step_by(3) {
                let Some(mut generated) = generate::case(*form, &mut random) else { continue };
                generate::reencode(&mut generated, &mut random);
                if generate::is_judged(&generated, &known) {
                    out.push(generated);
                }
            }
        }
        out
    }

    fn capture_encodings(native: &mut Native) -> String {
        let mut text = String::new();
        for (nth, generated) in odd_encodings().into_iter().enumerate() {
            let case = if nth < FOUND.len() { generated.case.clone() } else { reduced(&generated) };
            let mut outcome = native.run(std::slice::from_ref(&case)).expect("the case runs").remove(0);
            if case.mode != Mode::Bits64 {
                outcome.state.gpr[..8].iter_mut().for_each(|value| *value &= 0xffff_ffff);
            }
            let open = if outcome.fault.is_some() { 0 } else { Rules::new(&generated).undefined };
            text += &Captured { case, outcome, open }.line();
            text.push('\n');
        }
        text
    }

    fn capture() {
        let mut native = native();
        let mut texts: BTreeMap<&str, String> = FILES.iter().map(|name| (*name, String::new())).collect();
        for form in compared().into_iter().filter(|form| documented(form.code.mnemonic()).is_none()) {
            let wanted = match family(form) {
                Family::Avx => 4,
                Family::Compatibility | Family::Sixteen => 2,
                _ => 6,
            };
            let mut random = Random::new(form.code as u64 | u64::from(form.mode.bits()) << 32);
            let (mut kept, mut faults) = (0, 0);
            for _ in 0..4 * wanted {
                let Some(generated) = generate::case(form, &mut random) else { continue };
                let mut generated = generated;
                generated.case = reduced(&generated);
                let case = generated.case.clone();
                let mut outcome = native.run(std::slice::from_ref(&case)).expect("the case runs").remove(0);
                if form.mode != Mode::Bits64 {
                    // What the upper halves hold is not defined: with a 16-bit stack Linux leaves an
                    // address of its own above ESP.
                    outcome.state.gpr[..8].iter_mut().for_each(|value| *value &= 0xffff_ffff);
                }
                let failed = outcome.fault.is_some();
                // Faults are told in few lines, except for what does nothing else.
                if kept == wanted || failed && faults > wanted / 4 && kept < wanted - 1 {
                    continue;
                }
                kept += 1;
                faults += usize::from(failed);
                let open = if failed { 0 } else { Rules::new(&generated).undefined };
                let text = texts.get_mut(file(family(form))).expect("every family has a file");
                text.push_str(&Captured { case, outcome, open }.line());
                text.push('\n');
            }
        }
        texts.insert(ENCODINGS, capture_encodings(&mut native));
        fs::create_dir_all(path("integer").parent().expect("it is in a directory")).expect("it can be made");
        let only = std::env::var("ORACLE_FILE").ok();
        for (name, text) in
            texts.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name))
        {
            fs::write(path(name), text).expect("the cases can be written");
        }
    }

    #[test]
    #[cfg_attr(
        host_of_another_make,
        ignore = "the cases were captured on an AMD processor with AVX2: others leave other things open"
    )]
    #[cfg_attr(
        no_16_bit_segments,
        ignore = "this host's kernel gives programs no 16-bit segments (modify_ldt)"
    )]
    fn captured_cases_are_the_hosts() {
        if std::env::var_os("RINGHOLD_WRITE").is_some() {
            capture();
            return;
        }
        let mut native = native();
        for name in FILES {
            let text = read(name);
            let all: Vec<Captured> = cases(&text).collect();
            for part in all.chunks(1000) {
                let batch: Vec<Case> = part.iter().map(|captured| captured.case.clone()).collect();
                let outcomes = native.run(&batch).expect("the cases run on the host");
                for (captured, outcome) in part.iter().zip(&outcomes) {
                    let found = differences(
                        &captured.case,
                        outcome,
                        &captured.outcome,
                        &Rules::exact(captured.open, 0),
                    );
                    assert!(found.is_empty(), "{}", line(&captured.case, &found));
                }
            }
        }
    }
}
