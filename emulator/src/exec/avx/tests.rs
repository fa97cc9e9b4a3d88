//! What no comparison with the host shows: what holds AVX back, exceptions across lanes, modes.

use crate::cpu::{CodeSize, Cpu, Exception};
use crate::decode::lower::lower;
use crate::exec::sse::soft::{DOUBLE, SINGLE, fused};
use crate::exec::sse::tests::machine;
use crate::exec::{Leave, Step};
use crate::mmu::tlb::Tlb;
use crate::model::{Feature, Features};
use crate::state::{cr0, cr4, efer, sreg};
use crate::{Board, decode::Op};

/// A machine whose system has enabled AVX.
fn ready() -> (Cpu, Board) {
    let (mut cpu, board) = machine();
    cpu.control.cr4 |= cr4::OSXSAVE;
    cpu.control.xcr0 = 7;
    cpu.refresh();
    (cpu, board)
}

fn decode(bytes: &[u8], size: CodeSize) -> Op {
    let bits = if size == CodeSize::Bits64 { 64 } else { 32 };
    let instruction = iced_x86::Decoder::new(bits, bytes, iced_x86::DecoderOptions::NONE).decode();
    assert_eq!(instruction.len(), bytes.len(), "{bytes:02x?}");
    lower(&instruction, 0, 0, size, &Feature::all().collect::<Features>())
}

fn execute(cpu: &mut Cpu, board: &mut Board, bytes: &[u8]) -> Step {
    let op = decode(bytes, cpu.code_size());
    (op.run)(cpu, board, std::slice::from_ref(&op))
}

fn vector(cpu: &mut Cpu, step: Step) -> u8 {
    assert_eq!(step, Err(Leave::Fault));
    let Exception { vector, .. } = cpu.exception.take().unwrap();
    vector
}

const VADDPS_YMM: &[u8] = &[0xc5, 0xf4, 0x58, 0xc2]; // vaddps ymm0, ymm1, ymm2
const VPXOR_XMM: &[u8] = &[0xc5, 0xf1, 0xef, 0xc2]; // vpxor xmm0, xmm1, xmm2
const VMULPD_YMM: &[u8] = &[0xc5, 0xf5, 0x59, 0xc2]; // vmulpd ymm0, ymm1, ymm2
const VZEROUPPER: &[u8] = &[0xc5, 0xf8, 0x77];
const VZEROALL: &[u8] = &[0xc5, 0xfc, 0x77];
const PXOR: &[u8] = &[0x66, 0x0f, 0xef, 0xc1]; // pxor xmm0, xmm1

/// SDM volume 2, tables 2-20 to 2-24.
#[test]
fn avx_runs_only_where_the_system_has_enabled_it() {
    const UD: u8 = 6;
    const NM: u8 = 7;
    type Change = fn(&mut Cpu);
    let cases: [(Change, Option<u8>); 8] = [
        (|_| {}, None),
        (|cpu| cpu.control.cr4 &= !cr4::OSXSAVE, Some(UD)),
        (|cpu| cpu.control.xcr0 = 3, Some(UD)),
        (|cpu| cpu.control.xcr0 = 1, Some(UD)),
        (|cpu| cpu.control.cr0 |= cr0::TS, Some(NM)),
        (|cpu| cpu.control.cr0 |= cr0::EM, None),
        (|cpu| cpu.control.cr4 &= !cr4::OSFXSR, None),
        (
            |cpu| {
                cpu.control.cr4 &= !cr4::OSXSAVE;
                cpu.control.cr0 |= cr0::TS;
            },
            Some(UD),
        ),
    ];
    for (nth, (change, expected)) in cases.into_iter().enumerate() {
        let (mut cpu, mut board) = ready();
        change(&mut cpu);
        cpu.refresh();
        for bytes in [VADDPS_YMM, VPXOR_XMM, VZEROUPPER, VZEROALL] {
            let step = execute(&mut cpu, &mut board, bytes);
            match expected {
                None => assert_eq!(step, Ok(()), "{nth}"),
                Some(expected) => assert_eq!(vector(&mut cpu, step), expected, "{nth}"),
            }
        }
    }
}

#[test]
fn avx_is_undefined_in_real_mode() {
    let (mut cpu, mut board) = ready();
    let op = decode(VPXOR_XMM, CodeSize::Bits64);
    cpu.control.efer = 0;
    cpu.control.cr0 &= !cr0::PE;
    cpu.refresh();
    let step = (op.run)(&mut cpu, &mut board, std::slice::from_ref(&op));
    assert_eq!(vector(&mut cpu, step), 6);
}

#[test]
fn upper_halves_stay_without_vex_and_go_with_it() {
    let (mut cpu, mut board) = ready();
    cpu.vector.ymm_high = [7; 16];
    execute(&mut cpu, &mut board, PXOR).unwrap();
    assert_eq!(cpu.vector.ymm_high, [7; 16]);
    execute(&mut cpu, &mut board, VPXOR_XMM).unwrap();
    assert_eq!((cpu.vector.ymm_high[0], cpu.vector.ymm_high[1]), (0, 7));
}

#[test]
fn outside_64_bit_mode_only_eight_registers_are_cleared() {
    for (bytes, low) in [(VZEROUPPER, 5), (VZEROALL, 0)] {
        let (mut cpu, mut board) = ready();
        cpu.control.efer &= !(efer::LMA | efer::LME);
        cpu.seg[usize::from(sreg::CS)].access = 0x409b;
        cpu.refresh();
        assert_eq!(cpu.code_size(), CodeSize::Bits32);
        (cpu.vector.xmm, cpu.vector.ymm_high) = ([5; 16], [7; 16]);
        execute(&mut cpu, &mut board, bytes).unwrap();
        for nth in 0..16 {
            let expected = if nth < 8 { (low, 0) } else { (5, 7) };
            assert_eq!((cpu.vector.xmm[nth], cpu.vector.ymm_high[nth]), expected, "{nth}");
        }
    }
}

