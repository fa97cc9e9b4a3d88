//! What a client wants to be told: IDebugEventCallbacks and IDebugOutputCallbacks.

use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use windows_core::{HRESULT, IUnknown, Interface, interface};

use super::Shared;
use crate::command::Event;

#[interface("4bf58045-d654-4c40-b0af-683090f356dc")]
/// Told what the engine says.
pub unsafe trait IDebugOutputCallbacks: IUnknown {
    pub fn Output(&self, mask: u32, text: *const c_char) -> HRESULT;
}

#[interface("337be28b-5036-4d72-b6bf-c45fbb9f2eaa")]
/// Told what happens. Those below without parameters are never called.
pub unsafe trait IDebugEventCallbacks: IUnknown {
    pub fn GetInterestMask(&self, mask: *mut u32) -> HRESULT;
    pub fn Breakpoint(&self, breakpoint: *mut c_void) -> HRESULT;
    pub fn Exception(&self, record: *const c_void, first_chance: u32) -> HRESULT;
    pub fn CreateThread(&self) -> HRESULT;
    pub fn ExitThread(&self) -> HRESULT;
    pub fn CreateProcessA(&self) -> HRESULT;
    pub fn ExitProcess(&self) -> HRESULT;
    pub fn LoadModule(&self) -> HRESULT;
    pub fn UnloadModule(&self) -> HRESULT;
    pub fn SystemError(&self) -> HRESULT;
    pub fn SessionStatus(&self, status: u32) -> HRESULT;
    pub fn ChangeDebuggeeState(&self, flags: u32, argument: u64) -> HRESULT;
    pub fn ChangeEngineState(&self, flags: u32, argument: u64) -> HRESULT;
    pub fn ChangeSymbolState(&self) -> HRESULT;
}

/// The bits of the interest mask.
mod interest {
    pub const BREAKPOINT: u32 = 1;
    pub const EXCEPTION: u32 = 2;
    pub const SESSION_STATUS: u32 = 0x200;
    pub const DEBUGGEE_STATE: u32 = 0x400;
    pub const ENGINE_STATE: u32 = 0x800;
}

/// A client's callback object.
#[derive(Clone)]
pub(super) struct Held<T>(pub(super) T);

// SAFETY: DbgEng lets callbacks be set and called on whichever thread calls the engine, so a
// client that uses several threads must give objects that can be called from all of them.
unsafe impl<T> Send for Held<T> {}

/// `DEBUG_BREAKPOINT_ADDER_ONLY`
const ADDER_ONLY: u32 = 8;

/// What the callbacks say together: of their `DEBUG_STATUS_*`, the one that stands first in
/// DbgEng's order.
#[derive(Default)]
pub(super) struct Vote(Option<usize>);

impl Vote {
    /// NO_DEBUGGEE, OUT_OF_SYNC, WAIT_INPUT, TIMEOUT, BREAK, STEP_INTO, STEP_BRANCH, STEP_OVER,
    /// GO_NOT_HANDLED, GO_HANDLED, GO. NO_CHANGE and IGNORE_EVENT are no votes.
    const ORDER: [u32; 11] = [7, 15, 16, 17, 6, 5, 8, 4, 3, 2, 1];

    pub(super) fn cast(&mut self, status: Option<u32>) {
        let place = status.and_then(|status| Self::ORDER.iter().position(|other| *other == status));
        self.0 = self.0.into_iter().chain(place).min();
    }

    /// How the target is to go on, if it is.
    pub(super) fn resumes(&self) -> Option<u32> {
        self.0.map(|place| Self::ORDER[place]).filter(|status| matches!(status, 1..=5 | 8))
    }
}

/// The callbacks of one client.
pub(super) struct Callbacks {
    output: Mutex<Option<Held<IDebugOutputCallbacks>>>,
    events: Mutex<Option<(Held<IDebugEventCallbacks>, u32)>>,
    mask: AtomicU32,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self { output: Mutex::default(), events: Mutex::default(), mask: AtomicU32::new(u32::MAX) }
    }
}

/// A copy of what a lock holds. A callback may set callbacks, so none is called under the lock.
fn copy<T: Clone>(lock: &Mutex<Option<T>>) -> Option<T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn set<T>(lock: &Mutex<Option<T>>, value: Option<T>) {
    let old = std::mem::replace(&mut *lock.lock().unwrap_or_else(PoisonError::into_inner), value);
    // Its release may come back here.
    drop(old);
}

impl Callbacks {
    /// The bits of output that the client wants.
    pub(super) fn mask(&self) -> u32 {
        self.mask.load(Ordering::Relaxed)
    }

