//! Encodings that iced-x86 reads otherwise than processors do, or says too little of.

use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, Instruction, Register};

/// The longest instruction the architecture allows.
const INSTRUCTION_BYTES: usize = 15;
const ESCAPE: u8 = 0x0f;
const OPERAND_SIZE: u8 = 0x66;
const LOCK: u8 = 0xf0;
const REPNE: u8 = 0xf2;
const REP: u8 = 0xf3;
const DS: u8 = 0x3e;
/// The first byte of the longer VEX, and W in its third.
const VEX: u8 = 0xc4;
const W: u8 = 0x80;
/// The prefixes that replace DS or SS.
const SEGMENTS: [u8; 6] = [0x26, 0x2e, 0x36, DS, 0x64, 0x65];
/// The prefixes beside these, in the order in which an instruction can rather do without them.
const OTHERS: [u8; 5] = [LOCK, REPNE, REP, 0x67, OPERAND_SIZE];

/// Whether what iced-x86 found invalid has more than fifteen bytes: then it raises #GP, not #UD (SDM volume
/// 2, 2.3.11), whether it would be defined or not.
pub fn is_too_long(bytes: &[u8], bits: u32, options: u32) -> bool {
    let Some(bytes) = bytes.first_chunk::<INSTRUCTION_BYTES>() else { return false };
    let (prefixes, opcode) = bytes.split_at(prefixes(bytes, bits));
    let Some(superfluous) = superfluous(prefixes).filter(|_| !is_undefined_alone(opcode)) else {
        return false;
    };
    // Without that prefix it has one byte less: more than these fourteen.
    let mut rest = [0; INSTRUCTION_BYTES - 1];
    rest[..superfluous].copy_from_slice(&bytes[..superfluous]);
    rest[superfluous..].copy_from_slice(&bytes[superfluous + 1..]);
    is_cut_off(&rest, bits, options) || goes_on(&rest, bits, options)
}

/// Whether what iced-x86 found invalid needs more than these bytes, fifteen at most: where a prefix makes an
/// opcode undefined it does not read on, processors do.
pub fn goes_on(bytes: &[u8], bits: u32, options: u32) -> bool {
    if bytes.len() >= INSTRUCTION_BYTES {
        return false;
    }
    let amd = options & DecoderOptions::AMD != 0;
    // Behind the escape no immediate has the operand size.
    let escaped = bytes.get(prefixes(bytes, bits)) == Some(&ESCAPE);
    let cut_off = |copy: Vec<u8>| is_cut_off(&copy, bits, options);
    cut_off(without(&[REP, REPNE], bytes, bits))
        || escaped && cut_off(without(&[REP, REPNE, OPERAND_SIZE], bytes, bits))
        || amd && with_w(bytes, bits).is_some_and(cut_off)
}

/// The bytes with others of no effect for these prefixes.
fn without(ignored: &[u8], bytes: &[u8], bits: u32) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    let (prefixes, opcode) = copy.split_at_mut(prefixes(bytes, bits));
    if let [0x82, ..] = opcode {
        // ADD and its kin, which 64-bit mode has taken away: as long as those at 80.
        opcode[0] = 0x80;
    }
    prefixes.iter_mut().filter(|byte| ignored.contains(byte)).for_each(|byte| *byte = DS);
    copy
}

/// The bytes with VEX.W set, if they have it.
fn with_w(bytes: &[u8], bits: u32) -> Option<Vec<u8>> {
    let at = vex_w(bytes, bits)?;
    let mut copy = bytes[..bytes.len().min(INSTRUCTION_BYTES)].to_vec();
    *copy.get_mut(at)? |= W;
    Some(copy)
}

/// How many prefixes there are.
fn prefixes(bytes: &[u8], bits: u32) -> usize {
    bytes.iter().take_while(|byte| is_prefix(**byte, bits)).count()
}

