//! What a command answers.

use super::{Field, Malformed, Reader, Text};
use crate::spaces::Guid;
use crate::{Change, HResult};

/// What an out-parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the table of methods reads like a list of types")]
pub enum Shape {
    /// ULONG
    u32,
    /// ULONG64
    u64,
    /// A buffer, as far as it was filled: a count as `u64`, then the bytes. Wide characters are
    /// two bytes each.
    bytes,
    /// An array of ULONG64, as far as it was filled: a count as `u64`, then the elements.
    pointers,
    /// A GUID, 16 bytes.
    guid,
}

impl Shape {
    /// Zero, or nothing.
    pub fn empty(self) -> Output {
        match self {
            Self::u32 => Output::U32(0),
            Self::u64 => Output::U64(0),
            Self::bytes => Output::Bytes(Vec::new()),
            Self::pointers => Output::Pointers(Vec::new()),
            Self::guid => Output::Guid(Guid(0, 0, 0, [0; 8])),
        }
    }
}

/// The value of an out-parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// ULONG
    U32(u32),
    /// ULONG64
    U64(u64),
    /// A buffer as far as it was filled.
    Bytes(Vec<u8>),
    /// An array as far as it was filled.
    Pointers(Vec<u64>),
    /// A GUID.
    Guid(Guid),
}

