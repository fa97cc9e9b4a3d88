//! Far jumps, calls and returns; call gates; SYSCALL and SYSENTER with their returns.

use super::segment::{Descriptor, selector_error};
use super::task::{Switch, is_available};
use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu, Exception};
use crate::decode::Op;
use crate::mmu::walk::canonical;
use crate::model::Vendor;
use crate::state::{Kind, Segment, dr6, efer, flag, gpr, sreg};

const RSP: usize = gpr::RSP as usize;
const CS: usize = sreg::CS as usize;
const SS: usize = sreg::SS as usize;

/// Where a far transfer leads.
enum Destination {
    Code(Target),
    /// A task, by its selector and TSS descriptor.
    Task(u16, Descriptor),
}

/// A code segment and an offset, perhaps through a gate.
struct Target {
    code: Segment,
    cpl: u8,
    ip: u64,
    /// A call gate was used; its size in bytes a stack slot and its parameter count.
    gate: Option<(u64, u8)>,
}

impl Cpu {
    fn far_target(
        &mut self,
        board: &mut Board,
        selector: u16,
        ip: u64,
        call: bool,
    ) -> Result<Destination, Leave> {
        if selector & !3 == 0 {
            return Err(self.gp(0));
        }
        let error = selector_error(selector);
        let descriptor = self.descriptor(board, selector)?;
        let segment = descriptor.segment(selector);
        let rpl = (selector & 3) as u8;
        if segment.is_code_or_data() {
            let allowed = segment.is_code()
                && if segment.conforming() {
                    segment.dpl() <= self.cpl
                } else {
                    rpl <= self.cpl && segment.dpl() == self.cpl
                };
            if !allowed || self.long_mode() && segment.long() && segment.big() {
                return Err(self.gp(error));
            }
            if !segment.present() {
                return Err(self.np(error));
            }
            self.check_far_ip(&segment, ip)?;
            self.mark_accessed(board, &descriptor)?;
            let code = self.code_at(segment, self.cpl);
            return Ok(Destination::Code(Target { code, cpl: self.cpl, ip, gate: None }));
        }
        let known = match segment.kind() {
            Kind::CALL_GATE => true,
            Kind::CALL_GATE16 | Kind::TASK_GATE => !self.long_mode(),
            _ => is_available(&segment) && !self.long_mode(),
        };
        if !known || segment.dpl() < self.cpl || rpl > segment.dpl() {
            return Err(self.gp(error));
        }
        if !segment.present() {
            return Err(self.np(error));
        }
        let low = descriptor.low;
        let through = (low >> 16) as u16;
        if is_available(&segment) {
            if selector & 4 != 0 {
                return Err(self.gp(error));
            }
            return Ok(Destination::Task(selector, descriptor));
        }
        if segment.kind() == Kind::TASK_GATE {
            return Ok(Destination::Task(through, self.gate_task(board, through, 0)?));
        }
        let wide = segment.kind() == Kind::CALL_GATE;
        if !descriptor.half_is_typeless() {
            return Err(self.gp(error));
        }
        let ip = low & 0xffff | if wide { low >> 32 & 0xffff_0000 } else { 0 } | descriptor.high << 32;
        let slot = match (self.long_mode(), wide) {
            (true, _) => 8,
            (_, true) => 4,
            _ => 2,
        };
        self.gate_code(board, through, ip, call, (slot, (low >> 32) as u8 & 31)).map(Destination::Code)
    }

