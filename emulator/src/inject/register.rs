//! Registers by name and number, and how they are written from outside.
//!
//! A write to a part (`eax`, `ah`) changes the named bits only. A segment selector brings its
//! base with it in real and virtual-8086 mode; in protected mode the hidden part stays and has
//! names of its own (`cs_base`, `cs_limit`, `cs_access`). A write to RIP wakes a processor from HLT
//! or MWAIT: it names what is to be executed next. A write to a control register has the
//! checks and consequences of MOV to that register at privilege level 0.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{Data, Detail, Outcome, Refusal, Semantics};
use crate::Board;
use crate::cpu::{CodeSize, Cpu};
use crate::state::{F80, MXCSR_MASK, Segment, flag};

/// A whole register of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// A general register, 0 = RAX to 15 = R15.
    Gpr(u8),
    /// RIP
    Rip,
    /// RFLAGS
    Rflags,
    /// A selector: ES, CS, SS, DS, FS, GS, LDTR (6), TR (7).
    Selector(u8),
    /// The base of the same.
    Base(u8),
    /// The limit of the same.
    Limit(u8),
    /// The access rights of the same (bits 55:40 of a descriptor).
    Rights(u8),
    /// The base of GDTR (0) or IDTR (1).
    TableBase(u8),
    /// The limit of GDTR (0) or IDTR (1).
    TableLimit(u8),
    /// CR0, CR2, CR3, CR4, CR8
    Control(u8),
    /// XCR0
    Xcr0,
    /// DR0-DR3, DR6, DR7
    Debug(u8),
    /// XMM0-XMM15
    Xmm(u8),
    /// The upper halves of YMM0-YMM15
    YmmHigh(u8),
    /// MXCSR
    Mxcsr,
    /// ST(0)-ST(7)
    St(u8),
    /// x87 control word
    Fpcw,
    /// x87 status word
    Fpsw,
    /// x87 abridged tag byte: a one for each register that is not empty.
    Fptw,
}

/// A register or a part of one. Written in text by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Register(u16);

struct Row {
    name: String,
    slot: Slot,
    first: u8,
    bytes: u8,
}

/// There is no register of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no register `{0}`")]
pub struct UnknownRegister(String);

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(rows);

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: &str, slot, first, bytes| {
        rows.push(Row { name: name.into(), slot, first, bytes });
    };
    let legacy = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
    for (n, word) in (0..).zip(legacy) {
        add(&format!("r{word}"), Slot::Gpr(n), 0, 8);
    }
    for n in 8..16 {
        add(&format!("r{n}"), Slot::Gpr(n), 0, 8);
    }
    add("rip", Slot::Rip, 0, 8);
    add("rflags", Slot::Rflags, 0, 8);
    let segments = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"];
    for (n, name) in (0..).zip(segments) {
        add(name, Slot::Selector(n), 0, 2);
    }
    for (n, name) in (0..).zip(segments) {
        add(&format!("{name}_base"), Slot::Base(n), 0, 8);
        add(&format!("{name}_limit"), Slot::Limit(n), 0, 4);
        add(&format!("{name}_access"), Slot::Rights(n), 0, 2);
    }
    for (n, name) in (0..).zip(["gdt", "idt"]) {
        add(&format!("{name}r"), Slot::TableBase(n), 0, 8);
        add(&format!("{name}l"), Slot::TableLimit(n), 0, 2);
    }
    for n in [0, 2, 3, 4, 8] {
        add(&format!("cr{n}"), Slot::Control(n), 0, 8);
    }
    add("xcr0", Slot::Xcr0, 0, 8);
    for n in [0, 1, 2, 3, 6, 7] {
        add(&format!("dr{n}"), Slot::Debug(n), 0, 8);
    }
    for n in 0..16 {
        add(&format!("xmm{n}"), Slot::Xmm(n), 0, 16);
    }
    add("mxcsr", Slot::Mxcsr, 0, 4);
    for n in 0..8 {
        add(&format!("st{n}"), Slot::St(n), 0, 10);
    }
    add("fpcw", Slot::Fpcw, 0, 2);
    add("fpsw", Slot::Fpsw, 0, 2);
    add("fptw", Slot::Fptw, 0, 1);
    add("eflags", Slot::Rflags, 0, 4);
    add("efl", Slot::Rflags, 0, 4);
    add("eip", Slot::Rip, 0, 4);
    for (n, word) in (0..).zip(legacy) {
        add(&format!("e{word}"), Slot::Gpr(n), 0, 4);
        add(word, Slot::Gpr(n), 0, 2);
    }
    for (n, byte) in (0..).zip(["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"]) {
        add(byte, Slot::Gpr(n), 0, 1);
    }
    for (n, byte) in (0..).zip(["ah", "ch", "dh", "bh"]) {
        add(byte, Slot::Gpr(n), 1, 1);
    }
    for n in 8..16 {
        add(&format!("r{n}d"), Slot::Gpr(n), 0, 4);
        add(&format!("r{n}w"), Slot::Gpr(n), 0, 2);
        add(&format!("r{n}b"), Slot::Gpr(n), 0, 1);
    }
    for n in 0..16 {
        add(&format!("ymm{n}h"), Slot::YmmHigh(n), 0, 16);
    }
    rows
}