/// Whether these are an undefined opcode behind which nothing belongs to the instruction: iced-x86 wants a
/// ModRM byte.
fn is_undefined_alone(opcode: &[u8]) -> bool {
    match opcode {
        [ESCAPE, rest] => {
            matches!(rest, 0x04 | 0x0a | 0x0c | 0x24..=0x27 | 0x36 | 0x39 | 0x3b..=0x3f | 0xa6 | 0xa7)
        }
        // What 64-bit mode has taken away: PUSH and POP of segments, BCD, PUSHA, POPA, INTO, SALC.
        [byte] => matches!(
            byte,
            0x06 | 0x07
                | 0x0e
                | 0x16
                | 0x17
                | 0x1e
                | 0x1f
                | 0x27
                | 0x2f
                | 0x37
                | 0x3f
                | 0x60
                | 0x61
                | 0xce
                | 0xd6
        ),
        _ => false,
    }
}

fn is_prefix(byte: u8, bits: u32) -> bool {
    SEGMENTS.contains(&byte) || OTHERS.contains(&byte) || bits == 64 && byte & 0xf0 == 0x40
}

/// Which of these prefixes does least for the length of the instruction: one that comes again, a segment's,
/// or what else there is.
fn superfluous(prefixes: &[u8]) -> Option<usize> {
    let repeated = |(n, byte): (usize, &u8)| prefixes[n + 1..].contains(byte) || SEGMENTS.contains(byte);
    let other = || OTHERS.iter().find_map(|other| prefixes.iter().position(|byte| byte == other));
    (0..prefixes.len()).find(|n| repeated((*n, &prefixes[*n]))).or_else(other)
}

fn is_cut_off(bytes: &[u8], bits: u32, options: u32) -> bool {
    let mut decoder = Decoder::new(bits, bytes, options);
    decoder.decode_out(&mut Instruction::default());
    decoder.last_error() == DecoderError::NoMoreBytes
}

/// What AMD's processors, or all, make of an encoding that iced-x86 read as `instruction`, if it is another
/// one.
pub fn read_otherwise(
    instruction: &Instruction,
    bytes: &[u8],
    bits: u32,
    options: u32,
) -> Option<Instruction> {
    let amd = options & DecoderOptions::AMD != 0;
    match instruction.code() {
        Code::Pause if bits == 64 => exchange_with_r8(bytes.get(..instruction.len())?, options),
        Code::INVALID if amd => permutation_without_w(bytes, bits, options),
        // They raise #UD with W outside 64-bit mode; Intel's ignore it (SDM volume 2, PEXTRD, PINSRD).
        Code::VEX_Vpextrd_rm32_xmm_imm8 | Code::VEX_Vpinsrd_xmm_xmm_rm32_imm8 if amd && bits != 64 => {
            let mut invalid = Instruction::default();
            invalid.set_len(instruction.len());
            vex_w(bytes, bits).filter(|at| bytes[*at] & W != 0).map(|_| invalid)
        }
        _ => None,
    }
}

/// PAUSE with REX.B in 64-bit mode is an exchange with R8.
fn exchange_with_r8(bytes: &[u8], options: u32) -> Option<Instruction> {
    let [.., rex, _] = bytes else { return None };
    (rex & 0xf1 == 0x41).then(|| Decoder::new(64, bytes, options | DecoderOptions::NO_PAUSE).decode())
}

/// VPERMQ and VPERMPD without VEX.W, which AMD's processors ignore; Intel's raise #UD.
fn permutation_without_w(bytes: &[u8], bits: u32, options: u32) -> Option<Instruction> {
    let instruction = Decoder::new(bits, &with_w(bytes, bits)?, options).decode();
    let permutes =
        matches!(instruction.code(), Code::VEX_Vpermq_ymm_ymmm256_imm8 | Code::VEX_Vpermpd_ymm_ymmm256_imm8);
    permutes.then_some(instruction)
}

/// Where the byte with W lies, if `bytes` are prefixes and the longer VEX.
fn vex_w(bytes: &[u8], bits: u32) -> Option<usize> {
    let at = prefixes(bytes, bits);
    (bytes.get(at) == Some(&VEX)).then_some(at + 2).filter(|at| *at < bytes.len())
}

