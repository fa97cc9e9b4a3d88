//! System management mode (AMD64 volume 2, chapter 10; SDM volume 3, "System Management Mode").

use ringhold_emulator::state::{CpuState, IoAccess};

use super::prelude::*;

/// SMBASE after reset.
const BASE: u64 = 0x3_0000;
/// Where the handler begins.
const HANDLER: u64 = BASE + 0x8000;
/// The physical address of a place in the state-save area.
const fn saved(offset: u64) -> u64 {
    BASE + offset
}

/// A machine in long mode whose code raises an SMI, with a handler of these bytes (16-bit code).
fn smi(handler: &[u8], code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = trapped(|a| {
        a.out(i32::from(SMI), al)?;
        code(a)
    });
    write(&mut machine, HANDLER, handler);
    machine
}

const RSM: [u8; 2] = [0x0f, 0xaa];
/// Where a handler counts its turns.
const COUNT: u64 = 0x500;

/// A handler of these bytes that then counts its turns: inc word [COUNT]; rsm.
fn counting(before: &[u8]) -> Vec<u8> {
    [before, &[0xff, 0x06, 0x00, 0x05], &RSM].concat()
}

const HLT: u8 = 0xf4;

fn intel(machine: &mut Machine) {
    machine.cpus[0].model.vendor = "GenuineIntel".into();
}

/// What RSM must bring back: all but what the count of instructions decides.
fn comparable(machine: &Machine) -> CpuState {
    machine.cpus[0].state()
}

#[test]
fn the_handler_begins_in_a_real_mode_of_its_own() {
    let mut machine = smi(&[HLT], |a| a.hlt());
    machine.cpus[0].control.cr0 |= bits0::TS | bits0::EM;
    machine.cpus[0].control.dr7 = 0x403;
    machine.cpus[0].flags.set_rflags(flag::IF | flag::CF | flag::ONE);
    machine.cpus[0].refresh();
    assert_eq!(machine.run(100), Stop::Halted);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.rip, cpu.seg[CS].selector, cpu.seg[CS].base), (0x8001, 0x3000, BASE));
    assert_eq!((cpu.seg[DS].selector, cpu.seg[DS].base, cpu.seg[DS].limit), (0, 0, u32::MAX));
    let before = bits0::PE | bits0::PG | bits0::NE | bits0::ET | bits0::WP | bits0::TS | bits0::EM;
    let cleared = bits0::PE | bits0::PG | bits0::TS | bits0::EM;
    assert_eq!(cpu.control.cr0, before & !cleared);
    assert_eq!((cpu.control.cr4, cpu.control.efer, cpu.control.dr7), (0, 0, 0x400));
    assert_eq!(cpu.flags.rflags(), flag::ONE);
    assert_eq!(cpu.cpl, 0);
}

#[test]
fn amd_saves_where_its_manual_says() {
    let mut machine = smi(&[HLT], |a| a.hlt());
    (machine.cpus[0].gpr[RBX], machine.cpus[0].gpr[15]) = (0x1122_3344_5566_7788, 0x99aa);
    machine.run(100);
    let selectors = [(0xfe10, u64::from(CODE64) | 0xa09b << 16 | 0xffff_ffff << 32), (0xfe18, 0)];
    let tables = [(0xfe68, GDT), (0xfe88, IDT), (0xfe98, TSS)];
    let control = [(0xfed0, 0xd01), (0xff48, bits4::PAE | bits4::PGE), (0xff50, PML4), (0xff60, 0x400)];
    let registers = [(0xff78, CODE + 2), (0xff80, 0x99aa), (0xffe0, 0x1122_3344_5566_7788), (0xffd8, STACK)];
    for (offset, value) in selectors.into_iter().chain(tables).chain(control).chain(registers) {
        assert_eq!(get(&machine, saved(offset)), value, "{offset:#x}");
    }
    assert_eq!(get(&machine, saved(0xfefc)), BASE << 32 | 0x0003_0064);
    // OUT of one byte to the port.
    assert_eq!(get(&machine, saved(0xfec0)) as u32, u32::from(SMI) << 16 | 0x12);
    assert_eq!(get(&machine, saved(0xfea0)), CODE);
}

