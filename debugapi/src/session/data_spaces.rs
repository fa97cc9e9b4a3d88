//! IDebugDataSpaces4: from commands to [`DataSpaces`].

use super::{Answer, count, done, given};
use crate::command::{Command, Output, Room};
use crate::spaces::{Delivered, Guid, StringRead, VirtualSource};
use crate::{DataSpaces, Error, HResult};

/// A read into a buffer, and the bytes that arrived.
fn read(room: Room, read: impl FnOnce(&mut [u8]) -> Result<usize, Error>) -> Answer {
    let mut buffer = room.units::<u8>()?;
    let moved = read(&mut buffer)?;
    buffer.truncate(moved);
    done([Output::Bytes(buffer), count(moved)])
}

/// An object that is delivered as far as there is room; the number is its whole size.
fn deliver(room: Room, deliver: impl FnOnce(&mut [u8]) -> Result<Delivered, Error>) -> Answer {
    let mut buffer = room.units::<u8>()?;
    let delivered = deliver(&mut buffer)?;
    buffer.truncate(delivered.count);
    Ok((delivered.hresult(), vec![Output::Bytes(buffer), count(delivered.size)]))
}

fn bytes(room: Room, read: impl FnOnce(Option<&mut [u8]>) -> Result<StringRead, Error>) -> Answer {
    if room.null {
        let found = read(None)?;
        return Ok((found.hresult(), vec![Output::Bytes(Vec::new()), count(found.string_bytes)]));
    }
    let mut buffer = room.units::<u8>()?;
    let found = read(Some(&mut buffer))?;
    buffer.truncate(found.copied);
    Ok((found.hresult(), vec![Output::Bytes(buffer), count(found.string_bytes)]))
}

fn wide(room: Room, read: impl FnOnce(Option<&mut [u16]>) -> Result<StringRead, Error>) -> Answer {
    if room.null {
        let found = read(None)?;
        return Ok((found.hresult(), vec![Output::Bytes(Vec::new()), count(found.string_bytes)]));
    }
    let mut buffer = room.units::<u16>()?;
    let found = read(Some(&mut buffer))?;
    let bytes = buffer[..found.copied].iter().flat_map(|unit| unit.to_le_bytes()).collect();
    Ok((found.hresult(), vec![Output::Bytes(bytes), count(found.string_bytes)]))
}

fn written(moved: usize) -> Answer {
    done([count(moved)])
}

/// Carries out a command of the interface.
pub(super) fn call(spaces: &mut DataSpaces<'_>, command: &Command) -> Answer {
    match command {
        Command::ReadVirtual { offset, buffer } => {
            read(*buffer, |to| Ok(spaces.read_virtual(*offset, to)?.count))
        }
        Command::ReadVirtualUncached { offset, buffer } => {
            read(*buffer, |to| Ok(spaces.read_virtual_uncached(*offset, to)?.count))
        }
        Command::WriteVirtual { offset, buffer } => {
            written(spaces.write_virtual(*offset, given(buffer)?)?.count)
        }
        Command::WriteVirtualUncached { offset, buffer } => {
            written(spaces.write_virtual_uncached(*offset, given(buffer)?)?.count)
        }
        Command::ReadPhysical { offset, buffer } => {
            read(*buffer, |to| Ok(spaces.read_physical(*offset, to)?.count))
        }
        Command::ReadPhysical2 { offset, flags, buffer } => {
            read(*buffer, |to| Ok(spaces.read_physical2(*offset, *flags, to)?.count))
        }
        Command::WritePhysical { offset, buffer } => {
            written(spaces.write_physical(*offset, given(buffer)?)?.count)
        }
        Command::WritePhysical2 { offset, flags, buffer } => {
            written(spaces.write_physical2(*offset, *flags, given(buffer)?)?.count)
        }
        Command::ReadControl { processor, offset, buffer } => {
            read(*buffer, |to| Ok(spaces.read_control(*processor, *offset, to)?.count))
        }
        Command::WriteControl { processor, offset, buffer } => {
            written(spaces.write_control(*processor, *offset, given(buffer)?)?.count)
        }
        Command::ReadIo { interface_type, bus_number, address_space, offset, buffer } => {
            let (kind, bus, space) = (*interface_type, *bus_number, *address_space);
            read(*buffer, |to| Ok(spaces.read_io(kind, bus, space, *offset, to)?.count))
        }
        Command::WriteIo { interface_type, bus_number, address_space, offset, buffer } => {
            let (kind, bus, space) = (*interface_type, *bus_number, *address_space);
            written(spaces.write_io(kind, bus, space, *offset, given(buffer)?)?.count)
        }
        Command::ReadMsr { msr } => done([Output::U64(spaces.read_msr(*msr)?.0)]),
        Command::WriteMsr { msr, value } => {
            spaces.write_msr(*msr, *value)?;
            done([])
        }
        Command::ReadBusData { bus_data_type, bus_number, slot_number, offset, buffer } => {
            let (kind, bus, slot) = (*bus_data_type, *bus_number, *slot_number);
            read(*buffer, |to| Ok(spaces.read_bus_data(kind, bus, slot, *offset, to)?.count))
        }
        Command::WriteBusData { bus_data_type, bus_number, slot_number, offset, buffer } => {
            let (kind, bus, slot) = (*bus_data_type, *bus_number, *slot_number);
            written(spaces.write_bus_data(kind, bus, slot, *offset, given(buffer)?)?.count)
        }
        Command::FillVirtual { start, size, pattern } => {
            written(spaces.fill_virtual(*start, *size, given(pattern)?)?.count)
        }
        Command::FillPhysical { start, size, pattern } => {
            written(spaces.fill_physical(*start, *size, given(pattern)?)?.count)
        }
        _ => structured(spaces, command),
    }
}

