//! What no comparison with the host can show: faults, unmasked exceptions, state.

use super::{DATA, decode_for, execute, machine};
use crate::cpu::{Cpu, Exception};
use crate::decode::lower::is_offered;
use crate::exec::{Leave, Step};
use crate::model::{CpuModel, Feature};
use crate::state::{cr0, cr4, gpr};

fn fault(cpu: &mut Cpu, step: Step) -> (u8, Option<u32>) {
    assert_eq!(step, Err(Leave::Fault));
    let Exception { vector, error } = cpu.exception.take().unwrap();
    (vector, error)
}

const UD: (u8, Option<u32>) = (6, None);
const NM: (u8, Option<u32>) = (7, None);
const GP: (u8, Option<u32>) = (13, Some(0));
const MF: (u8, Option<u32>) = (16, None);
const XM: (u8, Option<u32>) = (19, None);

const ADDSD: &[u8] = &[0xf2, 0x0f, 0x58, 0xc1];
const MULSD: &[u8] = &[0xf2, 0x0f, 0x59, 0xc1];
const DIVSD: &[u8] = &[0xf2, 0x0f, 0x5e, 0xc1];
const MULPD: &[u8] = &[0x66, 0x0f, 0x59, 0xc1];
const DIVPD: &[u8] = &[0x66, 0x0f, 0x5e, 0xc1];
const MINSD: &[u8] = &[0xf2, 0x0f, 0x5d, 0xc1];
const CVTSD2SS: &[u8] = &[0xf2, 0x0f, 0x5a, 0xc1];
const CVTSD2SI: &[u8] = &[0xf2, 0x0f, 0x2d, 0xc1];
const PADDB_MM: &[u8] = &[0x0f, 0xfc, 0xc1];
const EMMS: &[u8] = &[0x0f, 0x77];
const CVTPD2PI: &[u8] = &[0x66, 0x0f, 0x2d, 0xc1];
const FXSAVE: &[u8] = &[0x0f, 0xae, 0x07];
const FXSAVE64: &[u8] = &[0x48, 0x0f, 0xae, 0x07];
const FXRSTOR: &[u8] = &[0x0f, 0xae, 0x0f];
const LDMXCSR: &[u8] = &[0x0f, 0xae, 0x17];
const MOVNTI: &[u8] = &[0x0f, 0xc3, 0x07];
const SFENCE: &[u8] = &[0x0f, 0xae, 0xf8];
const PREFETCHT0: &[u8] = &[0x0f, 0x18, 0x0f];
const CLFLUSH: &[u8] = &[0x0f, 0xae, 0x3f];

#[test]
fn control_registers_forbid_sse_and_mmx() {
    let cases = [
        (cr0::EM, cr4::OSFXSR, UD, Some(UD)),
        (cr0::EM | cr0::TS, cr4::OSFXSR, UD, Some(UD)),
        (cr0::TS, cr4::OSFXSR, NM, Some(NM)),
        (0, 0, UD, None),
        (cr0::TS, 0, UD, Some(NM)),
    ];
    for (bits0, bits4, sse, mmx) in cases {
        let (mut cpu, mut board) = machine();
        cpu.control.cr0 |= bits0;
        cpu.control.cr4 = cr4::PAE | bits4;
        cpu.refresh();
        cpu.gpr[usize::from(gpr::RDI)] = DATA;
        for bytes in [ADDSD, LDMXCSR, &[0x66, 0x0f, 0xfc, 0xc1]] {
            let step = execute(&mut cpu, &mut board, bytes);
            assert_eq!(fault(&mut cpu, step), sse);
        }
        for bytes in [PADDB_MM, EMMS] {
            let step = execute(&mut cpu, &mut board, bytes);
            match mmx {
                Some(expected) => assert_eq!(fault(&mut cpu, step), expected),
                None => assert_eq!(step, Ok(())),
            }
        }
        let step = execute(&mut cpu, &mut board, FXSAVE);
        if bits0 == 0 {
            assert_eq!(step, Ok(()));
        } else {
            assert_eq!(fault(&mut cpu, step), NM);
        }
        for bytes in [MOVNTI, SFENCE, PREFETCHT0, CLFLUSH] {
            assert_eq!(execute(&mut cpu, &mut board, bytes), Ok(()));
        }
    }
}

#[test]
fn mmx_reports_pending_x87_exceptions() {
    let (mut cpu, mut board) = machine();
    (cpu.x87.fsw, cpu.x87.top) = (0x8081, 3);
    for bytes in [PADDB_MM, EMMS, CVTPD2PI] {
        let step = execute(&mut cpu, &mut board, bytes);
        assert_eq!(fault(&mut cpu, step), MF);
    }
    assert_eq!(cpu.x87.top, 3);
}

