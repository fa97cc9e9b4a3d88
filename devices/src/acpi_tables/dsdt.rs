//! The DSDT: what an operating system cannot find by itself, in AML (ACPI 6.5, chapters 6, 19, 20).

use ::acpi_tables::Aml;
use ::acpi_tables::aml::{
    self, AddressSpace, AddressSpaceCacheable, Device, EISAName, IO, Memory32Fixed, Name, PackageBuilder,
    ResourceTemplate, Scope,
};

use super::{Description, SerialPort, table};
use crate::acpi_pm::{S5_TYPE, SMI_COMMAND};
use crate::hpet::HPET_BASE;

type Object = Box<dyn Aml>;

/// The whole table.
pub(super) fn build(d: &Description) -> Vec<u8> {
    let mut body = Vec::new();
    let mut devices = vec![host_bridge(d)];
    devices.extend((0..d.cpus).map(processor));
    if d.hpet_period_ns.is_some() {
        let crs = resources(&[Box::new(Memory32Fixed::new(false, HPET_BASE as u32, 0x400))]);
        devices.push(device("HPET", vec![hid("PNP0103"), crs]));
    }
    scope("\\_SB_", &devices).to_aml_bytes(&mut body);

    let mut s5 = PackageBuilder::new();
    for value in [S5_TYPE, S5_TYPE, 0, 0] {
        s5.add_element(&value);
    }
    Name::new("\\_S5_".into(), &s5).to_aml_bytes(&mut body);
    table(*b"DSDT", 2, &body)
}

/// AML that was serialised already, so that objects need not borrow their children.
struct Bytes(Vec<u8>);

impl Aml for Bytes {
    fn to_aml_bytes(&self, sink: &mut dyn ::acpi_tables::AmlSink) {
        sink.vec(&self.0);
    }
}

fn frozen(object: &dyn Aml) -> Object {
    let mut bytes = Vec::new();
    object.to_aml_bytes(&mut bytes);
    Box::new(Bytes(bytes))
}

fn refs(children: &[Object]) -> Vec<&dyn Aml> {
    children.iter().map(AsRef::as_ref).collect()
}

fn scope(path: &'static str, children: &[Object]) -> Object {
    frozen(&Scope::new(path.into(), refs(children)))
}

fn device(name: &str, children: Vec<Object>) -> Object {
    frozen(&Device::new(name.into(), refs(&children)))
}

fn name(path: &'static str, value: &dyn Aml) -> Object {
    frozen(&Name::new(path.into(), value))
}

fn hid(id: &'static str) -> Object {
    name("_HID", &EISAName::new(id))
}

fn resources(children: &[Object]) -> Object {
    name("_CRS", &ResourceTemplate::new(refs(children)))
}

fn ports(first: u16, count: u8) -> Object {
    Box::new(IO::new(first, first, 1, count))
}

/// An ISA interrupt, 0-15, by its small descriptor (6.4.2.1): edge, active high, not shared, and
/// subject to the MADT's source overrides, which an extended descriptor would not be.
fn irq(number: u8) -> Object {
    let [low, high] = (1u16 << (number & 15)).to_le_bytes();
    Box::new(Bytes(vec![0x22, low, high]))
}

/// 8.4: a processor device; `_UID` ties it to its local APIC in the MADT.
fn processor(cpu: u8) -> Object {
    let path = format!("CP{cpu:02X}");
    device(&path, vec![name("_HID", &"ACPI0007"), name("_UID", &cpu)])
}

fn host_bridge(d: &Description) -> Object {
    let (first, last) = d.pci_hole;
    let cold = AddressSpaceCacheable::NotCacheable;
    let windows: Vec<Object> = vec![
        Box::new(AddressSpace::new_bus_number(0u16, 0)),
        ports(0xcf8, 8),
        Box::new(AddressSpace::new_io(0u16, 0xcf7, None)),
        Box::new(AddressSpace::new_io(0xd00u16, 0xffff, None)),
        Box::new(AddressSpace::new_memory(cold, true, 0xa_0000u32, 0xb_ffff, None)),
        Box::new(AddressSpace::new_memory(cold, true, first, last, None)),
    ];
    device(
        "PCI0",
        vec![hid("PNP0A03"), name("_UID", &aml::ZERO), resources(&windows), routing(d), isa_bus(d)],
    )
}

/// 6.2.13: each wire leads to a global system interrupt of its own, with no link device between.
fn routing(d: &Description) -> Object {
    let mut table = PackageBuilder::new();
    for wire in &d.pci_interrupts {
        let mut entry = PackageBuilder::new();
        entry.add_element(&(u32::from(wire.device) << 16 | 0xffff));
        entry.add_element(&wire.pin);
        entry.add_element(&aml::ZERO);
        entry.add_element(&u32::from(wire.gsi));
        table.add_element(&entry);
    }
    name("_PRT", &table)
}

fn isa_bus(d: &Description) -> Object {
    let mut children = vec![
        name("_ADR", &0x0001_0000u32),
        device("PIC_", vec![hid("PNP0000"), resources(&[ports(0x20, 2), ports(0xa0, 2), irq(2)])]),
        device("TMR_", vec![hid("PNP0100"), resources(&[ports(0x40, 4), irq(0)])]),
        device("RTC_", vec![hid("PNP0B00"), resources(&[ports(0x70, 2), irq(8)])]),
    ];
    if d.keyboard {
        let crs = resources(&[ports(0x60, 1), ports(0x64, 1), irq(1)]);
        children.push(device("KBD_", vec![hid("PNP0303"), crs]));
        children.push(device("MOU_", vec![hid("PNP0F13"), resources(&[irq(12)])]));
    }
    for (index, SerialPort { port, irq: line }) in d.serial_ports.iter().enumerate() {
        let unit = index as u8 + 1;
        let crs = resources(&[ports(*port, 8), irq(*line)]);
        children.push(device(&format!("COM{unit}"), vec![hid("PNP0501"), name("_UID", &unit), crs]));
    }
    let mut board = vec![ports(SMI_COMMAND, 2), ports(d.pm_base, 16)];
    board.extend(d.reserved_ports.iter().map(|r| ports(r.first, r.count)));
    children.push(device("SYSR", vec![hid("PNP0C02"), resources(&board)]));
    device("ISA_", children)
}
