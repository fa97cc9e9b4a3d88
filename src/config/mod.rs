//! What a machine is made of, as data: RON files with every field optional and none unknown.

mod cpu;
mod device;
mod models;
mod set;
mod size;

pub use cpu::{CpuConfig, FeatureName, ModelName, Signature};
pub use device::DeviceConfig;
pub use models::{DEFAULT_MODEL, ModelFile, Names, model_names};
pub use set::SetError;
pub use size::{Size, SizeError};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringhold_emulator::model::CpuModel;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

/// The machine that `ringhold` runs without a config, by the name of its file.
pub const TEACHING: &str = include_str!("../../configs/teaching.ron");

/// How a config names the built-in teaching kernel.
pub const BUILTIN_KERNEL: &str = "builtin:teaching";

/// The least memory a machine can have.
const LEAST_MEMORY: u64 = 2 << 20;

/// A whole machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What it is called in messages and reports.
    pub name: String,
    /// RAM. Up to 3 GiB lie from address 0 on, the rest from 4 GiB on.
    pub memory: Size,
    /// The processor.
    pub cpu: CpuConfig,
    /// How instructions become time.
    pub clock: ClockConfig,
    /// Whether direct boots leave ACPI tables in memory. MP tables are there always.
    pub acpi: bool,
    /// The devices, in the order in which they are reset and hashed.
    pub devices: Vec<DeviceConfig>,
    /// What is started.
    pub boot: BootConfig,
    /// The serial line that the user talks through.
    pub serial: SerialConfig,
    /// Where the bytes of other devices go, by device name; what is not named here is dropped,
    /// but `debugcon` goes to standard error.
    pub outputs: BTreeMap<String, Sink>,
}

/// How instructions become time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockConfig {
    /// Virtual picoseconds that one instruction takes: 1000 makes a machine of 1000 MIPS.
    pub ps_per_instruction: u64,
}

/// What is started, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BootConfig {
    /// What the kernel image is.
    pub kind: BootKind,
    /// The kernel image: a path, from the config's directory on, or `builtin:teaching`.
    pub kernel: Option<PathBuf>,
    /// The initial RAM disk; PVH and Multiboot kernels get it as their first module.
    pub initrd: Option<PathBuf>,
    /// The command line.
    pub cmdline: String,
    /// Modules for PVH and Multiboot kernels.
    pub modules: Vec<ModuleConfig>,
    /// A ROM image, mapped to end at 4 GiB and started from the reset vector.
    pub firmware: Option<PathBuf>,
    /// How a flat image is placed and entered.
    pub flat: FlatConfig,
}

/// What a kernel image is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootKind {
    /// By content: bzImage, ELF with a PVH note, Multiboot, other ELF; nothing else.
    #[default]
    Auto,
    /// A bzImage, by the 32-bit Linux boot protocol.
    Linux,
    /// An ELF image with a PVH entry note.
    Pvh,
    /// An image with a Multiboot 1 header.
    Multiboot,
    /// A plain ELF image; `boot/elf.rs` says in which state it is entered.
    Elf,
    /// Bytes without a format, placed and entered as `flat` says.
    Flat,
}

/// A module for PVH and Multiboot kernels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModuleConfig {
    /// The file, from the config's directory on.
    pub file: PathBuf,
    /// Its command line; the file's name if empty.
    pub cmdline: String,
}

/// How a flat image is placed and entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlatConfig {
    /// Physical address of its first byte.
    pub load: u64,
    /// Physical address of its first instruction.
    pub entry: u64,
    /// In which mode it is entered.
    pub mode: FlatMode,
}

/// In which mode a flat image is entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlatMode {
    /// Real mode, as a boot sector: DL = 0x80, SS:SP = 0:0x7c00.
    #[default]
    Real16,
    /// Flat 32-bit protected mode, no paging.
    Protected32,
    /// Long mode, the first 4 GiB mapped to themselves.
    Long64,
}

/// The serial line that the user talks through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SerialConfig {
    /// The name of the device.
    pub device: String,
    /// Where it goes. `stdio` also feeds it from standard input.
    pub to: Sink,
    /// A byte that follows standard input when that is no terminal.
    pub end_of_input: Option<u8>,
}

