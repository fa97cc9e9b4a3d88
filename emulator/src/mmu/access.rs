//! Memory accesses of the processor: the fast path through the TLB and the one slow path.

use super::rights::error;
use super::tlb::{Access, Tlb, Translation};
use super::walk::{self, Miss, entry};
use crate::Board;
use crate::cpu::Cpu;
use crate::decode::{Op, address};
use crate::exec::{Leave, Step};
use crate::memory::{Memory, Target, ram};
use crate::points::{Direction, Place, Watches};
use crate::state::{cr4, efer, sreg};

pub use crate::memory::ram::Plain;

impl Cpu {
    // --- operands ------------------------------------------------------------------------

    /// The effective address of the memory operand, before any cut to the address size.
    #[inline(always)]
    pub fn effective(&self, op: &Op) -> u64 {
        self.gpr[usize::from(op.base & 31)]
            .wrapping_add(self.gpr[usize::from(op.index & 31)] << (op.scale & 3))
            .wrapping_add(op.disp)
    }

    /// The effective address, cut to the address size (what LEA gives).
    #[inline(always)]
    pub fn offset(&self, op: &Op) -> u64 {
        let sum = self.effective(op);
        match op.address {
            address::FLAT => sum,
            address::SEG16 => sum & 0xffff,
            _ => sum & 0xffff_ffff,
        }
    }

    /// The linear address of `size` bytes of the memory operand.
    ///
    /// # Errors
    /// A segment fault, raised.
    #[inline(always)]
    pub fn linear(&mut self, op: &Op, size: u64, write: bool) -> Result<u64, Leave> {
        if op.address == address::FLAT {
            Ok(self.effective(op).wrapping_add(self.seg_base[usize::from(op.seg & 7)]))
        } else {
            let offset = self.offset(op);
            self.linear_checked(op, offset, size, write)
        }
    }

    /// The linear address of the memory operand where nothing is checked or cut on the way: that of
    /// each of its parts lies so far behind it as the part in the operand.
    #[inline(always)]
    pub fn flat_linear(&self, op: &Op) -> Option<u64> {
        let linear = self.effective(op).wrapping_add(self.seg_base[usize::from(op.seg & 7)]);
        (op.address == address::FLAT).then_some(linear)
    }

    /// The linear address of `offset` in the operand's segment, checked.
    #[cold]
    pub fn linear_checked(&mut self, op: &Op, offset: u64, size: u64, write: bool) -> Result<u64, Leave> {
        if op.address <= address::FLAT32 {
            return Ok(offset.wrapping_add(self.seg_base[usize::from(op.seg & 7)]));
        }
        self.segmented(op.seg, offset, size, write)
    }

    /// The linear address of `size` bytes at `offset` of segment register `seg`, outside 64-bit
    /// mode: type, limit (SDM volume 3, 6.3 to 6.5).
    pub fn segmented(&mut self, seg: u8, offset: u64, size: u64, write: bool) -> Result<u64, Leave> {
        let segment = self.seg[usize::from(seg % 6)];
        let usable = if !self.protected() || self.v86() {
            true
        } else if write {
            segment.writable()
        } else {
            segment.readable()
        };
        if !usable || !segment.contains(offset, size) {
            return Err(self.segment_fault(seg));
        }
        Ok(segment.base.wrapping_add(offset) & 0xffff_ffff)
    }

    /// #SS(0) for the stack segment, #GP(0) for the others.
    #[cold]
    pub fn segment_fault(&mut self, seg: u8) -> Leave {
        if seg == sreg::SS || seg == sreg::NONE_SS { self.ss(0) } else { self.gp(0) }
    }

    /// Reads the memory operand.
    #[inline(always)]
    pub fn read<T: Plain>(&mut self, board: &mut Board, op: &Op) -> Result<T, Leave> {
        let linear = self.linear(op, size_of::<T>() as u64, false)?;
        self.load(board, linear, op.seg)
    }

    /// Writes the memory operand.
    #[inline(always)]
    pub fn write<T: Plain>(&mut self, board: &mut Board, op: &Op, value: T) -> Step {
        let linear = self.linear(op, size_of::<T>() as u64, true)?;
        self.store(board, linear, op.seg, value)
    }