#[test]
fn packed_operands_must_be_aligned() {
    // movaps load and store, paddb, addps, pshufd; movntdq; fxsave
    let strict: [&[u8]; 7] = [
        &[0x0f, 0x28, 0x07],
        &[0x0f, 0x29, 0x07],
        &[0x66, 0x0f, 0xfc, 0x07],
        &[0x0f, 0x58, 0x07],
        &[0x66, 0x0f, 0x70, 0x07, 0],
        &[0x66, 0x0f, 0xe7, 0x07],
        FXSAVE,
    ];
    // movups, movdqu store, addsd, movq mm, paddb mm
    let loose: [&[u8]; 5] = [
        &[0x0f, 0x10, 0x07],
        &[0xf3, 0x0f, 0x7f, 0x07],
        &[0xf2, 0x0f, 0x58, 0x07],
        &[0x0f, 0x6f, 0x07],
        &[0x0f, 0xfc, 0x07],
    ];
    let (mut cpu, mut board) = machine();
    cpu.gpr[usize::from(gpr::RDI)] = DATA + 8;
    for bytes in strict {
        let step = execute(&mut cpu, &mut board, bytes);
        assert_eq!(fault(&mut cpu, step), GP, "{bytes:02x?}");
    }
    cpu.gpr[usize::from(gpr::RDI)] = DATA + 1;
    for bytes in loose {
        assert_eq!(execute(&mut cpu, &mut board, bytes), Ok(()), "{bytes:02x?}");
    }
}

#[test]
fn faulting_operands_change_nothing() {
    let (mut cpu, mut board) = machine();
    cpu.vector.xmm[0] = 1;
    cpu.vector.xmm[1] = u128::MAX;
    cpu.gpr[usize::from(gpr::RDI)] = 1 << 47;
    let before = cpu.state();
    // A non-canonical address, for: addsd, paddb mm, cvttps2pi, fxrstor, clflush, maskmovdqu
    let cases: [&[u8]; 6] = [
        &[0xf2, 0x0f, 0x58, 0x07],
        &[0x0f, 0xfc, 0x07],
        &[0x0f, 0x2c, 0x07],
        FXRSTOR,
        CLFLUSH,
        &[0x66, 0x0f, 0xf7, 0xc1],
    ];
    for bytes in cases {
        let step = execute(&mut cpu, &mut board, bytes);
        assert_eq!(fault(&mut cpu, step), GP, "{bytes:02x?}");
        assert_eq!(cpu.state(), before);
    }
    // A mask of zero accesses nothing.
    cpu.vector.xmm[1] = 0;
    assert_eq!(execute(&mut cpu, &mut board, cases[5]), Ok(()));
}

const MAX: f64 = f64::MAX;
const MIN: f64 = f64::MIN_POSITIVE;
const DENORMAL: f64 = 5e-324;
const SNAN: f64 = f64::from_bits(0x7ff0_0000_0000_0001);

