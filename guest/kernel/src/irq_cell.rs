//! Shared state on a machine with one processor: whoever turns interrupts off owns it.

use crate::cpu;
use core::cell::{Cell, UnsafeCell};

/// A value reached with interrupts off. `value` comes first, so the symbol of a static
/// cell is the address of the value: what a debugger wants.
#[repr(C)]
pub struct IrqCell<T> {
    value: UnsafeCell<T>,
    borrowed: Cell<bool>,
}

// SAFETY: one processor, and `with` lets neither interrupts nor a second borrow in.
unsafe impl<T> Sync for IrqCell<T> {}

impl<T> IrqCell<T> {
    pub const fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), borrowed: Cell::new(false) }
    }

    /// Runs `body` on the value with interrupts off. Panics when `body` comes back here.
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        let _guard = InterruptsOff::new();
        assert!(!self.borrowed.replace(true), "IrqCell borrowed twice");
        // SAFETY: `borrowed` was false, so no other reference exists.
        let result = body(unsafe { &mut *self.value.get() });
        self.borrowed.set(false);
        result
    }

    /// The value's address, for lists that link through it.
    pub const fn as_ptr(&self) -> *mut T {
        self.value.get()
    }
}

/// Interrupts stay off while this lives, then return to what they were.
pub struct InterruptsOff {
    were_on: bool,
}

impl InterruptsOff {
    pub fn new() -> Self {
        let were_on = cpu::rflags() & cpu::RFLAGS_IF != 0;
        cpu::disable_interrupts();
        Self { were_on }
    }
}

impl Drop for InterruptsOff {
    fn drop(&mut self) {
        if self.were_on {
            cpu::enable_interrupts();
        }
    }
}
