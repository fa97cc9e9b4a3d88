//! Objects of a fixed size that a call delivers into a buffer.

use crate::HResult;

/// What came of an object that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Bytes of the whole object (`DataSize`, `TotalSize`).
    pub size: usize,
    /// Bytes that were put into the buffer.
    pub count: usize,
    /// Whether there was a buffer, and it was too small.
    pub truncated: bool,
}

impl Delivered {
    /// Puts what fits of an object, from its byte `at` on, into the buffer. An empty buffer asks
    /// for the size alone.
    pub(super) fn new(object: &[u8], at: usize, buffer: &mut [u8]) -> Self {
        let rest = object.get(at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Self { size: object.len(), count, truncated: count > 0 && count < rest.len() }
    }

    /// The code that a DbgEng client sees: S_FALSE if the buffer was too small.
    pub fn hresult(&self) -> HResult {
        if self.truncated { HResult::FALSE } else { HResult::OK }
    }
}
