//! The COM face: one object with the interfaces that DbgEng's clients ask for.
//!
//! [`create`] makes it over anything that carries out commands, best a [`Handle`](crate::Handle),
//! which can be interrupted from another thread. Every method turns its arguments into a
//! [`Command`](crate::command::Command) and writes the reply through the caller's pointers; nothing
//! is decided here. Callbacks are called on the thread that makes the call, before it returns.
//!
//! IIDs and the order of methods are held against `interfaces.txt`, an extract of public metadata.
#![allow(unsafe_code, reason = "COM is made of pointers")]
#![allow(missing_docs, reason = "methods have the names that DbgEng's documentation describes")]
#![allow(non_snake_case, reason = "methods have DbgEng's names")]
#![allow(clippy::too_many_arguments, reason = "methods have DbgEng's parameters")]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("methods that are not implemented leave the clearing of the stack to the caller");
#[cfg(not(all(target_arch = "x86_64", unix)))]
compile_error!("methods of open length take their arguments as the System V ABI passes them");

/// Writes the methods that hand a command to the target. `Name(parameters) = Name { fields } =>
/// [places];` becomes a method that turns its parameters into `Command::Name { fields }` and puts
/// the outputs into the places.
macro_rules! methods {
    ($($name:ident($($parameter:ident: $kind:ty),*) = $command:ident { $($fields:tt)* } => [$($place:expr),*];)*) => {$(
        unsafe fn $name(&self, $($parameter: $kind),*) -> HRESULT {
            // SAFETY: a COM client vouches for its pointers, as the method's documentation asks.
            unsafe { self.shared.call(Command::$command { $($fields)* }, &[$($place),*]) }
        }
    )*};
}

/// Writes the methods that answer E_NOTIMPL.
macro_rules! not_implemented {
    ($($name:ident)*) => {$(
        unsafe fn $name(&self) -> HRESULT {
            E_NOTIMPL
        }
    )*};
}

mod callbacks;
mod client;
mod context;
mod control;
mod data_spaces;
mod host_memory;
mod printf;
mod registers;
mod symbols;
mod system_objects;
mod variadic;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use windows_core::{GUID, HRESULT, Interface, implement};

use crate::command::{Command, Event};
use crate::edge::{self, Out};
use crate::host::Execute;

pub use callbacks::{
    IDebugEventCallbacks, IDebugEventCallbacks_Impl, IDebugOutputCallbacks, IDebugOutputCallbacks_Impl,
};
pub use client::*;
pub use context::{IDebugHostContext, context};
pub use control::*;
pub use data_spaces::*;
pub use host_memory::*;
pub use registers::*;
pub use symbols::*;
pub use system_objects::*;

use callbacks::Callbacks;

const S_OK: HRESULT = HRESULT(0);
const E_NOTIMPL: HRESULT = HRESULT(0x8000_4001_u32 as i32);
const E_INVALIDARG: HRESULT = HRESULT(0x8007_0057_u32 as i32);

/// What all clients of a session have in common.
struct Shared {
    target: Arc<dyn Execute>,
    clients: Mutex<Vec<Weak<Callbacks>>>,
}

impl Shared {
    /// Carries out a command, and tells every client's callbacks what has changed.
    ///
    /// # Safety
    /// As [`edge::call`].
    unsafe fn call(&self, command: Command, places: &[Out]) -> HRESULT {
        // SAFETY: the caller vouches for the same.
        unsafe { self.call_for(None, command, places) }
    }

    /// The same, but if there is a listener, what is said is for that one alone.
    ///
    /// # Safety
    /// As [`edge::call`].
    unsafe fn call_for(&self, only: Option<&Callbacks>, command: Command, places: &[Out]) -> HRESULT {
        // SAFETY: the caller vouches for the same.
        let mut reply = unsafe { edge::call(self.target.as_ref(), command, places) };
        if let Some(only) = only {
            let is_output = |event: &mut Event| matches!(event, Event::Output { .. });
            let said: Vec<Event> = reply.events.extract_if(.., is_output).collect();
            only.tell(&said);
        }
        if !reply.events.is_empty() {
            let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for callbacks in clients.iter().filter_map(Weak::upgrade) {
                callbacks.tell(&reply.events);
            }
        }
        HRESULT(reply.hresult.0 as i32)
    }
}

/// A client of a session. `QueryInterface` leads from each of its interfaces to each other.
#[implement(
    IDebugClient5,
    IDebugControl4,
    IDebugDataSpaces4,
    IDebugHostMemory2,
    IDebugRegisters2,
    IDebugSymbols3,
    IDebugSystemObjects2
)]
pub struct Client {
    shared: Arc<Shared>,
    callbacks: Arc<Callbacks>,
}

impl Client {
    /// Whom output of this control is for alone: DEBUG_OUTCTL_THIS_CLIENT means this one.
    fn listener(&self, output_control: u32) -> Option<&Callbacks> {
        (output_control & 7 == 0).then_some(&*self.callbacks)
    }

    /// Another client of the same session.
    fn on(shared: &Arc<Shared>) -> IDebugClient5 {
        let callbacks = Arc::new(Callbacks::default());
        let mut clients = shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(&callbacks));
        drop(clients);
        let client = Self { shared: Arc::clone(shared), callbacks }.into();
        variadic::install(&client);
        client
    }
}

/// The first client of a session, as DebugCreate gives it.
pub fn create(target: Arc<dyn Execute>) -> IDebugClient5 {
    Client::on(&Arc::new(Shared { target, clients: Mutex::default() }))
}

/// DebugCreate: the first client of a session by the interface asked for.
///
/// # Safety
/// `interface` can be written; what is put there must be released.
pub unsafe fn debug_create(
    target: Arc<dyn Execute>,
    iid: &GUID,
    interface: *mut *mut std::ffi::c_void,
) -> HRESULT {
    if interface.is_null() {
        return E_INVALIDARG;
    }
    // SAFETY: the caller vouches for the pointer.
    unsafe { create(target).query(iid, interface) }
}
