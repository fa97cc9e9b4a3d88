//! IDebugHostMemory: section 5.1 of the contract.

use ringhold_debugapi::{Change, Completion, Context, DataSpace, HResult, Location};
use ringhold_emulator::inject::Register;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA, HOLE, PORTS, RAM_BYTES, Seen};

const PAGE: u64 = 0x40_0000;

fn write(bench: &mut Bench, location: Location, bytes: &[u8]) -> Result<Completion, HResult> {
    let mut spaces = bench.spaces();
    spaces.host_memory().write_bytes(None, location, bytes).map(|done| done.0).map_err(HResult::from)
}

fn read(bench: &mut Bench, location: Location, buffer: &mut [u8]) -> Result<Completion, HResult> {
    let mut spaces = bench.spaces();
    spaces.host_memory().read_bytes(None, location, buffer).map(|done| done.0).map_err(HResult::from)
}

fn rax() -> Location {
    Location::register(0, Register::named("rax").unwrap())
}

#[test]
fn all_is_ok_part_is_false_nothing_is_a_failure() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let at = Location::virtual_address;
    let all = write(&mut bench, at(PAGE), &[1; 32]).unwrap();
    assert_eq!((all, all.hresult()), (Completion::All, HResult::OK));
    let part = write(&mut bench, at(PAGE + 0xff0), &[2; 32]).unwrap();
    assert_eq!((part, part.hresult()), (Completion::Partial(16), HResult::FALSE));
    assert_eq!(bench.bytes(DATA + 0xff0, 16), [2; 16]);
    assert_eq!(write(&mut bench, at(PAGE + 0x1000), &[3; 32]), Err(HResult(0x8007_001d)));
    let mut buffer = [9; 32];
    assert_eq!(read(&mut bench, at(PAGE + 0xff0), &mut buffer), Ok(Completion::Partial(16)));
    assert_eq!(buffer[15..17], [2, 9]);
    assert_eq!(read(&mut bench, at(PAGE + 0x1000), &mut buffer), Err(HResult(0x8007_001e)));
    assert_eq!(write(&mut bench, at(HOLE), &[]), Ok(Completion::All));
}

#[test]
fn the_context_defines_the_address_space() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW);
    let context = Some(Context { cpu: 0, root: Some(0x9000) });
    let mut spaces = bench.spaces();
    let mut memory = spaces.host_memory();
    assert!(memory.write_bytes(context, Location::virtual_address(PAGE), &[1]).is_err());
    assert!(memory.write_bytes(None, Location::virtual_address(PAGE), &[1]).is_ok());
    let absent = Some(Context { cpu: 5, root: None });
    let error = memory.write_bytes(absent, Location::virtual_address(PAGE), &[1]).unwrap_err();
    assert_eq!(error.hresult(), HResult::INVALIDARG);
}

#[test]
fn one_call_reaches_every_space() {
    let mut bench = Bench::new();
    assert_eq!(write(&mut bench, Location::physical(RAM_BYTES - 2), &[1; 4]), Ok(Completion::Partial(2)));
    assert_eq!(write(&mut bench, Location::port(PORTS as u16), &[1, 2]), Ok(Completion::All));
    assert_eq!(bench.seen(), [Seen::PortWrite(PORTS as u16, 2, 0x201)]);
    assert_eq!(write(&mut bench, Location::config(0, 0x22, 0x3c), &[0xb]), Ok(Completion::All));
    assert_eq!(write(&mut bench, Location::config(0, 0x22, 0xfe), &[0; 4]), Ok(Completion::Partial(2)));
    assert_eq!(write(&mut bench, rax(), &[1, 2, 3, 4, 5, 6, 7, 8]), Ok(Completion::All));
    assert_eq!(
        write(&mut bench, Location::msr(0, 0xc000_0082), &[9, 0, 0, 0, 0, 0, 0, 0]),
        Ok(Completion::All)
    );
    let cpu = &bench.machine.cpus[0];
    assert_eq!((cpu.gpr[0], cpu.msr.lstar), (0x0807_0605_0403_0201, 9));
}

