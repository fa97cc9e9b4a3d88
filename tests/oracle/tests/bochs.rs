//! Instructions that the hosts lack by which the rest is judged (GFNI), against Bochs 2.7's model of a
//! Tiger Lake: the same cases that the host would get, run bare (`bochs/judge.asm`), and a hash of every
//! outcome compared.

#![allow(
    clippy::disallowed_methods,
    reason = "a program of the host is asked; the environment has the knobs"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use iced_x86::Mnemonic;
use ringhold_oracle::case::{Case, FLAGS, Outcome, Patch, apply};
use ringhold_oracle::compare::line;
use ringhold_oracle::emulated::Emulated;
use ringhold_oracle::forms::{decode, judged_by_bochs};
use ringhold_oracle::generate;
use ringhold_oracle::knob;
use ringhold_oracle::layout::{DATA_BYTES, background};
use ringhold_oracle::values::Random;

#[path = "../../support/peer.rs"]
mod peer;

use peer::until_end;

/// Cases a form, unless `ORACLE_CASES` says otherwise.
const CASES: u64 = 500;
const SECTOR: usize = 512;
/// Where the image has the number of cases.
const COUNT: usize = SECTOR;
/// The sectors at which the contents of the data pages and the cases begin.
const BACKGROUND: usize = 32;
const FIRST: usize = 64;
/// Bytes of a case's record, and where it has its parts.
const RECORD: usize = 4 * SECTOR;
const LENGTH: usize = 160;
const CODE: usize = 168;
const PATCHES: usize = 200;
const XSAVE: usize = 1024;
/// In an XSAVE area: the header, the upper halves of the YMM registers.
const HEADER: usize = 512;
const HIGH: usize = 576;
/// Heads and sectors a track of the disk.
const GEOMETRY: (usize, usize) = (16, 63);
/// How often Bochs is looked at without a new word, each time after 50 milliseconds.
const PATIENCE: u32 = 1200;

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The record of a case; `None` if its patches have no room.
fn record(case: &Case) -> Option<Vec<u8>> {
    let mut record = vec![0; RECORD];
    let words = case.state.gpr.iter().chain([&case.state.rip]);
    for (n, word) in words.enumerate() {
        record[8 * n..8 * n + 8].copy_from_slice(&word.to_le_bytes());
    }
    record[136..144].copy_from_slice(&(case.state.rflags & FLAGS | 2).to_le_bytes());
    record[LENGTH] = case.code.len() as u8;
    record[CODE..CODE + case.code.len()].copy_from_slice(&case.code);
    record[PATCHES] = case.patches.len() as u8;
    let mut at = PATCHES + 2;
    for Patch { at: offset, bytes } in &case.patches {
        let patch: Vec<u8> = [*offset, bytes.len() as u16].iter().flat_map(|v| v.to_le_bytes()).collect();
        record.get_mut(at..at + 4).filter(|_| at + 4 + bytes.len() <= XSAVE)?.copy_from_slice(&patch);
        record[at + 4..at + 4 + bytes.len()].copy_from_slice(bytes);
        at += 4 + bytes.len();
    }
    let (fx, high) = (&case.state.fx, &case.state.high);
    record[XSAVE..XSAVE + fx.len()].copy_from_slice(fx);
    record[XSAVE + HEADER] = 7;
    record[XSAVE + HIGH..XSAVE + HIGH + high.len()].copy_from_slice(high);
    Some(record)
}

/// The hash of an outcome, as the program has it.
fn hash(case: &Case, outcome: &Outcome) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut mix = |word: u64| {
        hash = (hash ^ word).wrapping_mul(0x100_0000_01b3);
        hash ^= hash >> 29;
    };
    let (vector, error) = outcome.fault.map_or((0xffff, 0), |(vector, error)| (u64::from(vector), error));
    mix(vector);
    mix(u64::from(error));
    mix(outcome.cr2);
    let state = &outcome.state;
    state.gpr.iter().for_each(|word| mix(*word));
    mix(state.rip);
    mix(state.rflags & FLAGS);
    mix(u64::from(state.fcw()) | u64::from(state.fsw()) << 16 | u64::from(state.fx[4]) << 32);
    mix(u64::from(state.mxcsr()));
    for i in 0..8 {
        let (significand, sign_exponent) = state.st(i);
        mix(significand);
        mix(u64::from(sign_exponent));
    }
    for half in (0..16).map(|i| state.xmm(i)).chain((0..16).map(|i| state.ymm_high(i))) {
        mix(half as u64);
        mix((half >> 64) as u64);
    }
    let mut data = background()[..DATA_BYTES].to_vec();
    apply(&case.patches, &mut data);
    apply(&outcome.changes, &mut data);
    data.chunks_exact(8).for_each(|bytes| mix(u64::from_le_bytes(bytes.try_into().expect("eight bytes"))));
    hash
}

