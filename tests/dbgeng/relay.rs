//! The same calls twice: through `dbgeng.dll` under Wine against a served machine, and straight
//! to a session over a machine of the same making. Every result, count, byte and event must be
//! the same, and in the end the machines.

use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use ringhold::Machine;
use ringhold::boot::{self, Images};
use ringhold::config::Config;
use ringhold::debugapi::command::{Command, Data, Event, Input, Output, Reply, Room, Text};
use ringhold::debugapi::{Location, Session};

use crate::served::{Client, directory};
use crate::windows::relay;

/// How many calls are compared.
const CALLS: usize = 3000;

/// Page tables of the test's own, as those of `client/target.h`: pages at `VIRTUAL`, of which the
/// second is read-only and the third is missing; the fifth is a device's window.
const ROOT: u64 = 0x300_0000;
const DATA: u64 = 0x301_0000;
const VIRTUAL: u64 = 0x80_0000_0000;
const HOLE: u64 = VIRTUAL + 0x2000;
const WINDOW: u64 = 0xfdf0_0000;

/// What brings a machine to where the calls begin.
fn beginning() -> Vec<Command> {
    let entry = |at: u64, value: u64| Command::WritePhysical {
        offset: at,
        buffer: Input::Given(value.to_le_bytes().to_vec()),
    };
    vec![
        Command::AttachKernel { flags: 0, connect_options: Text::default() },
        Command::WaitForEvent { flags: 0, timeout: u32::MAX },
        Command::SetExecutionStatus { status: 1 },
        Command::WaitForEvent { flags: 0, timeout: 100 },
        Command::SetInterrupt { flags: 0 },
        Command::WaitForEvent { flags: 0, timeout: u32::MAX },
        entry(ROOT + 8, (ROOT + 0x1000) | 7),
        entry(ROOT + 0x1000, (ROOT + 0x2000) | 7),
        entry(ROOT + 0x2000, (ROOT + 0x3000) | 7),
        entry(ROOT + 0x2008, 0x320_0087),
        entry(ROOT + 0x3000, DATA | 7),
        entry(ROOT + 0x3008, (DATA + 0x1000) | 5),
        entry(ROOT + 0x3018, (DATA + 0x3000) | 7),
        entry(ROOT + 0x3020, WINDOW | 7),
        Command::SetImplicitProcessDataOffset { offset: ROOT },
    ]
}

fn virtual_addresses() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => VIRTUAL..VIRTUAL + 0x4ff0,
        4 => HOLE - 24..HOLE + 24,
        2 => VIRTUAL + 0x4000..VIRTUAL + 0x4010,
        2 => VIRTUAL + 0x20_0000..VIRTUAL + 0x40_0010,
        1 => any::<u64>(),
        1 => u64::MAX - 40..=u64::MAX,
    ]
}

fn physical_addresses() -> impl Strategy<Value = u64> {
    // The page tables are left alone, or soon nothing would be mapped.
    prop_oneof![
        6 => DATA..DATA + 0x5000,
        2 => 0x3ff_fff0u64..0x400_0010,
        2 => WINDOW..WINDOW + 0x20,
        1 => any::<u64>(),
    ]
}

fn rooms() -> impl Strategy<Value = Room> {
    prop_oneof![9 => (0u64..80).prop_map(Room::of), 1 => (0u64..3).prop_map(Room::none)]
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Input::Given),
        1 => (0u64..3).prop_map(Input::Null),
    ]
}

fn pointers() -> impl Strategy<Value = Input<u64>> {
    prop_oneof![
        9 => prop::collection::vec(any::<u64>(), 0..6).prop_map(Input::Given),
        1 => (0u64..3).prop_map(Input::Null),
    ]
}

/// A value that is mostly the right one.
fn mostly(right: u32) -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(right), 1 => 0u32..20, 1 => any::<u32>()]
}

