//! System instructions: control, debug and table registers, HLT, CPUID, time, cache.

use super::segment::{Descriptor, selector_error};
use super::v86::InterruptFlag;
use super::{Leave, Step, Word};
use crate::Board;
use crate::bus::LocalApic;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::mmu::walk::canonical;
use crate::model::Now;
use crate::state::{Activity, Kind, Segment, Table, cr0, cr4, efer, flag, gpr, pending_debug, sreg};

impl Cpu {
    /// Raises #GP(0) unless CPL is 0.
    pub fn privileged(&mut self) -> Step {
        if self.cpl == 0 { Ok(()) } else { Err(self.gp(0)) }
    }

    /// Raises #GP(0) where UMIP keeps system state from user mode (SDM volume 3, 2.5).
    fn not_umip(&mut self) -> Step {
        if self.control.cr4 & cr4::UMIP != 0 && self.cpl > 0 { Err(self.gp(0)) } else { Ok(()) }
    }

    /// Ticks of the time-stamp counter at the `nth` instruction of the current block.
    pub fn tsc(&self, board: &Board, nth: u8) -> u64 {
        self.tsc_at(board.fabric.clock.ns_at(self.retired + u64::from(nth)))
    }

    /// Ticks of the time-stamp counter at this moment.
    pub fn tsc_at(&self, ns: u64) -> u64 {
        let hz = self.model.tsc_hz;
        let ticks = match ns.checked_mul(hz) {
            _ if hz == 1_000_000_000 => ns,
            Some(product) => product / 1_000_000_000,
            None => (u128::from(ns) * u128::from(hz) / 1_000_000_000) as u64,
        };
        ticks.wrapping_add(self.msr.tsc_offset)
    }

    /// Writes CR0 with all its checks and consequences (SDM volume 3, 2.5; 10.9).
    pub fn write_cr0(&mut self, board: &mut Board, value: u64) -> Step {
        let known = cr0::PE
            | cr0::MP
            | cr0::EM
            | cr0::TS
            | cr0::ET
            | cr0::NE
            | cr0::WP
            | cr0::AM
            | cr0::NW
            | cr0::CD
            | cr0::PG;
        let new = value & known | cr0::ET;
        let old = self.control.cr0;
        let paging = new & cr0::PG != 0;
        let inconsistent = paging && new & cr0::PE == 0 || new & cr0::NW != 0 && new & cr0::CD == 0;
        if value >> 32 != 0 || inconsistent || !paging && self.control.cr4 & cr4::PCIDE != 0 {
            return Err(self.gp(0));
        }
        let starts = paging && old & cr0::PG == 0;
        let stops = !paging && old & cr0::PG != 0;
        let reloads = paging && (old ^ new) & (cr0::PG | cr0::CD | cr0::NW) != 0 && !self.long_mode();
        if starts && self.control.efer & efer::LME != 0 {
            let code = self.seg[usize::from(sreg::CS)];
            let small_task = matches!(self.tr.kind(), Kind::TSS16 | Kind::TSS16_BUSY);
            if self.control.cr4 & cr4::PAE == 0 || code.long() || small_task {
                return Err(self.gp(0));
            }
            self.control.efer |= efer::LMA;
        } else if reloads && self.control.cr4 & cr4::PAE != 0 {
            self.load_pdptes(board, self.control.cr3)?;
        }
        if stops {
            if self.code_size() == CodeSize::Bits64 {
                return Err(self.gp(0));
            }
            self.control.efer &= !efer::LMA;
        }
        self.control.cr0 = new;
        if (old ^ new) & (cr0::PG | cr0::WP | cr0::PE) != 0 {
            self.tlb.flush_all();
        }
        if old & cr0::PE == 0 && new & cr0::PE != 0 {
            // CPL is 0 until a far transfer says otherwise.
            self.seg[usize::from(sreg::SS)].access &= !0x60;
        }
        self.refresh();
        Ok(())
    }

