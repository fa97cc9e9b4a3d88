//! Bus data: sections 3.9 and 4.3 of the contract.

use ringhold_debugapi::spaces::slot_number;
use ringhold_debugapi::{Error, HResult};

use crate::bench::{Bench, SLOT, Seen};

const PCI: u32 = 4;

fn read(bench: &mut Bench, offset: u32, len: usize) -> Vec<u8> {
    let mut buffer = vec![0; len];
    assert_eq!(bench.spaces().read_bus_data(PCI, 0, SLOT, offset, &mut buffer).unwrap().count, len);
    buffer
}

fn write(bench: &mut Bench, offset: u32, bytes: &[u8]) {
    let mut spaces = bench.spaces();
    let done = spaces.write_bus_data(PCI, 0, SLOT, offset, bytes).unwrap();
    assert_eq!(done.count, bytes.len());
}

#[test]
fn a_slot_is_device_and_function_in_that_order() {
    assert_eq!((slot_number(2, 1), slot_number(0x1f, 3)), (SLOT, 0x7f));
    let mut bench = Bench::new();
    assert_eq!(read(&mut bench, 0, 4), [0x34, 0x12, 0x78, 0x56]);
    // The hardware's order would be device 4, function 2.
    let mut buffer = [9; 4];
    let mut spaces = bench.spaces();
    let done = spaces.read_bus_data(PCI, 0, 2 << 3 | 1, 0, &mut buffer).unwrap();
    assert_eq!((done.count, buffer), (2, [0xff, 0xff, 9, 9]));
}

#[test]
fn types_other_than_pci_are_not_implemented_or_invalid() {
    let mut bench = Bench::new();
    let before = bench.state();
    for kind in 0..=u32::from(u8::MAX) {
        let expected = match kind {
            4 => continue,
            0..=11 => HResult::NOTIMPL,
            _ => HResult::INVALIDARG,
        };
        assert_eq!(bench.spaces().write_bus_data(kind, 0, SLOT, 4, &[1]).unwrap_err().hresult(), expected);
        assert_eq!(bench.spaces().read_bus_data(kind, 0, SLOT, 4, &mut [1]).unwrap_err().hresult(), expected);
    }
    assert_eq!(
        bench.spaces().write_bus_data(u32::MAX, 0, SLOT, 4, &[1]).unwrap_err().hresult(),
        HResult::INVALIDARG
    );
    assert!(bench.state() == before);
}