#[test]
fn intel_saves_where_its_manual_says() {
    let mut machine = smi(&[HLT], |a| a.hlt());
    intel(&mut machine);
    machine.cpus[0].gpr[RBX] = 0x1122_3344_5566_7788;
    machine.cpus[0].gdtr.base |= 0xffff_8000_0000_0000;
    machine.run(100);
    for (offset, value) in [
        (0xffe0, 0xd01),
        (0xffd8, CODE + 2),
        (0xff74, 0x1122_3344_5566_7788),
        (0xfff0, PML4),
        (0xfe40, bits4::PAE | bits4::PGE),
        (0xfde8, CODE),
    ] {
        assert_eq!(get(&machine, saved(offset)), value, "{offset:#x}");
    }
    let dword = |offset| get(&machine, saved(offset)) as u32;
    assert_eq!((dword(0xffac), dword(0xffc4)), (CODE64.into(), TASK.into()));
    assert_eq!((dword(0xfe8c), dword(0xfdd0)), (GDT as u32, 0xffff_8000));
    assert_eq!((dword(0xfef8), dword(0xfefc)), (BASE as u32, 0x0003_0101));
    // OUT imm8 of one byte.
    assert_eq!(dword(0xffa4), u32::from(SMI) << 16 | 8 << 4 | 1 << 1 | 1);
}

#[test]
fn rsm_brings_everything_back() {
    for vendor in [false, true] {
        let mut machine = smi(&RSM, |a| a.hlt());
        if vendor {
            intel(&mut machine);
        }
        let cpu = &mut machine.cpus[0];
        for (nth, register) in cpu.gpr[..16].iter_mut().enumerate().filter(|(nth, _)| *nth != RSP) {
            *register = 0x0101_0101_0101_0101 * nth as u64;
        }
        cpu.seg[GS].base = 0xffff_8000_1234_5678;
        cpu.ldtr = Segment { selector: 0x48, base: 0xffff_ffff_8123_4560, limit: 0x7f, access: 0x82 };
        cpu.flags.set_rflags(flag::STATUS | flag::DF | flag::AC | flag::ONE);
        cpu.control.dr7 = 0x500;
        cpu.refresh();
        assert_eq!(machine.run(1), Stop::Budget);
        let before = comparable(&machine);
        assert_eq!(machine.run(2), Stop::Budget);
        let after = comparable(&machine);
        // What the SMI used up; DR7 has fixed bits.
        let mut before = before;
        before.smm.io = None;
        assert_eq!(after, before);
        assert_eq!(machine.run(100), Stop::Halted);
        assert_eq!(machine.cpus[0].rip, CODE + 3);
    }
}

/// SDM volume 2, RSM.
#[test]
fn rsm_outside_is_undefined() {
    let mut machine = trapped(|a| a.rsm());
    assert_eq!(caught(&mut machine).0, 6);
}

#[test]
fn rsm_of_an_invalid_state_shuts_down() {
    let pg_without_pe = bits0::PG | bits0::ET;
    let nw_without_cd = bits0::PG | bits0::PE | bits0::NW;
    let cases = [
        (0xff58, pg_without_pe),
        (0xff58, nw_without_cd),
        (0xff58, 1 << 32 | bits0::PG | bits0::PE),
        (0xff48, 1 << 31 | bits4::PAE),
        (0xff48, bits4::PGE),
        (0xfed0, 0xd01 | 1 << 20),
        (0xfed0, 0x801),
        (0xff60, 1 << 32),
        (0xff68, 1 << 32),
        (0xff50, 1 << 63),
        (0xff70, flag::VM | flag::ONE),
    ];
    for (offset, value) in cases {
        let mut machine = smi(&[HLT, 0x0f, 0xaa], |a| a.hlt());
        assert_eq!(machine.run(100), Stop::Halted);
        put(&mut machine, saved(offset), value);
        machine.cpus[0].activity = Activity::Running;
        assert_eq!(machine.run(100), Stop::TripleFault, "{offset:#x} = {value:#x}");
    }
}

/// AMD64 volume 2, 10.3.4: the handler moves SMBASE by the field of the area.
#[test]
fn smbase_moves_with_the_area() {
    let mut machine = smi(&[HLT, 0x0f, 0xaa], |a| {
        a.out(i32::from(SMI), al)?;
        a.hlt()
    });
    machine.run(100);
    write(&mut machine, saved(0xff00), &0x4_0000u32.to_le_bytes());
    write(&mut machine, 0x4_8000, &[0xf4]);
    machine.cpus[0].activity = Activity::Running;
    assert_eq!(machine.run(100), Stop::Halted);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.seg[CS].base, cpu.seg[CS].selector, cpu.rip), (0x4_0000, 0x4000, 0x8001));
    assert_eq!(get(&machine, 0x4_ff78), CODE + 4);
}

