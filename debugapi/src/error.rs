//! Why a call failed, and the code that says so.

use ringhold_emulator::inject::{Reading, Receipt, Refusal};

use crate::HResult;

/// Why a call failed. Nothing was moved then (the calls that move several objects say otherwise).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// No byte could be written.
    #[error("nothing was written: {}", reason(.0.stopped))]
    NothingWritten(Box<Receipt>),
    /// No byte could be read.
    #[error("nothing was read: {}", reason(.0.stopped))]
    NothingRead(Box<Reading>),
    /// A parameter has a value that the call does not take.
    #[error("invalid argument: {0}")]
    InvalidArgument(&'static str),
    /// A port is no multiple of the access size.
    #[error("port {port:#x} is not aligned to {size} bytes")]
    Misaligned {
        /// The port.
        port: u64,
        /// The size in bytes.
        size: usize,
    },
    /// The target has no such thing.
    #[error("{0} is not implemented for this target")]
    NotImplemented(&'static str),
    /// No page stands behind a virtual address.
    #[error("no physical page stands behind {0:#x}")]
    NoPage(u64),
    /// The processor would raise #GP(0) for this MSR or value.
    #[error("the processor refuses MSR {0:#x}")]
    Msr(u32),
    /// No PCI function, or no bus, of this address.
    #[error("there is no function at bus {bus:#x}, slot {slot:#x}")]
    NoFunction {
        /// Segment and bus.
        bus: u32,
        /// Device and function.
        slot: u32,
    },
    /// A pattern was not found.
    #[error("the pattern was not found")]
    NotFound,
    /// Not all pointers could be moved.
    #[error("only {done} of {asked} pointers could be moved")]
    Pointers {
        /// How many were moved.
        done: usize,
        /// How many were asked for.
        asked: usize,
        /// Whether it was a write.
        write: bool,
    },
    /// What was asked for cannot be found in the target.
    #[error("{0}")]
    Failed(&'static str),
    /// The object that was named does not exist.
    #[error("{0}")]
    NoSuchObject(&'static str),
    /// A session of this kind has no such thing.
    #[error("{0}")]
    WrongSession(&'static str),
    /// The target runs, or there is none.
    #[error("the target is not accessible now")]
    WrongState,
}

fn reason(refusal: Option<Refusal>) -> String {
    refusal.map_or_else(|| "no byte was asked for".into(), |refusal| refusal.to_string())
}

impl Error {
    /// The code that a DbgEng client sees.
    pub fn hresult(&self) -> HResult {
        match self {
            Self::NothingWritten(receipt) => match receipt.stopped {
                Some(Refusal::NoProcessor { .. }) => HResult::INVALIDARG,
                _ => HResult::WRITE_FAULT,
            },
            Self::NothingRead(reading) => match reading.stopped {
                Some(Refusal::NoProcessor { .. }) => HResult::INVALIDARG,
                _ => HResult::READ_FAULT,
            },
            Self::InvalidArgument(_) => HResult::INVALIDARG,
            Self::Misaligned { .. } => HResult::MISALIGNED,
            Self::NotImplemented(_) => HResult::NOTIMPL,
            Self::NoPage(_) => HResult::NO_PAGEFILE,
            Self::Msr(_) => HResult::NO_SUCH_DEVICE,
            Self::NoFunction { .. } => HResult::UNSUCCESSFUL,
            Self::NotFound => HResult::NO_MORE_ENTRIES,
            Self::Pointers { write: true, .. } => HResult::WRITE_FAULT,
            Self::Pointers { write: false, .. } => HResult::READ_FAULT,
            Self::Failed(_) => HResult::FAIL,
            Self::NoSuchObject(_) => HResult::NOINTERFACE,
            Self::WrongSession(_) | Self::WrongState => HResult::UNEXPECTED,
        }
    }
}

impl From<Error> for HResult {
    fn from(error: Error) -> Self {
        error.hresult()
    }
}
