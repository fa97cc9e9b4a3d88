//! IDebugBreakpoint: objects that name a breakpoint of the session.
//!
//! As in DbgEng, a breakpoint is not its references' affair: it lives until RemoveBreakpoint. There
//! is one object for each, whichever way a client comes to it, and an object is never given back
//! to the allocator: a client that releases it too often, or keeps it too long, finds an object
//! that answers E_NOINTERFACE.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};
use std::sync::{Mutex, PoisonError, Weak};

use windows_core::{HRESULT, IUnknown, Interface, implement, interface};

use super::callbacks::Held;
use super::{E_INVALIDARG, E_NOINTERFACE, E_UNEXPECTED, IDebugClient, IDebugClient5, S_OK, Shared};
use crate::command::Command;
use crate::edge::{Out, room, text, wide_text};

#[interface("5bd9d474-5975-423a-b88b-65a8e7110e65")]
/// Slots 3 to 23.
pub unsafe trait IDebugBreakpoint: IUnknown {
    pub fn GetId(&self, id: *mut u32) -> HRESULT;
    pub fn GetType(&self, kind: *mut u32, processor_type: *mut u32) -> HRESULT;
    pub fn GetAdder(&self, adder: *mut *mut c_void) -> HRESULT;
    pub fn GetFlags(&self, flags: *mut u32) -> HRESULT;
    pub fn AddFlags(&self, flags: u32) -> HRESULT;
    pub fn RemoveFlags(&self, flags: u32) -> HRESULT;
    pub fn SetFlags(&self, flags: u32) -> HRESULT;
    pub fn GetOffset(&self, offset: *mut u64) -> HRESULT;
    pub fn SetOffset(&self, offset: u64) -> HRESULT;
    pub fn GetDataParameters(&self, size: *mut u32, access_type: *mut u32) -> HRESULT;
    pub fn SetDataParameters(&self, size: u32, access_type: u32) -> HRESULT;
    pub fn GetPassCount(&self, count: *mut u32) -> HRESULT;
    pub fn SetPassCount(&self, count: u32) -> HRESULT;
    pub fn GetCurrentPassCount(&self, count: *mut u32) -> HRESULT;
    pub fn GetMatchThreadId(&self, thread: *mut u32) -> HRESULT;
    pub fn SetMatchThreadId(&self, thread: u32) -> HRESULT;
    pub fn GetCommand(&self, buffer: *mut c_char, buffer_size: u32, command_size: *mut u32) -> HRESULT;
    pub fn SetCommand(&self, command: *const c_char) -> HRESULT;
    pub fn GetOffsetExpression(
        &self,
        buffer: *mut c_char,
        buffer_size: u32,
        expression_size: *mut u32,
    ) -> HRESULT;
    pub fn SetOffsetExpression(&self, expression: *const c_char) -> HRESULT;
    pub fn GetParameters(&self, parameters: *mut c_void) -> HRESULT;
}

#[interface("1b278d20-79f2-426e-a3f9-c1ddf375d48e")]
/// Slots 24 to 27.
pub unsafe trait IDebugBreakpoint2: IDebugBreakpoint {
    pub fn GetCommandWide(&self, buffer: *mut u16, buffer_size: u32, command_size: *mut u32) -> HRESULT;
    pub fn SetCommandWide(&self, command: *const u16) -> HRESULT;
    pub fn GetOffsetExpressionWide(
        &self,
        buffer: *mut u16,
        buffer_size: u32,
        expression_size: *mut u32,
    ) -> HRESULT;
    pub fn SetOffsetExpressionWide(&self, expression: *const u16) -> HRESULT;
}

#[interface("0d3b6d52-7c43-4a0e-9f19-52696e67686f")]
/// How a breakpoint of our own is known.
unsafe trait IOwnBreakpoint: IUnknown {
    pub fn Handle(&self, handle: *mut u64) -> HRESULT;
}

#[implement(IDebugBreakpoint2, IOwnBreakpoint)]
struct Breakpoint {
    session: Reach,
    handle: u64,
    /// The client that added it, if one of this process did.
    adder: Option<Held<windows_core::Weak<IDebugClient5>>>,
}