/// AMD64 volume 2, 10.3.5: auto-halt restart.
#[test]
fn a_halt_is_entered_again_or_left() {
    for again in [true, false] {
        let mut machine = smi(&[HLT, 0x0f, 0xaa], |_| Ok(()));
        place(&mut machine, CODE, |a| {
            a.hlt().unwrap();
            a.inc(rax).unwrap();
            a.hlt().unwrap();
        });
        assert_eq!(machine.run(100), Stop::Halted);
        machine.board.wires[0].smi = true;
        assert_eq!(machine.run(100), Stop::Halted);
        let mut byte = [0];
        machine.board.fabric.memory.read(saved(0xfec9), &mut byte);
        assert_eq!(byte, [1]);
        write(&mut machine, saved(0xfec9), &[again.into()]);
        machine.cpus[0].activity = Activity::Running;
        assert_eq!(machine.run(100), Stop::Halted);
        let cpu = &machine.cpus[0];
        assert_eq!((cpu.smm.active, cpu.gpr[RAX]), (false, u64::from(!again)));
    }
}

/// AMD64 volume 2, 10.3.6: the instruction is executed again, each iteration by itself.
#[test]
fn an_io_instruction_is_restarted() {
    let mut machine = smi(&[HLT, 0x0f, 0xaa], |_| Ok(()));
    place(&mut machine, CODE, |a| {
        a.rep().outsb().unwrap();
        a.hlt().unwrap();
    });
    let cpu = &mut machine.cpus[0];
    (cpu.gpr[RCX], cpu.gpr[RDX], cpu.gpr[RSI]) = (2, SMI.into(), DATA);
    assert_eq!(machine.run(100), Stop::Halted);
    // Port, one byte, REP, string, valid, OUT.
    assert_eq!(get(&machine, saved(0xfec0)) as u32, u32::from(SMI) << 16 | 0x1e);
    assert_eq!([0xfea0, 0xfea8, 0xfeb0].map(|at| get(&machine, saved(at))), [CODE, 2, DATA]);
    assert_eq!((get(&machine, saved(0xfff0)), get(&machine, saved(0xff78))), (1, CODE));
    write(&mut machine, saved(0xfec8), &[0xff]);
    machine.cpus[0].activity = Activity::Running;
    assert_eq!(machine.run(100), Stop::Halted);
    assert_eq!(get(&machine, saved(0xfea8)), 2, "the first iteration again");
    machine.cpus[0].activity = Activity::Running;
    assert_eq!(machine.run(100), Stop::Halted);
    assert_eq!(get(&machine, saved(0xfea8)), 1);
    // An SMI that no instruction raised says so.
    machine.cpus[0].activity = Activity::Running;
    machine.run(100);
    machine.board.wires[0].smi = true;
    assert_eq!(machine.run(100), Stop::Halted);
    assert_eq!(get(&machine, saved(0xfec0)) as u32, 0);
    assert_eq!(machine.cpus[0].smm.io, None::<IoAccess>);
}

/// SDM volume 3, 32.3: one SMI is latched meanwhile. 32.8: NMIs too, until an IRET in the handler.
#[test]
fn what_comes_meanwhile_waits() {
    // out SMI, al; inc word [COUNT]; rsm
    let mut machine = smi(&counting(&[0xe6, SMI as u8]), |a| a.hlt());
    assert_eq!(machine.run(4), Stop::Budget);
    assert_eq!((get(&machine, COUNT), machine.cpus[0].smm.active), (1, false));
    machine.run(5);
    assert!(machine.cpus[0].smm.active, "no instruction of the program in between");

    // out NMI, al; inc word [COUNT]; rsm
    let mut machine = smi(&counting(&[0xe6, NMI as u8]), |a| a.hlt());
    gate(&mut machine, 2, HANDLERS + 32, 0, 0);
    assert_eq!(caught(&mut machine).0, 2);
    assert_eq!((get(&machine, COUNT), machine.cpus[0].smm.active), (1, false));
    assert_eq!(frame(&machine, false)[0], CODE + 2);
    // Within the handler of an NMI they stay blocked.
    let mut machine = smi(&[0xe6, NMI as u8, 0x0f, 0xaa], |a| a.hlt());
    machine.cpus[0].nmi_blocked = true;
    assert_eq!(machine.run(100), Stop::Halted);
    assert!(machine.board.wires[0].nmi && machine.cpus[0].nmi_blocked);
}

