//! `r`, `rM`, `rm`: registers, alone or by the groups of a mask.

use ringhold_emulator::inject::Register;

use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::number::general;
use super::world::{flag, variable};
use super::{Execution, Known};
use crate::HResult;
use crate::command::Command;

/// The bits of a mask.
mod group {
    pub const INTEGERS: u64 = 1 | 2;
    pub const SEGMENTS: u64 = 8;
    /// What `r` shows if `rm` says nothing else.
    pub const USUAL: u64 = 2 | SEGMENTS;
    /// ZMM as float and integer, and the mask registers, which no model has.
    pub const ABSENT: u64 = 0x1000 | 0x2000 | 0x4000;
    pub const ALL: u64 = 0x7fff;
}

/// The groups that are lines of registers: the bit of the mask, and the lines with `name=value`.
const LINES: [(u64, &[&str]); 4] = [
    (group::INTEGERS, &["rax rbx rcx", "rdx rsi rdi", "rip rsp rbp", "r8 r9 r10", "r11 r12 r13", "r14 r15"]),
    (0x20, &["dr0 dr1 dr2", "dr3 dr6 dr7", "cr4"]),
    (0x80, &["cr0 cr2 cr3", "cr4 cr8 xcr0"]),
    (0x100, &["gdtr gdtl", "idtr idtl", "tr ldtr"]),
];

/// How a register's bytes are taken apart: bytes of a part, and whether it is floating point.
#[derive(Clone, Copy)]
struct Parts {
    bytes: usize,
    float: bool,
    signed: bool,
}

impl Parts {
    fn named(name: &str) -> Option<Self> {
        let integer = |bytes, signed| Some(Self { bytes, float: false, signed });
        match name {
            "ib" => integer(1, true),
            "ub" => integer(1, false),
            "iw" => integer(2, true),
            "uw" => integer(2, false),
            "id" => integer(4, true),
            "ud" => integer(4, false),
            "iq" => integer(8, true),
            "uq" => integer(8, false),
            "f" => Some(Self { bytes: 4, float: true, signed: true }),
            "d" => Some(Self { bytes: 8, float: true, signed: true }),
            _ => None,
        }
    }

    /// The parts of a value, the highest first.
    fn of(self, bytes: &[u8]) -> String {
        let part = |part: &[u8]| {
            let value = part.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            let unused = 64 - part.len() as u32 * 8;
            match (self.float, self.signed) {
                (true, _) if self.bytes == 4 => general(f32::from_bits(value as u32).into(), 6),
                (true, _) => general(f64::from_bits(value), 6),
                (false, true) => ((value << unused) as i64 >> unused).to_string(),
                (false, false) => format!("{value:0width$x}", width = part.len() * 2),
            }
        };
        bytes.chunks(self.bytes).rev().map(part).collect::<Vec<_>>().join(" ")
    }
}

