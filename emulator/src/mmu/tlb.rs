//! The translation lookaside buffer: architectural state whose entries carry host pointers.
//!
//! Separate read, write and fetch arrays; within each, one part per privilege view. Direct
//! mapped, fixed size, filled and flushed by architectural events alone, so that what the guest
//! can observe of it (stale entries, accessed bits set again) repeats exactly.
//!
//! A hot entry is `{tag, addend}`: if the tag equals the page of the last byte accessed, the
//! host address is `linear + addend`. Pages that need care (device windows, ROM, pages that
//! hold decoded code) have a tag that never matches; the cold twin still knows the translation.

use crate::memory::Target;

const INDEX_BITS: u32 = 11;
const VIEW: usize = 1 << INDEX_BITS;
const ENTRIES: usize = 4 * VIEW;
const FETCH_ENTRIES: usize = 2 * VIEW;
const PAGE_MASK: u64 = !0xfff;

/// A tag that no page has.
const NEVER: u64 = 1;

/// What the fast path reads.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Hot {
    tag: u64,
    addend: u64,
}

impl Hot {
    fn of(translation: &Translation, host: Option<u64>) -> Self {
        match host {
            Some(host) => Self { tag: translation.page, addend: host.wrapping_sub(translation.page) },
            None => Self { tag: NEVER, addend: 0 },
        }
    }
}

/// A translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Linear address of the page.
    pub page: u64,
    /// What answers there: the target of the page's first byte.
    pub target: Target,
    /// Physical address of the page.
    pub physical: u64,
    /// Kept when CR3 is written.
    pub global: bool,
    /// log2 of the size of the guest's page.
    pub size_bits: u8,
    /// The protection key of a page that user mode may access.
    pub key: Option<u8>,
}

/// Which list of filled places a translation belongs to.
#[derive(Clone, Copy)]
enum Kind {
    /// Dropped when CR3 is written.
    Local,
    Global,
}

impl Kind {
    fn of(translation: &Translation) -> Self {
        if translation.global { Self::Global } else { Self::Local }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// One array with its cold twin and the lists of its filled places.
struct Array<const N: usize> {
    hot: Box<[Hot; N]>,
    cold: Vec<Option<Translation>>,
    /// By [`Kind`], every place that holds such a translation, and perhaps some that do no more: a
    /// write to CR3 costs as much as it drops, however many global translations there are.
    filled: [Vec<u16>; 2],
    /// In which lists a place is: [`Kind::bit`].
    listed: Vec<u8>,
}

impl<const N: usize> Array<N> {
    fn new() -> Self {
        let hot: Box<[Hot]> = vec![Hot { tag: NEVER, addend: 0 }; N].into_boxed_slice();
        let Ok(hot) = hot.try_into() else { unreachable!("the slice has N entries") };
        Self { hot, cold: vec![None; N], filled: [Vec::new(), Vec::new()], listed: vec![0; N] }
    }

    /// Holds a translation.
    #[inline]
    fn fill(&mut self, at: usize, translation: Translation, hot: Hot) {
        self.hot[at] = hot;
        self.cold[at] = Some(translation);
        let kind = Kind::of(&translation);
        if self.listed[at] & kind.bit() == 0 {
            self.listed[at] |= kind.bit();
            self.filled[kind as usize].push(at as u16);
        }
    }

    /// Drops the translations of a list for which `gone` holds; tells whether there were any.
    #[inline]
    fn drop_where(&mut self, kind: Kind, gone: impl Fn(&Translation) -> bool) -> bool {
        let (hot, cold, listed) = (&mut self.hot, &mut self.cold, &mut self.listed);
        let mut dropped = false;
        self.filled[kind as usize].retain(|&at| {
            let at = usize::from(at);
            let keep = match &cold[at] {
                Some(translation) if Kind::of(translation) as u8 != kind as u8 => false,
                Some(translation) if !gone(translation) => true,
                Some(_) => {
                    cold[at] = None;
                    hot[at].tag = NEVER;
                    dropped = true;
                    false
                }
                None => false,
            };
            if !keep {
                listed[at] &= !kind.bit();
            }
            keep
        });
        dropped
    }

    /// Gives each translation the host address that `host` says, or none.
    fn refit(&mut self, host: impl Fn(usize, &Translation) -> Option<u64>) {
        for &at in self.filled.iter().flatten() {
            let at = usize::from(at);
            if let Some(translation) = &self.cold[at] {
                self.hot[at] = Hot::of(translation, host(at, translation));
            }
        }
    }

    fn drop_at(&mut self, at: usize, page: u64) -> bool {
        if self.cold[at].is_none_or(|t| t.page != page) {
            return false;
        }
        self.cold[at] = None;
        self.hot[at].tag = NEVER;
        true
    }
}

/// The TLB of one processor.
pub struct Tlb {
    read: Array<ENTRIES>,
    write: Array<ENTRIES>,
    /// Here the addend of a hot entry is the physical address of the page.
    fetch: Array<FETCH_ENTRIES>,
    /// Linear span of all large-page fills since the last full flush; empty if first > last.
    large: (u64, u64),
    fetch_changes: u64,
}

/// What kind of access a translation serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Data read.
    Read,
    /// Data write.
    Write,
    /// Instruction fetch.
    Fetch,
}

impl Default for Tlb {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Tlb {
    /// View of supervisor accesses.
    pub const SUPERVISOR: usize = 0;
    /// View of user accesses.
    pub const USER: usize = VIEW;
    /// View of supervisor accesses while AC overrides SMAP.
    pub const SUPERVISOR_AC: usize = 2 * VIEW;
    /// View of user accesses whose alignment is checked: nothing in it has a fast path.
    pub const USER_ALIGNED: usize = 3 * VIEW;

