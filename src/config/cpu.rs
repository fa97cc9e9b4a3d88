//! The processor of a config: a model by its name, and what is different about it.

use std::collections::BTreeMap;

use ringhold_emulator::model::{CpuModel, Feature};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::models::{DEFAULT_MODEL, ModelFile};

/// The processor; see [`CpuModel`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CpuConfig {
    /// The model's name: see `docs/src/models.md`.
    pub model: ModelName,
    /// Features that the processor has although its model does not, or the other way round.
    pub features: BTreeMap<FeatureName, bool>,
    /// The twelve letters of CPUID leaf 0, if not the model's.
    pub vendor: Option<String>,
    /// At most 48 letters, if not the model's.
    pub brand: Option<String>,
    /// Family, model and stepping of CPUID leaf 1, if not the model's.
    pub signature: Option<Signature>,
    /// Width of physical addresses, 36 to 52, if not the model's.
    pub physical_bits: Option<u8>,
    /// TSC ticks in a virtual second.
    pub tsc_hz: u64,
    /// Where the numbers of RDRAND and RDSEED start.
    pub seed: u64,
}

/// What CPUID leaf 1 tells in EAX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Display family.
    pub family: u8,
    /// Display model.
    pub model: u8,
    /// 0 to 15.
    pub stepping: u8,
}

/// The name of a model that there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ModelName(String);

impl ModelName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ModelName {
    fn default() -> Self {
        Self(DEFAULT_MODEL.into())
    }
}

impl<'de> Deserialize<'de> for ModelName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        ModelFile::named(&name).map_err(D::Error::custom)?;
        Ok(Self(name))
    }
}

/// The name of a feature that Ringhold has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FeatureName(Feature);

impl<'de> Deserialize<'de> for FeatureName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let feature = Feature::deserialize(from)?;
        if !feature.built() {
            return Err(D::Error::custom(format!("{} is not implemented", feature.name())));
        }
        if feature == Feature::Apic {
            return Err(D::Error::custom("there is an APIC if `devices` has a `lapic`"));
        }
        Ok(Self(feature))
    }
}

impl Default for CpuConfig {
    fn default() -> Self {
        Self {
            model: ModelName::default(),
            features: BTreeMap::new(),
            vendor: None,
            brand: None,
            signature: None,
            physical_bits: None,
            tsc_hz: CpuModel::default().tsc_hz,
            seed: 0,
        }
    }
}

/// Something about the processor cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The path of the field.
    pub field: String,
    /// What was found, and what is allowed.
    pub reason: String,
}

fn wrong<T>(field: &str, reason: String) -> Result<T, Wrong> {
    Err(Wrong { field: format!("cpu.{field}"), reason })
}

impl CpuConfig {
    /// The processor. `apic_hz` is the clock of the board's local APIC, if it has one.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn processor(&self, apic_hz: Option<u64>) -> Result<CpuModel, Wrong> {
        let file = ModelFile::named(self.model.as_str()).or_else(|reason| wrong("model", reason))?;
        let mut processor = file.processor();
        if let Some(vendor) = &self.vendor {
            if vendor.len() != 12 {
                return wrong("vendor", format!("found {vendor:?}; 12 letters are needed"));
            }
            processor.vendor.clone_from(vendor);
        }
        if let Some(brand) = &self.brand {
            if brand.len() > 48 {
                return wrong("brand", format!("found {} letters; at most 48 fit", brand.len()));
            }
            processor.brand.clone_from(brand);
        }
        if let Some(Signature { family, model, stepping }) = self.signature {
            if stepping > 15 {
                return wrong("signature.stepping", format!("found {stepping}; allowed are 0 to 15"));
            }
            (processor.family, processor.model, processor.stepping) = (family, model, stepping);
        }
        if let Some(bits) = self.physical_bits {
            if !(36..=52).contains(&bits) {
                return wrong("physical_bits", format!("found {bits}; allowed are 36 to 52"));
            }
            processor.physical_bits = bits;
        }
        if self.tsc_hz == 0 {
            return wrong("tsc_hz", "found 0; the counter must run".into());
        }
        processor.tsc_hz = self.tsc_hz;
        processor.seed = self.seed;
        processor.apic_hz = apic_hz.filter(|_| file.tells_clock).unwrap_or(0);
        self.switch_features(&mut processor, apic_hz.is_some())?;
        Ok(processor)
    }

    fn switch_features(&self, processor: &mut CpuModel, apic: bool) -> Result<(), Wrong> {
        let features = &mut processor.features;
        features.set(Feature::Apic, apic);
        // What is part of the APIC goes with it.
        let orphans: Vec<Feature> =
            features.iter().filter(|feature| !apic && feature.needs().contains(&Feature::Apic)).collect();
        for feature in orphans {
            features.set(feature, false);
        }
        for (name, on) in &self.features {
            features.set(name.0, *on);
        }
        let Some((feature, needed)) = features.unmet() else {
            // Leaves that tell of features must be there to be asked.
            let highest =
                self.features.iter().filter(|(_, on)| **on).map(|(name, _)| name.0.row().place.leaf);
            for leaf in highest {
                let limit = match leaf {
                    0x8000_0000.. => &mut processor.highest_extended,
                    _ => &mut processor.highest_leaf,
                };
                *limit = leaf.max(*limit);
            }
            if processor.has(Feature::Xsave) {
                processor.highest_leaf = processor.highest_leaf.max(0xd);
            }
            return Ok(());
        };
        if needed == Feature::Apic {
            let reason = "it is part of a local APIC, and `devices` has no `lapic`";
            return wrong(&format!("features.{}", feature.name()), reason.into());
        }
        let model = self.model.as_str();
        let (feature, needed) = (feature.name(), needed.name());
        match self.features.get(&FeatureName(Feature::named(needed).unwrap_or(Feature::Fpu))) {
            Some(false) => wrong(
                &format!("features.{needed}"),
                format!("{feature} needs it: leave {needed} on, or switch {feature} off too"),
            ),
            _ => wrong(
                &format!("features.{feature}"),
                format!("it needs {needed}, which {model} has not: switch {needed} on too"),
            ),
        }
    }

    /// One line about the processor: its model, and which features differ.
    pub fn describe(&self, processor: &CpuModel) -> String {
        let mut line = format!("{}, {}", self.model.as_str(), processor.brand.trim());
        for (name, on) in &self.features {
            line += if *on { " +" } else { " -" };
            line += name.0.name();
        }
        line
    }
}
