//! The rows: a rule's name, and the calls that show it.
//!
//! The machine is the teaching one, stopped while its kernel boots. Its virtual memory is that of
//! the fixture's page tables, selected as the implicit process:
//!
//! | virtual | physical | |
//! |---|---|---|
//! | 0x1000 | 0x210_0000 | a page, writable |
//! | 0x2000 | | absent |
//! | 0x3000 | 0x210_1000 | a page that only the supervisor may read |
//! | 0x4000 | 0x210_2000 | a page, writable |
//! | 0x5000 | 0x210_4000 | a page, writable |
//! | 0x6000 | 2^36 | a page that leads nowhere |
//! | 0x7000 | 0xfdf0_0000 | the window of the edu device |
//! | 0x20_0000 | 0x240_0000 | 2 MiB |
//! | 0x4000_0000 | 0 | 1 GiB |

use ringhold::debugapi::HResult;
use ringhold::debugapi::Location;
use ringhold::debugapi::command::{Command, Input, Output, Room};
use ringhold::debugapi::spaces::{Guid, MACHINE_DESCRIPTION};

use crate::layers::{C, Com, Rust};
use crate::wine::Wine;
use crate::{Step, device, fails, nulled, run, says, step};

const OK: HResult = HResult::OK;
const FALSE: HResult = HResult::FALSE;
const INVALID: HResult = HResult::INVALIDARG;

const ROOT: u64 = 0x200_0000;
const TABLE: u64 = ROOT + 0x3000;
const PAGE: u64 = 0x210_0000;
const RAM_END: u64 = 64 << 20;
const ROM: u64 = 0xf_0000;

/// The steps before every row: page tables, and the selection of their root.
pub fn fixture() -> Vec<Step> {
    let entries = [
        (ROOT, (ROOT + 0x1000) | 7),
        (ROOT + 0x1000, (ROOT + 0x2000) | 7),
        (ROOT + 0x1008, 0x87),
        (ROOT + 0x2000, TABLE | 7),
        (ROOT + 0x2008, 0x240_0000 | 0x87),
        (TABLE + 8, PAGE | 7),
        (TABLE + 8 * 3, (PAGE + 0x1000) | 1),
        (TABLE + 8 * 4, (PAGE + 0x2000) | 7),
        (TABLE + 8 * 5, (PAGE + 0x4000) | 7),
        (TABLE + 8 * 6, 1 << 36 | 7),
        (TABLE + 8 * 7, 0xfdf0_0000 | 7),
    ];
    let mut steps: Vec<Step> =
        entries.iter().map(|(at, entry)| step(wp(*at, &entry.to_le_bytes()), OK, n(8))).collect();
    steps.push(step(Command::SetImplicitProcessDataOffset { offset: ROOT }, OK, []));
    steps
}

/// A count as the only output.
pub fn n(count: u32) -> Vec<Output> {
    vec![Output::U32(count)]
}

/// A ULONG64 as the only output.
pub fn q(value: u64) -> Vec<Output> {
    vec![Output::U64(value)]
}

/// Bytes and their count.
fn bytes(bytes: &[u8]) -> Vec<Output> {
    vec![Output::Bytes(bytes.to_vec()), Output::U32(bytes.len() as u32)]
}

/// Bytes, and the size of the whole.
fn of(part: &[u8], whole: u32) -> Vec<Output> {
    vec![Output::Bytes(part.to_vec()), Output::U32(whole)]
}

fn rv(offset: u64, count: u64) -> Command {
    Command::ReadVirtual { offset, buffer: Room::of(count) }
}

fn wv(offset: u64, data: &[u8]) -> Command {
    Command::WriteVirtual { offset, buffer: data.into() }
}

fn rp(offset: u64, count: u64) -> Command {
    Command::ReadPhysical { offset, buffer: Room::of(count) }
}

fn wp(offset: u64, data: &[u8]) -> Command {
    Command::WritePhysical { offset, buffer: data.into() }
}

fn ri(interface_type: u32, bus_number: u32, address_space: u32, offset: u64, count: u64) -> Command {
    Command::ReadIo { interface_type, bus_number, address_space, offset, buffer: Room::of(count) }
}

fn wi(interface_type: u32, bus_number: u32, address_space: u32, offset: u64, data: &[u8]) -> Command {
    Command::WriteIo { interface_type, bus_number, address_space, offset, buffer: data.into() }
}

fn rb(bus_data_type: u32, bus_number: u32, slot_number: u32, offset: u32, count: u64) -> Command {
    Command::ReadBusData { bus_data_type, bus_number, slot_number, offset, buffer: Room::of(count) }
}

fn wb(bus_data_type: u32, bus_number: u32, slot_number: u32, offset: u32, data: &[u8]) -> Command {
    Command::WriteBusData { bus_data_type, bus_number, slot_number, offset, buffer: data.into() }
}

fn find(offset: u64, length: u64, pattern: &[u8], granularity: u32) -> Command {
    Command::SearchVirtual { offset, length, pattern: pattern.into(), granularity }
}

fn levels(virtual_address: u64, offsets: Room) -> Command {
    Command::GetVirtualTranslationPhysicalOffsets { virtual_address, offsets }
}

fn host_write(location: Location, data: &[u8]) -> Command {
    Command::WriteBytes { context: None, location, buffer: data.into() }
}

fn host_read(location: Location, count: u64) -> Command {
    Command::ReadBytes { context: None, location, buffer: Room::of(count) }
}

fn execute(text: &str, flags: u32) -> Command {
    Command::Execute { output_control: 1, command: text.into(), flags }
}

fn evaluate(text: &str, desired_type: u32, remainder: bool) -> Command {
    Command::Evaluate { expression: text.into(), desired_type, remainder }
}

