//! Output, ControlledOutput and OutputPrompt, and their wide forms, take as many arguments as their
//! format asks for.
//!
//! Rust's own functions cannot. So these are written without a prologue: they lay out what the
//! System V ABI calls a `va_list` (psABI for x86-64, 3.5.7), and hand it to the methods ending in
//! VaList, which get theirs from the caller otherwise.

use std::arch::naked_asm;
use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use windows_core::{HRESULT, Interface};

use super::{E_INVALIDARG, IDebugClient5, IDebugControl4, IDebugControl4_Vtbl, Shared};
use crate::command::{Command, Room, Text};
use crate::printf::{self, Arguments};

/// The bytes of the general registers in the save area, and of all of it.
const GENERAL: u32 = 6 * 8;
const ALL: u32 = GENERAL + 8 * 16;

/// `va_list`: how far the arguments have been taken, from the registers saved and from the stack.
#[repr(C)]
pub(super) struct VaList {
    general: u32,
    floating: u32,
    stack: *const u64,
    saved: *const u8,
}

impl VaList {
    /// The next word of the stack.
    ///
    /// # Safety
    /// The caller of the method has put so many arguments there.
    unsafe fn on_stack(&mut self) -> u64 {
        // SAFETY: as above.
        unsafe {
            let value = self.stack.read_unaligned();
            self.stack = self.stack.add(1);
            value
        }
    }

    /// A word of the save area.
    ///
    /// # Safety
    /// The offset lies within it.
    unsafe fn saved(&self, offset: u32) -> u64 {
        // SAFETY: the caller vouches for the offset.
        unsafe { self.saved.add(offset as usize).cast::<u64>().read_unaligned() }
    }
}

/// The arguments of a call, and the target for texts that lie there.
struct Given<'a> {
    list: &'a mut VaList,
    shared: &'a Shared,
    characters: Characters,
}

impl Arguments for Given<'_> {
    fn wide_format(&self) -> bool {
        self.characters == Characters::Wide
    }

    fn integer(&mut self) -> u64 {
        let list = &mut *self.list;
        // SAFETY: the client vouches that its arguments are those of the format.
        unsafe {
            if list.general >= GENERAL {
                return list.on_stack();
            }
            list.general += 8;
            list.saved(list.general - 8)
        }
    }

    fn double(&mut self) -> f64 {
        let list = &mut *self.list;
        // SAFETY: the client vouches that its arguments are those of the format.
        f64::from_bits(unsafe {
            if list.floating >= ALL {
                return f64::from_bits(list.on_stack());
            }
            list.floating += 16;
            list.saved(list.floating - 16)
        })
    }

    fn text(&mut self, address: u64, wide: bool, most: Option<usize>) -> String {
        let most = most.unwrap_or(usize::MAX);
        let (narrow, units) = (address as *const u8, address as *const u16);
        // SAFETY: the client vouches for the text, which ends with a zero or has so many
        // characters.
        unsafe {
            if wide {
                let length = (0..most).take_while(|at| units.add(*at).read_unaligned() != 0).count();
                let units: Vec<u16> = (0..length).map(|at| units.add(at).read_unaligned()).collect();
                return String::from_utf16_lossy(&units);
            }
            let length = (0..most).take_while(|at| *narrow.add(*at) != 0).count();
            String::from_utf8_lossy(std::slice::from_raw_parts(narrow, length)).into_owned()
        }
    }

    fn target_text(&mut self, offset: u64, wide: bool) -> Option<String> {
        const MOST: u32 = 4096;
        let buffer = Room::of(MOST.into());
        let command = match wide {
            true => Command::ReadUnicodeStringVirtual { offset, max_bytes: MOST, code_page: 65001, buffer },
            false => Command::ReadMultiByteStringVirtual { offset, max_bytes: MOST, buffer },
        };
        let reply = self.shared.target.execute(command);
        let text = String::from_utf8_lossy(reply.bytes()).replace('\0', "");
        reply.hresult.is_success().then_some(text)
    }
}

/// Of what a format is made: it says what a plain `%s` and `%c` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Characters {
    Narrow,
    Wide,
}

/// What a format and its arguments say; E_INVALIDARG without one, and for a conversion that is not
/// known.
///
/// # Safety
/// The arguments are those that the format asks for.
pub(super) unsafe fn formatted(
    shared: &Shared,
    format: Option<Text>,
    characters: Characters,
    arguments: *mut c_void,
) -> Result<Text, HRESULT> {
    let Some(Text(format)) = format else { return Err(E_INVALIDARG) };
    // SAFETY: the caller vouches for the list.
    let list = unsafe { arguments.cast::<VaList>().as_mut() };
    let mut none =
        VaList { general: GENERAL, floating: ALL, stack: std::ptr::null(), saved: std::ptr::null() };
    // Without a list there must be nothing to take from it.
    if list.is_none() && format.replace("%%", "").contains('%') {
        return Err(E_INVALIDARG);
    }
    let mut given = Given { list: list.unwrap_or(&mut none), shared, characters };
    printf::print(&format, &mut given).map(Text).map_err(|_| E_INVALIDARG)
}

