//! What all families share: the bare machine with handlers that halt.
#![allow(dead_code)]

pub use super::common::device::{NMI, PORT, SMI, VECTOR};
pub use super::common::{
    CODE, CODE64, DATA, DATA0, GDT, HANDLERS, IDT, IST1, OPEN, PML4, RSP0, STACK, TABLE, TASK, TSS,
    USER_DATA, USER64, blank, gate, get, long, place, put, ring3, write,
};
pub use iced_x86::IcedError;
pub use iced_x86::code_asm::*;
pub use ringhold_emulator::mmu::walk::entry;
pub use ringhold_emulator::model::{CpuModel, Feature};
pub use ringhold_emulator::state::Activity;
pub use ringhold_emulator::state::{
    Segment, Table, cr0 as bits0, cr4 as bits4, dr6 as bits6, efer, flag, sreg,
};
pub use ringhold_emulator::{Machine, Stop};

pub const RAX: usize = 0;
pub const RCX: usize = 1;
pub const RDX: usize = 2;
pub const RBX: usize = 3;
pub const RSP: usize = 4;
pub const RSI: usize = 6;
pub const RDI: usize = 7;
pub const CS: usize = sreg::CS as usize;
pub const SS: usize = sreg::SS as usize;
pub const DS: usize = sreg::DS as usize;
pub const GS: usize = sreg::GS as usize;

pub type Coded = Result<(), IcedError>;
/// What writes a program.
pub type Code<'a> = &'a dyn Fn(&mut CodeAssembler) -> Coded;

/// A machine in long mode about to run this code.
pub fn program(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = long();
    machine.cpus[0].model = CpuModel::everything();
    place(&mut machine, CODE, |a| code(a).unwrap());
    machine
}

/// Every vector leads to a HLT of its own.
pub fn trapped(code: impl FnOnce(&mut CodeAssembler) -> Coded) -> Machine {
    let mut machine = program(code);
    for vector in 0..=0x20 {
        let at = HANDLERS + 16 * u64::from(vector);
        write(&mut machine, at, &[0xf4]);
        gate(&mut machine, vector, at, 0, 0);
    }
    machine
}

/// Runs until a handler of [`trapped`] halts: the vector, and the error code if it has one.
pub fn caught(machine: &mut Machine) -> (u64, Option<u64>) {
    assert_eq!(machine.run(100_000), Stop::Halted);
    let vector = (machine.cpus[0].rip - HANDLERS) / 16;
    assert!(vector <= 0x20, "no handler was reached");
    let coded = matches!(vector, 8 | 10..=14 | 17);
    (vector, coded.then(|| get(machine, machine.cpus[0].gpr[RSP])))
}

/// What was pushed: RIP, CS, RFLAGS, RSP, SS.
pub fn frame(machine: &Machine, coded: bool) -> [u64; 5] {
    let top = machine.cpus[0].gpr[RSP] + if coded { 8 } else { 0 };
    std::array::from_fn(|nth| get(machine, top + 8 * nth as u64))
}
