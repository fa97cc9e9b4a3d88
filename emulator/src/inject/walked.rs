//! The latest walk from outside, kept to be confirmed.
//!
//! Tools look at one page again and again. A walk knows where an entry stands only when it has read
//! the one before; whoever knows where they stood reads them side by side. A walk depends on nothing but
//! its context and its entries, so if these are what they were, it ends where it ended.

use crate::memory::{Memory, PAGE};
use crate::mmu::walk::{self, Context, Miss, Mode, Page, Trail};

/// The latest walk in 4- or 5-level paging that found a page.
#[derive(Default)]
pub(crate) struct Walked(Option<Kept>);

struct Kept {
    context: Context,
    linear: u64,
    page: Page,
    trail: Trail,
    /// Where the entries stand, and what they hold. One comes again until there are five: to look at
    /// all without a branch costs less than to count them.
    entries: [(u64, u64); 5],
}

impl Walked {
    /// The page of `linear` as [`walk::find`] finds it in memory now; `trail` takes the entries.
    #[inline(always)]
    pub(super) fn find(
        &mut self,
        memory: &Memory,
        context: &Context,
        linear: u64,
        trail: &mut Trail,
    ) -> Result<Page, Miss> {
        match &self.0 {
            Some(kept) if kept.holds(memory, context, linear) => {
                *trail = kept.trail;
                let physical = (kept.page.physical & !(PAGE - 1)) | (linear % PAGE);
                Ok(Page { physical, ..kept.page })
            }
            _ => self.walk(memory, context, linear, trail),
        }
    }

    #[inline(never)]
    fn walk(
        &mut self,
        memory: &Memory,
        context: &Context,
        linear: u64,
        trail: &mut Trail,
    ) -> Result<Page, Miss> {
        *trail = Trail::default();
        let found = walk::find(memory, context, linear, trail);
        let long = matches!(context.mode, Mode::Level4 | Mode::Level5);
        if let (true, Ok(page), Some(root)) = (long, found, trail.iter().next()) {
            let mut entries = [(root.address, root.value); 5];
            entries.iter_mut().zip(trail.iter()).for_each(|(kept, of)| *kept = (of.address, of.value));
            self.0 = Some(Kept { context: *context, linear, page, trail: *trail, entries });
        }
        found
    }
}

impl Kept {
    /// Whether a walk for this address would go the same way. Entries outside main RAM are not looked
    /// for.
    #[inline(always)]
    fn holds(&self, memory: &Memory, context: &Context, linear: u64) -> bool {
        let [a, b, c, d, e] = &self.entries;
        let stands = |(at, value): &(u64, u64)| memory.main_u64(*at) == Some(*value);
        self.linear / PAGE == linear / PAGE
            && self.context == *context
            && stands(a) & stands(b) & stands(c) & stands(d) & stands(e)
    }
}
