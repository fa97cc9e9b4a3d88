//! Memory operands: where they lie, and registers that lead there.

use iced_x86::{Mnemonic, OpCodeOperandKind, OpKind, Register};

use super::{Builder, RAX, RBP, RBX, RSP};
use crate::case::{ES, Mode};
use crate::layout::{DATA, DATA_BYTES, EXTRA_END, PAGE, READ_ONLY};
use crate::values::Random;

/// How careful a memory operand must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Anywhere, faults included.
    Any,
    /// Wholly in the writable pages, or wholly outside of everything.
    Whole,
    /// Wholly in the writable pages.
    Inside,
}

/// The address size of a string instruction's operand.
pub(super) fn address_bytes(kind: OpKind) -> Option<u32> {
    Some(match kind {
        OpKind::MemorySegRSI | OpKind::MemorySegRDI | OpKind::MemoryESRDI => 8,
        OpKind::MemorySegESI | OpKind::MemorySegEDI | OpKind::MemoryESEDI => 4,
        OpKind::MemorySegSI | OpKind::MemorySegDI | OpKind::MemoryESDI => 2,
        _ => return None,
    })
}

impl Builder<'_> {
    /// The address of an operand of so many bytes.
    pub(super) fn target(&mut self, bytes: u64, place: Where) -> u64 {
        let align = self.random.pick(&[1, 2, 4, 8, 16, 16]);
        let inside = DATA + self.random.below(DATA_BYTES as u64 - bytes - 16) / align * align;
        let across = |boundary: u64, random: &mut Random| match bytes {
            0 | 1 => boundary - random.below(2),
            _ => boundary - 1 - random.below(bytes - 1),
        };
        // What FNSAVE, FNSTENV and their kin store.
        let state = matches!(bytes, 14 | 28 | 33..);
        // In the middle of nothing; the halves of the address space that do not exist.
        let nothing = DATA - 0x4000 + self.random.below(0x2000) / align * align;
        match (self.random.below(40), place) {
            (0, Where::Any | Where::Whole) => nothing,
            (1, Where::Whole) if self.mode == Mode::Bits16 => nothing,
            (1, Where::Any | Where::Whole) if self.mode != Mode::Bits64 => {
                0xffff_f000 + self.random.below(0x800)
            }
            (1, Where::Any | Where::Whole) => {
                self.random.pick(&[0x8000_1000_0000, 0x1234_5678_9abc_def0, 0xffff_7fff_f000_0000])
                    + self.random.pick(&[0, 8, 16])
            }
            (2..=6, _) => across(DATA + PAGE, self.random),
            (7, Where::Any) => across(READ_ONLY, self.random),
            (8, Where::Any) => READ_ONLY + self.random.below(PAGE - bytes) / align * align,
            // Whether the page or the limit behind it is found first is the processor's choice.
            (9, Where::Any) if self.mode == Mode::Bits16 && state => inside,
            (9, Where::Any) => across(READ_ONLY + PAGE, self.random),
            (10, Where::Any) => across(DATA, self.random),
            (11, Where::Any) if self.mode == Mode::Bits16 && !state => across(EXTRA_END, self.random),
            _ => inside,
        }
    }

    /// Bytes of the memory operand.
    fn operand_bytes(&self) -> u64 {
        match self.instruction.memory_size().size() as u64 {
            0 if super::saves_extended(self.code) || super::restores_extended(self.code) => {
                super::EXTENDED_AREA
            }
            bytes => bytes.max(1),
        }
    }

    fn target_for(&mut self) -> u64 {
        if super::saves_extended(self.code) || super::restores_extended(self.code) {
            let target = self.target(super::EXTENDED_AREA, Where::Whole);
            return if self.random.one_in(16) { target } else { target & !63 };
        }
        let bytes = self.operand_bytes();
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

    pub(super) fn memory(&mut self, n: u32, kind: OpCodeOperandKind) -> Option<()> {
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
            self.constant(target, self.mode != Mode::Bits64);
            return Option::Some(());
        }
        let wants_sib = matches!(kind, sibmem | mem_mib);
        let wide = self.mode == Mode::Bits64;
        if self.mode == Mode::Bits16 && !wants_sib && !self.random.one_in(4) {
            return self.sixteen_bits(target);
        }
        if self.mode == Mode::Bits32 && !wants_sib && self.random.one_in(6) {
            // The flat segments have nothing within reach.
            self.instruction.set_segment_prefix(Register::GS);
            return self.sixteen_bits(target);
        }
        self.segment_prefix();
        let narrow = !wide || low && self.random.one_in(6);
        match self.random.below(8) {
            0 if low && !wants_sib && wide => self.relative(target, narrow),
            1 if low && !wants_sib => self.constant(target, narrow),
            2 | 3 if low => self.indexed(target, narrow, false)?,
            4 | 5 => self.indexed(target, narrow, true)?,
            _ => {
                let base = self.free(usize::MAX)?;
                let displacement = self.displacement();
                let offset = self.offset(target, Some(base));
                self.place(Some(base), Option::None, 1, displacement, narrow);
                self.set_address(base, offset.wrapping_sub(displacement), narrow);
            }
        }
        Some(())
    }

    /// Now and then a segment of one's own, in 16-bit code any that is not null.
    fn segment_prefix(&mut self) {
        use Register::{CS, DS, ES, FS, GS, SS};
        let segment = match self.mode {
            _ if self.absolute => return,
            Mode::Bits64 if self.random.one_in(24) => self.random.pick(&[FS, GS]),
            Mode::Bits32 if self.random.one_in(24) => GS,
            Mode::Bits16 if self.random.one_in(4) => {
                let segment = self.random.pick(&[CS, DS, ES, ES, GS, SS, SS]);
                // The limit of ES lies where areas that are accessed in many parts may reach across.
                let parts = matches!(self.operand_bytes(), 14 | 28 | 33..);
                if parts && segment == ES { DS } else { segment }
            }
            _ => return,
        };
        self.instruction.set_segment_prefix(segment);
    }

    /// A memory operand with an index in each lane of a vector register. Most lanes lead into the
    /// writable pages; in one of eight cases one lane leads elsewhere.
    fn gathered(&mut self, first: Register, lane: usize) -> Option<()> {
        self.operand = None;
        let base = self.free(usize::MAX)?;
        let scale = self.random.pick(&[1u32, 2, 4, 8]);
        let displacement = self.displacement();
        let index = self.vector_number(1);
        let narrow = self.mode != Mode::Bits64 || self.random.one_in(6);
        self.place(Some(base), None, scale, displacement, narrow);
        let i = &mut self.instruction;
        i.set_memory_index(first + index);
        let middle = self.offset(DATA + DATA_BYTES as u64 / 2, Some(base));
        self.set_address(base, middle.wrapping_sub(displacement), narrow);
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
    pub(super) fn vector_number(&mut self, n: u32) -> u32 {
        let any = self.random.below(self.mode.registers()) as u32;
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

    /// An operand with 16-bit addressing; `None` if it is beyond the reach.
    fn sixteen_bits(&mut self, target: u64) -> Option<()> {
        use Register::{BP, BX, DI, None, SI};
        let (base, index) = self.random.pick(&[
            (BX, SI),
            (BX, DI),
            (BP, SI),
            (BP, DI),
            (None, SI),
            (None, DI),
            (BP, None),
            (BX, None),
            (None, None),
        ]);
        if self.mode == Mode::Bits16 {
            self.segment_prefix();
        }
        let offset = self.offset(target, (base == BP).then_some(RBP));
        let mut rest = u16::try_from(offset).ok()?;
        for register in [base, index].into_iter().filter(|register| *register != None) {
            let number = register.number();
            (!self.pinned[number]).then_some(())?;
            let value = match (index == None, base == None) {
                // One register alone: now and then without a displacement.
                (true, _) | (_, true) if self.random.one_in(3) => rest,
                _ => self.random.bits() as u16,
            };
            rest = rest.wrapping_sub(value);
            self.set(number, self.case.state.gpr[number] & 0xffff_0000 | u64::from(value));
        }
        let i = &mut self.instruction;
        i.set_memory_base(if base == None { index } else { base });
        i.set_memory_index(if base == None { None } else { index });
        i.set_memory_displacement64(u64::from(rest));
        i.set_memory_displ_size(if rest == 0 && base != index { 0 } else { 2 });
        Some(())
    }

    fn relative(&mut self, target: u64, narrow: bool) {
        let offset = self.offset(target, None);
        let i = &mut self.instruction;
        i.set_memory_base(if narrow { Register::EIP } else { Register::RIP });
        i.set_memory_displacement64(offset);
        i.set_memory_displ_size(if narrow { 4 } else { 8 });
    }

    fn constant(&mut self, target: u64, narrow: bool) {
        let offset = self.offset(target, None);
        self.place(None, None, 1, offset, narrow);
        if self.mode == Mode::Bits16 && offset >> 16 == 0 && self.random.one_in(2) {
            self.instruction.set_memory_displ_size(2);
        }
    }

    fn indexed(&mut self, target: u64, narrow: bool, based: bool) -> Option<()> {
        let scale = self.random.pick(&[1u32, 2, 4, 8]);
        let index = self.free(RSP)?;
        if based {
            let base = self.free(index)?;
            let displacement = self.displacement();
            let value = self.random.integer();
            self.set(index, value);
            self.place(Some(base), Some(index), scale, displacement, narrow);
            let offset = self.offset(target, Some(base)).wrapping_sub(displacement);
            let rest = offset.wrapping_sub(value.wrapping_mul(u64::from(scale)));
            self.set_address(base, rest, narrow);
        } else {
            let value = self.random.below(0x1000);
            self.set_address(index, value, narrow);
            let rest = self.offset(target, None).wrapping_sub(value * u64::from(scale));
            self.place(None, Some(index), scale, rest, narrow);
        }
        Some(())
    }

    /// The accumulator moves with a full address.
    pub(super) fn absolute(&mut self, n: u32) -> Option<()> {
        let target = self.target_for();
        self.operand = Some(target);
        self.segment_prefix();
        let offset = self.offset(target, None);
        let bytes = match self.mode {
            Mode::Bits64 if target >> 32 == 0 && self.random.one_in(4) => 4,
            Mode::Bits64 => 8,
            Mode::Bits16 if offset >> 16 == 0 && !self.random.one_in(4) => 2,
            _ => 4,
        };
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        i.set_memory_displacement64(offset);
        i.set_memory_displ_size(bytes);
        Some(())
    }

    pub(super) fn string(&mut self, n: u32, kinds: [OpKind; 3], register: usize) {
        if self.pinned[register] {
            return;
        }
        // Whether bytes that a mask leaves out fault is the processor's choice.
        let masked =
            matches!(self.code.mnemonic(), Mnemonic::Maskmovq | Mnemonic::Maskmovdqu | Mnemonic::Vmaskmovdqu);
        let place = if !masked { Where::Any } else { Where::Inside };
        let target = self.target(16, place);
        // Both operands of one instruction have the same address size.
        let size = match (0..n).find_map(|m| address_bytes(self.instruction.op_kind(m))) {
            Some(size) => size,
            None => match self.mode {
                Mode::Bits64 => self.random.pick(&[8, 8, 8, 8, 4]),
                Mode::Bits32 if masked => 4,
                Mode::Bits32 => self.random.pick(&[4, 4, 4, 4, 4, 4, 4, 2]),
                Mode::Bits16 => self.random.pick(&[2, 2, 2, 4]),
            },
        };
        let extra = kinds[0] == OpKind::MemoryESRDI;
        if self.mode == Mode::Bits16 && !extra && !masked {
            self.segment_prefix();
        }
        let segment = if extra { ES } else { self.segment(None) };
        let offset = target.wrapping_sub(self.mode.base(segment));
        let kind = match size {
            8 => kinds[0],
            4 => kinds[1],
            _ => kinds[2],
        };
        self.instruction.set_op_kind(n, kind);
        if size == 2 {
            // In the flat segments of 32-bit code nothing is there.
            self.set_short(register, offset);
            return;
        }
        let target = if size == 4 { u64::from(target as u32) } else { target };
        self.operand.get_or_insert(target);
        self.set_address(register, offset, size == 4);
    }

    pub(super) fn translate(&mut self, n: u32) {
        let target = self.target(1, Where::Any);
        self.operand = Some(target);
        let al = self.case.state.gpr[RAX] & 0xff;
        self.pinned[RAX] = true;
        self.segment_prefix();
        let offset = self.offset(target, None);
        let narrow = self.mode != Mode::Bits64 || target >> 32 == 0 && self.random.one_in(4);
        let short = self.mode == Mode::Bits16 && offset >> 16 == 0 && !self.random.one_in(4);
        let value = offset.wrapping_sub(al);
        if short {
            self.set_short(RBX, value);
        } else {
            self.set_address(RBX, value, narrow);
        }
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        i.set_memory_base(match (short, narrow) {
            (true, _) => Register::BX,
            (false, true) => Register::EBX,
            (false, false) => Register::RBX,
        });
        i.set_memory_index(Register::AL);
    }
}
