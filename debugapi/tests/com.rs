//! The COM face: identities, vtables, callbacks. What the methods mean is tested in the table of
//! cases of the workspace.
#![allow(unsafe_code, reason = "this is a client of COM")]
#![allow(non_snake_case, reason = "callbacks have DbgEng's names")]

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, Mutex};

use ringhold_debugapi::com::{self, *};
use ringhold_debugapi::command::{Command, METHODS, Reply};
use ringhold_debugapi::{Context, Execute, Location, Session};
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::state::{Segment, sreg};
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Machine};
use windows_core::{GUID, HRESULT, IUnknown, Interface, implement};

const EXTRACT: &str = include_str!("../src/com/interfaces.txt");

/// A machine of a mebibyte of RAM, paging off, that executes commands where it stands.
struct Here(Mutex<(Machine, Session)>);

impl Execute for Here {
    fn execute(&self, command: Command) -> Reply {
        let (machine, session) = &mut *self.0.lock().unwrap();
        session.execute(machine, &command)
    }
}

fn client() -> IDebugClient5 {
    let mut memory = Memory::new(0x10_0000).unwrap();
    memory.map_mut().add(Range::ram(0, 0x10_0000, 0)).unwrap();
    // In real mode: inc ax; mov [0x7e00], ax; jmp back
    memory.write(0x7c00, &[0x40, 0xa3, 0x00, 0x7e, 0xeb, 0xfa]);
    let mut machine = Machine::new(Board::new(memory, Clock::new(1000), 1), vec![CpuModel::default()]);
    let cpu = &mut machine.cpus[0];
    cpu.seg[usize::from(sreg::CS)] = Segment::real(0, true);
    cpu.rip = 0x7c00;
    cpu.refresh();
    com::create(Arc::new(Here(Mutex::new((machine, Session::new())))))
}

/// An interface of the extract: name, IID, the methods it adds with their slots.
struct Known {
    name: &'static str,
    iid: GUID,
    added: Vec<(u16, &'static str)>,
}

fn extract() -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    for line in EXTRACT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (first, second) = line.trim().split_once(' ').unwrap();
        match line.starts_with(' ') {
            true => all.last_mut().unwrap().added.push((first.parse().unwrap(), second)),
            false => {
                let iid = GUID::from_u128(u128::from_str_radix(&second.replace('-', ""), 16).unwrap());
                all.push(Known { name: first, iid, added: vec![] });
            }
        }
    }
    all
}

fn known(name: &str) -> Known {
    extract().into_iter().find(|known| known.name == name).unwrap()
}

/// The interfaces of the client: name, IID, slots in the vtable.
fn interfaces() -> Vec<(&'static str, GUID, usize)> {
    macro_rules! list {
        ($($name:ident $vtable:ident)*) => {
            vec![$((stringify!($name), $name::IID, size_of::<$vtable>() / size_of::<usize>())),*]
        };
    }
    list! {
        IDebugDataSpaces IDebugDataSpaces_Vtbl IDebugDataSpaces2 IDebugDataSpaces2_Vtbl
        IDebugDataSpaces3 IDebugDataSpaces3_Vtbl IDebugDataSpaces4 IDebugDataSpaces4_Vtbl
        IDebugHostMemory IDebugHostMemory_Vtbl IDebugHostMemory2 IDebugHostMemory2_Vtbl
        IDebugClient IDebugClient_Vtbl IDebugClient2 IDebugClient2_Vtbl
        IDebugClient3 IDebugClient3_Vtbl IDebugClient4 IDebugClient4_Vtbl
        IDebugClient5 IDebugClient5_Vtbl
        IDebugControl IDebugControl_Vtbl IDebugControl2 IDebugControl2_Vtbl
        IDebugControl3 IDebugControl3_Vtbl IDebugControl4 IDebugControl4_Vtbl
        IDebugRegisters IDebugRegisters_Vtbl IDebugRegisters2 IDebugRegisters2_Vtbl
        IDebugSystemObjects IDebugSystemObjects_Vtbl IDebugSystemObjects2 IDebugSystemObjects2_Vtbl
        IDebugSymbols IDebugSymbols_Vtbl IDebugSymbols2 IDebugSymbols2_Vtbl
        IDebugSymbols3 IDebugSymbols3_Vtbl
    }
}

/// A reference to another interface of an object.
fn query(from: &IUnknown, iid: &GUID) -> IUnknown {
    let mut found = std::ptr::null_mut();
    // SAFETY: the place is a variable; what is put there is released by its owner.
    unsafe {
        from.query(iid, &raw mut found).ok().unwrap();
        IUnknown::from_raw(found)
    }
}

