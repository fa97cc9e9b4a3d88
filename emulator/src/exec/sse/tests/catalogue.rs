//! The encodings to compare, by family.

/// What an encoding's ModRM byte and immediate may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Two registers, or a register and memory at RDI.
    Both,
    /// [`Operand::Both`] with an immediate.
    BothImm,
    /// Two registers.
    Reg,
    /// Two registers and an immediate.
    RegImm,
    /// Memory at RDI.
    Mem,
    /// [`Operand::Both`] with and without REX.W.
    Wide,
    /// Register 1, this opcode extension, an immediate.
    ShiftImm(u8),
    /// No ModRM byte.
    None,
}

impl Operand {
    /// One of each kind.
    pub const ALL: [Self; 8] = [
        Self::Both,
        Self::BothImm,
        Self::Reg,
        Self::RegImm,
        Self::Mem,
        Self::Wide,
        Self::ShiftImm(2),
        Self::None,
    ];
}

/// An instruction: its mandatory prefix (0 for none), opcode after 0F, operands.
#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    pub prefix: u8,
    pub opcode: u8,
    pub operand: Operand,
}

use Operand::{Both, BothImm, Mem, Reg, RegImm, ShiftImm, Wide};

const fn case(name: &'static str, prefix: u8, opcode: u8, operand: Operand) -> Case {
    Case { name, prefix, opcode, operand }
}

const REGISTERS: u8 = 0xc1;
const MEMORY: u8 = 0x07;

impl Case {
    /// The instruction in all its forms; immediates from `below`.
    pub fn encodings(&self, below: &mut dyn FnMut(u64) -> u64) -> Vec<Vec<u8>> {
        let encode = |rex: &[u8], modrm: &[u8], imm: &[u8]| {
            let prefix: &[u8] = if self.prefix == 0 { &[] } else { &[self.prefix] };
            [prefix, rex, &[0x0f, self.opcode], modrm, imm].concat()
        };
        let mut with_imm = |modrm: u8| -> Vec<Vec<u8>> {
            let low = (0..16).map(|imm| imm as u8);
            let all: Vec<u8> = low.chain((0..40).map(|_| below(256) as u8)).collect();
            all.into_iter().map(|imm| encode(&[], &[modrm], &[imm])).collect()
        };
        match self.operand {
            Operand::Both => vec![encode(&[], &[REGISTERS], &[]), encode(&[], &[MEMORY], &[])],
            Operand::BothImm => [with_imm(REGISTERS), with_imm(MEMORY)].concat(),
            Operand::Reg => vec![encode(&[], &[REGISTERS], &[])],
            Operand::RegImm => with_imm(REGISTERS),
            Operand::Mem => vec![encode(&[], &[MEMORY], &[])],
            Operand::Wide => [&[][..], &[0x48][..]]
                .into_iter()
                .flat_map(|rex| [encode(rex, &[REGISTERS], &[]), encode(rex, &[MEMORY], &[])])
                .collect(),
            Operand::ShiftImm(extension) => with_imm(0xc1 | extension << 3),
            Operand::None => vec![encode(&[], &[], &[])],
        }
    }
}

/// Declares a slice of cases for MMX (no prefix) and XMM (66) registers each.
macro_rules! both {
    ($($name:literal $opcode:literal $operand:expr;)*) => {
        &[$(case($name, 0, $opcode, $operand), case($name, 0x66, $opcode, $operand),)*]
    };
}

