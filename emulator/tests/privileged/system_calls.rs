//! SYSCALL and its kin, and IRET to ring 3 (SDM volume 3, 6.8).

use super::prelude::*;

// --- 6.8: SYSCALL, SYSRET, SWAPGS, IRET to ring 3 ----------------------------------------------

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
