//! What a debugger's calls cost, and what a debugger that is attached and idle costs.
//!
//!     cargo bench --bench spaces            # a table in Markdown
//!     cargo bench --bench spaces -- --check # and a failure if a limit is not kept
//!
//! Each figure is processor time, the least of many batches: other work on the host disturbs that least. The
//! machine is the teaching kernel at its prompt.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use ringhold::boot::{Image, Images};
use ringhold::config::TEACHING;
use ringhold::debugapi::command::Command;
use ringhold::debugapi::session::{Progress, Session};
use ringhold::debugapi::{Context, DataSpaces};
use ringhold::{Config, Machine, Stop};
use rustix::time::{ClockId, clock_gettime};

const PAGE: usize = 4096;
/// RAM that the teaching kernel has not given out, and where its tables map all RAM.
const PHYSICAL: u64 = 0x90_0000;
const VIRTUAL: u64 = 0xffff_8000_0000_0000 + PHYSICAL;
/// A page of zeros: a root of page tables that maps nothing.
const EMPTY_ROOT: u64 = 0x98_0000;

const BATCH: Duration = Duration::from_millis(4);
const BATCHES: usize = 60;

/// The processor time of this thread.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The least nanoseconds of one call.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut batch = |count: u32| {
        let begun = now();
        (0..count).for_each(|_| call());
        now() - begun
    };
    let mut count = 1;
    while batch(count) < BATCH {
        count *= 2;
    }
    let best = (0..BATCHES).map(|_| batch(count)).min().unwrap_or_default();
    best.as_nanos() as f64 / f64::from(count)
}

/// A guest that does nothing but work: arithmetic, memory and branches, in 64-bit code.
fn busy() -> Machine {
    // l: add rax, [0x20000]; inc qword [0x20008]; xor rbx, rax; dec ecx; jnz l; jmp l
    let code = [
        0x48, 0x03, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, 0x48, 0xff, 0x04, 0x25, 0x08, 0x00, 0x02, 0x00, 0x48,
        0x31, 0xc3, 0xff, 0xc9, 0x75, 0xe9, 0xeb, 0xe7,
    ];
    let text = "(boot: (kind: flat, kernel: \"busy\", flat: (load: 0x10000, entry: 0x10000, mode: long64)))";
    let config = Config::from_ron(text, "busy").expect("a config");
    let images = Images { kernel: Some(Image::new("busy", code.to_vec())), ..Images::default() };
    Machine::with_images(config, &images).expect("a machine")
}

/// Runs so many instructions.
fn alone(machine: &mut Machine, count: u64) {
    let until = machine.instructions() + count;
    assert_eq!(machine.run(until), Stop::Budget);
}

/// The same under a session whose client waits for an event.
fn attached(machine: &mut Machine, session: &mut Session, count: u64) {
    let ms =
        (machine.board.fabric.clock.ns_at(machine.instructions() + count) - machine.virtual_ns()) / 1_000_000;
    session.execute(machine, &Command::SetExecutionStatus { status: 1 });
    let wait = Command::WaitForEvent { flags: 0, timeout: ms as u32 };
    let Progress::Waiting(mut wait) = session.begin(machine, &wait) else { panic!("it does not wait") };
    while session.advance(machine, &mut wait).is_none() {}
}

/// The least seconds of one stretch of one machine: alone, under a session, and with a breakpoint
/// that is never reached, so that the loop runs that looks for it.
fn compare(count: u64) -> [f64; 3] {
    let mut machine = busy();
    let mut session = Session::new();
    let mut best = [f64::MAX; 3];
    for _ in 0..120 {
        for (way, best) in best.iter_mut().enumerate() {
            if way == 2 {
                machine.breakpoints.add(0xdead_0000);
            }
            let begun = now();
            if way == 1 {
                attached(&mut machine, &mut session, count);
            } else {
                alone(&mut machine, count);
            }
            *best = best.min((now() - begun).as_secs_f64());
            machine.breakpoints.remove(0xdead_0000);
        }
    }
    best
}

/// One line of the table.
struct Row {
    what: &'static str,
    figure: String,
    limit: String,
    kept: bool,
}

impl Row {
    /// A time in nanoseconds that must stay below a limit.
    fn time(what: &'static str, ns: f64, limit: f64) -> Self {
        Self { what, figure: format!("{ns:.1} ns"), limit: format!("{limit} ns"), kept: ns <= limit }
    }

