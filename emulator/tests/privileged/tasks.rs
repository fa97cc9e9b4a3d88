//! Hardware task switches (SDM volume 3, chapter 9).

use super::legacy::*;
use super::prelude::*;

/// The TSS of the other task, its selector, and its code.
const OTHER_TSS: u64 = 0x6_4000;
const OTHER: u16 = FREE;
const OTHER_CODE: u64 = CODE + 0x1000;
/// A task gate to it, a free descriptor, an LDT.
const GATE: u16 = FREE + 8;
const SPARE: u16 = FREE + 16;
const LDT: u16 = FREE + 24;

const RUNNING: u64 = TSS;

fn put32(machine: &mut Machine, at: u64, value: u32) {
    write(machine, at, &value.to_le_bytes());
}

fn get32(machine: &Machine, at: u64) -> u32 {
    get(machine, at) as u32
}

/// A descriptor's access byte in the GDT.
fn access(machine: &Machine, selector: u16) -> u64 {
    get(machine, GDT + u64::from(selector)) >> 40 & 0xff
}

/// A machine with a second task: ring 0, registers 0x11111111 to 0x88888888, stack [`RSP0`].
fn two_tasks(
    code: impl FnOnce(&mut CodeAssembler) -> Coded,
    other: impl FnOnce(&mut CodeAssembler) -> Coded,
) -> Machine {
    let mut machine = protected(code);
    place_bits(&mut machine, 32, OTHER_CODE, other);
    describe(&mut machine, OTHER, descriptor(OTHER_TSS, 0x67, 0x89));
    describe(&mut machine, GATE, gate_to(OTHER, 0, 0x85, 0));
    put32(&mut machine, OTHER_TSS + 0x20, OTHER_CODE as u32);
    put32(&mut machine, OTHER_TSS + 0x24, (flag::ONE | flag::CF) as u32);
    for n in 0..8 {
        put32(&mut machine, OTHER_TSS + 0x28 + 4 * n, 0x1111_1111 * (n as u32 + 1));
    }
    put32(&mut machine, OTHER_TSS + 0x28 + 16, RSP0 as u32);
    for (n, selector) in [FLAT, CODE32, FLAT, FLAT, 0, FLAT].into_iter().enumerate() {
        put32(&mut machine, OTHER_TSS + 0x48 + 4 * n as u64, selector.into());
    }
    machine
}

fn far(a: &mut CodeAssembler, opcode: u8, selector: u16) -> Coded {
    let [low, high] = selector.to_le_bytes();
    a.db(&[opcode, 0x5a, 0x5a, 0x5a, 0x5a, low, high])
}

const JMP: u8 = 0xea;
const CALL: u8 = 0x9a;

#[test]
fn a_jump_to_a_tss_changes_everything() {
    for selector in [OTHER, GATE] {
        let mut machine = two_tasks(
            |a| {
                a.mov(ecx, 0x1234_5678)?;
                far(a, JMP, selector)
            },
            |a| a.int3(),
        );
        machine.cpus[0].control.dr7 |= 0x3ff;
        assert_eq!(caught32(&mut machine).0, 3);
        let cpu = &machine.cpus[0];
        assert_eq!((cpu.gpr[RAX], cpu.gpr[RCX], cpu.gpr[RDI]), (0x1111_1111, 0x2222_2222, 0x8888_8888));
        assert_eq!((cpu.tr.selector, cpu.tr.base, cpu.tr.kind()), (OTHER, OTHER_TSS, 11));
        assert_eq!(word32(&machine, 0), OTHER_CODE as u32 + 1);
        assert_eq!(word32(&machine, 2), (flag::ONE | flag::CF) as u32);
        assert_ne!(cpu.control.cr0 & bits0::TS, 0);
        // Local breakpoints are off.
        assert_eq!(cpu.control.dr7 & 0x3ff, 0x2aa);
        assert_eq!(cpu.seg[usize::from(sreg::FS)], Segment::default());
        // The old task was saved, and neither is busy but the new one.
        assert_eq!(get32(&machine, RUNNING + 0x20), CODE as u32 + 5 + 7);
        assert_eq!(get32(&machine, RUNNING + 0x2c), 0x1234_5678);
        assert_eq!(get32(&machine, RUNNING + 0x38), STACK as u32);
        assert_eq!(get32(&machine, RUNNING + 0x4c) as u16, CODE32);
        assert_eq!((access(&machine, TASK32), access(&machine, OTHER)), (0x89, 0x8b));
        // No link.
        assert_eq!(get32(&machine, OTHER_TSS) as u16, 0);
    }
}

