//! IDebugBreakpoint: the list of breakpoints, what each asks for, and which of them are hit.
//!
//! A breakpoint that is enabled, and says enough, is armed in the machine at once: as a code
//! breakpoint, or as a watch of linear addresses or ports. The machine stops at each; here it is
//! decided whether that counts (thread, stepping) and whether the pass count is used up.
//!
//! A breakpoint has two names. The id is the client's: the smallest that is free, or the one asked
//! for. The handle stands for the object, and is never given twice, so that an object whose
//! breakpoint was removed does not speak for another.

use ringhold_emulator::Machine;
use ringhold_emulator::points::{Direction, Met, Place, Watch, WatchId};

use super::{ANY_ID, Session, Target};
use crate::HResult;
use crate::command::Event;

/// `DEBUG_BREAKPOINT_*`: the flags of a breakpoint.
pub mod flag {
    /// Only a target that runs freely hits it, not one that steps.
    pub const GO_ONLY: u32 = 1;
    /// The offset expression has no value yet; never set by a client.
    pub const DEFERRED: u32 = 2;
    /// It can be hit.
    pub const ENABLED: u32 = 4;
    /// Only callbacks of the client that added it are told.
    pub const ADDER_ONLY: u32 = 8;
    /// It goes when it was hit.
    pub const ONE_SHOT: u32 = 0x10;

    pub(super) const ALL: u32 = 0x1f;
}

/// `DEBUG_BREAK_*`: what a data breakpoint waits for.
pub mod access {
    /// Reads.
    pub const READ: u32 = 1;
    /// Writes.
    pub const WRITE: u32 = 2;
    /// Execution of the instruction at the address.
    pub const EXECUTE: u32 = 4;
    /// Reads and writes of ports.
    pub const IO: u32 = 8;
}

/// `DEBUG_CES_BREAKPOINTS`: the argument is the id.
const CES_BREAKPOINTS: u32 = 4;

/// What a breakpoint is: `DEBUG_BREAKPOINT_*` as AddBreakpoint takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An instruction is reached.
    Code,
    /// Memory or a port is accessed.
    Data,
}

/// A breakpoint.
#[derive(Clone, Debug)]
pub struct Breakpoint {
    handle: u64,
    id: u32,
    kind: Kind,
    flags: u32,
    offset: Option<u64>,
    size: u32,
    access: u32,
    passes: u32,
    left: u32,
    thread: u32,
    command: String,
    expression: String,
    armed: Option<Armed>,
    /// A breakpoint for one time that was hit. It is in no list any more; its object lives until
    /// the target goes on, so that callbacks can ask it.
    spent: bool,
}

/// What stands for a breakpoint in the machine.
#[derive(Clone, Copy, Debug)]
enum Armed {
    Code(u64),
    Watch(WatchId),
}

/// The breakpoints of a session, by id.
#[derive(Debug, Default)]
pub(super) struct Breakpoints {
    list: Vec<Breakpoint>,
    last: u64,
}

/// A breakpoint was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub handle: u64,
    pub id: u32,
    pub flags: u32,
    /// The access, of a data breakpoint.
    pub access: Option<(Place, Direction)>,
}

impl Kind {
    /// As a number of DbgEng.
    ///
    /// # Errors
    /// E_NOTIMPL for breakpoints in time and for inline functions, E_INVALIDARG for no kind at all.
    pub fn from_number(number: u32) -> Result<Self, HResult> {
        match number {
            0 => Ok(Self::Code),
            1 => Ok(Self::Data),
            2 | 3 => Err(HResult::NOTIMPL),
            _ => Err(HResult::INVALIDARG),
        }
    }

    /// The number of DbgEng.
    pub fn number(self) -> u32 {
        match self {
            Self::Code => 0,
            Self::Data => 1,
        }
    }
}

impl Breakpoint {
    /// What names it in commands.
    pub fn handle(&self) -> u64 {
        self.handle
    }

