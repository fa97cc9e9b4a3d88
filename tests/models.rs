//! The page on processor models is written from their data.

use std::fmt::Write;
use std::path::Path;

use ringhold::config::{DEFAULT_MODEL, ModelFile, model_names};
use ringhold_emulator::model::{Feature, Features, Register, TABLE};

fn names(features: &Features) -> String {
    let names: Vec<_> = features.iter().map(|feature| format!("`{}`", feature.name())).collect();
    if names.is_empty() { "nothing".into() } else { names.join(" ") }
}

/// The page as the data have it.
fn page() -> String {
    let mut out = String::from(
        "# Processor models\n\n\
         Written from `src/config/models/` and the table in `emulator/src/model/feature.rs`:\n\
         `RINGHOLD_WRITE=1 cargo test --test models`.\n\n\
         A config names its processor by `cpu: (model: \"haswell\")`, and switches single features by\n\
         `features: {\"rdrand\": false, \"sha\": true}`; what does not fit together is refused. A model\n\
         offers nothing that Ringhold has not: what the real processor has beyond that is listed with\n\
         it. `ringhold config show` tells what a machine's processor has.\n\n\
         CPUID is answered from the model's data: vendor, family, model and stepping, brand, caches\n\
         (leaf 4, 0x80000005, 0x80000006, 0x8000001D), topology (leaf 0xB: one processor), features,\n\
         state components (leaf 0xD), clocks (leaf 0x15 and 0x16, where the processor has them; they\n\
         tell of `cpu.tsc_hz` and the local APIC's `timer_hz`). Beyond its highest leaf an Intel\n\
         processor answers with its highest basic one, an AMD processor with zeros. `apic` is there if\n\
         the machine has a `lapic`; `x2apic`, `tsc_deadline` and `arat` go with it.\n\n\
         Where processors of different vendors do different things with one instruction, a model does\n\
         what [the table](undefined.md) says: mostly one thing whatever its vendor, and its vendor's\n\
         where the table says so.\n",
    );
    for name in model_names() {
        let file = ModelFile::named(name).unwrap();
        let model = file.processor();
        let default = if name == DEFAULT_MODEL { " (default)" } else { "" };
        let _ = write!(
            out,
            "\n## `{name}`{default}\n\n{}: {}, family {}, model {}, stepping {}, \"{}\", {} bits of physical\naddress.\n",
            file.about,
            model.vendor,
            model.family,
            model.model,
            model.stepping,
            model.brand.trim(),
            model.physical_bits,
        );
        let caches: Vec<String> = model
            .caches
            .iter()
            .map(|cache| {
                format!("L{} {:?} {} KiB {} ways", cache.level, cache.kind, cache.size() >> 10, cache.ways)
            })
            .collect();
        if !caches.is_empty() {
            let _ = write!(out, "\nCaches: {}.\n", caches.join(", ").to_lowercase().replace("kib", "KiB"));
        }
        let _ = write!(out, "\nIt has {}.\n", names(&model.features));
        let left_out = file.left_out();
        if left_out != Features::NONE {
            let _ = write!(out, "\nThe real one has also {}.\n", names(&left_out));
        }
    }
    out += "\n## Features\n\n| feature | CPUID | needs | |\n|---|---|---|---|\n";
    for row in TABLE {
        let place = row.place;
        let register = match place.register {
            Register::Eax => "EAX",
            Register::Ebx => "EBX",
            Register::Ecx => "ECX",
            Register::Edx => "EDX",
        };
        let needs: Vec<_> = row.needs.iter().map(|needed: &Feature| needed.name()).collect();
        let built = if row.built { "" } else { "not implemented" };
        let _ = writeln!(
            out,
            "| `{}` | {:#x}.{} {register}[{}] | {} | {built} |",
            row.name,
            place.leaf,
            place.subleaf,
            place.bit,
            needs.join(" "),
        );
    }
    out
}

/// A knob's text. The environment reaches the tests only, not the machine.
#[allow(clippy::disallowed_methods)]
fn write_wanted() -> bool {
    std::env::var("RINGHOLD_WRITE").is_ok_and(|value| value == "1")
}

#[test]
fn the_page_on_models_is_what_the_data_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/models.md");
    let page = page();
    if write_wanted() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/src/models.md is old: RINGHOLD_WRITE=1 cargo test --test models");
}