impl Output {
    /// What it is.
    pub fn shape(&self) -> Shape {
        match self {
            Self::U32(_) => Shape::u32,
            Self::U64(_) => Shape::u64,
            Self::Bytes(_) => Shape::bytes,
            Self::Pointers(_) => Shape::pointers,
            Self::Guid(_) => Shape::guid,
        }
    }

    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::U32(value) => value.put(to),
            Self::U64(value) => value.put(to),
            Self::Bytes(bytes) => {
                (bytes.len() as u64).put(to);
                to.extend_from_slice(bytes);
            }
            Self::Pointers(pointers) => {
                (pointers.len() as u64).put(to);
                pointers.iter().for_each(|pointer| pointer.put(to));
            }
            Self::Guid(guid) => guid.put(to),
        }
    }

    fn take(shape: Shape, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = |from: &mut Reader<'_>, size: u64| {
            let count = u64::take(from)?;
            let fits = count.checked_mul(size).is_some_and(|size| size <= from.left() as u64);
            if fits { Ok(count) } else { Err(Malformed("it is too short")) }
        };
        Ok(match shape {
            Shape::u32 => Self::U32(u32::take(from)?),
            Shape::u64 => Self::U64(u64::take(from)?),
            Shape::guid => Self::Guid(Guid::take(from)?),
            Shape::bytes => {
                let count = count(from, 1)?;
                Self::Bytes(from.bytes(count as usize)?.to_vec())
            }
            Shape::pointers => {
                let count = count(from, 8)?;
                Self::Pointers((0..count).map(|_| u64::take(from)).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// What a client's callbacks are to be told. The faces call them before the command returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `IDebugEventCallbacks::ChangeDebuggeeState`
    ChangeDebuggeeState {
        /// `DEBUG_CDS_*`
        flags: u32,
        /// With DATA the number of the data space.
        argument: u64,
    },
    /// `IDebugEventCallbacks::ChangeEngineState`
    ChangeEngineState {
        /// `DEBUG_CES_*`
        flags: u32,
        /// With EXECUTION_STATUS the status.
        argument: u64,
    },
    /// `IDebugEventCallbacks::SessionStatus`
    SessionStatus {
        /// `DEBUG_SESSION_*`
        status: u32,
    },
    /// `IDebugEventCallbacks::Breakpoint`
    Breakpoint {
        /// What names the object.
        breakpoint: u64,
        /// Its id.
        id: u32,
        /// Its flags.
        flags: u32,
    },
    /// `IDebugEventCallbacks::Exception`
    Exception {
        /// What the record has as its code.
        code: u32,
        /// Where.
        address: u64,
        /// 1 if the guest has not seen it.
        first_chance: u32,
    },
    /// `IDebugOutputCallbacks::Output`
    Output {
        /// `DEBUG_OUTPUT_*`
        mask: u32,
        /// What is said.
        text: String,
    },
}

impl Event {
    /// Whether callbacks are asked how the target is to go on.
    pub fn asks(&self) -> bool {
        matches!(self, Self::Breakpoint { .. } | Self::Exception { .. })
    }

    /// An EXCEPTION_RECORD64 without parameters.
    pub fn exception_record(code: u32, address: u64) -> [u8; 152] {
        let mut record = [0; 152];
        record[0..4].copy_from_slice(&code.to_le_bytes());
        record[16..24].copy_from_slice(&address.to_le_bytes());
        record
    }
}

impl From<Change> for Event {
    fn from(change: Change) -> Self {
        Self::ChangeDebuggeeState { flags: change.flags(), argument: change.argument() }
    }
}

impl Field for Event {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::ChangeDebuggeeState { flags, argument } => {
                1u8.put(to);
                flags.put(to);
                argument.put(to);
            }
            Self::ChangeEngineState { flags, argument } => {
                2u8.put(to);
                flags.put(to);
                argument.put(to);
            }
            Self::SessionStatus { status } => {
                3u8.put(to);
                status.put(to);
            }
            Self::Output { mask, text } => {
                4u8.put(to);
                mask.put(to);
                Text(text.clone()).put(to);
            }
            Self::Breakpoint { breakpoint, id, flags } => {
                5u8.put(to);
                breakpoint.put(to);
                id.put(to);
                flags.put(to);
            }
            Self::Exception { code, address, first_chance } => {
                6u8.put(to);
                code.put(to);
                address.put(to);
                first_chance.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match u8::take(from)? {
            1 => Self::ChangeDebuggeeState { flags: u32::take(from)?, argument: u64::take(from)? },
            2 => Self::ChangeEngineState { flags: u32::take(from)?, argument: u64::take(from)? },
            3 => Self::SessionStatus { status: u32::take(from)? },
            4 => Self::Output { mask: u32::take(from)?, text: Text::take(from)?.0 },
            5 => Self::Breakpoint {
                breakpoint: u64::take(from)?,
                id: u32::take(from)?,
                flags: u32::take(from)?,
            },
            6 => Self::Exception {
                code: u32::take(from)?,
                address: u64::take(from)?,
                first_chance: u32::take(from)?,
            },
            _ => return Err(Malformed("there is no such event")),
        })
    }
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The method's result.
    pub hresult: HResult,
    /// The out-parameters in the order of the method's, all of them, whatever the result: counts
    /// of a failed call are zero.
    pub outputs: Vec<Output>,
    /// What callbacks are to be told, in order.
    pub events: Vec<Event>,
}

impl Reply {
    /// Appends it: the HRESULT as `u32`, the outputs, the number of events as `u32`, the events.
    pub fn put(&self, to: &mut Vec<u8>) {
        self.hresult.0.put(to);
        self.outputs.iter().for_each(|output| output.put(to));
        (self.events.len() as u32).put(to);
        self.events.iter().for_each(|event| event.put(to));
    }

    /// Reads it; the shapes are those of the method that was called.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn take(shapes: &[Shape], from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let hresult = HResult(u32::take(from)?);
        let outputs = shapes.iter().map(|shape| Output::take(*shape, from)).collect::<Result<_, _>>()?;
        let count = u32::take(from)?;
        let events = (0..count).map(|_| Event::take(from)).collect::<Result<_, _>>()?;
        Ok(Self { hresult, outputs, events })
    }

    /// The first ULONG among the outputs: the count of the methods that have one.
    pub fn count(&self) -> Option<u32> {
        self.outputs.iter().find_map(|output| match output {
            Output::U32(value) => Some(*value),
            _ => None,
        })
    }

    /// The first ULONG64 among the outputs.
    pub fn number(&self) -> Option<u64> {
        self.outputs.iter().find_map(|output| match output {
            Output::U64(value) => Some(*value),
            _ => None,
        })
    }

    /// The first buffer among the outputs, as far as it was filled.
    pub fn bytes(&self) -> &[u8] {
        let bytes = self.outputs.iter().find_map(|output| match output {
            Output::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        bytes.unwrap_or_default()
    }
}
