//! Says hello on the console and ends.

#![no_std]
#![no_main]

mod runtime;

#[unsafe(no_mangle)]
fn main() {
    let (pid, ticks) = (runtime::getpid(), runtime::ticks());
    runtime::write_line(runtime::CONSOLE, format_args!("hello from task {pid} in ring 3, at tick {ticks}"));
}
