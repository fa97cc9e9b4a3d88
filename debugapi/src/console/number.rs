//! Numbers: how they are read, and how floating point is written.

use std::fmt::Write;

/// Why a word that looks like a number is none.
const OVERFLOW: &str = "Overflow error";

/// The number that a word is, in a radix unless a prefix or suffix says another. `None` if it is
/// no number at all.
///
/// `0x` and the suffix `h` mean 16, `0n` 10, `0t` 8, `0y` 2. A backtick separates the upper from
/// the lower 32 bits.
pub fn parse(word: &str, radix: u32) -> Option<Result<u64, &'static str>> {
    let prefixes = [("0x", 16), ("0n", 10), ("0t", 8), ("0y", 2)];
    let stripped = prefixes.iter().find_map(|(prefix, radix)| {
        let start = word.get(..2).filter(|start| start.eq_ignore_ascii_case(prefix))?;
        Some((&word[start.len()..], *radix))
    });
    if let Some((digits, radix)) = stripped {
        return halves(digits, radix);
    }
    match word.strip_suffix(['h', 'H']) {
        Some(digits) if !digits.is_empty() => halves(digits, 16),
        _ => halves(word, radix),
    }
}

fn halves(digits: &str, radix: u32) -> Option<Result<u64, &'static str>> {
    match digits.split_once('`') {
        Some((high, low)) if radix == 16 => {
            let high = plain(high, 16)?;
            let low = plain(low, 16)?;
            let whole = high.and_then(|high| match (u32::try_from(high), low.map(u32::try_from)) {
                (Ok(high), Ok(Ok(low))) => Ok(u64::from(high) << 32 | u64::from(low)),
                _ => Err(OVERFLOW),
            });
            Some(whole)
        }
        _ => plain(digits, radix),
    }
}

fn plain(digits: &str, radix: u32) -> Option<Result<u64, &'static str>> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(u64::from_str_radix(digits, radix).map_err(|_| OVERFLOW))
}

/// Both halves of a number with a backtick between them.
pub fn halves_of(value: u64) -> String {
    format!("{:08x}`{:08x}", value >> 32, value & 0xffff_ffff)
}

/// As C's `%.*g`: so many significant digits, without zeros at the end, and an exponent where
/// that is shorter.
pub fn general(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..digits as i32).contains(&exponent) {
        let places = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
        return without_zeros(&format!("{value:.places$}"));
    }
    let mut text = without_zeros(mantissa);
    // Writing to a string does not fail.
    let _ = write!(text, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    text
}

fn without_zeros(number: &str) -> String {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').into(),
        false => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_or_a_suffix_says_the_radix() {
        for (word, radix, value) in [
            ("10", 16, 0x10),
            ("10", 10, 10),
            ("10", 8, 8),
            ("0x10", 10, 0x10),
            ("0n10", 16, 10),
            ("0t10", 16, 8),
            ("0Y10", 16, 2),
            ("10h", 10, 0x10),
            ("0b1", 16, 0xb1),
            ("ah", 16, 0xa),
            ("ffff`ffff", 16, 0xffff_0000_ffff),
            ("fffff800`00001000", 16, 0xffff_f800_0000_1000),
            ("ffffffffffffffff", 16, u64::MAX),
        ] {
            assert_eq!(parse(word, radix), Some(Ok(value)), "{word}");
        }
        for word in ["0n", "0x", "h", "0y2", "0t8", "rax", "1`", "`1", "0n1`1", ""] {
            assert_eq!(parse(word, 16), None, "{word}");
        }
        for word in ["10000000000000000", "1`100000000", "100000000`1", "0n18446744073709551616"] {
            assert_eq!(parse(word, 16), Some(Err(OVERFLOW)), "{word}");
        }
    }

    #[test]
    fn floating_point_is_written_as_c_does() {
        for (value, digits, text) in [
            (0.0, 8, "0"),
            (1.0, 8, "1"),
            (-0.5, 8, "-0.5"),
            (100_000.0, 6, "100000"),
            (1_000_000.0, 6, "1e+06"),
            (0.0001, 6, "0.0001"),
            (0.00001, 6, "1e-05"),
            (9_999_999.5, 7, "1e+07"),
            (core::f64::consts::PI, 12, "3.14159265359"),
            (1e300, 12, "1e+300"),
            (f64::INFINITY, 8, "inf"),
        ] {
            assert_eq!(general(value, digits), text);
        }
        assert_eq!(general(f64::NAN, 8), "nan");
    }
}
