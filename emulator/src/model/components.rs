//! The state components that XSAVE manages and where they lie (SDM volume 1, 13.4 and 13.5).

use super::feature::Feature;
use super::features::Features;

/// XCR0 bit of the x87 state.
pub const X87: u64 = 1 << 0;
/// XCR0 bit of the XMM registers and MXCSR.
pub const SSE: u64 = 1 << 1;
/// XCR0 bit of the upper halves of the YMM registers.
pub const AVX: u64 = 1 << 2;
/// XCR0 bit of PKRU.
pub const PKRU: u64 = 1 << 9;
/// Bytes of the legacy region and the header: where the extended region begins.
pub const EXTENDED_REGION: u32 = 576;

/// A component of the extended region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its number, and its bit in XCR0.
    pub index: u32,
    /// The feature that brings it.
    pub feature: Feature,
    /// Bytes.
    pub size: u32,
    /// Where it begins in the standard format.
    pub offset: u32,
}

/// The components of the extended region, ascending. None needs alignment, none belongs to
/// IA32_XSS.
pub const EXTENDED: [Component; 2] = [
    Component { index: 2, feature: Feature::Avx, size: 256, offset: 576 },
    Component { index: 9, feature: Feature::Pku, size: 8, offset: 2688 },
];

/// The XCR0 bits that a processor with these features has.
pub fn supported(features: &Features) -> u64 {
    let extended = EXTENDED.iter().filter(|one| features.has(one.feature));
    extended.fold(X87 | SSE, |bits, one| bits | 1 << one.index)
}

/// The components of the extended region in `mask`, ascending.
pub fn extended(mask: u64) -> impl Iterator<Item = Component> {
    EXTENDED.into_iter().filter(move |one| mask >> one.index & 1 != 0)
}

/// Bytes of an area in the standard format for the components in `mask`.
pub fn standard_size(mask: u64) -> u32 {
    extended(mask).map(|one| one.offset + one.size).max().unwrap_or(EXTENDED_REGION)
}

/// Bytes of an area in the compacted format for the components in `mask`.
pub fn compacted_size(mask: u64) -> u32 {
    EXTENDED_REGION + extended(mask).map(|one| one.size).sum::<u32>()
}

/// Where component `index` begins in the compacted format whose XCOMP_BV has `mask`.
pub fn compacted_offset(mask: u64, index: u32) -> u32 {
    compacted_size(mask & ((1 << index) - 1))
}