/// A DEBUG_VALUE, and the index behind the expression.
fn value(bytes: &[u8], kind: u8, remainder: u32) -> Vec<Output> {
    let mut value = [0; 32];
    value[..bytes.len()].copy_from_slice(bytes);
    value[28] = kind;
    vec![Output::Bytes(value.to_vec()), Output::U32(remainder)]
}

fn disassemble(offset: u64, room: u64) -> Command {
    Command::Disassemble { offset, flags: 0, buffer: Room::of(room) }
}

fn in_words(location: Location, verbose: bool) -> Command {
    Command::GetDisplayStringForLocation { context: None, location, verbose }
}

/// A string's bytes.
fn utf16(text: &str) -> Vec<Output> {
    vec![Output::Bytes(text.encode_utf16().flat_map(u16::to_le_bytes).collect())]
}

rows! {
    a_command_does_and_says_what_the_console_has = vec![
        says(
            step(execute("eb 1000 52 69 'n' 67; db 1000 L4", 0), OK, []),
            "00000000`00001000  52 69 6e 67                                      Ring\n",
        ),
        step(rv(0x1000, 4), OK, bytes(b"Ring")),
        says(step(execute("dw 1ffe L2", 0), OK, []), "00000000`00001ffe  0000 ????\n"),
        says(step(execute("? poi(1000) & ffff", 1), OK, []),
            "kd> ? poi(1000) & ffff\nEvaluate expression: 26962 = 00000000`00006952\n"),
        says(step(execute("!dd 2100000 L1", 0), OK, []), "#  2100000 676e6952\n"),
    ];
    a_command_that_fails_says_where_and_has_the_code_of_the_call = vec![
        says(fails(execute("bogus", 0), HResult::FAIL), "    ^ Syntax error in 'bogus'\n"),
        says(fails(execute("? 1 +", 0), HResult::FAIL), "         ^ Numeric expression missing in '? 1 +'\n"),
        says(fails(execute("lmf", 0), HResult::NOTIMPL), "    ^ options of lm but v, m and a are not implemented in 'lmf'\n"),
        says(fails(execute("eb 2000 1", 0), HResult::WRITE_FAULT), "            ^ Memory write error in 'eb 2000 1'\n"),
        fails(execute("u 2000", 0), HResult::READ_FAULT),
        fails(execute("!ecb 0.1f.0 3c 1", 0), HResult::UNSUCCESSFUL),
        fails(execute("rdmsr 12345", 0), HResult::NO_SUCH_DEVICE),
        fails(execute("r", 8), INVALID),
    ];
    a_command_that_lets_the_target_go_on_returns_before = vec![
        step(Command::GetExecutionStatus {}, OK, n(6)),
        step(execute("t", 0), OK, []),
        step(Command::GetExecutionStatus {}, OK, n(5)),
        step(Command::WaitForEvent { flags: 0, timeout: u32::MAX }, OK, []),
        step(Command::GetExecutionStatus {}, OK, n(6)),
        fails(execute("g; r", 0), HResult::NOTIMPL),
        step(Command::GetExecutionStatus {}, OK, n(6)),
    ];
    an_expression_has_a_value_of_the_type_asked_for = vec![
        step(evaluate("1+2*3", 0, true), OK, value(&[7], 4, 5)),
        step(evaluate("-1", 2, true), OK, value(&[0xff, 0xff], 2, 2)),
        step(evaluate("0n3", 6, true), OK, value(&3f64.to_le_bytes(), 6, 3)),
        step(evaluate("10 rest", 4, true), OK, value(&[0x10], 4, 3)),
        fails(evaluate("10 rest", 4, false), HResult::FAIL),
        fails(evaluate("1 / 0", 4, true), HResult::FAIL),
        fails(evaluate("zz", 4, true), HResult::FAIL),
        fails(evaluate("poi(2000)", 4, true), HResult::READ_FAULT),
        fails(evaluate("1", 11, true), HResult::NOTIMPL),
        fails(evaluate("1", 12, true), INVALID),
        nulled(evaluate("1", 4, true), INVALID),
    ];
    an_instruction_is_told_in_words = vec![
        step(wv(0x1000, &[0x48, 0x89, 0xc8, 0xe8, 0xf8, 0x0f, 0, 0, 0xc3]), OK, n(9)),
        step(disassemble(0x1000, 64), OK, vec![
            Output::Bytes(b"00000000`00001000 4889c8          mov     rax,rcx\n\0".to_vec()),
            Output::U32(51),
            Output::U64(0x1003),
        ]),
        step(disassemble(0x1003, 64), OK, vec![
            Output::Bytes(b"00000000`00001003 e8f80f0000      call    00000000`00002000\n\0".to_vec()),
            Output::U32(61),
            Output::U64(0x1008),
        ]),
        step(disassemble(0x1008, 9), FALSE, vec![
            Output::Bytes(b"00000000\0".to_vec()), Output::U32(39), Output::U64(0x1009),
        ]),
        fails(disassemble(0x2000, 64), HResult::READ_FAULT),
        fails(Command::Disassemble { offset: 0x1000, flags: 4, buffer: Room::of(64) }, INVALID),
        nulled(disassemble(0x1000, 64), INVALID),
    ];
    the_prompt_is_that_of_a_kernel = vec![
        step(Command::GetPromptText { buffer: Room::of(16) }, OK, of(b"kd> \0", 5)),
        step(Command::GetPromptText { buffer: Room::of(3) }, FALSE, of(b"kd\0", 5)),
        step(Command::GetPromptText { buffer: Room::none(0) }, OK, of(b"", 5)),
        nulled(Command::GetPromptText { buffer: Room::of(16) }, OK),
    ];
    a_location_is_told_in_words = vec![
        step(in_words(Location::virtual_address(0x1234), false), OK, utf16("0x1234")),
        step(in_words(Location::physical(0x5678), false), OK, utf16("physical 0x5678")),
        step(in_words(Location::port(0x21), false), OK, utf16("port 0x21")),
        step(in_words(Location::config(0, 4, 0x3c), false), OK, utf16("00:04.0 + 0x3c")),
        step(in_words(Location::msr(0, 0x10), true), OK, utf16("msr 0x10 of processor 0, byte 0")),
        fails(in_words(Location { host_defined: 99 << 56, offset: 0 }, false), INVALID),
        nulled(in_words(Location::physical(0), false), INVALID),
    ];
    a_partial_write_virtual_is_success_with_a_short_count = vec![
        step(wv(0x1ff0, &[7; 32]), OK, n(16)),
        step(rp(PAGE + 0xff0, 16), OK, bytes(&[7; 16])),
    ];
    a_partial_read_virtual_is_success_and_leaves_the_rest_of_the_buffer = vec![
        step(wp(PAGE + 0xffe, b"ab"), OK, n(2)),
        step(rv(0x1ffe, 8), OK, bytes(b"ab")),
    ];
    a_write_virtual_that_moves_nothing_is_a_write_fault_with_count_zero = vec![
        fails(wv(0x2000, b"x"), HResult::WRITE_FAULT),
        fails(wv(0x6000, b"x"), HResult::WRITE_FAULT),
    ];
    a_read_virtual_that_moves_nothing_is_a_read_fault_with_count_zero = vec![
        fails(rv(0x2000, 8), HResult::READ_FAULT),
        fails(rv(0x6000, 8), HResult::READ_FAULT),
    ];
    a_write_ignores_the_protection_of_the_page = vec![
        step(wv(0x3000, b"text"), OK, n(4)),
        step(rv(0x3000, 4), OK, bytes(b"text")),
        // Neither accessed nor dirty.
        step(rp(TABLE + 24, 8), OK, bytes(&((PAGE + 0x1000) | 1).to_le_bytes())),
    ];
    pages_that_follow_each_other_are_one_transfer = vec![
        step(wv(0x4ffe, b"abcd"), OK, n(4)),
        step(rp(PAGE + 0x2ffe, 2), OK, bytes(b"ab")),
        step(rp(PAGE + 0x4000, 2), OK, bytes(b"cd")),
    ];
    uncached_forms_reach_the_target_just_the_same = vec![
        step(Command::WriteVirtualUncached { offset: 0x1ffe, buffer: b"abcd".into() }, OK, n(2)),
        step(Command::ReadVirtualUncached { offset: 0x1ffe, buffer: Room::of(4) }, OK, bytes(b"ab")),
        step(rp(PAGE + 0xffe, 2), OK, bytes(b"ab")),
        fails(Command::WriteVirtualUncached { offset: 0x2000, buffer: b"x".into() }, HResult::WRITE_FAULT),
    ];
    an_address_that_is_not_canonical_is_inaccessible = vec![
        fails(rv(0x8000_0000_0000, 4), HResult::READ_FAULT),
        fails(wv(0x8000_0000_0000, b"x"), HResult::WRITE_FAULT),
        fails(wv(0xffff_7fff_ffff_ffff, b"x"), HResult::WRITE_FAULT),
    ];
    a_transfer_never_wraps = vec![
        fails(rv(u64::MAX, 4), HResult::READ_FAULT),
        fails(wv(u64::MAX - 1, b"abcd"), HResult::WRITE_FAULT),
        fails(rp(u64::MAX, 4), HResult::READ_FAULT),
        fails(wp(u64::MAX, b"abcd"), HResult::WRITE_FAULT),
    ];
    no_byte_asked_for_is_success_whatever_the_address = vec![
        step(rv(0x2000, 0), OK, bytes(b"")),
        step(wv(0x2000, b""), OK, n(0)),
        step(rp(1 << 50, 0), OK, bytes(b"")),
        step(wp(1 << 50, b""), OK, n(0)),
        step(ri(99, 9, 9, 1 << 40, 0), OK, bytes(b"")),
        step(wb(99, 9, 9, 9, b""), OK, n(0)),
        step(Command::ReadVirtual { offset: 0x1000, buffer: Room::none(0) }, OK, bytes(b"")),
        step(Command::WriteVirtual { offset: 0x1000, buffer: Input::Null(0) }, OK, n(0)),
    ];
    a_null_buffer_for_bytes_is_invalid = vec![
        fails(Command::ReadVirtual { offset: 0x1000, buffer: Room::none(4) }, INVALID),
        fails(Command::WriteVirtual { offset: 0x1000, buffer: Input::Null(4) }, INVALID),
        fails(Command::ReadPhysical { offset: 0, buffer: Room::none(4) }, INVALID),
        fails(Command::WritePhysical { offset: 0, buffer: Input::Null(4) }, INVALID),
        fails(Command::ReadPointersVirtual { offset: 0x1000, pointers: Room::none(1) }, INVALID),
        fails(Command::WritePointersVirtual { offset: 0x1000, pointers: Input::Null(1) }, INVALID),
        fails(
            Command::FillVirtual { start: 0x1000, size: 4, pattern: Input::Null(2) }, INVALID,
        ),
        fails(
            Command::SearchVirtual { offset: 0, length: 9, pattern: Input::Null(2), granularity: 1 }, INVALID,
        ),
        fails(
            Command::WriteBytes { context: None, location: Location::physical(0), buffer: Input::Null(1) },
            INVALID,
        ),
    ];
    a_null_count_suppresses_the_count_and_nothing_else = vec![
        step(wv(0x1000, b"full"), OK, n(4)),
        nulled(wv(0x1000, b"full"), OK),
        step(rv(0x1000, 4), OK, bytes(b"full")),
        nulled(rv(0x1000, 4), OK),
        nulled(rv(0x2000, 4), HResult::READ_FAULT),
        nulled(wp(PAGE, b"x"), OK),
        nulled(Command::FillPhysical { start: PAGE, size: 2, pattern: b"y".into() }, OK),
        nulled(host_write(Location::physical(PAGE), b"z"), OK),
    ];
    a_null_pointer_for_the_only_result_is_invalid = vec![
        nulled(Command::VirtualToPhysical { virtual_address: 0x1000 }, INVALID),
        nulled(Command::ReadMsr { msr: 0xc000_0080 }, INVALID),
        nulled(find(0x1000, 16, b"\0", 1), INVALID),
        nulled(Command::QueryVirtual { offset: 0x1000 }, INVALID),
        nulled(Command::StartEnumTagged {}, INVALID),
        nulled(Command::GetValidRegionVirtual { base: 0, size: 1 }, INVALID),
        nulled(Command::GetNextDifferentlyValidOffsetVirtual { offset: 0 }, INVALID),
    ];
    a_huge_size_moves_what_there_is = vec![
        step(wp(RAM_END - 2, b"zz"), OK, n(2)),
        step(rp(RAM_END - 2, 0xffff_ffff), OK, bytes(b"zz")),
        step(rv(0x5ffe, 0xffff_ffff), OK, bytes(&[0, 0])),
        step(wv(0x5fff, &[1; 1 << 20]), OK, n(1)),
    ];
    a_physical_write_stops_at_the_end_of_ram = vec![
        step(wp(RAM_END - 3, b"abcdef"), OK, n(3)),
        fails(wp(RAM_END, b"x"), HResult::WRITE_FAULT),
        fails(rp(RAM_END, 1), HResult::READ_FAULT),
        step(rp(RAM_END - 3, 6), OK, bytes(b"abc")),
    ];
    rom_is_read_and_takes_no_write = vec![
        step(rp(ROM + 0x8000, 4), OK, bytes(&[0; 4])),
        fails(wp(ROM + 0x8000, b"x"), HResult::WRITE_FAULT),
        fails(Command::WritePhysical2 { offset: ROM, flags: 2, buffer: b"x".into() }, HResult::WRITE_FAULT),
        fails(Command::FillPhysical { start: ROM, size: 9, pattern: b"x".into() }, HResult::WRITE_FAULT),
        fails(host_write(Location::physical(ROM), b"x"), HResult::WRITE_FAULT),
        // Through the page of 1 GiB.
        fails(wv(0x4000_0000 + ROM, b"x"), HResult::WRITE_FAULT),
        // What lies before it is written.
        step(wp(ROM - 2, b"abcd"), OK, n(2)),
        step(wv(0x4000_0000 + ROM - 1, b"cd"), OK, n(1)),
        step(host_write(Location::physical(ROM - 3), b"efgh"), FALSE, q(3)),
        step(rp(ROM - 3, 3), OK, bytes(b"efg")),
        step(rp(ROM + 0x8000, 4), OK, bytes(&[0; 4])),
    ];
    what_is_written_physically_is_read_virtually = vec![
        step(wp(PAGE + 5, b"seen"), OK, n(4)),
        step(rv(0x1005, 4), OK, bytes(b"seen")),
    ];
    cache_flags_0_to_3_are_alike_and_others_invalid = vec![
        step(Command::WritePhysical2 { offset: PAGE, flags: 0, buffer: b"a".into() }, OK, n(1)),
        step(Command::WritePhysical2 { offset: PAGE, flags: 1, buffer: b"b".into() }, OK, n(1)),
        step(Command::WritePhysical2 { offset: PAGE, flags: 2, buffer: b"c".into() }, OK, n(1)),
        step(Command::WritePhysical2 { offset: PAGE, flags: 3, buffer: b"d".into() }, OK, n(1)),
        fails(Command::WritePhysical2 { offset: PAGE, flags: 4, buffer: b"e".into() }, INVALID),
        step(Command::ReadPhysical2 { offset: PAGE, flags: 3, buffer: Room::of(1) }, OK, bytes(b"d")),
        fails(Command::ReadPhysical2 { offset: PAGE, flags: u32::MAX, buffer: Room::of(1) }, INVALID),
    ];
    a_device_window_answers_physically_and_behind_a_page = vec![
        // The identification register, and its inverter.
        device(step(rp(0xfdf0_0000, 4), OK, bytes(&[0xed, 0x00, 0x00, 0x01]))),
        device(step(wp(0xfdf0_0004, &[1, 2, 3, 4]), OK, n(4))),
        device(step(rv(0x7004, 4), OK, bytes(&[0xfe, 0xfd, 0xfc, 0xfb]))),
    ];
    a_search_finds_a_pattern_across_a_page_boundary = vec![
        step(wv(0x4ffe, b"abcd"), OK, n(4)),
        step(find(0x4000, 0x2000, b"abcd", 1), OK, q(0x4ffe)),
        step(find(0x4000, 0x2000, b"abcd", 2), OK, q(0x4ffe)),
        fails(find(0x4000, 0x2000, b"abcd", 4), HResult::NO_MORE_ENTRIES),
        step(find(0x1000, 0x5000, b"abcd", 1), OK, q(0x4ffe)),
    ];
    the_whole_pattern_must_lie_inside_the_range = vec![
        step(wv(0x4010, b"abcd"), OK, n(4)),
        fails(find(0x4000, 0x13, b"abcd", 1), HResult::NO_MORE_ENTRIES),
        step(find(0x4000, 0x14, b"abcd", 1), OK, q(0x4010)),
    ];
    a_search_wants_a_pattern_that_is_a_multiple_of_the_granularity = vec![
        fails(find(0x4000, 16, b"", 1), INVALID),
        fails(find(0x4000, 16, b"abc", 0), INVALID),
        fails(find(0x4000, 16, b"abc", 2), INVALID),
    ];
    a_search_of_writable_memory_leaves_the_rest_out = vec![
        step(wv(0x3000, b"needle"), OK, n(6)),
        step(search2(0, b"needle"), OK, q(0x3000)),
        fails(search2(1, b"needle"), HResult::NO_MORE_ENTRIES),
        step(wv(0x4000, b"needle"), OK, n(6)),
        step(search2(1, b"needle"), OK, q(0x4000)),
        fails(search2(2, b"needle"), INVALID),
    ];
    pointers_move_all_or_fail = vec![
        step(
            Command::WritePointersVirtual { offset: 0x1000, pointers: Input::Given(vec![1, u64::MAX]) },
            OK, [],
        ),
        step(
            Command::ReadPointersVirtual { offset: 0x1000, pointers: Room::of(2) }, OK,
            [Output::Pointers(vec![1, u64::MAX])],
        ),
        fails(Command::ReadPointersVirtual { offset: 0x1ff8, pointers: Room::of(2) }, HResult::READ_FAULT),
        fails(
            Command::WritePointersVirtual { offset: 0x2000, pointers: Input::Given(vec![1]) },
            HResult::WRITE_FAULT,
        ),
    ];
    a_fill_cuts_off_its_last_copy = vec![
        step(Command::FillVirtual { start: 0x1000, size: 21, pattern: b"12345678".into() }, OK, n(21)),
        step(rv(0x1000, 22), OK, bytes(b"123456781234567812345\0")),
        step(Command::FillPhysical { start: PAGE, size: 3, pattern: b"abcdef".into() }, OK, n(3)),
        step(rv(0x1000, 4), OK, bytes(b"abc4")),
        fails(Command::FillVirtual { start: 0x1000, size: 4, pattern: b"".into() }, INVALID),
        step(Command::FillVirtual { start: 0x1ffd, size: 9, pattern: b"x".into() }, OK, n(3)),
        fails(Command::FillVirtual { start: 0x2000, size: 9, pattern: b"x".into() }, HResult::WRITE_FAULT),
    ];
    ports_are_bus_0_of_the_isa_interface_and_its_aliases = vec![
        device(step(wi(1, 0, 1, 0x21, &[0xfb]), OK, n(1))),
        device(step(ri(1, 0, 1, 0x21, 1), OK, bytes(&[0xfb]))),
        device(step(ri(0, 0, 1, 0x21, 1), OK, bytes(&[0xfb]))),
        device(step(ri(2, 0, 1, 0x21, 1), OK, bytes(&[0xfb]))),
        device(step(ri(5, 0, 1, 0x21, 1), OK, bytes(&[0xfb]))),
        fails(wi(3, 0, 1, 0x21, &[0]), INVALID),
        fails(ri(u32::MAX, 0, 1, 0x21, 1), INVALID),
        fails(wi(1, 1, 1, 0x21, &[0]), INVALID),
    ];
    the_address_space_of_ports_is_exactly_1 = vec![
        fails(wi(1, 0, 0, 0x21, &[0]), INVALID),
        fails(ri(1, 0, 2, 0x21, 1), INVALID),
    ];
    a_port_access_has_1_2_or_4_bytes = vec![
        fails(wi(1, 0, 1, 0x80, &[0; 3]), INVALID),
        fails(wi(1, 0, 1, 0x80, &[0; 8]), INVALID),
        fails(ri(1, 0, 1, 0x80, 3), INVALID),
        fails(ri(1, 0, 1, 0x80, 0xffff_ffff), INVALID),
    ];
    a_port_is_a_multiple_of_the_size_and_below_0x10000 = vec![
        fails(wi(1, 0, 1, 0x81, &[0; 2]), HResult::MISALIGNED),
        fails(ri(1, 0, 1, 0x82, 4), HResult::MISALIGNED),
        fails(wi(1, 0, 1, 0x1_0000, &[0]), INVALID),
        fails(ri(1, 0, 1, u64::MAX, 1), INVALID),
    ];
    a_port_no_one_decodes_reads_ones_and_swallows_writes = vec![
        step(ri(1, 0, 1, 0xe000, 4), OK, bytes(&[0xff; 4])),
        step(wi(1, 0, 1, 0xe000, &[1, 2]), OK, n(2)),
    ];
    an_msr_is_read_and_written_as_at_privilege_level_0 = vec![
        step(Command::WriteMsr { msr: 0xc000_0082, value: 0x1234 }, OK, []),
        step(Command::ReadMsr { msr: 0xc000_0082 }, OK, q(0x1234)),
        fails(Command::WriteMsr { msr: 0xc000_0082, value: 1 << 63 }, HResult::NO_SUCH_DEVICE),
        fails(Command::ReadMsr { msr: 0x1234_5678 }, HResult::NO_SUCH_DEVICE),
        fails(Command::WriteMsr { msr: 0x1234_5678, value: 0 }, HResult::NO_SUCH_DEVICE),
    ];
    a_bar_keeps_the_bits_of_its_size_and_its_type = vec![
        step(rb(4, 0, 4, 0x10, 4), OK, bytes(&[0, 0, 0xf0, 0xfd])),
        step(wb(4, 0, 4, 0x10, &[0xff; 4]), OK, n(4)),
        step(rb(4, 0, 4, 0x10, 4), OK, bytes(&[0, 0, 0xf0, 0xff])),
    ];
    a_moved_bar_answers_at_once_and_the_old_window_no_more = vec![
        step(wb(4, 0, 4, 0x10, &[0, 0, 0, 0xe0]), OK, n(4)),
        device(step(rp(0xe000_0000, 4), OK, bytes(&[0xed, 0, 0, 1]))),
        fails(rp(0xfdf0_0000, 4), HResult::READ_FAULT),
        fails(rv(0x7000, 4), HResult::READ_FAULT),
    ];
    only_the_bytes_asked_for_are_written_and_read_only_fields_stay = vec![
        step(wb(4, 0, 4, 0x3c, &[9]), OK, n(1)),
        step(rb(4, 0, 4, 0x3c, 2), OK, bytes(&[9, 1])),
        step(wb(4, 0, 4, 0, &[0, 0]), OK, n(2)),
        step(rb(4, 0, 4, 0, 4), OK, bytes(&[0x34, 0x12, 0xe8, 0x11])),
    ];
    a_transfer_ends_with_the_configuration_space = vec![
        step(rb(4, 0, 4, 0xfe, 8), OK, bytes(&[0, 0])),
        fails(rb(4, 0, 4, 0x100, 1), INVALID),
    ];
    an_absent_function_reads_as_two_bytes_of_ones_and_is_not_written = vec![
        step(rb(4, 0, 0x3f, 0, 8), OK, bytes(&[0xff, 0xff])),
        fails(wb(4, 0, 0x3f, 4, &[0]), HResult::UNSUCCESSFUL),
        // Device 4, function 1.
        fails(wb(4, 0, 0x24, 4, &[0]), HResult::UNSUCCESSFUL),
    ];
    an_absent_bus_and_reserved_bits_fail = vec![
        fails(rb(4, 9, 0, 0, 2), HResult::UNSUCCESSFUL),
        fails(wb(4, 0x100, 4, 0, &[0]), HResult::UNSUCCESSFUL),
        fails(rb(4, 0, 0x104, 0, 2), INVALID),
        fails(rb(1, 0, 4, 0, 2), HResult::NOTIMPL),
        fails(rb(12, 0, 4, 0, 2), INVALID),
    ];
    control_space_has_one_object_that_can_be_written = vec![
        fails(control(9, 2, 8), INVALID),
        fails(control(0, 4, 8), INVALID),
        fails(control(0, 0, 8), HResult::FAIL),
        fails(Command::WriteControl { processor: 0, offset: 1, buffer: b"x".into() }, HResult::FAIL),
        fails(Command::WriteControl { processor: 1, offset: 2, buffer: b"x".into() }, INVALID),
        // CR2 is the second field.
        step(wcr2(0x1122_3344), OK, n(16)),
        step(control(0, 2, 16), OK, bytes(&cr0_and_cr2(0x1122_3344))),
    ];
    a_translation_gives_a_physical_address_or_no_page = vec![
        step(Command::VirtualToPhysical { virtual_address: 0x1abc }, OK, q(PAGE + 0xabc)),
        step(Command::VirtualToPhysical { virtual_address: 0x21_2345 }, OK, q(0x241_2345)),
        fails(Command::VirtualToPhysical { virtual_address: 0x2000 }, HResult::NO_PAGEFILE),
        fails(Command::VirtualToPhysical { virtual_address: 1 << 62 }, HResult::NO_PAGEFILE),
    ];
    levels_are_5_for_4_kib_4_for_2_mib_3_for_1_gib = vec![
        step(levels(0x1abc, Room::of(8)), OK, walk(&[ROOT, ROOT + 0x1000, ROOT + 0x2000, TABLE + 8, PAGE + 0xabc], 5)),
        step(levels(0x20_0001, Room::of(8)), OK, walk(&[ROOT, ROOT + 0x1000, ROOT + 0x2008, 0x240_0001], 4)),
        step(levels(0x4000_1234, Room::of(8)), OK, walk(&[ROOT, ROOT + 0x1008, 0x1234], 3)),
    ];
    levels_are_cut_to_the_room_and_counted_whole = vec![
        step(levels(0x1abc, Room::of(2)), FALSE, walk(&[ROOT, ROOT + 0x1000], 5)),
        step(levels(0x1abc, Room::none(0)), OK, walk(&[], 5)),
        step(levels(0x2000, Room::of(8)), HResult::NO_PAGEFILE, walk(&[ROOT, ROOT + 0x1000, ROOT + 0x2000, TABLE + 16], 4)),
    ];
    a_string_fits_is_cut_or_has_no_end = vec![
        step(wv(0x4ffd, b"hello\0"), OK, n(6)),
        step(string(0x4ffd, 100, Room::of(6)), OK, of(b"hello\0", 6)),
        step(string(0x4ffd, 100, Room::of(4)), FALSE, of(b"hel\0", 6)),
        step(string(0x4ffd, 100, Room::none(0)), OK, of(b"", 6)),
        fails(string(0x4ffd, 5, Room::of(6)), INVALID),
        fails(string(0x2000, 5, Room::of(6)), HResult::READ_FAULT),
        step(wv(0x1ffe, b"no"), OK, n(2)),
        fails(string(0x1ffe, 100, Room::of(6)), INVALID),
    ];
    strings_are_converted_between_code_pages_and_utf_16 = vec![
        step(wv(0x1000, b"h\xe9\0"), OK, n(3)),
        step(
            Command::ReadMultiByteStringVirtualWide {
                offset: 0x1000, max_bytes: 9, code_page: 1252, buffer: Room::of(3),
            },
            OK, of(b"h\0\xe9\0\0\0", 3),
        ),
        step(wv(0x1000, b"h\0\xe9\0\0\0"), OK, n(6)),
        step(wide(Room::of(4)), OK, of(b"h\0\xe9\0\0\0", 6)),
        step(wide(Room::of(2)), FALSE, of(b"h\0\0\0", 6)),
        step(narrow(65001), OK, of(b"h\xc3\xa9\0", 6)),
        step(narrow(1252), OK, of(b"h\xe9\0", 6)),
        fails(narrow(7), INVALID),
    ];
    validity_changes_from_page_to_page = vec![
        step(Command::GetNextDifferentlyValidOffsetVirtual { offset: 0x1234 }, OK, q(0x2000)),
        step(Command::GetNextDifferentlyValidOffsetVirtual { offset: 0x2000 }, OK, q(0x3000)),
        fails(
            Command::GetNextDifferentlyValidOffsetVirtual { offset: 1 << 63 }, HResult::NO_MORE_ENTRIES,
        ),
        step(region(0, 0x10_0000), OK, [Output::U64(0x1000), Output::U32(0x1000)]),
        step(region(0x4800, 0x1000), OK, [Output::U64(0x4800), Output::U32(0x1000)]),
        fails(region(0x2000, 0x1000), HResult::FAIL),
    ];
    the_source_of_an_address_is_the_target_or_nothing = vec![
        step(source(0, 1, 0x1000, Room::of(4)), OK, of(&[1, 0, 0, 0], 4)),
        step(source(0, 1, 0x2000, Room::of(4)), OK, of(&[0, 0, 0, 0], 4)),
        step(source(0, 1, 0x1000, Room::of(2)), FALSE, of(&[1, 0], 4)),
        fails(source(1, 1, 0x1000, Room::of(4)), INVALID),
        fails(source(0, 2, 0x1000, Room::of(4)), INVALID),
    ];
    a_query_tells_the_attributes_of_a_run_of_pages = vec![
        step(Command::QueryVirtual { offset: 0x4123 }, OK, [Output::Bytes(information(0x4000, 0x2000))]),
        fails(Command::QueryVirtual { offset: 1 << 63 }, INVALID),
    ];
    an_image_has_headers_or_is_none = vec![
        fails(Command::ReadImageNtHeaders { image_base: 0x1000 }, INVALID),
        fails(Command::ReadImageNtHeaders { image_base: u64::MAX }, INVALID),
    ];
    tags_are_enumerated_and_handles_end = vec![
        step(Command::StartEnumTagged {}, OK, q(1)),
        step(Command::EndEnumTagged { handle: 1 }, OK, []),
        fails(Command::GetNextTagged { handle: 1 }, INVALID),
        fails(Command::EndEnumTagged { handle: 1 }, INVALID),
        step(Command::ReadTagged { tag: MACHINE_DESCRIPTION, offset: 0, buffer: Room::of(1) }, FALSE, description()),
        fails(
            Command::ReadTagged { tag: Guid(0, 0, 0, [0; 8]), offset: 0, buffer: Room::of(1) },
            HResult::NOINTERFACE,
        ),
        fails(
            Command::ReadTagged { tag: MACHINE_DESCRIPTION, offset: u32::MAX, buffer: Room::of(1) }, INVALID,
        ),
    ];
    what_the_engine_knows_has_indexes = vec![
        step(data(100_080, 4), OK, of(&[4, 0, 0, 0], 4)),
        step(data(100_080, 2), FALSE, of(&[4, 0], 4)),
        step(data(100_000, 1), OK, of(&[1], 1)),
        fails(data(24, 8), HResult::UNEXPECTED),
        fails(data(25, 8), INVALID),
        fails(data(u32::MAX, 8), INVALID),
    ];
    processor_data_has_indexes_and_processors = vec![
        step(processor(0, 5, 4), OK, of(&1000u32.to_le_bytes(), 4)),
        fails(processor(0, 0, 8), HResult::FAIL),
        fails(processor(0, 6, 8), INVALID),
        fails(processor(1, 5, 8), INVALID),
    ];
    what_this_kind_of_session_has_not_says_so = vec![
        fails(Command::CheckLowMemory {}, HResult::NOTIMPL),
        fails(Command::ReadHandleData { handle: 4, data_type: 0, buffer: Room::of(8) }, HResult::UNEXPECTED),
    ];
    a_partial_write_bytes_is_false_where_write_virtual_is_ok = vec![
        step(host_write(Location::virtual_address(0x1ff0), &[7; 32]), FALSE, q(16)),
        step(host_write(Location::virtual_address(0x1000), &[7; 32]), OK, q(32)),
        fails(host_write(Location::virtual_address(0x2000), b"x"), HResult::WRITE_FAULT),
        step(
            host_read(Location::virtual_address(0x1ffe), 4), FALSE,
            [Output::Bytes(vec![7, 7]), Output::U64(2)],
        ),
        fails(host_read(Location::virtual_address(0x2000), 4), HResult::READ_FAULT),
    ];
    a_location_names_any_space = vec![
        step(host_write(Location::physical(PAGE), b"p"), OK, q(1)),
        step(rv(0x1000, 1), OK, bytes(b"p")),
        device(step(host_write(Location::port(0x21), &[0xfa]), OK, q(1))),
        device(step(ri(1, 0, 1, 0x21, 1), OK, bytes(&[0xfa]))),
        step(host_write(Location::config(0, 4, 0x3c), &[7]), OK, q(1)),
        step(rb(4, 0, 4, 0x3c, 1), OK, bytes(&[7])),
        step(host_write(Location::msr(0, 0xc000_0082), &[5, 0, 0, 0, 0, 0, 0, 0]), OK, q(8)),
        step(Command::ReadMsr { msr: 0xc000_0082 }, OK, q(5)),
        fails(host_write(Location { host_defined: 9 << 56, offset: 0 }, b"x"), INVALID),
        fails(host_write(Location::port(0x21), b"abc"), INVALID),
        fails(host_write(Location::msr(9, 0x10), &[0; 8]), INVALID),
    ];
    a_running_target_answers_unexpected_to_everything = {
        let mut steps = vec![
            step(Command::SetExecutionStatus { status: 1 }, OK, []),
            step(Command::WaitForEvent { flags: 0, timeout: 0 }, FALSE, []),
        ];
        steps.extend(everything().into_iter().map(|command| fails(command, HResult::UNEXPECTED)));
        steps.push(step(Command::SetInterrupt { flags: 0 }, OK, []));
        steps.push(step(Command::WaitForEvent { flags: 0, timeout: u32::MAX }, OK, []));
        steps.push(step(wp(PAGE, b"again"), OK, n(5)));
        steps
    };
}

