//! CheckLowMemory, ReadDebuggerData, ReadProcessorSystemData and ReadHandleData (slots 20, 21,
//! 22, 25): what the system and its processors are.

use ringhold_emulator::mmu::walk::{Mode, entry};
use ringhold_emulator::state::cr4;

use super::windows::{PRODUCT_TYPE, SHARED_USER_DATA, SUITE_MASK};
use super::{DataSpaces, Delivered};
use crate::Error;

/// The indexes of ReadProcessorSystemData (`DEBUG_DATA_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ProcessorData {
    /// Address of the KPCR: 8 bytes.
    KpcrOffset = 0,
    /// Address of the KPRCB: 8 bytes.
    KprcbOffset = 1,
    /// Address of the current thread object: 8 bytes.
    KthreadOffset = 2,
    /// Virtual address at which the system maps its own paging structures: 8 bytes.
    BaseTranslationVirtualOffset = 3,
    /// Family, model, stepping (4 bytes each) and 16 bytes of the vendor's name.
    ProcessorIdentification = 4,
    /// MHz: 4 bytes.
    ProcessorSpeed = 5,
}

impl ProcessorData {
    /// The datum of this index.
    pub fn numbered(index: u32) -> Option<Self> {
        Some(match index {
            0 => Self::KpcrOffset,
            1 => Self::KprcbOffset,
            2 => Self::KthreadOffset,
            3 => Self::BaseTranslationVirtualOffset,
            4 => Self::ProcessorIdentification,
            5 => Self::ProcessorSpeed,
            _ => return None,
        })
    }
}

/// The first index of ReadDebuggerData that is no offset into the guest's block.
const SYNTHETIC: u32 = 100_000;

/// Whether the guest's block of debugger data has a field at this offset.
fn field(offset: u32) -> bool {
    match offset {
        48 => false,
        24..664 => offset.is_multiple_of(8),
        664..=704 => offset.is_multiple_of(2),
        _ => matches!(offset, 712 | 720 | 800 | 816 | 864),
    }
}

