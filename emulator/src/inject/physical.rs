//! Physical memory: RAM, ROM and device windows.

use super::{Answer, Data, Outcome, Refusal, Semantics, Span, Trace};
use crate::Board;
use crate::board::Hit;
use crate::bus::{DeviceId, Width, mmio};
use crate::memory::{Memory, PAGE, Target};

/// One access to physical memory, upwards until the first byte that refuses.
#[inline(always)]
pub(super) fn transfer(
    board: &mut Board,
    semantics: Semantics,
    address: u64,
    data: Data<'_>,
    spans: &mut Trace<Span>,
) -> Outcome {
    // Most accesses lie within a page of RAM.
    let bytes = data.len();
    let memory = &mut board.fabric.memory;
    let Some(offset) = memory.ram_in_page(address, bytes) else {
        return pieces(board, semantics, address, data, spans);
    };
    move_in_page(memory, (address, offset), data);
    spans.ram(address, bytes);
    Outcome::all(bytes)
}

/// [`transfer`] piece by piece. What answers is looked up again for each, because a device access
/// may move windows.
#[inline(never)]
fn pieces(
    board: &mut Board,
    semantics: Semantics,
    address: u64,
    mut data: Data<'_>,
    spans: &mut Trace<Span>,
) -> Outcome {
    let mut done = 0;
    while done < data.len() {
        let Some(at) = address.checked_add(done as u64) else {
            return Outcome::stopped(done, Refusal::End);
        };
        let room = (data.len() - done).min((PAGE - at % PAGE) as usize);
        let memory = &mut board.fabric.memory;
        let met = match (memory.target(at), data.part(done, room)) {
            (Target::Ram { offset }, data) => {
                move_in_page(memory, (at, offset), data);
                Ok((room, Answer::Ram))
            }
            (Target::Rom { offset }, data) => rom(memory, semantics, (at, offset), data),
            (Target::Hole, data) => hole(semantics, at, data),
            (Target::Mmio { device, window, offset }, data) => {
                register(board, semantics, at, (device, window, offset), data)
            }
        };
        match met {
            Ok((bytes, answer)) => {
                spans.span(Span { physical: at, bytes, answer });
                done += bytes;
            }
            Err(refusal) => return Outcome::stopped(done, refusal),
        }
    }
    Outcome::all(done)
}

/// Moves bytes within a page, given by its physical address and its place in the backing store.
#[inline(always)]
fn move_in_page(memory: &mut Memory, (at, offset): (u64, u64), data: Data<'_>) {
    match data {
        Data::Write(bytes) => {
            memory.store_backing(offset, bytes);
            memory.monitor.note(at, bytes.len());
        }
        Data::Read(buffer) => memory.ram().read(offset, buffer),
    }
}

/// How long a piece within one page was and what answered, or why nothing moved.
type Met = Result<(usize, Answer), Refusal>;

/// A piece in ROM, given by its physical address and its place in the backing store.
#[cold]
fn rom(memory: &mut Memory, semantics: Semantics, (at, offset): (u64, u64), data: Data<'_>) -> Met {
    let len = data.len();
    match (&data, semantics) {
        (Data::Read(_), _) | (Data::Write(_), Semantics::Backdoor) => {
            move_in_page(memory, (at, offset), data);
            Ok((len, Answer::Rom))
        }
        (Data::Write(_), Semantics::Debugger) => Err(Refusal::Rom { address: at }),
        (Data::Write(_), Semantics::Bus | Semantics::Cpu) => Ok((len, Answer::RomIgnored)),
    }
}

/// A piece where nothing answers.
#[cold]
fn hole(semantics: Semantics, at: u64, data: Data<'_>) -> Met {
    if !matches!(semantics, Semantics::Bus | Semantics::Cpu) {
        return Err(Refusal::Hole { address: at });
    }
    let len = data.len();
    if let Data::Read(buffer) = data {
        buffer.fill(0xff);
    }
    Ok((len, Answer::Nobody))
}

/// The first access of a piece in a device window.
#[cold]
fn register(
    board: &mut Board,
    semantics: Semantics,
    at: u64,
    (device, window, offset): (DeviceId, u8, u64),
    data: Data<'_>,
) -> Met {
    if semantics == Semantics::Backdoor {
        return Err(Refusal::Device { address: at });
    }
    let width = mmio::pieces(offset, data.len(), Width::Qword).next().map_or(Width::Byte, |p| p.1);
    let hit = board.mmio_hit(at).unwrap_or_else(|| Hit { device: board.name(device).into(), register: None });
    match data {
        Data::Write(bytes) => board.mmio_write(device, window, offset, &bytes[..width.bytes()]),
        Data::Read(buffer) => board.mmio_read(device, window, offset, &mut buffer[..width.bytes()]),
    }
    Ok((width.bytes(), Answer::Device { hit: Box::new(hit), width }))
}
