//! Virtual-8086 mode and its extensions (SDM volume 3, chapter 22).

use super::legacy::*;
use super::prelude::*;

/// The virtual machine's code, stack and interrupt vectors lie in the first 64 KiB.
const V86_CODE: u64 = 0x5000;
const V86_STACK: u64 = 0x7000;
/// The I/O bitmap of the TSS; the redirection bitmap lies in the 32 bytes below.
const MAP: u64 = 0x88;

/// A machine in virtual-8086 mode; `flags` beside VM and bit 1.
fn virtual86(flags: u64, extensions: u64, code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = protected(|a| a.nop());
    place_bits(&mut machine, 16, V86_CODE, code);
    put(&mut machine, TSS + 0x60, MAP << 48);
    for byte in 0..5 {
        put(&mut machine, TSS + MAP - 32 + 8 * byte, 0);
    }
    put(&mut machine, IDT + 8 * 3, gate_to(CODE32, HANDLERS + 16 * 3, 0xee, 0));
    let cpu = &mut machine.cpus[0];
    cpu.flags.set_rflags(flags | flag::VM | flag::ONE);
    cpu.control.cr4 |= extensions;
    cpu.seg = [Segment { selector: 0, base: 0, limit: 0xffff, access: 0xf3 }; 6];
    cpu.seg[CS].access = 0xfb;
    cpu.gpr[RSP] = V86_STACK;
    cpu.rip = V86_CODE;
    cpu.refresh();
    machine
}

fn word16(machine: &Machine, at: u64) -> u64 {
    get(machine, at) & 0xffff
}

/// What the handler of a monitor finds: EIP, CS, EFLAGS, ESP, SS, after an error code if `coded`.
fn pushed(machine: &Machine, coded: bool) -> [u64; 5] {
    std::array::from_fn(|nth| word32(machine, nth as u64 + u64::from(coded)).into())
}

#[test]
fn sensitive_instructions_need_iopl_3() {
    let cases: [Code<'_>; 6] =
        [&|a| a.cli(), &|a| a.sti(), &|a| a.pushf(), &|a| a.popf(), &|a| a.int(0x1f), &|a| a.iret()];
    for code in cases {
        let mut machine = virtual86(0, 0, code);
        assert_eq!(caught32(&mut machine), (13, Some(0)));
        let pushed = pushed(&machine, true);
        assert_eq!((pushed[0], pushed[3]), (V86_CODE, V86_STACK));
        assert_ne!(pushed[2] & flag::VM, 0);
    }
}

#[test]
fn interrupts_go_to_ring_0_with_all_segments() {
    let mut machine = virtual86(flag::IOPL, 0, |a| a.int(0x1f));
    put(&mut machine, IDT + 8 * 0x1f, gate_to(CODE32, HANDLERS + 16 * 0x1f, 0xee, 0));
    for (register, selector) in [(0, 0x11), (3, 0x33), (4, 0x44), (5, 0x55)] {
        machine.cpus[0].seg[register].selector = selector;
    }
    assert_eq!(caught32(&mut machine), (0x1f, None));
    let words: Vec<u32> = (0..9).map(|nth| word32(&machine, nth)).collect();
    let flags = (flag::VM | flag::IOPL | flag::ONE) as u32;
    assert_eq!(words, [V86_CODE as u32 + 2, 0, flags, V86_STACK as u32, 0, 0x11, 0x33, 0x44, 0x55]);
    let cpu = &machine.cpus[0];
    assert_eq!((cpu.seg[DS], cpu.flags.rflags() & flag::VM), (Segment::default(), 0));
}

#[test]
fn a_gate_that_does_not_lead_to_ring_0_is_a_fault() {
    let mut machine = virtual86(flag::IOPL, 0, |a| a.int(0x1f));
    put(&mut machine, IDT + 8 * 0x1f, gate_to(USER_CODE, HANDLERS, 0xee, 0));
    assert_eq!(caught32(&mut machine), (13, Some(u32::from(USER_CODE) & !3)));
}

#[test]
fn cli_and_sti_change_vif_under_vme() {
    let mut machine = virtual86(flag::IF | flag::VIF, bits4::VME, |a| {
        a.cli()?;
        a.pushf()?;
        a.sti()?;
        a.pushf()?;
        a.int3()
    });
    assert_eq!(caught32(&mut machine).0, 3);
    let flags = pushed(&machine, false)[2];
    assert_eq!(flags & (flag::IF | flag::VIF | flag::IOPL), flag::IF | flag::VIF);
    // PUSHF shows VIF as IF, and IOPL 3.
    let first = word16(&machine, V86_STACK - 2);
    let second = word16(&machine, V86_STACK - 4);
    assert_eq!(first, flag::IOPL | flag::ONE);
    assert_eq!(second, flag::IOPL | flag::IF | flag::ONE);
}

#[test]
fn a_pending_virtual_interrupt_faults_where_vif_would_be_set() {
    let popf: Code<'_> = &|a| {
        a.push(0x202)?;
        a.popf()
    };
    let iret: Code<'_> = &|a| {
        a.push(0x202)?;
        a.push(0)?;
        a.push(0x5000)?;
        a.iret()
    };
    let sti: Code<'_> = &|a| a.sti();
    for code in [popf, iret, sti] {
        let mut machine = virtual86(flag::VIP, bits4::VME, code);
        assert_eq!(caught32(&mut machine), (13, Some(0)));
        assert_eq!(pushed(&machine, true)[2] & flag::VIF, 0);
    }
}

