//! Delivery of interrupts and exceptions through the IDT (SDM volume 3, chapter 7).

use super::debug;
use super::segment::selector_error;
use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{Cpu, Exception};
use crate::decode::Op;
use crate::mmu::tlb::Tlb;
use crate::mmu::walk::canonical;
use crate::state::{Activity, Kind, Segment, cr4, flag, gpr, sreg};

const RSP: usize = gpr::RSP as usize;
const CS: usize = sreg::CS as usize;
const SS: usize = sreg::SS as usize;

/// Where an event comes from: it decides privilege checks and the EXT bit of error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An interrupt from outside: nothing after it makes a double fault of it.
    Interrupt,
    /// An exception.
    Exception,
    /// INT n, INT3 or INTO: the gate's DPL is checked.
    Software,
}

/// What a gate says.
struct Gate {
    selector: u16,
    offset: u64,
    kind: u8,
    dpl: u8,
    present: bool,
    ist: u8,
}

/// Vectors that make a double fault when they follow one another (SDM table 7-5).
fn contributory(vector: u8) -> bool {
    matches!(vector, 0 | 10..=13)
}

impl Cpu {
    /// Delivers an event; exceptions on the way become double and triple faults.
    pub fn deliver(&mut self, board: &mut Board, first: Exception, source: Source) {
        self.count_delivery();
        // What a load of SS or STI held off is held off no more.
        self.shadow_at = None;
        board.watches.deliver(true);
        self.deliver_chain(board, first, source);
        board.watches.deliver(false);
    }

    fn deliver_chain(&mut self, board: &mut Board, first: Exception, source: Source) {
        let mut current = first;
        let mut origin = source;
        // Nothing of the block goes on: the pushes may hit whatever they hit.
        self.alone = true;
        // A benign first event may be followed by any exception without a double fault.
        let mut chain: Option<u8> = (source == Source::Exception).then_some(first.vector);
        loop {
            match self.through_gate(board, current, origin) {
                Ok(()) => return,
                Err(_) => {
                    let Some(next) = self.exception.take() else { return };
                    let previous = chain.unwrap_or(u8::MAX);
                    if previous == 8 {
                        self.activity = Activity::Shutdown;
                        return;
                    }
                    let double = contributory(previous) && contributory(next.vector)
                        || previous == 14 && (contributory(next.vector) || next.vector == 14);
                    // A fault pushes RF set (SDM volume 3, 18.3.1.1).
                    self.flags.system |= flag::RF;
                    current = if double { Exception { vector: 8, error: Some(0) } } else { next };
                    chain = Some(current.vector);
                    origin = Source::Exception;
                }
            }
        }
    }

    fn through_gate(&mut self, board: &mut Board, event: Exception, source: Source) -> Step {
        if !self.protected() {
            return self.real_mode_interrupt(board, event.vector);
        }
        let ext = u32::from(source != Source::Software);
        let gate_error = u32::from(event.vector) << 3 | 2 | ext;
        let gate = self.gate(board, event.vector, gate_error)?;
        if source == Source::Software && gate.dpl < self.cpl {
            return Err(self.gp(gate_error & !1));
        }
        if !gate.present {
            return Err(self.np(gate_error));
        }
        if self.long_mode() {
            self.long_mode_interrupt(board, event, &gate, ext)
        } else if gate.kind == Kind::TASK_GATE {
            self.task_interrupt(board, gate.selector, event.error, ext)
        } else {
            self.protected_interrupt(board, event, &gate, ext)
        }
    }