    /// Reads the memory operand, computes, writes it back: one access for the MMU.
    #[inline(always)]
    pub fn modify<T: Plain>(
        &mut self,
        board: &mut Board,
        op: &Op,
        compute: impl FnOnce(&mut Self, T) -> T,
    ) -> Step {
        let linear = self.linear(op, size_of::<T>() as u64, true)?;
        self.modify_linear(board, linear, op.seg, compute)
    }

    /// [`Self::modify`] at a linear address.
    #[inline(always)]
    pub fn modify_linear<T: Plain>(
        &mut self,
        board: &mut Board,
        linear: u64,
        seg: u8,
        compute: impl FnOnce(&mut Self, T) -> T,
    ) -> Step {
        let size = size_of::<T>() as u64;
        if let Some(host) = self.tlb.write_host(linear, size, self.view) {
            // SAFETY: a write entry of the TLB gave the address; the tag compare covers the
            // last byte, so all of it lies in one page of the live backing store.
            let old = unsafe { ram::load::<T>(host) };
            let new = compute(self, old);
            // SAFETY: as above; `compute` cannot unmap the store.
            unsafe { ram::store(host, new) };
            return Ok(());
        }
        self.modify_slow(board, linear, seg, compute)
    }

    // --- linear addresses ----------------------------------------------------------------

    /// Reads at a linear address with the current privilege. `seg` tells #SS from #GP.
    #[inline(always)]
    pub fn load<T: Plain>(&mut self, board: &mut Board, linear: u64, seg: u8) -> Result<T, Leave> {
        match self.tlb.read_host(linear, size_of::<T>() as u64, self.view) {
            // SAFETY: a read entry of the TLB gave the address; the tag compare covers the last
            // byte, so all of it lies in one page of the live backing store.
            Some(host) => Ok(unsafe { ram::load(host) }),
            None => {
                self.load_slow::<T>(board, linear, seg, self.view)?;
                Ok(self.loaded())
            }
        }
    }

    /// Writes at a linear address with the current privilege. `seg` tells #SS from #GP.
    #[inline(always)]
    pub fn store<T: Plain>(&mut self, board: &mut Board, linear: u64, seg: u8, value: T) -> Step {
        match self.tlb.write_host(linear, size_of::<T>() as u64, self.view) {
            Some(host) => {
                // SAFETY: a write entry of the TLB gave the address; as in `load`.
                unsafe { ram::store(host, value) };
                Ok(())
            }
            None => self.store_slow(board, linear, seg, value, self.view),
        }
    }

    /// Reads a descriptor table, TSS or the like: a supervisor access whatever the CPL.
    pub fn load_system<T: Plain>(&mut self, board: &mut Board, linear: u64) -> Result<T, Leave> {
        match self.tlb.read_host(linear, size_of::<T>() as u64, Tlb::SUPERVISOR) {
            // SAFETY: as in `load`.
            Some(host) => Ok(unsafe { ram::load(host) }),
            None => {
                self.load_slow::<T>(board, linear, sreg::NONE, Tlb::SUPERVISOR)?;
                Ok(self.loaded())
            }
        }
    }

    /// Writes a descriptor table or TSS whatever the CPL.
    pub fn store_system<T: Plain>(&mut self, board: &mut Board, linear: u64, value: T) -> Step {
        self.store_in_view(board, linear, value, Tlb::SUPERVISOR)
    }

    /// Writes with the privilege of a TLB view, as the pushes of an interrupt do.
    pub fn store_in_view<T: Plain>(&mut self, board: &mut Board, linear: u64, value: T, view: usize) -> Step {
        match self.tlb.write_host(linear, size_of::<T>() as u64, view) {
            Some(host) => {
                // SAFETY: as in `load`.
                unsafe { ram::store(host, value) };
                Ok(())
            }
            None => self.store_slow(board, linear, sreg::NONE_SS, value, view),
        }
    }

