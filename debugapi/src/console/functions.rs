//! The functions of MASM expressions: `$vvalid`, `$iment`, `$scmp`, `$sicmp`, `$spat`.

use super::complaint::{Complaint, Outcome};
use super::expression::Evaluator;
use crate::HResult;

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

/// Whether a text is of a pattern, in small or capital letters: `*` stands for any letters, `?`
/// for one, `[…]` for one of those, `#` for none or more of the letter before it.
pub fn matches(text: &str, pattern: &str) -> bool {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let pieces = pieces(&pattern.to_lowercase());
    // Which beginnings of the text the pieces so far can stand for.
    let mut reached = vec![false; letters.len() + 1];
    reached[0] = true;
    for (one, repeated) in pieces {
        let mut next = vec![false; letters.len() + 1];
        for at in 0..=letters.len() {
            let again = repeated && at > 0 && next[at - 1] && one.fits(letters[at - 1]);
            next[at] = match repeated {
                true => reached[at] || again,
                false => at > 0 && reached[at - 1] && one.fits(letters[at - 1]),
            };
        }
        reached = next;
    }
    reached[letters.len()]
}

/// What stands for one letter.
enum One {
    Any,
    Letter(char),
    Among(Vec<char>),
}

impl One {
    fn fits(&self, letter: char) -> bool {
        match self {
            Self::Any => true,
            Self::Letter(own) => *own == letter,
            Self::Among(own) => own.contains(&letter),
        }
    }
}

/// The pieces of a pattern, and whether each can come any number of times.
fn pieces(pattern: &str) -> Vec<(One, bool)> {
    let mut pieces: Vec<(One, bool)> = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => pieces.push((One::Any, true)),
            '?' => pieces.push((One::Any, false)),
            '[' => pieces.push((One::Among(letters.by_ref().take_while(|l| *l != ']').collect()), false)),
            '#' => {
                if let Some((_, repeated)) = pieces.last_mut() {
                    *repeated = true;
                }
            }
            other => pieces.push((One::Letter(other), false)),
        }
    }
    pieces
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
