//! AES, carry-less multiplication, SHA and GFNI.

use iced_x86::Mnemonic;

use super::*;
use crate::exec::crypto::{aes, clmul, gf, sha};

/// The handler of an instruction of this kind; `None` for others.
pub fn lower(mnemonic: Mnemonic, form: Form) -> Option<Handler> {
    use Mnemonic::*;
    match mnemonic {
        Aesenc | Vaesenc => packed::<aes::Encrypt>(form),
        Aesenclast | Vaesenclast => packed::<aes::EncryptLast>(form),
        Aesdec | Vaesdec => packed::<aes::Decrypt>(form),
        Aesdeclast | Vaesdeclast => packed::<aes::DecryptLast>(form),
        Aesimc | Vaesimc => packed_128::<aes::MixBack>(form),
        Aeskeygenassist | Vaeskeygenassist => packed_128::<aes::KeyAssist>(form),
        Pclmulqdq | Vpclmulqdq => packed::<clmul::Clmul>(form),
        Gf2p8affineqb | Vgf2p8affineqb => packed::<gf::Affine>(form),
        Gf2p8affineinvqb | Vgf2p8affineinvqb => packed::<gf::AffineInverse>(form),
        Gf2p8mulb | Vgf2p8mulb => packed::<gf::Multiply>(form),
        // SHA's memory operands need no alignment on AMD's processors.
        Sha1nexte => packed_low::<sha::Sha1NextE, U128>(form),
        Sha1msg1 => packed_low::<sha::Sha1Message1, U128>(form),
        Sha1msg2 => packed_low::<sha::Sha1Message2, U128>(form),
        Sha1rnds4 => packed_low::<sha::Sha1Rounds4, U128>(form),
        Sha256msg1 => packed_low::<sha::Sha256Message1, U128>(form),
        Sha256msg2 => packed_low::<sha::Sha256Message2, U128>(form),
        Sha256rnds2 => Some(match form.last_is_register()? {
            true => chain(sha::sha256_rounds2_reg),
            false => chain(sha::sha256_rounds2_mem),
        }),
        _ => None,
    }
}
