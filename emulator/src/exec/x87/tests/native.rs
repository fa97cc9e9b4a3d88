//! Every instruction against the host's own, from random and extreme states.

use iced_x86::{Code, Decoder, DecoderOptions};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::{Bench, OPERAND};
use crate::exec::x87::soft::status::*;
use crate::state::{F80, X87, flag, gpr};

/// Room for every memory operand.
const AREA: usize = 112;
type Area = [u8; AREA];

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }

    fn significand(&mut self) -> u64 {
        let low = match self.below(6) {
            0 => 0,
            1 => self.next() >> 63,
            2 => u64::MAX,
            3 => self.next() << self.below(64),
            4 => (self.next() & 3) << 39 | (self.next() & 3) << 10 | (self.next() & 3),
            _ => self.next(),
        };
        low | 1 << 63
    }

    /// A register value: all classes, exponents near each other and near the edges.
    fn extended(&mut self) -> F80 {
        let significand = self.significand();
        let (exponent, significand) = match self.below(16) {
            0 => (0, 0),
            1 => (0x7fff, 1 << 63),
            2 => (0x7fff, significand),
            3 => (0, significand & !(1 << 63)),
            4 => (0, if self.below(4) == 0 { significand } else { significand >> self.below(64) }),
            5 => (self.next() as u16 & 0x7fff, self.next()),
            6 => (self.below(70) as u16, significand),
            7 => (0x7ffe - self.below(70) as u16, significand),
            8 => (16383 + 63 - self.below(70) as u16, significand),
            9 => (16383 - 127 - 24 + self.below(26) as u16, significand),
            10 => (16383 - 1023 - 53 + self.below(55) as u16, significand),
            11 => (16383 + [126, 127, 128, 1022, 1023, 1024][self.below(6) as usize], significand),
            12 => (self.next() as u16 & 0x7fff, significand),
            _ => (16383 - 4 + self.below(9) as u16, significand),
        };
        F80 { significand, sign_exponent: exponent | (self.next() as u16 & 1) << 15 }
    }

    /// Sixteen bytes of memory operand.
    fn operand(&mut self) -> Area {
        let mut bytes = [0; AREA];
        match self.below(5) {
            0 => {
                let value = self.extended();
                bytes[..8].copy_from_slice(&value.significand.to_le_bytes());
                bytes[8..10].copy_from_slice(&value.sign_exponent.to_le_bytes());
            }
            1 => {
                let exponent = [0, 0, 1, 127, 127, 128, 254, 255, 255][self.below(9) as usize];
                let fraction = if self.below(3) == 0 { 0 } else { self.next() as u32 >> self.below(23) };
                let value = exponent << 23 | fraction & 0x7f_ffff | (self.next() as u32) << 31;
                bytes[..4].copy_from_slice(&value.to_le_bytes());
            }
            2 => {
                let exponent = [0, 0, 1, 1023, 1023, 1024, 2046, 2047, 2047][self.below(9) as usize];
                let fraction = if self.below(3) == 0 { 0 } else { self.next() >> self.below(52) };
                let value = exponent << 52 | fraction & ((1 << 52) - 1) | self.next() << 63;
                bytes[..8].copy_from_slice(&value.to_le_bytes());
            }
            3 => {
                for byte in &mut bytes[..9] {
                    *byte = (self.below(10) << 4 | self.below(10)) as u8;
                }
                bytes[9] = (self.next() as u8) & 0x80;
            }
            _ => {
                for half in bytes[..16].chunks_exact_mut(8) {
                    half.copy_from_slice(&self.next().to_le_bytes());
                }
            }
        }
        bytes
    }

    /// A state that FRSTOR takes without leaving an exception pending.
    fn state(&mut self) -> X87 {
        let mut x = X87 { r: [F80::default(); 8], ..X87::default() };
        for value in &mut x.r {
            *value = self.extended();
        }
        let masks = if self.below(2) == 0 { 0x3f } else { self.next() as u16 & 0x3f };
        let precision = if self.below(2) == 0 { 3 } else { [0, 2, 3][self.below(3) as usize] };
        x.fcw = 0x40 | masks | precision << 8 | (self.next() as u16 & 3) << 10;
        x.fsw = self.next() as u16 & 0x4740 | self.next() as u16 & masks;
        x.top = self.next() as u8 & 7;
        x.empty = match self.below(4) {
            0 => self.next() as u8,
            1 => 0,
            // ST(5) to ST(7) empty: room for pushes.
            _ => (0xe0u16 << x.top | 0xe0u16 << x.top >> 8) as u8,
        };
        x
    }
}

