//! Cases and outcomes, and their form on the wire: little-endian words in a fixed order.

use crate::layout::{
    CODE, CODE_16, CODE_BYTES, DATA, DATA_16, DATA_BYTES, EXTRA_16, FS_BASE, GS_BASE, OWN_SEGMENT, STACK_16,
    USER_DATA, base,
};

/// Bytes of the FXSAVE64 image that are looked at.
pub const FX_BYTES: usize = 416;
/// Bytes of the upper halves of the YMM registers.
pub const HIGH_BYTES: usize = 256;
/// RFLAGS bits that a case sets and that are compared: the arithmetic flags and DF.
pub const FLAGS: u64 = 0xcd5;

/// How code is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// 64-bit mode.
    #[default]
    Bits64,
    /// Compatibility mode with a 32-bit code segment.
    Bits32,
    /// Compatibility mode with 16-bit code, data and stack segments.
    Bits16,
}

/// The order of segment registers in [`State::selectors`].
pub const ES: usize = 0;
/// See [`ES`].
pub const CS: usize = 1;
/// See [`ES`].
pub const SS: usize = 2;
/// See [`ES`].
pub const DS: usize = 3;
/// See [`ES`].
pub const FS: usize = 4;
/// See [`ES`].
pub const GS: usize = 5;

impl Mode {
    /// As iced-x86 counts it.
    pub fn bits(self) -> u32 {
        match self {
            Self::Bits64 => 64,
            Self::Bits32 => 32,
            Self::Bits16 => 16,
        }
    }

    /// The mode of so many bits.
    pub fn from_bits(bits: u16) -> Option<Self> {
        [Self::Bits64, Self::Bits32, Self::Bits16].into_iter().find(|mode| mode.bits() == bits.into())
    }

    /// General and vector registers that instructions can name.
    pub fn registers(self) -> u64 {
        match self {
            Self::Bits64 => 16,
            Self::Bits32 | Self::Bits16 => 8,
        }
    }

    /// ES, CS, SS, DS, FS, GS as a case begins: Linux's selectors, and in compatibility mode the
    /// first of a thread's own segments in GS; in 16-bit code its own segments but for FS.
    pub fn selectors(self) -> [u16; 6] {
        match self {
            Self::Bits64 => [USER_DATA, 0x33, USER_DATA, USER_DATA, 0, 0],
            Self::Bits32 => [USER_DATA, 0x23, USER_DATA, USER_DATA, 0, OWN_SEGMENT],
            Self::Bits16 => [EXTRA_16, CODE_16, STACK_16, DATA_16, 0, OWN_SEGMENT],
        }
    }

    /// The base of a segment register as a case begins, by its place in the order of
    /// [`State::selectors`].
    pub fn base(self, register: usize) -> u64 {
        match (register, self) {
            (FS, _) => FS_BASE,
            (GS, Self::Bits64) => GS_BASE,
            _ => base(self.selectors()[register]),
        }
    }

    /// The bases of FS and GS as a case begins.
    pub fn bases(self) -> [u64; 2] {
        [self.base(FS), self.base(GS)]
    }

    /// RIP at the first byte of the code pages.
    pub fn first_rip(self) -> u64 {
        CODE - self.base(CS)
    }
}

/// What an instruction can see and change, beside memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15
    pub gpr: [u64; 16],
    /// RIP
    pub rip: u64,
    /// RFLAGS
    pub rflags: u64,
    /// As FXSAVE64 leaves it.
    pub fx: [u8; FX_BYTES],
    /// The upper halves of YMM0 to YMM15, as XSAVE leaves them; zeros on a host without AVX.
    pub high: [u8; HIGH_BYTES],
    /// ES, CS, SS, DS, FS, GS. Every case begins with those of its mode.
    pub selectors: [u16; 6],
    /// The bases of FS and GS. Every case begins with those of its mode.
    pub bases: [u64; 2],
}

