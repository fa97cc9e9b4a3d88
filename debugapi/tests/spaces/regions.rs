//! What lies where in virtual memory: sections 3.16 and 3.19 of the contract.
#![allow(clippy::disallowed_types, reason = "the host's time that a call takes is measured")]

use std::time::{Duration, Instant};

use ringhold_debugapi::HResult;
use ringhold_debugapi::spaces::{VirtualSource, region};
use ringhold_emulator::memory::View;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::{PCD, PWT, RW, US, XD};

use crate::bench::{Bench, DATA, HOLE, RAM_BYTES, ROM, Seen, WINDOW};

const PAGE: u64 = 0x40_0000;
const HIGH: u64 = 0xffff_8000_0000_0000;

fn next(bench: &mut Bench, offset: u64) -> Option<u64> {
    match bench.spaces().next_differently_valid_offset_virtual(offset) {
        Ok(next) => Some(next),
        Err(error) => {
            assert_eq!(error.hresult(), HResult(0x9000_001a));
            None
        }
    }
}

/// The bench with three pages: RAM at PAGE and PAGE + 0x1000, RAM at HIGH.
fn bench() -> Bench {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.map(PAGE + 0x1000, DATA + 0x1000, 0);
    bench.map(HIGH, DATA + 0x2000, RW);
    bench
}

#[test]
fn the_next_difference_is_the_next_edge_of_a_run() {
    let mut bench = bench();
    for (offset, edge) in [
        (0, Some(PAGE)),
        (PAGE - 1, Some(PAGE)),
        (PAGE, Some(PAGE + 0x2000)),
        (PAGE + 0x1fff, Some(PAGE + 0x2000)),
        (PAGE + 0x2000, Some(HIGH)),
        (1 << 47, Some(HIGH)),
        (HIGH + 5, Some(HIGH + 0x1000)),
        (HIGH + 0x1000, None),
        (u64::MAX, None),
    ] {
        assert_eq!(next(&mut bench, offset), edge, "{offset:#x}");
    }
}

#[test]
fn the_last_page_has_no_next_difference() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(0u64.wrapping_sub(0x1000), DATA, RW);
    assert_eq!(next(&mut bench, 0), Some(0u64.wrapping_sub(0x1000)));
    assert_eq!(next(&mut bench, u64::MAX - 7), None);
}

#[test]
fn edges_are_found_in_every_mode() {
    for mode in [Mode::Legacy, Mode::Pae, Mode::Level4, Mode::Level5] {
        let mut bench = Bench::paged(mode);
        bench.map(PAGE, DATA, RW);
        bench.map_large(0x80_0000, 0, RW, 2);
        assert_eq!(next(&mut bench, 0), Some(PAGE), "{mode:?}");
        assert_eq!(next(&mut bench, PAGE), Some(PAGE + 0x1000), "{mode:?}");
        assert_eq!(next(&mut bench, PAGE + 0x1000), Some(0x80_0000), "{mode:?}");
        // The large page leads to RAM and then to nothing.
        assert_eq!(next(&mut bench, 0x80_0000), Some(0x80_0000 + RAM_BYTES), "{mode:?}");
    }
    let mut bench = Bench::new();
    assert_eq!(next(&mut bench, 5), Some(RAM_BYTES));
    assert_eq!(next(&mut bench, RAM_BYTES), Some(WINDOW));
    assert_eq!(next(&mut bench, WINDOW), Some(WINDOW + 0x1000));
    assert_eq!(next(&mut bench, WINDOW + 0x1000), Some(ROM));
    // 32-bit addresses may come sign-extended.
    assert_eq!(next(&mut bench, ROM + 0x1000), Some(0xffff_ffff_0000_0000 | WINDOW));
}

#[test]
fn an_edge_is_where_reads_begin_or_end_to_succeed() {
    let mut bench = bench();
    bench.map(PAGE + 0x3000, HOLE, RW);
    bench.map(PAGE + 0x4000, ROM, RW);
    bench.map(PAGE + 0x5000, RAM_BYTES - 0x1000, US);
    for page in 0..16 {
        let at = PAGE - 0x4000 + page * 0x1000;
        let valid = bench.spaces().read_virtual(at, &mut [0]).is_ok();
        let source = bench.spaces().offset_information(0, 1, at).unwrap();
        assert_eq!(source == VirtualSource::Debuggee, valid, "{at:#x}");
        let edge = next(&mut bench, at).unwrap();
        for other in (at..edge).step_by(0x1000).take(16) {
            assert_eq!(bench.spaces().read_virtual(other, &mut [0]).is_ok(), valid, "{other:#x}");
        }
        assert_ne!(bench.spaces().read_virtual(edge, &mut [0]).is_ok(), valid, "{edge:#x}");
    }
}