impl Execution<'_> {
    /// The commands of this file. `Nr` shows the registers of processor N.
    pub(super) fn registers(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        let digits = name.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        match &name[digits.len()..] {
            "rM" if digits.is_empty() => {
                let mask = self.mask(from)?;
                self.groups(mask, at)?;
            }
            "rm" if digits.is_empty() => {
                if from.at_end() {
                    let mask = self.session.console.register_mask.unwrap_or(group::USUAL);
                    self.say(&format!("Register output mask is {mask:x}\n"))?;
                } else {
                    self.session.console.register_mask = Some(self.mask(from)?);
                }
            }
            "r" if digits.is_empty() => self.some_registers(from, at)?,
            "r" => self.registers_of(digits, from, at)?,
            _ => return Ok(Known::No),
        }
        Ok(Known::Yes)
    }

    fn mask(&mut self, from: &mut Cursor<'_>) -> Outcome<u64> {
        from.skip_space();
        let at = from.at();
        let mask = self.expression(from)?;
        from.end()?;
        match mask {
            mask if mask & group::ABSENT != 0 => Err(Complaint::missing("AVX-512 is", at)),
            mask if mask & !group::ALL != 0 => Err(Complaint::operand(at)),
            mask => Ok(mask),
        }
    }

    /// The registers of another processor, which is current for as long as that takes.
    fn registers_of(&mut self, digits: &str, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let number: usize = digits.parse().map_err(|_| Complaint::syntax(at))?;
        if number >= self.machine.cpus.len() {
            let hresult = HResult::NOINTERFACE;
            return Err(Complaint { hresult, ..Complaint::new("Illegal processor error", at) });
        }
        let current = std::mem::replace(&mut self.session.context.cpu, number);
        let outcome = self.some_registers(from, at);
        self.session.context.cpu = current;
        outcome
    }

    /// `r [register[:type] [= expression], …]`
    fn some_registers(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        if from.at_end() {
            let mask = self.session.console.register_mask.unwrap_or(group::USUAL);
            self.groups(mask, at)?;
            return self.current_instruction(at);
        }
        let mut shown = Vec::new();
        loop {
            from.skip_space();
            let name_at = from.at();
            if from.take("?") {
                return Err(Complaint::missing("typed variables are", name_at));
            }
            let name = from.word();
            from.take(name);
            let name = name.strip_prefix('@').unwrap_or(name);
            if from.take(":") {
                shown.push(self.parts(name, from, name_at)?);
            } else {
                from.skip_space();
                match from.take("=") {
                    true => self.set_register(name, from, name_at)?,
                    false => shown.push(format!("{name}={}", self.shown(name, name_at)?)),
                }
            }
            if from.at_end() {
                break;
            }
            // Between two there may be a comma.
            from.take(",");
        }
        if shown.is_empty() { Ok(()) } else { self.say(&format!("{}\n", shown.join(" "))) }
    }

    /// A register's value as so many digits as it has.
    fn shown(&mut self, name: &str, at: usize) -> Outcome<String> {
        match Register::named(name) {
            Some(register) => {
                let bytes = self.register_bytes(register).map_err(|hr| Complaint::of(hr, at))?;
                Ok(bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect())
            }
            None => {
                let value = self.register_value(name, at)?;
                Ok(if flag(name).is_some() { format!("{value:x}") } else { format!("{value:016x}") })
            }
        }
    }

    /// `register:type`
    fn parts(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<String> {
        let kind_at = from.at();
        let kind = from.take_while(|letter| letter.is_ascii_alphanumeric());
        let parts = Parts::named(kind).ok_or(Complaint::syntax(kind_at))?;
        let register = Register::named(name).ok_or(Complaint::new("Bad register error", at))?;
        let bytes = self.register_bytes(register).map_err(|hr| Complaint::of(hr, at))?;
        Ok(format!("{name}={}", parts.of(&bytes)))
    }

    /// `register = expression`
    pub(super) fn set_register(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome {
        from.skip_space();
        let value_at = from.at();
        let value = self.expression(from)?;
        if let Some(variable) = variable(name) {
            self.session.console.variables[variable] = value;
            return Ok(());
        }
        if let Some((bit, bits)) = flag(name) {
            if value >> bits != 0 {
                return Err(Complaint::new("Overflow error", value_at));
            }
            let flags = self.register_value("rflags", at)? & !(((1 << bits) - 1) << bit);
            return self.put_register("rflags", flags | value << bit, at, value_at);
        }
        match name.to_ascii_lowercase().as_str() {
            "$ip" => self.set_instruction(value, at),
            "$csp" => self.put_register("rsp", value, at, value_at),
            "$retreg" => self.put_register("rax", value, at, value_at),
            _ => self.put_register(name, value, at, value_at),
        }
    }

    /// Lets the processor go on at a linear address.
    pub(super) fn set_instruction(&mut self, address: u64, at: usize) -> Outcome {
        let now = self.register_value("$ip", at)?.wrapping_sub(self.register_value("rip", at)?);
        self.put_register("rip", address.wrapping_sub(now), at, at)
    }

    fn put_register(&mut self, name: &str, value: u64, at: usize, value_at: usize) -> Outcome {
        let register = Register::named(name).ok_or(Complaint::new("Bad register error", at))?;
        let bits = register.bytes() as u32 * 8;
        if bits < 64 && value >> bits != 0 {
            return Err(Complaint::new("Overflow error", value_at));
        }
        let mut object = [0; 32];
        object[..8].copy_from_slice(&value.to_le_bytes());
        // DEBUG_VALUE_INT64
        object[28] = 4;
        let set = Command::SetValue { register: register.number().into(), value: object };
        self.call(&set).map(drop).map_err(|hresult| Complaint::of(hresult, value_at))
    }

    /// The groups of a mask.
    fn groups(&mut self, mask: u64, at: usize) -> Outcome {
        for (bits, lines) in LINES {
            if mask & bits == 0 {
                continue;
            }
            for line in lines {
                let mut texts = Vec::new();
                for name in line.split(' ') {
                    let pad = if bits == group::INTEGERS { 3 } else { 0 };
                    texts.push(format!("{name:>pad$}={}", self.shown(name, at)?));
                }
                self.say(&format!("{}\n", texts.join(" ")))?;
            }
        }
        if mask & (group::INTEGERS | group::SEGMENTS) != 0 {
            self.flags(at)?;
        }
        if mask & group::SEGMENTS != 0 {
            self.segments(at)?;
        }
        if mask & 4 != 0 {
            self.floating_point(at)?;
        }
        let vectors = [
            (0x10, "mm", "uq"),
            (0x40, "xmm", "f"),
            (0x800, "xmm", "uq"),
            (0x200, "ymm", "f"),
            (0x400, "ymm", "uq"),
        ];
        for (bit, name, kind) in vectors {
            if mask & bit != 0 {
                self.vectors(name, kind, at)?;
            }
        }
        Ok(())
    }

    /// The flags as WinDbg's pairs of letters.
    fn flags(&mut self, at: usize) -> Outcome {
        let pairs = [
            (11, "nv", "ov"),
            (10, "up", "dn"),
            (9, "di", "ei"),
            (7, "pl", "ng"),
            (6, "nz", "zr"),
            (4, "na", "ac"),
            (2, "po", "pe"),
            (0, "nc", "cy"),
        ];
        let flags = self.register_value("rflags", at)?;
        let words = pairs.map(|(bit, clear, set)| if flags >> bit & 1 == 0 { clear } else { set });
        self.say(&format!("iopl={}         {}\n", flags >> 12 & 3, words.join(" ")))
    }

    fn segments(&mut self, at: usize) -> Outcome {
        let mut line = String::new();
        for name in ["cs", "ss", "ds", "es", "fs", "gs"] {
            line.push_str(&format!("{name}={}  ", self.shown(name, at)?));
        }
        let flags = self.shown("efl", at)?;
        self.say(&format!("{line}           efl={flags}\n"))
    }

    /// The x87: its words, and each register as sign and exponent, then significand.
    fn floating_point(&mut self, at: usize) -> Outcome {
        let [control, status, tags] = ["fpcw", "fpsw", "fptw"].map(|name| self.shown(name, at));
        self.say(&format!("fpcw={} fpsw={} fptw={}\n", control?, status?, tags?))?;
        for number in 0..8 {
            let value = self.shown(&format!("st{number}"), at)?;
            let (exponent, significand) = value.split_at(4);
            self.say(&format!("st{number}={exponent}:{significand}\n"))?;
        }
        Ok(())
    }

    fn vectors(&mut self, name: &str, kind: &str, at: usize) -> Outcome {
        let parts = Parts::named(kind).ok_or(Complaint::operand(at))?;
        let bytes_of = |run: &mut Self, name: &str| match Register::named(name) {
            Some(register) => run.register_bytes(register).map_err(|hr| Complaint::of(hr, at)),
            None => Err(Complaint::operand(at)),
        };
        // MM0 is the significand of the physical register 0, whatever the top of the stack is.
        let top = self.register_value("fpsw", at)? >> 11 & 7;
        let all = if name == "mm" { 8 } else { 16 };
        for number in 0..all {
            let bytes = match name {
                "mm" => bytes_of(self, &format!("st{}", (number + 8 - top) & 7))?[..8].to_vec(),
                "xmm" => bytes_of(self, &format!("xmm{number}"))?,
                _ => {
                    let low = bytes_of(self, &format!("xmm{number}"))?;
                    [low, bytes_of(self, &format!("ymm{number}h"))?].concat()
                }
            };
            self.say(&format!("{name}{number}={}\n", parts.of(&bytes)))?;
        }
        Ok(())
    }
}