    /// Writes CR4.
    pub fn write_cr4(&mut self, board: &mut Board, value: u64) -> Step {
        let old = self.control.cr4;
        if value & !self.model.cr4_bits() != 0 || self.long_mode() && value & cr4::PAE == 0 {
            return Err(self.gp(0));
        }
        let paging = self.control.cr0 & cr0::PG != 0;
        let changed = old ^ value;
        // SDM volume 3, 5.10.1 and 5.1.3: PCIDs begin in long mode and with zero; how many levels
        // there are is decided outside it.
        let begins = changed & value & cr4::PCIDE != 0;
        if begins && (!self.long_mode() || self.control.cr3 & 0xfff != 0)
            || changed & cr4::LA57 != 0 && self.long_mode()
        {
            return Err(self.gp(0));
        }
        if paging
            && value & cr4::PAE != 0
            && !self.long_mode()
            && changed & (cr4::PAE | cr4::PGE | cr4::PSE | cr4::SMEP) != 0
        {
            self.load_pdptes(board, self.control.cr3)?;
        }
        self.control.cr4 = value;
        let translating =
            cr4::PAE | cr4::PGE | cr4::PSE | cr4::PCIDE | cr4::SMEP | cr4::SMAP | cr4::PKE | cr4::LA57;
        if changed & translating != 0 {
            self.tlb.flush_all();
        }
        self.refresh();
        Ok(())
    }

    /// Writes IA32_EFER; `None` stands for #GP.
    pub fn write_efer(&mut self, value: u64) -> Option<()> {
        let offered = self.model.efer_bits();
        let old = self.control.efer;
        let paging = self.control.cr0 & cr0::PG != 0;
        if value & !offered != 0 || paging && (old ^ value) & efer::LME != 0 {
            return None;
        }
        // LMA is read-only.
        self.control.efer = value & !efer::LMA | old & efer::LMA;
        if (old ^ value) & efer::NXE != 0 {
            self.tlb.flush_all();
        }
        self.refresh();
        Some(())
    }
}

/// HLT
pub fn hlt(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.privileged()?;
    cpu.activity = Activity::Halted;
    Err(Leave::Sync)
}

/// CLI
pub fn cli(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let clear = match cpu.interrupt_flag()? {
        InterruptFlag::Real => flag::IF,
        InterruptFlag::Virtual => flag::VIF,
    };
    cpu.flags.system &= !clear;
    Ok(())
}

/// STI: interrupts are held off for one more instruction if IF was clear.
pub fn sti(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.interrupt_flag()? == InterruptFlag::Virtual {
        if cpu.flags.system & flag::VIP != 0 {
            return Err(cpu.gp(0));
        }
        cpu.flags.system |= flag::VIF;
    } else if cpu.flags.system & flag::IF == 0 {
        cpu.flags.system |= flag::IF;
        cpu.shadow_at = Some(cpu.retired + u64::from(op.nth) + 1);
        cpu.control.pending_debug &= !pending_debug::HELD;
    }
    cpu.look_if_needed(board)
}

/// CLTS
pub fn clts(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.privileged()?;
    cpu.control.cr0 &= !cr0::TS;
    cpu.refresh();
    Ok(())
}

/// UD2, UD1, UD0
pub fn ud(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    Err(cpu.ud())
}

/// INVD, WBINVD: there is no cache to lose.
pub fn invalidate_cache(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.privileged()
}

/// MOV register, CRn: `src` is the control register.
pub fn mov_from_cr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.privileged()?;
    let value = match op.src {
        0 => cpu.control.cr0,
        2 => cpu.control.cr2,
        3 => cpu.control.cr3,
        4 => cpu.control.cr4,
        8 => {
            let from_apic = board.with_local_apic(cpu.id, |apic, _| apic.cr8());
            u64::from(from_apic.unwrap_or(cpu.control.cr8))
        }
        _ => return Err(cpu.ud()),
    };
    W::set(cpu, op.dst, W::cut(value));
    Ok(())
}

/// MOV CRn, register: `dst` is the control register.
pub fn mov_to_cr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.privileged()?;
    let value = W::get(cpu, op.src).zext();
    match op.dst {
        0 => cpu.write_cr0(board, value)?,
        2 => cpu.control.cr2 = value,
        3 => return cpu.write_cr3(board, value),
        4 => cpu.write_cr4(board, value)?,
        8 => {
            if value > 15 {
                return Err(cpu.gp(0));
            }
            board.fabric.clock.set_retired(cpu.retired + u64::from(op.nth));
            let set = |apic: &mut dyn LocalApic, cx: &mut crate::bus::Cx<'_>| apic.set_cr8(value as u8, cx);
            if board.with_local_apic(cpu.id, set).is_none() {
                cpu.control.cr8 = value as u8;
            }
        }
        _ => return Err(cpu.ud()),
    }
    Err(Leave::Sync)
}

