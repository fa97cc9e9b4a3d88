//! The TLB against fresh walks, under random page tables, edits and invalidations.

mod common;

use common::{CODE, OPEN, PML4, long, place, put};
use iced_x86::code_asm::*;
use proptest::prelude::*;
use ringhold_emulator::inject::{Injection, Semantics, Space};
use ringhold_emulator::mmu::tlb::{Access, Tlb};
use ringhold_emulator::mmu::walk::{Miss, Walk, entry, walk};
use ringhold_emulator::state::{cr0 as bits0, cr4 as bits4, sreg};
use ringhold_emulator::{Machine, Stop};

/// The page directory and the page table of the region under test.
const DIRECTORY: u64 = 0x10_0000;
const TABLES: u64 = 0x10_1000;
/// Where the region begins: the second gigabyte.
const REGION: u64 = 1 << 30;
/// Two page tables of which eight entries each are used.
const SPANS: u64 = 2;
const PAGES: u64 = 8;
/// Where its pages lie.
const FRAMES: u64 = 0x18_0000;

/// One of the pages under test: span, page in it.
type Place = (u64, u64);

#[derive(Clone, Copy, Debug)]
enum Invalidation {
    Page,
    Cr3,
    Global,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Translate { at: Place, access: u8, view: usize },
    Load { at: Place, offset: u64, user: bool },
    Store { at: Place, offset: u64, user: bool },
    Edit { at: Place, leaf: u64, how: Invalidation, between: u8 },
    EditDirectory { span: u64, leaf: u64, how: Invalidation },
    Reload,
    Debugger { at: Place, write: bool },
}

fn spot() -> impl Strategy<Value = Place> {
    (0..SPANS, 0..PAGES)
}

/// Random rights and frame; bit 12 and up choose the frame. Mostly present.
fn leaf() -> impl Strategy<Value = u64> {
    let rights = prop_oneof![6 => Just(1u64), 1 => Just(0)];
    (rights, any::<[bool; 3]>(), 0u64..16, prop::bool::weighted(0.2), prop::bool::weighted(0.05)).prop_map(
        |(present, [rw, us, global], frame, xd, reserved)| {
            let bit = |on: bool, bit: u64| if on { bit } else { 0 };
            present
                | bit(rw, entry::RW)
                | bit(us, entry::US)
                | bit(global, entry::G)
                | bit(xd, entry::XD)
                | bit(reserved, 1 << 45)
                | (FRAMES + frame * 0x1000)
        },
    )
}

fn invalidation() -> impl Strategy<Value = Invalidation> {
    prop_oneof![Just(Invalidation::Page), Just(Invalidation::Cr3), Just(Invalidation::Global)]
}

fn action() -> impl Strategy<Value = Action> {
    let view = prop_oneof![Just(Tlb::SUPERVISOR), Just(Tlb::USER)];
    prop_oneof![
        (spot(), 0u8..3, view).prop_map(|(at, access, view)| Action::Translate { at, access, view }),
        (spot(), 0u64..0x1000, any::<bool>()).prop_map(|(at, offset, user)| Action::Load {
            at,
            offset,
            user
        }),
        (spot(), 0u64..0x1000, any::<bool>()).prop_map(|(at, offset, user)| Action::Store {
            at,
            offset,
            user
        }),
        (spot(), leaf(), invalidation(), 0u8..3).prop_map(|(at, leaf, how, between)| Action::Edit {
            at,
            leaf,
            how,
            between
        }),
        (0..SPANS, leaf(), invalidation()).prop_map(|(span, leaf, how)| Action::EditDirectory {
            span,
            leaf,
            how
        }),
        Just(Action::Reload),
        (spot(), any::<bool>()).prop_map(|(at, write)| Action::Debugger { at, write }),
    ]
}

fn linear((span, page): Place) -> u64 {
    REGION + (span << 21) + (page << 12)
}

fn slot((span, page): Place) -> u64 {
    TABLES + span * 0x1000 + page * 8
}

fn machine(leaves: &[u64]) -> Machine {
    let mut machine = long();
    put(&mut machine, PML4 + 0x1000 + 8, DIRECTORY | OPEN);
    for span in 0..SPANS {
        put(&mut machine, DIRECTORY + 8 * span, (TABLES + span * 0x1000) | OPEN);
    }
    for (nth, leaf) in leaves.iter().enumerate() {
        put(&mut machine, slot((nth as u64 / PAGES, nth as u64 % PAGES)), *leaf);
    }
    machine
}

fn walked(machine: &Machine, linear: u64) -> Walk {
    walk(&machine.board.fabric.memory, &machine.cpus[0].paging(), linear)
}

