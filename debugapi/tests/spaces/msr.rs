//! Model-specific registers: section 3.8 of the contract.

use ringhold_debugapi::{Error, HResult};
use ringhold_emulator::mmu::walk::Mode;

use crate::bench::Bench;

const LSTAR: u32 = 0xc000_0082;
const EFER: u32 = 0xc000_0080;

#[test]
fn values_are_read_and_written_as_the_processor_does() {
    let mut bench = Bench::new();
    let mut spaces = bench.spaces();
    let done = spaces.write_msr(LSTAR, 0xffff_8000_0000_1000).unwrap();
    assert_eq!(done.count, 8);
    assert_eq!(bench.machine.cpus[0].msr.lstar, 0xffff_8000_0000_1000);
    assert_eq!(bench.spaces().read_msr(LSTAR).unwrap().0, 0xffff_8000_0000_1000);
    bench.spaces().write_msr(0xc000_0101, 0x1234).unwrap();
    assert_eq!(bench.machine.cpus[0].seg_base[5], 0x1234, "the side effect of a new GS base");
}

#[test]
fn unknown_registers_and_reserved_bits_fail_without_a_fault() {
    let mut bench = Bench::paged(Mode::Level4);
    let before = bench.state();
    for (msr, value) in [(0xdead_beef, 0), (LSTAR, 1 << 63), (EFER, 1 << 40), (EFER, 0)] {
        let error = bench.spaces().write_msr(msr, value).unwrap_err();
        assert_eq!(error, Error::Msr(msr));
        assert_eq!(error.hresult(), HResult(0xd000_000e));
    }
    assert_eq!(bench.spaces().read_msr(0xdead_beef).unwrap_err().hresult(), HResult(0xd000_000e));
    assert!(bench.state() == before);
}
