//! SearchVirtual and SearchVirtual2 (slots 5, 37).

use ringhold_emulator::memory::Target;
use ringhold_emulator::mmu::walk::{Miss, Mode, Visited, Walk, entry};

use super::DataSpaces;
use crate::Error;

const PAGE: u128 = 4096;
/// One past the last address.
const TOP: u128 = 1 << 64;

impl DataSpaces<'_> {
    /// SearchVirtual2: the first address `offset + k * granularity` at which the whole pattern
    /// lies inside `[offset, offset + length)`. Holes are stepped over, and no match spans one;
    /// device windows count as holes. With `writable_only` (flag 1), so does what the page tables
    /// do not let software write. The next search begins at the match plus the granularity.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an empty pattern, granularity zero, or a pattern that is no
    /// multiple of it; [`Error::NotFound`].
    pub fn search_virtual(
        &self,
        offset: u64,
        length: u64,
        pattern: &[u8],
        granularity: u32,
        writable_only: bool,
    ) -> Result<u64, Error> {
        let step = granularity as usize;
        if pattern.is_empty() || step == 0 || !pattern.len().is_multiple_of(step) {
            return Err(Error::InvalidArgument("the pattern must be a multiple of the granularity"));
        }
        let start = u128::from(offset);
        let end = (start + u128::from(length)).min(TOP);
        let mut at = start;
        // The readable bytes just before `at` that may begin a match.
        let mut window: Vec<u8> = Vec::new();
        while at < end {
            let walked = self.machine.translate(self.context.cpu, self.context.root, at as u64);
            let walked = walked.ok_or(Error::InvalidArgument("there is no such processor"))?;
            let bytes = (PAGE - at % PAGE).min(end - at) as usize;
            if !self.searched(&walked, writable_only, bytes, &mut window) {
                window.clear();
                at = self.behind(&walked, at);
                continue;
            }
            at += bytes as u128;
            let base = at - window.len() as u128;
            if let Some(found) = find(&window, base - start, pattern, step) {
                return Ok((base + found as u128) as u64);
            }
            let keep = window.len().min(pattern.len() - 1);
            window.drain(..window.len() - keep);
        }
        Err(Error::NotFound)
    }

    /// Appends the bytes of a translated page to the window, if they take part in the search.
    fn searched(&self, walked: &Walk, writable_only: bool, bytes: usize, window: &mut Vec<u8>) -> bool {
        let Ok(page) = walked.outcome else { return false };
        let memory = &self.machine.board.fabric.memory;
        let ram = matches!(memory.target(page.physical), Target::Ram { .. });
        if writable_only && !(page.writable && ram) {
            return false;
        }
        let had = window.len();
        window.resize(had + bytes, 0);
        memory.read(page.physical, &mut window[had..]) == bytes
    }

    /// The first address behind what one failed walk rules out: a page, or all that a missing
    /// entry would map, or the gap that is no address in the mode.
    pub(super) fn behind(&self, walked: &Walk, at: u128) -> u128 {
        let mode = self.machine.cpus.get(self.context.cpu).map_or(Mode::Level4, |cpu| cpu.paging().mode);
        let shift = match (&walked.outcome, walked.trail.iter().next_back()) {
            (Ok(_), _) => 12,
            (Err(Miss::NonCanonical), _) => {
                return match mode {
                    Mode::Level4 => TOP - (1 << 47),
                    Mode::Level5 => TOP - (1 << 56),
                    _ => TOP - (1 << 31),
                };
            }
            (Err(_), Some(entry)) if mode == Mode::Legacy => 2 + 10 * u32::from(entry.level),
            (Err(Miss::NotPresent), Some(entry)) => return self.behind_absent(mode, &entry, at),
            (Err(_), Some(entry)) => 3 + 9 * u32::from(entry.level),
            (Err(_), None) => 64,
        };
        ((at >> shift) + 1) << shift
    }

    /// The first address behind an absent entry of 8 bytes and those that follow it in its table
    /// and are absent, too. Of the root, which has the gap in its midst, one half is looked at.
    fn behind_absent(&self, mode: Mode, entry: &Visited, at: u128) -> u128 {
        let shift = 3 + 9 * u32::from(entry.level);
        let root = entry.level == mode.levels();
        let span = if root { shift + 8 } else { shift + 9 };
        let mut next = ((at >> shift) + 1) << shift;
        if root && mode == Mode::Pae {
            // The processor has loaded these four; memory may say something else by now.
            return next;
        }
        let end = ((at >> span) + 1) << span;
        let memory = &self.machine.board.fabric.memory;
        let mut neighbour = entry.address + 8;
        while next < end && memory.read_u64(neighbour).is_some_and(|value| value & entry::P == 0) {
            next += 1 << shift;
            neighbour += 8;
        }
        next
    }
}

/// The first match in the window whose distance from the start is a multiple of `step`. The
/// window begins `from` bytes behind the start.
fn find(window: &[u8], from: u128, pattern: &[u8], step: usize) -> Option<usize> {
    let first = (step as u128 - from % step as u128) as usize % step;
    let last = window.len().checked_sub(pattern.len())?;
    (first..=last).step_by(step).find(|&at| window[at..].starts_with(pattern))
}
