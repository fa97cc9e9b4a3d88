use ringhold::debugapi::Error;

use crate::{Page, small_machine};

pub fn example(page: &mut Page) -> Result<(), Error> {
    let mut machine = small_machine();
    let mut spaces = machine.data_spaces();

    // LSTAR, where SYSCALL leads.
    page.tell("WriteMsr", spaces.write_msr(0xc000_0082, 0x1_0000));
    page.say(format!("ReadMsr: {:#x}", spaces.read_msr(0xc000_0082)?.0));

    // WRMSR raises #GP for an address that is not canonical, and for what does not exist.
    for (msr, value) in [(0xc000_0082, 1 << 62), (0xdead_beef, 0)] {
        match spaces.write_msr(msr, value) {
            Ok(_) => page.say("It was taken."),
            Err(error) => page.say(format!("WriteMsr: {}. {error}.", error.hresult())),
        }
    }
    Ok(())
}
