//! Hardware task switches (SDM volume 3, chapter 9): far jumps and calls to a TSS or a task gate,
//! events through task gates, and IRET with NT.
//!
//! Up to `Cpu::commit_task` everything happens in the old task, and a fault leaves no trace.
//! What is wrong with the new task's segments is found after that: such a fault is the new
//! task's, before its first instruction (9.3; table 9-1 has the checks).

use super::segment::{Descriptor, selector_error};
use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::mmu::tlb::{Access, Tlb};
use crate::state::{Kind, Segment, cr0, cr4, dr6, flag, gpr, sreg};

const CS: usize = sreg::CS as usize;
const SS: usize = sreg::SS as usize;

/// What leads to a task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// A far jump: the old task is no longer busy.
    Jump,
    /// A far call or an event: the new task is nested in the old one.
    Nest,
    /// IRET with NT: back to the task that the link names.
    Return,
}

/// Offsets in a task-state segment (SDM volume 3, figures 9-2 and 9-10).
struct Layout {
    /// Offset of the last byte that must lie within the limit.
    last: u32,
    /// Bytes of a register.
    size: u64,
    ip: u64,
    flags: u64,
    /// The first of eight general registers.
    registers: u64,
    /// The first of the segment registers ES, CS, SS, DS (FS, GS).
    segments: u64,
    segment_count: u64,
    ldt: u64,
}

const TSS16: Layout = Layout {
    last: 0x2b,
    size: 2,
    ip: 0x0e,
    flags: 0x10,
    registers: 0x12,
    segments: 0x22,
    segment_count: 4,
    ldt: 0x2a,
};

const TSS32: Layout = Layout {
    last: 0x67,
    size: 4,
    ip: 0x20,
    flags: 0x24,
    registers: 0x28,
    segments: 0x48,
    segment_count: 6,
    ldt: 0x60,
};

/// CR3 of a 32-bit TSS.
const TSS32_CR3: u64 = 0x1c;
/// The doubleword with the debug trap flag (bit 0) of a 32-bit TSS.
const TSS32_TRAP: u64 = 0x64;

impl Layout {
    fn of(tss: &Segment) -> &'static Self {
        if tss.kind() >= 8 { &TSS32 } else { &TSS16 }
    }
}

/// What a TSS holds of a task.
#[derive(Default)]
struct Image {
    ip: u64,
    flags: u64,
    registers: [u64; 8],
    /// ES, CS, SS, DS, FS, GS
    segments: [u16; 6],
    ldt: u16,
    /// `None` in a 16-bit TSS.
    cr3: Option<u64>,
    trap: bool,
}

impl Cpu {
    /// Switches to the task of a TSS descriptor. `next` is what the old task goes on with; `ext`
    /// the EXT bit of error codes.
    ///
    /// # Errors
    /// A fault, raised: [`Leave::Fault`] if it is the old task's, [`Leave::BranchFault`] if it is
    /// the new one's. The descriptor must be one of a TSS.
    pub fn switch_task(
        &mut self,
        board: &mut Board,
        selector: u16,
        descriptor: &Descriptor,
        how: Switch,
        next: u64,
        ext: u32,
    ) -> Step {
        if !self.alone {
            // Nothing in the middle of it may ask for a slice of its own.
            return Err(Leave::Alone);
        }
        let error = selector_error(selector) | ext;
        let new = descriptor.segment(selector);
        if !new.present() {
            return Err(self.np(error));
        }
        let (from, to) = (Layout::of(&self.tr), Layout::of(&new));
        if new.limit < to.last {
            return Err(self.ts(error));
        }
        if self.tr.limit < from.last {
            let error = selector_error(self.tr.selector) | ext;
            return Err(self.ts(error));
        }
        let image = self.load_task(board, &new, to)?;
        // Both segments and both descriptors must be there before anything is changed.
        let saved = self.tr.base.wrapping_add(from.ip);
        self.check_system_write(board, saved, u64::from(from.last) + 1 - from.ip)?;
        if how == Switch::Nest {
            self.check_system_write(board, new.base, 2)?;
        }
        if how != Switch::Return {
            self.check_system_write(board, descriptor.address.wrapping_add(5), 1)?;
        }
        if how != Switch::Nest {
            self.set_busy(board, self.tr.selector, false)?;
        }
        self.save_task(board, from, how, next)?;
        if how == Switch::Nest {
            self.store_system(board, new.base, self.tr.selector)?;
        }
        if how != Switch::Return {
            let busy = (descriptor.low >> 40) as u8 | 2;
            self.store_system(board, descriptor.address.wrapping_add(5), busy)?;
        }
        self.tr = Segment { access: new.access | 2, ..new };
        self.commit_task(board, &image, how, ext).map_err(|_| Leave::BranchFault)
    }

    /// [`Self::check_write`] for a supervisor access.
    fn check_system_write(&mut self, board: &mut Board, linear: u64, size: u64) -> Step {
        for at in [linear, linear + size - 1] {
            self.translate(board, self.wrap(at), Access::Write, Tlb::SUPERVISOR)?;
        }
        Ok(())
    }

