//! The 16550A at COM1, driven by interrupts both ways. Nobody spins: output waits in a
//! ring until the transmitter asks for it, readers sleep until a byte is there. (National
//! Semiconductor PC16550D data sheet, section 8.)

use crate::irq_cell::IrqCell;
use crate::port::{inb, outb};
use crate::task::{self, Channel};
use crate::{cpu, pic};

const BASE: u16 = 0x3f8;
const IRQ: u8 = 4;

/// Receiver buffer on read, transmitter holding register on write.
const DATA: u16 = BASE;
/// Interrupt enable register.
const IER: u16 = BASE + 1;
/// Interrupt identification on read, FIFO control on write.
const IIR: u16 = BASE + 2;
const FCR: u16 = BASE + 2;
const LCR: u16 = BASE + 3;
const MCR: u16 = BASE + 4;
const LSR: u16 = BASE + 5;
const MSR: u16 = BASE + 6;

/// IER bits: received data available, transmitter holding register empty.
const ERBFI: u8 = 1 << 0;
const ETBEI: u8 = 1 << 1;
/// LSR bits: data ready, holding register empty, transmitter empty.
const DR: u8 = 1 << 0;
const THRE: u8 = 1 << 5;
const TEMT: u8 = 1 << 6;
/// What the transmitter takes at once when THRE is set.
const FIFO: usize = 16;

/// Bytes on their way, oldest first. Positions only ever grow.
struct Ring<const N: usize> {
    bytes: [u8; N],
    head: usize,
    tail: usize,
}

impl<const N: usize> Ring<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], head: 0, tail: 0 }
    }

    fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    fn room(&self) -> usize {
        N - (self.tail - self.head)
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.tail % N] = byte;
        self.tail += 1;
    }

    fn pop(&mut self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let byte = self.bytes[self.head % N];
        self.head += 1;
        Some(byte)
    }
}

struct Port {
    receive: Ring<1024>,
    transmit: Ring<4096>,
    /// What IER holds.
    enabled: u8,
    /// The handler is there: output may rely on interrupts.
    is_driven: bool,
}

static PORT: IrqCell<Port> =
    IrqCell::new(Port { receive: Ring::new(), transmit: Ring::new(), enabled: 0, is_driven: false });

impl Port {
    fn enable(&mut self, interrupts: u8) {
        if self.enabled != interrupts {
            self.enabled = interrupts;
            outb(IER, interrupts);
        }
    }

    /// Gives the transmitter what it can take; stops its interrupts when nothing is left.
    fn feed(&mut self) {
        for _ in 0..FIFO {
            match self.transmit.pop() {
                Some(byte) => outb(DATA, byte),
                None => break,
            }
        }
        if self.transmit.is_empty() {
            self.enable(self.enabled & !ETBEI);
        }
    }

    /// Empties the receiver. When the ring is full the rest stays in the FIFO, where it
    /// holds the sender back, and the interrupt stays off until someone reads.
    fn drain(&mut self) {
        while inb(LSR) & DR != 0 {
            if self.receive.room() == 0 {
                self.enable(self.enabled & !ERBFI);
                return;
            }
            self.receive.push(inb(DATA));
        }
    }
}

/// 115200 baud, 8 data bits, no parity, one stop bit, FIFOs on.
pub fn init() {
    outb(IER, 0);
    outb(LCR, 0x80); // divisor latch access
    outb(DATA, 1);
    outb(IER, 0);
    outb(LCR, 0x03);
    outb(MCR, 0x0b); // DTR, RTS, and OUT2, which lets the interrupt line out of the chip
    // Switching the FIFOs on empties them. Input that is there already is kept, and there is
    // no moment to lose between the last look and the switch.
    PORT.with(|port| {
        port.drain();
        outb(FCR, 0x01); // the receiver's trigger at one byte
    });
}

/// Lets the interrupt through. Output before this waits in the ring.
pub fn enable_interrupts() {
    pic::set_handler(IRQ, interrupt);
    PORT.with(|port| {
        let transmit = if port.transmit.is_empty() { 0 } else { ETBEI };
        port.is_driven = true;
        port.enable(ERBFI | transmit);
    });
}

