//! The session: what it lets through when, and the calls that are not about data.

use ringhold_debugapi::command::{Command, Event, Input, Output, Reply, Room};
use ringhold_debugapi::{HResult, Session};
use ringhold_emulator::mmu::walk::Mode;

use crate::bench::{Bench, DATA};

/// A session over a machine in long mode that executes `code` at its RIP, over and over.
fn running(code: &[u8]) -> (Bench, Session) {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(0, DATA, 2);
    bench.poke(DATA, code);
    bench.machine.cpus[0].rip = 0;
    bench.machine.cpus[0].refresh();
    (bench, Session::new())
}

const LOOP: &[u8] = &[0xeb, 0xfe];

fn call(session: &mut Session, bench: &mut Bench, command: Command) -> Reply {
    session.execute(&mut bench.machine, &command)
}

fn result(session: &mut Session, bench: &mut Bench, command: Command) -> HResult {
    call(session, bench, command).hresult
}

fn go(session: &mut Session, bench: &mut Bench) -> HResult {
    assert_eq!(result(session, bench, Command::SetExecutionStatus { status: 1 }), HResult::OK);
    result(session, bench, Command::WaitForEvent { flags: 0, timeout: 1 })
}

fn status(session: &mut Session, bench: &mut Bench) -> Option<u32> {
    call(session, bench, Command::GetExecutionStatus {}).count()
}

#[test]
fn a_target_runs_until_it_is_interrupted() {
    let (mut bench, mut session) = running(LOOP);
    assert_eq!(status(&mut session, &mut bench), Some(6));
    assert_eq!(go(&mut session, &mut bench), HResult::FALSE);
    assert_eq!(status(&mut session, &mut bench), Some(1));
    // One virtual millisecond at 1000 ps for each instruction.
    assert_eq!(bench.machine.instructions(), 1_000_000);
    let again = Command::SetExecutionStatus { status: 1 };
    assert_eq!(result(&mut session, &mut bench, again), HResult::ACCESSDENIED);
    assert_eq!(result(&mut session, &mut bench, Command::SetInterrupt { flags: 0 }), HResult::OK);
    let reply = call(&mut session, &mut bench, Command::WaitForEvent { flags: 0, timeout: u32::MAX });
    assert_eq!(reply.hresult, HResult::OK);
    let stopped = Event::ChangeEngineState { flags: 0x10, argument: 6 };
    let exception = Event::Exception { code: 0x8000_0003, address: 0, first_chance: 1 };
    let all = Event::ChangeDebuggeeState { flags: u32::MAX, argument: 0 };
    assert_eq!(reply.events, [exception, stopped, all]);
    assert_eq!(bench.machine.instructions(), 1_000_000);
    assert_eq!(status(&mut session, &mut bench), Some(6));
}

#[test]
fn an_exit_interrupt_ends_the_waiting_only() {
    let (mut bench, mut session) = running(LOOP);
    go(&mut session, &mut bench);
    result(&mut session, &mut bench, Command::SetInterrupt { flags: 2 });
    let wait = Command::WaitForEvent { flags: 0, timeout: u32::MAX };
    assert_eq!(result(&mut session, &mut bench, wait), HResult::PENDING);
    assert_eq!(status(&mut session, &mut bench), Some(1));
}

#[test]
fn a_step_executes_one_instruction() {
    let (mut bench, mut session) = running(&[0x90, 0x90]);
    assert_eq!(result(&mut session, &mut bench, Command::SetExecutionStatus { status: 5 }), HResult::OK);
    let wait = Command::WaitForEvent { flags: 0, timeout: u32::MAX };
    assert_eq!(result(&mut session, &mut bench, wait), HResult::OK);
    assert_eq!((bench.machine.instructions(), bench.machine.cpus[0].rip), (1, 1));
    let room = Room::of(200);
    let last = Command::GetLastEventInformation { extra: room, description: room };
    let reply = call(&mut session, &mut bench, last);
    assert_eq!(reply.count(), Some(2));
    assert_eq!(reply.bytes()[..4], 0x8000_0004u32.to_le_bytes());
    assert_eq!(reply.bytes().len(), 160);
}

