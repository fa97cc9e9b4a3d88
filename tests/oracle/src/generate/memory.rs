//! Memory operands: where they lie, and registers that lead there.

use iced_x86::{Mnemonic, OpCodeOperandKind, OpKind, Register};

use super::{Builder, RAX, RBX, RSP};
use crate::case::Mode;
use crate::layout::{DATA, DATA_BYTES, FS_BASE, GS_BASE, PAGE, READ_ONLY};
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
        // In the middle of nothing; the halves of the address space that do not exist.
        let nothing = DATA - 0x4000 + self.random.below(0x2000) / align * align;
        match (self.random.below(40), place) {
            (0, Where::Any | Where::Whole) => nothing,
            (1, Where::Any | Where::Whole) if self.mode == Mode::Bits32 => {
                0xffff_f000 + self.random.below(0x800)
            }
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
        if super::saves_extended(self.code) || super::restores_extended(self.code) {
            let target = self.target(super::EXTENDED_AREA, Where::Whole);
            return if self.random.one_in(16) { target } else { target & !63 };
        }
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
            self.constant(target, false);
            return Option::Some(());
        }
        let mut place = target;
        let wants_sib = matches!(kind, sibmem | mem_mib);
        let wide = self.mode == Mode::Bits64;
        if !wide && !wants_sib && self.random.one_in(6) && (DATA..DATA + 0x1_0000).contains(&target) {
            return self.sixteen_bits((target - DATA) as u16);
        }
        if self.random.one_in(24) {
            let (segment, base) = match self.mode {
                Mode::Bits64 => self.random.pick(&[(Register::FS, FS_BASE), (Register::GS, GS_BASE)]),
                Mode::Bits32 => (Register::GS, DATA),
            };
            self.instruction.set_segment_prefix(segment);
            place = place.wrapping_sub(base);
        }
        let narrow = !wide || low && self.random.one_in(6);
        match self.random.below(8) {
            0 if low && !wants_sib && wide => self.relative(place, narrow),
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
        let narrow = self.mode == Mode::Bits32 || self.random.one_in(6);
        self.place(Some(base), None, scale, displacement, narrow);
        let i = &mut self.instruction;
        i.set_memory_index(first + index);
        let middle = DATA + DATA_BYTES as u64 / 2;
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

    /// An operand with 16-bit addressing, in the thread's own segment.
    fn sixteen_bits(&mut self, offset: u16) -> Option<()> {
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
        let mut rest = offset;
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
        i.set_segment_prefix(Register::GS);
        i.set_memory_base(if base == None { index } else { base });
        i.set_memory_index(if base == None { None } else { index });
        i.set_memory_displacement64(u64::from(rest));
        i.set_memory_displ_size(if rest == 0 && base != index { 0 } else { 2 });
        Some(())
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
    pub(super) fn absolute(&mut self, n: u32) -> Option<()> {
        let target = self.target_for();
        self.operand = Some(target);
        let narrow = self.mode == Mode::Bits32 || target >> 32 == 0 && self.random.one_in(4);
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        i.set_memory_displacement64(target);
        i.set_memory_displ_size(if narrow { 4 } else { 8 });
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
            },
        };
        let kind = match size {
            8 => kinds[0],
            4 => kinds[1],
            _ => kinds[2],
        };
        self.instruction.set_op_kind(n, kind);
        if size == 2 {
            // Offsets in the flat segments: nothing is there.
            self.set(register, target & 0xffff_ffff);
            return;
        }
        let target = if size == 4 { u64::from(target as u32) } else { target };
        self.operand.get_or_insert(target);
        self.set_address(register, target, size == 4);
    }

    pub(super) fn translate(&mut self, n: u32) {
        let target = self.target(1, Where::Any);
        let narrow = self.mode == Mode::Bits32 || target >> 32 == 0 && self.random.one_in(4);
        let i = &mut self.instruction;
        i.set_op_kind(n, OpKind::Memory);
        i.set_memory_base(if narrow { Register::EBX } else { Register::RBX });
        i.set_memory_index(Register::AL);
        self.operand = Some(target);
        let al = self.case.state.gpr[RAX] & 0xff;
        self.pinned[RAX] = true;
        self.set_address(RBX, target.wrapping_sub(al), narrow);
    }
}