    /// What names it for people.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The bits of [`flag`].
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// The linear address, or the port; zero before one was set. `None` while the expression has
    /// no value.
    pub fn offset(&self) -> Option<u64> {
        if self.flags & flag::DEFERRED != 0 { None } else { Some(self.offset.unwrap_or(0)) }
    }

    /// How many bytes, and the bits of [`access`]; zeros before they were set. `None` of one that
    /// is not for data.
    pub fn data_parameters(&self) -> Option<(u32, u32)> {
        (self.kind == Kind::Data).then_some((self.size, self.access))
    }

    /// At which time it is hit, counted from 1.
    pub fn pass_count(&self) -> u32 {
        self.passes
    }

    /// How often it must still be reached; 1 if the next time is a hit.
    pub fn current_pass_count(&self) -> u32 {
        self.left
    }

    /// The processor that alone can hit it.
    pub fn match_thread(&self) -> Option<u32> {
        (self.thread != ANY_ID).then_some(self.thread)
    }

    /// What a debugger is to do at a hit. The session keeps it, and does nothing with it.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The expression that gave the offset, or will; empty if there is none.
    pub fn offset_expression(&self) -> &str {
        &self.expression
    }

    /// DEBUG_BREAKPOINT_PARAMETERS, 56 bytes.
    pub fn parameters(&self) -> Vec<u8> {
        let size = |text: &str| if text.is_empty() { 0 } else { text.len() as u32 + 1 };
        let words = [
            self.id,
            self.kind.number(),
            super::control::AMD64,
            self.flags,
            self.size,
            self.access,
            self.passes,
            self.left,
            self.thread,
            size(&self.command),
            size(&self.expression),
            0,
        ];
        let mut bytes = self.offset.unwrap_or(0).to_le_bytes().to_vec();
        words.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes
    }

    /// The point of the machine that it waits for; `None` if it does not say enough.
    fn wanted(&self) -> Option<Wanted> {
        let offset = self.offset()?;
        self.offset.filter(|_| self.flags & flag::ENABLED != 0 && !self.spent)?;
        if self.kind == Kind::Code || self.access == access::EXECUTE {
            return Some(Wanted::Code(offset));
        }
        let last = offset.checked_add(u64::from(self.size.checked_sub(1)?))?;
        let direction = match self.access & (access::READ | access::WRITE) {
            access::READ => Direction::Read,
            access::WRITE => Direction::Write,
            _ => Direction::Any,
        };
        let place = match self.access {
            access::IO => Place::Ports(offset.try_into().ok()?, last.try_into().ok()?),
            _ => Place::Linear(offset, last),
        };
        Some(Wanted::Access(Watch::after(place, direction)))
    }

    /// Whether offset, size and access fit each other. What was not set yet fits everything.
    fn check(&self) -> Result<(), HResult> {
        let Some(offset) = self.offset.filter(|_| self.kind == Kind::Data && self.access != 0) else {
            return Ok(());
        };
        let aligned = offset % u64::from(self.size) == 0;
        let port = self.access != access::IO || offset <= 0xffff;
        if aligned && port { Ok(()) } else { Err(HResult::INVALIDARG) }
    }

    /// Brings the machine in line with what it says now.
    fn arm(&mut self, machine: &mut Machine) {
        self.disarm(machine);
        self.armed = self.wanted().map(|wanted| match wanted {
            Wanted::Code(address) => {
                machine.breakpoints.add(address);
                Armed::Code(address)
            }
            Wanted::Access(watch) => Armed::Watch(machine.board.watches.add(watch)),
        });
    }

    fn disarm(&mut self, machine: &mut Machine) {
        match self.armed.take() {
            Some(Armed::Code(address)) => machine.breakpoints.remove(address),
            Some(Armed::Watch(watch)) => machine.board.watches.remove(watch),
            None => false,
        };
    }

