//! IDebugRegisters.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use std::ffi::{c_char, c_void};

use windows_core::{HRESULT, IUnknown, interface};

use super::{Client_Impl, E_INVALIDARG, E_NOTIMPL};
use crate::command::Command;
use crate::edge::{Out, input, room, text};

#[interface("ce289126-9e84-45a7-937e-67bb18691493")]
/// Slots 3 to 13.
pub unsafe trait IDebugRegisters: IUnknown {
    pub fn GetNumberRegisters(&self, number: *mut u32) -> HRESULT;
    pub fn GetDescription(
        &self,
        register: u32,
        name: *mut c_char,
        size: u32,
        name_size: *mut u32,
        description: *mut c_void,
    ) -> HRESULT;
    pub fn GetIndexByName(&self, name: *const c_char, index: *mut u32) -> HRESULT;
    pub fn GetValue(&self, register: u32, value: *mut c_void) -> HRESULT;
    pub fn SetValue(&self, register: u32, value: *const [u8; 32]) -> HRESULT;
    pub fn GetValues(&self, count: u32, indices: *const u32, start: u32, values: *mut c_void) -> HRESULT;
    pub fn SetValues(&self, count: u32, indices: *const u32, start: u32, values: *const [u8; 32]) -> HRESULT;
    pub fn OutputRegisters(&self) -> HRESULT;
    pub fn GetInstructionOffset(&self, offset: *mut u64) -> HRESULT;
    pub fn GetStackOffset(&self, offset: *mut u64) -> HRESULT;
    pub fn GetFrameOffset(&self, offset: *mut u64) -> HRESULT;
}

#[interface("1656afa9-19c6-4e3a-97e7-5dc9160cf9c4")]
/// Slots 14 to 28.
pub unsafe trait IDebugRegisters2: IDebugRegisters {
    pub fn GetDescriptionWide(&self) -> HRESULT;
    pub fn GetIndexByNameWide(&self) -> HRESULT;
    pub fn GetNumberPseudoRegisters(&self) -> HRESULT;
    pub fn GetPseudoDescription(&self) -> HRESULT;
    pub fn GetPseudoDescriptionWide(&self) -> HRESULT;
    pub fn GetPseudoIndexByName(&self) -> HRESULT;
    pub fn GetPseudoIndexByNameWide(&self) -> HRESULT;
    pub fn GetPseudoValues(&self) -> HRESULT;
    pub fn SetPseudoValues(&self) -> HRESULT;
    pub fn GetValues2(&self) -> HRESULT;
    pub fn SetValues2(&self) -> HRESULT;
    pub fn OutputRegisters2(&self) -> HRESULT;
    pub fn GetInstructionOffset2(&self) -> HRESULT;
    pub fn GetStackOffset2(&self) -> HRESULT;
    pub fn GetFrameOffset2(&self) -> HRESULT;
}

impl IDebugRegisters_Impl for Client_Impl {
    methods! {
        GetNumberRegisters(number: *mut u32)
            = GetNumberRegisters {}
            => [Out::NeedU32(number)];
        GetDescription(register: u32, name: *mut c_char, size: u32, name_size: *mut u32, description: *mut c_void)
            = GetDescription { register, name: room(name, size) }
            => [Out::Bytes(name.cast()), Out::U32(name_size), Out::Bytes(description)];
    }

    unsafe fn GetIndexByName(&self, name: *const c_char, index: *mut u32) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let Some(name) = text(name) else { return E_INVALIDARG };
            self.shared.call(Command::GetIndexByName { name }, &[Out::NeedU32(index)])
        }
    }

    methods! {
        GetValue(register: u32, value: *mut c_void)
            = GetValue { register }
            => [Out::NeedBytes(value)];
    }

    unsafe fn SetValue(&self, register: u32, value: *const [u8; 32]) -> HRESULT {
        if value.is_null() {
            return E_INVALIDARG;
        }
        // SAFETY: a COM client vouches for its pointers.
        unsafe { self.shared.call(Command::SetValue { register, value: value.read_unaligned() }, &[]) }
    }

    methods! {
        GetValues(count: u32, indices: *const u32, start: u32, values: *mut c_void)
            = GetValues { count, indices: input(indices, count), start }
            => [Out::NeedBytes(values)];
        SetValues(count: u32, indices: *const u32, start: u32, values: *const [u8; 32])
            = SetValues { indices: input(indices, count), start, values: input(values, count) }
            => [];
    }

    not_implemented! {
        OutputRegisters
    }

    methods! {
        GetInstructionOffset(offset: *mut u64)
            = GetInstructionOffset {}
            => [Out::NeedU64(offset)];
        GetStackOffset(offset: *mut u64)
            = GetStackOffset {}
            => [Out::NeedU64(offset)];
        GetFrameOffset(offset: *mut u64)
            = GetFrameOffset {}
            => [Out::NeedU64(offset)];
    }
}

impl IDebugRegisters2_Impl for Client_Impl {
    not_implemented! {
        GetDescriptionWide GetIndexByNameWide GetNumberPseudoRegisters GetPseudoDescription
        GetPseudoDescriptionWide GetPseudoIndexByName GetPseudoIndexByNameWide GetPseudoValues
        SetPseudoValues GetValues2 SetValues2 OutputRegisters2 GetInstructionOffset2 GetStackOffset2
        GetFrameOffset2
    }
}
