//! What the operands do not show: contents of memory, the stack, targets of branches, selectors,
//! counts, and values without which an instruction would do the same thing always.

use iced_x86::{Code, MemorySize, Mnemonic, OpCodeOperandKind, OpKind};

use super::memory::{Where, address_bytes};
use super::state::{control_word, extended, fx, mxcsr};
use super::{Builder, EXTENDED_AREA, RAX, RBP, RCX, RDI, RDX, RSI, RSP, restores_extended, saves_extended};
use crate::case::{ES, FX_BYTES, Mode, State};
use crate::layout::{CODE, CODE_16, LDT, base};

/// Segments of the local table that every host has: the 16-bit ones come last.
const KNOWN: u64 = if cfg!(no_16_bit_segments) { 6 } else { LDT.len() as u64 };

impl Builder<'_> {
    /// An address that a branch may lead to: INT3 waits there.
    pub(super) fn landing(&mut self) -> u64 {
        let rip = self.case.state.rip;
        if self.random.one_in(2) { rip + 16 + self.random.below(80) } else { rip - 1 - self.random.below(90) }
    }

    /// The same as an offset in the segment that a selector means.
    pub(super) fn landing_in(&mut self, selector: u16) -> u64 {
        let target = CODE + (self.landing() - self.mode.first_rip());
        target.wrapping_sub(base(selector)) & 0xffff_ffff
    }

    /// Contents of the memory operand and of the stack, by what the form reads.
    pub(super) fn implicit(&mut self) {
        let info = self.code.op_code();
        if self.instruction.stack_pointer_increment() != 0
            || info.mnemonic() == Mnemonic::Enter
            || info.mnemonic() == Mnemonic::Leave
        {
            if !self.pinned[RSP] {
                let target = self.target(40, Where::Whole);
                let stack = match info.mnemonic() {
                    // What is stored before a fault in the middle is the processor's choice.
                    Mnemonic::Pusha | Mnemonic::Pushad => target.wrapping_add(36),
                    _ => target.wrapping_add(self.random.pick(&[0, 0, 2, 4, 8])),
                };
                self.set_stack(stack);
            }
            if !self.pinned[RBP] && matches!(info.mnemonic(), Mnemonic::Enter | Mnemonic::Leave) {
                let target = self.target(16, Where::Any);
                self.set_frame(RBP, target);
            }
        }
        if let Some(target) = self.operand {
            let bytes = self.contents();
            self.case.patch(target, &bytes);
        }
    }

    fn contents(&mut self) -> Vec<u8> {
        let bytes = self.instruction.memory_size().size();
        if self.random.one_in(6) && (1..=32).contains(&bytes) {
            return self.a_registers(bytes);
        }
        let random = &mut *self.random;
        match self.instruction.memory_size() {
            MemorySize::Float32 => random.single().to_le_bytes().to_vec(),
            MemorySize::Float64 => random.double().to_le_bytes().to_vec(),
            MemorySize::Float80 => extended(random).to_vec(),
            MemorySize::Bcd => random.decimal().to_vec(),
            size if size.size() == 16 => random.vector().to_le_bytes().to_vec(),
            size if size.size() == 32 => {
                [random.vector().to_le_bytes(), random.vector().to_le_bytes()].concat()
            }
            size if size.size() <= 8 => {
                let value = if random.one_in(3) { random.vector() as u64 } else { random.integer() };
                value.to_le_bytes()[..size.size()].to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// So many bytes of what a register holds, as it is or with a bit changed.
    fn a_registers(&mut self, bytes: usize) -> Vec<u8> {
        let nth = self.random.below(self.mode.registers()) as usize;
        let state = &self.case.state;
        let mut held = match (self.instruction.memory_size(), bytes) {
            (MemorySize::Float32 | MemorySize::Float64, _) | (_, 9..) => {
                [&state.fx[160 + 16 * nth..][..16], &state.high[16 * nth..][..16]].concat()
            }
            _ => state.gpr[nth].to_le_bytes().to_vec(),
        };
        held.resize(bytes, 0);
        if self.random.one_in(2) {
            held[self.random.below(bytes as u64) as usize] ^= 1 << self.random.below(8);
        }
        held
    }

    pub(super) fn special(&mut self) {
        use MemorySize::{SegPtr16, SegPtr32, SegPtr64};
        use Mnemonic::*;
        match self.code.mnemonic() {
            Jmp | Call if matches!(self.instruction.memory_size(), SegPtr16 | SegPtr32 | SegPtr64) => {
                self.far_pointer(true);
                if self.mode == Mode::Bits64 && !self.pinned[RSP] {
                    let stack = self.target(32, Where::Inside) + 20;
                    self.set(RSP, stack);
                }
                if self.case.state.gpr[RSP] >> 32 != 0 {
                    // What a way into compatibility mode leaves above its 32 bits, and whether the
                    // stack has them, is the processor's choice.
                    self.instruction.set_code(Code::INVALID);
                }
            }
            Jmp | Call => self.branch(),
            Mov if self.code.op_code().op_kind(0) == OpCodeOperandKind::seg_reg => self.selector_operand(1),
            Lar | Lsl => self.selector_operand(1),
            Verr | Verw | Lldt | Ltr => self.selector_operand(0),
            Pop if self.instruction.op0_register().is_segment_register() => {
                let (stack, selector) = (self.stack(), self.selector());
                self.case.patch(stack, &selector.to_le_bytes());
            }
            // The host's kernel lets programs call these.
            Int => {
                if matches!(self.instruction.immediate8(), 3 | 4 | 0x80) {
                    self.instruction.set_immediate8(5);
                }
            }
            Into => self.case.state.rflags &= !(1 << 11),
            Les | Lds | Lss | Lfs | Lgs => self.far_pointer(false),
            Retf | Iret | Iretd | Iretq => self.far_frame(),
            Bound if self.random.one_in(2) => {
                if let Some(target) = self.operand {
                    let bytes = self.instruction.memory_size().size() / 2;
                    let upper = u64::MAX >> (65 - 8 * bytes);
                    self.case.patch(target, &0u64.to_le_bytes()[..bytes]);
                    self.case.patch(target + bytes as u64, &upper.to_le_bytes()[..bytes]);
                }
            }
            Ret => {
                let target = self.landing();
                let stack = self.stack();
                self.case.patch(stack, &target.to_le_bytes());
            }
            Popf | Popfd | Popfq => {
                // Not TF: the next instruction would trap.
                let value = self.random.bits() & 0xffff_feff;
                let stack = self.stack();
                self.case.patch(stack, &value.to_le_bytes());
            }
            Div | Idiv => self.dividend(),
            Daa | Das | Aaa | Aas if self.random.one_in(2) => {
                let digits = self.random.below(11) << 4 | self.random.below(16);
                self.case.state.gpr[RAX] = self.case.state.gpr[RAX] & !0xff | digits;
            }
            Bextr | Bzhi => self.range_of_bits(),
            Fscale if self.random.one_in(2) => self.far_scale(),
            Pcmpestri | Pcmpestri64 | Pcmpestrm | Pcmpestrm64 | Pcmpistri | Pcmpistrm | Vpcmpestri
            | Vpcmpestri64 | Vpcmpestrm | Vpcmpestrm64 | Vpcmpistri | Vpcmpistrm
                if !self.random.one_in(4) =>
            {
                self.texts();
            }
            Bt | Bts | Btr | Btc => self.bit_offset(),
            Shld | Shrd if self.instruction.op1_register().size() == 2 => {
                // With a count above 16 the result is undefined.
                let count = self.random.below(17);
                if self.instruction.op2_kind() == OpKind::Immediate8 {
                    self.instruction.set_immediate8(count as u8 | self.random.pick(&[0, 0x20, 0xe0]));
                } else if !self.pinned[RCX] {
                    self.case.state.gpr[RCX] = self.random.bits() & !31 | count;
                } else {
                    self.instruction.set_code(Code::INVALID);
                }
            }
            Cmpxchg => self.comparand(),
            Cmpxchg8b if self.random.one_in(2) => {
                if let Some(target) = self.operand {
                    let low = self.case.state.gpr[RAX] & 0xffff_ffff;
                    let value = self.case.state.gpr[RDX] << 32 | low;
                    self.case.patch(target, &value.to_le_bytes());
                }
            }
            Enter => {
                let level = self.random.pick(&[0, 0, 1, 2, 5, 31, 33]);
                let size = self.random.pick(&[0, 1, 8, 16, 0x100, 0x800, 0x8000, 0xffff]);
                self.instruction.set_immediate16(size);
                self.instruction.set_immediate8_2nd(level);
            }
            Ldmxcsr | Vldmxcsr => {
                if let Some(target) = self.operand {
                    let mut value = mxcsr(self.random);
                    if self.random.one_in(8) {
                        value |= 1 << (18 + self.random.below(14));
                    }
                    self.case.patch(target, &value.to_le_bytes());
                }
            }
            Fldcw => {
                if let Some(target) = self.operand {
                    let value = control_word(self.random) | self.random.pick(&[0, 0x40, 0xe080]);
                    self.case.patch(target, &value.to_le_bytes());
                }
            }
            Fxrstor | Fxrstor64 | Fldenv | Frstor => self.saved_state(),
            _ if saves_extended(self.code) => {
                self.components();
                self.initial_components();
            }
            _ if restores_extended(self.code) => {
                self.components();
                self.extended_area();
            }
            Cmpxchg16b if self.random.one_in(2) => {
                if let Some(target) = self.operand {
                    let mut value = self.case.state.gpr[RAX].to_le_bytes().to_vec();
                    value.extend(self.case.state.gpr[RDX].to_le_bytes());
                    self.case.patch(target, &value);
                }
            }
            _ => {}
        }
        if self.instruction.is_string_instruction() {
            self.repetition();
        }
    }

    /// The components that XSAVE or XRSTOR is about, in EDX:EAX.
    fn components(&mut self) {
        let mask = self.random.below(8);
        if !self.pinned[RAX] {
            self.case.state.gpr[RAX] = self.random.bits() & !7 | mask;
        }
    }

    /// Now and then components in their initial state: the native runner makes sure that they are.
    fn initial_components(&mut self) {
        let state = &mut self.case.state;
        if self.random.one_in(3) {
            let rest = State::default();
            state.fx[..24].copy_from_slice(&rest.fx[..24]);
            state.fx[32..160].fill(0);
        }
        if self.random.one_in(3) {
            state.fx[160..].fill(0);
        }
        if self.random.one_in(3) {
            state.high.fill(0);
        }
    }

    /// A scale by which the least number becomes nearly the greatest, or the other way about.
    fn far_scale(&mut self) {
        let power = self.random.pick(&[16380u64, 16445, 32766, 32829]) + self.random.below(4);
        let zeros = power.leading_zeros();
        let sign = self.random.bits() as u16 & 0x8000;
        let fx = &mut self.case.state.fx;
        fx[48..56].copy_from_slice(&(power << zeros).to_le_bytes());
        fx[56..58].copy_from_slice(&(sign | (0x3fff + 63 - zeros as u16)).to_le_bytes());
        if self.random.one_in(2) {
            // A denormal number.
            fx[40..42].copy_from_slice(&(self.random.bits() as u16 & 0x8000).to_le_bytes());
            fx[39] &= 0x7f;
        }
    }

    /// Start and length of BEXTR, the index of BZHI: around the width.
    fn range_of_bits(&mut self) {
        let register = self.instruction.op_register(2).full_register().number();
        if self.pinned[register] || self.random.one_in(4) {
            return;
        }
        let mut edge = || self.random.pick(&[0u64, 1, 8, 31, 32, 33, 63, 64, 65, 127, 128, 255]);
        let value = edge() | edge() << 8;
        self.case.state.gpr[register] = self.random.bits() & !0xffff | value;
    }

    /// Operands of the string comparisons: few different characters, and lengths about as long.
    fn texts(&mut self) {
        let alphabet: [u8; 4] = std::array::from_fn(|_| self.random.bits() as u8);
        let mut text = [0; 16];
        for nth in 0..16 {
            text.fill_with(|| if self.random.one_in(16) { 0 } else { self.random.pick(&alphabet) });
            self.case.state.fx[160 + 16 * nth..176 + 16 * nth].copy_from_slice(&text);
        }
        if let Some(target) = self.operand {
            text.rotate_left(1);
            self.case.patch(target, &text);
        }
        for register in [RAX, RDX] {
            if !self.pinned[register] && !self.random.one_in(4) {
                self.case.state.gpr[register] = self.random.below(40).wrapping_sub(20);
                if self.mode != Mode::Bits64 {
                    self.case.state.gpr[register] &= 0xffff_ffff;
                }
            }
        }
    }

    /// An area for XRSTOR in either format, now and then a wrong one.
    fn extended_area(&mut self) {
        let Some(target) = self.operand else { return };
        let mut image = fx(self.random).to_vec();
        image[28..32].fill(0xff);
        image.resize(EXTENDED_AREA as usize, 0);
        for byte in &mut image[576..] {
            *byte = self.random.bits() as u8;
        }
        let compacted = self.random.one_in(2);
        let layout = self.random.below(8);
        let present = if compacted { self.random.below(8) & layout } else { self.random.below(8) };
        image[512] = present as u8;
        if compacted {
            image[520] = layout as u8;
            image[527] = 0x80;
        }
        if self.random.one_in(6) {
            let at = self.random.pick(&[27, 512, 513, 519, 520, 521, 527, 528, 535, 536, 575]);
            image[at] ^= 1 << self.random.below(8);
        }
        self.case.patch(target, &image);
    }

    /// A selector: Linux's, the thread's own, none, or anything.
    pub(super) fn selector(&mut self) -> u16 {
        match self.random.below(24) {
            0..=2 => 0x23,
            3..=6 => 0x2b,
            7..=9 => 0x33,
            10 => self.random.below(4) as u16,
            11 => self.random.pick(&[0x20, 0x28, 0x29, 0x31, 0x10, 0x18, 0x43, 0x53]),
            12 => self.random.pick(&[0x63, 0x6b, 0x73, 0x80, 0x83, 0xfff8, 0xffff]),
            // One of the local table, or behind it.
            13..=21 => 8 * self.random.below(KNOWN + 1) as u16 + 4 + self.random.pick(&[3, 3, 3, 0, 1]),
            // 78h to 7Bh hold the processor's number.
            _ => match self.random.bits() as u16 {
                0x78..=0x7b => 0,
                any => any,
            },
        }
    }

    /// The selector of a far pointer. While SS has 16 bits, what the upper half of RSP holds is the host's
    /// kernel's business: a call into 64-bit code would push there.
    pub(super) fn far_selector(&mut self) -> u16 {
        let call = self.code.mnemonic() == Mnemonic::Call;
        match self.selector() {
            0x30..=0x33 if call && self.mode == Mode::Bits16 => CODE_16,
            selector => selector,
        }
    }

    /// Makes operand `n` a selector.
    fn selector_operand(&mut self, n: u32) {
        let selector = self.selector();
        match (self.instruction.op_kind(n), self.operand) {
            (OpKind::Memory, Some(target)) => self.case.patch(target, &selector.to_le_bytes()),
            _ => {
                let register = self.instruction.op_register(n).full_register().number();
                if !self.pinned[register] {
                    let value = &mut self.case.state.gpr[register];
                    *value = *value & !0xffff | u64::from(selector);
                }
            }
        }
    }

    /// Makes the memory operand a far pointer.
    fn far_pointer(&mut self, to_code: bool) {
        let selector = self.far_selector();
        let bytes = self.instruction.memory_size().size() as u64 - 2;
        if let Some(target) = self.operand {
            if to_code {
                let offset = self.landing_in(selector);
                self.case.patch(target, &offset.to_le_bytes()[..bytes as usize]);
            }
            self.case.patch(target.wrapping_add(bytes), &selector.to_le_bytes());
        }
    }

    /// What far returns and IRET pop: IP, CS, and for IRET FLAGS, SP, SS.
    fn far_frame(&mut self) {
        use Code::*;
        let bytes = match self.code {
            Retfw | Retfw_imm16 | Iretw => 2,
            Retfd | Retfd_imm16 | Iretd => 4,
            _ => 8,
        };
        if matches!(self.code, Retfw_imm16 | Retfd_imm16 | Retfq_imm16) {
            // Which is found first, a bad selector or a stack that is not there, is the processor's
            // choice: the outer stack pointer is near.
            let released = self.random.pick(&[0, 1, 2, 4, 8, 12]);
            self.instruction.set_immediate16(released);
        }
        // Not TF: the next instruction would trap. Not NT mostly: IRET would return to a task.
        let flags = self.random.bits() & if self.random.one_in(8) { 0x3f_feff } else { 0x3f_beff };
        let stack = self.target(16, Where::Any);
        let selector = self.selector();
        let frame = [
            self.landing_in(selector),
            u64::from(selector),
            flags,
            stack,
            self.random.pick(&[0x2b, 0x2b, 0x2b, 0x07, 0x0f, 0x17, 3]),
        ];
        let mut at = self.stack();
        for value in frame {
            self.case.patch(at, &value.to_le_bytes()[..bytes]);
            at = at.wrapping_add(bytes as u64);
        }
    }

    fn branch(&mut self) {
        let target = self.landing();
        match self.instruction.op0_kind() {
            OpKind::Register => {
                let register = self.instruction.op0_register().number();
                // A call through RSP would push onto the code.
                let other = if register == RSP { RAX } else { register };
                let first = self.instruction.op0_register() - register as u32;
                self.instruction.set_op0_register(first + other as u32);
                self.set(other, target);
            }
            OpKind::Memory => {
                if let Some(operand) = self.operand {
                    self.case.patch(operand, &target.to_le_bytes());
                }
            }
            _ => {}
        }
    }

    /// Dividends whose quotient may fit.
    fn dividend(&mut self) {
        if self.random.one_in(4) {
            return;
        }
        if self.random.one_in(3) && self.quotient_at_the_limit() {
            return;
        }
        let rax = self.case.state.gpr[RAX];
        let high = match self.random.below(3) {
            0 => 0,
            1 => (rax as i64 >> 63) as u64,
            _ => self.random.below(16),
        };
        if !self.pinned[RDX] {
            self.case.state.gpr[RDX] = high;
        }
        if !self.pinned[RAX] {
            let ah = if self.random.one_in(2) { 0 } else { (rax as i8 >> 7) as u64 & 0xff };
            self.case.state.gpr[RAX] = rax & !0xff00 | ah << 8;
        }
    }

    /// A dividend whose quotient is the greatest or the least that fits, or the one beyond; whether the
    /// operands allow it.
    fn quotient_at_the_limit(&mut self) -> bool {
        let register = self.instruction.op0_register();
        if self.instruction.op0_kind() != OpKind::Register || self.pinned[RAX] || self.pinned[RDX] {
            return false;
        }
        let (number, bits) = (register.full_register().number(), 8 * register.size() as u32);
        let upper = bits == 8 && register.number() / 4 == 1 && self.mode != Mode::Bits64;
        if matches!(number, RAX | RDX) || upper || bits == 64 && self.mode != Mode::Bits64 {
            return false;
        }
        let unused = 128 - bits;
        let divisor = i128::from(self.case.state.gpr[number]) << unused;
        let near = i128::from(self.random.below(3)) - 1;
        let (divisor, limit) = match self.code.mnemonic() {
            Mnemonic::Div => ((divisor as u128 >> unused) as i128, 1i128 << bits),
            _ => (divisor >> unused, self.random.pick(&[1, -1]) << (bits - 1)),
        };
        let rest = i128::from(self.random.below(3)).min(divisor.abs() - 1).max(0);
        let dividend = (limit + near).wrapping_mul(divisor).wrapping_add(rest) as u128;
        let low = dividend as u64 & u64::MAX >> (64 - bits);
        let high = (dividend >> bits) as u64;
        let gpr = &mut self.case.state.gpr;
        if bits == 8 {
            gpr[RAX] = gpr[RAX] & !0xffff | (high & 0xff) << 8 | low;
        } else {
            (gpr[RAX], gpr[RDX]) = (low, high & u64::MAX >> (64 - bits));
        }
        true
    }

    /// Bit offsets that stay near the operand, or far from everything.
    fn bit_offset(&mut self) {
        if self.instruction.op0_kind() == OpKind::Memory && self.instruction.op1_kind() == OpKind::Register {
            let register = self.instruction.op1_register();
            let number = register.number();
            if self.pinned[number] {
                // Its value is an address: as an offset it would lead anywhere.
                self.instruction.set_code(Code::INVALID);
                return;
            }
            let near = self.random.below(0x8000).wrapping_sub(0x4000);
            let far = self.random.pick(&[0x7f00_0000_0000_0000, 0x8100_0000_0000_0000]);
            let value = match register.size() {
                2 => self.random.bits() << 16 | near & 0xffff,
                4 => self.random.bits() << 32 | near & 0xffff_ffff,
                _ if self.random.one_in(16) => far,
                _ => near,
            };
            self.set(number, value);
        }
    }

    /// Makes the comparison of CMPXCHG come out equal, half of the time.
    fn comparand(&mut self) {
        if self.random.one_in(2) {
            return;
        }
        let rax = self.case.state.gpr[RAX];
        match (self.instruction.op0_kind(), self.operand) {
            (OpKind::Memory, Some(target)) => {
                let bytes = self.instruction.memory_size().size();
                self.case.patch(target, &rax.to_le_bytes()[..bytes]);
            }
            _ => {
                let register = self.instruction.op0_register().full_register().number();
                if !self.pinned[register] {
                    self.case.state.gpr[register] = rax;
                }
            }
        }
    }

    fn saved_state(&mut self) {
        let Some(target) = self.operand else { return };
        let state = fx(self.random);
        let mut image = match self.code.mnemonic() {
            Mnemonic::Fxrstor | Mnemonic::Fxrstor64 => {
                let mut image = state.to_vec();
                image[28..32].fill(0xff);
                if self.random.one_in(10) {
                    image[27] = 1;
                }
                image
            }
            _ => self.environment(&state),
        };
        image.truncate(self.instruction.memory_size().size());
        self.case.patch(target, &image);
    }

    /// What FRSTOR reads, in its 28- or 14-byte layout.
    fn environment(&mut self, state: &[u8; FX_BYTES]) -> Vec<u8> {
        let wide = matches!(self.code, Code::Fldenv_m28byte | Code::Frstor_m108byte);
        let word = if wide { 4 } else { 2 };
        let mut image = vec![0; 7 * word];
        image[..2].copy_from_slice(&state[..2]);
        image[word..word + 2].copy_from_slice(&state[2..4]);
        let tags = self.random.bits() as u16;
        image[2 * word..2 * word + 2].copy_from_slice(&tags.to_le_bytes());
        for i in 0..8 {
            image.extend_from_slice(&state[32 + 16 * i..42 + 16 * i]);
        }
        image
    }

    fn repetition(&mut self) {
        use Mnemonic::*;
        let compares =
            matches!(self.code.mnemonic(), Cmpsb | Cmpsw | Cmpsd | Cmpsq | Scasb | Scasw | Scasd | Scasq);
        match self.random.below(4) {
            0 => return,
            1 if compares => self.instruction.set_has_repne_prefix(true),
            _ => self.instruction.set_has_rep_prefix(true),
        }
        let count = match self.random.below(10) {
            0 => 0,
            1 => self.random.integer(),
            2 => self.random.below(300),
            _ => self.random.below(20),
        };
        let bytes = (0..self.instruction.op_count())
            .find_map(|n| address_bytes(self.instruction.op_kind(n)))
            .unwrap_or(self.mode.bits() / 8);
        match bytes {
            2 => {
                let upper = self.random.bits() & 0xffff_0000;
                self.set(RCX, count & 0xffff | upper);
            }
            _ => self.set_address(RCX, count, bytes == 4),
        }
        if compares && self.random.one_in(2) {
            let byte = self.case.state.gpr[RAX] as u8;
            self.case.state.gpr[RAX] = u64::from_le_bytes([byte; 8]);
            let length = self.random.below(40) as usize;
            let mask = if bytes == 2 { 0xffff } else { 0xffff_ffff };
            for (register, segment) in [(RSI, self.segment(None)), (RDI, ES)] {
                let at = (self.case.state.gpr[register] & mask) + self.mode.base(segment);
                self.case.patch(at, &vec![byte; length]);
            }
        }
    }
}