#[test]
fn popf_and_iret_load_vif_and_refuse_tf() {
    let mut machine = virtual86(flag::IF, bits4::VME, |a| {
        a.push(0x3203)?; // IF, IOPL 3, CF
        a.popf()?;
        a.int3()
    });
    assert_eq!(caught32(&mut machine).0, 3);
    let flags = pushed(&machine, false)[2];
    assert_eq!(flags & (flag::IF | flag::VIF | flag::IOPL | flag::CF), flag::IF | flag::VIF | flag::CF);
    let mut machine = virtual86(flag::IF | flag::VIF, bits4::VME, |a| {
        a.push(0x0002)?;
        a.push(0)?;
        a.push((V86_CODE + 0x100) as i32)?;
        a.iret()
    });
    place_bits(&mut machine, 16, V86_CODE + 0x100, |a| a.int3());
    assert_eq!(caught32(&mut machine).0, 3);
    let pushed_ = pushed(&machine, false);
    assert_eq!((pushed_[0], pushed_[2] & (flag::IF | flag::VIF)), (V86_CODE + 0x101, flag::IF));
    let mut machine = virtual86(0, bits4::VME, |a| {
        a.push(0x102)?;
        a.popf()
    });
    assert_eq!(caught32(&mut machine), (13, Some(0)));
    // The fault leaves the stack pointer.
    assert_eq!(pushed(&machine, true)[3], V86_STACK - 2);
}

#[test]
fn int_n_stays_in_the_virtual_machine_by_the_bitmap() {
    // SDM volume 3, 22.3.3: methods 5 and 6; and with the bit set, as without VME.
    for iopl3 in [false, true] {
        let iopl = if iopl3 { flag::IOPL } else { 0 };
        let mut machine = virtual86(iopl | flag::IF | flag::VIF | flag::CF, bits4::VME, |a| a.int(0x44));
        put(&mut machine, 4 * 0x44, 0x0010_5400);
        place_bits(&mut machine, 16, 0x5500, |a| a.int3());
        assert_eq!(caught32(&mut machine).0, 3);
        let flags = pushed(&machine, false);
        assert_eq!((flags[0], flags[1]), (0x5401, 0x10));
        let changed = if iopl3 { flag::VIF } else { flag::IF };
        assert_eq!(flags[2] & (flag::IF | flag::VIF), changed);
        assert_eq!(word16(&machine, V86_STACK - 6), V86_CODE + 2);
        assert_eq!(word16(&machine, V86_STACK - 2), flag::IOPL | flag::IF | flag::CF | flag::ONE);
        // The bit set.
        let mut machine = virtual86(iopl, bits4::VME, |a| a.int(0x1f));
        put(&mut machine, TSS + MAP - 32, 1 << 0x1f);
        put(&mut machine, IDT + 8 * 0x1f, gate_to(CODE32, HANDLERS + 16 * 0x1f, 0xee, 0));
        let expected = if iopl3 { (0x1f, None) } else { (13, Some(0)) };
        assert_eq!(caught32(&mut machine), expected);
    }
}

#[test]
fn ring_3_has_virtual_interrupts_under_pvi() {
    for (pvi, vip, expected) in [(true, false, 3), (true, true, 13), (false, false, 13)] {
        let mut machine = protected(|a| {
            a.sti()?;
            a.int3()
        });
        put(&mut machine, IDT + 8 * 3, gate_to(CODE32, HANDLERS + 16 * 3, 0xee, 0));
        user32(&mut machine);
        let cpu = &mut machine.cpus[0];
        cpu.control.cr4 |= if pvi { bits4::PVI } else { 0 };
        cpu.flags.system |= if vip { flag::VIP } else { 0 };
        assert_eq!(caught32(&mut machine).0, expected);
        let flags = pushed(&machine, expected == 13)[2];
        assert_eq!(flags & (flag::VIF | flag::IF), if expected == 3 { flag::VIF } else { 0 });
    }
}
