//! Cuts a stream of bytes into frames.

use crate::wire::MAX_FRAME;

/// A frame says that it is longer than any frame may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes is longer than {MAX_FRAME}")]
pub struct TooLong(pub u32);

/// The bytes that have come and are not yet a whole frame.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// How many of them belong to frames that were given away.
    taken: usize,
}

impl Frames {
    /// Takes more of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame without its length, if all of it is here.
    ///
    /// # Errors
    /// [`TooLong`] as soon as the length is here; nothing that follows can be made sense of.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let rest = &self.bytes[self.taken..];
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_le_bytes(*length);
        if length > MAX_FRAME {
            return Err(TooLong(length));
        }
        let Some(frame) = rest.get(..length as usize) else { return Ok(None) };
        self.taken += size_of::<u32>() + frame.len();
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1usize..30, 1..40),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                stream.extend((frame.len() as u32).to_le_bytes());
                stream.extend(frame);
            }
            let (mut cutter, mut found, mut rest) = (Frames::default(), Vec::new(), stream.as_slice());
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                cutter.push(piece);
                while let Some(frame) = cutter.next_frame().unwrap() {
                    found.push(frame.to_vec());
                }
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, frames);
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_comes() {
        let mut frames = Frames::default();
        frames.push(&MAX_FRAME.to_le_bytes());
        assert_eq!(frames.next_frame(), Ok(None));
        let mut frames = Frames::default();
        frames.push(&(MAX_FRAME + 1).to_le_bytes()[..3]);
        assert_eq!(frames.next_frame(), Ok(None));
        frames.push(&(MAX_FRAME + 1).to_le_bytes()[3..]);
        assert_eq!(frames.next_frame(), Err(TooLong(MAX_FRAME + 1)));
    }
}
