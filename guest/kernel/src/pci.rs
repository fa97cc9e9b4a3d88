//! PCI: configuration mechanism 1 and enumeration (PCI Local Bus Specification 3.0,
//! 3.2.2.3 and 6).

use crate::irq_cell::{InterruptsOff, IrqCell};
use crate::log;
use crate::port::{inl, outl};
use core::fmt;

const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;

const COMMAND: u8 = 0x04;
const CLASS_REVISION: u8 = 0x08;
const HEADER: u8 = 0x0c;
const BAR0: u8 = 0x10;
const BUS_NUMBERS: u8 = 0x18;
const INTERRUPT: u8 = 0x3c;

/// Command register bits.
pub const IO_SPACE: u32 = 1 << 0;
pub const MEMORY_SPACE: u32 = 1 << 1;
pub const BUS_MASTER: u32 = 1 << 2;
pub const INTERRUPT_DISABLE: u32 = 1 << 10;

const MAX_FUNCTIONS: usize = 32;

/// Where a function sits.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub struct Address {
    pub bus: u8,
    pub device: u8,
    pub function: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

impl Address {
    fn select(self, offset: u8) {
        let slot = u32::from(self.bus) << 16 | u32::from(self.device) << 11 | u32::from(self.function) << 8;
        outl(CONFIG_ADDRESS, 1 << 31 | slot | u32::from(offset & 0xfc));
    }

    /// Reads the aligned doubleword at `offset` of configuration space.
    pub fn read(self, offset: u8) -> u32 {
        // Address and data are two accesses that belong together.
        let _guard = InterruptsOff::new();
        self.select(offset);
        inl(CONFIG_DATA)
    }

    /// Writes it.
    pub fn write(self, offset: u8, value: u32) {
        let _guard = InterruptsOff::new();
        self.select(offset);
        outl(CONFIG_DATA, value);
    }

    /// Sets and clears bits of the command register. The status register above it is
    /// write-1-to-clear: zeros leave it alone.
    pub fn command(self, set: u32, clear: u32) {
        let command = self.read(COMMAND) & 0xffff;
        self.write(COMMAND, command & !clear | set);
    }

    /// Sets a memory BAR.
    pub fn set_bar(self, index: usize, address: u32) {
        self.write(BAR0 + 4 * index as u8, address);
    }

    /// The line that the function's INTx pin is wired to, if any.
    pub fn interrupt_line(self) -> Option<u8> {
        let line = self.read(INTERRUPT) as u8;
        (1..16).contains(&line).then_some(line)
    }
}

/// A base address register.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bar {
    pub base: u64,
    /// 0: not implemented.
    pub size: u64,
    pub is_io: bool,
    pub is_64_bit: bool,
    pub is_prefetchable: bool,
}

impl Bar {
    const NONE: Self = Self { base: 0, size: 0, is_io: false, is_64_bit: false, is_prefetchable: false };
}

/// A function that answered.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Function {
    pub address: Address,
    pub header_type: u8,
    pub vendor: u16,
    pub device: u16,
    pub class: u8,
    pub subclass: u8,
    pub interface: u8,
    pub revision: u8,
    pub interrupt_line: u8,
    pub interrupt_pin: u8,
    pub bars: [Bar; 6],
}

/// What the scan found. A debugger finds it at the symbol `PCI_FUNCTIONS`.
#[repr(C)]
pub struct Functions {
    count: u64,
    functions: [Function; MAX_FUNCTIONS],
}

#[unsafe(no_mangle)]
static PCI_FUNCTIONS: IrqCell<Functions> = IrqCell::new(Functions {
    count: 0,
    functions: [Function {
        address: Address { bus: 0, device: 0, function: 0 },
        header_type: 0,
        vendor: 0,
        device: 0,
        class: 0,
        subclass: 0,
        interface: 0,
        revision: 0,
        interrupt_line: 0,
        interrupt_pin: 0,
        bars: [Bar::NONE; 6],
    }; MAX_FUNCTIONS],
});

/// Finds every function on bus 0 and behind its bridges.
pub fn init() {
    scan_bus(0);
    log!("pci: {} functions", all().len());
}

/// What the scan found.
pub fn all() -> &'static [Function] {
    // SAFETY: written by `init` only, before anyone asks.
    let found = unsafe { &*PCI_FUNCTIONS.as_ptr() };
    &found.functions[..found.count as usize]
}

/// The function with these identifiers.
pub fn find(vendor: u16, device: u16) -> Option<&'static Function> {
    all().iter().find(|function| function.vendor == vendor && function.device == device)
}

