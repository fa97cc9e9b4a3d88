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

// --- 5.5: 1 GiB pages, 5 levels ----------------------------------------------------------------

#[test]
fn pages_of_a_gigabyte() {
    for offered in [false, true] {
        let mut machine = trapped(|a| {
            a.mov(rax, 0x4000_0000u64 + DATA)?;
            a.mov(rbx, qword_ptr(rax))?;
            a.int3()
        });
        machine.cpus[0].model.features.set(Feature::Pdpe1gb, offered);
        put(&mut machine, DATA, 0x1234_5678);
        put(&mut machine, PML4 + 0x1008, OPEN | entry::PS | 1 << 12);
        let expected = if offered { (3, None) } else { (14, Some(P | RSVD)) };
        assert_eq!(caught(&mut machine), expected);
        assert_eq!(machine.cpus[0].gpr[RBX], if offered { 0x1234_5678 } else { 0 });
        let used = if offered { entry::A } else { 0 };
        assert_eq!(get(&machine, PML4 + 0x1008), OPEN | entry::PS | 1 << 12 | used);
        // Address bits between PAT and the page's size are reserved.
        put(&mut machine, PML4 + 0x1008, OPEN | entry::PS | 1 << 13);
        machine.cpus[0].tlb.flush_all();
        machine.cpus[0].rip = CODE;
        machine.cpus[0].activity = Activity::Running;
        assert_eq!(caught(&mut machine), (14, Some(P | RSVD)));
    }
}

