//! Which firmware tables a machine needs: ACPI, and MultiProcessor tables for those who do
//! without ACPI.

use ringhold_devices::acpi_tables::{
    self, Description, MP_BASE, PciInterrupt, Placed, ReservedPorts, SerialPort, TableError,
};
use ringhold_emulator::Board;

use crate::config::{Config, DeviceConfig};

/// The window of PCI memory: from the end of low RAM to the I/O APIC.
const PCI_HOLE: (u32, u32) = (0xc000_0000, 0xfebf_ffff);

/// The tables of a machine. Without local and I/O APIC there are none; without `acpi_pm`, or
/// where the config says so, there are only the MultiProcessor tables.
///
/// # Errors
/// When the devices' settings contradict each other.
pub fn build(config: &Config, board: &mut Board) -> Result<Vec<Placed>, TableError> {
    let has = |kind| config.devices.iter().any(|device| device.kind() == kind);
    if !has("lapic") || !has("ioapic") {
        return Ok(Vec::new());
    }
    let mut tables = acpi_tables::build(&describe(config, board))?;
    if !config.acpi || !has("acpi_pm") {
        tables.retain(|table| table.address >= MP_BASE.into());
    }
    Ok(tables)
}

fn describe(config: &Config, board: &mut Board) -> Description {
    let mut description = Description {
        cpus: 1,
        hpet_period_ns: None,
        pci_hole: PCI_HOLE,
        pci_interrupts: pci_interrupts(board),
        serial_ports: Vec::new(),
        keyboard: false,
        vga: false,
        ..Description::default()
    };
    for device in &config.devices {
        match device {
            DeviceConfig::Ioapic(ioapic) => description.ioapic_id = ioapic.id,
            DeviceConfig::AcpiPm(pm) => {
                description.pm_base = pm.pm_base;
                description.sci = pm.sci;
                description.timer_32bit = pm.timer_32bit;
            }
            DeviceConfig::Hpet(hpet) => description.hpet_period_ns = Some(hpet.period_ns),
            DeviceConfig::I8042(_) => description.keyboard = true,
            DeviceConfig::Uart(uart) => {
                description.serial_ports.push(SerialPort { port: uart.base, irq: uart.gsi });
            }
            DeviceConfig::DebugExit(exit) => {
                description.reserved_ports.push(ReservedPorts { first: exit.port, count: 4 });
            }
            DeviceConfig::Debugcon(console) => {
                description.reserved_ports.push(ReservedPorts { first: console.port, count: 1 });
            }
            _ => {}
        }
    }
    description
}

/// The wires of all functions that have an interrupt pin.
fn pci_interrupts(board: &mut Board) -> Vec<PciInterrupt> {
    let irqs: Vec<Vec<u8>> = board.identities().into_iter().map(|identity| identity.irqs).collect();
    let mut wires = Vec::new();
    for (address, id) in board.functions().to_vec() {
        let function = board.device(id).and_then(|(device, _)| device.pci());
        let pin = function.map_or(0, |function| function.config().byte(0x3d));
        if let (1..=4, Some(gsi)) = (pin, irqs[usize::from(id.0)].first()) {
            wires.push(PciInterrupt { device: address.device, pin: pin - 1, gsi: *gsi });
        }
    }
    wires
}