    /// Reads at a linear address with the current privilege if that has a fast path: what several
    /// loads would give, for then none of them can fault.
    pub fn load_together<T: Plain>(&self, linear: u64) -> Option<T> {
        let host = self.tlb.read_host(linear, size_of::<T>() as u64, self.view)?;
        // SAFETY: as in `load`.
        Some(unsafe { ram::load(host) })
    }

    /// Writes with the privilege of a TLB view if that has a fast path: what several stores would
    /// do, for then none of them can fault. Answers whether it did.
    pub fn store_together<T: Plain>(&mut self, linear: u64, value: T, view: usize) -> bool {
        let host = self.tlb.write_host(linear, size_of::<T>() as u64, view);
        if let Some(host) = host {
            // SAFETY: as in `load`.
            unsafe { ram::store(host, value) };
        }
        host.is_some()
    }

    /// Raises the fault that a write of `size` bytes would raise, if any; changes nothing else
    /// but accessed and dirty bits and the TLB.
    pub fn check_write(&mut self, board: &mut Board, linear: u64, seg: u8, size: u64) -> Step {
        self.check_canonical(linear, seg, size)?;
        self.translate(board, linear, Access::Write, self.view)?;
        let last = self.wrap(linear.wrapping_add(size - 1));
        if (last ^ linear) >> 12 != 0 {
            // The first byte that cannot be accessed is what CR2 reports.
            self.translate(board, last & !0xfff, Access::Write, self.view)?;
        }
        Ok(())
    }

    /// Raises the fault that a read of `size` bytes would raise, if any; reads nothing.
    pub fn check_read(&mut self, board: &mut Board, linear: u64, seg: u8, size: u64) -> Step {
        self.check_canonical(linear, seg, size)?;
        self.translate(board, linear, Access::Read, self.view)?;
        let last = self.wrap(linear.wrapping_add(size - 1));
        if (last ^ linear) >> 12 != 0 {
            // The first byte that cannot be accessed is what CR2 reports.
            self.translate(board, last & !0xfff, Access::Read, self.view)?;
        }
        Ok(())
    }

    /// Linear addresses wrap at 4 GiB outside 64-bit mode.
    #[inline]
    pub fn wrap(&self, linear: u64) -> u64 {
        if self.control.efer & efer::LMA != 0 { linear } else { linear & 0xffff_ffff }
    }

    pub(crate) fn check_canonical(&mut self, linear: u64, seg: u8, size: u64) -> Step {
        if self.control.efer & efer::LMA == 0 {
            return Ok(());
        }
        let bits = self.linear_bits();
        if walk::canonical(linear, bits) && walk::canonical(linear.wrapping_add(size - 1), bits) {
            Ok(())
        } else {
            Err(self.segment_fault(seg))
        }
    }

    /// #AC(0) for an access that is not a multiple of its size, or of 16 bytes if it is larger, where
    /// that is checked: at CPL 3 with CR0.AM and EFLAGS.AC (SDM volume 3, table 7-7). As on AMD processors it comes before page
    /// faults; the manual leaves that open.
    pub fn check_alignment(&mut self, linear: u64, size: u64, view: usize) -> Step {
        if view == Tlb::USER_ALIGNED && linear & (size.min(16) - 1) != 0 { Err(self.ac()) } else { Ok(()) }
    }

    /// What [`Self::load_slow`] found.
    #[inline(always)]
    fn loaded<T: Plain>(&self) -> T {
        const { assert!(size_of::<T>() <= size_of::<[u8; 32]>()) }
        // SAFETY: the array has at least `size_of::<T>()` bytes.
        unsafe { ram::load(self.loaded.as_ptr() as u64) }
    }

