//! What x87 instructions do, by the host and by the manual.

#[cfg(target_arch = "x86_64")]
mod native;

use iced_x86::{Decoder, DecoderOptions};

use crate::board::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::lower;
use crate::exec::Leave;
use crate::memory::{Memory, Range};
use crate::model::{CpuModel, Feature, Features};
use crate::state::{F80, cr0, gpr, sreg};
use crate::time::Clock;

use super::soft::status::*;

/// Where the memory operand lies.
const OPERAND: u64 = 0x2000;

/// A protected-mode processor with 64 KiB of RAM at zero.
pub(super) struct Bench {
    pub cpu: Cpu,
    pub board: Board,
}

impl Bench {
    pub fn new() -> Self {
        let mut memory = Memory::new(0x10000).expect("RAM");
        memory.map_mut().add(Range::ram(0, 0x10000, 0)).expect("mapped");
        let mut cpu = Cpu::new(0, CpuModel::everything());
        cpu.control.cr0 = cr0::PE | cr0::NE | cr0::ET;
        cpu.refresh();
        cpu.x87.init();
        cpu.gpr[usize::from(gpr::RSI)] = OPERAND;
        Self { cpu, board: Board::new(memory, Clock::new(1), 1) }
    }

    /// Runs one instruction of 64-bit code; its memory operand should be at RSI.
    pub fn run(&mut self, bytes: &[u8]) -> crate::exec::Step {
        let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        assert_eq!(instruction.len(), bytes.len(), "{bytes:02x?}");
        let op = lower::lower(&instruction, 0, 0, CodeSize::Bits64, &Features::built());
        (op.run)(&mut self.cpu, &mut self.board, std::slice::from_ref(&op))
    }
}

/// Correctly rounded results, computed with 2000 bits (function, RC, ST(0), ST(1), result).
const VECTORS: &str = include_str!("vectors.txt");

fn parse(text: &str) -> F80 {
    let (high, low) = text.split_once(':').expect("sign and exponent, significand");
    F80 {
        significand: u64::from_str_radix(low, 16).expect("hexadecimal"),
        sign_exponent: u16::from_str_radix(high, 16).expect("hexadecimal"),
    }
}

#[test]
fn transcendental_functions_are_correctly_rounded() {
    let mut bench = Bench::new();
    let mut wrong = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (second, result_at) = match fields[0] {
            "f2xm1" => (0xf0, 0),
            "fyl2x" => (0xf1, 0),
            "fptan" => (0xf2, 1),
            "fpatan" => (0xf3, 0),
            "fyl2xp1" => (0xf9, 0),
            "fsin" => (0xfe, 0),
            _ => (0xff, 0),
        };
        let x = &mut bench.cpu.x87;
        x.init();
        // Precision control says 24 bits, which must not matter.
        x.fcw = 0x7f | fields[1].parse::<u16>().expect("0 to 3") << 10;
        x.push(parse(fields[3]));
        x.push(parse(fields[2]));
        bench.run(&[0xd9, second]).expect("no exception");
        let value = bench.cpu.x87.st(result_at);
        if value != parse(fields[4]) {
            wrong += 1;
            println!("{line}: {:04x}:{:016x}", value.sign_exponent, value.significand);
        }
        assert!(bench.cpu.x87.fsw & PE != 0, "{line}");
    }
    assert_eq!(wrong, 0);
}

/// Runs a program from a block's beginning at `ip`, up to the first instruction that leaves.
fn run_all(bench: &mut Bench, ip: u64, code: &[u8]) -> crate::exec::Step {
    bench.cpu.gpr[usize::from(gpr::BLOCK_IP)] = ip;
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    while decoder.can_decode() {
        let offset = decoder.position() as u16;
        let instruction = decoder.decode();
        let op = lower::lower(&instruction, offset, 0, CodeSize::Bits64, &Features::built());
        (op.run)(&mut bench.cpu, &mut bench.board, std::slice::from_ref(&op))?;
    }
    Ok(())
}

fn image<const N: usize>(bench: &Bench) -> [u8; N] {
    let mut bytes = [0; N];
    bench.board.fabric.memory.read(OPERAND, &mut bytes);
    bytes
}

