//! RDRAND and RDSEED: numbers from the configured seed.
//!
//! Both draw from one sequence, SplitMix64 (Steele, Lea, Flood 2014), whose one word of state is
//! part of the processor's: equal configs and runs give equal numbers. They always succeed.

use super::{Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::state::flag;

/// The next number of the sequence.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// RDRAND, RDSEED: CF tells of success, the other flags become clear.
pub fn random<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let value = next(&mut cpu.random);
    W::set(cpu, op.dst, W::cut(value));
    cpu.flags.set_status(flag::CF);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sequence_is_that_of_the_reference() {
        let mut state = 1_234_567;
        let first: Vec<u64> = (0..3).map(|_| super::next(&mut state)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
