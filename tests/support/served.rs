//! A machine behind `ringhold serve`, and a client of its wire.
#![allow(dead_code, reason = "not every test needs everything")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ringhold::debugapi::command::{Command as Call, Method, Reply};
use ringhold::debugapi::wire;

/// A directory of its own for a test.
pub fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The program, waiting for clients.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: String,
    said: BufReader<std::process::ChildStderr>,
}

impl Served {
    /// Serves a config at an address, with further arguments.
    pub fn start(config: &str, address: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringhold"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["serve", config, "--dbgeng", address])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("ringhold: waiting for dbgeng clients at ");
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, address, said }
    }

    /// The next line on standard error.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line
    }

    /// Ends the program as its user would; gives its status and what else it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that failed leaves it running; one that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that speaks the wire.
pub struct Client<S> {
    stream: S,
    number: u32,
}

impl Client<TcpStream> {
    /// Connects to a server.
    pub fn connect(served: &Served) -> Self {
        Self::new(TcpStream::connect(&served.address).unwrap())
    }

    /// Ends the connection; the server knows of it afterwards.
    pub fn leave(mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
        assert!(self.closed());
    }
}

impl<S: Read + Write> Client<S> {
    /// A client on a stream.
    pub fn new(stream: S) -> Self {
        Self { stream, number: 0 }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Makes a call and waits for its answer.
    pub fn call(&mut self, call: &Call) -> Reply {
        self.marked(call, 0)
    }

    /// The same with bits set in the slot.
    pub fn marked(&mut self, call: &Call, mark: u16) -> Reply {
        self.number += 1;
        let mut request = wire::request(self.number, call);
        // The slot stands behind length, number and interface.
        request[10] |= mark as u8;
        request[11] |= (mark >> 8) as u8;
        self.send(&request);
        let (number, reply) = self.answer(call).expect("an answer");
        assert_eq!(number, self.number);
        reply
    }

    /// The next answer, to such a call; nothing when the connection is closed.
    pub fn answer(&mut self, call: &Call) -> Option<(u32, Reply)> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        self.stream.read_exact(&mut frame).unwrap();
        let (interface, slot) = call.number();
        let method = Method::at(interface as u16, slot).unwrap();
        Some(wire::read_answer(method, &frame).unwrap())
    }

    /// Whether the server has closed the connection; waits for what it sends or does.
    pub fn closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }
}

/// Opens a file for a child's output.
pub fn output(path: &Path) -> Stdio {
    File::create(path).unwrap().into()
}
