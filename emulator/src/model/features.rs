//! Sets of features.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::feature::{Feature, TABLE};

const WORDS: usize = TABLE.len().div_ceil(64);

/// A set of features. Its serialized form is the list of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features([u64; WORDS]);

impl Features {
    /// No feature.
    pub const NONE: Self = Self([0; WORDS]);

    /// Every feature that Ringhold has.
    pub fn built() -> Self {
        Feature::all().filter(|feature| feature.built()).collect()
    }

    /// Whether `feature` is in the set.
    #[inline(always)]
    pub const fn has(&self, feature: Feature) -> bool {
        self.0[feature as usize / 64] >> (feature as usize % 64) & 1 != 0
    }

    /// Puts `feature` in or takes it out.
    pub fn set(&mut self, feature: Feature, on: bool) {
        let bit = 1 << (feature as usize % 64);
        let word = &mut self.0[feature as usize / 64];
        *word = if on { *word | bit } else { *word & !bit };
    }

    /// The features of the set, in the order of [`TABLE`].
    pub fn iter(&self) -> impl Iterator<Item = Feature> + '_ {
        Feature::all().filter(|feature| self.has(*feature))
    }

    /// A feature of the set, and one that it needs and that is not in the set.
    pub fn unmet(&self) -> Option<(Feature, Feature)> {
        self.iter().find_map(|feature| {
            let missing = feature.needs().iter().copied().find(|needed| !self.has(*needed))?;
            Some((feature, missing))
        })
    }

    /// What of the set Ringhold has, less what needs something that it has not.
    pub fn offered(&self) -> Self {
        let mut offered: Self = self.iter().filter(|feature| feature.built()).collect();
        while let Some((feature, _)) = offered.unmet() {
            offered.set(feature, false);
        }
        offered
    }

    /// What CPUID has in EAX, EBX, ECX and EDX of this leaf for the features of the set.
    pub fn bits(&self, leaf: u32, subleaf: u32) -> [u32; 4] {
        let mut registers = [0; 4];
        for row in TABLE.iter().filter(|row| row.place.leaf == leaf && row.place.subleaf == subleaf) {
            registers[row.place.register as usize] |= u32::from(self.has(row.feature)) << row.place.bit;
        }
        registers
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        let mut set = Self::NONE;
        for feature in features {
            set.set(feature, true);
        }
        set
    }
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Features {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Vec::<Feature>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut set = Features::NONE;
        for feature in Feature::all() {
            assert!(!set.has(feature));
            set.set(feature, true);
            assert!(set.has(feature));
        }
        assert_eq!(set.iter().count(), TABLE.len());
        set.set(Feature::Sse2, false);
        assert!(!set.has(Feature::Sse2) && set.has(Feature::Sse));
    }

    #[test]
    fn what_is_needed_is_named() {
        let set: Features = [Feature::Fpu, Feature::Mmx, Feature::Sse2].into_iter().collect();
        assert_eq!(set.unmet(), Some((Feature::Sse2, Feature::Sse)));
        assert_eq!(set.offered().iter().collect::<Vec<_>>(), [Feature::Fpu, Feature::Mmx]);
        assert_eq!(Features::built().unmet(), None);
    }
}
