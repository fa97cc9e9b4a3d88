//! The shell: reads lines from the console, or runs the script of the command line.

use crate::commands::{self, Failure};
use crate::{boot_info, exit, print, println, serial};

const LINE: usize = 256;
const MAX_WORDS: usize = 8;
const PROMPT: &str = "ringhold> ";

const BACKSPACE: u8 = 0x08;
const END_OF_TRANSMISSION: u8 = 0x04;
const END_OF_TEXT: u8 = 0x03;
const DELETE: u8 = 0x7f;

/// The kernel task `shell`.
pub fn run() -> ! {
    println!("RINGHOLD-READY");
    if let Some(script) = boot_info::get().option("script") {
        for line in script.split(';') {
            println!("{PROMPT}{}", line.trim());
            execute(line);
        }
        println!("end of script");
        exit::exit(0);
    }
    let mut line = [0; LINE];
    loop {
        print!("{PROMPT}");
        match read_line(&mut line) {
            Some(text) => execute(text),
            None => {
                println!("end of input");
                exit::exit(0);
            }
        }
    }
}

/// Reads and echoes one line. `None`: the input has ended.
fn read_line(line: &mut [u8; LINE]) -> Option<&str> {
    let mut length = 0;
    loop {
        match serial::read() {
            b'\r' | b'\n' => {
                println!();
                return Some(core::str::from_utf8(&line[..length]).unwrap_or_default());
            }
            END_OF_TRANSMISSION if length == 0 => {
                println!();
                return None;
            }
            END_OF_TEXT => {
                println!("^C");
                return Some("");
            }
            BACKSPACE | DELETE if length > 0 => {
                length -= 1;
                serial::write(b"\x08 \x08");
            }
            byte @ b' '..=b'~' if length < LINE => {
                line[length] = byte;
                length += 1;
                serial::write(&[byte]);
            }
            _ => {}
        }
    }
}

/// Runs one command line.
fn execute(line: &str) {
    let mut words = [""; MAX_WORDS];
    let mut count = 0;
    for word in line.split_ascii_whitespace() {
        if count == MAX_WORDS {
            println!("too many words");
            return;
        }
        words[count] = word;
        count += 1;
    }
    let [name, arguments @ ..] = &words[..count] else {
        return;
    };
    match commands::run(name, arguments) {
        Ok(()) => {}
        Err(Failure::Unknown) => println!("{name}: no such command; try help"),
        Err(Failure::Usage(usage)) => println!("usage: {usage}"),
        Err(Failure::Message(message)) => println!("{name}: {message}"),
        Err(Failure::Edu(error)) => println!("{name}: {error}"),
    }
}