#[test]
fn iids_and_vtable_sizes_are_the_published_ones() {
    for (name, iid, slots) in interfaces() {
        let known = known(name);
        assert_eq!(iid, known.iid, "{name}");
        assert_eq!(slots, usize::from(known.added.last().unwrap().0) + 1, "{name}");
    }
    for (name, iid) in [
        ("IDebugOutputCallbacks", IDebugOutputCallbacks::IID),
        ("IDebugEventCallbacks", IDebugEventCallbacks::IID),
        ("IDebugHostContext", IDebugHostContext::IID),
        ("IDebugBreakpoint", IDebugBreakpoint::IID),
        ("IDebugBreakpoint2", IDebugBreakpoint2::IID),
    ] {
        assert_eq!(iid, known(name).iid, "{name}");
    }
    assert_eq!(size_of::<IDebugBreakpoint_Vtbl>() / size_of::<usize>(), 24);
    assert_eq!(size_of::<IDebugBreakpoint2_Vtbl>() / size_of::<usize>(), 28);
}

/// The declarations make the vtables, so their order is the slots'.
#[test]
fn methods_are_declared_in_the_published_order() {
    let sources = [
        include_str!("../src/com/breakpoint.rs"),
        include_str!("../src/com/callbacks.rs"),
        include_str!("../src/com/client.rs"),
        include_str!("../src/com/context.rs"),
        include_str!("../src/com/control/interface.rs"),
        include_str!("../src/com/data_spaces.rs"),
        include_str!("../src/com/host_memory.rs"),
        include_str!("../src/com/registers.rs"),
        include_str!("../src/com/symbols/interface.rs"),
        include_str!("../src/com/system_objects.rs"),
    ]
    .join("\n");
    for known in extract() {
        let head = format!("pub unsafe trait {}: ", known.name);
        let (_, body) = sources.split_once(&head).unwrap_or_else(|| panic!("{} is missing", known.name));
        let (body, _) = body.split_once("\n}").unwrap();
        let declared: Vec<&str> = body
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub fn "))
            .map(|rest| rest.split('(').next().unwrap())
            .collect();
        let published: Vec<&str> = known.added.iter().map(|(_, name)| *name).collect();
        assert_eq!(declared, published, "{}", known.name);
    }
}

/// Commands have the numbers that the published vtables give to their methods.
#[test]
fn commands_are_numbered_as_the_published_slots() {
    for method in METHODS.iter().filter(|method| method.interface as u16 != 0) {
        let family = format!("IDebug{:?}", method.interface);
        let here = extract().into_iter().filter(|known| known.name.starts_with(&family));
        let names: BTreeSet<_> = here
            .flat_map(|known| known.added)
            .filter(|(slot, _)| *slot == method.slot)
            .map(|(_, name)| name)
            .collect();
        assert!(names.contains(method.name), "{family} {} {}: {names:?}", method.slot, method.name);
    }
}

#[test]
fn every_interface_leads_to_every_other_with_one_identity() {
    let client: IUnknown = client().into();
    let identity = query(&client, &IUnknown::IID).as_raw();
    for (from, iid, _) in interfaces() {
        let here = query(&client, &iid);
        assert_eq!(query(&here, &IUnknown::IID).as_raw(), identity, "{from}");
        for (to, iid, _) in interfaces() {
            let there = query(&here, &iid);
            assert_eq!(query(&there, &IUnknown::IID).as_raw(), identity, "{from} to {to}");
        }
    }
    let mut found = std::ptr::dangling_mut();
    // SAFETY: the place is a variable.
    let unknown = unsafe { client.query(&GUID::from_u128(1), &raw mut found) };
    assert_eq!((unknown.0 as u32, found), (0x8000_4002, std::ptr::null_mut()));
}

/// Methods that are the face's own, without a command.
const LOCAL: [&str; 29] = [
    "OutputVaList",
    "ControlledOutputVaList",
    "OutputPromptVaList",
    "OutputWide",
    "OutputVaListWide",
    "ControlledOutputWide",
    "ControlledOutputVaListWide",
    "OutputPromptWide",
    "OutputPromptVaListWide",
    "GetBreakpointByIndex2",
    "GetBreakpointById2",
    "AddBreakpoint2",
    "RemoveBreakpoint2",
    "EvaluateWide",
    "ExecuteWide",
    "GetOffsetByNameWide",
    "GetModuleByModuleNameWide",
    "GetModuleByModuleName2Wide",
    "StartSymbolMatchWide",
    "AddSyntheticModuleWide",
    "AddSyntheticSymbolWide",
    "CreateClient",
    "GetOutputCallbacks",
    "SetOutputCallbacks",
    "GetOutputMask",
    "SetOutputMask",
    "GetEventCallbacks",
    "SetEventCallbacks",
    "FlushCallbacks",
];

/// Every slot is called through its vtable: what has no command says that it is not implemented.
#[test]
fn what_has_no_command_is_not_implemented() {
    let client: IUnknown = client().into();
    let mut called = 0;
    for known in extract().iter().filter(|known| interfaces().iter().any(|(name, ..)| *name == known.name)) {
        let here = query(&client, &known.iid);
        for (slot, name) in &known.added {
            let method = METHODS.iter().any(|method| {
                let family = format!("IDebug{:?}", method.interface);
                method.name == *name && known.name.starts_with(&family)
            });
            if method || LOCAL.contains(name) {
                continue;
            }
            let this = here.as_raw();
            // SAFETY: the vtable has this slot, and a method that is not implemented takes
            // nothing but the interface, which the caller clears away.
            let hresult = unsafe {
                let vtable = *this.cast::<*const unsafe extern "system" fn(*mut c_void) -> HRESULT>();
                (*vtable.add(usize::from(*slot)))(this)
            };
            assert_eq!(hresult.0 as u32, 0x8000_4001, "{} {name}", known.name);
            called += 1;
        }
    }
    assert!(called > 300, "{called}");
}

