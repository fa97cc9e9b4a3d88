//! Cases as text: one line each, so that the suite means something on hosts that cannot execute them.
//!
//! ```text
//! 64 4801d8 | add rax,rbx | rax=1 rbx=ffffffffffffffff => rax=0 flags=[CF PF AF ZF]
//! ```
//!
//! The mode, the bytes, what they are; then what differs from [`State::default`] before (general
//! registers zero, no flag set, x87 and MXCSR as after FNINIT and reset, memory as
//! [`crate::layout::background`] has it), and what differs from that after. `[+10]=` are bytes at an
//! offset in the data pages, `rip=` is left out where the code begins or ends, `fault=` is a vector with
//! its error code, `open=` are the flags that the manual leaves open.

use std::fmt::Write;

use iced_x86::{CpuidFeature, InstructionInfoFactory, Mnemonic};

use crate::case::{Case, Mode, Outcome, Patch, State};
use crate::compare::{NAMES, SEGMENTS, disassemble};
use crate::generate::Generated;
use crate::layout::DATA_BYTES;

/// A case, what the host made of it, and the flags that may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// What runs.
    pub case: Case,
    /// What the host made of it.
    pub outcome: Outcome,
    /// RFLAGS bits that the manual leaves open.
    pub open: u64,
}

/// A line has another form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a captured case: {0}")]
pub struct NotACase(String);

const FLAG_NAMES: [(u32, &str); 10] = [
    (0, "CF"),
    (2, "PF"),
    (4, "AF"),
    (6, "ZF"),
    (7, "SF"),
    (10, "DF"),
    (11, "OF"),
    (14, "NT"),
    (18, "AC"),
    (21, "ID"),
];

fn flags(value: u64) -> String {
    let set: Vec<&str> =
        FLAG_NAMES.iter().filter(|(bit, _)| value >> bit & 1 != 0).map(|(_, name)| *name).collect();
    format!("[{}]", set.join(","))
}

fn shown_flags() -> u64 {
    FLAG_NAMES.iter().map(|(bit, _)| 1 << bit).sum()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The values of a state that have names of their own, in order.
fn fields(state: &State) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut put = |name: &str, value: String| out.push((name.to_owned(), value));
    for (name, value) in NAMES.iter().zip(state.gpr) {
        put(name, format!("{value:x}"));
    }
    put("flags", flags(state.rflags & shown_flags()));
    put("fcw", format!("{:x}", state.fcw()));
    put("fsw", format!("{:x}", state.fsw()));
    put("ftw", format!("{:x}", state.fx[4]));
    put("mxcsr", format!("{:x}", state.mxcsr()));
    for i in 0..8 {
        let (significand, sign_exponent) = state.st(i);
        put(&format!("st{i}"), format!("{sign_exponent:04x}:{significand:016x}"));
    }
    for i in 0..16 {
        put(&format!("xmm{i}"), format!("{:x}", state.xmm(i)));
    }
    for i in 0..16 {
        put(&format!("high{i}"), format!("{:x}", state.ymm_high(i)));
    }
    for (name, value) in SEGMENTS.iter().zip(state.selectors) {
        put(name, format!("{value:x}"));
    }
    put("fs.base", format!("{:x}", state.bases[0]));
    put("gs.base", format!("{:x}", state.bases[1]));
    out
}

/// What a state of this mode is before anything is said of it.
fn blank(mode: Mode) -> State {
    let rip = mode.first_rip();
    State { rip, rflags: 0, selectors: mode.selectors(), bases: mode.bases(), ..State::default() }
}

fn named(text: &str, value: &str) -> NotACase {
    NotACase(format!("{text}={value}"))
}

fn number(name: &str, text: &str) -> Result<u64, NotACase> {
    u64::from_str_radix(text, 16).map_err(|_| named(name, text))
}

fn parse_flags(name: &str, text: &str) -> Result<u64, NotACase> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).ok_or_else(|| named(name, text))?;
    inner.split(',').filter(|word| !word.is_empty()).try_fold(0, |sum, word| {
        let (bit, _) = FLAG_NAMES.iter().find(|(_, flag)| *flag == word).ok_or_else(|| named(name, text))?;
        Ok(sum | 1 << bit)
    })
}

fn parse_hex(text: &str) -> Result<Vec<u8>, NotACase> {
    let wrong = || NotACase(text.to_owned());
    let bytes = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        u8::from_str_radix(pair, 16).map_err(|_| wrong())
    });
    bytes.collect()
}