#[test]
fn a_call_nests_and_iret_returns() {
    for selector in [OTHER, GATE] {
        let mut machine = two_tasks(
            |a| {
                far(a, CALL, selector)?;
                a.int3()
            },
            |a| {
                a.pushfd()?;
                a.pop(eax)?;
                a.iretd()
            },
        );
        describe(&mut machine, TASK32, descriptor(TSS, 0x2fff, 0x8b));
        assert_eq!(caught32(&mut machine).0, 3);
        let cpu = &machine.cpus[0];
        assert_eq!((cpu.tr.selector, cpu.gpr[RSP] + 12), (TASK32, STACK));
        assert_eq!(word32(&machine, 0), CODE as u32 + 8);
        // NT was set in the nested task, saved without it, and is clear again.
        assert_eq!(get32(&machine, OTHER_TSS + 0x28) as u64, flag::NT | flag::ONE | flag::CF);
        assert_eq!(u64::from(get32(&machine, OTHER_TSS + 0x24)) & flag::NT, 0);
        assert_eq!(cpu.flags.rflags() & flag::NT, 0);
        assert_eq!(get32(&machine, OTHER_TSS) as u16, TASK32);
        assert_eq!((access(&machine, TASK32), access(&machine, OTHER)), (0x8b, 0x89));
        // The nested task goes on behind its IRET next time.
        assert_eq!(get32(&machine, OTHER_TSS + 0x20), OTHER_CODE as u32 + 3);
    }
}

#[test]
fn an_exception_through_a_task_gate_brings_its_code() {
    let mut machine = two_tasks(|a| a.db(&[0x64, 0xa1, 0, 0, 0, 0]), |a| a.int3());
    machine.cpus[0].seg[usize::from(sreg::FS)] = Segment::default();
    put(&mut machine, IDT + 8 * 13, gate_to(OTHER, 0, 0x85, 0));
    assert_eq!(caught32(&mut machine).0, 3);
    assert_eq!(machine.cpus[0].tr.selector, OTHER);
    // The error code lies under what INT3 pushed.
    assert_eq!(word32(&machine, 3), 0);
    assert_eq!(machine.cpus[0].gpr[RSP], RSP0 - 16);
    // A fault saves RF set, and the place of the instruction.
    assert_ne!(u64::from(get32(&machine, RUNNING + 0x24)) & flag::RF, 0);
    assert_eq!(get32(&machine, RUNNING + 0x20), CODE as u32);
}

#[test]
fn int_n_through_a_task_gate_needs_its_privilege() {
    for (dpl, expected) in [(0, (13, Some(0x1f << 3 | 2))), (3, (3, None))] {
        let mut machine = two_tasks(|a| a.int(0x1f), |a| a.int3());
        put(&mut machine, IDT + 8 * 0x1f, gate_to(OTHER, 0, 0x85 | dpl << 5, 0));
        user32(&mut machine);
        assert_eq!(caught32(&mut machine), expected);
        if dpl == 3 {
            assert_eq!(get32(&machine, RUNNING + 0x20), CODE as u32 + 2);
            assert_eq!(get32(&machine, RUNNING + 0x4c) as u16, USER_CODE);
        }
    }
}

