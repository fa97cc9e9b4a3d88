//! The tables that firmware leaves for an operating system: ACPI 6.5 and the MultiProcessor
//! Specification 1.4. Pure data: a [`Description`] goes in, addresses and bytes come out.
//!
//! The ACPI tables lie from 0xE0000 on, with the RSDP first; the MP floating pointer lies at
//! 0xF0000 with its table behind it. The FACS is among the former: the operating system writes
//! its global lock, so that region should be RAM, reported as reserved or as ACPI NVS.

mod dsdt;
mod mp;

use ::acpi_tables::Aml;
use ::acpi_tables::fadt::{FADTBuilder, Flags};
use ::acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use ::acpi_tables::sdt::Sdt;
use serde::{Deserialize, Serialize};

use crate::acpi_pm::{ACPI_DISABLE, ACPI_ENABLE, SMI_COMMAND};
use crate::hpet::HPET_BASE;
use crate::ioapic::IOAPIC_BASE;
use crate::isa_bridge::RESET_CONTROL;
use crate::lapic::XAPIC_BASE;

/// Where the ACPI tables begin; the RSDP is the first.
pub const ACPI_BASE: u32 = 0xe_0000;
/// Where the MP floating pointer lies, and the end of the ACPI tables.
pub const MP_BASE: u32 = 0xf_0000;
/// The end of the region that firmware tables may lie in.
pub const END: u32 = 0x10_0000;

const OEM: [u8; 6] = *b"RNGHLD";
const OEM_TABLE: [u8; 8] = *b"RINGHOLD";

/// A serial port on the ISA bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SerialPort {
    /// The first of eight ports.
    pub port: u16,
    /// Its ISA interrupt.
    pub irq: u8,
}

/// The wire of one INTx pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PciInterrupt {
    /// Device on bus 0, 0-31.
    pub device: u8,
    /// 0 for INTA# to 3 for INTD#.
    pub pin: u8,
    /// The global system interrupt it reaches, 3-23.
    pub gsi: u8,
}

/// Ports that an operating system should leave to their owner, as those of the debug devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservedPorts {
    /// The first port.
    pub first: u16,
    /// How many.
    pub count: u8,
}

/// What the tables tell about a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Description {
    /// Processors, with APIC IDs from 0 on; at least 1.
    pub cpus: u8,
    /// The I/O APIC's ID.
    pub ioapic_id: u8,
    /// The first of the 16 ports of the power management block.
    pub pm_base: u16,
    /// The global system interrupt of the SCI.
    pub sci: u8,
    /// Whether the PM timer has 32 bits.
    pub timer_32bit: bool,
    /// The HPET's tick in nanoseconds, if there is an HPET.
    pub hpet_period_ns: Option<u8>,
    /// Physical addresses that belong to PCI memory: first and last.
    pub pci_hole: (u32, u32),
    /// INTx wires of the PCI functions.
    pub pci_interrupts: Vec<PciInterrupt>,
    /// COM ports, in order.
    pub serial_ports: Vec<SerialPort>,
    /// Whether there is an 8042 with keyboard and mouse.
    pub keyboard: bool,
    /// Whether there is a VGA-compatible display, as opposed to none.
    pub vga: bool,
    /// Ports of the debug devices.
    pub reserved_ports: Vec<ReservedPorts>,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            cpus: 1,
            ioapic_id: 0,
            pm_base: 0x600,
            sci: 9,
            timer_32bit: true,
            hpet_period_ns: Some(10),
            pci_hole: (0xe000_0000, 0xfebf_ffff),
            pci_interrupts: Vec::new(),
            serial_ports: vec![SerialPort { port: 0x3f8, irq: 4 }],
            keyboard: true,
            vga: false,
            reserved_ports: Vec::new(),
        }
    }
}

/// A description that no tables can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A machine has a processor.
    #[error("a machine has at least one processor")]
    NoProcessor,
    /// The hole is upside down.
    #[error("the PCI hole {first:#x}-{last:#x} is empty")]
    Hole {
        /// First address.
        first: u32,
        /// Last address.
        last: u32,
    },
    /// An interrupt wire that cannot exist.
    #[error("interrupt {gsi} of device {device:#x}, pin {pin} is out of range")]
    Interrupt {
        /// Device on bus 0.
        device: u8,
        /// Pin, counted from zero.
        pin: u8,
        /// Global system interrupt.
        gsi: u8,
    },
    /// Ports run over 0xffff.
    #[error("ports from {first:#x} on run over 0xffff")]
    Ports {
        /// The first port.
        first: u16,
    },
    /// Too many serial ports, processors or wires to tell.
    #[error("the {what} do not fit")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
    },
}

/// One table and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The table's signature.
    pub name: &'static str,
    /// Physical address of its first byte.
    pub address: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Builds all tables.
