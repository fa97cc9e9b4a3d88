//! What the processor checks and delivers, by the sections of the manual (SDM volume 3).

mod common;

use common::device::{NMI, PORT};
use common::{
    CODE, CODE64, DATA, GDT, HANDLERS, IDT, IST1, OPEN, PML4, RSP0, STACK, TABLE, TASK, TSS, USER_DATA,
    USER64, gate, get, long, place, put, ring3, write,
};
use iced_x86::IcedError;
use iced_x86::code_asm::*;
use ringhold_emulator::mmu::walk::entry;
use ringhold_emulator::state::{Segment, cr0 as bits0, cr4 as bits4, efer, flag, sreg};
use ringhold_emulator::{Machine, Stop};

const RAX: usize = 0;
const RCX: usize = 1;
const RSP: usize = 4;
const CS: usize = sreg::CS as usize;
const SS: usize = sreg::SS as usize;
const GS: usize = sreg::GS as usize;

type Coded = Result<(), IcedError>;

fn program(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = long();
    place(&mut machine, CODE, |a| code(a).unwrap());
    machine
}

/// Every vector leads to a HLT of its own.
fn trapped(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = program(code);
    for vector in 0..=0x20 {
        let at = HANDLERS + 16 * u64::from(vector);
        write(&mut machine, at, &[0xf4]);
        gate(&mut machine, vector, at, 0, 0);
    }
    machine
}

/// Runs until a handler of [`trapped`] halts: the vector, and the error code if it has one.
fn caught(machine: &mut Machine) -> (u64, Option<u64>) {
    assert_eq!(machine.run(100_000), Stop::Halted);
    let vector = (machine.cpus[0].rip - HANDLERS) / 16;
    assert!(vector <= 0x20, "no handler was reached");
    let coded = matches!(vector, 8 | 10..=14 | 17);
    (vector, coded.then(|| get(machine, machine.cpus[0].gpr[RSP])))
}

/// What was pushed: RIP, CS, RFLAGS, RSP, SS.
fn frame(machine: &Machine, coded: bool) -> [u64; 5] {
    let top = machine.cpus[0].gpr[RSP] + if coded { 8 } else { 0 };
    std::array::from_fn(|nth| get(machine, top + 8 * nth as u64))
}

// --- 5.7: page-fault exceptions ---------------------------------------------------------------

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

// --- 7.12, 7.14: interrupts and exceptions in 64-bit mode ------------------------------------

#[test]
fn a_fault_from_ring_3_takes_rsp0_aligned() {
    let mut machine = trapped(|a| a.hlt());
    ring3(&mut machine.cpus[0]);
    put(&mut machine, TSS + 4, RSP0 + 5);
    assert_eq!(caught(&mut machine), (13, Some(0)));
    let cpu = &machine.cpus[0];
    assert_eq!(cpu.gpr[RSP], RSP0 - 48);
    assert_eq!((cpu.cpl, cpu.seg[SS].selector, cpu.seg[CS].selector), (0, 0, CODE64));
    let flags = flag::ONE | flag::RF;
    assert_eq!(frame(&machine, true), [CODE, USER64.into(), flags, STACK, USER_DATA.into()]);
}

#[test]
fn the_ist_is_taken_from_any_ring() {
    for user in [false, true] {
        let mut machine = trapped(|a| a.ud2());
        let handler = HANDLERS + 16 * 6;
        gate(&mut machine, 6, handler, 1, 0);
        if user {
            ring3(&mut machine.cpus[0]);
        }
        assert_eq!(caught(&mut machine).0, 6);
        assert_eq!(machine.cpus[0].gpr[RSP], (IST1 & !15) - 40);
        assert_eq!(frame(&machine, false)[3], STACK);
    }
}

#[test]
fn software_interrupts_need_the_privilege_of_the_gate() {
    for (dpl, expected) in [(3, (0x20, None)), (0, (13, Some(0x20 << 3 | 2)))] {
        let mut machine = trapped(|a| a.int(0x20));
        gate(&mut machine, 0x20, HANDLERS + 16 * 0x20, 0, dpl);
        ring3(&mut machine.cpus[0]);
        assert_eq!(caught(&mut machine), expected);
        // INT n returns behind itself; a fault to itself.
        let expected = if dpl == 3 { CODE + 2 } else { CODE };
        assert_eq!(frame(&machine, dpl == 0)[0], expected);
    }
}