/// What an access must give by the tables as they are: a frame, or the error code of a #PF.
fn expected(machine: &Machine, linear: u64, access: Access, user: bool) -> Result<u64, u32> {
    let kind = match access {
        Access::Read => 0,
        Access::Write => 2,
        Access::Fetch => 16,
    };
    let code = kind | if user { 4 } else { 0 };
    let protected = machine.cpus[0].control.cr0 & bits0::WP != 0;
    match walked(machine, linear).outcome {
        Err(Miss::Reserved) => Err(code | 9),
        Err(_) => Err(code),
        Ok(page) => {
            let right = match access {
                Access::Read => true,
                Access::Write => page.writable || !user && !protected,
                Access::Fetch => page.executable,
            };
            if right && (page.user || !user) { Ok(page.physical & !0xfff) } else { Err(code | 1) }
        }
    }
}

/// What the processor gives.
fn translated(machine: &mut Machine, linear: u64, access: Access, user: bool) -> Result<u64, u32> {
    let view = if user { Tlb::USER } else { Tlb::SUPERVISOR };
    let Machine { cpus, board, .. } = machine;
    let cpu = &mut cpus[0];
    match cpu.translate(board, linear, access, view) {
        Ok(found) => Ok(found.physical),
        Err(_) => {
            let fault = cpu.exception.take().unwrap();
            assert_eq!((fault.vector, cpu.control.cr2), (14, linear));
            Err(fault.error.unwrap())
        }
    }
}

/// Every kind of access, in every view, gives what the tables say.
fn agree(machine: &mut Machine, at: Place) -> Result<(), TestCaseError> {
    for access in [Access::Read, Access::Write, Access::Fetch] {
        for user in [false, true] {
            let right = expected(machine, linear(at), access, user);
            let before: Vec<_> = walked(machine, linear(at)).trail.iter().collect();
            let cached =
                machine.cpus[0].tlb.find(linear(at), access, if user { Tlb::USER } else { 0 }).copied();
            let found = translated(machine, linear(at), access, user);
            prop_assert_eq!(found, right, "{:?} {:?}, user {}", at, access, user);
            // Accessed and dirty bits: set by a walk that succeeds, and by nothing else.
            let after: Vec<_> = walked(machine, linear(at)).trail.iter().collect();
            let leaf = before.len() - 1;
            for (nth, (old, new)) in before.iter().zip(&after).enumerate() {
                let mut set = 0;
                if found.is_ok() && cached.is_none() {
                    set = entry::A | if access == Access::Write && nth == leaf { entry::D } else { 0 };
                }
                prop_assert_eq!(new.value, old.value | set, "level {} of {:?}", old.level, at);
            }
            if found.is_err() {
                let view = if user { Tlb::USER } else { Tlb::SUPERVISOR };
                prop_assert!(machine.cpus[0].tlb.find(linear(at), access, view).is_none());
            }
        }
    }
    Ok(())
}

/// Executes one privileged instruction of the machine itself.
fn execute(machine: &mut Machine, code: impl FnOnce(&mut CodeAssembler) -> Result<(), iced_x86::IcedError>) {
    place(machine, CODE, |a| code(a).unwrap());
    machine.cpus[0].rip = CODE;
    let until = machine.instructions() + 1;
    assert_eq!(machine.run(until), Stop::Budget);
}

fn invalidate(machine: &mut Machine, linear: u64, how: Invalidation) {
    match how {
        Invalidation::Page => {
            machine.cpus[0].gpr[0] = linear + 0x7ff;
            execute(machine, |a| a.invlpg(ptr(rax)));
        }
        Invalidation::Cr3 => {
            machine.cpus[0].gpr[0] = PML4;
            execute(machine, |a| a.mov(cr3, rax));
        }
        Invalidation::Global => {
            for value in [bits4::PAE, bits4::PAE | bits4::PGE] {
                machine.cpus[0].gpr[0] = value;
                execute(machine, |a| a.mov(cr4, rax));
            }
        }
    }
}

/// A global translation may outlive a write to CR3.
fn sufficient(machine: &Machine, from: u64, to: u64, how: Invalidation) -> Invalidation {
    let global = (from..to)
        .step_by(0x1000)
        .any(|page| machine.cpus[0].tlb.translations().any(|(_, _, t)| t.page == page && t.global));
    if global && matches!(how, Invalidation::Cr3) { Invalidation::Global } else { how }
}

fn access(number: u8) -> Access {
    [Access::Read, Access::Write, Access::Fetch][usize::from(number)]
}