    fn gate_code(
        &mut self,
        board: &mut Board,
        selector: u16,
        ip: u64,
        call: bool,
        gate: (u64, u8),
    ) -> Result<Target, Leave> {
        if selector & !3 == 0 {
            return Err(self.gp(0));
        }
        let error = selector_error(selector);
        let descriptor = self.descriptor(board, selector)?;
        let segment = descriptor.segment(selector);
        let to_inner = call && !segment.conforming();
        let privilege_fits = if to_inner || segment.conforming() {
            segment.dpl() <= self.cpl
        } else {
            segment.dpl() == self.cpl
        };
        let size_fits = !self.long_mode() || segment.long() && !segment.big();
        if !segment.is_code() || !privilege_fits || !size_fits {
            return Err(self.gp(error));
        }
        if !segment.present() {
            return Err(self.np(error));
        }
        self.check_far_ip(&segment, ip)?;
        self.mark_accessed(board, &descriptor)?;
        let cpl = if to_inner { segment.dpl() } else { self.cpl };
        Ok(Target { code: self.code_at(segment, cpl), cpl, ip, gate: Some(gate) })
    }

    fn code_at(&self, segment: Segment, cpl: u8) -> Segment {
        Segment { selector: segment.selector & !3 | u16::from(cpl), access: segment.access | 1, ..segment }
    }

    fn check_far_ip(&mut self, code: &Segment, ip: u64) -> Step {
        let inside = if self.long_mode() && code.long() {
            canonical(ip, self.linear_bits())
        } else {
            ip <= u64::from(code.limit)
        };
        if inside { Ok(()) } else { Err(self.gp(0)) }
    }

    /// Real and virtual-8086 mode: the selector is the base.
    fn far_real(&mut self, selector: u16, ip: u64) -> Step {
        if ip > u64::from(self.seg[CS].limit) {
            return Err(self.gp(0));
        }
        self.seg[CS].selector = selector;
        self.seg[CS].base = u64::from(selector) << 4;
        self.rip = ip;
        self.refresh();
        Err(Leave::BranchSync)
    }

    fn jump_far(&mut self, board: &mut Board, op: &Op, selector: u16, ip: u64) -> Step {
        if !self.protected() || self.v86() {
            return self.far_real(selector, ip);
        }
        let target = match self.far_target(board, selector, ip, false)? {
            Destination::Code(target) => target,
            Destination::Task(selector, tss) => {
                self.switch_task(board, selector, &tss, Switch::Jump, self.next_ip(op), 0)?;
                return Err(Leave::BranchSync);
            }
        };
        self.seg[CS] = target.code;
        self.rip = target.ip;
        self.refresh();
        Err(Leave::BranchSync)
    }

    fn call_far<W: Word>(&mut self, board: &mut Board, op: &Op, selector: u16, ip: u64) -> Step {
        let back = (u64::from(self.seg[CS].selector), self.next_ip(op));
        let top = self.gpr[RSP];
        if !self.protected() || self.v86() {
            if ip > u64::from(self.seg[CS].limit) {
                return Err(self.gp(0));
            }
            self.stack_store(board, top.wrapping_sub(W::BYTES), W::cut(back.0))?;
            self.stack_store(board, top.wrapping_sub(2 * W::BYTES), W::cut(back.1))?;
            self.set_stack_pointer(top.wrapping_sub(2 * W::BYTES));
            return self.far_real(selector, ip);
        }
        let target = match self.far_target(board, selector, ip, true)? {
            Destination::Code(target) => target,
            Destination::Task(selector, tss) => {
                self.switch_task(board, selector, &tss, Switch::Nest, back.1, 0)?;
                return Err(Leave::BranchSync);
            }
        };
        match target.gate {
            Some((slot, parameters)) if target.cpl < self.cpl => {
                self.call_inner(board, &target, slot, parameters, back)?;
            }
            other => {
                let slot = other.map_or(W::BYTES, |gate| gate.0);
                for (nth, value) in [back.0, back.1].into_iter().enumerate() {
                    let pointer = top.wrapping_sub(slot * (nth as u64 + 1));
                    match slot {
                        8 => self.stack_store(board, pointer, value)?,
                        4 => self.stack_store(board, pointer, value as u32)?,
                        _ => self.stack_store(board, pointer, value as u16)?,
                    }
                }
                self.set_stack_pointer(top.wrapping_sub(2 * slot));
            }
        }
        self.seg[CS] = target.code;
        self.rip = target.ip;
        self.refresh();
        Err(Leave::BranchSync)
    }