#[test]
fn five_levels_and_57_bits() {
    let far = 0xff00_0000_0000_0000 | DATA; // canonical in 57 bits alone
    let mut machine = trapped(|a| {
        a.mov(rax, far)?;
        a.mov(rbx, qword_ptr(rax))?;
        a.btr(rax, 63)?;
        a.mov(rbx, qword_ptr(rax))
    });
    let root = PML4 + 0x8000;
    put(&mut machine, root, PML4 | OPEN);
    put(&mut machine, root + 8 * 256, PML4 | OPEN);
    put(&mut machine, DATA, 77);
    let cpu = &mut machine.cpus[0];
    cpu.control.cr3 = root;
    cpu.control.cr4 |= bits4::LA57;
    cpu.refresh();
    cpu.tlb.flush_all();
    assert_eq!(caught(&mut machine), (13, Some(0)));
    assert_eq!(machine.cpus[0].gpr[RBX], 77);
    // With four levels the same address is not canonical.
    let mut machine = trapped(|a| {
        a.mov(rax, far)?;
        a.mov(rbx, qword_ptr(rax))
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
    assert_eq!(machine.cpus[0].gpr[RBX], 0);
}

#[test]
fn the_number_of_levels_is_decided_outside_long_mode() {
    let mut machine = trapped(|a| {
        a.mov(rax, cr4)?;
        a.bts(rax, 12)?;
        a.mov(cr4, rax)
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
}

#[test]
fn system_registers_take_the_widest_canonical_addresses() {
    // 5-Level Paging white paper, 2.4: whatever CR4.LA57 is.
    for offered in [false, true] {
        let mut machine = trapped(|a| {
            a.mov(ecx, 0xc000_0102u32)?;
            a.xor(eax, eax)?;
            a.mov(edx, 0x00f0_0000)?;
            a.wrmsr()?;
            a.int3()
        });
        machine.cpus[0].model.features.set(Feature::La57, offered);
        assert_eq!(caught(&mut machine).0, if offered { 3 } else { 13 });
    }
}

// --- 5.10: process-context identifiers ----------------------------------------------------------

#[test]
fn pcids_begin_in_long_mode_with_zero() {
    for (low, expected) in [(0, 3), (1, 13)] {
        let mut machine = trapped(|a| {
            a.mov(rax, cr4)?;
            a.bts(rax, 17)?;
            a.mov(cr4, rax)?;
            a.int3()
        });
        machine.cpus[0].control.cr3 |= low;
        assert_eq!(caught(&mut machine).0, expected);
    }
    let mut machine = super::legacy::protected(|a| {
        a.mov(eax, cr4)?;
        a.bts(eax, 17)?;
        a.mov(cr4, eax)
    });
    assert_eq!(super::legacy::caught32(&mut machine), (13, Some(0)));
}

#[test]
fn bit_63_of_cr3_is_not_kept() {
    for pcids in [false, true] {
        let mut machine = trapped(|a| {
            a.mov(rax, cr3)?;
            a.bts(rax, 63)?;
            a.mov(cr3, rax)?;
            a.mov(rbx, cr3)?;
            a.int3()
        });
        if pcids {
            machine.cpus[0].control.cr4 |= bits4::PCIDE;
        }
        assert_eq!(caught(&mut machine).0, if pcids { 3 } else { 13 });
        assert_eq!(machine.cpus[0].gpr[RBX], if pcids { PML4 } else { 0 });
    }
}

/// Reads DATA, makes its page absent, executes INVPCID, reads again: the vector.
fn after_invpcid(kind: u64, pcid: u64, linear: u64, global: bool, pcids: bool) -> (u64, Option<u64>) {
    let mut machine = trapped(|a| {
        a.mov(rbx, qword_ptr(DATA))?;
        a.mov(rax, TABLE + 8 * (DATA >> 12))?;
        a.mov(qword_ptr(rax), 0)?;
        a.mov(ecx, kind as u32)?;
        a.invpcid(rcx, xmmword_ptr(DATA + 0x1000))?;
        a.mov(rbx, qword_ptr(DATA))?;
        a.int3()
    });
    let global = if global { entry::G } else { 0 };
    put(&mut machine, TABLE + 8 * (DATA >> 12), DATA | OPEN | global);
    put(&mut machine, DATA + 0x1000, pcid);
    put(&mut machine, DATA + 0x1008, linear);
    let cpu = &mut machine.cpus[0];
    if pcids {
        cpu.control.cr4 |= bits4::PCIDE;
        cpu.control.cr3 |= 7;
    }
    caught(&mut machine)
}

#[test]
fn invpcid_drops_what_its_type_says() {
    let (stale, gone) = ((3, None), (14, Some(0)));
    for (kind, pcid, linear, global, expected) in [
        (0, 7, DATA, false, gone),
        (0, 7, DATA + 0x1000, false, stale),
        (0, 6, DATA, false, stale),
        (1, 7, 0, false, gone),
        (1, 7, 0, true, stale),
        (1, 6, 0, false, stale),
        (2, 0, 0, true, gone),
        (3, 0, 0, false, gone),
        (3, 0, 0, true, stale),
    ] {
        assert_eq!(after_invpcid(kind, pcid, linear, global, true), expected, "type {kind}");
    }
}

#[test]
fn invpcid_refuses_what_cannot_be() {
    let refused = (13, Some(0));
    assert_eq!(after_invpcid(4, 0, 0, false, true), refused);
    assert_eq!(after_invpcid(2, 0x1000, 0, false, true), refused);
    assert_eq!(after_invpcid(0, 7, 1 << 56, false, true), refused);
    assert_eq!(after_invpcid(0, 7, 1 << 47, false, true), (3, None), "five levels are offered");
    assert_eq!(after_invpcid(1, 7, 0, false, false), refused);
    assert_eq!(after_invpcid(1, 0, 0, false, false), (14, Some(0)));
}

// --- 5.3, 5.4: 32-bit and PAE paging -------------------------------------------------------------

/// A 32-bit machine with paging on: `pae` or not, the first 4 MiB as they are.
fn paged(pae: bool, code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = super::legacy::protected(code);
    let root = 0x10_0000;
    if pae {
        put(&mut machine, root, root + 0x1000 + entry::P);
        for n in 0..2 {
            put(&mut machine, root + 0x1000 + 8 * n, n << 21 | OPEN | entry::PS);
        }
    } else {
        write(&mut machine, root, &((OPEN | entry::PS) as u32).to_le_bytes());
    }
    let cpu = &mut machine.cpus[0];
    cpu.control.cr3 = root;
    cpu.control.cr4 |= if pae { bits4::PAE } else { bits4::PSE };
    cpu.control.pdptes[0] = if pae { root + 0x1000 + entry::P } else { 0 };
    cpu.control.cr0 |= bits0::PG | bits0::WP;
    cpu.refresh();
    machine
}

const ROOT: u64 = 0x10_0000;

#[test]
fn pse_36_has_forty_bits_or_thirty_two() {
    // The second 4 MiB map to 4 GiB and more, where nothing is: all ones.
    for (pde, pse36, expected) in [
        (1 << 13, true, (3, None)),
        (1 << 13, false, (14, Some(P as u32 | RSVD as u32))),
        (1 << 21, true, (14, Some(P as u32 | RSVD as u32))),
    ] {
        let mut machine = paged(false, |a| {
            a.mov(eax, dword_ptr(0x40_0000u32))?;
            a.int3()
        });
        machine.cpus[0].model.features.set(Feature::Pse36, pse36);
        write(&mut machine, ROOT + 4, &((OPEN | entry::PS | pde) as u32).to_le_bytes());
        assert_eq!(super::legacy::caught32(&mut machine), expected);
        assert_eq!(machine.cpus[0].gpr[RAX], if expected.0 == 3 { 0xffff_ffff } else { 0 });
    }
}

#[test]
fn pdptes_are_checked_when_they_are_loaded() {
    // SDM volume 3, 5.4.1: #GP for a present one with reserved bits; an absent one may have any.
    for (value, expected) in [(1 << 1 | entry::P, 13), (1 << 45 | entry::P, 13), (!1, 3), (ROOT + 0x1001, 3)]
    {
        let mut machine = paged(true, |a| {
            a.mov(eax, cr3)?;
            a.mov(cr3, eax)?;
            a.int3()
        });
        put(&mut machine, ROOT + 24, value);
        assert_eq!(super::legacy::caught32(&mut machine).0, expected, "{value:#x}");
    }
}

#[test]
fn pdptes_are_loaded_by_mov_cr3_alone() {
    let mut machine = paged(true, |a| {
        a.mov(ebx, dword_ptr(0x4000_0000u32 + DATA as u32))?;
        a.mov(eax, cr3)?;
        a.mov(cr3, eax)?;
        a.mov(ebx, dword_ptr(0x4000_0000u32 + DATA as u32))
    });
    put(&mut machine, DATA, 5);
    machine.cpus[0].control.pdptes[1] = ROOT + 0x1001;
    put(&mut machine, ROOT + 8, 0);
    assert_eq!(super::legacy::caught32(&mut machine), (14, Some(0)));
    assert_eq!(machine.cpus[0].gpr[RBX], 5);
}

#[test]
fn pae_entries_keep_bits_62_to_52_reserved() {
    let mut machine = paged(true, |a| a.mov(eax, dword_ptr(0x20_0000u32)));
    put(&mut machine, ROOT + 0x1008, 1 << 21 | OPEN | entry::PS | 1 << 59);
    assert_eq!(super::legacy::caught32(&mut machine), (14, Some(P as u32 | RSVD as u32)));
}
