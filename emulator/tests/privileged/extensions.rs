//! What instructions beyond x86-64-v1 check and do where no user program can see it: XSAVE (SDM
//! volume 1, chapter 13), FSGSBASE, RDTSCP, MONITOR and MWAIT, RDRAND, direct stores.

use ringhold_emulator::model::{CpuModel, Feature};
use ringhold_emulator::state::F80;

use super::prelude::*;

/// Where XSAVE areas lie.
const AREA: u64 = DATA + 0x1000;

/// A machine with every feature, CR4.OSXSAVE and CR4.FSGSBASE set, about to run this code.
fn extended(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = trapped(|a| {
        code(a)?;
        a.hlt()
    });
    // INT3 is for ring 3 too.
    gate(&mut machine, 3, HANDLERS + 3 * 16, 0, 3);
    let cpu = &mut machine.cpus[0];
    cpu.model = CpuModel::everything();
    cpu.control.cr4 |= bits4::OSXSAVE | bits4::FSGSBASE | bits4::OSFXSR;
    cpu.control.xcr0 = 3;
    cpu.refresh();
    machine
}

/// Runs to the HLT at the end of the program.
fn finish(machine: &mut Machine) {
    assert_eq!(machine.run(1000), Stop::Halted);
    assert!(machine.cpus[0].rip < CODE + 0x1000 && machine.cpus[0].rip >= CODE, "a fault came");
}

fn xsetbv(value: u64) -> impl Fn(&mut CodeAssembler) -> Coded {
    move |a| {
        a.xor(ecx, ecx)?;
        a.mov(eax, value as u32)?;
        a.mov(edx, (value >> 32) as u32)?;
        a.xsetbv()
    }
}

// --- 13.3: XCR0 ----------------------------------------------------------------------------------

#[test]
fn xsetbv_takes_what_is_consistent() {
    let mut machine = extended(|a| {
        xsetbv(1)(a)?;
        xsetbv(3)(a)?;
        a.xgetbv()?;
        a.mov(rbx, rax)
    });
    finish(&mut machine);
    assert_eq!(machine.cpus[0].control.xcr0, 3);
    assert_eq!(machine.cpus[0].gpr[RBX], 3);
    // The x87 bit is always one; AVX needs SSE; bit 63 is reserved, like all unknown ones.
    for value in [0, 2, 5, 1 << 3 | 3, 1 << 62 | 3, 1 << 63 | 3] {
        let mut machine = extended(xsetbv(value));
        assert_eq!(caught(&mut machine), (13, Some(0)), "{value:x}");
        assert_eq!(machine.cpus[0].control.xcr0, 3);
    }
    // XCR1 does not exist.
    let mut machine = extended(|a| {
        a.mov(ecx, 1)?;
        a.mov(eax, 3)?;
        a.xor(edx, edx)?;
        a.xsetbv()
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
}

#[test]
fn without_osxsave_or_in_ring_3_there_is_no_xsetbv() {
    let mut machine = extended(xsetbv(3));
    machine.cpus[0].control.cr4 &= !bits4::OSXSAVE;
    assert_eq!(caught(&mut machine).0, 6);
    let mut machine = extended(xsetbv(3));
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine), (13, Some(0)));
    // XGETBV is for all.
    let mut machine = extended(|a| {
        a.xor(ecx, ecx)?;
        a.xgetbv()?;
        a.int3()
    });
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine).0, 3);
    assert_eq!(machine.cpus[0].gpr[RAX], 3);
}

#[test]
fn cpuid_tells_of_osxsave_and_the_size_that_is_enabled() {
    let code = |a: &mut CodeAssembler| {
        a.mov(eax, 1)?;
        a.cpuid()?;
        a.mov(esi, ecx)?;
        a.mov(eax, 0xd)?;
        a.xor(ecx, ecx)?;
        a.cpuid()
    };
    let mut machine = extended(code);
    finish(&mut machine);
    assert_eq!(machine.cpus[0].gpr[RSI] >> 26 & 3, 3);
    assert_eq!(machine.cpus[0].gpr[RBX], 576);
    let mut machine = extended(code);
    machine.cpus[0].control.cr4 &= !bits4::OSXSAVE;
    finish(&mut machine);
    assert_eq!(machine.cpus[0].gpr[RSI] >> 26 & 3, 1);
}

