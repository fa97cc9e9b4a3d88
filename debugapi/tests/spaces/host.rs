//! A machine on its thread: what is let through while it runs, and where it is stopped.

use ringhold_debugapi::command::{Command, Room};
use ringhold_debugapi::{HResult, Handle, Host, Session};
use ringhold_emulator::Machine;
use ringhold_emulator::mmu::walk::Mode;

use crate::bench::{Bench, DATA};

const WAIT: Command = Command::WaitForEvent { flags: 0, timeout: u32::MAX };
const GO: Command = Command::SetExecutionStatus { status: 1 };

/// A machine that counts in RAX for ever: `inc rax; jmp $-3`.
fn counting() -> Machine {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(0, DATA, 2);
    bench.poke(DATA, &[0x48, 0xff, 0xc0, 0xeb, 0xfb]);
    bench.machine.cpus[0].rip = 0;
    bench.machine.cpus[0].refresh();
    bench.machine
}

fn result(handle: &Handle, command: Command) -> HResult {
    handle.call(command).unwrap().reply.hresult
}

#[test]
fn a_running_target_refuses_until_it_is_interrupted() {
    let host = Host::new(Box::new(counting()), Session::new()).unwrap();
    let handle = host.handle();
    assert_eq!(result(&handle, GO), HResult::OK);
    let waiting = handle.clone();
    let waiter = std::thread::Builder::new().spawn(move || waiting.call(WAIT)).unwrap();
    let status = || handle.call(Command::GetExecutionStatus {}).unwrap().reply.count();
    while status() != Some(1) || handle.call(Command::GetPageSize {}).unwrap().instructions == 0 {}
    let write = || Command::WritePhysical { offset: DATA, buffer: b"\xf4".into() };
    assert_eq!(result(&handle, write()), HResult::UNEXPECTED);
    assert_eq!(result(&handle, Command::ReadMsr { msr: 0x10 }), HResult::UNEXPECTED);
    assert_eq!(result(&handle, WAIT), HResult::FAIL, "only one may wait");
    assert_eq!(result(&handle, Command::SetInterrupt { flags: 0 }), HResult::OK);
    let stopped = waiter.join().unwrap().unwrap();
    assert_eq!(stopped.reply.hresult, HResult::OK);
    let read = handle.call(Command::ReadPhysical { offset: DATA, buffer: Room::of(1) }).unwrap();
    assert_eq!((read.reply.bytes(), read.instructions), (&[0x48][..], stopped.instructions));
    assert_eq!(result(&handle, write()), HResult::OK);
    let (machine, _) = host.leave().unwrap();
    // Where it was stopped is the host's affair; that it is the same run is not.
    let mut again = counting();
    again.run(stopped.instructions);
    assert_eq!(again.cpus[0].state(), machine.cpus[0].state());
    again.inject(&ringhold_emulator::inject::Injection::new(
        ringhold_emulator::inject::Space::Physical,
        DATA,
        [0xf4],
    ));
    assert_eq!(again.state_hash(), machine.state_hash());
}

#[test]
fn a_timed_out_wait_leaves_the_target_running() {
    let host = Host::new(Box::new(counting()), Session::new()).unwrap();
    let handle = host.handle();
    assert_eq!(result(&handle, GO), HResult::OK);
    assert_eq!(result(&handle, Command::WaitForEvent { flags: 0, timeout: 1 }), HResult::FALSE);
    let now = || handle.call(Command::GetPageSize {}).unwrap().instructions;
    let then = now();
    while now() == then {}
    handle.break_in();
    assert_eq!(result(&handle, WAIT), HResult::OK);
    let stopped = now();
    assert_eq!(now(), stopped);
}

#[test]
fn one_who_leaves_ends_the_waiting() {
    let host = Host::new(Box::new(counting()), Session::new()).unwrap();
    let handle = host.handle();
    assert_eq!(result(&handle, GO), HResult::OK);
    let waiting = handle.clone();
    let waiter = std::thread::Builder::new().spawn(move || waiting.call(WAIT)).unwrap();
    while handle.call(Command::GetPageSize {}).unwrap().instructions == 0 {}
    assert!(host.leave().is_some());
    assert!(waiter.join().unwrap().is_none());
    assert!(handle.call(GO).is_none());
}
