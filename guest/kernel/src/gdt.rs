//! Segments: what is left of them in long mode (SDM Vol. 3A, 3.4 and 9.7).

use crate::irq_cell::IrqCell;
use crate::stacks;
use core::arch::asm;

// The order is SYSCALL's and SYSRET's: kernel SS = CS + 8; user SS = base + 8, user
// CS = base + 16, where base is the slot of the 32-bit user code segment, unused here.
pub const KERNEL_CODE: u16 = 0x08;
pub const KERNEL_DATA: u16 = 0x10;
pub const USER_BASE_32: u16 = 0x18 | 3;
pub const USER_DATA: u16 = 0x20 | 3;
pub const USER_CODE: u16 = 0x28 | 3;
const TSS_SELECTOR: u16 = 0x30;

/// IST slots of the TSS. Each kind of event that can interrupt another has its own
/// stack; none can land on the red zone of the code it interrupts.
pub const IST_INTERRUPT: u8 = 1;
pub const IST_EXCEPTION: u8 = 2;
pub const IST_DOUBLE_FAULT: u8 = 3;
pub const IST_NMI: u8 = 4;

/// The 64-bit TSS (SDM Vol. 3A, figure 9-11).
#[repr(C, packed(4))]
pub struct TaskStateSegment {
    reserved_0: u32,
    rsp: [u64; 3],
    reserved_1: u64,
    ist: [u64; 7],
    reserved_2: u64,
    reserved_3: u16,
    io_map_base: u16,
}

const _: () = assert!(size_of::<TaskStateSegment>() == 104);

#[unsafe(no_mangle)]
static TSS: IrqCell<TaskStateSegment> = IrqCell::new(TaskStateSegment {
    reserved_0: 0,
    rsp: [0; 3],
    reserved_1: 0,
    ist: [0; 7],
    reserved_2: 0,
    reserved_3: 0,
    // Beyond the limit: no permission map, so ring 3 reaches no port.
    io_map_base: size_of::<TaskStateSegment>() as u16,
});

#[unsafe(no_mangle)]
static GDT: IrqCell<[u64; 8]> = IrqCell::new([
    0,
    0x00af_9b00_0000_ffff, // 64-bit code, DPL 0
    0x00cf_9300_0000_ffff, // data, DPL 0
    0x00cf_fb00_0000_ffff, // 32-bit code, DPL 3
    0x00cf_f300_0000_ffff, // data, DPL 3
    0x00af_fb00_0000_ffff, // 64-bit code, DPL 3
    0,                     // TSS, low half
    0,                     // TSS, high half
]);

/// The operand of LGDT and LIDT.
#[repr(C, packed)]
pub struct TableRegister {
    pub limit: u16,
    pub base: u64,
}

/// Loads GDT, segment registers and TSS.
pub fn init() {
    TSS.with(|tss| {
        for (slot, top) in [IST_INTERRUPT, IST_EXCEPTION, IST_DOUBLE_FAULT, IST_NMI]
            .map(|ist| (ist, stacks::fixed_top(ist.into())))
        {
            tss.ist[usize::from(slot) - 1] = top;
        }
    });
    GDT.with(|gdt| {
        let base = TSS.as_ptr() as u64;
        let limit = size_of::<TaskStateSegment>() as u64 - 1;
        // Type 9, available 64-bit TSS, present (SDM Vol. 3A, figure 9-4).
        gdt[6] = limit | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
        gdt[7] = base >> 32;
        let register = TableRegister { limit: size_of_val(gdt) as u16 - 1, base: gdt.as_ptr() as u64 };
        // SAFETY: the table is static and holds the segments named. CS changes by a far
        // return, the one far transfer with a 64-bit target that needs no memory operand.
        unsafe {
            asm!(
                "lgdt [{register}]",
                "push {code}",
                "lea {scratch}, [rip + 2f]",
                "push {scratch}",
                "retfq",
                "2:",
                "mov ss, {data:x}",
                "mov ds, {data:x}",
                "mov es, {data:x}",
                "ltr {tss:x}",
                register = in(reg) &raw const register,
                code = const KERNEL_CODE,
                data = in(reg) KERNEL_DATA,
                tss = in(reg) TSS_SELECTOR,
                scratch = out(reg) _,
            );
        }
    });
}

/// The stack for entries from ring 3 through a gate without IST. All gates here use an
/// IST stack; the field is kept true for whoever adds one that does not.
pub fn set_rsp0(top: u64) {
    TSS.with(|tss| tss.rsp[0] = top);
}
