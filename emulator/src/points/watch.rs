//! Watches: accesses of the processor to ports, device windows and configuration space at which
//! the machine stops.
//!
//! A watched *read* stops the machine before the instruction that makes it, so that what is
//! written meanwhile is what the guest reads; a watched *write* stops it after the instruction. An
//! instruction cannot be held back once it has touched a device: if a watched read is not its
//! first access (CMPS between two windows, a load that a window answers in several pieces), the
//! stop comes after it. Accesses that the delivery of an interrupt makes count as such, too.
//!
//! Only the processor's accesses count: not DMA, and not what comes from outside.

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
    /// Both.
    Any,
}

impl Direction {
    fn takes(self, other: Self) -> bool {
        self == Self::Any || self == other
    }
}

/// Where; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
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
    hits: Vec<WatchId>,
    stop: bool,
}

impl Watches {
    /// Adds a watch.
    pub fn add(&mut self, watch: Watch) -> WatchId {
        self.last += 1;
        let id = WatchId(self.last);
        self.list.push((id, watch));
        id
    }

    /// Removes a watch; tells whether it was there.
    pub fn remove(&mut self, id: WatchId) -> bool {
        let before = self.list.len();
        self.list.retain(|(other, _)| *other != id);
        self.list.len() != before
    }

    /// Takes the watches that were met since the last call, one item for each access of each, in
    /// the order of the accesses and then of the watches.
    pub fn take_hits(&mut self) -> Vec<WatchId> {
        std::mem::take(&mut self.hits)
    }

    /// As [`Self::take_hits`], of these watches alone.
    pub fn take_hits_of(&mut self, watches: &[WatchId]) -> Vec<WatchId> {
        self.hits.extract_if(.., |id| watches.contains(id)).collect()
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

    /// Whether the machine must stop; asked once.
    pub(crate) fn take_stop(&mut self) -> bool {
        std::mem::take(&mut self.stop)
    }

    /// The instruction at `count` is about to access these places, which are two views of one
    /// access. Gives whether it is to be held back.
    pub(crate) fn access(&mut self, count: u64, places: &[Place], direction: Direction) -> bool {
        let first = self.touched != Some(count) && !self.delivering;
        let read = direction == Direction::Read;
        if first && read && self.held == Some(count) {
            self.touched = Some(count);
            return false;
        }
        let met = |watch: &Watch| {
            watch.direction.takes(direction) && places.iter().any(|place| place.meets(watch.place))
        };
        let before = self.hits.len();
        self.hits.extend(self.list.iter().filter(|(_, watch)| met(watch)).map(|(id, _)| *id));
        self.stop |= self.hits.len() > before;
        if first && read && (self.every_read || self.hits.len() > before) {
            self.stop = true;
            self.held = Some(count);
            return true;
        }
        self.touched = Some(count);
        false
    }
}
