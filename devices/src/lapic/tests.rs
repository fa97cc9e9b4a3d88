//! SDM volume 3, chapter 12, section by section.

use ringhold_emulator::bus::{Signal, Width};

use super::*;
use crate::testing::Bench;

const BASE: u64 = XAPIC_BASE;

fn bench_with(config: LapicConfig) -> Bench {
    Bench::new(Lapic::new(config))
}

fn bench() -> Bench {
    bench_with(LapicConfig { virtual_wire: false, ..LapicConfig::default() })
}

fn enabled() -> Bench {
    let mut b = bench();
    b.write32(BASE + 0xf0, 0x1ff);
    b
}

fn rdmsr(b: &mut Bench, msr: u32) -> Option<u64> {
    b.board.with_local_apic(0, |apic, cx| apic.read_msr(msr, cx)).unwrap()
}

fn wrmsr(b: &mut Bench, msr: u32, value: u64) -> Option<()> {
    b.board.with_local_apic(0, |apic, cx| apic.write_msr(msr, value, cx)).unwrap()
}

fn x2apic() -> Bench {
    let mut b = enabled();
    wrmsr(&mut b, 0x1b, 0xfee0_0d00).unwrap();
    b
}

fn message(b: &mut Bench, address: u32, data: u32) {
    b.signal(Signal::Message { address, data });
}

/// 12.4.7.1: the state after power-up.
#[test]
fn reset_state() {
    let mut b = bench();
    assert_eq!(b.read32(BASE + 0x30), 0x0005_0014);
    assert_eq!(b.read32(BASE + 0xf0), 0xff);
    assert_eq!(b.read32(BASE + 0xe0), u32::MAX);
    for lvt in (0x320..=0x370).step_by(0x10) {
        assert_eq!(b.read32(BASE + lvt), 0x1_0000);
    }
    assert_eq!(rdmsr(&mut b, 0x1b), Some(0xfee0_0900));
    b.signal(Signal::Intr { level: true });
    assert!(!b.board.wires[0].ext_int, "LINT0 is masked");
}

/// The virtual wire of the MultiProcessor Specification 3.6.2.2.
#[test]
fn virtual_wire_lets_the_8259_through() {
    let mut b = bench_with(LapicConfig::default());
    b.signal(Signal::Intr { level: true });
    assert!(b.board.wires[0].ext_int);
    b.write32(BASE + 0x350, 0x1_0700);
    assert!(!b.board.wires[0].ext_int, "masked");
    b.write32(BASE + 0x350, 0x0700);
    assert!(b.board.wires[0].ext_int);
    b.signal(Signal::Intr { level: false });
    assert!(!b.board.wires[0].ext_int);
}

/// 12.4.3: globally disabled, LINT0 is the processor's INTR again.
#[test]
fn a_disabled_apic_is_transparent() {
    let mut b = bench();
    b.signal(Signal::Intr { level: true });
    wrmsr(&mut b, 0x1b, 0xfee0_0100).unwrap();
    assert!(b.board.wires[0].ext_int);
    assert_eq!(b.read32(BASE + 0x30), u32::MAX);
    message(&mut b, 0xfee0_0000, 0x4040);
    assert_eq!(b.accept(), None);
}

/// 12.12.5: the transitions that fault.
#[test]
fn mode_transitions() {
    let mut b = bench();
    assert_eq!(wrmsr(&mut b, 0x1b, 0xfee0_0500), None, "EXTD without EN");
    assert_eq!(wrmsr(&mut b, 0x1b, 0xfee0_0901), None, "reserved bit");
    wrmsr(&mut b, 0x1b, 0xfee0_0d00).unwrap();
    assert_eq!(b.read32(BASE + 0x30), u32::MAX, "no MMIO in x2APIC mode");
    assert_eq!(wrmsr(&mut b, 0x1b, 0xfee0_0900), None, "x2APIC to xAPIC");
    wrmsr(&mut b, 0x1b, 0xfee0_0100).unwrap();
    assert_eq!(wrmsr(&mut b, 0x1b, 0xfee0_0d00), None, "disabled to x2APIC");
    wrmsr(&mut b, 0x1b, 0xfee0_0900).unwrap();
    assert_eq!(b.read32(BASE + 0x30), 0x0005_0014);
}

