//! Breakpoints and single step (SDM volume 3, chapter 18).

use super::legacy;
use super::prelude::*;

// --- 18.3.1.4: single step ---------------------------------------------------------------------

#[test]
fn tf_traps_after_the_next_instruction() {
    let mut machine = trapped(|a| {
        a.pushfq()?;
        a.or(dword_ptr(rsp), 0x100)?;
        a.popfq()?;
        a.inc(rax)?;
        a.inc(rax)
    });
    assert_eq!(caught(&mut machine).0, 1);
    let cpu = &machine.cpus[0];
    assert_eq!(cpu.gpr[RAX], 1);
    assert_eq!(cpu.control.dr6 & 0xf00f, 0x4000);
    assert_eq!(cpu.flags.system & flag::TF, 0);
    let pushed = frame(&machine, false);
    assert_ne!(pushed[2] & flag::TF, 0);
    assert_eq!(pushed[0], CODE + 1 + 7 + 1 + 3);
}

#[test]
fn tf_traps_after_each_iteration_but_not_after_int_n() {
    let mut machine = trapped(|a| {
        a.rep().stosb()?;
        a.nop()
    });
    let cpu = &mut machine.cpus[0];
    (cpu.gpr[RCX], cpu.gpr[7]) = (5, DATA);
    cpu.flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].gpr[RCX], 4);
    assert_eq!(frame(&machine, false)[0], CODE);
    let mut machine = trapped(|a| a.int(0x20));
    machine.cpus[0].flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 0x20);
}

#[test]
fn tf_does_not_trap_between_mov_ss_and_the_next_instruction() {
    let mut machine = trapped(|a| {
        a.mov(ss, eax)?;
        a.inc(rcx)?;
        a.inc(rcx)
    });
    machine.cpus[0].gpr[RAX] = 0x10;
    machine.cpus[0].flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].gpr[RCX], 1);
}

// --- 18.2, 18.3.1: breakpoints ----------------------------------------------------------------

/// DR7 with breakpoint `n` enabled: R/W and LEN as the manual encodes them.
fn enabled(n: u32, kind: u64, length: u64) -> u64 {
    0x400 | 2 << (2 * n) | (kind | length << 2) << (16 + 4 * n)
}

/// R/W fields.
const EXECUTE: u64 = 0;
const WRITES: u64 = 1;
const PORTS: u64 = 2;
const ACCESSES: u64 = 3;

fn with_breakpoint(machine: &mut Machine, n: u32, at: u64, kind: u64, length: u64) {
    let cpu = &mut machine.cpus[0];
    cpu.control.dr[n as usize] = at;
    cpu.control.dr7 |= enabled(n, kind, length);
    cpu.refresh();
    cpu.tlb.flush_all();
}

fn causes(machine: &Machine) -> u64 {
    machine.cpus[0].control.dr6 & 0xe00f
}

#[test]
fn an_instruction_breakpoint_comes_before_the_instruction() {
    let mut machine = trapped(|a| {
        a.inc(rax)?;
        a.inc(rax)?;
        a.inc(rax)?;
        a.hlt()
    });
    with_breakpoint(&mut machine, 2, CODE + 6, EXECUTE, 0);
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].gpr[RAX], 2);
    assert_eq!(causes(&machine), 4);
    let pushed = frame(&machine, false);
    // RF is pushed as it was: clear.
    assert_eq!((pushed[0], pushed[2] & flag::RF), (CODE + 6, 0));
}

#[test]
fn rf_comes_past_an_instruction_breakpoint_once() {
    let mut machine = trapped(|a| {
        a.inc(rax)?;
        a.jmp(CODE)
    });
    place(&mut machine, HANDLERS + 16, |a| {
        let mut enough = a.create_label();
        a.inc(rbx).unwrap();
        a.cmp(rbx, 3).unwrap();
        a.je(enough).unwrap();
        a.bts(dword_ptr(rsp + 16), 16).unwrap();
        a.iretq().unwrap();
        a.set_label(&mut enough).unwrap();
        a.hlt().unwrap();
    });
    with_breakpoint(&mut machine, 0, CODE, EXECUTE, 0);
    assert_eq!(machine.run(1000), Stop::Halted);
    assert_eq!((machine.cpus[0].gpr[RBX], machine.cpus[0].gpr[RAX]), (3, 2));
}