type Told = Arc<Mutex<Vec<String>>>;
/// What the callbacks that are asked say, from the last on.
type Votes = Arc<Mutex<Vec<i32>>>;

#[implement(IDebugEventCallbacks, IDebugOutputCallbacks)]
struct Listener(Told, u32, Votes);

impl IDebugOutputCallbacks_Impl for Listener_Impl {
    unsafe fn Output(&self, mask: u32, text: *const c_char) -> HRESULT {
        // SAFETY: the engine gives text that ends with a zero byte.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        self.0.lock().unwrap().push(format!("output {mask} {text}"));
        HRESULT(0)
    }
}

macro_rules! never_called {
    ($($name:ident)*) => {$(
        unsafe fn $name(&self) -> HRESULT {
            self.0.lock().unwrap().push(stringify!($name).into());
            HRESULT(0)
        }
    )*};
}

impl IDebugEventCallbacks_Impl for Listener_Impl {
    never_called! {
        CreateThread ExitThread CreateProcessA ExitProcess LoadModule UnloadModule
        SystemError ChangeSymbolState
    }

    unsafe fn GetInterestMask(&self, mask: *mut u32) -> HRESULT {
        // SAFETY: the engine gives a place.
        unsafe { mask.write(self.1) };
        HRESULT(0)
    }

    unsafe fn Breakpoint(&self, breakpoint: *mut c_void) -> HRESULT {
        let mut id = u32::MAX;
        // SAFETY: the engine gives a breakpoint, with a reference, and it answers at once.
        unsafe {
            let breakpoint = IDebugBreakpoint::from_raw(breakpoint);
            breakpoint.GetId(&raw mut id).unwrap();
        }
        let mut told = self.0.lock().unwrap();
        told.push(format!("breakpoint {id}"));
        HRESULT(self.2.lock().unwrap().pop().unwrap_or(0))
    }

    unsafe fn Exception(&self, record: *const c_void, first_chance: u32) -> HRESULT {
        // SAFETY: the engine gives a record, which has its code in front.
        let code = unsafe { record.cast::<u32>().read_unaligned() };
        self.0.lock().unwrap().push(format!("exception {code:x} {first_chance}"));
        HRESULT(self.2.lock().unwrap().pop().unwrap_or(0))
    }

    unsafe fn SessionStatus(&self, status: u32) -> HRESULT {
        self.0.lock().unwrap().push(format!("session {status}"));
        HRESULT(0)
    }

    unsafe fn ChangeDebuggeeState(&self, flags: u32, argument: u64) -> HRESULT {
        self.0.lock().unwrap().push(format!("debuggee {flags} {argument}"));
        HRESULT(0)
    }

    unsafe fn ChangeEngineState(&self, flags: u32, argument: u64) -> HRESULT {
        self.0.lock().unwrap().push(format!("engine {flags} {argument}"));
        HRESULT(0)
    }
}

#[test]
fn all_clients_are_told_what_they_want_to_know() {
    let first = client();
    let told = [Told::default(), Told::default()];
    // SAFETY: all places are variables of this function, and all interfaces are alive.
    unsafe {
        let mut second = std::ptr::null_mut();
        first.CreateClient(&raw mut second).ok().unwrap();
        let second = IDebugClient5::from_raw(second);
        let wants = [u32::MAX, 0x800];
        for (at, client) in [&first, &second].into_iter().enumerate() {
            let listener: IDebugEventCallbacks =
                Listener(Arc::clone(&told[at]), wants[at], Votes::default()).into();
            client.SetEventCallbacks(listener.as_raw()).ok().unwrap();
            let output: IDebugOutputCallbacks = listener.cast().unwrap();
            client.SetOutputCallbacks(output.as_raw()).ok().unwrap();
        }
        second.SetOutputMask(2).ok().unwrap();
        let spaces: IDebugDataSpaces4 = second.cast().unwrap();
        let mut written = 7;
        spaces.WritePhysical(0x1000, b"hi".as_ptr().cast(), 2, &raw mut written).ok().unwrap();
        assert_eq!(written, 2);
        let failed = spaces.WritePhysical(1 << 40, b"hi".as_ptr().cast(), 2, &raw mut written);
        assert_eq!((failed.0 as u32, written), (0x8007_001d, 0));
        let control: IDebugControl4 = first.cast().unwrap();
        control.SetRadix(10).ok().unwrap();
        control.Output(1, c"100%%\n".as_ptr()).ok().unwrap();
        assert_eq!(control.Output(1, c"%y".as_ptr()).0 as u32, 0x8007_0057);
        second.SetEventCallbacks(std::ptr::null_mut()).ok().unwrap();
        control.SetRadix(8).ok().unwrap();
        let mut callbacks = std::ptr::dangling_mut();
        second.GetEventCallbacks(&raw mut callbacks).ok().unwrap();
        assert!(callbacks.is_null());
    }
    let told = told.map(|told| told.lock().unwrap().clone());
    assert_eq!(told[0], ["debuggee 2 1", "engine 128 10", "output 1 100%\n", "engine 128 8"]);
    assert_eq!(told[1], ["engine 128 10"]);
}

