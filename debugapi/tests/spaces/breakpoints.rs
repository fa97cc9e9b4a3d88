//! Breakpoints of a session: what they take, what hits them, and stepping over calls.

use ringhold_debugapi::command::{Command, Event, Input, Output, Reply, Room};
use ringhold_debugapi::session::breakpoints::{Kind, access, flag};
use ringhold_debugapi::{HResult, Session};
use ringhold_emulator::mmu::walk::Mode;

use crate::bench::{Bench, DATA, PORTS};

const ANY: u32 = u32::MAX;
const GO: u32 = 1;
const OVER: u32 = 4;
const INTO: u32 = 5;

/// A session over a machine in long mode with two pages at linear address zero: code, then data
/// with the stack above it.
struct Desk {
    bench: Bench,
    session: Session,
}

impl Desk {
    fn new(code: &[u8]) -> Self {
        let mut bench = Bench::paged(Mode::Level4);
        bench.map(0, DATA, 2);
        bench.map(0x1000, DATA + 0x1000, 2);
        bench.poke(DATA, code);
        let cpu = &mut bench.machine.cpus[0];
        cpu.rip = 0;
        cpu.gpr[4] = 0x1800;
        cpu.refresh();
        Self { bench, session: Session::new() }
    }

    fn call(&mut self, command: Command) -> Reply {
        self.session.execute(&mut self.bench.machine, &command)
    }

    fn result(&mut self, command: Command) -> HResult {
        self.call(command).hresult
    }

    fn add(&mut self, kind: u32) -> u64 {
        let reply = self.call(Command::AddBreakpoint { kind, desired_id: ANY });
        assert_eq!(reply.hresult, HResult::OK);
        reply.number().unwrap()
    }

    /// An enabled code breakpoint.
    fn code(&mut self, offset: u64, flags: u32) -> u64 {
        let breakpoint = self.add(0);
        self.ok(Command::SetOffset { breakpoint, offset });
        self.ok(Command::AddFlags { breakpoint, flags: flag::ENABLED | flags });
        breakpoint
    }

    /// An enabled data breakpoint.
    fn data(&mut self, offset: u64, size: u32, access_type: u32) -> u64 {
        let breakpoint = self.add(1);
        self.ok(Command::SetOffset { breakpoint, offset });
        self.ok(Command::SetDataParameters { breakpoint, size, access_type });
        self.ok(Command::SetFlags { breakpoint, flags: flag::ENABLED });
        breakpoint
    }

    fn ok(&mut self, command: Command) {
        let what = format!("{command:?}");
        assert_eq!(self.result(command), HResult::OK, "{what}");
    }

    /// Resumes and waits for a virtual millisecond; gives RIP, the kind of the event, and the first
    /// four bytes of its extra data.
    fn resume(&mut self, status: u32) -> (u64, u32, u32) {
        self.ok(Command::SetExecutionStatus { status });
        let waited = self.result(Command::WaitForEvent { flags: 0, timeout: 1 });
        assert_eq!(waited, HResult::OK);
        self.last()
    }

    fn last(&mut self) -> (u64, u32, u32) {
        let room = Room::of(200);
        let reply = self.call(Command::GetLastEventInformation { extra: room, description: room });
        let extra = reply.bytes()[..4].try_into().unwrap();
        (self.bench.machine.cpus[0].rip, reply.count().unwrap(), u32::from_le_bytes(extra))
    }

    fn description(&mut self) -> String {
        let room = Room::of(200);
        let reply = self.call(Command::GetLastEventInformation { extra: room, description: room });
        let Output::Bytes(text) = &reply.outputs[5] else { panic!("the description is text") };
        String::from_utf8(text[..text.len() - 1].to_vec()).unwrap()
    }

    fn number(&mut self) -> u32 {
        self.call(Command::GetNumberBreakpoints {}).count().unwrap()
    }
}

const STEP: u32 = 0x8000_0004;

/// `inc eax` three times and back.
const COUNT: &[u8] = &[0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xf8];

