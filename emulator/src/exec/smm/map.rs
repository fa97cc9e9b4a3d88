//! The state-save area: which register lies where, for each vendor.
//!
//! Offsets are from SMBASE on. AMD64 volume 2, table 10-1; SDM volume 3, "SMRAM State Save Map for
//! Intel 64 Architecture". Intel's leaves what segment registers hide to the processor: here it
//! lies in its reserved bytes from 0xfc00 on.

use crate::memory::Memory;
use crate::model::{CpuModel, Vendor};
use crate::state::{CpuState, IoAccess, Segment, Table};

/// Where the area begins, from SMBASE on.
const AREA: u64 = 0xfc00;
const AREA_BYTES: usize = 0x400;

/// What the handler is told beside registers.
#[derive(Default)]
pub struct Told {
    /// The I/O instruction that brought the SMI.
    pub io: Option<IoAccess>,
    /// The processor was halted.
    pub halted: bool,
}

/// What lies at a place of the area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Gpr(u8),
    Rip,
    Rflags,
    Cr0,
    Cr3,
    Cr4,
    Efer,
    Dr6,
    Dr7,
    /// ES, CS, SS, DS, FS, GS, LDTR (6), TR (7)
    Selector(u8),
    Access(u8),
    Limit(u8),
    Base(u8),
    /// GDTR (0), IDTR (1)
    TableLimit(u8),
    TableBase(u8),
    /// What the SMI found of an I/O instruction, as the vendor encodes it.
    Io,
    IoAddress,
    IoRip,
    IoRcx,
    IoRsi,
    IoRdi,
    /// 0xff: RSM executes the I/O instruction again.
    IoRestart,
    /// 1: RSM goes back into the halt.
    AutoHalt,
    Revision,
    Base32,
}

/// A place: `bytes` of the field from bit `shift` on.
struct Place {
    at: u16,
    bytes: u8,
    shift: u8,
    field: Field,
}

const fn place(at: u16, bytes: u8, field: Field) -> Place {
    Place { at, bytes, shift: 0, field }
}

/// The upper 32 bits of a field whose lower ones lie elsewhere.
const fn upper(at: u16, field: Field) -> Place {
    Place { at, bytes: 4, shift: 32, field }
}

/// A vendor's area.
pub struct Area {
    places: &'static [Place],
    revision: u32,
    io: fn(&IoAccess) -> u32,
    /// The bit of [`Field::Io`] that says that there was an I/O instruction.
    io_valid: u32,
}

/// The area as it lies in memory; what does not lie in RAM reads as all ones.
pub struct Image([u8; AREA_BYTES]);

impl Image {
    /// Reads the area behind `base`.
    pub fn read(memory: &Memory, base: u32) -> Self {
        let mut image = [0xff; AREA_BYTES];
        memory.read(u64::from(base) + AREA, &mut image);
        Self(image)
    }

    fn get(&self, place: &Place) -> u64 {
        let from = usize::from(place.at) - AREA as usize;
        let bytes = &self.0[from..from + usize::from(place.bytes)];
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        value << place.shift
    }
}

impl Place {
    /// The bits of the field that lie here.
    fn mask(&self) -> u64 {
        (u64::MAX >> (64 - 8 * u32::from(self.bytes))) << self.shift
    }
}