#[test]
fn the_last_instruction_is_remembered() {
    let mut bench = Bench::new();
    bench.cpu.model.features.set(Feature::FdpExcptnOnly, false);
    bench.cpu.model.features.set(Feature::FpcsDeprecated, false);
    bench.cpu.seg[usize::from(sreg::CS)].selector = 0x10;
    bench.cpu.seg[usize::from(sreg::DS)].selector = 0x18;
    // FLD1; FADD dword [RSI+0x40]; FSTP ST(1); FWAIT; FNSTCW [RSI+0x20]; FNSTENV [RSI]
    let code = [0xd9, 0xe8, 0xd8, 0x46, 0x40, 0xdd, 0xd9, 0x9b, 0xd9, 0x7e, 0x20, 0xd9, 0x36];
    run_all(&mut bench, 0x1_0000_1000, &code[..5]).expect("no fault");
    let x = &bench.cpu.x87;
    assert_eq!((x.fip, x.fcs, x.fop), (0x1_0000_1002, 0x10, 0x046));
    assert_eq!((x.fdp, x.fds), (OPERAND + 0x40, 0x18));
    bench.cpu.x87.init();
    run_all(&mut bench, 0x1_0000_1000, &code).expect("no fault");
    let saved = image::<28>(&bench);
    let word = |at: usize| u32::from_le_bytes([saved[at], saved[at + 1], saved[at + 2], saved[at + 3]]);
    // FSTP ST(1) is the last that counts; the operand is the last one there was.
    assert_eq!(word(12), 0x1005);
    assert_eq!(word(16), 0x05d9_0010);
    assert_eq!(word(20), OPERAND as u32 + 0x40);
    assert_eq!(word(24), 0xffff_0018);
}

/// SDM volume 1, 8.1.8 and 8.1.9: with `fdp_excptn_only` the operand, and on Intel's processors out of
/// fopcode compatibility mode the opcode, are those of the last unmasked exception.
#[test]
fn operand_and_opcode_may_be_those_of_the_last_exception() {
    // FLD1; FADD dword [RSI+0x40]; FNSTENV [RSI]
    let plain = [0xd9, 0xe8, 0xd8, 0x46, 0x40, 0xd9, 0x36];
    // FLD1; FDIV dword [RSI+0x44], of zero; FNCLEX; FADD dword [RSI+0x40]; FNSTENV [RSI]
    let failed = [0xd9, 0xe8, 0xd8, 0x76, 0x44, 0xdb, 0xe2, 0xd8, 0x46, 0x40, 0xd9, 0x36];
    for (vendor, feature, compatible) in [
        ("AuthenticAMD", false, false),
        ("AuthenticAMD", true, false),
        ("GenuineIntel", false, false),
        ("GenuineIntel", true, false),
        ("GenuineIntel", true, true),
    ] {
        let saved = |code: &[u8]| {
            let mut bench = Bench::new();
            bench.cpu.model.vendor = vendor.into();
            bench.cpu.model.features.set(Feature::FpcsDeprecated, false);
            bench.cpu.model.features.set(Feature::FdpExcptnOnly, feature);
            bench.cpu.msr.misc_enable = u64::from(compatible) << 2;
            bench.cpu.seg[usize::from(sreg::DS)].selector = 0x18;
            bench.cpu.x87.init();
            // #Z is not masked.
            bench.cpu.x87.load_control(0x37b);
            bench.board.fabric.memory.write(OPERAND, &[0; 0x80]);
            run_all(&mut bench, 0x1000, code).expect("no fault");
            let saved = image::<28>(&bench);
            let word =
                |at: usize| u32::from_le_bytes([saved[at], saved[at + 1], saved[at + 2], saved[at + 3]]);
            (word(16) >> 16, word(20), word(24) & 0xffff)
        };
        let always = vendor == "AuthenticAMD" || compatible;
        let (operand, divisor) = (OPERAND as u32 + 0x40, OPERAND as u32 + 0x44);
        let opcode = |of_exception: u32| if always { 0x046 } else { of_exception };
        let data = |of_exception: (u32, u32)| if feature { of_exception } else { (operand, 0x18) };
        let (fdp, fds) = data((0, 0));
        assert_eq!(saved(&plain), (opcode(0), fdp, fds), "{vendor} {feature} {compatible}");
        let (fdp, fds) = data((divisor, 0x18));
        assert_eq!(saved(&failed), (opcode(0x076), fdp, fds), "{vendor} {feature} {compatible}");
    }
}

#[test]
fn real_mode_environments_hold_linear_addresses() {
    for (bytes, at) in [(&[0xd9, 0x36][..], 12), (&[0x66, 0xd9, 0x36], 6)] {
        let mut bench = Bench::new();
        bench.cpu.control.cr0 &= !cr0::PE;
        bench.cpu.model.features.set(Feature::FdpExcptnOnly, false);
        bench.cpu.refresh();
        let x = &mut bench.cpu.x87;
        (x.fip, x.fcs, x.fdp, x.fds, x.fop) = (0x1234, 0xabcd, 0x5678, 0x9000, 0x5d9);
        let before = (0xabcd0 + 0x1234, 0x90000 + 0x5678, 0x5d9);
        bench.run(bytes).expect("no fault");
        let saved = image::<28>(&bench);
        let half = |n: usize| u16::from_le_bytes([saved[n], saved[n + 1]]);
        let step = at / 3;
        assert_eq!(half(at), 0xcf04);
        assert_eq!(half(at + step), 0xa5d9);
        assert_eq!(half(at + 2 * step), 0x5678);
        assert_eq!(half(at + 3 * step), 0x9000);
        bench.cpu.x87.init();
        let mut load = bytes.to_vec();
        *load.last_mut().expect("a byte") = 0x26;
        bench.run(&load).expect("no fault");
        let x = &bench.cpu.x87;
        assert_eq!((x.fip + (u64::from(x.fcs) << 4), x.fdp + (u64::from(x.fds) << 4), x.fop), before);
    }
}

