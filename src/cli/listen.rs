//! Where a debug server listens, and its connections.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

/// A client that takes none of its answers for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// An address as the user writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A loopback address and a port; port 0 is any that is free.
    Tcp(SocketAddr),
    /// A Unix socket of this path.
    Unix(PathBuf),
}

impl Address {
    /// Reads `HOST:PORT` or `unix:PATH`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err("unix: wants a path".into())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let addresses = text.to_socket_addrs().map_err(|error| format!("HOST:PORT or unix:PATH: {error}"))?;
        // Whoever reaches it owns the guest, so it is for this host alone.
        let mut local = addresses.filter(|address| address.ip().is_loopback());
        local.next().map(Self::Tcp).ok_or_else(|| "only loopback addresses, such as 127.0.0.1:0".into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What happens at a connection; each has a number.
pub enum Happening {
    /// It was made; answers go to the stream.
    Opened(u64, Stream),
    /// Bytes came from it.
    Received(u64, Vec<u8>),
    /// It has ended.
    Closed(u64),
}

/// One end of a connection.
pub enum Stream {
    /// TCP
    Tcp(TcpStream),
    /// A Unix socket
    Unix(UnixStream),
}

impl Stream {
    fn prepare(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(PATIENCE))
            }
            Self::Unix(stream) => stream.set_write_timeout(Some(PATIENCE)),
        }
    }

    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    /// Sends all of the bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Ends the connection, in both directions.
    pub fn end(&self) {
        // One that has ended by itself is as good.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A socket that takes connections.
pub struct Listener {
    address: Address,
    happenings: Receiver<Happening>,
}

impl Listener {
    /// Listens there.
    pub fn open(address: &Address) -> anyhow::Result<Self> {
        let context = || format!("{address}: cannot listen there");
        let (socket, address) = match address {
            Address::Tcp(tcp) => {
                let socket = TcpListener::bind(tcp).with_context(context)?;
                let address = Address::Tcp(socket.local_addr().with_context(context)?);
                (Socket::Tcp(socket), address)
            }
            Address::Unix(path) => {
                (Socket::Unix(UnixListener::bind(path).with_context(context)?), address.clone())
            }
        };
        // A client that asks faster than it is answered has to wait.
        let (sender, happenings) = mpsc::sync_channel(16);
        thread::spawn(move || accept(&socket, &sender));
        Ok(Self { address, happenings })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What has happened next, if it happens in time.
    pub fn next(&self, patience: Duration) -> anyhow::Result<Option<Happening>> {
        match self.happenings.recv_timeout(patience) {
            Ok(happening) => Ok(Some(happening)),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("{}: no more connections can be taken", self.address)
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // It was made here; if it has gone already, that is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn accept(socket: &Socket, happenings: &SyncSender<Happening>) {
    for id in 0.. {
        let stream = match socket {
            Socket::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            Socket::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        };
        let opened =
            stream.and_then(|stream| stream.prepare().and(stream.try_clone()).map(|read| (stream, read)));
        let (stream, read) = match opened {
            Ok(both) => both,
            Err(error) => {
                // The client has gone before it was here, or files are short for a while.
                eprintln!("ringhold: a connection failed: {error}");
                thread::sleep(Duration::from_millis(10));
                continue;
            }
        };
        if happenings.send(Happening::Opened(id, stream)).is_err() {
            return;
        }
        let happenings = happenings.clone();
        thread::spawn(move || receive(id, read, &happenings));
    }
}

fn receive(id: u64, mut stream: Stream, happenings: &SyncSender<Happening>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => {
                if happenings.send(Happening::Received(id, buffer[..count].to_vec())).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Without a listener no one needs to know.
            Ok(0) | Err(_) => return drop(happenings.send(Happening::Closed(id))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_loopback_ones_or_paths() {
        assert_eq!(
            Address::parse("127.0.0.1:0").map(|address| address.to_string()),
            Ok("127.0.0.1:0".into())
        );
        assert_eq!(Address::parse("[::1]:5005").map(|address| address.to_string()), Ok("[::1]:5005".into()));
        assert_eq!(Address::parse("unix:/run/r"), Ok(Address::Unix("/run/r".into())));
        for wrong in ["", "5005", "127.0.0.1", "unix:", "0.0.0.0:1", "192.0.2.1:5005", "127.0.0.1:70000"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
