//! How an instruction is encoded: what may hold it back, which registers its operands are, how
//! wide they are, and what becomes of the upper half of the destination.

use super::{Aligned, Source};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::{Leave, Step};
use crate::mmu::access::Plain;

/// A register's value as lanes of 128 bits: XMM has one, YMM two.
pub trait Wide: Plain {
    /// How many lanes.
    const LANES: usize;
    /// Lane by lane, with the lane's number.
    fn each(a: Self, b: Self, f: impl FnMut(usize, u128, u128) -> u128) -> Self;
    /// The value whose lanes are given by number.
    fn of(f: impl FnMut(usize) -> u128) -> Self;
    /// Lane `nth`, below [`Self::LANES`].
    fn lane(self, nth: usize) -> u128;
    /// Reads a vector register.
    fn get(cpu: &Cpu, number: u8) -> Self;
    /// Writes a vector register and clears what is above, as VEX has it.
    fn put(self, cpu: &mut Cpu, number: u8);
}

impl Wide for u128 {
    const LANES: usize = 1;

    #[inline(always)]
    fn each(a: Self, b: Self, mut f: impl FnMut(usize, u128, u128) -> u128) -> Self {
        f(0, a, b)
    }

    #[inline(always)]
    fn of(mut f: impl FnMut(usize) -> u128) -> Self {
        f(0)
    }

    #[inline(always)]
    fn lane(self, _: usize) -> u128 {
        self
    }

    #[inline(always)]
    fn get(cpu: &Cpu, number: u8) -> Self {
        cpu.xmm(number)
    }

    #[inline(always)]
    fn put(self, cpu: &mut Cpu, number: u8) {
        [self, 0].put(cpu, number);
    }
}

impl Wide for [u128; 2] {
    const LANES: usize = 2;

    #[inline(always)]
    fn each(a: Self, b: Self, mut f: impl FnMut(usize, u128, u128) -> u128) -> Self {
        [f(0, a[0], b[0]), f(1, a[1], b[1])]
    }

    #[inline(always)]
    fn of(mut f: impl FnMut(usize) -> u128) -> Self {
        [f(0), f(1)]
    }

    #[inline(always)]
    fn lane(self, nth: usize) -> u128 {
        self[nth & 1]
    }

    #[inline(always)]
    fn get(cpu: &Cpu, number: u8) -> Self {
        let number = usize::from(number & 15);
        [cpu.vector.xmm[number], cpu.vector.ymm_high[number]]
    }

    #[inline(always)]
    fn put(self, cpu: &mut Cpu, number: u8) {
        let number = usize::from(number & 15);
        [cpu.vector.xmm[number], cpu.vector.ymm_high[number]] = self;
    }
}

/// The encoding of an instruction.
pub trait Encoding {
    /// What its operands hold.
    type Value: Wide;
    /// Raises what the instruction raises when it may not run.
    ///
    /// # Errors
    /// #UD or #NM, raised.
    fn ready(cpu: &mut Cpu) -> Step;
    /// The register of the first source operand.
    fn first(op: &Op) -> u8;
    /// The register of the last source operand.
    fn second(op: &Op) -> u8;
    /// Writes a vector register.
    fn put(cpu: &mut Cpu, number: u8, value: Self::Value);
    /// Writes 128 bits to a vector register.
    fn put_xmm(cpu: &mut Cpu, number: u8, value: u128);
    /// Reads a whole memory operand.
    ///
    /// # Errors
    /// A fault, raised.
    fn load(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<Self::Value, Leave>;
}

/// Without VEX: two operands, the first of which is the destination too and keeps its upper half;
/// memory operands must be aligned.
pub struct Legacy;
/// VEX.128, and VEX.LIG: three operands; the upper half of the destination is cleared.
pub struct Vex128;
/// VEX.256
pub struct Vex256;

impl Encoding for Legacy {
    type Value = u128;

    #[inline(always)]
    fn ready(cpu: &mut Cpu) -> Step {
        cpu.sse()
    }

    #[inline(always)]
    fn first(op: &Op) -> u8 {
        op.dst
    }

    #[inline(always)]
    fn second(op: &Op) -> u8 {
        op.src
    }

    #[inline(always)]
    fn put(cpu: &mut Cpu, number: u8, value: u128) {
        cpu.set_xmm(number, value);
    }

    #[inline(always)]
    fn put_xmm(cpu: &mut Cpu, number: u8, value: u128) {
        cpu.set_xmm(number, value);
    }

    #[inline(always)]
    fn load(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<u128, Leave> {
        Aligned::load(cpu, board, op)
    }
}

/// Lowering gives VEX instructions of two operands the second one as `src` and as `aux`.
macro_rules! vex {
    ($name:ident, $value:ty) => {
        impl Encoding for $name {
            type Value = $value;

            #[inline(always)]
            fn ready(cpu: &mut Cpu) -> Step {
                cpu.avx()
            }

            #[inline(always)]
            fn first(op: &Op) -> u8 {
                op.src
            }

            #[inline(always)]
            fn second(op: &Op) -> u8 {
                op.aux
            }

            #[inline(always)]
            fn put(cpu: &mut Cpu, number: u8, value: $value) {
                value.put(cpu, number);
            }

            #[inline(always)]
            fn put_xmm(cpu: &mut Cpu, number: u8, value: u128) {
                value.put(cpu, number);
            }

            #[inline(always)]
            fn load(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<$value, Leave> {
                cpu.read(board, op)
            }
        }
    };
}

vex!(Vex128, u128);
vex!(Vex256, [u128; 2]);

impl Cpu {
    /// Raises what an instruction with VEX raises when it may not run (SDM volume 2, tables 2-20
    /// and following). CR0.EM plays no part.
    ///
    /// # Errors
    /// #UD without CR4.OSXSAVE, without SSE and AVX state in XCR0, in real and virtual-8086 mode;
    /// #NM for CR0.TS.
    #[inline(always)]
    pub fn avx(&mut self) -> Step {
        if self.avx_ready { Ok(()) } else { Err(self.avx_unavailable()) }
    }

    #[cold]
    #[inline(never)]
    fn avx_unavailable(&mut self) -> Leave {
        if self.avx_enabled() { self.nm() } else { self.ud() }
    }
}
