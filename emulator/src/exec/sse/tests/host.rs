//! Every instruction against the host's own, over random and extreme operands.

use super::catalogue::{self, Case, Operand};
use super::native::{Code, Native};
use super::{DATA, decode, machine};
use crate::board::Board;
use crate::cpu::Cpu;
use crate::decode::{Op, address};
use crate::exec::Step;
use crate::exec::sse::integer;
use crate::exec::sse::state::{fxrstor, fxsave};
use crate::state::{flag, gpr};

/// Where the FXSAVE area lies.
const AREA: u64 = 0x3000;

/// An operand for FXSAVE and FXRSTOR.
fn area() -> Op {
    let mut op = decode(&[0x0f, 0xae, 0x07]);
    (op.base, op.disp, op.address) = (gpr::ZERO, AREA, address::FLAT);
    op
}

/// Runs one instruction in the machine on the same state as the host.
fn emulate(cpu: &mut Cpu, board: &mut Board, op: &Op, state: &mut Native) -> Step {
    board.fabric.memory.write(AREA, &state.area);
    board.fabric.memory.write(DATA, &state.memory);
    fxrstor::<true>(cpu, board, &area()).unwrap();
    cpu.gpr[usize::from(gpr::RAX)] = state.rax;
    cpu.gpr[usize::from(gpr::RCX)] = state.rcx;
    cpu.gpr[usize::from(gpr::RDI)] = DATA;
    cpu.flags.set_rflags(state.rflags);
    (op.run)(cpu, board, std::slice::from_ref(op))?;
    fxsave::<true>(cpu, board, &area()).unwrap();
    board.fabric.memory.read(AREA, &mut state.area);
    board.fabric.memory.read(DATA, &mut state.memory);
    state.rax = cpu.gpr[usize::from(gpr::RAX)];
    state.rcx = cpu.gpr[usize::from(gpr::RCX)];
    state.rflags = cpu.flags.rflags();
    Ok(())
}

/// A small generator of random numbers (xorshift64*).
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 33) % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Bits of a double: extreme ones, ones near the limits, ordinary ones, anything.
    fn double(&mut self) -> u64 {
        let sign = self.next() << 63;
        let fraction = match self.below(4) {
            0 => 0,
            1 => self.below(4),
            2 => (1 << 52) - 1 - self.below(4),
            _ => self.next() >> 12,
        };
        let exponent = match self.below(8) {
            0 => 0,
            1 => 0x7ff,
            2 => 1 + self.below(3),
            3 => 0x7fe - self.below(3),
            // Where conversions to integers and singles overflow and underflow.
            4 => 0x3ff + self.below(66),
            5 => 0x3ff - 150 + self.below(300),
            6 => 0x3fc + self.below(8),
            _ => self.below(0x800),
        };
        sign | exponent << 52 | fraction
    }

    /// Bits of a single, likewise.
    fn single(&mut self) -> u64 {
        let sign = (self.next() & 1) << 31;
        let fraction = match self.below(4) {
            0 => 0,
            1 => self.below(4),
            2 => (1 << 23) - 1 - self.below(4),
            _ => self.next() >> 41,
        };
        let exponent = match self.below(7) {
            0 => 0,
            1 => 0xff,
            2 => 1 + self.below(3),
            3 => 0xfe - self.below(3),
            4 => 0x7f + self.below(66),
            5 => 0x7c + self.below(8),
            _ => self.below(0x100),
        };
        sign | exponent << 23 | fraction
    }

    /// A shift count, small integer, or bytes at their limits.
    pub fn integer(&mut self) -> u64 {
        match self.below(5) {
            0 => self.below(70),
            4 => self.pick(&[u64::MAX, 0x8000_8000_8000_8000, 0x7fff_7fff_7fff_7fff]),
            1 => (0..8).map(|n| self.pick(&[0, 1, 0x7f, 0x80, 0xff]) << (8 * n)).sum(),
            2 => self.next() as i32 as u64,
            _ => self.next(),
        }
    }

    pub fn register(&mut self) -> u128 {
        let kind = self.below(4);
        let mut half = || match kind {
            0 | 3 => self.double(),
            1 => self.single() | self.single() << 32,
            _ => self.integer(),
        };
        u128::from(half()) | u128::from(half()) << 64
    }

    /// MXCSR with everything masked; half of the time one under which the fast paths run.
    fn mxcsr(&mut self) -> u32 {
        let flags = self.below(64) as u32;
        match self.below(2) {
            0 => 0x1fa0 | flags,
            _ => 0x1f80 | flags | (self.below(8) as u32) << 13 | (self.below(2) as u32) << 6,
        }
    }

    fn state(&mut self) -> Native {
        let mut state = Native::new();
        state.area[..2].copy_from_slice(&0x37fu16.to_le_bytes());
        // TOP and the tags, to see what MMX instructions do to them.
        state.area[3] = (self.below(8) << 3) as u8;
        state.area[4] = self.next() as u8;
        state.area[24..28].copy_from_slice(&self.mxcsr().to_le_bytes());
        state.area[28..32].copy_from_slice(&0xffffu32.to_le_bytes());
        for nth in 0..8 {
            let at = 32 + 16 * nth;
            let value = self.register() as u64;
            state.area[at..at + 8].copy_from_slice(&value.to_le_bytes());
            state.area[at + 8..at + 10].copy_from_slice(&(self.next() as u16).to_le_bytes());
        }
        for nth in 0..16 {
            let at = 160 + 16 * nth;
            state.area[at..at + 16].copy_from_slice(&self.register().to_le_bytes());
        }
        // Equal operands now and then.
        if self.below(8) == 0 {
            state.area.copy_within(160..176, 176);
        }
        for nth in 0..4 {
            state.memory[16 * nth..16 * nth + 16].copy_from_slice(&self.register().to_le_bytes());
        }
        state.rax = self.integer();
        state.rcx = self.integer();
        state.rflags = flag::ONE | flag::IF;
        state
    }
}

