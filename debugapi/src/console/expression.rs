//! MASM expressions, WinDbg's default evaluator.
//!
//! Every value is an unsigned number of 64 bits. A word is tried as a number in the session's
//! radix, then as a symbol, then as a register, but the most common registers come before symbols.
//! `@` says that it is a register, `!` before a word that it is a symbol, and `@!"…"` holds a symbol
//! with characters that no word has. Unary operators bind tighter than all binary ones, and those of
//! one group are taken from left to right.

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::functions;
use super::number;
use crate::HResult;

/// What an expression can ask for.
pub trait World {
    /// The base of numbers without a prefix: 8, 10 or 16.
    fn radix(&self) -> u32;

    /// The address of a symbol, as `module!name` or `name`.
    fn symbol(&mut self, name: &str) -> Option<u64>;

    /// The value of a register or pseudo-register; `None` if there is none of this name.
    ///
    /// # Errors
    /// The code of the call that failed.
    fn register(&mut self, name: &str) -> Result<Option<u64>, HResult>;

    /// Reads virtual or physical memory; whether all of it can be read.
    ///
    /// # Errors
    /// The code of a call that failed for another reason.
    fn read(&mut self, physical: bool, address: u64, buffer: &mut [u8]) -> Result<bool, HResult>;

    /// Bytes of a pointer: 4 or 8.
    ///
    /// # Errors
    /// The code of the call that failed.
    fn pointer_bytes(&mut self) -> Result<usize, HResult>;

    /// The entry point of an image.
    ///
    /// # Errors
    /// The code of the call that failed: there is no image.
    fn entry_point(&mut self, image_base: u64) -> Result<u64, HResult>;
}

/// A binary operation; `None` for operands that it does not take.
type Binary = fn(u64, u64) -> Option<u64>;

/// The binary operators, by groups; those of the last bind tightest. Of two that begin alike the
/// longer stands first.
const GROUPS: [&[(&str, Binary)]; 7] = [
    &[("|", or), ("or", or)],
    &[("^", xor), ("xor", xor)],
    &[("&", and), ("and", and)],
    &[
        ("<=", |a, b| truth(a <= b)),
        (">=", |a, b| truth(a >= b)),
        ("==", |a, b| truth(a == b)),
        ("!=", |a, b| truth(a != b)),
        ("=", |a, b| truth(a == b)),
        ("<", |a, b| truth(a < b)),
        (">", |a, b| truth(a > b)),
    ],
    &[
        (">>>", |a, b| Some((a as i64 >> b.min(63)) as u64)),
        ("<<", |a, b| Some(shift(b).map_or(0, |b| a << b))),
        (">>", |a, b| Some(shift(b).map_or(0, |b| a >> b))),
    ],
    &[("+", |a, b| Some(a.wrapping_add(b))), ("-", |a, b| Some(a.wrapping_sub(b)))],
    &[("*", |a, b| Some(a.wrapping_mul(b))), ("/", u64::checked_div), ("%", remainder), ("mod", remainder)],
];

fn or(a: u64, b: u64) -> Option<u64> {
    Some(a | b)
}

fn xor(a: u64, b: u64) -> Option<u64> {
    Some(a ^ b)
}

fn and(a: u64, b: u64) -> Option<u64> {
    Some(a & b)
}

fn remainder(a: u64, b: u64) -> Option<u64> {
    a.checked_rem(b)
}

fn truth(answer: bool) -> Option<u64> {
    Some(answer.into())
}

/// A count that does not shift everything out.
fn shift(count: u64) -> Option<u32> {
    u32::try_from(count).ok().filter(|count| *count < 64)
}

/// What a unary operator does with its operand.
#[derive(Clone, Copy)]
enum Unary {
    Number(fn(u64) -> u64),
    /// Reads so many bytes, or a pointer, of virtual or of physical memory.
    Memory {
        bytes: Option<usize>,
        physical: bool,
    },
}

/// The unary operators that are words.
const WORDS: [(&str, Unary); 13] = [
    ("not", Unary::Number(|value| u64::from(value == 0))),
    ("hi", Unary::Number(|value| value >> 16 & 0xffff)),
    ("low", Unary::Number(|value| value & 0xffff)),
    ("by", Unary::Memory { bytes: Some(1), physical: false }),
    ("wo", Unary::Memory { bytes: Some(2), physical: false }),
    ("dwo", Unary::Memory { bytes: Some(4), physical: false }),
    ("qwo", Unary::Memory { bytes: Some(8), physical: false }),
    ("poi", Unary::Memory { bytes: None, physical: false }),
    ("$pby", Unary::Memory { bytes: Some(1), physical: true }),
    ("$pwo", Unary::Memory { bytes: Some(2), physical: true }),
    ("$pdwo", Unary::Memory { bytes: Some(4), physical: true }),
    ("$pqwo", Unary::Memory { bytes: Some(8), physical: true }),
    ("$ppoi", Unary::Memory { bytes: None, physical: true }),
];

/// The registers that need no `@`, whatever symbols there are.
const COMMON: [&str; 17] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "rip", "eax", "ebx", "ecx", "edx", "esi", "edi",
    "esp", "eip",
];

/// How deep parentheses and unary operators may be nested.
const DEEPEST: usize = 64;

/// The value of the expression that comes next, as far as it goes.
///
/// # Errors
/// A complaint that says where it is wrong.
pub fn evaluate(from: &mut Cursor<'_>, world: &mut dyn World) -> Outcome<u64> {
    Evaluator { from, world, depth: 0 }.binary(0)
}

/// An evaluation under way.
pub(super) struct Evaluator<'e, 'text> {
    pub(super) from: &'e mut Cursor<'text>,
    pub(super) world: &'e mut dyn World,
    depth: usize,
}

