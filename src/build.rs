//! The builder: from a config and its images to a machine that is about to start.

use ringhold_devices::acpi_tables::{ACPI_BASE, TableError};
use ringhold_emulator::board::AttachError;
use ringhold_emulator::bus::Width;
use ringhold_emulator::bus::pci::{BarKind, PciAddress, command};
use ringhold_emulator::memory::{MapConflict, Memory, MemoryError, Range};
use ringhold_emulator::time::Clock;
use ringhold_emulator::{Board, Cpu, Machine};

use crate::boot::{self, BootError, Entry, Images, Layout, Loader, Mode, firmware};
use crate::config::{Config, DeviceConfig};
use crate::tables;

/// Memory windows of PCI functions are assigned below this address, downwards.
const BAR_TOP: u64 = 0xfe00_0000;
/// Port windows of PCI functions are assigned from here on, upwards.
const BAR_PORTS: u64 = 0xc000;
/// Edge/level control of the 8259 pair (82371SB data sheet, 2.5.6).
const ELCR: u16 = 0x4d0;

/// A machine cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The processor cannot be.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The host has not the memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Two memory ranges overlap.
    #[error(transparent)]
    Map(#[from] MapConflict),
    /// Two devices want the same place.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The guest cannot be started.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The firmware tables cannot be made.
    #[error("the firmware tables cannot be made: {0}")]
    Tables(#[from] TableError),
    /// There is no room for the windows of a PCI function.
    #[error("there is no room for BAR {bar} of PCI function {address}")]
    NoWindow {
        /// The function.
        address: PciAddress,
        /// The BAR's number.
        bar: u8,
    },
    /// A device is named that is not there.
    #[error("{field} names the device `{name}`, but this machine has {devices}")]
    NoDevice {
        /// The field of the config.
        field: String,
        /// What it names.
        name: String,
        /// What there is.
        devices: String,
    },
}

/// The board of a config: memory and devices, nothing loaded.
///
/// # Errors
/// When devices do not fit together.
pub fn board(config: &Config, images: &Images) -> Result<Board, BuildError> {
    let layout = Layout::new(config.memory.0);
    let rom = images.firmware.as_ref().map(firmware::size).transpose()?;
    let mut memory = Memory::new(layout.memory.saturating_add(rom.unwrap_or(0)))?;
    map_memory(&mut memory, layout, rom)?;
    let mut board = Board::new(memory, Clock::new(config.clock.ps_per_instruction), 1);
    for device in &config.devices {
        board.attach(device.make(config))?;
    }
    let outputs = config.outputs.keys().map(|name| (format!("outputs.{name}"), name));
    // A machine may well have no serial line; only a name other than the usual one is a mistake.
    let serial = (config.serial.device != "com1").then(|| ("serial.device".into(), &config.serial.device));
    for (field, name) in outputs.chain(serial) {
        if board.find(name).is_none() {
            let names: Vec<_> = board.identities().into_iter().map(|identity| identity.name).collect();
            let devices = if names.is_empty() { "no devices".into() } else { names.join(", ") };
            return Err(BuildError::NoDevice { field, name: name.clone(), devices });
        }
    }
    Ok(board)
}

/// Backing store and physical address agree in low RAM; high RAM and ROM follow in the store.
fn map_memory(memory: &mut Memory, layout: Layout, rom: Option<u64>) -> Result<(), MapConflict> {
    const MEGABYTE: u64 = 1 << 20;
    const ADAPTERS: u64 = 0xc_0000;
    const BIOS: u64 = 0xf_0000;
    // The RAM that the video window hides is SMRAM.
    memory.put_smram(Layout::HOLE, ADAPTERS - Layout::HOLE, Layout::HOLE);
    let map = memory.map_mut();
    for (start, end) in layout.ram() {
        let offset = if start < 1 << 32 { start } else { layout.low_end() };
        map.add(Range::ram(start, end - start, offset))?;
    }
    match rom {
        // The tables that firmware would have left; the FACS among the ACPI tables is written to.
        None => {
            map.add(Range::ram(Layout::ROM, BIOS - Layout::ROM, Layout::ROM))?;
            map.add(Range::rom(BIOS, MEGABYTE - BIOS, BIOS))
        }
        Some(size) => {
            map.add(Range::ram(ADAPTERS, MEGABYTE - ADAPTERS, ADAPTERS))?;
            map.add(Range::rom((1 << 32) - size, size, layout.memory))
        }
    }
}

/// The machine of a config, about to execute its guest's first instruction.
///
/// # Errors
/// When devices do not fit together or the guest cannot be started.
pub fn machine(config: &Config, images: &Images) -> Result<Machine, BuildError> {
    let board = board(config, images)?;
    let mut machine = Machine::new(board, vec![config.cpu_model(&config.name)?]);
    machine.reset();
    let layout = Layout::new(config.memory.0);
    let entry = match &images.firmware {
        Some(image) => {
            let memory = &mut machine.board.fabric.memory;
            memory.write_backdoor((1 << 32) - image.bytes.len() as u64, &image.bytes);
            let (start, bytes) = firmware::shadow(image);
            memory.write_backdoor(start, bytes);
            Entry { mode: Mode::Reset, address: 0xffff_fff0, registers: Vec::new() }
        }
        None => direct(&mut machine, config, images, layout)?,
    };
    for cpu in &mut machine.cpus {
        entry.apply(cpu);
    }
    Ok(machine)
}

/// What firmware would have done, and then the boot protocol.
fn direct(
    machine: &mut Machine,
    config: &Config,
    images: &Images,
    layout: Layout,
) -> Result<Entry, BuildError> {
    assign_windows(&mut machine.board, config)?;
    set_serial_lines(&mut machine.board, config);
    let tables = tables::build(config, &mut machine.board)?;
    for table in &tables {
        machine.board.fabric.memory.write_backdoor(table.address, &table.bytes);
    }
    for cpu in &mut machine.cpus {
        set_memory_types(cpu, layout);
    }
    let mut loader = Loader::new(&mut machine.board.fabric.memory, layout);
    bios_data(&mut loader)?;
    let rsdp =
        tables.iter().find(|table| table.address == u64::from(ACPI_BASE)).map_or(0, |table| table.address);
    Ok(boot::direct(&mut loader, &config.boot, images, rsdp)?)
}

/// The words of the BIOS data area that kernels look at: the segment of the extended area, and
/// conventional memory in KiB.
fn bios_data(loader: &mut Loader<'_>) -> Result<(), BootError> {
    loader.reserve("the BIOS data area", 0x400, 0x100)?;
    loader.write(0x40e, &((Layout::EBDA >> 4) as u16).to_le_bytes());
    loader.write(0x413, &((Layout::EBDA / 1024) as u16).to_le_bytes());
    Ok(())
}

/// Assigns and enables the windows of all PCI functions, and tells their interrupt lines.
fn assign_windows(board: &mut Board, config: &Config) -> Result<(), BuildError> {
    let functions = board.functions().to_vec();
    let irqs: Vec<Vec<u8>> = board.identities().into_iter().map(|identity| identity.irqs).collect();
    let (mut memory, mut ports) = (BAR_TOP, BAR_PORTS);
    let sci = config.devices.iter().find_map(|device| match device {
        DeviceConfig::AcpiPm(pm) => Some(pm.sci),
        _ => None,
    });
    let mut level_lines = sci.map_or(0, line_bit);
    for (address, id) in functions {
        let Some((device, _)) = board.device(id) else { continue };
        let Some(function) = device.pci() else { continue };
        let config = function.config_mut();
        let mut enabled = command::BUS_MASTER;
        for bar in config.bars().to_vec() {
            let none = BuildError::NoWindow { address, bar: bar.number };
            if bar.kind == BarKind::Io {
                let base = ports.next_multiple_of(bar.size);
                if base + bar.size > 0x1_0000 {
                    return Err(none);
                }
                ports = base + bar.size;
                config.assign_bar(bar.number, base);
                enabled |= command::IO;
            } else {
                let base = memory.checked_sub(bar.size).map(|base| base / bar.size * bar.size);
                memory = base.filter(|base| *base >= 0xc000_0000).ok_or(none)?;
                config.assign_bar(bar.number, memory);
                enabled |= command::MEMORY;
            }
        }
        let line = irqs.get(usize::from(id.0)).and_then(|irqs| irqs.first());
        if let Some(line) = line.filter(|_| config.byte(0x3d) != 0) {
            config.write(0x3c, *line);
            level_lines |= line_bit(*line);
        }
        let command = config.command() | enabled;
        board.config_write(address, 4, &command.to_le_bytes());
    }
    for (port, lines) in [(ELCR, level_lines as u8), (ELCR + 1, (level_lines >> 8) as u8)] {
        if lines != 0 {
            let old = board.port_read(port, Width::Byte);
            board.port_write(port, Width::Byte, old | u32::from(lines));
        }
    }
    Ok(())
}

/// Sets every serial port to 8 data bits, no parity, one stop bit, divisor 1 (115200 baud with
/// the usual crystal): kernels and loaders print before they set it, if they ever do.
fn set_serial_lines(board: &mut Board, config: &Config) {
    const DIVISOR_ACCESS: u32 = 0x80;
    const EIGHT_N_ONE: u32 = 0x03;
    for device in &config.devices {
        let DeviceConfig::Uart(uart) = device else { continue };
        for (register, value) in [(3, DIVISOR_ACCESS | EIGHT_N_ONE), (0, 1), (1, 0), (3, EIGHT_N_ONE)] {
            board.port_write(uart.base.saturating_add(register), Width::Byte, value);
        }
    }
}

/// The bit of an 8259 line; none for lines that only the I/O APIC has.
fn line_bit(line: u8) -> u16 {
    1u16.checked_shl(line.into()).unwrap_or(0)
}

/// Memory types as firmware leaves them (SDM volume 3, 12.11): write-back by default, the window
/// below 4 GiB and that of video uncached, ROM write-protected.
fn set_memory_types(cpu: &mut Cpu, layout: Layout) {
    const WRITE_BACK: u64 = 6;
    const WRITE_PROTECTED: u64 = 5;
    const ENABLED: u64 = 1 << 11;
    const FIXED_ENABLED: u64 = 1 << 10;
    const ALL_EIGHT: u64 = 0x0101_0101_0101_0101;
    // Its size is a power of two, so that one range register covers it.
    let window = if layout.low_end() <= 0x8000_0000 { 0x8000_0000 } else { 0xc000_0000 };
    let bits = cpu.model.physical_bits();
    let mask = |size: u64| ((1u64 << bits) - size) | ENABLED;
    cpu.msr.mtrr_def_type = WRITE_BACK | ENABLED | FIXED_ENABLED;
    cpu.msr.mtrr_variable[0] = window;
    cpu.msr.mtrr_variable[1] = mask(0x1_0000_0000 - window);
    for (i, types) in cpu.msr.mtrr_fixed.iter_mut().enumerate() {
        *types = match i {
            0 | 1 => WRITE_BACK * ALL_EIGHT,
            2 => 0,
            _ => WRITE_PROTECTED * ALL_EIGHT,
        };
    }
}