/// 12.8.3 and 12.8.4: priorities, nesting, EOI.
#[test]
fn priorities() {
    let mut b = enabled();
    for vector in [0x41, 0x35, 0x48] {
        message(&mut b, 0xfee0_0000, 0x4000 | vector);
    }
    assert_eq!(b.read32(BASE + 0x220), 1 << 1 | 1 << 8);
    assert_eq!(b.accept(), Some(0x48));
    assert_eq!(b.read32(BASE + 0xa0), 0x40);
    assert_eq!(b.accept(), None, "same class");
    message(&mut b, 0xfee0_0000, 0x4051);
    assert_eq!(b.accept(), Some(0x51));
    b.write32(BASE + 0xb0, 0);
    b.write32(BASE + 0xb0, 0);
    assert_eq!(b.accept(), Some(0x41));
    b.write32(BASE + 0x80, 0x3f);
    b.write32(BASE + 0xb0, 0);
    assert_eq!(b.read32(BASE + 0xa0), 0x3f);
    assert_eq!(b.accept(), None, "TPR class 3");
    b.board.with_local_apic(0, |apic, cx| apic.set_cr8(2, cx)).unwrap();
    assert_eq!(b.read32(BASE + 0x80), 0x20);
    assert_eq!(b.accept(), Some(0x35));
}

/// 12.8.5: level-triggered interrupts broadcast their end.
#[test]
fn eoi_clears_by_trigger_mode() {
    let mut b = enabled();
    message(&mut b, 0xfee0_0000, 0xc062);
    assert_eq!(b.read32(BASE + 0x1b0), 1 << 2);
    message(&mut b, 0xfee0_0000, 0x4062);
    assert_eq!(b.read32(BASE + 0x1b0), 0, "the last trigger mode counts");
}

/// 12.4.7.2: software-disabled, fixed interrupts are refused, NMI and INIT are not, and every
/// LVT entry is masked.
#[test]
fn software_disable() {
    let mut b = enabled();
    b.write32(BASE + 0x320, 0x40);
    b.write32(BASE + 0xf0, 0xff);
    assert_eq!(b.read32(BASE + 0x320), 0x1_0040);
    b.write32(BASE + 0x320, 0x40);
    assert_eq!(b.read32(BASE + 0x320), 0x1_0040);
    message(&mut b, 0xfee0_0000, 0x4041);
    assert_eq!(b.read32(BASE + 0x220), 0);
    message(&mut b, 0xfee0_0000, 0x4400);
    assert!(b.board.wires[0].nmi);
    message(&mut b, 0xfee0_0000, 0x4200);
    assert!(b.board.wires[0].smi);
    message(&mut b, 0xfee0_0000, 0x4500);
    assert!(b.board.wires[0].init);
}

/// 12.6: IPIs by shorthand and destination.
#[test]
fn interprocessor_interrupts() {
    let mut b = enabled();
    b.write32(BASE + 0x300, 0x4_0041);
    assert_eq!(b.accept(), Some(0x41), "self");
    b.write32(BASE + 0x300, 0x8_0051);
    assert_eq!(b.accept(), Some(0x51), "all including self");
    b.write32(BASE + 0x300, 0xc_0061);
    assert_eq!(b.accept(), None, "all excluding self");
    b.write32(BASE + 0x310, 0x0100_0000);
    b.write32(BASE + 0x300, 0x61);
    assert_eq!(b.accept(), None, "somebody else");
    b.write32(BASE + 0x310, 0);
    b.write32(BASE + 0x300, 0x61);
    assert_eq!(b.accept(), Some(0x61));
    b.write32(BASE + 0x300, 0x4_0400 | 1 << 14);
    assert!(b.board.wires[0].nmi);
    b.write32(BASE + 0x300, 0x4_0200 | 1 << 14);
    assert!(b.board.wires[0].smi);
    b.write32(BASE + 0x300, 0x0611);
    assert_eq!(b.board.wires[0].startup, Some(0x11));
    b.write32(BASE + 0x300, 0x0500 | 1 << 15);
    assert!(!b.board.wires[0].init, "INIT level de-assert");
}

