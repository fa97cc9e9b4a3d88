//! MOVDIRI, MOVDIR64B, SERIALIZE and WAITPKG, rule by rule from the manual (SDM volume 2): neither the hosts
//! that judge instructions nor the peers have them.

use super::prelude::*;

/// Where lines are moved to.
const TO: u64 = DATA + 0x1000;
const ES: usize = sreg::ES as usize;
/// IA32_UMWAIT_CONTROL
const UMWAIT_CONTROL: u32 = 0xe1;
/// The flags that UMWAIT and TPAUSE change.
const ARITHMETIC: u64 = 0x8d5;

/// A machine with every feature that halts behind this code.
fn machine(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    trapped(|a| {
        code(a)?;
        a.hlt()
    })
}

/// Runs to the HLT at the end of the program.
fn finish(machine: &mut Machine) {
    assert_eq!(machine.run(1000), Stop::Halted);
    assert!((CODE..CODE + 0x1000).contains(&machine.cpus[0].rip), "a fault came");
}

/// A machine in compatibility mode with a 32-bit code segment; DS and ES begin elsewhere.
fn compatibility(bytes: &[u8]) -> Machine {
    let mut machine = trapped(|a| a.hlt());
    write(&mut machine, CODE, bytes);
    let cpu = &mut machine.cpus[0];
    cpu.seg[CS].access = 0xc09b;
    for (index, base) in [(DS, DATA), (ES, TO)] {
        cpu.seg[index] = Segment { selector: 0x10, base, limit: 0xffff_ffff, access: 0xc093 };
    }
    cpu.refresh();
    machine
}

// --- MOVDIRI, MOVDIR64B --------------------------------------------------------------------------

/// SDM volume 2, MOVDIRI: a store of four or eight bytes, which needs no alignment.
#[test]
fn movdiri_stores_at_any_address() {
    let mut machine = machine(|a| {
        a.mov(rdi, DATA + 3)?;
        a.mov(rax, 0x1122_3344_5566_7788u64)?;
        a.movdiri(qword_ptr(rdi), rax)?;
        a.movdiri(dword_ptr(rdi + 13), eax)
    });
    finish(&mut machine);
    assert_eq!(get(&machine, DATA + 3), 0x1122_3344_5566_7788);
    assert_eq!(get(&machine, DATA + 16), 0x5566_7788);
}

/// SDM volume 2, MOVDIR64B: the first operand is an offset in ES of the address size, the second has a
/// segment of its own; in 64-bit mode ES begins at 0.
#[test]
fn the_destination_of_movdir64b_has_the_address_size_and_lies_in_es() {
    let mut narrow = machine(|a| {
        a.mov(rdi, TO | 0x7000_0000_0000_0000)?;
        a.mov(esi, DATA as u32)?;
        a.movdir64b(edi, ptr(esi))
    });
    put(&mut narrow, DATA + 56, 77);
    finish(&mut narrow);
    assert_eq!(get(&narrow, TO + 56), 77);
    // MOVDIR64B EDI, [ESI]; HLT
    let mut other = compatibility(&[0x66, 0x0f, 0x38, 0xf8, 0x3e, 0xf4]);
    (other.cpus[0].gpr[RDI], other.cpus[0].gpr[RSI]) = (0x40, 0x80);
    put(&mut other, DATA + 0x80, 78);
    finish(&mut other);
    assert_eq!(get(&other, TO + 0x40), 78);
    // A prefix is the source's: MOVDIR64B EDI, ES:[ESI]
    let mut prefixed = compatibility(&[0x26, 0x66, 0x0f, 0x38, 0xf8, 0x3e, 0xf4]);
    (prefixed.cpus[0].gpr[RDI], prefixed.cpus[0].gpr[RSI]) = (0x40, 0x80);
    put(&mut prefixed, TO + 0x80, 79);
    finish(&mut prefixed);
    assert_eq!(get(&prefixed, TO + 0x40), 79);
}

