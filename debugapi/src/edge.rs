//! Where pointers of other languages become values, and replies are written through them.
//!
//! The COM and the C face stand on this. It decides nothing about the methods: null buffers become
//! part of the command, and null out-pointers are left out, or are E_INVALIDARG where the method
//! insists on them.
#![allow(unsafe_code, reason = "the callers' memory is reached through raw pointers")]

use std::ffi::{CStr, c_char, c_void};

use crate::command::{Command, Input, Output, Reply, Room, Text};
use crate::host::Execute;
use crate::spaces::Guid;
use crate::wire::MAX_TRANSFER;
use crate::{HResult, bstr};

/// Where an output goes.
#[derive(Clone, Copy, Debug)]
pub enum Out {
    /// A buffer, as large as the command's [`Room`] says. Null takes nothing.
    Bytes(*mut c_void),
    /// A ULONG. Null takes nothing.
    U32(*mut u32),
    /// A ULONG64. Null takes nothing.
    U64(*mut u64),
    /// A ULONG64 that must be there.
    NeedU64(*mut u64),
    /// A ULONG that must be there.
    NeedU32(*mut u32),
    /// An object or array that must be there.
    NeedBytes(*mut c_void),
    /// An array of ULONG64, as large as the command's [`Room`] says. Null takes nothing.
    Pointers(*mut u64),
    /// A GUID that must be there.
    NeedGuid(*mut Guid),
    /// A place for a new [string of Automation](crate::bstr); null is put there if the call fails.
    NeedString(*mut *mut u16),
    /// Not wanted.
    Nowhere,
}

impl Out {
    /// Whether it must be there and is not.
    fn missing(self) -> bool {
        match self {
            Self::NeedU64(to) => to.is_null(),
            Self::NeedU32(to) => to.is_null(),
            Self::NeedBytes(to) => to.is_null(),
            Self::NeedGuid(to) => to.is_null(),
            Self::NeedString(to) => to.is_null(),
            _ => false,
        }
    }
}

/// An out-buffer's pointer and size.
pub fn room<T>(buffer: *const T, count: impl Into<u64>) -> Room {
    Room { null: buffer.is_null(), count: count.into() }
}

/// An in-buffer's pointer and size, and the elements behind it, as many as one transfer moves.
///
/// # Safety
/// Unless null, `count` elements can be read at the pointer. They need not be aligned.
pub unsafe fn input<T: Copy>(elements: *const T, count: impl Into<u64>) -> Input<T> {
    let count = count.into();
    if elements.is_null() {
        return Input::Null(count);
    }
    let most = MAX_TRANSFER / size_of::<T>().max(1) as u64;
    let count = usize::try_from(count.min(most)).unwrap_or(0);
    // SAFETY: the caller vouches for at least so many elements.
    Input::Given((0..count).map(|at| unsafe { elements.add(at).read_unaligned() }).collect())
}

/// The bytes behind an untyped in-pointer.
///
/// # Safety
/// As [`input`].
pub unsafe fn data(bytes: *const c_void, count: impl Into<u64>) -> Input<u8> {
    let count = count.into();
    if bytes.is_null() {
        return Input::Null(count);
    }
    let count = usize::try_from(count.min(MAX_TRANSFER)).unwrap_or(0);
    // SAFETY: the caller vouches for at least so many bytes, and bytes are always aligned.
    Input::Given(unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) }.to_vec())
}

/// Text that ends with a zero byte; `None` for null.
///
/// # Safety
/// Unless null, a zero byte ends what can be read at the pointer.
pub unsafe fn text(text: *const c_char) -> Option<Text> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for the zero byte.
    Some(Text(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()))
}

/// Text of 16-bit characters that ends with a zero; `None` for null.
///
/// # Safety
/// Unless null, a zero ends what can be read at the pointer. It need not be aligned.
pub unsafe fn wide_text(text: *const u16) -> Option<Text> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for the zero.
    let units = (0..).map(|at| unsafe { text.add(at).read_unaligned() }).take_while(|unit| *unit != 0);
    Some(Text(String::from_utf16_lossy(&units.collect::<Vec<u16>>())))
}

/// Carries out a command, and writes its outputs where they go.
///
/// # Safety
/// Each place is null or can be written: one value, or as much as the command's [`Room`] says.
/// Objects of a fixed size have that size. Nothing need be aligned.
pub unsafe fn call(target: &dyn Execute, command: Command, places: &[Out]) -> Reply {
    if places.iter().any(|place| place.missing()) {
        return Reply { hresult: HResult::INVALIDARG, outputs: Vec::new(), events: Vec::new() };
    }
    let reply = target.execute(command);
    for (output, place) in reply.outputs.iter().zip(places) {
        // SAFETY: the caller vouches for the places, and no output is larger than its room.
        unsafe { deliver(output, *place, reply.hresult.is_success()) };
    }
    reply
}

/// Writes an output where it goes.
///
/// # Safety
/// The place is null or has room for the output.
unsafe fn deliver(output: &Output, place: Out, success: bool) {
    // SAFETY: here and below, the caller vouches for the place.
    unsafe {
        match (output, place) {
            (Output::U32(value), Out::U32(to) | Out::NeedU32(to)) if !to.is_null() => {
                to.write_unaligned(*value);
            }
            (Output::U64(value), Out::U64(to) | Out::NeedU64(to)) if !to.is_null() => {
                to.write_unaligned(*value);
            }
            (Output::Bytes(units), Out::NeedString(to)) => {
                to.write_unaligned(if success { bstr::new(units) } else { std::ptr::null_mut() });
            }
            (Output::Guid(value), Out::NeedGuid(to)) => to.write_unaligned(*value),
            (Output::Bytes(bytes), Out::Bytes(to) | Out::NeedBytes(to)) if !to.is_null() => {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast::<u8>(), bytes.len());
            }
            (Output::Pointers(pointers), Out::Pointers(to)) if !to.is_null() => {
                for (at, pointer) in pointers.iter().enumerate() {
                    to.add(at).write_unaligned(*pointer);
                }
            }
            _ => {}
        }
    }
}