fn operand_of(bench: &Bench) -> Area {
    let mut bytes = [0; AREA];
    bench.board.fabric.memory.read(OPERAND, &mut bytes);
    bytes
}

/// Random states for each instruction.
const CASES: u32 = 2000;

/// What an instruction left.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    pub x87: X87,
    pub tags: u16,
    pub operand: Area,
    pub ax: u16,
    pub status: u64,
}

/// One page of code: restore, instruction, save.
pub struct Native {
    page: *mut u8,
}

impl Native {
    pub fn new() -> Self {
        let rwx = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
        // SAFETY: a fresh private mapping at an address of the kernel's choice.
        let page = unsafe { mmap_anonymous(std::ptr::null_mut(), 4096, rwx, MapFlags::PRIVATE) };
        Self { page: page.expect("a page of code").cast() }
    }

    pub fn run(&mut self, bytes: &[u8], x: &X87, operand: Area, status: u64) -> After {
        let mut code = vec![0x51, 0x9d, 0xdd, 0x27]; // push rcx; popfq; frstor [rdi]
        code.extend_from_slice(bytes);
        code.extend_from_slice(&[0xdd, 0x32]); // fnsave [rdx]
        code.extend_from_slice(&[0x9c, 0x59, 0x49, 0x89, 0x08]); // pushfq; pop rcx; mov [r8], rcx
        code.extend_from_slice(&[0x49, 0x89, 0x40, 0x08, 0xc3]); // mov [r8+8], rax; ret
        let mut image = [0u8; 108];
        image[..2].copy_from_slice(&x.fcw.to_le_bytes());
        image[4..6].copy_from_slice(&x.status().to_le_bytes());
        image[8..10].copy_from_slice(&x.tag_word().to_le_bytes());
        for i in 0..8 {
            let at = 28 + 10 * usize::from(i);
            image[at..at + 8].copy_from_slice(&x.st(i).significand.to_le_bytes());
            image[at + 8..at + 10].copy_from_slice(&x.st(i).sign_exponent.to_le_bytes());
        }
        let mut saved = [0u8; 108];
        let mut operand = operand;
        let mut results = [0u64; 2];
        // SAFETY: `code` fits the page of `new`, which is writable and executable; it follows
        // the calling convention, touches memory through the five pointers only, each to a
        // live array of the size that it accesses, and leaves the x87 as FNSAVE does: empty
        // and with the default control word. The tested instruction has no other memory
        // operand than RSI's, and FNSAVE comes before a pending exception could trap.
        unsafe {
            std::ptr::copy_nonoverlapping(code.as_ptr(), self.page, code.len());
            let function: unsafe extern "sysv64" fn(*const u8, *mut u8, *mut u8, u64, *mut u64) =
                std::mem::transmute(self.page);
            let flags = status | 0x202;
            function(image.as_ptr(), operand.as_mut_ptr(), saved.as_mut_ptr(), flags, results.as_mut_ptr());
        }
        let half = |at: usize| u16::from_le_bytes([saved[at], saved[at + 1]]);
        let mut after = X87 { fcw: half(0), ..X87::default() };
        after.set_status(half(4));
        after.set_tag_word(half(8));
        for (i, bytes) in saved[28..].chunks_exact(10).enumerate() {
            let mut significand = [0; 8];
            significand.copy_from_slice(&bytes[..8]);
            let at = after.physical(i as u8);
            after.r[at] = F80 {
                significand: u64::from_le_bytes(significand),
                sign_exponent: u16::from_le_bytes([bytes[8], bytes[9]]),
            };
        }
        let tags = half(8);
        After { x87: after, tags, operand, ax: results[1] as u16, status: results[0] & flag::STATUS }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, unmapped once.
        unsafe { munmap(self.page.cast(), 4096) }.expect("unmapped");
    }
}

