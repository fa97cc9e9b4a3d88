//! Looks for primes, a thousand numbers at a time, and logs how many there were.

#![no_std]
#![no_main]

mod runtime;

/// In its own data pages, for a debugger to watch.
#[unsafe(no_mangle)]
static mut PRIME_COUNT: u64 = 0;

fn is_prime(n: u64) -> bool {
    n >= 2 && (2..).take_while(|divisor| divisor * divisor <= n).all(|divisor| n % divisor != 0)
}

#[unsafe(no_mangle)]
fn main() {
    let mut start = 0;
    loop {
        let found = (start..start + 1000).filter(|&n| is_prime(n)).count() as u64;
        // SAFETY: the program has one thread.
        let total = unsafe {
            PRIME_COUNT += found;
            PRIME_COUNT
        };
        start += 1000;
        runtime::write_line(runtime::LOG, format_args!("{total} primes below {start}"));
        runtime::sleep(100);
    }
}