/// The way from a breakpoint to its session. The session may be gone when a client still has the
/// object.
struct Reach(Weak<Shared>);

impl Reach {
    /// # Safety
    /// As [`Shared::call`].
    unsafe fn call(&self, command: Command, places: &[Out]) -> HRESULT {
        match self.0.upgrade() {
            // SAFETY: the caller vouches for the same.
            Some(shared) => unsafe { shared.call(command, places) },
            None => E_UNEXPECTED,
        }
    }
}

/// The objects of a session's breakpoints, by handle.
#[derive(Default)]
pub(super) struct Objects(Mutex<BTreeMap<u64, Held<IDebugBreakpoint>>>);

impl Objects {
    /// The object of a breakpoint, with a reference for whoever gets it.
    pub(super) fn of(
        &self,
        session: &Weak<Shared>,
        handle: u64,
        adder: Option<windows_core::Weak<IDebugClient5>>,
    ) -> IDebugBreakpoint {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held(object) = objects.entry(handle).or_insert_with(|| {
            let session = Reach(Weak::clone(session));
            let newest: IDebugBreakpoint2 = Breakpoint { session, handle, adder: adder.map(Held) }.into();
            // Its table begins with that of the first version.
            let object = IDebugBreakpoint::clone(&newest);
            // One reference that no one gives back.
            std::mem::forget(object.clone());
            Held(object)
        });
        object.clone()
    }

    /// Whether a client of this process has added a breakpoint, and which.
    pub(super) fn adder(&self, handle: u64) -> Option<IDebugClient> {
        let objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Held(object) = objects.get(&handle)?.clone();
        drop(objects);
        let mut adder = std::ptr::null_mut();
        // SAFETY: the place is a variable, and what is put there is released by its owner.
        unsafe {
            object.GetAdder(&raw mut adder).ok().ok()?;
            Some(IDebugClient::from_raw(adder))
        }
    }

    /// Forgets a breakpoint that was removed.
    fn forget(&self, handle: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle);
    }
}

/// Removes the breakpoint that a pointer leads to.
///
/// # Safety
/// The pointer is null or a COM interface.
pub(super) unsafe fn remove(shared: &Shared, breakpoint: *mut c_void) -> HRESULT {
    // SAFETY: the caller vouches for the pointer.
    let unknown = unsafe { IUnknown::from_raw_borrowed(&breakpoint) };
    let Some(Ok(own)) = unknown.map(|unknown| unknown.cast::<IOwnBreakpoint>()) else { return E_INVALIDARG };
    let mut handle = 0;
    // SAFETY: the place is a variable of this function; the command has no pointer.
    let removed = unsafe {
        let _ = own.Handle(&raw mut handle);
        shared.call(Command::RemoveBreakpoint { breakpoint: handle }, &[])
    };
    if removed.is_ok() {
        shared.breakpoints.forget(handle);
    }
    removed
}

impl IOwnBreakpoint_Impl for Breakpoint_Impl {
    unsafe fn Handle(&self, handle: *mut u64) -> HRESULT {
        // SAFETY: only `remove` calls this, with a variable of its own.
        unsafe { handle.write(self.handle) };
        S_OK
    }
}

/// Writes the methods that hand a command to the breakpoint: as `methods`, with the handle as the
/// first parameter.
macro_rules! breakpoint_methods {
    ($($name:ident($($parameter:ident: $kind:ty),*) = { $($fields:tt)* } => [$($place:expr),*];)*) => {$(
        unsafe fn $name(&self, $($parameter: $kind),*) -> HRESULT {
            let command = Command::$name { breakpoint: self.handle, $($fields)* };
            // SAFETY: a COM client vouches for its pointers, as the method's documentation asks.
            unsafe { self.session.call(command, &[$($place),*]) }
        }
    )*};
}

impl IDebugBreakpoint_Impl for Breakpoint_Impl {
    breakpoint_methods! {
        GetId(id: *mut u32) = {} => [Out::NeedU32(id)];
        GetType(kind: *mut u32, processor_type: *mut u32) = {} => [Out::NeedU32(kind), Out::NeedU32(processor_type)];
    }

