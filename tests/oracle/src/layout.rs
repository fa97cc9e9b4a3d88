//! Where things lie, in the native runner's address space and in the emulated machine alike.
//!
//! All of it is below 4 GiB, so that 32-bit addressing reaches it. Around the pages there is
//! nothing: every other address of [`REGION`] raises a page fault. 16-bit code reaches the same pages
//! by segments of its own.

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// The reserved span.
pub const REGION: u64 = 0x2000_0000;
/// Bytes of the reserved span.
pub const REGION_BYTES: u64 = 0x0100_0000;
/// Two pages that can be read and written.
pub const DATA: u64 = 0x2080_0000;
/// Bytes at [`DATA`] that can be written.
pub const DATA_BYTES: usize = 0x2000;
/// One page that can be read only. The page behind it is not there.
pub const READ_ONLY: u64 = DATA + DATA_BYTES as u64;
/// Two pages of code. The page behind them is not there.
pub const CODE: u64 = 0x20c0_0000;
/// Bytes at [`CODE`].
pub const CODE_BYTES: usize = 0x2000;
/// The base of FS.
pub const FS_BASE: u64 = 0x2_4680;
/// The base of GS in 64-bit mode.
pub const GS_BASE: u64 = 0x1_2340;
/// Linux's selector of flat data.
pub const USER_DATA: u16 = 0x2b;
/// The selector of the first segment of the local descriptor table ([`LDT`]).
pub const OWN_SEGMENT: u16 = 0x07;
/// The selectors of 16-bit code, and of what it has in DS, ES and SS.
pub const CODE_16: u16 = 0x3f;
/// See [`CODE_16`].
pub const DATA_16: u16 = 0x47;
/// See [`CODE_16`].
pub const EXTRA_16: u16 = 0x4f;
/// See [`CODE_16`].
pub const STACK_16: u16 = 0x57;

/// What [`DATA`] (and the read-only page behind it) hold before a case patches them.
pub fn background() -> Vec<u8> {
    let mut value = 0x9e37_79b9_7f4a_7c15u64;
    let words = (DATA_BYTES + PAGE as usize) / 8;
    (0..words)
        .flat_map(|_| {
            value = value.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (value ^ value >> 29).to_le_bytes()
        })
        .collect()
}

/// A segment of the local descriptor table, as modify_ldt(2) of Linux is told of it.
#[derive(Clone, Copy, Debug)]
pub struct OwnSegment {
    /// Where it begins.
    pub base: u32,
    /// Its limit, in bytes or pages.
    pub limit: u32,
    /// Whether the limit counts pages.
    pub pages: bool,
    /// Bits 3:2 of the type: 0 data, 1 data that expands down, 2 code.
    pub contents: u8,
    /// Not writable data, or not readable code.
    pub read_exec_only: bool,
    /// Whether the descriptor says so.
    pub present: bool,
    /// D or B: code of 32 bits, a stack pointer of 32 bits.
    pub wide: bool,
}

const DATA_SEGMENT: OwnSegment = OwnSegment {
    base: DATA as u32,
    limit: 0xffff,
    pages: false,
    contents: 0,
    read_exec_only: false,
    present: true,
    wide: true,
};

/// Where the segment of [`EXTRA_16`] ends.
pub const EXTRA_END: u64 = DATA + 0x1800;

/// A segment of 64 KiB for 16-bit code.
const fn sixteen(base: u64, contents: u8) -> OwnSegment {
    OwnSegment { base: base as u32, contents, wide: false, ..DATA_SEGMENT }
}

/// The local descriptor table: selectors 07h, 0Fh, and so on; one is empty.
pub const LDT: [Option<OwnSegment>; 11] = [
    Some(DATA_SEGMENT),
    Some(OwnSegment { limit: 0x1fff, read_exec_only: true, ..DATA_SEGMENT }),
    Some(OwnSegment { limit: 0xfff, contents: 1, ..DATA_SEGMENT }),
    Some(OwnSegment { present: false, ..DATA_SEGMENT }),
    Some(OwnSegment { limit: 0xfffff, pages: true, base: 0, contents: 2, ..DATA_SEGMENT }),
    Some(OwnSegment {
        limit: 0xfffff,
        pages: true,
        base: 0,
        contents: 2,
        read_exec_only: true,
        ..DATA_SEGMENT
    }),
    None,
    // The last byte of code, and of the read-only page, is the last one of the segment.
    Some(sixteen(CODE + CODE_BYTES as u64 - 0x1_0000, 2)),
    Some(sixteen(READ_ONLY + PAGE - 0x1_0000, 0)),
    // The others begin elsewhere, so that a wrong one is noticed; the one for ES ends among the
    // writable bytes.
    Some(sixteen(EXTRA_END - 0x1_0000, 0)),
    Some(sixteen(DATA - 0xa000, 0)),
];

/// The segment of the local descriptor table that a selector means.
pub fn own_segment(selector: u16) -> Option<OwnSegment> {
    let local = selector & 4 != 0;
    LDT.get(usize::from(selector >> 3)).copied().flatten().filter(|_| local)
}

/// The base that a selector leads to, flat segments of Linux's being zero.
pub fn base(selector: u16) -> u64 {
    own_segment(selector).map_or(0, |segment| segment.base.into())
}