/// Where the bytes of a device go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// Standard output (for `serial`: and from standard input).
    Stdio,
    /// Standard error.
    Stderr,
    /// A file, made anew.
    File(PathBuf),
    /// Nowhere.
    Null,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "machine".into(),
            memory: Size::mib(64),
            cpu: CpuConfig::default(),
            clock: ClockConfig::default(),
            acpi: true,
            devices: Vec::new(),
            boot: BootConfig::default(),
            serial: SerialConfig::default(),
            outputs: BTreeMap::new(),
        }
    }
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { ps_per_instruction: 1000 }
    }
}

impl Default for FlatConfig {
    fn default() -> Self {
        Self { load: 0x7c00, entry: 0x7c00, mode: FlatMode::Real16 }
    }
}

impl Default for SerialConfig {
    fn default() -> Self {
        Self { device: "com1".into(), to: Sink::Stdio, end_of_input: None }
    }
}

/// A config is not right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the host said.
        source: std::io::Error,
    },
    /// The text is no config.
    #[error("{file}:{line}:{column}: {field}{reason}")]
    Parse {
        /// The file, or what stands for it.
        file: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The path of the field with `: `, or nothing.
        field: String,
        /// What was found, and what is allowed.
        reason: String,
    },
    /// A value cannot be.
    #[error("{file}: {field}: {reason}")]
    Value {
        /// The file, or what stands for it.
        file: String,
        /// The path of the field.
        field: String,
        /// What was found, and what is allowed.
        reason: String,
    },
    /// An override does not fit.
    #[error(transparent)]
    Set(#[from] SetError),
}

impl ConfigError {
    /// With line and column, if it is about a feature that `text` names.
    fn placed(self, text: &str) -> Self {
        let Self::Value { file, field, reason } = self else { return self };
        let place = field.strip_prefix("cpu.features.").and_then(|name| {
            let quoted = format!("\"{name}\"");
            let lines = text.lines().enumerate();
            lines.map(|(at, line)| (at, line.split("//").next().unwrap_or(""))).find_map(|(at, line)| {
                let column = line.find(&quoted)?;
                Some((at + 1, line[..column].chars().count() + 1))
            })
        });
        match place {
            Some((line, column)) => Self::Parse { file, line, column, field: format!("{field}: "), reason },
            None => Self::Value { file, field, reason },
        }
    }
}

/// RON as configs are written: variants without double parentheses, `Some` left out.
fn ron_options() -> ron::Options {
    ron::Options::default()
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES)
        .with_default_extension(Extensions::IMPLICIT_SOME)
}