    fn task_word(&mut self, board: &mut Board, tss: &Segment, at: u64, size: u64) -> Result<u64, Leave> {
        let linear = self.wrap(tss.base.wrapping_add(at));
        if size == 2 {
            self.load_system::<u16>(board, linear).map(u64::from)
        } else {
            self.load_system::<u32>(board, linear).map(u64::from)
        }
    }

    fn load_task(&mut self, board: &mut Board, tss: &Segment, layout: &Layout) -> Result<Image, Leave> {
        let wide = layout.size == 4;
        let mut image = Image {
            ip: self.task_word(board, tss, layout.ip, layout.size)?,
            flags: self.task_word(board, tss, layout.flags, layout.size)?,
            ldt: self.task_word(board, tss, layout.ldt, 2)? as u16,
            ..Image::default()
        };
        for (nth, register) in image.registers.iter_mut().enumerate() {
            *register =
                self.task_word(board, tss, layout.registers + layout.size * nth as u64, layout.size)?;
        }
        // FS and GS, which a 16-bit TSS does not have, become null.
        for nth in 0..layout.segment_count {
            let at = layout.segments + layout.size * nth;
            image.segments[nth as usize] = self.task_word(board, tss, at, 2)? as u16;
        }
        if wide {
            image.cr3 = Some(self.task_word(board, tss, TSS32_CR3, 4)?);
            image.trap = self.task_word(board, tss, TSS32_TRAP, 2)? & 1 != 0;
        }
        Ok(image)
    }

    fn save_task(&mut self, board: &mut Board, layout: &Layout, how: Switch, next: u64) -> Step {
        let mut flags = self.flags.rflags();
        if how == Switch::Return {
            flags &= !flag::NT;
        }
        let mut fields = vec![(layout.ip, next), (layout.flags, flags)];
        for nth in 0..8 {
            fields.push((layout.registers + layout.size * nth, self.gpr[nth as usize]));
        }
        for nth in 0..layout.segment_count {
            fields.push((layout.segments + layout.size * nth, self.seg[nth as usize].selector.into()));
        }
        for (at, value) in fields {
            let linear = self.wrap(self.tr.base.wrapping_add(at));
            if layout.size == 2 || at >= layout.segments {
                self.store_system(board, linear, value as u16)?;
            } else {
                self.store_system(board, linear, value as u32)?;
            }
        }
        Ok(())
    }

    /// Sets or clears the busy bit of a TSS descriptor in the GDT.
    fn set_busy(&mut self, board: &mut Board, selector: u16, busy: bool) -> Step {
        let Some(descriptor) = self.find_descriptor(board, selector & !7)? else { return Ok(()) };
        let access = (descriptor.low >> 40) as u8 & !2 | if busy { 2 } else { 0 };
        self.store_system(board, descriptor.address.wrapping_add(5), access)
    }

    /// Becomes the new task, and checks its segments.
    fn commit_task(&mut self, board: &mut Board, image: &Image, how: Switch, ext: u32) -> Step {
        let nested = if how == Switch::Nest { flag::NT } else { 0 };
        self.flags.set_rflags(image.flags | nested);
        self.rip = image.ip;
        for (nth, value) in image.registers.iter().enumerate() {
            self.gpr[nth] = *value;
        }
        self.control.cr0 |= cr0::TS;
        // Local breakpoints end with their task (SDM volume 3, 18.2.4).
        let kept = self.control.dr7 & !0x155;
        self.set_debug_register(7, kept);
        let v86 = self.v86();
        let cpl = if v86 { 3 } else { image.segments[CS] & 3 };
        for (segment, selector) in self.seg.iter_mut().zip(image.segments) {
            // Not usable until it has been checked; SS tells CPL.
            *segment = Segment { selector, access: cpl << 5, ..Segment::default() };
        }
        self.ldtr = Segment { selector: image.ldt, ..Segment::default() };
        self.refresh();
        if let Some(cr3) = image.cr3.filter(|_| self.control.cr0 & cr0::PG != 0) {
            if self.control.cr4 & cr4::PAE != 0 {
                self.load_pdptes(board, cr3)?;
            }
            self.control.cr3 = cr3;
            self.tlb.flush_non_global();
        }
        self.ldtr = self.task_ldt(board, image.ldt, ext)?;
        if v86 {
            for (nth, selector) in image.segments.into_iter().enumerate() {
                let access = if nth == CS { 0xfb } else { 0xf3 };
                let base = u64::from(selector) << 4;
                self.seg[nth] = Segment { selector, base, limit: 0xffff, access };
            }
        } else {
            let code = self.task_code(board, image.segments[CS], ext)?;
            self.seg[CS] = code;
            self.refresh();
            let stack = self.stack_segment(board, image.segments[SS], cpl as u8, 10, ext)?;
            self.seg[SS] = stack;
            for register in [sreg::ES, sreg::DS, sreg::FS, sreg::GS] {
                let index = usize::from(register);
                let segment = self.task_data(board, image.segments[index], cpl as u8, ext)?;
                self.seg[index] = segment;
            }
        }
        if image.trap {
            self.control.pending_debug |= dr6::BT;
        }
        self.refresh();
        Ok(())
    }

