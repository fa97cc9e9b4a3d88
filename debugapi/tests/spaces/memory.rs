//! Virtual memory: sections 2.3 and 3.1 of the contract.

use ringhold_debugapi::{Change, Context, DataSpace, Error, HResult};
use ringhold_emulator::inject::Refusal;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::{A, D, RW, US, XD};
use ringhold_emulator::state::cr4;

use crate::bench::{Bench, DATA, HOLE, ROM, Seen, WINDOW};

const PAGE: u64 = 0x40_0000;

/// Modes with page tables, and an address that all of them can map.
const MODES: [Mode; 4] = [Mode::Legacy, Mode::Pae, Mode::Level4, Mode::Level5];

#[test]
fn a_write_over_a_hole_is_ok_and_keeps_the_part_before_it() {
    for mode in MODES {
        let mut bench = Bench::paged(mode);
        bench.map(PAGE, DATA, RW);
        let mut spaces = bench.spaces();
        let done = spaces.write_virtual(PAGE + 0xff0, &[7; 32]).unwrap();
        assert_eq!((done.count, done.hresult()), (16, HResult::OK), "{mode:?}");
        assert_eq!(bench.bytes(DATA + 0xfef, 18)[..], [&[0][..], &[7; 16], &[0]].concat(), "{mode:?}");
        let mut buffer = [9; 32];
        let mut spaces = bench.spaces();
        let done = spaces.read_virtual(PAGE + 0xff0, &mut buffer).unwrap();
        assert_eq!((done.count, done.hresult()), (16, HResult::OK));
        assert_eq!(buffer[..], [[7; 16], [9; 16]].concat(), "the rest of the buffer is left alone");
    }
}

#[test]
fn nothing_moved_is_a_failure() {
    for mode in MODES {
        let mut bench = Bench::paged(mode);
        bench.map(PAGE, DATA, RW);
        let before = bench.state();
        let error = bench.spaces().write_virtual(PAGE + 0x1000, &[7; 4]).unwrap_err();
        assert_eq!(error.hresult(), HResult(0x8007_001d));
        let mut buffer = [9; 4];
        let error = bench.spaces().read_virtual(PAGE + 0x1000, &mut buffer).unwrap_err();
        assert_eq!(error.hresult(), HResult(0x8007_001e));
        assert_eq!(buffer, [9; 4]);
        assert!(bench.state() == before);
    }
}

#[test]
fn zero_bytes_are_ok_at_any_address() {
    let mut bench = Bench::paged(Mode::Level4);
    let before = bench.state();
    let mut spaces = bench.spaces();
    for address in [0, PAGE, HOLE, 0x8000_0000_0000_0000, u64::MAX] {
        assert_eq!(spaces.write_virtual(address, &[]).unwrap().count, 0);
        assert_eq!(spaces.read_virtual(address, &mut []).unwrap().count, 0);
        assert_eq!(spaces.write_physical(address, &[]).unwrap().count, 0);
        assert_eq!(spaces.write_io(77, 1, 9, address, &[]).unwrap().count, 0);
        assert_eq!(spaces.write_bus_data(77, 9, 999, 999, &[]).unwrap().count, 0);
        assert_eq!(spaces.write_control(9, address, &[]).unwrap().count, 0);
        assert_eq!(spaces.fill_virtual(address, 0, &[1]).unwrap().count, 0);
    }
    assert_eq!(spaces.take_changes(), [], "nothing changed");
    assert!(bench.state() == before);
}

#[test]
fn uncached_forms_do_the_same() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    assert_eq!(bench.spaces().write_virtual_uncached(PAGE, b"direct").unwrap().count, 6);
    let mut buffer = [0; 6];
    assert_eq!(bench.spaces().read_virtual_uncached(PAGE, &mut buffer).unwrap().count, 6);
    assert_eq!((&buffer, &bench.bytes(DATA, 6)[..]), (b"direct", &b"direct"[..]));
}

