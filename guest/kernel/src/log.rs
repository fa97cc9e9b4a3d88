//! The kernel log: a ring of fixed records that needs no decoding from outside.

use crate::console::{Buffer, Text};
use crate::irq_cell::IrqCell;
use crate::port::outb;
use crate::{pit, println, task};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

const RECORDS: usize = 128;
const TEXT: usize = 104;
/// The port of the debug console.
const DEBUG_CONSOLE: u16 = 0xe9;

/// One line.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LogRecord {
    /// Number of the line, from 1; 0 marks a record never used.
    pub sequence: u64,
    /// Timer ticks since boot.
    pub tick: u64,
    /// The task that logged it.
    pub pid: u32,
    pub length: u32,
    pub text: [u8; TEXT],
}

/// The log. A debugger finds it at the symbol `KERNEL_LOG`; line `n` is in
/// `records[(n - 1) % capacity]`.
#[repr(C)]
pub struct KernelLog {
    /// "RHKLOG01"
    pub magic: [u8; 8],
    pub capacity: u32,
    pub record_size: u32,
    /// Number of the last line.
    pub last: u64,
    pub records: [LogRecord; RECORDS],
}

#[unsafe(no_mangle)]
static KERNEL_LOG: IrqCell<KernelLog> = IrqCell::new(KernelLog {
    magic: *b"RHKLOG01",
    capacity: RECORDS as u32,
    record_size: size_of::<LogRecord>() as u32,
    last: 0,
    records: [LogRecord { sequence: 0, tick: 0, pid: 0, length: 0, text: [0; TEXT] }; RECORDS],
});

/// While booting, the console shows the log; afterwards it belongs to the shell.
static ECHO: AtomicBool = AtomicBool::new(true);

impl LogRecord {
    pub fn text(&self) -> Text<'_> {
        Text(&self.text[..self.length as usize])
    }
}

/// Adds a line.
pub fn append(arguments: fmt::Arguments) {
    let mut buffer = Buffer::<TEXT>::new();
    // A Buffer has no errors, it cuts.
    let _ = buffer.write_fmt(arguments);
    let bytes = buffer.as_bytes();
    let (tick, pid) = (pit::ticks(), task::current_pid());
    KERNEL_LOG.with(|log| {
        let record = &mut log.records[log.last as usize % RECORDS];
        log.last += 1;
        record.sequence = log.last;
        record.tick = tick;
        record.pid = pid;
        record.length = bytes.len() as u32;
        record.text[..bytes.len()].copy_from_slice(bytes);
        record.text[bytes.len()..].fill(0);
    });
    if ECHO.load(Ordering::Relaxed) {
        println!("[{tick:>6}] {}", Text(bytes));
    }
}

#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::log::append(format_args!($($argument)*)) };
}

/// Hands the console over.
pub fn end_echo() {
    ECHO.store(false, Ordering::Relaxed);
}

/// Number of the last line.
pub fn last() -> u64 {
    KERNEL_LOG.with(|log| log.last)
}

/// Line `sequence`, while the ring still holds it.
pub fn line(sequence: u64) -> Option<LogRecord> {
    KERNEL_LOG.with(|log| {
        let record = log.records[sequence.checked_sub(1)? as usize % RECORDS];
        (record.sequence == sequence).then_some(record)
    })
}

/// The oldest line still held.
pub fn first() -> u64 {
    last().saturating_sub(RECORDS as u64) + 1
}

/// The kernel task that copies the log to the debug console, once a second.
pub fn logger() -> ! {
    let mut next = 1;
    loop {
        next = next.max(first());
        while let Some(record) = line(next) {
            let mut buffer = Buffer::<160>::new();
            let _ = writeln!(buffer, "[{:>6}] {:>2} {}", record.tick, record.pid, record.text());
            for &byte in buffer.as_bytes() {
                outb(DEBUG_CONSOLE, byte);
            }
            next += 1;
        }
        task::sleep(pit::HZ);
    }
}