impl Default for State {
    fn default() -> Self {
        let mut fx = [0; FX_BYTES];
        fx[..2].copy_from_slice(&0x37fu16.to_le_bytes());
        fx[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
        Self {
            gpr: [0; 16],
            rip: CODE,
            rflags: 0x202,
            fx,
            high: [0; HIGH_BYTES],
            selectors: Mode::Bits64.selectors(),
            bases: [FS_BASE, GS_BASE],
        }
    }
}

impl State {
    /// A word of the FXSAVE image.
    pub fn fx16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.fx[at], self.fx[at + 1]])
    }

    /// FCW
    pub fn fcw(&self) -> u16 {
        self.fx16(0)
    }

    /// FSW
    pub fn fsw(&self) -> u16 {
        self.fx16(2)
    }

    /// MXCSR
    pub fn mxcsr(&self) -> u32 {
        u32::from(self.fx16(24)) | u32::from(self.fx16(26)) << 16
    }

    /// The ten bytes of ST(i): significand, sign and exponent.
    pub fn st(&self, i: usize) -> (u64, u16) {
        let at = 32 + 16 * i;
        (u64::from_le_bytes(word(&self.fx[at..])), self.fx16(at + 8))
    }

    /// XMMi
    pub fn xmm(&self, i: usize) -> u128 {
        let at = 160 + 16 * i;
        u128::from(u64::from_le_bytes(word(&self.fx[at..])))
            | u128::from(u64::from_le_bytes(word(&self.fx[at + 8..]))) << 64
    }

    /// The upper half of YMMi
    pub fn ymm_high(&self, i: usize) -> u128 {
        let half = |at: usize| u128::from(u64::from_le_bytes(word(&self.high[at..])));
        half(16 * i) | half(16 * i + 8) << 64
    }
}

fn word(bytes: &[u8]) -> [u8; 8] {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    word
}

/// Bytes at an offset from [`DATA`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Offset of the first byte.
    pub at: u16,
    /// What lies there.
    pub bytes: Vec<u8>,
}

/// Code, and what it starts from. It ends where the code ends, where it jumps to, or at a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// How the code is read.
    pub mode: Mode,
    /// At RIP, at most as long as the code pages.
    pub code: Vec<u8>,
    /// The state before.
    pub state: State,
    /// What differs from [`crate::layout::background`], within the writable pages.
    pub patches: Vec<Patch>,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exception, if one ended it: vector and error code.
    pub fault: Option<(u8, u32)>,
    /// The faulting address of a page fault.
    pub cr2: u64,
    /// The state after.
    pub state: State,
    /// What changed in the writable pages.
    pub changes: Vec<Patch>,
}

/// Runs of bytes in which `after` differs from `before`.
pub fn changes(before: &[u8], after: &[u8]) -> Vec<Patch> {
    let mut out: Vec<Patch> = Vec::new();
    for (chunk, (old, new)) in before.chunks(64).zip(after.chunks(64)).enumerate() {
        if old == new {
            continue;
        }
        for (i, (a, b)) in old.iter().zip(new).enumerate() {
            if a == b {
                continue;
            }
            let at = chunk * 64 + i;
            match out.last_mut() {
                Some(last) if usize::from(last.at) + last.bytes.len() == at => last.bytes.push(*b),
                _ => out.push(Patch { at: at as u16, bytes: vec![*b] }),
            }
        }
    }
    out
}

