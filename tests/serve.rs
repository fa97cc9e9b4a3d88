//! `ringhold serve` as clients of its wire see it.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use ringhold::debugapi::HResult;
use ringhold::debugapi::command::{Command as Call, Input, Room, Text};
use ringhold::debugapi::wire::{self, MAX_FRAME};

#[path = "support/served.rs"]
mod served;

use served::{Client, Served, directory};

const MACHINE: &str = "configs/teaching.ron";
/// Serial output goes nowhere, and nothing is read.
const QUIET: [&str; 4] = ["--serial", "null", "--set", "outputs.debugcon=null"];
const FOREVER: u32 = u32::MAX;

fn attach<S: std::io::Read + std::io::Write>(client: &mut Client<S>) {
    let attach = Call::AttachKernel { flags: 0, connect_options: Text::default() };
    assert_eq!(client.call(&attach).hresult, HResult::OK);
    assert_eq!(client.call(&wait(FOREVER)).hresult, HResult::OK);
}

fn wait(timeout: u32) -> Call {
    Call::WaitForEvent { flags: 0, timeout }
}

/// Runs the guest for some of its milliseconds.
fn run<S: std::io::Read + std::io::Write>(client: &mut Client<S>, milliseconds: u32) {
    assert_eq!(client.call(&Call::SetExecutionStatus { status: 1 }).hresult, HResult::OK);
    assert_eq!(client.call(&wait(milliseconds)).hresult, HResult::FALSE);
    assert_eq!(client.call(&Call::SetInterrupt { flags: 0 }).hresult, HResult::OK);
    assert_eq!(client.call(&wait(FOREVER)).hresult, HResult::OK);
}

fn time_stamp_counter<S: std::io::Read + std::io::Write>(client: &mut Client<S>) -> u64 {
    client.call(&Call::ReadMsr { msr: 0x10 }).number().unwrap()
}

#[test]
fn the_guest_is_held_until_a_client_says_go() {
    let served = Served::start(MACHINE, "127.0.0.1:0", &QUIET);
    let mut client = Client::connect(&served);
    let read = Call::ReadPhysical { offset: 0, buffer: Room::of(4) };
    assert_eq!(client.call(&read).hresult, HResult::UNEXPECTED);
    attach(&mut client);
    let begin = time_stamp_counter(&mut client);
    assert_eq!(client.call(&read).hresult, HResult::OK);
    assert_eq!(time_stamp_counter(&mut client), begin);
    run(&mut client, 1);
    assert!(time_stamp_counter(&mut client) > begin);
    let (status, said) = served.end();
    assert_eq!(status, Some(130));
    assert!(said.contains("interrupted by the user after ") && !said.contains("after 0 "), "{said}");
}

/// The same calls, once in one piece and once byte by byte with another client between them, lead
/// to the same machine.
#[test]
fn a_run_depends_on_the_calls_alone() {
    let session = |cut: usize| {
        let served = Served::start(MACHINE, "127.0.0.1:0", &QUIET);
        let mut client = Client::connect(&served);
        attach(&mut client);
        run(&mut client, 30);
        for value in 0..20u8 {
            let poke = Call::WritePhysical { offset: 0x300_0000, buffer: Input::Given(vec![value; 40]) };
            let frame = wire::request(u32::from(value), &poke);
            for piece in frame.chunks(cut) {
                client.send(piece);
                let mut other = Client::connect(&served);
                assert_eq!(other.call(&Call::GetNumberProcessors {}).count(), Some(1));
            }
            assert_eq!(client.answer(&poke).unwrap().1.count(), Some(40));
            run(&mut client, 1);
        }
        let registers = Call::ReadControl { processor: 0, offset: 2, buffer: Room::of(0xe0) };
        let memory = Call::ReadPhysical { offset: 0, buffer: Room::of(8 << 20) };
        let state = [registers, memory].map(|call| client.call(&call).bytes().to_vec());
        (state, time_stamp_counter(&mut client), served.end())
    };
    assert!(session(1000) == session(17));
}

#[test]
fn what_is_no_request_closes_that_connection_and_no_other() {
    let mut served = Served::start(MACHINE, "127.0.0.1:0", &QUIET);
    let mut good = Client::connect(&served);
    attach(&mut good);
    let hello = Call::Hello { version: wire::VERSION };
    let mut broken = wire::request(1, &hello);
    broken.pop();
    broken[0] -= 1;
    for (bytes, complaint) in [
        ((MAX_FRAME + 1).to_le_bytes().to_vec(), "is longer than"),
        (vec![3, 0, 0, 0, 1, 2, 3], "too short"),
        (broken, "a request for Hello has other parameters"),
    ] {
        let mut bad = Client::connect(&served);
        bad.send(&bytes);
        let line = served.line();
        assert!(line.contains("is disconnected after 0 instructions") && line.contains(complaint), "{line}");
        if complaint.contains("Hello") {
            let (number, reply) = bad.answer(&hello).unwrap();
            assert_eq!((number, reply.hresult), (1, HResult::INVALIDARG));
        }
        assert!(bad.closed());
        assert_eq!(good.call(&hello).hresult, HResult::OK);
    }
    // Half a frame, and the client goes.
    Client::connect(&served).send(&[200, 0, 0, 0, 1]);
    assert_eq!(good.call(&hello).hresult, HResult::OK);
    assert_eq!(served.end().0, Some(130));
}

