//! Model-specific registers.

use super::{Data, Detail, Outcome, Refusal, Semantics};
use crate::Board;
use crate::cpu::Cpu;

/// RDMSR or WRMSR from outside: the same checks and side effects, #GP(0) reported.
pub(super) fn transfer(
    cpus: &mut [Cpu],
    board: &mut Board,
    cpu: usize,
    address: u64,
    semantics: Semantics,
    data: Data<'_>,
) -> (Outcome, Detail) {
    let refused = |refusal| (Outcome::stopped(0, refusal), Detail::Nothing);
    if matches!(semantics, Semantics::Bus | Semantics::Backdoor) {
        return refused(Refusal::Meaningless);
    }
    let Some(processor) = cpus.get_mut(cpu) else { return refused(Refusal::NoProcessor { cpu }) };
    let Ok(msr) = u32::try_from(address) else { return refused(Refusal::End) };
    if data.len() != 8 {
        return refused(Refusal::Width);
    }
    if semantics == Semantics::Cpu && processor.cpl != 0 {
        return refused(Refusal::Msr { msr });
    }
    let old = processor.read_msr(board, msr);
    match data {
        Data::Read(buffer) => {
            let Some(value) = old else { return refused(Refusal::Msr { msr }) };
            buffer.copy_from_slice(&value.to_le_bytes());
            (Outcome::all(8), Detail::Msr { old, new: old })
        }
        Data::Write(bytes) => {
            let value = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            if processor.write_msr(board, msr, value).is_none() {
                return (Outcome::stopped(0, Refusal::Msr { msr }), Detail::Msr { old, new: old });
            }
            let new = processor.read_msr(board, msr);
            (Outcome::all(8), Detail::Msr { old, new })
        }
    }
}
