//! `? .formats n .echo ~ ~Ns`, and the names of what is missing.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::layout::printable;
use super::number::{general, halves_of};
use super::{Execution, Known};
use crate::HResult;
use crate::command::Command;

/// What WinDbg has and this console has not.
const MISSING: [&str; 25] = [
    "kp", "kd", "gc", "wt", "dt", "dv", "dx", "a", "sx", "sxe", "sxd", "ld", "ad", "as", "al", "z",
    ".foreach", ".dump", ".process", ".thread", ".reload", ".sympath", ".load", ".reboot", ".crash",
];

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn other(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        match name {
            ".formats" => self.formats(from),
            ".echo" => {
                from.skip_space();
                let text = from.rest().trim_end();
                self.say(&format!("{}\n", unquoted(text)))
            }
            "n" => self.set_radix(from),
            "r?" => Err(Complaint::missing("typed variables are", at)),
            _ if name.starts_with('~') => self.processors(name, from, at),
            _ if MISSING.contains(&name) => Err(Complaint::missing(&format!("{name} is"), at)),
            _ => return Ok(Known::No),
        }
        .map(|()| Known::Yes)
    }

    /// `? expression`
    pub(super) fn evaluate(&mut self, from: &mut Cursor<'_>) -> Outcome {
        let value = self.expression(from)?;
        from.end()?;
        self.say(&format!("Evaluate expression: {} = {}\n", value as i64, halves_of(value)))
    }

    /// `.formats expression`
    fn formats(&mut self, from: &mut Cursor<'_>) -> Outcome {
        let value = self.expression(from)?;
        from.end()?;
        let binary: Vec<String> = value.to_be_bytes().iter().map(|byte| format!("{byte:08b}")).collect();
        let characters: String = value.to_be_bytes().iter().map(|byte| printable(*byte)).collect();
        let single = general(f32::from_bits(value as u32).into(), 6);
        let lines = [
            "Evaluate expression:".to_string(),
            format!("  Hex:     {}", halves_of(value)),
            format!("  Decimal: {}", value as i64),
            format!("  Octal:   {value:022o}"),
            format!("  Binary:  {}", binary.join(" ")),
            format!("  Chars:   {characters}"),
            format!("  Time:    {}", time(value)),
            format!(
                "  Float:   low {single} high {}",
                general(f32::from_bits((value >> 32) as u32).into(), 6)
            ),
            format!("  Double:  {}", general(f64::from_bits(value), 6)),
        ];
        self.say(&(lines.join("\n") + "\n"))
    }

    /// `n [radix]`
    fn set_radix(&mut self, from: &mut Cursor<'_>) -> Outcome {
        if !from.at_end() {
            let number_at = from.at();
            // The radix itself is always a decimal number.
            let digits = from.take_while(|letter| letter.is_ascii_digit());
            let radix = digits.parse().map_err(|_| Complaint::syntax(number_at))?;
            from.end()?;
            let set = self.call(&Command::SetRadix { radix });
            set.map_err(|hresult| Complaint { hresult, ..Complaint::operand(number_at) })?;
        }
        let radix = self.session.radix;
        self.say(&format!("base is {radix}\n"))
    }

    /// `~` lists the processors, `~Ns` selects one.
    fn processors(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome {
        from.end()?;
        let fault = |hresult| Complaint::of(hresult, at);
        if name == "~" {
            let all = self.machine.cpus.len();
            for number in 0..all {
                let mark = if number == self.session.context.cpu { '.' } else { ' ' };
                self.say(&format!("{mark} {number}\n"))?;
            }
            return Ok(());
        }
        let digits = name.trim_start_matches('~').strip_suffix('s').ok_or(Complaint::syntax(at))?;
        let id = digits.parse().map_err(|_| Complaint::syntax(at))?;
        match self.call(&Command::SetCurrentThreadId { id }) {
            Err(HResult::NOINTERFACE) => Err(Complaint {
                hresult: HResult::NOINTERFACE,
                ..Complaint::new("Illegal processor error", at)
            }),
            outcome => outcome.map(drop).map_err(fault),
        }
    }
}

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// A number as a moment: up to 32 bits as seconds since 1970, else as tenths of microseconds since
/// 1601. In UTC; WinDbg takes the host's time zone.
fn time(value: u64) -> String {
    const TO_1970: u64 = 11_644_473_600;
    let seconds = if value >> 32 == 0 { value + TO_1970 } else { value / 10_000_000 };
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let Some((year, month, day)) = date(days) else { return "*** Invalid".into() };
    // 1601-01-01 was a Monday.
    let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][(days % 7) as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}", MONTHS[month])
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Year, month from 0, and day of the day so many days after 1601-01-01; `None` from the year
/// 30828 on, where Windows' own time ends.
fn date(days: u64) -> Option<(u64, usize, u64)> {
    let mut year = 1601 + days / 146_097 * 400;
    let mut left = days % 146_097;
    let length = |year: u64| {
        365 + u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
    };
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    (year < 30_828).then_some((year, month, left + 1))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times() {
        assert_eq!(time(0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(time(951_782_400), "Tue Feb 29 00:00:00 2000");
        assert_eq!(time(0x01d9_0000_0000_0000).len(), 24);
        assert_eq!(time(132_223_104_000_000_000), "Wed Jan  1 00:00:00 2020");
        assert_eq!(time(u64::MAX), "*** Invalid");
    }
}
