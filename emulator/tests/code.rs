//! Code that changes while it is executed: every change holds from the next instruction on.

mod common;

use common::device::{DMA_ADDRESS, DMA_DATA};
use common::{CODE, DATA, OPEN, TABLE, WINDOW, assemble, get, long, place, put, write};
use iced_x86::code_asm::*;
use ringhold_emulator::inject::{Injection, Space};
use ringhold_emulator::memory::{Memory, Range, View};
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Machine, Stop};

const RAX: usize = 0;
const RCX: usize = 1;
const RDX: usize = 2;
const RBX: usize = 3;

/// Runs until HLT, in one run and one instruction at a time; both must give the same.
fn run(make: impl Fn() -> Machine) -> Machine {
    let mut machine = make();
    assert_eq!(machine.run(1_000_000), Stop::Halted);
    let mut slow = make();
    while slow.run(slow.instructions() + 1) == Stop::Budget {}
    assert_eq!(slow.instructions(), machine.instructions());
    assert_eq!(slow.state_hash(), machine.state_hash());
    machine
}

fn program(code: impl FnOnce(&mut CodeAssembler)) -> Machine {
    let mut machine = long();
    place(&mut machine, CODE, code);
    machine
}

#[test]
fn the_next_instruction_of_the_block() {
    let machine = run(|| {
        program(|a| {
            let mut target = a.create_label();
            a.lea(rdi, ptr(target)).unwrap();
            a.mov(byte_ptr(rdi + 1), 5).unwrap();
            a.set_label(&mut target).unwrap();
            a.mov(al, 1).unwrap();
            a.hlt().unwrap();
        })
    });
    assert_eq!(machine.cpus[0].gpr[RAX], 5);
}

#[test]
fn an_immediate_later_in_the_block() {
    let machine = run(|| {
        program(|a| {
            let mut target = a.create_label();
            a.lea(rdi, ptr(target)).unwrap();
            a.mov(dword_ptr(rdi + 1), 77).unwrap();
            a.add(ecx, 1).unwrap();
            a.set_label(&mut target).unwrap();
            a.mov(eax, 1).unwrap();
            a.hlt().unwrap();
        })
    });
    assert_eq!(machine.cpus[0].gpr[RAX], 77);
    assert_eq!(machine.cpus[0].gpr[RCX], 1);
}

#[test]
fn a_read_and_write_of_code_happens_once() {
    // Carry goes out and would come in again: were the instruction executed twice, it would show.
    let machine = run(|| {
        program(|a| {
            let mut target = a.create_label();
            let mut again = a.create_label();
            a.mov(ecx, 3).unwrap();
            a.lea(rdi, ptr(target)).unwrap();
            a.set_label(&mut again).unwrap();
            a.mov(edx, 0xffff_fff0u32).unwrap();
            a.clc().unwrap();
            a.adc(dword_ptr(rdi + 1), edx).unwrap();
            a.setc(bl).unwrap();
            a.mov(eax, 0x20).unwrap();
            a.xadd(dword_ptr(rdi + 1), eax).unwrap();
            a.set_label(&mut target).unwrap();
            a.mov(eax, 0x10).unwrap();
            a.dec(ecx).unwrap();
            a.jnz(again).unwrap();
            a.hlt().unwrap();
        })
    });
    // Each round: + 0xfffffff0 + 0x20, that is + 0x10.
    assert_eq!(machine.cpus[0].gpr[RAX], 0x10 + 3 * 0x10);
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
}

#[test]
fn a_block_that_follows() {
    let machine = run(|| {
        program(|a| {
            let mut target = a.create_label();
            let mut again = a.create_label();
            let mut end = a.create_label();
            a.xor(ebx, ebx).unwrap();
            a.lea(rdi, ptr(target)).unwrap();
            a.mov(ecx, 4).unwrap();
            a.set_label(&mut again).unwrap();
            a.mov(dword_ptr(rdi + 1), ecx).unwrap();
            a.jmp(target).unwrap();
            // Far enough to be in another line.
            a.db(&[0x90; 200]).unwrap();
            a.set_label(&mut target).unwrap();
            a.mov(eax, 1000).unwrap();
            a.add(ebx, eax).unwrap();
            a.dec(ecx).unwrap();
            a.jz(end).unwrap();
            a.jmp(again).unwrap();
            a.set_label(&mut end).unwrap();
            a.hlt().unwrap();
        })
    });
    assert_eq!(machine.cpus[0].gpr[RBX], 4 + 3 + 2 + 1);
}

/// `mov eax, 1` of which two bytes lie before a page boundary; then `hlt`.
const BOUNDARY: u64 = CODE + 0x2000;

