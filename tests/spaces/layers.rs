//! The faces that the table is run against.
#![allow(unsafe_code, reason = "these are clients of COM and of C")]
#![allow(non_snake_case, reason = "callbacks have DbgEng's names")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::{Arc, Mutex};

use ringhold::boot::{self, Images};
use ringhold::debugapi::com::{
    self, IDebugControl4, IDebugDataSpaces4, IDebugHostMemory2, IDebugOutputCallbacks,
    IDebugOutputCallbacks_Impl, IDebugRegisters2, IDebugSymbols3, IDebugSystemObjects2,
};
use ringhold::debugapi::command::{Command, Interface as Family};
use ringhold::debugapi::{HResult, Handle, Host, Session};
use ringhold::{Config, Machine};
use ringhold_capi::{RingholdSession, ringhold_destroy, ringhold_execute};
use windows_core::{HRESULT, IUnknown, Interface, implement};

use crate::marshal::{self, Image};

/// A face of a machine that stands still.
pub trait Layer {
    /// Calls; gives the result, and the memory of each output as it is afterwards.
    fn call(&mut self, command: &Command) -> (HResult, Vec<Image>);

    /// Calls with null out-pointers; `None` where there are no pointers.
    fn call_nulled(&mut self, command: &Command) -> Option<HResult>;

    /// What was said since this was last asked.
    fn said(&mut self) -> String;

    /// The machine's state hash; `None` while it runs.
    fn state_hash(&mut self) -> Option<u128>;
}

/// The teaching machine's model has no pages of 1 GiB; some rules need them.
pub const GIGABYTE_PAGES: &str = "cpu.features.pdpe1gb=true";
/// Instructions until the teaching kernel has switched to 64-bit mode.
pub const AHEAD: u64 = 100_000;

/// The teaching machine, far enough that its kernel has switched to 64-bit mode.
pub fn machine() -> Machine {
    let mut config = Config::from_ron(ringhold::config::TEACHING, "teaching.ron").unwrap();
    config.set(GIGABYTE_PAGES).unwrap();
    let mut machine = Machine::from_config(config).unwrap();
    machine.run_for(AHEAD);
    assert_eq!(machine.cpu(0).code_size(), ringhold::emulator::cpu::CodeSize::Bits64);
    machine
}

/// A session that knows the modules of the guest, as one of the program does.
fn session() -> Session {
    let config = Config::from_ron(ringhold::config::TEACHING, "teaching.ron").unwrap();
    let mut session = Session::new();
    session.set_modules(boot::modules(&Images::read(&config).unwrap()));
    session
}

/// The session itself.
pub struct Rust {
    machine: Machine,
    session: Session,
    said: String,
}

impl Rust {
    pub fn new() -> Self {
        Self { machine: machine(), session: session(), said: String::new() }
    }
}

impl Layer for Rust {
    fn call(&mut self, command: &Command) -> (HResult, Vec<Image>) {
        let reply = self.session.execute(&mut self.machine, command);
        self.said += &marshal::said(&reply.events);
        (reply.hresult, marshal::images(command, &reply.outputs))
    }

    fn call_nulled(&mut self, _command: &Command) -> Option<HResult> {
        None
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }

    fn state_hash(&mut self) -> Option<u128> {
        Some(self.machine.state_hash())
    }
}

/// A machine on its thread, and the thread's end.
struct OnThread {
    host: Option<Host<Machine>>,
    handle: Handle,
}

impl OnThread {
    fn new() -> Self {
        let host = Host::new(machine(), session()).unwrap();
        Self { handle: host.handle(), host: Some(host) }
    }

    fn state_hash(&self) -> Option<u128> {
        let reply = self.handle.call(Command::GetStateHash {})?.reply;
        reply.bytes().try_into().ok().map(u128::from_le_bytes)
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        let left = self.host.take().map(Host::leave);
        assert!(left.flatten().is_some() || std::thread::panicking(), "the machine's thread came to grief");
    }
}

