//! Reading leaves no trace: the state hash is the same after it, and the run goes on as without it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use ringhold_debugapi::spaces::{MACHINE_DESCRIPTION, slot_number};
use ringhold_debugapi::{DataSpaces, Location};
use ringhold_emulator::inject::Register;
use ringhold_emulator::mmu::walk::Mode;
use ringhold_emulator::mmu::walk::entry::{RW, US};

use crate::bench::{Bench, DATA, HOLE, ROM};

const CODE: u64 = 0x40_0000;

/// A machine in the midst of a program that touches memory, code and all.
fn running(mode: Mode) -> Bench {
    let mut bench = Bench::paged(mode);
    bench.map(CODE, DATA, RW | US);
    bench.map(CODE + 0x1000, DATA + 0x1000, RW | US);
    bench.map(CODE + 0x2000, ROM, US);
    bench.map(CODE + 0x3000, HOLE, RW);
    // l: inc dword [esi]; add edi, [esi]; jmp l
    bench.poke(DATA, &[0xff, 0x06, 0x03, 0x3e, 0xeb, 0xfa]);
    bench.poke(DATA + 0x1800, b"a string\0and w\0i\0d\0e\0\0\0");
    let cpu = &mut bench.machine.cpus[0];
    for segment in &mut cpu.seg {
        (segment.base, segment.limit) = (0, u32::MAX);
    }
    for data in [0, 2, 3] {
        cpu.seg[data].access = 0xc093;
    }
    cpu.rip = CODE;
    cpu.gpr[6] = CODE + 0x1000;
    cpu.refresh();
    bench.machine.run(50);
    assert_eq!(bench.machine.instructions(), 50, "{:?}", bench.machine.cpus[0].exception);
    bench
}

/// A call that reads, at an address and with a size; what it answers does not matter.
type Call = fn(&mut DataSpaces<'_>, u64, usize);

/// Every call of the API that reads. Ports are missing: reading one is an access to a device.
const CALLS: &[(&str, Call)] = &[
    ("read_virtual", |spaces, at, size| drop(spaces.read_virtual(at, &mut vec![0; size]))),
    ("read_virtual_uncached", |spaces, at, size| drop(spaces.read_virtual_uncached(at, &mut vec![0; size]))),
    ("inspect_virtual", |spaces, at, size| drop(spaces.inspect_virtual(at, &mut vec![0; size]))),
    ("search_virtual", |spaces, at, size| drop(spaces.search_virtual(at, size as u64, b"ing", 1, false))),
    ("read_pointers_virtual", |spaces, at, size| {
        drop(spaces.read_pointers_virtual(at, &mut vec![0; size / 8]))
    }),
    ("read_physical", |spaces, at, size| drop(spaces.read_physical(at, &mut vec![0; size]))),
    ("read_physical2", |spaces, at, size| drop(spaces.read_physical2(at, 3, &mut vec![0; size]))),
    ("inspect_physical", |spaces, at, size| drop(spaces.inspect_physical(at, &mut vec![0; size]))),
    ("read_control", |spaces, at, size| drop(spaces.read_control(0, at % 4, &mut vec![0; size]))),
    ("read_msr", |spaces, at, _| {
        for msr in [at as u32, 0x10, 0x1b, 0x277, 0xc000_0080, 0xc000_0082, 0xc000_0102] {
            drop(spaces.read_msr(msr));
        }
    }),
    ("read_bus_data", |spaces, at, size| {
        for slot in [slot_number(2, 1), at as u32] {
            drop(spaces.read_bus_data(4, 0, slot, (at % 256) as u32, &mut vec![0; size]));
        }
    }),
    ("read_debugger_data", |spaces, at, size| {
        for index in [100_000, 100_008, 100_016, 100_080, 24, at as u32] {
            drop(spaces.read_debugger_data(index, &mut vec![0; size]));
        }
    }),
    ("read_processor_system_data", |spaces, at, size| {
        for index in [0, 1, 2, 3, 4, 5, at as u32] {
            drop(spaces.read_processor_system_data(0, index, &mut vec![0; size]));
        }
    }),
    ("read_handle_data", |spaces, at, _| drop(spaces.read_handle_data(at, 0))),
    ("check_low_memory", |spaces, _, _| drop(spaces.check_low_memory())),
    ("virtual_to_physical", |spaces, at, _| drop(spaces.virtual_to_physical(at))),
    ("translation_offsets", |spaces, at, _| drop(spaces.translation_offsets(at))),
    ("offset_information", |spaces, at, _| drop(spaces.offset_information(0, 1, at))),
    ("next_differently_valid_offset_virtual", |spaces, at, _| {
        drop(spaces.next_differently_valid_offset_virtual(at));
    }),
    ("valid_region_virtual", |spaces, at, size| drop(spaces.valid_region_virtual(at, size as u32))),
    ("query_virtual", |spaces, at, _| drop(spaces.query_virtual(at))),
    ("read_image_nt_headers", |spaces, at, _| drop(spaces.read_image_nt_headers(at))),
    ("read_tagged", |spaces, at, size| {
        drop(spaces.read_tagged(MACHINE_DESCRIPTION, at as u32, &mut vec![0; size]));
    }),
    ("start_enum_tagged", |spaces, _, _| drop(spaces.start_enum_tagged())),
    ("next_tagged", |spaces, _, _| {
        let handle = spaces.start_enum_tagged().unwrap();
        while let Ok(Some(_)) = spaces.next_tagged(handle) {}
    }),
    ("end_enum_tagged", |spaces, at, _| drop(spaces.end_enum_tagged(at))),
    ("read_multi_byte_string_virtual", |spaces, at, size| {
        drop(spaces.read_multi_byte_string_virtual(at, size as u32, Some(&mut vec![0; size])));
    }),
    ("read_multi_byte_string_virtual_wide", |spaces, at, size| {
        drop(spaces.read_multi_byte_string_virtual_wide(at, size as u32, 65001, Some(&mut vec![0; size])));
    }),
    ("read_unicode_string_virtual", |spaces, at, size| {
        drop(spaces.read_unicode_string_virtual(at, size as u32, 1252, Some(&mut vec![0; size])));
    }),
    ("read_unicode_string_virtual_wide", |spaces, at, size| {
        drop(spaces.read_unicode_string_virtual_wide(at, size as u32, Some(&mut vec![0; size])));
    }),
    ("read_bytes", |spaces, at, size| {
        let register = Register::named("xmm1").unwrap();
        let places = [
            Location::virtual_address(at),
            Location::physical(at),
            Location::register(0, register),
            Location::config(0, slot_number(2, 1) as u8, at as u16),
            Location::msr(0, 0xc000_0080),
        ];
        for location in places {
            drop(spaces.host_memory().read_bytes(None, location, &mut vec![0; size]));
        }
    }),
    ("read_pointers", |spaces, at, _| {
        drop(spaces.host_memory().read_pointers(None, Location::virtual_address(at), &mut [0; 3]));
    }),
];

/// The list above is whole: every public method of these files whose name says that it reads.
#[test]
fn every_reading_call_is_in_the_list() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = fs::read_to_string(source.join("host_memory.rs")).unwrap();
    for entry in fs::read_dir(source.join("spaces")).unwrap() {
        text += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let prefixes = [
        "read_",
        "inspect_",
        "search_",
        "query_",
        "next_",
        "valid_",
        "offset_",
        "translation_",
        "virtual_to",
    ];
    let found: BTreeSet<&str> = text
        .split("pub fn ")
        .skip(1)
        .filter_map(|rest| rest.split('(').next())
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)) && !name.starts_with("read_io"))
        .collect();
    let listed: BTreeSet<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(found.len() > 20, "{found:?}");
}

fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => CODE - 0x40..CODE + 0x4040,
        2 => DATA - 0x40..DATA + 0x2040,
        1 => ROM - 8..ROM + 0x1008,
        1 => HOLE - 8..HOLE + 8,
        1 => any::<u64>().prop_filter("a device answers there", |at| at >> 28 != 0xd),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_reading_call_leaves_no_trace(
        mode in prop::sample::select(vec![Mode::Legacy, Mode::Pae, Mode::Level4]),
        at in address(),
        size in prop_oneof![0usize..64, 0usize..0x2800],
    ) {
        let mut bench = running(mode);
        let before = bench.machine.state_hash();
        for (name, call) in CALLS {
            let mut spaces = bench.spaces();
            call(&mut spaces, at, size);
            prop_assert!(spaces.take_changes().is_empty(), "{name}");
            prop_assert_eq!(bench.machine.state_hash(), before, "{} at {:#x}, {} bytes", name, at, size);
        }
        prop_assert!(bench.seen().is_empty(), "no device noticed");
        // The hot twin of the state is the same as well: it goes on as one that nobody read from.
        let mut plain = running(mode);
        plain.machine.run(120);
        bench.machine.run(120);
        prop_assert_eq!(bench.machine.state_hash(), plain.machine.state_hash());
    }

    /// Bytes of the program's own text, written under it by any of the doors, are what the next
    /// instruction executes.
    #[test]
    fn written_code_is_executed_next(physical in any::<bool>(), ahead in 50u64..90, host in any::<bool>()) {
        let mut bench = running(Mode::Level4);
        bench.machine.run(ahead);
        // Whatever is executed next becomes `jmp $`.
        let rip = bench.machine.cpus[0].rip;
        let location = match physical {
            true => Location::physical(DATA + rip % 0x1000),
            false => Location::virtual_address(rip),
        };
        let mut spaces = bench.spaces();
        let written = match (host, physical) {
            (true, _) => spaces.host_memory().write_bytes(None, location, &[0xeb, 0xfe]).is_ok(),
            (false, true) => spaces.write_physical(location.offset, &[0xeb, 0xfe]).is_ok(),
            (false, false) => spaces.write_virtual(rip, &[0xeb, 0xfe]).is_ok(),
        };
        prop_assert!(written);
        let count = bench.bytes(DATA + 0x1000, 4);
        bench.machine.run(ahead + 20);
        prop_assert_eq!(bench.machine.cpus[0].rip, rip);
        prop_assert_eq!(bench.bytes(DATA + 0x1000, 4), count);
    }
}
