//! The formats of Output and of `.printf`: those of Microsoft's C library, and DbgEng's own for text in the target.
//!
//! | conversion | argument |
//! |---|---|
//! | `%d %i %u %x %X %o %c` | 32 bits; with `h` 16, with `hh` 8, with `I64`, `ll`, `z`, `t`, `j` 64; `l` is 32 as on Windows |
//! | `%p %N` | 64 bits, as 16 hexadecimal digits |
//! | `%s`, `%hs`; `%S`, `%ls`, `%ws` | text; text of 16-bit characters |
//! | `%f %F %e %E %g %G` | double |
//! | `%ma`, `%mu` | the address of a text in the target; of one of 16-bit characters |
//! | `%%` | none |
//!
//! Flags `- + # 0` and space, width and precision, also as `*`. Anything else is refused.

/// Where the arguments come from.
pub(crate) trait Arguments {
    /// The next one, of up to 64 bits.
    fn integer(&mut self) -> u64;

    /// The next one in the registers for floating point.
    fn double(&mut self) -> f64;

    /// The text at an address of this process, up to its zero or so many characters.
    fn text(&mut self, address: u64, wide: bool, most: Option<usize>) -> String;

    /// Whether the format is of wide characters: `%s` and `%c` are wide then, `%S` and `%C` not.
    fn wide_format(&self) -> bool {
        false
    }

    /// The text at an address of the target; `None` if it cannot be read.
    fn target_text(&mut self, address: u64, wide: bool) -> Option<String>;
}

/// A conversion is not known, or asks for more than can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

/// The widest field, and the longest text, so that a format cannot ask for all of memory.
const WIDEST: usize = 4096;
const LONGEST: usize = 16 << 20;

#[derive(Clone, Copy, Default)]
struct Flags {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
}

/// How large an argument is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Usual,
    Byte,
    Half,
    Long,
    Wide,
}

/// A conversion, before its arguments are taken.
struct Conversion<'a> {
    flags: Flags,
    width: Width,
    precision: Option<Width>,
    size: Size,
    /// The letters: one, or two that begin with `m`.
    kind: &'a str,
}

#[derive(Clone, Copy)]
enum Width {
    Number(usize),
    Argument,
}

/// What is printed. All conversions are looked at before any argument is.
pub(crate) fn print(format: &str, arguments: &mut dyn Arguments) -> Result<String, Unknown> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        let (conversion, behind) = conversion(behind)?;
        pieces.push((before, conversion));
        rest = behind;
    }
    let mut printed = String::new();
    for (before, conversion) in pieces {
        printed.push_str(before);
        converted(&conversion, arguments, &mut printed);
        if printed.len() > LONGEST {
            return Err(Unknown);
        }
    }
    printed.push_str(rest);
    Ok(printed)
}

/// The conversion behind a percent sign, and what follows it.
fn conversion(text: &str) -> Result<(Conversion<'_>, &str), Unknown> {
    let mut rest = text;
    let mut flags = Flags::default();
    loop {
        let flag = match rest.chars().next() {
            Some('-') => &mut flags.left,
            Some('+') => &mut flags.plus,
            Some(' ') => &mut flags.space,
            Some('#') => &mut flags.alternate,
            Some('0') => &mut flags.zero,
            _ => break,
        };
        *flag = true;
        rest = &rest[1..];
    }
    let width = number(&mut rest)?;
    let precision = match rest.strip_prefix('.') {
        Some(behind) => {
            rest = behind;
            Some(number(&mut rest)?)
        }
        None => None,
    };
    let sizes = [
        ("I64", Size::Wide),
        ("I32", Size::Usual),
        ("I", Size::Wide),
        ("ll", Size::Wide),
        ("l", Size::Long),
        ("w", Size::Long),
        ("hh", Size::Byte),
        ("h", Size::Half),
        ("z", Size::Wide),
        ("t", Size::Wide),
        ("j", Size::Wide),
    ];
    let found = sizes.iter().find(|(name, _)| rest.starts_with(name));
    rest = &rest[found.map_or(0, |(name, _)| name.len())..];
    let size = found.map_or(Size::Usual, |(_, size)| *size);
    let known = [
        "ma", "mu", "d", "i", "u", "x", "X", "o", "c", "C", "s", "S", "p", "N", "f", "F", "e", "E", "g", "G",
        "%",
    ];
    let kind = known.iter().find(|kind| rest.starts_with(**kind)).ok_or(Unknown)?;
    Ok((Conversion { flags, width, precision, size, kind: &rest[..kind.len()] }, &rest[kind.len()..]))
}

