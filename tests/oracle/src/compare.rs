//! What differs between the two outcomes of a case.

use std::fmt::Write;
use std::ops::Range;

use iced_x86::{Formatter, Instruction, IntelFormatter, Mnemonic, RflagsBits};

use crate::case::{Case, FLAGS, Mode, Outcome, State, apply};
use crate::generate::{Generated, unpredictable};
use crate::layout::{DATA_BYTES, background};

/// RFLAGS bits that are compared: those of [`FLAGS`], NT, AC and ID.
const COMPARED: u64 = FLAGS | 1 << 14 | 1 << 18 | 1 << 21;
/// The names of the general registers.
pub const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];

/// The names of the segment registers.
pub const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];

/// FSW bit of a pending exception.
const SUMMARY: u16 = 1 << 7;

/// How exactly the two must agree.
#[derive(Clone, Debug)]
pub struct Rules {
    /// RFLAGS bits that the architecture leaves undefined.
    pub undefined: u64,
    /// The same if a fault ended the case: what earlier instructions left undefined.
    pub undefined_at_fault: u64,
    /// Offsets in the writable pages that are not compared.
    pub skipped: Vec<Range<usize>>,
    /// Singles may differ by the error that the manual grants (RCPPS and its kin).
    pub approximate: bool,
    /// Units in the last place by which the x87 registers may differ (transcendentals).
    pub x87_ulps: u64,
    /// FSW bits that are not compared.
    pub fsw: u16,
    /// Which byte of the operand a page fault reports is the processor's choice.
    pub any_address: bool,
    /// FOP, FIP and FDP are compared where they are known: the host's kernel reads them by XSAVE, and AMD's
    /// processors save them with an exception pending alone.
    pub pointers: bool,
}

impl Rules {
    /// Everything must agree, but these flags.
    pub fn exact(undefined: u64, undefined_at_fault: u64) -> Self {
        Self {
            undefined,
            undefined_at_fault,
            skipped: Vec::new(),
            approximate: false,
            x87_ulps: 0,
            fsw: 0,
            any_address: false,
            pointers: false,
        }
    }

    /// The rules for one instruction.
    pub fn new(generated: &Generated) -> Self {
        let instruction = &generated.instruction;
        let open = documented(instruction.mnemonic());
        let transcendental = open == Some(Open::LastBit);
        Self {
            undefined: undefined_flags(instruction, &generated.case.state),
            undefined_at_fault: 0,
            skipped: unpredictable(generated),
            approximate: open == Some(Open::Approximation),
            x87_ulps: if transcendental { 2 } else { 0 },
            // C1 tells how the last bit was rounded, PE and UE (then ES and B) whether it was.
            fsw: if transcendental { 0x82b0 } else { 0 },
            any_address: matches!(open, Some(Open::SavedState | Open::Frame)),
            pointers: true,
        }
    }
}

/// What, beside flags, the manuals leave open of an instruction, so that it is not compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Open {
    /// The result, within a relative error.
    Approximation,
    /// The last bit of x87 transcendentals, and the status that tells of it.
    LastBit,
    /// Instruction and operand pointers in memory, and which address of the area a fault reports.
    SavedState,
    /// Which address of the stack frame a fault reports.
    Frame,
}

impl Open {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Approximation => "the approximation, within the error that the manual grants",
            Self::LastBit => "the last bit (two units at most), C1, PE and UE",
            Self::SavedState => "the saved pointers, and the address that a page fault reports",
            Self::Frame => "the address that a page fault of the stack reports",
        }
    }
}

