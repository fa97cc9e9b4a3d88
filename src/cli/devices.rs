//! `ringhold devices`: what is on the board, and where.

use ringhold::boot::Images;
use ringhold::build;
use ringhold::emulator::bus::pci::{BarKind, ConfigSpace};
use ringhold::emulator::bus::{Identity, PortRange};

use super::MachineArguments;

pub fn run(arguments: &MachineArguments) -> anyhow::Result<u8> {
    let (config, _) = arguments.load()?;
    let mut board = build::board(&config, &Images::default())?;
    for identity in board.identities() {
        println!("{:<12} {}", identity.name, identity.model);
        print_fixed(&identity);
        let id = board.find(&identity.name);
        let function = id
            .and_then(|id| board.device(id))
            .and_then(|(device, _)| device.pci().map(|function| function.config().clone()));
        if let Some(function) = function {
            print_function(&function);
        }
    }
    Ok(0)
}

fn print_fixed(identity: &Identity) {
    if !identity.ports.is_empty() {
        let ports: Vec<_> = identity.ports.iter().map(ports).collect();
        line("ports", &ports.join(" "));
    }
    for window in &identity.mmio {
        line("memory", &format!("{:#x}-{:#x}", window.base, window.base + (window.size - 1)));
    }
    if !identity.irqs.is_empty() {
        let irqs: Vec<_> = identity.irqs.iter().map(u8::to_string).collect();
        line("irq", &irqs.join(" "));
    }
}

fn ports(range: &PortRange) -> String {
    match range.count {
        1 => format!("{:#x}", range.first),
        count => format!("{:#x}-{:#x}", range.first, u32::from(range.first) + u32::from(count) - 1),
    }
}

fn print_function(config: &ConfigSpace) {
    let (vendor, device) = (config.word(0), config.word(2));
    let class = config.dword(8) >> 8;
    let pin = match config.byte(0x3d) {
        pin @ 1..=4 => format!(", INT{}#", char::from(b'A' + pin - 1)),
        _ => String::new(),
    };
    line("pci", &format!("{} [{vendor:04x}:{device:04x}] class {class:06x}{pin}", config.address));
    for bar in config.bars() {
        let kind = match bar.kind {
            BarKind::Io => "ports",
            BarKind::Memory32 => "bytes of memory",
            BarKind::Memory64 => "bytes of memory, 64-bit",
        };
        line("bar", &format!("{}: {:#x} {kind}", bar.number, bar.size));
    }
}

fn line(what: &str, value: &str) {
    println!("    {what:<8} {value}");
}