#[test]
fn iret_right_after_rf_takes_rf_from_its_image() {
    // RF is set while IRET itself executes; what it loads stays.
    let mut machine = trapped(|a| a.iretq());
    place(&mut machine, DATA + 0x1000, |a| {
        a.inc(rax).unwrap();
        a.int3().unwrap();
    });
    let image = flag::RF | flag::ONE;
    for (nth, word) in [DATA + 0x1000, CODE64.into(), image, STACK, DATA0.into()].into_iter().enumerate() {
        put(&mut machine, STACK - 40 + 8 * nth as u64, word);
    }
    machine.cpus[0].gpr[RSP] = STACK - 40;
    machine.cpus[0].flags.system |= flag::RF;
    with_breakpoint(&mut machine, 0, DATA + 0x1000, EXECUTE, 0);
    with_breakpoint(&mut machine, 1, CODE, EXECUTE, 0);
    assert_eq!(caught(&mut machine).0, 3);
    assert_eq!(machine.cpus[0].gpr[RAX], 1);
}

#[test]
fn a_fault_pushes_rf_set_and_a_software_interrupt_clear() {
    let mut machine = trapped(|a| a.ud2());
    assert_eq!(caught(&mut machine).0, 6);
    assert_ne!(frame(&machine, false)[2] & flag::RF, 0);
    let mut machine = trapped(|a| a.int3());
    machine.cpus[0].flags.system |= flag::RF;
    assert_eq!(caught(&mut machine).0, 3);
    assert_eq!(frame(&machine, false)[2] & flag::RF, 0);
}

#[test]
fn a_data_breakpoint_traps_after_the_access() {
    let cases: [(Code<'_>, bool); 6] = [
        (&|a| a.mov(rcx, qword_ptr(DATA)), false),
        (&|a| a.mov(cl, byte_ptr(DATA + 3)), false),
        (&|a| a.mov(qword_ptr(DATA - 4), rcx), true),
        (&|a| a.inc(byte_ptr(DATA + 1)), true),
        (&|a| a.mov(byte_ptr(DATA + 4), cl), false),
        (&|a| a.mov(dword_ptr(DATA - 4), ecx), false),
    ];
    for (nth, (access, writes)) in cases.into_iter().enumerate() {
        for kind in [WRITES, ACCESSES] {
            let mut machine = trapped(|a| {
                access(a)?;
                a.inc(rax)?;
                a.int3()
            });
            let outside = nth >= 4;
            with_breakpoint(&mut machine, 1, DATA + 1, kind, 3);
            let hit = !outside && (writes || kind == ACCESSES);
            assert_eq!(caught(&mut machine).0, if hit { 1 } else { 3 }, "case {nth}, kind {kind}");
            assert_eq!(machine.cpus[0].gpr[RAX], u64::from(!hit));
            assert_eq!(causes(&machine), if hit { 2 } else { 0 });
        }
    }
}

#[test]
fn a_fault_after_a_data_breakpoint_is_no_trap() {
    // The read is watched, the push behind it faults.
    let mut machine = trapped(|a| a.push(qword_ptr(DATA)));
    gate(&mut machine, 14, HANDLERS + 16 * 14, 1, 0);
    put(&mut machine, TABLE + 8 * ((STACK - 8) >> 12), 0);
    with_breakpoint(&mut machine, 0, DATA, ACCESSES, 0);
    assert_eq!(caught(&mut machine), (14, Some(W)));
    assert_eq!(causes(&machine), 0);
}

const W: u64 = 2;

#[test]
fn string_moves_trap_after_the_iteration_that_hits() {
    let mut machine = trapped(|a| {
        a.rep().movsd()?;
        a.nop()
    });
    let cpu = &mut machine.cpus[0];
    (cpu.gpr[RCX], cpu.gpr[RSI], cpu.gpr[RDI]) = (16, DATA + 0x1000, DATA);
    with_breakpoint(&mut machine, 3, DATA + 20, WRITES, 1);
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].gpr[RCX], 10);
    let pushed = frame(&machine, false);
    // Not the last iteration: RF is pushed set.
    assert_eq!((pushed[0], pushed[2] & flag::RF), (CODE, flag::RF));
}

