//! IDebugHostMemory: one door to every space.

use std::ffi::c_void;

use ringhold::debugapi::bstr;
use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{Out, data, input, room};

use crate::{E_INVALIDARG, HRESULT, RingholdContext, RingholdLocation, RingholdSession, call, context_of};

/// Reads any space. S_OK for all of it, S_FALSE for a part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_bytes(
    session: *const RingholdSession,
    context: *const RingholdContext,
    location: RingholdLocation,
    buffer: *mut c_void,
    size: u64,
    read: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command = Command::ReadBytes {
            context: context_of(context),
            location: location.into(),
            buffer: room(buffer, size),
        };
        call(session, command, &[Out::Bytes(buffer), Out::U64(read)])
    }
}

/// Writes any space. S_OK for all of it, S_FALSE for a part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_bytes(
    session: *const RingholdSession,
    context: *const RingholdContext,
    location: RingholdLocation,
    buffer: *const c_void,
    size: u64,
    written: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command = Command::WriteBytes {
            context: context_of(context),
            location: location.into(),
            buffer: data(buffer, size),
        };
        call(session, command, &[Out::U64(written)])
    }
}

/// Reads pointers of the target; those of 4 bytes are zero-extended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_pointers(
    session: *const RingholdSession,
    context: *const RingholdContext,
    location: RingholdLocation,
    count: u64,
    pointers: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command = Command::ReadPointers {
            context: context_of(context),
            location: location.into(),
            pointers: room(pointers, count),
        };
        call(session, command, &[Out::Pointers(pointers)])
    }
}

/// Writes pointers of the target.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_pointers(
    session: *const RingholdSession,
    context: *const RingholdContext,
    location: RingholdLocation,
    count: u64,
    pointers: *const u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command = Command::WritePointers {
            context: context_of(context),
            location: location.into(),
            pointers: input(pointers, count),
        };
        call(session, command, &[])
    }
}

/// The virtual address of a location, if it has one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_linearize_location(
    session: *const RingholdSession,
    context: *const RingholdContext,
    location: RingholdLocation,
    linear: *mut RingholdLocation,
) -> HRESULT {
    if linear.is_null() {
        return E_INVALIDARG;
    }
    // SAFETY: a C client vouches for its pointers; both fields lie in its structure.
    unsafe {
        let places = [Out::U64(&raw mut (*linear).host_defined), Out::U64(&raw mut (*linear).offset)];
        call(
            session,
            Command::LinearizeLocation { context: context_of(context), location: location.into() },
            &places,
        )
    }
}

/// A location in words: a string of UTF-16 characters with a zero behind them, and their length in
/// bytes in the four bytes before them, as Automation's are. `ringhold_free_string` frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_display_string_for_location(
    session: *const RingholdSession,
    context: *const RingholdContext,
    location: RingholdLocation,
    verbose: bool,
    string: *mut *mut u16,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let (context, location) = (context_of(context), location.into());
        let command = Command::GetDisplayStringForLocation { context, location, verbose };
        call(session, command, &[Out::NeedString(string)])
    }
}

/// Frees a string that came from here, as SysFreeString does; nothing for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_free_string(string: *mut u16) {
    // SAFETY: a C client vouches for the string.
    unsafe { bstr::free(string) };
}
