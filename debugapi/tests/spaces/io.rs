//! Ports: section 3.7 of the contract.

use ringhold_debugapi::{Error, HResult};

use crate::bench::{Bench, NARROW_PORTS, PORTS, Seen};

/// A row of bad arguments: interface type, bus, address space, port, size.
type Bad = (u32, u32, u32, u64, usize);

const INVALID: [Bad; 20] = [
    (u32::MAX, 0, 1, PORTS, 1),
    (3, 0, 1, PORTS, 1),
    (4, 0, 1, PORTS, 1),
    (6, 0, 1, PORTS, 1),
    (17, 0, 1, PORTS, 1),
    (18, 0, 1, PORTS, 1),
    (1, 1, 1, PORTS, 1),
    (1, u32::MAX, 1, PORTS, 1),
    (1, 0, 0, PORTS, 1),
    (1, 0, 2, PORTS, 1),
    (1, 0, u32::MAX, PORTS, 1),
    (1, 0, 1, 0x1_0000, 1),
    (1, 0, 1, 0xffff, 2),
    (1, 0, 1, 0xfffe, 4),
    (1, 0, 1, 0x1_0000_0500, 1),
    (1, 0, 1, u64::MAX, 4),
    (1, 0, 1, PORTS, 3),
    (1, 0, 1, PORTS, 5),
    (1, 0, 1, PORTS, 8),
    (1, 0, 1, PORTS, 4096),
];

#[test]
fn sizes_1_2_and_4_reach_the_device_in_their_width() {
    for size in [1, 2, 4] {
        let mut bench = Bench::new();
        let bytes = &[0x11, 0x22, 0x33, 0x44][..size];
        let mut spaces = bench.spaces();
        let done = spaces.write_io(1, 0, 1, PORTS, bytes).unwrap();
        assert_eq!(done.count, size);
        let value = u32::from_le_bytes([0x11, 0x22, 0x33, 0x44]) & (u32::MAX >> (32 - 8 * size));
        assert_eq!(bench.seen(), [Seen::PortWrite(PORTS as u16, size, value)]);
        let mut buffer = vec![0; size];
        assert_eq!(bench.spaces().read_io(1, 0, 1, PORTS, &mut buffer).unwrap().count, size);
        assert_eq!(bench.seen(), [Seen::PortRead(PORTS as u16, size)]);
        assert_eq!(buffer, vec![size as u8; size]);
    }
}

#[test]
fn the_bus_splits_what_a_device_does_not_take_whole() {
    let mut bench = Bench::new();
    bench.spaces().write_io(1, 0, 1, NARROW_PORTS, &[1, 2]).unwrap();
    let port = NARROW_PORTS as u16;
    assert_eq!(bench.seen(), [Seen::PortWrite(port, 1, 1), Seen::PortWrite(port + 1, 1, 2)]);
}

#[test]
fn internal_isa_eisa_and_pci_are_aliases() {
    let mut bench = Bench::new();
    for interface in [0, 1, 2, 5] {
        assert_eq!(bench.spaces().write_io(interface, 0, 1, PORTS, &[1]).unwrap().count, 1);
        assert_eq!(bench.seen().len(), 1);
    }
}

#[test]
fn bad_arguments_are_invalid_and_reach_no_device() {
    let mut bench = Bench::new();
    let before = bench.state();
    for (interface, bus, space, port, size) in INVALID {
        let row = (interface, bus, space, port, size);
        let error = bench.spaces().write_io(interface, bus, space, port, &vec![0; size]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG, "{row:x?}");
        let error = bench.spaces().read_io(interface, bus, space, port, &mut vec![0; size]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG, "{row:x?}");
    }
    assert_eq!(bench.seen(), []);
    assert!(bench.state() == before);
}

#[test]
fn a_port_that_is_no_multiple_of_the_size_is_misaligned() {
    let mut bench = Bench::new();
    for (port, size) in [(PORTS + 1, 2), (PORTS + 2, 4), (PORTS + 3, 4), (PORTS + 1, 4)] {
        let error = bench.spaces().write_io(1, 0, 1, port, &vec![0; size]).unwrap_err();
        assert_eq!(error, Error::Misaligned { port, size });
        assert_eq!(error.hresult(), HResult(0x9000_0002));
        assert!(bench.spaces().read_io(1, 0, 1, port, &mut vec![0; size]).is_err());
    }
    assert_eq!(bench.seen(), []);
}

#[test]
fn the_native_form_takes_unaligned_ports() {
    let mut bench = Bench::new();
    let port = PORTS as u16 + 1;
    assert_eq!(bench.spaces().write_io_unaligned(port, &[1, 2]).unwrap().count, 2);
    assert_eq!(bench.seen(), [Seen::PortWrite(port, 2, 0x201)]);
    assert_eq!(bench.spaces().read_io_unaligned(port, &mut [0; 4]).unwrap().count, 4);
    assert_eq!(bench.spaces().write_io_unaligned(port, &[0; 3]).unwrap_err().hresult(), HResult::INVALIDARG);
    assert_eq!(
        bench.spaces().write_io_unaligned(0xffff, &[0; 2]).unwrap_err().hresult(),
        HResult::INVALIDARG
    );
}

#[test]
fn an_unclaimed_port_reads_ones_and_swallows_writes() {
    let mut bench = Bench::new();
    for size in [1, 2, 4] {
        assert_eq!(bench.spaces().write_io(1, 0, 1, 0x9000, &vec![0; size]).unwrap().count, size);
        let mut buffer = vec![0; size];
        assert_eq!(bench.spaces().read_io(1, 0, 1, 0x9000, &mut buffer).unwrap().count, size);
        assert_eq!(buffer, vec![0xff; size]);
    }
    assert_eq!(bench.spaces().write_io(1, 0, 1, 0xffff, &[1]).unwrap().count, 1);
}
