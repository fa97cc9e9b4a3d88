//! Cases: an instruction of a form with random operands, and a state that makes it interesting.

mod encoding;
mod memory;
mod special;
mod state;

use std::ops::Range;

use iced_x86::{
    Code, Encoder, FlowControl, Instruction, MemorySize, Mnemonic, OpCodeOperandKind, OpKind, Register,
};

pub use encoding::{is_judged, reencode};
pub use state::state;

use crate::case::{Case, DS, Mode, SS};
use crate::forms::{self, Form};
use crate::layout::{DATA, DATA_BYTES, PAGE};
use crate::values::{Lanes, Random};

const RAX: usize = 0;
const RCX: usize = 1;
const RDX: usize = 2;
const RBX: usize = 3;
const RSP: usize = 4;
const RBP: usize = 5;
const RSI: usize = 6;
const RDI: usize = 7;

/// A case and what has to be known to judge it.
#[derive(Clone, Debug)]
pub struct Generated {
    /// What runs.
    pub case: Case,
    /// The instruction in it.
    pub instruction: Instruction,
    /// General registers that addresses depend on.
    pub pinned: [bool; 16],
    /// The linear address of the memory operand.
    pub operand: Option<u64>,
}

/// Bytes of an area of XSAVE with the AVX state.
const EXTENDED_AREA: u64 = 832;

/// XSAVE and its kin.
pub fn saves_extended(code: Code) -> bool {
    use Mnemonic::*;
    matches!(code.mnemonic(), Xsave | Xsave64 | Xsaveopt | Xsaveopt64 | Xsavec | Xsavec64)
}

/// XRSTOR
pub fn restores_extended(code: Code) -> bool {
    matches!(code.mnemonic(), Mnemonic::Xrstor | Mnemonic::Xrstor64)
}

/// What a form's vectors hold.
fn lanes(code: Code) -> Lanes {
    match code.op_code().memory_size().element_type() {
        MemorySize::Float64 => Lanes::Doubles,
        MemorySize::Float32 => Lanes::Singles,
        MemorySize::Float16 => Lanes::Halves,
        MemorySize::Unknown => Lanes::Any,
        _ => Lanes::Integers,
    }
}

/// Attempts to make an encodable instruction.
const ATTEMPTS: usize = 64;

/// A case for one instruction of this form; `None` if the generator cannot make one.
pub fn case(form: Form, random: &mut Random) -> Option<Generated> {
    (0..ATTEMPTS).find_map(|_| Builder::new(form, random).build())
}

/// One instruction of this form that needs nothing of the general registers: its memory operand has
/// an absolute address, whatever the bytes lie at. `None` for forms that cannot do without. The
/// operand's contents are laid into `case`.
pub fn independent(form: Form, case: &mut Case, random: &mut Random) -> Option<Vec<u8>> {
    (0..4).find_map(|_| {
        let mut builder = Builder::new(form, random);
        builder.absolute = true;
        let generated = builder.build()?;
        let string = generated.instruction.is_string_instruction();
        (!string && !generated.pinned.contains(&true)).then_some(())?;
        for patch in generated.case.patches {
            // Mostly the operands of later instructions keep what earlier ones stored.
            case.patches.push(patch);
        }
        Some(generated.case.code)
    })
}

/// One attempt at a case.
struct Builder<'a> {
    random: &'a mut Random,
    code: Code,
    mode: Mode,
    instruction: Instruction,
    case: Case,
    pinned: [bool; 16],
    operand: Option<u64>,
    /// Memory operands have absolute addresses.
    absolute: bool,
}

impl<'a> Builder<'a> {
    fn new(form: Form, random: &'a mut Random) -> Self {
        let Form { code, mode } = form;
        let mut instruction = Instruction::default();
        instruction.set_code(code);
        Self {
            random,
            code,
            mode,
            instruction,
            case: Case { mode, ..Case::default() },
            pinned: [false; 16],
            operand: None,
            absolute: false,
        }
    }

