//! Where AMD's and Intel's processors differ (AMD64 volume 3 and SDM volume 2, each instruction's
//! page), and x87 errors without CR0.NE.

use super::common::USER32;
use super::common::device::COPROCESSOR_ERROR;
use super::prelude::*;

const VENDORS: [(&str, bool); 2] = [("AuthenticAMD", false), ("GenuineIntel", true)];
/// Where SYSCALL and SYSENTER lead.
const KERNEL: u64 = CODE + 0x1000;
/// Beyond what 48 bits can tell.
const NOT_CANONICAL: u64 = 0x0000_8000_0000_0000;

/// A machine of a vendor with bytes at CODE; the kernel's entry halts.
fn machine_of(vendor: &str, bytes: &[u8]) -> Machine {
    let mut machine = trapped(|a| a.nop());
    write(&mut machine, CODE, bytes);
    write(&mut machine, KERNEL, &[0xf4]);
    let cpu = &mut machine.cpus[0];
    cpu.model.vendor = vendor.into();
    cpu.msr.star = 0x1b << 48 | u64::from(CODE64) << 32 | KERNEL;
    (cpu.msr.lstar, cpu.msr.cstar) = (KERNEL, KERNEL);
    (cpu.msr.sysenter_cs, cpu.msr.sysenter_eip, cpu.msr.sysenter_esp) = (CODE64.into(), KERNEL, STACK);
    machine
}

/// Makes the code that of compatibility mode in ring 3.
fn compatible(machine: &mut Machine) {
    let cpu = &mut machine.cpus[0];
    ring3(cpu);
    cpu.seg[CS] = Segment { selector: USER32, base: 0, limit: u32::MAX, access: 0xc0fb };
    cpu.refresh();
}

/// Where a machine halts: in the kernel, or in the handler of a vector.
fn end(machine: &mut Machine) -> Option<u64> {
    assert_eq!(machine.run(1000), Stop::Halted);
    let rip = machine.cpus[0].rip;
    (rip != KERNEL + 1).then(|| (rip - HANDLERS) / 16)
}

const SYSCALL: [u8; 2] = [0x0f, 0x05];
const SYSENTER: [u8; 2] = [0x0f, 0x34];

#[test]
fn fast_calls_exist_by_vendor_and_mode() {
    for (vendor, intel) in VENDORS {
        // 64-bit mode.
        assert_eq!(end(&mut machine_of(vendor, &SYSCALL)), None);
        assert_eq!(end(&mut machine_of(vendor, &SYSENTER)), (!intel).then_some(6), "{vendor}");
        // Compatibility mode.
        for (code, exists) in [(SYSCALL, !intel), (SYSENTER, intel)] {
            let mut machine = machine_of(vendor, &code);
            compatible(&mut machine);
            assert_eq!(end(&mut machine), (!exists).then_some(6), "{vendor} {code:02x?}");
        }
        // Legacy mode: the handler of #UD is out of reach there.
        let mut machine = machine_of(vendor, &SYSCALL);
        let cpu = &mut machine.cpus[0];
        cpu.control.cr0 &= !bits0::PG;
        cpu.control.efer = efer::SCE;
        cpu.seg[CS].access = 0xc09b;
        cpu.refresh();
        machine.run(1000);
        assert_eq!(machine.cpus[0].rip == KERNEL + 1, !intel, "{vendor}");
        // SYSEXIT with REX.W.
        let mut machine = machine_of(vendor, &[0x48, 0x0f, 0x35]);
        machine.cpus[0].gpr[RDX] = DATA;
        write(&mut machine, DATA, &[0xcc]);
        gate(&mut machine, 3, HANDLERS + 48, 0, 3);
        machine.cpus[0].gpr[RCX] = STACK;
        assert_eq!(end(&mut machine), Some(if intel { 3 } else { 6 }));
    }
}

/// Without EFER.SCE neither vendor has it.
#[test]
fn syscall_needs_sce() {
    for (vendor, _) in VENDORS {
        let mut machine = machine_of(vendor, &SYSCALL);
        machine.cpus[0].control.efer &= !efer::SCE;
        assert_eq!(end(&mut machine), Some(6));
    }
}

/// Intel's SYSRET looks where it goes while it is in ring 0.
#[test]
fn sysret_to_nowhere() {
    for (vendor, intel) in VENDORS {
        let mut machine = machine_of(vendor, &[0x48, 0x0f, 0x07]);
        machine.cpus[0].gpr[RCX] = NOT_CANONICAL;
        assert_eq!(end(&mut machine), Some(13));
        let frame = frame(&machine, true);
        let expected = if intel { (CODE, CODE64) } else { (NOT_CANONICAL, USER64) };
        assert_eq!((frame[0], frame[1] as u16), expected, "{vendor}");
    }
}

