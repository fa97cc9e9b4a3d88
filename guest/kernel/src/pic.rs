//! The pair of 8259A interrupt controllers (Intel 8259A data sheet, 231468).

use crate::idt::IRQ_BASE;
use crate::irq_cell::IrqCell;
use crate::log;
use crate::port::{inb, outb};

const MASTER_COMMAND: u16 = 0x20;
const MASTER_DATA: u16 = 0x21;
const SLAVE_COMMAND: u16 = 0xa0;
const SLAVE_DATA: u16 = 0xa1;
/// Edge/level control registers of the PIIX (82371SB data sheet, 2.6): a bit per line.
const ELCR: [u16; 2] = [0x4d0, 0x4d1];
/// The slave hangs on this line of the master.
const CASCADE: u8 = 2;
/// OCW2: non-specific end of interrupt.
const EOI: u8 = 0x20;
/// OCW3: the next read of the command port gives the in-service register.
const READ_ISR: u8 = 0x0b;

pub const LINES: usize = 16;

static HANDLERS: IrqCell<[Option<fn()>; LINES]> = IrqCell::new([None; LINES]);

/// Moves the lines to vectors 32..48 and masks them all.
pub fn init() {
    // ICW1: edge triggered, cascade, ICW4 follows. ICW2: vectors. ICW3: the cascade.
    // ICW4: 8086 mode.
    outb(MASTER_COMMAND, 0x11);
    outb(SLAVE_COMMAND, 0x11);
    outb(MASTER_DATA, IRQ_BASE);
    outb(SLAVE_DATA, IRQ_BASE + 8);
    outb(MASTER_DATA, 1 << CASCADE);
    outb(SLAVE_DATA, CASCADE);
    outb(MASTER_DATA, 0x01);
    outb(SLAVE_DATA, 0x01);
    outb(MASTER_DATA, !(1 << CASCADE));
    outb(SLAVE_DATA, 0xff);
}

/// Has `handler` called, with interrupts off, whenever `line` fires, and unmasks it.
pub fn set_handler(line: u8, handler: fn()) {
    HANDLERS.with(|handlers| {
        handlers[usize::from(line)] = Some(handler);
        let (port, bit) = if line < 8 { (MASTER_DATA, line) } else { (SLAVE_DATA, line - 8) };
        outb(port, inb(port) & !(1 << bit));
    });
}

/// PCI interrupts are level triggered and shared; firmware usually said so already.
pub fn set_level_triggered(line: u8) {
    let port = ELCR[usize::from(line / 8)];
    let bit = 1 << (line % 8);
    let old = inb(port);
    if old & bit == 0 {
        outb(port, old | bit);
    }
}

/// Serves one interrupt: the device first, then the controllers, so that a level line
/// is down before it can be taken again.
pub fn dispatch(line: u8) {
    if is_spurious(line) {
        // The slave's spurious interrupt passed through the master, which wants its EOI.
        if line >= 8 {
            outb(MASTER_COMMAND, EOI);
        }
        return;
    }
    match HANDLERS.with(|handlers| handlers[usize::from(line)]) {
        Some(handler) => handler(),
        None => log!("pic: line {line} fired, and nobody wants it"),
    }
    if line >= 8 {
        outb(SLAVE_COMMAND, EOI);
    }
    outb(MASTER_COMMAND, EOI);
}

/// A line that fell before the acknowledge reads as the lowest of its controller, with
/// no bit in service (data sheet, "IR7 routine").
fn is_spurious(line: u8) -> bool {
    let port = match line {
        7 => MASTER_COMMAND,
        15 => SLAVE_COMMAND,
        _ => return false,
    };
    outb(port, READ_ISR);
    inb(port) & 0x80 == 0
}
