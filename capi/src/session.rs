//! Making a machine, letting it run, and what it says.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use ringhold::boot::{self, Image, Images};
use ringhold::debugapi::command::{Command, Event};
use ringhold::debugapi::edge::{Out, data, room, text};
use ringhold::debugapi::{Execute, Host, Session};
use ringhold::{Config, Machine};

use crate::{E_INVALIDARG, HRESULT, S_OK, call};

/// E_FAIL
const E_FAIL: HRESULT = 0x8000_4005_u32 as i32;
/// `DEBUG_CDS_DATA`
const DATA: u32 = 2;

/// A machine on a thread of its own, and a debugger's session over it.
pub struct RingholdSession {
    target: Arc<dyn Execute>,
    /// Writes that were not asked for yet, by the number of their data space.
    changes: Mutex<Vec<u32>>,
    /// Ends the thread.
    host: Option<Host<Machine>>,
}

impl RingholdSession {
    /// A session over any target. It is freed by [`ringhold_destroy`].
    pub fn over(target: Arc<dyn Execute>) -> *mut Self {
        Box::into_raw(Box::new(Self { target, changes: Mutex::default(), host: None }))
    }

    pub(crate) fn target(&self) -> &dyn Execute {
        self.target.as_ref()
    }

    /// Keeps what the client may want to know of events.
    pub(crate) fn note(&self, events: Vec<Event>) {
        let changed = events.into_iter().filter_map(|event| match event {
            Event::ChangeDebuggeeState { flags: DATA, argument } => u32::try_from(argument).ok(),
            _ => None,
        });
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).extend(changed);
    }
}

/// Makes a machine from a config in RON, with a kernel image from memory unless it is null, and
/// attaches to it; it has executed nothing. `error`, unless null, gets the reason of a failure.
/// `*session` must be given to `ringhold_destroy` in the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_create(
    config: *const c_char,
    kernel: *const c_void,
    kernel_size: u64,
    session: *mut *mut RingholdSession,
    error: *mut c_char,
    error_size: u64,
) -> HRESULT {
    if session.is_null() {
        return E_INVALIDARG;
    }
    // SAFETY: a C client vouches for its pointers.
    let (config, kernel) = unsafe {
        session.write(std::ptr::null_mut());
        let Some(config) = text(config) else { return E_INVALIDARG };
        // An image is not a transfer of a session, so its size has no other limit than memory.
        let bytes = NonNull::new(kernel.cast_mut().cast::<u8>())
            .zip(usize::try_from(kernel_size).ok())
            .map(|(bytes, size)| std::slice::from_raw_parts(bytes.as_ptr(), size).to_vec());
        (config.0, bytes)
    };
    match host(&config, kernel) {
        Ok(host) => {
            let target: Arc<dyn Execute> = Arc::new(host.handle());
            let made = RingholdSession { target, changes: Mutex::default(), host: Some(host) };
            // SAFETY: the place was looked at above.
            unsafe { session.write(Box::into_raw(Box::new(made))) };
            S_OK
        }
        Err(reason) => {
            // SAFETY: a C client vouches for its pointers.
            unsafe { say(&reason, error, error_size) };
            E_FAIL
        }
    }
}

fn host(config: &str, kernel: Option<Vec<u8>>) -> Result<Host<Machine>, String> {
    let config = Config::from_ron(config, "config").map_err(|error| error.to_string())?;
    let images = match kernel {
        Some(bytes) => Images { kernel: Some(Image::new("kernel", bytes)), ..Images::default() },
        None => Images::read(&config).map_err(|error| error.to_string())?,
    };
    let mut session = Session::new();
    session.set_modules(boot::modules(&images));
    let machine = Machine::with_images(config, &images).map_err(|error| error.to_string())?;
    Host::new(machine, session).map_err(|error| error.to_string())
}

/// Puts text and a zero byte where they fit.
///
/// # Safety
/// `to` is null or has `size` bytes.
unsafe fn say(text: &str, to: *mut c_char, size: u64) {
    let Some(room) = usize::try_from(size).ok().and_then(|size| size.checked_sub(1)) else { return };
    if to.is_null() {
        return;
    }
    let len = text.len().min(room);
    // SAFETY: the caller vouches for the place, and `len` leaves room for the zero byte.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast::<u8>(), len);
        to.add(len).write(0);
    }
}

/// Ends a session and its machine; nothing for null.
/// No other function may run on it then, and none be called afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_destroy(session: *mut RingholdSession) {
    if session.is_null() {
        return;
    }
    // SAFETY: the session was made by `Box::into_raw`, and the caller gives it up.
    let session = unsafe { Box::from_raw(session) };
    if let Some(host) = session.host {
        host.leave();
    }
}

/// Runs so many instructions, unless something stops the machine before. `why`: 0 the count was
/// reached, 1 the guest wrote `value` to its exit device, 2 power off, 3 reset, 4 triple fault, 5
/// halted for good, 6 livelock, 7 breakpoint, 8 watched access, 9 interrupted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_run(
    session: *const RingholdSession,
    instructions: u64,
    why: *mut u32,
    value: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::Run { instructions }, &[Out::U32(why), Out::U32(value)]) }
}

/// How far the machine has come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_clock(
    session: *const RingholdSession,
    instructions: *mut u64,
    nanoseconds: *mut u64,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetClock {}, &[Out::U64(instructions), Out::U64(nanoseconds)]) }
}

/// The digest of everything that the machine's future depends on: 16 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_get_state_hash(
    session: *const RingholdSession,
    hash: *mut c_void,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe { call(session, Command::GetStateHash {}, &[Out::NeedBytes(hash)]) }
}

/// Takes what a device has sent, as far as there is room; E_NOINTERFACE if there is none of this
/// name. What did not fit is there at the next call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_take_output(
    session: *const RingholdSession,
    device: *const c_char,
    buffer: *mut c_void,
    size: u32,
    count: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(device) = text(device) else { return E_INVALIDARG };
        let command = Command::TakeOutput { device, buffer: room(buffer, size) };
        call(session, command, &[Out::Bytes(buffer), Out::U32(count)])
    }
}

/// Hands bytes to a device, as from its other end; E_NOINTERFACE if there is none of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_input(
    session: *const RingholdSession,
    device: *const c_char,
    bytes: *const c_void,
    size: u32,
) -> HRESULT {
    // SAFETY: a C client vouches for its pointers.
    unsafe {
        let Some(device) = text(device) else { return E_INVALIDARG };
        call(session, Command::Input { device, bytes: data(bytes, size) }, &[])
    }
}

/// Takes the numbers of the data spaces that were written since the last call, one for each
/// successful write, as far as there is room (`DEBUG_DATA_SPACE_*`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringhold_take_changes(
    session: *const RingholdSession,
    spaces: *mut u32,
    size: u32,
    count: *mut u32,
) -> HRESULT {
    // SAFETY: a C client vouches for the session.
    let Some(session) = (unsafe { session.as_ref() }) else { return E_INVALIDARG };
    if spaces.is_null() && size > 0 {
        return E_INVALIDARG;
    }
    let mut changes = session.changes.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = changes.len().min(size as usize);
    for (at, space) in changes.drain(..taken).enumerate() {
        // SAFETY: a C client vouches for `size` elements.
        unsafe { spaces.add(at).write_unaligned(space) };
    }
    if let Some(mut count) = NonNull::new(count) {
        // SAFETY: a C client vouches for its pointers.
        unsafe { *count.as_mut() = taken as u32 };
    }
    S_OK
}
