//! The page walk against a second one, written from the tables of the manual (SDM volume 3,
//! chapter 5) and for clearness alone.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringhold_emulator::mmu::walk::{Context, Miss, Mode, Tables, Visited, walk};

/// Physical memory of `PAGES` pages, mostly zero. Beyond it there is nothing.
#[derive(Clone, Debug, Default)]
struct Sparse(BTreeMap<u64, u8>);

const PAGES: u64 = 12;

impl Sparse {
    fn put(&mut self, address: u64, bytes: &[u8]) {
        self.0.extend((address..).zip(bytes.iter().copied()).filter(|(_, byte)| *byte != 0));
    }

    fn get(&self, address: u64, bytes: u64) -> Option<u64> {
        if address + bytes > PAGES << 12 {
            return None;
        }
        let byte = |i| u64::from(self.0.get(&(address + i)).copied().unwrap_or(0));
        Some((0..bytes).map(|i| byte(i) << (8 * i)).sum())
    }
}

impl Tables for Sparse {
    fn entry64(&self, address: u64) -> Option<u64> {
        self.get(address, 8)
    }

    fn entry32(&self, address: u64) -> Option<u32> {
        self.get(address, 4).map(|value| value as u32)
    }
}

/// What the manual says about one address.
#[derive(Debug, PartialEq)]
struct Naive {
    physical: u64,
    size_bits: u8,
    writable: bool,
    user: bool,
    executable: bool,
    global: bool,
    dirty: bool,
}

/// Bits `high..=low` of a value, shifted down.
fn bits(value: u64, high: u32, low: u32) -> u64 {
    (value >> low) & (u64::MAX >> (63 - (high - low)))
}

/// One row for each level: its number, the bits of the linear address that select the entry, and
/// log2 of the size of the page that the entry maps if PS is set (0: PS is reserved).
fn levels(cx: &Context) -> Vec<(u8, u32, u32, u8)> {
    let huge = if cx.gigabyte_pages { 30 } else { 0 };
    match cx.mode {
        Mode::Off => vec![],
        Mode::Legacy => vec![(2, 31, 22, 22), (1, 21, 12, 12)],
        Mode::Pae => vec![(3, 31, 30, 0), (2, 29, 21, 21), (1, 20, 12, 12)],
        Mode::Level4 => vec![(4, 47, 39, 0), (3, 38, 30, huge), (2, 29, 21, 21), (1, 20, 12, 12)],
        Mode::Level5 => {
            vec![(5, 56, 48, 0), (4, 47, 39, 0), (3, 38, 30, huge), (2, 29, 21, 21), (1, 20, 12, 12)]
        }
    }
}

/// Whether an 8-byte entry has a bit that its table in the manual calls reserved.
fn reserved(cx: &Context, value: u64, level: u8, large: bool, page_bits: u8) -> bool {
    (0..64u32).filter(|bit| bits(value, *bit, *bit) == 1).any(|bit| match bit {
        7 => level > 1 && page_bits == 0,
        12..52 if bit >= u32::from(cx.physical_bits) => true,
        13..52 => large && bit < u32::from(page_bits),
        52..63 => cx.mode == Mode::Pae,
        63 => !cx.nxe,
        _ => false,
    })
}

fn naive(memory: &Sparse, cx: &Context, linear: u64, trail: &mut Vec<Visited>) -> Result<Naive, Miss> {
    let sign = match cx.mode {
        Mode::Level4 => 47,
        Mode::Level5 => 56,
        _ => 63,
    };
    if bits(linear, 63, sign) != 0 && bits(linear, 63, sign) != bits(u64::MAX, 63, sign) {
        return Err(Miss::NonCanonical);
    }
    let legacy = cx.mode == Mode::Legacy;
    let mut page = Naive {
        physical: bits(linear, 31, 0),
        size_bits: 12,
        writable: true,
        user: true,
        executable: true,
        global: false,
        dirty: true,
    };
    let mut table = match cx.mode {
        Mode::Legacy => bits(cx.cr3, 31, 12) << 12,
        Mode::Pae => bits(cx.cr3, 31, 5) << 5,
        _ => bits(cx.cr3, 51, 12) << 12,
    };
    for (level, high, low, page_bits) in levels(cx) {
        let entry_bytes = if legacy { 4 } else { 8 };
        let address = table + bits(linear, high, low) * entry_bytes;
        let pdpte = cx.mode == Mode::Pae && level == 3;
        let value = match cx.pdptes {
            Some(loaded) if pdpte => loaded[bits(linear, 31, 30) as usize],
            _ => memory.get(address, entry_bytes).ok_or(Miss::OutsideMemory)?,
        };
        trail.push(Visited { level, address, value });
        if bits(value, 0, 0) == 0 {
            return Err(Miss::NotPresent);
        }
        table = bits(value, 51, 12) << 12;
        if pdpte {
            // Its reserved bits were looked at when CR3 was loaded; it grants no rights.
            continue;
        }
        let large = level > 1 && bits(value, 7, 7) == 1 && (!legacy || cx.pse);
        if legacy && large {
            // PSE-36: bits 20:13 are address bits 39:32.
            let beyond = |bit: u32| bit + 19 >= u32::from(cx.physical_bits) && bits(value, bit, bit) == 1;
            if bits(value, 21, 21) == 1 || (13..=20).any(beyond) {
                return Err(Miss::Reserved);
            }
        } else if !legacy && reserved(cx, value, level, large, page_bits) {
            return Err(Miss::Reserved);
        }
        page.writable &= bits(value, 1, 1) == 1;
        page.user &= bits(value, 2, 2) == 1;
        page.executable &= bits(value, 63, 63) == 0;
        if large || level == 1 {
            page.size_bits = page_bits;
            page.global = bits(value, 8, 8) == 1;
            page.dirty = bits(value, 6, 6) == 1;
            let size = u32::from(page_bits);
            let offset = bits(linear, size - 1, 0);
            page.physical = match (legacy, large) {
                (true, true) => bits(value, 20, 13) << 32 | bits(value, 31, 22) << 22 | offset,
                _ => bits(value, 51, size) << size | offset,
            };
            break;
        }
    }
    Ok(page)
}

