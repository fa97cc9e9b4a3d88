//! Counts, in an SSE register too: if a task switch lost one, the two would part.

#![no_std]
#![no_main]

mod runtime;

/// In its own data pages, for a debugger to watch.
#[unsafe(no_mangle)]
static mut COUNT: u64 = 0;

#[unsafe(no_mangle)]
fn main() {
    let mut sum = 0.0_f64;
    loop {
        for _ in 0..100 {
            // SAFETY: the program has one thread. Volatile: it is there to be looked at.
            unsafe { (&raw mut COUNT).write_volatile((&raw const COUNT).read_volatile() + 1) };
            sum += 0.5;
        }
        // SAFETY: as above.
        let count = unsafe { (&raw const COUNT).read_volatile() };
        assert!(sum * 2.0 == count as f64, "the counters parted: {sum} and {count}");
        if count % 10_000 == 0 {
            runtime::write_line(runtime::LOG, format_args!("count {count}"));
        }
        runtime::sleep(2);
    }
}