/// 12.6.2.2: flat and cluster models.
#[test]
fn logical_destinations() {
    let mut b = enabled();
    b.write32(BASE + 0xd0, 0x2100_0000);
    message(&mut b, 0xfee0_2004, 0x4041);
    assert_eq!(b.accept(), None);
    message(&mut b, 0xfee2_0004, 0x4041);
    assert_eq!(b.accept(), Some(0x41));
    b.write32(BASE + 0xe0, 0x0fff_ffff);
    message(&mut b, 0xfee1_1004, 0x4051);
    assert_eq!(b.accept(), None, "another cluster");
    message(&mut b, 0xfee2_1004, 0x4051);
    assert_eq!(b.accept(), Some(0x51));
    message(&mut b, 0xfeef_f004, 0x4061);
    assert_eq!(b.accept(), Some(0x61), "broadcast");
}

/// 12.5.3: the error status register and its interrupt.
#[test]
fn errors() {
    let mut b = enabled();
    b.write32(BASE + 0x370, 0xe0);
    b.write32(BASE + 0x300, 0x4_0005);
    assert_eq!(b.accept(), Some(0xe0));
    assert_eq!(b.read32(BASE + 0x280), 0, "nothing before a write");
    b.write32(BASE + 0x280, 0);
    assert_eq!(b.read32(BASE + 0x280), 1 << 5);
    message(&mut b, 0xfee0_0000, 0x4007);
    b.read32(BASE + 0x3f0);
    b.write32(BASE + 0x280, 0);
    assert_eq!(b.read32(BASE + 0x280), 1 << 6 | 1 << 7);
    b.write32(BASE + 0x280, 0);
    assert_eq!(b.read32(BASE + 0x280), 0);
}

/// 12.5.4: one-shot, with the divisors of figure 12-10.
#[test]
fn one_shot_timer() {
    for (code, divisor) in [(0b1011, 1), (0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128)] {
        let mut b = enabled();
        b.write32(BASE + 0x3e0, code);
        b.write32(BASE + 0x320, 0x40);
        b.write32(BASE + 0x380, 1000);
        b.advance_to(999 * divisor);
        assert_eq!(b.read32(BASE + 0x390), 1);
        assert_eq!(b.accept(), None);
        b.advance_to(1000 * divisor);
        assert_eq!((b.read32(BASE + 0x390), b.accept()), (0, Some(0x40)));
        assert_eq!(b.board.fabric.events.next_at(), None);
    }
}

/// 12.5.4: periodic mode reloads, without drift at a crooked frequency.
#[test]
fn periodic_timer() {
    let mut b = bench_with(LapicConfig { timer_hz: 3_333_333, ..LapicConfig::default() });
    b.write32(BASE + 0x3e0, 0b1011);
    b.write32(BASE + 0x320, 0x2_0040);
    b.write32(BASE + 0x380, 3333);
    let mut fired = 0;
    for ms in 1..=1000 {
        b.advance_to(ms * 1_000_000);
        while b.accept().is_some() {
            fired += 1;
            b.write32(BASE + 0xb0, 0);
        }
    }
    assert_eq!(fired, 3_333_333 / 3333);
    b.write32(BASE + 0x380, 0);
    assert_eq!(b.board.fabric.events.next_at(), None, "a count of 0 stops it");
}

/// A masked timer counts on; unmasked it fires at the next zero.
#[test]
fn masked_timer() {
    let mut b = enabled();
    b.write32(BASE + 0x3e0, 0b1011);
    b.write32(BASE + 0x320, 0x3_0040);
    b.write32(BASE + 0x380, 1000);
    assert_eq!(b.board.fabric.events.next_at(), None);
    b.advance_to(2500);
    assert_eq!(b.read32(BASE + 0x390), 500);
    b.write32(BASE + 0x320, 0x2_0040);
    assert_eq!(b.board.fabric.events.next_at(), Some(3000));
}

/// A changed divisor keeps the count.
#[test]
fn divisor_while_running() {
    let mut b = enabled();
    b.write32(BASE + 0x3e0, 0b1011);
    b.write32(BASE + 0x320, 0x40);
    b.write32(BASE + 0x380, 1000);
    b.advance_to(400);
    b.write32(BASE + 0x3e0, 0);
    assert_eq!(b.read32(BASE + 0x390), 600);
    assert_eq!(b.board.fabric.events.next_at(), Some(400 + 1200));
}

