//! Stacks, by frame pointers: `IDebugControl::GetStackTrace`, and what `k` and `gu` stand on.
//!
//! A function that begins with `push rbp; mov rbp, rsp` leaves a chain: RBP leads to the caller's
//! RBP, and the return address lies behind that. Nothing else is known of a function here. There is
//! no unwind data, so a function that keeps no frame pointer is not seen if it is a caller, and if
//! it is the innermost its caller is not. Where a function just begins or is about to return, its
//! code says so, and the chain is taken up at the stack pointer.
//!
//! Memory is read by the back door: a chain that leads into a device's window disturbs nothing.

use ringhold_emulator::Machine;
use ringhold_emulator::cpu::CodeSize;
use ringhold_emulator::inject::{Semantics, Space};
use ringhold_emulator::points::Over;
use ringhold_emulator::state::gpr;

use super::{Answer, Session, count, done};
use crate::HResult;
use crate::command::{Output, Room};

/// The most frames of one answer.
const MOST: u64 = 1 << 16;
/// The bytes of a DEBUG_STACK_FRAME.
const FRAME_BYTES: usize = 128;

/// A function that was called and has not returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where it stands: the next instruction, or what its callee returns to.
    pub instruction: u64,
    /// Where it returns to; 0 where the chain ends.
    pub return_offset: u64,
    /// Where the caller's frame pointer is saved: what RBP is in the function.
    pub frame: u64,
    /// The stack pointer in it.
    pub stack: u64,
    /// The four words behind the return address.
    pub parameters: [u64; 4],
}

/// From where a stack is walked.
#[derive(Clone, Copy, Debug)]
struct Start {
    instruction: u64,
    frame: u64,
    stack: u64,
}

/// Where a function keeps what leads to its caller.
struct Link {
    /// The address of the return address.
    return_at: u64,
    /// The caller's frame pointer.
    caller: u64,
}

/// The memory that a stack lies in.
struct Walk<'m> {
    machine: &'m mut Machine,
    space: Space,
    /// Bytes of a word of the stack: 4 or 8.
    word: u64,
}

impl Walk<'_> {
    fn bytes<const N: usize>(&mut self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        let read = self.machine.peek(self.space, address, Semantics::Backdoor, &mut bytes).read;
        (read == N).then_some(bytes)
    }

    fn word(&mut self, address: u64) -> Option<u64> {
        match self.word {
            8 => self.bytes(address).map(u64::from_le_bytes),
            _ => self.bytes(address).map(|bytes| u32::from_le_bytes(bytes).into()),
        }
    }

    /// Where the innermost function keeps what leads to its caller, as its next instruction shows.
    fn innermost(&mut self, start: Start) -> Option<Link> {
        let code = |walk: &mut Self, at: u64| walk.bytes::<1>(at).map_or(0, |[byte]| byte);
        let at = start.instruction;
        let first = code(self, at);
        let mut bytes = [0; 5];
        for (offset, byte) in bytes.iter_mut().enumerate() {
            *byte = code(self, at.wrapping_add(offset as u64));
        }
        const PUSH_BP: u8 = 0x55;
        let begins = first == PUSH_BP || bytes == [0xf3, 0x0f, 0x1e, 0xfa, PUSH_BP];
        let returns = matches!(first, 0xc2 | 0xc3) || bytes[..2] == [0xf3, 0xc3];
        if begins || returns {
            return Some(Link { return_at: start.stack, caller: start.frame });
        }
        let body = if bytes[0] == 0x48 { &bytes[1..3] } else { &bytes[..2] };
        let sets_frame = body == [0x89, 0xe5] || body == [0x8b, 0xec];
        if sets_frame && code(self, at.wrapping_sub(1)) == PUSH_BP {
            let caller = self.word(start.stack)?;
            return Some(Link { return_at: start.stack.wrapping_add(self.word), caller });
        }
        self.framed(start.frame)
    }

    /// The same for a function whose frame pointer is set.
    fn framed(&mut self, frame: u64) -> Option<Link> {
        Some(Link { return_at: frame.wrapping_add(self.word), caller: self.word(frame)? })
    }

    /// The frames from the innermost on. Frames lie at ever higher addresses; the chain ends where
    /// one does not, or leads nowhere.
    fn frames(&mut self, start: Start, most: usize) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::new();
        let mut link = self.innermost(start);
        let (mut instruction, mut stack) = (start.instruction, start.stack);
        while frames.len() < most {
            let found = link.and_then(|link| {
                let return_offset = self.word(link.return_at).filter(|to| *to != 0)?;
                Some((link, return_offset))
            });
            let Some((Link { return_at, caller }, return_offset)) = found else {
                frames.push(Frame { instruction, stack, ..Frame::default() });
                break;
            };
            let behind = return_at.wrapping_add(self.word);
            let parameters = std::array::from_fn(|number| {
                self.word(behind.wrapping_add(self.word * number as u64)).unwrap_or(0)
            });
            let frame = return_at.wrapping_sub(self.word);
            frames.push(Frame { instruction, return_offset, frame, stack, parameters });
            (instruction, stack) = (return_offset, behind);
            link = if caller >= behind { self.framed(caller) } else { None };
        }
        frames
    }
}

