//! What instructions do: one file per family.
//!
//! A handler reads its operands, computes, and commits; whatever can fault happens before
//! anything is changed, so that a faulting instruction leaves no trace.

pub mod alu;
pub mod avx;
pub mod bases;
pub mod bits;
pub mod bmi;
pub mod cond;
pub mod crypto;
pub mod data;
pub mod debug;
pub mod direct;
pub mod far;
pub mod flow;
pub mod interrupt;
pub mod msr;
pub mod muldiv;
pub mod paging;
pub mod port;
pub mod random;
pub mod segment;
pub mod shift;
pub mod smm;
pub mod sse;
pub mod stack;
pub mod stamps;
pub mod string;
pub mod system;
pub mod task;
pub mod v86;
pub mod wait;
pub mod word;
pub mod x87;
pub mod xsave;

use crate::Board;
use crate::cpu::{Cpu, Exception};
use crate::state::flag;

pub use word::Word;

/// The outcome of one instruction: on to the next one, or out of the block.
pub type Step = Result<(), Leave>;

/// Why execution leaves a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The instruction raised [`Cpu::exception`] and changed nothing.
    Fault,
    /// The instruction is done and has set RIP.
    Branch,
    /// As `Branch`; and something outside the block changed (mode, privilege, interrupt flag, a
    /// device): the run loop looks at everything again.
    BranchSync,
    /// The instruction is done and has set RIP; there [`Cpu::exception`] was raised.
    BranchFault,
    /// The instruction is done, RIP goes to the next one; the run loop looks at everything again.
    Sync,
    /// Nothing was done: the instruction must run in a slice of its own.
    Alone,
    /// Nothing was done: the instruction is about to make an access that is watched.
    Hold,
    /// A REP instruction did some iterations, counted them in [`Cpu::retired`], and goes on later.
    Repeat,
}

impl Cpu {
    /// Whether the run loop must look before the next instruction, after flags were loaded: an
    /// interrupt may be taken now, TF or RF asks for care with the next instruction, or every
    /// block needs it.
    fn must_look(&self, board: &Board) -> bool {
        let wires = &board.wires[self.id];
        wires.nmi
            || wires.interrupt() && self.flags.system & flag::IF != 0
            || self.flags.system & (flag::TF | flag::RF) != 0
            || self.careful
    }

    /// The end of an instruction that loaded flags.
    pub fn look_if_needed(&self, board: &Board) -> Step {
        if self.must_look(board) { Err(Leave::Sync) } else { Ok(()) }
    }

    /// The end of a branch that loaded flags or changed privilege.
    pub fn branch_and_look_if_needed(&self, board: &Board) -> Step {
        Err(if self.must_look(board) { Leave::BranchSync } else { Leave::Branch })
    }

    /// Raises an exception: the instruction ends without effect.
    #[cold]
    pub fn raise(&mut self, vector: u8, error: Option<u32>) -> Leave {
        self.exception = Some(Exception { vector, error });
        Leave::Fault
    }

    /// #GP
    #[cold]
    pub fn gp(&mut self, error: u32) -> Leave {
        self.raise(13, Some(error))
    }

    /// #SS
    #[cold]
    pub fn ss(&mut self, error: u32) -> Leave {
        self.raise(12, Some(error))
    }

    /// #NP
    #[cold]
    pub fn np(&mut self, error: u32) -> Leave {
        self.raise(11, Some(error))
    }

    /// #TS
    #[cold]
    pub fn ts(&mut self, error: u32) -> Leave {
        self.raise(10, Some(error))
    }

    /// #UD
    #[cold]
    pub fn ud(&mut self) -> Leave {
        self.raise(6, None)
    }

    /// #NM
    #[cold]
    pub fn nm(&mut self) -> Leave {
        self.raise(7, None)
    }

    /// #DE
    #[cold]
    pub fn de(&mut self) -> Leave {
        self.raise(0, None)
    }

    /// #MF
    #[cold]
    pub fn mf(&mut self) -> Leave {
        self.raise(16, None)
    }

    /// #AC
    #[cold]
    pub fn ac(&mut self) -> Leave {
        self.raise(17, Some(0))
    }

    /// #XM
    #[cold]
    pub fn xm(&mut self) -> Leave {
        self.raise(19, None)
    }
}