    /// Leaves what is read where [`Self::loaded`] takes it from: a value returned beside a reason
    /// would be packed and unpacked on the fast path too.
    #[cold]
    #[inline(never)]
    fn load_slow<T: Plain>(&mut self, board: &mut Board, linear: u64, seg: u8, view: usize) -> Step {
        let size = size_of::<T>();
        self.check_canonical(linear, seg, size as u64)?;
        self.check_alignment(linear, size as u64, view)?;
        let first = (size as u64).min(4096 - (linear & 0xfff)) as usize;
        let low = self.translate(board, linear, Access::Read, view)?;
        if let Some(host) = self.tlb.read_host(linear, size as u64, view) {
            // What was found is plain memory.
            // SAFETY: as in `load`, and in `loaded`.
            unsafe { ram::store(self.loaded.as_mut_ptr() as u64, ram::load::<T>(host)) };
            return Ok(());
        }
        let mut bytes = [0; 32];
        if first < size {
            let next = self.wrap(linear.wrapping_add(first as u64));
            let high = self.translate(board, next, Access::Read, view)?;
            self.watch(board, linear, size as u64, Direction::Read)?;
            self.read_page(board, low, linear & 0xfff, &mut bytes[..first])?;
            self.read_page(board, high, 0, &mut bytes[first..size])?;
        } else {
            self.watch(board, linear, size as u64, Direction::Read)?;
            self.read_page(board, low, linear & 0xfff, &mut bytes[..size])?;
        }
        self.loaded = bytes;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn store_slow<T: Plain>(
        &mut self,
        board: &mut Board,
        linear: u64,
        seg: u8,
        value: T,
        view: usize,
    ) -> Step {
        let size = size_of::<T>();
        self.check_canonical(linear, seg, size as u64)?;
        self.check_alignment(linear, size as u64, view)?;
        let first = (size as u64).min(4096 - (linear & 0xfff)) as usize;
        let low = self.translate(board, linear, Access::Write, view)?;
        if let Some(host) = self.tlb.write_host(linear, size as u64, view) {
            // What was found is plain memory.
            // SAFETY: as in `load`.
            unsafe { ram::store(host, value) };
            return Ok(());
        }
        let mut bytes = [0; 32];
        // SAFETY: `bytes` is a live array of at least `size_of::<T>()` bytes.
        unsafe { ram::store(bytes.as_mut_ptr() as u64, value) };
        if first < size {
            let next = self.wrap(linear.wrapping_add(first as u64));
            let high = self.translate(board, next, Access::Write, view)?;
            self.may_write(board, low, linear & 0xfff, first)?;
            self.may_write(board, high, 0, size - first)?;
            self.watch(board, linear, size as u64, Direction::Write)?;
            self.write_page(board, low, linear & 0xfff, &bytes[..first], view);
            self.write_page(board, high, 0, &bytes[first..size], view);
        } else {
            self.may_write(board, low, linear & 0xfff, size)?;
            self.watch(board, linear, size as u64, Direction::Write)?;
            self.write_page(board, low, linear & 0xfff, &bytes[..size], view);
        }
        Ok(())
    }

    /// One access with the rights of a write. `compute` is called once all else is certain: it
    /// may change flags, so it must not be called again in a slice of its own.
    #[cold]
    #[inline(never)]
    fn modify_slow<T: Plain>(
        &mut self,
        board: &mut Board,
        linear: u64,
        seg: u8,
        compute: impl FnOnce(&mut Self, T) -> T,
    ) -> Step {
        let size = size_of::<T>();
        let view = self.view;
        let at = linear & 0xfff;
        self.check_canonical(linear, seg, size as u64)?;
        self.check_alignment(linear, size as u64, view)?;
        let first = (size as u64).min(4096 - at) as usize;
        let low = self.translate(board, linear, Access::Write, view)?;
        if let Some(host) = self.tlb.write_host(linear, size as u64, view) {
            // What was found is plain memory.
            // SAFETY: as in `load`.
            let old = unsafe { ram::load::<T>(host) };
            let new = compute(self, old);
            // SAFETY: as in `modify_linear`.
            unsafe { ram::store(host, new) };
            return Ok(());
        }
        let mut bytes = [0; 32];
        let mut high = low;
        if first < size {
            let next = self.wrap(linear.wrapping_add(first as u64));
            high = self.translate(board, next, Access::Write, view)?;
            self.may_write(board, high, 0, size - first)?;
        }
        self.may_write(board, low, at, first)?;
        self.watch(board, linear, size as u64, Direction::Any)?;
        self.read_page(board, low, at, &mut bytes[..first])?;
        if first < size {
            self.read_page(board, high, 0, &mut bytes[first..size])?;
        }
        // SAFETY: `bytes` is a live array of at least `size_of::<T>()` bytes.
        let old = unsafe { ram::load::<T>(bytes.as_ptr() as u64) };
        let new = compute(self, old);
        // SAFETY: as above.
        unsafe { ram::store(bytes.as_mut_ptr() as u64, new) };
        self.write_page(board, low, at, &bytes[..first], view);
        if first < size {
            self.write_page(board, high, 0, &bytes[first..size], view);
        }
        Ok(())
    }

    /// Reads within one translated page.
    fn read_page(&mut self, board: &mut Board, page: Translation, at: u64, buffer: &mut [u8]) -> Step {
        match page.target {
            Target::Ram { offset } | Target::Rom { offset } => {
                board.fabric.memory.ram().read(offset + at, buffer);
            }
            Target::Mmio { device, window, offset } => {
                self.device_access(board)?;
                let place = (page.physical + at, buffer.len());
                if board.watches.armed() && self.watch_window(board, place, Direction::Read) {
                    return Err(Leave::Hold);
                }
                board.mmio_read(device, window, offset + at, buffer);
            }
            Target::Hole => buffer.fill(0xff),
        }
        Ok(())
    }

    /// Whether a write within one translated page may happen now: device accesses, and writes
    /// over decoded code, happen in a slice of one instruction.
    fn may_write(&mut self, board: &mut Board, page: Translation, at: u64, len: usize) -> Step {
        match page.target {
            Target::Mmio { .. } => self.device_access(board),
            Target::Ram { offset }
                if !self.alone && board.fabric.memory.covers_code(offset + at, len as u64) =>
            {
                Err(Leave::Alone)
            }
            _ => Ok(()),
        }
    }

    /// Writes within one translated page, after [`Self::may_write`].
    fn write_page(&mut self, board: &mut Board, page: Translation, at: u64, bytes: &[u8], view: usize) {
        match page.target {
            Target::Ram { offset } => {
                let memory = &mut board.fabric.memory;
                memory.write(page.physical + at, bytes);
                board.attention |= memory.has_stale_code();
                if !memory.holds_code(offset) {
                    // The page's last decoded line is gone: the fast path is open again.
                    let (_, host) = self.hosts(memory, &board.watches, view, &page);
                    self.tlb.fill(Access::Write, view, page, host);
                }
            }
            Target::Mmio { device, window, offset } => {
                if board.watches.armed() {
                    self.watch_window(board, (page.physical + at, bytes.len()), Direction::Write);
                }
                board.mmio_write(device, window, offset + at, bytes);
            }
            Target::Rom { .. } | Target::Hole => {}
        }
    }

    /// Device accesses happen only in a slice of one instruction, where the clock is exact and
    /// interrupts are looked at right after.
    fn device_access(&mut self, board: &mut Board) -> Step {
        if !self.alone {
            return Err(Leave::Alone);
        }
        board.fabric.clock.set_retired(self.retired);
        Ok(())
    }

    /// Tells the watches of an access to a device window (physical address, bytes); gives whether
    /// it is to be held back.
    #[cold]
    fn watch_window(&self, board: &mut Board, place: (u64, usize), direction: Direction) -> bool {
        let last = place.0.saturating_add(place.1 as u64 - 1);
        board.watches.access(self.retired, &[Place::Physical(place.0, last)], direction)
    }

    // --- translation ---------------------------------------------------------------------

    /// Translates the page of a canonical `linear` for an access; fills the TLB, sets accessed
    /// and dirty bits.
    ///
    /// # Errors
    /// A page fault, raised.
    #[inline]
    pub fn translate(
        &mut self,
        board: &mut Board,
        linear: u64,
        access: Access,
        view: usize,
    ) -> Result<Translation, Leave> {
        if let Some(found) = self.tlb.find(linear, access, view) {
            return Ok(*found);
        }
        self.walk_and_fill(board, linear, access, view)
    }

    /// The host addresses of a page for reads and writes, where the fast path may use them: where
    /// there is no data breakpoint or watch, and alignment is not checked; for writes, where no
    /// code was decoded.
    #[inline]
    fn hosts(
        &self,
        memory: &Memory,
        watches: &Watches,
        view: usize,
        page: &Translation,
    ) -> (Option<u64>, Option<u64>) {
        if view == Tlb::USER_ALIGNED || self.watching && self.is_watched_page(watches, page.page) {
            return (None, None);
        }
        match page.target {
            Target::Ram { offset } => {
                let host = memory.ram().host(offset);
                (Some(host), (!memory.holds_code(offset)).then_some(host))
            }
            Target::Rom { offset } => (Some(memory.ram().host(offset)), None),
            Target::Mmio { .. } | Target::Hole => (None, None),
        }
    }

    /// Takes note of the watches of memory from outside: decides anew which translations have the
    /// fast path. The translations themselves stay as they are.
    #[cold]
    pub(crate) fn fit_to_watches(&mut self, board: &Board) {
        self.watched = board.watches.of_memory();
        self.refresh_debug();
        let mut tlb = std::mem::take(&mut self.tlb);
        tlb.refit(|view, page| self.hosts(&board.fabric.memory, &board.watches, view, page));
        self.tlb = tlb;
    }

    fn walk_and_fill(
        &mut self,
        board: &mut Board,
        linear: u64,
        access: Access,
        view: usize,
    ) -> Result<Translation, Leave> {
        let memory = &mut board.fabric.memory;
        let context = self.paging();
        let mut accessed = walk::Accessed(true);
        let found = walk::find(memory, &context, linear, &mut accessed);
        let cause = match &found {
            Ok(_) if context.mode == walk::Mode::Off => None,
            Ok(page) => self.denied(page, access, view),
            Err(Miss::NotPresent | Miss::NonCanonical) => Some(0),
            // A table in a hole reads as all ones there, and those have reserved bits set.
            Err(Miss::Reserved | Miss::OutsideMemory) => Some(error::P | error::RSVD),
        };
        let (Ok(page), None) = (found, cause) else {
            return Err(self.page_fault(linear, cause.unwrap_or(0), access, view));
        };
        if !accessed.0 || access == Access::Write && !page.dirty {
            mark_accessed(memory, &context, linear, access);
            board.attention |= memory.has_stale_code();
        }
        let physical = page.physical & !0xfff;
        let translation = Translation {
            page: linear & !0xfff,
            target: match access {
                Access::Fetch => memory.code_target(physical),
                _ => memory.target(physical),
            },
            physical,
            global: page.global && self.control.cr4 & cr4::PGE != 0,
            size_bits: page.size_bits,
            key: page.user.then_some(page.key),
        };
        let (read_host, write_host) = self.hosts(memory, &board.watches, view, &translation);
        match access {
            Access::Fetch => self.tlb.fill(Access::Fetch, view, translation, None),
            Access::Read => {
                self.tlb.fill(Access::Read, view, translation, read_host);
            }
            Access::Write => {
                if let Target::Ram { offset } = translation.target {
                    memory.mark_dirty(offset);
                }
                self.tlb.fill(Access::Write, view, translation, write_host);
            }
        }
        Ok(translation)
    }
}

/// Sets the accessed bits of the entries that lead to the page of `linear`, and for a write the
/// dirty bit of the last (SDM volume 3, 5.8).
#[inline(never)]
fn mark_accessed(memory: &mut Memory, context: &walk::Context, linear: u64, access: Access) {
    let trail = walk::walk(memory, context, linear).trail;
    let width = if context.mode == walk::Mode::Legacy { 4 } else { 8 };
    for (nth, visited) in trail.iter().enumerate() {
        // The PDPTEs of PAE paging have no accessed bit.
        if context.mode == walk::Mode::Pae && visited.level == 3 {
            continue;
        }
        let last = nth + 1 == trail.len();
        let dirty = if access == Access::Write && last { entry::D } else { 0 };
        let value = visited.value | entry::A | dirty;
        if value != visited.value {
            memory.write(visited.address, &value.to_le_bytes()[..width]);
        }
    }
}