/// SDM volume 2, MOVDIR64B: #GP(0) if the linear address of the destination is no multiple of 64, even
/// where its offset is one; the source needs no alignment.
#[test]
fn the_line_that_movdir64b_writes_is_aligned() {
    for away in [1, 8, 16, 32, 63] {
        let mut unaligned = machine(|a| {
            a.mov(rdi, TO + away)?;
            a.mov(rsi, DATA)?;
            a.movdir64b(rdi, ptr(rsi))
        });
        assert_eq!(caught(&mut unaligned), (13, Some(0)), "{away}");
    }
    let mut based = compatibility(&[0x66, 0x0f, 0x38, 0xf8, 0x3e, 0xf4]);
    based.cpus[0].seg[ES].base = TO + 32;
    (based.cpus[0].gpr[RDI], based.cpus[0].gpr[RSI]) = (32, 1);
    finish(&mut based);
    let mut based = compatibility(&[0x66, 0x0f, 0x38, 0xf8, 0x3e, 0xf4]);
    based.cpus[0].seg[ES].base = TO + 32;
    (based.cpus[0].gpr[RDI], based.cpus[0].gpr[RSI]) = (64, 1);
    assert_eq!(caught(&mut based), (13, Some(0)));
}

/// SDM volume 2, MOVDIR64B: page faults of both operands; nothing is written then.
#[test]
fn movdir64b_faults_before_it_writes() {
    let code = |to: u64, from: u64| {
        machine(move |a| {
            a.mov(rdi, to)?;
            a.mov(rsi, from)?;
            a.movdir64b(rdi, ptr(rsi))
        })
    };
    let absent = |machine: &mut Machine, page: u64| put(machine, TABLE + 8 * (page >> 12), 0);
    // The source goes on in a page that is not there.
    let mut source = code(TO, DATA + 0xfe0);
    put(&mut source, TO, 5);
    absent(&mut source, DATA + 0x1000);
    put(&mut source, TABLE + 8 * ((TO + 0x1000) >> 12), (TO + 0x1000) | 3);
    assert_eq!(caught(&mut source), (14, Some(0)));
    assert_eq!(source.cpus[0].control.cr2, DATA + 0x1000);
    let mut destination = code(TO + 0x1000, DATA);
    absent(&mut destination, TO + 0x1000);
    assert_eq!(caught(&mut destination), (14, Some(2)));
    assert_eq!(destination.cpus[0].control.cr2, TO + 0x1000);
    // Addresses that are not canonical: #GP, with the stack's segment #SS.
    assert_eq!(caught(&mut code(0x8000_0000_0000_0000, DATA)), (13, Some(0)));
    assert_eq!(caught(&mut code(TO, 0x8000_0000_0000_0000)), (13, Some(0)));
    let mut stack = machine(|a| {
        a.mov(rdi, TO)?;
        a.mov(rbp, 0x8000_0000_0000_0000u64)?;
        a.movdir64b(rdi, ptr(rbp))
    });
    assert_eq!(caught(&mut stack), (12, Some(0)));
}

// --- SERIALIZE -----------------------------------------------------------------------------------

/// SDM volume 2, SERIALIZE: at any privilege, and no register or flag changes; #UD with LOCK.
#[test]
fn serialize_changes_nothing() {
    let mut machine = machine(|a| a.serialize());
    let before = (machine.cpus[0].gpr[..16].to_vec(), machine.cpus[0].flags.rflags());
    finish(&mut machine);
    assert_eq!((machine.cpus[0].gpr[..16].to_vec(), machine.cpus[0].flags.rflags()), before);
    // LOCK SERIALIZE
    let mut locked = trapped(|a| a.db(&[0xf0, 0x0f, 0x01, 0xe8]));
    assert_eq!(caught(&mut locked).0, 6);
}

// --- WAITPKG -------------------------------------------------------------------------------------

/// SDM volume 2, UMONITOR: the register has the address size, and DS if no prefix says else; the address is
/// checked as a load of a byte is, at any privilege.
#[test]
fn umonitor_s_address_has_the_address_size_and_a_segment() {
    let code = |narrow: bool, prefix: bool| {
        machine(move |a| {
            a.mov(rsi, DATA | 1 << 63)?;
            // 67, FS, UMONITOR RSI
            if narrow {
                a.db(&[0x67])?;
            }
            if prefix {
                a.db(&[0x64])?;
            }
            a.db(&[0xf3, 0x0f, 0xae, 0xf6])
        })
    };
    finish(&mut code(true, false));
    assert_eq!(caught(&mut code(false, false)), (13, Some(0)));
    let mut absent = code(true, false);
    put(&mut absent, TABLE + 8 * (DATA >> 12), 0);
    assert_eq!(caught(&mut absent), (14, Some(0)));
    // With FS the address lies a page on.
    let mut other = code(true, true);
    other.cpus[0].seg[usize::from(sreg::FS)].base = 0x1000;
    other.cpus[0].refresh();
    put(&mut other, TABLE + 8 * ((DATA + 0x1000) >> 12), 0);
    assert_eq!(caught(&mut other), (14, Some(0)));
    assert_eq!(other.cpus[0].control.cr2, DATA + 0x1000);
}

