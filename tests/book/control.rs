use ringhold::debugapi::Error;

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();
    let mut spaces = machine.data_spaces();

    // Selector 2 is the block of special registers: CR0, CR2, CR3, CR4, then the debug registers.
    let mut block = [0; 32];
    let read = spaces.read_control(0, 2, &mut block)?;
    page.say(format!("ReadControl: {} bytes.", read.count));
    for (name, value) in ["cr0", "cr2", "cr3", "cr4"].iter().zip(block.chunks(8)) {
        let value = value.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        page.say(format!("  {name} = {value:#x}"));
    }

    // A write sets the fields that differ: here CR2 alone.
    block[8..16].copy_from_slice(&0x1234u64.to_le_bytes());
    let written = spaces.write_control(0, 2, &block)?;
    page.say(format!("WriteControl: {} bytes. CR2 holds {:#x}.", written.count, machine.cpu(0).control.cr2));
    Ok(())
}
