//! VirtualToPhysical and GetVirtualTranslationPhysicalOffsets (slots 23, 24).

use ringhold_emulator::mmu::walk::Walk;

use super::DataSpaces;
use crate::{Error, HResult};

/// The physical addresses that a translation visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The paging-structure entries, root first; then, if there is a page, the translated
    /// address. Its length is the `Levels` of DbgEng.
    pub offsets: Vec<u64>,
    /// Whether the last element is the translated address.
    pub complete: bool,
}

impl Translation {
    /// The code that a DbgEng client sees who has room for `room` offsets; `None` stands for the
    /// null pointer of a size query.
    pub fn hresult(&self, room: Option<usize>) -> HResult {
        match room {
            _ if !self.complete => HResult::NO_PAGEFILE,
            Some(room) if room < self.offsets.len() => HResult::FALSE,
            _ => HResult::OK,
        }
    }
}

impl DataSpaces<'_> {
    pub(super) fn walk(&self, address: u64) -> Result<Walk, Error> {
        let walked = self.machine.translate(self.context.cpu, self.context.root, address);
        walked.ok_or(Error::InvalidArgument("there is no such processor"))
    }

    /// VirtualToPhysical.
    ///
    /// # Errors
    /// [`Error::NoPage`]
    pub fn virtual_to_physical(&self, address: u64) -> Result<u64, Error> {
        self.walk(address)?.outcome.map(|page| page.physical).map_err(|_| Error::NoPage(address))
    }

    /// GetVirtualTranslationPhysicalOffsets. A walk that fails part-way gives the entries visited.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the current processor does not exist.
    pub fn translation_offsets(&self, address: u64) -> Result<Translation, Error> {
        let walked = self.walk(address)?;
        let mut offsets: Vec<u64> = walked.trail.iter().map(|visited| visited.address).collect();
        offsets.extend(walked.outcome.ok().map(|page| page.physical));
        Ok(Translation { offsets, complete: walked.outcome.is_ok() })
    }
}
