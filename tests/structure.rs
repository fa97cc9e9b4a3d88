//! How the house is laid out: what the reader of the code may rely on, held by tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `cargo metadata` of this workspace.
fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The files below `directory` with one of these extensions, relative to the workspace.
fn files(directory: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![PathBuf::from(directory)];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(root().join(&directory)).unwrap() {
            let entry = entry.unwrap();
            let path = directory.join(entry.file_name());
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let outside = ["./target", "./guests"].iter().any(|name| path == Path::new(name));
            if entry.file_type().unwrap().is_dir() {
                if !hidden && !outside {
                    left.push(path);
                }
            } else if path.extension().is_some_and(|own| extensions.iter().any(|other| own == *other)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn dependencies_between_crates_run_one_way() {
    let allowed = BTreeMap::from([
        ("ringhold-emulator", vec![]),
        ("ringhold-devices", vec!["ringhold-emulator"]),
        ("ringhold-debugapi", vec!["ringhold-emulator"]),
        ("ringhold-guest", vec![]),
    ]);
    let metadata = metadata(&["--no-deps"]);
    for package in list(&metadata["packages"]) {
        let name = text(&package["name"]);
        for dependency in list(&package["dependencies"]).iter().filter(|one| one["path"].is_string()) {
            let on = text(&dependency["name"]);
            assert!(name == on || on != "ringhold" || !allowed.contains_key(name), "{name} depends on {on}");
            // What only tests use may come from anywhere but the root.
            if let Some(allowed) = allowed.get(name).filter(|_| dependency["kind"] != "dev") {
                assert!(allowed.contains(&on), "{name} depends on {on}");
            }
        }
    }
}

#[test]
fn crates_can_be_published() {
    let metadata = metadata(&["--no-deps"]);
    for package in list(&metadata["packages"]) {
        let name = text(&package["name"]);
        // An empty list of registries is `publish = false`.
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        for field in ["description", "repository", "readme", "rust_version"] {
            assert!(package[field].is_string(), "{name} has no {field}");
        }
        assert_eq!(package["license"], "MIT OR Apache-2.0", "{name}");
        let directory = Path::new(text(&package["manifest_path"])).parent().unwrap();
        for file in [text(&package["readme"]), "LICENSE-MIT", "LICENSE-APACHE"] {
            assert!(directory.join(file).is_file(), "{name} has no {file}");
        }
        for dependency in list(&package["dependencies"]).iter().filter(|one| one["path"].is_string()) {
            let versioned = dependency["req"] != "*" || dependency["kind"] == "dev";
            assert!(versioned, "{name}: {} has no version", dependency["name"]);
        }
    }
}

/// Wall clocks, the environment, threads and random hashers cannot reach the machine.
#[test]
fn the_machine_and_its_devices_deny_what_varies() {
    let bans = read("clippy.toml");
    for banned in ["Instant", "SystemTime", "HashMap", "HashSet", "thread::spawn", "env::var"] {
        assert!(bans.contains(&format!("::{banned}\"")), "clippy.toml does not ban {banned}");
    }
    for name in ["emulator", "devices"] {
        let deny = "#![deny(clippy::disallowed_types, clippy::disallowed_methods)]";
        assert!(read(format!("{name}/src/lib.rs")).contains(deny), "{name} lacks {deny}");
        for file in files(&format!("{name}/src"), &["rs"]) {
            let source = read(&file);
            assert!(!source.contains("allow(clippy::disallowed"), "{} lifts a ban", file.display());
        }
    }
}

/// Where unsafe code may stand: a file, or a directory with a `/` at its end.
const UNSAFE: [&str; 16] = [
    // The one mapping of guest memory, and the two places that use its host addresses.
    "emulator/src/memory/ram.rs",
    "emulator/src/mmu/access.rs",
    "emulator/src/exec/string.rs",
    // A handler's function item, named by its type alone.
    "emulator/src/decode/chain.rs",
    // The host's own instructions.
    "emulator/src/exec/sse/host.rs",
    // Runners of single instructions on the host, for comparison.
    "emulator/src/exec/sse/tests/native.rs",
    "emulator/src/exec/x87/tests/native.rs",
    "tests/oracle/src/bin/native_runner/",
    "tests/oracle/build.rs",
    // The edge to other languages: COM and C.
    "debugapi/src/edge.rs",
    "debugapi/src/bstr.rs",
    "debugapi/src/com/",
    "debugapi/tests/com.rs",
    "tests/spaces/layers.rs",
    "capi/src/",
    // A kernel of its own.
    "guest/kernel/",
];

/// The source without comments and string literals, roughly: enough to look for a keyword.
fn code(source: &str) -> String {
    let mut code = String::new();
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default();
        for (at, part) in line.split('"').enumerate() {
            if at % 2 == 0 {
                code.push_str(part);
            }
        }
        code.push('\n');
    }
    code
}

#[test]
fn unsafe_code_stands_where_it_is_allowed() {
    let holds_unsafe = |path: &Path| {
        code(&read(path)).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
    };
    let allows = |path: &Path, allowed: &str| {
        let path = path.to_string_lossy();
        if allowed.ends_with('/') { path.starts_with(allowed) } else { path == allowed }
    };
    for path in files(".", &["rs"]) {
        let path = path.strip_prefix(".").unwrap();
        let allowed = UNSAFE.iter().find(|allowed| allows(path, allowed));
        match allowed {
            None => assert!(!holds_unsafe(path), "unsafe code in {}", path.display()),
            Some(allowed) if !allowed.ends_with('/') => {
                assert!(holds_unsafe(path), "no unsafe code in {} any more", path.display());
            }
            Some(_) => {}
        }
    }
    let lints = read("Cargo.toml");
    for lint in ["undocumented_unsafe_blocks = \"deny\"", "unsafe_op_in_unsafe_fn = \"deny\""] {
        assert!(lints.contains(lint), "{lint} is missing");
    }
    for path in files(".", &["toml"]).iter().filter(|path| path.ends_with("Cargo.toml")) {
        assert!(read(path).contains("[lints]\nworkspace = true"), "{}", path.display());
    }
}

/// The targets of the links of a Markdown text that lead to files.
fn links(markdown: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        // What stands in backticks is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("_");
        for part in prose.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                links.push(file.into());
            }
        }
    }
    links
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
        plain
    })
}

