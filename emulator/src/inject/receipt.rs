//! What an injection or a reading answers.

use serde::{Deserialize, Serialize};

use super::{Injection, Register, Semantics, Space};
use crate::board::Hit;
use crate::bus::Width;
use crate::bus::pci::PciAddress;
use crate::mmu::walk::{Mode, Visited};

/// How many items of each list a receipt holds; further ones are counted only.
pub const DETAIL_LIMIT: usize = 64;

/// What an injection did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Instructions retired when it happened.
    pub instructions: u64,
    /// What was asked for.
    pub injection: Injection,
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
        self.written == self.injection.bytes.len()
    }
}

/// What a reading from outside met; the bytes themselves are in the caller's buffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A list that stays small: beyond [`DETAIL_LIMIT`] items it only counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace<T> {
    /// The first items.
    pub items: Vec<T>,
    /// How many more there were.
    pub omitted: usize,
}

impl<T> Default for Trace<T> {
    fn default() -> Self {
        Self { items: Vec::new(), omitted: 0 }
    }
}

impl<T> Trace<T> {
    pub(super) fn push(&mut self, item: T) {
        if self.items.len() < DETAIL_LIMIT {
            self.items.push(item);
        } else {
            self.omitted += 1;
        }
    }
}

impl Trace<Span> {
    /// Adds a span, joined to the last one if it goes on there.
    pub(super) fn span(&mut self, span: Span) {
        if let Some(last) = self.items.last_mut() {
            let goes_on = last.physical.checked_add(last.bytes as u64) == Some(span.physical);
            let plain = !matches!(span.answer, Answer::Device { .. });
            if self.omitted == 0 && goes_on && plain && last.answer == span.answer {
                last.bytes += span.bytes;
                return;
            }
        }
        self.push(span);
    }
}

/// What was met, space by space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Nothing was looked at: no byte was asked for, or the request was refused as a whole.
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
    pub(super) fn touched_device(&self) -> bool {
        let device = |spans: &Trace<Span>| {
            spans.omitted > 0 || spans.items.iter().any(|s| matches!(s.answer, Answer::Device { .. }))
        };
        match self {
            Self::Virtual { pages, .. } => {
                pages.omitted > 0 || pages.items.iter().any(|page| device(&page.spans))
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
    pub entries: Vec<Visited>,
    /// The physical address that it leads to, if it leads to one.
    pub physical: Option<u64>,
    /// log2 of the page's size: 12, 21, 22 or 30; zero where there is no page.
    pub size_bits: u8,
    /// The translation came from the TLB (`Cpu` semantics); the entries are what memory says.
    pub from_tlb: bool,
    /// What answered there.
    pub spans: Trace<Span>,
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
        hit: Hit,
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
