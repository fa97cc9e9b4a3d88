//! MONITOR, MWAIT and WAITPKG (SDM volume 2).

use ringhold_emulator::inject::{Injection, Register, Semantics, Space};

use super::common::WINDOW;
use super::common::device::{DMA_ADDRESS, DMA_DATA};
use super::prelude::*;

/// A machine whose processor has every feature; it halts behind the code.
fn waiting(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = trapped(|a| {
        code(a)?;
        a.hlt()
    });
    machine.cpus[0].model = CpuModel::everything();
    machine
}

/// MONITOR of DATA and MWAIT with these extensions.
fn mwait(extensions: u32) -> impl Fn(&mut CodeAssembler) -> Coded {
    move |a| {
        a.mov(rax, DATA)?;
        a.xor(ecx, ecx)?;
        a.monitor()?;
        a.mov(ecx, extensions)?;
        a.mwait()?;
        a.inc(rbx)
    }
}

/// UMWAIT or TPAUSE until the time-stamp counter has this value.
fn pause(until: u64, monitored: bool) -> impl Fn(&mut CodeAssembler) -> Coded {
    move |a| {
        a.mov(eax, until as u32)?;
        a.mov(edx, (until >> 32) as u32)?;
        a.stc()?;
        if monitored {
            a.mov(rsi, DATA)?;
            a.umonitor(rsi)?;
            a.umwait(ecx)?;
        } else {
            a.tpause(ecx)?;
        }
        a.inc(rbx)
    }
}

fn is_waiting(machine: &Machine) -> bool {
    matches!(machine.cpus[0].activity, Activity::Waiting(_))
}

fn poke(machine: &mut Machine, address: u64) {
    machine.inject(&Injection {
        space: Space::Physical,
        address,
        bytes: vec![1],
        semantics: Semantics::Debugger,
    });
    assert_eq!(get(machine, address) as u8, 1);
}

#[test]
fn a_write_to_the_line_ends_a_wait() {
    let mut machine = waiting(mwait(0));
    // Time passes, and nothing else.
    assert_eq!(machine.run_until(1000, 5000), Stop::Halted);
    poke(&mut machine, DATA + 64);
    assert_eq!(machine.run_until(1000, 5000), Stop::Halted);
    assert!(is_waiting(&machine));
    poke(&mut machine, DATA + 63);
    assert_eq!(machine.run(1000), Stop::Halted);
    assert_eq!((is_waiting(&machine), machine.cpus[0].gpr[RBX]), (false, 1));
}

#[test]
fn a_device_s_write_before_mwait_counts() {
    for (address, waits) in [(DATA + 4, false), (DATA + 128, true)] {
        let mut machine = waiting(|a| {
            a.mov(rax, DATA)?;
            a.xor(ecx, ecx)?;
            a.monitor()?;
            a.mov(dword_ptr(WINDOW + DMA_ADDRESS), address as u32)?;
            a.mov(dword_ptr(WINDOW + DMA_DATA), 7)?;
            a.mov(qword_ptr(DATA), rbx)?;
            a.mwait()?;
            a.inc(rbx)
        });
        assert_eq!(machine.run(1000), Stop::Halted);
        assert_eq!(is_waiting(&machine), waits, "the processor's own stores do not count");
    }
}

#[test]
fn mwait_without_monitor_does_nothing() {
    let mut machine = waiting(|a| {
        a.mwait()?;
        a.inc(rbx)
    });
    assert_eq!(machine.run(1000), Stop::Halted);
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
}

/// Bit 0 of ECX: masked interrupts end the wait, and are not taken.
#[test]
fn interrupts_end_a_wait() {
    for (extensions, enabled, ends) in [(0, false, false), (1, false, true), (0, true, true)] {
        let mut machine = waiting(mwait(extensions));
        gate(&mut machine, VECTOR, HANDLERS + 16 * 0x20, 0, 0);
        if enabled {
            machine.cpus[0].flags.system |= flag::IF;
        }
        assert_eq!(machine.run(1000), Stop::Halted);
        assert!(is_waiting(&machine));
        machine.board.wires[0].ext_int = true;
        assert_eq!(machine.run(1000), Stop::Halted);
        assert_eq!(is_waiting(&machine), !ends, "{extensions} {enabled}");
        assert_eq!(machine.cpus[0].gpr[RBX], u64::from(ends && !enabled));
    }
}