/// What the manuals leave open of these instructions.
pub fn documented(mnemonic: Mnemonic) -> Option<Open> {
    use Mnemonic::*;
    Some(match mnemonic {
        Rcpps | Rcpss | Rsqrtps | Rsqrtss | Vrcpps | Vrcpss | Vrsqrtps | Vrsqrtss => Open::Approximation,
        F2xm1 | Fcos | Fpatan | Fptan | Fsin | Fsincos | Fyl2x | Fyl2xp1 => Open::LastBit,
        Fxsave | Fxsave64 | Fxrstor | Fxrstor64 | Fnsave | Fnstenv | Xsave | Xsave64 | Xsaveopt
        | Xsaveopt64 | Xsavec | Xsavec64 | Xrstor | Xrstor64 => Open::SavedState,
        Retf | Iret | Iretd | Iretq | Pusha | Pushad | Popa | Popad => Open::Frame,
        _ => return None,
    })
}

/// The flags that an instruction leaves undefined in this state.
pub fn undefined_flags(instruction: &Instruction, state: &State) -> u64 {
    use Mnemonic::*;
    let shift = matches!(instruction.mnemonic(), Shl | Sal | Shr | Sar | Rol | Ror | Rcl | Rcr | Shld | Shrd);
    if shift {
        let last = instruction.op_count() - 1;
        let count = if instruction.op_kind(last) == iced_x86::OpKind::Register {
            state.gpr[1]
        } else {
            instruction.immediate(last)
        };
        let bits = if instruction.op_register(0).size() == 8 || instruction.memory_size().size() == 8 {
            63
        } else {
            31
        };
        // A count of zero leaves all flags alone, one of 1 defines OF (SDM volume 2, SHL, SHLD, RCL).
        match count & bits {
            0 => return 0,
            1 => return status_bits(instruction.rflags_undefined() & !RflagsBits::OF),
            _ => {}
        }
    }
    status_bits(instruction.rflags_undefined())
}

/// The arithmetic flags among [`RflagsBits`], at their places in RFLAGS.
pub fn status_bits(bits: u32) -> u64 {
    [
        (RflagsBits::CF, 1),
        (RflagsBits::PF, 1 << 2),
        (RflagsBits::AF, 1 << 4),
        (RflagsBits::ZF, 1 << 6),
        (RflagsBits::SF, 1 << 7),
        (RflagsBits::OF, 1 << 11),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, flag)| flag)
    .sum()
}

/// One thing that differs: what, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A register, a flag word, memory, or how it ended.
    pub what: String,
    /// On the host.
    pub native: String,
    /// In the machine.
    pub emulated: String,
}

fn ending(outcome: &Outcome, rules: &Rules) -> String {
    match outcome.fault {
        None => format!("done at {:x}", outcome.state.rip),
        Some((vector, error)) => {
            let cr2 = if vector == 14 && !rules.any_address {
                format!(" at {:x}", outcome.cr2)
            } else {
                String::new()
            };
            // Linux does not tell whether kernel addresses are mapped.
            let error = if vector == 14 && outcome.cr2 >= 0x7fff_ffff_f000 { error | 1 } else { error };
            format!("exception {vector}({error:x}){cr2}, rip {:x}", outcome.state.rip)
        }
    }
}

/// Whether two singles are within 2 × 2^-12 of each other: the manual grants a processor 1.5 × 2^-12, and
/// ours err by half of 2^-12 at most.
fn near(a: u32, b: u32) -> bool {
    let (x, y) = (f64::from(f32::from_bits(a)), f64::from(f32::from_bits(b)));
    // The smallest normal number may have become zero.
    let vanished =
        x.abs().min(y.abs()) == 0.0 && x.abs().max(y.abs()) <= f64::from(f32::MIN_POSITIVE) * 1.001;
    a == b || vanished || x.is_finite() && y.is_finite() && (x - y).abs() <= x.abs() * 2.0 / 4096.0
}

fn near_vectors(a: u128, b: u128) -> bool {
    (0..4).all(|lane| near((a >> (32 * lane)) as u32, (b >> (32 * lane)) as u32))
}

