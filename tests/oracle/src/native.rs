//! The host processor, reached through the native runner.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use iced_x86::Code;
#[cfg(target_arch = "x86_64")]
use iced_x86::CpuidFeature;

use crate::case::{Case, Malformed, Outcome, Reader};

/// Whether the host has what a form needs. Features that every x86-64 host has, or that the standard
/// library does not know of, count as there.
#[cfg(target_arch = "x86_64")]
pub fn host_has(code: Code) -> bool {
    use std::arch::is_x86_feature_detected as detected;
    code.cpuid_features().iter().all(|feature| match feature {
        CpuidFeature::SSE3 => detected!("sse3"),
        CpuidFeature::SSSE3 => detected!("ssse3"),
        CpuidFeature::SSE4_1 => detected!("sse4.1"),
        CpuidFeature::SSE4_2 => detected!("sse4.2"),
        CpuidFeature::AVX => detected!("avx"),
        CpuidFeature::AVX2 => detected!("avx2"),
        CpuidFeature::FMA => detected!("fma"),
        CpuidFeature::F16C => detected!("f16c"),
        CpuidFeature::BMI1 => detected!("bmi1"),
        CpuidFeature::BMI2 => detected!("bmi2"),
        CpuidFeature::LZCNT => detected!("lzcnt"),
        CpuidFeature::POPCNT => detected!("popcnt"),
        CpuidFeature::MOVBE => detected!("movbe"),
        CpuidFeature::ADX => detected!("adx"),
        CpuidFeature::AES => detected!("aes"),
        CpuidFeature::PCLMULQDQ => detected!("pclmulqdq"),
        CpuidFeature::VAES => detected!("vaes"),
        CpuidFeature::VPCLMULQDQ => detected!("vpclmulqdq"),
        CpuidFeature::SHA => detected!("sha"),
        CpuidFeature::CMPXCHG16B => detected!("cmpxchg16b"),
        CpuidFeature::XSAVE => detected!("xsave"),
        CpuidFeature::XSAVEOPT => detected!("xsaveopt"),
        CpuidFeature::XSAVEC => detected!("xsavec"),
        _ => true,
    })
}

/// Whether the host has what a form needs: it executes none.
#[cfg(not(target_arch = "x86_64"))]
pub fn host_has(_: Code) -> bool {
    false
}

/// The runner did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// It cannot be started or spoken to.
    #[error("native runner: {0}")]
    Io(#[from] std::io::Error),
    /// It said something else than was expected.
    #[error("native runner: {0}")]
    Protocol(#[from] Malformed),
    /// A case made it end.
    #[error("native runner died of the case {0:x?}")]
    Died(Box<Case>),
}

/// A running native runner.
pub struct Native {
    program: PathBuf,
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

fn start(program: &Path) -> Result<(Child, ChildStdin, ChildStdout), RunnerError> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let missing = || std::io::Error::other("no pipe");
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    Ok((child, input, output))
}

impl Native {
    /// Starts the runner.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn new(program: impl Into<PathBuf>) -> Result<Self, RunnerError> {
        let program = program.into();
        let (child, input, output) = start(&program)?;
        Ok(Self { program, child, input, output })
    }

    /// Runs all cases, in order.
    ///
    /// # Errors
    /// When the runner fails; a case that makes it end is named.
    pub fn run(&mut self, cases: &[Case]) -> Result<Vec<Outcome>, RunnerError> {
        match self.exchange(cases) {
            Err(RunnerError::Io(_)) => self.one_by_one(cases),
            other => other,
        }
    }

    /// After a failure: a new runner, and one case at a time, to find out which one it was.
    fn one_by_one(&mut self, cases: &[Case]) -> Result<Vec<Outcome>, RunnerError> {
        self.restart()?;
        let mut outcomes = Vec::new();
        for case in cases {
            match self.exchange(std::slice::from_ref(case)) {
                Ok(outcome) => outcomes.extend(outcome),
                Err(RunnerError::Io(_)) => {
                    self.restart()?;
                    return Err(RunnerError::Died(Box::new(case.clone())));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(outcomes)
    }

    fn restart(&mut self) -> Result<(), RunnerError> {
        // It is dead or about to die; what it leaves is collected here.
        let _ = self.child.kill();
        self.child.wait()?;
        (self.child, self.input, self.output) = start(&self.program)?;
        Ok(())
    }

    fn exchange(&mut self, cases: &[Case]) -> Result<Vec<Outcome>, RunnerError> {
        let mut message = vec![0; 8];
        for case in cases {
            case.put(&mut message);
        }
        let length = (message.len() - 8) as u64;
        message[..8].copy_from_slice(&length.to_le_bytes());
        self.input.write_all(&message)?;
        self.input.flush()?;
        let mut length = [0; 8];
        self.output.read_exact(&mut length)?;
        let mut reply = vec![0; u64::from_le_bytes(length) as usize];
        self.output.read_exact(&mut reply)?;
        let mut reader = Reader(&reply);
        let mut outcomes = Vec::with_capacity(cases.len());
        while !reader.is_empty() {
            outcomes.push(Outcome::get(&mut reader)?);
        }
        if outcomes.len() == cases.len() { Ok(outcomes) } else { Err(Malformed.into()) }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // The process ends with its input anyway; nothing depends on how.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