/// 12.5.4.1: TSC-deadline mode.
#[test]
fn tsc_deadline() {
    let mut b = bench_with(LapicConfig { tsc_hz: 2_500_000_000, ..LapicConfig::default() });
    wrmsr(&mut b, 0x6e0, 5000).unwrap();
    assert_eq!(rdmsr(&mut b, 0x6e0), Some(0), "ignored in other modes");
    b.write32(BASE + 0x320, 0x4_0040);
    b.write32(BASE + 0x380, 1000);
    assert_eq!(b.read32(BASE + 0x390), 0);
    wrmsr(&mut b, 0x6e0, 5000).unwrap();
    b.advance_to(1999);
    assert_eq!(rdmsr(&mut b, 0x6e0), Some(5000));
    b.advance_to(2000);
    assert_eq!((rdmsr(&mut b, 0x6e0), b.accept()), (Some(0), Some(0x40)));
    b.write32(BASE + 0xb0, 0);
    wrmsr(&mut b, 0x6e0, 1).unwrap();
    b.advance_to(2000);
    assert_eq!(b.accept(), Some(0x40), "a deadline in the past fires at once");
    wrmsr(&mut b, 0x6e0, 1 << 40).unwrap();
    b.write32(BASE + 0x320, 0x40);
    assert_eq!(rdmsr(&mut b, 0x6e0), Some(0), "leaving the mode disarms");
    assert_eq!(b.board.fabric.events.next_at(), None);
}

/// 12.12.1: the MSR register file and its faults.
#[test]
fn x2apic_registers() {
    let mut b = x2apic();
    assert_eq!(rdmsr(&mut b, 0x802), Some(0));
    assert_eq!(rdmsr(&mut b, 0x80d), Some(1));
    for absent in [0x80e, 0x831, 0x80b, 0x83f, 0x8ff, 0x804] {
        assert_eq!(rdmsr(&mut b, absent), None, "{absent:#x}");
    }
    for (msr, value) in [(0x802, 0), (0x80d, 0), (0x80b, 1), (0x828, 1), (0x808, 0x100), (0x80f, 0x1000)] {
        assert_eq!(wrmsr(&mut b, msr, value), None, "{msr:#x}");
    }
    wrmsr(&mut b, 0x83f, 0x44).unwrap();
    assert_eq!(b.accept(), Some(0x44));
    wrmsr(&mut b, 0x80b, 0).unwrap();
    wrmsr(&mut b, 0x830, 0x0000_0000_0000_0045).unwrap();
    assert_eq!(b.accept(), Some(0x45));
    assert_eq!(rdmsr(&mut b, 0x830), Some(0x45));
    wrmsr(&mut b, 0x830, 0xffff_ffff_0000_0066).unwrap();
    assert_eq!(b.accept(), Some(0x66), "broadcast");
    wrmsr(&mut b, 0x830, 0x0000_0001_0000_0877).unwrap();
    assert_eq!(b.accept(), Some(0x77), "logical");
    wrmsr(&mut b, 0x830, 0x0000_0100_0000_0088).unwrap();
    assert_eq!(b.accept(), None, "processor 256");
}

/// 12.4.1: 32-bit accesses on 16-byte boundaries.
#[test]
fn access_rules() {
    let mut lapic = Lapic::new(LapicConfig::default());
    let mut b = bench();
    let mut cx = b.board.fabric.cx(ringhold_emulator::bus::DeviceId(0));
    assert_eq!(lapic.read(0, 0x20, Width::Byte, &mut cx), Err(AccessError::Width));
    assert_eq!(lapic.read(0, 0x24, Width::Dword, &mut cx), Err(AccessError::NoRegister));
    assert_eq!(lapic.write(0, 0x20, Width::Dword, 1, &mut cx), Err(AccessError::Direction));
    assert_eq!(lapic.read(0, u64::MAX, Width::Qword, &mut cx), Err(AccessError::NoRegister));
    assert_eq!(lapic.register(0, 0x320), Some("LVT_TIMER"));
    assert_eq!(lapic.register(0, u64::MAX), None);
}

#[test]
fn a_restored_apic_goes_on() {
    let mut b = enabled();
    b.write32(BASE + 0x320, 0x40);
    b.write32(BASE + 0x380, 1000);
    message(&mut b, 0xfee0_0000, 0x4051);
    b.advance_to(700);
    b.save_and_restore();
    assert_eq!(b.accept(), Some(0x51));
    b.write32(BASE + 0xb0, 0);
    b.advance_to(2000);
    assert_eq!(b.accept(), Some(0x40));
}
