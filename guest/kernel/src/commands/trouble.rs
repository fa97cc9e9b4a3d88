//! Ways to go wrong on purpose, and the way out.

use super::{Failure, Outcome, USAGE, small};
use crate::address::{self, direct};
use crate::{exit as end, println, probe, stacks, task};
use core::arch::asm;
use core::hint::black_box;

pub fn fault(arguments: &[&str]) -> Outcome {
    match arguments {
        [] | ["caught"] => {
            let guard = stacks::fixed_guard(0);
            let mut byte = 0_u8;
            let read = probe::read(guard, &mut byte);
            println!(
                "reading {guard:#x}, a guard page: {}",
                if read { "done" } else { "faulted, and recovered" }
            );
            Ok(())
        }
        ["user"] => {
            let pid = task::spawn_user("wild").map_err(Failure::Message)?;
            // Let it run and be reported before the prompt is back.
            task::sleep(2);
            println!("task {pid} is gone; the kernel is not");
            Ok(())
        }
        ["write"] => {
            let text = address::text_start() as *mut u8;
            // SAFETY: never happens. The page is read-only, and CR0.WP holds ring 0 to it.
            unsafe { text.write_volatile(0x90) };
            Err(Failure::Message("the write was allowed"))
        }
        ["exec"] => {
            // SAFETY: never happens. The direct map is not executable.
            unsafe {
                let data: fn() = core::mem::transmute(direct::<u8>(0x10_0000));
                black_box(data)();
            }
            Err(Failure::Message("the jump was allowed"))
        }
        ["stack"] => {
            println!("{}", recurse(1));
            Err(Failure::Message("the stack has no end"))
        }
        _ => Err(USAGE),
    }
}

/// Uses up the stack. Opaque to the optimiser, which knows ways out of a recursion.
fn recurse(depth: u64) -> u64 {
    let ballast = black_box([depth; 32]);
    if ballast[0] == 0 { 0 } else { black_box(recurse(depth + 1)) + ballast[31] }
}

pub fn crash(arguments: &[&str]) -> Outcome {
    // SAFETY: none of these is safe. That is what they are for.
    unsafe {
        match arguments {
            [] | ["ud2"] => asm!("ud2"),
            ["null"] => asm!("mov rax, [rax]", inout("rax") 0_u64 => _),
            ["divide"] => asm!("div ecx", in("ecx") 0, inout("eax") 1 => _, inout("edx") 0 => _),
            ["int3"] => asm!("int3"),
            ["panic"] => panic!("as you wish"),
            _ => return Err(USAGE),
        }
    }
    println!("and on");
    Ok(())
}

pub fn exit(arguments: &[&str]) -> Outcome {
    let status = match arguments {
        [] => 0,
        [status] => small(status)?,
        _ => return Err(USAGE),
    };
    println!("exit {status}");
    end::exit(status)
}