    fn build(mut self) -> Option<Generated> {
        self.random.begin(lanes(self.code));
        self.case.state = state(self.mode, self.random);
        self.case.state.rip = match self.random.below(10) {
            // Across the two pages of code.
            0 => self.mode.first_rip() + PAGE - 1 - self.random.below(12),
            _ => self.mode.first_rip() + 0x100 + self.random.below(0x1d00),
        };
        let info = self.code.op_code();
        for n in 0..info.op_count() {
            self.operand(n, info.op_kind(n))?;
        }
        if info.require_op_mask_register() {
            self.instruction.set_op_mask(Register::K1);
        }
        self.implicit();
        self.special();
        if info.can_use_lock_prefix()
            && self.instruction.op0_kind() == OpKind::Memory
            && self.random.one_in(4)
        {
            self.instruction.set_has_lock_prefix(true);
        }
        let mut encoder = Encoder::new(self.mode.bits());
        encoder.encode(&self.instruction, self.case.state.rip).ok()?;
        self.case.code = encoder.take_buffer();
        self.prefix();
        let decoded = forms::decode(self.mode, &self.case.code, self.case.state.rip);
        (decoded.code() == self.code && decoded.len() == self.case.code.len()).then_some(())?;
        Some(Generated { case: self.case, instruction: decoded, pinned: self.pinned, operand: self.operand })
    }

    /// Now and then a prefix without a meaning for this form.
    fn prefix(&mut self) {
        let i = &self.instruction;
        let fixed = i.is_ip_rel_memory_operand() || i.is_string_instruction();
        // What the 66 prefix does to near branches differs between processors.
        let near = i.flow_control() != FlowControl::Next;
        // With a segment that cannot be written, AMD's processors enter the MMX state before the fault.
        let fixed = fixed || i.mnemonic() == Mnemonic::Maskmovq;
        if fixed || near || self.absolute || !self.random.one_in(12) {
            return;
        }
        let mut longer = self.case.code.clone();
        let prefixes = [0x66, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e];
        // In 16-bit code segments differ: an operand has the one that its address was made for.
        let without_meaning = if self.mode == Mode::Bits16 { &prefixes[..3] } else { &prefixes[..] };
        longer.insert(0, self.random.pick(without_meaning));
        let before = forms::decode(self.mode, &self.case.code, self.case.state.rip);
        let after = forms::decode(self.mode, &longer, self.case.state.rip);
        if after.code() == before.code() && after.memory_size() == before.memory_size() {
            self.case.code = longer;
        }
    }

    fn set(&mut self, register: usize, value: u64) {
        self.case.state.gpr[register] = value;
        self.pinned[register] = true;
    }

    /// The segment that a memory operand has: that of a prefix, or by its base register.
    fn segment(&self, base: Option<usize>) -> usize {
        match self.instruction.segment_prefix() {
            Register::None if matches!(base, Some(RSP | RBP)) => SS,
            Register::None => DS,
            register => register.number(),
        }
    }

    /// What an operand at this linear address has for an offset.
    fn offset(&self, linear: u64, base: Option<usize>) -> u64 {
        linear.wrapping_sub(self.mode.base(self.segment(base)))
    }

    /// Makes the stack pointer lead to a linear address.
    fn set_stack(&mut self, linear: u64) {
        self.set_frame(RSP, linear);
    }

    /// The same for a register that works like it: RBP.
    fn set_frame(&mut self, register: usize, linear: u64) {
        let pointer = linear.wrapping_sub(self.mode.base(SS));
        match self.mode {
            Mode::Bits16 => self.set_short(register, pointer),
            _ => self.set(register, pointer),
        }
    }

    /// Sets the lower 16 bits of a register of 32 bits; what lies above does not matter.
    fn set_short(&mut self, register: usize, value: u64) {
        let upper = self.random.bits() & 0xffff_0000;
        self.set(register, value & 0xffff | upper);
    }

    /// The linear address of the top of the stack.
    fn stack(&self) -> u64 {
        let pointer = self.case.state.gpr[RSP];
        let pointer = if self.mode == Mode::Bits16 { pointer & 0xffff } else { pointer };
        pointer.wrapping_add(self.mode.base(SS))
    }

    /// With 32-bit addressing the upper half of a register does not matter.
    fn set_address(&mut self, register: usize, value: u64, narrow: bool) {
        let upper = if self.mode == Mode::Bits64 { self.random.bits() << 32 } else { 0 };
        let value = if narrow { value & 0xffff_ffff | upper } else { value };
        self.set(register, value);
    }

    /// A register of 64 bits that no address uses yet.
    fn free(&mut self, without: usize) -> Option<usize> {
        (0..8).find_map(|_| {
            let register = self.random.below(self.mode.registers()) as usize;
            (!self.pinned[register] && register != without).then_some(register)
        })
    }