/// What the comparison leaves out: the x87 pointers and opcode, which AMD processors keep only
/// while an exception is pending, what FXSAVE does not write, and IF.
fn comparable(state: &Native) -> Native {
    let mut state = state.clone();
    state.area[6..24].fill(0);
    // MXCSR_MASK: some hosts have more bits.
    state.area[28..32].fill(0);
    state.area[416..].fill(0);
    state.rflags &= flag::STATUS;
    let mut fresh = Native::new();
    fresh.area = state.area;
    (fresh.rax, fresh.rcx, fresh.rflags, fresh.memory) = (state.rax, state.rcx, state.rflags, state.memory);
    fresh
}

/// Compares `rounds` random runs of one encoding.
fn compare(cpu: &mut Cpu, board: &mut Board, name: &str, bytes: &[u8], rounds: u32, random: &mut Random) {
    let op = decode(bytes);
    let code = Code::new(bytes);
    for _ in 0..rounds {
        let before = random.state();
        let (mut host, mut guest) = (before.clone(), before.clone());
        code.run(&mut host);
        // A status flag that the instruction leaves alone is the host's business.
        guest.rflags = before.rflags;
        emulate(cpu, board, &op, &mut guest).unwrap_or_else(|leave| panic!("{name} {bytes:02x?}: {leave:?}"));
        let sets_flags = name.contains("comis");
        let (mut host, mut guest) = (comparable(&host), comparable(&guest));
        if !sets_flags {
            assert_eq!(guest.rflags, 0, "{name} changes flags");
            (host.rflags, guest.rflags) = (0, 0);
        }
        assert!(host == guest, "{name} {bytes:02x?}\n{}", difference(&comparable(&before), &host, &guest));
    }
}

/// The rows in which two outcomes differ.
fn difference(before: &Native, host: &Native, guest: &Native) -> String {
    let mut out = format!(
        "mxcsr {:02x?}, xmm0 {:032x}, xmm1 {:032x}, mm0 {:016x}, mm1 {:016x}, rcx {:016x}, memory {:032x}\n",
        &before.area[24..26],
        row(&before.area, 160),
        row(&before.area, 176),
        row(&before.area, 32) as u64,
        row(&before.area, 48) as u64,
        before.rcx,
        row(&before.memory, 0),
    );
    for at in (0..512).step_by(16).filter(|&at| host.area[at..at + 16] != guest.area[at..at + 16]) {
        out += &format!("area {at}: host {:032x} guest {:032x}\n", row(&host.area, at), row(&guest.area, at));
    }
    for at in (0..64).step_by(16).filter(|&at| host.memory[at..at + 16] != guest.memory[at..at + 16]) {
        out +=
            &format!("mem {at}: host {:032x} guest {:032x}\n", row(&host.memory, at), row(&guest.memory, at));
    }
    let registers = |s: &Native| format!("rax {:016x} rcx {:016x} rflags {:x}", s.rax, s.rcx, s.rflags);
    out + &format!("host {} guest {}", registers(host), registers(guest))
}

fn row(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(bytes[at..at + 16].try_into().unwrap())
}