    /// A call through a gate to a lower ring: SS:RSP from the TSS, the old one and the
    /// parameters on it.
    fn call_inner(
        &mut self,
        board: &mut Board,
        target: &Target,
        slot: u64,
        parameters: u8,
        back: (u64, u64),
    ) -> Step {
        let old = (u64::from(self.seg[SS].selector), self.gpr[RSP]);
        let mut frame = vec![old.0, old.1];
        let view = self.stack_view(target.cpl);
        if self.long_mode() {
            let offset = 4 + 8 * u64::from(target.cpl);
            if offset + 7 > u64::from(self.tr.limit) {
                let error = selector_error(self.tr.selector);
                return Err(self.ts(error));
            }
            let mut pointer = self.load_system::<u64>(board, self.tr.base.wrapping_add(offset))?;
            frame.extend([back.0, back.1]);
            for value in frame {
                pointer = pointer.wrapping_sub(8);
                if !canonical(pointer, self.linear_bits()) {
                    return Err(self.ss(0));
                }
                self.store_in_view(board, pointer, value, view)?;
            }
            let cpl = u16::from(target.cpl);
            self.seg[SS] = Segment { selector: cpl, base: 0, limit: 0, access: cpl << 5 };
            self.gpr[RSP] = pointer;
            return Ok(());
        }
        let (selector, mut pointer) = self.inner_stack(board, target.cpl, 0)?;
        let segment = self.stack_segment(board, selector, target.cpl, 10, 0)?;
        for nth in (0..u64::from(parameters)).rev() {
            let at = self.gpr[RSP].wrapping_add(nth * slot);
            let value = if slot == 4 {
                u64::from(self.stack_load::<u32>(board, at)?)
            } else {
                u64::from(self.stack_load::<u16>(board, at)?)
            };
            frame.push(value);
        }
        frame.extend([back.0, back.1]);
        let mask = if segment.big() { 0xffff_ffff } else { 0xffff };
        // A stack of 16 bits has SP alone.
        let kept = self.gpr[RSP] & !mask;
        let bytes = frame.len() as u64 * slot;
        if !segment.contains(pointer.wrapping_sub(bytes) & mask, bytes) {
            return Err(self.ss(selector_error(selector)));
        }
        for value in frame {
            pointer = pointer.wrapping_sub(slot) & mask;
            let linear = segment.base.wrapping_add(pointer) & 0xffff_ffff;
            if slot == 4 {
                self.store_in_view(board, linear, value as u32, view)?;
            } else {
                self.store_in_view(board, linear, value as u16, view)?;
            }
        }
        self.seg[SS] = segment;
        self.gpr[RSP] = kept | pointer;
        Ok(())
    }
}

/// JMP ptr16:16 or ptr16:32: `imm` is the offset, `disp` the selector.
pub fn jmp_ptr(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.jump_far(board, op, op.disp as u16, op.imm)
}

/// CALL ptr16:16 or ptr16:32
pub fn call_ptr<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.call_far::<W>(board, op, op.disp as u16, op.imm)
}

/// JMP m16:16, m16:32, m16:64
pub fn jmp_far_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let (selector, ip) = cpu.read_far::<W>(board, op)?;
    cpu.jump_far(board, op, selector, ip.zext())
}

/// CALL m16:16, m16:32, m16:64
pub fn call_far_m<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let (selector, ip) = cpu.read_far::<W>(board, op)?;
    cpu.call_far::<W>(board, op, selector, ip.zext())
}

