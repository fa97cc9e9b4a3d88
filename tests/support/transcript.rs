//! A debugger's prompt without a program: commands, and what they say.

use ringhold::debugapi::Session;
use ringhold::debugapi::command::{Command, Event, Reply};
use ringhold::emulator::Machine;

/// Carries out commands; after one that lets the target go on, waits for it. Gives what stands on
/// the screen then.
pub fn transcript(machine: &mut Machine, commands: &[&str]) -> String {
    let mut session = Session::new();
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
