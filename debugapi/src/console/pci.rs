//! PCI configuration space: `!pci`, `!dcs`, `!pcitree`, `!ecb !ecw !ecd`.

use super::change::narrowed;
use super::complaint::{Complaint, Outcome};
use super::cursor::Cursor;
use super::{Execution, Known};
use crate::HResult;
use crate::command::{Command, Output, Room};
use crate::spaces::slot_number;

/// `PCIConfiguration`
const PCI: u32 = 4;

/// The flags of `!pci`.
mod flag {
    pub const VERBOSE: u64 = 1;
    pub const ALL_BUSES: u64 = 2;
    pub const RAW_BYTES: u64 = 4;
    pub const RAW_DWORDS: u64 = 8;
    pub const INVALID_DEVICES: u64 = 0x10;
    pub const INVALID_FUNCTIONS: u64 = 0x20;
    pub const CAPABILITIES: u64 = 0x40;
    pub const VENDOR_SPECIFIC: u64 = 0x80;
    pub const CONFIG_SPACE: u64 = 0x100;
    pub const SEGMENT: u64 = 0x200;
    pub const ALL: u64 = 0x7ff;
}

/// A function: bus with its segment, device, function.
#[derive(Clone, Copy)]
struct Place {
    bus: u32,
    device: u8,
    function: u8,
}

/// The configuration space of a function.
struct Space(Vec<u8>);

impl Space {
    fn u8(&self, offset: usize) -> u8 {
        self.0.get(offset).copied().unwrap_or(0xff)
    }

    fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.u8(offset), self.u8(offset + 1)])
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from(self.u16(offset)) | u32::from(self.u16(offset + 2)) << 16
    }

    fn is_bridge(&self) -> bool {
        self.u8(0xe) & 0x7f == 1
    }

    /// The offset and number of each capability; a list that bites its tail ends.
    fn capabilities(&self) -> Vec<(usize, u8)> {
        let mut found: Vec<(usize, u8)> = Vec::new();
        let listed = self.u16(6) & 0x10 != 0;
        let mut at = if listed { usize::from(self.u8(0x34) & 0xfc) } else { 0 };
        while at >= 0x40 && found.iter().all(|(known, _)| *known != at) {
            found.push((at, self.u8(at)));
            at = usize::from(self.u8(at + 1) & 0xfc);
        }
        found
    }
}