impl Register {
    /// All registers, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ROWS.len() as u16).map(Self)
    }

    /// The register of this name, in small or capital letters.
    pub fn named(name: &str) -> Option<Self> {
        let at = ROWS.iter().position(|row| row.name.eq_ignore_ascii_case(name))?;
        Some(Self(at as u16))
    }

    /// The register of this number: its place in [`Self::all`].
    pub fn numbered(number: u16) -> Option<Self> {
        (usize::from(number) < ROWS.len()).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// Its name, in small letters.
    pub fn name(self) -> &'static str {
        self.row().map_or("?", |row| row.name.as_str())
    }

    /// Its size in bytes: 1 to 16.
    pub fn bytes(self) -> usize {
        self.row().map_or(0, |row| usize::from(row.bytes))
    }

    /// The whole register that it is, or is a part of, and the place of its lowest byte there.
    pub fn whole(self) -> (Self, u8) {
        let Some(row) = self.row() else { return (self, 0) };
        let at = ROWS.iter().position(|whole| whole.slot == row.slot);
        (at.map_or(self, |at| Self(at as u16)), row.first)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.get(usize::from(self.0))
    }
}

impl std::fmt::Display for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Register {
    type Error = UnknownRegister;

    fn try_from(name: String) -> Result<Self, UnknownRegister> {
        Self::named(&name).ok_or(UnknownRegister(name))
    }
}

impl From<Register> for String {
    fn from(register: Register) -> Self {
        register.name().into()
    }
}

/// One access to a register, up to its end.
pub(super) fn transfer(
    cpus: &mut [Cpu],
    board: &mut Board,
    cpu: usize,
    register: Register,
    address: u64,
    semantics: Semantics,
    data: Data<'_>,
) -> (Outcome, Detail) {
    let refused = |refusal| (Outcome::stopped(0, refusal), Detail::Nothing);
    if matches!(semantics, Semantics::Bus | Semantics::Backdoor) {
        return refused(Refusal::Meaningless);
    }
    let Some(processor) = cpus.get_mut(cpu) else { return refused(Refusal::NoProcessor { cpu }) };
    let Some(row) = register.row().filter(|row| address < u64::from(row.bytes)) else {
        return refused(Refusal::End);
    };
    let (first, bytes, at) = (usize::from(row.first), usize::from(row.bytes), address as usize);
    let moved = data.len().min(bytes - at);
    let refusal = (moved < data.len()).then_some(Refusal::End);
    let whole = processor.get(board, row.slot).to_le_bytes();
    let old = whole[first..first + bytes].to_vec();
    let mut new = old.clone();
    match data {
        Data::Read(buffer) => buffer[..moved].copy_from_slice(&old[at..at + moved]),
        Data::Write(source) => {
            let mut value = whole;
            value[first + at..first + at + moved].copy_from_slice(&source[..moved]);
            if processor.set(board, row.slot, u128::from_le_bytes(value)).is_none() {
                return (Outcome::stopped(0, Refusal::Value { register }), Detail::Register { old, new });
            }
            let now = processor.get(board, row.slot).to_le_bytes();
            new.copy_from_slice(&now[first..first + bytes]);
        }
    }
    (Outcome { moved, refusal }, Detail::Register { old, new })
}

impl Cpu {
    fn segment(&mut self, n: u8) -> &mut Segment {
        match n {
            6 => &mut self.ldtr,
            7 => &mut self.tr,
            n => &mut self.seg[usize::from(n % 6)],
        }
    }

    /// The whole register, zero-extended.
    fn get(&mut self, board: &mut Board, slot: Slot) -> u128 {
        u128::from(match slot {
            Slot::Gpr(n) => self.gpr[usize::from(n & 15)],
            Slot::Rip => self.rip,
            Slot::Rflags => self.flags.rflags(),
            Slot::Selector(n) => self.segment(n).selector.into(),
            Slot::Base(n) => self.segment(n).base,
            Slot::Limit(n) => self.segment(n).limit.into(),
            Slot::Rights(n) => self.segment(n).access.into(),
            Slot::TableBase(0) => self.gdtr.base,
            Slot::TableBase(_) => self.idtr.base,
            Slot::TableLimit(0) => self.gdtr.limit.into(),
            Slot::TableLimit(_) => self.idtr.limit.into(),
            Slot::Control(0) => self.control.cr0,
            Slot::Control(2) => self.control.cr2,
            Slot::Control(3) => self.control.cr3,
            Slot::Control(4) => self.control.cr4,
            Slot::Control(_) => {
                board.with_local_apic(self.id, |apic, _| apic.cr8()).unwrap_or(self.control.cr8).into()
            }
            Slot::Xcr0 => self.control.xcr0,
            Slot::Debug(6) => self.control.dr6,
            Slot::Debug(7) => self.control.dr7,
            Slot::Debug(n) => self.control.dr[usize::from(n & 3)],
            Slot::Xmm(n) => return self.vector.xmm[usize::from(n & 15)],
            Slot::YmmHigh(n) => return self.vector.ymm_high[usize::from(n & 15)],
            Slot::Mxcsr => self.vector.mxcsr.into(),
            Slot::St(n) => {
                let F80 { significand, sign_exponent } = self.x87.r[usize::from((self.x87.top + n) & 7)];
                return u128::from(sign_exponent) << 64 | u128::from(significand);
            }
            Slot::Fpcw => self.x87.fcw.into(),
            Slot::Fpsw => self.x87.status().into(),
            Slot::Fptw => (!self.x87.empty).into(),
        })
    }