/// Sets what a word says of a state; `false` if it is about something else.
fn set(state: &mut State, name: &str, text: &str) -> Result<bool, NotACase> {
    if let Some(i) = NAMES.iter().position(|register| *register == name) {
        state.gpr[i] = number(name, text)?;
        return Ok(true);
    }
    if let Some(i) = SEGMENTS.iter().position(|register| *register == name) {
        state.selectors[i] = number(name, text)? as u16;
        return Ok(true);
    }
    let mut put = |at: usize, bytes: &[u8]| state.fx[at..at + bytes.len()].copy_from_slice(bytes);
    match name {
        "flags" => state.rflags = parse_flags(name, text)?,
        "fcw" => put(0, &(number(name, text)? as u16).to_le_bytes()),
        "fsw" => put(2, &(number(name, text)? as u16).to_le_bytes()),
        "ftw" => put(4, &(number(name, text)? as u16).to_le_bytes()),
        "mxcsr" => put(24, &(number(name, text)? as u32).to_le_bytes()),
        "fs.base" => state.bases[0] = number(name, text)?,
        "gs.base" => state.bases[1] = number(name, text)?,
        _ => return set_vector(state, name, text),
    }
    Ok(true)
}

fn set_vector(state: &mut State, name: &str, text: &str) -> Result<bool, NotACase> {
    let index = |prefix: &str, count: usize| {
        name.strip_prefix(prefix).and_then(|digits| digits.parse().ok()).filter(|i: &usize| *i < count)
    };
    let wide = || u128::from_str_radix(text, 16).map_err(|_| named(name, text));
    if let Some(i) = index("st", 8) {
        let (exponent, significand) = text.split_once(':').ok_or_else(|| named(name, text))?;
        let at = 32 + 16 * i;
        state.fx[at..at + 8].copy_from_slice(&number(name, significand)?.to_le_bytes());
        state.fx[at + 8..at + 10].copy_from_slice(&(number(name, exponent)? as u16).to_le_bytes());
    } else if let Some(i) = index("xmm", 16) {
        state.fx[160 + 16 * i..176 + 16 * i].copy_from_slice(&wide()?.to_le_bytes());
    } else if let Some(i) = index("high", 16) {
        state.high[16 * i..16 * i + 16].copy_from_slice(&wide()?.to_le_bytes());
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn patch(name: &str, text: &str) -> Result<Option<Patch>, NotACase> {
    let Some(at) = name.strip_prefix("[+").and_then(|rest| rest.strip_suffix(']')) else { return Ok(None) };
    let (at, bytes) = (number(name, at)? as usize, parse_hex(text)?);
    if at + bytes.len() > DATA_BYTES {
        return Err(named(name, text));
    }
    Ok(Some(Patch { at: at as u16, bytes }))
}

impl Captured {
    /// The line.
    pub fn line(&self) -> String {
        let Captured { case, outcome, open } = self;
        let mut out = format!("{} {} | {} |", case.mode.bits(), hex(&case.code), disassemble(case));
        let mut put = |text: String| {
            // Writing to a string cannot fail.
            let _ = write!(out, " {text}");
        };
        let start = blank(case.mode);
        if case.state.rip != start.rip {
            put(format!("rip={:x}", case.state.rip));
        }
        for ((name, value), (_, default)) in fields(&case.state).into_iter().zip(fields(&start)) {
            if value != default {
                put(format!("{name}={value}"));
            }
        }
        for patch in case.patches.iter().filter(|patch| !patch.bytes.is_empty()) {
            put(format!("[+{:x}]={}", patch.at, hex(&patch.bytes)));
        }
        put("=>".into());
        if let Some((vector, error)) = outcome.fault {
            put(format!("fault={vector:x}({error:x})"));
            if vector == 14 {
                put(format!("cr2={:x}", outcome.cr2));
            }
        }
        let expected = if outcome.fault.is_some() { case.state.rip } else { case.end() };
        if outcome.state.rip != expected {
            put(format!("rip={:x}", outcome.state.rip));
        }
        for ((name, value), (_, before)) in fields(&outcome.state).into_iter().zip(fields(&case.state)) {
            if value != before {
                put(format!("{name}={value}"));
            }
        }
        for patch in &outcome.changes {
            put(format!("[+{:x}]={}", patch.at, hex(&patch.bytes)));
        }
        if *open != 0 {
            put(format!("open={}", flags(*open)));
        }
        out
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(line: &str) -> Result<Self, NotACase> {
        let wrong = || NotACase(line.to_owned());
        let mut parts = line.splitn(3, " | ");
        let (code, _, rest) = match (parts.next(), parts.next(), parts.next()) {
            (Some(code), Some(text), Some(rest)) => (code, text, rest),
            _ => return Err(wrong()),
        };
        let (mode, code) = code.split_once(' ').ok_or_else(wrong)?;
        let mode = mode.parse().ok().and_then(Mode::from_bits).ok_or_else(wrong)?;
        let (before, after) = rest.split_once("=>").ok_or_else(wrong)?;
        let mut case = Case { mode, code: parse_hex(code)?, state: blank(mode), patches: Vec::new() };
        for word in before.split_whitespace() {
            let (name, text) = word.split_once('=').ok_or_else(wrong)?;
            if name == "rip" {
                case.state.rip = number(name, text)?;
            } else if let Some(patch) = patch(name, text)? {
                case.patches.push(patch);
            } else if !set(&mut case.state, name, text)? {
                return Err(named(name, text));
            }
        }
        let state = State { rip: case.end(), ..case.state.clone() };
        let outcome = Outcome { fault: None, cr2: 0, state, changes: Vec::new() };
        let mut captured = Self { case, outcome, open: 0 };
        for word in after.split_whitespace() {
            let (name, text) = word.split_once('=').ok_or_else(wrong)?;
            captured.result(name, text)?;
        }
        Ok(captured)
    }

    fn result(&mut self, name: &str, text: &str) -> Result<(), NotACase> {
        let outcome = &mut self.outcome;
        match name {
            "fault" => {
                let (vector, error) = text
                    .strip_suffix(')')
                    .and_then(|text| text.split_once('('))
                    .ok_or_else(|| named(name, text))?;
                outcome.fault = Some((number(name, vector)? as u8, number(name, error)? as u32));
                outcome.state.rip = self.case.state.rip;
            }
            "cr2" => outcome.cr2 = number(name, text)?,
            "rip" => outcome.state.rip = number(name, text)?,
            "open" => self.open = parse_flags(name, text)?,
            _ => match patch(name, text)? {
                Some(patch) => outcome.changes.push(patch),
                None if set(&mut outcome.state, name, text)? => {}
                None => return Err(named(name, text)),
            },
        }
        Ok(())
    }
}

/// The case with everything at rest that its instruction does not use, so that its line is short.
pub fn reduced(generated: &Generated) -> Case {
    let mut case = generated.case.clone();
    let instruction = &generated.instruction;
    let (mut general, mut vectors, mut stack) = (generated.pinned, [false; 16], [false; 8]);
    let top = usize::from(case.state.fsw() >> 11 & 7);
    let mut factory = InstructionInfoFactory::new();
    for used in factory.info(instruction).used_registers() {
        let register = used.register();
        let number = register.full_register().number();
        if register.is_gpr() {
            general[number] = true;
        } else if register.is_vector_register() && number < 16 {
            vectors[number] = true;
        } else if register.is_st() {
            stack[number] = true;
        } else if register.is_mm() {
            stack[(number + 8 - top) % 8] = true;
        }
    }
    let rest = State::default();
    for i in 0..16 {
        if !general[i] {
            case.state.gpr[i] = 0;
        }
        if !vectors[i] {
            case.state.fx[160 + 16 * i..176 + 16 * i].fill(0);
            case.state.high[16 * i..16 * i + 16].fill(0);
        }
        if i < 8 && !stack[i] {
            case.state.fx[32 + 16 * i..42 + 16 * i].fill(0);
        }
    }
    if !vectors.contains(&true) && !matches!(instruction.mnemonic(), Mnemonic::Stmxcsr | Mnemonic::Vstmxcsr) {
        case.state.fx[24..28].copy_from_slice(&rest.fx[24..28]);
    }
    let features = instruction.cpuid_features();
    let x87 = [CpuidFeature::FPU, CpuidFeature::FPU287, CpuidFeature::FPU387, CpuidFeature::MMX];
    if !stack.contains(&true) && !features.iter().any(|feature| x87.contains(feature)) {
        case.state.fx[..5].copy_from_slice(&rest.fx[..5]);
    }
    if instruction.rflags_read() == 0 && !case.state.rip.is_multiple_of(4) {
        case.state.rflags = 0;
    }
    case
}
