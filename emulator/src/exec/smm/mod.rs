//! System management mode: SMI and RSM (AMD64 volume 2, chapter 10; SDM volume 3, chapter
//! "System Management Mode").
//!
//! An SMI is taken between two instructions. The processor's state goes to the state-save area in
//! SMRAM, in the layout of the model's vendor ([`map`]); RSM takes it back from there, after checks.

pub mod map;

use super::{Leave, Step};
use crate::Board;
use crate::cpu::{Cpu, Exception};
use crate::decode::Op;
use crate::model::CpuModel;
use crate::state::{Activity, CpuState, Segment, Smm, cr0, cr4, efer, flag, sreg};
use map::{Area, Image, Told};

/// Where the handler begins, from SMBASE on.
const ENTRY: u64 = 0x8000;
const CS: usize = sreg::CS as usize;

impl Cpu {
    /// Whether an SMI waits and can be taken now: not in system management mode, and not in the
    /// shadow of STI or MOV SS.
    pub fn takes_smi(&self, board: &Board) -> bool {
        board.wires[self.id].smi && !self.smm.active && self.shadow_at != Some(self.retired)
    }

    /// Takes an SMI: saves the state and goes to the handler (AMD64 volume 2, 10.3; SDM volume 3,
    /// tables 32-1 and 32-4).
    pub fn enter_smm(&mut self, board: &mut Board) {
        board.wires[self.id].smi = false;
        self.count_delivery();
        let told = Told {
            io: self.smm.io.take().filter(|io| io.done_at == self.retired),
            halted: self.activity == Activity::Halted,
        };
        let mut state = self.state();
        let base = self.smm.base;
        board.set_smm(true);
        Area::of(&self.model).save(&mut board.fabric.memory, &mut state, &told);
        board.attention = true;
        self.smm = Smm {
            active: true,
            base,
            nmi_blocked: self.nmi_blocked,
            pending_debug: std::mem::take(&mut self.control.pending_debug),
            io: None,
        };
        self.nmi_blocked = true;
        self.flags.set_rflags(flag::ONE);
        self.rip = ENTRY;
        // Real mode with limits of 4 GiB.
        let segment = |selector, base, access| Segment { selector, base, limit: u32::MAX, access };
        self.seg = [segment(0, 0, 0x8093); 6];
        self.seg[CS] = segment((base >> 4) as u16, base.into(), 0x809b);
        self.control.cr0 &= !(cr0::PE | cr0::EM | cr0::TS | cr0::PG);
        self.control.cr4 = 0;
        self.control.efer = 0;
        self.control.dr7 = 0x400;
        self.activity = Activity::Running;
        self.refresh();
        self.tlb.flush_all();
    }

    /// Takes the saved state back; `None` if it is invalid.
    fn leave_smm(&mut self, board: &mut Board) -> Option<()> {
        let area = Area::of(&self.model);
        let image = Image::read(&board.fabric.memory, self.smm.base);
        let mut state = self.state();
        area.restore(&image, &mut state);
        fix(&mut state);
        if !is_valid(&state, &self.model) {
            return None;
        }
        state.smm = Smm { active: false, base: area.base(&image), ..Smm::default() };
        state.nmi_blocked = self.smm.nmi_blocked;
        state.control.pending_debug = self.smm.pending_debug;
        state.activity = if area.halts_again(&image) { Activity::Halted } else { Activity::Running };
        self.set_state(&state);
        board.set_smm(false);
        let paging = state.control.cr0 & cr0::PG != 0 && state.control.cr4 & cr4::PAE != 0;
        if paging && !self.long_mode() {
            self.load_pdptes(board, state.control.cr3).ok()?;
        }
        Some(())
    }
}

/// Bits that are fixed, whatever the area says.
fn fix(state: &mut CpuState) {
    state.rflags = state.rflags & (flag::STATUS | flag::SYSTEM) | flag::ONE;
    state.control.cr0 |= cr0::ET;
    state.control.dr6 = state.control.dr6 & !0x1000 | 0xffff_0ff0;
    state.control.dr7 = state.control.dr7 & !0xd800 | 0x400;
}

/// Whether RSM may load a state (AMD64 volume 2, 10.4; SDM volume 3, "Exiting from SMM"): what MOV
/// to a control register would refuse leads to shutdown.
fn is_valid(state: &CpuState, model: &CpuModel) -> bool {
    let c = &state.control;
    let paging = c.cr0 & cr0::PG != 0;
    let long = c.efer & efer::LME != 0 && paging;
    let code = &state.segments[CS];
    let reserved = c.cr0 >> 32 != 0
        || c.cr4 & !model.cr4_bits() != 0
        || c.efer & !model.efer_bits() != 0
        || c.cr3 >> model.physical_bits() != 0
        || c.dr6 >> 32 != 0
        || c.dr7 >> 32 != 0;
    let inconsistent = paging && c.cr0 & cr0::PE == 0
        || c.cr0 & (cr0::NW | cr0::CD) == cr0::NW
        || long != (c.efer & efer::LMA != 0)
        || long && (c.cr4 & cr4::PAE == 0 || state.rflags & flag::VM != 0 || code.long() && code.big())
        || !long && c.cr4 & cr4::PCIDE != 0;
    !reserved && !inconsistent
}

/// RSM
pub fn rsm(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if !cpu.smm.active {
        return Err(cpu.ud());
    }
    let here = cpu.this_ip(op);
    if cpu.leave_smm(board).is_none() {
        cpu.rip = here;
        cpu.activity = Activity::Shutdown;
    }
    // No step is taken of RSM itself.
    cpu.exception = Some(Exception { vector: 1, error: None });
    Err(Leave::BranchSync)
}