#[test]
fn the_offset_moves_within_a_register() {
    let mut bench = Bench::new();
    write(&mut bench, rax(), &[0x11; 8]).unwrap();
    let at = |offset| Location { offset, ..rax() };
    assert_eq!(write(&mut bench, at(6), &[1, 2, 3, 4]), Ok(Completion::Partial(2)));
    assert_eq!(bench.machine.cpus[0].gpr[0], 0x0201_1111_1111_1111);
    assert_eq!(write(&mut bench, at(8), &[1]), Err(HResult::WRITE_FAULT));
    let mut byte = [0];
    assert_eq!(read(&mut bench, at(7), &mut byte), Ok(Completion::All));
    assert_eq!(byte, [2]);
    let msr = |offset| Location { offset, ..Location::msr(0, 0xc000_0082) };
    assert_eq!(write(&mut bench, msr(1), &[7]), Ok(Completion::All));
    assert_eq!(bench.machine.cpus[0].msr.lstar, 0x700);
    assert_eq!(write(&mut bench, msr(7), &[0, 9]), Ok(Completion::Partial(1)));
    assert_eq!(write(&mut bench, msr(8), &[0]), Err(HResult::INVALIDARG));
}

#[test]
fn a_part_of_a_register_leaves_the_rest_alone() {
    let mut bench = Bench::new();
    bench.machine.cpus[0].gpr[0] = u64::MAX;
    for (name, bytes, value) in [
        ("eax", 4, 0xffff_ffff_0000_0000),
        ("ax", 2, 0xffff_ffff_ffff_0000),
        ("ah", 1, 0xffff_ffff_ffff_00ff),
    ] {
        bench.machine.cpus[0].gpr[0] = u64::MAX;
        let location = Location::register(0, Register::named(name).unwrap());
        assert_eq!(write(&mut bench, location, &vec![0; bytes]), Ok(Completion::All));
        assert_eq!(bench.machine.cpus[0].gpr[0], value, "{name}");
    }
}

#[test]
fn locations_of_no_kind_are_invalid_and_change_nothing() {
    let mut bench = Bench::new();
    let before = bench.state();
    let kinds = [1, 6 << 56, u64::MAX, 2 << 56 | 1, 3 << 56 | 1, 4 << 56 | 1 << 24, 1 << 56 | 1 << 16];
    for host_defined in kinds.into_iter().chain([1 << 56 | 0xffff, 5 << 56 | 1 << 48]) {
        let location = Location { host_defined, offset: 0 };
        assert_eq!(write(&mut bench, location, &[1]), Err(HResult::INVALIDARG), "{host_defined:#x}");
        assert_eq!(read(&mut bench, location, &mut [1]), Err(HResult::INVALIDARG), "{host_defined:#x}");
    }
    for size in [3, 5, 8, 4096] {
        assert_eq!(write(&mut bench, Location::port(0x500), &vec![0; size]), Err(HResult::INVALIDARG));
    }
    let beyond = Location { offset: 0x1_0000, ..Location::port(0) };
    assert_eq!(write(&mut bench, beyond, &[1]), Err(HResult::INVALIDARG));
    assert_eq!(
        write(&mut bench, Location::register(9, Register::named("rax").unwrap()), &[1]),
        Err(HResult::INVALIDARG)
    );
    assert!(write(&mut bench, Location::config(0x100, 0x22, 4), &[1]).is_err());
    assert!(write(&mut bench, Location::config(0, 1, 4), &[1]).is_err());
    assert_eq!(bench.seen(), []);
    assert!(bench.state() == before);
}

#[test]
fn four_byte_pointers_are_zero_extended_here() {
    let mut bench = Bench::paged(Mode::Legacy);
    bench.map(PAGE, DATA, RW);
    let mut spaces = bench.spaces();
    let mut memory = spaces.host_memory();
    memory.write_pointers(None, Location::virtual_address(PAGE), &[0x8000_0000, 1]).unwrap();
    let mut pointers = [0; 2];
    memory.read_pointers(None, Location::virtual_address(PAGE), &mut pointers).unwrap();
    assert_eq!(pointers, [0x8000_0000, 1]);
    assert!(memory.read_pointers(None, Location::virtual_address(PAGE + 0xffc), &mut pointers).is_err());
}

#[test]
fn writes_report_the_space_that_they_changed() {
    let mut bench = Bench::new();
    let mut spaces = bench.spaces();
    let mut memory = spaces.host_memory();
    memory.write_bytes(None, rax(), &[1]).unwrap();
    memory.write_bytes(None, Location::port(0x500), &[1]).unwrap();
    memory.write_bytes(None, Location::virtual_address(HOLE), &[1]).unwrap_err();
    assert_eq!(spaces.take_changes(), [Change::Registers, Change::Data(DataSpace::Io)]);
}
