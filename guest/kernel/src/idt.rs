//! The interrupt descriptor table (SDM Vol. 3A, 7.14.1).

use crate::gdt::{self, TableRegister};
use crate::irq_cell::IrqCell;
use core::arch::asm;

/// Hardware interrupts start here, right above the exceptions.
pub const IRQ_BASE: u8 = 32;
/// `int 48`: give up the processor. Only ring 0 may (DPL 0).
pub const YIELD: u8 = 48;
const VECTORS: usize = 49;

/// An interrupt gate.
#[repr(C)]
#[derive(Clone, Copy)]
struct Gate {
    offset_low: u16,
    selector: u16,
    ist: u8,
    type_attributes: u8,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

impl Gate {
    const ABSENT: Self = Self {
        offset_low: 0,
        selector: 0,
        ist: 0,
        type_attributes: 0,
        offset_middle: 0,
        offset_high: 0,
        reserved: 0,
    };

    /// Present, type 14: IF is cleared on entry, so no IST stack is used twice.
    fn interrupt(handler: u64, ist: u8, dpl: u8) -> Self {
        Self {
            offset_low: handler as u16,
            selector: gdt::KERNEL_CODE,
            ist,
            type_attributes: 0x8e | dpl << 5,
            offset_middle: (handler >> 16) as u16,
            offset_high: (handler >> 32) as u32,
            reserved: 0,
        }
    }
}

#[unsafe(no_mangle)]
static IDT: IrqCell<[Gate; VECTORS]> = IrqCell::new([Gate::ABSENT; VECTORS]);

/// Fills and loads the table.
pub fn init() {
    unsafe extern "C" {
        static trap_stubs: u8;
    }
    IDT.with(|idt| {
        for (vector, gate) in idt.iter_mut().enumerate() {
            // entry.s gives each stub 16 bytes.
            let stub = (&raw const trap_stubs) as u64 + vector as u64 * 16;
            let ist = match vector {
                2 => gdt::IST_NMI,
                8 => gdt::IST_DOUBLE_FAULT,
                0..32 => gdt::IST_EXCEPTION,
                _ => gdt::IST_INTERRUPT,
            };
            // INT3 and INTO are for programs to use; all else is the processor's or ours.
            let dpl = if matches!(vector, 3 | 4) { 3 } else { 0 };
            *gate = Gate::interrupt(stub, ist, dpl);
        }
        let register = TableRegister { limit: size_of_val(idt) as u16 - 1, base: idt.as_ptr() as u64 };
        // SAFETY: the table is static and complete.
        unsafe { asm!("lidt [{}]", in(reg) &raw const register, options(nostack)) }
    });
}