/// RETF; `imm` bytes are dropped from both stacks.
pub fn retf<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let top = cpu.gpr[RSP];
    let ip = cpu.stack_load::<W>(board, top)?.zext();
    let selector = cpu.stack_load::<W>(board, top.wrapping_add(W::BYTES))?.zext() as u16;
    let after = top.wrapping_add(2 * W::BYTES + op.imm);
    if !cpu.protected() || cpu.v86() {
        if ip > u64::from(cpu.seg[CS].limit) {
            return Err(cpu.gp(0));
        }
        cpu.set_stack_pointer(after);
        return cpu.far_real(selector, ip);
    }
    let (code, cpl) = cpu.return_target(board, selector, ip)?;
    if cpl > cpu.cpl {
        let pointer = cpu.stack_load::<W>(board, after)?.zext();
        let stack_selector = cpu.stack_load::<W>(board, after.wrapping_add(W::BYTES))?.zext() as u16;
        let stack = cpu.return_stack(board, stack_selector, &code, cpl)?;
        cpu.commit_return(code, cpl, ip, Some((stack, pointer.wrapping_add(op.imm))));
    } else {
        cpu.set_stack_pointer(after);
        cpu.commit_return(code, cpl, ip, None);
    }
    Err(Leave::BranchSync)
}

/// A flat segment as the fast system calls load it: no descriptor is read.
fn flat(selector: u16, access: u16) -> Segment {
    Segment { selector, base: 0, limit: 0xffff_ffff, access }
}

/// P, S, code, readable, accessed; with L (0x2000) or D (0x4000), G.
const CODE: u16 = 0x809b;
/// P, S, data, writable, accessed; B, G.
const DATA: u16 = 0xc093;
const LONG: u16 = 0x2000;
const BIG: u16 = 0x4000;
const RING3: u16 = 0x60;

/// SYSCALL (AMD64 volume 3; SDM volume 2)
pub fn syscall(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.control.efer & efer::SCE == 0 || !cpu.protected() || cpu.lacks_fast_call() {
        return Err(cpu.ud());
    }
    let star = cpu.msr.star;
    let selector = (star >> 32) as u16 & !3;
    let next = cpu.next_ip(op);
    if cpu.long_mode() {
        cpu.gpr[usize::from(gpr::RCX)] = next;
        cpu.gpr[11] = cpu.flags.rflags() & !flag::RF;
        let long = cpu.code_size() == CodeSize::Bits64;
        cpu.rip = if long { cpu.msr.lstar } else { cpu.msr.cstar };
        let kept = cpu.flags.rflags() & !(cpu.msr.fmask | flag::RF);
        cpu.flags.set_rflags(kept);
        cpu.seg[CS] = flat(selector, CODE | LONG);
    } else {
        u32::set(cpu, gpr::RCX, next as u32);
        cpu.rip = star & 0xffff_ffff;
        cpu.flags.system &= !(flag::VM | flag::IF | flag::RF);
        cpu.seg[CS] = flat(selector, CODE | BIG);
    }
    cpu.seg[SS] = flat(selector.wrapping_add(8), DATA);
    if cpu.flags.system & flag::TF == 0 {
        // TF counts as it is after SYSCALL: no step is taken into a kernel that masks it.
        cpu.exception = Some(Exception { vector: 1, error: None });
    }
    cpu.refresh_segments();
    cpu.branch_and_look_if_needed(board)
}

/// SYSRET; `LONG_TARGET`: with REX.W.
///
/// Intel's processors look at the target before they go there, and load all of SS; AMD's go, fault
/// in ring 3, and leave base, limit and attributes of SS as they were (but for the privilege).
pub fn sysret<const LONG_TARGET: bool>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    if cpu.control.efer & efer::SCE == 0 || !cpu.protected() || cpu.lacks_fast_call() {
        return Err(cpu.ud());
    }
    let intel = cpu.model.vendor() == Vendor::Intel;
    if cpu.cpl != 0 {
        return Err(cpu.gp(0));
    }
    let base = (cpu.msr.star >> 48) as u16;
    let rcx = cpu.gpr[usize::from(gpr::RCX)];
    if cpu.long_mode() {
        if intel && LONG_TARGET && !canonical(rcx, cpu.linear_bits()) {
            return Err(cpu.gp(0));
        }
        let image = cpu.gpr[11] & !(flag::RF | flag::VM);
        cpu.flags.set_rflags(image);
    } else {
        cpu.flags.system |= flag::IF;
    }
    if LONG_TARGET {
        cpu.rip = rcx;
        cpu.seg[CS] = flat(base.wrapping_add(16) | 3, CODE | LONG | RING3);
    } else {
        cpu.rip = rcx & 0xffff_ffff;
        cpu.seg[CS] = flat(base | 3, CODE | BIG | RING3);
    }
    let stack = flat(base.wrapping_add(8) | 3, DATA | RING3);
    let old = cpu.seg[SS];
    cpu.seg[SS] = match intel {
        true => stack,
        false => Segment { selector: stack.selector, access: old.access | RING3, ..old },
    };
    if cpu.flags.system & flag::TF != 0 {
        // As if the step were that of the SYSCALL that is now over.
        cpu.control.pending_debug |= dr6::BS;
    }
    cpu.refresh_segments();
    cpu.branch_and_look_if_needed(board)
}

