use ringhold::debugapi::Error;
use ringhold::debugapi::spaces::slot_number;

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();
    let mut spaces = machine.data_spaces();
    let slot = slot_number(4, 0);

    // What are you? Type 4 is PCI configuration; bus 0, slot 00:04.0, the first four bytes.
    let mut id = [0; 4];
    page.tell("ReadBusData", spaces.read_bus_data(4, 0, slot, 0, &mut id));
    page.say(format!("Vendor and device: {id:02x?}."));

    // How large is BAR 0? Ones in, and the bits that stay zero tell the size.
    page.tell("WriteBusData", spaces.write_bus_data(4, 0, slot, 0x10, &[0xff; 4]));
    // Its window moves at once.
    page.tell("WriteBusData", spaces.write_bus_data(4, 0, slot, 0x10, &0xe000_0000u32.to_le_bytes()));
    let mut register = [0; 4];
    page.tell("ReadPhysical at the new place", spaces.read_physical(0xe000_0000, &mut register));
    page.tell("ReadPhysical at the old one", spaces.read_physical(0xfdf0_0000, &mut register));

    page.tell("WriteBusData over the end", spaces.write_bus_data(4, 0, slot, 0xfe, &[0; 4]));
    page.tell("WriteBusData to nobody", spaces.write_bus_data(4, 0, slot_number(9, 0), 4, &[7]));
    Ok(())
}