///
/// # Errors
/// When the description contradicts itself or does not fit into the region.
pub fn build(description: &Description) -> Result<Vec<Placed>, TableError> {
    check(description)?;
    let mut tables = acpi(description)?;
    tables.extend(mp::build(description)?);
    Ok(tables)
}

fn check(d: &Description) -> Result<(), TableError> {
    if d.cpus == 0 {
        return Err(TableError::NoProcessor);
    }
    let (first, last) = d.pci_hole;
    if first >= last {
        return Err(TableError::Hole { first, last });
    }
    for &PciInterrupt { device, pin, gsi } in &d.pci_interrupts {
        if device > 31 || pin > 3 || !(3..24).contains(&gsi) {
            return Err(TableError::Interrupt { device, pin, gsi });
        }
    }
    // 32 devices of four pins each; a package could hold 255 entries.
    if d.pci_interrupts.len() > 128 {
        return Err(TableError::TooMany { what: "PCI interrupts" });
    }
    let spans = d.reserved_ports.iter().map(|r| (r.first, u16::from(r.count)));
    let serial = d.serial_ports.iter().map(|s| (s.port, 8));
    for (first, count) in spans.chain(serial).chain([(d.pm_base, 16)]) {
        if count == 0 || first.checked_add(count - 1).is_none() {
            return Err(TableError::Ports { first });
        }
    }
    if d.serial_ports.len() > 4 {
        return Err(TableError::TooMany { what: "serial ports" });
    }
    if let Some(s) = d.serial_ports.iter().find(|s| s.irq > 15) {
        return Err(TableError::Interrupt { device: 0, pin: 0, gsi: s.irq });
    }
    if !(3..24).contains(&d.sci) {
        return Err(TableError::Interrupt { device: 0, pin: 0, gsi: d.sci });
    }
    Ok(())
}

/// Lays tables one behind the other.
struct Layout {
    next: u32,
    placed: Vec<Placed>,
}

impl Layout {
    fn put(&mut self, name: &'static str, bytes: Vec<u8>) -> u32 {
        let address = self.next;
        // The FACS asks for 64 bytes; the others profit from it.
        self.next = (address + bytes.len() as u32).next_multiple_of(64);
        self.placed.push(Placed { name, address: address.into(), bytes });
        address
    }
}

fn acpi(d: &Description) -> Result<Vec<Placed>, TableError> {
    let mut layout = Layout { next: ACPI_BASE + 64, placed: Vec::new() };
    let facs = layout.put("FACS", facs());
    let dsdt = layout.put("DSDT", dsdt::build(d));
    let mut listed = vec![layout.put("FACP", fadt(d, facs, dsdt)), layout.put("APIC", madt(d))];
    if let Some(period) = d.hpet_period_ns {
        listed.push(layout.put("HPET", hpet(period)));
    }
    let long: Vec<u8> = listed.iter().flat_map(|at| u64::from(*at).to_le_bytes()).collect();
    let short: Vec<u8> = listed.iter().flat_map(|at| at.to_le_bytes()).collect();
    let xsdt = layout.put("XSDT", table(*b"XSDT", 1, &long));
    let rsdt = layout.put("RSDT", table(*b"RSDT", 1, &short));
    if layout.next > MP_BASE {
        return Err(TableError::TooMany { what: "ACPI tables" });
    }
    let rsdp = Placed { name: "RSDP", address: ACPI_BASE.into(), bytes: rsdp(rsdt, xsdt) };
    layout.placed.insert(0, rsdp);
    Ok(layout.placed)
}

/// What makes the bytes add up to zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}

fn table(signature: [u8; 4], revision: u8, body: &[u8]) -> Vec<u8> {
    let mut sdt = Sdt::new(signature, 36, revision, OEM, OEM_TABLE, 1);
    sdt.append_slice(body);
    sdt.as_slice().to_vec()
}

/// 5.2.5.3: with both the RSDT's and the XSDT's address.
fn rsdp(rsdt: u32, xsdt: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    bytes.extend(b"RSD PTR \0");
    bytes.extend(OEM);
    bytes.push(2);
    bytes.extend(rsdt.to_le_bytes());
    bytes.extend(36u32.to_le_bytes());
    bytes.extend(u64::from(xsdt).to_le_bytes());
    bytes.extend([0; 4]);
    bytes[8] = checksum(&bytes[..20]);
    bytes[32] = checksum(&bytes);
    bytes
}

/// 5.2.10: nothing to wake up to; version 2.
fn facs() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..4].copy_from_slice(b"FACS");
    bytes[4] = 64;
    bytes[32] = 2;
    bytes
}

