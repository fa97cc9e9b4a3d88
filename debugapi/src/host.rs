//! A machine on a thread of its own, served between blocks.
//!
//! A [`Host`] owns the thread; any number of [`Handle`]s lead to it. While the target stands
//! still, commands are carried out as they come. While it runs, they are carried out between two
//! slices of [`SLICE`](crate::session::SLICE) instructions: what wants a stopped target answers
//! E_UNEXPECTED and changes nothing, so a running machine can be disturbed by nothing but
//! SetInterrupt. Where that stops it depends on the host's timing; each answer therefore says at
//! which instruction it was given, and a run that is stopped there again is the same run.

use std::ops::DerefMut;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{Builder, JoinHandle};

use ringhold_emulator::Machine;

use crate::command::{Command, Method, Reply};
use crate::session::{Interrupter, Progress, Wait};
use crate::{HResult, Session};

/// Whoever carries out commands. The COM and C faces stand on it.
pub trait Execute: Send + Sync {
    /// Carries out a command; WaitForEvent may take its time.
    fn execute(&self, command: Command) -> Reply;
}

/// An answer with its moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// Instructions that had retired when the command was carried out.
    pub instructions: u64,
    /// The answer.
    pub reply: Reply,
}

enum Message {
    Command(Command, Sender<Served>),
    Leave,
}

/// A way to a machine on its thread.
#[derive(Clone, Debug)]
pub struct Handle {
    to: Sender<Message>,
    interrupter: Interrupter,
}

/// A machine on a thread of its own.
#[derive(Debug)]
pub struct Host<M> {
    handle: Handle,
    thread: JoinHandle<(M, Session)>,
}

impl<M: DerefMut<Target = Machine> + Send + 'static> Host<M> {
    /// Takes a machine to a thread of its own.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn new(machine: M, session: Session) -> std::io::Result<Self> {
        Self::with(machine, session, |_| {})
    }

    /// The same; `between` is called between slices and commands, to carry the machine's output
    /// away and hand input to it.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn with(
        machine: M,
        session: Session,
        between: impl FnMut(&mut M) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (to, from) = channel();
        let interrupter = session.interrupter();
        let serving = Serving { machine, session, waiting: None, between };
        let thread = Builder::new().name("machine".into()).spawn(move || serving.run(&from))?;
        Ok(Self { handle: Handle { to, interrupter }, thread })
    }

    /// A way to it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the thread between two slices, and gives back what it had. A WaitForEvent that still
    /// waits is answered by E_UNEXPECTED. `None` if the thread has come to grief.
    pub fn leave(self) -> Option<(M, Session)> {
        // If it is gone already there is no one to tell.
        let _ = self.handle.to.send(Message::Leave);
        self.thread.join().ok()
    }
}

impl Handle {
    /// Carries out a command and says when. `None` if the machine has left its thread.
    pub fn call(&self, command: Command) -> Option<Served> {
        let (to, from) = channel();
        self.to.send(Message::Command(command, to)).ok()?;
        from.recv().ok()
    }

    /// Stops the target between two slices, as SetInterrupt does.
    pub fn break_in(&self) {
        self.interrupter.break_in();
    }
}

impl Execute for Handle {
    fn execute(&self, command: Command) -> Reply {
        let (interface, slot) = command.number();
        match (self.call(command), Method::at(interface as u16, slot)) {
            (Some(served), _) => served.reply,
            (None, Some(method)) => method.failed(HResult::UNEXPECTED),
            (None, None) => Reply { hresult: HResult::NOTIMPL, outputs: vec![], events: vec![] },
        }
    }
}

/// What the thread has.
struct Serving<M, F> {
    machine: M,
    session: Session,
    waiting: Option<(Wait, Sender<Served>)>,
    between: F,
}

impl<M: DerefMut<Target = Machine>, F: FnMut(&mut M)> Serving<M, F> {
    fn run(mut self, from: &Receiver<Message>) -> (M, Session) {
        while let Some(message) = self.next(from) {
            match message {
                Message::Command(command, to) => self.serve(&command, to),
                Message::Leave => break,
            }
        }
        (self.machine, self.session)
    }

    /// The next message; meanwhile a running target runs. `None` if no one is left to send any.
    fn next(&mut self, from: &Receiver<Message>) -> Option<Message> {
        loop {
            match from.try_recv() {
                Ok(message) => return Some(message),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            let moved = match self.waiting.take() {
                Some((mut wait, to)) => {
                    match self.session.advance(&mut self.machine, &mut wait) {
                        Some(reply) => self.answer(reply, &to),
                        None => self.waiting = Some((wait, to)),
                    }
                    true
                }
                None => self.session.run_slice(&mut self.machine),
            };
            (self.between)(&mut self.machine);
            if !moved {
                return from.recv().ok();
            }
        }
    }

    fn serve(&mut self, command: &Command, to: Sender<Served>) {
        let second = matches!(command, Command::WaitForEvent { .. }) && self.waiting.is_some();
        if second {
            let reply = Reply { hresult: HResult::FAIL, outputs: vec![], events: vec![] };
            return self.answer(reply, &to);
        }
        match self.session.begin(&mut self.machine, command) {
            Progress::Done(reply) => self.answer(reply, &to),
            Progress::Waiting(wait) => self.waiting = Some((wait, to)),
        }
    }

    fn answer(&self, reply: Reply, to: &Sender<Served>) {
        // Whoever asked may have left; the command is carried out all the same.
        let _ = to.send(Served { instructions: self.machine.instructions(), reply });
    }
}