    fn gate(&mut self, board: &mut Board, vector: u8, error: u32) -> Result<Gate, Leave> {
        let long = self.long_mode();
        let size = if long { 16 } else { 8 };
        let offset = u64::from(vector) * size;
        if offset + size - 1 > u64::from(self.idtr.limit) {
            return Err(self.gp(error));
        }
        let address = self.idtr.base.wrapping_add(offset);
        let [low, high] = if long {
            self.load_system::<[u64; 2]>(board, address)?
        } else {
            [self.load_system::<u64>(board, address)?, 0]
        };
        let gate = Gate {
            selector: (low >> 16) as u16,
            offset: low & 0xffff | low >> 32 & 0xffff_0000 | high << 32,
            kind: (low >> 40) as u8 & 0x1f,
            dpl: (low >> 45) as u8 & 3,
            present: low >> 47 & 1 != 0,
            ist: if long { (low >> 32) as u8 & 7 } else { 0 },
        };
        let known = match gate.kind {
            Kind::INTERRUPT_GATE | Kind::TRAP_GATE => true,
            Kind::INTERRUPT_GATE16 | Kind::TRAP_GATE16 | Kind::TASK_GATE => !long,
            _ => false,
        };
        if known { Ok(gate) } else { Err(self.gp(error)) }
    }

    /// The code segment that a gate leads to, and the privilege level there.
    fn gate_target(&mut self, board: &mut Board, selector: u16, ext: u32) -> Result<(Segment, u8), Leave> {
        if selector & !3 == 0 {
            return Err(self.gp(ext));
        }
        let error = selector_error(selector) | ext;
        let Some(descriptor) = self.find_descriptor(board, selector)? else { return Err(self.gp(error)) };
        let segment = descriptor.segment(selector);
        if !segment.is_code() || segment.dpl() > self.cpl {
            return Err(self.gp(error));
        }
        if self.long_mode() && (!segment.long() || segment.big()) {
            return Err(self.gp(error));
        }
        if !segment.present() {
            return Err(self.np(error));
        }
        self.mark_accessed(board, &descriptor)?;
        let cpl = if segment.conforming() { self.cpl } else { segment.dpl() };
        let selector = selector & !3 | u16::from(cpl);
        Ok((Segment { selector, access: segment.access | 1, ..segment }, cpl))
    }

    fn long_mode_interrupt(&mut self, board: &mut Board, event: Exception, gate: &Gate, ext: u32) -> Step {
        let (code, cpl) = self.gate_target(board, gate.selector, ext)?;
        if !canonical(gate.offset, self.linear_bits()) {
            return Err(self.gp(ext));
        }
        let inner = cpl < self.cpl;
        let mut stack = if gate.ist != 0 {
            self.tss_word(board, 0x24 + 8 * u64::from(gate.ist - 1), ext)?
        } else if inner {
            self.tss_word(board, 4 + 8 * u64::from(cpl), ext)?
        } else {
            self.gpr[RSP]
        };
        stack &= !15;
        let view = self.stack_view(cpl);
        let frame = [
            self.rip,
            u64::from(self.seg[CS].selector),
            self.flags.rflags(),
            self.gpr[RSP],
            u64::from(self.seg[SS].selector),
        ];
        let stack = match event.error {
            None => self.push_frame(board, stack, frame, view, ext)?,
            Some(error) => {
                let [rip, cs, rflags, rsp, ss] = frame;
                let frame = [u64::from(error), rip, cs, rflags, rsp, ss];
                self.push_frame(board, stack, frame, view, ext)?
            }
        };
        if inner {
            self.seg[SS] =
                Segment { selector: u16::from(cpl), base: 0, limit: 0, access: u16::from(cpl) << 5 };
        }
        self.gpr[RSP] = stack;
        self.seg[CS] = code;
        self.rip = gate.offset;
        self.enter_handler(gate.kind);
        Ok(())
    }

    /// Pushes the words of `frame`, the last first, on the stack with its top at `top` in 64-bit
    /// mode; answers the new top.
    fn push_frame<const N: usize>(
        &mut self,
        board: &mut Board,
        top: u64,
        frame: [u64; N],
        view: usize,
        ext: u32,
    ) -> Result<u64, Leave> {
        let bottom = top.wrapping_sub(8 * N as u64);
        if self.store_together(bottom, frame, view) {
            return Ok(bottom);
        }
        for (nth, &value) in frame.iter().enumerate().rev() {
            let at = bottom.wrapping_add(8 * nth as u64);
            if !canonical(at, self.linear_bits()) {
                // The error code names no selector, EXT is told (SDM volume 2, INT n).
                return Err(self.ss(ext));
            }
            self.store_in_view(board, at, value, view)?;
        }
        Ok(bottom)
    }