impl Config {
    /// Reads a config from a file and checks it.
    ///
    /// # Errors
    /// When the file cannot be read or says something that cannot be.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { file: file.clone(), source })?;
        Self::from_ron(&text, &file)
    }

    /// Reads a config from a text and checks it; `file` stands for it in errors.
    ///
    /// # Errors
    /// When the text says something that cannot be.
    pub fn from_ron(text: &str, file: &str) -> Result<Self, ConfigError> {
        let config = Self::parse(text, file)?;
        config.check(file).map_err(|error| error.placed(text))?;
        Ok(config)
    }

    fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let refuse = |error: ron::error::SpannedError, field: String| ConfigError::Parse {
            file: file.into(),
            line: error.span.start.line,
            column: error.span.start.col,
            field: if field.is_empty() || field == "." { String::new() } else { format!("{field}: ") },
            reason: error.code.to_string(),
        };
        let options = ron_options();
        let mut reader = ron::de::Deserializer::from_str_with_options(text, &options)
            .map_err(|error| refuse(error, String::new()))?;
        let parsed: Result<Self, _> = serde_path_to_error::deserialize(&mut reader);
        let config = parsed.map_err(|error| {
            let field = error.path().to_string();
            refuse(reader.span_error(error.into_inner()), field)
        })?;
        reader.end().map_err(|error| refuse(reader.span_error(error), String::new()))?;
        Ok(config)
    }

    /// The config as RON, with every field there is. It reads back to the same config.
    pub fn to_ron(&self) -> String {
        let pretty = PrettyConfig::new()
            .indentor("    ")
            .extensions(Extensions::empty())
            .enumerate_arrays(false)
            .new_line("\n");
        // Plain data of strings, numbers, lists and maps always has a RON form.
        let text = ron_options().to_string_pretty(self, pretty).unwrap_or_default();
        let mut text: String = text.lines().map(|line| addresses_in_hex(line) + "\n").collect();
        text.truncate(text.trim_end().len());
        text + "\n"
    }

    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn check(&self, file: &str) -> Result<(), ConfigError> {
        let wrong = |field: &str, reason: String| {
            Err(ConfigError::Value { file: file.into(), field: field.into(), reason })
        };
        let memory = self.memory;
        if memory.0 < LEAST_MEMORY || !memory.0.is_multiple_of(4096) {
            let least = Size(LEAST_MEMORY);
            return wrong("memory", format!("found {memory}; allowed are multiples of 4KiB from {least} on"));
        }
        let processor = match self.processor() {
            Ok(processor) => processor,
            Err(found) => return wrong(&found.field, found.reason),
        };
        if crate::boot::Layout::new(memory.0).top() > 1 << processor.physical_bits {
            let bits = processor.physical_bits;
            return wrong(
                "memory",
                format!("{memory} do not fit into the {bits} address bits of the processor"),
            );
        }
        if !(1..=1_000_000_000).contains(&self.clock.ps_per_instruction) {
            let found = self.clock.ps_per_instruction;
            return wrong("clock.ps_per_instruction", format!("found {found}; allowed are 1 to 1000000000"));
        }
        if self.boot.kernel.is_some() && self.boot.firmware.is_some() {
            return wrong("boot", "there is a kernel and a firmware; only one can be started".into());
        }
        Ok(())
    }

    /// The processor.
    ///
    /// # Errors
    /// The first thing about it that cannot be.
    pub fn cpu_model(&self, file: &str) -> Result<CpuModel, ConfigError> {
        self.processor().map_err(|found| ConfigError::Value {
            file: file.into(),
            field: found.field,
            reason: found.reason,
        })
    }

    fn processor(&self) -> Result<CpuModel, cpu::Wrong> {
        self.cpu.processor(self.devices.iter().find_map(DeviceConfig::apic_timer_hz))
    }

    /// Makes relative paths of images start at `directory`.
    pub fn resolve(&mut self, directory: &Path) {
        let boot = &mut self.boot;
        let images = [&mut boot.kernel, &mut boot.initrd, &mut boot.firmware].into_iter().flatten();
        for path in images.chain(boot.modules.iter_mut().map(|module| &mut module.file)) {
            if !path.as_os_str().is_empty() && path.as_path() != Path::new(BUILTIN_KERNEL) {
                *path = directory.join(&*path);
            }
        }
    }
}

