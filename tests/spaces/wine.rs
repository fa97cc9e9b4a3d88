//! `dbgeng.dll` under Wine: the calls are made by a relay through the COM interfaces.

use std::net::TcpStream;
use std::process::Child;

use ringhold::debugapi::HResult;
use ringhold::debugapi::command::{Command, Interface, Text};

use crate::layers::{AHEAD, GIGABYTE_PAGES, Layer};
use crate::marshal::{self, Image};
use crate::served::{Client, Served};
use crate::windows::{Pipes, relay};

/// In a slot, for the relay: all out-pointers but those of buffers are null.
const NULLED: u16 = 0x8000;

/// A served machine, its relay, and a client of the wire for what is no call of the data spaces.
pub struct Wine {
    relay: Option<Client<Pipes>>,
    child: Child,
    wire: Client<TcpStream>,
    said: String,
    _served: Served,
}

impl Wine {
    pub fn new() -> Self {
        let options = ["--serial", "null", "--set", "outputs.debugcon=null", "--set", GIGABYTE_PAGES];
        let served = Served::start("configs/teaching.ron", "127.0.0.1:0", &options);
        let mut wire = Client::connect(&served);
        let attach = Command::AttachKernel { flags: 0, connect_options: Text::default() };
        assert_eq!(wire.call(&attach).hresult, HResult::OK);
        assert_eq!(wire.call(&Command::WaitForEvent { flags: 0, timeout: u32::MAX }).hresult, HResult::OK);
        // As far as the machines of the other layers have come.
        assert_eq!(wire.call(&Command::Run { instructions: AHEAD }).hresult, HResult::OK);
        let (relay, child) = relay(&served);
        Self { relay: Some(relay), child, wire, said: String::new(), _served: served }
    }

    fn relay(&mut self) -> &mut Client<Pipes> {
        self.relay.as_mut().unwrap()
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // The relay ends with its input.
        self.relay = None;
        let status = self.child.wait();
        assert!(
            std::thread::panicking() || status.is_ok_and(|status| status.success()),
            "the relay came to grief"
        );
    }
}

impl Layer for Wine {
    fn call(&mut self, command: &Command) -> (HResult, Vec<Image>) {
        let reply = match (command.number(), command) {
            ((Interface::DataSpaces | Interface::HostMemory, _), _)
            | ((Interface::Breakpoint | Interface::Registers | Interface::Symbols, _), _)
            // Running, and the list of breakpoints.
            | ((Interface::Control, 31 | 32 | 50 | 68..), _)
            | (
                _,
                Command::GetPromptText { .. }
                | Command::Disassemble { .. }
                | Command::Evaluate { .. }
                | Command::Execute { .. },
            ) => self.relay().call(command),
            _ => self.wire.call(command),
        };
        self.said += &marshal::said(&reply.events);
        (reply.hresult, marshal::images(command, &reply.outputs))
    }

    fn call_nulled(&mut self, command: &Command) -> Option<HResult> {
        Some(self.relay().marked(command, NULLED).hresult)
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.said)
    }

    fn state_hash(&mut self) -> Option<u128> {
        self.wire.call(&Command::GetStateHash {}).bytes().try_into().ok().map(u128::from_le_bytes)
    }
}