#[test]
fn page_protection_is_ignored_and_no_trace_is_left_in_the_tables() {
    for mode in MODES {
        let long = matches!(mode, Mode::Level4 | Mode::Level5);
        for flags in [0, US, RW, US | RW, if long { XD } else { 0 }] {
            let mut bench = Bench::paged(mode);
            bench.machine.cpus[0].control.cr4 |= cr4::SMAP | cr4::SMEP;
            bench.map(PAGE, DATA, flags);
            let (_, before) = bench.leaf(PAGE);
            let state = bench.machine.cpus[0].state();
            assert_eq!(bench.spaces().write_virtual(PAGE, &[1, 2, 3]).unwrap().count, 3);
            let mut buffer = [0; 3];
            assert_eq!(bench.spaces().read_virtual(PAGE, &mut buffer).unwrap().count, 3);
            assert_eq!(buffer, [1, 2, 3]);
            let (_, after) = bench.leaf(PAGE);
            assert_eq!((before, after & (A | D)), (after, 0), "no accessed or dirty bit");
            assert_eq!(bench.machine.cpus[0].state(), state);
            assert_eq!(bench.machine.cpus[0].tlb.translations().count(), 0, "no TLB entry");
            assert_eq!(bench.machine.instructions(), 0, "no guest time");
        }
    }
}

#[test]
fn the_page_tables_count_and_not_a_stale_tlb() {
    use ringhold_emulator::mmu::tlb::{Access, Tlb};
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW | A | D);
    let machine = &mut bench.machine;
    machine.cpus[0].translate(&mut machine.board, PAGE, Access::Write, Tlb::SUPERVISOR).unwrap();
    bench.map(PAGE, DATA + 0x1000, RW);
    bench.spaces().write_virtual(PAGE, &[5]).unwrap();
    assert_eq!((bench.bytes(DATA, 1), bench.bytes(DATA + 0x1000, 1)), (vec![0], vec![5]));
    assert_eq!(bench.machine.cpus[0].tlb.translations().count(), 1, "the stale entry stays");
}

#[test]
fn a_device_behind_the_page_is_accessed_in_natural_pieces() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, WINDOW, RW);
    assert_eq!(bench.spaces().write_virtual(PAGE + 1, &[1, 2, 3, 4, 5, 6, 7]).unwrap().count, 7);
    let seen = [Seen::Write(1, 1, 1), Seen::Write(2, 2, 0x302), Seen::Write(4, 4, 0x0706_0504)];
    assert_eq!(bench.seen(), seen);
    let mut buffer = [0; 12];
    assert_eq!(bench.spaces().read_virtual(PAGE, &mut buffer).unwrap().count, 12);
    assert_eq!(bench.seen(), [Seen::Read(0, 8), Seen::Read(8, 4)]);
    assert_eq!(buffer, [8, 8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4]);
}

#[test]
fn inspection_never_touches_a_device() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.map(PAGE + 0x1000, WINDOW, RW);
    let mut buffer = [9; 8];
    assert_eq!(bench.spaces().inspect_virtual(PAGE + 0xffc, &mut buffer).unwrap().count, 4);
    assert!(bench.spaces().inspect_virtual(PAGE + 0x1000, &mut buffer).is_err());
    assert!(bench.spaces().inspect_physical(WINDOW, &mut buffer).is_err());
    assert_eq!(bench.seen(), []);
}

#[test]
fn rom_behind_the_page_is_read_and_not_written() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.map(PAGE + 0x1000, ROM, RW);
    bench.poke(ROM, b"firmware");
    assert_eq!(bench.spaces().write_virtual(PAGE + 0xffe, &[1; 4]).unwrap().count, 2);
    assert!(bench.spaces().write_virtual(PAGE + 0x1000, &[1; 4]).is_err());
    let mut buffer = [0; 8];
    assert_eq!(bench.spaces().read_virtual(PAGE + 0x1000, &mut buffer).unwrap().count, 8);
    assert_eq!(&buffer, b"firmware");
}

