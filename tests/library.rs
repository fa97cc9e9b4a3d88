//! The library as an embedding test uses it, and the machines of `configs/`.

use std::path::Path;

use ringhold::{Config, Machine, Stop};

/// The example of the README.
#[test]
fn a_debugger_writes_into_the_teaching_kernel() -> Result<(), Box<dyn std::error::Error>> {
    let mut machine = Machine::from_ron(ringhold::config::TEACHING)?;
    machine.run_for(250_000);
    let stack = machine.cpu(0).gpr[4];
    let mut spaces = machine.data_spaces();
    let transfer = spaces.write_virtual(stack, b"hello")?;
    assert_eq!(transfer.count, 5);
    let mut bytes = [0; 5];
    spaces.read_virtual(stack, &mut bytes)?;
    assert_eq!(&bytes, b"hello");
    Ok(())
}

/// A machine of `configs/`, with the teaching kernel where it names none.
fn machine(name: &str, change: &[&str]) -> Machine {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name);
    let mut config = Config::from_file(&path).unwrap();
    for assignment in change {
        config.set(assignment).unwrap();
    }
    Machine::from_config(config).unwrap()
}

/// Runs to the end; gives what was said on the serial line.
fn finish(machine: &mut Machine) -> (Stop, String) {
    let stop = machine.run_for(200_000_000);
    let said = machine.output_of("com1");
    (stop, String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_teaching_machine_holds_a_session() {
    let mut machine = machine("teaching.ron", &[]);
    let com1 = machine.board.find("com1").unwrap();
    machine.input(com1, b"ps\rpci\redu\rfault caught\rexit 7\r");
    let (stop, said) = finish(&mut machine);
    assert_eq!(stop, Stop::Exit(7), "{said}");
    for part in ["RINGHOLD-READY", "00:04.0", "shell", "ringhold> exit 7"] {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
}

#[test]
fn every_machine_runs_the_teaching_kernel() {
    let kernel = "boot.kernel=builtin:teaching";
    for (name, change) in [
        ("teaching.ron", vec!["boot.cmdline=script=\"mem;exit 5\""]),
        ("bare.ron", vec![kernel, "boot.cmdline=script=\"mem;exit 5\""]),
        ("linux.ron", vec![kernel, "boot.cmdline=script=\"edu;exit 5\""]),
        ("linux.ron", vec![kernel, "boot.cmdline=script=\"edu;exit 5\"", "memory=4GiB", "acpi=false"]),
    ] {
        let (stop, said) = finish(&mut machine(name, &change));
        assert_eq!(stop, Stop::Exit(5), "{name}: {said}");
        assert!(said.contains("RINGHOLD-READY"), "{name}: {said}");
    }
}

#[test]
fn a_rom_starts_at_the_reset_vector() {
    // At the reset vector: jmp to f000:0; there: mov al, [cs:10]; out f4, al
    let mut rom = vec![0xff; 0x1_0000];
    rom[0xfff0..0xfff5].copy_from_slice(&[0xea, 0, 0, 0, 0xf0]);
    rom[..8].copy_from_slice(&[0x2e, 0xa0, 0x10, 0, 0xe6, 0xf4, 0xeb, 0xfe]);
    rom[0x10] = 33;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rom.bin");
    std::fs::write(&path, rom).unwrap();
    let mut machine = machine("firmware.ron", &[&format!("boot.firmware={}", path.display())]);
    assert_eq!(machine.run_for(100), Stop::Exit(33));
}

#[test]
fn direct_boots_find_what_firmware_leaves() {
    let machine = machine("linux.ron", &["boot.kernel=builtin:teaching"]);
    let memory = &machine.board.fabric.memory;
    let text = |address, len| {
        let mut bytes = vec![0; len];
        memory.read(address, &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    assert_eq!(text(0xe0000, 8), "RSD PTR ");
    assert_eq!(text(0xf0000, 4), "_MP_");
    let mut bar = [0; 4];
    let mut machine = machine;
    let edu = ringhold::emulator::bus::pci::PciAddress::new(4, 0);
    assert!(machine.board.config_read(edu, 0x10, &mut bar));
    assert_eq!(u32::from_le_bytes(bar), 0xfdf0_0000);
    let mut line = [0; 1];
    assert!(machine.board.config_read(edu, 0x3c, &mut line));
    assert_eq!(line, [11]);
    assert_eq!(machine.board.mappings().len(), 1);
}

/// How often the host looks in changes nothing.
#[test]
fn slices_do_not_show() {
    let run = |slice: u64| {
        let mut machine = machine("teaching.ron", &["boot.cmdline=script=\"wait 3;edu;exit\""]);
        let mut stop = Stop::Budget;
        while stop == Stop::Budget {
            stop = machine.run_for(slice);
        }
        (stop, machine.instructions(), machine.virtual_ns(), machine.state_hash(), machine.output_of("com1"))
    };
    let whole = run(u64::MAX);
    assert_eq!(whole.0, Stop::Exit(0));
    assert_eq!(run(1009), whole);
}

/// The clock ticks, but its interrupt is masked: nothing will ever wake the guest.
#[test]
fn a_guest_that_sleeps_for_ever_ends_the_run() {
    let mut rom = vec![0xff; 0x1_0000];
    // At the reset vector: jmp to f000:0
    rom[0xfff0..0xfff5].copy_from_slice(&[0xea, 0, 0, 0, 0xf0]);
    // out 21, ff (all masked); registers A and B of the clock: an interrupt twice a second
    let outs = [(0x21, 0xff), (0x70, 0x0a), (0x71, 0x2f), (0x70, 0x0b), (0x71, 0x42)];
    let mut code: Vec<u8> = outs.iter().flat_map(|(port, value)| [0xb0, *value, 0xe6, *port]).collect();
    // sti; hlt
    code.extend([0xfb, 0xf4]);
    rom[..code.len()].copy_from_slice(&code);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sleeper.bin");
    std::fs::write(&path, rom).unwrap();
    let mut machine = machine("firmware.ron", &[&format!("boot.firmware={}", path.display())]);
    assert_eq!(machine.run_for(1_000), Stop::Halted);
    assert_eq!(machine.instructions(), 13);
}