    /// Whether accesses of this view are user accesses.
    #[inline(always)]
    pub fn is_user(view: usize) -> bool {
        view & VIEW != 0
    }

    /// An empty TLB of the processor of this number.
    pub fn new(processor: usize) -> Self {
        Self {
            read: Array::new(),
            write: Array::new(),
            fetch: Array::new(),
            large: (u64::MAX, 0),
            // What is kept of one TLB's fetches is never taken for what is kept of another's.
            fetch_changes: (processor as u64) << 48,
        }
    }

    #[inline(always)]
    fn place(linear: u64, view: usize) -> usize {
        ((linear >> 12) as usize & (VIEW - 1) | view) & (ENTRIES - 1)
    }

    #[inline(always)]
    fn fetch_place(linear: u64, view: usize) -> usize {
        ((linear >> 12) as usize & (VIEW - 1) | view) & (FETCH_ENTRIES - 1)
    }

    /// Host address for reading `size` bytes at `linear`, if the fast path may.
    #[inline(always)]
    pub fn read_host(&self, linear: u64, size: u64, view: usize) -> Option<u64> {
        let entry = &self.read.hot[Self::place(linear, view)];
        (entry.tag == linear.wrapping_add(size - 1) & PAGE_MASK).then(|| linear.wrapping_add(entry.addend))
    }

    /// Host address for writing (or reading and writing) `size` bytes at `linear`.
    #[inline(always)]
    pub fn write_host(&self, linear: u64, size: u64, view: usize) -> Option<u64> {
        let entry = &self.write.hot[Self::place(linear, view)];
        (entry.tag == linear.wrapping_add(size - 1) & PAGE_MASK).then(|| linear.wrapping_add(entry.addend))
    }

    /// The translation of the page of `linear`, if it is held.
    #[inline]
    pub fn find(&self, linear: u64, access: Access, view: usize) -> Option<&Translation> {
        let cold = match access {
            Access::Read => &self.read.cold[Self::place(linear, view)],
            Access::Write => &self.write.cold[Self::place(linear, view)],
            Access::Fetch => &self.fetch.cold[Self::fetch_place(linear, view)],
        };
        cold.as_ref().filter(|t| t.page == linear & PAGE_MASK)
    }

    /// Holds a translation. `host` is the host address of the page where the fast path may use it.
    pub fn fill(&mut self, access: Access, view: usize, translation: Translation, host: Option<u64>) {
        let page = translation.page;
        match access {
            Access::Read => {
                self.read.fill(Self::place(page, view), translation, Hot::of(&translation, host));
            }
            Access::Write => {
                self.write.fill(Self::place(page, view), translation, Hot::of(&translation, host));
            }
            Access::Fetch => {
                let hot = Hot { tag: page, addend: translation.physical };
                self.fetch.fill(Self::fetch_place(page, view), translation, hot);
                self.fetch_changes += 1;
            }
        }
        if translation.size_bits > 12 {
            let size = 1u64 << translation.size_bits;
            let first = page & !(size - 1);
            self.large = (self.large.0.min(first), self.large.1.max(first + (size - 1)));
        }
    }

