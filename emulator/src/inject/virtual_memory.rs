//! Virtual memory: page by page through the page tables, or as the processor would.

use super::walked::{self, Walked};
use super::{Data, Detail, Outcome, PageStep, Parts, Refusal, Semantics, Trace, physical};
use crate::Board;
use crate::cpu::Cpu;
use crate::memory::{Memory, PAGE};
use crate::mmu::rights::error;
use crate::mmu::tlb::Access;
use crate::mmu::walk::{self, Miss, Page, Trail, Walk};
use crate::state::{cr0, efer};

/// Walks the page tables in memory, without a trace.
pub(super) fn walk(cpu: &Cpu, memory: &Memory, root: Option<u64>, linear: u64) -> Walk {
    let mut trail = Trail::default();
    let outcome = walked::find(memory, &walked::context(cpu, root), linear, &mut trail);
    Walk { outcome, trail }
}

/// One access to virtual memory, upwards until the first byte that refuses. Most lie within one page.
#[inline(always)]
pub(super) fn transfer(
    (cpus, board, walked): Parts<'_>,
    (cpu, root): (usize, Option<u64>),
    address: u64,
    semantics: Semantics,
    mut data: Data<'_>,
    detail: &mut Detail,
) -> Outcome {
    if semantics == Semantics::Cpu {
        if root.is_some() {
            *detail = Detail::Nothing;
            return Outcome::stopped(0, Refusal::Meaningless);
        }
        if std::mem::take(&mut board.map_changed) {
            // As the run loop does before the next instruction.
            cpus.iter_mut().for_each(|cpu| cpu.tlb.flush_all());
        }
    }
    let Some(processor) = cpus.get_mut(cpu) else {
        *detail = Detail::Nothing;
        return Outcome::stopped(0, Refusal::NoProcessor { cpu });
    };
    let context = walked.context(processor, root);
    let Some(pages) = detail.pages(context.mode, context.cr3) else { return Outcome::all(0) };
    let first = pages.begin(address);
    let mut path = Path { processor, board, walked, semantics };
    let len = data.len();
    let room = (PAGE - address % PAGE) as usize;
    if len <= room {
        return path.page(address, data, first);
    }
    let outcome = path.page(address, data.part(0, room), first);
    match outcome.refusal {
        None => path.further((address, room), data, pages),
        Some(_) => outcome,
    }
}

/// The way of one access through virtual memory.
struct Path<'a> {
    processor: &'a mut Cpu,
    board: &'a mut Board,
    walked: &'a mut Walked,
    semantics: Semantics,
}

impl Path<'_> {
    /// The part of an access within one page.
    #[inline(always)]
    fn page(&mut self, linear: u64, data: Data<'_>, step: &mut PageStep) -> Outcome {
        let found = self.walked.find(&self.board.fabric.memory, linear, &mut step.entries);
        if let Ok(page) = found {
            (step.physical, step.size_bits) = (Some(page.physical), page.size_bits);
        }
        let found = match (self.semantics, found) {
            (Semantics::Cpu, found) => self.as_processor(found, linear, &data, &mut step.from_tlb),
            (_, Ok(page)) => Ok(page.physical),
            (_, Err(miss)) => Err(reason(&step.entries, miss, linear)),
        };
        match found {
            Ok(physical) => {
                step.physical = Some(physical);
                physical::transfer(self.board, self.semantics, physical, data, &mut step.spans)
            }
            Err(refusal) => Outcome::stopped(0, refusal),
        }
    }

    /// The rest of an access from the next page on, after `done` bytes.
    #[inline(never)]
    fn further(
        &mut self,
        (address, mut done): (u64, usize),
        mut data: Data<'_>,
        pages: &mut Trace<PageStep>,
    ) -> Outcome {
        let mut refusal = None;
        while done < data.len() && refusal.is_none() {
            let Some(linear) = address.checked_add(done as u64) else {
                refusal = Some(Refusal::End);
                break;
            };
            let room = (data.len() - done).min(PAGE as usize);
            let step = pages.place(|| PageStep::at(linear));
            let outcome = self.page(linear, data.part(done, room), step);
            done += outcome.moved;
            refusal = outcome.refusal;
        }
        pages.settle();
        Outcome { moved: done, refusal }
    }

    /// The physical address as the processor's own access at its current privilege finds it. Fills
    /// the TLB and sets accessed and dirty bits as that access does; a fault changes nothing.
    #[inline(never)]
    fn as_processor(
        &mut self,
        walked: Result<Page, Miss>,
        linear: u64,
        data: &Data<'_>,
        from_tlb: &mut bool,
    ) -> Result<u64, Refusal> {
        let access = if matches!(data, Data::Write(_)) { Access::Write } else { Access::Read };
        let cpu = &mut *self.processor;
        let view = cpu.view;
        let long = cpu.control.efer & efer::LMA != 0;
        if long && !walk::canonical(linear, cpu.linear_bits()) {
            return Err(Refusal::Fault { vector: 13, error: 0, address: linear });
        }
        if !long && walked == Err(Miss::NonCanonical) {
            return Err(Refusal::NonCanonical { address: linear });
        }
        let linear = if long { linear } else { linear & 0xffff_ffff };
        if let Some(found) = cpu.tlb.find(linear, access, view) {
            *from_tlb = true;
            return Ok(found.physical + linear % PAGE);
        }
        let fault = |cpu: &Cpu, cause: u32| {
            let error = cpu.page_fault_code(cause, access, view);
            Refusal::Fault { vector: 14, error, address: linear }
        };
        let paging = cpu.control.cr0 & cr0::PG != 0;
        let cause = match &walked {
            Ok(page) if paging => cpu.denied(page, access, view),
            Ok(_) => None,
            Err(Miss::NotPresent | Miss::NonCanonical) => Some(0),
            Err(Miss::Reserved | Miss::OutsideMemory) => Some(error::P | error::RSVD),
        };
        if let Some(cause) = cause {
            return Err(fault(cpu, cause));
        }
        match cpu.translate(self.board, linear, access, view) {
            Ok(found) => Ok(found.physical + linear % PAGE),
            Err(_) => Err(fault(cpu, error::P)),
        }
    }
}

/// The reason of a walk that found no page.
#[cold]
fn reason(trail: &Trail, miss: Miss, linear: u64) -> Refusal {
    let last = trail.iter().next_back();
    match (miss, last) {
        (Miss::NotPresent, Some(last)) => Refusal::NotPresent { level: last.level, address: last.address },
        (Miss::Reserved, Some(last)) => Refusal::Reserved { level: last.level, address: last.address },
        (Miss::OutsideMemory, _) => Refusal::TablesOutsideMemory,
        (Miss::NonCanonical | Miss::NotPresent | Miss::Reserved, _) => {
            Refusal::NonCanonical { address: linear }
        }
    }
}