impl Cpu {
    /// Whether SYSCALL and SYSRET do not exist in this mode: Intel's processors have them in 64-bit
    /// mode alone (SDM volume 2).
    fn lacks_fast_call(&self) -> bool {
        self.code_size() != CodeSize::Bits64 && self.model.vendor() == Vendor::Intel
    }

    /// Whether SYSENTER and SYSEXIT do not exist in this mode: AMD's processors do not have them in
    /// long mode (AMD64 volume 3).
    fn lacks_fast_entry(&self) -> bool {
        self.long_mode() && self.model.vendor() == Vendor::Amd
    }
}

/// SYSENTER
pub fn sysenter(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    if cpu.lacks_fast_entry() {
        return Err(cpu.ud());
    }
    let selector = cpu.msr.sysenter_cs as u16 & !3;
    if !cpu.protected() || selector == 0 {
        return Err(cpu.gp(0));
    }
    let long = cpu.long_mode();
    cpu.flags.system &= !(flag::VM | flag::IF | flag::RF);
    let cut = if long { u64::MAX } else { 0xffff_ffff };
    cpu.gpr[RSP] = cpu.msr.sysenter_esp & cut;
    cpu.rip = cpu.msr.sysenter_eip & cut;
    cpu.seg[CS] = flat(selector, CODE | if long { LONG } else { BIG });
    cpu.seg[SS] = flat(selector.wrapping_add(8), DATA);
    cpu.refresh();
    cpu.branch_and_look_if_needed(board)
}

/// SYSEXIT; `LONG_TARGET`: with REX.W.
pub fn sysexit<const LONG_TARGET: bool>(cpu: &mut Cpu, board: &mut Board, _: &Op) -> Step {
    let base = cpu.msr.sysenter_cs as u16 & !3;
    if !cpu.protected() || cpu.cpl != 0 {
        return Err(cpu.gp(0));
    }
    // After the privilege, as processors do.
    if cpu.lacks_fast_entry() {
        return Err(cpu.ud());
    }
    if base == 0 {
        return Err(cpu.gp(0));
    }
    let (rip, rsp) = (cpu.gpr[usize::from(gpr::RDX)], cpu.gpr[usize::from(gpr::RCX)]);
    if LONG_TARGET {
        let bits = cpu.linear_bits();
        if !canonical(rip, bits) || !canonical(rsp, bits) {
            return Err(cpu.gp(0));
        }
        cpu.rip = rip;
        cpu.gpr[RSP] = rsp;
        cpu.seg[CS] = flat(base.wrapping_add(32) | 3, CODE | LONG | RING3);
        cpu.seg[SS] = flat(base.wrapping_add(40) | 3, DATA | RING3);
    } else {
        cpu.rip = rip & 0xffff_ffff;
        cpu.gpr[RSP] = rsp & 0xffff_ffff;
        cpu.seg[CS] = flat(base.wrapping_add(16) | 3, CODE | BIG | RING3);
        cpu.seg[SS] = flat(base.wrapping_add(24) | 3, DATA | RING3);
    }
    cpu.refresh();
    cpu.branch_and_look_if_needed(board)
}
