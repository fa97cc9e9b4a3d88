//! The MP table, for operating systems that run without ACPI (MultiProcessor Specification 1.4,
//! chapter 4).

use super::{Description, END, MP_BASE, Placed, TableError, checksum};
use crate::ioapic::IOAPIC_BASE;
use crate::lapic::XAPIC_BASE;

const PCI_BUS: u8 = 0;
const ISA_BUS: u8 = 1;

// Interrupt types (4.3.4).
const INT: u8 = 0;
const NMI: u8 = 1;
const EXT_INT: u8 = 3;

/// Conforms to the bus.
const CONFORMS: u8 = 0;
/// Active high, level.
const HIGH_LEVEL: u8 = 0x0d;
/// Active low, level.
const LOW_LEVEL: u8 = 0x0f;

/// The floating pointer and the table behind it.
pub(super) fn build(d: &Description) -> Result<Vec<Placed>, TableError> {
    let (entries, count) = entries(d);
    let address = MP_BASE + 16;
    let length = 44 + entries.len();
    let fits = u16::try_from(length).is_ok() && address as usize + length <= END as usize;
    if !fits {
        return Err(TableError::TooMany { what: "MP table's entries" });
    }
    let mut config = Vec::with_capacity(length);
    config.extend(b"PCMP");
    config.extend((length as u16).to_le_bytes());
    // Revision 1.4, checksum.
    config.extend([4, 0]);
    config.extend(b"RINGHOLD");
    config.extend(b"RINGHOLD PC ");
    // No OEM table.
    config.extend([0; 6]);
    config.extend((count as u16).to_le_bytes());
    config.extend((XAPIC_BASE as u32).to_le_bytes());
    // No extended table.
    config.extend([0; 4]);
    config.extend(entries);
    config[7] = checksum(&config);

    let mut pointer = Vec::with_capacity(16);
    pointer.extend(b"_MP_");
    pointer.extend(address.to_le_bytes());
    // One paragraph, revision 1.4, checksum; a configuration table, virtual wire mode.
    pointer.extend([1, 4, 0, 0, 0, 0, 0, 0]);
    pointer[10] = checksum(&pointer);
    Ok(vec![
        Placed { name: "_MP_", address: MP_BASE.into(), bytes: pointer },
        Placed { name: "PCMP", address: address.into(), bytes: config },
    ])
}

fn entries(d: &Description) -> (Vec<u8>, usize) {
    let mut list: Vec<Vec<u8>> = Vec::new();
    for cpu in 0..d.cpus {
        // Enabled; the first is the bootstrap processor. Family 6; FPU, TSC, MSR, CX8, APIC.
        let mut entry = vec![0, cpu, 0x14, if cpu == 0 { 3 } else { 1 }];
        entry.extend(0x0600u32.to_le_bytes());
        entry.extend(0x0331u32.to_le_bytes());
        entry.extend([0; 8]);
        list.push(entry);
    }
    list.push([&[1, PCI_BUS][..], b"PCI   "].concat());
    list.push([&[1, ISA_BUS][..], b"ISA   "].concat());
    list.push([&[2, d.ioapic_id, 0x20, 1][..], &(IOAPIC_BASE as u32).to_le_bytes()].concat());

    let mut wire = |kind: u8, flags: u8, bus: u8, irq: u8, pin: u8| {
        list.push(vec![3, kind, flags, 0, bus, irq, d.ioapic_id, pin]);
    };
    wire(EXT_INT, CONFORMS, ISA_BUS, 0, 0);
    wire(INT, CONFORMS, ISA_BUS, 0, 2);
    for irq in (1..16).filter(|irq| *irq != 2) {
        // What a PCI wire uses is no ISA interrupt.
        if !d.pci_interrupts.iter().any(|w| w.gsi == irq) {
            wire(INT, if irq == d.sci { HIGH_LEVEL } else { CONFORMS }, ISA_BUS, irq, irq);
        }
    }
    for w in &d.pci_interrupts {
        wire(INT, LOW_LEVEL, PCI_BUS, w.device << 2 | w.pin, w.gsi);
    }
    // The local pins of every processor.
    list.push(vec![4, EXT_INT, 0, 0, ISA_BUS, 0, 0xff, 0]);
    list.push(vec![4, NMI, 0, 0, ISA_BUS, 0, 0xff, 1]);
    (list.concat(), list.len())
}

#[cfg(test)]
mod tests {
    use super::super::PciInterrupt;
    use super::*;

    /// 4.1-4.3: pointer, sums, entry count and the length of each entry type.
    #[test]
    fn entries_tile_the_table() {
        let d = Description {
            cpus: 2,
            pci_interrupts: vec![PciInterrupt { device: 4, pin: 0, gsi: 10 }],
            ..Description::default()
        };
        let tables = build(&d).unwrap();
        let (pointer, config) = (&tables[0].bytes, &tables[1].bytes);
        for bytes in [pointer, config] {
            assert_eq!(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
        }
        assert_eq!(tables[0].address % 16, 0);
        assert_eq!(pointer[4..8], (tables[1].address as u32).to_le_bytes());
        assert_eq!(usize::from(u16::from_le_bytes([config[4], config[5]])), config.len());
        let (mut at, mut count, mut pins) = (44, 0u16, Vec::new());
        while at < config.len() {
            if config[at] == 3 && config[at + 1] == INT {
                pins.push(config[at + 7]);
            }
            at += if config[at] == 0 { 20 } else { 8 };
            count += 1;
        }
        assert_eq!((at, count), (config.len(), u16::from_le_bytes([config[34], config[35]])));
        assert_eq!(pins, [2, 1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 10]);
    }
}