/// AMD64 volume 3, SYSRET: base, limit and attributes of SS stay.
#[test]
fn sysret_and_the_rest_of_ss() {
    for (vendor, intel) in VENDORS {
        let mut machine = machine_of(vendor, &[0x48, 0x0f, 0x07]);
        write(&mut machine, DATA, &[0xcc]);
        gate(&mut machine, 3, HANDLERS + 48, 0, 0);
        let cpu = &mut machine.cpus[0];
        cpu.gpr[RCX] = DATA;
        cpu.seg[SS] = Segment::default();
        cpu.refresh();
        assert_eq!(machine.run(1), Stop::Budget);
        let cpu = &machine.cpus[0];
        assert_eq!((cpu.cpl, cpu.seg[SS].selector), (3, USER_DATA));
        let expected = if intel { (u32::MAX, 0xc0f3) } else { (0, 0x60) };
        assert_eq!((cpu.seg[SS].limit, cpu.seg[SS].access), expected, "{vendor}");
    }
}

/// AMD64 volume 3, 1.2.2: a 66 prefix cuts RIP; Intel's processors ignore it.
#[test]
fn near_branches_with_an_operand_size_prefix() {
    let run = |vendor: &str, bytes: &[u8]| {
        let mut machine = machine_of(vendor, bytes);
        for at in [0, 0x10_000] {
            for nth in 0..64 {
                if at != 0 && nth < bytes.len() as u64 {
                    continue;
                }
                write(&mut machine, at + nth, &[0xf4]);
            }
        }
        machine.cpus[0].gpr[RBX] = 0x7777_0001_0020;
        machine.cpus[0].gpr[RCX] = 2;
        put(&mut machine, STACK - 0x100, 0x1_0030);
        machine.cpus[0].gpr[RSP] = STACK - 0x100;
        assert_eq!(machine.run(1000), Stop::Halted);
        (machine.cpus[0].rip - 1, machine.cpus[0].gpr[RSP])
    };
    let top = STACK - 0x100;
    // JMP, Jcc (not zero), LOOP: two bytes ahead.
    for bytes in [[0x66, 0xeb, 2], [0x66, 0x75, 2], [0x66, 0xe2, 2]] {
        assert_eq!(run("AuthenticAMD", &bytes).0, 5, "{bytes:02x?}");
        assert_eq!(run("GenuineIntel", &bytes).0, CODE + 5, "{bytes:02x?}");
    }
    // CALL rel16 and rel32; RET.
    assert_eq!(run("AuthenticAMD", &[0x66, 0xe8, 4, 0]), (8, top - 2));
    assert_eq!(run("GenuineIntel", &[0x66, 0xe8, 4, 0, 0, 0]), (CODE + 10, top - 8));
    assert_eq!(run("AuthenticAMD", &[0x66, 0xc3]), (0x30, top + 2));
    assert_eq!(run("GenuineIntel", &[0x66, 0xc3]), (CODE + 0x30, top + 8));
    // JMP RBX
    assert_eq!(run("AuthenticAMD", &[0x66, 0xff, 0xe3]).0, 0x20);
}

/// SDM volume 2, LFS: REX.W takes a 64-bit offset; AMD's processors ignore it.
#[test]
fn far_pointers_with_rex_w() {
    for (vendor, intel) in VENDORS {
        // LFS RAX, [RBX]; HLT
        let mut machine = machine_of(vendor, &[0x48, 0x0f, 0xb4, 0x03, 0xf4]);
        write(&mut machine, DATA, &[0x44, 0x33, 0x22, 0x11, 0x10, 0, 0x77, 0x66, 0x10, 0]);
        machine.cpus[0].gpr[RBX] = DATA;
        assert_eq!(machine.run(100), Stop::Halted);
        let expected = if intel { 0x6677_0010_1122_3344 } else { 0x1122_3344 };
        assert_eq!(machine.cpus[0].gpr[RAX], expected, "{vendor}");
    }
}

/// AMD64 volume 3, MOV CRn: LOCK MOV CR0 is CR8, where CPUID says so.
#[test]
fn lock_mov_cr0_is_cr8() {
    for (vendor, intel) in VENDORS {
        for feature in [false, true] {
            // LOCK MOV CR0, RAX; MOV RBX, CR8; HLT
            let mut machine = machine_of(vendor, &[0xf0, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3, 0xf4]);
            machine.cpus[0].model.features.set(Feature::Cr8Legacy, feature);
            machine.cpus[0].gpr[RAX] = 9;
            assert_eq!(machine.run(100), Stop::Halted);
            let exists = feature && !intel;
            assert_eq!(machine.cpus[0].gpr[RBX], if exists { 9 } else { 0 }, "{vendor} {feature}");
            assert_eq!((machine.cpus[0].rip - HANDLERS) / 16 == 6, !exists);
        }
    }
}

