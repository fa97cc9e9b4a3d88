use ringhold::debugapi::Error;
use ringhold::emulator::inject::{Semantics, Space};

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();
    let mut spaces = machine.data_spaces();
    page.tell("WritePhysical", spaces.write_physical(0x30000, b"hello"));

    // Register LIVENESS of the educational device answers with the inverse of what is written.
    let done = spaces.write_physical(0xfdf0_0004, &0x1234_5678u32.to_le_bytes());
    page.tell("WritePhysical to a device", done);
    let mut answer = [0; 4];
    let done = spaces.read_physical(0xfdf0_0004, &mut answer);
    page.tell("ReadPhysical from it", done);
    page.say(format!("It answers {:#x}.", u32::from_le_bytes(answer)));

    page.tell("WritePhysical to ROM", spaces.write_physical(0xf_fff0, &[0xf4]));
    page.tell("WritePhysical to nothing", spaces.write_physical(0x8000_0000, &[0]));
    page.tell("WritePhysical2 with flags 4", spaces.write_physical2(0x30000, 4, &[0]));

    // What the debugger may not do, the back door does.
    page.say(machine.write(Space::Physical, 0xf_fff0, Semantics::Backdoor, &[0xf4]));
    Ok(())
}
