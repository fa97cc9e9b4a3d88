//! A debugger's prompt without a program: commands, and what they say.

use ringhold::boot;
use ringhold::debugapi::command::{Command, Event, Reply};
use ringhold::debugapi::{Modules, Session};
use ringhold::emulator::Machine;

/// A session whose target is a module of this name with these symbols, as `System.map` lists them.
pub fn session(name: &str, symbols: &str) -> Session {
    let mut modules = Modules::default();
    modules.add(boot::module(name, "symbols.txt", symbols.as_bytes(), 0).unwrap());
    let mut session = Session::new();
    session.set_modules(modules);
    session
}

/// Carries out commands; after one that lets the target go on, waits for it. Gives what stands on
/// the screen then.
pub fn transcript(machine: &mut Machine, mut session: Session, commands: &[&str]) -> String {
    let mut screen = String::new();
    for line in commands {
        // Echoed behind the prompt.
        let execute = Command::Execute { output_control: 1, command: (*line).into(), flags: 1 };
        tell(&session.execute(machine, &execute), &mut screen);
        if session.execute(machine, &Command::GetExecutionStatus {}).count() != Some(6) {
            let wait = Command::WaitForEvent { flags: 0, timeout: u32::MAX };
            tell(&session.execute(machine, &wait), &mut screen);
            let shown = Command::Execute { output_control: 1, command: "r".into(), flags: 4 };
            tell(&session.execute(machine, &shown), &mut screen);
        }
    }
    screen
}

fn tell(reply: &Reply, screen: &mut String) {
    for event in &reply.events {
        if let Event::Output { text, .. } = event {
            screen.push_str(text);
        }
    }
}