fn memory() -> impl Strategy<Value = Command> {
    let pattern = || prop::collection::vec(0u8..3, 0..4).prop_map(Input::Given);
    let searched = || (virtual_addresses(), 0u64..0x6000, pattern(), 0u32..4);
    prop_oneof![
        (virtual_addresses(), rooms()).prop_map(|(offset, buffer)| Command::ReadVirtual { offset, buffer }),
        (virtual_addresses(), data()).prop_map(|(offset, buffer)| Command::WriteVirtual { offset, buffer }),
        (virtual_addresses(), rooms())
            .prop_map(|(offset, buffer)| Command::ReadVirtualUncached { offset, buffer }),
        (virtual_addresses(), data())
            .prop_map(|(offset, buffer)| Command::WriteVirtualUncached { offset, buffer }),
        searched().prop_map(|(offset, length, pattern, granularity)| {
            Command::SearchVirtual { offset, length, pattern, granularity }
        }),
        (searched(), 0u32..3).prop_map(|((offset, length, pattern, granularity), flags)| {
            Command::SearchVirtual2 { offset, length, flags, pattern, granularity }
        }),
        (virtual_addresses(), 0u64..5).prop_map(|(offset, count)| {
            Command::ReadPointersVirtual { offset, pointers: Room::of(count) }
        }),
        (virtual_addresses(), pointers())
            .prop_map(|(offset, pointers)| Command::WritePointersVirtual { offset, pointers }),
        (physical_addresses(), rooms()).prop_map(|(offset, buffer)| Command::ReadPhysical { offset, buffer }),
        (physical_addresses(), data()).prop_map(|(offset, buffer)| Command::WritePhysical { offset, buffer }),
        (physical_addresses(), mostly(2), rooms())
            .prop_map(|(offset, flags, buffer)| Command::ReadPhysical2 { offset, flags, buffer }),
        (physical_addresses(), mostly(1), data())
            .prop_map(|(offset, flags, buffer)| Command::WritePhysical2 { offset, flags, buffer }),
        (virtual_addresses(), 0u32..200, data()).prop_map(|(start, size, pattern)| Command::FillVirtual {
            start,
            size,
            pattern
        }),
        (physical_addresses(), 0u32..200, data()).prop_map(|(start, size, pattern)| Command::FillPhysical {
            start,
            size,
            pattern
        }),
    ]
}

fn others() -> impl Strategy<Value = Command> {
    let port = || prop_oneof![Just(0x3f9u64), Just(0x21), Just(0xa1), Just(0xcf8), 0u64..0x1_0010];
    let sized = || prop_oneof![6 => Just(1u64), 2 => Just(2), 2 => Just(4), 1 => 0u64..9];
    let bytes = |count: u64| Input::Given(vec![0x5a; count as usize]);
    let slot = || prop_oneof![Just(0x22u32), Just(0), Just(1), 0u32..256];
    let config = || prop_oneof![0u32..0x48, 0xf8u32..0x104];
    let msr = || prop_oneof![Just(0x10u32), Just(0xc000_0082), Just(0xc000_0080), Just(0x1b), any::<u32>()];
    prop_oneof![
        (mostly(0), mostly(2), rooms()).prop_map(|(processor, offset, buffer)| {
            Command::ReadControl { processor, offset: offset.into(), buffer }
        }),
        (mostly(1), mostly(0), mostly(1), port(), sized()).prop_map(
            |(interface, bus, space, offset, count)| {
                Command::ReadIo {
                    interface_type: interface,
                    bus_number: bus,
                    address_space: space,
                    offset,
                    buffer: Room::of(count),
                }
            }
        ),
        (mostly(1), mostly(0), mostly(1), port(), sized()).prop_map(
            move |(interface, bus, space, offset, count)| Command::WriteIo {
                interface_type: interface,
                bus_number: bus,
                address_space: space,
                offset,
                buffer: bytes(count),
            }
        ),
        msr().prop_map(|msr| Command::ReadMsr { msr }),
        (msr(), 0u64..0x1000).prop_map(|(msr, value)| Command::WriteMsr { msr, value }),
        (mostly(4), mostly(0), slot(), config(), rooms()).prop_map(|(kind, bus, slot, offset, buffer)| {
            Command::ReadBusData { bus_data_type: kind, bus_number: bus, slot_number: slot, offset, buffer }
        }),
        (mostly(4), mostly(0), slot(), config(), data()).prop_map(|(kind, bus, slot, offset, buffer)| {
            Command::WriteBusData { bus_data_type: kind, bus_number: bus, slot_number: slot, offset, buffer }
        }),
        Just(Command::CheckLowMemory {}),
        (100_000u32..100_090, rooms())
            .prop_map(|(index, buffer)| Command::ReadDebuggerData { index, buffer }),
        (mostly(0), 0u32..7, rooms()).prop_map(|(processor, index, buffer)| {
            Command::ReadProcessorSystemData { processor, index, buffer }
        }),
        (any::<u64>(), any::<u32>(), rooms())
            .prop_map(|(handle, data_type, buffer)| Command::ReadHandleData { handle, data_type, buffer }),
        Just(Command::StartEnumTagged {}),
        (0u64..6).prop_map(|handle| Command::GetNextTagged { handle }),
        (0u64..6).prop_map(|handle| Command::EndEnumTagged { handle }),
    ]
}

