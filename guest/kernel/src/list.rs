//! Circular doubly linked lists through the first field of their members: the form in
//! which kernels keep what debuggers walk. An empty head points to itself both ways.

use core::ptr;

/// A head, or the links in a member.
#[repr(C)]
pub struct ListEntry {
    pub next: *mut ListEntry,
    pub previous: *mut ListEntry,
}

impl ListEntry {
    /// Not in any list yet.
    pub const fn unlinked() -> Self {
        Self { next: ptr::null_mut(), previous: ptr::null_mut() }
    }

    /// Makes `head` an empty list.
    ///
    /// # Safety
    /// `head` must stay where it is.
    pub unsafe fn init(head: *mut ListEntry) {
        // SAFETY: the caller's promise.
        unsafe {
            (*head).next = head;
            (*head).previous = head;
        }
    }

    /// Appends `entry` to the list at `head`.
    ///
    /// # Safety
    /// `head` is initialised; `entry` is in no list and stays where it is while linked.
    pub unsafe fn push_back(head: *mut ListEntry, entry: *mut ListEntry) {
        // SAFETY: the caller's promise.
        unsafe {
            let last = (*head).previous;
            (*entry).next = head;
            (*entry).previous = last;
            (*last).next = entry;
            (*head).previous = entry;
        }
    }

    /// Takes `entry` out of its list.
    ///
    /// # Safety
    /// `entry` must be in a list.
    pub unsafe fn remove(entry: *mut ListEntry) {
        // SAFETY: the caller's promise.
        unsafe {
            (*(*entry).previous).next = (*entry).next;
            (*(*entry).next).previous = (*entry).previous;
            *entry = Self::unlinked();
        }
    }
}

/// The members of the list at `head`, as pointers to the `T` that starts with the links.
pub struct Members<T> {
    head: *const ListEntry,
    at: *const ListEntry,
    member: core::marker::PhantomData<*mut T>,
}

/// Walks a list.
///
/// # Safety
/// `head` is initialised, every member is a `T` with its links first, and nobody changes
/// the list during the walk.
pub unsafe fn members<T>(head: *const ListEntry) -> Members<T> {
    // SAFETY: the caller's promise.
    Members { head, at: unsafe { (*head).next }, member: core::marker::PhantomData }
}

impl<T> Iterator for Members<T> {
    type Item = *mut T;

    fn next(&mut self) -> Option<*mut T> {
        if self.at == self.head {
            return None;
        }
        let member = self.at as *mut T;
        // SAFETY: promised to `members`.
        self.at = unsafe { (*self.at).next };
        Some(member)
    }
}