    fn task_ldt(&mut self, board: &mut Board, selector: u16, ext: u32) -> Result<Segment, Leave> {
        if selector & !3 == 0 {
            return Ok(Segment { selector, ..Segment::default() });
        }
        let error = selector_error(selector) | ext;
        let found = if selector & 4 == 0 { self.find_descriptor(board, selector)? } else { None };
        let segment = found.map(|descriptor| descriptor.segment(selector));
        match segment {
            Some(segment)
                if !segment.is_code_or_data() && segment.kind() == Kind::LDT && segment.present() =>
            {
                Ok(segment)
            }
            _ => Err(self.ts(error)),
        }
    }

    fn task_code(&mut self, board: &mut Board, selector: u16, ext: u32) -> Result<Segment, Leave> {
        let error = selector_error(selector) | ext;
        let found = if selector & !3 == 0 { None } else { self.find_descriptor(board, selector)? };
        let Some(descriptor) = found else { return Err(self.ts(error)) };
        let segment = descriptor.segment(selector);
        let rpl = (selector & 3) as u8;
        let fits = if segment.conforming() { segment.dpl() <= rpl } else { segment.dpl() == rpl };
        if !segment.is_code() || !fits {
            return Err(self.ts(error));
        }
        if !segment.present() {
            return Err(self.np(error));
        }
        self.mark_accessed(board, &descriptor)?;
        Ok(Segment { access: segment.access | 1, ..segment })
    }

    fn task_data(&mut self, board: &mut Board, selector: u16, cpl: u8, ext: u32) -> Result<Segment, Leave> {
        if selector & !3 == 0 {
            return Ok(Segment { selector, ..Segment::default() });
        }
        let error = selector_error(selector) | ext;
        let Some(descriptor) = self.find_descriptor(board, selector)? else { return Err(self.ts(error)) };
        let segment = descriptor.segment(selector);
        let rpl = (selector & 3) as u8;
        let privileged = !segment.conforming() && (rpl > segment.dpl() || cpl > segment.dpl());
        if !segment.is_code_or_data() || !segment.readable() || privileged {
            return Err(self.ts(error));
        }
        if !segment.present() {
            return Err(self.np(error));
        }
        self.mark_accessed(board, &descriptor)?;
        Ok(Segment { access: segment.access | 1, ..segment })
    }

    /// The available TSS that a task gate leads to.
    ///
    /// # Errors
    /// #GP with its selector if there is none, raised.
    pub fn gate_task(&mut self, board: &mut Board, selector: u16, ext: u32) -> Result<Descriptor, Leave> {
        let error = selector_error(selector) | ext;
        let found = if selector & 4 == 0 && selector & !3 != 0 {
            self.find_descriptor(board, selector)?
        } else {
            None
        };
        match found {
            Some(descriptor) if is_available(&descriptor.segment(selector)) => Ok(descriptor),
            _ => Err(self.gp(error)),
        }
    }

    /// An event through a task gate; its error code goes onto the new task's stack.
    pub fn task_interrupt(&mut self, board: &mut Board, selector: u16, code: Option<u32>, ext: u32) -> Step {
        let descriptor = self.gate_task(board, selector, ext)?;
        self.switch_task(board, selector, &descriptor, Switch::Nest, self.rip, ext)?;
        let pushed = match code {
            Some(code) if self.tr.kind() >= 8 => self.push(board, code),
            Some(code) => self.push(board, u16::cut(code.into())),
            None => Ok(()),
        };
        pushed.map_err(|_| Leave::BranchFault)
    }

    /// IRET with NT set, outside long mode.
    pub fn task_return(&mut self, board: &mut Board, next: u64) -> Step {
        let selector = self.load_system::<u16>(board, self.tr.base)?;
        let error = selector_error(selector);
        let found = if selector & 4 == 0 { self.find_descriptor(board, selector)? } else { None };
        let busy =
            |s: &Segment| !s.is_code_or_data() && matches!(s.kind(), Kind::TSS_BUSY | Kind::TSS16_BUSY);
        let Some(descriptor) = found.filter(|descriptor| busy(&descriptor.segment(selector))) else {
            return Err(self.ts(error));
        };
        self.switch_task(board, selector, &descriptor, Switch::Return, next, 0)?;
        Err(Leave::BranchSync)
    }
}

/// Whether a descriptor is one of a TSS that is not busy.
pub fn is_available(segment: &Segment) -> bool {
    !segment.is_code_or_data() && matches!(segment.kind(), Kind::TSS | Kind::TSS16)
}

/// General registers are saved in the order in which they are numbered.
const _: () = assert!(gpr::RAX == 0 && gpr::RDI == 7);
