//! `IDebugHostMemory`: one door to every space, named by a context and a location.
//!
//! Here a partial transfer is [`Completion::Partial`] (S_FALSE), where the data spaces say S_OK.

use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::inject::{Reading, Receipt, Register, Semantics, Space};

use crate::{Change, DataSpace, DataSpaces, Error, HResult};

/// Whose view of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The processor, counted from zero.
    pub cpu: usize,
    /// A paging root (CR3's form) in place of the processor's own.
    pub root: Option<u64>,
}

/// A place. A client may change the offset of a location it was given, and nothing else.
///
/// | `host_defined` | `offset` |
/// |---|---|
/// | 0 | a virtual address |
/// | `1 << 56 \| processor << 32 \| register` | a byte of the register |
/// | `2 << 56` | a physical address |
/// | `3 << 56` | a port; 1, 2 or 4 bytes make one access |
/// | `4 << 56 \| bus << 8 \| slot` | a byte of the function's configuration space |
/// | `5 << 56 \| processor << 32 \| MSR` | a byte of the eight of the MSR |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Location {
    /// What kind of place, and which one of its kind.
    pub host_defined: u64,
    /// Where in it.
    pub offset: u64,
}

impl Location {
    /// A virtual address.
    pub fn virtual_address(address: u64) -> Self {
        Self { host_defined: 0, offset: address }
    }

    /// A register; the offset counts its bytes.
    pub fn register(cpu: u16, register: Register) -> Self {
        Self { host_defined: 1 << 56 | u64::from(cpu) << 32 | u64::from(register.number()), offset: 0 }
    }

    /// A physical address.
    pub fn physical(address: u64) -> Self {
        Self { host_defined: 2 << 56, offset: address }
    }

    /// A port.
    pub fn port(port: u16) -> Self {
        Self { host_defined: 3 << 56, offset: port.into() }
    }

    /// A byte of configuration space; bus and slot as in WriteBusData.
    pub fn config(bus: u16, slot: u8, offset: u16) -> Self {
        Self { host_defined: 4 << 56 | u64::from(bus) << 8 | u64::from(slot), offset: offset.into() }
    }

    /// A model-specific register.
    pub fn msr(cpu: u16, msr: u32) -> Self {
        Self { host_defined: 5 << 56 | u64::from(cpu) << 32 | u64::from(msr), offset: 0 }
    }
}

/// How much of what was asked for was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// All of it: S_OK.
    All,
    /// That many bytes: S_FALSE.
    Partial(usize),
}

impl Completion {
    fn of(count: usize, asked: usize) -> Self {
        if count == asked { Self::All } else { Self::Partial(count) }
    }

    /// The code that a client sees.
    pub fn hresult(self) -> HResult {
        match self {
            Self::All => HResult::OK,
            Self::Partial(_) => HResult::FALSE,
        }
    }
}

/// The data spaces through `IDebugHostMemory`. Made by [`DataSpaces::host_memory`].
pub struct HostMemory<'s, 'a> {
    spaces: &'s mut DataSpaces<'a>,
}

impl<'s, 'a> HostMemory<'s, 'a> {
    pub(crate) fn new(spaces: &'s mut DataSpaces<'a>) -> Self {
        Self { spaces }
    }

    /// ReadBytes. Without a context, in the current one. Bytes beyond the count are left alone.
    ///
    /// # Errors
    /// [`Error::NothingRead`] if no byte could be read, [`Error::InvalidArgument`] for a location
    /// of no kind or a port access of another size than 1, 2, 4.
    pub fn read_bytes(
        &mut self,
        context: Option<Context>,
        location: Location,
        buffer: &mut [u8],
    ) -> Result<(Completion, Option<&Reading>), Error> {
        if buffer.is_empty() {
            return Ok((Completion::All, None));
        }
        let place = self.place(context, location, buffer.len())?;
        let Some((first, room)) = place.within_msr(location.offset) else {
            let done = self.spaces.read(place.space, location.offset, buffer, Semantics::Debugger)?;
            return Ok((Completion::of(done.count, buffer.len()), Some(done.receipt)));
        };
        let mut value = [0; 8];
        let done = self.spaces.read(place.space, place.msr, &mut value, Semantics::Debugger)?;
        let count = buffer.len().min(room);
        buffer[..count].copy_from_slice(&value[first..first + count]);
        Ok((Completion::of(count, buffer.len()), Some(done.receipt)))
    }

    /// WriteBytes. Without a context, in the current one.
    ///
    /// # Errors
    /// [`Error::NothingWritten`] if no byte could be written, [`Error::InvalidArgument`] for a
    /// location of no kind or a port access of another size than 1, 2, 4.
    pub fn write_bytes(
        &mut self,
        context: Option<Context>,
        location: Location,
        bytes: &[u8],
    ) -> Result<(Completion, Option<&Receipt>), Error> {
        if bytes.is_empty() {
            return Ok((Completion::All, None));
        }
        let place = self.place(context, location, bytes.len())?;
        let Some((first, room)) = place.within_msr(location.offset) else {
            let done = self.spaces.write(place.space, location.offset, bytes, place.change)?;
            return Ok((Completion::of(done.count, bytes.len()), Some(done.receipt)));
        };
        let mut value = [0; 8];
        let count = bytes.len().min(room);
        if count < 8 {
            self.spaces.read(place.space, place.msr, &mut value, Semantics::Debugger)?;
        }
        value[first..first + count].copy_from_slice(&bytes[..count]);
        let done = self.spaces.write(place.space, place.msr, &value, place.change)?;
        Ok((Completion::of(count, bytes.len()), Some(done.receipt)))
    }

