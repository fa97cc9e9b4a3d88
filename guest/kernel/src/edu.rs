//! Driver for the educational PCI device (QEMU, docs/specs/edu): a register that inverts,
//! a factorial engine and a DMA engine, both of which interrupt when done.

use crate::address::PAGE;
use crate::frames;
use crate::irq_cell::IrqCell;
use crate::pci::{self, BUS_MASTER, INTERRUPT_DISABLE, MEMORY_SPACE};
use crate::task::{self, Channel};
use crate::{address, log, paging, pic, pit};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

const VENDOR: u16 = 0x1234;
const DEVICE: u16 = 0x11e8;
/// Where the registers go if nobody gave them a place.
const DEFAULT_BAR: u32 = 0xfea0_0000;
const REGISTERS: u64 = 1 << 20;

// Registers, from the start of BAR 0. Doublewords below 0x80, quadwords from there.
const ID: usize = 0x00;
const LIVENESS: usize = 0x04;
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;
const DMA_SOURCE: usize = 0x80;
const DMA_DESTINATION: usize = 0x88;
const DMA_COUNT: usize = 0x90;
const DMA_COMMAND: usize = 0x98;

/// STATUS: raise an interrupt when the factorial is there.
const FACTORIAL_INTERRUPT: u32 = 1 << 7;
/// DMA_COMMAND: start; from the device to memory; interrupt when done.
const DMA_START: u64 = 1 << 0;
const DMA_TO_MEMORY: u64 = 1 << 1;
const DMA_INTERRUPT: u64 = 1 << 2;
/// INTERRUPT_STATUS bits that the device itself sets.
const FACTORIAL_DONE: u32 = 1 << 0;
const DMA_DONE: u32 = 1 << 8;
/// The device's buffer, seen from its DMA engine.
const BUFFER: u64 = 0x4_0000;
/// The engine drives 28 address lines.
const DMA_LIMIT: u64 = 1 << 28;

/// Long enough for a device that takes its time.
const TIMEOUT: u64 = 3 * pit::HZ;

#[derive(Clone, Copy)]
struct Device {
    registers: *mut u8,
    line: u8,
}

static DEVICE_STATE: IrqCell<Option<Device>> = IrqCell::new(None);
/// Interrupt status bits seen by the handler and not yet by who waits for them.
static PENDING: AtomicU32 = AtomicU32::new(0);

/// Why the device did not do its work.
#[derive(Clone, Copy)]
pub enum Error {
    Absent,
    OutOfMemory,
    Timeout,
    BufferTooHigh,
    Wrong(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no educational device"),
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::Timeout => f.write_str("no interrupt came"),
            Self::BufferTooHigh => f.write_str("no memory within the device's reach"),
            Self::Wrong(what) => write!(f, "{what} is wrong"),
        }
    }
}

impl Device {
    fn read32(self, register: usize) -> u32 {
        // SAFETY: `init` mapped the registers; a device register is volatile memory.
        unsafe { self.registers.add(register).cast::<u32>().read_volatile() }
    }

    fn write32(self, register: usize, value: u32) {
        // SAFETY: as above.
        unsafe { self.registers.add(register).cast::<u32>().write_volatile(value) }
    }

    fn write64(self, register: usize, value: u64) {
        // SAFETY: as above.
        unsafe { self.registers.add(register).cast::<u64>().write_volatile(value) }
    }
}

/// Finds the device and makes it ready.
pub fn init() {
    let Some(function) = pci::find(VENDOR, DEVICE) else {
        log!("edu: not present");
        return;
    };
    let mut base = function.bars[0].base;
    if base == 0 {
        function.address.set_bar(0, DEFAULT_BAR);
        base = DEFAULT_BAR.into();
    }
    function.address.command(MEMORY_SPACE | BUS_MASTER, INTERRUPT_DISABLE);
    let Some(line) = function.address.interrupt_line() else {
        log!("edu: no interrupt line");
        return;
    };
    let Ok(registers) = paging::map_device(base, REGISTERS) else {
        log!("edu: out of memory");
        return;
    };
    let device = Device { registers, line };
    let id = device.read32(ID);
    if id as u8 != 0xed {
        log!("edu: identification {id:#010x} is not an edu's");
        return;
    }
    device.write32(ACKNOWLEDGE, u32::MAX);
    DEVICE_STATE.with(|state| *state = Some(device));
    pic::set_level_triggered(line);
    pic::set_handler(line, interrupt);
    log!(
        "edu: {} version {}.{}, registers at {base:#x}, irq {line}",
        function.address,
        id >> 24,
        id >> 16 & 0xff
    );
}