#[test]
fn links_lead_somewhere_and_the_book_is_whole() {
    for page in files(".", &["md"]) {
        for link in links(&read(&page)) {
            let target = page.parent().unwrap().join(&link);
            assert!(root().join(&target).exists(), "{} links to {link}", page.display());
        }
    }
    let book = read("docs/book.toml");
    assert!(book.contains("src = \"src\""), "docs/book.toml");
    let summary = Path::new("docs/src/SUMMARY.md");
    let listed: BTreeSet<_> =
        links(&read(summary)).iter().map(|link| plain(&Path::new("docs/src").join(link))).collect();
    for page in files("docs/src", &["md"]).iter().filter(|page| *page != summary) {
        assert!(listed.contains(page), "{} is not in SUMMARY.md", page.display());
    }
}

/// What the book says about each device kind and each config is there.
#[test]
fn every_device_and_config_is_documented() {
    let devices = read("docs/src/devices/README.md");
    for (kind, _) in ringhold_devices::catalogue::all() {
        assert!(devices.contains(&format!("`{kind}`")), "docs/src/devices/README.md lacks `{kind}`");
    }
    let configs = read("docs/src/config.md");
    for path in files("configs", &["ron"]) {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(configs.contains(&format!("`{name}`")), "docs/src/config.md lacks `{name}`");
    }
}

/// `THIRD-PARTY.md`, made from what cargo knows.
fn third_party() -> String {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let members: BTreeSet<_> = list(&metadata["workspace_members"]).iter().map(text).collect();
    let nodes: BTreeMap<_, _> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    // What is linked into programs: normal dependencies of crates that are published.
    let mut linked = BTreeSet::new();
    let mut left: Vec<_> = list(&metadata["packages"])
        .iter()
        .filter(|package| members.contains(text(&package["id"])) && package["publish"].is_null())
        .map(|package| text(&package["id"]))
        .collect();
    while let Some(id) = left.pop() {
        for dependency in list(&nodes[id]["deps"]) {
            let normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let on = text(&dependency["pkg"]);
            if normal && !members.contains(on) && linked.insert(on) {
                left.push(on);
            }
        }
    }
    let mut tables = [String::new(), String::new()];
    let mut seen = BTreeSet::new();
    let mut packages: Vec<_> = list(&metadata["packages"]).iter().collect();
    packages.sort_by_key(|package| (text(&package["name"]), text(&package["id"])));
    for package in packages {
        let (id, name) = (text(&package["id"]), text(&package["name"]));
        if members.contains(id) {
            continue;
        }
        let licence = text(&package["license"]).replace('/', " OR ").replace("  ", " ");
        let used = !linked.contains(id);
        if seen.insert((name, used)) {
            tables[usize::from(used)] += &format!("| {name} | {licence} |\n");
        }
    }
    format!(
        "# Third-party licences\n\n\
         Made from `cargo metadata`; a test keeps it so.\n\n\
         ## In the program and the libraries\n\n\
         | crate | licence |\n|---|---|\n{}\n\
         ## In building and testing\n\n\
         | crate | licence |\n|---|---|\n{}",
        tables[0], tables[1]
    )
}

#[test]
#[allow(clippy::disallowed_methods, reason = "no machine runs here; the environment asks for the file")]
fn third_party_licences_are_listed() {
    let (made, path) = (third_party(), root().join("THIRD-PARTY.md"));
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let hint = "RINGHOLD_WRITE=1 cargo test --test structure third_party";
    assert!(fs::read_to_string(&path).is_ok_and(|text| text == made), "write it anew by: {hint}");
    for line in made.lines().filter(|line| line.starts_with("| ")) {
        assert!(!line.contains("GPL") || line.contains(" OR "), "{line}");
    }
}