    unsafe fn GetAdder(&self, adder: *mut *mut c_void) -> HRESULT {
        if adder.is_null() {
            return E_INVALIDARG;
        }
        let client = self.adder.as_ref().and_then(|Held(adder)| adder.upgrade()?.cast::<IDebugClient>().ok());
        let (client, found) = match client {
            Some(client) => (client.into_raw(), S_OK),
            None => (std::ptr::null_mut(), E_NOINTERFACE),
        };
        // SAFETY: a COM client vouches for its pointers; what it gets it must release.
        unsafe { adder.write_unaligned(client) };
        found
    }

    breakpoint_methods! {
        GetFlags(flags: *mut u32) = {} => [Out::NeedU32(flags)];
        AddFlags(flags: u32) = { flags } => [];
        RemoveFlags(flags: u32) = { flags } => [];
        SetFlags(flags: u32) = { flags } => [];
        GetOffset(offset: *mut u64) = {} => [Out::NeedU64(offset)];
        SetOffset(offset: u64) = { offset } => [];
        GetDataParameters(size: *mut u32, access_type: *mut u32) = {} => [Out::NeedU32(size), Out::NeedU32(access_type)];
        SetDataParameters(size: u32, access_type: u32) = { size, access_type } => [];
        GetPassCount(count: *mut u32) = {} => [Out::NeedU32(count)];
        SetPassCount(count: u32) = { count } => [];
        GetCurrentPassCount(count: *mut u32) = {} => [Out::NeedU32(count)];
        GetMatchThreadId(thread: *mut u32) = {} => [Out::NeedU32(thread)];
        SetMatchThreadId(thread: u32) = { thread } => [];
        GetCommand(buffer: *mut c_char, buffer_size: u32, command_size: *mut u32)
            = { buffer: room(buffer, buffer_size) }
            => [Out::Bytes(buffer.cast()), Out::U32(command_size)];
    }

    unsafe fn SetCommand(&self, command: *const c_char) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let Some(command) = text(command) else { return E_INVALIDARG };
            self.session.call(Command::SetCommand { breakpoint: self.handle, command }, &[])
        }
    }

    breakpoint_methods! {
        GetOffsetExpression(buffer: *mut c_char, buffer_size: u32, expression_size: *mut u32)
            = { buffer: room(buffer, buffer_size) }
            => [Out::Bytes(buffer.cast()), Out::U32(expression_size)];
    }

    unsafe fn SetOffsetExpression(&self, expression: *const c_char) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let Some(expression) = text(expression) else { return E_INVALIDARG };
            self.session.call(Command::SetOffsetExpression { breakpoint: self.handle, expression }, &[])
        }
    }

    breakpoint_methods! {
        GetParameters(parameters: *mut c_void) = {} => [Out::NeedBytes(parameters)];
    }
}

impl IDebugBreakpoint2_Impl for Breakpoint_Impl {
    breakpoint_methods! {
        GetCommandWide(buffer: *mut u16, buffer_size: u32, command_size: *mut u32)
            = { buffer: room(buffer, buffer_size) }
            => [Out::Bytes(buffer.cast()), Out::U32(command_size)];
        GetOffsetExpressionWide(buffer: *mut u16, buffer_size: u32, expression_size: *mut u32)
            = { buffer: room(buffer, buffer_size) }
            => [Out::Bytes(buffer.cast()), Out::U32(expression_size)];
    }

    unsafe fn SetCommandWide(&self, command: *const u16) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let Some(command) = wide_text(command) else { return E_INVALIDARG };
            self.session.call(Command::SetCommand { breakpoint: self.handle, command }, &[])
        }
    }

    unsafe fn SetOffsetExpressionWide(&self, expression: *const u16) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let Some(expression) = wide_text(expression) else { return E_INVALIDARG };
            self.session.call(Command::SetOffsetExpression { breakpoint: self.handle, expression }, &[])
        }
    }
}
