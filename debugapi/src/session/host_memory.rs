//! IDebugHostMemory: from commands to [`HostMemory`](crate::HostMemory).

use ringhold_emulator::inject::Register;

use super::data_spaces::whole;
use super::{Answer, done, given};
use crate::command::{Command, Output};
use crate::{Completion, DataSpaces, HResult, Location};

/// Carries out a command of the interface.
pub(super) fn call(spaces: &mut DataSpaces<'_>, command: &Command) -> Answer {
    let mut memory = spaces.host_memory();
    match command {
        Command::ReadBytes { context, location, buffer } => {
            let mut to = buffer.units::<u8>()?;
            let (completion, _) = memory.read_bytes(*context, *location, &mut to)?;
            if let Completion::Partial(moved) = completion {
                to.truncate(moved);
            }
            let moved = to.len() as u64;
            let hresult = if moved == buffer.count { HResult::OK } else { HResult::FALSE };
            Ok((hresult, vec![Output::Bytes(to), Output::U64(moved)]))
        }
        Command::WriteBytes { context, location, buffer } => {
            let bytes = given(buffer)?;
            let (completion, _) = memory.write_bytes(*context, *location, bytes)?;
            let moved = match completion {
                Completion::All => bytes.len(),
                Completion::Partial(moved) => moved,
            };
            Ok((completion.hresult(), vec![Output::U64(moved as u64)]))
        }
        Command::ReadPointers { context, location, pointers } => {
            let mut buffer = whole(*pointers)?;
            memory.read_pointers(*context, *location, &mut buffer)?;
            done([Output::Pointers(buffer)])
        }
        Command::WritePointers { context, location, pointers } => {
            memory.write_pointers(*context, *location, given(pointers)?)?;
            done([])
        }
        Command::GetDisplayStringForLocation { location, verbose, .. } => {
            let text = display(*location, *verbose).ok_or(HResult::INVALIDARG)?;
            done([Output::Bytes(text.encode_utf16().flat_map(u16::to_le_bytes).collect())])
        }
        Command::LinearizeLocation { location, .. } => match location.host_defined {
            0 => done([Output::U64(0), Output::U64(location.offset)]),
            _ => Err(HResult::FAIL),
        },
        _ => Err(HResult::NOTIMPL),
    }
}

/// A location in words; the offset of a whole object is left out unless more is asked for.
fn display(location: Location, verbose: bool) -> Option<String> {
    let Location { host_defined: host, offset } = location;
    let cpu = host >> 32 & 0xffff;
    let (words, is_object) = match host >> 56 {
        0 if host == 0 => (format!("0x{offset:x}"), false),
        1 => (Register::numbered(host as u16)?.name().to_owned(), true),
        2 => (format!("physical 0x{offset:x}"), false),
        3 => (format!("port 0x{offset:x}"), false),
        4 => {
            let (bus, device, function) = (host >> 8 & 0xffff, host & 0x1f, host >> 5 & 7);
            (format!("{bus:02x}:{device:02x}.{function} + 0x{offset:x}"), false)
        }
        5 => (format!("msr 0x{:x}", host & 0xffff_ffff), true),
        _ => return None,
    };
    Some(match is_object && (verbose || offset != 0) {
        true => format!("{words} of processor {cpu}, byte {offset}"),
        false => words,
    })
}