#[test]
fn what_is_wrong_with_the_tss_is_the_old_tasks_fault() {
    let busy = descriptor(OTHER_TSS, 0x67, 0x8b);
    let absent = descriptor(OTHER_TSS, 0x67, 0x09);
    let short = descriptor(OTHER_TSS, 0x66, 0x89);
    let error = u32::from(OTHER);
    for (tss, vector) in [(busy, 13), (absent, 11), (short, 10)] {
        for selector in [OTHER, GATE] {
            let mut machine = two_tasks(|a| far(a, JMP, selector), |a| a.int3());
            describe(&mut machine, OTHER, tss);
            assert_eq!(caught32(&mut machine), (vector, Some(error)));
            let cpu = &machine.cpus[0];
            assert_eq!((cpu.tr.selector, word32(&machine, 1)), (TASK32, CODE as u32));
            assert_eq!(access(&machine, TASK32), 0x8b);
            assert_eq!(get(&machine, GDT + u64::from(OTHER)), tss);
        }
    }
}

#[test]
fn privilege_guards_tss_and_gate() {
    for (tss_dpl, gate_dpl, selector, expected) in [
        (0, 0, OTHER | 3, (13, Some(u32::from(OTHER)))),
        (3, 0, OTHER | 3, (3, None)),
        (0, 0, GATE | 3, (13, Some(u32::from(GATE)))),
        (0, 3, GATE | 3, (3, None)),
    ] {
        let mut machine = two_tasks(|a| far(a, JMP, selector), |a| a.int3());
        describe(&mut machine, OTHER, descriptor(OTHER_TSS, 0x67, 0x89 | tss_dpl << 5));
        describe(&mut machine, GATE, gate_to(OTHER, 0, 0x85 | gate_dpl << 5, 0));
        user32(&mut machine);
        assert_eq!(caught32(&mut machine), expected);
    }
}

/// Jumps to the task after `spoil` changed it: vector, code, and whether the new task runs.
fn spoiled(spoil: impl Fn(&mut Machine)) -> (u64, Option<u32>, bool) {
    let mut machine = two_tasks(|a| far(a, JMP, OTHER), |a| a.int3());
    spoil(&mut machine);
    let (vector, code) = caught32(&mut machine);
    let cpu = &machine.cpus[0];
    if vector != 3 {
        // Before the first instruction of the new task.
        assert_eq!(word32(&machine, 1), OTHER_CODE as u32);
    }
    (vector, code, cpu.tr.selector == OTHER)
}

#[test]
fn what_is_wrong_with_the_segments_is_the_new_tasks_fault() {
    // SDM volume 3, table 9-1. The stack must be good for the handler to be reached.
    let spare = Some(u32::from(SPARE));
    let segment = |at: u64, value: u64| {
        move |machine: &mut Machine| {
            describe(machine, SPARE, value);
            put32(machine, OTHER_TSS + at, SPARE.into());
        }
    };
    const DS: u64 = 0x54;
    const CS: u64 = 0x4c;
    const LDTR: u64 = 0x60;
    let absent_data = descriptor(0, 0xffff_ffff, 0x4013);
    let absent_code = descriptor(0, 0xffff_ffff, 0x401b);
    let unreadable = descriptor(0, 0xffff_ffff, 0x4099);
    let ring3_code = descriptor(0, 0xffff_ffff, 0x40fb);
    let ldt = descriptor(DATA, 0xff, 0x82);
    assert_eq!(spoiled(segment(DS, absent_data)), (11, spare, true));
    assert_eq!(spoiled(segment(DS, unreadable)), (10, spare, true));
    assert_eq!(spoiled(segment(LDTR, ldt)), (3, None, true));
    let mut machine = two_tasks(|a| far(a, JMP, OTHER), |a| a.int3());
    put32(&mut machine, OTHER_TSS + DS, 0xf8);
    assert_eq!(caught32(&mut machine), (10, Some(0xf8)));
    // With CS or LDTR bad, SS is not loaded yet, and the handler needs a task of its own.
    for (spoil, at, vector) in [
        (absent_code, CS, 11),
        (ring3_code, CS, 10),
        (descriptor(DATA, 0xff, 2), LDTR, 10),
        (absent_data, LDTR, 10),
    ] {
        let mut machine = two_tasks(|a| far(a, JMP, OTHER), |a| a.int3());
        describe(&mut machine, SPARE, spoil);
        put32(&mut machine, OTHER_TSS + at, SPARE.into());
        // The old task handles it: not busy after the jump.
        describe(&mut machine, LDT, gate_to(TASK32, 0, 0x85, 0));
        put(&mut machine, IDT + 8 * vector, gate_to(TASK32, 0, 0x85, 0));
        place_bits(&mut machine, 32, CODE + 7, |a| a.int3());
        assert_eq!(caught32(&mut machine).0, 3, "{spoil:#x}");
        assert_eq!(machine.cpus[0].tr.selector, TASK32);
        assert_eq!(word32(&machine, 3), u32::from(SPARE));
        assert_eq!(get32(&machine, OTHER_TSS + 0x20), OTHER_CODE as u32);
    }
}

