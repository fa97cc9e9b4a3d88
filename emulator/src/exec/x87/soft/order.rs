//! Comparison and classification.

use super::status::*;
use super::{Env, Kind};
use crate::state::F80;

/// The condition codes of a comparison: C3 equal, C0 less, all three unordered. `quiet` keeps
/// quiet NaNs from raising #IA.
#[inline]
pub fn compare(env: &mut Env, a: F80, b: F80, quiet: bool) -> u16 {
    if !(a.normal() && b.normal()) {
        if a.unordered() || b.unordered() {
            let tolerated = |v: F80| matches!(v.kind(), Kind::Signalling | Kind::Unsupported);
            if !quiet || tolerated(a) || tolerated(b) {
                env.flags |= IE;
            }
            return C0 | C2 | C3;
        }
        env.note_denormal(a);
        env.note_denormal(b);
    }
    let key = |v: F80| {
        // Pseudo-denormals count as the normal numbers that they equal.
        let exponent = if v.exponent() == 0 { (v.significand >> 63) as i32 } else { v.exponent() };
        let magnitude = (u128::from(exponent as u32) << 64 | u128::from(v.significand)) as i128;
        if v.sign() { -magnitude } else { magnitude }
    };
    match key(a).cmp(&key(b)) {
        std::cmp::Ordering::Less => C0,
        std::cmp::Ordering::Equal => C3,
        std::cmp::Ordering::Greater => 0,
    }
}

/// FXAM: the class of a register that is not empty, and its sign in C1.
pub fn examine(a: F80) -> u16 {
    let class = match a.kind() {
        Kind::Unsupported => 0,
        Kind::Quiet | Kind::Signalling => C0,
        Kind::Finite if a.exponent() == 0 => C2 | C3,
        Kind::Finite => C2,
        Kind::Infinity => C2 | C0,
        Kind::Zero => C3,
    };
    if a.sign() { class | C1 } else { class }
}