#[test]
fn a_fresh_breakpoint_is_empty_and_disabled() {
    let mut desk = Desk::new(COUNT);
    let breakpoint = desk.add(1);
    let all = desk.call(Command::GetParameters { breakpoint });
    let mut fresh = vec![0; 56];
    fresh[12] = 1;
    fresh[16..18].copy_from_slice(&[0x64, 0x86]);
    fresh[32] = 1;
    fresh[36] = 1;
    fresh[40..44].fill(0xff);
    assert_eq!(all.bytes(), fresh);
    assert_eq!(desk.call(Command::GetFlags { breakpoint }).count(), Some(0));
    assert_eq!(desk.call(Command::GetOffset { breakpoint }).number(), Some(0));
    assert_eq!(desk.call(Command::GetType { breakpoint }).outputs, [Output::U32(1), Output::U32(0x8664)]);
    assert_eq!(desk.result(Command::GetMatchThreadId { breakpoint }), HResult::NOINTERFACE);
    // Enabled, but without an offset: nothing can hit it.
    let code = desk.add(0);
    desk.ok(Command::AddFlags { breakpoint: code, flags: flag::ENABLED });
    assert!(desk.bench.machine.breakpoints.is_empty());
}

#[test]
fn ids_are_the_smallest_that_are_free_and_lists_go_by_them() {
    let mut desk = Desk::new(COUNT);
    let id = |desk: &mut Desk, breakpoint| desk.call(Command::GetId { breakpoint }).count().unwrap();
    let (zero, one) = (desk.add(0), desk.add(0));
    assert_eq!((id(&mut desk, zero), id(&mut desk, one)), (0, 1));
    let wanted = |id| Command::AddBreakpoint { kind: 0, desired_id: id };
    assert_eq!(desk.result(wanted(1)), HResult::INVALIDARG, "it is in use");
    let seven = desk.call(wanted(7)).number().unwrap();
    let removed = desk.call(Command::RemoveBreakpoint { breakpoint: zero });
    assert_eq!(removed.events, [Event::ChangeEngineState { flags: 4, argument: 0 }]);
    let again = desk.add(0);
    assert_eq!(id(&mut desk, again), 0);
    assert_ne!(again, zero, "a handle is never given twice");
    assert_eq!(desk.number(), 3);
    let handles: Vec<u64> =
        (0..3).map(|index| desk.call(Command::GetBreakpointByIndex { index }).number().unwrap()).collect();
    assert_eq!(handles, [again, one, seven]);
    assert_eq!(desk.result(Command::GetBreakpointByIndex { index: 3 }), HResult::NOINTERFACE);
    assert_eq!(desk.call(Command::GetBreakpointById { id: 7 }).number(), Some(seven));
    assert_eq!(desk.result(Command::GetBreakpointById { id: 2 }), HResult::NOINTERFACE);
    // What was removed is gone for good, whatever is asked.
    for command in [
        Command::GetId { breakpoint: zero },
        Command::SetOffset { breakpoint: zero, offset: 4 },
        Command::AddFlags { breakpoint: zero, flags: 4 },
        Command::GetParameters { breakpoint: zero },
        Command::RemoveBreakpoint { breakpoint: zero },
    ] {
        assert_eq!(desk.result(command), HResult::NOINTERFACE);
    }
    for (kind, hresult) in [(2, HResult::NOTIMPL), (3, HResult::NOTIMPL), (4, HResult::INVALIDARG)] {
        assert_eq!(desk.result(Command::AddBreakpoint { kind, desired_id: ANY }), hresult);
    }
    let listed = Command::GetBreakpointParameters { count: 3, ids: Input::Given(vec![7, 3, 0]), start: 0 };
    let reply = desk.call(listed);
    let ids: Vec<u8> = reply.bytes().chunks(56).map(|parameters| parameters[8]).collect();
    assert_eq!((reply.hresult, ids), (HResult::FALSE, vec![7, 0xff, 0]));
    let listed = Command::GetBreakpointParameters { count: 2, ids: Input::Null(0), start: 1 };
    let reply = desk.call(listed);
    let ids: Vec<u8> = reply.bytes().chunks(56).map(|parameters| parameters[8]).collect();
    assert_eq!((reply.hresult, ids), (HResult::OK, vec![1, 7]));
}