// --- 13.7 to 13.12: areas ------------------------------------------------------------------------

fn masked(a: &mut CodeAssembler, mask: u32) -> Coded {
    a.mov(rdi, AREA)?;
    a.mov(eax, mask)?;
    a.xor(edx, edx)
}

#[test]
fn xsave_keeps_what_it_was_not_asked_for() {
    let mut machine = extended(|a| {
        masked(a, 2)?;
        a.xsave(ptr(rdi))
    });
    machine.cpus[0].vector.xmm[3] = 7;
    for at in (0..576).step_by(8) {
        put(&mut machine, AREA + at, 0x5555_5555_5555_5555);
    }
    put(&mut machine, AREA + 512, 1);
    finish(&mut machine);
    // The x87 rows stay, MXCSR and the XMM registers are written, XSTATE_BV gains bit 1.
    assert_eq!(get(&machine, AREA), 0x5555_5555_5555_5555);
    assert_eq!(get(&machine, AREA + 24), 0xffff_0000_1f80);
    assert_eq!(get(&machine, AREA + 160 + 48), 7);
    assert_eq!(get(&machine, AREA + 160), 0);
    assert_eq!(get(&machine, AREA + 512), 3);
    assert_eq!(get(&machine, AREA + 520), 0x5555_5555_5555_5555);
}

#[test]
fn the_init_optimization_leaves_memory_alone() {
    let mut machine = extended(|a| {
        masked(a, 3)?;
        a.xsaveopt(ptr(rdi))
    });
    machine.cpus[0].x87.init();
    machine.cpus[0].x87.r[0] = F80 { significand: 1 << 63, sign_exponent: 0x3fff };
    put(&mut machine, AREA + 160, 0x5555);
    put(&mut machine, AREA + 512, 2);
    finish(&mut machine);
    assert_eq!(get(&machine, AREA + 512), 1);
    assert_eq!(get(&machine, AREA + 160), 0x5555);
    assert_eq!(get(&machine, AREA) & 0xffff, 0x37f);
}

#[test]
fn the_compacted_format_says_what_it_holds() {
    for supervisor in [false, true] {
        let mut machine = extended(|a| {
            masked(a, 3)?;
            if supervisor { a.xsaves(ptr(rdi)) } else { a.xsavec(ptr(rdi)) }
        });
        machine.cpus[0].x87.init();
        machine.cpus[0].vector.mxcsr = 0x1fa0;
        finish(&mut machine);
        // An MXCSR that is not the initial one is SSE state.
        assert_eq!(get(&machine, AREA + 512), 2);
        assert_eq!(get(&machine, AREA + 520), 1 << 63 | 3);
        assert_eq!(get(&machine, AREA + 24) as u32, 0x1fa0);
    }
}

#[test]
fn xrstor_loads_or_initializes() {
    for (format, present) in [(0, 0), (0, 2), (1u64 << 63 | 3, 0), (1 << 63 | 3, 2)] {
        let mut machine = extended(|a| {
            masked(a, 3)?;
            a.xrstor(ptr(rdi))
        });
        let cpu = &mut machine.cpus[0];
        cpu.x87.fcw = 0x27f;
        cpu.vector.xmm[15] = 1;
        cpu.vector.mxcsr = 0x1f81;
        put(&mut machine, AREA + 24, 0x1fbf);
        put(&mut machine, AREA + 160 + 240, 9);
        put(&mut machine, AREA + 512, present);
        put(&mut machine, AREA + 520, format);
        finish(&mut machine);
        let cpu = &machine.cpus[0];
        assert_eq!(cpu.x87.fcw, 0x37f);
        assert_eq!(cpu.vector.xmm[15], if present != 0 { 9 } else { 0 });
        // In the standard format MXCSR is loaded whether or not XSTATE_BV has SSE.
        let initial = format != 0 && present == 0;
        assert_eq!(cpu.vector.mxcsr, if initial { 0x1f80 } else { 0x1fbf });
    }
}

