use ringhold_emulator::memory::{Memory, Range};

use super::*;

/// Memory of `bytes`, mapped as the builder does.
pub(super) fn memory(bytes: u64) -> Memory {
    let mut memory = Memory::new(bytes).unwrap();
    for (start, end) in Layout::new(bytes).ram() {
        memory.map_mut().add(Range::ram(start, end - start, start)).unwrap();
    }
    memory
}