#[test]
fn flags_and_data_parameters_have_rules() {
    let mut desk = Desk::new(COUNT);
    let (code, data) = (desk.add(0), desk.add(1));
    for flags in [flag::DEFERRED, 0x20, flag::DEFERRED | flag::ENABLED] {
        for command in [
            Command::AddFlags { breakpoint: code, flags },
            Command::RemoveFlags { breakpoint: code, flags },
            Command::SetFlags { breakpoint: code, flags },
        ] {
            assert_eq!(desk.result(command), HResult::INVALIDARG);
        }
    }
    let set = |size, access_type| Command::SetDataParameters { breakpoint: data, size, access_type };
    assert_eq!(desk.result(Command::GetDataParameters { breakpoint: code }), HResult::NOINTERFACE);
    let reads = Command::SetDataParameters { breakpoint: code, size: 1, access_type: 1 };
    assert_eq!(desk.result(reads), HResult::NOINTERFACE);
    for (size, kind) in [(1, 1), (2, 2), (4, 3), (8, 3), (1, access::EXECUTE), (4, access::IO)] {
        desk.ok(set(size, kind));
        let now = desk.call(Command::GetDataParameters { breakpoint: data });
        assert_eq!(now.outputs, [Output::U32(size), Output::U32(kind)]);
    }
    for (size, kind) in
        [(3, 1), (0, 1), (16, 3), (2, access::EXECUTE), (8, access::IO), (1, 0), (1, 9), (1, 16)]
    {
        assert_eq!(desk.result(set(size, kind)), HResult::INVALIDARG, "{size} {kind}");
    }
    // The address must be a multiple of the size, whichever comes last.
    desk.ok(set(4, 3));
    assert_eq!(desk.result(Command::SetOffset { breakpoint: data, offset: 0x1002 }), HResult::INVALIDARG);
    desk.ok(Command::SetOffset { breakpoint: data, offset: 0x1004 });
    assert_eq!(desk.result(set(8, 3)), HResult::INVALIDARG);
    assert_eq!(desk.call(Command::GetOffset { breakpoint: data }).number(), Some(0x1004));
    desk.ok(Command::SetOffset { breakpoint: data, offset: 0x1_0000 });
    assert_eq!(desk.result(set(1, access::IO)), HResult::INVALIDARG, "there is no such port");
    assert_eq!(desk.result(Command::SetPassCount { breakpoint: code, count: 0 }), HResult::INVALIDARG);
    assert_eq!(desk.result(Command::SetMatchThreadId { breakpoint: code, thread: 1 }), HResult::NOINTERFACE);
    desk.ok(Command::SetMatchThreadId { breakpoint: code, thread: 0 });
    assert_eq!(desk.call(Command::GetMatchThreadId { breakpoint: code }).count(), Some(0));
}

#[test]
fn texts_are_kept_and_expressions_that_are_numbers_count() {
    let mut desk = Desk::new(COUNT);
    let breakpoint = desk.add(0);
    desk.ok(Command::SetCommand { breakpoint, command: "r;g".into() });
    let short = desk.call(Command::GetCommand { breakpoint, buffer: Room::of(3) });
    assert_eq!((short.hresult, short.bytes(), short.count()), (HResult::FALSE, &b"r;\0"[..], Some(4)));
    desk.ok(Command::SetOffsetExpression { breakpoint, expression: "0`4".into() });
    assert_eq!(desk.call(Command::GetOffset { breakpoint }).number(), Some(4));
    desk.ok(Command::SetOffsetExpression { breakpoint, expression: "nt!KeBugCheck".into() });
    assert_eq!(desk.result(Command::GetOffset { breakpoint }), HResult::NOINTERFACE);
    assert_eq!(desk.call(Command::GetFlags { breakpoint }).count(), Some(flag::DEFERRED));
    let text = desk.call(Command::GetOffsetExpression { breakpoint, buffer: Room::of(50) });
    assert_eq!(text.bytes(), b"nt!KeBugCheck\0");
    desk.ok(Command::SetOffset { breakpoint, offset: 2 });
    assert_eq!(desk.call(Command::GetFlags { breakpoint }).count(), Some(0));
    assert_eq!(desk.call(Command::GetOffsetExpression { breakpoint, buffer: Room::of(50) }).bytes(), b"\0");
}