impl Evaluator<'_, '_> {
    /// What the operators of a group and the tighter ones make.
    pub(super) fn binary(&mut self, group: usize) -> Outcome<u64> {
        let Some(operators) = GROUPS.get(group) else { return self.unary() };
        let mut left = self.binary(group + 1)?;
        while let Some((operation, at)) = self.operator(operators) {
            let right = self.binary(group + 1)?;
            left = operation(left, right).ok_or(Complaint::operand(at))?;
        }
        Ok(left)
    }

    /// Passes the binary operator that comes next, if it is one of a group.
    fn operator(&mut self, group: &[(&'static str, Binary)]) -> Option<(Binary, usize)> {
        let mut from = *self.from;
        from.skip_space();
        let at = from.at();
        let word = from.word();
        let fits = |name: &str| match word.is_empty() {
            true => from.rest().starts_with(name),
            false => word.eq_ignore_ascii_case(name),
        };
        // The longest of all groups: `<` does not begin a `<<`.
        let all = GROUPS.iter().copied().flatten().filter(|(name, _)| fits(name));
        let (name, operation) = all.max_by_key(|(name, _)| name.len())?;
        if !group.iter().any(|(own, _)| own == name) {
            return None;
        }
        from.take(name);
        *self.from = from;
        Some((*operation, at))
    }

    fn unary(&mut self) -> Outcome<u64> {
        self.from.skip_space();
        let at = self.from.at();
        if self.from.take("+") {
            return self.deeper(Self::unary);
        }
        if self.from.take("-") {
            return self.deeper(Self::unary).map(u64::wrapping_neg);
        }
        let word = self.from.word();
        let Some((name, unary)) = WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) else {
            return self.primary();
        };
        self.from.take(name);
        let value = self.deeper(Self::unary)?;
        match unary {
            Unary::Number(operation) => Ok(operation(value)),
            Unary::Memory { bytes, physical } => self.dereference(value, *bytes, *physical, at),
        }
    }

    /// One level further down.
    fn deeper(&mut self, next: fn(&mut Self) -> Outcome<u64>) -> Outcome<u64> {
        if self.depth == DEEPEST {
            return Err(Complaint::new("Nesting error", self.from.at()));
        }
        self.depth += 1;
        let value = next(self);
        self.depth -= 1;
        value
    }

    fn dereference(&mut self, address: u64, bytes: Option<usize>, physical: bool, at: usize) -> Outcome<u64> {
        let fault = |hresult| Complaint::of(hresult, at);
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.world.pointer_bytes().map_err(fault)?,
        };
        let mut value = [0; 8];
        match self.world.read(physical, address, &mut value[..bytes]).map_err(fault)? {
            true => Ok(u64::from_le_bytes(value)),
            false => Err(Complaint::memory(at)),
        }
    }

    fn primary(&mut self) -> Outcome<u64> {
        let at = self.from.at();
        if self.from.take("(") {
            let value = self.deeper(|inner| inner.binary(0))?;
            return self.close().map(|()| value);
        }
        if self.from.take("@@") {
            return self.escape(at);
        }
        if self.from.rest().starts_with('.') {
            self.from.take(".");
            return self.register("$ip", at);
        }
        if self.from.take("@!") {
            let name = self.from.quoted()?;
            return self.world.symbol(&name).ok_or(Complaint::unresolved(&name, at));
        }
        if self.from.take("!") {
            let word = self.from.word();
            self.from.take(word);
            return self.world.symbol(word).ok_or(Complaint::unresolved(word, at));
        }
        let word = self.from.word();
        match word {
            "" if self.from.rest().is_empty() => Err(Complaint::new("Numeric expression missing", at)),
            "" => Err(Complaint::syntax(at)),
            _ => {
                self.from.take(word);
                self.word(word, at)
            }
        }
    }

    /// The closing parenthesis.
    pub(super) fn close(&mut self) -> Outcome {
        self.from.skip_space();
        let at = self.from.at();
        if self.from.take(")") { Ok(()) } else { Err(Complaint::syntax(at)) }
    }

    /// `@@masm(…)`; what is in the other language is not understood.
    fn escape(&mut self, at: usize) -> Outcome<u64> {
        if !self.from.take("masm") {
            return Err(Complaint::missing("C++ expressions are", at));
        }
        let open = self.from.at();
        if !self.from.take("(") {
            return Err(Complaint::syntax(open));
        }
        let value = self.deeper(|inner| inner.binary(0))?;
        self.close().map(|()| value)
    }

    /// A number, a symbol, a register or a function.
    fn word(&mut self, word: &str, at: usize) -> Outcome<u64> {
        if let Some(name) = word.strip_prefix('@') {
            return self.register(name, at);
        }
        if word.starts_with('$') {
            let mut behind = *self.from;
            behind.skip_space();
            return match behind.rest().starts_with('(') {
                true => functions::call(self, word, at),
                false => self.register(word, at),
            };
        }
        if let Some(value) = number::parse(word, self.world.radix()) {
            return value.map_err(|what| Complaint::new(what, at));
        }
        let common = COMMON.iter().any(|name| word.eq_ignore_ascii_case(name));
        if let Some(address) = self.world.symbol(word).filter(|_| !common) {
            return Ok(address);
        }
        match self.world.register(word).map_err(|hresult| Complaint::of(hresult, at))? {
            Some(value) => Ok(value),
            None if word.starts_with(|first: char| first.is_ascii_digit()) => Err(Complaint::syntax(at)),
            None => Err(Complaint::unresolved(word, at)),
        }
    }

    fn register(&mut self, name: &str, at: usize) -> Outcome<u64> {
        let value = self.world.register(name).map_err(|hresult| Complaint::of(hresult, at))?;
        value.ok_or(Complaint::new("Bad register error", at))
    }
}
