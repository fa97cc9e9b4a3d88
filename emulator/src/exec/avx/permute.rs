//! Permutations, broadcasts, halves of registers, and shifts by a count for each lane.

use std::marker::PhantomData;

use super::{Across, element, with_element};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::exec::sse::lanes::{Lane, Lanes};
use crate::exec::sse::shuffle::Shufpd;
use crate::exec::sse::{Numeric, Packed, Wide};

// --- within lanes ----------------------------------------------------------------------------

/// VPERMILPS with a register of places
pub struct Vpermilps;

impl Packed<u128> for Vpermilps {
    #[inline(always)]
    fn compute(a: u128, b: u128, _: u8) -> u128 {
        u128::map(b, b, |place: u32, _| (a >> (32 * (place & 3))) as u32)
    }
}

/// VPERMILPD with a register of places
pub struct Vpermilpd;

impl Packed<u128> for Vpermilpd {
    #[inline(always)]
    fn compute(a: u128, b: u128, _: u8) -> u128 {
        u128::map(b, b, |place: u64, _| (a >> (64 * (place >> 1 & 1))) as u64)
    }
}

/// VPERMILPD with an immediate
pub struct VpermilpdImmediate;

impl Packed<u128> for VpermilpdImmediate {
    const LANE_IMMEDIATE: usize = Shufpd::LANE_IMMEDIATE;

    #[inline(always)]
    fn compute(_: u128, b: u128, imm: u8) -> u128 {
        Shufpd::compute(b, b, imm)
    }
}

/// Declares shifts of each lane by the count in the other operand: `Name = |lane, count| result;`
macro_rules! shifts {
    ($($(#[$doc:meta])* $name:ident = |$x:ident: $type:ty, $count:ident| $result:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl Packed<u128> for $name {
            #[inline(always)]
            fn compute(a: u128, b: u128, _: u8) -> u128 {
                u128::map(a, b, |$x: $type, $count| $result)
            }
        }
    )*};
}

shifts! {
    /// VPSLLVD
    Vpsllvd = |x: u32, count| x.checked_shl(count).unwrap_or(0);
    /// VPSLLVQ
    Vpsllvq = |x: u64, count| if count < 64 { x << count } else { 0 };
    /// VPSRLVD
    Vpsrlvd = |x: u32, count| x.checked_shr(count).unwrap_or(0);
    /// VPSRLVQ
    Vpsrlvq = |x: u64, count| if count < 64 { x >> count } else { 0 };
    /// VPSRAVD
    Vpsravd = |x: i32, count| x >> (count as u32).min(31);
}

/// VBROADCASTSS, VBROADCASTSD, VBROADCASTF128 and their integer kin, by the type of what is
/// repeated.
pub struct Broadcast<L>(PhantomData<L>);

impl<L: Lane> Numeric for Broadcast<L> {
    #[inline(always)]
    fn compute(_: u32, _: u128, src: u128, _: u8) -> (u128, u32) {
        let value = L::get(&src.to_le_bytes(), 0);
        (u128::map(src, src, |_: L, _| value), 0)
    }
}

/// VBROADCASTF128, VBROADCASTI128
pub struct Broadcast128;

impl Numeric for Broadcast128 {
    #[inline(always)]
    fn compute(_: u32, _: u128, src: u128, _: u8) -> (u128, u32) {
        (src, 0)
    }
}

// --- across lanes ----------------------------------------------------------------------------

/// VPERMD, VPERMPS: the first source tells the places.
pub struct Vpermd;

impl Across for Vpermd {
    fn compute(a: [u128; 2], b: [u128; 2], _: u8) -> [u128; 2] {
        (0..8).fold([0; 2], |out, nth| {
            let place = element::<32>(a, nth) as usize & 7;
            with_element::<32>(out, nth, element::<32>(b, place))
        })
    }
}

/// VPERMQ, VPERMPD
pub struct Vpermq;

impl Across for Vpermq {
    fn compute(_: [u128; 2], b: [u128; 2], imm: u8) -> [u128; 2] {
        (0..4).fold([0; 2], |out, nth| {
            let place = usize::from(imm >> (2 * nth) & 3);
            with_element::<64>(out, nth, element::<64>(b, place))
        })
    }
}

/// VPERM2F128, VPERM2I128
pub struct Vperm2f128;

impl Across for Vperm2f128 {
    fn compute(a: [u128; 2], b: [u128; 2], imm: u8) -> [u128; 2] {
        let half = |control: u8| match control & 0b1011 {
            0 => a[0],
            1 => a[1],
            2 => b[0],
            3 => b[1],
            _ => 0,
        };
        [half(imm), half(imm >> 4)]
    }
}

/// VINSERTF128, VINSERTI128
pub struct Vinsertf128;

impl Across for Vinsertf128 {
    fn compute(a: [u128; 2], b: [u128; 2], imm: u8) -> [u128; 2] {
        if imm & 1 == 0 { [b[0], a[1]] } else { [a[0], b[0]] }
    }
}

/// VEXTRACTF128, VEXTRACTI128: `op xmm, ymm, imm8`
pub fn extract_reg(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    half(cpu, op).put(cpu, op.dst);
    Ok(())
}

/// VEXTRACTF128, VEXTRACTI128: `op m128, ymm, imm8`
pub fn extract_mem(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.avx()?;
    cpu.write(board, op, half(cpu, op))
}

fn half(cpu: &Cpu, op: &Op) -> u128 {
    <[u128; 2]>::get(cpu, op.src)[op.imm as usize & 1]
}