/// Unmasked exceptions, as processors report them: instruction, the exceptions unmasked,
/// operands, the flags found.
#[test]
fn unmasked_exceptions() {
    const IE: u32 = 1;
    const DE: u32 = 2;
    const ZE: u32 = 4;
    const OE: u32 = 8;
    const UE: u32 = 16;
    const PE: u32 = 32;
    let two = |low: f64, high: f64| u128::from(low.to_bits()) | u128::from(high.to_bits()) << 64;
    let one = |low: f64| two(low, 0.0);
    let power = |n: i32| 2f64.powi(n);
    let cases: &[(&[u8], u32, u128, u128, u32)] = &[
        (MULSD, OE, one(MAX), one(2.0), OE),
        (MULSD, OE, one(MAX), one(1.1), OE | PE),
        (ADDSD, OE, one(MAX), one(MAX), OE),
        (ADDSD, OE, one(MAX), one(MAX.next_down()), OE | PE),
        (MULSD, OE | PE, one(MAX), one(2.0), OE),
        (MULSD, PE, one(MAX), one(2.0), OE | PE),
        (MULSD, UE, one(MIN), one(0.5), UE),
        (DIVSD, UE, one(MIN), one(3.0), UE | PE),
        (MULSD, UE, one(DENORMAL), one(0.5), UE | DE),
        (MULSD, UE, one(MIN), one(power(-60)), UE),
        (ADDSD, UE, one(DENORMAL), one(DENORMAL), UE | DE),
        (ADDSD, UE, one(DENORMAL), one(0.0), UE | DE),
        (MULSD, UE, one((2.0 * MIN).next_down()), one(0.5), UE),
        (CVTSD2SS, UE, 0, one(power(-130)), UE),
        (CVTSD2SS, UE, 0, one(power(-130) * (1.0 + power(-40))), UE | PE),
        (CVTSD2SS, UE, 0, one(power(-160)), UE),
        (CVTSD2SS, OE, 0, one(power(200)), OE),
        (DIVSD, ZE, one(1.0), one(0.0), ZE),
        (DIVSD, ZE, one(DENORMAL), one(0.0), ZE),
        (ADDSD, DE, one(DENORMAL), one(1.0), DE),
        (ADDSD, PE, one(DENORMAL), one(1.0), DE | PE),
        (DIVPD, IE, two(SNAN, 1.0), two(1.0, 3.0), IE),
        (DIVPD, ZE, two(1.0, 1.0), two(3.0, 0.0), ZE),
        (DIVPD, ZE, two(SNAN, 1.0), two(3.0, 0.0), IE | ZE),
        (DIVPD, PE, two(SNAN, 1.0), two(3.0, 3.0), IE | PE),
        (MULPD, UE, two(MIN, 1.1), two(0.5, 1.1), UE | PE),
        (DIVPD, UE, two(1.0, MIN), two(0.0, 2.0), ZE | UE),
        (MULPD, OE, two(MAX, 1.1), two(2.0, 1.1), OE | PE),
        (CVTSD2SI, IE, 0, one(1e300), IE),
        (MINSD, IE, one(f64::NAN), one(DENORMAL), IE),
    ];
    for &(bytes, unmasked, a, b, flags) in cases {
        for (osxmmexcpt, expected) in [(true, XM), (false, UD)] {
            let (mut cpu, mut board) = machine();
            if !osxmmexcpt {
                cpu.control.cr4 &= !cr4::OSXMMEXCPT;
                cpu.refresh();
            }
            cpu.vector.mxcsr = 0x1f80 & !(unmasked << 7);
            (cpu.vector.xmm[0], cpu.vector.xmm[1]) = (a, b);
            let mut after = cpu.state();
            after.vector.mxcsr |= flags;
            let step = execute(&mut cpu, &mut board, bytes);
            assert_eq!(fault(&mut cpu, step), expected);
            let found = cpu.vector.mxcsr & 0x3f;
            assert_eq!(found, flags, "{bytes:02x?} {a:032x} {b:032x}: {found:02x} for {flags:02x}");
            assert_eq!(cpu.state(), after);
        }
    }
}

#[test]
fn flags_set_before_raise_nothing() {
    let (mut cpu, mut board) = machine();
    cpu.vector.mxcsr = 0x1f81 & !(1 << 7);
    let value = u128::from(1.1f64.to_bits());
    (cpu.vector.xmm[0], cpu.vector.xmm[1]) = (value, value);
    assert_eq!(execute(&mut cpu, &mut board, MULSD), Ok(()));
    assert_eq!(cpu.vector.mxcsr, 0x1f21);
}

#[test]
fn flush_to_zero_yields_to_unmasked_underflow() {
    let (mut cpu, mut board) = machine();
    cpu.vector.mxcsr = 0x9f80 & !(1 << 11);
    cpu.vector.xmm[0] = u128::from(MIN.to_bits());
    cpu.vector.xmm[1] = u128::from(0.5f64.to_bits());
    let step = execute(&mut cpu, &mut board, MULSD);
    assert_eq!(fault(&mut cpu, step), XM);
    assert_eq!(cpu.vector.mxcsr & 0x3f, 16);
}

#[test]
fn a_conversion_that_faults_has_entered_the_mmx_state() {
    let (mut cpu, mut board) = machine();
    (cpu.x87.top, cpu.x87.empty) = (5, 0xff);
    cpu.vector.mxcsr = 0x1f80 & !(1 << 7);
    cpu.vector.xmm[1] = u128::from(SNAN.to_bits());
    let step = execute(&mut cpu, &mut board, CVTPD2PI);
    assert_eq!(fault(&mut cpu, step), XM);
    assert_eq!((cpu.x87.top, cpu.x87.empty, cpu.x87.r[0].significand), (0, 0, 0));
}