impl Execution<'_> {
    /// The commands of this file.
    pub(super) fn pci(&mut self, name: &str, from: &mut Cursor<'_>, at: usize) -> Outcome<Known> {
        match name {
            "!pci" => self.list_functions(from, at),
            "!dcs" => {
                let place = self.place(from)?;
                from.end()?;
                let space = self.config(place, at)?.ok_or(Complaint::of(HResult::UNSUCCESSFUL, at))?;
                self.header(place, &space)?;
                self.raw(&space, 0..256, 4)
            }
            "!pcitree" => {
                from.end()?;
                let mut seen = Vec::new();
                self.tree(0, 0, &mut seen, at)
            }
            "!ecb" => self.enter_config(from, 1, at),
            "!ecw" => self.enter_config(from, 2, at),
            "!ecd" => self.enter_config(from, 4, at),
            _ => return Ok(Known::No),
        }
        .map(|()| Known::Yes)
    }

    /// `!pci [Flags [Segment] [Bus [Device [Function [Min Max]]]]]`
    fn list_functions(&mut self, from: &mut Cursor<'_>, at: usize) -> Outcome {
        let (flags_at, flags) = (from.at(), self.optional(from)?.unwrap_or(0));
        if flags & !flag::ALL != 0 {
            return Err(Complaint::operand(flags_at));
        }
        let segment = if flags & flag::SEGMENT != 0 { self.optional(from)?.unwrap_or(0) } else { 0 };
        let [bus, device, function] = [self.optional(from)?, self.optional(from)?, self.optional(from)?];
        let (first, last) = (self.optional(from)?, self.optional(from)?);
        from.end()?;
        if segment != 0 {
            return Err(Complaint::of(HResult::UNSUCCESSFUL, at));
        }
        let outside = |value: Option<u64>, most: u64| value.is_some_and(|value| value > most);
        if outside(bus, 0xff) || outside(device, 0x1f) || outside(function, 7) || outside(last, 0xff) {
            return Err(Complaint::operand(at));
        }
        let raw = first.map(|first| (first.min(0xff) as usize, last.unwrap_or(0xff) as usize));
        let buses = match (bus, flags & flag::ALL_BUSES != 0) {
            (Some(bus), false) => bus..=bus,
            (first, true) => first.unwrap_or(0)..=0xff,
            (None, false) => 0..=0,
        };
        for bus in buses {
            self.list_bus(bus as u32, device, function, flags, raw, at)?;
        }
        Ok(())
    }

    fn list_bus(
        &mut self,
        bus: u32,
        device: Option<u64>,
        function: Option<u64>,
        flags: u64,
        raw: Option<(usize, usize)>,
        at: usize,
    ) -> Outcome {
        let mut titled = false;
        for number in device.map_or(0..=31, |device| device as u8..=device as u8) {
            let mut several = true;
            for function in function.map_or(0..=7, |function| function as u8..=function as u8) {
                let place = Place { bus, device: number, function };
                let space = match several || flags & flag::INVALID_FUNCTIONS != 0 {
                    true => self.config(place, at)?,
                    false => None,
                };
                let invalid = if function == 0 { flag::INVALID_DEVICES } else { flag::INVALID_FUNCTIONS };
                if space.is_none() && flags & invalid == 0 {
                    several &= function > 0;
                    continue;
                }
                if !titled {
                    self.say(&format!("PCI Segment 0 Bus {bus:#x}\n"))?;
                    titled = true;
                }
                let Some(space) = space else {
                    self.say(&format!("{number:02x}:{function:x}  invalid\n"))?;
                    several &= function > 0;
                    continue;
                };
                several &= function > 0 || space.u8(0xe) & 0x80 != 0;
                self.describe(place, &space, flags, raw)?;
            }
        }
        Ok(())
    }

    /// A function as the flags want it.
    fn describe(&mut self, place: Place, space: &Space, flags: u64, raw: Option<(usize, usize)>) -> Outcome {
        self.header(place, space)?;
        if flags & flag::VERBOSE != 0 {
            self.details(space)?;
        }
        if flags & flag::CAPABILITIES != 0 {
            for (offset, number) in space.capabilities() {
                self.say(&format!("      Capability {number:02x} at {offset:02x}\n"))?;
            }
        }
        let (first, last) = raw.unwrap_or((0, 0xff));
        let width = if flags & flag::RAW_DWORDS != 0 { 4 } else { 1 };
        if flags & (flag::RAW_BYTES | flag::RAW_DWORDS) != 0 {
            self.raw(space, first..last.min(0xff) + 1, width)?;
        } else if flags & flag::CONFIG_SPACE != 0 {
            self.raw(space, 0..256, 4)?;
        } else if flags & flag::VENDOR_SPECIFIC != 0 {
            self.raw(space, 0x40..256, 4)?;
        }
        Ok(())
    }

    /// The line of a function.
    fn header(&mut self, place: Place, space: &Space) -> Outcome {
        let command =
            letters(space.u16(4), &[(1, 'i'), (2, 'm'), (4, 'b'), (0x20, 'v'), (0x40, 'p'), (0x100, 's')]);
        let status = [(0x10, 'c'), (0x20, '6'), (0x100, 'p'), (0x3800, 'a'), (0x4000, 's')];
        self.say(&format!(
            "{:02x}:{:x}  {:04x}:{:04x}.{:02x}  Cmd[{:04x}:{command}]  Sts[{:04x}:{}]  {}\n",
            place.device,
            place.function,
            space.u16(0),
            space.u16(2),
            space.u8(8),
            space.u16(4),
            space.u16(6),
            letters(space.u16(6), &status),
            class(space.u8(0xb), space.u8(0xa)),
        ))
    }

    /// What `!pci 1` shows below the line.
    fn details(&mut self, space: &Space) -> Outcome {
        let bars = if space.is_bridge() { 2 } else { 6 };
        for bar in 0..bars {
            let value = space.u32(0x10 + bar * 4);
            if value & 1 != 0 && value & !3 != 0 {
                self.say(&format!("      IO[{bar}]:{:x}\n", value & !3))?;
            } else if value & !15 != 0 {
                self.say(&format!("      MEM[{bar}]:{:x}\n", value & !15))?;
            }
        }
        match space.is_bridge() {
            true => self.say(&format!(
                "      Pri {:x} Sec {:x} Sub {:x}\n",
                space.u8(0x18),
                space.u8(0x19),
                space.u8(0x1a)
            )),
            false => self.say(&format!("      SubID:{:04x}:{:04x}\n", space.u16(0x2c), space.u16(0x2e))),
        }?;
        match space.u8(0x3d) {
            0 => Ok(()),
            pin => self.say(&format!("      Interrupt pin {pin:x} line {:x}\n", space.u8(0x3c))),
        }
    }

    /// Bytes or dwords of a configuration space, 16 bytes on a line.
    fn raw(&mut self, space: &Space, range: std::ops::Range<usize>, width: usize) -> Outcome {
        let start = range.start / width * width;
        for line in (start..range.end).step_by(16) {
            let cells: Vec<String> = (line..(line + 16).min(range.end))
                .step_by(width)
                .map(|at| {
                    if width == 4 {
                        format!("{:08x}", space.u32(at))
                    } else {
                        format!("{:02x}", space.u8(at))
                    }
                })
                .collect();
            self.say(&format!("      {line:02x}: {}\n", cells.join(" ")))?;
        }
        Ok(())
    }

    /// The functions of a bus, and below each bridge those behind it.
    fn tree(&mut self, bus: u8, depth: usize, seen: &mut Vec<u8>, at: usize) -> Outcome {
        // Bridges that lead back would never end.
        if seen.contains(&bus) {
            return Ok(());
        }
        seen.push(bus);
        let indent = "  ".repeat(depth);
        self.say(&format!("{indent}Bus {bus:#x}\n"))?;
        for device in 0..32 {
            for function in 0..8 {
                let place = Place { bus: bus.into(), device, function };
                let Some(space) = self.config(place, at)? else {
                    if function == 0 { break } else { continue }
                };
                let (vendor, id) = (space.u16(0), space.u16(2));
                let class = class(space.u8(0xb), space.u8(0xa));
                self.say(&format!(
                    "{indent}  (d={device:x},  f={function:x}) {vendor:04x}{id:04x} {class}\n"
                ))?;
                if space.is_bridge() {
                    self.tree(space.u8(0x19), depth + 1, seen, at)?;
                }
                if function == 0 && space.u8(0xe) & 0x80 == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// `!ecd Bus.Device.Function Offset Value`
    fn enter_config(&mut self, from: &mut Cursor<'_>, size: usize, at: usize) -> Outcome {
        let place = self.place(from)?;
        from.skip_space();
        let offset_at = from.at();
        let offset = self.expression(from)?;
        let offset = u32::try_from(offset).ok().filter(|offset| offset + size as u32 <= 256);
        let offset = offset.ok_or(Complaint::operand(offset_at))?;
        from.skip_space();
        let value_at = from.at();
        let value = self.expression(from)?;
        from.end()?;
        let value = narrowed(value, size).ok_or(Complaint::new("Overflow error", value_at))?;
        let write = Command::WriteBusData {
            bus_data_type: PCI,
            bus_number: place.bus,
            slot_number: slot_number(place.device, place.function),
            offset,
            buffer: value.as_slice().into(),
        };
        self.call(&write).map(drop).map_err(|hresult| Complaint::of(hresult, at))
    }

    /// `Bus.Device.Function`, each a number in the session's radix.
    fn place(&mut self, from: &mut Cursor<'_>) -> Outcome<Place> {
        from.skip_space();
        let at = from.at();
        let mut parts = [0; 3];
        for (number, (part, most)) in parts.iter_mut().zip([0xff, 0x1f, 7]).enumerate() {
            if number > 0 && !from.take(".") {
                return Err(Complaint::syntax(from.at()));
            }
            let word = from.word();
            let part_at = from.at();
            from.take(word);
            let value = super::number::parse(word, self.session.radix).ok_or(Complaint::syntax(part_at))?;
            *part = value.map_err(|what| Complaint::new(what, part_at))?;
            if *part > most {
                return Err(Complaint::operand(at));
            }
        }
        Ok(Place { bus: parts[0] as u32, device: parts[1] as u8, function: parts[2] as u8 })
    }

    fn optional(&mut self, from: &mut Cursor<'_>) -> Outcome<Option<u64>> {
        if from.at_end() { Ok(None) } else { self.expression(from).map(Some) }
    }

    /// The configuration space of a function; `None` if there is none.
    fn config(&mut self, place: Place, at: usize) -> Outcome<Option<Space>> {
        let read = Command::ReadBusData {
            bus_data_type: PCI,
            bus_number: place.bus,
            slot_number: slot_number(place.device, place.function),
            offset: 0,
            buffer: Room::of(256),
        };
        match self.call(&read) {
            Ok(outputs) => match outputs.into_iter().next() {
                // An absent function has no more than the number that no vendor has.
                Some(Output::Bytes(bytes)) if bytes.len() > 2 => Ok(Some(Space(bytes))),
                _ => Ok(None),
            },
            Err(HResult::UNSUCCESSFUL) => Ok(None),
            Err(hresult) => Err(Complaint::of(hresult, at)),
        }
    }
}

/// A letter for each bit that is set, a dot for one that is not.
fn letters(value: u16, bits: &[(u16, char)]) -> String {
    bits.iter().map(|(bit, letter)| if value & bit != 0 { *letter } else { '.' }).collect()
}

/// What a class and subclass are (the PCI code and ID assignment).
fn class(class: u8, subclass: u8) -> &'static str {
    match (class, subclass) {
        (0, 1) => "VGA-compatible device",
        (0, _) => "Unclassified device",
        (1, 0) => "SCSI controller",
        (1, 1) => "IDE controller",
        (1, 6) => "SATA controller",
        (1, 8) => "NVM controller",
        (1, _) => "Mass storage controller",
        (2, 0) => "Ethernet controller",
        (2, _) => "Network controller",
        (3, 0) => "VGA controller",
        (3, _) => "Display controller",
        (4, _) => "Multimedia device",
        (5, _) => "Memory controller",
        (6, 0) => "Host bridge",
        (6, 1) => "ISA bridge",
        (6, 4) => "PCI bridge",
        (6, _) => "Bridge",
        (7, 0) => "Serial controller",
        (7, _) => "Communication controller",
        (8, _) => "System peripheral",
        (9, _) => "Input controller",
        (0xc, 3) => "USB controller",
        (0xc, _) => "Serial bus controller",
        (0xff, _) => "Device of no class",
        _ => "Other device",
    }
}