/// SMSW register or memory
pub fn smsw_r<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    cpu.not_umip()?;
    let value = W::cut(cpu.control.cr0);
    W::set(cpu, op.dst, value);
    Ok(())
}

/// SMSW memory
pub fn smsw_m(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.not_umip()?;
    let value = cpu.control.cr0 as u16;
    cpu.write(board, op, value)
}

/// LMSW: the low four bits of CR0; PE cannot be cleared.
pub fn lmsw<const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.privileged()?;
    let value = u64::from(if MEMORY { cpu.read::<u16>(board, op)? } else { u16::get(cpu, op.dst) });
    let new = cpu.control.cr0 & !0xe | value & 0xf;
    cpu.write_cr0(board, new)?;
    Err(Leave::Sync)
}

fn store_table(cpu: &mut Cpu, board: &mut Board, op: &Op, table: Table) -> Step {
    cpu.not_umip()?;
    let long = cpu.code_size() == CodeSize::Bits64;
    let size = if long { 10 } else { 6 };
    let linear = cpu.linear(op, size, true)?;
    cpu.check_write(board, linear, op.seg, size)?;
    cpu.store(board, linear, op.seg, table.limit)?;
    // The base is aligned as a doubleword is (SDM volume 3, 3.5.1).
    cpu.store(board, linear.wrapping_add(2), op.seg, table.base as u32)?;
    if long {
        cpu.store(board, linear.wrapping_add(6), op.seg, (table.base >> 32) as u32)?;
    }
    Ok(())
}

/// SGDT
pub fn sgdt(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    store_table(cpu, board, op, cpu.gdtr)
}

/// SIDT
pub fn sidt(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    store_table(cpu, board, op, cpu.idtr)
}

/// `aux` is the operand size in bytes: with 2, the base has 24 bits.
fn load_table(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Result<Table, Leave> {
    cpu.privileged()?;
    let long = cpu.code_size() == CodeSize::Bits64;
    let linear = cpu.linear(op, if long { 10 } else { 6 }, false)?;
    let limit = cpu.load::<u16>(board, linear, op.seg)?;
    let at = linear.wrapping_add(2);
    let base = if long {
        let base = cpu.load::<u64>(board, at, op.seg)?;
        if !canonical(base, cpu.system_linear_bits()) {
            return Err(cpu.gp(0));
        }
        base
    } else {
        let base = u64::from(cpu.load::<u32>(board, at, op.seg)?);
        if op.aux == 2 { base & 0xff_ffff } else { base }
    };
    Ok(Table { base, limit })
}

/// LGDT
pub fn lgdt(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.gdtr = load_table(cpu, board, op)?;
    Ok(())
}

/// LIDT
pub fn lidt(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.idtr = load_table(cpu, board, op)?;
    Ok(())
}

/// SLDT (`TASK` false) or STR to a register
pub fn store_selector_r<W: Word, const TASK: bool>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    if !cpu.protected() || cpu.v86() {
        return Err(cpu.ud());
    }
    cpu.not_umip()?;
    let selector = if TASK { cpu.tr.selector } else { cpu.ldtr.selector };
    W::set(cpu, op.dst, W::cut(u64::from(selector)));
    Ok(())
}

/// SLDT or STR to memory
pub fn store_selector_m<const TASK: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if !cpu.protected() || cpu.v86() {
        return Err(cpu.ud());
    }
    cpu.not_umip()?;
    let selector = if TASK { cpu.tr.selector } else { cpu.ldtr.selector };
    cpu.write(board, op, selector)
}

/// What LLDT and LTR check of a 16-byte descriptor beside its first half: #GP(selector) for a second
/// half that has a type, and for a base that is not canonical (SDM volume 2, LTR; AMD64 volume 3).
fn check_wide_descriptor(cpu: &mut Cpu, descriptor: &Descriptor, segment: &Segment) -> Step {
    let canonical_base = !cpu.long_mode() || canonical(segment.base, cpu.system_linear_bits());
    if descriptor.half_is_typeless() && canonical_base {
        return Ok(());
    }
    Err(cpu.gp(selector_error(segment.selector)))
}

