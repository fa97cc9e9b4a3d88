//! Control space: section 3.6 of the contract.

use ringhold_debugapi::HResult;
use ringhold_debugapi::spaces::SPECIAL_REGISTERS_BYTES;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::RW;

use crate::bench::{Bench, DATA};

fn block(bench: &mut Bench) -> Vec<u8> {
    let mut block = vec![0; 0x100];
    let done = bench.spaces().read_control(0, 2, &mut block).unwrap();
    assert_eq!(done.count, SPECIAL_REGISTERS_BYTES);
    block.truncate(done.count);
    block
}

#[test]
fn selector_2_is_the_block_of_special_registers() {
    let mut bench = Bench::paged(Mode::Level4);
    let cpu = &mut bench.machine.cpus[0];
    cpu.control.dr[3] = 0x3333;
    cpu.gdtr.base = 0xffff_8000_0000_0000;
    cpu.gdtr.limit = 0x7f;
    cpu.msr.lstar = 0xabcd;
    let (cr3, cr4) = (cpu.control.cr3, cpu.control.cr4);
    let block = block(&mut bench);
    let word = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().unwrap());
    assert_eq!((word(0x10), word(0x18), word(0x38), word(0xc0)), (cr3, cr4, 0x3333, 0xabcd));
    assert_eq!((word(0x58), &block[0x56..0x58]), (0xffff_8000_0000_0000, &[0x7f, 0][..]));
}

#[test]
fn a_short_buffer_gets_a_prefix() {
    let mut bench = Bench::paged(Mode::Level4);
    let whole = block(&mut bench);
    for len in [1, 0x10, 0x57, 0xa8] {
        let mut buffer = vec![0; len];
        assert_eq!(bench.spaces().read_control(0, 2, &mut buffer).unwrap().count, len);
        assert_eq!(buffer, whole[..len]);
    }
}

#[test]
fn a_write_changes_the_fields_that_differ() {
    let mut bench = Bench::paged(Mode::Level4);
    let mut new = block(&mut bench);
    new[0x20..0x28].copy_from_slice(&0x1234u64.to_le_bytes());
    new[0xc0..0xc8].copy_from_slice(&0x5678u64.to_le_bytes());
    let done = bench.spaces().write_control(0, 2, &new).unwrap();
    assert_eq!((done.count, done.receipts.len()), (SPECIAL_REGISTERS_BYTES, 2));
    let cpu = &bench.machine.cpus[0];
    assert_eq!((cpu.control.dr[0], cpu.msr.lstar), (0x1234, 0x5678));
    assert_eq!(block(&mut bench), new);
}

#[test]
fn a_refused_field_ends_the_write() {
    let mut bench = Bench::paged(Mode::Level4);
    let mut new = block(&mut bench);
    new[0x08] = 1;
    new[0xc0..0xc8].copy_from_slice(&(1u64 << 63).to_le_bytes());
    new[0xc8] = 1;
    assert_eq!(bench.spaces().write_control(0, 2, &new).unwrap().count, 0xc0);
    let cpu = &bench.machine.cpus[0];
    assert_eq!((cpu.control.cr2, cpu.msr.lstar, cpu.msr.cstar), (1, 0, 0));
    new[0] ^= 1;
    let error = bench.spaces().write_control(0, 2, &new).unwrap_err();
    assert_eq!(error.hresult(), HResult::WRITE_FAULT, "CR0 with PG and without PE");
}

#[test]
fn other_selectors_and_processors_fail() {
    let mut bench = Bench::paged(Mode::Level4);
    let before = bench.state();
    for selector in [0, 1, 3] {
        assert_eq!(
            bench.spaces().read_control(0, selector, &mut [0; 8]).unwrap_err().hresult(),
            HResult::FAIL
        );
        assert_eq!(bench.spaces().write_control(0, selector, &[0; 8]).unwrap_err().hresult(), HResult::FAIL);
    }
    for (processor, selector) in [(0, 4), (0, u64::MAX), (1, 2), (u32::MAX, 2)] {
        let error = bench.spaces().read_control(processor, selector, &mut [0; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
        let error = bench.spaces().write_control(processor, selector, &[0; 8]).unwrap_err();
        assert_eq!(error.hresult(), HResult::INVALIDARG);
    }
    assert!(bench.state() == before);
}

#[test]
fn a_control_region_that_points_at_itself_is_found() {
    let mut bench = Bench::paged(Mode::Level4);
    let base = 0xffff_8000_0000_0000u64;
    bench.map(base, DATA, RW);
    bench.poke(DATA + 0x18, &base.to_le_bytes());
    bench.poke(DATA + 0x20, &(base + 0x180).to_le_bytes());
    bench.poke(DATA + 0x188, &0xdeadu64.to_le_bytes());
    bench.spaces().write_msr(0xc000_0101, base).unwrap();
    for (selector, value) in [(0, base), (1, base + 0x180), (3, 0xdead)] {
        let mut buffer = [0; 8];
        assert_eq!(bench.spaces().read_control(0, selector, &mut buffer).unwrap().count, 8);
        assert_eq!(u64::from_le_bytes(buffer), value);
    }
}
