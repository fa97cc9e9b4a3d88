//! SMEP, SMAP, protection keys, UMIP, alignment checks (SDM volume 3, 2.5, 5.6, 7.15).

use super::prelude::*;

const P: u64 = 1;
const W: u64 = 2;
const U: u64 = 4;
const I: u64 = 16;
const PK: u64 = 32;

/// Every page of a [`trapped`] machine is one of the supervisor's, but for that of [`DATA`].
fn supervised(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = trapped(code);
    for page in 0..512 {
        put(&mut machine, TABLE + 8 * page, page << 12 | OPEN & !entry::US);
    }
    put(&mut machine, TABLE + 8 * (DATA >> 12), DATA | OPEN);
    for large in 1..4 {
        put(&mut machine, PML4 + 0x2000 + 8 * large, large << 21 | OPEN & !entry::US | entry::PS);
    }
    machine
}

fn set_cr4(machine: &mut Machine, bits: u64) {
    machine.cpus[0].control.cr4 |= bits;
    machine.cpus[0].refresh();
}

#[test]
fn smep_keeps_the_supervisor_from_user_code() {
    for (bits, expected) in [(0, (3, None)), (bits4::SMEP, (14, Some(P | I)))] {
        let mut machine = supervised(|a| a.jmp(DATA));
        place(&mut machine, DATA, |a| a.int3().unwrap());
        set_cr4(&mut machine, bits);
        assert_eq!(caught(&mut machine), expected);
    }
}

#[test]
fn a_fetch_is_told_with_smep_or_nxe() {
    // SDM volume 3, 5.7: bit 4 of the error code.
    for (smep, nxe, expected) in [(false, false, 0), (true, false, I), (false, true, I)] {
        let mut machine = supervised(|a| a.jmp(DATA));
        put(&mut machine, TABLE + 8 * (DATA >> 12), 0);
        set_cr4(&mut machine, if smep { bits4::SMEP } else { 0 });
        if !nxe {
            machine.cpus[0].control.efer &= !efer::NXE;
        }
        assert_eq!(caught(&mut machine), (14, Some(expected)));
    }
}

#[test]
fn smap_keeps_the_supervisor_from_user_data_unless_ac_is_set() {
    let read: Code<'_> = &|a| a.mov(rax, qword_ptr(DATA));
    let write: Code<'_> = &|a| a.mov(qword_ptr(DATA), rax);
    for (access, code) in [(read, P), (write, P | W)] {
        let mut machine = supervised(|a| {
            a.stac()?;
            access(a)?;
            a.clac()?;
            access(a)
        });
        set_cr4(&mut machine, bits4::SMAP);
        assert_eq!(caught(&mut machine), (14, Some(code)));
        // STAC, an access, CLAC.
        let length = (frame(&machine, true)[0] - CODE) / 2;
        assert_eq!(frame(&machine, true)[0], CODE + 2 * length);
        assert!(length > 3);
        assert_eq!(frame(&machine, true)[2] & flag::AC, 0);
    }
}

#[test]
fn ac_does_not_override_smap_for_implicit_accesses() {
    // SDM volume 3, 5.6: those to the GDT are supervisor accesses whatever AC says.
    let mut machine = supervised(|a| {
        a.stac()?;
        a.mov(eax, u32::from(DATA0))?;
        a.mov(ds, eax)
    });
    set_cr4(&mut machine, bits4::SMAP);
    put(&mut machine, DATA + u64::from(DATA0), 0x00cf_9300_0000_ffff);
    machine.cpus[0].gdtr.base = DATA;
    // The delivery reads the descriptor of CS, which is held in no register: it faults too.
    gate(&mut machine, 8, HANDLERS + 16 * 8, 0, 0);
    assert_eq!(machine.run(100), Stop::TripleFault);
    assert_eq!(machine.cpus[0].control.cr2, DATA + 8);
    // With the table elsewhere the same code comes through.
    machine = supervised(|a| {
        a.stac()?;
        a.mov(eax, u32::from(DATA0))?;
        a.mov(ds, eax)?;
        a.int3()
    });
    set_cr4(&mut machine, bits4::SMAP);
    assert_eq!(caught(&mut machine).0, 3);
}

