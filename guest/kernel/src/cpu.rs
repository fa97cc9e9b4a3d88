//! Control registers, model-specific registers and the instructions around them.

use core::arch::asm;

pub const IA32_STAR: u32 = 0xc000_0081;
pub const IA32_LSTAR: u32 = 0xc000_0082;
pub const IA32_FMASK: u32 = 0xc000_0084;
pub const IA32_GS_BASE: u32 = 0xc000_0101;
pub const IA32_KERNEL_GS_BASE: u32 = 0xc000_0102;

pub const RFLAGS_IF: u64 = 1 << 9;
/// Bit 1 reads as one, always.
pub const RFLAGS_FIXED: u64 = 1 << 1;

macro_rules! control_register {
    ($read:ident, $name:literal) => {
        #[doc = concat!("Reads ", $name, ".")]
        pub fn $read() -> u64 {
            let value: u64;
            // SAFETY: reading a control register changes nothing.
            unsafe {
                asm!(concat!("mov {}, ", $name), out(reg) value, options(nomem, nostack, preserves_flags));
            }
            value
        }
    };
}

control_register!(cr0, "cr0");
control_register!(cr2, "cr2");
control_register!(cr3, "cr3");
control_register!(cr4, "cr4");

/// Loads CR3, which flushes all but global translations.
///
/// # Safety
/// The new tables must map the running code, its stack and its data.
pub unsafe fn set_cr3(value: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("mov cr3, {}", in(reg) value, options(nostack, preserves_flags)) }
}

/// Drops the translation of one page, global or not.
pub fn invlpg(address: u64) {
    // SAFETY: forgetting a translation only costs a walk.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) }
}

/// Writes a model-specific register.
///
/// # Safety
/// The value must keep the kernel's invariants: these registers hold entry points.
pub unsafe fn wrmsr(register: u32, value: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nostack, preserves_flags));
    }
}

/// RFLAGS.
pub fn rflags() -> u64 {
    let flags: u64;
    // SAFETY: a push and a pop.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(nomem, preserves_flags)) }
    flags
}

/// STI.
pub fn enable_interrupts() {
    // SAFETY: the IDT is loaded before anyone calls this. Not `nomem`: handlers change memory.
    unsafe { asm!("sti", options(nostack)) }
}

/// CLI.
pub fn disable_interrupts() {
    // SAFETY: as above.
    unsafe { asm!("cli", options(nostack)) }
}

/// Sleeps until an interrupt, with no gap: STI takes effect after the next instruction,
/// so an interrupt that arrives just before HLT still wakes it (SDM Vol. 2B, STI).
pub fn enable_interrupts_and_halt() {
    // SAFETY: as above.
    unsafe { asm!("sti", "hlt", options(nostack)) }
}

/// Stops for good.
pub fn halt_forever() -> ! {
    loop {
        // SAFETY: only an NMI can end the HLT, and the loop takes it back.
        unsafe { asm!("cli", "hlt", options(nostack)) }
    }
}
