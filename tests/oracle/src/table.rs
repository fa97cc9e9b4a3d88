//! The page that says of every instruction what the tests prove.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Code, Instruction, Mnemonic};

use crate::case::Mode;
use crate::compare::{documented, status_bits};
use crate::forms::{Fate, Form, fate, is_judged_by_bochs, modes, no_instruction};

/// What is proved of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Agrees with the host in everything that the manuals define.
    Exact,
    /// Privileged: agrees with the host at CPL 3, where it raises #GP; what it does at CPL 0 is
    /// tested by the manual.
    Privileged,
    /// Agrees with the host where it is refused, which is all that the host has; the rest is tested by the
    /// manual.
    Refused(&'static str),
    /// Agrees with the host but for this.
    Documented(&'static str),
    /// The hosts that judge lack it; agrees with Bochs but for this.
    Bochs(&'static str),
    /// Not compared, for this reason.
    Unjudged(&'static str),
    /// Raises #UD.
    NotOffered,
}

impl Verdict {
    fn text(self) -> String {
        match self {
            Self::Exact => "exact".into(),
            Self::Privileged => "exact at CPL 3; at CPL 0 by the manual".into(),
            Self::Refused(where_) => format!("exact {where_}; else by the manual"),
            Self::Documented(what) => format!("exact but for {what}"),
            Self::Bochs(but) => {
                format!("agrees with Bochs 2.7 in 64-bit mode{but}; the hosts that judge lack it (AMD Zen 3)")
            }
            Self::Unjudged(reason) => format!("not compared: {reason}"),
            Self::NotOffered => "not offered: #UD".into(),
        }
    }
}

/// Where Bochs 2.7 is wrong.
fn but(mnemonic: Mnemonic) -> &'static str {
    use Mnemonic::*;
    match mnemonic {
        Gf2p8affineqb | Vgf2p8affineqb | Gf2p8affineinvqb | Vgf2p8affineinvqb => {
            ", which inverts every bit of the result (SDM volume 2 and AES's S-box say it may not)"
        }
        _ => "",
    }
}

/// Where the hosts refuse an instruction whatever its operands are.
fn refused(mnemonic: Mnemonic) -> Option<&'static str> {
    use Mnemonic::*;
    Some(match mnemonic {
        Rdpkru | Wrpkru => "while CR4.PKE is clear (#UD)",
        Int => "where the gate's DPL forbids it (#GP)",
        _ => return None,
    })
}

/// Whether it raises an exception outside ring 0.
fn is_privileged(code: Code) -> bool {
    let mut instruction = Instruction::default();
    instruction.set_code(code);
    instruction.is_privileged() || matches!(code.mnemonic(), Mnemonic::Monitor | Mnemonic::Mwait)
}

/// The verdict on a form.
pub fn verdict(form: Form) -> Verdict {
    let mnemonic = form.code.mnemonic();
    match (fate(form), documented(mnemonic)) {
        (Fate::NotOffered, _) => Verdict::NotOffered,
        (Fate::LeftOut(_), _) if is_judged_by_bochs(form) => Verdict::Bochs(but(mnemonic)),
        (Fate::LeftOut(reason), _) => Verdict::Unjudged(reason),
        (Fate::Compared, Some(open)) => Verdict::Documented(open.text()),
        (Fate::Compared, None) if is_privileged(form.code) => Verdict::Privileged,
        (Fate::Compared, None) => refused(mnemonic).map_or(Verdict::Exact, Verdict::Refused),
    }
}

/// The best of what is proved of a form in the modes that it exists in; `None` for what is no
/// instruction of this architecture.
pub fn best(code: Code) -> Option<Verdict> {
    if no_instruction(code).is_some() {
        return None;
    }
    modes(code).map(|mode| verdict(Form { code, mode })).min()
}

/// How many forms have which verdict.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Exact, the privileged ones at CPL 3, and those that the hosts refuse.
    pub exact: usize,
    /// Exact but for what is documented.
    pub documented: usize,
    /// Agree with Bochs, which has what the hosts lack.
    pub bochs: usize,
    /// Offered or not, but not to be compared.
    pub unjudged: usize,
    /// Not offered.
    pub not_offered: usize,
}

/// The operands of a form, as the manual writes them.
fn operands(code: Code) -> String {
    let text = code.op_code().instruction_string();
    match text.split_once(' ') {
        Some((_, operands)) => operands.replace('|', "\\|"),
        None => "-".into(),
    }
}