impl Session {
    /// The functions that were called and have not returned, the innermost first; `most` at most.
    /// There is one at least.
    pub(crate) fn frames(&self, machine: &mut Machine, most: usize) -> Vec<Frame> {
        self.frames_from(machine, [0; 3], most)
    }

    /// The same from a frame pointer, a stack pointer and an instruction; zero stands for the
    /// register's value.
    fn frames_from(&self, machine: &mut Machine, given: [u64; 3], most: usize) -> Vec<Frame> {
        let Some(cpu) = machine.cpus.get(self.context.cpu) else { return Vec::new() };
        let word = if cpu.code_size() == CodeSize::Bits64 { 8 } else { 4 };
        let of = |given: u64, register: u64| if given == 0 { register } else { given };
        let start = Start {
            frame: of(given[0], cpu.gpr[usize::from(gpr::RBP)]),
            stack: of(given[1], cpu.gpr[usize::from(gpr::RSP)]),
            instruction: of(given[2], cpu.linear_ip()),
        };
        let space = Space::Virtual { cpu: self.context.cpu, root: self.context.root };
        if cpu.code_size() == CodeSize::Bits16 {
            // Segments lie between offsets and addresses, and no one keeps frame pointers.
            let Start { instruction, stack, .. } = start;
            return vec![Frame { instruction, stack, ..Frame::default() }];
        }
        Walk { machine, space, word }.frames(start, most)
    }

    /// GetStackTrace: DEBUG_STACK_FRAMEs of 128 bytes, and how many.
    pub(super) fn stack_trace(&self, machine: &mut Machine, given: [u64; 3], room: Room) -> Answer {
        if room.null {
            return Err(HResult::INVALIDARG);
        }
        let most = room.count.min(MOST) as usize;
        let frames = self.frames_from(machine, given, most);
        let bytes = frames.iter().zip(0..).flat_map(|(frame, number)| described(frame, number));
        done([Output::Bytes(bytes.collect()), count(frames.len())])
    }

    /// What to wait for until the innermost function has returned: its return address with the stack
    /// pointer behind it. `None` where the chain ends.
    pub(crate) fn way_out(&self, machine: &mut Machine) -> Option<Over> {
        let frames = self.frames(machine, 2);
        let [inner, caller] = frames[..] else { return None };
        Some(Over { next: inner.return_offset, stack: caller.stack })
    }
}

/// A DEBUG_STACK_FRAME: four offsets, no function table entry, four parameters, six words that are
/// reserved, whether the frame is the debugger's own (which none is), and its number.
fn described(frame: &Frame, number: u32) -> Vec<u8> {
    let offsets = [frame.instruction, frame.return_offset, frame.frame, frame.stack, 0];
    let mut bytes: Vec<u8> = offsets.into_iter().chain(frame.parameters).flat_map(u64::to_le_bytes).collect();
    bytes.resize(FRAME_BYTES - 4, 0);
    bytes.extend(number.to_le_bytes());
    bytes
}
