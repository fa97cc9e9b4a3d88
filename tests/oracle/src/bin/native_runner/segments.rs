//! The segment registers of cases, and the runner's own.
//!
//! The kernel carries CS and SS through signals. The others stay as they are, so a case's values are
//! still there when the handler begins, and what the handler leaves is what the next case has.

use std::arch::asm;
use std::sync::atomic::{AtomicU64, Ordering};

use ringhold_oracle::case::{DS, ES, GS, Mode};
use ringhold_oracle::layout::{GS_BASE, LDT};

/// What a case left.
pub struct Segments {
    /// ES, CS, SS, DS, FS, GS; CS and SS are the handler's.
    pub selectors: [u16; 6],
    /// The bases of FS and GS.
    pub bases: [u64; 2],
}

/// The base of FS that the runner's thread-local storage has.
static OWN_BASE: AtomicU64 = AtomicU64::new(0);

/// Notes the runner's own base of FS and makes the local descriptor table.
pub fn install() -> std::io::Result<()> {
    const HWCAP2_FSGSBASE: u64 = 1 << 1;
    // SAFETY: reads a constant of the process.
    if unsafe { libc::getauxval(libc::AT_HWCAP2) } & HWCAP2_FSGSBASE == 0 {
        return Err(std::io::Error::other(
            "the native runner needs RDFSBASE and WRFSBASE, and a kernel that allows them",
        ));
    }
    let base: u64;
    // SAFETY: the kernel allows the instruction, which changes nothing.
    unsafe { asm!("rdfsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
    OWN_BASE.store(base, Ordering::SeqCst);
    for (number, segment) in LDT.iter().enumerate() {
        let Some(segment) = segment else { continue };
        // struct user_desc: entry, base, limit, then bits from the lowest: 32-bit, contents (2),
        // not writable, limit in pages, not present, available.
        let bits = u32::from(segment.wide)
            | u32::from(segment.contents) << 1
            | u32::from(segment.read_exec_only) << 3
            | u32::from(segment.pages) << 4
            | u32::from(!segment.present) << 5
            | 1 << 6;
        let descriptor = [number as u32, segment.base, segment.limit, bits];
        const WRITE: i32 = 0x11;
        // SAFETY: the kernel reads the sixteen bytes. No segment register uses the table yet.
        let result = unsafe { libc::syscall(libc::SYS_modify_ldt, WRITE, descriptor.as_ptr(), 16) };
        // Without 16-bit segments no case of that mode is run.
        if result != 0 && !cfg!(no_16_bit_segments) {
            // The kernel returns errors of this call as 32-bit numbers.
            return Err(std::io::Error::from_raw_os_error((result as i32).wrapping_neg()));
        }
    }
    Ok(())
}

/// The runner's own base of FS.
pub fn own_base() -> u64 {
    OWN_BASE.load(Ordering::SeqCst)
}

/// Reads what the case left, and gives FS back to the runner. Uses no thread-local storage.
#[inline(always)]
pub fn enter() -> Segments {
    let own = own_base();
    let (es, ds, fs, gs): (u16, u16, u16, u16);
    let (fs_base, gs_base): (u64, u64);
    // SAFETY: `install` made sure of the instructions. The null selector is good for FS in 64-bit
    // mode, where its base is all that counts, and that is what compiled code expects.
    unsafe {
        asm!(
            "mov {es:x}, es",
            "mov {ds:x}, ds",
            "mov {fs:x}, fs",
            "mov {gs:x}, gs",
            "rdfsbase {fs_base}",
            "rdgsbase {gs_base}",
            "mov fs, {null:x}",
            "wrfsbase {own}",
            es = out(reg) es,
            ds = out(reg) ds,
            fs = out(reg) fs,
            gs = out(reg) gs,
            fs_base = out(reg) fs_base,
            gs_base = out(reg) gs_base,
            null = in(reg) 0,
            own = in(reg) own,
            options(nomem, nostack, preserves_flags),
        );
    }
    Segments { selectors: [es, 0, 0, ds, fs, gs], bases: [fs_base, gs_base] }
}

/// Loads what cases of this mode begin with, but for FS.
pub fn prepare(mode: Mode) {
    let selectors = mode.selectors();
    // SAFETY: 64-bit code uses none of these; the selectors are Linux's and that of `install`.
    // GS is free for programs on x86-64 Linux.
    unsafe {
        asm!(
            "mov es, {es:x}",
            "mov ds, {ds:x}",
            "mov gs, {gs:x}",
            es = in(reg) selectors[ES],
            ds = in(reg) selectors[DS],
            gs = in(reg) selectors[GS],
            options(nomem, nostack, preserves_flags),
        );
        if mode == Mode::Bits64 {
            asm!("wrgsbase {}", in(reg) GS_BASE, options(nomem, nostack, preserves_flags));
        }
    }
}

/// Gives FS this base. Uses no thread-local storage, and nothing may behind it.
#[inline(always)]
pub fn leave(base: u64) {
    // SAFETY: `install` made sure of the instruction; the handler returns at once.
    unsafe { asm!("wrfsbase {}", in(reg) base, options(nomem, nostack, preserves_flags)) };
}