#[test]
fn gates_can_be_absent_or_beyond_the_table() {
    let mut machine = trapped(|a| a.int(0x1f));
    let low = get(&machine, IDT + 16 * 0x1f);
    put(&mut machine, IDT + 16 * 0x1f, low & !(1 << 47));
    assert_eq!(caught(&mut machine), (11, Some(0x1f << 3 | 2)));
    let mut machine = trapped(|a| a.int(0x1f));
    machine.cpus[0].idtr.limit = 16 * 0x1f + 14;
    assert_eq!(caught(&mut machine), (13, Some(0x1f << 3 | 2)));
}

// --- 7.15: double and triple faults ----------------------------------------------------------

#[test]
fn a_fault_in_delivery_is_a_double_fault() {
    // #GP while #PF is delivered; #NP while #GP is; but #GP while #UD is stays #GP.
    let absent = |machine: &mut Machine, vector: u64| {
        let low = get(machine, IDT + 16 * vector);
        put(machine, IDT + 16 * vector, low & !(1 << 47));
    };
    let mut machine = trapped(|a| a.mov(rax, qword_ptr(DATA)));
    put(&mut machine, TABLE + 8 * (DATA >> 12), 0);
    absent(&mut machine, 14);
    assert_eq!(caught(&mut machine), (8, Some(0)));
    let mut machine = trapped(|a| a.hlt());
    ring3(&mut machine.cpus[0]);
    absent(&mut machine, 13);
    assert_eq!(caught(&mut machine), (8, Some(0)));
    let mut machine = trapped(|a| a.ud2());
    absent(&mut machine, 6);
    assert_eq!(caught(&mut machine), (11, Some(6 << 3 | 2 | 1)));
}

#[test]
fn a_fault_in_delivery_of_a_double_fault_shuts_down() {
    let mut machine = trapped(|a| a.mov(rax, qword_ptr(DATA)));
    put(&mut machine, TABLE + 8 * (DATA >> 12), 0);
    machine.cpus[0].idtr.limit = 0;
    assert_eq!(machine.run(100), Stop::TripleFault);
    assert_eq!(machine.cpus[0].rip, CODE);
    assert_eq!(machine.run(200), Stop::TripleFault);
}

#[test]
fn faults_without_end_are_a_livelock() {
    // The handler of #UD is an undefined instruction.
    let mut machine = trapped(|a| a.ud2());
    gate(&mut machine, 6, CODE, 1, 0);
    assert_eq!(machine.run(100), Stop::Livelock);
    assert_eq!(machine.instructions(), 0);
}

// --- 18.3.1.4: single step -------------------------------------------------------------------

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

// --- 7.8: STI, MOV SS, NMI -------------------------------------------------------------------

#[test]
fn sti_lets_one_more_instruction_through() {
    let mut machine = trapped(|a| {
        a.sti()?;
        a.inc(rax)?;
        a.inc(rax)
    });
    machine.board.wires[0].ext_int = true;
    gate(&mut machine, common::device::VECTOR, HANDLERS + 16 * 0x20, 0, 0);
    assert_eq!(caught(&mut machine).0, 0x20);
    assert_eq!(machine.cpus[0].gpr[RAX], 1);
    assert_eq!(frame(&machine, false)[0], CODE + 4);
}

#[test]
fn sti_before_hlt_loses_no_interrupt() {
    let mut machine = trapped(|a| {
        a.sti()?;
        a.hlt()?;
        a.ud2()
    });
    machine.board.wires[0].ext_int = true;
    gate(&mut machine, common::device::VECTOR, HANDLERS + 16 * 0x20, 0, 0);
    assert_eq!(caught(&mut machine).0, 0x20);
    assert_eq!(frame(&machine, false)[0], CODE + 2);
}