/// The line is edge triggered: only when IIR says that nothing is pending has it fallen,
/// and only then can it rise again.
fn interrupt() {
    let (received, sent) = PORT.with(|port| {
        let (mut received, mut sent) = (false, false);
        loop {
            match inb(IIR) & 0x0f {
                0x04 | 0x0c => {
                    port.drain();
                    received = true;
                }
                0x02 => {
                    port.feed();
                    sent = true;
                }
                0x06 => drop(inb(LSR)), // line status: reading it is the acknowledgement
                0x00 => drop(inb(MSR)), // modem status
                _ => return (received, sent),
            }
        }
    });
    if received {
        task::wake(Channel::SerialInput);
    }
    if sent {
        task::wake(Channel::SerialOutput);
    }
}

/// Sends bytes, waiting for room as often as needed.
pub fn write(bytes: &[u8]) {
    send(bytes, false);
}

/// As `write`, with a CR before each LF. What fits into the ring goes there in one piece.
pub fn write_text(bytes: &[u8]) {
    send(bytes, true);
}

fn send(mut bytes: &[u8], is_text: bool) {
    while !bytes.is_empty() {
        let count = PORT.with(|port| {
            let mut count = 0;
            while count < bytes.len() && port.transmit.room() >= 2 {
                if is_text && bytes[count] == b'\n' {
                    port.transmit.push(b'\r');
                }
                port.transmit.push(bytes[count]);
                count += 1;
            }
            // The transmitter answers an enable with an interrupt when it is empty.
            if port.is_driven {
                port.enable(port.enabled | ETBEI);
            }
            count
        });
        bytes = &bytes[count..];
        if bytes.is_empty() {
            break;
        }
        if cpu::rflags() & cpu::RFLAGS_IF != 0 {
            task::wait_while(Channel::SerialOutput, || PORT.with(|port| port.transmit.room() < 2));
        } else {
            // Boot, or a fault report: no interrupt can come, so make room by hand.
            flush_polled();
        }
    }
}

/// The next byte of input. Sleeps until there is one.
pub fn read() -> u8 {
    loop {
        let byte = PORT.with(|port| {
            let byte = port.receive.pop();
            if port.enabled & ERBFI == 0 {
                port.drain();
                if port.receive.room() > 0 {
                    port.enable(port.enabled | ERBFI);
                }
            }
            byte
        });
        match byte {
            Some(byte) => return byte,
            None => task::wait_while(Channel::SerialInput, || PORT.with(|port| port.receive.is_empty())),
        }
    }
}

/// Sleeps until the last bit has left.
pub fn flush() {
    task::wait_while(Channel::SerialOutput, || PORT.with(|port| !port.transmit.is_empty()));
    while inb(LSR) & TEMT == 0 {
        task::sleep(1);
    }
}

/// Empties the ring without interrupts: for reports that nothing may delay any more.
pub fn flush_polled() {
    loop {
        while inb(LSR) & THRE == 0 {}
        // A panic may have come from inside `with`: take the ring as it is.
        // SAFETY: interrupts are off, and nobody else will touch the ring again or is
        // anywhere but before or after a push.
        let port = unsafe { &mut *PORT.as_ptr() };
        if port.transmit.is_empty() {
            return;
        }
        for _ in 0..FIFO {
            if let Some(byte) = port.transmit.pop() {
                outb(DATA, byte);
            }
        }
    }
}

/// Sends bytes past everything: the way out for a panic.
pub fn write_polled(bytes: &[u8]) {
    flush_polled();
    for chunk in bytes.chunks(FIFO) {
        while inb(LSR) & THRE == 0 {}
        for &byte in chunk {
            outb(DATA, byte);
        }
    }
}

/// Waits until the last bit has left, with interrupts off.
pub fn finish_polled() {
    while inb(LSR) & TEMT == 0 {}
}
