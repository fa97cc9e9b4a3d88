//! Model-specific registers (SDM volume 4; AMD64 volume 2, appendix A).

use crate::Board;
use crate::cpu::Cpu;
use crate::exec::wait::UMWAIT_CONTROL;
use crate::mmu::walk::canonical;
use crate::model::{Feature, Vendor};
use crate::state::{Msrs, sreg};

/// Bits 10:8 of IA32_MTRRCAP say fixed ranges and write-combining; 8 variable ranges.
const MTRR_CAP: u64 = 0x508;
/// IA32_MCG_CAP: the banks that [`Msrs::mc_banks`] has, without control register.
const MCG_CAP: u64 = 6;
/// IA32_APIC_BASE.EXTD
const X2APIC_ENABLE: u64 = 1 << 10;
/// A write to the TSC writes it as of now.
const TSC: u32 = 0x10;

/// Index of a fixed-range MTRR.
fn fixed_mtrr(number: u32) -> Option<usize> {
    match number {
        0x250 => Some(0),
        0x258 | 0x259 => Some(1 + (number - 0x258) as usize),
        0x268..=0x26f => Some(3 + (number - 0x268) as usize),
        _ => None,
    }
}

/// The eight memory types of which 2 and 3 are reserved, as PAT and MTRRs have them.
fn valid_types(value: u64, pat: bool) -> bool {
    value.to_le_bytes().iter().all(|byte| matches!(byte, 0 | 1 | 4 | 5 | 6) || pat && *byte == 7)
}

/// Whether a variable-range MTRR takes a value: IA32_MTRR_PHYSBASEn (even) has a type and a base,
/// PHYSMASKn (odd) a mask and V in bit 11; the rest is reserved (SDM volume 3, 13.11.2.3).
fn valid_range(number: u32, value: u64, physical_bits: u8) -> bool {
    let outside = value >> physical_bits != 0;
    let low = value & 0xfff;
    !outside && if number.is_multiple_of(2) { low < 8 && valid_types(low, false) } else { low & 0x7ff == 0 }
}

/// Bank and register of a machine-check MSR.
fn machine_check(number: u32) -> Option<(usize, usize)> {
    let at = number.checked_sub(0x400)? as usize;
    (at < 4 * MCG_CAP as usize).then_some((at / 4, at % 4))
}

impl Cpu {
    /// RDMSR; `None` stands for #GP(0). The clock must be exact.
    pub fn read_msr(&mut self, board: &mut Board, number: u32) -> Option<u64> {
        let msr = &self.msr;
        if let Some(fixed) = self.model.msr(number) {
            return Some(fixed);
        }
        Some(match number {
            TSC => self.tsc_at(board.fabric.clock.now_ns()),
            0x3b => msr.tsc_adjust,
            0x1b if !self.has_local_apic(board) => msr.apic_base,
            0x1b | 0x6e0 | 0x800..=0x8ff if self.has_apic_msr(number) => {
                return board.with_local_apic(self.id, |apic, cx| apic.read_msr(number, cx))?;
            }
            0x8b => 0,
            0xfe => MTRR_CAP,
            0x174 => msr.sysenter_cs,
            0x175 => msr.sysenter_esp,
            0x176 => msr.sysenter_eip,
            0x179 => MCG_CAP,
            0x17a => msr.mcg_status,
            0x1a0 => msr.misc_enable,
            0x1d9 => msr.debugctl,
            0x1db..=0x1de => 0,
            0x200..=0x20f => msr.mtrr_variable[(number - 0x200) as usize],
            0x277 => msr.pat,
            0x2ff => msr.mtrr_def_type,
            0xc000_0080 => self.control.efer,
            0xc000_0081 => msr.star,
            0xc000_0082 => msr.lstar,
            0xc000_0083 => msr.cstar,
            0xc000_0084 => msr.fmask,
            0xc000_0100 => self.seg[usize::from(sreg::FS)].base,
            0xc000_0101 => self.seg[usize::from(sreg::GS)].base,
            0xc000_0102 => msr.kernel_gs_base,
            0xc000_0103 if self.has_tsc_aux() => msr.tsc_aux,
            0xe1 if self.model.has(Feature::Waitpkg) => msr.umwait_control,
            0xda0 if self.model.has(Feature::Xsaves) => msr.xss,
            // AMD: SYSCFG, HWCR, NB_CFG and the interrupt-pending message register, which kernels
            // read on this family; and the IORRs and TOPs, empty.
            0xc001_0010 | 0xc001_0015 | 0xc001_001f | 0xc001_0055 if self.is_amd() => 0,
            0xc001_001a | 0xc001_001d if self.is_amd() => 0,
            _ => {
                if let Some(index) = fixed_mtrr(number) {
                    msr.mtrr_fixed[index]
                } else {
                    let (bank, register) = machine_check(number)?;
                    msr.mc_banks[bank][register]
                }
            }
        })
    }

