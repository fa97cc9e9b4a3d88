//! ReadTagged and the enumeration of tags (slots 30 to 33): blobs about the target, each under a
//! GUID.
//!
//! There is one, under [`MACHINE_DESCRIPTION`]: the machine in RON.

use std::collections::BTreeMap;

use ringhold_emulator::bus::Width;
use ringhold_emulator::memory::Target;
use ringhold_emulator::model::CpuModel;
use serde::{Deserialize, Serialize};

use super::{DataSpaces, Delivered};
use crate::Error;

/// A GUID: the 32-bit field, the two 16-bit ones, and eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Guid(pub u32, pub u16, pub u16, pub [u8; 8]);

/// The tag of the machine's description, a [`MachineDescription`] in RON:
/// `6b8f2d14-93c5-4e07-a1d8-52696e67686f`.
pub const MACHINE_DESCRIPTION: Guid =
    Guid(0x6b8f_2d14, 0x93c5, 0x4e07, [0xa1, 0xd8, 0x52, 0x69, 0x6e, 0x67, 0x68, 0x6f]);

/// The enumerations of tags that were not ended.
#[derive(Clone, Debug, Default)]
pub struct TagLists {
    lists: BTreeMap<u64, Vec<(Guid, usize)>>,
    /// The last handle.
    handles: u64,
}

/// What a machine consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineDescription {
    /// The processors.
    pub cpus: Vec<CpuModel>,
    /// What answers at physical addresses, ascending.
    pub memory: Vec<MemoryRange>,
    /// The devices in the order in which they were attached.
    pub devices: Vec<DeviceDescription>,
    /// The PCI functions.
    pub functions: Vec<FunctionDescription>,
}

/// A span of physical addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryRange {
    /// The first address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// `RAM`, `ROM`, or the name of the device.
    pub what: String,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDescription {
    /// Its name on the board.
    pub name: String,
    /// The chip that is modelled.
    pub model: String,
    /// Its fixed ports: the first, how many, and the widest access.
    pub ports: Vec<(u16, u16, Width)>,
    /// The interrupts that it may drive.
    pub irqs: Vec<u8>,
}

/// A PCI function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionDescription {
    /// The bus.
    pub bus: u8,
    /// The slot number, `device | function << 5`.
    pub slot: u32,
    /// The device's name.
    pub device: String,
}

impl DataSpaces<'_> {
    /// The machine's description, as the tagged blob has it.
    pub fn machine_description(&self) -> MachineDescription {
        let board = &self.machine.board;
        let memory = board.fabric.memory.map().ranges().iter().map(|range| MemoryRange {
            start: range.start,
            size: range.size,
            what: match range.first {
                Target::Ram { .. } => "RAM".into(),
                Target::Rom { .. } => "ROM".into(),
                Target::Mmio { device, .. } => board.name(device).into(),
                Target::Hole => String::new(),
            },
        });
        let devices = board.identities().into_iter().map(|device| DeviceDescription {
            name: device.name,
            model: device.model.into(),
            ports: device.ports.iter().map(|range| (range.first, range.count, range.widest)).collect(),
            irqs: device.irqs,
        });
        let functions = board.functions().iter().map(|(at, device)| FunctionDescription {
            bus: at.bus,
            slot: super::slot_number(at.device, at.function),
            device: board.name(*device).into(),
        });
        MachineDescription {
            cpus: self.machine.cpus.iter().map(|cpu| cpu.model.clone()).collect(),
            memory: memory.collect(),
            devices: devices.collect(),
            functions: functions.collect(),
        }
    }

    /// ReadTagged: the blob from its byte `offset` on. An empty buffer asks for the size alone.
    ///
    /// # Errors
    /// [`Error::NoSuchObject`] for an unknown tag, [`Error::InvalidArgument`] for an offset beyond
    /// the end.
    pub fn read_tagged(&self, tag: Guid, offset: u32, buffer: &mut [u8]) -> Result<Delivered, Error> {
        let blob = self.blob(tag)?;
        if offset as usize > blob.len() {
            return Err(Error::InvalidArgument("the offset lies beyond the end of the blob"));
        }
        Ok(Delivered::new(&blob, offset as usize, buffer))
    }

    fn blob(&self, tag: Guid) -> Result<Vec<u8>, Error> {
        if tag != MACHINE_DESCRIPTION {
            return Err(Error::NoSuchObject("there is no blob of this tag"));
        }
        let text = ron::ser::to_string_pretty(&self.machine_description(), ron::ser::PrettyConfig::default());
        text.map(String::into_bytes).map_err(|_| Error::Failed("the machine cannot be described"))
    }

    /// StartEnumTagged: a handle to a list of the tags. It is good until it is ended, for these
    /// data spaces, and its number is not used again.
    ///
    /// # Errors
    /// [`Error::Failed`] if a blob cannot be made.
    pub fn start_enum_tagged(&mut self) -> Result<u64, Error> {
        let size = self.blob(MACHINE_DESCRIPTION)?.len();
        self.tags.handles += 1;
        self.tags.lists.insert(self.tags.handles, vec![(MACHINE_DESCRIPTION, size)]);
        Ok(self.tags.handles)
    }

    /// GetNextTagged: the next tag and the size of its blob. `None`, which a DbgEng client sees as
    /// S_FALSE, at the end.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a handle that is none, or was ended.
    pub fn next_tagged(&mut self, handle: u64) -> Result<Option<(Guid, usize)>, Error> {
        let list = self.tags.lists.get_mut(&handle);
        Ok(list.ok_or(Error::InvalidArgument("there is no such enumeration"))?.pop())
    }

    /// EndEnumTagged: frees the handle.
    ///
    /// # Errors
    /// As [`Self::next_tagged`].
    pub fn end_enum_tagged(&mut self, handle: u64) -> Result<(), Error> {
        let ended = self.tags.lists.remove(&handle);
        ended.map(|_| ()).ok_or(Error::InvalidArgument("there is no such enumeration"))
    }
}