    /// How a stack is accessed on the way to privilege level `cpl`: explicitly, so that AC overrides
    /// SMAP (SDM volume 3, 5.6.1).
    pub fn stack_view(&self, cpl: u8) -> usize {
        match cpl {
            3 => Tlb::USER,
            _ if self.control.cr4 & cr4::SMAP != 0 && self.flags.system & flag::AC != 0 => Tlb::SUPERVISOR_AC,
            _ => Tlb::SUPERVISOR,
        }
    }

    fn tss_word(&mut self, board: &mut Board, offset: u64, ext: u32) -> Result<u64, Leave> {
        if offset + 7 > u64::from(self.tr.limit) {
            let error = selector_error(self.tr.selector) | ext;
            return Err(self.ts(error));
        }
        self.load_system::<u64>(board, self.tr.base.wrapping_add(offset))
    }

    /// What all handlers begin with: TF, NT, RF and VM off, and IF off through interrupt gates.
    fn enter_handler(&mut self, kind: u8) {
        self.flags.system &= !(flag::TF | flag::NT | flag::RF | flag::VM);
        if matches!(kind, Kind::INTERRUPT_GATE | Kind::INTERRUPT_GATE16) {
            self.flags.system &= !flag::IF;
        }
        self.refresh_segments();
    }

    fn protected_interrupt(&mut self, board: &mut Board, event: Exception, gate: &Gate, ext: u32) -> Step {
        let (code, cpl) = self.gate_target(board, gate.selector, ext)?;
        let from_v86 = self.v86();
        if from_v86 && cpl != 0 {
            return Err(self.gp(selector_error(gate.selector) | ext));
        }
        let wide = gate.kind >= 8;
        let offset = if wide { gate.offset } else { gate.offset & 0xffff };
        if offset > u64::from(code.limit) {
            return Err(self.gp(ext));
        }
        let inner = cpl < self.cpl;
        let (stack_segment, mut pointer) = if inner {
            let (selector, pointer) = self.inner_stack(board, cpl, ext)?;
            (self.stack_segment(board, selector, cpl, 10, ext)?, pointer)
        } else {
            (self.seg[SS], self.gpr[RSP])
        };
        let selector = |index: u8| u64::from(self.seg[usize::from(index)].selector);
        let mut frame = Vec::with_capacity(10);
        if from_v86 {
            frame.extend([selector(sreg::GS), selector(sreg::FS), selector(sreg::DS), selector(sreg::ES)]);
        }
        if inner {
            frame.extend([selector(sreg::SS), self.gpr[RSP]]);
        }
        frame.extend([self.flags.rflags(), selector(sreg::CS), self.rip]);
        frame.extend(event.error.map(u64::from));
        let size = if wide { 4 } else { 2 };
        let mask = if stack_segment.big() { 0xffff_ffff } else { 0xffff };
        // A stack of 16 bits has SP alone.
        let kept = self.gpr[RSP] & !mask;
        let bottom = pointer.wrapping_sub(frame.len() as u64 * size) & mask;
        if !stack_segment.contains(bottom, frame.len() as u64 * size) {
            let error = if inner { selector_error(stack_segment.selector) | ext } else { ext };
            return Err(self.ss(error));
        }
        let view = self.stack_view(cpl);
        for value in frame {
            pointer = pointer.wrapping_sub(size) & mask;
            let linear = stack_segment.base.wrapping_add(pointer) & 0xffff_ffff;
            if wide {
                self.store_in_view(board, linear, value as u32, view)?;
            } else {
                self.store_in_view(board, linear, value as u16, view)?;
            }
        }
        if from_v86 {
            for index in [sreg::ES, sreg::DS, sreg::FS, sreg::GS] {
                self.seg[usize::from(index)] = Segment::default();
            }
        }
        self.gpr[RSP] = kept | pointer;
        self.seg[SS] = stack_segment;
        self.seg[CS] = code;
        self.rip = offset;
        self.enter_handler(gate.kind);
        Ok(())
    }