/// `cli; hlt`: nothing inside can wake it.
#[test]
fn a_halt_for_good_is_an_event() {
    let (mut bench, mut session) = running(&[0xfa, 0xf4]);
    assert_eq!(result(&mut session, &mut bench, Command::SetExecutionStatus { status: 1 }), HResult::OK);
    let wait = Command::WaitForEvent { flags: 0, timeout: u32::MAX };
    assert_eq!(result(&mut session, &mut bench, wait), HResult::OK);
    assert_eq!(status(&mut session, &mut bench), Some(6));
    let last = Command::GetLastEventInformation { extra: Room::none(0), description: Room::of(8) };
    let reply = call(&mut session, &mut bench, last);
    assert_eq!((reply.hresult, reply.count()), (HResult::FALSE, Some(0x100)));
    assert_eq!(reply.outputs[5], Output::Bytes(b"The gue\0".to_vec()));
}

#[test]
fn there_must_be_something_to_wait_for() {
    let (mut bench, mut session) = running(LOOP);
    let wait = Command::WaitForEvent { flags: 0, timeout: 0 };
    assert_eq!(result(&mut session, &mut bench, wait), HResult::UNEXPECTED);
    let flags = Command::WaitForEvent { flags: 1, timeout: 0 };
    assert_eq!(result(&mut session, &mut bench, flags), HResult::INVALIDARG);
}

#[test]
fn a_session_without_a_target_wants_to_be_attached() {
    let (mut bench, _) = running(LOOP);
    let mut session = Session::unattached();
    let read = || Command::ReadPhysical { offset: DATA, buffer: Room::of(2) };
    assert_eq!(status(&mut session, &mut bench), Some(7));
    assert_eq!(result(&mut session, &mut bench, read()), HResult::UNEXPECTED);
    let attach = || Command::AttachKernel { flags: 0, connect_options: "".into() };
    assert_eq!(result(&mut session, &mut bench, attach()), HResult::OK);
    // Attached only after the first WaitForEvent.
    assert_eq!(result(&mut session, &mut bench, read()), HResult::UNEXPECTED);
    let wait = Command::WaitForEvent { flags: 0, timeout: u32::MAX };
    let reply = call(&mut session, &mut bench, wait);
    assert_eq!(reply.hresult, HResult::OK);
    assert_eq!(reply.events[0], Event::SessionStatus { status: 0 });
    assert_eq!(bench.machine.instructions(), 0);
    assert_eq!(call(&mut session, &mut bench, read()).bytes(), LOOP);
    assert_eq!(result(&mut session, &mut bench, attach()), HResult::UNEXPECTED);
    assert_eq!(result(&mut session, &mut bench, Command::EndSession { flags: 2 }), HResult::OK);
    assert_eq!(result(&mut session, &mut bench, read()), HResult::UNEXPECTED);
}

#[test]
fn each_successful_write_raises_one_event() {
    let (mut bench, mut session) = running(LOOP);
    let write = Command::WriteVirtual { offset: 0, buffer: b"x".into() };
    let reply = call(&mut session, &mut bench, write);
    assert_eq!(reply.events, [Event::ChangeDebuggeeState { flags: 2, argument: 0 }]);
    let failed = Command::WriteVirtual { offset: 0x5000, buffer: b"x".into() };
    assert_eq!(call(&mut session, &mut bench, failed).events, []);
    let read = Command::ReadVirtual { offset: 0, buffer: Room::of(1) };
    assert_eq!(call(&mut session, &mut bench, read).events, []);
}

/// Handles of enumerations live as long as the session, not as a call.
#[test]
fn an_enumeration_is_kept_between_calls() {
    let (mut bench, mut session) = running(LOOP);
    let handle = call(&mut session, &mut bench, Command::StartEnumTagged {}).number().unwrap();
    let next = || Command::GetNextTagged { handle };
    assert_eq!(result(&mut session, &mut bench, next()), HResult::OK);
    assert_eq!(result(&mut session, &mut bench, next()), HResult::FALSE);
    assert_eq!(result(&mut session, &mut bench, Command::EndEnumTagged { handle }), HResult::OK);
    assert_eq!(result(&mut session, &mut bench, next()), HResult::INVALIDARG);
}