/// A function of any face with its object in front.
type Function =
    unsafe extern "system" fn(*mut c_void, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> i32;

/// Calls a function with a command's arguments.
///
/// # Safety
/// The function takes the arguments of the command's method behind the object, and is alive.
unsafe fn by_address(
    function: Function,
    this: *mut c_void,
    command: &Command,
    nulled: bool,
) -> (HResult, Vec<Image>) {
    // SAFETY: the caller vouches for the same.
    unsafe { prepared(function, this, (command, nulled), marshal::call(command, nulled)) }
}

/// Calls a function with the arguments that were made of a command.
///
/// # Safety
/// As [`by_address`].
unsafe fn prepared(
    function: Function,
    this: *mut c_void,
    (command, nulled): (&Command, bool),
    call: marshal::Call,
) -> (HResult, Vec<Image>) {
    let [a, b, c, d, e, f, g, h, i, j, k] = call.arguments;
    // SAFETY: the caller vouches for the function; the memory lives as long as `call`.
    let result = unsafe { function(this, a, b, c, d, e, f, g, h, i, j, k) };
    let mut images = call.images;
    if matches!(command, Command::GetDisplayStringForLocation { .. }) && !nulled {
        // SAFETY: the method has put a string there, or null.
        unsafe { unpack(&mut images[0]) };
    }
    (HResult(result as u32), images)
}

/// Puts the characters of a string of Automation in the place of the pointer to it, and frees it.
///
/// # Safety
/// The image begins with such a pointer, or null.
unsafe fn unpack(image: &mut Image) {
    let (pointer, untouched) = image.split_at_mut(8);
    let string = u64::from_le_bytes((&*pointer).try_into().unwrap()) as *mut u16;
    pointer.fill(untouched[0]);
    if string.is_null() {
        return;
    }
    // SAFETY: the caller vouches for the string, whose length in bytes stands before it.
    unsafe {
        let length = string.cast::<u32>().sub(1).read() as usize;
        let bytes = std::slice::from_raw_parts(string.cast::<u8>(), length);
        image[..length].copy_from_slice(bytes);
        com::free_string(string);
    }
}

/// Hears what the COM face says.
#[implement(IDebugOutputCallbacks)]
struct Heard(Arc<Mutex<String>>);

impl IDebugOutputCallbacks_Impl for Heard_Impl {
    unsafe fn Output(&self, _mask: u32, text: *const c_char) -> HRESULT {
        // SAFETY: the engine gives text that ends with a zero byte.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        self.0.lock().unwrap().push_str(&text);
        HRESULT(0)
    }
}

/// Hears what the C face says.
unsafe extern "C" fn hear(context: *mut c_void, _mask: u32, text: *const c_char) {
    // SAFETY: the context is the string that the caller gave, the text ends with a zero byte.
    unsafe { (*context.cast::<String>()).push_str(&CStr::from_ptr(text).to_string_lossy()) };
}

/// The COM interfaces, called through their vtables.
pub struct Com {
    client: IUnknown,
    thread: OnThread,
    said: Arc<Mutex<String>>,
    /// The objects of breakpoints, as they came: the place is the session's number for it, less one.
    breakpoints: Vec<IUnknown>,
}

impl Com {
    pub fn new() -> Self {
        let thread = OnThread::new();
        let client = com::create(Arc::new(thread.handle.clone()));
        let said = Arc::<Mutex<String>>::default();
        let heard: IDebugOutputCallbacks = Heard(Arc::clone(&said)).into();
        // SAFETY: the callbacks are alive, and the client keeps a reference of its own.
        unsafe { client.SetOutputCallbacks(heard.as_raw()).ok().unwrap() };
        Self { client: client.into(), thread, said, breakpoints: vec![] }
    }

    /// The object in place of a breakpoint's number.
    fn object(&self, number: u64) -> *mut c_void {
        self.breakpoints.get(number as usize - 1).map_or(std::ptr::null_mut(), Interface::as_raw)
    }

    /// The number in place of a breakpoint's object.
    fn number(&mut self, image: &mut Image) {
        let raw = u64::from_le_bytes(image.as_slice().try_into().unwrap()) as *mut c_void;
        if raw.is_null() {
            return;
        }
        // SAFETY: what the session gives is an interface with a reference.
        let object = unsafe { IUnknown::from_raw(raw) };
        let known = self.breakpoints.iter().position(|other| other.as_raw() == raw);
        let at = known.unwrap_or_else(|| {
            self.breakpoints.push(object);
            self.breakpoints.len() - 1
        });
        *image = (at as u64 + 1).to_le_bytes().to_vec();
    }

    /// A call of a breakpoint's own method: its number leaves the arguments.
    fn breakpoint_call(&self, command: &Command, nulled: bool) -> (HResult, Vec<Image>) {
        let mut call = marshal::call(command, nulled);
        let this = self.object(call.arguments[0]);
        call.arguments.rotate_left(1);
        // SAFETY: the object is alive, and its vtable has the slot.
        unsafe {
            let vtable = *this.cast::<*const Function>();
            prepared(*vtable.add(usize::from(command.number().1)), this, (command, nulled), call)
        }
    }

    fn vtable_call(&mut self, command: &Command, nulled: bool) -> (HResult, Vec<Image>) {
        let (family, slot) = command.number();
        let iid = match family {
            Family::Breakpoint => return self.breakpoint_call(command, nulled),
            Family::Registers => IDebugRegisters2::IID,
            Family::DataSpaces => IDebugDataSpaces4::IID,
            Family::HostMemory => IDebugHostMemory2::IID,
            Family::Control => IDebugControl4::IID,
            Family::SystemObjects => IDebugSystemObjects2::IID,
            Family::Symbols => IDebugSymbols3::IID,
            other => panic!("the table has no {other:?}"),
        };
        let mut this = std::ptr::null_mut();
        // SAFETY: the interface is released by its owner here, and its vtable has the slot.
        unsafe {
            self.client.query(&iid, &raw mut this).ok().unwrap();
            let owner = IUnknown::from_raw(this);
            let vtable = *owner.as_raw().cast::<*const Function>();
            let mut call = marshal::call(command, nulled);
            if let Command::RemoveBreakpoint { breakpoint } = command {
                call.arguments[0] = self.object(*breakpoint) as u64;
            }
            let (result, mut images) =
                prepared(*vtable.add(usize::from(slot)), owner.as_raw(), (command, nulled), call);
            let name = marshal::method(command).name;
            if ["AddBreakpoint", "GetBreakpointById", "GetBreakpointByIndex"].contains(&name) && !nulled {
                self.number(&mut images[0]);
            }
            (result, images)
        }
    }
}

impl Layer for Com {
    fn call(&mut self, command: &Command) -> (HResult, Vec<Image>) {
        self.vtable_call(command, false)
    }

    fn call_nulled(&mut self, command: &Command) -> Option<HResult> {
        Some(self.vtable_call(command, true).0)
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut *self.said.lock().unwrap())
    }

    fn state_hash(&mut self) -> Option<u128> {
        self.thread.state_hash()
    }
}

