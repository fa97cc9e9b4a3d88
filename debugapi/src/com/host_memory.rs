//! IDebugHostMemory and IDebugHostMemory2.
//!
//! Methods stand in the order of the vtable.

use std::ffi::c_void;

use windows_core::{HRESULT, IUnknown, interface};

use super::{Client_Impl, E_INVALIDARG, context};
use crate::Location;
use crate::command::Command;
use crate::edge::{Out, data, input, room};

#[interface("212149c9-9183-4a3e-b00e-4fd1dc95339b")]
/// Slots 3 to 7.
pub unsafe trait IDebugHostMemory: IUnknown {
    pub fn ReadBytes(
        &self,
        context: *mut c_void,
        location: Location,
        buffer: *mut c_void,
        size: u64,
        read: *mut u64,
    ) -> HRESULT;
    pub fn WriteBytes(
        &self,
        context: *mut c_void,
        location: Location,
        buffer: *const c_void,
        size: u64,
        written: *mut u64,
    ) -> HRESULT;
    pub fn ReadPointers(
        &self,
        context: *mut c_void,
        location: Location,
        count: u64,
        pointers: *mut u64,
    ) -> HRESULT;
    pub fn WritePointers(
        &self,
        context: *mut c_void,
        location: Location,
        count: u64,
        pointers: *const u64,
    ) -> HRESULT;
    pub fn GetDisplayStringForLocation(
        &self,
        context: *mut c_void,
        location: Location,
        verbose: u8,
        string: *mut *mut u16,
    ) -> HRESULT;
}

#[interface("eea033de-38f6-416b-a251-1d3771001270")]
/// Slots 8 to 8.
pub unsafe trait IDebugHostMemory2: IDebugHostMemory {
    pub fn LinearizeLocation(
        &self,
        context: *mut c_void,
        location: Location,
        linear: *mut Location,
    ) -> HRESULT;
}

/// SysFreeString for the strings that come from here; null is no mistake.
///
/// # Safety
/// The string came from a method of this module, and is not used afterwards.
pub unsafe fn free_string(string: *mut u16) {
    // SAFETY: the caller vouches for the string.
    unsafe { crate::bstr::free(string) };
}

impl IDebugHostMemory_Impl for Client_Impl {
    unsafe fn ReadBytes(
        &self,
        context: *mut c_void,
        location: Location,
        buffer: *mut c_void,
        size: u64,
        read: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Ok(context) = (unsafe { context::of(context) }) else { return E_INVALIDARG };
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let command = Command::ReadBytes { context, location, buffer: room(buffer, size) };
            self.shared.call(command, &[Out::Bytes(buffer), Out::U64(read)])
        }
    }

    unsafe fn WriteBytes(
        &self,
        context: *mut c_void,
        location: Location,
        buffer: *const c_void,
        size: u64,
        written: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Ok(context) = (unsafe { context::of(context) }) else { return E_INVALIDARG };
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let command = Command::WriteBytes { context, location, buffer: data(buffer, size) };
            self.shared.call(command, &[Out::U64(written)])
        }
    }

    unsafe fn ReadPointers(
        &self,
        context: *mut c_void,
        location: Location,
        count: u64,
        pointers: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Ok(context) = (unsafe { context::of(context) }) else { return E_INVALIDARG };
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let command = Command::ReadPointers { context, location, pointers: room(pointers, count) };
            self.shared.call(command, &[Out::Pointers(pointers)])
        }
    }

    unsafe fn WritePointers(
        &self,
        context: *mut c_void,
        location: Location,
        count: u64,
        pointers: *const u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Ok(context) = (unsafe { context::of(context) }) else { return E_INVALIDARG };
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let command = Command::WritePointers { context, location, pointers: input(pointers, count) };
            self.shared.call(command, &[])
        }
    }

    /// The string is freed by [`free_string`].
    unsafe fn GetDisplayStringForLocation(
        &self,
        context: *mut c_void,
        location: Location,
        verbose: u8,
        string: *mut *mut u16,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Ok(context) = (unsafe { context::of(context) }) else { return E_INVALIDARG };
        let command = Command::GetDisplayStringForLocation { context, location, verbose: verbose != 0 };
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.shared.call(command, &[Out::NeedString(string)]) }
    }
}

impl IDebugHostMemory2_Impl for Client_Impl {
    unsafe fn LinearizeLocation(
        &self,
        context: *mut c_void,
        location: Location,
        linear: *mut Location,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        let Ok(context) = (unsafe { context::of(context) }) else { return E_INVALIDARG };
        if linear.is_null() {
            return E_INVALIDARG;
        }
        // SAFETY: a COM client vouches for its pointers; both fields lie in its structure.
        unsafe {
            let places = [Out::U64(&raw mut (*linear).host_defined), Out::U64(&raw mut (*linear).offset)];
            self.shared.call(Command::LinearizeLocation { context, location }, &places)
        }
    }
}
