//! The teaching kernel: small enough to read in an evening, real enough to debug.
//!
//! Order of reading: `boot.s`, this file, `trap.rs` with `entry.s`, `task.rs`,
//! `paging.rs`, then any driver. `README.md` one folder up draws the memory map and
//! lists the structures that a debugger can walk.

#![no_std]
#![no_main]

mod address;
mod boot_info;
mod commands;
mod console;
mod cpu;
mod edu;
mod exit;
mod frames;
mod gdt;
mod idt;
mod irq_cell;
mod list;
mod log;
mod modules;
mod paging;
mod panic;
mod pci;
mod pic;
mod pit;
mod port;
mod probe;
mod program;
mod serial;
mod shell;
mod stacks;
mod syscall;
mod task;
mod trap;

use core::arch::global_asm;
use irq_cell::InterruptsOff;

global_asm!(include_str!("boot.s"));
global_asm!(include_str!("entry.s"));
global_asm!(include_str!("memory_functions.s"));

/// Entered by `boot.s` on the boot stack, in long mode, interrupts off.
#[unsafe(no_mangle)]
extern "C" fn kernel_main(start_info: u64) -> ! {
    serial::init();
    println!("Ringhold teaching kernel {}", env!("KERNEL_VERSION"));
    gdt::init();
    idt::init();
    boot_info::init(start_info);
    frames::init();
    paging::init();
    modules::init();
    pic::init();
    pit::init();
    serial::enable_interrupts();
    syscall::init();
    task::init();
    // From here on time passes, and the console drains while the rest comes up.
    cpu::enable_interrupts();
    pci::init();
    edu::init();

    start_tasks();
    task::idle()
}

/// All of them, before any of them runs: this context is `idle`, the last to be picked.
fn start_tasks() {
    let _guard = InterruptsOff::new();
    task::spawn_kernel("logger", log::logger);
    for name in ["primes", "counter"] {
        if let Err(error) = task::spawn_user(name) {
            log!("task: {name}: {error}");
        }
    }
    log!("boot: complete, {} frames free", frames::statistics().free);
    log::end_echo();
    task::spawn_kernel("shell", shell::run);
}