#[test]
fn single_step_and_data_breakpoint_are_one_trap() {
    let mut machine = trapped(|a| a.mov(byte_ptr(DATA), al));
    with_breakpoint(&mut machine, 0, DATA, WRITES, 0);
    machine.cpus[0].flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(causes(&machine), bits6::BS | 1);
}

#[test]
fn port_breakpoints_need_cr4_de() {
    for de in [false, true] {
        let mut machine = trapped(|a| {
            a.in_(al, i32::from(PORT) + 1)?;
            a.inc(rax)?;
            a.int3()
        });
        if de {
            machine.cpus[0].control.cr4 |= bits4::DE;
        }
        with_breakpoint(&mut machine, 0, PORT.into(), PORTS, 1);
        assert_eq!(caught(&mut machine).0, if de { 1 } else { 3 });
        assert_eq!(causes(&machine), u64::from(de));
        if de {
            assert_eq!(frame(&machine, false)[0], CODE + 2);
        }
    }
}

#[test]
fn mov_ss_holds_breakpoints_off_for_one_instruction() {
    // The trap of its own operand waits too (SDM volume 3, 7.8.3).
    let mut machine = trapped(|a| {
        a.mov(ss, word_ptr(DATA))?;
        a.inc(rax)?;
        a.inc(rax)?;
        a.int3()
    });
    put(&mut machine, DATA, DATA0.into());
    with_breakpoint(&mut machine, 0, DATA, ACCESSES, 1);
    let next = CODE + 7;
    with_breakpoint(&mut machine, 1, next, EXECUTE, 0);
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].gpr[RAX], 1);
    assert_eq!(causes(&machine), 1);
    assert_eq!(frame(&machine, false)[0], next + 3);
}

#[test]
fn general_detect_reports_the_access_before_it_happens() {
    let mut machine = trapped(|a| {
        a.mov(rax, 0x1234u64)?;
        a.mov(dr0, rax)
    });
    machine.cpus[0].control.dr7 |= 1 << 13;
    assert_eq!(caught(&mut machine).0, 1);
    let control = &machine.cpus[0].control;
    assert_eq!((control.dr[0], control.dr7, causes(&machine)), (0, 0x400, bits6::BD));
    assert_ne!(frame(&machine, false)[2] & flag::RF, 0);
}

#[test]
fn fixed_bits_of_dr6_and_dr7() {
    let mut machine = trapped(|a| {
        a.mov(eax, -1)?;
        a.mov(dr6, rax)?;
        a.xor(eax, eax)?;
        a.mov(rbx, dr6)?;
        a.mov(dr6, rax)?;
        a.mov(rcx, dr6)?;
        a.mov(dr7, rax)?;
        a.mov(rdx, dr7)?;
        a.mov(eax, 0xffff_dfffu32 & !0xff)?;
        a.mov(dr7, rax)?;
        a.mov(rsi, dr7)?;
        a.mov(rax, 1u64 << 32)?;
        a.mov(dr7, rax)
    });
    assert_eq!(caught(&mut machine), (13, Some(0)));
    let gpr = machine.cpus[0].gpr;
    assert_eq!((gpr[RBX], gpr[RCX], gpr[RDX]), (0xffff_efff, 0xffff_0ff0, 0x400));
    assert_eq!(gpr[RSI], 0xffff_0700);
}

