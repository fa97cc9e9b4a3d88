//! Fills and searches: sections 3.2 and 3.15 of the contract.

use ringhold_debugapi::HResult;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA, RAM_BYTES, ROM, Seen, WINDOW};

const PAGE: u64 = 0x40_0000;

fn bench() -> Bench {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.map(PAGE + 0x1000, DATA + 0x3000, 0);
    bench.map(PAGE + 0x3000, DATA + 0x1000, RW);
    bench
}

#[test]
fn the_last_copy_of_a_pattern_is_cut_off() {
    let mut bench = bench();
    assert_eq!(bench.spaces().fill_virtual(PAGE, 21, b"abcdefgh").unwrap().count, 21);
    assert_eq!(bench.bytes(DATA, 22), b"abcdefghabcdefghabcde\0");
    assert_eq!(bench.spaces().fill_physical(DATA, 2, b"xyz").unwrap().count, 2);
    assert_eq!(bench.bytes(DATA, 3), b"xyc");
}

#[test]
fn a_fill_stops_at_a_hole_and_fails_in_one() {
    let mut bench = bench();
    assert_eq!(bench.spaces().fill_virtual(PAGE, u32::MAX, b"xyz").unwrap().count, 0x2000);
    assert_eq!(bench.bytes(DATA + 0xfff, 1), b"x");
    assert_eq!(bench.bytes(DATA + 0x3000, 2), b"yz");
    assert_eq!(
        bench.spaces().fill_virtual(PAGE + 0x2000, 8, &[1]).unwrap_err().hresult(),
        HResult::WRITE_FAULT
    );
    let filled = bench.spaces().fill_physical(DATA, u32::MAX, &[0]).unwrap();
    assert_eq!(filled.count as u64, RAM_BYTES - DATA);
}

#[test]
fn an_empty_pattern_is_invalid() {
    let mut bench = bench();
    assert_eq!(bench.spaces().fill_virtual(PAGE, 8, &[]).unwrap_err().hresult(), HResult::INVALIDARG);
    let spaces = bench.spaces();
    for (pattern, granularity) in [(&b""[..], 1), (b"a", 0), (b"abc", 2), (b"a", 2)] {
        let error = spaces.search_virtual(PAGE, 100, pattern, granularity, false).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
    }
}

#[test]
fn a_match_may_straddle_a_page_boundary_and_not_the_end() {
    let mut bench = bench();
    bench.spaces().write_virtual(PAGE + 0xffe, b"find").unwrap();
    let spaces = bench.spaces();
    assert_eq!(spaces.search_virtual(PAGE, 0x2000, b"find", 1, false), Ok(PAGE + 0xffe));
    assert_eq!(spaces.search_virtual(PAGE, 0x1002, b"find", 1, false), Ok(PAGE + 0xffe));
    let error = spaces.search_virtual(PAGE, 0x1001, b"find", 1, false).unwrap_err();
    assert_eq!(error.hresult(), HResult(0x9000_001a));
    assert_eq!(spaces.search_virtual(PAGE + 1, 0x2000, b"find", 2, false).ok(), None, "granularity");
    assert_eq!(spaces.search_virtual(PAGE, 0x2000, b"find", 2, false), Ok(PAGE + 0xffe));
}

#[test]
fn holes_are_stepped_over_quickly_and_never_matched_across() {
    let mut bench = bench();
    bench.spaces().write_virtual(PAGE + 0x1ffe, b"fi").unwrap();
    bench.spaces().write_virtual(PAGE + 0x3000, b"ndfind").unwrap();
    let spaces = bench.spaces();
    assert_eq!(spaces.search_virtual(PAGE, 0x4000, b"find", 1, false), Ok(PAGE + 0x3002));
    // The whole address space, whose tables are nearly empty.
    assert_eq!(spaces.search_virtual(0, u64::MAX, b"find", 1, false), Ok(PAGE + 0x3002));
    assert!(spaces.search_virtual(PAGE + 0x3003, u64::MAX, b"find", 1, false).is_err());
    assert!(spaces.search_virtual(u64::MAX, u64::MAX, b"find", 1, false).is_err());
}

#[test]
fn the_whole_space_is_searched_in_every_mode() {
    for mode in [Mode::Off, Mode::Legacy, Mode::Pae, Mode::Level4, Mode::Level5] {
        let mut bench = if mode == Mode::Off { Bench::new() } else { Bench::paged(mode) };
        let at = if mode == Mode::Off { DATA } else { 0xffff_ffff_c000_0000 };
        if mode != Mode::Off {
            bench.map(at, DATA, RW);
        }
        bench.poke(DATA, b"needle");
        let first = if matches!(mode, Mode::Legacy | Mode::Pae) { at & 0xffff_ffff } else { at };
        let spaces = bench.spaces();
        assert_eq!(spaces.search_virtual(0, u64::MAX, b"needle", 1, false), Ok(first), "{mode:?}");
        assert_eq!(
            spaces.search_virtual(first + 1, u64::MAX, b"needle", 1, false).ok(),
            match mode {
                Mode::Legacy | Mode::Pae => Some(at),
                _ => None,
            }
        );
    }
}

#[test]
fn writable_only_leaves_out_what_software_cannot_write() {
    let mut bench = bench();
    bench.map(PAGE + 0x4000, ROM, RW);
    bench.poke(DATA + 0x3000, b"key");
    bench.poke(ROM, b"key");
    let spaces = bench.spaces();
    assert_eq!(spaces.search_virtual(PAGE, 0x5000, b"key", 1, false), Ok(PAGE + 0x1000));
    assert_eq!(spaces.search_virtual(PAGE + 0x1001, 0x5000, b"key", 1, false), Ok(PAGE + 0x4000));
    assert!(spaces.search_virtual(PAGE, 0x5000, b"key", 1, true).is_err());
}

#[test]
fn a_search_touches_no_device() {
    let mut bench = bench();
    bench.map(PAGE + 0x4000, WINDOW, RW);
    assert!(bench.spaces().search_virtual(PAGE, 0x10000, &[8; 8], 1, false).is_err());
    assert_eq!(bench.seen(), [] as [Seen; 0]);
}

#[test]
fn overlapping_matches_are_found_from_the_match_plus_granularity() {
    let mut bench = bench();
    bench.poke(DATA, b"aaa");
    let spaces = bench.spaces();
    assert_eq!(spaces.search_virtual(PAGE, 100, b"aa", 1, false), Ok(PAGE));
    assert_eq!(spaces.search_virtual(PAGE + 1, 99, b"aa", 1, false), Ok(PAGE + 1));
}
