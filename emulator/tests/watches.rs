//! Watches of linear addresses: which accesses they meet, and that the guest cannot tell.

mod common;

use common::{CODE, DATA, GDT, HANDLERS, IDT, OPEN, STACK, TABLE, TSS, gate, long, place, put};
use iced_x86::code_asm::*;
use proptest::prelude::*;
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::points::{Direction, Met, Place, Watch, WatchId};
use ringhold_emulator::state::cr4;
use ringhold_emulator::{Machine, Stop};

/// A machine with this program, SSE and AVX enabled.
fn running(code: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>) -> Machine {
    let mut machine = long();
    place(&mut machine, CODE, |a| code(a).unwrap());
    let cpu = &mut machine.cpus[0];
    cpu.model = CpuModel::everything();
    cpu.control.cr4 |= cr4::OSFXSR | cr4::OSXSAVE;
    cpu.control.xcr0 = 7;
    cpu.refresh();
    machine
}

fn watch(machine: &mut Machine, first: u64, last: u64, direction: Direction) -> WatchId {
    machine.board.watches.add(Watch::after(Place::Linear(first, last), direction))
}

/// Runs to the next watched access; gives the instruction count and what was accessed.
fn next(machine: &mut Machine) -> (u64, Vec<(u64, u64, Direction)>) {
    assert_eq!(machine.run(10_000), Stop::Watch);
    let accesses = machine.board.watches.take_hits().into_iter().map(|met| match met.place {
        Place::Linear(first, last) => (first, last - first + 1, met.direction),
        place => panic!("{place:?} is not memory"),
    });
    (machine.instructions(), accesses.collect())
}

#[test]
fn the_stop_comes_after_the_instruction_and_only_at_the_bytes_watched() {
    let mut machine = running(|a| {
        a.mov(edi, DATA as u32)?;
        a.mov(dword_ptr(rdi + 4), eax)?;
        a.mov(al, byte_ptr(rdi + 7))?;
        a.mov(byte_ptr(rdi + 8), al)?;
        a.inc(word_ptr(rdi + 6))?;
        a.mov(qword_ptr(rdi), rax)?;
        a.nop()
    });
    watch(&mut machine, DATA + 7, DATA + 7, Direction::Any);
    assert_eq!(next(&mut machine), (2, vec![(DATA + 4, 4, Direction::Write)]));
    assert_eq!(next(&mut machine), (3, vec![(DATA + 7, 1, Direction::Read)]));
    assert_eq!(next(&mut machine), (5, vec![(DATA + 6, 2, Direction::Any)]), "DATA + 8 lies beside it");
    assert_eq!(next(&mut machine), (6, vec![(DATA, 8, Direction::Write)]));
    assert_eq!(machine.run(7), Stop::Budget);
}

/// The watch comes when the page is in the TLB with its fast path, and goes again.
#[test]
fn a_watch_may_come_and_go_in_the_midst_of_a_run() {
    let mut machine = running(|a| {
        let mut top = a.create_label();
        a.mov(edi, DATA as u32)?;
        a.set_label(&mut top)?;
        a.inc(qword_ptr(rdi))?;
        a.jmp(top)
    });
    assert_eq!(machine.run(100), Stop::Budget);
    let id = watch(&mut machine, DATA, DATA, Direction::Write);
    assert_eq!(next(&mut machine).0, 102);
    assert_eq!(next(&mut machine).0, 104);
    assert!(machine.board.watches.remove(id) && !machine.board.watches.remove(id));
    assert_eq!(machine.run(200), Stop::Budget);
    assert!(!machine.board.watches.has_hits());
}

#[test]
fn reads_and_writes_are_told_apart() {
    let mut machine = running(|a| {
        a.mov(edi, DATA as u32)?;
        a.mov(qword_ptr(rdi), rax)?;
        a.mov(rax, qword_ptr(rdi))?;
        a.xchg(qword_ptr(rdi), rax)?;
        a.nop()
    });
    let read = watch(&mut machine, DATA, DATA + 7, Direction::Read);
    let write = watch(&mut machine, DATA, DATA + 7, Direction::Write);
    for expected in [vec![write], vec![read], vec![read, write]] {
        assert_eq!(machine.run(100), Stop::Watch);
        let met: Vec<WatchId> = machine.board.watches.take_hits().iter().map(|met| met.watch).collect();
        assert_eq!(met, expected);
    }
}