#[test]
fn reserved_bits_of_mxcsr_fault() {
    let (mut cpu, mut board) = machine();
    cpu.gpr[usize::from(gpr::RDI)] = DATA;
    board.fabric.memory.write(DATA, &0xffffu32.to_le_bytes());
    assert_eq!(execute(&mut cpu, &mut board, LDMXCSR), Ok(()));
    assert_eq!(cpu.vector.mxcsr, 0xffff);
    board.fabric.memory.write(DATA, &0x1_0000u32.to_le_bytes());
    let step = execute(&mut cpu, &mut board, LDMXCSR);
    assert_eq!(fault(&mut cpu, step), GP);
    board.fabric.memory.write(DATA + 24, &0x1_0000u32.to_le_bytes());
    let before = cpu.state();
    let step = execute(&mut cpu, &mut board, FXRSTOR);
    assert_eq!(fault(&mut cpu, step), GP);
    assert_eq!(cpu.state(), before);
}

#[test]
fn fxsave_has_the_layout_of_the_manual() {
    let (mut cpu, mut board) = machine();
    cpu.model.vendor = "GenuineIntel".into();
    cpu.model.features.set(Feature::FpcsDeprecated, false);
    cpu.model.features.set(Feature::FdpExcptnOnly, false);
    // Fopcode compatibility mode
    cpu.msr.misc_enable |= 4;
    cpu.gpr[usize::from(gpr::RDI)] = DATA;
    let x87 = &mut cpu.x87;
    (x87.fcw, x87.fsw, x87.top, x87.empty, x87.fop) = (0x37f, 0x4100, 6, 0x3f, 0x123);
    (x87.fip, x87.fcs, x87.fdp, x87.fds) = (0x1111_2222_3333_4444, 0x55, 0x6666_7777_8888_9999, 0xaa);
    x87.r[6].significand = 0xabcd;
    x87.r[7].sign_exponent = 0xc000;
    cpu.vector.xmm[15] = 7;
    for (bytes, fip, fdp) in [
        (FXSAVE64, 0x1111_2222_3333_4444, 0x6666_7777_8888_9999),
        (FXSAVE, 0x0055_3333_4444, 0x00aa_8888_9999),
    ] {
        board.fabric.memory.write(DATA, &[0xee; 512]);
        assert_eq!(execute(&mut cpu, &mut board, bytes), Ok(()));
        let word = |at: u64| board.fabric.memory.read_u64(DATA + at).unwrap();
        // FCW, FSW with TOP, the tags of R7 and R6 valid, FOP.
        assert_eq!(word(0), 0x0123_00c0_7100_037f);
        assert_eq!((word(8), word(16)), (fip, fdp));
        assert_eq!(word(24), 0xffff_0000_1f80);
        assert_eq!((word(32), word(40), word(48), word(56)), (0xabcd, 0, 0, 0xc000));
        assert_eq!(word(400), 7);
        // What software may use.
        assert_eq!(word(416), 0xeeee_eeee_eeee_eeee);
        assert_eq!(word(504), 0xeeee_eeee_eeee_eeee);
    }
    // The selectors have no place in the 64-bit form.
    (cpu.x87.fcs, cpu.x87.fds) = (0, 0);
    cpu.x87.note_pointers();
    let saved = cpu.state();
    execute(&mut cpu, &mut board, FXSAVE64).unwrap();
    cpu.x87.init();
    cpu.vector.xmm = [9; 16];
    execute(&mut cpu, &mut board, &[0x48, 0x0f, 0xae, 0x0f]).unwrap();
    assert_eq!(cpu.state(), saved);
}

/// AMD64 volume 5, FXSAVE: the pointers belong to a pending exception. SDM volume 1, 8.1.8: selectors
/// that processors have no more are zeros.
#[test]
fn fxsave_of_x87_pointers_by_vendor_and_feature() {
    for (vendor, pending, deprecated, expected) in [
        ("GenuineIntel", false, false, 0x0055_3333_4444),
        ("GenuineIntel", false, true, 0x3333_4444),
        ("AuthenticAMD", false, false, 0),
        ("AuthenticAMD", true, false, 0x0055_3333_4444),
    ] {
        let (mut cpu, mut board) = machine();
        cpu.model.vendor = vendor.into();
        cpu.model.features.set(Feature::FpcsDeprecated, deprecated);
        cpu.msr.misc_enable |= 4;
        cpu.gpr[usize::from(gpr::RDI)] = DATA;
        (cpu.x87.fip, cpu.x87.fcs, cpu.x87.fop) = (0x1111_2222_3333_4444, 0x55, 0x123);
        if pending {
            (cpu.x87.fcw, cpu.x87.fsw) = (0x37b, 0x8084);
        }
        execute(&mut cpu, &mut board, FXSAVE).unwrap();
        let word = |at: u64| board.fabric.memory.read_u64(DATA + at).unwrap();
        let opcode = if expected == 0 { 0 } else { 0x123 };
        assert_eq!((word(8), word(0) >> 48), (expected, opcode), "{vendor} {pending} {deprecated}");
    }
}