#[test]
fn a_bounded_wait_ends_at_its_moment() {
    for monitored in [false, true] {
        let mut machine = waiting(pause(123_456, monitored));
        assert_eq!(machine.run_until(1000, 5000), Stop::Budget);
        assert!(is_waiting(&machine));
        assert_eq!(machine.virtual_ns(), 5000);
        assert_eq!(machine.run(1000), Stop::Halted);
        let cpu = &machine.cpus[0];
        assert_eq!((cpu.gpr[RBX], cpu.flags.cf()), (1, false));
        // INC and HLT, 0.7 ns each, after the moment.
        assert!((1..3).contains(&(machine.virtual_ns() - 123_456)));
    }
}

#[test]
fn a_moment_of_the_past_is_no_wait() {
    let mut machine = waiting(pause(0, false));
    assert_eq!(machine.run(1000), Stop::Halted);
    assert_eq!((machine.cpus[0].gpr[RBX], machine.cpus[0].flags.cf()), (1, false));
    assert!(machine.virtual_ns() < 100);
}

/// IA32_UMWAIT_CONTROL: the operating system's limit, which CF tells.
#[test]
fn the_system_s_limit_ends_a_wait() {
    for (limit, expected) in [(4000, true), (0, false), (1 << 20, false)] {
        let mut machine = waiting(pause(100_000, false));
        machine.cpus[0].msr.umwait_control = limit;
        // The frequency of the counter is another than that of nanoseconds.
        machine.cpus[0].model.tsc_hz = 2_000_000_000;
        machine.run(1000);
        let cpu = &machine.cpus[0];
        assert_eq!((cpu.gpr[RBX], cpu.flags.cf()), (1, expected));
        let ns = machine.virtual_ns();
        if expected { assert!((2000..2010).contains(&ns)) } else { assert!((50_000..50_010).contains(&ns)) }
    }
}

#[test]
fn events_of_devices_pass_during_a_wait() {
    // The toy's timer interrupts every 1000 ns, with interrupts masked: UMWAIT ends by the first.
    let mut machine = waiting(|a| {
        a.mov(eax, 1000)?;
        a.out(i32::from(super::common::device::TIMER), eax)?;
        pause(50_000, true)(a)
    });
    assert_eq!(machine.run_until(1000, 60_000), Stop::Halted);
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
    assert!((1000..1020).contains(&machine.virtual_ns()));
}

/// SDM volume 2, MWAIT: debug exceptions end a wait.
#[test]
fn a_single_step_ends_a_wait() {
    let mut machine = waiting(mwait(0));
    machine.run(4);
    machine.cpus[0].flags.system |= flag::TF;
    assert_eq!(caught(&mut machine).0, 1);
    assert_eq!(machine.cpus[0].gpr[RBX], 0);
}

/// A debugger that writes RIP wants to go on there.
#[test]
fn a_write_to_rip_wakes_the_processor() {
    for code in [&mwait(0) as Code<'_>, &|a| a.hlt()] {
        let mut machine = waiting(code);
        assert_eq!(machine.run(1000), Stop::Halted);
        place(&mut machine, DATA + 0x1000, |a| {
            a.mov(ebx, 77).unwrap();
            a.hlt().unwrap();
        });
        machine.inject(&Injection {
            space: Space::Register { cpu: 0, register: Register::named("rip").unwrap() },
            address: 0,
            bytes: (DATA + 0x1000).to_le_bytes().to_vec(),
            semantics: Semantics::Debugger,
        });
        assert_eq!(machine.run(1000), Stop::Halted);
        assert_eq!(machine.cpus[0].gpr[RBX], 77);
    }
}
