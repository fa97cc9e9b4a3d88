//! The page of instructions and the number in the README are what the tests prove.

#![allow(
    clippy::disallowed_methods,
    reason = "no machine's result depends on it; the environment asks for the files"
)]

use std::fs;
use std::path::Path;

use ringhold_oracle::table::page;

const HINT: &str = "RINGHOLD_WRITE=1 cargo test -p ringhold-oracle --test table";
/// What stands around the number in the README.
const BEFORE: &str = "<!-- exact forms -->";

#[test]
fn the_page_of_instructions_and_the_readme_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (made, counts) = page();
    let (path, readme) = (root.join("docs/src/instructions.md"), root.join("README.md"));
    let text = fs::read_to_string(&readme).expect("the README is there");
    let (head, tail) = text.split_once(BEFORE).expect("the README has a place for the number");
    let rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    let updated = format!("{head}{BEFORE}{}{rest}", counts.exact);
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        fs::write(&path, &made).expect("the page can be written");
        fs::write(&readme, &updated).expect("the README can be written");
        return;
    }
    assert!(text == updated, "the README has another number than {}: {HINT}", counts.exact);
    assert!(fs::read_to_string(&path).is_ok_and(|page| page == made), "write the page anew by: {HINT}");
}
