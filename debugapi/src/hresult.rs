//! Result codes as DbgEng clients know them.

use std::fmt;

/// A result code: 32 bits, the top one says failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HResult(pub u32);

impl HResult {
    /// Completed; for the memory readers and writers: at least partly.
    pub const OK: Self = Self(0);
    /// Completed in part.
    pub const FALSE: Self = Self(1);
    /// The operation could not be performed.
    pub const FAIL: Self = Self(0x8000_4005);
    /// A parameter is invalid.
    pub const INVALIDARG: Self = Self(0x8007_0057);
    /// The object searched for does not exist.
    pub const NOINTERFACE: Self = Self(0x8000_4002);
    /// Memory ran out.
    pub const OUTOFMEMORY: Self = Self(0x8007_000e);
    /// The target is not accessible now.
    pub const UNEXPECTED: Self = Self(0x8000_ffff);
    /// Not implemented for this kind of target.
    pub const NOTIMPL: Self = Self(0x8000_4001);
    /// An interrupt ended the waiting for an event.
    pub const PENDING: Self = Self(0x8000_000a);
    /// Not allowed: the target runs already (ERROR_ACCESS_DENIED).
    pub const ACCESSDENIED: Self = Self::from_win32(5);
    /// A write that moved no byte (ERROR_WRITE_FAULT).
    pub const WRITE_FAULT: Self = Self::from_win32(29);
    /// A read that moved no byte (ERROR_READ_FAULT).
    pub const READ_FAULT: Self = Self::from_win32(30);
    /// A generic refusal (STATUS_UNSUCCESSFUL).
    pub const UNSUCCESSFUL: Self = Self::from_ntstatus(0xc000_0001);
    /// The access to an MSR would fault (STATUS_NO_SUCH_DEVICE).
    pub const NO_SUCH_DEVICE: Self = Self::from_ntstatus(0xc000_000e);
    /// No physical page behind the address (STATUS_NO_PAGEFILE).
    pub const NO_PAGEFILE: Self = Self::from_ntstatus(0xc000_0147);
    /// A port that is no multiple of the size (STATUS_DATATYPE_MISALIGNMENT).
    pub const MISALIGNED: Self = Self::from_ntstatus(0x8000_0002);
    /// A search found nothing (STATUS_NO_MORE_ENTRIES).
    pub const NO_MORE_ENTRIES: Self = Self::from_ntstatus(0x8000_001a);

    /// The code of a Win32 error; error 0 is success.
    pub const fn from_win32(error: u32) -> Self {
        if error == 0 { Self::OK } else { Self(0x8007_0000 | error & 0xffff) }
    }

    /// The code of an NTSTATUS: the same with the NT bit.
    pub const fn from_ntstatus(status: u32) -> Self {
        Self(status | 0x1000_0000)
    }

    /// Whether it says success.
    pub const fn is_success(self) -> bool {
        self.0 >> 31 == 0
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl fmt::Debug for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HResult(0x{:08X})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_wrapped_by_the_two_documented_rules() {
        for (code, value) in [
            (HResult::WRITE_FAULT, 0x8007_001d),
            (HResult::READ_FAULT, 0x8007_001e),
            (HResult::UNSUCCESSFUL, 0xd000_0001),
            (HResult::NO_SUCH_DEVICE, 0xd000_000e),
            (HResult::NO_PAGEFILE, 0xd000_0147),
            (HResult::MISALIGNED, 0x9000_0002),
            (HResult::NO_MORE_ENTRIES, 0x9000_001a),
            (HResult::INVALIDARG, HResult::from_win32(87).0),
            (HResult::OK, HResult::from_win32(0).0),
        ] {
            assert_eq!(code.0, value);
            assert_eq!(code.is_success(), value == 0);
        }
        assert!(HResult::FALSE.is_success());
        assert_eq!(HResult::FAIL.to_string(), "0x80004005");
    }
}
