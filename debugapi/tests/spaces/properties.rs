//! Random ranges over random mappings, against a model that moves one byte at a time.

use proptest::prelude::*;
use ringhold_debugapi::{Completion, Location};
use ringhold_emulator::inject::{Detail, Semantics, Space};
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::{A, D, RW, US};
use ringhold_emulator::state::{cr4, efer};

use crate::bench::{Bench, DATA, HOLE, RAM_BYTES, ROM};

const BASE: u64 = 0x7f_f000;
const PAGES: u64 = 6;
const VIRTUAL: Space = Space::Virtual { cpu: 0, root: None };

/// What a page of the tested range maps.
#[derive(Clone, Copy, Debug)]
enum Mapping {
    Nothing,
    Ram(u64),
    Rom,
    Hole,
}

fn mapping() -> impl Strategy<Value = (Mapping, u64)> {
    let target = prop_oneof![
        6 => (0..4u64).prop_map(|page| Mapping::Ram(DATA + (page << 12))),
        1 => Just(Mapping::Nothing),
        1 => Just(Mapping::Rom),
        1 => Just(Mapping::Hole),
    ];
    (target, any::<u64>().prop_map(|flags| flags & (RW | US | A | D)))
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Legacy, Mode::Pae, Mode::Level4, Mode::Level5])
}

fn bench(mode: Mode, pages: &[(Mapping, u64)]) -> Bench {
    let mut bench = Bench::paged(mode);
    for (at, (mapping, flags)) in (BASE..).step_by(0x1000).zip(pages) {
        match mapping {
            Mapping::Nothing => {}
            Mapping::Ram(physical) => bench.map(at, *physical, *flags),
            Mapping::Rom => bench.map(at, ROM, *flags),
            Mapping::Hole => bench.map(at, HOLE, *flags),
        }
    }
    let noise: Vec<u8> = (0..0x4000u32).map(|i| (i * 7 + i / 255) as u8).collect();
    bench.poke(DATA, &noise);
    bench.poke(ROM, &noise[..0x1000]);
    bench
}