fn flags(code: Code) -> Vec<&'static str> {
    let mut instruction = Instruction::default();
    instruction.set_code(code);
    let undefined = status_bits(instruction.rflags_undefined());
    [(0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (11, "OF")]
        .into_iter()
        .filter(|(bit, _)| undefined >> bit & 1 != 0)
        .map(|(_, name)| name)
        .collect()
}

/// The forms of a row.
#[derive(Default)]
struct Row {
    forms: usize,
    operands: BTreeSet<String>,
    modes: BTreeSet<Mode>,
    flags: BTreeSet<&'static str>,
}

/// The page, and the counts.
pub fn page() -> (String, Counts) {
    let mut counts = Counts::default();
    let mut rows: BTreeMap<(String, Verdict), Row> = BTreeMap::new();
    let mut absent: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    let mut foreign = 0;
    for code in Code::values() {
        let Some(verdict) = best(code) else {
            foreign += 1;
            continue;
        };
        let name = format!("{:?}", code.mnemonic()).to_uppercase();
        match verdict {
            Verdict::Exact | Verdict::Privileged | Verdict::Refused(_) => counts.exact += 1,
            Verdict::Documented(_) => counts.documented += 1,
            Verdict::Bochs(_) => counts.bochs += 1,
            Verdict::Unjudged(_) => counts.unjudged += 1,
            Verdict::NotOffered => {
                counts.not_offered += 1;
                let features: Vec<String> =
                    code.cpuid_features().iter().map(|feature| format!("{feature:?}")).collect();
                let entry = absent.entry(features.join(" and ")).or_default();
                entry.0 += 1;
                entry.1.insert(name);
                continue;
            }
        }
        let row = rows.entry((name, verdict)).or_default();
        row.forms += 1;
        row.operands.insert(operands(code));
        row.modes.extend(modes(code).filter(|mode| self::verdict(Form { code, mode: *mode }) == verdict));
        if code.mnemonic() != Mnemonic::INVALID {
            row.flags.extend(flags(code));
        }
    }
    let mut out = String::from(HEAD);
    out += &format!(
        "| Forms | What is proved |\n|---:|---|\n\
         | {} | exact: agree with the host in everything that the manuals define |\n\
         | {} | exact but for what the table says |\n\
         | {} | agree with Bochs 2.7, bare, where the hosts lack the instruction |\n\
         | {} | not compared, for the reason that the table gives |\n\
         | {} | not offered: they raise #UD, which is tested |\n\
         | {foreign} | decoded on other processors only, or no instructions |\n\n",
        counts.exact, counts.documented, counts.bochs, counts.unjudged, counts.not_offered
    );
    out += "## Offered\n\n| Instruction | Forms | Modes | What is proved | Flags left open | Operands |\n\
            |---|---:|---|---|---|---|\n";
    for ((name, verdict), row) in &rows {
        let join = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(" ");
        let modes: Vec<String> = row.modes.iter().map(|mode| mode.bits().to_string()).collect();
        let operands: Vec<&str> = row.operands.iter().map(String::as_str).collect();
        out += &format!(
            "| {name} | {} | {} | {} | {} | {} |\n",
            row.forms,
            modes.join(", "),
            verdict.text(),
            join(&row.flags),
            operands.join("; "),
        );
    }
    out += "\n## Not offered\n\n| CPUID feature | Forms | Instructions |\n|---|---:|---|\n";
    for (feature, (forms, names)) in &absent {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let shown = if names.len() > 40 { "…".into() } else { names.join(", ") };
        out += &format!("| {feature} | {forms} | {shown} |\n");
    }
    (out, counts)
}

const HEAD: &str = "\
# Instructions

Made from the tests by `RINGHOLD_WRITE=1 cargo test -p ringhold-oracle --test table`; a test misses it when it
is not up to date. A form is a `Code` of iced-x86, whose table of opcodes is where the list comes
from: an instruction with one kind of operands and one encoding.

The host oracle in `tests/oracle` executes at least 1000 cases of each compared form on an x86-64 processor
and in the machine, in 64-bit mode, in compatibility mode with a 32-bit code segment, and in 16-bit
segments of code, data and stack (which needs a Linux host with modify_ldt), and compares the general
registers, RFLAGS, segment registers, x87, MMX, SSE and AVX state, memory, and the
exception with its error code. Besides, each form is read with prefixes in any number and order, with REX
and VEX fields and opcode bits changed (`tests/encodings.rs`). \"Flags left open\" are those that the manuals leave undefined; here they
have one value on every host. Features that a model does not have raise #UD whatever this table says.

";
