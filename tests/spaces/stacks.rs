//! The rows of stacks and steps. In the fixture's memory lies a chain of frames, and pieces of code:
//!
//! | at | |
//! |---|---|
//! | 0x1200 | `push rbp; mov rbp, rsp` |
//! | 0x1300 | `ret` |
//! | 0x4010 | frame: RBP 0x4040, return to 0x1500 |
//! | 0x4040 | frame: RBP 0x4080, return to 0x1600 |
//! | 0x4080 | the chain's end |
//! | 0x4100 | a frame that leads to itself, return to 0x1700 |
//!
//! The steps are made in the program of the breakpoints' rows.

use ringhold::debugapi::HResult;
use ringhold::debugapi::command::{Command, Output, Room};

use crate::breakpoints::{code, does, goes, place, program};
use crate::layers::{C, Com, Rust};
use crate::table::{n, q};
use crate::wine::Wine;
use crate::{Step, fails, nulled, run, says, step};

const OK: HResult = HResult::OK;
const INVALID: HResult = HResult::INVALIDARG;
const GO: u32 = 1;
const ANY: u32 = u32::MAX;

fn write(offset: u64, bytes: &[u8]) -> Step {
    let command = Command::WriteVirtual { offset, buffer: bytes.into() };
    step(command, OK, n(bytes.len() as u32))
}

fn with_chain(more: Vec<Step>) -> Vec<Step> {
    let words = |offset, words: [u64; 2]| write(offset, &words.map(u64::to_le_bytes).concat());
    let mut steps = vec![
        write(0x1200, &[0x55, 0x48, 0x89, 0xe5]),
        write(0x1300, &[0xc3]),
        words(0x4010, [0x4040, 0x1500]),
        words(0x4040, [0x4080, 0x1600]),
        words(0x4080, [0, 0]),
        words(0x4100, [0x4100, 0x1700]),
    ];
    steps.extend(more);
    steps
}

fn trace(frame_offset: u64, stack_offset: u64, instruction_offset: u64, frames: Room) -> Command {
    Command::GetStackTrace { frame_offset, stack_offset, instruction_offset, frames }
}

/// Frames by instruction, return address, frame and stack pointer, and how many they are.
fn frames(frames: &[[u64; 4]]) -> Vec<Output> {
    let described = frames.iter().zip(0u32..).flat_map(|(offsets, number)| {
        let mut bytes = offsets.map(u64::to_le_bytes).concat();
        bytes.resize(124, 0);
        bytes.extend(number.to_le_bytes());
        bytes
    });
    vec![Output::Bytes(described.collect()), Output::U32(frames.len() as u32)]
}

const CALLER: [u64; 4] = [0x1500, 0x1600, 0x4040, 0x4020];
const LAST: [u64; 4] = [0x1600, 0, 0, 0x4050];

fn execute(command: &str) -> Step {
    does(Command::Execute { output_control: 1, command: command.into(), flags: 0 })
}

/// A command that lets the program go on, and where it comes to.
fn moves(command: &str, at: u64) -> Vec<Step> {
    vec![
        execute(command),
        does(Command::WaitForEvent { flags: 0, timeout: ANY }),
        step(Command::GetInstructionOffset {}, OK, q(place().code + at)),
    ]
}

rows! {
    frame_pointers_lead_to_the_callers = with_chain(vec![
        step(
            trace(0x4010, 0x4000, 0x1100, Room::of(8)), OK,
            frames(&[[0x1100, 0x1500, 0x4010, 0x4000], CALLER, LAST]),
        ),
        step(trace(0x4010, 0x4000, 0x1100, Room::of(2)), OK, frames(&[[0x1100, 0x1500, 0x4010, 0x4000], CALLER])),
        step(trace(0x4010, 0x4000, 0x1100, Room::of(0)), OK, frames(&[])),
        fails(trace(0x4010, 0x4000, 0x1100, Room::none(8)), INVALID),
        nulled(trace(0x4010, 0x4000, 0x1100, Room::of(8)), OK),
    ]);
    the_code_says_where_a_frame_is_not_yet_or_no_more = with_chain(vec![
        step(
            trace(0x4040, 0x4018, 0x1200, Room::of(8)), OK,
            frames(&[[0x1200, 0x1500, 0x4010, 0x4018], CALLER, LAST]),
        ),
        step(
            trace(0x4040, 0x4010, 0x1201, Room::of(8)), OK,
            frames(&[[0x1201, 0x1500, 0x4010, 0x4010], CALLER, LAST]),
        ),
        step(
            trace(0x4040, 0x4018, 0x1300, Room::of(8)), OK,
            frames(&[[0x1300, 0x1500, 0x4010, 0x4018], CALLER, LAST]),
        ),
    ]);
    a_chain_ends_where_it_does_not_lead_up = with_chain(vec![
        step(
            trace(0x4100, 0x40f0, 0x1100, Room::of(8)), OK,
            frames(&[[0x1100, 0x1700, 0x4100, 0x40f0], [0x1700, 0, 0, 0x4110]]),
        ),
        // Nothing can be read there.
        step(trace(0x2000, 0x40f0, 0x1100, Room::of(8)), OK, frames(&[[0x1100, 0, 0, 0x40f0]])),
        step(trace(0x4010, 0x4000, 0x2000, Room::of(1)), OK, frames(&[[0x2000, 0x1500, 0x4010, 0x4000]])),
    ]);
    a_function_runs_until_it_has_returned = {
        let mut steps = code(1, 0x13, 0);
        steps.extend(goes(GO, 0x13));
        steps.push(step(Command::GetReturnOffset {}, OK, q(place().code + 0x10)));
        steps.push(nulled(Command::GetReturnOffset {}, INVALID));
        steps.extend(moves("gu", 0x10));
        program(steps)
    };
    steps_go_to_the_next_call_return_or_branch = {
        let mut steps = moves("pc", 0x0b);
        // A call where it stands is executed first.
        steps.extend(moves("tt", 0x13));
        steps.extend(moves("th", 0x11));
        steps.extend(moves("tc", 0x0b));
        steps.extend(moves("ph", 0x11));
        steps.extend(moves("p 7", 0x11));
        steps.extend(moves("t 8", 0x11));
        program(steps)
    };
    a_breakpoint_ends_steps_to_somewhere = {
        let mut steps = code(1, 0x13, 0);
        steps.extend(moves("pt", 0x13));
        steps.extend(moves("p 2", 0x11));
        program(steps)
    };
    commands_show_the_stack = with_chain(vec![
        says(
            step(Command::Execute { output_control: 1, command: "r rip=1200; r rsp=4018; r rbp=4040; kn 2; ? @$ra".into(), flags: 0 }, OK, []),
            " # Child-SP          RetAddr           Call Site\n\
             00 00000000`00004018 00000000`00001500 0x00000000`00001200\n\
             01 00000000`00004020 00000000`00001600 0x00000000`00001500\n\
             Evaluate expression: 5376 = 00000000`00001500\n",
        ),
    ]);
}