impl Area {
    /// The area of a model's vendor.
    pub fn of(model: &CpuModel) -> &'static Self {
        match model.vendor() {
            Vendor::Amd => &AMD,
            Vendor::Intel => &INTEL,
        }
    }

    /// Writes the area; the state stays as it is. What does not lie in RAM is lost.
    pub fn save(&self, memory: &mut Memory, state: &mut CpuState, told: &Told) {
        let base = state.smm.base;
        for place in self.places {
            let value = self.saved(place.field, state, told) >> place.shift;
            let at = u64::from(base) + u64::from(place.at);
            memory.write(at, &value.to_le_bytes()[..usize::from(place.bytes)]);
        }
    }

    fn saved(&self, field: Field, state: &mut CpuState, told: &Told) -> u64 {
        let io = |get: fn(&IoAccess) -> u64| told.io.as_ref().map_or(0, get);
        match field {
            Field::Io => told.io.as_ref().map_or(0, self.io).into(),
            Field::IoAddress => io(|io| io.string.unwrap_or(0)),
            Field::IoRip => io(|io| io.rip),
            Field::IoRcx => io(|io| io.rcx),
            Field::IoRsi => io(|io| io.rsi),
            Field::IoRdi => io(|io| io.rdi),
            Field::IoRestart => 0,
            Field::AutoHalt => told.halted.into(),
            Field::Revision => self.revision.into(),
            Field::Base32 => state.smm.base.into(),
            _ => register(state, field, None),
        }
    }

    /// Loads the registers of the area, unchecked.
    pub fn restore(&self, image: &Image, state: &mut CpuState) {
        for place in self.places {
            let old = register(state, place.field, None);
            let mask = place.mask();
            register(state, place.field, Some(old & !mask | image.get(place)));
        }
        if self.repeats_io(image) {
            state.rip = self.value(image, Field::IoRip);
            for (number, field) in [(1, Field::IoRcx), (6, Field::IoRsi), (7, Field::IoRdi)] {
                state.gpr[number] = self.value(image, field);
            }
        }
    }

    fn value(&self, image: &Image, field: Field) -> u64 {
        let places = self.places.iter().filter(|place| place.field == field);
        places.fold(0, |value, place| value | image.get(place))
    }

    /// Whether the I/O instruction that brought the SMI is to be executed again.
    fn repeats_io(&self, image: &Image) -> bool {
        let valid = self.value(image, Field::Io) as u32 & self.io_valid != 0;
        valid && self.value(image, Field::IoRestart) & 0xff == 0xff
    }

    /// Whether the processor goes back into its halt.
    pub fn halts_again(&self, image: &Image) -> bool {
        self.value(image, Field::AutoHalt) & 1 != 0
    }

    /// SMBASE from now on.
    pub fn base(&self, image: &Image) -> u32 {
        self.value(image, Field::Base32) as u32
    }
}

fn segment(state: &mut CpuState, number: u8) -> &mut Segment {
    match number {
        0..=5 => &mut state.segments[usize::from(number)],
        6 => &mut state.ldtr,
        _ => &mut state.tr,
    }
}

fn table(state: &mut CpuState, number: u8) -> &mut Table {
    if number == 0 { &mut state.gdtr } else { &mut state.idtr }
}

/// A register of the state, after it was set to `new` if there is one. What is none is zero.
fn register(state: &mut CpuState, field: Field, new: Option<u64>) -> u64 {
    fn exchange<T: Copy>(slot: &mut T, new: Option<T>) -> T {
        *slot = new.unwrap_or(*slot);
        *slot
    }
    let (word, dword) = (new.map(|value| value as u16), new.map(|value| value as u32));
    match field {
        Field::Gpr(number) => exchange(&mut state.gpr[usize::from(number)], new),
        Field::Rip => exchange(&mut state.rip, new),
        Field::Rflags => exchange(&mut state.rflags, new),
        Field::Cr0 => exchange(&mut state.control.cr0, new),
        Field::Cr3 => exchange(&mut state.control.cr3, new),
        Field::Cr4 => exchange(&mut state.control.cr4, new),
        Field::Efer => exchange(&mut state.control.efer, new),
        Field::Dr6 => exchange(&mut state.control.dr6, new),
        Field::Dr7 => exchange(&mut state.control.dr7, new),
        Field::Selector(number) => exchange(&mut segment(state, number).selector, word).into(),
        Field::Access(number) => exchange(&mut segment(state, number).access, word).into(),
        Field::Limit(number) => exchange(&mut segment(state, number).limit, dword).into(),
        Field::Base(number) => exchange(&mut segment(state, number).base, new),
        Field::TableLimit(number) => exchange(&mut table(state, number).limit, word).into(),
        Field::TableBase(number) => exchange(&mut table(state, number).base, new),
        _ => 0,
    }
}

use Field::*;

static AMD: Area = Area {
    places: AMD_PLACES,
    // The AMD64 area; SMBASE can be moved, I/O instructions restarted (AMD64 volume 2, 10.3.4).
    revision: 0x0003_0064,
    io: amd_io,
    io_valid: 1 << 1,
};