/// A method of open length, as a client in C sees it.
type Open = unsafe extern "C" fn(*mut c_void, u32, *const c_char, ...) -> i32;
type OpenControlled = unsafe extern "C" fn(*mut c_void, u32, u32, *const c_char, ...) -> i32;

#[test]
fn output_takes_the_arguments_that_its_format_asks_for() {
    let (first, told) = (client(), [Told::default(), Told::default()]);
    // SAFETY: all places are variables of this function, all interfaces are alive, and arguments
    // are those of the formats.
    unsafe {
        let mut second = std::ptr::null_mut();
        first.CreateClient(&raw mut second).ok().unwrap();
        let second = IDebugClient5::from_raw(second);
        for (client, told) in [&first, &second].into_iter().zip(&told) {
            let output: IDebugOutputCallbacks = Listener(Arc::clone(told), 0, Votes::default()).into();
            client.SetOutputCallbacks(output.as_raw()).ok().unwrap();
        }
        let control: IDebugControl = second.cast().unwrap();
        let this = control.as_raw();
        let slot = |slot: usize| *(*this.cast::<*const *const ()>()).add(slot);
        let output: Open = std::mem::transmute(slot(14));
        let controlled: OpenControlled = std::mem::transmute(slot(16));
        let prompt: Open = std::mem::transmute(slot(18));
        // More than there are registers for, of both kinds.
        let format = c"%d %s %x %f %I64x %u %c %g %p %f %f %f %f %f %f %f %f %d";
        let many = output(
            this,
            1,
            format.as_ptr(),
            -1i32,
            c"text".as_ptr(),
            0xabu32,
            1.5f64,
            1u64 << 40,
            7u32,
            65u32,
            0.25f64,
            0x1234u64,
            1.0f64,
            2.0f64,
            3.0f64,
            4.0f64,
            5.0f64,
            6.0f64,
            7.0f64,
            8.0f64,
            9i32,
        );
        assert_eq!(many, 0);
        let wide: Vec<u16> = "wide\0".encode_utf16().collect();
        assert_eq!(controlled(this, 0, 2, c"%S|%5.2s|".as_ptr(), wide.as_ptr(), c"narrow".as_ptr()), 0);
        assert_eq!(controlled(this, 1, 2, c"%d%%".as_ptr(), 5), 0);
        assert_eq!(controlled(this, 3, 2, c"%d".as_ptr(), 5), 0);
        assert_eq!(prompt(this, 1, c"%d> ".as_ptr(), 3), 0);
        assert_eq!(prompt(this, 1, std::ptr::null()), 0);
        let spaces: IDebugDataSpaces = second.cast().unwrap();
        let mut written = 0;
        spaces.WritePhysical(0x1000, c"there".as_ptr().cast(), 6, &raw mut written).ok().unwrap();
        // An address of the target.
        assert_eq!(output(this, 1, c"%ma".as_ptr(), 0x1000u64), 0);
        assert_eq!(output(this, 1, c"%d %y".as_ptr(), 1, 2) as u32, 0x8007_0057);
        assert_eq!(output(this, 1, std::ptr::null()) as u32, 0x8007_0057);
    }
    let told = told.map(|told| told.lock().unwrap().clone());
    let numbers = "1.000000 2.000000 3.000000 4.000000 5.000000 6.000000 7.000000 8.000000";
    let many = format!("output 1 -1 text ab 1.500000 10000000000 7 A 0.25 0000000000001234 {numbers} 9");
    let rest = ["output 2 5%", "output 16 kd> 3> ", "output 16 kd> ", "output 1 there"];
    assert_eq!(told[1], [&[many.as_str(), "output 2 wide|   na|"], &rest[..]].concat());
    assert_eq!(
        told[0],
        [&[many.as_str()], &rest[..]].concat(),
        "what is for one client, the other does not hear"
    );
}

/// A text of wide characters with its zero.
fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