#[test]
fn an_empty_half_costs_microseconds() {
    for mode in [Mode::Level4, Mode::Level5] {
        let mut bench = Bench::paged(mode);
        bench.map(0x7fff_ffff_f000, DATA, RW);
        let began = Instant::now();
        for _ in 0..100 {
            assert_eq!(next(&mut bench, 0x7fff_ffff_f000), Some(0x8000_0000_0000));
            assert_eq!(next(&mut bench, 0x8000_0000_0000), None);
            assert_eq!(next(&mut bench, 0), Some(0x7fff_ffff_f000));
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

#[test]
fn tables_that_map_each_other_over_and_over_cost_one_pass() {
    // Every entry of each level leads to the same table: 2^36 pages, all of them valid.
    for last in [DATA | 7, 0] {
        let mut bench = Bench::paged(Mode::Level4);
        let root = bench.machine.cpus[0].control.cr3;
        for level in 0..4 {
            let table = root + level * 0x1000;
            let entry = if level == 3 { last } else { (table + 0x1000) | 7 };
            bench.poke(table, &entry.to_le_bytes().repeat(512));
        }
        let began = Instant::now();
        assert_eq!(next(&mut bench, 0x1000), if last == 0 { None } else { Some(1 << 47) });
        let info = bench.spaces().query_virtual(0x1234).unwrap();
        assert_eq!((info.base_address, info.region_size), (0x1000, (1 << 47) - 0x1000));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        // A difference in rights above a table is one of the pages below it.
        bench.poke(root + 8, &((root + 0x1000) | 5).to_le_bytes());
        let info = bench.spaces().query_virtual(0).unwrap();
        let size = if last == 0 { 1 << 47 } else { 1 << 39 };
        assert_eq!(info.region_size, size);
    }
}

#[test]
fn the_valid_region_is_the_first_run_inside_the_range() {
    let mut bench = bench();
    let spaces = bench.spaces();
    for (base, size, region) in [
        (PAGE - 0x1000, 0x4000, (PAGE, 0x2000)),
        (PAGE + 0x10, 0x20, (PAGE + 0x10, 0x20)),
        (PAGE + 0x1ff0, 0x20, (PAGE + 0x1ff0, 0x10)),
        (PAGE - 1, 2, (PAGE, 1)),
        (HIGH - 0x100, u32::MAX, (HIGH, 0x1000)),
    ] {
        assert_eq!(spaces.valid_region_virtual(base, size), Ok(region), "{base:#x}+{size:#x}");
    }
}

#[test]
fn a_range_without_a_valid_byte_fails() {
    let mut bench = bench();
    for (base, size) in [(PAGE, 0), (PAGE - 0x1000, 0x1000), (HIGH + 0x1000, u32::MAX), (u64::MAX, 9)] {
        let error = bench.spaces().valid_region_virtual(base, size).unwrap_err();
        assert_eq!(error.hresult(), HResult::FAIL);
    }
}

#[test]
fn a_query_gives_the_pages_that_share_attributes() {
    let mut bench = Bench::paged(Mode::Level4);
    for (page, physical, flags) in [
        (0, DATA, RW | XD),
        (1, DATA + 0x9000, RW | XD),
        (2, DATA + 0x2000, XD),
        (3, DATA + 0x3000, 0),
        (4, DATA + 0x4000, RW),
        (5, WINDOW, RW | XD | PCD),
        (6, ROM, RW),
        (7, HOLE, RW),
        (9, DATA, RW | XD | PCD | PWT),
    ] {
        bench.map(PAGE + page * 0x1000, physical, flags);
    }
    let spaces = bench.spaces();
    use region::{COMMIT, EXECUTE_READ, EXECUTE_READWRITE, FREE, MAPPED, NOACCESS, NOCACHE, PRIVATE};
    for (offset, pages, state, protect, kind) in [
        (0x123, 2, COMMIT, region::READWRITE, PRIVATE),
        (0x1fff, 1, COMMIT, region::READWRITE, PRIVATE),
        (0x2000, 1, COMMIT, region::READONLY, PRIVATE),
        (0x3000, 1, COMMIT, EXECUTE_READ, PRIVATE),
        (0x4000, 1, COMMIT, EXECUTE_READWRITE, PRIVATE),
        (0x5000, 1, COMMIT, region::READWRITE | NOCACHE, MAPPED),
        (0x6000, 1, COMMIT, EXECUTE_READ, MAPPED),
        (0x7fff, 2, FREE, NOACCESS, 0),
        (0x9000, 1, COMMIT, region::READWRITE | NOCACHE, PRIVATE),
    ] {
        let info = spaces.query_virtual(PAGE + offset).unwrap();
        assert_eq!(info.base_address, PAGE + offset / 0x1000 * 0x1000);
        assert_eq!((info.region_size, info.state), (pages * 0x1000, state), "{offset:#x}");
        assert_eq!((info.protect, info.kind), (protect, kind), "{offset:#x}");
    }
}

#[test]
fn the_cache_flags_follow_the_pat() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW | XD | 1 << 7);
    assert_eq!(bench.spaces().query_virtual(PAGE).unwrap().protect, region::READWRITE);
    bench.machine.cpus[0].msr.pat = 0x0007_0401_0007_0406;
    let protect = bench.spaces().query_virtual(PAGE).unwrap().protect;
    assert_eq!(protect, region::READWRITE | region::WRITECOMBINE);
}

#[test]
fn free_runs_end_where_canonical_addresses_do() {
    let mut bench = bench();
    let spaces = bench.spaces();
    let info = spaces.query_virtual(PAGE + 0x2000).unwrap();
    assert_eq!((info.state, info.region_size), (region::FREE, (1 << 47) - PAGE - 0x2000));
    let info = spaces.query_virtual(HIGH + 0x1000).unwrap();
    assert_eq!((info.state, info.region_size), (region::FREE, (1 << 47) - 0x1000));
    for offset in [1 << 47, HIGH - 1] {
        assert_eq!(spaces.query_virtual(offset).unwrap_err().hresult(), HResult::INVALIDARG);
    }
}

#[test]
fn the_structure_has_48_bytes_in_the_documented_order() {
    let mut bench = bench();
    let bytes = bench.spaces().query_virtual(PAGE + 5).unwrap().bytes();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!((word(0), word(8), word(16), word(24)), (PAGE, PAGE, 0x40, 0x1000));
    assert_eq!((word(32), word(40)), (0x40 << 32 | 0x1000, 0x2_0000));
}

#[test]
fn only_the_source_of_virtual_memory_can_be_asked_for() {
    let mut bench = bench();
    let spaces = bench.spaces();
    assert_eq!(spaces.offset_information(0, 1, PAGE), Ok(VirtualSource::Debuggee));
    assert_eq!(spaces.offset_information(0, 1, PAGE - 1), Ok(VirtualSource::Invalid));
    for (space, which) in [(1, 1), (0, 0), (0, 2), (u32::MAX, 1)] {
        let error = spaces.offset_information(space, which, PAGE).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
    }
}

#[test]
fn with_a20_masked_memory_repeats_itself() {
    let mut bench = Bench::new();
    bench.machine.board.fabric.memory.set_view(View { a20: false, ..View::BUS });
    assert_eq!(next(&mut bench, 0), Some(2 * RAM_BYTES));
    assert_eq!(next(&mut bench, 2 * RAM_BYTES), Some(WINDOW));
}

#[test]
fn looking_changes_nothing_and_touches_no_device() {
    let mut bench = bench();
    bench.map(PAGE + 0x2000, WINDOW, RW);
    let before = bench.state();
    assert_eq!(next(&mut bench, PAGE), Some(PAGE + 0x3000));
    bench.spaces().query_virtual(PAGE + 0x2000).unwrap();
    bench.spaces().valid_region_virtual(PAGE, 0x4000).unwrap();
    assert!(bench.state() == before);
    assert_eq!(bench.seen(), [] as [Seen; 0]);
}

#[test]
fn an_absent_processor_is_an_invalid_argument() {
    let mut bench = bench();
    let mut spaces = bench.spaces();
    spaces.set_context(ringhold_debugapi::Context { cpu: 1, root: None });
    let codes = [
        spaces.offset_information(0, 1, 0).unwrap_err().hresult(),
        spaces.next_differently_valid_offset_virtual(0).unwrap_err().hresult(),
        spaces.valid_region_virtual(0, 1).unwrap_err().hresult(),
        spaces.query_virtual(0).unwrap_err().hresult(),
    ];
    assert_eq!(codes, [HResult::INVALIDARG; 4]);
}
