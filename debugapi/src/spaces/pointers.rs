//! ReadPointersVirtual and WritePointersVirtual (slots 8, 9): all or an error.

use ringhold_emulator::inject::Semantics;

use super::{Change, DataSpace, DataSpaces};
use crate::Error;

impl DataSpaces<'_> {
    /// Bytes of a pointer as the current processor runs: 8 in long mode, else 4.
    pub fn pointer_bytes(&self) -> usize {
        self.pointer_bytes_of(self.context.cpu)
    }

    /// Sets the bytes of a pointer, 4 or 8, in place of what the processors' modes say.
    pub fn set_pointer_bytes(&mut self, bytes: Option<usize>) {
        self.pointer_bytes = bytes.map(|bytes| if bytes == 4 { 4 } else { 8 });
    }

    pub(crate) fn pointer_bytes_of(&self, cpu: usize) -> usize {
        let by_mode = match self.machine.cpus.get(cpu) {
            Some(cpu) if !cpu.long_mode() => 4,
            _ => 8,
        };
        self.pointer_bytes.unwrap_or(by_mode)
    }

    /// ReadPointersVirtual: 4-byte pointers are sign-extended.
    ///
    /// # Errors
    /// [`Error::Pointers`] unless all could be read; what was read is in its place.
    pub fn read_pointers_virtual(&mut self, address: u64, pointers: &mut [u64]) -> Result<(), Error> {
        let size = self.pointer_bytes();
        let mut bytes = vec![0; size * pointers.len()];
        let space = self.virtual_space();
        let read = self.read(space, address, &mut bytes, Semantics::Debugger).map_or(0, |done| done.count);
        let asked = pointers.len();
        for (pointer, bytes) in pointers.iter_mut().zip(bytes[..read].chunks_exact(size)) {
            let value = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            *pointer = if size == 4 { value as i32 as u64 } else { value };
        }
        if read == bytes.len() {
            return Ok(());
        }
        Err(Error::Pointers { done: read / size, asked, write: false })
    }

    /// WritePointersVirtual: cut to the pointer size.
    ///
    /// # Errors
    /// [`Error::Pointers`] unless all could be written; earlier ones have landed.
    pub fn write_pointers_virtual(&mut self, address: u64, pointers: &[u64]) -> Result<(), Error> {
        let size = self.pointer_bytes();
        let bytes: Vec<u8> =
            pointers.iter().flat_map(|pointer| pointer.to_le_bytes().into_iter().take(size)).collect();
        let space = self.virtual_space();
        let change = Change::Data(DataSpace::Virtual);
        let written = self.write(space, address, &bytes, change).map_or(0, |done| done.count);
        if written == bytes.len() {
            return Ok(());
        }
        Err(Error::Pointers { done: written / size, asked: pointers.len(), write: true })
    }
}
