//! Physical memory: section 3.5 of the contract.

use ringhold_debugapi::HResult;
use ringhold_emulator::memory::View;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA, HOLE, RAM_BYTES, ROM, Seen, WINDOW};

#[test]
fn no_translation_takes_place() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(0x40_0000, DATA, RW);
    assert_eq!(bench.spaces().write_physical(DATA, b"seen").unwrap().count, 4);
    let mut buffer = [0; 4];
    bench.spaces().read_virtual(0x40_0000, &mut buffer).unwrap();
    assert_eq!(&buffer, b"seen");
}

#[test]
fn flags_0_to_3_do_the_same_and_others_are_invalid() {
    let mut bench = Bench::new();
    for flags in 0..4 {
        assert_eq!(bench.spaces().write_physical2(DATA, flags, &[flags as u8; 2]).unwrap().count, 2);
        let mut buffer = [9; 2];
        assert_eq!(bench.spaces().read_physical2(DATA, flags, &mut buffer).unwrap().count, 2);
        assert_eq!(buffer, [flags as u8; 2]);
    }
    let before = bench.state();
    for flags in [4, 5, 0x8000_0000, u32::MAX] {
        let error = bench.spaces().write_physical2(DATA, flags, &[1]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
        assert_eq!(
            bench.spaces().read_physical2(DATA, flags, &mut [0]).unwrap_err().hresult(),
            HResult::INVALIDARG
        );
    }
    assert!(bench.state() == before);
}

#[test]
fn rom_is_read_and_refuses_writes() {
    let mut bench = Bench::new();
    bench.poke(ROM, &[0x5a; 16]);
    let before = bench.state();
    for offset in [0, 8, 0xffc] {
        let error = bench.spaces().write_physical(ROM + offset, &[1; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult(0x8007_001d));
    }
    assert!(bench.state() == before);
    let mut buffer = [0; 16];
    assert_eq!(bench.spaces().read_physical(ROM, &mut buffer).unwrap().count, 16);
    assert_eq!(buffer, [0x5a; 16]);
}

#[test]
fn a_hole_stops_the_transfer_or_fails_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.spaces().write_physical(RAM_BYTES - 5, &[1; 50]).unwrap().count, 5);
    let mut buffer = [9; 50];
    assert_eq!(bench.spaces().read_physical(RAM_BYTES - 5, &mut buffer).unwrap().count, 5);
    assert_eq!(buffer[4..6], [1, 9]);
    for address in [RAM_BYTES, HOLE, ROM - 1, 1 << 52, u64::MAX - 7, u64::MAX] {
        let error = bench.spaces().write_physical(address, &[1; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::WRITE_FAULT, "{address:#x}");
        let error = bench.spaces().read_physical(address, &mut buffer[..8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::READ_FAULT, "{address:#x}");
    }
}

/// An offset in the window, a length, and the pieces as the device sees them.
type Case = (u64, usize, &'static [(u64, usize)]);

#[test]
fn a_device_window_gets_natural_pieces_in_ascending_order() {
    let cases: [Case; 7] = [
        (0, 1, &[(0, 1)]),
        (0, 3, &[(0, 2), (2, 1)]),
        (0, 8, &[(0, 8)]),
        (4, 8, &[(4, 4), (8, 4)]),
        (1, 8, &[(1, 1), (2, 2), (4, 4), (8, 1)]),
        (0, 24, &[(0, 8), (8, 8), (16, 8)]),
        (0xffd, 16, &[(0xffd, 1), (0xffe, 2)]),
    ];
    for (offset, len, pieces) in cases {
        let mut bench = Bench::new();
        let count: usize = pieces.iter().map(|piece| piece.1).sum();
        let mut spaces = bench.spaces();
        let done = spaces.write_physical(WINDOW + offset, &vec![0; len]).unwrap();
        assert_eq!(done.count, count);
        let seen: Vec<_> = pieces.iter().map(|&(at, bytes)| Seen::Write(at, bytes, 0)).collect();
        assert_eq!(bench.seen(), seen);
        let mut spaces = bench.spaces();
        let done = spaces.read_physical(WINDOW + offset, &mut vec![0; len]).unwrap();
        assert_eq!(done.count, count);
        assert!(done.receipt.touched_device());
        let seen: Vec<_> = pieces.iter().map(|&(at, bytes)| Seen::Read(at, bytes)).collect();
        assert_eq!(bench.seen(), seen);
    }
}

#[test]
fn the_a20_gate_folds_addresses_as_for_the_processor() {
    let mut bench = Bench::new();
    bench.machine.board.fabric.memory.set_view(View { a20: false, ..View::BUS });
    assert_eq!(bench.spaces().write_physical(0x10_0000 + DATA, &[3]).unwrap().count, 1);
    assert_eq!(bench.bytes(DATA, 1), [3]);
}
