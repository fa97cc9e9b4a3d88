//! The execution and the kind of the target: IDebugControl and IDebugSystemObjects.

use std::ffi::{CString, c_char, c_void};

use ringhold::debugapi::command::{Command, Event};
use ringhold::debugapi::edge::{self, Out, room, text};

use crate::{E_INVALIDARG, HRESULT, RingholdSession, call, result};

/// S_OK if the user has asked for an interrupt, S_FALSE if not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_interrupt(session: *const RingholdSession) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetInterrupt {}, &[]) }
}

/// 0 stops a running target, 1 notes that the user wants it, 2 ends the waiting for an event. From any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_interrupt(session: *const RingholdSession, flags: u32) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetInterrupt { flags }, &[]) }
}

/// Class 1 is a kernel; 0 is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_debuggee_type(
    session: *const RingholdSession,
    debuggee_class: *mut u32,
    qualifier: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(session, Command::GetDebuggeeType {}, &[Out::NeedU32(debuggee_class), Out::NeedU32(qualifier)])
    }
}

/// 0x8664
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_actual_processor_type(
    session: *const RingholdSession,
    kind: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetActualProcessorType {}, &[Out::NeedU32(kind)]) }
}

/// 0x8664, or 0x14C in 16-bit and 32-bit code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_executing_processor_type(
    session: *const RingholdSession,
    kind: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetExecutingProcessorType {}, &[Out::NeedU32(kind)]) }
}

/// How many processors there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_number_processors(
    session: *const RingholdSession,
    number: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetNumberProcessors {}, &[Out::NeedU32(number)]) }
}

/// 4096
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_page_size(session: *const RingholdSession, size: *mut u32) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetPageSize {}, &[Out::NeedU32(size)]) }
}

/// S_OK for yes, S_FALSE for no.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_is_pointer64_bit(session: *const RingholdSession) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::IsPointer64Bit {}, &[]) }
}

/// What decides about the size of pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_effective_processor_type(
    session: *const RingholdSession,
    kind: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetEffectiveProcessorType {}, &[Out::NeedU32(kind)]) }
}

/// 0x8664 or 0x14C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_effective_processor_type(
    session: *const RingholdSession,
    processor_type: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetEffectiveProcessorType { processor_type }, &[]) }
}

/// 1 runs, 6 stands still, 7 there is no target.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_execution_status(
    session: *const RingholdSession,
    status: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetExecutionStatus {}, &[Out::NeedU32(status)]) }
}

/// 1 go, 4 one instruction but over calls, 5 one instruction; it takes effect at the next `ringhold_wait_for_event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_execution_status(
    session: *const RingholdSession,
    status: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetExecutionStatus { status }, &[]) }
}

/// Lets the target run until something stops it, at most so many milliseconds of its own time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_wait_for_event(
    session: *const RingholdSession,
    flags: u32,
    timeout: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::WaitForEvent { flags, timeout }, &[]) }
}

/// What the last event was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_last_event_information(
    session: *const RingholdSession,
    kind: *mut u32,
    process: *mut u32,
    thread: *mut u32,
    extra: *mut c_void,
    extra_size: u32,
    extra_used: *mut u32,
    description: *mut c_char,
    description_size: u32,
    description_used: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetLastEventInformation {
                extra: room(extra, extra_size),
                description: room(description, description_size),
            },
            &[
                Out::NeedU32(kind),
                Out::NeedU32(process),
                Out::NeedU32(thread),
                Out::Bytes(extra),
                Out::U32(extra_used),
                Out::Bytes(description.cast()),
                Out::U32(description_used),
            ],
        )
    }
}

/// The current processor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_current_thread_id(
    session: *const RingholdSession,
    id: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetCurrentThreadId {}, &[Out::NeedU32(id)]) }
}

/// Selects the current processor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_current_thread_id(session: *const RingholdSession, id: u32) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetCurrentThreadId { id }, &[]) }
}

/// How many processors there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_number_threads(
    session: *const RingholdSession,
    number: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetNumberThreads {}, &[Out::NeedU32(number)]) }
}