#[test]
fn string_instructions_stop_after_the_iteration() {
    let mut machine = running(|a| {
        a.mov(esi, DATA as u32 + 0x1000)?;
        a.mov(edi, DATA as u32)?;
        a.mov(ecx, 100)?;
        a.rep().movsd()?;
        a.nop()
    });
    watch(&mut machine, DATA + 41, DATA + 41, Direction::Any);
    watch(&mut machine, DATA + 0x1000 + 399, DATA + 0x1000 + 399, Direction::Any);
    assert_eq!(next(&mut machine), (3 + 11, vec![(DATA + 40, 4, Direction::Write)]));
    assert_eq!(machine.cpus[0].gpr[1], 89);
    assert_eq!(next(&mut machine), (103, vec![(DATA + 0x1000 + 396, 4, Direction::Read)]));
    assert_eq!(machine.cpus[0].gpr[1], 0);
}

/// Both pages of an access that crosses have the watch; so does an access of 32 bytes.
#[test]
fn wide_accesses_and_those_across_pages_count() {
    let edge = DATA + 0x1000;
    let mut machine = running(|a| {
        a.mov(edi, edge as u32)?;
        a.vmovups(ymmword_ptr(rdi - 16), ymm0)?;
        a.vmovups(ymm1, ymmword_ptr(rdi - 31))?;
        a.movups(xmm1, xmmword_ptr(rdi - 15))?;
        a.mov(rax, qword_ptr(rdi - 4))?;
        a.fxsave(ptr(rdi - 512))?;
        a.fxsave(ptr(rdi - 400))?;
        a.mov(eax, 7)?;
        a.xor(edx, edx)?;
        a.xsave(ptr(rdi))?;
        a.nop()
    });
    watch(&mut machine, edge, edge, Direction::Any);
    assert_eq!(next(&mut machine), (2, vec![(edge - 16, 32, Direction::Write)]));
    assert_eq!(next(&mut machine), (3, vec![(edge - 31, 32, Direction::Read)]));
    assert_eq!(next(&mut machine), (4, vec![(edge - 15, 16, Direction::Read)]));
    assert_eq!(next(&mut machine), (5, vec![(edge - 4, 8, Direction::Read)]));
    for expected in [7, 10] {
        let (count, met) = next(&mut machine);
        assert_eq!((count, met.iter().all(|met| met.2 == Direction::Write)), (expected, true), "{met:?}");
    }
    assert_eq!(machine.run(11), Stop::Budget);
}

/// The frame of an interrupt, the gate and the descriptor that lead to it, the stack of the TSS.
#[test]
fn what_the_processor_accesses_by_itself_counts() {
    let program = |a: &mut CodeAssembler| {
        a.push(rax)?;
        a.int(0x40)?;
        a.nop()
    };
    let handler = HANDLERS + 0x400;
    let met_at = |first: u64, size: u64| {
        let mut machine = running(program);
        gate(&mut machine, 0x40, handler, 1, 0);
        place(&mut machine, handler, |a| a.iretq().unwrap());
        watch(&mut machine, first, first + size - 1, Direction::Any);
        match machine.run(100) {
            Stop::Watch => Some((machine.instructions(), machine.cpus[0].rip)),
            _ => None,
        }
    };
    assert_eq!(met_at(STACK - 8, 8), Some((1, CODE + 1)), "the push");
    assert_eq!(met_at(IDT + 16 * 0x40, 16), Some((2, handler)), "the gate");
    assert_eq!(met_at(GDT + 8, 8), Some((2, handler)), "the descriptor of CS");
    assert_eq!(met_at(TSS + 0x24, 8), Some((2, handler)), "the stack's address");
    assert_eq!(met_at(common::IST1 - 16, 8), Some((2, handler)), "the frame");
    assert_eq!(met_at(IDT + 16 * 0x41, 16), None);
    assert_eq!(met_at(CODE, 3), None, "fetches are no accesses");
    assert_eq!(met_at(TABLE, 4096), None, "walks have no linear address");
}

