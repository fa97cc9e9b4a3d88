//! What an injection or a reading answers.

use serde::{Deserialize, Serialize};

use super::{Register, Semantics, Space};
use crate::board::Hit;
use crate::bus::Width;
use crate::bus::pci::PciAddress;
use crate::mmu::walk::{Mode, Trail, Visited};

/// How many items of each list a receipt holds; further ones are counted only.
pub const DETAIL_LIMIT: usize = 64;

/// What an injection did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Instructions retired when it happened.
    pub instructions: u64,
    /// Where it went.
    pub space: Space,
    /// To which address of the space.
    pub address: u64,
    /// What kind of access.
    pub semantics: Semantics,
    /// How many bytes were to be written.
    pub asked: usize,
    /// The first of them.
    pub data: FirstBytes,
    /// How many bytes landed, from the first on.
    pub written: usize,
    /// Why not all of them.
    pub stopped: Option<Refusal>,
    /// Where they went.
    pub detail: Detail,
}

impl Receipt {
    /// Whether every byte landed.
    pub fn complete(&self) -> bool {
        self.written == self.asked
    }
}

/// The first bytes of what was written, at most [`Self::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u8>", into = "Vec<u8>")]
pub struct FirstBytes {
    bytes: [u8; Self::MOST],
    len: u8,
}

impl FirstBytes {
    /// How many bytes are kept.
    pub const MOST: usize = 16;

    /// The first of these.
    #[inline]
    pub fn of(all: &[u8]) -> Self {
        // The usual sizes without a call to copy.
        if let Some(bytes) = all.first_chunk() {
            return Self { bytes: *bytes, len: Self::MOST as u8 };
        }
        let mut bytes = [0; Self::MOST];
        match <[u8; 8]>::try_from(all) {
            Ok(eight) => bytes = u128::from(u64::from_le_bytes(eight)).to_le_bytes(),
            Err(_) => bytes[..all.len()].copy_from_slice(all),
        }
        Self { bytes, len: all.len() as u8 }
    }

    /// As a slice.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl From<Vec<u8>> for FirstBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(&bytes)
    }
}

impl From<FirstBytes> for Vec<u8> {
    fn from(bytes: FirstBytes) -> Self {
        bytes.as_slice().to_vec()
    }
}

/// What a reading from outside met; the bytes themselves are in the caller's buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Instructions retired when it happened.
    pub instructions: u64,
    /// Where it read.
    pub space: Space,
    /// At which address of the space.
    pub address: u64,
    /// What kind of access.
    pub semantics: Semantics,
    /// How many bytes came, from the first on.
    pub read: usize,
    /// Why not all that were asked for.
    pub stopped: Option<Refusal>,
    /// Where they came from.
    pub detail: Detail,
}

impl Reading {
    /// Whether a device answered, which may have changed its state.
    pub fn touched_device(&self) -> bool {
        self.detail.touched_device()
    }
}

/// A list that stays small: beyond [`DETAIL_LIMIT`] items it only counts. One item, which most
/// receipts have, takes no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Listed<T>", into = "Listed<T>", bound(serialize = "T: Serialize + Clone"))]
pub struct Trace<T> {
    first: Option<T>,
    more: Option<Box<More<T>>>,
}

/// What follows the first item.
#[derive(Clone, Debug, PartialEq, Eq)]
struct More<T> {
    items: Vec<T>,
    omitted: usize,
}

/// The form in which a [`Trace`] is written.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Trace")]
struct Listed<T> {
    items: Vec<T>,
    omitted: usize,
}

impl<T> From<Listed<T>> for Trace<T> {
    fn from(listed: Listed<T>) -> Self {
        let mut items = listed.items.into_iter();
        let first = items.next();
        let more = More { items: items.collect(), omitted: listed.omitted };
        let any = !more.items.is_empty() || more.omitted > 0;
        Self { first, more: any.then(|| Box::new(more)) }
    }
}

impl<T> From<Trace<T>> for Listed<T> {
    fn from(trace: Trace<T>) -> Self {
        let (rest, omitted) = trace.more.map_or((Vec::new(), 0), |more| (more.items, more.omitted));
        Self { items: trace.first.into_iter().chain(rest).collect(), omitted }
    }
}

impl<T> Default for More<T> {
    fn default() -> Self {
        Self { items: Vec::new(), omitted: 0 }
    }
}

impl<T> Default for Trace<T> {
    fn default() -> Self {
        Self { first: None, more: None }
    }
}

