//! Reads kernel memory from ring 3, which ends it.

#![no_std]
#![no_main]

mod runtime;

#[unsafe(no_mangle)]
fn main() {
    let kernel = 0xffff_8000_0010_0000_u64 as *const u64;
    // SAFETY: it is not: the kernel's pages are not a program's to read.
    let stolen = unsafe { kernel.read_volatile() };
    runtime::write_line(runtime::CONSOLE, format_args!("read {stolen:#x} from the kernel!"));
}