impl DataSpaces<'_> {
    /// CheckLowMemory: it needs a system that has filled its low memory with a pattern.
    ///
    /// # Errors
    /// Always [`Error::NotImplemented`].
    pub fn check_low_memory(&self) -> Result<(), Error> {
        Err(Error::NotImplemented("a check of low memory"))
    }

    /// ReadHandleData: handles are those of a user-mode session.
    ///
    /// # Errors
    /// Always [`Error::WrongSession`].
    pub fn read_handle_data(&self, _handle: u64, _data_type: u32) -> Result<Delivered, Error> {
        Err(Error::WrongSession("handles can be read in user-mode sessions only"))
    }

    /// ReadDebuggerData. PaeEnabled (100000, one byte: CR4.PAE) and PagingLevels (100080, four
    /// bytes) are those of the current processor. The offsets of KDDEBUGGER_DATA64, SharedUserData
    /// (100008), ProductType (100016) and SuiteMask (100024) are a Windows kernel's, if one is found
    /// in the guest. The others are a dump's.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an unknown index or an absent processor,
    /// [`Error::WrongSession`] for one that this session has no data for, [`Error::Failed`] for
    /// PagingLevels while paging is off.
    pub fn read_debugger_data(&mut self, index: u32, buffer: &mut [u8]) -> Result<Delivered, Error> {
        let number = self.processor_at(self.context.cpu)?;
        let cpu = &self.machine.cpus[number];
        let datum = match index {
            0..SYNTHETIC if field(index) => self.kernel_field(number, index),
            100_000 => Some(vec![u8::from(cpu.control.cr4 & cr4::PAE != 0)]),
            100_008 => self.kpcr(number).ok().map(|_| SHARED_USER_DATA.to_le_bytes().to_vec()),
            100_016 => self.shared_user_data(number, PRODUCT_TYPE),
            100_024 => self.shared_user_data(number, SUITE_MASK),
            100_032 | 100_040 | 100_048 | 100_056 | 100_064 | 100_072 => {
                return Err(Error::WrongSession("the target is no dump"));
            }
            100_080 => match cpu.paging().mode {
                Mode::Off => return Err(Error::Failed("paging is off")),
                mode => Some(u32::from(mode.levels()).to_le_bytes().to_vec()),
            },
            _ => return Err(Error::InvalidArgument("debugger data has no such index")),
        };
        let datum = datum.ok_or(Error::WrongSession("no Windows kernel with such data was found"))?;
        Ok(Delivered::new(&datum, 0, buffer))
    }

    /// ReadProcessorSystemData. The numbers of [`ProcessorData`] are the indexes. The addresses 0
    /// to 2 are a Windows guest's; address 3 is that of the part of virtual memory to which an
    /// entry of the root leads that points at the root itself, by the processor's own CR3.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an absent processor or an unknown index, [`Error::Failed`]
    /// where the object cannot be found in the guest.
    pub fn read_processor_system_data(
        &mut self,
        processor: u32,
        index: u32,
        buffer: &mut [u8],
    ) -> Result<Delivered, Error> {
        let cpu = self.processor_at(processor as usize)?;
        let Some(datum) = ProcessorData::numbered(index) else {
            return Err(Error::InvalidArgument("processor data has the indexes 0 to 5"));
        };
        let model = &self.machine.cpus[cpu].model;
        let object = match datum {
            ProcessorData::KpcrOffset => self.kpcr(cpu)?.0.to_le_bytes().to_vec(),
            ProcessorData::KprcbOffset => self.kpcr(cpu)?.1.to_le_bytes().to_vec(),
            ProcessorData::KthreadOffset => self.current_thread(cpu)?.to_le_bytes().to_vec(),
            ProcessorData::BaseTranslationVirtualOffset => {
                let base = self.self_map(cpu);
                base.ok_or(Error::Failed("no entry of the root points at the root"))?.to_le_bytes().to_vec()
            }
            ProcessorData::ProcessorIdentification => {
                let numbers = [model.family, model.model, model.stepping].map(u32::from);
                let mut object: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
                // CPUID gives twelve bytes; the rest is zero.
                object.extend(model.vendor.bytes().take(12));
                object.resize(28, 0);
                object
            }
            ProcessorData::ProcessorSpeed => {
                let mhz = u32::try_from(model.tsc_hz / 1_000_000).unwrap_or(u32::MAX);
                mhz.to_le_bytes().to_vec()
            }
        };
        Ok(Delivered::new(&object, 0, buffer))
    }

    fn processor_at(&self, cpu: usize) -> Result<usize, Error> {
        let there = cpu < self.machine.cpus.len();
        there.then_some(cpu).ok_or(Error::InvalidArgument("there is no such processor"))
    }

    /// The first virtual address below the first entry of the root that points at the root. PAE
    /// paging has no such entry: its root is no table.
    fn self_map(&self, cpu: usize) -> Option<u64> {
        let memory = &self.machine.board.fabric.memory;
        let paging = self.machine.cpus[cpu].paging();
        let shift = match paging.mode {
            Mode::Level4 => 39,
            Mode::Level5 => 48,
            Mode::Legacy => {
                let root = paging.cr3 & 0xffff_f000;
                let large = if paging.pse { entry::PS } else { 0 };
                let points = |index: &u64| {
                    let value = memory.read_u32(root + index * 4).map(u64::from);
                    value.is_some_and(|value| value & (0xffff_f000 | large | entry::P) == root | entry::P)
                };
                // As pointers of 32 bits come: sign-extended.
                return (0..1024).find(points).map(|index| ((index << 22) as u32 as i32) as u64);
            }
            Mode::Off | Mode::Pae => return None,
        };
        let root = paging.cr3 & 0x000f_ffff_ffff_f000;
        let points = |index: &u64| {
            let value = memory.read_u64(root + index * 8);
            value.is_some_and(|value| {
                value & (0x000f_ffff_ffff_f000 | entry::PS | entry::P) == root | entry::P
            })
        };
        let index = (0..512).find(points)?;
        let unused = 64 - shift - 9;
        Some(((index << shift << unused) as i64 >> unused) as u64)
    }
}