#[test]
fn code_that_was_decoded_from_a_written_byte_becomes_stale() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    bench.machine.board.fabric.memory.mark_code(DATA + 0x80, 16);
    bench.spaces().write_virtual(PAGE, &[0x90; 0x80]).unwrap();
    assert!(!bench.machine.board.fabric.memory.has_stale_code());
    bench.spaces().write_virtual(PAGE + 0x84, &[0xcc]).unwrap();
    assert!(bench.machine.board.fabric.memory.has_stale_code());
}

#[test]
fn ranges_never_wrap_over_the_top() {
    let mut bench = Bench::paged(Mode::Level4);
    let last = 0xffff_ffff_ffff_f000;
    bench.map(last, DATA, RW);
    bench.map(0, DATA + 0x1000, RW);
    let mut spaces = bench.spaces();
    let done = spaces.write_virtual(u64::MAX - 3, &[6; 8]).unwrap();
    assert_eq!((done.count, done.receipt.stopped), (4, Some(Refusal::End)));
    assert_eq!((bench.bytes(DATA + 0xffc, 4), bench.bytes(DATA + 0x1000, 4)), (vec![6; 4], vec![0; 4]));
    let mut buffer = [0; 8];
    assert_eq!(bench.spaces().read_virtual(u64::MAX, &mut buffer).unwrap().count, 1);
}

#[test]
fn thirty_two_bit_addresses_may_be_sign_extended() {
    for mode in [Mode::Legacy, Mode::Pae] {
        let mut bench = Bench::paged(mode);
        bench.map(0xffff_f000, DATA, RW);
        bench.map(0, DATA + 0x1000, RW);
        for address in [0xffff_f000, 0xffff_ffff_ffff_f000] {
            assert_eq!(bench.spaces().write_virtual(address, b"twin").unwrap().count, 4);
        }
        // Neither form goes on at address zero.
        assert_eq!(bench.spaces().write_virtual(0xffff_fffe, &[1; 4]).unwrap().count, 2);
        assert_eq!(bench.spaces().write_virtual(u64::MAX - 1, &[1; 4]).unwrap().count, 2);
        for address in [0x1_0000_0000, 0x1_ffff_f000, 0xffff_fffe_ffff_f000, 0xffff_ffff_7fff_f000] {
            let error = bench.spaces().write_virtual(address, &[1]).unwrap_err();
            assert_eq!(error.hresult(), HResult::WRITE_FAULT, "{mode:?} {address:#x}");
        }
    }
}

#[test]
fn non_canonical_addresses_are_inaccessible() {
    for (mode, first) in [(Mode::Level4, 0x8000_0000_0000), (Mode::Level5, 0x100_0000_0000_0000)] {
        let mut bench = Bench::paged(mode);
        bench.map(first - 0x1000, DATA, RW);
        assert_eq!(bench.spaces().write_virtual(first - 2, &[1; 4]).unwrap().count, 2);
        for address in [first, first + 0x1234, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000] {
            let error = bench.spaces().write_virtual(address, &[1]).unwrap_err();
            assert_eq!(error.hresult(), HResult::WRITE_FAULT, "{mode:?} {address:#x}");
        }
    }
}

#[test]
fn without_paging_virtual_addresses_are_physical() {
    let mut bench = Bench::new();
    assert_eq!(bench.spaces().write_virtual(DATA, b"real").unwrap().count, 4);
    assert_eq!(bench.bytes(DATA, 4), b"real");
    assert!(bench.spaces().write_virtual(HOLE, &[1]).is_err());
}

#[test]
fn another_root_is_another_address_space() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    // A second root that maps everything 512 GiB higher.
    let own = bench.machine.cpus[0].control.cr3;
    let table = bench.bytes(own, 8);
    bench.poke(0x9000, &[&[0; 8], &table[..]].concat());
    let other = Context { cpu: 0, root: Some(0x9000) };
    let mut spaces = bench.spaces();
    spaces.set_context(other);
    assert!(spaces.write_virtual(PAGE, &[1]).is_err());
    assert_eq!(spaces.write_virtual(PAGE + (1 << 39), &[1]).unwrap().count, 1);
    assert_eq!(bench.bytes(DATA, 1), [1]);
}

