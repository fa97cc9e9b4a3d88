//! Receipts tell what happened, in words and as data.

use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::PciAddress;
use ringhold_emulator::inject::{DETAIL_LIMIT, Detail, Injection, Receipt, Register, Semantics, Space};
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::{RW, US};

use crate::bench::{Bench, DATA, PORTS, ROM, WINDOW};

const PAGE: u64 = 0x40_0000;

fn text(bench: &mut Bench, injection: Injection) -> String {
    let receipt = bench.machine.inject(&injection);
    let written = ron::to_string(&receipt).unwrap();
    assert_eq!(ron::from_str::<Receipt>(&written).unwrap(), receipt, "a receipt survives its journey");
    receipt.to_string()
}

#[test]
fn a_virtual_write_shows_its_walk() {
    let mut bench = Bench::paged(Mode::Level4);
    bench.map(PAGE, DATA, RW | US);
    let space = Space::Virtual { cpu: 0, root: None };
    let words = text(&mut bench, Injection::new(space, PAGE + 0xffe, [1, 2, 3]));
    assert_eq!(
        words,
        "After 0 instructions the debugger wrote the first 2 of 3 bytes (01 02 03) at virtual address \
         0x400ffe of processor 0. 4-level paging, tables at 0x10000. For 0x400ffe the walk goes through \
         the PML4E at 0x10000 = 0x11007 (present writable user), the PDPTE at 0x11000 = 0x12007 (present \
         writable user), the PDE at 0x12010 = 0x13007 (present writable user), the PTE at 0x13000 = \
         0x40007 (present writable user) to physical 0x40ffe in a page of 4 KiB. RAM took 2 bytes at \
         0x40ffe. For 0x401000 the walk goes through the PML4E at 0x10000 = 0x11007 (present writable \
         user), the PDPTE at 0x11000 = 0x12007 (present writable user), the PDE at 0x12010 = 0x13007 \
         (present writable user), the PTE at 0x13008 = 0x0 (no flags) and finds no page. It stopped \
         because the PTE at 0x13008 is not present."
    );
}

#[test]
fn device_accesses_name_the_device_and_its_register() {
    let mut bench = Bench::new();
    let words = text(&mut bench, Injection::new(Space::Physical, WINDOW, [5, 0, 0, 0, 1]));
    assert_eq!(
        words,
        "After 0 instructions the debugger wrote 5 bytes (05 00 00 00 01) at physical address 0xd0000000. \
         Register DOORBELL of device toy took a 32-bit access at 0xd0000000. Device toy took an 8-bit \
         access at 0xd0000004. That is all."
    );
    let port = Injection::new(Space::Io { width: Width::Word }, PORTS, [1, 2]).with(Semantics::Bus);
    assert_eq!(
        text(&mut bench, port),
        "After 0 instructions a bus transaction wrote 2 bytes (01 02) at port 0x500. Register DATA of \
         device toy took 0x201 at port 0x500 (a 16-bit access). That is all."
    );
}

#[test]
fn config_writes_tell_old_masks_and_new() {
    let mut bench = Bench::new();
    let space = Space::Config(PciAddress::new(2, 1));
    assert_eq!(
        text(&mut bench, Injection::new(space, 4, [0xff, 0xff, 0xff, 0x41])),
        "After 0 instructions the debugger wrote 4 bytes (ff ff ff 41) at offset 0x4 of the configuration \
         space of 00:02.1. 00:02.1 took 0x41ffffff as 4 bytes at offset 0x4: it held 0xf9000000, software \
         can change 0x547, ones clear 0xf9000000, and it holds 0xb8000547 now. That is all."
    );
}

#[test]
fn registers_tell_old_and_new() {
    let mut bench = Bench::new();
    let space = Space::Register { cpu: 0, register: Register::named("bx").unwrap() };
    assert!(
        text(&mut bench, Injection::new(space, 0, [1, 2])).contains("It held 0x0000 and holds 0x0201 now.")
    );
    let msr = Injection::new(Space::Msr { cpu: 0 }, 0xc000_0082, 5u64.to_le_bytes());
    assert!(text(&mut bench, msr).contains("It held 0x0 and holds 0x5 now."));
}

#[test]
fn refusals_are_told() {
    let mut bench = Bench::new();
    let words = text(&mut bench, Injection::new(Space::Physical, ROM, [1]));
    assert!(
        words.contains("wrote none of 1 byte (01)") && words.ends_with("because 0xfffe0000 is ROM."),
        "{words}"
    );
    let words = text(&mut bench, Injection::new(Space::Msr { cpu: 3 }, 1, [0; 8]));
    assert!(words.ends_with("because there is no processor 3."), "{words}");
}

#[test]
fn receipts_stay_small() {
    let mut bench = Bench::new();
    let receipt = bench.machine.inject(&Injection::new(Space::Physical, WINDOW, [0; 0x1000]));
    let Detail::Physical { spans } = &receipt.detail else { panic!("another detail") };
    assert_eq!((spans.len(), spans.omitted()), (DETAIL_LIMIT, 512 - DETAIL_LIMIT));
    assert!(receipt.to_string().contains("448 more spans are left out here."));
    let ram = bench.machine.inject(&Injection::new(Space::Physical, 0, vec![0; 0x8000]));
    let Detail::Physical { spans } = &ram.detail else { panic!("another detail") };
    assert_eq!(spans.len(), 1, "RAM in one run");
}
