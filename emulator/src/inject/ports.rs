//! I/O ports.

use super::{Data, Detail, Outcome, PortAccess, Refusal, Semantics, Trace};
use crate::Board;
use crate::bus::Width;

/// Accesses of one width at ascending ports.
pub(super) fn transfer(
    board: &mut Board,
    semantics: Semantics,
    address: u64,
    width: Width,
    mut data: Data<'_>,
) -> (Outcome, Detail) {
    if semantics == Semantics::Backdoor {
        return (Outcome::stopped(0, Refusal::Meaningless), Detail::Nothing);
    }
    if width == Width::Qword || !data.len().is_multiple_of(width.bytes()) {
        return (Outcome::stopped(0, Refusal::Width), Detail::Nothing);
    }
    let mut accesses = Trace::default();
    let mut done = 0;
    while done < data.len() {
        let Some(port) = address.checked_add(done as u64).and_then(|at| u16::try_from(at).ok()) else {
            return (Outcome::stopped(done, Refusal::End), Detail::Ports { accesses });
        };
        let (value, hit) = match data.part(done, width.bytes()) {
            Data::Write(bytes) => {
                let mut value = [0; 4];
                value[..bytes.len()].copy_from_slice(bytes);
                let value = u32::from_le_bytes(value);
                let hit = board.port_hit(port, true);
                board.port_write(port, width, value);
                (value, hit)
            }
            Data::Read(buffer) => {
                let hit = board.port_hit(port, false);
                let value = board.port_read(port, width);
                buffer.copy_from_slice(&value.to_le_bytes()[..buffer.len()]);
                (value, hit)
            }
        };
        accesses.push(PortAccess { port, width, value, hit });
        done += width.bytes();
    }
    (Outcome::all(done), Detail::Ports { accesses })
}
