//! Serves a [`Session`] over any number of connections. There is no I/O here: bytes come in,
//! bytes go out, and whoever owns the sockets and the machine passes both on.
//!
//! All connections lead to one session, as the clients of one engine do: what one selects, all
//! have. The machine moves while a client waits for an event, and only then. So it depends on the
//! clients' calls alone, and on nothing of their timing, at which instruction each call finds it;
//! but for SetInterrupt, which comes when it comes.
//!
//! When the last connection has gone, the session ends as by EndSession. The machine stays as it
//! is, and the next client can attach to it.

mod frames;

use std::collections::BTreeMap;

use ringhold_emulator::Machine;

use crate::command::{Command, Malformed, Method};
use crate::session::{Progress, Session, Wait};
use crate::{HResult, wire};

pub use frames::{Frames, TooLong};

/// Which connection; the caller's choice.
pub type ConnectionId = u64;

/// Why a connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A frame is longer than any may be.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A frame is no request.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// The parameters of a request are not those of its method.
    #[error("a request for {} has other parameters than that: {cause}", .method.name)]
    Parameters {
        /// What was asked for.
        method: &'static Method,
        /// What is wrong.
        cause: Malformed,
    },
}

/// A waiting for an event, and who is to hear of its end.
#[derive(Debug)]
struct Waiting {
    connection: ConnectionId,
    number: u32,
    wait: Wait,
}

#[derive(Debug, Default)]
struct Connection {
    incoming: Frames,
    outgoing: Vec<u8>,
}

/// A session and its connections.
#[derive(Debug)]
pub struct Server {
    session: Session,
    connections: BTreeMap<ConnectionId, Connection>,
    waiting: Option<Waiting>,
}

impl Server {
    /// A server without connections.
    pub fn new(session: Session) -> Self {
        Self { session, connections: BTreeMap::new(), waiting: None }
    }

    /// A connection was made.
    pub fn open(&mut self, id: ConnectionId) {
        self.connections.insert(id, Connection::default());
    }

    /// A connection has gone. A wait that it began is given up, and the target stands still.
    pub fn close(&mut self, machine: &mut Machine, id: ConnectionId) {
        self.connections.remove(&id);
        self.waiting.take_if(|waiting| waiting.connection == id);
        if self.connections.is_empty() {
            // Without a target it fails, which is as good.
            self.session.execute(machine, &Command::EndSession { flags: 0 });
        }
    }

    /// Takes bytes from a connection and carries out every request that is whole now.
    ///
    /// # Errors
    /// [`ProtocolError`]: pass on what is outgoing, and close the connection.
    pub fn receive(
        &mut self,
        machine: &mut Machine,
        id: ConnectionId,
        bytes: &[u8],
    ) -> Result<(), ProtocolError> {
        // What comes from a connection that was closed is late.
        let Some(mut connection) = self.connections.remove(&id) else { return Ok(()) };
        connection.incoming.push(bytes);
        let outcome = self.requests(machine, id, &mut connection);
        self.connections.insert(id, connection);
        outcome
    }

    /// Takes the bytes for a connection.
    pub fn take_outgoing(&mut self, id: ConnectionId) -> Vec<u8> {
        self.connections
            .get_mut(&id)
            .map(|connection| std::mem::take(&mut connection.outgoing))
            .unwrap_or_default()
    }

    /// Whether a client waits for an event: call [`Self::advance`] then.
    pub fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// Lets the machine run a slice for the client that waits. Gives the connection, if there is
    /// something for it now.
    pub fn advance(&mut self, machine: &mut Machine) -> Option<ConnectionId> {
        let waiting = self.waiting.as_mut()?;
        let reply = self.session.advance(machine, &mut waiting.wait)?;
        let (id, answer) = (waiting.connection, wire::answer(waiting.number, &reply));
        self.waiting = None;
        self.connections.get_mut(&id)?.outgoing.extend(answer);
        Some(id)
    }

    fn requests(
        &mut self,
        machine: &mut Machine,
        id: ConnectionId,
        connection: &mut Connection,
    ) -> Result<(), ProtocolError> {
        while let Some(frame) = connection.incoming.next_frame()? {
            let head = wire::head(frame)?;
            let request = match wire::read_request(frame) {
                Ok(request) => request,
                Err(cause) => {
                    connection.outgoing.extend(wire::refusal(head, HResult::INVALIDARG));
                    let method = Method::at(head.interface, head.slot);
                    return Err(
                        method.map_or(cause.into(), |method| ProtocolError::Parameters { method, cause })
                    );
                }
            };
            let answer = match request.command {
                None => Some(wire::refusal(head, HResult::NOTIMPL)),
                // Only one can wait at a time.
                Some(Command::WaitForEvent { .. }) if self.waiting.is_some() => {
                    Some(wire::refusal(head, HResult::FAIL))
                }
                Some(command) => match self.session.begin(machine, &command) {
                    Progress::Done(reply) => Some(wire::answer(head.number, &reply)),
                    Progress::Waiting(wait) => {
                        self.waiting = Some(Waiting { connection: id, number: head.number, wait });
                        None
                    }
                },
            };
            connection.outgoing.extend(answer.unwrap_or_default());
        }
        Ok(())
    }
}
