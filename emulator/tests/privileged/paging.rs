//! Page faults and their error codes (SDM volume 3, chapter 5).

use super::prelude::*;

// --- 5.7: page-fault exceptions ----------------------------------------------------------------

const P: u64 = 1;
const W: u64 = 2;
const U: u64 = 4;
const RSVD: u64 = 8;
const I: u64 = 16;

/// Faults at `DATA + 8` with this page-table entry, by the access of `code`.
fn page_fault(entry: u64, user: bool, code: impl FnOnce(&mut CodeAssembler) -> Coded) -> u64 {
    let mut machine = trapped(code);
    put(&mut machine, TABLE + 8 * (DATA >> 12), entry);
    if user {
        ring3(&mut machine.cpus[0]);
    }
    let (vector, error) = caught(&mut machine);
    assert_eq!((vector, machine.cpus[0].control.cr2), (14, DATA + 8));
    // A fault leaves no trace.
    assert_eq!(get(&machine, TABLE + 8 * (DATA >> 12)), entry);
    error.unwrap()
}

#[test]
fn page_fault_codes() {
    let read = |a: &mut CodeAssembler| a.mov(rax, qword_ptr(DATA + 8));
    let write = |a: &mut CodeAssembler| a.mov(qword_ptr(DATA + 8), rax);
    let modify = |a: &mut CodeAssembler| a.add(qword_ptr(DATA + 8), rax);
    let fetch = |a: &mut CodeAssembler| a.jmp(DATA + 8);
    let page = DATA | OPEN;
    let reserved = 1 << 45;
    for (entry, user, expected) in [(0, false, 0), (page | reserved, false, P | RSVD), (0, true, U)] {
        assert_eq!(page_fault(entry, user, read), expected);
        assert_eq!(page_fault(entry, user, write), expected | W);
        assert_eq!(page_fault(entry, user, modify), expected | W);
        assert_eq!(page_fault(entry, user, fetch), expected | I);
    }
    assert_eq!(page_fault(page & !entry::RW, false, write), P | W);
    assert_eq!(page_fault(page & !entry::RW, true, modify), P | W | U);
    assert_eq!(page_fault(page & !entry::US, true, read), P | U);
    assert_eq!(page_fault(page & !entry::US, true, fetch), P | U | I);
    assert_eq!(page_fault(page | entry::XD, false, fetch), P | I);
}

#[test]
fn without_write_protection_ring_0_may_write() {
    let mut machine = trapped(|a| {
        a.mov(qword_ptr(DATA), rsp)?;
        a.int3()
    });
    put(&mut machine, TABLE + 8 * (DATA >> 12), DATA | OPEN & !entry::RW);
    machine.cpus[0].control.cr0 &= !bits0::WP;
    assert_eq!(caught(&mut machine).0, 3);
    assert_eq!(get(&machine, DATA), STACK);
    let expected = DATA | OPEN & !entry::RW | entry::A | entry::D;
    assert_eq!(get(&machine, TABLE + 8 * (DATA >> 12)), expected);
}
