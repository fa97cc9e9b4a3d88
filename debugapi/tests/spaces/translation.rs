//! Translation: section 3.13 of the contract.

use ringhold_debugapi::HResult;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA};

const PAGE: u64 = 0x40_0000;

#[test]
fn offsets_are_the_entries_and_then_the_address() {
    for (mode, leaf, levels) in [
        (Mode::Level5, 1, 6),
        (Mode::Level5, 2, 5),
        (Mode::Level4, 1, 5),
        (Mode::Level4, 2, 4),
        (Mode::Pae, 1, 4),
        (Mode::Pae, 2, 3),
        (Mode::Legacy, 1, 3),
        (Mode::Legacy, 2, 2),
    ] {
        let mut bench = Bench::paged(mode);
        bench.map_large(PAGE, if leaf == 1 { DATA } else { 0 }, RW, leaf);
        let (entry, _) = bench.leaf(PAGE);
        let spaces = bench.spaces();
        let translation = spaces.translation_offsets(PAGE + 0x123).unwrap();
        assert!(translation.complete);
        assert_eq!(translation.offsets.len(), levels, "{mode:?} {leaf}");
        assert_eq!(translation.offsets[levels - 1], spaces.virtual_to_physical(PAGE + 0x123).unwrap());
        assert_eq!(translation.offsets[levels - 2], entry);
        assert_eq!(translation.hresult(None), HResult::OK, "a size query");
        assert_eq!(translation.hresult(Some(levels)), HResult::OK);
        assert_eq!(translation.hresult(Some(levels - 1)), HResult::FALSE);
    }
}

#[test]
fn without_paging_there_is_the_address_alone() {
    let mut bench = Bench::new();
    assert_eq!(bench.spaces().translation_offsets(0x1234).unwrap().offsets, [0x1234]);
}

#[test]
fn a_walk_that_fails_gives_the_entries_visited() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let spaces = bench.spaces();
    for (address, levels) in [(PAGE + 0x1000, 4), (PAGE + (1 << 30), 2), (1 << 40, 1), (1 << 63, 0)] {
        let translation = spaces.translation_offsets(address).unwrap();
        assert_eq!((translation.complete, translation.offsets.len()), (false, levels));
        assert_eq!(translation.hresult(Some(9)), HResult(0xd000_0147));
        assert_eq!(spaces.virtual_to_physical(address).unwrap_err().hresult(), HResult(0xd000_0147));
    }
}
