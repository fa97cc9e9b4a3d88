//! Watches: accesses of the processor to memory, ports, device windows and configuration space at
//! which the machine stops.
//!
//! A watched access to *linear addresses* stops the machine after the instruction, or after the
//! iteration of a REP string instruction, as a data breakpoint of the debug registers does. Every
//! access of the processor that has a linear address counts, whatever asked for it: operands,
//! stacks, descriptor tables and task state, saved register areas, the frame that an interrupt
//! pushes. Instruction fetches and the walk of the page tables do not. What an instruction
//! accessed before it faulted does not count either.
//!
//! A watched *device read* stops it before the instruction that makes it, if the watch holds
//! reads, so that what is written meanwhile is what the guest reads; else, and for a write, it
//! stops after the instruction. An instruction cannot be held back once it has touched a device:
//! if a watched read is not its first access (CMPS between two windows, a load that a window
//! answers in several pieces), the stop comes after it. Accesses that the delivery of an interrupt
//! makes count as such, too.
//!
//! Only the processor's accesses count: not DMA, and not what comes from outside. Nothing of a
//! watch is part of the guest's state.

use crate::bus::pci::PciAddress;

/// Names a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u64);

/// Which accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Of a watch: both. Of an access: it reads, and writes to the same place.
    Any,
}

impl Direction {
    fn takes(self, other: Self) -> bool {
        self == Self::Any || other == Self::Any || self == other
    }
}

/// Where; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Linear addresses, whatever lies behind them.
    Linear(u64, u64),
    /// I/O ports.
    Ports(u16, u16),
    /// Physical addresses that lead to device windows.
    Physical(u64, u64),
    /// Configuration space of a function, reached through CONFIG_DATA.
    Config(PciAddress, u16, u16),
}

impl Place {
    /// Whether two places share a byte.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Linear(a, b), Self::Linear(c, d)) => a <= d && c <= b,
            (Self::Ports(a, b), Self::Ports(c, d)) => a <= d && c <= b,
            (Self::Physical(a, b), Self::Physical(c, d)) => a <= d && c <= b,
            (Self::Config(f, a, b), Self::Config(g, c, d)) => f == g && a <= d && c <= b,
            _ => false,
        }
    }
}

/// Accesses at which the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    /// Where.
    pub place: Place,
    /// Which.
    pub direction: Direction,
    /// Whether a read of a device waits; an access to a linear address never does.
    pub hold: bool,
}

impl Watch {
    /// A watch that stops after the instruction.
    pub fn after(place: Place, direction: Direction) -> Self {
        Self { place, direction, hold: false }
    }

    /// A watch that stops before an instruction that reads from a device.
    pub fn holding(place: Place, direction: Direction) -> Self {
        Self { place, direction, hold: true }
    }

    /// Which of the places that an access is made to, or None.
    fn met(&self, places: &[Place], direction: Direction) -> Option<Place> {
        places.iter().find(|place| self.direction.takes(direction) && place.meets(self.place)).copied()
    }
}

/// An access that met a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// The watch.
    pub watch: WatchId,
    /// What was accessed, in the terms of the watch; it may reach beyond what is watched.
    pub place: Place,
    /// How.
    pub direction: Direction,
}

/// All watches of a machine, and what they met.
#[derive(Debug, Default)]
pub struct Watches {
    list: Vec<(WatchId, Watch)>,
    last: u64,
    /// Hold back the next instruction that reads from a device, whichever it is.
    pub(crate) every_read: bool,
    /// The instruction count at which an instruction was held back. When it comes again it passes.
    held: Option<u64>,
    /// The instruction count at which an instruction touched a device.
    touched: Option<u64>,
    /// An interrupt or exception is being delivered: nothing can be held back.
    delivering: bool,
    hits: Vec<Met>,
    /// What the instruction at this count has met in memory, if it does not fault.
    pending: Vec<(u64, Met)>,
    /// The watches of linear addresses changed since the TLBs were fitted to them.
    memory_changed: bool,
    stop: bool,
}

impl Watches {
    /// Adds a watch.
    pub fn add(&mut self, watch: Watch) -> WatchId {
        self.last += 1;
        let id = WatchId(self.last);
        self.memory_changed |= matches!(watch.place, Place::Linear(..));
        self.list.push((id, watch));
        id
    }

    /// Removes a watch; tells whether it was there.
    pub fn remove(&mut self, id: WatchId) -> bool {
        let Some(at) = self.list.iter().position(|(other, _)| *other == id) else { return false };
        let (_, watch) = self.list.remove(at);
        self.memory_changed |= matches!(watch.place, Place::Linear(..));
        true
    }

