use ringhold::debugapi::Error;
use ringhold::emulator::inject::{Semantics, Space};

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();

    // The guest waits for a byte at 0x20000. Its code is dropped from the cache of decoded
    // instructions where a write hits it; here only data is hit.
    page.tell("WriteVirtual", machine.data_spaces().write_virtual(0x20000, b"!"));
    machine.run_for(500_000);
    page.say(format!("The guest sends: {:?}", String::from_utf8_lossy(&machine.output_of("com1"))));

    // RAM ends at 16 MiB, though the page does not: the part before the hole stays written.
    let mut spaces = machine.data_spaces();
    page.tell("WriteVirtual over the end of RAM", spaces.write_virtual(0xff_fffc, b"12345678"));
    page.tell("WriteVirtual after it", spaces.write_virtual(0x100_0000, b"5678"));

    // Nothing is mapped above 4 GiB.
    page.tell("WriteVirtual without a page", spaces.write_virtual(0x1_0000_0000, b"x"));

    // The same write as the processor would make it: a fault is reported, not taken.
    let space = Space::Virtual { cpu: 0, root: None };
    page.say(machine.write(space, 0x1_0000_0000, Semantics::Cpu, b"x"));
    Ok(())
}
