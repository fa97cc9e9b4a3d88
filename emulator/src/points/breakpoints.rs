//! Code breakpoints: linear addresses before whose instructions the machine stops.

use std::collections::BTreeMap;

/// A set of linear addresses, and of ranges of them. One address or range may be added several
/// times, by several users; it stays until each has removed it.
///
/// The machine stops before the instruction at the address is fetched, once everything that comes
/// before it is done: due events, interrupts, the trap of the instruction before. It counts as
/// reached anew when it is begun anew, after an interrupt or a fault as well; the further
/// iterations of a REP string instruction are not a new beginning.
#[derive(Debug, Default)]
pub struct Breakpoints {
    users: BTreeMap<u64, usize>,
    /// The keys of `users`, ascending.
    sorted: Vec<u64>,
    /// First and last address.
    ranges: Vec<(u64, u64)>,
    /// The set changed since the decoded blocks were cut at it.
    changed: bool,
}

impl Breakpoints {
    /// Adds a linear address (RIP plus the base of CS; in 64-bit mode, RIP).
    pub fn add(&mut self, linear: u64) {
        *self.users.entry(linear).or_default() += 1;
        self.sort();
    }

    /// Removes an address that one user added; tells whether it was there.
    pub fn remove(&mut self, linear: u64) -> bool {
        let Some(users) = self.users.get_mut(&linear) else { return false };
        *users -= 1;
        if *users == 0 {
            self.users.remove(&linear);
            self.sort();
        }
        true
    }

    /// Adds every instruction that begins from `first` to `last`. While there is a range, code at
    /// the same places in any page runs in blocks of one instruction.
    pub fn add_range(&mut self, first: u64, last: u64) {
        self.ranges.push((first, last));
        self.changed = true;
    }

    /// Removes a range that one user added; tells whether it was there.
    pub fn remove_range(&mut self, first: u64, last: u64) -> bool {
        let Some(at) = self.ranges.iter().position(|range| *range == (first, last)) else { return false };
        self.ranges.swap_remove(at);
        self.changed = true;
        true
    }

    /// How many users have a breakpoint, or a range of them, there.
    pub fn users(&self, linear: u64) -> usize {
        let ranges = self.ranges.iter().filter(|(first, last)| (*first..=*last).contains(&linear)).count();
        self.users.get(&linear).copied().unwrap_or(0) + ranges
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.ranges.is_empty()
    }

    /// All single addresses, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.sorted.iter().copied()
    }

    /// Whether the machine stops there.
    #[inline]
    pub(crate) fn at(&self, linear: u64) -> bool {
        self.sorted.binary_search(&linear).is_ok()
            || self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&linear))
    }

    /// The places in a page at which blocks must begin, if the set changed since the last call.
    pub(crate) fn take_cuts(&mut self) -> Option<Vec<u16>> {
        std::mem::take(&mut self.changed).then(|| {
            let mut cuts: Vec<u16> = self.sorted.iter().map(|linear| (linear & 0xfff) as u16).collect();
            for &(first, last) in &self.ranges {
                let reach = last.saturating_sub(first).min(0xfff);
                cuts.extend((0..=reach).map(|by| (first.wrapping_add(by) & 0xfff) as u16));
            }
            cuts.sort_unstable();
            cuts.dedup();
            cuts
        })
    }

    fn sort(&mut self) {
        let sorted: Vec<u64> = self.users.keys().copied().collect();
        self.changed |= sorted != self.sorted;
        self.sorted = sorted;
    }
}
