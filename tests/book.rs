//! The worked examples of the book's chapters on the spaces: the code in a chapter is code that
//! runs here, and the output below it is what it said. After a change:
//!
//!     RINGHOLD_WRITE=1 cargo test --test book
#![allow(clippy::disallowed_methods, reason = "no machine hears of it; the environment asks for the files")]

#[path = "book/bus_data.rs"]
mod bus_data;
#[path = "book/control.rs"]
mod control;
#[path = "book/host_memory.rs"]
mod host_memory;
#[path = "book/msr.rs"]
mod msr;
#[path = "book/physical.rs"]
mod physical;
#[path = "book/ports.rs"]
mod ports;
#[path = "support/transcript.rs"]
mod transcript;
#[path = "book/virtual_memory.rs"]
mod virtual_memory;

use std::fmt::{Display, Write};
use std::fs;
use std::path::Path;

use ringhold::boot::{Image, Images};
use ringhold::debugapi::{Error, HResult, Session, Transfer};
use ringhold::{Config, Machine};

/// A machine of 16 MiB in 64-bit mode, the first 4 GiB mapped to themselves in pages of 2 MiB. Its
/// guest sends the byte at 0x20000 once it is not zero, and then does nothing.
pub fn small_machine() -> Machine {
    let config = r#"(
        memory: "16MiB",
        devices: [pic(), uart(name: "com1"), pci_host(), edu(name: "edu", slot: (4, 0)), debugcon()],
        boot: (kind: flat, kernel: "example", flat: (load: 0x10000, entry: 0x10000, mode: long64)),
    )"#;
    // l: mov al, [0x20000]; test al, al; jz l; mov dx, 0x3f8; out dx, al; jmp $
    let code = [
        0x8a, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, 0x84, 0xc0, 0x74, 0xf5, 0x66, 0xba, 0xf8, 0x03, 0xee, 0xeb,
        0xfe,
    ];
    let config = Config::from_ron(config, "example").unwrap();
    let images = Images { kernel: Some(Image::new("example", code.to_vec())), ..Images::default() };
    let mut machine = Machine::with_images(config, &images).unwrap();
    machine.run_for(100);
    machine
}

/// What an example says, wrapped like a page.
#[derive(Default)]
pub struct Page(String);

impl Page {
    /// A paragraph.
    pub fn say(&mut self, text: impl Display) {
        let mut column = 0;
        for word in text.to_string().split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > 96 {
                self.0.push('\n');
                column = 0;
            }
            let space = if column > 0 { " " } else { "" };
            write!(self.0, "{space}{word}").unwrap();
            column += space.len() + length;
        }
        self.0.push('\n');
    }

    /// The outcome of a call as a DbgEng client sees it, and its receipt.
    pub fn tell<R: Display>(&mut self, what: &str, done: Result<Transfer<R>, Error>) {
        match done {
            Ok(done) => {
                self.say(format_args!("{what}: {}, count {}. {}", done.hresult(), done.count, done.receipt))
            }
            Err(error) => self.code(what, error.hresult(), &error),
        }
    }

    fn code(&mut self, what: &str, hresult: HResult, error: &Error) {
        self.say(format_args!("{what}: {hresult}, count 0. {error}."));
    }
}

/// The code of an example: the body of its function.
fn body(source: &str) -> String {
    let start = source.find("-> Result<(), Error> {\n").expect("the example's function") + 23;
    let end = source.rfind("    Ok(())\n}").expect("the end of the example's function");
    source[start..end]
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line).to_string() + "\n")
        .collect()
}

/// The chapter with the code and output that belong into it.
fn made(chapter: &str, name: &str, source: &str, said: &str) -> String {
    let mark = format!("<!-- example: tests/book/{name}.rs -->\n");
    let end = "<!-- end of the example -->\n";
    let start =
        chapter.find(&mark).unwrap_or_else(|| panic!("{name}.md has no `{}`", mark.trim())) + mark.len();
    let rest =
        start + chapter[start..].find(end).unwrap_or_else(|| panic!("{name}.md has no `{}`", end.trim()));
    let block = format!("\n```rust,ignore\n{}```\n\nIt says:\n\n```text\n{said}```\n\n", body(source));
    [&chapter[..start], &block, &chapter[rest..]].concat()
}