fn questions() -> impl Strategy<Value = Command> {
    let page = || prop_oneof![Just(0u32), Just(65001), Just(1252), Just(437), any::<u32>()];
    prop_oneof![
        virtual_addresses().prop_map(|virtual_address| Command::VirtualToPhysical { virtual_address }),
        (virtual_addresses(), 0u64..7).prop_map(|(virtual_address, count)| {
            Command::GetVirtualTranslationPhysicalOffsets { virtual_address, offsets: Room::of(count) }
        }),
        virtual_addresses().prop_map(|offset| Command::QueryVirtual { offset }),
        virtual_addresses().prop_map(|image_base| Command::ReadImageNtHeaders { image_base }),
        (mostly(0), mostly(1), virtual_addresses(), rooms()).prop_map(|(space, which, offset, buffer)| {
            Command::GetOffsetInformation { space, which, offset, buffer }
        }),
        virtual_addresses().prop_map(|offset| Command::GetNextDifferentlyValidOffsetVirtual { offset }),
        (virtual_addresses(), 0u32..0x6000)
            .prop_map(|(base, size)| Command::GetValidRegionVirtual { base, size }),
        (virtual_addresses(), 0u32..200, rooms()).prop_map(|(offset, max_bytes, buffer)| {
            Command::ReadMultiByteStringVirtual { offset, max_bytes, buffer }
        }),
        (virtual_addresses(), 0u32..200, page(), rooms()).prop_map(
            |(offset, max_bytes, code_page, buffer)| {
                Command::ReadMultiByteStringVirtualWide { offset, max_bytes, code_page, buffer }
            }
        ),
        (virtual_addresses(), 0u32..200, page(), rooms()).prop_map(
            |(offset, max_bytes, code_page, buffer)| {
                Command::ReadUnicodeStringVirtual { offset, max_bytes, code_page, buffer }
            }
        ),
        (virtual_addresses(), 0u32..200, rooms()).prop_map(|(offset, max_bytes, buffer)| {
            Command::ReadUnicodeStringVirtualWide { offset, max_bytes, buffer }
        }),
    ]
}

/// Places of every kind, and of none.
fn places() -> impl Strategy<Value = Location> {
    let of = |host_defined: u64, offset: u64| Location { host_defined, offset };
    prop_oneof![
        4 => virtual_addresses().prop_map(move |offset| of(0, offset)),
        1 => (0u64..8, 0u64..9).prop_map(move |(register, offset)| of(1 << 56 | register, offset)),
        2 => physical_addresses().prop_map(move |offset| of(2 << 56, offset)),
        1 => (0u64..0x1_0010).prop_map(move |port| of(3 << 56, port)),
        1 => (0u64..0x110).prop_map(move |offset| of(4 << 56 | 0x22, offset)),
        1 => (0u64..9).prop_map(move |offset| of(5 << 56 | 0xc000_0082, offset)),
        1 => (any::<u64>(), any::<u64>()).prop_map(move |(host, offset)| of(host, offset)),
    ]
}

fn host_memory() -> impl Strategy<Value = Command> {
    prop_oneof![
        (places(), rooms()).prop_map(|(location, buffer)| Command::ReadBytes {
            context: None,
            location,
            buffer
        }),
        (places(), data()).prop_map(|(location, buffer)| Command::WriteBytes {
            context: None,
            location,
            buffer
        }),
        (places(), 0u64..5).prop_map(|(location, count)| {
            Command::ReadPointers { context: None, location, pointers: Room::of(count) }
        }),
        (places(), pointers()).prop_map(|(location, pointers)| Command::WritePointers {
            context: None,
            location,
            pointers
        }),
        (places(), any::<bool>()).prop_map(|(location, verbose)| {
            Command::GetDisplayStringForLocation { context: None, location, verbose }
        }),
        places().prop_map(|location| Command::LinearizeLocation { context: None, location }),
    ]
}