    fn hit(&self, access: Option<(Place, Direction)>) -> Hit {
        Hit { handle: self.handle, id: self.id, flags: self.flags, access }
    }

    /// It is reached: whether that is a hit.
    fn reached(&mut self, thread: u32, stepping: bool) -> bool {
        if stepping && self.flags & flag::GO_ONLY != 0 || self.match_thread().is_some_and(|id| id != thread) {
            return false;
        }
        if self.left > 1 {
            self.left -= 1;
            return false;
        }
        true
    }
}

/// What a breakpoint needs of the machine.
enum Wanted {
    Code(u64),
    Access(Watch),
}

impl Breakpoints {
    /// Those that are in lists, by id.
    fn listed(&self) -> impl Iterator<Item = &Breakpoint> {
        self.list.iter().filter(|breakpoint| !breakpoint.spent)
    }

    fn place(&self, handle: u64) -> Result<usize, HResult> {
        self.list.iter().position(|breakpoint| breakpoint.handle == handle).ok_or(HResult::NOINTERFACE)
    }

    /// Takes all away.
    pub(super) fn clear(&mut self, machine: &mut Machine) {
        self.list.iter_mut().for_each(|breakpoint| breakpoint.disarm(machine));
        self.list.clear();
    }

    /// The target goes on: those for one time that were hit are no more.
    pub(super) fn drop_spent(&mut self) {
        self.list.retain(|breakpoint| !breakpoint.spent);
    }

    /// Which are hit by an instruction that is reached.
    pub(super) fn reach(&mut self, address: u64, thread: u32, stepping: bool) -> Vec<Hit> {
        let here =
            |breakpoint: &Breakpoint| matches!(breakpoint.armed, Some(Armed::Code(at)) if at == address);
        let hit = self.list.iter_mut().filter(|breakpoint| here(breakpoint));
        hit.filter_map(|breakpoint| breakpoint.reached(thread, stepping).then(|| breakpoint.hit(None)))
            .collect()
    }

    /// How many of the machine's breakpoints at an address are of the session.
    pub(super) fn count_at(&self, address: u64) -> usize {
        let armed = self.list.iter().filter_map(|breakpoint| breakpoint.armed);
        armed.filter(|armed| matches!(armed, Armed::Code(at) if *at == address)).count()
    }

    /// The watches of the session.
    pub(super) fn watches(&self) -> Vec<WatchId> {
        let watch = |breakpoint: &Breakpoint| match breakpoint.armed {
            Some(Armed::Watch(id)) => Some(id),
            _ => None,
        };
        self.list.iter().filter_map(watch).collect()
    }

    /// Which are hit by accesses. An instruction that accesses the place twice reaches it once.
    pub(super) fn accessed(&mut self, met: &[Met], thread: u32, stepping: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        for breakpoint in &mut self.list {
            let Some(Armed::Watch(id)) = breakpoint.armed else { continue };
            let Some(met) = met.iter().find(|met| met.watch == id) else { continue };
            if breakpoint.reached(thread, stepping) {
                hits.push(breakpoint.hit(Some((met.place, met.direction))));
            }
        }
        hits
    }

    /// What was hit: those for one time go.
    pub(super) fn spend(&mut self, machine: &mut Machine, hits: &[Hit]) {
        for breakpoint in &mut self.list {
            let hit = hits.iter().any(|hit| hit.handle == breakpoint.handle);
            if hit && breakpoint.flags & flag::ONE_SHOT != 0 {
                breakpoint.spent = true;
                breakpoint.disarm(machine);
            }
        }
    }
}

/// E_INVALIDARG for DEFERRED, which no client sets, and for flags that do not exist.
pub(super) fn check_flags(flags: u32) -> Result<(), HResult> {
    if flags & (flag::DEFERRED | !flag::ALL) == 0 { Ok(()) } else { Err(HResult::INVALIDARG) }
}

