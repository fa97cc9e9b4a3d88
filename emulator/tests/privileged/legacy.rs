//! The bare machine in 16- and 32-bit modes: descriptors, gates and task-state segments by hand.
#![allow(dead_code)]

use super::prelude::*;

/// Ring 0 code of 32 bits, flat.
pub const CODE32: u16 = 0x08;
/// Ring 0 data, flat.
pub const FLAT: u16 = 0x10;
/// Ring 3 code of 32 bits, flat.
pub const USER_CODE: u16 = 0x1b;
/// Ring 3 data, flat.
pub const USER_FLAT: u16 = 0x23;
/// The task that runs.
pub const TASK32: u16 = 0x28;
/// The first descriptor that a test may fill.
pub const FREE: u16 = 0x30;
/// Stack of ring 0 after a change of ring.
pub const ESP0: u64 = 0x2_c000;

/// A descriptor from base, limit (in bytes if below 1 MiB, else in pages) and access bits 55:40.
pub fn descriptor(base: u64, limit: u64, access: u64) -> u64 {
    let (limit, granular) = if limit >> 20 == 0 { (limit, 0) } else { (limit >> 12, 0x8000) };
    limit & 0xffff
        | (base & 0xff_ffff) << 16
        | ((access | granular) & 0xf0ff | (limit >> 16 & 0xf) << 8) << 40
        | (base >> 24 & 0xff) << 56
}

/// Fills a descriptor of the GDT.
pub fn describe(machine: &mut Machine, selector: u16, value: u64) {
    put(machine, GDT + u64::from(selector & !7), value);
}

/// A gate descriptor: kind with P and DPL in the upper bits.
pub fn gate_to(selector: u16, offset: u64, access: u64, parameters: u64) -> u64 {
    offset & 0xffff
        | u64::from(selector) << 16
        | parameters << 32
        | access << 40
        | (offset >> 16 & 0xffff) << 48
}

/// Assembles code of `bits` into memory.
pub fn place_bits(machine: &mut Machine, bits: u32, at: u64, code: impl FnOnce(&mut CodeAssembler) -> Coded) {
    let mut assembler = CodeAssembler::new(bits).unwrap();
    code(&mut assembler).unwrap();
    let bytes = assembler.assemble(at).unwrap();
    write(machine, at, &bytes);
}

/// A machine in 32-bit protected mode without paging, about to run this code in ring 0. Every
/// vector leads to a HLT of its own.
pub fn protected(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = blank();
    machine.cpus[0].model = CpuModel::everything();
    place_bits(&mut machine, 32, CODE, code);
    for (selector, access) in [(CODE32, 0x409b), (FLAT, 0x4093), (USER_CODE, 0x40fb), (USER_FLAT, 0x40f3)] {
        describe(&mut machine, selector, descriptor(0, 0xffff_ffff, access));
    }
    describe(&mut machine, TASK32, descriptor(TSS, 0x2fff, 0x8b));
    put(&mut machine, TSS + 4, ESP0 | u64::from(FLAT) << 32);
    // The I/O bitmap begins beyond the limit.
    put(&mut machine, TSS + 0x60, 0xffff << 48);
    for vector in 0..=0x20 {
        let at = HANDLERS + 16 * vector;
        write(&mut machine, at, &[0xf4]);
        put(&mut machine, IDT + 8 * vector, gate_to(CODE32, at, 0x8e, 0));
    }
    let cpu = &mut machine.cpus[0];
    cpu.control.cr0 = bits0::PE | bits0::NE | bits0::ET;
    let segment = |selector, access| Segment { selector, base: 0, limit: u32::MAX, access };
    cpu.seg = [segment(FLAT, 0xc093); 6];
    cpu.seg[CS] = segment(CODE32, 0xc09b);
    cpu.tr = Segment { selector: TASK32, base: TSS, limit: 0x2fff, access: 0x8b };
    cpu.gdtr = Table { base: GDT, limit: 0xff };
    cpu.idtr = Table { base: IDT, limit: 0x7ff };
    cpu.gpr[RSP] = STACK;
    cpu.rip = CODE;
    cpu.refresh();
    machine
}

/// Puts the processor of [`protected`] into ring 3.
pub fn user32(machine: &mut Machine) {
    let cpu = &mut machine.cpus[0];
    let segment = |selector, access| Segment { selector, base: 0, limit: u32::MAX, access };
    cpu.seg = [segment(USER_FLAT, 0xc0f3); 6];
    cpu.seg[CS] = segment(USER_CODE, 0xc0fb);
    cpu.refresh();
}

/// Runs until a handler of [`protected`] halts: the vector, and the error code if it has one.
pub fn caught32(machine: &mut Machine) -> (u64, Option<u32>) {
    assert_eq!(machine.run(100_000), Stop::Halted);
    let cpu = &machine.cpus[0];
    let vector = (cpu.rip - HANDLERS) / 16;
    assert!(cpu.rip >= HANDLERS && vector <= 0x20, "no handler was reached: {:#x}", cpu.rip);
    let coded = matches!(vector, 8 | 10..=14 | 17);
    (vector, coded.then(|| word32(machine, 0)))
}

/// The `nth` doubleword on the stack.
pub fn word32(machine: &Machine, nth: u64) -> u32 {
    let cpu = &machine.cpus[0];
    get(machine, cpu.seg[SS].base + cpu.gpr[RSP] + 4 * nth) as u32
}

/// A machine in real mode, about to run this 16-bit code at 0:[`REAL_CODE`]. Every vector leads to
/// a HLT of its own at 0:[`HANDLERS`].
pub fn real(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = blank();
    machine.cpus[0].model = CpuModel::everything();
    place_bits(&mut machine, 16, REAL_CODE, code);
    for vector in 0..=0x20 {
        let at = HANDLERS + 16 * vector;
        write(&mut machine, at, &[0xf4]);
        write(&mut machine, 4 * vector, &(at as u32).to_le_bytes());
    }
    let cpu = &mut machine.cpus[0];
    cpu.seg = [Segment::real(0, false); 6];
    cpu.seg[CS] = Segment::real(0, true);
    cpu.idtr = Table { base: 0, limit: 0x3ff };
    cpu.gpr[RSP] = 0x7000;
    cpu.rip = REAL_CODE;
    cpu.refresh();
    machine
}

/// Where [`real`] puts its code.
pub const REAL_CODE: u64 = 0x4000;
