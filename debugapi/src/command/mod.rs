//! Every verb that a DbgEng client can ask for, as one enum.
//!
//! All faces (Rust, COM, C, the wire to Windows clients) lower to a [`Command`] and hand it to a
//! [`Session`](crate::Session), so the rules stand in one place. A command is a call of a COM
//! method: its number is the pair of interface and vtable slot, its fields are the method's
//! in-parameters in order. The [`Reply`] has the out-parameters in order.
//!
//! Pointers are the faces' matter, with one exception: a null buffer is part of the command
//! ([`Input::Null`], [`Room::null`]), so that what a null means is decided here as well. A null
//! out-pointer that the method insists on is E_INVALIDARG before anything else is looked at.

mod parameters;
mod reply;
mod table;

pub use parameters::{Data, Field, HostContext, Input, Malformed, Pointers, Reader, Room, Text};
pub use reply::{Event, Output, Reply, Shape};
pub use table::{Command, METHODS};

/// The interfaces that have commands, by their numbers on the wire. Each stands for all versions
/// of its family, whose vtables are prefixes of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Interface {
    /// What has no vtable: the session itself.
    Session = 0,
    /// `IDebugDataSpaces` to `IDebugDataSpaces4`
    DataSpaces = 1,
    /// `IDebugHostMemory`, `IDebugHostMemory2`
    HostMemory = 2,
    /// `IDebugClient` and its later versions
    Client = 3,
    /// `IDebugControl` and its later versions
    Control = 4,
    /// `IDebugRegisters`, `IDebugRegisters2`
    Registers = 5,
    /// `IDebugSystemObjects` and its later versions
    SystemObjects = 6,
    /// `IDebugSymbols` and its later versions
    Symbols = 7,
    /// `IDebugBreakpoint`; the first parameter is the handle that names the object
    Breakpoint = 8,
}

/// What is known of a method beside its parameters' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The interface.
    pub interface: Interface,
    /// The place in its vtable; IUnknown has 0 to 2.
    pub slot: u16,
    /// The name.
    pub name: &'static str,
    /// The in-parameters: name and Rust type.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The out-parameters.
    pub outputs: &'static [Shape],
}

impl Method {
    /// The method at a slot of an interface, if it is implemented.
    pub fn at(interface: u16, slot: u16) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.interface as u16 == interface && method.slot == slot)
    }

    /// The reply of a call that failed: every output is there, zero or empty.
    pub fn failed(&self, hresult: crate::HResult) -> Reply {
        Reply { hresult, outputs: self.outputs.iter().map(|shape| shape.empty()).collect(), events: vec![] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_ascend_within_an_interface() {
        for pair in METHODS.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|method| (method.interface, method.slot));
            assert!(a < b, "{} and {}", pair[0].name, pair[1].name);
        }
    }
}
