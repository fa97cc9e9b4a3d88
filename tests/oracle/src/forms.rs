//! Every instruction form that iced-x86 knows, and what becomes of it here.

use iced_x86::{
    Code, CpuidFeature, Decoder, DecoderOptions, EncodingKind, Instruction, Mnemonic, OpCodeOperandKind,
};
use ringhold_emulator::cpu::CodeSize;
use ringhold_emulator::decode::lower;
use ringhold_emulator::model::Features;

use crate::case::Mode;
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
    /// All of them in compatibility mode.
    Compatibility,
    /// All of them in 16-bit segments.
    Sixteen,
}

/// The family of a form.
pub fn family(form: Form) -> Family {
    match form.mode {
        Mode::Bits64 => {}
        Mode::Bits32 => return Family::Compatibility,
        Mode::Bits16 => return Family::Sixteen,
    }
    let code = form.code;
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

/// An instruction form in one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    /// What it is.
    pub code: Code,
    /// How it is read.
    pub mode: Mode,
}

/// The modes that a form exists in.
pub fn modes(code: Code) -> impl Iterator<Item = Mode> {
    let info = code.op_code();
    [(Mode::Bits64, info.mode64()), (Mode::Bits32, info.mode32()), (Mode::Bits16, info.mode16())]
        .into_iter()
        .filter_map(|(mode, exists)| exists.then_some(mode))
}

/// Every form in every mode.
pub fn all() -> impl Iterator<Item = Form> {
    Code::values().flat_map(|code| modes(code).map(move |mode| Form { code, mode }))
}

/// The forms that are compared.
pub fn compared() -> Vec<Form> {
    all().filter(|form| fate(*form) == Fate::Compared).collect()
}

/// Why a form is in no mode what this processor could execute.
pub fn no_instruction(code: Code) -> Option<&'static str> {
    let info = code.op_code();
    if !info.is_instruction() {
        Some("not an instruction")
    } else if info.decoder_option() != DecoderOptions::NONE || code.mnemonic() == Mnemonic::Montmul {
        Some("decoded on other processors only")
    } else if matches!(code.mnemonic(), Mnemonic::Fnstdw | Mnemonic::Fnstsg) {
        Some("only on old coprocessors")
    } else {
        None
    }
}

/// Why no single instruction of this form can be made, or it would be read as another one.
fn unmade(form: Form) -> Option<&'static str> {
    use Mnemonic::*;
    let info = form.code.op_code();
    if let Some(reason) = no_instruction(form.code) {
        return Some(reason);
    }
    let intel = match form.mode {
        Mode::Bits64 => info.intel_decoder64(),
        Mode::Bits32 => info.intel_decoder32(),
        Mode::Bits16 => info.intel_decoder16(),
    };
    if !intel {
        return Some("decoded in AMD's reading of the 66 prefix only");
    }
    match info.mnemonic() {
        Prefetchit0 | Prefetchit1 => Some("RIP-relative only, without effect"),
        Fstenv | Fstcw | Fstsw | Fsave | Finit | Fclex | Feni | Fdisi | Fsetpm | Fstdw | Fstsg => {
            Some("two instructions: WAIT and the one that does not wait")
        }
        Pop if form.code == Code::Popw_CS => Some("on the 8086 only"),
        _ => None,
    }
}

/// Why a form is not compared although the processor may offer it.
fn left_out(form: Form) -> Option<&'static str> {
    use Mnemonic::*;
    Some(match form.code.mnemonic() {
        Rdtsc | Rdtscp | Rdpmc | Cpuid | Rdpid | Rdpru | Xgetbv => "what it reads belongs to the host",
        Rdrand | Rdseed => "what it reads is random on the host",
        Int1 | Int3 | Syscall | Sysenter => "enters the kernel",
        Sgdt | Sidt | Sldt | Str | Smsw => "the host's kernel emulates it (UMIP)",
        _ => return elsewhere(form.code).or_else(|| far_pointer64(form.code)),
    })
}

fn far_pointer64(code: Code) -> Option<&'static str> {
    use Code::*;
    matches!(code, Jmp_m1664 | Call_m1664 | Lss_r64_m1664 | Lfs_r64_m1664 | Lgs_r64_m1664)
        .then_some("far pointers with 64-bit offsets: Intel's only")
}

/// Features that no host that judges has (AMD Zen 3), nor QEMU 7.2 without a host's, nor a model of Bochs 2.7.
const NOWHERE: [CpuidFeature; 5] = [
    CpuidFeature::WAITPKG,
    CpuidFeature::SERIALIZE,
    CpuidFeature::ENQCMD,
    CpuidFeature::MOVDIRI,
    CpuidFeature::MOVDIR64B,
];
/// Why forms with GFNI, which Bochs 2.7's Tiger Lake has, are not compared with the host.
const ABSENT: &str = "the hosts that judge lack it (AMD Zen 3)";

fn elsewhere(code: Code) -> Option<&'static str> {
    let needs = |features: &[CpuidFeature]| code.cpuid_features().iter().any(|f| features.contains(f));
    if needs(&NOWHERE) {
        Some("the hosts that judge (AMD Zen 3) lack it, and so do QEMU 7.2 and the models of Bochs 2.7")
    } else {
        needs(&[CpuidFeature::GFNI]).then_some(ABSENT)
    }
}

/// Whether the form is compared with Bochs: in 64-bit mode, what the hosts lack.
pub fn is_judged_by_bochs(form: Form) -> bool {
    form.mode == Mode::Bits64 && fate(form) == Fate::LeftOut(ABSENT)
}

/// The forms that are compared with Bochs.
pub fn judged_by_bochs() -> Vec<Form> {
    all().filter(|form| is_judged_by_bochs(*form)).collect()
}

/// Whether the processor has a handler for this instruction.
fn offered(mode: Mode, bytes: &[u8]) -> bool {
    let size = match mode {
        Mode::Bits64 => CodeSize::Bits64,
        Mode::Bits32 => CodeSize::Bits32,
        Mode::Bits16 => CodeSize::Bits16,
    };
    let op = lower::lower(&decode(mode, bytes, 0), 0, 0, size, &Features::built());
    lower::is_offered(&op)
}

/// The fate of a form.
///
/// # Panics
/// When no instruction of this form can be made: the generator lacks something.
pub fn fate(form: Form) -> Fate {
    if let Some(reason) = unmade(form) {
        return Fate::LeftOut(reason);
    }
    // Some instructions are #UD with some operands (LOCK, gathers).
    let seeds = 0..4;
    let offered = seeds.into_iter().any(|seed| {
        let generated = generate::case(form, &mut Random::new(seed << 32 | form.code as u64))
            .unwrap_or_else(|| panic!("no instruction can be made of {form:?}"));
        offered(form.mode, &generated.case.code)
    });
    match left_out(form) {
        _ if !offered => Fate::NotOffered,
        Some(reason) => Fate::LeftOut(reason),
        None => Fate::Compared,
    }
}

/// The one instruction in these bytes.
pub fn decode(mode: Mode, bytes: &[u8], ip: u64) -> Instruction {
    Decoder::with_ip(mode.bits(), bytes, ip, DecoderOptions::NONE).decode()
}