#[test]
fn a_hit_is_an_event_and_the_target_goes_on_from_it() {
    let mut desk = Desk::new(COUNT);
    let breakpoint = desk.code(2, 0);
    desk.ok(Command::SetExecutionStatus { status: GO });
    let reply = desk.call(Command::WaitForEvent { flags: 0, timeout: ANY });
    let stopped = Event::ChangeEngineState { flags: 0x10, argument: 6 };
    let running = Event::ChangeEngineState { flags: 0x10, argument: 1 };
    let all = Event::ChangeDebuggeeState { flags: ANY, argument: 0 };
    assert_eq!(reply.events, [running, Event::Breakpoint { breakpoint, id: 0, flags: 4 }, stopped, all]);
    assert_eq!((desk.last(), desk.description()), ((2, 1, 0), "Breakpoint 0 hit".into()));
    assert_eq!(desk.bench.machine.instructions(), 1);
    for round in 1..4 {
        assert_eq!(desk.resume(GO), (2, 1, 0));
        assert_eq!(desk.bench.machine.instructions(), 1 + 4 * round);
    }
    // It survives while disabled, and goes when it is removed.
    desk.ok(Command::RemoveFlags { breakpoint, flags: flag::ENABLED });
    assert!(desk.bench.machine.breakpoints.is_empty());
    let here = desk.code(4, 0);
    assert_eq!(desk.resume(GO), (4, 1, 1));
    desk.ok(Command::AddFlags { breakpoint, flags: flag::ENABLED });
    assert_eq!(desk.resume(GO), (2, 1, 0));
    desk.ok(Command::RemoveBreakpoint { breakpoint: here });
    assert_eq!(desk.resume(GO), (2, 1, 0));
    desk.ok(Command::EndSession { flags: 0 });
    assert!(desk.bench.machine.breakpoints.is_empty(), "the session takes its breakpoints with it");
}

#[test]
fn passes_are_counted_down_and_the_last_stays() {
    let mut desk = Desk::new(COUNT);
    let breakpoint = desk.code(2, 0);
    desk.ok(Command::SetPassCount { breakpoint, count: 3 });
    assert_eq!(desk.resume(GO), (2, 1, 0));
    assert_eq!(desk.bench.machine.instructions(), 9);
    assert_eq!(desk.call(Command::GetPassCount { breakpoint }).count(), Some(3));
    assert_eq!(desk.call(Command::GetCurrentPassCount { breakpoint }).count(), Some(1));
    desk.resume(GO);
    assert_eq!(desk.bench.machine.instructions(), 13);
}

#[test]
fn a_breakpoint_for_one_time_vanishes() {
    let mut desk = Desk::new(COUNT);
    let breakpoint = desk.code(2, flag::ONE_SHOT);
    assert_eq!(desk.resume(GO), (2, 1, 0));
    assert_eq!(desk.number(), 0);
    // Callbacks can still ask it who it was.
    assert_eq!(desk.call(Command::GetId { breakpoint }).count(), Some(0));
    desk.code(4, 0);
    assert_eq!(desk.resume(GO), (4, 1, 0));
    assert_eq!(desk.result(Command::GetId { breakpoint }), HResult::NOINTERFACE);
    assert_eq!(desk.resume(GO), (4, 1, 0));
}

#[test]
fn a_step_onto_a_breakpoint_hits_it_unless_it_is_for_go_alone() {
    for (flags, kind) in [(0, 1), (flag::GO_ONLY, 2)] {
        let mut desk = Desk::new(COUNT);
        desk.code(2, flags);
        assert_eq!(desk.resume(INTO).1, kind);
        // Either way it was seen.
        assert_eq!(desk.resume(INTO), (4, 2, STEP));
        assert_eq!(desk.resume(GO), (2, 1, 0));
        assert_eq!(desk.bench.machine.instructions(), 5);
    }
}