#[test]
fn wide_forms_print_and_give_wide_text() {
    let (client, told) = (client(), Told::default());
    type OpenWide = unsafe extern "C" fn(*mut c_void, u32, *const u16, ...) -> i32;
    type OpenControlledWide = unsafe extern "C" fn(*mut c_void, u32, u32, *const u16, ...) -> i32;
    // SAFETY: all places are variables of this function, all interfaces are alive, and arguments
    // are those of the formats.
    unsafe {
        let output: IDebugOutputCallbacks = Listener(Arc::clone(&told), 0, Votes::default()).into();
        client.SetOutputCallbacks(output.as_raw()).ok().unwrap();
        let control: IDebugControl4 = client.cast().unwrap();
        let this = control.as_raw();
        let slot = |slot: usize| *(*this.cast::<*const *const ()>()).add(slot);
        let output: OpenWide = std::mem::transmute(slot(120));
        let controlled: OpenControlledWide = std::mem::transmute(slot(122));
        let prompt: OpenWide = std::mem::transmute(slot(124));
        // In a wide format a plain %s is wide.
        let (format, wide) = (utf16("%s %S %hs %d %f é"), utf16("wide"));
        let arguments = (wide.as_ptr(), c"narrow".as_ptr(), c"half".as_ptr());
        assert_eq!(output(this, 1, format.as_ptr(), arguments.0, arguments.1, arguments.2, -3, 0.5f64), 0);
        assert_eq!(controlled(this, 1, 2, utf16("%c%d").as_ptr(), 0xe9, 7), 0);
        assert_eq!(controlled(this, 3, 2, utf16("ignored").as_ptr()), 0);
        assert_eq!(prompt(this, 1, utf16("%d> ").as_ptr(), 3), 0);
        assert_eq!(prompt(this, 1, std::ptr::null()), 0);
        assert_eq!(output(this, 1, std::ptr::null()) as u32, 0x8007_0057);

        let (mut text, mut used, mut end) = ([0u16; 64], 0, 0);
        control.GetPromptTextWide(text.as_mut_ptr(), 64, &raw mut used).ok().unwrap();
        assert_eq!(text[..used as usize], utf16("kd> "));
        let code = control.DisassembleWide(0x7c00, 0, text.as_mut_ptr(), 8, &raw mut used, &raw mut end);
        assert_eq!((code.0, end), (1, 0x7c01));
        assert_eq!(text[..8], utf16("0000000"));

        let symbols: IDebugSymbols3 = client.cast().unwrap();
        let (image, name, late) = (utf16("a.sys"), utf16("driver"), utf16("läte"));
        symbols.AddSyntheticModuleWide(0x7000, 0x1000, image.as_ptr(), name.as_ptr(), 0).ok().unwrap();
        let nowhere = std::ptr::null_mut();
        symbols.AddSyntheticSymbolWide(0x7c00, 1, late.as_ptr(), 0, nowhere).ok().unwrap();
        let (mut offset, mut distance, mut index, mut handle) = (0, 0, 9, 0);
        symbols.GetOffsetByNameWide(utf16("driver!läte").as_ptr(), &raw mut offset).ok().unwrap();
        assert_eq!(offset, 0x7c00);
        let named =
            symbols.GetNameByOffsetWide(0x7c05, text.as_mut_ptr(), 9, &raw mut used, &raw mut distance);
        assert_eq!((named.0, used, distance), (1, 12, 5));
        assert_eq!(text[..9], utf16("driver!l"));
        let near = symbols.GetNearNameByOffsetWide(
            0x7c05,
            0,
            text.as_mut_ptr(),
            64,
            &raw mut used,
            &raw mut distance,
        );
        assert_eq!((near.0, &text[..12]), (0, &utf16("driver!läte")[..]));
        symbols.GetModuleByModuleNameWide(name.as_ptr(), 0, &raw mut index, &raw mut offset).ok().unwrap();
        assert_eq!((index, offset), (0, 0x7000));
        let none = symbols.GetModuleByModuleName2Wide(name.as_ptr(), 0, 1, &raw mut index, &raw mut offset);
        assert_eq!(none.0 as u32, 0x8000_4002, "no loaded modules");
        symbols
            .GetModuleNameStringWide(0, u32::MAX, 0x7000, text.as_mut_ptr(), 64, &raw mut used)
            .ok()
            .unwrap();
        assert_eq!(text[..used as usize], utf16("a.sys"));
        symbols.StartSymbolMatchWide(utf16("*!l?te").as_ptr(), &raw mut handle).ok().unwrap();
        symbols
            .GetNextSymbolMatchWide(handle, text.as_mut_ptr(), 64, &raw mut used, &raw mut offset)
            .ok()
            .unwrap();
        assert_eq!((&text[..12], offset), (&utf16("driver!läte")[..], 0x7c00));
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(
        told,
        ["output 1 wide narrow half -3 0.500000 é", "output 2 é7", "output 16 kd> 3> ", "output 16 kd> "]
    );
}

#[test]
fn a_breakpoint_has_wide_texts_by_its_second_version() {
    let client = client();
    // SAFETY: all places are variables of this function, and all interfaces are alive.
    unsafe {
        let control: IDebugControl4 = client.cast().unwrap();
        let (mut added, mut found) = (std::ptr::null_mut(), std::ptr::null_mut());
        control.AddBreakpoint2(0, u32::MAX, &raw mut added).ok().unwrap();
        let first = IDebugBreakpoint::from_raw(added);
        let second: IDebugBreakpoint2 = first.cast().unwrap();
        assert_eq!(second.as_raw(), first.as_raw(), "one table for both");
        second.SetCommandWide(utf16("r; é").as_ptr()).ok().unwrap();
        second.SetOffsetExpressionWide(utf16("7c00+1").as_ptr()).ok().unwrap();
        assert_eq!(second.SetCommandWide(std::ptr::null()).0 as u32, 0x8007_0057);
        let (mut text, mut used, mut offset) = ([0u16; 16], 0, 0);
        second.GetCommandWide(text.as_mut_ptr(), 16, &raw mut used).ok().unwrap();
        assert_eq!(text[..used as usize], utf16("r; é"));
        assert_eq!(second.GetOffsetExpressionWide(text.as_mut_ptr(), 4, &raw mut used).0, 1);
        assert_eq!((&text[..4], used), (&utf16("7c0")[..], 7));
        first.GetOffset(&raw mut offset).ok().unwrap();
        assert_eq!(offset, 0x7c01);
        control.GetBreakpointById2(0, &raw mut found).ok().unwrap();
        assert_eq!(IDebugBreakpoint2::from_raw(found).as_raw(), added);
        control.GetBreakpointByIndex2(0, &raw mut found).ok().unwrap();
        assert_eq!(IDebugBreakpoint2::from_raw(found).as_raw(), added);
        control.RemoveBreakpoint2(added).ok().unwrap();
        assert_eq!(first.GetOffset(&raw mut offset).0 as u32, 0x8000_4002);
    }
}

#[test]
fn commands_expressions_and_code_are_text() {
    let (client, told) = (client(), Told::default());
    // SAFETY: all places are variables of this function, and all interfaces are alive.
    unsafe {
        let output: IDebugOutputCallbacks = Listener(Arc::clone(&told), 0, Votes::default()).into();
        client.SetOutputCallbacks(output.as_raw()).ok().unwrap();
        let control: IDebugControl4 = client.cast().unwrap();
        assert_eq!(control.Execute(0, c"eb 1000 90 c3; db 1000 L2".as_ptr(), 0).0, 0);
        let wide: Vec<u16> = ".echo wide\0".encode_utf16().collect();
        assert_eq!(control.ExecuteWide(1, wide.as_ptr(), 0).0, 0);
        assert_eq!(control.Execute(3, c".echo ignored".as_ptr(), 0).0, 0);
        assert_eq!(control.Execute(1, std::ptr::null(), 0).0 as u32, 0x8007_0057);
        let (mut value, mut remainder) = ([0xa5u8; 32], 0);
        control
            .Evaluate(c"by 1001 rest".as_ptr(), 1, value.as_mut_ptr().cast(), &raw mut remainder)
            .ok()
            .unwrap();
        assert_eq!((value[0], value[28], remainder), (0xc3, 1, 8));
        let whole =
            control.Evaluate(c"by 1001 rest".as_ptr(), 1, value.as_mut_ptr().cast(), std::ptr::null_mut());
        assert_eq!(whole.0 as u32, 0x8000_4005);
        let wide: Vec<u16> = "1+1\0".encode_utf16().collect();
        control.EvaluateWide(wide.as_ptr(), 6, value.as_mut_ptr().cast(), std::ptr::null_mut()).ok().unwrap();
        assert_eq!(value[..8], 2f64.to_le_bytes());
        let (mut text, mut used, mut end) = ([0u8; 64], 0, 0);
        let room = text.as_mut_ptr().cast();
        control.Disassemble(0x1000, 0, room, 64, &raw mut used, &raw mut end).ok().unwrap();
        assert_eq!(
            (&text[..used as usize], end),
            (&b"00000000`00001000 90              nop\n\0"[..], 0x1001)
        );
        assert_eq!(control.Disassemble(0x1000, 0, room, 8, &raw mut used, &raw mut end).0, 1);
        assert_eq!(&text[..8], b"0000000\0");
        control.GetPromptText(room, 64, &raw mut used).ok().unwrap();
        assert_eq!(&text[..used as usize], b"kd> \0");
    }
    let told = told.lock().unwrap().clone();
    let bytes = format!("output 1 00000000`00001000  90 c3{}..\n", " ".repeat(44));
    assert_eq!(told, [bytes.as_str(), "output 1 wide\n"]);
}

#[test]
fn a_location_in_words_is_a_string_of_automation() {
    let memory: IDebugHostMemory2 = client().cast().unwrap();
    // SAFETY: the place is a variable, and the string is freed once.
    unsafe {
        let mut string = std::ptr::null_mut();
        let at = Location::physical(0x1234);
        memory.GetDisplayStringForLocation(std::ptr::null_mut(), at, 0, &raw mut string).ok().unwrap();
        let bytes = string.cast::<u32>().sub(1).read() as usize;
        let text = String::from_utf16_lossy(std::slice::from_raw_parts(string, bytes / 2));
        assert_eq!((text.as_str(), string.add(bytes / 2).read()), ("physical 0x1234", 0));
        com::free_string(string);
        let nowhere = Location { host_defined: 99 << 56, offset: 0 };
        let failed = memory.GetDisplayStringForLocation(std::ptr::null_mut(), nowhere, 0, &raw mut string);
        assert_eq!((failed.0 as u32, string), (0x8007_0057, std::ptr::null_mut()));
        let nulled = memory.GetDisplayStringForLocation(std::ptr::null_mut(), at, 0, std::ptr::null_mut());
        assert_eq!(nulled.0 as u32, 0x8007_0057);
    }
}

const OK: HRESULT = HRESULT(0);
const GONE: u32 = 0x8000_4002;

/// A client with callbacks that are told everything.
fn listening(client: &IDebugClient5) -> (Told, Votes) {
    let (told, votes) = (Told::default(), Votes::default());
    let listener: IDebugEventCallbacks = Listener(Arc::clone(&told), u32::MAX, Arc::clone(&votes)).into();
    // SAFETY: the callbacks are alive.
    unsafe { client.SetEventCallbacks(listener.as_raw()).unwrap() };
    (told, votes)
}

fn take(told: &Told) -> Vec<String> {
    std::mem::take(&mut *told.lock().unwrap())
}

#[test]
fn a_breakpoint_is_an_object_until_it_is_removed() {
    let client = client();
    let control: IDebugControl4 = client.cast().unwrap();
    // SAFETY: all places are variables of this function, and all interfaces are alive.
    unsafe {
        let mut raw = std::ptr::null_mut();
        assert_eq!(control.AddBreakpoint(0, u32::MAX, std::ptr::null_mut()).0 as u32, 0x8007_0057);
        assert_eq!(control.AddBreakpoint(9, u32::MAX, &raw mut raw).0 as u32, 0x8007_0057);
        assert!(raw.is_null());
        assert_eq!(control.AddBreakpoint(0, 5, &raw mut raw), OK);
        let breakpoint = IDebugBreakpoint::from_raw(raw);
        let (mut id, mut adder) = (0, std::ptr::null_mut());
        assert_eq!((breakpoint.GetId(&raw mut id), id), (OK, 5));
        assert_eq!(breakpoint.GetAdder(&raw mut adder), OK);
        assert_eq!(
            query(&IUnknown::from_raw(adder), &IUnknown::IID).as_raw(),
            query(&client, &IUnknown::IID).as_raw()
        );
        // Whichever way one comes to it, it is the same object; references say nothing of its life.
        let mut again = std::ptr::null_mut();
        assert_eq!((control.GetBreakpointById(5, &raw mut again), again), (OK, breakpoint.as_raw()));
        for _ in 0..2 {
            drop(IUnknown::from_raw(again));
        }
        assert_eq!((control.GetBreakpointByIndex(0, &raw mut again), again), (OK, breakpoint.as_raw()));
        drop(IUnknown::from_raw(again));
        assert_eq!(control.GetBreakpointByIndex(1, &raw mut again).0 as u32, GONE);
        assert!(again.is_null());
        let mut parameters = [0u8; 56];
        assert_eq!(breakpoint.GetParameters(parameters.as_mut_ptr().cast()), OK);
        assert_eq!(parameters[8], 5);
        let mut several = [0u8; 112];
        let missing = control.GetBreakpointParameters(2, [5, 6].as_ptr(), 0, several.as_mut_ptr().cast());
        assert_eq!((missing, &several[..56], several[64]), (HRESULT(1), &parameters[..], 0xff));
        assert_eq!(control.RemoveBreakpoint(std::ptr::null_mut()).0 as u32, 0x8007_0057);
        assert_eq!(control.RemoveBreakpoint(client.as_raw()).0 as u32, 0x8007_0057, "no breakpoint");
        assert_eq!(control.RemoveBreakpoint(breakpoint.as_raw()), OK);
        assert_eq!(breakpoint.GetId(&raw mut id).0 as u32, GONE);
        assert_eq!(control.RemoveBreakpoint(breakpoint.as_raw()).0 as u32, GONE);
        drop((control, client));
        assert_eq!(breakpoint.GetId(&raw mut id).0 as u32, 0x8000_ffff, "the session is gone, too");
    }
}

/// The callbacks are asked; what they say together is done.
#[test]
fn callbacks_hear_of_a_hit_and_decide() {
    let first = client();
    let (told, votes) = listening(&first);
    let control: IDebugControl4 = first.cast().unwrap();
    // SAFETY: all places are variables of this function, and all interfaces are alive.
    unsafe {
        let mut raw = std::ptr::null_mut();
        first.CreateClient(&raw mut raw).unwrap();
        let second = IDebugClient5::from_raw(raw);
        let (others, other_votes) = listening(&second);
        control.AddBreakpoint(1, u32::MAX, &raw mut raw).unwrap();
        let breakpoint = IDebugBreakpoint::from_raw(raw);
        breakpoint.SetOffset(0x7e00).unwrap();
        breakpoint.SetDataParameters(2, 2).unwrap();
        breakpoint.AddFlags(4).unwrap();
        assert_eq!(take(&told), ["engine 4 0"; 4]);
        control.SetExecutionStatus(1).unwrap();
        assert_eq!(control.WaitForEvent(0, u32::MAX), OK);
        assert_eq!(take(&told), ["engine 16 1", "breakpoint 0", "engine 16 6", "debuggee 4294967295 0"]);
        let registers: IDebugRegisters2 = first.cast().unwrap();
        let mut rip = 0;
        registers.GetInstructionOffset(&raw mut rip).unwrap();
        assert_eq!(rip, 0x7c04, "behind the access");
        // GO twice, then BREAK of one against GO of the other.
        *votes.lock().unwrap() = vec![1, 1, 1];
        *other_votes.lock().unwrap() = vec![6, 1, 0];
        take(&others);
        control.SetExecutionStatus(1).unwrap();
        assert_eq!(control.WaitForEvent(0, u32::MAX), OK);
        let rounds = ["engine 16 1", "breakpoint 0"].repeat(3);
        assert_eq!(take(&told), [rounds.clone(), vec!["engine 16 6", "debuggee 4294967295 0"]].concat());
        assert_eq!(take(&others).len(), 8);
        let index = |name: &std::ffi::CStr| {
            let mut index = 0;
            registers.GetIndexByName(name.as_ptr(), &raw mut index).unwrap();
            index
        };
        let mut value = [0u8; 32];
        registers.GetValue(index(c"ax"), value.as_mut_ptr().cast()).unwrap();
        assert_eq!(value[0], 4, "four rounds");
        // A step for the callbacks' sake, and one that they hear of.
        *votes.lock().unwrap() = vec![6, 5];
        control.SetExecutionStatus(1).unwrap();
        assert_eq!(control.WaitForEvent(0, u32::MAX), OK);
        let said = take(&told);
        assert_eq!(said[1..4], ["breakpoint 0", "engine 16 5", "exception 80000004 1"]);
        // For the adder alone.
        breakpoint.AddFlags(8).unwrap();
        take(&told);
        take(&others);
        control.SetExecutionStatus(1).unwrap();
        assert_eq!(control.WaitForEvent(0, u32::MAX), OK);
        assert!(take(&told).contains(&"breakpoint 0".into()));
        assert!(!take(&others).contains(&"breakpoint 0".into()));
        // A wait that ends by time ends, however often the callbacks say GO.
        *votes.lock().unwrap() = vec![1; 1_000_000];
        control.SetExecutionStatus(1).unwrap();
        assert_eq!(control.WaitForEvent(0, 1), HRESULT(1));
    }
}

#[test]
fn a_context_is_null_or_one_that_was_made_here() {
    let client = client();
    let memory: IDebugHostMemory2 = client.cast().unwrap();
    let at = Location::physical(0x2000);
    // SAFETY: all places are variables of this function, and all interfaces are alive.
    unsafe {
        let mut moved = 0;
        let own = com::context(Context { cpu: 0, root: None });
        let nobody = com::context(Context { cpu: 9, root: None });
        let mut write = |context: *mut c_void, location| {
            let hresult = memory.WriteBytes(context, location, b"abc".as_ptr().cast(), 3, &raw mut moved);
            (hresult.0 as u32, moved)
        };
        assert_eq!(write(std::ptr::null_mut(), at), (0, 3));
        assert_eq!(write(own.as_raw(), at), (0, 3));
        assert_eq!(write(client.as_raw(), at), (0x8007_0057, 3), "not a context");
        assert_eq!(write(nobody.as_raw(), Location::virtual_address(0)), (0x8007_0057, 0));
        // A part of it, in the last bytes of RAM.
        assert_eq!(write(std::ptr::null_mut(), Location::physical(0x10_0000 - 1)), (1, 1));
        let mut linear = Location::default();
        let virtual_address = Location::virtual_address(0x1234);
        memory.LinearizeLocation(own.as_raw(), virtual_address, &raw mut linear).ok().unwrap();
        assert_eq!(linear, virtual_address);
        assert!(memory.LinearizeLocation(own.as_raw(), at, &raw mut linear).is_err());
    }
}

#[test]
fn debug_create_gives_the_interface_asked_for() {
    let target: Arc<dyn Execute> = Arc::new(Here(Mutex::new((
        Machine::new(
            Board::new(Memory::new(0x1000).unwrap(), Clock::new(1000), 1),
            vec![CpuModel::default()],
        ),
        Session::new(),
    ))));
    let mut found = std::ptr::null_mut();
    // SAFETY: the place is a variable, and what is put there is released by its owner.
    unsafe {
        com::debug_create(Arc::clone(&target), &IDebugControl::IID, &raw mut found).ok().unwrap();
        let control = IDebugControl::from_raw(found);
        let mut kind = 0;
        control.GetActualProcessorType(&raw mut kind).ok().unwrap();
        assert_eq!(kind, 0x8664);
        assert_eq!(control.GetActualProcessorType(std::ptr::null_mut()).0 as u32, 0x8007_0057);
        let unknown = com::debug_create(target, &GUID::from_u128(2), &raw mut found);
        assert_eq!(unknown.0 as u32, 0x8000_4002);
    }
}