    /// Takes the watches that were met since the last call, one item for each access of each, in
    /// the order of the accesses and then of the watches.
    pub fn take_hits(&mut self) -> Vec<Met> {
        std::mem::take(&mut self.hits)
    }

    /// As [`Self::take_hits`], of these watches alone.
    pub fn take_hits_of(&mut self, watches: &[WatchId]) -> Vec<Met> {
        self.hits.extract_if(.., |met| watches.contains(&met.watch)).collect()
    }

    /// Whether a watch was met since [`Self::take_hits`].
    pub fn has_hits(&self) -> bool {
        !self.hits.is_empty()
    }

    /// Whether accesses must be told at all.
    #[inline]
    pub(crate) fn armed(&self) -> bool {
        !self.list.is_empty() || self.every_read
    }

    /// Whether the instruction at this count was held back and has not gone on.
    pub(crate) fn held_at(&self, count: u64) -> bool {
        self.held == Some(count)
    }

    /// The delivery of an interrupt or exception begins or ends. The next instruction is a new one.
    pub(crate) fn deliver(&mut self, begins: bool) {
        self.delivering = begins;
        (self.held, self.touched) = (None, None);
    }

    /// Whether the machine must stop, the next instruction being that at `count`; asked once.
    pub(crate) fn take_stop(&mut self, count: u64) -> bool {
        if !self.pending.is_empty() {
            // An instruction that waits for a device will make its accesses again.
            let waits = self.held_at(count);
            let met = self.pending.drain(..).filter(|(at, _)| !waits || *at != count);
            let before = self.hits.len();
            self.hits.extend(met.map(|(_, met)| met));
            self.stop |= self.hits.len() > before;
        }
        std::mem::take(&mut self.stop)
    }

    /// The instruction at `count` faults: it has met nothing.
    pub(crate) fn fault(&mut self, count: u64) {
        self.pending.retain(|(at, _)| *at != count);
    }

    // --- memory --------------------------------------------------------------------------

    /// Whether the watches of linear addresses changed since the last call.
    pub(crate) fn take_memory_changed(&mut self) -> bool {
        std::mem::take(&mut self.memory_changed)
    }

    /// Whether linear addresses are watched.
    pub(crate) fn of_memory(&self) -> bool {
        self.list.iter().any(|(_, watch)| matches!(watch.place, Place::Linear(..)))
    }

    /// Whether the page of `linear` has a watch.
    pub(crate) fn in_page(&self, linear: u64) -> bool {
        let page = Place::Linear(linear & !0xfff, linear | 0xfff);
        self.list.iter().any(|(_, watch)| page.meets(watch.place))
    }

    /// Whether an access would meet a watch.
    pub(crate) fn meets(&self, places: &[Place], direction: Direction) -> bool {
        self.list.iter().any(|(_, watch)| watch.met(places, direction).is_some())
    }

    /// The instruction at `count` accesses linear addresses: these places, if they wrap around.
    pub(crate) fn access_memory(&mut self, count: u64, places: &[Place], direction: Direction) {
        let met = Self::met(&self.list, places, direction).map(|(_, met)| (count, met));
        self.pending.extend(met);
    }

    /// The watches that an access meets, and how.
    fn met<'a>(
        list: &'a [(WatchId, Watch)],
        places: &'a [Place],
        direction: Direction,
    ) -> impl Iterator<Item = (&'a Watch, Met)> {
        list.iter().filter_map(move |(id, watch)| {
            let place = watch.met(places, direction)?;
            Some((watch, Met { watch: *id, place, direction }))
        })
    }

    // --- devices -------------------------------------------------------------------------

    /// The instruction at `count` is about to access these places, which are two views of one
    /// access. Gives whether it is to be held back.
    pub(crate) fn access(&mut self, count: u64, places: &[Place], direction: Direction) -> bool {
        let first = self.touched != Some(count) && !self.delivering && direction == Direction::Read;
        let passes = first && self.held == Some(count);
        let holding = |watch: &Watch| watch.hold && watch.met(places, direction).is_some();
        let holds =
            first && !passes && (self.every_read || self.list.iter().any(|(_, watch)| holding(watch)));
        // Who holds is told now, and not once more when the access happens; the others then.
        let told = |watch: &Watch| if holds { watch.hold } else { !(passes && watch.hold) };
        let met = Self::met(&self.list, places, direction).filter(|(watch, _)| told(watch));
        let before = self.hits.len();
        self.hits.extend(met.map(|(_, met)| met));
        self.stop |= holds || self.hits.len() > before;
        match holds {
            true => self.held = Some(count),
            false => self.touched = Some(count),
        }
        holds
    }
}
