//! The evaluator against a naive model of it, and commands of any kind against the machine.

use proptest::prelude::*;
use ringhold_emulator::memory::{Memory, Range};
use ringhold_emulator::model::CpuModel;
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Machine};

use super::{evaluate, execute};
use crate::HResult;
use crate::command::Event;
use crate::session::Session;

const RAM: u64 = 0x4_0000;

/// A machine without devices after its reset, in real mode; some of its memory has a pattern.
fn machine() -> Machine {
    let mut memory = Memory::new(RAM).unwrap();
    memory.map_mut().add(Range::ram(0, RAM, 0)).unwrap();
    let mut machine = Machine::new(Board::new(memory, Clock::new(1000), 1), vec![CpuModel::default()]);
    let mut session = Session::new();
    assert_eq!(
        execute(&mut session, &mut machine, "f 1000 L1000 1 2 3 4 5 6 7 8 41 42 43 0", 0),
        HResult::OK
    );
    machine
}

/// A piece of an expression: unary operators, then a number or a whole expression.
#[derive(Clone, Debug)]
struct Piece {
    unary: Vec<&'static str>,
    atom: Atom,
}

#[derive(Clone, Debug)]
enum Atom {
    Number(u64, usize),
    Inner(Box<Chain>),
}

/// Pieces with operators between them.
#[derive(Clone, Debug)]
struct Chain(Piece, Vec<(&'static str, Piece)>);

/// The groups of binary operators, the tightest first.
const GROUPS: [&[&str]; 7] = [
    &["*", "/", "mod", "%"],
    &["+", "-"],
    &["<<", ">>", ">>>"],
    &["=", "==", "<", ">", "<=", ">=", "!="],
    &["&", "and"],
    &["^", "xor"],
    &["|", "or"],
];

/// What a binary operator makes, by the words of the contract.
fn binary(operator: &str, a: u64, b: u64) -> Option<u64> {
    let truth = u64::from;
    Some(match operator {
        "*" => a.wrapping_mul(b),
        "/" | "%" | "mod" if b == 0 => return None,
        "/" => a / b,
        "%" | "mod" => a % b,
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "<<" => {
            if b < 64 {
                a << b
            } else {
                0
            }
        }
        ">>" => {
            if b < 64 {
                a >> b
            } else {
                0
            }
        }
        ">>>" => ((a as i64) >> b.min(63)) as u64,
        "=" | "==" => truth(a == b),
        "<" => truth(a < b),
        ">" => truth(a > b),
        "<=" => truth(a <= b),
        ">=" => truth(a >= b),
        "!=" => truth(a != b),
        "&" | "and" => a & b,
        "^" | "xor" => a ^ b,
        "|" | "or" => a | b,
        other => panic!("{other}"),
    })
}

impl Piece {
    fn value(&self) -> Option<u64> {
        let mut value = match &self.atom {
            Atom::Number(value, _) => *value,
            Atom::Inner(chain) => chain.value()?,
        };
        for operator in self.unary.iter().rev() {
            value = match *operator {
                "-" => 0u64.wrapping_sub(value),
                "not" => u64::from(value == 0),
                "hi" => value >> 16 & 0xffff,
                "low" => value & 0xffff,
                _ => value,
            };
        }
        Some(value)
    }

    fn text(&self) -> String {
        let unary: String = self.unary.iter().map(|operator| format!("{operator} ")).collect();
        let atom = match &self.atom {
            Atom::Inner(chain) => format!("({})", chain.text()),
            Atom::Number(value, style) => match style {
                0 => format!("{value:x}"),
                1 => format!("0x{value:X}"),
                2 => format!("0n{value}"),
                3 => format!("0t{value:o}"),
                4 => format!("0y{value:b}"),
                5 => format!("{value:x}h"),
                _ => format!("{:x}`{:08x}", value >> 32, value & 0xffff_ffff),
            },
        };
        unary + &atom
    }
}

impl Chain {
    /// Reduces the operators group by group, each from left to right.
    fn value(&self) -> Option<u64> {
        let mut values = vec![self.0.value()?];
        let mut operators = Vec::new();
        for (operator, piece) in &self.1 {
            operators.push(*operator);
            values.push(piece.value()?);
        }
        for group in GROUPS {
            while let Some(at) = operators.iter().position(|operator| group.contains(operator)) {
                let operator = operators.remove(at);
                let right = values.remove(at + 1);
                values[at] = binary(operator, values[at], right)?;
            }
        }
        values.pop()
    }

    fn text(&self) -> String {
        let rest = self.1.iter().map(|(operator, piece)| format!(" {operator} {}", piece.text()));
        self.0.text() + &rest.collect::<String>()
    }
}

fn chains() -> impl Strategy<Value = Chain> {
    let numbers = prop_oneof![0u64..4, 0u64..100, any::<u64>(), Just(u64::MAX), Just(1 << 63)];
    let unary = || prop::collection::vec(prop::sample::select(vec!["+", "-", "not", "hi", "low"]), 0..3);
    let operators = prop::sample::select(GROUPS.concat());
    let leaf = (unary(), numbers, 0usize..7)
        .prop_map(|(unary, value, style)| Chain(Piece { unary, atom: Atom::Number(value, style) }, vec![]));
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let piece =
            (unary(), inner).prop_map(|(unary, chain)| Piece { unary, atom: Atom::Inner(Box::new(chain)) });
        (piece.clone(), prop::collection::vec((operators.clone(), piece), 0..5))
            .prop_map(|(first, rest)| Chain(first, rest))
    })
    // Numbers need no parentheses.
    .prop_map(flat)
}