fn act(machine: &mut Machine, action: Action) -> Result<(), TestCaseError> {
    match action {
        Action::Translate { at, access: number, view } => {
            let right = expected(machine, linear(at), access(number), view == Tlb::USER);
            prop_assert_eq!(translated(machine, linear(at), access(number), view == Tlb::USER), right);
        }
        Action::Load { at, offset, user } | Action::Store { at, offset, user } => {
            let store = matches!(action, Action::Store { .. });
            let kind = if store { Access::Write } else { Access::Read };
            let address = linear(at) + offset;
            let last = address + 7;
            let first = expected(machine, address, kind, user);
            let second =
                if last >> 12 == address >> 12 { first } else { expected(machine, last, kind, user) };
            let Machine { cpus, board, .. } = machine;
            let cpu = &mut cpus[0];
            cpu.view = if user { Tlb::USER } else { Tlb::SUPERVISOR };
            cpu.alone = true;
            let done = if store {
                cpu.store(board, address, sreg::NONE, address.swap_bytes()).map(|()| 0)
            } else {
                cpu.load::<u64>(board, address, sreg::NONE)
            };
            cpu.view = Tlb::SUPERVISOR;
            match (first, second) {
                (Ok(first), Ok(second)) => {
                    let split = (4096 - offset).min(8) as usize;
                    let mut bytes = [0; 8];
                    let memory = &board.fabric.memory;
                    memory.read(first + offset, &mut bytes[..split]);
                    memory.read(second, &mut bytes[split..]);
                    let value = if store { address.swap_bytes() } else { done.unwrap() };
                    let overlap = first == second && split < 8
                        || second + 8 > first + offset && second <= first + offset && split < 8;
                    prop_assert!(done.is_ok());
                    prop_assert!(overlap || u64::from_le_bytes(bytes) == value);
                }
                (first, second) => {
                    prop_assert!(done.is_err());
                    let fault = cpu.exception.take().unwrap();
                    let (reported, code) = match first {
                        Err(code) => (address, code),
                        Ok(_) => (last & !0xfff, second.unwrap_err()),
                    };
                    prop_assert_eq!((fault.error, cpu.control.cr2), (Some(code), reported));
                }
            }
        }
        Action::Edit { at, leaf, how, between } => {
            let old = expected(machine, linear(at), access(between), false);
            put(machine, slot(at), leaf);
            let new = expected(machine, linear(at), access(between), false);
            let found = translated(machine, linear(at), access(between), false);
            prop_assert!(found == old || found == new, "{:?} is neither {:?} nor {:?}", found, old, new);
            let how = sufficient(machine, linear(at), linear(at) + 0x1000, how);
            invalidate(machine, linear(at), how);
            agree(machine, at)?;
        }
        Action::EditDirectory { span, leaf, how } => {
            // A large page, or the table again.
            let table = (TABLES + span * 0x1000) | OPEN;
            let large = leaf & entry::G != 0;
            let value = if large { leaf & !0x1f_f000 | entry::PS } else { table };
            put(machine, DIRECTORY + 8 * span, value);
            // INVLPG drops all of a large page, but only one page of a table.
            let whole = if matches!(how, Invalidation::Page) { Invalidation::Global } else { how };
            let (from, to) = (linear((span, 0)), linear((span, PAGES)));
            let whole = sufficient(machine, from, to, whole);
            invalidate(machine, from, whole);
            agree(machine, (span, 0))?;
            if large {
                // Leaves by INVLPG of any address in it.
                for page in 0..PAGES {
                    agree(machine, (span, page))?;
                }
                put(machine, DIRECTORY + 8 * span, table);
                invalidate(machine, linear((span, 5)), Invalidation::Page);
                for page in 0..PAGES {
                    agree(machine, (span, page))?;
                }
            }
        }
        Action::Reload => {
            invalidate(machine, 0, Invalidation::Cr3);
            prop_assert!(machine.cpus[0].tlb.translations().all(|(_, _, t)| t.global));
        }
        Action::Debugger { at, write } => {
            let before = machine.state_hash();
            let space = Space::Virtual { cpu: 0, root: None };
            let mut bytes = [0; 8];
            let reading = machine.peek(space, linear(at) + 0xffc, Semantics::Debugger, &mut bytes).read;
            if write {
                // What is there already, written again.
                let injection = Injection::new(space, linear(at) + 0xffc, bytes);
                let written = machine.inject(&injection).written;
                prop_assert_eq!(written, reading);
            }
            prop_assert_eq!(machine.state_hash(), before);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_tlb_never_contradicts_the_tables(
        leaves in prop::collection::vec(leaf(), (SPANS * PAGES) as usize),
        actions in prop::collection::vec(action(), 1..40),
        protected in any::<bool>(),
    ) {
        let mut machine = machine(&leaves);
        if !protected {
            machine.cpus[0].control.cr0 &= !bits0::WP;
        }
        for action in actions {
            act(&mut machine, action)?;
        }
    }
}