#[test]
fn iret_needs_a_busy_task_to_return_to() {
    for (link, expected) in [(OTHER, 10), (FLAT, 10), (OTHER | 4, 10)] {
        let mut machine = two_tasks(|a| a.iretd(), |a| a.int3());
        put32(&mut machine, RUNNING, link.into());
        machine.cpus[0].flags.system |= flag::NT;
        assert_eq!(caught32(&mut machine), (expected, Some(u32::from(link) & !3)));
    }
    let mut machine = two_tasks(|a| a.iretd(), |a| a.int3());
    put32(&mut machine, RUNNING, OTHER.into());
    describe(&mut machine, OTHER, descriptor(OTHER_TSS, 0x67, 0x8b));
    machine.cpus[0].flags.system |= flag::NT;
    assert_eq!(caught32(&mut machine).0, 3);
    assert_eq!((access(&machine, TASK32), access(&machine, OTHER)), (0x89, 0x8b));
}

#[test]
fn nt_in_long_mode_is_a_fault() {
    let mut machine = trapped(|a| a.iretq());
    machine.cpus[0].flags.system |= flag::NT;
    assert_eq!(caught(&mut machine), (13, Some(0)));
    // And so are jumps to a TSS.
    let mut machine = trapped(|a| {
        a.mov(eax, DATA as u32)?;
        a.db(&[0xff, 0x28]) // jmp far [rax]
    });
    put(&mut machine, GDT + u64::from(TASK), 0x8900_0000_0067 | (TSS & 0xff_ffff) << 16);
    put(&mut machine, DATA, u64::from(TASK) << 32);
    assert_eq!(caught(&mut machine), (13, Some(TASK.into())));
}

#[test]
fn tasks_of_16_bits() {
    let mut machine = two_tasks(|a| far(a, CALL, OTHER), |a| a.int3());
    describe(&mut machine, OTHER, descriptor(OTHER_TSS, 0x2b, 0x81));
    let words = [
        (0x0eu64, 0x6000u16),
        (0x10, 0x0002),
        (0x12, 0x1111),
        (0x1a, 0x7f00),
        (0x22, FLAT),
        (0x24, CODE32),
        (0x26, FLAT),
        (0x28, FLAT),
        (0x2a, 0),
    ];
    for (at, value) in words {
        write(&mut machine, OTHER_TSS + at, &value.to_le_bytes());
    }
    place_bits(&mut machine, 32, 0x6000, |a| {
        a.inc(eax)?;
        a.iretd()
    });
    place_bits(&mut machine, 32, CODE + 7, |a| a.int3());
    machine.cpus[0].gpr[RBX] = 0xaaaa_5555;
    assert_eq!(caught32(&mut machine).0, 3);
    // The 32-bit task came back whole; the 16-bit one was saved in words.
    assert_eq!(machine.cpus[0].gpr[RBX], 0xaaaa_5555);
    assert_eq!(get32(&machine, OTHER_TSS + 0x12) as u16, 0x1112);
    assert_eq!(get32(&machine, OTHER_TSS + 0x0e) as u16, 0x6002);
    assert_eq!(access(&machine, OTHER), 0x81);
}