/// 5.2.9.
fn fadt(d: &Description, facs: u32, dsdt: u32) -> Vec<u8> {
    // An 8042 and legacy devices on the ISA bus; whether a VGA must not be probed.
    let boot = 1 | u16::from(d.keyboard) << 1 | u16::from(!d.vga) << 2;
    let port = |at: u16, bits: u8, size: AccessSize| {
        GAS::new(AddressSpace::SystemIo, bits, 0, size, u64::from(d.pm_base + at))
    };
    let mut fadt = FADTBuilder::new(OEM, OEM_TABLE, 1)
        .firmware_ctrl_32(facs)
        .flag(Flags::Wbinvd)
        .flag(Flags::ProcC1)
        .flag(Flags::FixRtc)
        .flag(Flags::ResetRegSup)
        .gpe_info(u32::from(d.pm_base) + 12, 0, 4, 0, 0);
    if d.timer_32bit {
        fadt = fadt.flag(Flags::TmrValExt);
    }
    fadt.dsdt = dsdt.into();
    fadt.x_dsdt = u64::from(dsdt).into();
    fadt.sci_int = u16::from(d.sci).into();
    fadt.smi_cmd = u32::from(SMI_COMMAND).into();
    (fadt.acpi_enable, fadt.acpi_disable) = (ACPI_ENABLE, ACPI_DISABLE);
    fadt.pm1a_evt_blk = u32::from(d.pm_base).into();
    fadt.pm1a_cnt_blk = (u32::from(d.pm_base) + 4).into();
    fadt.pm_tmr_blk = (u32::from(d.pm_base) + 8).into();
    (fadt.pm1_evt_len, fadt.pm1_cnt_len, fadt.pm_tmr_len) = (4, 2, 4);
    fadt.x_pm1a_evt_blk = port(0, 32, AccessSize::WordAccess);
    fadt.x_pm1a_cnt_blk = port(4, 16, AccessSize::WordAccess);
    fadt.x_pm_tmr_blk = port(8, 32, AccessSize::DwordAccess);
    fadt.x_gpe0_blk = port(12, 32, AccessSize::ByteAccess);
    // Latencies that say: no C2, no C3.
    (fadt.p_lvl2_lat, fadt.p_lvl3_lat) = (0x0fff.into(), 0x0fff.into());
    fadt.century = 0x32;
    fadt.iapc_boot_arch = boot.into();
    fadt.reset_reg = GAS::new(AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, RESET_CONTROL.into());
    fadt.reset_value = 6;
    let mut bytes = Vec::new();
    fadt.finalize().to_aml_bytes(&mut bytes);
    bytes
}

/// 5.2.12.
fn madt(d: &Description) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend((XAPIC_BASE as u32).to_le_bytes());
    // There is an 8259 pair beside.
    body.extend(1u32.to_le_bytes());
    for cpu in 0..d.cpus {
        body.extend([0, 8, cpu, cpu]);
        body.extend(1u32.to_le_bytes());
    }
    body.extend([1, 12, d.ioapic_id, 0]);
    body.extend((IOAPIC_BASE as u32).to_le_bytes());
    body.extend(0u32.to_le_bytes());
    let mut source_override = |source: u8, gsi: u8, flags: u16| {
        body.extend([2, 10, 0, source]);
        body.extend(u32::from(gsi).to_le_bytes());
        body.extend(flags.to_le_bytes());
    };
    source_override(0, 2, 0);
    if d.sci < 16 {
        // Active high, level.
        source_override(d.sci, d.sci, 0x0d);
    }
    // LINT1 of all processors is NMI.
    body.extend([4, 6, 0xff, 0, 0, 1]);
    table(*b"APIC", 5, &body)
}

