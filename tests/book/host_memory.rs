use ringhold::debugapi::{Completion, Error, Location};
use ringhold::emulator::inject::Register;

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();
    let mut spaces = machine.data_spaces();
    let rbx = Register::named("rbx").expect("a register");

    // One door for every space: the location says which.
    let locations = [
        ("a virtual address", Location::virtual_address(0x30000)),
        ("RBX", Location::register(0, rbx)),
        ("physical memory", Location::physical(0x30000)),
        ("a port", Location::port(0x3f8)),
        ("the end of RAM", Location::physical(0xff_fffe)),
        ("nothing", Location::physical(0x8000_0000)),
    ];
    for (name, location) in locations {
        let said = match spaces.host_memory().write_bytes(None, location, b"word") {
            Ok((Completion::All, _)) => "S_OK: all of it".into(),
            Ok((Completion::Partial(count), _)) => format!("S_FALSE: {count} bytes"),
            Err(error) => format!("{}: {error}", error.hresult()),
        };
        page.say(format!("WriteBytes to {name}: {said}"));
    }
    page.say(format!("RBX holds {:#x}.", machine.cpu(0).gpr[3]));
    Ok(())
}