/// The outcome as Bochs 2.7 has it. Its affine transformations take one for even parity, so that every
/// bit of the result is the other one: the manual's pseudocode has parity of an odd number of ones
/// (SDM volume 2, GF2P8AFFINEQB), and AES's S-box comes out by it (`exec/crypto/gf.rs`).
fn as_bochs_has_it(case: &Case, mut outcome: Outcome) -> Outcome {
    let instruction = decode(case.mode, &case.code, case.state.rip);
    use Mnemonic::*;
    let affine = matches!(
        instruction.mnemonic(),
        Gf2p8affineqb | Vgf2p8affineqb | Gf2p8affineinvqb | Vgf2p8affineinvqb
    );
    if affine && outcome.fault.is_none() {
        let register = instruction.op0_register();
        let at = 16 * register.number();
        let (low, high) = (&mut outcome.state.fx[160 + at..176 + at], &mut outcome.state.high[at..at + 16]);
        low.iter_mut().for_each(|byte| *byte = !*byte);
        if register.is_ymm() {
            high.iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    outcome
}

/// The disk: the program, the data pages, the cases.
fn disk(records: &[Vec<u8>]) -> PathBuf {
    let (program, path) = (scratch("judge.bin"), scratch("judge.img"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bochs/judge.asm");
    let status = Command::new("nasm").args(["-f", "bin", "-o"]).arg(&program).arg(source).status();
    assert!(status.expect("nasm is to be installed").success());
    let mut image = fs::read(program).expect("nasm wrote it");
    image[COUNT..COUNT + 4].copy_from_slice(&(records.len() as u32).to_le_bytes());
    image.resize(BACKGROUND * SECTOR, 0);
    image.extend(background());
    image.resize(FIRST * SECTOR, 0);
    records.iter().for_each(|record| image.extend(record));
    let cylinder = GEOMETRY.0 * GEOMETRY.1 * SECTOR;
    image.resize(image.len().div_ceil(cylinder) * cylinder, 0);
    fs::write(&path, image).expect("the image can be written");
    path
}

/// What Bochs prints of the cases on this disk.
fn on_bochs(disk: &Path) -> String {
    let (output, log) = (scratch("judge.txt"), scratch("judge.log"));
    let (config, go) = (scratch("judge.bochsrc"), scratch("judge.go"));
    let cylinder = (GEOMETRY.0 * GEOMETRY.1 * SECTOR) as u64;
    let cylinders = fs::metadata(disk).expect("it was written").len() / cylinder;
    let share = "/usr/share/bochs";
    let text = format!(
        "config_interface: textconfig\ndisplay_library: term\nmegs: 64\n\
         romimage: file={share}/BIOS-bochs-latest\nvgaromimage: file={share}/VGABIOS-lgpl-latest\n\
         cpu: model=tigerlake, count=1, ips=50000000, reset_on_triple_fault=0\nclock: sync=none\n\
         ata0-master: type=disk, path={}, mode=flat, cylinders={cylinders}, heads={}, spt={}\nboot: disk\n\
         com1: enabled=1, mode=file, dev={}\nlog: {}\npanic: action=fatal\nerror: action=ignore\n\
         info: action=ignore\ndebug: action=ignore\n",
        disk.display(),
        GEOMETRY.0,
        GEOMETRY.1,
        output.display(),
        log.display(),
    );
    fs::write(&config, text).expect("the configuration can be written");
    // A Bochs with its debugger built in waits for a command.
    fs::write(&go, "continue\n").expect("the command can be written");
    // Its display wants a terminal.
    let line = format!("bochs-bin -q -f {} -rc {}", config.display(), go.display());
    let mut command = Command::new("script");
    command.args(["-q", "-f", "-c", &line]).arg(scratch("judge.screen")).env("TERM", "xterm");
    until_end(command, &output, &log, PATIENCE)
}

#[test]
#[ignore = "needs nasm, bochs and bochs-term; .ci/run installs them"]
fn what_the_hosts_lack_does_what_bochs_does() {
    let (seed, cases) = (knob("ORACLE_SEED", 1), knob("ORACLE_CASES", CASES));
    let mut made = Vec::new();
    for form in judged_by_bochs() {
        let mut random = Random::new(seed << 16 ^ form.code as u64);
        for _ in 0..cases {
            let generated =
                generate::case(form, &mut random).unwrap_or_else(|| panic!("no case for {form:?}"));
            made.extend(record(&generated.case).map(|record| (form, generated.case, record)));
        }
    }
    let forms = judged_by_bochs().len();
    assert!(made.len() as u64 > cases * forms as u64 * 9 / 10, "{} cases have room", made.len());
    let records: Vec<Vec<u8>> = made.iter().map(|(_, _, record)| record.clone()).collect();
    let said = on_bochs(&disk(&records));
    let hashes: Vec<&str> = said.lines().collect();
    assert_eq!(hashes.last(), Some(&"END"), "Bochs ends after {} of {} cases", hashes.len(), made.len());
    let mut emulated = Emulated::new();
    let wrong: Vec<String> = made
        .iter()
        .zip(&hashes)
        .filter(|((_, case, _), said)| {
            **said != format!("{:016x}", hash(case, &as_bochs_has_it(case, emulated.run(case))))
        })
        .map(|((form, case, _), _)| format!("{:?}: {}", form.code, line(case, &[])))
        .collect();
    println!("{forms} forms, {} cases, {} differ", made.len(), wrong.len());
    let some = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} cases differ from Bochs:\n{some}", wrong.len(), made.len());
}
