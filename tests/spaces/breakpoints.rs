//! The rows of the breakpoints' rules. The machine executes a program that is written over the
//! code where it stands, with its data below the kernel's stack:
//!
//! | at | instruction |
//! |---|---|
//! | 0x00 | `cli` |
//! | 0x01 | `mov [rsp - 0x40], eax` |
//! | 0x05 | `mov al, [rsp - 0x3c]` |
//! | 0x09 | `out 0x80, al` |
//! | 0x0b | `call 0x13` |
//! | 0x10 | `nop` |
//! | 0x11 | `jmp 0` |
//! | 0x13 | `ret` |

use std::sync::OnceLock;

use ringhold::debugapi::HResult;
use ringhold::debugapi::command::{Command, Input, Output, Room};

use crate::layers::{self, C, Com, Rust};
use crate::table::{n, q};
use crate::wine::Wine;
use crate::{Step, fails, nulled, run, step};

const OK: HResult = HResult::OK;
const FALSE: HResult = HResult::FALSE;
const INVALID: HResult = HResult::INVALIDARG;
const NONE: HResult = HResult::NOINTERFACE;

const ANY: u32 = u32::MAX;
const CODE: u32 = 0;
const DATA: u32 = 1;
const ENABLED: u32 = 4;
const ONE_SHOT: u32 = 0x10;
const READ: u32 = 1;
const WRITE: u32 = 2;
const EXECUTE: u32 = 4;
const IO: u32 = 8;
const GO: u32 = 1;
const OVER: u32 = 4;
const INTO: u32 = 5;

const PROGRAM: [u8; 20] = [
    0xfa, 0x89, 0x44, 0x24, 0xc0, 0x8a, 0x44, 0x24, 0xc4, 0xe6, 0x80, 0xe8, 3, 0, 0, 0, 0x90, 0xeb, 0xed,
    0xc3,
];

/// Where the machines of all layers stand.
pub struct Place {
    /// The next instruction.
    pub code: u64,
    /// Where the program writes.
    data: u64,
    /// The program's bytes with their physical addresses, page by page.
    pieces: Vec<(u64, Vec<u8>)>,
}

pub fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let machine = layers::machine();
        let cpu = machine.cpu(0);
        let (code, data) = (cpu.rip, cpu.gpr[4] - 0x40);
        let split = (0x1000 - (code as usize & 0xfff)).min(PROGRAM.len());
        let (first, second) = PROGRAM.split_at(split);
        let pieces = [(code, first), (code + split as u64, second)];
        let physical = |linear| machine.translate(0, None, linear).unwrap().outcome.unwrap().physical;
        let pieces = pieces.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        Place { code, data, pieces: pieces.map(|(at, bytes)| (physical(at), bytes.to_vec())).collect() }
    })
}

/// The program is written, and these steps are made.
pub fn program(steps: Vec<Step>) -> Vec<Step> {
    let write = |(offset, bytes): &(u64, Vec<u8>)| {
        let buffer = bytes.as_slice().into();
        step(Command::WritePhysical { offset: *offset, buffer }, OK, n(bytes.len() as u32))
    };
    place().pieces.iter().map(write).chain(steps).collect()
}

fn add(kind: u32, handle: u64) -> Step {
    step(Command::AddBreakpoint { kind, desired_id: ANY }, OK, q(handle))
}

pub fn does(command: Command) -> Step {
    step(command, OK, [])
}

fn flags(breakpoint: u64, flags: u32) -> Step {
    does(Command::SetFlags { breakpoint, flags })
}

/// An enabled code breakpoint in the program.
pub fn code(handle: u64, at: u64, more: u32) -> Vec<Step> {
    let offset = place().code + at;
    vec![
        add(CODE, handle),
        does(Command::SetOffset { breakpoint: handle, offset }),
        flags(handle, ENABLED | more),
    ]
}

/// An enabled data breakpoint.
fn data(breakpoint: u64, offset: u64, size: u32, access_type: u32) -> Vec<Step> {
    vec![
        add(DATA, breakpoint),
        does(Command::SetOffset { breakpoint, offset }),
        does(Command::SetDataParameters { breakpoint, size, access_type }),
        flags(breakpoint, ENABLED),
    ]
}