/// The body of a method whose first arguments are `$fixed` in number, itself included: it saves the
/// registers of arguments, makes a `va_list` of them and calls the method at `$slot` of the same
/// object, which takes one behind the fixed arguments, in the register `$list`.
macro_rules! with_list {
    ($fixed:literal, $list:literal, $slot:literal) => {
        naked_asm!(
            // The return address makes it an odd number of words.
            "sub rsp, 216",
            "mov [rsp + 32], rdi",
            "mov [rsp + 40], rsi",
            "mov [rsp + 48], rdx",
            "mov [rsp + 56], rcx",
            "mov [rsp + 64], r8",
            "mov [rsp + 72], r9",
            "movaps [rsp + 80], xmm0",
            "movaps [rsp + 96], xmm1",
            "movaps [rsp + 112], xmm2",
            "movaps [rsp + 128], xmm3",
            "movaps [rsp + 144], xmm4",
            "movaps [rsp + 160], xmm5",
            "movaps [rsp + 176], xmm6",
            "movaps [rsp + 192], xmm7",
            concat!("mov dword ptr [rsp], 8 * ", $fixed),
            "mov dword ptr [rsp + 4], 48",
            "lea rax, [rsp + 224]",
            "mov [rsp + 8], rax",
            "lea rax, [rsp + 32]",
            "mov [rsp + 16], rax",
            concat!("mov ", $list, ", rsp"),
            // An interface pointer leads to the pointer to its table.
            "mov rax, [rdi]",
            concat!("call qword ptr [rax + 8 * ", $slot, "]"),
            "add rsp, 216",
            "ret",
        )
    };
}

/// # Safety
/// `this` is an IDebugControl4; the arguments are those that the format asks for.
#[unsafe(naked)]
unsafe extern "system" fn output(this: *mut c_void, mask: u32, format: *const c_char) -> HRESULT {
    with_list!("3", "rcx", "15")
}

/// # Safety
/// `this` is an IDebugControl4; the arguments are those that the format asks for.
#[unsafe(naked)]
unsafe extern "system" fn controlled_output(
    this: *mut c_void,
    who: u32,
    mask: u32,
    format: *const c_char,
) -> HRESULT {
    with_list!("4", "r8", "17")
}

/// # Safety
/// `this` is an IDebugControl4; the arguments are those that the format asks for.
#[unsafe(naked)]
unsafe extern "system" fn output_prompt(this: *mut c_void, who: u32, format: *const c_char) -> HRESULT {
    with_list!("3", "rcx", "19")
}

/// # Safety
/// `this` is an IDebugControl4; the arguments are those that the format asks for.
#[unsafe(naked)]
unsafe extern "system" fn output_wide(this: *mut c_void, mask: u32, format: *const u16) -> HRESULT {
    with_list!("3", "rcx", "121")
}

/// # Safety
/// `this` is an IDebugControl4; the arguments are those that the format asks for.
#[unsafe(naked)]
unsafe extern "system" fn controlled_output_wide(
    this: *mut c_void,
    who: u32,
    mask: u32,
    format: *const u16,
) -> HRESULT {
    with_list!("4", "r8", "123")
}

/// # Safety
/// `this` is an IDebugControl4; the arguments are those that the format asks for.
#[unsafe(naked)]
unsafe extern "system" fn output_prompt_wide(this: *mut c_void, who: u32, format: *const u16) -> HRESULT {
    with_list!("3", "rcx", "125")
}

/// Gives a new client the methods of this file. Its table of functions is replaced by a copy that
/// has them, because the one that Rust made can have none of open length.
pub(super) fn install(client: &IDebugClient5) {
    static METHODS: OnceLock<IDebugControl4_Vtbl> = OnceLock::new();
    let Ok(control) = client.cast::<IDebugControl4>() else { return };
    let place = control.as_raw().cast::<*const IDebugControl4_Vtbl>();
    // SAFETY: an interface pointer leads to the pointer to its table. Nobody else has seen the
    // object yet, and all objects of the kind have the same table.
    unsafe {
        let original = *place;
        let methods = METHODS.get_or_init(|| {
            let mut table = std::ptr::read(original);
            table.OutputWide = output_wide;
            table.ControlledOutputWide = controlled_output_wide;
            table.OutputPromptWide = output_prompt_wide;
            let first = &mut table.base__.base__.base__;
            first.Output = output;
            first.ControlledOutput = controlled_output;
            first.OutputPrompt = output_prompt;
            table
        });
        place.write(methods);
    }
}
