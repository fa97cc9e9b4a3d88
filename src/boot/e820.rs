//! The memory map that firmware reports (INT 15h AX=E820h), in the form each protocol wants.

use super::Layout;

/// Free RAM.
pub const RAM: u32 = 1;
/// Not to be used.
pub const RESERVED: u32 = 2;

/// One span of the physical address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// [`RAM`] or [`RESERVED`].
    pub kind: u32,
}

/// The map of a machine, ascending.
pub fn map(layout: Layout) -> Vec<Span> {
    let span = |start, end, kind| Span { start, size: end - start, kind };
    let mut spans = vec![
        span(0, Layout::EBDA, RAM),
        span(Layout::EBDA, Layout::HOLE, RESERVED),
        span(Layout::ROM, 1 << 20, RESERVED),
    ];
    spans.extend(layout.usable()[1..].iter().map(|&(start, end)| span(start, end, RAM)));
    spans
}