/// Commands, expressions and code.
fn text() -> impl Strategy<Value = Command> {
    let display =
        prop::sample::select(vec!["db", "dw", "dd", "dq", "da", "du", "dps", "dyb", "u", "!pte", "!vtop 0"]);
    let enter = prop::sample::select(vec!["eb", "ew", "ed", "eq", "f"]);
    let expressions = prop::sample::select(vec![
        "1+2*3",
        "poi(8000000000)",
        "by 8000000ff8 + 1",
        "1 / 0",
        "zz",
        "@rip",
        "5 rest",
        "-1",
        "$vvalid(8000000000, 5000)",
    ]);
    let lines = prop_oneof![
        4 => (display, virtual_addresses()).prop_map(|(name, at)| format!("{name} {at:x}")),
        2 => (virtual_addresses(), 0u64..40).prop_map(|(at, count)| format!("db {at:x} L{count:x}; dd")),
        2 => (enter, virtual_addresses(), 1u64..9, 0u64..200)
            .prop_map(|(name, at, count, value)| match name {
                "f" => format!("f {at:x} L{count:x} {value:x}"),
                name => format!("{name} {at:x} {value:x} {count:x}"),
            }),
        1 => expressions.clone().prop_map(|text| format!("? {text}")),
        1 => prop::sample::select(vec!["r", "!pci", "bogus", "lm", "", "ib 21", "rdmsr c0000080", ".echo one; .echo two"])
            .prop_map(String::from),
    ];
    prop_oneof![
        6 => (lines, 0u32..4, 0u32..9).prop_map(|(line, output_control, flags)| Command::Execute {
            output_control,
            command: Text(line),
            flags,
        }),
        2 => (expressions, 0u32..13).prop_map(|(text, desired_type)| Command::Evaluate {
            expression: text.into(),
            desired_type,
            remainder: true,
        }),
        2 => (virtual_addresses(), 0u32..5, 0u64..80).prop_map(|(offset, flags, count)| Command::Disassemble {
            offset,
            flags,
            buffer: Room::of(count),
        }),
        1 => rooms().prop_map(|buffer| Command::GetPromptText { buffer }),
        1 => (0u32..5, 0u32..64).prop_map(|(output_control, mask)| Command::ControlledOutput {
            output_control,
            mask,
            text: "said".into(),
        }),
        1 => (0u32..5).prop_map(|output_control| Command::OutputPrompt { output_control, text: "said".into() }),
    ]
}

/// The calls, the same in each run.
fn calls() -> Vec<Command> {
    let mut runner = TestRunner::deterministic();
    let strategy =
        prop_oneof![3 => memory(), 2 => others(), 2 => questions(), 2 => host_memory(), 2 => text()];
    (0..CALLS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// A buffer of the relay comes whole: what the call left alone is 0xa5.
fn widened(direct: Output, relayed: &Output) -> Output {
    match (direct, relayed) {
        (Output::Bytes(mut bytes), Output::Bytes(whole)) => {
            bytes.resize(whole.len().max(bytes.len()), 0xa5);
            Output::Bytes(bytes)
        }
        (Output::Pointers(mut pointers), Output::Pointers(whole)) => {
            pointers.resize(whole.len().max(pointers.len()), 0xa5a5_a5a5_a5a5_a5a5);
            Output::Pointers(pointers)
        }
        (direct, _) => direct,
    }
}

fn same(call: &Command, direct: Reply, relayed: &Reply) {
    let told = |event: &Event| matches!(event, Event::ChangeDebuggeeState { .. } | Event::Output { .. });
    let outputs = direct.outputs.into_iter().zip(&relayed.outputs);
    let expected = Reply {
        hresult: direct.hresult,
        outputs: outputs.map(|(direct, relayed)| widened(direct, relayed)).collect(),
        events: direct.events.into_iter().filter(told).collect(),
    };
    assert_eq!(&expected, relayed, "{call:?}");
}

/// The machine that is called without a wire between, and a session that knows its modules.
fn machine() -> (Session, Machine) {
    let mut config = Config::from_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join(super::MACHINE)).unwrap();
    super::CHANGES.iter().for_each(|change| config.set(change).unwrap());
    let images = Images::read(&config).unwrap();
    let mut session = Session::unattached();
    session.set_modules(boot::modules(&images));
    (session, Machine::with_images(config, &images).unwrap())
}

#[test]
#[ignore = "apt-get install g++-mingw-w64-x86-64 make wine wine64; cargo test --test dbgeng -- --ignored"]
fn the_dll_answers_as_the_session_does() {
    let served = super::serve(&directory("dbgeng").join("relay.serial"));
    let (mut session, mut machine) = machine();
    let mut direct = |call: &Command| session.execute(&mut machine, call);
    let mut wire = Client::connect(&served);
    for call in beginning() {
        let reply = direct(&call);
        assert!(reply.hresult.is_success(), "{call:?}: {reply:?}");
        assert_eq!(wire.call(&call), reply, "{call:?}");
    }
    let (mut relay, mut child) = relay(&served);
    let mut succeeded = 0;
    for call in calls() {
        let reply = direct(&call);
        succeeded += usize::from(reply.hresult.is_success());
        same(&call, reply, &relay.call(&call));
    }
    // Neither all refused nor all granted, or little was compared.
    assert!((CALLS / 3..CALLS * 9 / 10).contains(&succeeded), "{succeeded} of {CALLS} succeeded");
    drop(relay);
    assert!(child.wait().unwrap().success());
    let hash = Command::GetStateHash {};
    assert_eq!(wire.call(&hash), direct(&hash));
}
