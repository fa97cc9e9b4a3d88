//! The processor models that configs name: one RON file each in `models/`.

use ringhold_emulator::model::{Cache, CpuModel, Feature, Features, FixedLeaf, FixedMsr};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Their names and texts, in the order in which they are listed.
const FILES: [(&str, &str); 7] = [
    ("x86-64-v1", include_str!("models/x86-64-v1.ron")),
    ("x86-64-v2", include_str!("models/x86-64-v2.ron")),
    ("x86-64-v3", include_str!("models/x86-64-v3.ron")),
    ("nehalem", include_str!("models/nehalem.ron")),
    ("haswell", include_str!("models/haswell.ron")),
    ("skylake-server", include_str!("models/skylake-server.ron")),
    ("zen2", include_str!("models/zen2.ron")),
];

/// The model of a config that names none.
pub const DEFAULT_MODEL: &str = "x86-64-v1";

/// A processor as its file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Which processor it is.
    pub about: String,
    vendor: String,
    brand: String,
    family: u8,
    model: u8,
    stepping: u8,
    physical_bits: u8,
    highest_leaf: u32,
    highest_extended: u32,
    /// Whether leaf 0x15 tells of the APIC's clock.
    #[serde(default)]
    pub tells_clock: bool,
    /// What the real processor has; what of it is offered is [`Features::offered`].
    pub features: Names,
    #[serde(default)]
    caches: Vec<Cache>,
    #[serde(default)]
    leaves: Vec<FixedLeaf>,
    #[serde(default)]
    msrs: Vec<FixedMsr>,
}

/// Features, by a text of their names with spaces between.
#[derive(Clone, Debug)]
pub struct Names(pub Features);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let named = |name: &str| Feature::named(name).ok_or(name.to_string());
        let features: Result<Features, String> = text.split_whitespace().map(named).collect();
        features.map(Names).map_err(|name| D::Error::custom(format!("no feature is called {name:?}")))
    }
}

/// The names of all models.
pub fn model_names() -> impl Iterator<Item = &'static str> {
    FILES.into_iter().map(|(name, _)| name)
}

impl ModelFile {
    /// The model of this name.
    ///
    /// # Errors
    /// That there is none, and which there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let Some((_, text)) = FILES.into_iter().find(|(other, _)| *other == name) else {
            let known: Vec<_> = model_names().collect();
            return Err(format!("there is no processor model {name:?}; there are {}", known.join(", ")));
        };
        ron::from_str(text).map_err(|error| format!("the model {name}: {error}"))
    }

    /// The processor, with what of its features Ringhold has.
    pub fn processor(&self) -> CpuModel {
        CpuModel {
            vendor: self.vendor.clone(),
            brand: self.brand.clone(),
            family: self.family,
            model: self.model,
            stepping: self.stepping,
            physical_bits: self.physical_bits,
            highest_leaf: self.highest_leaf,
            highest_extended: self.highest_extended,
            caches: self.caches.clone(),
            leaves: self.leaves.clone(),
            msrs: self.msrs.clone(),
            features: self.features.0.offered(),
            ..CpuModel::default()
        }
    }

    /// What the real processor has and this one has not.
    pub fn left_out(&self) -> Features {
        let offered = self.features.0.offered();
        self.features.0.iter().filter(|feature| !offered.has(*feature)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_read_and_is_consistent() {
        for name in model_names() {
            let file = ModelFile::named(name).unwrap();
            assert_eq!(file.features.0.unmet(), None, "{name}");
            let processor = file.processor();
            assert_eq!(processor.features.unmet(), None, "{name}");
            assert_eq!(processor.vendor.len(), 12, "{name}");
            assert!(processor.brand.len() <= 48, "{name}");
        }
    }

    #[test]
    fn the_default_is_the_emulators() {
        assert_eq!(ModelFile::named(DEFAULT_MODEL).unwrap().processor(), CpuModel::default());
    }

    #[test]
    fn each_level_of_the_psabi_has_the_one_below() {
        let features = |name| ModelFile::named(name).unwrap().features.0;
        let levels = ["x86-64-v1", "x86-64-v2", "x86-64-v3"].map(features);
        for pair in levels.windows(2) {
            assert!(pair[0].iter().all(|feature| pair[1].has(feature)) && pair[0] != pair[1]);
        }
        // A level with something left out would be none.
        for name in ["x86-64-v1", "x86-64-v2", "x86-64-v3"] {
            assert_eq!(ModelFile::named(name).unwrap().left_out(), Features::NONE, "{name}");
        }
    }
}