fn ours(bench: &mut Bench, bytes: &[u8], x: &X87, operand: Area, status: u64) -> After {
    bench.cpu.x87 = x.clone();
    bench.cpu.flags.set_status(status);
    bench.board.fabric.memory.write(OPERAND, &operand);
    bench.run(bytes).unwrap_or_else(|leave| panic!("{bytes:02x?} left by {leave:?}"));
    let x = bench.cpu.x87.clone();
    After {
        tags: x.tag_word(),
        x87: X87 {
            fop: 0,
            fip: 0,
            fcs: 0,
            fdp: 0,
            fds: 0,
            at_exception: crate::state::Pointers::default(),
            ..x
        },
        operand: operand_of(bench),
        ax: bench.cpu.gpr[usize::from(gpr::RAX)] as u16,
        status: bench.cpu.flags.status(),
    }
}

/// Where AMD's processors, which ours is, do what the manuals leave open or others do otherwise.
fn differs_by_vendor(code: Code) -> bool {
    use Code::*;
    matches!(
        code,
        Fcomi_st0_sti
            | Fucomi_st0_sti
            | Fcomip_st0_sti
            | Fucomip_st0_sti
            | Fstpnce_sti
            | Ffree_sti
            | Ffreep_sti
    ) || matches!(code, Fcmovb_st0_sti | Fcmove_st0_sti | Fcmovbe_st0_sti | Fcmovu_st0_sti)
        || matches!(code, Fcmovnb_st0_sti | Fcmovne_st0_sti | Fcmovnbe_st0_sti | Fcmovnu_st0_sti)
        || matches!(code, Fprem | Fprem1 | Fscale)
}

fn host_is_amd() -> bool {
    std::arch::x86_64::__cpuid(0).ecx == u32::from_le_bytes(*b"cAMD")
}

/// Every instruction that needs no special care, as its bytes; memory operands at RSI.
fn instructions() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for first in 0xd8..=0xdfu8 {
        for second in 0..=0xffu8 {
            let bytes = vec![first, second];
            if second < 0xc0 && second & 0xc7 != 6 {
                continue;
            }
            let instruction = Decoder::new(64, &bytes, DecoderOptions::NONE).decode();
            if instruction.is_invalid() || instruction.len() != 2 {
                continue;
            }
            match instruction.code() {
                // Environments have tests of their own; the rest is the 80287's alone.
                Code::Fldenv_m28byte | Code::Fnstenv_m28byte | Code::Frstor_m108byte => continue,
                Code::Fnsave_m108byte | Code::Frstpm | Code::Fnstdw_AX | Code::Fnstsg_AX => continue,
                Code::Fldcw_m2byte => continue,
                Code::Fsin | Code::Fcos | Code::Fsincos | Code::Fptan | Code::Fpatan => continue,
                Code::F2xm1 | Code::Fyl2x | Code::Fyl2xp1 => continue,
                Code::Ftstp | Code::Frint2 | Code::Frichop | Code::Frinear => continue,
                code if differs_by_vendor(code) && !host_is_amd() => continue,
                _ => all.push(bytes),
            }
        }
    }
    all
}

fn sixteen(area: Area) -> u128 {
    u128::from_le_bytes(area[..16].try_into().expect("sixteen bytes"))
}

/// Prints where two outcomes differ.
fn report(bytes: &[u8], x: &X87, operand: Area, status: u64, ours: &After, theirs: &After) {
    let code = Decoder::new(64, bytes, DecoderOptions::NONE).decode().code();
    let show = |v: F80| format!("{:04x}:{:016x}", v.sign_exponent, v.significand);
    println!(
        "{code:?} {bytes:02x?}: fcw {:04x} fsw {:04x} tags {:04x} eflags {status:x}, ST0 {} ST1 {} ST(i) {}, operand {:032x}",
        x.fcw,
        x.status(),
        x.tag_word(),
        show(x.st(0)),
        show(x.st(1)),
        show(x.st(bytes[1] & 7)),
        sixteen(operand),
    );
    for (name, a) in [("ours", ours), ("host", theirs)] {
        let mut line =
            format!("  {name}: fsw {:04x} tags {:04x} eflags {:x}", a.x87.status(), a.tags, a.status);
        for i in 0..8 {
            if ours.x87.r[i] != theirs.x87.r[i] {
                line += &format!(" R{i} {}", show(a.x87.r[i]));
            }
        }
        if ours.operand != theirs.operand {
            line += &format!(" operand {:032x}", sixteen(a.operand));
        }
        println!("{line}");
    }
}

