//! The wire: what is sent is what arrives, and no bytes of a client can do harm.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use ringhold_debugapi::command::{
    Command, Event, Field, Input, Interface, METHODS, Method, Output, Reader, Reply, Room, Shape, Text,
};
use ringhold_debugapi::spaces::Guid;
use ringhold_debugapi::{Context, HResult, Location, wire};

/// The bytes behind the length, which must be right.
fn body(frame: &[u8]) -> &[u8] {
    let (length, body) = frame.split_at(4);
    assert_eq!(u32::from_le_bytes(length.try_into().unwrap()) as usize, body.len());
    body
}

fn round_trip(command: Command) {
    let frame = wire::request(7, &command);
    assert_eq!(wire::read_request(body(&frame)), Ok(wire::Request { number: 7, command: Some(command) }));
}

/// The example of the page about the wire, byte by byte.
#[test]
fn a_write_lies_in_its_frame_as_documented() {
    let command = Command::WriteVirtual { offset: 0x1122_3344_5566_7788, buffer: b"hi".into() };
    assert_eq!(
        wire::request(5, &command),
        [
            &[27, 0, 0, 0, 5, 0, 0, 0, 1, 0, 4, 0][..],
            &[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11],
            &[1, 2, 0, 0, 0, 0, 0, 0, 0, b'h', b'i'],
        ]
        .concat()
    );
    let event = Event::ChangeDebuggeeState { flags: 2, argument: 0 };
    let reply = Reply { hresult: HResult::OK, outputs: vec![Output::U32(2)], events: vec![event] };
    assert_eq!(
        wire::answer(5, &reply),
        [
            &[29, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0][..],
            &[1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat()
    );
}

#[test]
fn each_kind_of_parameter_arrives_as_it_was_sent() {
    round_trip(Command::ReadVirtual { offset: 1, buffer: Room::of(0xffff_ffff) });
    round_trip(Command::ReadVirtual { offset: u64::MAX, buffer: Room::none(3) });
    round_trip(Command::WriteVirtual { offset: 1, buffer: Input::Null(9) });
    round_trip(Command::WritePointersVirtual { offset: 1, pointers: Input::Given(vec![1, u64::MAX]) });
    round_trip(Command::ReadTagged { tag: Guid(1, 2, 3, [4; 8]), offset: 5, buffer: Room::none(0) });
    round_trip(Command::CheckLowMemory {});
    round_trip(Command::GetIndexByName { name: Text("rax".into()) });
    round_trip(Command::SetValue { register: 1, value: [9; 32] });
    round_trip(Command::SetValues {
        indices: Input::Given(vec![1]),
        start: 0,
        values: Input::Given(vec![[1; 32]]),
    });
    for context in [None, Some(Context { cpu: 3, root: None }), Some(Context { cpu: 0, root: Some(0x1000) })]
    {
        let location = Location { host_defined: 1, offset: 2 };
        round_trip(Command::WriteBytes { context, location, buffer: b"x".into() });
        round_trip(Command::GetDisplayStringForLocation { context, location, verbose: true });
    }
}

#[test]
fn a_frame_that_is_too_short_or_too_long_is_malformed() {
    let frame = wire::request(1, &Command::ReadMsr { msr: 0x10 });
    let body = body(&frame);
    for end in 0..body.len() {
        assert!(wire::read_request(&body[..end]).is_err(), "{end}");
    }
    assert!(wire::read_request(&[body, &[0]].concat()).is_err());
}

/// A count that is larger than the frame asks for no memory.
#[test]
fn a_count_cannot_ask_for_more_than_is_there() {
    let mut frame =
        body(&wire::request(1, &Command::WriteVirtual { offset: 0, buffer: b"".into() })).to_vec();
    let at = frame.len() - 8;
    frame[at..].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(wire::read_request(&frame).is_err());
    let mut from = Reader::new(&[0xff; 12]);
    assert!(Reply::take(&[Shape::pointers], &mut from).is_err());
}

#[test]
fn what_is_no_method_is_no_command() {
    for (interface, slot) in [(1, 2), (1, 44), (4, 67), (99, 3)] {
        let mut frame = Vec::new();
        3u32.put(&mut frame);
        frame.extend([interface, 0, slot, 0, 1, 2, 3]);
        assert_eq!(wire::read_request(&frame), Ok(wire::Request { number: 3, command: None }));
        let head = wire::head(&frame).unwrap();
        let refusal = wire::refusal(head, HResult::NOTIMPL);
        assert_eq!(body(&refusal), [3, 0, 0, 0, 1, 0x40, 0, 0x80, 0, 0, 0, 0]);
    }
}

/// The reply of a call that failed has every output, and arrives.
#[test]
fn refusals_fit_their_methods() {
    for method in METHODS {
        let head = wire::Head { number: 8, interface: method.interface as u16, slot: method.slot };
        let refusal = wire::refusal(head, HResult::UNEXPECTED);
        let (number, reply) = wire::read_answer(method, body(&refusal)).unwrap();
        assert_eq!((number, reply.hresult), (8, HResult::UNEXPECTED));
        let shapes: Vec<_> = reply.outputs.iter().map(Output::shape).collect();
        assert_eq!(shapes, method.outputs, "{}", method.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Bytes that pass for a request are that request and no other.
    #[test]
    fn any_request_is_read_or_refused(
        method in prop::sample::select(METHODS),
        bytes in prop::collection::vec(prop_oneof![3 => 0..3u8, 1 => any::<u8>()], 0..80),
    ) {
        let mut frame = Vec::new();
        1u32.put(&mut frame);
        (method.interface as u16).put(&mut frame);
        method.slot.put(&mut frame);
        frame.extend(bytes);
        if let Ok(request) = wire::read_request(&frame) {
            let command = request.command.unwrap();
            prop_assert_eq!(command.number(), (method.interface, method.slot));
            let again = wire::request(1, &command);
            prop_assert_eq!(wire::read_request(body(&again)).unwrap().command, Some(command.clone()));
            if !matches!(command.number().0, Interface::Client | Interface::Control | Interface::Registers) {
                // Without text, which is mended, the bytes are the same as well.
                prop_assert_eq!(body(&again), &frame[..]);
            }
        }
    }

    /// Bytes that pass for an answer are that answer and no other.
    #[test]
    fn any_answer_is_read_or_refused(
        method in prop::sample::select(METHODS),
        bytes in prop::collection::vec(prop_oneof![3 => 0..5u8, 1 => any::<u8>()], 0..120),
    ) {
        if let Ok((number, reply)) = wire::read_answer(&method, &bytes) {
            let again = wire::answer(number, &reply);
            prop_assert_eq!(wire::read_answer(&method, body(&again)), Ok((number, reply)));
        }
    }

    /// No bytes at all, of any length, make a reader panic.
    #[test]
    fn any_bytes_are_harmless(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = wire::read_request(&bytes);
        let _ = wire::head(&bytes);
        for method in METHODS {
            let _ = wire::read_answer(method, &bytes);
        }
    }
}

/// The table of methods, as the page about the wire has it.
fn table() -> String {
    let mut text = String::new();
    let mut last = None;
    for Method { interface, slot, name, parameters, outputs } in METHODS {
        if last != Some(interface) {
            let _ = write!(text, "\n### {} {interface:?}\n\n", *interface as u16);
            text += "| slot | method | in | out |\n|---|---|---|---|\n";
        }
        last = Some(interface);
        let parameters: Vec<_> = parameters.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        let outputs: Vec<_> = outputs.iter().map(|shape| format!("{shape:?}")).collect();
        let _ = writeln!(text, "| {slot} | {name} | {} | {} |", parameters.join(", "), outputs.join(", "));
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "no machine runs here; the environment asks for the file")]
fn the_page_about_the_wire_has_every_method() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/dbgeng-wire.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mark = "<!-- made from the table of commands -->\n";
    let (head, old) = page.split_once(mark).unwrap();
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        std::fs::write(&path, format!("{head}{mark}{}", table())).unwrap();
        return;
    }
    assert_eq!(
        old,
        table(),
        "write it anew by: RINGHOLD_WRITE=1 cargo test -p ringhold-debugapi --test wire page"
    );
}