/// Whether `bytes` are MOV to or from CR0 with a LOCK prefix, which AMD's processors read as CR8 if
/// CPUID says so (AMD64 volume 3, MOV CRn).
pub fn is_locked_cr8(instruction: &Instruction, bytes: &[u8]) -> bool {
    let (Code::Mov_r32_cr | Code::Mov_r64_cr | Code::Mov_cr_r32 | Code::Mov_cr_r64) = instruction.code()
    else {
        return false;
    };
    let named = instruction.op0_register() == Register::CR8 || instruction.op1_register() == Register::CR8;
    named && bytes.iter().take_while(|byte| **byte != ESCAPE).any(|byte| *byte == LOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_long(bits: u32, bytes: &[u8]) -> bool {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len() + 16, 0xcc);
        assert!(Decoder::new(bits, &padded, DecoderOptions::NONE).decode().is_invalid());
        is_too_long(&padded, bits, DecoderOptions::NONE)
    }

    /// Each as a Zen 3 has it.
    #[test]
    fn more_than_fifteen_bytes_count_more_than_an_undefined_opcode() {
        // CMP dword ptr ss:[eax*8+75F0h], 29h, of sixteen bytes: without its first prefix it would be another.
        let compare = [0x66, 0xf2, 0x67, 0x36, 0xf2, 0x81, 0x3c, 0xc5, 0xf0, 0x75, 0, 0, 0x29, 0, 0, 0];
        assert!(too_long(16, &compare));
        // UNPCKLPS with F3, which is undefined.
        let mut unpack = vec![REP; 9];
        unpack.extend([0x44, 0x0f, 0x14, 0xb2, 0x5b, 0xf4, 0xea, 0]);
        assert!(too_long(64, &unpack));
        assert!(!too_long(64, &unpack[6..]));
        // Fourteen prefixes and UD in one byte of opcode; one prefix more.
        let mut undefined = vec![DS; 14];
        undefined.push(0x06);
        assert!(!too_long(64, &undefined));
        undefined.insert(0, DS);
        assert!(too_long(64, &undefined));
        // PSRLDQ with F3 before 66, which is undefined, of sixteen bytes.
        let mut shift = vec![REP; 11];
        shift.extend([OPERAND_SIZE, ESCAPE, 0x73, 0xdb, 0xc0]);
        assert!(too_long(64, &shift));
        assert!(!too_long(64, &shift[1..]));
        // MOVNTI with 66, which is undefined, of seventeen bytes.
        let mut store = vec![OPERAND_SIZE; 9];
        store.extend([0x41, ESCAPE, 0xc3, 0xb2, 0xef, 0x63, 0x33, 0x0d]);
        assert!(too_long(64, &store));
    }

    /// Each as a Zen 3 has it, and Intel's manual.
    #[test]
    fn vendors_read_w_of_some_instructions_differently() {
        let read = |bits: u32, bytes: &[u8], options: u32| {
            let plain = Decoder::new(bits, bytes, options).decode();
            read_otherwise(&plain, bytes, bits, options).unwrap_or(plain).code()
        };
        let (intel, amd) = (DecoderOptions::NONE, DecoderOptions::AMD);
        let permutation = [0xc4, 0xe3, 0x7d, 0, 0xc8, 1];
        assert_eq!(read(64, &permutation, intel), Code::INVALID);
        assert_eq!(read(64, &permutation, amd), Code::VEX_Vpermq_ymm_ymmm256_imm8);
        let extraction = [0xc4, 0xe3, 0xf9, 0x16, 0xf5, 1];
        assert_eq!(read(32, &extraction, intel), Code::VEX_Vpextrd_rm32_xmm_imm8);
        assert_eq!(read(32, &extraction, amd), Code::INVALID);
        assert_eq!(read(64, &extraction, amd), Code::VEX_Vpextrq_rm64_xmm_imm8);
        for options in [intel, amd] {
            assert_eq!(read(64, &[0xf3, 0x41, 0x90], options), Code::Xchg_r32_EAX);
            assert_eq!(read(64, &[0xf3, 0x48, 0x90], options), Code::Pause);
            assert_eq!(read(32, &[0xf3, 0x90], options), Code::Pause);
        }
    }
}