    /// SS and ESP for privilege level `cpl` from a 16- or 32-bit TSS.
    pub fn inner_stack(&mut self, board: &mut Board, cpl: u8, ext: u32) -> Result<(u16, u64), Leave> {
        let wide = self.tr.kind() >= 8;
        let (offset, size) = if wide { (4 + 8 * u64::from(cpl), 8) } else { (2 + 4 * u64::from(cpl), 4) };
        if offset + size - 1 > u64::from(self.tr.limit) {
            let error = selector_error(self.tr.selector) | ext;
            return Err(self.ts(error));
        }
        let at = self.tr.base.wrapping_add(offset);
        if wide {
            let pointer = self.load_system::<u32>(board, at)?;
            Ok((self.load_system::<u16>(board, at.wrapping_add(4))?, u64::from(pointer)))
        } else {
            let pointer = self.load_system::<u16>(board, at)?;
            Ok((self.load_system::<u16>(board, at.wrapping_add(2))?, u64::from(pointer)))
        }
    }

    fn real_mode_interrupt(&mut self, board: &mut Board, vector: u8) -> Step {
        let offset = u64::from(vector) * 4;
        if offset + 3 > u64::from(self.idtr.limit) {
            return Err(self.gp(0));
        }
        let entry = self.load_system::<u32>(board, self.idtr.base.wrapping_add(offset))?;
        let top = self.gpr[RSP];
        for (nth, value) in
            [self.flags.rflags(), u64::from(self.seg[CS].selector), self.rip].into_iter().enumerate()
        {
            self.stack_store(board, top.wrapping_sub(2 * (nth as u64 + 1)), value as u16)?;
        }
        self.set_stack_pointer(top.wrapping_sub(6));
        let selector = (entry >> 16) as u16;
        self.seg[CS].selector = selector;
        self.seg[CS].base = u64::from(selector) << 4;
        self.rip = u64::from(entry as u16);
        self.flags.system &= !(flag::TF | flag::IF | flag::AC | flag::RF);
        self.refresh();
        Ok(())
    }
}

/// INT n: `imm` is the vector.
pub fn int_n(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.v86() && cpu.is_redirected(board, op.imm as u8)? {
        let here = cpu.this_ip(op);
        cpu.rip = cpu.next_ip(op) & 0xffff;
        let done = cpu.redirect_interrupt(board, op.imm as u8);
        return match done {
            Ok(()) => after_software(cpu, board, op.imm as u8),
            Err(leave) => {
                cpu.rip = here;
                Err(leave)
            }
        };
    }
    software(cpu, board, op, op.imm as u8, Source::Software)
}

/// The handler begins with TF clear and nothing pending: the step is lost.
fn after_software(cpu: &mut Cpu, board: &Board, vector: u8) -> Step {
    cpu.exception = Some(Exception { vector, error: None });
    cpu.branch_and_look_if_needed(board)
}

/// INT3
pub fn int3(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    software(cpu, board, op, 3, Source::Software)
}

/// INT1: as if from outside, without the privilege check.
pub fn int1(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    cpu.control.dr7 &= !debug::GENERAL_DETECT;
    software(cpu, board, op, 1, Source::Exception)
}

/// INTO
pub fn into(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if cpu.flags.of() { software(cpu, board, op, 4, Source::Software) } else { Ok(()) }
}

fn software(cpu: &mut Cpu, board: &mut Board, op: &Op, vector: u8, source: Source) -> Step {
    let here = cpu.this_ip(op);
    cpu.rip = cpu.next_ip(op);
    if cpu.code_size() != crate::cpu::CodeSize::Bits64 {
        cpu.rip &= 0xffff_ffff;
    }
    let event = Exception { vector, error: None };
    match cpu.through_gate(board, event, source) {
        Ok(()) => after_software(cpu, board, vector),
        Err(leave) => {
            if leave != Leave::BranchFault {
                cpu.rip = here;
            }
            Err(leave)
        }
    }
}