/// Packed integers.
pub const INTEGERS: &[Case] = both! {
    "pand" 0xdb Both;
    "pandn" 0xdf Both;
    "por" 0xeb Both;
    "pxor" 0xef Both;
    "paddb" 0xfc Both;
    "paddw" 0xfd Both;
    "paddd" 0xfe Both;
    "paddq" 0xd4 Both;
    "paddsb" 0xec Both;
    "paddsw" 0xed Both;
    "paddusb" 0xdc Both;
    "paddusw" 0xdd Both;
    "psubb" 0xf8 Both;
    "psubw" 0xf9 Both;
    "psubd" 0xfa Both;
    "psubq" 0xfb Both;
    "psubsb" 0xe8 Both;
    "psubsw" 0xe9 Both;
    "psubusb" 0xd8 Both;
    "psubusw" 0xd9 Both;
    "pmullw" 0xd5 Both;
    "pmulhw" 0xe5 Both;
    "pmulhuw" 0xe4 Both;
    "pmuludq" 0xf4 Both;
    "pmaddwd" 0xf5 Both;
    "psadbw" 0xf6 Both;
    "pavgb" 0xe0 Both;
    "pavgw" 0xe3 Both;
    "pmaxsw" 0xee Both;
    "pmaxub" 0xde Both;
    "pminsw" 0xea Both;
    "pminub" 0xda Both;
    "pcmpeqb" 0x74 Both;
    "pcmpeqw" 0x75 Both;
    "pcmpeqd" 0x76 Both;
    "pcmpgtb" 0x64 Both;
    "pcmpgtw" 0x65 Both;
    "pcmpgtd" 0x66 Both;
    "psllw" 0xf1 Both;
    "pslld" 0xf2 Both;
    "psllq" 0xf3 Both;
    "psrlw" 0xd1 Both;
    "psrld" 0xd2 Both;
    "psrlq" 0xd3 Both;
    "psraw" 0xe1 Both;
    "psrad" 0xe2 Both;
    "packsswb" 0x63 Both;
    "packssdw" 0x6b Both;
    "packuswb" 0x67 Both;
    "punpcklbw" 0x60 Both;
    "punpcklwd" 0x61 Both;
    "punpckldq" 0x62 Both;
    "punpckhbw" 0x68 Both;
    "punpckhwd" 0x69 Both;
    "punpckhdq" 0x6a Both;
    "pmovmskb" 0xd7 Reg;
    // MASKMOVQ and MASKMOVDQU
    "maskmov" 0xf7 Reg;
    // AND, ANDN, OR, XOR of PS and PD
    "andp" 0x54 Both;
    "andnp" 0x55 Both;
    "orp" 0x56 Both;
    "xorp" 0x57 Both;
};

/// Shuffles and shifts by immediates.
pub const SHUFFLES: &[Case] = &[
    case("psrlw", 0, 0x71, ShiftImm(2)),
    case("psraw", 0, 0x71, ShiftImm(4)),
    case("psllw", 0, 0x71, ShiftImm(6)),
    case("psrld", 0, 0x72, ShiftImm(2)),
    case("psrad", 0, 0x72, ShiftImm(4)),
    case("pslld", 0, 0x72, ShiftImm(6)),
    case("psrlq", 0, 0x73, ShiftImm(2)),
    case("psllq", 0, 0x73, ShiftImm(6)),
    case("psrlw", 0x66, 0x71, ShiftImm(2)),
    case("psraw", 0x66, 0x71, ShiftImm(4)),
    case("psllw", 0x66, 0x71, ShiftImm(6)),
    case("psrld", 0x66, 0x72, ShiftImm(2)),
    case("psrad", 0x66, 0x72, ShiftImm(4)),
    case("pslld", 0x66, 0x72, ShiftImm(6)),
    case("psrlq", 0x66, 0x73, ShiftImm(2)),
    case("psrldq", 0x66, 0x73, ShiftImm(3)),
    case("psllq", 0x66, 0x73, ShiftImm(6)),
    case("pslldq", 0x66, 0x73, ShiftImm(7)),
    case("pshufw", 0, 0x70, BothImm),
    case("pshufd", 0x66, 0x70, BothImm),
    case("pshuflw", 0xf2, 0x70, BothImm),
    case("pshufhw", 0xf3, 0x70, BothImm),
    case("shufps", 0, 0xc6, BothImm),
    case("shufpd", 0x66, 0xc6, BothImm),
    case("pinsrw", 0, 0xc4, BothImm),
    case("pinsrw", 0x66, 0xc4, BothImm),
    case("pextrw", 0, 0xc5, RegImm),
    case("pextrw", 0x66, 0xc5, RegImm),
    case("punpcklqdq", 0x66, 0x6c, Both),
    case("punpckhqdq", 0x66, 0x6d, Both),
    case("unpcklps", 0, 0x14, Both),
    case("unpcklpd", 0x66, 0x14, Both),
    case("unpckhps", 0, 0x15, Both),
    case("unpckhpd", 0x66, 0x15, Both),
];

/// Declares a slice of cases for PS, PD, SS, SD each.
macro_rules! four {
    ($($name:literal $opcode:literal $operand:expr;)*) => {
        &[$(
            case($name, 0, $opcode, $operand), case($name, 0x66, $opcode, $operand),
            case($name, 0xf3, $opcode, $operand), case($name, 0xf2, $opcode, $operand),
        )*]
    };
}

/// Arithmetic. The comparisons among it have their cases in [`COMPARISONS`].
pub const ARITHMETIC: &[Case] = four! {
    "add" 0x58 Both;
    "sub" 0x5c Both;
    "mul" 0x59 Both;
    "div" 0x5e Both;
    "sqrt" 0x51 Both;
    "min" 0x5d Both;
    "max" 0x5f Both;
};

