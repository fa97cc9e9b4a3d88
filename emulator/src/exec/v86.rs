//! Virtual-8086 mode extensions and protected-mode virtual interrupts (SDM volume 3, 22.3 and
//! 22.4): VIF in place of IF, and software interrupts that stay in the virtual machine.

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::Cpu;
use crate::state::{Kind, cr4, flag, gpr, sreg};

const CS: usize = sreg::CS as usize;
const RSP: usize = gpr::RSP as usize;

/// Which flag CLI, STI and their kin change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum InterruptFlag {
    /// IF
    Real,
    /// VIF
    Virtual,
}

impl Cpu {
    /// Which interrupt flag CLI and STI change now.
    ///
    /// # Errors
    /// #GP(0), raised, where they may change none.
    pub fn interrupt_flag(&mut self) -> Result<InterruptFlag, Leave> {
        if !self.protected() || self.cpl <= self.flags.iopl() {
            return Ok(InterruptFlag::Real);
        }
        let extension = if self.v86() { cr4::VME } else { cr4::PVI };
        if self.cpl == 3 && self.control.cr4 & extension != 0 {
            Ok(InterruptFlag::Virtual)
        } else {
            Err(self.gp(0))
        }
    }

    /// Whether PUSHF, POPF and IRET of `W` have VIF in the place of IF.
    ///
    /// # Errors
    /// #GP(0), raised, in virtual-8086 mode with an IOPL below 3 but for 16-bit operands with VME.
    pub fn flags_are_virtual<W: Word>(&mut self) -> Result<bool, Leave> {
        if !self.v86() || self.flags.iopl() == 3 {
            return Ok(false);
        }
        if W::BITS == 16 && self.control.cr4 & cr4::VME != 0 { Ok(true) } else { Err(self.gp(0)) }
    }

    /// What PUSHF pushes under VME: IOPL 3, and VIF for IF.
    pub fn virtual_image(&self) -> u64 {
        let image = self.flags.rflags() & !flag::IF | flag::IOPL;
        if self.flags.system & flag::VIF != 0 { image | flag::IF } else { image }
    }

    /// Raises what POPF and IRET raise under VME for a flag image: TF, or IF while an interrupt
    /// is pending.
    pub fn check_virtual_image(&mut self, image: u64) -> Step {
        let pending = self.flags.system & flag::VIP != 0;
        if image & flag::TF != 0 || image & flag::IF != 0 && pending { Err(self.gp(0)) } else { Ok(()) }
    }

    /// Loads the 16-bit image of POPF or IRET under VME: its IF goes to VIF, IF and IOPL stay.
    pub fn load_virtual_image(&mut self, image: u64) {
        let writable = 0xffff & !(flag::IF | flag::IOPL);
        let mut new = self.flags.rflags() & !writable & !flag::VIF | image & writable;
        if image & flag::IF != 0 {
            new |= flag::VIF;
        }
        self.flags.set_rflags(new);
    }

    /// INT n in virtual-8086 mode: whether it goes to the 8086 handler in the virtual machine, by
    /// the redirection bitmap below the I/O bitmap of the TSS (SDM volume 3, 22.3.3).
    ///
    /// # Errors
    /// #GP(0), raised, for one that goes to the IDT with an IOPL below 3.
    pub fn is_redirected(&mut self, board: &mut Board, vector: u8) -> Result<bool, Leave> {
        if self.control.cr4 & cr4::VME != 0 && matches!(self.tr.kind(), Kind::TSS | Kind::TSS_BUSY) {
            let map = u64::from(self.load_system::<u16>(board, self.tr.base.wrapping_add(0x66))?);
            let at = map.wrapping_sub(32) + u64::from(vector >> 3);
            if map < 32 || at > u64::from(self.tr.limit) {
                return Err(self.gp(0));
            }
            let byte = self.load_system::<u8>(board, self.tr.base.wrapping_add(at))?;
            if byte >> (vector & 7) & 1 == 0 {
                return Ok(true);
            }
        }
        if self.flags.iopl() < 3 { Err(self.gp(0)) } else { Ok(false) }
    }

    /// Delivers INT n to its 8086 handler, as real mode does; RIP is that to return to.
    pub fn redirect_interrupt(&mut self, board: &mut Board, vector: u8) -> Step {
        let entry = self.load_system::<u32>(board, 4 * u64::from(vector))?;
        let virtual_flag = self.flags.iopl() < 3;
        let image = if virtual_flag { self.virtual_image() } else { self.flags.rflags() };
        let top = self.gpr[RSP];
        let frame = [image, u64::from(self.seg[CS].selector), self.rip];
        for (nth, value) in frame.into_iter().enumerate() {
            self.stack_store(board, top.wrapping_sub(2 * (nth as u64 + 1)), value as u16)?;
        }
        self.set_stack_pointer(top.wrapping_sub(6));
        let selector = (entry >> 16) as u16;
        self.seg[CS].selector = selector;
        self.seg[CS].base = u64::from(selector) << 4;
        self.rip = u64::from(entry as u16);
        self.flags.system &= !(flag::TF | flag::RF | if virtual_flag { flag::VIF } else { flag::IF });
        self.refresh();
        Ok(())
    }
}