/// The first store of the instruction lands, the second faults: it will come again.
#[test]
fn an_instruction_that_faults_has_met_nothing() {
    let gone = DATA + 0x5000;
    let mut machine = running(|a| {
        a.mov(esi, DATA as u32)?;
        a.mov(edi, gone as u32)?;
        a.movsb()?;
        a.nop()
    });
    let handler = HANDLERS + 0x400;
    gate(&mut machine, 14, handler, 0, 0);
    put(&mut machine, TABLE + 8 * (gone >> 12), 0);
    place(&mut machine, handler, |a| {
        a.mov(qword_ptr(TABLE + 8 * (gone >> 12)), (gone | OPEN) as i32).unwrap();
        a.add(rsp, 8).unwrap();
        a.iretq().unwrap();
    });
    watch(&mut machine, DATA, DATA, Direction::Read);
    assert_eq!(next(&mut machine), (6, vec![(DATA, 1, Direction::Read)]));
    assert_eq!(machine.cpus[0].rip, CODE + 11);
}

/// A trap of the guest's own and a watch from outside at one place: DR6 tells of the guest's.
#[test]
fn debug_registers_are_the_guests_own() {
    let run = |watched: bool| {
        let mut machine = running(|a| {
            a.mov(edi, DATA as u32)?;
            a.mov(dword_ptr(rdi), eax)?;
            a.mov(dword_ptr(rdi + 8), eax)?;
            a.nop()
        });
        let handler = HANDLERS + 0x400;
        gate(&mut machine, 1, handler, 0, 0);
        place(&mut machine, handler, |a| a.iretq().unwrap());
        let cpu = &mut machine.cpus[0];
        cpu.set_debug_register(0, DATA);
        cpu.set_debug_register(7, 0xd_0002);
        if watched {
            watch(&mut machine, DATA, DATA + 15, Direction::Any);
        }
        let mut stops = 0;
        while machine.run(5) == Stop::Watch {
            stops += 1;
        }
        (stops, machine.cpus[0].control.dr6 & 0xf, machine.state_hash())
    };
    let (plain, watched) = (run(false), run(true));
    assert_eq!((plain.0, plain.1), (0, 1));
    assert_eq!((watched.0, watched.1, watched.2), (2, 1, plain.2));
}

#[test]
fn a_range_of_code_stops_before_each_of_its_instructions() {
    let mut machine = running(|a| {
        for _ in 0..6 {
            a.inc(eax)?;
        }
        a.nop()
    });
    machine.breakpoints.add_range(CODE + 3, CODE + 7);
    for (count, at) in [(2, 4), (3, 6)] {
        assert_eq!(machine.run(100), Stop::Breakpoint);
        assert_eq!((machine.instructions(), machine.cpus[0].rip), (count, CODE + at));
        assert_eq!(machine.breakpoints.users(CODE + at), 1);
    }
    assert_eq!(machine.run(6), Stop::Budget);
    assert!(machine.breakpoints.remove_range(CODE + 3, CODE + 7));
    assert!(machine.breakpoints.is_empty());
}

/// A port that stops after the access, beside one that holds it.
#[test]
fn a_port_can_be_watched_without_holding() {
    let mut machine = running(|a| {
        a.in_(al, 0x80)?;
        a.out(0x80, al)?;
        a.nop()
    });
    let ports = Place::Ports(0x80, 0x80);
    let after = machine.board.watches.add(Watch::after(ports, Direction::Any));
    let met = |machine: &mut Machine| {
        assert_eq!(machine.run(100), Stop::Watch);
        let hits: Vec<WatchId> = machine.board.watches.take_hits().iter().map(|met| met.watch).collect();
        (machine.instructions(), hits)
    };
    let holding = machine.board.watches.add(Watch::holding(ports, Direction::Read));
    assert_eq!(met(&mut machine), (0, vec![holding]));
    assert_eq!(met(&mut machine), (1, vec![after]));
    assert_eq!(met(&mut machine), (2, vec![after]));
    assert_eq!(machine.run(3), Stop::Budget);
}

/// One instruction that accesses memory.
#[derive(Clone, Copy, Debug)]
struct Access {
    at: u64,
    size: u64,
    direction: Direction,
}

