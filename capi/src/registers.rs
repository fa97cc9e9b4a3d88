//! Registers: IDebugRegisters.

use std::ffi::{c_char, c_void};

use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{Out, room, text};

use crate::{E_INVALIDARG, HRESULT, RingholdSession, call};

/// How many registers there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_number_registers(
    session: *const RingholdSession,
    number: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetNumberRegisters {}, &[Out::NeedU32(number)]) }
}

/// The name of a register, and its DEBUG_REGISTER_DESCRIPTION of 32 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_description(
    session: *const RingholdSession,
    register: u32,
    name: *mut c_char,
    size: u32,
    name_size: *mut u32,
    description: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetDescription { register, name: room(name, size) },
            &[Out::Bytes(name.cast()), Out::U32(name_size), Out::Bytes(description)],
        )
    }
}

/// The index of a register; E_NOINTERFACE if there is none of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_index_by_name(
    session: *const RingholdSession,
    name: *const c_char,
    index: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(name) = text(name) else { return E_INVALIDARG };
        call(session, Command::GetIndexByName { name }, &[Out::NeedU32(index)])
    }
}

/// A register as a DEBUG_VALUE of 32 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_value(
    session: *const RingholdSession,
    register: u32,
    value: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetValue { register }, &[Out::NeedBytes(value)]) }
}

/// Writes a register from a DEBUG_VALUE of 32 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_value(
    session: *const RingholdSession,
    register: u32,
    value: *const [u8; 32],
) -> HRESULT {
    if value.is_null() {
        return E_INVALIDARG;
    }
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetValue { register, value: value.read_unaligned() }, &[]) }
}

/// The linear address of the next instruction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_instruction_offset(
    session: *const RingholdSession,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetInstructionOffset {}, &[Out::NeedU64(offset)]) }
}

/// The linear address of the top of the stack.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_stack_offset(
    session: *const RingholdSession,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetStackOffset {}, &[Out::NeedU64(offset)]) }
}

/// The linear address in RBP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_frame_offset(
    session: *const RingholdSession,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetFrameOffset {}, &[Out::NeedU64(offset)]) }
}
