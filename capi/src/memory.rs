//! Reading, writing, searching and filling the spaces: IDebugDataSpaces4.

use std::ffi::c_void;

use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{Out, data, input, room};

use crate::{HRESULT, RingholdSession, call};

/// Reads virtual memory. S_OK if at least one byte was read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_virtual(
    session: *const RingholdSession,
    offset: u64,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadVirtual { offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Writes virtual memory. S_OK if at least one byte was written; the count tells how many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_virtual(
    session: *const RingholdSession,
    offset: u64,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(session, Command::WriteVirtual { offset, buffer: data(buffer, size) }, &[Out::U32(written)])
    }
}

/// Finds a pattern in virtual memory; 0x9000001A if it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_search_virtual(
    session: *const RingholdSession,
    offset: u64,
    length: u64,
    pattern: *const c_void,
    size: u32,
    granularity: u32,
    found: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::SearchVirtual { offset, length, pattern: data(pattern, size), granularity },
            &[Out::NeedU64(found)],
        )
    }
}

/// The same as `ringhold_read_virtual`: there is no cache.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_virtual_uncached(
    session: *const RingholdSession,
    offset: u64,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadVirtualUncached { offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// The same as `ringhold_write_virtual`: there is no cache.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_virtual_uncached(
    session: *const RingholdSession,
    offset: u64,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::WriteVirtualUncached { offset, buffer: data(buffer, size) },
            &[Out::U32(written)],
        )
    }
}

/// Reads pointers of the target; those of 4 bytes are sign-extended. All or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_pointers_virtual(
    session: *const RingholdSession,
    count: u32,
    offset: u64,
    pointers: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadPointersVirtual { offset, pointers: room(pointers, count) },
            &[Out::Pointers(pointers)],
        )
    }
}

/// Writes pointers of the target, cut to their size. All or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_pointers_virtual(
    session: *const RingholdSession,
    count: u32,
    offset: u64,
    pointers: *const u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::WritePointersVirtual { offset, pointers: input(pointers, count) }, &[]) }
}

/// Reads physical memory. A device window is a device access.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_physical(
    session: *const RingholdSession,
    offset: u64,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadPhysical { offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Writes physical memory. A device window is a device access; ROM is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_physical(
    session: *const RingholdSession,
    offset: u64,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(session, Command::WritePhysical { offset, buffer: data(buffer, size) }, &[Out::U32(written)])
    }
}

/// Reads control space: selector 2 is the block of special registers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_control(
    session: *const RingholdSession,
    processor: u32,
    offset: u64,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadControl { processor, offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Writes control space: selector 2 alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_control(
    session: *const RingholdSession,
    processor: u32,
    offset: u64,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::WriteControl { processor, offset, buffer: data(buffer, size) },
            &[Out::U32(written)],
        )
    }
}

/// Reads a port: interface type 1, bus 0, address space 1, sizes 1, 2, 4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_io(
    session: *const RingholdSession,
    interface_type: u32,
    bus_number: u32,
    address_space: u32,
    offset: u64,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadIo { interface_type, bus_number, address_space, offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Writes a port: interface type 1, bus 0, address space 1, sizes 1, 2, 4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_io(
    session: *const RingholdSession,
    interface_type: u32,
    bus_number: u32,
    address_space: u32,
    offset: u64,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::WriteIo {
                interface_type,
                bus_number,
                address_space,
                offset,
                buffer: data(buffer, size),
            },
            &[Out::U32(written)],
        )
    }
}

/// Reads an MSR of the current processor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_msr(
    session: *const RingholdSession,
    msr: u32,
    value: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::ReadMsr { msr }, &[Out::NeedU64(value)]) }
}

/// Writes an MSR of the current processor, with the checks of WRMSR.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_msr(
    session: *const RingholdSession,
    msr: u32,
    value: u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::WriteMsr { msr, value }, &[]) }
}

/// Reads configuration space: type 4, `segment << 8 | bus`, `device | function << 5`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_bus_data(
    session: *const RingholdSession,
    bus_data_type: u32,
    bus_number: u32,
    slot_number: u32,
    offset: u32,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadBusData {
                bus_data_type,
                bus_number,
                slot_number,
                offset,
                buffer: room(buffer, size),
            },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// Writes configuration space: type 4, `segment << 8 | bus`, `device | function << 5`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_bus_data(
    session: *const RingholdSession,
    bus_data_type: u32,
    bus_number: u32,
    slot_number: u32,
    offset: u32,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::WriteBusData {
                bus_data_type,
                bus_number,
                slot_number,
                offset,
                buffer: data(buffer, size),
            },
            &[Out::U32(written)],
        )
    }
}

/// Fills virtual memory with a pattern.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_fill_virtual(
    session: *const RingholdSession,
    start: u64,
    size: u32,
    pattern: *const c_void,
    pattern_size: u32,
    filled: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::FillVirtual { start, size, pattern: data(pattern, pattern_size) },
            &[Out::U32(filled)],
        )
    }
}

/// Fills physical memory with a pattern.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_fill_physical(
    session: *const RingholdSession,
    start: u64,
    size: u32,
    pattern: *const c_void,
    pattern_size: u32,
    filled: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::FillPhysical { start, size, pattern: data(pattern, pattern_size) },
            &[Out::U32(filled)],
        )
    }
}

/// The same as `ringhold_search_virtual`; with flag 1 in writable memory alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_search_virtual2(
    session: *const RingholdSession,
    offset: u64,
    length: u64,
    flags: u32,
    pattern: *const c_void,
    size: u32,
    granularity: u32,
    found: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::SearchVirtual2 { offset, length, flags, pattern: data(pattern, size), granularity },
            &[Out::NeedU64(found)],
        )
    }
}

/// The same as `ringhold_read_physical`, with cache flags 0 to 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_read_physical2(
    session: *const RingholdSession,
    offset: u64,
    flags: u32,
    buffer: *mut c_void,
    size: u32,
    read: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::ReadPhysical2 { offset, flags, buffer: room(buffer, size) },
            &[Out::Bytes(buffer), Out::U32(read)],
        )
    }
}

/// The same as `ringhold_write_physical`, with cache flags 0 to 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_write_physical2(
    session: *const RingholdSession,
    offset: u64,
    flags: u32,
    buffer: *const c_void,
    size: u32,
    written: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::WritePhysical2 { offset, flags, buffer: data(buffer, size) },
            &[Out::U32(written)],
        )
    }
}