/// Where the byte at a virtual address lies in [`Bench::image`], and whether it may be written.
fn place(pages: &[(Mapping, u64)], address: u64) -> Option<(usize, bool)> {
    let page = pages.get(usize::try_from(address.checked_sub(BASE)? >> 12).ok()?)?;
    let offset = address & 0xfff;
    match page.0 {
        Mapping::Ram(physical) => Some(((physical + offset) as usize, true)),
        Mapping::Rom => Some(((RAM_BYTES + offset) as usize, false)),
        Mapping::Nothing | Mapping::Hole => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn virtual_writes_are_byte_by_byte_writes(
        mode in mode(),
        pages in prop::collection::vec(mapping(), PAGES as usize),
        start in BASE - 0x800..BASE + (PAGES << 12) + 0x100,
        bytes in prop::collection::vec(any::<u8>(), 0..0x3800),
    ) {
        let mut bench = bench(mode, &pages);
        let mut model = bench.image();
        let mut count = 0;
        for (address, byte) in (start..).zip(&bytes) {
            match place(&pages, address) {
                Some((at, true)) => model[at] = *byte,
                _ => break,
            }
            count += 1;
        }
        let before = bench.machine.cpus[0].state();
        let location = Location::virtual_address(start);
        match bench.spaces().write_virtual(start, &bytes) {
            Ok(done) => prop_assert_eq!((done.count, done.receipt.written), (count, count)),
            Err(_) => prop_assert!(count == 0 && !bytes.is_empty()),
        }
        prop_assert!(bench.image() == model, "contents, tables and all the rest");
        // The state is that of a machine whose bytes were put there past every rule.
        let mut poked = self::bench(mode, &pages);
        let changed = |page: &usize| model[page << 12..][..0x1000] != poked.image()[page << 12..][..0x1000];
        let changed: Vec<usize> = (0..model.len() >> 12).filter(changed).collect();
        for page in changed {
            let at = if page << 12 < RAM_BYTES as usize { (page << 12) as u64 } else { ROM };
            poked.poke(at, &model[page << 12..][..0x1000]);
        }
        prop_assert_eq!(bench.machine.state_hash(), poked.machine.state_hash());
        // The same write once more through the other door changes nothing but the code.
        let mut spaces = bench.spaces();
        match spaces.host_memory().write_bytes(None, location, &bytes) {
            Ok((Completion::All, _)) => prop_assert_eq!(count, bytes.len()),
            Ok((Completion::Partial(part), _)) => prop_assert!(part == count && 0 < count && count < bytes.len()),
            Err(_) => prop_assert!(count == 0 && !bytes.is_empty()),
        }
        prop_assert!(bench.image() == model);
        prop_assert!(bench.machine.cpus[0].state() == before);
        prop_assert_eq!(bench.machine.cpus[0].tlb.translations().count(), 0);
    }

    #[test]
    fn an_access_walks_the_tables_as_they_are_now(
        mode in mode(),
        pages in prop::collection::vec(mapping(), PAGES as usize),
        changes in prop::collection::vec((0..3u8, any::<prop::sample::Index>(), 0..64u32, 0..PAGES), 1..24),
    ) {
        let mut bench = bench(mode, &pages);
        for (kind, entry, bit, page) in changes {
            let linear = BASE + (page << 12) + 0x123;
            let translate = |bench: &Bench| bench.machine.translate(0, None, linear).unwrap();
            let walk = translate(&bench);
            // Accesses come in pairs, so that the second finds the walk of the first.
            let _ = bench.spaces().read_virtual(linear, &mut [0; 4]);
            match kind {
                0 => bench.machine.cpus[0].control.efer ^= efer::NXE,
                1 => bench.machine.cpus[0].control.cr4 ^= cr4::PSE,
                _ if walk.trail.is_empty() => {}
                _ => {
                    let entries: Vec<_> = walk.trail.iter().collect();
                    let entry = entries[entry.index(entries.len())];
                    let bytes = if mode == Mode::Legacy { 4 } else { 8 };
                    let value = entry.value ^ 1 << (bit % (8 * bytes));
                    bench.poke(entry.address, &value.to_le_bytes()[..bytes as usize]);
                }
            }
            let now = translate(&bench);
            let receipt = bench.machine.write(VIRTUAL, linear, Semantics::Debugger, &[]).clone();
            prop_assert_eq!(receipt.detail, Detail::Nothing);
            let receipt = bench.machine.peek(VIRTUAL, linear, Semantics::Backdoor, &mut [0; 4]);
            let Detail::Virtual { pages, .. } = &receipt.detail else { panic!("{receipt}") };
            let step = pages.iter().next().unwrap();
            prop_assert_eq!(step.entries, now.trail);
            prop_assert_eq!(step.physical, now.outcome.ok().map(|page| page.physical));
        }
    }

    #[test]
    fn virtual_reads_are_byte_by_byte_reads(
        mode in mode(),
        pages in prop::collection::vec(mapping(), PAGES as usize),
        start in BASE - 0x800..BASE + (PAGES << 12) + 0x100,
        len in 0usize..0x3800,
    ) {
        let mut bench = bench(mode, &pages);
        let before = bench.state();
        let hash = bench.machine.state_hash();
        let mut expected = vec![0xcc; len];
        let mut count = 0;
        for (address, byte) in (start..).zip(&mut expected) {
            let Some((at, _)) = place(&pages, address) else { break };
            *byte = before.0[at];
            count += 1;
        }
        let mut buffer = vec![0xcc; len];
        match bench.spaces().read_virtual(start, &mut buffer) {
            Ok(done) => prop_assert_eq!(done.count, count),
            Err(_) => prop_assert!(count == 0 && len > 0),
        }
        prop_assert!(buffer == expected);
        prop_assert!(bench.state() == before, "a read leaves no trace");
        prop_assert_eq!(bench.machine.state_hash(), hash);
    }

    #[test]
    fn physical_writes_are_byte_by_byte_writes(
        start in prop_oneof![
            RAM_BYTES - 0x2000..RAM_BYTES + 0x100,
            ROM - 0x10..ROM + 0x1010,
            u64::MAX - 0x20..=u64::MAX,
        ],
        bytes in prop::collection::vec(any::<u8>(), 0..0x2800),
    ) {
        let mut bench = Bench::new();
        let mut model = bench.image();
        let count = bytes.len().min(RAM_BYTES.saturating_sub(start) as usize);
        if count > 0 {
            model[start as usize..start as usize + count].copy_from_slice(&bytes[..count]);
        }
        let done = bench.spaces().write_physical(start, &bytes).map_or(0, |done| done.count);
        prop_assert_eq!(done, count);
        prop_assert!(bench.image() == model);
    }

    #[test]
    fn nothing_a_client_says_panics_and_refusals_change_nothing(
        kind in 0u32..14,
        numbers in any::<(u32, u32, u32, u64, u64)>(),
        small in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (a, b, c, d, e) = numbers;
        let (a, b, c) = if small { (a % 8, b % 2, c % 300) } else { (a, b, c) };
        let mut bench = Bench::paged(Mode::Level4);
        bench.map(BASE, DATA, RW);
        let before = bench.state();
        let mut spaces = bench.spaces();
        let mut buffer = bytes.clone();
        let failed = match kind {
            0 => spaces.write_virtual(d, &bytes).is_err(),
            1 => spaces.write_physical2(d, a, &bytes).is_err(),
            2 => spaces.write_io(a, b, c, d % 0x1_0010, &bytes).is_err(),
            3 => spaces.write_bus_data(a, b, c, d as u32 % 300, &bytes).is_err(),
            4 => spaces.write_msr(a, d).is_err(),
            5 => spaces.write_control(a, d % 5, &bytes).is_err_and(|_| bytes.len() < 8),
            6 => {
                let location = Location { host_defined: ((d % 7) << 56) | (e >> 32), offset: e };
                spaces.host_memory().write_bytes(None, location, &bytes).is_err()
            }
            7 => spaces.read_virtual(d, &mut buffer).is_err(),
            8 => spaces.read_physical2(d, a, &mut buffer).is_err(),
            9 => spaces.read_bus_data(a, b, c, d as u32, &mut buffer).is_err(),
            10 => spaces.read_control(a, d % 5, &mut buffer).is_err(),
            11 => spaces.search_virtual(d, e, &bytes, a % 5, small).is_err(),
            12 => spaces.fill_virtual(d, a, &bytes).is_err(),
            _ => spaces.write_pointers_virtual(d, &[e]).is_err(),
        };
        let changes = spaces.take_changes();
        prop_assert!(!failed || changes.is_empty());
        prop_assert!(!failed || bench.state() == before);
    }
}
