//! The rows of the symbols' rules. Beside the kernel there is a module `driver` at BASE that a client
//! has made up:
//!
//! | at | symbol |
//! |---|---|
//! | 0x100 | `start` |
//! | 0x200 | `middle` |
//! | 0x300 | `same` |
//! | 0x400 | `same` |

use ringhold::debugapi::HResult;
use ringhold::debugapi::command::{Command, Input, Output, Room, Text};

use crate::layers::{C, Com, Rust};
use crate::table::{n, q};
use crate::wine::Wine;
use crate::{Step, fails, nulled, run, says, step};

const OK: HResult = HResult::OK;
const FALSE: HResult = HResult::FALSE;
const FAIL: HResult = HResult::FAIL;
const INVALID: HResult = HResult::INVALIDARG;
const NONE: HResult = HResult::NOINTERFACE;

const BASE: u64 = 0x7000_0000_0000;
const SIZE: u32 = 0x1000;
const ANY: u32 = u32::MAX;

fn text(text: &str) -> Text {
    text.into()
}

fn add_module(base: u64, size: u32, name: &str, flags: u32) -> Command {
    Command::AddSyntheticModule { base, size, image_path: text("driver.sys"), module_name: text(name), flags }
}

fn add_symbol(offset: u64, name: &str) -> Command {
    Command::AddSyntheticSymbol { offset, size: 0, name: text(name), flags: 0 }
}

/// A symbol, and the DEBUG_MODULE_AND_ID that it gets.
fn added(offset: u64, name: &str) -> Step {
    let id = [BASE, BASE + offset].into_iter().flat_map(u64::to_le_bytes).collect();
    step(add_symbol(BASE + offset, name), OK, [Output::Bytes(id)])
}

fn driver() -> Vec<Step> {
    vec![
        step(add_module(BASE, SIZE, "driver", 0), OK, []),
        added(0x100, "start"),
        added(0x200, "middle"),
        added(0x300, "same"),
        added(0x400, "same"),
    ]
}

fn with_driver(more: Vec<Step>) -> Vec<Step> {
    driver().into_iter().chain(more).collect()
}

fn name_of(offset: u64, buffer: Room) -> Command {
    Command::GetNameByOffset { offset, buffer }
}

fn near(offset: u64, delta: i32) -> Command {
    Command::GetNearNameByOffset { offset, delta: delta as u32, buffer: Room::of(32) }
}

fn offset_of(symbol: &str) -> Command {
    Command::GetOffsetByName { symbol: text(symbol) }
}

/// A text with its zero as far as it came, its size, and an address or a distance.
fn name(part: &str, whole: u32, value: u64) -> Vec<Output> {
    vec![string(part), Output::U32(whole), Output::U64(value)]
}

fn string(text: &str) -> Output {
    Output::Bytes([text.as_bytes(), &[0]].concat())
}

fn module(index: u32, base: u64) -> Vec<Output> {
    vec![Output::U32(index), Output::U64(base)]
}

fn by_name(name: &str, start_index: u32) -> Command {
    Command::GetModuleByModuleName { name: text(name), start_index }
}

fn by_offset(offset: u64, start_index: u32) -> Command {
    Command::GetModuleByOffset { offset, start_index }
}

fn names(index: u32, base: u64, room: Room) -> Command {
    Command::GetModuleNames { index, base, image: room, module: room, loaded_image: room }
}

fn name_string(which: u32, index: u32, base: u64, buffer: Room) -> Command {
    Command::GetModuleNameString { which, index, base, buffer }
}

/// DEBUG_MODULE_PARAMETERS of `driver`: a synthetic module with symbols of a file without a name.
fn parameters() -> Vec<u8> {
    let words = [SIZE, 0, 0, 0x20, 6, 11, 7, 1, 1, 1];
    let mut bytes = BASE.to_le_bytes().to_vec();
    words.iter().for_each(|word: &u32| bytes.extend(word.to_le_bytes()));
    bytes.resize(64, 0);
    bytes
}

/// That of a base that no module has.
fn absent() -> Vec<u8> {
    let mut bytes = u64::MAX.to_le_bytes().to_vec();
    bytes.resize(64, 0);
    bytes
}

fn of_bases(bases: &[u64]) -> Command {
    Command::GetModuleParameters { count: bases.len() as u32, bases: Input::Given(bases.to_vec()), start: 9 }
}

fn of_indexes(count: u32, start: u32) -> Command {
    Command::GetModuleParameters { count, bases: Input::Null(count.into()), start }
}

fn next(handle: u64, buffer: Room) -> Command {
    Command::GetNextSymbolMatch { handle, buffer }
}

fn execute(command: &str) -> Command {
    Command::Execute { output_control: 1, command: text(command), flags: 0 }
}

