//! Access to addresses that may not be there, answered with `false` instead of a panic.

use crate::address::USER_END;

unsafe extern "C" {
    /// `entry.s`: copies, and returns how many bytes were left when it faulted. Bytes are
    /// copied upwards; 1, 2, 4 and 8 are copied by one access.
    fn probe_copy(destination: *mut u8, source: *const u8, length: usize) -> usize;
}

fn is_canonical(address: u64) -> bool {
    // A non-canonical address raises #GP or #SS, not the #PF that has a fixup.
    (address as i64) << 16 >> 16 == address as i64
}

fn copy(destination: u64, source: u64, length: usize) -> bool {
    let ends = [destination, source].map(|start| (start, start.checked_add(length as u64 - 1)));
    if !ends.iter().all(|&(start, end)| is_canonical(start) && end.is_some_and(is_canonical)) {
        return false;
    }
    // SAFETY: a fault is caught. That the destination is nothing Rust relies on is up to
    // the callers below, and for `poke` up to whoever types it.
    unsafe { probe_copy(destination as *mut u8, source as *const u8, length) == 0 }
}

/// Fills `value` from `address`.
pub fn read<T: Copy>(address: u64, value: &mut T) -> bool {
    copy((&raw mut *value) as u64, address, size_of::<T>())
}

/// Fills `bytes` from `address`.
pub fn read_bytes(address: u64, bytes: &mut [u8]) -> bool {
    bytes.is_empty() || copy(bytes.as_mut_ptr() as u64, address, bytes.len())
}

/// Writes the low `size` bytes of `value`: 1, 2, 4 or 8.
pub fn write(address: u64, value: u64, size: usize) -> bool {
    copy(address, (&raw const value) as u64, size)
}

/// Copies from the current program; refuses what is not a program's.
pub fn read_user(address: u64, bytes: &mut [u8]) -> bool {
    let end = address.checked_add(bytes.len() as u64);
    end.is_some_and(|end| end <= USER_END) && read_bytes(address, bytes)
}