/// Takes parentheses away from single numbers, so that the groups meet.
fn flat(chain: Chain) -> Chain {
    let piece = |piece: Piece| match piece.atom {
        Atom::Inner(chain) if chain.1.is_empty() => {
            let inner = flat(*chain).0;
            Piece { unary: [piece.unary, inner.unary].concat(), atom: inner.atom }
        }
        Atom::Inner(chain) => Piece { atom: Atom::Inner(Box::new(flat(*chain))), ..piece },
        Atom::Number(..) => piece,
    };
    Chain(piece(chain.0), chain.1.into_iter().map(|(operator, next)| (operator, piece(next))).collect())
}

/// Commands that only look.
const READS: [&str; 43] = [
    "?", "d", "db", "dw", "dW", "dd", "dc", "dq", "dp", "da", "du", "df", "dD", "dyb", "dyd", "dds", "dps",
    "dqs", "!db", "!dd", "!dq", "!du", "c", "s", "s -sa", "s -[w1]d", "rdmsr", "ib", "!pci", "!pcitree",
    "!dcs", "!pte", "!vtop", "!ptov", "r", "rM", "u", "ub", "uf", ".formats", ".echo", "lm", "bl",
];
const WRITES: [&str; 34] = [
    "eb", "ew", "ed", "eq", "ep", "ea", "eza", "ezu", "f", "fp", "m", "!eb", "!ed", "!eq", "ob", "wrmsr",
    "!ecb", "r rax=", "g", "t", "n", ".context", "bp", "bp3", "ba w4", "ba i", "bc", "bd", "be", "pa", "p",
    "t-", ".readmem", ".printf",
];
const PIECES: [&str; 46] = [
    "0",
    "1",
    "10",
    "1000",
    "1ffe",
    "3fff0",
    "ffffffff",
    "ffffffffffffffff",
    "L",
    "L8",
    "L-4",
    "L?20",
    "L 1000",
    "@rax",
    "@rsp",
    "@$t0",
    "$ip",
    ".",
    "poi",
    "by(",
    "$pqwo",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "<<",
    ">",
    "not",
    "hi",
    "$vvalid(1000,5)",
    "$scmp(\"a\",\"b\")",
    "\"text\"",
    "'x'",
    "\"",
    "'",
    "/c 4",
    "/p",
    "[uc]",
    ",",
    ":f",
    "xmm0",
    "0.0.0",
    "zz",
    "!",
];

