//! The field rules of PCI configuration space against a model that treats each bit alone.

use proptest::prelude::*;
use ringhold_emulator::bus::pci::{Bar, BarKind, CONFIG_BYTES, ConfigSpace, Header, PciAddress, command};

/// What becomes of one bit when it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Fixed,
    Stored,
    ClearedByOne,
}

#[derive(Clone, Debug)]
struct Naive(Vec<(bool, Rule)>);

impl Naive {
    fn of(space: &ConfigSpace) -> Self {
        let bit = |i: usize| {
            let (stored, clears) = space.masks(i / 8);
            let rule = match (stored >> (i % 8) & 1, clears >> (i % 8) & 1) {
                (_, 1) => Rule::ClearedByOne,
                (1, 0) => Rule::Stored,
                _ => Rule::Fixed,
            };
            (space.byte(i / 8) >> (i % 8) & 1 == 1, rule)
        };
        Self((0..CONFIG_BYTES * 8).map(bit).collect())
    }

    fn write(&mut self, offset: usize, value: u8) {
        for n in 0..8 {
            let one = value >> n & 1 == 1;
            let Some((bit, rule)) = self.0.get_mut(offset * 8 + n) else { return };
            *bit = match rule {
                Rule::Fixed => *bit,
                Rule::Stored => one,
                Rule::ClearedByOne => *bit && !one,
            };
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[(bool, Rule)]| bits.iter().rev().fold(0, |b, bit| b << 1 | u8::from(bit.0));
        self.0.chunks(8).map(byte).collect()
    }
}

fn space(io_bits: u32, bits32: u32, bits64: u32) -> ConfigSpace {
    let header = Header {
        vendor: 0x1234,
        device: 0x11e8,
        revision: 0x10,
        class: 0x00ff_0000,
        subsystem_vendor: 0x1af4,
        subsystem: 0x1100,
        interrupt_pin: 1,
        multifunction: true,
    };
    let mut space = ConfigSpace::new(PciAddress::new(2, 1), header);
    space.add_bar(Bar { number: 0, kind: BarKind::Io, size: 1 << io_bits });
    space.add_bar(Bar { number: 1, kind: BarKind::Memory32, size: 1 << bits32 });
    space.add_bar(Bar { number: 2, kind: BarKind::Memory64, size: 1 << bits64 });
    space.add_capability(5, 0x50, &[0x80, 0, 0, 0, 0, 0], &[0x71, 0, 0xfc, 0xff, 0xff, 0xff]);
    space
}

proptest! {
    #[test]
    fn every_bit_follows_its_own_rule(
        writes in prop::collection::vec((0usize..300, any::<u8>()), 0..200),
        raised in any::<u16>(),
    ) {
        let mut space = space(8, 20, 36);
        // The device raises status bits, as hardware does.
        space.set(6, &raised.to_le_bytes());
        let mut naive = Naive::of(&space);
        for (offset, value) in writes {
            space.write(offset, value);
            naive.write(offset, value);
            prop_assert_eq!(space.bytes(), naive.bytes());
        }
        for offset in [0, 2, 8, 9, 0xe, 0x2c, 0x2e, 0x34, 0x3d, 0x3e, 0x50] {
            prop_assert_eq!(space.masks(offset), (0, 0), "offset {:#x}", offset);
        }
        prop_assert_eq!((space.word(0), space.word(2)), (0x1234, 0x11e8));
    }

    #[test]
    fn a_size_probe_tells_size_and_kind(io_bits in 2u32..9, bits32 in 12u32..31, bits64 in 12u32..40) {
        let mut space = space(io_bits, bits32, bits64);
        (0x10..0x20).for_each(|offset| space.write(offset, 0xff));
        let io = space.dword(0x10);
        prop_assert_eq!(io & 3, 1);
        prop_assert_eq!((io & 0xfffc).wrapping_neg() & 0xffff, 1 << io_bits);
        let memory32 = space.dword(0x14);
        prop_assert_eq!(memory32 & 0xf, 0);
        prop_assert_eq!((memory32 & !0xf).wrapping_neg(), 1 << bits32);
        let memory64 = u64::from(space.dword(0x18)) | u64::from(space.dword(0x1c)) << 32;
        prop_assert_eq!(memory64 & 0xf, 4);
        prop_assert_eq!((memory64 & !0xf).wrapping_neg(), 1 << bits64);
        // A probe decodes nothing, whatever the command register says.
        space.write(4, 7);
        prop_assert!(space.mappings().is_empty());
    }

    #[test]
    fn a_base_is_decoded_while_its_space_is_enabled(base in any::<u64>(), narrow in 0u32..64, enabled in 0u16..8) {
        let base = base >> narrow;
        let mut space = space(8, 16, 16);
        (0..3).for_each(|number| space.assign_bar(number, base));
        space.write(4, enabled as u8);
        for bar in space.bars().to_vec() {
            let width = match bar.kind { BarKind::Io => 16, BarKind::Memory32 => 32, BarKind::Memory64 => 64 };
            let top = (u64::MAX >> (64 - width)) & !(bar.size - 1);
            let aligned = base & top;
            prop_assert_eq!(space.bar_base(bar), aligned);
            let bit = if bar.kind == BarKind::Io { command::IO } else { command::MEMORY };
            let reachable = width < 64 || aligned < (1 << 52) - bar.size;
            let expected = enabled & bit != 0 && aligned != 0 && aligned != top && reachable;
            prop_assert_eq!(space.mappings().iter().any(|m| m.bar == bar && m.base == aligned), expected);
        }
    }
}
