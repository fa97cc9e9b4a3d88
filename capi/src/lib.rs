//! Ringhold for C: the calls of DbgEng's clients over a machine that a config describes.
//!
//! The header is `include/ringhold.h`. Functions have the parameters of the methods they are
//! named after, behind the session; results are HRESULTs. What each call means is said by the
//! documentation of DbgEng and by the book's chapter on the spaces.
//!
//! # Safety
//!
//! Every function wants a session that [`ringhold_create`] gave and that is not destroyed, or
//! null, which is E_INVALIDARG. Buffers have the sizes that are said to belong to them; objects of
//! a fixed size have that size; texts end with a zero byte. A null out-pointer suppresses that
//! output, or is E_INVALIDARG where the call is for nothing else; a null buffer is E_INVALIDARG
//! unless nothing was asked for. Functions can be called from any thread; they are carried out one
//! after another, but for `ringhold_set_interrupt`, which comes through while
//! `ringhold_wait_for_event` waits.
#![allow(clippy::missing_safety_doc, reason = "the rules are those above")]
#![allow(clippy::too_many_arguments, reason = "functions have the parameters of DbgEng's methods")]

mod breakpoints;
mod control;
mod host_memory;
mod memory;
mod registers;
mod session;
mod structure;
mod symbols;

pub use breakpoints::*;
pub use control::*;
pub use host_memory::*;
pub use memory::*;
pub use registers::*;
pub use session::*;
pub use structure::*;
pub use symbols::*;

use ringhold::debugapi::command::Command;
use ringhold::debugapi::edge::{self, Out};
use ringhold::debugapi::{Context, HResult, Location, spaces::Guid};

/// A result: negative for failure.
pub type HRESULT = i32;

pub(crate) const S_OK: HRESULT = 0;
pub(crate) const E_INVALIDARG: HRESULT = 0x8007_0057_u32 as i32;

/// A place: host_defined 0 and a virtual address, or what the book's chapter on the spaces lists.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingholdLocation {
    /// What kind of place.
    pub host_defined: u64,
    /// Where in it.
    pub offset: u64,
}

/// Whose view of the machine. A null pointer to it means the session's own.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct RingholdContext {
    /// The processor, counted from zero.
    pub processor: u32,
    /// Whether `root` counts.
    pub has_root: bool,
    /// A paging root in place of the processor's own.
    pub root: u64,
}

/// A GUID.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingholdGuid {
    /// The first field.
    pub data1: u32,
    /// The second.
    pub data2: u16,
    /// The third.
    pub data3: u16,
    /// The rest.
    pub data4: [u8; 8],
}

impl From<RingholdLocation> for Location {
    fn from(location: RingholdLocation) -> Self {
        Self { host_defined: location.host_defined, offset: location.offset }
    }
}

impl From<RingholdGuid> for Guid {
    fn from(guid: RingholdGuid) -> Self {
        Self(guid.data1, guid.data2, guid.data3, guid.data4)
    }
}

/// The context behind a pointer; `None` for null.
///
/// # Safety
/// The pointer is null or leads to a context.
unsafe fn context_of(context: *const RingholdContext) -> Option<Context> {
    // SAFETY: the caller vouches for the pointer.
    let context = unsafe { context.as_ref() }?;
    let root = context.has_root.then_some(context.root);
    Some(Context { cpu: context.processor as usize, root })
}

/// Carries out a command.
///
/// # Safety
/// The session is null or alive; the places are as [`edge::call`] wants them.
unsafe fn call(session: *const RingholdSession, command: Command, places: &[Out]) -> HRESULT {
    // SAFETY: the caller vouches for the session.
    let Some(session) = (unsafe { session.as_ref() }) else { return E_INVALIDARG };
    // SAFETY: the caller vouches for the places.
    let reply = unsafe { edge::call(session.target(), command, places) };
    session.note(reply.events);
    result(reply.hresult)
}

fn result(hresult: HResult) -> HRESULT {
    hresult.0 as i32
}
