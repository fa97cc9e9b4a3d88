//! Tagged data: section 3.18 of the contract.

use ringhold_debugapi::HResult;
use ringhold_debugapi::spaces::{Guid, MACHINE_DESCRIPTION, MachineDescription};

use crate::bench::{Bench, RAM_BYTES, SLOT, WINDOW};

#[test]
fn the_machine_describes_itself() {
    let mut bench = Bench::new();
    let before = bench.state();
    let spaces = bench.spaces();
    let size = spaces.read_tagged(MACHINE_DESCRIPTION, 0, &mut []).unwrap().size;
    let mut blob = vec![0; size];
    let done = spaces.read_tagged(MACHINE_DESCRIPTION, 0, &mut blob).unwrap();
    assert_eq!((done.count, done.hresult()), (size, HResult::OK));
    let machine: MachineDescription = ron::from_str(std::str::from_utf8(&blob).unwrap()).unwrap();
    assert_eq!(machine, spaces.machine_description());
    assert_eq!((machine.cpus.len(), machine.devices[0].name.as_str()), (1, "toy"));
    let memory: Vec<_> = machine.memory.iter().map(|range| (range.start, range.what.as_str())).collect();
    assert_eq!(memory[..2], [(0, "RAM"), (WINDOW, "toy")]);
    assert_eq!(machine.memory[0].size, RAM_BYTES);
    assert_eq!((machine.functions[0].slot, machine.functions[0].device.as_str()), (SLOT, "toy"));
    assert!(bench.state() == before);
}

#[test]
fn a_blob_is_read_in_pieces() {
    let mut bench = Bench::new();
    let spaces = bench.spaces();
    let size = spaces.read_tagged(MACHINE_DESCRIPTION, 0, &mut []).unwrap().size;
    let mut whole = vec![0; size];
    spaces.read_tagged(MACHINE_DESCRIPTION, 0, &mut whole).unwrap();
    let mut part = [0; 7];
    let done = spaces.read_tagged(MACHINE_DESCRIPTION, 5, &mut part).unwrap();
    assert_eq!((part.as_slice(), done.size, done.hresult()), (&whole[5..12], size, HResult::FALSE));
    let done = spaces.read_tagged(MACHINE_DESCRIPTION, size as u32 - 3, &mut part).unwrap();
    assert_eq!((done.count, done.hresult()), (3, HResult::OK));
    assert_eq!(spaces.read_tagged(MACHINE_DESCRIPTION, size as u32, &mut part).unwrap().count, 0);
    let error = spaces.read_tagged(MACHINE_DESCRIPTION, size as u32 + 1, &mut part).unwrap_err();
    assert_eq!(error.hresult(), HResult::INVALIDARG);
}

#[test]
fn an_unknown_tag_has_no_interface() {
    let mut bench = Bench::new();
    let error = bench.spaces().read_tagged(Guid(0, 0, 0, [0; 8]), 0, &mut []).unwrap_err();
    assert_eq!(error.hresult(), HResult::NOINTERFACE);
}

#[test]
fn an_enumeration_gives_each_tag_once_until_it_is_ended() {
    let mut bench = Bench::new();
    let mut spaces = bench.spaces();
    let size = spaces.read_tagged(MACHINE_DESCRIPTION, 0, &mut []).unwrap().size;
    let (one, other) = (spaces.start_enum_tagged().unwrap(), spaces.start_enum_tagged().unwrap());
    assert_ne!(one, other);
    assert_eq!(spaces.next_tagged(one), Ok(Some((MACHINE_DESCRIPTION, size))));
    assert_eq!(spaces.next_tagged(one), Ok(None));
    assert_eq!(spaces.next_tagged(one), Ok(None));
    spaces.end_enum_tagged(one).unwrap();
    assert_eq!(spaces.next_tagged(other), Ok(Some((MACHINE_DESCRIPTION, size))));
    for stale in [one, 0, 99] {
        assert_eq!(spaces.next_tagged(stale).unwrap_err().hresult(), HResult::INVALIDARG);
        assert_eq!(spaces.end_enum_tagged(stale).unwrap_err().hresult(), HResult::INVALIDARG);
    }
    assert!(spaces.start_enum_tagged().unwrap() > other);
}
