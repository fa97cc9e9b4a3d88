//! Breakpoints: IDebugBreakpoint, and what of IDebugControl leads to one.
//!
//! A breakpoint is named by a number that `ringhold_add_breakpoint` gave and that is never given
//! again; after `ringhold_remove_breakpoint` every call with it answers 0x80004002.

use std::ffi::{c_char, c_void};

use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{Out, input, room, text};

use crate::{E_INVALIDARG, HRESULT, RingholdSession, call};

/// How many breakpoints there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_number_breakpoints(
    session: *const RingholdSession,
    number: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetNumberBreakpoints {}, &[Out::NeedU32(number)]) }
}

/// The breakpoint at a place of the list, which goes by ids; 0x80004002 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_breakpoint_by_index(
    session: *const RingholdSession,
    index: u32,
    breakpoint: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetBreakpointByIndex { index }, &[Out::NeedU64(breakpoint)]) }
}

/// The breakpoint with an id; 0x80004002 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_breakpoint_by_id(
    session: *const RingholdSession,
    id: u32,
    breakpoint: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetBreakpointById { id }, &[Out::NeedU64(breakpoint)]) }
}

/// Objects of 56 bytes (DEBUG_BREAKPOINT_PARAMETERS): of `count` ids, or with null of `count` breakpoints from
/// the index `start` on. One that is not there has the id 0xFFFFFFFF, and makes the answer S_FALSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_breakpoint_parameters(
    session: *const RingholdSession,
    count: u32,
    ids: *const u32,
    start: u32,
    parameters: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetBreakpointParameters { count, ids: input(ids, count), start },
            &[Out::NeedBytes(parameters)],
        )
    }
}

/// Adds a breakpoint, empty and disabled: kind 0 at code, 1 at data. `desired_id` 0xFFFFFFFF takes the
/// smallest that is free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_add_breakpoint(
    session: *const RingholdSession,
    kind: u32,
    desired_id: u32,
    breakpoint: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::AddBreakpoint { kind, desired_id }, &[Out::NeedU64(breakpoint)]) }
}

/// Removes a breakpoint.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_remove_breakpoint(
    session: *const RingholdSession,
    breakpoint: u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::RemoveBreakpoint { breakpoint }, &[]) }
}

/// The id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_id(
    session: *const RingholdSession,
    breakpoint: u64,
    id: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetId { breakpoint }, &[Out::NeedU32(id)]) }
}

/// The kind, and 0x8664.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_type(
    session: *const RingholdSession,
    breakpoint: u64,
    kind: *mut u32,
    processor_type: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(session, Command::GetType { breakpoint }, &[Out::NeedU32(kind), Out::NeedU32(processor_type)])
    }
}

/// The flags: 1 for go alone, 2 deferred, 4 enabled, 8 for its adder alone, 16 for one time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_flags(
    session: *const RingholdSession,
    breakpoint: u64,
    flags: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetFlags { breakpoint }, &[Out::NeedU32(flags)]) }
}

/// Adds flags.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_add_flags(
    session: *const RingholdSession,
    breakpoint: u64,
    flags: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::AddFlags { breakpoint, flags }, &[]) }
}

/// Takes flags away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_remove_flags(
    session: *const RingholdSession,
    breakpoint: u64,
    flags: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::RemoveFlags { breakpoint, flags }, &[]) }
}

/// Sets all flags but 2, which no one sets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_flags(
    session: *const RingholdSession,
    breakpoint: u64,
    flags: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetFlags { breakpoint, flags }, &[]) }
}

/// The linear address, or the port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_offset(
    session: *const RingholdSession,
    breakpoint: u64,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetOffset { breakpoint }, &[Out::NeedU64(offset)]) }
}

/// Sets the linear address, or the port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_offset(
    session: *const RingholdSession,
    breakpoint: u64,
    offset: u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetOffset { breakpoint, offset }, &[]) }
}

/// How many bytes, and for what: see `ringhold_breakpoint_set_data_parameters`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_data_parameters(
    session: *const RingholdSession,
    breakpoint: u64,
    size: *mut u32,
    access_type: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetDataParameters { breakpoint },
            &[Out::NeedU32(size), Out::NeedU32(access_type)],
        )
    }
}

/// How many bytes (1, 2, 4 or 8), and for what: 1 reads, 2 writes, 3 both, 4 execution (of 1 byte), 8 ports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_data_parameters(
    session: *const RingholdSession,
    breakpoint: u64,
    size: u32,
    access_type: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetDataParameters { breakpoint, size, access_type }, &[]) }
}

/// At which time it is hit, counted from 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_pass_count(
    session: *const RingholdSession,
    breakpoint: u64,
    count: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetPassCount { breakpoint }, &[Out::NeedU32(count)]) }
}

/// Sets at which time it is hit; counts anew.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_pass_count(
    session: *const RingholdSession,
    breakpoint: u64,
    count: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetPassCount { breakpoint, count }, &[]) }
}

/// How often it must still be reached.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_current_pass_count(
    session: *const RingholdSession,
    breakpoint: u64,
    count: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetCurrentPassCount { breakpoint }, &[Out::NeedU32(count)]) }
}

/// The processor that alone can hit it; 0x80004002 if all can.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_match_thread_id(
    session: *const RingholdSession,
    breakpoint: u64,
    thread: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetMatchThreadId { breakpoint }, &[Out::NeedU32(thread)]) }
}

/// Sets the processor that alone can hit it; 0xFFFFFFFF for all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_match_thread_id(
    session: *const RingholdSession,
    breakpoint: u64,
    thread: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetMatchThreadId { breakpoint, thread }, &[]) }
}

/// The command that is kept for a debugger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_command(
    session: *const RingholdSession,
    breakpoint: u64,
    buffer: *mut c_char,
    buffer_size: u32,
    command_size: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetCommand { breakpoint, buffer: room(buffer, buffer_size) },
            &[Out::Bytes(buffer.cast()), Out::U32(command_size)],
        )
    }
}

/// Sets the command that is kept for a debugger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_command(
    session: *const RingholdSession,
    breakpoint: u64,
    command: *const c_char,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(command) = text(command) else { return E_INVALIDARG };
        call(session, Command::SetCommand { breakpoint, command }, &[])
    }
}

/// The expression that gives the offset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_offset_expression(
    session: *const RingholdSession,
    breakpoint: u64,
    buffer: *mut c_char,
    buffer_size: u32,
    expression_size: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetOffsetExpression { breakpoint, buffer: room(buffer, buffer_size) },
            &[Out::Bytes(buffer.cast()), Out::U32(expression_size)],
        )
    }
}

/// Sets the expression that gives the offset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_set_offset_expression(
    session: *const RingholdSession,
    breakpoint: u64,
    expression: *const c_char,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(expression) = text(expression) else { return E_INVALIDARG };
        call(session, Command::SetOffsetExpression { breakpoint, expression }, &[])
    }
}

/// All of it: a DEBUG_BREAKPOINT_PARAMETERS of 56 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_breakpoint_get_parameters(
    session: *const RingholdSession,
    breakpoint: u64,
    parameters: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetParameters { breakpoint }, &[Out::NeedBytes(parameters)]) }
}
