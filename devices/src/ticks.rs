//! Nanoseconds and ticks of a fixed frequency, without drift or overflow.

const NS_PER_SECOND: u128 = 1_000_000_000;

/// How many whole ticks of `hz` have passed after `ns` nanoseconds; saturates.
pub(crate) fn ticks_at(ns: u64, hz: u64) -> u64 {
    saturate(u128::from(ns) * u128::from(hz) / NS_PER_SECOND)
}

/// The first nanosecond at which [`ticks_at`] reaches `ticks`; saturates, as it does for 0 Hz.
pub(crate) fn ns_at(ticks: u128, hz: u64) -> u64 {
    if hz == 0 {
        return u64::MAX;
    }
    ticks.checked_mul(NS_PER_SECOND).map_or(u64::MAX, |product| saturate(product.div_ceil(u128::from(hz))))
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_nanosecond_of_a_tick_is_found(ticks in 1u64..1 << 40, hz in 1u64..10_000_000_000) {
            let ns = ns_at(u128::from(ticks), hz);
            prop_assert!(ns == u64::MAX || ticks_at(ns, hz) >= ticks);
            prop_assert!(ticks_at(ns - 1, hz) < ticks);
        }
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(ticks_at(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(ns_at(u128::MAX, 1), u64::MAX);
        assert_eq!(ns_at(5, 0), u64::MAX);
    }
}
