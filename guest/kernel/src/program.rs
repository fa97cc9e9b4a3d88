//! Loads programs: static ELF files for x86-64 (System V gABI, chapters 4 and 5).

use crate::address::{PAGE, USER_BASE, USER_STACK_TOP, direct};
use crate::frames;
use crate::paging::{self, NO_EXECUTE, USER, WRITABLE};
use crate::task::USER_STACK_BOTTOM;

const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;
const PF_W: u32 = 2;

const BAD: &str = "not a program for this kernel";
const FULL: &str = "out of memory";

fn u16_at(image: &[u8], offset: usize) -> Result<u16, &'static str> {
    Ok(u16::from_le_bytes(*image.get(offset..).and_then(<[u8]>::first_chunk).ok_or(BAD)?))
}

fn u32_at(image: &[u8], offset: usize) -> Result<u32, &'static str> {
    Ok(u32::from_le_bytes(*image.get(offset..).and_then(<[u8]>::first_chunk).ok_or(BAD)?))
}

fn u64_at(image: &[u8], offset: usize) -> Result<u64, &'static str> {
    Ok(u64::from_le_bytes(*image.get(offset..).and_then(<[u8]>::first_chunk).ok_or(BAD)?))
}

/// The entry point in an ELF header.
pub fn entry(image: &[u8]) -> Result<u64, &'static str> {
    // Magic, 64-bit, little-endian; ET_EXEC; EM_X86_64.
    if !image.starts_with(b"\x7fELF\x02\x01") || u16_at(image, 16)? != 2 || u16_at(image, 18)? != 62 {
        return Err(BAD);
    }
    u64_at(image, 24)
}

/// Copies a program and makes its stack in the lower half of `root`. Returns where to
/// start. What was mapped before an error is the caller's to free, with the space.
pub fn load(root: u64, image: &[u8]) -> Result<u64, &'static str> {
    let start = entry(image)?;
    let headers = u64_at(image, 32)? as usize;
    let size = usize::from(u16_at(image, 54)?);
    for number in 0..usize::from(u16_at(image, 56)?) {
        let header = image.get(headers + number * size..).ok_or(BAD)?;
        if u32_at(header, 0)? == PT_LOAD {
            load_segment(root, image, header)?;
        }
    }
    for page in (USER_STACK_BOTTOM..USER_STACK_TOP).step_by(PAGE as usize) {
        let frame = frames::allocate_zeroed().map_err(|_| FULL)?;
        paging::map(root, page, frame, USER | WRITABLE | NO_EXECUTE).map_err(|_| FULL)?;
    }
    Ok(start)
}

fn load_segment(root: u64, image: &[u8], header: &[u8]) -> Result<(), &'static str> {
    let flags = u32_at(header, 4)?;
    let [offset, address] = [u64_at(header, 8)?, u64_at(header, 16)?];
    let [file_size, memory_size] = [u64_at(header, 32)?, u64_at(header, 40)?];
    let end = address.checked_add(memory_size).ok_or(BAD)?;
    // A guard page stays free below the stack.
    if address < USER_BASE || end > USER_STACK_BOTTOM - PAGE || file_size > memory_size {
        return Err(BAD);
    }
    let file_end = offset.checked_add(file_size).ok_or(BAD)?;
    let bytes = image.get(offset as usize..file_end as usize).ok_or(BAD)?;

    let mut rights = USER;
    if flags & PF_W != 0 {
        rights |= WRITABLE;
    }
    if flags & PF_X == 0 {
        rights |= NO_EXECUTE;
    }
    for page in (address / PAGE * PAGE..end).step_by(PAGE as usize) {
        if paging::walk(root, page).is_some() {
            return Err(BAD); // two segments in one page would need rights of both
        }
        let frame = frames::allocate_zeroed().map_err(|_| FULL)?;
        paging::map(root, page, frame, rights).map_err(|_| FULL)?;
        // The part of the segment's bytes that belongs in this page.
        let first = address.max(page);
        let last = (address + file_size).min(page + PAGE);
        if first < last {
            let part = &bytes[(first - address) as usize..(last - address) as usize];
            // SAFETY: the frame is new and ours; the part ends inside it.
            unsafe {
                direct::<u8>(frame + (first - page)).copy_from_nonoverlapping(part.as_ptr(), part.len());
            }
        }
    }
    Ok(())
}