impl Access {
    /// As an instruction; RDI is [`DATA`]. Modifications have at most eight bytes.
    fn emit(self, a: &mut CodeAssembler) -> Result<(), IcedError> {
        let at = rdi + (self.at - DATA);
        match (self.size, self.direction) {
            (1, Direction::Read) => a.mov(al, byte_ptr(at)),
            (1, Direction::Write) => a.mov(byte_ptr(at), al),
            (1, Direction::Any) => a.add(byte_ptr(at), al),
            (2, Direction::Read) => a.mov(ax, word_ptr(at)),
            (2, Direction::Write) => a.mov(word_ptr(at), ax),
            (2, Direction::Any) => a.add(word_ptr(at), ax),
            (4, Direction::Read) => a.mov(eax, dword_ptr(at)),
            (4, Direction::Write) => a.mov(dword_ptr(at), eax),
            (4, Direction::Any) => a.add(dword_ptr(at), eax),
            (16, Direction::Read) => a.movups(xmm0, xmmword_ptr(at)),
            (16, Direction::Write) => a.movups(xmmword_ptr(at), xmm0),
            (32, Direction::Read) => a.vmovups(ymm0, ymmword_ptr(at)),
            (32, Direction::Write) => a.vmovups(ymmword_ptr(at), ymm0),
            (_, Direction::Read) => a.mov(rax, qword_ptr(at)),
            (_, Direction::Write) => a.mov(qword_ptr(at), rax),
            (_, Direction::Any) => a.add(qword_ptr(at), rax),
        }
    }

    /// What the instruction accesses.
    fn size(self) -> u64 {
        if self.direction == Direction::Any { self.size.min(8) } else { self.size }
    }
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Read), Just(Direction::Write), Just(Direction::Any)]
}

fn accesses() -> impl Strategy<Value = Vec<Access>> {
    let size = prop_oneof![Just(1u64), Just(2), Just(4), Just(8), Just(16), Just(32)];
    // Around the edges of three pages.
    let at = (0u64..3, 0u64..80).prop_map(|(page, by)| DATA + 0x1000 * page + 0x1000 - 40 + by);
    let access = (at, size, direction()).prop_map(|(at, size, direction)| Access { at, size, direction });
    prop::collection::vec(access, 1..60)
}

proptest! {
    /// Against a model that compares every access with every watch; the end of the run is that of
    /// one without watches, however it is cut.
    #[test]
    fn every_access_meets_what_it_overlaps(
        accesses in accesses(),
        watches in prop::collection::vec((0u64..3, 0u64..90, 1u64..60, direction()), 0..6),
        again in any::<bool>(),
        slice in 1u64..40,
    ) {
        let program = |a: &mut CodeAssembler| {
            a.mov(rdi, DATA)?;
            accesses.iter().try_for_each(|access| access.emit(a))?;
            if again {
                // Once more, with all translations in the TLB.
                accesses.iter().try_for_each(|access| access.emit(a))?;
            }
            a.nop()
        };
        let rounds = 1 + u64::from(again);
        let until = 1 + rounds * accesses.len() as u64;
        let mut plain = running(program);
        prop_assert_eq!(plain.run(until), Stop::Budget);
        let mut watched = running(program);
        let watches: Vec<(WatchId, u64, u64, Direction)> = watches
            .into_iter()
            .map(|(page, by, length, direction)| {
                let first = DATA + 0x1000 * page + 0x1000 - 45 + by;
                let last = first + length - 1;
                (watch(&mut watched, first, last, direction), first, last, direction)
            })
            .collect();
        let mut expected = Vec::new();
        for (nth, access) in (0..rounds).flat_map(|_| &accesses).enumerate() {
            let end = access.at + access.size() - 1;
            let kind = |wanted: Direction| {
                wanted == access.direction || wanted == Direction::Any || access.direction == Direction::Any
            };
            let met = |&(id, first, last, direction): &(WatchId, u64, u64, Direction)| {
                let place = Place::Linear(access.at, end);
                (kind(direction) && access.at <= last && end >= first)
                    .then_some(Met { watch: id, place, direction: access.direction })
            };
            let met: Vec<Met> = watches.iter().filter_map(met).collect();
            if !met.is_empty() {
                expected.push((nth as u64 + 2, met));
            }
        }
        let mut found = Vec::new();
        while watched.instructions() < until || watched.board.watches.has_hits() {
            let goal = (watched.instructions() + slice).min(until);
            match watched.run(goal) {
                Stop::Watch => found.push((watched.instructions(), watched.board.watches.take_hits())),
                stop => prop_assert_eq!(stop, Stop::Budget),
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(watched.state_hash(), plain.state_hash());
    }
}