/// The calls that move something else than plain bytes.
fn structured(spaces: &mut DataSpaces<'_>, command: &Command) -> Answer {
    match command {
        Command::SearchVirtual { offset, length, pattern, granularity } => {
            let found = spaces.search_virtual(*offset, *length, given(pattern)?, *granularity, false)?;
            done([Output::U64(found)])
        }
        Command::SearchVirtual2 { offset, length, flags, pattern, granularity } => {
            let pattern = given(pattern)?;
            if *flags > 1 {
                return Err(HResult::INVALIDARG);
            }
            let found = spaces.search_virtual(*offset, *length, pattern, *granularity, *flags == 1)?;
            done([Output::U64(found)])
        }
        Command::ReadPointersVirtual { offset, pointers } => {
            let mut buffer = whole(*pointers)?;
            spaces.read_pointers_virtual(*offset, &mut buffer)?;
            done([Output::Pointers(buffer)])
        }
        Command::WritePointersVirtual { offset, pointers } => {
            spaces.write_pointers_virtual(*offset, given(pointers)?)?;
            done([])
        }
        Command::CheckLowMemory {} => {
            spaces.check_low_memory()?;
            done([])
        }
        Command::ReadDebuggerData { index, buffer } => {
            deliver(*buffer, |to| spaces.read_debugger_data(*index, to))
        }
        Command::ReadProcessorSystemData { processor, index, buffer } => {
            deliver(*buffer, |to| spaces.read_processor_system_data(*processor, *index, to))
        }
        Command::ReadHandleData { handle, data_type, .. } => {
            let delivered = spaces.read_handle_data(*handle, *data_type)?;
            Ok((delivered.hresult(), vec![Output::Bytes(Vec::new()), count(delivered.size)]))
        }
        Command::VirtualToPhysical { virtual_address } => {
            done([Output::U64(spaces.virtual_to_physical(*virtual_address)?)])
        }
        Command::GetVirtualTranslationPhysicalOffsets { virtual_address, offsets } => {
            let mut walk = spaces.translation_offsets(*virtual_address)?;
            let levels = count(walk.offsets.len());
            let room = usize::try_from(offsets.count).unwrap_or(usize::MAX);
            let room = (!offsets.null).then_some(room);
            let hresult = walk.hresult(room);
            walk.offsets.truncate(room.unwrap_or(0));
            Ok((hresult, vec![Output::Pointers(walk.offsets), levels]))
        }
        Command::QueryVirtual { offset } => {
            done([Output::Bytes(spaces.query_virtual(*offset)?.bytes().to_vec())])
        }
        Command::ReadImageNtHeaders { image_base } => {
            done([Output::Bytes(spaces.read_image_nt_headers(*image_base)?.bytes.to_vec())])
        }
        _ => enumerating(spaces, command),
    }
}

/// Tags, regions and strings.
fn enumerating(spaces: &mut DataSpaces<'_>, command: &Command) -> Answer {
    match command {
        Command::ReadTagged { tag, offset, buffer } => {
            let room = if buffer.null { Room::of(0) } else { *buffer };
            deliver(room, |to| spaces.read_tagged(*tag, *offset, to))
        }
        Command::StartEnumTagged {} => done([Output::U64(spaces.start_enum_tagged()?)]),
        Command::GetNextTagged { handle } => Ok(match spaces.next_tagged(*handle)? {
            Some((tag, size)) => (HResult::OK, vec![Output::Guid(tag), count(size)]),
            None => (HResult::FALSE, vec![Output::Guid(Guid(0, 0, 0, [0; 8])), count(0)]),
        }),
        Command::EndEnumTagged { handle } => {
            spaces.end_enum_tagged(*handle)?;
            done([])
        }
        Command::GetOffsetInformation { space, which, offset, buffer } => {
            let source: VirtualSource = spaces.offset_information(*space, *which, *offset)?;
            let object = (source as u32).to_le_bytes();
            let (hresult, bytes) = buffer.deliver(&object);
            Ok((hresult, vec![Output::Bytes(bytes), count(object.len())]))
        }
        Command::GetNextDifferentlyValidOffsetVirtual { offset } => {
            done([Output::U64(spaces.next_differently_valid_offset_virtual(*offset)?)])
        }
        Command::GetValidRegionVirtual { base, size } => {
            let (base, size) = spaces.valid_region_virtual(*base, *size)?;
            done([Output::U64(base), Output::U32(size)])
        }
        Command::ReadMultiByteStringVirtual { offset, max_bytes, buffer } => {
            bytes(*buffer, |to| spaces.read_multi_byte_string_virtual(*offset, *max_bytes, to))
        }
        Command::ReadMultiByteStringVirtualWide { offset, max_bytes, code_page, buffer } => {
            wide(*buffer, |to| {
                spaces.read_multi_byte_string_virtual_wide(*offset, *max_bytes, *code_page, to)
            })
        }
        Command::ReadUnicodeStringVirtual { offset, max_bytes, code_page, buffer } => {
            bytes(*buffer, |to| spaces.read_unicode_string_virtual(*offset, *max_bytes, *code_page, to))
        }
        Command::ReadUnicodeStringVirtualWide { offset, max_bytes, buffer } => {
            wide(*buffer, |to| spaces.read_unicode_string_virtual_wide(*offset, *max_bytes, to))
        }
        _ => Err(HResult::NOTIMPL),
    }
}

/// Room for pointers, all of which must be moved: too many for one transfer are refused.
pub(super) fn whole(room: Room) -> Result<Vec<u64>, HResult> {
    let buffer = room.units::<u64>()?;
    if buffer.len() as u64 == room.count { Ok(buffer) } else { Err(HResult::READ_FAULT) }
}
