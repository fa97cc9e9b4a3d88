//! Tasks, modules, the log and the clock.

use super::{Failure, Outcome, USAGE, number, small};
use crate::task::{self, State};
use crate::{log as kernel_log, modules as kernel_modules, pit, print, println};

pub fn ps(_: &[&str]) -> Outcome {
    println!("pid name         ring state    ticks switches      cr3 kernel stack      rip");
    // Printing may wait for the console, and the list is only still with interrupts off:
    // take one line at a time.
    for index in 0..task::MAX_TASKS {
        let mut row = None;
        let mut at = 0;
        task::for_each(|task| {
            if at == index {
                let mut name = [0; 16];
                name.copy_from_slice(&task.name);
                let rip = if task.state == State::Running { None } else { Some(task.context.rip) };
                let (pid, ring, state) = (task.pid, task.ring, task.state);
                row = Some((
                    pid,
                    name,
                    ring,
                    state,
                    task.ticks,
                    task.switches,
                    task.cr3,
                    task.kernel_stack,
                    rip,
                ));
            }
            at += 1;
        });
        let Some((pid, name, ring, state, ticks, switches, cr3, stack, rip)) = row else {
            break;
        };
        let (name, state) = (crate::console::Text(&name), state_name(state));
        print!("{pid:>3} {name:12} {ring:>4} {state:8} {ticks:>5} {switches:>8} {cr3:#8x} {stack:016x}");
        match rip {
            Some(rip) => println!(" {rip:016x}"),
            None => println!(" (running)"),
        }
    }
    Ok(())
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Free => "free",
        State::Ready => "ready",
        State::Running => "running",
        State::Sleeping => "sleeping",
        State::Waiting => "waiting",
        State::Zombie => "zombie",
    }
}

pub fn spawn(arguments: &[&str]) -> Outcome {
    let [name] = arguments else { return Err(USAGE) };
    let pid = task::spawn_user(name).map_err(Failure::Message)?;
    println!("task {pid}");
    Ok(())
}

pub fn kill(arguments: &[&str]) -> Outcome {
    let [pid] = arguments else { return Err(USAGE) };
    task::kill(small(pid)?).map_err(Failure::Message)
}

pub fn modules(_: &[&str]) -> Outcome {
    println!("name         kind    base                 size entry");
    for module in kernel_modules::all() {
        let kind = match module.kind {
            kernel_modules::Kind::Kernel => "kernel",
            kernel_modules::Kind::Program => "program",
            kernel_modules::Kind::Boot => "boot",
        };
        println!(
            "{:12} {kind:7} {:016x} {:>8} {:016x}",
            module.name(),
            module.base,
            module.size,
            module.entry
        );
    }
    Ok(())
}

pub fn log(arguments: &[&str]) -> Outcome {
    let count = match arguments {
        [] => 20,
        [count] => number(count)?,
        _ => return Err(USAGE),
    };
    let last = kernel_log::last();
    let first = kernel_log::first().max(last.saturating_sub(count) + 1);
    for sequence in first..=last {
        if let Some(record) = kernel_log::line(sequence) {
            println!("[{:>6}] {:>2} {}", record.tick, record.pid, record.text());
        }
    }
    Ok(())
}

pub fn ticks(_: &[&str]) -> Outcome {
    println!("{}", pit::ticks());
    Ok(())
}

pub fn wait(arguments: &[&str]) -> Outcome {
    let [count] = arguments else {
        return Err(USAGE);
    };
    task::sleep(small::<u32>(count)?.into());
    Ok(())
}

pub fn echo(arguments: &[&str]) -> Outcome {
    for (index, word) in arguments.iter().enumerate() {
        print!("{}{word}", if index == 0 { "" } else { " " });
    }
    println!();
    Ok(())
}