/// An unmasked exception in one lane keeps the destination of both, and what the other lane found
/// is reported with it.
#[test]
fn an_exception_in_one_lane_is_one_of_the_whole() {
    let pair = |x: f64| u128::from(x.to_bits()) * (1 | 1 << 64);
    let (mut cpu, mut board) = ready();
    // Overflow unmasked, in the upper lane alone; the lower lane is inexact.
    cpu.vector.mxcsr = 0x1f80 & !(1 << 10);
    (cpu.vector.xmm[0], cpu.vector.ymm_high[0]) = (1, 2);
    (cpu.vector.xmm[1], cpu.vector.ymm_high[1]) = (pair(1.0 + f64::EPSILON), pair(f64::MAX));
    (cpu.vector.xmm[2], cpu.vector.ymm_high[2]) = (pair(1.0 + f64::EPSILON), pair(2.0));
    let step = execute(&mut cpu, &mut board, VMULPD_YMM);
    assert_eq!(vector(&mut cpu, step), 19);
    assert_eq!((cpu.vector.xmm[0], cpu.vector.ymm_high[0]), (1, 2));
    assert_eq!(cpu.vector.mxcsr & 0x3f, 0x28, "OE and PE");
    cpu.control.cr4 &= !cr4::OSXMMEXCPT;
    let step = execute(&mut cpu, &mut board, VMULPD_YMM);
    assert_eq!(vector(&mut cpu, step), 6);
}

/// A small generator of random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Bits of a number whose exponent lies near the middle, near a limit, or anywhere.
    fn bits(&mut self, exponent_bits: u32, fraction_bits: u32) -> u64 {
        let all = (1 << exponent_bits) - 1;
        let exponent = match self.next() % 4 {
            0 => self.next() & all,
            1 => (all / 2 + self.next() % 8) & all,
            2 => self.next() % 4,
            _ => all - self.next() % 4,
        };
        let fraction = match self.next() % 3 {
            0 => self.next() % 4,
            1 => !(self.next() % 4),
            _ => self.next(),
        };
        let sign = self.next() & 1;
        (sign << exponent_bits | exponent) << fraction_bits | fraction & ((1 << fraction_bits) - 1)
    }
}

/// The standard library's fused multiply and add is another implementation: the host's
/// instruction or the C library's.
#[test]
fn fused_products_agree_with_the_standard_library() {
    let mut random = Random(5);
    for _ in 0..300_000 {
        let [a, b, c] = std::array::from_fn(|_| random.bits(11, 52));
        let expected = f64::from_bits(a).mul_add(f64::from_bits(b), f64::from_bits(c));
        let (found, _) = fused(DOUBLE, 0x1f80, [a, b, c], false, false);
        let nan = expected.is_nan() && f64::from_bits(found).is_nan();
        assert!(nan || found == expected.to_bits(), "{a:016x} {b:016x} {c:016x}: {found:016x}");

        let [a, b, c] = std::array::from_fn(|_| random.bits(8, 23) as u32);
        let expected = f32::from_bits(a).mul_add(f32::from_bits(b), f32::from_bits(c));
        let (found, _) = fused(SINGLE, 0x1f80, [a, b, c].map(u64::from), false, false);
        let nan = expected.is_nan() && f32::from_bits(found as u32).is_nan();
        assert!(nan || found == u64::from(expected.to_bits()), "{a:08x} {b:08x} {c:08x}: {found:08x}");
    }
}

/// Measured on a Zen 3 processor: 16 bytes are enough for 32, and masks and gathers are not checked.
#[test]
fn alignment_is_checked_for_sixteen_bytes_at_most() {
    const AC: u8 = 17;
    // vmovups ymm0, [rdi]; vmaskmovps ymm0, ymm1, [rdi]; vgatherdps ymm0, [rdi + ymm2], ymm1;
    // vmaskmovps [rdi], ymm1, ymm0; vcvtps2ph [rdi], ymm0, 0; vpmovzxbw xmm0, [rdi]
    let cases: [(&[u8], &[u64]); 6] = [
        (&[0xc5, 0xfc, 0x10, 0x07], &[1, 2, 4, 8]),
        (&[0xc4, 0xe2, 0x75, 0x2c, 0x07], &[]),
        (&[0xc4, 0xe2, 0x75, 0x92, 0x04, 0x17], &[]),
        (&[0xc4, 0xe2, 0x75, 0x2e, 0x07], &[]),
        (&[0xc4, 0xe3, 0x7d, 0x1d, 0x07, 0x00], &[1, 2, 4, 8]),
        (&[0xc4, 0xe2, 0x79, 0x30, 0x07], &[1, 2, 4]),
    ];
    for (bytes, faulting) in cases {
        for offset in [0, 1, 2, 4, 8, 16] {
            let (mut cpu, mut board) = ready();
            cpu.view = Tlb::USER_ALIGNED;
            cpu.gpr[7] = 0x2000 + offset;
            (cpu.vector.xmm[1], cpu.vector.ymm_high[1]) = (!0, !0);
            let step = execute(&mut cpu, &mut board, bytes);
            if faulting.contains(&offset) {
                assert_eq!(vector(&mut cpu, step), AC, "{bytes:02x?} at {offset}");
            } else {
                assert_eq!(step, Ok(()), "{bytes:02x?} at {offset}");
            }
            assert_eq!(cpu.view, Tlb::USER_ALIGNED);
        }
    }
}
