//! Executes cases on the host processor: reads batches from standard input, writes outcomes to
//! standard output. See `ringhold_oracle::native` for the other end.
//!
//! The code pages are filled with INT3, so that every case ends with a signal: a fault, or the
//! breakpoint behind the code or at the target of a branch. The signal handler finds all
//! registers in its context, writes those of the next case there, and returns into it.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "native_runner/linux.rs"]
mod linux;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "native_runner/segments.rs"]
mod segments;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn main() -> std::io::Result<()> {
    linux::serve()
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn main() -> std::io::Result<()> {
    Err(std::io::Error::other("the native runner needs x86-64 Linux"))
}
