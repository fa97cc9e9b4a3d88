//! AES-NI, PCLMULQDQ, SHA and GFNI: plain code, the same on every host.
//!
//! Each instruction is an operation on 128-bit registers ([`Packed`](super::sse::Packed)); the
//! 256-bit forms of VAES, VPCLMULQDQ and GFNI are the same operation on each half.

pub mod aes;
pub mod clmul;
pub mod gf;
pub mod sha;
