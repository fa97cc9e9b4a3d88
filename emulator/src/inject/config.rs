//! PCI configuration space.

use super::{ConfigCycle, Data, Detail, Outcome, Refusal, Semantics, Trace};
use crate::Board;
use crate::bus::pci::{CONFIG_BYTES, PciAddress};
use crate::bus::{Width, mmio};

/// Configuration cycles of naturally aligned pieces up to four bytes, ascending, up to the end
/// of the space.
pub(super) fn transfer(
    board: &mut Board,
    semantics: Semantics,
    function: PciAddress,
    address: u64,
    mut data: Data<'_>,
) -> (Outcome, Detail) {
    if board.function(function).is_none() {
        return (Outcome::stopped(0, Refusal::NoFunction { function }), Detail::Nothing);
    }
    if address >= CONFIG_BYTES as u64 {
        return (Outcome::stopped(0, Refusal::End), Detail::Nothing);
    }
    let offset = address as usize;
    let len = data.len().min(CONFIG_BYTES - offset);
    let mut cycles = Trace::default();
    for (done, width) in mmio::pieces(address, len, Width::Dword) {
        let at = (offset + done) as u16;
        let mut cycle = before(board, function, at, width);
        match data.part(done, width.bytes()) {
            Data::Write(bytes) => {
                cycle.value = word(bytes);
                if semantics == Semantics::Backdoor {
                    board.config_set(function, at, bytes);
                } else {
                    board.config_write(function, at, bytes);
                }
                let mut now = [0; 4];
                board.config_read(function, at, &mut now[..width.bytes()]);
                cycle.new = u32::from_le_bytes(now);
            }
            Data::Read(buffer) => drop(board.config_read(function, at, buffer)),
        }
        cycles.push(cycle);
    }
    let refusal = (len < data.len()).then_some(Refusal::End);
    (Outcome { moved: len, refusal }, Detail::Config { cycles })
}

/// The cycle as it will be if nothing changes.
fn before(board: &mut Board, function: PciAddress, offset: u16, width: Width) -> ConfigCycle {
    let mut old = [0; 4];
    board.config_read(function, offset, &mut old[..width.bytes()]);
    let (mut writable, mut clears) = ([0; 4], [0; 4]);
    let device = board.function(function).and_then(|id| board.device(id));
    if let Some(config) = device.and_then(|(device, _)| device.pci().map(|f| f.config())) {
        for i in 0..width.bytes() {
            (writable[i], clears[i]) = config.masks(usize::from(offset) + i);
        }
    }
    let old = u32::from_le_bytes(old);
    ConfigCycle {
        function,
        offset,
        bytes: width.bytes() as u8,
        old,
        value: old,
        writable: u32::from_le_bytes(writable),
        write_one_clears: u32::from_le_bytes(clears),
        new: old,
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}
