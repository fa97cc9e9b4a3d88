//! ReadControl and WriteControl (slots 12, 13): control space.
//!
//! The offset is a selector that names one object: 0 the address of the KPCR, 1 that of the
//! KPRCB, 2 the block of special registers, 3 the address of the current thread object. Only
//! selector 2 can be written, and it is the only one that a guest other than Windows has.

use ringhold_emulator::inject::{Register, Semantics, Space};

use super::{Change, DataSpace, DataSpaces, Delivered, Writes};
use crate::{Context, Error};

/// Bytes of the block of special registers.
pub const SPECIAL_REGISTERS_BYTES: usize = 0xe0;

const SPECIAL_REGISTERS: u64 = 2;

/// Where a field of the block comes from.
enum Source {
    Register(&'static str),
    Msr(u32),
}

/// Offset and bytes of each field, and where it comes from. What lies between them reads as zero.
const FIELDS: [(usize, usize, Source); 26] = [
    (0x00, 8, Source::Register("cr0")),
    (0x08, 8, Source::Register("cr2")),
    (0x10, 8, Source::Register("cr3")),
    (0x18, 8, Source::Register("cr4")),
    (0x20, 8, Source::Register("dr0")),
    (0x28, 8, Source::Register("dr1")),
    (0x30, 8, Source::Register("dr2")),
    (0x38, 8, Source::Register("dr3")),
    (0x40, 8, Source::Register("dr6")),
    (0x48, 8, Source::Register("dr7")),
    (0x56, 2, Source::Register("gdtl")),
    (0x58, 8, Source::Register("gdtr")),
    (0x66, 2, Source::Register("idtl")),
    (0x68, 8, Source::Register("idtr")),
    (0x70, 2, Source::Register("tr")),
    (0x72, 2, Source::Register("ldtr")),
    (0x74, 4, Source::Register("mxcsr")),
    (0x78, 8, Source::Msr(0x1d9)),
    (0xa0, 8, Source::Register("cr8")),
    (0xa8, 8, Source::Register("gs_base")),
    (0xb0, 8, Source::Msr(0xc000_0102)),
    (0xb8, 8, Source::Msr(0xc000_0081)),
    (0xc0, 8, Source::Msr(0xc000_0082)),
    (0xc8, 8, Source::Msr(0xc000_0083)),
    (0xd0, 8, Source::Msr(0xc000_0084)),
    (0xd8, 8, Source::Register("xcr0")),
];

/// The space and address of a field.
fn place(cpu: usize, source: &Source) -> Option<(Space, u64)> {
    match source {
        Source::Register(name) => {
            Register::named(name).map(|register| (Space::Register { cpu, register }, 0))
        }
        Source::Msr(msr) => Some((Space::Msr { cpu }, u64::from(*msr))),
    }
}

impl DataSpaces<'_> {
    /// ReadControl. A short buffer gets a prefix of the object.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an absent processor or an unknown selector,
    /// [`Error::Failed`] where the object cannot be found in the guest.
    pub fn read_control(
        &mut self,
        processor: u32,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<Delivered, Error> {
        if buffer.is_empty() {
            return Ok(Delivered { size: 0, count: 0, truncated: false });
        }
        let cpu = self.processor(processor)?;
        let object = match offset {
            0 => self.kpcr(cpu)?.0.to_le_bytes().to_vec(),
            1 => self.kpcr(cpu)?.1.to_le_bytes().to_vec(),
            SPECIAL_REGISTERS => self.special_registers(cpu).to_vec(),
            3 => self.current_thread(cpu)?.to_le_bytes().to_vec(),
            _ => return Err(Error::InvalidArgument("control space has the selectors 0 to 3")),
        };
        Ok(Delivered::new(&object, 0, buffer))
    }

    /// WriteControl. Fields of the special registers whose value changes are written in the order
    /// of the block; the count ends before the first that the processor refuses.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an absent processor or an unknown selector,
    /// [`Error::Failed`] for the selectors 0, 1 and 3, [`Error::NothingWritten`] if the first
    /// field is refused.
    pub fn write_control(&mut self, processor: u32, offset: u64, bytes: &[u8]) -> Result<Writes, Error> {
        let mut writes = Writes::default();
        if bytes.is_empty() {
            return Ok(writes);
        }
        let cpu = self.processor(processor)?;
        match offset {
            SPECIAL_REGISTERS => {}
            0 | 1 | 3 => return Err(Error::Failed("only the special registers can be written")),
            _ => return Err(Error::InvalidArgument("control space has the selectors 0 to 3")),
        }
        let old = self.special_registers(cpu);
        let mut new = old;
        writes.count = bytes.len().min(new.len());
        new[..writes.count].copy_from_slice(&bytes[..writes.count]);
        for (at, len, source) in &FIELDS {
            let field = *at..at + len;
            if old[field.clone()] == new[field.clone()] {
                continue;
            }
            let Some((space, address)) = place(cpu, source) else { continue };
            let receipt = self.machine.write(space, address, Semantics::Debugger, &new[field]).clone();
            let refused = receipt.written == 0;
            if refused && *at == 0 {
                return Err(Error::NothingWritten(Box::new(receipt)));
            }
            writes.receipts.push(receipt);
            if refused {
                writes.count = *at;
                break;
            }
        }
        self.changed(Change::Data(DataSpace::Control));
        Ok(writes)
    }

    fn processor(&self, processor: u32) -> Result<usize, Error> {
        let cpu = processor as usize;
        let there = cpu < self.machine.cpus.len();
        there.then_some(cpu).ok_or(Error::InvalidArgument("there is no such processor"))
    }

    fn special_registers(&mut self, cpu: usize) -> [u8; SPECIAL_REGISTERS_BYTES] {
        let mut block = [0; SPECIAL_REGISTERS_BYTES];
        for (at, len, source) in &FIELDS {
            if let Some((space, address)) = place(cpu, source) {
                // A register that this processor does not have reads as zero.
                self.machine.peek(space, address, Semantics::Debugger, &mut block[*at..at + len]);
            }
        }
        block
    }

    /// The addresses of the KPCR and of the KPRCB of a Windows guest: the GS base of the kernel,
    /// if the block there points at itself.
    pub(super) fn kpcr(&mut self, cpu: usize) -> Result<(u64, u64), Error> {
        let none = Error::Failed("the guest has no processor control region");
        let Some(processor) = self.machine.cpus.get(cpu) else { return Err(none) };
        let base = match processor.cpl {
            3 => processor.msr.kernel_gs_base,
            _ => processor.seg_base[usize::from(ringhold_emulator::state::sreg::GS)],
        };
        let itself = base.checked_add(0x18).and_then(|at| self.word(cpu, at));
        let block = base.checked_add(0x20).and_then(|at| self.word(cpu, at));
        match (itself, block) {
            (Some(itself), Some(block)) if itself == base && base != 0 => Ok((base, block)),
            _ => Err(none),
        }
    }

    pub(super) fn current_thread(&mut self, cpu: usize) -> Result<u64, Error> {
        let block = self.kpcr(cpu)?.1;
        let thread = block.checked_add(8).and_then(|at| self.word(cpu, at));
        thread.ok_or(Error::Failed("the guest has no current thread"))
    }

    pub(super) fn word(&mut self, cpu: usize, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        let Context { root, .. } = self.context;
        let space = Space::Virtual { cpu, root };
        let reading = self.machine.peek(space, address, Semantics::Backdoor, &mut bytes);
        (reading.read == 8).then(|| u64::from_le_bytes(bytes))
    }
}