    fn operand(&mut self, n: u32, kind: OpCodeOperandKind) -> Option<()> {
        use OpCodeOperandKind::*;
        let memory = self.random.one_in(2);
        match kind {
            mem | mem_mpx | mem_mib | sibmem => return self.memory(n, kind),
            mem_vsib32x | mem_vsib64x | mem_vsib32y | mem_vsib64y | mem_vsib32z | mem_vsib64z => {
                return self.memory(n, kind);
            }
            mem_offs => return self.absolute(n),
            r8_or_mem | r16_or_mem | r32_or_mem | r32_or_mem_mpx | r64_or_mem | r64_or_mem_mpx
            | mm_or_mem | xmm_or_mem | ymm_or_mem | zmm_or_mem | bnd_or_mem_mpx | k_or_mem
                if memory =>
            {
                return self.memory(n, kind);
            }
            imm4_m2z => self.immediate(n, OpKind::Immediate8, 1),
            imm8_const_1 => self.immediate(n, OpKind::Immediate8, 1),
            imm8 => {
                let enter = self.code.mnemonic() == Mnemonic::Enter;
                let second = n > 0 && (enter || self.instruction.op_kind(n - 1) == OpKind::Immediate8);
                let value = self.random.integer() & 0xff;
                let kind = if second { OpKind::Immediate8_2nd } else { OpKind::Immediate8 };
                self.immediate(n, kind, value);
            }
            imm8sex16 => self.any_immediate(n, OpKind::Immediate8to16, 8),
            imm8sex32 => self.any_immediate(n, OpKind::Immediate8to32, 8),
            imm8sex64 => self.any_immediate(n, OpKind::Immediate8to64, 8),
            imm16 => self.any_immediate(n, OpKind::Immediate16, 16),
            imm32 => self.any_immediate(n, OpKind::Immediate32, 32),
            imm32sex64 => self.any_immediate(n, OpKind::Immediate32to64, 32),
            imm64 => self.any_immediate(n, OpKind::Immediate64, 64),
            seg_rSI => {
                self.string(n, [OpKind::MemorySegRSI, OpKind::MemorySegESI, OpKind::MemorySegSI], RSI);
            }
            es_rDI => self.string(n, [OpKind::MemoryESRDI, OpKind::MemoryESEDI, OpKind::MemoryESDI], RDI),
            seg_rDI => {
                self.string(n, [OpKind::MemorySegRDI, OpKind::MemorySegEDI, OpKind::MemorySegDI], RDI);
            }
            seg_rBX_al => self.translate(n),
            br64_1 | br64_4 => {
                let target = self.landing();
                self.instruction.set_op_kind(n, OpKind::NearBranch64);
                self.instruction.set_near_branch64(target);
            }
            br32_1 | br32_4 => {
                let target = self.landing();
                self.instruction.set_op_kind(n, OpKind::NearBranch32);
                self.instruction.set_near_branch32(target as u32);
            }
            br16_1 | br16_2 => {
                let target = self.landing();
                self.instruction.set_op_kind(n, OpKind::NearBranch16);
                self.instruction.set_near_branch16(target as u16);
            }
            farbr4_2 | farbr2_2 => {
                let selector = self.far_selector();
                let target = self.landing_in(selector);
                if kind == farbr4_2 {
                    self.instruction.set_op_kind(n, OpKind::FarBranch32);
                    self.instruction.set_far_branch32(target as u32);
                } else {
                    self.instruction.set_op_kind(n, OpKind::FarBranch16);
                    self.instruction.set_far_branch16(target as u16);
                }
                self.instruction.set_far_branch_selector(selector);
            }
            xbegin_2 | xbegin_4 => {
                let target = self.mode.first_rip();
                if self.mode == Mode::Bits64 {
                    self.instruction.set_op_kind(n, OpKind::NearBranch64);
                    self.instruction.set_near_branch64(target);
                } else {
                    self.instruction.set_op_kind(n, OpKind::NearBranch32);
                    self.instruction.set_near_branch32(target as u32);
                }
            }
            _ => {
                let register = self.register(n, kind)?;
                self.instruction.set_op_kind(n, OpKind::Register);
                self.instruction.set_op_register(n, register);
            }
        }
        Some(())
    }

    fn any_immediate(&mut self, n: u32, kind: OpKind, bits: u32) {
        let value = self.random.integer() & u64::MAX >> (64 - bits);
        let unused = 64 - bits;
        // iced keeps the immediate as it is encoded and extends it by its kind.
        let value = match kind {
            OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => (value << unused) as i64 >> unused,
            _ => value as i64,
        };
        self.immediate(n, kind, value as u64);
    }