#[test]
fn availability_is_checked_first() {
    let vector = |bench: &mut Bench, bytes: &[u8]| match bench.run(bytes) {
        Ok(()) => None,
        Err(Leave::Fault) => bench.cpu.exception.map(|e| e.vector),
        Err(leave) => panic!("{leave:?}"),
    };
    let (fld1, fnstsw, wait) = (&[0xd9, 0xe8][..], &[0xdf, 0xe0][..], &[0x9b][..]);
    let mut bench = Bench::new();
    for (bits, expected) in [
        (cr0::EM, [Some(7), Some(7), None]),
        (cr0::TS, [Some(7), Some(7), None]),
        (cr0::MP, [None, None, None]),
        (cr0::TS | cr0::MP, [Some(7), Some(7), Some(7)]),
    ] {
        bench.cpu.control.cr0 = cr0::PE | cr0::NE | bits;
        bench.cpu.refresh();
        let found = [fld1, fnstsw, wait].map(|bytes| vector(&mut bench, bytes));
        assert_eq!(found, expected, "{bits:x}");
    }
}

#[test]
fn unmasked_exceptions_wait_for_the_next_instruction() {
    let mut bench = Bench::new();
    bench.cpu.x87.fcw = 0x37b;
    // FLD1; FLDZ; FDIVP: a division by zero that stores and pops nothing.
    for bytes in [[0xd9, 0xe8], [0xd9, 0xee], [0xde, 0xf9]] {
        bench.run(&bytes).expect("no fault");
    }
    assert_eq!((bench.cpu.x87.fsw, bench.cpu.x87.top), (ZE | ES | B, 6));
    let before = bench.cpu.x87.clone();
    assert_eq!(bench.run(&[0xd9, 0xe8]), Err(Leave::Fault));
    assert_eq!(bench.cpu.exception.map(|e| e.vector), Some(16));
    assert_eq!(bench.run(&[0x9b]), Err(Leave::Fault));
    assert_eq!(bench.cpu.x87, before);
    // FNSTSW does not wait; FNCLEX ends it.
    bench.run(&[0xdf, 0xe0]).expect("no fault");
    assert_eq!(bench.cpu.gpr[0] as u16, ZE | ES | B | 6 << 11);
    bench.run(&[0xdb, 0xe2]).expect("no fault");
    bench.run(&[0x9b]).expect("no fault");
    assert_eq!(bench.cpu.x87.fsw, 0);
}

#[test]
fn without_ne_the_error_line_is_raised_and_the_instruction_waits() {
    let mut bench = Bench::new();
    bench.cpu.control.cr0 = cr0::PE;
    bench.cpu.refresh();
    bench.cpu.x87.fcw = 0x37b;
    bench.cpu.x87.fsw = ZE | ES | B;
    assert_eq!(bench.run(&[0xd9, 0xe8]), Err(Leave::Alone));
    bench.cpu.alone = true;
    bench.cpu.gpr[usize::from(gpr::BLOCK_IP)] = 0x1000;
    bench.cpu.rip = 0;
    assert_eq!(bench.run(&[0xd9, 0xe8]), Err(Leave::BranchSync));
    assert_eq!(bench.cpu.rip, 0x1000);
    bench.run(&[0xdb, 0xe2]).expect("no fault");
    bench.run(&[0xd9, 0xe8]).expect("no fault");
}

#[test]
fn a_faulting_store_changes_nothing() {
    let mut bench = Bench::new();
    let seg = &mut bench.cpu.seg[usize::from(sreg::DS)];
    (seg.limit, seg.access) = (0x2007, 0x93);
    bench.cpu.x87.push(F80::ONE);
    let before = bench.cpu.x87.clone();
    // In 32-bit code the segment has a limit: FSTP tbyte [ESI] goes beyond it, FSTP qword does not.
    let run = |bench: &mut Bench, bytes: &[u8]| {
        let instruction = Decoder::new(32, bytes, DecoderOptions::NONE).decode();
        let op = lower::lower(&instruction, 0, 0, CodeSize::Bits32, &Features::built());
        (op.run)(&mut bench.cpu, &mut bench.board, std::slice::from_ref(&op))
    };
    assert_eq!(run(&mut bench, &[0xdb, 0x3e]), Err(Leave::Fault));
    assert_eq!(bench.cpu.exception.map(|e| e.vector), Some(13));
    assert_eq!(bench.cpu.x87, before);
    assert_eq!(image::<16>(&bench), [0; 16]);
    run(&mut bench, &[0xdd, 0x1e]).expect("no fault");
    assert_eq!(image::<8>(&bench), 1.0f64.to_le_bytes());
}
