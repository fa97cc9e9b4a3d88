//! The console: the first serial port.

use crate::serial;
use core::fmt::{self, Write};

/// Lines up to this length stay whole.
const LINE: usize = 256;

struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_text(text.as_bytes());
        Ok(())
    }
}

pub fn print(arguments: fmt::Arguments) {
    // Console::write_str has no errors to lose.
    let _ = Console.write_fmt(arguments);
}

/// A line, handed over in one piece so that no other task's output falls into it.
pub fn print_line(arguments: fmt::Arguments) {
    let mut line = Buffer::<LINE>::new();
    let _ = writeln!(line, "{arguments}");
    if line.is_full() {
        // Too long to stay whole; better torn than cut.
        print(arguments);
        print(format_args!("\n"));
        return;
    }
    // Text in, text out: a buffer that is not full has cut nothing.
    let _ = Console.write_str(core::str::from_utf8(line.as_bytes()).unwrap_or_default());
}

#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::console::print(format_args!($($argument)*)) };
}

#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => { $crate::console::print_line(format_args!($($argument)*)) };
}

/// Text put together in a buffer of fixed size; what does not fit is cut off.
pub struct Buffer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Buffer<N> {
    pub const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// Whether something may have been cut off.
    pub fn is_full(&self) -> bool {
        self.length == N
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<const N: usize> Write for Buffer<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.len().min(N - self.length);
        self.bytes[self.length..self.length + count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

/// Displays bytes as text, up to the first zero.
pub struct Text<'a>(pub &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        f.pad(core::str::from_utf8(&self.0[..end]).unwrap_or("(not text)"))
    }
}
