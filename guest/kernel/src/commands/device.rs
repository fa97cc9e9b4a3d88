//! Ports, PCI and the educational device.

use super::{Failure, Outcome, USAGE, small};
use crate::{edu as driver, pci as bus, port, println};

macro_rules! port_commands {
    ($read:ident, $write:ident, $digits:literal) => {
        pub fn $read(arguments: &[&str]) -> Outcome {
            let [port] = arguments else { return Err(USAGE) };
            println!(concat!("{:#0", $digits, "x}"), port::$read(small(port)?));
            Ok(())
        }

        pub fn $write(arguments: &[&str]) -> Outcome {
            let [port, value] = arguments else {
                return Err(USAGE);
            };
            port::$write(small(port)?, small(value)?);
            Ok(())
        }
    };
}

port_commands!(inb, outb, 4);
port_commands!(inw, outw, 6);
port_commands!(inl, outl, 10);

pub fn pci(_: &[&str]) -> Outcome {
    for function in bus::all() {
        println!(
            "{} {:04x}:{:04x} class {:02x}{:02x}{:02x} rev {:02x} {}",
            function.address,
            function.vendor,
            function.device,
            function.class,
            function.subclass,
            function.interface,
            function.revision,
            bus::class_name(function.class, function.subclass),
        );
        for (index, bar) in function.bars.iter().enumerate().filter(|(_, bar)| bar.size != 0) {
            let kind = match (bar.is_io, bar.is_64_bit) {
                (true, _) => "I/O",
                (false, false) => "memory, 32 bits",
                (false, true) => "memory, 64 bits",
            };
            let prefetchable = if bar.is_prefetchable { ", prefetchable" } else { "" };
            println!("        bar {index}: {:#010x} size {:#x} ({kind}{prefetchable})", bar.base, bar.size);
        }
        if let 1..=4 = function.interrupt_pin {
            let pin = char::from(b'A' + function.interrupt_pin - 1);
            println!("        INT{pin}# on irq {}", function.interrupt_line);
        }
    }
    Ok(())
}

pub fn edu(_: &[&str]) -> Outcome {
    let (id, line) = driver::identification().map_err(Failure::Edu)?;
    println!("  identification {id:#010x}, irq {line}");
    let answer = driver::liveness(0x1234_5678).map_err(Failure::Edu)?;
    println!("  liveness       0x12345678 answered with {answer:#010x}");
    driver::raise(0x10).map_err(Failure::Edu)?;
    println!("  interrupt      raised and acknowledged");
    let result = driver::factorial(10).map_err(Failure::Edu)?;
    println!("  factorial      10! = {result}, by interrupt");
    let bytes = driver::dma_round_trip().map_err(Failure::Edu)?;
    println!("  dma            {bytes} bytes to the device and back, the same");
    println!("edu: passed");
    Ok(())
}