/// The SMM I/O trap offset (AMD64 volume 2, figure 10-6).
fn amd_io(io: &IoAccess) -> u32 {
    u32::from(io.port) << 16
        | u32::from(io.bytes) << 4
        | u32::from(io.repeated) << 3
        | u32::from(io.string.is_some()) << 2
        | 1 << 1
        | u32::from(io.input)
}

#[rustfmt::skip]
const AMD_PLACES: &[Place] = &[
    place(0xfe00, 2, Selector(0)), place(0xfe02, 2, Access(0)), place(0xfe04, 4, Limit(0)), place(0xfe08, 8, Base(0)),
    place(0xfe10, 2, Selector(1)), place(0xfe12, 2, Access(1)), place(0xfe14, 4, Limit(1)), place(0xfe18, 8, Base(1)),
    place(0xfe20, 2, Selector(2)), place(0xfe22, 2, Access(2)), place(0xfe24, 4, Limit(2)), place(0xfe28, 8, Base(2)),
    place(0xfe30, 2, Selector(3)), place(0xfe32, 2, Access(3)), place(0xfe34, 4, Limit(3)), place(0xfe38, 8, Base(3)),
    place(0xfe40, 2, Selector(4)), place(0xfe42, 2, Access(4)), place(0xfe44, 4, Limit(4)), place(0xfe48, 8, Base(4)),
    place(0xfe50, 2, Selector(5)), place(0xfe52, 2, Access(5)), place(0xfe54, 4, Limit(5)), place(0xfe58, 8, Base(5)),
    place(0xfe64, 2, TableLimit(0)), place(0xfe68, 8, TableBase(0)),
    place(0xfe70, 2, Selector(6)), place(0xfe72, 2, Access(6)), place(0xfe74, 4, Limit(6)), place(0xfe78, 8, Base(6)),
    place(0xfe84, 2, TableLimit(1)), place(0xfe88, 8, TableBase(1)),
    place(0xfe90, 2, Selector(7)), place(0xfe92, 2, Access(7)), place(0xfe94, 4, Limit(7)), place(0xfe98, 8, Base(7)),
    place(0xfea0, 8, IoRip), place(0xfea8, 8, IoRcx), place(0xfeb0, 8, IoRsi), place(0xfeb8, 8, IoRdi),
    place(0xfec0, 4, Io), place(0xfec8, 1, IoRestart), place(0xfec9, 1, AutoHalt),
    place(0xfed0, 8, Efer),
    place(0xfefc, 4, Revision), place(0xff00, 4, Base32),
    place(0xff48, 8, Cr4), place(0xff50, 8, Cr3), place(0xff58, 8, Cr0),
    place(0xff60, 8, Dr7), place(0xff68, 8, Dr6), place(0xff70, 8, Rflags), place(0xff78, 8, Rip),
    place(0xff80, 8, Gpr(15)), place(0xff88, 8, Gpr(14)), place(0xff90, 8, Gpr(13)), place(0xff98, 8, Gpr(12)),
    place(0xffa0, 8, Gpr(11)), place(0xffa8, 8, Gpr(10)), place(0xffb0, 8, Gpr(9)), place(0xffb8, 8, Gpr(8)),
    place(0xffc0, 8, Gpr(7)), place(0xffc8, 8, Gpr(6)), place(0xffd0, 8, Gpr(5)), place(0xffd8, 8, Gpr(4)),
    place(0xffe0, 8, Gpr(3)), place(0xffe8, 8, Gpr(2)), place(0xfff0, 8, Gpr(1)), place(0xfff8, 8, Gpr(0)),
];

static INTEL: Area = Area {
    places: INTEL_PLACES,
    // SMBASE can be moved, I/O instructions restarted; the low half is the model's.
    revision: 0x0003_0101,
    io: intel_io,
    io_valid: 1,
};

/// The I/O state field (SDM volume 3, "I/O State Implementation").
fn intel_io(io: &IoAccess) -> u32 {
    let kind = u32::from(io.input)
        | u32::from(io.string.is_some()) << 1
        | u32::from(io.repeated && io.string.is_some()) << 2
        | u32::from(io.immediate) << 3;
    u32::from(io.port) << 16 | kind << 4 | u32::from(io.bytes) << 1 | 1
}