/// Whether two extended numbers of one sign are at most so many units in the last place apart.
fn within(a: (u64, u16), b: (u64, u16), ulps: u64) -> bool {
    let line = |(significand, exponent): (u64, u16)| {
        u128::from(exponent & 0x7fff) << 63 | u128::from(significand & u64::MAX >> 1)
    };
    (a.1 ^ b.1) >> 15 == 0 && line(a).abs_diff(line(b)) <= u128::from(ulps)
}

/// Everything in which the outcomes differ; empty if they agree.
pub fn differences(case: &Case, native: &Outcome, emulated: &Outcome, rules: &Rules) -> Vec<Difference> {
    let mut out = Vec::new();
    let mut note = |what: String, a: String, b: String| {
        if a != b {
            out.push(Difference { what, native: a, emulated: b });
        }
    };
    let hex = |v: u64| format!("{v:x}");
    note("end".into(), ending(native, rules), ending(emulated, rules));
    let (a, b) = (&native.state, &emulated.state);
    for (i, name) in NAMES.iter().enumerate() {
        // What compatibility mode leaves in the upper halves is not defined.
        let mask = if case.mode != Mode::Bits64 && i < 8 { 0xffff_ffff } else { u64::MAX };
        if (a.gpr[i] ^ b.gpr[i]) & mask != 0 {
            note((*name).into(), hex(a.gpr[i]), hex(b.gpr[i]));
        }
    }
    if (a.selectors, a.bases) != (b.selectors, b.bases) {
        for (i, name) in SEGMENTS.iter().enumerate() {
            // On its way into the kernel the host makes all null selectors zero (IRET does).
            let selector = |state: &State| if state.selectors[i] < 4 { 0 } else { state.selectors[i] };
            note((*name).into(), hex(selector(a).into()), hex(selector(b).into()));
        }
        for (i, name) in ["fs.base", "gs.base"].into_iter().enumerate() {
            note(name.into(), hex(a.bases[i]), hex(b.bases[i]));
        }
    }
    let undefined = if native.fault.is_none() { rules.undefined } else { rules.undefined_at_fault };
    let compared = COMPARED & !undefined;
    if (a.rflags ^ b.rflags) & compared != 0 {
        note("rflags".into(), flags(a.rflags & compared), flags(b.rflags & compared));
    }
    if a.fx != b.fx {
        for (name, at, bytes) in [("fcw", 0, 2), ("fsw", 2, 2), ("ftw", 4, 1), ("mxcsr", 24, 4)] {
            let text = |s: &State| {
                let mut value =
                    s.fx[at..at + bytes].iter().rev().fold(0u64, |v, byte| v << 8 | u64::from(*byte));
                if at == 2 {
                    value &= u64::from(!rules.fsw);
                }
                format!("{value:x}")
            };
            note(name.into(), text(a), text(b));
        }
        if rules.pointers && a.fsw() & b.fsw() & SUMMARY != 0 {
            for (name, at, bytes) in [("fop", 6, 2), ("fip", 8, 8), ("fdp", 16, 8)] {
                let text = |s: &State| {
                    let bytes = s.fx[at..at + bytes].iter().rev();
                    hex(bytes.fold(0, |value, byte| value << 8 | u64::from(*byte)))
                };
                note(name.into(), text(a), text(b));
            }
        }
        for i in 0..8 {
            let (x, y) = (a.st(i), b.st(i));
            if x != y && !within(x, y, rules.x87_ulps) {
                note(format!("st{i}"), number(x), number(y));
            }
        }
        for i in 0..16 {
            let (x, y) = (a.xmm(i), b.xmm(i));
            if x != y && !(rules.approximate && near_vectors(x, y)) {
                note(format!("xmm{i}"), format!("{x:032x}"), format!("{y:032x}"));
            }
        }
    }
    for i in (0..16).filter(|i| a.ymm_high(*i) != b.ymm_high(*i)) {
        let (x, y) = (a.ymm_high(i), b.ymm_high(i));
        if !(rules.approximate && near_vectors(x, y)) {
            note(format!("ymm{i}.high"), format!("{x:032x}"), format!("{y:032x}"));
        }
    }
    if native.changes != emulated.changes {
        memory(case, native, emulated, rules, &mut out);
    }
    out
}

