//! System calls: SYSCALL with the number in rax, arguments in rdi, rsi and rdx, the result
//! in rax. rcx and r11 are lost, all else survives. Negative results are errors.

use crate::console::Text;
use crate::cpu::{self, IA32_FMASK, IA32_LSTAR, IA32_STAR};
use crate::trap::TrapFrame;
use crate::{gdt, log, pit, probe, serial, task};

/// Ends the program with the status in rdi.
pub const EXIT: u64 = 0;
/// Writes rdx bytes at rsi to rdi: 1 is the console, 2 a line of the kernel log.
pub const WRITE: u64 = 1;
/// Gives up the processor.
pub const YIELD: u64 = 2;
/// Sleeps for rdi ticks.
pub const SLEEP: u64 = 3;
/// The task's number.
pub const GETPID: u64 = 4;
/// Ticks since boot.
pub const TICKS: u64 = 5;

const BAD_FILE: i64 = -9;
const BAD_ADDRESS: i64 = -14;
const NO_SUCH_CALL: i64 = -38;

/// Points SYSCALL here. EFER.SCE is on since `boot.s`.
pub fn init() {
    unsafe extern "C" {
        fn syscall_entry();
    }
    let star = u64::from(gdt::USER_BASE_32) << 48 | u64::from(gdt::KERNEL_CODE) << 32;
    // Cleared on entry: IF, and what a program could leave set to trouble us: TF, DF, NT, AC.
    let mask = cpu::RFLAGS_IF | 1 << 8 | 1 << 10 | 1 << 14 | 1 << 18;
    // SAFETY: the entry point is made for it, and the segments are the GDT's.
    unsafe {
        cpu::wrmsr(IA32_STAR, star);
        cpu::wrmsr(IA32_LSTAR, syscall_entry as *const () as u64);
        cpu::wrmsr(IA32_FMASK, mask);
        cpu::wrmsr(cpu::IA32_GS_BASE, 0);
    }
}

/// Called by `entry.s` on the task's kernel stack, interrupts on.
#[unsafe(no_mangle)]
extern "C" fn syscall_dispatch(frame: &mut TrapFrame) {
    let result = match frame.rax {
        EXIT => task::exit(frame.rdi as i64),
        WRITE => write(frame.rdi, frame.rsi, frame.rdx),
        YIELD => {
            task::yield_now();
            0
        }
        SLEEP => {
            task::sleep(frame.rdi.min(u32::MAX.into()));
            0
        }
        GETPID => task::current_pid().into(),
        TICKS => pit::ticks() as i64,
        _ => NO_SUCH_CALL,
    };
    frame.rax = result as u64;
}

fn write(file: u64, address: u64, length: u64) -> i64 {
    let mut chunk = [0; 96];
    let mut done = 0;
    while done < length {
        let count = (length - done).min(chunk.len() as u64) as usize;
        let bytes = &mut chunk[..count];
        if !probe::read_user(address.wrapping_add(done), bytes) {
            return BAD_ADDRESS;
        }
        match file {
            1 => serial::write_text(bytes),
            2 => log!("{}: {}", task::current_name(), Text(bytes.trim_ascii_end())),
            _ => return BAD_FILE,
        }
        done += count as u64;
    }
    done as i64
}
