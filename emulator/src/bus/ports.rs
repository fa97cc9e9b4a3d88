//! The I/O port space: which device decodes which port.

use super::{DeviceId, PortRange, Width};

#[derive(Clone, Debug)]
struct Claim {
    first: u16,
    last: u16,
    widest: Width,
    device: DeviceId,
}

/// The decoded port ranges, sorted, without overlap.
#[derive(Clone, Debug)]
pub struct PortMap {
    claims: Vec<Claim>,
    /// For each port, one more than its claim's place; zero if nobody decodes it.
    owner: Vec<u16>,
}

impl Default for PortMap {
    fn default() -> Self {
        Self { claims: Vec::new(), owner: vec![0; 0x1_0000] }
    }
}

/// Two devices want the same port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ports {first:#06x}-{last:#06x} overlap with those of another device")]
pub struct PortConflict {
    /// First port of the refused range.
    pub first: u16,
    /// Last port of the refused range.
    pub last: u16,
    /// Who has them.
    pub owner: DeviceId,
}

impl PortMap {
    /// Lets `device` decode `range`.
    ///
    /// # Errors
    /// If another range covers one of its ports, or the range is empty or runs over 0xffff.
    pub fn claim(&mut self, device: DeviceId, range: &PortRange) -> Result<(), PortConflict> {
        let last = range.first.saturating_add(range.count.max(1) - 1);
        let at = self.claims.partition_point(|claim| claim.last < range.first);
        if let Some(other) = self.claims.get(at).filter(|claim| claim.first <= last) {
            return Err(PortConflict { first: range.first, last, owner: other.device });
        }
        self.claims.insert(at, Claim { first: range.first, last, widest: range.widest, device });
        self.index();
        Ok(())
    }

    /// Forgets the range of `device` that begins at `first`, as when a BAR moves.
    pub fn release(&mut self, device: DeviceId, first: u16) {
        self.claims.retain(|claim| (claim.device, claim.first) != (device, first));
        self.index();
    }

    fn index(&mut self) {
        self.owner.fill(0);
        for (place, claim) in self.claims.iter().enumerate() {
            self.owner[usize::from(claim.first)..=usize::from(claim.last)].fill(place as u16 + 1);
        }
    }

    /// Who decodes `port`, and the widest access it takes whole there.
    #[inline]
    pub fn find(&self, port: u16) -> Option<(DeviceId, Width)> {
        let place = self.owner[usize::from(port)].checked_sub(1)?;
        let claim = self.claims.get(usize::from(place))?;
        let room = usize::from(claim.last - port) + 1;
        let widest = match room {
            1 => Width::Byte,
            2 | 3 => Width::Word.min(claim.widest),
            _ => claim.widest,
        };
        Some((claim.device, widest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(first: u16, count: u16, widest: Width) -> PortRange {
        PortRange { first, count, widest }
    }

    #[test]
    fn a_wide_access_never_leaves_its_range() {
        let mut map = PortMap::default();
        map.claim(DeviceId(1), &range(0x3f8, 8, Width::Byte)).unwrap();
        map.claim(DeviceId(2), &range(0xcf8, 8, Width::Dword)).unwrap();
        assert_eq!(map.find(0x3f8), Some((DeviceId(1), Width::Byte)));
        assert_eq!(map.find(0xcfe), Some((DeviceId(2), Width::Word)));
        assert_eq!(map.find(0xcff), Some((DeviceId(2), Width::Byte)));
        assert_eq!(map.find(0xd00), None);
        assert!(map.claim(DeviceId(3), &range(0xcff, 2, Width::Byte)).is_err());
        map.release(DeviceId(2), 0xcf8);
        assert_eq!(map.find(0xcf8), None);
    }

    proptest! {
        #[test]
        fn finds_what_a_linear_search_finds(
            ranges in prop::collection::vec((0u16..400, 1u16..40), 0..20),
            port in 0u16..500,
        ) {
            let mut map = PortMap::default();
            let mut accepted: Vec<(u16, u16, u16)> = Vec::new();
            for (id, (first, count)) in ranges.into_iter().enumerate() {
                let last = first + count - 1;
                let free = accepted.iter().all(|&(f, l, _)| last < f || l < first);
                let claimed = map.claim(DeviceId(id as u16), &range(first, count, Width::Dword)).is_ok();
                prop_assert_eq!(claimed, free);
                if free {
                    accepted.push((first, last, id as u16));
                }
            }
            let naive = accepted.iter().find(|&&(f, l, _)| (f..=l).contains(&port)).map(|a| a.2);
            prop_assert_eq!(map.find(port).map(|found| found.0.0), naive);
        }
    }
}
