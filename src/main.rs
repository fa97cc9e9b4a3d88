//! The program: boots a machine from a config and connects it to the terminal.
#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the program meets the host: it measures real time and reads the terminal in a thread"
)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