fn number(rest: &mut &str) -> Result<Width, Unknown> {
    if let Some(behind) = rest.strip_prefix('*') {
        *rest = behind;
        return Ok(Width::Argument);
    }
    let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
    let number = if end == 0 { 0 } else { rest[..end].parse().map_err(|_| Unknown)? };
    *rest = &rest[end..];
    if number > WIDEST { Err(Unknown) } else { Ok(Width::Number(number)) }
}

fn converted(conversion: &Conversion<'_>, arguments: &mut dyn Arguments, printed: &mut String) {
    let mut flags = conversion.flags;
    let mut value = |width: Width| match width {
        Width::Number(number) => i64::try_from(number).unwrap_or(0),
        Width::Argument => (arguments.integer() as i32).into(),
    };
    let width = value(conversion.width);
    // A negative width means the left, a negative precision means none.
    flags.left |= width < 0;
    let width = (width.unsigned_abs() as usize).min(WIDEST);
    let precision = conversion.precision.map(&mut value).filter(|precision| *precision >= 0);
    let precision = precision.map(|precision| (precision as usize).min(WIDEST));
    let (prefix, body, numeric) = match conversion.kind {
        "%" => return printed.push('%'),
        "c" | "C" => {
            let value = arguments.integer();
            let wide = (conversion.kind == "C") != arguments.wide_format() || conversion.size == Size::Long;
            let unit = if wide { value as u16 } else { u16::from(value as u8) };
            (String::new(), char::from_u32(unit.into()).unwrap_or('\u{fffd}').to_string(), false)
        }
        "s" | "S" => {
            let address = arguments.integer();
            let wide = match conversion.size {
                Size::Long => true,
                Size::Half => false,
                _ => (conversion.kind == "S") != arguments.wide_format(),
            };
            let text = match address {
                0 => "(null)".into(),
                _ => arguments.text(address, wide, precision),
            };
            (String::new(), cut(text, precision), false)
        }
        "ma" | "mu" => {
            let address = arguments.integer();
            let text = arguments.target_text(address, conversion.kind == "mu");
            (String::new(), cut(text.unwrap_or_else(|| "???".into()), precision), false)
        }
        "p" | "N" => (String::new(), format!("{:016x}", arguments.integer()), false),
        "f" | "F" | "e" | "E" | "g" | "G" => {
            let (prefix, body) = floating(arguments.double(), conversion.kind, precision, flags);
            (prefix, body, true)
        }
        kind => {
            let (prefix, body) = integer(arguments.integer(), kind, conversion.size, flags);
            let digits = precision.unwrap_or(1).saturating_sub(body.len());
            // A zero of no digits is none at all.
            let body =
                if precision == Some(0) && body == "0" { String::new() } else { "0".repeat(digits) + &body };
            (prefix, body, precision.is_none())
        }
    };
    let missing = width.saturating_sub(prefix.chars().count() + body.chars().count());
    let fill = |letter: &str| letter.repeat(missing);
    match (flags.left, flags.zero && numeric) {
        (true, _) => *printed += &(prefix + &body + &fill(" ")),
        (false, true) => *printed += &(prefix + &fill("0") + &body),
        (false, false) => *printed += &(fill(" ") + &prefix + &body),
    }
}

fn cut(text: String, precision: Option<usize>) -> String {
    match precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    }
}

fn sign(negative: bool, flags: Flags) -> String {
    match negative {
        true => "-".into(),
        false if flags.plus => "+".into(),
        false if flags.space => " ".into(),
        false => String::new(),
    }
}

