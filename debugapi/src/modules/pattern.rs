//! Patterns of names, as `x` and StartSymbolMatch take them.
//!
//! | in a pattern | stands for |
//! |---|---|
//! | `*` | any characters, also none |
//! | `?` | any one character |
//! | `[ab0-9]` | one character of the list |
//! | `#` | any number of the character or list before it, also none; nothing at the beginning |
//! | `\` | the next character as it is |
//!
//! Capital and small letters are the same, as in a debugger.

/// A pattern for `module!name`; without a `!` for names of all modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    module: Option<Vec<Piece>>,
    name: Vec<Piece>,
}

/// What one character may be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum One {
    Any,
    Letter(char),
    /// One within any of these, with both ends.
    List(Vec<(char, char)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Once(One),
    /// Any number of times.
    Many(One),
}

impl One {
    fn fits(&self, letter: char) -> bool {
        let letter = letter.to_ascii_lowercase();
        match self {
            Self::Any => true,
            Self::Letter(own) => *own == letter,
            Self::List(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)),
        }
    }
}

impl Pattern {
    /// Reads a pattern. `None` if a list has no end.
    pub fn new(text: &str) -> Option<Self> {
        match text.split_once('!') {
            Some((module, name)) => Some(Self { module: Some(pieces(module)?), ..Self::of_name(name)? }),
            None => Self::of_name(text),
        }
    }

    /// The same, where a `!` is a letter as others are.
    pub fn of_name(text: &str) -> Option<Self> {
        Some(Self { module: None, name: pieces(text)? })
    }

    /// Whether a module may have the symbols that are meant.
    pub fn fits_module(&self, name: &str) -> bool {
        self.module.as_ref().is_none_or(|pieces| fits(pieces, name))
    }

    /// Whether a symbol's name, without its module, is one that is meant.
    pub fn fits_name(&self, name: &str) -> bool {
        fits(&self.name, name)
    }
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let before = if letter == '#' { pieces.pop() } else { None };
        pieces.push(match letter {
            '*' => Piece::Many(One::Any),
            '?' => Piece::Once(One::Any),
            '[' => {
                let (list, rest) = letters.as_str().split_once(']')?;
                letters = rest.chars();
                Piece::Once(One::List(ranges(list)))
            }
            '#' => match before {
                Some(Piece::Once(one) | Piece::Many(one)) => Piece::Many(one),
                None => continue,
            },
            '\\' => Piece::Once(One::Letter(letters.next()?.to_ascii_lowercase())),
            other => Piece::Once(One::Letter(other.to_ascii_lowercase())),
        });
    }
    Some(pieces)
}

/// The ranges of a list: `a0-9` is `a` and all digits.
fn ranges(list: &str) -> Vec<(char, char)> {
    let letters: Vec<char> = list.chars().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(first) = letters.get(at) {
        match letters.get(at + 1..at + 3) {
            Some(['-', last]) => {
                ranges.push((*first, *last));
                at += 3;
            }
            _ => {
                ranges.push((*first, *first));
                at += 1;
            }
        }
    }
    ranges
}

/// Whether a whole text fits: after each letter, which pieces may come next.
fn fits(pieces: &[Piece], text: &str) -> bool {
    let mut next = vec![false; pieces.len() + 1];
    next[0] = true;
    let skip = |next: &mut Vec<bool>| {
        for (at, piece) in pieces.iter().enumerate() {
            next[at + 1] |= next[at] && matches!(piece, Piece::Many(_));
        }
    };
    skip(&mut next);
    for letter in text.chars() {
        let mut after = vec![false; pieces.len() + 1];
        for (at, piece) in pieces.iter().enumerate().filter(|(at, _)| next[*at]) {
            match piece {
                Piece::Once(one) => after[at + 1] |= one.fits(letter),
                Piece::Many(one) => after[at] |= one.fits(letter),
            }
        }
        skip(&mut after);
        next = after;
    }
    next[pieces.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, fit) in [
            ("", "", true),
            ("", "a", false),
            ("main", "main", true),
            ("MAIN", "main", true),
            ("main", "mains", false),
            ("*main*", "kernel_main_loop", true),
            ("k*l", "kernel", true),
            ("k*l", "kernels", false),
            ("m??n", "main", true),
            ("m??n", "man", false),
            ("irq[0-35]", "irq2", true),
            ("irq[0-35]", "irq4", false),
            ("irq[0-35]", "irq5", true),
            ("fo#", "f", true),
            ("fo#", "fooo", true),
            ("fo#x", "foooy", false),
            ("[ab]#c", "ababc", true),
            ("#a##", "aa", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("**", "anything", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().fits_name(name), fit, "{pattern} {name}");
        }
        let pattern = Pattern::new("nt*!a").unwrap();
        assert!(pattern.fits_module("NTOS") && !pattern.fits_module("hal"));
        assert!(Pattern::new("a").unwrap().fits_module("hal"));
        for wrong in ["[ab", "a\\"] {
            assert_eq!(Pattern::new(wrong), None, "{wrong}");
        }
    }
}
