//! The text of a command, and how far it has been read.
//!
//! A line holds commands with `;` between them; those of a script hold others in braces. A command
//! that begins with `*` is a comment to the line's end, one that begins with `$$` is one to the next
//! `;`. Quotes hold a `;`.

use super::complaint::{Complaint, Outcome};

/// A place in a line. Columns are counted from the line's beginning.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    /// The line, up to the command's end.
    text: &'a str,
    at: usize,
}

/// Whether it can stand in a word: a name or a number.
fn in_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '`' | '$' | '@')
}

impl<'a> Cursor<'a> {
    /// At the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where it stands.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What was read between two places.
    pub fn since(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The next letter, if there is one.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes spaces.
    pub fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Passes spaces; whether nothing is left.
    pub fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    /// Passes a text that comes next, in small or capital letters.
    pub fn take(&mut self, text: &str) -> bool {
        let found = self.rest().get(..text.len()).is_some_and(|next| next.eq_ignore_ascii_case(text));
        if found {
            self.at += text.len();
        }
        found
    }

    /// Passes a text that comes next and is a word of its own.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Passes letters as long as they are wanted.
    pub fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !wanted(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The word that comes next; empty if there is none. Within a word that begins as a name does,
    /// `!`, `.` and `::` belong to it, if the word goes on behind them.
    pub fn word(&self) -> &'a str {
        let rest = self.rest();
        let mut end = 0;
        loop {
            let more = rest[end..].find(|letter| !in_word(letter)).unwrap_or(rest.len() - end);
            end += more;
            let joint = ["!", "::", "."].iter().find(|joint| rest[end..].starts_with(**joint));
            let Some(joint) = joint.filter(|_| more > 0) else { return &rest[..end] };
            let named = rest.starts_with(|first: char| first.is_alphabetic() || first == '_');
            let behind = rest[end + joint.len()..].chars().next();
            if !(named || *joint == "!") || !behind.is_some_and(in_word) {
                return &rest[..end];
            }
            end += joint.len();
        }
    }

    /// Passes a text in double quotes, with `\n`, `\t`, `\r`, `\0`, `\\`, `\"`; at the line's end
    /// the closing quote may be left out.
    pub fn quoted(&mut self) -> Outcome<String> {
        self.skip_space();
        let start = self.at;
        if !self.take("\"") {
            return Err(Complaint::syntax(start));
        }
        let mut text = String::new();
        let mut letters = self.rest().chars();
        while let Some(letter) = letters.next() {
            self.at += letter.len_utf8();
            match letter {
                '"' => break,
                '\\' => {
                    let next = letters.next().ok_or(Complaint::syntax(self.at))?;
                    self.at += next.len_utf8();
                    text.push(match next {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        '0' => '\0',
                        other => other,
                    });
                }
                other => text.push(other),
            }
        }
        Ok(text)
    }

    /// Passes what stands in parentheses, and gives it.
    pub fn parentheses(&mut self) -> Outcome<Self> {
        self.enclosed('(', ')')
    }

    /// Passes what stands in braces, and gives it.
    pub fn braces(&mut self) -> Outcome<Self> {
        self.enclosed('{', '}')
    }

    fn enclosed(&mut self, open: char, close: char) -> Outcome<Self> {
        self.skip_space();
        let start = self.at;
        let rest = self.rest();
        let length = if rest.starts_with(open) { enclosed_length(rest, open, close) } else { None };
        let end = start + length.ok_or(Complaint::syntax(start))?;
        self.at = end;
        // Both brackets have one byte.
        Ok(Self { text: &self.text[..end - 1], at: start + 1 })
    }

    /// The three commands that semicolons separate; `None` if there are not three.
    pub fn parts(&self) -> Option<[Self; 3]> {
        let mut parts = [*self; 3];
        let mut at = self.at;
        for (number, part) in parts.iter_mut().enumerate() {
            let end = at + command_length(&self.text[at..], true, false);
            *part = Self { text: &self.text[..end], at };
            if (end == self.text.len()) != (number == 2) {
                return None;
            }
            at = end + 1;
        }
        Some(parts)
    }

    /// Insists that nothing is left.
    pub fn end(&mut self) -> Outcome {
        if self.at_end() { Ok(()) } else { Err(Complaint::syntax(self.at)) }
    }

    /// Takes the next command of a line: what is up to the next `;` that no quotes hold. `None` if
    /// the line is over.
    pub fn next_command(&mut self) -> Option<Cursor<'a>> {
        loop {
            self.skip_space();
            while self.take(";") {
                self.skip_space();
            }
            if self.at_end() || self.rest().starts_with('*') {
                return None;
            }
            let comment = self.rest().starts_with("$$");
            let rest = self.rest();
            let script = SCRIPTS.iter().any(|word| {
                let (first, behind) = rest.split_at_checked(word.len()).unwrap_or_default();
                first.eq_ignore_ascii_case(word)
                    && !behind.starts_with(|next: char| next.is_ascii_alphanumeric())
            });
            let end = self.at + command_length(rest, !comment, script);
            let command = Cursor { text: &self.text[..end], at: self.at };
            self.at = end;
            if !comment {
                return Some(command);
            }
        }
    }
}

