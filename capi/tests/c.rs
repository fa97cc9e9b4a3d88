//! The header is what the sources say, and a C program gets along with it.

use std::path::{Path, PathBuf};
use std::process::Command;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "no machine runs here; the environment asks for the file")]
fn the_header_is_made_from_the_sources() {
    let config = cbindgen::Config::from_file(here("cbindgen.toml")).unwrap();
    // The modules are found from there.
    let builder = cbindgen::Builder::new().with_config(config).with_src(here("src/lib.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let path = here("include/ringhold.h");
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let hint = "write it anew by: RINGHOLD_WRITE=1 cargo test -p ringhold-capi header";
    assert!(std::fs::read(&path).is_ok_and(|text| text == made), "{hint}");
}

/// A file that cargo made beside this test. A static library has a hash in its name.
fn library(end: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let directory = program.parent().unwrap();
    let mut found: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libringhold_capi") && name.ends_with(end)
        })
        .collect();
    found.sort_by_key(|path| std::fs::metadata(path).and_then(|data| data.modified()).unwrap());
    found.pop().unwrap_or_else(|| panic!("no {end} in {}", directory.display()))
}

/// Compiles the example against a library and runs it.
fn runs(library: &Path, name: &str) {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(here("include"))
        .arg(here("examples/poke.c"))
        .arg("-o")
        .arg(&program)
        .arg(library)
        // Built with the whole workspace, the library has the COM face in it, which a C program does
        // not use and which names functions that only Windows has.
        .args(["-Wl,--gc-sections", "-lpthread", "-ldl", "-lm"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).env("LD_LIBRARY_PATH", library.parent().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("a window of 1048576 bytes"), "{said}");
}

#[test]
fn the_example_runs_with_the_static_library() {
    runs(&library(".a"), "poke-static");
}

#[test]
fn the_example_runs_with_the_shared_library() {
    runs(&library(".so"), "poke-shared");
}

/// A C++ program can use the header as well.
#[test]
fn the_header_is_c_plus_plus_too() {
    let output = Command::new("cc")
        .args(["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
        .arg(here("include/ringhold.h"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    // Not every host has the C++ half of the compiler.
    assert!(output.status.success() || errors.contains("cc1plus"), "{errors}");
}