    fn immediate(&mut self, n: u32, kind: OpKind, value: u64) {
        self.instruction.set_op_kind(n, kind);
        match kind {
            OpKind::Immediate8 => self.instruction.set_immediate8(value as u8),
            OpKind::Immediate8_2nd => self.instruction.set_immediate8_2nd(value as u8),
            OpKind::Immediate8to16 => self.instruction.set_immediate8to16(value as i16),
            OpKind::Immediate8to32 => self.instruction.set_immediate8to32(value as i32),
            OpKind::Immediate8to64 => self.instruction.set_immediate8to64(value as i64),
            OpKind::Immediate16 => self.instruction.set_immediate16(value as u16),
            OpKind::Immediate32 => self.instruction.set_immediate32(value as u32),
            OpKind::Immediate32to64 => self.instruction.set_immediate32to64(value as i64),
            _ => self.instruction.set_immediate64(value),
        }
    }

    fn register(&mut self, n: u32, kind: OpCodeOperandKind) -> Option<Register> {
        use OpCodeOperandKind::*;
        let (registers, mode) = (self.mode.registers(), self.mode);
        let random = &mut *self.random;
        let mut of = |first: Register, count: u64| first + random.below(count) as u32;
        Some(match kind {
            r8_or_mem | r8_reg | r8_opcode => of(Register::AL, if mode == Mode::Bits64 { 20 } else { 8 }),
            r16_or_mem | r16_reg | r16_reg_mem | r16_rm | r16_opcode => of(Register::AX, registers),
            r32_or_mem | r32_or_mem_mpx | r32_reg | r32_reg_mem | r32_rm | r32_opcode | r32_vvvv => {
                of(Register::EAX, registers)
            }
            r64_or_mem | r64_or_mem_mpx | r64_reg | r64_reg_mem | r64_rm | r64_opcode | r64_vvvv => {
                of(Register::RAX, registers)
            }
            seg_reg => of(Register::ES, 6),
            k_reg | k_rm | k_vvvv | k_or_mem => Register::K1 + n,
            kp1_reg => Register::K2,
            mm_reg | mm_rm | mm_or_mem => of(Register::MM0, 8),
            xmm_reg | xmm_rm | xmm_or_mem | xmm_vvvv | xmm_is4 | xmm_is5 => {
                Register::XMM0 + self.vector_number(n)
            }
            ymm_reg | ymm_rm | ymm_or_mem | ymm_vvvv | ymm_is4 | ymm_is5 => {
                Register::YMM0 + self.vector_number(n)
            }
            zmm_reg | zmm_rm | zmm_or_mem | zmm_vvvv => Register::ZMM0 + self.vector_number(n),
            // Blocks of four registers.
            xmmp3_vvvv => Register::XMM4,
            zmmp3_vvvv => Register::ZMM4,
            tmm_reg | tmm_rm | tmm_vvvv => Register::TMM1 + n,
            bnd_reg | bnd_or_mem_mpx => Register::BND0 + n,
            cr_reg => {
                random.pick(&[Register::CR0, Register::CR2, Register::CR3, Register::CR4, Register::CR8])
            }
            dr_reg => random.pick(&[Register::DR0, Register::DR3, Register::DR6, Register::DR7]),
            es => Register::ES,
            cs => Register::CS,
            ss => Register::SS,
            ds => Register::DS,
            fs => Register::FS,
            gs => Register::GS,
            al => Register::AL,
            cl => Register::CL,
            ax => Register::AX,
            dx => Register::DX,
            eax => Register::EAX,
            rax => Register::RAX,
            st0 => Register::ST0,
            sti_opcode => of(Register::ST0, 8),
            _ => return Option::None,
        })
    }
}

/// Bytes of the memory operand, as offsets from [`DATA`], that no two processors agree on: the
/// last instruction's opcode and pointers, and MXCSR_MASK.
pub fn unpredictable(generated: &Generated) -> Vec<Range<usize>> {
    let parts: &[(u64, u64)] = match generated.instruction.code() {
        Code::Fxsave_m512byte | Code::Fxsave64_m512byte => &[(6, 24), (28, 32)],
        code if saves_extended(code) => &[(6, 24), (28, 32)],
        Code::Fnstenv_m28byte | Code::Fnsave_m108byte => &[(12, 28)],
        Code::Fnstenv_m14byte | Code::Fnsave_m94byte => &[(6, 14)],
        _ => &[],
    };
    let Some(start) = generated.operand.and_then(|at| at.checked_sub(DATA)) else { return Vec::new() };
    let limit = DATA_BYTES as u64;
    parts
        .iter()
        .map(|(from, to)| (start + from).min(limit) as usize..(start + to).min(limit) as usize)
        .collect()
}