/// The commands whose braces hold a `;`.
const SCRIPTS: [&str; 3] = [".if", ".while", ".for"];

/// How many bytes there are up to the bracket that closes the one at the beginning, itself included.
/// Those in quotes do not count.
fn enclosed_length(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut quoted) = (0usize, false);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            '\\' if quoted => drop(letters.next()),
            _ if quoted => {}
            _ if letter == open => depth += 1,
            _ if letter == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// How many bytes there are before the first `;` that no quotes hold, and of a script no brackets.
fn command_length(text: &str, quotes: bool, script: bool) -> usize {
    let mut quoted = false;
    let mut depth = 0usize;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' if quotes => quoted = !quoted,
            '\\' if quoted => drop(letters.next()),
            // A single letter in single quotes.
            '\'' if !quoted && text[at + 1..].chars().nth(1) == Some('\'') => drop(letters.nth(1)),
            '{' | '(' if script && !quoted => depth += 1,
            '}' | ')' if script && !quoted => depth = depth.saturating_sub(1),
            ';' if !quoted && depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(line: &str) -> Vec<&str> {
        let mut from = Cursor::new(line);
        std::iter::from_fn(|| from.next_command().map(|command| command.rest())).collect()
    }

    #[test]
    fn semicolons_separate_commands_and_comments_end() {
        assert_eq!(commands("r; db 1000 ;; ? 1"), ["r", "db 1000 ", "? 1"]);
        assert_eq!(commands("r; * all of; this"), ["r"]);
        assert_eq!(commands("$$ one \" ; r"), ["r"]);
        assert_eq!(commands(" ; ;"), [""; 0]);
        assert_eq!(commands("ea 0 \"a;b\\\";c\"; r"), ["ea 0 \"a;b\\\";c\"", "r"]);
        assert_eq!(commands("eb 0 ';' 1; r"), ["eb 0 ';' 1", "r"]);
        assert_eq!(commands(".echo don't; r"), [".echo don't", "r"]);
        assert_eq!(commands(&("$$;".repeat(1_000_000) + "r")), ["r"]);
        assert_eq!(commands(".for (r; 1; r) { r; \"}\" }; t"), [".for (r; 1; r) { r; \"}\" }", "t"]);
        assert_eq!(commands(".echo {; r"), [".echo {", "r"]);
    }

    #[test]
    fn words_hold_modules_but_no_comparison() {
        assert_eq!(Cursor::new("nt!Ki+4").word(), "nt!Ki");
        assert_eq!(Cursor::new("a!=b").word(), "a");
        assert_eq!(Cursor::new("nt!core::fmt.cold::f + 1").word(), "nt!core::fmt.cold::f");
        assert_eq!(Cursor::new("cs:10").word(), "cs");
        assert_eq!(Cursor::new("0.4.0").word(), "0");
        assert_eq!(Cursor::new("f::").word(), "f");
        assert_eq!(Cursor::new("!f").word(), "");
        assert_eq!(Cursor::new("fffff800`00001000 L4").word(), "fffff800`00001000");
    }

    #[test]
    fn texts_have_escapes() {
        assert_eq!(Cursor::new(r#" "a\n\"b\\" x"#).quoted().unwrap(), "a\n\"b\\");
        assert_eq!(Cursor::new("\"open").quoted().unwrap(), "open");
        assert!(Cursor::new("x").quoted().is_err());
    }
}
