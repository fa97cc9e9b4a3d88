//! Never gives up the processor by itself. The others run all the same.

#![no_std]
#![no_main]

mod runtime;

#[unsafe(no_mangle)]
fn main() {
    loop {
        core::hint::spin_loop();
    }
}