/// Comparisons.
pub const COMPARISONS: &[Case] = &[
    case("cmpps", 0, 0xc2, BothImm),
    case("cmppd", 0x66, 0xc2, BothImm),
    case("cmpss", 0xf3, 0xc2, BothImm),
    case("cmpsd", 0xf2, 0xc2, BothImm),
    case("ucomiss", 0, 0x2e, Both),
    case("ucomisd", 0x66, 0x2e, Both),
    case("comiss", 0, 0x2f, Both),
    case("comisd", 0x66, 0x2f, Both),
];

/// Conversions.
pub const CONVERSIONS: &[Case] = &[
    case("cvtps2pd", 0, 0x5a, Both),
    case("cvtpd2ps", 0x66, 0x5a, Both),
    case("cvtss2sd", 0xf3, 0x5a, Both),
    case("cvtsd2ss", 0xf2, 0x5a, Both),
    case("cvtdq2ps", 0, 0x5b, Both),
    case("cvtps2dq", 0x66, 0x5b, Both),
    case("cvttps2dq", 0xf3, 0x5b, Both),
    case("cvtdq2pd", 0xf3, 0xe6, Both),
    case("cvtpd2dq", 0xf2, 0xe6, Both),
    case("cvttpd2dq", 0x66, 0xe6, Both),
    case("cvtpi2ps", 0, 0x2a, Both),
    case("cvtpi2pd", 0x66, 0x2a, Both),
    case("cvtsi2ss", 0xf3, 0x2a, Wide),
    case("cvtsi2sd", 0xf2, 0x2a, Wide),
    case("cvttps2pi", 0, 0x2c, Both),
    case("cvttpd2pi", 0x66, 0x2c, Both),
    case("cvttss2si", 0xf3, 0x2c, Wide),
    case("cvttsd2si", 0xf2, 0x2c, Wide),
    case("cvtps2pi", 0, 0x2d, Both),
    case("cvtpd2pi", 0x66, 0x2d, Both),
    case("cvtss2si", 0xf3, 0x2d, Wide),
    case("cvtsd2si", 0xf2, 0x2d, Wide),
];

/// Moves, EMMS, STMXCSR.
pub const MOVES: &[Case] = &[
    case("movups", 0, 0x10, Both),
    case("movupd", 0x66, 0x10, Both),
    case("movss", 0xf3, 0x10, Both),
    case("movsd", 0xf2, 0x10, Both),
    case("movups", 0, 0x11, Both),
    case("movupd", 0x66, 0x11, Both),
    case("movss", 0xf3, 0x11, Both),
    case("movsd", 0xf2, 0x11, Both),
    // MOVHLPS, MOVLPS, MOVLHPS, MOVHPS
    case("movlps", 0, 0x12, Both),
    case("movlpd", 0x66, 0x12, Mem),
    case("movlps", 0, 0x13, Mem),
    case("movlpd", 0x66, 0x13, Mem),
    case("movhps", 0, 0x16, Both),
    case("movhpd", 0x66, 0x16, Mem),
    case("movhps", 0, 0x17, Mem),
    case("movhpd", 0x66, 0x17, Mem),
    case("movaps", 0, 0x28, Both),
    case("movapd", 0x66, 0x28, Both),
    case("movaps", 0, 0x29, Both),
    case("movapd", 0x66, 0x29, Both),
    case("movntps", 0, 0x2b, Mem),
    case("movntpd", 0x66, 0x2b, Mem),
    case("movmskps", 0, 0x50, Reg),
    case("movmskpd", 0x66, 0x50, Reg),
    // MOVD and MOVQ
    case("movd", 0, 0x6e, Wide),
    case("movd", 0x66, 0x6e, Wide),
    case("movd", 0, 0x7e, Wide),
    case("movd", 0x66, 0x7e, Wide),
    case("movq", 0, 0x6f, Both),
    case("movdqa", 0x66, 0x6f, Both),
    case("movdqu", 0xf3, 0x6f, Both),
    case("movq", 0, 0x7f, Both),
    case("movdqa", 0x66, 0x7f, Both),
    case("movdqu", 0xf3, 0x7f, Both),
    case("movq", 0xf3, 0x7e, Both),
    case("movq", 0x66, 0xd6, Both),
    case("movq2dq", 0xf3, 0xd6, Reg),
    case("movdq2q", 0xf2, 0xd6, Reg),
    case("movntq", 0, 0xe7, Mem),
    case("movntdq", 0x66, 0xe7, Mem),
    case("movnti", 0, 0xc3, Mem),
    case("movnti", 0x48, 0xc3, Mem),
    case("emms", 0, 0x77, Operand::None),
];