    pub(super) fn set_mask(&self, mask: u32) {
        self.mask.store(mask, Ordering::Relaxed);
    }

    /// A new reference to the output callbacks, or null.
    pub(super) fn output_raw(&self) -> *mut c_void {
        copy(&self.output).map_or(std::ptr::null_mut(), |Held(output)| output.into_raw())
    }

    /// A new reference to the event callbacks, or null.
    pub(super) fn events_raw(&self) -> *mut c_void {
        copy(&self.events).map_or(std::ptr::null_mut(), |(Held(events), _)| events.into_raw())
    }

    /// Sets the output callbacks; null takes them away.
    ///
    /// # Safety
    /// The pointer is null or an IDebugOutputCallbacks.
    pub(super) unsafe fn set_output(&self, callbacks: *mut c_void) {
        // SAFETY: the caller vouches for the pointer.
        let callbacks = unsafe { IDebugOutputCallbacks::from_raw_borrowed(&callbacks) };
        set(&self.output, callbacks.cloned().map(Held));
    }

    /// Sets the event callbacks and asks what they want to be told; null takes them away.
    ///
    /// # Safety
    /// The pointer is null or an IDebugEventCallbacks.
    pub(super) unsafe fn set_events(&self, callbacks: *mut c_void) {
        // SAFETY: the caller vouches for the pointer.
        let callbacks = unsafe { IDebugEventCallbacks::from_raw_borrowed(&callbacks) };
        let interested = callbacks.cloned().map(|callbacks| {
            let mut mask = 0;
            // SAFETY: the place is a variable of this function.
            let asked = unsafe { callbacks.GetInterestMask(&raw mut mask) };
            (Held(callbacks), if asked.is_ok() { mask } else { 0 })
        });
        set(&self.events, interested);
    }

    /// Tells the client what it wants to know of an event; gives its vote, where it has one.
    pub(super) fn tell(&self, shared: &Shared, event: &Event) -> Option<u32> {
        match event {
            Event::Output { mask, text } => {
                self.say(*mask, text);
                None
            }
            event => self.happened(shared, event),
        }
    }

    fn say(&self, mask: u32, text: &str) {
        let Some(Held(output)) = copy(&self.output).filter(|_| mask & self.mask() != 0) else { return };
        let Ok(text) = CString::new(text.replace('\0', "")) else { return };
        // SAFETY: the text ends with a zero byte and lives until the call returns.
        let _ = unsafe { output.Output(mask, text.as_ptr()) };
    }

    fn happened(&self, shared: &Shared, event: &Event) -> Option<u32> {
        let (Held(callbacks), mask) = copy(&self.events)?;
        // SAFETY: the methods take numbers; the record is an array of this function, and the
        // breakpoint has a reference for whoever gets it.
        let status = unsafe {
            match event {
                Event::Breakpoint { breakpoint, flags, .. } if mask & interest::BREAKPOINT != 0 => {
                    if flags & ADDER_ONLY != 0 && !self.added(shared, *breakpoint) {
                        return None;
                    }
                    callbacks.Breakpoint(shared.object(*breakpoint, None).into_raw())
                }
                Event::Exception { code, address, first_chance } if mask & interest::EXCEPTION != 0 => {
                    let record = Event::exception_record(*code, *address);
                    callbacks.Exception(record.as_ptr().cast(), *first_chance)
                }
                Event::ChangeDebuggeeState { flags, argument } if mask & interest::DEBUGGEE_STATE != 0 => {
                    callbacks.ChangeDebuggeeState(*flags, *argument)
                }
                Event::ChangeEngineState { flags, argument } if mask & interest::ENGINE_STATE != 0 => {
                    callbacks.ChangeEngineState(*flags, *argument)
                }
                Event::SessionStatus { status } if mask & interest::SESSION_STATUS != 0 => {
                    callbacks.SessionStatus(*status)
                }
                _ => return None,
            }
        };
        event.asks().then_some(status.0 as u32)
    }

    /// Whether the client with these callbacks has added a breakpoint.
    fn added(&self, shared: &Shared, handle: u64) -> bool {
        shared.breakpoints.adder(handle).is_some_and(|client| {
            let mut events = std::ptr::null_mut();
            // SAFETY: the place is a variable; what is put there is released by its owner.
            let theirs = unsafe {
                if client.GetEventCallbacks(&raw mut events).is_err() || events.is_null() {
                    return false;
                }
                IUnknown::from_raw(events)
            };
            copy(&self.events).is_some_and(|(Held(own), _)| own.as_raw() == theirs.as_raw())
        })
    }
}