/// LLDT
pub fn lldt<const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if !cpu.protected() || cpu.v86() {
        return Err(cpu.ud());
    }
    cpu.privileged()?;
    let selector = if MEMORY { cpu.read::<u16>(board, op)? } else { u16::get(cpu, op.dst) };
    if selector & !3 == 0 {
        cpu.ldtr = Segment { selector, ..Segment::default() };
        return Ok(());
    }
    let error = selector_error(selector);
    if selector & 4 != 0 {
        return Err(cpu.gp(error));
    }
    let descriptor = cpu.descriptor(board, selector)?;
    let segment = descriptor.segment(selector);
    if segment.is_code_or_data() || segment.kind() != Kind::LDT {
        return Err(cpu.gp(error));
    }
    if !segment.present() {
        return Err(cpu.np(error));
    }
    check_wide_descriptor(cpu, &descriptor, &segment)?;
    cpu.ldtr = segment;
    Ok(())
}

/// LTR
pub fn ltr<const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if !cpu.protected() || cpu.v86() {
        return Err(cpu.ud());
    }
    cpu.privileged()?;
    let selector = if MEMORY { cpu.read::<u16>(board, op)? } else { u16::get(cpu, op.dst) };
    let error = selector_error(selector);
    if selector & !3 == 0 || selector & 4 != 0 {
        return Err(cpu.gp(error));
    }
    let descriptor = cpu.descriptor(board, selector)?;
    let segment = descriptor.segment(selector);
    let available = match segment.kind() {
        Kind::TSS => true,
        Kind::TSS16 => !cpu.long_mode(),
        _ => false,
    };
    if segment.is_code_or_data() || !available {
        return Err(cpu.gp(error));
    }
    if !segment.present() {
        return Err(cpu.np(error));
    }
    check_wide_descriptor(cpu, &descriptor, &segment)?;
    let busy = (descriptor.low >> 40) as u8 | 2;
    cpu.store_system(board, descriptor.address.wrapping_add(5), busy)?;
    cpu.tr = Segment { access: segment.access | 2, ..segment };
    Ok(())
}

/// CPUID
pub fn cpuid(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    let (leaf, subleaf) = (u32::get(cpu, gpr::RAX), u32::get(cpu, gpr::RCX));
    let now = Now {
        cpu: cpu.id,
        cr4: cpu.control.cr4,
        xcr0: cpu.control.xcr0,
        xss: cpu.msr.xss,
        long: cpu.code_size() == CodeSize::Bits64,
    };
    let out = cpu.model.cpuid(leaf, subleaf, now);
    u32::set(cpu, gpr::RAX, out.eax);
    u32::set(cpu, gpr::RBX, out.ebx);
    u32::set(cpu, gpr::RCX, out.ecx);
    u32::set(cpu, gpr::RDX, out.edx);
    Ok(())
}

fn put_edx_eax(cpu: &mut Cpu, value: u64) {
    u32::set(cpu, gpr::RAX, value as u32);
    u32::set(cpu, gpr::RDX, (value >> 32) as u32);
}

/// RDTSC
pub fn rdtsc(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.control.cr4 & cr4::TSD != 0 && cpu.cpl != 0 && cpu.protected() {
        return Err(cpu.gp(0));
    }
    let value = cpu.tsc(board, op.nth);
    put_edx_eax(cpu, value);
    Ok(())
}

/// RDPMC: no counter is offered.
pub fn rdpmc(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    Err(cpu.gp(0))
}

/// RDMSR
pub fn rdmsr(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.privileged()?;
    board.fabric.clock.set_retired(cpu.retired + u64::from(op.nth));
    let number = u32::get(cpu, gpr::RCX);
    let Some(value) = cpu.read_msr(board, number) else { return Err(cpu.gp(0)) };
    put_edx_eax(cpu, value);
    Ok(())
}

/// WRMSR
pub fn wrmsr(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.privileged()?;
    board.fabric.clock.set_retired(cpu.retired + u64::from(op.nth));
    let number = u32::get(cpu, gpr::RCX);
    let value = u32::get(cpu, gpr::RDX).zext() << 32 | u32::get(cpu, gpr::RAX).zext();
    if cpu.write_msr(board, number, value).is_none() {
        return Err(cpu.gp(0));
    }
    Ok(())
}

/// SWAPGS
pub fn swapgs(cpu: &mut Cpu, _: &mut Board, _: &Op) -> Step {
    cpu.privileged()?;
    let gs = usize::from(sreg::GS);
    std::mem::swap(&mut cpu.seg[gs].base, &mut cpu.msr.kernel_gs_base);
    cpu.seg_base[gs] = cpu.seg[gs].base;
    Ok(())
}
