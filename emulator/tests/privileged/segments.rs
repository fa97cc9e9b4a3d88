//! Segments, tasks and ports (SDM volume 3, chapters 6 and 9; volume 1, 19.5).

use super::prelude::*;

// --- 6.5 to 6.7, 9.2: segments, tasks, ports ---------------------------------------------------

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

// --- 6.8.3.1, 8.2.3: descriptors of 16 bytes ---------------------------------------------------

/// The outcome of a far call by a gate whose second half is this.
fn by_gate(high: u64) -> (u64, Option<u64>) {
    let mut machine = trapped(|a| {
        a.mov(rax, DATA)?;
        a.call(fword_ptr(rax))
    });
    put(&mut machine, DATA, 0x38 << 32);
    put(&mut machine, GDT + 0x38, CODE64_GATE);
    put(&mut machine, GDT + 0x40, high);
    machine.cpus[0].gdtr.limit = 0x47;
    caught(&mut machine)
}

/// A call gate to offset 0 of [`CODE64`].
const CODE64_GATE: u64 = 0xec00 << 32 | (CODE64 as u64) << 16;

#[test]
fn a_call_gate_leads_above_the_hole() {
    // A gate's offset may have any bits in its upper half: the page there is not present.
    assert_eq!(by_gate(0xffff_ffff), (14, Some(0x10)));
    assert_eq!(by_gate(0xffff_9fff), (14, Some(0x10)));
    // What follows the offset has a type of its own, and it is zero.
    assert_eq!(by_gate(0xc00 << 32 | 0xffff_ffff), (13, Some(0x38)));
    assert_eq!(by_gate(0x1000_0000), (13, Some(0)));
}

#[test]
fn tasks_and_ldts_have_canonical_bases_and_no_second_type() {
    for (kind, task) in [(0x89, true), (0x82, false)] {
        for (high, fine) in [(0, true), (0xffff_8000, true), (0x1000_0000, false), (0x0a00 << 32, false)] {
            let mut machine = trapped(|a| {
                a.mov(eax, 0x38)?;
                if task {
                    a.ltr(eax)?
                } else {
                    a.lldt(eax)?
                }
                a.int3()
            });
            put(&mut machine, GDT + 0x38, kind << 40 | 0x67);
            put(&mut machine, GDT + 0x40, high);
            machine.cpus[0].gdtr.limit = 0x47;
            assert_eq!(caught(&mut machine), if fine { (3, None) } else { (13, Some(0x38)) }, "{high:x}");
        }
    }
}

// --- 5.6.1, 7.15: stacks of handlers -------------------------------------------------------------

#[test]
fn a_handlers_stack_that_is_not_canonical_is_told_with_ext() {
    for (software, error) in [(false, 1), (true, 0)] {
        let mut machine = trapped(|a| if software { a.int(6) } else { a.ud2() });
        gate(&mut machine, 6, HANDLERS + 16 * 6, 1, 0);
        put(&mut machine, TSS + 0x24, 1 << 60);
        assert_eq!(caught(&mut machine), (12, Some(error)));
    }
}

#[test]
fn ac_lets_a_handlers_stack_lie_in_a_user_page_under_smap() {
    for (ac, expected) in [(true, (6, None)), (false, (8, Some(0)))] {
        let mut machine = trapped(|a| {
            if ac {
                a.stac()?
            }
            a.ud2()
        });
        for page in 0..512 {
            put(&mut machine, TABLE + 8 * page, page << 12 | OPEN & !entry::US);
        }
        put(&mut machine, TABLE + 8 * (DATA >> 12), DATA | OPEN);
        for large in 1..4 {
            put(&mut machine, PML4 + 0x2000 + 8 * large, large << 21 | OPEN & !entry::US | entry::PS);
        }
        // The page fault of the push has no handler, and the double fault another stack.
        put(&mut machine, IDT + 16 * 14, 0);
        gate(&mut machine, 8, HANDLERS + 16 * 8, 1, 0);
        put(&mut machine, TSS + 0x24, STACK);
        machine.cpus[0].gpr[RSP] = DATA + 0x800;
        machine.cpus[0].control.cr4 |= bits4::SMAP;
        machine.cpus[0].refresh();
        assert_eq!(caught(&mut machine), expected);
    }
}