#[test]
fn reserved_slot_bits_and_offsets_beyond_the_space_are_invalid() {
    let mut bench = Bench::new();
    let before = bench.state();
    for slot in [0x100, 0x122, 0x8000_0022, u32::MAX] {
        let error = bench.spaces().write_bus_data(PCI, 0, slot, 4, &[1]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
    }
    for offset in [256, 257, 4095, u32::MAX] {
        let error = bench.spaces().write_bus_data(PCI, 0, SLOT, offset, &[1]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
        let error = bench.spaces().read_bus_data(PCI, 0, SLOT, offset, &mut [1]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
    }
    assert!(bench.state() == before);
}

#[test]
fn the_end_of_config_space_clips() {
    let mut bench = Bench::new();
    let mut buffer = [9; 300];
    assert_eq!(bench.spaces().read_bus_data(PCI, 0, SLOT, 0xfd, &mut buffer).unwrap().count, 3);
    assert_eq!(buffer[2..4], [0, 9]);
    assert_eq!(bench.spaces().read_bus_data(PCI, 0, SLOT, 0, &mut buffer).unwrap().count, 256);
    assert_eq!(bench.spaces().write_bus_data(PCI, 0, SLOT, 0xf8, &[0; 16]).unwrap().count, 8);
}

#[test]
fn an_absent_function_reads_two_ones_and_refuses_writes() {
    let mut bench = Bench::new();
    let before = bench.state();
    for slot in [0, 2, 0x42, 0xff] {
        let mut buffer = [9; 8];
        let mut spaces = bench.spaces();
        let done = spaces.read_bus_data(PCI, 0, slot, 0, &mut buffer).unwrap();
        assert_eq!((done.count, &buffer[..3]), (2, &[0xff, 0xff, 9][..]));
        let error = bench.spaces().write_bus_data(PCI, 0, slot, 4, &[7]).unwrap_err();
        assert_eq!(error, Error::NoFunction { bus: 0, slot });
        assert!(!error.hresult().is_success());
    }
    assert!(bench.state() == before);
}

#[test]
fn an_absent_bus_or_segment_fails() {
    let mut bench = Bench::new();
    for bus in [1, 0xff, 0x100, 0x1_0000, u32::MAX] {
        let error = bench.spaces().read_bus_data(PCI, bus, SLOT, 0, &mut [9; 4]).unwrap_err();
        assert_eq!(error.hresult(), HResult(0xd000_0001), "{bus:#x}");
        let error = bench.spaces().write_bus_data(PCI, bus, SLOT, 4, &[7]).unwrap_err();
        assert_eq!(error.hresult(), HResult(0xd000_0001), "{bus:#x}");
    }
}

#[test]
fn only_the_bytes_asked_for_are_touched_in_natural_pieces() {
    let mut bench = Bench::new();
    for (offset, len, cycles) in [
        (0x3c, 1, vec![(0x3c, 1)]),
        (0x3c, 2, vec![(0x3c, 2)]),
        (0x3c, 4, vec![(0x3c, 4)]),
        (0x3d, 4, vec![(0x3d, 1), (0x3e, 2), (0x40, 1)]),
        (0x3a, 7, vec![(0x3a, 2), (0x3c, 4), (0x40, 1)]),
    ] {
        write(&mut bench, offset, &vec![0; len]);
        let cycles: Vec<_> = cycles.into_iter().map(|(at, bytes)| Seen::Config(at, bytes)).collect();
        assert_eq!(bench.seen(), cycles);
    }
}

#[test]
fn the_interrupt_line_leaves_its_neighbours_alone() {
    let mut bench = Bench::new();
    let before = read(&mut bench, 0, 256);
    write(&mut bench, 0x3c, &[0x0b]);
    let mut expected = before;
    expected[0x3c] = 0x0b;
    assert_eq!(read(&mut bench, 0, 256), expected);
}

#[test]
fn read_only_ids_stay_though_the_write_is_ok() {
    let mut bench = Bench::new();
    let before = read(&mut bench, 0, 16);
    write(&mut bench, 0, &[0; 4]);
    write(&mut bench, 8, &[0; 4]);
    write(&mut bench, 0xe, &[0xff]);
    assert_eq!(read(&mut bench, 0, 16), before);
}

#[test]
fn status_bits_clear_by_writing_one() {
    let mut bench = Bench::new();
    assert_eq!(read(&mut bench, 6, 2), [0, 0xf9]);
    write(&mut bench, 6, &[0, 0]);
    assert_eq!(read(&mut bench, 6, 2), [0, 0xf9]);
    write(&mut bench, 6, &[0xff, 0x41]);
    assert_eq!(read(&mut bench, 6, 2), [0, 0xb8]);
}

#[test]
fn only_implemented_command_bits_are_stored() {
    let mut bench = Bench::new();
    write(&mut bench, 4, &[0xff, 0xff]);
    assert_eq!(read(&mut bench, 4, 2), [0x47, 0x05]);
}

#[test]
fn all_ones_to_a_bar_give_the_size_mask() {
    let mut bench = Bench::new();
    write(&mut bench, 0x10, &[0xff; 8]);
    assert_eq!(read(&mut bench, 0x10, 8), [0xf1, 0xff, 0, 0, 0, 0xf0, 0xff, 0xff]);
}

#[test]
fn a_moved_bar_answers_at_once_and_the_old_window_no_more() {
    let mut bench = Bench::new();
    write(&mut bench, 0x10, &0xc000u32.to_le_bytes());
    write(&mut bench, 0x14, &0xe000_0000u32.to_le_bytes());
    let mut buffer = [0; 4];
    assert!(bench.spaces().read_physical(0xe000_0000, &mut buffer).is_err(), "not enabled yet");
    write(&mut bench, 4, &[3]);
    bench.seen();
    assert_eq!(bench.spaces().read_physical(0xe000_0004, &mut buffer).unwrap().count, 4);
    bench.spaces().write_io(1, 0, 1, 0xc004, &[1]).unwrap();
    assert_eq!(bench.seen(), [Seen::Read(4, 4), Seen::PortWrite(0xc004, 1, 1)]);
    write(&mut bench, 0x14, &0xe100_0000u32.to_le_bytes());
    bench.seen();
    assert!(bench.spaces().read_physical(0xe000_0004, &mut buffer).is_err());
    assert_eq!(bench.spaces().read_physical(0xe100_0004, &mut buffer).unwrap().count, 4);
    write(&mut bench, 4, &[0]);
    assert!(bench.spaces().read_physical(0xe100_0004, &mut buffer).is_err());
    assert_eq!(bench.machine.instructions(), 0, "no guest step in between");
}
