//! Operand sizes as types: a handler is written once over [`Word`] and exists for each size.

use std::fmt::Debug;
use std::ops::{BitAnd, BitOr, BitXor, Not, Shl, Shr};

use crate::cpu::Cpu;
use crate::mmu::access::Plain;

/// An integer operand of 8, 16, 32 or 64 bits.
pub trait Word:
    Plain
    + Debug
    + PartialEq
    + Eq
    + PartialOrd
    + Not<Output = Self>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
    + 'static
{
    /// Width in bits.
    const BITS: u32;
    /// Width in bytes.
    const BYTES: u64 = Self::BITS as u64 / 8;
    /// Zero.
    const ZERO: Self;

    /// The low bits of `value`.
    fn cut(value: u64) -> Self;
    /// Zero-extended.
    fn zext(self) -> u64;
    /// Sign-extended.
    fn sext(self) -> u64;
    /// Sum modulo the width.
    fn add(self, other: Self) -> Self;
    /// Difference modulo the width.
    fn sub(self, other: Self) -> Self;
    /// Rotated left, by a count modulo the width.
    fn rotl(self, count: u32) -> Self;
    /// Rotated right, by a count modulo the width.
    fn rotr(self, count: u32) -> Self;
    /// Reads a general register. For bytes, numbers 16 to 23 with bit 4 set mean AH, CH, DH, BH.
    fn get(cpu: &Cpu, register: u8) -> Self;
    /// Writes a general register: 32-bit writes clear the upper half, narrower ones keep it.
    fn set(cpu: &mut Cpu, register: u8, value: Self);
}

macro_rules! word_arithmetic {
    ($type:ty, $signed:ty) => {
        const BITS: u32 = <$type>::BITS;
        const ZERO: Self = 0;
        #[inline(always)]
        fn cut(value: u64) -> Self {
            value as $type
        }
        #[inline(always)]
        fn zext(self) -> u64 {
            self as u64
        }
        #[inline(always)]
        fn sext(self) -> u64 {
            self as $signed as i64 as u64
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            self.wrapping_add(other)
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            self.wrapping_sub(other)
        }
        #[inline(always)]
        fn rotl(self, count: u32) -> Self {
            self.rotate_left(count)
        }
        #[inline(always)]
        fn rotr(self, count: u32) -> Self {
            self.rotate_right(count)
        }
    };
}

/// The number by which byte instructions name the high byte of register 0 to 3.
pub const HIGH_BYTE: u8 = 16;

impl Word for u8 {
    word_arithmetic!(u8, i8);

    #[inline(always)]
    fn get(cpu: &Cpu, register: u8) -> Self {
        (cpu.gpr[usize::from(register & 15)] >> ((register & HIGH_BYTE) >> 1)) as u8
    }

    #[inline(always)]
    fn set(cpu: &mut Cpu, register: u8, value: Self) {
        let shift = (register & HIGH_BYTE) >> 1;
        let slot = &mut cpu.gpr[usize::from(register & 15)];
        *slot = *slot & !(0xff << shift) | u64::from(value) << shift;
    }
}

impl Word for u16 {
    word_arithmetic!(u16, i16);

    #[inline(always)]
    fn get(cpu: &Cpu, register: u8) -> Self {
        cpu.gpr[usize::from(register & 31)] as u16
    }

    #[inline(always)]
    fn set(cpu: &mut Cpu, register: u8, value: Self) {
        let slot = &mut cpu.gpr[usize::from(register & 31)];
        *slot = *slot & !0xffff | u64::from(value);
    }
}

impl Word for u32 {
    word_arithmetic!(u32, i32);

    #[inline(always)]
    fn get(cpu: &Cpu, register: u8) -> Self {
        cpu.gpr[usize::from(register & 31)] as u32
    }

    #[inline(always)]
    fn set(cpu: &mut Cpu, register: u8, value: Self) {
        cpu.gpr[usize::from(register & 31)] = u64::from(value);
    }
}

impl Word for u64 {
    word_arithmetic!(u64, i64);

    #[inline(always)]
    fn get(cpu: &Cpu, register: u8) -> Self {
        cpu.gpr[usize::from(register & 31)]
    }

    #[inline(always)]
    fn set(cpu: &mut Cpu, register: u8, value: Self) {
        cpu.gpr[usize::from(register & 31)] = value;
    }
}