/// Breakpoints. They can be looked at and changed while there is a target, also while it runs.
impl Session {
    /// All breakpoints, by id: the place in this list is the index of GetBreakpointByIndex.
    pub fn breakpoints(&self) -> impl Iterator<Item = &Breakpoint> {
        self.breakpoints.listed()
    }

    /// The breakpoint with an id.
    pub fn breakpoint(&self, id: u32) -> Option<&Breakpoint> {
        self.breakpoints().find(|breakpoint| breakpoint.id == id)
    }

    /// The breakpoint of a handle; also one for one time that was just hit.
    ///
    /// # Errors
    /// E_NOINTERFACE if it was removed.
    pub fn breakpoint_object(&self, handle: u64) -> Result<&Breakpoint, HResult> {
        self.breakpoints.place(handle).map(|at| &self.breakpoints.list[at])
    }

    /// Adds a breakpoint, empty and disabled; gives its handle.
    ///
    /// # Errors
    /// E_INVALIDARG if the id is in use, E_UNEXPECTED without a target.
    pub fn add_breakpoint(&mut self, kind: Kind, desired: Option<u32>) -> Result<u64, HResult> {
        if matches!(self.target, Target::None | Target::Attaching) {
            return Err(HResult::UNEXPECTED);
        }
        let used = |id: u32| self.breakpoint(id).is_some();
        let id = match desired {
            Some(id) if used(id) || id == ANY_ID => return Err(HResult::INVALIDARG),
            Some(id) => id,
            None => (0..ANY_ID).find(|id| !used(*id)).ok_or(HResult::OUTOFMEMORY)?,
        };
        let breakpoints = &mut self.breakpoints;
        breakpoints.last += 1;
        let breakpoint = Breakpoint {
            handle: breakpoints.last,
            id,
            kind,
            flags: 0,
            offset: None,
            size: 0,
            access: 0,
            passes: 1,
            left: 1,
            thread: ANY_ID,
            command: String::new(),
            expression: String::new(),
            armed: None,
            spent: false,
        };
        let handle = breakpoint.handle;
        let at = breakpoints.list.partition_point(|other| other.id <= id);
        breakpoints.list.insert(at, breakpoint);
        self.say(CES_BREAKPOINTS, id.into());
        Ok(handle)
    }

    /// Removes a breakpoint; its handle leads nowhere afterwards.
    ///
    /// # Errors
    /// E_NOINTERFACE if it was removed before.
    pub fn remove_breakpoint(&mut self, machine: &mut Machine, handle: u64) -> Result<(), HResult> {
        let at = self.breakpoints.place(handle)?;
        let mut breakpoint = self.breakpoints.list.remove(at);
        breakpoint.disarm(machine);
        self.say(CES_BREAKPOINTS, breakpoint.id.into());
        Ok(())
    }

    /// Sets all flags but DEFERRED.
    ///
    /// # Errors
    /// E_INVALIDARG for DEFERRED and flags that do not exist; E_NOINTERFACE.
    pub fn set_breakpoint_flags(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        flags: u32,
    ) -> Result<(), HResult> {
        self.change(machine, handle, |breakpoint| {
            check_flags(flags)?;
            breakpoint.flags = breakpoint.flags & flag::DEFERRED | flags;
            Ok(())
        })
    }

    /// Sets the linear address, or the port. An expression is forgotten.
    ///
    /// # Errors
    /// E_INVALIDARG if a data breakpoint would not be aligned to its size, or a port is beyond
    /// 0xffff; E_NOINTERFACE.
    pub fn set_breakpoint_offset(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        offset: u64,
    ) -> Result<(), HResult> {
        self.change(machine, handle, |breakpoint| {
            breakpoint.offset = Some(offset);
            breakpoint.expression.clear();
            breakpoint.flags &= !flag::DEFERRED;
            breakpoint.check()
        })
    }