#[test]
fn xrstor_refuses_wrong_headers() {
    // XSTATE_BV, XCOMP_BV, the word after them, the last one
    let wrong: [[u64; 4]; 8] = [
        [1 << 3, 0, 0, 0],
        [1 << 63, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [2, 1 << 63 | 1, 0, 0],
        [0, 1 << 63 | 1 << 3, 0, 0],
        [0, 1 << 63, 1, 0],
        [0, 1 << 63, 0, 1],
    ];
    for header in wrong {
        let mut machine = extended(|a| {
            masked(a, 3)?;
            a.xrstor(ptr(rdi))
        });
        for (word, at) in header.into_iter().zip([512, 520, 528, 568]) {
            put(&mut machine, AREA + at, word);
        }
        let before = machine.cpus[0].vector.clone();
        assert_eq!(caught(&mut machine), (13, Some(0)), "{header:x?}");
        assert_eq!(machine.cpus[0].vector, before);
    }
    // Without XSAVEC there is no compacted format; XRSTORS takes no other.
    let mut machine = extended(|a| {
        masked(a, 3)?;
        a.xrstor(ptr(rdi))
    });
    machine.cpus[0].model.features.set(Feature::Xsavec, false);
    put(&mut machine, AREA + 520, 1 << 63);
    assert_eq!(caught(&mut machine), (13, Some(0)));
    let mut machine = extended(|a| {
        masked(a, 3)?;
        a.xrstors(ptr(rdi))
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
    // Bits of MXCSR that do not exist.
    let mut machine = extended(|a| {
        masked(a, 3)?;
        a.xrstor(ptr(rdi))
    });
    put(&mut machine, AREA + 24, 1 << 16);
    assert_eq!(caught(&mut machine), (13, Some(0)));
}

#[test]
fn areas_are_aligned_and_ts_comes_first() {
    let misaligned = |a: &mut CodeAssembler| {
        masked(a, 3)?;
        a.xsave(ptr(rdi + 32))
    };
    assert_eq!(caught(&mut extended(misaligned)), (13, Some(0)));
    let mut machine = extended(misaligned);
    machine.cpus[0].control.cr0 |= bits0::TS;
    assert_eq!(caught(&mut machine).0, 7);
    let mut machine = extended(misaligned);
    machine.cpus[0].control.cr4 &= !bits4::OSXSAVE;
    machine.cpus[0].control.cr0 |= bits0::TS;
    assert_eq!(caught(&mut machine).0, 6);
    // XSAVES is for ring 0.
    let mut machine = extended(|a| {
        masked(a, 3)?;
        a.xsaves(ptr(rdi))
    });
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine), (13, Some(0)));
}

#[test]
fn an_area_that_cannot_be_written_is_not_begun() {
    let mut machine = extended(|a| {
        a.mov(rdi, AREA + 0x1000 - 512)?;
        a.mov(eax, 3)?;
        a.xor(edx, edx)?;
        a.xsave(ptr(rdi))
    });
    machine.cpus[0].vector.mxcsr = 0x1fbf;
    // The header lies in a page that is not there.
    put(&mut machine, TABLE + 8 * ((AREA >> 12) + 1), 0);
    assert_eq!(caught(&mut machine), (14, Some(2)));
    assert_eq!(machine.cpus[0].control.cr2, AREA + 0x1000);
    assert_eq!(get(&machine, AREA + 0x1000 - 512 + 24), 0);
}

// --- FSGSBASE, RDTSCP, RDPID ---------------------------------------------------------------------

#[test]
fn bases_are_read_and_written_at_any_privilege() {
    let code = |a: &mut CodeAssembler| {
        a.mov(rax, 0x1234_5678_9abc_u64)?;
        a.wrfsbase(rax)?;
        a.wrgsbase(eax)?;
        a.rdfsbase(rbx)?;
        a.rdfsbase(ecx)?;
        a.rdgsbase(rsi)?;
        a.int3()
    };
    let mut machine = extended(code);
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine).0, 3);
    let cpu = &machine.cpus[0];
    assert_eq!(cpu.gpr[RBX], 0x1234_5678_9abc);
    assert_eq!((cpu.gpr[RCX], cpu.gpr[RSI]), (0x5678_9abc, 0x5678_9abc));
    let mut machine = extended(code);
    machine.cpus[0].control.cr4 &= !bits4::FSGSBASE;
    assert_eq!(caught(&mut machine).0, 6);
    // As wide as the processor has them, whatever CR4.LA57 is.
    for (bit, expected) in [(47, (3, None)), (56, (13, Some(0)))] {
        let mut machine = extended(|a| {
            a.mov(rax, 1u64 << bit)?;
            a.wrfsbase(rax)?;
            a.int3()
        });
        assert_eq!(caught(&mut machine), expected);
    }
}