    /// ReadPointers: 4-byte pointers are zero-extended here.
    ///
    /// # Errors
    /// [`Error::Pointers`] unless all could be read; else as [`Self::read_bytes`].
    pub fn read_pointers(
        &mut self,
        context: Option<Context>,
        location: Location,
        pointers: &mut [u64],
    ) -> Result<(), Error> {
        let size = self.spaces.pointer_bytes_of(context.unwrap_or(self.spaces.context()).cpu);
        let mut bytes = vec![0; size * pointers.len()];
        let asked = pointers.len();
        if let (Completion::Partial(count), _) = self.read_bytes(context, location, &mut bytes)? {
            return Err(Error::Pointers { done: count / size, asked, write: false });
        }
        for (pointer, bytes) in pointers.iter_mut().zip(bytes.chunks_exact(size)) {
            *pointer = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Ok(())
    }

    /// WritePointers: cut to the pointer size.
    ///
    /// # Errors
    /// [`Error::Pointers`] unless all could be written; else as [`Self::write_bytes`].
    pub fn write_pointers(
        &mut self,
        context: Option<Context>,
        location: Location,
        pointers: &[u64],
    ) -> Result<(), Error> {
        let size = self.spaces.pointer_bytes_of(context.unwrap_or(self.spaces.context()).cpu);
        let bytes: Vec<u8> =
            pointers.iter().flat_map(|pointer| pointer.to_le_bytes().into_iter().take(size)).collect();
        match self.write_bytes(context, location, &bytes)?.0 {
            Completion::All => Ok(()),
            Completion::Partial(count) => {
                Err(Error::Pointers { done: count / size, asked: pointers.len(), write: true })
            }
        }
    }

    fn place(&self, context: Option<Context>, location: Location, len: usize) -> Result<Place, Error> {
        let Context { cpu, root } = context.unwrap_or(self.spaces.context());
        let host = location.host_defined;
        let named_cpu = (host >> 32 & 0xffff) as usize;
        let plain = |space, kind| Place { space, change: Change::Data(kind), msr: 0, is_msr: false };
        let unused = |used: u64| match host & !(0xff << 56) & !used {
            0 => Ok(()),
            _ => Err(Error::InvalidArgument("the location has unknown bits")),
        };
        match host >> 56 {
            0 if host == 0 => Ok(plain(Space::Virtual { cpu, root }, DataSpace::Virtual)),
            1 => {
                unused(0xffff_0000_ffff)?;
                let register = Register::numbered(host as u16);
                let register = register.ok_or(Error::InvalidArgument("there is no such register"))?;
                let space = Space::Register { cpu: named_cpu, register };
                Ok(Place { space, change: Change::Registers, msr: 0, is_msr: false })
            }
            2 => unused(0).map(|()| plain(Space::Physical, DataSpace::Physical)),
            3 => {
                unused(0)?;
                let width = Width::from_bytes(len).filter(|width| *width <= Width::Dword);
                let width = width.ok_or(Error::InvalidArgument("a port access has 1, 2 or 4 bytes"))?;
                if location.offset > 0x1_0000 - len as u64 {
                    return Err(Error::InvalidArgument("ports end at 0xffff"));
                }
                Ok(plain(Space::Io { width }, DataSpace::Io))
            }
            4 => {
                unused(0xff_ffff)?;
                let (slot, bus) = (host as u8, host >> 8 & 0xffff);
                let bus = u8::try_from(bus)
                    .map_err(|_| Error::NoFunction { bus: bus as u32, slot: slot.into() })?;
                let at = PciAddress { bus, device: slot & 0x1f, function: slot >> 5 };
                Ok(plain(Space::Config(at), DataSpace::BusData))
            }
            5 => {
                unused(0xffff_ffff_ffff)?;
                let msr = host & 0xffff_ffff;
                if location.offset > 7 {
                    return Err(Error::InvalidArgument("a model-specific register has eight bytes"));
                }
                let change = Change::Data(DataSpace::Msr);
                Ok(Place { space: Space::Msr { cpu: named_cpu }, change, msr, is_msr: true })
            }
            _ => Err(Error::InvalidArgument("the location is of no kind")),
        }
    }
}

/// A location taken apart.
struct Place {
    space: Space,
    change: Change,
    msr: u64,
    is_msr: bool,
}

impl Place {
    /// For MSRs: the first byte of the eight, and how many there are from there on.
    fn within_msr(&self, offset: u64) -> Option<(usize, usize)> {
        let first = offset.min(7) as usize;
        self.is_msr.then_some((first, 8 - first))
    }
}