#[test]
fn the_second_page_of_an_instruction_changes() {
    let machine = run(|| {
        let mut machine = program(|a| {
            a.call(BOUNDARY - 2).unwrap();
            a.mov(ebx, eax).unwrap();
            a.mov(byte_ptr(BOUNDARY), 0x12).unwrap();
            a.call(BOUNDARY - 2).unwrap();
            a.hlt().unwrap();
        });
        write(&mut machine, BOUNDARY - 2, &[0xb8, 1, 0, 0, 0, 0xc3]);
        machine
    });
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
    assert_eq!(machine.cpus[0].gpr[RAX], 0x1201);
}

#[test]
fn the_second_page_of_an_instruction_is_mapped_elsewhere() {
    let entry = TABLE + 8 * (BOUNDARY >> 12);
    let machine = run(|| {
        let mut machine = program(|a| {
            a.call(BOUNDARY - 2).unwrap();
            a.mov(ebx, eax).unwrap();
            a.mov(dword_ptr(entry), (DATA | OPEN) as i32).unwrap();
            a.invlpg(ptr(BOUNDARY)).unwrap();
            a.call(BOUNDARY - 2).unwrap();
            a.hlt().unwrap();
        });
        write(&mut machine, BOUNDARY - 2, &[0xb8, 1, 0, 0, 0, 0xc3]);
        write(&mut machine, DATA, &[0x55, 0, 0, 0xc3]);
        machine
    });
    assert_eq!(machine.cpus[0].gpr[RBX], 1);
    assert_eq!(machine.cpus[0].gpr[RAX], 0x5501);
}

#[test]
fn one_code_at_two_addresses() {
    let alias = CODE + 0x5000;
    let machine = run(|| {
        let mut machine = program(|a| {
            a.call(CODE + 0x1000).unwrap();
            a.mov(ebx, eax).unwrap();
            a.call(alias).unwrap();
            a.mov(edx, eax).unwrap();
            a.mov(dword_ptr(alias + 1), 9).unwrap();
            a.call(CODE + 0x1000).unwrap();
            a.mov(ecx, eax).unwrap();
            a.call(alias).unwrap();
            a.hlt().unwrap();
        });
        place(&mut machine, CODE + 0x1000, |a| {
            a.mov(eax, 1).unwrap();
            a.ret().unwrap();
        });
        put(&mut machine, TABLE + 8 * (alias >> 12), (CODE + 0x1000) | OPEN);
        machine
    });
    let gpr = machine.cpus[0].gpr;
    assert_eq!([gpr[RBX], gpr[RDX], gpr[RCX], gpr[RAX]], [1, 1, 9, 9]);
}

#[test]
fn a_device_writes_code() {
    let machine = run(|| {
        program(|a| {
            let mut target = a.create_label();
            a.mov(edi, WINDOW as i32).unwrap();
            a.lea(rax, ptr(target)).unwrap();
            a.inc(rax).unwrap();
            a.mov(qword_ptr(rdi + DMA_ADDRESS as i32), rax).unwrap();
            a.mov(dword_ptr(rdi + DMA_DATA as i32), 0x1234).unwrap();
            a.set_label(&mut target).unwrap();
            a.mov(eax, 1).unwrap();
            a.hlt().unwrap();
        })
    });
    assert_eq!(machine.cpus[0].gpr[RAX], 0x1234);
}

#[test]
fn a_debugger_writes_code() {
    let mut machine = program(|a| {
        let mut again = a.create_label();
        a.set_label(&mut again).unwrap();
        a.mov(eax, 1).unwrap();
        a.jmp(again).unwrap();
    });
    assert_eq!(machine.run(10), Stop::Budget);
    for (space, value) in [(Space::Physical, 2u32), (Space::Virtual { cpu: 0, root: None }, 3)] {
        assert_eq!(machine.inject(&Injection::new(space, CODE + 1, value.to_le_bytes())).written, 4);
        let until = machine.instructions() + 2;
        machine.run(until);
        assert_eq!(machine.cpus[0].gpr[RAX], u64::from(value));
    }
}

#[test]
fn data_beside_code() {
    // A counter in the line of the code, one in another line of its page; then code that only
    // works if all the writes came through.
    let (near, far, next) = (CODE + 0x60, CODE + 0x800, CODE + 0x1000);
    let machine = run(|| {
        let mut machine = program(|a| {
            let mut again = a.create_label();
            a.mov(ecx, 100).unwrap();
            a.set_label(&mut again).unwrap();
            a.inc(qword_ptr(near)).unwrap();
            a.stc().unwrap();
            a.adc(qword_ptr(far), 1).unwrap();
            a.loop_(again).unwrap();
            a.jmp(next).unwrap();
        });
        // No code is left in the first page: it is overwritten, and then counted in as data.
        place(&mut machine, next, |a| {
            let mut again = a.create_label();
            a.mov(edi, CODE as i32).unwrap();
            a.mov(ecx, 12).unwrap();
            a.xor(eax, eax).unwrap();
            a.rep().stosq().unwrap();
            a.mov(ecx, 50).unwrap();
            a.set_label(&mut again).unwrap();
            a.add(qword_ptr(CODE), rcx).unwrap();
            a.loop_(again).unwrap();
            a.hlt().unwrap();
        });
        machine
    });
    assert_eq!((get(&machine, near), get(&machine, far)), (100, 200));
    assert_eq!(get(&machine, CODE), 50 * 51 / 2);
}

