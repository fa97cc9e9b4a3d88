//! The server without sockets: streams cut anywhere, and clients that send anything.

use proptest::prelude::*;
use ringhold_debugapi::command::{Command, Input, Room, Text};
use ringhold_debugapi::server::{ConnectionId, Frames, Server};
use ringhold_debugapi::{Session, wire};
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Machine};

/// A machine with a little RAM that does nothing sensible.
fn machine() -> Machine {
    let mut memory = Memory::new(0x1_0000).unwrap();
    memory.map_mut().add(Range::ram(0, 0x1_0000, 0)).unwrap();
    Machine::new(Board::new(memory, Clock::new(1_000_000_000), 1), vec![CpuModel::default()])
}

fn server(connections: ConnectionId) -> Server {
    let mut server = Server::new(Session::new());
    (0..connections).for_each(|id| server.open(id));
    server
}

/// The answers to a connection, taken apart into frames; nothing may be left over.
fn answers(server: &mut Server, id: ConnectionId) -> Vec<Vec<u8>> {
    let (bytes, mut frames, mut found) = (server.take_outgoing(id), Frames::default(), Vec::new());
    frames.push(&bytes);
    while let Some(frame) = frames.next_frame().unwrap() {
        found.push(frame.to_vec());
    }
    assert_eq!(found.iter().map(|frame| frame.len() + 4).sum::<usize>(), bytes.len());
    found
}

fn commands() -> impl Strategy<Value = Command> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        any::<u32>().prop_map(|version| Command::Hello { version }),
        (0u64..0x2_0000, 0u64..64)
            .prop_map(|(offset, count)| { Command::ReadPhysical { offset, buffer: Room::of(count) } }),
        (0u64..0x2_0000, bytes())
            .prop_map(|(offset, bytes)| { Command::WritePhysical { offset, buffer: Input::Given(bytes) } }),
        any::<u32>().prop_map(|msr| Command::ReadMsr { msr }),
        "[a-z]{0,4}".prop_map(|name| Command::GetIndexByName { name: Text(name) }),
        (0u32..3).prop_map(|flags| Command::SetInterrupt { flags }),
        (0u32..8).prop_map(|status| Command::SetExecutionStatus { status }),
        (0u32..2).prop_map(|timeout| Command::WaitForEvent { flags: 0, timeout }),
    ]
}

fn requests(commands: &[Command]) -> Vec<u8> {
    commands.iter().zip(1..).flat_map(|(command, number)| wire::request(number, command)).collect()
}

/// Goes on until nobody waits. The guest runs until its timeout or an interrupt.
fn settle(server: &mut Server, machine: &mut Machine) {
    while server.waits() {
        server.advance(machine);
    }
}

proptest! {
    #[test]
    fn answers_do_not_depend_on_how_the_stream_is_cut(
        commands in prop::collection::vec(commands(), 1..12),
        cut in 1usize..60,
    ) {
        let stream = requests(&commands);
        let talk = |cut: usize| {
            let (mut machine, mut server) = (machine(), server(1));
            for piece in stream.chunks(cut) {
                server.receive(&mut machine, 0, piece).unwrap();
            }
            settle(&mut server, &mut machine);
            let answers = answers(&mut server, 0);
            assert_eq!(answers.len(), commands.len());
            (answers, machine.instructions())
        };
        prop_assert_eq!(talk(stream.len()), talk(cut));
    }

    #[test]
    fn any_bytes_are_harmless(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6),
        length in 0u32..60,
    ) {
        let (mut machine, mut server) = (machine(), server(2));
        // A length that can be fulfilled leads further than random ones do.
        let first = [length.to_le_bytes().to_vec()];
        for piece in first.iter().chain(&pieces) {
            if server.receive(&mut machine, 1, piece).is_err() {
                server.close(&mut machine, 1);
            }
        }
        answers(&mut server, 1);
        let hello = wire::request(9, &Command::Hello { version: wire::VERSION });
        server.receive(&mut machine, 0, &hello).unwrap();
        prop_assert_eq!(answers(&mut server, 0).len(), 1);
    }

    #[test]
    fn a_request_with_a_wrong_byte_is_answered_or_refused(
        command in commands(),
        at in any::<prop::sample::Index>(),
        wrong in any::<u8>(),
    ) {
        let (mut machine, mut server) = (machine(), server(2));
        let mut stream = requests(&[command]);
        let at = at.index(stream.len());
        stream[at] = wrong;
        let refused = server.receive(&mut machine, 1, &stream).is_err();
        let waits = server.waits();
        let answered = answers(&mut server, 1).len();
        // A length that was made longer waits for the rest.
        let unfinished = at < 4 && !refused;
        prop_assert!(answered <= 1 && (answered == 1 || refused || waits || unfinished));
        server.close(&mut machine, 1);
        prop_assert!(!server.waits());
    }
}

#[test]
fn a_closed_connection_gets_nothing_and_takes_nothing() {
    let (mut machine, mut server) = (machine(), server(1));
    let poke = Command::WritePhysical { offset: 0, buffer: b"x".into() };
    server.close(&mut machine, 0);
    server.receive(&mut machine, 0, &requests(&[poke])).unwrap();
    assert!(server.take_outgoing(0).is_empty());
    let mut byte = [0];
    assert_eq!(machine.board.fabric.memory.read(0, &mut byte), 1);
    assert_eq!(byte, [0]);
}