rows! {
    an_address_has_the_name_of_the_symbol_before_it = with_driver(vec![
        step(name_of(BASE + 0x105, Room::of(32)), OK, name("driver!start", 13, 5)),
        step(name_of(BASE + 0x200, Room::of(14)), OK, name("driver!middle", 14, 0)),
        step(name_of(BASE + 0xfff, Room::of(32)), OK, name("driver!same", 12, 0xbff)),
    ]);
    a_name_is_cut_to_the_room_and_counted_whole = with_driver(vec![
        step(name_of(BASE + 0x105, Room::of(7)), FALSE, name("driver", 13, 5)),
        step(
            name_of(BASE + 0x105, Room::none(0)), OK,
            [Output::Bytes(vec![]), Output::U32(13), Output::U64(5)],
        ),
        nulled(name_of(BASE + 0x105, Room::of(32)), OK),
    ]);
    what_no_symbol_is_near_has_no_name = with_driver(vec![
        fails(name_of(BASE + 0xff, Room::of(32)), FAIL),
        fails(name_of(BASE + 0x1000, Room::of(32)), FAIL),
        fails(name_of(BASE - 1, Room::of(32)), FAIL),
        fails(name_of(0, Room::of(32)), FAIL),
    ]);
    a_name_has_an_address = with_driver(vec![
        step(offset_of("driver!middle"), OK, q(BASE + 0x200)),
        step(offset_of("DRIVER!middle"), OK, q(BASE + 0x200)),
        step(offset_of("middle"), OK, q(BASE + 0x200)),
        step(offset_of("driver"), OK, q(BASE)),
        // Either of two is taken.
        step(offset_of("driver!same"), FALSE, q(BASE + 0x300)),
        fails(offset_of("driver!nobody"), FAIL),
        fails(offset_of("nobody!middle"), FAIL),
        fails(offset_of(""), FAIL),
        nulled(offset_of("middle"), INVALID),
    ]);
    letters_are_told_apart_unless_the_options_say_otherwise = with_driver(vec![
        fails(offset_of("MIDDLE"), FAIL),
        step(Command::SetSymbolOptions { options: 1 }, OK, []),
        step(offset_of("MIDDLE"), OK, q(BASE + 0x200)),
        step(Command::RemoveSymbolOptions { options: 1 }, OK, []),
        fails(offset_of("MIDDLE"), FAIL),
        step(Command::AddSymbolOptions { options: 3 }, OK, []),
        step(Command::GetSymbolOptions {}, OK, n(3)),
    ]);
    a_near_symbol_is_so_many_before_or_behind = with_driver(vec![
        step(near(BASE + 0x205, 0), OK, name("driver!middle", 14, 5)),
        step(near(BASE + 0x205, 1), OK, name("driver!same", 12, 5u64.wrapping_sub(0x100))),
        step(near(BASE + 0x205, -1), OK, name("driver!start", 13, 0x105)),
        fails(near(BASE + 0x205, -2), NONE),
        fails(near(BASE + 0x205, 3), NONE),
        fails(near(BASE, 1), NONE),
    ]);
    modules_are_listed_by_base = with_driver(vec![
        step(Command::GetNumberModules {}, OK, [Output::U32(2), Output::U32(0)]),
        step(Command::GetModuleByIndex { index: 0 }, OK, q(BASE)),
        fails(Command::GetModuleByIndex { index: 2 }, INVALID),
        nulled(Command::GetModuleByIndex { index: 0 }, INVALID),
        step(by_name("Driver", 0), OK, module(0, BASE)),
        nulled(by_name("Driver", 0), OK),
        fails(by_name("driver", 1), NONE),
        fails(by_name("driver!", 0), NONE),
        step(by_offset(BASE + 0xfff, 0), OK, module(0, BASE)),
        fails(by_offset(BASE + 0x1000, 0), NONE),
        fails(by_offset(BASE, 1), NONE),
    ]);
    a_module_has_names = with_driver(vec![
        step(
            names(0, 0, Room::of(16)), OK,
            [string("driver.sys"), Output::U32(11), string("driver"), Output::U32(7), string(""), Output::U32(1)],
        ),
        step(
            names(ANY, BASE, Room::of(8)), FALSE,
            [string("driver."), Output::U32(11), string("driver"), Output::U32(7), string(""), Output::U32(1)],
        ),
        fails(names(ANY, BASE + 1, Room::of(16)), INVALID),
        fails(names(2, BASE, Room::of(16)), INVALID),
        step(name_string(0, ANY, BASE, Room::of(16)), OK, [string("driver.sys"), Output::U32(11)]),
        step(name_string(1, 0, 0, Room::of(16)), OK, [string("driver"), Output::U32(7)]),
        step(name_string(1, 0, 0, Room::of(3)), FALSE, [string("dr"), Output::U32(7)]),
        step(name_string(3, 0, 0, Room::of(16)), OK, [string(""), Output::U32(1)]),
        fails(name_string(5, 0, 0, Room::of(16)), INVALID),
    ]);
    a_module_has_parameters = with_driver(vec![
        step(of_bases(&[BASE]), OK, [Output::Bytes(parameters())]),
        step(of_bases(&[BASE + 1, BASE]), OK, [Output::Bytes([absent(), parameters()].concat())]),
        step(of_indexes(1, 0), OK, [Output::Bytes(parameters())]),
        fails(of_indexes(1, 2), INVALID),
        fails(of_indexes(3, 0), INVALID),
        nulled(of_indexes(1, 0), INVALID),
    ]);
    a_search_gives_one_symbol_after_the_other = with_driver(vec![
        step(Command::StartSymbolMatch { pattern: text("dr*!s[a-t]*") }, OK, q(1)),
        step(Command::StartSymbolMatch { pattern: text("driver!nobody") }, OK, q(2)),
        // Without a buffer it stays where it is.
        step(
            next(1, Room::none(0)), OK,
            [Output::Bytes(vec![]), Output::U32(13), Output::U64(BASE + 0x100)],
        ),
        step(next(1, Room::of(32)), OK, name("driver!start", 13, BASE + 0x100)),
        step(next(1, Room::of(8)), FALSE, name("driver!", 12, BASE + 0x300)),
        step(next(1, Room::of(32)), OK, name("driver!same", 12, BASE + 0x400)),
        fails(next(1, Room::of(32)), NONE),
        fails(next(2, Room::of(32)), NONE),
        step(Command::EndSymbolMatch { handle: 1 }, OK, []),
        fails(Command::EndSymbolMatch { handle: 1 }, INVALID),
        fails(next(1, Room::of(32)), INVALID),
        fails(Command::StartSymbolMatch { pattern: text("[a") }, INVALID),
    ]);
    a_module_is_made_up_where_there_is_none = with_driver(vec![
        fails(add_module(BASE + 0xfff, 1, "other", 0), INVALID),
        fails(add_module(BASE + 0x1000, 0, "other", 0), INVALID),
        fails(add_module(BASE + 0x1000, 1, "DRIVER", 0), INVALID),
        fails(add_module(u64::MAX, 2, "other", 0), INVALID),
        fails(add_module(BASE + 0x1000, 1, "other", 1), INVALID),
        fails(add_symbol(BASE + 0x1000, "outside"), INVALID),
        fails(add_symbol(BASE, ""), INVALID),
        fails(Command::RemoveSyntheticModule { base: BASE + 1 }, INVALID),
        step(Command::RemoveSyntheticModule { base: BASE }, OK, []),
        fails(Command::RemoveSyntheticModule { base: BASE }, INVALID),
        fails(offset_of("middle"), FAIL),
        step(Command::GetNumberModules {}, OK, [Output::U32(1), Output::U32(0)]),
    ]);
    the_kernel_is_a_module_that_no_client_removes = vec![
        step(Command::GetNumberModules {}, OK, [Output::U32(1), Output::U32(0)]),
        says(step(execute("? teaching = 0; ? kernel_main = teaching!kernel_main"), OK, []),
            "Evaluate expression: 0 = 00000000`00000000\nEvaluate expression: 1 = 00000000`00000001\n"),
        step(name_string(1, 0, 0, Room::of(16)), OK, [string("teaching"), Output::U32(9)]),
        fails(Command::RemoveSyntheticModule { base: 0xffff_ffff_8010_0000 }, INVALID),
    ];
    names_stand_in_commands = with_driver(vec![
        says(
            step(execute("? driver!middle + 1; ln driver!middle+1; x driver!m*"), OK, []),
            "Evaluate expression: 123145302311425 = 00007000`00000201\n\
             (00007000`00000200)   driver!middle+0x1   |  (00007000`00000300)   driver!same\n\
             00007000`00000200 driver!middle\n",
        ),
        says(step(execute("bp driver!start; bl; bc *"), OK, []), " 0 e 00007000`00000100     0001 (0001) driver!start\n"),
    ]);
    a_breakpoint_waits_for_its_symbol = with_driver(vec![
        step(Command::AddBreakpoint { kind: 0, desired_id: 0 }, OK, q(1)),
        step(Command::SetOffsetExpression { breakpoint: 1, expression: text("driver!late+4") }, OK, []),
        fails(Command::GetOffset { breakpoint: 1 }, NONE),
        step(Command::GetFlags { breakpoint: 1 }, OK, n(2)),
        added(0x800, "late"),
        step(Command::GetOffset { breakpoint: 1 }, OK, q(BASE + 0x804)),
        step(Command::GetFlags { breakpoint: 1 }, OK, n(0)),
    ]);
}
