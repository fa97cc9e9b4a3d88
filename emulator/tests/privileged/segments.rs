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