/// Ports and addresses are read in hexadecimal by those who know them.
fn addresses_in_hex(line: &str) -> String {
    const ADDRESSES: [&str; 7] = ["port", "base", "load", "entry", "address", "control", "command"];
    let Some((key, value)) = line.split_once(": ") else { return line.into() };
    let number = value.trim_end_matches(',').parse::<u64>();
    match number {
        Ok(number) if number > 9 && ADDRESSES.contains(&key.trim()) => {
            let comma = if value.ends_with(',') { "," } else { "" };
            format!("{key}: {number:#x}{comma}")
        }
        _ => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use ringhold_emulator::model::Feature;

    use super::*;

    fn error(text: &str) -> String {
        Config::from_ron(text, "test.ron").unwrap_err().to_string()
    }

    #[test]
    fn an_empty_config_is_all_defaults() {
        assert_eq!(Config::from_ron("()", "test.ron").unwrap(), Config::default());
    }

    #[test]
    fn processors_are_named_and_changed() {
        let config = Config::from_ron(
            "(cpu: (model: \"haswell\", features: {\"rdrand\": false, \"sha\": true}, seed: 7), devices: [lapic()])",
            "test.ron",
        )
        .unwrap();
        let model = config.cpu_model("test.ron").unwrap();
        assert_eq!((model.vendor.as_str(), model.family, model.model), ("GenuineIntel", 6, 60));
        assert!(model.has(Feature::Sha) && !model.has(Feature::Rdrand) && model.has(Feature::Bmi2));
        assert!(model.has(Feature::Apic) && model.has(Feature::X2apic));
        assert_eq!((model.physical_bits, model.seed), (39, 7));
        // Without a local APIC nothing of it is there.
        let config = Config::from_ron("(cpu: (model: \"haswell\"))", "test.ron").unwrap();
        let model = config.cpu_model("test.ron").unwrap();
        assert!(!model.has(Feature::Apic) && !model.has(Feature::X2apic) && !model.has(Feature::TscDeadline));
    }

    #[test]
    fn processors_that_cannot_be_are_refused() {
        let check = |text: &str, parts: &[&str]| {
            let error = error(text);
            for part in parts {
                assert!(error.contains(part), "{error} lacks {part}");
            }
        };
        check("(cpu: (model: \"i486\"))", &["test.ron:1:", "i486", "haswell", "x86-64-v3"]);
        check("(cpu: (features: {\n\"sse9\": true}))", &["test.ron:2:", "sse9", "sse4_1"]);
        check("(cpu: (features: {\n\"avx512f\": true}))", &["test.ron:2:", "avx512f is not implemented"]);
        check(
            "(cpu: (features: {\n  \"avx2\": true}))",
            &["test.ron:2:3", "cpu.features.avx2", "needs avx", "x86-64-v1 has not"],
        );
        check(
            "(cpu: (model: \"x86-64-v3\", features: {\"sse4_2\": false}))",
            &["test.ron:1:", "cpu.features.sse4_2", "avx needs it"],
        );
        // What is switched on without what it rests on.
        for feature in
            ["avx", "fma", "f16c", "sse4_2", "ssse3", "vaes", "vpclmulqdq", "invpcid", "xsavec", "xsaves"]
        {
            let text = format!("(cpu: (features: {{\n\"{feature}\": true}}))");
            check(
                &text,
                &["test.ron:2:1", &format!("cpu.features.{feature}"), "it needs ", "x86-64-v1 has not"],
            );
        }
        // What is switched off from under another.
        for (model, feature, above) in [
            ("x86-64-v3", "xsave", "avx"),
            ("x86-64-v3", "avx", "fma"),
            ("x86-64-v3", "sse2", "sse3"),
            ("x86-64-v2", "ssse3", "sse4_1"),
            ("haswell", "lm", "pcid"),
            ("haswell", "pcid", "invpcid"),
            ("skylake-server", "xsavec", "xsaves"),
            ("x86-64-v1", "fpu", "mmx"),
            ("x86-64-v1", "syscall", "lm"),
            ("x86-64-v1", "pae", "nx"),
        ] {
            let text = format!("(cpu: (model: \"{model}\", features: {{\n\"{feature}\": false}}))");
            check(&text, &["test.ron:2:1", &format!("cpu.features.{feature}"), &format!("{above} needs it")]);
        }
        check("(cpu: (features: {\"x2apic\": true}))", &["x2apic", "lapic"]);
        check("(cpu: (features: {\"apic\": true}))", &["lapic"]);
        check("(cpu: (physical_bits: 35))", &["cpu.physical_bits", "35"]);
        check("(cpu: (vendor: \"me\"))", &["cpu.vendor", "12 letters"]);
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in
            [TEACHING, "()", "(boot: (kernel: \"k\", cmdline: \"a \\\"b\\\"\"), serial: (to: file(\"x\")))"]
        {
            let config = Config::from_ron(text, "test.ron").unwrap();
            let shown = config.to_ron();
            assert_eq!(Config::from_ron(&shown, "shown").unwrap(), config, "{shown}");
        }
    }

    #[test]
    fn errors_name_place_field_found_and_allowed() {
        let text = error("(\n    memory: \"64MiB\",\n    cpuu: (),\n)");
        for part in ["test.ron:3:", "cpuu", "devices"] {
            assert!(text.contains(part), "{text}");
        }
        let text = error("(cpu: (tsc_hz: \"fast\"))");
        for part in ["test.ron:1:", "cpu.tsc_hz"] {
            assert!(text.contains(part), "{text}");
        }
        let text = error("(devices: [pic(), floppy()])");
        for part in ["test.ron:1:", "devices[1]", "floppy", "debug_exit"] {
            assert!(text.contains(part), "{text}");
        }
        let text = error("(devices: [pic(colour: 3)])");
        for part in ["test.ron:1:", "devices[0]", "colour", "name"] {
            assert!(text.contains(part), "{text}");
        }
        let text = error("(memory: \"64MB\")");
        for part in ["test.ron:1:", "memory", "64MB", "MiB"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(error("(memory: \"1MiB\")").contains("memory: found 1MiB"));
        assert!(error("(memory: \"512GiB\", cpu: (physical_bits: 36))").contains("36 address bits"));
    }
}
