//! The types of parameters, and how they are put into bytes.

use crate::spaces::Guid;
use crate::{Context, Location};

/// Bytes from a client that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed: {0}")]
pub struct Malformed(pub &'static str);

/// Reads a message from its first byte on.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// [`Malformed`] if there are not so many.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Malformed("it is too short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Malformed`] if anything is left.
    pub fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("it is too long")) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }
}

/// A parameter that can be put into bytes and read from them. Numbers are little-endian.
pub trait Field: Sized {
    /// Appends it.
    fn put(&self, to: &mut Vec<u8>);

    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`]
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.array().map(Self::from_le_bytes)
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64);

/// One byte, 0 or 1.
impl Field for bool {
    fn put(&self, to: &mut Vec<u8>) {
        u8::from(*self).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a truth value is neither 0 nor 1")),
        }
    }
}

/// What an in-pointer with a count leads to: a `bool` that says whether there is a pointer, the
/// count as `u64`, and with a pointer that many elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<T> {
    /// The pointer was null; the count that came with it.
    Null(u64),
    /// The elements.
    Given(Vec<T>),
}

/// Bytes to write.
pub type Data = Input<u8>;
/// Pointers to write; 64 bits each.
pub type Pointers = Input<u64>;

impl<T> Input<T> {
    /// The elements; `None` for a null pointer with a count that is not zero.
    pub fn get(&self) -> Option<&[T]> {
        match self {
            Self::Given(elements) => Some(elements),
            Self::Null(0) => Some(&[]),
            Self::Null(_) => None,
        }
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Self::Given(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Data {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Given(bytes.to_vec())
    }
}

impl<T: Field> Field for Input<T> {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::Null(count) => {
                false.put(to);
                count.put(to);
            }
            Self::Given(elements) => {
                true.put(to);
                (elements.len() as u64).put(to);
                elements.iter().for_each(|element| element.put(to));
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (given, count) = (bool::take(from)?, u64::take(from)?);
        if !given {
            return Ok(Self::Null(count));
        }
        let size = count.checked_mul(size_of::<T>() as u64).filter(|size| *size <= from.left() as u64);
        let size = size.ok_or(Malformed("it is too short"))? as usize;
        let mut elements = Reader::new(from.bytes(size)?);
        (0..count).map(|_| T::take(&mut elements)).collect::<Result<_, _>>().map(Self::Given)
    }
}

/// What an out-pointer with a count leads to: a `bool` that says whether there is a pointer, and
/// the count as `u64`. The unit is the method's: bytes, wide characters, or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Whether the pointer was null.
    pub null: bool,
    /// The count that came with it.
    pub count: u64,
}

impl Room {
    /// A buffer of that many units.
    pub fn of(count: u64) -> Self {
        Self { null: false, count }
    }

    /// A null pointer with a count.
    pub fn none(count: u64) -> Self {
        Self { null: true, count }
    }
}

impl Field for Room {
    fn put(&self, to: &mut Vec<u8>) {
        (!self.null).put(to);
        self.count.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { null: !bool::take(from)?, count: u64::take(from)? })
    }
}

/// Text without its zero byte: `u32` bytes of it, then these. What is not UTF-8 is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Field for Text {
    fn put(&self, to: &mut Vec<u8>) {
        (self.0.len() as u32).put(to);
        to.extend_from_slice(self.0.as_bytes());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let size = u32::take(from)? as usize;
        Ok(Self(String::from_utf8_lossy(from.bytes(size)?).into_owned()))
    }
}

/// The 16 bytes that a GUID has in memory.
impl Field for Guid {
    fn put(&self, to: &mut Vec<u8>) {
        let Self(first, second, third, rest) = self;
        first.put(to);
        second.put(to);
        third.put(to);
        to.extend_from_slice(rest);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(u32::take(from)?, u16::take(from)?, u16::take(from)?, from.array()?))
    }
}

/// `HostDefined`, then `Offset`.
impl Field for Location {
    fn put(&self, to: &mut Vec<u8>) {
        self.host_defined.put(to);
        self.offset.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { host_defined: u64::take(from)?, offset: u64::take(from)? })
    }
}

/// The context of IDebugHostMemory: a `bool`, and if it is 1 the processor as `u32`, another
/// `bool`, and if that is 1 the paging root as `u64`. `None` is the null pointer: the session's
/// current context.
pub type HostContext = Option<Context>;

impl Field for HostContext {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        let Some(Context { cpu, root }) = self else { return };
        u32::try_from(*cpu).unwrap_or(u32::MAX).put(to);
        root.is_some().put(to);
        if let Some(root) = root {
            root.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if !bool::take(from)? {
            return Ok(None);
        }
        let cpu = u32::take(from)? as usize;
        let root = if bool::take(from)? { Some(u64::take(from)?) } else { None };
        Ok(Some(Context { cpu, root }))
    }
}

/// A DEBUG_VALUE as it lies in memory.
impl Field for [u8; 32] {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.array()
    }
}
