//! The backing store: one reserved mapping of the host. All raw access to it lives here.

#[cfg(not(all(target_endian = "little", target_pointer_width = "64")))]
compile_error!("guest memory is read and written as the host reads and writes its own");

use std::ffi::c_void;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Zeroed host memory that backs the guest's RAM and ROM.
pub struct Ram {
    base: *mut u8,
    len: u64,
}

// SAFETY: the mapping is owned by this value alone and is plain memory.
unsafe impl Send for Ram {}

/// Plain values that may be read from and written to guest memory in any bit pattern.
///
/// # Safety
/// Every bit pattern of the size must be a valid value, and the type must have no padding.
pub unsafe trait Plain: Copy {}
// SAFETY: integers take every bit pattern.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u16 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for u128 {}
// SAFETY: as above; an array has no padding.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

impl Ram {
    /// Reserves `len` bytes, zeroed; the host commits pages as they are touched.
    pub(super) fn new(len: u64) -> std::io::Result<Self> {
        let size = usize::try_from(len.max(4096)).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        // SAFETY: a fresh private mapping at an address of the kernel's choice.
        let base = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?
        };
        Ok(Self { base: base.cast(), len: size as u64 })
    }

    /// Bytes of the store.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the store is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies out of the store; beyond its end the buffer is left alone.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) {
        let len = self.clip(offset, buffer.len());
        // SAFETY: `clip` keeps the span inside the mapping; the buffer is not guest memory.
        unsafe { std::ptr::copy_nonoverlapping(self.at(offset), buffer.as_mut_ptr(), len) }
    }

    /// Reads a little-endian word; beyond the end of the store, zero.
    #[inline]
    pub fn read_u64(&self, offset: u64) -> u64 {
        // The store has a page at least.
        if offset > self.len - 8 {
            return 0;
        }
        // SAFETY: the eight bytes lie inside the mapping.
        u64::from_le(unsafe { self.at(offset).cast::<u64>().read_unaligned() })
    }

    /// Copies into the store; what lies beyond its end is dropped.
    ///
    /// In chunks, because the C library moves spans from 4 KiB on with REP MOVSB, whose start costs
    /// more than it saves where both ends are in the cache.
    #[inline]
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let len = self.clip(offset, bytes.len());
        if len == 8 {
            // SAFETY: as in `read`. A pointer's length is worth no call.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at(offset), 8) }
            return;
        }
        let mut at = offset;
        for chunk in bytes[..len].chunks(2048) {
            // SAFETY: as in `read`; the chunks together are the span.
            unsafe { std::ptr::copy_nonoverlapping(chunk.as_ptr(), self.at(at), chunk.len()) }
            at += chunk.len() as u64;
        }
    }

    /// A read-only view of one page, for hashing and saving.
    pub fn page(&self, number: u64) -> &[u8] {
        let offset = number.saturating_mul(4096).min(self.len - 4096);
        // SAFETY: the page lies inside the mapping, and `&self` keeps writers away.
        unsafe { std::slice::from_raw_parts(self.at(offset), 4096) }
    }

    /// The host address of backing `offset`, for TLB entries.
    #[inline]
    pub(crate) fn host(&self, offset: u64) -> u64 {
        self.at(offset) as u64
    }

    #[inline]
    fn at(&self, offset: u64) -> *mut u8 {
        debug_assert!(offset < self.len);
        self.base.wrapping_add(offset as usize)
    }

    #[inline(always)]
    fn clip(&self, offset: u64, len: usize) -> usize {
        len.min(self.len.saturating_sub(offset) as usize)
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`, unmapped once.
        let unmapped = unsafe { munmap(self.base.cast::<c_void>(), self.len as usize) };
        debug_assert!(unmapped.is_ok());
    }
}

/// Loads a value from a host address that a TLB entry gave.
///
/// # Safety
/// `host` must come from [`Ram::host`] of a live store and the `size_of::<T>()` bytes from
/// there must lie in the same page. No other thread may access the store.
#[inline(always)]
pub(crate) unsafe fn load<T: Plain>(host: u64) -> T {
    // SAFETY: by the caller's promise; alignment is not assumed.
    unsafe { (host as *const T).read_unaligned() }
}

/// Stores a value at a host address that a TLB entry gave.
///
/// # Safety
/// As for [`load`].
#[inline(always)]
pub(crate) unsafe fn store<T: Plain>(host: u64, value: T) {
    // SAFETY: by the caller's promise; alignment is not assumed.
    unsafe { (host as *mut T).write_unaligned(value) }
}

/// Copies `len` bytes upwards in elements of `element` bytes, as REP MOVS does: where the spans
/// overlap, elements already written are read again.
///
/// # Safety
/// As for [`load`], for both spans.
#[inline]
pub(crate) unsafe fn copy_ascending(from: u64, to: u64, len: usize, element: usize) {
    let distance = to.wrapping_sub(from);
    // SAFETY: by the caller's promise; disjoint spans, or element by element. A source above
    // the destination (distance wraps) may be moved at once.
    unsafe {
        if distance >= len as u64 {
            std::ptr::copy(from as *const u8, to as *mut u8, len);
        } else {
            for at in (0..len as u64).step_by(element) {
                std::ptr::copy((from + at) as *const u8, (to + at) as *mut u8, element);
            }
        }
    }
}

/// Stores `count` copies of a value upwards.
///
/// # Safety
/// As for [`load`], for all of the span.
#[inline]
pub(crate) unsafe fn fill<T: Plain>(to: u64, value: T, count: usize) {
    for at in 0..count {
        // SAFETY: by the caller's promise.
        unsafe { (to as *mut T).add(at).write_unaligned(value) };
    }
}
