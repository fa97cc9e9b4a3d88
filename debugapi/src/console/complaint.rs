//! What is said when a command cannot be carried out.

use crate::HResult;

/// Why a command is not carried out, and where in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong, such as `Syntax error`.
    pub what: String,
    /// The byte of the line at which it is wrong.
    pub at: usize,
    /// The code that the client sees.
    pub hresult: HResult,
}

/// How a complaint about a word begins that means nothing.
const UNRESOLVED: &str = "Couldn't resolve error at";

/// What a command comes to.
pub type Outcome<T = ()> = Result<T, Complaint>;

impl Complaint {
    /// A complaint about the text.
    pub fn new(what: &str, at: usize) -> Self {
        Self { what: what.into(), at, hresult: HResult::FAIL }
    }

    /// The text is no command or expression.
    pub fn syntax(at: usize) -> Self {
        Self::new("Syntax error", at)
    }

    /// A value that the operation does not take.
    pub fn operand(at: usize) -> Self {
        Self::new("Operand error", at)
    }

    /// A word that means nothing.
    pub fn unresolved(word: &str, at: usize) -> Self {
        Self::new(&format!("{UNRESOLVED} '{word}'"), at)
    }

    /// Whether it is about such a word: a symbol that there may be later.
    pub fn is_unresolved(&self) -> bool {
        self.what.starts_with(UNRESOLVED)
    }

    /// Memory that cannot be read.
    pub fn memory(at: usize) -> Self {
        Self { hresult: HResult::READ_FAULT, ..Self::new("Memory access error", at) }
    }

    /// A command or an option that WinDbg has and this console has not.
    pub fn missing(what: &str, at: usize) -> Self {
        Self { what: format!("{what} not implemented"), at, hresult: HResult::NOTIMPL }
    }

    /// A call that failed.
    pub fn of(hresult: HResult, at: usize) -> Self {
        let what = match hresult {
            HResult::READ_FAULT => "Memory access error",
            HResult::WRITE_FAULT => "Memory write error",
            HResult::INVALIDARG => "Operand error",
            HResult::NOTIMPL => "Not implemented error",
            HResult::UNEXPECTED => "No runnable debuggees error",
            HResult::ACCESSDENIED => "Access denied error",
            HResult::NO_PAGEFILE => "Page not present error",
            HResult::NO_SUCH_DEVICE => "No such Msr error",
            HResult::UNSUCCESSFUL => "No such function error",
            HResult::MISALIGNED => "Port alignment error",
            _ => return Self { what: format!("Error {hresult}"), at, hresult },
        };
        Self { what: what.into(), at, hresult }
    }

    /// The words, with a caret below the place in a line that was written behind a prompt.
    pub fn words(&self, line: &str, prompt: usize) -> String {
        let before = line.get(..self.at).map_or(line.chars().count(), |before| before.chars().count());
        format!("{:>width$} {} in '{line}'\n", '^', self.what, width = prompt + before + 1)
    }
}
