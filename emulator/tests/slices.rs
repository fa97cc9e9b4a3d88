//! The promise of determinism: a run gives the same state at the same instruction count, however
//! it is cut into slices. Random programs do all that could tell one cut from another.

mod common;

use common::device::{NMI, PORT, TIMER, VECTOR};
use common::{CODE, DATA, HANDLERS, IDT, OPEN, PML4, STACK, TABLE, WINDOW, gate, log, long, place, put};
use iced_x86::code_asm::*;
use proptest::prelude::*;
use ringhold_emulator::points::{Direction, Place, Watch};
use ringhold_emulator::{Machine, Stop};

/// Pages that come and go.
const PAGES: u64 = 0x4_0000;
/// Code in a page that comes and goes; it crosses into the page after it.
const FAR_CODE: u64 = PAGES + 0x2000 - 2;

/// A part of a program.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Arithmetic,
    Loop(u32),
    Call,
    Copy { from: u32, to: u32, count: u32, backwards: bool },
    Fill { to: u32, count: u32 },
    Compare(u32),
    Scan(u32),
    Touch { page: u32, write: bool },
    Unmap { page: u32, invalidate: bool },
    CallFar,
    PortOut,
    PortIn,
    PortStrings(u32),
    Window,
    WindowCopy(u32),
    Timer(u32),
    Nmi,
    Enable,
    Disable,
    StackSegment,
    Trace(u32),
    Resume,
    Clock,
    Wait,
    PatchNext,
    PatchCarry,
    CodePageData,
    Cr3,
    Global,
    Software,
    Undefined,
}

fn piece() -> impl Strategy<Value = Piece> {
    use Piece::*;
    prop_oneof![
        Just(Arithmetic),
        (1u32..20).prop_map(Loop),
        Just(Call),
        (0u32..0x3000, 0u32..0x3000, 0u32..60, any::<bool>()).prop_map(|(from, to, count, backwards)| Copy {
            from,
            to,
            count,
            backwards
        }),
        (0u32..0x3000, 0u32..200).prop_map(|(to, count)| Fill { to, count }),
        (0u32..40).prop_map(Compare),
        (0u32..40).prop_map(Scan),
        (0u32..4, any::<bool>()).prop_map(|(page, write)| Touch { page, write }),
        (0u32..4, any::<bool>()).prop_map(|(page, invalidate)| Unmap { page, invalidate }),
        Just(CallFar),
        Just(PortOut),
        Just(PortIn),
        (0u32..6).prop_map(PortStrings),
        Just(Window),
        (0u32..6).prop_map(WindowCopy),
        (10u32..300).prop_map(Timer),
        Just(Nmi),
        Just(Enable),
        Just(Disable),
        Just(StackSegment),
        (1u32..12).prop_map(Trace),
        Just(Resume),
        Just(Clock),
        Just(Wait),
        Just(PatchNext),
        Just(PatchCarry),
        Just(CodePageData),
        Just(Cr3),
        Just(Global),
        Just(Software),
        Just(Undefined),
    ]
}

