//! The end, when something is wrong with the kernel itself.

use crate::trap::TrapFrame;
use crate::{cpu, exit, serial, task};
use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a run that ended in a panic.
const STATUS: u8 = 3;
const MAX_DEPTH: usize = 16;

/// Writes straight to the port: a panic can trust neither interrupts nor locks.
struct Polled;

impl Write for Polled {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(line) => {
                    serial::write_polled(line.as_bytes());
                    serial::write_polled(b"\r\n");
                }
                None => serial::write_polled(line.as_bytes()),
            }
        }
        Ok(())
    }
}

static PANICKING: AtomicBool = AtomicBool::new(false);

/// An exception in ring 0 that nothing provided for.
pub fn kernel_exception(frame: &TrapFrame, what: fmt::Arguments) -> ! {
    report(what, Some(frame), frame.rbp)
}

#[panic_handler]
fn rust_panic(info: &PanicInfo) -> ! {
    let rbp: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) }
    report(format_args!("{info}"), None, rbp)
}

/// Where a debugger sets its breakpoint to stop on every panic.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn kernel_panicked() {
    // SAFETY: an empty instruction sequence, which keeps the call.
    unsafe { asm!("") }
}

fn report(what: fmt::Arguments, frame: Option<&TrapFrame>, rbp: u64) -> ! {
    cpu::disable_interrupts();
    if PANICKING.swap(true, Ordering::Relaxed) {
        serial::write_polled(b"\r\npanic within the panic\r\n");
        serial::finish_polled();
        exit::power_off(STATUS);
    }
    kernel_panicked();
    let (pid, name) = (task::current_pid(), task::current_name());
    // Polled has no errors.
    let _ = writeln!(Polled, "\nKERNEL PANIC in task {pid} ({name}): {what}");
    if let Some(frame) = frame {
        let _ = write!(Polled, "{frame}");
    }
    let _ = writeln!(Polled, "  called from:");
    backtrace(rbp, |address| {
        let _ = writeln!(Polled, "    {address:016x}");
    });
    serial::finish_polled();
    exit::power_off(STATUS)
}

/// Follows the frame pointers; every function keeps one. A broken chain ends the walk.
fn backtrace(mut rbp: u64, mut visit: impl FnMut(u64)) {
    for _ in 0..MAX_DEPTH {
        let mut link = [0_u64; 2];
        if rbp == 0 || !rbp.is_multiple_of(8) || !crate::probe::read(rbp, &mut link) || link[1] == 0 {
            return;
        }
        visit(link[1]);
        rbp = link[0];
    }
}

/// `core` was built to unwind and names this. Nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