fn search2(flags: u32, pattern: &[u8]) -> Command {
    Command::SearchVirtual2 { offset: 0x1000, length: 0x5000, flags, pattern: pattern.into(), granularity: 1 }
}

fn control(processor: u32, offset: u64, count: u64) -> Command {
    Command::ReadControl { processor, offset, buffer: Room::of(count) }
}

/// CR0 as the teaching kernel has it, then CR2.
fn cr0_and_cr2(cr2: u64) -> Vec<u8> {
    [0x8001_0033u64, cr2].into_iter().flat_map(u64::to_le_bytes).collect()
}

fn wcr2(cr2: u64) -> Command {
    Command::WriteControl { processor: 0, offset: 2, buffer: Input::Given(cr0_and_cr2(cr2)) }
}

fn walk(offsets: &[u64], levels: u32) -> Vec<Output> {
    vec![Output::Pointers(offsets.to_vec()), Output::U32(levels)]
}

fn string(offset: u64, max_bytes: u32, buffer: Room) -> Command {
    Command::ReadMultiByteStringVirtual { offset, max_bytes, buffer }
}

fn wide(buffer: Room) -> Command {
    Command::ReadUnicodeStringVirtualWide { offset: 0x1000, max_bytes: 20, buffer }
}

fn narrow(code_page: u32) -> Command {
    Command::ReadUnicodeStringVirtual { offset: 0x1000, max_bytes: 20, code_page, buffer: Room::of(8) }
}

