//! Descriptor tables and the loading of segment registers (SDM volume 3, chapters 3, 6).

use super::{Leave, Step, Word};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::decode::Op;
use crate::state::{Kind, Segment, flag, pending_debug, sreg};

/// A descriptor as it lies in its table.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// The first eight bytes.
    pub low: u64,
    /// The second eight bytes of 16-byte system descriptors in long mode.
    pub high: u64,
    /// Linear address.
    pub address: u64,
}

impl Descriptor {
    /// The segment that it describes.
    pub fn segment(&self, selector: u16) -> Segment {
        let mut segment = Segment::from_descriptor(selector, self.low);
        if !segment.is_code_or_data() {
            segment.base |= self.high << 32;
        }
        segment
    }

    /// Whether the second half of a 16-byte descriptor has, where an 8-byte one has its type, zero
    /// (SDM volume 3, 6.8.3.1 and 8.2.3).
    pub fn half_is_typeless(&self) -> bool {
        self.high >> 40 & 0x1f == 0
    }
}

/// The error code that names a selector.
pub fn selector_error(selector: u16) -> u32 {
    u32::from(selector & !3)
}

impl Cpu {
    /// Reads the descriptor that a selector names; #GP(selector) if it lies beyond its table.
    pub fn descriptor(&mut self, board: &mut Board, selector: u16) -> Result<Descriptor, Leave> {
        self.find_descriptor(board, selector)?.ok_or(()).map_err(|()| self.gp(selector_error(selector)))
    }

    /// Reads the descriptor that a selector names; `None` if it lies beyond its table.
    pub fn find_descriptor(&mut self, board: &mut Board, selector: u16) -> Result<Option<Descriptor>, Leave> {
        let offset = u64::from(selector & !7);
        let (base, limit) = if selector & 4 != 0 {
            let usable = self.ldtr.access != 0;
            (self.ldtr.base, if usable { u64::from(self.ldtr.limit) } else { 0 })
        } else {
            (self.gdtr.base, u64::from(self.gdtr.limit))
        };
        if offset + 7 > limit {
            return Ok(None);
        }
        let address = base.wrapping_add(offset);
        let low = self.load_system::<u64>(board, address)?;
        let system = low >> 44 & 1 == 0;
        let high = if system && self.long_mode() {
            if offset + 15 > limit {
                return Ok(None);
            }
            self.load_system::<u64>(board, address.wrapping_add(8))?
        } else {
            0
        };
        Ok(Some(Descriptor { low, high, address }))
    }

    /// Sets the accessed bit of a code or data descriptor, if it is clear.
    pub fn mark_accessed(&mut self, board: &mut Board, descriptor: &Descriptor) -> Step {
        if descriptor.low >> 40 & 1 == 0 {
            let byte = (descriptor.low >> 40) as u8 | 1;
            self.store_system(board, descriptor.address.wrapping_add(5), byte)?;
        }
        Ok(())
    }

    /// Loads a segment register other than CS, as MOV and POP do.
    ///
    /// # Errors
    /// #GP, #SS or #NP with the selector, as the manual's MOV has them.
    pub fn load_segment(&mut self, board: &mut Board, register: u8, selector: u16) -> Step {
        let index = usize::from(register % 6);
        if !self.protected() {
            // The limit and the rest of a big real-mode segment stay (unreal mode).
            self.seg[index].selector = selector;
            self.seg[index].base = u64::from(selector) << 4;
            self.seg[index].access = 0x93 | self.seg[index].access & 0xff00;
            self.refresh();
            return Ok(());
        }
        if self.v86() {
            self.seg[index] =
                Segment { selector, base: u64::from(selector) << 4, limit: 0xffff, access: 0xf3 };
            self.refresh();
            return Ok(());
        }
        let segment = if register == sreg::SS {
            self.stack_segment(board, selector, self.cpl, 13, 0)?
        } else {
            self.data_segment(board, selector)?
        };
        self.seg[index] = segment;
        self.refresh();
        Ok(())
    }