#[test]
fn nmis_wait_for_iret() {
    let mut machine = program(|a| {
        a.out(i32::from(NMI), al)?;
        a.inc(rbx)?;
        a.hlt()
    });
    gate(&mut machine, 2, HANDLERS, 0, 0);
    place(&mut machine, HANDLERS, |a| {
        let mut second = a.create_label();
        a.inc(rcx).unwrap();
        a.cmp(rcx, 2).unwrap();
        a.jae(second).unwrap();
        a.out(i32::from(NMI), al).unwrap();
        a.mov(rdx, rcx).unwrap();
        a.set_label(&mut second).unwrap();
        a.iretq().unwrap();
    });
    assert_eq!(machine.run(1000), Stop::Halted);
    let cpu = &machine.cpus[0];
    // The second came after the first handler's IRET: RDX was still written in between.
    assert_eq!((cpu.gpr[RCX], cpu.gpr[2], cpu.gpr[3], cpu.nmi_blocked), (2, 1, 1, false));
}

// --- 6.8: SYSCALL, SYSRET, SWAPGS, IRET to ring 3 ---------------------------------------------

#[test]
fn syscall_and_sysret() {
    let mut machine = trapped(|a| {
        a.syscall()?;
        a.int3()
    });
    gate(&mut machine, 3, HANDLERS + 16 * 3, 0, 3);
    let kernel = CODE + 0x1000;
    place(&mut machine, kernel, |a| {
        a.mov(rdx, rcx).unwrap();
        a.pushfq().unwrap();
        a.pop(rsi).unwrap();
        a.swapgs().unwrap();
        a.sysretq().unwrap();
    });
    let cpu = &mut machine.cpus[0];
    ring3(cpu);
    cpu.msr.star = 0x1b << 48 | u64::from(CODE64) << 32;
    cpu.msr.lstar = kernel;
    cpu.msr.fmask = flag::IF | flag::DF;
    cpu.msr.kernel_gs_base = 0x1234_5000;
    cpu.flags.set_rflags(flag::IF | flag::DF | flag::CF | flag::ONE);
    assert_eq!(caught(&mut machine).0, 3);
    let cpu = &machine.cpus[0];
    assert_eq!(cpu.gpr[RCX], CODE + 2);
    assert_eq!(cpu.gpr[2], CODE + 2);
    assert_eq!(cpu.gpr[6], flag::CF | flag::ONE);
    assert_eq!((cpu.seg[GS].base, cpu.msr.kernel_gs_base), (0x1234_5000, 0));
    let flags = flag::IF | flag::DF | flag::CF | flag::ONE;
    assert_eq!(cpu.gpr[11], flags);
    assert_eq!(frame(&machine, false)[..3], [CODE + 3, USER64.into(), flags]);
}

#[test]
fn iret_to_ring_3_drops_inner_data_segments() {
    let mut machine = trapped(|a| a.iretq());
    gate(&mut machine, 3, HANDLERS + 16 * 3, 0, 3);
    let user = CODE + 0x1000;
    place(&mut machine, user, |a| a.int3().unwrap());
    let image = flag::IF | flag::ONE;
    let words = [user, USER64.into(), image, DATA + 0x100, USER_DATA.into()];
    for (nth, word) in words.into_iter().enumerate() {
        put(&mut machine, STACK - 40 + 8 * nth as u64, word);
    }
    let cpu = &mut machine.cpus[0];
    cpu.gpr[RSP] = STACK - 40;
    cpu.seg[GS].base = 0x7777_0000;
    assert_eq!(caught(&mut machine).0, 3);
    assert_eq!(frame(&machine, false), [user + 1, USER64.into(), image, DATA + 0x100, USER_DATA.into()]);
    let cpu = &machine.cpus[0];
    assert_eq!(cpu.seg[usize::from(sreg::DS)], Segment::default());
    assert_eq!((cpu.seg[GS].selector, cpu.seg[GS].base), (0, 0x7777_0000));
}

// --- 6.5 to 6.7, 9.2: segments, tasks, ports --------------------------------------------------

