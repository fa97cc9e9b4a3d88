//! Modules and symbols: IDebugSymbols.

use std::ffi::{c_char, c_void};

use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{Out, input, room, text};

use crate::{E_INVALIDARG, HRESULT, RingholdSession, call};

/// The symbol options. All are 0 in the beginning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_symbol_options(
    session: *const RingholdSession,
    options: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetSymbolOptions {}, &[Out::NeedU32(options)]) }
}

/// Sets symbol options: 1 (SYMOPT_CASE_INSENSITIVE) has an effect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_add_symbol_options(
    session: *const RingholdSession,
    options: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::AddSymbolOptions { options }, &[]) }
}

/// Clears symbol options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_remove_symbol_options(
    session: *const RingholdSession,
    options: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::RemoveSymbolOptions { options }, &[]) }
}

/// Replaces all symbol options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_set_symbol_options(
    session: *const RingholdSession,
    options: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::SetSymbolOptions { options }, &[]) }
}

/// The symbol that an address belongs to, as `module!name`, and how far behind it the address lies. S_FALSE if
/// the name was cut short, E_FAIL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_name_by_offset(
    session: *const RingholdSession,
    offset: u64,
    buffer: *mut c_char,
    size: u32,
    used: *mut u32,
    displacement: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetNameByOffset { offset, buffer: room(buffer, size) },
            &[Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(displacement)],
        )
    }
}

/// The address of `module!name` or `name`. S_FALSE if there are several, E_FAIL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_offset_by_name(
    session: *const RingholdSession,
    symbol: *const c_char,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(symbol) = text(symbol) else { return E_INVALIDARG };
        call(session, Command::GetOffsetByName { symbol }, &[Out::NeedU64(offset)])
    }
}

/// The symbol so many symbols behind the one that an address belongs to; negative ones lie before. E_NOINTERFACE
/// if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_near_name_by_offset(
    session: *const RingholdSession,
    offset: u64,
    delta: i32,
    buffer: *mut c_char,
    size: u32,
    used: *mut u32,
    displacement: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetNearNameByOffset { offset, delta: delta as u32, buffer: room(buffer, size) },
            &[Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(displacement)],
        )
    }
}

/// How many modules there are. None is ever unloaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_number_modules(
    session: *const RingholdSession,
    loaded: *mut u32,
    unloaded: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetNumberModules {}, &[Out::NeedU32(loaded), Out::NeedU32(unloaded)]) }
}

/// The base of a module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_module_by_index(
    session: *const RingholdSession,
    index: u32,
    base: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetModuleByIndex { index }, &[Out::NeedU64(base)]) }
}

/// The first module of a name, from an index on. E_NOINTERFACE if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_module_by_module_name(
    session: *const RingholdSession,
    name: *const c_char,
    start_index: u32,
    index: *mut u32,
    base: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(name) = text(name) else { return E_INVALIDARG };
        call(
            session,
            Command::GetModuleByModuleName { name, start_index },
            &[Out::U32(index), Out::U64(base)],
        )
    }
}

/// The first module that an address belongs to, from an index on. E_NOINTERFACE if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_module_by_offset(
    session: *const RingholdSession,
    offset: u64,
    start_index: u32,
    index: *mut u32,
    base: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(session, Command::GetModuleByOffset { offset, start_index }, &[Out::U32(index), Out::U64(base)])
    }
}

/// The names of a module: its image, itself, its loaded image. With index 0xffffffff it is the one with the base.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_module_names(
    session: *const RingholdSession,
    index: u32,
    base: u64,
    image: *mut c_char,
    image_size: u32,
    image_used: *mut u32,
    module: *mut c_char,
    module_size: u32,
    module_used: *mut u32,
    loaded_image: *mut c_char,
    loaded_image_size: u32,
    loaded_image_used: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetModuleNames {
                index,
                base,
                image: room(image, image_size),
                module: room(module, module_size),
                loaded_image: room(loaded_image, loaded_image_size),
            },
            &[
                Out::Bytes(image.cast()),
                Out::U32(image_used),
                Out::Bytes(module.cast()),
                Out::U32(module_used),
                Out::Bytes(loaded_image.cast()),
                Out::U32(loaded_image_used),
            ],
        )
    }
}

/// DEBUG_MODULE_PARAMETERS of 64 bytes each: of the modules with these bases, or without bases of `count` from
/// an index on. A base that is none comes back as all ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_module_parameters(
    session: *const RingholdSession,
    count: u32,
    bases: *const u64,
    start: u32,
    parameters: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetModuleParameters { count, bases: input(bases, count), start },
            &[Out::NeedBytes(parameters)],
        )
    }
}

/// A name of a module: 0 its image, 1 itself, 2 its loaded image, 3 the file of its symbols, 4 its mapped image.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_module_name_string(
    session: *const RingholdSession,
    which: u32,
    index: u32,
    base: u64,
    buffer: *mut c_char,
    size: u32,
    used: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetModuleNameString { which, index, base, buffer: room(buffer, size) },
            &[Out::Bytes(buffer.cast()), Out::U32(used)],
        )
    }
}

/// Begins a search for the symbols that a pattern fits, such as `kernel!*init*`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_start_symbol_match(
    session: *const RingholdSession,
    pattern: *const c_char,
    handle: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(pattern) = text(pattern) else { return E_INVALIDARG };
        call(session, Command::StartSymbolMatch { pattern }, &[Out::NeedU64(handle)])
    }
}

/// The next symbol of a search; without a buffer it comes again. E_NOINTERFACE if there is no other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_next_symbol_match(
    session: *const RingholdSession,
    handle: u64,
    buffer: *mut c_char,
    size: u32,
    used: *mut u32,
    offset: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        call(
            session,
            Command::GetNextSymbolMatch { handle, buffer: room(buffer, size) },
            &[Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(offset)],
        )
    }
}

/// Ends a search.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_end_symbol_match(session: *const RingholdSession, handle: u64) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::EndSymbolMatch { handle }, &[]) }
}

/// Adds a module of your own, where there is none. Flags are 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_add_synthetic_module(
    session: *const RingholdSession,
    base: u64,
    size: u32,
    image_path: *const c_char,
    module_name: *const c_char,
    flags: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(image_path) = text(image_path) else { return E_INVALIDARG };
        let Some(module_name) = text(module_name) else { return E_INVALIDARG };
        call(session, Command::AddSyntheticModule { base, size, image_path, module_name, flags }, &[])
    }
}

/// Removes such a module and its symbols.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_remove_synthetic_module(
    session: *const RingholdSession,
    base: u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::RemoveSyntheticModule { base }, &[]) }
}

/// Adds a symbol of your own to the module that the address belongs to. `id`, unless null, gets 16 bytes: the
/// module's base and the symbol's number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_add_synthetic_symbol(
    session: *const RingholdSession,
    offset: u64,
    size: u32,
    name: *const c_char,
    flags: u32,
    id: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(name) = text(name) else { return E_INVALIDARG };
        call(session, Command::AddSyntheticSymbol { offset, size, name, flags }, &[Out::Bytes(id)])
    }
}