fn lines(commands: Vec<&'static str>) -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..6);
    (prop::sample::select(commands), pieces)
        .prop_map(|(command, pieces)| format!("{command} {}", pieces.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The evaluator is the model.
    #[test]
    fn expressions_have_the_values_of_the_model(chain in chains()) {
        let (mut machine, mut session) = (machine(), Session::new());
        let text = chain.text();
        let found = evaluate(&mut session, &mut machine, &text);
        match chain.value() {
            Some(value) => prop_assert_eq!(found, Ok((value, text.len())), "{}", text),
            None => prop_assert_eq!(found, Err(HResult::FAIL), "{}", text),
        }
    }

    /// What only looks changes nothing, whatever it is told to look at.
    #[test]
    fn reads_leave_no_trace(line in lines(READS.to_vec())) {
        let (mut machine, mut session) = (machine(), Session::new());
        let before = machine.state_hash();
        execute(&mut session, &mut machine, &line, 0);
        prop_assert_eq!(machine.state_hash(), before, "{}", line);
        let quiet = session.events.iter().all(|event| matches!(event, Event::Output { .. }));
        prop_assert!(quiet, "{}: {:?}", line, session.events);
    }

    /// A command that fails says why, with a place.
    #[test]
    fn failures_say_why(line in lines([&READS[..], &WRITES[..]].concat())) {
        let (mut machine, mut session) = (machine(), Session::new());
        if !execute(&mut session, &mut machine, &line, 0).is_success() {
            let said = session.events.iter().any(|event| {
                matches!(event, Event::Output { mask: 2, text } if text.trim_start().starts_with('^'))
            });
            prop_assert!(said, "{}: {:?}", line, session.events);
        }
    }

    /// No text at all is more than the console can take.
    #[test]
    fn any_text_is_harmless(line in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let (mut machine, mut session) = (machine(), Session::new());
        execute(&mut session, &mut machine, &line, 0);
        execute(&mut session, &mut machine, &String::from_utf8_lossy(&bytes), 1);
        execute(&mut session, &mut machine, "", 0);
    }
}

/// What is wrong, and below which letter the caret stands.
fn complaint(line: &str) -> (String, usize) {
    let (mut machine, mut session) = (machine(), Session::new());
    assert!(!execute(&mut session, &mut machine, line, 0).is_success(), "{line}");
    let said = session.events.iter().find_map(|event| match event {
        Event::Output { mask: 2, text } => Some(text.clone()),
        _ => None,
    });
    let said = said.unwrap();
    let caret = said.find('^').unwrap();
    let (what, _) = said[caret + 2..].split_once(&format!(" in '{line}'")).unwrap();
    (what.into(), caret - "kd> ".len())
}

#[test]
fn a_complaint_names_what_and_where() {
    for (line, what, column) in [
        ("? 1 / 0", "Operand error", 4),
        ("? 1 + ", "Numeric expression missing", 6),
        ("? 1 + )", "Syntax error", 6),
        ("? (1", "Syntax error", 4),
        ("? 1 2", "Syntax error", 4),
        ("? zz", "Couldn't resolve error at 'zz'", 2),
        ("? nt!Ki+1", "Couldn't resolve error at 'nt!Ki'", 2),
        ("? @zz", "Bad register error", 2),
        ("? 1 && 2", "Syntax error", 5),
        ("? 10000000000000000", "Overflow error", 2),
        ("? poi(fffff000)", "Memory access error", 2),
        ("? @@c++(1)", "C++ expressions are not implemented", 2),
        ("db 20 10", "Range error", 6),
        ("db 0 L10000001", "Range error", 5),
        ("eb 1000 100", "Overflow error", 8),
        ("r; bogus", "Syntax error", 3),
        ("wt", "wt is not implemented", 0),
        ("lmf", "options of lm but v, m and a are not implemented", 0),
        ("x nt!*", "Couldn't resolve error at 'nt!*'", 2),
        ("x [a", "Pattern error", 2),
        (".if (1) { ? zz }", "Couldn't resolve error at 'zz'", 12),
        (".if 1 { r }", "Syntax error", 4),
        (".if (1) { r", "Syntax error", 8),
        (".else { r }", "Syntax error", 0),
        (".break", "Syntax error", 0),
        (".for (r; 1) { r }", "Syntax error", 6),
        (".while (1) { }", "Loop limit error", 0),
        ("$<file", "Files of the host are closed: access error", 0),
        ("~3s", "Illegal processor error", 0),
        ("eb 80000000 1", "Memory write error", 12),
    ] {
        assert_eq!(complaint(line), (what.to_owned(), column), "{line}");
    }
}

/// What the commands of a line say.
fn said(line: &str) -> String {
    let (mut machine, mut session) = (machine(), Session::new());
    assert_eq!(execute(&mut session, &mut machine, line, 0), HResult::OK, "{line}");
    session
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Output { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn words_are_numbers_before_they_are_registers() {
    for (expression, value) in [
        ("ah", 0xau64),
        ("@ah", 0x12),
        ("al", 0x34),
        ("eax", 0x1234),
        ("by 1001", 2),
        ("wo(1000)", 0x201),
        ("dwo 1000 + 1", 0x4030202),
        ("qwo 1000", 0x807_0605_0403_0201),
        ("$pdwo 1000", 0x0403_0201),
        ("poi 1000", 0x0403_0201),
        ("not 5", 0),
        ("not 0", 1),
        ("hi 12345678", 0x1234),
        ("low 12345678", 0x5678),
        ("$vvalid(1000, 10)", 1),
        ("$vvalid(3fff0, 20)", 0),
        ("$scmp(\"a\", \"b\")", u64::MAX),
        ("$sicmp(\"A\", \"a\")", 0),
        ("$spat(\"text\", \"t*t\")", 1),
        ("@@masm(1+1)", 2),
        ("8000000000000000 >>> 4", 0xf800_0000_0000_0000),
        ("@$t3", 7),
    ] {
        let line = format!("r rax=1234; r $t3=7; ? {expression}");
        let tail = format!("{:08x}`{:08x}\n", value >> 32, value & 0xffff_ffff);
        assert!(said(&line).ends_with(&tail), "{expression}: {}", said(&line));
    }
}

#[test]
fn an_empty_line_repeats_and_displays_go_on() {
    let (mut machine, mut session) = (machine(), Session::new());
    let mut run = |line: &str, flags| {
        session.events.clear();
        execute(&mut session, &mut machine, line, flags);
        match session.events.first() {
            Some(Event::Output { text, .. }) => text.clone(),
            _ => String::new(),
        }
    };
    assert!(run("dd 1000 L4", 0).starts_with("00000000`00001000"));
    assert!(run("", 0).starts_with("00000000`00001010"));
    assert!(run("", 0).starts_with("00000000`00001090"));
    assert!(run("db", 0).starts_with("00000000`00001110"));
    assert_eq!(run("", 4), "");
    assert_eq!(run(".echo one", 0), "one\n");
    assert_eq!(run("", 0), "one\n");
    assert_eq!(run(".echo two", 4), "two\n");
    assert_eq!(run("", 0), "one\n");
    assert_eq!(run(".echo three", 1), "kd> .echo three\n");
}

#[test]
fn scripts_choose_and_repeat() {
    for (line, text) in [
        (".if (1 = 2) { .echo a } .elsif (3) { .echo b; .echo c } .else { .echo d }; .echo e", "b\nc\ne\n"),
        (".if (0) { .echo a } .else { .echo b }", "b\n"),
        (".if (0) { .echo a } .elsif (0) { .echo b }", ""),
        (".for (r $t0 = 0; @$t0 < 3; r $t0 = @$t0 + 1) { .printf \"%d;\", @$t0 }", "0;1;2;"),
        (
            "r $t0 = 0; .while (1) { r $t0 = @$t0 + 1; .if (@$t0 = 2) { .continue }; .if (@$t0 = 4) { .break }; \
             .printf \"%d}\", @$t0 }; .echo end",
            "1}3}end\n",
        ),
        (
            ".for (r $t0 = 0; @$t0 < 2; r $t0 = @$t0 + 1) { .for (r $t1 = 0; 1; r $t1 = @$t1 + 1) { \
             .if (@$t1 > 1) { .break }; .printf \"%d%d \", @$t0, @$t1 } }",
            "00 01 10 11 ",
        ),
    ] {
        assert_eq!(said(line), text, "{line}");
    }
    let deep = ".if (1) { ".repeat(40) + &"} ".repeat(40);
    assert_eq!(complaint(&deep).0, "Nesting error");
}
