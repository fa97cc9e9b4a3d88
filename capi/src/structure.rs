//! What lies where, and what the target is: the rest of IDebugDataSpaces4.

use std::ffi::c_void;

use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{Out, room};

use crate::{E_INVALIDARG, HRESULT, RingholdGuid, RingholdSession, call};

/// Answers E_NOTIMPL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_check_low_memory(session: *const RingholdSession) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::CheckLowMemory {}, &[]) }
}

/// Reads what the engine knows of the target; 100080 is the number of paging levels.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_debugger_data(
    session: *const RingholdSession,
    index: u32,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadDebuggerData { index, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Reads what a processor is; index 4 is its identification.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_processor_system_data(
    session: *const RingholdSession,
    processor: u32,
    index: u32,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadProcessorSystemData { processor, index, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Translates an address; 0xD0000147 if no page stands behind it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_virtual_to_physical(
    session: *const RingholdSession,
    virtual_address: u64,
    physical: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::VirtualToPhysical { virtual_address }, &[Out::NeedU64(physical)]) }
}

/// The physical addresses that a translation visits; the last is its result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_virtual_translation_physical_offsets(
    session: *const RingholdSession,
    virtual_address: u64,
    offsets: *mut u64,
    size: u32,
    levels: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetVirtualTranslationPhysicalOffsets { virtual_address, offsets: room(offsets, size) },
            &[Out::Pointers(offsets), Out::U32(levels)],
        )
    }
}

/// Answers E_UNEXPECTED: handles are those of user-mode sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_handle_data(
    session: *const RingholdSession,
    handle: u64,
    data_type: u32,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadHandleData { handle, data_type, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// The pages around an address that share its attributes: MEMORY_BASIC_INFORMATION64, 48 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_query_virtual(
    session: *const RingholdSession,
    offset: u64,
    information: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::QueryVirtual { offset }, &[Out::NeedBytes(information)]) }
}

/// The headers of a PE image: IMAGE_NT_HEADERS64, 264 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_image_nt_headers(
    session: *const RingholdSession,
    image_base: u64,
    headers: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::ReadImageNtHeaders { image_base }, &[Out::NeedBytes(headers)]) }
}

/// Reads a blob about the target.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_tagged(
    session: *const RingholdSession,
    tag: *const RingholdGuid,
    offset: u32,
    buffer: *mut c_void,
    size: u32,
    total: *mut u32,
) -> HRESULT {
    if tag.is_null() {
        return E_INVALIDARG;
    }
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let command =
            Command::ReadTagged { tag: tag.read_unaligned().into(), offset, buffer: room(buffer, size) };
        call(session, command, &[Out::Bytes(buffer), Out::U32(total)])
    }
}

/// Begins an enumeration of the tags of blobs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_start_enum_tagged(
    session: *const RingholdSession,
    handle: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::StartEnumTagged {}, &[Out::NeedU64(handle)]) }
}

/// The next tag; S_FALSE at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_next_tagged(
    session: *const RingholdSession,
    handle: u64,
    tag: *mut RingholdGuid,
    size: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(session, Command::GetNextTagged { handle }, &[Out::NeedGuid(tag.cast()), Out::NeedU32(size)])
    }
}

/// Ends an enumeration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_end_enum_tagged(session: *const RingholdSession, handle: u64) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::EndEnumTagged { handle }, &[]) }
}

/// Where the bytes at a virtual address come from: space 0, question 1, a uint32_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_offset_information(
    session: *const RingholdSession,
    space: u32,
    which: u32,
    offset: u64,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetOffsetInformation { space, which, offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// The next address that is valid if this one is not, or the reverse.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_next_differently_valid_offset_virtual(
    session: *const RingholdSession,
    offset: u64,
    next: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetNextDifferentlyValidOffsetVirtual { offset }, &[Out::NeedU64(next)]) }
}

/// The first valid run of addresses in a range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_valid_region_virtual(
    session: *const RingholdSession,
    base: u64,
    size: u32,
    valid_base: *mut u64,
    valid_size: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetValidRegionVirtual { base, size },
            &[Out::NeedU64(valid_base), Out::NeedU32(valid_size)],
        )
    }
}

/// Reads a string of bytes. Sizes are in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_multi_byte_string_virtual(
    session: *const RingholdSession,
    offset: u64,
    max_bytes: u32,
    buffer: *mut c_void,
    size: u32,
    bytes: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadMultiByteStringVirtual { offset, max_bytes, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(bytes)],
        )
    }
}

/// Reads a string of bytes into UTF-16. The size of the buffer is in units of 2 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_multi_byte_string_virtual_wide(
    session: *const RingholdSession,
    offset: u64,
    max_bytes: u32,
    code_page: u32,
    buffer: *mut c_void,
    size: u32,
    bytes: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadMultiByteStringVirtualWide {
                offset,
                max_bytes,
                code_page,
                buffer: room(buffer, size),
            },
            &[Out::Bytes(buffer), Out::U32(bytes)],
        )
    }
}

/// Reads a string of UTF-16 into a code page. Sizes are in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_unicode_string_virtual(
    session: *const RingholdSession,
    offset: u64,
    max_bytes: u32,
    code_page: u32,
    buffer: *mut c_void,
    size: u32,
    bytes: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadUnicodeStringVirtual { offset, max_bytes, code_page, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(bytes)],
        )
    }
}

/// Reads a string of UTF-16. The size of the buffer is in units of 2 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_unicode_string_virtual_wide(
    session: *const RingholdSession,
    offset: u64,
    max_bytes: u32,
    buffer: *mut c_void,
    size: u32,
    bytes: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadUnicodeStringVirtualWide { offset, max_bytes, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(bytes)],
        )
    }
}