fn memory(case: &Case, native: &Outcome, emulated: &Outcome, rules: &Rules, out: &mut Vec<Difference>) {
    let mut before = background();
    before.truncate(DATA_BYTES);
    apply(&case.patches, &mut before);
    let after = |outcome: &Outcome| {
        let mut bytes = before.clone();
        apply(&outcome.changes, &mut bytes);
        for range in &rules.skipped {
            bytes[range.clone()].fill(0);
        }
        bytes
    };
    let (a, b) = (after(native), after(emulated));
    let Some(first) = a.iter().zip(&b).position(|(x, y)| x != y) else { return };
    let span = first..(first + 16).min(DATA_BYTES);
    out.push(Difference {
        what: format!("memory+{first:x}"),
        native: format!("{:02x?}", &a[span.clone()]),
        emulated: format!("{:02x?}", &b[span]),
    });
}

fn number((significand, sign_exponent): (u64, u16)) -> String {
    format!("{sign_exponent:04x}:{significand:016x}")
}

fn flags(value: u64) -> String {
    let names = [
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
    let set: Vec<&str> =
        names.iter().filter(|(bit, _)| value >> bit & 1 != 0).map(|(_, name)| *name).collect();
    format!("[{}]", set.join(" "))
}

/// The instructions of a case.
pub fn disassemble(case: &Case) -> String {
    let mut formatter = IntelFormatter::new();
    let mut texts = Vec::new();
    let mut decoder = iced_x86::Decoder::with_ip(
        case.mode.bits(),
        &case.code,
        case.state.rip,
        iced_x86::DecoderOptions::NONE,
    );
    while decoder.can_decode() {
        let mut text = String::new();
        formatter.format(&decoder.decode(), &mut text);
        texts.push(text);
    }
    texts.join("; ")
}

/// One line: `bytes | disassembly | inputs => what: native vs emulated`.
pub fn line(case: &Case, differences: &[Difference]) -> String {
    let mut out = String::new();
    let mut put = |text: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        let _ = out.write_fmt(text);
    };
    for byte in &case.code {
        put(format_args!("{byte:02x}"));
    }
    put(format_args!(" | {} |", disassemble(case)));
    let state = &case.state;
    for (name, value) in NAMES.iter().zip(state.gpr) {
        if value != 0 {
            put(format_args!(" {name}={value:x}"));
        }
    }
    put(format_args!(" flags={}", flags(state.rflags & FLAGS)));
    let default = State::default();
    if state.fx[..8] != default.fx[..8] {
        put(format_args!(" fcw={:x} fsw={:x} ftw={:x}", state.fcw(), state.fsw(), state.fx[4]));
    }
    if state.mxcsr() != default.mxcsr() {
        put(format_args!(" mxcsr={:x}", state.mxcsr()));
    }
    for i in (0..8).filter(|i| state.st(*i) != (0, 0)) {
        put(format_args!(" st{i}={}", number(state.st(i))));
    }
    for i in (0..16).filter(|i| state.xmm(*i) != 0) {
        put(format_args!(" xmm{i}={:032x}", state.xmm(i)));
    }
    for i in (0..16).filter(|i| state.ymm_high(*i) != 0) {
        put(format_args!(" ymm{i}.high={:032x}", state.ymm_high(i)));
    }
    for patch in &case.patches {
        put(format_args!(" [+{:x}]=", patch.at));
        for byte in patch.bytes.iter().take(32) {
            put(format_args!("{byte:02x}"));
        }
    }
    put(format_args!(" =>"));
    for d in differences {
        put(format_args!(" {}: {} vs {};", d.what, d.native, d.emulated));
    }
    out
}