/// The functions of the C face.
pub struct C {
    session: *mut RingholdSession,
    thread: OnThread,
    said: String,
}

/// The function of a method, as an address.
fn function(name: &str) -> Function {
    macro_rules! functions {
        ($($method:ident $function:ident)*) => {
            match name {
                $(stringify!($method) => ringhold_capi::$function as *const (),)*
                other => panic!("the C face has no {other}"),
            }
        };
    }
    let address = functions! {
        ReadVirtual ringhold_read_virtual
        WriteVirtual ringhold_write_virtual
        SearchVirtual ringhold_search_virtual
        ReadVirtualUncached ringhold_read_virtual_uncached
        WriteVirtualUncached ringhold_write_virtual_uncached
        ReadPointersVirtual ringhold_read_pointers_virtual
        WritePointersVirtual ringhold_write_pointers_virtual
        ReadPhysical ringhold_read_physical
        WritePhysical ringhold_write_physical
        ReadControl ringhold_read_control
        WriteControl ringhold_write_control
        ReadIo ringhold_read_io
        WriteIo ringhold_write_io
        ReadMsr ringhold_read_msr
        WriteMsr ringhold_write_msr
        ReadBusData ringhold_read_bus_data
        WriteBusData ringhold_write_bus_data
        CheckLowMemory ringhold_check_low_memory
        ReadDebuggerData ringhold_read_debugger_data
        ReadProcessorSystemData ringhold_read_processor_system_data
        VirtualToPhysical ringhold_virtual_to_physical
        GetVirtualTranslationPhysicalOffsets ringhold_get_virtual_translation_physical_offsets
        ReadHandleData ringhold_read_handle_data
        FillVirtual ringhold_fill_virtual
        FillPhysical ringhold_fill_physical
        QueryVirtual ringhold_query_virtual
        ReadImageNtHeaders ringhold_read_image_nt_headers
        ReadTagged ringhold_read_tagged
        StartEnumTagged ringhold_start_enum_tagged
        GetNextTagged ringhold_get_next_tagged
        EndEnumTagged ringhold_end_enum_tagged
        GetOffsetInformation ringhold_get_offset_information
        GetNextDifferentlyValidOffsetVirtual ringhold_get_next_differently_valid_offset_virtual
        GetValidRegionVirtual ringhold_get_valid_region_virtual
        SearchVirtual2 ringhold_search_virtual2
        ReadMultiByteStringVirtual ringhold_read_multi_byte_string_virtual
        ReadMultiByteStringVirtualWide ringhold_read_multi_byte_string_virtual_wide
        ReadUnicodeStringVirtual ringhold_read_unicode_string_virtual
        ReadUnicodeStringVirtualWide ringhold_read_unicode_string_virtual_wide
        ReadPhysical2 ringhold_read_physical2
        WritePhysical2 ringhold_write_physical2
        ReadBytes ringhold_read_bytes
        WriteBytes ringhold_write_bytes
        ReadPointers ringhold_read_pointers
        WritePointers ringhold_write_pointers
        LinearizeLocation ringhold_linearize_location
        GetDisplayStringForLocation ringhold_get_display_string_for_location
        GetPromptText ringhold_get_prompt_text
        Disassemble ringhold_disassemble
        Evaluate ringhold_evaluate
        SetInterrupt ringhold_set_interrupt
        GetExecutionStatus ringhold_get_execution_status
        SetExecutionStatus ringhold_set_execution_status
        WaitForEvent ringhold_wait_for_event
        GetInstructionOffset ringhold_get_instruction_offset
        GetLastEventInformation ringhold_get_last_event_information
        GetStackTrace ringhold_get_stack_trace
        GetReturnOffset ringhold_get_return_offset
        GetNumberBreakpoints ringhold_get_number_breakpoints
        GetBreakpointByIndex ringhold_get_breakpoint_by_index
        GetBreakpointById ringhold_get_breakpoint_by_id
        GetBreakpointParameters ringhold_get_breakpoint_parameters
        AddBreakpoint ringhold_add_breakpoint
        RemoveBreakpoint ringhold_remove_breakpoint
        GetId ringhold_breakpoint_get_id
        GetType ringhold_breakpoint_get_type
        GetFlags ringhold_breakpoint_get_flags
        AddFlags ringhold_breakpoint_add_flags
        RemoveFlags ringhold_breakpoint_remove_flags
        SetFlags ringhold_breakpoint_set_flags
        GetOffset ringhold_breakpoint_get_offset
        SetOffset ringhold_breakpoint_set_offset
        GetDataParameters ringhold_breakpoint_get_data_parameters
        SetDataParameters ringhold_breakpoint_set_data_parameters
        GetPassCount ringhold_breakpoint_get_pass_count
        SetPassCount ringhold_breakpoint_set_pass_count
        GetCurrentPassCount ringhold_breakpoint_get_current_pass_count
        GetMatchThreadId ringhold_breakpoint_get_match_thread_id
        SetMatchThreadId ringhold_breakpoint_set_match_thread_id
        GetCommand ringhold_breakpoint_get_command
        SetCommand ringhold_breakpoint_set_command
        GetOffsetExpression ringhold_breakpoint_get_offset_expression
        SetOffsetExpression ringhold_breakpoint_set_offset_expression
        GetParameters ringhold_breakpoint_get_parameters
        GetSymbolOptions ringhold_get_symbol_options
        AddSymbolOptions ringhold_add_symbol_options
        RemoveSymbolOptions ringhold_remove_symbol_options
        SetSymbolOptions ringhold_set_symbol_options
        GetNameByOffset ringhold_get_name_by_offset
        GetOffsetByName ringhold_get_offset_by_name
        GetNearNameByOffset ringhold_get_near_name_by_offset
        GetNumberModules ringhold_get_number_modules
        GetModuleByIndex ringhold_get_module_by_index
        GetModuleByModuleName ringhold_get_module_by_module_name
        GetModuleByOffset ringhold_get_module_by_offset
        GetModuleNames ringhold_get_module_names
        GetModuleParameters ringhold_get_module_parameters
        GetModuleNameString ringhold_get_module_name_string
        StartSymbolMatch ringhold_start_symbol_match
        GetNextSymbolMatch ringhold_get_next_symbol_match
        EndSymbolMatch ringhold_end_symbol_match
        AddSyntheticModule ringhold_add_synthetic_module
        RemoveSyntheticModule ringhold_remove_synthetic_module
        AddSyntheticSymbol ringhold_add_synthetic_symbol
        GetImplicitProcessDataOffset ringhold_get_implicit_process_data_offset
        SetImplicitProcessDataOffset ringhold_set_implicit_process_data_offset
    };
    // SAFETY: on this platform C functions and those of COM are called alike, and a function that
    // takes fewer arguments does not look at more.
    unsafe { std::mem::transmute::<*const (), Function>(address) }
}

