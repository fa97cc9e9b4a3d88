//! What the block cache knows blocks by.

use super::block::BlockCache;
use super::lower::is_offered;
use crate::board::Board;
use crate::memory::{Memory, Range};
use crate::model::{CpuModel, Feature};
use crate::state::{Segment, sreg};
use crate::time::Clock;
use crate::{Machine, memory::PAGE};

/// Where the code is, in real mode.
const CODE: u64 = 0x1000;

/// A machine with these processors, all about to execute `code`.
fn machine(models: Vec<CpuModel>, code: &[u8]) -> Machine {
    let mut memory = Memory::new(16 * PAGE).unwrap();
    memory.map_mut().add(Range::ram(0, 16 * PAGE, 0)).unwrap();
    memory.write(CODE, code);
    let mut machine = Machine::new(Board::new(memory, Clock::new(1), models.len()), models);
    for cpu in &mut machine.cpus {
        cpu.seg[usize::from(sreg::CS)] = Segment::real(0, true);
        cpu.rip = CODE;
        cpu.refresh();
    }
    machine
}

#[test]
fn processors_that_decode_alike_share_blocks_and_others_do_not() {
    let everything = CpuModel::everything();
    let mut without = everything.clone();
    without.features.set(Feature::Popcnt, false);
    let mut intel = everything.clone();
    intel.vendor = "GenuineIntel".into();
    // POPCNT AX,CX; HLT
    let models = vec![everything.clone(), without, everything, intel];
    let Machine { mut cpus, mut board, .. } = machine(models, &[0xf3, 0x0f, 0xb8, 0xc1, 0xf4]);
    let mut code = BlockCache::default();
    let mut found = |nth: usize| {
        let index = code.known_or_found(&mut cpus[nth], &mut board).unwrap();
        (index, is_offered(&code.block(index).ops[0]))
    };
    let (first, second, third, fourth) = (found(0), found(1), found(2), found(3));
    assert_eq!([first.1, second.1, third.1, fourth.1], [true, false, true, true]);
    assert_eq!(first.0, third.0);
    assert_ne!(first.0, second.0);
    assert_ne!(first.0, fourth.0);
    // What is known is found again, by each its own.
    assert_eq!([found(0), found(1), found(2), found(3)], [first, second, third, fourth]);
}
