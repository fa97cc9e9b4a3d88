//! Memory: what there is, what is mapped, what is in it.

use super::{Failure, Outcome, USAGE, number, small};
use crate::paging::{self, CACHE_DISABLE, GLOBAL, NO_EXECUTE, Translation, USER, WRITABLE};
use crate::{boot_info, cpu, frames, print, println, probe, task};
use core::fmt;

pub fn mem(_: &[&str]) -> Outcome {
    for region in boot_info::get().regions() {
        let kind = match region.kind {
            1 => "RAM",
            2 => "reserved",
            3 => "ACPI tables",
            4 => "ACPI NVS",
            5 => "unusable",
            _ => "other",
        };
        println!(
            "  {:012x}..{:012x} {:>9} KiB {kind}",
            region.base,
            region.base + region.size,
            region.size / 1024
        );
    }
    let frames = frames::statistics();
    println!("  frames: {} usable, {} used, {} free", frames.total, frames.used, frames.free);
    Ok(())
}

/// The rights in a translation: r, w, x, then user, global, uncached.
struct Rights(u64);

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let letter = |condition: bool, letter: char| if condition { letter } else { '-' };
        write!(
            f,
            "r{}{}{}{}{}",
            letter(self.0 & WRITABLE != 0, 'w'),
            letter(self.0 & NO_EXECUTE == 0, 'x'),
            letter(self.0 & USER != 0, 'u'),
            letter(self.0 & GLOBAL != 0, 'g'),
            letter(self.0 & CACHE_DISABLE != 0, 'c'),
        )
    }
}

/// The page-table root of a task, or of the shell.
fn root(pid: Option<&&str>) -> Result<u64, Failure> {
    let Some(pid) = pid else {
        return Ok(cpu::cr3());
    };
    let pid: u32 = small(pid)?;
    let mut root = None;
    task::for_each(|task| {
        if task.pid == pid {
            root = Some(task.cr3);
        }
    });
    root.ok_or(Failure::Message("no such task"))
}

pub fn maps(arguments: &[&str]) -> Outcome {
    if arguments.len() > 1 {
        return Err(USAGE);
    }
    task::with_reaping_held(|| print_maps(root(arguments.first())?))
}

/// Pages that follow on in both spaces, with the same rights, are one line.
fn print_maps(root: u64) -> Outcome {
    let mut run: Option<(u64, u64, Translation)> = None;
    let flush = |run: Option<(u64, u64, Translation)>| {
        if let Some((start, end, first)) = run {
            let size = (end.wrapping_sub(start)) / 1024;
            println!(
                "  {start:016x}..{end:016x} -> {:012x} {} {size:>8} KiB",
                first.physical,
                Rights(first.flags)
            );
        }
    };
    paging::for_each_page(root, &mut |address, page| {
        if let Some((start, end, first)) = &mut run
            && *end == address
            && first.flags == page.flags
            && first.physical + (address - *start) == page.physical
        {
            *end = address.wrapping_add(page.size);
            return;
        }
        flush(run.replace((address, address.wrapping_add(page.size), page)));
    });
    flush(run);
    Ok(())
}

pub fn walk(arguments: &[&str]) -> Outcome {
    let ([address] | [address, _]) = arguments else {
        return Err(USAGE);
    };
    let address = number(address)?;
    let page = task::with_reaping_held(|| Ok(paging::walk(root(arguments.get(1))?, address)))?;
    match page {
        Some(page) => println!(
            "{address:016x} -> {:012x} {} page of {} KiB",
            page.physical,
            Rights(page.flags),
            page.size / 1024
        ),
        None => println!("{address:016x} is not mapped"),
    }
    Ok(())
}

pub fn peek(arguments: &[&str]) -> Outcome {
    const ROW: u64 = 16;
    let (address, count) = match arguments {
        [address] => (number(address)?, 64),
        [address, count] => (number(address)?, number(count)?),
        _ => return Err(USAGE),
    };
    let mut done = 0;
    while done < count {
        let at = address.wrapping_add(done);
        let mut row = [0; ROW as usize];
        let bytes = &mut row[..(count - done).min(ROW) as usize];
        if !probe::read_bytes(at, bytes) {
            println!("{at:016x}  cannot be read");
            return Ok(());
        }
        print!("{at:016x} ");
        for byte in bytes.iter() {
            print!(" {byte:02x}");
        }
        print!("{:1$}", "", 3 * (ROW as usize - bytes.len()) + 2);
        for &byte in bytes.iter() {
            print!("{}", if (b' '..=b'~').contains(&byte) { byte as char } else { '.' });
        }
        println!();
        done += bytes.len() as u64;
    }
    Ok(())
}

pub fn poke(arguments: &[&str]) -> Outcome {
    let (address, value, size) = match arguments {
        [address, value] => (number(address)?, number(value)?, 1),
        [address, value, size] => (number(address)?, number(value)?, number(size)?),
        _ => return Err(USAGE),
    };
    if !matches!(size, 1 | 2 | 4 | 8) || (size < 8 && value >> (8 * size) != 0) {
        return Err(USAGE);
    }
    if probe::write(address, value, size as usize) {
        Ok(())
    } else {
        Err(Failure::Message("cannot be written"))
    }
}