/// Emits a piece. RBX gathers results; RSP is as before at the end.
fn emit(a: &mut CodeAssembler, piece: Piece, helper: CodeLabel) -> Result<(), IcedError> {
    use Piece::*;
    let mut label = a.create_label();
    match piece {
        Arithmetic => {
            a.add(rbx, 0x0123_4567)?;
            a.rol(rbx, 7)?;
            a.imul_2(rbx, rsi)?;
            a.xor(qword_ptr(DATA + 8), rbx)?;
        }
        Loop(count) => {
            a.mov(ecx, count)?;
            a.set_label(&mut label)?;
            a.adc(qword_ptr(DATA + 16), rcx)?;
            a.dec(ecx)?;
            a.jnz(label)?;
        }
        Call => a.call(helper)?,
        Copy { from, to, count, backwards } => {
            a.mov(esi, PAGES as u32 + from)?;
            a.mov(edi, PAGES as u32 + to)?;
            a.mov(ecx, count)?;
            if backwards {
                a.std()?;
            }
            a.rep().movsd()?;
            a.cld()?;
        }
        Fill { to, count } => {
            a.mov(edi, PAGES as u32 + to)?;
            a.mov(ecx, count)?;
            a.mov(eax, ebx)?;
            a.rep().stosb()?;
        }
        Compare(count) => {
            a.mov(esi, PAGES as u32 + 0xff0)?;
            a.mov(edi, DATA as u32)?;
            a.mov(ecx, count)?;
            a.repe().cmpsb()?;
            a.setz(bl)?;
        }
        Scan(count) => {
            a.mov(edi, PAGES as u32 + 0x1ff0)?;
            a.mov(ecx, count)?;
            a.mov(al, 0x55)?;
            a.repne().scasb()?;
            a.adc(ebx, ecx)?;
        }
        Touch { page, write: false } => a.add(rbx, qword_ptr(PAGES + 0x1000 * u64::from(page) + 0x123))?,
        Touch { page, write: true } => a.add(qword_ptr(PAGES + 0x1000 * u64::from(page) + 0xff9), ebx)?,
        Unmap { page, invalidate } => {
            let page = PAGES + 0x1000 * u64::from(page);
            a.and(qword_ptr(TABLE + 8 * (page >> 12)), !(1 | 1 << 5))?;
            if invalidate {
                a.invlpg(ptr(page))?;
            }
        }
        CallFar => {
            // `mov eax, imm32; ret` across two pages.
            a.mov(eax, 0x78b8)?;
            a.mov(qword_ptr(FAR_CODE), rax)?;
            a.mov(byte_ptr(FAR_CODE + 5), 0xc3)?;
            a.call(FAR_CODE)?;
            a.add(ebx, eax)?;
        }
        PortOut => {
            a.mov(eax, ebx)?;
            a.out(i32::from(PORT), eax)?;
        }
        PortIn => {
            a.in_(eax, i32::from(PORT))?;
            a.xor(ebx, eax)?;
        }
        PortStrings(count) => {
            a.mov(edx, u32::from(PORT))?;
            a.mov(esi, DATA as u32)?;
            a.mov(ecx, count)?;
            a.rep().outsd()?;
            a.mov(edi, PAGES as u32 + 0xffe)?;
            a.mov(ecx, count)?;
            a.rep().insd()?;
        }
        Window => {
            a.mov(edi, WINDOW as u32)?;
            a.add(rbx, qword_ptr(rdi + 8))?;
            a.add(dword_ptr(rdi + 16), ebx)?;
            a.mov(dword_ptr(rdi + 24), ebx)?;
        }
        WindowCopy(count) => {
            a.mov(esi, DATA as u32)?;
            a.mov(edi, WINDOW as u32 + 0x40)?;
            a.mov(ecx, count)?;
            a.rep().movsq()?;
        }
        Timer(period) => {
            a.mov(eax, period + 200)?;
            a.out(i32::from(TIMER), eax)?;
        }
        Nmi => a.out(i32::from(NMI), al)?,
        Enable => {
            a.sti()?;
            a.inc(rbx)?;
            a.inc(rbx)?;
        }
        Disable => a.cli()?,
        StackSegment => {
            a.mov(eax, ss)?;
            a.mov(ss, eax)?;
            a.inc(rbx)?;
        }
        Trace(steps) => {
            a.mov(dword_ptr(DATA + 0x20), steps)?;
            a.pushfq()?;
            a.or(qword_ptr(rsp), 0x100)?;
            a.popfq()?;
            a.inc(rbx)?;
            a.mov(ecx, 3)?;
            a.mov(edi, DATA as u32 + 0x100)?;
            a.rep().stosb()?;
        }
        Resume => {
            a.mov(rax, rsp)?;
            a.mov(ecx, ss)?;
            a.push(rcx)?;
            a.push(rax)?;
            a.pushfq()?;
            a.or(qword_ptr(rsp), 0x1_0000)?;
            a.mov(ecx, cs)?;
            a.push(rcx)?;
            a.lea(rax, ptr(label))?;
            a.push(rax)?;
            a.iretq()?;
            a.set_label(&mut label)?;
            a.pushfq()?;
            a.pop(rax)?;
            a.add(rbx, rax)?;
        }
        Clock => {
            a.rdtsc()?;
            a.add(rbx, rax)?;
            a.mov(ecx, 0x10)?;
            a.rdmsr()?;
            a.add(rbx, rax)?;
        }
        Wait => {
            a.mov(eax, 350)?;
            a.out(i32::from(TIMER), eax)?;
            a.sti()?;
            a.hlt()?;
        }
        PatchNext => {
            a.lea(rdi, ptr(label))?;
            a.mov(dword_ptr(rdi + 1), ebx)?;
            a.set_label(&mut label)?;
            a.mov(eax, 1)?;
            a.xor(ebx, eax)?;
        }
        PatchCarry => {
            a.lea(rdi, ptr(label))?;
            a.adc(dword_ptr(rdi + 1), ebx)?;
            a.adc(rbx, 0)?;
            a.set_label(&mut label)?;
            a.mov(eax, 0xffff_fff0u32)?;
            a.sub(ebx, eax)?;
        }
        CodePageData => {
            a.add(qword_ptr(CODE - 8), rbx)?;
            a.inc(qword_ptr(HANDLERS + 0x800))?;
            a.btc(dword_ptr(FAR_CODE + 16), 3)?;
        }
        Cr3 => {
            a.mov(rax, cr3)?;
            a.mov(cr3, rax)?;
        }
        Global => {
            a.mov(rax, cr4)?;
            a.xor(eax, 0x80)?;
            a.mov(cr4, rax)?;
        }
        Software => a.int(0x50)?,
        Undefined => a.ud2()?,
    }
    Ok(())
}

