//! How device states become bytes: postcard of one struct per device.

use ringhold_emulator::bus::{AccessError, RestoreError, Width};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of `state`.
pub(crate) fn pack<T: Serialize>(state: &T) -> Vec<u8> {
    // Plain structs of known shape cannot fail to encode into a growing buffer.
    postcard::to_stdvec(state).unwrap_or_default()
}

/// The state in `bytes`, if they hold exactly one and `check` finds nothing wrong with it.
pub(crate) fn unpack<T: DeserializeOwned>(
    device: &str,
    bytes: &[u8],
    check: impl FnOnce(&T) -> Result<(), &'static str>,
) -> Result<T, RestoreError> {
    let refuse = |reason: String| RestoreError { device: device.into(), reason };
    let (state, rest) = postcard::take_from_bytes::<T>(bytes).map_err(|e| refuse(e.to_string()))?;
    if !rest.is_empty() {
        return Err(refuse(format!("{} bytes too many", rest.len())));
    }
    check(&state).map_err(|reason| refuse(reason.into()))?;
    Ok(state)
}

/// Most chips of the PC hang on an eight-bit bus.
pub(crate) fn byte_wide(width: Width) -> Result<(), AccessError> {
    if width == Width::Byte { Ok(()) } else { Err(AccessError::Width) }
}
