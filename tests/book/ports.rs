use ringhold::debugapi::Error;

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();

    // Interface type Isa, bus 0, address space 1: the transmitter of the serial port.
    page.tell("WriteIo", machine.data_spaces().write_io(1, 0, 1, 0x3f8, b"A"));
    machine.run_for(500_000);
    page.say(format!("The line carries: {:?}", String::from_utf8_lossy(&machine.output_of("com1"))));

    // The mask of the first interrupt controller holds what is written to it.
    let mut spaces = machine.data_spaces();
    page.tell("WriteIo to the mask", spaces.write_io(1, 0, 1, 0x21, &[0xfb]));
    let mut mask = [0];
    page.tell("ReadIo", spaces.read_io(1, 0, 1, 0x21, &mut mask));
    page.say(format!("It holds {:#x}.", mask[0]));

    page.tell("WriteIo to nobody", spaces.write_io(1, 0, 1, 0x280, &[1, 2]));
    page.tell("WriteIo at an odd port", spaces.write_io(1, 0, 1, 0x281, &[1, 2]));
    page.tell("WriteIo of three bytes", spaces.write_io(1, 0, 1, 0x280, &[1, 2, 3]));
    page.tell("WriteIo in address space 0", spaces.write_io(1, 0, 0, 0x280, &[1]));
    Ok(())
}