fn region(base: u64, size: u32) -> Command {
    Command::GetValidRegionVirtual { base, size }
}

fn source(space: u32, which: u32, offset: u64, buffer: Room) -> Command {
    Command::GetOffsetInformation { space, which, offset, buffer }
}

fn data(index: u32, count: u64) -> Command {
    Command::ReadDebuggerData { index, buffer: Room::of(count) }
}

fn processor(processor: u32, index: u32, count: u64) -> Command {
    Command::ReadProcessorSystemData { processor, index, buffer: Room::of(count) }
}

/// MEMORY_BASIC_INFORMATION64 of RAM that may be written and executed.
fn information(base: u64, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(base.to_le_bytes());
    bytes.extend(base.to_le_bytes());
    bytes.extend(0x40u64.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(0x1000u32.to_le_bytes());
    bytes.extend(0x40u32.to_le_bytes());
    bytes.extend(0x2_0000u64.to_le_bytes());
    bytes
}

/// The first byte of the machine's description, and the size of the whole.
fn description() -> Vec<Output> {
    let whole =
        crate::layers::machine().data_spaces().read_tagged(MACHINE_DESCRIPTION, 0, &mut []).unwrap().size;
    of(b"(", whole as u32)
}

/// Every method of the data spaces and the host's memory, in a form that would succeed at rest or
/// at least be looked at.
fn everything() -> Vec<Command> {
    let buffer = Room::of(4);
    let given = || Input::Given(vec![1; 4]);
    vec![
        rv(0x1000, 4),
        rv(0x1000, 0),
        wv(0x1000, b"x"),
        find(0x1000, 16, b"x", 1),
        Command::ReadVirtualUncached { offset: 0x1000, buffer },
        Command::WriteVirtualUncached { offset: 0x1000, buffer: given() },
        Command::ReadPointersVirtual { offset: 0x1000, pointers: Room::of(1) },
        Command::WritePointersVirtual { offset: 0x1000, pointers: Input::Given(vec![1]) },
        rp(PAGE, 4),
        wp(PAGE, b"x"),
        control(0, 2, 4),
        wcr2(1),
        ri(1, 0, 1, 0x21, 1),
        wi(1, 0, 1, 0x21, &[0xff]),
        Command::ReadMsr { msr: 0xc000_0080 },
        Command::WriteMsr { msr: 0xc000_0082, value: 0 },
        rb(4, 0, 4, 0, 4),
        wb(4, 0, 4, 0x3c, &[1]),
        Command::CheckLowMemory {},
        data(100_080, 4),
        processor(0, 5, 4),
        Command::VirtualToPhysical { virtual_address: 0x1000 },
        levels(0x1000, Room::of(5)),
        Command::ReadHandleData { handle: 0, data_type: 0, buffer },
        Command::FillVirtual { start: 0x1000, size: 4, pattern: given() },
        Command::FillPhysical { start: PAGE, size: 4, pattern: given() },
        Command::QueryVirtual { offset: 0x1000 },
        Command::ReadImageNtHeaders { image_base: 0x1000 },
        Command::ReadTagged { tag: MACHINE_DESCRIPTION, offset: 0, buffer },
        Command::StartEnumTagged {},
        Command::GetNextTagged { handle: 1 },
        Command::EndEnumTagged { handle: 1 },
        source(0, 1, 0x1000, buffer),
        Command::GetNextDifferentlyValidOffsetVirtual { offset: 0x1000 },
        region(0x1000, 4),
        search2(0, b"x"),
        string(0x1000, 4, buffer),
        Command::ReadMultiByteStringVirtualWide { offset: 0x1000, max_bytes: 4, code_page: 0, buffer },
        narrow(0),
        wide(buffer),
        Command::ReadPhysical2 { offset: PAGE, flags: 0, buffer },
        Command::WritePhysical2 { offset: PAGE, flags: 0, buffer: given() },
        host_read(Location::physical(PAGE), 4),
        host_write(Location::physical(PAGE), b"x"),
        Command::ReadPointers { context: None, location: Location::physical(PAGE), pointers: Room::of(1) },
        Command::WritePointers {
            context: None,
            location: Location::physical(PAGE),
            pointers: Input::Given(vec![1]),
        },
        in_words(Location::physical(PAGE), false),
        execute("eb 1000 1", 0),
        evaluate("1", 4, true),
        disassemble(0x1000, 64),
    ]
}
