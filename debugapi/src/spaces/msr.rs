//! ReadMsr and WriteMsr (slots 16, 17): those of the current processor.

use ringhold_emulator::inject::{Reading, Refusal, Semantics, Space};

use super::{Change, DataSpace, DataSpaces, Transfer};
use crate::Error;

impl DataSpaces<'_> {
    /// ReadMsr: the value as RDMSR gives it at privilege level 0.
    ///
    /// # Errors
    /// [`Error::Msr`] where RDMSR raises #GP(0).
    pub fn read_msr(&mut self, msr: u32) -> Result<(u64, Transfer<'_, Reading>), Error> {
        let mut value = [0; 8];
        let space = Space::Msr { cpu: self.context.cpu };
        match self.read(space, msr.into(), &mut value, Semantics::Debugger) {
            Ok(done) => Ok((u64::from_le_bytes(value), done)),
            Err(error) => Err(refused(error, msr)),
        }
    }

    /// WriteMsr: the checks and side effects of WRMSR at privilege level 0.
    ///
    /// # Errors
    /// [`Error::Msr`] where WRMSR raises #GP(0); nothing is changed then.
    pub fn write_msr(&mut self, msr: u32, value: u64) -> Result<Transfer<'_>, Error> {
        let space = Space::Msr { cpu: self.context.cpu };
        let change = Change::Data(DataSpace::Msr);
        self.write(space, msr.into(), &value.to_le_bytes(), change).map_err(|error| refused(error, msr))
    }
}

fn refused(error: Error, msr: u32) -> Error {
    let stopped = match &error {
        Error::NothingRead(reading) => reading.stopped,
        Error::NothingWritten(receipt) => receipt.stopped,
        _ => None,
    };
    if matches!(stopped, Some(Refusal::Msr { .. })) { Error::Msr(msr) } else { error }
}
