//! The 8254 timer (Intel 8254 data sheet, 231164): 100 interrupts a second.

use crate::port::outb;
use crate::{pic, task};
use core::sync::atomic::{AtomicU64, Ordering};

/// Ticks in a second.
pub const HZ: u64 = 100;
/// The clock of an 8254 in a PC, in Hz.
const INPUT: u64 = 1_193_182;
const COUNTER_0: u16 = 0x40;
const CONTROL: u16 = 0x43;
const IRQ: u8 = 0;

/// Interrupts since boot.
#[unsafe(no_mangle)]
static TICKS: AtomicU64 = AtomicU64::new(0);

pub fn init() {
    let divisor = ((INPUT + HZ / 2) / HZ) as u16;
    outb(CONTROL, 0x34); // counter 0, low byte then high, mode 2: rate generator
    outb(COUNTER_0, divisor as u8);
    outb(COUNTER_0, (divisor >> 8) as u8);
    pic::set_handler(IRQ, || {
        let now = TICKS.load(Ordering::Relaxed) + 1;
        TICKS.store(now, Ordering::Relaxed);
        task::tick(now);
    });
}

/// Ticks since boot.
pub fn ticks() -> u64 {
    TICKS.load(Ordering::Relaxed)
}
