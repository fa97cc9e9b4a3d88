//! The functions of MASM expressions: `$vvalid`, `$iment`, `$scmp`, `$sicmp`, `$spat`.

use super::complaint::{Complaint, Outcome};
use super::expression::Evaluator;
use crate::HResult;
use crate::modules::Pattern;

/// The most bytes whose validity is asked for.
const LONGEST: u64 = 1 << 32;

/// Calls a function; the arguments come next, in parentheses.
pub(super) fn call(evaluator: &mut Evaluator<'_, '_>, name: &str, at: usize) -> Outcome<u64> {
    evaluator.from.skip_space();
    evaluator.from.take("(");
    let value = match name.to_ascii_lowercase().as_str() {
        "$vvalid" => {
            let address = evaluator.binary(0)?;
            comma(evaluator)?;
            let length_at = evaluator.from.at();
            let length = evaluator.binary(0)?;
            if length > LONGEST {
                return Err(Complaint::new("Range error", length_at));
            }
            valid(evaluator, address, length).map_err(|hresult| Complaint::of(hresult, at))?
        }
        "$iment" => {
            let base = evaluator.binary(0)?;
            evaluator.world.entry_point(base).map_err(|hresult| Complaint::of(hresult, at))?
        }
        "$scmp" => {
            let (first, second) = texts(evaluator)?;
            order(first.cmp(&second))
        }
        "$sicmp" => {
            let (first, second) = texts(evaluator)?;
            order(first.to_lowercase().cmp(&second.to_lowercase()))
        }
        "$spat" => {
            let (text, pattern) = texts(evaluator)?;
            matches(&text, &pattern).into()
        }
        "$fnsucc" => return Err(Complaint::missing("$fnsucc is", at)),
        _ => return Err(Complaint::new("Bad register error", at)),
    };
    evaluator.close().map(|()| value)
}

fn comma(evaluator: &mut Evaluator<'_, '_>) -> Outcome {
    evaluator.from.skip_space();
    let at = evaluator.from.at();
    if evaluator.from.take(",") { Ok(()) } else { Err(Complaint::syntax(at)) }
}

fn texts(evaluator: &mut Evaluator<'_, '_>) -> Outcome<(String, String)> {
    let first = evaluator.from.quoted()?;
    comma(evaluator)?;
    Ok((first, evaluator.from.quoted()?))
}

/// -1, 0 or 1.
fn order(order: std::cmp::Ordering) -> u64 {
    order as i64 as u64
}

/// Whether every byte can be read: one of each page is tried.
fn valid(evaluator: &mut Evaluator<'_, '_>, address: u64, length: u64) -> Result<u64, HResult> {
    let Some(last) = length.checked_sub(1) else { return Ok(1) };
    let Some(last) = address.checked_add(last) else { return Ok(0) };
    let mut next = address;
    loop {
        if !evaluator.world.read(false, next, &mut [0])? {
            return Ok(0);
        }
        match (next | 0xfff).checked_add(1) {
            Some(page) if page <= last => next = page,
            _ => return Ok(1),
        }
    }
}

/// Whether a text is of a pattern. What is no pattern fits nothing.
pub fn matches(text: &str, pattern: &str) -> bool {
    Pattern::of_name(pattern).is_some_and(|pattern| pattern.fits_name(text))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (text, pattern, fits) in [
            ("KiSystemCall64", "ki*64", true),
            ("KiSystemCall64", "ki*32", false),
            ("abc", "a?c", true),
            ("ac", "a?c", false),
            ("abbbc", "ab#c", true),
            ("ac", "ab#c", true),
            ("adc", "a[bd]c", true),
            ("aec", "a[bd]c", false),
            ("a", "a[b", false),
            ("", "*", true),
            ("", "#", true),
            ("", "?", false),
        ] {
            assert_eq!(matches(text, pattern), fits, "{text} {pattern}");
        }
    }
}