#[test]
fn an_iret_in_the_handler_lets_nmis_through() {
    // mov sp, 0x7000; pushf; push cs; push after; out NMI, al; iret; after: inc ebx; hlt
    let code = [0xbc, 0, 0x70, 0x9c, 0x0e, 0x68, 0x0c, 0x80, 0xe6, NMI as u8, 0x90, 0xcf, 0x66, 0x43, 0xf4];
    let mut machine = smi(&code, |a| a.hlt());
    // The table of real mode: its entry 2 leads to a HLT.
    write(&mut machine, IDT + 8, &[0, 0x08, 0, 0]);
    write(&mut machine, 0x800, &[HLT]);
    assert_eq!(machine.run(100), Stop::Halted);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.rip, cpu.seg[CS].selector, cpu.gpr[RBX]), (0x801, 0, 0));
    assert!(cpu.smm.active);
}

/// SDM volume 3, 32.3 and table 11-1: INIT waits for RSM; then the processor begins anew, but
/// SMBASE and the MSRs stay.
#[test]
fn init_waits_for_rsm() {
    let mut machine = smi(&RSM, |a| a.hlt());
    machine.cpus[0].msr.star = 5;
    machine.cpus[0].smm.base = 0x3_0000;
    machine.run(1);
    machine.board.wires[0].init = true;
    machine.run(2);
    assert_eq!(machine.cpus[0].rip, CODE + 2);
    machine.run(3);
    let cpu = &machine.cpus[0];
    let signature = u64::from(cpu.model.signature());
    assert_eq!((cpu.gpr[RDX], cpu.control.cr0, cpu.msr.star), (signature, bits0::ET, 5));
    assert!(!machine.board.wires[0].init);
}

/// SDM volume 3, table 7-2: an SMI comes before the single-step trap, which follows RSM.
#[test]
fn a_single_step_comes_after_rsm() {
    let mut machine = smi(&counting(&[]), |a| a.inc(rcx));
    machine.cpus[0].flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 1);
    let cpu = &machine.cpus[0];
    assert_eq!((get(&machine, COUNT), cpu.gpr[RCX]), (1, 0));
    assert_eq!(cpu.control.dr6 & 0xf00f, bits6::BS);
    assert_eq!(frame(&machine, false)[0], CODE + 2);
}

#[test]
fn smis_wait_for_the_end_of_a_shadow() {
    let mut machine = smi(&[HLT], |_| Ok(()));
    place(&mut machine, CODE, |a| {
        a.sti().unwrap();
        a.inc(rcx).unwrap();
        a.inc(rcx).unwrap();
    });
    machine.run(1);
    machine.board.wires[0].smi = true;
    assert_eq!(machine.run(100), Stop::Halted);
    assert_eq!((machine.cpus[0].gpr[RCX], get(&machine, saved(0xff78))), (1, CODE + 4));
}

/// Code at an address whose contents differ in system management mode, and data seen through the TLB.
#[test]
fn another_memory_is_seen_at_once() {
    const HIDDEN: u64 = 0x50_0000;
    // At HIDDEN, behind nothing, a handler: mov [0x500100], bl (as 32-bit address); rsm
    let mut machine = smi(&[], |a| {
        a.mov(cl, byte_ptr(0x50_0100))?;
        a.hlt()
    });
    let memory = &mut machine.board.fabric.memory;
    memory.put_smram(HIDDEN, 0x1_0000, 0x38_0000);
    memory.write(0x38_0000 + 0x8000, &[0x67, 0x88, 0x1d, 0, 1, 0x50, 0, 0x0f, 0xaa]);
    machine.cpus[0].smm.base = HIDDEN as u32;
    machine.board.attach(Box::new(super::common::device::Bridge)).unwrap();
    machine.cpus[0].gpr[RBX] = 0x5a;
    assert_eq!(machine.run(100), Stop::Halted);
    assert_eq!(machine.cpus[0].gpr[RCX] as u8, 0xff, "nothing answers outside");
    assert_eq!(get(&machine, 0x38_0100) as u8, 0x5a);
    assert_eq!(get(&machine, 0x38_0000 + 0xff78), CODE + 2);
}
