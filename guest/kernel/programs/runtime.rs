//! What every program shares: the way in, the system calls, text.

use core::arch::{asm, global_asm};
use core::fmt::{self, Write};

global_asm!(include_str!("../src/memory_functions.s"));

// The kernel starts a program with the stack as after a call.
global_asm!(".global _start", "_start:", "xor ebp, ebp", "jmp program_main");

unsafe extern "Rust" {
    safe fn main();
}

#[unsafe(no_mangle)]
extern "C" fn program_main() -> ! {
    main();
    exit(0)
}

fn syscall(number: u64, arguments: [u64; 3]) -> i64 {
    let result;
    // SAFETY: the kernel keeps every register but rax, rcx and r11.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") arguments[0],
            in("rsi") arguments[1], in("rdx") arguments[2], out("rcx") _, out("r11") _, options(nostack));
    }
    result
}

pub fn exit(status: i64) -> ! {
    syscall(0, [status as u64, 0, 0]);
    unreachable!()
}

#[allow(dead_code, reason = "not every program uses every call")]
pub fn yield_now() {
    syscall(2, [0; 3]);
}

#[allow(dead_code, reason = "not every program uses every call")]
pub fn sleep(ticks: u64) {
    syscall(3, [ticks, 0, 0]);
}

#[allow(dead_code, reason = "not every program uses every call")]
pub fn getpid() -> i64 {
    syscall(4, [0; 3])
}

#[allow(dead_code, reason = "not every program uses every call")]
pub fn ticks() -> i64 {
    syscall(5, [0; 3])
}

/// File 1: the console.
#[allow(dead_code, reason = "not every program uses every file")]
pub const CONSOLE: u64 = 1;
/// File 2: the kernel log.
#[allow(dead_code, reason = "not every program uses every file")]
pub const LOG: u64 = 2;

/// A line put together before it is written, so that it is one call and stays whole.
struct Line {
    bytes: [u8; 96],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.len().min(self.bytes.len() - self.length);
        self.bytes[self.length..self.length + count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

/// Writes one line to a file.
pub fn write_line(file: u64, arguments: fmt::Arguments) {
    let mut line = Line { bytes: [0; 96], length: 0 };
    // A Line has no errors, it cuts.
    let _ = writeln!(line, "{arguments}");
    syscall(1, [file, line.bytes.as_ptr() as u64, line.length as u64]);
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    write_line(LOG, format_args!("{info}"));
    exit(101)
}

/// `core` was built to unwind and names this. Nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