    /// A time that is judged by its ratio to another.
    fn ratio(what: &'static str, ns: f64, base: f64, limit: f64) -> Self {
        let ratio = ns / base;
        Self {
            what,
            figure: format!("{ns:.1} ns (×{ratio:.2})"),
            limit: format!("×{limit}"),
            kept: ratio <= limit,
        }
    }
}

fn main() -> ExitCode {
    let mut machine = Machine::from_ron(TEACHING).expect("the teaching machine");
    machine.run_for(400_000);
    // How fast a copy is depends on how its two ends lie to each other: half a page apart.
    let mut host = vec![0x5a; 4 * PAGE];
    let start = host.as_ptr().align_offset(PAGE);
    let (ram, rest) = host[start..].split_at_mut(PAGE);
    let page = &rest[PAGE / 2..][..PAGE];
    let copy = measure(|| black_box(&mut *ram).copy_from_slice(black_box(page)));
    let mut spaces = machine.data_spaces();
    assert_eq!(spaces.write_virtual(VIRTUAL, page).map(|done| done.count), Ok(PAGE));
    // A client hears of the changes now and then.
    let mut count = 0u32;
    let mut calls = |call: &mut dyn FnMut(&mut DataSpaces<'_>)| {
        measure(|| {
            call(&mut spaces);
            count = count.wrapping_add(1);
            if count.is_multiple_of(1024) {
                spaces.take_changes();
            }
        })
    };
    let physical = calls(&mut |spaces| {
        black_box(&spaces.write_physical(PHYSICAL, black_box(page)));
    });
    let virtual_page = calls(&mut |spaces| {
        black_box(&spaces.write_virtual(VIRTUAL, black_box(page)));
    });
    let word = calls(&mut |spaces| {
        black_box(&spaces.write_virtual(VIRTUAL + 8, black_box(&page[..8])));
    });
    let mut other = VIRTUAL;
    let elsewhere = calls(&mut |spaces| {
        other ^= PAGE as u64;
        black_box(&spaces.write_virtual(other + 8, black_box(&page[..8])));
    });
    let read = calls(&mut |spaces| {
        let mut buffer = [0; 8];
        black_box(&spaces.read_virtual(VIRTUAL + 8, &mut buffer));
    });
    let empty = calls(&mut |spaces| {
        spaces.set_context(Context { cpu: 0, root: Some(EMPTY_ROOT) });
        let next = spaces.next_differently_valid_offset_virtual(black_box(0xffff_8000_0000_0000));
        assert!(black_box(next).is_err());
        spaces.set_context(Context::default());
    });
    let [plain, idle, breakpoint] = compare(4_000_000);
    let slower = |seconds: f64| format!("{:+.1} %", 100.0 * (seconds / plain - 1.0));
    let rows = [
        Row { what: "memcpy of 4 KiB", figure: format!("{copy:.1} ns"), limit: String::new(), kept: true },
        Row::ratio("`WritePhysical` of 4 KiB", physical, copy, 1.2),
        Row::ratio("`WriteVirtual` of 4 KiB", virtual_page, copy, 1.5),
        Row::time("`WriteVirtual` of 8 bytes", word, 100.0),
        Row::time("`WriteVirtual` of 8 bytes, to another page than before", elsewhere, 100.0),
        Row {
            what: "`ReadVirtual` of 8 bytes",
            figure: format!("{read:.1} ns"),
            limit: String::new(),
            kept: true,
        },
        Row::time("`GetNextDifferentlyValidOffsetVirtual`, empty upper half", empty, 1000.0),
        Row {
            what: "guest under an idle session",
            figure: slower(idle),
            limit: "+2 %".into(),
            kept: idle <= 1.02 * plain,
        },
        Row {
            what: "guest with a breakpoint elsewhere",
            figure: slower(breakpoint),
            limit: String::new(),
            kept: true,
        },
    ];
    println!("| call | time | limit |\n|---|---:|---:|");
    for row in &rows {
        println!("| {} | {} | {} |", row.what, row.figure, row.limit);
    }
    println!("\nBusy guest: {:.0} million instructions a second.", 4.0 / plain);
    let missed: Vec<&str> = rows.iter().filter(|row| !row.kept).map(|row| row.what).collect();
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("Above its limit: {}.", missed.join(", "));
    if std::env::args().any(|argument| argument == "--check") { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
