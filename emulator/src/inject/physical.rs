//! Physical memory: RAM, ROM and device windows.

use super::{Answer, Data, Outcome, Refusal, Semantics, Span, Trace};
use crate::Board;
use crate::bus::{Width, mmio};
use crate::memory::{PAGE, Target};

/// One access to physical memory, upwards until the first byte that refuses.
///
/// What answers is looked up again for each piece, because a device access may move windows.
pub(super) fn transfer(
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
        match piece(board, semantics, at, data.part(done, room)) {
            Ok((bytes, answer)) => {
                spans.span(Span { physical: at, bytes, answer });
                done += bytes;
            }
            Err(refusal) => return Outcome::stopped(done, refusal),
        }
    }
    Outcome::all(done)
}

/// The first piece of an access within one page: how long it was and what answered.
#[inline]
fn piece(
    board: &mut Board,
    semantics: Semantics,
    at: u64,
    data: Data<'_>,
) -> Result<(usize, Answer), Refusal> {
    let len = data.len();
    let memory = &mut board.fabric.memory;
    let bus = matches!(semantics, Semantics::Bus | Semantics::Cpu);
    match (memory.target(at), data) {
        (Target::Ram { offset }, Data::Write(bytes)) => {
            memory.store_backing(offset, bytes);
            Ok((len, Answer::Ram))
        }
        (Target::Ram { .. }, Data::Read(buffer)) => Ok((memory.read(at, buffer), Answer::Ram)),
        (Target::Rom { .. }, Data::Read(buffer)) => Ok((memory.read(at, buffer), Answer::Rom)),
        (Target::Rom { .. }, Data::Write(bytes)) => match semantics {
            Semantics::Backdoor => Ok((memory.write_backdoor(at, bytes), Answer::Rom)),
            Semantics::Debugger => Err(Refusal::Rom { address: at }),
            Semantics::Bus | Semantics::Cpu => Ok((len, Answer::RomIgnored)),
        },
        (Target::Hole, data) if bus => {
            if let Data::Read(buffer) = data {
                buffer.fill(0xff);
            }
            Ok((len, Answer::Nobody))
        }
        (Target::Hole, _) => Err(Refusal::Hole { address: at }),
        (Target::Mmio { .. }, _) if semantics == Semantics::Backdoor => Err(Refusal::Device { address: at }),
        (Target::Mmio { device, window, offset }, data) => {
            let width = mmio::pieces(offset, len, Width::Qword).next().map_or(Width::Byte, |p| p.1);
            let hit = board
                .mmio_hit(at)
                .unwrap_or_else(|| crate::board::Hit { device: board.name(device).into(), register: None });
            match data {
                Data::Write(bytes) => board.mmio_write(device, window, offset, &bytes[..width.bytes()]),
                Data::Read(buffer) => board.mmio_read(device, window, offset, &mut buffer[..width.bytes()]),
            }
            Ok((width.bytes(), Answer::Device { hit: Box::new(hit), width }))
        }
    }
}