#[test]
fn stac_and_clac_are_for_ring_0() {
    for user in [false, true] {
        let mut machine = trapped(|a| {
            a.stac()?;
            a.hlt()
        });
        if user {
            ring3(&mut machine.cpus[0]);
            assert_eq!(caught(&mut machine).0, 6);
        } else {
            assert_eq!(machine.run(100), Stop::Halted);
            assert_ne!(machine.cpus[0].flags.rflags() & flag::AC, 0);
        }
    }
}

#[test]
fn umip_hides_system_state_from_ring_3() {
    let cases: [Code<'_>; 7] = [
        &|a| a.sgdt(ptr(DATA)),
        &|a| a.sidt(ptr(DATA)),
        &|a| a.sldt(eax),
        &|a| a.str(eax),
        &|a| a.smsw(eax),
        &|a| a.smsw(word_ptr(DATA)),
        &|a| a.str(word_ptr(DATA)),
    ];
    for code in cases {
        for (umip, user) in [(false, true), (true, false), (true, true)] {
            let mut machine = trapped(|a| {
                code(a)?;
                a.int3()
            });
            gate(&mut machine, 3, HANDLERS + 16 * 3, 0, 3);
            if umip {
                set_cr4(&mut machine, bits4::UMIP);
            }
            if user {
                ring3(&mut machine.cpus[0]);
            }
            let expected = if umip && user { (13, Some(0)) } else { (3, None) };
            assert_eq!(caught(&mut machine), expected);
        }
    }
}

// --- 5.6.2: protection keys -------------------------------------------------------------------

/// The outcome of an access to a page with key 5 under these rights for it.
fn keyed(rights: u32, user: bool, wp: bool, page: u64, code: Code<'_>) -> (u64, Option<u64>) {
    let mut machine = trapped(|a| {
        code(a)?;
        a.int3()
    });
    gate(&mut machine, 3, HANDLERS + 16 * 3, 0, 3);
    put(&mut machine, TABLE + 8 * (DATA >> 12), DATA | page | 5 << entry::KEY_SHIFT);
    set_cr4(&mut machine, bits4::PKE);
    let cpu = &mut machine.cpus[0];
    cpu.control.pkru = rights << 10;
    if !wp {
        cpu.control.cr0 &= !bits0::WP;
    }
    if user {
        ring3(cpu);
    }
    caught(&mut machine)
}

#[test]
fn protection_keys_guard_data_of_user_pages() {
    let read: Code<'_> = &|a| a.mov(rcx, qword_ptr(DATA));
    let write: Code<'_> = &|a| a.mov(qword_ptr(DATA), rcx);
    let fetch: Code<'_> = &|a| a.call(DATA);
    const AD: u32 = 1;
    const WD: u32 = 2;
    let fine = (3, None);
    let fault = |code| (14, Some(code));
    assert_eq!(keyed(0, true, true, OPEN, write), fine);
    assert_eq!(keyed(AD, true, true, OPEN, read), fault(P | PK | U));
    assert_eq!(keyed(AD, true, true, OPEN, write), fault(P | PK | U | W));
    assert_eq!(keyed(WD, true, true, OPEN, read), fine);
    assert_eq!(keyed(WD, true, true, OPEN, write), fault(P | PK | U | W));
    assert_eq!(keyed(AD, false, true, OPEN, read), fault(P | PK));
    assert_eq!(keyed(WD, false, true, OPEN, write), fault(P | PK | W));
    assert_eq!(keyed(WD, false, false, OPEN, write), fine);
    assert_eq!(keyed(AD, false, false, OPEN, write), fault(P | PK | W));
    // Not those of the supervisor, and not fetches (a zeroed page is ADD [rax], al).
    assert_eq!(keyed(AD | WD, false, true, OPEN & !entry::US, write), fine);
    assert_ne!(keyed(AD | WD, true, true, OPEN, fetch).1, Some(P | PK | U | I));
    // The key is told beside another reason.
    assert_eq!(keyed(WD, true, true, OPEN & !entry::RW, write), fault(P | PK | U | W));
    assert_eq!(keyed(AD, true, true, OPEN & !entry::RW, write), fault(P | PK | U | W));
}