#[test]
fn rep_movs_over_code() {
    // The copy replaces the instructions after it, and what it has executed itself.
    let replacement = assemble(CODE + 0x40, |a| {
        a.mov(eax, 42).unwrap();
        a.hlt().unwrap();
    });
    let machine = run(|| {
        let mut machine = program(|a| {
            a.mov(esi, DATA as i32).unwrap();
            a.mov(edi, CODE as i32).unwrap();
            a.mov(ecx, 0x80).unwrap();
            a.rep().movsb().unwrap();
            a.ud2().unwrap();
        });
        let mut image = [0x90; 0x80];
        image[0x40..0x40 + replacement.len()].copy_from_slice(&replacement);
        // The REP MOVSB itself stays as it is, or the copy would end with it.
        image[15..17].copy_from_slice(&[0xf3, 0xa4]);
        write(&mut machine, DATA, &image);
        machine
    });
    assert_eq!(machine.cpus[0].gpr[RAX], 42);
    assert_eq!(machine.cpus[0].gpr[RCX], 0);
    assert_eq!(get(&machine, CODE) as u8, 0x90);
}

#[test]
fn more_blocks_than_the_cache_holds() {
    // A jump to the next instruction is a block of its own; the second round finds others again.
    let count = 70_000;
    let start = 0x10_0000;
    let machine = run(|| {
        let mut machine = program(|a| {
            a.inc(ebx).unwrap();
            a.cmp(ebx, 3).unwrap();
            a.jne(start).unwrap();
            a.hlt().unwrap();
        });
        let mut chain = [0xeb, 0].repeat(count);
        chain.extend(assemble(start + 2 * count as u64, |a| a.jmp(CODE).unwrap()));
        write(&mut machine, start, &chain);
        machine
    });
    assert_eq!(machine.cpus[0].gpr[RBX], 3);
}

/// A machine in real mode with two megabytes, about to execute at 0:0x1000.
fn real() -> Machine {
    let mut memory = Memory::new(2 << 20).unwrap();
    memory.map_mut().add(Range::ram(0, 2 << 20, 0)).unwrap();
    let mut machine = Machine::new(Board::new(memory, Clock::new(1000), 1), vec![CpuModel::default()]);
    let cpu = &mut machine.cpus[0];
    cpu.seg[1] = ringhold_emulator::state::Segment::real(0, true);
    cpu.rip = 0x1000;
    cpu.gpr[4] = 0x8000;
    cpu.refresh();
    machine
}

#[test]
fn one_offset_in_two_real_mode_segments() {
    let machine = run(|| {
        let mut machine = real();
        // call 0x200:0x10; call 0x201:0x10; again; hlt
        let calls = [0x9a, 0x10, 0, 0, 2, 0x9a, 0x10, 0, 1, 2].repeat(3);
        write(&mut machine, 0x1000, &calls);
        write(&mut machine, 0x1000 + calls.len() as u64, &[0xf4]);
        // inc bx; retf in the one, inc dx; retf in the other
        write(&mut machine, 0x2010, &[0x43, 0xcb]);
        write(&mut machine, 0x2020, &[0x42, 0xcb]);
        machine.cpus[0].gpr[RDX] = 0;
        machine
    });
    assert_eq!((machine.cpus[0].gpr[RBX], machine.cpus[0].gpr[RDX]), (3, 3));
}

#[test]
fn the_a20_gate_changes_what_code_is_there() {
    let mut machine = real();
    // ffff:0010 is 0x100000, or 0 with the gate closed.
    write(&mut machine, 0, &[0xb8, 1, 0, 0xf4]);
    write(&mut machine, 0x10_0000, &[0xb8, 2, 0, 0xf4]);
    for (open, expected) in [(false, 1), (true, 2), (false, 1)] {
        machine.board.fabric.memory.set_view(View { a20: open, ..View::BUS });
        machine.board.map_changed = true;
        let cpu = &mut machine.cpus[0];
        cpu.seg[1] = ringhold_emulator::state::Segment::real(0xffff, true);
        cpu.rip = 0x10;
        cpu.refresh();
        cpu.activity = Default::default();
        assert_eq!(machine.run(u64::MAX), Stop::Halted);
        assert_eq!(machine.cpus[0].gpr[RAX], expected);
    }
}
