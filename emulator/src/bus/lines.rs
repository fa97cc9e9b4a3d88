//! Interrupt lines that several drivers share.

use std::collections::BTreeSet;

use serde::Serialize;

use super::DeviceId;

/// Who holds a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Driver {
    /// A device's interrupt output.
    Device(DeviceId),
    /// FERR# of a processor, counted from zero.
    Ferr(usize),
}

/// The global system interrupt lines: each is asserted while anybody holds it (a wired OR).
#[derive(Debug, Default, Serialize)]
pub struct Lines {
    held: BTreeSet<(u8, Driver)>,
}

impl Lines {
    /// Sets what `driver` does to a line; gives the line's level if that changed it.
    #[must_use]
    pub fn drive(&mut self, gsi: u8, driver: Driver, level: bool) -> Option<bool> {
        let before = self.is_asserted(gsi);
        if level {
            self.held.insert((gsi, driver));
        } else {
            self.held.remove(&(gsi, driver));
        }
        let after = self.is_asserted(gsi);
        (before != after).then_some(after)
    }

    /// Whether `driver` holds a line.
    pub fn is_driven_by(&self, gsi: u8, driver: Driver) -> bool {
        self.held.contains(&(gsi, driver))
    }

    /// Everybody lets go; gives the lines that fall.
    pub fn release(&mut self) -> BTreeSet<u8> {
        std::mem::take(&mut self.held).into_iter().map(|(gsi, _)| gsi).collect()
    }

    fn is_asserted(&self, gsi: u8) -> bool {
        self.held.iter().any(|(line, _)| *line == gsi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_line_falls_when_its_last_driver_lets_go() {
        let mut lines = Lines::default();
        let (a, b) = (Driver::Device(DeviceId(1)), Driver::Device(DeviceId(2)));
        assert_eq!(lines.drive(11, a, true), Some(true));
        assert_eq!(lines.drive(11, b, true), None);
        assert_eq!(lines.drive(11, a, false), None);
        assert_eq!(lines.drive(11, a, false), None);
        assert_eq!(lines.drive(10, b, false), None);
        assert_eq!(lines.drive(11, b, false), Some(false));
    }
}