    fn data_segment(&mut self, board: &mut Board, selector: u16) -> Result<Segment, Leave> {
        if selector & !3 == 0 {
            return Ok(Segment { selector, ..Segment::default() });
        }
        let descriptor = self.descriptor(board, selector)?;
        let segment = descriptor.segment(selector);
        let rpl = (selector & 3) as u8;
        let privileged = !segment.conforming() && (rpl > segment.dpl() || self.cpl > segment.dpl());
        if !segment.is_code_or_data() || !segment.readable() || privileged {
            return Err(self.gp(selector_error(selector)));
        }
        if !segment.present() {
            return Err(self.np(selector_error(selector)));
        }
        self.mark_accessed(board, &descriptor)?;
        Ok(Segment { access: segment.access | 1, ..segment })
    }

    /// A stack segment for privilege level `cpl`; `vector` is 13 for loads by software, 10 for
    /// loads from a TSS; `ext` the EXT bit of error codes.
    pub fn stack_segment(
        &mut self,
        board: &mut Board,
        selector: u16,
        cpl: u8,
        vector: u8,
        ext: u32,
    ) -> Result<Segment, Leave> {
        let rpl = (selector & 3) as u8;
        if selector & !3 == 0 {
            // 64-bit code below ring 3 may run without a stack segment.
            if self.code_size() == CodeSize::Bits64 && cpl != 3 && rpl == cpl {
                return Ok(Segment { selector, base: 0, limit: 0, access: u16::from(cpl) << 5 });
            }
            return Err(self.raise(vector, Some(ext)));
        }
        let error = selector_error(selector) | ext;
        let Some(descriptor) = self.find_descriptor(board, selector)? else {
            return Err(self.raise(vector, Some(error)));
        };
        let segment = descriptor.segment(selector);
        if rpl != cpl || segment.dpl() != cpl || !segment.writable() || !segment.is_code_or_data() {
            return Err(self.raise(vector, Some(error)));
        }
        if !segment.present() {
            return Err(self.ss(error));
        }
        self.mark_accessed(board, &descriptor)?;
        Ok(Segment { access: segment.access | 1, ..segment })
    }
}

/// MOV segment register, register
pub fn mov_sr<const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if op.dst == sreg::CS {
        return Err(cpu.ud());
    }
    let selector = if MEMORY { cpu.read::<u16>(board, op)? } else { u16::get(cpu, op.src) };
    cpu.load_segment(board, op.dst, selector)?;
    after_segment_load(cpu, op)
}

/// MOV register, segment register: 16-bit operands keep the upper bits, wider ones clear them.
pub fn mov_rs<W: Word>(cpu: &mut Cpu, _: &mut Board, op: &Op) -> Step {
    let selector = u64::from(cpu.seg[usize::from(op.src % 6)].selector);
    W::set(cpu, op.dst, W::cut(selector));
    Ok(())
}

/// MOV memory, segment register
pub fn mov_ms(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let selector = cpu.seg[usize::from(op.src % 6)].selector;
    cpu.write(board, op, selector)
}

/// POP segment register
pub fn pop_seg<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let before = cpu.gpr[4];
    let selector = cpu.pop::<W>(board)?.zext() as u16;
    let after = std::mem::replace(&mut cpu.gpr[4], before);
    cpu.load_segment(board, op.dst, selector)?;
    // The stack pointer moves by the old stack segment's size, which `after` already has.
    cpu.gpr[4] = after;
    after_segment_load(cpu, op)
}

/// MOV and POP to SS hold interrupts and debug exceptions off for one instruction (SDM volume 3,
/// 7.8.3).
fn after_segment_load(cpu: &mut Cpu, op: &Op) -> Step {
    if op.dst == sreg::SS {
        cpu.control.pending_debug |= pending_debug::HELD;
        cpu.shadow_at = Some(cpu.retired + u64::from(op.nth) + 1);
        if cpu.careful {
            // The next instruction's breakpoints are held off too.
            return Err(Leave::Sync);
        }
    }
    Ok(())
}

/// LDS, LES, LFS, LGS, LSS: `aux` is the segment register. LSS holds nothing off (SDM volume 3,
/// 7.8.3).
pub fn load_far<W: Word>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let (selector, offset) = cpu.read_far::<W>(board, op)?;
    cpu.load_segment(board, op.aux, selector)?;
    W::set(cpu, op.dst, offset);
    Ok(())
}