impl<T> Trace<T> {
    #[inline(always)]
    fn clear(&mut self) {
        self.first = None;
        if self.more.is_some() {
            self.more = None;
        }
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.push_more(item);
        }
    }

    /// Pushes an item, made in its place, and gives it to be filled there. One beyond the limit stays
    /// until the next, or until [`Self::settle`].
    #[inline]
    pub(super) fn place(&mut self, item: impl FnOnce() -> T) -> &mut T {
        if self.first.is_none() { self.first.insert(item()) } else { self.place_more(item()) }
    }

    #[cold]
    fn place_more(&mut self, item: T) -> &mut T {
        self.settle();
        let more = self.more.get_or_insert_default();
        let at = more.items.len();
        more.items.push(item);
        &mut more.items[at]
    }

    /// Only counts what is beyond the limit.
    pub(super) fn settle(&mut self) {
        if let Some(more) = &mut self.more
            && more.items.len() >= DETAIL_LIMIT
        {
            more.items.pop();
            more.omitted += 1;
        }
    }

    #[cold]
    fn push_more(&mut self, item: T) {
        self.place_more(item);
        self.settle();
    }

    /// The items that are kept, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(self.more.iter().flat_map(|more| &more.items))
    }

    /// How many items are kept.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.as_ref().map_or(0, |more| more.items.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many more there were.
    pub fn omitted(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.omitted)
    }
}

impl Trace<PageStep> {
    /// Begins anew, with a step that has found nothing yet but may hold entries of an earlier walk.
    #[inline(always)]
    pub(super) fn begin(&mut self, linear: u64) -> &mut PageStep {
        if self.more.is_some() {
            self.more = None;
        }
        match &mut self.first {
            Some(step) => {
                step.linear = linear;
                step.physical = None;
                step.size_bits = 0;
                step.from_tlb = false;
                step.spans.clear();
                step
            }
            none => none.insert(PageStep::at(linear)),
        }
    }
}

impl Trace<Span> {
    /// Adds a span of RAM; the first is made where it stays.
    #[inline(always)]
    pub(super) fn ram(&mut self, physical: u64, bytes: usize) {
        if self.first.is_none() {
            self.first = Some(Span { physical, bytes, answer: Answer::Ram });
        } else {
            self.span(Span { physical, bytes, answer: Answer::Ram });
        }
    }

    /// Adds a span, joined to the last one if it goes on there.
    #[inline(never)]
    pub(super) fn span(&mut self, span: Span) {
        if self.first.is_some() && self.join(&span) {
            return;
        }
        self.push(span);
    }

    fn join(&mut self, span: &Span) -> bool {
        let omitted = self.omitted();
        let later = self.more.as_mut().and_then(|more| more.items.last_mut());
        let Some(last) = later.or(self.first.as_mut()) else { return false };
        let goes_on = last.physical.checked_add(last.bytes as u64) == Some(span.physical);
        let plain = !matches!(span.answer, Answer::Device { .. });
        let joined = omitted == 0 && goes_on && plain && last.answer == span.answer;
        if joined {
            last.bytes += span.bytes;
        }
        joined
    }
}

/// What was met, space by space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Nothing was looked at: no byte was asked for, or the request was refused as a whole.
    #[default]
    Nothing,
    /// Virtual memory, page by page.
    Virtual {
        /// The paging mode.
        mode: Mode,
        /// The root of the page tables (CR3 or what stood in for it).
        root: u64,
        /// Each page.
        pages: Trace<PageStep>,
    },
    /// Physical memory, span by span.
    Physical {
        /// Each span.
        spans: Trace<Span>,
    },
    /// Ports, access by access.
    Ports {
        /// Each access.
        accesses: Trace<PortAccess>,
    },
    /// Configuration space, cycle by cycle.
    Config {
        /// Each cycle.
        cycles: Trace<ConfigCycle>,
    },
    /// A model-specific register.
    Msr {
        /// Its value before.
        old: Option<u64>,
        /// Its value after.
        new: Option<u64>,
    },
    /// A register.
    Register {
        /// Its bytes before.
        old: Vec<u8>,
        /// Its bytes after.
        new: Vec<u8>,
    },
}

impl Detail {
    /// Begins a list of spans of physical memory, in the place of what was here.
    #[inline(always)]
    pub(super) fn spans(&mut self) -> Option<&mut Trace<Span>> {
        if !matches!(self, Self::Physical { .. }) {
            *self = Self::Physical { spans: Trace::default() };
        }
        let Self::Physical { spans } = self else { return None };
        spans.clear();
        Some(spans)
    }

    /// Begins a list of pages of virtual memory, in the place of what was here; see [`Trace::begin`].
    #[inline(always)]
    pub(super) fn pages(&mut self, now: Mode, at: u64) -> Option<&mut Trace<PageStep>> {
        if !matches!(self, Self::Virtual { .. }) {
            *self = Self::Virtual { mode: now, root: at, pages: Trace::default() };
        }
        let Self::Virtual { mode, root, pages } = self else { return None };
        (*mode, *root) = (now, at);
        Some(pages)
    }

    pub(super) fn touched_device(&self) -> bool {
        let device = |spans: &Trace<Span>| {
            spans.omitted() > 0 || spans.iter().any(|s| matches!(s.answer, Answer::Device { .. }))
        };
        match self {
            Self::Virtual { pages, .. } => {
                pages.omitted() > 0 || pages.iter().any(|page| device(&page.spans))
            }
            Self::Physical { spans } => device(spans),
            Self::Ports { .. } => true,
            Self::Nothing | Self::Config { .. } | Self::Msr { .. } | Self::Register { .. } => false,
        }
    }
}