/// IRET of operand size `W`.
pub fn iret<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    // Even an IRET that faults lets NMIs through (SDM volume 3, 7.7.1).
    cpu.nmi_blocked = false;
    let done = if !cpu.protected() || cpu.v86() {
        iret_real::<W>(cpu, board)
    } else if cpu.flags.system & flag::NT != 0 {
        if cpu.long_mode() { Err(cpu.gp(0)) } else { cpu.task_return(board, cpu.next_ip(op)) }
    } else {
        iret_protected::<W>(cpu, board)
    };
    done?;
    cpu.branch_and_look_if_needed(board)
}

fn iret_real<W: Word>(cpu: &mut Cpu, board: &mut Board) -> Step {
    let virtual_flag = cpu.flags_are_virtual::<W>()?;
    let top = cpu.gpr[RSP];
    let ip = cpu.stack_load::<W>(board, top)?.zext();
    let selector = cpu.stack_load::<W>(board, top.wrapping_add(W::BYTES))?.zext() as u16;
    let image = cpu.stack_load::<W>(board, top.wrapping_add(2 * W::BYTES))?.zext();
    if ip > u64::from(cpu.seg[CS].limit) {
        return Err(cpu.gp(0));
    }
    if virtual_flag {
        cpu.check_virtual_image(image)?;
    }
    cpu.set_stack_pointer(top.wrapping_add(3 * W::BYTES));
    cpu.seg[CS].selector = selector;
    cpu.seg[CS].base = u64::from(selector) << 4;
    cpu.rip = ip;
    if virtual_flag {
        cpu.load_virtual_image(image);
        cpu.refresh();
        return Ok(());
    }
    let kept = if W::BITS == 16 { !0xffff } else { flag::VM | flag::VIF | flag::VIP };
    let kept = if cpu.v86() { kept | flag::IOPL } else { kept };
    let old = cpu.flags.rflags();
    cpu.flags.set_rflags(old & kept | image & !kept);
    cpu.refresh();
    Ok(())
}

fn iret_protected<W: Word>(cpu: &mut Cpu, board: &mut Board) -> Step {
    let long_code = cpu.code_size() == crate::cpu::CodeSize::Bits64;
    let top = cpu.gpr[RSP];
    let frame = if long_code && W::BITS == 64 { cpu.load_together::<[u64; 5]>(top) } else { None };
    let word = |cpu: &mut Cpu, board: &mut Board, nth: usize| match frame {
        Some(words) => Ok(words[nth]),
        None => cpu.stack_load::<W>(board, top.wrapping_add(nth as u64 * W::BYTES)).map(Word::zext),
    };
    let ip = word(cpu, board, 0)?;
    let selector = word(cpu, board, 1)? as u16;
    let image = word(cpu, board, 2)?;
    if image & flag::VM != 0 && cpu.cpl == 0 && !cpu.long_mode() && W::BITS == 32 {
        return iret_to_v86(cpu, board, ip, selector, image, top);
    }
    let (code, cpl) = cpu.return_target(board, selector, ip)?;
    let from = cpu.cpl;
    let outer = cpl > from;
    if outer || long_code {
        let pointer = word(cpu, board, 3)?;
        let stack_selector = word(cpu, board, 4)? as u16;
        let stack = cpu.return_stack(board, stack_selector, &code, cpl)?;
        cpu.commit_return(code, cpl, ip, Some((stack, pointer)));
    } else {
        cpu.commit_return(code, cpl, ip, None);
        cpu.set_stack_pointer(top.wrapping_add(3 * W::BYTES));
    }
    cpu.load_iret_flags::<W>(image, from);
    Ok(())
}

fn iret_to_v86(cpu: &mut Cpu, board: &mut Board, ip: u64, selector: u16, image: u64, top: u64) -> Step {
    let mut words = [0u64; 6];
    for (nth, word) in words.iter_mut().enumerate() {
        *word = u64::from(cpu.stack_load::<u32>(board, top.wrapping_add(12 + 4 * nth as u64))?);
    }
    let [pointer, ss, es, ds, fs, gs] = words;
    cpu.flags.set_rflags(image);
    for (index, value) in [
        (sreg::CS, u64::from(selector)),
        (sreg::SS, ss),
        (sreg::ES, es),
        (sreg::DS, ds),
        (sreg::FS, fs),
        (sreg::GS, gs),
    ] {
        let selector = value as u16;
        let access = if index == sreg::CS { 0xfb } else { 0xf3 };
        cpu.seg[usize::from(index)] =
            Segment { selector, base: u64::from(selector) << 4, limit: 0xffff, access };
    }
    cpu.gpr[RSP] = pointer;
    cpu.rip = ip & 0xffff;
    cpu.refresh();
    Ok(())
}

