//! Builds the teaching kernel and its programs with the compiler that builds everything
//! else: no assembler, no other target, no download. The result depends on the sources
//! and the compiler alone, not on the host's profile or directory.

#![allow(clippy::disallowed_methods, reason = "a build script is told what to do by its environment")]

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// In the order of the kernel's module list.
const PROGRAMS: [&str; 5] = ["primes", "counter", "hello", "spin", "wild"];

/// For every guest image. Position is fixed (`static`), nothing unwinds (`abort`), and
/// frame pointers let kernel and debuggers walk stacks.
const FLAGS: [&str; 21] = [
    "--edition=2024",
    "--crate-type=bin",
    "-Cpanic=abort",
    "-Copt-level=2",
    "-Cdebuginfo=2",
    "-Cdebug-assertions=off",
    "-Coverflow-checks=off",
    "-Ccodegen-units=1",
    "-Cstrip=none",
    "-Crelocation-model=static",
    "-Cno-redzone=yes",
    "-Cforce-frame-pointers=yes",
    "-Cforce-unwind-tables=no",
    "-Clinker=rust-lld",
    "-Clinker-flavor=ld.lld",
    "-Clink-arg=-static",
    "-Clink-arg=--build-id=none",
    "-Clink-arg=--gc-sections",
    "-Clink-arg=-znoexecstack",
    "-Dunsafe_op_in_unsafe_fn",
    "--color=never",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=kernel");
    let build = Build::new();

    let mut list =
        String::from("/// Name and ELF file of each program.\npub static PROGRAMS: &[(&str, &[u8])] = &[\n");
    for name in PROGRAMS {
        let elf =
            build.compile(&format!("programs/{name}.rs"), "program.ld", &format!("{name}.elf"), "small", &[]);
        // The kernel carries what it loads; symbols stay in the file for debuggers.
        let image = format!("{name}.image");
        let bytes = fs::read(&elf).unwrap_or_else(|error| panic!("reading {}: {error}", elf.display()));
        fs::write(build.out.join(&image), loadable_part(&bytes)).expect("writing a program's image");
        // Relative, so that the same text means the same in any directory.
        writeln!(list, "    ({name:?}, include_bytes!({image:?})),").expect("writing to a string");
    }
    list.push_str("];\n");
    let list_path = build.out.join("programs.rs");
    fs::write(&list_path, list).expect("writing the list of programs");

    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION");
    let list_path = list_path.to_str().expect("OUT_DIR is text");
    build.compile(
        "src/main.rs",
        "kernel.ld",
        "kernel.elf",
        "kernel",
        &[("KERNEL_PROGRAMS", list_path), ("KERNEL_VERSION", &version)],
    );
}

struct Build {
    rustc: PathBuf,
    sysroot: String,
    /// `guest/kernel`.
    sources: PathBuf,
    out: PathBuf,
}

impl Build {
    fn new() -> Self {
        let variable = |name| env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}"));
        let rustc = PathBuf::from(variable("RUSTC"));
        let printed = |what: &[&str]| {
            let output = Command::new(&rustc).args(["--print"]).args(what).output();
            let output = output.unwrap_or_else(|error| panic!("running {}: {error}", rustc.display()));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let sysroot = printed(&["sysroot"]);
        let target_libdir = printed(&["target-libdir", "--target", TARGET]);
        assert!(
            Path::new(&target_libdir).is_dir(),
            "the teaching kernel needs the standard library of {TARGET} \
             (rustup target add {TARGET}); there is none in {target_libdir}"
        );
        let host_libdir = PathBuf::from(printed(&["target-libdir"]));
        let rust_lld = host_libdir.with_file_name("bin").join(format!("rust-lld{}", env::consts::EXE_SUFFIX));
        assert!(
            rust_lld.is_file(),
            "the teaching kernel is linked with rust-lld, which rustup's toolchains bring along; \
             there is none at {}",
            rust_lld.display()
        );
        Self {
            rustc,
            sysroot,
            sources: Path::new(&variable("CARGO_MANIFEST_DIR")).join("kernel"),
            out: PathBuf::from(variable("OUT_DIR")),
        }
    }

    fn compile(
        &self,
        source: &str,
        script: &str,
        output: &str,
        code_model: &str,
        variables: &[(&str, &str)],
    ) -> PathBuf {
        let path = self.out.join(output);
        let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let mut rustc = Command::new(&self.rustc);
        rustc
            .current_dir(&self.sources)
            .args(FLAGS)
            .arg(format!("--target={TARGET}"))
            .arg(format!("--crate-name={}", output.trim_end_matches(".elf")))
            .arg(format!("-Ccode-model={code_model}"))
            .arg(format!("-Clink-arg=-T{}", self.sources.join(script).display()))
            // Debuggers see paths from the top of the repository.
            .arg(remap(Path::new(&self.sysroot), "/rust"))
            .arg(remap(&self.sources, "guest/kernel"))
            .arg(remap(&self.out, "guest/out"))
            .envs(variables.iter().copied())
            .arg("-o")
            .arg(&path)
            // Absolute, so that the remapping above reaches it.
            .arg(self.sources.join(source));
        let result =
            rustc.output().unwrap_or_else(|error| panic!("running {}: {error}", self.rustc.display()));
        let messages = String::from_utf8_lossy(&result.stderr);
        assert!(
            result.status.success(),
            "compiling guest/kernel/{source} failed ({}):\n{messages}",
            result.status
        );
        // A newer compiler may warn of more than today's: say so, but build.
        for line in messages.lines() {
            println!("cargo::warning={line}");
        }
        path
    }
}

/// An ELF file up to the end of its last loadable segment, without section headers.
fn loadable_part(elf: &[u8]) -> Vec<u8> {
    let u64_at = |at: usize| u64::from_le_bytes(elf[at..at + 8].try_into().expect("eight bytes")) as usize;
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([elf[at], elf[at + 1]]));
    let (headers, size, count) = (u64_at(32), u16_at(54), u16_at(56));
    let end = (0..count)
        .map(|number| headers + number * size)
        .map(|header| u64_at(header + 8) + u64_at(header + 32))
        .max()
        .expect("a program has segments");
    let mut image = elf[..end].to_vec();
    image[40..48].fill(0); // e_shoff
    image[60..64].fill(0); // e_shnum, e_shstrndx
    image
}
