//! Commands and replies as bytes: the protocol of `dbgeng.dll` and of whoever else wants to speak
//! to a [`Session`](crate::Session) from another process.
//!
//! The wire is the vtable. A client sends frames, the server answers each with one frame; both are
//! little-endian throughout and without padding.
//!
//! ```text
//! request   u32 length of what follows    u32 number, the client's choice
//!           u16 interface   u16 slot      in-parameters in the method's order
//! answer    u32 length of what follows    u32 number of the request
//!           u32 HRESULT                   out-parameters in the method's order
//!           u32 number of events          the events
//! ```
//!
//! How each type of parameter lies in a frame is said at [`Input`](crate::command::Input),
//! [`Room`](crate::command::Room), [`Text`](crate::command::Text), [`HostContext`](crate::command::HostContext),
//! [`Shape`](crate::command::Shape) and [`Event`](crate::command::Event); the parameters of each
//! method stand in [`METHODS`](crate::command::METHODS).
//!
//! Answers come in the order of the requests, but for WaitForEvent: while it waits, further
//! requests are answered, so that a client can ask for an interrupt.
//!
//! A method that is not in the table answers E_NOTIMPL without outputs. A frame that is longer
//! than [`MAX_FRAME`], or whose parameters do not fit its method, is answered by E_INVALIDARG if
//! its head could be read; the connection is closed after it.

use crate::HResult;
use crate::command::{Command, Field, Malformed, Method, Reader, Reply};

/// The version of the protocol, told by `Hello`.
pub const VERSION: u32 = 1;

/// The most bytes that a single transfer moves. A longer one is cut short and says so by its
/// count.
pub const MAX_TRANSFER: u64 = 64 << 20;

/// The most bytes of a frame behind its length.
pub const MAX_FRAME: u32 = 65 << 20;

/// A request, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The client's number for it.
    pub number: u32,
    /// What is asked for; `None` for a method that is not implemented.
    pub command: Option<Command>,
}

/// The head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The client's number for it.
    pub number: u32,
    /// The interface's number.
    pub interface: u16,
    /// The slot in its vtable.
    pub slot: u16,
}

/// A command as a whole frame.
pub fn request(number: u32, command: &Command) -> Vec<u8> {
    let (interface, slot) = command.number();
    frame(|to| {
        number.put(to);
        (interface as u16).put(to);
        slot.put(to);
        command.put(to);
    })
}

/// The head of a request, from the bytes behind its length.
///
/// # Errors
/// [`Malformed`] if they are too few.
pub fn head(frame: &[u8]) -> Result<Head, Malformed> {
    let mut from = Reader::new(frame);
    Ok(Head { number: u32::take(&mut from)?, interface: u16::take(&mut from)?, slot: u16::take(&mut from)? })
}

/// A request, from the bytes behind its length.
///
/// # Errors
/// [`Malformed`] if they are not what the method takes.
pub fn read_request(frame: &[u8]) -> Result<Request, Malformed> {
    let Head { number, interface, slot } = head(frame)?;
    let mut from = Reader::new(frame);
    from.bytes(8)?;
    let command = Command::take(interface, slot, &mut from)?;
    if command.is_some() {
        from.end()?;
    }
    Ok(Request { number, command })
}

/// A reply as a whole frame.
pub fn answer(number: u32, reply: &Reply) -> Vec<u8> {
    frame(|to| {
        number.put(to);
        reply.put(to);
    })
}

/// The number and the reply, from the bytes behind the length. The method is that of the request.
///
/// # Errors
/// [`Malformed`] if they are not what the method answers.
pub fn read_answer(method: &Method, frame: &[u8]) -> Result<(u32, Reply), Malformed> {
    let mut from = Reader::new(frame);
    let number = u32::take(&mut from)?;
    let reply = Reply::take(method.outputs, &mut from)?;
    from.end()?;
    Ok((number, reply))
}

/// The answer to what could not be turned into a command: E_NOTIMPL, or E_INVALIDARG for a
/// malformed one. The outputs are those of the method, if there is one.
pub fn refusal(head: Head, hresult: HResult) -> Vec<u8> {
    let reply = match Method::at(head.interface, head.slot) {
        Some(method) => method.failed(hresult),
        None => Reply { hresult, outputs: Vec::new(), events: Vec::new() },
    };
    answer(head.number, &reply)
}

fn frame(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    fill(&mut bytes);
    let length = (bytes.len() - 4) as u32;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}