/// Runs all cases of a part of the catalogue, in all their forms.
fn run(cases: &[Case], rounds: u32) {
    let (mut cpu, mut board) = machine();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for case in cases {
        for bytes in case.encodings(&mut |limit| random.below(limit)) {
            compare(&mut cpu, &mut board, case.name, &bytes, rounds, &mut random);
        }
    }
}

#[test]
fn integers_as_on_the_host() {
    run(catalogue::INTEGERS, 500);
}

#[test]
fn host_instructions_mean_what_is_written_lane_by_lane() {
    let mut random = Random(3);
    for (name, host, lanes) in integer::ALL {
        for _ in 0..2000 {
            let (a, b) = (random.register(), random.register());
            assert_eq!(host(a, b, 0), lanes(a, b), "{name} {a:032x} {b:032x}");
        }
    }
}

#[test]
fn shuffles_as_on_the_host() {
    run(catalogue::SHUFFLES, 60);
}

#[test]
fn arithmetic_as_on_the_host() {
    run(catalogue::ARITHMETIC, 10_000);
}

#[test]
fn comparisons_as_on_the_host() {
    run(catalogue::COMPARISONS, 2000);
}

#[test]
fn conversions_as_on_the_host() {
    run(catalogue::CONVERSIONS, 5000);
}

#[test]
fn moves_as_on_the_host() {
    run(catalogue::MOVES, 200);
}

#[test]
fn every_register_number_is_understood() {
    // addsd xmm9, xmm14; movq rcx, xmm12; paddb mm5, mm6; movdqu xmm15, [rdi+3]
    let encodings: [&[u8]; 4] = [
        &[0xf2, 0x45, 0x0f, 0x58, 0xce],
        &[0x66, 0x4c, 0x0f, 0x7e, 0xe1],
        &[0x0f, 0xfc, 0xee],
        &[0xf3, 0x44, 0x0f, 0x6f, 0x7f, 0x03],
    ];
    let (mut cpu, mut board) = machine();
    let mut random = Random(7);
    for bytes in encodings {
        compare(&mut cpu, &mut board, "registers", bytes, 500, &mut random);
    }
}

/// Products and quotients around the smallest normal number, where rounding decides between
/// tiny and normal.
#[test]
fn underflow_is_found_as_on_the_host() {
    let (mut cpu, mut board) = machine();
    let mut random = Random(99);
    // mulsd, divsd, mulss, divss; cvtsd2ss
    for (prefix, opcode) in [(0xf2, 0x59), (0xf2, 0x5e), (0xf3, 0x59), (0xf3, 0x5e), (0xf2, 0x5a)] {
        let bytes = [prefix, 0x0f, opcode, 0xc1];
        let (op, code) = (decode(&bytes), Code::new(&bytes));
        for _ in 0..50_000 {
            let mut state = random.state();
            let (a, b) = if prefix == 0xf2 && opcode == 0x5a {
                let tiny = f64::from(f32::MIN_POSITIVE).to_bits();
                (0, tiny.wrapping_add(random.below(1 << 31)).wrapping_sub(1 << 30))
            } else if prefix == 0xf2 {
                let near = |r: &mut Random, x: f64| x.to_bits() + r.below(8) - 4;
                (near(&mut random, f64::MIN_POSITIVE), near(&mut random, 1.0))
            } else {
                let near = |r: &mut Random, x: f32| u64::from(x.to_bits()) + r.below(8) - 4;
                (near(&mut random, f32::MIN_POSITIVE), near(&mut random, 1.0))
            };
            state.area[160..168].copy_from_slice(&a.to_le_bytes());
            state.area[176..184].copy_from_slice(&b.to_le_bytes());
            let before = comparable(&state);
            let mut host = state.clone();
            code.run(&mut host);
            emulate(&mut cpu, &mut board, &op, &mut state).unwrap();
            state.rflags = host.rflags;
            let (host, guest) = (comparable(&host), comparable(&state));
            assert!(host == guest, "{bytes:02x?}\n{}", difference(&before, &host, &guest));
        }
    }
}

#[test]
fn every_catalogued_operand_form_is_used() {
    let all = [
        catalogue::INTEGERS,
        catalogue::SHUFFLES,
        catalogue::ARITHMETIC,
        catalogue::COMPARISONS,
        catalogue::CONVERSIONS,
        catalogue::MOVES,
    ];
    for form in Operand::ALL {
        assert!(all.iter().any(|part| part.iter().any(|case| case.operand == form)), "{form:?}");
    }
}