#[test]
fn segment_loads_are_checked() {
    let load = |descriptor: u64, selector: u32, stack: bool| {
        let mut machine = trapped(|a| {
            a.mov(eax, selector)?;
            if stack {
                a.mov(ss, eax)?
            } else {
                a.mov(ds, eax)?
            }
            a.int3()
        });
        put(&mut machine, GDT + 0x38, descriptor);
        caught(&mut machine)
    };
    let data = 0x00cf_9300_0000_ffff;
    let absent = data & !(1 << 47);
    let code = 0x00af_9900_0000_ffff; // may not be read
    assert_eq!(load(data, 0x38, false), (3, None));
    assert_eq!(load(absent, 0x38, false), (11, Some(0x38)));
    assert_eq!(load(code, 0x38, false), (13, Some(0x38)));
    assert_eq!(load(data, 0x3b, false), (13, Some(0x38)));
    assert_eq!(load(data, 0x40, false), (13, Some(0x40)));
    assert_eq!(load(data, 0x3c, false), (13, Some(0x3c)));
    assert_eq!(load(data, 0, false), (3, None));
    assert_eq!(load(data, 0x38, true), (3, None));
    assert_eq!(load(absent, 0x38, true), (12, Some(0x38)));
    assert_eq!(load(data & !(1 << 41), 0x38, true), (13, Some(0x38)));
    assert_eq!(load(data, 0x3b, true), (13, Some(0x38)));
    assert_eq!(load(data, 0x13, true), (13, Some(0x10)));
}

#[test]
fn ltr_marks_the_task_busy() {
    let mut machine = trapped(|a| {
        a.mov(eax, u32::from(TASK))?;
        a.ltr(eax)?;
        a.ltr(eax)
    });
    assert_eq!(caught(&mut machine), (13, Some(TASK.into())));
    assert_eq!(get(&machine, GDT + u64::from(TASK)) >> 40 & 0xff, 0x8b);
    let tr = machine.cpus[0].tr;
    assert_eq!((tr.base, tr.limit, tr.kind()), (TSS, 0x67, 11));
}

#[test]
fn the_permission_bitmap_guards_ports() {
    let port = u64::from(PORT);
    let out = |clear: u64, limit: u32, wide: bool| {
        let mut machine = trapped(|a| {
            if wide {
                a.out(i32::from(PORT), eax)?
            } else {
                a.out(i32::from(PORT), al)?
            }
            a.int3()
        });
        gate(&mut machine, 3, HANDLERS + 16 * 3, 0, 3);
        for word in 0..8 {
            put(&mut machine, TSS + 0x68 + 8 * word, u64::MAX);
        }
        let bits = !(clear << (port % 8)) & 0xffff;
        put(&mut machine, TSS + 0x68 + port / 8, bits | 0xffff << 16);
        machine.cpus[0].tr.limit = limit;
        ring3(&mut machine.cpus[0]);
        caught(&mut machine)
    };
    let end = 0x68 + (port / 8) as u32 + 1;
    assert_eq!(out(1, end, false), (3, None));
    assert_eq!(out(1, end, true), (13, Some(0)));
    assert_eq!(out(0xf, end, true), (3, None));
    assert_eq!(out(0, end, false), (13, Some(0)));
    assert_eq!(out(1, end - 1, false), (13, Some(0)));
}

// --- 2.5, 10.9: control registers, MSRs, modes ------------------------------------------------

#[test]
fn control_registers_refuse_what_cannot_be() {
    let check = |code: &dyn Fn(&mut CodeAssembler) -> Coded| {
        let mut machine = trapped(|a| {
            code(a)?;
            a.int3()
        });
        let before = machine.cpus[0].control.clone();
        assert_eq!(caught(&mut machine), (13, Some(0)));
        assert_eq!(machine.cpus[0].control, before);
    };
    let paging = bits0::PE | bits0::PG | bits0::ET | bits0::WP | bits0::NE;
    for value in [paging & !bits0::PE, paging | bits0::NW, paging | 1 << 32, paging & !bits0::PG] {
        check(&|a| {
            a.mov(rax, value)?;
            a.mov(cr0, rax)
        });
    }
    for value in [0, bits4::PAE | 1 << 31, bits4::PAE | bits4::SMEP] {
        check(&|a| {
            a.mov(rax, value)?;
            a.mov(cr4, rax)
        });
    }
    check(&|a| {
        a.mov(rax, 1u64 << 52)?;
        a.mov(cr3, rax)
    });
    check(&|a| {
        a.mov(eax, 16)?;
        a.mov(cr8, rax)
    });
    let value = efer::NXE | efer::SCE | efer::LMA;
    for (number, value) in
        [(0xc000_0080u32, value), (0xc000_0082, 1 << 47), (0xc000_0101, 1 << 63), (0x176, 1 << 48)]
    {
        check(&|a| {
            a.mov(ecx, number)?;
            a.mov(eax, value as u32)?;
            a.mov(edx, (value >> 32) as u32)?;
            a.wrmsr()
        });
    }
}