/// SDM volume 2, UMWAIT and TPAUSE: bits 31:1 of the operand are reserved, whatever lies above them.
#[test]
fn a_wait_s_operand_has_one_bit() {
    for control in [2u64, 1 << 31, 1 << 32, 0xffff_ffff_0000_0001] {
        let code = |umwait: bool| {
            machine(move |a| {
                a.mov(rcx, control)?;
                a.xor(eax, eax)?;
                a.xor(edx, edx)?;
                if umwait { a.umwait(ecx) } else { a.tpause(ecx) }
            })
        };
        for umwait in [false, true] {
            if control & 0xffff_fffe != 0 {
                assert_eq!(caught(&mut code(umwait)), (13, Some(0)), "{control:x}");
            } else {
                finish(&mut code(umwait));
            }
        }
    }
}

/// SDM volume 2, UMWAIT and TPAUSE: #GP(0) with CR4.TSD outside ring 0.
#[test]
fn cr4_tsd_keeps_waits_for_ring_0() {
    for umwait in [false, true] {
        let code = || {
            machine(move |a| {
                a.xor(ecx, ecx)?;
                a.xor(eax, eax)?;
                a.xor(edx, edx)?;
                if umwait { a.umwait(ecx) } else { a.tpause(ecx) }
            })
        };
        let mut inner = code();
        inner.cpus[0].control.cr4 |= bits4::TSD;
        finish(&mut inner);
        // In ring 3 the HLT behind is what faults, at another RIP.
        for (tsd, away) in [(0, 4), (bits4::TSD, 0)] {
            let mut outer = code();
            ring3(&mut outer.cpus[0]);
            outer.cpus[0].control.cr4 |= tsd;
            assert_eq!(caught(&mut outer), (13, Some(0)));
            // Behind the three XORs of two bytes each.
            assert_eq!(frame(&outer, true)[0], CODE + 6 + away);
        }
    }
}

/// SDM volume 2, UMWAIT and TPAUSE: CF tells of the system's limit, the other flags are cleared.
#[test]
fn a_wait_clears_the_arithmetic_flags() {
    let mut machine = machine(|a| {
        a.mov(ecx, 1)?;
        a.mov(eax, 0xffu32)?;
        a.xor(edx, edx)?;
        a.tpause(ecx)
    });
    machine.cpus[0].flags.set_rflags(ARITHMETIC | 2);
    finish(&mut machine);
    assert_eq!(machine.cpus[0].flags.rflags() & ARITHMETIC, 0);
}

/// SDM volume 4, IA32_UMWAIT_CONTROL: bit 1 and the upper half are reserved; it is there with WAITPKG.
#[test]
fn the_limit_of_waits_is_a_register() {
    let code = |value: u64| {
        machine(move |a| {
            a.mov(ecx, UMWAIT_CONTROL)?;
            a.mov(eax, value as u32)?;
            a.mov(edx, (value >> 32) as u32)?;
            a.wrmsr()?;
            a.rdmsr()
        })
    };
    for value in [0u64, 1, 0xffff_fffd] {
        let mut machine = code(value);
        finish(&mut machine);
        assert_eq!((machine.cpus[0].gpr[RAX], machine.cpus[0].gpr[RDX]), (value, 0));
    }
    for value in [2u64, 1 << 32, 1 << 63] {
        assert_eq!(caught(&mut code(value)), (13, Some(0)), "{value:x}");
    }
    let mut without = code(0);
    without.cpus[0].model.features.set(Feature::Waitpkg, false);
    assert_eq!(caught(&mut without), (13, Some(0)));
}

/// Each raises #UD where CPUID does not offer it.
#[test]
fn without_their_features_they_are_undefined() {
    let cases: [(Feature, Code); 5] = [
        (Feature::Movdiri, &|a| a.movdiri(dword_ptr(rdi), eax)),
        (Feature::Movdir64b, &|a| a.movdir64b(rdi, ptr(rsi))),
        (Feature::Serialize, &|a| a.serialize()),
        (Feature::Waitpkg, &|a| a.umonitor(rsi)),
        (Feature::Waitpkg, &|a| a.tpause(ecx)),
    ];
    for (feature, code) in cases {
        let mut machine = machine(code);
        machine.cpus[0].model.features.set(feature, false);
        assert_eq!(caught(&mut machine).0, 6, "{}", feature.name());
    }
}
