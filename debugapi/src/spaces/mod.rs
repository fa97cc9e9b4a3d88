//! The data spaces: one file per space, with its rules.
//!
//! The rules that all of them share (the contract's section 2.3):
//!
//! * success means that at least one byte moved, and the count says how many;
//! * a transfer stops at the first inaccessible byte, keeps what moved before it, never skips a
//!   hole and never wraps;
//! * nothing moved is a failure, and the count is then zero;
//! * no byte asked for is success with count zero, whatever the address.

mod bus_data;
mod control;
mod datum;
mod fill;
mod image;
mod io;
mod msr;
mod physical;
mod pointers;
mod regions;
mod search;
mod strings;
mod system_data;
mod tagged;
mod translation;
mod virtual_memory;
mod windows;

pub use bus_data::{BusDataType, slot_number};
pub use control::SPECIAL_REGISTERS_BYTES;
pub use datum::Delivered;
pub use fill::Writes;
pub use image::{NT_HEADERS_BYTES, NtHeaders};
pub use io::InterfaceType;
pub use physical::CacheFlags;
pub use regions::{MemoryBasicInformation, VirtualSource, region};
pub use strings::{CodePage, StringRead};
pub use system_data::ProcessorData;
pub use tagged::{
    DeviceDescription, FunctionDescription, Guid, MACHINE_DESCRIPTION, MachineDescription, MemoryRange,
    TagLists,
};
pub use translation::Translation;

use ringhold_emulator::Machine;
use ringhold_emulator::inject::{Reading, Receipt, Semantics, Space};

use crate::{Context, Error, HResult, HostMemory};

/// What a call moved.
///
/// The receipt is the machine's and lent until the next call; who wants to keep it clones it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transfer<'a, R = Receipt> {
    /// How many bytes, from the first on.
    pub count: usize,
    /// What they met on their way.
    pub receipt: &'a R,
}

impl<R> Transfer<'_, R> {
    /// The code that a DbgEng client sees: S_OK, even when fewer bytes moved than were asked for.
    pub fn hresult(&self) -> HResult {
        HResult::OK
    }
}

/// The numbers of the data spaces (`DEBUG_DATA_SPACE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum DataSpace {
    /// Virtual memory.
    Virtual = 0,
    /// Physical memory.
    Physical = 1,
    /// Control space.
    Control = 2,
    /// I/O ports.
    Io = 3,
    /// Model-specific registers.
    Msr = 4,
    /// Bus configuration data.
    BusData = 5,
    /// Debugger data.
    DebuggerData = 6,
}

/// What a successful write changed: the arguments of `ChangeDebuggeeState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `DEBUG_CDS_DATA`
    Data(DataSpace),
    /// `DEBUG_CDS_REGISTERS`
    Registers,
}

impl Change {
    /// The event's flags: `DEBUG_CDS_DATA` is 2, `DEBUG_CDS_REGISTERS` is 1.
    pub fn flags(self) -> u32 {
        match self {
            Self::Data(_) => 2,
            Self::Registers => 1,
        }
    }

    /// The event's argument: the number of the data space, or `DEBUG_ANY_ID`.
    pub fn argument(self) -> u64 {
        match self {
            Self::Data(space) => space as u64,
            Self::Registers => 0xffff_ffff,
        }
    }
}

/// The data spaces of a machine that stands still, as one processor sees them.
pub struct DataSpaces<'a> {
    machine: &'a mut Machine,
    context: Context,
    changes: Vec<Change>,
    tags: TagLists,
    /// What reading the configuration of an absent function answered, which reaches no function.
    absent: Reading,
    /// Bytes of a pointer in place of what the processor's mode says.
    pointer_bytes: Option<usize>,
}

impl<'a> DataSpaces<'a> {
    /// The spaces as processor 0 sees them.
    pub fn new(machine: &'a mut Machine) -> Self {
        Self::with_context(machine, Context::default())
    }

    /// The spaces as the context says.
    pub fn with_context(machine: &'a mut Machine, context: Context) -> Self {
        Self {
            machine,
            context,
            changes: Vec::new(),
            tags: TagLists::default(),
            absent: Reading::default(),
            pointer_bytes: None,
        }
    }

    /// The spaces with what an earlier value has left open.
    pub(crate) fn reopened(machine: &'a mut Machine, context: Context, tags: TagLists) -> Self {
        Self { tags, ..Self::with_context(machine, context) }
    }

    /// What is left open: the enumerations that were not ended.
    pub(crate) fn close(self) -> TagLists {
        self.tags
    }

    /// The current processor, and the paging root that virtual accesses use.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Selects the current processor and the paging root.
    pub fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    /// The machine.
    pub fn machine(&mut self) -> &mut Machine {
        self.machine
    }

    /// The spaces through `IDebugHostMemory`'s one door.
    pub fn host_memory(&mut self) -> HostMemory<'_, 'a> {
        HostMemory::new(self)
    }

    /// The successful writes since the last call, one item for each, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// The current virtual space.
    fn virtual_space(&self) -> Space {
        Space::Virtual { cpu: self.context.cpu, root: self.context.root }
    }

    /// Writes by the shared rules and notes the change.
    #[inline(always)]
    pub(crate) fn write(
        &mut self,
        space: Space,
        address: u64,
        bytes: &[u8],
        change: Change,
    ) -> Result<Transfer<'_>, Error> {
        let receipt = self.machine.write(space, address, Semantics::Debugger, bytes);
        match receipt.written {
            0 if !bytes.is_empty() => return Err(Error::NothingWritten(Box::new(receipt.clone()))),
            0 => {}
            _ => self.changes.push(change),
        }
        Ok(Transfer { count: receipt.written, receipt })
    }

    /// Reads by the shared rules.
    pub(crate) fn read(
        &mut self,
        space: Space,
        address: u64,
        buffer: &mut [u8],
        semantics: Semantics,
    ) -> Result<Transfer<'_, Reading>, Error> {
        let reading = self.machine.peek(space, address, semantics, buffer);
        if reading.read == 0 && !buffer.is_empty() {
            return Err(Error::NothingRead(Box::new(reading.clone())));
        }
        Ok(Transfer { count: reading.read, receipt: reading })
    }
}