/// The target goes on to an event, at this instruction of the program.
pub fn goes(status: u32, at: u64) -> Vec<Step> {
    vec![
        does(Command::SetExecutionStatus { status }),
        does(Command::WaitForEvent { flags: 0, timeout: ANY }),
        step(Command::GetInstructionOffset {}, OK, q(place().code + at)),
    ]
}

/// The last event was the hit of a breakpoint.
fn hit(id: u32, more: &str) -> Step {
    let text = format!("Breakpoint {id} hit{more}\0");
    let length = Output::U32(text.len() as u32);
    let extra = Output::Bytes(id.to_le_bytes().to_vec());
    let number = Output::U32;
    let outputs =
        [number(1), number(0), number(0), extra, number(4), Output::Bytes(text.into_bytes()), length];
    step(Command::GetLastEventInformation { extra: Room::of(160), description: Room::of(160) }, OK, outputs)
}

/// The last event was a step, to this instruction of the program.
fn stepped(at: u64) -> Step {
    let mut extra = vec![0; 160];
    extra[..4].copy_from_slice(&0x8000_0004u32.to_le_bytes());
    extra[16..24].copy_from_slice(&(place().code + at).to_le_bytes());
    extra[152] = 1;
    let text = b"Single step exception - code 80000004\0".to_vec();
    let number = Output::U32;
    let length = number(text.len() as u32);
    let outputs =
        [number(2), number(0), number(0), Output::Bytes(extra), number(160), Output::Bytes(text), length];
    step(Command::GetLastEventInformation { extra: Room::of(160), description: Room::of(160) }, OK, outputs)
}