fn handler(
    machine: &mut Machine,
    vector: u8,
    code: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>,
) {
    let at = HANDLERS + 0x40 * (u64::from(vector) & 31);
    place(machine, at, |a| code(a).unwrap());
    gate(machine, vector, at, 0, 0);
}

fn machine(pieces: &[Piece]) -> Machine {
    let mut machine = long();
    handler(&mut machine, 14, |a| {
        // The page is made present; where it is so already, the fault came from a stale entry.
        a.push(rax)?;
        a.mov(rax, cr2)?;
        a.shr(rax, 12)?;
        a.or(qword_ptr(rax * 8 + TABLE as i32), 1)?;
        a.inc(dword_ptr(DATA + 0x30))?;
        a.pop(rax)?;
        a.add(rsp, 8)?;
        a.iretq()
    });
    handler(&mut machine, 6, |a| {
        a.add(qword_ptr(rsp), 2)?;
        a.iretq()
    });
    handler(&mut machine, 1, |a| {
        let mut on = a.create_label();
        a.inc(dword_ptr(DATA + 0x34))?;
        a.dec(dword_ptr(DATA + 0x20))?;
        a.jg(on)?;
        a.and(qword_ptr(rsp + 16), !0x100)?;
        a.set_label(&mut on)?;
        a.iretq()
    });
    for (vector, at) in [(2, 0x38), (VECTOR, 0x3c), (0x50, 0x40)] {
        handler(&mut machine, vector, |a| {
            a.inc(dword_ptr(DATA + at))?;
            a.iretq()
        });
    }
    place(&mut machine, CODE, |a| {
        let (mut top, mut helper) = (a.create_label(), a.create_label());
        a.set_label(&mut top).unwrap();
        for piece in pieces {
            emit(a, *piece, helper).unwrap();
        }
        a.jmp(top).unwrap();
        a.set_label(&mut helper).unwrap();
        a.push(rbx).unwrap();
        a.lea(rsi, ptr(rbx + rsi + 5)).unwrap();
        a.add(qword_ptr(rsp), rsi).unwrap();
        a.pop(rbx).unwrap();
        a.ret().unwrap();
    });
    for page in 0..4 {
        let page = PAGES + 0x1000 * page;
        put(&mut machine, TABLE + 8 * (page >> 12), page | OPEN & !1 | (page & 0x1000) >> 4);
    }
    assert_eq!((machine.cpus[0].gpr[4], machine.cpus[0].control.cr3), (STACK, PML4));
    machine
}

