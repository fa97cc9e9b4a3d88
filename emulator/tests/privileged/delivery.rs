//! Interrupts and exceptions (SDM volume 3, chapter 7).

use super::prelude::*;

// --- 7.12, 7.14: interrupts and exceptions in 64-bit mode --------------------------------------

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

// --- 7.15: double and triple faults ------------------------------------------------------------

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

// --- 7.8: STI, MOV SS, NMI ---------------------------------------------------------------------

#[test]
fn sti_lets_one_more_instruction_through() {
    let mut machine = trapped(|a| {
        a.sti()?;
        a.inc(rax)?;
        a.inc(rax)
    });
    machine.board.wires[0].ext_int = true;
    gate(&mut machine, VECTOR, HANDLERS + 16 * 0x20, 0, 0);
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
    gate(&mut machine, VECTOR, HANDLERS + 16 * 0x20, 0, 0);
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

// --- table 7-2: what decoding finds ------------------------------------------------------------

#[test]
fn more_than_fifteen_bytes_are_a_general_protection_fault() {
    // Prefixes before MOV EAX, imm32; before an undefined opcode; and nothing but prefixes.
    let tail = |count: usize, tail: &[u8]| [vec![0x66; count], tail.to_vec()].concat();
    for (bytes, vector) in [
        (tail(10, &[0x3e, 0xb8, 0x01, 0x02]), 3),
        (tail(13, &[0xb8, 0x01, 0x02]), 13),
        (tail(15, &[0x90]), 13),
        (tail(40, &[]), 13),
        (tail(13, &[0x06]), 6),
        (tail(15, &[0x06]), 13),
    ] {
        let mut machine = trapped(|a| {
            a.db(&bytes)?;
            a.int3()
        });
        assert_eq!(caught(&mut machine).0, vector, "{bytes:02x?}");
    }
}