fn scan_bus(bus: u8) {
    for device in 0..32 {
        let first = Address { bus, device, function: 0 };
        if first.read(0) as u16 == 0xffff {
            continue;
        }
        // Bit 7 of the header type: more functions than the first.
        let functions = if first.read(HEADER) >> 23 & 1 == 1 { 8 } else { 1 };
        for function in 0..functions {
            let address = Address { bus, device, function };
            if address.read(0) as u16 != 0xffff {
                scan_function(address);
            }
        }
    }
}

fn scan_function(address: Address) {
    let [id, class, header, interrupt] = [0, CLASS_REVISION, HEADER, INTERRUPT].map(|at| address.read(at));
    let mut function = Function {
        address,
        header_type: (header >> 16) as u8 & 0x7f,
        vendor: id as u16,
        device: (id >> 16) as u16,
        class: (class >> 24) as u8,
        subclass: (class >> 16) as u8,
        interface: (class >> 8) as u8,
        revision: class as u8,
        interrupt_line: interrupt as u8,
        interrupt_pin: (interrupt >> 8) as u8,
        bars: [Bar::NONE; 6],
    };
    let bars = match function.header_type {
        0 => 6,
        1 => 2,
        _ => 0,
    };
    read_bars(address, &mut function.bars[..bars]);
    PCI_FUNCTIONS.with(|found| {
        if let Some(slot) = found.functions.get_mut(found.count as usize) {
            *slot = function;
            found.count += 1;
        }
    });
    if function.header_type == 1 {
        let secondary = (address.read(BUS_NUMBERS) >> 8) as u8;
        // A bridge that firmware left alone reads 0; buses are numbered downwards from it.
        if secondary > address.bus {
            scan_bus(secondary);
        }
    }
}

/// Reads base and size of each BAR. The size shows in the bits that stay zero when ones
/// are written (6.2.5.1); meanwhile the function must not decode.
fn read_bars(address: Address, bars: &mut [Bar]) {
    let command = address.read(COMMAND) & 0xffff;
    let _guard = InterruptsOff::new();
    address.command(0, IO_SPACE | MEMORY_SPACE);
    let mut index = 0;
    while index < bars.len() {
        let offset = BAR0 + 4 * index as u8;
        let probe = |offset| {
            let old = address.read(offset);
            address.write(offset, u32::MAX);
            let mask = address.read(offset);
            address.write(offset, old);
            (old, mask)
        };
        let (old, mask) = probe(offset);
        let slot = index;
        index += 1;
        if mask == 0 {
            continue;
        }
        let bar = &mut bars[slot];
        bar.is_io = old & 1 == 1;
        if bar.is_io {
            bar.base = (old & !3).into();
            // A function may leave the upper half of an I/O BAR out.
            bar.size = u64::from((mask & !3 | 0xffff_0000).wrapping_neg());
            continue;
        }
        bar.is_prefetchable = old >> 3 & 1 == 1;
        bar.is_64_bit = old >> 1 & 3 == 2;
        let (mut base, mut wide_mask) = (u64::from(old & !15), u64::from(mask & !15) | !0 << 32);
        if bar.is_64_bit {
            let (high, high_mask) = probe(offset + 4);
            base |= u64::from(high) << 32;
            wide_mask = u64::from(mask & !15) | u64::from(high_mask) << 32;
            index += 1;
        }
        bar.base = base;
        bar.size = wide_mask.wrapping_neg();
    }
    address.write(COMMAND, command);
}

/// What a class code stands for (appendix D).
pub fn class_name(class: u8, subclass: u8) -> &'static str {
    match (class, subclass) {
        (0x00, _) => "unclassified",
        (0x01, 0x01) => "IDE controller",
        (0x01, 0x06) => "SATA controller",
        (0x01, _) => "storage controller",
        (0x02, 0x00) => "Ethernet controller",
        (0x02, _) => "network controller",
        (0x03, 0x00) => "VGA controller",
        (0x03, _) => "display controller",
        (0x04, _) => "multimedia",
        (0x05, _) => "memory controller",
        (0x06, 0x00) => "host bridge",
        (0x06, 0x01) => "ISA bridge",
        (0x06, 0x04) => "PCI bridge",
        (0x06, _) => "bridge",
        (0x07, _) => "communication controller",
        (0x08, _) => "system peripheral",
        (0x0c, 0x03) => "USB controller",
        (0x0c, 0x05) => "SMBus",
        (0x0c, _) => "serial bus controller",
        (0xff, _) => "other device",
        _ => "device",
    }
}