macro_rules! chapters {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                let mut page = Page::default();
                $name::example(&mut page).unwrap();
                check(stringify!($name), include_str!(concat!("book/", stringify!($name), ".rs")), &page.0);
            }
        )*
    };
}

fn check(name: &str, source: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/src/spaces/{name}.md"));
    let chapter = fs::read_to_string(&path).unwrap();
    let made = made(&chapter, name, source, said);
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        fs::write(&path, &made).unwrap();
        return;
    }
    assert!(chapter == made, "{name}.md is not what runs; RINGHOLD_WRITE=1 cargo test --test book\n{said}");
}

mod chapter {
    use super::*;

    chapters!(virtual_memory, physical, ports, bus_data, msr, control, host_memory);
}

/// Makes the transcript at a mark of the chapter on commands from its own commands.
fn transcribe(mark: &str, least: usize, machine: &mut Machine, session: Session) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/console.md");
    let chapter = fs::read_to_string(&path).unwrap();
    let mark = format!("<!-- example: tests/book.rs, {mark} -->\n```text\n");
    let end = "```\n<!-- end of the example -->\n";
    let (before, rest) = chapter.split_once(&mark).unwrap();
    let (old, after) = rest.split_once(end).unwrap();
    let commands: Vec<&str> = old.lines().filter_map(|line| line.strip_prefix("kd> ")).collect();
    assert!(commands.len() > least);
    let transcript = transcript::transcript(machine, session, &commands);
    let made = [before, &mark, &transcript, end, after].concat();
    if std::env::var_os("RINGHOLD_WRITE").is_some() {
        fs::write(&path, &made).unwrap();
        return;
    }
    assert!(
        chapter == made,
        "console.md is not what runs; RINGHOLD_WRITE=1 cargo test --test book -- --test-threads=1\n{transcript}"
    );
}

/// The transcripts in the chapter on commands are what their own commands say.
#[test]
fn console() {
    transcribe("console", 10, &mut small_machine(), Session::new());
    transcribe("stack", 8, &mut calling_machine(), calling_session());
}

/// A machine whose guest calls `sum`, which calls `square`; all keep frame pointers.
fn calling_machine() -> Machine {
    let config = r#"(
        memory: "16MiB",
        devices: [],
        boot: (kind: flat, kernel: "lesson", flat: (load: 0x10000, entry: 0x10000, mode: long64)),
    )"#;
    // main: push rbp; mov rbp, rsp; mov edi, 5; call sum; hlt; nop
    // sum: push rbp; mov rbp, rsp; call square; inc eax; pop rbp; ret; nop; nop; nop
    // square: push rbp; mov rbp, rsp; mov eax, edi; imul eax, edi; mov [result], rax; pop rbp; ret
    let code = [
        0x55, 0x48, 0x89, 0xe5, 0xbf, 0x05, 0, 0, 0, 0xe8, 0x02, 0, 0, 0, 0xf4, 0x90, //
        0x55, 0x48, 0x89, 0xe5, 0xe8, 0x07, 0, 0, 0, 0xff, 0xc0, 0x5d, 0xc3, 0x90, 0x90, 0x90, //
        0x55, 0x48, 0x89, 0xe5, 0x89, 0xf8, 0x0f, 0xaf, 0xc7, 0x48, 0x89, 0x05, 0xd0, 0xff, 0, 0, 0x5d, 0xc3,
    ];
    let config = Config::from_ron(config, "lesson").unwrap();
    let images = Images { kernel: Some(Image::new("lesson", code.to_vec())), ..Images::default() };
    Machine::with_images(config, &images).unwrap()
}

fn calling_session() -> Session {
    transcript::session("lesson", "10000 T main\n10010 T sum\n10020 T square\n20000 D result\n20008 B _end\n")
}