#[test]
fn an_absent_processor_is_an_invalid_argument() {
    let mut bench = Bench::new();
    let mut spaces = bench.spaces();
    spaces.set_context(Context { cpu: 7, root: None });
    assert_eq!(spaces.write_virtual(DATA, &[1]).unwrap_err().hresult(), HResult::INVALIDARG);
    assert_eq!(spaces.read_virtual(DATA, &mut [0]).unwrap_err().hresult(), HResult::INVALIDARG);
    assert_eq!(spaces.read_msr(0xc000_0082).unwrap_err().hresult(), HResult::INVALIDARG);
    assert_eq!(spaces.virtual_to_physical(DATA).unwrap_err().hresult(), HResult::INVALIDARG);
}

#[test]
fn every_successful_write_reports_one_change() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let mut spaces = bench.spaces();
    spaces.write_virtual(PAGE + 0xff0, &[1; 32]).unwrap();
    spaces.write_virtual_uncached(PAGE, &[1]).unwrap();
    spaces.write_physical(DATA, &[1]).unwrap();
    spaces.write_io(1, 0, 1, 0x500, &[1]).unwrap();
    spaces.write_bus_data(4, 0, 0x22, 0x3c, &[1]).unwrap();
    spaces.write_msr(0xc000_0082, 5).unwrap();
    spaces.write_control(0, 2, &[0xff; 8]).unwrap_err();
    let mut block = [0; 0x10];
    spaces.read_control(0, 2, &mut block).unwrap();
    block[8] = 1;
    spaces.write_control(0, 2, &block).unwrap();
    spaces.fill_virtual(PAGE, 100, &[3]).unwrap();
    spaces.write_pointers_virtual(PAGE, &[1, 2]).unwrap();
    spaces.write_virtual(PAGE + 0x1000, &[1]).unwrap_err();
    let spaces_written = spaces.take_changes();
    use DataSpace::*;
    let expected = [Virtual, Virtual, Physical, Io, BusData, Msr, Control, Virtual, Virtual];
    assert_eq!(spaces_written, expected.map(Change::Data));
    assert_eq!((Change::Data(BusData).flags(), Change::Data(BusData).argument()), (2, 5));
}

#[test]
fn errors_tell_the_entry_at_which_the_walk_ended() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let (leaf, _) = bench.leaf(PAGE);
    let Error::NothingWritten(receipt) = bench.spaces().write_virtual(PAGE + 0x1000, &[1]).unwrap_err()
    else {
        panic!("another error");
    };
    assert_eq!(receipt.stopped, Some(Refusal::NotPresent { level: 1, address: leaf + 8 }));
}

#[test]
fn pointers_move_all_or_fail() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let mut spaces = bench.spaces();
    spaces.write_pointers_virtual(PAGE, &[0x8000_0000, u64::MAX]).unwrap();
    let mut pointers = [0; 2];
    spaces.read_pointers_virtual(PAGE, &mut pointers).unwrap();
    assert_eq!(pointers, [0x8000_0000, u64::MAX]);
    assert_eq!(
        spaces.write_pointers_virtual(PAGE + 0xff8, &[1, 2]).unwrap_err().hresult(),
        HResult::WRITE_FAULT
    );
    assert_eq!(
        spaces.read_pointers_virtual(PAGE + 0xff8, &mut pointers).unwrap_err().hresult(),
        HResult::READ_FAULT
    );
    assert_eq!(pointers[0], 1, "what was read is in its place");
}

#[test]
fn four_byte_pointers_are_sign_extended_and_cut() {
    let mut bench = Bench::paged(Mode::Legacy);
    bench.map(PAGE, DATA, RW);
    let mut spaces = bench.spaces();
    spaces.write_pointers_virtual(PAGE, &[0x1_8000_0000, 5]).unwrap();
    let mut pointers = [0; 2];
    spaces.read_pointers_virtual(PAGE, &mut pointers).unwrap();
    assert_eq!(pointers, [0xffff_ffff_8000_0000, 5]);
    assert_eq!(bench.bytes(DATA, 8), [0, 0, 0, 0x80, 5, 0, 0, 0]);
}