    /// Sets an expression and the value that it has; without one, the breakpoint is deferred. The
    /// empty text takes the expression away and leaves the offset.
    ///
    /// # Errors
    /// As [`Self::set_breakpoint_offset`].
    pub fn set_breakpoint_expression(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        expression: &str,
        value: Option<u64>,
    ) -> Result<(), HResult> {
        self.change(machine, handle, |breakpoint| {
            breakpoint.expression = expression.into();
            breakpoint.flags &= !flag::DEFERRED;
            match value {
                _ if expression.is_empty() => {}
                Some(value) => breakpoint.offset = Some(value),
                None => breakpoint.flags |= flag::DEFERRED,
            }
            breakpoint.check()
        })
    }

    /// Sets how many bytes a data breakpoint watches (1, 2, 4 or 8; 1 for execution; no 8 for
    /// ports), and for what: one of [`access`], or READ and WRITE.
    ///
    /// # Errors
    /// E_INVALIDARG for others, and if the offset is not aligned; E_NOINTERFACE if it is no data
    /// breakpoint, or is none any more.
    pub fn set_breakpoint_data(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        size: u32,
        kind: u32,
    ) -> Result<(), HResult> {
        self.change(machine, handle, |breakpoint| {
            if breakpoint.kind != Kind::Data {
                return Err(HResult::NOINTERFACE);
            }
            let known = match kind {
                access::EXECUTE => size == 1,
                access::IO => matches!(size, 1 | 2 | 4),
                1..=3 => matches!(size, 1 | 2 | 4 | 8),
                _ => false,
            };
            if !known {
                return Err(HResult::INVALIDARG);
            }
            (breakpoint.size, breakpoint.access) = (size, kind);
            breakpoint.check()
        })
    }

    /// Sets at which time it is hit; counts anew.
    ///
    /// # Errors
    /// E_INVALIDARG for zero; E_NOINTERFACE.
    pub fn set_breakpoint_passes(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        count: u32,
    ) -> Result<(), HResult> {
        self.change(machine, handle, |breakpoint| {
            (breakpoint.passes, breakpoint.left) = (count, count);
            if count == 0 { Err(HResult::INVALIDARG) } else { Ok(()) }
        })
    }

    /// Sets the processor that alone can hit it; `None` for all.
    ///
    /// # Errors
    /// E_NOINTERFACE, also if there is no such processor.
    pub fn set_breakpoint_thread(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        thread: Option<u32>,
    ) -> Result<(), HResult> {
        if thread.is_some_and(|id| id as usize >= machine.cpus.len()) {
            return Err(HResult::NOINTERFACE);
        }
        self.change(machine, handle, |breakpoint| {
            breakpoint.thread = thread.unwrap_or(ANY_ID);
            Ok(())
        })
    }

    /// Sets what a debugger is to do at a hit.
    ///
    /// # Errors
    /// E_NOINTERFACE
    pub fn set_breakpoint_command(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        command: &str,
    ) -> Result<(), HResult> {
        self.change(machine, handle, |breakpoint| {
            breakpoint.command = command.into();
            Ok(())
        })
    }

    /// Changes a breakpoint, all or nothing.
    fn change(
        &mut self,
        machine: &mut Machine,
        handle: u64,
        change: impl FnOnce(&mut Breakpoint) -> Result<(), HResult>,
    ) -> Result<(), HResult> {
        let at = self.breakpoints.place(handle)?;
        let mut changed = self.breakpoints.list[at].clone();
        change(&mut changed)?;
        changed.arm(machine);
        let id = changed.id;
        self.breakpoints.list[at] = changed;
        self.say(CES_BREAKPOINTS, id.into());
        Ok(())
    }

    /// Tells the callbacks of hits.
    pub(super) fn tell_hits(&mut self, hits: &[Hit]) {
        let told = |hit: &Hit| Event::Breakpoint { breakpoint: hit.handle, id: hit.id, flags: hit.flags };
        self.events.extend(hits.iter().map(told));
    }
}
