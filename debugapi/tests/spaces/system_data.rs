//! Debugger data, processor data, and the calls without an object: sections 3.10 to 3.12 and
//! 3.14 of the contract.

use ringhold_debugapi::HResult;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA};

const MODES: [Mode; 4] = [Mode::Legacy, Mode::Pae, Mode::Level4, Mode::Level5];

#[test]
fn the_processor_identifies_itself() {
    let mut bench = Bench::new();
    let mut buffer = [9; 40];
    let done = bench.spaces().read_processor_system_data(0, 4, &mut buffer).unwrap();
    assert_eq!((done.size, done.count, done.hresult()), (28, 28, HResult::OK));
    assert_eq!(buffer[..12], [15, 0, 0, 0, 107, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!((&buffer[12..28], buffer[28]), (&b"AuthenticAMD\0\0\0\0"[..], 9));
}

#[test]
fn the_speed_is_that_of_the_tsc_in_mhz() {
    let mut bench = Bench::new();
    bench.machine.cpus[0].model.tsc_hz = 2_400_000_000;
    let mut buffer = [0; 4];
    bench.spaces().read_processor_system_data(0, 5, &mut buffer).unwrap();
    assert_eq!(u32::from_le_bytes(buffer), 2400);
}

#[test]
fn a_short_buffer_gets_a_prefix_and_s_false() {
    let mut bench = Bench::new();
    let mut spaces = bench.spaces();
    let mut buffer = [0; 5];
    let done = spaces.read_processor_system_data(0, 4, &mut buffer).unwrap();
    assert_eq!((done.size, done.count, done.hresult()), (28, 5, HResult::FALSE));
    assert_eq!(buffer, [15, 0, 0, 0, 107]);
    let done = spaces.read_processor_system_data(0, 4, &mut []).unwrap();
    assert_eq!((done.size, done.count, done.hresult()), (28, 0, HResult::OK));
}

#[test]
fn the_addresses_are_those_of_a_windows_guest() {
    let mut bench = Bench::paged(Mode::Level4);
    for index in 0..3 {
        let error = bench.spaces().read_processor_system_data(0, index, &mut [0; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::FAIL);
    }
    let base = 0xffff_8000_0000_0000u64;
    bench.map(base, DATA, RW);
    bench.poke(DATA + 0x18, &base.to_le_bytes());
    bench.poke(DATA + 0x20, &(base + 0x180).to_le_bytes());
    bench.poke(DATA + 0x188, &0xdeadu64.to_le_bytes());
    bench.spaces().write_msr(0xc000_0101, base).unwrap();
    for (index, value) in [(0, base), (1, base + 0x180), (2, 0xdead)] {
        let mut buffer = [0; 8];
        bench.spaces().read_processor_system_data(0, index, &mut buffer).unwrap();
        assert_eq!(u64::from_le_bytes(buffer), value);
    }
}

#[test]
fn the_self_map_is_where_the_root_points_at_itself() {
    for (mode, index, base) in [
        (Mode::Legacy, 0x300, Some(0xffff_ffff_c000_0000)),
        (Mode::Legacy, 0x100, Some(0x4000_0000)),
        (Mode::Pae, 3, None),
        (Mode::Level4, 0x1ed, Some(0xffff_f680_0000_0000)),
        (Mode::Level4, 0x10, Some(0x0800_0000_0000)),
        (Mode::Level5, 0x1ed, Some(0xffed_0000_0000_0000)),
    ] {
        let mut bench = Bench::paged(mode);
        let root = bench.machine.cpus[0].control.cr3;
        let mut buffer = [0; 8];
        let error = bench.spaces().read_processor_system_data(0, 3, &mut buffer).unwrap_err();
        assert_eq!(error.hresult(), HResult::FAIL, "{mode:?}");
        let size = if mode == Mode::Legacy { 4 } else { 8 };
        bench.poke(root + index * size, &(root | 0x63).to_le_bytes()[..size as usize]);
        let done = bench.spaces().read_processor_system_data(0, 3, &mut buffer);
        assert_eq!(done.ok().map(|_| u64::from_le_bytes(buffer)), base, "{mode:?}");
        if let Some(base) = base {
            // There is a table there: the root itself, below its own entry at every level.
            let bits = if mode == Mode::Legacy { 10 } else { 9 };
            let at = (0..mode.levels()).fold(0, |at, level| at | index << (12 + bits * u64::from(level)));
            let at = at | base;
            assert_eq!(bench.spaces().virtual_to_physical(at), Ok(root), "{mode:?}");
        }
    }
}

#[test]
fn other_processors_and_indexes_are_invalid_arguments() {
    let mut bench = Bench::new();
    for (processor, index) in [(1, 4), (u32::MAX, 4), (0, 6), (0, u32::MAX)] {
        let error = bench.spaces().read_processor_system_data(processor, index, &mut [0; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
    }
}

#[test]
fn pae_and_paging_levels_are_known_without_a_windows_kernel() {
    for (mode, levels) in MODES.into_iter().zip([2, 3, 4, 5]) {
        let mut bench = Bench::paged(mode);
        let mut spaces = bench.spaces();
        let mut buffer = [9; 8];
        let done = spaces.read_debugger_data(100_000, &mut buffer).unwrap();
        assert_eq!((done.size, &buffer[..2]), (1, &[u8::from(levels > 2), 9][..]));
        let done = spaces.read_debugger_data(100_080, &mut buffer).unwrap();
        assert_eq!((done.size, &buffer[..5]), (4, &[levels, 0, 0, 0, 9][..]));
        let done = spaces.read_debugger_data(100_080, &mut buffer[..2]).unwrap();
        assert_eq!((done.size, done.hresult()), (4, HResult::FALSE));
    }
    let mut bench = Bench::new();
    assert_eq!(bench.spaces().read_debugger_data(100_080, &mut [0; 4]).unwrap_err().hresult(), HResult::FAIL);
}

#[test]
fn what_a_windows_kernel_or_a_dump_would_tell_is_unexpected() {
    let mut bench = Bench::paged(Mode::Level4);
    for index in [24, 72, 304, 664, 666, 704, 712, 864, 100_008, 100_024, 100_032, 100_072] {
        let error = bench.spaces().read_debugger_data(index, &mut [0; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::UNEXPECTED, "{index}");
    }
    for index in [0, 23, 25, 48, 665, 706, 865, 99_999, 100_001, 100_081, 100_088, u32::MAX] {
        let error = bench.spaces().read_debugger_data(index, &mut [0; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG, "{index}");
    }
}

#[test]
fn low_memory_and_handles_have_their_documented_codes() {
    let mut bench = Bench::new();
    let spaces = bench.spaces();
    assert_eq!(spaces.check_low_memory().unwrap_err().hresult(), HResult::NOTIMPL);
    assert_eq!(spaces.read_handle_data(4, 0).unwrap_err().hresult(), HResult::UNEXPECTED);
}

/// A guest with what a Windows kernel keeps for debuggers.
#[test]
fn debugger_data_is_found_in_a_windows_guest() {
    let mut bench = Bench::paged(Mode::Level4);
    let base = 0xffff_8000_0000_0000u64;
    bench.map(base, DATA, RW);
    bench.map(0xffff_f780_0000_0000, DATA + 0x1000, RW);
    let mut put = |at: u64, value: u64| bench.poke(DATA + at, &value.to_le_bytes());
    put(0x18, base);
    put(0x20, base + 0x180);
    // The version block at 0x400, the list's head at 0x500, the block at 0x600.
    put(0x108, base + 0x400);
    put(0x420, base + 0x500);
    put(0x500, base + 0x600);
    put(0x610, u64::from(u32::from_le_bytes(*b"KDBG")) | 0x300 << 32);
    put(0x618, 0xffff_f800_1234_0000);
    put(0x600 + 664, 0x1111_2222_3333_4444);
    put(0x1264, 3);
    put(0x12d0, 0x110);
    let read = |bench: &mut Bench, index: u32| {
        let mut buffer = [0; 8];
        let done = bench.spaces().read_debugger_data(index, &mut buffer);
        done.map(|done| (done.size, u64::from_le_bytes(buffer))).map_err(|error| error.hresult())
    };
    for index in [24, 664, 100_008, 100_016, 100_024] {
        assert_eq!(read(&mut bench, index), Err(HResult::UNEXPECTED), "no GS base leads there");
    }
    bench.spaces().write_msr(0xc000_0101, base).unwrap();
    assert_eq!(read(&mut bench, 24), Ok((8, 0xffff_f800_1234_0000)));
    assert_eq!(read(&mut bench, 664), Ok((2, 0x4444)));
    assert_eq!(read(&mut bench, 100_008), Ok((8, 0xffff_f780_0000_0000)));
    assert_eq!((read(&mut bench, 100_016), read(&mut bench, 100_024)), (Ok((4, 3)), Ok((4, 0x110))));
    // Beyond the block's own size, and without the tag.
    assert_eq!(read(&mut bench, 864), Err(HResult::UNEXPECTED));
    bench.poke(DATA + 0x610, b"XDBG");
    assert_eq!(read(&mut bench, 24), Err(HResult::UNEXPECTED));
}