#[test]
fn data_breakpoints_are_hit_after_the_access() {
    // mov [0x1004], eax; mov al, [0x1007]; mov [0x1008], al; inc byte [0x1004]; jmp
    let code = [
        &[0x89, 0x04, 0x25, 4, 0x10, 0, 0][..],
        &[0x8a, 0x04, 0x25, 7, 0x10, 0, 0],
        &[0x88, 0x04, 0x25, 8, 0x10, 0, 0],
        &[0xfe, 0x04, 0x25, 4, 0x10, 0, 0],
        &[0xeb, 0xe2],
    ]
    .concat();
    let mut desk = Desk::new(&code);
    let write = desk.data(0x1004, 4, access::WRITE);
    assert_eq!(
        (desk.resume(GO), desk.description()),
        ((7, 1, 0), "Breakpoint 0 hit: 4 bytes at address 0x1004 were written".into())
    );
    assert_eq!(
        (desk.resume(GO), desk.description()),
        ((28, 1, 0), "Breakpoint 0 hit: 1 bytes at address 0x1004 were modified".into())
    );
    desk.ok(Command::RemoveBreakpoint { breakpoint: write });
    let read = desk.data(0x1007, 1, access::READ);
    assert_eq!(desk.resume(GO), (14, 1, 0));
    desk.ok(Command::SetDataParameters {
        breakpoint: read,
        size: 1,
        access_type: access::READ | access::WRITE,
    });
    assert_eq!(desk.resume(GO), (7, 1, 0), "the write reaches to 0x1007");
    assert_eq!(desk.resume(GO), (14, 1, 0));
    desk.ok(Command::RemoveBreakpoint { breakpoint: read });
    // Beside what is accessed.
    let beside = desk.data(0x1009, 1, access::READ | access::WRITE);
    desk.ok(Command::SetExecutionStatus { status: GO });
    assert_eq!(desk.result(Command::WaitForEvent { flags: 0, timeout: 1 }), HResult::FALSE);
    // While it runs, breakpoints can be changed.
    desk.ok(Command::SetOffset { breakpoint: beside, offset: 0x1008 });
    assert_eq!(desk.result(Command::WaitForEvent { flags: 0, timeout: ANY }), HResult::OK);
    assert_eq!(desk.last(), (21, 1, 0));
    // A code breakpoint behind the access is hit with it, and not passed over.
    let behind = desk.code(21, 0);
    desk.ok(Command::SetExecutionStatus { status: GO });
    let reply = desk.call(Command::WaitForEvent { flags: 0, timeout: ANY });
    let hits = [
        Event::Breakpoint { breakpoint: beside, id: 0, flags: 4 },
        Event::Breakpoint { breakpoint: behind, id: 1, flags: 4 },
    ];
    assert_eq!(reply.events[1..3], hits);
}

#[test]
fn execution_and_ports_are_data_too() {
    // in al, dx; out dx, al; jmp
    let mut desk = Desk::new(&[0xec, 0xee, 0xeb, 0xfc]);
    desk.bench.machine.cpus[0].gpr[2] = PORTS + 1;
    desk.data(PORTS, 2, access::IO);
    assert_eq!(
        (desk.resume(GO), desk.description()),
        ((1, 1, 0), "Breakpoint 0 hit: 1 bytes at port 0x501 were read".into())
    );
    assert_eq!(desk.resume(GO), (2, 1, 0));
    desk.data(1, 1, access::EXECUTE);
    assert_eq!(desk.resume(GO), (1, 1, 0), "the port, and the instruction behind it");
    let beside = desk.data(PORTS + 2, 2, access::IO);
    assert_eq!(desk.resume(GO), (2, 1, 0));
    desk.ok(Command::RemoveBreakpoint { breakpoint: beside });
}

/// `f` calls itself: mov ecx, 3; call f; nop; jmp $; f: dec ecx; jz +5; call f; ret
const RECURSIVE: &[u8] = &[
    0xb9, 3, 0, 0, 0, 0xe8, 6, 0, 0, 0, 0x90, 0xeb, 0xfe, 0xcc, 0xcc, 0xcc, 0xff, 0xc9, 0x74, 5, 0xe8, 0xf7,
    0xff, 0xff, 0xff, 0xc3,
];

#[test]
fn a_step_over_a_call_ends_behind_it_at_its_own_depth() {
    let mut desk = Desk::new(RECURSIVE);
    assert_eq!(desk.resume(OVER), (5, 2, STEP));
    assert_eq!(desk.resume(INTO), (0x10, 2, STEP));
    assert_eq!(desk.resume(OVER), (0x12, 2, STEP));
    assert_eq!(desk.resume(OVER), (0x14, 2, STEP));
    let stack = desk.bench.machine.cpus[0].gpr[4];
    assert_eq!(desk.resume(OVER), (0x19, 2, STEP), "the call within comes to the same place first");
    assert_eq!((desk.bench.machine.cpus[0].gpr[4], desk.bench.machine.cpus[0].gpr[1]), (stack, 0));
    assert!(desk.bench.machine.breakpoints.is_empty());
}

#[test]
fn a_step_over_a_call_stops_at_breakpoints_within() {
    let mut desk = Desk::new(RECURSIVE);
    desk.resume(OVER);
    let within = desk.code(0x12, 0);
    let seldom = desk.code(0x19, flag::GO_ONLY);
    assert_eq!(desk.resume(OVER), (0x12, 1, 0));
    desk.ok(Command::RemoveBreakpoint { breakpoint: within });
    // Over the inner call; the breakpoint at its end is for GO alone.
    assert_eq!(desk.resume(INTO), (0x14, 2, STEP));
    assert_eq!(desk.resume(OVER), (0x19, 2, STEP));
    assert_eq!(desk.resume(INTO), (10, 2, STEP));
    desk.ok(Command::RemoveBreakpoint { breakpoint: seldom });
    assert!(desk.bench.machine.breakpoints.is_empty());
}