/// Runs to `until` in slices of these lengths, over and over; tells whether it got there.
fn run_sliced(machine: &mut Machine, until: u64, lengths: &mut impl Iterator<Item = u64>) -> Stop {
    loop {
        let next = (machine.instructions() + lengths.next().unwrap_or(1)).min(until);
        let stop = machine.run(next);
        if stop != Stop::Budget || machine.instructions() >= until {
            return stop;
        }
    }
}

proptest! {
    #[test]
    fn a_run_is_the_same_however_it_is_cut(
        pieces in prop::collection::vec(piece(), 1..24),
        counts in prop::collection::vec(1u64..600, 3),
        lengths in prop::collection::vec(1u64..40, 1..12),
    ) {
        let mut single = machine(&pieces);
        let mut random = machine(&pieces);
        let mut lengths = lengths.iter().copied().cycle();
        let mut until = 0;
        for count in counts {
            until += count;
            let mut whole = machine(&pieces);
            let stop = whole.run(until);
            prop_assert_eq!(run_sliced(&mut single, until, &mut std::iter::repeat(1)), stop);
            prop_assert_eq!(run_sliced(&mut random, until, &mut lengths), stop);
            for sliced in [&mut single, &mut random] {
                prop_assert_eq!(sliced.instructions(), whole.instructions());
                prop_assert_eq!(log(sliced), log(&mut whole), "at {}", until);
                prop_assert_eq!(sliced.cpus[0].state(), whole.cpus[0].state(), "at {}", until);
                let translations = |machine: &Machine| -> Vec<_> {
                    machine.cpus[0].tlb.translations().map(|(kind, place, t)| (kind, place, *t)).collect()
                };
                prop_assert_eq!(translations(sliced), translations(&whole), "at {}", until);
                prop_assert_eq!(sliced.state_hash(), whole.state_hash(), "at {}", until);
            }
            if stop != Stop::Budget {
                break;
            }
        }
    }

    /// Stops at breakpoints and accesses change nothing, and a position found by them is found
    /// again without them, in the same state.
    #[test]
    fn a_position_is_a_state(
        pieces in prop::collection::vec(piece(), 1..24),
        until in 1u64..1500,
        breakpoints in prop::collection::vec(0u64..0x180, 1..6),
        handlers in prop::collection::vec(0u64..32, 0..3),
        watched in prop::collection::vec((any::<bool>(), 0u16..12, 0u64..0x200), 0..3),
        memory in prop::collection::vec((0usize..8, 0u64..0x200, 1u64..0x1200), 0..4),
        slice in 1u64..400,
    ) {
        let mut plain = machine(&pieces);
        let end = plain.run(until);
        let mut stopping = machine(&pieces);
        breakpoints.iter().for_each(|at| stopping.breakpoints.add(CODE + at));
        handlers.iter().for_each(|vector| stopping.breakpoints.add(HANDLERS + 0x40 * vector));
        for (port, number, offset) in watched {
            let window = WINDOW + offset;
            let place =
                if port { Place::Ports(PORT + number, PORT + number) } else { Place::Physical(window, window + 7) };
            stopping.board.watches.add(Watch::holding(place, Direction::Any));
        }
        for (region, offset, length) in memory {
            // Among them the window, code, and what the processor accesses by itself.
            let first = [DATA, PAGES, FAR_CODE, CODE, STACK - 0x200, IDT, TABLE, WINDOW][region] + offset;
            stopping.board.watches.add(Watch::after(Place::Linear(first, first + length - 1), Direction::Any));
        }
        let mut stops = Vec::new();
        let stop = loop {
            match run_sliced(&mut stopping, until, &mut std::iter::repeat(slice)) {
                Stop::Breakpoint | Stop::Watch => stops.push((stopping.position(), stopping.state_hash())),
                stop => break stop,
            }
        };
        prop_assert_eq!((stop, stopping.state_hash()), (end, plain.state_hash()));
        let mut again = machine(&pieces);
        for (position, hash) in stops {
            prop_assert_eq!(again.run_to(position, u64::MAX), Stop::Budget);
            prop_assert_eq!(again.position(), position);
            prop_assert_eq!(again.state_hash(), hash, "at {:?}", position);
        }
    }
}
