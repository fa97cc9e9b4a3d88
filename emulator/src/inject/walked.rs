//! The latest walk from outside, kept to be confirmed.
//!
//! Tools look at one page again and again. A walk knows where an entry stands only when it has read
//! the one before; whoever knows where they stood reads them side by side. A walk depends on nothing but
//! its context and its entries, so if these are what they were, it ends where it ended.

use crate::cpu::Cpu;
use crate::memory::{Memory, PAGE};
use crate::mmu::walk::{self, Context, Miss, Mode, Page, Trail};

/// The latest walk in 4- or 5-level paging that found a page.
pub(crate) struct Walked {
    regime: Regime,
    /// What walks depend on under the regime.
    context: Context,
    kept: Option<Kept>,
}

/// What a context of 4- or 5-level paging is made of.
#[derive(Clone, Copy, Default, PartialEq)]
struct Regime {
    cr0: u64,
    cr3: u64,
    cr4: u64,
    efer: u64,
    gigabyte_pages: bool,
    physical_bits: u8,
}

struct Kept {
    linear: u64,
    page: Page,
    trail: Trail,
    /// Where the entries stand, and what they hold. One comes again until there are five: to look at
    /// all without a branch costs less than to count them.
    entries: [(u64, u64); 5],
}

impl Default for Walked {
    fn default() -> Self {
        Self { regime: Regime::default(), context: Context::OFF, kept: None }
    }
}

impl Walked {
    /// What walks depend on: the processor's paging, perhaps with another root.
    #[inline(always)]
    pub(super) fn context(&mut self, cpu: &Cpu, root: Option<u64>) -> &Context {
        let regime = Regime {
            cr0: cpu.control.cr0,
            cr3: root.unwrap_or(cpu.control.cr3),
            cr4: cpu.control.cr4,
            efer: cpu.control.efer,
            gigabyte_pages: cpu.model.gigabyte_pages(),
            physical_bits: cpu.model.physical_bits(),
        };
        if self.regime != regime || !long(self.context.mode) {
            *self = Self { regime, context: context(cpu, root), kept: None };
        }
        &self.context
    }

    /// The page of `linear` as [`walk::find`] finds it in memory now; `trail` takes the entries.
    #[inline(always)]
    pub(super) fn find(&mut self, memory: &Memory, linear: u64, trail: &mut Trail) -> Result<Page, Miss> {
        match &self.kept {
            Some(kept) if kept.linear / PAGE == linear / PAGE && kept.stands(memory) => {
                *trail = kept.trail;
                let physical = (kept.page.physical & !(PAGE - 1)) | (linear % PAGE);
                Ok(Page { physical, ..kept.page })
            }
            _ => self.walk(memory, linear, trail),
        }
    }

    #[inline(never)]
    fn walk(&mut self, memory: &Memory, linear: u64, trail: &mut Trail) -> Result<Page, Miss> {
        *trail = Trail::default();
        let found = find(memory, &self.context, linear, trail);
        if let (true, Ok(page), Some(root)) = (long(self.context.mode), found, trail.iter().next()) {
            let mut entries = [(root.address, root.value); 5];
            entries.iter_mut().zip(trail.iter()).for_each(|(kept, of)| *kept = (of.address, of.value));
            self.kept = Some(Kept { linear, page, trail: *trail, entries });
        }
        found
    }
}

impl Kept {
    /// Whether the entries are what they were.
    #[inline(always)]
    fn stands(&self, memory: &Memory) -> bool {
        let [a, b, c, d, e] = &self.entries;
        let stands = |(at, value): &(u64, u64)| memory.aligned_u64(*at) == Some(*value);
        stands(a) & stands(b) & stands(c) & stands(d) & stands(e)
    }
}

/// Whether the entries alone decide: PAE paging has the PDPTEs beside them.
#[inline(always)]
fn long(mode: Mode) -> bool {
    matches!(mode, Mode::Level4 | Mode::Level5)
}

/// What walks from outside depend on: the processor's paging, perhaps with another root.
#[inline(never)]
pub(super) fn context(cpu: &Cpu, root: Option<u64>) -> Context {
    let own = cpu.paging();
    match root {
        Some(cr3) => Context { cr3, pdptes: None, ..own },
        None => own,
    }
}

/// A walk; addresses that do not exist in the mode are not canonical. Long mode is judged by the walk.
pub(super) fn find(memory: &Memory, context: &Context, linear: u64, trail: &mut Trail) -> Result<Page, Miss> {
    if !(long(context.mode) || linear >> 32 == 0 || linear as i64 == i64::from(linear as i32)) {
        return Err(Miss::NonCanonical);
    }
    walk::find(memory, context, linear, trail)
}
