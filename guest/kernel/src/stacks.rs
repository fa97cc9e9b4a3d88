//! Kernel stacks. Below each lies a page that is never mapped, so an overflow is a page
//! fault with an address that tells, not a silent walk over a neighbour.

use crate::address::{self, PAGE, STACKS};
use crate::frames::{self, OutOfMemory};
use crate::paging::{self, GLOBAL, NO_EXECUTE, WRITABLE};

/// Usable bytes of every kernel stack.
pub const SIZE: u64 = 4 * PAGE;
/// Stacks made by the linker script: the boot stack, which `idle` keeps, then one for
/// each IST slot in use.
pub const FIXED: u64 = 5;
/// From one task stack to the next; what is not stack is guard.
const STRIDE: u64 = 8 * PAGE;

/// Top of fixed stack `index`: 0 is the boot stack, n the stack of IST slot n.
pub fn fixed_top(index: u64) -> u64 {
    fixed_guard(index) + PAGE + SIZE
}

/// The guard page of fixed stack `index`.
pub fn fixed_guard(index: u64) -> u64 {
    address::fixed_stacks() + index * (PAGE + SIZE)
}

/// Top of the stack of task slot `slot`.
pub fn task_top(slot: u64) -> u64 {
    STACKS + (slot + 1) * STRIDE
}

/// Maps the stack of a task slot.
pub fn map(slot: u64) -> Result<(), OutOfMemory> {
    let top = task_top(slot);
    for page in (top - SIZE..top).step_by(PAGE as usize) {
        let mapped = frames::allocate_zeroed().and_then(|frame| {
            paging::map(paging::kernel_root(), page, frame, WRITABLE | NO_EXECUTE | GLOBAL)
        });
        if mapped.is_err() {
            unmap(slot);
            return mapped;
        }
    }
    Ok(())
}

/// Takes the stack of a task slot away. Nobody may be running on it.
pub fn unmap(slot: u64) {
    let top = task_top(slot);
    for page in (top - SIZE..top).step_by(PAGE as usize) {
        if let Some(frame) = paging::unmap(paging::kernel_root(), page) {
            frames::free(frame);
        }
    }
}

/// The guard page that `address` lies in, as the name of what overflowed.
pub fn guard_hit(address: u64) -> Option<&'static str> {
    for index in 0..FIXED {
        let guard = fixed_guard(index);
        if (guard..guard + PAGE).contains(&address) {
            return Some(["boot", "interrupt", "exception", "double fault", "NMI"][index as usize]);
        }
    }
    let end = task_top(crate::task::MAX_TASKS as u64 - 1);
    let below_stack = (address.wrapping_sub(STACKS)) % STRIDE < STRIDE - SIZE;
    ((STACKS..end).contains(&address) && below_stack).then_some("task")
}
