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

mod breakpoint;
mod callbacks;
mod client;
mod context;
mod control;
mod data_spaces;
mod host_memory;
mod registers;
mod symbols;
mod system_objects;
mod variadic;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use windows_core::{GUID, HRESULT, Interface, implement};

use crate::command::{Command, Event, Output};
use crate::edge::{self, Out};
use crate::host::Execute;

pub use breakpoint::{IDebugBreakpoint, IDebugBreakpoint_Vtbl, IDebugBreakpoint2, IDebugBreakpoint2_Vtbl};
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

use callbacks::{Callbacks, Vote};

const S_OK: HRESULT = HRESULT(0);
const E_NOTIMPL: HRESULT = HRESULT(0x8000_4001_u32 as i32);
const E_NOINTERFACE: HRESULT = HRESULT(0x8000_4002_u32 as i32);
const E_UNEXPECTED: HRESULT = HRESULT(0x8000_ffff_u32 as i32);
const E_INVALIDARG: HRESULT = HRESULT(0x8007_0057_u32 as i32);

/// What all clients of a session have in common.
struct Shared {
    target: Arc<dyn Execute>,
    clients: Mutex<Vec<Weak<Callbacks>>>,
    breakpoints: breakpoint::Objects,
    /// Itself, for what outlives it.
    own: Weak<Self>,
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

    /// The same for a command with texts, which must be there.
    ///
    /// # Safety
    /// As [`edge::call`].
    unsafe fn call_with<T>(
        &self,
        texts: Option<T>,
        command: impl FnOnce(T) -> Command,
        places: &[Out],
    ) -> HRESULT {
        let Some(texts) = texts else { return E_INVALIDARG };
        // SAFETY: the caller vouches for the same.
        unsafe { self.call(command(texts), places) }
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
            for event in &said {
                let _ = only.tell(self, event);
            }
        }
        self.tell(&reply.events);
        HRESULT(reply.hresult.0 as i32)
    }

    /// Tells every client's callbacks what has happened. Gives how the target is to go on, if they
    /// want it to: what follows in the list, the stop, is then not told.
    fn tell(&self, events: &[Event]) -> Option<u32> {
        if events.is_empty() {
            return None;
        }
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut vote = Vote::default();
        let last = events.iter().rposition(Event::asks);
        for (at, event) in events.iter().enumerate() {
            clients.iter().filter_map(Weak::upgrade).for_each(|client| vote.cast(client.tell(self, event)));
            if let Some(status) = vote.resumes().filter(|_| last == Some(at)) {
                return Some(status);
            }
        }
        None
    }

    /// WaitForEvent: an event after which the callbacks want the target to go on is none.
    fn wait(&self, flags: u32, timeout: u32) -> HRESULT {
        let mut left = timeout;
        loop {
            let began = self.milliseconds();
            let wait = Command::WaitForEvent { flags, timeout: left };
            let reply = self.target.execute(wait);
            let Some(status) = self.tell(&reply.events) else { return HRESULT(reply.hresult.0 as i32) };
            let resumed = self.target.execute(Command::SetExecutionStatus { status });
            if !resumed.hresult.is_success() {
                return HRESULT(reply.hresult.0 as i32);
            }
            if timeout != u32::MAX {
                left =
                    left.saturating_sub(self.milliseconds().saturating_sub(began).try_into().unwrap_or(left));
            }
        }
    }

    /// The machine's own time.
    fn milliseconds(&self) -> u64 {
        let reply = self.target.execute(Command::GetClock {});
        reply.outputs.get(1).map_or(0, |output| if let Output::U64(ns) = output { ns / 1_000_000 } else { 0 })
    }

    /// The object of a breakpoint.
    fn object(&self, handle: u64, adder: Option<windows_core::Weak<IDebugClient5>>) -> IDebugBreakpoint {
        self.breakpoints.of(&self.own, handle, adder)
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
    let shared = Arc::new_cyclic(|own| Shared {
        target,
        clients: Mutex::default(),
        breakpoints: breakpoint::Objects::default(),
        own: Weak::clone(own),
    });
    Client::on(&shared)
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
