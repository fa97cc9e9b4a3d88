//! Physical memory by the page. Frames never given out are behind a cursor that climbs
//! through RAM; frames given back are a list threaded through the frames themselves. So
//! starting up costs nothing, however much RAM there is.

use crate::address::{DIRECT_MAP_SIZE, PAGE, direct};
use crate::boot_info::{self, RAM};
use crate::irq_cell::IrqCell;
use crate::log;
use core::fmt;

/// There is no frame left.
#[derive(Clone, Copy, Debug)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("out of memory")
    }
}

/// The allocator. A debugger finds it at the symbol `FRAMES`.
#[repr(C)]
pub struct Frames {
    /// Physical address of the first free frame that was used before, 0 for none; its
    /// first quadword is the address of the next.
    free_list: u64,
    /// The next frame that was never used.
    cursor: u64,
    total: u64,
    used: u64,
}

/// Frames in numbers.
#[derive(Clone, Copy)]
pub struct Statistics {
    pub total: u64,
    pub used: u64,
    pub free: u64,
}

#[unsafe(no_mangle)]
static FRAMES: IrqCell<Frames> = IrqCell::new(Frames { free_list: 0, cursor: 0, total: 0, used: 0 });

/// RAM that may be given out: above the first MiB, where firmware keeps things, and
/// above the kernel, which starts right there.
fn usable() -> impl Iterator<Item = (u64, u64)> {
    let info = boot_info::get();
    info.regions().iter().filter(|region| region.kind == RAM).filter_map(|region| {
        let start = region.base.max(info.kernel_end).next_multiple_of(PAGE);
        let end = region.base.saturating_add(region.size).min(DIRECT_MAP_SIZE) / PAGE * PAGE;
        (start < end).then_some((start, end))
    })
}

/// Counts the RAM. The loader's map must be in ascending order, as loaders give it.
pub fn init() {
    FRAMES.with(|frames| frames.total = usable().map(|(start, end)| (end - start) / PAGE).sum());
    log!("frames: {} of 4 KiB", statistics().total);
}

impl Frames {
    fn fresh(&mut self) -> Option<u64> {
        let modules = boot_info::get().modules();
        for (start, end) in usable() {
            let mut frame = self.cursor.max(start);
            while let Some(module) =
                modules.iter().find(|module| module.base < frame + PAGE && frame < module.base + module.size)
            {
                frame = (module.base + module.size).next_multiple_of(PAGE);
            }
            if frame < end {
                self.cursor = frame + PAGE;
                return Some(frame);
            }
        }
        None
    }
}

/// A frame with whatever is in it.
pub fn allocate() -> Result<u64, OutOfMemory> {
    FRAMES.with(|frames| {
        let frame = if frames.free_list != 0 {
            let frame = frames.free_list;
            // SAFETY: a free frame is nobody else's, and holds the next one's address.
            frames.free_list = unsafe { *direct::<u64>(frame) };
            frame
        } else {
            frames.fresh().ok_or(OutOfMemory)?
        };
        frames.used += 1;
        Ok(frame)
    })
}

/// A frame of zeros.
pub fn allocate_zeroed() -> Result<u64, OutOfMemory> {
    let frame = allocate()?;
    // SAFETY: the frame is ours, and the direct map reaches it.
    unsafe { direct::<u8>(frame).write_bytes(0, PAGE as usize) };
    Ok(frame)
}

/// Takes back a frame that `allocate` gave.
pub fn free(frame: u64) {
    debug_assert!(frame.is_multiple_of(PAGE) && frame < DIRECT_MAP_SIZE);
    FRAMES.with(|frames| {
        // SAFETY: the caller gave it up, so it is ours to write to.
        unsafe { *direct::<u64>(frame) = frames.free_list };
        frames.free_list = frame;
        frames.used -= 1;
    });
}

pub fn statistics() -> Statistics {
    FRAMES.with(|frames| Statistics {
        total: frames.total,
        used: frames.used,
        free: frames.total - frames.used,
    })
}
