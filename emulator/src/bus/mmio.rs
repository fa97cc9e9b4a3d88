//! Memory-mapped windows: how an access of any size and alignment becomes device accesses.

use super::Width;

/// The naturally aligned pieces of an access to `[address, address + len)`, ascending, each of
/// the largest width up to `widest` that size and alignment allow.
pub fn pieces(address: u64, len: usize, widest: Width) -> impl Iterator<Item = (usize, Width)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let left = len - done;
        let at = address.wrapping_add(done as u64);
        let width = [Width::Qword, Width::Dword, Width::Word]
            .into_iter()
            .find(|w| *w <= widest && w.bytes() <= left && at.is_multiple_of(w.bytes() as u64))
            .unwrap_or(Width::Byte);
        let piece = (done, width);
        (left > 0).then(|| {
            done += width.bytes();
            piece
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_and_ascend() {
        let cut: Vec<_> = pieces(0x1001, 10, Width::Qword).collect();
        assert_eq!(
            cut,
            [(0, Width::Byte), (1, Width::Word), (3, Width::Dword), (7, Width::Word), (9, Width::Byte)]
        );
        assert_eq!(pieces(0x1000, 8, Width::Dword).count(), 2);
        assert_eq!(pieces(0x1000, 0, Width::Dword).count(), 0);
    }
}