#[test]
fn a_task_can_be_of_virtual_8086_mode() {
    let mut machine = two_tasks(|a| far(a, JMP, OTHER), |a| a.nop());
    put32(&mut machine, OTHER_TSS + 0x20, 0x10);
    put32(&mut machine, OTHER_TSS + 0x24, (flag::VM | flag::ONE | flag::IOPL) as u32);
    put32(&mut machine, OTHER_TSS + 0x38, 0x100);
    for (at, selector) in [(0x4c, 0x600u32), (0x50, 0x700), (0x54, 0x800)] {
        put32(&mut machine, OTHER_TSS + at, selector);
    }
    write(&mut machine, 0x6010, &[0x8e, 0xd8, 0xf4]); // mov ds, ax; hlt
    put32(&mut machine, OTHER_TSS + 4, ESP0 as u32);
    put32(&mut machine, OTHER_TSS + 8, FLAT.into());
    assert_eq!(caught32(&mut machine), (13, Some(0)));
    assert_eq!((word32(&machine, 1), word32(&machine, 2)), (0x12, 0x600));
    assert_ne!(u64::from(word32(&machine, 3)) & flag::VM, 0);
    assert_eq!((word32(&machine, 4), word32(&machine, 5), word32(&machine, 7)), (0x100, 0x700, 0x1111));
}

#[test]
fn the_trap_bit_traps_before_the_first_instruction() {
    let mut machine = two_tasks(|a| far(a, JMP, OTHER), |a| a.inc(eax));
    put32(&mut machine, OTHER_TSS + 0x64, 1);
    assert_eq!(caught32(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].control.dr6 & 0xe00f, bits6::BT);
    assert_eq!(word32(&machine, 0), OTHER_CODE as u32);
}

#[test]
fn a_task_has_its_own_page_tables_and_ldt() {
    let mut machine = two_tasks(
        |a| far(a, JMP, OTHER),
        |a| {
            a.mov(ecx, 4)?;
            a.mov(es, ecx)?;
            a.mov(ebx, dword_ptr(0x40_0000u32))?;
            a.int3()
        },
    );
    // 4 MiB pages: the second differs between the two.
    let (one, two) = (0x10_0000u64, 0x10_1000u64);
    for root in [one, two] {
        put32(&mut machine, root, 0x87);
    }
    put32(&mut machine, two + 4, 0x87);
    put32(&mut machine, OTHER_TSS + 0x1c, two as u32);
    describe(&mut machine, LDT, descriptor(DATA, 0xff, 0x82));
    put32(&mut machine, OTHER_TSS + 0x60, LDT.into());
    put(&mut machine, DATA, descriptor(0x1234, 0xff, 0x93));
    put32(&mut machine, 0, 0x5555);
    let cpu = &mut machine.cpus[0];
    cpu.control.cr3 = one;
    cpu.control.cr4 |= bits4::PSE;
    cpu.control.cr0 |= bits0::PG;
    cpu.refresh();
    assert_eq!(caught32(&mut machine).0, 3);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.control.cr3, cpu.gpr[RBX], cpu.ldtr.base), (two, 0x5555, DATA));
    assert_eq!(cpu.seg[usize::from(sreg::ES)].base, 0x1234);
}

#[test]
fn a_fault_in_saving_the_old_task_is_its_own() {
    // The old TSS cannot be written: nothing has changed when the page fault is taken.
    let mut machine = two_tasks(|a| far(a, JMP, OTHER), |a| a.int3());
    let root = 0x10_0000u64;
    put32(&mut machine, root, (root + 0x1000) as u32 | 7);
    for page in 0..1024u32 {
        put32(&mut machine, root + 0x1000 + 4 * u64::from(page), page << 12 | 7);
    }
    put32(&mut machine, root + 0x1000 + 4 * (TSS >> 12), TSS as u32 | 5);
    let cpu = &mut machine.cpus[0];
    cpu.control.cr3 = root;
    cpu.control.cr0 |= bits0::PG | bits0::WP;
    cpu.refresh();
    assert_eq!(caught32(&mut machine), (14, Some(3)));
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.control.cr2, cpu.tr.selector), (TSS + 0x20, TASK32));
    assert_eq!(access(&machine, OTHER), 0x89);
}