/// The paging root of virtual accesses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_implicit_process_data_offset(
    session: *const RingholdSession,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetImplicitProcessDataOffset {}, &[Out::NeedU64(offset)]) }
}

/// Selects a paging root in place of the processor's own; 0 leads back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_implicit_process_data_offset(
    session: *const RingholdSession,
    offset: u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetImplicitProcessDataOffset { offset }, &[]) }
}

/// Told what a command says: the context that was given with it, the kind of text
/// (`DEBUG_OUTPUT_*`: 1 normal, 2 error, 16 prompt), and the text.
pub type RingholdOutput = Option<unsafe extern "C" fn(context: *mut c_void, mask: u32, text: *const c_char)>;

/// Carries out a console command in WinDbg's syntax; `output`, unless null, hears what it says
/// before this returns. Flags: 1 echoes the command, 4 keeps an empty line from repeating it. A
/// command that lets the target run takes effect at the next `ringhold_wait_for_event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_execute(
    session: *const RingholdSession,
    command: *const c_char,
    flags: u32,
    output: RingholdOutput,
    context: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    let (session, command) = unsafe { (session.as_ref(), text(command)) };
    let (Some(session), Some(command)) = (session, command) else { return E_INVALIDARG };
    // DEBUG_OUTCTL_ALL_CLIENTS, of which there is one.
    let command = Command::Execute { output_control: 1, command, flags };
    // SAFETY: there is no place.
    let reply = unsafe { edge::call(session.target(), command, &[]) };
    for event in &reply.events {
        let (Event::Output { mask, text }, Some(output)) = (event, output) else { continue };
        let Ok(text) = CString::new(text.replace('\0', "")) else { continue };
        // SAFETY: a C client vouches for its function; the text lives until it returns.
        unsafe { output(context, *mask, text.as_ptr()) };
    }
    session.note(reply.events);
    result(reply.hresult)
}

/// The value of a MASM expression as a DEBUG_VALUE of 32 bytes; type 0 takes 64 bits. Without a
/// place for the index behind the expression, all of the text must be one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_evaluate(
    session: *const RingholdSession,
    expression: *const c_char,
    desired_type: u32,
    value: *mut c_void,
    remainder: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(expression) = text(expression) else { return E_INVALIDARG };
        let command = Command::Evaluate { expression, desired_type, remainder: !remainder.is_null() };
        call(session, command, &[Out::NeedBytes(value), Out::U32(remainder)])
    }
}

/// The instruction at an address: address, bytes and words, and where the next one begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_disassemble(
    session: *const RingholdSession,
    offset: u64,
    flags: u32,
    buffer: *mut c_char,
    size: u32,
    used: *mut u32,
    end: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command = Command::Disassemble { offset, flags, buffer: room(buffer, size) };
        call(session, command, &[Out::Bytes(buffer.cast()), Out::U32(used), Out::NeedU64(end)])
    }
}

/// The functions that were called and have not returned, the innermost first: `size` DEBUG_STACK_FRAMEs of 128
/// bytes at most. Zeros stand for the registers. Found by frame pointers alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_stack_trace(
    session: *const RingholdSession,
    frame_offset: u64,
    stack_offset: u64,
    instruction_offset: u64,
    frames: *mut c_void,
    size: u32,
    filled: *mut u32,
) -> HRESULT {
    let frames_room = room(frames, size);
    let command =
        Command::GetStackTrace { frame_offset, stack_offset, instruction_offset, frames: frames_room };
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, command, &[Out::Bytes(frames), Out::U32(filled)]) }
}

/// Where the innermost function returns to; E_FAIL if that is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_return_offset(
    session: *const RingholdSession,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetReturnOffset {}, &[Out::NeedU64(offset)]) }
}

/// What stands before a command: `kd> `, with the processor's number if there are several.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_prompt_text(
    session: *const RingholdSession,
    buffer: *mut c_char,
    size: u32,
    used: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command = Command::GetPromptText { buffer: room(buffer, size) };
        call(session, command, &[Out::Bytes(buffer.cast()), Out::U32(used)])
    }
}
