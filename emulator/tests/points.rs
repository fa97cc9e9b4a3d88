//! Where breakpoints and watches stop the machine, and what they do not disturb.

mod common;

use common::device::{PORT, TIMER, VECTOR};
use common::{CODE, DATA, HANDLERS, OPEN, TABLE, WINDOW, assemble, gate, get, log, long, place, put};
use iced_x86::code_asm::*;
use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::points::{Direction, Place, Watch, WatchId};
use ringhold_emulator::{Machine, Stop};

const RAX: usize = 0;
const RCX: usize = 1;

/// A machine with this program.
fn running(code: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> Machine {
    let mut machine = long();
    place(&mut machine, CODE, |a| code(a).unwrap());
    machine
}

fn watch(machine: &mut Machine, place: Place, direction: Direction) -> WatchId {
    machine.board.watches.add(Watch::holding(place, direction))
}

fn met(machine: &mut Machine) -> Vec<WatchId> {
    machine.board.watches.take_hits().iter().map(|met| met.watch).collect()
}

/// Five increments of one byte pair each, for ever: 1 + 5 + 1 instructions a round.
fn counting(a: &mut CodeAssembler) -> Result<(), IcedError> {
    let mut top = a.create_label();
    a.xor(eax, eax)?;
    a.set_label(&mut top)?;
    for _ in 0..5 {
        a.inc(eax)?;
    }
    a.jmp(top)
}

#[test]
fn a_breakpoint_stops_before_its_instruction_each_time() {
    let mut machine = running(counting);
    assert_eq!(machine.run(3), Stop::Budget, "the block is decoded before there is a breakpoint");
    let third = CODE + 2 + 2 * 2;
    machine.breakpoints.add(third);
    for (count, sum) in [(3, 2), (9, 7), (15, 12)] {
        assert_eq!(machine.run(100), Stop::Breakpoint);
        assert_eq!((machine.instructions(), machine.cpus[0].gpr[RAX]), (count, sum));
        assert_eq!(machine.cpus[0].rip, third);
    }
    machine.breakpoints.add(third);
    assert!(machine.breakpoints.remove(third));
    assert_eq!(machine.run(100), Stop::Breakpoint, "another user still wants it");
    assert!(machine.breakpoints.remove(third) && !machine.breakpoints.remove(third));
    assert_eq!(machine.run(100), Stop::Budget);
}

/// The REP form is one instruction with a thousand iterations, however it is cut.
#[test]
fn iterations_are_no_new_beginning() {
    for slice in [1, 7, 10_000] {
        let mut machine = running(|a| {
            let mut top = a.create_label();
            a.set_label(&mut top)?;
            a.mov(edi, DATA as u32)?;
            a.mov(ecx, 1000)?;
            a.rep().stosb()?;
            a.jmp(top)
        });
        machine.breakpoints.add(CODE + 10);
        let mut stops = Vec::new();
        while machine.instructions() < 2500 {
            match machine.run((machine.instructions() + slice).min(2500)) {
                Stop::Breakpoint => stops.push((machine.instructions(), machine.cpus[0].gpr[RCX])),
                stop => assert_eq!(stop, Stop::Budget),
            }
        }
        assert_eq!(stops, [(2, 1000), (1005, 1000), (2008, 1000)]);
    }
}

/// One page of code under two addresses: the breakpoint is at one of them.
#[test]
fn an_address_is_a_linear_one() {
    let other = 0x5_0000;
    let mut machine = running(|a| {
        a.mov(rax, other)?;
        a.call(rax)?;
        a.mov(rax, CODE)?;
        a.add(rax, 0x40)?;
        a.call(rax)
    });
    put(&mut machine, TABLE + 8 * (other >> 12), CODE | OPEN);
    let helper = assemble(CODE + 0x40, |a| {
        a.nop().unwrap();
        a.nop().unwrap();
        a.ret().unwrap();
    });
    common::write(&mut machine, CODE + 0x40, &helper);
    common::write(
        &mut machine,
        CODE,
        &assemble(CODE, |a| {
            a.mov(rax, other + 0x40).unwrap();
            a.call(rax).unwrap();
            a.mov(rax, CODE + 0x40).unwrap();
            a.call(rax).unwrap();
        }),
    );
    machine.breakpoints.add(other + 0x41);
    assert_eq!(machine.run(20), Stop::Breakpoint);
    assert_eq!((machine.cpus[0].rip, machine.instructions()), (other + 0x41, 3));
    assert_eq!(machine.run(9), Stop::Budget, "the same byte under its other address");
    assert_eq!(machine.cpus[0].rip, CODE + 0x42);
}

/// An interrupt is taken before the breakpoint of the instruction that it displaces is looked at.
#[test]
fn interrupts_come_first_and_positions_tell() {
    let mut machine = running(|a| {
        let mut top = a.create_label();
        a.mov(eax, 7)?;
        a.out(i32::from(TIMER), eax)?;
        a.sti()?;
        a.set_label(&mut top)?;
        a.nop()?;
        a.jmp(top)
    });
    let handler = HANDLERS + 0x100;
    place(&mut machine, handler, |a| {
        a.inc(ebx).unwrap();
        a.iretq().unwrap();
    });
    gate(&mut machine, VECTOR, handler, 0, 0);
    machine.breakpoints.add(handler);
    assert_eq!(machine.run(1000), Stop::Breakpoint);
    let there = machine.position();
    assert_eq!((machine.cpus[0].rip, there.deliveries, there.reading), (handler, 1, false));
    assert_eq!(machine.cpus[0].gpr[3], 0);
}

#[test]
fn a_watched_read_waits_and_a_watched_write_is_done() {
    let mut machine = running(|a| {
        let mut top = a.create_label();
        a.set_label(&mut top)?;
        a.in_(al, i32::from(PORT))?;
        a.nop()?;
        a.out(i32::from(PORT), al)?;
        a.mov(rdi, WINDOW)?;
        a.mov(rcx, qword_ptr(rdi + 8))?;
        a.add(qword_ptr(rdi + 8), 1)?;
        a.jmp(top)
    });
    let port = watch(&mut machine, Place::Ports(PORT, PORT), Direction::Any);
    let window = watch(&mut machine, Place::Physical(WINDOW + 15, WINDOW + 15), Direction::Any);
    let expected = [
        (0, true, port, 0),
        (3, false, port, 2),
        (4, true, window, 2),
        (5, true, window, 3),
        (6, false, window, 5),
        (7, true, port, 5),
    ];
    for (count, waits, id, accesses) in expected {
        assert_eq!(machine.run(100), Stop::Watch);
        assert_eq!((machine.instructions(), machine.position().reading), (count, waits));
        assert_eq!(met(&mut machine), [id]);
        assert_eq!(log(&mut machine).len(), accesses);
    }
    assert!(machine.board.watches.remove(port) && machine.board.watches.remove(window));
    assert_eq!(machine.run(100), Stop::Budget);
}

/// What is written while a read waits is what the guest reads.
#[test]
fn the_guest_reads_what_was_written_while_it_waited() {
    let read = |written: bool| {
        let mut machine = running(|a| a.in_(eax, i32::from(PORT)));
        watch(&mut machine, Place::Ports(PORT, PORT + 3), Direction::Read);
        assert_eq!(machine.run(1), Stop::Watch);
        if written {
            machine.board.port_read(PORT, Width::Dword);
        }
        assert_eq!(machine.run(1), Stop::Budget);
        machine.cpus[0].gpr[RAX]
    };
    assert_ne!(read(false), read(true));
}

/// Of two reads of one instruction the second cannot wait: the first has been seen.
#[test]
fn a_second_access_stops_after_the_instruction() {
    let mut machine = running(|a| {
        a.mov(rsi, WINDOW)?;
        a.mov(rdi, WINDOW + 0x100)?;
        a.cmpsb()?;
        a.nop()
    });
    let second = watch(&mut machine, Place::Physical(WINDOW, WINDOW + 1), Direction::Read);
    assert_eq!(machine.run(4), Stop::Watch);
    assert_eq!((machine.instructions(), machine.position().reading), (3, false));
    assert_eq!(met(&mut machine), [second]);
    assert_eq!(log(&mut machine).len(), 2);
}

#[test]
fn string_iterations_stop_one_by_one() {
    let mut machine = running(|a| {
        a.mov(edx, u32::from(PORT))?;
        a.mov(edi, DATA as u32)?;
        a.mov(ecx, 3)?;
        a.rep().insb()?;
        a.nop()
    });
    watch(&mut machine, Place::Ports(PORT, PORT), Direction::Read);
    for count in 3..6 {
        assert_eq!(machine.run(100), Stop::Watch);
        assert_eq!(machine.position().instructions, count);
    }
    assert_eq!(machine.run(7), Stop::Budget);
    assert_eq!(machine.board.watches.take_hits().len(), 3);
    assert_ne!(get(&machine, DATA), 0);
}

#[test]
fn configuration_space_is_watched_behind_its_ports() {
    let mut machine = running(|a| {
        for register in [0x8000_2010u32, 0x8000_2110, 0x8000_2014] {
            a.mov(edx, 0xcf8)?;
            a.mov(eax, register)?;
            a.out(dx, eax)?;
            a.mov(edx, 0xcfe)?;
            a.in_(ax, dx)?;
            a.out(dx, ax)?;
        }
        a.nop()
    });
    let function = PciAddress::new(4, 0);
    watch(&mut machine, Place::Config(function, 0x13, 0x13), Direction::Any);
    assert_eq!((machine.run(100), machine.instructions()), (Stop::Watch, 4));
    assert_eq!((machine.run(100), machine.instructions()), (Stop::Watch, 6));
    assert_eq!(machine.run(19), Stop::Budget);
}