/// The acknowledgement takes the level away; without it the line would fire for ever.
fn interrupt() {
    let Some(device) = DEVICE_STATE.with(|state| *state) else {
        return;
    };
    let status = device.read32(INTERRUPT_STATUS);
    if status != 0 {
        device.write32(ACKNOWLEDGE, status);
        PENDING.fetch_or(status, Ordering::Relaxed);
        task::wake(Channel::Edu);
    }
}

fn device() -> Result<Device, Error> {
    DEVICE_STATE.with(|state| *state).ok_or(Error::Absent)
}

/// Sleeps until one of `bits` was signalled, and takes it.
fn wait_for(bits: u32) -> Result<(), Error> {
    let deadline = pit::ticks() + TIMEOUT;
    let signalled = || PENDING.load(Ordering::Relaxed) & bits != 0;
    if !task::wait_while_until(Channel::Edu, deadline, || !signalled()) {
        return Err(Error::Timeout);
    }
    PENDING.fetch_and(!bits, Ordering::Relaxed);
    Ok(())
}

/// The identification register and the interrupt line.
pub fn identification() -> Result<(u32, u8), Error> {
    let device = device()?;
    Ok((device.read32(ID), device.line))
}

/// Writes a value; the device must answer with its complement.
pub fn liveness(value: u32) -> Result<u32, Error> {
    let device = device()?;
    device.write32(LIVENESS, value);
    let answer = device.read32(LIVENESS);
    if answer == !value { Ok(answer) } else { Err(Error::Wrong("liveness")) }
}

/// n! modulo 2^32, computed by the device.
pub fn factorial(n: u32) -> Result<u32, Error> {
    let device = device()?;
    device.write32(STATUS, FACTORIAL_INTERRUPT);
    device.write32(FACTORIAL, n);
    wait_for(FACTORIAL_DONE)?;
    device.write32(STATUS, 0);
    let expected = (1..=n).fold(1_u32, u32::wrapping_mul);
    let result = device.read32(FACTORIAL);
    if result == expected { Ok(result) } else { Err(Error::Wrong("factorial")) }
}

/// Has the device raise an interrupt with these status bits.
pub fn raise(bits: u32) -> Result<(), Error> {
    device()?.write32(RAISE, bits);
    wait_for(bits)
}

fn transfer(device: Device, source: u64, destination: u64, count: u64, direction: u64) -> Result<(), Error> {
    device.write64(DMA_SOURCE, source);
    device.write64(DMA_DESTINATION, destination);
    device.write64(DMA_COUNT, count);
    device.write64(DMA_COMMAND, DMA_START | DMA_INTERRUPT | direction);
    wait_for(DMA_DONE)
}

/// Sends half a page to the device, gets it back into the other half, and compares.
/// Returns the bytes that went each way.
pub fn dma_round_trip() -> Result<usize, Error> {
    let device = device()?;
    let frame = frames::allocate_zeroed().map_err(|_| Error::OutOfMemory)?;
    let result = round_trip_in(device, frame);
    // A transfer that never ended could still come: then the frame is not free.
    if !matches!(result, Err(Error::Timeout)) {
        frames::free(frame);
    }
    result
}

fn round_trip_in(device: Device, frame: u64) -> Result<usize, Error> {
    const HALF: usize = PAGE as usize / 2;
    if frame + PAGE > DMA_LIMIT {
        return Err(Error::BufferTooHigh);
    }
    // SAFETY: the frame is ours. The device writes to it too, so it is read afresh below.
    let sent = unsafe { core::slice::from_raw_parts_mut(address::direct::<u8>(frame), HALF) };
    for (index, byte) in sent.iter_mut().enumerate() {
        *byte = (index * 7 + 3) as u8;
    }
    transfer(device, frame, BUFFER, HALF as u64, 0)?;
    transfer(device, BUFFER, frame + HALF as u64, HALF as u64, DMA_TO_MEMORY)?;
    for (index, &byte) in sent.iter().enumerate() {
        // SAFETY: as above.
        let back = unsafe { address::direct::<u8>(frame).add(HALF + index).read_volatile() };
        if back != byte {
            return Err(Error::Wrong("the data that came back"));
        }
    }
    Ok(HALF)
}