#[test]
fn a_null_buffer_is_invalid_unless_nothing_is_asked_for() {
    let (mut bench, mut session) = running(LOOP);
    let read = |buffer| Command::ReadVirtual { offset: 0, buffer };
    assert_eq!(result(&mut session, &mut bench, read(Room::none(1))), HResult::INVALIDARG);
    assert_eq!(result(&mut session, &mut bench, read(Room::none(0))), HResult::OK);
    let write = |buffer| Command::WriteVirtual { offset: 0, buffer };
    assert_eq!(result(&mut session, &mut bench, write(Input::Null(1))), HResult::INVALIDARG);
    assert_eq!(result(&mut session, &mut bench, write(Input::Null(0))), HResult::OK);
}

#[test]
fn registers_are_named_described_read_and_written() {
    let (mut bench, mut session) = running(LOOP);
    let mut index = |name: &str| {
        let reply = call(&mut session, &mut bench, Command::GetIndexByName { name: name.into() });
        (reply.hresult, reply.count().unwrap())
    };
    let (rax, ah) = (index("RAX").1, index("ah").1);
    assert_eq!(index("nothing").0, HResult::NOINTERFACE);
    let mut value = [0; 32];
    value[..8].copy_from_slice(&0x1122_3344_5566_7788u64.to_le_bytes());
    value[28] = 4;
    let reply = call(&mut session, &mut bench, Command::SetValue { register: rax, value });
    assert_eq!(reply.hresult, HResult::OK);
    assert_eq!(reply.events, [Event::ChangeDebuggeeState { flags: 1, argument: 0xffff_ffff }]);
    // The named bits alone are changed, and a wider number is cut.
    result(&mut session, &mut bench, Command::SetValue { register: ah, value });
    assert_eq!(bench.machine.cpus[0].gpr[0], 0x1122_3344_5566_8888);
    let reply = call(&mut session, &mut bench, Command::GetValue { register: ah });
    assert_eq!((reply.bytes()[0], reply.bytes()[28]), (0x88, 1));
    let bad = Command::GetValue { register: 0xffff };
    assert_eq!(result(&mut session, &mut bench, bad), HResult::INVALIDARG);
    let reply = call(&mut session, &mut bench, Command::GetDescription { register: ah, name: Room::of(3) });
    assert_eq!((reply.hresult, reply.bytes()), (HResult::OK, &b"ah\0"[..]));
    let mut description = vec![1, 0, 0, 0, 1, 0, 0, 0];
    description.extend(rax.to_le_bytes());
    description.extend([8, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(reply.outputs[2], Output::Bytes(description));
    let reply = call(&mut session, &mut bench, Command::GetDescription { register: ah, name: Room::of(2) });
    assert_eq!((reply.hresult, reply.bytes()), (HResult::FALSE, &b"a\0"[..]));
}

#[test]
fn several_registers_are_read_and_written_at_once() {
    let (mut bench, mut session) = running(LOOP);
    let mut value = [0; 32];
    (value[0], value[28]) = (7, 1);
    let indices = || Input::Given(vec![1, 3]);
    let values = Input::Given(vec![value, value]);
    let set = Command::SetValues { indices: indices(), start: 0, values };
    assert_eq!(result(&mut session, &mut bench, set), HResult::OK);
    let gpr = bench.machine.cpus[0].gpr;
    assert_eq!((gpr[1], gpr[3]), (7, 7));
    let get = Command::GetValues { count: 4, indices: Input::Null(0), start: 0 };
    let reply = call(&mut session, &mut bench, get);
    let first: Vec<u8> = reply.bytes().chunks(32).map(|value| value[0]).collect();
    assert_eq!(first, [gpr[0] as u8, 7, gpr[2] as u8, 7]);
    let beyond = Command::GetValues { count: 2, indices: Input::Null(0), start: u32::MAX };
    assert_eq!(result(&mut session, &mut bench, beyond), HResult::INVALIDARG);
}

#[test]
fn processors_are_the_threads() {
    let (mut bench, mut session) = running(LOOP);
    let mut ask = |command| call(&mut session, &mut bench, command);
    assert_eq!(ask(Command::GetNumberThreads {}).count(), Some(1));
    assert_eq!(ask(Command::GetNumberProcessors {}).count(), Some(1));
    assert_eq!(ask(Command::SetCurrentThreadId { id: 0 }).hresult, HResult::OK);
    assert_eq!(ask(Command::SetCurrentThreadId { id: 1 }).hresult, HResult::NOINTERFACE);
    assert_eq!(ask(Command::GetThreadIdsByIndex { start: 0, count: 1 }).bytes(), [0; 4]);
    assert_eq!(ask(Command::GetThreadIdsByIndex { start: 1, count: 1 }).hresult, HResult::INVALIDARG);
    assert_eq!(ask(Command::GetActualProcessorType {}).count(), Some(0x8664));
    assert_eq!(ask(Command::IsPointer64Bit {}).hresult, HResult::OK);
    assert_eq!(ask(Command::SetEffectiveProcessorType { processor_type: 0x14c }).hresult, HResult::OK);
    assert_eq!(ask(Command::IsPointer64Bit {}).hresult, HResult::FALSE);
}

/// The effective processor type decides how wide pointers are.
#[test]
fn pointers_follow_the_effective_processor_type() {
    let (mut bench, mut session) = running(LOOP);
    bench.poke(DATA, &[0, 0, 0, 0x80, 1, 2, 3, 4]);
    let read = || Command::ReadPointersVirtual { offset: 0, pointers: Room::of(1) };
    let wide = Output::Pointers(vec![0x0403_0201_8000_0000]);
    assert_eq!(call(&mut session, &mut bench, read()).outputs, [wide]);
    result(&mut session, &mut bench, Command::SetEffectiveProcessorType { processor_type: 0x14c });
    let narrow = Output::Pointers(vec![0xffff_ffff_8000_0000]);
    assert_eq!(call(&mut session, &mut bench, read()).outputs, [narrow]);
}

/// The implicit process is a paging root; zero leads back to the processor's own.
#[test]
fn the_implicit_process_selects_the_paging_root() {
    let (mut bench, mut session) = running(LOOP);
    let own = bench.machine.cpus[0].control.cr3;
    let get = || Command::GetImplicitProcessDataOffset {};
    let set = |offset| Command::SetImplicitProcessDataOffset { offset };
    let read = || Command::ReadVirtual { offset: 0, buffer: Room::of(1) };
    assert_eq!(call(&mut session, &mut bench, get()).number(), Some(own));
    result(&mut session, &mut bench, set(0x2000));
    assert_eq!(call(&mut session, &mut bench, get()).number(), Some(0x2000));
    assert_eq!(result(&mut session, &mut bench, read()), HResult::READ_FAULT);
    result(&mut session, &mut bench, set(0));
    assert_eq!(result(&mut session, &mut bench, read()), HResult::OK);
}

/// A target that runs without anyone waiting keeps its event for the one who asks next.
#[test]
fn an_event_no_one_waits_for_is_kept() {
    let (mut bench, mut session) = running(&[0x90, 0xfa, 0xf4]);
    session.execute(&mut bench.machine, &Command::SetExecutionStatus { status: 1 });
    let wait = Command::WaitForEvent { flags: 0, timeout: 0 };
    assert_eq!(result(&mut session, &mut bench, wait.clone()), HResult::FALSE);
    assert!(!session.run_slice(&mut bench.machine));
    assert_eq!(status(&mut session, &mut bench), Some(1));
    assert_eq!(result(&mut session, &mut bench, wait), HResult::OK);
    assert_eq!(status(&mut session, &mut bench), Some(6));
}
