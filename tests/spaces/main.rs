//! The rules of the data spaces, of breakpoints and of symbols, one table of each for all faces.
//!
//! `table.rs`, `breakpoints.rs` and `symbols.rs` have the rows: each is a rule, with the calls that show it and
//! what they answer. Every row runs against the Rust face, against the COM face through its
//! vtables, against the C face, and through `dbgeng.dll` under Wine; `layers.rs` and `wine.rs` have
//! these. For every call that failed, for every call that only reads, and for every call about a
//! breakpoint, the state hash shows that the machine is as it was.

/// Makes of each row a test for each layer.
macro_rules! rows {
    ($($(#[$what:meta])* $name:ident = $steps:expr;)*) => {
        rows! { #[cfg(test)] rust Rust, $($name = $steps;)* }
        rows! { #[cfg(test)] com Com, $($name = $steps;)* }
        rows! { #[cfg(test)] c C, $($name = $steps;)* }
        rows! {
            #[ignore = "apt-get install g++-mingw-w64-x86-64 make wine wine64; cargo test --test spaces -- --ignored"]
            wine Wine, $($name = $steps;)*
        }
    };
    (#[$mark:meta] $module:ident $layer:ident, $($name:ident = $steps:expr;)*) => {
        mod $module {
            use super::*;
            $(
                #[test]
                #[$mark]
                fn $name() {
                    run(&mut $layer::new(), $steps);
                }
            )*
        }
    };
}

mod breakpoints;
mod layers;
mod marshal;
#[path = "../support/served.rs"]
mod served;
mod stacks;
mod symbols;
mod table;
#[path = "../support/windows.rs"]
mod windows;
mod wine;

use ringhold::debugapi::HResult;
use ringhold::debugapi::command::{Command, Interface, Output};

use layers::Layer;

/// A call and what it must answer.
pub struct Step {
    /// The call.
    pub command: Command,
    /// Its result.
    pub hresult: HResult,
    /// The outputs; left out, those of a call that failed: zero and nothing.
    pub outputs: Option<Vec<Output>>,
    /// Whether the out-pointers, other than buffers, are null.
    pub nulled: bool,
    /// Whether a device may notice.
    pub device: bool,
    /// What is said, if that matters.
    pub says: Option<String>,
}

/// A call that answers this.
pub fn step(command: Command, hresult: HResult, outputs: impl Into<Vec<Output>>) -> Step {
    Step { command, hresult, outputs: Some(outputs.into()), nulled: false, device: false, says: None }
}

/// A call that fails.
pub fn fails(command: Command, hresult: HResult) -> Step {
    Step { command, hresult, outputs: None, nulled: false, device: false, says: None }
}

/// A call without pointers for counts and numbers.
pub fn nulled(command: Command, hresult: HResult) -> Step {
    Step { command, hresult, outputs: None, nulled: true, device: false, says: None }
}

/// A call that a device may notice.
pub fn device(step: Step) -> Step {
    Step { device: true, ..step }
}

/// A call that says this.
pub fn says(step: Step, text: &str) -> Step {
    Step { says: Some(text.into()), ..step }
}

/// Whether a call changes nothing by its nature.
fn only_reads(command: &Command) -> bool {
    let name = marshal::method(command).name;
    let reads = ["Read", "Search", "Query", "Get", "Check", "VirtualTo", "Evaluate", "Disassemble"];
    // A breakpoint is none of the guest's affair.
    let breakpoint = command.number().0 == Interface::Breakpoint || name.ends_with("Breakpoint");
    breakpoint || reads.iter().any(|start| name.starts_with(start))
}

/// Runs a row against a layer.
fn run(layer: &mut dyn Layer, steps: Vec<Step>) {
    for (number, step) in table::fixture().into_iter().chain(steps).enumerate() {
        let what = format!("step {number}: {:?}", step.command);
        let before = layer.state_hash();
        layer.said();
        if step.nulled {
            let Some(found) = layer.call_nulled(&step.command) else { continue };
            assert_eq!(found, step.hresult, "{what}");
        } else {
            let (found, images) = layer.call(&step.command);
            assert_eq!(found, step.hresult, "{what}");
            if let Some(text) = &step.says {
                assert_eq!(&layer.said(), text, "{what}");
            }
            let outputs =
                step.outputs.unwrap_or_else(|| marshal::method(&step.command).failed(found).outputs);
            let wanted = marshal::images(&step.command, &outputs);
            for (at, (found, wanted)) in images.iter().zip(&wanted).enumerate() {
                let differs = found.iter().zip(wanted).position(|(a, b)| a != b);
                assert!(
                    found == wanted,
                    "{what}: output {at} is {:02x?}, not {:02x?}; first difference at {differs:?}",
                    &found[..found.len().min(64)],
                    &wanted[..wanted.len().min(64)],
                );
            }
        }
        let inert = only_reads(&step.command) || !step.hresult.is_success();
        if inert && !step.device && before.is_some() {
            assert_eq!(layer.state_hash(), before, "{what} has changed the machine");
        }
    }
}
