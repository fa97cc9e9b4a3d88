//! Every instruction form that iced-x86 knows, and what becomes of it here.

use iced_x86::{
    Code, CpuidFeature, Decoder, DecoderOptions, EncodingKind, Instruction, Mnemonic, OpCodeOperandKind,
};
use ringhold_emulator::cpu::CodeSize;
use ringhold_emulator::decode::lower;
use ringhold_emulator::model::Features;

use crate::generate;
use crate::values::Random;

/// What the tests do with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Compared with the host.
    Compared,
    /// The processor does not offer it: it must raise #UD.
    NotOffered,
    /// Neither, for this reason.
    LeftOut(&'static str),
}

/// Which test compares a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// General-purpose and system instructions.
    Integer,
    /// The x87 FPU.
    X87,
    /// MMX and what the SSE encodings have.
    Vector,
    /// What the VEX encodings have of vectors.
    Avx,
}

/// The family of a form.
pub fn family(code: Code) -> Family {
    let features = code.cpuid_features();
    let has = |wanted: &[CpuidFeature]| features.iter().any(|feature| wanted.contains(feature));
    use CpuidFeature::*;
    if has(&[FPU, FPU287, FPU387, FPU287XL_ONLY, FPU387SL_ONLY]) || code == Code::Wait {
        Family::X87
    } else if has(&[FXSR]) || vectors(code) {
        match code.op_code().encoding() {
            EncodingKind::Legacy | EncodingKind::D3NOW => Family::Vector,
            _ => Family::Avx,
        }
    } else {
        Family::Integer
    }
}

/// Whether the form has to do with vector registers or their control word.
fn vectors(code: Code) -> bool {
    let operands = code.op_code().op_kinds().iter().any(|kind| {
        use OpCodeOperandKind::*;
        matches!(
            kind,
            mm_reg
                | mm_rm
                | mm_or_mem
                | xmm_reg
                | xmm_rm
                | xmm_or_mem
                | xmm_vvvv
                | xmm_is4
                | ymm_reg
                | ymm_rm
                | ymm_or_mem
                | ymm_vvvv
                | ymm_is4
                | zmm_reg
                | zmm_rm
                | zmm_or_mem
                | zmm_vvvv
                | tmm_reg
        )
    });
    use Mnemonic::*;
    operands
        || matches!(code.mnemonic(), Ldmxcsr | Stmxcsr | Vldmxcsr | Vstmxcsr | Emms | Vzeroall | Vzeroupper)
}

/// All forms.
pub fn all() -> impl Iterator<Item = Code> {
    Code::values()
}

/// Why a form is not compared although the processor may offer it.
fn left_out(code: Code) -> Option<&'static str> {
    use Mnemonic::*;
    let info = code.op_code();
    if !info.is_instruction() {
        return Some("not an instruction");
    }
    if !info.mode64() {
        return Some("not in 64-bit mode");
    }
    if info.decoder_option() != DecoderOptions::NONE {
        return Some("decoded on other processors only");
    }
    if !info.intel_decoder64() {
        return Some("decoded in AMD's reading of the 66 prefix only");
    }
    Some(match info.mnemonic() {
        Rdtsc | Rdpmc | Cpuid => "what it reads belongs to the host",
        Int | Int1 | Int3 | Into | Syscall | Sysenter => "enters the kernel",
        Iret | Iretd | Iretq | Retf => "far transfer: rests on the host's descriptor tables",
        Lar | Lsl | Verr | Verw | Lss | Lfs | Lgs => "rests on the host's descriptor tables",
        Sgdt | Sidt | Sldt | Str | Smsw => "the host's kernel emulates it (UMIP)",
        Tzcnt => "runs as BSF: the host has BMI1",
        Prefetchit0 | Prefetchit1 => "RIP-relative only, without effect",
        Fstenv | Fstcw | Fstsw | Fsave | Finit | Fclex | Feni | Fdisi | Fsetpm | Fstdw | Fstsg => {
            "two instructions: WAIT and the one that does not wait"
        }
        Montmul => "decoded on other processors only",
        Fnstdw | Fnstsg => "only on old coprocessors",
        _ => return segments(code),
    })
}

fn segments(code: Code) -> Option<&'static str> {
    use Code::*;
    match code {
        Jmp_m1616 | Jmp_m1632 | Jmp_m1664 | Call_m1616 | Call_m1632 | Call_m1664 => {
            Some("far transfer: rests on the host's descriptor tables")
        }
        Mov_Sreg_rm16 | Mov_Sreg_r32m16 | Mov_Sreg_r64m16 | Popw_FS | Popq_FS | Popw_GS | Popq_GS => {
            Some("rests on the host's descriptor tables")
        }
        _ => None,
    }
}

/// Whether the processor has a handler for this instruction.
fn offered(bytes: &[u8]) -> bool {
    let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    let op = lower::lower(&instruction, 0, 0, CodeSize::Bits64, &Features::built());
    lower::is_offered(&op)
}

/// The fate of a form.
///
/// # Panics
/// When no instruction of this form can be made: the generator lacks something.
pub fn fate(code: Code) -> Fate {
    if let Some(reason) = left_out(code) {
        return Fate::LeftOut(reason);
    }
    let mut random = Random::new(code as u64);
    let generated =
        generate::case(code, &mut random).unwrap_or_else(|| panic!("no instruction can be made of {code:?}"));
    if offered(&generated.case.code) { Fate::Compared } else { Fate::NotOffered }
}

/// The one instruction in these bytes.
pub fn decode(bytes: &[u8], ip: u64) -> Instruction {
    Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE).decode()
}