#[test]
fn instructions_do_what_the_host_does() {
    let mut native = Native::new();
    let mut bench = Bench::new();
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
    let mut failures = 0;
    for bytes in instructions() {
        let mut failed = 0;
        for _ in 0..CASES {
            let x = rng.state();
            let operand = rng.operand();
            let status = rng.next() & flag::STATUS;
            let theirs = native.run(&bytes, &x, operand, status);
            let mut mine = ours(&mut bench, &bytes, &x, operand, status);
            if bytes != [0xdf, 0xe0] {
                mine.ax = theirs.ax;
            }
            if mine != theirs {
                failed += 1;
                if failed <= 3 {
                    report(&bytes, &x, operand, status, &mine, &theirs);
                }
            }
        }
        if failed > 0 {
            println!("=== {bytes:02x?}: {failed}");
        }
        failures += failed;
    }
    assert_eq!(failures, 0);
}

/// Environments and whole states, in both sizes of the protected-mode layout. The pointers to
/// the last instruction are not compared: hosts differ in when they save them.
#[test]
fn environments_are_those_of_the_host() {
    let mut native = Native::new();
    let mut bench = Bench::new();
    let mut rng = Rng(0xfeed_beef_0bad_cafe);
    let mut failures = 0;
    for (bytes, place) in [
        (&[0xd9, 0x2e][..], 0),
        (&[0xd9, 0x26], 4),
        (&[0xd9, 0x36], 4),
        (&[0xdd, 0x26], 4),
        (&[0xdd, 0x36], 4),
        (&[0x66, 0xd9, 0x26], 2),
        (&[0x66, 0xd9, 0x36], 2),
        (&[0x66, 0xdd, 0x26], 2),
        (&[0x66, 0xdd, 0x36], 2),
    ] {
        let mut failed = 0;
        for _ in 0..CASES {
            let x = rng.state();
            let mut operand = [0; AREA];
            operand.iter_mut().for_each(|byte| *byte = rng.next() as u8);
            let mut theirs = native.run(bytes, &x, operand, 0);
            let mut mine = ours(&mut bench, bytes, &x, operand, 0);
            mine.ax = theirs.ax;
            for after in [&mut mine, &mut theirs] {
                after.operand[3 * place..7 * place].fill(0);
            }
            if mine != theirs {
                failed += 1;
                if failed <= 3 {
                    report(bytes, &x, operand, 0, &mine, &theirs);
                    println!("{:02x?}\n{:02x?}", mine.operand, theirs.operand);
                }
            }
        }
        println!("=== {bytes:02x?}: {failed}");
        failures += failed;
    }
    assert_eq!(failures, 0);
}

/// Neighbours in the order of the extended format are one apart.
fn place(v: F80) -> i128 {
    let magnitude = i128::from(v.sign_exponent & 0x7fff) << 63 | i128::from(v.significand << 1 >> 1);
    if v.sign() { -magnitude } else { magnitude }
}

#[test]
fn transcendental_functions_are_near_the_host() {
    let mut native = Native::new();
    let mut bench = Bench::new();
    let mut rng = Rng(0x1234_5678_9abc_def1);
    let mut failures = 0;
    for second in [0xf0u8, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff] {
        let bytes = [0xd9, second];
        let (mut failed, mut exact, mut near) = (0, 0, 0);
        for _ in 0..10 * CASES {
            let x = rng.state();
            let theirs = native.run(&bytes, &x, [0; AREA], 0);
            let mine = ours(&mut bench, &bytes, &x, [0; AREA], 0);
            // The host calls exact logarithms inexact too.
            let difference = mine.x87.status() ^ theirs.x87.status();
            let logarithm = second == 0xf1 || second == 0xf9;
            let mask = if difference & PE != 0 || logarithm { !(PE | C1 | UE | ES | B) } else { !C1 };
            let mut bad = difference & mask != 0 || mine.x87.empty != theirs.x87.empty;
            for i in 0..8 {
                let (a, b) = (mine.x87.r[i], theirs.x87.r[i]);
                match place(a) - place(b) {
                    0 if a == b => exact += 1,
                    -1..=1 if !a.unordered() => near += 1,
                    _ => bad = true,
                }
            }
            if bad {
                failed += 1;
                if failed <= 12 {
                    report(&bytes, &x, [0; AREA], 0, &mine, &theirs);
                }
            }
        }
        println!("=== {bytes:02x?}: {failed} wrong, {near} near, {exact} equal");
        failures += failed;
    }
    assert_eq!(failures, 0);
}