impl C {
    pub fn new() -> Self {
        let thread = OnThread::new();
        let session = RingholdSession::over(Arc::new(thread.handle.clone()));
        Self { session, thread, said: String::new() }
    }

    fn function_call(&self, command: &Command, nulled: bool) -> (HResult, Vec<Image>) {
        let function = function(marshal::method(command).name);
        // SAFETY: the function is that of the command, and the session is alive.
        unsafe { by_address(function, self.session.cast(), command, nulled) }
    }
}

impl Drop for C {
    fn drop(&mut self) {
        // SAFETY: the session is given up here.
        unsafe { ringhold_destroy(self.session) };
    }
}

impl Layer for C {
    fn call(&mut self, command: &Command) -> (HResult, Vec<Image>) {
        let Command::Execute { command: text, flags, .. } = command else {
            return self.function_call(command, false);
        };
        // Its output has a place of its own among the arguments.
        let text = CString::new(text.0.as_str()).unwrap();
        let said = (&raw mut self.said).cast();
        // SAFETY: the session is alive, and so is the string that hears.
        let result = unsafe { ringhold_execute(self.session, text.as_ptr(), *flags, Some(hear), said) };
        (HResult(result as u32), vec![])
    }

    fn call_nulled(&mut self, command: &Command) -> Option<HResult> {
        Some(self.function_call(command, true).0)
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }

    fn state_hash(&mut self) -> Option<u128> {
        self.thread.state_hash()
    }
}