#[test]
fn dr4_and_dr5_are_aliases_unless_de_is_set() {
    for de in [false, true] {
        let mut machine = trapped(|a| {
            a.db(&[0x0f, 0x21, 0xe0])?; // mov rax, dr4
            a.int3()
        });
        if de {
            machine.cpus[0].control.cr4 |= bits4::DE;
        }
        assert_eq!(caught(&mut machine).0, if de { 6 } else { 3 });
        assert_eq!(machine.cpus[0].gpr[RAX], if de { 0 } else { 0xffff_0ff0 });
    }
}

#[test]
fn hlt_with_tf_traps_behind_itself() {
    let mut machine = trapped(|a| a.hlt());
    machine.cpus[0].flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(frame(&machine, false)[0], CODE + 1);
}

#[test]
fn syscall_takes_no_step_into_a_kernel_that_masks_tf() {
    for mask in [0, flag::TF] {
        let mut machine = trapped(|a| a.syscall());
        let kernel = CODE + 0x1000;
        place(&mut machine, kernel, |a| {
            a.nop().unwrap();
            a.ud2().unwrap();
        });
        let cpu = &mut machine.cpus[0];
        ring3(cpu);
        cpu.msr.star = u64::from(CODE64) << 32;
        cpu.msr.lstar = kernel;
        cpu.msr.fmask = mask;
        cpu.flags.system |= flag::TF;
        gate(&mut machine, 1, HANDLERS + 16, 1, 0);
        gate(&mut machine, 6, HANDLERS + 16 * 6, 1, 0);
        assert_eq!(caught(&mut machine).0, if mask == 0 { 1 } else { 6 });
        assert_eq!(frame(&machine, false)[0], if mask == 0 { kernel } else { kernel + 1 });
    }
}

// --- 7.3, table 7-2: code beyond the limit of CS -----------------------------------------------

#[test]
fn code_ends_at_the_limit_of_its_segment() {
    // Four instructions of one byte each, and the limit is within the block.
    for (limit, done) in [(3, 4), (2, 3), (0, 1)] {
        let mut machine = legacy::protected(|a| {
            for _ in 0..4 {
                a.inc(eax)?;
            }
            a.hlt()
        });
        let code = &mut machine.cpus[0].seg[CS];
        (code.base, code.limit) = (CODE, limit);
        machine.cpus[0].rip = 0;
        machine.cpus[0].refresh();
        assert_eq!(legacy::caught32(&mut machine), (13, Some(0)));
        assert_eq!(machine.cpus[0].gpr[RAX], done);
        assert_eq!(legacy::word32(&machine, 1), done as u32);
    }
}

#[test]
fn an_instruction_across_the_limit_faults_whatever_it_is() {
    let mut machine = legacy::protected(|a| a.mov(eax, 5));
    let code = &mut machine.cpus[0].seg[CS];
    (code.base, code.limit) = (CODE, 3);
    machine.cpus[0].rip = 0;
    machine.cpus[0].refresh();
    assert_eq!(legacy::caught32(&mut machine), (13, Some(0)));
    assert_eq!(machine.cpus[0].gpr[RAX], 0);
}

#[test]
fn real_mode_code_does_not_wrap() {
    let mut machine = legacy::real(|a| a.nop());
    write(&mut machine, 0x1_fffe, &[0x40, 0x40]); // inc ax, twice
    machine.cpus[0].seg[CS].base = 0x1_0000;
    machine.cpus[0].seg[CS].selector = 0x1000;
    machine.cpus[0].rip = 0xfffe;
    machine.cpus[0].refresh();
    assert_eq!(machine.run(100), Stop::Halted);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.rip - 1 - HANDLERS) / 16, 13);
    assert_eq!(cpu.gpr[RAX], 2);
}