#[test]
fn a_step_over_a_string_instruction_does_all_its_iterations() {
    // mov ecx, 100; mov edi, 0x1000; rep stosb; nop
    let code = [0xb9, 100, 0, 0, 0, 0xbf, 0, 0x10, 0, 0, 0xf3, 0xaa, 0x90, 0x90];
    let mut desk = Desk::new(&code);
    desk.resume(INTO);
    desk.resume(INTO);
    assert_eq!(desk.resume(INTO), (10, 2, STEP), "one iteration");
    assert_eq!(desk.bench.machine.cpus[0].gpr[1], 99);
    assert_eq!(desk.resume(OVER), (12, 2, STEP));
    assert_eq!(desk.bench.machine.instructions(), 102);
}

#[test]
fn the_end_of_a_session_ends_its_step() {
    // call $: it never comes back.
    let mut desk = Desk::new(&[0xe8, 0, 0, 0, 0, 0xeb, 0xfe]);
    desk.bench.poke(DATA, &[0xe8, 2, 0, 0, 0, 0x90, 0x90, 0xeb, 0xfe]);
    desk.ok(Command::SetExecutionStatus { status: OVER });
    assert_eq!(desk.result(Command::WaitForEvent { flags: 0, timeout: 1 }), HResult::FALSE);
    assert_eq!(desk.call(Command::GetExecutionStatus {}).count(), Some(OVER));
    desk.ok(Command::EndSession { flags: 0 });
    assert!(desk.bench.machine.breakpoints.is_empty());
}

/// The session's stops are not those of others, and theirs not its own.
#[test]
fn others_have_breakpoints_too() {
    let mut desk = Desk::new(COUNT);
    desk.bench.machine.breakpoints.add(2);
    let (rip, kind, _) = desk.resume(GO);
    assert_eq!((rip, kind), (2, 0x100));
    let breakpoint = desk.code(2, 0);
    desk.ok(Command::SetPassCount { breakpoint, count: 2 });
    assert_eq!(desk.resume(GO).1, 0x100, "the session's does not count yet");
    assert_eq!(desk.resume(GO), (2, 1, 0));
}

/// The Rust face of the same.
#[test]
fn a_debugger_in_the_same_process_uses_them_directly() {
    let mut desk = Desk::new(COUNT);
    let machine = &mut desk.bench.machine;
    let handle = desk.session.add_breakpoint(Kind::Code, None).unwrap();
    desk.session.set_breakpoint_offset(machine, handle, 4).unwrap();
    desk.session.set_breakpoint_flags(machine, handle, flag::ENABLED).unwrap();
    let reply = desk.session.execute(machine, &Command::Run { instructions: 100 });
    assert_eq!(reply.outputs, [Output::U32(7), Output::U32(0)]);
    assert_eq!(machine.cpus[0].rip, 4);
    assert_eq!(desk.session.breakpoint(0).map(|b| (b.handle(), b.offset())), Some((handle, Some(4))));
    desk.session.remove_breakpoint(machine, handle).unwrap();
    assert_eq!(desk.session.breakpoints().count(), 0);
}

/// A run with breakpoints, stopped and resumed, is the run without.
#[test]
fn breakpoints_leave_the_guest_as_it_is() {
    let mut plain = Desk::new(RECURSIVE);
    plain.call(Command::Run { instructions: 20 });
    let mut stopped = Desk::new(RECURSIVE);
    stopped.code(0x10, 0);
    stopped.data(0x17f0, 8, access::READ | access::WRITE);
    let mut hits = 0;
    while stopped.bench.machine.instructions() < 20 {
        let left = 20 - stopped.bench.machine.instructions();
        let ended = stopped.call(Command::Run { instructions: left });
        assert_eq!(ended.hresult, HResult::OK);
        hits += u32::from(ended.outputs[0] == Output::U32(7));
    }
    assert_eq!(hits, 5, "three calls, one push and one pop");
    assert_eq!(stopped.bench.machine.state_hash(), plain.bench.machine.state_hash());
}