/// A DEBUG_BREAKPOINT_PARAMETERS.
fn parameters(id: u32, kind: u32, offset: u64, flags: u32) -> Vec<u8> {
    let mut bytes = offset.to_le_bytes().to_vec();
    for word in [id, kind, 0x8664, flags, 0, 0, 1, 1, ANY, 0, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

rows! {
    a_fresh_breakpoint_is_empty_and_disabled = vec![
        step(Command::GetNumberBreakpoints {}, OK, n(0)),
        add(DATA, 1),
        step(Command::GetNumberBreakpoints {}, OK, n(1)),
        step(Command::GetId { breakpoint: 1 }, OK, n(0)),
        step(Command::GetType { breakpoint: 1 }, OK, [Output::U32(1), Output::U32(0x8664)]),
        step(Command::GetFlags { breakpoint: 1 }, OK, n(0)),
        step(Command::GetOffset { breakpoint: 1 }, OK, q(0)),
        step(Command::GetDataParameters { breakpoint: 1 }, OK, [Output::U32(0), Output::U32(0)]),
        step(Command::GetPassCount { breakpoint: 1 }, OK, n(1)),
        step(Command::GetCurrentPassCount { breakpoint: 1 }, OK, n(1)),
        fails(Command::GetMatchThreadId { breakpoint: 1 }, NONE),
        step(Command::GetParameters { breakpoint: 1 }, OK, [Output::Bytes(parameters(0, 1, 0, 0))]),
        nulled(Command::GetId { breakpoint: 1 }, INVALID),
        nulled(Command::GetParameters { breakpoint: 1 }, INVALID),
        nulled(Command::AddBreakpoint { kind: 0, desired_id: ANY }, INVALID),
        step(Command::GetNumberBreakpoints {}, OK, n(1)),
    ];
    ids_are_asked_for_or_the_smallest_free = vec![
        step(Command::AddBreakpoint { kind: CODE, desired_id: 7 }, OK, q(1)),
        fails(Command::AddBreakpoint { kind: CODE, desired_id: 7 }, INVALID),
        add(CODE, 2),
        step(Command::GetBreakpointById { id: 7 }, OK, q(1)),
        step(Command::GetBreakpointByIndex { index: 0 }, OK, q(2)),
        step(Command::GetBreakpointByIndex { index: 1 }, OK, q(1)),
        fails(Command::GetBreakpointByIndex { index: 2 }, NONE),
        fails(Command::GetBreakpointById { id: 1 }, NONE),
        fails(Command::AddBreakpoint { kind: 2, desired_id: ANY }, HResult::NOTIMPL),
        fails(Command::AddBreakpoint { kind: 3, desired_id: ANY }, HResult::NOTIMPL),
        fails(Command::AddBreakpoint { kind: 4, desired_id: ANY }, INVALID),
        step(
            Command::GetBreakpointParameters { count: 2, ids: Input::Given(vec![0, 7]), start: 0 },
            OK,
            [Output::Bytes([parameters(0, 0, 0, 0), parameters(7, 0, 0, 0)].concat())],
        ),
        step(
            Command::GetBreakpointParameters { count: 1, ids: Input::Null(1), start: 1 },
            OK,
            [Output::Bytes(parameters(7, 0, 0, 0))],
        ),
    ];
    a_removed_breakpoint_answers_no_more = vec![
        add(CODE, 1),
        does(Command::RemoveBreakpoint { breakpoint: 1 }),
        step(Command::GetNumberBreakpoints {}, OK, n(0)),
        fails(Command::GetId { breakpoint: 1 }, NONE),
        fails(Command::SetOffset { breakpoint: 1, offset: 4 }, NONE),
        fails(Command::AddFlags { breakpoint: 1, flags: ENABLED }, NONE),
        fails(Command::RemoveBreakpoint { breakpoint: 1 }, NONE),
        // Its id is free, and the object of the next is another.
        add(CODE, 2),
        step(Command::GetId { breakpoint: 2 }, OK, n(0)),
        fails(Command::GetId { breakpoint: 1 }, NONE),
    ];
    deferred_is_not_for_clients_to_set = vec![
        add(CODE, 1),
        fails(Command::AddFlags { breakpoint: 1, flags: 2 }, INVALID),
        fails(Command::SetFlags { breakpoint: 1, flags: 6 }, INVALID),
        fails(Command::RemoveFlags { breakpoint: 1, flags: 2 }, INVALID),
        fails(Command::AddFlags { breakpoint: 1, flags: 0x20 }, INVALID),
        does(Command::AddFlags { breakpoint: 1, flags: 0x1d }),
        does(Command::RemoveFlags { breakpoint: 1, flags: 0x14 }),
        step(Command::GetFlags { breakpoint: 1 }, OK, n(9)),
        does(Command::SetOffsetExpression { breakpoint: 1, expression: "nt!main".into() }),
        step(Command::GetFlags { breakpoint: 1 }, OK, n(11)),
        fails(Command::GetOffset { breakpoint: 1 }, NONE),
        step(
            Command::GetOffsetExpression { breakpoint: 1, buffer: Room::of(4) },
            FALSE,
            [Output::Bytes(b"nt!\0".to_vec()), Output::U32(8)],
        ),
        does(Command::SetOffsetExpression { breakpoint: 1, expression: "1234".into() }),
        step(Command::GetOffset { breakpoint: 1 }, OK, q(0x1234)),
        does(Command::SetCommand { breakpoint: 1, command: "r".into() }),
        step(
            Command::GetCommand { breakpoint: 1, buffer: Room::of(9) },
            OK,
            [Output::Bytes(b"r\0".to_vec()), Output::U32(2)],
        ),
    ];
    data_parameters_have_sizes_and_kinds = vec![
        add(DATA, 1),
        does(Command::SetDataParameters { breakpoint: 1, size: 1, access_type: EXECUTE }),
        fails(Command::SetDataParameters { breakpoint: 1, size: 4, access_type: EXECUTE }, INVALID),
        fails(Command::SetDataParameters { breakpoint: 1, size: 3, access_type: WRITE }, INVALID),
        fails(Command::SetDataParameters { breakpoint: 1, size: 8, access_type: IO }, INVALID),
        fails(Command::SetDataParameters { breakpoint: 1, size: 1, access_type: 0 }, INVALID),
        does(Command::SetDataParameters { breakpoint: 1, size: 4, access_type: READ | WRITE }),
        fails(Command::SetOffset { breakpoint: 1, offset: 0x1002 }, INVALID),
        does(Command::SetOffset { breakpoint: 1, offset: 0x1004 }),
        fails(Command::SetDataParameters { breakpoint: 1, size: 8, access_type: WRITE }, INVALID),
        step(Command::GetDataParameters { breakpoint: 1 }, OK, [Output::U32(4), Output::U32(3)]),
        add(CODE, 2),
        fails(Command::GetDataParameters { breakpoint: 2 }, NONE),
        fails(Command::SetDataParameters { breakpoint: 2, size: 1, access_type: WRITE }, NONE),
        fails(Command::SetPassCount { breakpoint: 2, count: 0 }, INVALID),
        fails(Command::SetMatchThreadId { breakpoint: 2, thread: 1 }, NONE),
        does(Command::SetMatchThreadId { breakpoint: 2, thread: 0 }),
        step(Command::GetMatchThreadId { breakpoint: 2 }, OK, n(0)),
    ];
    a_code_breakpoint_stops_before_its_instruction_and_lets_it_go_on = program([
        code(1, 5, 0),
        goes(GO, 5),
        vec![hit(0, "")],
        goes(GO, 5),
        goes(INTO, 9),
        vec![stepped(9)],
        // Disabled, it is still there.
        vec![does(Command::RemoveFlags { breakpoint: 1, flags: ENABLED })],
        code(2, 0x10, 0),
        goes(GO, 0x10),
        vec![hit(1, ""), flags(1, ENABLED)],
        goes(GO, 5),
    ]
    .concat_steps());
    a_breakpoint_for_one_time_vanishes = program([
        code(1, 5, ONE_SHOT),
        goes(GO, 5),
        vec![hit(0, ""), step(Command::GetNumberBreakpoints {}, OK, n(0))],
        code(2, 9, 0),
        goes(GO, 9),
        goes(GO, 9),
        vec![fails(Command::GetId { breakpoint: 1 }, NONE)],
    ]
    .concat_steps());
    a_pass_count_is_counted_down = program([
        code(1, 5, 0),
        code(2, 9, 0),
        vec![
            does(Command::SetPassCount { breakpoint: 1, count: 3 }),
            step(Command::GetCurrentPassCount { breakpoint: 1 }, OK, n(3)),
        ],
        goes(GO, 9),
        vec![step(Command::GetCurrentPassCount { breakpoint: 1 }, OK, n(2))],
        goes(GO, 9),
        goes(GO, 5),
        vec![step(Command::GetPassCount { breakpoint: 1 }, OK, n(3))],
        goes(GO, 9),
        goes(GO, 5),
    ]
    .concat_steps());
    data_is_watched_for_writes_and_reads_and_not_beside = program([
        data(1, place().data, 4, WRITE),
        goes(GO, 5),
        vec![hit(0, &format!(": 4 bytes at address {:#x} were written", place().data))],
        data(2, place().data + 4, 1, READ),
        goes(GO, 9),
        vec![hit(1, &format!(": 1 bytes at address {:#x} were read", place().data + 4))],
        // A write beside it, and reads where only writes count.
        vec![does(Command::RemoveBreakpoint { breakpoint: 2 })],
        data(3, place().data + 4, 4, WRITE),
        goes(GO, 5),
        vec![hit(0, &format!(": 4 bytes at address {:#x} were written", place().data))],
    ]
    .concat_steps());
    ports_and_execution_are_data = program([
        data(1, 0x80, 1, IO),
        goes(GO, 0xb),
        vec![hit(0, ": 1 bytes at port 0x80 were written")],
        data(2, place().code + 0x13, 1, EXECUTE),
        data(3, 0x84, 4, IO),
        goes(GO, 0x13),
        vec![hit(1, "")],
        goes(GO, 0xb),
    ]
    .concat_steps());
    a_step_over_a_call_ends_behind_it = program([
        code(1, 0xb, 0),
        goes(GO, 0xb),
        goes(OVER, 0x10),
        vec![stepped(0x10)],
        goes(GO, 0xb),
        goes(INTO, 0x13),
        vec![stepped(0x13)],
        goes(OVER, 0x10),
        goes(GO, 0xb),
        // What is hit within ends it.
        code(2, 0x13, 0),
        goes(OVER, 0x13),
        vec![hit(1, "")],
    ]
    .concat_steps());
}

/// The steps of several parts.
trait Parts {
    fn concat_steps(self) -> Vec<Step>;
}

impl<const N: usize> Parts for [Vec<Step>; N] {
    fn concat_steps(self) -> Vec<Step> {
        self.into_iter().flatten().collect()
    }
}
