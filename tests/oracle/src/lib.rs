//! The host oracle: what the interpreter does, compared with what the host processor does.
//!
//! A child process, `native-runner`, executes short pieces of machine code for real and reports
//! every register, the changed memory and the exception that ended them ([`native`]). The same
//! piece runs in a machine whose page tables map the same addresses ([`emulated`]), and
//! [`compare`] tells the differences. [`forms`] goes through every instruction form that is known
//! and says what becomes of it; [`generate`] makes the cases.
//!
//! [`sequence`] makes programs of many instructions; [`captured`] keeps cases as text, for hosts that
//! cannot execute them; [`table`] makes the page that says what is proved of which form.
//!
//! Everything is derived from a seed. `ORACLE_SEED` and `ORACLE_CASES` change the seed and the
//! number of cases a form, `ORACLE_FORM` takes forms whose name begins so, `ORACLE_INSTRUCTIONS` changes the
//! length of programs together and `ORACLE_ENCODINGS` the number of odd encodings a form. With
//! `RINGHOLD_WRITE=1` the test `captured` writes its files anew, with `ORACLE_FILE` only one of them.

pub mod captured;
pub mod case;
pub mod compare;
pub mod emulated;
pub mod forms;
pub mod generate;
pub mod layout;
pub mod native;
pub mod sequence;
pub mod table;
pub mod values;

/// The value of a knob, an environment variable. It reaches the tests only, not the machine.
///
/// # Panics
/// When it is no number.
#[allow(clippy::disallowed_methods, reason = "knobs of tests")]
pub fn knob(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")),
        Err(_) => default,
    }
}