    /// Drops everything.
    pub fn flush_all(&mut self) {
        self.flush_where(|_| true);
        self.large = (u64::MAX, 0);
    }

    /// Drops everything that is not global (a write to CR3).
    pub fn flush_non_global(&mut self) {
        self.flush_kind(Kind::Local, |_| true);
    }

    /// Drops everything with a protection key for which `changed` holds.
    pub fn flush_keys(&mut self, changed: impl Fn(u8) -> bool) {
        self.flush_where(|t| t.key.is_some_and(&changed));
    }

    /// Drops the page of `linear`, of whatever size it is (INVLPG, or a page fault on it).
    pub fn flush_page(&mut self, linear: u64) {
        let page = linear & PAGE_MASK;
        if (self.large.0..=self.large.1).contains(&linear) {
            self.flush_where(|t| (t.page ^ linear) >> t.size_bits == 0);
            return;
        }
        for view in [Self::SUPERVISOR, Self::USER, Self::SUPERVISOR_AC, Self::USER_ALIGNED] {
            let at = Self::place(page, view);
            self.read.drop_at(at, page);
            self.write.drop_at(at, page);
        }
        for view in [Self::SUPERVISOR, Self::USER] {
            let at = Self::fetch_place(page, view);
            self.fetch_changes += u64::from(self.fetch.drop_at(at, page));
        }
    }

    /// Takes the fast path away from writes to the page at this backing offset: code was
    /// decoded from it.
    pub fn guard_code(&mut self, backing_page: u64) {
        for &at in self.write.filled.iter().flatten() {
            let at = usize::from(at);
            if matches!(self.write.cold[at], Some(Translation { target: Target::Ram { offset }, .. }) if offset == backing_page)
            {
                self.write.hot[at].tag = NEVER;
            }
        }
    }

    /// Decides anew which translations have a fast path: `hosts` gives the host addresses of a
    /// page for reads and writes in a view.
    pub fn refit(&mut self, hosts: impl Fn(usize, &Translation) -> (Option<u64>, Option<u64>)) {
        let view = |at: usize| at & !(VIEW - 1);
        self.read.refit(|at, page| hosts(view(at), page).0);
        self.write.refit(|at, page| hosts(view(at), page).1);
    }

    fn flush_where(&mut self, gone: impl Fn(&Translation) -> bool) {
        self.flush_kind(Kind::Local, &gone);
        self.flush_kind(Kind::Global, &gone);
    }

    fn flush_kind(&mut self, kind: Kind, gone: impl Fn(&Translation) -> bool) {
        self.read.drop_where(kind, &gone);
        self.write.drop_where(kind, &gone);
        self.fetch_changes += u64::from(self.fetch.drop_where(kind, &gone));
    }

    /// Counts the changes of fetch translations: while it stands, all of them do.
    #[inline(always)]
    pub fn fetch_changes(&self) -> u64 {
        self.fetch_changes
    }

    /// The physical address of the page of `linear`, if a fetch translation of it is held.
    #[inline(always)]
    pub fn fetch_page(&self, linear: u64, view: usize) -> Option<u64> {
        let entry = &self.fetch.hot[Self::fetch_place(linear, view)];
        (entry.tag == linear & PAGE_MASK).then_some(entry.addend)
    }

    /// All translations held, in a fixed order, for the state hash.
    pub fn translations(&self) -> impl Iterator<Item = (u8, usize, &Translation)> {
        let read = self.read.cold.iter().enumerate().filter_map(|(i, t)| Some((0, i, t.as_ref()?)));
        let write = self.write.cold.iter().enumerate().filter_map(|(i, t)| Some((1, i, t.as_ref()?)));
        let fetch = self.fetch.cold.iter().enumerate().filter_map(|(i, t)| Some((2, i, t.as_ref()?)));
        read.chain(write).chain(fetch)
    }
}
