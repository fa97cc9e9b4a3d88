//! `ringhold serve`: a machine that waits for a debugger's clients.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ringhold::Machine;
use ringhold::debugapi::server::{ConnectionId, Server};
use ringhold::debugapi::session::Session;

use super::guest::{GuestArguments, Opened};
use super::listen::{Address, Happening, Listener, Stream};
use super::run::{End, Outside};
use super::symbols::SymbolFile;

/// How long signals and the terminal may have to wait while no client does anything.
const PATIENCE: Duration = Duration::from_millis(50);

#[derive(Args)]
pub struct ServeArguments {
    #[command(flatten)]
    guest: GuestArguments,
    /// Wait for clients of dbgeng.dll: HOST:PORT on a loopback address (port 0 takes a free one),
    /// or unix:PATH
    #[arg(long, value_name = "ADDR", value_parser = Address::parse)]
    dbgeng: Address,
    /// Symbols beside those of an ELF kernel: an ELF file, or a list as nm and System.map have it;
    /// SLIDE is added to its addresses; may be given again
    #[arg(long, value_name = "[NAME=]FILE[@SLIDE]", value_parser = SymbolFile::parse)]
    symbols: Vec<SymbolFile>,
    /// Write a journal of all that comes from outside, for `ringhold replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Serves a machine until the user ends it; gives the exit status.
pub fn serve(arguments: &ServeArguments) -> anyhow::Result<u8> {
    let opened = arguments.guest.open(arguments.record.as_deref(), &arguments.symbols)?;
    let Opened { config, mut machine, modules, recorder } = opened;
    let mut session = Session::unattached();
    session.set_modules(modules);
    let mut outside = Outside::open(&config, &mut machine, None, recorder)?;
    let listener = Listener::open(&arguments.dbgeng)?;
    eprintln!("ringhold: waiting for dbgeng clients at {}", listener.address());
    let mut desk = Desk { server: Server::new(session), streams: BTreeMap::new() };
    let mut patience = Duration::ZERO;
    while !outside.leaves(&mut machine) {
        // All that clients have asked for comes before the guest's next slice.
        while let Some(happening) = listener.next(patience)? {
            desk.handle(&mut machine, happening);
            patience = Duration::ZERO;
        }
        if let Some(id) = desk.server.advance(&mut machine) {
            desk.answer(&mut machine, id);
        }
        outside.drain(&mut machine).context("the guest's output")?;
        patience = if desk.server.waits() { Duration::ZERO } else { PATIENCE };
    }
    // The terminal comes back before anything is said.
    if let Some(recorder) = outside.close() {
        recorder.finish(&mut machine, End::Interrupt.stop())?;
    }
    eprintln!("ringhold: {} after {} instructions", End::Interrupt.sentence(), machine.instructions());
    Ok(End::Interrupt.status())
}

/// The server and the streams of its connections.
struct Desk {
    server: Server,
    streams: BTreeMap<ConnectionId, Stream>,
}

impl Desk {
    fn handle(&mut self, machine: &mut Machine, happening: Happening) {
        match happening {
            Happening::Opened(id, stream) => {
                self.streams.insert(id, stream);
                self.server.open(id);
            }
            Happening::Received(id, bytes) => {
                let outcome = self.server.receive(machine, id, &bytes);
                self.answer(machine, id);
                if let Err(error) = outcome {
                    let at = machine.instructions();
                    eprintln!("ringhold: client {id} is disconnected after {at} instructions: {error}");
                    self.close(machine, id);
                }
            }
            Happening::Closed(id) => self.close(machine, id),
        }
    }

    /// Sends what there is for a connection; a client that does not take it is disconnected.
    fn answer(&mut self, machine: &mut Machine, id: ConnectionId) {
        let bytes = self.server.take_outgoing(id);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Err(error) = stream.send(&bytes) {
            eprintln!("ringhold: client {id} is disconnected: its answers cannot be sent: {error}");
            self.close(machine, id);
        }
    }

    fn close(&mut self, machine: &mut Machine, id: ConnectionId) {
        if let Some(stream) = self.streams.remove(&id) {
            stream.end();
            self.server.close(machine, id);
        }
    }
}
