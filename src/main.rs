//! The `ringhold` program.
fn main() {}