#[test]
fn wrpkru_takes_effect_at_once() {
    let mut machine = trapped(|a| {
        a.mov(rbx, qword_ptr(DATA))?;
        a.mov(eax, 3 << 10)?;
        a.xor(ecx, ecx)?;
        a.xor(edx, edx)?;
        a.wrpkru()?;
        a.rdpkru()?;
        a.mov(rbx, qword_ptr(DATA))
    });
    put(&mut machine, TABLE + 8 * (DATA >> 12), DATA | OPEN | 5 << entry::KEY_SHIFT);
    set_cr4(&mut machine, bits4::PKE);
    assert_eq!(caught(&mut machine), (14, Some(P | PK)));
    assert_eq!(machine.cpus[0].gpr[RAX], 3 << 10);
}

#[test]
fn rdpkru_and_wrpkru_want_zeros_and_pke() {
    let rd: Code<'_> = &|a| a.rdpkru();
    let wr: Code<'_> = &|a| a.wrpkru();
    for (code, pke, low, high, expected) in [
        (rd, false, 0, 0, (6, None)),
        (wr, false, 0, 0, (6, None)),
        (rd, true, 1, 0, (13, Some(0))),
        (wr, true, 1, 0, (13, Some(0))),
        (wr, true, 0, 1, (13, Some(0))),
        (rd, true, 0, 1, (3, None)),
    ] {
        let mut machine = trapped(|a| {
            code(a)?;
            a.int3()
        });
        set_cr4(&mut machine, if pke { bits4::PKE } else { 0 });
        (machine.cpus[0].gpr[RCX], machine.cpus[0].gpr[RDX]) = (low, high);
        assert_eq!(caught(&mut machine), expected);
    }
}

// --- 7.15: alignment checks -------------------------------------------------------------------

#[test]
fn alignment_is_checked_in_ring_3_with_am_and_ac() {
    let word: Code<'_> = &|a| a.mov(ax, word_ptr(DATA + 1));
    let fine: Code<'_> = &|a| a.mov(ax, word_ptr(DATA + 2));
    let quad: Code<'_> = &|a| a.mov(qword_ptr(DATA + 4), rax);
    let modify: Code<'_> = &|a| a.inc(dword_ptr(DATA + 2));
    let byte: Code<'_> = &|a| a.mov(al, byte_ptr(DATA + 1));
    let push: Code<'_> = &|a| {
        a.mov(esp, (STACK - 4) as u32)?;
        a.push(rax)
    };
    let sse: Code<'_> = &|a| a.movups(xmm0, xmmword_ptr(DATA + 8));
    let unmapped: Code<'_> = &|a| a.mov(eax, dword_ptr(0x100_0000_0001u64));
    for (code, checked) in [
        (word, true),
        (fine, false),
        (quad, true),
        (modify, true),
        (byte, false),
        (push, true),
        (sse, true),
        (unmapped, true),
    ] {
        for (am, ac, user) in
            [(true, true, true), (false, true, true), (true, false, true), (true, true, false)]
        {
            let mut machine = trapped(|a| {
                code(a)?;
                a.int3()
            });
            gate(&mut machine, 3, HANDLERS + 16 * 3, 0, 3);
            let cpu = &mut machine.cpus[0];
            cpu.control.cr0 |= if am { bits0::AM } else { 0 };
            cpu.flags.system |= if ac { flag::AC } else { 0 };
            cpu.control.cr4 |= bits4::OSFXSR;
            cpu.refresh();
            if user {
                ring3(cpu);
            }
            let (vector, error) = caught(&mut machine);
            if checked && am && ac && user {
                assert_eq!((vector, error), (17, Some(0)));
            } else {
                assert_ne!(vector, 17);
            }
        }
    }
}

#[test]
fn popf_turns_alignment_checks_on() {
    let mut machine = trapped(|a| {
        a.mov(rax, qword_ptr(DATA + 4))?;
        a.pushfq()?;
        a.or(dword_ptr(rsp), flag::AC as i32)?;
        a.popfq()?;
        a.inc(ebx)?;
        a.mov(rax, qword_ptr(DATA + 4))
    });
    machine.cpus[0].control.cr0 |= bits0::AM;
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine), (17, Some(0)));
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
    // The handler runs in ring 0: nothing is checked there, whatever AC is.
    assert_ne!(frame(&machine, true)[2] & flag::AC, 0);
}