#[test]
fn a_second_client_can_interrupt_the_first_and_not_wait_beside_it() {
    let served = Served::start(MACHINE, "127.0.0.1:0", &QUIET);
    let (mut first, mut second) = (Client::connect(&served), Client::connect(&served));
    attach(&mut first);
    assert_eq!(first.call(&Call::SetExecutionStatus { status: 1 }).hresult, HResult::OK);
    first.send(&wire::request(9, &wait(FOREVER)));
    // It runs once the request has come.
    while second.call(&Call::ReadMsr { msr: 0x10 }).hresult == HResult::OK {}
    assert_eq!(second.call(&wait(0)).hresult, HResult::FAIL);
    assert_eq!(second.call(&Call::SetInterrupt { flags: 0 }).hresult, HResult::OK);
    let (number, reply) = first.answer(&wait(0)).unwrap();
    assert_eq!((number, reply.hresult), (9, HResult::OK));
    // A client that goes while it waits leaves the target to the others.
    assert_eq!(first.call(&Call::SetExecutionStatus { status: 1 }).hresult, HResult::OK);
    first.send(&wire::request(10, &wait(FOREVER)));
    while second.call(&Call::ReadMsr { msr: 0x10 }).hresult == HResult::OK {}
    first.leave();
    assert_eq!(second.call(&wait(0)).hresult, HResult::FALSE);
    assert_eq!(second.call(&Call::SetInterrupt { flags: 0 }).hresult, HResult::OK);
    assert_eq!(second.call(&wait(FOREVER)).hresult, HResult::OK);
    assert!(time_stamp_counter(&mut second) > 0);
}

#[test]
fn the_session_ends_with_its_last_client_and_the_machine_stays() {
    let served = Served::start(MACHINE, "127.0.0.1:0", &QUIET);
    let mut client = Client::connect(&served);
    attach(&mut client);
    let poke = Call::WritePhysical { offset: 0x300_0000, buffer: b"stays".into() };
    assert_eq!(client.call(&poke).hresult, HResult::OK);
    client.leave();
    let peek = Call::ReadPhysical { offset: 0x300_0000, buffer: Room::of(5) };
    let mut client = Client::connect(&served);
    assert_eq!(client.call(&peek).hresult, HResult::UNEXPECTED);
    attach(&mut client);
    assert_eq!(client.call(&peek).bytes(), b"stays");
}

/// What clients did is in the journal, and leads to the same states again.
#[test]
fn a_recorded_session_replays() {
    let journal = directory("serve").join("session.journal");
    let mut arguments = QUIET.to_vec();
    arguments.extend(["--record", journal.to_str().unwrap()]);
    let served = Served::start(MACHINE, "127.0.0.1:0", &arguments);
    let mut client = Client::connect(&served);
    attach(&mut client);
    run(&mut client, 40);
    let io = |port, value| Call::WriteIo {
        interface_type: 1,
        bus_number: 0,
        address_space: 1,
        offset: port,
        buffer: Input::Given(vec![value]),
    };
    for call in [
        Call::WritePhysical { offset: 0x300_0000, buffer: b"physical".into() },
        io(0x3f8, b'x'),
        Call::WriteMsr { msr: 0xc000_0082, value: 5 },
        Call::SetExecutionStatus { status: 5 },
        wait(FOREVER),
        io(0x21, 0xfb),
    ] {
        assert_eq!(client.call(&call).hresult, HResult::OK, "{call:?}");
    }
    run(&mut client, 10);
    assert_eq!(served.end().0, Some(130));
    let replay = |journal: &std::path::Path| {
        let mut replay = Command::new(env!("CARGO_BIN_EXE_ringhold"));
        replay.arg("replay").arg(journal).stdin(Stdio::null()).output().unwrap()
    };
    let replayed = replay(&journal);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.contains("0x300_0000") || text.contains("0x3000000") || text.contains("50331648"), "{text}");
}

#[test]
fn it_listens_at_a_unix_socket_as_well() {
    let path = directory("serve").join("socket");
    let _ = std::fs::remove_file(&path);
    let address = format!("unix:{}", path.display());
    let served = Served::start(MACHINE, &address, &QUIET);
    assert_eq!(served.address, address);
    attach(&mut Client::new(UnixStream::connect(&path).unwrap()));
    assert_eq!(served.end().0, Some(130));
    assert!(!path.exists());
}

#[test]
fn it_refuses_addresses_that_others_can_reach_or_that_are_taken() {
    let refused = |address: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_ringhold"))
            .args(["serve", "--serial", "null", "--dbgeng", address])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("0.0.0.0:0").contains("only loopback addresses"));
    let served = Served::start(MACHINE, "127.0.0.1:0", &QUIET);
    assert!(TcpStream::connect(&served.address).is_ok());
    assert!(refused(&served.address).contains("cannot listen there"));
}