#[test]
fn time_stamps_come_with_tsc_aux() {
    let mut machine = extended(|a| {
        a.mov(ecx, 0xc000_0103u32)?;
        a.mov(eax, 0x8765_4321u32)?;
        a.xor(edx, edx)?;
        a.wrmsr()?;
        a.rdtscp()?;
        a.mov(rsi, rcx)?;
        a.rdpid(rdi)
    });
    finish(&mut machine);
    assert_eq!(machine.cpus[0].gpr[RSI], 0x8765_4321);
    assert_eq!(machine.cpus[0].gpr[RDI], 0x8765_4321);
    let mut machine = extended(|a| a.rdtscp());
    machine.cpus[0].control.cr4 |= bits4::TSD;
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine), (13, Some(0)));
    // A processor without them has no IA32_TSC_AUX.
    let mut machine = extended(|a| {
        a.mov(ecx, 0xc000_0103u32)?;
        a.rdmsr()
    });
    for feature in [Feature::Rdtscp, Feature::Rdpid] {
        machine.cpus[0].model.features.set(feature, false);
    }
    assert_eq!(caught(&mut machine), (13, Some(0)));
}

// --- MONITOR, MWAIT, WAITPKG ---------------------------------------------------------------------

#[test]
fn waits_check_their_operands() {
    // ECX has no extensions for MONITOR, and one for MWAIT.
    let monitor = |extensions: u32| {
        extended(move |a| {
            a.mov(rax, DATA)?;
            a.mov(ecx, extensions)?;
            a.monitor()
        })
    };
    assert_eq!(caught(&mut monitor(1)), (13, Some(0)));
    let mut machine = extended(|a| {
        a.mov(ecx, 2)?;
        a.mwait()
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
    let mut machine = monitor(0);
    ring3(&mut machine.cpus[0]);
    assert_eq!(caught(&mut machine).0, 6);
    // The address is read, as far as faults go.
    let mut machine = monitor(0);
    put(&mut machine, TABLE + 8 * (DATA >> 12), 0);
    assert_eq!(caught(&mut machine), (14, Some(0)));
    let mut machine = extended(|a| {
        a.mov(ebx, 2)?;
        a.tpause(ebx)
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
}

// --- RDRAND, MOVDIR64B ---------------------------------------------------------------------------

#[test]
fn random_numbers_repeat_with_the_seed_and_the_state() {
    let run = |seed: u64| {
        let mut machine = extended(|a| {
            a.rdrand(rax)?;
            a.rdseed(rbx)?;
            a.rdrand(si)
        });
        machine.cpus[0].random = seed;
        finish(&mut machine);
        assert!(machine.cpus[0].flags.cf());
        (machine.cpus[0].gpr[RAX], machine.cpus[0].gpr[RBX], machine.cpus[0].state().random)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
    assert_ne!(run(1).0, run(1).1);
}

#[test]
fn movdir64b_moves_a_line_to_an_aligned_place() {
    let code = |to: u64| {
        move |a: &mut CodeAssembler| {
            a.mov(rdi, to)?;
            a.mov(rsi, DATA + 4)?;
            a.movdir64b(rdi, ptr(rsi))
        }
    };
    let mut machine = extended(code(AREA));
    for n in 0..9 {
        put(&mut machine, DATA + 8 * n, n << 32);
    }
    finish(&mut machine);
    for n in 0..8 {
        assert_eq!(get(&machine, AREA + 8 * n), n, "{n}");
    }
    assert_eq!(caught(&mut extended(code(AREA + 32))), (13, Some(0)));
}