impl Cpu {
    /// Reads a far pointer: its offset, then its selector, whose own offset is cut to the address size.
    pub fn read_far<W: Word>(&mut self, board: &mut Board, op: &Op) -> Result<(u16, W), Leave> {
        let offset = self.read::<W>(board, op)?;
        Ok((self.read::<u16>(board, &op.behind(W::BYTES))?, offset))
    }
}

fn set_zf(cpu: &mut Cpu, zf: bool) {
    let status = cpu.flags.status() & !flag::ZF;
    cpu.flags.set_status(status | if zf { flag::ZF } else { 0 });
}

/// The descriptor that LAR, LSL, VERR and VERW may look at.
fn visible(cpu: &mut Cpu, board: &mut Board, selector: u16) -> Result<Option<(Segment, u64)>, Leave> {
    if selector & !3 == 0 {
        return Ok(None);
    }
    let Some(descriptor) = cpu.find_descriptor(board, selector)? else { return Ok(None) };
    let segment = descriptor.segment(selector);
    let rpl = (selector & 3) as u8;
    let seen = segment.conforming() || (cpu.cpl <= segment.dpl() && rpl <= segment.dpl());
    Ok(seen.then_some((segment, descriptor.low)))
}

fn selector_operand<const MEMORY: bool>(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    register: u8,
) -> Result<u16, Leave> {
    if !cpu.protected() || cpu.v86() {
        return Err(cpu.ud());
    }
    if MEMORY { cpu.read::<u16>(board, op) } else { Ok(u16::get(cpu, register)) }
}

/// LAR
pub fn lar<W: Word, const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let selector = selector_operand::<MEMORY>(cpu, board, op, op.src)?;
    let long = cpu.long_mode();
    let found = visible(cpu, board, selector)?.filter(|(segment, _)| {
        let system = match segment.kind() {
            Kind::TSS16 | Kind::TSS16_BUSY | Kind::CALL_GATE16 | Kind::TASK_GATE => !long,
            Kind::LDT | Kind::TSS | Kind::TSS_BUSY | Kind::CALL_GATE => true,
            _ => false,
        };
        segment.is_code_or_data() || system
    });
    if let Some((_, raw)) = found {
        W::set(cpu, op.dst, W::cut(raw >> 32 & 0x00ff_ff00));
    }
    set_zf(cpu, found.is_some());
    Ok(())
}

/// LSL
pub fn lsl<W: Word, const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let selector = selector_operand::<MEMORY>(cpu, board, op, op.src)?;
    let long = cpu.long_mode();
    let found = visible(cpu, board, selector)?.filter(|(segment, _)| {
        let system = match segment.kind() {
            Kind::TSS16 | Kind::TSS16_BUSY => !long,
            Kind::LDT | Kind::TSS | Kind::TSS_BUSY => true,
            _ => false,
        };
        segment.is_code_or_data() || system
    });
    if let Some((segment, _)) = found {
        W::set(cpu, op.dst, W::cut(u64::from(segment.limit)));
    }
    set_zf(cpu, found.is_some());
    Ok(())
}

/// VERR (`WRITE` false) and VERW
pub fn verify<const WRITE: bool, const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    let selector = selector_operand::<MEMORY>(cpu, board, op, op.dst)?;
    let found = visible(cpu, board, selector)?.filter(|(segment, _)| {
        segment.is_code_or_data() && if WRITE { segment.writable() } else { segment.readable() }
    });
    set_zf(cpu, found.is_some());
    Ok(())
}

/// ARPL
pub fn arpl<const MEMORY: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    if !cpu.protected() || cpu.v86() {
        return Err(cpu.ud());
    }
    let rpl = u16::get(cpu, op.src) & 3;
    let old = if MEMORY { cpu.read::<u16>(board, op)? } else { u16::get(cpu, op.dst) };
    let raised = old & 3 < rpl;
    if raised {
        let new = old & !3 | rpl;
        if MEMORY { cpu.write(board, op, new)? } else { u16::set(cpu, op.dst, new) }
    }
    set_zf(cpu, raised);
    Ok(())
}