/// One page of a virtual access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageStep {
    /// The first linear address touched in the page.
    pub linear: u64,
    /// The paging-structure entries, root first, as they stood before the access.
    pub entries: Trail,
    /// The physical address that it leads to, if it leads to one.
    pub physical: Option<u64>,
    /// log2 of the page's size: 12, 21, 22 or 30; zero where there is no page.
    pub size_bits: u8,
    /// The translation came from the TLB (`Cpu` semantics); the entries are what memory says.
    pub from_tlb: bool,
    /// What answered there.
    pub spans: Trace<Span>,
}

impl PageStep {
    /// A step that has found nothing yet.
    #[inline]
    pub(super) fn at(linear: u64) -> Self {
        Self {
            linear,
            entries: Trail::default(),
            physical: None,
            size_bits: 0,
            from_tlb: false,
            spans: Trace::default(),
        }
    }
}

/// A run of physical bytes with one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its first address.
    pub physical: u64,
    /// How many bytes.
    pub bytes: usize,
    /// What answered.
    pub answer: Answer,
}

/// What answered at a physical address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// RAM.
    Ram,
    /// ROM, read, or changed through the back door.
    Rom,
    /// ROM: a bus write without effect.
    RomIgnored,
    /// Nobody: a bus write was lost, a bus read gave ones.
    Nobody,
    /// A device register.
    Device {
        /// Which device and register.
        hit: Box<Hit>,
        /// The access as the device saw it.
        width: Width,
    },
}

/// One port access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortAccess {
    /// The port.
    pub port: u16,
    /// The size of the access.
    pub width: Width,
    /// What was written or read.
    pub value: u32,
    /// Who answered; nobody means: a write is lost, a read gives ones.
    pub hit: Option<Hit>,
}

/// One access to configuration space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigCycle {
    /// Which function.
    pub function: PciAddress,
    /// Offset of the first byte.
    pub offset: u16,
    /// How many bytes: 1, 2 or 4.
    pub bytes: u8,
    /// What was there.
    pub old: u32,
    /// What was written; for a reading, the same as `old`.
    pub value: u32,
    /// Which bits software can change.
    pub writable: u32,
    /// Which bits are cleared by writing a one.
    pub write_one_clears: u32,
    /// What is there now.
    pub new: u32,
}

/// Why a transfer stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no processor of this number.
    #[error("there is no processor {cpu}")]
    NoProcessor {
        /// The number.
        cpu: usize,
    },
    /// The semantics has no meaning in the space.
    #[error("this kind of access has no meaning in this space")]
    Meaningless,
    /// A paging-structure entry is not present.
    #[error("the {} at {address:#x} is not present", level_name(*.level))]
    NotPresent {
        /// 5 = PML5E to 1 = PTE
        level: u8,
        /// Where the entry is.
        address: u64,
    },
    /// A paging-structure entry has a reserved bit set.
    #[error("the {} at {address:#x} has a reserved bit set", level_name(*.level))]
    Reserved {
        /// 5 = PML5E to 1 = PTE
        level: u8,
        /// Where the entry is.
        address: u64,
    },
    /// A paging structure lies outside RAM and ROM.
    #[error("a paging structure lies outside memory")]
    TablesOutsideMemory,
    /// The address is not canonical, or wider than the mode allows.
    #[error("{address:#x} is no address in this paging mode")]
    NonCanonical {
        /// The address.
        address: u64,
    },
    /// The processor would have taken this fault.
    #[error("the processor would take exception {vector} with error code {error:#x}")]
    Fault {
        /// 13 or 14
        vector: u8,
        /// The error code.
        error: u32,
        /// The linear address that faults.
        address: u64,
    },
    /// ROM is not written except through the back door.
    #[error("{address:#x} is ROM")]
    Rom {
        /// The physical address.
        address: u64,
    },
    /// Nothing answers there.
    #[error("nothing answers at {address:#x}")]
    Hole {
        /// The physical address.
        address: u64,
    },
    /// A device answers there, and the back door does not touch devices.
    #[error("a device answers at {address:#x}")]
    Device {
        /// The physical address.
        address: u64,
    },
    /// The space ends there.
    #[error("the space ends there")]
    End,
    /// The data is no whole number of accesses of the width.
    #[error("the data does not fit the width of the access")]
    Width,
    /// There is no such PCI function.
    #[error("there is no PCI function {function}")]
    NoFunction {
        /// Its address.
        function: PciAddress,
    },
    /// RDMSR or WRMSR would raise #GP(0).
    #[error("the processor would raise #GP(0) for MSR {msr:#x}")]
    Msr {
        /// Its number.
        msr: u32,
    },
    /// The architecture does not allow this value in the register.
    #[error("{register} cannot hold this value")]
    Value {
        /// Which one.
        register: Register,
    },
}

/// The manual's name of an entry.
fn level_name(level: u8) -> &'static str {
    Visited { level, address: 0, value: 0 }.name()
}