impl Cpu {
    /// The code segment that IRET or a far return goes to; its RPL is the new privilege level.
    pub fn return_target(
        &mut self,
        board: &mut Board,
        selector: u16,
        ip: u64,
    ) -> Result<(Segment, u8), Leave> {
        if selector & !3 == 0 {
            return Err(self.gp(0));
        }
        let error = selector_error(selector);
        let rpl = (selector & 3) as u8;
        let descriptor = self.descriptor(board, selector)?;
        let segment = descriptor.segment(selector);
        let privilege_fits = if segment.conforming() { segment.dpl() <= rpl } else { segment.dpl() == rpl };
        let size_fits = !(self.long_mode() && segment.long() && segment.big());
        if !segment.is_code() || rpl < self.cpl || !privilege_fits || !size_fits {
            return Err(self.gp(error));
        }
        if !segment.present() {
            return Err(self.np(error));
        }
        let inside = if self.long_mode() && segment.long() {
            canonical(ip, self.linear_bits())
        } else {
            ip <= u64::from(segment.limit)
        };
        if !inside {
            return Err(self.gp(0));
        }
        self.mark_accessed(board, &descriptor)?;
        Ok((Segment { access: segment.access | 1, ..segment }, rpl))
    }

    /// The stack segment that a return to `cpl` loads.
    pub fn return_stack(
        &mut self,
        board: &mut Board,
        selector: u16,
        code: &Segment,
        cpl: u8,
    ) -> Result<Segment, Leave> {
        let to_long = self.long_mode() && code.long();
        if selector & !3 == 0 {
            if to_long && cpl != 3 && (selector & 3) as u8 == cpl {
                return Ok(Segment { selector, base: 0, limit: 0, access: u16::from(cpl) << 5 });
            }
            return Err(self.gp(0));
        }
        self.stack_segment(board, selector, cpl, 13, 0)
    }

    /// Commits a return: CS, RIP, and SS:RSP if they were popped. Data segments that the new
    /// privilege level may not use become null.
    pub fn commit_return(&mut self, code: Segment, cpl: u8, ip: u64, stack: Option<(Segment, u64)>) {
        let outer = cpl > self.cpl;
        self.seg[CS] = code;
        self.rip = ip;
        if let Some((segment, pointer)) = stack {
            self.seg[SS] = segment;
            let to_long = self.long_mode() && code.long();
            if to_long || segment.big() {
                self.gpr[RSP] = if to_long { pointer } else { pointer & 0xffff_ffff };
            } else {
                u16::set(self, gpr::RSP, pointer as u16);
            }
        }
        if outer {
            for index in [sreg::ES, sreg::DS, sreg::FS, sreg::GS] {
                let segment = &mut self.seg[usize::from(index)];
                if segment.dpl() < cpl && segment.access != 0 && !segment.conforming() {
                    // The base of FS and GS stays, as in 64-bit mode it must.
                    *segment = Segment { base: segment.base, ..Segment::default() };
                }
            }
        }
        self.refresh_segments();
    }

    /// Loads the flags that IRET may change from privilege level `from`.
    fn load_iret_flags<W: Word>(&mut self, image: u64, from: u8) {
        let mut writable = flag::STATUS | flag::TF | flag::DF | flag::NT;
        if W::BITS > 16 {
            writable |= flag::RF | flag::AC | flag::ID;
        }
        if from <= self.flags.iopl() {
            writable |= flag::IF;
        }
        if from == 0 {
            writable |= flag::IOPL;
            if W::BITS > 16 {
                writable |= flag::VIF | flag::VIP;
            }
        }
        let old = self.flags.rflags();
        self.flags.set_rflags(old & !writable | image & writable);
        self.refresh_view();
    }
}