    /// Sets the whole register; `None` if the architecture does not allow the value there.
    fn set(&mut self, board: &mut Board, slot: Slot, whole: u128) -> Option<()> {
        let value = whole as u64;
        let narrow = value >> 32 == 0;
        match slot {
            Slot::Gpr(n) => self.gpr[usize::from(n & 15)] = value,
            Slot::Rip if narrow || self.code_size() == CodeSize::Bits64 => {
                self.rip = value;
                self.wake(board);
            }
            Slot::Rip => return None,
            Slot::Rflags => self.set_rflags(value)?,
            Slot::Selector(n) => {
                let flat = !self.protected() || self.v86();
                let segment = self.segment(n);
                segment.selector = value as u16;
                if flat && n < 6 {
                    segment.base = (value & 0xffff) << 4;
                }
            }
            Slot::Base(n) => self.segment(n).base = value,
            Slot::Limit(n) => self.segment(n).limit = value as u32,
            Slot::Rights(n) => self.segment(n).access = value as u16 & 0xf0ff,
            Slot::TableBase(0) => self.gdtr.base = value,
            Slot::TableBase(_) => self.idtr.base = value,
            Slot::TableLimit(0) => self.gdtr.limit = value as u16,
            Slot::TableLimit(_) => self.idtr.limit = value as u16,
            Slot::Control(2) => self.control.cr2 = value,
            Slot::Control(8) => self.set_cr8(board, value)?,
            Slot::Control(n) => self.set_paging(board, n, value)?,
            Slot::Xcr0 => return None,
            Slot::Debug(6 | 7) if !narrow => return None,
            Slot::Debug(n) => self.set_debug_register(n, value),
            Slot::Xmm(n) => self.vector.xmm[usize::from(n & 15)] = whole,
            Slot::YmmHigh(n) => self.vector.ymm_high[usize::from(n & 15)] = whole,
            Slot::Mxcsr if value & !u64::from(MXCSR_MASK) == 0 => self.vector.mxcsr = value as u32,
            Slot::Mxcsr => return None,
            Slot::St(n) => {
                self.x87.r[usize::from((self.x87.top + n) & 7)] =
                    F80 { significand: value, sign_exponent: (whole >> 64) as u16 };
            }
            Slot::Fpcw => self.x87.fcw = value as u16,
            Slot::Fpsw => self.x87.set_status(value as u16),
            Slot::Fptw => self.x87.empty = !value as u8,
        }
        self.refresh();
        Some(())
    }

    fn set_rflags(&mut self, value: u64) -> Option<()> {
        if value >> 32 != 0 || value & flag::VM != 0 && (self.long_mode() || !self.protected()) {
            return None;
        }
        self.flags.set_rflags(value);
        Some(())
    }

    fn set_cr8(&mut self, board: &mut Board, value: u64) -> Option<()> {
        let priority = u8::try_from(value).ok().filter(|p| *p < 16)?;
        if board.with_local_apic(self.id, |apic, cx| apic.set_cr8(priority, cx)).is_none() {
            self.control.cr8 = priority;
        }
        Some(())
    }

    /// CR0, CR3 and CR4, as MOV to a control register writes them.
    fn set_paging(&mut self, board: &mut Board, n: u8, value: u64) -> Option<()> {
        let raised = self.exception;
        let step = match n {
            0 => self.write_cr0(board, value),
            3 => self.write_cr3(board, value),
            _ => self.write_cr4(board, value),
        };
        self.exception = raised;
        step.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for register in Register::all() {
            assert_eq!(Register::named(register.name()), Some(register));
            assert_eq!(Register::numbered(register.number()), Some(register));
            assert!((1..=16).contains(&register.bytes()));
        }
        assert_eq!(Register::named("RAX").map(Register::bytes), Some(8));
        assert_eq!(Register::named("rax "), None);
        let part = |name| Register::named(name).map(Register::whole).map(|(of, at)| (of.name(), at));
        assert_eq!(part("ah"), Some(("rax", 1)));
        assert_eq!(part("r9d"), Some(("r9", 0)));
        assert_eq!(part("cr3"), Some(("cr3", 0)));
        assert_eq!(Register::numbered(u16::MAX), None);
    }
}