fn agree(memory: &Sparse, cx: &Context, linear: u64) -> Result<(), TestCaseError> {
    let walked = walk(memory, cx, linear);
    let mut trail = Vec::new();
    let outcome = naive(memory, cx, linear, &mut trail);
    let found = walked.outcome.map(|page| Naive {
        physical: page.physical,
        size_bits: page.size_bits,
        writable: page.writable,
        user: page.user,
        executable: page.executable,
        global: page.global,
        dirty: page.dirty,
    });
    prop_assert_eq!(found, outcome, "{:x?} {:#x} {:x?}", cx, linear, trail);
    prop_assert_eq!(walked.trail.iter().collect::<Vec<_>>(), trail);
    Ok(())
}

/// An entry: mostly a present pointer to a nearby page with random flags, sometimes with a
/// stray bit anywhere.
fn entry() -> impl Strategy<Value = u64> {
    let flags = any::<u16>().prop_map(|flags| u64::from(flags) & 0x17e);
    let present = prop::bool::weighted(0.95);
    let large = prop::bool::weighted(0.1);
    let stray = prop::option::weighted(0.2, 7u32..64);
    (0..PAGES + 1, flags, present, large, stray).prop_map(|(page, flags, present, large, stray)| {
        // A large page's address has its low bits clear, most of the time.
        let page = if large { page << 30 } else { page << 12 };
        page | flags | u64::from(present) | u64::from(large) << 7 | stray.map_or(0, |bit| 1 << bit)
    })
}

/// The indexes that the addresses below use.
const INDEXES: [u64; 4] = [0, 1, 3, 511];

fn tables(entry_bytes: usize) -> impl Strategy<Value = Sparse> {
    prop::collection::vec(entry(), PAGES as usize * INDEXES.len()).prop_map(move |entries| {
        let mut memory = Sparse::default();
        for (i, value) in entries.into_iter().enumerate() {
            let (page, index) = ((i / INDEXES.len()) as u64, INDEXES[i % INDEXES.len()]);
            memory.put((page << 12) + index * entry_bytes as u64, &value.to_le_bytes()[..entry_bytes]);
        }
        memory
    })
}

fn linear() -> impl Strategy<Value = u64> {
    let index = || prop::sample::select(INDEXES.to_vec());
    let parts = (index(), index(), index(), index(), index(), 0u64..4096);
    let five = parts.prop_map(|(a, b, c, d, e, offset)| {
        let low = a << 48 | b << 39 | c << 30 | d << 21 | e << 12 | offset;
        ((low << 7) as i64 >> 7) as u64
    });
    let four = five.clone().prop_map(|address| ((address << 16) as i64 >> 16) as u64);
    prop_oneof![4 => four, 2 => five, 1 => any::<u64>()]
}

fn context(mode: Mode) -> impl Strategy<Value = Context> {
    let physical_bits = prop_oneof![Just(52u8), 32..=52u8];
    let cr3 = (0..PAGES, 0u64..4096).prop_map(|(page, low)| page << 12 | low & 0x1f);
    let switches = any::<(bool, bool, bool)>();
    let pdptes = prop::option::of(prop::array::uniform4(entry()));
    (physical_bits, cr3, switches, pdptes).prop_map(move |(physical_bits, cr3, switches, pdptes)| {
        let (pse, nxe, gigabyte_pages) = switches;
        let pdptes = pdptes.filter(|_| mode == Mode::Pae);
        Context { mode, cr3, pse, nxe, gigabyte_pages, physical_bits, pdptes }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn four_level_paging(memory in tables(8), cx in context(Mode::Level4), at in linear()) {
        agree(&memory, &cx, at)?;
    }

    #[test]
    fn five_level_paging(memory in tables(8), cx in context(Mode::Level5), at in linear()) {
        agree(&memory, &cx, at)?;
    }

    #[test]
    fn pae_paging(memory in tables(8), cx in context(Mode::Pae), at in linear()) {
        agree(&memory, &cx, at)?;
    }

    #[test]
    fn legacy_paging(memory in tables(4), cx in context(Mode::Legacy), at in linear(), high in 0..4u64) {
        agree(&memory, &cx, at)?;
        agree(&memory, &cx, high << 22 | at & 0x3fff)?;
    }

    #[test]
    fn no_paging(memory in tables(8), cx in context(Mode::Off), at in linear()) {
        agree(&memory, &cx, at)?;
    }
}