/// Sign or prefix, and the digits.
fn integer(value: u64, kind: &str, size: Size, flags: Flags) -> (String, String) {
    let bits = match size {
        Size::Byte => 8,
        Size::Half => 16,
        Size::Usual | Size::Long => 32,
        Size::Wide => 64,
    };
    let value = value << (64 - bits) >> (64 - bits);
    let alternate = flags.alternate && value != 0;
    match kind {
        "d" | "i" => {
            let signed = (value << (64 - bits)) as i64 >> (64 - bits);
            (sign(signed < 0, flags), signed.unsigned_abs().to_string())
        }
        "x" => (if alternate { "0x" } else { "" }.into(), format!("{value:x}")),
        "X" => (if alternate { "0X" } else { "" }.into(), format!("{value:X}")),
        "o" => (if alternate { "0" } else { "" }.into(), format!("{value:o}")),
        _ => (String::new(), value.to_string()),
    }
}

/// Sign, and the digits.
fn floating(value: f64, kind: &str, precision: Option<usize>, flags: Flags) -> (String, String) {
    let sign = sign(value.is_sign_negative(), flags);
    let (value, precision) = (value.abs(), precision.unwrap_or(6));
    let text = match kind {
        _ if !value.is_finite() => if value.is_nan() { "nan" } else { "inf" }.into(),
        "f" | "F" => format!("{value:.precision$}"),
        "e" | "E" => {
            let text = format!("{value:.precision$e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ => crate::console::general(value, precision),
    };
    (sign, if kind.chars().all(char::is_uppercase) { text.to_uppercase() } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(Vec<u64>);

    impl Arguments for Given {
        fn integer(&mut self) -> u64 {
            self.0.remove(0)
        }

        fn double(&mut self) -> f64 {
            f64::from_bits(self.0.remove(0))
        }

        fn text(&mut self, address: u64, wide: bool, _most: Option<usize>) -> String {
            format!("<{address}{}>", if wide { " wide" } else { "" })
        }

        fn target_text(&mut self, address: u64, wide: bool) -> Option<String> {
            (address != 9).then(|| format!("[{address}{}]", if wide { " wide" } else { "" }))
        }
    }

    #[test]
    fn conversions_take_their_arguments() {
        for (format, arguments, printed) in [
            ("100%%", vec![], "100%"),
            ("%d %u|%x", vec![u64::MAX, 0xffff_ffff_0000_0005, 255], "-1 5|ff"),
            ("%I64x %lld %hd %hhu", vec![1 << 40, u64::MAX, 0x1_ffff, 0x1ff], "10000000000 -1 -1 255"),
            ("%ld", vec![0x5_ffff_ffff], "-1"),
            ("%08x|%-6d|%6d|%+d|% d", vec![0xab, 5, 5, 5, 5], "000000ab|5     |     5|+5| 5"),
            ("%.3d|%.0d|%#x|%#o|%X", vec![5, 0, 0x1a, 8, 0xab], "005||0x1a|010|AB"),
            ("%*d|%-*d|%.*s", vec![4, 1, 4, 1, 3, 2], "   1|1   |<2>"),
            ("%*d|", vec![-4i64 as u64, 1], "1   |"),
            ("%s %S %ls %ws %hs %hS", vec![1, 2, 3, 4, 5, 6], "<1> <2 wide> <3 wide> <4 wide> <5> <6>"),
            ("%s|%6s|%.2s", vec![0, 1, 1], "(null)|   <1>|<1"),
            ("%c%c%C", vec![65, 0x142, 0x20ac], "AB€"),
            ("%p %N", vec![0x1234, 1], "0000000000001234 0000000000000001"),
            ("%ma %mu %ma", vec![1, 2, 9], "[1] [2 wide] ???"),
            (
                "%f %.1f %e %g",
                [1.5, -2.25, 1500.0, 0.0001].map(f64::to_bits).to_vec(),
                "1.500000 -2.2 1.500000e+03 0.0001",
            ),
            ("%08.2f|%G", [-1.5, 1e-10].map(f64::to_bits).to_vec(), "-0001.50|1E-10"),
        ] {
            assert_eq!(print(format, &mut Given(arguments)).as_deref(), Ok(printed), "{format}");
        }
    }

    #[test]
    fn what_is_not_known_takes_nothing() {
        for format in ["%", "%y", "%n", "%d %q", "%msa", "%99999d", "%-", "%1$d"] {
            assert_eq!(print(format, &mut Given(vec![])), Err(Unknown), "{format}");
        }
    }
}