#[test]
fn from_real_mode_to_long_mode_and_back() {
    let mut machine = long();
    // The tables stay in memory; the processor begins anew.
    machine.cpus[0].reset();
    machine.cpus[0].seg[CS] = Segment::real(0, true);
    machine.cpus[0].rip = 0x9000;
    machine.cpus[0].refresh();
    put(&mut machine, GDT + 0x18, 0x00cf_9b00_0000_ffff);
    put(&mut machine, GDT + 0x38, 0x0000_9b00_0000_ffff);
    put(&mut machine, 0x9700, 0x3f | GDT << 16);
    let mut code = |at: u64, bits: u32, code: &dyn Fn(&mut CodeAssembler) -> Coded| {
        let mut assembler = CodeAssembler::new(bits).unwrap();
        code(&mut assembler).unwrap();
        let bytes = assembler.assemble(at).unwrap();
        write(&mut machine, at, &bytes);
    };
    code(0x9000, 16, &|a| {
        a.db(&[0x0f, 0x01, 0x16, 0x00, 0x97])?; // lgdt [0x9700]
        a.mov(eax, cr0)?;
        a.or(al, 1)?;
        a.mov(cr0, eax)?;
        a.db(&[0xea, 0x00, 0x91, 0x18, 0x00]) // jmp 0x18:0x9100
    });
    code(0x9100, 32, &|a| {
        a.mov(eax, bits4::PAE as u32)?;
        a.mov(cr4, eax)?;
        a.mov(eax, PML4 as u32)?;
        a.mov(cr3, eax)?;
        a.mov(ecx, 0xc000_0080u32)?;
        a.rdmsr()?;
        a.or(eax, efer::LME as i32)?;
        a.wrmsr()?;
        a.mov(eax, cr0)?;
        a.bts(eax, 31)?;
        a.mov(cr0, eax)?;
        a.db(&[0xea, 0x00, 0x92, 0x00, 0x00, 0x08, 0x00]) // jmp 0x08:0x9200
    });
    code(0x9200, 64, &|a| {
        a.mov(rax, 0x1122_3344_5566_7788u64)?;
        a.mov(qword_ptr(DATA), rax)?;
        a.mov(esp, STACK as u32)?;
        a.push(0x18)?;
        a.push(0x9300)?;
        a.db(&[0x48, 0xcb]) // retfq
    });
    code(0x9300, 32, &|a| {
        a.mov(ebx, 1)?;
        a.dec(ebx)?; // REX in 64-bit code
        a.mov(eax, cr0)?;
        a.btr(eax, 31)?;
        a.mov(cr0, eax)?;
        a.mov(ecx, 0xc000_0080u32)?;
        a.rdmsr()?;
        a.mov(edi, eax)?;
        a.db(&[0xea, 0x00, 0x94, 0x00, 0x00, 0x38, 0x00]) // jmp 0x38:0x9400
    });
    code(0x9400, 16, &|a| {
        a.mov(eax, cr0)?;
        a.and(al, 0xfeu32)?;
        a.mov(cr0, eax)?;
        a.db(&[0xea, 0x00, 0x95, 0x00, 0x00]) // jmp 0:0x9500
    });
    code(0x9500, 16, &|a| {
        a.mov(si, 0x4242)?;
        a.hlt()
    });
    assert_eq!(machine.run(1000), Stop::Halted);
    assert_eq!(get(&machine, DATA), 0x1122_3344_5566_7788);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.gpr[6], cpu.gpr[3], cpu.gpr[7]), (0x4242, 0, efer::LME));
    assert_eq!(cpu.control.cr0 & (bits0::PE | bits0::PG), 0);
    assert!(!cpu.long_mode() && !cpu.protected());
}