/// SDM volume 1, 8.7.2 and D.2.1: the instruction waits for an interrupt; a write to port 0xf0
/// asserts IGNNE#, under which x87 instructions go on until the error is gone.
#[test]
fn without_ne_errors_go_by_ferr_and_ignne() {
    let mut machine = trapped(|a| {
        a.fninit()?;
        a.fldcw(word_ptr(DATA))?;
        a.fld1()?;
        a.fldz()?;
        a.fdivp(st1, st0)?;
        a.fld1()?; // waits
        a.fld1()?; // ignored
        a.fnclex()?;
        a.inc(rbx)?;
        a.fldz()?;
        a.fdivp(st1, st0)?;
        a.wait()?; // waits again
        a.hlt()
    });
    write(&mut machine, DATA, &[0x7b, 0x03]);
    machine.cpus[0].control.cr0 &= !bits0::NE;
    machine.cpus[0].refresh();
    assert_eq!(machine.run(100), Stop::Budget);
    let waits_at = machine.cpus[0].rip;
    assert_eq!((machine.cpus[0].gpr[RBX], machine.board.wires[0].ignne), (0, false));
    // What the handler of IRQ 13 does.
    machine.board.port_write(COPROCESSOR_ERROR, ringhold_emulator::bus::Width::Byte, 0);
    assert!(machine.board.wires[0].ignne);
    assert_eq!(machine.run(200), Stop::Budget);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.gpr[RBX], machine.board.wires[0].ignne), (1, false));
    assert!(cpu.rip > waits_at);
    // Without a pending error the register does nothing.
    let mut machine = trapped(|a| a.hlt());
    machine.board.port_write(COPROCESSOR_ERROR, ringhold_emulator::bus::Width::Byte, 0);
    assert!(!machine.board.wires[0].ignne);
}

/// Whatever ends the error ends FERR#: instructions that load the control or status word, too.
#[test]
fn loads_of_the_state_release_ferr() {
    type Load = fn(&mut CodeAssembler) -> Result<(), IcedError>;
    let loads: [(&str, Load); 5] = [
        ("fldcw", |a| a.fldcw(word_ptr(DATA + 2))),
        ("fldenv", |a| a.fldenv(dword_ptr(DATA + 0x400))),
        ("frstor", |a| a.frstor(dword_ptr(DATA + 0x400))),
        ("fxrstor", |a| a.fxrstor(dword_ptr(DATA + 0x200))),
        ("xrstor", |a| a.xrstor(dword_ptr(DATA + 0x800))),
    ];
    for (name, load) in loads {
        let mut machine = trapped(|a| {
            a.xor(edx, edx)?;
            a.mov(eax, 1)?;
            a.fninit()?;
            a.fnstenv(dword_ptr(DATA + 0x400))?;
            a.fxsave(dword_ptr(DATA + 0x200))?;
            a.fldcw(word_ptr(DATA))?;
            a.fld1()?;
            a.fldz()?;
            a.fdivp(st1, st0)?;
            a.fld1()?; // waits
            load(a)?;
            a.hlt()
        });
        write(&mut machine, DATA, &[0x7b, 0x03, 0x7f, 0x03]);
        machine.cpus[0].control.cr0 &= !bits0::NE;
        machine.cpus[0].control.cr4 |= bits4::OSFXSR | bits4::OSXSAVE;
        machine.cpus[0].refresh();
        assert_eq!(machine.run(100), Stop::Budget, "{name}");
        assert!(machine.board.ferr(0), "{name}");
        machine.board.port_write(COPROCESSOR_ERROR, ringhold_emulator::bus::Width::Byte, 0);
        assert_eq!(machine.run(200), Stop::Halted, "{name}");
        assert!(!machine.board.ferr(0) && !machine.board.wires[0].ignne, "{name}");
    }
}

/// An error that FXRSTOR brings is met by the next instruction that waits, as any other.
#[test]
fn a_loaded_error_raises_ferr_at_the_next_instruction_that_waits() {
    let mut machine = trapped(|a| {
        a.fxsave(dword_ptr(DATA + 0x200))?;
        a.mov(dword_ptr(DATA + 0x200), 0x0004_037b)?;
        a.fxrstor(dword_ptr(DATA + 0x200))?;
        a.inc(rbx)?;
        a.fld1()?; // waits
        a.inc(rbx)?;
        a.hlt()
    });
    machine.cpus[0].control.cr0 &= !bits0::NE;
    machine.cpus[0].control.cr4 |= bits4::OSFXSR;
    machine.cpus[0].refresh();
    assert_eq!(machine.run(4), Stop::Budget);
    assert!(!machine.board.ferr(0));
    assert_eq!(machine.run(100), Stop::Budget);
    assert!(machine.board.ferr(0));
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
}

#[test]
fn a_step_over_a_call_reads_it_as_the_processor_does() {
    for (vendor, intel) in VENDORS {
        // CALL with a 66 prefix: its displacement has 16 bits on AMD's processors.
        let over = machine_of(vendor, &[0x66, 0xe8, 0, 1, 0, 0]).over().unwrap();
        assert_eq!(over.next, CODE + if intel { 6 } else { 4 }, "{vendor}");
    }
}
