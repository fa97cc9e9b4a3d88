//! The line that MONITOR and UMONITOR watch.

use serde::{Deserialize, Serialize};

/// Bytes of a monitored line, as leaf 5 of CPUID says.
pub const LINE: u64 = 64;

/// A line whose writes by others than the processor end a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitor {
    /// Its physical address, if one is monitored.
    line: Option<u64>,
    written: bool,
}

impl Monitor {
    /// From now on the line of this physical address.
    pub fn arm(&mut self, address: u64) {
        *self = Self { line: Some(address & !(LINE - 1)), written: false };
    }

    /// No line any more; tells whether there was one that nobody had written to.
    pub fn disarm(&mut self) -> bool {
        let waits = self.waits();
        *self = Self::default();
        waits
    }

    /// Whether a line is monitored and nobody has written to it.
    pub fn waits(&self) -> bool {
        self.line.is_some() && !self.written
    }

    /// Somebody else than the processor writes `len` bytes at a physical address.
    #[inline]
    pub fn note(&mut self, address: u64, len: usize) {
        let hits = |line: u64| len > 0 && address < line + LINE && line < address.saturating_add(len as u64);
        self.written |= self.line.is_some_and(hits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_to_the_line_alone_count() {
        let mut monitor = Monitor::default();
        assert!(!monitor.waits());
        monitor.arm(0x1234);
        monitor.note(0x11ff, 1);
        monitor.note(0x1240, 8);
        monitor.note(0x1230, 0);
        assert!(monitor.waits());
        monitor.note(0x11fe, 3);
        assert!(!monitor.waits());
        assert!(!monitor.disarm());
        monitor.arm(0x1234);
        assert!(monitor.disarm());
    }
}
