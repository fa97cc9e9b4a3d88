//! Virtual memory: page by page through the page tables, or as the processor would.

use super::{Data, Detail, Outcome, PageStep, Refusal, Semantics, Trace, physical};
use crate::Board;
use crate::cpu::Cpu;
use crate::memory::{Memory, PAGE};
use crate::mmu::rights::error;
use crate::mmu::tlb::Access;
use crate::mmu::walk::{self, Miss, Mode, Page, Trail, Walk};
use crate::state::efer;

/// What a walk from outside depends on: the processor's paging, perhaps with another root.
fn context(cpu: &Cpu, root: Option<u64>) -> walk::Context {
    let own = cpu.paging();
    match root {
        Some(cr3) => walk::Context { cr3, pdptes: None, ..own },
        None => own,
    }
}

/// Whether an address exists in a mode. Long mode is judged by the walk.
fn exists(mode: Mode, linear: u64) -> bool {
    let long = matches!(mode, Mode::Level4 | Mode::Level5);
    long || linear >> 32 == 0 || linear as i64 == i64::from(linear as i32)
}

/// Walks the page tables in memory, without a trace.
pub(super) fn walk(cpu: &Cpu, memory: &Memory, root: Option<u64>, linear: u64) -> Walk {
    let mut trail = Trail::default();
    let outcome = find(memory, &context(cpu, root), linear, &mut trail);
    Walk { outcome, trail }
}

/// The page of a linear address; `trail` takes the entries on the way.
#[inline(always)]
fn find(memory: &Memory, context: &walk::Context, linear: u64, trail: &mut Trail) -> Result<Page, Miss> {
    if !exists(context.mode, linear) {
        return Err(Miss::NonCanonical);
    }
    walk::find(memory, context, linear, trail)
}

/// One access to virtual memory, upwards until the first byte that refuses.
pub(super) fn transfer(
    cpus: &mut [Cpu],
    board: &mut Board,
    (cpu, root): (usize, Option<u64>),
    address: u64,
    semantics: Semantics,
    mut data: Data<'_>,
    detail: &mut Detail,
) -> Outcome {
    if semantics == Semantics::Cpu && root.is_some() {
        return Outcome::stopped(0, Refusal::Meaningless);
    }
    if semantics == Semantics::Cpu && board.map_changed {
        // As the run loop does before the next instruction.
        cpus.iter_mut().for_each(|cpu| cpu.tlb.flush_all());
        board.map_changed = false;
    }
    let Some(processor) = cpus.get_mut(cpu) else {
        return Outcome::stopped(0, Refusal::NoProcessor { cpu });
    };
    let access = if matches!(data, Data::Write(_)) { Access::Write } else { Access::Read };
    let base = context(processor, root);
    *detail = Detail::Virtual { mode: base.mode, root: base.cr3, pages: Trace::default() };
    let Detail::Virtual { pages, .. } = detail else { return Outcome::all(0) };
    let mut done = 0;
    while done < data.len() {
        let Some(linear) = address.checked_add(done as u64) else {
            pages.settle();
            return Outcome::stopped(done, Refusal::End);
        };
        let room = (data.len() - done).min((PAGE - linear % PAGE) as usize);
        let part = data.part(done, room);
        let step = pages.place(|| PageStep::at(linear));
        let walked = find(&board.fabric.memory, &base, linear, &mut step.entries);
        if let Ok(page) = walked {
            (step.physical, step.size_bits) = (Some(page.physical), page.size_bits);
        }
        let found = match semantics {
            Semantics::Cpu => as_processor(processor, board, walked, linear, access, &mut step.from_tlb),
            _ => walked.map(|page| page.physical).map_err(|miss| reason(&step.entries, miss, linear)),
        };
        let outcome = match found {
            Ok(physical) => {
                step.physical = Some(physical);
                physical::transfer(board, semantics, physical, part, &mut step.spans)
            }
            Err(refusal) => Outcome::stopped(0, refusal),
        };
        done += outcome.moved;
        if outcome.refusal.is_some() {
            pages.settle();
            return Outcome { moved: done, ..outcome };
        }
    }
    pages.settle();
    Outcome::all(done)
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

/// The physical address as the processor's own access at its current privilege finds it. Fills
/// the TLB and sets accessed and dirty bits as that access does; a fault changes nothing.
fn as_processor(
    cpu: &mut Cpu,
    board: &mut Board,
    walked: Result<Page, Miss>,
    linear: u64,
    access: Access,
    from_tlb: &mut bool,
) -> Result<u64, Refusal> {
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
    let paging = cpu.paging().mode != Mode::Off;
    let cause = match &walked {
        Ok(page) if paging => cpu.denied(page, access, view),
        Ok(_) => None,
        Err(Miss::NotPresent | Miss::NonCanonical) => Some(0),
        Err(Miss::Reserved | Miss::OutsideMemory) => Some(error::P | error::RSVD),
    };
    if let Some(cause) = cause {
        return Err(fault(cpu, cause));
    }
    match cpu.translate(board, linear, access, view) {
        Ok(found) => Ok(found.physical + linear % PAGE),
        Err(_) => Err(fault(cpu, error::P)),
    }
}
