//! Cases: an instruction of a form with random operands, and a state that makes it interesting.

use std::ops::Range;

use iced_x86::{
    Code, Encoder, FlowControl, Instruction, MemorySize, Mnemonic, OpCodeOperandKind, OpKind, Register,
};

use crate::case::{Case, FX_BYTES, HIGH_BYTES, State};
use crate::forms;
use crate::layout::{CODE, DATA, DATA_BYTES, GS_BASE, PAGE, READ_ONLY};
use crate::values::Random;

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

/// Attempts to make an encodable instruction.
const ATTEMPTS: usize = 64;

/// A case for one instruction of this form; `None` if the generator cannot make one.
pub fn case(code: Code, random: &mut Random) -> Option<Generated> {
    (0..ATTEMPTS).find_map(|_| Builder::new(code, random).build())
}

/// One instruction of this form that needs nothing of the general registers: its memory operand has
/// an absolute address, whatever the bytes lie at. `None` for forms that cannot do without. The
/// operand's contents are laid into `case`.
pub fn independent(code: Code, case: &mut Case, random: &mut Random) -> Option<Vec<u8>> {
    (0..4).find_map(|_| {
        let mut builder = Builder::new(code, random);
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

/// How careful a memory operand must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Anywhere, faults included.
    Any,
    /// Wholly in the writable pages, or wholly outside of everything.
    Whole,
    /// Wholly in the writable pages.
    Inside,
}

struct Builder<'a> {
    random: &'a mut Random,
    code: Code,
    instruction: Instruction,
    case: Case,
    pinned: [bool; 16],
    operand: Option<u64>,
    /// Memory operands have absolute addresses.
    absolute: bool,
}

impl<'a> Builder<'a> {
    fn new(code: Code, random: &'a mut Random) -> Self {
        let mut instruction = Instruction::default();
        instruction.set_code(code);
        Self {
            random,
            code,
            instruction,
            case: Case::default(),
            pinned: [false; 16],
            operand: None,
            absolute: false,
        }
    }

    fn build(mut self) -> Option<Generated> {
        self.case.state = state(self.random);
        self.case.state.rip = match self.random.below(10) {
            // Across the two pages of code.
            0 => CODE + PAGE - 1 - self.random.below(12),
            _ => CODE + 0x100 + self.random.below(0x1d00),
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
        let mut encoder = Encoder::new(64);
        encoder.encode(&self.instruction, self.case.state.rip).ok()?;
        self.case.code = encoder.take_buffer();
        self.prefix();
        let decoded = forms::decode(&self.case.code, self.case.state.rip);
        (decoded.code() == self.code && decoded.len() == self.case.code.len()).then_some(())?;
        Some(Generated { case: self.case, instruction: decoded, pinned: self.pinned, operand: self.operand })
    }

    /// Now and then a prefix without a meaning for this form.
    fn prefix(&mut self) {
        let i = &self.instruction;
        let fixed = i.is_ip_rel_memory_operand() || i.is_string_instruction();
        // What the 66 prefix does to near branches differs between processors.
        let near = i.flow_control() != FlowControl::Next;
        if fixed || near || self.absolute || !self.random.one_in(12) {
            return;
        }
        let mut longer = self.case.code.clone();
        longer.insert(0, self.random.pick(&[0x66, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e]));
        let before = forms::decode(&self.case.code, self.case.state.rip);
        let after = forms::decode(&longer, self.case.state.rip);
        if after.code() == before.code() && after.memory_size() == before.memory_size() {
            self.case.code = longer;
        }
    }

    fn set(&mut self, register: usize, value: u64) {
        self.case.state.gpr[register] = value;
        self.pinned[register] = true;
    }

    /// With 32-bit addressing the upper half of a register does not matter.
    fn set_address(&mut self, register: usize, value: u64, narrow: bool) {
        let value = if narrow { value & 0xffff_ffff | self.random.bits() << 32 } else { value };
        self.set(register, value);
    }

    /// A register of 64 bits that no address uses yet.
    fn free(&mut self, without: usize) -> Option<usize> {
        (0..8).find_map(|_| {
            let register = self.random.below(16) as usize;
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
                let enter = matches!(self.code, Code::Enterw_imm16_imm8 | Code::Enterq_imm16_imm8);
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
            seg_rSI => self.string(n, [OpKind::MemorySegRSI, OpKind::MemorySegESI], RSI),
            es_rDI => self.string(n, [OpKind::MemoryESRDI, OpKind::MemoryESEDI], RDI),
            seg_rDI => self.string(n, [OpKind::MemorySegRDI, OpKind::MemorySegEDI], RDI),
            seg_rBX_al => self.translate(n),
            br64_1 | br64_4 => {
                let target = self.landing();
                self.instruction.set_op_kind(n, OpKind::NearBranch64);
                self.instruction.set_near_branch64(target);
            }
            xbegin_2 | xbegin_4 => {
                self.instruction.set_op_kind(n, OpKind::NearBranch64);
                self.instruction.set_near_branch64(CODE);
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
        let random = &mut *self.random;
        let mut of = |first: Register, count: u64| first + random.below(count) as u32;
        Some(match kind {
            r8_or_mem | r8_reg | r8_opcode => of(Register::AL, 20),
            r16_or_mem | r16_reg | r16_reg_mem | r16_rm | r16_opcode => of(Register::AX, 16),
            r32_or_mem | r32_or_mem_mpx | r32_reg | r32_reg_mem | r32_rm | r32_opcode | r32_vvvv => {
                of(Register::EAX, 16)
            }
            r64_or_mem | r64_or_mem_mpx | r64_reg | r64_reg_mem | r64_rm | r64_opcode | r64_vvvv => {
                of(Register::RAX, 16)
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

    // --- memory --------------------------------------------------------------------------

    /// The address of an operand of so many bytes.
    fn target(&mut self, bytes: u64, place: Where) -> u64 {
        let align = self.random.pick(&[1, 2, 4, 8, 16, 16]);
        let inside = DATA + self.random.below(DATA_BYTES as u64 - bytes - 16) / align * align;
        let across = |boundary: u64, random: &mut Random| match bytes {
            0 | 1 => boundary - random.below(2),
            _ => boundary - 1 - random.below(bytes - 1),
        };
        // In the middle of nothing; the halves of the address space that do not exist.
        let nothing = DATA - 0x4000 + self.random.below(0x2000) / align * align;
        match (self.random.below(40), place) {
            (0, Where::Any | Where::Whole) => nothing,
            (1, Where::Any | Where::Whole) => {
                self.random.pick(&[0x8000_1000_0000, 0x1234_5678_9abc_def0, 0xffff_7fff_f000_0000])
                    + self.random.pick(&[0, 8, 16])
            }
            (2..=6, _) => across(DATA + PAGE, self.random),
            (7, Where::Any) => across(READ_ONLY, self.random),
            (8, Where::Any) => READ_ONLY + self.random.below(PAGE - bytes) / align * align,
            (9, Where::Any) => across(READ_ONLY + PAGE, self.random),
            (10, Where::Any) => across(DATA, self.random),
            _ => inside,
        }
    }

    fn target_for(&mut self) -> u64 {
        let size = self.instruction.memory_size();
        let bytes = (size.size() as u64).max(1);
        let control = matches!(
            self.instruction.mnemonic(),
            Mnemonic::Jmp
                | Mnemonic::Call
                | Mnemonic::Ret
                | Mnemonic::Fldenv
                | Mnemonic::Frstor
                | Mnemonic::Fxrstor
                | Mnemonic::Fxrstor64
                | Mnemonic::Fbld
                | Mnemonic::Ldmxcsr
        );
        // Which byte of so large an area faults first is the processor's choice.
        let place = if self.absolute && !self.random.one_in(16) {
            Where::Inside
        } else if control || bytes == 512 {
            Where::Whole
        } else {
            Where::Any
        };
        let target = self.target(bytes.min(512), place);
        // Most 16-byte operands have to be aligned; so do the areas of FXSAVE.
        let align = match bytes {
            16 | 512 => 16,
            32 => 32,
            _ => 1,
        };
        if self.random.one_in(8) { target } else { target / align * align }
    }

    fn memory(&mut self, n: u32, kind: OpCodeOperandKind) -> Option<()> {
        use OpCodeOperandKind::*;
        let target = self.target_for();
        self.operand = Some(target);
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        match kind {
            mem_vsib32x => return self.gathered(Register::XMM0, 4),
            mem_vsib64x => return self.gathered(Register::XMM0, 8),
            mem_vsib32y => return self.gathered(Register::YMM0, 4),
            mem_vsib64y => return self.gathered(Register::YMM0, 8),
            mem_vsib32z => return self.gathered(Register::ZMM0, 4),
            mem_vsib64z => return self.gathered(Register::ZMM0, 8),
            _ => {}
        }
        let low = target >> 32 == 0;
        if self.absolute {
            low.then_some(())?;
            self.constant(target, false);
            return Option::Some(());
        }
        let mut place = target;
        if self.random.one_in(24) {
            self.instruction.set_segment_prefix(Register::GS);
            place = place.wrapping_sub(GS_BASE);
        }
        let wants_sib = matches!(kind, sibmem | mem_mib);
        let narrow = low && self.random.one_in(6);
        match self.random.below(8) {
            0 if low && !wants_sib => self.relative(place, narrow),
            1 if low && !wants_sib => self.constant(place, narrow),
            2 | 3 if low => self.indexed(place, narrow, false)?,
            4 | 5 => self.indexed(place, narrow, true)?,
            _ => {
                let base = self.free(usize::MAX)?;
                let displacement = self.displacement();
                self.place(Some(base), Option::None, 1, displacement, narrow);
                self.set_address(base, place.wrapping_sub(displacement), narrow);
            }
        }
        Some(())
    }

    /// A memory operand with an index in each lane of a vector register. Most lanes lead into the
    /// writable pages; in one of eight cases one lane leads elsewhere.
    fn gathered(&mut self, first: Register, lane: usize) -> Option<()> {
        self.operand = None;
        let base = self.free(usize::MAX)?;
        let scale = self.random.pick(&[1u32, 2, 4, 8]);
        let displacement = self.displacement();
        let index = self.vector_number(1);
        self.place(Some(base), None, scale, displacement, false);
        let i = &mut self.instruction;
        i.set_memory_index(first + index);
        let middle = DATA + DATA_BYTES as u64 / 2;
        self.set(base, middle.wrapping_sub(displacement));
        let astray = if self.random.one_in(8) { self.random.below(8) } else { u64::MAX };
        let mut lanes = [0; 32];
        for (nth, bytes) in lanes.chunks_exact_mut(lane).enumerate() {
            let at = match nth as u64 == astray {
                true => self.random.pick(&[0x2000u64, 0x2ffc, 0x8000, 0x1000u64.wrapping_neg(), 0x7fff_0000]),
                false => self.random.below(DATA_BYTES as u64 - 16).wrapping_sub(DATA_BYTES as u64 / 2),
            };
            let value = (at as i64).div_euclid(i64::from(scale));
            bytes.copy_from_slice(&value.to_le_bytes()[..lane]);
        }
        let index = index as usize;
        self.case.state.fx[160 + 16 * index..176 + 16 * index].copy_from_slice(&lanes[..16]);
        self.case.state.high[16 * index..16 * index + 16].copy_from_slice(&lanes[16..]);
        Some(())
    }

    /// The number of a vector register for operand `n`. Gathers want three different ones, else
    /// they raise #UD, which is tried now and then.
    fn vector_number(&mut self, n: u32) -> u32 {
        let any = self.random.below(16) as u32;
        let unique = self.code.op_code().requires_unique_reg_nums();
        if unique && !self.random.one_in(64) { any / 4 * 4 + n % 4 } else { any }
    }

    fn displacement(&mut self) -> u64 {
        match self.random.below(4) {
            0 => 0,
            1 => (self.random.bits() as i8) as u64,
            _ => (self.random.bits() as i32) as u64,
        }
    }

    fn place(
        &mut self,
        base: Option<usize>,
        index: Option<usize>,
        scale: u32,
        displacement: u64,
        narrow: bool,
    ) {
        let first = if narrow { Register::EAX } else { Register::RAX };
        let i = &mut self.instruction;
        i.set_memory_base(base.map_or(Register::None, |n| first + n as u32));
        i.set_memory_index(index.map_or(Register::None, |n| first + n as u32));
        i.set_memory_index_scale(scale);
        let displacement = if narrow { u64::from(displacement as u32) } else { displacement };
        i.set_memory_displacement64(displacement);
        let signed = if narrow { i64::from(displacement as i32) } else { displacement as i64 };
        i.set_memory_displ_size(match (base, signed) {
            (Some(_), 0) => 0,
            (Some(_), -128..=127) => 1,
            _ if narrow => 4,
            _ => 8,
        });
    }

    fn relative(&mut self, place: u64, narrow: bool) {
        let i = &mut self.instruction;
        i.set_memory_base(if narrow { Register::EIP } else { Register::RIP });
        i.set_memory_displacement64(place);
        i.set_memory_displ_size(if narrow { 4 } else { 8 });
    }

    fn constant(&mut self, place: u64, narrow: bool) {
        self.place(None, None, 1, place, narrow);
    }

    fn indexed(&mut self, place: u64, narrow: bool, based: bool) -> Option<()> {
        let scale = self.random.pick(&[1u32, 2, 4, 8]);
        let index = self.free(RSP)?;
        if based {
            let base = self.free(index)?;
            let displacement = self.displacement();
            let value = self.random.integer();
            self.set(index, value);
            self.place(Some(base), Some(index), scale, displacement, narrow);
            let rest = place.wrapping_sub(displacement).wrapping_sub(value.wrapping_mul(u64::from(scale)));
            self.set_address(base, rest, narrow);
        } else {
            let value = self.random.below(0x1000);
            self.set_address(index, value, narrow);
            let rest = place.wrapping_sub(value * u64::from(scale));
            self.place(None, Some(index), scale, rest, narrow);
        }
        Some(())
    }

    /// The accumulator moves with a full address.
    fn absolute(&mut self, n: u32) -> Option<()> {
        let target = self.target_for();
        self.operand = Some(target);
        let narrow = target >> 32 == 0 && self.random.one_in(4);
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        i.set_memory_displacement64(target);
        i.set_memory_displ_size(if narrow { 4 } else { 8 });
        Some(())
    }

    fn string(&mut self, n: u32, kinds: [OpKind; 2], register: usize) {
        if self.pinned[register] {
            return;
        }
        // Whether bytes that a mask leaves out fault is the processor's choice.
        let masked = matches!(self.code.mnemonic(), Mnemonic::Maskmovq | Mnemonic::Maskmovdqu);
        let place = if !masked { Where::Any } else { Where::Inside };
        let mut target = self.target(16, place);
        // Both operands of one instruction have the same address size.
        let other = (0..n).any(|m| {
            self.instruction.op_kind(m) == OpKind::MemorySegRSI
                || self.instruction.op_kind(m) == OpKind::MemoryESRDI
        });
        let earlier =
            (0..n).any(|m| matches!(self.instruction.op_kind(m), OpKind::MemorySegESI | OpKind::MemoryESEDI));
        let narrow = earlier || !other && self.random.one_in(5);
        if narrow {
            target = u64::from(target as u32);
        }
        self.instruction.set_op_kind(n, kinds[usize::from(narrow)]);
        self.operand.get_or_insert(target);
        self.set_address(register, target, narrow);
    }

    fn translate(&mut self, n: u32) {
        let target = self.target(1, Where::Any);
        let narrow = target >> 32 == 0 && self.random.one_in(4);
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        i.set_memory_base(if narrow { Register::EBX } else { Register::RBX });
        i.set_memory_index(Register::AL);
        self.operand = Some(target);
        let al = self.case.state.gpr[RAX] & 0xff;
        self.pinned[RAX] = true;
        self.set_address(RBX, target.wrapping_sub(al), narrow);
    }

    /// An address that a branch may lead to: INT3 waits there.
    fn landing(&mut self) -> u64 {
        let rip = self.case.state.rip;
        if self.random.one_in(2) { rip + 16 + self.random.below(80) } else { rip - 1 - self.random.below(90) }
    }

    // --- what the operands do not show ---------------------------------------------------

    /// Contents of the memory operand and of the stack, by what the form reads.
    fn implicit(&mut self) {
        let info = self.code.op_code();
        if self.instruction.stack_pointer_increment() != 0
            || info.mnemonic() == Mnemonic::Enter
            || info.mnemonic() == Mnemonic::Leave
        {
            if !self.pinned[RSP] {
                let target = self.target(16, Where::Whole);
                let stack = target.wrapping_add(self.random.pick(&[0, 0, 2, 4, 8]));
                self.set(RSP, stack);
            }
            if !self.pinned[RBP] && matches!(info.mnemonic(), Mnemonic::Enter | Mnemonic::Leave) {
                let target = self.target(16, Where::Any);
                self.set(RBP, target);
            }
        }
        if let Some(target) = self.operand {
            let bytes = self.contents();
            self.case.patch(target, &bytes);
        }
    }

    fn contents(&mut self) -> Vec<u8> {
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

    fn special(&mut self) {
        use Mnemonic::*;
        match self.code.mnemonic() {
            Jmp | Call => self.branch(),
            Ret => {
                let target = self.landing();
                let stack = self.case.state.gpr[RSP];
                self.case.patch(stack, &target.to_le_bytes());
            }
            Popf | Popfd | Popfq => {
                // Not TF: the next instruction would trap.
                let value = self.random.bits() & 0xffff_feff;
                let stack = self.case.state.gpr[RSP];
                self.case.patch(stack, &value.to_le_bytes());
            }
            Div | Idiv => self.dividend(),
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
            Ldmxcsr => {
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
            _ => {}
        }
        if self.instruction.is_string_instruction() {
            self.repetition();
        }
    }

    fn branch(&mut self) {
        let target = self.landing();
        match self.instruction.op0_kind() {
            OpKind::Register => {
                let register = self.instruction.op0_register().number();
                // A call through RSP would push onto the code.
                let other = if register == RSP { RAX } else { register };
                self.instruction.set_op0_register(Register::RAX + other as u32);
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
        let narrow = (0..self.instruction.op_count()).any(|n| {
            matches!(
                self.instruction.op_kind(n),
                OpKind::MemorySegESI | OpKind::MemoryESEDI | OpKind::MemorySegEDI
            )
        });
        self.set_address(RCX, count, narrow);
        if compares && self.random.one_in(2) {
            let byte = self.case.state.gpr[RAX] as u8;
            self.case.state.gpr[RAX] = u64::from_le_bytes([byte; 8]);
            let length = self.random.below(40) as usize;
            for register in [RSI, RDI] {
                let at = self.case.state.gpr[register] & 0xffff_ffff;
                self.case.patch(at, &vec![byte; length]);
            }
        }
    }
}

fn extended(random: &mut Random) -> [u8; 10] {
    let (significand, sign_exponent) = random.extended();
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&significand.to_le_bytes());
    bytes[8..].copy_from_slice(&sign_exponent.to_le_bytes());
    bytes
}

fn control_word(random: &mut Random) -> u16 {
    let masks = if random.one_in(5) { random.below(64) as u16 } else { 0x3f };
    let precision = random.pick(&[0, 2, 3, 3, 3]);
    0x40 | masks | precision << 8 | (random.below(4) as u16) << 10 | (random.below(2) as u16) << 12
}

fn mxcsr(random: &mut Random) -> u32 {
    let flags = if random.one_in(2) { 0 } else { random.below(64) as u32 };
    let masks = if random.one_in(4) { random.below(64) as u32 } else { 0x3f };
    let daz = u32::from(random.one_in(4));
    let ftz = u32::from(random.one_in(4));
    flags | daz << 6 | masks << 7 | (random.below(4) as u32) << 13 | ftz << 15
}

/// A random x87 and SSE state.
fn fx(random: &mut Random) -> [u8; FX_BYTES] {
    let mut fx = [0; FX_BYTES];
    let fcw = control_word(random);
    let mut fsw = (random.bits() as u16) & 0x7f00;
    if random.one_in(2) {
        fsw |= random.below(128) as u16;
    }
    if !random.one_in(4) {
        // No exception is pending.
        fsw &= !0x3f | fcw;
    }
    if fsw & !fcw & 0x3f != 0 {
        fsw |= 0x8080;
    }
    let tags = match random.below(4) {
        0 => random.bits() as u8,
        1 => random.pick(&[0, 0xff, 1, 0x80]),
        _ => 0xff,
    };
    fx[..2].copy_from_slice(&fcw.to_le_bytes());
    fx[2..4].copy_from_slice(&fsw.to_le_bytes());
    fx[4] = tags;
    fx[24..28].copy_from_slice(&mxcsr(random).to_le_bytes());
    for i in 0..8 {
        let at = 32 + 16 * i;
        if random.one_in(3) {
            fx[at..at + 8].copy_from_slice(&random.vector().to_le_bytes()[..8]);
            fx[at + 8..at + 10].fill(0xff);
        } else {
            fx[at..at + 10].copy_from_slice(&extended(random));
        }
    }
    fx
}

/// Fills vector registers. Half of them, in some cases, come from a small pool, changed in a few
/// bits: equal and nearly equal operands are where comparisons and differences break.
fn vectors(registers: &mut [u8], pool: &[u128; 3], random: &mut Random) {
    let related = random.one_in(3);
    for register in registers.chunks_exact_mut(16) {
        let value = match related && random.one_in(2) {
            false => random.vector(),
            true => {
                let signs = random.pick(&[0, 1 << 31, 1 << 63, 0x8000_0000 << 64 | 0x8000_0000, 1 << 127]);
                let low = random.pick(&[0u128, 0, 1, 1 << 64, 3 << 32]);
                random.pick(pool) ^ signs ^ low
            }
        };
        register.copy_from_slice(&value.to_le_bytes());
    }
}

/// A random state.
pub fn state(random: &mut Random) -> State {
    let mut state = State { fx: fx(random), ..State::default() };
    let pool = [random.vector(), random.vector(), random.vector()];
    vectors(&mut state.fx[160..], &pool, random);
    if random.one_in(4) {
        // What code without AVX sees.
        state.high = [0; HIGH_BYTES];
    } else {
        vectors(&mut state.high, &pool, random);
    }
    for value in &mut state.gpr {
        *value = random.integer();
    }
    state.rflags = random.bits() & crate::case::FLAGS;
    state
}

/// Bytes of the memory operand, as offsets from [`DATA`], that no two processors agree on: the
/// last instruction's opcode and pointers, and MXCSR_MASK.
pub fn unpredictable(generated: &Generated) -> Vec<Range<usize>> {
    let parts: &[(u64, u64)] = match generated.instruction.code() {
        Code::Fxsave_m512byte | Code::Fxsave64_m512byte => &[(6, 24), (28, 32)],
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