#[test]
fn without_osfxsr_the_xmm_registers_stay_out_of_fxsave() {
    let (mut cpu, mut board) = machine();
    cpu.control.cr4 &= !cr4::OSFXSR;
    cpu.refresh();
    cpu.gpr[usize::from(gpr::RDI)] = DATA;
    board.fabric.memory.write(DATA, &[0xee; 512]);
    assert_eq!(execute(&mut cpu, &mut board, FXSAVE), Ok(()));
    for at in [24, 160, 408] {
        assert_eq!(board.fabric.memory.read_u64(DATA + at), Some(0xeeee_eeee_eeee_eeee));
    }
    let vectors = cpu.vector.clone();
    assert_eq!(execute(&mut cpu, &mut board, FXRSTOR), Ok(()));
    assert_eq!(cpu.vector, vectors);
}

#[test]
fn approximations_keep_their_bound() {
    let (mut cpu, mut board) = machine();
    let mut run = |opcode: u8, x: f32| {
        cpu.vector.xmm[1] = u128::from(x.to_bits());
        execute(&mut cpu, &mut board, &[0xf3, 0x0f, opcode, 0xc1]).unwrap();
        f32::from_bits(cpu.vector.xmm[0] as u32)
    };
    const RCP: u8 = 0x53;
    const RSQRT: u8 = 0x52;
    let bound = 1.5 / 4096.0;
    for nth in 0..0x2000u32 {
        let x = f32::from_bits(0x3f80_0000 + nth * 0x1003);
        let wide = f64::from(x);
        assert!((f64::from(run(RCP, x)) * wide - 1.0).abs() <= bound);
        assert!((f64::from(run(RSQRT, x)) * wide.sqrt() - 1.0).abs() <= bound);
    }
    let bits = |x: f32| x.to_bits();
    assert_eq!(bits(run(RCP, 0.0)), bits(f32::INFINITY));
    assert_eq!(bits(run(RCP, -1e-40)), bits(f32::NEG_INFINITY));
    assert_eq!(bits(run(RCP, f32::NEG_INFINITY)), bits(-0.0));
    assert_eq!(bits(run(RCP, f32::MAX)), 0);
    assert_eq!(bits(run(RCP, f32::from_bits(0x7f80_0001))), 0x7fc0_0001);
    assert_eq!(bits(run(RSQRT, -0.0)), bits(f32::NEG_INFINITY));
    assert_eq!(bits(run(RSQRT, -1.0)), 0xffc0_0000);
    assert_eq!(bits(run(RSQRT, f32::INFINITY)), 0);
    assert_eq!(bits(run(RSQRT, 4.0)), bits(0.5));
    assert_eq!(cpu.vector.mxcsr, 0x1f80);
}

#[test]
fn later_extensions_are_undefined() {
    // haddpd, movddup, lddqu, pshufb, palignr, pextrw m16, pextrb, ptest, popcnt, crc32, movntdqa,
    // roundsd, vaddps, vpxor
    let cases: [&[u8]; 14] = [
        &[0x66, 0x0f, 0x7c, 0xc1],
        &[0xf2, 0x0f, 0x12, 0xc1],
        &[0xf2, 0x0f, 0xf0, 0x07],
        &[0x66, 0x0f, 0x38, 0x00, 0xc1],
        &[0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0],
        &[0x66, 0x0f, 0x3a, 0x15, 0x07, 0],
        &[0x66, 0x0f, 0x3a, 0x14, 0x07, 0],
        &[0x66, 0x0f, 0x38, 0x17, 0xc1],
        &[0xf3, 0x0f, 0xb8, 0xc1],
        &[0xf2, 0x0f, 0x38, 0xf0, 0xc1],
        &[0x66, 0x0f, 0x38, 0x2a, 0x07],
        &[0x66, 0x0f, 0x3a, 0x0b, 0xc1, 0],
        &[0xc5, 0xf0, 0x58, 0xc1],
        &[0xc5, 0xf1, 0xef, 0xc1],
    ];
    let baseline = CpuModel::default().features;
    for bytes in cases {
        assert!(!is_offered(&decode_for(bytes, &baseline)), "{bytes:02x?}");
    }
}