#[rustfmt::skip]
const INTEL_PLACES: &[Place] = &[
    // Reserved in the manual: what segment registers hide, and what repeats a string instruction.
    place(0xfc00, 4, Limit(0)), place(0xfc04, 2, Access(0)), place(0xfc08, 8, Base(0)),
    place(0xfc10, 4, Limit(1)), place(0xfc14, 2, Access(1)), place(0xfc18, 8, Base(1)),
    place(0xfc20, 4, Limit(2)), place(0xfc24, 2, Access(2)), place(0xfc28, 8, Base(2)),
    place(0xfc30, 4, Limit(3)), place(0xfc34, 2, Access(3)), place(0xfc38, 8, Base(3)),
    place(0xfc40, 4, Limit(4)), place(0xfc44, 2, Access(4)), place(0xfc48, 8, Base(4)),
    place(0xfc50, 4, Limit(5)), place(0xfc54, 2, Access(5)), place(0xfc58, 8, Base(5)),
    place(0xfc60, 4, Limit(6)), place(0xfc64, 2, Access(6)),
    place(0xfc70, 4, Limit(7)), place(0xfc74, 2, Access(7)), place(0xfc78, 8, Base(7)),
    place(0xfc80, 2, TableLimit(0)), place(0xfc84, 2, TableLimit(1)),
    place(0xfc90, 8, IoRcx), place(0xfc98, 8, IoRsi), place(0xfca0, 8, IoRdi),
    // From here on as in the manual.
    upper(0xfdd0, TableBase(0)), upper(0xfdd4, Base(6)), upper(0xfdd8, TableBase(1)),
    place(0xfde8, 8, IoRip), place(0xfe40, 8, Cr4),
    place(0xfe8c, 4, TableBase(0)), place(0xfe94, 4, TableBase(1)), place(0xfe9c, 4, Base(6)),
    place(0xfef8, 4, Base32), place(0xfefc, 4, Revision),
    place(0xff00, 2, IoRestart), place(0xff02, 2, AutoHalt),
    place(0xff1c, 8, Gpr(15)), place(0xff24, 8, Gpr(14)), place(0xff2c, 8, Gpr(13)), place(0xff34, 8, Gpr(12)),
    place(0xff3c, 8, Gpr(11)), place(0xff44, 8, Gpr(10)), place(0xff4c, 8, Gpr(9)), place(0xff54, 8, Gpr(8)),
    place(0xff5c, 8, Gpr(0)), place(0xff64, 8, Gpr(1)), place(0xff6c, 8, Gpr(2)), place(0xff74, 8, Gpr(3)),
    place(0xff7c, 8, Gpr(4)), place(0xff84, 8, Gpr(5)), place(0xff8c, 8, Gpr(6)), place(0xff94, 8, Gpr(7)),
    place(0xff9c, 8, IoAddress), place(0xffa4, 4, Io),
    place(0xffa8, 4, Selector(0)), place(0xffac, 4, Selector(1)), place(0xffb0, 4, Selector(2)), place(0xffb4, 4, Selector(3)),
    place(0xffb8, 4, Selector(4)), place(0xffbc, 4, Selector(5)), place(0xffc0, 4, Selector(6)), place(0xffc4, 4, Selector(7)),
    place(0xffc8, 8, Dr7), place(0xffd0, 8, Dr6), place(0xffd8, 8, Rip), place(0xffe0, 8, Efer),
    place(0xffe8, 8, Rflags), place(0xfff0, 8, Cr3), place(0xfff8, 8, Cr0),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// No two fields share bytes, each lies within the area, and none lies there twice.
    #[test]
    fn places_do_not_overlap() {
        for area in [&AMD, &INTEL] {
            let mut taken = [false; AREA_BYTES];
            for place in area.places {
                let from = usize::from(place.at) - AREA as usize;
                for taken in &mut taken[from..from + usize::from(place.bytes)] {
                    assert!(!std::mem::replace(taken, true), "{:?} at {:#x}", place.field, place.at);
                }
            }
            for (nth, place) in area.places.iter().enumerate() {
                let same = |other: &Place| other.field == place.field && other.shift == place.shift;
                assert!(!area.places[..nth].iter().any(same), "{:?}", place.field);
            }
        }
    }
}