    /// WRMSR; `None` stands for #GP(0). The clock must be exact.
    pub fn write_msr(&mut self, board: &mut Board, number: u32, value: u64) -> Option<()> {
        let bits = self.system_linear_bits();
        let address = |value: u64| canonical(value, bits).then_some(value);
        if self.model.msr(number).is_some() {
            return Some(());
        }
        match number {
            TSC => {
                let by = value.wrapping_sub(self.tsc_at(board.fabric.clock.now_ns()));
                self.msr.tsc_offset = self.msr.tsc_offset.wrapping_add(by);
                self.msr.tsc_adjust = self.msr.tsc_adjust.wrapping_add(by);
            }
            0x3b => {
                let by = value.wrapping_sub(self.msr.tsc_adjust);
                self.msr.tsc_offset = self.msr.tsc_offset.wrapping_add(by);
                self.msr.tsc_adjust = value;
            }
            0x1b if !self.has_local_apic(board) => self.msr.apic_base = value,
            0x1b if value & X2APIC_ENABLE != 0 && !self.model.has(Feature::X2apic) => return None,
            0x1b | 0x6e0 | 0x800..=0x8ff if self.has_apic_msr(number) => {
                return board.with_local_apic(self.id, |apic, cx| apic.write_msr(number, value, cx))?;
            }
            // Microcode update: accepted, without effect.
            0x79 | 0x8b => {}
            0x174 => self.msr.sysenter_cs = value & 0xffff_ffff,
            0x175 => self.msr.sysenter_esp = address(value)?,
            0x176 => self.msr.sysenter_eip = address(value)?,
            0x17a => self.msr.mcg_status = value,
            0x1a0 => self.msr.misc_enable = value,
            0x1d9 => self.msr.debugctl = value & 3,
            0x200..=0x20f => {
                let value = valid_range(number, value, self.model.physical_bits()).then_some(value)?;
                self.msr.mtrr_variable[(number - 0x200) as usize] = value;
            }
            0x277 if valid_types(value, true) => self.msr.pat = value,
            0x2ff => {
                if value & !0xcff != 0 || !valid_types(value & 0xff, false) {
                    return None;
                }
                self.msr.mtrr_def_type = value;
            }
            0xc000_0080 => return self.write_efer(value),
            0xc000_0081 => self.msr.star = value,
            0xc000_0082 => self.msr.lstar = address(value)?,
            0xc000_0083 => self.msr.cstar = address(value)?,
            0xc000_0084 => self.msr.fmask = value & 0xffff_ffff,
            0xc000_0100 => {
                self.seg[usize::from(sreg::FS)].base = address(value)?;
                self.refresh();
            }
            0xc000_0101 => {
                self.seg[usize::from(sreg::GS)].base = address(value)?;
                self.refresh();
            }
            0xc000_0102 => self.msr.kernel_gs_base = address(value)?,
            0xc000_0103 if self.has_tsc_aux() && value >> 32 == 0 => self.msr.tsc_aux = value,
            0xe1 if self.model.has(Feature::Waitpkg) && value & !UMWAIT_CONTROL == 0 => {
                self.msr.umwait_control = value;
            }
            0xc001_0010 | 0xc001_0015 | 0xc001_001f | 0xc001_0055 if self.is_amd() => {}
            // No component belongs to IA32_XSS.
            0xda0 if self.model.has(Feature::Xsaves) && value == 0 => self.msr.xss = value,
            _ => return self.write_plain_msr(number, value),
        }
        Some(())
    }

    fn write_plain_msr(&mut self, number: u32, value: u64) -> Option<()> {
        let Msrs { mtrr_fixed, mc_banks, .. } = &mut self.msr;
        if let Some(index) = fixed_mtrr(number) {
            mtrr_fixed[index] = valid_types(value, false).then_some(value)?;
        } else {
            let (bank, register) = machine_check(number)?;
            mc_banks[bank][register] = value;
        }
        Some(())
    }

    /// IA32_APIC_BASE is always there, the others by their features.
    fn has_apic_msr(&self, number: u32) -> bool {
        match number {
            0x1b => true,
            0x6e0 => self.model.has(Feature::TscDeadline),
            _ => self.model.has(Feature::X2apic),
        }
    }

    fn is_amd(&self) -> bool {
        self.model.vendor() == Vendor::Amd
    }

    fn has_tsc_aux(&self) -> bool {
        self.model.has(Feature::Rdtscp) || self.model.has(Feature::Rdpid)
    }

    fn has_local_apic(&self, board: &mut Board) -> bool {
        board.with_local_apic(self.id, |_, _| ()).is_some()
    }
}
