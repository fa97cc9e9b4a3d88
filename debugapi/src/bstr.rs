//! Strings of Automation, as COM hands them out: UTF-16 behind its length in bytes.
//!
//! On Windows they come from SysAllocString. Here they have the same form, and are given back to
//! [`free`], which faces export under their own names.
#![allow(unsafe_code, reason = "a string is a pointer into its own allocation")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// What stands before the characters: four bytes for the alignment, and the length.
const HEAD: usize = 8;

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(HEAD + bytes + 2, 8).ok()
}

/// A string of these bytes of UTF-16, with a zero character behind it. Null if it would be too
/// long.
pub fn new(bytes: &[u8]) -> *mut u16 {
    let (Some(layout), Ok(length)) = (layout(bytes.len()), u32::try_from(bytes.len())) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the layout has a size; the writes are within it, and the length is aligned.
    unsafe {
        let start = alloc(layout);
        if start.is_null() {
            handle_alloc_error(layout);
        }
        start.add(HEAD - 4).cast::<u32>().write(length);
        let characters = start.add(HEAD);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), characters, bytes.len());
        characters.add(bytes.len()).write_bytes(0, 2);
        characters.cast()
    }
}

/// The length in bytes that stands before a string; 0 for null.
///
/// # Safety
/// The string is null or came from [`new`] and is not freed.
pub unsafe fn length(string: *const u16) -> usize {
    if string.is_null() {
        return 0;
    }
    // SAFETY: the caller vouches for the string, and its head is aligned.
    unsafe { string.cast::<u8>().sub(4).cast::<u32>().read() as usize }
}

/// SysFreeString: gives a string back. Null is no mistake.
///
/// # Safety
/// The string is null or came from [`new`]; it is not used afterwards.
pub unsafe fn free(string: *mut u16) {
    // SAFETY: the caller vouches for the string.
    let Some(layout) = layout(unsafe { length(string) }).filter(|_| !string.is_null()) else { return };
    // SAFETY: it was allocated with this layout, so far before its characters.
    unsafe { dealloc(string.cast::<u8>().sub(HEAD), layout) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_string_has_its_length_before_and_a_zero_behind() {
        let string = super::new(&[b'a', 0, 0xac, 0x20]);
        // SAFETY: the string has two characters and a zero, and is freed once.
        unsafe {
            assert_eq!(super::length(string), 4);
            assert_eq!(std::slice::from_raw_parts(string, 3), [0x61, 0x20ac, 0]);
            super::free(string);
            super::free(std::ptr::null_mut());
        }
    }
}