/// Lays patches over the writable pages.
pub fn apply(patches: &[Patch], memory: &mut [u8]) {
    for patch in patches {
        let at = usize::from(patch.at);
        memory[at..at + patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
}

/// The bytes did not have the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message")]
pub struct Malformed;

/// Reads what the `put` methods wrote.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    fn bytes(&mut self, count: usize) -> Result<&[u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(word(self.bytes(8)?)))
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn put_patches(patches: &[Patch], out: &mut Vec<u8>) {
    out.extend((patches.len() as u16).to_le_bytes());
    for patch in patches {
        out.extend(patch.at.to_le_bytes());
        out.extend((patch.bytes.len() as u16).to_le_bytes());
        out.extend(&patch.bytes);
    }
}

fn get_patches(from: &mut Reader) -> Result<Vec<Patch>, Malformed> {
    let count = from.u16()?;
    let mut out = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let at = from.u16()?;
        let bytes = usize::from(from.u16()?);
        if usize::from(at) + bytes > DATA_BYTES {
            return Err(Malformed);
        }
        out.push(Patch { at, bytes: from.bytes(bytes)?.to_vec() });
    }
    Ok(out)
}

impl State {
    fn put(&self, out: &mut Vec<u8>) {
        for value in self.gpr.iter().chain([&self.rip, &self.rflags]) {
            out.extend(value.to_le_bytes());
        }
        out.extend(&self.fx);
        out.extend(&self.high);
        out.extend(self.selectors.iter().flat_map(|s| s.to_le_bytes()));
        out.extend(self.bases.iter().flat_map(|s| s.to_le_bytes()));
    }

    fn get(from: &mut Reader) -> Result<Self, Malformed> {
        let mut state = Self::default();
        for value in &mut state.gpr {
            *value = from.u64()?;
        }
        state.rip = from.u64()?;
        state.rflags = from.u64()?;
        state.fx.copy_from_slice(from.bytes(FX_BYTES)?);
        state.high.copy_from_slice(from.bytes(HIGH_BYTES)?);
        for selector in &mut state.selectors {
            *selector = from.u16()?;
        }
        for base in &mut state.bases {
            *base = from.u64()?;
        }
        Ok(state)
    }
}

impl Case {
    /// Appends the wire form.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend((self.mode.bits() as u16).to_le_bytes());
        self.state.put(out);
        out.extend((self.code.len() as u16).to_le_bytes());
        out.extend(&self.code);
        put_patches(&self.patches, out);
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn get(from: &mut Reader) -> Result<Self, Malformed> {
        let mode = Mode::from_bits(from.u16()?).ok_or(Malformed)?;
        let state = State::get(from)?;
        let length = usize::from(from.u16()?);
        let code = from.bytes(length)?.to_vec();
        Ok(Self { mode, code, state, patches: get_patches(from)? })
    }

    /// RIP behind the code.
    pub fn end(&self) -> u64 {
        self.state.rip + self.code.len() as u64
    }

    /// The code's place in the code pages. What does not lie in them is cut off.
    pub fn place(&self) -> std::ops::Range<usize> {
        let start = (self.state.rip.wrapping_sub(self.mode.first_rip()) as usize).min(CODE_BYTES);
        start..(start + self.code.len()).min(CODE_BYTES)
    }

    /// Lays bytes at a linear address; what falls outside the writable pages is left out.
    pub fn patch(&mut self, address: u64, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            let at = address.wrapping_add(i as u64).wrapping_sub(DATA);
            if at >= DATA_BYTES as u64 {
                continue;
            }
            match self.patches.last_mut() {
                Some(last) if u64::from(last.at) + last.bytes.len() as u64 == at && i > 0 => {
                    last.bytes.push(*byte);
                }
                _ => self.patches.push(Patch { at: at as u16, bytes: vec![*byte] }),
            }
        }
    }
}

impl Outcome {
    /// Appends the wire form.
    pub fn put(&self, out: &mut Vec<u8>) {
        let (vector, error) = self.fault.map_or((0xffff, 0), |(vector, error)| (u16::from(vector), error));
        out.extend(vector.to_le_bytes());
        out.extend(u64::from(error).to_le_bytes());
        out.extend(self.cr2.to_le_bytes());
        self.state.put(out);
        put_patches(&self.changes, out);
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn get(from: &mut Reader) -> Result<Self, Malformed> {
        let vector = from.u16()?;
        let error = from.u64()? as u32;
        let fault = u8::try_from(vector).ok().map(|vector| (vector, error));
        let cr2 = from.u64()?;
        Ok(Self { fault, cr2, state: State::get(from)?, changes: get_patches(from)? })
    }
}