/// IA-PC HPET Specification 1.0a, 3.2.4.
fn hpet(period_ns: u8) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x8086_a201u32.to_le_bytes());
    body.extend([0, 64, 0, 0]);
    body.extend(HPET_BASE.to_le_bytes());
    body.push(0);
    // The shortest period that does not lose interrupts: 10 microseconds.
    let ticks = 10_000 / u16::from(period_ns.clamp(1, 100));
    body.extend(ticks.to_le_bytes());
    body.push(0);
    table(*b"HPET", 1, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(bytes: &[u8]) -> u8 {
        bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte))
    }

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    fn rich() -> Description {
        Description {
            pci_interrupts: vec![
                PciInterrupt { device: 4, pin: 0, gsi: 16 },
                PciInterrupt { device: 5, pin: 1, gsi: 17 },
            ],
            serial_ports: vec![SerialPort { port: 0x3f8, irq: 4 }, SerialPort { port: 0x2f8, irq: 3 }],
            reserved_ports: vec![ReservedPorts { first: 0xf4, count: 4 }],
            ..Description::default()
        }
    }

    fn at(tables: &[Placed], address: u64) -> &Placed {
        tables.iter().find(|t| t.address == address).expect("a table where a pointer says")
    }

    /// 5.2.5-5.2.8: every pointer leads to a table with the right signature, length and sum.
    #[test]
    fn pointers_lengths_and_checksums() {
        let tables = build(&rich()).unwrap();
        let rsdp = at(&tables, ACPI_BASE.into());
        assert_eq!(&rsdp.bytes[..8], b"RSD PTR ");
        assert_eq!((sum(&rsdp.bytes[..20]), sum(&rsdp.bytes)), (0, 0));
        let rsdt = at(&tables, word(&rsdp.bytes, 16).into());
        let xsdt = at(&tables, word(&rsdp.bytes, 24).into());
        assert_eq!((&rsdt.bytes[..4], &xsdt.bytes[..4]), (&b"RSDT"[..], &b"XSDT"[..]));
        for i in 0..3 {
            assert_eq!(word(&rsdt.bytes, 36 + 4 * i), word(&xsdt.bytes, 36 + 8 * i));
            let listed = at(&tables, word(&rsdt.bytes, 36 + 4 * i).into());
            assert_eq!(listed.bytes[..4], *[b"FACP", b"APIC", b"HPET"][i]);
        }
        for t in tables.iter().filter(|t| !["RSDP", "FACS", "_MP_", "PCMP"].contains(&t.name)) {
            assert_eq!(word(&t.bytes, 4) as usize, t.bytes.len(), "{}", t.name);
            assert_eq!(sum(&t.bytes), 0, "{}", t.name);
        }
        let fadt = tables.iter().find(|t| t.name == "FACP").unwrap();
        let facs = at(&tables, word(&fadt.bytes, 36).into());
        assert_eq!((facs.name, facs.address % 64), ("FACS", 0));
        assert_eq!(at(&tables, word(&fadt.bytes, 40).into()).name, "DSDT");
        assert_eq!(word(&fadt.bytes, 140), word(&fadt.bytes, 40), "X_DSDT");
        assert_eq!(word(&fadt.bytes, 112), 0x545, "WBINVD, C1, RTC not fixed, 32-bit timer, reset register");
        assert_eq!(fadt.bytes[128], 6);
    }

    #[test]
    fn tables_do_not_overlap() {
        let mut tables = build(&Description { cpus: 255, ..rich() }).unwrap();
        tables.sort_by_key(|t| t.address);
        for pair in tables.windows(2) {
            assert!(pair[0].address + pair[0].bytes.len() as u64 <= pair[1].address);
        }
        assert!(tables.iter().all(|t| t.address + (t.bytes.len() as u64) <= END.into()));
    }

    /// 5.2.12: the entries of the MADT tile it.
    #[test]
    fn madt_entries() {
        let bytes = madt(&Description { cpus: 2, ..rich() });
        let (mut at, mut kinds) = (44, Vec::new());
        while at < bytes.len() {
            kinds.push(bytes[at]);
            at += usize::from(bytes[at + 1]);
        }
        assert_eq!(at, bytes.len());
        assert_eq!(kinds, [0, 0, 1, 2, 2, 4]);
    }

    #[test]
    fn contradictions_are_refused() {
        let bad = |change: fn(&mut Description)| {
            let mut d = Description::default();
            change(&mut d);
            build(&d).unwrap_err()
        };
        assert_eq!(bad(|d| d.cpus = 0), TableError::NoProcessor);
        assert_eq!(bad(|d| d.pci_hole = (5, 4)), TableError::Hole { first: 5, last: 4 });
        assert_eq!(bad(|d| d.pm_base = 0xfff8), TableError::Ports { first: 0xfff8 });
        bad(|d| d.sci = 24);
        bad(|d| d.pci_interrupts = vec![PciInterrupt { device: 32, pin: 0, gsi: 16 }]);
        bad(|d| d.serial_ports = vec![SerialPort { port: 0x3f8, irq: 4 }; 5]);
    }

    proptest! {
        #[test]
        fn nothing_in_a_description_panics(
            (cpus, sci, pm_base, hpet) in any::<(u8, u8, u16, Option<u8>)>(),
            hole in any::<(u32, u32)>(),
            wires in proptest::collection::vec((0u8..34, 0u8..5, any::<u8>()), 0..200),
            ports in proptest::collection::vec(any::<(u16, u8)>(), 0..50),
        ) {
            let _ = build(&Description {
                cpus,
                sci,
                pm_base,
                hpet_period_ns: hpet,
                pci_hole: hole,
                pci_interrupts: wires
                    .into_iter()
                    .map(|(device, pin, gsi)| PciInterrupt { device, pin, gsi: gsi % 25 })
                    .collect(),
                reserved_ports: ports
                    .into_iter()
                    .map(|(first, count)| ReservedPorts { first, count })
                    .collect(),
                ..Description::default()
            });
        }
    }
}
